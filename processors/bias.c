/* The bias processor: events, the item stage, views; bias.h has the mathematics, bias_user.c the shopper's filter. */
#include "bias.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "json.h"
#include "view.h"

#define UNIT 16777216.0 /* 2^24: of an item's integers */

static const struct option options[] = {
	{ "rule", OPTION_CHOICE, OPTION_AT(bias_settings, rule), .value = "adaptive", .choices = "adaptive|river",
		.help = "How biases are learnt: adaptive weighs each rating by what is known of shopper and item; river is the plain rule of "
			"River's reco.Baseline, to compare with. Choose for a new group." },
	{ "item_spread", OPTION_REAL, OPTION_AT(bias_settings, item_spread), .value = "0.25", .min = "0.0001", .max = "100",
		.help = "Variance of items' biases, as a part of the noise of one rating. Less: few ratings say little of an item." },
	{ "user_spread", OPTION_REAL, OPTION_AT(bias_settings, user_spread), .value = "0.15", .min = "0", .max = "100",
		.help = "The same for shoppers' lasting biases." },
	{ "session_spread", OPTION_REAL, OPTION_AT(bias_settings, session_spread), .value = "0.1", .min = "0", .max = "100",
		.help = "The same for a shopper's mood of one sitting. 0: none." },
	{ "slope_spread", OPTION_REAL, OPTION_AT(bias_settings, slope_spread), .value = "0.05", .min = "0", .max = "100",
		.help = "Variance of how much a shopper's stars follow the others', about 1. 0: all alike." },
	{ "user_drift", OPTION_REAL, OPTION_AT(bias_settings, user_drift), .value = "0.0005", .min = "0", .max = "1",
		.help = "What a shopper's lasting bias may move from one rating to the next, in the same measure." },
	{ "session_keep", OPTION_REAL, OPTION_AT(bias_settings, session_keep), .value = "0.95", .min = "0", .max = "1",
		.help = "How much of a sitting's mood lasts to its next rating." },
	{ "session_time", OPTION_DURATION, OPTION_AT(bias_settings, session_time_ms), .value = "30min", .min = "1s", .max = "365d",
		.help = "Time in which a sitting's mood falls to 1/e." },
	{ "ratings_kept", OPTION_COUNT, OPTION_AT(bias_settings, ratings_kept), .value = "20", .min = "1", .max = "1000", .unit = "ratings",
		.help = "A shopper's newest ratings that a change or a withdrawal can undo; some 70 bytes each." },
	{ "learning_rate", OPTION_REAL, OPTION_AT(bias_settings, learning_rate), .value = "0.01", .min = "0", .max = "0.5",
		.help = "Of rule = river." },
	{ "l2", OPTION_REAL, OPTION_AT(bias_settings, l2), .value = "0", .min = "0", .max = "1", .help = "Of rule = river: pull towards 0." },
};

/* `all` has the same block and uses n and sum_milli alone. */
struct bias_item {
	int64_t n, sum_milli;
	int64_t weight, c_sum, v_sum; /* W and the parts of Y; x 2^24 */
	double river;                 /* its bias by rule = river */
};

enum { METRIC_RATING, /* list: u32 milli, i64 weight, c_sum, v_sum */
	METRIC_N,
	METRIC_SUM_MILLI,
	METRIC_UNDO,  /* the same, to be taken away */
	METRIC_RIVER }; /* list: u32 milli, double r - mu - b_u */

enum { DROP_FORGOTTEN,
	DROP_OUTDATED };

static const char *const drop_names[] = { "ratings_forgotten", "ratings_outdated", NULL };

static void bias_scale(void *settings, double rating_min, double rating_max)
{
	struct bias_settings *s = settings;
	s->rating_min = rating_min;
	s->rating_max = rating_max;
	s->per_star = 4.5 / (rating_max - rating_min);
}

static int bias_setup(void *settings, char *error, size_t error_size)
{
	const struct bias_settings *s = settings;
	(void)error, (void)error_size;
	if (!s->rating_max)
		bias_scale(settings, 0.5, 5);
	return 0;
}

static double mu_now(const struct bias_settings *s, const struct model *m)
{
	return bias_mu(m ? model_block(m, P_BIAS, (struct key){ KEY_ALL, 0 }) : NULL, (s->rating_min + s->rating_max) / 2);
}

/* ---- user stage ---- */

static void put_u32(uint8_t *to, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		to[i] = (uint8_t)(v >> (8 * i));
}

static void put_u64(uint8_t *to, uint64_t v)
{
	for (int i = 0; i < 8; i++)
		to[i] = (uint8_t)(v >> (8 * i));
}

