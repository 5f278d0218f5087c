/* Top lists and what is made of them: the factors of people and of exposure, caps of the default lists, categories that vanish. */
#include "recommend_fixture.h"

/* n shoppers look at the item, each once. */
static void looked_at(struct shop *s, const char *item, int n)
{
	char user[32];
	for (int i = 0; i < n; i++) {
		snprintf(user, sizeof(user), "%s-%d", item, i);
		click(s, start, user, ACTION_VIEW, item, NULL);
	}
}

static void done(struct shop *s) /* what was sent is known to the model */
{
	shop_flush(s);
	shop_end(s);
	s->now_ms += 5000;
}

static void impressions(struct shop *s, const char *item, int n)
{
	char id[32], user[32];
	for (int i = 0; i < n; i++) {
		snprintf(id, sizeof(id), "i-%s-%d", item, i);
		snprintf(user, sizeof(user), "w-%s-%d", item, i);
		struct event e = shop_click(id, start + 10, user, ACTION_IMPRESSION, item, NULL, NULL);
		e.click.rec_id = TEXT("dddddddddddddddd-s");
		e.click.has_position = true;
		assert_int_equal(shop_event(s, &e), APPLIED);
	}
}

static void assert_in_order(struct shop *s, const char *key, const char *first, const char *second)
{
	char names_in_order[2][16];
	char *zset = command(s, key);
	assert_non_null(zset);
	assert_int_equal(sscanf(zset, "%*f %15s %*f %15s", names_in_order[0], names_in_order[1]), 2);
	assert_string_equal(names_in_order[0], first);
	assert_string_equal(names_in_order[1], second);
	free(zset);
}

static struct shop *brand_shop(void)
{
	struct shop *s = shop_create(1, (const char *[]){ "recommend.list_size=2", "recommend.top_items=2", "recommend.brand_share=1", "recommend.category_share=1", "recommend.explore=0", NULL });
	stock_of(s, "big1", "rings", "Big", "", 0);
	stock_of(s, "big2", "rings", "Big", "", 0);
	stock_of(s, "small", "rings", "Small", "", 0);
	looked_at(s, "big1", 8);
	looked_at(s, "big2", 6);
	looked_at(s, "small", 5);
	done(s);
	return s;
}

static void a_boost_counts_before_top_lists_are_cut(void **state)
{
	(void)state;
	struct shop *s = brand_shop();
	shop_item_view(s, KEY_ALL, NULL);
	assert_in_order(s, "ZADD glint:new:popular ", "big1", "big2"); /* 8 and 6 of 8, 6, 5 */
	decide(s, KEY_ITEM, "small", "{\"v\":1,\"boost\":2}");
	shop_item_view(s, KEY_ALL, NULL);
	assert_in_order(s, "ZADD glint:new:popular ", "small", "big1"); /* 10 and 8 */
	assert_in_order(s, "ZADD glint:new:trending ", "small", "big1");
	assert_in_order(s, "ZADD glint:new:popular:rings ", "small", "big1");
	json_t *list = parsed(command(s, "SET glint:recs:_default "));
	assert_string_equal(item_at(list, 0), "small");
	json_decref(list);
	list = parsed(command(s, "SET glint:recs:_default:rings "));
	assert_string_equal(item_at(list, 0), "small");
	json_decref(list);
	struct event e = shop_click("new", start + 1, "newcomer", ACTION_SEARCH, NULL, NULL, NULL);
	assert_int_equal(shop_event(s, &e), APPLIED);
	list = list_of(s, "newcomer");
	assert_string_equal(item_at(list, 0), "small");
	json_decref(list);
	shop_destroy(s);
}

static void a_brand_that_is_shown_too_much_counts_less_in_top_lists(void **state)
{
	(void)state;
	struct shop *s = brand_shop();
	impressions(s, "big1", 300);
	impressions(s, "small", 100);
	done(s);
	shop_item_view(s, KEY_ALL, NULL); /* .5 / .75 of 8 and 6, and 5 */
	assert_in_order(s, "ZADD glint:new:popular ", "big1", "small");
	assert_in_order(s, "ZADD glint:new:trending:rings ", "small", "big1"); /* a rank is the ratio, the same of all, x log(1 + n): 1.46, 1.30, 1.79 */
	json_t *list = parsed(command(s, "SET glint:recs:_default "));
	assert_null(entry_of(list, "big2"));
	json_decref(list);
	shop_destroy(s);
}

