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
 *   revenue_per_shopper:CUR, _low:CUR, _high:CUR   m = revenue / shoppers, m +- 1.96 s / sqrt(shoppers), s^2 = sum of squares of shoppers' totals / shoppers - m^2: the
 *                          normal interval of a mean (so it wants some hundred shoppers); a total counts to ARM_SPENT_MAX, and in its shopper's first currency alone
 */
#ifndef GLINT_EXPERIMENT_H
#define GLINT_EXPERIMENT_H

#include "processor.h"

enum { ARMS_MAX = 32,
	ARM_CURRENCIES = 8,
	ARM_SPENT_MAX = 30000000 }; /* minor units: squares of ten thousand such shoppers are within 64 bits */

enum arm_count { ARM_LISTS,
	ARM_CLICKED_LISTS,
	ARM_CLICKS,
	ARM_SHOPPERS,
	ARM_BUYERS, /* from here on: of k of them alone, with [privacy] k_of_counts */
	ARM_ORDERS,
	ARM_COUNTS };

struct experiment {
	struct arm {
		symbol_t name;
		int64_t n[ARM_COUNTS];
		struct {
			symbol_t currency;
			int64_t minor, squares;
		} revenue[ARM_CURRENCIES]; /* by currency's bytes */
		uint32_t n_revenue;
	} * arms; /* by name's bytes */
	uint32_t n;
};

/* arm: of its name. Beyond ARMS_MAX arms (ARM_CURRENCIES): *dropped. */
void experiment_add(struct experiment *x, struct item_ctx *ctx, symbol_t arm, enum arm_count what, int64_t amount, uint64_t *dropped);
/* sub: "ARM\tCURRENCY" */
void experiment_revenue(struct experiment *x, struct item_ctx *ctx, symbol_t sub, int64_t minor, int64_t squares, uint64_t *dropped);
void experiment_done(struct experiment *x, struct pool *pool);
void experiment_mark(const struct experiment *x, struct symbols *symbols);
void experiment_save(const struct experiment *x, const struct symbols *symbols, struct buf *to);
/* squares: the row has them (recommend's item version >= 4). 0 or -EBADMSG. */
int experiment_load(struct experiment *x, bool squares, struct reader *from, struct symbols *symbols, struct pool *pool);
void experiment_view(const struct experiment *x, const struct view_ctx *ctx, const char *id);

#endif
