/* The forecast processor; see forecast.h. */
#include "forecast.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "itemsets.h"
#include "json.h"
#include "view.h"

static const struct option options[] = {
	{ "days", OPTION_COUNT, OPTION_AT(forecast_settings, days), .value = "14", .min = "1", .max = "60", .zero = "no forecasts", .unit = "days",
		.help = "How far sales are forecast." },
	{ "least", OPTION_REAL, OPTION_AT(forecast_settings, least), .value = "1", .min = "0", .max = "1000000", .unit = "pieces a day",
		.help = "Items and categories that sell less have no forecast." },
	{ "alpha", OPTION_REAL, OPTION_AT(forecast_settings, rule.alpha), .value = "0.2", .min = "0", .max = "1",
		.help = "How fast the level of sales follows the last day." },
	{ "beta", OPTION_REAL, OPTION_AT(forecast_settings, rule.beta), .value = "0.02", .min = "0", .max = "1",
		.help = "How fast the trend follows the level." },
	{ "gamma", OPTION_REAL, OPTION_AT(forecast_settings, rule.gamma), .value = "0.1", .min = "0", .max = "1",
		.help = "How fast the days of the week follow the last one of their kind." },
};

enum { METRIC_PIECES };
enum { DROP_LATE,
	DROP_AHEAD };
static const char *const drop_names[] = { "late_sales", "sales_ahead", NULL };

static const int64_t day_ms = 86400000, pieces_max = 1000000; /* of one line: more is a mistake */

static int setup(void *settings, char *error, size_t error_size)
{
	struct forecast_settings *s = settings;
	(void)error, (void)error_size;
	s->rule.season = FORECAST_SEASON;
	return 0;
}

static void event(const void *settings, struct user_ctx *ctx, void *block, const struct event *e)
{
	const struct forecast_settings *s = settings;
	(void)block;
	if (!s->days || e->kind != EVENT_PURCHASE || e->purchase.kind != PURCHASE_ORDER)
		return;
	int32_t day = pane_of(e->ts, day_ms);
	for (uint32_t i = 0; i < e->purchase.n_lines; i++) {
		const struct order_line *l = &e->purchase.lines[i];
		symbol_t item = l->quantity > 0 ? symbols_intern(ctx->symbols, l->item_id) : 0;
		if (!item)
			continue;
		int64_t n = l->quantity < pieces_max ? l->quantity : pieces_max;
		symbol_t category = model_catalogue(ctx->model, item)->category;
		emit_sum(ctx->emitter, P_FORECAST, (struct key){ KEY_ITEM, item }, METRIC_PIECES, 0, day, n);
		if (category)
			emit_sum(ctx->emitter, P_FORECAST, (struct key){ KEY_CATEGORY, category }, METRIC_PIECES, 0, day, n);
		emit_sum(ctx->emitter, P_FORECAST, (struct key){ KEY_ALL, 0 }, METRIC_PIECES, 0, day, n);
	}
}

/* ---- item stage ---- */

static void delta(const void *settings, struct item_ctx *ctx, void *block, const struct delta *d)
{
	struct forecast_item *b = block;
	(void)settings;
	if (d->metric != METRIC_PIECES)
		return;
	if (b->begun && d->pane < b->next) {
		ctx->drops[DROP_LATE] += (uint64_t)d->amount;
		return;
	}
	uint32_t at = b->n_open;
	while (at && b->open[at - 1].day > d->pane)
		at--;
	if (at && b->open[at - 1].day == d->pane) {
		b->open[at - 1].pieces += d->amount;
		return;
	}
	if (b->n_open == FORECAST_OPEN) {
		ctx->drops[DROP_AHEAD] += (uint64_t)d->amount;
		return;
	}
	if (b->n_open == b->open_capacity) {
		uint32_t capacity = b->open_capacity ? 2 * b->open_capacity : 2;
		b->open = pool_resize(ctx->pool, b->open, b->open_capacity * sizeof(*b->open), capacity * sizeof(*b->open));
		b->open_capacity = capacity;
	}
	memmove(b->open + at + 1, b->open + at, (b->n_open - at) * sizeof(*b->open));
	b->n_open++;
	b->open[at] = (struct forecast_open){ d->pane, d->amount };
}

static int64_t due_at(const void *settings, const void *block)
{
	const struct forecast_item *b = block;
	(void)settings;
	return b->n_open ? ((int64_t)b->open[0].day + 1) * day_ms : INT64_MAX;
}

/* Days without a sale up to `day`, which is not taken in. After a silence of years one year of it says all. */
static void silence(const struct hw_rule *r, struct hw *m, int32_t *next, int32_t day)
{
	enum { YEAR = 364 }; /* whole weeks */
	if ((int64_t)day - *next > 2 * YEAR)
		*next += (int32_t)(((int64_t)day - *next - YEAR) / FORECAST_SEASON * FORECAST_SEASON);
	for (; *next < day; ++*next)
		hw_push(r, m, 0);
}

static void due(const void *settings, struct item_ctx *ctx, void *block)
{
	const struct forecast_settings *s = settings;
	struct forecast_item *b = block;
	uint32_t n = 0;
	for (; n < b->n_open && ((int64_t)b->open[n].day + 1) * day_ms <= ctx->watermark; n++) {
		int32_t day = b->open[n].day;
		if (!b->begun) {
			b->begun = true;
			b->first = b->next = day;
		}
		silence(&s->rule, &b->model, &b->next, day);
		hw_push(&s->rule, &b->model, (double)b->open[n].pieces);
		b->next = day + 1;
	}
	b->n_open -= n;
	if (n)
		memmove(b->open, b->open + n, b->n_open * sizeof(*b->open));
	if (b->open_capacity > 16 && b->n_open <= b->open_capacity / 4) { /* after a history */
		uint32_t capacity = 2 * b->n_open;
		b->open = pool_resize(ctx->pool, b->open, b->open_capacity * sizeof(*b->open), capacity * sizeof(*b->open));
		b->open_capacity = capacity;
	}
}

