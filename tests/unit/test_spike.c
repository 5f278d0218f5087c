/* Spikes: what raises, what resolves, who counts. The transitions of the long stream are those of tests/models/spike_reference.py, which
 * judges every pane the long way; single figures come from exact rational arithmetic (Python's fractions). */
#include "processors/sentiment.h"
#include "spike_fixture.h"

static void review(struct shop *s, int number, int64_t ts, const char *user, const char *item, bool bad)
{
	char id[24];
	snprintf(id, sizeof(id), "e%d", number);
	struct event e = shop_review(id, ts, user, item, bad ? "bad" : "good", "en");
	assert_int_equal(shop_event(s, &e), APPLIED);
}

static void a_spike_is_raised_with_its_figures_and_resolved_when_its_reviews_are_gone(void **state)
{
	(void)state;
	struct shop *s = shop_open(3);
	for (int i = 0; i < 14; i++) {
		char user[16];
		snprintf(user, sizeof(user), "u%d", i);
		review(s, i, start + i * 60000, user, "B13", i < 10);
	}
	shop_flush(s);
	shop_time(s, start + quarter - 1);
	assert_int_equal(s->alerts.size, 0); /* the pane is not over */
	shop_time(s, start + quarter);
	json_t *found = alerts_of(&s->alerts, "item:B13");
	assert_int_equal(json_array_size(found), 1);
	const json_t *a = json_array_get(found, 0);
	assert_string_equal(text_at(a, "id"), "negative_spike:item:B13:1888888");
	assert_string_equal(text_at(a, "kind"), "negative_spike");
	assert_string_equal(text_at(a, "state"), "raised");
	assert_string_equal(text_at(a, "severity"), "high");
	assert_string_equal(text_at(a, "text_en"), "Negative reviews of item B13 are up: 10 of 14 in the last 2 hours (71 %), 10 % expected: \"bad\".");
	assert_string_equal(text_at(a, "text_zh"), "商品 B13 的差评增多：最近 2 小时的 14 条评论中有 10 条差评（71%），正常约为 10%：“bad”。");
	assert_true(number_at(a, "ts") == (double)(start + quarter) && number_at(a, "raised_ts") == (double)(start + quarter));
	assert_true(number_at(a, "window") == 2 * 3600000.0 && number_at(a, "n") == 14 && number_at(a, "k") == 10);
	assert_true(fabs(number_at(a, "value") - 10 / 14.) < 1e-6 && fabs(number_at(a, "expected") - .1) < 1e-9);
	assert_true(fabs(number_at(a, "p_value") - 0.00010015153713465847) < 1e-9);
	assert_true(fabs(number_at(a, "wilson_low") - 0.4535091567010681) < 1e-6);
	const struct spike_model *m = model_block(s->engine->model, P_SPIKE, (struct key){ KEY_ITEM, symbols_find(s->engine->symbols, TEXT("B13")) });
	assert_int_equal(m->severity, SEVERITY_HIGH);
	json_decref(found);
	shop_check_rows(s);

	/* its pane leaves the longest window 1344 panes later (in no shorter one were enough reviews); the second evaluation is a pane later */
	shop_time(s, start + 14 * day + 2 * quarter - 1);
	found = alerts_of(&s->alerts, "item:B13");
	assert_int_equal(json_array_size(found), 1);
	json_decref(found);
	shop_time(s, start + 30 * day);
	found = alerts_of(&s->alerts, "item:B13");
	assert_int_equal(json_array_size(found), 2);
	a = json_array_get(found, 1);
	assert_string_equal(text_at(a, "id"), "negative_spike:item:B13:1888888");
	assert_string_equal(text_at(a, "state"), "resolved");
	assert_true(number_at(a, "ts") == (double)(start + 14 * day + 2 * quarter) && number_at(a, "n") == 0 && number_at(a, "value") == 0);
	assert_string_equal(text_at(a, "text_en"), "Negative reviews of item B13 are back to normal: no reviews in the last 14 days, 10 % expected.");
	assert_string_equal(text_at(a, "text_zh"), "商品 B13 的差评已恢复正常：最近 14 天没有评论，正常约为 10%。");
	json_decref(found);
	assert_null(model_block(s->engine->model, P_SPIKE, (struct key){ KEY_ITEM, symbols_find(s->engine->symbols, TEXT("B13")) }));
	/* `all` got the same reviews */
	found = alerts_of(&s->alerts, "all");
	assert_int_equal(json_array_size(found), 2);
	assert_non_null(strstr(text_at(json_array_get(found, 0), "text_en"),
		"Negative reviews of the whole shop are up: 10 of 14 in the last 2 hours (71 %), 10 % expected"));
	json_decref(found);
	shop_destroy(s);
}

