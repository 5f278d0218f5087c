/* Neighbours over ratings: the worked table J1, three shoppers and four items. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ctl/knn.h"

enum { A,
	B,
	C };

struct table {
	struct knn_line users[3], items[5]; /* items 1..4 */
};

static void fill(struct table *t)
{
	static const struct {
		uint32_t user, item;
		float rating;
	} ratings[] = { { A, 1, 5 }, { A, 2, 3 }, { A, 3, 4 }, { B, 1, 4 }, { B, 3, 3 }, { B, 4, 5 }, { C, 2, 4 }, { C, 4, 3 } };
	*t = (struct table){ 0 };
	for (size_t i = 0; i < sizeof(ratings) / sizeof(ratings[0]); i++) {
		knn_put(&t->users[ratings[i].user], ratings[i].item, ratings[i].rating);
		knn_put(&t->items[ratings[i].item], ratings[i].user, ratings[i].rating);
	}
}

static void empty(struct table *t)
{
	for (int i = 0; i < 3; i++)
		knn_done(&t->users[i]);
	for (int i = 0; i < 5; i++)
		knn_done(&t->items[i]);
}

static void is(double got, double want)
{
	if (!(fabs(got - want) < 1e-8))
		fail_msg("%.9f is not %.9f", got, want);
}

static void cosines_of_shoppers_are_those_of_the_table(void **state)
{
	(void)state;
	struct table t;
	fill(&t);
	is(knn_similarity(KNN_COMMON, &t.users[A], &t.users[B]), .999512076);
	is(knn_similarity(KNN_COMMON, &t.users[A], &t.users[C]), 1);
	is(knn_similarity(KNN_COMMON, &t.users[B], &t.users[C]), 1);
	is(knn_similarity(KNN_FULL, &t.users[A], &t.users[B]), .64); /* 32 / 50, not the .83 of a textbook */
	is(knn_similarity(KNN_FULL, &t.users[A], &t.users[C]), .339411255);
	is(knn_similarity(KNN_FULL, &t.users[B], &t.users[C]), .424264069);
	empty(&t);
}

static void pearson_is_undefined_for_one_common_item(void **state)
{
	(void)state;
	struct table t;
	fill(&t);
	is(knn_similarity(KNN_PEARSON, &t.users[A], &t.users[B]), 1);
	assert_true(isnan(knn_similarity(KNN_PEARSON, &t.users[A], &t.users[C])));
	assert_true(isnan(knn_similarity(KNN_PEARSON, &t.users[B], &t.users[C])));
	struct knn_near near = { .most = 2 };
	knn_offer(&near, NAN, 5);
	assert_true(near.n == 0 && isnan(knn_mean(&near)));
	empty(&t);
}

static void cosines_of_items_are_those_of_the_table(void **state)
{
	(void)state;
	static const double want[] = { .468521286, .999512076, .535671584, .48, .411596604, .514495755 };
	struct table t;
	int k = 0;
	fill(&t);
	for (int i = 1; i <= 4; i++)
		for (int j = i + 1; j <= 4; j++)
			is(knn_similarity(KNN_FULL, &t.items[i], &t.items[j]), want[k++]);
	empty(&t);
}

static double of_shoppers(const struct table *t, enum knn_form form, int user, uint32_t item, uint32_t most)
{
	struct knn_near near = { .most = most };
	for (int v = 0; v < 3; v++) {
		const struct knn_entry *r = v == user ? NULL : knn_find(&t->users[v], item);
		if (r)
			knn_offer(&near, knn_similarity(form, &t->users[user], &t->users[v]), r->rating);
	}
	return knn_mean(&near);
}

static void predictions_are_those_of_the_table(void **state)
{
	(void)state;
	static const struct {
		int user;
		uint32_t item;
		double common, full;
	} want[] = { { A, 4, 3.999755979, 4.306907587 }, { B, 2, 3.500122011, 3.398645488 }, { C, 1, 4.5, 4.444444444 }, { C, 3, 3.5, 3.444444444 } };
	struct table t;
	fill(&t);
	for (int i = 0; i < 4; i++) {
		is(of_shoppers(&t, KNN_COMMON, want[i].user, want[i].item, 2), want[i].common);
		is(of_shoppers(&t, KNN_FULL, want[i].user, want[i].item, 2), want[i].full);
	}
	is(of_shoppers(&t, KNN_COMMON, A, 4, 1), 3); /* the trap: C wins by a single common item */
	is(of_shoppers(&t, KNN_FULL, A, 4, 1), 5);
	struct knn_near near = { .most = 3 };
	for (uint32_t i = 1; i <= 3; i++)
		knn_offer(&near, knn_similarity(KNN_FULL, &t.items[4], &t.items[i]), knn_find(&t.users[A], i)->rating);
	is(knn_mean(&near), 4.084880312);
	empty(&t);
}

static void a_rating_given_again_replaces_the_first(void **state)
{
	(void)state;
	struct knn_line l = { 0 };
	knn_put(&l, 7, 2);
	knn_put(&l, 3, 5);
	knn_put(&l, 7, 4);
	assert_int_equal(l.n, 2);
	assert_true(l.at[0].id == 3 && l.at[1].rating == 4);
	is(l.sum, 9);
	is(l.squares, 41);
	knn_done(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cosines_of_shoppers_are_those_of_the_table),
		cmocka_unit_test(pearson_is_undefined_for_one_common_item),
		cmocka_unit_test(cosines_of_items_are_those_of_the_table),
		cmocka_unit_test(predictions_are_those_of_the_table),
		cmocka_unit_test(a_rating_given_again_replaces_the_first),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
