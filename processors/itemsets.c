/* The itemsets processor: sessions and baskets on the user's side, counts and model rows on the item's; see itemsets.h. Its views and
 * dump lines are in itemsets_view.c. */
#include "itemsets.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

#include "kept_baskets.h"

enum { NEIGHBOURS_MAX = 500,
	BASKET_MAX = 512 };

static const struct option options[] = {
	{ "window", OPTION_DURATION, OPTION_AT(itemsets_settings, window_ms), .value = "30d", .min = "1min", .max = "3650d", .zero = "for ever",
		.help = "Pairs are counted over this much event time, up to the watermark. Whole panes: a multiple of `pane`." },
	{ "pane", OPTION_DURATION, OPTION_AT(itemsets_settings, pane_ms), .value = "1d", .min = "1min", .max = "366d",
		.help = "The window moves by this much. Smaller panes are fresher and take more memory." },
	{ "session_gap", OPTION_DURATION, OPTION_AT(itemsets_settings, session_gap_ms), .value = "30min", .min = "1s", .max = "30d",
		.help = "A shopper's session ends with a pause longer than this, or with a new session_id." },
	{ "session_pairs", OPTION_COUNT, OPTION_AT(itemsets_settings, session_pairs), .value = "10", .min = "1", .max = "100", .unit = "items",
		.help = "Each new item of a session is counted together with this many of its last ones." },
	{ "session_max_items", OPTION_COUNT, OPTION_AT(itemsets_settings, session_max_items), .value = "1000", .min = "2", .max = "100000",
		.unit = "items", .help = "Distinct items kept of one session; further ones are dropped and counted (session_items_dropped)." },
	{ "basket_max_items", OPTION_COUNT, OPTION_AT(itemsets_settings, basket_max_items), .value = "64", .min = "2", .max = "512",
		.unit = "items", .help = "Distinct items of one order that are paired, in line order; the rest is counted (basket_items_dropped)." },
	{ "neighbours", OPTION_COUNT, OPTION_AT(itemsets_settings, neighbours), .value = "50", .min = "1", .max = "500", .unit = "items",
		.help = "Most frequent others of an item that recommendations and rules may use, from orders and from sessions each.", .flags = OPTION_LIVE },
	{ "shown", OPTION_COUNT, OPTION_AT(itemsets_settings, shown), .value = "20", .min = "1", .max = "500", .unit = "items",
		.help = "Items in glint:together:ITEM and glint:viewed:ITEM; the nearest of `neighbours`.", .flags = OPTION_LIVE },
	{ "max_pairs", OPTION_COUNT, OPTION_AT(itemsets_settings, max_pairs), .value = "20000", .min = "10", .max = "10000000", .unit = "items",
		.help = "Distinct others counted per item in its window; new ones beyond are dropped and counted (pairs_dropped)." },
	{ "set_size", OPTION_COUNT, OPTION_AT(itemsets_settings, set_size), .value = "3", .min = "2", .max = "4", .unit = "items",
		.help = "Sets of up to so many items of one order are counted, for the rules {ITEM, others} => another of glint:sets:ITEM. Each item keeps its orders of the window: an order of n items takes n x n numbers. 2: pairs alone, none of that." },
	{ "max_set_items", OPTION_COUNT, OPTION_AT(itemsets_settings, max_set_items), .value = "20000", .min = "100", .max = "100000", .unit = "items",
		.help = "Items of orders kept per item for its sets; orders beyond are not in them, and counted (set_items_dropped)." },
	{ "baskets_kept", OPTION_COUNT, OPTION_AT(itemsets_settings, baskets_kept), .value = "10", .min = "0", .max = "1000", .unit = "baskets",
		.help = "So many orders, and so many ended sessions, of the window are kept of each shopper, newest, so that `glintctl forget` takes back what they counted. They are in the shopper's row." },
	{ "rules", OPTION_COUNT, OPTION_AT(itemsets_settings, rules), .value = "100", .min = "1", .max = "1000", .unit = "rules",
		.help = "Rules in glint:rules.", .flags = OPTION_LIVE },
	{ "rule_min_count", OPTION_COUNT, OPTION_AT(itemsets_settings, rule_min_count), .value = "5", .min = "1", .max = "1000000",
		.unit = "baskets", .help = "A rule is shown when at least so many baskets of the window hold both items.", .flags = OPTION_LIVE },
	{ "related_p", OPTION_REAL, OPTION_AT(itemsets_settings, related_p), .value = "0.01", .min = "0.000001", .max = "1",
		.help = "Lists and rules hold what is together more often than chance explains: lift above 1, Fisher's p below this. 1: whatever is together.",
		.flags = OPTION_LIVE },
};

