/* The campaign processor: touches, orders and refunds of a shopper; figures of a campaign. See campaign.h; its views are in
 * campaign_view.c. */
#include "campaign.h"

#include <errno.h>
#include <xxhash.h>

#include "hll.h"

enum { DAYS_MAX = 8 }; /* from the first to the last day kept: the watermark's and what is ahead of it */

static const struct option options[] = {
	{ "attribution_window", OPTION_DURATION, OPTION_AT(campaign_settings, attribution_window_ms), .value = "7d", .min = "1min", .max = "365d",
		.help = "An order belongs to the campaign that the shopper last clicked or viewed, when that was at most so long before." },
	{ "max_touches", OPTION_COUNT, OPTION_AT(campaign_settings, max_touches), .value = "32", .min = "1", .max = "1000", .unit = "touches",
		.help = "Last touches with campaigns kept of one shopper; older ones are dropped and counted (touches_dropped)." },
	{ "max_orders", OPTION_COUNT, OPTION_AT(campaign_settings, max_orders), .value = "64", .min = "1", .max = "10000", .unit = "orders",
		.help = "Last orders kept of one shopper, so that a refund finds its own; older ones are dropped and counted (orders_dropped)." },
	{ "minutes", OPTION_COUNT, OPTION_AT(campaign_settings, minutes), .value = "1500", .min = "10", .max = "100000", .unit = "minutes",
		.help = "Minutes kept of a campaign, and entries of the stream glint:campaign:ID:minutes." },
	{ "max_currencies", OPTION_COUNT, OPTION_AT(campaign_settings, max_currencies), .value = "16", .min = "1", .max = "200",
		.unit = "currencies", .help = "Currencies counted in one campaign; what comes in others is dropped and counted (currencies_dropped)." },
	{ "watch_windows", OPTION_TEXT, OPTION_AT(campaign_settings, watch.windows), .value = "30min 1h 3h 8h 1d 2d",
		.help = "Alerts judge a campaign's CTR, CVR, revenue and traffic, and the traffic of each input, over these windows, rising, 15min to 7d." },
	{ "watch_alpha", OPTION_REAL, OPTION_AT(campaign_settings, watch.alpha), .value = "0.0001", .min = "0", .max = "0.5", .zero = "no such alerts",
		.help = "An alert is raised when a figure of the longest window was less likely than this by the same hours of earlier days; a shorter window has its share of it, 1/32 at least." },
	{ "watch_spread_rates", OPTION_REAL, OPTION_AT(campaign_settings, watch.spread_rates), .value = "0.1", .min = "0", .max = "10",
		.help = "How much CTR and CVR differ between days in the ordinary course (standard deviation over mean)." },
	{ "watch_spread_amounts", OPTION_REAL, OPTION_AT(campaign_settings, watch.spread_amounts), .value = "0.25", .min = "0", .max = "10",
		.help = "The same of revenue and traffic." },
	{ "watch_half_life", OPTION_DURATION, OPTION_AT(campaign_settings, watch.half_life_ms), .value = "14d", .min = "1d", .max = "365d",
		.help = "After so long earlier days weigh half." },
	{ "watch_days", OPTION_COUNT, OPTION_AT(campaign_settings, watch.days), .value = "3", .min = "1", .max = "100", .unit = "days",
		.help = "So many days must lie behind the longest window before anything is judged." },
	{ "watch_cool_down", OPTION_DURATION, OPTION_AT(campaign_settings, watch.cool_down_ms), .value = "1d", .min = "15min", .max = "365d", .zero = "none",
		.help = "For so long after an alert is over, only one twice as far off is raised." },
	{ "watch_accept", OPTION_DURATION, OPTION_AT(campaign_settings, watch.accept_ms), .value = "7d", .min = "1d", .max = "365d",
		.help = "A campaign's alert that stands for so long is resolved: that is how things are (a silent campaign is over), and history begins anew." },
};

static int setup(void *settings, char *error, size_t error_size)
{
	return watch_setup(&((struct campaign_settings *)settings)->watch, error, error_size);
}

