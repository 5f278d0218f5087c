/* See watch.h. */
#include "watch.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "stats.h"
#include "windows.h"

enum { EVALUATIONS_TO_RESOLVE = 2 };
#define LEAST_SHARE (1. / 32) /* of alpha, for the shortest windows */
#define LEAST_EXCESS 3        /* events, by dispersion */
#define LEAST_RISEN 10        /* events by dispersion that an amount must be expected to have before it can be up: few orders are a matter of their sizes */
#define USUAL .1              /* p of what is over, at least */
#define TIMES_LIKELIER 20     /* as usual than half way to what raised */
#define ALMOST (1 - 1e-9)
#define PRIOR_EVENTS 5
#define FIT_EVENTS 10 /* weight of dispersion 1 */

enum series { IMPRESSIONS,
	CLICKS,
	ORDERS,
	REVENUE,
	TRAFFIC }; /* of a campaign; `all` has its inputs in the first three */
enum { TIME = -1 };

static const struct figure {
	int k, n; /* series */
	enum watch_kind kind;
} of_campaign[WATCH_FIGURES] = { { CLICKS, IMPRESSIONS, WATCH_CTR }, { ORDERS, CLICKS, WATCH_CVR }, { REVENUE, TIME, WATCH_REVENUE }, { TRAFFIC, TIME, WATCH_SILENCE } },
  of_inputs[3] = { { 0, TIME, WATCH_INPUT }, { 1, TIME, WATCH_INPUT }, { 2, TIME, WATCH_INPUT } };

static const struct figure *figures_of(const struct watch *w)
{
	return w->inputs ? of_inputs : of_campaign;
}

static int n_figures(const struct watch *w)
{
	return w->inputs ? 3 : WATCH_FIGURES;
}

static bool silence(enum watch_kind kind)
{
	return kind == WATCH_SILENCE || kind == WATCH_INPUT;
}

int watch_setup(struct watch_settings *s, char *error, size_t error_size)
{
	s->n_spans = windows_parse(s->windows, WATCH_PANE_MS, (int64_t)(WATCH_SPAN_MAX + 1) * WATCH_PANE_MS, WATCH_WINDOWS_MAX, s->spans);
	if (s->n_spans < 1) {
		snprintf(error, error_size, "watch_windows must be at most %d durations like '1h 6h 2d', rising, between 15min and 7d", WATCH_WINDOWS_MAX);
		return -EINVAL;
	}
	for (int i = 0; i < s->n_spans; i++)
		s->alphas[i] = s->alpha * fmax((double)s->spans[i] / (double)s->spans[s->n_spans - 1], LEAST_SHARE);
	return 0;
}

static int64_t longest(const struct watch_settings *s)
{
	return s->spans[s->n_spans - 1];
}

static int64_t panes_in(int64_t ms)
{
	return (ms + WATCH_PANE_MS - 1) / WATCH_PANE_MS;
}

static bool is_lost(const struct watch *w, int64_t pane)
{
	return pane >= w->lost && pane < w->lost_end;
}

static int hour_of(int64_t pane)
{
	return (int)(pane / WATCH_PANES_HOUR % 24);
}

/* The figures of a pane whose rows end before *at; moves it to where they begin. Rows of later panes are passed over. */
static void series_of(const struct watch *w, int64_t pane, uint32_t *at, double x[WATCH_SERIES])
{
	int64_t orders = 0;
	memset(x, 0, WATCH_SERIES * sizeof(*x));
	while (*at > 0 && w->panes.rows[*at - 1].pane > pane)
		--*at;
	for (; *at > 0 && w->panes.rows[*at - 1].pane == pane; --*at) {
		const struct ledger_row *r = &w->panes.rows[*at - 1];
		if (!r->currency && w->inputs) {
			for (int i = 0; i < 3; i++)
				x[i] = (double)r->columns[i];
		} else if (!r->currency) {
			x[IMPRESSIONS] = (double)r->columns[COLUMN_IMPRESSIONS];
			x[CLICKS] = (double)r->columns[COLUMN_CLICKS];
			x[TRAFFIC] = x[IMPRESSIONS] + x[CLICKS] + (double)r->columns[COLUMN_CARTS];
		} else {
			orders += r->columns[COLUMN_ATTRIBUTED_ORDERS];
			if (r->currency == w->currency)
				x[REVENUE] = fmax(0, (double)(r->columns[COLUMN_REVENUE] > r->columns[COLUMN_ATTRIBUTED_REVENUE] ? r->columns[COLUMN_REVENUE] : r->columns[COLUMN_ATTRIBUTED_REVENUE]));
		}
	}
	if (!w->inputs)
		x[ORDERS] = (double)orders;
}

