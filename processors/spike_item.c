/* See spike_item.h, and spike.h for the mathematics. */
#include "spike_item.h"

#include <errno.h>
#include <math.h>

#include "spike_alert.h"
#include "stats.h"

enum { EVALUATIONS_TO_RESOLVE = 2,
	REVIEWS_TO_RESOLVE = 10,
	DRIFT_PART = 4 }; /* a run chooses its own beginning: it has a quarter of alpha */
static const int64_t day_ms = 24 * 3600 * 1000;

/* ---- history ---- */

static int64_t longest(const struct spike_settings *s)
{
	return s->spans[s->n_spans - 1];
}

static int64_t panes_in(const struct spike_settings *s, int64_t ms)
{
	return (ms + s->pane_ms - 1) / s->pane_ms;
}

static void learn(const struct spike_settings *s, struct spike_item *b, const struct spike_pane *p)
{
	bool accepted = b->raised && p->pane >= b->raised_pane + panes_in(s, s->half_life_ms); /* it has stood so long: it is how things are */
	if ((b->raised && !accepted) || p->pane < b->frozen)
		return;
	double decay = exp2(-(double)(p->pane - b->learned) * (double)s->pane_ms / (double)s->half_life_ms);
	b->negative = b->negative * decay + p->k;
	b->baseline_n = b->baseline_n * decay + p->n;
	b->learned = p->pane;
}

static void leave(const struct spike_settings *s, struct spike_item *b, int64_t below) /* panes that every window has left behind */
{
	uint32_t gone = 0;
	for (; gone < b->n && b->panes[gone].pane < below; gone++)
		learn(s, b, &b->panes[gone]);
	if (!gone)
		return;
	b->n -= gone;
	memmove(b->panes, b->panes + gone, b->n * sizeof(*b->panes));
}

/* ---- judging ---- */

struct history {
	double negative, n;           /* as counted */
	double alpha, beta, expected; /* shrunk */
};

static struct history history(const struct spike_settings *s, double negative, double n)
{
	double alpha = negative + s->prior_reviews * s->negative_rate, beta = n - negative + s->prior_reviews * (1 - s->negative_rate);
	return (struct history){ negative, n, alpha, beta, alpha / (alpha + beta) };
}

struct windows {
	int64_t n[SPIKE_WINDOWS_MAX], k[SPIKE_WINDOWS_MAX]; /* reviews, negative ones */
};

static void look(const struct spike_settings *s, const struct spike_item *b, int64_t pane, struct windows *j)
{
	uint32_t i = b->n;
	while (i > 0 && b->panes[i - 1].pane > pane)
		i--;
	int64_t n = 0, k = 0;
	for (int w = 0; w < s->n_spans; w++) {
		for (; i > 0 && b->panes[i - 1].pane > pane - s->spans[w] && b->panes[i - 1].pane >= b->frozen; i--) {
			n += b->panes[i - 1].n;
			k += b->panes[i - 1].k;
		}
		j->n[w] = n;
		j->k[w] = k;
	}
}

static struct spike_evidence evidence(const struct history *h, int64_t n, int64_t k)
{
	return (struct spike_evidence){
		.n = n,
		.k = k,
		.expected = h->expected,
		.p_value = betabinomial_tail(k, n, h->alpha, h->beta),
		.wilson_low = wilson_low(k, n),
		.baseline_n = h->n,
		.baseline_k = h->negative,
	};
}

static bool enough(const struct spike_settings *s, const struct history *h, int64_t n, int64_t k)
{
	return k >= s->least_negative && (double)k - (double)n * h->expected >= s->least_excess;
}

