/* At every moment, in several windows, pair counts, baskets and rules, of items and of their categories, are those of a count the long way over the baskets of the window. Orders
 * come at random times, somewhat out of order, some ahead of the watermark, some after their pane has left; the window moves, also while nothing comes. */
#include "exact.h"
#include "recommend_fixture.h"

enum { ITEMS = 9,
	ORDERS = 400 };

static const char *const names[ITEMS] = { "a", "b", "c", "d", "e", "f", "g", "h", "i" };

struct basket_of {
	int64_t ts;
	bool holds[ITEMS], of[ITEMS]; /* items; their categories */
};

/* Each item's category has a name of its own kind: an item may be called the same. */
static int category_of(int item)
{
	return item % 5;
}

struct counted {
	int n, own[ITEMS], both[ITEMS][ITEMS];
};

static void count(struct counted *c, enum key_kind kind, const struct basket_of *list, int n, int64_t watermark, int64_t pane_ms, int64_t panes)
{
	memset(c, 0, sizeof(*c));
	for (int i = 0; i < n; i++) {
		int64_t pane = list[i].ts / pane_ms, now = watermark / pane_ms;
		if (panes && (pane > now || pane <= now - panes))
			continue;
		const bool *holds = kind == KEY_ITEM ? list[i].holds : list[i].of;
		c->n++;
		for (int a = 0; a < ITEMS; a++) {
			c->own[a] += holds[a];
			for (int b = 0; b < ITEMS; b++)
				c->both[a][b] += a != b && holds[a] && holds[b];
		}
	}
}

static void check_counts(struct shop *s, const struct counted *c, enum key_kind kind)
{
	const struct itemsets_item *all = shop_item_block(s, KEY_ALL, NULL, P_ITEMSETS);
	assert_int_equal(all ? all->by[BASKET_ORDER].baskets : 0, c->n);
	for (int a = 0; a < ITEMS; a++) {
		const struct itemsets_item *x = shop_item_block(s, kind, names[a], P_ITEMSETS);
		assert_int_equal(x ? x->by[BASKET_ORDER].baskets : 0, c->own[a]);
		for (int b = 0; b < ITEMS; b++) {
			symbol_t other = symbols_find(s->engine->symbols, text_of(names[b]));
			assert_int_equal(x && other ? pairs_count(&x->by[BASKET_ORDER], other) : 0, c->both[a][b]);
		}
	}
}

static int index_of(const json_t *rule, const char *name)
{
	return *text_at(rule, name) - 'a';
}

/* The rules shown are all pairs that are more than chance, once each, with their figures. Returns how many. */
static int check_rules(struct shop *s, const struct counted *c, enum key_kind kind)
{
	shop_item_view(s, KEY_ALL, NULL);
	char *text = command(s, kind == KEY_ITEM ? "SET glint:rules " : "SET glint:rules:categories ");
	if (!text)
		return 0; /* nothing was ever counted */
	json_t *view = parsed(text);
	const json_t *rules = json_object_get(view, "rules");
	int least = 0, most = 0, shown = (int)json_array_size(rules);
	for (int a = 0; a < ITEMS; a++)
		for (int b = 0; b < a; b++) {
			if (c->both[a][b] * c->n <= c->own[a] * c->own[b])
				continue;
			double p = chance_of(c->both[a][b], c->own[a], c->own[b], c->n); /* 3 / 300 is .01, and on either side by rounding */
			least += p < .01 * (1 - 1e-9);
			most += p < .01 * (1 + 1e-9);
		}
	assert_in_range(shown, least, most);
	assert_true(number_at(json_object_get(view, "baskets"), "order") == c->n);
	bool there[ITEMS][ITEMS] = { { false } };
	for (int i = 0; i < shown; i++) {
		const json_t *rule = json_array_get(rules, (size_t)i);
		int a = index_of(rule, "a"), b = index_of(rule, "b");
		assert_false(there[a][b] || there[b][a]);
		there[a][b] = true;
		assert_true(number_at(rule, "count") == c->both[a][b] && number_at(rule, "n_a") == c->own[a] && number_at(rule, "n_b") == c->own[b]);
		double p = chance_of(c->both[a][b], c->own[a], c->own[b], c->n);
		assert_true(p < .01 * (1 + 1e-9) && fabs(number_at(rule, "p") - p) <= 1e-5 * p);
	}
	json_decref(view);
	return shown;
}

