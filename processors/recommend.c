/* The recommend processor; recommend.h says which file does what. */
#include "recommend.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "json.h"
#include "lists.h"
#include "view.h"

static const struct option options[] = {
	{ "list_size", OPTION_COUNT, OPTION_AT(recommend_settings, list_size), .value = "20", .min = "1", .max = "100", .unit = "items",
		.help = "Items in a shopper's list.", .flags = OPTION_LIVE },
	{ "order_weight", OPTION_REAL, OPTION_AT(recommend_settings, order_weight), .value = "1", .min = "0", .max = "100",
		.help = "How much it counts that items are bought together.", .flags = OPTION_LIVE },
	{ "session_weight", OPTION_REAL, OPTION_AT(recommend_settings, session_weight), .value = "0.6", .min = "0", .max = "100",
		.help = "How much it counts that items are looked at together.", .flags = OPTION_LIVE },
	{ "related_p", OPTION_REAL, OPTION_AT(recommend_settings, related_p), .value = "0.05", .min = "0.000001", .max = "1",
		.help = "An item is recommended with another when they are together more often than chance explains: lift above 1, and the bound of Fisher's p below this. 1: whatever is together.", .flags = OPTION_LIVE },
	{ "seed_decay", OPTION_REAL, OPTION_AT(recommend_settings, seed_decay), .value = "0.8", .min = "0.01", .max = "1",
		.help = "An item of a shopper's history weighs this much of the next newer one.", .flags = OPTION_LIVE },
	{ "diversity", OPTION_REAL, OPTION_AT(recommend_settings, diversity_lambda), .value = "0.7", .min = "0", .max = "1",
		.help = "MMR's lambda: 1 ranks by score alone; an item like one before it in the list loses up to 1 - diversity of its score.", .flags = OPTION_LIVE },
	{ "category_share", OPTION_REAL, OPTION_AT(recommend_settings, category_share), .value = "0.6", .min = "0.01", .max = "1",
		.help = "At most this share of a list is of one category, as long as there is enough else to fill it.", .flags = OPTION_LIVE },
	{ "brand_share", OPTION_REAL, OPTION_AT(recommend_settings, brand_share), .value = "0.4", .min = "0.01", .max = "1",
		.help = "The same of one brand.", .flags = OPTION_LIVE },
	{ "bought_items", OPTION_COUNT, OPTION_AT(recommend_settings, bought_items), .value = "1000", .min = "1", .max = "100000", .unit = "items",
		.help = "Bought items that are remembered per shopper, and not recommended." },
	{ "consumables", OPTION_TEXT, OPTION_AT(recommend_settings, consumables), .value = "", .min = "0", .max = "4096",
		.help = "Categories, joined by commas, whose items are used up: recommended again after .7 of their median gap between purchases. *: all; empty: none.",
		.flags = OPTION_LIVE },
	{ "popular_half_life", OPTION_DURATION, OPTION_AT(recommend_settings, popularity.half_life_ms[LEVEL_POPULAR]), .value = "7d", .min = "1h",
		.max = "3650d", .help = "After so long an action counts half for what is popular." },
	{ "trend_fast", OPTION_DURATION, OPTION_AT(recommend_settings, popularity.half_life_ms[LEVEL_FAST]), .value = "6h", .min = "1h", .max = "3650d",
		.help = "Half-life of the fast rate: an item is trending when this is above the slow one." },
	{ "trend_slow", OPTION_DURATION, OPTION_AT(recommend_settings, popularity.half_life_ms[LEVEL_SLOW]), .value = "3d", .min = "1h", .max = "3650d",
		.help = "Half-life of the slow rate." },
	{ "top_items", OPTION_COUNT, OPTION_AT(recommend_settings, top_items), .value = "100", .min = "1", .max = "10000", .unit = "items",
		.help = "Items in the popular and trending lists of the whole shop; those of a category are list_size long.", .flags = OPTION_LIVE },
	{ "top_categories", OPTION_COUNT, OPTION_AT(recommend_settings, top_categories), .value = "200", .min = "0", .max = "10000", .unit = "categories",
		.help = "Categories with lists of their own.", .flags = OPTION_LIVE },
	{ "exposure_max", OPTION_REAL, OPTION_AT(recommend_settings, exposure_max), .value = "0.5", .min = "0.01", .max = "1",
		.help = "A brand with more than this share of the impressions of recommendations counts that much less, until it is shown less. 1: no bound.", .flags = OPTION_LIVE },
	{ "explore", OPTION_REAL, OPTION_AT(recommend_settings, explore), .value = "0.05", .min = "0", .max = "0.5",
		.help = "Share of the places of lists that show new items, so that somebody can like them. 0: none.", .flags = OPTION_LIVE },
	{ "new_for", OPTION_DURATION, OPTION_AT(recommend_settings, new_for_ms), .value = "30d", .min = "1d", .max = "3650d",
		.help = "An item is new for so long after the catalogue's first_seen; without one, until somebody has looked at it.", .flags = OPTION_LIVE },
	{ "learn_from", OPTION_COUNT, OPTION_AT(recommend_settings, learn_from), .value = "1000", .min = "0", .max = "1000000000", .unit = "impressions",
		.zero = "never", .help = "From so many impressions of recommendations in eight weeks on, kinds of reasons weigh what their clicks and purchases say.", .flags = OPTION_LIVE },
	{ "experiment", OPTION_TEXT, OPTION_AT(recommend_settings, experiment), .value = "default", .min = "1", .max = "64",
		.help = "Id of the A/B test whose arms are the variant of events: glint:experiment:ID. Another id starts at zero.", .flags = OPTION_LIVE },
	{ "refresh", OPTION_DURATION, OPTION_AT(recommend_settings, refresh_ms), .value = "2s", .min = "100ms", .max = "1h",
		.help = "How old the popular and trending items may be that fill a shopper's list.", .flags = OPTION_LIVE },
};

