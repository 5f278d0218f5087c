/* A shopper's rating filter: one step, the ratings kept for undoing, rows. bias.h has the mathematics. Called by bias.c. */
#include "bias.h"

#include <errno.h>
#include <math.h>

#define UNIT 16777216.0 /* 2^24: of the item's integers */

struct bias_state bias_state_at(const struct bias_settings *s, const struct bias_state *state, int64_t ts)
{
	struct bias_state x = *state;
	if (s->rule == BIAS_RIVER)
		return x;
	if (!x.n) {
		x = (struct bias_state){ .p = { s->user_spread, s->session_spread }, .slope = 1, .slope_p = s->slope_spread, .last_ts = ts };
		return x;
	}
	double gap = ts > x.last_ts ? (double)(ts - x.last_ts) : 0;
	double q = s->session_keep * exp(-gap / (double)s->session_time_ms);
	x.c[PART_SITTING] *= q;
	x.v[PART_SITTING] *= q;
	x.p[PART_SITTING] = q * q * x.p[PART_SITTING] + (1 - q * q) * s->session_spread;
	x.p[PART_LASTING] += s->user_drift;
	if (ts > x.last_ts)
		x.last_ts = ts;
	return x;
}

void bias_observe(const struct bias_settings *s, struct bias_state *state, struct bias_kept *k)
{
	struct bias_state x = bias_state_at(s, state, k->ts);
	double r = k->milli / 1000.0, b = (k->c - (double)k->mu * k->v) * s->per_star;
	double y_c = r - x.c[PART_LASTING] - x.c[PART_SITTING], y_v = 1 - x.v[PART_LASTING] - x.v[PART_SITTING];
	double rest = x.p[PART_LASTING] + x.p[PART_SITTING] + b * b * x.slope_p + 1, all = rest + x.slope * x.slope * k->p;
	double e_c = y_c - x.slope * k->c, e_v = y_v - x.slope * k->v;
	k->weight = llround(x.slope * x.slope / rest * UNIT);
	k->c_sum = llround(x.slope / rest * y_c * UNIT);
	k->v_sum = llround(x.slope / rest * y_v * UNIT);
	for (int i = 0; i < PARTS; i++) {
		double gain = x.p[i] / all;
		x.c[i] += gain * e_c;
		x.v[i] += gain * e_v;
		x.p[i] -= gain * x.p[i];
	}
	double gain = b * x.slope_p / all;
	x.slope += gain * ((e_c - k->mu * e_v) * s->per_star);
	x.slope = x.slope < 0 ? 0 : x.slope > 4 ? 4
						: x.slope; /* one that turned round would make an item's W say nothing */
	x.slope_p -= gain * b * x.slope_p;
	x.n++;
	*state = x;
}

void bias_rerun(const struct bias_settings *s, struct bias_user *u)
{
	u->now = u->base;
	if (s->rule == BIAS_RIVER) /* which keeps ratings for their counts alone */
		return;
	for (uint32_t i = 0; i < u->n_kept; i++) {
		struct bias_kept k = u->kept[i]; /* the item keeps what it got */
		bias_observe(s, &u->now, &k);
	}
}

void bias_forget(const struct bias_settings *s, struct bias_user *u, uint32_t at)
{
	memmove(u->kept + at, u->kept + at + 1, (--u->n_kept - at) * sizeof(*u->kept));
	bias_rerun(s, u);
}

void bias_keep(const struct bias_settings *s, struct bias_user *u, const struct bias_kept *rating, struct pool *pool)
{
	uint32_t over = 0;
	while (u->n_kept - over >= (uint32_t)s->ratings_kept) {
		struct bias_kept k = u->kept[over++];
		bias_observe(s, &u->base, &k);
	}
	u->n_kept -= over;
	if (over)
		memmove(u->kept, u->kept + over, u->n_kept * sizeof(*u->kept));
	if (u->n_kept == u->capacity) {
		uint32_t capacity = u->capacity ? u->capacity * 2 : 1;
		u->kept = pool_resize(pool, u->kept, u->capacity * sizeof(*u->kept), capacity * sizeof(*u->kept));
		u->capacity = capacity;
	}
	u->kept[u->n_kept++] = *rating;
}

/* ---- rows ---- */

