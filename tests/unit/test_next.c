/* The next item of a session: what is counted, the ranking worked by hand, which expert leads, rows and the view. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "processors/next.h"
#include "shop.h"

static const int64_t start = 1700000000000;
static int serial;

static void look(struct shop *s, int64_t ts, const char *user, const char *item, const char *session)
{
	char id[16];
	snprintf(id, sizeof(id), "c%d", serial++);
	struct event e = shop_click(id, start + ts, user, ACTION_VIEW, item, session, NULL);
	assert_int_equal(shop_event(s, &e), APPLIED);
	shop_time(s, start + ts);
}

static uint32_t follows(struct shop *s, const char *a, const char *b)
{
	const struct next_item *x = shop_item_block(s, KEY_ITEM, a, P_NEXT);
	return x ? pairs_count(&x->follow, symbols_find(s->engine->symbols, text_of(b))) : 0;
}

static uint32_t rank(struct shop *s, const char *user, enum next_expert expert, struct next_pick *to, uint32_t most)
{
	struct next_settings *settings = s->settings[P_NEXT];
	return next_rank(settings->scratch, s->engine->symbols, s->engine->model, shop_user_block(s, user, P_NEXT), expert, to, most);
}

static bool is(struct shop *s, const struct next_pick *p, const char *item)
{
	return text_equal(symbols_text(s->engine->symbols, p->item), text_of(item));
}

/* 1000 (d + 1)^-1.5: 1000, 353.6, 192.5 */
static void an_item_is_counted_at_the_three_before_it(void **state)
{
	(void)state;
	struct shop *s = shop_create(2, NULL);
	const char *const path[] = { "a", "b", "b", "c", "d", "a", "e" };
	for (int i = 0; i < 7; i++)
		look(s, i * 1000, "u", path[i], NULL);
	assert_int_equal(follows(s, "a", "b"), 1000);
	assert_int_equal(follows(s, "b", "b"), 0); /* looked at twice running: once */
	assert_int_equal(follows(s, "a", "c"), 354);
	assert_int_equal(follows(s, "a", "d"), 192);
	assert_int_equal(follows(s, "b", "d"), 354);
	assert_int_equal(follows(s, "d", "a"), 1000);
	assert_int_equal(follows(s, "b", "a"), 192);
	assert_int_equal(follows(s, "a", "e"), 1000);
	assert_int_equal(follows(s, "a", "a"), 0);
	assert_int_equal(follows(s, "c", "b"), 0);
	const struct next_item *a = shop_item_block(s, KEY_ITEM, "a", P_NEXT);
	assert_int_equal(a->follow.baskets, 1000 + 354 + 192 + 1000);
	shop_destroy(s);
}

static void a_session_ends_with_a_pause_or_another_id(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, NULL);
	look(s, 0, "u", "a", NULL);
	look(s, 30 * 60000, "u", "b", NULL);
	look(s, 60 * 60000 + 1, "u", "c", NULL);
	look(s, 60 * 60000 + 2, "u", "d", "one");
	look(s, 60 * 60000 + 3, "u", "e", "two");
	look(s, 60 * 60000 + 4, "u", "f", NULL);
	assert_int_equal(follows(s, "a", "b"), 1000);
	assert_int_equal(follows(s, "b", "c"), 0);
	assert_int_equal(follows(s, "c", "d"), 1000);
	assert_int_equal(follows(s, "d", "e"), 0);
	assert_int_equal(follows(s, "e", "f"), 1000);
	shop_destroy(s);
}

/* Sessions ab, ac, ab, and now a. N = 4, n_a = 4, F_a = 3. b: pi = 2.5 / 20, q = (2 + 20 pi) / 40 = .1125, p = (2 + k q) / (3 + k). c: pi = 1.5 / 20,
 * q = (1 + 1.5) / 40 = .0625. */
