/* conf/glintd.conf says the truth: every option of every table is there, with its default, and it loads. */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/config/config.h"
#include "daemon/config/ini.h"
#include "daemon/config/option.h"
#include "processors/bias.h"
#include "processors/processor.h"

struct written {
	char names[512][96]; /* "section.name" */
	char values[512][128];
	size_t n;
};

static void note_section(void *to, const char *section, int line)
{
	(void)to;
	(void)section;
	(void)line;
}

static void note_pair(void *to, const char *section, const char *name, const char *value, int line)
{
	struct written *w = to;
	(void)line;
	assert_true(w->n < 512);
	snprintf(w->names[w->n], sizeof(w->names[0]), "%s.%s", section, name);
	snprintf(w->values[w->n++], sizeof(w->values[0]), "%s", value);
}

static void note_wrong(void *to, int line, const char *sentence)
{
	(void)to;
	fail_msg("conf/glintd.conf:%d: %s", line, sentence);
}

static const char *reference(void)
{
	static char path[PATH_MAX];
	const char *name = option_data_file("glintd.conf");
	assert_non_null(name);
	snprintf(path, sizeof(path), "%s", name);
	free((void *)name);
	return path;
}

static int missing(const struct written *w, const char *section, const struct option *options, size_t n)
{
	int found_missing = 0;
	for (size_t i = 0; i < n; i++) {
		char name[128];
		size_t j = 0;
		snprintf(name, sizeof(name), "%s.%s", section, options[i].name);
		while (j < w->n && strcmp(w->names[j], name))
			j++;
		const char *is = j < w->n ? w->values[j] : NULL;
		const char *wanted = options[i].value ? options[i].value : "";
		bool name_of_topic = !strcmp(section, "topics") && options[i].type == OPTION_TEXT; /* the file shows names, the default is none */
		if (is && (name_of_topic || !strcmp(is, wanted)))
			continue;
		char allowed[256];
		option_allowed(&options[i], allowed, sizeof(allowed));
		if (!found_missing++)
			print_error("conf/glintd.conf lacks, or says otherwise:\n[%s]\n", section);
		print_error("\n; %s %s\n%s = %s\n", options[i].help, allowed, options[i].name, wanted);
	}
	return found_missing;
}

static void the_reference_has_every_option_with_its_default(void **state)
{
	static const char *const sections[] = { "topics", "redis", "glint", "privacy" };
	static const struct ini_calls calls = { note_section, note_pair, note_wrong };
	static struct written w;
	struct option_file file;
	char error[OPTION_ERROR_BYTES];
	int wrong = 0;
	(void)state;
	assert_int_equal(option_read_file(reference(), 1 << 20, &file, error, sizeof(error)), 0);
	assert_int_equal(ini_read(file.data, file.size, &calls, &w), 0);
	for (size_t i = 0; i < 4; i++) {
		size_t n;
		const struct option *options = config_options(sections[i], &n);
		wrong += missing(&w, sections[i], options, n);
	}
	for (size_t i = 0; i < PROCESSORS; i++)
		wrong += missing(&w, processors[i]->name, processors[i]->options, processors[i]->n_options);
	free(file.path);
	free(file.data);
	assert_int_equal(wrong, 0);
}

static void every_option_has_help_and_a_default_that_is_allowed(void **state)
{
	static const char *const sections[] = { "topics", "redis", "glint", "privacy" };
	char error[OPTION_ERROR_BYTES];
	(void)state;
	for (size_t i = 0; i < 4 + PROCESSORS; i++) {
		size_t n = i < 4 ? 0 : processors[i - 4]->n_options;
		const struct option *options = i < 4 ? config_options(sections[i], &n) : processors[i - 4]->options;
		uint64_t settings[512] = { 0 };
		for (size_t j = 0; j < n; j++) {
			assert_true(options[j].offset + options[j].size <= sizeof(settings));
			assert_true(options[j].help && strlen(options[j].help) > 10 && options[j].help[strlen(options[j].help) - 1] == '.');
			for (size_t k = 0; k < j; k++)
				assert_string_not_equal(options[j].name, options[k].name);
		}
		if (option_set_defaults(options, n, settings, sizeof(settings), error, sizeof(error)) != 0)
			fail_msg("%s", error);
		option_free(options, n, settings);
	}
}

static void the_reference_and_the_minimal_file_load(void **state)
{
	static const char *const names[] = { "glintd.conf", "glintd-minimal.conf" };
	(void)state;
	for (int i = 0; i < 2; i++) {
		char *path = option_data_file(names[i]);
		const struct config_request request = { .path = path, .processors = processors, .n_processors = PROCESSORS };
		struct config *c = NULL;
		struct config_errors errors = { NULL, 0 };
		assert_non_null(path);
		int r = config_load(&request, &c, &errors);
		for (size_t j = 0; j < errors.n; j++)
			print_error("%s\n", errors.lines[j]);
		assert_int_equal(r, 0);
		assert_string_equal(c->topics.of[EVENT_ITEM].name, "items");
		assert_int_equal(c->glint.commit_interval_ms, 200);
		assert_true(c->glint.http_on);
		config_destroy(c);
		free(path);
	}
}

static void one_scale_of_ratings_is_of_glint_and_reaches_the_biases(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		const char *const sets[] = { "topics.reviews=r", "glint.rating_min=1", i ? "bias.rating_max=10" : "glint.rating_max=10" };
		const struct config_request request = { .sets = sets, .n_sets = 3, .ctl = true, .embedded = true, .processors = processors, .n_processors = PROCESSORS };
		struct config *c = NULL;
		struct config_errors errors = { NULL, 0 };
		int r = config_load(&request, &c, &errors);
		if (i) { /* as a file of before has it */
			assert_int_equal(r, -EINVAL);
			assert_string_equal(errors.lines[0], "--set: bias.rating_max: unknown option; it is one of [glint]");
		} else {
			const struct bias_settings *s = config_settings(c, "bias");
			struct decoder_settings decoder;
			config_decoder(c, EVENT_REVIEW, &decoder);
			assert_int_equal(r, 0);
			assert_true(s->rating_min == 1 && s->rating_max == 10);
			assert_true(decoder.limits.rating_min_milli == 1000 && decoder.limits.rating_max_milli == 10000);
		}
		config_errors_done(&errors);
		config_destroy(c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_reference_has_every_option_with_its_default),
		cmocka_unit_test(every_option_has_help_and_a_default_that_is_allowed),
		cmocka_unit_test(the_reference_and_the_minimal_file_load),
		cmocka_unit_test(one_scale_of_ratings_is_of_glint_and_reaches_the_biases),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
