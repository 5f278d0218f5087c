/* Lists: diversity and caps by hand, and an explanation whose terms make the score. */
#include "recommend_fixture.h"

/* ---- diversity ---- */

static struct pick pick_of(struct shop *s, const char *item, double score)
{
	symbol_t symbol = symbols_intern(s->engine->symbols, text_of(item));
	return (struct pick){ .score = score, .item = symbol, .known = model_catalogue(s->engine->model, symbol) };
}

static const char *name_of(struct shop *s, const struct pick *p)
{
	return symbols_text(s->engine->symbols, p->item).data;
}

static void likeness_is_a_weighted_sum_of_what_is_the_same(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, NULL);
	stock_of(s, "a", "rings", "Ann", "gold", 1000);
	stock_of(s, "b", "rings", "Ann", "gold", 1040); /* 2 log2: 19.93 and 20.04: another band */
	stock_of(s, "c", "rings", "Bob", "gold", 990);  /* 19.90: a's */
	stock_of(s, "d", "lamps", "Bob", "", 0);
	stock_of(s, "e", "lamps", "", "", 0);
	struct pick a = pick_of(s, "a", 1), b = pick_of(s, "b", 1), c = pick_of(s, "c", 1), d = pick_of(s, "d", 1), e = pick_of(s, "e", 1);
	assert_true(fabs((double)diversity_similarity(a.known, b.known) - .85) < 1e-6);
	assert_true(fabs((double)diversity_similarity(a.known, c.known) - .7) < 1e-6);
	assert_true(fabs((double)diversity_similarity(c.known, d.known) - .3) < 1e-6);
	assert_true(fabs((double)diversity_similarity(d.known, e.known) - .4) < 1e-6);
	assert_true(diversity_similarity(a.known, e.known) == 0);
	assert_true(fabs((double)diversity_similarity(a.known, a.known) - 1) < 1e-6);
	shop_destroy(s);
}

static void an_item_like_one_before_it_gives_way(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, NULL);
	stock_of(s, "r1", "rings", "", "", 0);
	stock_of(s, "r2", "rings", "", "", 0);
	stock_of(s, "r3", "rings", "", "", 0);
	stock_of(s, "l1", "lamps", "", "", 0);
	/* lambda .7: of the same category .4, so behind a ring a ring keeps 1 - .3 x .4 = .88 of its score: .9 x .88 = .792 < .8 */
	struct pick picks[] = { pick_of(s, "r1", 1), pick_of(s, "r2", .9), pick_of(s, "l1", .8), pick_of(s, "r3", .5) };
	struct diversity d = diversity_of(.7, 1, 1, 4);
	assert_int_equal(diversity_order(&d, s->engine->symbols, picks, 4, 4), 4);
	static const char *const order[] = { "r1", "l1", "r2", "r3" };
	static const double score[] = { 1, .8, .792, .44 };
	for (int i = 0; i < 4; i++) {
		assert_string_equal(name_of(s, &picks[i]), order[i]);
		assert_true(fabs(picks[i].score - score[i]) < 1e-6);
	}
	struct pick plain[] = { pick_of(s, "r1", 1), pick_of(s, "r2", .9), pick_of(s, "l1", .8) };
	d = diversity_of(1, 1, 1, 4); /* lambda 1: by score */
	assert_int_equal(diversity_order(&d, s->engine->symbols, plain, 3, 3), 3);
	assert_string_equal(name_of(s, &plain[1]), "r2");
	shop_destroy(s);
}

/* The definition, place by place, over all that is left. */
static uint32_t greedy(const struct diversity *d, const struct symbols *symbols, struct pick *picks, uint32_t n, uint32_t size, struct pick *to)
{
	bool taken[PICKS_MAX] = { false };
	for (uint32_t k = 0; k < size; k++) {
		uint32_t best = n;
		double most = 0;
		for (uint32_t i = 0; i < n; i++) {
			float similar = 0;
			uint32_t category = 0, brand = 0;
			for (uint32_t j = 0; j < k; j++) {
				float now = diversity_similarity(to[j].known, picks[i].known);
				similar = now > similar ? now : similar;
				category += to[j].known->category == picks[i].known->category;
				brand += to[j].known->brand == picks[i].known->brand;
			}
			double score = picks[i].score * (1 - (1 - d->lambda) * (double)similar);
			if (taken[i] || (picks[i].known->category && category >= d->category_cap) || (picks[i].known->brand && brand >= d->brand_cap) ||
				(best < n && (score < most || (score == most && symbols_hash(symbols, picks[best].item) < symbols_hash(symbols, picks[i].item)))))
				continue;
			best = i;
			most = score;
		}
		if (best == n)
			return k;
		taken[best] = true;
		to[k] = picks[best];
		to[k].score = most;
	}
	return size;
}

