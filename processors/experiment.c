#include "experiment.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <xxhash.h>

#include "json.h"
#include "recommend.h"
#include "stats.h"
#include "view.h"

static const char *const names[ARM_COUNTS] = { "lists", "clicked_lists", "clicks", "shoppers", "buyers", "orders" };

int32_t experiment_of(struct text id)
{
	int32_t hash = (int32_t)(uint32_t)XXH3_64bits(id.data, id.size);
	return hash ? hash : 1;
}

/* The experiment, as the one counted last. Another one than those kept takes the place of the one not counted for longest. */
static struct experiment *counted(struct experiments *x, struct pool *pool, int32_t id)
{
	uint32_t at = 0;
	while (at < x->n && x->of[at].id != id)
		at++;
	struct experiment e = at < x->n ? x->of[at] : (struct experiment){ .id = id };
	if (at == EXPERIMENTS_MAX) {
		at = 0;
		pool_free(pool, x->of[0].arms, x->of[0].n * sizeof(*e.arms));
	} else if (at == x->n) {
		x->n++;
	}
	memmove(x->of + at, x->of + at + 1, (x->n - 1 - at) * sizeof(e));
	x->of[x->n - 1] = e;
	return &x->of[x->n - 1];
}

static struct arm *arm_of(struct experiment *x, struct symbols *symbols, struct pool *pool, symbol_t name)
{
	uint32_t at = 0;
	struct text wanted = symbols_text(symbols, name);
	for (; at < x->n; at++) {
		if (x->arms[at].name == name)
			return &x->arms[at];
		if (text_order(symbols_text(symbols, x->arms[at].name), wanted) > 0)
			break;
	}
	if (x->n == ARMS_MAX)
		return NULL;
	x->arms = pool_resize(pool, x->arms, x->n * sizeof(*x->arms), (x->n + 1) * sizeof(*x->arms));
	memmove(x->arms + at + 1, x->arms + at, (x->n - at) * sizeof(*x->arms));
	x->arms[at] = (struct arm){ .name = name };
	x->n++;
	return &x->arms[at];
}

static void add_revenue(struct experiment *x, struct item_ctx *ctx, symbol_t sub, int64_t minor, int64_t squares, uint64_t *dropped)
{
	struct text both = symbols_text(ctx->symbols, sub);
	const char *tab = both.size ? memchr(both.data, '\t', both.size) : NULL;
	if (!tab)
		return;
	uint32_t at = 0, size = (uint32_t)(tab - both.data);
	symbol_t currency = symbols_intern(ctx->symbols, (struct text){ tab + 1, both.size - size - 1 });
	both = symbols_text(ctx->symbols, sub); /* interning may move texts */
	struct arm *a = arm_of(x, ctx->symbols, ctx->pool, symbols_intern(ctx->symbols, (struct text){ both.data, size }));
	while (a && at < a->n_revenue && text_order(symbols_text(ctx->symbols, a->revenue[at].currency), symbols_text(ctx->symbols, currency)) < 0)
		at++;
	bool there = a && at < a->n_revenue && a->revenue[at].currency == currency;
	if (!a || (!there && a->n_revenue == ARM_CURRENCIES)) {
		++*dropped;
		return;
	}
	if (!there) {
		memmove(a->revenue + at + 1, a->revenue + at, (a->n_revenue++ - at) * sizeof(a->revenue[0]));
		a->revenue[at].currency = currency;
		a->revenue[at].minor = a->revenue[at].squares = 0;
	}
	a->revenue[at].minor += minor;
	int64_t *sum = &a->revenue[at].squares;
	if (__builtin_add_overflow(*sum, squares, sum))
		*sum = INT64_MAX;
}

void experiments_add(struct experiments *all, struct item_ctx *ctx, const struct delta *d, uint64_t *dropped)
{
	struct experiment *x = counted(all, ctx->pool, d->pane);
	if (d->metric == METRIC_ARM_REVENUE) {
		add_revenue(x, ctx, d->sub, d->amount, 0, dropped);
	} else if (d->metric == METRIC_ARM_SQUARES) {
		add_revenue(x, ctx, d->sub, 0, d->amount, dropped);
	} else {
		struct arm *a = d->sub ? arm_of(x, ctx->symbols, ctx->pool, d->sub) : NULL;
		if (a)
			a->n[d->metric - METRIC_ARMS] += d->amount;
		else
			++*dropped;
	}
}

