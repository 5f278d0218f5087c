/* Alerts when reviews of something turn negative, and when they are back to normal.
 *
 * Every scope that a review speaks of (sentiment.h) is judged by itself, pane by pane (1 h): of the n counted reviews of the window
 * (7 d) k are negative; how likely is that, when the scope's own history gives the chance p of one?
 *
 *   p0 = a / (a + b),  a = A + m0 g,  b = (B - A) + m0 (1 - g)       history shrunk towards g
 *   raise    when P(X >= k | n, a, b) < alpha (beta-binomial tail), k >= least_negative, k - n p0 >= least_excess
 *   resolve  when that tail > .1 or P(p > 1.5 p0 | window) < .5, at two evaluations in a row
 *
 * A, B -> negative, negative_base: negative and all counted reviews of the panes that have left the window, decayed (half_life); the
 * window itself is never in its own baseline. g -> negative_rate, m0 -> prior_reviews. While an alert stands, and for the panes that
 * it saw, the baseline learns nothing, or it would learn the spike. After a resolution comes a cool-down of one window in which only
 * twice the severity raises again. Severity s = w / p0 with w the lower Wilson bound of k / n: high when w >= .25 and s >=
 * 3, or w >= .5 and s >= 1.5; else medium from s >= 1.75; else low. A standing alert is sent again when its level rises or s doubles.
 *
 * Source: ALGORITHMS E ("beta-binomial shrunk, 7-d"; in its simulation .07 to .28 false alarms per 1,000 item-days, 98.5 % of the spikes of an
 * item with 5 reviews a day found, after 2.9 days). Departures: for resolving, the window's share has the weak prior Beta(2 p0,
 * 2 (1 - p0)), since the baseline's own weight would call any short spike over; the decay runs over learned panes only, so a scope
 * that nobody reviews keeps its history.
 *
 * One shopper counts once per scope and window: the user stage keeps each shopper's counted reviews (64 at most, by scope) and sends
 * none that is less than a window from one of them. Reviews without a class (no text) are not counted.
 */
#ifndef GLINT_SPIKE_H
#define GLINT_SPIKE_H

#include "processor.h"

struct spike_settings {
	int64_t window_ms, pane_ms, half_life_ms, cool_down_ms;
	double alpha;           /* 0..1 */
	int64_t least_negative; /* k, reviews */
	double least_excess;    /* k - n p0, reviews */
	double negative_rate;   /* g, 0..1 */
	double prior_reviews;   /* m0 */
};

enum spike_severity { SEVERITY_LOW,
	SEVERITY_MEDIUM,
	SEVERITY_HIGH };

/* Only while an alert stands: what readers that filter want to know. */
struct spike_model {
	uint8_t severity; /* enum spike_severity */
};

extern const struct processor spike_processor;

#endif
