/* How often a spike alert is false, how many spikes are found, and how soon: a simulated shop through the very processor that runs in
 * the daemon (processors/spike.c), judged pane by pane as there.
 *
 *   bench_spike [section.option=value ...]     options of [spike]; GLINT_BENCH_SEED, GLINT_BENCH_ITEMS, GLINT_BENCH_ONLY=busy|drift|spike
 *
 * ALGORITHMS E2: reviews a day lognormal, median 1.35, sigma 1.5; share of negative ones p ~ Beta(2, 18); for QUIET_DAYS nothing happens, then
 * for 14 days p is min(.8, 3 p + .1), beginning at any hour. Reviews come as a Poisson process. Printed by class of volume: false alarms per
 * 1,000 item-days of the quiet time (its first days included, when nothing is known yet), the share of spikes with an alert within 14 days, and the mean
 * time from the spike's beginning to the alert; and the mean of the whole days of it, which is what E2 counts: it judges once a day and counts the days before the one
 * of the alert. (Its own detector, run here with [spike] pane=1d windows="1d 3d 7d" alpha=.0003, is found to need 1.3 d more than E2 says.) An item whose false alert stands when its spike begins is left
 * out of the latter two. Besides: busy items alone, and a slow drift. The default seed was not used when the defaults of [spike] were chosen.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/config/option.h"
#include "processors/spike_item.h"

enum { QUIET_DAYS = 120,
	VOLUMES = 4,
	DELAYS_MAX = 1 << 16 };
static const double sigma = 1.5, median = 1.35;
static const int64_t day_ms = 86400000, start_ms = INT64_C(19676) * 86400000;

/* ---- chance ---- */

static uint64_t random_state;

static double uniform(void) /* 0..1, SplitMix64 */
{
	uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return ((double)((z ^ z >> 31) >> 11) + .5) / 9007199254740992.;
}

static double normal(void)
{
	double r = sqrt(-2 * log(uniform()));
	return r * cos(6.283185307179586 * uniform());
}

static double beta_2_18(void) /* the second least of 19 uniforms */
{
	double a = 1, b = 1;
	for (int i = 0; i < 19; i++) {
		double u = uniform();
		if (u < a)
			b = a, a = u;
		else if (u < b)
			b = u;
	}
	return b;
}

/* ---- one item through the processor ---- */

struct item {
	const void *settings;
	void *block;
	struct item_ctx ctx;
	struct buf alerts;
	uint64_t drops[8];
};

static void item_count(struct item *x, int64_t pane, uint8_t metric, int64_t n)
{
	struct delta d = { .metric = metric, .merge = MERGE_SUM, .pane = (int32_t)pane, .amount = n };
	if (n)
		processors[P_SPIKE]->delta(x->settings, &x->ctx, x->block, &d);
}

static void item_time(struct item *x, int64_t watermark)
{
	x->ctx.watermark = watermark;
	if (processors[P_SPIKE]->due_at(x->settings, x->block) <= watermark)
		processors[P_SPIKE]->due(x->settings, &x->ctx, x->block);
}

struct raised {
	bool stands;
	int fresh;     /* raised since the last look, not counting one said again */
	int64_t first; /* event time of the first of them */
};

static struct raised item_alerts(struct item *x, bool stood)
{
	struct raised found = { .stands = stood };
	struct reader r = reader_of(x->alerts.data, x->alerts.size);
	while (reader_left(&r)) {
		struct text t = reader_text(&r);
		char json[16384];
		snprintf(json, sizeof(json), "%.*s", (int)t.size, t.data);
		bool raised = strstr(json, "\"state\":\"raised\"") != NULL;
		if (raised && !found.stands && !found.fresh++)
			found.first = strtoll(strstr(json, "\"ts\":") + 5, NULL, 10);
		found.stands = raised;
	}
	buf_clear(&x->alerts);
	return found;
}

struct volume {
	const char *name;
	double least, below; /* reviews a day */
	int64_t items, false_alarms, spikes, found;
	double *delays; /* days */
};

struct scenario {
	const char *what;
	double least;           /* items with fewer reviews a day are drawn again */
	double factor, step;    /* p becomes min(.8, factor p + step) ... */
	double ramp_days, days; /* ... within so many days; looked for over so many */
};