static void the_order_is_that_of_the_definition(void **state)
{
	(void)state;
	enum { N = 30 };
	static const char *const categories[] = { "", "rings", "lamps", "bowls" }, *const brands[] = { "", "Ann", "Bob" }, *const colours[] = { "", "red", "blue" };
	struct shop *s = shop_create(1, NULL);
	char names[N][8];
	uint64_t x = 88172645463325252u;
	for (int i = 0; i < N; i++) {
		snprintf(names[i], sizeof(names[i]), "i%d", i);
		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		if (x % 8)
			stock_of(s, names[i], categories[x >> 8 & 3], brands[(x >> 16) % 3], colours[(x >> 24) % 3], (int64_t)(x >> 32 & 3) * 1000);
	}
	for (int round = 0; round < 500; round++) {
		struct pick picks[N], to[N];
		struct diversity d = diversity_of((double)(round % 11) / 10, .1 * (1 + round % 7), .1 * (1 + round % 5), 20);
		double score = 100;
		for (int i = 0; i < N; i++) {
			x ^= x << 13, x ^= x >> 7, x ^= x << 17;
			score *= x & 4 ? 1 : 1 - (double)(x >> 8 & 15) / 100; /* some are equal */
			picks[i] = pick_of(s, names[(i * 7 + round) % N], score);
		}
		uint32_t n = greedy(&d, s->engine->symbols, picks, N, 20, to);
		assert_int_equal(diversity_order(&d, s->engine->symbols, picks, N, 20), n);
		for (uint32_t i = 0; i < n; i++)
			assert_true(picks[i].item == to[i].item && picks[i].score == to[i].score);
	}
	shop_destroy(s);
}

static void a_cap_holds_back_what_is_too_much_of_one_kind(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, NULL);
	for (int i = 0; i < 5; i++)
		stock_of(s, (const char *[]){ "r0", "r1", "r2", "r3", "r4" }[i], "rings", i < 3 ? "Ann" : "Bob", "", 0);
	struct pick picks[] = { pick_of(s, "r0", 5), pick_of(s, "r1", 4), pick_of(s, "r2", 3), pick_of(s, "r3", 2), pick_of(s, "unknown", .5), pick_of(s, "r4", 1) };
	struct diversity d = diversity_of(1, .6, .4, 5); /* 3 of a category, 2 of a brand */
	assert_int_equal(diversity_order(&d, s->engine->symbols, picks, 6, 5), 4);
	static const char *const order[] = { "r0", "r1", "r3", "unknown" };
	for (int i = 0; i < 4; i++)
		assert_string_equal(name_of(s, &picks[i]), order[i]);
	assert_true(diversity_allows(&d, picks, 4, model_catalogue(s->engine->model, symbols_intern(s->engine->symbols, TEXT("new")))));
	assert_false(diversity_allows(&d, picks, 4, model_catalogue(s->engine->model, symbols_find(s->engine->symbols, TEXT("r4")))));
	shop_destroy(s);
}

/* ---- whole lists ---- */

/* 12 rings that go with S in sessions, the first ones more often, and 8 lamps that are popular. */
static struct shop *ring_shop(const char *const *options)
{
	struct shop *s = shop_create(1, options);
	char name[16], user[16];
	stock_of(s, "S", "rings", "", "", 0);
	for (int i = 0; i < 12; i++) {
		snprintf(name, sizeof(name), "ring%d", i);
		stock_of(s, name, "rings", "", "", 0);
		for (int k = 0; k < 20 - i; k++) {
			snprintf(user, sizeof(user), "u%d-%d", i, k);
			click(s, start, user, ACTION_VIEW, "S", NULL);
			click(s, start + 1, user, ACTION_VIEW, name, NULL);
		}
	}
	for (int i = 0; i < 8; i++) {
		snprintf(name, sizeof(name), "lamp%d", i);
		stock_of(s, name, "lamps", "", "", 0);
		for (int k = 0; k < 3 + i; k++) {
			snprintf(user, sizeof(user), "l%d-%d", i, k);
			click(s, start, user, ACTION_VIEW, name, NULL);
		}
	}
	click(s, start, "ann", ACTION_VIEW, "S", NULL);
	shop_flush(s);
	shop_end(s);
	return s;
}

