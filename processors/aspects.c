/* See aspects.h. Terms are found by their bytes: at each place where a word may begin, the lengths that terms with such a beginning have are
 * tried, the longest first. */
#include "aspects.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "han.h"
#include "utf8.h"

enum { CONTRAST = ASPECTS_MAX,
	GUARD,
	NOTHING = 255 };

struct entry {
	uint64_t hash; /* 0: free */
	double valence;
	uint8_t aspect; /* or CONTRAST, GUARD */
	bool traditional;
};

struct part {
	uint32_t from, to;
	uint32_t named; /* aspects */
	bool joins;     /* only a comma is between it and the part before */
};

struct aspects {
	char names[ASPECTS_MAX][ASPECT_NAME_MAX + 1];
	int n;
	struct entry *entries;
	size_t n_entries, n_slots; /* a power of two, at least twice n_entries */
	uint64_t lengths[256];     /* by the first three bytes, mixed: bit of each length in bytes */
	/* scratch */
	char lower[SENTIMENT_TEXT_MAX];
	struct part parts[ASPECT_PARTS_MAX];
	uint32_t n_parts;
};

static uint8_t beginning(const char *term)
{
	return (uint8_t)((uint8_t)term[0] * 31u + (uint8_t)term[1] * 7u + (uint8_t)term[2]);
}

static uint64_t hash_of(const char *term, size_t size)
{
	uint64_t h = XXH3_64bits(term, size);
	return h ? h : 1;
}

static struct entry *find(const struct aspects *a, uint64_t hash)
{
	size_t mask = a->n_slots - 1, i = hash & mask;
	while (a->entries[i].hash && a->entries[i].hash != hash)
		i = (i + 1) & mask;
	return &a->entries[i];
}

/* ---- the file ---- */

struct parser {
	struct aspects *aspects;
	int aspect; /* NOTHING before the first section */
	size_t line;
	char *error;
	size_t error_size;
};

__attribute__((format(printf, 2, 3))) static int refuse(struct parser *p, const char *format, ...)
{
	char why[160];
	va_list args;
	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	if (p->error && p->error_size)
		snprintf(p->error, p->error_size, "line %zu: %s", p->line, why);
	return -EINVAL;
}

