/* An A/B test's arms side by side: lists shown and clicked, shoppers who buy, orders and revenue, with intervals.
 *
 * The test is the option `experiment`, its id; the arm is the `variant` of the shop's own events; a shopper keeps the last one (followed.h says what is counted in which
 * arm, and when). Of `all`: counts by id and arm, from the shoppers' deltas, whose pane is experiment_of() of the id that was in force where the event was
 * counted; so processes that take over a new id at different moments mix nothing up. Kept are the two ids counted last, one of which is shown. View: hash
 * glint:experiment:{id}, fields "NAME:ARM":
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

enum { EXPERIMENTS_MAX = 2,
	ARMS_MAX = 32,
	ARM_CURRENCIES = 8,
	ARM_SPENT_MAX = 30000000 }; /* minor units: squares of ten thousand such shoppers are within 64 bits */

enum arm_count { ARM_LISTS,
	ARM_CLICKED_LISTS,
	ARM_CLICKS,
	ARM_SHOPPERS,
	ARM_BUYERS, /* from here on: of k of them alone, with [privacy] k_of_counts */
	ARM_ORDERS,
	ARM_COUNTS };

struct experiments {
	struct experiment {
		int32_t id; /* experiment_of(); 0: of a version that did not tell */
		uint32_t n;
		struct arm {
			symbol_t name;
			int64_t n[ARM_COUNTS];
			struct {
				symbol_t currency;
				int64_t minor, squares;
			} revenue[ARM_CURRENCIES]; /* by currency's bytes */
			uint32_t n_revenue;
		} * arms;      /* by name's bytes */
	} of[EXPERIMENTS_MAX]; /* counted last, last */
	uint32_t n;
};

/* 32 bits of XXH3 of the id; never 0. */
int32_t experiment_of(struct text id);

/* d: metric METRIC_ARMS and above, pane the experiment, sub the arm, of revenue and squares "ARM\tCURRENCY". Beyond ARMS_MAX arms, ARM_CURRENCIES: *dropped. */
void experiments_add(struct experiments *x, struct item_ctx *ctx, const struct delta *d, uint64_t *dropped);
void experiments_done(struct experiments *x, struct pool *pool);
void experiments_mark(const struct experiments *x, struct symbols *symbols);
void experiments_save(const struct experiments *x, const struct symbols *symbols, struct buf *to);
/* version: of recommend's item row, >= 2. 0 or -EBADMSG. */
int experiments_load(struct experiments *x, uint16_t version, struct reader *from, struct symbols *symbols, struct pool *pool);
void experiments_view(const struct experiments *x, const struct view_ctx *ctx, const char *id);

#endif
