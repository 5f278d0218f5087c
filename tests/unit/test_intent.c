/* Purchase intent: sessions and moments, the gradient in two parts, what is learnt against what is true, the view, rows. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "processors/intent.h"
#include "shop.h"

static const int64_t minute = 60000, hour = 3600000;
static const int64_t begin = INT64_C(472224) * 3600000; /* midnight */

static int number;

static const char *name_of(int user)
{
	static char name[16];
	snprintf(name, sizeof(name), "u%d", user);
	return name;
}

static void click(struct shop *s, int64_t ts, int user, enum click_action action, const char *item)
{
	char id[16];
	snprintf(id, sizeof(id), "c%d", number++);
	struct event e = shop_click(id, ts, name_of(user), action, item, NULL, NULL);
	assert_int_equal(shop_event(s, &e), APPLIED);
}

static void order(struct shop *s, int64_t ts, int user)
{
	const struct order_line line = { TEXT("i1"), 1, 1000 };
	char id[16];
	snprintf(id, sizeof(id), "o%d", number++);
	struct event e = shop_order(id, ts, name_of(user), id, &line, 1);
	assert_int_equal(shop_event(s, &e), APPLIED);
}

static const struct intent_weights *weights(struct shop *s)
{
	const struct intent_item *b = shop_item_block(s, KEY_ALL, NULL, P_INTENT);
	return b ? &b->weights : NULL;
}

static void a_session_ends_with_a_pause_and_an_order_within_the_gap_belongs_to_it(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, NULL);
	click(s, begin, 1, ACTION_VIEW, "i1");
	click(s, begin + minute, 1, ACTION_ADD_TO_CART, "i1");
	click(s, begin + 2 * minute, 1, ACTION_IMPRESSION, "i2"); /* counts nowhere */
	const struct intent_user *u = shop_user_block(s, "u1", P_INTENT);
	assert_int_equal(u->clicks, 2);
	assert_int_equal(u->carts, 1);
	assert_int_equal(u->repeats, 1);
	assert_int_equal(u->length_s, 60);
	order(s, begin + 31 * minute, 1); /* 30 minutes after the last counted click */
	assert_int_equal(u->ordered, 1);
	assert_int_equal(u->clicks, 2);
	assert_int_equal(u->sessions, 0);
	order(s, begin + 61 * minute + 1, 1); /* a millisecond too late: a session of its own */
	assert_int_equal(u->ordered, 1);
	assert_int_equal(u->orders, 2);
	assert_int_equal(u->clicks, 0);
	assert_int_equal(u->sessions, 1);
	click(s, begin + 10 * hour, 1, ACTION_WISHLIST, "i1"); /* begins none */
	assert_int_equal(u->sessions, 1);
	click(s, begin + 10 * hour, 1, ACTION_CLICK, "i1");
	assert_int_equal(u->sessions, 2);
	assert_int_equal(u->away_s, 10 * 3600 - 3661 + 1); /* whole seconds since 61 minutes and 1 ms, and one */
	shop_flush(s);
	shop_check_rows(s);
	shop_destroy(s);
}

static void a_moment_is_learnt_at_once_and_what_follows_takes_it_back(void **state)
{
	(void)state;
	/* by hand: feature 0 is 1, all others 0; w = -3; p = 1 / (1 + e^3) = .0474259; g = p: n = p^2, w = -3 - .15 p / sqrt(1 + p^2).
	 * Followed: g = -1: n = p^2 + 1, w += .15 / sqrt(2 + p^2) */
	uint8_t x[INTENT_FEATURES] = { 16 };
	struct intent_weights w;
	intent_start(&w);
	double p = 1 / (1 + exp(3));
	intent_learn(&w, INTENT_ORDER, x, false);
	double want = -3 - .15 * p / sqrt(1 + p * p);
	assert_true(fabs(w.w[INTENT_ORDER][0] - want) < 1e-12);
	intent_learn(&w, INTENT_ORDER, x, true);
	want += .15 / sqrt(2 + p * p);
	assert_true(fabs(w.w[INTENT_ORDER][0] - want) < 1e-12);
	assert_int_equal(w.moments[INTENT_ORDER], 1);
	assert_int_equal(w.followed[INTENT_ORDER], 1);
	assert_true(w.w[INTENT_ORDER][1] == 0 && w.w[INTENT_STAY][0] == 1);
}

static void moments_and_what_followed_them_are_counted(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, (const char *const[]){ "intent.learn_every=1", NULL });
	for (int i = 0; i < 3; i++)
		click(s, begin + i * minute, 1, ACTION_VIEW, "i1");
	shop_flush(s);
	assert_int_equal(weights(s)->moments[INTENT_ORDER], 3);
	assert_int_equal(weights(s)->followed[INTENT_ORDER], 0);
	assert_int_equal(weights(s)->followed[INTENT_STAY], 2); /* nothing followed the third yet */
	order(s, begin + 3 * minute, 1);                        /* all three end with it; it is a moment itself */
	order(s, begin + 4 * minute, 1);
	shop_flush(s);
	assert_int_equal(weights(s)->moments[INTENT_ORDER], 5);
	assert_int_equal(weights(s)->followed[INTENT_ORDER], 4);
	assert_int_equal(weights(s)->followed[INTENT_STAY], 4);
	click(s, begin + 2 * hour, 1, ACTION_VIEW, "i1"); /* another session: nothing followed the last order */
	shop_flush(s);
	assert_int_equal(weights(s)->followed[INTENT_ORDER], 4);
	assert_int_equal(weights(s)->followed[INTENT_STAY], 4);
	for (int i = 0; i < 20; i++) /* at most four wait for an order */
		click(s, begin + 2 * hour + i * minute, 1, ACTION_VIEW, "i1");
	order(s, begin + 2 * hour + 20 * minute, 1);
	shop_flush(s);
	assert_int_equal(weights(s)->followed[INTENT_ORDER], 8);
	shop_check_rows(s);
	shop_destroy(s);
}

