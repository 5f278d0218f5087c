/* Fills a topic with clicks: gen_clicks BROKERS TOPIC N USERS ITEMS [SEED [FIRST_TS]]
 *
 * Bare Avro (bench/click.avsc), keyed by user, murmur2_random. Click i has the time FIRST_TS + i ms (default 1700000000000: a
 * replay of history), an item with density ~ 1/rank and a shopper with density ~ 1/sqrt(rank), so that figures compare with those
 * taken elsewhere on such a topic. The topic is there already. Prints, as JSON, how many clicks and distinct shoppers there are. */
#include "bench/bench_kafka.h"

int main(int argc, char **argv)
{
	if (argc < 6) {
		fprintf(stderr, "usage: gen_clicks BROKERS TOPIC N USERS ITEMS [SEED [FIRST_TS]]\n");
		return 64;
	}
	long n = atol(argv[3]), users = atol(argv[4]), items = atol(argv[5]), distinct = 0;
	uint64_t state = argc > 6 ? strtoull(argv[6], NULL, 10) : 1;
	int64_t first_ms = argc > 7 ? atoll(argv[7]) : 1700000000000, bytes = 0;
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	set(conf, "bootstrap.servers", argv[1]);
	set(conf, "linger.ms", "20");
	set(conf, "queue.buffering.max.messages", "1000000");
	set(conf, "partitioner", "murmur2_random");
	rd_kafka_t *rk = client(RD_KAFKA_PRODUCER, conf);
	uint8_t *seen = calloc((size_t)users, 1);

	if (!seen)
		die("out of memory");
	for (long i = 0; i < n; i++) {
		uint8_t click[CLICK_BYTES];
		char user[24];
		long u = draw_square(&state, users), item = draw_zipf(&state, items);
		int key = snprintf(user, sizeof(user), "u%ld", u);
		size_t size = put_click(click, (uint64_t)i, first_ms + i, user, item);
		rd_kafka_resp_err_t err;

		distinct += !seen[u];
		seen[u] = 1;
		bytes += (int64_t)size;
		while ((err = rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(argv[2]), RD_KAFKA_V_KEY(user, (size_t)key), RD_KAFKA_V_VALUE(click, size),
				RD_KAFKA_V_TIMESTAMP(first_ms + i), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END)) ==
			RD_KAFKA_RESP_ERR__QUEUE_FULL)
			rd_kafka_poll(rk, 10);
		if (err)
			die("%s: %s", argv[2], rd_kafka_err2str(err));
		if (i % 1000 == 0)
			rd_kafka_poll(rk, 0);
	}
	if (rd_kafka_flush(rk, 120000) || rd_kafka_outq_len(rk))
		die("%s: not everything was delivered", argv[2]);
	rd_kafka_destroy(rk);
	free(seen);
	printf("{\"clicks\": %ld, \"users\": %ld, \"bytes\": %lld}\n", n, distinct, (long long)bytes);
	return 0;
}
