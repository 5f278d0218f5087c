/* Alerts on campaigns and inputs: when they are raised and resolved, what they say, and that rows carry all of it. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "processors/campaign.h"
#include "processors/stats.h"
#include "shop.h"

enum { PANE = WATCH_PANE_MS,
	HOUR = 3600000 };
#define DAY ((int64_t)86400000)
#define T0 ((int64_t)1700006400000) /* a midnight UTC */

/* One campaign, or the inputs, through the watch alone. */
struct one {
	char windows[40];
	struct watch_settings settings;
	struct symbols *symbols;
	struct item_ctx ctx;
	struct buf alerts;
	struct watch watch;
	symbol_t currency;
	int64_t now;
};

static void one_open(struct one *x, enum key_kind kind)
{
	char error[200];
	*x = (struct one){ .windows = "30min 1h 3h 8h 1d 2d", .now = T0 };
	x->settings = (struct watch_settings){ .windows = x->windows, .alpha = 1e-4, .spread_rates = .1, .spread_amounts = .25, .half_life_ms = 14 * DAY, .days = 3, .cool_down_ms = DAY, .accept_ms = 7 * DAY };
	assert_int_equal(watch_setup(&x->settings, error, sizeof(error)), 0);
	x->symbols = symbols_create();
	x->currency = symbols_intern(x->symbols, TEXT("EUR"));
	x->ctx = (struct item_ctx){ .key = { (uint8_t)kind, kind == KEY_ALL ? 0 : symbols_intern(x->symbols, TEXT("spring")) }, .watermark = INT64_MIN, .symbols = x->symbols, .pool = pool_create(), .alerts = &x->alerts };
}

static void one_close(struct one *x)
{
	watch_done(&x->watch, x->ctx.pool);
	pool_destroy(x->ctx.pool);
	symbols_destroy(x->symbols);
	buf_done(&x->alerts);
}

static void count(struct one *x, symbol_t currency, int column, int64_t n)
{
	if (n)
		watch_count(&x->settings, &x->watch, &x->ctx, x->now, currency, column, n);
}

/* Panes until `until`, of so many impressions and clicks, orders and revenue. */
static void panes(struct one *x, int64_t until, int64_t impressions, int64_t clicks, int64_t orders, int64_t revenue)
{
	for (; x->now < until; x->now += PANE) {
		count(x, 0, COLUMN_IMPRESSIONS, impressions);
		count(x, 0, COLUMN_CLICKS, clicks);
		count(x, x->currency, COLUMN_ATTRIBUTED_ORDERS, orders);
		count(x, x->currency, COLUMN_ATTRIBUTED_REVENUE, revenue);
		x->ctx.watermark = x->now + PANE;
		watch_advance(&x->settings, &x->watch, &x->ctx);
	}
}

/* All alerts of one kind (NULL: any) so far; decref. */
static json_t *alerts_of(const struct buf *alerts, const char *kind)
{
	json_t *all = json_array();
	struct reader r = reader_of(alerts->data, alerts->size);
	while (reader_left(&r)) {
		struct text t = reader_text(&r);
		json_t *a = json_loadb(t.data, t.size, 0, NULL);
		assert_non_null(a);
		if (kind && strcmp(kind, json_string_value(json_object_get(a, "kind"))) != 0)
			json_decref(a);
		else
			json_array_append_new(all, a);
	}
	return all;
}

static const char *member(const json_t *a, const char *name)
{
	const char *text = json_string_value(json_object_get(a, name));
	return text ? text : "";
}

static int64_t ts_of(const json_t *a)
{
	return json_integer_value(json_object_get(a, "ts"));
}

