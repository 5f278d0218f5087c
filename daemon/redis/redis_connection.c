/* A connection to Redis: see redis_connection.h. */
#include "redis_connection.h"

#include <errno.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "daemon/config/config.h"

#define OUT_KEPT_BYTES (4u << 20) /* a buffer that grew past it is freed once it is sent */

enum { ELEMENTS_MAX = 1 << 16 }; /* of an array in a reply; ours have some hundred */

/* hiredis 0.14 allocates what an array says that it holds before any of it has come: a server, or who stands in for it, could take
 * all memory with ten bytes. These functions are hiredis' own but for that. */
struct redis_bounded {
	redisReplyObjectFunctions functions;
	void *(*array)(const redisReadTask *task, int elements);
};

static void *bounded_array(const redisReadTask *task, int elements)
{
	const struct redis_bounded *b = task->privdata;
	return elements <= ELEMENTS_MAX ? b->array(task, elements) : NULL;
}

int redis_connection_adopt(struct redis_connection *c, struct redisContext *context)
{
	c->context = context;
	if (!c->bounded)
		c->bounded = malloc(sizeof(*c->bounded));
	if (!c->bounded)
		return -ENOMEM;
	c->bounded->functions = *context->reader->fn;
	c->bounded->array = c->bounded->functions.createArray;
	c->bounded->functions.createArray = bounded_array;
	context->reader->fn = &c->bounded->functions;
	context->reader->privdata = c->bounded;
	return 0;
}

static int failed(struct redis_connection *c, int code, const char *what, char *error, size_t size)
{
	snprintf(error, size, "%s", what);
	redis_connection_close(c);
	return code;
}

int redis_connection_open(struct redis_connection *c, const struct config_redis *config, char *error, size_t size)
{
	int64_t limit_ms = OPTION_NOW(config->connect_timeout_ms);
	struct timeval limit = { limit_ms / 1000, limit_ms % 1000 * 1000 };

	redis_connection_close(c);
	errno = 0;
	if (config->unix_path)
		c->context = redisConnectUnixWithTimeout(config->unix_path, limit);
	else
		c->context = redisConnectWithTimeout(config->host, config->port, limit);
	if (!c->context)
		return failed(c, -ENOMEM, "no memory for a connection", error, size);
	if (c->context->err) {
		/* a unix socket's errors come without their text when the server refuses */
		const char *text = c->context->errstr[0] ? c->context->errstr : "connection refused";
		return failed(c, c->context->err == REDIS_ERR_IO && errno ? -errno : -ECONNREFUSED, text, error, size);
	}
	int flags = fcntl(c->context->fd, F_GETFL);
	if (flags < 0 || fcntl(c->context->fd, F_SETFL, flags | O_NONBLOCK) < 0 || fcntl(c->context->fd, F_SETFD, FD_CLOEXEC) < 0)
		return failed(c, -errno, "cannot make the socket non-blocking", error, size);
	c->context->flags &= ~REDIS_BLOCK;
	if (!config->unix_path)
		redisEnableKeepAlive(c->context);
	if (redis_connection_adopt(c, c->context) < 0)
		return failed(c, -ENOMEM, "no memory for a connection", error, size);
	return 0;
}

void redis_connection_close(struct redis_connection *c)
{
	if (c->context)
		redisFree(c->context);
	c->context = NULL;
	buf_clear(&c->out);
	c->sent = 0;
}

void redis_connection_done(struct redis_connection *c)
{
	redis_connection_close(c);
	free(c->bounded);
	c->bounded = NULL;
	buf_done(&c->out);
}

int redis_connection_fd(const struct redis_connection *c)
{
	return c->context->fd;
}

int redis_connection_flush(struct redis_connection *c)
{
	while (c->sent < c->out.size) {
		ssize_t n = send(c->context->fd, c->out.data + c->sent, c->out.size - c->sent, MSG_NOSIGNAL);
		if (n > 0)
			c->sent += (size_t)n;
		else if (n < 0 && errno == EINTR)
			continue;
		else if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return 0;
		else
			return n < 0 ? -errno : -EPIPE;
	}
	if (c->out.capacity > OUT_KEPT_BYTES)
		buf_done(&c->out);
	buf_clear(&c->out);
	c->sent = 0;
	return 0;
}