const char *const basket_names[BASKETS] = { "order", "session" };

enum { DROP_BASKET_ITEMS,
	DROP_SESSION_ITEMS,
	DROP_OUTLIVED,
	DROP_PAIRS,
	DROP_SET_ITEMS };
static const char *const drop_names[] = { "basket_items_dropped", "session_items_dropped", "outlived", "pairs_dropped", "set_items_dropped", NULL };

enum { METRIC_PAIR,
	METRIC_BASKETS = METRIC_PAIR + BASKETS,
	METRIC_SET = METRIC_BASKETS + BASKETS, /* the first two + enum basket; this and the last are lists: the others of an order, and of one that is taken back */
	METRIC_SET_BACK };

static void itemsets_teardown(void *settings)
{
	struct itemsets_settings *s = settings;
	if (s->ring)
		buf_done(s->ring);
	free(s->ring);
	s->ring = NULL;
}

static int itemsets_setup(void *settings, char *error, size_t error_size)
{
	struct itemsets_settings *s = settings;
	s->window = (struct pairs_window){ s->pane_ms, 0 };
	if (s->shown > s->neighbours) {
		snprintf(error, error_size, "shown (%lld) must not be above neighbours (%lld)", (long long)s->shown, (long long)s->neighbours);
		return -EINVAL;
	}
	int64_t panes = s->window_ms / s->pane_ms;
	if (s->window_ms % s->pane_ms || panes > PAIRS_PANES_MAX / 2) {
		snprintf(error, error_size, "window must be a multiple of pane, at most %d panes", PAIRS_PANES_MAX / 2);
		return -EINVAL;
	}
	s->window.panes = (int32_t)panes;
	if (s->set_size > 2 && !(s->ring = calloc(1, sizeof(*s->ring)))) { /* last: what fails is not torn down */
		snprintf(error, error_size, "out of memory");
		return -ENOMEM;
	}
	return 0;
}

/* ---- user stage ---- */

struct itemsets_user {
	int64_t first_ts, greatest_ts; /* of the running session's counted clicks */
	uint64_t session_id;           /* XXH3 of the last session_id present; 0: none so far */
	symbol_t *items;               /* distinct, in order of first appearance */
	uint32_t n_items, capacity;
	struct kept_baskets kept;
	bool open;
	bool other_panes; /* the running session was counted in panes of another width: it cannot be taken back */
};

static void keep(const struct itemsets_settings *s, struct user_ctx *ctx, struct itemsets_user *u, struct kept_basket x)
{
	int64_t from = s->window_ms && x.ts > 0 ? x.ts - s->window_ms - s->pane_ms : INT64_MIN; /* by its own time: the watermark is another in a replay */
	kept_baskets_keep(&u->kept, ctx->pool, (uint32_t)s->baskets_kept, from, &x);
}

static void emit_pair(struct user_ctx *ctx, enum key_kind kind, enum basket basket, int32_t pane, symbol_t a, symbol_t b, int64_t amount)
{
	emit_sum(ctx->emitter, P_ITEMSETS, (struct key){ (uint8_t)kind, a }, METRIC_PAIR + basket, b, pane, amount);
	emit_sum(ctx->emitter, P_ITEMSETS, (struct key){ (uint8_t)kind, b }, METRIC_PAIR + basket, a, pane, amount);
}

static void emit_basket(struct user_ctx *ctx, enum basket basket, int32_t pane, struct key key, int64_t amount)
{
	emit_sum(ctx->emitter, P_ITEMSETS, key, METRIC_BASKETS + basket, 0, pane, amount);
}

