/* See vader.h. One pass makes tokens (what the rules ask of a word is looked up once), one scores them from left to right. */
#include "vader.h"

#include <errno.h>
#include <stdlib.h>

#include "utf8.h"

#define CAPITALS 0.733 /* added to the size of a word in capitals among others that are not */
#define NEGATION (-0.74)
#define FIRST_EQUAL_MAX 2048 /* words of a text with "but" whose first equal is looked for */
#define SHORTENED_MAX 32     /* bytes of a word whose stretched letters are shortened */
#define TOKENS_MAX (SENTIMENT_TEXT_MAX / 2 + 1)

enum keyword { OTHER,
	AT,
	BUT,
	DOUBT,
	KIND,
	LEAST,
	NEVER,
	NO,
	NOR,
	OF,
	OR,
	SO,
	THIS,
	VERY,
	WITHOUT };

struct token {
	const char *lower; /* lower-cased; all tokens stand in one buffer with single spaces between them */
	uint32_t size;
	uint8_t keyword;
	bool scored;  /* has a valence of its own: "in the lexicon" */
	bool capital; /* Python's isupper */
	bool negates;
	bool begins_idiom;                 /* its first word begins an idiom or a booster of several words */
	bool broken;                       /* punctuation was stripped behind it, or before the next: no phrase goes across */
	const struct lexicon_entry *entry; /* NULL: the lexicon knows nothing of it */
	double valence, negation;
};

struct vader {
	const char *read;                       /* what is read: `text`, or the caller's where no emoji can be in it */
	char text[SENTIMENT_TEXT_MAX + 4];      /* emoji replaced */
	char lower[2 * SENTIMENT_TEXT_MAX + 8]; /* lower-casing makes a character longer by half at most */
	struct token tokens[TOKENS_MAX + 1];
	double values[TOKENS_MAX + 1];
	size_t n_tokens;
	bool mixed_capitals; /* some tokens are in capitals, not all */
	bool own;            /* the lexicon has phrases, as none of VADER's has: text is read as vader.h says beyond the original */
};

int vader_create(struct vader **ret)
{
	struct vader *v = malloc(sizeof(*v));
	if (!v)
		return -ENOMEM;
	*ret = v;
	return 0;
}

void vader_destroy(struct vader *v)
{
	free(v);
}

/* --- characters, as Python's str sees them --- */

static bool is_space(uint32_t c)
{
	if (c > 0x20 && c < 0x85)
		return false;
	return (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x20) || c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) ||
		c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

/* Bytes of the white space at `at`; 0 when there is none. */
static inline size_t space_at(const char *at, const char *end)
{
	uint32_t c = (unsigned char)*at;
	if (c > 0x20 && c < 0x80)
		return 0;
	size_t n = utf8_next(at, end, &c);
	return is_space(c) ? n : 0;
}

static inline size_t character_size(const char *at, const char *end)
{
	uint32_t c;
	return utf8_next(at, end, &c);
}

static bool is_punctuation(char c) /* string.punctuation: ASCII's */
{
	return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') || (c >= '{' && c <= '~');
}

static bool between(const uint32_t (*ranges)[2], size_t n, uint32_t c)
{
	for (size_t i = 0; i < n; i++)
		if (c >= ranges[i][0] && c <= ranges[i][1])
			return true;
	return false;
}

/* Unicode's derived properties Uppercase and Lowercase: the general category and Other_Uppercase, Other_Lowercase (PropList). */
static const uint32_t other_upper[][2] = { { 0x2160, 0x216f }, { 0x24b6, 0x24cf }, { 0x1f130, 0x1f149 }, { 0x1f150, 0x1f169 },
	{ 0x1f170, 0x1f189 } };
static const uint32_t other_lower[][2] = { { 0xaa, 0xaa }, { 0xba, 0xba }, { 0x2b0, 0x2b8 }, { 0x2c0, 0x2c1 }, { 0x2e0, 0x2e4 },
	{ 0x345, 0x345 }, { 0x37a, 0x37a }, { 0x1d2c, 0x1d6a }, { 0x1d78, 0x1d78 }, { 0x1d9b, 0x1dbf }, { 0x2071, 0x2071 },
	{ 0x207f, 0x207f }, { 0x2090, 0x209c }, { 0x2170, 0x217f }, { 0x24d0, 0x24e9 }, { 0x2c7c, 0x2c7d }, { 0xa69c, 0xa69d },
	{ 0xa770, 0xa770 }, { 0xa7f8, 0xa7f9 }, { 0xab5c, 0xab5f }, { 0x10780, 0x10780 }, { 0x10783, 0x10785 }, { 0x10787, 0x107b0 },
	{ 0x107b2, 0x107ba } };

static int case_of(uint32_t c) /* 1 upper, -1 lower or title, 0 neither; not for ASCII */
{
	if (c < 0x80)
		return c >= 'A' && c <= 'Z' ? 1 : c >= 'a' && c <= 'z' ? -1
								       : 0;
	utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)c);
	if (category == UTF8PROC_CATEGORY_LU || between(other_upper, sizeof(other_upper) / sizeof(*other_upper), c))
		return 1;
	if (category == UTF8PROC_CATEGORY_LL || category == UTF8PROC_CATEGORY_LT ||
		between(other_lower, sizeof(other_lower) / sizeof(*other_lower), c))
		return -1;
	return 0;
}

