/* See excerpt.h. */
#include "excerpt.h"

#include "excerpt_take.h"
#include "utf8.h"

static const char dots[] = "…";
enum { DOTS = sizeof(dots) - 1,
	POINTS = 18, /* that one character folds to, at most */
	ID_POINTS = 1024,
	LONGEST_NUMBER = 3 }; /* as an id, that is not taken out */

static bool invisible(uint32_t c) /* and what makes a key of a digit, or turns the direction */
{
	return c == 0x20e3 || (c >= 0xad && utf8proc_get_property((utf8proc_int32_t)c)->ignorable);
}

static bool blank(uint32_t c)
{
	return c <= ' ' || c == 0x7f || c == 0x85 || c == 0xa0 || c == 0x3000 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f;
}

/* Letters, digits and @ . - _ + / in full width become ordinary, blanks of all kinds and control characters one blank, what nobody sees goes. */
static void look_at(struct look *l, struct text text)
{
	const char *end = text.data + text.size;
	l->n = 0;
	for (const char *at = text.data; at < end;) {
		uint32_t c;
		size_t bytes = utf8_next(at, end, &c);
		uint32_t narrow = c >= 0xff01 && c <= 0xff5e ? c - 0xfee0 : 0;
		if (blank(c)) {
			if (l->n && l->s[l->n - 1] != ' ')
				l->s[l->n++] = ' ';
		} else if (narrow && (is_letter((char)narrow) || is_digit((char)narrow) || strchr("@.-_+/", (int)narrow))) {
			l->s[l->n++] = (char)narrow;
		} else if (!invisible(c)) {
			for (size_t b = 0; b < bytes; b++)
				l->s[l->n++] = at[b];
		}
		at += bytes;
	}
	memset(l->out, 0, l->n * sizeof(*l->out));
}

/* ---- the writer's id ---- */

struct folded {
	utf8proc_int32_t points[ID_POINTS];
	int n;
	bool whole; /* only as a word of its own */
};

/* The character at `at` as it is compared: how many code points; 0: none. */
static int fold(const struct look *l, size_t at, utf8proc_int32_t points[POINTS], size_t *ret_bytes)
{
	uint32_t c;
	int class = UTF8PROC_BOUNDCLASS_START;
	*ret_bytes = utf8_next(l->s + at, l->s + l->n, &c);
	if (c >= 'A' && c <= 'Z')
		c += 'a' - 'A';
	else if ((c >= 0x2010 && c <= 0x2015) || c == 0x2212)
		c = '-';
	points[0] = (utf8proc_int32_t)c;
	if (c < 0x80)
		return 1;
	utf8proc_ssize_t n = utf8proc_decompose_char((utf8proc_int32_t)c, points, POINTS, UTF8PROC_STABLE | UTF8PROC_COMPAT | UTF8PROC_DECOMPOSE | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE, &class);
	return n >= 0 && n <= POINTS ? (int)n : 0;
}

static bool is_han(uint32_t c)
{
	return c >= 0x2e80 && utf8proc_category((utf8proc_int32_t)c) == UTF8PROC_CATEGORY_LO;
}

/* Does the character at `at` go on with a word of letters of the alphabet, or of Chinese ones? */
static bool goes_on(const struct look *l, size_t at, bool han)
{
	uint32_t c;
	utf8_next(l->s + at, l->s + l->n, &c);
	utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)c);
	return c == '_' || (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_NO && is_han(c) == han);
}

static size_t before(const struct look *l, size_t at)
{
	while (--at > 0 && ((unsigned char)l->s[at] & 0xc0) == 0x80)
		;
	return at;
}

/* Where the id ends that begins at `at`; 0: it does not. */
static size_t id_end(const struct look *l, size_t at, const struct folded *id)
{
	for (int n = 0; n < id->n;) {
		utf8proc_int32_t points[POINTS];
		size_t bytes;
		if (at >= l->n)
			return 0;
		int got = fold(l, at, points, &bytes);
		at += bytes;
		if (got > id->n - n || (!n && !got) || memcmp(points, id->points + n, (size_t)got * sizeof(*points)) != 0)
			return 0;
		n += got;
	}
	return at;
}

