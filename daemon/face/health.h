/* What /livez and /readyz answer from: written by the loop, read by the HTTP thread.
 *
 * Alive = the loop went round within `limit_ms`. Ready = every part is. A part's state goes both ways. health_set costs an atomic
 * load when nothing changed, and takes the mutex otherwise.
 */
#ifndef GLINT_HEALTH_H
#define GLINT_HEALTH_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum health_part {
	HEALTH_KAFKA,    /* "kafka": brokers reachable, and topics take what is written */
	HEALTH_ASSIGNED, /* "assigned": member of the group with its partitions known (none is fine) */
	HEALTH_RESTORED, /* "restored": no task is being restored, global tables are read */
	HEALTH_REDIS,    /* "redis": reachable and writable */
	HEALTH_PARTS
};

#define HEALTH_WHY_BYTES 512

struct health {
	_Atomic int64_t progress_ms; /* monotonic ms of the loop's last round */
	int64_t limit_ms;
	_Atomic bool ready[HEALTH_PARTS];
	_Atomic bool stopping;
	pthread_mutex_t mutex; /* guards why */
	char why[HEALTH_PARTS][HEALTH_WHY_BYTES];
};

/* Every part starts not ready, "starting". now_ms: CLOCK_MONOTONIC. limit_ms: a loop that takes longer is not alive. */
void health_init(struct health *h, int64_t limit_ms, int64_t now_ms);
void health_done(struct health *h);

/* The loop went round. Relaxed store. */
static inline void health_progress(struct health *h, int64_t now_ms)
{
	atomic_store_explicit(&h->progress_ms, now_ms, memory_order_relaxed);
}

/* ready: `why` is ignored (may be NULL). Not ready: `why` (copied, cut to HEALTH_WHY_BYTES - 1) is shown; the text is only looked
 * at when the state changes or differs. */
void health_set(struct health *h, enum health_part part, bool ready, const char *why);
void health_stopping(struct health *h); /* /readyz answers 503 "stopping" from now on */

/* Alive? The seconds since the last round go into ret_age_ms (may be NULL). */
bool health_alive(const struct health *h, int64_t now_ms, int64_t *ret_age_ms);

/* Ready? Writes {"ready":…,"parts":{"kafka":{"ready":false,"why":"…"},…}} with its NUL into json (always ended). */
bool health_ready(struct health *h, char *json, size_t size);

#endif
