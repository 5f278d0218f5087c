/* The segments processor: points of shoppers, clusters of `all`; see segments.h. */
#include "segments.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

static const struct option options[] = {
	{ "segments", OPTION_COUNT, OPTION_AT(segments_settings, k), .value = "5", .min = "2", .max = "16", .zero = "none", .unit = "segments",
		.help = "Segments of shoppers. A change starts them anew." },
	{ "start", OPTION_COUNT, OPTION_AT(segments_settings, start), .value = "200", .min = "20", .max = "1000", .unit = "shoppers",
		.help = "Segments are first made when so many shoppers have come, from these." },
	{ "pane", OPTION_DURATION, OPTION_AT(segments_settings, pane_ms), .value = "1h", .min = "1min", .max = "30d",
		.help = "Centres move once in this much event time; a shopper counts once in it." },
	{ "half_life", OPTION_DURATION, OPTION_AT(segments_settings, half_life_ms), .value = "30d", .min = "1h", .max = "3650d",
		.help = "After so long a shopper's point counts half for the centres." },
	{ "shopper_half_life", OPTION_DURATION, OPTION_AT(segments_settings, shopper_half_life_ms), .value = "90d", .min = "1h", .max = "3650d",
		.help = "After so long an order, its amount, a view count half in a shopper's point." },
	{ "currency", OPTION_TEXT, OPTION_AT(segments_settings, currency),
		.help = "Amounts in this currency alone count as spend; empty: all, added up as they are." },
};

enum { METRIC_N,
	METRIC_SUM,
	METRIC_SQUARE = METRIC_SUM + DIMS,
	METRIC_SIZE = METRIC_SQUARE + DIMS,
	METRIC_SAMPLE,
	SHOPPER_BYTES = 8,
	SAMPLE_BYTES = SHOPPER_BYTES + 4 * DIMS,
	ROWS_MAX = 512 * KMEANS_K,
	RECENCY_DAYS = 365 };

#define AMOUNT_MAX ((int64_t)10000000000000) /* minor units of one order: more is no price */

enum { DROP_LATE,
	DROP_AHEAD };
static const char *const drop_names[] = { "late_points", "points_ahead", NULL };

static const double day_ms = 86400000, hysteresis = .9;
static const struct key all = { KEY_ALL, 0 };

/* ---- user stage ---- */

static double decayed(const struct segments_settings *s, int64_t panes)
{
	return exp2(-(double)panes * (double)s->pane_ms / (double)s->shopper_half_life_ms);
}

/* The weight of something at `pane`, after the counts were brought there. */
static double advance(const struct segments_settings *s, struct segments_user *u, int32_t pane)
{
	if (!u->known) {
		u->known = true;
		u->at = pane;
	}
	if (pane < u->at)
		return decayed(s, (int64_t)u->at - pane);
	if (pane > u->at) {
		double factor = decayed(s, (int64_t)pane - u->at);
		u->actions *= factor;
		u->carts *= factor;
		u->orders *= factor;
		u->spend *= factor;
		u->gross *= factor;
		u->discounts *= factor;
		u->at = pane;
	}
	return 1;
}

static void bought(const struct segments_settings *s, struct segments_user *u, const struct event *e, double weight)
{
	const struct purchase *p = &e->purchase;
	int64_t gross = 0;
	for (uint32_t i = 0; i < p->n_lines; i++) {
		int64_t line;
		if (__builtin_mul_overflow(p->lines[i].quantity, p->lines[i].unit_price_minor, &line) || line > AMOUNT_MAX || line < -AMOUNT_MAX)
			continue;
		gross += line;
	}
	gross = gross < 0 ? 0 : gross > AMOUNT_MAX ? AMOUNT_MAX
						   : gross;
	if (s->currency[0] && !text_equal(p->currency, text_of(s->currency)))
		gross = 0;
	if (p->kind == PURCHASE_REFUND) {
		u->spend -= weight * (double)gross;
		if (u->spend < 0)
			u->spend = 0;
		return;
	}
	int64_t discount = p->discount_minor < 0 ? 0 : p->discount_minor < gross ? p->discount_minor
										 : gross;
	u->orders += weight;
	u->gross += weight * (double)gross;
	u->discounts += weight * (double)discount;
	u->spend += weight * (double)(gross - discount);
	if (e->ts > u->last_order)
		u->last_order = e->ts;
}

