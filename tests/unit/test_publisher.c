/* The publisher against a redis-server of the test's own, which is killed, stopped, filled, demoted and wiped under it.
 *
 * INCR is used where a test must tell "applied once" from "applied again": real views are absolute. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "daemon/config/config.h"
#include "daemon/face/health.h"
#include "daemon/redis/publisher.h"
#include "daemon/redis/redis_batch.h"
#include "daemon/redis/redis_connection.h"

#define PATIENCE_MS 15000

static struct {
	char dir[64], socket[96];
	int port;
	pid_t pid;
	redisContext *ctl;
} server;

static struct {
	struct config_redis config;
	struct health health;
	struct publisher *p;
} our;

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Waits for a condition of another process; the pause only keeps from spinning. */
#define UNTIL(condition)                                           \
	do {                                                       \
		int64_t limit_ = now_ms() + PATIENCE_MS;           \
		while (!(condition)) {                             \
			if (now_ms() > limit_)                     \
				fail_msg("never: %s", #condition); \
			poll(NULL, 0, 2);                          \
		}                                                  \
	} while (0)

static unsigned flood_sent;

/* --- the server --- */

static bool server_answers(void)
{
	if (server.ctl)
		redisFree(server.ctl);
	server.ctl = redisConnectUnix(server.socket);
	redisReply *r = server.ctl->err ? NULL : redisCommand(server.ctl, "PING");
	bool is = r != NULL;
	freeReplyObject(r);
	return is;
}

static void server_start(const char *option, const char *value)
{
	char port[16];
	snprintf(port, sizeof(port), "%d", server.port);
	pid_t parent = getpid();
	server.pid = fork();
	if (!server.pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent || chdir(server.dir) || !freopen("log", "a", stdout))
			_exit(1);
		execlp("redis-server", "redis-server", "--port", port, "--bind", "127.0.0.1", "--unixsocket", "s", "--save", "", "--dir",
			server.dir, "--enable-debug-command", "yes", option, value, "--loading-process-events-interval-bytes", "1024", (char *)NULL);
		_exit(127);
	}
	UNTIL(server_answers());
}

static void server_kill(void)
{
	kill(server.pid, SIGKILL);
	waitpid(server.pid, NULL, 0);
	unlink(server.socket);
}

static long long ask_integer(const char *format, ...)
{
	va_list a;
	va_start(a, format);
	redisReply *r = redisvCommand(server.ctl, format, a);
	va_end(a);
	assert_non_null(r);
	if (r->type == REDIS_REPLY_ERROR)
		fail_msg("%s: %s", format, r->str);
	long long n = r->type == REDIS_REPLY_INTEGER ? r->integer : r->type == REDIS_REPLY_STRING ? atoll(r->str)
												  : -1;
	freeReplyObject(r);
	return n;
}

/* The reply as text, in a buffer that the next call reuses; arrays as "a b (c d)"; "" for nil. */
static char answer[65536];

static size_t flatten(const redisReply *r, size_t n)
{
	if (r->type == REDIS_REPLY_INTEGER)
		n += (size_t)snprintf(answer + n, sizeof(answer) - n, "%lld", r->integer);
	else if (r->str)
		n += (size_t)snprintf(answer + n, sizeof(answer) - n, "%s", r->str);
	for (size_t i = 0; i < r->elements; i++) {
		bool nested = r->element[i]->type == REDIS_REPLY_ARRAY;
		n += (size_t)snprintf(answer + n, sizeof(answer) - n, "%s%s", i ? " " : "", nested ? "(" : "");
		n = flatten(r->element[i], n);
		n += (size_t)snprintf(answer + n, sizeof(answer) - n, "%s", nested ? ")" : "");
	}
	return n;
}

static const char *ask(const char *format, ...)
{
	va_list a;
	va_start(a, format);
	redisReply *r = redisvCommand(server.ctl, format, a);
	va_end(a);
	assert_non_null(r);
	answer[0] = 0;
	flatten(r, 0);
	freeReplyObject(r);
	return answer;
}

/* --- batches --- */

static struct batch *batch_new(enum batch_kind kind, const char *task, uint64_t epoch)
{
	struct batch *b = batch_create();
	b->kind = kind;
	b->epoch = epoch;
	snprintf(b->task, sizeof(b->task), "%s", task);
	return b;
}

static void add_command(struct batch *b, ...)
{
	const char *a[16];
	unsigned n = 0;
	va_list v;
	va_start(v, b);
	while (n < 16 && (a[n] = va_arg(v, const char *)))
		n++;
	va_end(v);
	buf_varint(&b->commands, n);
	for (unsigned i = 0; i < n; i++)
		buf_text(&b->commands, text_of(a[i]));
	b->n_commands++;
}
#define ADD(b, ...) add_command(b, __VA_ARGS__, (char *)NULL)

static void add_status(struct batch *b, const char *field, const char *value)
{
	buf_text(&b->status, text_of(field));
	buf_text(&b->status, text_of(value));
	b->n_status += 2;
}

static void add_alert(struct batch *b, int64_t offset, const char *json)
{
	buf_i64(&b->commands, offset);
	buf_text(&b->commands, text_of(json));
	b->n_commands++;
}

