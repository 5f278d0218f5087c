/* Biases: equal to the one-loop recursion of tests/models/bias_reference.py, whose numbers stand here; exact sums; rows and views. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>
#include <zlib.h>

#include "processors/bias.h"
#include "shop.h"

struct rating {
	const char *user, *item;
	int32_t milli;
};

/* bias_reference.py --series: the same ratings, learnt with their own mean as a constant mu */
static const struct rating series[] = { { "ann", "tea", 5000 }, { "ann", "cup", 3000 }, { "ben", "tea", 4000 }, { "cid", "tea", 1000 },
	{ "ann", "pot", 4500 }, { "ben", "cup", 2000 }, { "ben", "pot", 5000 }, { "cid", "cup", 1500 }, { "ann", "tea", 5000 },
	{ "dee", "pot", 4500 }, { "dee", "jug", 4000 } };
enum { N_SERIES = sizeof(series) / sizeof(series[0]) };
static const struct {
	const char *id;
	double bias;
	int64_t n;
} expected_items[] = { { "cup", -0.686938832772166, 3 }, { "jug", 0.0921657255424617, 1 }, { "pot", 0.545238846801347, 3 }, { "tea", 0.0734949945887446, 4 } },
  expected_users[] = { { "ann", 0.223040110930736, 4 }, { "ben", -0.0134521349862259, 3 }, { "cid", -0.386609147025814, 2 }, { "dee", 0.068077724583801, 2 } };

static const struct bias_model *model_of(struct shop *s, const char *item)
{
	symbol_t id = item ? symbols_find(s->engine->symbols, text_of(item)) : 0;
	return item && !id ? NULL : model_block(s->engine->model, P_BIAS, (struct key){ item ? KEY_ITEM : KEY_ALL, id });
}

static double mu_of(struct shop *s)
{
	return bias_mu(model_of(s, NULL), 2.75);
}

static void rate(struct shop *s, int i, const struct rating *r)
{
	char id[16];
	snprintf(id, sizeof(id), "r%d", i);
	struct event e = shop_rating(id, 1700000000000 + i, r->user, r->item, r->milli);
	assert_int_equal(shop_event(s, &e), APPLIED);
}

static struct shop *rated(int flush_every)
{
	struct shop *s = shop_create(4, NULL);
	for (int i = 0; i < N_SERIES; i++) {
		rate(s, i, &series[i]);
		if (i % flush_every == flush_every - 1)
			shop_flush(s);
	}
	shop_flush(s);
	return s;
}

static void split_over_two_stages_the_biases_are_those_of_the_one_loop_recursion(void **state)
{
	(void)state;
	struct shop *s = rated(1);
	double mu = mu_of(s);
	assert_true(fabs(mu - 39.5 / 11) < 1e-12);
	for (size_t i = 0; i < 4; i++) {
		const struct bias_model *m = model_of(s, expected_items[i].id);
		assert_int_equal(m->n, expected_items[i].n);
		assert_true(fabs(bias_of(m, mu) - expected_items[i].bias) < 1e-12);
		const struct bias_user *u = shop_user_block(s, expected_users[i].id, P_BIAS);
		assert_int_equal(u->n, expected_users[i].n);
		assert_true(fabs(u->c - mu * u->v - expected_users[i].bias) < 1e-12);
	}
	shop_destroy(s);
}

/* By hand, k_i = 3, k_u = 8, one rating of 5 while mu is 5: b_i = 1/4 (5 - 5) = 0. With a second of 2: mu = 3.5, and
 * c_i = 5/4 + 1/5 (2 - 5/4) = 1.4, v_i = 1/4 + 1/5 (1 - 1/4) = .4, so b_i = 1.4 - 3.5 x .4 = 0: the two balance. */
static void two_ratings_by_hand(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, NULL);
	rate(s, 0, &(struct rating){ "ann", "tea", 5000 });
	shop_flush(s);
	const struct bias_model *m = model_of(s, "tea");
	assert_true(m->c == 1.25 && m->v == 0.25 && m->sum_milli == 5000);
	rate(s, 1, &(struct rating){ "ben", "tea", 2000 });
	shop_flush(s);
	m = model_of(s, "tea");
	assert_true(fabs(m->c - 1.4) < 1e-15 && fabs(m->v - 0.4) < 1e-15 && m->n == 2 && m->sum_milli == 7000);
	assert_true(fabs(bias_of(m, mu_of(s))) < 1e-15);
	shop_destroy(s);
}

