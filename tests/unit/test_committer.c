/* The committer on librdkafka's mock brokers: what comes in an interval is delivered before its offsets, all of them; and which of
 * Kafka's refusals mean aborted, fenced or failed. Real transactions are those of tests/e2e/daemon_kill.py: the mock brokers have none.
 */
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "daemon/kafka/committer.h"
#include "daemon/kafka/kafka.h"

enum { PARTITIONS = 3,
	PATIENCE_MS = 20000,
	SEND_OFFSETS_KEY = 28,
	END_KEY = 26,
	ADD_OFFSETS_KEY = 25,
	PRODUCE_KEY = 0 };

static const char *const topics[COMMIT_TOPICS] = { "t0", "t1", "t2", "t3", "t4", "t5" };
static const char *const inputs[4] = { "in0", "in1", NULL, NULL };

struct stage {
	rd_kafka_t *host;
	rd_kafka_mock_cluster_t *cluster;
	struct config config;
	struct committer *committer;
	rd_kafka_t *consumer, *reader;
	struct interval *interval;
};

static void make_topic(struct stage *s, const char *name)
{
	/* a request that comes while the cluster's thread falls asleep waits a second: let it sleep first */
	nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
	assert_int_equal(rd_kafka_mock_topic_create(s->cluster, name, PARTITIONS, 1), 0);
}

static struct stage *stage_open(bool transactional)
{
	struct stage *s = calloc(1, sizeof(*s));
	char why[256];
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_conf_set(conf, "socket.nagle.disable", "true", why, sizeof(why));
	rd_kafka_conf_set(conf, "log_level", "0", why, sizeof(why));
	s->host = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
	assert_non_null(s->host);
	s->cluster = rd_kafka_mock_cluster_new(s->host, 1);
	assert_non_null(s->cluster);
	for (int t = 0; t < COMMIT_TOPICS; t++)
		make_topic(s, topics[t]);
	for (int t = 0; t < 2; t++)
		make_topic(s, inputs[t]);
	s->config.kafka.group_id = (char *)"g";
	s->config.glint.instance = (char *)"one";
	s->config.glint.guarantee = transactional ? GUARANTEE_EXACTLY_ONCE : GUARANTEE_AT_LEAST_ONCE;
	const char *bootstrap = rd_kafka_mock_cluster_bootstraps(s->cluster);
	assert_int_equal(committer_create(&s->config, bootstrap, topics, inputs, -1, PATIENCE_MS, 0, &s->committer, why, sizeof(why)), 0);
	for (int i = 0; i < 2; i++) { /* no members of the group: they commit and ask */
		conf = rd_kafka_conf_new();
		rd_kafka_conf_set(conf, "bootstrap.servers", bootstrap, why, sizeof(why));
		rd_kafka_conf_set(conf, "group.id", "g", why, sizeof(why));
		rd_kafka_conf_set(conf, "log_level", "0", why, sizeof(why));
		rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof(why));
		assert_non_null(rk);
		*(i ? &s->reader : &s->consumer) = rk;
	}
	committer_consumer(s->committer, s->consumer);
	s->interval = interval_create();
	s->interval->number = 1;
	return s;
}

static void stage_close(struct stage *s)
{
	interval_destroy(s->interval);
	committer_destroy(s->committer, true);
	rd_kafka_destroy(s->consumer);
	rd_kafka_destroy(s->reader);
	rd_kafka_mock_cluster_destroy(s->cluster);
	rd_kafka_destroy(s->host);
	free(s);
}

/* A record to each partition of each topic, those of the last with headers, and an offset of each partition of both inputs. */
static void fill(struct stage *s, int64_t offset)
{
	struct buf headers = { 0 };
	buf_u8(&headers, 1);
	buf_text(&headers, TEXT("reason"));
	buf_text(&headers, TEXT("why"));
	for (uint8_t t = 0; t < COMMIT_TOPICS; t++)
		for (int32_t p = 0; p < PARTITIONS; p++)
			interval_add(s->interval, t, p, TEXT("key"), TEXT("value"), t == COMMIT_TOPICS - 1 ? &headers : NULL);
	for (unsigned t = 0; t < 2; t++)
		for (int32_t p = 0; p < PARTITIONS; p++)
			interval_offset(s->interval, t, p, offset + (int64_t)t * PARTITIONS + p);
	s->interval->group_metadata = rd_kafka_consumer_group_metadata_new("g");
	buf_done(&headers);
}

static int64_t end_of(struct stage *s, const char *topic, int32_t partition)
{
	int64_t low = -1, high = -1;
	assert_int_equal(rd_kafka_query_watermark_offsets(s->reader, topic, partition, &low, &high, PATIENCE_MS), 0);
	return high;
}

