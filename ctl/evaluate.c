/* glintctl evaluate: the ways of evaluating and what is printed; see evaluate.h. */
#include "ctl/evaluate.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/config/config.h"

static int run_events(struct ctl *ctl, json_t *result);

/* What a run is asked for with (NULL: event files), and the options that belong to it. */
static const struct {
	const char *option;
	int (*run)(struct ctl *ctl, json_t *result); /* fills the result; 0 or an exit code, after ctl_fail */
	const char *with[2];
} ways[] = {
	{ NULL, run_events, { "folds", "knn" } },
	{ "labelled", evaluate_labelled, { "folds", "lang" } },
	{ "baskets", evaluate_baskets, { "min-support", "min-confidence" } },
};
enum { WAYS = sizeof(ways) / sizeof(ways[0]) };

int evaluate_config(struct ctl *ctl, struct config **ret)
{
	const struct arguments *a = ctl->arguments;
	const char *sets[CTL_SETS_MAX + 1] = { "topics.reviews=reviews" }; /* nothing is read from it: without a file there must be one */
	struct config_errors errors = { 0 };
	size_t n = 0;
	if (!a->config)
		n = 1;
	for (size_t i = 0; i < a->n_sets; i++)
		sets[n++] = a->sets[i];
	struct config_request request = {
		.path = a->config,
		.sets = sets,
		.n_sets = n,
		.ctl = true,
		.embedded = true,
		.processors = processors,
		.n_processors = PROCESSORS,
	};
	int r = config_load(&request, ret, &errors);
	for (size_t i = 0; i < errors.n; i++)
		fprintf(stderr, "glintctl: %s\n", errors.lines[i]);
	if (r && !errors.n)
		fprintf(stderr, "glintctl: %s: %s\n", a->config ? a->config : "configuration", strerror(-r));
	config_errors_done(&errors);
	return r ? EX_CONFIG : 0;
}

static int run_events(struct ctl *ctl, json_t *result)
{
	struct evaluate e = { .ctl = ctl };
	struct config *config = NULL;
	int code = evaluate_config(ctl, &config);
	e.config = config;
	if (!code)
		code = evaluate_run(&e, result);
	config_destroy(config);
	return code;
}

static void print_value(const json_t *value)
{
	if (json_is_integer(value))
		printf("%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else if (json_is_real(value))
		printf(json_real_value(value) >= 1000 ? "%.0f" : "%.4f", json_real_value(value));
	else if (json_is_string(value))
		printf("%s", json_string_value(value));
	else
		printf("%s", json_is_true(value) ? "yes" : json_is_false(value) ? "no"
										: "-");
}

/* One line an object: its name, then name and value of each figure; objects within have lines of their own, as name.name. */
static void print_object(const char *path, const json_t *object)
{
	const char *name;
	json_t *value;
	bool any = false;
	json_object_foreach((json_t *)(uintptr_t)object, name, value)
	{
		if (json_is_object(value))
			continue;
		if (!any)
			printf("%-18s", path);
		any = true;
		printf("  %s ", name);
		print_value(value);
	}
	if (any)
		putchar('\n');
	json_object_foreach((json_t *)(uintptr_t)object, name, value)
	{
		char within[200];
		snprintf(within, sizeof(within), "%s.%s", path, name);
		if (json_is_object(value))
			print_object(within, value);
	}
}

static void print_table(const json_t *result)
{
	const char *name;
	json_t *value;
	json_object_foreach((json_t *)(uintptr_t)result, name, value)
	{
		if (json_is_object(value)) {
			print_object(name, value);
			continue;
		}
		printf("%-18s  ", name);
		print_value(value);
		putchar('\n');
	}
}

/* An option that was given and belongs to other ways alone; NULL: none. */
static const char *without_effect(const struct arguments *a, size_t way)
{
	for (size_t i = 0; i < WAYS; i++) {
		for (size_t j = 0; j < sizeof(ways[i].with) / sizeof(ways[i].with[0]); j++) {
			bool belongs = false;
			for (size_t k = 0; k < sizeof(ways[way].with) / sizeof(ways[way].with[0]); k++)
				belongs |= !strcmp(ways[way].with[k], ways[i].with[j]);
			if (!belongs && arguments_value(a, ways[i].with[j]))
				return ways[i].with[j];
		}
	}
	return NULL;
}

int ctl_evaluate(struct ctl *ctl)
{
	const struct arguments *a = ctl->arguments;
	size_t way = 0;
	int chosen = 0;
	for (size_t i = 1; i < WAYS; i++) {
		if (!arguments_value(a, ways[i].option))
			continue;
		way = i;
		chosen++;
	}
	if (chosen > 1 || (chosen && a->n_positional))
		return ctl_fail(ctl, EX_USAGE, "give event files, --labelled or --baskets: one of them");
	if (!chosen && !a->n_positional)
		return ctl_fail(ctl, EX_USAGE, "what is to be evaluated? event files, --labelled FILE or --baskets FILE");
	const char *stray = without_effect(a, way);
	if (stray)
		return ctl_fail(ctl, EX_USAGE, "--%s says nothing of %s%s; see glintctl evaluate --help", stray, way ? "--" : "event files", way ? ways[way].option : "");
	json_t *result = json_object();
	if (!result)
		return ctl_fail(ctl, EX_UNAVAILABLE, "out of memory");
	int code = ways[way].run(ctl, result);
	if (!code && ctl->json) {
		json_dumpf(result, stdout, JSON_REAL_PRECISION(9));
		putchar('\n');
	} else if (!code)
		print_table(result);
	json_decref(result);
	return code;
}
