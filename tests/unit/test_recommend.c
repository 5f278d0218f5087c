/* Recommendations: every reason's numbers against counting the generated baskets, what may not be in a list, popularity and trend by
 * their formulas, the views of `all`, rows. */
#include "recommend_fixture.h"

/* ---- a whole shop, counted by hand ---- */

enum { ITEMS = 150,
	USERS = 1200,
	SESSIONS = 3000 };

static struct counted {
	int n[BASKETS][ITEMS], pair[BASKETS][ITEMS][ITEMS], baskets[BASKETS];
	bool seen[USERS][ITEMS], bought[USERS][ITEMS];
} counted;

static uint32_t random_state;
static uint32_t dice(uint32_t n)
{
	random_state = random_state * 1664525u + 1013904223u;
	return (uint32_t)((uint64_t)random_state * n >> 32);
}

static char names[ITEMS][16];

static void count_basket(enum basket b, const int *items, int n)
{
	counted.baskets[b]++;
	for (int i = 0; i < n; i++) {
		counted.n[b][items[i]]++;
		for (int j = 0; j < n; j++)
			counted.pair[b][items[i]][items[j]] += i != j;
	}
}

static int choose_items(int *items, int most)
{
	int n = 0, taste = (int)dice(10) * (ITEMS / 10), want = 1 + (int)dice((uint32_t)most);
	for (int tries = 0; n < want && tries < 40; tries++) {
		int item = dice(5) ? taste + (int)dice(ITEMS / 10) : (int)dice(ITEMS), j = 0;
		while (j < n && items[j] != item)
			j++;
		if (j == n)
			items[n++] = item;
	}
	return n;
}

/* Sessions of 1..8 items, every third followed by an order. */
static struct shop *busy_shop(int flush_every)
{
	struct shop *s = shop_create(4, (const char *[]){ "itemsets.window=0", "segments.segments=0", "recommend.related_p=1", NULL }); /* assignment depends on when the clusters were heard of */
	memset(&counted, 0, sizeof(counted));
	random_state = 3;
	for (int i = 0; i < ITEMS; i++) {
		char category[16];
		snprintf(names[i], sizeof(names[i]), "B%d", i);
		snprintf(category, sizeof(category), "k%d", i / (ITEMS / 10));
		stock(s, names[i], category, i % 11 != 0);
	}
	for (int b = 0; b < SESSIONS; b++) {
		int items[8], u = (int)dice(USERS), n = choose_items(items, 8);
		int64_t ts = start + (int64_t)b * 3 * 60000;
		char user[16], session[16];
		snprintf(user, sizeof(user), "u%d", u);
		snprintf(session, sizeof(session), "s%d", b);
		for (int i = 0; i < n; i++) {
			click(s, ts + i * 1000, user, ACTION_VIEW, names[items[i]], session);
			counted.seen[u][items[i]] = true;
		}
		count_basket(BASKET_SESSION, items, n);
		if (b % 3 == 0) {
			struct order_line lines[4];
			n = choose_items(items, 4);
			for (int i = 0; i < n; i++) {
				lines[i] = (struct order_line){ text_of(names[items[i]]), 1, 100 };
				counted.seen[u][items[i]] = counted.bought[u][items[i]] = true;
			}
			buy(s, ts + 60000, user, PURCHASE_ORDER, lines, (uint32_t)n, 0);
			count_basket(BASKET_ORDER, items, n);
		}
		if (b % flush_every == 0)
			shop_flush(s);
	}
	shop_flush(s);
	shop_end(s);
	s->now_ms = start + 30 * day;
	return s;
}

static int number_of(const char *item)
{
	return atoi(item + 1);
}