static bool is_letter(uint32_t c)
{
	utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)c);
	return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
}

/* --- text: emoji become words --- */

static bool is_ascii(struct text t)
{
	uint64_t all = 0, eight;
	uint32_t i = 0;
	for (; i + 8 <= t.size; i += 8) {
		memcpy(&eight, t.data + i, 8);
		all |= eight;
	}
	for (; i < t.size; i++)
		all |= (unsigned char)t.data[i];
	return !(all & 0x8080808080808080u);
}

static size_t append(struct vader *v, size_t at, const char *bytes, size_t size)
{
	if (at + size > SENTIMENT_TEXT_MAX)
		return 0;
	memcpy(v->text + at, bytes, size);
	return at + size;
}

/* What typographic marks are read as, with a lexicon of our own: apostrophes as ', others as a space. 0: as themselves. */
static char plain_mark(uint32_t c)
{
	switch (c) {
	case 0x2018:
	case 0x2019:
	case 0x02bc:
	case 0xff07:
		return '\'';
	case 0x00ab:
	case 0x00bb:
	case 0x2013:
	case 0x2014:
	case 0x201c:
	case 0x201d:
	case 0x201e:
	case 0x2026:
		return ' ';
	default:
		return 0;
	}
}

/* A description gets a space before it but none behind, as in the original; an emoji with a valence stands alone, without the
 * variation selectors, skin tones and joiners that follow it. */
static size_t replace_emoji(struct vader *v, const struct lexicon *emoji, struct text text)
{
	if (is_ascii(text) && text.size <= SENTIMENT_TEXT_MAX) {
		v->read = text.size ? text.data : "";
		return text.size;
	}
	v->read = v->text;
	bool space = true, ornament = false;
	size_t size = 0;
	const char *at = text.size ? text.data : "", *end = at + text.size;
	while (at < end) {
		const char *run = at;
		while (at < end && (unsigned char)*at < 0x80)
			at++;
		if (at > run) { /* ASCII holds no emoji: copied in one piece, or as much of it as fits */
			size_t n = (size_t)(at - run), left = SENTIMENT_TEXT_MAX - size;
			memcpy(v->text + size, run, n < left ? n : left);
			size += n < left ? n : left;
			if (n >= left)
				break;
			space = at[-1] == ' ';
			ornament = false;
			continue;
		}
		uint32_t c;
		size_t n = utf8_next(at, end, &c), before = size;
		const struct lexicon_entry *e = lexicon_starts(emoji, c) & LEXICON_ALONE ? lexicon_find(emoji, at, n) : NULL;
		if (ornament && (c == 0xfe0f || c == 0x200d || (c >= 0x1f3fb && c <= 0x1f3ff))) {
			at += n;
			continue;
		}
		if (lexicon_has(e, LEXICON_EMOJI)) {
			ornament = e->description.data == NULL;
			struct text t = ornament ? e->term : e->description;
			if (size + t.size + 2 > SENTIMENT_TEXT_MAX)
				break;
			if (!space)
				v->text[size++] = ' ';
			size = append(v, size, t.data, t.size);
			if (ornament)
				v->text[size++] = ' ';
			space = ornament;
		} else {
			char plain = v->own ? plain_mark(c) : 0;
			size = plain ? append(v, size, &plain, 1) : append(v, size, at, n);
			if (size == 0) {
				size = before;
				break;
			}
			space = c == ' ' || plain == ' ';
			ornament = false;
		}
		at += n;
	}
	return size;
}

