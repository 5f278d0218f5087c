/* See judged.h. */
#include "ctl/judged.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "ctl/learn.h"

static const char *const languages[JUDGED_LANGUAGES] = { "en", "zh" };

void judged_done(struct judged *j)
{
	free(j->texts);
	free(j->pool);
	*j = (struct judged){ 0 };
}

static bool has_han(struct text t)
{
	for (uint32_t i = 0; i + 2 < t.size; i++) { /* U+4E00..U+9FFF: e4 b8 80 .. e9 bf bf */
		unsigned char first = (unsigned char)t.data[i];
		if (first >= 0xe4 && first <= 0xe9 && (first > 0xe4 || (unsigned char)t.data[i + 1] >= 0xb8))
			return true;
	}
	return false;
}

int judged_add(struct judged *j, struct text text, struct text lang, bool good)
{
	if (j->n == j->room) {
		size_t room = j->room ? 2 * j->room : 1024;
		struct judged_text *texts = realloc(j->texts, room * sizeof(*texts));
		if (!texts)
			return -ENOMEM;
		j->texts = texts;
		j->room = room;
	}
	if (text.size > j->pool_room - j->pool_size) {
		size_t room = 2 * (j->pool_room + text.size);
		char *pool = realloc(j->pool, room);
		if (!pool)
			return -ENOMEM;
		j->pool = pool;
		j->pool_room = room;
	}
	struct judged_text *t = &j->texts[j->n++];
	*t = (struct judged_text){ .at = j->pool_size, .size = text.size, .good = good, .language = has_han(text) ? JUDGED_HAN : JUDGED_SPACED };
	if (lang.size && lang.size < sizeof(t->lang))
		memcpy(t->lang, lang.data, lang.size);
	if (strncmp(t->lang, "en", 2) == 0 || strncmp(t->lang, "zh", 2) == 0)
		t->language = t->lang[0] == 'z' ? JUDGED_HAN : JUDGED_SPACED;
	if (text.size)
		memcpy(j->pool + j->pool_size, text.data, text.size);
	j->pool_size += text.size;
	return 0;
}

struct text judged_text(const struct judged *j, size_t i)
{
	return (struct text){ j->pool + j->texts[i].at, j->texts[i].size };
}

/* ---- learning ---- */

/* The rules without weights, over the files of `settings`. */
static int make_rules(const struct sentiment_settings *settings, struct sentiment_settings *ret, char *error, size_t size)
{
	*ret = (struct sentiment_settings){ .lexicon_en = settings->lexicon_en, .lexicon_zh = settings->lexicon_zh, .lexicon_emoji = settings->lexicon_emoji };
	int r = sentiment_settings_make(ret, false, error, size);
	if (!r && !ret->scorer) {
		snprintf(error, size, "no lexicon is configured");
		return -EINVAL;
	}
	return r;
}

static int teach(const struct judged *j, enum judged_language language, struct sentiment_scorer *rules, struct learner **ret)
{
	struct learner *l;
	int r = learner_create(&l);
	for (size_t i = 0; i < j->n && !r; i++) {
		const struct judged_text *t = &j->texts[i];
		struct sentiment_sums sums;
		if (t->language != language)
			continue;
		int unread = sentiment_sum_text(rules, (struct text){ NULL, 0 }, judged_text(j, i), text_of(t->lang), &sums);
		if (unread == -ENODATA || unread == -ENOTSUP) /* nothing is said, or in a language without a lexicon */
			continue;
		r = learner_add(l, judged_text(j, i), sentiment_total(&sums), t->good);
	}
	if (r) {
		learner_destroy(l);
		return r;
	}
	*ret = l;
	return 0;
}

static void say(int r, char *error, size_t size)
{
	snprintf(error, size, "%s",
		r == -EINVAL          ? "both good and bad reviews with a text are needed"
			: r == -ENODATA ? "no term stands in so many reviews: give more of them, or a lesser --least"
			: r == -E2BIG ? "too many reviews"
			: r == -EIO   ? "cannot write"
				      : "out of memory");
}

int judged_learn(const struct judged *j, enum judged_language language, const struct sentiment_settings *settings, double l2, uint32_t least,
	const char *head, FILE *out, char *error, size_t size)
{
	struct sentiment_settings rules;
	struct learner *learner = NULL;
	struct learn_result result;
	char *body = NULL;
	size_t body_size = 0;
	FILE *to = NULL;
	int r = make_rules(settings, &rules, error, size);
	if (r)
		return r;
	r = teach(j, language, rules.scorer, &learner);
	if (!r && !(to = open_memstream(&body, &body_size)))
		r = -ENOMEM;
	if (!r)
		r = learner_fit(learner, &(struct learn_request){ .l2 = l2, .least = least }, to, &result);
	if (to && fclose(to) && !r)
		r = -ENOMEM;
	if (!r && !result.terms)
		r = -ENODATA;
	if (!r) {
		fprintf(out, "%s# From %zu good and %zu bad reviews; L2 penalty %g, terms of %u reviews or more. %zu weights, in valences: the model is\n"
			     "# P(good) = 1 / (1 + exp(-%.3f x)), x the sum of the rules' valences and of these weights.\n@language %s\n%s",
			head, result.good, result.bad, l2, least, result.terms, result.prior, languages[language], body);
		r = ferror(out) ? -EIO : 0;
	}
	if (r)
		say(r, error, size);
	free(body);
	learner_destroy(learner);
	sentiment_settings_done(&rules);
	return r;
}

