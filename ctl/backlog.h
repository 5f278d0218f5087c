/* How far a replay may run ahead of the group on the embedded broker, which keeps 5 MiB of a partition and drops the oldest.
 *
 * Counts bytes sent per partition against what the group has committed, through delivery reports (offsets) and a client that asks
 * for committed offsets. On a real broker a replay needs none of this. Called by replay.c alone.
 */
#ifndef GLINT_CTL_BACKLOG_H
#define GLINT_CTL_BACKLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <librdkafka/rdkafka.h>

#define BACKLOG_BYTES (2 << 20)

struct config;
struct backlog;

int backlog_create(const struct config *config, const char *topic, int32_t partitions, struct backlog **ret, char *error, size_t size);
void backlog_destroy(struct backlog *b); /* NULL allowed */

/* Before producing: may this partition take `bytes` more now? Asks the broker when it must, at most every 10 ms; *ret_stalled_ms:
 * for how long the group has not moved while something is held back. */
bool backlog_allows(struct backlog *b, int32_t partition, size_t bytes, int64_t now_ms, int64_t *ret_stalled_ms);
void backlog_sent(struct backlog *b, int32_t partition, size_t bytes);
/* From the delivery report, in the order of offsets. */
void backlog_delivered(struct backlog *b, int32_t partition, int64_t offset, size_t bytes);

#endif
