/* Consumers read partition by partition; see source.h.
 *
 * Each partition has its own queue (not forwarded to the consumer's), so that the caller chooses which one to read: three times the
 * speed of polling, and a full queue of one partition holds back nobody else. librdkafka's file says a queue is forwarded at the
 * start of fetching unless the application has set its forwarding: so it is set before the assignment.
 */
#include "source.h"

#include <errno.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "daemon/face/log.h"

enum { BATCH = 512,
	TOGETHER = 128,
	SETTLE_MS = 50 };

struct queue {
	unsigned topic;
	int32_t partition;
	rd_kafka_queue_t *queue;
	rd_kafka_message_t *messages[BATCH];
	size_t at, given, n; /* given: back to librdkafka, below it */
	int64_t position; /* next to take */
	int64_t eof;      /* end as last reported; -1 */
	int64_t end;      /* as the fetch of the last batch told it; -1: not asked yet */
	uint64_t empty;   /* the news when nothing was here; to ask again takes locks */
	int64_t since_ms; /* there has been something since then; 0: nothing was here when last asked */
};

struct source {
	rd_kafka_t *rk;
	unsigned n_topics;
	char *topics[SOURCE_TOPICS];
	struct queue **queues[SOURCE_TOPICS]; /* by partition; NULL: not assigned */
	int32_t limit;
	struct source_events events;
	int wake_fd;
	uint64_t news; /* see source_news() */
	uint64_t lost; /* offsets that retention took before we read them */
	bool down;  /* no broker answers */
	int64_t troubled_ms; /* when a connection was last lost, or one came back */
	int64_t asked_ms;
	int failed; /* -errno of a fatal error */
	char why[512];
};

/* To some ms, and cheap. */
static int64_t coarse_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void fail(struct source *s, int error, const char *what, const char *why)
{
	if (s->failed == -ESTALE)
		return;
	s->failed = error;
	snprintf(s->why, sizeof(s->why), "%s: %s", what, why);
}

static struct queue *queue_of(const struct source *s, unsigned topic, int32_t partition)
{
	return partition < s->limit ? s->queues[topic][partition] : NULL;
}

/* Those that are done with. Some at a time: each takes a count that librdkafka's thread takes, too, while it makes more of them. */
static void give_back(struct queue *q)
{
	while (q->given < q->at)
		rd_kafka_message_destroy(q->messages[q->given++]);
}

static void queue_destroy(struct queue *q)
{
	if (!q)
		return;
	q->at = q->n;
	give_back(q);
	rd_kafka_queue_io_event_enable(q->queue, -1, NULL, 0);
	rd_kafka_queue_destroy(q->queue);
	free(q);
}

static void drop_queues(struct source *s)
{
	for (unsigned t = 0; t < s->n_topics; t++)
		for (int32_t p = 0; p < s->limit; p++) {
			queue_destroy(s->queues[t][p]);
			s->queues[t][p] = NULL;
		}
}

static int topic_index(const struct source *s, const char *name)
{
	for (unsigned t = 0; t < s->n_topics; t++)
		if (strcmp(s->topics[t], name) == 0)
			return (int)t;
	return -1;
}

static int fit(struct source *s, int32_t partition)
{
	if (partition < s->limit)
		return 0;
	int32_t limit = partition + 1;
	for (unsigned t = 0; t < s->n_topics; t++) {
		struct queue **grown = realloc(s->queues[t], sizeof(*grown) * (size_t)limit);
		if (!grown)
			return -ENOMEM;
		memset(grown + s->limit, 0, sizeof(*grown) * (size_t)(limit - s->limit));
		s->queues[t] = grown;
	}
	s->limit = limit;
	return 0;
}

