/* Transactions in a thread of their own; see committer.h.
 *
 * Error classes are those of librdkafka's transactional API: retriable (again), abortable (abort, report), fatal; the name `_FENCED` is
 * fatal whatever its flags say (seen from AddOffsets). A transaction without the group's metadata and offsets is never sent.
 */
#include "committer.h"

#include <errno.h>
#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "daemon/face/crashpoint.h"
#include "daemon/face/log.h"
#include "daemon/kafka/kafka.h"

struct committer {
	rd_kafka_t *rk, *consumer;
	rd_kafka_topic_t *topics[COMMIT_TOPICS];
	char *inputs[4];
	bool transactional;
	size_t batch_bytes;     /* of a batch of several records, at most */
	struct refused refused; /* of the interval under way; the thread's own */
	uint64_t pause_at; /* a test's: stand still in that interval; 0 = never */
	bool pause_after;  /* its transaction is committed then, else open */
	int pause_before_s; /* not 0: stand still for so long before its transaction begins, then go on */
	int fd;
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	struct interval *todo, *done; /* under mutex */
	bool busy, stop, quick;       /* under mutex */
	struct {
		int64_t *offsets;
		int32_t n;
		uint8_t topic;
	} trim; /* under mutex; offsets NULL: nothing to do */
};

/* ---- intervals ---- */

static void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

struct interval *interval_create(void)
{
	return must(calloc(1, sizeof(struct interval)));
}

void interval_clear(struct interval *i)
{
	i->n_records = i->n_offsets = 0;
	buf_clear(&i->bytes);
	if (i->group_metadata)
		rd_kafka_consumer_group_metadata_destroy(i->group_metadata);
	i->group_metadata = NULL;
	i->why[0] = '\0';
	i->probe = i->refused.any = false;
	i->model_rows = i->messages = 0;
}

void interval_destroy(struct interval *i)
{
	if (!i)
		return;
	interval_clear(i);
	buf_done(&i->bytes);
	free(i->records);
	free(i->offsets);
	free(i);
}

void interval_add(struct interval *i, uint8_t topic, int32_t partition, struct text key, struct text value, const struct buf *headers)
{
	if (i->n_records == i->records_capacity) {
		i->records_capacity = i->records_capacity ? i->records_capacity * 2 : 1024;
		i->records = must(realloc(i->records, sizeof(*i->records) * i->records_capacity));
	}
	i->records[i->n_records++] = (struct out_record){
		.topic = topic, .tombstone = !value.data, .no_key = !key.data, .partition = partition, .key_size = key.size, .value_size = value.size,
		.headers_size = headers ? (uint32_t)headers->size : 0, .at = i->bytes.size,
	};
	buf_bytes(&i->bytes, key.data, key.size);
	buf_bytes(&i->bytes, value.data, value.size);
	if (headers)
		buf_bytes(&i->bytes, headers->data, headers->size);
}

void interval_offset(struct interval *i, unsigned topic, int32_t partition, int64_t offset)
{
	if (i->n_offsets == i->offsets_capacity) {
		i->offsets_capacity = i->offsets_capacity ? i->offsets_capacity * 2 : 64;
		i->offsets = must(realloc(i->offsets, sizeof(*i->offsets) * i->offsets_capacity));
	}
	i->offsets[i->n_offsets++] = (struct out_offset){ topic, partition, offset };
}

size_t interval_bytes(const struct interval *i)
{
	return i->bytes.size;
}

/* ---- sending ---- */