enum {
	DROP_TOUCHES,
	DROP_ORDERS,
	DROP_REFUND_WITHOUT_ORDER,
	DROP_REFUND_OTHER_CURRENCY,
	DROP_AMOUNTS_CUT,
	DROP_CURRENCIES,
	DROP_DAYS,
	DROP_UNWATCHED
};
static const char *const drop_names[] = { "touches_dropped", "orders_dropped", "refund_without_order", "refund_other_currency", "amounts_cut",
	"currencies_dropped", "days_dropped", "unwatched", NULL };

enum {
	METRIC_IMPRESSIONS, /* these three by minute */
	METRIC_CLICKS,
	METRIC_CARTS,
	METRIC_ORDERS, /* these four by minute and currency */
	METRIC_REVENUE,
	METRIC_ATTRIBUTED_ORDERS,
	METRIC_ATTRIBUTED_REVENUE,
	METRIC_UNIQUE, /* MAX: sub is the register, pane the day */
	METRIC_LAST,   /* MAX: event time */
	METRIC_INPUT   /* of `all`, by WATCH_PANE_MS: clicks, purchases and reviews are three metrics from here on */
};

/* ---- user stage ---- */

struct touch {
	int64_t ts;
	symbol_t campaign;
};

struct placed {                            /* an order, for its refunds */
	uint64_t id;                       /* XXH3 of the order id */
	int64_t gross, discount, refunded; /* 0 <= discount <= gross, 0 <= refunded <= gross (all 0 when gross <= 0) */
	symbol_t currency, direct, attributed;
};

struct campaign_user {
	struct touch *touches; /* by ts */
	struct placed *orders; /* by arrival */
	uint32_t n_touches, touches_capacity, n_orders, orders_capacity;
};

static uint64_t hash_of(struct text t)
{
	return XXH3_64bits(t.data, t.size);
}

static struct key campaign_key(symbol_t campaign)
{
	return (struct key){ KEY_CAMPAIGN, campaign };
}

static void keep_touch(const struct campaign_settings *s, struct user_ctx *ctx, struct campaign_user *u, int64_t ts, symbol_t campaign)
{
	if (u->n_touches >= s->max_touches) {
		ctx->drops[DROP_TOUCHES]++;
		if (ts < u->touches[0].ts)
			return;
		memmove(u->touches, u->touches + 1, --u->n_touches * sizeof(*u->touches));
	}
	if (u->n_touches == u->touches_capacity) {
		uint32_t capacity = u->touches_capacity ? u->touches_capacity * 2 : 2;
		u->touches = pool_resize(ctx->pool, u->touches, u->touches_capacity * sizeof(*u->touches), capacity * sizeof(*u->touches));
		u->touches_capacity = capacity;
	}
	uint32_t at = u->n_touches++;
	for (; at && u->touches[at - 1].ts > ts; at--)
		u->touches[at] = u->touches[at - 1];
	u->touches[at] = (struct touch){ ts, campaign };
}

static symbol_t last_touch(const struct campaign_settings *s, const struct campaign_user *u, int64_t ts)
{
	for (uint32_t i = u->n_touches; i; i--)
		if (u->touches[i - 1].ts <= ts)
			return ts - u->touches[i - 1].ts <= s->attribution_window_ms ? u->touches[i - 1].campaign : 0;
	return 0;
}

static void on_click(const struct campaign_settings *s, struct user_ctx *ctx, struct campaign_user *u, const struct event *e)
{
	symbol_t campaign = symbols_intern(ctx->symbols, e->click.campaign_id);
	if (!campaign)
		return;
	struct key key = campaign_key(campaign);
	enum click_action action = e->click.action;
	if (action == ACTION_IMPRESSION || action == ACTION_CLICK || action == ACTION_ADD_TO_CART)
		emit_sum(ctx->emitter, P_CAMPAIGN, key,
			action == ACTION_IMPRESSION ? METRIC_IMPRESSIONS : action == ACTION_CLICK ? METRIC_CLICKS
												  : METRIC_CARTS,
			0,
			pane_of(e->ts, MINUTE_MS), 1);
	emit_max(ctx->emitter, P_CAMPAIGN, key, METRIC_UNIQUE, hll_index(ctx->user_hash), pane_of(e->ts, DAY_MS), hll_rho(ctx->user_hash));
	emit_max(ctx->emitter, P_CAMPAIGN, key, METRIC_LAST, 0, 0, e->ts);
	if (action == ACTION_CLICK || action == ACTION_VIEW)
		keep_touch(s, ctx, u, e->ts, campaign);
}

