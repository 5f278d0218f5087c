/* The ceiling: how fast librdkafka alone hands out a topic. raw_consume BROKERS TOPIC
 *
 * Read committed, a queue per partition, batches, from the beginning to the ends that the partitions have at the start; nothing is
 * done with a message but summing its size (key and value). Time and CPU (getrusage, all threads) count from the first message. Prints JSON. */
#include "bench/bench_kafka.h"

#define PARTITIONS 1024
#define BATCH 2000

static int count_partitions(rd_kafka_t *rk, const char *topic)
{
	const struct rd_kafka_metadata *m;
	rd_kafka_topic_t *t = rd_kafka_topic_new(rk, topic, NULL);
	rd_kafka_resp_err_t err = rd_kafka_metadata(rk, 0, t, &m, 10000);
	int n = err ? 0 : m->topics[0].partition_cnt;

	if (!n || n > PARTITIONS)
		die("%s: %s", topic, err ? rd_kafka_err2str(err) : "no such topic, or too many partitions");
	rd_kafka_metadata_destroy(m);
	rd_kafka_topic_destroy(t);
	return n;
}

/* The client's own queue: nothing comes here but errors. */
static void serve(rd_kafka_t *rk)
{
	rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, 1);
	if (m)
		rd_kafka_message_destroy(m);
}

int main(int argc, char **argv)
{
	static int64_t ends[PARTITIONS];
	static rd_kafka_queue_t *queues[PARTITIONS];
	static rd_kafka_message_t *batch[BATCH];
	int64_t begin_us = 0, messages = 0, bytes = 0;
	double cpu = 0, cpu_began = 0, seconds = 0;
	int open = 0;

	if (argc != 3) {
		fprintf(stderr, "usage: raw_consume BROKERS TOPIC\n");
		return 64;
	}
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	set(conf, "bootstrap.servers", argv[1]);
	set(conf, "group.id", "raw-consume");
	set(conf, "enable.auto.commit", "false");
	set(conf, "enable.partition.eof", "true");
	set(conf, "isolation.level", "read_committed");
	set(conf, "queued.max.messages.kbytes", "262144");
	set(conf, "fetch.error.backoff.ms", "10");
	rd_kafka_t *rk = client(RD_KAFKA_CONSUMER, conf);
	int n = count_partitions(rk, argv[2]);
	rd_kafka_topic_partition_list_t *parts = rd_kafka_topic_partition_list_new(n);

	for (int p = 0; p < n; p++) {
		int64_t low;
		rd_kafka_resp_err_t err = rd_kafka_query_watermark_offsets(rk, argv[2], p, &low, &ends[p], 10000);
		if (err)
			die("%s: %s", argv[2], rd_kafka_err2str(err));
		if (ends[p] > low)
			open++;
		else
			ends[p] = 0;
		rd_kafka_topic_partition_list_add(parts, argv[2], p)->offset = low;
		queues[p] = rd_kafka_queue_get_partition(rk, argv[2], p);
		rd_kafka_queue_forward(queues[p], NULL);
	}
	rd_kafka_assign(rk, parts);
	rd_kafka_topic_partition_list_destroy(parts);
	while (open) {
		int64_t before = messages;
		for (int p = 0; p < n; p++) {
			ssize_t got = rd_kafka_consume_batch_queue(queues[p], 0, batch, BATCH);
			if (got > 0 && !batch[0]->err && !begin_us) {
				begin_us = clock_us(CLOCK_MONOTONIC);
				cpu_began = cpu_us();
			}
			for (ssize_t i = 0; i < got; i++) {
				if (batch[i]->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) { /* what ends a transaction has an offset, too */
					open -= ends[p] && batch[i]->offset >= ends[p];
					if (batch[i]->offset >= ends[p])
						ends[p] = 0;
				} else if (batch[i]->err) {
					die("%s [%d]: %s", argv[2], p, rd_kafka_message_errstr(batch[i]));
				} else {
				messages++;
					bytes += (int64_t)(batch[i]->key_len + batch[i]->len);
				}
				rd_kafka_message_destroy(batch[i]);
			}
		}
		if (messages == before) {
			serve(rk);
		} else { /* the end of a partition is told some time after its last message */
			seconds = (double)(clock_us(CLOCK_MONOTONIC) - begin_us) * 1e-6;
			cpu = cpu_us() - cpu_began;
		}
	}
	printf("{\"messages\": %lld, \"bytes\": %lld, \"seconds\": %.3f, \"per_second\": %.0f, \"cpu_us\": %.3f}\n", (long long)messages,
		(long long)bytes, seconds, (double)messages / seconds, cpu / (double)messages);
	for (int p = 0; p < n; p++)
		rd_kafka_queue_destroy(queues[p]);
	rd_kafka_consumer_close(rk);
	rd_kafka_destroy(rk);
	return 0;
}
