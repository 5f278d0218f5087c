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

/* bias_reference.py --series: the same ratings, learnt with their own mean as a constant mu and slopes of 1 */
static const struct rating series[] = { { "ann", "tea", 5000 }, { "ann", "cup", 3000 }, { "ben", "tea", 4000 }, { "cid", "tea", 1000 },
	{ "ann", "pot", 4500 }, { "ben", "cup", 2000 }, { "ben", "pot", 5000 }, { "cid", "cup", 1500 }, { "eve", "tea", 5000 },
	{ "dee", "pot", 4500 }, { "dee", "jug", 4000 } };
enum { N_SERIES = sizeof(series) / sizeof(series[0]) };
static const struct {
	const char *id;
	double bias;
	int64_t n;
} expected_items[] = { { "cup", -0.522962370539101, 3 }, { "jug", 0.0547113544932664, 1 }, { "pot", 0.422588104035205, 3 }, { "tea", 0.0707070707070707, 4 } },
  expected_users[] = { { "ann", 0.138418283436174, 3 }, { "ben", 0.00466151337285556, 3 }, { "cid", -0.432359435444419, 2 }, { "dee", 0.0878668416015379, 2 }, { "eve", 0.160606060606061, 1 } };
static const double sittings[] = { 0.060339392320412, 0.0319044600693028, -0.148268148552751, 0.0476672950230394, 0.107070707070707 };
static const char *const no_slopes[] = { "bias.slope_spread=0", NULL };

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
	struct event e = shop_rating(id, 1700000000000 + 600000 * i, r->user, r->item, r->milli);
	assert_int_equal(shop_event(s, &e), APPLIED);
}

static struct shop *rated(int flush_every)
{
	struct shop *s = shop_create(4, no_slopes);
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
	for (size_t i = 0; i < 4; i++) { /* what a shopper knows of an item is a float, an item's integers are of 2^-24 */
		const struct bias_model *m = model_of(s, expected_items[i].id);
		assert_int_equal(m->n, expected_items[i].n);
		assert_true(fabs(bias_of(m, mu) - expected_items[i].bias) < 1e-6);
	}
	for (size_t i = 0; i < 5; i++) {
		const struct bias_user *u = shop_user_block(s, expected_users[i].id, P_BIAS);
		assert_int_equal(u->now.n, expected_users[i].n);
		assert_true(fabs(u->now.c[PART_LASTING] - mu * u->now.v[PART_LASTING] - expected_users[i].bias) < 1e-6);
		assert_true(fabs(u->now.c[PART_SITTING] - mu * u->now.v[PART_SITTING] - sittings[i]) < 1e-6);
	}
	shop_destroy(s);
}

/* By hand: one rating of 5 by ann, P_l + P_s + P_i + 1 = 1.5; then one of 2 by ben, for whom the item has c = 5 x .25 / 1.5 = 5/6, v = 1/6,
 * P = .25 - .25^2 / 1.5 = 5/24. With mu = 3.5 at the end: b = 1/6 (5 - 3.5) = .25 after the first, and after the second
 * S = .25 + 5/24 + 1 = 35/24, b = .25 + (5/24) / S (2 - 3.5 - .25) = .25 - 1.75 / 7 = 0: the two balance. */
static void two_ratings_by_hand(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, no_slopes);
	rate(s, 0, &(struct rating){ "ann", "tea", 5000 });
	shop_flush(s);
	const struct bias_model *m = model_of(s, "tea");
	assert_true(fabs(m->c - 5.0 / 6) < 1e-7 && fabs(m->v - 1.0 / 6) < 1e-7 && fabs(m->p - 5.0 / 24) < 1e-7 && m->sum_milli == 5000);
	rate(s, 1, &(struct rating){ "ben", "tea", 2000 });
	shop_flush(s);
	m = model_of(s, "tea");
	assert_true(m->n == 2 && m->sum_milli == 7000 && fabs(m->p - (5.0 / 24 - 5.0 / 24 / 7)) < 1e-7);
	assert_true(fabs(bias_of(m, mu_of(s))) < 1e-6);
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

