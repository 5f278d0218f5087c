/* The distributions behind spikes. Values marked E1 are ALGORITHMS' worked ones; the others come from exact rational arithmetic
 * (Python's fractions: sums of rising factorials and of binomial terms) or from a closed form said at the place. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "processors/stats.h"

static void near(double found, double expected, double relative)
{
	if (!(fabs(found - expected) <= relative * fabs(expected)))
		fail_msg("%.15g, expected %.15g", found, expected);
}

static void the_beta_binomial_tail_equals_exact_sums(void **state)
{
	static const struct {
		int k, n;
		double a, b, p;
	} of[] = {
		{ 5, 10, 2, 18, 0.010521662245800176 },   /* E1: .0105216622 */
		{ 12, 30, 15, 85, 0.003359207282037835 }, /* E1: .0033592073 */
		{ 3, 3, 2, 18, 0.0025974025974025974 },   /* 2·3·4 / (20·21·22) */
		{ 1, 7, 0.5, 9.5, 0.2454332471727491 },
		{ 40, 300, 10, 90, 0.17463201857516253 },
		{ 9, 14, 5.8, 65.2, 6.60475507829868e-06 },
		{ 900, 1000, 2, 18, 7.156244125597884e-17 },
		{ 50, 1000, 100, 900, 0.999991486699838 },
		{ 20, 1000, 100, 900, 0.9999999999999984 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++)
		near(betabinomial_tail(of[i].k, of[i].n, of[i].a, of[i].b), of[i].p, 1e-11);
}

static void the_beta_binomial_tail_has_its_edges(void **state)
{
	(void)state;
	assert_true(betabinomial_tail(0, 10, 2, 18) == 1);
	assert_true(betabinomial_tail(0, 0, 2, 18) == 1);
	assert_true(betabinomial_tail(-3, 10, 2, 18) == 1);
	assert_true(betabinomial_tail(1, 0, 2, 18) == 0);
	assert_true(betabinomial_tail(11, 10, 2, 18) == 0);
	near(betabinomial_tail(1, 1, 2, 18), .1, 1e-12); /* the mean */
	/* with one trial more it is told by its limits, for any number of them */
	static const struct {
		int64_t k;
		double a, b;
	} many[] = { { 120000, 2, 18 }, { 250000, 2, 18 }, { 30000, 1, 30 } };
	for (size_t i = 0; i < sizeof(many) / sizeof(many[0]); i++) {
		double summed = betabinomial_tail(many[i].k, 1000000, many[i].a, many[i].b), told = betabinomial_tail(many[i].k, 1000001, many[i].a, many[i].b);
		if (fabs(told / summed - 1) > .1)
			fail_msg("%lld of a million, %g, %g: %g, not %g", (long long)many[i].k, many[i].a, many[i].b, told, summed);
	}
	for (int64_t k = 4700000; k < 5500000; k += 100000) { /* a chance known well, and many more trials than it was learnt from */
		double share = beta_tail(((double)k - .5) / 1e7, 1000, 1000), told = betabinomial_tail(k, 10000000, 1000, 1000);
		if (fabs(told / share - 1) > .1)
			fail_msg("%lld of ten million: %g, not %g", (long long)k, told, share);
	}
	/* few of very many trials: summed */
	near(betabinomial_tail(200, 1000001, 10, 99990), betabinomial_tail(200, 1000000, 10, 99990), 1e-4);
	assert_true(betabinomial_tail(INT64_MAX / 2, INT64_MAX, 1e15, 1e15) > .49 && betabinomial_tail(INT64_MAX / 2, INT64_MAX, 2, 18) < 1e-3);
}

static void the_beta_binomial_tail_with_a_uniform_chance_is_linear(void **state)
{
	(void)state; /* a = b = 1: every count of 0..n is equally likely */
	for (int64_t n = 1; n < 1000000; n = n * 7 + 3)
		for (int64_t k = 0; k <= n; k += n / 5 + 1)
			near(betabinomial_tail(k, n, 1, 1), (double)(n + 1 - k) / (double)(n + 1), 1e-8);
}

static void the_beta_tail_equals_exact_sums_and_closed_forms(void **state)
{
	static const struct {
		double x, a, b, p;
	} of[] = {
		{ .1, 2, 18, 0.4202649788315975 },
		{ .15, 11, 9, 0.9999798745377991 },
		{ .5, 5, 5, .5 },
		{ .12, 40, 400, 0.023045848452622045 },
		{ .3, 1, 1, .7 },
		{ .01, 300, 700, 1 },
		{ .2, .5, .5, 0.7048327646991335 }, /* 1 - 2/pi asin(sqrt x) */
		{ .3, 2.5, 1, 0.950704969824535 },  /* 1 - x^a */
	};
	(void)state;
	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++)
		assert_true(fabs(beta_tail(of[i].x, of[i].a, of[i].b) - of[i].p) < 1e-12);
	near(beta_tail(.9, 3, 200), 1.6462e-196, 1e-4);
	assert_true(beta_tail(0, 2, 3) == 1 && beta_tail(1, 2, 3) == 0 && beta_tail(-1, 2, 3) == 1 && beta_tail(2, 2, 3) == 0);
}

static void wilsons_interval_is_that_of_the_tables(void **state)
{
	(void)state; /* Python, from the formula; ALGORITHMS E2 has them with z = 1.96, which differs in the sixth place */
	near(wilson_low(5, 10), 0.236593090512564, 1e-12);
	near(wilson_high(5, 10), 0.7634069094874361, 1e-12);
	near(wilson_low(9, 10), 0.5958499732047615, 1e-12);
	near(wilson_high(9, 10), 0.9821237869049271, 1e-12);
	near(wilson_low(8, 100), 0.041093461484380624, 1e-12);
	near(wilson_high(8, 100), 0.14998107700948735, 1e-12);
	assert_true(wilson_low(0, 0) == 0 && wilson_high(0, 0) == 1);
	assert_true(wilson_low(0, 10) == 0 && wilson_high(10, 10) == 1);
	assert_true(wilson_low(20, 1) == wilson_low(1, 1) && wilson_high(20, 1) == 1 && wilson_low(-3, 9) == 0 && wilson_high(-3, 9) == wilson_high(0, 9));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_beta_binomial_tail_equals_exact_sums),
		cmocka_unit_test(the_beta_binomial_tail_has_its_edges),
		cmocka_unit_test(the_beta_binomial_tail_with_a_uniform_chance_is_linear),
		cmocka_unit_test(the_beta_tail_equals_exact_sums_and_closed_forms),
		cmocka_unit_test(wilsons_interval_is_that_of_the_tables),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