/* --- tokens --- */

static enum keyword keyword_of(struct text t)
{
	static const struct {
		struct text word;
		enum keyword keyword;
	} words[] = { { { "at", 2 }, AT }, { { "but", 3 }, BUT }, { { "doubt", 5 }, DOUBT }, { { "kind", 4 }, KIND }, { { "least", 5 }, LEAST },
		{ { "never", 5 }, NEVER }, { { "no", 2 }, NO }, { { "nor", 3 }, NOR }, { { "of", 2 }, OF }, { { "or", 2 }, OR }, { { "so", 2 }, SO },
		{ { "this", 4 }, THIS }, { { "very", 4 }, VERY }, { { "without", 7 }, WITHOUT } };
	static const struct {
		uint8_t from, n;
	} by_first[26] = { ['a' - 'a'] = { 0, 1 }, ['b' - 'a'] = { 1, 1 }, ['d' - 'a'] = { 2, 1 }, ['k' - 'a'] = { 3, 1 }, ['l' - 'a'] = { 4, 1 }, ['n' - 'a'] = { 5, 3 },
		['o' - 'a'] = { 8, 2 }, ['s' - 'a'] = { 10, 1 }, ['t' - 'a'] = { 11, 1 }, ['v' - 'a'] = { 12, 1 }, ['w' - 'a'] = { 13, 1 } };
	if (t.size < 2 || t.size > 7 || t.data[0] < 'a' || t.data[0] > 'z')
		return OTHER;
	for (size_t i = by_first[t.data[0] - 'a'].from, n = by_first[t.data[0] - 'a'].n; n > 0; i++, n--)
		if (text_equal(words[i].word, t))
			return words[i].keyword;
	return OTHER;
}

static size_t put(char *to, uint32_t c)
{
	return (size_t)utf8proc_encode_char((utf8proc_int32_t)c, (utf8proc_uint8_t *)to);
}

/* Lower-cases as str.lower: simple mappings, dotted capital I in two characters, and sigma at a word's end. */
static size_t lower_case(const char *at, const char *end, char *to, bool *ret_capital)
{
	char *start = to;
	bool upper = false, other = false;
	uint32_t c = 0, previous = 0;
	for (; at < end; previous = c) {
		if ((c = (unsigned char)*at) < 0x80) {
			bool capital = c >= 'A' && c <= 'Z';
			upper |= capital;
			other |= c >= 'a' && c <= 'z';
			*to++ = (char)(capital ? c | 0x20 : c);
			at++;
			continue;
		}
		size_t n = utf8_next(at, end, &c);
		int which = case_of(c);
		upper |= which > 0;
		other |= which < 0;
		if (c == 0xfffd) {
			memcpy(to, at, n);
			to += n;
		} else if (c == 0x130) {
			*to++ = 'i';
			to += put(to, 0x307);
		} else if (c == 0x3a3) {
			uint32_t next = 0;
			if (at + n < end)
				utf8_next(at + n, end, &next);
			to += put(to, is_letter(previous) && !is_letter(next) ? 0x3c2 : 0x3c3);
		} else {
			to += put(to, (uint32_t)utf8proc_tolower((utf8proc_int32_t)c));
		}
		at += n;
	}
	*ret_capital = upper && !other;
	return (size_t)(to - start);
}

static size_t longer_than_two(const char *at, const char *end)
{
	size_t n = 0;
	for (uint32_t c; at < end && n < 3; n++)
		at += utf8_next(at, end, &c);
	return n > 2;
}

static bool has_nt(const char *p, size_t n)
{
	for (const char *at = p; n >= 3 && (at = memchr(at, '\'', n - (size_t)(at - p))) != NULL; at++)
		if (at > p && at[-1] == 'n' && at + 1 < p + n && at[1] == 't')
			return true;
	return false;
}

