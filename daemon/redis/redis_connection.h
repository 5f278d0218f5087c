/* One connection to Redis: opened with a time-out, then non-blocking; bytes out, replies in, and what an error asks for.
 *
 * hiredis 0.14 opens the socket and parses replies; sending is our own, since hiredis writes without MSG_NOSIGNAL and forgets
 * what was not sent. Knows nothing of batches, does not log. Used by the publisher's thread alone.
 */
#ifndef GLINT_REDIS_CONNECTION_H
#define GLINT_REDIS_CONNECTION_H

#include "processors/buf.h"

struct config_redis;
struct redisContext;
struct redisReply;

/* What to do about an error. */
enum redis_class {
	REDIS_RETRY,     /* wait, send again on the same connection: OOM, LOADING, BUSY, MISCONF, NOREPLICAS, ... */
	REDIS_RECONNECT, /* resolve and connect again: READONLY, UNBLOCKED, too many clients */
	REDIS_STOP,      /* the operator must act: NOAUTH, WRONGPASS, NOPERM, unknown command, cluster, ... */
	REDIS_NOSCRIPT,  /* load the scripts again */
	REDIS_REFUSED,   /* this one command is wrong: WRONGTYPE, wrong arguments */
};

struct redis_connection {
	struct redisContext *context; /* NULL while closed */
	struct buf out;               /* commands; from `sent` on not yet sent */
	size_t sent;
	struct redis_bounded *bounded; /* what the context reads replies with; NULL before the first */
};

/* Resolves and connects. 0, or -errno with a sentence in error; the connection is closed then. */
int redis_connection_open(struct redis_connection *c, const struct config_redis *config, char *error, size_t size);
/* Takes the context (freed by close), whose replies are bounded from now on. 0 or -ENOMEM; taken in both cases. */
int redis_connection_adopt(struct redis_connection *c, struct redisContext *context);
void redis_connection_close(struct redis_connection *c); /* drops what was not sent; may be closed already */
void redis_connection_done(struct redis_connection *c);  /* closes and frees */
int redis_connection_fd(const struct redis_connection *c);

/* Sends what the socket takes. 0 or -errno. */
int redis_connection_flush(struct redis_connection *c);
static inline size_t redis_connection_unsent(const struct redis_connection *c)
{
	return c->out.size - c->sent;
}
/* Reads what is there. 0 or -errno (-EPIPE: the server closed). */
int redis_connection_read(struct redis_connection *c);
/* The next whole reply: 1 (the caller frees it with freeReplyObject), 0 when there is none yet, -EPROTO (also for an array larger than any of ours). */
int redis_connection_reply(struct redis_connection *c, struct redisReply **ret);

/* Commands are written as RESP2: the number of arguments, then each. */
void redis_command(struct buf *out, uint64_t n_arguments);
void redis_argument(struct buf *out, struct text argument);
void redis_argument_u64(struct buf *out, uint64_t v);

/* The class of an error's text, as the server gave it or a script caught it. */
enum redis_class redis_classify(const char *error);
/* The error's text fit for a log: without the arguments that Redis repeats in some. */
struct text redis_error_text(const char *error);

#endif