static void make_point(const struct segments_user *u, int64_t ts, int32_t *ret)
{
	double days = RECENCY_DAYS;
	if (u->last_order) {
		days = ts > u->last_order ? (double)(ts - u->last_order) / day_ms : 0;
		days = days < RECENCY_DAYS ? days : RECENCY_DAYS;
	}
	const double x[DIMS] = {
		[DIM_RECENCY] = log1p(days),
		[DIM_FREQUENCY] = log1p(u->orders),
		[DIM_MONETARY] = log1p(u->spend / 100),
		[DIM_BROWSING] = log1p(u->actions),
		[DIM_CARTS] = u->carts / (u->actions + 5),
		[DIM_DISCOUNT] = u->gross > 0 ? u->discounts / u->gross : 0,
	};
	for (int d = 0; d < DIMS; d++)
		ret[d] = (int32_t)lrint(x[d] * SEGMENTS_SCALE);
}

/* sign x the point, to one cluster's sums of a pane. */
static void send(struct user_ctx *ctx, int32_t pane, uint32_t cluster, const int32_t *point, int sign)
{
	int32_t at = pane * KMEANS_K + (int32_t)cluster;
	emit_sum(ctx->emitter, P_SEGMENTS, all, METRIC_N, 0, at, sign);
	for (int d = 0; d < DIMS; d++) {
		emit_sum(ctx->emitter, P_SEGMENTS, all, (uint8_t)(METRIC_SUM + d), 0, at, sign * (int64_t)point[d]);
		emit_sum(ctx->emitter, P_SEGMENTS, all, (uint8_t)(METRIC_SQUARE + d), 0, at, sign * (int64_t)point[d] * point[d]);
	}
}

/* point NULL: take it out. */
static void send_sample(struct user_ctx *ctx, int32_t pane, const int32_t *point)
{
	uint8_t bytes[SAMPLE_BYTES];
	for (int i = 0; i < SHOPPER_BYTES; i++)
		bytes[i] = (uint8_t)(ctx->user_hash >> (8 * i));
	for (int d = 0; d < DIMS && point; d++)
		for (int i = 0; i < 4; i++)
			bytes[SHOPPER_BYTES + 4 * d + i] = (uint8_t)((uint32_t)point[d] >> (8 * i));
	emit_list(ctx->emitter, P_SEGMENTS, all, METRIC_SAMPLE, pane, bytes, point ? SAMPLE_BYTES : SHOPPER_BYTES);
}

/* What the model row decides; never in a restore, where the row that was written with each such change is the truth. */
static void assign(struct user_ctx *ctx, struct segments_user *u, const struct segments_model *m, int32_t pane, const int32_t *point)
{
	double x[DIMS], nearest, present;
	if (u->generation != m->generation) {
		u->generation = m->generation;
		u->cluster = u->segment = 0;
	}
	for (int d = 0; d < DIMS; d++)
		x[d] = (double)point[d] / SEGMENTS_SCALE;
	uint32_t cluster = kmeans_nearest(m->centre, m->k, x, m->scale, DIMS, &nearest);
	if (u->cluster && u->has_point && u->pane == pane)
		send(ctx, pane, u->cluster - 1u, u->point, -1);
	send(ctx, pane, cluster, point, 1);
	if (u->cluster != cluster + 1) {
		u->cluster = (uint8_t)(cluster + 1);
		ctx->row_due = true;
	}
	if (u->segment == cluster + 1)
		return;
	if (u->segment) {
		present = kmeans_distance(m->centre[u->segment - 1], x, m->scale, DIMS);
		if (!(nearest < hysteresis * hysteresis * present))
			return;
		emit_sum(ctx->emitter, P_SEGMENTS, all, METRIC_SIZE, 0, u->segment - 1, -1);
	}
	emit_sum(ctx->emitter, P_SEGMENTS, all, METRIC_SIZE, 0, (int32_t)cluster, 1);
	u->segment = (uint8_t)(cluster + 1);
	ctx->row_due = true;
}

