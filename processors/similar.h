/* Similar items: incremental cosine over what shoppers bought, put into carts and (on request) rated, and what they turned to next.
 *
 * r_up is the greatest weight of shopper u's actions on item p (view 1, cart 2, purchase and rating 3; Huang et al., "TencentRec",
 * SIGMOD 2015, 4.1):
 *
 *   n_p = sum_u r_up     c_pq = sum_u min(r_up, r_uq)     cos(p, q) = c_pq / sqrt((n_p + s)(n_q + s))
 *
 * s = `shrink`, in weights, keeps one common shopper of two rare items from being the nearest of all; pairs below `min_overlap` are not shown.
 * When r_up grows from old to new, n_p += new - old and c_pq += min(new, r_uq) - min(old, r_uq) for the last `history` items q of
 * the shopper; so a pair that lies further apart is not counted. Beside it f_pq counts what came at the 1st, 2nd, ... FOLLOW_STEPS-th place after p, as 1, 1/2, ...
 *
 * For a shopper, candidates are scored by the last SEEDS items, newest first (ALGORITHMS B3: recency of the seeds matters most):
 *
 *   score(j) = sum_a .8^a [ cos(p_a, j) + 5 f_paj / (F_pa + 5) ]      F_p = sum_j f_pj
 *
 * A shopper who is forgotten takes back the weights and pairs of the last `history` items and what followed what among them; where pairs have a
 * window (0: for ever) they leave with it instead: in which pane a pair grew is not kept. All counts are integers in a window of event time. Views by clicks alone are itemsets' (glint:viewed) and next's.
 */
#ifndef GLINT_SIMILAR_H
#define GLINT_SIMILAR_H

#include <math.h>

#include "pairs.h"
#include "processor.h"

enum { SIMILAR_HISTORY_MAX = 100,
	SIMILAR_SEEDS = 10,
	SIMILAR_LINES = 16, /* of one order */
	SIMILAR_MOST = 3,   /* weight of one shopper in a pair */
	FOLLOW_STEPS = 5,
	FOLLOW_UNIT = 60 };
#define SIMILAR_DECAY 0.8   /* of a seed against the one after it */
#define SIMILAR_FOLLOW 5.0  /* weight of what follows */
#define SIMILAR_FOLLOW_PRIOR 5.0

struct similar_settings {
	int64_t window_ms, pane_ms;
	int64_t history;
	int64_t max_pairs;
	int64_t shown;
	int64_t min_overlap;
	double shrink;
	bool ratings, views;
	struct pairs_window window;
};

struct similar_seen {
	symbol_t item;
	uint32_t number; /* it was the shopper's so many-th new item */
	uint8_t weight;
	uint8_t follows[FOLLOW_STEPS]; /* what it was counted at as a follower, as their numbers before its own; 0: nothing (or further away) */
};

struct similar_user {
	struct similar_seen *seen; /* newest last, distinct */
	uint32_t n, capacity;
	uint32_t numbers; /* given so far */
	bool for_ever;    /* all of it was counted without a window: it can be taken back */
};

struct similar_item {
	struct pairs pairs;   /* c; `baskets` is n */
	struct pairs follows; /* f x FOLLOW_UNIT; `baskets` is F */
};

struct similar_model {
	uint32_t n;
};

static inline double similar_cosine(double c, double n_a, double n_b, double shrink)
{
	double square = (n_a + shrink) * (n_b + shrink);
	return square > 0 ? c / sqrt(square) : 0;
}

extern const struct processor similar_processor;

#endif
