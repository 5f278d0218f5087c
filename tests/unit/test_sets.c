/* Sets of three items and more: at every moment, in several windows, against counts the long way over the orders of the window; the rules shown
 * against their definition; the bound; rows. */
#include "exact.h"
#include "recommend_fixture.h"

enum { ITEMS = 8,
	MASKS = 1 << ITEMS,
	ORDERS = 220,
	SIZE = 4 }; /* of the greatest sets */

static const char *const names[ITEMS] = { "a", "b", "c", "d", "e", "f", "g", "h" };

struct basket_of {
	int64_t ts;
	uint32_t mask;
};

/* to[mask]: orders of the window that hold at least its items; to[0]: all. */
static void count(int to[MASKS], const struct basket_of *list, int n, int64_t watermark, int64_t pane_ms, int64_t panes)
{
	memset(to, 0, MASKS * sizeof(*to));
	for (int i = 0; i < n; i++) {
		int64_t pane = list[i].ts / pane_ms, now = watermark / pane_ms;
		if (panes && (pane > now || pane <= now - panes))
			continue;
		for (uint32_t m = 0; m < MASKS; m++)
			to[m] += (m & list[i].mask) == m;
	}
}

struct found {
	struct shop *s;
	uint32_t own;
	int counts[MASKS];
};

static uint32_t bit_of(struct shop *s, symbol_t item)
{
	return 1u << (*symbols_text(s->engine->symbols, item).data - 'a');
}

static void on_set(void *to, const symbol_t *others, uint32_t n, uint32_t count)
{
	struct found *f = to;
	uint32_t mask = f->own;
	for (uint32_t i = 0; i < n; i++)
		mask |= bit_of(f->s, others[i]);
	assert_int_equal(__builtin_popcount(mask), n + 1);
	assert_int_equal(f->counts[mask], 0);
	f->counts[mask] = (int)count;
}

static void check_counts(struct shop *s, const int counts[MASKS])
{
	for (int a = 0; a < ITEMS; a++) {
		const struct itemsets_item *x = shop_item_block(s, KEY_ITEM, names[a], P_ITEMSETS);
		struct found f = { .s = s, .own = 1u << a };
		if (x && x->sets)
			sets_each(x->sets, x->by[BASKET_ORDER].now, 1, SIZE, on_set, &f);
		for (uint32_t m = 0; m < MASKS; m++) {
			int size = __builtin_popcount(m);
			assert_int_equal(f.counts[m], size > 2 && size <= SIZE && m & f.own ? counts[m] : 0);
		}
	}
}

/* -1: it must not be shown at item a, 1: it must, 0: rounding decides. */
static int wanted(const int counts[MASKS], uint32_t a, uint32_t left, uint32_t item, int least)
{
	int n_xy = counts[left | item], n_x = counts[left], n_y = counts[item], n = counts[0];
	if (n_xy < least)
		return -1;
	for (uint32_t part = (left - 1) & left; part; part = (part - 1) & left) /* with the item itself, or one alone */
		if ((part & a || __builtin_popcount(part) == 1) && (int64_t)counts[part | item] * n_x >= (int64_t)n_xy * counts[part])
			return -1;
	double p = (int64_t)n_xy * n > (int64_t)n_x * n_y ? chance_of(n_xy, n_x, n_y, n) : 1;
	return p < .05 * (1 - 1e-6) ? 1 : p > .05 * (1 + 1e-6) ? -1 : 0;
}

static uint32_t mask_of(const json_t *names_of)
{
	uint32_t mask = 0;
	for (size_t i = 0; i < json_array_size(names_of); i++)
		mask |= 1u << (*json_string_value(json_array_get(names_of, i)) - 'a');
	return mask;
}