/* The documented example of River's reco.Baseline: predict(Bob, Harry Potter) = 6.538120 (exactly 6.538120466666666), lr = .005. */
static void by_river_s_rule_its_documented_example_comes_out(void **state)
{
	(void)state;
	static const char *const films[] = { "Superman", "Terminator", "Star Wars", "Notting Hill", "Harry Potter" };
	static const int stars[] = { 8, 9, 8, 2, 5, 8, 9, 8, 2 };
	struct shop *s = shop_create(2, (const char *const[]){ "bias.rule=river", "bias.learning_rate=0.005", "glint.rating_max=10", NULL });
	for (int i = 0; i < 9; i++) {
		rate(s, i, &(struct rating){ i < 5 ? "Alice" : "Bob", films[i % 5], 1000 * stars[i] });
		shop_flush(s);
	}
	double guess = bias_predict(s->settings[P_BIAS], s->engine->model, symbols_find(s->engine->symbols, text_of("Harry Potter")),
		shop_user_block(s, "Bob", P_BIAS), 1700000000000);
	assert_true(fabs(guess - 6.538120466666666) < 1e-12);
	shop_check_rows(s);
	shop_destroy(s);
}

/* ALGORITHMS J2: A1 A2 A3 B1 B3 B4 C2 C4 by River's rule, lr = .01: b_u, b_i and the prediction of A4. */
static void by_river_s_rule_the_small_table_comes_out(void **state)
{
	(void)state;
	static const struct rating table[] = { { "A", "1", 5000 }, { "A", "2", 3000 }, { "A", "3", 4000 }, { "B", "1", 4000 }, { "B", "3", 3000 },
		{ "B", "4", 5000 }, { "C", "2", 4000 }, { "C", "4", 3000 } };
	static const double users[] = { -.0196, .00431216, -.017514403 }, items[] = { 0, -.0196, -.015608, .002405757 };
	struct shop *s = shop_create(1, (const char *const[]){ "bias.rule=river", NULL });
	for (int i = 0; i < 8; i++) {
		rate(s, i, &table[i]);
		shop_flush(s);
	}
	for (int i = 0; i < 3; i++)
		assert_true(fabs(((const struct bias_user *)shop_user_block(s, (char[]){ (char)('A' + i), 0 }, P_BIAS))->now.c[PART_LASTING] - users[i]) < 1e-9);
	for (int i = 0; i < 4; i++)
		assert_true(fabs(bias_of(model_of(s, (char[]){ (char)('1' + i), 0 }), mu_of(s)) - items[i]) < 1e-9);
	double guess = bias_predict(s->settings[P_BIAS], s->engine->model, symbols_find(s->engine->symbols, text_of("4")), shop_user_block(s, "A", P_BIAS), 1700000000000);
	assert_true(fabs(guess - 3.857805757) < 1e-9);
	shop_destroy(s);
}

/* 3 x (0.5 to 5), up to where it begins, is 1.5 to 15: as wide as 0.5 to 14. */
static void on_a_scale_three_times_as_wide_all_is_three_times_as_much(void **state)
{
	(void)state;
	struct shop *one = shop_create(1, NULL), *three = shop_create(1, (const char *const[]){ "glint.rating_max=14", NULL });
	for (int i = 0; i < 20 * N_SERIES; i++) {
		struct rating r = series[i % N_SERIES];
		char user[16];
		snprintf(user, sizeof(user), "%s%d", r.user, i / N_SERIES % 5);
		r.user = user;
		rate(one, i, &r);
		r.milli *= 3;
		rate(three, i, &r);
		shop_flush(one);
		shop_flush(three);
	}
	double mu = mu_of(one);
	assert_true(fabs(mu_of(three) - 3 * mu) < 1e-9);
	for (size_t i = 0; i < 4; i++)
		assert_true(fabs(bias_of(model_of(three, expected_items[i].id), 3 * mu) - 3 * bias_of(model_of(one, expected_items[i].id), mu)) < 1e-5);
	const struct bias_user *x = shop_user_block(one, "ann2", P_BIAS), *y = shop_user_block(three, "ann2", P_BIAS);
	assert_true(fabs(x->now.slope - 1) > 0.001 && fabs(x->now.slope - y->now.slope) < 1e-5 && fabs(x->now.slope_p - y->now.slope_p) < 1e-5);
	shop_destroy(one);
	shop_destroy(three);
}

