/* Learnt weights: what single words, negated words and pairs of words add to the score of a text, beside the rules.
 *
 *   x = x_rules + n / (n + 3) sum of w(t) over the distinct terms t of the text,   compound = x / sqrt(x^2 + 15)   (score.h)
 *
 * n its words: a word counts for less where nothing stands beside it that would say what it is about ("not bad at all" is praise, though it has the words of a complaint).
 * Weights are in the unit of valences, so that they are read as a lexicon is: +0.4 pulls a text as far up as a word of valence 0.4.
 * They come from a logistic model, P(good) = 1 / (1 + exp(-a x)), in which the rules' own sum is the prior: a text of which no
 * weight is known scores as the rules say, exactly. `glintctl lexicon learn` makes the files (ctl/learn.h says how); this is their
 * reader, and the one cutting of texts into terms that both use. Built from bytes that the caller read, never changed afterwards.
 *
 * A word is a run of letters and digits with apostrophes inside, in lower case, or one Han character. Terms are
 *   words     every word
 *   negated   each of the 3 words behind a negation (not, never, don't, ...) of the same clause: "not warm" is negated warm
 *   pairs     two words side by side in a clause
 * A mark of punctuation ends a clause; hyphens, quotes and slashes only part words. A term counts once, however often it stands there (set of
 * words; Pang, Lee & Vaithyanathan 2002 found presence better than counts).
 *
 * The file (UTF-8, one entry a line): comments (#), `@language en`, then sections [words] [negated] [pairs] of term TAB weight. The words of a
 * pair have a space between them.
 */
#ifndef GLINT_WEIGHTS_H
#define GLINT_WEIGHTS_H

#include <stddef.h>

#include "text.h"

#define WEIGHT_MAX 20.0             /* |weight| */
#define WEIGHTS_MAX 1000000u        /* terms in one file */
enum { WEIGHTS_WORD_MAX = 48,       /* bytes of a word that are looked at */
	WEIGHTS_WORDS_MAX = 4096 }; /* words of a text that are looked at */

enum term_kind { TERM_WORD,
	TERM_NEGATED,
	TERM_PAIR,
	TERM_KINDS };

/* One term as met in a text. `word` and, for a pair, `before` are lower-cased and borrowed for the call. */
struct term {
	enum term_kind kind;
	uint64_t hash; /* of kind and words */
	struct text before, word;
};

/* The scratch memory of cutting, some 130 KiB. */
struct cutter;
int term_cutter_create(struct cutter **ret);     /* 0 or -ENOMEM */
void term_cutter_destroy(struct cutter *cutter); /* NULL allowed */

/* What the sum of a text of so many words is multiplied by. */
static inline double weights_share(uint32_t words)
{
	return words / (words + 3.);
}

/* Calls `take` for each term of the text, repeats included; returns its number of words. Allocates nothing. */
uint32_t terms_of(struct cutter *cutter, struct text text, void (*take)(void *to, const struct term *term), void *to);

struct weights;

/* Builds weights from `size` bytes, of which nothing is kept. 0 and *ret, or -EINVAL (with a sentence "line 12: ..." in error), -E2BIG, -ENOMEM. */
int weights_create(const char *bytes, size_t size, struct weights **ret, char *error, size_t error_size);
void weights_destroy(struct weights *weights); /* NULL allowed */

const char *weights_language(const struct weights *weights); /* lower case: "en" */
size_t weights_count(const struct weights *weights);

/* What the text's distinct terms add, weights_share() included. Allocates nothing; one thread at a time (it marks what was met). */
double weights_sum(struct weights *weights, struct text text);

#endif
