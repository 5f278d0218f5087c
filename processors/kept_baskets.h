/* A shopper's newest baskets: orders and sessions that have ended, as they were counted, so that forgetting the shopper takes them back.
 *
 * Nothing is counted from them. Oldest first; at most `most` of each kind, and KEPT_ITEMS_MAX items and categories in all: the oldest leave
 * for a new one, and those of before the window. Used by the itemsets processor; memory is the pool's.
 */
#ifndef GLINT_KEPT_BASKETS_H
#define GLINT_KEPT_BASKETS_H

#include "processor.h"

enum { KEPT_ITEMS_MAX = 512 };

struct kept_basket {
	int64_t ts;      /* whose pane it was counted in */
	symbol_t *items; /* as they were paired: items, then categories */
	uint32_t n_items, n_categories;
	uint8_t kind; /* enum basket */
};

struct kept_baskets {
	struct kept_basket *list;
	uint32_t n, capacity;
};

/* A copy of x. from: baskets of before that time are of no use any more. One with more than KEPT_ITEMS_MAX items is not kept. */
void kept_baskets_keep(struct kept_baskets *b, struct pool *pool, uint32_t most, int64_t from, const struct kept_basket *x);
/* varint n; n x { u8 kind, zigzag ts, varint items, varint categories, ids }. Loading: into zero bytes; 0 or -EBADMSG (then still to be given to kept_baskets_done). */
void kept_baskets_save(const struct kept_baskets *b, const struct symbols *symbols, struct buf *to);
int kept_baskets_load(struct kept_baskets *b, struct reader *from, struct symbols *symbols, struct pool *pool);
void kept_baskets_done(struct kept_baskets *b, struct pool *pool);
void kept_baskets_mark(const struct kept_baskets *b, struct symbols *symbols);

#endif