static struct batch *collect(void)
{
	struct batch *b;
	int64_t limit = now_ms() + PATIENCE_MS;
	while (!(b = publisher_completed(our.p))) {
		struct pollfd fd = { .fd = publisher_fd(our.p), .events = POLLIN };
		if (now_ms() > limit)
			fail_msg("no batch came back");
		poll(&fd, 1, 100);
	}
	return b;
}

/* Submits, waits, checks how it ended, and frees. */
static void ends(struct batch *b, enum batch_status status)
{
	assert_int_equal(publisher_submit(our.p, b), 0);
	struct batch *back = collect();
	assert_ptr_equal(back, b);
	assert_int_equal(back->result, status);
	batch_destroy(back);
}

static void take_over(const char *task, uint64_t epoch)
{
	ends(batch_new(BATCH_TAKE_OVER, task, epoch), BATCH_DONE);
}

static struct batch *incr(const char *task, uint64_t epoch, const char *key)
{
	struct batch *b = batch_new(BATCH_VIEWS, task, epoch);
	ADD(b, "INCR", key);
	return b;
}

static struct publisher_stats stats(void)
{
	struct publisher_stats s;
	publisher_stats(our.p, &s);
	return s;
}

/* --- set-up --- */

static int suite_setup(void **state)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	(void)state;
	if (bind(fd, (struct sockaddr *)&a, size) || getsockname(fd, (struct sockaddr *)&a, &size))
		return -1;
	close(fd);
	server.port = ntohs(a.sin_port);
	strcpy(server.dir, "/tmp/glint-publisher-XXXXXX");
	if (!mkdtemp(server.dir))
		return -1;
	snprintf(server.socket, sizeof(server.socket), "%s/s", server.dir);
	server_start("--appendonly", "no");
	return 0;
}

static int suite_teardown(void **state)
{
	char command[128];
	(void)state;
	server_kill();
	redisFree(server.ctl);
	snprintf(command, sizeof(command), "rm -rf %s", server.dir);
	return system(command);
}

static void publisher_start(void)
{
	char error[200];
	struct publisher_options o = { .redis = &our.config, .instance = "test 1", .version = "9.9", .run = "r1", .health = &our.health };
	assert_int_equal(publisher_create(&o, &our.p, error, sizeof(error)), 0);
}

static int setup(void **state)
{
	(void)state;
	health_init(&our.health, 1000, now_ms());
	our.config = (struct config_redis){ .unix_path = server.socket,
		.prefix = (char *)"glint",
		.where = (char *)"the test's server",
		.connect_timeout_ms = 2000,
		.timeout_ms = 5000,
		.alerts_kept = 10000 };
	ask("FLUSHALL");
	flood_sent = 0;
	publisher_start();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	publisher_destroy(our.p, 1000);
	our.p = NULL;
	health_done(&our.health);
	return 0;
}

/* The configuration is the publisher's while it runs. */
static void publisher_stop(void)
{
	publisher_destroy(our.p, 1000);
	our.p = NULL;
}

/* --- views --- */

static void commands_and_status_of_a_batch_land(void **state)
{
	struct batch *b = batch_new(BATCH_VIEWS, "u0", 7);
	(void)state;
	ADD(b, "SET", "glint:recs:a", "{\"v\":1}", "EX", "100");
	ADD(b, "HSET", "glint:item:x", "buys", "3", "empty", "");
	add_status(b, "shown", "clicks/0=12");
	add_status(b, "watermark", "99");
	take_over("u0", 7);
	ends(b, BATCH_DONE);
	assert_string_equal(ask("GET glint:recs:a"), "{\"v\":1}");
	assert_true(ask_integer("TTL glint:recs:a") > 90);
	assert_string_equal(ask("HMGET glint:item:x buys empty"), "3 ");
	assert_string_equal(ask("HMGET glint:task:u0 epoch shown watermark"), "7 clicks/0=12 99");
	assert_int_equal(stats().commands, 2);
	assert_int_equal(stats().batches, 2);
}

static void a_large_batch_is_cut_and_its_status_comes_with_the_last_script(void **state)
{
	struct batch *b = batch_new(BATCH_VIEWS, "u0", 1);
	char *large = malloc(300001);
	(void)state;
	memset(large, 'x', 300000);
	large[300000] = 0;
	for (int i = 0; i < 1234; i++)
		ADD(b, "INCR", "n");
	for (int i = 0; i < 5; i++)
		ADD(b, "SET", "large", large);
	add_status(b, "shown", "all");
	take_over("u0", 1);
	uint64_t before = stats().scripts;
	ends(b, BATCH_DONE);
	/* 500 + 500 + 234, and each large one alone */
	assert_int_equal(stats().scripts - before, 3 + 5);
	assert_int_equal(ask_integer("GET n"), 1234);
	assert_int_equal(ask_integer("STRLEN large"), 300000);
	assert_string_equal(ask("HGET glint:task:u0 shown"), "all");
	free(large);
}