/* What is shown at item a is what the definition says, once each, with its figures, strongest first. Returns how many. */
static int check_rules(struct shop *s, const int counts[MASKS], int item, int least)
{
	static bool there[MASKS][ITEMS];
	char begin[32];
	uint32_t a = 1u << item;
	int shown = 0;
	memset(there, 0, sizeof(there));
	shop_item_view(s, KEY_ITEM, names[item]);
	snprintf(begin, sizeof(begin), "SET glint:sets:%s ", names[item]);
	char *text = command(s, begin);
	json_t *view = text ? parsed(text) : NULL;
	const json_t *rules = json_object_get(view, "rules");
	double before = 2;
	for (; shown < (int)json_array_size(rules); shown++) {
		const json_t *rule = json_array_get(rules, (size_t)shown);
		uint32_t left = a | mask_of(json_object_get(rule, "with"));
		int of = *text_at(rule, "item") - 'a', n_xy = counts[left | 1u << of], n_x = counts[left];
		assert_true(__builtin_popcount(left) == 1 + (int)json_array_size(json_object_get(rule, "with")) && !(left >> of & 1) && !there[left][of]);
		there[left][of] = true;
		assert_true(wanted(counts, a, left, 1u << of, least) >= 0);
		assert_true(number_at(rule, "count") == n_xy && number_at(rule, "n_with") == n_x);
		assert_true(fabs(number_at(rule, "confidence") - (double)n_xy / n_x) < 1e-5);
		assert_true(fabs(number_at(rule, "lift") / ((double)n_xy / n_x * counts[0] / counts[1 << of]) - 1) < 1e-5);
		assert_true(n_xy / (n_x + 10.) <= before);
		before = n_xy / (n_x + 10.);
	}
	if (view)
		assert_true(number_at(view, "n") == counts[a] && number_at(view, "baskets") == counts[0] && shown > 0);
	json_decref(view);
	for (uint32_t left = 0; left < MASKS; left++)
		for (int of = 0; of < ITEMS; of++)
			if (left & a && !(left >> of & 1) && __builtin_popcount(left) > 1 && __builtin_popcount(left) < SIZE && wanted(counts, a, left, 1u << of, least) > 0)
				assert_true(there[left][of]);
	return shown;
}

static void every_moment_of(int64_t pane_ms, int64_t panes, uint64_t seed)
{
	enum { LEAST = 3 };
	char window[48], pane[48];
	window_options(window, pane, pane_ms, panes);
	struct shop *s = shop_create(3, (const char *const[]){ window, pane, "itemsets.rule_min_count=3", "itemsets.set_size=4",
						"itemsets.related_p=0.05", "itemsets.shown=500", "itemsets.neighbours=500", NULL });
	static struct basket_of list[ORDERS];
	static int counts[MASKS];
	int64_t now = start, watermark = start - hour;
	int rules = 0, triples = 0;
	memset(list, 0, sizeof(list));
	state_of_chance = seed;
	shop_time(s, watermark);
	for (int i = 0; i < ORDERS; i++) {
		char user[16];
		now += (int64_t)chance(chance(40) ? 12 : 400) * 60000;
		struct basket_of *basket = &list[i];
		basket->ts = now - (int64_t)chance(20) * 60000;
		struct order_line lines[8];
		uint32_t n = 1 + (uint32_t)chance(5);
		uint64_t first = chance(2) * 4; /* what goes together, mostly; a b c more than a b, a c and b c let expect */
		for (uint32_t j = 0; j < n; j++) {
			uint64_t item = chance(5) ? first + chance(4) : chance(ITEMS);
			lines[j] = (struct order_line){ text_of(names[item]), 1, 100 };
			basket->mask |= 1u << item;
		}
		snprintf(user, sizeof(user), "u%llu", (unsigned long long)chance(60));
		buy(s, basket->ts, user, PURCHASE_ORDER, lines, n, 0);
		shop_flush(s);
		watermark = s->items[0]->watermark;
		if (chance(3)) { /* time passes, sometimes beyond the next order's */
			int64_t to = now + (int64_t)chance(30) * 60000 - 15 * 60000;
			watermark = to > watermark ? to : watermark;
			shop_time(s, watermark);
		}
		count(counts, list, i + 1, watermark, pane_ms, panes);
		check_counts(s, counts);
		for (int a = 0; a < ITEMS; a++)
			rules += shop_item_block(s, KEY_ITEM, names[a], P_ITEMSETS) ? check_rules(s, counts, a, LEAST) : 0;
		for (uint32_t m = 0; m < MASKS; m++)
			triples += __builtin_popcount(m) == 3 && counts[m] >= LEAST;
	}
	assert_true(triples > 100 && (panes ? rules > 20 : rules > 200));
	shop_check_rows(s);
	if (panes) { /* all of it leaves */
		shop_time(s, now + (panes + 1) * pane_ms);
		memset(counts, 0, sizeof(counts));
		check_counts(s, counts);
		shop_item_view(s, KEY_ITEM, "a");
		char *gone = command(s, "DEL glint:sets:a");
		assert_non_null(gone);
		free(gone);
		shop_check_rows(s);
	}
	shop_destroy(s);
}

