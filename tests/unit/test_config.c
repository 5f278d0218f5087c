/* The configuration: what is read, what is refused and how, and what comes out. */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/config/config.h"
#include "daemon/config/ini.h"
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

static void what_is_off_is_known_and_nothing_else_needs_it(void **state)
{
	(void)state;
	static const struct processor rattle = { .name = "rattle", .needs = "toy", .settings_size = 1 };
	const struct processor *const pair[] = { &toy, &rattle };
	struct config_request request = { .path = file_with("t.conf", LEAST "[glint]\noff = ratle, toy\n"), .processors = pair, .n_processors = 2 };
	struct config_errors errors = { 0 };
	struct config *config = NULL;
	assert_int_equal(config_load(&request, &config, &errors), -EINVAL);
	assert_int_equal(errors.n, 2);
	assert_non_null(strstr(errors.lines[0], "t.conf:7: glint.off: there is no processor 'ratle'; did you mean 'rattle'?"));
	assert_non_null(strstr(errors.lines[1], "t.conf:7: glint.off: rattle needs toy: switch it off too, or leave toy on"));
	config_errors_done(&errors);

	request.path = file_with("t.conf", LEAST "[glint]\noff = ratle\nsettle = soon\n"); /* beside another error of the section */
	assert_int_equal(config_load(&request, &config, &errors), -EINVAL);
	assert_int_equal(errors.n, 2);
	config_errors_done(&errors);

	request.path = file_with("t.conf", LEAST "[glint]\noff = rattle ,toy\n");
	assert_int_equal(config_load(&request, &config, &errors), 0);
	assert_true(config_processor_off(config, "toy") && config_processor_off(config, "rattle"));
	assert_false(config_processor_off(config, "toys") || config_processor_off(config, ""));
	config_destroy(config);
	request.path = file_with("t.conf", LEAST);
	assert_int_equal(config_load(&request, &config, &errors), 0);
	assert_false(config_processor_off(config, "toy"));
	config_destroy(config);
	config_errors_done(&errors);
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
		cmocka_unit_test(lines_of_thousands_of_bytes_are_read_whole),
		cmocka_unit_test(a_line_beyond_the_bound_is_an_error_with_its_number),
		cmocka_unit_test(indentation_colons_comments_and_line_ends_are_taken_as_people_write_them),
		cmocka_unit_test(every_error_is_reported_at_once_in_the_order_of_the_file),
		cmocka_unit_test(options_that_contradict_each_other_are_refused),
		cmocka_unit_test(what_is_off_is_known_and_nothing_else_needs_it),
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
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
