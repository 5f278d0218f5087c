/* config_reload: all of a changed configuration is taken over, or nothing, with the reasons. */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/config/config.h"
#include "daemon/config/option.h"
#include "processors/processor.h"
#include "processors/sentiment.h"

static char folder[] = "/tmp/glint-reload-XXXXXX", path[PATH_MAX], words[PATH_MAX];

static void write_file(const char *name, const char *text)
{
	FILE *f = fopen(name, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

#define LEAST "[kafka]\nbootstrap.servers = 127.0.0.1:9092\ngroup.id = shop\n[topics]\nclicks = clicks\n"

static struct config *loaded(const char *text)
{
	struct config *c = NULL;
	struct config_errors errors = { NULL, 0 };
	struct config_request request = { .path = path, .processors = processors, .n_processors = PROCESSORS };
	write_file(path, text);
	int rc = config_load(&request, &c, &errors);
	for (size_t i = 0; i < errors.n; i++)
		print_error("%s\n", errors.lines[i]);
	assert_int_equal(rc, 0);
	config_errors_done(&errors);
	return c;
}

/* Reloads `running` with text; each expected line must be there, in this order and no other. */
static int reloaded(struct config *running, const char *text, const char *const *expected, size_t n)
{
	struct config *fresh = loaded(text);
	struct config_errors lines = { NULL, 0 };
	int rc = config_reload(running, fresh, &lines);
	for (size_t i = 0; i < lines.n; i++) {
		const char *line = strncmp(lines.lines[i], path, strlen(path)) ? lines.lines[i] : lines.lines[i] + strlen(path);
		if (i >= n || strcmp(line, expected[i]))
			fail_msg("line %zu: '%s', expected '%s'", i, line, i < n ? expected[i] : "none");
	}
	assert_int_equal(lines.n, n);
	config_errors_done(&lines);
	config_destroy(fresh);
	return rc;
}

static void nothing_changed_is_no_change(void **state)
{
	(void)state;
	struct config *c = loaded(LEAST "[glint]\ncommit_interval = 1s\n");
	assert_int_equal(reloaded(c, LEAST "[glint]\n; the same\ncommit_interval = 1000ms\n", NULL, 0), 0);
	config_destroy(c);
}

static void live_options_are_taken_over_together(void **state)
{
	(void)state;
	static const char *const lines[] = { "redis.view_ttl: 7d -> 1d", "glint.log_level: info -> debug", "glint.commit_interval: 200ms -> 1s",
		"glint.max_users: 2_000_000 -> 5000", "recommend.list_size: 20 -> 7" };
	static const char *const back[] = { "redis.view_ttl: 1d -> 7d", "glint.log_level: debug -> info", "glint.commit_interval: 1s -> 200ms",
		"glint.max_users: 5000 -> 2_000_000", "recommend.list_size: 7 -> 20" };
	struct config *c = loaded(LEAST);
	const void *settings = config_settings(c, "recommend");
	assert_int_equal(reloaded(c, LEAST "[redis]\nview_ttl = 1d\n[glint]\ncommit_interval = 1s\nlog_level = debug\nmax_users = 5000\n"
					   "[recommend]\nlist_size = 7\n",
				 lines, 5),
		5);
	assert_int_equal(c->redis.view_ttl_ms, 86400000);
	assert_int_equal(c->glint.commit_interval_ms, 1000);
	assert_int_equal(c->glint.log_level, 3);
	assert_int_equal(c->glint.max_users, 5000);
	assert_ptr_equal(config_settings(c, "recommend"), settings); /* who holds them need not ask anew */
	assert_int_equal(reloaded(c, LEAST, back, 5), 5);
	assert_int_equal(c->redis.view_ttl_ms, 604800000);
	config_destroy(c);
}

static void one_change_that_needs_a_restart_refuses_all(void **state)
{
	(void)state;
	static const char *const lines[] = { ":3: kafka.group.id: has changed, and needs a restart",
		":4: kafka.linger.ms: has changed, and needs a restart",
		":6: topics.clicks: has changed, and needs a restart",
		": topics.clicks.map: has changed, and needs a restart",
		":9: redis.prefix: has changed, and needs a restart",
		":12: glint.allowed_lateness: has changed, and needs a restart",
		":14: privacy.k: has changed, and needs a restart",
					     ":16: spike.alpha: has changed, and needs a restart" };
	struct config *c = loaded(LEAST);
	assert_int_equal(reloaded(c, "[kafka]\nbootstrap.servers = 127.0.0.1:9092\ngroup.id = other\nlinger.ms = 7\n[topics]\nclicks = visits\n"
				     "clicks.map.user_id = visitor\n[redis]\nprefix = x\n[glint]\ncommit_interval = 1s\nallowed_lateness = 2h\n"
				     "[privacy]\nk = 5\n[spike]\nalpha = 0.01\n",
				 lines, 8),
		-EINVAL);
	assert_int_equal(c->glint.commit_interval_ms, 200);
	assert_string_equal(c->redis.prefix, "glint");
	/* and a property that is gone, or a map */
	config_destroy(c);
	c = loaded("[kafka]\nbootstrap.servers = 127.0.0.1:9092\ngroup.id = shop\nlinger.ms = 7\n[topics]\nclicks = clicks\n"
		   "clicks.map.user_id = visitor\n");
	static const char *const gone[] = { ": kafka.linger.ms: has changed, and needs a restart", ": topics.clicks.map: has changed, and needs a restart" };
	assert_int_equal(reloaded(c, LEAST, gone, 2), -EINVAL);
	config_destroy(c);
}

/* ../../conf/lexicons says what a lexicon is; two of one word each, that differ in its sign. */
static void a_lexicon_whose_file_changed_is_read_anew(void **state)
{
	(void)state;
	static const char *const lines[] = { "sentiment.lexicon_en: what the file holds" };
	char text[2 * PATH_MAX];
	snprintf(text, sizeof(text), LEAST "[sentiment]\nlexicon_en = %s\n", words);
	write_file(words, "@language en\n@rules vader\n[words]\nfine\t2.0\n");
	struct config *c = loaded(text);
	const struct sentiment_settings *s = config_settings(c, "sentiment");
	const void *before = s->scorer;
	write_file(words, "@language en\n@rules vader\n[words]\nfine\t-2.0\n");
	assert_int_equal(reloaded(c, text, lines, 1), 1);
	assert_ptr_equal(config_settings(c, "sentiment"), s);
	assert_ptr_not_equal(s->scorer, before);
	assert_non_null(strstr(s->lexicon_en.data, "-2.0"));
	assert_int_equal(reloaded(c, text, NULL, 0), 0);
	config_destroy(c);
}

static void live_options_of_the_daemon_are_numbers_that_are_stored_at_once(void **state)
{
	(void)state;
	static const char *const sections[] = { "topics", "redis", "glint", "privacy" };
	size_t live = 0;
	for (size_t s = 0; s < 4; s++) {
		size_t n;
		const struct option *o = config_options(sections[s], &n);
		for (size_t i = 0; i < n; i++)
			if (o[i].flags & OPTION_LIVE) {
				live++;
				assert_true(o[i].type == OPTION_DURATION || o[i].type == OPTION_COUNT || o[i].type == OPTION_SIZE ||
					o[i].type == OPTION_CHOICE);
			}
	}
	assert_true(live > 0);
}

static const struct option *table(const char *section, size_t *ret_n)
{
	for (int p = 0; p < PROCESSORS; p++)
		if (!strcmp(processors[p]->name, section)) {
			*ret_n = processors[p]->n_options;
			return processors[p]->options;
		}
	*ret_n = 0;
	return config_options(section, ret_n);
}

/* The comment above an option, or above a few in a row. */
static void the_reference_marks_the_live_options_and_no_others(void **state)
{
	(void)state;
	char *name = option_data_file("glintd.conf"), line[512], section[64] = "";
	assert_non_null(name);
	FILE *f = fopen(name, "r");
	assert_non_null(f);
	bool marked = false, in_comment = false;
	size_t seen = 0;
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] == ';') {
			marked = (in_comment && marked) || strstr(line, "(live)");
			in_comment = true;
			continue;
		}
		in_comment = false;
		size_t n, length = strcspn(line, " =");
		if (sscanf(line, "[%60[^]]]", section) == 1 || !length)
			continue;
		const struct option *o = table(section, &n);
		for (size_t i = 0; o && i < n; i++)
			if (strlen(o[i].name) == length && !strncmp(o[i].name, line, length)) {
				seen++;
				if (marked != !!(o[i].flags & OPTION_LIVE))
					fail_msg("%s.%s is %s", section, o[i].name, marked ? "not live" : "live, and not marked");
			}
	}
	fclose(f);
	free(name);
	assert_true(seen > 60);
}

static int make_folder(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/glintd.conf", folder);
	snprintf(words, sizeof(words), "%s/words.txt", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	unlink(path);
	unlink(words);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_changed_is_no_change),
		cmocka_unit_test(live_options_are_taken_over_together),
		cmocka_unit_test(one_change_that_needs_a_restart_refuses_all),
		cmocka_unit_test(a_lexicon_whose_file_changed_is_read_anew),
		cmocka_unit_test(the_reference_marks_the_live_options_and_no_others),
		cmocka_unit_test(live_options_of_the_daemon_are_numbers_that_are_stored_at_once),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
