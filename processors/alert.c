/* See alert.h. */
#include "alert.h"

#include <stdarg.h>
#include <stdio.h>

#include "json.h"

static const char *const levels[] = { "low", "medium", "high" };

void words_put(struct buf *to, const char *s)
{
	buf_bytes(to, s, strlen(s));
}

void words_putf(struct buf *to, const char *format, ...)
{
	char s[160];
	va_list args;
	va_start(args, format);
	int n = vsnprintf(s, sizeof(s), format, args);
	va_end(args);
	buf_bytes(to, s, n < 0 ? 0 : (size_t)n < sizeof(s) ? (size_t)n
							   : sizeof(s) - 1);
}

void words_percent(struct buf *to, double share, const char *sign)
{
	double p = 100 * share;
	words_putf(to, p > 0 && p < 1 ? "%.1f%s" : "%.0f%s", p, sign);
}

static void span(struct buf *to, int64_t ms, const char *const units[3], const char *plural)
{
	int64_t minute = 60000, hour = 60 * minute, day = 24 * hour;
	int unit = ms % day == 0 && ms >= 2 * day ? 0 : ms % hour == 0 ? 1
								       : 2;
	int64_t n = ms / (unit == 0 ? day : unit == 1 ? hour
						      : minute);
	words_putf(to, "%lld %s%s", (long long)n, units[unit], n == 1 ? "" : plural);
}

void words_span_en(struct buf *to, int64_t ms)
{
	static const char *const units[3] = { "day", "hour", "minute" };
	span(to, ms, units, "s");
}

void words_span_zh(struct buf *to, int64_t ms)
{
	static const char *const units[3] = { "天", "小时", "分钟" };
	span(to, ms, units, "");
}

void alert_scope(struct buf *to, const struct symbols *symbols, struct key key)
{
	struct text id = symbols_text(symbols, key.id);
	words_put(to, key_kind_names[key.kind]);
	if (key.kind != KEY_ALL) {
		words_put(to, ":");
		buf_bytes(to, id.data, id.size);
	}
}

void alert_begin(struct buf *json, const struct alert *a)
{
	struct buf id = { 0 };
	words_putf(&id, "%s:", a->kind);
	buf_bytes(&id, a->scope.data, a->scope.size);
	words_putf(&id, ":%lld", (long long)a->number);
	json_open(json, '{');
	json_name(json, "v");
	json_i64(json, 1);
	json_name(json, "id");
	json_text(json, words_text(&id));
	json_name(json, "kind");
	json_text(json, text_of(a->kind));
	json_name(json, "scope");
	json_text(json, a->scope);
	json_name(json, "severity");
	json_text(json, text_of(levels[a->level]));
	json_name(json, "state");
	json_text(json, a->raised ? TEXT("raised") : TEXT("resolved"));
	json_name(json, "ts");
	json_i64(json, a->ts);
	json_name(json, "raised_ts");
	json_i64(json, a->raised_ts);
	json_name(json, "value");
	json_double(json, a->value);
	json_name(json, "expected");
	json_double(json, a->expected);
	json_name(json, "window");
	json_i64(json, a->window_ms);
	json_name(json, "evidence");
	buf_done(&id);
}

void alert_end(struct item_ctx *ctx, struct buf *json, struct buf *text_en, struct buf *text_zh)
{
	json_name(json, "text_en");
	json_text(json, words_text(text_en));
	json_name(json, "text_zh");
	json_text(json, words_text(text_zh));
	json_close(json, '}');
	emit_alert(ctx, words_text(json));
	buf_done(json);
	buf_done(text_en);
	buf_done(text_zh);
}
