/* A user task: the state of all shoppers of one input partition, and what one event does to it.
 *
 * Pure: positions and bytes in, deltas (engine->emitter), views and rows out. The loop feeds it decoded records in merged order;
 * glintctl dump and a restore feed it rows and then the log again. See ARCHITECTURE "State", "Time".
 *
 * A shopper's row holds: the offsets that it covers, the rings of event ids, the blocks of all processors.
 * The task row holds: epoch, watermark, what `low` means (offsets and stream times there), positions, counters, floors, refused offsets.
 */
#ifndef GLINT_USERS_H
#define GLINT_USERS_H

#include <stddef.h>

#include "engine.h"
#include "streamtime.h"

enum outcome { APPLIED, DUPLICATE, LATE, FILTERED, DEAD_LETTERED, OUTCOMES };
extern const char *const outcome_names[OUTCOMES];
extern const char *const input_names[INPUTS]; /* "clicks", "purchases", "reviews" */

struct ring_entry {
	int64_t ts;
	uint64_t id; /* XXH3 of the event id */
};

struct ring { /* by ts, ascending; the least leaves first */
	struct ring_entry *entries;
	uint32_t n, capacity, first;
	int64_t floor; /* greatest ts that ever left */
};

/* One block of the pool, the id behind it. A shopper who was restored is packed until somebody asks for rings and blocks (user_task_unpack): there
 * are the members before row_link, the id, and what the row says of the others. */
struct user {
	uint64_t hash;
	uint32_t id_size, packed_size; /* packed_size: bytes behind the id; 0: not packed */
	uint16_t pieces; /* of its row in the log */
	uint8_t packed_format; /* of the row */
	struct link all_link, fresh_link, view_link; /* lists of the task */
	int64_t cover[INPUTS]; /* next offsets that its row does not cover */
	int64_t last_ts, touched_ms, shown_ms; /* greatest event time; clock when it was last touched, shown */
	int64_t shown_from[INPUTS]; /* positions before its first change that no view shows */
	struct link row_link, must_link, again_link; /* from here on not while packed */
	int64_t dirty_ms; /* clock when it became unsaved */
	uint64_t dirty_interval; /* interval of its first unsaved change */
	struct ring rings[INPUTS];
	void *blocks[PROCESSORS];
};

enum { PACKED_BYTES = offsetof(struct user, row_link) };

static inline char *user_bytes(const struct user *u) /* the id, and what is packed */
{
	return (char *)(uintptr_t)u + (u->packed_size ? PACKED_BYTES : sizeof(*u));
}

static inline struct text user_id(const struct user *u)
{
	return (struct text){ user_bytes(u), u->id_size };
}

struct user_slot {
	uint64_t hash; /* the user's: others' are passed by without a look at them */
	struct user *user; /* NULL: free */
};

struct instant; /* positions and stream times at an interval's start */

struct user_input {
	int64_t position;  /* next offset to process */
	struct stream_time time;
	int64_t floor;     /* of shoppers dropped by a bound */
	uint64_t counters[OUTCOMES];
	bool at_end;       /* as the source last saw it */
	int64_t *refused;  /* offsets refused by the clock, ascending */
	uint32_t n_refused, refused_capacity;
};

struct user_task {
	struct engine *engine;
	uint32_t partition;
	uint64_t epoch;
	int64_t watermark; /* INT64_MIN: none yet */
	bool at_end, live;
	struct user_input in[INPUTS];
	struct user_slot *slots; /* by hash, linear probing */
	uint32_t mask, n_users;
	struct list rows;  /* unsaved, oldest first */
	struct list must;  /* of those: in this interval's rows, whatever their age */
	struct list views; /* not shown since their first change, oldest first */
	struct list again; /* shown before the model knew their last events: once more, oldest first */
	struct list fresh; /* shown, by when: refreshed before their TTL ends */
	struct list all;   /* by last touch, for forgetting */
	struct instant *instants;            /* ring of those that a dirty row refers to */
	uint32_t first_instant, n_instants, instants_capacity;
	uint64_t interval; /* now open */
	int64_t counted_to[INPUTS]; /* restore: counters reach to here */
	int64_t floor_after[INPUTS]; /* restore: floors as they stood when the task row was written; those of `low` until then */
	uint64_t row_stamp;
	uint32_t forgotten; /* requests to be forgotten that were acted upon: index into engine->forgotten */
	bool changed; /* since the last seal: its task row is due */
};

struct user_task *user_task_create(struct engine *e, uint32_t partition);
void user_task_destroy(struct user_task *t); /* NULL allowed */

