/* Sessions, baskets, pair counts, measures, views: against counts by hand, a plain count of the same events, and the literature's tables. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <xxhash.h>
#include <jansson.h>
#include <zlib.h>

#include "processors/itemsets.h"
#include "processors/measures.h"
#include "shop.h"

enum { MIN = 60000,
	HOUR = 3600000 };
#define DAY ((int64_t)86400000)
#define T0 ((int64_t)1700006400000) /* a midnight: 19676 days */

static const char *const for_ever[] = { "itemsets.window=0", NULL };

static uint32_t pair_count(struct shop *s, enum basket basket, const char *a, const char *b)
{
	const struct itemsets_item *x = shop_item_block(s, KEY_ITEM, a, P_ITEMSETS);
	symbol_t other = symbols_find(s->engine->symbols, text_of(b));
	return x && other ? pairs_count(&x->by[basket], other) : 0;
}

static uint32_t own_count(struct shop *s, enum basket basket, const char *a) /* NULL: N */
{
	const struct itemsets_item *x = shop_item_block(s, a ? KEY_ITEM : KEY_ALL, a, P_ITEMSETS);
	return x ? x->by[basket].baskets : 0;
}

static int serial;

static void click(struct shop *s, int64_t ts, const char *user, enum click_action action, const char *item, const char *session)
{
	char id[32];
	snprintf(id, sizeof(id), "c%d", serial++);
	struct event e = shop_click(id, ts, user, action, item, session, NULL);
	assert_int_equal(shop_event(s, &e), APPLIED);
}

static void order(struct shop *s, int64_t ts, const char *user, const char *const *items)
{
	char id[32];
	struct order_line lines[1000];
	uint32_t n = 0;
	for (; items[n]; n++)
		lines[n] = (struct order_line){ text_of(items[n]), 1, 100 };
	snprintf(id, sizeof(id), "o%d", serial++);
	struct event e = shop_order(id, ts, user, id, lines, n);
	assert_int_equal(shop_event(s, &e), APPLIED);
}

#define ORDER(s, ts, user, ...) order(s, ts, user, (const char *const[]){ __VA_ARGS__, NULL })

/* ---- what is counted ---- */

static void an_order_pairs_its_distinct_items_and_a_refund_none(void **state)
{
	(void)state;
	struct shop *s = shop_create(3, for_ever);
	ORDER(s, T0, "ann", "tea", "cup", "tea", "pot");
	ORDER(s, T0 + 1, "ben", "cup", "tea");
	ORDER(s, T0 + 2, "ben", "pot");
	struct order_line line = { TEXT("tea"), 1, 100 };
	struct event refund = shop_order("r", T0 + 3, "ben", "o1", &line, 1), empty = shop_order("e", T0 + 4, "ben", "o9", NULL, 0);
	refund.purchase.kind = PURCHASE_REFUND;
	shop_event(s, &refund);
	shop_event(s, &empty);
	shop_flush(s);
	assert_int_equal(own_count(s, BASKET_ORDER, NULL), 3);
	assert_int_equal(own_count(s, BASKET_ORDER, "tea"), 2);
	assert_int_equal(own_count(s, BASKET_ORDER, "pot"), 2);
	assert_int_equal(pair_count(s, BASKET_ORDER, "tea", "cup"), 2);
	assert_int_equal(pair_count(s, BASKET_ORDER, "cup", "tea"), 2);
	assert_int_equal(pair_count(s, BASKET_ORDER, "pot", "cup"), 1);
	assert_int_equal(pair_count(s, BASKET_ORDER, "tea", "tea"), 0);
	assert_int_equal(own_count(s, BASKET_SESSION, NULL), 0);
	shop_destroy(s);
}

static void of_a_great_order_the_first_items_count_and_the_rest_is_counted_as_dropped(void **state)
{
	(void)state;
	struct shop *s = shop_create(2, (const char *const[]){ "itemsets.window=0", "itemsets.basket_max_items=3", NULL });
	ORDER(s, T0, "ann", "a", "b", "a", "c", "d", "b", "e");
	shop_flush(s);
	assert_int_equal(pair_count(s, BASKET_ORDER, "a", "c"), 1);
	assert_int_equal(own_count(s, BASKET_ORDER, "d"), 0);
	assert_int_equal(s->engine->drops[P_ITEMSETS][0], 2);
	shop_destroy(s);
}

