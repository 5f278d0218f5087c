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

static uint32_t rank(struct shop *s, const char *user, uint32_t expert, struct next_pick *to, uint32_t most)
{
	struct next_settings *settings = s->settings[P_NEXT];
	return next_rank(settings->scratch, s->engine->symbols, s->engine->model, shop_user_block(s, user, P_NEXT), expert, to, most);
}

static bool is(struct shop *s, const struct next_pick *p, const char *item)
{
	return text_equal(symbols_text(s->engine->symbols, p->item), text_of(item));
}

static double score(struct shop *s, const char *user, uint32_t expert, const char *item)
{
	struct next_pick picks[NEXT_LIST];
	uint32_t n = rank(s, user, expert, picks, NEXT_LIST);
	for (uint32_t i = 0; i < n; i++)
		if (is(s, &picks[i], item))
			return (double)picks[i].score;
	fail_msg("%s is not among them", item);
	return 0;
}

static const struct next_judged *judged(struct shop *s)
{
	const struct next_item *all = shop_item_block(s, KEY_ALL, NULL, P_NEXT);
	return all ? all->judged : NULL;
}

static uint64_t draw(void)
{
	static uint64_t chance = 88172645463325252u;
	chance ^= chance << 13, chance ^= chance >> 7, chance ^= chance << 17;
	return chance >> 8;
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
	static const double k[NEXT_WAYS] = { 30, 1, 30, 10, 1000 }, alone[NEXT_WAYS] = { 1, 1, 1, .1, .1 }; /* `cosine` has none */
	for (uint32_t e = 0; e < NEXT_EXPERTS; e++) {
		uint32_t way = e / NEXT_AGAINS;
		assert_int_equal(rank(s, "u4", e, picks, 5), 2);
		double b = alone[way] * (2 + k[way] * .1125) / (3 + k[way]), c = alone[way] * (1 + k[way] * .0625) / (3 + k[way]);
		if (way == NEXT_COSINE) {
			b = (2 + 2 * 2) / sqrt((4 + 1) * (2 + 1));
			c = (1 + 2 * 1) / sqrt((4 + 1) * (1 + 1));
		}
		assert_true(is(s, &picks[0], "b") && is(s, &picks[1], "c"));
		assert_true(fabs((double)picks[0].score - (way == NEXT_ORDER ? log(b) : b)) < 1e-6);
		assert_true(fabs((double)picks[1].score - (way == NEXT_ORDER ? log(c) : c)) < 1e-6);
	}
	assert_int_equal(rank(s, "u4", NEXT_NEAR * NEXT_AGAINS, picks, 1), 1);
	assert_true(is(s, &picks[0], "b"));

	/* and now from c, with a before it: a is not left out, c is. b: f_a = 2, so .4 p(b|a) + p(b|c), where c has no followers and no company with b */
	look(s, 41000, "u4", "c", NULL);
	double pi = 2.5 / 20, q_a = (2 + 20 * pi) / 40, q_c = 20 * pi / 30; /* n_c = 2 */
	double near = .4 * (2 + 30 * q_a) / (4 + 30) + q_c;
	/* a and c bear each other out: twice in one session, one of them this, and c twice after a */
	double broad = (.1 + 1 / sqrt((4 + 5) * (2 + 5)) + 1 / sqrt((4 + 5) * (0 + 5))) * ((2 + 1000 * q_a) / (4 + 1000) + q_c);
	assert_true(fabs(score(s, "u4", NEXT_NEAR * NEXT_AGAINS, "b") - near) < 1e-6);
	assert_true(fabs(score(s, "u4", NEXT_BROAD * NEXT_AGAINS, "b") - broad) < 1e-6);
	assert_true(fabs(score(s, "u4", NEXT_COSINE * NEXT_AGAINS, "b") - .8 * (2 + 2 * 2) / sqrt((4 + 1) * (2 + 1))) < 1e-6);
	/* what the session holds is multiplied, what it does not hold is not */
	for (uint32_t e = 0; e < NEXT_EXPERTS; e++) {
		double plain = score(s, "u4", e - e % NEXT_AGAINS, "a"), times = (double)next_agains[e % NEXT_AGAINS];
		double expected = e / NEXT_AGAINS == NEXT_ORDER ? plain + log(times > 0 ? times : 1e-9) : plain * times;
		assert_true(fabs(score(s, "u4", e, "a") - expected) < 1e-5);
		assert_true(fabs(score(s, "u4", e, "b") - score(s, "u4", e - e % NEXT_AGAINS, "b")) < 1e-9);
	}
	shop_destroy(s);
}

