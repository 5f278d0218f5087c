/* The orders of an item's window, kept whole, and the rules {item, others ...} => another in them: sets of three items and more.
 *
 *   struct sets      panes of event time, ascending ── each: its baskets one behind the other, how many other items, then they
 *                    found: the strongest rules, made when asked for, forgotten when a basket comes or goes
 *
 * Counting every set as pairs are counted would take a place for each (a basket of n items has n(n-1)(n-2)/6 sets of three); kept baskets take
 * n - 1 numbers for each of their items, whatever is asked of them. All that is asked of an item lies with it: of the baskets with `item`, the rules X => y
 * (rules.h: depth-first projection, exact) are the rules {item} + X => y of all baskets. So the counts of an item's sets are exact as long as its
 * baskets are within `most`; one beyond is refused whole, and every count is of the same baskets as every other.
 *
 * Used by the itemsets processor with [itemsets] set_size above 2; the window is that of its pairs. Pool for what is kept, malloc for what is derived.
 */
#ifndef GLINT_SETS_H
#define GLINT_SETS_H

#include "pairs.h"

enum { SETS_SIZE_MAX = 4,                 /* items of a set */
	SETS_WITH_MAX = SETS_SIZE_MAX - 2 }; /* of a rule's left side, beside the item */

struct sets_pane {
	int32_t pane;
	uint32_t n, capacity; /* of numbers */
	symbol_t *numbers;    /* basket after basket: how many others, then they */
};

struct sets {
	struct sets_pane *panes;
	uint32_t n_panes, capacity;
	uint32_t n_numbers; /* of all panes */
	struct sets_found *found;
};

struct sets_rule {
	symbol_t with[SETS_WITH_MAX], item; /* {the sets' own item, with ...} => item */
	uint32_t n_with;
	uint32_t count, n_left; /* baskets with all; with the left side */
	double strength;        /* shrunk confidence */
	uint64_t tie;           /* of two equally strong ones the lesser comes first: the same in every process */
};

struct sets_found {
	uint32_t n, min_count, max_size; /* the last two: as asked for */
	uint32_t baskets;                /* that were kept, all counts are of these */
	struct sets_rule rules[];
};

/* Adds a basket: the n others in it, none being the item itself; n may be 0. 0; -ENOSPC: beyond `most` numbers, or PAIRS_PANES_MAX
 * panes; nothing is changed then. */
int sets_add(struct sets *s, struct pool *pool, int32_t pane, const symbol_t *others, uint32_t n, uint32_t most);
/* Takes back a basket that sets_add() was given with this pane and these others, in their order; nothing when there is none. One that sets_add()
 * refused is not known any more: an equal one goes in its place. */
void sets_take_back(struct sets *s, int32_t pane, const symbol_t *others, uint32_t n);
/* The window has moved to `now`: frees what left it. */
void sets_advance(struct sets *s, struct pool *pool, struct pairs_window w, int32_t now);

/* At most 256 rules of up to max_size items (3..SETS_SIZE_MAX) in min_count baskets or more, strongest first; of two that say the same the one with
 * fewer items to the left (rules.h: redundant). Where more than 65,536 sets are that frequent min_count is raised fourfold until they are not. Borrowed until
 * the next call with this s. Cost: none when nothing has changed; else docs/models.md. */
const struct sets_found *sets_rules(const struct sets *s, const struct symbols *symbols, int32_t now, uint32_t min_count, uint32_t max_size);

/* Every set of max_size items at most, its own item not among `others`, in min_count baskets or more, as they lie; min_count raised as in sets_rules(). */
void sets_each(const struct sets *s, int32_t now, uint32_t min_count, uint32_t max_size, void (*visit)(void *to, const symbol_t *others, uint32_t n, uint32_t count), void *to);

/* sets_load() reads into zero bytes; 0 or -EBADMSG. What was saved with panes of another width is left out: counts begin anew. */
void sets_save(const struct sets *s, struct pairs_window w, const struct symbols *symbols, struct buf *to);
int sets_load(struct sets *s, struct pairs_window w, struct reader *from, struct symbols *symbols, struct pool *pool);
void sets_done(struct sets *s, struct pool *pool);
void sets_mark(const struct sets *s, struct symbols *symbols);

#endif