static void a_wrong_command_is_counted_and_does_not_stop_the_rest(void **state)
{
	struct batch *b = batch_new(BATCH_VIEWS, "u0", 1);
	(void)state;
	ask("SET text 1");
	ADD(b, "SET", "a", "1");
	ADD(b, "HSET", "text", "f", "1");
	ADD(b, "SET", "onlykey");
	buf_varint(&b->commands, PUBLISHER_COMMAND_ARGUMENTS_MAX + 1);
	for (int i = 0; i <= PUBLISHER_COMMAND_ARGUMENTS_MAX; i++)
		buf_text(&b->commands, TEXT("x"));
	buf_varint(&b->commands, PUBLISHER_COMMAND_ARGUMENTS_MAX);
	buf_text(&b->commands, TEXT("SADD"));
	buf_text(&b->commands, TEXT("many"));
	for (int i = 2; i < PUBLISHER_COMMAND_ARGUMENTS_MAX; i++) {
		char member[16];
		snprintf(member, sizeof(member), "%d", i);
		buf_text(&b->commands, text_of(member));
	}
	b->n_commands += 2;
	ADD(b, "SET", "b", "2");
	add_status(b, "shown", "s");
	take_over("u0", 1);
	assert_int_equal(publisher_submit(our.p, b), 0);
	assert_ptr_equal(collect(), b);
	assert_int_equal(b->result, BATCH_DONE);
	assert_int_equal(b->n_refused, 3);
	batch_destroy(b);
	assert_string_equal(ask("MGET a b"), "1 2");
	assert_int_equal(ask_integer("SCARD many"), PUBLISHER_COMMAND_ARGUMENTS_MAX - 2);
	assert_string_equal(ask("HGET glint:task:u0 shown"), "s");
	assert_int_equal(stats().refused, 3);
}

static void a_batch_that_is_not_encoded_properly_comes_back_and_nothing_is_written(void **state)
{
	struct batch *b = batch_new(BATCH_VIEWS, "u0", 1);
	(void)state;
	take_over("u0", 1);
	ADD(b, "SET", "a", "1");
	b->commands.size--;
	ends(b, BATCH_DONE);
	assert_int_equal(ask_integer("EXISTS a"), 0);
	ends(incr("u0", 1, "n"), BATCH_DONE);
}

/* --- fencing --- */

static void an_older_epoch_writes_nothing(void **state)
{
	(void)state;
	take_over("u0", 5);
	ask("HSET glint:task:u0 epoch 6");
	struct batch *b = incr("u0", 5, "n");
	add_status(b, "shown", "stale");
	ends(b, BATCH_FENCED);
	ends(batch_new(BATCH_TAKE_OVER, "u0", 5), BATCH_FENCED);
	assert_int_equal(ask_integer("EXISTS n"), 0);
	assert_string_equal(ask("HMGET glint:task:u0 epoch shown"), "6 ");
	assert_int_equal(stats().fenced, 2);
}

static void epochs_beyond_32_bits_are_compared_as_numbers(void **state)
{
	(void)state;
	take_over("u0", 9007199254740990);
	ends(batch_new(BATCH_TAKE_OVER, "u0", 9007199254740989), BATCH_FENCED);
	take_over("u0", 9007199254740991);
	ends(incr("u0", 9007199254740991, "n"), BATCH_DONE);
	assert_string_equal(ask("HGET glint:task:u0 epoch"), "9007199254740991");
}

static void a_wiped_redis_is_told_and_written_again_after_taking_over(void **state)
{
	(void)state;
	take_over("u0", 5);
	ask("FLUSHALL");
	ends(incr("u0", 5, "n"), BATCH_WIPED);
	assert_int_equal(ask_integer("EXISTS n"), 0);
	take_over("u0", 5);
	ends(incr("u0", 5, "n"), BATCH_DONE);
	assert_int_equal(ask_integer("GET n"), 1);
}

static void views_of_a_task_that_was_not_taken_over_are_not_sent(void **state)
{
	(void)state;
	ask("HSET glint:task:u0 epoch 5 seq 1");
	ends(incr("u0", 5, "n"), BATCH_WIPED);
	assert_int_equal(ask_integer("EXISTS n"), 0);
}

static void taking_over_reports_what_was_shown(void **state)
{
	struct batch *b = batch_new(BATCH_TAKE_OVER, "i3", 8);
	(void)state;
	ask("HSET glint:task:i3 epoch 7 seq 40 shown clicks/3=100");
	assert_int_equal(publisher_submit(our.p, b), 0);
	assert_ptr_equal(collect(), b);
	assert_int_equal(b->result, BATCH_DONE);
	assert_int_equal(b->reply.size, strlen("clicks/3=100"));
	assert_memory_equal(b->reply.data, "clicks/3=100", b->reply.size);
	batch_destroy(b);
	b = batch_new(BATCH_TAKE_OVER, "i4", 8);
	assert_int_equal(publisher_submit(our.p, b), 0);
	assert_ptr_equal(collect(), b);
	assert_int_equal(b->reply.size, 0);
	batch_destroy(b);
	assert_string_equal(ask("HMGET glint:task:i3 epoch shown"), "8 clicks/3=100");
}