#define LINE_MINOR_MAX ((int64_t)10000000000000) /* an amount beyond it is no price: left out, so that sums stay far from overflow */

enum { DROP_CURRENCIES,
	DROP_BOUGHT,
	DROP_LINES,
	DROP_ARMS };
static const char *const drop_names[] = { "currencies", "bought_items", "order_lines", "arms", NULL };

enum { MAX_LINES = 256 }; /* distinct items of one order that count */

/* ---- settings ---- */

static void teardown(void *settings)
{
	struct recommend_settings *s = settings;
	recommend_scratch_destroy(s->scratch);
	s->scratch = NULL;
	popularity_teardown(&s->popularity);
}

static int setup(void *settings, char *error, size_t error_size)
{
	struct recommend_settings *s = settings;
	const int64_t *half_life = s->popularity.half_life_ms;
	if (half_life[LEVEL_FAST] >= half_life[LEVEL_SLOW]) {
		snprintf(error, error_size, "trend_fast must be below trend_slow");
		return -EINVAL;
	}
	s->experiment_id = experiment_of(text_of(s->experiment));
	s->diversity = diversity_of(s->diversity_lambda, s->category_share, s->brand_share, (uint32_t)s->list_size);
	int r = popularity_setup(&s->popularity);
	if (r == 0)
		r = recommend_scratch_create(&s->scratch, s);
	if (r < 0) {
		snprintf(error, error_size, "out of memory");
		teardown(s);
	}
	return r;
}

/* ---- user stage ---- */

static void *grown(struct pool *pool, void *array, uint32_t *capacity, size_t size)
{
	uint32_t more = *capacity ? 2 * *capacity : 4;
	array = pool_resize(pool, array, *capacity * size, more * size);
	*capacity = more;
	return array;
}

static void saw(struct user_ctx *ctx, struct recommend_user *u, symbol_t item, uint32_t weight, int64_t ts)
{
	u->actions++;
	uint32_t at = u->n_recent;
	while (at > 0 && u->recent[at - 1].item != item)
		at--;
	if (at > 0) { /* known: out with it, and in again where it belongs now */
		struct recent *r = &u->recent[at - 1];
		weight = r->weight > weight ? r->weight : weight;
		ts = r->ts > ts ? r->ts : ts;
		memmove(r, r + 1, (u->n_recent - at) * sizeof(*r));
		u->n_recent--;
	} else if (u->n_recent == RECENT_MAX) {
		if (ts < u->recent[0].ts)
			return;
		memmove(u->recent, u->recent + 1, --u->n_recent * sizeof(*u->recent));
	}
	if (u->n_recent == u->recent_capacity)
		u->recent = grown(ctx->pool, u->recent, &u->recent_capacity, sizeof(*u->recent));
	at = u->n_recent++;
	for (; at > 0 && u->recent[at - 1].ts > ts; at--)
		u->recent[at] = u->recent[at - 1];
	u->recent[at] = (struct recent){ item, weight, ts };
}

static void event_soon(const void *block)
{
	enum { PER_LINE = 64 / sizeof(struct recent), LINES = 3 };
	const struct recommend_user *u = block;
	for (uint32_t i = 0, n = u->n_recent; i < LINES && i * PER_LINE < n; i++) /* looked through from the newest */
		__builtin_prefetch(&u->recent[n - 1 - i * PER_LINE], 1);
}

