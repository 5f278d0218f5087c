/* Rules for Chinese, or any language without spaces, over a lexicon of rules `longest-match`.
 *
 * The text is cut into terms by forward longest match over everything in the lexicon; a character that begins none is a token of
 * its own, as is a run of Latin letters or digits. A scored word takes the negations and degree words among the three tokens
 * before it (back to the last scored word, contrast or punctuation mark), read from left to right:
 *
 *   degree d                    x d                      很好        1.5 v
 *   negation n (-1)             x n                      不好       -1 v
 *   negation, then degree > 1   x n / 2, weak            不太好     -0.5 v
 *   degree, then negation       x d n, strong            很不好     -1.5 v
 *   negation, negation          x n n                    不是不好    1 v
 *
 * and the suffix right after it (好极了). A contrast (但是) halves what its sentence said so far and raises by half what follows up to the
 * sentence's end. v, d and n are the lexicon's. Sums are squashed as VADER's are (score.h), so one threshold serves both.
 */
#ifndef GLINT_ZH_H
#define GLINT_ZH_H

#include "lexicon.h"
#include "score.h"

struct zh; /* the scratch memory of one scorer. One thread at a time */

int zh_create(struct zh **ret); /* 0 or -ENOMEM */
void zh_destroy(struct zh *zh); /* NULL allowed */

/* Sums of one text: at most SENTIMENT_TEXT_MAX bytes are read. `emoji` as in vader_sums. Allocates nothing. */
struct sentiment_sums zh_sums(struct zh *zh, const struct lexicon *lexicon, const struct lexicon *emoji, struct text text);

struct sentiment_score zh_score(struct zh *zh, const struct lexicon *lexicon, struct text text); /* sums, squashed */

#endif
