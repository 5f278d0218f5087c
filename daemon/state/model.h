/* The global tables: what every process knows of all keys, read from the model topic and the catalogue.
 *
 * A model row is made by the key's owner (model_row_encode) and read back by everyone, the owner included. Lookups are arrays
 * indexed by symbol. Row value: per section u8 processor; u16 version; varint size; bytes. Row key: "item:ID", ..., "all".
 */
#ifndef GLINT_MODEL_H
#define GLINT_MODEL_H

#include "processors/processor.h"

struct model *model_create(struct symbols *symbols, struct pool *pool, void *const *settings);
void model_destroy(struct model *m); /* NULL allowed */

/* Takes in one row; value.data == NULL deletes it. 0 or -EBADMSG (the row is then left as it was). */
int model_row_load(struct model *m, struct text row_key, struct text value);
/* XXH3 of the row's value as last loaded; 0 = no row. The owner compares it with its own to see what is due. */
uint64_t model_row_hash(const struct model *m, struct key key);
/* Catalogue: an EVENT_ITEM, or a tombstone by id. */
void model_catalogue_load(struct model *m, const struct event *item);
/* The item is gone: not available until it has a row again, for as long as anything else of it is in memory (model_catalogue_sweep). */
void model_catalogue_delete(struct model *m, struct text item_id);
/* Between marking and sweeping of symbols: forgets which items are gone of those that nothing has marked. */
void model_catalogue_sweep(struct model *m);
/* Control: NULL takes it back. */
void model_control_load(struct model *m, struct key key, const struct control *control);

void model_mark(const struct model *m, struct symbols *symbols);
uint64_t model_rows(const struct model *m);
uint64_t model_catalogue_rows(const struct model *m);
void model_clear(struct model *m); /* all rows, catalogue and control; before a new read from the start */

/* "item:ID" and back. key_parse interns the id; -EBADMSG for an unknown kind. */
void key_format(const struct symbols *s, struct key key, struct buf *to);
int key_parse(struct symbols *s, struct text t, struct key *ret);

#endif
