/* Clients of Kafka: which properties of librdkafka each of ours runs with.
 *
 * Three layers, the later wins: what glint has measured to be good, the `[kafka]` section, and what glint's guarantees stand on
 * (kafka_check_property refuses those by name, so that nobody sets them in vain). librdkafka's messages go to the log, rate-limited
 * by cause. Connects nothing by itself but in kafka_client(). Called by main, source, committer, rows, global, topics and glintctl.
 *
 * Properties of an owned client that a caller adds itself, on the conf: callbacks (rebalance, delivery report, error), and
 * nothing else.
 */
#ifndef GLINT_KAFKA_H
#define GLINT_KAFKA_H

#include <stddef.h>
#include <stdint.h>

struct config;
struct rd_kafka_conf_s; /* rd_kafka_conf_t */
struct rd_kafka_s;      /* rd_kafka_t */

enum kafka_role {
	KAFKA_CONSUMER,           /* member of the group: static, range, read_committed, no automatic commit, auto.offset.reset=error */
	KAFKA_READER,             /* assigns partitions itself, never joins or commits; read_committed, reports ends of partitions */
	KAFKA_READER_UNCOMMITTED, /* the same, sees true ends and open transactions */
	KAFKA_TRANSACTIONAL,      /* producer of sealed intervals: transactional.id = <group>-<instance>, transaction time-out 5 s */
	KAFKA_PRODUCER,           /* idempotent producer; also what KAFKA_TRANSACTIONAL is on the embedded broker */
	KAFKA_ADMIN               /* a producer handle that sends admin requests only */
};

#define KAFKA_TRANSACTION_TIMEOUT_MS 5000

/* A conf for rd_kafka_new, which takes it (else rd_kafka_conf_destroy). NULL: error says which property and why.
 * bootstrap: the embedded broker's address; NULL takes the configuration's bootstrap.servers. */
struct rd_kafka_conf_s *kafka_conf(const struct config *config, enum kafka_role role, const char *bootstrap, char *error, size_t size);

/* Makes a client without callbacks of its own. 0 and *ret (rd_kafka_destroy), or -EINVAL with a sentence. Does not wait for brokers. */
int kafka_client(const struct config *config, enum kafka_role role, const char *bootstrap, struct rd_kafka_s **ret, char *error,
	size_t size);

void kafka_client_destroy(struct rd_kafka_s *client); /* NULL allowed */

/* As config_request.check_kafka: 0; -ENOENT no such property; -EINVAL with a sentence (not allowed, or wrong value). */
int kafka_check_property(const char *name, const char *value, char *error, size_t size);

/* Every property name of librdkafka, for suggestions. NULL when out of memory; kafka_property_names_free ends it. */
const char **kafka_property_names(size_t *ret_n);
void kafka_property_names_free(const char **names, size_t n);

/* A sentence for a broker that does not answer: "no answer from Kafka at HOST:PORT within 10 s (LAST ERROR)". Asks for the metadata
 * of the cluster. 0; -ETIMEDOUT, -EIO with a sentence. */
int kafka_reach(struct rd_kafka_s *client, const char *bootstrap, int timeout_ms, char *error, size_t size);

#endif