int redis_connection_read(struct redis_connection *c)
{
	errno = 0;
	if (redisBufferRead(c->context) == REDIS_OK)
		return 0;
	return c->context->err == REDIS_ERR_IO && errno ? -errno : -EPIPE;
}

int redis_connection_reply(struct redis_connection *c, struct redisReply **ret)
{
	void *reply = NULL;
	if (redisGetReplyFromReader(c->context, &reply) != REDIS_OK)
		return -EPROTO;
	if (!reply)
		return 0;
	*ret = reply;
	return 1;
}

static void header(struct buf *out, char type, uint64_t n)
{
	uint8_t digits[20];
	int at = 20;
	do
		digits[--at] = (uint8_t)('0' + n % 10);
	while (n /= 10);
	uint8_t *to = buf_room(out, 24);
	*to++ = (uint8_t)type;
	memcpy(to, digits + at, (size_t)(20 - at));
	to += 20 - at;
	*to++ = '\r';
	*to++ = '\n';
	out->size = (size_t)(to - out->data);
}

void redis_command(struct buf *out, uint64_t n_arguments)
{
	header(out, '*', n_arguments);
}

void redis_argument(struct buf *out, struct text argument)
{
	header(out, '$', argument.size);
	uint8_t *to = buf_room(out, (size_t)argument.size + 2);
	if (argument.size)
		memcpy(to, argument.data, argument.size);
	to[argument.size] = '\r';
	to[argument.size + 1] = '\n';
	out->size += (size_t)argument.size + 2;
}

void redis_argument_u64(struct buf *out, uint64_t v)
{
	char text[24];
	redis_argument(out, (struct text){ text, (uint32_t)snprintf(text, sizeof(text), "%llu", (unsigned long long)v) });
}

enum redis_class redis_classify(const char *error)
{
	static const struct {
		const char *start;
		enum redis_class is;
	} codes[] = {
		{ "OOM", REDIS_RETRY },
		{ "LOADING", REDIS_RETRY },
		{ "BUSY", REDIS_RETRY },
		{ "MASTERDOWN", REDIS_RETRY },
		{ "TRYAGAIN", REDIS_RETRY },
		{ "CLUSTERDOWN", REDIS_RETRY },
		{ "NOREPLICAS", REDIS_RETRY },
		{ "MISCONF", REDIS_RETRY },
		{ "READONLY", REDIS_RECONNECT },
		{ "UNBLOCKED", REDIS_RECONNECT },
		{ "NOSCRIPT", REDIS_NOSCRIPT },
		{ "NOAUTH", REDIS_STOP },
		{ "WRONGPASS", REDIS_STOP },
		{ "NOPERM", REDIS_STOP },
		{ "MOVED", REDIS_STOP },
		{ "ASK", REDIS_STOP },
		{ "CROSSSLOT", REDIS_STOP },
		{ "DENIED", REDIS_STOP },
	};
	static const struct {
		const char *part;
		enum redis_class is;
	} phrases[] = {
		{ "max number of clients", REDIS_RECONNECT },
		{ "read-only replica", REDIS_RECONNECT }, /* EXEC, before 6.2 */
		{ "nknown command", REDIS_STOP },
		{ "nknown Redis command", REDIS_STOP },
		{ "The user executing the script", REDIS_STOP }, /* how a script sees NOPERM */
		{ "AUTH", REDIS_STOP },
	};
	error += *error == '-'; /* older servers leave it in what a script catches */
	size_t n = strcspn(error, " ");
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (strlen(codes[i].start) == n && strncmp(error, codes[i].start, n) == 0)
			return codes[i].is;
	for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++)
		if (strstr(error, phrases[i].part))
			return phrases[i].is;
	return REDIS_REFUSED;
}

struct text redis_error_text(const char *error)
{
	const char *cut = strstr(error, ", with args");
	size_t n = cut ? (size_t)(cut - error) : strcspn(error, "\r\n");
	return (struct text){ error, (uint32_t)(n < 200 ? n : 200) };
}
