/* One shopper's list of recommendations, with the reason for each item.
 *
 * Candidates are the others of the shopper's newest items (seeds) in the model rows of itemsets. With w_a the weight of seed a
 * (action x decay^age), c_ab the baskets with both, n_a and n_b those with one:
 *
 *   score(b) = g / sum w  *  sum over kinds of basket W_kind sum over seeds w_a c_ab / sqrt((n_a + 20) (n_b + 20))
 *
 * (item-kNN's cosine with a prior of 20 baskets, recency on the seeds: ALGORITHMS B3, C6), g = n / (n + 5) with n the shopper's actions:
 * thin evidence shows in the score. The best then get mild factors: 1 + .1 b (bias in stars, within +-1) and 1 + .1 mean r / (r + 5) of
 * r reviews of the last week. Left out: seeds, bought and unavailable items. What the list still lacks comes from the trending and
 * popular items of the shopper's categories and of the whole shop, ranked below every candidate of one's own.
 *
 * The reason names the kind of basket that gave most and, of it, the seed that gave most, with that pair's own numbers: count =
 * c_ab, support = c_ab / N, confidence = c_ab / n_a, lift = confidence N / n_b, as the model rows have them.
 * No allocation after setup. Cost: seeds x others steps, then one row per promising candidate.
 */
#ifndef GLINT_CANDIDATES_H
#define GLINT_CANDIDATES_H

#include "recommend.h"
#include "toplists.h"

int recommend_scratch_create(struct recommend_scratch **ret, const struct recommend_settings *s); /* 0 or -ENOMEM */
void recommend_scratch_destroy(struct recommend_scratch *scratch);                                /* NULL allowed */
struct toplists *recommend_scratch_toplists(struct recommend_scratch *scratch);

/* glint:recs:{user} */
void candidates_view(const struct recommend_settings *s, const struct view_ctx *ctx, const struct recommend_user *u);
/* glint:recs:_default, or that of a category when it is not 0: trending and popular items in turn. */
void candidates_default(const struct recommend_settings *s, const struct view_ctx *ctx, const struct top *popular, const struct top *trending, symbol_t category);

#endif