static void emit_count(struct user_ctx *ctx, int64_t n, int64_t milli)
{
	emit_sum(ctx->emitter, P_BIAS, (struct key){ KEY_ALL, 0 }, METRIC_N, 0, 0, n);
	emit_sum(ctx->emitter, P_BIAS, (struct key){ KEY_ALL, 0 }, METRIC_SUM_MILLI, 0, 0, milli);
}

/* sign 1: gives, -1: takes away. Of an undone rating by rule = river the count and sum alone go. */
static void emit_rating(const struct bias_settings *s, struct user_ctx *ctx, const struct bias_kept *k, int sign)
{
	struct key key = { KEY_ITEM, k->item };
	uint8_t bytes[28];
	emit_count(ctx, sign, sign * k->milli);
	if (s->rule == BIAS_RIVER && sign < 0) {
		emit_sum(ctx->emitter, P_BIAS, key, METRIC_N, 0, 0, -1);
		emit_sum(ctx->emitter, P_BIAS, key, METRIC_SUM_MILLI, 0, 0, -k->milli);
		return;
	}
	put_u32(bytes, (uint32_t)k->milli);
	put_u64(bytes + 4, (uint64_t)k->weight);
	put_u64(bytes + 12, (uint64_t)k->c_sum);
	put_u64(bytes + 20, (uint64_t)k->v_sum);
	emit_list(ctx->emitter, P_BIAS, key, sign < 0 ? METRIC_UNDO : METRIC_RATING, 0, bytes, sizeof(bytes));
}

/* By River's rule: mu with this rating in it, then both biases from the same error. */
static void river_step(const struct bias_settings *s, struct user_ctx *ctx, struct bias_user *u, const struct bias_kept *k)
{
	const struct bias_model *all = model_block(ctx->model, P_BIAS, (struct key){ KEY_ALL, 0 });
	const struct bias_model *item = model_block(ctx->model, P_BIAS, (struct key){ KEY_ITEM, k->item });
	double n = all ? (double)all->n : 0, sum = all ? (double)all->sum_milli / 1000 : 0, r = k->milli / 1000.0;
	double mu = (sum + r) / (n + 1), *b = &u->now.c[PART_LASTING], x = r - mu - *b;
	uint8_t bytes[12];
	uint64_t bits;
	memcpy(&bits, &x, 8);
	put_u32(bytes, (uint32_t)k->milli);
	put_u64(bytes + 4, bits);
	emit_count(ctx, 1, k->milli);
	emit_list(ctx->emitter, P_BIAS, (struct key){ KEY_ITEM, k->item }, METRIC_RIVER, 0, bytes, sizeof(bytes));
	*b += s->learning_rate * (2 * (x - (item ? item->c : 0)) - s->l2 * *b);
	u->now.n++;
	u->base = u->now; /* nothing is run again */
}

static void bias_event(const void *settings, struct user_ctx *ctx, void *block, const struct event *e)
{
	const struct bias_settings *s = settings;
	struct bias_user *u = block;
	if (e->kind != EVENT_REVIEW || (!e->review.rating_milli && (e->review.text.size || e->review.title.size)))
		return;
	struct bias_kept k = { .item = symbols_intern(ctx->symbols, e->review.item_id), .milli = e->review.rating_milli, .ts = e->ts };
	if (!k.item)
		return;
	uint32_t before = 0;
	while (before < u->n_kept && u->kept[before].item != k.item)
		before++;
	if (before < u->n_kept && e->ts < u->kept[before].ts) { /* came later, and was said earlier */
		ctx->drops[DROP_OUTDATED]++;
		return;
	}
	if (before < u->n_kept) {
		emit_rating(s, ctx, &u->kept[before], -1);
		if (s->rule == BIAS_RIVER) {
			memmove(u->kept + before, u->kept + before + 1, (--u->n_kept - before) * sizeof(k));
		} else {
			bias_forget(s, u, before);
		}
	} else if (!k.milli) {
		ctx->drops[DROP_FORGOTTEN]++;
	}
	if (!k.milli)
		return;
	if (s->rule == BIAS_RIVER) {
		river_step(s, ctx, u, &k);
		struct bias_state now = u->now;
		bias_keep(s, u, &k, ctx->pool);
		u->base = u->now = now;
		return;
	}
	const struct bias_model *item = model_block(ctx->model, P_BIAS, (struct key){ KEY_ITEM, k.item });
	k.c = item ? (float)item->c : 0;
	k.v = item ? (float)item->v : 0;
	k.p = (float)(item ? item->p : s->item_spread);
	k.mu = (float)mu_now(s, ctx->model);
	bias_observe(s, &u->now, &k);
	emit_rating(s, ctx, &k, 1);
	bias_keep(s, u, &k, ctx->pool);
}