int source_assign(struct source *s, const struct source_place *places, size_t n, char *error, size_t size)
{
	drop_queues(s);
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)n);
	for (size_t i = 0; i < n; i++) {
		const struct source_place *p = &places[i];
		struct queue *q = calloc(1, sizeof(*q));
		if (!q || fit(s, p->partition) < 0)
			abort();
		q->topic = p->topic;
		q->partition = p->partition;
		q->position = p->offset == SOURCE_BEGINNING ? 0 : p->offset;
		q->eof = q->end = -1;
		q->queue = rd_kafka_queue_get_partition(s->rk, s->topics[p->topic], p->partition);
		rd_kafka_queue_forward(q->queue, NULL);
		if (s->wake_fd >= 0) {
			static const uint64_t one = 1;
			rd_kafka_queue_io_event_enable(q->queue, s->wake_fd, &one, sizeof(one));
		}
		s->queues[p->topic][p->partition] = q;
		rd_kafka_topic_partition_list_add(list, s->topics[p->topic], p->partition)->offset =
			p->offset == SOURCE_BEGINNING ? RD_KAFKA_OFFSET_BEGINNING : p->offset;
	}
	rd_kafka_resp_err_t err = rd_kafka_assign(s->rk, list);
	rd_kafka_topic_partition_list_destroy(list);
	if (err) {
		snprintf(error, size, "assigning %zu partitions: %s", n, rd_kafka_err2str(err));
		return -EIO;
	}
	return 0;
}

static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *list, void *opaque)
{
	struct source *s = opaque;
	char error[256] = "";
	if (err != RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
		s->events.revoked(s->events.to, rd_kafka_assignment_lost(rk));
		drop_queues(s);
		rd_kafka_assign(rk, NULL);
		return;
	}
	int32_t *partitions = calloc((size_t)list->cnt + 1, sizeof(*partitions));
	struct source_place *places = calloc((size_t)list->cnt + 1, sizeof(*places));
	size_t n = 0;
	bool whole = true;
	for (int i = 0; i < list->cnt; i++) {
		if (topic_index(s, list->elems[i].topic) != 0)
			continue;
		partitions[n] = list->elems[i].partition;
		for (unsigned t = 1; t < s->n_topics; t++)
			whole &= rd_kafka_topic_partition_list_find(list, s->topics[t], partitions[n]) != NULL;
		n++;
	}
	if (!whole || n * s->n_topics != (size_t)list->cnt) {
		fail(s, -EDOM, "the group assigned partitions of different numbers to one process",
		     "the topics' partition counts differ, or a member of the group uses another assignment strategy than range");
		rd_kafka_assign(rk, NULL);
	} else if (s->events.assigned(s->events.to, partitions, n, places) < 0 ||
		   source_assign(s, places, n * s->n_topics, error, sizeof(error)) < 0) {
		fail(s, -EIO, "taking over partitions failed", error);
		rd_kafka_assign(rk, NULL);
	}
	free(partitions);
	free(places);
}