/* Items and categories; returns how many rules hold between items. */
static int check(struct shop *s, const struct basket_of *list, int n, int64_t watermark, int64_t pane_ms, int64_t panes, int *between, int *left)
{
	struct counted c;
	count(&c, KEY_CATEGORY, list, n, watermark, pane_ms, panes);
	check_counts(s, &c, KEY_CATEGORY);
	*between += check_rules(s, &c, KEY_CATEGORY);
	count(&c, KEY_ITEM, list, n, watermark, pane_ms, panes);
	check_counts(s, &c, KEY_ITEM);
	*left = c.n;
	return check_rules(s, &c, KEY_ITEM);
}

/* Returns how many rules there were between categories. */
static int every_moment_of(int64_t pane_ms, int64_t panes, uint64_t seed)
{
	char window[48], pane[48];
	window_options(window, pane, pane_ms, panes);
	struct shop *s = shop_create(3, (const char *const[]){ window, pane, "itemsets.rule_min_count=1", "itemsets.rules=1000", NULL });
	static struct basket_of list[ORDERS];
	int64_t now = start, watermark = start - hour;
	int rules = 0, between = 0, expired = 0, before = 0, left = 0;
	memset(list, 0, sizeof(list));
	state_of_chance = seed;
	for (int i = 0; i < ITEMS; i++)
		stock(s, names[i], names[category_of(i)], true);
	shop_time(s, watermark);
	for (int i = 0; i < ORDERS; i++) {
		char user[16];
		now += (int64_t)chance(chance(40) ? 12 : 400) * 60000;
		struct basket_of *basket = &list[i];
		basket->ts = now - (int64_t)chance(20) * 60000;
		struct order_line lines[8];
		uint32_t n = 1 + (uint32_t)chance(4);
		uint64_t first = chance(3) * 3; /* what goes together, mostly */
		for (uint32_t j = 0; j < n; j++) {
			uint64_t item = chance(4) ? first + chance(3) : chance(ITEMS);
			lines[j] = (struct order_line){ text_of(names[item]), 1, 100 };
			basket->holds[item] = basket->of[category_of((int)item)] = true;
		}
		snprintf(user, sizeof(user), "u%llu", (unsigned long long)chance(60));
		buy(s, basket->ts, user, PURCHASE_ORDER, lines, n, 0);
		shop_flush(s);
		watermark = s->items[0]->watermark; /* streams move it, too */
		rules += check(s, list, i + 1, watermark, pane_ms, panes, &between, &left);
		if (chance(3)) { /* time passes, sometimes beyond the next order's */
			int64_t to = now + (int64_t)chance(30) * 60000 - 15 * 60000;
			watermark = to > watermark ? to : watermark;
			shop_time(s, watermark);
			rules += check(s, list, i + 1, watermark, pane_ms, panes, &between, &left);
		}
		expired += left < before;
		before = left;
	}
	assert_true(rules > (panes ? 100 : 1000));
	assert_int_equal(expired > 5, panes != 0);
	if (panes) { /* all of it leaves */
		shop_time(s, now + (panes + 1) * pane_ms);
		assert_int_equal(check(s, list, ORDERS, now + (panes + 1) * pane_ms, pane_ms, panes, &between, &left), 0);
		assert_int_equal(left, 0);
	}
	shop_check_rows(s);
	shop_destroy(s);
	return between;
}

static void pairs_and_rules_are_exact_at_every_moment_of_any_window(void **state)
{
	(void)state;
	static const struct {
		int minutes, panes;
	} windows[] = { { 60, 0 }, { 60, 8 }, { 10, 60 }, { 360, 2 }, { 240, 1 } };
	int between = 0;
	for (size_t i = 0; i < sizeof(windows) / sizeof(windows[0]); i++)
		between += every_moment_of((int64_t)windows[i].minutes * 60000, windows[i].panes, 88172645463325252u + i);
	assert_true(between > 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pairs_and_rules_are_exact_at_every_moment_of_any_window),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