/* ---- history ---- */

/* What is expected of a figure per unit of n, or per hour, by hour of the day; NAN: not known. */
static double rate(const struct watch *w, const struct figure *f, int hour)
{
	const struct watch_hour *h = &w->hours[hour];
	if (f->n == TIME)
		return h->hours > 0 ? h->x[f->k] / h->hours : NAN;
	double k = 0, n = 0;
	for (int i = 0; i < 24; i++) {
		k += w->hours[i].x[f->k];
		n += w->hours[i].x[f->n];
	}
	return k > 0 && n > 0 ? (h->x[f->k] + PRIOR_EVENTS) / (h->x[f->n] + PRIOR_EVENTS * n / k) : NAN;
}

static double dispersion(const struct watch *w, const struct figure *f, int i)
{
	double one = 1;
	if (f->k == REVENUE && f->n == TIME && !w->inputs) {
		double revenue = 0, orders = 0;
		for (int h = 0; h < 24; h++) {
			revenue += w->hours[h].x[REVENUE];
			orders += w->hours[h].x[ORDERS];
		}
		one = orders > 0 ? revenue / orders : 0;
	}
	double weight = FIT_EVENTS * one, fit = w->figures[i].m + weight > 0 ? (w->figures[i].s + one * weight) / (w->figures[i].m + weight) : 1;
	return fmax(fit, one > 0 ? one : 1);
}

static double decay_of_day(const struct watch_settings *s)
{
	return exp2(-(double)WATCH_PANES_DAY * WATCH_PANE_MS / (double)s->half_life_ms);
}

static void learn_pane(const struct watch_settings *s, struct watch *w, int64_t pane, const double x[WATCH_SERIES])
{
	const double hours = 1. / WATCH_PANES_HOUR;
	const struct figure *f = figures_of(w);
	struct watch_hour *h = &w->hours[hour_of(pane)];
	for (int i = 0; i < n_figures(w); i++) {
		double mu = h->hours >= 1 ? rate(w, &f[i], hour_of(pane)) * (f[i].n == TIME ? hours : x[f[i].n]) : NAN;
		if (mu >= 0) {
			w->figures[i].s += (x[f[i].k] - mu) * (x[f[i].k] - mu);
			w->figures[i].m += mu;
		}
	}
	h->hours += hours;
	for (int i = 0; i < WATCH_SERIES; i++) {
		h->x[i] += x[i];
		w->some |= (uint8_t)((x[i] > 0) << i);
		w->calm = x[i] > 0 ? 0 : w->calm;
	}
	if (++w->learnt % WATCH_PANES_DAY)
		return;
	double decay = decay_of_day(s);
	for (int j = 0; j < 24; j++) {
		w->hours[j].hours *= decay;
		for (int i = 0; i < WATCH_SERIES; i++)
			w->hours[j].x[i] *= decay;
	}
	for (int i = 0; i < WATCH_FIGURES; i++) {
		w->figures[i].s *= decay;
		w->figures[i].m *= decay;
	}
}

/* Learns, or while an alert stands leaves out, the panes below `below`, and forgets them. */
static void learn(const struct watch_settings *s, struct watch *w, struct pool *pool, int64_t below)
{
	int64_t frozen = 0;
	bool raised = false;
	for (int i = 0; i < WATCH_FIGURES; i++) {
		raised |= w->figures[i].raised;
		frozen = w->figures[i].frozen > frozen ? w->figures[i].frozen : frozen;
	}
	if (!raised && w->next < frozen)
		w->next = frozen;
	for (; !raised && w->next < below; w->next++) {
		if (is_lost(w, w->next))
			continue;
		double x[WATCH_SERIES] = { 0 };
		if (w->panes.n && w->panes.rows[0].pane <= w->next) { /* most panes of a replayed history are empty */
			uint32_t at = ledger_first(&w->panes, (int32_t)(w->next + 1));
			series_of(w, w->next, &at, x);
		}
		learn_pane(s, w, w->next, x);
	}
	if (w->next < below)
		w->next = below;
	ledger_drop_before(&w->panes, pool, (int32_t)below);
}

