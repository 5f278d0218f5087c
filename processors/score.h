/* What every sentiment scorer gives back, and the arithmetic from summed valences to a score.
 *
 * compound = x / sqrt(x^2 + 15), x the sum of the text's valences with emphasis and of learnt weights (weights.h); pos, neu and neg are the shares of the text's
 * words that pull each way (they add up to 1, or are all 0 for a text without words). Source: Hutto & Gilbert, "VADER: A
 * Parsimonious Rule-based Model for Sentiment Analysis of Social Media Text", ICWSM 2014, and its reference implementation
 * (vaderSentiment 3.3.2), whose rounding is kept: correctly rounded decimals, halves to even. One squashing for all languages, so that
 * one threshold serves them.
 */
#ifndef GLINT_SCORE_H
#define GLINT_SCORE_H

#include <stdint.h>

#define SENTIMENT_TEXT_MAX 32768 /* bytes of one text that are scored; the rest is not read (cut between two characters) */
#define SENTIMENT_THRESHOLD 0.05 /* |compound| from which a text is positive or negative */

struct sentiment_score {
	double compound;      /* -1..1, four decimals */
	double pos, neu, neg; /* 0..1, three decimals */
};

enum sentiment_class { SENTIMENT_NEGATIVE,
	SENTIMENT_NEUTRAL,
	SENTIMENT_POSITIVE,
	SENTIMENT_CLASSES };

/* Before squashing. Sums of two passes over one text (a mixed text) may be added field by field. */
struct sentiment_sums {
	double sum;       /* all valences */
	double pos, neg;  /* sum of v + 1 over v > 0; sum of v - 1 over v < 0 (so neg <= 0) */
	double emphasis;  /* >= 0: for ! and ?, added to the size of what prevails */
	double learnt;    /* what learnt weights add to the sum: weights.h */
	uint32_t neutral; /* words of valence 0 */
	uint32_t words;   /* all words */
};

static inline enum sentiment_class sentiment_class_of(double compound)
{
	return compound >= SENTIMENT_THRESHOLD     ? SENTIMENT_POSITIVE
		: compound <= -SENTIMENT_THRESHOLD ? SENTIMENT_NEGATIVE
						   : SENTIMENT_NEUTRAL;
}

void sentiment_sums_add(struct sentiment_sums *sums, double valence); /* one word */
double sentiment_emphasis(uint32_t exclamations, uint32_t questions); /* the amount for so many ! and ? */
double sentiment_total(const struct sentiment_sums *sums);            /* x: the sum with emphasis, and what was learnt */
double sentiment_squash(double x);                                    /* the compound of x */
struct sentiment_score sentiment_score_of(const struct sentiment_sums *sums);

#endif