/* A repeat counts for the item's category as the catalogue has it now. */
static void count_repeat(struct user_ctx *ctx, symbol_t item, int64_t before, int64_t ts)
{
	symbol_t category = model_catalogue(ctx->model, item)->category;
	if (!category)
		return;
	const struct key key = { KEY_CATEGORY, category };
	int bucket = before && ts > before ? repeat_bucket(ts - before) : -1;
	emit_sum(ctx->emitter, P_RECOMMEND, key, METRIC_BUYS, 0, pane_of(ts, POPULARITY_PANE_MS), 1);
	if (bucket >= 0)
		emit_sum(ctx->emitter, P_RECOMMEND, key, (uint8_t)(METRIC_GAPS + bucket), 0, 0, 1);
}

static void bought(const struct recommend_settings *s, struct user_ctx *ctx, struct recommend_user *u, symbol_t item, int64_t ts)
{
	uint32_t at = 0;
	int64_t before = 0;
	while (at < u->n_bought && u->bought[at].item != item)
		at++;
	if (at < u->n_bought) {
		before = u->bought[at].ts;
	} else if (u->n_bought >= s->bought_items) {
		at = 0;
		ctx->drops[DROP_BOUGHT]++;
	}
	if (at < u->n_bought)
		memmove(u->bought + at, u->bought + at + 1, (--u->n_bought - at) * sizeof(*u->bought));
	if (u->n_bought == u->bought_capacity)
		u->bought = grown(ctx->pool, u->bought, &u->bought_capacity, sizeof(*u->bought));
	u->bought[u->n_bought++] = (struct bought){ item, ts > before ? ts : before };
	count_repeat(ctx, item, before, ts);
}

static bool is_consumable(const struct recommend_settings *s, struct text category)
{
	if (strcmp(s->consumables, "*") == 0)
		return true;
	for (const char *at = s->consumables; *at;) {
		at += strspn(at, ", ");
		size_t n = strcspn(at, ","), size = n;
		while (size && at[size - 1] == ' ')
			size--;
		if (size && size == category.size && memcmp(at, category.data, size) == 0)
			return true;
		at += n;
	}
	return false;
}

enum ownership recommend_owned(const struct recommend_settings *s, const struct view_ctx *ctx, const struct recommend_user *u, symbol_t item)
{
	uint32_t i = u ? u->n_bought : 0;
	while (i > 0 && u->bought[i - 1].item != item)
		i--;
	if (!i)
		return OWNED_NOT;
	symbol_t category = *s->consumables && u->bought[i - 1].ts ? model_catalogue(ctx->model, item)->category : 0;
	const struct recommend_model *m = category ? model_block(ctx->model, P_RECOMMEND, (struct key){ KEY_CATEGORY, category }) : NULL;
	if (!m || !m->repeat_after_ms || ctx->watermark < 0 || ctx->watermark - u->bought[i - 1].ts < m->repeat_after_ms)
		return OWNED;
	return is_consumable(s, symbols_text(ctx->symbols, category)) ? OWNED_AGAIN : OWNED;
}

static void spent(struct user_ctx *ctx, struct recommend_user *u, symbol_t currency, int64_t minor)
{
	if (!currency || !minor)
		return;
	if (!u->revenue)
		u->revenue = pool_alloc(ctx->pool, USER_CURRENCIES * sizeof(*u->revenue));
	uint32_t at = 0;
	while (at < u->n_revenue && u->revenue[at].currency != currency)
		at++;
	if (at == USER_CURRENCIES) {
		ctx->drops[DROP_CURRENCIES]++;
		return;
	}
	if (at == u->n_revenue)
		u->revenue[u->n_revenue++] = (struct user_revenue){ currency, 0 };
	if (__builtin_add_overflow(u->revenue[at].minor, minor, &u->revenue[at].minor))
		u->revenue[at].minor = minor < 0 ? -INT64_MAX : INT64_MAX;
}

