/* What every command of glintctl is given, and the commands.
 *
 * A command prints its result on standard output, complaints on standard error through ctl_fail, and returns an exit code of
 * sysexits: 0, EX_USAGE 64, EX_UNAVAILABLE 69, EX_TEMPFAIL 75, EX_CONFIG 78.
 */
#ifndef GLINT_CTL_H
#define GLINT_CTL_H

#include <sysexits.h>

#include "ctl/arguments.h"

struct config;

struct ctl {
	const struct arguments *arguments;
	const struct config *config; /* NULL for a command that needs none */
	bool json;
	bool terminal; /* standard output is one */
	int width;     /* of it; 0: not a terminal, cut nothing */
	char shopper[33]; /* of ctl_shopper() */
};

/* The id that glintd knows a shopper by: the argument, or its pseudonym when [privacy] key_file is set. Valid until the next call. */
const char *ctl_shopper(struct ctl *ctl, const char *user);

/* "glintctl COMMAND: sentence" on standard error; returns `code`. */
int ctl_fail(const struct ctl *ctl, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

int ctl_topics_create(struct ctl *ctl);
int ctl_replay(struct ctl *ctl);
int ctl_wait(struct ctl *ctl);
int ctl_recs(struct ctl *ctl);
int ctl_together(struct ctl *ctl);
int ctl_sets(struct ctl *ctl);
int ctl_item(struct ctl *ctl);
int ctl_predict(struct ctl *ctl);
int ctl_trending(struct ctl *ctl);
int ctl_rules(struct ctl *ctl);
int ctl_complaints(struct ctl *ctl);
int ctl_campaign(struct ctl *ctl);
int ctl_alerts(struct ctl *ctl);
int ctl_stats(struct ctl *ctl);
int ctl_experiment(struct ctl *ctl);
int ctl_explain(struct ctl *ctl);
int ctl_control_exclude(struct ctl *ctl);
int ctl_control_boost(struct ctl *ctl);
int ctl_control_pin(struct ctl *ctl);
int ctl_control_unset(struct ctl *ctl);
int ctl_control_list(struct ctl *ctl);
int ctl_forget(struct ctl *ctl);
int ctl_dump(struct ctl *ctl);
int ctl_evaluate(struct ctl *ctl);
int ctl_lexicon_learn(struct ctl *ctl);

#endif
