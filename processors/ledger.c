/* Figures by pane and currency; see ledger.h. */
#include "ledger.h"

#include <errno.h>

uint32_t ledger_first(const struct ledger *l, int32_t pane)
{
	uint32_t low = l->n, high = l->n;
	for (uint32_t step = 1; low && l->rows[low - 1].pane >= pane; step *= 2) { /* nearly always near the end */
		high = low - 1;
		low = low > step ? low - step : 0;
	}
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (l->rows[middle].pane < pane)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* To the memory's beginning, in room for `capacity` rows, at least n. */
static void move(struct ledger *l, struct pool *pool, uint32_t capacity)
{
	struct ledger_row *memory = l->rows ? l->rows - l->dropped : NULL;
	if (l->dropped)
		memmove(memory, l->rows, l->n * sizeof(*memory));
	if (capacity != l->capacity)
		memory = pool_resize(pool, memory, l->capacity * sizeof(*memory), capacity * sizeof(*memory));
	*l = (struct ledger){ .rows = memory, .n = l->n, .capacity = capacity };
}

struct ledger_row *ledger_row(struct ledger *l, const struct symbols *symbols, struct pool *pool, int32_t pane, symbol_t currency,
	uint32_t max_currencies)
{
	uint32_t i = ledger_first(l, pane), at = i, currencies = 0;
	struct text text = symbols_text(symbols, currency);
	for (; i < l->n && l->rows[i].pane == pane; i++) {
		if (l->rows[i].currency == currency)
			return &l->rows[i];
		currencies += l->rows[i].currency != 0;
		if (text_compare(symbols_text(symbols, l->rows[i].currency), text) < 0)
			at = i + 1;
	}
	if (currency && currencies >= max_currencies)
		return NULL;
	if (l->dropped + l->n == l->capacity)
		move(l, pool, l->dropped ? l->capacity : l->capacity ? l->capacity * 2
								     : 2);
	memmove(l->rows + at + 1, l->rows + at, (l->n - at) * sizeof(*l->rows));
	l->n++;
	l->rows[at] = (struct ledger_row){ .pane = pane, .currency = currency };
	return &l->rows[at];
}

void ledger_add(struct ledger_row *row, int column, int64_t amount)
{
	int64_t sum;
	if (__builtin_add_overflow(row->columns[column], amount, &sum))
		sum = amount < 0 ? INT64_MIN : INT64_MAX;
	row->columns[column] = sum;
}

void ledger_drop_before(struct ledger *l, struct pool *pool, int32_t pane)
{
	uint32_t n = 0;
	while (n < l->n && l->rows[n].pane < pane)
		n++;
	if (!n)
		return;
	l->n -= n;
	l->rows += n;
	l->dropped += n;
	if (!l->n)
		ledger_done(l, pool);
	else if (l->dropped > l->n)
		move(l, pool, l->capacity > 64 && l->capacity > 4 * l->n ? 2 * l->n : l->capacity);
}

void ledger_save(const struct ledger *l, const struct symbols *symbols, struct buf *to)
{
	buf_varint(to, l->n);
	for (uint32_t i = 0; i < l->n; i++) {
		buf_zigzag(to, l->rows[i].pane);
		buf_text(to, symbols_text(symbols, l->rows[i].currency));
		for (int c = 0; c < LEDGER_COLUMNS; c++)
			buf_zigzag(to, l->rows[i].columns[c]);
	}
}

int ledger_load(struct ledger *l, struct reader *from, struct symbols *symbols, struct pool *pool)
{
	uint64_t n = reader_varint(from);
	for (uint64_t i = 0; i < n && !from->bad; i++) {
		int32_t pane = (int32_t)reader_zigzag(from);
		symbol_t currency = symbols_intern(symbols, reader_text(from));
		if (from->bad || (l->n && pane < l->rows[l->n - 1].pane))
			return -EBADMSG;
		struct ledger_row *row = ledger_row(l, symbols, pool, pane, currency, UINT32_MAX);
		for (int c = 0; c < LEDGER_COLUMNS; c++)
			row->columns[c] = reader_zigzag(from);
	}
	return from->bad ? -EBADMSG : 0;
}

void ledger_done(struct ledger *l, struct pool *pool)
{
	if (l->rows)
		pool_free(pool, l->rows - l->dropped, l->capacity * sizeof(*l->rows));
	*l = (struct ledger){ 0 };
}

void ledger_mark(const struct ledger *l, struct symbols *symbols)
{
	for (uint32_t i = 0; i < l->n; i++)
		symbols_mark(symbols, l->rows[i].currency);
}
