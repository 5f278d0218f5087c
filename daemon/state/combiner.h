/* The combiner: deltas of one interval, added up per (key, metric, sub, pane), then encoded for the repartition topic.
 *
 * It is the `struct emitter` of processor.h. SUM and MAX entries are combined by an open-addressing index; LIST entries are kept in order
 * per key. At the seal every key goes to its owner's partition: partition_of_key(). A message holds many keys (up to
 * MESSAGE_SOFT_BYTES) and a table of the strings it uses, so that each string is interned once per message.
 *
 * Message (repartition topic, value; little-endian, varints LEB128, signed ones zigzag):
 *   u8 1; varint n; n x text                       strings, numbered from 1; 0 = none
 *   per key: u8 kind; varint string; varint n; n entries:
 *       u8 processor | merge << 6; u8 metric; zigzag pane - pane of the entry before (0 at a key's start);
 *       SUM: varint string (sub); zigzag amount    MAX: varint sub; zigzag amount    LIST: varint size; bytes
 * Control message: u8 2; varint n; n x { varint user task; i64 watermark; u8 at_end }.
 */
#ifndef GLINT_COMBINER_H
#define GLINT_COMBINER_H

#include "processors/processor.h"

enum { MESSAGE_DELTAS = 1, MESSAGE_CONTROL = 2, MESSAGE_SOFT_BYTES = 192 << 10 };

struct emitter *combiner_create(struct symbols *symbols, uint32_t partitions);
void combiner_destroy(struct emitter *e); /* NULL allowed */
void combiner_silence(struct emitter *e, bool silent); /* while a task is restored: emit_* do nothing */
size_t combiner_bytes(const struct emitter *e);        /* estimate of what encoding will give */
uint64_t combiner_emitted(const struct emitter *e);    /* emit_* calls ever, before combining */
bool combiner_empty(const struct emitter *e);

/* Hands every message to `send` (value borrowed during the call) and empties the table. Returns how many messages. */
uint32_t combiner_encode(struct emitter *e, void (*send)(void *to, uint32_t partition, struct text value), void *to);
void combiner_discard(struct emitter *e);

uint32_t partition_of_key(const struct symbols *s, struct key key, uint32_t partitions); /* `all` lives on 0 */

/* Reading a message. */
struct delta_reader {
	struct reader in;
	struct symbols *symbols;
	symbol_t *strings; /* owned, reused */
	size_t strings_capacity, n_strings;
	struct key key;
	uint64_t left; /* entries of this key */
	int32_t pane;
};

int delta_reader_start(struct delta_reader *r, struct symbols *symbols, struct text value); /* 0 or -EBADMSG; MESSAGE_DELTAS only */
bool delta_reader_key(struct delta_reader *r, struct key *ret_key);         /* next key; entries left unread are skipped */
bool delta_reader_next(struct delta_reader *r, enum processor_id *ret_p, struct delta *ret); /* next entry of this key */
void delta_reader_done(struct delta_reader *r);

#endif
