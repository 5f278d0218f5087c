/* The processor of the next item: sessions, followers, who leads, rows and views; see next.h. */
#include "next.h"

#include <errno.h>
#include <stdio.h>
#include <xxhash.h>

#include "itemsets.h"
#include "json.h"
#include "view.h"

enum { FOLLOWERS_MAX = 200 };

static const struct option options[] = {
	{ "window", OPTION_DURATION, OPTION_AT(next_settings, window_ms), .value = "91d", .min = "1h", .max = "3650d", .zero = "for ever",
		.help = "What follows an item is counted over this much event time. Whole panes: a multiple of `pane`." },
	{ "pane", OPTION_DURATION, OPTION_AT(next_settings, pane_ms), .value = "7d", .min = "1h", .max = "366d", .help = "The window moves by this much." },
	{ "session_gap", OPTION_DURATION, OPTION_AT(next_settings, session_gap_ms), .value = "30min", .min = "1s", .max = "30d",
		.help = "A session ends with a pause longer than this, or with a new session_id." },
	{ "followers", OPTION_COUNT, OPTION_AT(next_settings, followers), .value = "100", .min = "1", .max = "200", .unit = "items",
		.help = "Most frequent followers of an item that rankings may use." },
	{ "max_followers", OPTION_COUNT, OPTION_AT(next_settings, max_followers), .value = "5000", .min = "10", .max = "1000000", .unit = "items",
		.help = "Distinct followers counted per item in its window; new ones beyond are dropped and counted (followers_dropped)." },
	{ "learn_every", OPTION_COUNT, OPTION_AT(next_settings, learn_every), .value = "128", .min = "1", .max = "1000000", .zero = "never",
		.unit = "clicks", .help = "One click in so many, and more at first, is ranked beforehand by all ways of ranking, so that the best is known." },
	{ "shown", OPTION_COUNT, OPTION_AT(next_settings, shown), .value = "10", .min = "1", .max = "100", .zero = "no such key", .unit = "items",
		.help = "Items in glint:next:USER, for visitors of whom nothing but this session is known." },
	{ "steps_kept", OPTION_COUNT, OPTION_AT(next_settings, steps_kept), .value = "50", .min = "10", .max = "1000", .zero = "the running session's only", .unit = "steps",
		.help = "A shopper's newest steps from item to item, kept so that `glintctl forget` takes back what they counted. They are in the shopper's row." },
};

static const char *const drop_names[] = { "followers_dropped", "followers_outlived", NULL };
const char *const next_way_names[NEXT_WAYS] = { "order", "sharp", "near", "long", "broad", "cosine" };

/* 1 to 5 were those of the four experts of older versions. */
enum { METRIC_FOLLOW,
	METRIC_DRAWN = 6,
	METRIC_REACHED }; /* the pane says whose */

static const int64_t step_weights[NEXT_STEPS] = { 1000, 354, 192 }; /* 1000 (d + 1)^-1.5 */

static int next_setup(void *settings, char *error, size_t error_size)
{
	struct next_settings *s = settings;
	s->window = (struct pairs_window){ s->pane_ms, 0 };
	if (s->window_ms) {
		int64_t panes = s->window_ms / s->pane_ms;
		if (s->window_ms % s->pane_ms || panes > PAIRS_PANES_MAX / 2) {
			snprintf(error, error_size, "window must be a multiple of pane, at most %d panes", PAIRS_PANES_MAX / 2);
			return -EINVAL;
		}
		s->window.panes = (int32_t)panes;
	}
	if (next_scratch_create(&s->scratch) < 0) {
		snprintf(error, error_size, "out of memory");
		return -ENOMEM;
	}
	return 0;
}

static void next_teardown(void *settings)
{
	struct next_settings *s = settings;
	next_scratch_destroy(s->scratch);
	s->scratch = NULL;
}

/* ---- user stage ---- */

bool next_goes_on(const struct next_settings *s, const struct next_user *u, int64_t ts, uint64_t session_id)
{
	int64_t gap = ts > u->greatest_ts ? ts - u->greatest_ts : u->greatest_ts - ts;
	return u->open && gap <= s->session_gap_ms && !(session_id && u->session_id && session_id != u->session_id);
}

