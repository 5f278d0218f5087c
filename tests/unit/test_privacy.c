/* [privacy] k_of_counts: what fewer than k baskets hold is in no view of any kind, what k hold is in all of them; not asked for, all is shown. */
#include "recommend_fixture.h"

enum { K = 10 };

static void order(struct shop *s, int64_t ts, const char *user, const char *a, const char *b)
{
	struct order_line lines[2] = { { text_of(a), 30, 100 }, { text_of(b), 30, 100 } };
	buy(s, ts, user, PURCHASE_ORDER, lines, *b ? 2 : 1, 0);
}

/* X and Y in n orders, P and Q in n sessions, each of a shopper of its own; 100 orders and sessions of other things. The first
 * of each is three weeks old, the others an hour. */
static struct shop *shop_of(int n, bool asked)
{
	struct shop *s = shop_create(2, (const char *const[]){ "itemsets.window=0", "similar.window=0", NULL });
	static const char *const items[] = { "X", "Y", "P", "Q", "jug" };
	char user[16];
	s->engine->rules.least_shoppers = K;
	s->engine->rules.least_baskets = asked ? K : 0;
	for (size_t i = 0; i < 5; i++) {
		char category[16];
		snprintf(category, sizeof(category), "of-%s", items[i]);
		stock(s, items[i], category, true);
	}
	for (int i = 0; i < 100; i++) {
		snprintf(user, sizeof(user), "other-%d", i);
		click(s, start + i, user, ACTION_VIEW, "jug", NULL);
		order(s, start + i, user, "jug", "");
	}
	for (int i = 0; i < n; i++) {
		int64_t at = i == 0 ? start : start + 21 * day - hour + i;
		snprintf(user, sizeof(user), "buyer-%d", i);
		order(s, at, user, "X", "Y");
		snprintf(user, sizeof(user), "viewer-%d", i);
		click(s, at, user, ACTION_VIEW, "P", NULL);
		click(s, at, user, ACTION_VIEW, "Q", NULL);
	}
	click(s, start + 21 * day, "zoe", ACTION_WISHLIST, "X", NULL); /* no session */
	shop_flush(s);
	shop_time(s, start + 21 * day);
	shop_flush(s);
	return s;
}

/* The command that begins so, of one key's views, holds the text. */
static bool view_holds(struct shop *s, enum key_kind kind, const char *id, const char *begin, const char *text)
{
	shop_item_view(s, kind, id);
	char *value = command(s, begin);
	bool holds = value && strstr(value, text);
	free(value);
	return holds;
}

static void what_fewer_than_k_baskets_hold_is_shown_nowhere_when_asked(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		bool asked = i & 1;
		int n = i & 2 ? K : K - 1;
		bool shown = !asked || n >= K;
		struct shop *s = shop_of(n, asked);
		const struct {
			enum key_kind kind;
			const char *id, *begin, *text;
		} views[] = {
			{ KEY_ITEM, "X", "SET glint:together:X ", "\"item\":\"Y\"" },
			{ KEY_ITEM, "P", "SET glint:viewed:P ", "\"item\":\"Q\"" },
			{ KEY_ITEM, "X", "SET glint:similar:X ", "\"item\":\"Y\"" },
			{ KEY_ALL, NULL, "SET glint:rules ", "\"a\":\"X\",\"b\":\"Y\"" },
			{ KEY_ALL, NULL, "SET glint:rules ", "\"a\":\"P\",\"b\":\"Q\"" },
			{ KEY_ALL, NULL, "SET glint:rules:categories ", "\"a\":\"of-X\",\"b\":\"of-Y\"" },
			{ KEY_ALL, NULL, "ZADD glint:new:popular ", " X" },
			{ KEY_ALL, NULL, "ZADD glint:new:trending ", " P" },
			{ KEY_ALL, NULL, "ZADD glint:new:popular:of-P ", " P" },
			{ KEY_ALL, NULL, "SET glint:recs:_default ", "\"item\":\"X\"" },
			{ KEY_ITEM, "X", "SET glint:forecast:item:X ", "\"days\"" },
			{ KEY_CATEGORY, "of-X", "SET glint:forecast:category:of-X ", "\"days\"" },
			{ KEY_ITEM, "X", "HSET glint:item:X ", " buys " },
			{ KEY_ITEM, "X", "HSET glint:item:X ", " revenue:EUR " },
			{ KEY_ITEM, "P", "HSET glint:item:P ", "views " },
		};
		for (size_t j = 0; j < sizeof(views) / sizeof(*views); j++)
			if (view_holds(s, views[j].kind, views[j].id, views[j].begin, views[j].text) != shown)
				fail_msg("%s(%d orders, %sasked): %s", views[j].begin, n, asked ? "" : "not ", shop_commands(s));
		/* what was there before is taken away */
		if (!shown) {
			assert_true(view_holds(s, KEY_ITEM, "X", "DEL glint:together:X", "") && view_holds(s, KEY_ITEM, "P", "DEL glint:viewed:P", ""));
			assert_true(view_holds(s, KEY_ITEM, "X", "DEL glint:similar:X", "") && view_holds(s, KEY_ITEM, "X", "DEL glint:forecast:item:X", ""));
			assert_true(view_holds(s, KEY_ITEM, "X", "HDEL glint:item:X ", " revenue:EUR"));
		}
		/* a shopper's own list: a reason counts others */
		json_t *list = list_of(s, "zoe");
		const json_t *entry = entry_of(list, "Y");
		assert_true(entry ? shown : !shown);
		if (entry)
			assert_true(number_at(json_object_get(entry, "why"), "count") == n);
		json_decref(list);
		/* what many hold is shown in any case */
		assert_true(view_holds(s, KEY_ALL, NULL, "ZADD glint:new:popular ", " jug") && view_holds(s, KEY_ITEM, "jug", "HSET glint:item:jug ", " buys 100 "));
		shop_destroy(s);
	}
}

