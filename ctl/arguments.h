/* The command line of glintctl: a command of one to three words, options anywhere, positional arguments. Pure.
 *
 * Called by main and by tests; usage texts are printed from the same table. `--name value` and `--name=value` are the same; `--`
 * ends the options.
 */
#ifndef GLINT_CTL_ARGUMENTS_H
#define GLINT_CTL_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct ctl;

struct ctl_option {
	const char *name;  /* without the dashes; NULL ends a table */
	const char *value; /* what stands for its value in the usage; NULL: a switch */
	const char *help;
};

#define CTL_OPTIONS_MAX 8
#define CTL_SETS_MAX 64

struct ctl_command {
	const char *name;      /* "topics create" */
	const char *arguments; /* "FILE..." for the usage; "" = none */
	const char *help;      /* one line */
	struct ctl_option options[CTL_OPTIONS_MAX + 1];
	int min, max;                /* positional arguments; max -1: any number */
	bool no_config;              /* runs without a configuration */
	int (*run)(struct ctl *ctl); /* returns an exit code of sysexits */
};

struct arguments {
	const struct ctl_command *command; /* NULL with --help or --version alone */
	const char *config;                /* --config; NULL: none */
	const char *sets[CTL_SETS_MAX];    /* --set */
	size_t n_sets;
	bool json, help, version, verbose;
	const char *values[CTL_OPTIONS_MAX]; /* by row of the command's options; NULL: not given; "" for a switch */
	const char **positional;             /* owned array */
	int n_positional;
};

/* Everything is borrowed from argv. 0; -EINVAL with a sentence; -ENOMEM. arguments_done in every case. */
int arguments_parse(const struct ctl_command *commands, size_t n, int argc, char *const argv[], struct arguments *ret, char *error,
	size_t size);
void arguments_done(struct arguments *a);

/* Value of the command's option, NULL when it was not given. The name must be in the command's table. */
const char *arguments_value(const struct arguments *a, const char *name);

/* A number in min..max, or *ret untouched when the option was not given. 0; -EINVAL with a sentence. */
int arguments_number(const struct arguments *a, const char *name, double min, double max, double *ret, char *error, size_t size);
/* The same of a whole number. */
int arguments_whole(const struct arguments *a, const char *name, double min, double max, double *ret, char *error, size_t size);

/* All commands, or one with its options. */
void arguments_usage(const struct ctl_command *commands, size_t n, const struct ctl_command *one, FILE *to);

#endif
