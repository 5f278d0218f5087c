/* An A/B test's arms side by side: lists shown and clicked, shoppers who buy, orders and revenue, with intervals.
 *
 * The arm is the `variant` of the shop's own events; a shopper keeps the last one. Of `all`: counts by arm, from the shoppers' deltas. View: hash
 * glint:experiment:{id}, id being the option `experiment`, fields "NAME:ARM":
 *
 *   lists, clicked_lists   lists of which anything was shown, of which anything was followed: once for each shopper and rec_id
 *   ctr, ctr_low, ctr_high clicked_lists / lists with Wilson's interval, 95 % (stats.h)
 *   clicks                 recommended items that were followed
 *   shoppers, buyers       shoppers who came into the arm, who ordered in it;  cvr, cvr_low, cvr_high: buyers / shoppers likewise
 *   orders, revenue:CUR    minor units, net of discount and refunds
 */
#ifndef GLINT_EXPERIMENT_H
#define GLINT_EXPERIMENT_H

#include "processor.h"

enum { ARMS_MAX = 32,
	ARM_CURRENCIES = 8 };

enum arm_count { ARM_LISTS,
	ARM_CLICKED_LISTS,
	ARM_CLICKS,
	ARM_SHOPPERS,
	ARM_BUYERS,
	ARM_ORDERS,
	ARM_COUNTS };

struct experiment {
	struct arm {
		symbol_t name;
		int64_t n[ARM_COUNTS];
		struct {
			symbol_t currency;
			int64_t minor;
		} revenue[ARM_CURRENCIES]; /* by currency's bytes */
		uint32_t n_revenue;
	} * arms; /* by name's bytes */
	uint32_t n;
};

/* arm: of its name. Beyond ARMS_MAX arms (ARM_CURRENCIES): *dropped. */
void experiment_add(struct experiment *x, struct item_ctx *ctx, symbol_t arm, enum arm_count what, int64_t amount, uint64_t *dropped);
/* sub: "ARM\tCURRENCY" */
void experiment_revenue(struct experiment *x, struct item_ctx *ctx, symbol_t sub, int64_t minor, uint64_t *dropped);
void experiment_done(struct experiment *x, struct pool *pool);
void experiment_mark(const struct experiment *x, struct symbols *symbols);
void experiment_save(const struct experiment *x, const struct symbols *symbols, struct buf *to);
int experiment_load(struct experiment *x, struct reader *from, struct symbols *symbols, struct pool *pool); /* 0 or -EBADMSG */
void experiment_view(const struct experiment *x, const struct view_ctx *ctx, const char *id);

#endif
