/* See weights.h. The table is open addressing over 64-bit hashes: two terms of one hash are not told apart (one chance in 10^9 for
 * 100,000 terms). */
#include "weights.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "utf8.h"

#define NEGATION_SCOPE 3 /* words behind a negation that it turns */

struct slot {
	uint64_t hash; /* 0: free */
	double weight;
};

struct weights {
	struct slot *slots;
	size_t n_slots, n; /* n_slots: a power of two, at least twice n */
	uint64_t *met;     /* a bit for each slot; all clear between two texts */
	uint32_t hits[WEIGHTS_WORDS_MAX * TERM_KINDS];
	char language[9];
};

/* ---- cutting ---- */

static uint64_t hash_term(enum term_kind kind, uint64_t before, uint64_t word)
{
	uint64_t h = (word ^ (uint64_t)kind << 56) * 0x9e3779b97f4a7c15u;
	h ^= h >> 29;
	h = (h + before) * 0xbf58476d1ce4e5b9u;
	h ^= h >> 32;
	return h ? h : 1;
}

static uint64_t hash_word(const char *word, size_t size)
{
	return XXH3_64bits(word, size);
}

/* Compares by length first: most words are none. */
static bool negates(const char *word, size_t size)
{
	static const struct text words[] = { { "no", 2 }, { "not", 3 }, { "nor", 3 }, { "never", 5 }, { "cannot", 6 }, { "cant", 4 }, { "dont", 4 },
		{ "wont", 4 }, { "isnt", 4 }, { "arent", 5 }, { "wasnt", 5 }, { "didnt", 5 }, { "doesnt", 6 }, { "hardly", 6 }, { "barely", 6 },
		{ "none", 4 }, { "neither", 7 }, { "nothing", 7 }, { "werent", 6 }, { "wouldnt", 7 }, { "couldnt", 7 }, { "shouldnt", 8 },
		{ "without", 7 } };
	if (size < 2 || size > 9)
		return false;
	if (size > 3 && memcmp(word + size - 3, "n't", 3) == 0)
		return true;
	if (!memchr("nchbdwia", word[0], 8) && word[0] != 's')
		return false;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (words[i].size == size && memcmp(words[i].data, word, size) == 0)
			return true;
	return false;
}

static bool is_han(uint32_t c)
{
	return (c >= 0x4e00 && c <= 0x9fff) || (c >= 0x3400 && c <= 0x4dbf) || (c >= 0xf900 && c <= 0xfaff) || (c >= 0x20000 && c <= 0x3ffff);
}

static bool is_letter(uint32_t c)
{
	utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)c);
	return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_NO; /* letters, marks, numbers */
}

enum class { BREAK, /* ends a clause */
	PART,       /* parts two words */
	LETTER,
	UPPER,
	APOSTROPHE };
static const uint8_t ascii[128] = {
	['\t'] = PART,
	['\n'] = PART,
	['\r'] = PART,
	[' '] = PART,
	['"'] = PART,
	['&'] = PART,
	['*'] = PART,
	['-'] = PART,
	['/'] = PART,
	['_'] = PART,
	['\''] = APOSTROPHE,
	['0' ... '9'] = LETTER,
	['a' ... 'z'] = LETTER,
	['A' ... 'Z'] = UPPER,
};

struct cutter {
	char words[2][WEIGHTS_WORD_MAX + 4]; /* this one and the one before */
	uint32_t size[2];
	uint64_t hash[2];
	int at;          /* which is this one */
	bool has_before; /* the one before stands in the same clause */
	int negated;     /* words that a negation still turns */
	uint32_t n;
	void (*take)(void *to, const struct term *term);
	void *to;
};

static inline void end_word(struct cutter *c)
{
	char *word = c->words[c->at];
	uint32_t size = c->size[c->at];
	while (size && word[size - 1] == '\'')
		size--;
	c->size[c->at] = 0;
	if (!size || c->n == WEIGHTS_WORDS_MAX)
		return;
	c->n++;
	c->size[c->at] = size;
	c->hash[c->at] = hash_word(word, size);
	struct term t = { TERM_WORD, hash_term(TERM_WORD, 0, c->hash[c->at]), { NULL, 0 }, { word, size } };
	c->take(c->to, &t);
	if (c->negated) {
		c->negated--;
		t.kind = TERM_NEGATED;
		t.hash = hash_term(TERM_NEGATED, 0, c->hash[c->at]);
		c->take(c->to, &t);
	}
	if (c->has_before) {
		t.kind = TERM_PAIR;
		t.before = (struct text){ c->words[!c->at], c->size[!c->at] };
		t.hash = hash_term(TERM_PAIR, c->hash[!c->at], c->hash[c->at]);
		c->take(c->to, &t);
	}
	if (negates(word, size))
		c->negated = NEGATION_SCOPE;
	c->has_before = true;
	c->at = !c->at;
	c->size[c->at] = 0;
}

