/* What both stages share: strings, memory, global tables, the combiner, the processors' settings, and the rules of time.
 *
 * One per process, used by the loop's thread alone (glintctl dump and the unit tests make one of their own). Pure: no I/O, no clock.
 */
#ifndef GLINT_ENGINE_H
#define GLINT_ENGINE_H

#include "combiner.h"
#include "forgotten.h"
#include "model.h"
#include "view.h"

enum { INPUTS = 3, DROPS = 8 }; /* inputs of a user task, in this order: clicks, purchases, reviews */

struct engine_rules {
	uint32_t partitions;         /* of every input and of the repartition topic */
	int64_t allowed_lateness_ms; /* older than its partition's stream time by more: late */
	int64_t max_jump_ms;         /* a ts further ahead needs three later witnesses */
	int64_t settle_ms;           /* a watermark stays behind stream time by this */
	int64_t live_ms;             /* a task whose stream time is this close to the clock goes on with the clock */
	uint32_t dedup_ring;         /* event ids kept per shopper and topic */
	uint64_t max_users, max_items; /* kept in one process; beyond: the idlest go */
	int64_t user_idle_ms, item_idle_ms; /* forgotten after so long without an event; 0: never */
	bool inputs[INPUTS];         /* configured */
	bool off[PROCESSORS];        /* not run: sees no event, and what rows have of it is not read */
	int64_t least_shoppers;      /* [privacy] k: of fewer nothing is published */
	int64_t least_baskets;       /* k with [privacy] k_of_counts, else 0 */
};

struct engine {
	struct engine_rules rules;
	void *const *settings; /* by processor; owned by the configuration */
	struct symbols *symbols;
	struct pool *pool;
	struct slabs *slabs; /* the pool's */
	struct model *model;
	struct forgotten forgotten; /* as read so far */
	struct emitter *emitter;
	struct view *view;
	struct buf scratch;
	uint64_t drops[PROCESSORS][DROPS], silent_drops[DROPS]; /* silent: of restores, counted before */
	uint64_t users, items; /* entities in memory */
	struct buf fresh[PROCESSORS]; /* what a shopper's block that has seen nothing saves as */
	char bad_row[200]; /* whose was restored and cannot be unpacked: nothing may come of it, no view, no commit; "": none */
	struct item_entity **by_key[KEY_KINDS]; /* item stage: by symbol */
	uint32_t by_key_limit[KEY_KINDS];
};

struct engine *engine_create(const struct engine_rules *rules, void *const *settings, const char *prefix);
void engine_destroy(struct engine *e); /* after its tasks; NULL allowed */

/* ---- lists of entities: intrusive, doubly linked, FIFO ---- */

struct link {
	struct link *prev, *next; /* NULL: in no list */
};

struct list { /* in list order: head.next is the first */
	struct link head;
	size_t n;
};

static inline void list_init(struct list *l)
{
	l->head.prev = l->head.next = &l->head;
	l->n = 0;
}

static inline void list_insert(struct list *l, struct link *after, struct link *x)
{
	x->prev = after;
	x->next = after->next;
	after->next->prev = x;
	after->next = x;
	l->n++;
}

static inline void list_push(struct list *l, struct link *x) /* at the end */
{
	list_insert(l, l->head.prev, x);
}

static inline void list_remove(struct list *l, struct link *x)
{
	if (!x->next)
		return;
	x->prev->next = x->next;
	x->next->prev = x->prev;
	x->prev = x->next = NULL;
	l->n--;
}

/* The owner was copied to another place: what was beside `x` there is beside it here. */
static inline void list_moved(struct link *x)
{
	if (x->next)
		x->prev->next = x->next->prev = x;
}

/* The struct that a link is a member of: LIST_OWNER(x, struct user, row_link). */
#define LIST_OWNER(link_pointer, type, member) ((type *)(void *)((char *)(link_pointer)-offsetof(type, member)))

/* ---- blocks of an entity: [u8 processor][varint version][varint size][bytes] each; in rows of format 1 [u8][u16][u32][bytes] ---- */

enum { ROW_FORMAT = 2, TASK_ROW_FORMAT = 1 }; /* that are written; entities' rows of 1 are read */

enum stage { STAGE_USER, STAGE_ITEM };

/* A shopper's blocks that have seen nothing are left out. */
void blocks_save(const struct engine *e, enum stage stage, void *const *blocks, struct buf *to);
/* format: of the row. 0 or -EBADMSG; unknown processors are skipped; a shopper has every block afterwards. */
int blocks_load(struct engine *e, enum stage stage, void **blocks, uint8_t format, struct reader *from);
bool blocks_readable(const struct engine *e, enum stage stage, uint8_t format, struct reader *from); /* of versions that blocks_load knows */
void blocks_fresh(struct engine *e, void **blocks); /* a shopper's that are not there are as before the first event */
void blocks_free(struct engine *e, enum stage stage, void **blocks);
void blocks_mark(const struct engine *e, enum stage stage, void *const *blocks);

/* ---- rows: a saved entity in pieces, see rows of CONTRACTS ---- */

enum { PIECE_BYTES = 64 << 10, PIECE_TASK = 0xffff, PIECE_KEY_BYTES = 2 }; /* KEY_BYTES: what stands before the entity in a key */

/* Gives (key, value) pairs to `put`; value.data == NULL deletes. Key: u16 piece, entity. A piece's value: u16 pieces, u64 stamp, bytes. */
typedef void row_put(void *to, struct text key, struct text value);
void row_write(struct text entity, const struct buf *bytes, uint64_t stamp, uint16_t pieces_before, uint16_t *ret_pieces, row_put *put, void *to);

/* Puts pieces together again while rows are read. */
struct row_reader;
struct row_reader *row_reader_create(void);
void row_reader_destroy(struct row_reader *r);
/* One row. 1: entity complete, *ret_entity and *ret_bytes borrowed until the next call (bytes.data NULL: deleted); 0: more pieces
 * to come; -EBADMSG. */
int row_reader_take(struct row_reader *r, struct text key, struct text value, struct text *ret_entity, struct text *ret_bytes, uint16_t *ret_pieces);

#endif