/* apostrophe: false when there is none in the token. */
static void look_up(struct token *t, const struct lexicon *lexicon, const struct lexicon *emoji, bool apostrophe)
{
	const struct lexicon_entry *e = lexicon_find(lexicon, t->lower, t->size);
	t->entry = e;
	t->begins_idiom |= e && e->begins_idiom; /* of a phrase: its first word's, kept */
	t->keyword = (uint8_t)keyword_of((struct text){ t->lower, t->size });
	t->scored = e && (e->sections & (1u << LEXICON_WORD | 1u << LEXICON_PHRASE));
	t->valence = t->scored ? e->valence : 0;
	t->negates = lexicon_has(e, LEXICON_NEGATION);
	t->negation = t->negates ? e->negation : NEGATION;
	t->negates = t->negates || (apostrophe && has_nt(t->lower, t->size));
	if (!t->scored && (unsigned char)t->lower[0] >= 0x80) {
		e = lexicon_find(emoji, t->lower, t->size);
		t->scored = lexicon_has(e, LEXICON_EMOJI) && e->description.data == NULL;
		t->valence = t->scored ? e->emoji : 0;
	}
}

/* What an ASCII byte is to the cutting of tokens. */
enum { SPACE = 1,
	UPPER = 2,
	LOWER = 4,
	PUNCTUATION = 8,
	APOSTROPHE = 16,
	HIGH = 32 };
static const uint8_t kinds[256] = {
	[0x09 ... 0x0d] = SPACE,
	[0x1c ... 0x20] = SPACE,
	['A' ... 'Z'] = UPPER,
	['a' ... 'z'] = LOWER,
	['!' ... '&'] = PUNCTUATION,
	['\''] = PUNCTUATION | APOSTROPHE,
	['(' ... '/'] = PUNCTUATION,
	[':' ... '@'] = PUNCTUATION,
	['[' ... '`'] = PUNCTUATION,
	['{' ... '~'] = PUNCTUATION,
	[0x80 ... 0xff] = HIGH,
};

/* A mark with two letters right before and right behind it ends a sentence, or parts words, without a space: "fit.Bad". */
static bool parts_words(const char *start, const char *at, const char *end)
{
	return strchr(".,!?;/", *at) && at - start >= 2 && end - at > 2 && kinds[(unsigned char)at[-1]] & (UPPER | LOWER) && kinds[(unsigned char)at[-2]] & (UPPER | LOWER) &&
		kinds[(unsigned char)at[1]] & (UPPER | LOWER) && kinds[(unsigned char)at[2]] & (UPPER | LOWER);
}

/* A token of ASCII alone: lower-cased, counted and stripped in one go. Returns its end in the text; NULL when there is more than ASCII in it. own: as in
 * struct vader. */
static const char *ascii_token(const char *at, const char *end, bool own, char *to, uint32_t *ret_size, uint32_t *ret_front, uint32_t *ret_back, uint8_t *ret_kinds)
{
	const char *start = at;
	uint32_t n = 0, front = 0, back = 0;
	uint8_t all = 0, kind;
	for (; at < end && !((kind = kinds[(unsigned char)*at]) & (SPACE | HIGH)); at++) {
		all |= kind;
		if (kind == PUNCTUATION && own && parts_words(start, at, end)) {
			to[n++] = *at++;
			break;
		}
		to[n++] = (char)(kind & UPPER ? *at | 0x20 : *at);
	}
	if (at < end && kinds[(unsigned char)*at] & HIGH)
		return NULL; /* what was cut off at a mark goes on with a letter of ASCII */
	if (all & PUNCTUATION) {
		while (front < n && kinds[(unsigned char)to[front]] & PUNCTUATION)
			front++;
		while (back < n - front && kinds[(unsigned char)to[n - 1 - back]] & PUNCTUATION)
			back++;
		if (n - front - back <= 2)
			front = back = 0;
	}
	*ret_size = n - front - back;
	*ret_front = front;
	*ret_back = back;
	*ret_kinds = all;
	return at;
}