static void factors_weigh_what_is_alike_and_what_is_new(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, (const char *[]){ "recommend.list_size=10", "recommend.explore=0.1", "recommend.brand_share=1", "recommend.category_share=1", NULL });
	stock_of(s, "S", "rings", "Ann", "gold", 1000);
	stock_of(s, "twin", "rings", "Ann", "gold", 990);
	stock_of(s, "cousin", "rings", "Ann", "silver", 5000);
	looked_at(s, "twin", 1);
	looked_at(s, "cousin", 1);
	click(s, start, "zoe", ACTION_VIEW, "S", NULL);
	done(s);
	json_t *list = list_of(s, "zoe");
	assert_string_equal(item_at(list, 0), "twin");
	json_decref(list);
	decide(s, KEY_ITEM, "cousin", "{\"v\":1,\"boost\":2}"); /* .7 x 2 > 1 */
	list = list_of(s, "zoe");
	assert_string_equal(item_at(list, 0), "cousin");
	assert_string_equal(kind_at(list, "cousin"), "alike");
	assert_true(fabs(number_at(json_object_get(entry_of(list, "cousin"), "why"), "match") - .7) < 1e-5);
	json_decref(list);
	static const char *const fresh[] = { "n1", "n3" }; /* drawn .079 and .029 */
	for (int i = 0; i < 2; i++)
		stock_of(s, fresh[i], "rings", "Zed", "red", 90000);
	for (int i = 0; i < 2; i++) { /* one place, and what is boosted has it */
		decide(s, KEY_ITEM, fresh[i], "{\"v\":1,\"boost\":100}");
		list = list_of(s, "zoe");
		for (int k = 0; k < 2; k++)
			assert_string_equal(kind_at(list, fresh[k]), k == i ? "new" : "none");
		json_decref(list);
		decide(s, KEY_ITEM, fresh[i], NULL);
	}
	shop_destroy(s);
}

static void the_explanation_of_what_fills_a_list_has_its_rank(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, (const char *[]){ "recommend.list_size=10", "recommend.explore=0.1", "recommend.brand_share=1", "recommend.category_share=1", NULL });
	stock_of(s, "S", "rings", "Ann", "gold", 1000);
	stock_of(s, "cousin", "rings", "Ann", "silver", 5000);
	stock_of(s, "lamp", "lamps", "Bob", "", 0);
	stock_of(s, "chair", "chairs", "Bob", "", 0);
	stock_of(s, "n1", "lamps", "Bob", "", 0);
	looked_at(s, "cousin", 2);
	looked_at(s, "lamp", 8);
	click(s, start, "zoe", ACTION_VIEW, "S", NULL);
	decide(s, KEY_BRAND, "Bob", "{\"v\":1,\"boost\":2}");
	decide(s, KEY_ITEM, "chair", "{\"v\":1,\"pin\":9}");
	done(s);
	static const struct {
		const char *item, *kind;
		double base, rank; /* 0: none */
	} want[] = { { "cousin", "alike", .7, .7 }, { "n1", "new", .0785651, 2 * .0785651 }, { "lamp", "trending", NAN, NAN }, { "chair", "pinned", 0, 0 } };
	for (int i = 0; i < 4; i++) {
		json_t *e = explained(s, "zoe", want[i].item);
		assert_true(json_is_null(json_object_get(e, "score")));
		assert_string_equal(text_at(json_object_get(json_object_get(e, "listed"), "why"), "kind"), want[i].kind);
		if (isnan(want[i].base)) { /* ratio x log(1 + actions): the eight are as of the middle of their hour, half an hour ahead, by a half-life of 6 h */
			double rank = number_at(e, "trend") * log(1 + 8 * exp2(.5 / 6));
			assert_true(fabs(number_at(e, "rank_base") / rank - 1) < .001 && fabs(number_at(e, "rank") - 2 * number_at(e, "rank_base")) < 1e-4);
		} else if (want[i].base > 0) {
			assert_true(fabs(number_at(e, "rank_base") - want[i].base) < 1e-5 && fabs(number_at(e, "rank") - want[i].rank) < 1e-5);
		} else {
			assert_null(json_object_get(e, "rank"));
		}
		json_decref(e);
	}
	shop_time(s, start + 10 * day); /* nothing rises any more; 8 actions, halved 10 / 7 times */
	json_t *e = explained(s, "zoe", "lamp");
	assert_string_equal(text_at(json_object_get(json_object_get(e, "listed"), "why"), "kind"), "popular");
	assert_true(fabs(number_at(e, "rank_base") - number_at(e, "popular")) < 1e-5 && fabs(number_at(e, "popular") - 8 * exp2(-10 / 7.)) < .05);
	assert_true(fabs(number_at(e, "rank") - 2 * number_at(e, "popular")) < 1e-4);
	json_decref(e);
	shop_destroy(s);
}

