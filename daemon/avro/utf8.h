/* UTF-8 validity, eight or sixteen bytes at a time while they are ASCII.
 *
 * Accepts what Unicode 15, table 3-7, calls well-formed: no surrogates, no overlong forms, nothing above U+10FFFF. Control
 * characters are U+0000-001F, U+007F and U+0080-009F.
 */
#ifndef GLINT_AVRO_UTF8_H
#define GLINT_AVRO_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define UTF8_ONES 0x0101010101010101ULL
#define UTF8_HIGHS (0x80 * UTF8_ONES)

static inline uint64_t utf8_load(const uint8_t *p)
{
	uint64_t word;

	memcpy(&word, p, 8);
	return word;
}

/* High bits where an ASCII byte is a control character. Exact as to whether there is any: a borrow can only come from a lower
 * byte that is one. Bytes >= 0x80 must be told apart first. */
static inline uint64_t utf8_controls(uint64_t word)
{
	return ((word - 0x20 * UTF8_ONES) | ((word ^ (0x7f * UTF8_ONES)) - UTF8_ONES)) & ~word & UTF8_HIGHS;
}

#ifdef __SSE2__
/* Bits of the bytes that are ASCII control characters. */
static inline unsigned utf8_controls16(__m128i x)
{
	__m128i low = _mm_cmpeq_epi8(_mm_min_epu8(x, _mm_set1_epi8(0x1f)), x), del = _mm_cmpeq_epi8(x, _mm_set1_epi8(0x7f));

	return (unsigned)_mm_movemask_epi8(_mm_or_si128(low, del));
}
#endif

/* Any well-formed text; *ret_control: whether it holds a control character. */
static inline bool utf8_valid_slow(const uint8_t *s, size_t n, bool *ret_control)
{
	const uint8_t *end = s + n;
	bool control = false;

	while (s < end) {
		uint8_t lead = *s++, lo = 0x80, hi = 0xbf;
		int more;
		if (lead < 0x80) {
			control |= lead < 0x20 || lead == 0x7f;
			continue;
		}
		if (lead >= 0xc2 && lead <= 0xdf) {
			more = 1;
			if (s < end && lead == 0xc2 && *s < 0xa0)
				control = true;
		} else if (lead >= 0xe0 && lead <= 0xef) {
			more = 2;
			if (lead == 0xe0)
				lo = 0xa0;
			else if (lead == 0xed)
				hi = 0x9f;
		} else if (lead >= 0xf0 && lead <= 0xf4) {
			more = 3;
			if (lead == 0xf0)
				lo = 0x90;
			else if (lead == 0xf4)
				hi = 0x8f;
		} else {
			return false;
		}
		if (end - s < more || s[0] < lo || s[0] > hi)
			return false;
		for (int i = 1; i < more; i++)
			if ((s[i] & 0xc0) != 0x80)
				return false;
		s += more;
	}
	*ret_control = control;
	return true;
}

/* Whether s[n] is ASCII; then *ret_controls tells whether it holds control characters (not 0). Of the bytes from s, `readable` >= n
 * may be read: where they reach, sixteen are taken at once. */
static inline __attribute__((always_inline)) bool utf8_ascii(const uint8_t *s, size_t n, size_t readable, uint64_t *ret_controls)
{
	uint64_t word, high, controls;

#ifdef __SSE2__
	if (__builtin_expect(n <= 16 && readable >= 16, 1)) {
		__m128i x = _mm_loadu_si128((const __m128i *)s);
		unsigned text = (1u << n) - 1;
		*ret_controls = utf8_controls16(x) & text;
		return !((unsigned)_mm_movemask_epi8(x) & text);
	}
	if (n >= 16) {
		/* the last sixteen bytes overlap with those before */
		__m128i x = _mm_loadu_si128((const __m128i *)(s + n - 16)), any = x;
		unsigned found = utf8_controls16(x);
		for (size_t i = 0; i + 16 < n; i += 16) {
			x = _mm_loadu_si128((const __m128i *)(s + i));
			any = _mm_or_si128(any, x);
			found |= utf8_controls16(x);
		}
		*ret_controls = found;
		return !_mm_movemask_epi8(any);
	}
#else
	(void)readable;
#endif
	if (n < 8) {
		word = 0x20 * UTF8_ONES << (8 * n);
		for (size_t i = 0; i < n; i++)
			word |= (uint64_t)s[i] << (8 * i);
		*ret_controls = utf8_controls(word);
		return !(word & UTF8_HIGHS);
	}
	high = word = utf8_load(s + n - 8);
	controls = utf8_controls(word);
	for (size_t i = 0; i + 8 < n; i += 8) {
		word = utf8_load(s + i);
		high |= word;
		controls |= utf8_controls(word);
	}
	*ret_controls = controls;
	return !(high & UTF8_HIGHS);
}

#endif
