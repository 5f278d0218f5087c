/* Holt-Winters; see holt_winters.h. */
#include "holt_winters.h"

#include <math.h>

static void step(const struct hw_rule *r, struct hw *h, uint64_t t, double y)
{
	double *s = &h->season[t % r->season], before = h->level, error = y - (h->level + h->trend + *s);
	uint64_t errors = t - r->season; /* before this one */
	h->level = r->alpha * (y - *s) + (1 - r->alpha) * (h->level + h->trend);
	h->trend = r->beta * (h->level - before) + (1 - r->beta) * h->trend;
	*s = r->gamma * (y - h->level) + (1 - r->gamma) * *s;
	h->error_sum += error * error;
	double weight = 1 / (double)(errors + 1);
	h->mse += (weight > HW_ERROR ? weight : HW_ERROR) * (error * error - h->mse);
}

static void start(const struct hw_rule *r, struct hw *h)
{
	uint32_t p = r->season;
	double second[HW_SEASON_MAX], mean = 0, rise = 0;
	for (uint32_t i = 0; i < p; i++) {
		second[i] = h->season[p + i];
		mean += h->season[i] / p;
		rise += (second[i] - h->season[i]) / p / p;
	}
	h->level = mean;
	h->trend = rise;
	for (uint32_t i = 0; i < p; i++) {
		h->season[i] -= mean;
		h->season[p + i] = 0;
	}
	for (uint32_t i = 0; i < p; i++)
		step(r, h, p + i, second[i]);
}

void hw_push(const struct hw_rule *r, struct hw *h, double y)
{
	if (h->n < 2 * r->season) {
		h->season[h->n++] = y;
		if (h->n == 2 * r->season)
			start(r, h);
		return;
	}
	step(r, h, h->n++, y);
}

double hw_forecast(const struct hw_rule *r, const struct hw *h, uint32_t steps, double *ret_deviation)
{
	if (ret_deviation) {
		double sum = 1;
		for (uint32_t j = 1; j < steps; j++) {
			double psi = r->alpha * (1 + j * r->beta) + (j % r->season ? 0 : r->gamma * (1 - r->alpha));
			sum += psi * psi;
		}
		*ret_deviation = sqrt(h->mse * sum);
	}
	return h->level + steps * h->trend + h->season[(h->n + (steps - 1) % r->season) % r->season];
}
