/* The processor of purchase intent; see intent.h. */
#include "intent.h"

#include <errno.h>
#include <math.h>

#include "next.h"
#include "view.h"

static const struct option options[] = {
	{ "session_gap", OPTION_DURATION, OPTION_AT(intent_settings, session_gap_ms), .value = "30min", .min = "1s", .max = "30d",
		.help = "A session ends with a pause longer than this, or with a new session_id; an order within it belongs to the session." },
	{ "learn_every", OPTION_COUNT, OPTION_AT(intent_settings, learn_every), .value = "16", .min = "1", .max = "1000000", .zero = "no such figures",
		.unit = "clicks", .help = "One click in so many, and every order, is a moment that is learnt from." },
	{ "learn_from", OPTION_COUNT, OPTION_AT(intent_settings, learn_from), .value = "100", .min = "1", .max = "1000000000", .unit = "moments",
		.help = "Published once an order has followed so many of these moments.", .flags = OPTION_LIVE },
};

/* flags of a delta's first byte; the features follow */
enum { LEARN_MOMENT = 1,
	LEARN_ORDER = 2, /* an order followed */
	LEARN_STAY = 4 };

static const struct key all = { KEY_ALL, 0 };

/* ---- user stage ---- */

static void emit(struct user_ctx *ctx, uint8_t what, const uint8_t x[INTENT_FEATURES])
{
	uint8_t bytes[1 + INTENT_FEATURES] = { what };
	memcpy(bytes + 1, x, INTENT_FEATURES);
	emit_list(ctx->emitter, P_INTENT, all, 0, 0, bytes, sizeof(bytes));
}

static void moments_done(struct intent_user *u, struct pool *pool)
{
	pool_free(pool, u->moments, u->moments ? INTENT_MOMENTS * sizeof(*u->moments) : 0);
	u->moments = NULL;
	u->n_moments = 0;
	u->awaits = false;
}

static void followed(struct user_ctx *ctx, struct intent_user *u, bool order)
{
	for (uint8_t i = 0; i < u->n_moments; i++) {
		bool stay = u->awaits && i + 1 == u->n_moments;
		if (order || stay)
			emit(ctx, (uint8_t)((order ? LEARN_ORDER : 0) | (stay ? LEARN_STAY : 0)), u->moments[i]);
	}
	u->awaits = false;
	if (order)
		moments_done(u, ctx->pool);
}

static void event(const void *settings, struct user_ctx *ctx, void *block, const struct event *e)
{
	const struct intent_settings *s = settings;
	struct intent_user *u = block;
	if (!s->learn_every || (e->kind != EVENT_CLICK && e->kind != EVENT_PURCHASE))
		return;
	struct intent_step step = intent_take(s, u, e);
	if (!step.moment)
		return;
	if (step.began)
		moments_done(u, ctx->pool);
	else if (u->n_moments)
		followed(ctx, u, step.order);
	bool drawn = step.order || (ctx->user_hash ^ (uint64_t)e->ts * UINT64_C(0x9e3779b97f4a7c15)) % (uint64_t)s->learn_every == 0;
	if (!drawn || u->n_moments == INTENT_MOMENTS)
		return;
	if (!u->moments)
		u->moments = pool_alloc(ctx->pool, INTENT_MOMENTS * sizeof(*u->moments));
	symbol_t item = step.order ? 0 : symbols_find(ctx->symbols, e->click.item_id);
	intent_features(u, item ? model_catalogue(ctx->model, item)->price_band : 0, u->moments[u->n_moments]);
	emit(ctx, LEARN_MOMENT, u->moments[u->n_moments++]);
	u->awaits = true;
}