static int of_category(const json_t *list, const char *begin)
{
	int n = 0;
	const json_t *items = json_object_get(list, "items");
	for (size_t i = 0; i < json_array_size(items); i++)
		n += strncmp(text_at(json_array_get(items, i), "item"), begin, strlen(begin)) == 0;
	return n;
}

static void a_capped_list_is_filled_with_other_categories_first(void **state)
{
	(void)state;
	struct shop *s = ring_shop((const char *[]){ "itemsets.window=0", "recommend.related_p=1", "recommend.list_size=10", "recommend.category_share=0.5", NULL });
	json_t *list = list_of(s, "ann");
	assert_int_equal(json_array_size(json_object_get(list, "items")), 10);
	assert_int_equal(of_category(list, "ring"), 5);
	assert_int_equal(of_category(list, "lamp"), 5);
	json_decref(list);
	shop_destroy(s);
	/* 5 of each category; the shop has no third one, so that 5 more rings are better than a short list */
	s = ring_shop((const char *[]){ "itemsets.window=0", "recommend.related_p=1", "recommend.list_size=15", "recommend.category_share=0.34", NULL });
	list = list_of(s, "ann");
	const json_t *items = json_object_get(list, "items");
	assert_int_equal(json_array_size(items), 15);
	assert_int_equal(of_category(list, "ring"), 5 + 5);
	assert_int_equal(of_category(list, "lamp"), 5);
	double last = INFINITY;
	for (size_t i = 0; i < 15; i++) {
		assert_true(number_at(json_array_get(items, i), "score") <= last);
		last = number_at(json_array_get(items, i), "score");
	}
	json_decref(list);
	shop_destroy(s);
}

static void an_explanation_has_the_terms_that_make_the_score(void **state)
{
	(void)state;
	struct shop *s = ring_shop((const char *[]){ "itemsets.window=0", "recommend.related_p=1", NULL });
	click(s, start + 10, "ann", ACTION_ADD_TO_CART, "ring3", NULL);
	struct event rating = shop_rating("q", start + 20, "zoe", "ring0", 5000);
	shop_event(s, &rating);
	shop_flush(s);
	json_t *e = explained(s, "ann", "ring0"), *list = list_of(s, "ann");
	/* S is in 174 sessions of its own and ann's; ring0 in 20, all with S. ann has done 2 things: g = 2/7; ring3 weighs 2, S .8 x 1 */
	const double near = 20 / sqrt((174 + 1 + 20) * (20 + 20.)), unit = 2 / 7. / 2.8;
	assert_true(fabs(number_at(e, "gate") - 2 / 7.) < 1e-6);
	assert_true(fabs(number_at(e, "seed_weight") - 2.8) < 1e-6);
	assert_true(fabs(number_at(e, "viewed_together") - unit * .6 * .8 * near) < 1e-6);
	assert_true(number_at(e, "bought_together") == 0);
	const json_t *seeds = json_object_get(e, "seeds"), *seed = json_array_get(seeds, 0);
	assert_int_equal(json_array_size(seeds), 1);
	assert_string_equal(text_at(seed, "seed"), "S");
	assert_true(number_at(seed, "count") == 20 && number_at(seed, "n_seed") == 175 && number_at(seed, "n_item") == 20);
	assert_true(fabs(number_at(seed, "part") - number_at(e, "viewed_together")) < 1e-6);
	double product = number_at(e, "base") * number_at(e, "stars_factor") * number_at(e, "mood_factor");
	assert_true(fabs(number_at(e, "score") - product) < 1e-6);
	assert_true(json_is_null(json_object_get(e, "left_out")));
	const json_t *listed = json_object_get(e, "listed"), *there = entry_of(list, "ring0");
	assert_non_null(there);
	assert_true(json_equal((json_t *)(uintptr_t)listed, (json_t *)(uintptr_t)there));
	assert_true(fabs(number_at(there, "score") - product * number_at(e, "diversity_factor")) < 1e-6);
	json_decref(e);
	e = explained(s, "ann", "ring3");
	assert_string_equal(text_at(e, "left_out"), "seen");
	assert_true(json_is_null(json_object_get(e, "position")));
	json_decref(e);
	stock(s, "ring1", "rings", false);
	e = explained(s, "ann", "ring1");
	assert_string_equal(text_at(e, "left_out"), "sold out");
	json_decref(e);
	json_decref(list);
	shop_destroy(s);
}

/* ---- cold start, and new items ---- */

