/* Texts of which it is known whether they are good or bad, and how well the sentiment model tells them apart.
 *
 * Called by `glintctl evaluate` (its section `sentiment`, and --labelled) and by `glintctl lexicon learn`. With folds, each text is scored
 * with weights learnt from the texts of the other folds alone (text i is in fold i mod K of its language), through the very file that `lexicon learn`
 * would write and the daemon would read.
 */
#ifndef GLINT_CTL_JUDGED_H
#define GLINT_CTL_JUDGED_H

#include <stdio.h>

#include "processors/sentiment.h"

enum judged_language { JUDGED_SPACED, /* what lexicon_en reads */
	JUDGED_HAN,
	JUDGED_LANGUAGES };

struct judged_text {
	size_t at; /* in the pool */
	uint32_t size;
	bool good;
	enum judged_language language;
	char lang[12]; /* "" unknown */
	double score;  /* compound; of a text that cannot be scored 0 */
};

struct judged {
	struct judged_text *texts;
	size_t n, room;
	char *pool;
	size_t pool_size, pool_room;
};

void judged_done(struct judged *j);
int judged_add(struct judged *j, struct text text, struct text lang, bool good); /* copies. 0, -ENOMEM */
/* A review of 4 or 5 stars as good, of 1 or 2 as bad; any other event, or one without text, is passed over. 0, -ENOMEM. */
int judged_add_review(struct judged *j, const struct event *event);

struct ctl;
struct config;
/* Whole files: events (JSON lines), or lines of label TAB text (the label's sign; 0 is passed over). .gz too. lang: of all lines; NULL:
 * unknown. 0 or an exit code, after ctl_fail. */
int judged_read_events(struct ctl *ctl, const struct config *config, const char *path, struct judged *to);
int judged_read_labelled(struct ctl *ctl, const char *path, const char *lang, struct judged *to);

struct text judged_text(const struct judged *j, size_t i);

/* Scores all texts with the settings' own scorer, or, with folds > 1, with what the other folds teach. Folds that lack good or bad texts are
 * scored by the rules alone. 0; -EINVAL, -ENOMEM with a sentence. */
int judged_score(struct judged *j, const struct sentiment_settings *settings, size_t folds, char *error, size_t size);

/* Learns from all texts of a language and writes a whole weights file; `head` is comment lines, each with its '#' and newline. l2 > 0. */
int judged_learn(const struct judged *j, enum judged_language language, const struct sentiment_settings *settings, double l2, uint32_t least,
	const char *head, FILE *out, char *error, size_t size);

double judged_auc(const struct judged *j); /* chance that a good text outscores a bad one, ties half; NAN without both */
size_t judged_count(const struct judged *j, bool good);
size_t judged_at_most(const struct judged *j, bool good, double score); /* texts of a kind that score so much or less */

#endif