static void a_redis_that_lost_its_last_writes_is_told_as_wiped(void **state)
{
	(void)state;
	take_over("u0", 5);
	ends(incr("u0", 5, "n"), BATCH_DONE);
	const long long seq = ask_integer("HGET glint:task:u0 seq");
	ends(incr("u0", 5, "n"), BATCH_DONE);
	ask("HSET glint:task:u0 seq %lld", seq);
	ends(incr("u0", 5, "n"), BATCH_WIPED);
	assert_int_equal(ask_integer("GET n"), 2);
}

static void batches_submitted_together_with_a_take_over_follow_it(void **state)
{
	struct batch *b[4] = { batch_new(BATCH_TAKE_OVER, "u0", 1), incr("u0", 1, "n"), batch_new(BATCH_TAKE_OVER, "u0", 2),
		incr("u0", 2, "n") };
	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(publisher_submit(our.p, b[i]), 0);
	for (int i = 0; i < 4; i++) {
		assert_ptr_equal(collect(), b[i]);
		assert_int_equal(b[i]->result, BATCH_DONE);
		batch_destroy(b[i]);
	}
	assert_int_equal(ask_integer("GET n"), 2);
	assert_null(publisher_completed(our.p));
}

/* --- heartbeat --- */

static void the_heartbeat_and_meta_are_written_and_the_heartbeat_goes_with_a_clean_end(void **state)
{
	(void)state;
	publisher_set_heartbeat(our.p, TEXT("{\"pid\":1}"));
	UNTIL(!strcmp(ask("GET %b", "glint:heartbeat:test 1", (size_t)22), "{\"pid\":1}"));
	assert_in_range(ask_integer("TTL %b", "glint:heartbeat:test 1", (size_t)22), 1, 5);
	assert_string_equal(ask("HMGET glint:meta version contract run"), "9.9 1 r1");
	assert_non_null(strstr(ask("CLIENT LIST"), "name=glint-test_1 "));
	assert_true(atomic_load(&our.health.ready[HEALTH_REDIS]));
	publisher_destroy(our.p, 1000);
	our.p = NULL;
	assert_int_equal(ask_integer("EXISTS %b", "glint:heartbeat:test 1", (size_t)22), 0);
}

static void a_heartbeat_finds_tasks_wiped_behind_or_fenced_once(void **state)
{
	char task[16];
	enum batch_status status;
	int found[3] = { -1, -1, -1 };
	(void)state;
	take_over("i0", 5), take_over("i1", 5), take_over("i2", 5), take_over("i3", 5), take_over("i4", 5);
	ends(incr("i2", 5, "n"), BATCH_DONE);
	publisher_forget(our.p, "i4");
	ask("DEL glint:task:i0");
	ask("HSET glint:task:i1 epoch 6");
	ask("HINCRBY glint:task:i2 seq -1");
	ask("DEL glint:task:i4");
	for (int n = 0; n < 3;) {
		struct pollfd fd = { .fd = publisher_fd(our.p), .events = POLLIN };
		assert_int_equal(poll(&fd, 1, PATIENCE_MS), 1);
		while (publisher_lost(our.p, task, &status)) {
			assert_in_range(task[1], '0', '2');
			assert_int_equal(found[task[1] - '0'], -1);
			found[task[1] - '0'] = (int)status;
			n++;
		}
	}
	assert_int_equal(found[0], BATCH_WIPED);
	assert_int_equal(found[1], BATCH_FENCED);
	assert_int_equal(found[2], BATCH_WIPED);
	ends(incr("i0", 5, "n"), BATCH_WIPED);
	take_over("i0", 5);
	/* two heartbeats later nothing was told twice */
	int64_t seen = stats().last_ok_ms;
	UNTIL(stats().last_ok_ms >= seen + 1500);
	assert_false(publisher_lost(our.p, task, &status));
	assert_int_equal(poll(&(struct pollfd){ .fd = publisher_fd(our.p), .events = POLLIN }, 1, 0), 0);
}

/* --- alerts --- */

#define ALERT(id, severity, state)                                                                                                  \
	"{\"v\":1,\"id\":\"" id "\",\"kind\":\"sentiment\",\"scope\":\"item:x y\",\"severity\":\"" severity "\",\"state\":\"" state \
	"\",\"value\":0.25,\"expected\":3,\"window\":null,\"evidence\":{\"n\":[1,2]},\"text_zh\":\"\xe5\xb7\xae\"}"

