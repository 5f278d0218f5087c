/* For tests that count the long way: seeded chance, and Fisher's p from its definition. */
#ifndef GLINT_TEST_EXACT_H
#define GLINT_TEST_EXACT_H

#include <stdint.h>
#include <stdio.h>

static uint64_t state_of_chance; /* not 0 */

static inline uint64_t chance(uint64_t n)
{
	state_of_chance ^= state_of_chance << 13, state_of_chance ^= state_of_chance >> 7, state_of_chance ^= state_of_chance << 17;
	return (state_of_chance >> 11) % n;
}

static inline long double choose(int n, int k)
{
	long double c = 1;
	for (int i = 1; i <= k; i++)
		c = c * (n - k + i) / i;
	return k < 0 || k > n ? 0 : c;
}

/* The chance of n_ab common baskets or more. */
static inline double chance_of(int n_ab, int n_a, int n_b, int n)
{
	long double sum = 0;
	for (int i = n_ab; i <= n_a && i <= n_b; i++)
		sum += choose(n_a, i) * choose(n - n_a, n_b - i);
	return (double)(sum / choose(n, n_b));
}

/* Options of [itemsets]: a window of so many panes; 0: for ever. */
static inline void window_options(char window[48], char pane[48], int64_t pane_ms, int64_t panes)
{
	snprintf(window, 48, "itemsets.window=%lldms", (long long)(panes * pane_ms));
	snprintf(pane, 48, "itemsets.pane=%lldms", (long long)pane_ms);
}

#endif
