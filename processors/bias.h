/* Rating biases: how far a shopper and an item stand from the mean, learned online; and each item's exact rating count and sum.
 *
 * Model of one rating r of a shopper u and an item i (rule = adaptive), all variances in units of the noise of one rating, which is taken
 * to be the same part of every scale, 1 / 4.5 (1 star of 0.5 to 5):
 *
 *   r = mu + l_u + s_u + a_u b_i + e     e ~ N(0, 1)
 *   l_u ~ N(0, user_spread)              lasting; a random walk of variance user_drift per rating
 *   s_u ~ N(0, session_spread)           of the sitting: AR(1), correlation q = session_keep exp(-dt / session_time) over dt
 *   a_u ~ N(1, slope_spread)             how much the shopper's stars follow the others'
 *   b_i ~ N(0, item_spread)
 *
 * learnt by the Kalman filter with a diagonal covariance (Maybeck, "Stochastic Models, Estimation, and Control" I, 5.3; the slope linearised
 * at its estimate, 9.5 of volume II). With P the variances, the innovation x = r - mu - l_u - s_u - a_u b_i and
 *
 *   S = P_l + P_s + a_u^2 P_i + b_i^2 P_a + 1:    l_u += P_l x / S,  P_l -= P_l^2 / S;   s_u likewise;   a_u += b_i P_a x / S
 *
 * An item's own filter has no drift, so it is kept in information form, as sums of integers: with y = r - mu - l_u - s_u before the step
 * and the weight w = 1 / (S - a_u^2 P_i), both times 2^24 and rounded,
 *
 *   W = sum a_u^2 w,   Y = sum a_u w y,    b_i = Y / (W + 1 / item_spread),   P_i = 1 / (W + 1 / item_spread)
 *
 * so that whatever was added can be taken away again to the last bit, in any order. r, mu and all biases are kept in stars: the gains have no
 * unit. In the slope's terms (b_i^2 P_a, b_i P_a x) b_i and x are times `per_star`, so that a scale k times as wide predicts k times the same.
 *
 * The steps live in two stages, and mu, a property of the whole shop, in a third place: the item stage reads no global table, and a
 * row of the global table is old in a replay. But all is linear in mu: write each bias as b = c - mu v, y = (r - c_u) - mu (1 - v_u); c
 * and v have recursions of their own, without mu. mu is the mean when the bias is read. Departures from the exact filter: covariances
 * between shopper and item are left out; the slope's step uses the mu and the item as the model table had them.
 *
 * A rating changed (the same shopper rates the item again) or withdrawn (a review of it with neither stars nor text) is undone: from
 * the item its very summands are taken away; the shopper's filter is run again over the ratings kept without it. So the
 * last `ratings_kept` ratings of a shopper are kept with what was known of their items then; an older one is beyond undoing: withdrawn
 * it stays, which is counted (ratings_forgotten); rated again it counts as one more, which nobody can tell from a first rating. A change or
 * withdrawal whose ts is below the kept rating's is outdated: it changes nothing and is counted (ratings_outdated). Of one ts the later to come holds.
 *
 * rule = river is the rule of River's reco.Baseline (ALGORITHMS A1), with the running mean: mu first, then with x = r - mu - b_u - b_i
 * both b += learning_rate (2 x - l2 b). Its steps cannot be undone: a changed rating is one more observation of the biases; counts and
 * sums are exact all the same, so mu is without the rating that was changed, where River's mean keeps it.
 *
 * Clicks and purchases never enter: what a shopper did is no rating. Rating sums are integers: thousandths of a star.
 */
#ifndef GLINT_BIAS_H
#define GLINT_BIAS_H

#include "processor.h"

enum bias_rule { BIAS_ADAPTIVE,
	BIAS_RIVER };

enum { BIAS_KEPT_MAX = 1000 };

struct bias_settings {
	int rule; /* enum bias_rule */
	double item_spread, user_spread, session_spread, slope_spread; /* variances, of the noise of one rating */
	double user_drift, session_keep;
	int64_t session_time_ms;
	int64_t ratings_kept;
	double learning_rate, l2;      /* rule = river */
	double rating_min, rating_max; /* stars, of [glint]; mu is their middle while nothing was rated */
	double per_star;               /* 4.5 / (rating_max - rating_min): the filter's units in a star */
};

/* What the model table tells of an item; of `all` n and sum_milli alone. */
struct bias_model {
	double c, v; /* bias = c - mu v */
	double p;    /* its variance */
	int64_t n;         /* ratings */
	int64_t sum_milli; /* stars x 1000 */
};

/* The mean rating in stars: from the model row of `all` (NULL allowed), else `unknown`. */
static inline double bias_mu(const struct bias_model *all, double unknown)
{
	return all && all->n > 0 ? (double)all->sum_milli / 1000 / (double)all->n : unknown;
}

/* The bias of an item in stars; 0 for NULL, an item that was never rated. */
static inline double bias_of(const struct bias_model *item, double mu)
{
	return item ? item->c - mu * item->v : 0;
}

/* ---- a shopper's filter: bias_user.c ---- */

enum bias_part { PART_LASTING,
	PART_SITTING,
	PARTS };

struct bias_state {
	double c[PARTS], v[PARTS], p[PARTS]; /* value c - mu v, variance */
	double slope, slope_p;
	int64_t last_ts; /* greatest ts observed, ms */
	int64_t n;       /* ratings observed; 0: all else is unset */
};

/* One rating with what was known of its item; float, so that a row brings back the very same numbers. */
struct bias_kept {
	symbol_t item;
	int32_t milli;
	int64_t ts;
	float c, v, p, mu;
	int64_t weight, c_sum, v_sum; /* what the item got: a^2 w, and the parts of a w y; x 2^24 */
};

struct bias_user {
	struct bias_state base; /* before the oldest kept rating */
	struct bias_state now;
	struct bias_kept *kept; /* oldest first */
	uint32_t n_kept, capacity;
};

/* The state's biases as they are at ts; the state itself is of its last_ts. */
struct bias_state bias_state_at(const struct bias_settings *s, const struct bias_state *state, int64_t ts);
/* Takes one rating; fills in what the item gets. */
void bias_observe(const struct bias_settings *s, struct bias_state *state, struct bias_kept *rating);
/* At the end of the kept; the oldest goes into the base when there is no room. */
void bias_keep(const struct bias_settings *s, struct bias_user *u, const struct bias_kept *rating, struct pool *pool);
/* Takes the kept rating `at` out and runs the filter again. */
void bias_forget(const struct bias_settings *s, struct bias_user *u, uint32_t at);
void bias_rerun(const struct bias_settings *s, struct bias_user *u); /* now from base and kept */

void bias_user_save(const void *settings, const void *block, const struct symbols *symbols, struct buf *to);
int bias_user_load(const void *settings, void *block, uint16_t version, struct reader *from, struct symbols *symbols, struct pool *pool);
void bias_user_done(void *block, struct pool *pool);
void bias_user_mark(const void *block, struct symbols *symbols);

/* ---- */

/* The rating in stars that a shopper (block, NULL: never rated anything) would give an item (0: never seen) at ts, within the scale. */
double bias_predict(const struct bias_settings *s, const struct model *model, symbol_t item, const struct bias_user *user, int64_t ts);

extern const struct processor bias_processor;

#endif