/* What each expert would have reached for the item that came, on behalf of `every` events. */
static void draw(const struct next_settings *s, struct user_ctx *ctx, const struct next_user *u, symbol_t item, uint64_t every)
{
	const struct key all = { KEY_ALL, 0 };
	uint32_t places[NEXT_EXPERTS];
	emit_sum(ctx->emitter, P_NEXT, all, METRIC_DRAWN, 0, 0, 1);
	next_places(s->scratch, ctx->symbols, ctx->model, u, item, places);
	for (int32_t i = 0; i < NEXT_EXPERTS; i++)
		if (places[i])
			emit_sum(ctx->emitter, P_NEXT, all, METRIC_REACHED, 0, i, (int64_t)every * (1000000 + 2000000 / (int64_t)places[i]));
}

/* Step i, at the items before it in its session; times 1 or -1. */
static void count(struct user_ctx *ctx, const struct next_user *u, uint32_t i, int64_t times)
{
	const struct next_step *x = &u->steps[i];
	for (uint32_t d = 0; d < NEXT_STEPS && d < i && !x[-(int64_t)d].first; d++) {
		symbol_t before = x[-(int64_t)d - 1].item;
		if (before != x->item)
			emit_sum(ctx->emitter, P_NEXT, (struct key){ KEY_ITEM, before }, METRIC_FOLLOW, x->item, x->pane, times * step_weights[d]);
	}
}

/* Has step i, or one counted at it, been counted in a pane after `oldest`? */
static bool is_needed(const struct next_user *u, uint32_t i, int64_t oldest)
{
	bool needed = u->steps[i].pane > oldest;
	for (uint32_t d = 1; d <= NEXT_STEPS && i + d < u->n_steps && !u->steps[i + d].first; d++)
		needed |= u->steps[i + d].pane > oldest;
	return needed;
}

/* Room for one more step: the oldest leave, and those of before the window that are not the running session's, nor had one of the window counted at them. */
static void keep(const struct next_settings *s, struct user_ctx *ctx, struct next_user *u, struct next_step x)
{
	uint32_t most = s->steps_kept ? (uint32_t)s->steps_kept + NEXT_STEPS : NEXT_SESSION, others = u->n_steps - u->n, gone = u->n_steps >= most ? u->n_steps - most + 1 : 0;
	if (!s->steps_kept && gone < others)
		gone = others;
	while (s->window.panes && gone < others && !is_needed(u, gone, (int64_t)x.pane - s->window.panes))
		gone++;
	if (gone)
		memmove(u->steps, u->steps + gone, (u->n_steps -= (uint16_t)gone) * sizeof(*u->steps));
	if (u->n_steps == u->capacity) {
		uint16_t capacity = u->capacity ? (uint16_t)(u->capacity * 2) : 2;
		u->steps = pool_resize(ctx->pool, u->steps, u->capacity * sizeof(*u->steps), capacity * sizeof(*u->steps));
		u->capacity = capacity;
	}
	u->steps[u->n_steps++] = x;
	u->n = (uint8_t)(u->n + 1u > u->n_steps ? u->n_steps : u->n < NEXT_SESSION ? u->n + 1u : NEXT_SESSION);
}

static void next_event(const void *settings, struct user_ctx *ctx, void *block, const struct event *e)
{
	const struct next_settings *s = settings;
	struct next_user *u = block;
	const struct click *click = &e->click;
	if (e->kind != EVENT_CLICK || (click->action != ACTION_VIEW && click->action != ACTION_CLICK && click->action != ACTION_ADD_TO_CART))
		return;
	uint64_t id = click->session_id.size ? XXH3_64bits(click->session_id.data, click->session_id.size) | 1 : 0;
	if (!next_goes_on(s, u, e->ts, id)) {
		u->greatest_ts = e->ts;
		u->session_id = id;
		u->open = true;
		u->n = 0;
	} else {
		if (e->ts > u->greatest_ts)
			u->greatest_ts = e->ts;
		if (id)
			u->session_id = id;
	}
	symbol_t item = symbols_intern(ctx->symbols, click->item_id);
	if (!item || (u->n && next_seen(u, 0) == item))
		return;
	uint64_t every = u->n ? next_draw_every(s, ctx->model) : 0;
	if (every && ((ctx->user_hash ^ (uint64_t)e->ts) * UINT64_C(0x9e3779b97f4a7c15) >> 32) % every == 0)
		draw(s, ctx, u, item, every);
	int32_t pane = pairs_pane_at(s->window, e->ts);
	keep(s, ctx, u, (struct next_step){ item, pane, u->n == 0 });
	count(ctx, u, u->n_steps - 1u, 1);
}