/* S of the pane's counts; S = 0 begins a new run, judged by the history as it stands then: a slow drift is not to become its own history. */
static void drift(const struct spike_settings *s, struct spike_item *b, int64_t pane)
{
	if (s->drift_threshold <= 0)
		return;
	uint32_t i = b->n;
	while (i > 0 && b->panes[i - 1].pane >= b->drifted)
		i--;
	for (int late = 1; late || (i < b->n && b->panes[i].pane <= pane); late = 0) {
		int64_t n = late ? b->late_n : b->panes[i].n, k = late ? b->late_k : b->panes[i].k;
		int64_t at = late ? b->drifted : b->panes[i].pane;
		if (!late)
			i++;
		if (!n && !k)
			continue;
		if (b->drift <= 0) {
			b->run = at;
			b->run_n = b->run_k = 0;
			b->run_negative = b->negative;
			b->run_baseline_n = b->baseline_n;
		}
		double p0 = history(s, b->run_negative, b->run_baseline_n).expected;
		double p1 = fmin(fmax(s->drift_ratio * p0, p0 + s->drift_step), (1 + p0) / 2);
		b->drift = fmax(0, b->drift + log(p1 / p0) * (double)k + log((1 - p1) / (1 - p0)) * (double)(n - k));
		b->run_n += n;
		b->run_k += k;
	}
	b->late_n = b->late_k = 0;
	b->drifted = pane + 1;
}

static void send(const struct spike_settings *s, struct item_ctx *ctx, const struct spike_item *b, int64_t pane, const struct spike_evidence *e, int64_t span)
{
	if (ctx->silent)
		return;
	spike_alert(ctx, &(struct spike_alert){
				 .raised = b->raised,
				 .level = b->level,
				 .raised_pane = b->raised_pane,
				 .raised_ts = (b->raised_pane + 1) * s->pane_ms,
				 .ts = (pane + 1) * s->pane_ms,
				 .window_ms = span * s->pane_ms,
				 .evidence = *e,
				 .words = &b->words,
				 .first_pane = pane + 1 - span > b->frozen ? pane + 1 - span : b->frozen,
				 .last_pane = pane,
			 });
}

static uint8_t level_of(double wilson, double severity)
{
	bool high = wilson >= .5 ? severity >= 1.5 : wilson >= .25 && severity >= 3;
	return high ? SEVERITY_HIGH : severity >= 1.75 ? SEVERITY_MEDIUM
						       : SEVERITY_LOW;
}

/* Is the run of the drift beyond alpha? Only one that is longer than every window: the others are theirs. */
static int64_t drifted(const struct spike_settings *s, const struct spike_item *b, int64_t pane, struct spike_evidence *ret)
{
	int64_t run = pane + 1 - b->run;
	struct history h = history(s, b->run_negative, b->run_baseline_n);
	if (s->drift_threshold <= 0 || b->drift < s->drift_threshold || run <= longest(s) || !enough(s, &h, b->run_n, b->run_k))
		return 0;
	struct spike_evidence e = evidence(&h, b->run_n, b->run_k);
	if (!(e.p_value < s->alpha / DRIFT_PART))
		return 0;
	*ret = e;
	return run;
}

/* What is furthest beyond its alpha: a window, or the run of the drift. Returns its panes; 0: nothing is beyond. */
static int64_t worst(const struct spike_settings *s, const struct spike_item *b, int64_t pane, const struct windows *j, struct spike_evidence *ret)
{
	struct history h = history(s, b->negative, b->baseline_n);
	int64_t span = 0;
	double least = 1;
	for (int w = 0; w < s->n_spans; w++) {
		if (!enough(s, &h, j->n[w], j->k[w]))
			continue;
		struct spike_evidence e = evidence(&h, j->n[w], j->k[w]);
		if (!(e.p_value < s->alphas[w]) || !(e.p_value / s->alphas[w] < least))
			continue;
		int shortest = w; /* that holds the same */
		while (shortest > 0 && j->n[shortest - 1] == j->n[w])
			shortest--;
		least = e.p_value / s->alphas[w];
		span = s->spans[shortest];
		*ret = e;
	}
	return span ? span : drifted(s, b, pane, ret);
}

