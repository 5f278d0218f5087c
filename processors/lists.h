/* Lists of recommendations: which items, in which order, and their JSON with the reason for each.
 *
 * A shopper's list holds the best candidates (candidates.h), put in order with diversity (diversity.h). What it still lacks comes, ranked below
 * every candidate of one's own, first from popular and fresh items of the shopper's categories that are like the seeds in the catalogue (category .4,
 * brand .3, colour .15, band of prices .15, weighed by seed; .45 or more), then from the trending and popular items of these categories and of
 * the whole shop. A share of the places, `explore`, shows fresh items (toplists.h), wherever a list stands.
 *
 * Pinned items (controls.h) are put in at last, each at its place, with the score of the one that gives way.
 *
 * The reason names the kind of basket that gave most and, of it, the seed that gave most, with that pair's own numbers: count =
 * c_ab, support = c_ab / N, confidence = c_ab / n_a, lift = confidence N / n_b, as the model rows have them.
 */
#ifndef GLINT_LISTS_H
#define GLINT_LISTS_H

#include "candidates.h"

/* glint:recs:{user} */
void lists_view(const struct recommend_settings *s, const struct view_ctx *ctx, const struct recommend_user *u);
/* glint:recs:_default, or that of a category when it is not 0: trending and popular items in turn, with the caps of diversity.h (of a category's list
 * that of brands alone) as long as there is enough else. */
void lists_default(const struct recommend_settings *s, const struct view_ctx *ctx, const struct top *popular, const struct top *trending, symbol_t category);

/* One shopper's list into x->picks: how many; *ret_own: of these, from the shopper's own candidates. */
uint32_t lists_make(struct recommend_scratch *x, const struct recommend_settings *s, const struct view_ctx *ctx, const struct recommend_user *u, uint32_t *ret_own);

/* reasons.c: `{"item":..,"score":..,"why":{..}}` of one entry. */
void reasons_write(struct buf *to, const struct recommend_scratch *x, const struct view_ctx *ctx, const struct pick *p);
/* A number as decimals, to at least five significant digits: a list has eighty of them. The caller wrote the name and its colon. */
void reasons_number(struct buf *to, double v);

/* explain.c: one JSON object with every term of the item's score for the shopper, and what became of it in the shopper's list, from the code that makes the
 * list. u NULL: nothing is known of the shopper. to is cleared. */
void explain_write(const struct recommend_settings *s, const struct view_ctx *ctx, const struct recommend_user *u, symbol_t item, struct buf *to);

#endif
