/* Offsets of a group and its topics: where partitions end and begin, what is committed. Called by glintctl wait and stats.
 *
 * Ends are true ends, from a client that reads uncommitted records: a transaction's end marker takes an offset too, and the daemon
 * commits the position behind it. Committed offsets are the stable ones. */
#ifndef GLINT_CTL_OFFSETS_H
#define GLINT_CTL_OFFSETS_H

#include <stddef.h>
#include <stdint.h>

struct config;
struct rd_kafka_s;

struct offsets {
	struct rd_kafka_s *uncommitted, *stable;
};

/* 0; -EINVAL configuration; -ETIMEDOUT, -EIO the brokers; with a sentence. */
int offsets_open(struct offsets *o, const struct config *config, char *error, size_t size);
void offsets_close(struct offsets *o);

/* Of partitions 0 .. n - 1 of a topic. 0, or -EIO, -ENOENT with a sentence. */
int offsets_ends(const struct offsets *o, const char *topic, int32_t n, int64_t *ret, char *error, size_t size);
int offsets_begins(const struct offsets *o, const char *topic, int32_t n, int64_t *ret, char *error, size_t size);
/* -1 where nothing was committed. */
int offsets_committed(const struct offsets *o, const char *topic, int32_t n, int64_t *ret, char *error, size_t size);

#endif