static void on_error(rd_kafka_t *rk, int err, const char *reason, void *opaque)
{
	struct source *s = opaque;
	if (err == RD_KAFKA_RESP_ERR__FATAL) {
		char why[384];
		rd_kafka_resp_err_t fatal = rd_kafka_fatal_error(rk, why, sizeof(why));
		fail(s, fatal == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID ? -ESTALE : -EIO, rd_kafka_err2name(fatal), why);
		return;
	}
	s->troubled_ms = coarse_ms();
	if (err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
		s->down = true;
	log_warn("kafka", "kafka: %s: %s", rd_kafka_err2str(err), reason);
}

bool source_reachable(struct source *s, int64_t now_ms)
{
	const struct rd_kafka_metadata *m;
	if (!s->down || now_ms - s->asked_ms < 1000)
		return !s->down;
	s->asked_ms = now_ms;
	if (rd_kafka_metadata(s->rk, 0, NULL, &m, 200) == RD_KAFKA_RESP_ERR_NO_ERROR) {
		rd_kafka_metadata_destroy(m);
		s->down = false;
		s->troubled_ms = coarse_ms();
		log_over("kafka", "kafka: a broker answers again");
	}
	return !s->down;
}

int source_create(const struct config *config, enum kafka_role role, const char *bootstrap, const char *const *topics, unsigned n_topics, int wake_fd,
		  const struct source_events *events, struct source **ret, char *error, size_t size)
{
	struct source *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	rd_kafka_conf_t *conf = kafka_conf(config, role, bootstrap, error, size);
	if (!conf) {
		free(s);
		return -EINVAL;
	}
	rd_kafka_conf_set_opaque(conf, s);
	rd_kafka_conf_set_error_cb(conf, on_error);
	if (events)
		rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
	char why[256];
	s->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof(why));
	if (!s->rk) {
		snprintf(error, size, "a Kafka consumer cannot be made: %s", why);
		rd_kafka_conf_destroy(conf);
		free(s);
		return -EIO;
	}
	s->wake_fd = wake_fd;
	for (s->n_topics = 0; s->n_topics < n_topics; s->n_topics++)
		s->topics[s->n_topics] = strdup(topics[s->n_topics]);
	rd_kafka_poll_set_consumer(s->rk);
	if (events) {
		s->events = *events;
		if (wake_fd >= 0) {
			static const uint64_t one = 1;
			rd_kafka_queue_t *q = rd_kafka_queue_get_consumer(s->rk);
			rd_kafka_queue_io_event_enable(q, wake_fd, &one, sizeof(one));
			rd_kafka_queue_destroy(q);
		}
		rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)n_topics);
		for (unsigned t = 0; t < n_topics; t++)
			rd_kafka_topic_partition_list_add(list, topics[t], RD_KAFKA_PARTITION_UA);
		rd_kafka_resp_err_t err = rd_kafka_subscribe(s->rk, list);
		rd_kafka_topic_partition_list_destroy(list);
		if (err) {
			snprintf(error, size, "subscribing: %s", rd_kafka_err2str(err));
			source_destroy(s, true);
			return -EIO;
		}
	}
	*ret = s;
	return 0;
}

void source_destroy(struct source *s, bool quick)
{
	if (!s)
		return;
	if (!quick && s->events.revoked)
		rd_kafka_consumer_close(s->rk); /* a static member does not leave: its partitions wait for it */
	drop_queues(s);
	rd_kafka_destroy_flags(s->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
	for (unsigned t = 0; t < s->n_topics; t++) {
		free(s->topics[t]);
		free(s->queues[t]);
	}
	free(s);
}

uint64_t source_news(const struct source *s)
{
	return s->news;
}

int source_poll(struct source *s, char *error, size_t size)
{
	s->news++;
	for (int i = 0; i < 100 && !s->failed; i++) {
		rd_kafka_message_t *m = rd_kafka_consumer_poll(s->rk, 0);
		if (!m)
			break;
		if (!m->err)
			fail(s, -EIO, "a record came through the wrong queue", rd_kafka_topic_name(m->rkt));
		else if (m->err == RD_KAFKA_RESP_ERR__FATAL)
			on_error(s->rk, m->err, rd_kafka_message_errstr(m), s);
		else if (m->err == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID)
			fail(s, -ESTALE, "FENCED_INSTANCE_ID", rd_kafka_message_errstr(m));
		else if (m->err == RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED)
			log_warn("kafka.poll", "kafka: the loop did not poll for too long; the group takes the partitions away");
		else
			log_warn("kafka", "kafka: %s", rd_kafka_message_errstr(m));
		rd_kafka_message_destroy(m);
	}
	if (s->failed)
		snprintf(error, size, "%s", s->why);
	return s->failed;
}

/* Everything is fetched again from where it stands. A partition whose offset was out of range has stopped for good (auto.offset.reset=error):
 * librdkafka refuses to seek it, only an assignment starts it. What lies in our queues stays there. */
static void fetch_anew(struct source *s)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)s->n_topics * s->limit);
	for (unsigned t = 0; t < s->n_topics; t++)
		for (int32_t p = 0; p < s->limit; p++) {
			const struct queue *q = s->queues[t][p];
			if (!q)
				continue;
			int64_t next = q->position;
			for (size_t i = q->at; i < q->n; i++)
				if (!q->messages[i]->err && q->messages[i]->offset >= next)
					next = q->messages[i]->offset + 1;
			rd_kafka_topic_partition_list_add(list, s->topics[t], p)->offset = next ? next : RD_KAFKA_OFFSET_BEGINNING;
		}
	rd_kafka_resp_err_t err = rd_kafka_assign(s->rk, list);
	rd_kafka_topic_partition_list_destroy(list);
	if (err)
		fail(s, -EIO, "assigning partitions anew", rd_kafka_err2str(err));
}