static bool holds(const symbol_t *items, uint32_t n, symbol_t item)
{
	for (uint32_t i = 0; i < n; i++)
		if (items[i] == item)
			return true;
	return false;
}

static void on_click(const struct itemsets_settings *s, struct user_ctx *ctx, struct itemsets_user *u, const struct event *e)
{
	const struct click *click = &e->click;
	if (click->action != ACTION_VIEW && click->action != ACTION_CLICK && click->action != ACTION_ADD_TO_CART)
		return;
	uint64_t id = click->session_id.size ? XXH3_64bits(click->session_id.data, click->session_id.size) | 1 : 0;
	int64_t gap = e->ts > u->greatest_ts ? e->ts - u->greatest_ts : u->greatest_ts - e->ts;
	if (!u->open || gap > s->session_gap_ms || (id && u->session_id && id != u->session_id)) {
		if (u->open && !u->other_panes)
			keep(s, ctx, u, (struct kept_basket){ u->first_ts, u->items, u->n_items, 0, BASKET_SESSION });
		u->open = true;
		u->other_panes = false;
		u->first_ts = u->greatest_ts = e->ts;
		u->session_id = id;
		u->n_items = 0;
	}
	if (e->ts > u->greatest_ts)
		u->greatest_ts = e->ts;
	if (id)
		u->session_id = id;

	symbol_t item = symbols_intern(ctx->symbols, click->item_id);
	if (!item || holds(u->items, u->n_items, item))
		return;
	if (u->n_items >= s->session_max_items) {
		ctx->drops[DROP_SESSION_ITEMS]++;
		return;
	}
	int32_t pane = pairs_pane_at(s->window, u->first_ts);
	if (!u->n_items)
		emit_basket(ctx, BASKET_SESSION, pane, (struct key){ KEY_ALL, 0 }, 1);
	emit_basket(ctx, BASKET_SESSION, pane, (struct key){ KEY_ITEM, item }, 1);
	for (uint32_t i = u->n_items > s->session_pairs ? u->n_items - (uint32_t)s->session_pairs : 0; i < u->n_items; i++)
		emit_pair(ctx, KEY_ITEM, BASKET_SESSION, pane, u->items[i], item, 1);
	if (u->n_items == u->capacity) {
		uint32_t capacity = u->capacity ? u->capacity * 2 : 4;
		u->items = pool_resize(ctx->pool, u->items, u->capacity * sizeof(*u->items), capacity * sizeof(*u->items));
		u->capacity = capacity;
	}
	u->items[u->n_items++] = item;
}

/* The distinct categories of a basket, as the catalogue has them now. */
static uint32_t categories_of(const struct model *model, const symbol_t *items, uint32_t n_items, symbol_t *ret)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < n_items; i++) {
		symbol_t category = model_catalogue(model, items[i])->category;
		if (category && !holds(ret, n, category))
			ret[n++] = category;
	}
	return n;
}

/* Each item is told the others: slices of a ring, b c and c a and a b of a b c a b. */
static void emit_sets(struct user_ctx *ctx, struct buf *ring, int32_t pane, const symbol_t *items, uint32_t n, uint8_t metric)
{
	size_t starts[2 * BASKET_MAX];
	buf_clear(ring);
	for (uint32_t i = 0; i < 2 * n - 1; i++) {
		starts[i] = ring->size;
		buf_text(ring, symbols_text(ctx->symbols, items[i % n]));
	}
	starts[2 * n - 1] = ring->size;
	for (uint32_t i = 0; i < n; i++)
		emit_list(ctx->emitter, P_ITEMSETS, item_key(items[i]), metric, pane, ring->data + starts[i + 1], starts[i + n] - starts[i + 1]);
}

