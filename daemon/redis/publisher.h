/* The publisher: a thread that owns the Redis connections and writes batches of views, fenced by epoch.
 *
 * The loop renders commands into a batch (daemon/state/view.c) and submits it; the thread sends it in one script per task and
 * reports the outcome. The queue is bounded: a full queue says -EAGAIN and the loop keeps its dirty marks, so that Redis may be
 * slow, down or wiped while memory stays flat. Nothing is shared but the two queues; the loop is woken through an event fd.
 *
 * In Redis, per task, `<prefix>:task:<task>` (hash): epoch, shown, watermark, at_end and, on i0, group_watermark and alerts.
 * The script refuses a batch whose epoch is older than the stored one (FENCED), and one whose task hash is missing or behind
 * (WIPED: Redis was emptied or failed over): then nothing of it is written.
 */
#ifndef GLINT_PUBLISHER_H
#define GLINT_PUBLISHER_H

#include "processors/buf.h"

struct publisher;
struct config;
struct health;

enum batch_kind {
	BATCH_VIEWS,     /* commands, then the status fields; needs the task hash at exactly this epoch */
	BATCH_TAKE_OVER, /* sets the epoch when it is not below the stored one; reports the stored `shown` (empty: there was none) */
	BATCH_ALERTS,    /* entries for the alerts stream (see publisher.c); fenced like views, by task i0 */
	BATCH_ALERTS_RESUME, /* reports the alerts stream's last generated id as the next offset to read */
};

enum batch_status {
	BATCH_DONE,
	BATCH_FENCED, /* a newer epoch is there: this process no longer owns the task */
	BATCH_WIPED,  /* no epoch there, or an older one: take over anew, all dirty */
};

struct batch {
	enum batch_kind kind;
	char task[16];       /* "u0", "i3" */
	uint64_t epoch;
	uint32_t n_commands; /* BATCH_ALERTS: entries */
	struct buf commands; /* per command: varint argc, then per argument varint size and bytes. ALERTS: per entry i64 offset, varint size, JSON */
	struct buf status;   /* field/value pairs of the task hash, encoded as arguments: written after the commands */
	uint32_t n_status;   /* arguments in status (even) */
	void *cookie;        /* the loop's own */
	/* set by the publisher */
	enum batch_status result;
	struct buf reply;    /* TAKE_OVER: the stored `shown` text; ALERTS_RESUME: the next offset in decimal */
};

/* Starts the thread; connects in the background (a missing server is not an error here, it is retried with back-off and jitter). */
int publisher_create(const struct config *config, struct health *health, struct publisher **ret, char *error, size_t error_size);
/* Takes the batch (until publisher_completed gives it back). -EAGAIN: the queue is full. Never blocks. */
int publisher_submit(struct publisher *p, struct batch *b);
/* A batch that was answered, or NULL. A batch is given back only when Redis answered it: while Redis is away it is kept and sent again. */
struct batch *publisher_completed(struct publisher *p);
/* How many more publisher_submit() would take now. */
unsigned publisher_room(const struct publisher *p);
/* Readable when publisher_completed() has something. */
int publisher_fd(const struct publisher *p);
/* Asks Redis for `deadline_ms` more at most to take what was submitted, then ends the thread. NULL allowed. */
void publisher_destroy(struct publisher *p, int64_t deadline_ms);

struct batch *batch_create(void);
void batch_destroy(struct batch *b); /* NULL allowed */

#endif