static void alerts_sent_twice_are_written_and_told_once(void **state)
{
	redisContext *c = redisConnectUnix(server.socket);
	redisReply *r = redisCommand(c, "SUBSCRIBE glint:alerts");
	(void)state;
	freeReplyObject(r);
	take_over("i0", 1);
	for (int i = 0; i < 2; i++) {
		struct batch *b = batch_new(BATCH_ALERTS, "i0", 1);
		add_alert(b, 41, ALERT("a1", "high", "raised"));
		add_alert(b, 43, ALERT("a2", "low", "raised"));
		add_status(b, "alerts", "44");
		ends(b, BATCH_DONE);
	}
	assert_string_equal(ask("XRANGE glint:alerts - +"),
		"(42-0 (v 1 id a1 kind sentiment scope item:x y severity high state raised value 0.25 expected 3 evidence "
		"{\"n\":[1,2]} text_zh \xe5\xb7\xae)) (44-0 (v 1 id a2 kind sentiment scope item:x y severity low state raised "
		"value 0.25 expected 3 evidence {\"n\":[1,2]} text_zh \xe5\xb7\xae))");
	assert_string_equal(ask("HGET glint:alerts:active a1"), ALERT("a1", "high", "raised"));
	assert_int_equal(ask_integer("HLEN glint:alerts:active"), 2);
	assert_string_equal(ask("SMEMBERS glint:blocked"), "x y");
	assert_string_equal(ask("HGET glint:task:i0 alerts"), "44");
	ask("PUBLISH glint:alerts end");
	static const char *const nudges[] = { "42-0", "44-0", "end" };
	for (int i = 0; i < 3; i++) {
		assert_int_equal(redisGetReply(c, (void **)&r), REDIS_OK);
		assert_string_equal(r->element[2]->str, nudges[i]);
		freeReplyObject(r);
	}
	redisFree(c);
}

static void a_resolved_alert_leaves_the_active_ones_and_unblocks_with_the_last_high_one(void **state)
{
	static const struct {
		const char *json;
		int active, blocked;
	} steps[] = {
		{ ALERT("a", "high", "raised"), 1, 1 },
		{ ALERT("b", "high", "raised"), 2, 1 },
		{ ALERT("c", "low", "raised"), 3, 1 },
		{ ALERT("a", "high", "resolved"), 2, 1 },
		{ ALERT("b", "high", "resolved"), 1, 0 },
		{ ALERT("c", "low", "resolved"), 0, 0 },
	};
	(void)state;
	take_over("i0", 1);
	for (int i = 0; i < 6; i++) {
		struct batch *b = batch_new(BATCH_ALERTS, "i0", 1);
		add_alert(b, i, steps[i].json);
		ends(b, BATCH_DONE);
		assert_int_equal(ask_integer("HLEN glint:alerts:active"), steps[i].active);
		assert_int_equal(ask_integer("SISMEMBER glint:blocked %s", "x y"), steps[i].blocked);
	}
	assert_int_equal(ask_integer("XLEN glint:alerts"), 6);
}

static void alerts_resume_behind_the_last_one_written(void **state)
{
	static const char *const expected[] = { "0", "42" };
	(void)state;
	take_over("i0", 1);
	for (int i = 0; i < 2; i++) {
		struct batch *b = batch_new(BATCH_ALERTS_RESUME, "i0", 1);
		assert_int_equal(publisher_submit(our.p, b), 0);
		assert_ptr_equal(collect(), b);
		assert_int_equal(b->reply.size, strlen(expected[i]));
		assert_memory_equal(b->reply.data, expected[i], b->reply.size);
		batch_destroy(b);
		b = batch_new(BATCH_ALERTS, "i0", 1);
		add_alert(b, 41, ALERT("a1", "high", "raised"));
		ends(b, BATCH_DONE);
		ask("XDEL glint:alerts 42-0");
	}
}

static void what_is_no_alert_is_counted_and_left_out(void **state)
{
	struct batch *b = batch_new(BATCH_ALERTS, "i0", 1);
	(void)state;
	add_alert(b, 1, "{\"id\":");
	add_alert(b, 2, "[]");
	add_alert(b, 3, "{\"id\":\"a\"}");
	add_alert(b, 4, "{\"id\":\"a\",\"state\":\"raised\"}");
	take_over("i0", 1);
	assert_int_equal(publisher_submit(our.p, b), 0);
	assert_ptr_equal(collect(), b);
	assert_int_equal(b->n_refused, 3);
	batch_destroy(b);
	assert_string_equal(ask("XRANGE glint:alerts - +"), "(5-0 (id a state raised))");
}

static void the_alerts_stream_is_trimmed_to_what_is_kept(void **state)
{
	(void)state;
	publisher_stop();
	our.config.alerts_kept = 100;
	publisher_start();
	take_over("i0", 1);
	for (int i = 0; i < 5; i++) {
		struct batch *b = batch_new(BATCH_ALERTS, "i0", 1);
		for (int j = 0; j < 200; j++)
			add_alert(b, i * 200 + j, ALERT("a", "low", "raised"));
		ends(b, BATCH_DONE);
	}
	assert_in_range(ask_integer("XLEN glint:alerts"), 100, 300); /* "~": whole nodes of 100 entries */
}

/* --- trouble --- */

/* Submits n batches that each add one to n; flood_ends() checks that each did exactly once. */

static void flood(unsigned n)
{
	for (unsigned i = 0; i < n; i++, flood_sent++) {
		struct batch *b = incr(flood_sent % 2 ? "u0" : "u1", 1, "n"), *back;
		while (publisher_submit(our.p, b) == -EAGAIN) {
			back = collect();
			assert_int_equal(back->result, BATCH_DONE);
			batch_destroy(back);
		}
	}
}

