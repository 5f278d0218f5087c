/* Campaigns: what events that name one did, what orders its last touch led to, and how many shoppers it reached.
 *
 * Direct: impressions, clicks and carts of click events with the campaign_id; orders and revenue of purchases that name it.
 * Attributed: an order belongs to the campaign of the shopper's last touch, a CLICK or VIEW with a campaign_id, at most
 * attribution_window before the order (and not after it). Revenue is in minor units by currency, net of discount and refunds:
 *
 *   gross = sum of quantity x unit_price over the lines; net = gross - discount (0 <= discount <= gross)
 *   a refund returns R of gross, at most what is left: refunded' = refunded + min(max(R, 0), gross - refunded), and takes
 *   (refunded' - refunded) - (D(refunded') - D(refunded)) from revenue, with D(x) = floor(discount x / gross): the discount goes back in
 *   proportion, and a wholly returned order leaves exactly 0
 *
 * A refund is booked at its own time against the campaigns of its order, which the shopper's block remembers. Orders are counted as
 * placed. CTR = clicks / impressions, CVR = attributed orders / clicks, AOV = revenue / orders by currency. Uniques: shoppers with any
 * click event that names the campaign, by HyperLogLog (hll.h), of all time and of the day. `today` is the watermark's UTC day.
 *
 * Item stage: a campaign's figures are rows of a ledger by (pane, currency): all time, its last days, its last minutes. Views:
 * hash glint:campaign:ID, stream glint:campaign:ID:minutes (completed minutes), sorted set glint:campaigns. Alerts when a campaign's figures leave
 * what is usual at the hour: watch.h; the key `all` has such a block for the traffic of the inputs alone.
 */
#ifndef GLINT_CAMPAIGN_H
#define GLINT_CAMPAIGN_H

#include "watch.h"

struct campaign_settings {
	int64_t attribution_window_ms;
	int64_t max_touches, max_orders; /* kept of one shopper */
	int64_t minutes;                 /* kept, and the length of the stream */
	int64_t max_currencies;          /* of one campaign */
	struct watch_settings watch;
};

/* Money of one event is cut to this (and counted): sums of millions of them stay far from overflow. */
#define CAMPAIGN_AMOUNT_MAX ((int64_t)10000000000000) /* minor units */

enum { MINUTE_MS = 60000,
	DAY_MS = 86400000 };

/* A campaign's block. */
struct campaign_item {
	struct ledger total, days, minutes; /* total: pane 0 */
	uint8_t *uniques;                   /* HLL_REGISTERS of all time; NULL: none yet */
	struct campaign_day *unique_days;   /* ascending; from the watermark's day on */
	uint32_t n_unique_days, unique_days_capacity;
	int64_t last_ts;   /* greatest event time that named it, or was attributed to it */
	int64_t watermark; /* as last seen; used only when timed */
	bool timed;
	struct watch watch;
};

struct campaign_day {
	int32_t day;
	uint8_t *uniques;
};

/* campaign_view.c */
void campaign_item_view(const void *settings, const struct view_ctx *ctx, const void *block);
void campaign_item_dump(const void *settings, const struct dump_ctx *ctx, const void *block);

extern const struct processor campaign_processor;

#endif
