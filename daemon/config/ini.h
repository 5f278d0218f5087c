/* Reads INI text line by line through libinih, with what it lacks: line numbers, every bad line, lines of any length up to a bound.
 *
 * [section], name = value (or name: value), comments from ';' or '#' at the start of a line and from " ;" behind a value. A line
 * stands for itself: indentation means nothing, and there are no continued lines. Knows nothing of what the names mean.
 */
#ifndef GLINT_INI_H
#define GLINT_INI_H

#include <stddef.h>

#define INI_LINE_BYTES ((size_t)65536) /* longer lines are errors */

/* Called in the order of the file; texts are borrowed for the call. Lines count from 1. */
struct ini_calls {
	void (*section)(void *to, const char *section, int line);
	void (*pair)(void *to, const char *section, const char *name, const char *value, int line); /* section "" before the first */
	void (*wrong)(void *to, int line, const char *sentence);
};

/* text: size bytes and a NUL behind them. 0, or -ENOMEM; what is wrong in the text goes to calls->wrong. Not for two threads at a
 * time: libinih's limits are variables of the whole process. */
int ini_read(const char *text, size_t size, const struct ini_calls *calls, void *to);

#endif
