/* What is frequent and independent is never offered as belonging together: the table of ALGORITHMS J3 as orders and as sessions, in every view. */
#include "recommend_fixture.h"

/* N = 160 baskets, each of a shopper of its own; X in 10 of them, Y in n_y, both in 8. The others hold "jug". Then a shopper "zoe" who has seen X. */
static struct shop *shop_of(enum basket basket, int n_y, const char *const *options)
{
	struct shop *s = shop_create(2, options);
	for (int i = 0; i < 160; i++) {
		char user[16];
		bool x = i < 10, y = i < 8 || (i >= 10 && i < 10 + n_y - 8);
		const char *items[3] = { x ? "X" : "jug", "Y" };
		struct order_line lines[2] = { { text_of(items[0]), 1, 100 }, { TEXT("Y"), 1, 100 } };
		snprintf(user, sizeof(user), "u%d", i);
		if (basket == BASKET_ORDER)
			buy(s, start + i, user, PURCHASE_ORDER, lines, y ? 2 : 1, 0);
		for (int j = 0; basket == BASKET_SESSION && j < (y ? 2 : 1); j++)
			click(s, start + i, user, ACTION_VIEW, items[j], NULL);
	}
	/* not counted in sessions, and no basket */
	click(s, start + 200, "zoe", ACTION_WISHLIST, "X", NULL);
	shop_flush(s);
	shop_end(s);
	return s;
}

static json_t *view_of(struct shop *s, enum key_kind kind, const char *id, const char *begin)
{
	shop_item_view(s, kind, id);
	return parsed(command(s, begin));
}

static void frequent_and_independent_is_never_offered(void **state)
{
	(void)state;
	static const struct {
		int n_y;
		double lift, leverage, conviction, p;
	} rows[] = { { 8, 16, .046875, 4.75, 5.046505e-12 }, { 16, 8, .04375, 4.5, 5.899824e-8 }, { 40, 3.2, .034375, 3.75, 2.562653e-4 },
		{ 128, 1, 0, 1, .679838 } };
	static const char *const views[BASKETS] = { "SET glint:together:X ", "SET glint:viewed:X " };
	static const char *const kinds[BASKETS] = { "bought_together", "viewed_together" };
	for (size_t i = 0; i < 4; i++) {
		for (int b = 0; b < BASKETS; b++) {
			struct shop *s = shop_of((enum basket)b, rows[i].n_y, (const char *const[]){ "itemsets.window=0", NULL });
			bool independent = i == 3;
			json_t *together = view_of(s, KEY_ITEM, "X", views[b]), *rules = view_of(s, KEY_ALL, NULL, "SET glint:rules "), *list = list_of(s, "zoe");
			assert_true(number_at(together, "n") == 10 && number_at(together, "baskets") == 160);
			assert_int_equal(json_array_size(json_object_get(together, "items")), !independent);
			assert_int_equal(json_array_size(json_object_get(rules, "rules")), !independent);
			const json_t *entry = entry_of(list, "Y");
			assert_non_null(entry); /* popular, at least */
			assert_int_equal(strcmp(text_at(json_object_get(entry, "why"), "kind"), kinds[b]) == 0, !independent);
			if (!independent) {
				const json_t *rule = json_array_get(json_object_get(rules, "rules"), 0);
				assert_true(number_at(entry_of(together, "Y"), "count") == 8 && number_at(rule, "count") == 8);
				assert_true(fabs(number_at(rule, "lift") - rows[i].lift) < 1e-5);
				assert_true(fabs(number_at(rule, "leverage") - rows[i].leverage) < 1e-6);
				assert_true(fabs(number_at(rule, "p") / rows[i].p - 1) < 1e-5);
				if (rows[i].n_y > 10) /* of 8, Y => X is the stronger one, at confidence 1 */
					assert_true(fabs(number_at(rule, "conviction") - rows[i].conviction) < 1e-5);
				else
					assert_true(json_is_null(json_object_get(rule, "conviction")));
			}
			json_decref(together);
			json_decref(rules);
			json_decref(list);
			shop_destroy(s);
		}
	}
}

static void an_operator_may_ask_for_whatever_is_together(void **state)
{
	(void)state;
	struct shop *s = shop_of(BASKET_ORDER, 128, (const char *const[]){ "itemsets.window=0", "itemsets.related_p=1", "recommend.related_p=1", NULL });
	json_t *together = view_of(s, KEY_ITEM, "X", "SET glint:together:X "), *list = list_of(s, "zoe");
	assert_int_equal(json_array_size(json_object_get(together, "items")), 1);
	assert_string_equal(text_at(json_object_get(entry_of(list, "Y"), "why"), "kind"), "bought_together");
	json_decref(together);
	json_decref(list);
	shop_destroy(s);
}

/* 400 orders; each of six staples in every other one, by the digits of its number; A in 25, B in 9 of these, C in 4. Only four others of
 * an item are looked at first: all of them staples. */
static void what_belongs_together_is_found_behind_more_frequent_others(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, (const char *const[]){ "itemsets.window=0", "itemsets.neighbours=4", "itemsets.shown=4", NULL });
	for (int i = 0; i < 400; i++) {
		static const char *const staples[] = { "bag", "box", "card", "gift", "tape", "wrap" };
		struct order_line lines[9] = { { TEXT("jug"), 1, 100 } };
		int n = 1;
		char user[16];
		for (int j = 0; j < 6; j++)
			if ((i >> j) & 1)
				lines[n++] = (struct order_line){ text_of(staples[j]), 1, 100 };
		if (i % 16 == 5)
			lines[n++] = (struct order_line){ TEXT("A"), 1, 100 };
		if (i % 48 == 5)
			lines[n++] = (struct order_line){ TEXT("B"), 1, 100 };
		if (i % 128 == 5)
			lines[n++] = (struct order_line){ TEXT("C"), 1, 100 };
		snprintf(user, sizeof(user), "u%d", i);
		buy(s, start + i, user, PURCHASE_ORDER, lines, (uint32_t)n, 0);
	}
	shop_flush(s);
	json_t *together = view_of(s, KEY_ITEM, "A", "SET glint:together:A ");
	const json_t *items = json_object_get(together, "items");
	assert_int_equal(json_array_size(items), 4); /* B, C, and what all of A's numbers have: bag and card */
	assert_true(number_at(entry_of(together, "B"), "count") == 9 && number_at(entry_of(together, "C"), "count") == 4);
	json_decref(together);
	shop_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frequent_and_independent_is_never_offered),
		cmocka_unit_test(what_belongs_together_is_found_behind_more_frequent_others),
		cmocka_unit_test(an_operator_may_ask_for_whatever_is_together),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
