/* What is remembered of a session, and the features of a moment of it; see intent.h. */
#include <math.h>
#include <xxhash.h>

#include "intent.h"

enum { ONE = 16 }; /* of a feature: 1 */

static void more(uint8_t *n)
{
	*n = (uint8_t)(*n + (*n < UINT8_MAX));
}

static uint32_t seconds(int64_t ms)
{
	int64_t s = (ms < 0 ? -ms : ms) / 1000;
	return s < UINT32_MAX ? (uint32_t)s : UINT32_MAX;
}

/* 8 log2(1 + n), linear between powers of two: half of the logarithm as a feature. */
static uint8_t log_of(uint64_t n)
{
	uint64_t m = n < UINT64_MAX ? n + 1 : n;
	int k = 63 - __builtin_clzll(m);
	uint64_t fraction = k >= 3 ? m >> (k - 3) & 7 : m << (3 - k) & 7;
	uint64_t v = (uint64_t)k * 8 + fraction;
	return v < UINT8_MAX ? (uint8_t)v : UINT8_MAX;
}

bool intent_goes_on(const struct intent_settings *s, const struct intent_user *u, int64_t ts, uint64_t session_id)
{
	int64_t gap = ts > u->greatest_ts ? ts - u->greatest_ts : u->greatest_ts - ts;
	return u->open && gap <= s->session_gap_ms && !(session_id && u->session_id && session_id != u->session_id);
}

/* What stays of the shopper is kept. */
static void begin(struct intent_user *u, int64_t ts)
{
	struct intent_user next = { .greatest_ts = ts, .open = true, .orders = u->orders, .sessions = u->sessions, .ordered_s = u->ordered_s, .lines = u->lines, .value = u->value, .moments = u->moments, .n_moments = u->n_moments };
	if (u->open) {
		next.sessions = (uint16_t)(u->sessions + (u->sessions < UINT16_MAX));
		next.away_s = seconds(ts - u->greatest_ts) + 1;
	}
	*u = next;
}

static void reach(struct intent_user *u, int64_t ts)
{
	u->pace_s = seconds(ts - u->greatest_ts);
	if (ts <= u->greatest_ts)
		return;
	uint32_t length = u->length_s + u->pace_s;
	u->length_s = length >= u->length_s ? length : UINT32_MAX;
	u->greatest_ts = ts;
}

static struct intent_step clicked(const struct intent_settings *s, struct intent_user *u, const struct event *e)
{
	const struct click *c = &e->click;
	struct intent_step step = { .moment = c->action == ACTION_VIEW || c->action == ACTION_CLICK || c->action == ACTION_ADD_TO_CART };
	uint64_t id = step.moment && c->session_id.size ? XXH3_64bits(c->session_id.data, c->session_id.size) | 1 : 0;
	if (c->action == ACTION_IMPRESSION)
		return step;
	if (!intent_goes_on(s, u, e->ts, id)) {
		if (!step.moment) /* begins no session */
			return step;
		begin(u, e->ts);
		step.began = true;
	}
	if (c->action == ACTION_SEARCH)
		more(&u->searches);
	else if (c->action == ACTION_WISHLIST)
		more(&u->wishes);
	else if (c->action == ACTION_REMOVE_FROM_CART)
		more(&u->removed);
	if (!step.moment)
		return step;
	if (!step.began)
		reach(u, e->ts);
	if (id)
		u->session_id = id;
	u->clicks = (uint16_t)(u->clicks + (u->clicks < UINT16_MAX));
	u->last = (uint8_t)c->action;
	if (c->action == ACTION_ADD_TO_CART)
		more(&u->carts);
	if (c->rec_id.size || c->campaign_id.size)
		more(&u->recommended);
	if (c->has_dwell_ms && c->dwell_ms > 0 && u->dwell_s < UINT32_MAX / 2)
		u->dwell_s += (uint32_t)c->dwell_ms / 1000;
	if (c->item_id.size) {
		uint64_t bit = UINT64_C(1) << (XXH3_64bits(c->item_id.data, c->item_id.size) & 63);
		if (u->seen & bit)
			more(&u->repeats);
		u->seen |= bit;
	}
	return step;
}

