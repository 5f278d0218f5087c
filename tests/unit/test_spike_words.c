/* What an alert on reviews says: aspects and excerpts of its window and of nothing else, and nobody's name. */
#include "spike_fixture.h"

static void an_alert_names_the_aspect_and_quotes_what_was_written(void **state)
{
	(void)state;
	struct shop *s = shop_open(1);
	struct scope *x = scope_open(s, "B1");
	static const char *const written[] = { "the fourth", "the first", "the third", "the second", "the third" };
	static const int at[] = { 0, 3, 1, 2, 1 }; /* pane of each, from `start` */
	symbol_t fit = symbols_intern(s->engine->symbols, TEXT("fit")), price = symbols_intern(s->engine->symbols, TEXT("price"));
	for (int i = 0; i < 5; i++) {
		struct delta d = { .metric = SPIKE_EXCERPT, .merge = MERGE_LIST, .pane = pane_of(start + at[i] * quarter, quarter), .bytes = text_of(written[i]) };
		spike_processor.delta(settings_of(x), &x->ctx, x->block, &d);
	}
	for (int i = 0; i < 6; i++) {
		struct delta d = { .metric = SPIKE_COMPLAINT, .merge = MERGE_SUM, .pane = pane_of(start, quarter), .sub = i % 3 ? fit : price, .amount = 1 };
		spike_processor.delta(settings_of(x), &x->ctx, x->block, &d);
	}
	scope_add(x, start + 3 * quarter, 14, 12);
	scope_restart(x);
	scope_time(x, start + hour);
	json_t *found = alerts_of(&x->alerts, NULL);
	const json_t *a = json_array_get(found, 0);
	assert_string_equal(text_at(a, "text_en"), "Negative reviews of item B1 are up: 12 of 14 in the last 2 hours (86 %), 4 of them about fit, 10 % expected: "
						   "\"the first\", \"the second\", \"the third\".");
	assert_string_equal(text_at(a, "text_zh"), "商品 B1 的差评增多：最近 2 小时的 14 条评论中有 12 条差评（86%），其中 4 条涉及版型，正常约为 10%："
						   "“the first”、“the second”、“the third”。");
	const json_t *evidence = json_object_get(a, "evidence");
	assert_string_equal(text_at(evidence, "aspect"), "fit");
	assert_true(number_at(a, "aspect_k") == 4 && json_array_size(json_object_get(evidence, "excerpts")) == 3);
	json_decref(found);
	scope_close(x);
	shop_destroy(s);
}

/* However much of the pane that runs is here before the one before it is judged, and in whatever order: three excerpts of each stay. */
static void a_busy_pane_leaves_the_excerpts_of_the_one_before(void **state)
{
	(void)state;
	for (int way = 0; way < 2; way++) {
		struct shop *s = shop_open(1);
		struct scope *x = scope_open(s, "B1");
		for (int i = 0; i < 24; i++) {
			int j = way ? 23 - i : i;
			char text[16];
			snprintf(text, sizeof(text), "word %02d", j);
			struct delta d = { .metric = SPIKE_EXCERPT, .merge = MERGE_LIST, .pane = pane_of(start + (j < 5 ? 3 : 4) * quarter, quarter), .bytes = text_of(text) };
			spike_processor.delta(settings_of(x), &x->ctx, x->block, &d);
		}
		scope_add(x, start + 3 * quarter, 14, 12);
		scope_time(x, start + hour);
		json_t *found = alerts_of(&x->alerts, NULL);
		const char *said = text_at(json_array_get(found, 0), "text_en");
		assert_non_null(strstr(said, "\"word 00\", \"word 01\", \"word 02\"."));
		json_decref(found);
		scope_close(x);
		shop_destroy(s);
	}
}

static void complain(struct scope *x, int64_t ts, const char *aspect, int64_t k, const char *written)
{
	struct delta d = { .metric = SPIKE_COMPLAINT, .merge = MERGE_SUM, .pane = pane_of(ts, quarter), .sub = symbols_intern(x->shop->engine->symbols, text_of(aspect)), .amount = k };
	spike_processor.delta(settings_of(x), &x->ctx, x->block, &d);
	d = (struct delta){ .metric = SPIKE_EXCERPT, .merge = MERGE_LIST, .pane = pane_of(ts, quarter), .bytes = text_of(written) };
	spike_processor.delta(settings_of(x), &x->ctx, x->block, &d);
}