static void the_ranking_is_the_formula_s(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, NULL);
	const char *const second[] = { "b", "c", "b" }, *const users[] = { "u1", "u2", "u3" };
	for (int i = 0; i < 3; i++) {
		look(s, i * 10000, users[i], "a", NULL);
		look(s, i * 10000 + 1000, users[i], second[i], NULL);
	}
	look(s, 40000, "u4", "a", NULL);
	struct next_pick picks[5];
	static const double k[NEXT_EXPERTS] = { 30, 30, 10, 1000 };
	for (int e = 0; e < NEXT_EXPERTS; e++) {
		assert_int_equal(rank(s, "u4", (enum next_expert)e, picks, 5), 2);
		double b = (2 + k[e] * .1125) / (3 + k[e]), c = (1 + k[e] * .0625) / (3 + k[e]);
		assert_true(is(s, &picks[0], "b") && is(s, &picks[1], "c"));
		assert_true(fabs((double)picks[0].score - (e == NEXT_ORDER ? log(b) : b)) < 1e-6);
		assert_true(fabs((double)picks[1].score - (e == NEXT_ORDER ? log(c) : c)) < 1e-6);
	}
	assert_int_equal(rank(s, "u4", NEXT_SHORT, picks, 1), 1);
	assert_true(is(s, &picks[0], "b"));

	/* and now from c, with a before it: a is not left out, c is. b: f_a = 2, so .6 p(b|a) + p(b|c), where c has no followers and no company with b */
	look(s, 41000, "u4", "c", NULL);
	uint32_t n = rank(s, "u4", NEXT_SHORT, picks, 5);
	assert_int_equal(n, 2);
	double pi = 2.5 / 20, q_a = (2 + 20 * pi) / 40, q_c = 20 * pi / 30; /* n_c = 2 */
	double b = .6 * (2 + 10 * q_a) / (4 + 10) + 10 * q_c / 10;
	for (uint32_t i = 0; i < n; i++)
		if (is(s, &picks[i], "b"))
			assert_true(fabs((double)picks[i].score - b) < 1e-6);
	shop_destroy(s);
}

/* Every event is drawn. The second visitor's b is foreseen by all, at the first place: 1 + 2 each. */
static void the_experts_are_judged_before_the_event_is_learnt(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, (const char *const[]){ "next.learn_every=1", NULL });
	look(s, 0, "u1", "a", NULL);
	look(s, 1000, "u1", "b", NULL);
	look(s, 2000, "u2", "a", NULL);
	look(s, 3000, "u2", "b", NULL);
	const struct next_item *all = shop_item_block(s, KEY_ALL, NULL, P_NEXT);
	assert_int_equal(all->drawn, 2);
	for (int e = 0; e < NEXT_EXPERTS; e++)
		assert_int_equal(all->reached[e], 3000000);
	assert_int_equal(next_leader(s->engine->model), NEXT_ORDER);
	shop_check_rows(s);
	shop_destroy(s);
}

/* A walk along a ring of 60 items, now and then a leap: who goes by company cannot tell the item ahead from the one behind. */
static void where_sessions_have_an_order_it_leads(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, (const char *const[]){ "next.learn_every=1", NULL });
	uint64_t chance = 88172645463325252u;
	for (int i = 0; i < 300; i++) {
		char user[16], item[16];
		uint64_t at = 0;
		snprintf(user, sizeof(user), "u%d", i);
		for (int j = 0; j < 5; j++) {
			chance ^= chance << 13, chance ^= chance >> 7, chance ^= chance << 17;
			at = j && chance % 5 ? (at + 1) % 60 : chance / 8 % 60;
			snprintf(item, sizeof(item), "i%u", (unsigned)at);
			look(s, i * 10000 + j * 1000, user, item, NULL);
		}
	}
	const struct next_item *all = shop_item_block(s, KEY_ALL, NULL, P_NEXT);
	assert_true(all->drawn > 1000);
	assert_true(all->reached[NEXT_ORDER] > all->reached[NEXT_COMPANY]);
	enum next_expert leader = next_leader(s->engine->model);
	assert_int_not_equal(leader, NEXT_COMPANY);
	for (int e = 0; e < NEXT_EXPERTS; e++)
		assert_true(all->reached[leader] >= all->reached[e]);
	shop_check_rows(s);
	shop_destroy(s);
}

static void the_window_forgets(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, (const char *const[]){ "next.window=2d", "next.pane=1d", NULL });
	look(s, 0, "u", "a", NULL);
	look(s, 1000, "u", "b", NULL);
	assert_int_equal(follows(s, "a", "b"), 1000);
	shop_time(s, start + 5 * INT64_C(86400000));
	assert_int_equal(follows(s, "a", "b"), 0);
	shop_check_rows(s);
	shop_destroy(s);
}

static void the_view_names_the_items_and_the_way(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, NULL);
	look(s, 0, "u1", "a", NULL);
	look(s, 1000, "u1", "b", NULL);
	look(s, 2000, "u2", "a", NULL);
	shop_user_view(s, "u2");
	const char *c = shop_commands(s);
	assert_non_null(strstr(c, "SET glint:next:u2 {"));
	assert_non_null(strstr(c, "\"way\":\"order\",\"after\":\"a\",\"items\":[{\"item\":\"b\","));
	shop_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_item_is_counted_at_the_three_before_it),
		cmocka_unit_test(a_session_ends_with_a_pause_or_another_id),
		cmocka_unit_test(the_ranking_is_the_formula_s),
		cmocka_unit_test(the_experts_are_judged_before_the_event_is_learnt),
		cmocka_unit_test(where_sessions_have_an_order_it_leads),
		cmocka_unit_test(the_window_forgets),
		cmocka_unit_test(the_view_names_the_items_and_the_way),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