static void event(const void *settings, struct user_ctx *ctx, void *block, const struct event *e)
{
	const struct segments_settings *s = settings;
	struct segments_user *u = block;
	bool click = e->kind == EVENT_CLICK;
	if (!s->k || (!click && e->kind != EVENT_PURCHASE))
		return;
	if (click && e->click.action != ACTION_VIEW && e->click.action != ACTION_CLICK && e->click.action != ACTION_ADD_TO_CART &&
		e->click.action != ACTION_WISHLIST)
		return;
	int32_t pane = pane_of(e->ts, s->pane_ms);
	double weight = advance(s, u, pane);
	if (click) {
		u->actions += weight;
		if (e->click.action == ACTION_ADD_TO_CART)
			u->carts += weight;
	} else {
		bought(s, u, e, weight);
	}
	u->since++;
	if (pane < u->at)
		return;
	const struct segments_model *m = ctx->live ? model_block(ctx->model, P_SEGMENTS, all) : NULL;
	bool unassigned = m && (!u->segment || u->generation != m->generation);
	if (click && u->has_point && u->pane == pane && u->since < u->limit && !unassigned)
		return;
	int32_t point[DIMS];
	make_point(u, e->ts, point);
	if (m)
		assign(ctx, u, m, pane, point);
	else if (ctx->live)
		send_sample(ctx, pane, point);
	memcpy(u->point, point, sizeof(point));
	u->has_point = true;
	u->pane = pane;
	u->since = 0;
	u->limit = 4 + (uint32_t)(u->actions / 4);
}

static void leave(const void *settings, struct user_ctx *ctx, void *block, bool erase)
{
	const struct segments_settings *s = settings;
	const struct segments_user *u = block;
	const struct segments_model *m = model_block(ctx->model, P_SEGMENTS, all);
	if (!s->k)
		return;
	if (!m || u->generation != m->generation) {
		if (erase && u->has_point)
			send_sample(ctx, u->pane, NULL);
		return;
	}
	if (u->segment)
		emit_sum(ctx->emitter, P_SEGMENTS, all, METRIC_SIZE, 0, u->segment - 1, -1);
	if (erase && u->cluster && u->has_point)
		send(ctx, u->pane, u->cluster - 1u, u->point, -1); /* once its pane is closed it is in the centres, until decay has taken it out */
}

enum { USER_VERSION = 2, /* 1: all sums, zero or not */
	USER_SUMS = 6 };

static void user_save(const void *settings, const void *block, const struct symbols *symbols, struct buf *to)
{
	const struct segments_user *u = block;
	(void)settings, (void)symbols;
	buf_u8(to, (uint8_t)(u->known | u->has_point << 1));
	if (!u->known)
		return;
	const double sums[USER_SUMS] = { u->actions, u->carts, u->orders, u->spend, u->gross, u->discounts };
	uint8_t has = 0; /* most shoppers order nothing */
	for (int i = 0; i < USER_SUMS; i++)
		has |= (uint8_t)((sums[i] != 0) << i);
	buf_u8(to, has);
	for (int i = 0; i < USER_SUMS; i++)
		if (sums[i] != 0)
			buf_double(to, sums[i]);
	buf_zigzag(to, u->last_order);
	buf_zigzag(to, u->at);
	buf_varint(to, u->since);
	if (!u->has_point)
		return;
	buf_varint(to, u->limit);
	buf_zigzag(to, u->pane);
	for (int d = 0; d < DIMS; d++)
		buf_zigzag(to, u->point[d]);
	buf_varint(to, u->generation);
	buf_u8(to, u->cluster);
	buf_u8(to, u->segment);
}

static bool point_load(int32_t *point, struct reader *from)
{
	for (int d = 0; d < DIMS; d++) {
		int64_t x = reader_zigzag(from);
		if (x < 0 || x > 64 * SEGMENTS_SCALE)
			return false;
		point[d] = (int32_t)x;
	}
	return true;
}

/* A point can be made of it. */
static bool sane(const struct segments_user *u)
{
	const double sums[USER_SUMS] = { u->actions, u->carts, u->orders, u->spend, u->gross, u->discounts };
	for (int i = 0; i < USER_SUMS; i++)
		if (!(sums[i] >= 0 && sums[i] < 1e25))
			return false;
	return u->carts <= u->actions + 1 && u->discounts <= u->gross + 1 + u->gross * 1e-6;
}

