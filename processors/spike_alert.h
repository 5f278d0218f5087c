/* An alert on negative reviews as the JSON object that goes to the alerts topic (schemas/alert.schema.json), with a sentence in English
 * and in Chinese. Called by spike.c alone. */
#ifndef GLINT_SPIKE_ALERT_H
#define GLINT_SPIKE_ALERT_H

#include "spike_words.h"

struct spike_evidence {
	int64_t n, k;                  /* counted and negative reviews of the window */
	double expected;               /* p0, 0..1 */
	double p_value;                /* P(X >= k) */
	double wilson_low;             /* of k / n */
	double baseline_n, baseline_k; /* decayed reviews of the scope's history */
};

struct spike_alert {
	bool raised;           /* else resolved */
	uint8_t level;         /* enum alert_severity */
	int64_t raised_pane;   /* with kind and scope the alert's id */
	int64_t raised_ts, ts; /* ms: end of the pane that raised it, and of the one judged now */
	int64_t window_ms;
	struct spike_evidence evidence;
	const struct spike_words *words; /* borrowed */
	int64_t first_pane, last_pane;   /* whose reviews were counted */
};

/* Emits it for the scope ctx->key. Allocates: alerts are rare. */
void spike_alert(struct item_ctx *ctx, const struct spike_alert *alert);

#endif
