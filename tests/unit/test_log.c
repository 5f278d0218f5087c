/* The log: one line a message, once per cause. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/face/log.h"

static FILE *file;
static int64_t clock_ms;

static int64_t the_clock(void)
{
	return clock_ms;
}

static void begin(bool journal, enum log_level level)
{
	file = tmpfile();
	assert_non_null(file);
	clock_ms = 1000;
	log_set_clock(the_clock);
	log_open(fileno(file), journal, level);
}

/* All that was written; borrowed until the next call. */
static const char *written(void)
{
	static char text[65536];
	ssize_t n = pread(fileno(file), text, sizeof(text) - 1, 0);
	assert_true(n >= 0);
	text[n] = 0;
	return text;
}

static void end(void)
{
	fclose(file);
	log_set_clock(NULL);
}

static void a_journal_line_has_its_priority_and_cause(void **state)
{
	(void)state;
	begin(true, LOG_LEVEL_DEBUG);
	log_error("redis", "connection %s", "refused");
	log_warn(NULL, "late");
	log_info(NULL, "started");
	log_debug(NULL, "detail");
	assert_string_equal(written(), "<3>connection refused cause=redis\n<4>late\n<6>started\n<7>detail\n");
	end();
}

static void a_plain_line_has_time_and_level(void **state)
{
	int year, month, day, hour, minute, second, ms, at = 0;
	(void)state;
	begin(false, LOG_LEVEL_INFO);
	log_info(NULL, "started");
	assert_int_equal(sscanf(written(), "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ info started%n", &year, &month, &day, &hour, &minute, &second, &ms, &at), 7);
	assert_string_equal(written() + at, "\n");
	end();
}

static void messages_below_the_level_are_not_written(void **state)
{
	(void)state;
	begin(true, LOG_LEVEL_WARN);
	log_info(NULL, "not this");
	log_warn(NULL, "this");
	assert_false(log_wants(LOG_LEVEL_INFO));
	log_set_level(LOG_LEVEL_ERROR);
	log_warn(NULL, "nor this");
	assert_string_equal(written(), "<4>this\n");
	end();
}

static void a_cause_is_said_once_and_what_was_left_out_is_counted(void **state)
{
	(void)state;
	begin(true, LOG_LEVEL_INFO);
	for (int i = 0; i < 5; i++)
		log_error("redis", "down %d", i);
	log_error("kafka", "down too");
	clock_ms += LOG_QUIET_MS - 1;
	log_error("redis", "still down");
	clock_ms += 1;
	log_error("redis", "still down");
	assert_string_equal(written(), "<3>down 0 cause=redis\n<3>down too cause=kafka\n<3>still down (5 more like this were left out) cause=redis\n");
	end();
}

static void a_cause_that_is_over_says_so_once_and_starts_anew(void **state)
{
	(void)state;
	begin(true, LOG_LEVEL_INFO);
	log_over("redis", "back");
	log_error("redis", "down");
	log_error("redis", "down");
	log_over("redis", "back");
	log_over("redis", "back");
	log_error("redis", "down");
	assert_string_equal(written(), "<3>down cause=redis\n<6>back (1 more like this were left out) cause=redis\n<3>down cause=redis\n");
	end();
}

static void the_end_names_what_was_left_out(void **state)
{
	(void)state;
	begin(true, LOG_LEVEL_INFO);
	log_error("a", "x");
	log_error("b", "x");
	log_error("b", "x");
	log_close();
	assert_string_equal(written(), "<3>x cause=a\n<3>x cause=b\n<6>at the end (1 more like this were left out) cause=b\n");
	end();
}

static void more_causes_than_are_told_apart_are_not_limited(void **state)
{
	char cause[16];
	int lines = 0;
	(void)state;
	begin(true, LOG_LEVEL_INFO);
	for (int i = 0; i < LOG_CAUSES; i++) {
		snprintf(cause, sizeof(cause), "c%d", i);
		log_info(cause, "x");
	}
	log_info("one more", "x");
	log_info("one more", "x");
	log_info("c0", "x");
	for (const char *p = written(); (p = strchr(p, '\n')); p++)
		lines++;
	assert_int_equal(lines, LOG_CAUSES + 2);
	end();
}

static void a_message_is_one_line_however_long_or_strange(void **state)
{
	char text[3 * LOG_LINE_BYTES];
	(void)state;
	begin(true, LOG_LEVEL_INFO);
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	text[5] = '\n';
	text[6] = '\033';
	log_info("long", "%s", text);
	const char *line = written();
	assert_true(strlen(line) < LOG_LINE_BYTES);
	assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
	assert_null(strchr(line, '\033'));
	assert_non_null(strstr(line, "x... cause=long\n"));
	end();
}

static void *talk(void *name)
{
	for (int i = 0; i < 200; i++)
		log_info(NULL, "%s%s%s", (char *)name, (char *)name, (char *)name);
	return NULL;
}

static void threads_do_not_mix_their_lines(void **state)
{
	static char a[] = "aaaaaaaaaa", b[] = "bbbbbbbbbb";
	pthread_t threads[2];
	int lines = 0;
	(void)state;
	begin(true, LOG_LEVEL_INFO);
	pthread_create(&threads[0], NULL, talk, a);
	pthread_create(&threads[1], NULL, talk, b);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	for (const char *p = written(); *p; p = strchr(p, '\n') + 1, lines++)
		assert_int_equal(strspn(p, p[3] == 'a' ? "<6>a" : "<6>b"), 33);
	assert_int_equal(lines, 400);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_journal_line_has_its_priority_and_cause),
		cmocka_unit_test(a_plain_line_has_time_and_level),
		cmocka_unit_test(messages_below_the_level_are_not_written),
		cmocka_unit_test(a_cause_is_said_once_and_what_was_left_out_is_counted),
		cmocka_unit_test(a_cause_that_is_over_says_so_once_and_starts_anew),
		cmocka_unit_test(the_end_names_what_was_left_out),
		cmocka_unit_test(more_causes_than_are_told_apart_are_not_limited),
		cmocka_unit_test(a_message_is_one_line_however_long_or_strange),
		cmocka_unit_test(threads_do_not_mix_their_lines),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