void experiments_done(struct experiments *x, struct pool *pool)
{
	for (uint32_t i = 0; i < x->n; i++)
		pool_free(pool, x->of[i].arms, x->of[i].n * sizeof(*x->of[i].arms));
}

static void mark(const struct experiment *x, struct symbols *symbols)
{
	for (uint32_t i = 0; i < x->n; i++) {
		symbols_mark(symbols, x->arms[i].name);
		for (uint32_t j = 0; j < x->arms[i].n_revenue; j++)
			symbols_mark(symbols, x->arms[i].revenue[j].currency);
	}
}

void experiments_mark(const struct experiments *x, struct symbols *symbols)
{
	for (uint32_t i = 0; i < x->n; i++)
		mark(&x->of[i], symbols);
}

static void save(const struct experiment *x, const struct symbols *symbols, struct buf *to)
{
	buf_varint(to, x->n);
	for (uint32_t i = 0; i < x->n; i++) {
		const struct arm *a = &x->arms[i];
		buf_text(to, symbols_text(symbols, a->name));
		for (int k = 0; k < ARM_COUNTS; k++)
			buf_zigzag(to, a->n[k]);
		buf_varint(to, a->n_revenue);
		for (uint32_t j = 0; j < a->n_revenue; j++) {
			buf_text(to, symbols_text(symbols, a->revenue[j].currency));
			buf_zigzag(to, a->revenue[j].minor);
			buf_zigzag(to, a->revenue[j].squares);
		}
	}
}

void experiments_save(const struct experiments *x, const struct symbols *symbols, struct buf *to)
{
	buf_u8(to, (uint8_t)x->n);
	for (uint32_t i = 0; i < x->n; i++) {
		buf_u32(to, (uint32_t)x->of[i].id);
		save(&x->of[i], symbols, to);
	}
}

static int load(struct experiment *x, bool squares, struct reader *from, struct symbols *symbols, struct pool *pool)
{
	uint64_t n = reader_varint(from);
	if (from->bad || n > ARMS_MAX)
		return -EBADMSG;
	for (uint64_t i = 0; i < n; i++) {
		symbol_t name = symbols_intern(symbols, reader_text(from));
		struct arm *a = name ? arm_of(x, symbols, pool, name) : NULL;
		if (from->bad || !a || x->n != i + 1)
			return -EBADMSG;
		for (int k = 0; k < ARM_COUNTS; k++)
			a->n[k] = reader_zigzag(from);
		uint64_t currencies = reader_varint(from);
		if (from->bad || currencies > ARM_CURRENCIES)
			return -EBADMSG;
		for (; a->n_revenue < currencies; a->n_revenue++) {
			a->revenue[a->n_revenue].currency = symbols_intern(symbols, reader_text(from));
			a->revenue[a->n_revenue].minor = reader_zigzag(from);
			a->revenue[a->n_revenue].squares = squares ? reader_zigzag(from) : 0;
		}
	}
	return from->bad ? -EBADMSG : 0;
}

int experiments_load(struct experiments *x, uint16_t version, struct reader *from, struct symbols *symbols, struct pool *pool)
{
	uint8_t n = version >= 5 ? reader_u8(from) : 1; /* before, one whose id nobody knows */
	if (from->bad || n > EXPERIMENTS_MAX)
		return -EBADMSG;
	while (x->n < n) {
		struct experiment *e = &x->of[x->n++];
		e->id = version >= 5 ? (int32_t)reader_u32(from) : 0;
		if (load(e, version >= 4, from, symbols, pool) < 0)
			return -EBADMSG;
	}
	return 0;
}

/* ---- view ---- */

/* "NAME:ARM" or "NAME:ARM:CURRENCY" */
static void field(const struct view_ctx *ctx, const char *name, struct text arm, struct text currency)
{
	buf_clear(ctx->scratch);
	buf_bytes(ctx->scratch, name, strlen(name));
	buf_u8(ctx->scratch, ':');
	buf_bytes(ctx->scratch, arm.data, arm.size);
	if (currency.size) {
		buf_u8(ctx->scratch, ':');
		buf_bytes(ctx->scratch, currency.data, currency.size);
	}
	view_arg(ctx->view, (struct text){ (const char *)ctx->scratch->data, (uint32_t)ctx->scratch->size });
}

