/* A short piece of a review's text that may be shown to the shop's people: cut, and freed of what points to a person.
 *
 * Taken out, each with a mark (...) in its place: the writer's own user id; mail addresses and @names; links and bare host names of
 * common top-level domains; numbers of six digits and more, blanks and - . ( ) / + between them (telephones, cards, orders, QQ), full-width
 * digits too; what follows the name of a messenger (wechat, weixin, vx, qq, whatsapp, telegram and their Chinese names). Names that are plain words stay:
 * nothing can tell them from other words. Blanks and control characters become one blank.
 */
#ifndef GLINT_EXCERPT_H
#define GLINT_EXCERPT_H

#include <stddef.h>

#include "text.h"

enum { EXCERPT_LOOK_BYTES = 1024 }; /* of the text; what is behind is never shown */

/* Into to[max], max >= 8; returns its bytes, valid UTF-8 when the text is; 0: nothing is left to show. A text that is cut ends with "…". Not longer
 * than max. No terminating zero. */
size_t excerpt_make(struct text text, struct text user_id, char *to, size_t max);

#endif
