/* What becomes of recommendations: shown, clicked and bought by kind of reason and place, and what is learnt from it.
 *
 * A list's rec_id ends with one letter for each entry, its kind of reason, so that an event with rec_id and position says which kind it judges, without
 * anybody remembering lists. `all` counts by (pane, kind, place), in panes of a week, the last eight; places are put together the further down they are.
 *
 * Clicks follow the examination model (Richardson, Dominowska & Ragno, WWW 2007): clicks of kind k at place b are Poisson with mean
 *
 *   s_kb p_b g_k        s shown, p_b the chance that place b is looked at (p of the first place = 1), g_k the pull of the kind
 *
 * fitted by alternating its two closed forms, with a prior of 100 impressions at p = (place + 1)^-1/2 for each place and of 10 clicks at the
 * mean rate for each kind. The posterior of a kind is then, places corrected, Gamma(10 + r_k, 10 / g + sum_b s_kb p_b) with r = clicks + 3 bought; the
 * factor of its scores is a draw from it (Thompson, Biometrika 1933) over the mean g, within 1/4..4: the same all day for one shopper, so that what is not
 * known yet is tried. The draw is Wilson and Hilferty's: alpha (1 - 1 / 9 alpha + z / 3 sqrt alpha)^3 of a normal z, from the shopper's hash.
 */
#ifndef GLINT_FEEDBACK_H
#define GLINT_FEEDBACK_H

#include "diversity.h"

enum { FEEDBACK_PLACES = 10,
	FEEDBACK_PANES = 8,
	FEEDBACK_PANE_MS = 7 * 86400 * 1000,
	FEEDBACK_CELLS_MAX = FEEDBACK_PANES * FEEDBACK_PLACES * WHY_KINDS,
	REC_ID_HEAD = 17 }; /* bytes of a rec_id before its letters: 16 digits and a dash */

enum feedback_count { FEEDBACK_SHOWN,
	FEEDBACK_CLICKED,
	FEEDBACK_BOUGHT,
	FEEDBACK_COUNTS };

extern const char feedback_letters[WHY_KINDS + 1]; /* by enum why_kind */

struct feedback { /* of `all` */
	struct feedback_cell {
		int32_t pane;
		uint8_t kind, place;
		int64_t n[FEEDBACK_COUNTS];
	} * cells; /* by pane, kind, place */
	uint32_t n, capacity;
};

/* Of the model table: what lists need. Zero: nothing is learnt. */
struct blend {
	int64_t shown;                  /* impressions that it rests on */
	double ratio[WHY_KINDS];        /* pull over the mean */
	double alpha[WHY_KINDS];        /* of the posterior */
	double looked[FEEDBACK_PLACES]; /* p */
};

/* Kind of reason of an entry by its list's rec_id; -1: not one of ours, or no such place. */
int feedback_kind(struct text rec_id, int32_t position);
uint8_t feedback_place(int32_t position); /* 0..FEEDBACK_PLACES - 1 */
/* The name of (kind, place) as a delta's sub; 2 bytes. */
void feedback_name(char ret[2], int kind, uint8_t place);

/* name: as feedback_name made it; others are ignored. */
void feedback_add(struct feedback *f, struct pool *pool, struct text name, enum feedback_count what, int32_t pane, int64_t amount);
void feedback_done(struct feedback *f, struct pool *pool);
void feedback_save(const struct feedback *f, struct buf *to);
int feedback_load(struct feedback *f, struct reader *from, struct pool *pool); /* 0 or -EBADMSG */

void feedback_blend(const struct feedback *f, struct blend *ret);
/* A draw from Gamma(alpha, 1) by a hash, as above; > 0. */
double feedback_gamma(double alpha, uint64_t hash);
/* The factor of a kind's scores in the lists of one shopper on one day. */
double blend_factor(const struct blend *b, enum why_kind kind, uint64_t user_hash, int64_t day);

#endif