static void a_thin_history_is_completed_by_what_is_like_it(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, (const char *[]){ "recommend.explore=0", "recommend.brand_share=1", "recommend.category_share=1", NULL });
	stock_of(s, "S", "rings", "Ann", "gold", 1000);
	stock_of(s, "twin", "rings", "Ann", "gold", 990);
	stock_of(s, "cousin", "rings", "Ann", "silver", 5000);
	stock_of(s, "stranger", "rings", "Bob", "silver", 5000);
	stock_of(s, "untouched", "rings", "Ann", "silver", 1000); /* in the catalogue alone */
	static const char *const seen[] = { "twin", "cousin", "stranger", "stranger" };
	for (int i = 0; i < 4; i++) {
		char user[8];
		snprintf(user, sizeof(user), "u%d", i);
		click(s, start, user, ACTION_VIEW, seen[i], NULL);
	}
	click(s, start, "zoe", ACTION_VIEW, "S", NULL);
	shop_flush(s);
	shop_end(s);
	json_t *list = list_of(s, "zoe");
	const json_t *why = json_object_get(entry_of(list, "twin"), "why");
	assert_string_equal(text_at(why, "kind"), "alike");
	assert_string_equal(text_at(why, "seed"), "S");
	assert_true(number_at(why, "match") == 1 && json_is_true(json_object_get(why, "colour")) && json_is_true(json_object_get(why, "price_band")));
	why = json_object_get(entry_of(list, "untouched"), "why"); /* .4 + .3 + .15 */
	assert_true(fabs(number_at(why, "match") - .85) < 1e-5 && json_is_false(json_object_get(why, "colour")));
	assert_true(fabs(number_at(json_object_get(entry_of(list, "cousin"), "why"), "match") - .7) < 1e-5);
	assert_string_equal(kind_at(list, "stranger"), "popular");
	const json_t *items = json_object_get(list, "items");
	static const char *const order[] = { "twin", "untouched", "cousin", "stranger" };
	assert_int_equal(json_array_size(items), 4);
	for (size_t i = 0; i < 4; i++)
		assert_string_equal(text_at(json_array_get(items, i), "item"), order[i]);
	assert_true(json_is_true(json_object_get(list, "fallback")));
	json_decref(list);
	shop_destroy(s);
}

static void new_items_have_a_share_of_the_places(void **state)
{
	(void)state;
	struct shop *s = ring_shop((const char *[]){ "itemsets.window=0", "recommend.related_p=1", "recommend.list_size=10", NULL }); /* .05 x 10: a place in every second list */
	const struct attribute none = { TEXT(""), TEXT("") };
	struct event e = { .kind = EVENT_ITEM, .item = { .item_id = TEXT("launched"), .category = TEXT("rings"), .available = true, .attributes = &none, .has_first_seen = true, .first_seen = start - 29 * day } };
	shop_event(s, &e);
	e.item.item_id = TEXT("old");
	e.item.first_seen = start - 31 * day;
	shop_event(s, &e);
	enum { N = 600 };
	int with = 0;
	for (int i = 0; i < N; i++) {
		char user[16];
		snprintf(user, sizeof(user), "x%d", i);
		click(s, start + 5, user, ACTION_VIEW, "S", NULL);
	}
	shop_flush(s);
	shop_end(s);
	for (int i = 0; i < N; i++) {
		char user[16];
		snprintf(user, sizeof(user), "x%d", i);
		json_t *list = list_of(s, user), *again = list_of(s, user);
		assert_null(entry_of(list, "old"));
		assert_true(json_equal(list, again));
		assert_int_equal(of_category(list, "ring") + (entry_of(list, "launched") != NULL), 6); /* the cap holds, and what gives way is a ring */
		const json_t *items = json_object_get(list, "items");
		assert_int_equal(json_array_size(items), 10);
		for (size_t k = 0; k < 10; k++)
			if (strcmp(item_at(list, k), "launched") == 0) {
				with++;
				assert_true(k >= 5);
				assert_string_equal(kind_at(list, "launched"), "new");
			}
		json_decref(list);
		json_decref(again);
	}
	assert_true(abs(with - N / 2) < 50); /* four deviations */
	shop_destroy(s);
}

static void new_items_are_shown_where_a_cap_cannot_hold(void **state)
{
	(void)state;
	struct shop *s = ring_shop((const char *[]){ "itemsets.window=0", "recommend.related_p=1", "recommend.list_size=8", "recommend.explore=0.5", "recommend.category_share=0.25", NULL });
	char name[16];
	for (int i = 0; i < 8; i++) { /* nothing but rings is left: 8 of them, of which 2 would be allowed */
		snprintf(name, sizeof(name), "lamp%d", i);
		stock(s, name, "lamps", false);
		snprintf(name, sizeof(name), "new%d", i);
		stock_of(s, name, "rings", "", "", 0);
	}
	json_t *list = list_of(s, "ann");
	assert_int_equal(json_array_size(json_object_get(list, "items")), 8);
	assert_int_equal(of_category(list, "ring"), 4);
	assert_int_equal(of_category(list, "new"), 4);
	for (size_t i = 0; i < 4; i++)
		assert_memory_equal(item_at(list, i), "ring", 4);
	json_decref(list);
	shop_destroy(s);
}