static void figure(const struct view_ctx *ctx, const char *name, struct text arm, struct text currency, double value)
{
	char number[32];
	field(ctx, name, arm, currency);
	view_arg(ctx->view, (struct text){ number, (uint32_t)format_double(number, value, 6) });
}

static void share(const struct view_ctx *ctx, const char *name, struct text arm, int64_t k, int64_t n)
{
	static const char *const ends[] = { "", "_low", "_high" };
	const double value[] = { n ? (double)k / (double)n : 0, wilson_low(k, n), wilson_high(k, n) };
	for (int i = 0; n > 0 && i < 3; i++) {
		char whole[24];
		snprintf(whole, sizeof(whole), "%s%s", name, ends[i]);
		figure(ctx, whole, arm, (struct text){ NULL, 0 }, value[i]);
	}
}

static void per_shopper(const struct view_ctx *ctx, struct text arm, struct text currency, int64_t minor, int64_t squares, int64_t shoppers)
{
	if (shoppers <= 0)
		return;
	double n = (double)shoppers, mean = (double)minor / n, variance = (double)squares / n - mean * mean;
	double half = 1.959964 * sqrt(fmax(variance, 0) / n);
	figure(ctx, "revenue_per_shopper", arm, currency, mean);
	figure(ctx, "revenue_per_shopper_low", arm, currency, mean - half);
	figure(ctx, "revenue_per_shopper_high", arm, currency, mean + half);
}

void experiments_view(const struct experiments *all, const struct view_ctx *ctx, const char *id)
{
	const struct experiment *x = all->of;
	const int32_t wanted = experiment_of(text_of(id));
	uint32_t shown = 0;
	while (x < all->of + all->n && x->id != wanted)
		x++;
	if (x == all->of + all->n)
		return;
	for (uint32_t i = 0; i < x->n; i++)
		shown += x->arms[i].n[ARM_SHOPPERS] >= ctx->least_baskets;
	if (x->n) { /* what is told no more, by another test of this id or below k, goes */
		view_begin(ctx->view, "DEL");
		view_key(ctx->view, "experiment:", text_of(id));
		view_end(ctx->view);
	}
	if (!shown)
		return;
	view_begin(ctx->view, "HSET");
	view_key(ctx->view, "experiment:", text_of(id));
	view_arg(ctx->view, TEXT("v"));
	view_arg_i64(ctx->view, 1);
	view_arg(ctx->view, TEXT("as_of"));
	view_arg_i64(ctx->view, ctx->as_of);
	view_arg(ctx->view, TEXT("commit"));
	view_arg_i64(ctx->view, (int64_t)ctx->commit);
	for (uint32_t i = 0; i < x->n; i++) {
		const struct arm *a = &x->arms[i];
		struct text name = symbols_text(ctx->symbols, a->name);
		bool buyers = a->n[ARM_BUYERS] >= ctx->least_baskets;
		if (a->n[ARM_SHOPPERS] < ctx->least_baskets)
			continue;
		for (int k = 0; k < (buyers ? ARM_COUNTS : ARM_BUYERS); k++) {
			field(ctx, names[k], name, (struct text){ NULL, 0 });
			view_arg_i64(ctx->view, a->n[k]);
		}
		share(ctx, "ctr", name, a->n[ARM_CLICKED_LISTS], a->n[ARM_LISTS]);
		if (buyers)
			share(ctx, "cvr", name, a->n[ARM_BUYERS], a->n[ARM_SHOPPERS]);
		for (uint32_t j = 0; buyers && j < a->n_revenue; j++) {
			field(ctx, "revenue", name, symbols_text(ctx->symbols, a->revenue[j].currency));
			view_arg_i64(ctx->view, a->revenue[j].minor);
			per_shopper(ctx, name, symbols_text(ctx->symbols, a->revenue[j].currency), a->revenue[j].minor, a->revenue[j].squares, a->n[ARM_SHOPPERS]);
		}
	}
	view_end(ctx->view);
}