static void a_stop_is_told_after_half_an_hour_and_its_end_at_once(void **state)
{
	(void)state;
	struct one x;
	one_open(&x, KEY_CAMPAIGN);
	panes(&x, T0 + 7 * DAY, 20, 5, 0, 0);
	assert_int_equal(x.alerts.size, 0);
	/* 50 events are expected in 30 minutes; at r of 11 or more by four or five days of 100 an hour and a spread of .25 the chance of none is
	 * below (11 / 61)^11 = 7e-9, far below 1e-4 / 32; of a quarter of an hour no window is judged */
	panes(&x, T0 + 7 * DAY + 3 * HOUR, 0, 0, 0, 0);
	json_t *found = alerts_of(&x.alerts, "campaign_silence");
	assert_int_equal(json_array_size(found), 1);
	const json_t *a = json_array_get(found, 0);
	assert_true(ts_of(a) == T0 + 7 * DAY + HOUR / 2);
	assert_string_equal(member(a, "scope"), "campaign:spring");
	assert_string_equal(member(a, "severity"), "medium");
	assert_string_equal(member(a, "state"), "raised");
	assert_string_equal(member(a, "text_en"), "Campaign spring is silent: no impressions, clicks or carts in the last 30 minutes, about 50 expected from the same hours of earlier days.");
	assert_string_equal(member(a, "text_zh"), "活动 spring 没有流量：最近 30 分钟没有展示、点击或加购，按往日同时段应约有 50 次。");
	char id[80];
	snprintf(id, sizeof(id), "campaign_silence:campaign:spring:%lld", (long long)(T0 + 7 * DAY) / PANE + 1);
	assert_string_equal(member(a, "id"), id);
	json_decref(found);
	panes(&x, T0 + 7 * DAY + 4 * HOUR, 20, 5, 0, 0);
	found = alerts_of(&x.alerts, NULL);
	assert_int_equal(json_array_size(found), 2);
	a = json_array_get(found, 1);
	assert_true(ts_of(a) == T0 + 7 * DAY + 3 * HOUR + PANE);
	assert_string_equal(member(a, "state"), "resolved");
	assert_string_equal(member(a, "id"), id);
	assert_string_equal(member(a, "text_en"), "Campaign spring has traffic again: 25 impressions, clicks and carts in the last 30 minutes.");
	json_decref(found);
	one_close(&x);
}

static void nights_without_traffic_are_usual_and_their_end_is_expected(void **state)
{
	(void)state;
	struct one x;
	one_open(&x, KEY_CAMPAIGN);
	for (int day = 0; day < 10; day++) {
		panes(&x, T0 + day * DAY + 8 * HOUR, 0, 0, 0, 0);
		panes(&x, T0 + (day + 1) * DAY, day == 9 ? 0 : 40, day == 9 ? 0 : 4, 0, 0);
	}
	json_t *found = alerts_of(&x.alerts, NULL);
	assert_int_equal(json_array_size(found), 1);
	/* the morning that did not come: 44 are expected in its first quarter, as in the half hour with the night's last, and there were none */
	assert_true(ts_of(json_array_get(found, 0)) == T0 + 9 * DAY + 8 * HOUR + PANE);
	assert_true(json_integer_value(json_object_get(json_array_get(found, 0), "window")) == HOUR / 2);
	json_decref(found);
	one_close(&x);
}

