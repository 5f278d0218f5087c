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

/* Whether n bytes are the same; for ids, which are short: a call of memcmp costs more than the comparison. */
static inline bool text_same_bytes(const char *a, const char *b, uint32_t n)
{
	uint64_t x, y;
	if (n >= 8) {
		for (uint32_t i = 0; i + 8 < n; i += 8) {
			memcpy(&x, a + i, 8);
			memcpy(&y, b + i, 8);
			if (x != y)
				return false;
		}
		memcpy(&x, a + n - 8, 8);
		memcpy(&y, b + n - 8, 8);
		return x == y;
	}
	if (n >= 4) {
		uint32_t u[2], v[2];
		memcpy(&u[0], a, 4);
		memcpy(&u[1], a + n - 4, 4);
		memcpy(&v[0], b, 4);
		memcpy(&v[1], b + n - 4, 4);
		return u[0] == v[0] && u[1] == v[1];
	}
	for (uint32_t i = 0; i < n; i++)
		if (a[i] != b[i])
			return false;
	return true;
}

static inline bool text_equal(struct text a, struct text b)
{
	return a.size == b.size && text_same_bytes(a.data, b.data, a.size);
}

/* The order of bytes, as memcmp; a text that begins another comes first. */
static inline int text_compare(struct text a, struct text b)
{
	uint32_t n = a.size < b.size ? a.size : b.size;
	int order = n ? memcmp(a.data, b.data, n) : 0;
	return order ? order : (a.size > b.size) - (a.size < b.size);
}

#endif