static void counts_and_sums_are_exact_and_biases_near_however_intervals_are_cut(void **state)
{
	(void)state;
	for (int every = 2; every <= N_SERIES + 1; every += 3) {
		struct shop *s = rated(every);
		assert_int_equal(model_of(s, NULL)->n, N_SERIES);
		assert_int_equal(model_of(s, NULL)->sum_milli, 39500);
		assert_int_equal(model_of(s, "tea")->sum_milli, 15000);
		for (size_t i = 0; i < 4; i++) {
			const struct bias_model *m = model_of(s, expected_items[i].id);
			assert_int_equal(m->n, expected_items[i].n);
			/* the delta carries the shopper's bias as learnt with an older model of the item: less than a tenth of a star here */
			assert_true(fabs(bias_of(m, mu_of(s)) - expected_items[i].bias) < 0.1);
		}
		shop_check_rows(s);
		shop_destroy(s);
	}
}

static void floors_keep_the_steps_of_much_rated_items_and_shoppers_open(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, (const char *const[]){ "bias.user_floor=0", "bias.user_prior=1000", "bias.item_floor=0.5", NULL });
	for (int i = 0; i < 30; i++) {
		char user[16];
		snprintf(user, sizeof(user), "u%d", i);
		rate(s, i, &(struct rating){ user, "tea", i < 20 ? 1000 : 5000 });
		shop_flush(s);
	}
	/* ten halvings of the way from 1 to 5 about zero: c = 5 - 4/1024 - tiny (the first steps' share), v = 1 - tiny */
	const struct bias_model *m = model_of(s, "tea");
	assert_true(fabs(m->c - (5 - 4.0 / 1024)) < 1e-5 && fabs(m->v - 1) < 1e-5);
	shop_destroy(s);
}

static void what_is_no_rating_of_an_item_changes_nothing(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, NULL);
	struct event none = shop_rating("a", 1000, "ann", "tea", 0), brand = shop_rating("b", 1001, "ann", NULL, 4000),
		     click = shop_click("c", 1002, "ann", ACTION_VIEW, "tea", NULL, NULL);
	assert_int_equal(shop_event(s, &none), APPLIED);
	assert_int_equal(shop_event(s, &brand), APPLIED);
	assert_int_equal(shop_event(s, &click), APPLIED);
	shop_flush(s);
	assert_null(model_of(s, NULL));
	assert_null(model_of(s, "tea"));
	assert_true(mu_of(s) == 2.75);
	assert_true(bias_of(NULL, 4) == 0);
	shop_destroy(s);
}

static void rows_come_back_byte_for_byte(void **state)
{
	(void)state;
	struct shop *s = rated(1);
	shop_check_rows(s);
	shop_destroy(s);
}

static void the_item_s_hash_holds_mean_count_exact_sum_and_bias(void **state)
{
	(void)state;
	struct shop *s = rated(1);
	shop_item_view(s, KEY_ITEM, "cup");
	const char *c = shop_commands(s);
	assert_non_null(strstr(c, "HSET glint:item:cup"));
	assert_non_null(strstr(c, "rating_mean 2.16667 rating_n 3 rating_sum 6.5 bias -0.686939"));
	shop_user_view(s, "cid");
	assert_non_null(strstr(shop_commands(s), "bias -0.386609"));
	shop_destroy(s);
}