static void clicked(const struct recommend_settings *s, struct user_ctx *ctx, struct recommend_user *u, const struct event *e)
{
	static const struct {
		uint32_t weight;
		int metric; /* -1: in the history alone */
	} of[ACTIONS] = {
		[ACTION_VIEW] = { WEIGHT_VIEW, METRIC_VIEWS },
		[ACTION_CLICK] = { WEIGHT_VIEW, METRIC_CLICKS },
		[ACTION_ADD_TO_CART] = { WEIGHT_CART, METRIC_CARTS },
		[ACTION_WISHLIST] = { WEIGHT_CART, -1 },
	};
	bool told = e->click.rec_id.size || e->click.variant.size;
	symbol_t item = told || of[e->click.action].weight ? symbols_intern(ctx->symbols, e->click.item_id) : 0;
	if (told)
		followed_click(&u->followed, ctx, e, item, s->experiment_id);
	if (!item || !of[e->click.action].weight)
		return;
	saw(ctx, u, item, of[e->click.action].weight, e->ts);
	if (of[e->click.action].metric < 0)
		return;
	int32_t pane = pane_of(e->ts, POPULARITY_PANE_MS);
	emit_sum(ctx->emitter, P_RECOMMEND, (struct key){ KEY_ITEM, item }, (uint8_t)of[e->click.action].metric, 0, pane, 1);
	emit_sum(ctx->emitter, P_RECOMMEND, (struct key){ KEY_ALL, 0 }, (uint8_t)of[e->click.action].metric, 0, pane, 1);
}

static void purchased(const struct recommend_settings *s, struct user_ctx *ctx, struct recommend_user *u, const struct event *e)
{
	const struct purchase *p = &e->purchase;
	const struct key all = { KEY_ALL, 0 };
	bool order = p->kind == PURCHASE_ORDER;
	symbol_t currency = symbols_intern(ctx->symbols, p->currency), items[MAX_LINES];
	int32_t pane = pane_of(e->ts, POPULARITY_PANE_MS);
	int64_t sum = 0;
	uint32_t n = 0;
	for (uint32_t i = 0; i < p->n_lines; i++) {
		const struct order_line *l = &p->lines[i];
		symbol_t item = symbols_intern(ctx->symbols, l->item_id);
		int64_t minor;
		if (!item || l->quantity <= 0)
			continue;
		if (!__builtin_mul_overflow(l->quantity, l->unit_price_minor, &minor) && minor && minor <= LINE_MINOR_MAX && minor >= -LINE_MINOR_MAX &&
			!__builtin_add_overflow(sum, minor, &sum))
			emit_sum(ctx->emitter, P_RECOMMEND, (struct key){ KEY_ITEM, item }, METRIC_REVENUE, currency, 0, order ? minor : -minor);
		uint32_t before = 0;
		while (before < n && items[before] != item)
			before++;
		if (!order || before < n)
			continue;
		if (n == MAX_LINES) { /* not told from repeats any more: not counted, but not recommended either */
			bought(s, ctx, u, item, e->ts);
			ctx->drops[DROP_LINES]++;
			continue;
		}
		items[n++] = item;
		saw(ctx, u, item, WEIGHT_BUY, e->ts);
		bought(s, ctx, u, item, e->ts);
		followed_bought(u->followed, ctx, item, e->ts);
		emit_sum(ctx->emitter, P_RECOMMEND, (struct key){ KEY_ITEM, item }, METRIC_BUYS, 0, pane, 1);
		emit_sum(ctx->emitter, P_RECOMMEND, all, METRIC_BUYS, 0, pane, 1);
	}
	int64_t discount = p->discount_minor < LINE_MINOR_MAX ? p->discount_minor : LINE_MINOR_MAX;
	spent(ctx, u, currency, order ? sum - discount : -sum);
	if (u->followed || p->variant.size)
		followed_order(&u->followed, ctx, e, s->experiment_id, currency, order ? sum - discount : -sum);
	if (!order)
		return;
	u->orders++;
	if (e->ts > u->last_purchase)
		u->last_purchase = e->ts;
}

static void event(const void *settings, struct user_ctx *ctx, void *block, const struct event *e)
{
	if (e->kind == EVENT_CLICK)
		clicked(settings, ctx, block, e);
	else if (e->kind == EVENT_PURCHASE)
		purchased(settings, ctx, block, e);
}

static void user_save(const void *settings, const void *block, const struct symbols *symbols, struct buf *to)
{
	const struct recommend_user *u = block;
	(void)settings;
	buf_varint(to, u->orders);
	buf_varint(to, u->actions);
	buf_zigzag(to, u->last_purchase);
	buf_varint(to, u->n_recent);
	for (uint32_t i = 0; i < u->n_recent; i++) {
		buf_text(to, symbols_text(symbols, u->recent[i].item));
		buf_varint(to, u->recent[i].weight);
		buf_zigzag(to, u->recent[i].ts - (i ? u->recent[i - 1].ts : 0));
	}
	buf_varint(to, u->n_bought);
	for (uint32_t i = 0; i < u->n_bought; i++) {
		buf_text(to, symbols_text(symbols, u->bought[i].item));
		buf_zigzag(to, u->bought[i].ts);
	}
	buf_varint(to, u->n_revenue);
	for (uint32_t i = 0; i < u->n_revenue; i++) {
		buf_text(to, symbols_text(symbols, u->revenue[i].currency));
		buf_zigzag(to, u->revenue[i].minor);
	}
	followed_save(u->followed, symbols, to);
}