static void the_draw_of_a_new_item_is_around_its_share_of_clicks(void **state)
{
	(void)state;
	enum { N = 4000 };
	double sum = 0, little = 0, squares = 0;
	for (uint64_t i = 0; i < N; i++) {
		double d = toplists_draw(1000, 100, i * UINT64_C(0x9e3779b97f4a7c15), 7);
		sum += d;
		squares += d * d;
		little += toplists_draw(0, 0, i * UINT64_C(0x9e3779b97f4a7c15), 7);
	}
	/* Beta(101, 920): mean 101 / 1021, deviation sqrt(101 x 920 / (1021^2 x 1022)) = .00934; Beta(1, 20): 1 / 21 */
	assert_true(fabs(sum / N - 101 / 1021.) < .001);
	assert_true(fabs(sqrt(squares / N - sum / N * (sum / N)) - .00934) < .0005);
	assert_true(fabs(little / N - 1 / 21.) < .004);
	assert_true(toplists_draw(10, 1, 5, 7) == toplists_draw(10, 1, 5, 7) && toplists_draw(10, 1, 5, 7) != toplists_draw(10, 1, 5, 8));
}

static void a_brand_that_is_shown_too_much_counts_less(void **state)
{
	(void)state;
	struct shop *s = ring_shop((const char *[]){ "itemsets.window=0", "recommend.related_p=1", "recommend.diversity=1", "recommend.brand_share=1", NULL });
	stock_of(s, "ring0", "rings", "Ann", "", 0);
	stock_of(s, "ring1", "rings", "Bob", "", 0);
	json_t *before = explained(s, "ann", "ring0");
	assert_true(number_at(before, "exposure_factor") == 1);
	for (int i = 0; i < 400; i++) { /* three of four impressions are Ann's */
		char id[16], user[16];
		snprintf(id, sizeof(id), "i%d", i);
		snprintf(user, sizeof(user), "w%d", i);
		struct event e = shop_click(id, start + 10, user, ACTION_IMPRESSION, i % 4 ? "ring0" : "ring1", NULL, NULL);
		e.click.rec_id = TEXT("dddddddddddddddd-s");
		e.click.has_position = true;
		assert_int_equal(shop_event(s, &e), APPLIED);
	}
	shop_flush(s);
	shop_end(s);
	s->now_ms += 5000;
	json_t *e = explained(s, "ann", "ring0");
	assert_true(fabs(number_at(e, "exposure_factor") - .5 / .75) < 1e-5);
	assert_true(fabs(number_at(e, "score") / number_at(before, "score") - .5 / .75) < 1e-4);
	json_t *list = list_of(s, "ann");
	assert_true(fabs(number_at(entry_of(list, "ring0"), "score") / number_at(e, "score") - 1) < 1e-4);
	json_decref(list);
	json_decref(e);
	json_decref(before);
	e = explained(s, "ann", "ring1");
	assert_true(number_at(e, "exposure_factor") == 1);
	json_decref(e);
	shop_item_view(s, KEY_ALL, NULL);
	char *zset = command(s, "ZADD glint:new:exposure ");
	assert_non_null(zset);
	assert_non_null(strstr(zset, "0.75 Ann"));
	assert_non_null(strstr(zset, "0.25 Bob"));
	free(zset);
	shop_destroy(s);
}

/* ---- bought again ---- */

static void the_rule_of_a_category_is_seven_tenths_of_its_median_gap(void **state)
{
	(void)state;
	assert_int_equal(repeat_bucket(day - 1), -1);
	assert_int_equal(repeat_bucket(day), 0);
	assert_int_equal(repeat_bucket(30 * day), 9); /* 2 log2 30 = 9.81 */
	assert_int_equal(repeat_bucket(3000 * day), REPEAT_BUCKETS - 1);
	int64_t gaps[REPEAT_BUCKETS] = { 0 };
	assert_int_equal(repeat_after(NULL, 5), 0);
	gaps[4] = 10;
	gaps[9] = 30; /* the median is the 20th: a third into this bucket */
	assert_true(fabs((double)repeat_after(gaps, 400) / (double)day - .7 * exp2((9 + 10 / 30.) / 2)) < 1e-6);
	assert_int_equal(repeat_after(gaps, 401), 0); /* hardly ever bought again */
	gaps[9] = 9;
	assert_int_equal(repeat_after(gaps, 19), 0); /* too little is known */
}

