#include "spike_alert.h"

#include "alert.h"
#include "json.h"

static const char *const kinds_zh[KEY_KINDS] = { "", "商品", "活动", "品类", "品牌", "属性", "" };

/* The aspects that are shipped; a shop's own list has its own words. */
static const char *const aspects_zh[][2] = { { "fit", "版型" }, { "size", "尺码" }, { "fabric", "面料" }, { "colour", "颜色" }, { "quality", "质量" }, { "price", "价格" },
	{ "delivery", "物流" }, { "service", "服务" } };

static struct text in_chinese(struct text aspect)
{
	for (size_t i = 0; i < sizeof(aspects_zh) / sizeof(aspects_zh[0]); i++)
		if (text_equal(aspect, text_of(aspects_zh[i][0])))
			return text_of(aspects_zh[i][1]);
	return aspect;
}

/* What the reviews that were counted say, as far as it is known. */
struct quoted {
	struct text aspect; /* size 0: none stands out */
	int64_t aspect_k;
	struct text excerpts[WORDS_SHOWN];
	int n;
};

/* An aspect stands out when two negative reviews and a quarter of all complain of it. */
static struct quoted quote(const struct symbols *symbols, const struct spike_alert *a)
{
	struct quoted q = { .aspect = TEXT("") };
	symbol_t aspect = spike_words_aspect(a->words, symbols, a->first_pane, a->last_pane, &q.aspect_k);
	if (!a->raised || !aspect || q.aspect_k < 2 || 4 * q.aspect_k < a->evidence.k || q.aspect_k > a->evidence.k)
		q.aspect_k = 0;
	else
		q.aspect = symbols_text(symbols, aspect);
	if (a->raised)
		q.n = spike_words_excerpts(a->words, a->first_pane, a->last_pane, q.excerpts);
	return q;
}

static void quotes(struct buf *to, const struct quoted *q, const char *before, const char *open, const char *close, const char *between)
{
	for (int i = 0; i < q->n; i++) {
		words_put(to, i ? between : before);
		words_put(to, open);
		buf_bytes(to, q->excerpts[i].data, q->excerpts[i].size);
		words_put(to, close);
	}
}

static void sentence_en(struct buf *to, struct text id, uint8_t kind, const struct spike_alert *a, const struct quoted *q)
{
	const struct spike_evidence *e = &a->evidence;
	words_put(to, "Negative reviews of ");
	if (kind == KEY_ALL) {
		words_put(to, "the whole shop");
	} else {
		words_put(to, key_kind_names[kind]);
		words_put(to, " ");
		buf_bytes(to, id.data, id.size);
	}
	words_put(to, a->raised ? " are up: " : " are back to normal: ");
	if (!e->n) {
		words_put(to, "no reviews in the last ");
		words_span_en(to, a->window_ms);
	} else {
		words_putf(to, "%lld of %lld in the last ", (long long)e->k, (long long)e->n);
		words_span_en(to, a->window_ms);
		words_put(to, " (");
		words_percent(to, (double)e->k / (double)e->n, " %)");
	}
	if (q->aspect_k) {
		words_putf(to, ", %lld of them about ", (long long)q->aspect_k);
		buf_bytes(to, q->aspect.data, q->aspect.size);
	}
	words_put(to, ", ");
	words_percent(to, e->expected, " % expected");
	quotes(to, q, ": ", "\"", "\"", ", ");
	words_put(to, ".");
}

static void sentence_zh(struct buf *to, struct text id, uint8_t kind, const struct spike_alert *a, const struct quoted *q)
{
	const struct spike_evidence *e = &a->evidence;
	if (kind == KEY_ALL) {
		words_put(to, "全店");
	} else {
		words_put(to, kinds_zh[kind]);
		words_put(to, " ");
		buf_bytes(to, id.data, id.size);
		words_put(to, " ");
	}
	words_put(to, a->raised ? "的差评增多：最近 " : "的差评已恢复正常：最近 ");
	words_span_zh(to, a->window_ms);
	if (!e->n) {
		words_put(to, "没有评论");
	} else {
		words_putf(to, "的 %lld 条评论中有 %lld 条差评（", (long long)e->n, (long long)e->k);
		words_percent(to, (double)e->k / (double)e->n, "%）");
	}
	if (q->aspect_k) {
		words_putf(to, "，其中 %lld 条涉及", (long long)q->aspect_k);
		struct text aspect = in_chinese(q->aspect);
		words_put(to, aspect.size && (unsigned char)aspect.data[0] < 0x80 ? " " : ""); /* a word in Latin letters stands apart */
		buf_bytes(to, aspect.data, aspect.size);
	}
	words_put(to, "，正常约为 ");
	words_percent(to, e->expected, "%");
	quotes(to, q, "：", "“", "”", "、");
	words_put(to, "。");
}

void spike_alert(struct item_ctx *ctx, const struct spike_alert *a)
{
	const struct spike_evidence *e = &a->evidence;
	struct text id = symbols_text(ctx->symbols, ctx->key.id);
	struct quoted quoted = quote(ctx->symbols, a);
	struct buf scope = { 0 }, en = { 0 }, zh = { 0 }, json = { 0 };
	alert_scope(&scope, ctx->symbols, ctx->key);
	alert_begin(&json, &(struct alert){
				   .kind = "negative_spike",
				   .scope = words_text(&scope),
				   .raised = a->raised,
				   .level = a->level,
				   .number = a->raised_pane,
				   .raised_ts = a->raised_ts,
				   .ts = a->ts,
				   .value = e->n ? (double)e->k / (double)e->n : 0,
				   .expected = e->expected,
				   .window_ms = a->window_ms,
			   });
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
	sentence_en(&en, id, ctx->key.kind, a, &quoted);
	sentence_zh(&zh, id, ctx->key.kind, a, &quoted);
	alert_end(ctx, &json, &en, &zh);
	buf_done(&scope);
}