static int user_load(const void *settings, void *block, uint16_t version, struct reader *from, struct symbols *symbols, struct pool *pool)
{
	struct segments_user *u = block;
	(void)settings, (void)symbols, (void)pool;
	uint8_t flags = reader_u8(from);
	if (version < 1 || version > USER_VERSION || flags > 3)
		return -EBADMSG;
	if (!(u->known = flags & 1))
		return from->bad || flags ? -EBADMSG : 0;
	double *sums[USER_SUMS] = { &u->actions, &u->carts, &u->orders, &u->spend, &u->gross, &u->discounts };
	uint8_t has = version == 1 ? (1 << USER_SUMS) - 1 : reader_u8(from);
	for (int i = 0; i < USER_SUMS; i++)
		*sums[i] = has >> i & 1 ? reader_double(from) : 0;
	if (!sane(u))
		return -EBADMSG;
	u->last_order = reader_zigzag(from);
	u->at = (int32_t)reader_zigzag(from);
	u->since = (uint32_t)reader_varint(from);
	if (!(u->has_point = flags & 2))
		return from->bad ? -EBADMSG : 0;
	u->limit = (uint32_t)reader_varint(from);
	u->pane = (int32_t)reader_zigzag(from);
	if (!point_load(u->point, from))
		return -EBADMSG;
	u->generation = (uint32_t)reader_varint(from);
	u->cluster = reader_u8(from);
	u->segment = reader_u8(from);
	return from->bad || u->cluster > KMEANS_K || u->segment > KMEANS_K ? -EBADMSG : 0;
}

/* ---- item stage ---- */

void segments_population(const struct kmeans *m, double *ret_mean, double *ret_deviation, double *ret_scale)
{
	for (uint32_t d = 0; d < DIMS; d++) {
		double weight = 0, sum = 0, square = 0;
		for (uint32_t c = 0; c < m->k; c++) {
			weight += m->at[c].weight;
			sum += m->at[c].sum[d];
			square += m->at[c].square[d];
		}
		double mean = weight > 0 ? sum / weight : 0, variance = weight > 0 ? square / weight - mean * mean : 0;
		double deviation = variance > .05 * .05 ? sqrt(variance) : .05;
		if (ret_mean)
			ret_mean[d] = mean;
		if (ret_deviation)
			ret_deviation[d] = deviation;
		if (ret_scale)
			ret_scale[d] = d > DIM_MONETARY ? 2 * deviation : deviation;
	}
}

static struct segments_row *row_of(struct segments_item *b, struct item_ctx *ctx, int32_t pane, uint8_t cluster)
{
	uint32_t at = b->n_rows;
	while (at && (b->rows[at - 1].pane > pane || (b->rows[at - 1].pane == pane && b->rows[at - 1].cluster > cluster)))
		at--;
	if (at && b->rows[at - 1].pane == pane && b->rows[at - 1].cluster == cluster)
		return &b->rows[at - 1];
	if (b->n_rows == ROWS_MAX)
		return NULL;
	if (b->n_rows == b->rows_capacity) {
		uint32_t capacity = b->rows_capacity ? 2 * b->rows_capacity : 16;
		b->rows = pool_resize(ctx->pool, b->rows, b->rows_capacity * sizeof(*b->rows), capacity * sizeof(*b->rows));
		b->rows_capacity = capacity;
	}
	memmove(b->rows + at + 1, b->rows + at, (b->n_rows - at) * sizeof(*b->rows));
	b->n_rows++;
	b->rows[at] = (struct segments_row){ .pane = pane, .cluster = cluster };
	return &b->rows[at];
}

/* The first clusters: scale of the sample, k-means++ on it, the sample's points in them. */
static void start(const struct segments_settings *s, struct segments_item *b, struct item_ctx *ctx)
{
	double(*points)[KMEANS_DIMS] = pool_alloc(ctx->pool, b->n_samples * sizeof(*points));
	uint8_t *assigned = pool_alloc(ctx->pool, b->n_samples);
	double centres[KMEANS_K][KMEANS_DIMS], scale[DIMS], square[DIMS];
	struct kmeans one = { .k = 1, .dims = DIMS };
	for (int pass = 0; pass < 2; pass++) {
		for (uint32_t i = 0; i < b->n_samples; i++) {
			for (int d = 0; d < DIMS; d++) {
				points[i][d] = (double)b->samples[i].point[d] / SEGMENTS_SCALE;
				square[d] = points[i][d] * points[i][d];
			}
			kmeans_add(pass ? &b->clusters : &one, pass ? assigned[i] : 0, 1, points[i], square);
		}
		if (pass)
			break;
		segments_population(&one, NULL, NULL, scale);
		kmeans_start((const double(*)[KMEANS_DIMS])points, b->n_samples, DIMS, (uint32_t)s->k, scale, centres, assigned);
		b->clusters = (struct kmeans){ .k = (uint32_t)s->k, .dims = DIMS };
	}
	pool_free(ctx->pool, points, b->n_samples * sizeof(*points));
	pool_free(ctx->pool, assigned, b->n_samples);
	pool_free(ctx->pool, b->samples, b->samples_capacity * sizeof(*b->samples));
	b->samples = NULL;
	b->n_samples = b->samples_capacity = 0;
	memset(b->size, 0, sizeof(b->size));
	b->generation++;
	segments_population(&b->clusters, NULL, NULL, scale);
	kmeans_revive(&b->clusters, scale);
	segments_name(b, true);
}