static int64_t cut(struct user_ctx *ctx, __int128 amount)
{
	if (amount <= CAMPAIGN_AMOUNT_MAX && amount >= -CAMPAIGN_AMOUNT_MAX)
		return (int64_t)amount;
	ctx->drops[DROP_AMOUNTS_CUT]++;
	return amount < 0 ? -CAMPAIGN_AMOUNT_MAX : CAMPAIGN_AMOUNT_MAX;
}

static int64_t gross_of(struct user_ctx *ctx, const struct purchase *p)
{
	__int128 sum = 0; /* holds any product of two 64-bit numbers; a line's share of it is cut to 64 bits, so that all lines fit */
	for (uint32_t i = 0; i < p->n_lines; i++) {
		__int128 line = (__int128)p->lines[i].quantity * p->lines[i].unit_price_minor;
		sum += line > INT64_MAX ? INT64_MAX : line < INT64_MIN ? INT64_MIN
								       : line;
	}
	return cut(ctx, sum);
}

static int64_t discount_of(const struct placed *o, int64_t returned)
{
	return o->gross > 0 ? (int64_t)((__int128)o->discount * returned / o->gross) : 0;
}

/* One purchase in the figures of its direct and its attributed campaign, either 0. */
static void book(struct user_ctx *ctx, int64_t ts, symbol_t currency, symbol_t direct, symbol_t attributed, int64_t orders, int64_t amount)
{
	int32_t minute = pane_of(ts, MINUTE_MS);
	for (int i = 0; i < 2; i++) {
		struct key key = campaign_key(i ? attributed : direct);
		if (!key.id)
			continue;
		if (orders)
			emit_sum(ctx->emitter, P_CAMPAIGN, key, i ? METRIC_ATTRIBUTED_ORDERS : METRIC_ORDERS, currency, minute, orders);
		if (amount)
			emit_sum(ctx->emitter, P_CAMPAIGN, key, i ? METRIC_ATTRIBUTED_REVENUE : METRIC_REVENUE, currency, minute, amount);
		emit_max(ctx->emitter, P_CAMPAIGN, key, METRIC_LAST, 0, 0, ts);
	}
}

static void on_order(const struct campaign_settings *s, struct user_ctx *ctx, struct campaign_user *u, const struct event *e, symbol_t currency)
{
	const struct purchase *p = &e->purchase;
	int64_t gross = gross_of(ctx, p);
	struct placed o = {
		.id = hash_of(p->order_id),
		.gross = gross > 0 ? gross : 0,
		.currency = currency,
		.direct = symbols_intern(ctx->symbols, p->campaign_id),
		.attributed = last_touch(s, u, e->ts),
	};
	o.discount = p->discount_minor < 0 ? 0 : p->discount_minor < o.gross ? p->discount_minor
									     : o.gross;
	book(ctx, e->ts, currency, o.direct, o.attributed, 1, gross - o.discount);
	if (!p->order_id.size)
		return;
	if (u->n_orders >= s->max_orders) {
		ctx->drops[DROP_ORDERS]++;
		memmove(u->orders, u->orders + 1, --u->n_orders * sizeof(*u->orders));
	}
	if (u->n_orders == u->orders_capacity) {
		uint32_t capacity = u->orders_capacity ? u->orders_capacity * 2 : 1;
		u->orders = pool_resize(ctx->pool, u->orders, u->orders_capacity * sizeof(*u->orders), capacity * sizeof(*u->orders));
		u->orders_capacity = capacity;
	}
	u->orders[u->n_orders++] = o;
}

