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
	if ((unsigned char)*p >= 0xe1 && (unsigned char)*p <= 0xec && end - p >= 3 && ((unsigned char)p[1] & 0xc0) == 0x80 &&
		((unsigned char)p[2] & 0xc0) == 0x80) { /* three bytes, neither overlong nor a surrogate: most of Chinese */
		*ret_c = ((uint32_t)(unsigned char)*p & 0xf) << 12 | ((uint32_t)(unsigned char)p[1] & 0x3f) << 6 | ((uint32_t)(unsigned char)p[2] & 0x3f);
		return 3;
	}
	utf8proc_int32_t c;
	utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)p, end - p, &c);
	*ret_c = n > 0 ? (uint32_t)c : 0xfffd;
	return n > 0 ? (size_t)n : 1;
}

#endif