static void rates_and_revenue_are_told_apart_and_resolved(void **state)
{
	(void)state;
	static const struct {
		const char *kind, *direction;
		int64_t clicks, orders, revenue;
	} cases[] = {
		{ "campaign_ctr", " is down: ", 20, 8, 40000 },
		{ "campaign_ctr", " is up: ", 160, 8, 40000 },
		{ "campaign_cvr", " is down: ", 80, 2, 40000 },
		{ "campaign_revenue", " is down: ", 80, 8, 4000 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct one x;
		one_open(&x, KEY_CAMPAIGN);
		panes(&x, T0 + 10 * DAY, 1000, 80, 8, 40000);
		assert_int_equal(x.alerts.size, 0);
		panes(&x, T0 + 11 * DAY, 1000, cases[i].clicks, cases[i].orders, cases[i].revenue);
		json_t *found = alerts_of(&x.alerts, cases[i].kind);
		const json_t *a = json_array_get(found, 0);
		if (!a || !strstr(member(a, "text_en"), cases[i].direction))
			fail_msg("%s: %s", cases[i].kind, member(a, "text_en"));
		assert_string_equal(member(a, "state"), "raised");
		json_decref(found);
		/* days as they were end it, and it is not raised again */
		panes(&x, T0 + 14 * DAY, 1000, 80, 8, 40000);
		found = alerts_of(&x.alerts, cases[i].kind);
		size_t n = json_array_size(found);
		a = json_array_get(found, n - 1);
		assert_string_equal(member(a, "state"), "resolved");
		assert_non_null(strstr(member(a, "text_en"), " is back to normal: "));
		for (size_t j = 0; j < n; j++)
			assert_string_equal(member(json_array_get(found, j), "id"), member(a, "id"));
		json_decref(found);
		one_close(&x);
	}
}

/* By day 25 impressions a pane, from midnight to ten o'clock one an hour; CTR is .2, or what `clicks` of 25 is. */
static void days_and_nights(struct one *x, int64_t until, int64_t clicks)
{
	for (int64_t i = 0; x->now < until; i++) {
		bool night = (x->now - T0) % DAY < 10 * HOUR, one = i % 4 == 0;
		panes(x, x->now + PANE, night ? one : 25, night ? one && i / 4 * clicks % 25 < clicks : clicks, 0, 0);
	}
}

static void a_few_events_end_no_alert_while_what_raised_it_goes_on(void **state)
{
	(void)state;
	struct one x;
	one_open(&x, KEY_CAMPAIGN);
	days_and_nights(&x, T0 + 10 * DAY, 5);
	assert_int_equal(x.alerts.size, 0);
	/* by night 8 impressions in 8 hours with 3 clicks, where 1.6 are expected: P(X >= 3) of a Poisson variable is .22, but of 3.2 they are as usual */
	days_and_nights(&x, T0 + 13 * DAY, 10);
	json_t *found = alerts_of(&x.alerts, NULL);
	for (size_t i = 0; i < json_array_size(found); i++)
		assert_string_equal(member(json_array_get(found, i), "state"), "raised");
	assert_true(json_array_size(found) > 0);
	assert_string_equal(member(json_array_get(found, 0), "kind"), "campaign_ctr");
	json_decref(found);
	days_and_nights(&x, T0 + 14 * DAY, 5);
	found = alerts_of(&x.alerts, NULL);
	const json_t *last = json_array_get(found, json_array_size(found) - 1);
	assert_string_equal(member(last, "state"), "resolved");
	assert_true(ts_of(last) > T0 + 13 * DAY + 10 * HOUR && ts_of(last) < T0 + 13 * DAY + 20 * HOUR); /* by day, when it can be told */
	json_decref(found);
	one_close(&x);
}

static void money_is_written_as_its_currency_is(void **state)
{
	(void)state;
	for (int yen = 0; yen < 2; yen++) {
		struct one x;
		one_open(&x, KEY_CAMPAIGN);
		x.currency = symbols_intern(x.symbols, yen ? TEXT("JPY") : TEXT("EUR"));
		panes(&x, T0 + 10 * DAY, 1000, 80, 8, 40000);
		panes(&x, T0 + 11 * DAY, 1000, 80, 8, 0);
		json_t *found = alerts_of(&x.alerts, "campaign_revenue");
		const json_t *a = json_array_get(found, 0), *evidence = json_object_get(a, "evidence");
		assert_non_null(strstr(member(a, "text_en"), yen ? " is down: 0 JPY in the last " : " is down: 0.00 EUR in the last "));
		assert_non_null(strstr(member(a, "text_zh"), yen ? " 0 JPY，按往日同时段应为 " : " 0.00 EUR，按往日同时段应为 "));
		assert_string_equal(member(evidence, "currency"), yen ? "JPY" : "EUR");
		/* of a steady campaign as much is expected as came before: 40000 a pane */
		double window = json_number_value(json_object_get(a, "window")), expected = json_number_value(json_object_get(a, "expected"));
		assert_true(fabs(expected - 40000 * window / PANE) < 1e-3 * expected);
		json_decref(found);
		one_close(&x);
	}
}

static void few_events_and_a_young_campaign_raise_nothing(void **state)
{
	(void)state;
	struct one x;
	one_open(&x, KEY_CAMPAIGN);
	panes(&x, T0 + 4 * DAY, 1000, 80, 8, 40000); /* two days in the longest window, two learnt: too few */
	panes(&x, T0 + 4 * DAY + 20 * HOUR, 0, 0, 0, 0);
	assert_int_equal(x.alerts.size, 0);
	one_close(&x);
	one_open(&x, KEY_CAMPAIGN);
	for (int day = 0; day < 30; day++) { /* two impressions a day, then none */
		panes(&x, T0 + day * DAY + 10 * HOUR, 0, 0, 0, 0);
		panes(&x, T0 + day * DAY + 10 * HOUR + PANE, day < 20 ? 2 : 0, 0, 0, 0);
		panes(&x, T0 + (day + 1) * DAY, 0, 0, 0, 0);
		/* forgotten 7 days after its last, at 10 o'clock of day 19 */
		assert_true((watch_due_at(&x.watch) == INT64_MAX) == (day >= 26));
	}
	assert_int_equal(x.alerts.size, 0);
	one_close(&x);
}

static void a_campaign_that_stays_silent_is_over_but_an_input_is_not(void **state)
{
	(void)state;
	for (int input = 0; input < 2; input++) {
		struct one x;
		one_open(&x, input ? KEY_ALL : KEY_CAMPAIGN);
		panes(&x, T0 + 7 * DAY, 20, 5, 0, 0);
		panes(&x, T0 + 30 * DAY, 0, 0, 0, 0);
		json_t *found = alerts_of(&x.alerts, NULL);
		const json_t *last = json_array_get(found, json_array_size(found) - 1);
		if (input) {
			assert_int_equal(json_array_size(found), 2); /* of the columns in use: clicks and purchases */
			assert_string_equal(member(last, "state"), "raised");
			assert_string_equal(member(last, "severity"), "high");
			assert_string_equal(member(json_array_get(found, 0), "scope"), "input:clicks");
			assert_string_equal(member(json_array_get(found, 0), "text_en"), "No clicks have come in the last 30 minutes, about 40 expected from the same hours of earlier days.");
			assert_true(watch_due_at(&x.watch) != INT64_MAX);
		} else {
			assert_int_equal(json_array_size(found), 2);
			assert_string_equal(member(last, "state"), "resolved");
			assert_true(ts_of(last) - ts_of(json_array_get(found, 0)) == 7 * DAY);
			assert_non_null(strstr(member(last, "text_en"), "is taken as over"));
			assert_true(watch_due_at(&x.watch) == INT64_MAX);
		}
		json_decref(found);
		one_close(&x);
	}
}

/* Saved and loaded at any moment it goes on as if nothing had been, and what is cut short is refused. */
static void rows_carry_all_of_it(void **state)
{
	(void)state;
	struct one whole, cut;
	one_open(&whole, KEY_CAMPAIGN);
	one_open(&cut, KEY_CAMPAIGN);
	for (int step = 0; step < 16 * 4; step++) {
		int64_t until = T0 + (step + 1) * DAY / 4;
		int64_t impressions = step < 40 ? 100 : step < 44 ? 0
								  : 100,
			clicks = step < 50 ? 10 : 1;
		panes(&whole, until, impressions, impressions ? clicks : 0, step % 3, 5000 * (step % 3));
		panes(&cut, until, impressions, impressions ? clicks : 0, step % 3, 5000 * (step % 3));
		struct buf row = { 0 }, again = { 0 };
		watch_save(&cut.watch, cut.symbols, &row);
		struct watch loaded = { 0 };
		struct reader r = reader_of(row.data, row.size);
		assert_int_equal(watch_load(&loaded, 2, &r, cut.symbols, cut.ctx.pool), 0);
		assert_int_equal(reader_left(&r), 0);
		watch_done(&cut.watch, cut.ctx.pool);
		cut.watch = loaded;
		watch_save(&cut.watch, cut.symbols, &again);
		assert_true(again.size == row.size && !memcmp(again.data, row.data, row.size));
		for (size_t n = 0; step == 45 && n < row.size; n++) {
			struct watch part = { 0 };
			r = reader_of(row.data, n);
			assert_int_equal(watch_load(&part, 2, &r, cut.symbols, cut.ctx.pool), -EBADMSG);
			watch_done(&part, cut.ctx.pool);
		}
		buf_done(&row);
		buf_done(&again);
	}
	assert_true(whole.alerts.size > 0 && whole.alerts.size == cut.alerts.size);
	assert_memory_equal(whole.alerts.data, cut.alerts.data, whole.alerts.size);
	one_close(&whole);
	one_close(&cut);
}

/* Version 1 ends its row's times with `seen`. */
static void a_row_of_version_1_is_read(void **state)
{
	(void)state;
	struct one x;
	one_open(&x, KEY_CAMPAIGN);
	panes(&x, T0 + 8 * DAY, 100, 10, 1, 5000);
	struct buf row = { 0 }, old = { 0 }, again = { 0 };
	watch_save(&x.watch, x.symbols, &row);
	buf_u8(&old, row.data[0]);
	ledger_save(&x.watch.panes, x.symbols, &old);
	const int64_t times[] = { x.watch.judged, x.watch.next, x.watch.learnt, x.watch.seen };
	for (int i = 0; i < 4; i++)
		buf_varint(&old, (uint64_t)times[i]);
	assert_memory_equal(old.data, row.data, old.size);
	buf_bytes(&old, row.data + old.size + 2, row.size - old.size - 2); /* without `lost` and `lost_end`, both 0 */
	struct watch loaded = { 0 };
	struct reader r = reader_of(old.data, old.size);
	assert_int_equal(watch_load(&loaded, 1, &r, x.symbols, x.ctx.pool), 0);
	assert_int_equal(reader_left(&r), 0);
	watch_save(&loaded, x.symbols, &again);
	assert_true(again.size == row.size && !memcmp(again.data, row.data, row.size));
	watch_done(&loaded, x.ctx.pool);
	buf_done(&row);
	buf_done(&old);
	buf_done(&again);
	one_close(&x);
}

/* A campaign of 60 days: CTR halves for two, it stops for nine and comes again, its last orders are in another currency. */
static void a_row_of_the_first_minutes_of_1970_is_read(void **state)
{
	(void)state;
	struct one x;
	one_open(&x, KEY_ALL);
	x.now = 2000;
	count(&x, 0, 0, 1);
	struct buf row = { 0 }, again = { 0 };
	watch_save(&x.watch, x.symbols, &row);
	struct watch loaded = { 0 };
	struct reader r = reader_of(row.data, row.size);
	assert_int_equal(watch_load(&loaded, 2, &r, x.symbols, x.ctx.pool), 0);
	assert_int_equal(reader_left(&r), 0);
	watch_save(&loaded, x.symbols, &again);
	assert_true(loaded.on && again.size == row.size && !memcmp(again.data, row.data, row.size));
	watch_done(&loaded, x.ctx.pool);
	static const uint8_t before[] = { 3 }; /* as a version before wrote it */
	r = reader_of(before, sizeof(before));
	loaded = (struct watch){ 0 };
	assert_int_equal(watch_load(&loaded, 1, &r, x.symbols, x.ctx.pool), 0);
	assert_false(loaded.on);
	buf_done(&row);
	buf_done(&again);
	one_close(&x);
}

static void history(struct one *x, int column_from, int column_to, int64_t from, int64_t until, bool advance)
{
	for (x->now = T0 + from; x->now < T0 + until; x->now += PANE) {
		int64_t day = (x->now - T0) / DAY;
		const int64_t of[] = { 100, day == 20 || day == 21 ? 5 : 10, 1, 5000 };
		for (int i = column_from; i < column_to; i++) {
			static const int columns[] = { COLUMN_IMPRESSIONS, COLUMN_CLICKS, COLUMN_ATTRIBUTED_ORDERS, COLUMN_ATTRIBUTED_REVENUE };
			symbol_t currency = i < 2 ? 0 : day < 50 ? x->currency
								 : symbols_intern(x->symbols, TEXT("JPY"));
			if (day < 30 || day >= 39)
				count(x, currency, columns[i], of[i]);
		}
		x->ctx.watermark = advance ? x->now + PANE : x->ctx.watermark;
		if (advance)
			watch_advance(&x->settings, &x->watch, &x->ctx);
	}
}

static void a_history_that_comes_at_once_is_judged_as_pane_by_pane(void **state)
{
	(void)state;
	struct buf rows[3] = { { 0 } }, alerts[3];
	for (int way = 0; way < 3; way++) {
		struct one x;
		one_open(&x, KEY_CAMPAIGN);
		if (way == 0) {
			history(&x, 0, 4, 0, 60 * DAY, true);
		} else if (way == 1) { /* the orders first */
			history(&x, 2, 4, 0, 60 * DAY, false);
			history(&x, 0, 2, 0, 60 * DAY, false);
		} else { /* of one process the later part, before the earlier one of another */
			history(&x, 0, 4, 30 * DAY, 60 * DAY, false);
			history(&x, 0, 4, 0, 30 * DAY, false);
		}
		x.ctx.watermark = T0 + 60 * DAY;
		watch_advance(&x.settings, &x.watch, &x.ctx);
		watch_save(&x.watch, x.symbols, &rows[way]);
		assert_true(pool_bytes(x.ctx.pool) < 64 << 10); /* of two days, though sixty were there */
		alerts[way] = x.alerts;
		x.alerts = (struct buf){ 0 };
		one_close(&x);
	}
	json_t *ctr = alerts_of(&alerts[0], "campaign_ctr"), *stop = alerts_of(&alerts[0], "campaign_silence");
	assert_int_equal(json_array_size(ctr), 2);
	assert_int_equal(json_array_size(stop), 2);
	json_decref(ctr);
	json_decref(stop);
	for (int way = 1; way < 3; way++) {
		assert_true(alerts[way].size == alerts[0].size && !memcmp(alerts[way].data, alerts[0].data, alerts[0].size));
		assert_true(rows[way].size == rows[0].size && !memcmp(rows[way].data, rows[0].data, rows[0].size));
	}
	for (int way = 0; way < 3; way++) {
		buf_done(&rows[way]);
		buf_done(&alerts[way]);
	}
}

static void what_finds_no_room_ahead_is_left_out_and_not_taken_for_silence(void **state)
{
	(void)state;
	enum { ROOM = WATCH_ROWS_MAX / 2 }; /* panes: a row of counts, a row of money each */
	struct one x;
	one_open(&x, KEY_CAMPAIGN);
	int64_t dropped = 0, panes_sent = ROOM + 5 * WATCH_PANES_DAY;
	for (int64_t i = 0; i < panes_sent; i++) {
		int64_t ts = T0 + i * PANE;
		dropped += !watch_count(&x.settings, &x.watch, &x.ctx, ts, 0, COLUMN_IMPRESSIONS, 1000);
		dropped += !watch_count(&x.settings, &x.watch, &x.ctx, ts, 0, COLUMN_CLICKS, 80);
		dropped += !watch_count(&x.settings, &x.watch, &x.ctx, ts, x.currency, COLUMN_ATTRIBUTED_REVENUE, 4000);
	}
	assert_int_equal(dropped, 3 * 5 * WATCH_PANES_DAY);
	assert_true(watch_count(&x.settings, &x.watch, &x.ctx, T0, 0, COLUMN_CLICKS, 0)); /* where there is a row there is room */
	assert_int_equal(x.watch.lost, T0 / PANE + ROOM);
	x.ctx.watermark = T0 + panes_sent * PANE;
	watch_advance(&x.settings, &x.watch, &x.ctx);
	struct buf row = { 0 };
	struct watch loaded = { 0 };
	watch_save(&x.watch, x.symbols, &row);
	struct reader r = reader_of(row.data, row.size);
	assert_int_equal(watch_load(&loaded, 2, &r, x.symbols, x.ctx.pool), 0);
	assert_true(loaded.lost == x.watch.lost && loaded.lost_end == T0 / PANE + panes_sent);
	watch_done(&loaded, x.ctx.pool);
	buf_done(&row);
	assert_int_equal(x.alerts.size, 0);
	x.now = T0 + panes_sent * PANE;
	panes(&x, x.now + 3 * DAY, 1000, 80, 0, 4000);
	assert_int_equal(x.alerts.size, 0);
	assert_int_equal(x.watch.learnt, ROOM + WATCH_PANES_DAY); /* all but the five days and the longest window */
	panes(&x, x.now + DAY / 4, 0, 0, 0, 0);                   /* and a silence is told */
	json_t *found = alerts_of(&x.alerts, "campaign_silence");
	assert_int_equal(json_array_size(found), 1);
	json_decref(found);
	one_close(&x);
}

/* The beta function's tail is that of the negative binomial: ALGORITHMS E1, r = 4, p = 2/3: P(X >= 8) = .0088231807. */
static void the_tail_is_the_negative_binomials(void **state)
{
	(void)state;
	assert_true(fabs(beta_tail(2. / 3, 4, 8) - .0088231807) < 1e-9);
	assert_true(fabs(beta_tail(1. / 3, 1, 4) - pow(2. / 3, 4)) < 1e-9); /* P(X <= 0) = p^r */
}

static void every_alert_is_what_the_schema_says(void **state)
{
	(void)state;
	json_t *schema = json_load_file("schemas/alert.schema.json", 0, NULL);
	if (!schema)
		fail_msg("schemas/alert.schema.json is not readable (run from the source tree)");
	const json_t *kinds = json_object_get(json_object_get(json_object_get(schema, "properties"), "kind"), "enum");
	struct one x;
	one_open(&x, KEY_CAMPAIGN);
	panes(&x, T0 + 10 * DAY, 1000, 80, 8, 40000);
	panes(&x, T0 + 11 * DAY, 1000, 20, 0, 0);
	panes(&x, T0 + 12 * DAY, 0, 0, 0, 0);
	json_t *found = alerts_of(&x.alerts, NULL);
	assert_true(json_array_size(found) >= 4);
	for (size_t i = 0; i < json_array_size(found); i++) {
		const json_t *a = json_array_get(found, i), *evidence = json_object_get(a, "evidence");
		const json_t *outer = json_object_get(schema, "required"), *inner = json_object_get(json_object_get(json_object_get(json_object_get(schema, "else"), "properties"), "evidence"), "required");
		assert_int_equal(json_array_size(outer), json_object_size(a));
		for (size_t j = 0; j < json_array_size(outer); j++)
			assert_non_null(json_object_get(a, json_string_value(json_array_get(outer, j))));
		assert_int_equal(json_array_size(inner), json_object_size(evidence));
		for (size_t j = 0; j < json_array_size(inner); j++)
			assert_non_null(json_object_get(evidence, json_string_value(json_array_get(inner, j))));
		bool known = false;
		for (size_t j = 0; j < json_array_size(kinds); j++)
			known |= !strcmp(json_string_value(json_array_get(kinds, j)), member(a, "kind"));
		assert_true(known);
	}
	json_decref(found);
	json_decref(schema);
	one_close(&x);
}

/* From events to alerts: a campaign whose clicks stop while the shop's go on, then those too. */
static void events_of_a_shop_lead_to_them(void **state)
{
	(void)state;
	struct shop *s = shop_create(2, NULL);
	char id[32], user[16];
	for (int i = 0; i < 8 * 96 * 12; i++) {
		int64_t ts = T0 + (int64_t)i * (PANE / 12);
		if (ts >= T0 + 7 * DAY + 6 * HOUR)
			break;
		snprintf(id, sizeof(id), "c%d", i);
		snprintf(user, sizeof(user), "u%d", i % 37);
		struct event e = shop_click(id, ts, user, ACTION_IMPRESSION, "tea", NULL, ts < T0 + 7 * DAY ? "spring" : NULL);
		assert_int_equal(shop_event(s, &e), APPLIED);
		if (i % 100 == 0)
			shop_flush(s);
	}
	shop_time(s, T0 + 7 * DAY + 12 * HOUR);
	json_t *campaign = alerts_of(&s->alerts, "campaign_silence"), *input = alerts_of(&s->alerts, "input_silence"), *all = alerts_of(&s->alerts, NULL);
	assert_int_equal(json_array_size(campaign), 1);
	assert_int_equal(json_array_size(input), 1);
	assert_int_equal(json_array_size(all), 2);
	assert_true(ts_of(json_array_get(campaign, 0)) > T0 + 7 * DAY && ts_of(json_array_get(campaign, 0)) <= T0 + 7 * DAY + 3 * HOUR);
	assert_string_equal(member(json_array_get(input, 0), "scope"), "input:clicks");
	assert_true(ts_of(json_array_get(input, 0)) > T0 + 7 * DAY + 6 * HOUR && ts_of(json_array_get(input, 0)) <= T0 + 7 * DAY + 9 * HOUR);
	json_decref(campaign);
	json_decref(input);
	json_decref(all);
	shop_check_rows(s);
	shop_destroy(s);
	/* and none when they are not wanted */
	s = shop_create(1, (const char *[]){ "campaign.watch_alpha=0", NULL });
	struct event e = shop_click("c", T0, "u", ACTION_CLICK, "tea", NULL, "spring");
	assert_int_equal(shop_event(s, &e), APPLIED);
	shop_flush(s);
	assert_true(watch_due_at(&((const struct campaign_item *)shop_item_block(s, KEY_CAMPAIGN, "spring", P_CAMPAIGN))->watch) == INT64_MAX);
	shop_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_row_of_version_1_is_read),
		cmocka_unit_test(a_row_of_the_first_minutes_of_1970_is_read),
		cmocka_unit_test(a_history_that_comes_at_once_is_judged_as_pane_by_pane),
		cmocka_unit_test(what_finds_no_room_ahead_is_left_out_and_not_taken_for_silence),
		cmocka_unit_test(the_tail_is_the_negative_binomials),
		cmocka_unit_test(a_stop_is_told_after_half_an_hour_and_its_end_at_once),
		cmocka_unit_test(nights_without_traffic_are_usual_and_their_end_is_expected),
		cmocka_unit_test(rates_and_revenue_are_told_apart_and_resolved),
		cmocka_unit_test(a_few_events_end_no_alert_while_what_raised_it_goes_on),
		cmocka_unit_test(money_is_written_as_its_currency_is),
		cmocka_unit_test(few_events_and_a_young_campaign_raise_nothing),
		cmocka_unit_test(a_campaign_that_stays_silent_is_over_but_an_input_is_not),
		cmocka_unit_test(rows_carry_all_of_it),
		cmocka_unit_test(every_alert_is_what_the_schema_says),
		cmocka_unit_test(events_of_a_shop_lead_to_them),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
