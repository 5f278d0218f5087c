/* Purchase intent: the chance that an order follows in the running session, and that anything follows.
 *
 *   intent.c          the processor: moments drawn from sessions, deltas, rows, model rows, the shopper's view
 *   intent_session.c  what is remembered of a session, and the features of a moment of it
 *   intent_learn.c    the logistic models
 *
 * A session is that of CONTRACTS "What is counted"; an order within `session_gap` of it belongs to it, too, and goes on with it; one without a session
 * begins one. A moment is the state after a counted click or an order. Two targets: INTENT_ORDER, an order follows in the session; INTENT_STAY, a
 * counted click or an order follows in it.
 *
 * Learning. Logistic regression by stochastic gradients with a rate for each coordinate (AdaGrad: Duchi, Hazan & Singer, JMLR 2011; bounded below, so
 * that it follows a shop that changes):
 *
 *   p = 1 / (1 + exp(-w x)),   w_i -= .15 g_i / sqrt(1 + n_i),   n_i = min(n_i + g_i^2, 10^4)
 *
 * Nobody knows when a session ends without an order until much later, or ever; so a moment is learnt at once as one that nothing follows, g = p x, and
 * what follows takes that back and learns the rest, g = -x: together (p - y) x, the gradient of the log loss, each part in its time. One click in
 * `learn_every` is such a moment (by hash: the same ones in every run), and every order. Of `all`: the weights, learnt from lists of deltas, so in the order
 * of the log; the model row carries them. Published (glint:user:ID: intent, stay, and intent_until, the end of the gap, ms) once `learn_from` of the learnt moments were followed by an order.
 */
#ifndef GLINT_INTENT_H
#define GLINT_INTENT_H

#include "processor.h"

enum intent_target { INTENT_ORDER,
	INTENT_STAY,
	INTENT_TARGETS };

enum { INTENT_FEATURES = 26,
	INTENT_MOMENTS = 4 }; /* of a session that wait for an order */

struct intent_settings {
	int64_t session_gap_ms;
	int64_t learn_every; /* clicks; 0: off */
	int64_t learn_from;  /* moments that an order followed */
};

/* Numbers stop at their type's maximum. */
struct intent_user {
	int64_t greatest_ts;
	uint64_t session_id;                                                     /* XXH3; 0: none so far */
	uint64_t seen;                                                           /* items of the session, a bit for each by hash */
	uint32_t length_s, pace_s, dwell_s;                                      /* of the session; between its last two clicks; dwell told by its clicks */
	uint32_t away_s;                                                         /* from the session before; 0: there was none */
	uint32_t ordered_s;                                                      /* since 1970: the greatest of the orders; 0: none */
	uint16_t clicks, orders, sessions;                                       /* of the session; of the shopper: orders, sessions before this one */
	uint8_t carts, removed, wishes, searches, repeats, recommended, ordered; /* of the session */
	uint8_t lines, value;                                                    /* log2 of the last order's, as features have it */
	uint8_t last;                                                            /* enum click_action of the last click; ACTIONS: an order */
	uint8_t n_moments;
	bool open, awaits;                   /* awaits: the newest moment is open for INTENT_STAY */
	uint8_t (*moments)[INTENT_FEATURES]; /* INTENT_MOMENTS or NULL */
};

/* What an event is to the session. */
struct intent_step {
	bool began, moment, order; /* a session began with it; it is a moment; an order */
};

/* The event into the session; moments are left as they are. */
struct intent_step intent_take(const struct intent_settings *s, struct intent_user *u, const struct event *e);
bool intent_goes_on(const struct intent_settings *s, const struct intent_user *u, int64_t ts, uint64_t session_id);
/* Of the moment after the last event taken. price_band: of the item looked at (struct catalogue_item). */
void intent_features(const struct intent_user *u, uint8_t price_band, uint8_t ret[INTENT_FEATURES]);

struct intent_weights {
	double w[INTENT_TARGETS][INTENT_FEATURES], n[INTENT_TARGETS][INTENT_FEATURES];
	int64_t moments[INTENT_TARGETS], followed[INTENT_TARGETS];
};

struct intent_item { /* of `all` */
	struct intent_weights weights;
	bool started;
};

struct intent_model {
	float w[INTENT_TARGETS][INTENT_FEATURES];
	int64_t moments[INTENT_TARGETS], followed[INTENT_TARGETS];
};

void intent_start(struct intent_weights *w); /* knows nothing: an order is rare, another click is not */
/* A moment as one that nothing follows, or (followed) what followed a moment that was learnt. */
void intent_learn(struct intent_weights *w, enum intent_target t, const uint8_t x[INTENT_FEATURES], bool followed);
double intent_chance(const float w[INTENT_FEATURES], const uint8_t x[INTENT_FEATURES]); /* 0..1 */

extern const struct processor intent_processor;

#endif