/* Every event is drawn. The second visitor's b is foreseen by all, at the first place: 1 + 2 each. */
static void the_experts_are_judged_before_the_event_is_learnt(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, (const char *const[]){ "next.learn_every=1", NULL });
	look(s, 0, "u1", "a", NULL);
	assert_null(judged(s));
	look(s, 1000, "u1", "b", NULL);
	look(s, 2000, "u2", "a", NULL);
	look(s, 3000, "u2", "b", NULL);
	assert_int_equal(judged(s)->drawn, 2);
	for (int e = 0; e < NEXT_EXPERTS; e++)
		assert_int_equal(judged(s)->reached[e], 3000000);
	assert_int_equal(next_leader(s->engine->model), NEXT_ORDER * NEXT_AGAINS);
	shop_check_rows(s);
	shop_destroy(s);
}

/* 1 + drawn / 16, learn_every at the most */
static void events_are_drawn_more_seldom_as_more_were(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, (const char *const[]){ "next.learn_every=20", NULL });
	struct next_settings *settings = s->settings[P_NEXT];
	assert_int_equal(next_draw_every(settings, s->engine->model), 1);
	look(s, 0, "u", "a", NULL);
	look(s, 1000, "u", "b", NULL);
	const struct next_model *all = model_block(s->engine->model, P_NEXT, (struct key){ KEY_ALL, 0 });
	assert_int_equal(all->judged->drawn, 1);
	static const int64_t drawn[] = { 15, 16, 160, 16 * 19, INT64_MAX }, every[] = { 1, 2, 11, 20, 20 };
	for (int i = 0; i < 5; i++) {
		all->judged->drawn = drawn[i];
		assert_int_equal(next_draw_every(settings, s->engine->model), every[i]);
	}
	settings->learn_every = 0;
	assert_int_equal(next_draw_every(settings, s->engine->model), 0);
	shop_destroy(s);
}

/* What next_places() foretells without a list is what next_rank()'s lists hold. */
static void an_expert_s_place_is_that_of_its_list(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, NULL);
	struct next_settings *settings = s->settings[P_NEXT];
	char user[16], item[16];
	for (int i = 0; i < 200; i++)
		for (int j = 0; j < 6; j++) {
			snprintf(user, sizeof(user), "u%d", i);
			snprintf(item, sizeof(item), "i%u", (unsigned)(draw() % 4 ? i % 5 * 12 + (int)(draw() % 12) : (int)(draw() % 60)));
			look(s, i * 10000 + j * 1000, user, item, NULL);
		}
	for (int i = 0; i < 20; i++)
		for (int j = 0; j < 60; j++) {
			snprintf(user, sizeof(user), "u%d", i);
			snprintf(item, sizeof(item), "i%d", j);
			symbol_t wanted = symbols_find(s->engine->symbols, text_of(item));
			uint32_t places[NEXT_EXPERTS];
			next_places(settings->scratch, s->engine->symbols, s->engine->model, shop_user_block(s, user, P_NEXT), wanted, places);
			for (uint32_t e = 0; e < NEXT_EXPERTS; e++) {
				struct next_pick picks[NEXT_LIST];
				uint32_t n = rank(s, user, e, picks, NEXT_LIST), at = 0;
				for (uint32_t k = 0; k < n && !at; k++)
					at = picks[k].item == wanted ? k + 1 : 0;
				if (next_agains[e % NEXT_AGAINS] > 0)
					assert_int_equal(places[e], at);
			}
		}
	shop_destroy(s);
}

/* A walk along a ring of 60 items, now and then a leap: who goes by company cannot tell the item ahead from the one behind. */
static void where_sessions_have_an_order_it_leads(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, (const char *const[]){ "next.learn_every=1", NULL });
	for (int i = 0; i < 300; i++) {
		char user[16], item[16];
		uint64_t at = 0;
		snprintf(user, sizeof(user), "u%d", i);
		for (int j = 0; j < 5; j++) {
			at = j && draw() % 5 ? (at + 1) % 60 : draw() % 60;
			snprintf(item, sizeof(item), "i%u", (unsigned)at);
			look(s, i * 10000 + j * 1000, user, item, NULL);
		}
	}
	assert_true(judged(s)->drawn > 1000);
	assert_true(judged(s)->reached[NEXT_ORDER * NEXT_AGAINS] > judged(s)->reached[NEXT_BROAD * NEXT_AGAINS]);
	uint32_t leader = next_leader(s->engine->model);
	assert_int_not_equal(leader / NEXT_AGAINS, NEXT_BROAD);
	for (int e = 0; e < NEXT_EXPERTS; e++)
		assert_true(judged(s)->reached[leader] >= judged(s)->reached[e]);
	shop_check_rows(s);
	shop_destroy(s);
}

