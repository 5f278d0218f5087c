/* UTF-8 validity, eight bytes at a time while they are ASCII.
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

/* Is s[n] ASCII without control characters (controls == 0 afterwards) or at least ASCII? `readable` bytes from s may be read. */
static inline bool utf8_ascii(const uint8_t *s, size_t n, size_t readable, uint64_t *ret_controls)
{
	uint64_t high, controls, word;
	size_t i = 0;

	if (n >= 8) {
		word = utf8_load(s + n - 8);
		high = word;
		controls = utf8_controls(word);
		for (; i + 8 < n; i += 8) {
			word = utf8_load(s + i);
			high |= word;
			controls |= utf8_controls(word);
		}
	} else {
		if (readable >= 8) {
			word = n ? utf8_load(s) & (~0ULL >> (64 - 8 * n)) : 0;
		} else {
			word = 0;
			for (; i < n; i++)
				word |= (uint64_t)s[i] << (8 * i);
		}
		word |= (0x20 * UTF8_ONES) << (8 * n); /* n <= 7; spaces above the text */
		high = word;
		controls = utf8_controls(word);
	}
	*ret_controls = controls;
	return !(high & UTF8_HIGHS);
}

#endif
