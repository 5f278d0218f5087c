/* The HTTP port, asked through plain sockets on loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/face/health.h"
#include "daemon/face/http.h"
#include "daemon/face/metrics.h"

static const struct metric_family events = { .name = "glint_test_events_total", .type = METRIC_COUNTER, .help = "Events." };

static struct metrics *metrics;
static struct health health;
static struct http *http;

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int start(void **state)
{
	char error[256];
	(void)state;
	metrics = metrics_create(8);
	health_init(&health, 60000, now_ms());
	int r = http_start("127.0.0.1", 0, metrics, &health, &http, error, sizeof(error));
	if (r < 0)
		print_error("%s\n", error);
	return r;
}

static int stop(void **state)
{
	(void)state;
	http_stop(http);
	health_done(&health);
	metrics_destroy(metrics);
	return 0;
}

static int dial(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(http_port(http)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const struct timeval limit = { 20, 0 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

/* The whole answer to one request on a connection of its own; borrowed until the next call. */
static const char *ask(const char *method, const char *path)
{
	static char answer[65536];
	char request[512];
	size_t n = 0;
	ssize_t got;
	int fd = dial();
	int size = snprintf(request, sizeof(request), "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", method, path);
	assert_int_equal(write(fd, request, (size_t)size), size);
	while ((got = read(fd, answer + n, sizeof(answer) - 1 - n)) > 0)
		n += (size_t)got;
	assert_int_equal(got, 0);
	close(fd);
	answer[n] = 0;
	return answer;
}

static int status(const char *answer)
{
	int s = 0;
	assert_int_equal(sscanf(answer, "HTTP/1.1 %d", &s), 1);
	return s;
}

static const char *body(const char *answer)
{
	const char *p = strstr(answer, "\r\n\r\n");
	assert_non_null(p);
	return p + 4;
}

