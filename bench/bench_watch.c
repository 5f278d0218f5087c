/* How often alerts on campaigns are false, how many anomalies are found, and how soon: simulated campaigns through processors/watch.c, judged pane
 * by pane as in the daemon.
 *
 *   bench_watch [option=value ...]     of [campaign], without "watch_": alpha, spread_rates, spread_amounts; GLINT_BENCH_SEED, GLINT_BENCH_ITEMS
 *
 * Clicks a day lognormal, median 150, sigma 1.5; CTR 1-5 %, CVR 1-6 %, order value lognormal, mean about 50.00, sigma .7. Traffic follows the hour, 1 +
 * .9 sin, and the day, lognormal, sigma .15, Saturday and Sunday 1.3 times; CTR and CVR differ between days by 5 %. Poisson counts by pane. 60 quiet days of
 * which the first days teach; then something happens, at any hour: CTR halves; CVR halves; orders of a quarter the value; all traffic stops. It goes on for 3
 * days more than it takes to find it, then all is as before. Printed by clicks a day: false alarms of each kind per 1,000 campaign-days; of each anomaly the share
 * found within 3 days by its own kind and the mean time to it; of these the share that was told to be over while it went on, and of the others the share resolved
 * within 3 days of its end and the mean time to that. The default seed was not used when the defaults were chosen.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "processors/watch.h"

enum { QUIET_DAYS = 60,
	FOUND_DAYS = 3,
	GOES_ON_DAYS = 3,
	RESOLVED_DAYS = 3,
	KINDS = 4,
	CLASSES = 3,
	PANE_MS = WATCH_PANE_MS };
static const char *const kinds[KINDS] = { "campaign_ctr", "campaign_cvr", "campaign_revenue", "campaign_silence" };
static const char *const classes[CLASSES] = { "< 50", "50-500", ">= 500" };

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

static int64_t poisson(double mean)
{
	if (mean > 50) {
		double x = mean + sqrt(mean) * normal();
		return x < 0 ? 0 : llround(x);
	}
	int64_t n = 0;
	for (double p = uniform(), least = exp(-mean); p > least; n++)
		p *= uniform();
	return n;
}

struct tally {
	int64_t campaigns, false_alarms[KINDS], tried[KINDS], found[KINDS], too_soon[KINDS], resolved[KINDS];
	double delay_h[KINDS], resolved_h[KINDS];
};

struct campaign {
	double clicks, ctr, cvr;
	double day_traffic, day_ctr, day_cvr;
};

static void pane_of_campaign(const struct watch_settings *s, struct watch *w, struct item_ctx *ctx, struct campaign *c, int64_t pane, symbol_t currency, int anomaly)
{
	int64_t day = pane / WATCH_PANES_DAY, ts = pane * PANE_MS;
	if (pane % WATCH_PANES_DAY == 0) {
		c->day_traffic = exp(.15 * normal()) * (day % 7 < 2 ? 1.3 : 1);
		c->day_ctr = exp(.05 * normal());
		c->day_cvr = exp(.05 * normal());
	}
	double hour = (double)(pane % WATCH_PANES_DAY) / WATCH_PANES_HOUR, shape = (1 + .9 * sin((hour - 8) / 24 * 6.283185307179586)) / WATCH_PANES_DAY;
	double ctr = c->ctr * c->day_ctr * (anomaly == 0 ? .5 : 1), cvr = c->cvr * c->day_cvr * (anomaly == 1 ? .5 : 1);
	int64_t impressions = anomaly == 3 ? 0 : poisson(c->clicks / c->ctr * shape * c->day_traffic), clicks = poisson((double)impressions * ctr), orders = poisson((double)clicks * cvr);
	double revenue = 0;
	for (int64_t i = 0; i < orders; i++)
		revenue += 5000 * exp(.7 * normal() - .245) * (anomaly == 2 ? .25 : 1);
	if (impressions)
		watch_count(s, w, ctx, ts, 0, COLUMN_IMPRESSIONS, impressions);
	if (clicks)
		watch_count(s, w, ctx, ts, 0, COLUMN_CLICKS, clicks);
	if (orders) {
		watch_count(s, w, ctx, ts, currency, COLUMN_ATTRIBUTED_ORDERS, orders);
		watch_count(s, w, ctx, ts, currency, COLUMN_ATTRIBUTED_REVENUE, llround(revenue));
	}
	ctx->watermark = ts + PANE_MS;
	watch_advance(s, w, ctx);
}

/* Alerts raised since the last look, by kind. */
static void alerts_of(struct buf *alerts, int raised[KINDS])
{
	struct reader r = reader_of(alerts->data, alerts->size);
	memset(raised, 0, KINDS * sizeof(*raised));
	while (reader_left(&r)) {
		struct text t = reader_text(&r);
		char json[4096];
		snprintf(json, sizeof(json), "%.*s", (int)t.size, t.data);
		for (int k = 0; k < KINDS; k++)
			raised[k] += strstr(json, "\"state\":\"raised\"") && strstr(json, kinds[k]) && !strncmp(strstr(json, "\"ts\":") + 5, strstr(json, "\"raised_ts\":") + 12, 13);
	}
	buf_clear(alerts);
}

