/* The command line of glintd. Pure: prints nothing, ends nothing. */
#ifndef GLINT_ARGS_H
#define GLINT_ARGS_H

#include <stdbool.h>
#include <stddef.h>

enum args_action { ARGS_RUN, ARGS_CHECK_CONFIG, ARGS_DUMP_CONFIG, ARGS_VERSION, ARGS_HELP };

struct args {
	enum args_action action;
	const char *config;   /* borrowed from argv; NULL: none given */
	const char *instance; /* borrowed; NULL: none given */
	bool embedded;
	const char **sets;    /* the array is owned, the texts borrowed */
	size_t n_sets;
};

/* 0; or -EINVAL with a sentence in error (exit with EX_USAGE, 64); -ENOMEM. `--name value` and `--name=value` are the same.
 * Without --config only --embedded, --version and --help may be run. */
int args_parse(int argc, char *const argv[], struct args *ret_args, char *error, size_t size);
void args_done(struct args *args);

extern const char args_help[]; /* the text of --help */

#endif
