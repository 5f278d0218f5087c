#include "popularity.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

enum { HORIZON_HOURS = 24 * (POPULARITY_DAYS + 2) }; /* no pane is further from the newest hour */
static const uint32_t weights[POPULARITY_COUNTS] = { 1, 1, 2, 3 };
static const double least_fast_count = 5, rate_floor_per_hour = 0.05;

int popularity_setup(struct popularity_settings *s)
{
	for (int l = 0; l < LEVELS; l++) {
		s->decay[l] = malloc(HORIZON_HOURS * sizeof(double));
		if (!s->decay[l]) {
			popularity_teardown(s);
			return -ENOMEM;
		}
		for (int h = 0; h < HORIZON_HOURS; h++)
			s->decay[l][h] = exp2(-(double)h * POPULARITY_PANE_MS / (double)s->half_life_ms[l]);
	}
	return 0;
}

void popularity_teardown(struct popularity_settings *s)
{
	for (int l = 0; l < LEVELS; l++) {
		free(s->decay[l]);
		s->decay[l] = NULL;
	}
}

/* ---- panes ---- */

static void series_add(struct popularity_series *s, struct pool *pool, int32_t pane, uint64_t weight)
{
	uint16_t at = s->n;
	while (at > 0 && s->at[at - 1].pane >= pane)
		at--;
	if (at == s->n || s->at[at].pane != pane) {
		if (s->n == s->capacity) {
			uint16_t grown = s->capacity ? (uint16_t)(2 * s->capacity) : 2;
			s->at = pool_resize(pool, s->at, s->capacity * sizeof(*s->at), grown * sizeof(*s->at));
			s->capacity = grown;
		}
		memmove(s->at + at + 1, s->at + at, (size_t)(s->n - at) * sizeof(*s->at));
		s->at[at] = (struct popularity_pane){ .pane = pane };
		s->n++;
	}
	weight += s->at[at].weight;
	s->at[at].weight = weight < UINT32_MAX ? (uint32_t)weight : UINT32_MAX;
}

static void series_cut(struct popularity_series *s, uint16_t n)
{
	s->n = (uint16_t)(s->n - n);
	memmove(s->at, s->at + n, s->n * sizeof(*s->at));
}

static int32_t day_of(int32_t hour)
{
	return hour / 24 - (hour % 24 < 0);
}

static void count(struct popularity *p, struct pool *pool, int32_t hour, uint64_t weight)
{
	int32_t newest = p->hours.n && p->hours.at[p->hours.n - 1].pane > hour ? p->hours.at[p->hours.n - 1].pane : hour;
	int32_t first_day = day_of(newest) - POPULARITY_DAYS + 1;
	if (hour > newest - POPULARITY_HOURS)
		series_add(&p->hours, pool, hour, weight);
	else if (day_of(hour) >= first_day)
		series_add(&p->days, pool, day_of(hour), weight);
	uint16_t n = 0;
	for (; p->hours.at[n].pane <= newest - POPULARITY_HOURS; n++) /* ends at the newest */
		if (day_of(p->hours.at[n].pane) >= first_day)
			series_add(&p->days, pool, day_of(p->hours.at[n].pane), p->hours.at[n].weight);
	if (n)
		series_cut(&p->hours, n);
	for (n = 0; n < p->days.n && p->days.at[n].pane < first_day; n++)
		;
	if (n)
		series_cut(&p->days, n);
}

void popularity_count_shown(struct popularity *p, struct pool *pool, int32_t pane, int64_t amount)
{
	if (amount > 0)
		count(p, pool, pane, (uint64_t)amount);
}

void popularity_add(struct popularity *p, struct item_ctx *ctx, const struct delta *d, uint64_t *dropped_currency)
{
	if (d->metric < POPULARITY_COUNTS) {
		if (d->amount <= 0)
			return;
		p->n[d->metric] += d->amount;
		count(p, ctx->pool, d->pane, (uint64_t)d->amount * weights[d->metric]);
		return;
	}
	if (d->metric != METRIC_REVENUE || !d->sub)
		return;
	uint32_t at = 0;
	struct text name = symbols_text(ctx->symbols, d->sub);
	for (; at < p->n_revenue; at++) {
		if (p->revenue[at].currency == d->sub) {
			p->revenue[at].minor += d->amount;
			return;
		}
		struct text other = symbols_text(ctx->symbols, p->revenue[at].currency);
		int order = memcmp(other.data, name.data, other.size < name.size ? other.size : name.size);
		if (order > 0 || (order == 0 && other.size > name.size))
			break;
	}
	if (p->n_revenue == POPULARITY_CURRENCIES) {
		++*dropped_currency;
		return;
	}
	p->revenue = pool_resize(ctx->pool, p->revenue, p->n_revenue * sizeof(*p->revenue), (p->n_revenue + 1) * sizeof(*p->revenue));
	memmove(p->revenue + at + 1, p->revenue + at, (p->n_revenue - at) * sizeof(*p->revenue));
	p->revenue[at].currency = d->sub;
	p->revenue[at].minor = d->amount;
	p->n_revenue++;
}

/* ---- state ---- */

void popularity_done(struct popularity *p, struct pool *pool)
{
	pool_free(pool, p->hours.at, p->hours.capacity * sizeof(*p->hours.at));
	pool_free(pool, p->days.at, p->days.capacity * sizeof(*p->days.at));
	pool_free(pool, p->revenue, p->n_revenue * sizeof(*p->revenue));
}