static void queue_error(struct source *s, struct queue *q, const rd_kafka_message_t *m)
{
	switch (m->err) {
	case RD_KAFKA_RESP_ERR__PARTITION_EOF:
		q->eof = m->offset;
		break;
	case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
	case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE: {
		/* Trimmed past our position: the loss is named, and reading goes on at what is left. */
		int64_t first = -1, end = -1;
		char error[256];
		if (source_watermarks(s, q->topic, q->partition, 5000, &first, &end, error, sizeof(error)) < 0 || first <= q->position) {
			fail(s, -EIO, s->topics[q->topic], rd_kafka_message_errstr(m));
			break;
		}
		log_error("kafka.lost", "LOST: %s [%d]: offsets %lld to %lld are gone (retention); reading goes on at %lld", s->topics[q->topic],
			  (int)q->partition, (long long)q->position, (long long)first - 1, (long long)first);
		s->lost += (uint64_t)(first - (q->position > 0 ? q->position : 0));
		q->position = first;
		fetch_anew(s);
		break;
	}
	default:
		log_warn("kafka.fetch", "kafka: %s [%d]: %s", s->topics[q->topic], (int)q->partition, rd_kafka_message_errstr(m));
	}
}

static bool refill(struct source *s, struct queue *q)
{
	for (;;) {
		while (q->at < q->n) {
			rd_kafka_message_t *m = q->messages[q->at];
			if (!m->err && m->offset >= q->position)
				return true;
			if (m->err)
				queue_error(s, q, m);
			q->at++;
		}
		give_back(q);
		q->at = q->given = q->n = 0;
		if (q->empty == s->news)
			return false;
		ssize_t n = rd_kafka_consume_batch_queue(q->queue, 0, q->messages, BATCH);
		if (n <= 0) {
			q->empty = s->news;
			q->since_ms = 0;
			return false;
		}
		s->news++;
		if (!q->since_ms)
			q->since_ms = coarse_ms();
		q->n = (size_t)n;
		int64_t first, end;
		if (rd_kafka_get_watermark_offsets(s->rk, s->topics[q->topic], q->partition, &first, &end) == RD_KAFKA_RESP_ERR_NO_ERROR)
			q->end = end;
	}
}

bool source_peek(struct source *s, unsigned topic, int32_t partition, struct source_record *ret)
{
	struct queue *q = queue_of(s, topic, partition);
	if (!q || !refill(s, q))
		return false;
	const rd_kafka_message_t *m = q->messages[q->at];
	*ret = (struct source_record){
		.key = { m->key, (uint32_t)m->key_len },
		.value = { m->payload, (uint32_t)m->len },
		.offset = m->offset,
	};
	return true;
}

struct text source_key_ahead(const struct source *s, unsigned topic, int32_t partition, size_t ahead)
{
	enum { FAR = 8 };
	const struct queue *q = queue_of(s, topic, partition);
	if (!q || q->at + ahead >= q->n)
		return (struct text){ 0 };
	if (q->at + ahead + 2 * FAR < q->n) { /* the messages themselves are far away, too */
		__builtin_prefetch(q->messages[q->at + ahead + 2 * FAR]);
		__builtin_prefetch(q->messages[q->at + ahead + FAR]->key);
	}
	const rd_kafka_message_t *m = q->messages[q->at + ahead];
	return (struct text){ m->key, (uint32_t)m->key_len };
}

