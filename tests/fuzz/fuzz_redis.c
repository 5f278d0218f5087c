/* libFuzzer target of Redis' answers: the input is what a server sends; every reply in it is read, and classified when it is an error.
 * hiredis itself is not instrumented.
 */
#include "fuzz.h"

#include <hiredis/hiredis.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/redis/redis_connection.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int pair[2];
	struct redis_connection c = { 0 };
	redisReply *reply;
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
	must(send(pair[1], data, size, 0) == (ssize_t)size);
	redisContext *context = redisConnectFd(pair[0]);
	must(context && redis_connection_adopt(&c, context) == 0);
	if (redis_connection_read(&c) == 0)
		while (redis_connection_reply(&c, &reply) > 0) {
			if (reply->type == REDIS_REPLY_ERROR) {
				struct text text = redis_error_text(reply->str);
				must(redis_classify(reply->str) <= REDIS_REFUSED && text.size <= 200 && text.size <= strlen(reply->str));
			}
			freeReplyObject(reply);
		}
	redis_connection_done(&c);
	close(pair[1]);
	return 0;
}