static void same_item(struct shop *a, struct shop *b, const char *id)
{
	const struct bias_model *x = model_of(a, id), *y = model_of(b, id);
	assert_true(x && y && x->n == y->n && x->sum_milli == y->sum_milli && x->c == y->c && x->v == y->v && x->p == y->p);
}

/* The shop in which it never was, with which it is compared: every number is the same, to the last bit. */
static void a_rating_that_is_withdrawn_or_changed_leaves_no_trace(void **state)
{
	(void)state;
	for (int change = 0; change < 2; change++) {
		struct shop *with = shop_create(1, NULL), *without = shop_create(1, NULL);
		static const struct rating before[] = { { "ann", "cup", 2500 }, { "ben", "pot", 4000 } };
		for (int i = 0; i < 2; i++) {
			rate(with, i, &before[i]);
			rate(without, i, &before[i]);
		}
		shop_flush(with);
		shop_flush(without);
		rate(with, 2, &(struct rating){ "ann", "tea", 500 });
		shop_flush(with);
		rate(with, 3, &(struct rating){ "ann", "tea", change ? 5000 : 0 });
		if (change)
			rate(without, 3, &(struct rating){ "ann", "tea", 5000 });
		shop_flush(with);
		shop_flush(without);
		const struct bias_model *all = model_of(with, NULL), *tea = model_of(with, "tea");
		assert_true(all->n == 2 + change && all->sum_milli == 6500 + 5000 * change);
		same_item(with, without, "cup");
		same_item(with, without, "pot");
		assert_true(!tea == !change); /* an item without ratings has no row */
		const struct bias_user *x = shop_user_block(with, "ann", P_BIAS), *y = shop_user_block(without, "ann", P_BIAS);
		assert_int_equal(x->now.n, y->now.n);
		if (!change)
			assert_memory_equal(&x->now, &y->now, sizeof(x->now));
		shop_check_rows(with);
		shop_destroy(with);
		shop_destroy(without);
	}
}

static void beyond_the_kept_ratings_a_withdrawal_is_counted_as_forgotten(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, (const char *const[]){ "bias.ratings_kept=2", NULL });
	for (int i = 0; i < 3; i++)
		rate(s, i, &(struct rating){ "ann", (const char *const[]){ "tea", "cup", "pot" }[i], 4000 });
	rate(s, 3, &(struct rating){ "ann", "tea", 0 });
	rate(s, 4, &(struct rating){ "ann", "pot", 0 });
	shop_flush(s);
	assert_int_equal(model_of(s, NULL)->n, 2);
	assert_int_equal(model_of(s, "tea")->n, 1);
	assert_int_equal(s->engine->drops[P_BIAS][0], 1);
	shop_check_rows(s);
	shop_destroy(s);
}

/* The shop in which what came late never came, but the one at the same ts did, is the shop with it. */
static void an_older_change_that_comes_later_changes_nothing_and_is_counted(void **state)
{
	(void)state;
	static const struct {
		int64_t ts;
		const char *item;
		int32_t milli;
		bool counts;
	} sent[] = { { 2000, "tea", 4000, true }, { 1999, "tea", 1000, false }, { 1999, "tea", 0, false }, { 2000, "tea", 2000, true }, { 1500, "cup", 3000, true },
		{ 1500, "cup", 0, true }, { 2001, "tea", 5000, true }, { 2000, "tea", 0, false } };
	for (int river = 0; river < 2; river++) {
		const char *const options[] = { river ? "bias.rule=river" : "bias.rule=adaptive", NULL };
		struct shop *with = shop_create(1, options), *without = shop_create(1, options);
		for (size_t i = 0; i < sizeof(sent) / sizeof(sent[0]); i++) {
			struct event e = shop_rating((char[]){ (char)('a' + i), 0 }, 1700000000000 + sent[i].ts, "ann", sent[i].item, sent[i].milli);
			assert_int_equal(shop_event(with, &e), APPLIED);
			shop_flush(with);
			if (sent[i].counts)
				assert_int_equal(shop_event(without, &e), APPLIED);
			shop_flush(without);
		}
		same_item(with, without, "tea");
		assert_true(model_of(with, NULL)->n == 1 && model_of(with, NULL)->sum_milli == 5000);
		const struct bias_user *x = shop_user_block(with, "ann", P_BIAS), *y = shop_user_block(without, "ann", P_BIAS);
		assert_memory_equal(&x->now, &y->now, sizeof(x->now));
		assert_true(with->engine->drops[P_BIAS][0] == 0 && with->engine->drops[P_BIAS][1] == 3 && without->engine->drops[P_BIAS][1] == 0);
		shop_check_rows(with);
		shop_destroy(with);
		shop_destroy(without);
	}
}