static int user_load(const void *settings, void *block, uint16_t version, struct reader *from, struct symbols *symbols, struct pool *pool)
{
	struct recommend_user *u = block;
	(void)settings;
	if (version < 1 || version > 5)
		return -EBADMSG;
	u->orders = (uint32_t)reader_varint(from);
	u->actions = (uint32_t)reader_varint(from);
	u->last_purchase = reader_zigzag(from);
	uint64_t n = reader_varint(from);
	if (from->bad || n > RECENT_MAX)
		return -EBADMSG;
	int64_t ts = 0;
	for (uint64_t i = 0; i < n && !from->bad; i++) {
		if (u->n_recent == u->recent_capacity)
			u->recent = grown(pool, u->recent, &u->recent_capacity, sizeof(*u->recent));
		struct recent *r = &u->recent[u->n_recent++];
		r->item = symbols_intern(symbols, reader_text(from));
		r->weight = (uint32_t)reader_varint(from);
		int64_t step = reader_zigzag(from);
		if ((i && step < 0) || __builtin_add_overflow(ts, step, &ts))
			return -EBADMSG;
		r->ts = ts;
	}
	n = reader_varint(from);
	for (uint64_t i = 0; i < n && !from->bad; i++) { /* perhaps more than the option allows now: the next one drops the oldest */
		if (u->n_bought == u->bought_capacity)
			u->bought = grown(pool, u->bought, &u->bought_capacity, sizeof(*u->bought));
		struct bought *b = &u->bought[u->n_bought++];
		b->item = symbols_intern(symbols, reader_text(from));
		b->ts = version >= 3 ? reader_zigzag(from) : 0;
	}
	n = reader_varint(from);
	if (from->bad || n > USER_CURRENCIES)
		return -EBADMSG;
	if (n)
		u->revenue = pool_alloc(pool, USER_CURRENCIES * sizeof(*u->revenue));
	for (; u->n_revenue < n; u->n_revenue++) {
		u->revenue[u->n_revenue].currency = symbols_intern(symbols, reader_text(from));
		u->revenue[u->n_revenue].minor = reader_zigzag(from);
	}
	if (version >= 2 && followed_load(&u->followed, version, from, symbols, pool) < 0)
		return -EBADMSG;
	return from->bad ? -EBADMSG : 0;
}

static void user_done(void *block, struct pool *pool)
{
	struct recommend_user *u = block;
	pool_free(pool, u->recent, u->recent_capacity * sizeof(*u->recent));
	pool_free(pool, u->bought, u->bought_capacity * sizeof(*u->bought));
	pool_free(pool, u->revenue, u->revenue ? USER_CURRENCIES * sizeof(*u->revenue) : 0);
	followed_done(u->followed, pool);
}

static void user_mark(const void *block, struct symbols *symbols)
{
	const struct recommend_user *u = block;
	for (uint32_t i = 0; i < u->n_recent; i++)
		symbols_mark(symbols, u->recent[i].item);
	for (uint32_t i = 0; i < u->n_bought; i++)
		symbols_mark(symbols, u->bought[i].item);
	for (uint32_t i = 0; i < u->n_revenue; i++)
		symbols_mark(symbols, u->revenue[i].currency);
	followed_mark(u->followed, symbols);
}

size_t recommend_top_categories(const struct recommend_settings *s, const struct model *model, const struct recommend_user *u, symbol_t *ret, size_t n)
{
	struct {
		symbol_t category;
		double weight;
	} found[RECENT_MAX];
	size_t known = 0, given = 0;
	double age = 1;
	for (uint32_t i = u->n_recent; i-- > 0; age *= s->seed_decay) {
		symbol_t category = model_catalogue(model, u->recent[i].item)->category;
		size_t at = 0;
		if (!category)
			continue;
		while (at < known && found[at].category != category)
			at++;
		if (at == known) {
			found[known].category = category;
			found[known++].weight = 0;
		}
		found[at].weight += age * u->recent[i].weight;
	}
	for (; given < n && given < known; given++) { /* equal ones: the newest first */
		size_t best = 0;
		for (size_t i = 1; i < known; i++)
			if (found[i].weight > found[best].weight)
				best = i;
		ret[given] = found[best].category;
		found[best].weight = -1;
	}
	return given;
}

