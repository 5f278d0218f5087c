/* From a JSON object to the bytes of a record, bare, by our own schemas (schemas/ *.avsc).
 *
 * The way in for `glintctl replay` and for tests: names and units of JSON are those of the schemas, null is the same as absent, an
 * enum is its symbol, unknown fields are ignored. Ranges and texts are checked as the decoder will check them, so that a bad line
 * is refused where it can be mended. Does not read files or frame.
 */
#ifndef GLINT_AVRO_ENCODE_H
#define GLINT_AVRO_ENCODE_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "processors/event.h"

/* Zero-initialised by the caller; grows as needed and is used again; encoded_done() frees it. */
struct encoded {
	uint8_t *data;
	size_t size, capacity;   /* bytes */
	uint32_t ignored_fields; /* of the last object (of order lines too): names that the schema does not have */
};

/* Writes `object` over what `encoded` held. 0; -EINVAL with a sentence that names the field and what is wrong in
 * error[error_size]; -ENOMEM. */
int encode_event(enum event_kind kind, const json_t *object, struct encoded *encoded, char *error, size_t error_size);

void encoded_done(struct encoded *encoded);

#endif
