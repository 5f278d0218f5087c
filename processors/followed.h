/* What one shopper did with recommendations, and in which arm of an A/B test: the user side of feedback.h and experiment.h.
 *
 * Of the block: the arm last told, the last lists shown, the last recommended items followed. It makes each count once: a list is shown and clicked once
 * for each rec_id, an item of a list followed once. An order's item belongs to the recommendation by which the shopper last followed
 * it, at most a week before. Kept small: what falls out of it may be counted again.
 */
#ifndef GLINT_FOLLOWED_H
#define GLINT_FOLLOWED_H

#include "processor.h"

enum { FOLLOWED_LISTS = 8,
	FOLLOWED_ITEMS = 16 };

#define FOLLOWED_WINDOW_MS ((int64_t)7 * 86400 * 1000)

struct followed {
	symbol_t arm;
	symbol_t currency; /* of the first order in the arm; 0: none so far */
	int64_t spent;     /* minor units of it, within the arm */
	bool arm_bought;
	uint8_t n_lists, n_items;
	struct followed_list {
		uint64_t rec; /* XXH3 of the rec_id */
		bool shown, clicked;
	} lists[FOLLOWED_LISTS]; /* newest last */
	struct followed_item {
		uint64_t rec;
		int64_t ts;
		symbol_t item;
		int8_t kind; /* enum why_kind; -1: not known */
		uint8_t place;
		bool bought;
	} items[FOLLOWED_ITEMS]; /* newest last */
};

/* at: where the block keeps it, NULL until it is needed. A click event of any action. */
void followed_click(struct followed **at, struct user_ctx *ctx, const struct event *e, symbol_t item);
/* One distinct item of an order. */
void followed_bought(struct followed *f, struct user_ctx *ctx, symbol_t item, int64_t ts);
/* The order, or refund, as a whole: net in minor units, negative when money goes back. */
void followed_order(struct followed **at, struct user_ctx *ctx, const struct event *e, symbol_t currency, int64_t net);

void followed_done(struct followed *f, struct pool *pool); /* NULL allowed */
void followed_mark(const struct followed *f, struct symbols *symbols);
void followed_save(const struct followed *f, const struct symbols *symbols, struct buf *to);
/* totals: the row has them (recommend's user version >= 4). 0 or -EBADMSG. */
int followed_load(struct followed **ret, bool totals, struct reader *from, struct symbols *symbols, struct pool *pool);

#endif
