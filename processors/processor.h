/* What a processor is, and all that it may call.
 *
 * A processor is one online model: pure code, without I/O, clock, log, thread or global. It takes part in two stages
 * (ARCHITECTURE "Processors"):
 *
 *   user stage   event(): one event of one shopper, with this processor's block of that shopper's record; emits deltas to keys
 *   item stage   delta(): one delta for one key (an item, a campaign, `all`, ...), with its block of that key's record
 *                due():   the task's watermark has passed the time that due_at() named
 *   model        model.save(): what other stages may know of a key (a row of the global table); model.load() reads it in every process
 *   views        user_view(), item_view(): Redis commands made from a block (and the global table); values are absolute
 *
 * Rules that tests rely on: the same events in the same order give the same bytes of state; an item block depends on deltas and
 * watermarks alone; what is combined is integer (a sum, or a maximum), what depends on order travels as a list; decay is applied
 * when reading. A block starts as zero bytes. Memory that a block points to comes from the pool and is given back by done().
 * All of it runs on the loop's thread.
 *
 * To add one: one file, one line in processors/registry.c and one id below, one section in conf/glintd.conf, one test.
 */
#ifndef GLINT_PROCESSOR_H
#define GLINT_PROCESSOR_H

#include <stddef.h>

#include "buf.h"
#include "event.h"
#include "option.h"
#include "pool.h"
#include "symbols.h"

/* Numbers in rows, deltas and model rows: never reused. The order is the order of calling within one event. */
enum processor_id { P_BIAS, P_ITEMSETS, P_SENTIMENT, P_SPIKE, P_CAMPAIGN, P_RECOMMEND, P_SEGMENTS, P_NEXT, P_COMPLAINTS, P_SIMILAR, P_FORECAST, P_SEARCH, P_INTENT, PROCESSORS };

enum key_kind { KEY_NONE, KEY_ITEM, KEY_CAMPAIGN, KEY_CATEGORY, KEY_BRAND, KEY_ASPECT, KEY_ALL, KEY_KINDS };

/* An entity of the item stage. KEY_ALL has id 0; every other kind a symbol. Written "item:ID", "campaign:ID", ..., "all". */
struct key {
	uint8_t kind;
	symbol_t id;
};

extern const char *const key_kind_names[KEY_KINDS]; /* "item", "campaign", "category", "brand", "aspect", "all" */

/* ---- deltas ---- */

enum merge { MERGE_SUM, MERGE_MAX, MERGE_LIST };

struct delta {
	uint8_t metric; /* the processor's own numbering, 0..31 */
	uint8_t merge;
	symbol_t sub;   /* SUM: second key: the other item of a pair, a currency; 0 = none */
	uint32_t index; /* MAX: second key, a plain number: a register's */
	int32_t pane;   /* floor(time / pane width) in the metric's own width */
	int64_t amount; /* SUM: what all combined deltas add up to; MAX: the greatest */
	struct text bytes; /* LIST: the bytes as emitted, one call of delta() each, in order */
};

struct emitter; /* combines per (key, metric, sub, pane) within an interval; silent while a task is restored */

void emit_sum(struct emitter *e, enum processor_id p, struct key key, uint8_t metric, symbol_t sub, int32_t pane, int64_t amount);
/* index comes out as delta.index: a plain number, not a symbol. */
void emit_max(struct emitter *e, enum processor_id p, struct key key, uint8_t metric, uint32_t index, int32_t pane, int64_t amount);
void emit_list(struct emitter *e, enum processor_id p, struct key key, uint8_t metric, int32_t pane, const void *bytes, size_t size);

/* ---- global tables (read only; every process has the whole of them) ---- */

struct model;

struct catalogue_item {
	symbol_t category, brand, currency; /* 0 = unknown */
	symbol_t colour;                    /* of the attribute "colour" or "color" */
	int64_t price_minor;
	int64_t first_seen;                 /* ms; INT64_MIN = unknown */
	uint8_t price_band;                 /* 0 = unknown; else 1 + floor(2 log2 price): a band's upper end is 1.41 times its lower */
	bool available;
	bool known;                         /* false: not in the catalogue */
	struct text title;                  /* borrowed */
};

static inline struct key item_key(symbol_t item)
{
	return (struct key){ KEY_ITEM, item };
}

