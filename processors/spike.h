/* Alerts when reviews of something turn negative, and when they are back to normal.
 *
 * Every scope that a review speaks of (sentiment.h) is judged by itself, at the end of each pane (15 min) in which something came: of the n
 * counted reviews of a window k are negative; how likely is that, when the scope's own history gives the chance p of one? Several
 * windows are judged, from 2 hours to 14 days: the short ones find early what is loud, the long ones what is faint.
 *
 *   p0 = a / (a + b),  a = A + m0 g,  b = (B - A) + m0 (1 - g)       history shrunk towards g
 *   raise    when P(X >= k | n, a, b) < alpha_w (beta-binomial tail), k >= least_negative, k - n p0 >= least_excess
 *            alpha_w = alpha max(w / longest window, 1/32): each length has about the same share of the false alarms
 *   or       when the drift S >= h, its run is longer than every window, and the run's own tail < alpha / 4:
 *            S <- max(0, S + k ln(p1/p0) + (n - k) ln((1 - p1)/(1 - p0))),  p1 = max(drift_ratio p0, p0 + drift_step)
 *            (Bernoulli CUSUM; p0 by the history as it was when S last was 0, so that a slow rise does not become its own measure)
 *   resolve  when that tail > .1 or P(p > 1.5 p0 | window) < .5, at two evaluations in a row, in the shortest window that is as long as the one that
 *            raised, a day at least, and holds 10 reviews; where none does, in the longest
 *
 * A, B -> negative, baseline_n: negative and all counted reviews of the panes that have left the longest window, decayed (half_life); a window is
 * never in its own baseline. g -> negative_rate, m0 -> prior_reviews, h -> drift_threshold. While an alert stands the baseline learns nothing, or it would learn
 * the spike (unless it has stood for a half_life: then that is how things are), and the panes that it saw are neither learned nor judged again. After it comes a
 * cool-down in which only twice the severity raises again. Severity s = w / p0 with w the lower Wilson bound of k / n: high when w >= .25
 * and s >= 3, or w >= .5 and s >= 1.5; else medium from s >= 1.75; else low. A standing alert is sent again when its level rises or s doubles.
 *
 * Small items are rolled up: each review counts for its category, brand and campaign too, where what is too thin by itself adds up.
 *
 * Source: ALGORITHMS E (beta-binomial with shrinkage, lag and freeze; Bernoulli CUSUM). What it achieves: bench/bench_spike.c and docs/models.md. Departures: for
 * resolving, the window's share has the weak prior Beta(2 p0, 2 (1 - p0)), since the baseline's own weight would call any short spike
 * over; the decay runs over learned panes only, so a scope that nobody reviews keeps its history.
 *
 * One shopper counts once per scope and (longest) window: the user stage keeps each shopper's counted reviews (64 at most, by scope) and sends
 * none that is less than a window from one of them. Reviews without a class (no text) are not counted.
 */
#ifndef GLINT_SPIKE_H
#define GLINT_SPIKE_H

#include "alert.h"

enum { SPIKE_WINDOWS_MAX = 16,
	SPIKE_PANES_MAX = 2016 };

struct spike_settings {
	int64_t window_ms, pane_ms, half_life_ms, cool_down_ms;
	char *windows;
	double alpha;                                    /* 0..1 */
	double drift_threshold, drift_ratio, drift_step; /* nats, 0: off; of p0; of p */
	int64_t least_negative;                          /* k, reviews */
	double least_excess;                             /* k - n p0, reviews */
	double negative_rate;                            /* g, 0..1 */
	double prior_reviews;                            /* m0 */
	/* from the above, by setup: windows in panes, rising; the longest is the last */
	int n_spans;
	int64_t spans[SPIKE_WINDOWS_MAX];
	double alphas[SPIKE_WINDOWS_MAX];
};

/* Only while an alert stands: what readers that filter want to know. */
struct spike_model {
	uint8_t severity; /* enum alert_severity */
};

extern const struct processor spike_processor;

#endif