static void what_is_used_up_comes_back_into_lists_when_it_is_time(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, (const char *[]){ "itemsets.window=0", "recommend.consumables=food, drugs ,rings", NULL });
	stock_of(s, "soap", "drugs", "", "", 0);
	stock_of(s, "cream", "drugs", "", "", 0);
	stock_of(s, "ring", "rings", "", "", 0);
	struct order_line soap = { TEXT("soap"), 1, 100 }, lines[] = { { TEXT("cream"), 1, 100 }, { TEXT("ring"), 1, 100 } };
	char user[16];
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < 25; i++) {
			snprintf(user, sizeof(user), "u%d", i);
			buy(s, start + round * 30 * day + i, user, PURCHASE_ORDER, &soap, 1, 0);
		}
	buy(s, start + 30 * day, "zoe", PURCHASE_ORDER, lines, 2, 0);
	shop_flush(s);
	/* 25 gaps of 30 days: the middle of [22.6, 32) in the exponent, 2^4.75 = 26.9; x .7 = 18.8 days */
	shop_time(s, start + 48 * day);
	json_t *list = list_of(s, "zoe");
	assert_null(entry_of(list, "cream"));
	json_decref(list);
	shop_time(s, start + 49 * day);
	s->now_ms += 5000;
	list = list_of(s, "zoe");
	assert_non_null(entry_of(list, "cream"));
	assert_null(entry_of(list, "ring")); /* rings are not used up */
	json_decref(list);
	shop_check_rows(s);
	shop_destroy(s);
}

/* ---- what people decide ---- */

static void an_excluded_item_category_or_brand_is_in_no_list_and_blocked(void **state)
{
	(void)state;
	struct shop *s = ring_shop((const char *[]){ "itemsets.window=0", "recommend.related_p=1", NULL });
	stock_of(s, "ring5", "rings", "Bob", "", 0);
	decide(s, KEY_ITEM, "ring0", "{\"v\":1,\"exclude\":true}");
	decide(s, KEY_BRAND, "Bob", "{\"v\":1,\"exclude\":true}");
	decide(s, KEY_CATEGORY, "lamps", "{\"v\":1,\"exclude\":true}");
	decide(s, KEY_ITEM, "untouched", "{\"v\":1,\"exclude\":true}");
	json_t *list = list_of(s, "ann");
	assert_null(entry_of(list, "ring0"));
	assert_null(entry_of(list, "ring5"));
	assert_int_equal(json_array_size(json_object_get(list, "items")), 10); /* the other rings: S is a seed */
	json_decref(list);
	shop_item_view(s, KEY_ALL, NULL);
	char *blocked = command(s, "SADD glint:new:blocked ");
	static const char *const in[] = { "ring0", "ring5", "lamp0", "lamp7", "untouched" };
	for (int i = 0; i < 5; i++)
		assert_non_null(strstr(blocked, in[i]));
	assert_null(strstr(blocked, "ring1"));
	free(blocked);
	decide(s, KEY_ITEM, "ring0", NULL);
	decide(s, KEY_BRAND, "Bob", NULL);
	decide(s, KEY_CATEGORY, "lamps", NULL);
	list = list_of(s, "ann"); /* at once, without waiting for `refresh` */
	assert_non_null(entry_of(list, "ring0"));
	assert_non_null(entry_of(list, "lamp7"));
	json_decref(list);
	shop_destroy(s);
}

static void boosts_multiply_the_score(void **state)
{
	(void)state;
	struct shop *s = ring_shop((const char *[]){ "itemsets.window=0", "recommend.related_p=1", "recommend.diversity=1", "recommend.list_size=3", "recommend.category_share=1", NULL });
	stock_of(s, "ring11", "rings", "Bob", "", 0); /* the last of twelve: not among the first by its own score */
	json_t *plain = explained(s, "ann", "ring11");
	assert_true(json_is_null(json_object_get(plain, "position")));
	decide(s, KEY_ITEM, "ring11", "{\"v\":1,\"boost\":4}");
	decide(s, KEY_BRAND, "Bob", "{\"v\":1,\"boost\":2.5}");
	decide(s, KEY_CATEGORY, "rings", "{\"v\":1,\"boost\":0.5}");
	json_t *e = explained(s, "ann", "ring11");
	assert_true(number_at(e, "boost") == 5);
	assert_true(fabs(number_at(e, "score") - 5 * number_at(plain, "score")) < 1e-6);
	json_t *list = list_of(s, "ann");
	assert_string_equal(item_at(list, 0), "ring11");
	assert_true(fabs(number_at(entry_of(list, "ring11"), "score") - number_at(e, "score")) < 1e-6);
	json_decref(list);
	json_decref(plain);
	json_decref(e);
	shop_destroy(s);
}

