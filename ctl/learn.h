/* Learns weights of words (processors/weights.h) from reviews of which it is known whether they are good: `glintctl lexicon learn`, and
 * `glintctl evaluate --folds`.
 *
 * A logistic model with the rules' sum r as prior: P(good) = 1 / (1 + exp(-m)), m = a r + s sum of w(t) over the distinct terms t, s = weights_share().
 * Minimised is
 *
 *   (1/n) sum of c(i) log(1 + exp(-+m(i))) + (L2/2) sum of w(t)^2,     c(i) = n / (2 x reviews of i's class)
 *
 * so that both classes weigh the same, whatever their shares, and 0 is the boundary. There is no intercept: a text of which nothing is known
 * scores 0. `a` is not penalised: where the words of other texts are unknown, the rules decide. Method: cyclic coordinate descent
 * with one-dimensional Newton steps in a trust region (Genkin, Lewis & Madigan 2007, "Large-scale Bayesian logistic regression for text
 * categorization", Technometrics 49:3, section 3.2). The weights are written as w / a, in the unit of the rules' valences, terms in fixed order:
 * the same reviews in the same order give the same bytes.
 *
 * L2 is strong on purpose (LEARN_L2): a tenth of it fits the shop learnt from a little better and other shops' reviews worse.
 */
#ifndef GLINT_CTL_LEARN_H
#define GLINT_CTL_LEARN_H

#include <stdint.h>
#include <stdio.h>

#include "processors/text.h"

#define LEARN_L2 0.02
enum { LEARN_LEAST = 5,                /* reviews that a term must stand in */
	LEARN_REVIEWS_MAX = 1000000 }; /* some 600 bytes each */

struct learner;

int learner_create(struct learner **ret);      /* 0 or -ENOMEM */
void learner_destroy(struct learner *learner); /* NULL allowed */

/* One review: its words, what the rules say of it (sentiment_total without weights), and whether it is good. 0, -ENOMEM, -E2BIG. */
int learner_add(struct learner *learner, struct text text, double rules, bool good);

struct learn_request {
	size_t folds, held; /* folds > 1: the reviews whose number % folds == held are left out */
	double l2;          /* > 0 */
	uint32_t least;     /* reviews that a term must stand in, >= 1 */
};

struct learn_result {
	size_t good, bad, terms; /* reviews learnt from; weights written */
	double prior;            /* a */
};

/* Writes the sections of a weights file; the head (comments, @language) is the caller's. 0; -EINVAL: reviews of one kind only; -ENOMEM, -EIO. */
int learner_fit(const struct learner *learner, const struct learn_request *request, FILE *out, struct learn_result *ret);

#endif