/* A whole basket of distinct items (and categories), each counted and paired with so many before it: once more (1), or taken back (-1). */
static void count_basket(const struct itemsets_settings *s, struct user_ctx *ctx, const struct kept_basket *x, int64_t amount)
{
	enum basket kind = (enum basket)x->kind;
	uint32_t n = x->n_items, most = kind == BASKET_SESSION ? (uint32_t)s->session_pairs : n;
	const symbol_t *categories = x->items + n;
	int32_t pane = pairs_pane_at(s->window, x->ts);
	emit_basket(ctx, kind, pane, (struct key){ KEY_ALL, 0 }, amount);
	for (uint32_t i = 0; i < n; i++) {
		emit_basket(ctx, kind, pane, item_key(x->items[i]), amount);
		for (uint32_t j = i > most ? i - most : 0; j < i; j++)
			emit_pair(ctx, KEY_ITEM, kind, pane, x->items[j], x->items[i], amount);
	}
	for (uint32_t i = 0; i < x->n_categories; i++) {
		emit_basket(ctx, kind, pane, (struct key){ KEY_CATEGORY, categories[i] }, amount);
		for (uint32_t j = 0; j < i; j++)
			emit_pair(ctx, KEY_CATEGORY, kind, pane, categories[j], categories[i], amount);
	}
	if (kind == BASKET_ORDER && s->ring)
		emit_sets(ctx, s->ring, pane, x->items, n, amount > 0 ? METRIC_SET : METRIC_SET_BACK);
}

static void on_order(const struct itemsets_settings *s, struct user_ctx *ctx, struct itemsets_user *u, const struct event *e)
{
	symbol_t items[2 * BASKET_MAX]; /* and categories */
	uint32_t n = 0, most = (uint32_t)s->basket_max_items;
	for (uint32_t i = 0; i < e->purchase.n_lines; i++) {
		symbol_t item = symbols_intern(ctx->symbols, e->purchase.lines[i].item_id);
		if (!item || holds(items, n, item))
			continue;
		if (n == most) {
			ctx->drops[DROP_BASKET_ITEMS]++;
			continue;
		}
		items[n++] = item;
	}
	if (!n)
		return;
	struct kept_basket x = { e->ts, items, n, categories_of(ctx->model, items, n, items + n), BASKET_ORDER };
	count_basket(s, ctx, &x, 1);
	keep(s, ctx, u, x);
	ctx->row_due |= x.n_categories > 0; /* the catalogue of now is not that of a replay */
}

static void itemsets_event(const void *settings, struct user_ctx *ctx, void *block, const struct event *e)
{
	if (e->kind == EVENT_CLICK)
		on_click(settings, ctx, block, e);
	else if (e->kind == EVENT_PURCHASE && e->purchase.kind == PURCHASE_ORDER)
		on_order(settings, ctx, block, e);
}

static void itemsets_event_soon(const void *block)
{
	const struct itemsets_user *u = block;
	if (u->n_items)
		__builtin_prefetch(u->items, 1);
}

/* What the running session and the baskets kept have counted is taken back: it is all that is known here of whom it came from. */
static void leave(const void *settings, struct user_ctx *ctx, void *block, bool erase)
{
	const struct itemsets_settings *s = settings;
	const struct itemsets_user *u = block;
	if (!erase)
		return;
	for (uint32_t i = 0; i < u->kept.n; i++)
		count_basket(s, ctx, &u->kept.list[i], -1);
	if (u->open && u->n_items && !u->other_panes)
		count_basket(s, ctx, &(struct kept_basket){ u->first_ts, u->items, u->n_items, 0, BASKET_SESSION }, -1);
}

/* What a shopper's row has. */
enum { USER_OPEN = 1,
	USER_KEPT = 2,
	USER_WIDTH = 4,         /* of the panes in which this was counted; without it, another one than now */
	USER_OTHER_PANES = 8 }; /* but for the running session */

static void user_save(const void *settings, const void *block, const struct symbols *symbols, struct buf *to)
{
	const struct itemsets_settings *s = settings;
	const struct itemsets_user *u = block;
	bool width = u->kept.n || (u->open && !u->other_panes);
	buf_u8(to, (uint8_t)((u->open ? USER_OPEN : 0) | (u->kept.n ? USER_KEPT : 0) | (width ? USER_WIDTH : 0) | (u->other_panes ? USER_OTHER_PANES : 0)));
	if (width)
		buf_varint(to, pairs_width(s->window));
	if (u->kept.n)
		kept_baskets_save(&u->kept, symbols, to);
	if (!u->open)
		return;
	buf_zigzag(to, u->first_ts);
	buf_zigzag(to, u->greatest_ts - u->first_ts);
	buf_u64(to, u->session_id);
	buf_varint(to, u->n_items);
	for (uint32_t i = 0; i < u->n_items; i++)
		buf_text(to, symbols_text(symbols, u->items[i]));
}

