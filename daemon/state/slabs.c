/* Slabs made ready by a thread; see slabs.h. */
#include "slabs.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "processors/huge.h"

enum { PAGE = 4096,
	AHEAD = 4 };

struct slabs {
	pthread_t thread;
	bool asked, running; /* asked: a slab, ever; not running then: there was no thread to be had, slabs come untouched */
	sem_t wanted;
	_Atomic(void *) ready[AHEAD]; /* NULL: none yet */
	atomic_int ahead;             /* so many are wanted: one with the first slab, more with the next ones */
	atomic_bool stop;
};

static void *make_ready(void *arg)
{
	struct slabs *s = arg;
	for (;;) {
		while (sem_wait(&s->wanted)) /* a signal */
			continue;
		if (atomic_load(&s->stop))
			return NULL;
		for (int i = 0; i < atomic_load(&s->ahead); i++) {
			if (atomic_load(&s->ready[i]))
				continue;
			volatile char *slab = huge_alloc(HUGE_PAGE_BYTES);
			for (size_t at = 0; at < HUGE_PAGE_BYTES; at += PAGE)
				slab[at] = 0;
			atomic_store(&s->ready[i], (void *)slab);
		}
	}
}

struct slabs *slabs_create(void)
{
	struct slabs *s = calloc(1, sizeof(*s));
	if (!s)
		abort();
	sem_init(&s->wanted, 0, 0);
	return s;
}

void slabs_destroy(struct slabs *s)
{
	if (!s)
		return;
	if (s->running) {
		atomic_store(&s->stop, true);
		sem_post(&s->wanted);
		pthread_join(s->thread, NULL);
	}
	for (int i = 0; i < AHEAD; i++)
		huge_free(s->ready[i], HUGE_PAGE_BYTES);
	sem_destroy(&s->wanted);
	free(s);
}

void *slabs_take(void *slabs)
{
	struct slabs *s = slabs;
	void *slab = NULL;
	for (int i = 0; !slab && i < AHEAD; i++)
		slab = atomic_exchange(&s->ready[i], NULL);
	if (!s->asked) {
		s->asked = true;
		s->running = !pthread_create(&s->thread, NULL, make_ready, s);
		if (s->running)
			pthread_setname_np(s->thread, "memory");
	}
	if (atomic_load(&s->ahead) < AHEAD)
		atomic_fetch_add(&s->ahead, 1);
	if (s->running)
		sem_post(&s->wanted);
	return slab ? slab : huge_alloc(HUGE_PAGE_BYTES);
}