static void sets_and_their_rules_are_exact_at_every_moment_of_any_window(void **state)
{
	(void)state;
	static const struct {
		int minutes, panes;
	} windows[] = { { 60, 0 }, { 60, 8 }, { 10, 60 }, { 240, 1 } };
	for (size_t i = 0; i < sizeof(windows) / sizeof(windows[0]); i++)
		every_moment_of((int64_t)windows[i].minutes * 60000, windows[i].panes, 88172645463325252u + i);
}

static void order_of(struct shop *s, int i, const char *items) /* a letter each */
{
	struct order_line lines[ITEMS];
	uint32_t n = 0;
	char user[16];
	for (; items[n]; n++)
		lines[n] = (struct order_line){ { items + n, 1 }, 1, 100 };
	snprintf(user, sizeof(user), "u%d", i);
	buy(s, start + i, user, PURCHASE_ORDER, lines, n, 0);
}

static void orders_beyond_the_bound_are_left_out_whole_and_counted(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, (const char *const[]){ "itemsets.window=0", "itemsets.set_size=3", "itemsets.max_set_items=100", NULL });
	for (int i = 0; i < 40; i++)
		order_of(s, i, "abc"); /* three numbers an order with each of them */
	order_of(s, 40, "d");
	shop_flush(s);
	struct found f = { .s = s, .own = 1 };
	const struct itemsets_item *x = shop_item_block(s, KEY_ITEM, "a", P_ITEMSETS);
	sets_each(x->sets, x->by[BASKET_ORDER].now, 1, 3, on_set, &f);
	assert_int_equal(f.counts[7], 33);
	assert_int_equal(pairs_count(&x->by[BASKET_ORDER], symbols_find(s->engine->symbols, TEXT("b"))), 40);
	assert_int_equal(s->engine->drops[P_ITEMSETS][4], 7 * 2 * 3);
	shop_destroy(s);
}

static void of_too_many_sets_the_most_frequent_are_looked_at(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, (const char *const[]){ "itemsets.window=0", "itemsets.set_size=4", "itemsets.rule_min_count=1", "itemsets.basket_max_items=128", NULL });
	struct order_line lines[90]; /* 89 others: 117,000 sets of two and three of them */
	char items[90][8];
	for (uint32_t i = 0; i < 90; i++) {
		snprintf(items[i], sizeof(items[i]), "i%02u", i);
		lines[i] = (struct order_line){ text_of(items[i]), 1, 100 };
	}
	buy(s, start, "ann", PURCHASE_ORDER, lines, 90, 0);
	for (int i = 0; i < 20; i++)
		buy(s, start + 1 + i, "ben", PURCHASE_ORDER, (struct order_line[]){ { TEXT("i00"), 1, 1 }, { TEXT("i01"), 1, 1 }, { i % 2 ? TEXT("i02") : TEXT("x"), 1, 1 } }, 3, 0);
	for (int i = 0; i < 100; i++)
		buy(s, start + 100 + i, "eve", PURCHASE_ORDER, (struct order_line[]){ { i % 2 ? TEXT("i00") : TEXT("i02"), 1, 1 } }, 1, 0);
	shop_flush(s);
	shop_item_view(s, KEY_ITEM, "i00");
	json_t *view = parsed(command(s, "SET glint:sets:i00 "));
	const json_t *rules = json_object_get(view, "rules"), *rule;
	size_t i, found = 0;
	json_array_foreach((json_t *)(uintptr_t)rules, i, rule)
	{
		assert_true(number_at(rule, "count") >= 2);
		found += number_at(rule, "count") >= 11 && strcmp(text_at(rule, "item"), "i01") == 0;
	}
	json_decref(view);
	shop_destroy(s);
	assert_int_equal(found, 1); /* {i00, i02} => i01 */
}