static void put_float(struct buf *to, float v)
{
	uint32_t bits;
	memcpy(&bits, &v, 4);
	buf_u32(to, bits);
}

static float take_float(struct reader *from)
{
	uint32_t bits = reader_u32(from);
	float v;
	memcpy(&v, &bits, 4);
	return v;
}

void bias_user_save(const void *settings, const void *block, const struct symbols *symbols, struct buf *to)
{
	const struct bias_user *u = block;
	const struct bias_state *b = &u->base;
	(void)settings;
	buf_varint(to, (uint64_t)b->n);
	if (b->n) {
		for (int i = 0; i < PARTS; i++) {
			buf_double(to, b->c[i]);
			buf_double(to, b->v[i]);
			buf_double(to, b->p[i]);
		}
		buf_double(to, b->slope);
		buf_double(to, b->slope_p);
		buf_i64(to, b->last_ts);
	}
	buf_varint(to, u->n_kept);
	for (uint32_t i = 0; i < u->n_kept; i++) {
		const struct bias_kept *k = &u->kept[i];
		buf_text(to, symbols_text(symbols, k->item));
		buf_zigzag(to, k->milli);
		buf_i64(to, k->ts);
		put_float(to, k->c);
		put_float(to, k->v);
		put_float(to, k->p);
		put_float(to, k->mu);
		buf_zigzag(to, k->weight);
		buf_zigzag(to, k->c_sum);
		buf_zigzag(to, k->v_sum);
	}
}

int bias_user_load(const void *settings, void *block, uint16_t version, struct reader *from, struct symbols *symbols, struct pool *pool)
{
	const struct bias_settings *s = settings;
	struct bias_user *u = block;
	struct bias_state *b = &u->base;
	b->n = (int64_t)reader_varint(from);
	if (version == 1) { /* one bias, its number of ratings and no more */
		double known = (double)b->n + (s->user_spread > 0 ? 1 / s->user_spread : 1);
		b->c[PART_LASTING] = reader_double(from);
		b->v[PART_LASTING] = reader_double(from);
		b->p[PART_LASTING] = 1 / known;
		b->p[PART_SITTING] = s->session_spread;
		b->slope = 1;
		b->slope_p = s->slope_spread;
		u->now = *b;
		return from->bad ? -EBADMSG : 0;
	}
	if (version != 2)
		return -EBADMSG;
	if (b->n) {
		for (int i = 0; i < PARTS; i++) {
			b->c[i] = reader_double(from);
			b->v[i] = reader_double(from);
			b->p[i] = reader_double(from);
		}
		b->slope = reader_double(from);
		b->slope_p = reader_double(from);
		b->last_ts = reader_i64(from);
	}
	uint64_t n = reader_varint(from);
	if (n > BIAS_KEPT_MAX || n > reader_left(from) / 30)
		return -EBADMSG;
	for (uint32_t i = 0; i < n; i++) {
		struct bias_kept k = { .item = symbols_intern(symbols, reader_text(from)) };
		k.milli = (int32_t)reader_zigzag(from);
		k.ts = reader_i64(from);
		k.c = take_float(from);
		k.v = take_float(from);
		k.p = take_float(from);
		k.mu = take_float(from);
		k.weight = reader_zigzag(from);
		k.c_sum = reader_zigzag(from);
		k.v_sum = reader_zigzag(from);
		if (!k.item || from->bad)
			return -EBADMSG;
		if (u->n_kept == u->capacity) {
			uint32_t capacity = u->capacity ? u->capacity * 2 : 1;
			u->kept = pool_resize(pool, u->kept, u->capacity * sizeof(k), capacity * sizeof(k));
			u->capacity = capacity;
		}
		u->kept[u->n_kept++] = k;
	}
	bias_rerun(s, u);
	return from->bad ? -EBADMSG : 0;
}

void bias_user_done(void *block, struct pool *pool)
{
	struct bias_user *u = block;
	pool_free(pool, u->kept, u->capacity * sizeof(*u->kept));
	*u = (struct bias_user){ 0 };
}

void bias_user_mark(const void *block, struct symbols *symbols)
{
	const struct bias_user *u = block;
	for (uint32_t i = 0; i < u->n_kept; i++)
		symbols_mark(symbols, u->kept[i].item);
}
