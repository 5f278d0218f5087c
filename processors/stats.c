#include "stats.h"

#include <math.h>
#include <stdbool.h>

static double log_gamma(double x)
{
	int sign; /* lgamma() would write a global */
	return lgamma_r(x, &sign);
}

static double log_beta(double a, double b)
{
	return log_gamma(a) + log_gamma(b) - log_gamma(a + b);
}

/* Where the terms that count are too many to be summed: the share is what the chance's beta distribution says, or, when that is narrow, the number is normal. */
static double betabinomial_limit(double k, double n, double a, double b, double deviation)
{
	enum { NARROW = 1000 };
	return a < NARROW || b < NARROW ? beta_tail((k - .5) / n, a, b) : .5 * erfc((k - .5 - n * a / (a + b)) / (deviation * sqrt(2)));
}

double betabinomial_tail(int64_t k, int64_t n, double a, double b)
{
	enum { MANY = 1000000,
		WIDE = 50000 };
	if (k <= 0)
		return 1;
	if (k > n)
		return 0;
	double trials = (double)n;
	double deviation = sqrt(trials * a / (a + b) * b / (a + b) * (a + b + trials) / (a + b + 1));
	if (n > MANY && deviation > WIDE)
		return betabinomial_limit((double)k, trials, a, b, deviation);
	int64_t start = (int64_t)(trials * a / (a + b));
	if (start < k)
		start = k;
	double x = (double)start;
	double at_start = exp(log_gamma(trials + 1) - log_gamma(x + 1) - log_gamma(trials - x + 1) + log_beta(x + a, trials - x + b) - log_beta(a, b));
	double sum = at_start, term = at_start;
	for (int64_t i = start; i < n && term > sum * 1e-18; i++) {
		x = (double)i;
		term *= (trials - x) * (a + x) / ((x + 1) * (b + trials - x - 1));
		sum += term;
	}
	term = at_start;
	for (int64_t i = start; i > k && term > sum * 1e-18; i--) {
		x = (double)(i - 1);
		term *= (x + 1) * (b + trials - x - 1) / ((trials - x) * (a + x));
		sum += term;
	}
	return sum < 1 ? sum : 1;
}

/* The continued fraction of I_x(a, b) without its front factor, by Lentz's method; converges fast for x < (a + 1) / (a + b + 2). */
static double beta_fraction(double x, double a, double b)
{
	const double tiny = 1e-300;
	double c = 1, d = 1 - (a + b) * x / (a + 1);
	d = 1 / (fabs(d) < tiny ? tiny : d);
	double f = d;
	for (int m = 1; m < 10000; m++) {
		double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
		double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
		double change = 1;
		for (int half = 0; half < 2; half++) {
			double coefficient = half ? odd : even;
			d = 1 + coefficient * d;
			c = 1 + coefficient / c;
			d = 1 / (fabs(d) < tiny ? tiny : d);
			c = fabs(c) < tiny ? tiny : c;
			change = c * d;
			f *= change;
		}
		if (fabs(change - 1) < 1e-15)
			break;
	}
	return f;
}

double beta_tail(double x, double a, double b)
{
	if (x <= 0)
		return 1;
	if (x >= 1)
		return 0;
	double front = exp(a * log(x) + b * log1p(-x) - log_beta(a, b));
	if (x < (a + 1) / (a + b + 2))
		return 1 - front * beta_fraction(x, a, b) / a;
	return front * beta_fraction(1 - x, b, a) / b;
}

static double wilson(int64_t k, int64_t n, bool high)
{
	const double z = 1.959963984540054;
	if (n <= 0)
		return high;
	k = k < 0 ? 0 : k > n ? n
			      : k;
	if (k == (high ? n : 0))
		return high; /* exactly */
	double count = (double)n, share = (double)k / count, z2 = z * z / count;
	double half = z * sqrt(share * (1 - share) / count + z2 / (4 * count));
	double bound = (share + z2 / 2 + (high ? half : -half)) / (1 + z2);
	return bound < 0 ? 0 : bound > 1 ? 1
					 : bound;
}

double wilson_low(int64_t k, int64_t n)
{
	return wilson(k, n, false);
}

double wilson_high(int64_t k, int64_t n)
{
	return wilson(k, n, true);
}