static void two_negative_reviews_are_never_a_spike(void **state)
{
	(void)state;
	struct shop *s = shop_open(1);
	review(s, 1, start, "ann", "B1", true);
	review(s, 2, start + 1, "ben", "B1", true);
	shop_time(s, start + 30 * day);
	assert_int_equal(s->alerts.size, 0);
	shop_destroy(s);
}

static void one_shopper_counts_once_per_scope_and_window(void **state)
{
	(void)state;
	struct shop *s = shop_open(1);
	for (int i = 0; i < 60; i++)
		review(s, i, start + i * 600000, "ann", i % 3 ? "B1" : "B2", true);
	shop_time(s, start + day);
	assert_int_equal(s->alerts.size, 0);
	shop_item_view(s, KEY_ITEM, "B1"); /* sentiment counts them all */
	assert_non_null(strstr(shop_commands(s), " negative_1d 40 "));
	static const char *const users[] = { "ann", "ben", "cid", "dee", "eve" };
	for (int i = 0; i < 6; i++) /* three of them twice within a window, then a fourth: P(X >= 4 | 4, 2, 18) = .00056 */
		review(s, 100 + i, start + 20 * day + i, users[i % 3], "B3", true);
	review(s, 110, start + 20 * day + 6, "dee", "B3", true);
	review(s, 111, start + 20 * day + 7, "ann", "B4", false);
	shop_time(s, start + 21 * day);
	json_t *found = alerts_of(&s->alerts, "item:B3");
	assert_int_equal(json_array_size(found), 0);
	json_decref(found);
	review(s, 112, start + 21 * day, "eve", "B3", true); /* P(X >= 5 | 5, 2, 18) = .00014 */
	shop_time(s, start + 22 * day);
	found = alerts_of(&s->alerts, "item:B3");
	assert_int_equal(json_array_size(found), 1);
	assert_true(number_at(json_array_get(found, 0), "n") == 5);
	json_decref(found);
	for (int i = 0; i < 5; i++) /* a window after her first review of it ann counts again */
		review(s, 120 + i, start + 34 * day + 10 + i, users[i], "B4", true);
	shop_time(s, start + 35 * day);
	found = alerts_of(&s->alerts, "item:B4");
	assert_int_equal(json_array_size(found), 1); /* P(X >= 5 | 5, 2, 19) = .00011 */
	assert_true(number_at(json_array_get(found, 0), "n") == 5 && number_at(json_array_get(found, 0), "baseline_n") == 1);
	json_decref(found);
	shop_check_rows(s);
	shop_destroy(s);
}

static void a_shoppers_memory_is_bounded(void **state)
{
	(void)state;
	struct shop *s = shop_open(1);
	for (int i = 0; i < 300; i++) {
		char item[16];
		snprintf(item, sizeof(item), "B%d", i);
		review(s, i, start + i * 1000, "ann", item, false);
	}
	shop_flush(s);
	assert_int_equal(s->engine->drops[P_SPIKE][0], 300 + 1 + 4 - 64); /* items and `all`; and `all` again each time 64 items had pushed it out */
	shop_check_rows(s);
	shop_destroy(s);
}

/* ---- the stream of spike_reference.py ---- */

