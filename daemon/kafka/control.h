/* Rows of <group>-control: what people have decided about an item, a category or a brand (schemas/control.schema.json).
 *
 * Key and value of one record, checked. Used by global.c, which keeps them in the model table, and by glintctl control. Pure.
 */
#ifndef GLINT_CONTROL_H
#define GLINT_CONTROL_H

#include <stddef.h>

#include "processors/processor.h"

enum { CONTROL_PLACES = 100,
	CONTROL_NOTE_BYTES = 500 };

/* 0; -EBADMSG with a sentence (error may be NULL): not JSON, or against the schema. */
int control_parse(enum key_kind kind, struct text json, struct control *ret, char *error, size_t size);
/* "item:ID", "category:NAME", "brand:NAME": the kind, and the id borrowed from `scope`. 0 or -EBADMSG. */
int control_scope(struct text scope, enum key_kind *ret_kind, struct text *ret_id);
/* The same of what a person has typed, where an item's id may stand alone. -EBADMSG with a sentence: nothing is named, or it looks like a scope that there is
 * not ("Brand:x", "user:x"), which as an item's id has to be written out. */
int control_scope_given(const char *argument, enum key_kind *ret_kind, struct text *ret_id, char *error, size_t size);

#endif
