/* The most frequent others of an item, kept up while counts grow.
 *
 * Order: greater count first, then lesser XXH3 of the other's id (the same in every process, cheap to compare). While counts only grow,
 * the k first change by one entry at a time, so that a list of k with its last entry known is exact: an other that grows is in the list,
 * or is compared with the last. When counts fall (the window moves) the list is forgotten and made again from the whole map when it is next
 * asked for. Derived: what it says depends on the map alone.
 */
#ifndef GLINT_LEADERS_H
#define GLINT_LEADERS_H

#include "pairs.h"

enum { LEADERS_MAX = 500 };

struct itemsets_other {
	symbol_t item;
	uint32_t count; /* baskets of the window with both */
};

struct leaders {
	struct itemsets_other *list; /* malloc'ed; NULL: forgotten. As it was in order when last asked for */
	uint16_t n, k, last;         /* entries, room, index of the last in order when n == k */
};

/* The count of `other` in `map` has grown. Costs one look-up, and a search of the list for what belongs there. */
void leaders_grown(struct leaders *t, const struct symbols *symbols, const struct pair_map *map, symbol_t other);
void leaders_forget(struct leaders *t);
void leaders_done(struct leaders *t);
/* The k first in order into to[], how many; k <= LEADERS_MAX. */
uint32_t leaders_sorted(struct leaders *t, const struct symbols *symbols, const struct pair_map *map, uint32_t k, struct itemsets_other *to);

/* A list in a model row: varint n, then each other's text and varint count. Reading allocates from the pool, at most `most`; 0 or -EBADMSG, *ret the
 * caller's to free either way. */
void leaders_save(const struct itemsets_other *list, uint32_t n, const struct symbols *symbols, struct buf *to);
int leaders_load(struct itemsets_other **ret, uint32_t *ret_n, uint32_t most, struct reader *from, struct symbols *symbols, struct pool *pool);

#endif
