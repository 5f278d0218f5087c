/* Figures by (pane, currency): a sorted array of rows, each with a few 64-bit columns. Currency 0 is the row of what is no money.
 *
 * Used by campaign: appended to at the end nearly always, dropped from at the beginning. Sums saturate. Memory from the pool; bounded by whoever adds
 * (ledger_drop_before).
 */
#ifndef GLINT_LEDGER_H
#define GLINT_LEDGER_H

#include "processor.h"

/* Columns of rows with currency 0, and of rows with a currency. */
enum { COLUMN_IMPRESSIONS,
	COLUMN_CLICKS,
	COLUMN_CARTS };
enum { COLUMN_ORDERS,
	COLUMN_REVENUE,
	COLUMN_ATTRIBUTED_ORDERS,
	COLUMN_ATTRIBUTED_REVENUE,
	LEDGER_COLUMNS };

struct ledger_row {
	int32_t pane;
	symbol_t currency;
	int64_t columns[LEDGER_COLUMNS];
};

struct ledger {
	struct ledger_row *rows; /* by pane, then by the currency's text; NULL while empty */
	uint32_t n, capacity;    /* capacity: of the memory, which begins `dropped` rows before */
	uint32_t dropped;
};

/* The row of (pane, currency), made when new. Currencies of a pane beyond `max_currencies`: NULL. */
struct ledger_row *ledger_row(struct ledger *l, const struct symbols *symbols, struct pool *pool, int32_t pane, symbol_t currency,
	uint32_t max_currencies);
void ledger_add(struct ledger_row *row, int column, int64_t amount);
uint32_t ledger_first(const struct ledger *l, int32_t pane);                /* index of the first row of `pane` or later; l->n: none */
void ledger_drop_before(struct ledger *l, struct pool *pool, int32_t pane); /* rows of earlier panes */

void ledger_save(const struct ledger *l, const struct symbols *symbols, struct buf *to);
int ledger_load(struct ledger *l, struct reader *from, struct symbols *symbols, struct pool *pool); /* 0 or -EBADMSG */
void ledger_done(struct ledger *l, struct pool *pool);
void ledger_mark(const struct ledger *l, struct symbols *symbols);

#endif