static void on_refund(struct user_ctx *ctx, struct campaign_user *u, const struct event *e, symbol_t currency)
{
	const struct purchase *p = &e->purchase;
	uint64_t id = hash_of(p->order_id);
	int64_t returned = gross_of(ctx, p);
	struct placed *o = NULL;
	for (uint32_t i = u->n_orders; i && p->order_id.size && !o; i--)
		if (u->orders[i - 1].id == id)
			o = &u->orders[i - 1];
	if (!o) {
		symbol_t direct = symbols_intern(ctx->symbols, p->campaign_id);
		int64_t net = returned - (p->discount_minor > 0 && p->discount_minor < returned ? p->discount_minor : 0);
		if (direct)
			book(ctx, e->ts, currency, direct, 0, 0, net > 0 ? -net : 0);
		else
			ctx->drops[DROP_REFUND_WITHOUT_ORDER]++;
		return;
	}
	if (o->currency != currency) {
		ctx->drops[DROP_REFUND_OTHER_CURRENCY]++;
		return;
	}
	int64_t left = o->gross - o->refunded, before = o->refunded;
	o->refunded += returned < 0 ? 0 : returned < left ? returned
							  : left;
	int64_t net = o->refunded - before - (discount_of(o, o->refunded) - discount_of(o, before));
	book(ctx, e->ts, currency, o->direct, o->attributed, 0, -net);
}

static void campaign_event(const void *settings, struct user_ctx *ctx, void *block, const struct event *e)
{
	emit_sum(ctx->emitter, P_CAMPAIGN, (struct key){ KEY_ALL, 0 }, (uint8_t)(METRIC_INPUT + (int)e->kind), 0, pane_of(e->ts, WATCH_PANE_MS), 1);
	if (e->kind == EVENT_CLICK) {
		on_click(settings, ctx, block, e);
	} else if (e->kind == EVENT_PURCHASE) {
		symbol_t currency = symbols_intern(ctx->symbols, e->purchase.currency.size ? e->purchase.currency : TEXT("XXX"));
		if (e->purchase.kind == PURCHASE_ORDER)
			on_order(settings, ctx, block, e, currency);
		else
			on_refund(ctx, block, e, currency);
		ctx->row_due = true; /* what was decided by the order of two topics is written at once */
	}
}

static void user_save(const void *settings, const void *block, const struct symbols *symbols, struct buf *to)
{
	const struct campaign_user *u = block;
	(void)settings;
	buf_varint(to, u->n_touches);
	for (uint32_t i = 0; i < u->n_touches; i++) {
		buf_i64(to, u->touches[i].ts);
		buf_text(to, symbols_text(symbols, u->touches[i].campaign));
	}
	buf_varint(to, u->n_orders);
	for (uint32_t i = 0; i < u->n_orders; i++) {
		const struct placed *o = &u->orders[i];
		buf_u64(to, o->id);
		buf_zigzag(to, o->gross);
		buf_zigzag(to, o->discount);
		buf_zigzag(to, o->refunded);
		buf_text(to, symbols_text(symbols, o->currency));
		buf_text(to, symbols_text(symbols, o->direct));
		buf_text(to, symbols_text(symbols, o->attributed));
	}
}

static int user_load(const void *settings, void *block, uint16_t version, struct reader *from, struct symbols *symbols, struct pool *pool)
{
	struct campaign_user *u = block;
	(void)settings;
	if (version != 1)
		return -EBADMSG;
	uint64_t n = reader_varint(from);
	if (n > reader_left(from) / 9)
		return -EBADMSG;
	u->touches_capacity = (uint32_t)n;
	u->touches = pool_alloc(pool, n * sizeof(*u->touches));
	for (; u->n_touches < n; u->n_touches++) {
		u->touches[u->n_touches].ts = reader_i64(from);
		u->touches[u->n_touches].campaign = symbols_intern(symbols, reader_text(from));
	}
	n = reader_varint(from);
	if (n > reader_left(from) / 14)
		return -EBADMSG;
	u->orders_capacity = (uint32_t)n;
	u->orders = pool_alloc(pool, n * sizeof(*u->orders));
	for (; u->n_orders < n; u->n_orders++) {
		struct placed *o = &u->orders[u->n_orders];
		o->id = reader_u64(from);
		o->gross = reader_zigzag(from);
		o->discount = reader_zigzag(from);
		o->refunded = reader_zigzag(from);
		o->currency = symbols_intern(symbols, reader_text(from));
		o->direct = symbols_intern(symbols, reader_text(from));
		o->attributed = symbols_intern(symbols, reader_text(from));
		if (o->gross < 0 || o->gross > CAMPAIGN_AMOUNT_MAX || o->discount < 0 || o->discount > o->gross || o->refunded < 0 ||
			o->refunded > o->gross)
			return -EBADMSG;
	}
	return from->bad ? -EBADMSG : 0;
}