static void user_view(const void *settings, const struct view_ctx *ctx, const void *block)
{
	const struct recommend_settings *s = settings;
	const struct recommend_user *u = block;
	const struct recommend_scratch *x = s->scratch;
	lists_view(s, ctx, u);
	if (u->orders) {
		view_field_i64(ctx->view, "orders", u->orders);
		for (uint32_t i = 0; i < u->n_revenue; i++)
			view_field_of(ctx->view, "revenue", symbols_text(ctx->symbols, u->revenue[i].currency), u->revenue[i].minor);
		int64_t since = ctx->watermark > u->last_purchase ? ctx->watermark - u->last_purchase : 0;
		view_field_double(ctx->view, "recency_d", round((double)since / 864000) / 100);
	}
	if (x->n_categories) {
		buf_clear(ctx->scratch);
		json_open(ctx->scratch, '[');
		for (size_t i = 0; i < x->n_categories; i++)
			json_text(ctx->scratch, symbols_text(ctx->symbols, x->categories[i]));
		json_close(ctx->scratch, ']');
		view_field(ctx->view, "top_categories", (struct text){ (const char *)ctx->scratch->data, (uint32_t)ctx->scratch->size });
	}
}

static void user_dump(const void *settings, const struct dump_ctx *ctx, const void *block)
{
	const struct recommend_user *u = block;
	(void)settings;
	json_member(ctx->fields, "orders");
	json_i64(ctx->fields, u->orders);
	json_member(ctx->fields, "revenue");
	json_open(ctx->fields, '{');
	struct text last = { "", 0 };
	for (uint32_t i = 0; i < u->n_revenue; i++) { /* by currency: the next greater one each time */
		struct text next = { NULL, 0 };
		int64_t minor = 0;
		for (uint32_t j = 0; j < u->n_revenue; j++) {
			struct text t = symbols_text(ctx->symbols, u->revenue[j].currency);
			if (text_order(t, last) > 0 && (!next.data || text_order(t, next) < 0)) {
				next = t;
				minor = u->revenue[j].minor;
			}
		}
		json_name_text(ctx->fields, next);
		json_i64(ctx->fields, minor);
		last = next;
	}
	json_close(ctx->fields, '}');
}

/* ---- item stage ---- */

static struct shopwide *shopwide_of(struct recommend_item *x, struct pool *pool)
{
	if (!x->shopwide)
		x->shopwide = pool_alloc(pool, sizeof(*x->shopwide));
	return x->shopwide;
}

static void delta(const void *settings, struct item_ctx *ctx, void *block, const struct delta *d)
{
	struct recommend_item *x = block;
	(void)settings;
	if (d->metric < METRIC_FEEDBACK) {
		popularity_add(&x->popularity, ctx, d, &ctx->drops[DROP_CURRENCIES]);
	} else if (ctx->key.kind == KEY_ITEM && d->metric < METRIC_ARMS) {
		x->feedback[d->metric - METRIC_FEEDBACK] += d->amount;
	} else if (ctx->key.kind == KEY_BRAND && d->metric == METRIC_FEEDBACK + FEEDBACK_SHOWN) {
		popularity_count_shown(&x->popularity, ctx->pool, d->pane, d->amount);
	} else if (ctx->key.kind == KEY_CATEGORY && d->metric >= METRIC_GAPS && d->metric < METRIC_GAPS + REPEAT_BUCKETS) {
		if (!x->gaps)
			x->gaps = pool_alloc(ctx->pool, REPEAT_BUCKETS * sizeof(*x->gaps));
		x->gaps[d->metric - METRIC_GAPS] += d->amount;
	} else if (ctx->key.kind == KEY_ALL) {
		struct shopwide *w = shopwide_of(x, ctx->pool);
		if (d->metric < METRIC_ARMS)
			feedback_add(&w->feedback, ctx->pool, symbols_text(ctx->symbols, d->sub), d->metric - METRIC_FEEDBACK, d->pane, d->amount);
		else if (d->metric <= METRIC_ARM_SQUARES)
			experiments_add(&w->experiments, ctx, d, &ctx->drops[DROP_ARMS]);
	}
}

static void item_save(const void *settings, const void *block, const struct symbols *symbols, struct buf *to)
{
	const struct recommend_item *x = block;
	(void)settings;
	popularity_save(&x->popularity, symbols, to);
	for (int i = 0; i < FEEDBACK_COUNTS; i++)
		buf_varint(to, (uint64_t)x->feedback[i]);
	buf_u8(to, x->shopwide != NULL);
	if (x->shopwide) {
		feedback_save(&x->shopwide->feedback, to);
		experiments_save(&x->shopwide->experiments, symbols, to);
	}
	buf_u8(to, x->gaps != NULL);
	for (int i = 0; x->gaps && i < REPEAT_BUCKETS; i++)
		buf_varint(to, (uint64_t)x->gaps[i]);
}

