/* What one shopper did with recommendations, and in which arm of an A/B test: the user side of feedback.h and experiment.h.
 *
 * Of the block: the arms come into, the last lists shown, the last recommended items followed. It makes each count once:
 *
 *   shopper, buyer   once for each arm, however often its shopper comes back to it. The arm of an event is the `variant` that it tells, else the last one told
 *   list             once for each rec_id, in one arm: that of its first event, shown or followed, whose arm is known. Whatever else becomes of it is of that arm, too
 *   place            shown once for each (rec_id, position): a page that is loaded again shows nothing new. A list shown by one event shows each of its places. An
 *                    impression without position that names an item, or of a place from FOLLOWED_PLACES on, counts each time
 *   item of a list   followed once
 *
 * An order's item belongs to the recommendation by which the shopper last followed it, at most a week before. Kept small: what falls out of it (a list when
 * FOLLOWED_LISTS newer ones have come, an arm when FOLLOWED_ARMS others have been told since) may be counted again. Another id of the test begins anew
 * with the shopper's next event that tells an arm or was in one: no arm, and a list that was counted is counted again when it is shown again, not when it is
 * followed alone. Places stay shown, items followed; these are no matter of tests.
 */
#ifndef GLINT_FOLLOWED_H
#define GLINT_FOLLOWED_H

#include "processor.h"

enum { FOLLOWED_ARMS = 4,
	FOLLOWED_LISTS = 8,
	FOLLOWED_PLACES = 128,
	FOLLOWED_ITEMS = 16 };

#define FOLLOWED_WINDOW_MS ((int64_t)7 * 86400 * 1000)

struct followed {
	int32_t experiment; /* of the arms: experiment_of(); 0: a version that did not tell */
	symbol_t arm;       /* the newest of them; 0: none */
	uint8_t n_arms, n_lists, n_items;
	struct followed_arm {
		symbol_t arm;
		symbol_t currency; /* of the first order in it; 0: none so far */
		int64_t spent;     /* minor units of it, within the arm */
		bool bought;
	} arms[FOLLOWED_ARMS]; /* told last, last */
	struct followed_list {
		uint64_t rec;                          /* XXH3 of the rec_id */
		uint64_t places[FOLLOWED_PLACES / 64]; /* bits: shown one by one */
		symbol_t arm;                          /* in which it is counted; 0: in none */
		bool clicked;                          /* counted so, in the arm */
		bool whole;                            /* shown by one event */
		bool past;                             /* counted in another test: not in this one by being followed alone */
	} lists[FOLLOWED_LISTS];                       /* newest last */
	struct followed_item {
		uint64_t rec;
		int64_t ts;
		symbol_t item;
		int8_t kind; /* enum why_kind; -1: not known */
		uint8_t place;
		bool bought;
		bool in_arm;     /* counted in its list's */
	} items[FOLLOWED_ITEMS]; /* newest last */
};

/* at: where the block keeps it, NULL until it is needed. A click event of any action. experiment: the id in force, experiment_of(). */
void followed_click(struct followed **at, struct user_ctx *ctx, const struct event *e, symbol_t item, int32_t experiment);
/* One distinct item of an order. */
void followed_bought(struct followed *f, struct user_ctx *ctx, symbol_t item, int64_t ts);
/* The order, or refund, as a whole: net in minor units, negative when money goes back. */
void followed_order(struct followed **at, struct user_ctx *ctx, const struct event *e, int32_t experiment, symbol_t currency, int64_t net);

void followed_done(struct followed *f, struct pool *pool); /* NULL allowed */
void followed_mark(const struct followed *f, struct symbols *symbols);
void followed_save(const struct followed *f, const struct symbols *symbols, struct buf *to);
/* version: of recommend's user row, >= 2. 0 or -EBADMSG. */
int followed_load(struct followed **ret, uint16_t version, struct reader *from, struct symbols *symbols, struct pool *pool);

#endif