/* ---- scoring ---- */

static double score_one(const struct judged *j, size_t i, struct sentiment_scorer *scorer)
{
	struct sentiment_score score;
	if (sentiment_score_text(scorer, (struct text){ NULL, 0 }, judged_text(j, i), text_of(j->texts[i].lang), &score))
		return 0;
	return score.compound;
}

/* Weights from all folds but one. *ret stays NULL when these hold nothing to learn. */
static int learn_rest(const struct learner *learner, enum judged_language language, size_t folds, size_t fold, struct weights **ret, char *error,
	size_t size)
{
	struct learn_request request = { .folds = folds, .held = fold, .l2 = LEARN_L2, .least = LEARN_LEAST };
	struct learn_result result;
	char *bytes = NULL;
	size_t bytes_size = 0;
	FILE *out = open_memstream(&bytes, &bytes_size);
	if (!out)
		return -ENOMEM;
	fprintf(out, "@language %s\n", languages[language]);
	int r = learner_fit(learner, &request, out, &result);
	if (fclose(out) && !r)
		r = -ENOMEM;
	if (!r && result.terms)
		r = weights_create(bytes, bytes_size, ret, error, size);
	else if (r == -EINVAL)
		r = 0;
	free(bytes);
	return r;
}

static int score_fold(struct judged *j, const struct sentiment_settings *settings, struct learner *const *learners, size_t folds, size_t fold,
	char *error, size_t size)
{
	struct sentiment_settings with;
	struct weights *weights[JUDGED_LANGUAGES] = { NULL };
	size_t numbers[JUDGED_LANGUAGES] = { 0 };
	int r = make_rules(settings, &with, error, size);
	if (r)
		return r;
	for (int k = 0; k < JUDGED_LANGUAGES && !r; k++) {
		r = learn_rest(learners[k], (enum judged_language)k, folds, fold, &weights[k], error, size);
		if (!r && weights[k])
			sentiment_scorer_weights(with.scorer, weights[k]); /* without a lexicon of that language its texts are not scored at all */
	}
	for (size_t i = 0; i < j->n && !r; i++)
		if (numbers[j->texts[i].language]++ % folds == fold)
			j->texts[i].score = score_one(j, i, with.scorer);
	sentiment_settings_done(&with);
	for (int k = 0; k < JUDGED_LANGUAGES; k++)
		weights_destroy(weights[k]);
	return r;
}

int judged_score(struct judged *j, const struct sentiment_settings *settings, size_t folds, char *error, size_t size)
{
	struct sentiment_settings rules;
	struct learner *learners[JUDGED_LANGUAGES] = { NULL };
	if (!settings->scorer) {
		snprintf(error, size, "no lexicon is configured");
		return -EINVAL;
	}
	if (folds < 2) {
		for (size_t i = 0; i < j->n; i++)
			j->texts[i].score = score_one(j, i, settings->scorer);
		return 0;
	}
	int r = make_rules(settings, &rules, error, size);
	if (r)
		return r;
	for (int k = 0; k < JUDGED_LANGUAGES && !r; k++)
		r = teach(j, (enum judged_language)k, rules.scorer, &learners[k]);
	if (r)
		say(r, error, size);
	for (size_t fold = 0; fold < folds && !r; fold++)
		r = score_fold(j, settings, learners, folds, fold, error, size);
	for (int k = 0; k < JUDGED_LANGUAGES; k++)
		learner_destroy(learners[k]);
	sentiment_settings_done(&rules);
	return r;
}

/* ---- figures ---- */

size_t judged_at_most(const struct judged *j, bool good, double score)
{
	size_t n = 0;
	for (size_t i = 0; i < j->n; i++)
		n += j->texts[i].good == good && j->texts[i].score <= score;
	return n;
}

size_t judged_count(const struct judged *j, bool good)
{
	return judged_at_most(j, good, INFINITY);
}

static int by_score(const void *a, const void *b)
{
	const struct judged_text *const *x = a, *const *y = b;
	return ((*x)->score > (*y)->score) - ((*x)->score < (*y)->score);
}

/* Mann-Whitney: (sum of the good texts' ranks - n (n + 1) / 2) / (n m), ties sharing their mean rank. */
double judged_auc(const struct judged *j)
{
	size_t good = judged_count(j, true), bad = j->n - good;
	const struct judged_text **order = good && bad ? calloc(j->n, sizeof(*order)) : NULL;
	double ranks = 0;
	if (!order)
		return NAN;
	for (size_t i = 0; i < j->n; i++)
		order[i] = &j->texts[i];
	qsort(order, j->n, sizeof(*order), by_score);
	for (size_t i = 0, next; i < j->n; i = next) {
		size_t n = 0;
		for (next = i; next < j->n && order[next]->score == order[i]->score; next++)
			n += order[next]->good;
		ranks += (double)n * (double)(i + 1 + next) / 2;
	}
	free(order);
	return (ranks - (double)good * (double)(good + 1) / 2) / ((double)good * (double)bad);
}
