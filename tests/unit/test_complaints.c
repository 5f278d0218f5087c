/* Rising complaints: decayed counts and log-odds against the formulas of complaints.h, worked here by themselves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>
#include <math.h>
#include <errno.h>

#include "processors/complaints.h"
#include "tests/unit/shop.h"

static const int64_t start = 1700006400000, hour = 3600000, day = 86400000; /* start: a pane's first moment */

static struct shop *shop_open(uint32_t partitions, const char *option)
{
	return shop_create(partitions, (const char *[]){ shop_lexicon_option, option, NULL });
}

static void post(struct shop *s, int64_t ts, const char *text, const char *lang)
{
	static int number;
	char id[24], user[24];
	snprintf(id, sizeof(id), "e%d", ++number);
	snprintf(user, sizeof(user), "u%d", number % 89);
	struct event e = shop_review(id, ts, user, "B1", text, lang);
	assert_int_equal(shop_event(s, &e), APPLIED);
}

/* glint:complaints[:category] as rendered now; NULL when there is none. The caller's. */
static json_t *shown(struct shop *s, const char *category)
{
	char begin[80];
	shop_item_view(s, category ? KEY_CATEGORY : KEY_ALL, category);
	snprintf(begin, sizeof(begin), "SET glint:complaints%s%s ", category ? ":" : "", category ? category : "");
	const char *at = strstr(shop_commands(s), begin);
	return at ? json_loads(at + strlen(begin), JSON_DISABLE_EOF_CHECK, NULL) : NULL;
}

static const json_t *term_of(const json_t *view, const char *term)
{
	size_t i;
	json_t *one;
	json_array_foreach(json_object_get(view, "terms"), i, one) if (strcmp(json_string_value(json_object_get(one, "term")), term) == 0) return one;
	return NULL;
}

static double number(const json_t *object, const char *name)
{
	return json_number_value(json_object_get(object, name));
}

static bool near(double x, double y)
{
	return fabs(x - y) <= 1e-5 * (1 + fabs(y)); /* six digits are shown */
}

static void z_is_the_log_odds_ratio_by_its_deviation(void **state)
{
	(void)state;
	/* (ln(8.5 / 2.5) - ln(2.5 / 98.5)) / sqrt(1 / 8.5 + 1 / 2.5 + 1 / 2.5 + 1 / 98.5), by Python */
	assert_true(fabs(complaints_z(8, 10, 2, 100) - 5.084533019571099) < 1e-12);
	assert_true(complaints_z(0, 0, 0, 0) == 0);
	assert_true(fabs(complaints_z(3, 10, 3, 10)) < 1e-12);
	assert_true(complaints_z(1, 10, 5, 10) < 0);
}

static void what_negative_reviews_newly_speak_of_rises(void **state)
{
	(void)state;
	struct shop *s = shop_open(4, "complaints.least=5");
	struct event item = { .kind = EVENT_ITEM, .item = { .item_id = TEXT("B1"), .category = TEXT("rings"), .available = true } };
	shop_event(s, &item);
	for (int i = 0; i < 40; i++)
		post(s, start + i, i % 2 ? "bad zipper" : "bad stone", "en");
	for (int i = 0; i < 10; i++)
		post(s, start + 30 * day + i, "Bad zipper, the clasp tarnished and the clasp tarnished", "en");
	for (int i = 0; i < 4; i++)
		post(s, start + 30 * day + i, "bad hinge", "en"); /* too few */
	for (int i = 0; i < 30; i++)
		post(s, start + 30 * day + i, "good colour", "en");
	shop_flush(s);
	json_t *view = shown(s, NULL);
	/* 30 days: ten half-lives of 3 d, one of 30 d */
	double recent = 14 + 40 * exp2(-10), before = 40 * (0.5 - exp2(-10));
	assert_true(near(number(view, "reviews"), recent) && near(number(view, "before"), before));
	static const char *const risen[] = { "clasp", "tarnished", "clasp tarnished" };
	for (size_t i = 0; i < 3; i++) {
		const json_t *t = term_of(view, risen[i]);
		assert_non_null(t);
		assert_true(near(number(t, "count"), 10) && number(t, "before") == 0);
		assert_true(near(number(t, "z"), complaints_z(10, recent, 0, before)));
	}
	/* 20 of 40 before, 10 of 14 now: not beyond chance. Stone falls; bad is everywhere; hinge is rare; colour is praised; "the" says nothing */
	static const char *const others[] = { "zipper", "stone", "bad", "bad zipper", "hinge", "colour", "the", "the clasp", "zipper clasp" };
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		assert_null(term_of(view, others[i]));
	json_t *category = shown(s, "rings");
	assert_true(json_equal(json_object_get(view, "terms"), json_object_get(category, "terms")));
	json_decref(category);
	json_decref(view);
	shop_check_rows(s);
	shop_destroy(s);
}