static int grow(struct aspects *a)
{
	if (2 * (a->n_entries + 1) <= a->n_slots)
		return 0;
	struct aspects old = { .n_slots = a->n_slots, .entries = a->entries };
	struct entry *entries = calloc(old.n_slots ? 2 * old.n_slots : 256, sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	a->n_slots = old.n_slots ? 2 * old.n_slots : 256;
	a->entries = entries;
	for (size_t i = 0; i < old.n_slots; i++)
		if (old.entries[i].hash)
			*find(a, old.entries[i].hash) = old.entries[i];
	free(old.entries);
	return 0;
}

static int parse_section(struct parser *p, struct text line)
{
	struct aspects *a = p->aspects;
	uint32_t size = line.size - 2;
	if (line.data[line.size - 1] != ']' || line.size < 3 || size > ASPECT_NAME_MAX)
		return refuse(p, "an aspect's name has 1 to %d bytes between [ and ]", ASPECT_NAME_MAX);
	for (uint32_t i = 1; i <= size; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789-_", line.data[i]))
			return refuse(p, "an aspect's name is of small letters, digits, - and _");
	if (text_equal((struct text){ line.data + 1, size }, TEXT("contrasts"))) {
		p->aspect = CONTRAST;
		return 0;
	}
	if (text_equal((struct text){ line.data + 1, size }, TEXT("guards"))) {
		p->aspect = GUARD;
		return 0;
	}
	for (int i = 0; i < a->n; i++)
		if (text_equal(text_of(a->names[i]), (struct text){ line.data + 1, size }))
			return refuse(p, "[%s] stands twice", a->names[i]);
	if (a->n == ASPECTS_MAX)
		return refuse(p, "more than %d aspects", ASPECTS_MAX);
	memcpy(a->names[a->n], line.data + 1, size);
	p->aspect = a->n++;
	return 0;
}

/* A number like -1.5: digits and at most one point. */
static bool number(struct text t, double *ret)
{
	double digits = 0, scale = 1;
	bool point = false, minus = t.size && t.data[0] == '-';
	uint32_t n = 0;
	for (uint32_t i = minus; i < t.size; i++) {
		if (t.data[i] == '.' && !point) {
			point = true;
			continue;
		}
		if (t.data[i] < '0' || t.data[i] > '9' || ++n > 6)
			return false;
		digits = 10 * digits + (t.data[i] - '0');
		scale *= point ? 10 : 1;
	}
	*ret = (minus ? -digits : digits) / scale;
	return n > 0;
}

static int parse_entry(struct parser *p, struct text line)
{
	struct aspects *a = p->aspects;
	const char *tab = memchr(line.data, '\t', line.size);
	uint32_t size = tab ? (uint32_t)(tab - line.data) : line.size;
	double valence = 0;
	if (p->aspect == NOTHING)
		return refuse(p, "a term before the first [aspect]");
	if (size < 3 || size > ASPECT_TERM_MAX)
		return refuse(p, "a term has 3 to %d bytes", ASPECT_TERM_MAX);
	if (tab && (!number((struct text){ tab + 1, line.size - size - 1 }, &valence) || fabs(valence) > LEXICON_VALENCE_MAX))
		return refuse(p, "expected 'term TAB number', the number between -4 and 4");
	char term[ASPECT_TERM_MAX];
	memcpy(term, line.data, size);
	bool traditional = han_simplify(term, size);
	int r = grow(a);
	if (r < 0)
		return r;
	uint64_t hash = hash_of(term, size);
	struct entry *e = find(a, hash);
	if (e->hash && (traditional || e->traditional))
		return 0; /* both writings are given */
	if (e->hash)
		return refuse(p, "'%.*s' stands twice", (int)size, line.data);
	*e = (struct entry){ hash, valence, (uint8_t)p->aspect, traditional };
	a->n_entries++;
	a->lengths[beginning(term)] |= 1ull << size;
	return 0;
}

int aspects_create(const char *bytes, size_t size, struct aspects **ret, char *error, size_t error_size)
{
	struct aspects *a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	struct parser p = { .aspects = a, .aspect = NOTHING, .error = error, .error_size = error_size };
	int r = grow(a);
	for (const char *at = bytes, *end = bytes + size; at < end && r == 0;) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		stop = stop ? stop : end;
		struct text line = { at, (uint32_t)(stop - at > 4096 ? 4096 : stop - at) };
		at = stop + 1;
		p.line++;
		if (line.size && line.data[line.size - 1] == '\r')
			line.size--;
		if (!line.size || line.data[0] == '#')
			continue;
		r = line.data[0] == '[' ? parse_section(&p, line) : parse_entry(&p, line);
	}
	if (r == 0 && !a->n)
		r = refuse(&p, "no aspect in the file");
	if (r < 0) {
		aspects_destroy(a);
		return r;
	}
	*ret = a;
	return 0;
}

void aspects_destroy(struct aspects *a)
{
	if (!a)
		return;
	free(a->entries);
	free(a);
}

int aspects_count(const struct aspects *a)
{
	return a->n;
}

struct text aspects_name(const struct aspects *a, int aspect)
{
	return text_of(a->names[aspect]);
}

/* ---- reading ---- */

static bool is_word_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '\'';
}

/* The term that begins at `at` and its size; NULL when there is none. A term of letters ends where a word ends. */
static const struct entry *term_at(const struct aspects *a, uint32_t at, uint32_t size, uint32_t *ret_size)
{
	if (size - at < 3)
		return NULL;
	for (uint64_t left = a->lengths[beginning(a->lower + at)]; left;) {
		uint32_t n = 63 - (uint32_t)__builtin_clzll(left);
		left &= ~(1ull << n);
		if (n > size - at || (at + n < size && is_word_byte(a->lower[at + n - 1]) && is_word_byte(a->lower[at + n])))
			continue;
		const struct entry *e = find(a, hash_of(a->lower + at, n));
		if (!e->hash)
			continue;
		*ret_size = n;
		return e;
	}
	return NULL;
}

enum mark { NO_MARK,
	COMMA,
	STOP };

static bool is_small_letter(char c)
{
	return c >= 'a' && c <= 'z';
}

static enum mark mark_of(const char *text, uint32_t at, uint32_t size, uint32_t *ret_size)
{
	uint32_t c;
	*ret_size = (uint32_t)utf8_next(text + at, text + size, &c);
	switch (c) {
	case ',':
	case 0xff0c:
		return COMMA;
	case '.': /* not within a number, nor within "e.g." */
		if (at + 1 == size || text[at + 1] == ' ' || text[at + 1] == '\n' || text[at + 1] == '.')
			return STOP;
		return at > 1 && is_small_letter(text[at + 1]) && is_small_letter(text[at - 1]) && is_small_letter(text[at - 2]) ? STOP : NO_MARK;
	case '!':
	case '?':
	case ';':
	case '(':
	case ')':
	case '\n':
	case 0x3002:
	case 0xff01:
	case 0xff1f:
	case 0xff1b:
	case 0xff08:
	case 0xff09:
		return STOP;
	default:
		return NO_MARK;
	}
}

