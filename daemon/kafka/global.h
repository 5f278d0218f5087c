/* Global tables in: the model topic, the catalogue and what people have decided (control.h), read whole by every process through a consumer without a group.
 *
 * The row "~group" of the model topic is the group's watermark with what each user task reported (items.h); it is kept here.
 */
#ifndef GLINT_GLOBAL_H
#define GLINT_GLOBAL_H

#include "daemon/kafka/source.h"
#include "daemon/kafka/topics.h"
#include "daemon/state/engine.h"
#include "daemon/state/items.h"

struct global;

/* items: partition count of the catalogue, 0 = none; layout->counts[TOPIC_CONTROL] = 0: there is no such topic. The rows that are there now must be read before any task runs: global_ready(). */
int global_create(const struct config *config, const char *bootstrap, const struct topics_layout *layout, int32_t items, struct engine *engine,
		  int wake_fd, struct global **ret, char *error, size_t size);
void global_destroy(struct global *g); /* NULL allowed */
/* Takes in at most `budget` rows. How many were taken, or -EIO with a sentence. */
int global_poll(struct global *g, int budget, char *error, size_t size);
bool global_ready(const struct global *g);
/* The group's watermark; INT64_MIN = unknown. */
int64_t global_watermark(const struct global *g);
/* What each user task reported last, by number; NULL before the first. */
const struct upstream *global_reports(const struct global *g);
uint64_t global_model_rows(const struct global *g); /* rows of the model taken, ever, but for the group's own */
uint64_t global_changes(const struct global *g);  /* rows of all tables taken, ever */
uint64_t global_bad_rows(const struct global *g); /* rows that were not understood */

#endif