/* n sessions go from X to Y to Z: somebody who has seen X is told of Y when k sessions hold it. */
static void the_next_item_is_one_that_k_sessions_hold(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		bool asked = i & 1;
		int n = i & 2 ? K : K - 1;
		struct shop *s = shop_create(1, (const char *const[]){ "itemsets.window=0", "next.window=0", NULL });
		s->engine->rules.least_baskets = asked ? K : 0;
		for (int j = 0; j < n; j++) {
			char user[16];
			snprintf(user, sizeof(user), "u%d", j);
			click(s, start + 3 * j, user, ACTION_VIEW, "X", NULL);
			click(s, start + 3 * j + 1, user, ACTION_VIEW, "Y", NULL);
		}
		click(s, start + 1000, "zoe", ACTION_VIEW, "X", NULL);
		shop_flush(s);
		shop_user_view(s, "zoe");
		char *next = command(s, "SET glint:next:zoe ");
		assert_true((next && strstr(next, "\"item\":\"Y\"")) == (!asked || n >= K));
		free(next);
		shop_destroy(s);
	}
}

static void similar_items_are_of_k_shoppers_not_of_k_baskets_of_one(void **state)
{
	(void)state;
	for (int asked = 0; asked < 2; asked++) {
		struct shop *s = shop_create(1, (const char *const[]){ "similar.window=0", "similar.min_overlap=1", NULL });
		s->engine->rules.least_baskets = asked ? K : 0;
		for (int i = 0; i < 5 * K; i++)
			order(s, start + i, "ann", "X", "Y");
		shop_flush(s);
		assert_int_equal(view_holds(s, KEY_ITEM, "X", "SET glint:similar:X ", "\"item\":\"Y\""), !asked);
		shop_destroy(s);
	}
}

/* n shoppers see a campaign, arm and list of an experiment and click; m of them order in EUR, one more in USD. */
static struct shop *campaign_of(int n, int m, bool asked)
{
	struct shop *s = shop_create(1, (const char *const[]){ NULL });
	s->engine->rules.least_baskets = asked ? K : 0;
	for (int i = 0; i < n; i++) {
		char id[16], user[16];
		snprintf(user, sizeof(user), "u%d", i);
		for (int j = 0; j < 2; j++) {
			snprintf(id, sizeof(id), "c%d.%d", i, j);
			struct event e = shop_click(id, start + j, user, j ? ACTION_CLICK : ACTION_IMPRESSION, "X", NULL, "spring");
			e.click.variant = TEXT("B");
			assert_int_equal(shop_event(s, &e), APPLIED);
		}
		if (i > m)
			continue;
		snprintf(id, sizeof(id), "o%d", i);
		struct order_line line = { TEXT("X"), 1, 5000 };
		struct event e = shop_order(id, start + 10, user, id, &line, 1);
		e.purchase.currency = i == m ? TEXT("USD") : TEXT("EUR");
		assert_int_equal(shop_event(s, &e), APPLIED);
	}
	shop_flush(s);
	shop_time(s, start + 2 * hour);
	shop_flush(s);
	return s;
}

