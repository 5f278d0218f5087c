/* The processor of similar items; see similar.h. */
#include "similar.h"

#include <errno.h>
#include <stdio.h>

#include "json.h"
#include "view.h"

enum { SHOWN_MAX = 100,
	WEIGHT_VIEWED = 1,
	WEIGHT_CARTED = 2,
	WEIGHT_OWNED = 3 };

static const struct option options[] = {
	{ "window", OPTION_DURATION, OPTION_AT(similar_settings, window_ms), .value = "0", .min = "1d", .max = "3650d", .zero = "for ever",
		.help = "Pairs are counted over this much event time. Whole panes: a multiple of `pane`." },
	{ "pane", OPTION_DURATION, OPTION_AT(similar_settings, pane_ms), .value = "30d", .min = "1h", .max = "366d", .help = "The window moves by this much." },
	{ "history", OPTION_COUNT, OPTION_AT(similar_settings, history), .value = "50", .min = "2", .max = "100", .unit = "items",
		.help = "A shopper's last items with which a new one is paired." },
	{ "max_pairs", OPTION_COUNT, OPTION_AT(similar_settings, max_pairs), .value = "5000", .min = "10", .max = "1000000", .unit = "items",
		.help = "Distinct others counted per item (and pane); new ones beyond are dropped and counted (pairs_dropped)." },
	{ "shown", OPTION_COUNT, OPTION_AT(similar_settings, shown), .value = "20", .min = "1", .max = "100", .unit = "items",
		.help = "Items in glint:similar:ITEM." },
	{ "min_overlap", OPTION_COUNT, OPTION_AT(similar_settings, min_overlap), .value = "6", .min = "1", .max = "1000000", .unit = "weight",
		.help = "A pair is shown from this common weight on; a shopper who owns or rated both adds 3." },
	{ "shrink", OPTION_REAL, OPTION_AT(similar_settings, shrink), .value = "9", .min = "0", .max = "1000000", .unit = "weight",
		.help = "Added to both items' weights: few shoppers are not yet much likeness." },
	{ "ratings", OPTION_BOOL, OPTION_AT(similar_settings, ratings), .value = "off",
		.help = "Ratings count too, with the weight of a purchase. On where people rate what they have not bought here; costs some 2 x history "
			"increments each." },
	{ "views", OPTION_BOOL, OPTION_AT(similar_settings, views), .value = "off",
		.help = "Views and clicks count too, with weight 1. Off, they cost nothing here; glint:viewed has them." },
};

static const char *const drop_names[] = { "pairs_dropped", "outlived", NULL };

enum { METRIC_PAIR,
	METRIC_OWN,
	METRIC_FOLLOW };

static int similar_setup(void *settings, char *error, size_t error_size)
{
	struct similar_settings *s = settings;
	s->window = (struct pairs_window){ s->pane_ms, 0 };
	if (!s->window_ms)
		return 0;
	int64_t panes = s->window_ms / s->pane_ms;
	if (s->window_ms % s->pane_ms || panes > PAIRS_PANES_MAX / 2) {
		snprintf(error, error_size, "window must be a multiple of pane, at most %d panes", PAIRS_PANES_MAX / 2);
		return -EINVAL;
	}
	s->window.panes = (int32_t)panes;
	return 0;
}

/* ---- user stage ---- */

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static void take(const struct similar_settings *s, struct user_ctx *ctx, struct similar_user *u, symbol_t item, uint32_t weight, int64_t ts)
{
	const struct key key = { KEY_ITEM, item };
	int32_t pane = pairs_pane_at(s->window, ts);
	struct similar_seen x = { .item = item };
	uint32_t old = 0, at = 0;
	u->for_ever = !s->window.panes && (u->for_ever || !u->n);
	while (at < u->n && u->seen[at].item != item)
		at++;
	if (at < u->n) {
		x = u->seen[at];
		old = x.weight;
		memmove(u->seen + at, u->seen + at + 1, (--u->n - at) * sizeof(*u->seen));
	}
	uint32_t new = weight > old ? weight : old;
	if (new > old)
		emit_sum(ctx->emitter, P_SIMILAR, key, METRIC_OWN, 0, pane, new - old);
	for (uint32_t i = 0; i < u->n && new > old; i++) {
		const struct similar_seen *q = &u->seen[i];
		uint32_t more = least(new, q->weight) - least(old, q->weight);
		if (!more)
			continue;
		emit_sum(ctx->emitter, P_SIMILAR, key, METRIC_PAIR, q->item, pane, more);
		emit_sum(ctx->emitter, P_SIMILAR, (struct key){ KEY_ITEM, q->item }, METRIC_PAIR, item, pane, more);
	}
	if (!old)
		x.number = ++u->numbers;
	for (uint32_t d = 0; !old && d < FOLLOW_STEPS && d < u->n; d++) {
		const struct similar_seen *q = &u->seen[u->n - 1 - d];
		uint32_t before = x.number - q->number;
		x.follows[d] = before <= UINT8_MAX ? (uint8_t)before : 0;
		emit_sum(ctx->emitter, P_SIMILAR, (struct key){ KEY_ITEM, q->item }, METRIC_FOLLOW, item, pane, FOLLOW_UNIT / (d + 1));
	}
	x.weight = (uint8_t)new;
	while (u->n >= (uint32_t)s->history)
		memmove(u->seen, u->seen + 1, --u->n * sizeof(*u->seen));
	if (u->n == u->capacity) {
		uint32_t capacity = u->capacity ? u->capacity * 2 : 4;
		u->seen = pool_resize(ctx->pool, u->seen, u->capacity * sizeof(*u->seen), capacity * sizeof(*u->seen));
		u->capacity = capacity;
	}
	u->seen[u->n++] = x;
}

