#include "spike_alert.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "json.h"

static const char *const levels[] = { "low", "medium", "high" };
static const char *const kinds_zh[KEY_KINDS] = { "", "商品", "活动", "品类", "品牌", "属性", "" };

static void put(struct buf *to, const char *s)
{
	buf_bytes(to, s, strlen(s));
}

__attribute__((format(printf, 2, 3))) static void putf(struct buf *to, const char *format, ...)
{
	char s[160];
	va_list args;
	va_start(args, format);
	int n = vsnprintf(s, sizeof(s), format, args);
	va_end(args);
	buf_bytes(to, s, n < 0 ? 0 : (size_t)n < sizeof(s) ? (size_t)n
							   : sizeof(s) - 1);
}

static struct text text_in(const struct buf *b)
{
	return (struct text){ b->data ? (const char *)b->data : "", (uint32_t)b->size };
}

static void percent(struct buf *to, double share, const char *sign)
{
	double p = 100 * share;
	putf(to, p > 0 && p < 1 ? "%.1f%s" : "%.0f%s", p, sign);
}

/* "7 days", "36 hours", "90 minutes": the greatest unit that is whole, days from two on. */
static void span(struct buf *to, int64_t ms, const char *const units[3], const char *plural)
{
	int64_t minute = 60000, hour = 60 * minute, day = 24 * hour;
	int unit = ms % day == 0 && ms >= 2 * day ? 0 : ms % hour == 0 ? 1
								       : 2;
	int64_t n = ms / (unit == 0 ? day : unit == 1 ? hour
						      : minute);
	putf(to, "%lld %s%s", (long long)n, units[unit], n == 1 ? "" : plural);
}

/* What the window's words are, as far as they are from it. */
struct quoted {
	struct text aspect; /* size 0: none stands out */
	int64_t aspect_k;
	struct text excerpts[WORDS_EXCERPTS];
	int n;
};

/* An aspect stands out when two negative reviews and a quarter of all complain of it. Days are whole: of a short window those of its day count. */
static struct quoted quote(const struct symbols *symbols, const struct spike_alert *a)
{
	struct quoted q = { .aspect = TEXT("") };
	symbol_t aspect = spike_words_aspect(a->words, symbols, pane_of(a->first_ts, 24 * 3600 * 1000), &q.aspect_k);
	if (!a->raised || !aspect || q.aspect_k < 2 || 4 * q.aspect_k < a->evidence.k)
		q.aspect_k = 0;
	else
		q.aspect = symbols_text(symbols, aspect);
	if (q.aspect_k > a->evidence.k)
		q.aspect_k = a->evidence.k;
	for (int i = 0; a->raised && i < WORDS_EXCERPTS && a->words->excerpts[i].text && a->words->excerpts[i].pane >= a->first_pane; i++)
		q.excerpts[q.n++] = (struct text){ a->words->excerpts[i].text, a->words->excerpts[i].size };
	return q;
}

static void quotes(struct buf *to, const struct quoted *q, const char *before, const char *open, const char *close, const char *between)
{
	for (int i = 0; i < q->n; i++) {
		put(to, i ? between : before);
		put(to, open);
		buf_bytes(to, q->excerpts[i].data, q->excerpts[i].size);
		put(to, close);
	}
}

static void sentence_en(struct buf *to, struct text id, uint8_t kind, const struct spike_alert *a, const struct quoted *q)
{
	static const char *const units[3] = { "day", "hour", "minute" };
	const struct spike_evidence *e = &a->evidence;
	put(to, "Negative reviews of ");
	if (kind == KEY_ALL) {
		put(to, "the whole shop");
	} else {
		put(to, key_kind_names[kind]);
		put(to, " ");
		buf_bytes(to, id.data, id.size);
	}
	put(to, a->raised ? " are up: " : " are back to normal: ");
	if (!e->n) {
		put(to, "no reviews in the last ");
		span(to, a->window_ms, units, "s");
	} else {
		putf(to, "%lld of %lld in the last ", (long long)e->k, (long long)e->n);
		span(to, a->window_ms, units, "s");
		put(to, " (");
		percent(to, (double)e->k / (double)e->n, " %)");
	}
	if (q->aspect_k) {
		putf(to, ", %lld of them about ", (long long)q->aspect_k);
		buf_bytes(to, q->aspect.data, q->aspect.size);
	}
	put(to, ", ");
	percent(to, e->expected, " % expected");
	quotes(to, q, ": ", "\"", "\"", ", ");
	put(to, ".");
}