static int user_load(const void *settings, void *block, uint16_t version, struct reader *from, struct symbols *symbols, struct pool *pool)
{
	static const uint8_t most[] = { 0, USER_OPEN, USER_OPEN | USER_KEPT, USER_OPEN | USER_KEPT | USER_WIDTH | USER_OTHER_PANES };
	const struct itemsets_settings *s = settings;
	struct itemsets_user *u = block;
	uint8_t has = reader_u8(from);
	if (version < 1 || version > 3 || has > most[version])
		return -EBADMSG;
	bool same = has & USER_WIDTH && reader_varint(from) == pairs_width(s->window);
	if (has & USER_KEPT && kept_baskets_load(&u->kept, from, symbols, pool) < 0)
		return -EBADMSG;
	for (uint32_t i = 0; i < u->kept.n; i++)
		if (u->kept.list[i].kind >= BASKETS)
			return -EBADMSG;
	if (!same)
		kept_baskets_done(&u->kept, pool);
	u->open = has & USER_OPEN;
	u->other_panes = u->open && (!same || has & USER_OTHER_PANES);
	if (!u->open)
		return from->bad ? -EBADMSG : 0;
	u->first_ts = version < 3 ? reader_i64(from) : reader_zigzag(from);
	u->greatest_ts = (int64_t)((uint64_t)u->first_ts + (uint64_t)reader_zigzag(from));
	u->session_id = reader_u64(from);
	uint64_t n = reader_varint(from);
	if (n > reader_left(from) / 2)
		return -EBADMSG;
	u->capacity = 4;
	while (u->capacity < n)
		u->capacity *= 2;
	u->items = n ? pool_alloc(pool, u->capacity * sizeof(*u->items)) : NULL;
	if (!n)
		u->capacity = 0;
	for (uint32_t i = 0; i < n; i++) {
		symbol_t item = symbols_intern(symbols, reader_text(from));
		if (!item)
			return -EBADMSG;
		u->items[u->n_items++] = item;
	}
	return from->bad ? -EBADMSG : 0;
}

static void user_done(void *block, struct pool *pool)
{
	struct itemsets_user *u = block;
	pool_free(pool, u->items, u->capacity * sizeof(*u->items));
	kept_baskets_done(&u->kept, pool);
	*u = (struct itemsets_user){ 0 };
}

static void user_mark(const void *block, struct symbols *symbols)
{
	const struct itemsets_user *u = block;
	for (uint32_t i = 0; i < u->n_items; i++)
		symbols_mark(symbols, u->items[i]);
	kept_baskets_mark(&u->kept, symbols);
}

/* ---- item stage ---- */

static void advance(const struct itemsets_settings *s, struct item_ctx *ctx, struct itemsets_item *b, int basket)
{
	int32_t now = b->by[basket].now;
	pairs_advance(&b->by[basket], s->window, ctx->pool, ctx->watermark);
	if (b->by[basket].now == now)
		return;
	leaders_forget(&b->leaders[basket]);
	if (basket == BASKET_ORDER && b->sets)
		sets_advance(b->sets, ctx->pool, s->window, b->by[basket].now);
}

static void take_order(const struct itemsets_settings *s, struct item_ctx *ctx, struct itemsets_item *b, const struct delta *d)
{
	struct reader from = reader_of(d->bytes.data, d->bytes.size);
	symbol_t others[BASKET_MAX];
	uint32_t n = 0;
	while (n < BASKET_MAX && reader_left(&from)) {
		others[n] = symbols_intern(ctx->symbols, reader_text(&from));
		if (!others[n] || others[n++] == ctx->key.id)
			return;
	}
	advance(s, ctx, b, BASKET_ORDER);
	if (d->metric == METRIC_SET_BACK) {
		if (b->sets)
			sets_take_back(b->sets, s->window.panes ? d->pane : 0, others, n);
		return;
	}
	int32_t now = b->by[BASKET_ORDER].now, pane = s->window.panes ? d->pane : 0;
	if (s->window.panes && now != INT32_MIN && (int64_t)pane <= (int64_t)now - s->window.panes)
		return; /* outlived: counted with the order itself */
	if (!b->sets)
		b->sets = pool_alloc(ctx->pool, sizeof(*b->sets));
	if (sets_add(b->sets, ctx->pool, pane, others, n, (uint32_t)s->max_set_items) < 0)
		ctx->drops[DROP_SET_ITEMS] += n;
}