static void take_back_follower(struct user_ctx *ctx, const struct similar_user *u, const struct similar_seen *x)
{
	for (uint32_t d = 0; d < FOLLOW_STEPS; d++)
		for (uint32_t i = 0; x->follows[d] && i < u->n; i++)
			if (x->number - u->seen[i].number == x->follows[d])
				emit_sum(ctx->emitter, P_SIMILAR, (struct key){ KEY_ITEM, u->seen[i].item }, METRIC_FOLLOW, x->item, 0, -FOLLOW_UNIT / (int64_t)(d + 1));
}

/* What the items kept have counted is taken back. */
static void leave(const void *settings, struct user_ctx *ctx, void *block, bool erase)
{
	const struct similar_user *u = block;
	(void)settings;
	if (!erase || !u->for_ever)
		return;
	for (uint32_t i = 0; i < u->n; i++) {
		const struct similar_seen *p = &u->seen[i];
		const struct key key = { KEY_ITEM, p->item };
		emit_sum(ctx->emitter, P_SIMILAR, key, METRIC_OWN, 0, 0, -(int64_t)p->weight);
		for (uint32_t j = 0; j < u->n; j++)
			if (j != i)
				emit_sum(ctx->emitter, P_SIMILAR, key, METRIC_PAIR, u->seen[j].item, 0, -(int64_t)least(p->weight, u->seen[j].weight));
		take_back_follower(ctx, u, p);
	}
}

static void similar_event(const void *settings, struct user_ctx *ctx, void *block, const struct event *e)
{
	const struct similar_settings *s = settings;
	struct similar_user *u = block;
	symbol_t item;
	if (e->kind == EVENT_REVIEW && s->ratings && e->review.rating_milli) {
		if ((item = symbols_intern(ctx->symbols, e->review.item_id)))
			take(s, ctx, u, item, WEIGHT_OWNED, e->ts);
	} else if (e->kind == EVENT_PURCHASE && e->purchase.kind == PURCHASE_ORDER) {
		for (uint32_t i = 0; i < e->purchase.n_lines && i < SIMILAR_LINES; i++)
			if (e->purchase.lines[i].quantity > 0 && (item = symbols_intern(ctx->symbols, e->purchase.lines[i].item_id)))
				take(s, ctx, u, item, WEIGHT_OWNED, e->ts);
	} else if (e->kind == EVENT_CLICK) {
		bool viewed = e->click.action == ACTION_VIEW || e->click.action == ACTION_CLICK;
		if (e->click.action != ACTION_ADD_TO_CART && !(s->views && viewed))
			return;
		if ((item = symbols_intern(ctx->symbols, e->click.item_id)))
			take(s, ctx, u, item, viewed ? WEIGHT_VIEWED : WEIGHT_CARTED, e->ts);
	}
}

static void user_save(const void *settings, const void *block, const struct symbols *symbols, struct buf *to)
{
	const struct similar_user *u = block;
	(void)settings;
	buf_varint(to, u->n);
	if (u->n)
		buf_u8(to, u->for_ever);
	if (u->for_ever)
		buf_varint(to, u->numbers);
	for (uint32_t i = 0; i < u->n; i++) {
		buf_text(to, symbols_text(symbols, u->seen[i].item));
		buf_u8(to, u->seen[i].weight);
		if (!u->for_ever)
			continue;
		buf_varint(to, u->numbers - u->seen[i].number);
		buf_bytes(to, u->seen[i].follows, FOLLOW_STEPS);
	}
}