static void chinese_complaints_are_pairs_of_characters(void **state)
{
	(void)state;
	struct shop *s = shop_open(1, NULL);
	for (int i = 0; i < 40; i++)
		post(s, start + i, "衣服很差", "zh");
	for (int i = 0; i < 8; i++)
		post(s, start + 30 * day + i, "掉色了，很差", "zh");
	shop_flush(s);
	json_t *view = shown(s, NULL);
	assert_non_null(term_of(view, "掉色"));
	assert_null(term_of(view, "色了"));
	assert_null(term_of(view, "掉"));
	json_decref(view);
	shop_destroy(s);
}

static void reviews_out_of_order_count_by_their_age(void **state)
{
	(void)state;
	struct shop *s = shop_open(1, "complaints.least=1");
	post(s, start + 12 * hour, "bad clasp", "en");
	post(s, start, "bad clasp", "en");
	shop_flush(s);
	json_t *view = shown(s, NULL);
	double late = exp2(-12.0 / 72), late_long = exp2(-12.0 / 720);
	assert_true(near(number(view, "reviews"), 1 + late) && near(number(view, "before"), late_long - late));
	json_decref(view);
	shop_check_rows(s);
	shop_destroy(s);
}

static void the_rarest_terms_are_forgotten_at_the_bound(void **state)
{
	(void)state;
	struct shop *s = shop_open(1, "complaints.terms=10");
	char text[64];
	for (int i = 0; i < 12; i++)
		post(s, start + i, "bad clasp", "en"); /* bad, clasp, "bad clasp" */
	for (int i = 0; i < 100; i++) {
		snprintf(text, sizeof(text), "bad. word%c%c", 'a' + i / 26, 'a' + i % 26);
		post(s, start + 100 + i, text, "en");
	}
	for (int i = 0; i < 60; i++)
		post(s, start + 60 * day + i, i < 40 ? "bad clasp" : "bad", "en");
	shop_flush(s);
	assert_true(s->engine->drops[P_COMPLAINTS][0] >= 103 - 20); /* of 103 terms at most 20 are kept */
	json_t *view = shown(s, NULL);
	double recent = 60 + 112 * exp2(-20), before = 112 * (0.25 - exp2(-20));
	assert_true(near(number(view, "reviews"), recent) && near(number(view, "before"), before));
	/* kept through all of it, its counts whole: 12 of 112 before, 40 of 60 now */
	const json_t *t = term_of(view, "clasp");
	assert_non_null(t);
	assert_true(near(number(t, "count"), 40 + 12 * exp2(-20)) && near(number(t, "before"), 12 * (0.25 - exp2(-20))));
	json_decref(view);
	shop_check_rows(s);
	shop_destroy(s);
}

static void post_of(struct shop *s, int64_t ts, const char *user, const char *item, const char *text)
{
	static int number = 1000000;
	char id[24];
	snprintf(id, sizeof(id), "e%d", ++number);
	struct event e = shop_review(id, ts, user, item, text, "en");
	assert_int_equal(shop_event(s, &e), APPLIED);
}

