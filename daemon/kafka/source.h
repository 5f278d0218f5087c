/* Kafka in: a consumer whose partitions are read through queues of their own, record by record, in whatever order the caller likes.
 *
 * Two uses: a member of the group (rebalances go to callbacks), and a reader that is assigned by hand (restore, global tables,
 * alerts, glintctl dump). Reads ahead in batches; a batch's bytes are the messages' own and live until source_next() past them.
 * Knows nothing of Avro, tasks or commits. One thread.
 */
#ifndef GLINT_SOURCE_H
#define GLINT_SOURCE_H

#include "daemon/config/config.h"
#include "daemon/kafka/kafka.h"
#include "processors/text.h"

struct source;

struct source_record {
	struct text key, value; /* value.data NULL: tombstone */
	int64_t offset;
};

enum { SOURCE_TOPICS = 4, SOURCE_BEGINNING = -2 };

struct source_place { /* where to begin */
	unsigned topic; /* index into the topics given at creation */
	int32_t partition;
	int64_t offset; /* next to read; SOURCE_BEGINNING */
};

struct source_events {
	/* Assigned: partitions of number `partitions[i]` of every topic. Fills places (n x topics) with where to begin. <0: give up. */
	int (*assigned)(void *to, const int32_t *partitions, size_t n, struct source_place *places);
	/* Revoked, all that was assigned. lost: the group has given it to others already; nothing can be committed. */
	void (*revoked)(void *to, bool lost);
	void *to;
};

/* wake_fd: written (8 bytes) when something arrives while the caller sleeps; -1: never. events: for KAFKA_CONSUMER only; it subscribes at
 * once. 0, or -errno with a sentence. */
int source_create(const struct config *config, enum kafka_role role, const char *bootstrap, const char *const *topics, unsigned n_topics, int wake_fd,
		  const struct source_events *events, struct source **ret, char *error, size_t size);
/* quick: without leaving the group or waiting for brokers. NULL allowed. */
void source_destroy(struct source *s, bool quick);

/* Serves callbacks and errors. 0; -EIO: fatal, with a sentence (the client must be made anew); -ESTALE: fenced by a process of the same
 * instance name; -EDOM: the group's topics do not fit together, with a sentence. */
int source_poll(struct source *s, char *error, size_t size);

/* False once every broker was out of reach, until one answers (asked at most once a second, for 200 ms at most). */
bool source_reachable(struct source *s, int64_t now_ms);

/* By hand (readers): exactly these partitions from now on. */
int source_assign(struct source *s, const struct source_place *places, size_t n, char *error, size_t size);

/* Grows with each source_poll() and with each batch that any partition gives. A partition that had nothing is asked again only when this
 * has grown: what came before any record at hand has then been asked for after that record came. */
uint64_t source_news(const struct source *s);
/* The next record of a partition, or false when none is here now. Borrowed until source_next. */
bool source_peek(struct source *s, unsigned topic, int32_t partition, struct source_record *ret);
/* The key of the record `ahead` records after the head, when it has been fetched already: a hint of what comes. Absent: not known. */
struct text source_key_ahead(const struct source *s, unsigned topic, int32_t partition, size_t ahead);
struct text source_value_ahead(const struct source *s, unsigned topic, int32_t partition, size_t ahead); /* likewise, of its value */
void source_next(struct source *s, unsigned topic, int32_t partition);
/* What a record at hand came after has come, too, if it will. An end that was reported is that of a while ago: the answer that brings a record may bring
 * others' behind it, and after a broker was away partitions come back one by one. So what has been coming for 50 ms only, or, for 4 x most_ms after trouble,
 * most_ms, may still be followed by what should go before it. most_ms: bounds both. */
bool source_settled(const struct source *s, unsigned topic, int32_t partition, int64_t most_ms);
/* The partition's end was reported since its last record was taken, and nothing is waiting. */
bool source_at_end(const struct source *s, unsigned topic, int32_t partition);
/* Next offset: past the last record taken and past what follows it (transaction markers, what compaction took), up to the record that
 * waits, or to the end. A restore to a committed offset ends there, whatever lies before it. */
int64_t source_position(const struct source *s, unsigned topic, int32_t partition);
/* Records between our position and the end as the last fetch told it; 0 when unknown. */
int64_t source_lag(const struct source *s, unsigned topic, int32_t partition);
/* Offsets that were gone from logs before we read them (retention), since source_create; each such loss is logged, too. */
uint64_t source_lost(const struct source *s);

/* Ends of partitions: [first, end). committed = false: the true end. Blocks at most timeout_ms. 0 or -EIO with a sentence. */
int source_watermarks(struct source *s, unsigned topic, int32_t partition, int timeout_ms, int64_t *ret_first, int64_t *ret_end, char *error,
		      size_t size);
/* The group's committed offsets (stable ones) of all given places: offset is set; -1 = none committed. */
int source_committed(struct source *s, struct source_place *places, size_t n, int timeout_ms, char *error, size_t size);

/* The member's metadata for a transaction (rd_kafka_consumer_group_metadata_t), the caller's; NULL: not a member. */
void *source_group_metadata(struct source *s);
struct rd_kafka_s *source_client(struct source *s);

#endif
