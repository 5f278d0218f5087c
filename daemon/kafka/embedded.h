/* A broker inside the daemon, for trying glint out and for its tests: librdkafka's mock cluster on loopback.
 *
 * It has one node, a random port, no disk, no compaction, no true transactions, and keeps 5 MiB per partition. All topics are
 * created before anything connects. Where it listens goes to <run_dir>/embedded.conf, a configuration for `glintctl --config`.
 * Called by main for --embedded alone.
 */
#ifndef GLINT_EMBEDDED_H
#define GLINT_EMBEDDED_H

#include <stddef.h>
#include <stdint.h>

struct config;
struct embedded;

/* What a partition of this broker keeps; older batches are dropped. */
#define EMBEDDED_PARTITION_BYTES (5 << 20)

/* Starts it, with `partitions` (0: 4) for every input. Makes run_dir when missing. 0 and *ret; -errno with a sentence. May take some
 * seconds (each topic up to one). */
int embedded_start(const struct config *config, int32_t partitions, struct embedded **ret, char *error, size_t size);

/* "127.0.0.1:PORT"; borrowed until embedded_stop. */
const char *embedded_bootstrap(const struct embedded *e);

/* Removes embedded.conf and ends the broker. After every client of it was destroyed. NULL allowed. */
void embedded_stop(struct embedded *e);

#endif