static void metrics_are_served_with_prometheus_content_type(void **state)
{
	(void)state;
	metric_add(metrics_add(metrics, &events), 12);
	const char *a = ask("GET", "/metrics");
	assert_int_equal(status(a), 200);
	assert_non_null(strstr(a, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
	assert_non_null(strstr(body(a), "# TYPE glint_test_events_total counter\nglint_test_events_total 12\n"));
	assert_int_equal(a[strlen(a) - 1], '\n');
}

static void head_has_no_body_and_a_query_is_ignored(void **state)
{
	(void)state;
	const char *a = ask("HEAD", "/metrics");
	assert_int_equal(status(a), 200);
	assert_string_equal(body(a), "");
	assert_int_equal(status(ask("GET", "/metrics?name=x")), 200);
	a = ask("GET", "/");
	assert_int_equal(status(a), 200);
	assert_non_null(strstr(body(a), "/readyz"));
}

static void what_is_not_there_is_404_and_writing_is_405(void **state)
{
	static const char *const methods[] = { "POST", "PUT", "DELETE", "OPTIONS", "PATCH" };
	(void)state;
	assert_int_equal(status(ask("GET", "/metric")), 404);
	assert_int_equal(status(ask("GET", "/metrics/")), 404);
	assert_int_equal(status(ask("GET", "/../etc/passwd")), 404);
	assert_int_equal(status(ask("POST", "/nothing")), 404);
	for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++) {
		const char *a = ask(methods[i], "/metrics");
		assert_int_equal(status(a), 405);
		assert_non_null(strstr(a, "Allow: GET, HEAD\r\n"));
	}
}

static void alive_is_progress_and_goes_both_ways(void **state)
{
	(void)state;
	assert_int_equal(status(ask("GET", "/livez")), 200);
	health_progress(&health, now_ms() - 61000);
	const char *a = ask("GET", "/livez");
	assert_int_equal(status(a), 503);
	assert_non_null(strstr(body(a), "stuck: the loop last went round 61."));
	assert_non_null(strstr(body(a), "; 60.0 s are allowed"));
	health_progress(&health, now_ms());
	assert_int_equal(status(ask("GET", "/livez")), 200);
}

static void ready_needs_every_part_and_goes_both_ways(void **state)
{
	(void)state;
	const char *a = ask("GET", "/readyz");
	assert_int_equal(status(a), 503);
	assert_string_equal(body(a), "{\"ready\":false,\"parts\":{\"kafka\":{\"ready\":false,\"why\":\"starting\"},"
				     "\"assigned\":{\"ready\":false,\"why\":\"starting\"},\"restored\":{\"ready\":false,\"why\":\"starting\"},"
				     "\"redis\":{\"ready\":false,\"why\":\"starting\"}}}\n");
	for (int i = 0; i < HEALTH_PARTS; i++)
		health_set(&health, i, true, NULL);
	a = ask("GET", "/readyz");
	assert_int_equal(status(a), 200);
	assert_non_null(strstr(a, "Content-Type: application/json\r\n"));
	assert_string_equal(body(a), "{\"ready\":true,\"parts\":{\"kafka\":{\"ready\":true},\"assigned\":{\"ready\":true},\"restored\":{\"ready\":true},"
				     "\"redis\":{\"ready\":true}}}\n");
	health_set(&health, HEALTH_REDIS, false, "said \"no\"\n");
	a = ask("GET", "/readyz");
	assert_int_equal(status(a), 503);
	assert_non_null(strstr(body(a), "\"redis\":{\"ready\":false,\"why\":\"said \\\"no\\\"?\"}"));
	health_set(&health, HEALTH_REDIS, false, "again");
	assert_non_null(strstr(body(ask("GET", "/readyz")), "\"why\":\"again\""));
	health_set(&health, HEALTH_REDIS, true, NULL);
	assert_int_equal(status(ask("GET", "/readyz")), 200);
	health_stopping(&health);
	a = ask("GET", "/readyz");
	assert_int_equal(status(a), 503);
	assert_non_null(strstr(body(a), "\"why\":\"stopping\""));
}

static void a_reason_of_any_length_stays_json(void **state)
{
	char why[1000], json[64];
	(void)state;
	memset(why, '"', sizeof(why) - 1);
	why[sizeof(why) - 1] = 0;
	for (int i = 0; i < HEALTH_PARTS; i++)
		health_set(&health, i, false, why);
	const char *b = body(ask("GET", "/readyz"));
	assert_string_equal(b + strlen(b) - 5, "\"}}}\n");
	assert_false(health_ready(&health, json, sizeof(json))); /* cut, and ended */
	assert_true(strlen(json) < sizeof(json));
}

static void one_connection_serves_many_requests(void **state)
{
	static const char request[] = "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n";
	char answer[4096];
	int fd = dial();
	(void)state;
	for (int i = 0; i < 3; i++) {
		size_t n = 0;
		assert_int_equal(write(fd, request, sizeof(request) - 1), sizeof(request) - 1);
		do {
			ssize_t got = read(fd, answer + n, sizeof(answer) - 1 - n);
			assert_true(got > 0);
			n += (size_t)got;
			answer[n] = 0;
		} while (!strstr(answer, "s ago\n"));
		assert_int_equal(status(answer), 200);
	}
	close(fd);
}

static void a_port_in_use_is_said_with_what_to_set(void **state)
{
	struct http *second = NULL;
	char error[256];
	(void)state;
	assert_int_equal(http_start("127.0.0.1", http_port(http), metrics, &health, &second, error, sizeof(error)), -EADDRINUSE);
	assert_null(second);
	assert_non_null(strstr(error, "Address already in use; set glint.http to another address:port, or to off"));
	assert_int_equal(http_start("localhost", 0, metrics, &health, &second, error, sizeof(error)), -EINVAL);
	http_stop(NULL);
}

static void connections_beyond_the_bound_do_not_starve_those_after(void **state)
{
	int fds[HTTP_CONNECTIONS + 8];
	(void)state;
	for (int i = 0; i < HTTP_CONNECTIONS + 8; i++)
		fds[i] = dial(); /* idle: the last wait in the backlog, or are closed */
	for (int i = 0; i < HTTP_CONNECTIONS + 8; i++)
		close(fds[i]);
	assert_int_equal(status(ask("GET", "/livez")), 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(metrics_are_served_with_prometheus_content_type, start, stop),
		cmocka_unit_test_setup_teardown(head_has_no_body_and_a_query_is_ignored, start, stop),
		cmocka_unit_test_setup_teardown(what_is_not_there_is_404_and_writing_is_405, start, stop),
		cmocka_unit_test_setup_teardown(alive_is_progress_and_goes_both_ways, start, stop),
		cmocka_unit_test_setup_teardown(ready_needs_every_part_and_goes_both_ways, start, stop),
		cmocka_unit_test_setup_teardown(a_reason_of_any_length_stays_json, start, stop),
		cmocka_unit_test_setup_teardown(one_connection_serves_many_requests, start, stop),
		cmocka_unit_test_setup_teardown(a_port_in_use_is_said_with_what_to_set, start, stop),
		cmocka_unit_test_setup_teardown(connections_beyond_the_bound_do_not_starve_those_after, start, stop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
