/* The thread's own state, and its three parts: publisher_thread.c (the round: connect, wait, recover), publisher_requests.c (batches
 * into slots, requests out) and publisher_answers.c (answers in, and what an error asks for). Nobody else includes this.
 *
 * Batches are sent in the order taken, in rounds; the next begins when every answer of the last is in. A round is a transaction of the
 * views that wait (what came during the last round goes together, up to a part's bounds), or one script, and then the watch:
 *
 *   commands, HSET task seq and status, (those of more parts), EXEC, WATCH of our tasks' hashes, HMGET of each, MULTI
 *
 * So that a transaction need not ask first: its tasks' epochs and seqs were as they should be when the watch was set, it is open already
 * (a MULTI that is refused would leave what follows it without a fence), and when anything has touched one of the hashes since, EXEC
 * writes nothing; the watch behind it then says why. What is no transaction begins with DISCARD. What was not applied (an error that passes,
 * a touched hash, a forgotten script) is sent again from the oldest on, after an error with a pause. The same happens on a new connection,
 * after its watch: a part whose answer was lost, but whose seq is there, is applied.
 */
#ifndef GLINT_PUBLISHER_LINK_H
#define GLINT_PUBLISHER_LINK_H

#include "publisher_internal.h"
#include "redis_batch.h"
#include "redis_connection.h"
#include "redis_scripts.h"

#define PAUSE_MIN_MS 50

enum request_kind {
	ASK_AUTH,
	ASK_SELECT,
	ASK_NAME,
	ASK_RIGHT,  /* whether we may what a transaction takes */
	ASK_LOAD,   /* index: script */
	ASK_SCRIPT, /* index: slot */
	ASK_QUEUED, /* the transaction's commands */
	ASK_EXEC,
	ASK_BEAT, /* the heartbeat: says whether Redis takes writes */
	ASK_META,
	ASK_WATCH, /* or DISCARD */
	ASK_CHECK, /* index: task */
	ASK_MULTI,
	ASK_BYE,
};

struct request {
	enum request_kind kind;
	unsigned index;
	unsigned n, answered; /* answers to it: of QUEUED several */
	int64_t sent_ms;
};

#define TRANSACTION_PARTS PUBLISHER_QUEUE

/* A part in a transaction. */
struct sent_part {
	unsigned slot, part;
	unsigned commands; /* without the last, which sets seq and status */
};

struct task {
	char name[16];
	uint64_t epoch, seq_next, seq_applied;
	bool taken;   /* taken over, and not found fenced or wiped since */
	bool watched; /* heartbeats check it */
	bool armed;   /* its hash is under WATCH, and was as it should be */
};

struct slot {
	struct batch *batch; /* NULL: free */
	struct parts parts;
	unsigned task;
	unsigned sent, applied; /* parts; in between: awaiting their answer */
	uint64_t seq;           /* of part 0 */
	bool numbered;          /* seq is set */
	bool decided;           /* fenced, wiped or done: given back when nothing is awaited */
};

struct link {
	struct publisher *p;
	struct redis_connection redis;
	char sha[REDIS_SCRIPTS][41];
	struct request *asked; /* awaiting an answer, in order */
	unsigned asked_head, n_asked, asked_capacity;
	struct sent_part transaction[TRANSACTION_PARTS]; /* the last one sent */
	unsigned n_transaction;
	bool malformed;     /* a command of it was refused for its form */
	bool open;          /* MULTI was answered: commands are queued until EXEC or DISCARD */
	unsigned greetings; /* of n_asked, before batches may go */
	bool greeted;
	bool failing; /* a part was not applied: let the answers come in, pause, and send again */
	bool scripts_lost;
	bool troubled; /* an error holds everything back; over with the next part applied or, with none waiting, heartbeat */
	bool said_goodbye, gone;
	int64_t hold_until_ms, answered_ms, beat_ms;
	int64_t pause_ms;
	uint64_t random;
	struct task *tasks;
	unsigned n_tasks, tasks_capacity;
	struct slot slots[PUBLISHER_QUEUE];
	unsigned order[PUBLISHER_QUEUE], n_order; /* slots in use, oldest first */
	/* copies of what is under the mutex */
	bool stop, abandoned;
	int64_t stop_at_ms;
};

static inline int64_t link_now_ms(void)
{
	return publisher_now_us() / 1000;
}

/* publisher_requests.c */
unsigned link_task(struct link *l, const char *name); /* index of the task, added when new */
void link_take(struct link *l, struct batch *b);      /* into a slot; one is free */
void link_decide(struct link *l, struct slot *s, enum batch_status result);
/* gives back what is decided and awaits nothing, in order within a task */
void link_give(struct link *l);
void link_command(struct link *l, unsigned n, const struct text *arguments); /* appends a command; the caller adds its link_ask() */
void link_ask(struct link *l, struct request r);                             /* its answers are awaited from now on; n 0 is one */
void link_greet(struct link *l);
void link_beat(struct link *l); /* heartbeat, meta, and a watch of all; nothing else is under way */
void link_bye(struct link *l);             /* removes the heartbeat */
void link_watch(struct link *l, bool all); /* the hashes of the tasks that are ours, or of those that write; behind a round, or with none under way */
void link_send(struct link *l);  /* the next round, when the last one is over */

#define COMMAND(l, ...) \
	link_command(l, sizeof((struct text[]){ __VA_ARGS__ }) / sizeof(struct text), (struct text[]){ __VA_ARGS__ })

/* publisher_answers.c */
void link_read(struct link *l);                                              /* may disconnect */
void link_trouble(struct link *l, enum redis_class class, struct text text); /* an error that is not one command's own; may disconnect */
void link_lost(struct link *l, const char *what);                            /* disconnects */
void link_unsend(struct link *l);                                            /* what was not applied is to be sent again */
void link_pause(struct link *l, bool longest);                               /* holds back: doubling, with jitter */

#endif