struct text source_value_ahead(const struct source *s, unsigned topic, int32_t partition, size_t ahead)
{
	const struct queue *q = queue_of(s, topic, partition);
	if (!q || q->at + ahead >= q->n)
		return (struct text){ 0 };
	const rd_kafka_message_t *m = q->messages[q->at + ahead];
	return (struct text){ m->payload, (uint32_t)m->len };
}

void source_next(struct source *s, unsigned topic, int32_t partition)
{
	struct queue *q = queue_of(s, topic, partition);
	q->position = q->messages[q->at++]->offset + 1;
	if (q->at - q->given >= TOGETHER)
		give_back(q);
}

bool source_settled(const struct source *s, unsigned topic, int32_t partition, int64_t most_ms)
{
	const struct queue *q = queue_of(s, topic, partition);
	int64_t now_ms = coarse_ms(), settle_ms = now_ms - s->troubled_ms < 4 * most_ms ? most_ms : SETTLE_MS;
	return !q || !q->since_ms || now_ms - q->since_ms >= (settle_ms < most_ms ? settle_ms : most_ms);
}

bool source_at_end(const struct source *s, unsigned topic, int32_t partition)
{
	const struct queue *q = queue_of(s, topic, partition);
	if (!q || q->at < q->n)
		return false;
	if (q->eof >= q->position)
		return true;
	/* The end is reported by the next empty fetch, fetch.wait.max.ms later; the last fetch has said already where it is. */
	return q->end >= 0 && q->position >= q->end;
}

int64_t source_position(const struct source *s, unsigned topic, int32_t partition)
{
	const struct queue *q = queue_of(s, topic, partition);
	if (!q)
		return -1;
	if (q->at == q->n)
		return q->eof > q->position ? q->eof : q->position;
	const rd_kafka_message_t *m = q->messages[q->at];
	return !m->err && m->offset > q->position ? m->offset : q->position;
}

int64_t source_lag(const struct source *s, unsigned topic, int32_t partition)
{
	int64_t first, end, position = source_position(s, topic, partition);
	if (position < 0 || rd_kafka_get_watermark_offsets(s->rk, s->topics[topic], partition, &first, &end) != RD_KAFKA_RESP_ERR_NO_ERROR)
		return 0;
	return end > position ? end - (position > first ? position : first) : 0;
}

uint64_t source_lost(const struct source *s)
{
	return s->lost;
}

int source_watermarks(struct source *s, unsigned topic, int32_t partition, int timeout_ms, int64_t *ret_first, int64_t *ret_end, char *error,
		      size_t size)
{
	int64_t first = 0, end = 0;
	rd_kafka_resp_err_t err = rd_kafka_query_watermark_offsets(s->rk, s->topics[topic], partition, &first, &end, timeout_ms);
	if (err) {
		snprintf(error, size, "offsets of %s [%d]: %s", s->topics[topic], (int)partition, rd_kafka_err2str(err));
		return -EIO;
	}
	*ret_first = first;
	*ret_end = end;
	return 0;
}

int source_committed(struct source *s, struct source_place *places, size_t n, int timeout_ms, char *error, size_t size)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)n);
	for (size_t i = 0; i < n; i++)
		rd_kafka_topic_partition_list_add(list, s->topics[places[i].topic], places[i].partition);
	rd_kafka_resp_err_t err = rd_kafka_committed(s->rk, list, timeout_ms);
	for (size_t i = 0; i < n && !err; i++) {
		const rd_kafka_topic_partition_t *tp = &list->elems[i];
		if (tp->err)
			err = tp->err;
		places[i].offset = tp->offset >= 0 ? tp->offset : -1;
	}
	rd_kafka_topic_partition_list_destroy(list);
	if (err) {
		snprintf(error, size, "committed offsets of the group: %s", rd_kafka_err2str(err));
		return -EIO;
	}
	return 0;
}

void *source_group_metadata(struct source *s)
{
	return rd_kafka_consumer_group_metadata(s->rk);
}

struct rd_kafka_s *source_client(struct source *s)
{
	return s->rk;
}
