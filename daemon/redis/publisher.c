/* The publisher's public half: queues between the loop and the thread. See publisher.h. */
#include "publisher.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "daemon/config/config.h"
#include "publisher_internal.h"

static void signal_fd(int fd)
{
	uint64_t one = 1;
	ssize_t n;
	do
		n = write(fd, &one, sizeof(one));
	while (n < 0 && errno == EINTR);
}

static void ring_push(struct batch_ring *r, struct batch *b)
{
	r->at[(r->head + r->n++) % PUBLISHER_QUEUE] = b;
}

static struct batch *ring_pop(struct batch_ring *r)
{
	if (!r->n)
		return NULL;
	struct batch *b = r->at[r->head];
	r->head = (r->head + 1) % PUBLISHER_QUEUE;
	r->n--;
	return b;
}

static char *copy(const char *s)
{
	char *c = strdup(s ? s : "");
	if (!c)
		abort();
	return c;
}

int publisher_create(const struct publisher_options *o, struct publisher **ret, char *error, size_t error_size)
{
	struct publisher *p = calloc(1, sizeof(*p));
	int r;
	if (!p) {
		snprintf(error, error_size, "no memory for the publisher");
		return -ENOMEM;
	}
	p->config = o->redis;
	p->health = o->health;
	p->prefix = copy(o->redis->prefix);
	p->instance = copy(o->instance);
	p->version = copy(o->version);
	p->run = copy(o->run);
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&p->end, &monotonic);
	pthread_condattr_destroy(&monotonic);
	pthread_mutex_init(&p->mutex, NULL);
	buf_bytes(&p->heartbeat, "{}", 2);
	p->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	p->loop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (p->wake_fd < 0 || p->loop_fd < 0) {
		r = -errno;
		snprintf(error, error_size, "cannot make an event fd for the publisher: %s", strerror(-r));
		publisher_free(p);
		return r;
	}
	r = -pthread_create(&p->thread, NULL, publisher_thread, p);
	if (r) {
		snprintf(error, error_size, "cannot start the publisher's thread: %s", strerror(-r));
		publisher_free(p);
		return r;
	}
	*ret = p;
	return 0;
}

void publisher_free(struct publisher *p)
{
	struct batch *b;
	while ((b = ring_pop(&p->submitted)) || (b = ring_pop(&p->completed)))
		batch_destroy(b);
	if (p->wake_fd >= 0)
		close(p->wake_fd);
	if (p->loop_fd >= 0)
		close(p->loop_fd);
	pthread_cond_destroy(&p->end);
	pthread_mutex_destroy(&p->mutex);
	buf_done(&p->heartbeat);
	free(p->lost);
	free(p->forgotten);
	free(p->prefix);
	free(p->instance);
	free(p->version);
	free(p->run);
	free(p);
}

static bool has_room(const struct publisher *p, size_t bytes)
{
	return !p->n_held || (p->n_held < PUBLISHER_QUEUE && p->held_bytes + bytes <= PUBLISHER_QUEUE_BYTES);
}

int publisher_submit(struct publisher *p, struct batch *b)
{
	b->n_refused = 0;
	buf_clear(&b->reply);
	b->submitted_us = publisher_now_us();
	pthread_mutex_lock(&p->mutex);
	bool fits = has_room(p, batch_bytes(b));
	if (fits) {
		ring_push(&p->submitted, b);
		p->n_held++;
		p->held_bytes += batch_bytes(b);
	}
	pthread_mutex_unlock(&p->mutex);
	if (!fits)
		return -EAGAIN;
	signal_fd(p->wake_fd);
	return 0;
}

unsigned publisher_room(struct publisher *p)
{
	pthread_mutex_lock(&p->mutex);
	unsigned room = has_room(p, 1) ? PUBLISHER_QUEUE - p->n_held : 0;
	pthread_mutex_unlock(&p->mutex);
	return room;
}

/* With the mutex held. The event fd is readable exactly while there is something to collect. */
static void loop_signal(struct publisher *p)
{
	bool something = p->completed.n || p->n_lost;
	uint64_t count;
	if (something && !p->loop_signalled)
		signal_fd(p->loop_fd);
	else if (!something && p->loop_signalled && read(p->loop_fd, &count, sizeof(count)) < 0)
		return;
	p->loop_signalled = something;
}

struct batch *publisher_completed(struct publisher *p)
{
	pthread_mutex_lock(&p->mutex);
	struct batch *b = ring_pop(&p->completed);
	if (b) {
		p->n_held--;
		p->held_bytes -= batch_bytes(b);
		loop_signal(p);
	}
	pthread_mutex_unlock(&p->mutex);
	return b;
}

void publisher_give(struct publisher *p, struct batch *b)
{
	b->latency_us = publisher_now_us() - b->submitted_us;
	publisher_count(p, COUNT_BATCHES, 1);
	publisher_count(p, COUNT_LATENCY_US, (uint64_t)b->latency_us);
	if (b->result != BATCH_DONE)
		publisher_count(p, b->result == BATCH_FENCED ? COUNT_FENCED : COUNT_WIPED, 1);
	pthread_mutex_lock(&p->mutex);
	ring_push(&p->completed, b);
	loop_signal(p);
	pthread_mutex_unlock(&p->mutex);
}