static void begin(struct watch *w, int64_t pane)
{
	memset(w->hours, 0, sizeof(w->hours));
	for (int i = 0; i < WATCH_FIGURES; i++)
		w->figures[i].s = w->figures[i].m = 0;
	w->next = pane;
	w->learnt = w->calm = 0;
	w->some = 0;
}

/* The main currency: the one with the most revenue of what is kept up to now; another takes over only when it has none there. */
static void choose_currency(struct watch *w)
{
	const struct ledger_row *best = NULL;
	for (uint32_t i = 0; i < w->panes.n && w->panes.rows[i].pane <= w->judged; i++) {
		const struct ledger_row *r = &w->panes.rows[i];
		if (r->currency && r->currency == w->currency)
			return;
		if (r->currency && (!best || r->columns[COLUMN_REVENUE] + r->columns[COLUMN_ATTRIBUTED_REVENUE] > best->columns[COLUMN_REVENUE] + best->columns[COLUMN_ATTRIBUTED_REVENUE]))
			best = r;
	}
	if (!best)
		return;
	w->currency = best->currency;
	for (int h = 0; h < 24; h++)
		w->hours[h].x[REVENUE] = 0;
}

/* ---- judging ---- */

struct seen {
	double k, n, mu, support; /* support: events of the history of the hours in it */
};

/* A silence that is none in some window is none in a longer one, and where nothing ever came nothing is missed. */
static bool no_more_of(const struct watch *w, const struct figure *f, int i, const struct seen *sum)
{
	bool ever = false;
	if (!silence(f->kind) || w->figures[i].raised)
		return false;
	for (int h = 0; h < 24 && !ever; h++)
		ever = w->hours[h].x[f->k] > 0;
	return sum->k > 0 || !ever;
}

/* Panes up to `pane` without a record of input i; the longest window's at most. */
static int64_t silent_panes(const struct watch_settings *s, const struct watch *w, int64_t pane, int i)
{
	for (uint32_t at = ledger_first(&w->panes, (int32_t)(pane + 1)); at && w->panes.rows[at - 1].pane > pane - longest(s); at--)
		if (w->panes.rows[at - 1].columns[i] > 0)
			return pane - w->panes.rows[at - 1].pane;
	return longest(s);
}

/* Records of input i that were to be expected in the last `panes` panes, as rates are now. */
static double expected(const struct watch *w, int64_t pane, int64_t panes, int i)
{
	double by_hour[24], day = 0, rest = 0;
	for (int h = 0; h < 24; h++) {
		by_hour[h] = w->hours[h].hours > 0 ? w->hours[h].x[i] / w->hours[h].hours : 0;
		day += by_hour[h];
	}
	for (int64_t q = pane - panes % WATCH_PANES_DAY; q < pane; q++)
		rest += by_hour[hour_of(q + 1)];
	return (double)(panes / WATCH_PANES_DAY) * day + rest / WATCH_PANES_HOUR;
}

/* Panes from `pane` on, a day's at most, in which `events` that were to be expected up to now do not reach LEAST_EXCESS of the dispersion, while nothing comes: at most `most`
 * come to them in each, for rates do not rise (ALMOST: but for what rounding does); the dispersion is 1 at least, and loses in each at most the share that s / (m + weight)
 * does, and once or twice the decay of a day. */
static double calm_panes(const struct watch_settings *s, const struct watch *w, int i, double events, double most)
{
	const double decay = decay_of_day(s) * decay_of_day(s);
	double left = LEAST_EXCESS * ALMOST - events, phi = dispersion(w, &figures_of(w)[i], i) * decay, share = most / (w->figures[i].m * decay + FIT_EVENTS);
	double by_phi = (LEAST_EXCESS * ALMOST * phi - events) / (most + LEAST_EXCESS * phi * share);
	return fmin(fmax(left / most, by_phi), WATCH_PANES_DAY);
}

