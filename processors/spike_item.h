/* The item stage of spikes: the panes of one scope, its history, and the judgement at the end of each pane; see spike.h for the
 * mathematics. Called through spike.c's struct processor. */
#ifndef GLINT_SPIKE_ITEM_H
#define GLINT_SPIKE_ITEM_H

#include "spike.h"
#include "spike_words.h"

enum spike_metric { SPIKE_COUNTED, /* reviews */
	SPIKE_NEGATIVE,            /* negative ones among them */
	SPIKE_EXCERPT,             /* LIST: of a negative one (excerpt.h) */
	SPIKE_COMPLAINT_OF_DAY,    /* of an older version: as SPIKE_COMPLAINT, by days of event time; not counted any more */
	SPIKE_UNQUOTE,             /* LIST: u64, the XXH3 of an excerpt that is to go */
	SPIKE_COMPLAINT };         /* negative ones that speak ill of an aspect, the sub */

enum spike_drop { SPIKE_DROP_SEEN,
	SPIKE_DROP_PANES,
	SPIKE_DROP_LATE };

struct spike_pane {
	int32_t pane;
	uint32_t n, k; /* reviews, negative ones */
};

/* panes[] is sorted and holds the longest window and what is ahead of the watermark. `judged` panes are over: every pane below it has been evaluated,
 * or had nothing to evaluate. */
struct spike_item {
	struct spike_pane *panes;
	uint32_t n, capacity;
	int64_t judged;
	int64_t evaluated;           /* one past the last pane that was evaluated; what a row holds in place of judged */
	int64_t late;                /* a pane that was over got a count: judge again when this pane is over; 0 = none */
	double negative, baseline_n; /* A, B, as of `learned` */
	int64_t learned;             /* newest pane in the baseline */
	int64_t frozen;              /* panes below it are never learned: an alert saw them */
	int64_t cool;                /* first pane in which the cool-down is over; 0 = none */
	int64_t raised_pane;         /* of the alert that stands, or stood last */
	int64_t raised_span;         /* panes of the window that raised it */
	double severity;             /* s of the alert as last sent */
	uint8_t raised, level, calm; /* calm: evaluations in a row at which it could resolve */
	/* drift */
	double drift;                        /* S */
	double run_negative, run_baseline_n; /* A, B when it last was 0 */
	int64_t run, drifted;                /* first pane since S was last 0; one past the newest pane in S */
	int64_t run_n, run_k;                /* reviews since then, negative ones */
	int64_t late_n, late_k;              /* counts that came to panes already in S */
	struct spike_words words;
};

void spike_item_delta(const void *settings, struct item_ctx *ctx, void *block, const struct delta *d);
int64_t spike_item_due_at(const void *settings, const void *block);
void spike_item_due(const void *settings, struct item_ctx *ctx, void *block);

void spike_item_save(const void *settings, const void *block, const struct symbols *symbols, struct buf *to);
int spike_item_load(const void *settings, void *block, uint16_t version, struct reader *from, struct symbols *symbols, struct pool *pool);
void spike_item_mark(const void *block, struct symbols *symbols);
void spike_item_done(void *block, struct pool *pool);

#endif
