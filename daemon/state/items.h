/* An item task: the state of the keys of one repartition partition, and what a message of that partition does to it.
 *
 * A message holds deltas (combiner.h) or the watermarks of upstream user tasks. Both come from one log, so that state is a function
 * of that log alone: at one offset the deltas come first, then their time. See ARCHITECTURE "Time", "State".
 */
#ifndef GLINT_ITEMS_H
#define GLINT_ITEMS_H

#include "engine.h"

struct item_task;

struct item_entity {
	struct link row_link, view_link, fresh_link, model_link, all_link;
	struct link held_link; /* while time passes in a restore */
	struct item_task *task;
	struct key key;
	uint16_t pieces; /* of its row in the log */
	bool has_model;  /* a model row was published */
	int64_t cover;   /* next offset that its row does not cover */
	int64_t dirty_ms, touched_ms, shown_ms, model_ms, last_watermark, shown_watermark;
	uint64_t dirty_interval, model_hash;
	int64_t shown_from; /* position before its first change that no view shows; INT64_MAX: none */
	int64_t armed;      /* watermark at which due() is wanted; INT64_MAX: not in the heap */
	uint32_t heap_at;   /* index + 1; 0: not in the heap */
	uint32_t packed_size;
	uint8_t *packed; /* pool; its row, until item_task_unpack(): then it is in the list `packed`, by row_link; NULL: blocks are there */
	void *blocks[PROCESSORS];
};

struct upstream {
	int64_t watermark; /* INT64_MIN: not reported yet */
	bool at_end;
};

struct item_instant {
	uint64_t interval;
	int64_t position;
	bool used;
	struct upstream *upstream; /* partitions of them */
};

struct item_task {
	struct engine *engine;
	uint32_t partition;
	uint64_t epoch;
	int64_t position, watermark;
	int64_t reaches; /* restore: position when the task row was written */
	struct upstream *upstream; /* by user task */
	struct list packed; /* restored: blocks are still those of the row */
	struct list rows, views, fresh, model, all; /* unsaved; not shown; shown, by when; model row may differ; by last touch */
	int64_t model_oldest_ms; /* no model row of a key in `model` was published before that */
	struct item_entity **heap;
	uint32_t heap_n, heap_capacity;
	struct item_instant *instants;
	uint32_t first_instant, n_instants, instants_capacity;
	uint64_t interval, row_stamp;
	struct delta_reader reader;
	struct buf alerts; /* of this interval: texts; the seal takes them */
	int64_t group;     /* greatest group watermark ever computed here; only the owner of `all` */
	bool changed, group_changed;
	uint64_t deltas;   /* applied, ever */
};

struct item_task *item_task_create(struct engine *e, uint32_t partition);
void item_task_destroy(struct item_task *t); /* NULL allowed */

/* One message of the repartition partition. 0, or -EBADMSG for bytes that are not ours (nothing is applied then, position moves). */
int item_task_apply(struct item_task *t, int64_t offset, struct text value, bool live, int64_t now_ms);

void item_task_interval(struct item_task *t, uint64_t interval, int64_t now_ms);
/* As user_task_rows() and user_task_seal(). */
size_t item_task_rows(struct item_task *t, size_t most, row_put *put, void *to);
size_t item_task_seal(struct item_task *t, int64_t now_ms, int64_t snapshot_ms, bool all, row_put *put, void *to);
/* Model rows that are due (changed, and none for model_interval_ms), at most `bytes` of them, from `most` keys that have changed. At any
 * time: they are sent with the open interval. Returns bytes put. Row keys as model.h. */
size_t item_task_model(struct item_task *t, int64_t now_ms, int64_t model_interval_ms, size_t most, size_t bytes, row_put *put, void *to);
/* Forgets idle items and what is over the bound: at most `steps`. Rows, model rows and views of theirs are deleted. */
void item_task_expire(struct item_task *t, unsigned steps, row_put *put_row, void *to_rows, row_put *put_model, void *to_model);

/* Restore: rows in any order, then item_task_unpack, at most so many at a time, until `packed` is empty: only the newest rows are taken apart. Then the log; and after
 * it every key whose model row differs from the global table's becomes due. 0 or -EBADMSG. */
int item_task_load(struct item_task *t, struct text key, struct text bytes, uint16_t pieces);
int item_task_unpack(struct item_task *t, size_t most);
void item_task_model_due(struct item_task *t);

/* The group's watermark from what upstream tasks reported: the least of those not at their end; of all at their end the greatest;
 * INT64_MIN while one has not reported. Never goes back. */
int64_t item_task_group(struct item_task *t);
/* The row "~group" of the model topic: i64 group; varint n; n x { i64 watermark; u8 at_end } by user task. */
void item_task_group_row(struct item_task *t, struct buf *to);

void item_task_render(struct item_task *t, struct item_entity *x, int64_t now_ms, uint64_t commit, int64_t ttl_s);
void item_task_shown(struct item_task *t, struct item_entity *x, int64_t now_ms);
int64_t item_task_shown_to(const struct item_task *t);
void item_task_views_due(struct item_task *t, int64_t shown, int64_t now_ms); /* shown: -1 = all */

/* The views of a key depend on what has changed elsewhere (the catalogue): shown again. A key that is not there is left. */
void item_task_view_due(struct item_task *t, struct key key, int64_t now_ms);

void item_task_mark(const struct item_task *t);
struct item_entity *item_task_find(const struct item_task *t, struct key key);

/* Control message (combiner.h): the watermarks of `n` user tasks. */
void control_encode(struct buf *to, const uint32_t *tasks, const struct upstream *reports, uint32_t n);

#endif