static void sessions_end_by_gap_or_by_a_new_id(void **state)
{
	(void)state;
	struct shop *s = shop_create(2, for_ever);
	/* one session: gaps of 30 min exactly do not split, events without id belong to it, removing and searching do not exist */
	click(s, T0, "ann", ACTION_VIEW, "a", NULL);
	click(s, T0 + 30 * MIN, "ann", ACTION_CLICK, "b", "s1");
	click(s, T0 + 31 * MIN, "ann", ACTION_REMOVE_FROM_CART, "x", "s7");
	click(s, T0 + 32 * MIN, "ann", ACTION_SEARCH, NULL, "s7");
	click(s, T0 + 60 * MIN, "ann", ACTION_ADD_TO_CART, "c", NULL);
	/* a counted click without item keeps the session alive */
	click(s, T0 + 89 * MIN, "ann", ACTION_VIEW, NULL, NULL);
	click(s, T0 + 118 * MIN, "ann", ACTION_VIEW, "a", "s1");
	/* another id splits */
	click(s, T0 + 119 * MIN, "ann", ACTION_VIEW, "d", "s2");
	/* a gap splits, the same id or not */
	click(s, T0 + 150 * MIN + 1, "ann", ACTION_VIEW, "e", "s2");
	/* another shopper's session is another session */
	click(s, T0 + 150 * MIN + 2, "ben", ACTION_VIEW, "a", "s2");
	shop_flush(s);
	assert_int_equal(own_count(s, BASKET_SESSION, NULL), 4);
	assert_int_equal(own_count(s, BASKET_SESSION, "a"), 2);
	assert_int_equal(pair_count(s, BASKET_SESSION, "a", "b"), 1);
	assert_int_equal(pair_count(s, BASKET_SESSION, "c", "a"), 1);
	assert_int_equal(pair_count(s, BASKET_SESSION, "c", "d"), 0);
	assert_int_equal(pair_count(s, BASKET_SESSION, "d", "e"), 0);
	assert_int_equal(own_count(s, BASKET_SESSION, "x"), 0);
	shop_destroy(s);
}

static void a_click_before_the_sessions_greatest_time_belongs_to_it_within_the_gap(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, for_ever);
	click(s, T0, "ann", ACTION_VIEW, "a", NULL);
	click(s, T0 - 29 * MIN, "ann", ACTION_VIEW, "b", NULL); /* |difference| to the greatest: 29 min */
	click(s, T0 - 31 * MIN, "ann", ACTION_VIEW, "c", NULL); /* 31 min: a session of its own */
	shop_flush(s);
	assert_int_equal(pair_count(s, BASKET_SESSION, "a", "b"), 1);
	assert_int_equal(pair_count(s, BASKET_SESSION, "b", "c"), 0);
	assert_int_equal(own_count(s, BASKET_SESSION, NULL), 2);
	shop_destroy(s);
}

static void a_new_item_pairs_with_the_last_ten_distinct_ones(void **state)
{
	(void)state;
	struct shop *s = shop_create(2, for_ever);
	char item[16];
	for (int i = 0; i < 13; i++) {
		snprintf(item, sizeof(item), "i%d", i);
		click(s, T0 + i, "ann", ACTION_VIEW, item, "s");
		click(s, T0 + i, "ann", ACTION_VIEW, "i0", "s"); /* seen before: changes nothing */
	}
	shop_flush(s);
	assert_int_equal(pair_count(s, BASKET_SESSION, "i12", "i2"), 1);
	assert_int_equal(pair_count(s, BASKET_SESSION, "i12", "i1"), 0);
	assert_int_equal(pair_count(s, BASKET_SESSION, "i10", "i0"), 1);
	assert_int_equal(pair_count(s, BASKET_SESSION, "i11", "i0"), 0);
	shop_destroy(s);
}

static void an_endless_session_is_bounded_and_says_so(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, (const char *const[]){ "itemsets.window=0", "itemsets.session_max_items=20", NULL });
	char item[16];
	for (int i = 0; i < 30; i++) {
		snprintf(item, sizeof(item), "i%d", i);
		click(s, T0 + i, "ann", ACTION_VIEW, item, "s");
	}
	shop_flush(s);
	assert_int_equal(own_count(s, BASKET_SESSION, "i19"), 1);
	assert_int_equal(own_count(s, BASKET_SESSION, "i20"), 0);
	assert_int_equal(s->engine->drops[P_ITEMSETS][1], 10);
	shop_check_rows(s);
	shop_destroy(s);
}