static void what_points_to_a_person_is_no_term(void **state)
{
	(void)state;
	for (int keyed = 0; keyed < 2; keyed++) {
		struct shop *s = shop_open(1, "complaints.least=1");
		for (int i = 0; i < 40; i++)
			post(s, start + i, "bad zipper", "en");
		for (int i = 0; i < 12; i++) {
			char id[24], user[24];
			snprintf(id, sizeof(id), "p%d", i);
			snprintf(user, sizeof(user), "pseudonym%d", i);
			struct event e = shop_review(id, start + 30 * day + i, keyed ? user : "annlee1990", "B1", "bad clasp. ANNLEE1990 annlee@gmail.com 13800138000 wechat sunny88", "en");
			e.review.title = TEXT("annlee1990 writes, insta dreamer");
			if (keyed)
				e.sent_id = TEXT("annlee1990");
			assert_int_equal(shop_event(s, &e), APPLIED);
		}
		shop_flush(s);
		json_t *view = shown(s, NULL);
		char *text = json_dumps(view, 0);
		if (keyed)
			assert_true(near(number(term_of(view, "clasp"), "count"), 12) && term_of(view, "writes"));
		static const char *const none[] = { "annlee", "gmail", "138", "sunny", "dreamer" };
		for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++)
			assert_null(strstr(text, none[i]));
		free(text);
		json_decref(view);
		shop_destroy(s);
	}
}

/* Ten shoppers are ten; nine are not, however much they write. */
static void a_shopper_counts_once_for_a_term(void **state)
{
	(void)state;
	for (int shoppers = 9; shoppers <= 10; shoppers++) {
		struct shop *s = shop_open(1, "complaints.least=1");
		static const struct event items[2] = { { .kind = EVENT_ITEM, .item = { .item_id = TEXT("B1"), .category = TEXT("rings"), .available = true } },
			{ .kind = EVENT_ITEM, .item = { .item_id = TEXT("B2"), .category = TEXT("bows"), .available = true } } };
		s->engine->rules.least_baskets = 10;
		for (int i = 0; i < 2; i++)
			shop_event(s, &items[i]);
		for (int i = 0; i < 400; i++)
			post_of(s, start + i, "others", "B1", "bad");
		for (int i = 0; i < 5 * shoppers; i++) {
			char user[24];
			snprintf(user, sizeof(user), "u%d", i % shoppers);
			post_of(s, start + 30 * day + i, user, "B1", "bad clasp");
			post_of(s, start + 30 * day + i, user, "B2", i < shoppers ? "bad clasp" : "bad bow"); /* of another category: once there, too */
		}
		shop_reload_block(s, "u0", P_COMPLAINTS);
		shop_flush(s);
		json_t *view = shown(s, NULL), *rings = shown(s, "rings"), *bows = shown(s, "bows");
		assert_true(near(number(view, "reviews"), 10 * shoppers + 400 * exp2(-10))); /* reviews are counted all */
		assert_int_equal(term_of(view, "clasp") != NULL, shoppers == 10);
		if (shoppers == 10) {
			assert_true(near(number(term_of(view, "clasp"), "count"), 10) && near(number(term_of(rings, "clasp"), "count"), 10));
			assert_true(number(rings, "reviews") > 49.9 && number(bows, "reviews") == 50);
		}
		json_decref(view);
		json_decref(rings);
		json_decref(bows);
		for (int i = 0; i < shoppers; i++) { /* `long` later they count again */
			char user[24];
			snprintf(user, sizeof(user), "u%d", i);
			post_of(s, start + 30 * day + i, user, "B1", "bad clasp"); /* late: not */
			post_of(s, start + 60 * day + hour, user, "B1", "bad clasp");
		}
		shop_flush(s);
		view = shown(s, NULL);
		assert_int_equal(term_of(view, "clasp") != NULL, shoppers == 10);
		if (shoppers == 10)
			assert_true(near(number(term_of(view, "clasp"), "count"), 10 + 10 * exp2(-(30 * 24 + 1) / 72.)));
		json_decref(view);
		shop_check_rows(s);
		shop_destroy(s);
	}
}