/* What is kept of a shopper's ratings is taken back; older ones stay in the sums. */
static void leave(const void *settings, struct user_ctx *ctx, void *block, bool erase)
{
	const struct bias_user *u = block;
	for (uint32_t i = 0; erase && i < u->n_kept; i++)
		emit_rating(settings, ctx, &u->kept[i], -1);
}

/* ---- item stage ---- */

static void bias_delta(const void *settings, struct item_ctx *ctx, void *block, const struct delta *d)
{
	const struct bias_settings *s = settings;
	struct bias_item *b = block;
	(void)ctx;
	if (d->metric == METRIC_N) {
		b->n += d->amount;
		return;
	}
	if (d->metric == METRIC_SUM_MILLI) {
		b->sum_milli += d->amount;
		return;
	}
	struct reader from = reader_of(d->bytes.data, d->bytes.size);
	int32_t milli = (int32_t)reader_u32(&from);
	if (d->metric == METRIC_RIVER) {
		double x = reader_double(&from);
		if (from.bad)
			return;
		b->n++;
		b->sum_milli += milli;
		b->river += s->learning_rate * (2 * (x - b->river) - s->l2 * b->river);
	} else if (d->metric == METRIC_RATING || d->metric == METRIC_UNDO) {
		int64_t sign = d->metric == METRIC_UNDO ? -1 : 1, weight = reader_i64(&from), c = reader_i64(&from), v = reader_i64(&from);
		if (from.bad)
			return;
		b->n += sign;
		b->sum_milli += sign * milli;
		b->weight += sign * weight;
		b->c_sum += sign * c;
		b->v_sum += sign * v;
	}
}

static struct bias_model known(const struct bias_settings *s, const struct bias_item *b)
{
	if (s->rule == BIAS_RIVER)
		return (struct bias_model){ .c = b->river, .n = b->n, .sum_milli = b->sum_milli };
	double weight = (double)b->weight + UNIT / s->item_spread;
	return (struct bias_model){ (double)b->c_sum / weight, (double)b->v_sum / weight, UNIT / weight, b->n, b->sum_milli };
}

static void item_save(const void *settings, const void *block, const struct symbols *symbols, struct buf *to)
{
	const struct bias_item *b = block;
	(void)settings, (void)symbols;
	buf_varint(to, (uint64_t)b->n);
	buf_zigzag(to, b->sum_milli);
	buf_zigzag(to, b->weight);
	buf_zigzag(to, b->c_sum);
	buf_zigzag(to, b->v_sum);
	buf_double(to, b->river);
}

static int item_load(const void *settings, void *block, uint16_t version, struct reader *from, struct symbols *symbols, struct pool *pool)
{
	const struct bias_settings *s = settings;
	struct bias_item *b = block;
	(void)symbols, (void)pool;
	b->n = (int64_t)reader_varint(from);
	b->sum_milli = reader_zigzag(from);
	if (version == 1) { /* a bias and its weight of mu: as if each rating had told half of what it does now */
		double c = reader_double(from), v = reader_double(from), weight = (double)b->n / 2;
		b->weight = llround(weight * UNIT);
		b->c_sum = llround(c * (weight + 1 / s->item_spread) * UNIT);
		b->v_sum = llround(v * (weight + 1 / s->item_spread) * UNIT);
		b->river = c;
	} else {
		b->weight = reader_zigzag(from);
		b->c_sum = reader_zigzag(from);
		b->v_sum = reader_zigzag(from);
		b->river = reader_double(from);
	}
	return version < 1 || version > 2 || from->bad ? -EBADMSG : 0;
}

static void model_save(const void *settings, const struct item_ctx *ctx, const void *block, struct buf *to)
{
	const struct bias_item *b = block;
	(void)ctx;
	if (!b->n)
		return;
	struct bias_model m = known(settings, b);
	buf_varint(to, (uint64_t)m.n);
	buf_zigzag(to, m.sum_milli);
	buf_double(to, m.c);
	buf_double(to, m.v);
	buf_double(to, m.p);
}

static int model_load(const void *settings, void *block, uint16_t version, struct reader *from, struct symbols *symbols, struct pool *pool)
{
	const struct bias_settings *s = settings;
	struct bias_model *m = block;
	(void)symbols, (void)pool;
	m->n = (int64_t)reader_varint(from);
	m->sum_milli = reader_zigzag(from);
	m->c = reader_double(from);
	m->v = reader_double(from);
	m->p = version == 1 ? 1 / ((double)m->n / 2 + 1 / s->item_spread) : reader_double(from);
	return version < 1 || version > 2 || from->bad ? -EBADMSG : 0;
}