static bool running(const struct segments_item *b)
{
	return b->clusters.k != 0;
}

static void take_sample(const struct segments_settings *s, struct segments_item *b, struct item_ctx *ctx, const struct delta *d)
{
	struct reader r = reader_of(d->bytes.data, d->bytes.size);
	uint64_t shopper = reader_u64(&r);
	uint32_t at = 0;
	if (running(b) || (d->bytes.size != SAMPLE_BYTES && d->bytes.size != SHOPPER_BYTES))
		return;
	while (at < b->n_samples && b->samples[at].shopper != shopper)
		at++;
	if (d->bytes.size == SHOPPER_BYTES) { /* forgotten */
		if (at < b->n_samples)
			memmove(b->samples + at, b->samples + at + 1, (--b->n_samples - at) * sizeof(*b->samples));
		return;
	}
	if (at == b->n_samples) {
		if (b->n_samples == b->samples_capacity) {
			uint32_t capacity = b->samples_capacity ? 2 * b->samples_capacity : 16;
			b->samples = pool_resize(ctx->pool, b->samples, b->samples_capacity * sizeof(*b->samples), capacity * sizeof(*b->samples));
			b->samples_capacity = capacity;
		}
		b->n_samples++;
	}
	b->samples[at].shopper = shopper;
	for (int i = 0; i < DIMS; i++)
		b->samples[at].point[i] = (int32_t)reader_u32(&r);
	if (b->n_samples == 1 || d->pane > b->closed)
		b->closed = d->pane;
	if (b->n_samples >= (uint32_t)s->start)
		start(s, b, ctx);
}

static void delta(const void *settings, struct item_ctx *ctx, void *block, const struct delta *d)
{
	struct segments_item *b = block;
	if (d->metric == METRIC_SAMPLE) {
		take_sample(settings, b, ctx, d);
		return;
	}
	if (!running(b))
		return;
	if (d->metric == METRIC_SIZE) {
		if (d->pane >= 0 && d->pane < (int32_t)b->clusters.k)
			b->size[d->pane] += d->amount;
		return;
	}
	uint8_t cluster = (uint8_t)(d->pane & (KMEANS_K - 1));
	int32_t pane = (d->pane - cluster) / KMEANS_K;
	if (d->metric > METRIC_SIZE || cluster >= b->clusters.k)
		return;
	struct segments_row *row = pane > b->closed ? row_of(b, ctx, pane, cluster) : NULL;
	if (!row) {
		ctx->drops[pane > b->closed ? DROP_AHEAD : DROP_LATE] += d->metric == METRIC_N;
		return;
	}
	if (d->metric == METRIC_N)
		row->sums.n += d->amount;
	else if (d->metric < METRIC_SQUARE)
		row->sums.sum[d->metric - METRIC_SUM] += d->amount;
	else
		row->sums.square[d->metric - METRIC_SQUARE] += d->amount;
}

static int64_t due_at(const void *settings, const void *block)
{
	const struct segments_settings *s = settings;
	const struct segments_item *b = block;
	return b->n_rows ? ((int64_t)b->rows[0].pane + 1) * s->pane_ms : INT64_MAX;
}