/* A found one goes on, then ends. */
static void end_of(const struct watch_settings *s, struct watch *w, struct item_ctx *ctx, struct campaign *c, int64_t pane, symbol_t currency, int anomaly, struct tally *t)
{
	int64_t ends = pane + GOES_ON_DAYS * WATCH_PANES_DAY;
	for (; pane < ends + RESOLVED_DAYS * WATCH_PANES_DAY && w->figures[anomaly].raised; pane++)
		pane_of_campaign(s, w, ctx, c, pane, currency, pane < ends ? anomaly : -1);
	if (pane < ends) {
		t->too_soon[anomaly]++;
	} else if (!w->figures[anomaly].raised) {
		t->resolved[anomaly]++;
		t->resolved_h[anomaly] += (double)(pane - ends) / WATCH_PANES_HOUR;
	}
}

static void simulate(const struct watch_settings *s, struct symbols *symbols, struct tally tallies[CLASSES], int anomaly)
{
	struct buf alerts = { 0 };
	uint64_t drops[8];
	struct item_ctx ctx = { .key = { KEY_CAMPAIGN, symbols_intern(symbols, TEXT("c")) }, .watermark = INT64_MIN, .symbols = symbols, .pool = pool_create(), .drops = drops, .alerts = &alerts };
	struct watch w = { 0 };
	struct campaign c = { .clicks = 150 * exp(1.5 * normal()), .ctr = .01 + .04 * uniform(), .cvr = .01 + .05 * uniform() };
	struct tally *t = &tallies[c.clicks < 50 ? 0 : c.clicks < 500 ? 1
								      : 2];
	symbol_t currency = symbols_intern(symbols, TEXT("EUR"));
	int64_t start = INT64_C(19676) * WATCH_PANES_DAY, begins = start + QUIET_DAYS * WATCH_PANES_DAY + (int64_t)(uniform() * WATCH_PANES_DAY);
	int raised[KINDS];
	for (int64_t pane = start; pane < begins; pane++)
		pane_of_campaign(s, &w, &ctx, &c, pane, currency, -1);
	alerts_of(&alerts, raised);
	t->campaigns++;
	for (int k = 0; k < KINDS; k++)
		t->false_alarms[k] += raised[k];
	if (!w.figures[anomaly].raised) { /* one whose false alert stands is left out */
		t->tried[anomaly]++;
		for (int64_t pane = begins; pane < begins + FOUND_DAYS * WATCH_PANES_DAY; pane++) {
			pane_of_campaign(s, &w, &ctx, &c, pane, currency, anomaly);
			alerts_of(&alerts, raised);
			if (!raised[anomaly])
				continue;
			t->found[anomaly]++;
			t->delay_h[anomaly] += (double)(pane + 1 - begins) / WATCH_PANES_HOUR;
			end_of(s, &w, &ctx, &c, pane + 1, currency, anomaly, t);
			break;
		}
	}
	watch_done(&w, ctx.pool);
	pool_destroy(ctx.pool);
	buf_done(&alerts);
}

int main(int argc, char **argv)
{
	char windows[] = "30min 1h 3h 8h 1d 2d", error[200];
	struct watch_settings s = { .windows = windows, .alpha = .0001, .spread_rates = .1, .spread_amounts = .25, .half_life_ms = INT64_C(14) * 86400000, .days = 3, .cool_down_ms = 86400000, .accept_ms = INT64_C(7) * 86400000 };
	const char *seed = getenv("GLINT_BENCH_SEED"), *items = getenv("GLINT_BENCH_ITEMS");
	for (int i = 1; i < argc; i++)
		if (sscanf(argv[i], "alpha=%lf", &s.alpha) + sscanf(argv[i], "spread_rates=%lf", &s.spread_rates) + sscanf(argv[i], "spread_amounts=%lf", &s.spread_amounts) < 1) {
			fprintf(stderr, "%s: alpha=, spread_rates= or spread_amounts=\n", argv[i]);
			return 64;
		}
	if (watch_setup(&s, error, sizeof(error)))
		return 70;
	struct symbols *symbols = symbols_create();
	struct tally tallies[CLASSES] = { { 0 } };
	for (int64_t i = 0, n = items ? atoll(items) : 2000; i < n; i++) {
		random_state = (seed ? strtoull(seed, NULL, 10) : 2026) + (uint64_t)i * UINT64_C(0x2545f4914f6cdd1d); /* one campaign's chance is no other's */
		simulate(&s, symbols, tallies, (int)(i % KINDS));
	}
	printf("clicks a day  campaigns  kind              false per 1,000 campaign-days  found in %d d  mean delay  too soon over  over in %d d  mean delay\n", FOUND_DAYS, RESOLVED_DAYS);
	for (int c = 0; c < CLASSES; c++)
		for (int k = 0; k < KINDS; k++) {
			const struct tally *t = &tallies[c];
			printf("%-12s  %9lld  %-16s  %29.3f  %11.1f %%  %7.1f h  %11.1f %%  %9.1f %%  %8.1f h\n", classes[c], (long long)t->campaigns, kinds[k], 1000. * (double)t->false_alarms[k] / (double)(t->campaigns * QUIET_DAYS),
				100. * (double)t->found[k] / (double)t->tried[k], t->delay_h[k] / (double)t->found[k],
				100. * (double)t->too_soon[k] / (double)t->found[k], 100. * (double)t->resolved[k] / (double)(t->found[k] - t->too_soon[k]), t->resolved_h[k] / (double)t->resolved[k]);
		}
	symbols_destroy(symbols);
	return 0;
}