/* Of inputs: none stands, and what each has been silent for would not be LEAST_EXCESS. Then, or when not even the longest window would be, by day or by night, it is so for some
 * panes more. */
static bool no_silence_can_be(const struct watch_settings *s, struct watch *w, int64_t pane)
{
	double calm = WATCH_PANES_DAY;
	if (pane < w->calm)
		return true;
	for (int i = 0; i < n_figures(w); i++) {
		double most = 0;
		int k = figures_of(w)[i].k;
		if (w->figures[i].raised || !w->inputs)
			return false;
		if (!(w->some >> k & 1)) /* nothing is missed */
			continue;
		for (int h = 0; h < 24; h++)
			if (w->hours[h].x[k] > most * w->hours[h].hours)
				most = w->hours[h].x[k] / w->hours[h].hours;
		most /= WATCH_PANES_HOUR;
		if (most * (double)longest(s) < LEAST_EXCESS * ALMOST)
			continue;
		int64_t silent = silent_panes(s, w, pane, k);
		double events = fmin(most * (double)silent, expected(w, pane, silent, k));
		if (events >= LEAST_EXCESS * ALMOST * dispersion(w, &figures_of(w)[i], i))
			return false;
		calm = fmin(calm, calm_panes(s, w, i, events, most));
	}
	w->calm = pane + 1 + (int64_t)calm;
	return true;
}

static void look(const struct watch_settings *s, const struct watch *w, int64_t pane, struct seen seen[WATCH_WINDOWS_MAX][WATCH_FIGURES])
{
	const struct figure *f = figures_of(w);
	double rates[WATCH_FIGURES][24], x[WATCH_SERIES];
	uint32_t hours[WATCH_FIGURES] = { 0 }, rated = 0, at = ledger_first(&w->panes, (int32_t)(pane + 1));
	struct seen sum[WATCH_FIGURES] = { { 0 } };
	int span = 0;
	for (int64_t q = pane; q > pane - longest(s); q--) {
		int h = hour_of(q);
		series_of(w, q, &at, x);
		for (int i = 0; i < n_figures(w); i++) {
			if (!(rated >> h & 1))
				rates[i][h] = rate(w, &f[i], h);
			double n = f[i].n == TIME ? 1. / WATCH_PANES_HOUR : x[f[i].n];
			if (q < w->figures[i].frozen || q < w->next || is_lost(w, q) || isnan(rates[i][h]))
				continue;
			sum[i].k += x[f[i].k];
			sum[i].n += f[i].n == TIME ? 0 : n;
			sum[i].mu += n * rates[i][h];
			if (!(hours[i] >> h & 1))
				sum[i].support += w->hours[h].x[f[i].k];
			hours[i] |= 1u << h;
		}
		rated |= 1u << h;
		if (pane - q + 1 != s->spans[span])
			continue;
		memcpy(seen[span++], sum, sizeof(sum));
		int over = 0;
		while (over < n_figures(w) && no_more_of(w, &f[over], over, &sum[over]))
			over++;
		if (over == n_figures(w))
			break;
	}
	for (; span < s->n_spans; span++)
		memcpy(seen[span], sum, sizeof(sum));
}

/* P(X <= k), or P(X >= k) when `up`. */
static double tail(const struct watch_settings *s, const struct figure *f, const struct seen *x, double phi, bool up)
{
	double spread = f->n == TIME ? s->spread_amounts : s->spread_rates, mu = x->mu / phi, k = x->k / phi;
	if (mu <= 0 || x->support <= 0)
		return 1;
	double r = 1 / (spread * spread + phi / x->support), q = r / (r + mu);
	return up ? (k > 0 ? beta_tail(q, r, k) : 1) : beta_tail(1 - q, k + 1, r);
}