static void item_save(const void *settings, const void *block, const struct symbols *symbols, struct buf *to)
{
	const struct forecast_item *b = block;
	const struct hw *m = &b->model;
	(void)settings, (void)symbols;
	buf_u8(to, b->begun);
	if (b->begun) {
		buf_zigzag(to, b->first);
		buf_zigzag(to, b->next);
		buf_varint(to, m->n);
		uint32_t kept = m->n < 2 * FORECAST_SEASON ? (uint32_t)m->n : FORECAST_SEASON;
		for (uint32_t i = 0; i < kept; i++)
			buf_double(to, m->season[i]);
		if (m->n >= 2 * FORECAST_SEASON) {
			buf_double(to, m->level);
			buf_double(to, m->trend);
			buf_double(to, m->error_sum);
			buf_double(to, m->mse);
		}
	}
	buf_varint(to, b->n_open);
	for (uint32_t i = 0; i < b->n_open; i++) {
		buf_zigzag(to, b->open[i].day);
		buf_zigzag(to, b->open[i].pieces);
	}
}

static int item_load(const void *settings, void *block, uint16_t version, struct reader *from, struct symbols *symbols, struct pool *pool)
{
	struct forecast_item *b = block;
	struct hw *m = &b->model;
	(void)settings, (void)symbols;
	b->begun = reader_u8(from);
	if (version != 1)
		return -EBADMSG;
	if (b->begun) {
		b->first = (int32_t)reader_zigzag(from);
		b->next = (int32_t)reader_zigzag(from);
		m->n = reader_varint(from);
		uint32_t kept = m->n < 2 * FORECAST_SEASON ? (uint32_t)m->n : FORECAST_SEASON;
		for (uint32_t i = 0; i < kept; i++)
			m->season[i] = reader_double(from);
		if (m->n >= 2 * FORECAST_SEASON) {
			m->level = reader_double(from);
			m->trend = reader_double(from);
			m->error_sum = reader_double(from);
			m->mse = reader_double(from);
		}
	}
	uint64_t n = reader_varint(from);
	if (from->bad || n > FORECAST_OPEN)
		return -EBADMSG;
	b->open = pool_alloc(pool, n * sizeof(*b->open));
	b->open_capacity = (uint32_t)n;
	for (; b->n_open < n; b->n_open++) {
		b->open[b->n_open].day = (int32_t)reader_zigzag(from);
		b->open[b->n_open].pieces = reader_zigzag(from);
	}
	return from->bad ? -EBADMSG : 0;
}

static void item_done(void *block, struct pool *pool)
{
	struct forecast_item *b = block;
	pool_free(pool, b->open, b->open_capacity * sizeof(*b->open));
	*b = (struct forecast_item){ 0 };
}

/* ---- view ---- */

static void number(struct buf *b, const char *name, double value)
{
	json_name(b, name);
	json_double(b, value);
}

static void item_view(const void *settings, const struct view_ctx *ctx, const void *block)
{
	const struct forecast_settings *s = settings;
	const struct forecast_item *b = block;
	const char *name = ctx->key.kind == KEY_ITEM ? "forecast:item:" : ctx->key.kind == KEY_CATEGORY ? "forecast:category:"
													 : "forecast:all";
	struct buf *to = ctx->scratch;
	struct text id = ctx->key.kind == KEY_ALL ? TEXT("") : symbols_text(ctx->symbols, ctx->key.id);
	if (!s->days || !b->begun || ctx->watermark == INT64_MIN)
		return;
	int32_t today = pane_of(ctx->watermark, day_ms), next = b->next;
	struct hw m = b->model;
	silence(&s->rule, &m, &next, today);
	if (m.n < 2 * FORECAST_SEASON)
		return;
	if (m.level < s->least || !itemsets_enough(ctx, ctx->key, false)) {
		view_begin(ctx->view, "DEL");
		view_key(ctx->view, name, id);
		view_end(ctx->view);
		return;
	}
	buf_clear(to);
	json_view_open(to, ctx->as_of, ctx->commit);
	json_name(to, "unit");
	json_text(to, TEXT("pieces a day"));
	number(to, "level", m.level);
	number(to, "trend", m.trend);
	number(to, "rmse", sqrt(m.mse));
	json_name(to, "days");
	json_open(to, '[');
	for (uint32_t h = 1; h <= (uint32_t)s->days; h++) {
		double deviation, expected = hw_forecast(&s->rule, &m, h, &deviation), low = expected - 1.959964 * deviation;
		json_open(to, '{');
		json_name(to, "day");
		json_i64(to, ((int64_t)next + h - 1) * day_ms);
		number(to, "expected", expected > 0 ? expected : 0);
		number(to, "low", low > 0 ? low : 0);
		number(to, "high", fmax(expected + 1.959964 * deviation, 0));
		json_close(to, '}');
	}
	json_close(to, ']');
	json_close(to, '}');
	view_set_json(ctx, name, id, (struct text){ (const char *)to->data, (uint32_t)to->size });
}

const struct processor forecast_processor = {
	.name = "forecast",
	.id = P_FORECAST,
	.options = options,
	.n_options = OPTION_N(options),
	.settings_size = sizeof(struct forecast_settings),
	.setup = setup,
	.item = { sizeof(struct forecast_item), 1, item_save, item_load, item_done, NULL },
	.event = event,
	.delta = delta,
	.due_at = due_at,
	.due = due,
	.item_view = item_view,
	.drop_names = drop_names,
};
