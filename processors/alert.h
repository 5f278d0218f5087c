/* The JSON object of one transition of an alert (schemas/alert.schema.json), and pieces of its sentences. Called by spike_alert.c and
 * watch_alert.c, which know the evidence and the words of their kinds. Allocates: alerts are rare.
 */
#ifndef GLINT_ALERT_H
#define GLINT_ALERT_H

#include "processor.h"

enum alert_severity { SEVERITY_LOW,
	SEVERITY_MEDIUM,
	SEVERITY_HIGH };

struct alert {
	const char *kind;      /* "negative_spike", ... */
	struct text scope;     /* "item:ID", ..., "all" */
	bool raised;           /* else resolved */
	uint8_t level;         /* enum alert_severity */
	int64_t number;        /* of the pane that raised it: with kind and scope the alert's id */
	int64_t raised_ts, ts; /* ms: ends of the panes that raised it, and that decided now */
	double value, expected;
	int64_t window_ms;
};

/* Everything up to the value of "evidence", an object that the caller writes into `json` behind it. `json` is zeroed. */
void alert_begin(struct buf *json, const struct alert *a);
/* The rest; emits it and frees all three. */
void alert_end(struct item_ctx *ctx, struct buf *json, struct buf *text_en, struct buf *text_zh);

/* "item:ID", ..., "all" of a key, behind what `to` holds. */
void alert_scope(struct buf *to, const struct symbols *symbols, struct key key);

/* ---- words ---- */

void words_put(struct buf *to, const char *s);
__attribute__((format(printf, 2, 3))) void words_putf(struct buf *to, const char *format, ...); /* at most 159 bytes */
void words_percent(struct buf *to, double share, const char *sign);                             /* "12 %", below 1 % "0.4 %" */
/* "7 days", "36 hours", "90 minutes": the greatest unit that is whole, days from two on. */
void words_span_en(struct buf *to, int64_t ms);
void words_span_zh(struct buf *to, int64_t ms);

static inline struct text words_text(const struct buf *b)
{
	return (struct text){ b->data ? (const char *)b->data : "", (uint32_t)b->size };
}

#endif