static void every_reason_is_exact_and_no_list_has_what_it_may_not(void **state)
{
	(void)state;
	struct shop *s = busy_shop(50);
	int lists = 0, reasons[BASKETS] = { 0 };
	for (int u = 0; u < USERS; u++) {
		char user[16];
		snprintf(user, sizeof(user), "u%d", u);
		if (!shop_user_block(s, user, P_RECOMMEND))
			continue;
		json_t *list = list_of(s, user);
		const json_t *items = json_object_get(list, "items");
		assert_int_equal(json_array_size(items), 20);
		assert_true(number_at(list, "v") == 1 && number_at(list, "as_of") == (double)s->now_ms);
		assert_int_equal(strlen(text_at(list, "rec_id")), 16 + 1 + 20);
		assert_true(json_is_null(json_object_get(list, "segment")) && json_is_null(json_object_get(list, "variant")));
		bool there[ITEMS] = { false }, own = false;
		double last = INFINITY;
		for (size_t i = 0; i < 20; i++) {
			const json_t *entry = json_array_get(items, i), *why = json_object_get(entry, "why");
			int item = number_of(text_at(entry, "item"));
			const char *kind = text_at(why, "kind");
			assert_false(there[item] || counted.bought[u][item] || item % 11 == 0);
			there[item] = true;
			assert_true(number_at(entry, "score") <= last + 1e-9 && number_at(entry, "score") > 0);
			last = number_at(entry, "score");
			if (strcmp(kind, "bought_together") != 0 && strcmp(kind, "viewed_together") != 0) {
				assert_true(strcmp(kind, "trending") == 0 || strcmp(kind, "popular") == 0);
				assert_true(json_is_null(json_object_get(why, "seed")));
				continue;
			}
			own = true;
			int b = strcmp(kind, "bought_together") == 0 ? BASKET_ORDER : BASKET_SESSION, seed = number_of(text_at(why, "seed"));
			double n_ab = counted.pair[b][seed][item], n_a = counted.n[b][seed], n_b = counted.n[b][item], n = counted.baskets[b];
			assert_true(counted.seen[u][seed] && seed != item);
			assert_true(number_at(why, "count") == n_ab && n_ab > 0);
			assert_true(fabs(number_at(why, "support") - n_ab / n) < 2e-6);
			assert_true(fabs(number_at(why, "confidence") - n_ab / n_a) < 2e-6);
			assert_true(fabs(number_at(why, "lift") - n_ab / n_a * n / n_b) < 1e-5 * n_ab / n_a * n / n_b);
			reasons[b]++;
		}
		assert_true(json_is_true(json_object_get(list, "fallback")) == !own);
		json_decref(list);
		lists++;
	}
	assert_true(lists > 1000 && reasons[BASKET_ORDER] > 1000 && reasons[BASKET_SESSION] > 1000);
	shop_check_rows(s);
	shop_destroy(s);
}

static void short_and_long_intervals_give_the_same_lists(void **state)
{
	(void)state;
	char *first[50] = { NULL };
	static const int every[] = { 1, 61, 1000000 };
	for (int v = 0; v < 3; v++) {
		struct shop *s = busy_shop(every[v]);
		s->interval = 7; /* rec_id and commit tell it */
		for (int u = 0; u < 50; u++) {
			char user[16];
			snprintf(user, sizeof(user), "u%d", u);
			if (!shop_user_block(s, user, P_RECOMMEND))
				continue;
			shop_user_view(s, user);
			char *got = command(s, "SET glint:recs:");
			if (v)
				assert_string_equal(got, first[u]);
			else
				first[u] = strdup(got);
			free(got);
		}
		shop_destroy(s);
	}
	for (int u = 0; u < 50; u++)
		free(first[u]);
}

/* ---- one shopper ---- */

