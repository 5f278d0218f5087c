/* How often a spike alert is false, how many spikes are found, and how soon: a simulated shop through the very processor that runs in
 * the daemon (processors/spike.c), judged pane by pane as there.
 *
 *   bench_spike [section.option=value ...]     options of [spike]; GLINT_BENCH_SEED, GLINT_BENCH_ITEMS
 *
 * ALGORITHMS E2: 6,000 items; reviews a day lognormal, median 1.35, sigma 1.5; share of negative ones p ~ Beta(2, 18); for QUIET_DAYS nothing happens, then
 * for 14 days p becomes min(.8, 3 p + .1), beginning at any hour. Reviews come as a Poisson process. Printed by class of volume: false alarms per 1,000
 * item-days of the quiet time (its first days included, when nothing is known yet), the share of spikes with an alert within 14 days, and the mean time until then. An item whose
 * (false) alert stands when its spike begins is left out of the latter. The default seed was not used when the defaults of [spike] were chosen.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/config/option.h"
#include "processors/spike.h"

enum { METRIC_COUNTED,
	METRIC_NEGATIVE }; /* as spike.c numbers its deltas */
enum { QUIET_DAYS = 120,
	SPIKE_DAYS = 14,
	CLASSES = 4,
	DELAYS_MAX = 1 << 16 };
static const double sigma = 1.5, median = 1.35;
static const int64_t hour_ms = 3600000, day_ms = 86400000, start_ms = INT64_C(19676) * 86400000;

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

struct class
{
	const char *name;
	double least;
	int64_t items, false_alarms, spikes, found;
	double *delays; /* days */
};

static void simulate(struct item *x, struct class *classes, int64_t pane_ms)
{
	double rate = median * exp(sigma * normal()), p = beta_2_18(), spike_p = fmin(.8, 3 * p + .1);
	int64_t spike_at = start_ms + QUIET_DAYS * day_ms + (int64_t)(uniform() * (double)day_ms), end = spike_at + SPIKE_DAYS * day_ms;
	int64_t pane = start_ms / pane_ms, n = 0, k = 0;
	struct raised quiet = { 0 };
	bool began = false, stood = false;
	for (double t = (double)start_ms;;) {
		t -= log(uniform()) / rate * (double)day_ms;
		int64_t ts = t < (double)end ? (int64_t)t : end;
		if (!began && ts >= spike_at) {
			item_count(x, pane, METRIC_COUNTED, n);
			item_count(x, pane, METRIC_NEGATIVE, k);
			n = k = 0;
			item_time(x, spike_at / pane_ms * pane_ms);
			quiet = item_alerts(x, false);
			stood = quiet.stands;
			began = true;
		}
		if (ts / pane_ms != pane) {
			item_count(x, pane, METRIC_COUNTED, n);
			item_count(x, pane, METRIC_NEGATIVE, k);
			n = k = 0;
			pane = ts / pane_ms;
			item_time(x, pane * pane_ms);
		}
		if (ts == end)
			break;
		n++;
		k += uniform() < (began ? spike_p : p);
	}
	struct raised spike = item_alerts(x, stood);
	for (int c = 0; c < CLASSES; c++) {
		if (rate < classes[c].least || (c + 1 < CLASSES - 1 && rate >= classes[c + 1].least))
			continue;
		classes[c].items++;
		classes[c].false_alarms += quiet.fresh;
		classes[c].spikes += !stood;
		if (!stood && spike.fresh && classes[c].found < DELAYS_MAX)
			classes[c].delays[classes[c].found++] = (double)(spike.first - spike_at) / (double)day_ms;
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

int main(int argc, char **argv)
{
	const struct processor *p = processors[P_SPIKE];
	const char *seed = getenv("GLINT_BENCH_SEED"), *items = getenv("GLINT_BENCH_ITEMS");
	int64_t n = items ? atoll(items) : 6000;
	struct class classes[CLASSES] = { { .name = "< 1/d" }, { .name = "1-5/d", .least = 1 }, { .name = ">= 5/d", .least = 5 }, { .name = ">= 100/d", .least = 100 } };
	void *settings = calloc(1, p->settings_size);
	if (!settings || set_options(p, settings, argc, argv))
		return 64;
	int64_t pane_ms = ((const struct spike_settings *)settings)->pane_ms;
	struct item x = { .settings = settings };
	struct symbols *symbols = symbols_create();
	x.ctx = (struct item_ctx){ .key = { KEY_ITEM, symbols_intern(symbols, TEXT("B1")) }, .symbols = symbols, .drops = x.drops, .alerts = &x.alerts };
	random_state = seed ? strtoull(seed, NULL, 10) : 2026;
	for (int c = 0; c < CLASSES; c++)
		classes[c].delays = malloc(DELAYS_MAX * sizeof(double));
	for (int64_t i = 0; i < n; i++) {
		x.ctx.pool = pool_create();
		x.ctx.watermark = INT64_MIN;
		x.block = pool_alloc(x.ctx.pool, p->item.size);
		simulate(&x, classes, pane_ms);
		p->item.done(x.block, x.ctx.pool);
		pool_destroy(x.ctx.pool);
	}
	printf("%lld items, %d quiet days and a spike of %d days each, seed %s\n", (long long)n, QUIET_DAYS, SPIKE_DAYS, seed ? seed : "2026");
	printf("reviews   items  false per 1,000 item-days  found in 14 d  mean delay  median delay\n");
	for (int c = 0; c < CLASSES; c++) {
		struct class *k = &classes[c];
		double sum = 0, item_days = (double)k->items * QUIET_DAYS;
		for (int64_t i = 0; i < k->found; i++)
			sum += k->delays[i];
		qsort(k->delays, (size_t)k->found, sizeof(double), ascending);
		double mean = k->found ? sum / (double)k->found : NAN, half = k->found ? k->delays[k->found / 2] : NAN;
		printf("%-9s %5lld  %25.3f  %11.1f %%  %5.2f d %3.0f h %5.2f d %3.0f h\n", k->name, (long long)k->items,
			k->items ? 1000. * (double)k->false_alarms / item_days : NAN, k->spikes ? 100. * (double)k->found / (double)k->spikes : NAN,
			mean, 24 * mean, half, 24 * half);
		free(k->delays);
	}
	buf_done(&x.alerts);
	symbols_destroy(symbols);
	option_free(p->options, p->n_options, settings);
	free(settings);
	(void)hour_ms;
	return 0;
}