struct transition {
	const char *state, *severity;
	int64_t ts, window, n, k;
	double p_value, expected, baseline_n;
};
static const struct transition expected_transitions[] = {
	{ "raised", "medium", 1703693700000, 345600000, 20, 7, 6.52599e-05, 0.0424547, 155.219 },
	{ "resolved", "medium", 1703993400000, 345600000, 20, 2, 0.211062, 0.0424547, 155.219 },
	{ "raised", "high", 1704485700000, 86400000, 6, 5, 2.28923e-06, 0.0424547, 155.219 },
	{ "resolved", "high", 1705372200000, 172800000, 10, 1, 0.344816, 0.0424547, 155.219 },
	{ "raised", "medium", 1708211700000, 345600000, 25, 8, 4.96311e-05, 0.0458594, 216.596 },
	{ "raised", "high", 1708787700000, 345600000, 23, 11, 3.89118e-08, 0.0458594, 216.596 },
	{ "resolved", "high", 1709631000000, 345600000, 21, 2, 0.251341, 0.0458594, 216.596 },
};
enum { N_TRANSITIONS = sizeof(expected_transitions) / sizeof(expected_transitions[0]),
	STREAM_HOURS = 24 * 120 };

struct stream_review {
	int64_t hour;
	bool bad;
};
static struct stream_review stream[4000];
static int n_stream;

static int make_stream(void)
{
	int64_t x = 12345;
	n_stream = 0;
	for (int h = 0; h < STREAM_HOURS; h++)
		for (int i = 0; i < 2; i++) {
			x = (x * 1103515245 + 12345) % (INT64_C(1) << 31);
			if ((double)x / 2147483648. >= .12)
				continue;
			x = (x * 1103515245 + 12345) % (INT64_C(1) << 31);
			double d = h / 24., p = d >= 40 && d < 43 ? .3 : d >= 51 && d < 60 ? .95
				: d >= 90 && d < 104                                       ? .3
											   : .05;
			stream[n_stream++] = (struct stream_review){ h, (double)x / 2147483648. < p };
		}
	return n_stream;
}

static void check_transitions(const struct buf *alerts)
{
	json_t *found = alerts_of(alerts, NULL);
	assert_int_equal(json_array_size(found), N_TRANSITIONS);
	for (size_t i = 0; i < N_TRANSITIONS; i++) {
		const json_t *a = json_array_get(found, i);
		const struct transition *t = &expected_transitions[i];
		assert_string_equal(text_at(a, "state"), t->state);
		assert_string_equal(text_at(a, "severity"), t->severity);
		assert_true(number_at(a, "ts") == (double)t->ts && number_at(a, "window") == (double)t->window);
		assert_true(number_at(a, "n") == (double)t->n && number_at(a, "k") == (double)t->k);
		assert_true(fabs(number_at(a, "p_value") - t->p_value) <= 2e-5 * t->p_value);
		assert_true(fabs(number_at(a, "expected") - t->expected) <= 2e-5 * t->expected);
		assert_true(fabs(number_at(a, "baseline_n") - t->baseline_n) <= 2e-5 * t->baseline_n);
	}
	json_decref(found);
}

static void the_transitions_are_those_of_judging_every_pane(void **state)
{
	(void)state;
	struct shop *s = shop_open(1);
	make_stream();
	struct scope *x = scope_open(s, "B1");
	int at = 0;
	for (int64_t h = 0; h < STREAM_HOURS + 1000; h++) { /* hour by hour, through a row every ninth */
		for (; at < n_stream && stream[at].hour == h; at++)
			scope_add(x, start + h * hour, 1, stream[at].bad);
		scope_time(x, start + (h + 1) * hour);
		if (h % 9 == 0)
			scope_restart(x);
	}
	check_transitions(&x->alerts);
	assert_true(spike_processor.due_at(settings_of(x), x->block) == INT64_MAX); /* nothing left to judge */
	scope_close(x);
	shop_destroy(s);
}