static int user_load(const void *settings, void *block, uint16_t version, struct reader *from, struct symbols *symbols, struct pool *pool)
{
	const struct similar_settings *s = settings;
	struct similar_user *u = block;
	uint64_t n = reader_varint(from);
	if (version < 1 || version > 2 || n > SIMILAR_HISTORY_MAX)
		return -EBADMSG;
	bool for_ever = version > 1 && n && reader_u8(from);
	u->numbers = for_ever ? (uint32_t)reader_varint(from) : (uint32_t)n;
	u->for_ever = for_ever && !s->window.panes;
	for (u->capacity = n ? 4 : 0; u->capacity < n;)
		u->capacity *= 2;
	u->seen = n ? pool_alloc(pool, u->capacity * sizeof(*u->seen)) : NULL;
	for (; u->n < n; u->n++) {
		struct similar_seen *x = &u->seen[u->n];
		x->item = symbols_intern(symbols, reader_text(from));
		x->weight = reader_u8(from);
		x->number = u->n + 1;
		if (for_ever) {
			x->number = u->numbers - (uint32_t)reader_varint(from);
			const uint8_t *follows = reader_bytes(from, FOLLOW_STEPS);
			memcpy(x->follows, follows ? follows : (const uint8_t[FOLLOW_STEPS]){ 0 }, FOLLOW_STEPS);
		}
		if (!x->item)
			return -EBADMSG;
	}
	return from->bad ? -EBADMSG : 0;
}

static void user_done(void *block, struct pool *pool)
{
	struct similar_user *u = block;
	pool_free(pool, u->seen, u->capacity * sizeof(*u->seen));
	*u = (struct similar_user){ 0 };
}

static void user_mark(const void *block, struct symbols *symbols)
{
	const struct similar_user *u = block;
	for (uint32_t i = 0; i < u->n; i++)
		symbols_mark(symbols, u->seen[i].item);
}

/* ---- item stage ---- */

static void similar_delta(const void *settings, struct item_ctx *ctx, void *block, const struct delta *d)
{
	const struct similar_settings *s = settings;
	struct similar_item *b = block;
	if (d->metric > METRIC_FOLLOW || !d->amount || d->amount == INT64_MIN || (d->metric != METRIC_OWN) != (d->sub != 0))
		return;
	struct pairs *p = d->metric == METRIC_FOLLOW ? &b->follows : &b->pairs;
	pairs_advance(p, s->window, ctx->pool, ctx->watermark);
	if (d->amount < 0) {
		uint32_t taken = pairs_take_back(p, s->window, ctx->pool, d->pane, d->sub, -d->amount);
		if (d->metric == METRIC_FOLLOW)
			pairs_take_back(p, s->window, ctx->pool, d->pane, 0, taken);
		return;
	}
	int r = pairs_add(p, s->window, ctx->pool, d->pane, d->sub, d->amount, (uint32_t)s->max_pairs);
	if (r == 0 && d->metric == METRIC_FOLLOW)
		r = pairs_add(p, s->window, ctx->pool, d->pane, 0, d->amount, 0);
	if (r < 0)
		ctx->drops[r == -ESTALE]++;
}

static int64_t similar_due_at(const void *settings, const void *block)
{
	const struct similar_settings *s = settings;
	const struct similar_item *b = block;
	int64_t pairs = pairs_due_at(&b->pairs, s->window), follows = pairs_due_at(&b->follows, s->window);
	return pairs < follows ? pairs : follows;
}

static void similar_due(const void *settings, struct item_ctx *ctx, void *block)
{
	const struct similar_settings *s = settings;
	struct similar_item *b = block;
	pairs_advance(&b->pairs, s->window, ctx->pool, ctx->watermark);
	pairs_advance(&b->follows, s->window, ctx->pool, ctx->watermark);
}

static void item_save(const void *settings, const void *block, const struct symbols *symbols, struct buf *to)
{
	const struct similar_settings *s = settings;
	const struct similar_item *b = block;
	pairs_save(&b->pairs, s->window, symbols, to);
	pairs_save(&b->follows, s->window, symbols, to);
}

static int item_load(const void *settings, void *block, uint16_t version, struct reader *from, struct symbols *symbols, struct pool *pool)
{
	const struct similar_settings *s = settings;
	struct similar_item *b = block;
	if (version != 1 || pairs_load(&b->pairs, s->window, from, symbols, pool) < 0)
		return -EBADMSG;
	return pairs_load(&b->follows, s->window, from, symbols, pool);
}

