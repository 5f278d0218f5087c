/* What complaints speak of that they did not speak of before: the rising words and pairs of words of negative reviews.
 *
 * User stage: the distinct words and pairs (weights.h: of one clause; Han: pairs of characters) of each review that the sentiment
 * processor calls negative, without function words and what excerpt.h takes out, 96 at most, go to `all` and the item's category. A shopper counts once for a
 * term of a scope within `long`: the user stage remembers hashes of the terms, 256 at most, and counts none that it has no room for (counted:
 * terms_remembered), so that a term's f is never more than 1 / (1 - 2^-(long / recent)) for each shopper (1.001 by default). Item stage: per term the number of
 * negative reviews that hold it, decayed with two half-lives,
 *
 *   f(t), F   with half-life `recent` (3 d):    reviews with the term, and all negative reviews, of these days
 *   s(t), S   with half-life `long` (30 d);     b(t) = s(t) - f(t), B = S - F: those of before
 *
 *   delta = ln((f + 1/2) / (F - f + 1/2)) - ln((b + 1/2) / (B - b + 1/2))       log-odds ratio, Haldane-Anscombe's halves
 *   z     = delta / sqrt(1/(f + 1/2) + 1/(F - f + 1/2) + 1/(b + 1/2) + 1/(B - b + 1/2))
 *
 * Source: Monroe, Colaresi & Quinn 2008, "Fightin' Words", Political Analysis 16:4, section 3.3 to 3.5 (there with an informative prior). A
 * term is shown when f >= `least` and z >= 1.96; with B near 0, in a shop's first days, nothing is. Decay is applied when counted and
 * read: pane by pane (1 h) from the newest pane, so that what is shown is as of the newest complaint.
 *
 * Bounded: when 2 x `terms` are kept, those with the least s are forgotten, down to `terms` (counted: terms). A term that rises is met
 * again soon. View: glint:complaints, glint:complaints:{category}.
 */
#ifndef GLINT_COMPLAINTS_H
#define GLINT_COMPLAINTS_H

#include "processor.h"
#include "weights.h"

enum { COMPLAINTS_PANE_MS = 60 * 60 * 1000,
	COMPLAINTS_REVIEW_MAX = 96,    /* terms of one review */
	COMPLAINTS_REMEMBERED = 256 }; /* of a shopper's reviews */

struct complaints_settings {
	int64_t recent_ms, long_ms; /* half-lives */
	int64_t terms, shown;
	double least;          /* f */
	struct cutter *cutter; /* scratch, made by setup */
};

/* The z of the head comment; f <= F, b <= B. */
double complaints_z(double f, double reviews, double b, double reviews_before);

extern const struct processor complaints_processor;

#endif