static int64_t now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static enum commit_fate fate_of(struct committer *c, rd_kafka_error_t *e, struct interval *i, const char *what)
{
	rd_kafka_resp_err_t code = rd_kafka_error_code(e);
	snprintf(i->why, sizeof(i->why), "%s: %s (%s)", what, rd_kafka_error_string(e), rd_kafka_error_name(e));
	enum commit_fate fate = COMMIT_FAILED;
	if (code == RD_KAFKA_RESP_ERR__FENCED || code == RD_KAFKA_RESP_ERR_PRODUCER_FENCED)
		fate = COMMIT_FENCED;
	else if (rd_kafka_error_txn_requires_abort(e))
		fate = code == RD_KAFKA_RESP_ERR__TIMED_OUT || code == RD_KAFKA_RESP_ERR__MSG_TIMED_OUT ? COMMIT_TIMED_OUT : COMMIT_ABORTED;
	else if (code == RD_KAFKA_RESP_ERR__TIMED_OUT)
		fate = COMMIT_TIMED_OUT;
	rd_kafka_error_destroy(e);
	if (fate == COMMIT_ABORTED || fate == COMMIT_TIMED_OUT) {
		for (int tries = 0; tries < 3; tries++) {
			e = rd_kafka_abort_transaction(c->rk, 10000);
			if (!e)
				return fate;
			bool again = rd_kafka_error_is_retriable(e);
			bool fenced = rd_kafka_error_code(e) == RD_KAFKA_RESP_ERR__FENCED || rd_kafka_error_code(e) == RD_KAFKA_RESP_ERR_PRODUCER_FENCED;
			rd_kafka_error_destroy(e);
			if (fenced) /* the group's refusal came first, that of the transactions tells by whom */
				return COMMIT_FENCED;
			if (!again)
				break;
		}
		fate = COMMIT_FAILED;
	}
	return fate;
}

static bool gives_up(struct committer *c)
{
	pthread_mutex_lock(&c->mutex);
	bool quick = c->stop && c->quick;
	pthread_mutex_unlock(&c->mutex);
	return quick;
}

static rd_kafka_headers_t *headers_of(struct text bytes)
{
	struct reader r = reader_of(bytes.data, bytes.size);
	uint8_t n = reader_u8(&r);
	rd_kafka_headers_t *h = rd_kafka_headers_new(n);
	while (n--) {
		struct text name = reader_text(&r), value = reader_text(&r);
		rd_kafka_header_add(h, name.data, (ssize_t)name.size, value.data, (ssize_t)value.size);
	}
	return h;
}

static rd_kafka_resp_err_t produce(struct committer *c, const struct interval *i, const struct out_record *r)
{
	const char *key = (const char *)i->bytes.data + r->at;
	const char *value = key + r->key_size;
	if (!r->headers_size) /* the bytes live until the fate is known: no copy */
		return rd_kafka_produce(c->topics[r->topic], r->partition, 0, r->tombstone ? NULL : (void *)(uintptr_t)value, r->value_size,
					r->no_key ? NULL : key, r->key_size, NULL) == 0 ?
			       RD_KAFKA_RESP_ERR_NO_ERROR :
			       rd_kafka_last_error();
	rd_kafka_headers_t *h = headers_of((struct text){ value + r->value_size, r->headers_size });
	rd_kafka_resp_err_t err = rd_kafka_producev(c->rk, RD_KAFKA_V_RKT(c->topics[r->topic]), RD_KAFKA_V_PARTITION(r->partition),
						    RD_KAFKA_V_KEY(r->no_key ? NULL : key, r->key_size),
						    RD_KAFKA_V_VALUE(r->tombstone ? NULL : (void *)(uintptr_t)value, r->value_size),
						    RD_KAFKA_V_HEADERS(h), RD_KAFKA_V_END);
	if (err)
		rd_kafka_headers_destroy(h);
	return err;
}

static rd_kafka_topic_partition_list_t *offsets_of(struct committer *c, const struct interval *i)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)i->n_offsets);
	for (size_t k = 0; k < i->n_offsets; k++)
		rd_kafka_topic_partition_list_add(list, c->inputs[i->offsets[k].topic], i->offsets[k].partition)->offset = i->offsets[k].offset;
	return list;
}