static void user_save(const void *settings, const void *block, const struct symbols *symbols, struct buf *to)
{
	const struct intent_user *u = block;
	const uint8_t small[] = { u->carts, u->removed, u->wishes, u->searches, u->repeats, u->recommended, u->ordered, u->lines, u->value, u->last };
	(void)settings, (void)symbols;
	buf_u8(to, u->open);
	if (!u->open)
		return;
	buf_i64(to, u->greatest_ts);
	buf_u64(to, u->session_id);
	buf_u64(to, u->seen);
	const uint32_t large[] = { u->length_s, u->pace_s, u->dwell_s, u->away_s, u->ordered_s, u->clicks, u->orders, u->sessions };
	for (size_t i = 0; i < sizeof(large) / sizeof(large[0]); i++)
		buf_varint(to, large[i]);
	buf_bytes(to, small, sizeof(small));
	buf_u8(to, u->awaits);
	buf_u8(to, u->n_moments);
	for (uint8_t i = 0; i < u->n_moments; i++)
		buf_bytes(to, u->moments[i], INTENT_FEATURES);
}

static uint16_t u16_of(uint32_t n)
{
	return n < UINT16_MAX ? (uint16_t)n : UINT16_MAX;
}

static int user_load(const void *settings, void *block, uint16_t version, struct reader *from, struct symbols *symbols, struct pool *pool)
{
	struct intent_user *u = block;
	(void)settings, (void)symbols;
	u->open = reader_u8(from) != 0;
	if (version != 1 || !u->open)
		return version != 1 || from->bad ? -EBADMSG : 0;
	u->greatest_ts = reader_i64(from);
	u->session_id = reader_u64(from);
	u->seen = reader_u64(from);
	uint32_t large[8];
	for (int i = 0; i < 8; i++)
		large[i] = (uint32_t)reader_varint(from);
	u->length_s = large[0], u->pace_s = large[1], u->dwell_s = large[2], u->away_s = large[3], u->ordered_s = large[4];
	u->clicks = u16_of(large[5]), u->orders = u16_of(large[6]), u->sessions = u16_of(large[7]);
	uint8_t *const small[] = { &u->carts, &u->removed, &u->wishes, &u->searches, &u->repeats, &u->recommended, &u->ordered, &u->lines, &u->value, &u->last };
	for (size_t i = 0; i < sizeof(small) / sizeof(small[0]); i++)
		*small[i] = reader_u8(from);
	u->awaits = reader_u8(from) != 0;
	uint8_t n = reader_u8(from);
	if (from->bad || n > INTENT_MOMENTS || (u->awaits && !n))
		return -EBADMSG;
	if (n)
		u->moments = pool_alloc(pool, INTENT_MOMENTS * sizeof(*u->moments));
	for (; u->n_moments < n; u->n_moments++) {
		const uint8_t *x = reader_bytes(from, INTENT_FEATURES);
		if (!x)
			return -EBADMSG;
		memcpy(u->moments[u->n_moments], x, INTENT_FEATURES);
	}
	return 0;
}

static void user_done(void *block, struct pool *pool)
{
	moments_done(block, pool);
}

static void user_view(const void *settings, const struct view_ctx *ctx, const void *block)
{
	static const char *const names[INTENT_TARGETS] = { "intent", "stay" };
	const struct intent_settings *s = settings;
	const struct intent_user *u = block;
	const struct intent_model *m = model_block(ctx->model, P_INTENT, all);
	uint8_t x[INTENT_FEATURES];
	if (!s->learn_every || !u->open || !m || m->followed[INTENT_ORDER] < s->learn_from)
		return;
	bool over = ctx->watermark > u->greatest_ts && ctx->watermark - u->greatest_ts > s->session_gap_ms;
	const struct next_user *next = ctx->blocks[P_NEXT]; /* the item that is looked at */
	symbol_t item = next && next->n && u->last != ACTIONS ? next_seen(next, 0) : 0;
	intent_features(u, item ? model_catalogue(ctx->model, item)->price_band : 0, x);
	for (int t = 0; t < INTENT_TARGETS; t++)
		view_field_double(ctx->view, names[t], over ? NAN : round(intent_chance(m->w[t], x) * 1e4) / 1e4);
	if (over)
		view_field_none(ctx->view, "intent_until");
	else
		view_field_i64(ctx->view, "intent_until", u->greatest_ts + s->session_gap_ms);
}

/* ---- item stage ---- */