static inline void end_clause(struct cutter *c)
{
	end_word(c);
	c->has_before = false;
	c->negated = 0;
}

static inline void put(struct cutter *c, char byte)
{
	uint32_t *size = &c->size[c->at];
	if (*size < WEIGHTS_WORD_MAX)
		c->words[c->at][(*size)++] = byte;
}

static inline size_t other_character(struct cutter *cut, const char *at, const char *end)
{
	uint32_t c;
	size_t n = utf8_next(at, end, &c);
	if (is_han(c)) {
		end_word(cut);
		for (size_t i = 0; i < n; i++)
			put(cut, at[i]);
		end_word(cut);
	} else if (c == 0x2019) {
		if (cut->size[cut->at])
			put(cut, '\'');
	} else if (is_letter(c)) {
		char lower[4];
		size_t m = (size_t)utf8proc_encode_char(utf8proc_tolower((utf8proc_int32_t)c), (utf8proc_uint8_t *)lower);
		for (size_t i = 0; i < m && (i || cut->size[cut->at] + m <= WEIGHTS_WORD_MAX); i++) /* no half character */
			put(cut, lower[i]);
	} else if (c == 0xa0 || c == 0x3000 || c == 0x2013 || c == 0x2014 || c == 0x201c || c == 0x201d) {
		end_word(cut);
	} else {
		end_clause(cut);
	}
	return n;
}

static inline __attribute__((always_inline)) void cut(struct cutter *c, struct text text)
{
	const char *at = text.size ? text.data : "", *end = at + text.size;
	while (at < end) {
		unsigned char byte = (unsigned char)*at;
		if (byte >= 0x80) {
			at += other_character(c, at, end);
			continue;
		}
		at++;
		switch ((enum class)ascii[byte]) {
		case LETTER:
			put(c, (char)byte);
			break;
		case UPPER:
			put(c, (char)(byte | 0x20));
			break;
		case APOSTROPHE:
			if (c->size[c->at])
				put(c, '\'');
			break;
		case PART:
			end_word(c);
			break;
		case BREAK:
			end_clause(c);
			break;
		}
	}
	end_word(c);
}

void terms_of(struct text text, void (*take)(void *to, const struct term *term), void *to)
{
	struct cutter c = { .take = take, .to = to };
	cut(&c, text);
}

/* ---- the file ---- */

struct parser {
	struct weights *weights;
	int kind; /* -1 before the first section */
	size_t line;
	char *error;
	size_t error_size;
};

__attribute__((format(printf, 2, 3))) static int refuse(struct parser *p, const char *format, ...)
{
	char why[200];
	va_list args;
	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	if (p->error && p->error_size && p->line)
		snprintf(p->error, p->error_size, "line %zu: %s", p->line, why);
	else if (p->error && p->error_size)
		snprintf(p->error, p->error_size, "%s", why);
	return -EINVAL;
}

static struct slot *find(const struct weights *w, uint64_t hash)
{
	size_t mask = w->n_slots - 1, i = hash & mask;
	while (w->slots[i].hash && w->slots[i].hash != hash)
		i = (i + 1) & mask;
	return &w->slots[i];
}

