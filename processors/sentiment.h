/* How reviews speak of an item, its category and brand, a campaign and the whole shop: counted over the last hour, day and week.
 *
 * User stage: scores each review's title and text once (scorer.h), tells the processors behind it the class (user_ctx.sentiment), and
 * sends one count and the compound in ten-thousandths to every scope. Item stage: counts by panes (opinions.h). Views: glint:sentiment:{scope}, and sentiment and negative_share of
 * glint:item:{item}. A review without text, or in a language without a lexicon, is in no count.
 *
 * What a review says of an aspect (aspects.h) is counted in the same way, for the aspect over the whole shop (scope aspect:fit) and for
 * the item, in its own block and hash (fit_negative_7d, ...): by the parts of title and text that name it alone, without stars.
 *
 * A shopper's block holds what the newest reviews counted (kept_opinions.h); a shopper who is forgotten takes it back.
 */
#ifndef GLINT_SENTIMENT_H
#define GLINT_SENTIMENT_H

#include "aspects.h"
#include "kept_opinions.h"
#include "lexicon.h"
#include "opinions.h"
#include "processor.h"
#include "score.h"
#include "scorer.h"

#define SENTIMENT_NONE (-1) /* user_ctx.sentiment: not a review, or one that could not be scored */
enum { REVIEW_SCOPES = 5 };

struct sentiment_settings {
	struct option_file lexicon_en, lexicon_zh, lexicon_emoji, weights_en, weights_zh, aspects_file;
	int rules;                 /* enum sentiment_rules */
	double stars;              /* added to a text's sum for each star above 3 */
	double positive, negative; /* compound >= positive: positive; <= negative: negative */
	int64_t reviews_kept;      /* per shopper, for forgetting */
	/* made by setup from the files; scorer is NULL when none was read (glintctl) */
	struct lexicon *lexicons[3];
	struct weights *weights[2];
	struct aspects *aspects; /* NULL: none */
	struct sentiment_scorer *scorer;
};

enum sentiment_rules { RULES_LEARNT, /* the lexicon's rules and learnt weights */
	RULES_VADER };               /* the lexicon's rules alone */

/* Builds settings->scorer from the files, without weights when `weights` is false. 0 or -errno with a sentence; to be given back by
 * sentiment_settings_done, which leaves the files alone. For setup, and for glintctl, which learns weights against the rules. */
int sentiment_settings_make(struct sentiment_settings *settings, bool weights, char *error, size_t error_size);
void sentiment_settings_done(struct sentiment_settings *settings);

/* The last week of an item's reviews, up to the watermark; no row when there were none. */
struct sentiment_model {
	uint32_t n[SENTIMENT_CLASSES];
	double mean; /* of the compounds, -1..1 */
};

/* The keys that a review speaks of: its item, that one's category and brand by the catalogue (the review's own brand wins), its
 * campaign, and `all`. Returns how many. */
int review_scopes(const struct user_ctx *ctx, const struct review *review, struct key ret_keys[REVIEW_SCOPES]);

extern const struct processor sentiment_processor;

#endif
