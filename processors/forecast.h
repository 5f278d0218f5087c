/* How many pieces will be sold: a forecast by day for each item, each category and the whole shop, with an interval.
 *
 * The user stage sends the pieces of each order line to its item, the item's category (as the catalogue has it then) and `all`, by UTC day of
 * the order. A day is taken in when the watermark has passed its end; days without a sale count 0, and are filled in when the next sale
 * comes, or when a view is made (the block depends on deltas and watermarks alone). The model is Holt-Winters with a season of a week (holt_winters.h);
 * expected and bounds are not below 0. Refunds take nothing back: demand is what was ordered.
 *
 * Published (glint:forecast:SCOPE) from two weeks on, of what sells `least` pieces a day by the model's level: rarer items have no season worth the name.
 *
 * Good at: weekly rhythm and slow growth. Bad at: campaigns and holidays, which it learns as level; the first weeks.
 */
#ifndef GLINT_FORECAST_H
#define GLINT_FORECAST_H

#include "holt_winters.h"
#include "processor.h"

enum { FORECAST_SEASON = 7,
	FORECAST_OPEN = 4096, /* days that wait for the watermark: of a history that comes at once all, 64 kB */
	FORECAST_DAYS_MAX = 60 };

struct forecast_settings {
	struct hw_rule rule;
	int64_t days; /* ahead */
	double least; /* pieces a day */
};

struct forecast_item {
	int32_t first, next; /* days: of the first sale; the first one that is not taken in yet */
	bool begun;
	struct hw model;
	struct forecast_open {
		int32_t day;
		int64_t pieces;
	} * open;            /* by day */
	uint32_t n_open, open_capacity;
};

extern const struct processor forecast_processor;

#endif
