/* Messages to the service manager, read from a socket of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/face/notify.h"

static int manager;

static int open_manager(void **state)
{
	struct sockaddr_un where = { .sun_family = AF_UNIX };
	(void)state;
	/* abstract: no file is left behind */
	int n = snprintf(where.sun_path + 1, sizeof(where.sun_path) - 1, "glint-notify-%ld", (long)getpid());
	char name[128];
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (manager < 0 || bind(manager, (struct sockaddr *)&where, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n)) < 0)
		return -1;
	snprintf(name, sizeof(name), "@%s", where.sun_path + 1);
	setenv("NOTIFY_SOCKET", name, 1);
	return 0;
}

static int close_manager(void **state)
{
	(void)state;
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	return close(manager);
}

/* The next message, NULL when there is none. */
static const char *heard(void)
{
	static char text[2048];
	ssize_t n = recv(manager, text, sizeof(text) - 1, 0);
	if (n < 0)
		return NULL;
	text[n] = 0;
	return text;
}

static void ready_status_and_stopping_reach_the_manager(void **state)
{
	(void)state;
	assert_true(notify_ready("%d partitions", 4) > 0);
	assert_string_equal(heard(), "READY=1\nSTATUS=4 partitions");
	assert_true(notify_status("12,000 events/s\nlag 0") > 0);
	assert_string_equal(heard(), "STATUS=12,000 events/s lag 0");
	assert_true(notify_reloading() > 0);
	const char *reloading = heard();
	assert_non_null(reloading);
	assert_memory_equal(reloading, "RELOADING=1\nMONOTONIC_USEC=", 27);
	assert_true(notify_stopping("draining") > 0);
	assert_string_equal(heard(), "STOPPING=1\nSTATUS=draining");
	assert_null(heard());
}

static void the_watchdog_is_fed_by_progress_at_half_its_time(void **state)
{
	struct notify n;
	(void)state;
	setenv("WATCHDOG_USEC", "20000000", 1);
	notify_init(&n);
	assert_int_equal(n.watchdog_ms, 10000);
	n.ready = true;
	notify_progress(&n, 5000);
	assert_string_equal(heard(), "WATCHDOG=1");
	notify_progress(&n, 14999);
	assert_null(heard());
	notify_progress(&n, 15000);
	assert_string_equal(heard(), "WATCHDOG=1");
	notify_progress(&n, 15001);
	assert_null(heard());
}

static void a_start_that_goes_on_asks_for_more_time(void **state)
{
	struct notify n;
	(void)state;
	setenv("WATCHDOG_USEC", "20000000", 1);
	notify_init(&n);
	notify_progress(&n, 5000);
	assert_string_equal(heard(), "EXTEND_TIMEOUT_USEC=60000000");
	notify_progress(&n, 10999);
	assert_null(heard());
	notify_progress(&n, 11000);
	assert_string_equal(heard(), "EXTEND_TIMEOUT_USEC=60000000");
}

static void another_process_watchdog_is_not_fed(void **state)
{
	struct notify n;
	(void)state;
	setenv("WATCHDOG_USEC", "20000000", 1);
	setenv("WATCHDOG_PID", "1", 1);
	notify_init(&n);
	assert_int_equal(n.watchdog_ms, 0);
	n.ready = true;
	notify_progress(&n, 100000);
	assert_null(heard());
}

static void without_a_manager_nothing_happens(void **state)
{
	struct notify n;
	(void)state;
	unsetenv("NOTIFY_SOCKET");
	notify_init(&n);
	assert_int_equal(n.watchdog_ms, 0);
	assert_int_equal(notify_ready("x"), 0);
	notify_progress(&n, 1);
	assert_null(heard());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(ready_status_and_stopping_reach_the_manager, open_manager, close_manager),
		cmocka_unit_test_setup_teardown(the_watchdog_is_fed_by_progress_at_half_its_time, open_manager, close_manager),
		cmocka_unit_test_setup_teardown(a_start_that_goes_on_asks_for_more_time, open_manager, close_manager),
		cmocka_unit_test_setup_teardown(another_process_watchdog_is_not_fed, open_manager, close_manager),
		cmocka_unit_test_setup_teardown(without_a_manager_nothing_happens, open_manager, close_manager),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
