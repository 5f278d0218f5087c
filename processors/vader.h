/* VADER's rules for languages that put spaces between words, over any lexicon of rules `vader`.
 *
 * Negation, boosters, capitals, punctuation, "but", "least", "no", idioms, "kind of" and emoji exactly as vaderSentiment 3.3.2
 * (Hutto & Gilbert, ICWSM 2014), oddities included, so that with VADER's imported lexicon every score equals the original's to
 * four decimals (tests/sentiment/vader_differential.py):
 *   - idioms are only looked at around the fourth word and later (they need three words before);
 *   - "so" or "this" right before a word counts as "never so", two words before the negation is looked for;
 *   - "but" halves what comes before and raises by half what comes after, finding each value by its first equal
 *     (words beyond the 2,048th change their own value: the one departure, so that time stays linear).
 * Added, for lexicons with [phrases], as none of VADER's has: phrases are taken together as one word before the rules run; ’ is read as ' and other typographic
 * marks as a space; a mark between letters parts words ("fit.Bad"); marks at the ends of words of one or two letters are stripped, too ("ok."), unless the lexicon knows the
 * whole (":)"); an unknown word with a letter three times in a row is looked for with fewer ("looove"). And an emoji may have a valence of its own, in any lexicon.
 * Chinese is zh.h; scorer.h chooses.
 */
#ifndef GLINT_VADER_H
#define GLINT_VADER_H

#include "lexicon.h"
#include "score.h"

struct vader; /* the scratch memory of one scorer: some 1 MiB of address space, touched as texts need it. One thread at a time */

int vader_create(struct vader **ret);    /* 0 or -ENOMEM */
void vader_destroy(struct vader *vader); /* NULL allowed */

/* Sums of one text (UTF-8; a byte that is not is taken as a character of its own). At most SENTIMENT_TEXT_MAX bytes, counted after
 * emoji are replaced, are read. `emoji`: the lexicon whose [emoji] are used; NULL: those of `lexicon`. Allocates nothing. */
struct sentiment_sums vader_sums(struct vader *vader, const struct lexicon *lexicon, const struct lexicon *emoji, struct text text);

struct sentiment_score vader_score(struct vader *vader, const struct lexicon *lexicon, struct text text); /* sums, squashed */

#endif
