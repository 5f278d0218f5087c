/* The spike processor; spike.h has the mathematics, spike_alert.c the sentences. */
#include "spike.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "sentiment.h"
#include "spike_alert.h"
#include "stats.h"

static const struct option options[] = {
	{ "window", OPTION_DURATION, OPTION_AT(spike_settings, window_ms), .value = "7d", .min = "1h", .max = "90d",
		.help = "Reviews of this much event time are judged together." },
	{ "pane", OPTION_DURATION, OPTION_AT(spike_settings, pane_ms), .value = "1h", .min = "1min", .max = "7d",
		.help = "How often a scope is judged. The window must hold between 1 and 2016 panes." },
	{ "alpha", OPTION_REAL, OPTION_AT(spike_settings, alpha), .value = "0.001", .min = "0", .max = "0.5",
		.help = "An alert is raised when so many negative reviews, or more, were less likely than this." },
	{ "least_negative", OPTION_COUNT, OPTION_AT(spike_settings, least_negative), .value = "3", .min = "1", .max = "1000000", .unit = "reviews",
		.help = "No alert on fewer negative reviews, however unlikely." },
	{ "least_excess", OPTION_REAL, OPTION_AT(spike_settings, least_excess), .value = "2", .min = "0", .max = "1000000", .unit = "reviews",
		.help = "No alert unless there are so many more negative reviews than expected." },
	{ "negative_rate", OPTION_REAL, OPTION_AT(spike_settings, negative_rate), .value = "0.1", .min = "0.001", .max = "0.999",
		.help = "Share of negative reviews to expect of what has no history yet." },
	{ "prior_reviews", OPTION_REAL, OPTION_AT(spike_settings, prior_reviews), .value = "20", .min = "0.1", .max = "100000", .unit = "reviews",
		.help = "How many reviews of history weigh as much as negative_rate does." },
	{ "half_life", OPTION_DURATION, OPTION_AT(spike_settings, half_life_ms), .value = "30d", .min = "1d", .max = "3650d",
		.help = "After so long history weighs half." },
	{ "cool_down", OPTION_DURATION, OPTION_AT(spike_settings, cool_down_ms), .value = "7d", .min = "1h", .max = "365d", .zero = "none",
		.help = "For so long after an alert is over, only one twice as severe is raised." },
};

enum { METRIC_COUNTED,
	METRIC_NEGATIVE };
enum { DROP_SEEN,
	DROP_PANES,
	DROP_LATE };
static const char *const drop_names[] = { "reviews_remembered", "panes", "late_counts", NULL };

enum { MAX_WINDOW_PANES = 2016,
	MAX_SEEN = 64,
	EVALUATIONS_TO_RESOLVE = 2 };
static const int64_t day_ms = 24 * 3600 * 1000;

static int setup(void *settings, char *error, size_t error_size)
{
	const struct spike_settings *s = settings;
	if (s->window_ms % s->pane_ms == 0 && s->window_ms / s->pane_ms <= MAX_WINDOW_PANES)
		return 0;
	snprintf(error, error_size, "window must be a whole number of panes, at most %d", MAX_WINDOW_PANES);
	return -EINVAL;
}

/* ---- user stage: one shopper counts once per scope and window ---- */

struct seen {
	uint64_t scope; /* hash of kind and id */
	int64_t ts;
};

struct spike_user { /* sorted by ts */
	struct seen *seen;
	uint32_t n, capacity;
	int64_t newest;
};

static bool counts(const struct spike_user *u, uint64_t scope, int64_t ts, int64_t window_ms)
{
	for (uint32_t i = 0; i < u->n; i++)
		if (u->seen[i].scope == scope && llabs(u->seen[i].ts - ts) < window_ms)
			return false;
	return true;
}

