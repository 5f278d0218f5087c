/* Similar items: TencentRec's worked example, the small table of ALGORITHMS J1, what counts, rows and the view. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "processors/similar.h"
#include "shop.h"

static int serial;

static void act(struct shop *s, const char *user, enum click_action action, const char *item)
{
	char id[16];
	snprintf(id, sizeof(id), "c%d", serial++);
	struct event e = shop_click(id, 1000000 + serial, user, action, item, NULL, NULL);
	assert_int_equal(shop_event(s, &e), APPLIED);
	shop_flush(s);
}

static void buy(struct shop *s, const char *user, const char *item)
{
	char id[16];
	snprintf(id, sizeof(id), "p%d", serial++);
	struct order_line line = { text_of(item), 1, 100 };
	struct event e = shop_order(id, 1000000 + serial, user, id, &line, 1);
	assert_int_equal(shop_event(s, &e), APPLIED);
	shop_flush(s);
}

static void rate(struct shop *s, const char *user, const char *item)
{
	char id[16];
	snprintf(id, sizeof(id), "r%d", serial++);
	struct event e = shop_rating(id, 1000000 + serial, user, item, 4000);
	assert_int_equal(shop_event(s, &e), APPLIED);
	shop_flush(s);
}

static uint32_t own(struct shop *s, const char *item)
{
	const struct similar_item *x = shop_item_block(s, KEY_ITEM, item, P_SIMILAR);
	return x ? x->pairs.baskets : 0;
}

static uint32_t both(struct shop *s, const char *a, const char *b)
{
	const struct similar_item *x = shop_item_block(s, KEY_ITEM, a, P_SIMILAR);
	return x ? pairs_count(&x->pairs, symbols_find(s->engine->symbols, text_of(b))) : 0;
}

/* ALGORITHMS B1: itemCount A = 5, B = 4, pairCount 3, sim .670820. */
static void the_worked_example_of_tencentrec_comes_out(void **state)
{
	(void)state;
	struct shop *s = shop_create(2, (const char *const[]){ "similar.views=on", NULL });
	act(s, "u1", ACTION_VIEW, "A");
	act(s, "u1", ACTION_VIEW, "B");
	buy(s, "u1", "A");
	act(s, "u2", ACTION_VIEW, "A");
	buy(s, "u2", "B");
	act(s, "u2", ACTION_ADD_TO_CART, "A");
	assert_int_equal(own(s, "A"), 5);
	assert_int_equal(own(s, "B"), 4);
	assert_int_equal(both(s, "A", "B"), 3);
	assert_int_equal(both(s, "B", "A"), 3);
	assert_true(fabs(similar_cosine(3, 5, 4, 0) - 0.670820) < 1e-6);
	shop_check_rows(s);
	shop_destroy(s);
}

/* ALGORITHMS J1, binary co-occurrence of items 12 13 14 23 24 34: .5 1 .5 .5 .5 .5; A rated 1 2 3, B 1 3 4, C 2 4. */
static void the_small_table_s_item_cosines_come_out(void **state)
{
	(void)state;
	static const char *const ratings[][2] = { { "A", "1" }, { "A", "2" }, { "A", "3" }, { "B", "1" }, { "B", "3" }, { "B", "4" }, { "C", "2" }, { "C", "4" } };
	static const char *const pairs[][2] = { { "1", "2" }, { "1", "3" }, { "1", "4" }, { "2", "3" }, { "2", "4" }, { "3", "4" } };
	static const double expected[] = { .5, 1, .5, .5, .5, .5 };
	struct shop *s = shop_create(1, (const char *const[]){ "similar.ratings=on", NULL });
	for (int i = 0; i < 8; i++)
		rate(s, ratings[i][0], ratings[i][1]);
	rate(s, "A", "2"); /* again: no more than before */
	for (int i = 0; i < 6; i++)
		assert_true(fabs(similar_cosine(both(s, pairs[i][0], pairs[i][1]), own(s, pairs[i][0]), own(s, pairs[i][1]), 0) - expected[i]) < 1e-12);
	shop_check_rows(s);
	shop_destroy(s);
}

/* ALGORITHMS J1, TencentRec's least weights, worked from A = {1: 5, 2: 3, 3: 4}, B = {1: 4, 3: 3, 4: 5}, C = {2: 4, 4: 3}: greater weights than an action has here, so by the
 * formula alone. */
static void the_small_table_s_least_weights_come_out(void **state)
{
	(void)state;
	static const struct {
		double c, n_a, n_b, cosine;
	} of[] = { { 3, 9, 7, .377964473 }, { 4 + 3, 9, 7, .881917104 }, { 4, 9, 8, .471404521 }, { 3, 7, 7, .428571429 }, { 3, 7, 8, .400891863 }, { 3, 7, 8, .400891863 } };
	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++)
		assert_true(fabs(similar_cosine(of[i].c, of[i].n_a, of[i].n_b, 0) - of[i].cosine) < 1e-9);
}

static void ratings_and_views_count_only_when_asked_for(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, NULL);
	rate(s, "u", "A");
	act(s, "u", ACTION_VIEW, "B");
	act(s, "u", ACTION_ADD_TO_CART, "C");
	assert_int_equal(own(s, "A"), 0);
	assert_int_equal(own(s, "B"), 0);
	assert_int_equal(own(s, "C"), 2);
	shop_destroy(s);
}

static void only_the_last_items_are_paired(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, (const char *const[]){ "similar.history=2", NULL });
	buy(s, "u", "A");
	buy(s, "u", "B");
	buy(s, "u", "C");
	buy(s, "u", "D");
	assert_int_equal(both(s, "A", "C"), 3);
	assert_int_equal(both(s, "A", "D"), 0);
	assert_int_equal(both(s, "D", "B"), 3);
	const struct similar_item *x = shop_item_block(s, KEY_ITEM, "B", P_SIMILAR);
	assert_int_equal(pairs_count(&x->follows, symbols_find(s->engine->symbols, text_of("C"))), 60);
	assert_int_equal(pairs_count(&x->follows, symbols_find(s->engine->symbols, text_of("D"))), 30);
	assert_int_equal(x->follows.baskets, 90);
	shop_check_rows(s);
	shop_destroy(s);
}

/* A with B: two shoppers, n 6 and 6: 6 / 6 = 1 without shrinkage, 6 / 15 with 9. A with C: one shopper, below the least overlap. */
static void the_view_has_the_nearest_with_enough_in_common(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, NULL);
	for (int i = 0; i < 2; i++) {
		buy(s, i ? "v" : "u", "A");
		buy(s, i ? "v" : "u", "B");
	}
	buy(s, "u", "C");
	shop_item_view(s, KEY_ITEM, "A");
	const char *c = shop_commands(s);
	assert_non_null(strstr(c, "SET glint:similar:A {"));
	assert_non_null(strstr(c, "\"n\":6,\"items\":[{\"item\":\"B\",\"score\":0.4,\"count\":6}]}"));
	shop_item_view(s, KEY_ITEM, "C");
	assert_non_null(strstr(shop_commands(s), "DEL glint:similar:C"));
	shop_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_worked_example_of_tencentrec_comes_out),
		cmocka_unit_test(the_small_table_s_item_cosines_come_out),
		cmocka_unit_test(the_small_table_s_least_weights_come_out),
		cmocka_unit_test(ratings_and_views_count_only_when_asked_for),
		cmocka_unit_test(only_the_last_items_are_paired),
		cmocka_unit_test(the_view_has_the_nearest_with_enough_in_common),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