static void campaigns_and_experiments_are_of_k_shoppers_and_their_orders_of_k_orders(void **state)
{
	static const char *const campaign = "HSET glint:campaign:spring ", *const arms = "HSET glint:experiment:default ", *const minutes = "XADD glint:campaign:spring:minutes ";
	(void)state;
	for (int i = 0; i < 6; i++) {
		bool asked = i & 1;
		int n = i / 2 ? K : K - 1, m = i / 2 == 2 ? K - 1 : K - 3;
		bool shown = !asked || n >= K;
		struct shop *s = campaign_of(n, m, asked);
		/* all orders are n of K at m = K - 1: enough; of each currency there are fewer */
		bool orders = !asked || (shown && m + 1 >= K);
		const struct {
			enum key_kind kind;
			const char *begin, *text;
			bool want;
		} views[] = {
			{ KEY_CAMPAIGN, campaign, "impressions ", shown },
			{ KEY_CAMPAIGN, campaign, " uniques ", shown },
			{ KEY_CAMPAIGN, campaign, " today_clicks ", shown },
			{ KEY_CAMPAIGN, campaign, " ctr ", shown },
			{ KEY_CAMPAIGN, campaign, " attributed_orders ", orders },
			{ KEY_CAMPAIGN, campaign, " cvr ", orders },
			{ KEY_CAMPAIGN, campaign, " attributed_revenue:EUR ", !asked },
			{ KEY_CAMPAIGN, campaign, " revenue:USD ", !asked },
			{ KEY_CAMPAIGN, "ZADD glint:campaigns ", " spring", shown },
			{ KEY_CAMPAIGN, minutes, " clicks ", true }, /* 2 K - 2 events and more */
			{ KEY_CAMPAIGN, minutes, " attributed_orders ", orders },
			{ KEY_ALL, arms, " shoppers:B ", shown },
			{ KEY_ALL, arms, " clicks:B ", shown },
			{ KEY_ALL, arms, " buyers:B ", orders },
			{ KEY_ALL, arms, " revenue:B:EUR ", orders },
		};
		for (size_t j = 0; j < sizeof(views) / sizeof(*views); j++)
			if (view_holds(s, views[j].kind, views[j].kind == KEY_ALL ? NULL : "spring", views[j].begin, views[j].text) != views[j].want)
				fail_msg("%s%s(%d of %d shoppers, %sasked): %s", views[j].begin, views[j].text, m + 1, n, asked ? "" : "not ", shop_commands(s));
		if (!shown) { /* what was told before is taken away */
			assert_true(view_holds(s, KEY_CAMPAIGN, "spring", "HDEL glint:campaign:spring ", " uniques"));
			assert_true(view_holds(s, KEY_ALL, NULL, "DEL glint:experiment:default", ""));
		}
		shop_destroy(s);
	}
}

static void complaints_are_of_k_reviews(void **state)
{
	(void)state;
	for (int asked = 0; asked < 2; asked++) {
		struct shop *s = shop_create(1, (const char *const[]){ shop_lexicon_option, "complaints.least=5", NULL });
		s->engine->rules.least_baskets = asked ? K : 0;
		for (int i = 0; i < 40 + 2 * (K - 1) + 1; i++) {
			char id[16], user[16];
			snprintf(id, sizeof(id), "r%d", i);
			snprintf(user, sizeof(user), "u%d", i);
			/* a month later the clasp is named by k + 1, the hinge by k - 1 */
			const char *text = i < 40 ? "bad stone" : i < 40 + K - 1 ? "bad hinge"
										 : "bad clasp";
			struct event e = shop_review(id, i < 40 ? start : start + 30 * day, user, "B1", text, "en");
			assert_int_equal(shop_event(s, &e), APPLIED);
		}
		struct event one = shop_review("last", start + 30 * day, "last", "B1", "bad clasp", "en");
		assert_int_equal(shop_event(s, &one), APPLIED);
		shop_flush(s);
		assert_true(view_holds(s, KEY_ALL, NULL, "SET glint:complaints ", "\"term\":\"clasp\""));
		assert_int_equal(view_holds(s, KEY_ALL, NULL, "SET glint:complaints ", "\"term\":\"hinge\""), !asked);
		shop_destroy(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_fewer_than_k_baskets_hold_is_shown_nowhere_when_asked),
		cmocka_unit_test(the_next_item_is_one_that_k_sessions_hold),
		cmocka_unit_test(similar_items_are_of_k_shoppers_not_of_k_baskets_of_one),
		cmocka_unit_test(complaints_are_of_k_reviews),
		cmocka_unit_test(campaigns_and_experiments_are_of_k_shoppers_and_their_orders_of_k_orders),
	};
	return cmocka_run_group_tests(tests, shop_lexicon_write, shop_lexicon_remove);
}