static void all_counts_of_a_session_carry_its_first_events_time(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, (const char *const[]){ "itemsets.window=2d", NULL });
	click(s, T0 + DAY - MIN, "ann", ACTION_VIEW, "a", NULL);
	click(s, T0 + DAY + MIN, "ann", ACTION_VIEW, "b", NULL); /* the next day, the same session */
	shop_flush(s);
	shop_time(s, T0 + 2 * DAY - 1);
	assert_int_equal(pair_count(s, BASKET_SESSION, "a", "b"), 1);
	assert_int_equal(own_count(s, BASKET_SESSION, "b"), 1);
	shop_time(s, T0 + 2 * DAY); /* the first day leaves with all of it */
	assert_int_equal(pair_count(s, BASKET_SESSION, "a", "b"), 0);
	assert_int_equal(own_count(s, BASKET_SESSION, "b"), 0);
	assert_int_equal(own_count(s, BASKET_SESSION, NULL), 0);
	click(s, T0 + DAY + 3 * MIN, "ann", ACTION_VIEW, "c", NULL); /* a session that outlives the window counts nowhere, and is counted */
	shop_flush(s);
	assert_int_equal(own_count(s, BASKET_SESSION, "c"), 0);
	assert_int_equal(s->engine->drops[P_ITEMSETS][2], 1 + 2 * 2); /* c's own, and (a, c), (b, c) on both sides */
	shop_destroy(s);
}

static void what_is_ahead_of_the_watermark_waits_for_it(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, (const char *const[]){ "itemsets.window=2d", NULL });
	ORDER(s, T0 + DAY - 1, "ann", "a", "b");
	ORDER(s, T0 + DAY + 5000, "ann", "a", "b"); /* stream time: the next day; the watermark: less settle (10 s), still before midnight */
	shop_end(s);
	assert_int_equal(s->items[0]->watermark, T0 + DAY - 5000);
	assert_int_equal(pair_count(s, BASKET_ORDER, "a", "b"), 1);
	assert_int_equal(own_count(s, BASKET_ORDER, NULL), 1);
	shop_time(s, T0 + DAY);
	assert_int_equal(pair_count(s, BASKET_ORDER, "a", "b"), 2);
	assert_int_equal(own_count(s, BASKET_ORDER, NULL), 2);
	shop_time(s, T0 + 2 * DAY);
	assert_int_equal(pair_count(s, BASKET_ORDER, "a", "b"), 1);
	shop_destroy(s);
}

/* ---- random events against a plain count ---- */

enum { ITEMS = 40,
	BASKETS_MAX = 60000 };

struct plain {
	struct {
		int64_t ts;
		enum basket basket;
		int items[64], n;
	} list[BASKETS_MAX];
	int n;
};

static uint64_t next_random(uint64_t *x)
{
	*x ^= *x << 13, *x ^= *x >> 7, *x ^= *x << 17;
	return *x;
}

static const char *item_name(int i)
{
	static char names[ITEMS][16];
	snprintf(names[i], sizeof(names[i]), "i%d", i);
	return names[i];
}

static void check_against_plain(struct shop *s, const struct plain *p, int64_t watermark, int panes)
{
	for (int basket = 0; basket < BASKETS; basket++) {
		static uint32_t pair[ITEMS][ITEMS], own[ITEMS];
		uint32_t all = 0;
		memset(pair, 0, sizeof(pair));
		memset(own, 0, sizeof(own));
		for (int i = 0; i < p->n; i++) {
			int64_t day = p->list[i].ts / DAY, now = watermark / DAY;
			if (p->list[i].basket != (enum basket)basket || (panes && (day > now || day <= now - panes)))
				continue;
			all++;
			for (int j = 0; j < p->list[i].n; j++) {
				own[p->list[i].items[j]]++;
				for (int k = basket == BASKET_SESSION && j > 10 ? j - 10 : 0; k < j; k++) {
					pair[p->list[i].items[j]][p->list[i].items[k]]++;
					pair[p->list[i].items[k]][p->list[i].items[j]]++;
				}
			}
		}
		assert_int_equal(own_count(s, (enum basket)basket, NULL), all);
		for (int i = 0; i < ITEMS; i++) {
			assert_int_equal(own_count(s, (enum basket)basket, item_name(i)), own[i]);
			for (int j = 0; j < ITEMS; j++)
				assert_int_equal(pair_count(s, (enum basket)basket, item_name(i), item_name(j)), pair[i][j]);
		}
	}
}

