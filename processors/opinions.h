/* Counts of opinions by class, over the last hour, day and week of event time and for ever: one scope of the sentiment processor.
 *
 * Integer counts by panes of 5 minutes, kept for a week; a window is the last 12, 288 or 2016 panes up to the watermark's, exact also
 * for panes that arrive out of order. Panes ahead of the watermark are kept and wait. At most OPINIONS_PANES_MAX panes: the oldest goes.
 */
#ifndef GLINT_OPINIONS_H
#define GLINT_OPINIONS_H

#include "buf.h"
#include "pool.h"
#include "score.h"

#define SENTIMENT_UNIT 10000.0 /* compounds travel as integers: round(compound x 10,000) */

enum opinion_window { HOUR,
	DAY,
	WEEK,
	WINDOWS };

enum { SENTIMENT_PANE_MS = 5 * 60 * 1000,
	OPINIONS_PANES_MAX = 4096 }; /* a week, and a week ahead of the watermark */

struct opinion_pane {
	int32_t pane;
	uint32_t n[SENTIMENT_CLASSES];
	int64_t sum; /* of compounds, in 1 / SENTIMENT_UNIT */
};

struct opinion_sums {
	int64_t n[SENTIMENT_CLASSES], sum;
};

/* Begins as zero bytes. panes[] is sorted. panes[0..counted) are before `until`, the first pane that the watermark has not reached; window w
 * holds panes[first[w]..counted). What is before first[WEEK] waits to be cut off. */
struct opinions {
	struct opinion_pane *panes; /* from the pool */
	uint32_t n, capacity, counted, first[WINDOWS];
	int64_t until;
	struct opinion_sums windows[WINDOWS], total;
};

int64_t opinions_reviews(const struct opinion_sums *sums);
double opinions_mean(const struct opinion_sums *sums); /* -1..1; NAN when there are none */

void opinions_advance(struct opinions *o, int64_t watermark); /* moves the windows up to the watermark's pane; never back */
/* Adds what was counted in add->pane. Returns the number of panes that the bound dropped (0, or 1 when it was the oldest's or add's own). */
int opinions_add(struct opinions *o, struct pool *pool, int64_t watermark, const struct opinion_pane *add);
/* Takes back one opinion: from its pane, the windows and the total, or where the pane is gone from what the total holds beyond the panes. Nothing, when
 * neither has one of the class: it left with the whole block. A pane that held nothing else goes. */
void opinions_take_back(struct opinions *o, int32_t pane, enum sentiment_class class, int64_t sum);
int64_t opinions_due_at(const struct opinions *o); /* watermark at which a window changes; INT64_MAX: never */

void opinions_save(const struct opinions *o, struct buf *to);
int opinions_load(struct opinions *o, struct reader *from, struct pool *pool); /* into zero bytes. 0 or -EBADMSG; opinions_done in every case */
void opinions_done(struct opinions *o, struct pool *pool);

#endif