static void flood_ends(void)
{
	while (stats().queued) {
		struct batch *back = collect();
		assert_int_equal(back->result, BATCH_DONE);
		batch_destroy(back);
	}
	assert_int_equal(ask_integer("GET n"), flood_sent);
	flood_sent = 0;
}

static void fill_the_queue(void)
{
	flood(publisher_room(our.p));
}

static void nothing_is_lost_or_doubled_when_redis_is_killed_in_mid_run(void **state)
{
	(void)state;
	ask("CONFIG SET appendfsync always");
	ask("CONFIG SET appendonly yes");
	UNTIL(strstr(ask("INFO persistence"), "aof_rewrite_in_progress:0") && strstr(answer, "aof_rewrite_scheduled:0"));
	take_over("u0", 1), take_over("u1", 1);
	for (int i = 0; i < 5; i++) {
		flood(200 + (unsigned)i * 37);
		server_kill();
		fill_the_queue();
		server_start("--appendonly", "yes");
		ask("CONFIG SET appendfsync always");
	}
	flood(100);
	flood_ends();
	assert_true(stats().connects >= 6);
	ask("CONFIG SET appendonly no");
}

static void memory_is_bounded_while_redis_is_away_and_a_wiped_one_is_told(void **state)
{
	unsigned n = 0;
	struct batch *b;
	(void)state;
	take_over("u0", 1);
	server_kill();
	UNTIL(!stats().connected);
	assert_false(atomic_load(&our.health.ready[HEALTH_REDIS]));
	for (;; n++) {
		b = incr("u0", 1, "n");
		if (publisher_submit(our.p, b))
			break;
	}
	assert_int_equal(n, PUBLISHER_QUEUE);
	assert_int_equal(publisher_room(our.p), 0);
	assert_null(publisher_completed(our.p));
	batch_destroy(b);
	server_start("--appendonly", "no");
	for (; n; n--) {
		b = collect();
		assert_int_equal(b->result, BATCH_WIPED);
		batch_destroy(b);
	}
	assert_int_equal(publisher_room(our.p), PUBLISHER_QUEUE);
	take_over("u0", 1);
	ends(incr("u0", 1, "n"), BATCH_DONE);
	UNTIL(atomic_load(&our.health.ready[HEALTH_REDIS]));
}

static void the_queue_is_bounded_in_bytes_too(void **state)
{
	unsigned n = 0;
	struct batch *b;
	(void)state;
	take_over("u0", 1);
	kill(server.pid, SIGSTOP);
	for (;; n++) {
		b = batch_new(BATCH_VIEWS, "u0", 1);
		buf_varint(&b->commands, 3);
		buf_text(&b->commands, TEXT("SET"));
		buf_text(&b->commands, TEXT("k"));
		buf_varint(&b->commands, 10u << 20);
		memset(buf_room(&b->commands, 10u << 20), 'x', 10u << 20);
		b->commands.size += 10u << 20;
		if (publisher_submit(our.p, b))
			break;
	}
	batch_destroy(b);
	kill(server.pid, SIGCONT);
	assert_int_equal(n, 3);
	for (; n; n--)
		batch_destroy(collect());
	assert_int_equal(ask_integer("STRLEN k"), 10 << 20);
}

static void a_redis_that_does_not_answer_is_left_and_nothing_is_doubled(void **state)
{
	(void)state;
	publisher_stop();
	our.config.timeout_ms = 300;
	publisher_start();
	take_over("u0", 1), take_over("u1", 1);
	for (int i = 0; i < 3; i++) {
		flood(50);
		kill(server.pid, SIGSTOP);
		fill_the_queue();
		uint64_t seen = stats().timeouts;
		UNTIL(stats().timeouts > seen);
		kill(server.pid, SIGCONT);
	}
	flood_ends();
}

static void forgotten_scripts_are_loaded_again(void **state)
{
	(void)state;
	take_over("u0", 1), take_over("u1", 1);
	for (int i = 0; i < 20; i++) {
		flood(20);
		ask("SCRIPT FLUSH");
	}
	flood_ends();
	assert_int_equal(stats().connects, 1);
}

static void a_full_redis_is_waited_for_on_the_same_connection(void **state)
{
	(void)state;
	take_over("u0", 1), take_over("u1", 1);
	ask("CONFIG SET maxmemory 1");
	uint64_t seen = stats().errors_retry;
	flood(20);
	UNTIL(stats().errors_retry > seen);
	UNTIL(!atomic_load(&our.health.ready[HEALTH_REDIS]));
	ask("CONFIG SET maxmemory 0");
	flood_ends();
	assert_int_equal(stats().connects, 1);
	UNTIL(atomic_load(&our.health.ready[HEALTH_REDIS]));
}

static void a_replica_is_left_until_it_takes_writes(void **state)
{
	(void)state;
	take_over("u0", 1), take_over("u1", 1);
	ask("REPLICAOF 127.0.0.1 1");
	flood(20);
	UNTIL(stats().errors_reconnect > 0);
	ask("REPLICAOF NO ONE");
	flood_ends();
	assert_true(stats().connects > 1);
}