static enum commit_fate produce_all(struct committer *c, struct interval *i)
{
	for (size_t k = 0; k < i->n_records; k++) {
		rd_kafka_resp_err_t err;
		while ((err = produce(c, i, &i->records[k])) == RD_KAFKA_RESP_ERR__QUEUE_FULL && !gives_up(c))
			rd_kafka_poll(c->rk, 20);
		if (!err)
			continue;
		snprintf(i->why, sizeof(i->why), "producing: %s", rd_kafka_err2name(err));
		if (err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE) {
			const struct out_record *r = &i->records[k];
			c->refused.own = true;
			refused_take(&c->refused, r->topic, r->partition, (struct text){ (const char *)i->bytes.data + r->at, r->key_size }, r->value_size);
		}
		if (!c->transactional)
			return COMMIT_FAILED;
		if (err == RD_KAFKA_RESP_ERR__FENCED || err == RD_KAFKA_RESP_ERR__FATAL || err == RD_KAFKA_RESP_ERR__STATE) {
			char why[200];
			rd_kafka_resp_err_t fatal = rd_kafka_fatal_error(c->rk, why, sizeof(why));
			if (fatal)
				snprintf(i->why, sizeof(i->why), "producing: %s: %s", rd_kafka_err2name(fatal), why);
			if (fatal || err == RD_KAFKA_RESP_ERR__FENCED)
				return fatal == RD_KAFKA_RESP_ERR__FENCED || fatal == RD_KAFKA_RESP_ERR_PRODUCER_FENCED || !fatal ? COMMIT_FENCED : COMMIT_FAILED;
		}
		rd_kafka_error_t *e = rd_kafka_abort_transaction(c->rk, 10000);
		if (!e)
			return COMMIT_ABORTED;
		rd_kafka_error_destroy(e);
		return COMMIT_FAILED;
	}
	return COMMIT_DONE;
}

/* For tests that act at a known point: GLINT_TEST_PAUSE_COMMIT=N stands still with interval N's transaction open, N+ when it is committed;
 * N-S for S seconds before it begins. */
static void wait_for_test(const struct committer *c, const struct interval *i)
{
	struct timespec until;
	if (i->number != c->pause_at || !c->pause_before_s)
		return;
	log_info(NULL, "transaction to begin, interval %llu: standing still for %d s (GLINT_TEST_PAUSE_COMMIT)", (unsigned long long)i->number,
		 c->pause_before_s);
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += c->pause_before_s;
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
		;
}

static void pause_for_test(const struct committer *c, const struct interval *i, bool committed)
{
	if (i->number != c->pause_at || committed != c->pause_after || c->pause_before_s)
		return;
	log_info(NULL, "transaction %s, interval %llu: standing still (GLINT_TEST_PAUSE_COMMIT)", committed ? "committed" : "open",
		 (unsigned long long)i->number);
	for (;;)
		pause();
}

/* What a probe's transaction shows: whoever took our transactional id has raised its epoch, and the broker refuses ours. */
static enum commit_fate probed(struct committer *c, struct interval *i)
{
	char why[200];
	rd_kafka_flush(c->rk, KAFKA_TRANSACTION_TIMEOUT_MS);
	rd_kafka_error_t *e = rd_kafka_fatal_error(c->rk, why, sizeof(why)) ? NULL : rd_kafka_abort_transaction(c->rk, KAFKA_TRANSACTION_TIMEOUT_MS);
	rd_kafka_resp_err_t code = e ? rd_kafka_error_code(e) : rd_kafka_fatal_error(c->rk, why, sizeof(why));
	if (e)
		rd_kafka_error_destroy(e);
	snprintf(i->why, sizeof(i->why), "asking for the transactional id: %s", rd_kafka_err2name(code));
	return code == RD_KAFKA_RESP_ERR__FENCED || code == RD_KAFKA_RESP_ERR_PRODUCER_FENCED || code == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH ?
		       COMMIT_FENCED :
		       COMMIT_ABORTED;
}