/* ln of how many times likelier the count is with mu than with mu factor. */
static double likelier(const struct seen *x, double phi, double factor)
{
	double mu = x->mu / phi, k = x->k / phi, r = x->support / phi; /* what days differ by is USUAL's matter: with it no count, however great, could tell near factors apart */
	if (mu <= 0 || x->support <= 0)
		return 0;
	return (k + r) * log((r + mu * factor) / (r + mu)) - k * log(factor);
}

static double factor_of(const struct seen *x, double phi)
{
	double a = x->k / phi + .5, b = x->mu / phi + .5;
	return a > b ? a / b : b / a;
}

static void send(struct watch *w, struct item_ctx *ctx, int i, int64_t pane, int64_t span, const struct seen *x, double p_value, double factor, bool accepted)
{
	const struct watch_figure *g = &w->figures[i];
	if (ctx->silent)
		return;
	watch_alert(ctx, &(struct watch_transition){
				 .kind = figures_of(w)[i].kind,
				 .input = i,
				 .raised = g->raised,
				 .up = g->up,
				 .accepted = accepted,
				 .level = g->level,
				 .raised_pane = g->raised_pane,
				 .pane = pane,
				 .span = span,
				 .currency = w->currency,
				 .evidence = { x->k, x->n, x->mu, p_value, factor, (double)w->learnt / WATCH_PANES_DAY },
			 });
}

static void resolve(const struct watch_settings *s, struct watch *w, struct item_ctx *ctx, int i, int64_t pane, int span, const struct seen *x, double p_value, double phi, bool accepted)
{
	struct watch_figure *g = &w->figures[i];
	g->raised = g->calm = 0;
	g->frozen = pane + 1;
	g->cool = pane + 1 + panes_in(s->cool_down_ms);
	send(w, ctx, i, pane, s->spans[span], x, p_value, factor_of(x, phi), accepted);
}

/* The window that is furthest beyond its alpha, on either side; -1: none. */
static int worst(const struct watch_settings *s, const struct figure *f, const struct seen seen[WATCH_WINDOWS_MAX][WATCH_FIGURES], int i, double phi, bool *ret_up, double *ret_p)
{
	int found = -1;
	double least = 1;
	for (int v = 0; v < s->n_spans; v++) {
		const struct seen *x = &seen[v][i];
		bool up = x->k > x->mu;
		if (!(fabs(x->k - x->mu) >= LEAST_EXCESS * phi) || (silence(f->kind) && x->k > 0) || (up && f->n == TIME && x->mu < LEAST_RISEN * phi))
			continue;
		double p = tail(s, f, x, phi, up);
		if (!(p < s->alphas[v]) || !(p / s->alphas[v] < least))
			continue;
		least = p / s->alphas[v];
		found = v;
		*ret_up = up;
		*ret_p = p;
	}
	while (found > 0 && !(seen[found - 1][i].mu < seen[found][i].mu) && !(seen[found - 1][i].k < seen[found][i].k))
		found--; /* the shortest that holds the same */
	return found;
}

static uint8_t level_of(enum watch_kind kind, double factor)
{
	if (silence(kind))
		return kind == WATCH_INPUT ? SEVERITY_HIGH : SEVERITY_MEDIUM;
	return factor >= 4 ? SEVERITY_HIGH : factor >= 2 ? SEVERITY_MEDIUM
							 : SEVERITY_LOW;
}

/* The shortest window that is as long. */
static int first_span(const struct watch_settings *s, int64_t span)
{
	int v = 0;
	while (v < s->n_spans - 1 && s->spans[v] < span)
		v++;
	return v;
}

/* Of a figure: the count is usual, and it is enough to tell usual from what raised; from half way to that, whose factor, having raised, is rather too great than too
 * small. */
static bool is_over(const struct watch_settings *s, const struct figure *f, const struct watch_figure *g, const struct seen *x, double phi, double *ret_p)
{
	*ret_p = tail(s, f, x, phi, g->up);
	if (silence(f->kind))
		return x->k > 0;
	return *ret_p > USUAL && likelier(x, phi, pow(g->factor, g->up ? .5 : -.5)) > log(TIMES_LIKELIER);
}

