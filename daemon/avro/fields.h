/* The reader's side of schema resolution: what glint wants of each record, and where in struct event it goes.
 *
 * schemas/ *.avsc say the same for people and for writers; tests/unit/test_decode_schema.c holds the two together. Used by the
 * plan compiler and by the encoder; knows nothing of bytes.
 */
#ifndef GLINT_AVRO_FIELDS_H
#define GLINT_AVRO_FIELDS_H

#include <stdint.h>

#include "processors/event.h"

enum field_type {
	FIELD_TEXT,       /* struct text */
	FIELD_LONG,       /* int64_t, min..max */
	FIELD_INT,        /* int32_t, min..max */
	FIELD_TS,         /* int64_t, ms since 1970, > 0 */
	FIELD_RATING,     /* int32_t, stars x 1000, rounded to nearest */
	FIELD_BOOL,       /* bool */
	FIELD_ENUM,       /* a C enum, by symbol */
	FIELD_LINES,      /* const struct order_line *, count at has_offset */
	FIELD_ATTRIBUTES, /* const struct attribute *, count at has_offset */
};

enum field_flag {
	FIELD_REQUIRED = 1, /* a writer's schema without it is refused; a null is an error */
	FIELD_NOT_NULL = 2, /* not required, but in our own schema a plain type with a default, not a union with null */
	FIELD_ID = 4,       /* no control characters, at most max_id_bytes; an empty one is absent */
	FIELD_NONEMPTY = 8, /* ... or an error */
	FIELD_CURRENCY = 16 /* three capital letters */
};

struct field_table;

struct reader_enum {
	const char *const *symbols; /* index = the value stored */
	uint32_t n_symbols;
	int32_t fallback; /* for a writer's symbol that is not in symbols; -1 = that is an error */
};

struct reader_field {
	const char *name;
	const char *alias; /* one more name that a writer's field may have; NULL = none */
	enum field_type type;
	unsigned flags;                    /* enum field_flag */
	uint16_t offset;                   /* in the record's struct */
	uint16_t has_offset;               /* of a bool that tells presence, or of a uint32_t count; 0 = none */
	int64_t min, max;                  /* FIELD_LONG, FIELD_INT */
	const struct reader_enum *symbols; /* FIELD_ENUM */
	const struct field_table *items;   /* FIELD_LINES, FIELD_ATTRIBUTES: of one element */
};

#define FIELD_TABLE_MAX 32

/* Fields in the order of our own schema. An absent field leaves its place as it was: the caller's zero is every default. */
struct field_table {
	const char *name;
	const struct reader_field *fields;
	uint32_t n_fields; /* <= FIELD_TABLE_MAX */
};

/* The reader of a kind of event. kind < EVENT_KINDS. */
const struct field_table *field_table_of(enum event_kind kind);

/* The text of our own schema of a kind, as in schemas/ (JSON, null-terminated, static). */
const char *schema_text_of(enum event_kind kind);

#endif
