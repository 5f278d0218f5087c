/* Searches: queries made alike, what counts as answered, shoppers once in the window, k, the bound, rows. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "processors/search.h"
#include "shop.h"

static const int64_t hour = 3600000, minute = 60000;
static const int64_t begin = INT64_C(472224) * 3600000;

static int number;

static void send(struct shop *s, int64_t ts, const char *user, enum click_action action, const char *what)
{
	char id[16];
	snprintf(id, sizeof(id), "e%d", number++);
	struct event e = shop_click(id, ts, user, action, action == ACTION_SEARCH ? NULL : what, NULL, NULL);
	if (action == ACTION_SEARCH)
		e.click.query = text_of(what);
	assert_int_equal(shop_event(s, &e), APPLIED);
}

static void search(struct shop *s, int64_t ts, int user, const char *query)
{
	char name[16];
	snprintf(name, sizeof(name), "u%d", user);
	send(s, ts, name, ACTION_SEARCH, query);
}

/* The part of glint:search from one list's name to the next ']'. From malloc. */
static char *list(struct shop *s, const char *name)
{
	char begin_of[32];
	shop_item_view(s, KEY_ALL, NULL);
	snprintf(begin_of, sizeof(begin_of), "\"%s\":[", name);
	const char *json = strstr(shop_commands(s), "SET glint:search {");
	assert_non_null(json);
	const char *at = strstr(json, begin_of);
	assert_non_null(at);
	return strndup(at, strcspn(at, "]"));
}

static bool says(struct shop *s, const char *name, const char *what)
{
	char *l = list(s, name);
	bool found = strstr(l, what) != NULL;
	free(l);
	return found;
}

static void alike(const char *query, const char *want)
{
	char to[SEARCH_BYTES];
	struct text t = search_normal(text_of(query), to);
	if (!text_equal(t, text_of(want)))
		fail_msg("'%s' became '%.*s'", query, (int)t.size, t.data);
}

static void queries_are_made_alike(void **state)
{
	(void)state;
	alike("Gold  Ring", "gold ring");
	alike("\xef\xbc\xa7\xef\xbc\xaf\xef\xbc\xac\xef\xbc\xa4\xe3\x80\x80ring ", "gold ring"); /* full width letters and blank */
	alike("STRASSE", "strasse");
	alike("Stra\xc3\x9f"
	      "e",
		"strasse");
	alike("\xe9\x87\x91\xe6\x88\x92\xe6\x8c\x87", "\xe9\x87\x91\xe6\x88\x92\xe6\x8c\x87");
	alike("cafe\xcc\x81", "caf\xc3\xa9"); /* e and an accent are one letter */
	alike(" \t", "");
	char longer[300], to[SEARCH_BYTES];
	for (int i = 0; i < 100; i++)
		memcpy(longer + 3 * i, "\xe9\x87\x91", 3);
	struct text t = search_normal((struct text){ longer, 300 }, to);
	assert_int_equal(t.size, 63); /* whole letters */
}

static void shoppers_count_once_and_answers_in_time(void **state)
{
	(void)state;
	struct shop *s = shop_create(2, NULL);
	for (int u = 0; u < 12; u++) {
		search(s, begin + u, u, u % 2 ? "Gold ring" : "gold  RING");
		search(s, begin + u + 1000, u, "gold ring"); /* again, the same shopper */
		char name[16];
		snprintf(name, sizeof(name), "u%d", u);
		if (u < 3)
			send(s, begin + u + 2000, name, ACTION_VIEW, "r1");
		if (u < 2)
			send(s, begin + u + 3000, name, ACTION_VIEW, "r2"); /* the search is answered already */
		if (u == 5)
			send(s, begin + u + 11 * minute, name, ACTION_VIEW, "r1"); /* too late */
	}
	for (int u = 0; u < 9; u++)
		search(s, begin + u + 20 * minute, u, "secret");
	shop_flush(s);
	shop_time(s, begin + hour);
	assert_true(says(s, "frequent", "{\"query\":\"gold ring\",\"searches\":24,\"answered\":3,\"shoppers\":12}"));
	assert_true(says(s, "unanswered", "\"query\":\"gold ring\""));
	assert_false(says(s, "frequent", "secret")); /* nine shoppers: k is 10 */
	search(s, begin + 2 * hour, 100, "secret");
	shop_flush(s);
	assert_true(says(s, "frequent", "{\"query\":\"secret\",\"searches\":10,\"answered\":0,\"shoppers\":10}"));
	shop_check_rows(s);
	shop_time(s, begin + 7 * 24 * hour + hour); /* out of the window, but for the last */
	assert_false(says(s, "frequent", "gold"));
	shop_time(s, begin + 8 * 24 * hour);
	const struct search_item *b = shop_item_block(s, KEY_ALL, NULL, P_SEARCH);
	assert_int_equal(b->n, 0);
	shop_check_rows(s);
	shop_destroy(s);
}

