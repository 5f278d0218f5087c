/* The greatest of all items by popularity and by trend, in the whole shop and by category, worked out from the model table.
 *
 * Fresh items are those that the catalogue has seen first within `new_for`, or that nobody has touched yet; in the order of a draw of their share of clicks.
 * One pass over the items that have a model row, one over the catalogue: O(items). Items that are unavailable or excluded are in no list. Used by the
 * views of `all` (each time) and by lists.c (toplists_outdated). Ranks are multiplied by the boosts of people and by the
 * exposure of brands before a list is cut to its length. Lists hold symbols of items that the
 * model table held when they were made: whoever uses one later asks the model table again.
 */
#ifndef GLINT_TOPLISTS_H
#define GLINT_TOPLISTS_H

#include "view.h"

struct recommend_settings;
struct recommend_model;

enum { OVER_MAX = 16,
	EXPOSURE_FROM = 100,       /* impressions, decayed: before, no brand has too many */
	TOPLISTS_LATER_MS = 60000, /* of event time */
	TOPLISTS_PER_MS = 1000 };  /* items that may be passed over for each ms of the clock */

struct top_entry {
	symbol_t item;
	double score; /* x toplists_factor: of fresh a draw, see toplists_draw; popular: C at `ts` (relative to the greatest when ts is unknown); trending: rank */
	double value; /* popular: C; trending: the ratio */
};

struct top { /* a heap while it is filled, then by score, greatest first; ties by id's hash */
	struct top_entry *at;
	uint32_t n, capacity;
};

struct toplists {
	struct top popular, trending, fresh;
	struct category_lists {
		symbol_t category;
		struct top popular, trending, fresh;
	} * categories; /* those met first, in the order of the model table */
	uint32_t n_categories, max_categories;
	uint32_t *slots; /* open addressing by category: index + 1 */
	uint32_t mask;
	/* Brands that had more than `exposure_max` of the impressions of recommendations, by half-life popular_half_life. */
	struct exposure {
		symbol_t brand;
		double share;
	} over[OVER_MAX];
	uint32_t n_over;
	uint64_t control_changes;  /* of the model table when they were made */
	int64_t made_at;           /* wall clock, ms; INT64_MIN: never */
	int64_t watermark;         /* they were made at */
	uint32_t passed;           /* items that making them has passed over */
	struct top_entry *entries; /* of all lists */
	struct buf shown;          /* the categories whose keys the last view has written: texts */
};

int toplists_init(struct toplists *t, uint32_t top_items, uint32_t categories, uint32_t list_size); /* 0 or -ENOMEM */
void toplists_done(struct toplists *t);                                                             /* a zeroed struct is valid */

/* A draw from Beta(1 + clicked, 20 + shown - clicked), the same for an item all hour: what was shown little, or clicked much, comes first
 * more often than not (Thompson). */
double toplists_draw(uint32_t shown, uint32_t clicked, uint64_t item_hash, int64_t hour);
double toplists_draw_now(const struct view_ctx *ctx, symbol_t item, const struct recommend_model *m); /* that of the item at the watermark; m NULL: untouched */

void toplists_make(struct toplists *t, const struct recommend_settings *s, const struct view_ctx *ctx);
/* Should they be made anew for a list? `refresh` has passed, people have decided something, or the watermark has gone on by more than a minute. In a
 * replay it does so with each list: they are left for a millisecond for each TOPLISTS_PER_MS items, so that some tenth of a core goes into them. Of several tasks with
 * watermarks of their own the one ahead counts. */
bool toplists_outdated(const struct toplists *t, const struct recommend_settings *s, const struct view_ctx *ctx);
/* The factor of the scores of a brand's items: exposure_max / share for one that is shown too much, else 1. */
double toplists_exposure(const struct toplists *t, double exposure_max, symbol_t brand);
/* That factor x the item's boosts (controls.h): lists of all kinds rank by it. */
double toplists_factor(const struct toplists *t, double exposure_max, const struct model *model, symbol_t item, const struct catalogue_item *known);
const struct category_lists *toplists_category(const struct toplists *t, symbol_t category); /* NULL: has none */

/* Redis: glint:popular, glint:trending, glint:recs:_default, each whole and by category, glint:blocked and glint:exposure. Keys of a category that has no
 * items any more are deleted; when it lost them while nobody looked (a restart) they end with their time to live. */
void toplists_view(struct toplists *t, const struct recommend_settings *s, const struct view_ctx *ctx);

#endif