static void a_long_gap_of_time_changes_nothing(void **state)
{
	(void)state;
	struct shop *s = shop_open(1);
	make_stream();
	struct buf first = { 0 }, now = { 0 };
	static const int64_t ahead[] = { 1, 29, 7 * 24 }; /* hours that come in before time passes: panes ahead, within the bound */
	for (int v = 0; v < 3; v++) {
		struct scope *x = scope_open(s, "B1");
		int at = 0;
		for (int64_t h = 0; h < STREAM_HOURS; h += ahead[v]) {
			for (; at < n_stream && stream[at].hour < h + ahead[v]; at++)
				scope_add(x, start + stream[at].hour * hour, 1, stream[at].bad);
			scope_time(x, start + (h + ahead[v]) * hour);
		}
		scope_time(x, start + 100000 * hour);
		check_transitions(&x->alerts);
		scope_save(x, v ? &now : &first);
		if (v) {
			assert_int_equal(first.size, now.size);
			assert_memory_equal(first.data, now.data, first.size);
		}
		scope_close(x);
	}
	buf_done(&first);
	buf_done(&now);
	shop_destroy(s);
}

static void the_order_within_an_interval_changes_nothing(void **state)
{
	(void)state;
	struct shop *s = shop_open(1);
	make_stream();
	struct scope *x = scope_open(s, "B1");
	int at = 0;
	for (int64_t d = 0; d < 120; d++) { /* a day at a time, backwards */
		int end = at;
		while (end < n_stream && stream[end].hour < (d + 1) * 24)
			end++;
		for (int i = end; i-- > at;)
			scope_add(x, start + stream[i].hour * hour, 1, stream[i].bad);
		at = end;
		scope_time(x, start + (d + 1) * day);
	}
	scope_time(x, start + 150 * day);
	check_transitions(&x->alerts);
	scope_close(x);
	shop_destroy(s);
}

static void what_comes_late_is_judged_with_the_next_pane(void **state)
{
	(void)state;
	struct shop *s = shop_open(1);
	struct scope *x = scope_open(s, "B1");
	scope_add(x, start, 5, 2);
	scope_time(x, start + 10 * hour);
	scope_add(x, start + hour, 9, 8); /* 10 of 14, but its pane is long over */
	assert_int_equal(x->alerts.size, 0);
	scope_time(x, start + 10 * hour + quarter - 1);
	assert_int_equal(x->alerts.size, 0);
	scope_time(x, start + 10 * hour + quarter);
	json_t *found = alerts_of(&x->alerts, NULL);
	assert_int_equal(json_array_size(found), 1);
	assert_true(number_at(json_array_get(found, 0), "ts") == (double)(start + 10 * hour + quarter));
	assert_true(number_at(json_array_get(found, 0), "k") == 10);
	json_decref(found);
	scope_add(x, start - 15 * day, 100, 100); /* before the window: counted as dropped */
	assert_int_equal(x->drops[2], 200);
	scope_close(x);
	shop_destroy(s);
}

static void a_restore_is_silent(void **state)
{
	(void)state;
	struct shop *s = shop_open(1);
	struct scope *x = scope_open(s, "B1");
	x->ctx.silent = true;
	scope_add(x, start, 14, 10);
	scope_time(x, start + hour);
	assert_int_equal(x->alerts.size, 0);
	x->ctx.silent = false;
	scope_time(x, start + 400 * hour); /* but it stood: its end is told */
	json_t *found = alerts_of(&x->alerts, NULL);
	assert_int_equal(json_array_size(found), 1);
	assert_string_equal(text_at(json_array_get(found, 0), "state"), "resolved");
	json_decref(found);
	scope_close(x);
	shop_destroy(s);
}