static void random_shop(const char *const *options, int panes, int flush_every, uint64_t seed, struct plain *p)
{
	uint64_t x = seed;
	memset(p, 0, sizeof(*p));
	struct shop *s = shop_create(4, options);
	enum { USERS = 30 };
	int64_t now = T0, greatest[USERS] = { 0 };
	int open[USERS];
	memset(open, -1, sizeof(open));
	for (int step = 0; step < 6000; step++) {
		uint64_t r = next_random(&x);
		now += (int64_t)(r % 900) * 1000;
		if (r % 499 == 0)
			now += (int64_t)(r >> 50) % 5 * DAY / 8; /* under max_jump */
		int u = (int)((r >> 8) % USERS);
		char user[16];
		snprintf(user, sizeof(user), "u%d", u);
		int64_t ts = now - (int64_t)(r >> 30) % 4000; /* slightly out of order */
		if (r % 7 == 0) {
			const char *items[65] = { NULL };
			int n = 0, lines = 1 + (int)((r >> 16) % 12), id = p->n++;
			p->list[id].ts = ts;
			p->list[id].basket = BASKET_ORDER;
			for (int i = 0; i < lines; i++) {
				int item = (int)(next_random(&x) % ITEMS), known = 0;
				items[i] = item_name(item);
				for (int j = 0; j < n; j++)
					known |= p->list[id].items[j] == item;
				if (!known)
					p->list[id].items[n++] = item;
			}
			p->list[id].n = n;
			order(s, ts, user, items);
		} else {
			int item = (int)((r >> 16) % ITEMS);
			int64_t gap = ts > greatest[u] ? ts - greatest[u] : greatest[u] - ts;
			if (open[u] < 0 || gap > 30 * MIN) {
				open[u] = p->n++;
				p->list[open[u]].ts = greatest[u] = ts;
				p->list[open[u]].basket = BASKET_SESSION;
			}
			greatest[u] = ts > greatest[u] ? ts : greatest[u];
			int known = 0;
			for (int j = 0; j < p->list[open[u]].n; j++)
				known |= p->list[open[u]].items[j] == item;
			if (!known)
				p->list[open[u]].items[p->list[open[u]].n++] = item;
			click(s, ts, user, ACTION_VIEW, item_name(item), NULL);
		}
		if (step % flush_every == flush_every - 1)
			shop_flush(s);
		if (step % 1500 == 1499) {
			shop_end(s);
			check_against_plain(s, p, s->items[0]->watermark, panes);
			shop_check_rows(s);
		}
	}
	shop_destroy(s);
}

static void counts_equal_a_plain_count_for_ever_and_in_a_moving_window(void **state)
{
	(void)state;
	struct plain *p = malloc(sizeof(*p));
	random_shop(for_ever, 0, 50, 11, p);
	random_shop((const char *const[]){ "itemsets.window=5d", NULL }, 5, 50, 12, p);
	random_shop((const char *const[]){ "itemsets.window=1d", NULL }, 1, 50, 13, p);
	free(p);
}

static void counts_do_not_depend_on_where_intervals_are_cut(void **state)
{
	(void)state;
	struct plain *p = malloc(sizeof(*p));
	random_shop((const char *const[]){ "itemsets.window=5d", NULL }, 5, 1, 14, p);
	random_shop((const char *const[]){ "itemsets.window=5d", NULL }, 5, 1499, 14, p);
	free(p);
}

/* ---- measures ---- */

static void near(double got, double expected, double tolerance)
{
	if (!(fabs(got - expected) <= tolerance))
		fail_msg("%.9g, expected %.9g", got, expected);
}

static void measures_of_groceries_rules_are_the_published_ones(void **state)
{
	(void)state;
	static const struct {
		double n_ab, n_a, n_b, support, confidence, lift, leverage, conviction;
	} rows[] = { { 102, 174, 1903, .0103711, .5862069, 3.029608, .0069479, 1.949059 },
		{ 99, 170, 2513, .0100661, .5823529, 2.279125, .0056494, 1.782567 },
		{ 219, 427, 2513, .0222674, .5128806, 2.007235, .0111738, 1.528340 } };
	for (size_t i = 0; i < 3; i++) {
		near(measure_support(rows[i].n_ab, 9835), rows[i].support, 5e-8);
		near(measure_confidence(rows[i].n_ab, rows[i].n_a), rows[i].confidence, 5e-8);
		near(measure_lift(rows[i].n_ab, rows[i].n_a, rows[i].n_b, 9835), rows[i].lift, 5e-7);
		near(measure_leverage(rows[i].n_ab, rows[i].n_a, rows[i].n_b, 9835), rows[i].leverage, 5e-8);
		near(measure_conviction(rows[i].n_ab, rows[i].n_a, rows[i].n_b, 9835), rows[i].conviction, 5e-7);
	}
	near(measure_nearness(102, 174, 1903), 102 / sqrt(194.0 * 1923), 1e-15);
	near(measure_shrunk_confidence(102, 174), 102.0 / 184, 1e-15);
}

