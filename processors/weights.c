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

#include "han.h"
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
	uint64_t terms[WEIGHTS_WORDS_MAX * TERM_KINDS]; /* hashes, of a text */
	struct cutter *cutter;
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

static bool negates(const char *word, size_t size)
{
	static const struct text words[] = { { "no", 2 }, { "not", 3 }, { "nor", 3 }, { "never", 5 }, { "cannot", 6 }, { "cant", 4 }, { "dont", 4 },
		{ "wont", 4 }, { "isnt", 4 }, { "arent", 5 }, { "wasnt", 5 }, { "didnt", 5 }, { "doesnt", 6 }, { "hardly", 6 }, { "barely", 6 },
		{ "none", 4 }, { "neither", 7 }, { "nothing", 7 }, { "werent", 6 }, { "wouldnt", 7 }, { "couldnt", 7 }, { "shouldnt", 8 },
		{ "without", 7 } };
	if (size < 2 || (word[size - 1] != 't' && word[0] != 'n' && word[size - 1] != 'y')) /* most words */
		return false;
	if (size > 3 && memcmp(word + size - 3, "n't", 3) == 0)
		return true;
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
	APOSTROPHE,
	HAN };
static const uint8_t ascii[256] = {
	/* from 0x80 on: BREAK, looked at by other_character */
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
	['A' ... 'Z'] = LETTER,
};

/* An ASCII letter or digit in lower case: only its bit 5 is set, which digits have. */
static inline char lower_of(unsigned char byte)
{
	return (char)(byte | 0x20);
}

/* A word of the text, its bytes in the cutter's buffer. */
struct word {
	uint64_t hash;
	uint32_t at;
	uint16_t size;
	bool begins; /* a clause */
	bool negates;
};

struct cutter {
	struct word words[WEIGHTS_WORDS_MAX];
	uint32_t n;
	bool begins; /* the next word begins a clause */
	char lower[WEIGHTS_WORDS_MAX * 8 + WEIGHTS_WORD_MAX + 8];
};

int term_cutter_create(struct cutter **ret)
{
	struct cutter *c = malloc(sizeof(*c));
	if (!c)
		return -ENOMEM;
	*ret = c;
	return 0;
}

void term_cutter_destroy(struct cutter *c)
{
	free(c);
}

/* The word from..to of the buffer is at its end. Returns where the next one begins. */
static inline uint32_t end_word(struct cutter *c, uint32_t from, uint32_t to)
{
	while (to > from && c->lower[to - 1] == '\'')
		to--;
	if (to == from)
		return from;
	c->words[c->n++] = (struct word){ hash_word(c->lower + from, to - from), from, (uint16_t)(to - from), c->begins, negates(c->lower + from, to - from) };
	c->begins = false;
	return to;
}

/* Puts what is a letter into the buffer, as far as the word may be long; tells what else the character is. */
static enum class other_character(struct cutter *c, const char **at, const char *end, uint32_t from, uint32_t *to) {
	uint32_t code;
	size_t n = utf8_next(*at, end, &code);
	const char *bytes = *at;
	*at += n;
	if (is_han(code)){
		memcpy(c->lower + *to, bytes, n);
		han_simplify(c->lower + *to, n);
		*to += (uint32_t)n;
		return HAN; }
if (code == 0x2019) return APOSTROPHE;
if (is_letter(code)) {
	char lower[4];
	uint32_t m = (uint32_t)utf8proc_encode_char(utf8proc_tolower((utf8proc_int32_t)code), (utf8proc_uint8_t *)lower);
	if (*to - from + m <= WEIGHTS_WORD_MAX) { /* no half character */
		memcpy(c->lower + *to, lower, m);
		*to += m;
	}
	return LETTER;
}
return code == 0xa0 || code == 0x3000 || code == 0x2013 || code == 0x2014 || code == 0x201c || code == 0x201d ? PART : BREAK;
}

static void cut(struct cutter *c, struct text text)
{
	const char *at = text.size ? text.data : "", *end = at + text.size;
	uint32_t from = 0, to = 0; /* the word at hand, in the buffer */
	c->n = 0;
	c->begins = true;
	while (at < end && c->n + 2 < WEIGHTS_WORDS_MAX && from < WEIGHTS_WORDS_MAX * 8) {
		unsigned char byte = (unsigned char)*at;
		if (byte < 0x80) {
			while (ascii[byte] == LETTER) { /* a run of letters; a byte behind the text is none */
				c->lower[to] = lower_of(byte);
				to += to - from < WEIGHTS_WORD_MAX;
				byte = ++at < end ? (unsigned char)*at : ' ';
			}
			if (at == end || byte >= 0x80)
				continue;
			enum class class = (enum class)ascii[byte];
			at++;
			if (class == APOSTROPHE) {
				c->lower[to] = '\'';
				to += to > from && to - from < WEIGHTS_WORD_MAX;
			} else {
				from = to = end_word(c, from, to);
				c->begins |= class == BREAK;
			}
			continue;
		}
		uint32_t before = to;
		switch (other_character(c, &at, end, from, &to)) {
		case LETTER:
			break;
		case APOSTROPHE:
			c->lower[to] = '\'';
			to += to > from && to - from < WEIGHTS_WORD_MAX;
			break;
		case HAN:
			end_word(c, from, before);
			from = to = end_word(c, before, to);
			break;
		case PART:
			from = to = end_word(c, from, to);
			break;
		case BREAK:
			from = to = end_word(c, from, to);
			c->begins = true;
			break;
		}
	}
	end_word(c, from, to);
}

