/* A short piece of a review's text that may be shown to the shop's people: cut, and freed of what points to a person.
 *
 * Taken out, each with a mark (...) in its place:
 *   the writer's own user id, in any case and any of Unicode's ways to write the same letters (NFKD, case folded; all dashes are one, and all blanks).
 *     One of one or two characters (two Chinese ones are enough) or of digits alone only as a word of its own, and one that is a plain
 *     number of up to three digits not at all: "size 77" says nothing of shopper 77
 *   mail addresses (local parts with ' and &, quoted, in other scripts, too) and @names; links, and hosts of common top-level domains; both also
 *     when their signs are written out (ann at mail dot com, ann(@)mail.com, 艾特, 点)
 *   numbers of six digits and more with up to three blanks or marks between them (telephones, cards, QQ), in figures of any script, circled, Chinese
 *     numerals or English words, O and l among them; words of letters and five digits in a row and more (AB12345); what has four digits behind "order", 订单号, ...
 *   what follows the name of a messenger or network and is five characters with a digit or _, or three behind a colon, "id" or 号, or a word of five
 *     letters that is no ordinary one (a list, and endings such as -less, -ment). "line" and "signal" are words as well: a word behind them goes
 *     when it is said to be "my line is ..."
 * Full-width letters and signs are read as ordinary ones; what is invisible goes first. Names that are plain words, and streets, stay: nothing here can tell
 * them from other words. Blanks and control characters become one blank.
 */
#ifndef GLINT_EXCERPT_H
#define GLINT_EXCERPT_H

#include <stddef.h>

#include "text.h"

enum { EXCERPT_LOOK_BYTES = 512, /* of the text; what is behind is never shown */
	EXCERPT_WORDS_BYTES = 4096 };

/* Into to[max], max >= 8; returns its bytes, valid UTF-8 when the text is; 0: nothing is left to show. A text that is cut ends with "…". Not longer
 * than max. No terminating zero. */
size_t excerpt_make(struct text text, struct text user_id, char *to, size_t max);

/* The same of the text's first EXCERPT_WORDS_BYTES, for whoever counts words: not cut, with a full stop in place of what goes. Into
 * to[EXCERPT_WORDS_BYTES]; returns its bytes. */
size_t excerpt_words(struct text text, struct text user_id, char *to);

#endif