static void panes_are_bounded_and_rows_cut_anywhere_are_refused(void **state)
{
	(void)state;
	struct shop *s = shop_open(1);
	struct scope *x = scope_open(s, "B1");
	for (int i = 0; i < 4000; i++)
		scope_add(x, start + (i * 37 % 4000) * quarter, 1, i % 9 == 0);
	assert_true(x->drops[1] >= 1000);
	struct buf bytes = { 0 };
	scope_save(x, &bytes);
	for (size_t n = 0; n < bytes.size; n += n % 7 + 1) {
		void *block = pool_alloc(s->engine->pool, spike_processor.item.size);
		struct reader r = reader_of(bytes.data, n);
		assert_int_equal(spike_processor.item.load(settings_of(x), block, spike_processor.item.version, &r, s->engine->symbols, s->engine->pool), -EBADMSG);
		spike_processor.item.done(block, s->engine->pool);
		pool_free(s->engine->pool, block, spike_processor.item.size);
	}
	buf_done(&bytes);
	scope_close(x);
	shop_destroy(s);
}

static void every_alert_is_what_the_schema_says(void **state)
{
	(void)state;
	json_error_t error;
	json_t *schema = json_load_file("schemas/alert.schema.json", 0, &error);
	if (!schema)
		fail_msg("schemas/alert.schema.json: %s (run from the source tree)", error.text);
	struct shop *s = shop_open(1);
	struct scope *x = scope_open(s, "B \"1\"\\");
	scope_add(x, start, 14, 10);
	scope_time(x, start + 400 * hour);
	json_t *found = alerts_of(&x->alerts, NULL);
	assert_int_equal(json_array_size(found), 2);
	for (size_t i = 0; i < 2; i++) {
		json_t *a = json_array_get(found, i);
		const json_t *parts[2][2] = { { a, schema },
			{ json_object_get(a, "evidence"), json_object_get(json_object_get(json_object_get(schema, "then"), "properties"), "evidence") } };
		for (int p = 0; p < 2; p++) {
			const json_t *required = json_object_get(parts[p][1], "required"), *properties = json_object_get(parts[p][1], "properties");
			assert_int_equal(json_array_size(required), json_object_size(parts[p][0]));
			for (size_t j = 0; j < json_array_size(required); j++) {
				const char *name = json_string_value(json_array_get(required, j));
				const json_t *value = json_object_get(parts[p][0], name), *property = json_object_get(properties, name);
				const char *type = json_string_value(json_object_get(property, "type"));
				assert_non_null(value);
				assert_non_null(json_string_value(json_object_get(property, "description")));
				if (type)
					assert_true(strcmp(type, "string") == 0        ? json_is_string(value)
							: strcmp(type, "integer") == 0 ? json_is_integer(value)
							: strcmp(type, "number") == 0  ? json_is_number(value)
							: strcmp(type, "array") == 0   ? json_is_array(value)
										       : json_is_object(value));
			}
		}
		assert_string_equal(text_at(a, "scope"), "item:B \"1\"\\");
	}
	json_decref(found);
	json_decref(schema);
	scope_close(x);
	shop_destroy(s);
}

static void a_row_of_version_1_is_taken_over(void **state)
{
	(void)state; /* hourly panes; an alert stands since the hour of `start` */
	struct shop *s = shop_open(1);
	struct scope *x = scope_open(s, "B1");
	struct buf row = { 0 };
	const int64_t first = 472222, panes[] = { first + 1, 0, 0, 0, 0, first };
	buf_varint(&row, 3600000);
	for (int i = 0; i < 6; i++)
		buf_zigzag(&row, panes[i]);
	buf_double(&row, 3);
	buf_double(&row, 40);
	buf_double(&row, 4.);
	buf_bytes(&row, (const uint8_t[]){ 1, SEVERITY_HIGH, 0 }, 3);
	buf_varint(&row, 1);
	buf_zigzag(&row, first);
	buf_varint(&row, 14);
	buf_varint(&row, 10);
	struct reader r = reader_of(row.data, row.size);
	assert_int_equal(spike_processor.item.load(settings_of(x), x->block, 1, &r, s->engine->symbols, s->engine->pool), 0);
	assert_int_equal(reader_left(&r), 0);
	scope_restart(x);
	scope_time(x, start + 30 * day);
	json_t *found = alerts_of(&x->alerts, NULL);
	assert_int_equal(json_array_size(found), 1);
	assert_string_equal(text_at(json_array_get(found, 0), "state"), "resolved");
	assert_true(number_at(json_array_get(found, 0), "raised_ts") == (double)(start + quarter) && number_at(json_array_get(found, 0), "baseline_n") == 40);
	json_decref(found);
	buf_done(&row);
	scope_close(x);
	shop_destroy(s);
}

