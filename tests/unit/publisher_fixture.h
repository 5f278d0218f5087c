/* What the publisher's tests share: a redis-server of the program's own, batches, and a publisher per test. Included once per program.
 *
 * INCR is used where a test must tell "applied once" from "applied again": real views are absolute. */
#ifndef GLINT_TESTS_PUBLISHER_FIXTURE_H
#define GLINT_TESTS_PUBLISHER_FIXTURE_H

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
#define HELPER static __attribute__((unused))

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

HELPER int64_t now_ms(void)
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

HELPER bool server_answers(void)
{
	if (server.ctl)
		redisFree(server.ctl);
	server.ctl = redisConnectUnix(server.socket);
	redisReply *r = server.ctl->err ? NULL : redisCommand(server.ctl, "PING");
	bool is = r != NULL;
	freeReplyObject(r);
	return is;
}

HELPER void server_start(const char *option, const char *value)
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

HELPER void server_kill(void)
{
	kill(server.pid, SIGKILL);
	waitpid(server.pid, NULL, 0);
	unlink(server.socket);
}

HELPER long long ask_integer(const char *format, ...)
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

HELPER size_t flatten(const redisReply *r, size_t n)
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

HELPER const char *ask(const char *format, ...)
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

HELPER struct batch *batch_new(enum batch_kind kind, const char *task, uint64_t epoch)
{
	struct batch *b = batch_create();
	b->kind = kind;
	b->epoch = epoch;
	snprintf(b->task, sizeof(b->task), "%s", task);
	return b;
}

HELPER void add_command(struct batch *b, ...)
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

HELPER void add_status(struct batch *b, const char *field, const char *value)
{
	buf_text(&b->status, text_of(field));
	buf_text(&b->status, text_of(value));
	b->n_status += 2;
}

HELPER void add_alert(struct batch *b, int64_t offset, const char *json)
{
	buf_i64(&b->commands, offset);
	buf_text(&b->commands, text_of(json));
	b->n_commands++;
}

HELPER struct batch *collect(void)
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
HELPER void ends(struct batch *b, enum batch_status status)
{
	assert_int_equal(publisher_submit(our.p, b), 0);
	struct batch *back = collect();
	assert_ptr_equal(back, b);
	assert_int_equal(back->result, status);
	batch_destroy(back);
}

HELPER void ends_later(struct batch *b)
{
	assert_int_equal(publisher_submit(our.p, b), 0);
}

HELPER void take_over(const char *task, uint64_t epoch)
{
	ends(batch_new(BATCH_TAKE_OVER, task, epoch), BATCH_DONE);
}

HELPER struct batch *incr(const char *task, uint64_t epoch, const char *key)
{
	struct batch *b = batch_new(BATCH_VIEWS, task, epoch);
	ADD(b, "INCR", key);
	return b;
}

HELPER struct publisher_stats stats(void)
{
	struct publisher_stats s;
	publisher_stats(our.p, &s);
	return s;
}

/* --- set-up --- */

HELPER int suite_setup(void **state)
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

HELPER int suite_teardown(void **state)
{
	char command[128];
	(void)state;
	server_kill();
	redisFree(server.ctl);
	snprintf(command, sizeof(command), "rm -rf %s", server.dir);
	return system(command);
}

HELPER void publisher_start(void)
{
	char error[200];
	struct publisher_options o = { .redis = &our.config, .instance = "test 1", .version = "9.9", .run = "r1", .health = &our.health };
	assert_int_equal(publisher_create(&o, &our.p, error, sizeof(error)), 0);
}

HELPER int setup(void **state)
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

HELPER int teardown(void **state)
{
	(void)state;
	publisher_destroy(our.p, 1000);
	our.p = NULL;
	health_done(&our.health);
	return 0;
}

/* The configuration is the publisher's while it runs. */
HELPER void publisher_stop(void)
{
	publisher_destroy(our.p, 1000);
	our.p = NULL;
}

#define WITH(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