/* false: not one to look for. */
static bool fold_id(struct look *l, struct text id, struct folded *f)
{
	int characters = 0, digits = 0, han = 0;
	look_at(l, (struct text){ id.data, id.size > EXCERPT_LOOK_BYTES ? EXCERPT_LOOK_BYTES : id.size });
	f->n = 0;
	for (size_t at = 0, bytes; at < l->n && f->n + POINTS <= ID_POINTS; at += bytes, characters++) {
		uint32_t c;
		utf8_next(l->s + at, l->s + l->n, &c);
		han += is_han(c);
		digits += is_digit(l->s[at]);
		f->n += fold(l, at, f->points + f->n, &bytes);
	}
	f->whole = (characters <= 2 && han < 2) || digits == characters;
	return f->n && !(digits == characters && digits <= LONGEST_NUMBER);
}

static void take_id(struct look *l, struct text user_id)
{
	struct look of_id;
	struct folded id;
	if (!user_id.size || !fold_id(&of_id, user_id, &id))
		return;
	for (size_t at = 0, end, bytes; at < l->n; at += bytes) {
		uint32_t first, last;
		bytes = utf8_next(l->s + at, l->s + l->n, &first);
		if (first < 0x80 && id.points[0] < 0x80 && id.points[0] != (first >= 'A' && first <= 'Z' ? (int)first + 32 : (int)first)) /* most */
			continue;
		if (!(end = id_end(l, at, &id)))
			continue;
		utf8_next(l->s + before(l, end), l->s + l->n, &last);
		if (!id.whole || !((at && goes_on(l, before(l, at), is_han(first))) || (end < l->n && goes_on(l, end, is_han(last)))))
			take(l, at, end);
	}
}

/* ---- what is left ---- */

static size_t whole(const char *s, size_t n) /* n, less a character that would be cut */
{
	size_t at = n, back = 0;
	while (at > 0 && back < 4 && ((unsigned char)s[at - 1] & 0xc0) == 0x80)
		at--, back++;
	if (!at)
		return 0;
	unsigned char first = (unsigned char)s[at - 1];
	size_t wants = first >= 0xf0 ? 4 : first >= 0xe0 ? 3
		: first >= 0xc0                          ? 2
							 : 1;
	return wants <= back + 1 ? n : at - 1;
}

static void look_through(struct look *l, struct text text, struct text user_id, size_t max)
{
	look_at(l, (struct text){ text.data, text.size > max ? (uint32_t)whole(text.data, max) : text.size });
	take_id(l, user_id);
	take_written(l);
	take_addresses(l);
	take_links(l);
	take_numbers(l);
	take_codes(l);
	take_messengers(l);
}

size_t excerpt_words(struct text text, struct text user_id, char *to)
{
	struct look l;
	size_t n = 0;
	look_through(&l, text, user_id, EXCERPT_WORDS_BYTES);
	for (size_t i = 0; i < l.n; i++)
		if (!l.out[i])
			to[n++] = l.s[i];
		else if (!i || !l.out[i - 1])
			to[n++] = '.';
	return n;
}

size_t excerpt_make(struct text text, struct text user_id, char *to, size_t max)
{
	struct look l;
	look_through(&l, text, user_id, EXCERPT_LOOK_BYTES);

	char clean[EXCERPT_LOOK_BYTES * DOTS];
	size_t n = 0;
	bool words = false;
	for (size_t i = 0; i < l.n; i++) {
		unsigned char c = (unsigned char)l.s[i];
		if (l.out[i]) {
			if (!i || !l.out[i - 1]) {
				memcpy(clean + n, dots, DOTS);
				n += DOTS;
			}
		} else if (c != ' ' || (n && clean[n - 1] != ' ')) {
			clean[n++] = (char)c;
			words |= c >= 0x80 || is_letter((char)c);
		}
	}
	while (n && clean[n - 1] == ' ')
		n--;
	if (!words)
		return 0;
	if (n <= max && text.size <= EXCERPT_LOOK_BYTES) {
		memcpy(to, clean, n);
		return n;
	}
	size_t cut = whole(clean, n < max - DOTS ? n : max - DOTS), blank = cut;
	while (cut < n && blank > cut * 2 / 3 && clean[blank] != ' ')
		blank--;
	if (cut < n && clean[blank] == ' ')
		cut = blank;
	memcpy(to, clean, cut);
	memcpy(to + cut, dots, DOTS);
	return cut + DOTS;
}
