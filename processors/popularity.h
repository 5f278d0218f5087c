/* How often an item is looked at, put into carts and bought, and how that changes.
 *
 * Block: totals, revenue by currency, and weighted actions (view and click 1, cart 2, purchase 3) in panes: hours for the last 48,
 * days for 30 days before. What is older than 30 days before the item's newest hour is in the totals alone. Hours fold into days by
 * the newest hour of the block itself, so the block does not depend on the order of deltas.
 *
 * Decayed counts, read with forward decay (Cormode et al., "Forward Decay", ICDE 2009): with half-life H, pane middles t_i and a fixed landmark
 * (1970),
 *
 *   level_H = log2 sum w_i 2^(t_i / H)      C_H(t) = 2^(level_H - t / H)
 *
 * so levels of items compare without a common "now": a model row stays right while time goes on. Popularity is C with half-life
 * `popular_half_life`. Trend is the ratio of a fast and a slow decayed rate (ALGORITHMS G), tau = H / ln 2:
 *
 *   trend(t) = (C_f / tau_f + e) / (C_s / tau_s + e)      e = 0.05 actions an hour; no value while C_f < 5
 *
 * and items are ranked by trend x ln(1 + C_f), which keeps small numbers from winning.
 */
#ifndef GLINT_POPULARITY_H
#define GLINT_POPULARITY_H

#include "processor.h"

enum { METRIC_VIEWS,
	METRIC_CLICKS,
	METRIC_CARTS,
	METRIC_BUYS,
	POPULARITY_COUNTS,
	METRIC_REVENUE = POPULARITY_COUNTS,
	METRIC_FEEDBACK,                      /* + enum feedback_count: of an item, a brand; of `all` with sub = feedback_name */
	METRIC_ARMS = METRIC_FEEDBACK + 3,    /* + enum arm_count; of `all`, sub = the arm */
	METRIC_GAPS = 16,                     /* + bucket of repeat.h; of a category */
	METRIC_ARM_REVENUE = METRIC_ARMS + 6, /* of `all`, sub = "ARM\tCURRENCY" */
	METRIC_ARM_SQUARES                    /* the same */
};
enum { POPULARITY_PANE_MS = 3600 * 1000,
	POPULARITY_HOURS = 48,
	POPULARITY_DAYS = 30,
	POPULARITY_CURRENCIES = 16 };

enum popularity_level { LEVEL_POPULAR,
	LEVEL_FAST,
	LEVEL_SLOW,
	LEVELS };

struct popularity_settings {
	int64_t half_life_ms[LEVELS];
	double *decay[LEVELS]; /* 2^(-hours / H) for 0, 1, ... hours; made by popularity_setup */
};

int popularity_setup(struct popularity_settings *s); /* 0 or -ENOMEM */
void popularity_teardown(struct popularity_settings *s);

struct popularity_series {
	struct popularity_pane {
		int32_t pane;
		uint32_t weight; /* stops at its maximum */
	} * at;                  /* by pane */
	uint16_t n, capacity;
};

struct popularity {
	int64_t n[POPULARITY_COUNTS];
	struct popularity_series hours, days;
	struct popularity_revenue {
		symbol_t currency;
		int64_t minor; /* net of refunds, before the discount of a whole order */
	} * revenue;           /* by the currency's text */
	uint32_t n_revenue;
};

/* Of the model table: levels, as above. -INFINITY is no action in 30 days. */
struct popularity_model {
	double level[LEVELS];
};

/* Impressions of a brand: as weight 1 in the panes, without a total. */
void popularity_count_shown(struct popularity *p, struct pool *pool, int32_t pane, int64_t amount);

void popularity_add(struct popularity *p, struct item_ctx *ctx, const struct delta *d, uint64_t *dropped_currency);
void popularity_done(struct popularity *p, struct pool *pool);
void popularity_mark(const struct popularity *p, struct symbols *symbols);
void popularity_save(const struct popularity *p, const struct symbols *symbols, struct buf *to);
int popularity_load(struct popularity *p, struct reader *from, struct symbols *symbols, struct pool *pool); /* 0 or -EBADMSG */
void popularity_levels(const struct popularity_settings *s, const struct popularity *p, double ret_level[LEVELS]);

/* C_H(ts), decayed weighted actions. */
double popularity_count(const struct popularity_settings *s, const struct popularity_model *m, enum popularity_level level, int64_t ts);
/* trend(ts), or NAN while there are too few actions. */
double popularity_trend(const struct popularity_settings *s, const struct popularity_model *m, int64_t ts);
double popularity_trend_rank(double trend, double fast_count);

#endif