static void the_score_is_the_formulas(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, (const char *[]){ "itemsets.window=0", "recommend.related_p=1", NULL });
	/* A and C in 3 sessions together, A in 4 and C in 5; Z buys nothing, sees A */
	for (int i = 0; i < 3; i++) {
		char user[16];
		snprintf(user, sizeof(user), "p%d", i);
		click(s, start, user, ACTION_VIEW, "A", NULL);
		click(s, start + 1, user, ACTION_VIEW, "C", NULL);
	}
	click(s, start, "q1", ACTION_VIEW, "C", NULL);
	click(s, start, "q2", ACTION_VIEW, "C", NULL);
	click(s, start, "Z", ACTION_VIEW, "A", NULL);
	shop_flush(s);
	shop_end(s);
	json_t *list = list_of(s, "Z");
	const json_t *entry = entry_of(list, "C"), *why = json_object_get(entry, "why");
	/* g = 1/6, W = .6, c = 3: .1 x 3 / sqrt(24 x 25) */
	assert_true(fabs(number_at(entry, "score") - .1 * 3 / sqrt(600)) < 1e-7);
	assert_string_equal(text_at(why, "kind"), "viewed_together");
	assert_string_equal(text_at(why, "seed"), "A");
	assert_true(number_at(why, "count") == 3 && number_at(why, "confidence") == .75 && number_at(why, "support") == .5);
	assert_true(number_at(why, "lift") == .75 / 5 * 6 || fabs(number_at(why, "lift") - .9) < 1e-6);
	assert_null(entry_of(list, "A")); /* its own seed */
	assert_true(json_is_false(json_object_get(list, "fallback")));
	json_decref(list);
	shop_destroy(s);
}

static void a_shopper_without_history_gets_trending_and_popular_items(void **state)
{
	(void)state;
	struct shop *s = busy_shop(1000);
	struct event e = shop_click("new", start + 10 * day, "newcomer", ACTION_SEARCH, NULL, NULL, NULL);
	assert_int_equal(shop_event(s, &e), APPLIED);
	json_t *list = list_of(s, "newcomer");
	assert_true(json_is_true(json_object_get(list, "fallback")));
	assert_int_equal(json_array_size(json_object_get(list, "items")), 20);
	for (size_t i = 0; i < 20; i++)
		assert_true(number_of(text_at(json_array_get(json_object_get(list, "items"), i), "item")) % 11 != 0);
	assert_null(strstr(shop_commands(s), "HSET glint:user:newcomer orders"));
	json_decref(list);
	shop_destroy(s);
}

static void an_item_that_sells_out_leaves_the_lists_and_comes_back(void **state)
{
	(void)state;
	struct shop *s = busy_shop(1000);
	json_t *list = list_of(s, "u1");
	const json_t *items = json_object_get(list, "items");
	char first[16];
	snprintf(first, sizeof(first), "%s", text_at(json_array_get(items, 0), "item"));
	stock(s, first, "k0", false);
	json_decref(list);
	list = list_of(s, "u1"); /* at once: the cached popular items are asked again */
	assert_null(entry_of(list, first));
	json_decref(list);
	s->now_ms += 5000;
	shop_item_view(s, KEY_ALL, NULL);
	char *blocked = command(s, "SADD glint:new:blocked ");
	char padded[600], name[20];
	snprintf(padded, sizeof(padded), " %s ", blocked);
	snprintf(name, sizeof(name), " %s ", first);
	assert_non_null(strstr(padded, name));
	assert_non_null(strstr(padded, " B11 "));
	assert_non_null(strstr(shop_commands(s), "RENAME glint:new:blocked glint:blocked\n"));
	free(blocked);
	stock(s, first, "k0", true);
	list = list_of(s, "u1");
	assert_non_null(entry_of(list, first));
	json_decref(list);
	shop_item_view(s, KEY_ALL, NULL);
	blocked = command(s, "SADD glint:new:blocked ");
	snprintf(padded, sizeof(padded), " %s ", blocked);
	assert_null(strstr(padded, name));
	free(blocked);
	shop_destroy(s);
}

