/* glintctl lexicon learn FILE...: weights of words (processors/weights.h) from reviews with stars, or from labelled texts, as one file on
 * standard output. The rules are those of the configured lexicons ([sentiment]; without --config the shipped ones). The file names what
 * it was learnt from and holds no time: the same input gives the same bytes. Method: learn.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/evaluate.h"
#include "ctl/judged.h"
#include "ctl/learn.h"
#include "daemon/config/config.h"

static bool is_labelled(const char *path)
{
	size_t n = strlen(path);
	n -= n > 3 && strcmp(path + n - 3, ".gz") == 0 ? 3 : 0;
	return n > 4 && memcmp(path + n - 4, ".tsv", 4) == 0;
}

static const char *base(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

static int read_files(struct ctl *ctl, const struct config *config, const char *lang, struct judged *to)
{
	const struct arguments *a = ctl->arguments;
	int code = 0;
	for (int i = 0; i < a->n_positional && !code; i++) {
		if (is_labelled(a->positional[i]))
			code = judged_read_labelled(ctl, a->positional[i], lang, to);
		else
			code = judged_read_events(ctl, config, a->positional[i], to);
	}
	return code;
}

static char *head_of(const struct arguments *a, const char *licence)
{
	char *head = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&head, &size);
	if (!f)
		return NULL;
	fprintf(f, "# Weights of words, learnt by glintctl lexicon learn; added to what the lexicon of the same language says. The format:\n"
		   "# processors/weights.h. Learnt from:");
	for (int i = 0; i < a->n_positional; i++)
		fprintf(f, " %s", base(a->positional[i]));
	fprintf(f, "%s%s%s\n", licence ? " (" : "", licence ? licence : "", licence ? ")" : "");
	return fclose(f) ? NULL : head;
}

static int learn(struct ctl *ctl, const struct config *config, struct judged *texts)
{
	const struct arguments *a = ctl->arguments;
	const char *lang = arguments_value(a, "lang"), *licence = arguments_value(a, "licence");
	double l2 = LEARN_L2, least = LEARN_LEAST;
	char error[512] = "";
	if (arguments_number(a, "l2", 1e-9, 1e9, &l2, error, sizeof(error)) || arguments_whole(a, "least", 1, 1e9, &least, error, sizeof(error)))
		return ctl_fail(ctl, EX_USAGE, "%s", error);
	lang = lang ? lang : "en";
	if (strcmp(lang, "en") != 0 && strcmp(lang, "zh") != 0)
		return ctl_fail(ctl, EX_USAGE, "--lang is en or zh, not '%s'", lang);
	if (licence && strpbrk(licence, "\r\n"))
		return ctl_fail(ctl, EX_USAGE, "--licence is one line");
	int code = read_files(ctl, config, lang, texts);
	if (code)
		return code;
	char *head = head_of(a, licence);
	if (!head)
		return ctl_fail(ctl, EX_UNAVAILABLE, "out of memory");
	if (judged_learn(texts, lang[0] == 'z' ? JUDGED_HAN : JUDGED_SPACED, config_settings(config, "sentiment"), l2, (uint32_t)least, head, stdout,
		    error, sizeof(error)))
		code = ctl_fail(ctl, EX_UNAVAILABLE, "%s", error);
	free(head);
	return code;
}

int ctl_lexicon_learn(struct ctl *ctl)
{
	struct config *config = NULL;
	struct judged texts = { 0 };
	int code = evaluate_config(ctl, &config);
	if (!code)
		code = learn(ctl, config, &texts);
	judged_done(&texts);
	config_destroy(config);
	return code;
}