static enum commit_fate send_transaction(struct committer *c, struct interval *i)
{
	wait_for_test(c, i);
	rd_kafka_error_t *e = rd_kafka_begin_transaction(c->rk);
	if (e)
		return fate_of(c, e, i, "beginning a transaction");
	crashpoint("commit.begin");
	enum commit_fate fate = produce_all(c, i);
	if (fate != COMMIT_DONE)
		return fate;
	crashpoint("commit.produced");
	if (i->probe)
		return probed(c, i);
	rd_kafka_topic_partition_list_t *offsets = offsets_of(c, i);
	e = rd_kafka_send_offsets_to_transaction(c->rk, offsets, i->group_metadata, KAFKA_TRANSACTION_TIMEOUT_MS);
	rd_kafka_topic_partition_list_destroy(offsets);
	if (e)
		return fate_of(c, e, i, "sending offsets");
	pause_for_test(c, i, false);
	crashpoint("commit.offsets");
	for (;;) {
		e = rd_kafka_commit_transaction(c->rk, 1000);
		if (!e) {
			pause_for_test(c, i, true);
			crashpoint("commit.done");
			return COMMIT_DONE;
		}
		bool again = rd_kafka_error_is_retriable(e) || rd_kafka_error_code(e) == RD_KAFKA_RESP_ERR__TIMED_OUT;
		if (!again || rd_kafka_error_txn_requires_abort(e) || gives_up(c))
			return fate_of(c, e, i, "committing");
		rd_kafka_error_destroy(e);
	}
}

static enum commit_fate send_flushed(struct committer *c, struct interval *i)
{
	enum commit_fate fate = produce_all(c, i);
	if (fate != COMMIT_DONE)
		return fate;
	while (rd_kafka_flush(c->rk, 200) == RD_KAFKA_RESP_ERR__TIMED_OUT)
		if (gives_up(c))
			return COMMIT_FAILED;
	rd_kafka_topic_partition_list_t *offsets = offsets_of(c, i);
	rd_kafka_resp_err_t err = c->consumer ? rd_kafka_commit(c->consumer, offsets, 0) : RD_KAFKA_RESP_ERR_NO_ERROR;
	rd_kafka_topic_partition_list_destroy(offsets);
	if (!err)
		return COMMIT_DONE;
	/* Nothing is restored here, so that dropping state would lose it: the next interval's offsets cover these. */
	log_warn("commit", "committing offsets: %s", rd_kafka_err2str(err));
	return COMMIT_DONE;
}

static void trim(struct committer *c, uint8_t topic, const int64_t *offsets, int32_t n)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(n);
	for (int32_t p = 0; p < n; p++)
		if (offsets[p] > 0)
			rd_kafka_topic_partition_list_add(list, rd_kafka_topic_name(c->topics[topic]), p)->offset = offsets[p];
	if (list->cnt) {
		rd_kafka_queue_t *q = rd_kafka_queue_new(c->rk);
		rd_kafka_DeleteRecords_t *del = rd_kafka_DeleteRecords_new(list);
		rd_kafka_DeleteRecords(c->rk, &del, 1, NULL, q);
		rd_kafka_DeleteRecords_destroy(del);
		rd_kafka_event_t *event = rd_kafka_queue_poll(q, 3000);
		if (event && rd_kafka_event_error(event))
			log_warn("kafka.trim", "trimming %s: %s", rd_kafka_topic_name(c->topics[topic]), rd_kafka_event_error_string(event));
		if (event)
			rd_kafka_event_destroy(event);
		rd_kafka_queue_destroy(q);
	}
	rd_kafka_topic_partition_list_destroy(list);
}

/* The reports of records that failed come with a flush or a poll: the thread's own. */
static void on_failed(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
	struct committer *c = opaque;
	(void)rk;
	for (uint8_t t = 0; m->err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE && t < COMMIT_TOPICS; t++)
		if (c->topics[t] && !strcmp(rd_kafka_topic_name(m->rkt), rd_kafka_topic_name(c->topics[t])))
			refused_take(&c->refused, t, m->partition, (struct text){ m->key, (uint32_t)m->key_len }, m->len);
}

static void refusal(struct committer *c, struct interval *i)
{
	if (i->fate == COMMIT_DONE || i->fate == COMMIT_FENCED)
		return;
	rd_kafka_poll(c->rk, 0);
	if (c->refused.any)
		refused_explain(c->rk, rd_kafka_topic_name(c->topics[c->refused.topic]), &c->refused, c->batch_bytes, i->why, sizeof(i->why));
	i->refused = c->refused;
}