static int of_brand(struct shop *s, const json_t *list, size_t n, const char *brand)
{
	int count = 0;
	for (size_t i = 0; i < n; i++) {
		symbol_t item = symbols_find(s->engine->symbols, text_of(item_at(list, i)));
		count += text_equal(symbols_text(s->engine->symbols, model_catalogue(s->engine->model, item)->brand), text_of(brand));
	}
	return count;
}

static void default_lists_have_caps_while_there_is_enough_else(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, (const char *[]){ "recommend.list_size=10", NULL }); /* 6 of a category, 4 of a brand */
	char name[16];
	for (int i = 0; i < 14; i++) { /* the most popular ones are Big's rings, then Bob's, then Cee's lamps */
		snprintf(name, sizeof(name), "item%d", i);
		stock_of(s, name, i < 10 ? "rings" : "lamps", i < 8 ? "Big" : i < 10 ? "Bob" : "Cee", "", 0);
		looked_at(s, name, 20 - i);
	}
	done(s);
	shop_item_view(s, KEY_ALL, NULL);
	json_t *list = parsed(command(s, "SET glint:recs:_default "));
	assert_int_equal(json_array_size(json_object_get(list, "items")), 10);
	assert_int_equal(of_brand(s, list, 10, "Big"), 4);
	assert_int_equal(of_brand(s, list, 10, "Bob"), 2); /* with four others six rings */
	assert_int_equal(of_brand(s, list, 10, "Cee"), 4);
	json_decref(list);
	list = parsed(command(s, "SET glint:recs:_default:rings ")); /* the category cannot be capped there; what the brand's cap held back stands behind */
	assert_int_equal(json_array_size(json_object_get(list, "items")), 10);
	assert_int_equal(of_brand(s, list, 6, "Big"), 4);
	assert_int_equal(of_brand(s, list, 6, "Bob"), 2);
	double last = INFINITY;
	for (size_t i = 0; i < 10; i++) {
		assert_true(number_at(json_array_get(json_object_get(list, "items"), i), "score") < last);
		last = number_at(json_array_get(json_object_get(list, "items"), i), "score");
	}
	json_decref(list);
	shop_destroy(s);
}

static void keys_of_a_category_that_has_no_items_any_more_are_deleted(void **state)
{
	(void)state;
	static const char *const keys[] = { "DEL glint:popular:rings", "DEL glint:trending:rings", "DEL glint:recs:_default:rings" };
	struct shop *s = shop_create(1, NULL);
	stock(s, "ring", "rings", true);
	stock(s, "lamp", "lamps", true);
	looked_at(s, "ring", 3);
	looked_at(s, "lamp", 3);
	done(s);
	for (int round = 0; round < 3; round++) {
		shop_item_view(s, KEY_ALL, NULL);
		assert_non_null(strstr(shop_commands(s), "SET glint:recs:_default:rings "));
		assert_null(strstr(shop_commands(s), keys[2]));
		if (round == 0)
			decide(s, KEY_CATEGORY, "rings", "{\"v\":1,\"exclude\":true}");
		else if (round == 1)
			stock(s, "ring", "rings", false);
		else
			model_catalogue_delete(s->engine->model, TEXT("ring"));
		shop_item_view(s, KEY_ALL, NULL);
		for (int i = 0; i < 3; i++)
			assert_non_null(strstr(shop_commands(s), keys[i]));
		assert_null(strstr(shop_commands(s), "SET glint:recs:_default:rings "));
		assert_non_null(strstr(shop_commands(s), "SET glint:recs:_default:lamps "));
		assert_null(strstr(shop_commands(s), "DEL glint:popular:lamps"));
		shop_item_view(s, KEY_ALL, NULL); /* once is enough */
		assert_null(strstr(shop_commands(s), keys[2]));
		decide(s, KEY_CATEGORY, "rings", NULL);
		stock(s, "ring", "rings", true);
	}
	shop_destroy(s);
}