static void remember(struct user_ctx *ctx, struct spike_user *u, uint64_t scope, int64_t ts, int64_t window_ms)
{
	uint32_t old = 0;
	int64_t margin = window_ms > day_ms ? window_ms : day_ms; /* for reviews that come late */
	if (ts > u->newest)
		u->newest = ts;
	while (old < u->n && u->seen[old].ts < u->newest - window_ms - margin)
		old++;
	if (!old && u->n == MAX_SEEN) {
		old = 1;
		ctx->drops[DROP_SEEN]++;
	}
	if (old) {
		u->n -= old;
		memmove(u->seen, u->seen + old, u->n * sizeof(*u->seen));
	}
	if (u->n == u->capacity) {
		uint32_t grown = u->capacity ? 2 * u->capacity : 4;
		u->seen = pool_resize(ctx->pool, u->seen, u->capacity * sizeof(*u->seen), grown * sizeof(*u->seen));
		u->capacity = grown;
	}
	uint32_t at = u->n++;
	for (; at > 0 && u->seen[at - 1].ts > ts; at--)
		u->seen[at] = u->seen[at - 1];
	u->seen[at] = (struct seen){ scope, ts };
}

static void event(const void *settings, struct user_ctx *ctx, void *block, const struct event *e)
{
	const struct spike_settings *s = settings;
	struct spike_user *u = block;
	if (e->kind != EVENT_REVIEW || ctx->sentiment == SENTIMENT_NONE)
		return;
	struct key keys[REVIEW_SCOPES];
	int n = review_scopes(ctx, &e->review, keys);
	for (int i = 0; i < n; i++) {
		uint64_t scope = symbols_hash(ctx->symbols, keys[i].id) ^ (keys[i].kind * UINT64_C(0x9e3779b97f4a7c15));
		if (!counts(u, scope, e->ts, s->window_ms))
			continue;
		remember(ctx, u, scope, e->ts, s->window_ms);
		int32_t pane = pane_of(e->ts, s->pane_ms);
		emit_sum(ctx->emitter, P_SPIKE, keys[i], METRIC_COUNTED, 0, pane, 1);
		if (ctx->sentiment == SENTIMENT_NEGATIVE)
			emit_sum(ctx->emitter, P_SPIKE, keys[i], METRIC_NEGATIVE, 0, pane, 1);
	}
}

static void user_save(const void *settings, const void *block, const struct symbols *symbols, struct buf *to)
{
	const struct spike_user *u = block;
	(void)settings, (void)symbols;
	buf_zigzag(to, u->newest);
	buf_varint(to, u->n);
	for (uint32_t i = 0; i < u->n; i++) {
		buf_u64(to, u->seen[i].scope);
		buf_zigzag(to, u->seen[i].ts);
	}
}

static int user_load(const void *settings, void *block, uint16_t version, struct reader *from, struct symbols *symbols, struct pool *pool)
{
	struct spike_user *u = block;
	(void)settings, (void)symbols;
	if (version != 1)
		return -EBADMSG;
	u->newest = reader_zigzag(from);
	uint64_t n = reader_varint(from);
	if (from->bad || n > MAX_SEEN)
		return -EBADMSG;
	u->n = u->capacity = (uint32_t)n;
	u->seen = pool_alloc(pool, u->capacity * sizeof(*u->seen));
	for (uint32_t i = 0; i < u->n; i++) {
		uint64_t scope = reader_u64(from);
		u->seen[i] = (struct seen){ scope, reader_zigzag(from) };
	}
	return from->bad ? -EBADMSG : 0;
}

static void user_done(void *block, struct pool *pool)
{
	struct spike_user *u = block;
	pool_free(pool, u->seen, u->capacity * sizeof(*u->seen));
}

/* ---- item stage ---- */

struct pane {
	int32_t pane;
	uint32_t n, k;
};

/* panes[] is sorted and holds the window and what is ahead of the watermark. `judged` panes are over: every pane below it has been
 * evaluated, or had nothing to evaluate. */
struct spike_item {
	struct pane *panes;
	uint32_t n, capacity;
	int64_t judged;
	int64_t evaluated;           /* one past the last pane that was evaluated; what a row holds in place of judged */
	int64_t late;                /* a pane that was over got a count: judge again when this pane is over; 0 = none */
	double negative, baseline_n; /* A, B, as of `learned` */
	int64_t learned;             /* newest pane in the baseline */
	int64_t frozen;              /* panes below it are never learned: an alert saw them */
	int64_t cool;                /* first pane in which the cool-down is over; 0 = none */
	int64_t raised_pane;         /* of the alert that stands, or stood last */
	double severity;             /* s of the alert as last sent */
	uint8_t raised, level, calm; /* calm: evaluations in a row at which it could resolve */
};

