/* See han.h. */
#include "han.h"

#include "han_table.h"

enum { BYTES = 3 };

/* Of the three bytes of a character from HAN_FIRST to U+9FFF, the only ones that begin with 0xe4 to 0xe9; below HAN_FIRST: beyond the tables. */
static inline uint32_t number_of(const unsigned char *at)
{
	return ((at[0] & 0xfu) << 12 | (at[1] & 0x3fu) << 6 | (at[2] & 0x3fu)) - HAN_FIRST;
}

static inline bool is_traditional(const unsigned char *at)
{
	uint32_t number = number_of(at);
	return number < sizeof(traditional) * 8 && traditional[number / 64] >> number % 64 & 1 && (at[1] & 0xc0) == 0x80 && (at[2] & 0xc0) == 0x80;
}

/* Where the first one at or behind `from` is; size when there is none. */
static size_t next_traditional(const char *text, size_t from, size_t size)
{
	const unsigned char *at = (const unsigned char *)text;
	for (size_t i = from; i + BYTES <= size;) {
		if (at[i] < 0xe4 || at[i] > 0xe9) {
			i++;
			continue;
		}
		if (is_traditional(at + i))
			return i;
		i += BYTES;
	}
	return size;
}

bool han_traditional(const char *text, size_t size)
{
	return next_traditional(text, 0, size) < size;
}

bool han_simplify(char *text, size_t size)
{
	size_t first = next_traditional(text, 0, size);
	for (size_t i = first; i < size; i = next_traditional(text, i + BYTES, size)) {
		uint16_t to = simplified[number_of((const unsigned char *)text + i)];
		text[i] = (char)(0xe0 | to >> 12);
		text[i + 1] = (char)(0x80 | (to >> 6 & 0x3f));
		text[i + 2] = (char)(0x80 | (to & 0x3f));
	}
	return first < size;
}