static void rows_of_before_are_read(void **state)
{
	(void)state;
	struct bias_settings settings = { .item_spread = 0.25, .user_spread = 0.15, .session_spread = 0.1, .slope_spread = 0.05, .session_time_ms = 1800000 };
	struct buf row = { 0 };
	buf_varint(&row, 10);
	buf_double(&row, 1.5);
	buf_double(&row, 0.25);
	struct bias_user u = { 0 };
	struct reader from = reader_of(row.data, row.size);
	assert_int_equal(bias_processor.user.load(&settings, &u, 1, &from, NULL, NULL), 0);
	assert_true(u.now.n == 10 && u.now.c[PART_LASTING] == 1.5 && u.now.v[PART_LASTING] == 0.25 && u.now.slope == 1);
	buf_done(&row);
}

static void what_is_no_rating_of_an_item_changes_nothing(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, NULL);
	struct event none = shop_review("a", 1000, "ann", "tea", "nice", "en"), brand = shop_rating("b", 1001, "ann", NULL, 4000),
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
	assert_non_null(strstr(c, "rating_mean 2.16667 rating_n 3 rating_sum 6.5 bias -0.522962 rating_expected 3.06795"));
	shop_user_view(s, "cid");
	assert_non_null(strstr(shop_commands(s), "bias -0.432359 rating_expected"));
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
		struct bias_settings settings = { .item_spread = 0.25, .rating_min = 0.5, .rating_max = 5 };
		struct buf fields = { 0 }, row = { 0 };
		buf_varint(&row, 3);
		buf_zigzag(&row, sums[i].milli);
		buf_zigzag(&row, 4 << 24); /* W = 4, so that with 1 / .25 it is 8 */
		buf_zigzag(&row, 4 << 24);
		buf_zigzag(&row, 0);
		buf_double(&row, 0);
		struct reader from = reader_of(row.data, row.size);
		void *item = calloc(1, bias_processor.item.size);
		assert_int_equal(bias_processor.item.load(&settings, item, 2, &from, NULL, NULL), 0);
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

/* bias_reference.py on MovieLens latest-small: RMSE .874358 over 100,003 predictions, mean 3.543608. */
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
			double guess = bias_predict(s->settings[P_BIAS], s->engine->model, symbols_find(s->engine->symbols, text_of(item)),
				shop_user_block(s, user, P_BIAS), json_integer_value(json_object_get(j, "ts")));
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
	assert_true(fabs(rmse - 0.874358) < 0.002);
	assert_true(fabs(mu_of(s) - 3.543608) < 1e-6);
	shop_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(split_over_two_stages_the_biases_are_those_of_the_one_loop_recursion),
		cmocka_unit_test(two_ratings_by_hand),
		cmocka_unit_test(counts_and_sums_are_exact_and_biases_near_however_intervals_are_cut),
		cmocka_unit_test(by_river_s_rule_its_documented_example_comes_out),
		cmocka_unit_test(by_river_s_rule_the_small_table_comes_out),
		cmocka_unit_test(on_a_scale_three_times_as_wide_all_is_three_times_as_much),
		cmocka_unit_test(a_rating_that_is_withdrawn_or_changed_leaves_no_trace),
		cmocka_unit_test(beyond_the_kept_ratings_a_withdrawal_is_counted_as_forgotten),
		cmocka_unit_test(an_older_change_that_comes_later_changes_nothing_and_is_counted),
		cmocka_unit_test(rows_of_before_are_read),
		cmocka_unit_test(what_is_no_rating_of_an_item_changes_nothing),
		cmocka_unit_test(rows_come_back_byte_for_byte),
		cmocka_unit_test(the_item_s_hash_holds_mean_count_exact_sum_and_bias),
		cmocka_unit_test(the_dump_line_is_exact),
		cmocka_unit_test(on_movielens_the_prequential_error_is_within_two_thousandths_of_the_recursion_s),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