static void user_done(void *block, struct pool *pool)
{
	struct campaign_user *u = block;
	pool_free(pool, u->touches, u->touches_capacity * sizeof(*u->touches));
	pool_free(pool, u->orders, u->orders_capacity * sizeof(*u->orders));
	*u = (struct campaign_user){ 0 };
}

static void user_mark(const void *block, struct symbols *symbols)
{
	const struct campaign_user *u = block;
	for (uint32_t i = 0; i < u->n_touches; i++)
		symbols_mark(symbols, u->touches[i].campaign);
	for (uint32_t i = 0; i < u->n_orders; i++) {
		symbols_mark(symbols, u->orders[i].currency);
		symbols_mark(symbols, u->orders[i].direct);
		symbols_mark(symbols, u->orders[i].attributed);
	}
}

/* ---- item stage ---- */

static uint8_t *unique_day(struct campaign_item *b, struct item_ctx *ctx, int32_t day)
{
	uint32_t at = b->n_unique_days;
	while (at && b->unique_days[at - 1].day >= day)
		at--;
	if (at < b->n_unique_days && b->unique_days[at].day == day)
		return b->unique_days[at].uniques;
	if (b->n_unique_days == DAYS_MAX) {
		ctx->drops[DROP_DAYS]++;
		if (!at)
			return NULL;
		pool_free(ctx->pool, b->unique_days[0].uniques, HLL_REGISTERS);
		memmove(b->unique_days, b->unique_days + 1, --b->n_unique_days * sizeof(*b->unique_days));
		at--;
	}
	if (!b->unique_days) {
		b->unique_days = pool_alloc(ctx->pool, DAYS_MAX * sizeof(*b->unique_days));
		b->unique_days_capacity = DAYS_MAX;
	}
	memmove(b->unique_days + at + 1, b->unique_days + at, (b->n_unique_days - at) * sizeof(*b->unique_days));
	b->n_unique_days++;
	b->unique_days[at] = (struct campaign_day){ day, pool_alloc(ctx->pool, HLL_REGISTERS) };
	return b->unique_days[at].uniques;
}

static int32_t today(const struct campaign_item *b)
{
	return b->timed ? pane_of(b->watermark, DAY_MS) : INT32_MIN;
}

static void advance(struct campaign_item *b, struct item_ctx *ctx)
{
	if (ctx->watermark == INT64_MIN || (b->timed && ctx->watermark <= b->watermark))
		return;
	b->timed = true;
	b->watermark = ctx->watermark;
	ledger_drop_before(&b->days, ctx->pool, today(b));
	uint32_t n = 0;
	while (n < b->n_unique_days && b->unique_days[n].day < today(b))
		pool_free(ctx->pool, b->unique_days[n++].uniques, HLL_REGISTERS);
	b->n_unique_days -= n;
	if (n)
		memmove(b->unique_days, b->unique_days + n, b->n_unique_days * sizeof(*b->unique_days));
}

static void add_unique(struct campaign_item *b, struct item_ctx *ctx, const struct delta *d)
{
	if (d->index >= HLL_REGISTERS || d->amount < 1 || d->amount > HLL_RHO_MAX)
		return;
	uint8_t rho = (uint8_t)d->amount;
	if (!b->uniques)
		b->uniques = pool_alloc(ctx->pool, HLL_REGISTERS);
	if (b->uniques[d->index] < rho)
		b->uniques[d->index] = rho;
	uint8_t *day = d->pane >= today(b) ? unique_day(b, ctx, d->pane) : NULL;
	if (day && day[d->index] < rho)
		day[d->index] = rho;
}