static void end_part(struct aspects *a, struct part *part, uint32_t to, uint32_t next, bool comma)
{
	part->to = to;
	struct part *before = a->n_parts ? &a->parts[a->n_parts - 1] : NULL;
	if (part->joins && !part->named && before)
		before->to = to;
	else if (a->n_parts < ASPECT_PARTS_MAX)
		a->parts[a->n_parts++] = *part;
	*part = (struct part){ .from = next, .joins = comma };
}

static bool stands_at(const char *lower, uint32_t at, uint32_t end, const char *word)
{
	size_t size = strlen(word);
	return end - at >= size && memcmp(lower + at, word, size) == 0;
}

/* A negation stands shortly before `at`: what the words there say by themselves does not hold then, and the rules tell what is said. */
static bool is_negated(const char *lower, uint32_t from, uint32_t at)
{
	static const char *const words[] = { "not ", "no ", "never ", "nothing ", "without " }, *const endings[] = { "n't ", "n\xe2\x80\x99t " }, *const han[] = { "不", "没", "无" };
	enum { BYTES = 24,
		HAN_BYTES = 6 };
	for (uint32_t i = at - from > BYTES ? at - BYTES : from; i < at; i++) {
		bool begins = i == from || !is_word_byte(lower[i - 1]);
		for (size_t j = 0; begins && j < sizeof(words) / sizeof(*words); j++)
			if (stands_at(lower, i, at, words[j]))
				return true;
		for (size_t j = 0; j < sizeof(endings) / sizeof(*endings); j++)
			if (stands_at(lower, i, at, endings[j]))
				return true;
		for (size_t j = 0; at - i <= HAN_BYTES && j < sizeof(han) / sizeof(*han); j++)
			if (stands_at(lower, i, at, han[j]))
				return true;
	}
	return false;
}

/* Parts the text and finds what each names. What words say by themselves goes to `sums`. */
static uint32_t find_parts(struct aspects *a, struct text text, double sums[ASPECTS_MAX])
{
	struct part part = { 0 };
	uint32_t named = 0, n;
	a->n_parts = 0;
	for (uint32_t at = 0; at < text.size; at += n) {
		enum mark mark = mark_of(a->lower, at, text.size, &n);
		if (mark != NO_MARK) {
			end_part(a, &part, at + n, at + n, mark == COMMA); /* the mark belongs to what it ends: ! weighs */
			continue;
		}
		bool inside = at > 0 && is_word_byte(a->lower[at]) && is_word_byte(a->lower[at - 1]);
		const struct entry *e = inside || (unsigned char)a->lower[at] <= ' ' ? NULL : term_at(a, at, text.size, &n);
		if (!e || e->aspect == GUARD)
			continue;
		if (e->aspect == CONTRAST) {
			end_part(a, &part, at, at + n, false);
			continue;
		}
		uint32_t bit = 1u << e->aspect;
		if (!(named & bit))
			sums[e->aspect] = 0;
		named |= bit;
		part.named |= bit;
		sums[e->aspect] += e->valence != 0 && is_negated(a->lower, part.from, at) ? 0 : e->valence;
	}
	end_part(a, &part, text.size, text.size, false);
	return named;
}

uint32_t aspects_read(struct aspects *a, struct sentiment_scorer *scorer, struct text text, struct text lang, double ret_sums[ASPECTS_MAX])
{
	if (text.size > SENTIMENT_TEXT_MAX)
		text.size = SENTIMENT_TEXT_MAX;
	for (uint32_t i = 0; i < text.size; i++)
		a->lower[i] = (char)(text.data[i] >= 'A' && text.data[i] <= 'Z' ? text.data[i] | 0x20 : text.data[i]);
	han_simplify(a->lower, text.size);
	uint32_t named = find_parts(a, text, ret_sums);
	for (uint32_t i = 0; named && i < a->n_parts; i++) {
		const struct part *part = &a->parts[i];
		struct sentiment_sums sums;
		struct text said = { text.data + part->from, part->to - part->from };
		if (!part->named || sentiment_rules_text(scorer, said, lang, &sums) < 0)
			continue;
		double x = sentiment_total(&sums);
		for (uint32_t left = part->named; left; left &= left - 1)
			ret_sums[__builtin_ctz(left)] += x;
	}
	return named;
}