static void top_lists_are_made_anew_when_event_time_has_gone_on(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, (const char *[]){ "recommend.refresh=1h", NULL });
	looked_at(s, "rose", 20);
	click(s, start, "zoe", ACTION_SEARCH, NULL, NULL);
	shop_flush(s);
	shop_time(s, start + 60000);
	json_t *list = list_of(s, "zoe");
	assert_string_equal(kind_at(list, "rose"), "trending");
	double at_first = number_at(json_object_get(entry_of(list, "rose"), "why"), "trend");
	json_decref(list);
	shop_time(s, start + 120000); /* a minute: they still hold */
	list = list_of(s, "zoe");
	assert_true(number_at(json_object_get(entry_of(list, "rose"), "why"), "trend") == at_first);
	json_decref(list);
	shop_time(s, start + 10 * day); /* no `refresh` has passed by the clock, which stands still; nothing is rising any more */
	list = list_of(s, "zoe");
	assert_string_equal(kind_at(list, "rose"), "popular");
	json_decref(list);
	shop_destroy(s);
}

/* Where lists follow each other within moments of the clock, a replay, the cost is bounded. */
static void in_a_replay_top_lists_of_many_items_are_not_made_for_every_list(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, (const char *[]){ "recommend.refresh=1h", NULL });
	const struct recommend_settings *r = s->settings[P_RECOMMEND];
	const struct toplists t = { .made_at = 1000, .watermark = start, .passed = 100000, .control_changes = model_control_changes(s->engine->model) };
	struct view_ctx ctx = { .model = s->engine->model };
	static const struct {
		int64_t as_of, watermark;
		bool outdated;
	} at[] = { { 1000, 0, false }, { 1099, 1000000, false }, { 1100, 1000000, true }, { 1100, 60000, false }, { 1100, 60001, true }, { 1100, -1000000, false },
		{ 3600999, 0, false }, { 3601000, 0, true }, { 999, 0, true } };
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		ctx.as_of = at[i].as_of;
		ctx.watermark = start + at[i].watermark;
		assert_true(toplists_outdated(&t, r, &ctx) == at[i].outdated);
	}
	shop_destroy(s);
}

/* ---- what may not be shown ---- */

static bool is_blocked(struct shop *s, const char *item)
{
	shop_item_view(s, KEY_ALL, NULL);
	char *set = command(s, "SADD glint:new:blocked"), all[256], name[32];
	snprintf(all, sizeof(all), "%s ", set ? set : "");
	snprintf(name, sizeof(name), " %s ", item);
	free(set);
	return strstr(all, name) != NULL;
}

static void items_that_nobody_has_touched_are_blocked_too(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, NULL);
	looked_at(s, "busy", 1);
	stock_of(s, "new", "rings", "Ann", "", 0);
	stock_of(s, "other", "lamps", "Bob", "", 0);
	stock(s, "sold", "rings", false);
	done(s);
	assert_true(is_blocked(s, "sold"));
	assert_false(is_blocked(s, "new"));
	assert_false(is_blocked(s, "busy"));
	decide(s, KEY_BRAND, "Ann", "{\"v\":1,\"exclude\":true}");
	decide(s, KEY_CATEGORY, "lamps", "{\"v\":1,\"exclude\":true}");
	decide(s, KEY_ITEM, "never-heard-of", "{\"v\":1,\"exclude\":true}");
	assert_true(is_blocked(s, "new") && is_blocked(s, "other") && is_blocked(s, "never-heard-of"));
	decide(s, KEY_BRAND, "Ann", NULL);
	stock(s, "sold", "rings", true);
	assert_false(is_blocked(s, "new") || is_blocked(s, "sold"));
	shop_destroy(s);
}

