/* The few distributions that judging a share of negative reviews needs. Pure functions of doubles; no state.
 *
 * Sources: beta-binomial distribution, Johnson, Kemp & Kotz, "Univariate Discrete Distributions" (3rd ed.), section 6.2.2; the
 * incomplete beta function's continued fraction, NIST DLMF 8.17.22; score interval, E. B. Wilson, JASA 22 (1927), pp. 209-212.
 */
#ifndef GLINT_STATS_H
#define GLINT_STATS_H

#include <stdint.h>

/* P(X >= k), X beta-binomial: n trials whose chance is Beta(a, b).
 *
 *   P(X = i) = C(n, i) B(i + a, n - i + b) / B(a, b)
 *
 * One term comes from lgamma, the others from the ratio P(i+1)/P(i) = (n-i)(a+i) / ((i+1)(b+n-i-1)), outward from the larger of k and
 * the mean, so that no start underflows. a, b > 0. k <= 0 gives 1, k > n gives 0. Relative error < 1e-8 for a + b + n < 1e6, < 1e-11 below 1,000
 * (test_stats). Cost: O(n) simple steps at most, far fewer in a tail; of more than a million trials with a deviation above 50,000 it is told
 * by the limits of the distribution, some per cent off down to 1e-4. */
double betabinomial_tail(int64_t k, int64_t n, double a, double b);

/* P(p > x), p ~ Beta(a, b), a, b > 0: 1 - I_x(a, b). Absolute error < 1e-12. */
double beta_tail(double x, double a, double b);

/* Wilson's score interval of a share k of n at two-sided 95 % (z = 1.959964). n <= 0 gives 0 and 1; k below 0 counts as 0, above n as n. */
double wilson_low(int64_t k, int64_t n);
double wilson_high(int64_t k, int64_t n);

#endif
