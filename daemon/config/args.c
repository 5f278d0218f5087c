#include "daemon/config/args.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/config/suggest.h"

const char args_help[] =
	"glintd: reads a shop's events from Kafka and keeps Redis filled with recommendations, campaign figures and alerts\n"
	"\n"
	"  glintd --config FILE [--instance NAME] [--set SECTION.OPTION=VALUE]...\n"
	"  glintd --embedded [--config FILE] ...     with a broker of its own, for trying out\n"
	"\n"
	"  --config FILE         the configuration; conf/glintd.conf documents every option\n"
	"  --instance NAME       name of this process, the same after a restart (default: GLINT_INSTANCE, else host and unit)\n"
	"  --embedded            no Kafka needed: a broker inside the process; nothing survives its end\n"
	"  --set S.O=VALUE       sets one option, over the file; may be repeated\n"
	"  --check-config        checks everything, reports every error at once, and ends (0, or 78)\n"
	"  --dump-config         shows every effective setting and where it comes from, and ends\n"
	"  --version             shows the version, and ends\n"
	"  --help                shows this, and ends\n"
	"\n"
	"Ends with 0, or of sysexits: 64 usage, 69 unavailable, 75 try again, 78 configuration.\n";

enum name { CONFIG, INSTANCE, SET, EMBEDDED, CHECK, DUMP, VERSION, HELP, NAMES };

static const struct {
	const char *word;
	bool value;
} names[NAMES] = {
	[CONFIG] = { "--config", true },        [INSTANCE] = { "--instance", true },    [SET] = { "--set", true },
	[EMBEDDED] = { "--embedded", false },   [CHECK] = { "--check-config", false },  [DUMP] = { "--dump-config", false },
	[VERSION] = { "--version", false },     [HELP] = { "--help", false },
};

static int find(const char *arg)
{
	size_t n = strcspn(arg, "=");
	for (int i = 0; i < NAMES; i++)
		if (strlen(names[i].word) == n && !memcmp(arg, names[i].word, n))
			return i;
	if (!strcmp(arg, "-h"))
		return HELP;
	return !strcmp(arg, "-V") ? VERSION : !strcmp(arg, "-c") ? CONFIG : NAMES;
}

static int unknown(const char *arg, char *error, size_t size)
{
	char word[64];
	snprintf(word, sizeof(word), "%.*s", (int)strcspn(arg, "="), arg);
	struct suggestion s = { .wanted = word };
	for (int i = 0; i < NAMES; i++)
		suggest_offer(&s, names[i].word);
	if (s.best)
		snprintf(error, size, "'%s' is not known; did you mean '%s'?", word, s.best);
	else
		snprintf(error, size, "'%s' is not known; --help lists what is", word);
	return -EINVAL;
}

static int apply(struct args *a, int name, const char *value, char *error, size_t size)
{
	const enum args_action actions[NAMES] = { [CHECK] = ARGS_CHECK_CONFIG, [DUMP] = ARGS_DUMP_CONFIG, [VERSION] = ARGS_VERSION, [HELP] = ARGS_HELP };
	const char **once = name == CONFIG ? &a->config : name == INSTANCE ? &a->instance : NULL;

	if (once && *once) {
		snprintf(error, size, "%s is given twice", names[name].word);
		return -EINVAL;
	}
	if (once)
		*once = value;
	else if (name == SET)
		a->sets[a->n_sets++] = value;
	else if (name == EMBEDDED)
		a->embedded = true;
	else if (actions[name] > a->action) /* help, then version, win over the rest */
		a->action = actions[name];
	return 0;
}

int args_parse(int argc, char *const argv[], struct args *ret_args, char *error, size_t size)
{
	struct args a = { .sets = calloc((size_t)argc + 1, sizeof(*a.sets)) };
	int r = 0;

	if (!a.sets) {
		snprintf(error, size, "out of memory");
		return -ENOMEM;
	}
	for (int i = 1; i < argc && r == 0; i++) {
		int name = find(argv[i]);
		const char *value = strchr(argv[i], '=');
		if (name == NAMES) {
			r = unknown(argv[i], error, size);
		} else if (names[name].value) {
			value = value ? value + 1 : i + 1 < argc ? argv[++i] : NULL;
			if (!value || !*value) {
				snprintf(error, size, "%s needs a value", names[name].word);
				r = -EINVAL;
			} else {
				r = apply(&a, name, value, error, size);
			}
		} else if (value) {
			snprintf(error, size, "%s takes no value", names[name].word);
			r = -EINVAL;
		} else {
			r = apply(&a, name, NULL, error, size);
		}
	}
	if (r == 0 && !a.config && !a.embedded && a.action < ARGS_VERSION) {
		snprintf(error, size, "--config FILE is needed (or --embedded, to try glint without Kafka); --help says more");
		r = -EINVAL;
	}
	if (r < 0) {
		free(a.sets);
		return r;
	}
	*ret_args = a;
	return 0;
}

void args_done(struct args *args)
{
	free(args->sets);
	args->sets = NULL;
	args->n_sets = 0;
}