static void the_shoppers_hash_tells_orders_revenue_recency_and_tastes(void **state)
{
	(void)state;
	struct shop *s = shop_create(2, NULL);
	stock(s, "A", "lamps", true);
	stock(s, "B", "chairs", true);
	struct order_line lines[2] = { { TEXT("A"), 2, 1500 }, { TEXT("B"), 1, 990 } };
	buy(s, start, "ann", PURCHASE_ORDER, lines, 2, 100);
	lines[0].quantity = 1;
	buy(s, start + hour, "ann", PURCHASE_REFUND, lines, 1, 0);
	click(s, start + 2 * hour, "ann", ACTION_VIEW, "A", NULL);
	shop_flush(s);
	shop_time(s, start + 36 * hour);
	shop_user_view(s, "ann");
	char *hash = command(s, "HSET glint:user:ann ");
	assert_non_null(hash);
	assert_non_null(strstr(hash, "orders 1 revenue:EUR 2390 recency_d 1.5 top_categories [\"lamps\",\"chairs\"]")); /* 3000 + 990 - 100 - 1500 */
	free(hash);
	shop_item_view(s, KEY_ITEM, "A");
	hash = command(s, "HSET glint:item:A ");
	assert_non_null(strstr(hash, "views 1 clicks 0 carts 0 buys 1 revenue:EUR 1500 "));
	free(hash);

	struct buf fields = { 0 };
	struct dump_ctx ctx = { .symbols = s->engine->symbols, .fields = &fields };
	recommend_processor.user_dump(s->settings[P_RECOMMEND], &ctx, shop_user_block(s, "ann", P_RECOMMEND));
	ctx.key = (struct key){ KEY_ITEM, symbols_find(s->engine->symbols, TEXT("A")) };
	recommend_processor.item_dump(s->settings[P_RECOMMEND], &ctx, shop_item_block(s, KEY_ITEM, "A", P_RECOMMEND));
	buf_u8(&fields, 0);
	assert_string_equal((const char *)fields.data,
		",\"orders\":1,\"revenue\":{\"EUR\":2390},\"views\":1,\"clicks\":0,\"carts\":0,\"buys\":1,\"revenue\":{\"EUR\":1500}");
	buf_done(&fields);
	shop_check_rows(s);
	shop_destroy(s);
}

static void history_and_bought_items_are_bounded_and_keep_the_newest(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, (const char *[]){ "recommend.bought_items=30", NULL });
	for (int i = 0; i < 80; i++) {
		char item[16];
		snprintf(item, sizeof(item), "B%d", i);
		struct order_line line = { text_of(item), 1, 10 };
		buy(s, start + i * 1000, "ann", PURCHASE_ORDER, &line, 1, 0);
	}
	struct order_line again = { TEXT("B60"), 1, 10 };
	buy(s, start + day, "ann", PURCHASE_ORDER, &again, 1, 0);
	const struct recommend_user *u = shop_user_block(s, "ann", P_RECOMMEND);
	assert_int_equal(u->n_recent, RECENT_MAX);
	assert_int_equal(u->n_bought, 30);
	symbol_t b60 = symbols_find(s->engine->symbols, TEXT("B60"));
	assert_int_equal(u->recent[RECENT_MAX - 1].item, b60);
	assert_int_equal(u->bought[29].item, b60);
	assert_int_equal(u->bought[0].item, symbols_find(s->engine->symbols, TEXT("B50")));
	assert_int_equal(u->orders, 81);
	assert_int_equal(s->engine->drops[P_RECOMMEND][1], 50);
	click(s, start + 5, "ann", ACTION_VIEW, "old", NULL); /* older than everything in a full history */
	assert_int_equal(u->recent[RECENT_MAX - 1].item, b60);
	assert_int_equal(u->n_recent, RECENT_MAX);
	click(s, start + 2 * day, "ann", ACTION_VIEW, "B60", NULL); /* the best action stays */
	assert_int_equal(u->recent[RECENT_MAX - 1].weight, WEIGHT_BUY);
	shop_check_rows(s);
	shop_destroy(s);
}

/* ---- popularity ---- */

static void add(struct shop *s, struct recommend_item *p, uint8_t metric, int32_t pane, int64_t amount)
{
	uint64_t drops[DROPS] = { 0 };
	struct item_ctx ctx = { .symbols = s->engine->symbols, .pool = s->engine->pool, .drops = drops };
	struct delta d = { .metric = metric, .merge = MERGE_SUM, .pane = pane, .amount = amount };
	recommend_processor.delta(s->settings[P_RECOMMEND], &ctx, p, &d);
}