static void judge_raised(const struct watch_settings *s, struct watch *w, struct item_ctx *ctx, int i, int64_t pane, const struct seen seen[WATCH_WINDOWS_MAX][WATCH_FIGURES], double phi)
{
	const struct figure *f = &figures_of(w)[i];
	struct watch_figure *g = &w->figures[i];
	double p = 1;
	int v = first_span(s, g->raised_span), end = v + 1;
	while (end < s->n_spans && !silence(f->kind) && s->spans[end] <= pane - g->raised_pane)
		end++; /* longer ones that hold nothing of before */
	while (v < end && !is_over(s, f, g, &seen[v][i], phi, &p))
		v++;
	g->calm = v < end ? g->calm + 1 : 0;
	if (g->calm >= (silence(f->kind) ? 1 : EVALUATIONS_TO_RESOLVE)) {
		resolve(s, w, ctx, i, pane, v, &seen[v][i], p, phi, false);
		return;
	}
	bool up = false;
	v = silence(f->kind) ? -1 : worst(s, f, seen, i, phi, &up, &p);
	if (v < 0 || up != g->up)
		return;
	double factor = factor_of(&seen[v][i], phi);
	if (level_of(f->kind, factor) <= g->level)
		return;
	g->level = level_of(f->kind, factor);
	g->factor = factor;
	send(w, ctx, i, pane, s->spans[v], &seen[v][i], p, factor, false);
}

static void judge_figure(const struct watch_settings *s, struct watch *w, struct item_ctx *ctx, int i, int64_t pane, const struct seen seen[WATCH_WINDOWS_MAX][WATCH_FIGURES])
{
	const struct figure *f = &figures_of(w)[i];
	struct watch_figure *g = &w->figures[i];
	double phi = dispersion(w, f, i), p = 1;
	if (g->raised) {
		judge_raised(s, w, ctx, i, pane, seen, phi);
		return;
	}
	bool up = false;
	int v = worst(s, f, seen, i, phi, &up, &p);
	if (v < 0)
		return;
	double factor = factor_of(&seen[v][i], phi);
	if (pane < g->cool && factor < 2 * g->factor)
		return;
	g->raised = 1;
	g->calm = 0;
	g->up = up;
	g->factor = factor;
	g->level = level_of(f->kind, factor);
	g->raised_pane = pane;
	g->raised_span = s->spans[v];
	send(w, ctx, i, pane, s->spans[v], &seen[v][i], p, factor, false);
}

/* No traffic for so long, and none was missed: it is watched again from its next event on, and costs nothing until then. */
static bool forget(const struct watch_settings *s, struct watch *w, int64_t pane)
{
	bool raised = false;
	for (int i = 0; i < WATCH_FIGURES; i++)
		raised |= w->figures[i].raised;
	if (raised || w->inputs || pane - w->seen < panes_in(s->accept_ms))
		return false;
	w->on = false;
	begin(w, pane + 1);
	return true;
}

/* What has stood for so long is how things are. True: history begins anew. */
static bool accept(const struct watch_settings *s, struct watch *w, struct item_ctx *ctx, int64_t pane, const struct seen seen[WATCH_WINDOWS_MAX][WATCH_FIGURES])
{
	bool accepted = false, silent = false;
	for (int i = 0; i < n_figures(w); i++)
		if (w->figures[i].raised && pane - w->figures[i].raised_pane >= panes_in(s->accept_ms) && figures_of(w)[i].kind != WATCH_INPUT) {
			accepted = true;
			silent |= silence(figures_of(w)[i].kind);
		}
	if (!accepted)
		return false;
	for (int i = 0; i < n_figures(w); i++) {
		int v = first_span(s, w->figures[i].raised_span);
		if (w->figures[i].raised)
			resolve(s, w, ctx, i, pane, v, &seen[v][i], 1, dispersion(w, &figures_of(w)[i], i), true);
	}
	begin(w, pane + 1);
	w->on = !silent;
	return true;
}