static void itemsets_delta(const void *settings, struct item_ctx *ctx, void *block, const struct delta *d)
{
	const struct itemsets_settings *s = settings;
	struct itemsets_item *b = block;
	if (d->metric >= METRIC_SET && d->merge == MERGE_LIST && ctx->key.kind == KEY_ITEM && s->set_size > 2)
		take_order(s, ctx, b, d);
	if (d->metric >= METRIC_SET || !d->amount || d->amount == INT64_MIN || (d->metric < METRIC_BASKETS) != (d->sub != 0))
		return;
	struct pairs *p = &b->by[d->metric % BASKETS];
	struct leaders *leaders = &b->leaders[d->metric % BASKETS];
	advance(s, ctx, b, d->metric % BASKETS);
	if (d->amount < 0) {
		pairs_take_back(p, s->window, ctx->pool, d->pane, d->sub, -d->amount);
		leaders_forget(leaders);
		return;
	}
	int r = pairs_add(p, s->window, ctx->pool, d->pane, d->sub, d->amount, (uint32_t)s->max_pairs);
	if (r < 0)
		ctx->drops[r == -ESTALE ? DROP_OUTLIVED : DROP_PAIRS] += (uint64_t)d->amount;
	else if (d->sub && d->pane <= p->now)
		leaders_grown(leaders, ctx->symbols, pairs_total(p), d->sub);
}

static void itemsets_delta_soon(const void *block, const struct delta *d)
{
	const struct itemsets_item *b = block;
	if (d->metric < METRIC_BASKETS)
		pairs_soon(&b->by[d->metric % BASKETS], d->pane, d->sub);
}

static int64_t itemsets_due_at(const void *settings, const void *block)
{
	const struct itemsets_settings *s = settings;
	const struct itemsets_item *b = block;
	int64_t order = pairs_due_at(&b->by[BASKET_ORDER], s->window), session = pairs_due_at(&b->by[BASKET_SESSION], s->window);
	return order < session ? order : session;
}

static void itemsets_due(const void *settings, struct item_ctx *ctx, void *block)
{
	const struct itemsets_settings *s = settings;
	struct itemsets_item *b = block;
	for (int i = 0; i < BASKETS; i++)
		advance(s, ctx, b, i);
}

static void item_save(const void *settings, const void *block, const struct symbols *symbols, struct buf *to)
{
	const struct itemsets_settings *s = settings;
	const struct itemsets_item *b = block;
	for (int i = 0; i < BASKETS; i++)
		pairs_save(&b->by[i], s->window, symbols, to);
	buf_u8(to, b->sets != NULL);
	if (b->sets)
		sets_save(b->sets, s->window, symbols, to);
}

static void drop_sets(struct itemsets_item *b, struct pool *pool)
{
	if (!b->sets)
		return;
	sets_done(b->sets, pool);
	pool_free(pool, b->sets, sizeof(*b->sets));
	b->sets = NULL;
}

static int item_load(const void *settings, void *block, uint16_t version, struct reader *from, struct symbols *symbols, struct pool *pool)
{
	const struct itemsets_settings *s = settings;
	struct itemsets_item *b = block;
	for (int i = 0; i < BASKETS; i++)
		if (version < 1 || version > 2 || pairs_load(&b->by[i], s->window, from, symbols, pool) < 0)
			return -EBADMSG;
	if (version < 2 || !reader_u8(from))
		return from->bad ? -EBADMSG : 0;
	b->sets = pool_alloc(pool, sizeof(*b->sets));
	int r = sets_load(b->sets, s->window, from, symbols, pool);
	if (s->set_size == 2)
		drop_sets(b, pool);
	else
		sets_advance(b->sets, pool, s->window, b->by[BASKET_ORDER].now);
	return r;
}