/* Before the window, on the same day, they complained of the price; behind it, which a replay brings along, of the colour. */
static void what_an_alert_says_is_of_its_window(void **state)
{
	(void)state;
	struct shop *s = shop_open(1);
	struct scope *x = scope_open(s, "B1");
	scope_add(x, start + 3 * hour, 100, 9);
	complain(x, start + 3 * hour, "price", 9, "too dear");
	scope_add(x, start + 8 * hour, 14, 12);
	complain(x, start + 8 * hour, "size", 6, "too small");
	scope_add(x, start + 9 * hour, 60, 6);
	complain(x, start + 9 * hour, "colour", 6, "too red");
	complain(x, start + 9 * hour, "size", 6, "too small"); /* the same words again, later */
	complain(x, start + 20 * day, "colour", 6, "too blue");
	scope_restart(x);
	scope_time(x, start + 8 * hour + quarter);
	json_t *found = alerts_of(&x->alerts, NULL);
	assert_string_equal(text_at(json_array_get(found, 0), "text_en"), "Negative reviews of item B1 are up: 12 of 14 in the last 2 hours (86 %), 6 of them about size, 10 % expected: "
									  "\"too small\".");
	json_decref(found);
	scope_close(x);
	shop_destroy(s);
}

static void no_aspect_is_named_where_it_is_not_known_of_the_whole_window(void **state)
{
	(void)state;
	for (int by_days = 0; by_days < 2; by_days++) {
		struct shop *s = shop_open(1);
		struct scope *x = scope_open(s, "B1");
		struct delta d = { .metric = SPIKE_COMPLAINT_OF_DAY, .merge = MERGE_SUM, .pane = pane_of(start, day), .sub = symbols_intern(s->engine->symbols, TEXT("fit")), .amount = 9 };
		complain(x, start, "fit", 9, "too long");
		scope_add(x, start, 14, 12);
		if (by_days) /* from a process that is not upgraded yet */
			spike_processor.delta(settings_of(x), &x->ctx, x->block, &d);
		scope_restart(x);
		scope_time(x, start + hour);
		json_t *found = alerts_of(&x->alerts, NULL);
		const json_t *a = json_array_get(found, 0);
		assert_int_equal(strstr(text_at(a, "text_en"), "9 of them about fit") != NULL, !by_days);
		assert_string_equal(text_at(json_object_get(a, "evidence"), "aspect"), by_days ? "" : "fit");
		json_decref(found);
		complain(x, start + day, "size", 3, "too long");
		int64_t k;
		const struct spike_item *b = x->block;
		assert_int_equal(spike_words_aspect(&b->words, s->engine->symbols, pane_of(start + 4 * hour, quarter), pane_of(start + day, quarter), &k), symbols_find(s->engine->symbols, TEXT("size")));
		assert_int_equal(k, 3);
		scope_close(x);
		shop_destroy(s);
	}
}

/* Two aspects in each of more panes than there is room for: whole panes go, and which ones does not depend on what comes first. */
static void complaints_are_bounded_by_whole_panes(void **state)
{
	(void)state;
	struct shop *s = shop_open(1);
	struct buf rows[3] = { { 0 } };
	enum { PANES = WORDS_COMPLAINTS_MAX / 2 + 100 };
	symbol_t aspects[2] = { symbols_intern(s->engine->symbols, TEXT("fit")), symbols_intern(s->engine->symbols, TEXT("price")) };
	for (int order = 0; order < 3; order++) {
		struct spike_words w = { 0 };
		int64_t k;
		for (int i = 0; i < 2 * PANES; i++) {
			int at = order == 0 ? i : order == 1 ? 2 * PANES - 1 - i
							     : i * 37 % (2 * PANES);
			spike_words_complaint(&w, s->engine->pool, s->engine->symbols, 1000 + at / 2, aspects[at % 2], 1 + at % 2);
		}
		assert_int_equal(w.n, WORDS_COMPLAINTS_MAX);
		assert_int_equal(w.known_from, 1000 + 100);
		assert_int_equal(spike_words_aspect(&w, s->engine->symbols, 1100, 1000 + PANES - 1, &k), aspects[1]);
		assert_int_equal(k, 2 * (PANES - 100));
		assert_int_equal(spike_words_aspect(&w, s->engine->symbols, 1099, 1000 + PANES - 1, &k), 0);
		spike_words_save(&w, s->engine->symbols, &rows[order]);
		assert_true(rows[order].size < WORDS_COMPLAINTS_MAX * 3 + 64);
		spike_words_done(&w, s->engine->pool);
		assert_int_equal(rows[order].size, rows[0].size);
		assert_memory_equal(rows[order].data, rows[0].data, rows[0].size);
	}
	struct spike_words w = { 0 }; /* and back, into panes of twice the width */
	int64_t k;
	struct reader r = reader_of(rows[0].data, rows[0].size);
	assert_int_equal(spike_words_load(&w, &r, s->engine->symbols, s->engine->pool, quarter, 2 * quarter, false), 0);
	assert_int_equal(reader_left(&r), 0);
	assert_true(w.n == WORDS_COMPLAINTS_MAX / 2 && w.known_from == 550);
	assert_int_equal(spike_words_aspect(&w, s->engine->symbols, 550, 550, &k), aspects[1]);
	assert_int_equal(k, 4);
	spike_words_done(&w, s->engine->pool);
	for (int i = 0; i < 3; i++)
		buf_done(&rows[i]);
	shop_destroy(s);
}