static inline uint64_t pair_hash(const struct word *w)
{
	return hash_term(TERM_PAIR, w[-1].hash, w->hash);
}

uint32_t terms_of(struct cutter *c, struct text text, void (*take)(void *to, const struct term *term), void *to)
{
	int negated = 0;
	cut(c, text);
	for (uint32_t i = 0; i < c->n; i++) {
		const struct word *w = &c->words[i];
		struct term t = { TERM_WORD, hash_term(TERM_WORD, 0, w->hash), { NULL, 0 }, { c->lower + w->at, w->size } };
		take(to, &t);
		negated = w->begins ? 0 : negated;
		if (negated) {
			negated--;
			t.kind = TERM_NEGATED;
			t.hash = hash_term(TERM_NEGATED, 0, w->hash);
			take(to, &t);
		}
		if (!w->begins) {
			t.kind = TERM_PAIR;
			t.before = (struct text){ c->lower + w[-1].at, w[-1].size };
			t.hash = pair_hash(w);
			take(to, &t);
		}
		if (w->negates)
			negated = NEGATION_SCOPE;
	}
	return c->n;
}

/* ---- the file ---- */

struct parser {
	struct weights *weights;
	int kind; /* -1 before the first section */
	bool traditional; /* a term was written so: another may be the same one */
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

static inline struct slot *find(const struct weights *w, uint64_t hash)
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
	struct slot *old = w->slots;
	size_t n_old = w->n_slots, n = n_old ? 2 * n_old : 1024;
	struct slot *slots = calloc(n, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	w->slots = slots;
	w->n_slots = n;
	for (size_t i = 0; i < n_old; i++)
		if (old[i].hash)
			*find(w, old[i].hash) = old[i];
	free(old);
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
	char term[2 * WEIGHTS_WORD_MAX + 1];
	struct text word = { line.data, (uint32_t)(tab - line.data) }, before = { NULL, 0 };
	bool traditional = false;
	if (word.size <= sizeof(term)) { /* else it is refused below */
		memcpy(term, word.data, word.size);
		traditional = han_simplify(term, word.size);
		word.data = term;
	}
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
	if (slot->hash && (traditional || p->traditional))
		return 0; /* both writings are given: the first one holds */
	if (slot->hash)
		return refuse(p, "'%.*s' stands twice", (int)(tab - line.data), line.data);
	*slot = (struct slot){ hash, weight };
	p->traditional |= traditional;
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
	if (!r)
		r = term_cutter_create(&w->cutter);
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
	term_cutter_destroy(w->cutter);
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
	uint32_t n; /* hits */
	double sum;
};

static inline void add(struct weights *w, struct summing *s, uint64_t hash)
{
	const struct slot *slot = find(w, hash);
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

/* Its slot is asked for before it is looked at. */
static inline void term(struct weights *w, size_t *n, uint64_t hash)
{
	__builtin_prefetch(&w->slots[hash & (w->n_slots - 1)]);
	w->terms[(*n)++] = hash;
}

double weights_sum(struct weights *w, struct text text)
{
	struct summing s = { 0 };
	struct cutter *c = w->cutter;
	size_t n = 0;
	int negated = 0;
	cut(c, text);
	for (uint32_t i = 0; i < c->n; i++) { /* as terms_of */
		const struct word *word = &c->words[i];
		negated = word->begins ? 0 : negated;
		term(w, &n, hash_term(TERM_WORD, 0, word->hash));
		if (negated) {
			negated--;
			term(w, &n, hash_term(TERM_NEGATED, 0, word->hash));
		}
		if (!word->begins)
			term(w, &n, pair_hash(word));
		if (word->negates)
			negated = NEGATION_SCOPE;
	}
	for (size_t i = 0; i < n; i++)
		add(w, &s, w->terms[i]);
	while (s.n)
		w->met[w->hits[--s.n] >> 6] = 0;
	return s.sum * weights_share(c->n);
}
