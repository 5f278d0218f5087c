/* From the bytes of a Kafka message to struct event.
 *
 * A decoder belongs to one topic: it knows the framing, the schemas that records were written with, and for each of them the flat
 * plan that reads our fields and skips the rest (plan.h). The bytes are never trusted: every length, index, count and depth is
 * checked and bounded, every text that is read is checked for UTF-8, and all bytes must be consumed. Avro C parses schemas; it
 * never sees a record. Called by the loop (one thread; a decoder is not shared), by glintctl and by tests. Does not poll, log,
 * or look at a clock: whether `ts` is ahead of it is the caller's question.
 *
 * Refusals have a reason: a short stable word for dead-letter headers and counters (decode_reasons), and the field it was about.
 */
#ifndef GLINT_AVRO_DECODE_H
#define GLINT_AVRO_DECODE_H

#include <stddef.h>
#include <stdint.h>

#include "processors/event.h"

enum framing {
	FRAMING_AUTO,     /* by the first bytes: C3 01 single object, 00 Confluent (when an ids folder is set), else bare */
	FRAMING_BARE,     /* nothing but the record, written with the configured schema */
	FRAMING_SINGLE,   /* C3 01, CRC-64-AVRO fingerprint of the schema (8 bytes, little-endian), record */
	FRAMING_CONFLUENT /* 00, schema id (4 bytes, big-endian), record */
};

/* "auto", "bare", "single", "confluent" -> *ret_framing. 0 or -EINVAL. */
int framing_parse(const char *name, enum framing *ret_framing);

enum decode_reason {
	REASON_NONE,
	REASON_EMPTY,          /* no bytes at all */
	REASON_TOO_LARGE,      /* more than max_bytes */
	REASON_TRUNCATED,      /* ends inside a value */
	REASON_TRAILING_BYTES, /* goes on after the record */
	REASON_BAD_VARINT,     /* longer than 10 bytes, or beyond the range of its type */
	REASON_BAD_LENGTH,     /* negative */
	REASON_BAD_BLOCK,      /* an array's or map's block whose byte size is wrong */
	REASON_BAD_BOOLEAN,    /* neither 0 nor 1 */
	REASON_BAD_UNION_INDEX,
	REASON_BAD_ENUM_INDEX,
	REASON_UNKNOWN_SYMBOL, /* an enum symbol that we do not know */
	REASON_TYPE_MISMATCH,  /* a union branch that cannot be read as our field */
	REASON_MISSING_FIELD,  /* a required field is null */
	REASON_TOO_MANY_ITEMS, /* max_items */
	REASON_TOO_DEEP,       /* max_depth */
	REASON_BAD_UTF8,
	REASON_CONTROL_CHARACTER,   /* in an id */
	REASON_EMPTY_ID,            /* a required id */
	REASON_ID_TOO_LONG,         /* max_id_bytes */
	REASON_BAD_CURRENCY,        /* not three capital letters */
	REASON_BAD_TS,              /* <= 0 */
	REASON_BAD_RATING,          /* outside rating_min..rating_max, or not a number */
	REASON_OUT_OF_RANGE,        /* a number outside its field's range */
	REASON_NO_SUBJECT,          /* a review without item_id, brand and campaign_id */
	REASON_BAD_FRAMING,         /* the magic bytes of the configured framing are not there */
	REASON_UNKNOWN_SCHEMA_ID,   /* no file ids_folder/ID.avsc */
	REASON_UNKNOWN_FINGERPRINT, /* no schema with it */
	REASON_UNUSABLE_SCHEMA,     /* the schema was found but cannot be used: decoder_problem() says why */
	DECODE_REASONS
};

/* Word of a reason, e.g. "bad_utf8"; "" for REASON_NONE. Static. */
extern const char *const decode_reasons[DECODE_REASONS];

/* Bounds on what one record may ask for; a 0 stands for the default. */
struct decode_limits {
	uint32_t max_bytes;                         /* whole message; default 1 MiB */
	uint32_t max_items;                         /* elements and blocks of all arrays and maps of a record together; default 65,536 */
	uint32_t max_depth;                         /* nesting of records, arrays and maps that are skipped; default 64, at most 1,000 */
	uint32_t max_id_bytes;                      /* default 1,024 */
	int32_t rating_min_milli, rating_max_milli; /* both 0 = 500, 5000 (stars x 1000) */
};

/* map.FIELD = PATH: our field (of an order line: "lines.FIELD") and the names, joined by dots, that lead to it in the writer's
 * schema (of an order line: from the element). */
struct field_map {
	const char *field, *path;
};

struct decoder_settings {
	enum framing framing;
	const char *schema;      /* JSON text of the schema of bare records; NULL = ours */
	const char *schema_name; /* how error sentences call it (file name); NULL = "the schema" */
	const char *ids_folder;  /* holds ID.avsc (Confluent) and *.avsc (single object); NULL = none */
	const struct field_map *maps;
	size_t n_maps;
	struct decode_limits limits;
};

struct decoder;

/* Makes a decoder; *ret_decoder is the caller's, to be destroyed. Nothing of `settings` is kept. Reads the ids folder's files
 * (single object) or checks that it is there (Confluent). On failure writes a sentence to error[error_size].
 * -EINVAL a schema or a map is wrong or cannot fill a required field, -ENOENT/-EACCES/... the folder, -ENOMEM. */
int decoder_create(enum event_kind kind, const struct decoder_settings *settings, struct decoder **ret_decoder, char *error,
	size_t error_size);

/* Takes NULL. */
void decoder_destroy(struct decoder *decoder);

/* Reads one message. `bytes` may be NULL when size == 0 (a tombstone: REASON_EMPTY; callers treat it first where it has a
 * meaning). On success *ret_event is whole: its texts point into `bytes` (a text read from an enum: into the decoder), order
 * lines and attributes into the decoder until its next decode. 0, or -EBADMSG and *ret_event is undefined: then decoder_reason()
 * tells why. Allocates nothing and makes no system call, but for the first record of a schema id that was never seen. */
int decoder_decode(struct decoder *decoder, const void *bytes, size_t size, struct event *ret_event);

/* Of the last decoder_decode() that failed. */
enum decode_reason decoder_reason(const struct decoder *decoder);

/* Name of the field that the last refusal was about, "" when it was about none. Valid as long as the decoder. */
const char *decoder_field(const struct decoder *decoder);

/* The last schema by id or fingerprint that could not be used, as a sentence; "" = none. Valid until the next decode. */
const char *decoder_problem(const struct decoder *decoder);

/* Forgets which ids and fingerprints had no schema, so that a file put there since is found: at reload, or every few minutes.
 * Until then at most 1,024 unknown ids are looked for, each once. */
void decoder_refresh(struct decoder *decoder);

/* Steps that the last record cost in arrays, maps and skipped values: bounded by its bytes times max_depth, plus max_items.
 * For tests. */
uint64_t decoder_work(const struct decoder *decoder);

#endif
