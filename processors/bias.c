/* The bias processor; bias.h has the mathematics. */
#include "bias.h"

#include <errno.h>
#include <stdio.h>

#include "json.h"
#include "view.h"

static const struct option options[] = {
	{ "item_prior", OPTION_REAL, OPTION_AT(bias_settings, item_prior), .value = "3", .min = "0", .max = "1000", .unit = "ratings",
		.help = "An item's bias starts as if it had so many ratings at the mean: an item rated once is not yet the best of all." },
	{ "item_floor", OPTION_REAL, OPTION_AT(bias_settings, item_floor), .value = "0.01", .min = "0", .max = "1",
		.help = "Least step of an item's bias. Above 0 it goes on following an item that changes, however often it was rated." },
	{ "user_prior", OPTION_REAL, OPTION_AT(bias_settings, user_prior), .value = "8", .min = "0", .max = "1000", .unit = "ratings",
		.help = "The same for shoppers." },
	{ "user_floor", OPTION_REAL, OPTION_AT(bias_settings, user_floor), .value = "0.06", .min = "0", .max = "1",
		.help = "The same for shoppers." },
	{ "rating_min", OPTION_REAL, OPTION_AT(bias_settings, rating_min), .value = "0.5", .min = "-1000", .max = "1000", .unit = "stars",
		.help = "The lowest rating of the shop's scale." },
	{ "rating_max", OPTION_REAL, OPTION_AT(bias_settings, rating_max), .value = "5", .min = "-1000", .max = "1000", .unit = "stars",
		.help = "The highest rating of the shop's scale." },
};

/* `all` has the same block and uses n and sum_milli alone. */
struct bias_item {
	double c, v;
	int64_t n, sum_milli;
};

enum { METRIC_RATING,
	METRIC_N,
	METRIC_SUM_MILLI };

static int bias_setup(void *settings, char *error, size_t error_size)
{
	const struct bias_settings *s = settings;
	if (s->rating_min < s->rating_max)
		return 0;
	snprintf(error, error_size, "rating_min (%g) must be below rating_max (%g)", s->rating_min, s->rating_max);
	return -EINVAL;
}

/* The step of a bias with n ratings, this one included. Never above 1: with more the recursion would overshoot. */
static double step(int64_t n, double prior, double floor)
{
	double a = 1 / ((double)n + prior);
	return a > floor ? a : floor;
}

static void bias_event(const void *settings, struct user_ctx *ctx, void *block, const struct event *e)
{
	const struct bias_settings *s = settings;
	struct bias_user *u = block;
	if (e->kind != EVENT_REVIEW || !e->review.rating_milli)
		return;
	struct key key = { KEY_ITEM, symbols_intern(ctx->symbols, e->review.item_id) };
	if (!key.id)
		return;
	double r = e->review.rating_milli / 1000.0;

	uint8_t bytes[20];
	uint64_t c, v;
	memcpy(&c, &u->c, 8);
	memcpy(&v, &u->v, 8);
	for (int i = 0; i < 4; i++)
		bytes[i] = (uint8_t)((uint32_t)e->review.rating_milli >> (8 * i));
	for (int i = 0; i < 8; i++) {
		bytes[4 + i] = (uint8_t)(c >> (8 * i));
		bytes[12 + i] = (uint8_t)(v >> (8 * i));
	}
	emit_list(ctx->emitter, P_BIAS, key, METRIC_RATING, 0, bytes, sizeof(bytes));
	emit_sum(ctx->emitter, P_BIAS, (struct key){ KEY_ALL, 0 }, METRIC_N, 0, 0, 1);
	emit_sum(ctx->emitter, P_BIAS, (struct key){ KEY_ALL, 0 }, METRIC_SUM_MILLI, 0, 0, e->review.rating_milli);

	const struct bias_model *known = model_block(ctx->model, P_BIAS, key);
	struct bias_model item = known ? *known : (struct bias_model){ 0 };
	double a = step(item.n + 1, s->item_prior, s->item_floor);
	item.c += a * (r - u->c - item.c);
	item.v += a * (1 - u->v - item.v);
	a = step(++u->n, s->user_prior, s->user_floor);
	u->c += a * (r - item.c - u->c);
	u->v += a * (1 - item.v - u->v);
}

static void bias_delta(const void *settings, struct item_ctx *ctx, void *block, const struct delta *d)
{
	const struct bias_settings *s = settings;
	struct bias_item *b = block;
	(void)ctx;
	if (d->metric == METRIC_N) {
		b->n += d->amount;
	} else if (d->metric == METRIC_SUM_MILLI) {
		b->sum_milli += d->amount;
	} else if (d->metric == METRIC_RATING) {
		struct reader from = reader_of(d->bytes.data, d->bytes.size);
		int32_t milli = (int32_t)reader_u32(&from);
		double c = reader_double(&from), v = reader_double(&from);
		if (from.bad)
			return;
		b->n++;
		b->sum_milli += milli;
		double a = step(b->n, s->item_prior, s->item_floor);
		b->c += a * (milli / 1000.0 - c - b->c);
		b->v += a * (1 - v - b->v);
	}
}

