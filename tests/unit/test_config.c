/* The configuration: what is read, what is refused and how, and that the reference says the truth. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/config/address.h"
#include "daemon/config/args.h"
#include "daemon/config/config.h"
#include "daemon/config/ini.h"
#include "daemon/config/option.h"
#include "daemon/config/suggest.h"
#include "processors/processor.h"

static char folder[PATH_MAX]; /* of this run, removed at the end */

static const char *path_of(const char *name)
{
	static char paths[4][PATH_MAX + 64];
	static int next;
	char *p = paths[next++ % 4];
	snprintf(p, sizeof(paths[0]), "%s/%s", folder, name);
	return p;
}

static const char *file_with(const char *name, const char *text)
{
	const char *path = path_of(name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
	return path;
}

/* ---- a processor of the tests' own ---- */

struct toy_settings {
	int64_t window_ms, pairs;
	double share;
	bool on;
	int mode;
	struct option_file words;
	char *note;
	int set_up;
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

static int n_set_up;

static int toy_setup(void *settings, char *error, size_t size)
{
	struct toy_settings *s = settings;
	if (!strcmp(s->note, "refuse")) {
		snprintf(error, size, "the toy is broken");
		return -EINVAL;
	}
	s->set_up = 1;
	n_set_up++;
	return 0;
}

static void toy_teardown(void *settings)
{
	assert_int_equal(((struct toy_settings *)settings)->set_up, 1);
	n_set_up--;
}

static const struct processor toy = {
	.name = "toy", .options = toy_options, .n_options = OPTION_N(toy_options), .settings_size = sizeof(struct toy_settings),
	.setup = toy_setup, .teardown = toy_teardown,
};
static const struct processor *const toys[] = { &toy };

static int check_kafka(const char *name, const char *value, char *error, size_t size)
{
	if (!strcmp(name, "acks")) {
		snprintf(error, size, "glint sets it itself");
		return -EINVAL;
	}
	if (!strcmp(name, "sasl.password") && !strcmp(value, "bad")) {
		snprintf(error, size, "Invalid value \"bad\"");
		return -EINVAL;
	}
	return !strncmp(name, "queued.", 7) && strcmp(name, "queued.min.messages") ? -ENOENT : 0;
}

static const char *const kafka_names[] = { "acks", "bootstrap.servers", "group.id", "queued.min.messages" };

#define LEAST "[kafka]\nbootstrap.servers = 127.0.0.1:9092\ngroup.id = shop\n[topics]\nclicks = clicks\n"

static int load(const char *text, const char *const *sets, size_t n_sets, struct config **ret, struct config_errors *errors)
{
	const struct config_request request = {
		.path = text ? file_with("t.conf", text) : NULL, .sets = sets, .n_sets = n_sets, .processors = toys, .n_processors = 1,
		.check_kafka = check_kafka, .kafka_names = kafka_names, .n_kafka_names = 4,
	};
	*errors = (struct config_errors){ NULL, 0 };
	return config_load(&request, ret, errors);
}

static struct config *loaded(const char *text)
{
	struct config *c = NULL;
	struct config_errors errors;
	int r = load(text, NULL, 0, &c, &errors);
	for (size_t i = 0; i < errors.n; i++)
		print_error("%s\n", errors.lines[i]);
	assert_int_equal(r, 0);
	return c;
}

/* Each expected text, after the file's path, is the beginning of the error at its place; all errors are expected. */
static void refused(const char *text, const char *const *expected, size_t n)
{
	struct config *c = NULL;
	struct config_errors errors;
	assert_int_equal(load(text, NULL, 0, &c, &errors), -EINVAL);
	assert_null(c);
	for (size_t i = 0; i < errors.n; i++) {
		const char *e = errors.lines[i];
		if (!strncmp(e, folder, strlen(folder)))
			e += strlen(folder) + 1;
		if (i >= n || strncmp(e, expected[i], strlen(expected[i])))
			fail_msg("error %zu: '%s', expected '%s'", i, e, i < n ? expected[i] : "none");
	}
	assert_int_equal(errors.n, n);
	config_errors_done(&errors);
}

#define REFUSED(text, ...)                                                       \
	do {                                                                     \
		const char *const expected[] = { __VA_ARGS__ };                  \
		refused(text, expected, sizeof(expected) / sizeof(expected[0])); \
	} while (0)

/* ---- values ---- */

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

/* ---- the file ---- */

static void lines_of_thousands_of_bytes_are_read_whole(void **state)
{
	char text[12000], list[9000] = "";
	(void)state;
	for (int i = 0; i < 300; i++)
		sprintf(list + strlen(list), "%sbroker-%03d.example:9092", i ? "," : "", i);
	snprintf(text, sizeof(text), "[kafka]\nbootstrap.servers = %s ; all\ngroup.id = g\n[topics]\nclicks=c\n", list);
	struct config *c = loaded(text);
	assert_string_equal(c->kafka.bootstrap_servers, list);
	config_destroy(c);
}

static void a_line_beyond_the_bound_is_an_error_with_its_number(void **state)
{
	char *text = malloc(INI_LINE_BYTES + 100);
	(void)state;
	strcpy(text, "[kafka]\ngroup.id = ");
	memset(text + strlen(text), 'x', INI_LINE_BYTES);
	text[19 + INI_LINE_BYTES - 11 + 1] = 0;
	REFUSED(text, "t.conf:2: the line is longer than 65536 bytes", "t.conf: kafka.bootstrap.servers: is required", "t.conf: kafka.group.id: is required",
		"t.conf: topics: no input is set");
	free(text);
}

static void indentation_colons_comments_and_line_ends_are_taken_as_people_write_them(void **state)
{
	(void)state;
	struct config *c = loaded("\xef\xbb\xbf; a comment\r\n  [ kafka ]\r\n\tbootstrap.servers = a:1,b:2 ; two\r\n   group.id : g\r\n"
				  "# another\n[topics] ; inputs\nclicks=c\n\n[redis]\n  prefix=c;d");
	assert_string_equal(c->kafka.bootstrap_servers, "a:1,b:2");
	assert_string_equal(c->kafka.group_id, "g");
	assert_string_equal(c->redis.prefix, "c;d"); /* no blank before it: no comment */
	config_destroy(c);
}

static void every_error_is_reported_at_once_in_the_order_of_the_file(void **state)
{
	(void)state;
	REFUSED("stray = 1\n"
		"[kafka]\n"
		"bootstrap.servers = a:1\n"
		"queued.min.mesages = 5\n"
		"acks = 1\n"
		"[topics]\n"
		"clicks = no good\n"
		"purchases = p\n"
		"reviews = p\n"
		"[glint\n"
		"[redis]\n"
		"url = redis://me:hunter2@h\n"
		"junk\n"
		"[glint]\n"
		"commit_intervall = 1s\n"
		"settle = 2h\n"
		"settle = 3s\n"
		"prefix = x\n"
		"guarantee = at_least_once\n"
		"[sentimental]\n"
		"a = b\n"
		"[toy]\n"
		"mode = quick\n"
		"words = missing.txt\n",
		"t.conf:1: stray: stands before the first [section]",
		"t.conf:4: kafka.queued.min.mesages: librdkafka has no such property; did you mean 'queued.min.messages'?",
		"t.conf:5: kafka.acks: glint sets it itself",
		"t.conf:7: topics.clicks: 'no good' is not a topic's name; allowed: 1 to 249 letters",
		"t.conf:9: topics.reviews: 'p' is the topic of purchases already",
		"t.conf:10: a section's name ends with ']'",
		"t.conf:12: redis.url: the URL holds a password; put it in a file",
		"t.conf:13: neither [section] nor name = value",
		"t.conf:15: glint.commit_intervall: unknown option; did you mean 'commit_interval'?",
		"t.conf:16: glint.settle: '2h' is too large; allowed: 0 to 1h",
		"t.conf:17: glint.settle: is set twice, first at ",
		"t.conf:18: glint.prefix: unknown option; it is one of [redis]",
		"t.conf:20: [sentimental]: unknown section; allowed: kafka, topics, redis, glint and one for each processor",
		"t.conf:23: toy.mode: 'quick' is none of the choices; allowed: fast, slow or both",
		"t.conf:24: toy.words: cannot read '",
		"t.conf: kafka.group.id: is required and not set");
}

static void options_that_contradict_each_other_are_refused(void **state)
{
	(void)state;
	REFUSED(LEAST "[glint]\nrating_min = 5\nrating_max = 1\nuser_expiry = 1d\nallowed_lateness = 2d\nreplication_factor = 0\nhttp = localhost:80\n"
		      "guarantee = at_least_once\n[redis]\nurl = redis://me@h\n",
		"t.conf:8: glint.rating_max: 1 is not above glint.rating_min, 5", "t.conf:9: glint.user_expiry: is less than glint.allowed_lateness",
		"t.conf:11: glint.replication_factor: '0' replicas hold nothing", "t.conf:12: glint.http: 'localhost:80' is not an address and a port",
		"t.conf:13: glint.guarantee: at_least_once is for --embedded", "t.conf:15: redis.url: names a user, but redis.password_file is not set");
}

static void a_file_that_cannot_be_read_is_the_only_error(void **state)
{
	const struct config_request request = { .path = path_of("nowhere.conf") };
	struct config *c = NULL;
	struct config_errors errors = { NULL, 0 };
	(void)state;
	assert_int_equal(config_load(&request, &c, &errors), -EINVAL);
	assert_int_equal(errors.n, 1);
	assert_non_null(strstr(errors.lines[0], "cannot read '"));
	assert_non_null(strstr(errors.lines[0], "No such file or directory"));
	config_errors_done(&errors);
}

static void a_zero_byte_is_no_text_file(void **state)
{
	static const char text[] = "[kafka]\ngroup\0.id = x\n";
	const char *path = path_of("zero.conf");
	struct config *c = NULL;
	struct config_errors errors = { NULL, 0 };
	FILE *f = fopen(path, "w");
	(void)state;
	fwrite(text, 1, sizeof(text) - 1, f);
	fclose(f);
	const struct config_request request = { .path = path };
	assert_int_equal(config_load(&request, &c, &errors), -EINVAL);
	assert_non_null(strstr(errors.lines[0], "zero.conf:2: the line holds a zero byte"));
	config_errors_done(&errors);
}

/* ---- what comes out ---- */

static void set_wins_over_the_file_and_the_later_set_over_the_earlier(void **state)
{
	static const char *const sets[] = { "glint.settle=1s", "glint.settle = 2s", "toy.pairs=7", "kafka.group.id=other", "topics.reviews=r" };
	struct config *c = NULL;
	struct config_errors errors;
	(void)state;
	assert_int_equal(load(LEAST "[glint]\nsettle = 9s\nhead_wait = 7s\n", sets, 5, &c, &errors), 0);
	assert_int_equal(c->glint.settle_ms, 2000);
	assert_int_equal(c->glint.head_wait_ms, 7000);
	assert_string_equal(c->kafka.group_id, "other");
	assert_string_equal(c->topics.of[EVENT_REVIEW].name, "r");
	assert_string_equal(c->topics.of[EVENT_PURCHASE].name, "");
	assert_int_equal(((const struct toy_settings *)config_settings(c, "toy"))->pairs, 7);
	assert_null(config_settings(c, "other"));
	config_destroy(c);
}

static void a_bad_set_is_named_without_its_value(void **state)
{
	static const char *const sets[] = { "settle=1s", "glint.settle", "=x", "shop.settle=secret", "glint.setle=1s" };
	struct config *c = NULL;
	struct config_errors errors;
	(void)state;
	assert_int_equal(load(LEAST, sets, 5, &c, &errors), -EINVAL);
	assert_int_equal(errors.n, 5);
	assert_string_equal(errors.lines[0], "--set: 'settle' is not section.option=value");
	assert_string_equal(errors.lines[1], "--set: 'glint.settle' is not section.option=value");
	assert_string_equal(errors.lines[2], "--set: '' is not section.option=value");
	assert_non_null(strstr(errors.lines[3], "--set: [shop]: unknown section"));
	assert_string_equal(errors.lines[4], "--set: glint.setle: unknown option; did you mean 'settle'?");
	config_errors_done(&errors);
}

static void secrets_come_from_files_and_are_masked(void **state)
{
	char text[1024], *dump = NULL;
	size_t size;
	struct config_errors errors;
	struct config *c;
	(void)state;
	file_with("redis.password", "open sesame\nnot this\n");
	file_with("kafka.password", "hunter2\r\n");
	snprintf(text, sizeof(text), LEAST "[kafka]\nsasl.password = file:kafka.password\nssl.key.password = in-the-clear\n"
					   "[redis]\nurl = redis://me@h:7/3\npassword_file = redis.password\n");
	c = loaded(text);
	assert_string_equal(c->redis.password, "open sesame");
	assert_string_equal(c->redis.user, "me");
	bool found = false;
	for (size_t i = 0; i < c->kafka.n_properties; i++)
		if (!strcmp(c->kafka.properties[i].name, "sasl.password")) {
			found = true;
			assert_string_equal(c->kafka.properties[i].value, "hunter2");
			assert_true(c->kafka.properties[i].secret);
		}
	assert_true(found);
	FILE *f = open_memstream(&dump, &size);
	config_dump(c, f);
	fclose(f);
	assert_null(strstr(dump, "hunter2"));
	assert_null(strstr(dump, "sesame"));
	assert_null(strstr(dump, "in-the-clear"));
	assert_non_null(strstr(dump, "ssl.key.password = ********"));
	assert_non_null(strstr(dump, "sasl.password = file:kafka.password"));
	free(dump);
	config_destroy(c);

	/* librdkafka's own sentence would repeat it */
	assert_int_equal(load(LEAST "[kafka]\nsasl.password = bad\n", NULL, 0, &c, &errors), -EINVAL);
	assert_null(strstr(errors.lines[0], "bad"));
	config_errors_done(&errors);
	REFUSED(LEAST "[kafka]\nsasl.password = file:nowhere\n", "t.conf:7: kafka.sasl.password: cannot read '");
	file_with("empty", "\n");
	REFUSED(LEAST "[redis]\npassword_file = empty\n", "t.conf:7: redis.password_file: the first line of '");
}

static void the_dump_shows_origins_and_reads_back_the_same(void **state)
{
	char *first = NULL, *second = NULL;
	size_t size;
	(void)state;
	struct config *c = loaded(LEAST "clicks.map.user_id = visitor.id\n[toy]\nshare = 0.5\n");
	FILE *f = open_memstream(&first, &size);
	config_dump(c, f);
	fclose(f);
	assert_non_null(strstr(first, "\n[glint]\n"));
	assert_non_null(strstr(first, "\ncommit_interval = 200ms "));
	assert_non_null(strstr(first, " ; default\n"));
	assert_non_null(strstr(first, "t.conf:8\n"));
	config_destroy(c);

	c = loaded(first);
	assert_int_equal(c->topics.of[EVENT_CLICK].n_maps, 1);
	assert_string_equal(c->topics.of[EVENT_CLICK].maps[0].field, "user_id");
	assert_string_equal(c->topics.of[EVENT_CLICK].maps[0].path, "visitor.id");
	f = open_memstream(&second, &size);
	config_dump(c, f);
	fclose(f);
	config_destroy(c);
	/* the same but for the origins */
	for (char *texts[2] = { first, second }, **t = texts; t < texts + 2; t++)
		for (char *p = strstr(*t, " ; "); p; p = strstr(p, " ; "))
			while (*p && *p != '\n')
				*p++ = ' ';
	char *a = first, *b = second;
	while (*a || *b) {
		size_t n = strcspn(a, "\n"), m = strcspn(b, "\n"), n2 = n, m2 = m;
		while (n2 && a[n2 - 1] == ' ')
			n2--;
		while (m2 && b[m2 - 1] == ' ')
			m2--;
		assert_int_equal(n2, m2);
		assert_memory_equal(a, b, n2);
		a += n + (a[n] == '\n');
		b += m + (b[m] == '\n');
	}
	free(first);
	free(second);
}

static void processors_get_their_settings_and_their_setup_once(void **state)
{
	(void)state;
	file_with("words.txt", "some words");
	struct config *c = loaded(LEAST "[toy]\nwindow = 0\nmode = fast\nwords = words.txt\non = no\n");
	const struct toy_settings *s = config_settings(c, "toy");
	assert_int_equal(s->window_ms, 0);
	assert_int_equal(s->mode, 0);
	assert_false(s->on);
	assert_string_equal(s->words.data, "some words");
	assert_int_equal(s->words.size, 10);
	assert_int_equal(s->set_up, 1);
	assert_int_equal(n_set_up, 1);
	config_destroy(c);
	assert_int_equal(n_set_up, 0);
	REFUSED(LEAST "[toy]\nnote = refuse\n", "t.conf:6: [toy]: the toy is broken");
	assert_int_equal(n_set_up, 0);
	REFUSED(LEAST "[glint]\nsettle = x\n[toy]\nnote = fine\n", "t.conf:7: glint.settle");
	assert_int_equal(n_set_up, 0); /* torn down when another section failed */
}

static void embedded_needs_no_broker_and_writes_what_glintctl_needs(void **state)
{
	struct config_request request = { .path = file_with("t.conf", "[topics]\nclicks = c\n[glint]\nguarantee = exactly_once\n"), .embedded = true };
	struct config *c = NULL;
	struct config_errors errors = { NULL, 0 };
	(void)state;
	assert_int_equal(config_load(&request, &c, &errors), 0);
	assert_int_equal(c->glint.guarantee, GUARANTEE_AT_LEAST_ONCE);
	assert_string_equal(c->kafka.group_id, "glint");
	assert_string_equal(c->kafka.bootstrap_servers, "");
	const char *path = path_of("embedded.conf");
	FILE *f = fopen(path, "w");
	config_write_embedded(c, "127.0.0.1:4711", f);
	fclose(f);
	config_destroy(c);

	request = (struct config_request){ .path = path, .ctl = true };
	assert_int_equal(config_load(&request, &c, &errors), 0);
	assert_string_equal(c->kafka.bootstrap_servers, "127.0.0.1:4711");
	assert_string_equal(c->kafka.group_id, "glint");
	assert_string_equal(c->topics.of[EVENT_CLICK].name, "c");
	assert_int_equal(c->glint.guarantee, GUARANTEE_AT_LEAST_ONCE);
	config_destroy(c);
}

static void an_embedded_daemon_without_a_file_needs_only_its_topics(void **state)
{
	static const char *const sets[] = { "topics.clicks=clicks" };
	const struct config_request request = { .embedded = true, .sets = sets, .n_sets = 1 };
	struct config *c = NULL;
	struct config_errors errors = { NULL, 0 };
	(void)state;
	assert_int_equal(config_load(&request, &c, &errors), 0);
	assert_null(c->path);
	config_destroy(c);
}

static void the_instance_comes_from_flag_file_environment_or_host_in_this_order(void **state)
{
	struct config_request request = { .path = file_with("t.conf", LEAST "[glint]\ninstance = from-file\n"), .instance = "from-flag" };
	struct config *c = NULL;
	struct config_errors errors = { NULL, 0 };
	char host[256];
	(void)state;
	setenv("GLINT_INSTANCE", "from-environment", 1);
	assert_int_equal(config_load(&request, &c, &errors), 0);
	assert_string_equal(c->glint.instance, "from-flag");
	config_destroy(c);
	request.instance = NULL;
	assert_int_equal(config_load(&request, &c, &errors), 0);
	assert_string_equal(c->glint.instance, "from-file");
	config_destroy(c);
	request.path = file_with("t.conf", LEAST);
	assert_int_equal(config_load(&request, &c, &errors), 0);
	assert_string_equal(c->glint.instance, "from-environment");
	config_destroy(c);
	unsetenv("GLINT_INSTANCE");
	assert_int_equal(config_load(&request, &c, &errors), 0);
	assert_int_equal(gethostname(host, sizeof(host)), 0);
	assert_memory_equal(c->glint.instance, host, strlen(host));
	assert_non_null(strstr(c->glint.instance, "-glint"));
	config_destroy(c);
	request.instance = "a b";
	assert_int_equal(config_load(&request, &c, &errors), -EINVAL);
	assert_non_null(strstr(errors.lines[0], "--instance: 'a b' is not an instance's name"));
	config_errors_done(&errors);
}

static int check_reviews(const struct config *config, enum event_kind kind, char *error, size_t size)
{
	struct decoder_settings d;
	config_decoder(config, kind, &d);
	assert_int_equal(d.limits.max_bytes, 1 << 20);
	assert_int_equal(d.limits.rating_min_milli, 500);
	assert_int_equal(d.limits.rating_max_milli, 5000);
	assert_null(d.schema);
	if (kind != EVENT_REVIEW)
		return 0;
	assert_int_equal(d.framing, FRAMING_CONFLUENT);
	assert_non_null(d.ids_folder);
	assert_int_equal(d.ids_folder[0], '/');
	snprintf(error, size, "no such field");
	return -EINVAL;
}

static void an_input_that_cannot_be_decoded_is_an_error_of_its_topic(void **state)
{
	const struct config_request request = {
		.path = file_with("t.conf", LEAST "reviews = r\nreviews.framing = confluent\nreviews.schema_ids = ids\n"), .check_topic = check_reviews
	};
	struct config *c = NULL;
	struct config_errors errors = { NULL, 0 };
	(void)state;
	assert_int_equal(config_load(&request, &c, &errors), -EINVAL);
	assert_int_equal(errors.n, 1);
	assert_non_null(strstr(errors.lines[0], "t.conf:6: topics.reviews: no such field"));
	config_errors_done(&errors);
}

/* ---- addresses ---- */

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

/* ---- the command line ---- */

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

/* ---- the reference ---- */

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
	static const char *const sections[] = { "topics", "redis", "glint" };
	static const struct ini_calls calls = { note_section, note_pair, note_wrong };
	static struct written w;
	struct option_file file;
	char error[OPTION_ERROR_BYTES];
	int wrong = 0;
	(void)state;
	assert_int_equal(option_read_file(reference(), 1 << 20, &file, error, sizeof(error)), 0);
	assert_int_equal(ini_read(file.data, file.size, &calls, &w), 0);
	for (size_t i = 0; i < 3; i++) {
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
	static const char *const sections[] = { "topics", "redis", "glint" };
	char error[OPTION_ERROR_BYTES];
	(void)state;
	for (size_t i = 0; i < 3 + PROCESSORS; i++) {
		size_t n = i < 3 ? 0 : processors[i - 3]->n_options;
		const struct option *options = i < 3 ? config_options(sections[i], &n) : processors[i - 3]->options;
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

static int make_folder(void **state)
{
	const char *base = getenv("TMPDIR");
	(void)state;
	snprintf(folder, sizeof(folder), "%s/glint-config-XXXXXX", base ? base : "/tmp");
	unsetenv("GLINT_INSTANCE");
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	static const char *const names[] = { "t.conf", "zero.conf", "embedded.conf", "words.txt", "empty", "redis.password", "kafka.password" };
	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		unlink(path_of(names[i]));
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations_sizes_and_counts_have_units),
		cmocka_unit_test(a_refused_value_leaves_its_field_and_says_what_is_allowed),
		cmocka_unit_test(a_near_name_is_suggested_and_a_far_one_is_not),
		cmocka_unit_test(lines_of_thousands_of_bytes_are_read_whole),
		cmocka_unit_test(a_line_beyond_the_bound_is_an_error_with_its_number),
		cmocka_unit_test(indentation_colons_comments_and_line_ends_are_taken_as_people_write_them),
		cmocka_unit_test(every_error_is_reported_at_once_in_the_order_of_the_file),
		cmocka_unit_test(options_that_contradict_each_other_are_refused),
		cmocka_unit_test(a_file_that_cannot_be_read_is_the_only_error),
		cmocka_unit_test(a_zero_byte_is_no_text_file),
		cmocka_unit_test(set_wins_over_the_file_and_the_later_set_over_the_earlier),
		cmocka_unit_test(a_bad_set_is_named_without_its_value),
		cmocka_unit_test(secrets_come_from_files_and_are_masked),
		cmocka_unit_test(the_dump_shows_origins_and_reads_back_the_same),
		cmocka_unit_test(processors_get_their_settings_and_their_setup_once),
		cmocka_unit_test(embedded_needs_no_broker_and_writes_what_glintctl_needs),
		cmocka_unit_test(an_embedded_daemon_without_a_file_needs_only_its_topics),
		cmocka_unit_test(the_instance_comes_from_flag_file_environment_or_host_in_this_order),
		cmocka_unit_test(an_input_that_cannot_be_decoded_is_an_error_of_its_topic),
		cmocka_unit_test(redis_urls_are_taken_apart),
		cmocka_unit_test(http_addresses_are_numbers_or_off),
		cmocka_unit_test(the_command_line_is_understood_in_both_spellings),
		cmocka_unit_test(a_wrong_command_line_is_answered_with_a_sentence),
		cmocka_unit_test(the_reference_has_every_option_with_its_default),
		cmocka_unit_test(every_option_has_help_and_a_default_that_is_allowed),
		cmocka_unit_test(the_reference_and_the_minimal_file_load),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