static void support_and_confidence_alone_do_not_tell_a_rule_from_chance(void **state)
{
	(void)state;
	static const struct {
		double n_b, back, lift, leverage, conviction;
	} rows[] = { { 8, 1, 16, .046875, 4.75 }, { 16, .5, 8, .04375, 4.5 }, { 40, .2, 3.2, .034375, 3.75 }, { 128, .0625, 1, 0, 1 } };
	for (size_t i = 0; i < 4; i++) {
		near(measure_support(8, 160), .05, 1e-12);
		near(measure_confidence(8, 10), .8, 1e-12);
		near(measure_confidence(8, rows[i].n_b), rows[i].back, 1e-12);
		near(measure_lift(8, 10, rows[i].n_b, 160), rows[i].lift, 1e-12);
		near(measure_leverage(8, 10, rows[i].n_b, 160), rows[i].leverage, 1e-12);
		near(measure_conviction(8, 10, rows[i].n_b, 160), rows[i].conviction, 1e-12);
	}
}

static void measures_of_nothing_have_no_value(void **state)
{
	(void)state;
	assert_true(isnan(measure_support(0, 0)) && isnan(measure_confidence(0, 0)) && isnan(measure_lift(0, 0, 5, 9)));
	assert_true(isnan(measure_leverage(0, 0, 0, 0)) && isnan(measure_conviction(0, 0, 1, 9)));
	assert_true(isinf(measure_conviction(3, 3, 5, 9)));
	assert_true(measure_nearness(0, 0, 0) == 0 && measure_shrunk_confidence(0, 0) == 0);
}

/* ---- model rows and views ---- */

/* N = 16 orders: tea 8, cup 6, pot 2; tea+cup 5, tea+pot 2, cup+pot 1 */
static struct shop *small_shop(const char *const *options)
{
	struct shop *s = shop_create(2, options);
	int64_t ts = T0;
	ORDER(s, ts++, "u1", "tea", "cup", "pot");
	for (int i = 0; i < 4; i++)
		ORDER(s, ts++, "u2", "tea", "cup");
	ORDER(s, ts++, "u3", "tea", "pot");
	for (int i = 0; i < 2; i++)
		ORDER(s, ts++, "u4", "tea");
	ORDER(s, ts++, "u5", "cup");
	for (int i = 0; i < 7; i++)
		ORDER(s, ts++, "u6", "jug");
	shop_flush(s);
	return s;
}

static const struct itemsets_model *model_of(struct shop *s, const char *item)
{
	return model_block(s->engine->model, P_ITEMSETS,
		(struct key){ item ? KEY_ITEM : KEY_ALL, item ? symbols_find(s->engine->symbols, text_of(item)) : 0 });
}

static void model_rows_tell_the_most_frequent_others_ties_by_hash(void **state)
{
	(void)state;
	struct shop *s = small_shop((const char *const[]){ "itemsets.window=0", NULL });
	const struct itemsets_model *tea = model_of(s, "tea");
	assert_int_equal(tea->n[BASKET_ORDER], 8);
	assert_int_equal(tea->n_others[BASKET_ORDER], 2);
	assert_int_equal(tea->others[BASKET_ORDER][0].count, 5);
	assert_true(text_equal(symbols_text(s->engine->symbols, tea->others[BASKET_ORDER][0].item), TEXT("cup")));
	assert_int_equal(tea->others[BASKET_ORDER][1].count, 2);
	assert_int_equal(model_of(s, NULL)->n[BASKET_ORDER], 16);
	assert_int_equal(model_of(s, NULL)->n_others[BASKET_ORDER], 0);
	assert_int_equal(tea->n[BASKET_SESSION], 0);
	shop_destroy(s);

	s = shop_create(1, (const char *const[]){ "itemsets.window=0", "itemsets.neighbours=7", "itemsets.shown=7", NULL });
	for (int i = 0; i < 30; i++) { /* k10..k39, in an order of its own; k30..k39 twice */
		char other[16];
		snprintf(other, sizeof(other), "k%d", 10 + (i * 7) % 30);
		ORDER(s, T0 + i, "ann", "hub", other);
		if (other[1] == '3')
			ORDER(s, T0 + i, "ben", "hub", other);
	}
	shop_flush(s);
	const struct itemsets_model *hub = model_of(s, "hub");
	assert_int_equal(hub->n_others[BASKET_ORDER], 7);
	/* of the ten that were bought twice, the seven with the least XXH3, ascending */
	uint64_t hashes[10];
	for (int i = 0; i < 10; i++) {
		char id[16];
		hashes[i] = XXH3_64bits(id, (size_t)snprintf(id, sizeof(id), "k%d", 30 + i));
		for (int j = i; j && hashes[j - 1] > hashes[j]; j--) {
			uint64_t h = hashes[j];
			hashes[j] = hashes[j - 1];
			hashes[j - 1] = h;
		}
	}
	for (int i = 0; i < 7; i++) {
		struct text id = symbols_text(s->engine->symbols, hub->others[BASKET_ORDER][i].item);
		assert_true(XXH3_64bits(id.data, id.size) == hashes[i]);
		assert_int_equal(hub->others[BASKET_ORDER][i].count, 2);
	}
	shop_destroy(s);
}