static void item_done(void *block, struct pool *pool)
{
	struct itemsets_item *b = block;
	for (int i = 0; i < BASKETS; i++) {
		pairs_done(&b->by[i], pool);
		leaders_done(&b->leaders[i]);
	}
	drop_sets(b, pool);
}

static void item_mark(const void *block, struct symbols *symbols)
{
	const struct itemsets_item *b = block;
	for (int i = 0; i < BASKETS; i++)
		pairs_mark(&b->by[i], symbols);
	if (b->sets)
		sets_mark(b->sets, symbols);
}

/* ---- model rows ---- */

uint32_t itemsets_top(const struct itemsets_item *item, enum basket basket, const struct symbols *symbols, uint32_t k, struct itemsets_other *to)
{
	/* The list is kept up while counts grow: what the block says is the same with it and without. */
	struct leaders *leaders = (struct leaders *)(uintptr_t)&item->leaders[basket];
	return leaders_sorted(leaders, symbols, pairs_total(&item->by[basket]), k, to);
}

static void model_save(const void *settings, const struct item_ctx *ctx, const void *block, struct buf *to)
{
	const struct itemsets_settings *s = settings;
	const struct itemsets_item *b = block;
	if (!b->by[BASKET_ORDER].baskets && !b->by[BASKET_SESSION].baskets && !pairs_total(&b->by[BASKET_ORDER])->n &&
		!pairs_total(&b->by[BASKET_SESSION])->n)
		return;
	for (int i = 0; i < BASKETS; i++) {
		struct itemsets_other top[NEIGHBOURS_MAX];
		uint32_t n = itemsets_top(b, (enum basket)i, ctx->symbols, (uint32_t)s->neighbours, top);
		buf_varint(to, b->by[i].baskets);
		leaders_save(top, n, ctx->symbols, to);
	}
}

static int model_load(const void *settings, void *block, uint16_t version, struct reader *from, struct symbols *symbols, struct pool *pool)
{
	struct itemsets_model *m = block;
	(void)settings;
	if (version != 1)
		return -EBADMSG;
	for (int i = 0; i < BASKETS; i++) {
		m->n[i] = (uint32_t)reader_varint(from);
		if (leaders_load(&m->others[i], &m->n_others[i], NEIGHBOURS_MAX, from, symbols, pool) < 0)
			return -EBADMSG;
	}
	itemsets_near_init(m, pool);
	return from->bad ? -EBADMSG : 0;
}

static void model_done(void *block, struct pool *pool)
{
	struct itemsets_model *m = block;
	itemsets_near_done(m, pool);
	for (int i = 0; i < BASKETS; i++)
		pool_free(pool, m->others[i], m->n_others[i] * sizeof(*m->others[i]));
	*m = (struct itemsets_model){ 0 };
}

static void model_mark(const void *block, struct symbols *symbols)
{
	const struct itemsets_model *m = block;
	for (int i = 0; i < BASKETS; i++)
		for (uint32_t j = 0; j < m->n_others[i]; j++)
			symbols_mark(symbols, m->others[i][j].item);
}

const struct processor itemsets_processor = {
	.name = "itemsets",
	.id = P_ITEMSETS,
	.options = options,
	.n_options = OPTION_N(options),
	.settings_size = sizeof(struct itemsets_settings),
	.setup = itemsets_setup,
	.teardown = itemsets_teardown,
	.user = { sizeof(struct itemsets_user), 3, user_save, user_load, user_done, user_mark },
	.item = { sizeof(struct itemsets_item), 2, item_save, item_load, item_done, item_mark },
	.model = { sizeof(struct itemsets_model), 1, NULL, model_load, model_done, model_mark },
	.event = itemsets_event,
	.event_soon = itemsets_event_soon,
	.leave = leave,
	.delta = itemsets_delta,
	.delta_soon = itemsets_delta_soon,
	.due_at = itemsets_due_at,
	.due = itemsets_due,
	.model_save = model_save,
	.item_view = itemsets_item_view,
	.item_dump = itemsets_item_dump,
	.drop_names = drop_names,
};
