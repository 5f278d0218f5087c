/* Holt-Winters against the published figures of the airline series (Box & Jenkins 1976: thousands of passengers by month, 1949 to 1960;
 * ALGORITHMS G has the figures), and the processor against the model run by hand over the same days. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "processors/forecast.h"
#include "shop.h"

static const int64_t day = 86400000;
static const int64_t begin = INT64_C(19676) * 86400000; /* 2023-11-15 */

static void near(double got, double want, double within)
{
	if (!(fabs(got - want) <= within))
		fail_msg("%.9f is not %.9f", got, want);
}

static const int passengers[144] = { 112, 118, 132, 129, 121, 135, 148, 148, 136, 119, 104, 118, 115, 126, 141, 135, 125, 149, 170, 170, 158, 133, 114, 140,
	145, 150, 178, 163, 172, 178, 199, 199, 184, 162, 146, 166, 171, 180, 193, 181, 183, 218, 230, 242, 209, 191, 172, 194, 196, 196, 236, 235, 229,
	243, 264, 272, 237, 211, 180, 201, 204, 188, 235, 227, 234, 264, 302, 293, 259, 229, 203, 229, 242, 233, 267, 269, 270, 315, 364, 347, 312, 274,
	237, 278, 284, 277, 317, 313, 318, 374, 413, 405, 355, 306, 271, 306, 315, 301, 356, 348, 355, 422, 465, 467, 404, 347, 305, 336, 340, 318, 362,
	348, 363, 435, 491, 505, 404, 359, 310, 337, 360, 342, 406, 396, 420, 472, 548, 559, 463, 407, 362, 405, 417, 391, 419, 461, 472, 535, 622, 606,
	508, 461, 390, 432 };

static void the_airline_series_gives_the_published_figures(void **state)
{
	(void)state;
	static const struct {
		struct hw_rule rule;
		double level, trend, sse, one, twelve;
	} of[] = {
		{ { .3, .1, .1, 12 }, 489.618204, 2.421913, 137731.5591, 474.160416, 492.965304 },
		{ { .25, .03, .9, 12 }, 477.945807, 3.084874, 23257.1489, 453.970550, 469.930003 },
	};
	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		struct hw h = { 0 };
		for (int t = 0; t < 144; t++)
			hw_push(&of[i].rule, &h, passengers[t]);
		near(h.level, of[i].level, 1e-6);
		near(h.trend, of[i].trend, 1e-6);
		near(h.error_sum, of[i].sse, 1e-4);
		near(hw_forecast(&of[i].rule, &h, 1, NULL), of[i].one, 1e-6);
		near(hw_forecast(&of[i].rule, &h, 12, NULL), of[i].twelve, 1e-6);
		if (!i) { /* the season's first and last month */
			near(h.season[0], -17.879701, 1e-6);
			near(h.season[11], -25.715856, 1e-6);
		}
	}
}

/* R's stats::HoltWinters decomposes the first two periods for its start; from that state on the smoothing is the same (ALGORITHMS G: "R initialisation",
 * which gives the season to four digits). */
static void from_the_state_that_r_starts_with_its_figures_come_out(void **state)
{
	(void)state;
	const struct hw_rule r = { .2479595, .0345373, 1, 12 };
	struct hw h = { .n = 24, .level = 124.316919, .trend = 1.145688, .season = { -14.8194, -5.6528, 7.5139, .0139, -10.9861, 11.6806, 22.6389, 22.1806, 9.4722, -8.1528, -23.5694, -10.3194 } };
	for (int t = 12; t < 144; t++)
		hw_push(&r, &h, passengers[t]);
	near(h.level, 477.828997, 2e-5);
	near(h.trend, 3.127675, 1e-6);
	near(h.season[0], -27.458776, 2e-5);
	near(h.season[11], -45.828997, 2e-5);
	near(h.error_sum, 21860.1847, 1e-3);
}

static void the_interval_widens_as_the_formula_says_and_covers(void **state)
{
	(void)state;
	const struct hw_rule r = { .2, .02, .1, 7 };
	struct hw h = { 0 };
	uint64_t random = 5;
	int inside = 0, all = 0;
	for (int t = 0; t < 2000; t++) { /* a weekly wave and noise of deviation 2: the sum of 12 uniforms less 6 */
		double noise = -6, deviation;
		for (int k = 0; k < 12; k++) {
			random = random * 6364136223846793005u + 1442695040888963407u;
			noise += (double)(random >> 11) * 0x1p-53;
		}
		double y = 50 + 10 * sin(t % 7) + 2 * noise;
		if (t >= 100) {
			double expected = hw_forecast(&r, &h, 1, &deviation);
			inside += fabs(y - expected) <= 1.959964 * deviation;
			all++;
		}
		hw_push(&r, &h, y);
	}
	assert_in_range(inside * 1000 / all, 925, 975);
	double one, two, eight, seven;
	hw_forecast(&r, &h, 1, &one);
	hw_forecast(&r, &h, 2, &two);
	hw_forecast(&r, &h, 7, &seven);
	hw_forecast(&r, &h, 8, &eight);
	near(one, sqrt(h.mse), 1e-12);
	near(two * two / h.mse, 1 + pow(.2 * 1.02, 2), 1e-12);
	near((eight * eight - seven * seven) / h.mse, pow(.2 * 1.14 + .1 * .8, 2), 1e-12);
}

/* ---- the processor ---- */

static int number;

static void sell(struct shop *s, int64_t ts, const char *item, int64_t pieces)
{
	char id[16];
	snprintf(id, sizeof(id), "o%d", number++);
	struct order_line line = { text_of(item), pieces, 100 };
	struct event e = shop_order(id, ts, "u", id, &line, 1);
	assert_int_equal(shop_event(s, &e), APPLIED);
}

