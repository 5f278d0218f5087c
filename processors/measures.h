/* Measures of a rule a -> b from exact counts: n_ab baskets hold both, n_a and n_b hold one, N baskets in all.
 *
 * support = n_ab / N, confidence = n_ab / n_a, lift = N n_ab / (n_a n_b), leverage = n_ab / N - n_a n_b / N^2,
 * conviction = (1 - n_b / N) / (1 - confidence) (infinite at confidence 1): the standard definitions, as the arules and ELKI manuals
 * give them. What has no value (a count of 0 below) is NAN. Support and confidence alone do not justify a bundle, lift is a poor
 * order to show things in (a rare item's is greatest): rank with `nearness` or `shrunk_confidence`, and ask lift > 1 and a small
 * `fisher`.
 */
#ifndef GLINT_MEASURES_H
#define GLINT_MEASURES_H

#include <math.h>
#include <stdbool.h>

#define NEARNESS_PRIOR 20.0   /* baskets added to both items */
#define CONFIDENCE_PRIOR 10.0 /* baskets with a and without b that are assumed beforehand */

static inline double measure_support(double n_ab, double n)
{
	return n > 0 ? n_ab / n : NAN;
}

static inline double measure_confidence(double n_ab, double n_a)
{
	return n_a > 0 ? n_ab / n_a : NAN;
}

static inline double measure_lift(double n_ab, double n_a, double n_b, double n)
{
	return n_a > 0 && n_b > 0 ? n_ab / n_a * n / n_b : NAN;
}

static inline double measure_leverage(double n_ab, double n_a, double n_b, double n)
{
	return n > 0 ? n_ab / n - n_a / n * (n_b / n) : NAN;
}

static inline double measure_conviction(double n_ab, double n_a, double n_b, double n)
{
	if (!(n > 0 && n_a > 0))
		return NAN;
	return n_ab < n_a ? (1 - n_b / n) / (1 - n_ab / n_a) : INFINITY;
}

/* 0..1: the cosine with a prior, so that one common basket of two rare items is not the nearest of all (item-kNN, alpha = 1/2). */
static inline double measure_nearness(double n_ab, double n_a, double n_b)
{
	return n_ab / sqrt((n_a + NEARNESS_PRIOR) * (n_b + NEARNESS_PRIOR));
}

static inline double measure_shrunk_confidence(double n_ab, double n_a)
{
	return n_ab / (n_a + CONFIDENCE_PRIOR);
}

/* Fisher's exact test, one-sided: the chance of n_ab common baskets or more if a and b had nothing to do with each other.
 *
 *   p = sum over i >= n_ab of C(n_a, i) C(N - n_a, n_b - i) / C(N, n_b)
 *
 * One term comes from lgamma, the others from their ratio. Relative error < 1e-7 for N < 1e7 (test_measures). NAN where the counts are
 * impossible. Cost: a microsecond in a tail, O(min(n_a, n_b)) steps at most. */
double measure_fisher(double n_ab, double n_a, double n_b, double n);

/* Is Chernoff's bound of Fisher's p below p, for what is drawn without putting back (Hoeffding, JASA 58 (1963), section 6)? With m = n_a n_b / N,
 * P(X >= k) <= exp(-m) (e m / k)^k for k > m. least is -log(p), > 0. False where lift <= 1, or n is 0. True means that p is below, but by rounding.
 * Cost: a logarithm, and nothing but products for what is far from it. */
bool measure_bound_below(double n_ab, double n_a, double n_b, double n, double least);

#define RELATED_P 0.01 /* `p` of what may be offered as belonging together, by default */

/* Are a and b together more often than chance explains: lift > 1 and Fisher's p < `p`? A pair that is frequent only because both of its items
 * are is not. `p` >= 1: nothing is asked, true. Cost: some ten nanoseconds in the clear cases. */
bool measure_related(double n_ab, double n_a, double n_b, double n, double p);

#endif
