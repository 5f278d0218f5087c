/* Alerts when a campaign's figures leave what the same hours of earlier days lead one to expect, or when its traffic, or that of an input, stops.
 *
 * Judged at the end of each pane (15 min), over several windows, by figure:
 *
 *   campaign_ctr      k = clicks             of n = impressions     up or down
 *   campaign_cvr      k = attributed orders  of n = clicks          up or down
 *   campaign_revenue  k = revenue of the campaign's main currency   up or down (per pane the greater of direct and attributed)
 *   campaign_silence  k = impressions, clicks and carts             k = 0
 *   input_silence     k = records of one input topic, key `all`     k = 0
 *
 *   mu = sum over the window's panes of e(pane) lambda(hour of the pane), e = n of the pane, or its length
 *   lambda(h) = (K_h + 5) / (N_h + 5 / lambda)    with n: shrunk to the figure's rate at all hours, lambda, with the weight of 5 events
 *   lambda(h) = K_h / N_h                         by time: nights are nights
 *   X ~ negative binomial, mean mu / phi, 1 / r = spread^2 + phi / K; raise when P(X <= k / phi) or P(X >= k / phi) < alpha_w,
 *   alpha_w = alpha max(w / longest, 1/32), and |k - mu| >= 3 phi;
 *   revenue is up only where mu >= 10 phi
 *
 * K_h, N_h -> hours[]: what has left the longest window, decayed (watch_half_life, a day at a time); a window is never in its own history. spread: how
 * much a rate, or an amount, differs between days in the ordinary course. phi: dispersion, sum (x - mu)^2 / sum mu over the panes learnt, 1 at least (of revenue: about an order's
 * amount). While an alert stands nothing is learnt, and the panes that it saw are neither learnt nor judged again. Nothing is judged before
 * watch_days days are learnt. What is ahead of the watermark waits for it, so that a history that comes at once is judged as pane by pane; where there is no room
 * for more (WATCH_ROWS_MAX) it is dropped, and the panes of which something was are left out.
 *
 * Resolved at the second evaluation in a row that finds, in the shortest window as long as the one that raised or in a longer one that holds nothing of before:
 * the tail of the side that raised is > .1, and the count is 20 times likelier with mu than with mu factor^(+-1/2), half way to what raised:
 *
 *   (k' + r) ln((r + mu' g) / (r + mu')) - k' ln g > ln 20    k' = k / phi, mu' = mu / phi, r = K / phi, g = factor^(1/2) of a rise, factor^(-1/2) of a fall
 *
 * so that few events, as by night, tell nothing; of a silence, when there is traffic. Then a cool-down, in which only twice the factor raises. What has stood for watch_accept is how things are: it is
 * resolved, and history begins anew (of a silence: with the next event; inputs excepted). So it does after as long without traffic that no alert told of. Severity by the factor between k and mu: high from 4, medium from 2; silence of
 * a campaign is medium, of an input high.
 *
 * Source: ALGORITHMS E1 (gamma-Poisson tail) and E2 (hysteresis); quasi-Poisson dispersion, McCullagh & Nelder, "Generalized Linear Models", 4.5, 6.2.
 * Called by campaign.c: counts as deltas come, work at the ends of panes only. Cost: some microseconds a campaign and pane.
 */
#ifndef GLINT_WATCH_H
#define GLINT_WATCH_H

#include "alert.h"
#include "ledger.h"

enum { WATCH_PANE_MS = 15 * 60000,
	WATCH_PANES_DAY = 96,
	WATCH_PANES_HOUR = 4,
	WATCH_WINDOWS_MAX = 16,
	WATCH_SPAN_MAX = 7 * WATCH_PANES_DAY,
	WATCH_SERIES = 5,
	WATCH_FIGURES = 4,
	WATCH_ROWS_MAX = 1 << 16 }; /* 2.6 MB: of `all` 682 days, of a campaign with one currency 341 */

struct watch_settings {
	char *windows;
	double alpha; /* 0: off */
	double spread_rates, spread_amounts;
	int64_t half_life_ms, days, cool_down_ms, accept_ms;
	int n_spans; /* from the above, by watch_setup: panes, rising */
	int64_t spans[WATCH_WINDOWS_MAX];
	double alphas[WATCH_WINDOWS_MAX];
};

struct watch_figure {
	double s, m;          /* sums of (x - mu)^2 and of mu over learnt panes, decayed */
	double factor;        /* of the alert as last sent */
	int64_t frozen, cool; /* panes: judged from; no cool-down from */
	int64_t raised_pane, raised_span;
	uint8_t raised, up, level, calm;
};

struct watch {
	struct ledger panes; /* the longest window, and what is ahead of the watermark; at most WATCH_ROWS_MAX */
	struct watch_hour {
		double hours, x[WATCH_SERIES];
	} hours[24];
	struct watch_figure figures[WATCH_FIGURES];
	int64_t judged;         /* panes below it are over */
	int64_t next;           /* the first pane that is not learnt yet, nor left out */
	int64_t learnt;         /* panes, since the last new beginning */
	int64_t seen;           /* greatest pane with traffic below judged */
	int64_t lost, lost_end; /* panes of which something was dropped, and all between them: neither judged nor learnt */
	symbol_t currency;
	bool on, inputs; /* watching; the key `all` */
	/* not saved, found again: */
	uint8_t some;   /* bits of the series of which hours[] has anything */
	int64_t calm;   /* of inputs: before this pane no silence can be */
	int64_t coming; /* there is no row from `judged` to before it */
};

/* After the options were filled. 0 or -EINVAL with a sentence. */
int watch_setup(struct watch_settings *s, char *error, size_t error_size);

/* Judges every pane that is over by ctx->watermark: before a delta is counted, and when due. */
void watch_advance(const struct watch_settings *s, struct watch *w, struct item_ctx *ctx);
/* One delta's figures; column as in ledger.h; currency 0: none. `all`: column = 0 clicks, 1 purchases, 2 reviews. False: dropped, its pane being learnt already, or
 * WATCH_ROWS_MAX rows ahead of the watermark (then the alerts leave out its pane). */
bool watch_count(const struct watch_settings *s, struct watch *w, struct item_ctx *ctx, int64_t ts, symbol_t currency, int column, int64_t amount);
int64_t watch_due_at(const struct watch *w); /* INT64_MAX: never */

void watch_save(const struct watch *w, const struct symbols *symbols, struct buf *to);
/* version: 1 is without `lost`. */
int watch_load(struct watch *w, uint16_t version, struct reader *from, struct symbols *symbols, struct pool *pool); /* 0 or -EBADMSG */
void watch_done(struct watch *w, struct pool *pool);
void watch_mark(const struct watch *w, struct symbols *symbols);

/* ---- watch_alert.c ---- */

enum watch_kind { WATCH_CTR,
	WATCH_CVR,
	WATCH_REVENUE,
	WATCH_SILENCE,
	WATCH_INPUT };

struct watch_evidence {
	double k, n, mu, p_value, factor;
	double days; /* learnt */
};

struct watch_transition {
	enum watch_kind kind;
	int input; /* WATCH_INPUT: 0 clicks, 1 purchases, 2 reviews */
	bool raised, up, accepted;
	uint8_t level;
	int64_t raised_pane, pane, span;
	symbol_t currency;
	struct watch_evidence evidence;
};

void watch_alert(struct item_ctx *ctx, const struct watch_transition *t);

#endif