static void sweep(struct shop *s) /* as the daemon's */
{
	symbols_mark_begin(s->engine->symbols);
	model_mark(s->engine->model, s->engine->symbols);
	user_task_mark(s->users[0]);
	item_task_mark(s->items[0]);
	model_catalogue_sweep(s->engine->model);
	symbols_sweep(s->engine->symbols);
}

static void an_item_that_was_deleted_is_not_available_until_it_has_a_row_again(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, NULL);
	stock(s, "ring", "rings", true);
	stock(s, "lamp", "lamps", true);
	stock(s, "untouched", "lamps", true);
	looked_at(s, "ring", 9);
	looked_at(s, "lamp", 3);
	looked_at(s, "no-row", 2);
	click(s, start, "ann", ACTION_VIEW, "no-row", NULL);
	done(s);
	json_t *list = list_of(s, "ann");
	assert_non_null(entry_of(list, "ring"));
	json_decref(list);
	model_catalogue_delete(s->engine->model, TEXT("ring"));
	model_catalogue_delete(s->engine->model, TEXT("untouched"));
	model_catalogue_delete(s->engine->model, TEXT("read-before-its-rows"));
	model_catalogue_delete(s->engine->model, TEXT(""));
	assert_int_equal(model_catalogue_rows(s->engine->model), 1);
	list = list_of(s, "ann"); /* at once: the cached popular items are asked again */
	assert_null(entry_of(list, "ring"));
	assert_non_null(entry_of(list, "lamp"));
	json_decref(list);
	assert_true(is_blocked(s, "ring") && is_blocked(s, "untouched") && is_blocked(s, "read-before-its-rows"));
	assert_false(is_blocked(s, "no-row"));
	assert_null(strstr(shop_commands(s), "SET glint:recs:_default:rings "));
	json_t *e = explained(s, "ann", "ring");
	assert_string_equal(text_at(e, "left_out"), "removed");
	json_decref(e);

	sweep(s); /* what nothing else names is forgotten, so that deleted items do not pile up */
	assert_int_equal(symbols_find(s->engine->symbols, TEXT("untouched")), 0);
	symbol_t other = symbols_intern(s->engine->symbols, TEXT("another"));
	assert_true(model_catalogue(s->engine->model, other)->available);
	assert_true(is_blocked(s, "ring"));
	assert_false(is_blocked(s, "untouched") || is_blocked(s, "another"));

	stock(s, "ring", "rings", true);
	assert_int_equal(model_catalogue_rows(s->engine->model), 2);
	assert_false(is_blocked(s, "ring"));
	list = list_of(s, "ann");
	assert_non_null(entry_of(list, "ring"));
	json_decref(list);
	model_catalogue_delete(s->engine->model, TEXT("ring"));
	model_clear(s->engine->model); /* a new read from the start */
	assert_true(model_catalogue(s->engine->model, symbols_find(s->engine->symbols, TEXT("ring")))->available);
	assert_int_equal(model_catalogue_rows(s->engine->model), 0);
	shop_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_boost_counts_before_top_lists_are_cut),
		cmocka_unit_test(a_brand_that_is_shown_too_much_counts_less_in_top_lists),
		cmocka_unit_test(factors_weigh_what_is_alike_and_what_is_new),
		cmocka_unit_test(the_explanation_of_what_fills_a_list_has_its_rank),
		cmocka_unit_test(default_lists_have_caps_while_there_is_enough_else),
		cmocka_unit_test(keys_of_a_category_that_has_no_items_any_more_are_deleted),
		cmocka_unit_test(top_lists_are_made_anew_when_event_time_has_gone_on),
		cmocka_unit_test(in_a_replay_top_lists_of_many_items_are_not_made_for_every_list),
		cmocka_unit_test(items_that_nobody_has_touched_are_blocked_too),
		cmocka_unit_test(an_item_that_was_deleted_is_not_available_until_it_has_a_row_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