/* What the steps kept have counted is taken back. */
static void leave(const void *settings, struct user_ctx *ctx, void *block, bool erase)
{
	const struct next_user *u = block;
	(void)settings;
	for (uint32_t i = 0; erase && i < u->n_steps; i++)
		if (u->steps[i].pane != INT32_MIN)
			count(ctx, u, i, -1);
}

static void user_save(const void *settings, const void *block, const struct symbols *symbols, struct buf *to)
{
	const struct next_settings *s = settings;
	const struct next_user *u = block;
	buf_u8(to, u->open);
	if (!u->open)
		return;
	buf_zigzag(to, u->greatest_ts);
	buf_u64(to, u->session_id);
	buf_u8(to, u->n);
	buf_varint(to, u->n_steps);
	if (u->n_steps)
		buf_varint(to, pairs_width(s->window));
	int64_t pane = pairs_pane_at(s->window, u->greatest_ts);
	for (uint32_t i = 0; i < u->n_steps; i++) {
		const struct next_step *x = &u->steps[i];
		buf_text(to, symbols_text(symbols, x->item));
		buf_zigzag(to, (x->pane - pane) * 2 + x->first);
		pane = x->pane;
	}
}

static int user_load(const void *settings, void *block, uint16_t version, struct reader *from, struct symbols *symbols, struct pool *pool)
{
	const struct next_settings *s = settings;
	struct next_user *u = block;
	u->open = reader_u8(from) != 0;
	if (version < 1 || version > 2 || !u->open)
		return version < 1 || version > 2 || from->bad ? -EBADMSG : 0;
	u->greatest_ts = version < 2 ? reader_i64(from) : reader_zigzag(from);
	u->session_id = reader_u64(from);
	u->n = reader_u8(from);
	uint64_t n = version == 1 ? u->n : reader_varint(from);
	if (u->n > NEXT_SESSION || n < u->n || n > NEXT_KEPT_MAX + NEXT_STEPS)
		return -EBADMSG;
	bool same = version > 1 && n && reader_varint(from) == pairs_width(s->window);
	for (u->capacity = n ? 2 : 0; u->capacity < n;)
		u->capacity *= 2;
	u->steps = pool_alloc(pool, u->capacity * sizeof(*u->steps));
	int64_t pane = same ? pairs_pane_at(s->window, u->greatest_ts) : INT32_MIN;
	for (; u->n_steps < n; u->n_steps++) {
		struct next_step *x = &u->steps[u->n_steps];
		*x = (struct next_step){ symbols_intern(symbols, reader_text(from)), INT32_MIN, u->n_steps == 0 };
		if (version > 1) {
			int64_t step = reader_zigzag(from);
			x->first = step & 1;
			if (same && (__builtin_add_overflow(pane, step >> 1, &pane) || pane < INT32_MIN || pane > INT32_MAX))
				return -EBADMSG;
			x->pane = (int32_t)pane;
		}
		if (!x->item)
			return -EBADMSG;
	}
	return from->bad ? -EBADMSG : 0;
}

static void user_done(void *block, struct pool *pool)
{
	struct next_user *u = block;
	pool_free(pool, u->steps, u->capacity * sizeof(*u->steps));
	*u = (struct next_user){ 0 };
}

static void event_soon(const void *block)
{
	const struct next_user *u = block;
	if (u->n_steps)
		__builtin_prefetch(&u->steps[u->n_steps - 1], 1);
}

static void user_mark(const void *block, struct symbols *symbols)
{
	const struct next_user *u = block;
	for (uint32_t i = 0; i < u->n_steps; i++)
		symbols_mark(symbols, u->steps[i].item);
}

/* ---- item stage ---- */

