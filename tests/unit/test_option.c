/* Values of options, names that are nearly right, addresses and the command line. */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/config/address.h"
#include "daemon/config/args.h"
#include "daemon/config/config.h"
#include "daemon/config/option.h"
#include "daemon/config/suggest.h"

struct toy_settings {
	int64_t window_ms, pairs;
	double share;
	bool on;
	int mode;
	struct option_file words;
	char *note;
};

static const struct option toy_options[] = {
	{ "window", OPTION_DURATION, OPTION_AT(toy_settings, window_ms), .value = "30d", .min = "1h", .max = "3650d", .zero = "for ever", .help = "h" },
	{ "pairs", OPTION_COUNT, OPTION_AT(toy_settings, pairs), .value = "1_000", .min = "1", .max = "1000000", .unit = "pairs", .help = "h" },
	{ "share", OPTION_REAL, OPTION_AT(toy_settings, share), .value = "0.25", .min = "0", .max = "1", .help = "h" },
	{ "on", OPTION_BOOL, OPTION_AT(toy_settings, on), .value = "on", .help = "h" },
	{ "mode", OPTION_CHOICE, OPTION_AT(toy_settings, mode), .value = "slow", .choices = "fast|slow|both", .help = "h" },
	{ "words", OPTION_FILE, OPTION_AT(toy_settings, words), .help = "h" },
	{ "note", OPTION_TEXT, OPTION_AT(toy_settings, note), .value = "hello", .help = "h" },
};

static void durations_sizes_and_counts_have_units(void **state)
{
	static const struct {
		const char *text;
		int64_t value;
	} durations[] = { { "0", 0 }, { "200ms", 200 }, { "30s", 30000 }, { "5min", 300000 }, { "12h", 43200000 }, { "30 d", 2592000000 } },
	  sizes[] = { { "0", 0 }, { "512", 512 }, { "64KiB", 65536 }, { "8 MiB", 8388608 }, { "3GiB", 3221225472 }, { "7B", 7 } },
	  counts[] = { { "0", 0 }, { "-1", -1 }, { "1_000_000", 1000000 }, { "9223372036854775807", INT64_MAX } };
	static const char *const bad_durations[] = { "", "5", "5m", "5 minutes", "1.5s", "s", "1h30min", "99999999999999999d", "0x5s", "5S" };
	static const char *const bad_counts[] = { "", "1,000", "_1", "1_", "1__0", "1e3", "--1", "9223372036854775808", "10 items" };
	int64_t v;
	(void)state;

	for (size_t i = 0; i < sizeof(durations) / sizeof(*durations); i++) {
		assert_int_equal(option_parse_duration(durations[i].text, &v), 0);
		assert_int_equal(v, durations[i].value);
	}
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		assert_int_equal(option_parse_size(sizes[i].text, &v), 0);
		assert_int_equal(v, sizes[i].value);
	}
	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		assert_int_equal(option_parse_count(counts[i].text, &v), 0);
		assert_int_equal(v, counts[i].value);
	}
	for (size_t i = 0; i < sizeof(bad_durations) / sizeof(*bad_durations); i++)
		assert_int_equal(option_parse_duration(bad_durations[i], &v), -EINVAL);
	for (size_t i = 0; i < sizeof(bad_counts) / sizeof(*bad_counts); i++)
		assert_int_equal(option_parse_count(bad_counts[i], &v), -EINVAL);
	assert_int_equal(option_parse_size("64KB", &v), -EINVAL);
}