static void a_review_without_terms_is_one_of_all(void **state)
{
	(void)state;
	struct shop *s = shop_open(1, "complaints.least=1");
	post_of(s, start, "ann", "B1", "bad clasp");
	for (int i = 0; i < 3; i++) {
		char id[16];
		snprintf(id, sizeof(id), "r%d", i);
		struct event e = shop_review(id, start + i, "ben", "B1", "it was so so", "en");
		e.review.rating_milli = 1000;
		assert_int_equal(shop_event(s, &e), APPLIED);
	}
	shop_flush(s);
	json_t *view = shown(s, NULL);
	assert_true(near(number(view, "reviews"), 4));
	json_decref(view);
	shop_destroy(s);
}

/* What there is no room to remember does not count; nothing makes room but time. */
static void a_shoppers_memory_is_bounded(void **state)
{
	(void)state;
	struct shop *s = shop_open(1, "complaints.least=1");
	char text[64];
	for (int i = 0; i < 2 * COMPLAINTS_REMEMBERED; i++) {
		snprintf(text, sizeof(text), "bad. word%c%c", 'a' + i / 26, 'a' + i % 26);
		post_of(s, start + i, "ann", "B1", text);
	}
	assert_int_equal(s->engine->drops[P_COMPLAINTS][1], COMPLAINTS_REMEMBERED + 1); /* "bad" is one of the first */
	shop_reload_block(s, "ann", P_COMPLAINTS);
	post_of(s, start + 32 * day, "ann", "B1", "bad clasp");
	assert_int_equal(s->engine->drops[P_COMPLAINTS][1], COMPLAINTS_REMEMBERED + 1);
	shop_reload_block(s, "ann", P_COMPLAINTS);
	shop_flush(s);
	shop_check_rows(s);
	shop_destroy(s);
}

static void rows_cut_anywhere_are_refused(void **state)
{
	(void)state;
	struct shop *s = shop_open(1, NULL);
	const struct processor *p = &complaints_processor;
	struct buf bytes = { 0 };
	post(s, start, "bad clasp and zipper", "en");
	shop_flush(s);
	p->item.save(s->settings[P_COMPLAINTS], shop_item_block(s, KEY_ALL, NULL, P_COMPLAINTS), s->engine->symbols, &bytes);
	for (size_t n = 0; n <= bytes.size; n++) {
		void *block = pool_alloc(s->engine->pool, p->item.size);
		struct reader r = reader_of(bytes.data, n);
		int got = p->item.load(s->settings[P_COMPLAINTS], block, 1, &r, s->engine->symbols, s->engine->pool);
		assert_int_equal(got, n < bytes.size ? -EBADMSG : 0);
		p->item.done(block, s->engine->pool);
		pool_free(s->engine->pool, block, p->item.size);
	}
	buf_done(&bytes);
	shop_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(z_is_the_log_odds_ratio_by_its_deviation),
		cmocka_unit_test(what_negative_reviews_newly_speak_of_rises),
		cmocka_unit_test(chinese_complaints_are_pairs_of_characters),
		cmocka_unit_test(reviews_out_of_order_count_by_their_age),
		cmocka_unit_test(the_rarest_terms_are_forgotten_at_the_bound),
		cmocka_unit_test(what_points_to_a_person_is_no_term),
		cmocka_unit_test(a_shopper_counts_once_for_a_term),
		cmocka_unit_test(a_review_without_terms_is_one_of_all),
		cmocka_unit_test(a_shoppers_memory_is_bounded),
		cmocka_unit_test(rows_cut_anywhere_are_refused),
	};
	return cmocka_run_group_tests(tests, shop_lexicon_write, shop_lexicon_remove);
}
