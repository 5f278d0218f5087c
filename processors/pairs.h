/* Windowed pair counts of one item: how many baskets of the window it shared with each other item, exact, by panes of event time.
 *
 *   struct pairs      sorted panes (ascending) ── each: baskets of the item itself, and a map other -> count
 *                     total: the sum of the panes of the window, a map of its own only while the window has two or more
 *
 * The window is the last `panes` panes up to `now`, the watermark's pane: pane p counts while now - panes < p <= now. What is older
 * is refused (-ESTALE); what is ahead of the watermark is kept and enters the totals when pairs_advance() reaches it. panes == 0: one
 * pane, 0, for ever. The maps are open addressing by symbol (power of two, at most 3/4 full, linear probing, deletion by shifting
 * back), 8 bytes a slot, from the pool. Counts end at UINT32_MAX. Bytes saved are in an order of their own (by the XXH3 of the other's
 * id), so that equal counts give equal bytes whatever the history of the maps.
 */
#ifndef GLINT_PAIRS_H
#define GLINT_PAIRS_H

#include "pool.h"
#include "processor.h"

enum { PAIRS_PANES_MAX = 4096 }; /* in one window, and ahead of it */

struct pair_slot {
	symbol_t other; /* 0 = free */
	uint32_t count;
};

struct pair_map {
	struct pair_slot *slots; /* 1 << bits of them; NULL while empty */
	uint32_t n;              /* used */
	uint8_t bits;
};

struct pairs_pane {
	int32_t pane;
	uint32_t baskets; /* with the item in them */
	struct pair_map map;
};

struct pairs {
	struct pairs_pane *panes; /* ascending */
	uint32_t n_panes, panes_capacity;
	uint32_t n_in;         /* the first so many are in the window; the rest is ahead */
	uint32_t baskets;      /* of the window */
	int32_t now;           /* the watermark's pane as last seen; INT32_MIN: none yet. Always 0 for ever */
	int64_t until;         /* end of that pane, where known: a watermark below it changes nothing (saves a division per increment) */
	bool started;          /* now is set; a fresh block is zero bytes */
	bool ever;             /* anything was ever counted */
	struct pair_map total; /* used while n_in >= 2 */
};

struct pairs_window {
	int64_t pane_ms;
	int32_t panes; /* of the window; 0: for ever */
};

static inline int32_t pairs_pane_at(struct pairs_window w, int64_t ts) /* INT64_MIN: INT32_MIN */
{
	return w.panes == 0 ? 0 : ts == INT64_MIN ? INT32_MIN
						  : pane_of(ts, w.pane_ms);
}

/* What a pane number means, in a row, as one number (whole hours are small ones): counts of two widths are not of the same panes. 0: for ever. */
static inline uint64_t pairs_width(struct pairs_window w)
{
	enum { HOUR_MS = 3600000 };
	return !w.panes ? 0 : w.pane_ms % HOUR_MS ? (uint64_t)w.pane_ms << 1 | 1 : (uint64_t)w.pane_ms / HOUR_MS << 1;
}

/* Adds `amount` (> 0) to the count with `other`, or, with other == 0, to the item's own baskets. 0; -ESTALE: the pane is older than the
 * window; -ENOSPC: a new other beyond max_others, or a pane beyond PAIRS_PANES_MAX. On failure nothing is changed. */
int pairs_add(struct pairs *p, struct pairs_window w, struct pool *pool, int32_t pane, symbol_t other, int64_t amount, uint32_t max_others);

/* Takes back what pairs_add() of the same pane and other has added; nothing of what is not there. Returns how much it was. */
uint32_t pairs_take_back(struct pairs *p, struct pairs_window w, struct pool *pool, int32_t pane, symbol_t other, int64_t amount);

/* A hint: pairs_add() with this pane and other comes soon. */
void pairs_soon(const struct pairs *p, int32_t pane, symbol_t other);

/* The watermark is at `ts` (INT64_MIN: unknown): moves the window, frees what left it. A ts before the last one changes nothing. */
void pairs_advance(struct pairs *p, struct pairs_window w, struct pool *pool, int64_t ts);

/* The watermark at which pairs_advance() will next change something; INT64_MAX: none. */
int64_t pairs_due_at(const struct pairs *p, struct pairs_window w);

/* The window's counts; never NULL. Slots with other == 0 are free. */
const struct pair_map *pairs_total(const struct pairs *p);
uint32_t pair_map_count(const struct pair_map *m, symbol_t other); /* 0: none */
uint32_t pairs_count(const struct pairs *p, symbol_t other);       /* in the window; 0: none */

/* pairs_load() reads into zero bytes; 0 or -EBADMSG (then still to be given to pairs_done). What was saved with other panes is put into
 * the pane of this window where each of its panes began; counts of no time, saved with a window for ever, are lost to one that ends. */
void pairs_save(const struct pairs *p, struct pairs_window w, const struct symbols *symbols, struct buf *to);
int pairs_load(struct pairs *p, struct pairs_window w, struct reader *from, struct symbols *symbols, struct pool *pool);
void pairs_done(struct pairs *p, struct pool *pool);
void pairs_mark(const struct pairs *p, struct symbols *symbols);

#endif