static void what_fewer_than_k_orders_hold_is_not_shown(void **state)
{
	(void)state;
	for (int k = 5; k <= 6; k++) {
		struct shop *s = shop_create(1, (const char *const[]){ "itemsets.window=0", "itemsets.set_size=3", NULL });
		s->engine->rules.least_baskets = k;
		for (int i = 0; i < 5; i++)
			order_of(s, i, "abc");
		for (int i = 5; i < 60; i++)
			order_of(s, i, i % 4 == 0 ? "a" : i % 4 == 1 ? "c" : "h");
		shop_flush(s);
		shop_item_view(s, KEY_ITEM, "a");
		char *shown = command(s, "SET glint:sets:a "), *gone = command(s, "DEL glint:sets:a");
		assert_true(k == 5 ? shown && strstr(shown, "\"with\":[\"c\"],\"item\":\"b\"") : !shown);
		assert_true(!gone == (k == 5));
		free(shown);
		free(gone);
		shop_destroy(s);
	}
}

/* i, a => b holds in 5 of 20. a => b in 10 of 37 says more, in 5 of 32 less; that b is among the others of a only b's own row tells. */
static void a_rule_that_one_item_says_as_well_is_redundant_though_its_row_is_too_short(void **state)
{
	(void)state;
	for (int alone = 0; alone <= 5; alone += 5) {
		struct shop *s = shop_create(1, (const char *const[]){ "itemsets.window=0", "itemsets.neighbours=2", "itemsets.shown=2", NULL });
		for (int i = 0; i < 232 + alone; i++)
			order_of(s, i, i < 5 ? "iab" : i < 20 ? "ia" : i < 32 ? "acd" : i < 42 ? "i" : i < 232 ? "h" : "ab");
		shop_flush(s);
		shop_item_view(s, KEY_ITEM, "i");
		char *shown = command(s, "SET glint:sets:i ");
		assert_true((shown && strstr(shown, "\"with\":[\"a\"],\"item\":\"b\",\"count\":5,\"n_with\":20")) == !alone);
		assert_true(!shown || strstr(shown, "\"n\":30,\"kept\":30,"));
		free(shown);
		shop_destroy(s);
	}
}

static void rows_of_other_settings_and_broken_ones_are_read(void **state)
{
	(void)state;
	const struct block_ops *ops = &processors[P_ITEMSETS]->item;
	struct shop *s = shop_create(1, (const char *const[]){ "itemsets.set_size=3", NULL });
	struct shop *others[] = { shop_create(1, (const char *const[]){ "itemsets.set_size=2", NULL }), shop_create(1, (const char *const[]){ "itemsets.set_size=3", "itemsets.pane=1h", NULL }),
		shop_create(1, (const char *const[]){ "itemsets.set_size=3", "itemsets.window=7d", NULL }) };
	for (int i = 0; i < 9; i++)
		order_of(s, i, "abc");
	shop_flush(s);
	struct buf row = { 0 };
	ops->save(s->settings[P_ITEMSETS], shop_item_block(s, KEY_ITEM, "a", P_ITEMSETS), s->engine->symbols, &row);
	for (int i = 0; i < 3; i++) {
		struct itemsets_item x = { .sets = NULL };
		struct reader from = reader_of(row.data, row.size);
		assert_int_equal(ops->load(others[i]->settings[P_ITEMSETS], &x, ops->version, &from, others[i]->engine->symbols, others[i]->engine->pool), 0);
		assert_int_equal(reader_left(&from), 0);
		assert_int_equal(x.by[BASKET_ORDER].panes[0].baskets, 9);
		assert_int_equal(x.sets ? x.sets->n_numbers : 99, i == 0 ? 99 : i == 1 ? 0 : 27);
		ops->done(&x, others[i]->engine->pool);
	}
	for (size_t size = 0; size < row.size; size++) {
		struct itemsets_item x = { .sets = NULL };
		uint8_t *cut = malloc(size + 1); /* so that a sanitizer sees a byte too far */
		memcpy(cut, row.data, size);
		struct reader from = reader_of(cut, size);
		assert_int_equal(ops->load(s->settings[P_ITEMSETS], &x, ops->version, &from, s->engine->symbols, s->engine->pool), -EBADMSG);
		ops->done(&x, s->engine->pool);
		free(cut);
	}
	buf_done(&row);
	for (int i = 0; i < 3; i++)
		shop_destroy(others[i]);
	shop_destroy(s);
}