/* Decays to the pane and takes in what the first n rows, all of it, hold. */
static void close_pane(const struct segments_settings *s, struct segments_item *b, int32_t pane, uint32_t n)
{
	double total = 0, scale[DIMS];
	double factor = exp2(-(double)((int64_t)pane - b->closed) * (double)s->pane_ms / (double)s->half_life_ms);
	for (uint32_t c = 0; c < b->clusters.k; c++)
		total += b->clusters.at[c].weight;
	if (total * factor < 1) /* after a long silence the centres stay where they were */
		factor = total > 1 ? 1 / total : 1;
	kmeans_decay(&b->clusters, factor);
	for (uint32_t i = 0; i < n; i++) {
		double sum[DIMS], square[DIMS];
		for (int d = 0; d < DIMS; d++) {
			sum[d] = (double)b->rows[i].sums.sum[d] / SEGMENTS_SCALE;
			square[d] = (double)b->rows[i].sums.square[d] / ((double)SEGMENTS_SCALE * SEGMENTS_SCALE);
		}
		kmeans_add(&b->clusters, b->rows[i].cluster, (double)b->rows[i].sums.n, sum, square);
	}
	b->closed = pane;
	segments_population(&b->clusters, NULL, NULL, scale);
	kmeans_revive(&b->clusters, scale);
	segments_name(b, false);
}

static void due(const void *settings, struct item_ctx *ctx, void *block)
{
	const struct segments_settings *s = settings;
	struct segments_item *b = block;
	while (b->n_rows && ((int64_t)b->rows[0].pane + 1) * s->pane_ms <= ctx->watermark) {
		uint32_t n = 1;
		while (n < b->n_rows && b->rows[n].pane == b->rows[0].pane)
			n++;
		close_pane(s, b, b->rows[0].pane, n);
		b->n_rows -= n;
		memmove(b->rows, b->rows + n, b->n_rows * sizeof(*b->rows));
	}
}

static void sums_save(const struct segments_sums *s, struct buf *to)
{
	buf_zigzag(to, s->n);
	for (int d = 0; d < DIMS; d++) {
		buf_zigzag(to, s->sum[d]);
		buf_zigzag(to, s->square[d]);
	}
}

static void item_save(const void *settings, const void *block, const struct symbols *symbols, struct buf *to)
{
	const struct segments_item *b = block;
	(void)settings, (void)symbols;
	buf_varint(to, b->generation);
	buf_zigzag(to, b->closed);
	buf_u8(to, (uint8_t)b->clusters.k);
	for (uint32_t c = 0; c < b->clusters.k; c++) {
		buf_double(to, b->clusters.at[c].weight);
		for (int d = 0; d < DIMS; d++) {
			buf_double(to, b->clusters.at[c].sum[d]);
			buf_double(to, b->clusters.at[c].square[d]);
		}
		buf_zigzag(to, b->size[c]);
		buf_u8(to, b->names[c].label);
		buf_u8(to, b->names[c].next);
		buf_u8(to, b->names[c].times);
	}
	buf_varint(to, b->n_rows);
	for (uint32_t i = 0; i < b->n_rows; i++) {
		buf_zigzag(to, b->rows[i].pane);
		buf_u8(to, b->rows[i].cluster);
		sums_save(&b->rows[i].sums, to);
	}
	buf_varint(to, b->n_samples);
	for (uint32_t i = 0; i < b->n_samples; i++) {
		buf_u64(to, b->samples[i].shopper);
		for (int d = 0; d < DIMS; d++)
			buf_zigzag(to, b->samples[i].point[d]);
	}
}