static const struct forecast_item *block_of(struct shop *s, enum key_kind kind, const char *id)
{
	const struct forecast_item *b = shop_item_block(s, kind, id, P_FORECAST);
	assert_non_null(b);
	return b;
}

static void days_are_counted_silent_ones_too_and_shown(void **state)
{
	(void)state;
	struct shop *s = shop_create(2, NULL);
	const struct hw_rule r = { .2, .02, .1, 7 };
	struct hw of_item = { 0 }, of_all = { 0 };
	struct event ring = { .kind = EVENT_ITEM, .item = { .item_id = TEXT("ring"), .category = TEXT("jewels"), .available = true } };
	shop_event(s, &ring);
	for (int d = 0; d < 40; d++) {
		int n = d % 5 == 3 ? 0 : 4 + d % 7;
		for (int k = 0; k < (n ? 2 : 0); k++) {
			sell(s, begin + d * day + k * 1000, "ring", k ? 1 : n - 1);
			if (d % 3 == 0)
				shop_flush(s);
		}
		sell(s, begin + d * day + 5000, "bow", 1);
		hw_push(&r, &of_item, n);
		hw_push(&r, &of_all, n + 1);
	}
	shop_flush(s);
	shop_time(s, begin + 40 * day + 1);
	const struct forecast_item *b = block_of(s, KEY_ITEM, "ring");
	near(b->model.level, of_item.level, 1e-9);
	near(b->model.error_sum, of_item.error_sum, 1e-9);
	near(block_of(s, KEY_CATEGORY, "jewels")->model.level, of_item.level, 1e-9);
	near(block_of(s, KEY_ALL, NULL)->model.level, of_all.level, 1e-9);
	shop_check_rows(s);

	shop_item_view(s, KEY_ITEM, "ring");
	char day_text[64];
	snprintf(day_text, sizeof(day_text), "\"days\":[{\"day\":%lld,", (long long)(begin + 40 * day));
	const char *json = strstr(shop_commands(s), "SET glint:forecast:item:ring ");
	assert_non_null(json);
	const char *expected = strstr(json, "\"expected\":");
	assert_non_null(expected);
	near(strtod(expected + strlen("\"expected\":"), NULL), hw_forecast(&r, &of_item, 1, NULL), 1e-4);
	assert_non_null(strstr(json, day_text));
	shop_item_view(s, KEY_ALL, NULL);
	assert_non_null(strstr(shop_commands(s), "SET glint:forecast:all {"));

	/* silence goes on: the view knows, the block waits for the next sale; then both are of one mind */
	for (int d = 40; d < 60; d++)
		hw_push(&r, &of_item, 0);
	shop_time(s, begin + 60 * day + 1);
	assert_int_equal(b->model.n, 40);
	shop_item_view(s, KEY_ITEM, "ring");
	assert_null(strstr(shop_commands(s), "SET glint:forecast:item:ring")); /* below one piece a day */
	sell(s, begin + 60 * day + 1, "ring", 2);
	hw_push(&r, &of_item, 2);
	shop_flush(s);
	shop_time(s, begin + 61 * day + 1);
	near(b->model.level, of_item.level, 1e-9);
	assert_int_equal(b->model.n, 61);
	shop_destroy(s);
}

static void what_comes_when_its_day_is_over_is_counted_as_dropped(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, NULL);
	sell(s, begin, "ring", 3);
	shop_flush(s);
	shop_time(s, begin + day + 1);
	sell(s, begin + 2, "ring", 5);
	shop_flush(s);
	assert_int_equal(s->engine->drops[P_FORECAST][0], 10); /* of the item, and of all */
	near(block_of(s, KEY_ITEM, "ring")->model.season[0], 3, 0);
	shop_check_rows(s);
	shop_destroy(s);
}

static void a_year_that_comes_at_once_gives_the_forecast_of_its_days_one_by_one(void **state)
{
	(void)state;
	const struct hw_rule r = { .2, .02, .1, 7 };
	struct hw by_hand = { 0 };
	struct forecast_item of[2];
	for (int at_once = 0; at_once < 2; at_once++) {
		struct shop *s = shop_create(2, NULL);
		for (int d = 0; d < 400; d++) {
			int n = d % 11 == 4 ? 0 : 3 + d / 50 + d % 7;
			if (n)
				sell(s, begin + d * day + 1000, "ring", n);
			if (!at_once) {
				hw_push(&r, &by_hand, n);
				shop_flush(s);
				shop_time(s, begin + (d + 1) * day + 1);
			}
		}
		shop_flush(s);
		shop_check_rows(s);
		shop_time(s, begin + 400 * day + 1);
		assert_int_equal(s->engine->drops[P_FORECAST][1], 0);
		of[at_once] = *block_of(s, KEY_ITEM, "ring");
		assert_int_equal(of[at_once].n_open, 0);
		assert_true(of[at_once].open_capacity <= 16);
		shop_check_rows(s);
		shop_destroy(s);
	}
	near(of[0].model.level, by_hand.level, 1e-9);
	assert_memory_equal(&of[0].model, &of[1].model, sizeof(of[0].model));
	assert_int_equal(of[0].next, of[1].next);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_airline_series_gives_the_published_figures),
		cmocka_unit_test(from_the_state_that_r_starts_with_its_figures_come_out),
		cmocka_unit_test(the_interval_widens_as_the_formula_says_and_covers),
		cmocka_unit_test(days_are_counted_silent_ones_too_and_shown),
		cmocka_unit_test(what_comes_when_its_day_is_over_is_counted_as_dropped),
		cmocka_unit_test(a_year_that_comes_at_once_gives_the_forecast_of_its_days_one_by_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
