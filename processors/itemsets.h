/* What is bought together and viewed together: exact pair counts over a sliding window of event time, from orders and from sessions.
 *
 * CONTRACTS "What is counted" says what a session and a basket are. User stage: keeps each shopper's running session and turns
 * sessions and orders into increments: of a pair (to both its items), of an item's own baskets, and of N (to `all`), all with the
 * basket's own pane. Item stage: an item keeps its pair counts by pane (pairs.h), `all` keeps N. Model rows: n, and the most frequent
 * others of each item; recommend scores with them. Views: glint:together:ITEM (orders), glint:viewed:ITEM (sessions), glint:rules.
 * Categories of orders are counted in the same way (the catalogue's, as it stands at processing; N is that of orders): glint:rules:categories.
 * With set_size above 2 each item of an order is told the others, and keeps them: sets.h, glint:sets:ITEM.
 * Measures: measures.h. It knows nothing of shoppers' lists (recommend) and of the catalogue.
 */
#ifndef GLINT_ITEMSETS_H
#define GLINT_ITEMSETS_H

#include "pairs.h"
#include "processor.h"
#include "leaders.h"
#include "sets.h"

enum basket { BASKET_ORDER,
	BASKET_SESSION,
	BASKETS };

extern const char *const basket_names[BASKETS]; /* "order", "session" */

struct itemsets_settings {
	int64_t window_ms; /* 0: for ever */
	int64_t pane_ms;
	int64_t session_gap_ms;
	int64_t session_pairs; /* a new item of a session pairs with so many before it */
	int64_t session_max_items;
	int64_t basket_max_items;
	int64_t neighbours; /* others in a model row, per kind of basket */
	int64_t shown;      /* items in a view, <= neighbours */
	int64_t max_pairs;  /* others counted per item, kind of basket (and pane) */
	int64_t set_size;   /* items of the greatest sets of orders that are counted; 2: pairs alone */
	int64_t max_set_items;
	int64_t baskets_kept; /* of each kind, per shopper: for forgetting */
	int64_t rules; /* rules in glint:rules */
	int64_t rule_min_count;
	double related_p;           /* Fisher's p of what is shown is below; 1: all is shown */
	struct pairs_window window; /* from window_ms and pane_ms */
	struct buf *ring;           /* on_order's; NULL with pairs alone */
};

/* The model row of an item: baskets of the window that hold it and its most frequent others, by count, then by the id's XXH3. Of `all`:
 * n = N, the baskets of the window, and no others. Kept in the model table; `others` is owned by it. */
struct itemsets_model {
	uint32_t n[BASKETS];
	uint32_t n_others[BASKETS];
	struct itemsets_other *others[BASKETS];
	struct itemsets_near *near; /* derived, see itemsets_near() */
};

/* The block of an item or a category; of `all`, whose own baskets are N and which has no others. */
struct itemsets_item {
	struct pairs by[BASKETS];
	struct leaders leaders[BASKETS]; /* derived: not saved */
	struct sets *sets;               /* of orders; NULL: none so far, or pairs alone */
};

/* The `k` (one and the same for all calls, <= NEIGHBOURS_MAX) most frequent others, by count, then by the id's XXH3, into to[]; returns how
 * many. Costs a sort of k; after the window has moved, or a start, two passes over the pairs. */
uint32_t itemsets_top(const struct itemsets_item *item, enum basket basket, const struct symbols *symbols, uint32_t k, struct itemsets_other *to);

/* How near each of m's others of one kind of basket is, 0..1: measure_nearness, with the counts of the model that m is of; 0 when the two are not
 * together more often than chance explains, by measure_bound_below(least) (least <= 0: nothing is asked), or in fewer than least_baskets. It is found once and kept until a model row
 * changes: lists ask it of the same items again and again. Borrowed until then. */
const float *itemsets_near(const struct itemsets_model *m, const struct model *model, enum basket basket, double least, int64_t least_baskets);
void itemsets_near_init(struct itemsets_model *m, struct pool *pool); /* with n_others set */
void itemsets_near_done(struct itemsets_model *m, struct pool *pool);

/* itemsets_view.c: are there ctx->least_baskets orders (and sessions) of the window that hold the item, or orders that hold the category, or any at all? Always, when it
 * is not asked. So fewer shoppers are told for certain, where orders and sessions of one may both count. */
bool itemsets_enough(const struct view_ctx *ctx, struct key key, bool sessions_too);

/* sets_view.c: an item's part of the next two. */
void itemsets_sets_view(const struct itemsets_settings *s, const struct view_ctx *ctx, const struct itemsets_item *item);
void itemsets_sets_dump(const struct itemsets_settings *s, const struct dump_ctx *ctx, const struct itemsets_item *item);

/* itemsets_view.c: what itemsets.c hands to the runtime. */
void itemsets_item_view(const void *settings, const struct view_ctx *ctx, const void *block);
void itemsets_item_dump(const void *settings, const struct dump_ctx *ctx, const void *block);

extern const struct processor itemsets_processor;

#endif