static void *run(void *arg)
{
	struct committer *c = arg;
	pthread_mutex_lock(&c->mutex);
	for (;;) {
		while (!c->todo && !c->trim.offsets && !c->stop)
			pthread_cond_wait(&c->cond, &c->mutex);
		if (c->todo) {
			struct interval *i = c->todo;
			c->todo = NULL;
			pthread_mutex_unlock(&c->mutex);
			int64_t start = now_us();
			c->refused = (struct refused){ 0 };
			i->fate = c->transactional ? send_transaction(c, i) : send_flushed(c, i);
			i->took_us = now_us() - start;
			refusal(c, i);
			/* The coordinator fences whoever was still in a transaction when its time was over: that is nobody else. */
			if (i->fate == COMMIT_FENCED && i->took_us >= KAFKA_TRANSACTION_TIMEOUT_MS * INT64_C(1000))
				i->fate = COMMIT_FAILED;
			pthread_mutex_lock(&c->mutex);
			c->done = i;
			pthread_cond_broadcast(&c->cond);
			uint64_t one = 1;
			if (c->fd >= 0 && write(c->fd, &one, sizeof(one)) < 0)
				log_debug(NULL, "waking the loop: %s", strerror(errno));
		} else if (c->stop) {
			break;
		} else {
			int64_t *offsets = c->trim.offsets;
			int32_t n = c->trim.n;
			uint8_t topic = c->trim.topic;
			c->trim.offsets = NULL;
			pthread_mutex_unlock(&c->mutex);
			trim(c, topic, offsets, n);
			free(offsets);
			pthread_mutex_lock(&c->mutex);
		}
	}
	pthread_mutex_unlock(&c->mutex);
	return NULL;
}

/* ---- life ---- */

static void on_error(rd_kafka_t *rk, int err, const char *reason, void *opaque)
{
	(void)rk, (void)opaque;
	log_warn("kafka.producer", "kafka producer: %s: %s", rd_kafka_err2str(err), reason);
}

int committer_create(const struct config *config, const char *bootstrap, const char *const *topics, const char *const *inputs, int fd,
		     int timeout_ms, size_t batch_bytes, struct committer **ret, char *error, size_t size)
{
	struct committer *c = must(calloc(1, sizeof(*c)));
	c->transactional = config->glint.guarantee == GUARANTEE_EXACTLY_ONCE;
	rd_kafka_conf_t *conf = kafka_conf(config, c->transactional ? KAFKA_TRANSACTIONAL : KAFKA_PRODUCER, bootstrap, error, size);
	if (!conf) {
		free(c);
		return -EINVAL;
	}
	rd_kafka_conf_set_error_cb(conf, on_error);
	rd_kafka_conf_set_opaque(conf, c);
	rd_kafka_conf_set_dr_msg_cb(conf, on_failed);
	char why[256], batch[24] = "";
	size_t n = sizeof(batch);
	rd_kafka_conf_set(conf, "delivery.report.only.error", "true", why, sizeof(why));
	rd_kafka_conf_get(conf, "batch.size", batch, &n);
	c->batch_bytes = strtoull(batch, NULL, 10);
	if (batch_bytes && batch_bytes < c->batch_bytes) {
		snprintf(batch, sizeof(batch), "%zu", batch_bytes);
		rd_kafka_conf_set(conf, "batch.size", batch, why, sizeof(why));
		c->batch_bytes = batch_bytes;
	}
	c->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
	if (!c->rk) {
		snprintf(error, size, "a Kafka producer cannot be made: %s", why);
		rd_kafka_conf_destroy(conf);
		free(c);
		return -EIO;
	}
	int rc = 0;
	if (c->transactional) {
		rd_kafka_error_t *e;
		int64_t until = now_us() + (int64_t)timeout_ms * 1000;
		while ((e = rd_kafka_init_transactions(c->rk, timeout_ms)) && rd_kafka_error_is_retriable(e) && now_us() < until)
			rd_kafka_error_destroy(e);
		if (e) {
			rd_kafka_resp_err_t code = rd_kafka_error_code(e);
			rc = code == RD_KAFKA_RESP_ERR__FENCED || code == RD_KAFKA_RESP_ERR_PRODUCER_FENCED ? -ESTALE : -EIO;
			snprintf(error, size, "starting transactions: %s", rd_kafka_error_string(e));
			rd_kafka_error_destroy(e);
		}
	}
	if (rc < 0) {
		rd_kafka_destroy(c->rk);
		free(c);
		return rc;
	}
	for (int t = 0; t < COMMIT_TOPICS; t++) {
		c->topics[t] = rd_kafka_topic_new(c->rk, topics[t], NULL);
		/* The first transaction on a topic whose metadata is unknown waits a second for it: ask now. */
		const struct rd_kafka_metadata *m;
		if (rd_kafka_metadata(c->rk, 0, c->topics[t], &m, 5000) == RD_KAFKA_RESP_ERR_NO_ERROR)
			rd_kafka_metadata_destroy(m);
	}
	for (int t = 0; t < 4; t++)
		c->inputs[t] = inputs[t] ? strdup(inputs[t]) : NULL;
	const char *at = getenv("GLINT_TEST_PAUSE_COMMIT");
	char *rest = NULL;
	c->pause_at = at ? strtoull(at, &rest, 10) : 0;
	c->pause_after = rest && *rest == '+';
	c->pause_before_s = rest && *rest == '-' ? atoi(rest + 1) : 0;
	c->fd = fd;
	pthread_mutex_init(&c->mutex, NULL);
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&c->cond, &attr);
	pthread_condattr_destroy(&attr);
	if (pthread_create(&c->thread, NULL, run, c) != 0)
		abort();
	*ret = c;
	return 0;
}