static void next_delta(const void *settings, struct item_ctx *ctx, void *block, const struct delta *d)
{
	const struct next_settings *s = settings;
	struct next_item *b = block;
	if (d->metric == METRIC_DRAWN || (d->metric == METRIC_REACHED && d->pane >= 0 && d->pane < NEXT_EXPERTS)) {
		if (!b->judged)
			b->judged = pool_alloc(ctx->pool, sizeof(*b->judged));
		*(d->metric == METRIC_DRAWN ? &b->judged->drawn : &b->judged->reached[d->pane]) += d->amount;
	}
	if (d->metric != METRIC_FOLLOW || !d->sub || !d->amount || d->amount == INT64_MIN)
		return;
	int32_t now = b->follow.now;
	pairs_advance(&b->follow, s->window, ctx->pool, ctx->watermark);
	if (b->follow.now != now)
		leaders_forget(&b->leaders);
	if (d->amount < 0) {
		uint32_t taken = pairs_take_back(&b->follow, s->window, ctx->pool, d->pane, d->sub, -d->amount);
		pairs_take_back(&b->follow, s->window, ctx->pool, d->pane, 0, taken);
		leaders_forget(&b->leaders);
		return;
	}
	int r = pairs_add(&b->follow, s->window, ctx->pool, d->pane, d->sub, d->amount, (uint32_t)s->max_followers);
	if (r < 0) {
		ctx->drops[r == -ESTALE ? 1 : 0]++;
		return;
	}
	pairs_add(&b->follow, s->window, ctx->pool, d->pane, 0, d->amount, 0);
	if (d->pane <= b->follow.now)
		leaders_grown(&b->leaders, ctx->symbols, pairs_total(&b->follow), d->sub);
}

static int64_t next_due_at(const void *settings, const void *block)
{
	const struct next_settings *s = settings;
	return pairs_due_at(&((const struct next_item *)block)->follow, s->window);
}

static void next_due(const void *settings, struct item_ctx *ctx, void *block)
{
	const struct next_settings *s = settings;
	struct next_item *b = block;
	pairs_advance(&b->follow, s->window, ctx->pool, ctx->watermark);
	leaders_forget(&b->leaders);
}

static void judged_save(const struct next_judged *j, struct buf *to)
{
	buf_varint(to, j ? NEXT_EXPERTS : 0);
	if (!j)
		return;
	buf_zigzag(to, j->drawn);
	for (int i = 0; i < NEXT_EXPERTS; i++)
		buf_zigzag(to, j->reached[i]);
}

/* The four experts of version 1 are read over, and what another bank than ours has reached: the shop learns anew. */
static int judged_load(struct next_judged **ret, uint16_t version, bool in_model, struct reader *from, struct pool *pool)
{
	enum { OLD_EXPERTS = 4,
		MOST = 1000 };
	if (version == 1) {
		int64_t drawn = reader_zigzag(from);
		for (int i = 0; (drawn || !in_model) && i < OLD_EXPERTS; i++)
			reader_zigzag(from);
		return 0;
	}
	uint64_t n = reader_varint(from);
	if (!n || n > MOST)
		return n ? -EBADMSG : 0;
	struct next_judged *j = n == NEXT_EXPERTS ? pool_alloc(pool, sizeof(*j)) : NULL;
	int64_t drawn = reader_zigzag(from);
	for (uint64_t i = 0; i < n; i++) {
		int64_t reached = reader_zigzag(from);
		if (j)
			j->reached[i] = reached;
	}
	if (j)
		j->drawn = drawn;
	*ret = j;
	return 0;
}

static void item_save(const void *settings, const void *block, const struct symbols *symbols, struct buf *to)
{
	const struct next_settings *s = settings;
	const struct next_item *b = block;
	judged_save(b->judged, to);
	pairs_save(&b->follow, s->window, symbols, to);
}

static int item_load(const void *settings, void *block, uint16_t version, struct reader *from, struct symbols *symbols, struct pool *pool)
{
	const struct next_settings *s = settings;
	struct next_item *b = block;
	if (version < 1 || version > 2 || judged_load(&b->judged, version, false, from, pool) < 0)
		return -EBADMSG;
	return pairs_load(&b->follow, s->window, from, symbols, pool);
}

static void item_done(void *block, struct pool *pool)
{
	struct next_item *b = block;
	pairs_done(&b->follow, pool);
	leaders_done(&b->leaders);
	pool_free(pool, b->judged, sizeof(*b->judged));
	b->judged = NULL;
}

static void item_mark(const void *block, struct symbols *symbols)
{
	pairs_mark(&((const struct next_item *)block)->follow, symbols);
}

/* ---- model rows ---- */

