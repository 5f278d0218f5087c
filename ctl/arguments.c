/* Reads glintctl's command line. See arguments.h. */
#include "ctl/arguments.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct ctl_option common[] = {
	{ "config", "FILE", "the configuration of glintd (default: GLINT_CONFIG, else /etc/glint/glintd.conf)" },
	{ "set", "SECTION.KEY=VALUE", "wins over the file; may be given more than once" },
	{ "json", NULL, "values as JSON, for programs" },
	{ "verbose", NULL, "show what the Kafka library logs" },
	{ "help", NULL, "this text, or a command's" },
	{ "version", NULL, "the version" },
	{ NULL, NULL, NULL },
};

static const struct ctl_option *find(const struct ctl_option *table, const char *name, size_t n)
{
	for (; table && table->name; table++)
		if (strlen(table->name) == n && !memcmp(table->name, name, n))
			return table;
	return NULL;
}

/* How many of the words the command's name takes; 0: it is another command. */
static int matches(const struct ctl_command *c, const char *const *words, int n)
{
	const char *at = c->name;
	for (int i = 0; i < n; i++) {
		size_t size = strcspn(at, " ");
		if (strlen(words[i]) != size || memcmp(words[i], at, size))
			return 0;
		at += size;
		if (!*at)
			return i + 1;
		at++;
	}
	return 0;
}

static void take_common(struct arguments *a, const struct ctl_option *o, const char *value)
{
	switch (o - common) {
	case 0:
		a->config = value;
		break;
	case 1:
		a->sets[a->n_sets++] = value;
		break;
	case 2:
		a->json = true;
		break;
	case 3:
		a->verbose = true;
		break;
	case 4:
		a->help = true;
		break;
	default:
		a->version = true;
	}
}

static bool is_option(const char *word) /* not "-", nor a number below zero */
{
	return word[0] == '-' && word[1] && !(word[1] >= '0' && word[1] <= '9');
}

/* An option may stand before its command, so the words come first. Switches of any command are known by then. */
static bool is_switch(const struct ctl_command *commands, size_t n, const char *name, size_t size)
{
	const struct ctl_option *o = find(common, name, size);
	for (size_t i = 0; !o && i < n; i++)
		o = find(commands[i].options, name, size);
	return !o || !o->value;
}

static int collect(const struct ctl_command *commands, size_t n, int argc, char *const argv[], struct arguments *ret)
{
	bool ended = false;
	ret->positional = calloc((size_t)argc + 1, sizeof(*ret->positional));
	if (!ret->positional)
		return -ENOMEM;
	for (int i = 1; i < argc; i++) {
		if (ended || !is_option(argv[i])) {
			ret->positional[ret->n_positional++] = argv[i];
			continue;
		}
		ended = !strcmp(argv[i], "--");
		size_t size = strcspn(argv[i], "=");
		if (!ended && size > 2 && !argv[i][size] && !is_switch(commands, n, argv[i] + 2, size - 2))
			i++; /* its value */
	}
	return 0;
}

static int read_options(struct arguments *ret, int argc, char *const argv[], char *error, size_t size)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		const char *name = argv[i], *value = NULL;
		if (!is_option(name))
			continue;
		if (!strcmp(name, "-h"))
			name = "--help";
		size_t n = strcspn(name, "=");
		const struct ctl_option *o = NULL, *of_command = NULL;
		if (name[1] == '-') {
			o = find(common, name + 2, n - 2);
			if (!o && ret->command)
				o = of_command = find(ret->command->options, name + 2, n - 2);
		}
		if (!o) {
			snprintf(error, size, "unknown option %.*s%s%s; see glintctl %s%s--help", (int)n, name, ret->command ? " of " : "",
				ret->command ? ret->command->name : "", ret->command ? ret->command->name : "", ret->command ? " " : "");
			return -EINVAL;
		}
		if (name[n] == '=')
			value = name + n + 1;
		if (o->value && !value) {
			if (i + 1 >= argc) {
				snprintf(error, size, "--%s needs a value: --%s %s", o->name, o->name, o->value);
				return -EINVAL;
			}
			value = argv[++i];
		}
		if (!o->value && value) {
			snprintf(error, size, "--%s takes no value", o->name);
			return -EINVAL;
		}
		if (of_command)
			ret->values[of_command - ret->command->options] = value ? value : "";
		else if (o == common + 1 && ret->n_sets == CTL_SETS_MAX) {
			snprintf(error, size, "more than %d --set", CTL_SETS_MAX);
			return -EINVAL;
		} else
			take_common(ret, o, value);
	}
	return 0;
}