static void a_rising_query_is_told_from_a_steady_one(void **state)
{
	(void)state;
	/* z by hand: f = 20 ln 2 / 6, s = 30 ln 2 / 72, tau = 6 / ln 2 */
	double tau = 6 / M_LN2, f = 20 / tau, sl = 30 / (72 / M_LN2);
	assert_true(fabs(search_z(20, 30, 6, 72) - (f - sl) / sqrt(sl / tau + .01 / tau)) < 1e-12);
	struct shop *s = shop_create(1, NULL);
	for (int h = 0; h < 120; h++) {
		for (int k = 0; k < 3; k++)
			search(s, begin + h * hour + k, (3 * h + k) % 40, "steady");
		for (int k = 0; k < 12 && h >= 117; k++)
			search(s, begin + h * hour + k, 12 * h + k, "rising");
		shop_flush(s);
	}
	shop_time(s, begin + 120 * hour);
	assert_true(says(s, "trending", "\"query\":\"rising\""));
	assert_false(says(s, "trending", "steady"));
	assert_true(says(s, "frequent", "\"query\":\"steady\""));
	shop_destroy(s);
}

/* The shoppers of `query` as published, 0 when it is not. */
static int shoppers_of(struct shop *s, const char *query)
{
	char name[40], *l = list(s, "frequent");
	snprintf(name, sizeof(name), "{\"query\":\"%s\"", query);
	const char *at = strstr(l, name);
	at = at ? strstr(at, "\"shoppers\":") : NULL;
	int n = at ? atoi(at + strlen("\"shoppers\":")) : 0;
	free(l);
	return n;
}

/* Against a count of who asked in the window's hours, of shoppers who ask again and again, some late. */
static void a_shopper_who_asks_again_leaves_the_window_with_the_last_time(void **state)
{
	(void)state;
	enum { SHOPPERS = 40,
		HOURS = 30 * 24 };
	struct shop *s = shop_create(2, NULL);
	static bool asked[SHOPPERS][HOURS];
	uint64_t random = 7;
	for (int h = 0; h < HOURS; h++) {
		for (int k = 0; k < 2; k++) {
			random = random * 6364136223846793005u + 1442695040888963407u;
			int u = (int)(random >> 33) % SHOPPERS, at = (random >> 20) % 10 || h < 3 ? h : h - 2; /* one in ten comes two hours late */
			search(s, begin + at * hour + 60000 + k, u, "pearl");
			asked[u][at] = true;
		}
		shop_flush(s);
		if (h < 3 || h % 5)
			continue;
		shop_time(s, begin + (h - 2) * hour);
		int n = 0;
		for (int u = 0; u < SHOPPERS; u++) {
			bool in = false;
			for (int i = h - 2 - 168 + 1 > 0 ? h - 2 - 168 + 1 : 0; i <= h; i++)
				in |= asked[u][i];
			n += in;
		}
		if (shoppers_of(s, "pearl") != (n < 10 ? 0 : n))
			fail_msg("hour %d: %d shoppers, not %d", h, shoppers_of(s, "pearl"), n);
	}
	shop_check_rows(s);
	shop_destroy(s);
}