static void model_save(const void *settings, const struct item_ctx *ctx, const void *block, struct buf *to)
{
	const struct next_settings *s = settings;
	const struct next_item *b = block;
	struct itemsets_other top[FOLLOWERS_MAX];
	/* kept up while counts grow: what the block says is the same with it and without */
	struct leaders *leaders = (struct leaders *)(uintptr_t)&b->leaders;
	uint32_t n = leaders_sorted(leaders, ctx->symbols, pairs_total(&b->follow), (uint32_t)s->followers, top);
	if (!n && !b->judged)
		return;
	buf_varint(to, b->follow.baskets);
	leaders_save(top, n, ctx->symbols, to);
	judged_save(b->judged, to);
}

static int model_load(const void *settings, void *block, uint16_t version, struct reader *from, struct symbols *symbols, struct pool *pool)
{
	struct next_model *m = block;
	(void)settings;
	if (version < 1 || version > 2)
		return -EBADMSG;
	m->sum = (uint32_t)reader_varint(from);
	if (leaders_load(&m->followers, &m->n_followers, FOLLOWERS_MAX, from, symbols, pool) < 0)
		return -EBADMSG;
	if (judged_load(&m->judged, version, true, from, pool) < 0)
		return -EBADMSG;
	return from->bad ? -EBADMSG : 0;
}

static void model_done(void *block, struct pool *pool)
{
	struct next_model *m = block;
	pool_free(pool, m->followers, m->n_followers * sizeof(*m->followers));
	pool_free(pool, m->judged, sizeof(*m->judged));
	*m = (struct next_model){ 0 };
}

static void model_mark(const void *block, struct symbols *symbols)
{
	const struct next_model *m = block;
	for (uint32_t i = 0; i < m->n_followers; i++)
		symbols_mark(symbols, m->followers[i].item);
}

/* ---- views ---- */

static void user_view(const void *settings, const struct view_ctx *ctx, const void *block)
{
	const struct next_settings *s = settings;
	const struct next_user *u = block;
	struct next_pick picks[NEXT_MOST];
	struct buf *b = ctx->scratch;
	if (!u->n || !s->shown || (ctx->watermark > u->greatest_ts && ctx->watermark - u->greatest_ts > s->session_gap_ms)) /* over: no next item */
		return;
	uint32_t leader = next_leader(ctx->model);
	uint32_t n = next_rank(s->scratch, ctx->symbols, ctx->model, u, leader, picks, (uint32_t)s->shown), shown = 0;
	buf_clear(b);
	json_view_open(b, ctx->as_of, ctx->commit);
	json_name(b, "way");
	json_text(b, text_of(next_way_names[leader / NEXT_AGAINS]));
	json_name(b, "again");
	json_i64(b, (int64_t)next_agains[leader % NEXT_AGAINS]);
	json_name(b, "after");
	json_text(b, symbols_text(ctx->symbols, next_seen(u, 0)));
	json_name(b, "items");
	json_open(b, '[');
	for (uint32_t i = 0; i < n; i++) {
		if (!model_catalogue(ctx->model, picks[i].item)->available || !itemsets_enough(ctx, item_key(picks[i].item), true))
			continue;
		json_open(b, '{');
		json_name(b, "item");
		json_text(b, symbols_text(ctx->symbols, picks[i].item));
		json_name(b, "score");
		json_double(b, (double)picks[i].score);
		json_close(b, '}');
		shown++;
	}
	json_close(b, ']');
	json_close(b, '}');
	if (shown)
		view_set_json(ctx, "next:", ctx->user, (struct text){ (const char *)b->data, (uint32_t)b->size });
}

const struct processor next_processor = {
	.name = "next",
	.id = P_NEXT,
	.needs = "itemsets",
	.options = options,
	.n_options = OPTION_N(options),
	.settings_size = sizeof(struct next_settings),
	.setup = next_setup,
	.teardown = next_teardown,
	.user = { sizeof(struct next_user), 2, user_save, user_load, user_done, user_mark },
	.item = { sizeof(struct next_item), 2, item_save, item_load, item_done, item_mark },
	.model = { sizeof(struct next_model), 2, NULL, model_load, model_done, model_mark },
	.event = next_event,
	.event_soon = event_soon,
	.leave = leave,
	.delta = next_delta,
	.due_at = next_due_at,
	.due = next_due,
	.model_save = model_save,
	.user_view = user_view,
	.drop_names = drop_names,
};