static void item_done(void *block, struct pool *pool)
{
	struct similar_item *b = block;
	pairs_done(&b->pairs, pool);
	pairs_done(&b->follows, pool);
}

static void item_mark(const void *block, struct symbols *symbols)
{
	const struct similar_item *b = block;
	pairs_mark(&b->pairs, symbols);
	pairs_mark(&b->follows, symbols);
}

static void model_save(const void *settings, const struct item_ctx *ctx, const void *block, struct buf *to)
{
	const struct similar_item *b = block;
	(void)settings, (void)ctx;
	if (b->pairs.baskets)
		buf_varint(to, b->pairs.baskets);
}

static int model_load(const void *settings, void *block, uint16_t version, struct reader *from, struct symbols *symbols, struct pool *pool)
{
	struct similar_model *m = block;
	(void)settings, (void)symbols, (void)pool;
	m->n = (uint32_t)reader_varint(from);
	return version != 1 || from->bad ? -EBADMSG : 0;
}

/* ---- view ---- */

struct near {
	symbol_t item;
	uint32_t count;
	double cosine;
};

static bool nearer(const struct symbols *symbols, const struct near *a, const struct near *b)
{
	return a->cosine != b->cosine ? a->cosine > b->cosine : symbols_hash(symbols, a->item) < symbols_hash(symbols, b->item);
}

static void item_view(const void *settings, const struct view_ctx *ctx, const void *block)
{
	const struct similar_settings *s = settings;
	const struct similar_item *item = block;
	const struct pair_map *map = pairs_total(&item->pairs);
	struct near list[SHOWN_MAX];
	uint32_t n = 0;
	/* a pair has SIMILAR_MOST of one shopper at most, so that this is k shoppers, not only k baskets */
	int64_t asked = SIMILAR_MOST * ctx->least_baskets, least = s->min_overlap > asked ? s->min_overlap : asked;
	if (ctx->key.kind != KEY_ITEM || !item->pairs.ever)
		return;
	for (uint32_t i = 0; map->slots && i < 1u << map->bits; i++) {
		const struct pair_slot *slot = &map->slots[i];
		if (!slot->other || slot->count < least)
			continue;
		const struct similar_model *m = model_block(ctx->model, P_SIMILAR, (struct key){ KEY_ITEM, slot->other });
		uint32_t own = m && m->n > slot->count ? m->n : slot->count; /* its row may not have come yet */
		struct near x = { slot->other, slot->count, similar_cosine(slot->count, item->pairs.baskets, own, s->shrink) };
		if (n == s->shown && !nearer(ctx->symbols, &x, &list[n - 1]))
			continue;
		uint32_t at = n < s->shown ? n++ : n - 1;
		for (; at && nearer(ctx->symbols, &x, &list[at - 1]); at--)
			list[at] = list[at - 1];
		list[at] = x;
	}
	struct text id = symbols_text(ctx->symbols, ctx->key.id);
	if (!n) {
		view_begin(ctx->view, "DEL");
		view_key(ctx->view, "similar:", id);
		view_end(ctx->view);
		return;
	}
	struct buf *b = ctx->scratch;
	buf_clear(b);
	json_view_open(b, ctx->as_of, ctx->commit);
	json_name(b, "n");
	json_i64(b, item->pairs.baskets);
	json_name(b, "items");
	json_open(b, '[');
	for (uint32_t i = 0; i < n; i++) {
		json_open(b, '{');
		json_name(b, "item");
		json_text(b, symbols_text(ctx->symbols, list[i].item));
		json_name(b, "score");
		json_double(b, list[i].cosine);
		json_name(b, "count");
		json_i64(b, list[i].count);
		json_close(b, '}');
	}
	json_close(b, ']');
	json_close(b, '}');
	view_set_json(ctx, "similar:", id, (struct text){ (const char *)b->data, (uint32_t)b->size });
}

const struct processor similar_processor = {
	.name = "similar",
	.id = P_SIMILAR,
	.options = options,
	.n_options = OPTION_N(options),
	.settings_size = sizeof(struct similar_settings),
	.setup = similar_setup,
	.user = { sizeof(struct similar_user), 2, user_save, user_load, user_done, user_mark },
	.item = { sizeof(struct similar_item), 1, item_save, item_load, item_done, item_mark },
	.model = { sizeof(struct similar_model), 1, NULL, model_load, NULL, NULL },
	.event = similar_event,
	.leave = leave,
	.delta = similar_delta,
	.due_at = similar_due_at,
	.due = similar_due,
	.model_save = model_save,
	.item_view = item_view,
	.drop_names = drop_names,
};