/* This processor's model block of a key as model.load() made it, or NULL. Borrowed until the next event. */
const void *model_block(const struct model *m, enum processor_id p, struct key key);
/* Fetches what model_block(m, p, key) reads into the cache, a step at a time: 0, 1, then 2, each some work after the one before. */
void model_soon(const struct model *m, enum processor_id p, struct key key, unsigned step);
enum { MODEL_STEPS = 3 };
/* Another one whenever a model row has come, changed or gone. Never 0 while there are rows. */
uint64_t model_version(const struct model *m);
/* Of an item without a catalogue row: known = false, available = true (false: its row was deleted), everything else 0. Never NULL. */
const struct catalogue_item *model_catalogue(const struct model *m, symbol_t item);
/* Iterates over the items that have a catalogue row, or whose row was deleted, as model_next. */
symbol_t model_catalogue_next(const struct model *m, symbol_t after);
bool model_catalogued(const struct model *m); /* there is a catalogue: at least one row */

/* What people have decided about an item, a category or a brand (schemas/control.schema.json). */
struct control {
	double boost; /* factor of scores */
	int pin;      /* place in every list; -1: none */
	bool exclude;
};
/* NULL: nothing. */
const struct control *model_control(const struct model *m, struct key key);
/* Iterates over the keys of one kind that have one, as model_next. */
symbol_t model_control_next(const struct model *m, enum key_kind kind, symbol_t after);
bool model_controlled(const struct model *m); /* there is one at all */
uint64_t model_control_changes(const struct model *m); /* so far: whoever keeps what was made of them compares it */

struct pin {
	symbol_t item;
	int place;
};
/* Pinned items by place, then by the id's bytes: at most PINS_MAX, the first in that order. Borrowed until the next change. */
enum { PINS_MAX = 100 };
const struct pin *model_pins(const struct model *m, uint32_t *ret_n);

/* Iterates over the keys of one kind that have a model row: start with 0; 0 = no more. */
symbol_t model_next(const struct model *m, enum key_kind kind, symbol_t after);

/* ---- contexts ---- */

enum { COMPLAINTS_MAX = 16 };

struct user_ctx {
	struct text user;     /* id, borrowed */
	uint64_t user_hash;   /* XXH3 of the id */
	int64_t watermark;    /* of this task, ms */
	bool live;            /* false: a restore, which emits nothing; what the global tables decide then stays as the row has it */
	bool row_due;         /* set it: this shopper's row is written in the interval that makes the change */
	int sentiment;        /* of this event's text: enum sentiment_class, or -1; set by P_SENTIMENT for those behind it */
	uint32_t n_complaints; /* aspects of which this event's text speaks ill; as sentiment */
	symbol_t complaints[COMPLAINTS_MAX];
	struct symbols *symbols;
	struct pool *pool;
	struct emitter *emitter;
	const struct model *model;
	uint64_t *drops;      /* this processor's drop counters, by the index of its drop_names */
};

struct item_ctx {
	struct key key;
	int64_t watermark;    /* of this task, ms; INT64_MIN before all upstream tasks have reported */
	struct symbols *symbols;
	struct pool *pool;
	uint64_t *drops;
	struct buf *alerts;   /* where emit_alert() appends */
	bool silent;          /* restoring: emit_alert() does nothing */
};

/* One transition of an alert: a JSON object (schemas/alert.schema.json), written to the alerts topic in the interval's transaction. */
void emit_alert(struct item_ctx *ctx, struct text json);

struct view; /* daemon side: collects Redis commands; see view.h */

struct view_ctx {
	int64_t as_of;        /* wall clock of the rendering, ms */
	uint64_t commit;      /* number of the interval that the view belongs to */
	int64_t watermark;    /* of the task, ms; for "now" in windows and decay */
	const struct symbols *symbols;
	const struct model *model;
	struct view *view;
	struct buf *scratch;  /* JSON is built here; cleared by whoever uses it */
	int64_t ttl_s;        /* time to live of keys with a TTL, seconds */
	int64_t least_shoppers; /* [privacy] k: of fewer nothing is published */
	int64_t least_baskets;  /* the same, with [privacy] k_of_counts: what was counted in fewer baskets (orders, reviews, shoppers of a campaign) is not published; 0: not asked */
	struct text user;     /* user views only: the shopper's id */
	uint64_t user_hash;
	const void *const *blocks; /* user views only: all of the shopper's blocks, by processor; each may be NULL */
	struct key key;       /* item views only */
	int64_t shown_watermark; /* of the rendering before; INT64_MIN: there was none, or Redis is new, and all that the block keeps is wanted */
};