static void pinned_items_stand_at_their_places(void **state)
{
	(void)state;
	struct shop *s = ring_shop((const char *[]){ "itemsets.window=0", "recommend.related_p=1", "recommend.list_size=6", NULL });
	struct order_line line = { TEXT("lamp1"), 1, 100 };
	stock(s, "gone", "rings", false);
	buy(s, start + 5, "ann", PURCHASE_ORDER, &line, 1, 0);
	stock_of(s, "fresh", "chairs", "", "", 0);
	decide(s, KEY_ITEM, "fresh", "{\"v\":1,\"pin\":2}"); /* in no basket yet */
	decide(s, KEY_ITEM, "ring0", "{\"v\":1,\"pin\":4}");
	decide(s, KEY_ITEM, "lamp1", "{\"v\":1,\"pin\":0}"); /* ann has it */
	decide(s, KEY_ITEM, "gone", "{\"v\":1,\"pin\":0}");
	decide(s, KEY_ITEM, "far", "{\"v\":1,\"pin\":50}"); /* behind the list's end */
	json_t *list = list_of(s, "ann");
	const json_t *items = json_object_get(list, "items");
	assert_int_equal(json_array_size(items), 6);
	assert_string_equal(item_at(list, 2), "fresh");
	assert_string_equal(item_at(list, 4), "ring0");
	assert_string_equal(text_at(json_object_get(json_array_get(items, 2), "why"), "kind"), "pinned");
	assert_true(number_at(json_object_get(json_array_get(items, 2), "why"), "place") == 2);
	assert_null(entry_of(list, "lamp1"));
	assert_null(entry_of(list, "gone"));
	assert_null(entry_of(list, "far"));
	double last = INFINITY;
	for (size_t i = 0; i < 6; i++) {
		assert_true(number_at(json_array_get(items, i), "score") <= last);
		last = number_at(json_array_get(items, i), "score");
	}
	json_decref(list);
	shop_item_view(s, KEY_ALL, NULL);
	list = parsed(command(s, "SET glint:recs:_default "));
	assert_string_equal(item_at(list, 0), "lamp1");
	json_decref(list);
	list = parsed(command(s, "SET glint:recs:_default:rings "));
	assert_null(entry_of(list, "lamp1"));
	json_decref(list);
	shop_destroy(s);
}

static void a_pin_of_what_the_catalogue_does_not_know_takes_no_place(void **state)
{
	(void)state;
	struct shop *s = ring_shop((const char *[]){ "itemsets.window=0", "recommend.related_p=1", NULL });
	decide(s, KEY_ITEM, "ghost", "{\"v\":1,\"pin\":0}");
	json_t *list = list_of(s, "ann");
	assert_null(entry_of(list, "ghost"));
	json_decref(list);
	stock(s, "ghost", "rings", true);
	list = list_of(s, "ann");
	assert_string_equal(item_at(list, 0), "ghost");
	json_decref(list);
	model_catalogue_delete(s->engine->model, TEXT("ghost"));
	list = list_of(s, "ann");
	assert_null(entry_of(list, "ghost"));
	json_decref(list);
	shop_destroy(s);
	s = shop_create(1, NULL); /* a shop without a catalogue */
	click(s, start, "ann", ACTION_VIEW, "S", NULL);
	decide(s, KEY_ITEM, "ghost", "{\"v\":1,\"pin\":0}");
	list = list_of(s, "ann");
	assert_string_equal(kind_at(list, "ghost"), "pinned");
	json_decref(list);
	shop_destroy(s);
}