static void what_an_alert_saw_is_not_judged_again(void **state)
{
	(void)state;
	struct shop *s = shop_open(1);
	struct scope *x = scope_open(s, "B1");
	scope_add(x, start, 14, 12);
	for (int d = 1; d < 40; d++) { /* well again at once; the longest window holds the bad hour for 13 days more */
		scope_add(x, start + d * day, 20, d % 2);
		scope_time(x, start + d * day + hour);
	}
	json_t *found = alerts_of(&x->alerts, NULL);
	assert_int_equal(json_array_size(found), 2);
	assert_string_equal(text_at(json_array_get(found, 1), "state"), "resolved");
	assert_true(number_at(json_array_get(found, 1), "ts") < (double)(start + 3 * day));
	json_decref(found);
	scope_close(x);
	shop_destroy(s);
}

static void held_back(struct scope *x, int64_t looked_at)
{
	scope_add(x, start, 14, 12);
	for (int64_t h = 1; h < 40 * 24; h++) {
		if (h % 24 == 0 && h < 72)
			scope_add(x, start + h * hour, 20, 0);
		if (h == 120)
			scope_add(x, start + h * hour, 14, 12); /* within the cool-down */
		if (looked_at > start + (h - 1) * hour && looked_at < start + h * hour) {
			x->ctx.watermark = looked_at;
			spike_processor.delta(settings_of(x), &x->ctx, x->block, &(struct delta){ .metric = SPIKE_COMPLAINT, .merge = MERGE_SUM, .amount = 1 });
			scope_restart(x);
		}
		scope_time(x, start + h * hour);
	}
}

static void what_a_cool_down_held_back_is_raised_at_its_end_whatever_comes_just_then(void **state)
{
	(void)state;
	struct shop *s = shop_open(1);
	struct scope *x = scope_open(s, "B1"), *y = scope_open(s, "B1");
	int64_t pane_ms = ((const struct spike_settings *)settings_of(x))->pane_ms;
	held_back(x, 0);
	json_t *found = alerts_of(&x->alerts, NULL);
	assert_true(json_array_size(found) >= 3);
	assert_string_equal(text_at(json_array_get(found, 2), "state"), "raised");
	int64_t end = (int64_t)number_at(json_array_get(found, 2), "ts");
	assert_true(end > (int64_t)number_at(json_array_get(found, 1), "ts") + 6 * day);
	json_decref(found);
	held_back(y, end - pane_ms / 2); /* something else comes in the very pane */
	assert_int_equal(x->alerts.size, y->alerts.size);
	assert_memory_equal(x->alerts.data, y->alerts.data, x->alerts.size);
	scope_close(x);
	scope_close(y);
	shop_destroy(s);
}

static void a_slow_drift_is_found_when_no_window_is_beyond_its_alpha(void **state)
{
	(void)state;
	int64_t raised[2] = { 0 };
	for (int with = 0; with < 2; with++) { /* 100 days with 2 of 20 a day, then 16 of 100 */
		struct shop *s = shop_create(1, (const char *[]){ shop_lexicon_option, with ? "spike.drift_threshold=5" : "spike.drift_threshold=0", NULL });
		struct scope *x = scope_open(s, "B1");
		for (int d = 0; d < 200; d++) {
			scope_add(x, start + d * day, 20, d < 100 ? 2 : 3 + (d % 5 == 0));
			scope_time(x, start + d * day + hour);
		}
		json_t *found = alerts_of(&x->alerts, NULL);
		if (json_array_size(found))
			raised[with] = (int64_t)number_at(json_array_get(found, 0), "window");
		json_decref(found);
		scope_close(x);
		shop_destroy(s);
	}
	assert_int_equal(raised[0], 0);
	assert_true(raised[1] > 14 * day);
}