static json_t *json_of(struct shop *s, const char *command)
{
	const char *at = strstr(shop_commands(s), command);
	assert_non_null(at);
	json_error_t error;
	json_t *j = json_loads(at + strlen(command), JSON_DISABLE_EOF_CHECK, &error);
	if (!j)
		fail_msg("%s in %s", error.text, at);
	return j;
}

static double number(const json_t *j, const char *name)
{
	assert_non_null(json_object_get(j, name));
	return json_number_value(json_object_get(j, name));
}

static void what_is_bought_together_is_shown_with_its_measures_nearest_first(void **state)
{
	(void)state;
	struct shop *s = small_shop((const char *const[]){ "itemsets.window=0", "itemsets.related_p=1", NULL });
	s->now_ms = 1234;
	shop_item_view(s, KEY_ITEM, "tea");
	assert_null(strstr(shop_commands(s), "glint:viewed:"));
	json_t *j = json_of(s, "SET glint:together:tea ");
	assert_true(number(j, "v") == 1 && number(j, "n") == 8 && number(j, "baskets") == 16 && number(j, "window_ms") == 0);
	const json_t *items = json_object_get(j, "items"), *first = json_array_get(items, 0);
	assert_int_equal(json_array_size(items), 2);
	assert_string_equal(json_string_value(json_object_get(first, "item")), "cup");
	assert_true(number(first, "count") == 5 && number(first, "support") == 5.0 / 16 && number(first, "confidence") == 5.0 / 8);
	near(number(first, "lift"), 16.0 * 5 / (8 * 6), 1e-5);
	json_decref(j);
	shop_destroy(s);
}

static void the_strongest_rules_are_one_a_pair_with_lift_above_one(void **state)
{
	(void)state;
	struct shop *s = small_shop((const char *const[]){ "itemsets.window=0", "itemsets.rule_min_count=1", "itemsets.related_p=1", NULL });
	shop_item_view(s, KEY_ALL, NULL);
	json_t *j = json_of(s, "SET glint:rules ");
	const json_t *rules = json_object_get(j, "rules");
	/* cup -> tea 5/(6+10), pot -> tea 2/(2+10), pot -> cup 1/(2+10): the last has lift 16 x 1 / (2 x 6) = 1.33 */
	static const struct {
		const char *a, *b;
		double count, confidence, back, lift;
	} expected[] = { { "cup", "tea", 5, 5.0 / 6, 5.0 / 8, 80.0 / 48 }, { "pot", "tea", 2, 1, .25, 2 }, { "pot", "cup", 1, .5, 1.0 / 6, 16.0 / 12 } };
	assert_int_equal(json_array_size(rules), 3);
	for (size_t i = 0; i < 3; i++) {
		const json_t *r = json_array_get(rules, i);
		assert_string_equal(json_string_value(json_object_get(r, "a")), expected[i].a);
		assert_string_equal(json_string_value(json_object_get(r, "b")), expected[i].b);
		assert_string_equal(json_string_value(json_object_get(r, "basket")), "order");
		assert_true(number(r, "count") == expected[i].count);
		near(number(r, "confidence"), expected[i].confidence, 1e-6);
		near(number(r, "confidence_back"), expected[i].back, 1e-6);
		near(number(r, "lift"), expected[i].lift, 1e-5);
		near(number(r, "support"), expected[i].count / 16, 1e-9);
	}
	json_decref(j);
	shop_destroy(s);

	/* two items in every basket: lift 1, no rule */
	s = shop_create(1, (const char *const[]){ "itemsets.window=0", "itemsets.rule_min_count=1", NULL });
	for (int i = 0; i < 9; i++)
		ORDER(s, T0 + i, "ann", "tea", "cup");
	shop_flush(s);
	shop_item_view(s, KEY_ALL, NULL);
	j = json_of(s, "SET glint:rules ");
	assert_int_equal(json_array_size(json_object_get(j, "rules")), 0);
	json_decref(j);
	shop_destroy(s);
}

