/* The view collector: what processors render through processors/view.h, as commands for the publisher.
 *
 * One per loop. view_entity_begin() names the entity's own hash; its fields are gathered over all processors and become one HSET
 * (with v, as_of and commit), an HDEL for what has no value, and an EXPIRE; other commands go straight to the target.
 */
#ifndef GLINT_STATE_VIEW_H
#define GLINT_STATE_VIEW_H

#include "processors/view.h"

struct view *view_create(const char *prefix);
void view_destroy(struct view *v); /* NULL allowed */

/* Commands are appended to *to as publisher.h encodes them. */
void view_target(struct view *v, struct buf *to);
/* hash: "item:", "user:", ... or NULL when the entity has none; ttl_s 0 = no EXPIRE. */
void view_entity_begin(struct view *v, const char *hash, struct text id, int64_t as_of, uint64_t commit, int64_t ttl_s);
void view_entity_end(struct view *v);
/* Deletes the entity's own hash and, by name, further keys of it. */
void view_delete(struct view *v, const char *name, struct text id);
uint32_t view_commands(const struct view *v); /* since view_target() */

#endif