static struct intent_step ordered(const struct intent_settings *s, struct intent_user *u, const struct event *e)
{
	const struct purchase *p = &e->purchase;
	struct intent_step step = { .moment = true, .order = true };
	double value = 0;
	if (p->kind != PURCHASE_ORDER)
		return (struct intent_step){ .moment = false };
	if (!intent_goes_on(s, u, e->ts, 0)) {
		begin(u, e->ts);
		step.began = true;
	} else {
		reach(u, e->ts);
	}
	for (uint32_t i = 0; i < p->n_lines; i++)
		value += (double)p->lines[i].quantity * (double)p->lines[i].unit_price_minor;
	u->lines = log_of(p->n_lines);
	u->value = log_of(value > 0 ? value < 1e15 ? (uint64_t)value : UINT64_C(1000000000000000) : 0);
	u->orders = (uint16_t)(u->orders + (u->orders < UINT16_MAX));
	more(&u->ordered);
	u->last = ACTIONS;
	if (e->ts > 0 && e->ts / 1000 > u->ordered_s && e->ts / 1000 < UINT32_MAX)
		u->ordered_s = (uint32_t)(e->ts / 1000);
	return step;
}

struct intent_step intent_take(const struct intent_settings *s, struct intent_user *u, const struct event *e)
{
	if (e->kind == EVENT_CLICK)
		return clicked(s, u, e);
	if (e->kind == EVENT_PURCHASE)
		return ordered(s, u, e);
	return (struct intent_step){ .moment = false };
}

static uint8_t flag(bool on)
{
	return on ? ONE : 0;
}

/* (1 + sin) / 2 of the hour of the UTC day, `ahead` hours later */
static uint8_t turn(int64_t ts, int ahead)
{
	double hours = (double)(((ts / 60000) % 1440 + 1440) % 1440) / 60 + ahead;
	return (uint8_t)lrint(ONE / 2 * (1 + sin(hours * M_PI / 12)));
}

void intent_features(const struct intent_user *u, uint8_t price_band, uint8_t x[INTENT_FEATURES])
{
	uint32_t clicks = u->clicks ? u->clicks : 1, distinct = (uint32_t)__builtin_popcountll(u->seen);
	int64_t now_s = u->greatest_ts / 1000;
	uint32_t i = 0;
	x[i++] = ONE;
	x[i++] = flag(u->clicks == 1);
	x[i++] = log_of(u->clicks);
	x[i++] = log_of(distinct);
	x[i++] = (uint8_t)(ONE * (u->repeats < clicks ? u->repeats : clicks) / clicks);
	x[i++] = log_of(u->carts);
	x[i++] = flag(u->carts > u->removed && !u->ordered);
	x[i++] = flag(u->last == ACTION_ADD_TO_CART);
	x[i++] = log_of(u->wishes);
	x[i++] = log_of(u->searches);
	x[i++] = flag(u->recommended);
	x[i++] = log_of(u->dwell_s / clicks);
	x[i++] = log_of(u->length_s / 60);
	x[i++] = log_of(u->pace_s);
	x[i++] = flag(price_band);
	x[i++] = price_band;
	x[i++] = flag(u->sessions);
	x[i++] = log_of(u->sessions);
	x[i++] = log_of(u->away_s / 3600);
	x[i++] = log_of(u->orders);
	x[i++] = u->ordered_s ? log_of(now_s > u->ordered_s ? (uint64_t)(now_s - u->ordered_s) / 3600 : 0) : 0;
	x[i++] = log_of(u->ordered);
	x[i++] = u->ordered ? u->lines : 0;
	x[i++] = u->ordered ? u->value / 4 : 0;
	x[i++] = turn(u->greatest_ts, 0);
	x[i++] = turn(u->greatest_ts, 6);
}