void publisher_tell_lost(struct publisher *p, const char *task, enum batch_status status)
{
	pthread_mutex_lock(&p->mutex);
	if (p->n_lost == p->lost_capacity) {
		p->lost_capacity = p->lost_capacity ? p->lost_capacity * 2 : 16;
		p->lost = realloc(p->lost, p->lost_capacity * sizeof(*p->lost));
		if (!p->lost)
			abort();
	}
	struct lost_task *l = &p->lost[p->n_lost++];
	snprintf(l->task, sizeof(l->task), "%s", task);
	l->status = status;
	loop_signal(p);
	pthread_mutex_unlock(&p->mutex);
}

bool publisher_lost(struct publisher *p, char ret_task[16], enum batch_status *ret_status)
{
	pthread_mutex_lock(&p->mutex);
	bool is = p->n_lost > 0;
	if (is) {
		memcpy(ret_task, p->lost[0].task, 16);
		*ret_status = p->lost[0].status;
		memmove(p->lost, p->lost + 1, --p->n_lost * sizeof(*p->lost));
		loop_signal(p);
	}
	pthread_mutex_unlock(&p->mutex);
	return is;
}

void publisher_forget(struct publisher *p, const char *task)
{
	pthread_mutex_lock(&p->mutex);
	if (p->n_forgotten == p->forgotten_capacity) {
		p->forgotten_capacity = p->forgotten_capacity ? p->forgotten_capacity * 2 : 16;
		p->forgotten = realloc(p->forgotten, p->forgotten_capacity * sizeof(*p->forgotten));
		if (!p->forgotten)
			abort();
	}
	snprintf(p->forgotten[p->n_forgotten++], 16, "%s", task);
	unsigned kept = 0;
	for (unsigned i = 0; i < p->n_lost; i++)
		if (strcmp(p->lost[i].task, task))
			p->lost[kept++] = p->lost[i];
	p->n_lost = kept;
	loop_signal(p);
	pthread_mutex_unlock(&p->mutex);
	signal_fd(p->wake_fd);
}

int publisher_fd(const struct publisher *p)
{
	return p->loop_fd;
}

void publisher_set_heartbeat(struct publisher *p, struct text json)
{
	pthread_mutex_lock(&p->mutex);
	buf_clear(&p->heartbeat);
	buf_bytes(&p->heartbeat, json.data, json.size);
	pthread_mutex_unlock(&p->mutex);
}

void publisher_destroy(struct publisher *p, int64_t deadline_ms)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->mutex);
	p->stop = true;
	p->stop_at_ms = publisher_now_us() / 1000 + deadline_ms;
	pthread_mutex_unlock(&p->mutex);
	signal_fd(p->wake_fd);

	/* the thread keeps to the deadline but while a name is being resolved, which nothing can interrupt */
	const int64_t until_ms = p->stop_at_ms + 100;
	const struct timespec until = { until_ms / 1000, until_ms % 1000 * 1000000 };
	pthread_mutex_lock(&p->mutex);
	while (!p->ended && pthread_cond_timedwait(&p->end, &p->mutex, &until) != ETIMEDOUT)
		;
	bool ended = p->ended;
	p->abandoned = !ended;
	pthread_mutex_unlock(&p->mutex);
	if (!ended) {
		pthread_detach(p->thread); /* frees p when it comes back */
		return;
	}
	pthread_join(p->thread, NULL);
	publisher_free(p);
}

void publisher_stats(struct publisher *p, struct publisher_stats *ret)
{
	uint64_t n[PUBLISHER_COUNTERS];
	for (int i = 0; i < PUBLISHER_COUNTERS; i++)
		n[i] = atomic_load_explicit(&p->counters[i], memory_order_relaxed);
	*ret = (struct publisher_stats){
		.connected = atomic_load_explicit(&p->connected, memory_order_relaxed),
		.last_ok_ms = atomic_load_explicit(&p->last_ok_ms, memory_order_relaxed),
		.batches = n[COUNT_BATCHES],
		.commands = n[COUNT_COMMANDS],
		.refused = n[COUNT_REFUSED],
		.fenced = n[COUNT_FENCED],
		.wiped = n[COUNT_WIPED],
		.writes = n[COUNT_WRITES],
		.bytes = n[COUNT_BYTES],
		.connects = n[COUNT_CONNECTS],
		.timeouts = n[COUNT_TIMEOUTS],
		.errors_retry = n[COUNT_RETRY],
		.errors_reconnect = n[COUNT_RECONNECT],
		.errors_stop = n[COUNT_STOP],
		.latency_us = n[COUNT_LATENCY_US],
	};
	pthread_mutex_lock(&p->mutex);
	ret->queued = p->n_held;
	ret->queued_bytes = p->held_bytes;
	pthread_mutex_unlock(&p->mutex);
}