static void what_left_the_window_leaves_redis_and_the_model(void **state)
{
	(void)state;
	struct shop *s = small_shop((const char *const[]){ "itemsets.window=2d", NULL });
	shop_time(s, T0 + DAY);
	assert_int_equal(model_of(s, "tea")->n[BASKET_ORDER], 8);
	shop_time(s, T0 + 2 * DAY);
	assert_null(model_of(s, "tea"));
	shop_item_view(s, KEY_ITEM, "tea");
	assert_non_null(strstr(shop_commands(s), "DEL glint:together:tea"));
	shop_destroy(s);
}

struct lines {
	char text[4000];
};

static void take_line(void *to, struct text json, struct text sort_key)
{
	struct lines *l = to;
	size_t size = strlen(l->text);
	snprintf(l->text + size, sizeof(l->text) - size, "%.*s | %.*s\n", (int)json.size, json.data, (int)sort_key.size, sort_key.data);
}

static void dump_gives_each_pair_once_from_its_smaller_item(void **state)
{
	(void)state;
	struct shop *s = small_shop((const char *const[]){ "itemsets.window=0", NULL });
	struct lines lines = { "" };
	static const char *const ids[] = { "tea", "cup", "pot", NULL };
	for (int i = 0; i < 4; i++) {
		struct buf fields = { 0 };
		struct key key = { ids[i] ? KEY_ITEM : KEY_ALL, ids[i] ? symbols_find(s->engine->symbols, text_of(ids[i])) : 0 };
		struct dump_ctx ctx = { .symbols = s->engine->symbols, .key = key, .fields = &fields, .line = take_line, .to = &lines };
		itemsets_processor.item_dump(s->settings[P_ITEMSETS], &ctx, shop_item_block(s, key.kind, ids[i], P_ITEMSETS));
		if (i == 0) {
			assert_int_equal(fields.size, strlen(",\"n_order\":8"));
			assert_memory_equal(fields.data, ",\"n_order\":8", fields.size);
		}
		buf_done(&fields);
	}
	assert_non_null(strstr(lines.text, "{\"kind\":\"pair\",\"basket\":\"order\",\"a\":\"cup\",\"b\":\"tea\",\"count\":5} | order\x1f"
					   "cup\x1ftea\n"));
	assert_non_null(strstr(lines.text, "\"a\":\"cup\",\"b\":\"pot\",\"count\":1}"));
	assert_non_null(strstr(lines.text, "\"a\":\"pot\",\"b\":\"tea\",\"count\":2}"));
	assert_null(strstr(lines.text, "\"a\":\"tea\""));
	assert_non_null(strstr(lines.text, "{\"kind\":\"baskets\",\"basket\":\"order\",\"n\":16} | order\n"));
	shop_destroy(s);
}

static void a_full_item_drops_new_pairs_and_counts_them(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, (const char *const[]){ "itemsets.window=0", "itemsets.max_pairs=10", NULL });
	char other[16];
	for (int i = 0; i < 30; i++) {
		snprintf(other, sizeof(other), "k%d", i);
		ORDER(s, T0 + i, "ann", "hub", other);
	}
	shop_flush(s);
	const struct itemsets_item *hub = shop_item_block(s, KEY_ITEM, "hub", P_ITEMSETS);
	assert_int_equal(pairs_total(&hub->by[BASKET_ORDER])->n, 10);
	assert_int_equal(hub->by[BASKET_ORDER].baskets, 30);
	assert_int_equal(s->engine->drops[P_ITEMSETS][3], 20);
	shop_check_rows(s);
	shop_destroy(s);
}