/* The first word begins commands of two: says which. */
static bool is_group(const struct ctl_command *commands, size_t n, const struct arguments *a, char *error, size_t size)
{
	size_t first = strlen(a->positional[0]), at = 0;
	for (size_t i = 0; i < n; i++) {
		const char *name = commands[i].name;
		if (strncmp(name, a->positional[0], first) != 0 || name[first] != ' ')
			continue;
		if (!at && a->n_positional > 1)
			at = (size_t)snprintf(error, size, "unknown command '%s %.40s'; there is %s", a->positional[0], a->positional[1], name);
		else if (!at)
			at = (size_t)snprintf(error, size, "which command? there is %s", name);
		else if (at < size)
			at += (size_t)snprintf(error + at, size - at, ", %s", name);
	}
	return at > 0;
}

int arguments_parse(const struct ctl_command *commands, size_t n, int argc, char *const argv[], struct arguments *ret, char *error, size_t size)
{
	int r, words = 0;

	memset(ret, 0, sizeof(*ret));
	r = collect(commands, n, argc, argv, ret);
	if (r)
		return r;
	for (size_t i = 0; i < n; i++) {
		int w = matches(&commands[i], ret->positional, ret->n_positional);
		if (w > words) {
			words = w;
			ret->command = &commands[i];
		}
	}
	r = read_options(ret, argc, argv, error, size);
	if (r)
		return r;
	if (!ret->command) {
		if (ret->help || ret->version)
			return 0;
		if (ret->n_positional && !is_group(commands, n, ret, error, size))
			snprintf(error, size, "unknown command '%s'; see glintctl --help", ret->positional[0]);
		else if (!ret->n_positional)
			snprintf(error, size, "which command? see glintctl --help");
		return -EINVAL;
	}
	ret->n_positional -= words;
	memmove(ret->positional, ret->positional + words, (size_t)ret->n_positional * sizeof(*ret->positional));
	if (!ret->help && (ret->n_positional < ret->command->min || (ret->command->max >= 0 && ret->n_positional > ret->command->max))) {
		snprintf(error, size, "usage: glintctl %s%s%s", ret->command->name, *ret->command->arguments ? " " : "", ret->command->arguments);
		return -EINVAL;
	}
	return 0;
}

void arguments_done(struct arguments *a)
{
	free(a->positional);
	a->positional = NULL;
}

const char *arguments_value(const struct arguments *a, const char *name)
{
	const struct ctl_option *o = find(a->command->options, name, strlen(name));
	assert(o);
	return a->values[o - a->command->options];
}

static int number(const struct arguments *a, const char *name, const char *what, double min, double max, double *ret, char *error, size_t size)
{
	const char *value = arguments_value(a, name);
	char *end;
	if (!value)
		return 0;
	double v = strtod(value, &end);
	if (!*value || *end || !isfinite(v) || v < min || v > max || (*what == 'w' && v != floor(v))) {
		snprintf(error, size, "--%s must be a %s from %g to %g, found '%s'", name, what, min, max, value);
		return -EINVAL;
	}
	*ret = v;
	return 0;
}

int arguments_number(const struct arguments *a, const char *name, double min, double max, double *ret, char *error, size_t size)
{
	return number(a, name, "number", min, max, ret, error, size);
}

int arguments_whole(const struct arguments *a, const char *name, double min, double max, double *ret, char *error, size_t size)
{
	return number(a, name, "whole number", min, max, ret, error, size);
}

static void print_options(const struct ctl_option *o, FILE *to)
{
	for (; o->name; o++) {
		char left[64];
		snprintf(left, sizeof(left), "--%s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "");
		fprintf(to, "  %-26s %s\n", left, o->help);
	}
}

void arguments_usage(const struct ctl_command *commands, size_t n, const struct ctl_command *one, FILE *to)
{
	if (one) {
		fprintf(to, "usage: glintctl %s%s%s\n%s\n\n", one->name, *one->arguments ? " " : "", one->arguments, one->help);
		print_options(one->options, to);
	} else {
		fputs("glintctl: a look at glint, and a hand for it\n\nusage: glintctl COMMAND [--config FILE] ...\n\n", to);
		for (size_t i = 0; i < n; i++) {
			char left[64];
			snprintf(left, sizeof(left), "%s%s%s", commands[i].name, *commands[i].arguments ? " " : "", commands[i].arguments);
			fprintf(to, "  %-26s %s\n", left, commands[i].help);
		}
		fputc('\n', to);
	}
	print_options(common, to);
	fputs("\nexit codes: 0 done, 64 wrong use, 69 Kafka, Redis or the value is not there, 75 not yet, 78 configuration\n", to);
}