void committer_consumer(struct committer *c, struct rd_kafka_s *consumer)
{
	c->consumer = consumer;
}

void committer_destroy(struct committer *c, bool quick)
{
	if (!c)
		return;
	pthread_mutex_lock(&c->mutex);
	c->stop = true;
	c->quick = quick;
	pthread_cond_broadcast(&c->cond);
	pthread_mutex_unlock(&c->mutex);
	pthread_join(c->thread, NULL);
	if (quick)
		rd_kafka_purge(c->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
	for (int t = 0; t < COMMIT_TOPICS; t++)
		rd_kafka_topic_destroy(c->topics[t]);
	rd_kafka_destroy(c->rk);
	for (int t = 0; t < 4; t++)
		free(c->inputs[t]);
	interval_destroy(c->done);
	free(c->trim.offsets);
	pthread_mutex_destroy(&c->mutex);
	pthread_cond_destroy(&c->cond);
	free(c);
}

void committer_submit(struct committer *c, struct interval *i)
{
	pthread_mutex_lock(&c->mutex);
	c->todo = i;
	c->busy = true;
	pthread_cond_broadcast(&c->cond);
	pthread_mutex_unlock(&c->mutex);
}

bool committer_idle(const struct committer *c)
{
	return !c->busy; /* set and cleared by the loop's thread alone */
}

struct interval *committer_completed(struct committer *c)
{
	return committer_wait(c, 0);
}

struct interval *committer_wait(struct committer *c, int timeout_ms)
{
	if (!c->busy)
		return NULL;
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	pthread_mutex_lock(&c->mutex);
	while (!c->done && timeout_ms > 0)
		if (pthread_cond_timedwait(&c->cond, &c->mutex, &until) == ETIMEDOUT)
			break;
	struct interval *i = c->done;
	c->done = NULL;
	if (i)
		c->busy = false;
	pthread_mutex_unlock(&c->mutex);
	return i;
}

void committer_trim(struct committer *c, uint8_t topic, const int64_t *offsets, int32_t n)
{
	pthread_mutex_lock(&c->mutex);
	if (!c->trim.offsets) {
		c->trim.offsets = must(malloc(sizeof(*offsets) * (size_t)n));
		memcpy(c->trim.offsets, offsets, sizeof(*offsets) * (size_t)n);
		c->trim.n = n;
		c->trim.topic = topic;
		pthread_cond_broadcast(&c->cond);
	}
	pthread_mutex_unlock(&c->mutex);
}