static void settings_that_contradict_are_refused(void **state)
{
	(void)state;
	char error[200] = "";
	struct itemsets_settings s = { .window_ms = 90 * MIN, .pane_ms = HOUR, .shown = 1, .neighbours = 2 };
	assert_true(itemsets_processor.setup(&s, error, sizeof(error)) < 0);
	assert_non_null(strstr(error, "multiple"));
	s.window_ms = 30 * DAY;
	s.shown = 3;
	assert_true(itemsets_processor.setup(&s, error, sizeof(error)) < 0);
	s.shown = 2;
	assert_int_equal(itemsets_processor.setup(&s, error, sizeof(error)), 0);
	assert_int_equal(s.window.panes, 720);
}

/* The best known pairs of the arules package's Groceries (9,835 baskets). */
static void groceries_top_pairs_are_the_known_ones(void **state)
{
	(void)state;
	char path[1000];
	const char *folder = getenv("GLINT_DATA");
	snprintf(path, sizeof(path), "%s/groceries.baskets.gz", folder ? folder : "../shared/data");
	gzFile in = gzopen(path, "rb");
	if (!in) {
		print_message("SKIP: groceries.baskets.gz is neither in GLINT_DATA nor in ../shared/data\n");
		skip();
	}
	struct shop *s = shop_create(3, for_ever);
	char line[8192];
	while (gzgets(in, line, sizeof(line))) {
		const char *items[65] = { NULL };
		int n = 0;
		line[strcspn(line, "\n")] = 0;
		for (char *rest = line, *item; n < 64 && (item = strsep(&rest, ","));)
			items[n++] = item;
		char user[16];
		snprintf(user, sizeof(user), "u%d", serial % 500);
		order(s, T0 + serial, user, items);
		if (serial % 400 == 0)
			shop_flush(s);
	}
	gzclose(in);
	shop_flush(s);
	assert_int_equal(own_count(s, BASKET_ORDER, NULL), 9835);
	assert_int_equal(own_count(s, BASKET_ORDER, "whole milk"), 2513);
	assert_int_equal(own_count(s, BASKET_ORDER, "other vegetables"), 1903);
	assert_int_equal(pair_count(s, BASKET_ORDER, "whole milk", "other vegetables"), 736);
	assert_int_equal(pair_count(s, BASKET_ORDER, "rolls/buns", "whole milk"), 557);
	assert_int_equal(pair_count(s, BASKET_ORDER, "whole milk", "yogurt"), 551);
	assert_int_equal(pair_count(s, BASKET_ORDER, "root vegetables", "whole milk"), 481);
	assert_int_equal(pair_count(s, BASKET_ORDER, "other vegetables", "root vegetables"), 466);
	assert_int_equal(pair_count(s, BASKET_ORDER, "yogurt", "other vegetables"), 427);
	shop_check_rows(s);
	shop_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_order_pairs_its_distinct_items_and_a_refund_none),
		cmocka_unit_test(of_a_great_order_the_first_items_count_and_the_rest_is_counted_as_dropped),
		cmocka_unit_test(sessions_end_by_gap_or_by_a_new_id),
		cmocka_unit_test(a_click_before_the_sessions_greatest_time_belongs_to_it_within_the_gap),
		cmocka_unit_test(a_new_item_pairs_with_the_last_ten_distinct_ones),
		cmocka_unit_test(an_endless_session_is_bounded_and_says_so),
		cmocka_unit_test(all_counts_of_a_session_carry_its_first_events_time),
		cmocka_unit_test(what_is_ahead_of_the_watermark_waits_for_it),
		cmocka_unit_test(counts_equal_a_plain_count_for_ever_and_in_a_moving_window),
		cmocka_unit_test(counts_do_not_depend_on_where_intervals_are_cut),
		cmocka_unit_test(measures_of_groceries_rules_are_the_published_ones),
		cmocka_unit_test(support_and_confidence_alone_do_not_tell_a_rule_from_chance),
		cmocka_unit_test(measures_of_nothing_have_no_value),
		cmocka_unit_test(model_rows_tell_the_most_frequent_others_ties_by_hash),
		cmocka_unit_test(what_is_bought_together_is_shown_with_its_measures_nearest_first),
		cmocka_unit_test(the_strongest_rules_are_one_a_pair_with_lift_above_one),
		cmocka_unit_test(what_left_the_window_leaves_redis_and_the_model),
		cmocka_unit_test(dump_gives_each_pair_once_from_its_smaller_item),
		cmocka_unit_test(a_full_item_drops_new_pairs_and_counts_them),
		cmocka_unit_test(settings_that_contradict_are_refused),
		cmocka_unit_test(groceries_top_pairs_are_the_known_ones),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