static int item_load(const void *settings, void *block, uint16_t version, struct reader *from, struct symbols *symbols, struct pool *pool)
{
	struct recommend_item *x = block;
	(void)settings;
	if (version < 1 || version > 5 || popularity_load(&x->popularity, from, symbols, pool) < 0)
		return -EBADMSG;
	if (version == 1)
		return 0;
	for (int i = 0; i < FEEDBACK_COUNTS; i++)
		x->feedback[i] = (int64_t)reader_varint(from);
	if (reader_u8(from)) {
		struct shopwide *w = shopwide_of(x, pool);
		if (feedback_load(&w->feedback, from, pool) < 0 || experiments_load(&w->experiments, version, from, symbols, pool) < 0)
			return -EBADMSG;
	}
	if (version >= 3 && reader_u8(from)) {
		x->gaps = pool_alloc(pool, REPEAT_BUCKETS * sizeof(*x->gaps));
		for (int i = 0; i < REPEAT_BUCKETS; i++)
			x->gaps[i] = (int64_t)reader_varint(from);
	}
	return from->bad ? -EBADMSG : 0;
}

static void item_done(void *block, struct pool *pool)
{
	struct recommend_item *x = block;
	popularity_done(&x->popularity, pool);
	pool_free(pool, x->gaps, x->gaps ? REPEAT_BUCKETS * sizeof(*x->gaps) : 0);
	if (!x->shopwide)
		return;
	feedback_done(&x->shopwide->feedback, pool);
	experiments_done(&x->shopwide->experiments, pool);
	pool_free(pool, x->shopwide, sizeof(*x->shopwide));
}

static void item_mark(const void *block, struct symbols *symbols)
{
	const struct recommend_item *x = block;
	popularity_mark(&x->popularity, symbols);
	if (x->shopwide)
		experiments_mark(&x->shopwide->experiments, symbols);
}

/* To four significant bits, so that a row is not written again for every impression. */
static uint64_t rounded(int64_t n)
{
	int low = n > 15 ? 60 - __builtin_clzll((uint64_t)n) : 0;
	return (uint64_t)n >> low << low;
}

/* Of an item and a brand the levels, of an item its impressions and clicks; of `all` the blend. */
static void model_save(const void *settings, const struct item_ctx *ctx, const void *block, struct buf *to)
{
	const struct recommend_settings *s = settings;
	const struct recommend_item *x = block;
	if (ctx->key.kind == KEY_ALL) {
		struct blend b;
		if (!x->shopwide || !x->shopwide->feedback.n)
			return;
		feedback_blend(&x->shopwide->feedback, &b);
		buf_varint(to, (uint64_t)b.shown);
		for (int k = 0; k < WHY_KINDS; k++) {
			buf_double(to, b.ratio[k]);
			buf_double(to, b.alpha[k]);
		}
		for (int p = 0; p < FEEDBACK_PLACES; p++)
			buf_double(to, b.looked[p]);
		return;
	}
	double level[LEVELS];
	popularity_levels(&s->popularity, &x->popularity, level);
	if (isinf(level[LEVEL_POPULAR]) && !x->feedback[FEEDBACK_SHOWN])
		return;
	for (int l = 0; l < LEVELS; l++)
		buf_double(to, level[l]);
	buf_varint(to, rounded(x->feedback[FEEDBACK_SHOWN]));
	buf_varint(to, rounded(x->feedback[FEEDBACK_CLICKED]));
	buf_varint(to, (uint64_t)repeat_after(x->gaps, x->popularity.n[METRIC_BUYS]));
}

static uint32_t u32_of(uint64_t n)
{
	return n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
}

static int model_load(const void *settings, void *block, uint16_t version, struct reader *from, struct symbols *symbols, struct pool *pool)
{
	struct recommend_model *m = block;
	(void)settings, (void)symbols;
	if (version < 1 || version > 3)
		return -EBADMSG;
	bool blend = reader_left(from) > LEVELS * sizeof(double) + 30; /* three varints are at most so long */
	for (int l = 0; l < LEVELS; l++)
		m->popularity.level[l] = blend ? -INFINITY : reader_double(from);
	if (version == 1)
		return from->bad ? -EBADMSG : 0;
	if (!blend) {
		m->shown = u32_of(reader_varint(from));
		m->clicked = u32_of(reader_varint(from));
		m->repeat_after_ms = version >= 3 ? (int64_t)reader_varint(from) : 0;
		return from->bad ? -EBADMSG : 0;
	}
	struct blend *b = m->blend = pool_alloc(pool, sizeof(*b));
	b->shown = (int64_t)reader_varint(from);
	for (int k = 0; k < WHY_KINDS; k++) {
		b->ratio[k] = reader_double(from);
		b->alpha[k] = reader_double(from);
	}
	for (int p = 0; p < FEEDBACK_PLACES; p++)
		b->looked[p] = reader_double(from);
	return from->bad ? -EBADMSG : 0;
}

