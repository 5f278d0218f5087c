/* The publisher's thread: the round. See publisher_link.h. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/config/config.h"
#include "publisher_link.h"

static void connect_now(struct link *l)
{
	char error[200];
	int r = redis_connection_open(&l->redis, l->p->config, error, sizeof(error));
	pthread_mutex_lock(&l->p->mutex);
	l->abandoned = l->p->abandoned;
	pthread_mutex_unlock(&l->p->mutex);
	if (l->abandoned)
		return;
	if (r)
		link_lost(l, error);
	else
		link_greet(l);
}

/* All answers are in after a failure: pause, and send again what was not applied. */
static void recover(struct link *l)
{
	if (!l->redis.context || l->n_asked)
		return;
	if (l->failing) {
		link_unsend(l);
		link_pause(l, false);
		if (l->scripts_lost && l->pause_ms == PAUSE_MIN_MS)
			l->hold_until_ms = 0; /* the first time at once */
	}
	if ((l->scripts_lost || !l->greeted) && link_now_ms() >= l->hold_until_ms)
		link_greet(l);
}

static void take(struct link *l)
{
	struct publisher *p = l->p;
	pthread_mutex_lock(&p->mutex);
	l->stop = p->stop;
	l->abandoned = p->abandoned;
	l->stop_at_ms = p->stop_at_ms;
	for (unsigned i = 0; i < p->n_forgotten; i++) {
		unsigned task = link_task(l, p->forgotten[i]); /* may move the table */
		l->tasks[task].watched = false;
	}
	p->n_forgotten = 0;
	struct batch *taken[PUBLISHER_QUEUE];
	unsigned n = 0;
	while (p->submitted.n && l->n_order + n < PUBLISHER_QUEUE) {
		taken[n++] = p->submitted.at[p->submitted.head];
		p->submitted.head = (p->submitted.head + 1) % PUBLISHER_QUEUE;
		p->submitted.n--;
	}
	pthread_mutex_unlock(&p->mutex);
	for (unsigned i = 0; i < n; i++)
		link_take(l, taken[i]);
}

/* True when the thread is to end. */
static bool stopping(struct link *l)
{
	if (!l->stop)
		return false;
	if (l->abandoned || l->gone || link_now_ms() >= l->stop_at_ms)
		return true;
	if (l->n_order || l->said_goodbye)
		return l->said_goodbye && !l->redis.context;
	if (!l->greeted)
		return true;
	link_bye(l);
	l->said_goodbye = true;
	return false;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* When an answer has been awaited for too long: since it was asked for, or since the last one came. */
static int64_t answer_limit_ms(const struct link *l)
{
	int64_t since = l->asked[l->asked_head].sent_ms;
	return (since > l->answered_ms ? since : l->answered_ms) + OPTION_NOW(l->p->config->timeout_ms);
}

static void wait_for_something(struct link *l)
{
	const int64_t now = link_now_ms();
	int64_t until = now + 60000;
	struct pollfd fds[2] = { { .fd = l->p->wake_fd, .events = POLLIN } };
	uint64_t count;

	if (l->redis.context) {
		fds[1] = (struct pollfd){ redis_connection_fd(&l->redis),
			redis_connection_unsent(&l->redis) ? POLLIN | POLLOUT : POLLIN, 0 };
		if (l->n_asked)
			until = earlier(until, answer_limit_ms(l));
		else if (l->greeted)
			until = earlier(until, l->beat_ms);
	}
	if (l->hold_until_ms > now || !l->redis.context || (!l->greeted && !l->n_asked))
		until = earlier(until, l->hold_until_ms);
	if (l->stop)
		until = earlier(until, l->stop_at_ms);
	if (poll(fds, l->redis.context ? 2 : 1, until > now ? (int)(until - now) : 0) < 0)
		return;
	if (fds[0].revents && read(l->p->wake_fd, &count, sizeof(count)) < 0)
		fds[0].revents = 0;
	if (l->redis.context && fds[1].revents & (POLLIN | POLLHUP | POLLERR))
		link_read(l);
	if (l->redis.context && l->n_asked && link_now_ms() >= answer_limit_ms(l)) {
		publisher_count(l->p, COUNT_TIMEOUTS, 1);
		link_lost(l, "no answer in time");
	}
}

void *publisher_thread(void *publisher)
{
	struct link link = { .p = publisher }, *l = &link;
	l->random = ((uint64_t)publisher_now_us() * 2654435761u ^ (uint64_t)getpid() << 40) | 1;
	for (;;) {
		take(l);
		if (stopping(l))
			break;
		if (!l->redis.context && link_now_ms() >= l->hold_until_ms)
			connect_now(l);
		if (l->abandoned)
			break;
		recover(l);
		if (l->redis.context && l->greeted && !l->n_asked && !l->said_goodbye && link_now_ms() >= l->beat_ms)
			link_beat(l);
		link_send(l);
		link_give(l);
		int r = l->redis.context ? redis_connection_flush(&l->redis) : 0;
		if (r)
			link_lost(l, strerror(-r));
		wait_for_something(l);
	}

	struct publisher *p = l->p;
	redis_connection_done(&l->redis);
	for (unsigned i = 0; i < l->n_order; i++)
		batch_destroy(l->slots[l->order[i]].batch);
	for (unsigned i = 0; i < PUBLISHER_QUEUE; i++)
		parts_done(&l->slots[i].parts);
	free(l->asked);
	free(l->tasks);
	pthread_mutex_lock(&p->mutex);
	bool abandoned = p->abandoned;
	p->ended = true;
	pthread_cond_signal(&p->end);
	pthread_mutex_unlock(&p->mutex);
	if (abandoned)
		publisher_free(p);
	return NULL;
}