static void a_forgotten_shopper_is_no_longer_counted_and_none_is_counted_twice(void **state)
{
	(void)state;
	struct shop *s = shop_create(2, NULL);
	for (int u = 0; u < 12; u++) {
		search(s, begin + u, u, "pearl");
		search(s, begin + 100 * hour + u, u, "pearl");
	}
	shop_flush(s);
	shop_time(s, begin + 101 * hour);
	assert_int_equal(shoppers_of(s, "pearl"), 12);
	shop_forget(s, "u3", begin + 101 * hour);
	shop_flush(s);
	assert_int_equal(shoppers_of(s, "pearl"), 11);
	search(s, begin + 102 * hour, 3, "pearl");
	shop_flush(s);
	assert_int_equal(shoppers_of(s, "pearl"), 12);
	shop_time(s, begin + 170 * hour); /* who asked at 0 asked at 100, too */
	assert_int_equal(shoppers_of(s, "pearl"), 12);
	shop_time(s, begin + 269 * hour);
	assert_int_equal(shoppers_of(s, "pearl"), 0);
	shop_check_rows(s);
	shop_destroy(s);
}

static void the_rarest_query_goes_where_there_is_no_room(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, (const char *const[]){ "search.queries=10", NULL });
	char query[16];
	for (int i = 0; i < 50; i++) {
		search(s, begin + i, i, "often");
		snprintf(query, sizeof(query), "q%d", i);
		search(s, begin + i, i, query);
		shop_flush(s);
	}
	const struct search_item *b = shop_item_block(s, KEY_ALL, NULL, P_SEARCH);
	shop_time(s, begin + hour);
	assert_int_equal(b->n, 10);
	assert_int_equal(s->engine->drops[P_SEARCH][0], 51 - 10);
	assert_true(says(s, "frequent", "\"query\":\"often\",\"searches\":50,"));
	for (int i = 41; i < 50; i++) { /* the nine that came last are still found where they are */
		snprintf(query, sizeof(query), "q%d", i);
		search(s, begin + hour, 100 + i, query);
	}
	shop_flush(s);
	assert_int_equal(b->n, 10);
	assert_int_equal(s->engine->drops[P_SEARCH][0], 51 - 10);
	for (uint32_t i = 0; i < b->n; i++) {
		uint32_t n = 0;
		for (uint32_t k = 0; k < b->queries[i].n_rows; k++)
			n += b->queries[i].rows[k].searches;
		assert_int_equal(n, i == 0 ? 50 : 2);
		assert_int_equal(b->queries[i].searches, n);
	}
	shop_check_rows(s);
	shop_destroy(s);
}

/* One who asks nine things in turn is never more than one shopper of any. */
static void who_asks_for_many_things_counts_once_at_most(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, (const char *const[]){ NULL });
	s->engine->rules.least_shoppers = 2;
	for (int i = 0; i < 12 * (SEARCH_KEPT + 1); i++) {
		char query[16];
		snprintf(query, sizeof(query), "thing %d", i % (SEARCH_KEPT + 1));
		search(s, begin + i * hour, 1, query);
	}
	shop_flush(s);
	shop_time(s, begin + 12 * (SEARCH_KEPT + 1) * hour);
	shop_flush(s);
	char *shown = list(s, "frequent");
	assert_null(strstr(shown, "thing"));
	free(shown);
	for (int user = 2; user < 4; user++)
		search(s, begin + 12 * (SEARCH_KEPT + 1) * hour, user, "thing 4");
	shop_flush(s);
	shown = list(s, "frequent");
	assert_non_null(strstr(shown, "thing 4"));
	assert_null(strstr(shown, "thing 5"));
	free(shown);
	shop_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_asks_for_many_things_counts_once_at_most),
		cmocka_unit_test(queries_are_made_alike),
		cmocka_unit_test(shoppers_count_once_and_answers_in_time),
		cmocka_unit_test(a_rising_query_is_told_from_a_steady_one),
		cmocka_unit_test(a_shopper_who_asks_again_leaves_the_window_with_the_last_time),
		cmocka_unit_test(a_forgotten_shopper_is_no_longer_counted_and_none_is_counted_twice),
		cmocka_unit_test(the_rarest_query_goes_where_there_is_no_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