/* The shortest window that is as long as the one that raised, a day at least, and holds enough reviews to say that all is well. */
static int resolving_window(const struct spike_settings *s, const struct spike_item *b, const struct windows *j)
{
	int w = 0;
	while (w < s->n_spans - 1 && (s->spans[w] < b->raised_span || s->spans[w] * s->pane_ms < day_ms || j->n[w] < REVIEWS_TO_RESOLVE))
		w++;
	return w;
}

static void judge_raised(const struct spike_settings *s, struct item_ctx *ctx, struct spike_item *b, int64_t pane, const struct windows *j)
{
	int w = resolving_window(s, b, j);
	struct history h = history(s, b->negative, b->baseline_n);
	struct spike_evidence e = evidence(&h, j->n[w], j->k[w]);
	double weak_a = 2 * e.expected + (double)e.k, weak_b = 2 * (1 - e.expected) + (double)(e.n - e.k);
	bool calm = e.p_value > .1 || beta_tail(1.5 * e.expected, weak_a, weak_b) < .5;
	b->calm = calm ? b->calm + 1 : 0;
	if (b->calm == EVALUATIONS_TO_RESOLVE) {
		b->raised = b->calm = 0;
		b->frozen = pane + 1;
		b->cool = pane + 1 + panes_in(s, s->cool_down_ms);
		b->drift = 0;
		send(s, ctx, b, pane, &e, s->spans[w]);
		return;
	}
	int64_t span = calm ? 0 : worst(s, b, pane, j, &e);
	if (!span)
		return;
	double severity = e.wilson_low / e.expected;
	uint8_t level = level_of(e.wilson_low, severity);
	if (level <= b->level && severity < 2 * b->severity)
		return;
	b->level = level > b->level ? level : b->level;
	b->severity = severity > b->severity ? severity : b->severity;
	send(s, ctx, b, pane, &e, span);
}

/* Judges the windows that end with `pane`. */
static void evaluate(const struct spike_settings *s, struct item_ctx *ctx, struct spike_item *b, int64_t pane)
{
	struct windows j = { 0 };
	struct spike_evidence e;
	look(s, b, pane, &j);
	drift(s, b, pane);
	if (b->raised) {
		judge_raised(s, ctx, b, pane, &j);
		return;
	}
	int64_t span = worst(s, b, pane, &j, &e);
	if (!span)
		return;
	double severity = e.wilson_low / e.expected;
	if (pane < b->cool && severity < 2 * b->severity)
		return;
	b->raised = 1;
	b->calm = 0;
	b->level = level_of(e.wilson_low, severity);
	b->severity = severity;
	b->raised_pane = pane;
	b->raised_span = span;
	send(s, ctx, b, pane, &e, span);
}

/* ---- time ---- */

/* The next pane whose end can change the judgement, INT64_MAX: none. A pane without counts raises nothing: what only leaves a window is no news.
 * While an alert stands, what leaves a window may end it. Between these everything stands still, so skipping the other panes gives what
 * judging them would. */
static int64_t next_pane(const struct spike_settings *s, const struct spike_item *b)
{
	int64_t next = INT64_MAX;
	for (uint32_t i = b->n; i > 0 && b->panes[i - 1].pane >= b->judged; i--) /* a pane with counts ends */
		next = b->panes[i - 1].pane;
	if (b->late && b->late < next)
		next = b->late;
	if (b->raised && b->calm && b->judged < next) /* the second evaluation */
		next = b->judged;
	if (!b->raised && b->n && b->cool && b->cool >= b->judged && b->cool < next) /* what the cool-down held back */
		next = b->cool;
	for (int w = 0; b->raised && w < s->n_spans; w++) {
		uint32_t i = 0;
		while (i < b->n && b->panes[i].pane + s->spans[w] < b->judged)
			i++;
		if (i < b->n && b->panes[i].pane < b->judged && b->panes[i].pane + s->spans[w] < next)
			next = b->panes[i].pane + s->spans[w];
	}
	return next < b->judged ? b->judged : next;
}