/* One item of 40 each time, the list holds 20. Either three of them over and over, or never one again. */
static void whether_visitors_come_back_to_an_item_is_learnt(void **state)
{
	(void)state;
	for (int back = 0; back < 2; back++) {
		struct shop *s = shop_create(1, (const char *const[]){ "next.learn_every=1", NULL });
		for (int i = 0; i < 100; i++) {
			char user[16], item[16];
			uint64_t from = draw() % 40, step = 1 + 2 * (draw() % 2);
			snprintf(user, sizeof(user), "u%d", i);
			for (uint64_t j = 0; j < 9; j++) {
				snprintf(item, sizeof(item), "i%u", (unsigned)((from + (back ? j % 3 : j) * step * 11) % 40));
				look(s, i * 20000 + (int)j * 1000, user, item, NULL);
			}
		}
		float times = next_agains[next_leader(s->engine->model) % NEXT_AGAINS];
		assert_true(back ? times > 1 : times < 1);
		shop_destroy(s);
	}
}

/* Version 1: zigzag drawn, four zigzags of what the experts of then had reached (in the model row only when something was drawn). */
static void rows_of_other_experts_are_read_and_learning_begins_anew(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, NULL);
	look(s, 0, "u", "a", NULL);
	look(s, 1000, "u", "b", NULL);
	const struct next_item *a = shop_item_block(s, KEY_ITEM, "a", P_NEXT);
	struct buf pairs = { 0 }, row = { 0 };
	struct next_settings *settings = s->settings[P_NEXT];
	pairs_save(&a->follow, settings->window, s->engine->symbols, &pairs);
	for (uint16_t version = 1; version <= 2; version++) {
		struct next_item item = { 0 };
		buf_clear(&row);
		if (version == 2)
			buf_varint(&row, 3); /* of a bank of three */
		for (int i = 0; i < (version == 1 ? 5 : 4); i++)
			buf_zigzag(&row, 1000000 + i);
		buf_bytes(&row, pairs.data, pairs.size);
		struct reader in = reader_of(row.data, row.size);
		assert_int_equal(next_processor.item.load(settings, &item, version, &in, s->engine->symbols, s->engine->pool), 0);
		assert_true(!item.judged && !reader_left(&in));
		assert_int_equal(pairs_count(&item.follow, symbols_find(s->engine->symbols, TEXT("b"))), 1000);
		next_processor.item.done(&item, s->engine->pool);
	}
	for (int drawn = 0; drawn < 2; drawn++) {
		struct next_model model = { 0 };
		buf_clear(&row);
		buf_varint(&row, 7);
		buf_varint(&row, 0);
		for (int i = 0; i < (drawn ? 5 : 1); i++)
			buf_zigzag(&row, drawn * 9);
		struct reader in = reader_of(row.data, row.size);
		assert_int_equal(next_processor.model.load(settings, &model, 1, &in, s->engine->symbols, s->engine->pool), 0);
		assert_true(!model.judged && model.sum == 7 && !reader_left(&in));
	}
	buf_done(&pairs);
	buf_done(&row);
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
	assert_non_null(strstr(c, "\"way\":\"order\",\"again\":1,\"after\":\"a\",\"items\":[{\"item\":\"b\","));
	shop_destroy(s);
}

/* a at the end of a pane, b in the next: the step a -> b is counted there, and a is wanted as long as that pane is within the window. */
static void a_step_across_the_edge_of_a_pane_is_taken_back(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, (const char *const[]){ "next.window=2d", "next.pane=1d", NULL });
	const int64_t day = 86400000, edge = day - start % day;
	look(s, edge - 1000, "u", "a", NULL);
	look(s, edge + 1000, "u", "b", NULL);
	look(s, edge + day + 5000, "u", "x", NULL);
	look(s, edge + day + 6000, "u", "y", NULL);
	assert_true(follows(s, "a", "b") && follows(s, "x", "y"));
	shop_forget(s, "u", start + edge + day + 7000);
	shop_flush(s);
	assert_true(!follows(s, "a", "b") && !follows(s, "x", "y"));
	shop_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_step_across_the_edge_of_a_pane_is_taken_back),
		cmocka_unit_test(an_item_is_counted_at_the_three_before_it),
		cmocka_unit_test(a_session_ends_with_a_pause_or_another_id),
		cmocka_unit_test(the_ranking_is_the_formula_s),
		cmocka_unit_test(the_experts_are_judged_before_the_event_is_learnt),
		cmocka_unit_test(events_are_drawn_more_seldom_as_more_were),
		cmocka_unit_test(an_expert_s_place_is_that_of_its_list),
		cmocka_unit_test(where_sessions_have_an_order_it_leads),
		cmocka_unit_test(whether_visitors_come_back_to_an_item_is_learnt),
		cmocka_unit_test(rows_of_other_experts_are_read_and_learning_begins_anew),
		cmocka_unit_test(the_window_forgets),
		cmocka_unit_test(the_view_names_the_items_and_the_way),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
