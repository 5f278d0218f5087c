/* Views: Redis commands that a processor renders from its block. Values are absolute, so that a view can be rendered again at any time.
 *
 * The entity's own hash (glint:item:ID, glint:campaign:ID, glint:user:ID, for `all` none) is built by view_field_*: the fields of
 * all processors go into one HSET, to which the runtime adds v, as_of, commit and the TTL. Everything else is a command of its own:
 *
 *   view_begin(v, "SET"); view_key(v, "recs:", user); view_arg(v, json); view_arg(v, TEXT("EX")); view_arg_i64(v, ttl); view_end(v);
 *
 * view_key() writes the configured prefix, a colon, the name and the id. A field or argument is copied.
 */
#ifndef GLINT_VIEW_H
#define GLINT_VIEW_H

#include "buf.h"
#include "processor.h"

struct view;

void view_field(struct view *v, const char *name, struct text value);
void view_field_i64(struct view *v, const char *name, int64_t value);
void view_field_double(struct view *v, const char *name, double value);              /* shortest of 6 significant digits; not finite: the field is deleted */
void view_field_of(struct view *v, const char *name, struct text of, int64_t value); /* field "name:of", e.g. revenue:EUR */
void view_field_none(struct view *v, const char *name);                              /* HDEL of a field that has no value now */
void view_field_none_of(struct view *v, const char *name, struct text of);           /* the same of a field "name:of" */

void view_begin(struct view *v, const char *command);
void view_key(struct view *v, const char *name, struct text id); /* id may be absent */
void view_arg(struct view *v, struct text value);
void view_arg_i64(struct view *v, int64_t value);
void view_arg_double(struct view *v, double value);
void view_end(struct view *v);

/* A whole JSON string under a key with TTL: SET key json EX ttl. */
void view_set_json(const struct view_ctx *ctx, const char *name, struct text id, struct text json);

#endif