/* One decoded record at `offset` of input `j`. live: deltas are emitted, views and rows become due; otherwise it is a restore
 * (records below counted_to are not counted, entities that cover it are left alone). now_ms: the wall clock. */
enum outcome user_task_apply(struct user_task *t, unsigned j, int64_t offset, const struct event *event, bool live, int64_t now_ms);
/* What the same record would end as, were it applied now with `live`, of a task that was never restored. Changes nothing. */
enum outcome user_task_admits(const struct user_task *t, unsigned j, const struct event *event);
/* Hints: a record of this shopper comes in some records' time, so that memory is asked for what it will touch. Call it with each step
 * in turn: SOON_SLOT earliest, then SOON_USER, SOON_BLOCKS, and SOON_ARRAYS. An unknown id does no harm. */
enum soon { SOON_SLOT, SOON_USER, SOON_BLOCKS, SOON_ARRAYS };
void user_task_soon(const struct user_task *t, struct text id, enum soon step);
/* The same of a row that comes, for user_task_load: SOON_SLOT, SOON_USER, SOON_BLOCKS. hash: user_task_hash(its shopper's id). */
uint64_t user_task_hash(struct text id);
void user_task_row_soon(const struct user_task *t, uint64_t hash, enum soon step);
/* A record that ends without being applied (FILTERED, DEAD_LETTERED): counted, position moved. */
void user_task_skip(struct user_task *t, unsigned j, int64_t offset, enum outcome outcome);
/* Refused by the clock: dead-lettered, and remembered so that a restore refuses it again. */
void user_task_refuse(struct user_task *t, unsigned j, int64_t offset);
bool user_task_was_refused(const struct user_task *t, unsigned j, int64_t offset);

/* An interval begins: what becomes dirty from now on refers to the positions of now. */
void user_task_interval(struct user_task *t, uint64_t interval, int64_t now_ms);
/* Rows of those dirty longest, at most so many, at any time: they are sent with the open interval. Returns bytes given to put. */
size_t user_task_rows(struct user_task *t, size_t most, row_put *put, void *to);
/* Rows due at the seal: those dirty for snapshot_ms, those that must; all: every dirty one. Then the task row, when anything changed.
 * Returns bytes given to put. */
size_t user_task_seal(struct user_task *t, int64_t now_ms, int64_t snapshot_ms, bool all, row_put *put, void *to);
/* Forgets idle shoppers and what is over the bound: at most `steps` looked at. Rows and views of theirs are deleted. Emits deltas: before
 * the interval's are encoded. */
void user_task_expire(struct user_task *t, unsigned steps, row_put *put, void *to);

/* Shoppers who asked to be forgotten since the last call: what the processors can take back is emitted, state, row and views are deleted. Deltas as
 * above. Their events until then are late from now on, in a replay too. A shopper who has come back since is left alone. */
void user_task_forget(struct user_task *t, row_put *put, void *to);

/* Restore: rows in any order, then the logs from user_task_low(). 0 or -EBADMSG. A shopper's rings and blocks stay packed, so that one who does not come back costs
 * little more than the row. That blocks are of versions that can be read is looked at here, what they hold when they are unpacked. */
int user_task_load(struct user_task *t, struct text key, struct text bytes, uint16_t pieces);
int64_t user_task_low(const struct user_task *t, unsigned j);
void user_task_restored(struct user_task *t); /* the logs were read to what is committed */

/* The watermark by the rules of ARCHITECTURE "Time". heads: the least ts waiting (INT64_MAX: none); group: the group's (INT64_MIN:
 * unknown). True when watermark, at_end or live changed. */
bool user_task_time(struct user_task *t, int64_t least_head, int64_t group, int64_t now_ms);

/* Views. Renders one shopper's into engine->view (its target must be set). Unpacked. */
void user_task_render(struct user_task *t, struct user *u, int64_t now_ms, uint64_t commit, int64_t ttl_s);
/* Its views were handed on. again_ms: a shopper touched within it is to be shown once more. */
void user_task_shown(struct user_task *t, struct user *u, int64_t now_ms, int64_t again_ms);
/* Positions below which every change is in a view. */
void user_task_shown_to(const struct user_task *t, int64_t ret[INPUTS]);
/* A new owner: dirty is each shopper whose row reaches past `shown` (NULL: all). */
void user_task_views_due(struct user_task *t, const int64_t *shown, int64_t now_ms);

void user_task_mark(const struct user_task *t);
struct user *user_task_find(const struct user_task *t, struct text id); /* unpacked; NULL: unknown */
/* The shopper with rings and blocks, in another place when it was packed: `u` is no more. What cannot be read sets engine->bad_row, and
 * has nothing. */
struct user *user_task_unpack(const struct user_task *t, struct user *u);

#endif