static void a_redis_that_is_loading_is_waited_for(void **state)
{
	(void)state;
	take_over("u0", 1), take_over("u1", 1);
	flood(10);
	while (stats().queued)
		batch_destroy(collect());
	ask("DEBUG POPULATE 3000 k 100");
	assert_string_equal(ask("SAVE"), "OK");
	server_kill();
	server_start("--key-load-delay", "500");
	assert_non_null(strstr(ask("GET n"), "LOADING"));
	flood(10);
	UNTIL(!strstr(ask("GET n"), "LOADING"));
	flood_ends();
	assert_true(stats().errors_retry > 0);
}

static void a_missing_right_holds_back_all_that_follows_until_it_is_given(void **state)
{
	(void)state;
	ask("ACL SETUSER short on >s3cret ~* &* +@all -incr");
	publisher_stop();
	our.config.user = (char *)"short";
	our.config.password = (char *)"s3cret";
	publisher_start();
	take_over("u0", 1), take_over("u1", 1);
	flood(4);
	struct batch *later = batch_new(BATCH_VIEWS, "u0", 1);
	ADD(later, "SET", "later", "1");
	assert_int_equal(publisher_submit(our.p, later), 0);
	UNTIL(stats().errors_stop > 0);
	assert_false(atomic_load(&our.health.ready[HEALTH_REDIS]));
	assert_int_equal(ask_integer("EXISTS n later"), 0);
	ask("ACL SETUSER short +incr");
	flood_ends();
	assert_int_equal(ask_integer("EXISTS n later"), 2);
	UNTIL(atomic_load(&our.health.ready[HEALTH_REDIS]));
	ask("ACL DELUSER short");
}

/* --- ways to connect --- */

static void tcp_an_acl_user_and_a_database_number_work(void **state)
{
	(void)state;
	ask("ACL SETUSER app on >pass:word ~glint:* ~n &glint:* +@all");
	publisher_stop();
	our.config.unix_path = NULL;
	our.config.host = (char *)"127.0.0.1";
	our.config.port = server.port;
	our.config.user = (char *)"app";
	our.config.password = (char *)"pass:word";
	our.config.db = 3;
	publisher_start();
	take_over("u0", 1);
	ends(incr("u0", 1, "n"), BATCH_DONE);
	assert_int_equal(ask_integer("EXISTS n"), 0);
	ask("SELECT 3");
	assert_int_equal(ask_integer("GET n"), 1);
	ask("SELECT 0");
	assert_non_null(strstr(ask("CLIENT LIST"), "user=app "));
	ask("ACL DELUSER app");
}

static void a_password_without_a_user_works(void **state)
{
	(void)state;
	ask("CONFIG SET requirepass open");
	publisher_stop();
	our.config.password = (char *)"open";
	publisher_start();
	take_over("u0", 1);
	ask("CONFIG SET requirepass %s", "");
}

static void a_wrong_password_is_told_and_the_daemon_goes_on(void **state)
{
	(void)state;
	publisher_stop();
	our.config.password = (char *)"wrong";
	our.config.user = (char *)"nobody";
	publisher_start();
	UNTIL(stats().errors_stop > 0);
	assert_false(stats().connected);
	UNTIL(strstr(our.health.why[HEALTH_REDIS], "WRONGPASS"));
}

static void no_server_is_no_error_at_the_start_and_the_end_keeps_its_deadline(void **state)
{
	(void)state;
	publisher_stop();
	our.config.unix_path = (char *)"/nonexistent/socket";
	publisher_start();
	assert_int_equal(publisher_submit(our.p, incr("u0", 1, "n")), 0);
	UNTIL(stats().errors_reconnect > 2);
	int64_t start = now_ms();
	publisher_destroy(our.p, 200);
	our.p = NULL;
	assert_in_range(now_ms() - start, 200, 1200);
}

static void what_was_submitted_is_written_before_a_clean_end(void **state)
{
	(void)state;
	take_over("u0", 1), take_over("u1", 1);
	flood(PUBLISHER_QUEUE);
	unsigned sent = flood_sent;
	flood_sent = 0;
	publisher_destroy(our.p, 5000);
	our.p = NULL;
	assert_int_equal(ask_integer("GET n"), sent);
	publisher_destroy(NULL, 0);
}

/* --- without a server --- */