static int64_t window_of(const struct spike_settings *s)
{
	return s->window_ms / s->pane_ms;
}

static int64_t cool_panes(const struct spike_settings *s)
{
	return (s->cool_down_ms + s->pane_ms - 1) / s->pane_ms;
}

static void learn(const struct spike_settings *s, struct spike_item *b, const struct pane *p)
{
	if (b->raised || p->pane < b->frozen)
		return;
	double decay = exp2(-(double)(p->pane - b->learned) * (double)s->pane_ms / (double)s->half_life_ms);
	b->negative = b->negative * decay + p->k;
	b->baseline_n = b->baseline_n * decay + p->n;
	b->learned = p->pane;
}

static void leave(const struct spike_settings *s, struct spike_item *b, int64_t below) /* panes that the window has left behind */
{
	uint32_t gone = 0;
	for (; gone < b->n && b->panes[gone].pane < below; gone++)
		learn(s, b, &b->panes[gone]);
	if (!gone)
		return;
	b->n -= gone;
	memmove(b->panes, b->panes + gone, b->n * sizeof(*b->panes));
}

static void send(const struct spike_settings *s, struct item_ctx *ctx, const struct spike_item *b, int64_t pane, const struct spike_evidence *e)
{
	if (ctx->silent)
		return;
	spike_alert(ctx, &(struct spike_alert){
				 .raised = b->raised,
				 .level = b->level,
				 .raised_pane = b->raised_pane,
				 .raised_ts = (b->raised_pane + 1) * s->pane_ms,
				 .ts = (pane + 1) * s->pane_ms,
				 .window_ms = s->window_ms,
				 .evidence = *e,
			 });
}

/* Judges the window that ends with `pane`. */
static void evaluate(const struct spike_settings *s, struct item_ctx *ctx, struct spike_item *b, int64_t pane)
{
	struct spike_evidence e = { .baseline_n = b->baseline_n, .baseline_k = b->negative };
	for (uint32_t i = 0; i < b->n && b->panes[i].pane <= pane; i++) {
		e.n += b->panes[i].n;
		e.k += b->panes[i].k;
	}
	double prior = s->prior_reviews;
	double alpha = b->negative + prior * s->negative_rate, beta = b->baseline_n - b->negative + prior * (1 - s->negative_rate);
	e.expected = alpha / (alpha + beta);
	e.p_value = betabinomial_tail(e.k, e.n, alpha, beta);
	e.wilson_low = wilson_low(e.k, e.n);
	double severity = e.wilson_low / e.expected;
	bool high = e.wilson_low >= .5 ? severity >= 1.5 : e.wilson_low >= .25 && severity >= 3;
	uint8_t level = high ? SEVERITY_HIGH : severity >= 1.75 ? SEVERITY_MEDIUM
								: SEVERITY_LOW;

	if (b->raised) {
		double weak_a = 2 * e.expected + (double)e.k, weak_b = 2 * (1 - e.expected) + (double)(e.n - e.k);
		bool calm = e.p_value > .1 || beta_tail(1.5 * e.expected, weak_a, weak_b) < .5;
		b->calm = calm ? b->calm + 1 : 0;
		if (b->calm == EVALUATIONS_TO_RESOLVE) {
			b->raised = b->calm = 0;
			b->frozen = pane + 1;
			b->cool = pane + 1 + cool_panes(s);
			send(s, ctx, b, pane, &e);
		} else if (!calm && (level > b->level || severity >= 2 * b->severity)) {
			b->level = level > b->level ? level : b->level;
			b->severity = severity > b->severity ? severity : b->severity;
			send(s, ctx, b, pane, &e);
		}
		return;
	}
	if (e.k < s->least_negative || !(e.p_value < s->alpha) || !((double)e.k - (double)e.n * e.expected >= s->least_excess))
		return;
	if (pane < b->cool && severity < 2 * b->severity)
		return;
	b->raised = 1;
	b->calm = 0;
	b->level = level;
	b->severity = severity;
	b->raised_pane = pane;
	send(s, ctx, b, pane, &e);
}

/* The next pane whose end can change the judgement, INT64_MAX: none. Between these n, k and the baseline stand still, so skipping the
 * others gives what judging them would. */