static void advance(const struct spike_settings *s, struct item_ctx *ctx, struct spike_item *b)
{
	if (ctx->watermark < 0)
		return;
	int64_t over = ctx->watermark / s->pane_ms; /* panes below it are over */
	for (int64_t pane; b->judged < over && (pane = next_pane(s, b)) < over;) {
		leave(s, b, pane - longest(s) + 1);
		spike_words_leave(&b->words, pane - longest(s) + 1);
		b->judged = b->evaluated = pane + 1;
		if (b->late && b->late <= pane)
			b->late = 0;
		evaluate(s, ctx, b, pane);
	}
	if (over > b->judged)
		b->judged = over;
}

static struct spike_pane *pane_at(struct item_ctx *ctx, struct spike_item *b, int32_t pane, uint32_t max)
{
	uint32_t at = b->n;
	while (at > 0 && b->panes[at - 1].pane >= pane)
		at--;
	if (at < b->n && b->panes[at].pane == pane)
		return &b->panes[at];
	if (b->n == max) {
		ctx->drops[SPIKE_DROP_PANES]++;
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
	b->panes[at] = (struct spike_pane){ .pane = pane };
	b->n++;
	return &b->panes[at];
}

static uint32_t max_panes(const struct spike_settings *s) /* the window, and as much ahead of the watermark */
{
	return (uint32_t)(2 * longest(s) + 64);
}

void spike_item_delta(const void *settings, struct item_ctx *ctx, void *block, const struct delta *d)
{
	const struct spike_settings *s = settings;
	struct spike_item *b = block;
	advance(s, ctx, b);
	if (d->metric == SPIKE_EXCERPT && d->merge == MERGE_LIST && d->pane >= b->judged - longest(s))
		spike_words_excerpt(&b->words, ctx->pool, d->pane, d->bytes);
	else if (d->metric == SPIKE_COMPLAINT && d->sub && d->pane >= b->judged - longest(s))
		spike_words_complaint(&b->words, ctx->pool, ctx->symbols, d->pane, d->sub, d->amount);
	else if (d->metric == SPIKE_COMPLAINT_OF_DAY && d->sub) /* what is known of its panes begins behind that day */
		spike_words_leave(&b->words, panes_in(s, (d->pane + INT64_C(1)) * day_ms));
	else if (d->metric == SPIKE_UNQUOTE && d->merge == MERGE_LIST)
		spike_words_unquote(&b->words, ctx->pool, d->bytes);
	if (d->metric > SPIKE_NEGATIVE)
		return;
	if (d->pane < b->judged - longest(s)) {
		ctx->drops[SPIKE_DROP_LATE] += (uint64_t)d->amount;
		return;
	}
	struct spike_pane *p = pane_at(ctx, b, d->pane, max_panes(s));
	if (!p)
		return;
	bool negative = d->metric == SPIKE_NEGATIVE;
	if (negative)
		p->k += (uint32_t)d->amount;
	else
		p->n += (uint32_t)d->amount;
	if (d->pane < b->drifted)
		*(negative ? &b->late_k : &b->late_n) += d->amount;
	if (d->pane < b->judged && !b->late)
		b->late = b->judged;
}

int64_t spike_item_due_at(const void *settings, const void *block)
{
	const struct spike_settings *s = settings;
	int64_t pane = next_pane(s, block);
	return pane == INT64_MAX ? INT64_MAX : (pane + 1) * s->pane_ms;
}

void spike_item_due(const void *settings, struct item_ctx *ctx, void *block)
{
	advance(settings, ctx, block);
}

/* ---- state ---- */

enum { VERSION = 4 }; /* 3: complaints by days, excerpts with more in them; 2: without words; 1: also without raised_span and drift */

void spike_item_save(const void *settings, const void *block, const struct symbols *symbols, struct buf *to)
{
	const struct spike_item *b = block;
	buf_varint(to, (uint64_t)((const struct spike_settings *)settings)->pane_ms);
	const int64_t cool = b->cool >= b->judged ? b->cool : 0; /* one that is over says nothing any more */
	const int64_t panes[] = { b->evaluated, b->late, b->learned, b->frozen, cool, b->raised_pane, b->raised_span, b->run, b->drifted };
	for (size_t i = 0; i < sizeof(panes) / sizeof(*panes); i++)
		buf_zigzag(to, panes[i]);
	const double numbers[] = { b->negative, b->baseline_n, b->severity, b->drift, b->run_negative, b->run_baseline_n };
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		buf_double(to, numbers[i]);
	const int64_t counts[] = { b->run_n, b->run_k, b->late_n, b->late_k };
	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++)
		buf_varint(to, (uint64_t)counts[i]);
	buf_u8(to, b->raised);
	buf_u8(to, b->level);
	buf_u8(to, b->calm);
	buf_varint(to, b->n);
	for (uint32_t i = 0; i < b->n; i++) {
		buf_zigzag(to, b->panes[i].pane);
		buf_varint(to, b->panes[i].n);
		buf_varint(to, b->panes[i].k);
	}
	spike_words_save(&b->words, symbols, to);
}

