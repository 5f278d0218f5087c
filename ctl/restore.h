/* Everything that the group has counted, in memory: restored from Kafka as a starting glintd would. For dump and explain.
 *
 * Rows, then user logs to the committed offsets, item logs to their stable end (daemon/kafka/rows.h); the catalogue and the model table, in which the rows
 * made from the restored items replace those that were published. No running glintd is needed or disturbed; nothing is written.
 */
#ifndef GLINT_CTL_RESTORE_H
#define GLINT_CTL_RESTORE_H

#include "daemon/kafka/rows.h"

struct config;

struct restored {
	struct engine *engine;
	void *settings[PROCESSORS]; /* the configuration's */
	struct topics_layout layout;
	struct user_task **users; /* layout.partitions of them, as of items */
	struct item_task **items;
	struct feed *feeds;
	struct restore_task *tasks;
};

/* 0; -ENOENT, -EINVAL: topics are missing or wrong; else -errno; with a sentence. restored_done in every case; *ret needs no initialising. */
int restored_read(struct restored *ret, const struct config *config, char *error, size_t size);
void restored_done(struct restored *r);

#endif
