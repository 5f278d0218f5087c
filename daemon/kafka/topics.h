/* Topics: the inputs are checked, the group's own are created when missing and checked when present.
 *
 * Names, counts and policies are CONTRACTS "Kafka topics made by the daemon". An input that is missing, or whose partition count or
 * partitioner differs from another's, is refused with a sentence that names it, since both stages join by partition. Called by
 * main before the loop, and by glintctl. Consumes nothing but a sample of keys; commits nothing.
 */
#ifndef GLINT_TOPICS_H
#define GLINT_TOPICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config;
struct rd_kafka_s; /* rd_kafka_t */

enum internal_topic {
	TOPIC_REPARTITION, /* <group>-item-repartition: P partitions, delete, trimmed by the daemon, retention.ms=-1 */
	TOPIC_USER_ROWS,   /* <group>-user-rows: P, compact */
	TOPIC_ITEM_ROWS,   /* <group>-item-rows: P, compact */
	TOPIC_MODEL,       /* <group>-model: 1, compact; every process reads it whole */
	TOPIC_ALERTS,      /* <group>-alerts: 1, delete after alerts_retention */
	TOPIC_DEAD_LETTER, /* <group>-dead-letter: P, delete after dead_letter_retention */
	COMMIT_TOPICS,     /* those above are written by the daemon, within intervals */
	TOPIC_CONTROL = COMMIT_TOPICS, /* <group>-control: 1, compact; what people exclude, boost and pin, and who is to be forgotten */
	INTERNAL_TOPICS
};

#define TOPIC_NAME_BYTES 250 /* Kafka allows 249 */
#define TOPICS_WARNING_BYTES 1024
#define TOPICS_DEFAULT_PARTITIONS 4 /* of inputs that glintctl or the embedded broker makes */

struct topics_layout {
	int32_t partitions; /* P: of each input, so of user and item tasks */
	char names[INTERNAL_TOPICS][TOPIC_NAME_BYTES];
	int32_t counts[INTERNAL_TOPICS];    /* partitions */
	bool created[INTERNAL_TOPICS];      /* by this call */
	bool input_created[4];              /* by enum event_kind; only topics_create_inputs() sets it */
	char warning[TOPICS_WARNING_BYTES]; /* sentences that do not stop a start, joined by "; "; "" = none */
};

/* Names and counts for P partitions; the rest zero. */
void topics_layout(const struct config *config, int32_t partitions, struct topics_layout *ret);

/* All of it: inputs, creation, policies, sample of keys. client: any handle (KAFKA_ADMIN); bootstrap: NULL = the configuration's.
 * On the embedded broker (at_least_once) it only checks the counts, since that broker knows no admin requests.
 * 0; -ENOENT an input is missing; -EINVAL counts, policies or partitioners are wrong; -ETIMEDOUT, -EIO the brokers; each with a
 * sentence. Takes at most some 45 s, usually less than one. */
int topics_prepare(const struct config *config, struct rd_kafka_s *client, const char *bootstrap, struct topics_layout *ret, char *error,
	size_t size);

/* For glintctl: makes configured inputs that are missing, with `partitions` (0: as those that exist, else 4) and retention_ms (-1 = for
 * ever, as replays need it; the catalogue is compacted). Sets input_created. Errors as above, -EINVAL also when partitions disagrees. */
int topics_create_inputs(const struct config *config, struct rd_kafka_s *client, const char *bootstrap, int32_t partitions,
	int64_t retention_ms, struct topics_layout *ret, char *error, size_t size);

/* Reads the last <= 100 records of every input partition (3 s at most) and compares partitioners; topics_prepare does it.
 * 0, with what is doubtful added to layout->warning; -EINVAL with a sentence: refused. */
int topics_sample(const struct config *config, const char *bootstrap, struct topics_layout *layout, char *error, size_t size);

/* Partition count of a topic now: >= 1; -ENOENT; -EIO. Blocks at most timeout_ms. For noticing a change while running. */
int32_t topics_partitions(struct rd_kafka_s *client, const char *topic, int timeout_ms);

/* Adds a sentence to layout->warning. */
void topics_warn(struct topics_layout *layout, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
