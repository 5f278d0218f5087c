/* What a server sends is read within bounds. Connections to a real server are those of tests/unit/test_publisher*.c. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "daemon/redis/redis_connection.h"

/* The first reply of what a server sends; what redis_connection_reply says. */
static int reply_to(const char *bytes, long long *ret_elements)
{
	int pair[2];
	struct redis_connection c = { 0 };
	redisReply *reply = NULL;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	assert_int_equal(write(pair[1], bytes, strlen(bytes)), strlen(bytes));
	assert_int_equal(redis_connection_adopt(&c, redisConnectFd(pair[0])), 0);
	assert_int_equal(redis_connection_read(&c), 0);
	int rc = redis_connection_reply(&c, &reply);
	if (rc == 1) {
		*ret_elements = (long long)reply->elements;
		freeReplyObject(reply);
	}
	redis_connection_done(&c);
	close(pair[1]);
	return rc;
}

static void an_array_that_claims_too_much_is_no_reply(void **state)
{
	long long n = 0;
	(void)state;
	assert_int_equal(reply_to("*2\r\n*2\r\n:1\r\n:2\r\n$1\r\nx\r\n", &n), 1);
	assert_int_equal(n, 2);
	assert_int_equal(reply_to("*65536\r\n:1\r\n", &n), 0); /* the rest may come */
	assert_int_equal(reply_to("*65537\r\n:1\r\n", &n), -EPROTO);
	assert_int_equal(reply_to("*2\r\n*2147483647\r\n:1\r\n", &n), -EPROTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_array_that_claims_too_much_is_no_reply),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