static void judge(const struct watch_settings *s, struct watch *w, struct item_ctx *ctx, int64_t pane)
{
	struct seen seen[WATCH_WINDOWS_MAX][WATCH_FIGURES];
	if (pane >= w->coming) {
		uint32_t row = ledger_first(&w->panes, (int32_t)pane);
		bool now = row < w->panes.n && w->panes.rows[row].pane == pane;
		w->seen = now && pane > w->seen ? pane : w->seen;
		row += now;
		w->coming = row < w->panes.n ? w->panes.rows[row].pane : INT64_MAX;
	}
	if (is_lost(w, pane) && pane > w->seen)
		w->seen = pane;
	learn(s, w, ctx->pool, pane - longest(s) + 1);
	if (forget(s, w, pane))
		return;
	if (w->learnt < s->days * WATCH_PANES_DAY || no_silence_can_be(s, w, pane))
		return;
	look(s, w, pane, seen);
	if (accept(s, w, ctx, pane, seen))
		return;
	for (int i = 0; i < n_figures(w); i++)
		judge_figure(s, w, ctx, i, pane, seen);
}

/* ---- time ---- */

static void start(struct watch *w, int64_t pane)
{
	w->on = true;
	w->judged = w->seen = pane;
	begin(w, pane);
}

/* What comes after the silence may be here already. */
static void wake(struct watch *w)
{
	uint32_t row = ledger_first(&w->panes, (int32_t)w->judged);
	if (row < w->panes.n)
		start(w, w->panes.rows[row].pane);
}

void watch_advance(const struct watch_settings *s, struct watch *w, struct item_ctx *ctx)
{
	if (ctx->watermark < 0 || !w->on)
		return;
	for (int64_t over = ctx->watermark / WATCH_PANE_MS; w->on && w->judged < over;) {
		if (w->judged % WATCH_PANES_HOUR == 0 && !w->inputs)
			choose_currency(w);
		judge(s, w, ctx, w->judged++);
		if (!w->on)
			wake(w);
	}
}

/* More than that wait for the watermark, as when a history comes in one interval: alerts leave out the pane rather than take it for an empty one. */
static bool no_room(struct watch *w, int64_t pane, symbol_t currency)
{
	if (w->panes.n < WATCH_ROWS_MAX)
		return false;
	for (uint32_t i = ledger_first(&w->panes, (int32_t)pane); i < w->panes.n && w->panes.rows[i].pane == pane; i++)
		if (w->panes.rows[i].currency == currency)
			return false;
	int32_t last = w->panes.rows[w->panes.n - 1].pane;
	bool goes = pane >= last; /* else the last row does: in whatever order they come, the earliest stay */
	int64_t gone = goes ? pane : last;
	if (w->lost_end <= w->next)
		w->lost = w->lost_end = gone;
	w->lost = gone < w->lost ? gone : w->lost;
	w->lost_end = gone >= w->lost_end ? gone + 1 : w->lost_end;
	w->panes.n -= !goes;
	return goes;
}

bool watch_count(const struct watch_settings *s, struct watch *w, struct item_ctx *ctx, int64_t ts, symbol_t currency, int column, int64_t amount)
{
	int64_t pane = ts / WATCH_PANE_MS, over = ctx->watermark < 0 ? 0 : ctx->watermark / WATCH_PANE_MS;
	if (!(s->alpha > 0) || ts < 0)
		return true;
	if (!w->on)
		start(w, over > pane ? over : pane);
	else if (pane >= over && pane < w->judged && w->next == w->judged)
		start(w, pane); /* what came first was not the earliest */
	w->inputs = ctx->key.kind == KEY_ALL;
	if (pane < w->next)
		return false;
	if (pane < w->judged && pane > w->seen)
		w->seen = pane;
	if (no_room(w, pane, currency))
		return false;
	ledger_add(ledger_row(&w->panes, ctx->symbols, ctx->pool, (int32_t)pane, currency, UINT32_MAX), column, amount);
	w->coming = pane < w->coming ? pane : w->coming;
	return true;
}

int64_t watch_due_at(const struct watch *w)
{
	return w->on ? (w->judged + 1) * WATCH_PANE_MS : INT64_MAX;
}

/* ---- state ---- */