static int load_panes(const struct spike_settings *s, struct spike_item *b, struct reader *from, int64_t pane_ms, struct pool *pool)
{
	uint64_t n = reader_varint(from);
	if (from->bad || n > 2 * SPIKE_PANES_MAX + 64)
		return -EBADMSG;
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

int spike_item_load(const void *settings, void *block, uint16_t version, struct reader *from, struct symbols *symbols, struct pool *pool)
{
	const struct spike_settings *s = settings;
	struct spike_item *b = block;
	if (version < 1 || version > VERSION)
		return -EBADMSG;
	int64_t pane_ms = (int64_t)reader_varint(from);
	int64_t *const panes[] = { &b->evaluated, &b->late, &b->learned, &b->frozen, &b->cool, &b->raised_pane, &b->raised_span, &b->run, &b->drifted };
	size_t n_panes = version == 1 ? 6 : sizeof(panes) / sizeof(*panes);
	for (size_t i = 0; i < n_panes; i++)
		*panes[i] = reader_zigzag(from);
	double *const numbers[] = { &b->negative, &b->baseline_n, &b->severity, &b->drift, &b->run_negative, &b->run_baseline_n };
	for (size_t i = 0; i < (version == 1 ? 3u : 6u); i++)
		*numbers[i] = reader_double(from);
	int64_t *const counts[] = { &b->run_n, &b->run_k, &b->late_n, &b->late_k };
	for (size_t i = 0; version != 1 && i < 4; i++)
		*counts[i] = (int64_t)reader_varint(from);
	b->raised = reader_u8(from);
	b->level = reader_u8(from);
	b->calm = reader_u8(from);
	if (from->bad || b->level > SEVERITY_HIGH || pane_ms < 1 || pane_ms > 7 * day_ms /* as the option */)
		return -EBADMSG;
	for (size_t i = 0; i < sizeof(panes) / sizeof(*panes); i++) {
		if (*panes[i] < 0 || *panes[i] > INT32_MAX)
			return -EBADMSG;
		*panes[i] = *panes[i] * pane_ms / s->pane_ms; /* equal unless the option was changed */
	}
	if (version == 1) {
		b->raised_span = longest(s);
		b->drifted = b->evaluated;
	}
	b->judged = b->evaluated > b->late ? b->evaluated : b->late; /* what came late waits for the pane that it was put down for */
	int r = load_panes(s, b, from, pane_ms, pool);
	if (!r && version >= 3)
		r = spike_words_load(&b->words, from, symbols, pool, pane_ms, s->pane_ms, version == 3);
	if (!r && version < 4 && b->n)
		b->words.known_from = b->panes[b->n - 1].pane + INT64_C(1);
	return r;
}

void spike_item_mark(const void *block, struct symbols *symbols)
{
	spike_words_mark(&((const struct spike_item *)block)->words, symbols);
}

void spike_item_done(void *block, struct pool *pool)
{
	struct spike_item *b = block;
	pool_free(pool, b->panes, b->capacity * sizeof(*b->panes));
	spike_words_done(&b->words, pool);
}