static void a_refused_value_leaves_its_field_and_says_what_is_allowed(void **state)
{
	static const struct {
		size_t option;
		const char *value, *error;
	} cases[] = {
		{ 0, "30min", "'30min' is too small; allowed: 1h to 3650d, or 0 (for ever)" },
		{ 0, "5000d", "'5000d' is too large; allowed: 1h to 3650d, or 0 (for ever)" },
		{ 0, "7", "'7' is not a duration: a whole number and ms, s, min, h or d; allowed: 1h to 3650d, or 0 (for ever)" },
		{ 1, "0", "'0' is too small; allowed: 1 to 1000000 pairs" },
		{ 1, "many", "'many' is not a whole number; allowed: 1 to 1000000 pairs" },
		{ 2, "1.01", "'1.01' is too large; allowed: 0 to 1" },
		{ 2, "nan", "'nan' is not a number; allowed: 0 to 1" },
		{ 2, "0x1", "'0x1' is not a number; allowed: 0 to 1" },
		{ 3, "maybe", "'maybe' is neither on nor off; allowed: on or off" },
		{ 4, "quick", "'quick' is none of the choices; allowed: fast, slow or both" },
		{ 4, "fast|slow", "'fast|slow' is none of the choices; allowed: fast, slow or both" },
	};
	struct toy_settings s;
	char error[OPTION_ERROR_BYTES];
	(void)state;

	assert_int_equal(option_set_defaults(toy_options, OPTION_N(toy_options), &s, sizeof(s), error, sizeof(error)), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(option_set(&toy_options[cases[i].option], &s, cases[i].value, false, NULL, error, sizeof(error)), -EINVAL);
		assert_string_equal(error, cases[i].error);
	}
	assert_int_equal(s.window_ms, INT64_C(30) * 86400 * 1000);
	assert_int_equal(s.pairs, 1000);
	assert_true(s.share == 0.25);
	assert_true(s.on);
	assert_int_equal(s.mode, 1);
	assert_string_equal(s.note, "hello");
	assert_string_equal(s.words.path, "");
	assert_null(s.words.data);
	assert_int_equal(option_set(&toy_options[0], &s, "0", false, NULL, error, sizeof(error)), 0);
	assert_int_equal(s.window_ms, 0);
	option_free(toy_options, OPTION_N(toy_options), &s);
}

static void a_near_name_is_suggested_and_a_far_one_is_not(void **state)
{
	(void)state;
	assert_int_equal(suggest_distance("kitten", "sitting"), 3);
	assert_int_equal(suggest_distance("", "abc"), 3);
	assert_int_equal(suggest_distance("commit", "comimt"), 1); /* neighbours swapped */
	assert_int_equal(suggest_distance("Commit-Interval", "commit_interval"), 0);
	struct suggestion s = { .wanted = "comit_intervall" };
	suggest_offer(&s, "model_interval");
	suggest_offer(&s, "commit_interval");
	suggest_offer(&s, "snapshot_interval");
	assert_string_equal(s.best, "commit_interval");
	s = (struct suggestion){ .wanted = "http" };
	suggest_offer(&s, "settle");
	assert_null(s.best);
}

static void redis_urls_are_taken_apart(void **state)
{
	static const struct {
		const char *url, *host, *path, *user, *where;
		int port, db;
	} good[] = {
		{ "redis://127.0.0.1:6379/0", "127.0.0.1", NULL, NULL, "127.0.0.1:6379/0", 6379, 0 },
		{ "redis://h", "h", NULL, NULL, "h:6379/0", 6379, 0 },
		{ "redis://h/", "h", NULL, NULL, "h:6379/0", 6379, 0 },
		{ "redis://me%40shop@h:7/12", "h", NULL, "me@shop", "h:7/12", 7, 12 },
		{ "redis://[::1]:7/1", "::1", NULL, NULL, "[::1]:7/1", 7, 1 },
		{ "unix:///run/redis.sock", NULL, "/run/redis.sock", NULL, "/run/redis.sock, database 0", 6379, 0 },
		{ "unix:///run/a%20b?db=3", NULL, "/run/a b", NULL, "/run/a b, database 3", 6379, 3 },
	};
	static const char *const bad[] = { "", "127.0.0.1:6379", "http://h", "rediss://h", "redis://", "redis://:6379", "redis://h:0", "redis://h:65536", "redis://h:x",
					   "redis://h/x", "redis://h/1/2", "redis://u:p@h", "redis://:p@h", "redis://[::1", "unix://run/x", "unix:///x?base=1",
					   "unix:///x?db=", "redis://h?db=1" };
	struct config_redis r = { .url = NULL };
	char error[OPTION_ERROR_BYTES];
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_int_equal(address_redis(good[i].url, &r, error, sizeof(error)), 0);
		for (int j = 0; j < 4; j++) {
			const char *is = j == 0 ? r.host : j == 1 ? r.unix_path : j == 2 ? r.user : r.where;
			const char *wanted = j == 0 ? good[i].host : j == 1 ? good[i].path : j == 2 ? good[i].user : good[i].where;
			assert_int_equal(is != NULL, wanted != NULL);
			if (is)
				assert_string_equal(is, wanted);
		}
		assert_int_equal(r.port, good[i].port);
		assert_int_equal(r.db, good[i].db);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		error[0] = 0;
		assert_int_equal(address_redis(bad[i], &r, error, sizeof(error)), -EINVAL);
		assert_true(error[0] != 0);
		assert_null(strstr(error, "u:p@"));
	}
	free(r.host);
	free(r.unix_path);
	free(r.user);
	free(r.where);
}