void watch_save(const struct watch *w, const struct symbols *symbols, struct buf *to)
{
	bool begun = w->judged || w->on; /* pane 0 is the first quarter of an hour of 1970 */
	buf_u8(to, (uint8_t)(w->on | w->inputs << 1 | (begun ? 4 : 0)));
	if (!begun)
		return;
	ledger_save(&w->panes, symbols, to);
	buf_varint(to, (uint64_t)w->judged);
	buf_varint(to, (uint64_t)w->next);
	buf_varint(to, (uint64_t)w->learnt);
	buf_varint(to, (uint64_t)w->seen);
	buf_varint(to, (uint64_t)w->lost);
	buf_varint(to, (uint64_t)w->lost_end);
	buf_text(to, symbols_text(symbols, w->currency));
	for (int h = 0; h < 24; h++) {
		buf_double(to, w->hours[h].hours);
		for (int i = 0; i < WATCH_SERIES; i++)
			buf_double(to, w->hours[h].x[i]);
	}
	for (int i = 0; i < WATCH_FIGURES; i++) {
		const struct watch_figure *g = &w->figures[i];
		buf_double(to, g->s);
		buf_double(to, g->m);
		buf_double(to, g->factor);
		const int64_t panes[] = { g->frozen, g->cool, g->raised_pane, g->raised_span };
		for (int j = 0; j < 4; j++)
			buf_varint(to, (uint64_t)panes[j]);
		buf_u8(to, (uint8_t)(g->raised | g->up << 1 | g->level << 2 | g->calm << 4));
	}
}

static bool sane(int64_t pane)
{
	return pane >= 0 && pane < INT32_MAX;
}

int watch_load(struct watch *w, uint16_t version, struct reader *from, struct symbols *symbols, struct pool *pool)
{
	uint8_t flags = reader_u8(from);
	w->on = flags & 1;
	w->inputs = flags >> 1 & 1;
	if (from->bad || flags > 7)
		return -EBADMSG;
	if (!(flags & 4)) {
		w->on = false; /* a version before wrote nothing more of one in pane 0 */
		return 0;
	}
	if (ledger_load(&w->panes, from, symbols, pool) < 0)
		return -EBADMSG;
	w->judged = (int64_t)reader_varint(from);
	w->next = (int64_t)reader_varint(from);
	w->learnt = (int64_t)reader_varint(from);
	w->seen = (int64_t)reader_varint(from);
	if (version > 1) {
		w->lost = (int64_t)reader_varint(from);
		w->lost_end = (int64_t)reader_varint(from);
	}
	w->currency = symbols_intern(symbols, reader_text(from));
	for (int h = 0; h < 24; h++) {
		w->hours[h].hours = reader_double(from);
		for (int i = 0; i < WATCH_SERIES; i++) {
			w->hours[h].x[i] = reader_double(from);
			w->some |= (uint8_t)((w->hours[h].x[i] > 0) << i);
		}
	}
	for (int i = 0; i < WATCH_FIGURES; i++) {
		struct watch_figure *g = &w->figures[i];
		g->s = reader_double(from);
		g->m = reader_double(from);
		g->factor = reader_double(from);
		int64_t *const panes[] = { &g->frozen, &g->cool, &g->raised_pane, &g->raised_span };
		for (int j = 0; j < 4; j++) {
			*panes[j] = (int64_t)reader_varint(from);
			if (!sane(*panes[j]))
				return -EBADMSG;
		}
		uint8_t packed = reader_u8(from);
		g->raised = packed & 1;
		g->up = packed >> 1 & 1;
		g->level = packed >> 2 & 3;
		g->calm = packed >> 4;
		if (g->level > SEVERITY_HIGH)
			return -EBADMSG;
	}
	bool near = w->next >= w->judged - WATCH_SPAN_MAX - 1 && w->next <= w->judged + 1; /* what is to be learnt is at most a window */
	return from->bad || !sane(w->judged) || !sane(w->learnt) || !sane(w->seen) || !sane(w->lost) || !sane(w->lost_end) || w->next < 0 || !near ? -EBADMSG : 0;
}

void watch_done(struct watch *w, struct pool *pool)
{
	ledger_done(&w->panes, pool);
}

void watch_mark(const struct watch *w, struct symbols *symbols)
{
	ledger_mark(&w->panes, symbols);
	symbols_mark(symbols, w->currency);
}