/* Version 3 had complaints by days: of panes up to the newest that the row has they are not known. Its excerpts may name their writers: they go. */
static void a_row_of_version_3_is_taken_over(void **state)
{
	(void)state;
	struct shop *s = shop_open(1);
	struct scope *x = scope_open(s, "B1");
	struct buf row = { 0 };
	const int64_t first = pane_of(start, quarter);
	buf_varint(&row, (uint64_t)quarter);
	for (int i = 0; i < 9; i++)
		buf_zigzag(&row, i == 0 ? first : 0);
	for (int i = 0; i < 6; i++)
		buf_double(&row, 0);
	buf_bytes(&row, (const uint8_t[7]){ 0 }, 7); /* four counts, three flags */
	buf_varint(&row, 1);
	buf_zigzag(&row, first);
	buf_varint(&row, 14);
	buf_varint(&row, 12);
	buf_varint(&row, 1);
	buf_zigzag(&row, first);
	buf_text(&row, TEXT("the first"));
	buf_varint(&row, 1);
	buf_zigzag(&row, pane_of(start, day));
	buf_text(&row, TEXT("fit"));
	buf_varint(&row, 9);
	for (size_t n = 0; n <= row.size; n++) {
		struct reader r = reader_of(row.data, n);
		spike_processor.item.done(x->block, s->engine->pool);
		memset(x->block, 0, spike_processor.item.size);
		assert_int_equal(spike_processor.item.load(settings_of(x), x->block, 3, &r, s->engine->symbols, s->engine->pool), n < row.size ? -EBADMSG : 0);
	}
	scope_restart(x);
	scope_time(x, start + hour);
	json_t *found = alerts_of(&x->alerts, NULL);
	assert_string_equal(text_at(json_array_get(found, 0), "text_en"), "Negative reviews of item B1 are up: 12 of 14 in the last 2 hours (86 %), 10 % expected.");
	json_decref(found);
	assert_int_equal(((const struct spike_item *)x->block)->words.known_from, first + 1);
	buf_done(&row);
	scope_close(x);
	shop_destroy(s);
}

/* With [privacy] key_file the shopper is known by a pseudonym, and writes what the shop calls them. */
static void nobody_is_named_in_an_alert(void **state)
{
	(void)state;
	for (int keyed = 0; keyed < 2; keyed++) {
		struct shop *s = shop_open(1);
		for (int i = 0; i < 12; i++) {
			char id[24], sent[24], user[24], text[128];
			snprintf(id, sizeof(id), "e%d", i);
			snprintf(sent, sizeof(sent), "shopper-%d", i);
			snprintf(user, sizeof(user), "%016x", i);
			snprintf(text, sizeof(text), "bad, says shopper-%d (s%d@mail.example, 0170 1234%03d)", i, i, i);
			struct event e = shop_review(id, start + i, keyed ? user : sent, "B1", text, "en");
			if (keyed)
				e.sent_id = text_of(sent);
			assert_int_equal(shop_event(s, &e), APPLIED);
		}
		shop_time(s, start + hour);
		json_t *found = alerts_of(&s->alerts, "item:B1");
		assert_int_equal(json_array_size(found), 1);
		assert_non_null(strstr(text_at(json_array_get(found, 0), "text_en"), "expected: \"bad, says … (…, …)\"."));
		assert_null(strstr(text_at(json_array_get(found, 0), "text_zh"), "shopper-"));
		json_decref(found);
		shop_check_rows(s);
		shop_destroy(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_busy_pane_leaves_the_excerpts_of_the_one_before),
		cmocka_unit_test(an_alert_names_the_aspect_and_quotes_what_was_written),
		cmocka_unit_test(what_an_alert_says_is_of_its_window),
		cmocka_unit_test(no_aspect_is_named_where_it_is_not_known_of_the_whole_window),
		cmocka_unit_test(complaints_are_bounded_by_whole_panes),
		cmocka_unit_test(a_row_of_version_3_is_taken_over),
		cmocka_unit_test(nobody_is_named_in_an_alert),
	};
	return cmocka_run_group_tests(tests, shop_lexicon_write, shop_lexicon_remove);
}
