/* The front of sentiment scoring: chooses lexicon and rules for a text and scores title and text together.
 *
 * A letter's script says which lexicon can read it (Han: Chinese; Latin: the vader lexicon), `lang` says whether it is that
 * language: Latin letters under lang = fr or kana in the text are not scored at all. A text in both scripts is read by both and
 * their sums are added; emoji and punctuation count once. Who calls it: the sentiment processor, once per review.
 *
 *   struct sentiment_scorer *scorer;
 *   sentiment_scorer_create((const struct lexicon *[]){ en, zh, emoji }, 3, &scorer);
 *   struct sentiment_score score;
 *   if (sentiment_score_text(scorer, review->title, review->text, review->lang, &score) == 0)
 *           count[sentiment_class_of(score.compound)]++;
 */
#ifndef GLINT_SCORER_H
#define GLINT_SCORER_H

#include "lexicon.h"
#include "score.h"
#include "weights.h"

struct sentiment_scorer;

/* One lexicon per language at most, and at most one of `mul`, whose emoji serve every lexicon without [emoji] of its own. The
 * lexicons are borrowed until the scorer is destroyed; the array is not kept. 0, -EINVAL (no lexicon, two of one language), -ENOMEM. */
int sentiment_scorer_create(const struct lexicon *const *lexicons, size_t n, struct sentiment_scorer **ret);
void sentiment_scorer_destroy(struct sentiment_scorer *scorer); /* NULL allowed; lexicons and weights live on */

/* Adds learnt weights to what the lexicon of their language says (unless that one refuses: @weights off). Borrowed until the
 * scorer is destroyed, and used by this scorer alone. 0, -EINVAL (no lexicon of that language, or it has weights already). */
int sentiment_scorer_weights(struct sentiment_scorer *scorer, struct weights *weights);

/* Scores title + ". " + text (either may be absent or empty). lang: BCP 47 (en, en-GB, zh-Hans, cmn), absent or `und` when
 * unknown. At most SENTIMENT_TEXT_MAX bytes are read. Allocates nothing. 0, -ENODATA (nothing but white space: enters no
 * count), -ENOTSUP (a language or script without a lexicon); *ret is then untouched. */
int sentiment_score_text(struct sentiment_scorer *scorer, struct text title, struct text text, struct text lang,
	struct sentiment_score *ret);

/* The same before squashing. */
int sentiment_rules_text(struct sentiment_scorer *scorer, struct text text, struct text lang, struct sentiment_sums *ret); /* without weights */
int sentiment_sum_text(struct sentiment_scorer *scorer, struct text title, struct text text, struct text lang, struct sentiment_sums *ret);

#endif