static void sentence_zh(struct buf *to, struct text id, uint8_t kind, const struct spike_alert *a, const struct quoted *q)
{
	static const char *const units[3] = { "天", "小时", "分钟" };
	const struct spike_evidence *e = &a->evidence;
	if (kind == KEY_ALL) {
		put(to, "全店");
	} else {
		put(to, kinds_zh[kind]);
		put(to, " ");
		buf_bytes(to, id.data, id.size);
		put(to, " ");
	}
	put(to, a->raised ? "的差评增多：最近 " : "的差评已恢复正常：最近 ");
	span(to, a->window_ms, units, "");
	if (!e->n) {
		put(to, "没有评论");
	} else {
		putf(to, "的 %lld 条评论中有 %lld 条差评（", (long long)e->n, (long long)e->k);
		percent(to, (double)e->k / (double)e->n, "%）");
	}
	if (q->aspect_k) {
		putf(to, "，其中 %lld 条涉及 ", (long long)q->aspect_k);
		buf_bytes(to, q->aspect.data, q->aspect.size);
	}
	put(to, "，正常约为 ");
	percent(to, e->expected, "%");
	quotes(to, q, "：", "“", "”", "、");
	put(to, "。");
}

void spike_alert(struct item_ctx *ctx, const struct spike_alert *a)
{
	const struct spike_evidence *e = &a->evidence;
	struct text id = symbols_text(ctx->symbols, ctx->key.id);
	struct quoted quoted = quote(ctx->symbols, a);
	struct buf words = { 0 }, json = { 0 };
	json_open(&json, '{');
	json_name(&json, "v");
	json_i64(&json, 1);
	json_name(&json, "id");
	put(&words, "negative_spike:");
	size_t scope_at = words.size;
	put(&words, key_kind_names[ctx->key.kind]);
	if (ctx->key.kind != KEY_ALL) {
		put(&words, ":");
		buf_bytes(&words, id.data, id.size);
	}
	size_t scope_size = words.size - scope_at;
	putf(&words, ":%lld", (long long)a->raised_pane);
	json_text(&json, text_in(&words));
	json_name(&json, "kind");
	json_text(&json, TEXT("negative_spike"));
	json_name(&json, "scope");
	json_text(&json, (struct text){ (const char *)words.data + scope_at, (uint32_t)scope_size });
	json_name(&json, "severity");
	json_text(&json, text_of(levels[a->level]));
	json_name(&json, "state");
	json_text(&json, a->raised ? TEXT("raised") : TEXT("resolved"));
	json_name(&json, "ts");
	json_i64(&json, a->ts);
	json_name(&json, "raised_ts");
	json_i64(&json, a->raised_ts);
	json_name(&json, "value");
	json_double(&json, e->n ? (double)e->k / (double)e->n : 0);
	json_name(&json, "expected");
	json_double(&json, e->expected);
	json_name(&json, "window");
	json_i64(&json, a->window_ms);
	json_name(&json, "evidence");
	json_open(&json, '{');
	json_name(&json, "n");
	json_i64(&json, e->n);
	json_name(&json, "k");
	json_i64(&json, e->k);
	json_name(&json, "p_value");
	json_double(&json, e->p_value);
	json_name(&json, "wilson_low");
	json_double(&json, e->wilson_low);
	json_name(&json, "ratio");
	json_double(&json, e->n ? (double)e->k / (double)e->n / e->expected : 0);
	json_name(&json, "baseline_n");
	json_double(&json, e->baseline_n);
	json_name(&json, "baseline_k");
	json_double(&json, e->baseline_k);
	json_name(&json, "aspect");
	json_text(&json, quoted.aspect);
	json_name(&json, "aspect_k");
	json_i64(&json, quoted.aspect_k);
	json_name(&json, "excerpts");
	json_open(&json, '[');
	for (int i = 0; i < quoted.n; i++)
		json_text(&json, quoted.excerpts[i]);
	json_close(&json, ']');
	json_close(&json, '}');
	buf_clear(&words);
	sentence_en(&words, id, ctx->key.kind, a, &quoted);
	json_name(&json, "text_en");
	json_text(&json, text_in(&words));
	buf_clear(&words);
	sentence_zh(&words, id, ctx->key.kind, a, &quoted);
	json_name(&json, "text_zh");
	json_text(&json, text_in(&words));
	json_close(&json, '}');
	emit_alert(ctx, text_in(&json));
	buf_done(&json);
	buf_done(&words);
}