static void popularity_halves_and_trend_compares_two_rates(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, NULL);
	const struct popularity_settings *settings = &((struct recommend_settings *)s->settings[P_RECOMMEND])->popularity;
	struct recommend_item p = { .feedback = { 0 } };
	struct popularity_model m;
	add(s, &p, METRIC_BUYS, 1000, 10); /* 30 weighted actions at 1000.5 h */
	popularity_levels(settings, &p.popularity, m.level);
	assert_true(fabs(popularity_count(settings, &m, LEVEL_POPULAR, 1000 * hour + hour / 2) - 30) < 1e-9);
	assert_true(fabs(popularity_count(settings, &m, LEVEL_POPULAR, 1000 * hour + hour / 2 + 7 * day) - 15) < 1e-9);
	assert_true(fabs(popularity_count(settings, &m, LEVEL_POPULAR, 1000 * hour + hour / 2 + 56 * hour) / 30 - .793701) < 1e-6); /* ALGORITHMS G: 2^(-10/30) */
	add(s, &p, METRIC_VIEWS, 1000 - 24, 40);   /* a day before */
	add(s, &p, METRIC_VIEWS, 1000 - 240, 100); /* ten days: hour 760 is of day 31, whose middle hour is 756 */
	popularity_levels(settings, &p.popularity, m.level);
	int64_t now = 1000 * hour + hour / 2;
	assert_true(fabs(popularity_count(settings, &m, LEVEL_POPULAR, now) - (30 + 40 * exp2(-1 / 7.) + 100 * exp2(-244 / 168.))) < 1e-9);
	double fast = 30 + 40 * exp2(-4) + 100 * exp2(-244 / 6.), slow = 30 + 40 * exp2(-1 / 3.) + 100 * exp2(-244 / 72.);
	double trend = (fast / (6 / log(2)) + .05) / (slow / (72 / log(2)) + .05);
	assert_true(fabs(popularity_trend(settings, &m, now) - trend) < 1e-9);
	assert_true(isnan(popularity_trend(settings, &m, now + 3 * day))); /* fewer than 5 are left */
	popularity_done(&p.popularity, s->engine->pool);
	shop_destroy(s);
}

static void popularity_does_not_depend_on_the_order_of_deltas(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, NULL);
	struct buf first = { 0 }, now = { 0 };
	enum { N = 4000 };
	for (int v = 0; v < 3; v++) {
		struct recommend_item p = { .feedback = { 0 } };
		for (int i = 0; i < N; i++) {
			int at = v == 0 ? i : v == 1 ? N - 1 - i
						     : i * 1237 % N;
			add(s, &p, (uint8_t)(at % 4), 500000 + at / 3, 1 + at % 5); /* 1,333 hours: more than 30 days */
		}
		assert_true(p.popularity.hours.n == POPULARITY_HOURS && p.popularity.days.n <= POPULARITY_DAYS + 1);
		int64_t all = 0;
		for (int i = 0; i < POPULARITY_COUNTS; i++)
			all += p.popularity.n[i];
		assert_int_equal(all, N * 3);
		struct buf *to = v ? &now : &first;
		buf_clear(to);
		recommend_processor.item.save(s->settings[P_RECOMMEND], &p, s->engine->symbols, to);
		if (v) {
			assert_int_equal(first.size, now.size);
			assert_memory_equal(first.data, now.data, first.size);
		}
		popularity_done(&p.popularity, s->engine->pool);
	}
	for (size_t n = 0; n <= first.size; n++) {
		struct recommend_item p = { .feedback = { 0 } };
		struct reader r = reader_of(first.data, n);
		int got = recommend_processor.item.load(s->settings[P_RECOMMEND], &p, 3, &r, s->engine->symbols, s->engine->pool);
		assert_int_equal(got, n < first.size ? -EBADMSG : 0);
		popularity_done(&p.popularity, s->engine->pool);
	}
	buf_done(&first);
	buf_done(&now);
	shop_destroy(s);
}