/* A row and a delta may say anything: what is twice in an order counts once, the item itself not at all. */
static void orders_that_say_a_thing_twice_do_no_harm(void **state)
{
	(void)state;
	enum { OTHERS = 13 };
	struct shop *s = shop_create(1, (const char *const[]){ "itemsets.window=0", "itemsets.set_size=4", NULL });
	order_of(s, 0, "a");
	shop_flush(s);
	const struct itemsets_settings *settings = s->settings[P_ITEMSETS];
	struct itemsets_item x = { .sets = NULL };
	struct item_ctx ctx = { .key = { KEY_ITEM, symbols_find(s->engine->symbols, TEXT("a")) }, .watermark = start, .symbols = s->engine->symbols, .pool = s->engine->pool, .drops = s->engine->drops[P_ITEMSETS] };
	struct buf others = { 0 };
	for (int i = 0; i < 20; i++) {
		buf_clear(&others);
		for (int j = 0; j < OTHERS + i % 2; j++) {
			char id[8];
			snprintf(id, sizeof(id), "o%d", j < OTHERS ? j : OTHERS - 1);
			buf_text(&others, text_of(id));
		}
		struct delta d = { .metric = 4, .merge = MERGE_LIST, .bytes = { (const char *)others.data, (uint32_t)others.size } };
		processors[P_ITEMSETS]->delta(settings, &ctx, &x, &d);
	}
	buf_text(&others, TEXT("a"));
	struct delta own = { .metric = 4, .merge = MERGE_LIST, .bytes = { (const char *)others.data, (uint32_t)others.size } };
	processors[P_ITEMSETS]->delta(settings, &ctx, &x, &own);
	assert_int_equal(x.sets->n_numbers, 20 * (OTHERS + 1) + 10);
	const struct sets_found *found = sets_rules(x.sets, s->engine->symbols, 0, 1, 4);
	for (uint32_t i = 0; i < found->n; i++)
		assert_true(found->rules[i].count == 20 && found->rules[i].n_left == 20);
	struct item_ctx all = ctx;
	all.key = (struct key){ KEY_ALL, 0 };
	struct itemsets_item none = { .sets = NULL };
	processors[P_ITEMSETS]->delta(settings, &all, &none, &own);
	assert_null(none.sets);
	processors[P_ITEMSETS]->item.done(&x, s->engine->pool);
	buf_done(&others);
	shop_destroy(s);
}

static void pairs_alone_keep_no_orders(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, (const char *const[]){ "itemsets.set_size=2", NULL });
	order_of(s, 0, "abc");
	shop_flush(s);
	assert_null(((const struct itemsets_item *)shop_item_block(s, KEY_ITEM, "a", P_ITEMSETS))->sets);
	shop_item_view(s, KEY_ITEM, "a");
	assert_null(strstr(shop_commands(s), "glint:sets:"));
	shop_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sets_and_their_rules_are_exact_at_every_moment_of_any_window),
		cmocka_unit_test(orders_beyond_the_bound_are_left_out_whole_and_counted),
		cmocka_unit_test(of_too_many_sets_the_most_frequent_are_looked_at),
		cmocka_unit_test(what_fewer_than_k_orders_hold_is_not_shown),
		cmocka_unit_test(a_rule_that_one_item_says_as_well_is_redundant_though_its_row_is_too_short),
		cmocka_unit_test(rows_of_other_settings_and_broken_ones_are_read),
		cmocka_unit_test(orders_that_say_a_thing_twice_do_no_harm),
		cmocka_unit_test(pairs_alone_keep_no_orders),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