static int64_t committed(struct stage *s, unsigned topic, int32_t partition)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_list_add(list, inputs[topic], partition);
	assert_int_equal(rd_kafka_committed(s->reader, list, PATIENCE_MS), 0);
	int64_t offset = list->elems[0].offset;
	rd_kafka_topic_partition_list_destroy(list);
	return offset;
}

static struct interval *sent(struct stage *s)
{
	committer_submit(s->committer, s->interval);
	s->interval = NULL;
	struct interval *i = committer_wait(s->committer, PATIENCE_MS);
	assert_non_null(i);
	s->interval = i;
	return i;
}

static void without_transactions_offsets_wait_for_every_record(void **state)
{
	(void)state;
	struct stage *s = stage_open(false);
	fill(s, 10);
	/* the broker refuses each batch some times: they are sent again after 100 ms */
	for (int i = 0; i < 6; i++)
		rd_kafka_mock_push_request_errors(s->cluster, PRODUCE_KEY, 1, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION);
	committer_submit(s->committer, s->interval);
	s->interval = NULL;
	bool early = false;
	struct interval *i;
	while (!(i = committer_wait(s->committer, 10)))
		if (committed(s, 1, PARTITIONS - 1) >= 0 || committed(s, 0, 0) >= 0) /* then all records are there */
			for (int t = 0; t < COMMIT_TOPICS; t++)
				for (int32_t p = 0; p < PARTITIONS; p++)
					early |= end_of(s, topics[t], p) < 1;
	s->interval = i;
	assert_int_equal(i->fate, COMMIT_DONE);
	for (int t = 0; t < COMMIT_TOPICS; t++)
		for (int32_t p = 0; p < PARTITIONS; p++)
			assert_int_equal(end_of(s, topics[t], p), 1);
	assert_false(early);
	for (unsigned t = 0; t < 2; t++)
		for (int32_t p = 0; p < PARTITIONS; p++)
			assert_int_equal(committed(s, t, p), 10 + (int)t * PARTITIONS + p);
	stage_close(s);
}

/* What became of an interval when the brokers answer a request of this kind so. */
static enum commit_fate fate_after(int16_t request, rd_kafka_resp_err_t error)
{
	struct stage *s = stage_open(true);
	fill(s, 1);
	rd_kafka_mock_push_request_errors(s->cluster, request, 1, error);
	enum commit_fate fate = sent(s)->fate;
	if (fate == COMMIT_ABORTED) { /* the producer goes on */
		interval_clear(s->interval);
		fill(s, 2);
		assert_int_equal(sent(s)->fate, COMMIT_DONE);
	}
	stage_close(s);
	return fate;
}

static void a_stale_generation_aborts_and_the_next_interval_goes_through(void **state)
{
	(void)state;
	assert_int_equal(fate_after(SEND_OFFSETS_KEY, RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION), COMMIT_ABORTED);
	assert_int_equal(fate_after(SEND_OFFSETS_KEY, RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID), COMMIT_ABORTED);
	assert_int_equal(fate_after(SEND_OFFSETS_KEY, RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID), COMMIT_ABORTED);
}

static void a_fenced_producer_is_told_apart_from_one_that_failed(void **state)
{
	(void)state;
	assert_int_equal(fate_after(END_KEY, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH), COMMIT_FENCED);
	assert_int_equal(fate_after(ADD_OFFSETS_KEY, RD_KAFKA_RESP_ERR_PRODUCER_FENCED), COMMIT_FENCED);
	assert_int_equal(fate_after(PRODUCE_KEY, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH), COMMIT_FENCED);
	assert_int_equal(fate_after(END_KEY, RD_KAFKA_RESP_ERR_INVALID_TXN_STATE), COMMIT_FAILED);
}

static void a_record_that_is_too_large_aborts_and_is_told(void **state)
{
	(void)state;
	struct stage *s = stage_open(true);
	fill(s, 1);
	rd_kafka_mock_push_request_errors(s->cluster, PRODUCE_KEY, 1, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
	struct interval *i = sent(s);
	assert_int_equal(i->fate, COMMIT_ABORTED);
	assert_true(i->refused.any);
	assert_int_equal(i->refused.bytes, 8); /* "key" and "value" */
	assert_false(i->refused.own);
	stage_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_transactions_offsets_wait_for_every_record),
		cmocka_unit_test(a_stale_generation_aborts_and_the_next_interval_goes_through),
		cmocka_unit_test(a_fenced_producer_is_told_apart_from_one_that_failed),
		cmocka_unit_test(a_record_that_is_too_large_aborts_and_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
