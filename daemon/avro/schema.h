/* A writer's schema as a graph of types, with its Parsing Canonical Form and fingerprint.
 *
 * Parses JSON text as the Avro 1.11 specification says (names, namespaces, aliases, unions, logical types) and bounds it: text up to
 * 1 MiB, 4,096 types, nesting 64. Jansson reads it, since Avro C drops defaults, aliases and logical types; Avro C has a second
 * look at validity. Recursive types are allowed, unless a value of them would be endless. Called by the plan compiler, the encoder's
 * tests and nothing hot.
 */
#ifndef GLINT_AVRO_SCHEMA_H
#define GLINT_AVRO_SCHEMA_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

enum schema_kind {
	SCHEMA_NULL,
	SCHEMA_BOOLEAN,
	SCHEMA_INT,
	SCHEMA_LONG,
	SCHEMA_FLOAT,
	SCHEMA_DOUBLE,
	SCHEMA_BYTES,
	SCHEMA_STRING,
	SCHEMA_PRIMITIVES,
	SCHEMA_RECORD = SCHEMA_PRIMITIVES,
	SCHEMA_ENUM,
	SCHEMA_ARRAY,
	SCHEMA_MAP,
	SCHEMA_UNION,
	SCHEMA_FIXED
};

struct schema_field {
	const char *name;
	const json_t *aliases; /* array of strings, or NULL */
	uint32_t type;         /* index into schema.types */
};

/* A record is skipped as: `bytes` of constant size, then one value of `type`; ...; then tail_bytes. */
struct schema_step {
	uint32_t type;
	uint32_t bytes;
};

struct schema_type {
	enum schema_kind kind;
	const char *name;            /* full name of a named type, else NULL */
	const char *logical;         /* logicalType, or NULL */
	struct schema_field *fields; /* record */
	uint32_t n_fields;
	struct schema_step *steps; /* record */
	uint32_t n_steps, tail_bytes;
	uint32_t *branches; /* union */
	uint32_t n_branches;
	const char **symbols; /* enum */
	uint32_t n_symbols;
	uint32_t items;      /* array: items, map: values */
	int64_t fixed_bytes; /* size of every value when that is constant, else -1; a boolean's is not: it is checked */
	int64_t min_bytes;   /* no value is smaller */
};

struct schema {
	struct schema_type *types;
	uint32_t n_types, capacity;
	uint32_t root;
	uint64_t fingerprint; /* CRC-64-AVRO of the Parsing Canonical Form */
	json_t *json;         /* owns the texts */
	char **names;         /* owns the full names */
	uint32_t n_names;
};

/* Parses `text`; *ret_schema is the caller's. -EINVAL with a sentence in error[error_size], or -ENOMEM. */
int schema_parse(const char *text, struct schema **ret_schema, char *error, size_t error_size);

/* Takes NULL. */
void schema_destroy(struct schema *schema);

/* Word for a type in sentences ("string", "record shop.Visit"), into buffer; returns buffer. */
const char *schema_type_text(const struct schema *schema, uint32_t type, char *buffer, size_t size);

/* Parsing Canonical Form (Avro 1.11, "Transforming into Parsing Canonical Form") of a schema that schema_parse() accepted.
 * Returns heap text, the caller's, or NULL without memory. */
char *schema_canonical(const json_t *json);

/* CRC-64-AVRO (Avro 1.11, "Schema Fingerprints"). */
uint64_t schema_fingerprint(const void *bytes, size_t size);

#endif