static void add_figure(const struct campaign_settings *s, struct campaign_item *b, struct item_ctx *ctx, const struct delta *d)
{
	bool money = d->metric >= METRIC_ORDERS;
	if (money != (d->sub != 0))
		return;
	int column = money ? d->metric - METRIC_ORDERS : d->metric - METRIC_IMPRESSIONS;
	struct ledger_row *row = ledger_row(&b->total, ctx->symbols, ctx->pool, 0, d->sub, (uint32_t)s->max_currencies);
	if (!row) {
		ctx->drops[DROP_CURRENCIES]++;
		return;
	}
	ledger_add(row, column, d->amount);
	ctx->drops[DROP_UNWATCHED] += !watch_count(&s->watch, &b->watch, ctx, (int64_t)d->pane * MINUTE_MS, d->sub, column, d->amount);

	int32_t day = pane_of((int64_t)d->pane * MINUTE_MS, DAY_MS);
	int32_t last = b->days.n ? b->days.rows[b->days.n - 1].pane : day;
	if (day >= today(b)) {
		if ((int64_t)last - day < DAYS_MAX)
			ledger_add(ledger_row(&b->days, ctx->symbols, ctx->pool, day, d->sub, UINT32_MAX), column, d->amount);
		if ((int64_t)last - day >= DAYS_MAX || (int64_t)day - b->days.rows[0].pane >= DAYS_MAX)
			ctx->drops[DROP_DAYS]++;
		ledger_drop_before(&b->days, ctx->pool, (last > day ? last : day) - DAYS_MAX + 1);
	}

	last = b->minutes.n ? b->minutes.rows[b->minutes.n - 1].pane : d->pane;
	if ((int64_t)last - d->pane < s->minutes)
		ledger_add(ledger_row(&b->minutes, ctx->symbols, ctx->pool, d->pane, d->sub, UINT32_MAX), column, d->amount);
	if ((int64_t)d->pane - b->minutes.rows[0].pane >= s->minutes)
		ledger_drop_before(&b->minutes, ctx->pool, d->pane - (int32_t)s->minutes + 1);
}

static void campaign_delta(const void *settings, struct item_ctx *ctx, void *block, const struct delta *d)
{
	const struct campaign_settings *s = settings;
	struct campaign_item *b = block;
	advance(b, ctx);
	watch_advance(&s->watch, &b->watch, ctx);
	if (d->metric >= METRIC_INPUT) {
		if (d->metric < METRIC_INPUT + 3 && ctx->key.kind == KEY_ALL)
			ctx->drops[DROP_UNWATCHED] += !watch_count(&s->watch, &b->watch, ctx, (int64_t)d->pane * WATCH_PANE_MS, 0, d->metric - METRIC_INPUT, d->amount);
		return;
	}
	if (d->metric <= METRIC_ATTRIBUTED_REVENUE)
		add_figure(settings, b, ctx, d);
	else if (d->metric == METRIC_UNIQUE)
		add_unique(b, ctx, d);
	else if (d->metric == METRIC_LAST && d->amount > b->last_ts)
		b->last_ts = d->amount;
}

/* The next minute that will be complete, or the next change of day. */
static int64_t campaign_due_at(const void *settings, const void *block)
{
	const struct campaign_item *b = block;
	(void)settings;
	int64_t due = watch_due_at(&b->watch);
	uint32_t i = b->timed ? ledger_first(&b->minutes, pane_of(b->watermark, MINUTE_MS)) : 0;
	if (i < b->minutes.n)
		due = ((int64_t)b->minutes.rows[i].pane + 1) * MINUTE_MS < due ? ((int64_t)b->minutes.rows[i].pane + 1) * MINUTE_MS : due;
	if (b->days.n || b->n_unique_days) {
		int32_t first = b->days.n ? b->days.rows[0].pane : INT32_MAX;
		if (b->n_unique_days && b->unique_days[0].day < first)
			first = b->unique_days[0].day;
		int64_t day = ((int64_t)first + (first <= today(b))) * DAY_MS;
		due = day < due ? day : due;
	}
	return due;
}

static void campaign_due(const void *settings, struct item_ctx *ctx, void *block)
{
	struct campaign_item *b = block;
	advance(b, ctx);
	watch_advance(&((const struct campaign_settings *)settings)->watch, &b->watch, ctx);
}

