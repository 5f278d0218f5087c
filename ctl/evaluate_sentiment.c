/* evaluate: how well the sentiment of texts is told.
 *
 * Event files: sentiment {auc, recall_negative, precision_negative, n}, reviews of 4 and 5 stars against those of 1 and 2 (3 is left
 * out), scored by their text alone, without title and stars; negative is what scores [sentiment] negative or less. With --folds K the
 * weights are learnt from the other folds' reviews (judged.h), else the configured ones are used.
 * --labelled FILE: {balanced_accuracy, accuracy, auc, n}; the label's sign against the score's, a score of 0 counting as bad and a label of 0
 * left out.
 */
#include <math.h>
#include <string.h>

#include "ctl/evaluate.h"
#include "ctl/judged.h"
#include "daemon/config/config.h"

enum { FOLDS_MAX = 1000 };

static json_t *figure(double x)
{
	return isfinite(x) ? json_real(x) : json_null();
}

static int folds_of(struct ctl *ctl, size_t *ret)
{
	double folds = 0;
	char error[256];
	if (arguments_whole(ctl->arguments, "folds", 2, FOLDS_MAX, &folds, error, sizeof(error)))
		return ctl_fail(ctl, EX_USAGE, "%s", error);
	*ret = (size_t)folds;
	return 0;
}

/* A fold without a text judges nothing. */
static int enough(struct ctl *ctl, size_t folds, size_t n)
{
	return n < folds ? ctl_fail(ctl, EX_USAGE, "--folds %zu: there are %zu texts to be judged; a fold takes one at least", folds, n) : 0;
}

/* ---- event files ---- */

struct sentiment_state {
	struct judged texts;
	size_t folds;
	bool failed;
};

static int sentiment_start(struct evaluate *e, void *state)
{
	struct sentiment_state *s = state;
	return folds_of(e->ctl, &s->folds);
}

static void sentiment_event(struct evaluate *e, void *state, const struct event *event)
{
	struct sentiment_state *s = state;
	(void)e;
	if (judged_add_review(&s->texts, event))
		s->failed = true;
}

static json_t *sentiment_finish(struct evaluate *e, void *state)
{
	struct sentiment_state *s = state;
	const struct sentiment_settings *settings = e->settings[P_SENTIMENT];
	char error[512] = "out of memory";
	e->code = enough(e->ctl, s->folds, s->texts.n);
	if (e->code || !s->texts.n || !settings->scorer)
		return NULL;
	if (s->failed || judged_score(&s->texts, settings, s->folds, error, sizeof(error))) {
		ctl_fail(e->ctl, 0, "sentiment: %s", error);
		return NULL;
	}
	double hits = (double)judged_at_most(&s->texts, false, settings->negative), false_alarms = (double)judged_at_most(&s->texts, true, settings->negative);
	double bad = (double)judged_count(&s->texts, false);
	json_t *result = json_pack("{s:o, s:o, s:o, s:I}", "auc", figure(judged_auc(&s->texts)), "recall_negative", figure(hits / bad),
		"precision_negative", figure(hits / (hits + false_alarms)), "n", (json_int_t)s->texts.n);
	if (s->folds && result)
		json_object_set_new(result, "folds", json_integer((json_int_t)s->folds));
	return result;
}

static void sentiment_done(struct evaluate *e, void *state)
{
	struct sentiment_state *s = state;
	(void)e;
	judged_done(&s->texts);
}

const struct evaluate_section evaluate_sentiment = {
	.name = "sentiment",
	.state_size = sizeof(struct sentiment_state),
	.start = sentiment_start,
	.event = sentiment_event,
	.finish = sentiment_finish,
	.done = sentiment_done,
};

/* ---- labelled texts ---- */

static int labelled(struct ctl *ctl, struct judged *j, const struct sentiment_settings *settings, json_t *result)
{
	size_t folds = 0;
	char error[512] = "";
	const char *lang = arguments_value(ctl->arguments, "lang");
	if (lang && strcmp(lang, "en") != 0 && strcmp(lang, "zh") != 0)
		return ctl_fail(ctl, EX_USAGE, "--lang is en or zh, not '%s'", lang);
	int code = folds_of(ctl, &folds);
	if (!code)
		code = judged_read_labelled(ctl, arguments_value(ctl->arguments, "labelled"), lang, j);
	if (!code && !j->n)
		code = ctl_fail(ctl, EX_USAGE, "%s: there is no text in it with a label other than 0", arguments_value(ctl->arguments, "labelled"));
	if (!code)
		code = enough(ctl, folds, j->n);
	if (!code && judged_score(j, settings, folds, error, sizeof(error)))
		code = ctl_fail(ctl, EX_UNAVAILABLE, "%s", error);
	if (code)
		return code;
	double good = (double)judged_count(j, true), bad = (double)j->n - good;
	double right_bad = (double)judged_at_most(j, false, 0), right_good = good - (double)judged_at_most(j, true, 0);
	json_object_set_new(result, "balanced_accuracy", figure((right_bad / bad + right_good / good) / 2));
	json_object_set_new(result, "accuracy", figure((right_bad + right_good) / (double)j->n));
	json_object_set_new(result, "auc", figure(judged_auc(j)));
	json_object_set_new(result, "n", json_integer((json_int_t)j->n));
	if (folds)
		json_object_set_new(result, "folds", json_integer((json_int_t)folds));
	return 0;
}

int evaluate_labelled(struct ctl *ctl, json_t *result)
{
	struct config *config = NULL;
	struct judged texts = { 0 };
	int code = evaluate_config(ctl, &config);
	if (!code)
		code = labelled(ctl, &texts, config_settings(config, "sentiment"), result);
	judged_done(&texts);
	config_destroy(config);
	return code;
}
