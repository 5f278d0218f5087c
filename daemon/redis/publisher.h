/* The publisher: a thread that owns the Redis connection and writes batches of views, fenced by epoch.
 *
 * The loop renders commands into a batch (daemon/state/view.c) and submits it; the thread sends it in transactions and reports the
 * outcome. The queue is bounded: a full queue says -EAGAIN and the loop keeps its dirty marks, so that Redis may be slow, down or
 * wiped while memory stays flat. Nothing is shared but the queues; the loop is woken through an event fd. All functions are the
 * loop's (one thread), but publisher_stats, which anyone may call.
 *
 * In Redis, per task, `<prefix>:task:<task>` (hash): epoch, seq, shown, watermark, at_end and, on i0, group_watermark and alerts;
 * epoch and seq are written here, the rest comes as the batch's status. seq counts the parts of batches of this epoch that were applied:
 * none is applied when the one before it was not, so a status never runs ahead of its views; a part whose answer was lost is not
 * applied twice; and a Redis that came back without its last writes (failed over, restarted from disk) is noticed. A batch whose epoch is older than the stored one is refused (FENCED), as is one
 * whose task hash is missing or behind (WIPED): nothing of it is written, except for earlier parts of a large batch.
 *
 * A command that Redis refuses for its own sake (WRONGTYPE) is counted, logged, and does not stop the rest; one whose form it does not take
 * (too few arguments) takes those of its part with it. What is wrong with Redis or with our rights on it (OOM, READONLY, LOADING, NOPERM, ...) holds everything back until it is over.
 */
#ifndef GLINT_PUBLISHER_H
#define GLINT_PUBLISHER_H

#include "processors/buf.h"

struct publisher;
struct config_redis;
struct health;

#define PUBLISHER_QUEUE 32                   /* batches that the publisher holds at most, answered ones not yet collected included */
#define PUBLISHER_QUEUE_BYTES (32u << 20)    /* and their bytes; a larger batch is taken when nothing else is there */
#define PUBLISHER_COMMAND_ARGUMENTS_MAX 7000 /* a command with more is counted as refused (the stack of alerts' script) */

enum batch_kind {
	BATCH_VIEWS,         /* commands, then the status fields; needs the task hash at exactly this epoch, taken over by this publisher */
	BATCH_TAKE_OVER,     /* sets the epoch when it is not below the stored one; reports the stored `shown` (empty: there was none) */
	BATCH_ALERTS,        /* entries for the alerts stream, then the status fields; fenced like views, by its task (i0) */
	BATCH_ALERTS_RESUME, /* reports which offset of the alerts topic comes next: the alerts stream's last generated id */
};

enum batch_status {
	BATCH_DONE,
	BATCH_FENCED, /* a newer epoch is there: this process no longer owns the task */
	BATCH_WIPED,  /* no epoch there, an older one, or writes are missing: take over anew, all dirty */
};

/* Alerts: an entry is an i64 Kafka offset, a varint size and the alert's JSON (an object with id and state; at most 64 members).
 * New ones become XADD <prefix>:alerts <offset+1>-0 with the members as fields (objects and arrays as JSON text, null left out),
 * HSET (raised) or HDEL (resolved) in <prefix>:alerts:active, SADD/SREM in <prefix>:blocked for scope item:ID of severity high
 * (SREM only when no other alert of severity high on it is active), and PUBLISH <prefix>:alerts. Known ones change nothing. */
struct batch {
	enum batch_kind kind;
	char task[16];       /* "u0", "i3" */
	uint64_t epoch;      /* below 2^53 */
	uint32_t n_commands; /* BATCH_ALERTS: entries */
	struct buf commands; /* per command: varint argc, then per argument varint size and bytes */
	struct buf status;   /* field/value pairs of the task hash, encoded as arguments: written after the commands */
	uint32_t n_status;   /* arguments in status (even, at most PUBLISHER_COMMAND_ARGUMENTS_MAX) */
	void *cookie;        /* the loop's own */
	/* set by the publisher */
	enum batch_status result;
	uint32_t n_refused;   /* commands that Redis refused */
	int64_t submitted_us; /* CLOCK_MONOTONIC */
	int64_t latency_us;   /* from submit to answer */
	struct buf reply;     /* TAKE_OVER: the stored `shown` text; ALERTS_RESUME: the next offset in decimal */
};

struct batch *batch_create(void);
void batch_reset(struct batch *b);   /* as created, but keeps the memory */
void batch_destroy(struct batch *b); /* NULL allowed */

struct publisher_options {
	const struct config_redis *redis; /* borrowed until destroy */
	const char *instance;             /* copied, as are the next two: names the heartbeat and the connection */
	const char *version, *run;        /* written to <prefix>:meta */
	struct health *health;            /* borrowed until destroy; HEALTH_REDIS is set on it. NULL allowed */
};

/* Starts the thread; connects in the background (a missing server is not an error here, it is retried with back-off and jitter).
 * SIGPIPE need not be ignored. 0, -ENOMEM, -EMFILE, ... with a sentence in error. */
int publisher_create(const struct publisher_options *options, struct publisher **ret, char *error, size_t error_size);
/* Takes the batch (until publisher_completed gives it back). -EAGAIN: the queue is full. Never blocks. */
int publisher_submit(struct publisher *p, struct batch *b);
/* A batch that was answered, or NULL. A batch is given back only when Redis answered it: while Redis is away it is kept and sent
 * again. Batches of one task are answered in the order of their submission, those of several tasks in any. */
struct batch *publisher_completed(struct publisher *p);
/* A task that a heartbeat (every second) found missing or behind (BATCH_WIPED) or newer (BATCH_FENCED) in Redis, once each until it
 * is taken over again; false: none. */
bool publisher_lost(struct publisher *p, char ret_task[16], enum batch_status *ret_status);
/* The task is no longer ours: heartbeats stop looking at it until it is taken over again (one under way is: ignore what they find). */
void publisher_forget(struct publisher *p, const char *task);
/* How many more publisher_submit() would take now. */
unsigned publisher_room(struct publisher *p);
/* Readable when publisher_completed() or publisher_lost() has something. Not to be read by the caller. */
int publisher_fd(const struct publisher *p);
/* The value of <prefix>:heartbeat:<instance> (JSON; copied) from the next heartbeat on. */
void publisher_set_heartbeat(struct publisher *p, struct text json);
/* Asks Redis for `deadline_ms` more at most to take what was submitted, removes the heartbeat, then ends the thread; destroys the
 * batches that were not collected. NULL allowed. */
void publisher_destroy(struct publisher *p, int64_t deadline_ms);

struct publisher_stats {
	bool connected;                                       /* and greeted */
	int64_t last_ok_ms;                                   /* CLOCK_MONOTONIC of the last heartbeat or batch that Redis took; 0: never */
	uint64_t batches;                                     /* answered */
	uint64_t commands;                                    /* taken */
	uint64_t refused;                                     /* commands that Redis refused for their own sake */
	uint64_t fenced, wiped;                               /* batches */
	uint64_t writes, bytes;                               /* transactions and scripts sent, repeats included; and what went with them */
	uint64_t connects;                                    /* times connected */
	uint64_t timeouts;                                    /* no answer within the time-out */
	uint64_t errors_retry, errors_reconnect, errors_stop; /* by what was done about them */
	uint64_t latency_us;                                  /* summed over batches, submit to answer */
	uint64_t queued, queued_bytes;                        /* now */
};
void publisher_stats(struct publisher *p, struct publisher_stats *ret);

#endif
