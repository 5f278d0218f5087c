/* A campaign's or an input's alert as JSON, with a sentence in English and in Chinese; see watch.h and alert.h. */
#include <math.h>

#include "json.h"
#include "watch.h"

static const char *const kinds[] = { "campaign_ctr", "campaign_cvr", "campaign_revenue", "campaign_silence", "input_silence" };
static const char *const inputs[] = { "clicks", "purchases", "reviews" };

static const char *what_en(enum watch_kind kind)
{
	return kind == WATCH_CTR ? "Click-through rate" : kind == WATCH_CVR ? "Conversion rate"
									    : "Revenue";
}

static const char *what_zh(enum watch_kind kind)
{
	return kind == WATCH_CTR ? "点击率" : kind == WATCH_CVR ? "转化率"
								: "收入";
}

static void share(struct buf *to, double x, const char *sign)
{
	words_putf(to, 100 * x < 10 ? "%.1f%s" : "%.0f%s", 100 * x, sign);
}

/* Minor units as ISO 4217 has them: none or three decimals for some, else two. */
static void money(struct buf *to, double minor, struct text currency)
{
	static const char *const none[] = { "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF" };
	static const char *const three[] = { "BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND" };
	int decimals = 2;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		decimals = text_equal(currency, text_of(none[i])) ? 0 : decimals;
	for (size_t i = 0; i < sizeof(three) / sizeof(three[0]); i++)
		decimals = text_equal(currency, text_of(three[i])) ? 3 : decimals;
	words_putf(to, "%.*f ", decimals, minor / pow(10, decimals));
	buf_bytes(to, currency.data, currency.size);
}

static void put_text(struct buf *to, struct text t)
{
	buf_bytes(to, t.data, t.size);
}

static void rate_en(struct buf *to, const struct watch_transition *t, struct text id, struct text currency, int64_t window_ms)
{
	const struct watch_evidence *e = &t->evidence;
	words_putf(to, "%s of campaign ", what_en(t->kind));
	put_text(to, id);
	if (t->accepted)
		words_putf(to, " has stayed %s for so long that it is taken as normal: ", t->up ? "up" : "down");
	else
		words_putf(to, " is %s: ", !t->raised ? "back to normal" : t->up ? "up"
										 : "down");
	if (t->kind == WATCH_REVENUE)
		money(to, e->k, currency);
	else if (e->n <= 0)
		words_put(to, t->kind == WATCH_CTR ? "no impressions" : "no clicks");
	else
		words_putf(to, t->kind == WATCH_CTR ? "%.0f clicks of %.0f impressions" : "%.0f orders of %.0f clicks", e->k, e->n);
	words_put(to, " in the last ");
	words_span_en(to, window_ms);
	if (t->kind != WATCH_REVENUE && e->n > 0) {
		words_put(to, " (");
		share(to, e->k / e->n, " %)");
	}
	if (t->kind == WATCH_REVENUE || e->n > 0) {
		words_put(to, ", ");
		if (t->kind == WATCH_REVENUE)
			money(to, e->mu, currency);
		else
			share(to, e->mu / e->n, " %");
		words_put(to, " expected from the same hours of earlier days");
	}
	words_put(to, ".");
}

static void rate_zh(struct buf *to, const struct watch_transition *t, struct text id, struct text currency, int64_t window_ms)
{
	const struct watch_evidence *e = &t->evidence;
	words_put(to, "活动 ");
	put_text(to, id);
	words_putf(to, " 的%s", what_zh(t->kind));
	words_put(to, t->accepted ? (t->up ? "持续上升，现视为正常" : "持续下降，现视为正常") : !t->raised ? "已恢复正常"
			: t->up                                                                            ? "上升"
													   : "下降");
	words_put(to, "：最近 ");
	words_span_zh(to, window_ms);
	if (t->kind == WATCH_REVENUE) {
		words_put(to, " ");
		money(to, e->k, currency);
	} else if (e->n <= 0) {
		words_put(to, t->kind == WATCH_CTR ? "没有展示" : "没有点击");
	} else {
		words_putf(to, t->kind == WATCH_CTR ? " %.0f 次展示中有 %.0f 次点击（" : " %.0f 次点击带来 %.0f 笔订单（", e->n, e->k);
		share(to, e->k / e->n, "%）");
	}
	if (t->kind == WATCH_REVENUE || e->n > 0) {
		words_put(to, "，按往日同时段应为 ");
		if (t->kind == WATCH_REVENUE)
			money(to, e->mu, currency);
		else
			share(to, e->mu / e->n, "%");
	}
	words_put(to, "。");
}