static int item_load(const void *settings, void *block, uint16_t version, struct reader *from, struct symbols *symbols, struct pool *pool)
{
	const struct segments_settings *s = settings;
	struct segments_item *b = block;
	(void)symbols;
	b->generation = (uint32_t)reader_varint(from);
	b->closed = (int32_t)reader_zigzag(from);
	b->clusters.k = reader_u8(from);
	b->clusters.dims = b->clusters.k ? DIMS : 0;
	if (version != 1 || from->bad || b->clusters.k > KMEANS_K)
		return -EBADMSG;
	for (uint32_t c = 0; c < b->clusters.k; c++) {
		b->clusters.at[c].weight = reader_double(from);
		for (int d = 0; d < DIMS; d++) {
			b->clusters.at[c].sum[d] = reader_double(from);
			b->clusters.at[c].square[d] = reader_double(from);
		}
		b->size[c] = reader_zigzag(from);
		b->names[c].label = reader_u8(from);
		b->names[c].next = reader_u8(from);
		b->names[c].times = reader_u8(from);
		if (b->names[c].label >= LABELS || b->names[c].next >= LABELS)
			return -EBADMSG;
	}
	uint64_t n = reader_varint(from);
	if (n > ROWS_MAX || n > reader_left(from))
		return -EBADMSG;
	b->rows = pool_alloc(pool, n * sizeof(*b->rows));
	b->rows_capacity = (uint32_t)n;
	for (; b->n_rows < n; b->n_rows++) {
		struct segments_row *row = &b->rows[b->n_rows];
		row->pane = (int32_t)reader_zigzag(from);
		row->cluster = reader_u8(from);
		row->sums.n = reader_zigzag(from);
		for (int d = 0; d < DIMS; d++) {
			row->sums.sum[d] = reader_zigzag(from);
			row->sums.square[d] = reader_zigzag(from);
		}
		if (row->cluster >= b->clusters.k)
			return -EBADMSG;
	}
	n = reader_varint(from);
	if (n > reader_left(from) / 8)
		return -EBADMSG;
	b->samples = pool_alloc(pool, n * sizeof(*b->samples));
	b->samples_capacity = (uint32_t)n;
	for (; b->n_samples < n; b->n_samples++) {
		b->samples[b->n_samples].shopper = reader_u64(from);
		if (!point_load(b->samples[b->n_samples].point, from))
			return -EBADMSG;
	}
	if (!from->bad && b->clusters.k && b->clusters.k != (uint32_t)s->k) { /* another number is wanted: from the start */
		b->clusters.k = b->n_rows = 0;
		memset(b->size, 0, sizeof(b->size));
	}
	return from->bad ? -EBADMSG : 0;
}

static void item_done(void *block, struct pool *pool)
{
	struct segments_item *b = block;
	pool_free(pool, b->rows, b->rows_capacity * sizeof(*b->rows));
	pool_free(pool, b->samples, b->samples_capacity * sizeof(*b->samples));
	*b = (struct segments_item){ 0 };
}

static void model_save(const void *settings, const struct item_ctx *ctx, const void *block, struct buf *to)
{
	const struct segments_item *b = block;
	double scale[DIMS], centre[DIMS];
	(void)settings, (void)ctx;
	if (!running(b))
		return;
	segments_population(&b->clusters, NULL, NULL, scale);
	buf_varint(to, b->generation);
	buf_u8(to, (uint8_t)b->clusters.k);
	for (int d = 0; d < DIMS; d++)
		buf_double(to, scale[d]);
	for (uint32_t c = 0; c < b->clusters.k; c++) {
		kmeans_centre(&b->clusters, c, centre);
		for (int d = 0; d < DIMS; d++)
			buf_double(to, centre[d]);
		buf_zigzag(to, b->size[c]);
		buf_u8(to, b->names[c].label);
	}
}

static int model_load(const void *settings, void *block, uint16_t version, struct reader *from, struct symbols *symbols, struct pool *pool)
{
	struct segments_model *m = block;
	(void)settings, (void)symbols, (void)pool;
	m->generation = (uint32_t)reader_varint(from);
	m->k = reader_u8(from);
	if (version != 1 || m->k < 1 || m->k > KMEANS_K)
		return -EBADMSG;
	for (int d = 0; d < DIMS; d++) {
		m->scale[d] = reader_double(from);
		if (!(m->scale[d] > 0))
			return -EBADMSG;
	}
	for (uint32_t c = 0; c < m->k; c++) {
		for (int d = 0; d < DIMS; d++)
			m->centre[c][d] = reader_double(from);
		m->size[c] = reader_zigzag(from);
		m->label[c] = reader_u8(from);
		if (m->label[c] >= LABELS)
			return -EBADMSG;
	}
	return from->bad ? -EBADMSG : 0;
}

const struct processor segments_processor = {
	.name = "segments",
	.id = P_SEGMENTS,
	.options = options,
	.n_options = OPTION_N(options),
	.settings_size = sizeof(struct segments_settings),
	.user = { sizeof(struct segments_user), USER_VERSION, user_save, user_load, NULL, NULL },
	.item = { sizeof(struct segments_item), 1, item_save, item_load, item_done, NULL },
	.model = { sizeof(struct segments_model), 1, NULL, model_load, NULL, NULL },
	.event = event,
	.leave = leave,
	.delta = delta,
	.due_at = due_at,
	.due = due,
	.model_save = model_save,
	.user_view = segments_user_view,
	.item_view = segments_item_view,
	.user_dump = segments_user_dump,
	.item_dump = segments_item_dump,
	.drop_names = drop_names,
};