static void user_save(const void *settings, const void *block, const struct symbols *symbols, struct buf *to)
{
	const struct bias_user *u = block;
	(void)settings, (void)symbols;
	buf_varint(to, (uint64_t)u->n);
	buf_double(to, u->c);
	buf_double(to, u->v);
}

static int user_load(const void *settings, void *block, uint16_t version, struct reader *from, struct symbols *symbols, struct pool *pool)
{
	struct bias_user *u = block;
	(void)settings, (void)symbols, (void)pool;
	u->n = (int64_t)reader_varint(from);
	u->c = reader_double(from);
	u->v = reader_double(from);
	return version != 1 || from->bad ? -EBADMSG : 0;
}

static void item_write(const struct bias_item *b, struct buf *to)
{
	buf_varint(to, (uint64_t)b->n);
	buf_zigzag(to, b->sum_milli);
	buf_double(to, b->c);
	buf_double(to, b->v);
}

static void item_save(const void *settings, const void *block, const struct symbols *symbols, struct buf *to)
{
	(void)settings, (void)symbols;
	item_write(block, to);
}

static int item_load(const void *settings, void *block, uint16_t version, struct reader *from, struct symbols *symbols, struct pool *pool)
{
	struct bias_item *b = block;
	(void)settings, (void)symbols, (void)pool;
	b->n = (int64_t)reader_varint(from);
	b->sum_milli = reader_zigzag(from);
	b->c = reader_double(from);
	b->v = reader_double(from);
	return version != 1 || from->bad ? -EBADMSG : 0;
}

static void model_save(const void *settings, const struct item_ctx *ctx, const void *block, struct buf *to)
{
	const struct bias_item *b = block;
	(void)settings, (void)ctx;
	if (b->n)
		item_write(b, to);
}

static int model_load(const void *settings, void *block, uint16_t version, struct reader *from, struct symbols *symbols, struct pool *pool)
{
	struct bias_model *m = block;
	struct bias_item b = { 0 };
	int r = item_load(settings, &b, version, from, symbols, pool);
	if (r == 0)
		*m = (struct bias_model){ b.c, b.v, b.n, b.sum_milli };
	return r;
}

static double mu_now(const struct bias_settings *s, const struct model *m)
{
	return bias_mu(m ? model_block(m, P_BIAS, (struct key){ KEY_ALL, 0 }) : NULL, (s->rating_min + s->rating_max) / 2);
}

double bias_predict(const struct bias_settings *s, const struct model *model, symbol_t item, const struct bias_user *user)
{
	double mu = mu_now(s, model), r = mu + (user ? user->c - mu * user->v : 0);
	if (item)
		r += bias_of(model_block(model, P_BIAS, (struct key){ KEY_ITEM, item }), mu);
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

static void user_view(const void *settings, const struct view_ctx *ctx, const void *block)
{
	const struct bias_user *u = block;
	if (u->n)
		view_field_double(ctx->view, "bias", u->c - mu_now(settings, ctx->model) * u->v);
}

static void item_view(const void *settings, const struct view_ctx *ctx, const void *block)
{
	const struct bias_item *b = block;
	if (ctx->key.kind != KEY_ITEM || !b->n)
		return;
	char sum[32];
	view_field_double(ctx->view, "rating_mean", (double)b->sum_milli / 1000 / (double)b->n);
	view_field_i64(ctx->view, "rating_n", b->n);
	view_field(ctx->view, "rating_sum", (struct text){ sum, (uint32_t)format_milli(sum, b->sum_milli) });
	view_field_double(ctx->view, "bias", b->c - mu_now(settings, ctx->model) * b->v);
}

static void user_dump(const void *settings, const struct dump_ctx *ctx, const void *block)
{
	const struct bias_user *u = block;
	if (!u->n)
		return;
	json_member(ctx->fields, "rating_n");
	json_i64(ctx->fields, u->n);
	json_member(ctx->fields, "bias");
	json_double(ctx->fields, u->c - mu_now(settings, ctx->model) * u->v);
}

static void item_dump(const void *settings, const struct dump_ctx *ctx, const void *block)
{
	const struct bias_item *b = block;
	if (ctx->key.kind != KEY_ITEM || !b->n)
		return;
	json_member(ctx->fields, "rating_n");
	json_i64(ctx->fields, b->n);
	json_member(ctx->fields, "rating_sum");
	ctx->fields->size += (size_t)format_milli((char *)buf_room(ctx->fields, 32), b->sum_milli);
	json_member(ctx->fields, "bias");
	json_double(ctx->fields, b->c - mu_now(settings, ctx->model) * b->v);
}

const struct processor bias_processor = {
	.name = "bias",
	.id = P_BIAS,
	.options = options,
	.n_options = OPTION_N(options),
	.settings_size = sizeof(struct bias_settings),
	.setup = bias_setup,
	.user = { sizeof(struct bias_user), 1, user_save, user_load, NULL, NULL },
	.item = { sizeof(struct bias_item), 1, item_save, item_load, NULL, NULL },
	.model = { sizeof(struct bias_model), 1, NULL, model_load, NULL, NULL },
	.event = bias_event,
	.delta = bias_delta,
	.model_save = model_save,
	.user_view = user_view,
	.item_view = item_view,
	.user_dump = user_dump,
	.item_dump = item_dump,
};