/* Any other token: the way of the original, character by character. */
static const char *other_token(const char *at, const char *end, char *to, uint32_t *ret_size, uint32_t *ret_front, uint32_t *ret_back, bool *ret_capital)
{
	const char *from = at, *first, *last;
	while (at < end && !space_at(at, end))
		at += character_size(at, end);
	for (first = from; first < at && is_punctuation(*first); first++)
		;
	for (last = at; last > first && is_punctuation(last[-1]); last--)
		;
	if (!longer_than_two(first, last))
		first = from, last = at;
	*ret_size = (uint32_t)lower_case(first, last, to, ret_capital);
	*ret_front = (uint32_t)(first - from);
	*ret_back = (uint32_t)(at - last);
	return at;
}

/* Marks at the ends of a word of one or two letters go, too, unless the lexicon knows them as a smiley: "ok.", "thumbs up!". */
static void strip_short(const struct lexicon *lexicon, const char *to, uint32_t *size, uint32_t *front, uint32_t *back)
{
	uint32_t n = *size, f = 0, b = 0;
	if (!(kinds[(unsigned char)to[0]] & PUNCTUATION) && !(kinds[(unsigned char)to[n - 1]] & PUNCTUATION))
		return;
	if (lexicon_find(lexicon, to, n))
		return;
	while (f < n && kinds[(unsigned char)to[f]] & PUNCTUATION)
		f++;
	while (b < n - f && kinds[(unsigned char)to[n - 1 - b]] & PUNCTUATION)
		b++;
	if (f + b == n)
		return;
	*size = n - f - b;
	*front = f;
	*back = b;
}

/* Of an unknown word: a letter three times and more in a row stands for two of it, or for one, whichever the lexicon knows ("Looove"). */
static bool shorten(const struct lexicon *lexicon, char *word, uint32_t *size)
{
	uint32_t run = 0;
	bool stretched = false;
	for (uint32_t i = 0; i < *size && !stretched; i++) {
		run = i && word[i] == word[i - 1] ? run + 1 : 1;
		stretched = run == 3 && kinds[(unsigned char)word[i]] & LOWER;
	}
	if (!stretched || *size > SHORTENED_MAX)
		return false;
	for (uint32_t most = 2; most; most--) {
		char to[SHORTENED_MAX];
		uint32_t n = 0;
		run = 0;
		for (uint32_t i = 0; i < *size; i++) {
			run = i && word[i] == word[i - 1] ? run + 1 : 1;
			if (run <= most)
				to[n++] = word[i];
		}
		if (!lexicon_find(lexicon, to, n))
			continue;
		memcpy(word, to, n);
		*size = n;
		return true;
	}
	return false;
}

static void tokenize(struct vader *v, const struct lexicon *lexicon, const struct lexicon *emoji, size_t size)
{
	const char *at = v->read, *end = v->read + size;
	char *to = v->lower;
	v->n_tokens = 0;
	while (at < end) {
		size_t n = space_at(at, end);
		if (n) {
			at += n;
			continue;
		}
		struct token *t = &v->tokens[v->n_tokens];
		uint32_t front, back;
		uint8_t all = HIGH;
		const char *stop = ascii_token(at, end, v->own, to, &t->size, &front, &back, &all);
		if (stop) {
			if (v->own && all & PUNCTUATION && !front && !back)
				strip_short(lexicon, to, &t->size, &front, &back);
			t->capital = (all & (UPPER | LOWER)) == UPPER;
			if (front)
				memmove(to, to + front, t->size);
			at = stop;
		} else {
			at = other_token(at, end, to, &t->size, &front, &back, &t->capital);
			all = APOSTROPHE;
		}
		if (front && v->n_tokens > 0)
			t[-1].broken = true;
		v->n_tokens++;
		t->broken = back > 0;
		t->begins_idiom = false;
		t->lower = to;
		look_up(t, lexicon, emoji, all & APOSTROPHE);
		if (v->own && !t->entry && shorten(lexicon, to, &t->size))
			look_up(t, lexicon, emoji, all & APOSTROPHE);
		to += t->size;
		*to++ = ' ';
	}
}

