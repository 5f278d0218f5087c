/* Writer's schema + our fields -> a flat list of steps, and the bounded machine that runs it over a record.
 *
 * Resolution follows the Avro 1.11 specification, "Schema Resolution": fields by name (ours, then our alias, then the writer's own
 * aliases), added and removed ones, defaults, promotions (int, long -> long; int, long, float -> float; string <-> bytes), unions,
 * enums by symbol with the reader's default. Beyond it, for shops with schemas of their own: a path leads into nested records (a null on the
 * way is a null at its end); null fills any field that is not required; long is read into int and double into float within the field's
 * range; an enum is read as text; timestamp-micros become ms (rounded down). Names of records and enums need not match ours.
 *
 * Steps are straight-line code with forward jumps (unions) and one level of calls (order lines, attributes), so a record's cost is
 * bounded by the plan's length, plus what arrays, maps and skipped values cost; those count their steps.
 */
#ifndef GLINT_AVRO_PLAN_H
#define GLINT_AVRO_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/avro/decode.h"
#include "daemon/avro/fields.h"
#include "daemon/avro/schema.h"

enum op_code {
	OP_END,
	OP_SKIP_FIXED, /* a: bytes */
	OP_SKIP_VARINT,
	OP_SKIP_BYTES,   /* string or bytes */
	OP_SKIP,         /* a: type */
	OP_TEXT,         /* string or bytes */
	OP_TEXT_OR_NULL, /* a: index of null, 0 or 1, in a union of two */
	OP_OR_NULL,      /* a union of two; a: index of null, 0 or 1: then the next step is passed over */
	OP_SYMBOL_TEXT,  /* enum as text; a: first of plan.symbols, b: how many */
	OP_LONG,         /* int or long into int64_t; lo..hi of plan.ranges[a]; b: writer's is an int */
	OP_INT,          /* the same into int32_t */
	OP_TS,           /* b: units per ms */
	OP_RATING,       /* b: writer's kind */
	OP_BOOL,
	OP_ENUM,       /* a: first of plan.values, b: how many */
	OP_LINES,      /* a: items' type, b: steps of an element */
	OP_ATTRIBUTES, /* a: values' type, b: steps of a value */
	OP_UNION,      /* a: first of plan.targets, b: how many */
	OP_JUMP,       /* a: step */
	OP_MARK,       /* a: slot */
	OP_REWIND,     /* a: slot */
	OP_FAIL        /* a: enum decode_reason */
};

struct op {
	uint8_t code;
	uint8_t flags; /* enum field_flag */
	uint16_t offset, has_offset;
	uint16_t name; /* index into plan.names: whom a refusal is about; 0 = nobody */
	uint32_t a, b;
};

#define PLAN_SLOTS 16 /* also the longest path */

struct range {
	int64_t lo, hi;
};

struct plan {
	struct schema *schema; /* owned */
	struct op *ops;
	uint32_t n_ops, ops_capacity;
	const char **names;
	uint32_t n_names;
	struct range *ranges;
	uint32_t n_ranges;
	int32_t *values; /* writer's enum index -> ours, or -1 */
	uint32_t n_values;
	struct text *symbols;
	uint32_t n_symbols;
	uint32_t *targets;
	uint32_t n_targets;
	bool starts_with_text; /* a record's first bytes are the length of a text: cannot be 00 or C3 01 unless it is empty */
};

/* Compiles; takes `schema` over when it succeeds. limits: rating bounds are taken from it.
 * -EINVAL with a sentence (field and reason), -ENOMEM. */
int plan_compile(const struct field_table *reader, struct schema *schema, const struct field_map *maps, size_t n_maps,
	struct plan **ret_plan, char *error, size_t error_size);

/* Destroys the schema too; takes NULL. */
void plan_destroy(struct plan *plan);

/* Storage and bounds of a run; kept by the decoder. */
struct run {
	struct decode_limits limits; /* no zeros */
	struct order_line *lines;    /* max_items of them, or NULL when the reader has none */
	struct attribute *attributes;
	/* of the last run */
	uint32_t items;
	uint64_t work;
	enum decode_reason reason;
	const char *field; /* or NULL */
};

/* Runs over bytes[size] into `record` (zeroed by the caller). Sets reason and field when it fails. 0 or -EBADMSG. */
int plan_run(const struct plan *plan, struct run *run, const void *bytes, size_t size, void *record);

#endif