enum { ITEM_VERSION = 3 }; /* 1: without watch; 2: without the panes that it lost */

static void item_save(const void *settings, const void *block, const struct symbols *symbols, struct buf *to)
{
	const struct campaign_item *b = block;
	(void)settings;
	buf_u8(to, (uint8_t)(b->timed | (b->uniques ? 2 : 0)));
	buf_i64(to, b->watermark);
	buf_i64(to, b->last_ts);
	ledger_save(&b->total, symbols, to);
	ledger_save(&b->days, symbols, to);
	ledger_save(&b->minutes, symbols, to);
	if (b->uniques)
		hll_save(b->uniques, to);
	buf_varint(to, b->n_unique_days);
	for (uint32_t i = 0; i < b->n_unique_days; i++) {
		buf_zigzag(to, b->unique_days[i].day);
		hll_save(b->unique_days[i].uniques, to);
	}
	watch_save(&b->watch, symbols, to);
}

static int item_load(const void *settings, void *block, uint16_t version, struct reader *from, struct symbols *symbols, struct pool *pool)
{
	struct campaign_item *b = block;
	(void)settings;
	uint8_t flags = reader_u8(from);
	b->timed = flags & 1;
	b->watermark = reader_i64(from);
	b->last_ts = reader_i64(from);
	if (version < 1 || version > ITEM_VERSION || ledger_load(&b->total, from, symbols, pool) < 0 || ledger_load(&b->days, from, symbols, pool) < 0 ||
		ledger_load(&b->minutes, from, symbols, pool) < 0)
		return -EBADMSG;
	if (flags & 2) {
		b->uniques = pool_alloc(pool, HLL_REGISTERS);
		if (hll_load(b->uniques, from) < 0)
			return -EBADMSG;
	}
	uint64_t n = reader_varint(from);
	if (n > DAYS_MAX || from->bad)
		return -EBADMSG;
	if (n) {
		b->unique_days = pool_alloc(pool, DAYS_MAX * sizeof(*b->unique_days));
		b->unique_days_capacity = DAYS_MAX;
	}
	while (b->n_unique_days < n) {
		struct campaign_day *day = &b->unique_days[b->n_unique_days++];
		day->day = (int32_t)reader_zigzag(from);
		day->uniques = pool_alloc(pool, HLL_REGISTERS);
		if (hll_load(day->uniques, from) < 0)
			return -EBADMSG;
	}
	if (from->bad)
		return -EBADMSG;
	return version < 2 ? 0 : watch_load(&b->watch, (uint16_t)(version - 1), from, symbols, pool);
}

static void item_done(void *block, struct pool *pool)
{
	struct campaign_item *b = block;
	ledger_done(&b->total, pool);
	ledger_done(&b->days, pool);
	ledger_done(&b->minutes, pool);
	watch_done(&b->watch, pool);
	pool_free(pool, b->uniques, HLL_REGISTERS);
	for (uint32_t i = 0; i < b->n_unique_days; i++)
		pool_free(pool, b->unique_days[i].uniques, HLL_REGISTERS);
	pool_free(pool, b->unique_days, b->unique_days_capacity * sizeof(*b->unique_days));
	*b = (struct campaign_item){ 0 };
}

static void item_mark(const void *block, struct symbols *symbols)
{
	const struct campaign_item *b = block;
	ledger_mark(&b->total, symbols);
	ledger_mark(&b->days, symbols);
	ledger_mark(&b->minutes, symbols);
	watch_mark(&b->watch, symbols);
}

const struct processor campaign_processor = {
	.name = "campaign",
	.id = P_CAMPAIGN,
	.options = options,
	.n_options = OPTION_N(options),
	.settings_size = sizeof(struct campaign_settings),
	.setup = setup,
	.user = { sizeof(struct campaign_user), 1, user_save, user_load, user_done, user_mark },
	.item = { sizeof(struct campaign_item), ITEM_VERSION, item_save, item_load, item_done, item_mark },
	.event = campaign_event,
	.delta = campaign_delta,
	.due_at = campaign_due_at,
	.due = campaign_due,
	.item_view = campaign_item_view,
	.item_dump = campaign_item_dump,
	.drop_names = drop_names,
};