static double field(struct shop *s, int user, const char *name)
{
	char wanted[32];
	shop_user_view(s, name_of(user));
	snprintf(wanted, sizeof(wanted), " %s ", name);
	const char *hash = strstr(shop_commands(s), "HSET glint:user:"), *at = hash ? strstr(hash, wanted) : NULL;
	return at && at < hash + strcspn(hash, "\n") ? atof(at + strlen(wanted)) : NAN;
}

/* Who puts something into the cart orders with chance .6, who does not with .05: a look and a look, or a look and a cart. The published chances
 * must come near to that: within .1 and .03, some three deviations of what a thousand sessions can tell. */
static void the_published_chance_is_the_share_that_orders(void **state)
{
	(void)state;
	struct shop *s = shop_create(2, (const char *const[]){ "intent.learn_every=1", "intent.learn_from=200", NULL });
	uint64_t chance = 88172645463325252u;
	bool before = false;
	for (int u = 0; u < 6000; u++) {
		int64_t ts = begin + u * 40 * minute;
		bool cart = u % 3 == 0;
		chance ^= chance << 13, chance ^= chance >> 7, chance ^= chance << 17;
		click(s, ts, u, ACTION_VIEW, "i1");
		click(s, ts + minute, u, cart ? ACTION_ADD_TO_CART : ACTION_VIEW, "i2");
		if ((double)(chance >> 11) * 0x1p-53 < (cart ? .6 : .05))
			order(s, ts + 3 * minute, u);
		if (u % 50 == 0) {
			shop_flush(s);
			if (weights(s)->followed[INTENT_ORDER] < 200)
				before = isnan(field(s, u, "intent"));
		}
	}
	shop_flush(s);
	assert_true(before); /* nothing is told before `learn_from` */
	int64_t ts = begin + 6000 * 40 * minute;
	click(s, ts, 7001, ACTION_VIEW, "i1");
	click(s, ts + minute, 7001, ACTION_ADD_TO_CART, "i2");
	click(s, ts, 7002, ACTION_VIEW, "i1");
	click(s, ts + minute, 7002, ACTION_VIEW, "i2");
	double with = field(s, 7001, "intent"), without = field(s, 7002, "intent");
	if (!(fabs(with - .6) < .1 && fabs(without - .05) < .03))
		fail_msg("with a cart %.4f, without %.4f", with, without);
	assert_true(field(s, 7001, "stay") > field(s, 7002, "stay"));
	shop_check_rows(s);
	shop_time(s, ts + 2 * hour); /* the session is over */
	assert_true(isnan(field(s, 7001, "intent")));
	assert_non_null(strstr(shop_commands(s), "HDEL glint:user:u7001 "));
	shop_destroy(s);
}

static void intervals_do_not_change_what_is_learnt(void **state)
{
	(void)state;
	struct intent_weights learnt[2];
	for (int run = 0; run < 2; run++) {
		struct shop *s = shop_create(1, (const char *const[]){ "intent.learn_every=2", NULL });
		for (int i = 0; i < 400; i++) {
			click(s, begin + i * minute, i % 7, i % 5 ? ACTION_VIEW : ACTION_ADD_TO_CART, i % 3 ? "i1" : "i2");
			if (i % 11 == 0)
				order(s, begin + i * minute + 1, i % 7);
			if (run)
				shop_flush(s);
		}
		shop_flush(s);
		learnt[run] = *weights(s);
		shop_destroy(s);
	}
	assert_true(learnt[0].moments[INTENT_ORDER] > 50 && learnt[0].followed[INTENT_ORDER] > 20);
	assert_memory_equal(&learnt[0], &learnt[1], sizeof(learnt[0]));
}

static void off_there_is_nothing(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, (const char *const[]){ "intent.learn_every=0", NULL });
	click(s, begin, 1, ACTION_VIEW, "i1");
	order(s, begin + 1, 1);
	shop_flush(s);
	assert_null(weights(s));
	assert_true(isnan(field(s, 1, "intent")));
	shop_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_session_ends_with_a_pause_and_an_order_within_the_gap_belongs_to_it),
		cmocka_unit_test(a_moment_is_learnt_at_once_and_what_follows_takes_it_back),
		cmocka_unit_test(moments_and_what_followed_them_are_counted),
		cmocka_unit_test(the_published_chance_is_the_share_that_orders),
		cmocka_unit_test(intervals_do_not_change_what_is_learnt),
		cmocka_unit_test(off_there_is_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