static void simulate(struct item *x, const struct scenario *how, struct volume *volumes, int64_t pane_ms)
{
	double rate, p = beta_2_18(), spike_p = fmin(.8, how->factor * p + how->step);
	do
		rate = median * exp(sigma * normal());
	while (rate < how->least);
	int64_t spike_at = start_ms + QUIET_DAYS * day_ms + (int64_t)(uniform() * (double)day_ms), end = spike_at + (int64_t)(how->days * (double)day_ms);
	int64_t pane = start_ms / pane_ms, n = 0, k = 0;
	struct raised quiet = { 0 };
	bool began = false, stood = false;
	for (double t = (double)start_ms;;) {
		t -= log(uniform()) / rate * (double)day_ms;
		int64_t ts = t < (double)end ? (int64_t)t : end;
		if (!began && ts >= spike_at) {
			item_count(x, pane, SPIKE_COUNTED, n);
			item_count(x, pane, SPIKE_NEGATIVE, k);
			n = k = 0;
			item_time(x, spike_at / pane_ms * pane_ms);
			quiet = item_alerts(x, false);
			stood = quiet.stands;
			began = true;
		}
		if (ts / pane_ms != pane) {
			item_count(x, pane, SPIKE_COUNTED, n);
			item_count(x, pane, SPIKE_NEGATIVE, k);
			n = k = 0;
			pane = ts / pane_ms;
			item_time(x, pane * pane_ms);
		}
		if (ts == end)
			break;
		double risen = (t - (double)spike_at) / (double)day_ms / how->ramp_days;
		n++;
		k += uniform() < p + (began ? fmin(risen, 1) * (spike_p - p) : 0);
	}
	struct raised spike = item_alerts(x, stood);
	for (int c = 0; c < VOLUMES; c++) {
		struct volume *v = &volumes[c];
		if (rate < v->least || rate >= v->below)
			continue;
		v->items++;
		v->false_alarms += quiet.fresh;
		v->spikes += !stood;
		if (!stood && spike.fresh && v->found < DELAYS_MAX)
			v->delays[v->found++] = (double)(spike.first - spike_at) / (double)day_ms;
	}
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static int set_options(const struct processor *p, void *settings, int argc, char **argv)
{
	char error[OPTION_ERROR_BYTES] = "";
	if (option_set_defaults(p->options, p->n_options, settings, p->settings_size, error, sizeof(error)) < 0)
		return fprintf(stderr, "%s\n", error);
	for (int i = 1; i < argc; i++) {
		const struct option *o = NULL;
		const char *equals = strchr(argv[i], '=');
		for (size_t j = 0; equals && j < p->n_options; j++)
			if (!strncmp(argv[i], "spike.", 6) && strlen(p->options[j].name) == (size_t)(equals - argv[i] - 6) &&
				!strncmp(argv[i] + 6, p->options[j].name, (size_t)(equals - argv[i] - 6)))
				o = &p->options[j];
		if (!o)
			return fprintf(stderr, "%s: no option of [spike]\n", argv[i]);
		if (option_set(o, settings, equals + 1, false, &(struct option_folders){ NULL }, error, sizeof(error)) < 0)
			return fprintf(stderr, "%s: %s\n", argv[i], error);
	}
	return p->setup && p->setup(settings, error, sizeof(error)) < 0 ? fprintf(stderr, "%s\n", error) : 0;
}

static void report(const struct volume *v, double days)
{
	double sum = 0, whole = 0, item_days = (double)v->items * QUIET_DAYS;
	for (int64_t i = 0; i < v->found; i++) {
		sum += v->delays[i];
		whole += floor(v->delays[i]);
	}
	qsort(v->delays, (size_t)v->found, sizeof(double), ascending);
	double mean = v->found ? sum / (double)v->found : NAN, half = v->found ? v->delays[v->found / 2] : NAN;
	printf("%-9s %5lld  %25.3f  %7.1f %% in %3.0f d  %6.2f d = %6.1f h  %6.2f d = %6.1f h  %5.2f\n", v->name, (long long)v->items,
		1000. * (double)v->false_alarms / item_days, v->spikes ? 100. * (double)v->found / (double)v->spikes : NAN, days, mean, 24 * mean, half, 24 * half, whole / (double)v->found);
}

static void run(const struct processor *p, const void *settings, const struct scenario *how, int64_t n)
{
	struct volume volumes[] = { { .name = "< 1/d", .below = 1 }, { .name = "1-5/d", .least = 1, .below = 5 }, { .name = ">= 5/d", .least = 5, .below = INFINITY }, { .name = ">= 100/d", .least = 100, .below = INFINITY } };
	struct symbols *symbols = symbols_create();
	struct item x = { .settings = settings };
	x.ctx = (struct item_ctx){ .key = { KEY_ITEM, symbols_intern(symbols, TEXT("B1")) }, .symbols = symbols, .drops = x.drops, .alerts = &x.alerts };
	for (int c = 0; c < VOLUMES; c++)
		volumes[c].delays = malloc(DELAYS_MAX * sizeof(double));
	for (int64_t i = 0; i < n; i++) {
		x.ctx.pool = pool_create();
		x.ctx.watermark = INT64_MIN;
		x.block = pool_alloc(x.ctx.pool, p->item.size);
		simulate(&x, how, volumes, ((const struct spike_settings *)settings)->pane_ms);
		p->item.done(x.block, x.ctx.pool);
		pool_destroy(x.ctx.pool);
	}
	printf("%s: %lld items\nreviews   items  false per 1,000 item-days       found         mean delay            median delay  whole days\n", how->what, (long long)n);
	for (int c = 0; c < VOLUMES; c++) {
		if (volumes[c].items)
			report(&volumes[c], how->days);
		free(volumes[c].delays);
	}
	buf_done(&x.alerts);
	symbols_destroy(symbols);
}

int main(int argc, char **argv)
{
	const struct processor *p = processors[P_SPIKE];
	const char *seed = getenv("GLINT_BENCH_SEED"), *items = getenv("GLINT_BENCH_ITEMS"), *only = getenv("GLINT_BENCH_ONLY");
	int64_t n = items ? atoll(items) : 24000; /* E2's 6,000 four times, for less noise */
	void *settings = calloc(1, p->settings_size);
	if (!settings || set_options(p, settings, argc, argv))
		return 64;
	const struct scenario scenarios[] = {
		{ "busy: such items alone", 100, 3, .1, 1e-9, 14 },
		{ "drift: p rises to 2 p + .05 within 60 days", 0, 2, .05, 60, 120 },
		{ "spike: ALGORITHMS E2", 0, 3, .1, 1e-9, 14 },
	};
	for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
		random_state = seed ? strtoull(seed, NULL, 10) : 2026;
		if (!only || !strncmp(only, scenarios[i].what, strlen(only)))
			run(p, settings, &scenarios[i], i == 2 ? n : i == 1 ? n / 12
									    : n / 80);
	}
	option_free(p->options, p->n_options, settings);
	free(settings);
	return 0;
}