static void the_dump_line_is_exact(void **state)
{
	(void)state;
	static const struct {
		int64_t milli;
		const char *text;
	} sums[] = { { 12500, "12.5" }, { 12000, "12" }, { 50, "0.05" }, { 123456789, "123456.789" }, { 10, "0.01" }, { -500, "-0.5" } };
	for (size_t i = 0; i < sizeof(sums) / sizeof(sums[0]); i++) {
		struct bias_model block = { 0, 0, 3, sums[i].milli }; /* the item's block has the model's fields in this order */
		struct bias_settings settings = { .rating_min = 0.5, .rating_max = 5 };
		struct buf fields = { 0 }, row = { 0 };
		buf_varint(&row, (uint64_t)block.n);
		buf_zigzag(&row, block.sum_milli);
		buf_double(&row, 0.5);
		buf_double(&row, 0);
		struct reader from = reader_of(row.data, row.size);
		void *item = calloc(1, bias_processor.item.size);
		assert_int_equal(bias_processor.item.load(&settings, item, 1, &from, NULL, NULL), 0);
		struct dump_ctx ctx = { .key = { KEY_ITEM, 1 }, .fields = &fields };
		bias_processor.item_dump(&settings, &ctx, item);
		char expected[100];
		snprintf(expected, sizeof(expected), ",\"rating_n\":3,\"rating_sum\":%s,\"bias\":0.5", sums[i].text);
		assert_int_equal(fields.size, strlen(expected));
		assert_memory_equal(fields.data, expected, fields.size);
		free(item);
		buf_done(&fields);
		buf_done(&row);
	}
}

static void a_scale_upside_down_is_refused(void **state)
{
	(void)state;
	char error[200] = "";
	struct bias_settings settings = { .rating_min = 5, .rating_max = 5 };
	assert_true(bias_processor.setup(&settings, error, sizeof(error)) < 0);
	assert_non_null(strstr(error, "rating_min"));
}

/* bias_reference.py on MovieLens latest-small: RMSE .884863 over 100,003 predictions, mean 3.543608. */
static void on_movielens_the_prequential_error_is_within_two_thousandths_of_the_recursion_s(void **state)
{
	(void)state;
	char path[1000];
	const char *folder = getenv("GLINT_DATA");
	snprintf(path, sizeof(path), "%s/movie-ratings.jsonl.gz", folder ? folder : "../shared/data");
	gzFile in = gzopen(path, "rb");
	if (!in) {
		print_message("SKIP: movie-ratings.jsonl.gz is neither in GLINT_DATA nor in ../shared/data\n");
		skip();
	}
	struct shop *s = shop_create(2, NULL);
	char line[4096];
	double square = 0;
	int n = 0, predicted = 0;
	while (gzgets(in, line, sizeof(line))) {
		json_t *j = json_loads(line, 0, NULL);
		assert_non_null(j);
		const char *user = json_string_value(json_object_get(j, "user_id")), *item = json_string_value(json_object_get(j, "item_id"));
		double stars = json_number_value(json_object_get(j, "rating"));
		if (n++) {
			const struct bias_user *u = shop_user_block(s, user, P_BIAS);
			double mu = mu_of(s), guess = mu + (u ? u->c - mu * u->v : 0) + bias_of(model_of(s, item), mu);
			guess = guess < 0.5 ? 0.5 : guess > 5 ? 5
							      : guess;
			square += (stars - guess) * (stars - guess);
			predicted++;
		}
		struct event e = shop_rating(json_string_value(json_object_get(j, "event_id")), json_integer_value(json_object_get(j, "ts")), user, item,
			(int32_t)lround(stars * 1000));
		assert_int_equal(shop_event(s, &e), APPLIED);
		shop_flush(s);
		json_decref(j);
	}
	gzclose(in);
	double rmse = sqrt(square / predicted);
	print_message("RMSE %.6f over %d\n", rmse, predicted);
	assert_int_equal(predicted, 100003);
	assert_true(fabs(rmse - 0.884863) < 0.002);
	assert_true(fabs(mu_of(s) - 3.543608) < 1e-6);
	shop_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(split_over_two_stages_the_biases_are_those_of_the_one_loop_recursion),
		cmocka_unit_test(two_ratings_by_hand),
		cmocka_unit_test(counts_and_sums_are_exact_and_biases_near_however_intervals_are_cut),
		cmocka_unit_test(floors_keep_the_steps_of_much_rated_items_and_shoppers_open),
		cmocka_unit_test(what_is_no_rating_of_an_item_changes_nothing),
		cmocka_unit_test(rows_come_back_byte_for_byte),
		cmocka_unit_test(the_item_s_hash_holds_mean_count_exact_sum_and_bias),
		cmocka_unit_test(the_dump_line_is_exact),
		cmocka_unit_test(a_scale_upside_down_is_refused),
		cmocka_unit_test(on_movielens_the_prequential_error_is_within_two_thousandths_of_the_recursion_s),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
