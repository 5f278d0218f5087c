/* A short piece of a review's text that may be shown to the shop's people: cut, and freed of what points to a person.
 *
 * Taken out, each with a mark (...) in its place: the writer's own user id, whatever its case; mail addresses and @names; links and hosts of
 * common top-level domains; both also when their signs are written out (ann at mail dot com, 艾特, 点); numbers of six digits and more with blanks
 * and punctuation between them (telephones, cards, orders, QQ), in figures of any script, circled, Chinese numerals or English words, O and l
 * among them; what follows the name of a messenger or network and looks like an id, or is said to be one. Full-width letters and signs are read as
 * ordinary ones; what is invisible goes first. Names that are plain words, and streets, stay: nothing here can tell them from other words. Blanks and control characters become one
 * blank.
 */
#ifndef GLINT_EXCERPT_H
#define GLINT_EXCERPT_H

#include <stddef.h>

#include "text.h"

enum { EXCERPT_LOOK_BYTES = 512 }; /* of the text; what is behind is never shown */

/* Into to[max], max >= 8; returns its bytes, valid UTF-8 when the text is; 0: nothing is left to show. A text that is cut ends with "…". Not longer
 * than max. No terminating zero. */
size_t excerpt_make(struct text text, struct text user_id, char *to, size_t max);

#endif