static void delta(const void *settings, struct item_ctx *ctx, void *block, const struct delta *d)
{
	struct intent_item *b = block;
	(void)settings;
	if (ctx->key.kind != KEY_ALL || d->bytes.size != 1 + INTENT_FEATURES)
		return;
	if (!b->started)
		intent_start(&b->weights);
	b->started = true;
	uint8_t what = (uint8_t)d->bytes.data[0];
	const uint8_t *x = (const uint8_t *)d->bytes.data + 1;
	for (int t = 0; t < INTENT_TARGETS; t++) {
		if (what & LEARN_MOMENT)
			intent_learn(&b->weights, (enum intent_target)t, x, false);
		if (what & (t == INTENT_ORDER ? LEARN_ORDER : LEARN_STAY))
			intent_learn(&b->weights, (enum intent_target)t, x, true);
	}
}

static void item_save(const void *settings, const void *block, const struct symbols *symbols, struct buf *to)
{
	const struct intent_item *b = block;
	(void)settings, (void)symbols;
	buf_u8(to, b->started);
	for (int t = 0; b->started && t < INTENT_TARGETS; t++) {
		buf_varint(to, (uint64_t)b->weights.moments[t]);
		buf_varint(to, (uint64_t)b->weights.followed[t]);
		for (int i = 0; i < INTENT_FEATURES; i++) {
			buf_double(to, b->weights.w[t][i]);
			buf_double(to, b->weights.n[t][i]);
		}
	}
}

static int item_load(const void *settings, void *block, uint16_t version, struct reader *from, struct symbols *symbols, struct pool *pool)
{
	struct intent_item *b = block;
	(void)settings, (void)symbols, (void)pool;
	if (version != 1)
		return -EBADMSG;
	b->started = reader_u8(from) != 0;
	for (int t = 0; b->started && t < INTENT_TARGETS; t++) {
		b->weights.moments[t] = (int64_t)reader_varint(from);
		b->weights.followed[t] = (int64_t)reader_varint(from);
		for (int i = 0; i < INTENT_FEATURES; i++) {
			b->weights.w[t][i] = reader_double(from);
			b->weights.n[t][i] = reader_double(from);
			if (!isfinite(b->weights.w[t][i]) || !(b->weights.n[t][i] >= 0))
				return -EBADMSG;
		}
	}
	return from->bad ? -EBADMSG : 0;
}

static void model_save(const void *settings, const struct item_ctx *ctx, const void *block, struct buf *to)
{
	const struct intent_item *b = block;
	(void)settings, (void)ctx;
	for (int t = 0; b->started && t < INTENT_TARGETS; t++) {
		buf_varint(to, (uint64_t)b->weights.moments[t]);
		buf_varint(to, (uint64_t)b->weights.followed[t]);
		for (int i = 0; i < INTENT_FEATURES; i++)
			buf_double(to, b->weights.w[t][i]);
	}
}

static int model_load(const void *settings, void *block, uint16_t version, struct reader *from, struct symbols *symbols, struct pool *pool)
{
	struct intent_model *m = block;
	(void)settings, (void)symbols, (void)pool;
	if (version != 1)
		return -EBADMSG;
	for (int t = 0; t < INTENT_TARGETS; t++) {
		m->moments[t] = (int64_t)reader_varint(from);
		m->followed[t] = (int64_t)reader_varint(from);
		for (int i = 0; i < INTENT_FEATURES; i++)
			m->w[t][i] = (float)reader_double(from);
	}
	return from->bad ? -EBADMSG : 0;
}

const struct processor intent_processor = {
	.name = "intent",
	.id = P_INTENT,
	.options = options,
	.n_options = OPTION_N(options),
	.settings_size = sizeof(struct intent_settings),
	.user = { sizeof(struct intent_user), 1, user_save, user_load, user_done, NULL },
	.item = { sizeof(struct intent_item), 1, item_save, item_load, NULL, NULL },
	.model = { sizeof(struct intent_model), 1, NULL, model_load, NULL, NULL },
	.event = event,
	.delta = delta,
	.model_save = model_save,
	.user_view = user_view,
};