static double expected(const struct bias_settings *s, const struct bias_user *u, double mu, int64_t ts, double *ret_slope)
{
	if (!u || !u->now.n) {
		*ret_slope = 1;
		return mu;
	}
	struct bias_state x = bias_state_at(s, &u->now, ts);
	*ret_slope = s->rule == BIAS_RIVER ? 1 : x.slope;
	return mu + x.c[PART_LASTING] + x.c[PART_SITTING] - mu * (x.v[PART_LASTING] + x.v[PART_SITTING]);
}

double bias_predict(const struct bias_settings *s, const struct model *model, symbol_t item, const struct bias_user *user, int64_t ts)
{
	double mu = mu_now(s, model), slope, r = expected(s, user, mu, ts, &slope);
	if (item)
		r += slope * bias_of(model_block(model, P_BIAS, (struct key){ KEY_ITEM, item }), mu);
	return r < s->rating_min ? s->rating_min : r > s->rating_max ? s->rating_max
								     : r;
}

/* Thousandths as an exact decimal: 12500 is 12.5. */
static int format_milli(char *to, int64_t milli)
{
	uint64_t size = milli < 0 ? -(uint64_t)milli : (uint64_t)milli;
	char *p = to;
	if (milli < 0)
		*p++ = '-';
	p += format_i64(p, (int64_t)(size / 1000));
	unsigned rest = (unsigned)(size % 1000);
	if (rest) {
		*p++ = '.';
		for (unsigned unit = 100; rest; rest %= unit, unit /= 10)
			*p++ = (char)('0' + rest / unit);
	}
	return (int)(p - to);
}

static double lasting(const struct bias_user *u, double mu)
{
	return u->now.c[PART_LASTING] - mu * u->now.v[PART_LASTING];
}

static void user_view(const void *settings, const struct view_ctx *ctx, const void *block)
{
	const struct bias_user *u = block;
	if (!u->now.n)
		return;
	double mu = mu_now(settings, ctx->model), slope;
	view_field_double(ctx->view, "bias", lasting(u, mu));
	view_field_double(ctx->view, "rating_expected", expected(settings, u, mu, ctx->as_of, &slope));
	view_field_double(ctx->view, "rating_slope", slope);
}

static void item_view(const void *settings, const struct view_ctx *ctx, const void *block)
{
	const struct bias_item *b = block;
	if (ctx->key.kind != KEY_ITEM)
		return;
	char sum[32];
	struct bias_model m = known(settings, b);
	double mu = mu_now(settings, ctx->model);
	view_field_double(ctx->view, "rating_mean", b->n > 0 ? (double)b->sum_milli / 1000 / (double)b->n : 0); /* 0: all were withdrawn */
	view_field_i64(ctx->view, "rating_n", b->n);
	view_field(ctx->view, "rating_sum", (struct text){ sum, (uint32_t)format_milli(sum, b->sum_milli) });
	view_field_double(ctx->view, "bias", bias_of(&m, mu));
	view_field_double(ctx->view, "rating_expected", mu + bias_of(&m, mu));
}

static void user_dump(const void *settings, const struct dump_ctx *ctx, const void *block)
{
	const struct bias_user *u = block;
	if (!u->now.n)
		return;
	json_member(ctx->fields, "rating_n");
	json_i64(ctx->fields, u->now.n);
	json_member(ctx->fields, "bias");
	json_double(ctx->fields, lasting(u, mu_now(settings, ctx->model)));
}

static void item_dump(const void *settings, const struct dump_ctx *ctx, const void *block)
{
	const struct bias_item *b = block;
	if (ctx->key.kind != KEY_ITEM || !b->n)
		return;
	struct bias_model m = known(settings, b);
	json_member(ctx->fields, "rating_n");
	json_i64(ctx->fields, b->n);
	json_member(ctx->fields, "rating_sum");
	ctx->fields->size += (size_t)format_milli((char *)buf_room(ctx->fields, 32), b->sum_milli);
	json_member(ctx->fields, "bias");
	json_double(ctx->fields, bias_of(&m, mu_now(settings, ctx->model)));
}

const struct processor bias_processor = {
	.name = "bias",
	.id = P_BIAS,
	.options = options,
	.n_options = OPTION_N(options),
	.settings_size = sizeof(struct bias_settings),
	.scale = bias_scale,
	.setup = bias_setup,
	.user = { sizeof(struct bias_user), 2, bias_user_save, bias_user_load, bias_user_done, bias_user_mark },
	.item = { sizeof(struct bias_item), 2, item_save, item_load, NULL, NULL },
	.model = { sizeof(struct bias_model), 2, NULL, model_load, NULL, NULL },
	.event = bias_event,
	.leave = leave,
	.delta = bias_delta,
	.model_save = model_save,
	.user_view = user_view,
	.item_view = item_view,
	.user_dump = user_dump,
	.item_dump = item_dump,
	.drop_names = drop_names,
};
