/* Measures of a rule. "C5" and "J3" are the worked tables of ALGORITHMS; the Fisher values beside them were summed in exact
 * fractions (Python: Fraction over math.comb) from the definition. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "processors/measures.h"

static void near(double found, double expected, double relative)
{
	if (!(fabs(found - expected) <= relative * fabs(expected)))
		fail_msg("%.12g, expected %.12g", found, expected);
}

static void support_and_confidence_do_not_tell_a_bundle_from_chance(void **state)
{
	static const struct {
		double n_y, back, lift, leverage, conviction, fisher;
	} rows[] = {
		/* J3: N = 160, n_X = 10, n_XY = 8 */
		{ 8, 1, 16, .046875, 4.75, 5.046505e-12 },
		{ 16, .5, 8, .04375, 4.5, 5.899824e-8 },
		{ 40, .2, 3.2, .034375, 3.75, 2.562653e-4 },
		{ 128, .0625, 1, 0, 1, .679838 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_true(measure_support(8, 160) == .05 && measure_confidence(8, 10) == .8);
		near(measure_confidence(8, rows[i].n_y), rows[i].back, 1e-12);
		near(measure_lift(8, 10, rows[i].n_y, 160), rows[i].lift, 1e-12);
		assert_true(fabs(measure_leverage(8, 10, rows[i].n_y, 160) - rows[i].leverage) < 1e-12);
		near(measure_conviction(8, 10, rows[i].n_y, 160), rows[i].conviction, 1e-12);
		near(measure_fisher(8, 10, rows[i].n_y, 160), rows[i].fisher, 1e-6);
	}
}

static void the_golden_rows_of_groceries_hold(void **state)
{
	(void)state; /* C5 */
	const double n = 9835;
	near(measure_support(102, n), .0103711, 1e-5);
	near(measure_confidence(102, 174), .5862069, 1e-6);
	near(measure_lift(102, 174, 1903, n), 3.029608, 1e-6);
	near(measure_leverage(102, 174, 1903, n), .0069479, 1e-4);
	near(measure_conviction(102, 174, 1903, n), 1.949059, 1e-6);
	near(measure_lift(99, 170, 2513, n), 2.279125, 1e-6);
	near(measure_leverage(99, 170, 2513, n), .0056494, 1e-4);
	near(measure_conviction(99, 170, 2513, n), 1.782567, 1e-6);
	near(measure_fisher(99, 170, 2513, n), 8.994346e-20, 1e-6);
	near(measure_lift(219, 427, 2513, n), 2.007235, 1e-6);
	near(measure_conviction(219, 427, 2513, n), 1.528340, 1e-6);
	near(measure_confidence(19, 21), .9047619, 1e-6);
}

static void fishers_test_equals_sums_of_fractions(void **state)
{
	static const struct {
		double n_ab, n_a, n_b, n, p;
	} of[] = {
		{ 3, 5, 10, 100, .0066379128971176095 }, /* C5: .00663791 */
		{ 1, 5, 10, 100, 0.4162476330738481 },
		{ 10, 10, 10, 20, 5.412544112234515e-06 }, /* 1 / C(20, 10) */
		{ 60, 100, 500, 1000, 0.022380751372507883 },
		{ 40, 100, 500, 1000, 0.9867738661204395 },
		{ 300, 1000, 2000, 10000, 1.1088110191253718e-15 },
		{ 90, 3000, 2500, 100000, 0.04548919741357373 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++)
		near(measure_fisher(of[i].n_ab, of[i].n_a, of[i].n_b, of[i].n), of[i].p, 1e-9);
	near(measure_fisher(1, 1, 1, 1e7), 1e-7, 1e-7); /* the promised error, in closed forms */
	near(measure_fisher(2, 2, 5000000, 1e7), 4999999. / (2 * 9999999.), 1e-7);
}

static void fishers_test_has_its_edges(void **state)
{
	(void)state;
	assert_true(measure_fisher(0, 5, 10, 100) == 1);
	assert_true(measure_fisher(10, 60, 50, 100) == 1); /* 10 of them must be common */
	assert_true(measure_fisher(50, 50, 100, 100) == 1);
	assert_true(isnan(measure_fisher(6, 5, 10, 100)) && isnan(measure_fisher(1, 101, 10, 100)) && isnan(measure_fisher(0, 0, 0, 0)));
	assert_true(measure_fisher(5e5, 5e5, 5e5, 1e6) == 0); /* far below the least double */
	assert_true(measure_fisher(249000, 500000, 500000, 1e6) > .99);
}

static void what_has_no_value_is_not_a_number(void **state)
{
	(void)state;
	assert_true(isnan(measure_confidence(0, 0)) && isnan(measure_lift(0, 0, 5, 9)) && isnan(measure_support(0, 0)));
	assert_true(isinf(measure_conviction(5, 5, 6, 9)));
}

static void what_is_related_is_what_fishers_test_says(void **state)
{
	(void)state; /* the quick way out decides nothing else */
	int related = 0, quick = 0;
	for (int n = 50; n <= 5000; n *= 10)
		for (int n_a = 1; n_a < n; n_a += n / 20)
			for (int n_b = 1; n_b < n; n_b += n / 15)
				for (int n_ab = 0; n_ab <= (n_a < n_b ? n_a : n_b); n_ab += 1 + n / 100) {
					bool expected = (double)n_ab * n > (double)n_a * n_b && measure_fisher(n_ab, n_a, n_b, n) < .01;
					assert_int_equal(measure_related(n_ab, n_a, n_b, n, .01), expected);
					double m = (double)n_a * n_b / n, bound = n_ab > m ? exp(n_ab - m - n_ab * log(n_ab / m)) : 1;
					bool below = measure_bound_below(n_ab, n_a, n_b, n, -log(.05));
					assert_true(below == (bound < .05) || fabs(bound - .05) < 1e-12);
					assert_true(!below || measure_fisher(n_ab, n_a, n_b, n) < .05 * (1 + 1e-9));
					related += expected;
					quick += !expected;
				}
	assert_true(related > 1000 && quick > 1000);
	assert_false(measure_related(8, 10, 128, 160, .01)); /* J3: frequent, and independent */
	assert_true(measure_related(8, 10, 40, 160, .01));
	assert_true(measure_related(8, 10, 128, 160, 1)); /* nothing is asked */
	assert_false(measure_related(0, 0, 0, 0, .01));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(support_and_confidence_do_not_tell_a_bundle_from_chance),
		cmocka_unit_test(the_golden_rows_of_groceries_hold),
		cmocka_unit_test(fishers_test_equals_sums_of_fractions),
		cmocka_unit_test(fishers_test_has_its_edges),
		cmocka_unit_test(what_has_no_value_is_not_a_number),
		cmocka_unit_test(what_is_related_is_what_fishers_test_says),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