struct dump_ctx {
	const struct symbols *symbols;
	int64_t watermark;
	const struct model *model; /* made from the same rows; NULL: none, what needs it is told with its value while unknown */
	struct key key;            /* item stage only */
	struct text user;          /* user stage only */
	struct buf *fields;        /* JSON members of this entity's own line: each written as ,"name":value (json_member) */
	void (*line)(void *to, struct text json, struct text sort_key); /* further lines: a whole JSON object; sort_key orders lines of one kind */
	void *to;
};

/* ---- the processor ---- */

/* One kind of block: its size, and how it is saved, loaded, freed and marked. size == 0: none of that kind. */
struct block_ops {
	size_t size;
	uint16_t version; /* of what save() writes; load() gets the version that was written and refuses what it does not know */
	void (*save)(const void *settings, const void *block, const struct symbols *symbols, struct buf *to);
	int (*load)(const void *settings, void *block, uint16_t version, struct reader *from, struct symbols *symbols, struct pool *pool); /* 0 or -EBADMSG */
	void (*done)(void *block, struct pool *pool); /* NULL: nothing to free */
	void (*mark)(const void *block, struct symbols *symbols); /* symbols_mark() each symbol held; NULL: holds none */
};

struct processor {
	const char *name;  /* section of the configuration, label of metrics */
	enum processor_id id;
	const char *needs; /* another one, whose figures it works with; NULL: none */

	const struct option *options; /* into the settings struct; see option.h */
	size_t n_options, settings_size;
	/* The shop's scale of ratings in stars, [glint] rating_min and rating_max: before setup. NULL: nothing; not called: 0.5 to 5. */
	void (*scale)(void *settings, double rating_min, double rating_max);
	int (*setup)(void *settings, char *error, size_t error_size); /* after the options were filled; NULL: nothing; -errno with a sentence */
	void (*teardown)(void *settings);

	struct block_ops user, item, model;

	void (*event)(const void *settings, struct user_ctx *ctx, void *block, const struct event *e);
	void (*event_soon)(const void *block); /* NULL; a hint to prefetch what event() will touch beside the block */
	/* The shopper is forgotten: idle for long, or (erase) by request. Emits what takes back its contributions: what is counted of shoppers
	 * who are there, always; with erase all that the block knows. Its row is deleted in the same interval. NULL: nothing. */
	void (*leave)(const void *settings, struct user_ctx *ctx, void *block, bool erase);
	void (*delta)(const void *settings, struct item_ctx *ctx, void *block, const struct delta *d);
	void (*delta_soon)(const void *block, const struct delta *d); /* NULL; a hint to prefetch what delta() of it will touch */
	int64_t (*due_at)(const void *settings, const void *block); /* watermark at which due() is wanted; INT64_MAX: never */
	void (*due)(const void *settings, struct item_ctx *ctx, void *block); /* ctx->watermark >= due_at(); must move due_at() forward */

	/* Model rows: appends this block's section to `to`; nothing appended = no section. model.load() reads it into model.size bytes. */
	void (*model_save)(const void *settings, const struct item_ctx *ctx, const void *block, struct buf *to);

	void (*user_view)(const void *settings, const struct view_ctx *ctx, const void *block);
	void (*item_view)(const void *settings, const struct view_ctx *ctx, const void *block);

	void (*user_dump)(const void *settings, const struct dump_ctx *ctx, const void *block);
	void (*item_dump)(const void *settings, const struct dump_ctx *ctx, const void *block);

	const char *const *drop_names; /* NULL-terminated: what a bound made it drop; at most 8 */
};

extern const struct processor *const processors[PROCESSORS]; /* by id; registry.c */

/* floor(ts / width), right for negative times too. */
static inline int32_t pane_of(int64_t ts, int64_t width_ms)
{
	int64_t q = ts / width_ms;
	return (int32_t)(q - (ts % width_ms < 0));
}

#endif
