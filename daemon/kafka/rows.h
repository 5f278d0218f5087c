/* Restore: rows from the compacted topics into tasks, then the logs again from `low` to what was committed.
 *
 * The order is that of ARCHITECTURE "State": committed offsets (the caller's), the rows' true end, the rows to it, the logs. One
 * restore serves the tasks of several partitions; it goes on in steps, so that the caller keeps polling. Also `glintctl dump`.
 */
#ifndef GLINT_ROWS_H
#define GLINT_ROWS_H

#include "daemon/feed.h"
#include "daemon/kafka/topics.h"
#include "daemon/state/items.h"

struct restore;

struct restore_task {
	int32_t partition;
	struct user_task *user;
	struct item_task *item;
	struct feed *feed;            /* of the user task; its source, limits and liveness are the restore's until it ends */
	int64_t committed[INPUTS];    /* by input; -1: none */
	int64_t item_committed;       /* of the repartition partition; -1: none. INT64_MAX: to its stable end */
};

/* tasks: borrowed, n of them. Blocks for the rows' ends (at most some seconds). 0, or -errno with a sentence. */
int restore_create(const struct config *config, const char *bootstrap, const struct topics_layout *layout, struct restore_task *tasks, size_t n,
		   int wake_fd, struct restore **ret, char *error, size_t size);
void restore_destroy(struct restore *r); /* NULL allowed; also in mid-restore */
/* Goes on for at most budget_us. The logs wait until the global tables, which they are applied with, are there: `tables`. 1: done; 0: more
 * to do; -errno with a sentence. */
int restore_step(struct restore *r, bool tables, int64_t budget_us, int64_t now_ms, char *error, size_t size);

struct restore_progress {
	uint64_t rows, records;  /* taken so far */
	uint64_t unpacked;       /* keys whose newest row was taken apart */
	uint64_t rows_total;     /* at most; compaction leaves fewer */
	uint64_t row_bytes;       /* keys and values of the rows taken */
	uint64_t lost;           /* offsets of the logs that are gone (retention) */
	int64_t rows_us, logs_us; /* from the first row to the last; from there to the end */
};
struct restore_progress restore_progress(const struct restore *r);

#endif