static int64_t next_pane(const struct spike_settings *s, const struct spike_item *b)
{
	int64_t next = INT64_MAX;
	for (uint32_t i = b->n; i > 0 && b->panes[i - 1].pane >= b->judged; i--) /* a pane with counts ends */
		next = b->panes[i - 1].pane;
	if (b->n && b->panes[0].pane < b->judged && b->panes[0].pane + window_of(s) < next) /* the oldest leaves */
		next = b->panes[0].pane + window_of(s);
	if (b->late && b->late < next)
		next = b->late;
	if (b->raised && b->calm && b->judged < next) /* the second evaluation */
		next = b->judged;
	if (!b->raised && b->n && b->cool > b->judged && b->cool < next) /* what the cool-down held back */
		next = b->cool;
	return next < b->judged ? b->judged : next;
}

static void advance(const struct spike_settings *s, struct item_ctx *ctx, struct spike_item *b)
{
	if (ctx->watermark < 0)
		return;
	int64_t over = ctx->watermark / s->pane_ms; /* panes below it are over */
	for (int64_t pane; b->judged < over && (pane = next_pane(s, b)) < over;) {
		leave(s, b, pane - window_of(s) + 1);
		b->judged = b->evaluated = pane + 1;
		if (b->late && b->late <= pane)
			b->late = 0;
		evaluate(s, ctx, b, pane);
	}
	if (over > b->judged)
		b->judged = over;
}

static struct pane *pane_at(struct item_ctx *ctx, struct spike_item *b, int32_t pane, uint32_t max)
{
	uint32_t at = b->n;
	while (at > 0 && b->panes[at - 1].pane >= pane)
		at--;
	if (at < b->n && b->panes[at].pane == pane)
		return &b->panes[at];
	if (b->n == max) {
		ctx->drops[DROP_PANES]++;
		if (at == 0)
			return NULL;
		b->n--, at--;
		memmove(b->panes, b->panes + 1, b->n * sizeof(*b->panes));
	}
	if (b->n == b->capacity) {
		uint32_t grown = b->capacity ? 2 * b->capacity : 2;
		b->panes = pool_resize(ctx->pool, b->panes, b->capacity * sizeof(*b->panes), grown * sizeof(*b->panes));
		b->capacity = grown;
	}
	memmove(b->panes + at + 1, b->panes + at, (b->n - at) * sizeof(*b->panes));
	b->panes[at] = (struct pane){ .pane = pane };
	b->n++;
	return &b->panes[at];
}

static uint32_t max_panes(const struct spike_settings *s) /* the window, and as much ahead of the watermark */
{
	return (uint32_t)(2 * window_of(s) + 64);
}

static void delta(const void *settings, struct item_ctx *ctx, void *block, const struct delta *d)
{
	const struct spike_settings *s = settings;
	struct spike_item *b = block;
	advance(s, ctx, b);
	if (d->pane < b->judged - window_of(s)) {
		ctx->drops[DROP_LATE] += (uint64_t)d->amount;
		return;
	}
	struct pane *p = pane_at(ctx, b, d->pane, max_panes(s));
	if (!p)
		return;
	if (d->metric == METRIC_COUNTED)
		p->n += (uint32_t)d->amount;
	else if (d->metric == METRIC_NEGATIVE)
		p->k += (uint32_t)d->amount;
	if (d->pane < b->judged && !b->late)
		b->late = b->judged;
}

static int64_t due_at(const void *settings, const void *block)
{
	const struct spike_settings *s = settings;
	int64_t pane = next_pane(s, block);
	return pane == INT64_MAX ? INT64_MAX : (pane + 1) * s->pane_ms;
}

static void due(const void *settings, struct item_ctx *ctx, void *block)
{
	advance(settings, ctx, block);
}

static void item_save(const void *settings, const void *block, const struct symbols *symbols, struct buf *to)
{
	const struct spike_item *b = block;
	(void)symbols;
	buf_varint(to, (uint64_t)((const struct spike_settings *)settings)->pane_ms);
	const int64_t cool = b->cool > b->judged ? b->cool : 0; /* one that is over says nothing any more */
	const int64_t numbers[] = { b->evaluated, b->late, b->learned, b->frozen, cool, b->raised_pane };
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		buf_zigzag(to, numbers[i]);
	buf_double(to, b->negative);
	buf_double(to, b->baseline_n);
	buf_double(to, b->severity);
	buf_u8(to, b->raised);
	buf_u8(to, b->level);
	buf_u8(to, b->calm);
	buf_varint(to, b->n);
	for (uint32_t i = 0; i < b->n; i++) {
		buf_zigzag(to, b->panes[i].pane);
		buf_varint(to, b->panes[i].n);
		buf_varint(to, b->panes[i].k);
	}
}

