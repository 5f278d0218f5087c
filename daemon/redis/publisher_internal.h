/* What the two halves of the publisher share: publisher.c (the loop's functions) and publisher_thread.c. */
#ifndef GLINT_PUBLISHER_INTERNAL_H
#define GLINT_PUBLISHER_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "publisher.h"

struct batch_ring {
	struct batch *at[PUBLISHER_QUEUE];
	unsigned head, n;
};

struct lost_task {
	char task[16];
	enum batch_status status;
};

enum publisher_counter {
	COUNT_BATCHES,
	COUNT_COMMANDS,
	COUNT_REFUSED,
	COUNT_FENCED,
	COUNT_WIPED,
	COUNT_WRITES,
	COUNT_BYTES,
	COUNT_CONNECTS,
	COUNT_TIMEOUTS,
	COUNT_RETRY, /* the next three in the order of enum redis_class */
	COUNT_RECONNECT,
	COUNT_STOP,
	COUNT_LATENCY_US,
	PUBLISHER_COUNTERS
};

struct publisher {
	/* fixed */
	const struct config_redis *config;
	struct health *health;
	char *prefix, *instance, *version, *run; /* owned */
	int wake_fd;                             /* wakes the thread */
	int loop_fd;                             /* wakes the loop */
	pthread_t thread;
	pthread_cond_t end; /* ended, with the mutex */

	pthread_mutex_t mutex; /* guards down to the next line */
	struct batch_ring submitted, completed;
	unsigned n_held;   /* taken and not yet collected */
	size_t held_bytes; /* theirs */
	struct lost_task *lost;
	unsigned n_lost, lost_capacity;
	char (*forgotten)[16];
	unsigned n_forgotten, forgotten_capacity;
	struct buf heartbeat;
	bool loop_signalled; /* loop_fd is readable */
	bool stop, ended, abandoned;
	int64_t stop_at_ms;

	/* written by the thread, read by anyone */
	_Atomic uint64_t counters[PUBLISHER_COUNTERS];
	_Atomic int64_t last_ok_ms;
	_Atomic bool connected;
};

static inline size_t batch_bytes(const struct batch *b)
{
	return b->commands.size + b->status.size;
}

static inline int64_t publisher_now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static inline void publisher_count(struct publisher *p, enum publisher_counter c, uint64_t n)
{
	atomic_fetch_add_explicit(&p->counters[c], n, memory_order_relaxed);
}

void *publisher_thread(void *publisher);

/* Called by the thread: gives a batch back; tells of a lost task. */
void publisher_give(struct publisher *p, struct batch *b);
void publisher_tell_lost(struct publisher *p, const char *task, enum batch_status status);
void publisher_free(struct publisher *p);

#endif