/* ---- E2: how often it is wrong, and how soon it is right ---- */

static uint64_t random_state;

static double uniform(void) /* 0..1, SplitMix64 */
{
	uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return (double)((z ^ z >> 31) >> 11) / 9007199254740992.;
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

static void false_alarms_are_rare_and_spikes_are_found(void **state)
{
	enum { ITEMS = 300,
		QUIET_DAYS = 120,
		SPIKE_DAYS = 14,
		PER_DAY = 12 };
	(void)state; /* E2 judges once a day, 1, 3, 7 and 14 days */
	struct shop *s = shop_create(1, (const char *[]){ shop_lexicon_option, "spike.pane=1d", "spike.windows=1d 3d 7d", NULL });
	int false_alarms = 0, clean = 0, detected = 0;
	double delay = 0;
	random_state = 42;
	for (int i = 0; i < ITEMS; i++) {
		struct scope *x = scope_open(s, "B1");
		double p = beta_2_18();
		bool stands = false;
		for (int d = 0; d < QUIET_DAYS + SPIKE_DAYS; d++) {
			if (d == QUIET_DAYS) {
				json_t *found = alerts_of(&x->alerts, NULL);
				for (size_t j = 0; j < json_array_size(found); j++) {
					const json_t *a = json_array_get(found, j);
					stands = strcmp(text_at(a, "state"), "raised") == 0;
					false_alarms += stands && number_at(a, "ts") == number_at(a, "raised_ts");
				}
				json_decref(found);
				if (stands)
					break;
				buf_clear(&x->alerts);
				clean++;
			}
			double now = d < QUIET_DAYS ? p : fmin(.8, 3 * p + .1);
			for (int j = 0; j < 4 * PER_DAY; j++)
				if (uniform() < .25)
					scope_add(x, start + d * day, 1, uniform() < now);
			scope_time(x, start + (d + 1) * day);
			if (d >= QUIET_DAYS && x->alerts.size) {
				detected++;
				delay += d + 1 - QUIET_DAYS;
				break;
			}
		}
		scope_close(x);
	}
	double per_1000 = 1000. * false_alarms / (ITEMS * QUIET_DAYS);
	print_message("false alarms per 1,000 item-days: %.2f; found %d of %d, after %.1f days\n", per_1000, detected, clean, delay / detected);
	assert_true(per_1000 < .4);           /* E2, 5 reviews a day and more: .28 */
	assert_true(detected >= clean * .97); /* 99 % */
	assert_true(delay / detected < 4);    /* 2.3 days, the day itself not counted */
	shop_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_spike_is_raised_with_its_figures_and_resolved_when_its_reviews_are_gone),
		cmocka_unit_test(two_negative_reviews_are_never_a_spike),
		cmocka_unit_test(one_shopper_counts_once_per_scope_and_window),
		cmocka_unit_test(a_shoppers_memory_is_bounded),
		cmocka_unit_test(the_transitions_are_those_of_judging_every_pane),
		cmocka_unit_test(a_long_gap_of_time_changes_nothing),
		cmocka_unit_test(the_order_within_an_interval_changes_nothing),
		cmocka_unit_test(what_comes_late_is_judged_with_the_next_pane),
		cmocka_unit_test(a_restore_is_silent),
		cmocka_unit_test(panes_are_bounded_and_rows_cut_anywhere_are_refused),
		cmocka_unit_test(every_alert_is_what_the_schema_says),
		cmocka_unit_test(a_row_of_version_1_is_taken_over),
		cmocka_unit_test(what_an_alert_saw_is_not_judged_again),
		cmocka_unit_test(what_a_cool_down_held_back_is_raised_at_its_end_whatever_comes_just_then),
		cmocka_unit_test(a_slow_drift_is_found_when_no_window_is_beyond_its_alpha),
		cmocka_unit_test(false_alarms_are_rare_and_spikes_are_found),
	};
	return cmocka_run_group_tests(tests, shop_lexicon_write, shop_lexicon_remove);
}