static void views_of_all_rank_what_is_popular_and_what_is_rising(void **state)
{
	(void)state;
	struct shop *s = shop_create(2, NULL);
	stock(s, "steady", "lamps", true);
	stock(s, "rising", "lamps", true);
	stock(s, "quiet", "chairs", true);
	stock(s, "gone", "chairs", false);
	char user[32];
	for (int h = 0; h < 240; h++) {
		for (int i = 0; i < 4; i++) {
			snprintf(user, sizeof(user), "s%d-%d", h, i);
			click(s, start + h * hour, user, ACTION_VIEW, "steady", NULL);
			click(s, start + h * hour, user, ACTION_VIEW, "gone", NULL);
		}
		for (int i = 0; h >= 236 && i < 8; i++) {
			snprintf(user, sizeof(user), "r%d-%d", h, i);
			click(s, start + h * hour, user, ACTION_VIEW, "rising", NULL);
		}
		if (h % 80 == 0)
			click(s, start + h * hour, "q", ACTION_VIEW, "quiet", NULL);
	}
	shop_flush(s);
	shop_time(s, start + 240 * hour);
	shop_item_view(s, KEY_ALL, NULL);
	char *popular = command(s, "ZADD glint:new:popular "), *trending = command(s, "ZADD glint:new:trending ");
	char names_in_order[3][16];
	assert_int_equal(sscanf(popular, "%*f %15s %*f %15s %*f %15s", names_in_order[0], names_in_order[1], names_in_order[2]), 3);
	assert_string_equal(names_in_order[0], "steady");
	assert_string_equal(names_in_order[1], "rising");
	assert_string_equal(names_in_order[2], "quiet");
	assert_int_equal(sscanf(trending, "%*f %15s %*f %15s", names_in_order[0], names_in_order[1]), 2);
	assert_string_equal(names_in_order[0], "rising");
	assert_string_equal(names_in_order[1], "steady");
	assert_null(strstr(popular, "gone"));
	free(popular);
	free(trending);
	const char *all = shop_commands(s);
	assert_non_null(strstr(all, "RENAME glint:new:popular glint:popular\n"));
	assert_non_null(strstr(all, "RENAME glint:new:trending:lamps glint:trending:lamps\n"));
	assert_non_null(strstr(all, "DEL glint:trending:chairs\n"));
	assert_non_null(strstr(all, "SADD glint:new:blocked gone\n"));
	json_t *list = parsed(command(s, "SET glint:recs:_default "));
	assert_true(json_is_true(json_object_get(list, "fallback")));
	assert_string_equal(text_at(json_array_get(json_object_get(list, "items"), 0), "item"), "rising");
	assert_string_equal(text_at(json_object_get(entry_of(list, "rising"), "why"), "kind"), "trending");
	assert_int_equal(json_array_size(json_object_get(list, "items")), 3);
	json_decref(list);
	list = parsed(command(s, "SET glint:recs:_default:chairs "));
	assert_int_equal(json_array_size(json_object_get(list, "items")), 1);
	assert_string_equal(text_at(json_object_get(entry_of(list, "quiet"), "why"), "kind"), "popular");
	json_decref(list);
	shop_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_reason_is_exact_and_no_list_has_what_it_may_not),
		cmocka_unit_test(short_and_long_intervals_give_the_same_lists),
		cmocka_unit_test(the_score_is_the_formulas),
		cmocka_unit_test(a_shopper_without_history_gets_trending_and_popular_items),
		cmocka_unit_test(an_item_that_sells_out_leaves_the_lists_and_comes_back),
		cmocka_unit_test(the_shoppers_hash_tells_orders_revenue_recency_and_tastes),
		cmocka_unit_test(history_and_bought_items_are_bounded_and_keep_the_newest),
		cmocka_unit_test(popularity_halves_and_trend_compares_two_rates),
		cmocka_unit_test(popularity_does_not_depend_on_the_order_of_deltas),
		cmocka_unit_test(views_of_all_rank_what_is_popular_and_what_is_rising),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