static int item_load(const void *settings, void *block, uint16_t version, struct reader *from, struct symbols *symbols, struct pool *pool)
{
	const struct spike_settings *s = settings;
	struct spike_item *b = block;
	(void)symbols;
	if (version != 1)
		return -EBADMSG;
	int64_t pane_ms = (int64_t)reader_varint(from);
	int64_t *const numbers[] = { &b->evaluated, &b->late, &b->learned, &b->frozen, &b->cool, &b->raised_pane };
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		*numbers[i] = reader_zigzag(from);
	b->negative = reader_double(from);
	b->baseline_n = reader_double(from);
	b->severity = reader_double(from);
	b->raised = reader_u8(from);
	b->level = reader_u8(from);
	b->calm = reader_u8(from);
	uint64_t n = reader_varint(from);
	if (from->bad || n > 2 * MAX_WINDOW_PANES + 64 || b->level > SEVERITY_HIGH || pane_ms < 1 || pane_ms > 365 * day_ms)
		return -EBADMSG;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		if (*numbers[i] < 0 || *numbers[i] > INT32_MAX)
			return -EBADMSG;
		*numbers[i] = *numbers[i] * pane_ms / s->pane_ms; /* equal unless the option was changed */
	}
	b->judged = b->evaluated > b->late ? b->evaluated : b->late; /* what came late waits for the pane that it was put down for */
	uint32_t capacity = 2;
	while (capacity < n)
		capacity *= 2;
	b->capacity = n ? capacity : 0;
	b->panes = pool_alloc(pool, b->capacity * sizeof(*b->panes));
	int64_t before = -1;
	for (uint64_t i = 0; i < n; i++) {
		int64_t pane = reader_zigzag(from);
		if (pane <= before || pane > INT32_MAX)
			return -EBADMSG;
		before = pane;
		pane = pane * pane_ms / s->pane_ms;
		if (pane > INT32_MAX)
			return -EBADMSG;
		if (!b->n || b->panes[b->n - 1].pane < pane)
			b->panes[b->n++].pane = (int32_t)pane;
		b->panes[b->n - 1].n += (uint32_t)reader_varint(from);
		b->panes[b->n - 1].k += (uint32_t)reader_varint(from);
	}
	return from->bad ? -EBADMSG : 0;
}

static void item_done(void *block, struct pool *pool)
{
	struct spike_item *b = block;
	pool_free(pool, b->panes, b->capacity * sizeof(*b->panes));
}

/* ---- model ---- */

static void model_save(const void *settings, const struct item_ctx *ctx, const void *block, struct buf *to)
{
	const struct spike_item *b = block;
	(void)settings, (void)ctx;
	if (b->raised)
		buf_u8(to, b->level);
}

static int model_load(const void *settings, void *block, uint16_t version, struct reader *from, struct symbols *symbols, struct pool *pool)
{
	struct spike_model *m = block;
	(void)settings, (void)symbols, (void)pool;
	if (version != 1)
		return -EBADMSG;
	m->severity = reader_u8(from);
	return from->bad || m->severity > SEVERITY_HIGH ? -EBADMSG : 0;
}

const struct processor spike_processor = {
	.name = "spike",
	.id = P_SPIKE,
	.options = options,
	.n_options = OPTION_N(options),
	.settings_size = sizeof(struct spike_settings),
	.setup = setup,
	.user = { sizeof(struct spike_user), 1, user_save, user_load, user_done, NULL },
	.item = { sizeof(struct spike_item), 1, item_save, item_load, item_done, NULL },
	.model = { sizeof(struct spike_model), 1, NULL, model_load, NULL, NULL },
	.event = event,
	.delta = delta,
	.due_at = due_at,
	.due = due,
	.model_save = model_save,
	.drop_names = drop_names,
};
