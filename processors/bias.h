/* Rating biases: how far a shopper and an item stand from the mean, learned online; and each item's exact rating count and sum.
 *
 * prediction r^ = mu + b_u + b_i. The recursion (test-then-learn, the item's step first; ALGORITHMS A "RECOMMENDED"), for one rating r:
 *
 *   n_i += 1;  b_i += a_i (r - mu - b_u - b_i)   a_i = max(1 / (n_i + item_prior), item_floor)
 *   n_u += 1;  b_u += a_u (r - mu - b_u - b_i)   a_u = max(1 / (n_u + user_prior), user_floor)
 *
 * The two steps live in two stages, and mu, a property of the whole shop, in a third place. Neither stage may need it while it
 * learns: the item stage reads no global table, and a row of the global table is old in a replay. But both steps are linear in mu:
 * write each bias as b = c - mu v, and with b_u = c_u - mu v_u
 *
 *   b_i' = (1 - a) (c_i - mu v_i) + a (r - mu - c_u + mu v_u)
 *        = [c_i + a (r - c_u - c_i)] - mu [v_i + a (1 - v_u - v_i)]
 *
 * so c and v have recursions of their own, without mu (c: the bias about zero; v: the weight of mu in it). For a constant mu the
 * biases are equal to the recursion above in every digit but rounding (test_bias holds it to 1e-12). Departure: mu is the mean
 * when the bias is read, not the running one of each step; on MovieLens latest-small the prequential RMSE moves by less than .002.
 *
 * User stage: knows (c_i, v_i, n_i) from the item's model row, predicts the item's step by itself, then takes the shopper's. The
 * delta carries r and the shopper's (c_u, v_u) as they were before, and the item stage takes the item's step with them, in order.
 * A second rating of the same item by the same shopper is a new observation. Rating sums are integers: thousandths of a star.
 */
#ifndef GLINT_BIAS_H
#define GLINT_BIAS_H

#include "processor.h"

struct bias_settings {
	double item_prior, item_floor, user_prior, user_floor; /* k_i, eta_i, k_u, eta_u */
	double rating_min, rating_max;                         /* stars; mu is their middle while nothing was rated */
};

/* What the model table tells of an item; of `all` n and sum_milli alone. */
struct bias_model {
	double c, v;
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

/* A shopper's block, for tests that predict. Bias: c - mu v. */
struct bias_user {
	double c, v;
	int64_t n;
};

/* The rating in stars that a shopper (block, NULL: never rated anything) would give an item (0: never seen), within the scale. */
double bias_predict(const struct bias_settings *s, const struct model *model, symbol_t item, const struct bias_user *user);

extern const struct processor bias_processor;

#endif
