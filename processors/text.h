/* A slice of bytes that somebody else owns. data == NULL means "absent"; size is in bytes; no terminating zero. */
#ifndef GLINT_TEXT_H
#define GLINT_TEXT_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct text {
	const char *data; /* borrowed; NULL = absent (an empty text has data != NULL and size == 0) */
	uint32_t size;    /* bytes */
};

#define TEXT(literal) ((struct text){ (literal), sizeof(literal) - 1 })

static inline struct text text_of(const char *s)
{
	return (struct text){ s, s ? (uint32_t)strlen(s) : 0 };
}

static inline bool text_equal(struct text a, struct text b)
{
	return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* The order of bytes, as memcmp; a text that begins another comes first. */
static inline int text_compare(struct text a, struct text b)
{
	uint32_t n = a.size < b.size ? a.size : b.size;
	int order = n ? memcmp(a.data, b.data, n) : 0;
	return order ? order : (a.size > b.size) - (a.size < b.size);
}

#endif
