/* Walking UTF-8 one code point at a time, never past the end, never stuck: a byte that begins nothing valid is U+FFFD by itself. */
#ifndef GLINT_UTF8_H
#define GLINT_UTF8_H

#include <stddef.h>
#include <stdint.h>
#include <utf8proc.h>

/* The code point at p (p < end) and the bytes that it takes, 1..4. */
static inline size_t utf8_next(const char *p, const char *end, uint32_t *ret_c)
{
	if ((unsigned char)*p < 0x80) {
		*ret_c = (unsigned char)*p;
		return 1;
	}
	utf8proc_int32_t c;
	utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)p, end - p, &c);
	*ret_c = n > 0 ? (uint32_t)c : 0xfffd;
	return n > 0 ? (size_t)n : 1;
}

#endif