static int grow(struct weights *w)
{
	if (w->n >= WEIGHTS_MAX)
		return -E2BIG;
	if (2 * (w->n + 1) <= w->n_slots)
		return 0;
	struct weights old = { .slots = w->slots, .n_slots = w->n_slots };
	size_t n = old.n_slots ? 2 * old.n_slots : 1024;
	struct slot *slots = calloc(n, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	w->slots = slots;
	w->n_slots = n;
	for (size_t i = 0; i < old.n_slots; i++)
		if (old.slots[i].hash)
			*find(w, old.slots[i].hash) = old.slots[i];
	free(old.slots);
	return 0;
}

/* A decimal number by hand, at most nine digits: strtod would follow the process's locale. */
static bool number(struct text t, double *ret)
{
	double digits = 0, scale = 1;
	uint32_t n = 0, i = 0;
	bool point = false, minus = t.size && t.data[0] == '-';
	for (i = minus; i < t.size; i++) {
		if (t.data[i] == '.' && !point) {
			point = true;
			continue;
		}
		if (t.data[i] < '0' || t.data[i] > '9' || ++n > 9)
			return false;
		digits = digits * 10 + (t.data[i] - '0');
		scale *= point ? 10 : 1;
	}
	*ret = (minus ? -digits : digits) / scale;
	return n > 0;
}

static int parse_entry(struct parser *p, struct text line)
{
	struct weights *w = p->weights;
	const char *tab = memchr(line.data, '\t', line.size);
	double weight = 0;
	if (p->kind < 0)
		return refuse(p, "an entry before the first [section]");
	if (!tab || !number((struct text){ tab + 1, line.size - (uint32_t)(tab - line.data) - 1 }, &weight))
		return refuse(p, "expected 'term TAB number'");
	if (fabs(weight) > WEIGHT_MAX)
		return refuse(p, "a weight must be between -%g and %g", WEIGHT_MAX, WEIGHT_MAX);
	struct text word = { line.data, (uint32_t)(tab - line.data) }, before = { NULL, 0 };
	const char *space = memchr(word.data, ' ', word.size);
	if ((p->kind == TERM_PAIR) != (space != NULL))
		return refuse(p, p->kind == TERM_PAIR ? "a pair is two words with a space between them" : "one word is expected here");
	if (space) {
		before = (struct text){ word.data, (uint32_t)(space - word.data) };
		word = (struct text){ space + 1, word.size - before.size - 1 };
	}
	if (!word.size || word.size > WEIGHTS_WORD_MAX || (space && (!before.size || before.size > WEIGHTS_WORD_MAX)))
		return refuse(p, "a word must have 1 to %d bytes", WEIGHTS_WORD_MAX);
	int r = grow(w);
	if (r < 0)
		return r;
	uint64_t hash = hash_term((enum term_kind)p->kind, space ? hash_word(before.data, before.size) : 0, hash_word(word.data, word.size));
	struct slot *slot = find(w, hash);
	if (slot->hash)
		return refuse(p, "'%.*s' stands twice", (int)(tab - line.data), line.data);
	*slot = (struct slot){ hash, weight };
	w->n++;
	return 0;
}

static int parse_line(struct parser *p, struct text line)
{
	static const char *const kinds[TERM_KINDS] = { "[words]", "[negated]", "[pairs]" };
	struct weights *w = p->weights;
	if (line.data[0] == '[') {
		for (int k = 0; k < TERM_KINDS; k++)
			if (text_equal(line, text_of(kinds[k]))) {
				p->kind = k;
				return 0;
			}
		return refuse(p, "unknown section; allowed: [words], [negated], [pairs]");
	}
	if (line.data[0] != '@')
		return parse_entry(p, line);
	static const struct text name = TEXT("@language ");
	uint32_t size = line.size - name.size;
	if (line.size <= name.size || memcmp(line.data, name.data, name.size) != 0 || size >= sizeof(w->language))
		return refuse(p, "expected '@language' and a language of two or three letters");
	for (uint32_t i = 0; i < size; i++) {
		char c = line.data[name.size + i];
		if (c < 'a' || c > 'z')
			return refuse(p, "expected '@language' and a language of two or three letters");
		w->language[i] = c;
	}
	w->language[size] = 0;
	return 0;
}

static int parse(struct parser *p, const char *bytes, size_t size)
{
	for (const char *at = bytes, *end = bytes + size; at < end;) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		if (!stop)
			stop = end;
		p->line++;
		struct text line = { at, (uint32_t)(stop - at > 4096 ? 4096 : stop - at) };
		at = stop + 1;
		if (line.size && line.data[line.size - 1] == '\r')
			line.size--;
		if (!line.size || line.data[0] == '#')
			continue;
		int r = parse_line(p, line);
		if (r < 0)
			return r;
	}
	p->line = 0;
	if (!p->weights->language[0])
		return refuse(p, "@language is missing");
	return p->weights->n ? 0 : refuse(p, "no weight in the file");
}

int weights_create(const char *bytes, size_t size, struct weights **ret, char *error, size_t error_size)
{
	struct weights *w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	struct parser p = { .weights = w, .kind = -1, .error = error, .error_size = error_size };
	int r = parse(&p, bytes, size);
	if (!r && !(w->met = calloc((w->n_slots + 63) / 64, sizeof(*w->met))))
		r = -ENOMEM;
	if (r == -E2BIG)
		refuse(&p, "more than %u weights", WEIGHTS_MAX);
	if (r < 0) {
		weights_destroy(w);
		return r;
	}
	*ret = w;
	return 0;
}

void weights_destroy(struct weights *w)
{
	if (!w)
		return;
	free(w->slots);
	free(w->met);
	free(w);
}

const char *weights_language(const struct weights *w)
{
	return w->language;
}

size_t weights_count(const struct weights *w)
{
	return w->n;
}

/* ---- the sum ---- */

struct summing {
	struct weights *weights;
	uint32_t n;
	double sum;
};

static void add(void *to, const struct term *t)
{
	struct summing *s = to;
	struct weights *w = s->weights;
	const struct slot *slot = find(w, t->hash);
	if (!slot->hash)
		return;
	size_t i = (size_t)(slot - w->slots);
	uint64_t bit = 1ull << (i & 63);
	if (w->met[i >> 6] & bit)
		return;
	w->met[i >> 6] |= bit;
	w->hits[s->n++] = (uint32_t)i;
	s->sum += slot->weight;
}

double weights_sum(struct weights *w, struct text text)
{
	struct summing s = { .weights = w };
	struct cutter c = { .take = add, .to = &s };
	cut(&c, text);
	while (s.n)
		w->met[w->hits[--s.n] >> 6] = 0;
	return s.sum;
}