void popularity_mark(const struct popularity *p, struct symbols *symbols)
{
	for (uint32_t i = 0; i < p->n_revenue; i++)
		symbols_mark(symbols, p->revenue[i].currency);
}

static void series_save(const struct popularity_series *s, struct buf *to)
{
	buf_varint(to, s->n);
	int64_t before = 0;
	for (uint16_t i = 0; i < s->n; i++) {
		buf_zigzag(to, s->at[i].pane - before);
		buf_varint(to, s->at[i].weight);
		before = s->at[i].pane;
	}
}

static int series_load(struct popularity_series *s, struct reader *from, struct pool *pool, uint16_t most)
{
	uint64_t n = reader_varint(from);
	if (from->bad || n > most)
		return -EBADMSG;
	uint16_t capacity = 2;
	while (capacity < n)
		capacity = (uint16_t)(2 * capacity);
	s->capacity = n ? capacity : 0;
	s->at = pool_alloc(pool, s->capacity * sizeof(*s->at));
	int64_t before = 0;
	for (uint64_t i = 0; i < n; i++) {
		int64_t step = reader_zigzag(from);
		if (step > INT32_MAX || step < INT32_MIN || before + step > INT32_MAX || before + step < INT32_MIN || (i && step <= 0))
			return -EBADMSG;
		before += step;
		s->at[s->n++] = (struct popularity_pane){ (int32_t)before, (uint32_t)reader_varint(from) };
	}
	return from->bad ? -EBADMSG : 0;
}

void popularity_save(const struct popularity *p, const struct symbols *symbols, struct buf *to)
{
	for (int i = 0; i < POPULARITY_COUNTS; i++)
		buf_varint(to, (uint64_t)p->n[i]);
	series_save(&p->hours, to);
	series_save(&p->days, to);
	buf_varint(to, p->n_revenue);
	for (uint32_t i = 0; i < p->n_revenue; i++) {
		buf_text(to, symbols_text(symbols, p->revenue[i].currency));
		buf_zigzag(to, p->revenue[i].minor);
	}
}

int popularity_load(struct popularity *p, struct reader *from, struct symbols *symbols, struct pool *pool)
{
	for (int i = 0; i < POPULARITY_COUNTS; i++)
		p->n[i] = (int64_t)reader_varint(from);
	if (series_load(&p->hours, from, pool, POPULARITY_HOURS) < 0 || series_load(&p->days, from, pool, POPULARITY_DAYS + 1) < 0)
		return -EBADMSG;
	/* what add() and levels() rely on: days only before an hour, and no further than the horizon */
	if (p->hours.n) {
		int32_t newest = p->hours.at[p->hours.n - 1].pane, first_day = day_of(newest) - POPULARITY_DAYS + 1;
		if (p->hours.at[0].pane <= (int64_t)newest - POPULARITY_HOURS ||
			(p->days.n && (p->days.at[0].pane < first_day || p->days.at[p->days.n - 1].pane > day_of(newest - POPULARITY_HOURS))))
			return -EBADMSG;
	} else if (p->days.n) {
		return -EBADMSG;
	}
	uint64_t n = reader_varint(from);
	if (from->bad || n > POPULARITY_CURRENCIES)
		return -EBADMSG;
	p->n_revenue = (uint32_t)n;
	p->revenue = pool_alloc(pool, p->n_revenue * sizeof(*p->revenue));
	for (uint32_t i = 0; i < p->n_revenue; i++) {
		p->revenue[i].currency = symbols_intern(symbols, reader_text(from));
		p->revenue[i].minor = reader_zigzag(from);
	}
	return from->bad ? -EBADMSG : 0;
}

/* ---- reading ---- */

void popularity_levels(const struct popularity_settings *s, const struct popularity *p, double ret_level[LEVELS])
{
	for (int l = 0; l < LEVELS; l++)
		ret_level[l] = -INFINITY;
	if (!p->hours.n)
		return;
	int32_t newest = p->hours.at[p->hours.n - 1].pane;
	for (int l = 0; l < LEVELS; l++) {
		double sum = 0;
		for (uint16_t i = 0; i < p->days.n; i++)
			sum += p->days.at[i].weight * s->decay[l][newest - (24 * p->days.at[i].pane + 12)]; /* the day's middle hour */
		for (uint16_t i = 0; i < p->hours.n; i++)
			sum += p->hours.at[i].weight * s->decay[l][newest - p->hours.at[i].pane];
		ret_level[l] = log2(sum) + ((double)newest + .5) * POPULARITY_PANE_MS / (double)s->half_life_ms[l];
	}
}

double popularity_count(const struct popularity_settings *s, const struct popularity_model *m, enum popularity_level level, int64_t ts)
{
	return exp2(m->level[level] - (double)ts / (double)s->half_life_ms[level]);
}

double popularity_trend(const struct popularity_settings *s, const struct popularity_model *m, int64_t ts)
{
	double fast = popularity_count(s, m, LEVEL_FAST, ts), slow = popularity_count(s, m, LEVEL_SLOW, ts);
	if (!(fast >= least_fast_count))
		return NAN;
	double fast_hours = (double)s->half_life_ms[LEVEL_FAST] / POPULARITY_PANE_MS / M_LN2;
	double slow_hours = (double)s->half_life_ms[LEVEL_SLOW] / POPULARITY_PANE_MS / M_LN2;
	return (fast / fast_hours + rate_floor_per_hour) / (slow / slow_hours + rate_floor_per_hour);
}

double popularity_trend_rank(double trend, double fast_count)
{
	return trend * log1p(fast_count);
}
