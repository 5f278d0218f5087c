/* See measures.h. */
#include "measures.h"

/* Of a count. Stirling's series (Abramowitz & Stegun 6.1.41), to 1e-11 from 8 on: a third of what lgamma_r() takes. */
static double log_factorial(double n)
{
	static const double of_few[] = { 0, 0, 0.69314718055994531, 1.7917594692280550, 3.1780538303479456, 4.7874917427820460, 6.5792512120101010, 8.5251613610654143 };
	if (n < 8)
		return of_few[(int)n];
	double x = n + 1, y = 1 / x, z = y * y;
	return (x - .5) * log(x) - x + 0.91893853320467274 + y * (1. / 12 - z * (1. / 360 - z * (1. / 1260 - z / 1680)));
}

static double log_choose(double n, double k)
{
	return log_factorial(n) - log_factorial(k) - log_factorial(n - k);
}

double measure_fisher(double n_ab, double n_a, double n_b, double n)
{
	double least = n_a + n_b > n ? n_a + n_b - n : 0, most = n_a < n_b ? n_a : n_b;
	if (!(n > 0 && n_a >= 0 && n_b >= 0 && n_a <= n && n_b <= n && n_ab >= 0 && n_ab <= most))
		return NAN;
	if (n_ab <= least)
		return 1;
	double start = floor(n_a * n_b / n); /* no start underflows, as one far out in the other tail would */
	if (start < n_ab)
		start = n_ab;
	double at_start = exp(log_choose(n_a, start) + log_choose(n - n_a, n_b - start) - log_choose(n, n_b));
	double sum = at_start, term = at_start;
	for (double i = start; i < most && term > sum * 1e-18; i++) {
		term *= (n_a - i) * (n_b - i) / ((i + 1) * (n - n_a - n_b + i + 1));
		sum += term;
	}
	term = at_start;
	for (double i = start; i > n_ab && term > sum * 1e-18; i--) {
		term *= i * (n - n_a - n_b + i) / ((n_a - i + 1) * (n_b - i + 1));
		sum += term;
	}
	return sum < 1 ? sum : 1;
}

bool measure_bound_below(double n_ab, double n_a, double n_b, double n, double least)
{
	double mean = n_a / n * n_b, more = n_ab - mean;
	if (!(n_ab * n > n_a * n_b) || more * more < mean * least) /* k ln(k / m) <= k (k - m) / m: no logarithm can make up for it */
		return false;
	return n_ab * log(n_ab / mean) - more > least;
}

bool measure_related(double n_ab, double n_a, double n_b, double n, double p)
{
	if (p >= 1)
		return true;
	if (!(n_ab * n > n_a * n_b))
		return false;
	return measure_bound_below(n_ab, n_a, n_b, n, -log(p)) || measure_fisher(n_ab, n_a, n_b, n) < p;
}