static void errors_are_told_apart_as_redis_documents_them(void **state)
{
	static const struct {
		const char *text;
		enum redis_class is;
	} cases[] = {
		{ "OOM command not allowed when used memory > 'maxmemory'.", REDIS_RETRY },
		{ "LOADING Redis is loading the dataset in memory", REDIS_RETRY },
		{ "BUSY Redis is busy running a script.", REDIS_RETRY },
		{ "MISCONF Redis is configured to save RDB snapshots", REDIS_RETRY },
		{ "NOREPLICAS Not enough good replicas to write.", REDIS_RETRY },
		{ "READONLY You can't write against a read only replica.", REDIS_RECONNECT },
		{ "-READONLY You can't write against a read only replica.", REDIS_RECONNECT },
		{ "ERR max number of clients reached", REDIS_RECONNECT },
		{ "NOSCRIPT No matching script.", REDIS_NOSCRIPT },
		{ "NOAUTH Authentication required.", REDIS_STOP },
		{ "WRONGPASS invalid username-password pair or user is disabled.", REDIS_STOP },
		{ "NOPERM this user has no permissions to run the 'get' command", REDIS_STOP },
		{ "ERR The user executing the script can't run this command or subcommand", REDIS_STOP },
		{ "ERR unknown command 'FOO', with args beginning with: 'x'", REDIS_STOP },
		{ "ERR Unknown Redis command called from script", REDIS_STOP },
		{ "WRONGTYPE Operation against a key holding the wrong kind of value", REDIS_REFUSED },
		{ "ERR value is not an integer or out of range", REDIS_REFUSED },
		{ "OOMPH", REDIS_REFUSED },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (redis_classify(cases[i].text) != cases[i].is)
			fail_msg("%s", cases[i].text);
	struct text t = redis_error_text("ERR unknown command 'FOO', with args beginning with: 'secret'");
	assert_int_equal(t.size, strlen("ERR unknown command 'FOO'"));
}

static void a_part_is_written_byte_for_byte_as_resp(void **state)
{
	struct batch *b = batch_new(BATCH_VIEWS, "u1", 12);
	struct parts parts = { 0 };
	struct buf out = { 0 };
	static const char expected[] = "*13\r\n$7\r\nEVALSHA\r\n$40\r\n0123456789012345678901234567890123456789\r\n$1\r\n1\r\n"
				       "$9\r\np:task:u1\r\n$2\r\n12\r\n$3\r\n345\r\n$1\r\n2\r\n$5\r\nshown\r\n$0\r\n\r\n"
				       "$1\r\n3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2\r\n\xc3\xa9\r\n";
	(void)state;
	ADD(b, "SET", "k", "\xc3\xa9");
	add_status(b, "shown", "");
	assert_int_equal(parts_cut(&parts, b), 0);
	assert_int_equal(parts.n, 1);
	parts_write(&parts, 0, b, "p", "0123456789012345678901234567890123456789", 345, 0, &out);
	/* EVALSHA and its two, one key, epoch and seq, the status and its count, argc and three arguments */
	assert_int_equal(out.size, sizeof(expected) - 1);
	assert_memory_equal(out.data, expected, sizeof(expected) - 1);
	buf_done(&out);
	parts_done(&parts);
	batch_destroy(b);
}

#define WITH(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(errors_are_told_apart_as_redis_documents_them),
		cmocka_unit_test(a_part_is_written_byte_for_byte_as_resp),
		WITH(commands_and_status_of_a_batch_land),
		WITH(a_large_batch_is_cut_and_its_status_comes_with_the_last_script),
		WITH(a_wrong_command_is_counted_and_does_not_stop_the_rest),
		WITH(a_batch_that_is_not_encoded_properly_comes_back_and_nothing_is_written),
		WITH(an_older_epoch_writes_nothing),
		WITH(epochs_beyond_32_bits_are_compared_as_numbers),
		WITH(a_wiped_redis_is_told_and_written_again_after_taking_over),
		WITH(views_of_a_task_that_was_not_taken_over_are_not_sent),
		WITH(taking_over_reports_what_was_shown),
		WITH(a_redis_that_lost_its_last_writes_is_told_as_wiped),
		WITH(batches_submitted_together_with_a_take_over_follow_it),
		WITH(the_heartbeat_and_meta_are_written_and_the_heartbeat_goes_with_a_clean_end),
		WITH(a_heartbeat_finds_tasks_wiped_behind_or_fenced_once),
		WITH(alerts_sent_twice_are_written_and_told_once),
		WITH(a_resolved_alert_leaves_the_active_ones_and_unblocks_with_the_last_high_one),
		WITH(alerts_resume_behind_the_last_one_written),
		WITH(what_is_no_alert_is_counted_and_left_out),
		WITH(the_alerts_stream_is_trimmed_to_what_is_kept),
		WITH(nothing_is_lost_or_doubled_when_redis_is_killed_in_mid_run),
		WITH(memory_is_bounded_while_redis_is_away_and_a_wiped_one_is_told),
		WITH(the_queue_is_bounded_in_bytes_too),
		WITH(a_redis_that_does_not_answer_is_left_and_nothing_is_doubled),
		WITH(forgotten_scripts_are_loaded_again),
		WITH(a_full_redis_is_waited_for_on_the_same_connection),
		WITH(a_replica_is_left_until_it_takes_writes),
		WITH(a_redis_that_is_loading_is_waited_for),
		WITH(a_missing_right_holds_back_all_that_follows_until_it_is_given),
		WITH(tcp_an_acl_user_and_a_database_number_work),
		WITH(a_password_without_a_user_works),
		WITH(a_wrong_password_is_told_and_the_daemon_goes_on),
		WITH(no_server_is_no_error_at_the_start_and_the_end_keeps_its_deadline),
		WITH(what_was_submitted_is_written_before_a_clean_end),
	};
	return cmocka_run_group_tests(tests, suite_setup, suite_teardown);
}