static void http_addresses_are_numbers_or_off(void **state)
{
	struct config_glint g = { .http_on = true };
	char error[OPTION_ERROR_BYTES];
	static const char *const bad[] = { "", "9464", "localhost:9464", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "::1:80", "[::1]", "127.0.0.1:80x", ":80" };
	(void)state;
	assert_int_equal(address_http("off", &g, error, sizeof(error)), 0);
	assert_false(g.http_on);
	assert_int_equal(address_http("[::1]:80", &g, error, sizeof(error)), 0);
	assert_true(g.http_on);
	assert_string_equal(g.http_address, "::1");
	assert_int_equal(g.http_port, 80);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(address_http(bad[i], &g, error, sizeof(error)), -EINVAL);
	assert_int_equal(g.http_port, 80);
}

static void the_command_line_is_understood_in_both_spellings(void **state)
{
	char *argv[] = { "glintd", "--config", "a.conf", "--instance=x", "--set", "a.b=c=d", "--set=e.f=", "--check-config", "--embedded" };
	struct args a;
	char error[256];
	(void)state;
	assert_int_equal(args_parse(9, argv, &a, error, sizeof(error)), 0);
	assert_string_equal(a.config, "a.conf");
	assert_string_equal(a.instance, "x");
	assert_int_equal(a.n_sets, 2);
	assert_string_equal(a.sets[0], "a.b=c=d");
	assert_string_equal(a.sets[1], "e.f=");
	assert_int_equal(a.action, ARGS_CHECK_CONFIG);
	assert_true(a.embedded);
	args_done(&a);
}

static void a_wrong_command_line_is_answered_with_a_sentence(void **state)
{
	static const struct {
		char *argv[4];
		int argc;
		const char *error;
	} cases[] = {
		{ { "glintd" }, 1, "--config FILE is needed (or --embedded, to try glint without Kafka); --help says more" },
		{ { "glintd", "--confg", "x" }, 3, "'--confg' is not known; did you mean '--config'?" },
		{ { "glintd", "run" }, 2, "'run' is not known; --help lists what is" },
		{ { "glintd", "--config" }, 2, "--config needs a value" },
		{ { "glintd", "--config=" }, 2, "--config needs a value" },
		{ { "glintd", "--embedded=yes" }, 2, "--embedded takes no value" },
		{ { "glintd", "--config=a", "--config=b" }, 3, "--config is given twice" },
	};
	struct args a;
	char error[256];
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(args_parse(cases[i].argc, cases[i].argv, &a, error, sizeof(error)), -EINVAL);
		assert_string_equal(error, cases[i].error);
	}
	char *argv[] = { "glintd", "--dump-config", "--version", "--check-config" };
	assert_int_equal(args_parse(4, argv, &a, error, sizeof(error)), 0);
	assert_int_equal(a.action, ARGS_VERSION);
	args_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations_sizes_and_counts_have_units),
		cmocka_unit_test(a_refused_value_leaves_its_field_and_says_what_is_allowed),
		cmocka_unit_test(a_near_name_is_suggested_and_a_far_one_is_not),
		cmocka_unit_test(redis_urls_are_taken_apart),
		cmocka_unit_test(http_addresses_are_numbers_or_off),
		cmocka_unit_test(the_command_line_is_understood_in_both_spellings),
		cmocka_unit_test(a_wrong_command_line_is_answered_with_a_sentence),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
