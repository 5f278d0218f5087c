/* Walking UTF-8 one code point at a time, never past the end, never stuck: a byte that begins nothing valid is U+FFFD by itself. */
#ifndef GLINT_UTF8_H
#define GLINT_UTF8_H

#include <stdbool.h>
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
	if ((unsigned char)*p >= 0xe1 && (unsigned char)*p <= 0xef && (unsigned char)*p != 0xed && end - p >= 3 && ((unsigned char)p[1] & 0xc0) == 0x80 &&
		((unsigned char)p[2] & 0xc0) == 0x80) { /* three bytes, neither overlong nor a surrogate: most of Chinese */
		*ret_c = ((uint32_t)(unsigned char)*p & 0xf) << 12 | ((uint32_t)(unsigned char)p[1] & 0x3f) << 6 | ((uint32_t)(unsigned char)p[2] & 0x3f);
		return 3;
	}
	utf8proc_int32_t c;
	utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)p, end - p, &c);
	*ret_c = n > 0 ? (uint32_t)c : 0xfffd;
	return n > 0 ? (size_t)n : 1;
}

/* The usual marks of Chinese and of set text, which are no letters: told without asking the tables. */
static inline bool utf8_is_mark(uint32_t c)
{
	return (c >= 0xff01 && c <= 0xff0f) || (c >= 0xff1a && c <= 0xff20) || (c >= 0x3001 && c <= 0x3003) || (c >= 0x2010 && c <= 0x2027);
}

#endif