static void a_decision_against_the_schema_is_refused(void **state)
{
	(void)state;
	struct control c;
	static const struct {
		enum key_kind kind;
		const char *json;
	} bad[] = {
		{ KEY_ITEM, "" },
		{ KEY_ITEM, "[]" },
		{ KEY_ITEM, "{}" },
		{ KEY_ITEM, "{\"v\":2}" },
		{ KEY_ITEM, "{\"v\":1,\"exclude\":1}" },
		{ KEY_ITEM, "{\"v\":1,\"boost\":0}" },
		{ KEY_ITEM, "{\"v\":1,\"boost\":101}" },
		{ KEY_ITEM, "{\"v\":1,\"boost\":\"2\"}" },
		{ KEY_ITEM, "{\"v\":1,\"pin\":-1}" },
		{ KEY_ITEM, "{\"v\":1,\"pin\":100}" },
		{ KEY_ITEM, "{\"v\":1,\"pin\":1.5}" },
		{ KEY_BRAND, "{\"v\":1,\"pin\":1}" },
		{ KEY_ITEM, "{\"v\":1,\"note\":3}" },
		{ KEY_ITEM, "{\"v\":1,\"v\":1}" },
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(control_parse(bad[i].kind, text_of(bad[i].json), &c, NULL, 0), -EBADMSG);
	assert_int_equal(control_parse(KEY_ITEM, TEXT("{\"v\":1,\"boost\":0.5,\"pin\":0,\"ts\":5,\"note\":\"why\",\"more\":[]}"), &c, NULL, 0), 0);
	assert_true(c.boost == .5 && c.pin == 0 && !c.exclude);
	enum key_kind kind;
	struct text id;
	assert_int_equal(control_scope(TEXT("item:a:b"), &kind, &id), 0);
	assert_true(kind == KEY_ITEM && text_equal(id, TEXT("a:b")));
	assert_int_equal(control_scope(TEXT("item:"), &kind, &id), -EBADMSG);
	assert_int_equal(control_scope(TEXT("campaign:x"), &kind, &id), -EBADMSG);
	assert_int_equal(control_scope(TEXT("brand"), &kind, &id), -EBADMSG);
}

static void what_looks_like_a_scope_and_is_none_is_refused(void **state)
{
	(void)state;
	enum key_kind kind;
	struct text id;
	char error[512];
	static const char *const bad[] = { "", "item:", "brand:", "category:", "sku:", "Brand:x", "ITEM:x", "user:u1", "campaign:c" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(control_scope_given(bad[i], &kind, &id, error, sizeof(error)), -EBADMSG);
	assert_int_equal(control_scope_given("Brand:x", &kind, &id, error, sizeof(error)), -EBADMSG);
	assert_string_equal(error, "there is no scope 'Brand:x': a scope is item:ID, category:NAME or brand:NAME, and the item of this id item:Brand:x");
	static const struct {
		const char *given, *id;
		enum key_kind kind;
	} good[] = { { "hat", "hat", KEY_ITEM }, { "item:Brand:x", "Brand:x", KEY_ITEM }, { "sku:7", "sku:7", KEY_ITEM }, { "items:x", "items:x", KEY_ITEM },
		{ "brand:a:", "a:", KEY_BRAND }, { "category:rings", "rings", KEY_CATEGORY } };
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(control_scope_given(good[i].given, &kind, &id, error, sizeof(error)), 0);
		assert_true(kind == good[i].kind && text_equal(id, text_of(good[i].id)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(likeness_is_a_weighted_sum_of_what_is_the_same),
		cmocka_unit_test(an_item_like_one_before_it_gives_way),
		cmocka_unit_test(the_order_is_that_of_the_definition),
		cmocka_unit_test(a_cap_holds_back_what_is_too_much_of_one_kind),
		cmocka_unit_test(a_capped_list_is_filled_with_other_categories_first),
		cmocka_unit_test(an_explanation_has_the_terms_that_make_the_score),
		cmocka_unit_test(a_thin_history_is_completed_by_what_is_like_it),
		cmocka_unit_test(new_items_have_a_share_of_the_places),
		cmocka_unit_test(new_items_are_shown_where_a_cap_cannot_hold),
		cmocka_unit_test(the_draw_of_a_new_item_is_around_its_share_of_clicks),
		cmocka_unit_test(the_rule_of_a_category_is_seven_tenths_of_its_median_gap),
		cmocka_unit_test(what_is_used_up_comes_back_into_lists_when_it_is_time),
		cmocka_unit_test(a_brand_that_is_shown_too_much_counts_less),
		cmocka_unit_test(an_excluded_item_category_or_brand_is_in_no_list_and_blocked),
		cmocka_unit_test(boosts_multiply_the_score),
		cmocka_unit_test(pinned_items_stand_at_their_places),
		cmocka_unit_test(a_pin_of_what_the_catalogue_does_not_know_takes_no_place),
		cmocka_unit_test(a_decision_against_the_schema_is_refused),
		cmocka_unit_test(what_looks_like_a_scope_and_is_none_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