static void silence_en(struct buf *to, const struct watch_transition *t, struct text id, int64_t window_ms)
{
	const struct watch_evidence *e = &t->evidence;
	if (t->kind == WATCH_INPUT) {
		if (t->raised)
			words_putf(to, "No %s have come in the last ", inputs[t->input]);
		else
			words_putf(to, "%c%s come again: %.0f in the last ", inputs[t->input][0] - 32, inputs[t->input] + 1, e->k);
	} else {
		words_put(to, "Campaign ");
		put_text(to, id);
		if (t->raised)
			words_put(to, " is silent: no impressions, clicks or carts in the last ");
		else if (t->accepted)
			words_put(to, " has been silent for so long that it is taken as over: no impressions, clicks or carts in the last ");
		else
			words_putf(to, " has traffic again: %.0f impressions, clicks and carts in the last ", e->k);
	}
	words_span_en(to, window_ms);
	if (t->raised)
		words_putf(to, ", about %.0f expected from the same hours of earlier days", e->mu);
	words_put(to, ".");
}

static void silence_zh(struct buf *to, const struct watch_transition *t, struct text id, int64_t window_ms)
{
	static const char *const names[] = { "点击", "订单", "评论" };
	const struct watch_evidence *e = &t->evidence;
	if (t->kind == WATCH_INPUT) {
		words_put(to, t->raised ? "最近 " : "");
		if (!t->raised)
			words_putf(to, "%s事件已恢复：最近 ", names[t->input]);
		words_span_zh(to, window_ms);
		if (t->raised)
			words_putf(to, "没有收到%s事件，按往日同时段应约有 %.0f 条。", names[t->input], e->mu);
		else
			words_putf(to, "收到 %.0f 条。", e->k);
		return;
	}
	words_put(to, "活动 ");
	put_text(to, id);
	words_put(to, t->raised ? " 没有流量：最近 " : t->accepted ? " 长时间没有流量，视为已结束：最近 "
								   : " 恢复流量：最近 ");
	words_span_zh(to, window_ms);
	if (t->raised)
		words_putf(to, "没有展示、点击或加购，按往日同时段应约有 %.0f 次。", e->mu);
	else if (t->accepted)
		words_put(to, "没有展示、点击或加购。");
	else
		words_putf(to, "有 %.0f 次展示、点击或加购。", e->k);
}

void watch_alert(struct item_ctx *ctx, const struct watch_transition *t)
{
	const struct watch_evidence *e = &t->evidence;
	struct text id = symbols_text(ctx->symbols, ctx->key.id), currency = symbols_text(ctx->symbols, t->kind == WATCH_REVENUE ? t->currency : 0);
	bool rate = t->kind == WATCH_CTR || t->kind == WATCH_CVR, silent = t->kind == WATCH_SILENCE || t->kind == WATCH_INPUT;
	int64_t window_ms = t->span * WATCH_PANE_MS;
	struct buf scope = { 0 }, en = { 0 }, zh = { 0 }, json = { 0 };
	if (t->kind == WATCH_INPUT)
		words_putf(&scope, "input:%s", inputs[t->input]);
	else
		alert_scope(&scope, ctx->symbols, ctx->key);
	alert_begin(&json, &(struct alert){
				   .kind = kinds[t->kind],
				   .scope = words_text(&scope),
				   .raised = t->raised,
				   .level = t->level,
				   .number = t->raised_pane,
				   .raised_ts = (t->raised_pane + 1) * WATCH_PANE_MS,
				   .ts = (t->pane + 1) * WATCH_PANE_MS,
				   .value = !rate ? e->k : e->n > 0 ? e->k / e->n
								    : 0,
				   .expected = !rate ? e->mu : e->n > 0 ? e->mu / e->n
									: 0,
				   .window_ms = window_ms,
			   });
	json_open(&json, '{');
	json_name(&json, "n");
	json_i64(&json, llround(e->n));
	json_name(&json, "k");
	json_i64(&json, llround(e->k));
	json_name(&json, "expected_k");
	json_double(&json, e->mu);
	json_name(&json, "p_value");
	json_double(&json, e->p_value);
	json_name(&json, "ratio");
	json_double(&json, e->mu > 0 ? e->k / e->mu : 0);
	json_name(&json, "days");
	json_double(&json, e->days);
	json_name(&json, "currency");
	json_text(&json, currency.size ? currency : TEXT(""));
	json_close(&json, '}');
	if (silent) {
		silence_en(&en, t, id, window_ms);
		silence_zh(&zh, t, id, window_ms);
	} else {
		rate_en(&en, t, id, currency, window_ms);
		rate_zh(&zh, t, id, currency, window_ms);
	}
	alert_end(ctx, &json, &en, &zh);
	buf_done(&scope);
}
