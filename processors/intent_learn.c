/* The logistic models of purchase intent; see intent.h. */
#include <math.h>

#include "intent.h"

static const double rate = .15, sum_most = 1e4, unit = 1. / 16;

void intent_start(struct intent_weights *w)
{
	*w = (struct intent_weights){ .w = { [INTENT_ORDER] = { -3 }, [INTENT_STAY] = { 1 } } };
}

static double chance(double sum)
{
	return 1 / (1 + exp(-sum));
}

void intent_learn(struct intent_weights *w, enum intent_target t, const uint8_t x[INTENT_FEATURES], bool followed)
{
	double sum = 0, step = -1;
	for (int i = 0; i < INTENT_FEATURES && !followed; i++)
		sum += w->w[t][i] * x[i] * unit;
	if (!followed)
		step = chance(sum);
	for (int i = 0; i < INTENT_FEATURES; i++) {
		double g = step * x[i] * unit;
		if (g == 0)
			continue;
		w->n[t][i] = fmin(w->n[t][i] + g * g, sum_most);
		w->w[t][i] -= rate * g / sqrt(1 + w->n[t][i]);
	}
	if (followed)
		w->followed[t]++;
	else
		w->moments[t]++;
}

double intent_chance(const float w[INTENT_FEATURES], const uint8_t x[INTENT_FEATURES])
{
	double sum = 0;
	for (int i = 0; i < INTENT_FEATURES; i++)
		sum += (double)w[i] * x[i] * unit;
	return chance(sum);
}