/* Words that the lexicon knows as a phrase become one token, the longest phrase first. */
static void join_phrases(struct vader *v, const struct lexicon *lexicon, const struct lexicon *emoji)
{
	size_t n = 0;
	for (size_t i = 0; i < v->n_tokens; n++) {
		const struct token *next = &v->tokens[i + 1];
		size_t most = v->tokens[i].entry ? v->tokens[i].entry->phrase_words : 0, words = 1;
		if (!most || i + 1 == v->n_tokens || !next->size || !(v->tokens[i].entry->seconds & lexicon_second(next->lower, next->size))) {
			if (n < i)
				v->tokens[n] = v->tokens[i];
			i++;
			continue;
		}
		struct token t = v->tokens[i];
		if (most > v->n_tokens - i)
			most = v->n_tokens - i;
		for (size_t k = 1; k < most; k++)
			if (v->tokens[i + k - 1].broken)
				most = k;
		for (size_t k = most; k >= 2; k--) {
			const struct token *last = &v->tokens[i + k - 1];
			size_t size = (size_t)(last->lower + last->size - t.lower);
			if (!lexicon_has(lexicon_find(lexicon, t.lower, size), LEXICON_PHRASE))
				continue;
			for (size_t j = 1; j < k; j++)
				t.capital &= v->tokens[i + j].capital;
			t.size = (uint32_t)size;
			t.broken = last->broken;
			look_up(&t, lexicon, emoji, true);
			words = k;
			break;
		}
		v->tokens[n] = t;
		i += words;
	}
	v->n_tokens = n;
}

static void count_capitals(struct vader *v)
{
	size_t capitals = 0;
	for (size_t i = 0; i < v->n_tokens; i++)
		capitals += v->tokens[i].capital;
	v->mixed_capitals = capitals > 0 && capitals < v->n_tokens;
}

/* --- rules; t is the scored token, t[-1] the one before it --- */

static double boost(const struct vader *v, const struct token *t, double valence)
{
	if (!lexicon_has(t->entry, LEXICON_BOOSTER))
		return 0;
	double s = valence < 0 ? -t->entry->factor : t->entry->factor;
	if (t->capital && v->mixed_capitals)
		s += valence > 0 ? CAPITALS : -CAPITALS;
	return s;
}

static bool so_or_this(const struct token *t)
{
	return t->keyword == SO || t->keyword == THIS;
}

static double negate(const struct token *t, int back, double valence)
{
	if (back == 2) {
		if (t[-2].keyword == NEVER && so_or_this(&t[-1]))
			return valence * 1.25;
		if (t[-2].keyword == WITHOUT && t[-1].keyword == DOUBT)
			return valence;
	} else if (back == 3) {
		if ((t[-3].keyword == NEVER && so_or_this(&t[-2])) || so_or_this(&t[-1]))
			return valence * 1.25;
		if (t[-3].keyword == WITHOUT && (t[-2].keyword == DOUBT || t[-1].keyword == DOUBT))
			return valence;
	}
	return t[-back].negates ? valence * t[-back].negation : valence;
}

/* The lexicon's entry of the words from t[first] to t[last]; NULL, without looking, when nothing of several words begins so. */
static const struct lexicon_entry *gram(const struct lexicon *lexicon, const struct token *t, int first, int last)
{
	if (!t[first].begins_idiom)
		return NULL;
	return lexicon_find(lexicon, t[first].lower, (size_t)(t[last].lower + t[last].size - t[first].lower));
}

static double replace_idioms(const struct lexicon *lexicon, const struct token *t, size_t after, double valence)
{
	static const int around[][2] = { { -1, 0 }, { -2, 0 }, { -2, -1 }, { -3, -1 }, { -3, -2 } };
	static const int boosting[][2] = { { -3, -1 }, { -3, -2 }, { -2, -1 } };
	for (size_t i = 0; i < 5; i++) {
		const struct lexicon_entry *e = gram(lexicon, t, around[i][0], around[i][1]);
		if (lexicon_has(e, LEXICON_IDIOM)) {
			valence = e->replacement;
			break;
		}
	}
	for (int ahead = 1; ahead <= 2 && (size_t)ahead <= after; ahead++) {
		const struct lexicon_entry *e = gram(lexicon, t, 0, ahead);
		if (lexicon_has(e, LEXICON_IDIOM))
			valence = e->replacement;
	}
	for (size_t i = 0; i < 3; i++) {
		const struct lexicon_entry *e = gram(lexicon, t, boosting[i][0], boosting[i][1]);
		if (lexicon_has(e, LEXICON_BOOSTER))
			valence += e->factor;
	}
	return valence;
}

