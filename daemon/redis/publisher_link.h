/* The thread's own state, and its three parts: publisher_thread.c (the round: connect, wait, recover), publisher_requests.c (batches
 * into slots, requests out) and publisher_answers.c (answers in, and what an error asks for). Nobody else includes this.
 *
 * Requests are answered in the order sent. Batches are sent in the order taken, up to IN_FLIGHT_* ahead. When a part is not applied
 * (an error that passes, a forgotten script), nothing more is sent until every answer is in; parts behind it in its task were
 * refused by their seq (GAP), and everything not applied is sent again from the oldest on, after a pause. The same happens on a new
 * connection.
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
	ASK_LOAD, /* index: script */
	ASK_PART, /* index: slot */
	ASK_BEAT, /* the heartbeat: says whether Redis takes writes */
	ASK_META,
	ASK_CHECK, /* index: task */
	ASK_BYE,
};

struct request {
	enum request_kind kind;
	unsigned index, part;
	uint64_t seq; /* CHECK: what the task hash must have at least */
	size_t bytes;
	int64_t sent_ms;
};

struct task {
	char name[16];
	uint64_t epoch, seq_next, seq_applied;
	bool taken;   /* taken over, and not found fenced or wiped since */
	bool watched; /* heartbeats check it */
};

struct slot {
	struct batch *batch; /* NULL: free */
	struct parts parts;
	unsigned task;
	unsigned sent, applied; /* parts; in between: awaiting their answer */
	unsigned awaiting;      /* answers */
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
	unsigned parts_asked;
	size_t bytes_asked;
	unsigned greetings; /* of n_asked, before batches may go */
	bool greeted;
	bool beat_asked;
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
void link_ask(struct link *l, struct request r);                             /* its answer is awaited from now on */
void link_greet(struct link *l);
void link_beat(struct link *l);
void link_send(struct link *l); /* as many parts as may go */

#define COMMAND(l, ...) \
	link_command(l, sizeof((struct text[]){ __VA_ARGS__ }) / sizeof(struct text), (struct text[]){ __VA_ARGS__ })

/* publisher_answers.c */
void link_read(struct link *l);                                              /* may disconnect */
void link_trouble(struct link *l, enum redis_class class, struct text text); /* an error that is not one command's own; may disconnect */
void link_lost(struct link *l, const char *what);                            /* disconnects */
void link_unsend(struct link *l);                                            /* what was not applied is to be sent again */
void link_pause(struct link *l, bool longest);                               /* holds back: doubling, with jitter */

#endif