static void model_done(void *block, struct pool *pool)
{
	struct recommend_model *m = block;
	pool_free(pool, m->blend, sizeof(*m->blend));
}

static void figure(const struct view_ctx *ctx, const char *name, int64_t value, bool enough)
{
	if (enough)
		view_field_i64(ctx->view, name, value);
	else
		view_field_none(ctx->view, name);
}

static void item_view(const void *settings, const struct view_ctx *ctx, const void *block)
{
	const struct recommend_settings *s = settings;
	const struct recommend_item *x = block;
	const struct popularity *p = &x->popularity;
	if (ctx->key.kind == KEY_ALL) {
		if (x->shopwide)
			experiments_view(&x->shopwide->experiments, ctx, s->experiment);
		struct toplists *t = recommend_scratch_toplists(s->scratch);
		toplists_make(t, s, ctx);
		toplists_view(t, s, ctx);
		return;
	}
	if (ctx->key.kind != KEY_ITEM || (!p->hours.n && !p->n_revenue))
		return;
	struct popularity_model m;
	popularity_levels(&s->popularity, p, m.level);
	bool looked_at = itemsets_enough(ctx, ctx->key, true), bought = itemsets_enough(ctx, ctx->key, false);
	figure(ctx, "views", p->n[METRIC_VIEWS], looked_at);
	figure(ctx, "clicks", p->n[METRIC_CLICKS], looked_at);
	figure(ctx, "carts", p->n[METRIC_CARTS], looked_at);
	figure(ctx, "buys", p->n[METRIC_BUYS], bought);
	for (uint32_t i = 0; i < p->n_revenue; i++) {
		struct text currency = symbols_text(ctx->symbols, p->revenue[i].currency);
		if (bought)
			view_field_of(ctx->view, "revenue", currency, p->revenue[i].minor);
		else
			view_field_none_of(ctx->view, "revenue", currency);
	}
	if (x->feedback[FEEDBACK_SHOWN] || x->feedback[FEEDBACK_CLICKED]) {
		figure(ctx, "recommended", x->feedback[FEEDBACK_SHOWN], looked_at);
		figure(ctx, "recommended_clicks", x->feedback[FEEDBACK_CLICKED], looked_at);
		figure(ctx, "recommended_buys", x->feedback[FEEDBACK_BOUGHT], bought);
	}
	view_field_double(ctx->view, "trend", ctx->watermark < 0 || !looked_at ? NAN : popularity_trend(&s->popularity, &m, ctx->watermark));
}

static void item_dump(const void *settings, const struct dump_ctx *ctx, const void *block)
{
	const struct popularity *p = &((const struct recommend_item *)block)->popularity;
	(void)settings;
	if (ctx->key.kind != KEY_ITEM || (!p->hours.n && !p->n_revenue))
		return;
	static const char *const names[POPULARITY_COUNTS] = { "views", "clicks", "carts", "buys" };
	for (int i = 0; i < POPULARITY_COUNTS; i++) {
		json_member(ctx->fields, names[i]);
		json_i64(ctx->fields, p->n[i]);
	}
	json_member(ctx->fields, "revenue");
	json_open(ctx->fields, '{');
	for (uint32_t i = 0; i < p->n_revenue; i++) {
		json_name_text(ctx->fields, symbols_text(ctx->symbols, p->revenue[i].currency));
		json_i64(ctx->fields, p->revenue[i].minor);
	}
	json_close(ctx->fields, '}');
}

const struct processor recommend_processor = {
	.name = "recommend",
	.id = P_RECOMMEND,
	.needs = "itemsets",
	.options = options,
	.n_options = OPTION_N(options),
	.settings_size = sizeof(struct recommend_settings),
	.setup = setup,
	.teardown = teardown,
	.user = { sizeof(struct recommend_user), 5, user_save, user_load, user_done, user_mark },
	.item = { sizeof(struct recommend_item), 5, item_save, item_load, item_done, item_mark },
	.model = { sizeof(struct recommend_model), 3, NULL, model_load, model_done, NULL },
	.event = event,
	.event_soon = event_soon,
	.delta = delta,
	.model_save = model_save,
	.user_view = user_view,
	.item_view = item_view,
	.user_dump = user_dump,
	.item_dump = item_dump,
	.drop_names = drop_names,
};
