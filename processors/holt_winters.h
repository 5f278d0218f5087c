/* Additive Holt-Winters smoothing: level, trend and a season of fixed length.
 *
 *   a_t = alpha (y - s_{t-p}) + (1 - alpha) (a + b)     b_t = beta (a_t - a) + (1 - beta) b     s_t = gamma (y - a_t) + (1 - gamma) s_{t-p}
 *   forecast of step h: a + h b + s_{t-p+1+(h-1) mod p}
 *
 * (Holt 1957; Winters, Management Science 6 (1960); as R's stats::HoltWinters). Starts from the first season: a = its mean, b = mean of (y_{p+i} - y_i) / p, s_i =
 * y_i - a, then runs from the second one. The interval of step h is +- z sigma sqrt(1 + sum_{j<h} psi_j^2), psi_j = alpha (1 + j beta) + gamma
 * (1 - alpha) [p divides j] (as R's predict.HoltWinters), sigma^2 = decayed mean of squared one-step errors (weight HW_ERROR of the
 * newest; plain mean of the first 1 / HW_ERROR). Pure; used by forecast.c; test_forecast holds the published figures.
 */
#ifndef GLINT_HOLT_WINTERS_H
#define GLINT_HOLT_WINTERS_H

#include <stdint.h>

enum { HW_SEASON_MAX = 24 };
#define HW_ERROR 0.05

struct hw_rule {
	double alpha, beta, gamma; /* 0..1 */
	uint32_t season;           /* p, 2..HW_SEASON_MAX */
};

struct hw {
	uint64_t n;       /* values seen; forecasts from 2 p on */
	double level, trend;
	double season[2 * HW_SEASON_MAX]; /* until n == 2 p: the values; then p of them, by n mod p */
	double error_sum; /* of all squared one-step errors (SSE) */
	double mse;       /* decayed */
};

void hw_push(const struct hw_rule *r, struct hw *h, double y);
/* step >= 1, h->n >= 2 p. *ret_deviation: standard deviation of the forecast's error; NULL allowed. O(step). */
double hw_forecast(const struct hw_rule *r, const struct hw *h, uint32_t step, double *ret_deviation);

#endif
