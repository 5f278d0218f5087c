/* The committer: a thread that owns the Kafka producer and sends sealed intervals, each in one transaction.
 *
 * The loop fills a struct interval (records, offsets, the group's metadata as of the seal) and submits it; the thread sends it and
 * gives it back with its fate. At most one is under way. Nothing else is shared. With guarantee = at_least_once (the embedded
 * broker) the same interval is flushed, then its offsets are committed through the consumer.
 */
#ifndef GLINT_COMMITTER_H
#define GLINT_COMMITTER_H

#include "daemon/config/config.h"
#include "daemon/kafka/topics.h"
#include "processors/buf.h"

struct rd_kafka_s;
struct committer;

struct out_record {
	uint8_t topic;     /* enum internal_topic */
	bool tombstone, no_key; /* an empty key is a key */
	int32_t partition;
	uint32_t key_size, value_size, headers_size; /* bytes, in this order, from `at` */
	size_t at;         /* in interval.bytes */
};

struct out_offset {
	unsigned topic; /* index into the consumer's topics */
	int32_t partition;
	int64_t offset;
};

enum commit_fate {
	COMMIT_DONE,
	COMMIT_ABORTED, /* nothing of it is in Kafka: drop state, restore */
	COMMIT_TIMED_OUT, /* as aborted, since it took too long: the next intervals should be smaller */
	COMMIT_FAILED,  /* the producer is of no use any more: make the clients anew */
	COMMIT_FENCED   /* another process uses this instance's name */
};

/* Records that a topic, or our own client, refused for their size; committer_refused.c finds it out. */
struct refused {
	bool any;
	bool own;            /* by [kafka] message.max.bytes, not by a broker */
	uint8_t topic;       /* enum internal_topic */
	int32_t partition;
	size_t bytes;        /* of the greatest of them, key and value */
	int64_t limit_bytes; /* max.message.bytes of the topic, or our own; 0: could not be found out */
	size_t batch_bytes;  /* not 0: what was too large may be the batch; with a producer of such batches (committer_create) each may be taken */
	char what[128];      /* whose record the greatest is; no shopper's id in clear */
};

struct interval {
	uint64_t number;
	struct out_record *records;
	size_t n_records, records_capacity;
	struct buf bytes;
	struct out_offset *offsets;
	size_t n_offsets, offsets_capacity;
	void *group_metadata; /* rd_kafka_consumer_group_metadata_t, taken by the loop at the seal; owned by the interval */
	uint64_t model_rows; /* how many of the records are rows of the global table; the loop counts them */
	uint64_t messages;   /* how many are for item tasks of this process; likewise */
	enum commit_fate fate;
	bool probe;     /* only asks whether the transactional id is still ours: records, no offsets; always aborted */
	struct refused refused;
	int64_t took_us;
	char why[768];
};

struct interval *interval_create(void);
void interval_destroy(struct interval *i); /* NULL allowed */
void interval_clear(struct interval *i);   /* keeps the memory */
/* partition -1: the partitioner's choice by key (dead letters, alerts use 0). headers: u8 n, then n x (text name, text value).
 * key.data NULL: no key; value.data NULL: a tombstone. */
void interval_add(struct interval *i, uint8_t topic, int32_t partition, struct text key, struct text value, const struct buf *headers);
void interval_offset(struct interval *i, unsigned topic, int32_t partition, int64_t offset);
size_t interval_bytes(const struct interval *i);

/* topics: names by enum internal_topic; inputs: the consumer's topic names (for offsets). consumer: for at_least_once commits; borrowed until
 * committer_destroy. init_transactions is done here, before the consumer may join (blocks at most timeout_ms). 0, -ESTALE fenced, -EIO, with
 * a sentence. fd: written when an interval comes back. batch_bytes: no batch of several records is larger; 0: as [kafka] batch.size says. */
int committer_create(const struct config *config, const char *bootstrap, const char *const *topics, const char *const *inputs, int fd,
		     int timeout_ms, size_t batch_bytes, struct committer **ret, char *error, size_t size);
void committer_consumer(struct committer *c, struct rd_kafka_s *consumer);
/* quick: what is under way is given up. NULL allowed. */
void committer_destroy(struct committer *c, bool quick);

void committer_submit(struct committer *c, struct interval *i); /* only when idle */
bool committer_idle(const struct committer *c);
struct interval *committer_completed(struct committer *c); /* or NULL */
/* Waits until the interval under way came back; NULL when there is none, or after timeout_ms. */
struct interval *committer_wait(struct committer *c, int timeout_ms);

/* Removes records below `offset` of a topic's partition (trims the repartition log); best effort, in the background. */
void committer_trim(struct committer *c, uint8_t topic, const int64_t *offsets, int32_t n);

/* committer_refused.c: a record whose delivery failed; refused by the client itself; and what it is called, its limit, `why` with the way out
 * (asks a broker, at most some seconds). */
void refused_take(struct refused *r, uint8_t topic, int32_t partition, struct text key, size_t value_bytes);
void refused_explain(struct rd_kafka_s *rk, const char *topic, struct refused *r, size_t batch_bytes, char *why, size_t size);

#endif