static double least(const struct token *t, size_t i, double valence)
{
	if (i == 0 || t[-1].scored || t[-1].keyword != LEAST)
		return valence;
	if (i > 1 && (t[-2].keyword == AT || t[-2].keyword == VERY))
		return valence;
	return valence * NEGATION;
}

static double score_token(const struct vader *v, const struct lexicon *lexicon, size_t i)
{
	static const double fade[] = { 0, 1, 0.95, 0.9 };
	const struct token *t = &v->tokens[i];
	size_t after = v->n_tokens - 1 - i;
	if (!t->scored || lexicon_has(t->entry, LEXICON_BOOSTER) || (t->keyword == KIND && after > 0 && t[1].keyword == OF))
		return 0;
	double valence = t->valence;
	if (t->keyword == NO && after > 0 && t[1].scored)
		valence = 0;
	if ((i > 0 && t[-1].keyword == NO) || (i > 1 && t[-2].keyword == NO) ||
		(i > 2 && t[-3].keyword == NO && (t[-1].keyword == OR || t[-1].keyword == NOR)))
		valence = t->valence * NEGATION;
	if (t->capital && v->mixed_capitals)
		valence += valence > 0 ? CAPITALS : -CAPITALS;
	for (int back = 1; back <= 3; back++) {
		if (i < (size_t)back || t[-back].scored)
			continue;
		double s = boost(v, &t[-back], valence);
		valence += back == 1 ? s : s * fade[back];
		valence = negate(t, back, valence);
		if (back == 3)
			valence = replace_idioms(lexicon, t, after, valence);
	}
	return least(t, i, valence);
}

/* The original changes the first value that equals the one at hand: equal values before and after "but" share one fate. Looking for
 * it is quadratic, so words beyond FIRST_EQUAL_MAX change their own. */
static void weigh_but(struct vader *v)
{
	size_t but = 0, n = v->n_tokens;
	while (but < n && v->tokens[but].keyword != BUT)
		but++;
	for (size_t i = 0; but < n && i < n; i++) {
		size_t first = i < FIRST_EQUAL_MAX ? 0 : i;
		while (v->values[first] != v->values[i])
			first++;
		if (first < but)
			v->values[first] *= 0.5;
		else if (first > but)
			v->values[first] *= 1.5;
	}
}

static uint32_t count_of(const char *bytes, size_t size, char c)
{
	uint32_t n = 0;
	for (const char *at = bytes, *end = bytes + size; at < end && (at = memchr(at, c, (size_t)(end - at))) != NULL; at++)
		n++;
	return n;
}

struct sentiment_sums vader_sums(struct vader *v, const struct lexicon *lexicon, const struct lexicon *emoji, struct text text)
{
	struct sentiment_sums sums = { 0 };
	if (!emoji)
		emoji = lexicon;
	v->own = lexicon_count(lexicon, LEXICON_PHRASE) > 0;
	size_t size = replace_emoji(v, emoji, text);
	tokenize(v, lexicon, emoji, size);
	if (v->own)
		join_phrases(v, lexicon, emoji);
	count_capitals(v);
	for (size_t i = 0; i < v->n_tokens; i++)
		v->values[i] = score_token(v, lexicon, i);
	weigh_but(v);
	uint32_t exclamations = count_of(v->read, size, '!'), questions = count_of(v->read, size, '?');
	for (size_t i = 0; i < v->n_tokens; i++)
		if (v->values[i] != 0)
			sentiment_sums_add(&sums, v->values[i]);
	sums.neutral += (uint32_t)v->n_tokens - sums.words;
	sums.words = (uint32_t)v->n_tokens;
	sums.emphasis = sentiment_emphasis(exclamations, questions);
	return sums;
}

struct sentiment_score vader_score(struct vader *v, const struct lexicon *lexicon, struct text text)
{
	struct sentiment_sums sums = vader_sums(v, lexicon, NULL, text);
	return sentiment_score_of(&sums);
}
