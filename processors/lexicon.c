/* See lexicon.h. Reads the format line by line; entries live in one array, found through an open-addressing table of indexes. */
#include "lexicon.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "han.h"
#include "utf8.h"

/* Most words of a text are in no lexicon: the tag tells so without a look at the entry. */
struct slot {
	uint32_t entry; /* its index + 1; 0: free */
	uint32_t tag;   /* the hash's upper half */
};

struct lexicon {
	char *bytes; /* owned; every term and description is a slice of it */
	struct lexicon_entry *entries;
	size_t n_entries, room;
	struct slot *slots;
	size_t n_slots; /* a power of two, at least four times n_entries: most words are in no lexicon */
	size_t counts[LEXICON_SECTIONS];
	char language[9];
	enum lexicon_rules rules;
	bool exact;              /* takes no learnt weights */
	uint8_t starts[65536];   /* by the low 16 bits of a first code point: enum lexicon_start */
	uint16_t lengths[65536]; /* by a mix of the first two: bit n - 2 for terms of n code points */
};

static const struct section {
	const char *name;
	bool value_required, value_allowed;
	double least, greatest;
} sections[LEXICON_SECTIONS] = {
	[LEXICON_WORD] = { "words", true, true, -LEXICON_VALENCE_MAX, LEXICON_VALENCE_MAX },
	[LEXICON_PHRASE] = { "phrases", true, true, -LEXICON_VALENCE_MAX, LEXICON_VALENCE_MAX },
	[LEXICON_BOOSTER] = { "boosters", true, true, -4, 4 },
	[LEXICON_SUFFIX] = { "suffixes", true, true, 0, 4 },
	[LEXICON_NEGATION] = { "negations", false, true, -4, 4 },
	[LEXICON_CONTRAST] = { "contrasts", false, false, 0, 0 },
	[LEXICON_IDIOM] = { "idioms", true, true, -LEXICON_VALENCE_MAX, LEXICON_VALENCE_MAX },
	[LEXICON_EMOJI] = { "emoji", true, true, -LEXICON_VALENCE_MAX, LEXICON_VALENCE_MAX },
	[LEXICON_GUARD] = { "guards", false, false, 0, 0 },
};

struct parser {
	struct lexicon *lexicon;
	int section; /* -1 before the first */
	bool rules_given;
	size_t line;
	char *error;
	size_t error_size;
};

__attribute__((format(printf, 2, 3))) static int refuse(struct parser *p, const char *format, ...)
{
	if (!p->error || p->error_size == 0)
		return -EINVAL;
	int n = p->line ? snprintf(p->error, p->error_size, "line %zu: ", p->line) : 0;
	if (n < 0 || (size_t)n >= p->error_size)
		return -EINVAL;
	va_list args;
	va_start(args, format);
	vsnprintf(p->error + n, p->error_size - (size_t)n, format, args);
	va_end(args);
	return -EINVAL;
}

/* The slot of a term, or the free one where it belongs. */
static inline struct slot *slot_of(const struct lexicon *l, const char *term, size_t size, uint32_t *ret_tag)
{
	size_t mask = l->n_slots - 1;
	uint64_t hash = XXH3_64bits(term, size);
	uint32_t tag = (uint32_t)(hash >> 32);
	*ret_tag = tag;
	for (size_t i = hash & mask;; i = (i + 1) & mask) {
		struct slot *slot = &l->slots[i];
		if (slot->entry == 0)
			return slot;
		if (slot->tag != tag)
			continue;
		const struct text *t = &l->entries[slot->entry - 1].term;
		if (t->size == size && memcmp(t->data, term, size) == 0)
			return slot;
	}
}

static int grow(struct lexicon *l)
{
	if (l->n_entries >= LEXICON_ENTRIES_MAX)
		return -E2BIG;
	if (l->n_entries == l->room) {
		size_t room = l->room ? 2 * l->room : 1024;
		struct lexicon_entry *entries = realloc(l->entries, room * sizeof(*entries));
		if (!entries)
			return -ENOMEM;
		l->entries = entries;
		l->room = room;
	}
	if (4 * (l->n_entries + 1) > l->n_slots) {
		size_t n = l->n_slots ? 2 * l->n_slots : 4096;
		struct slot *slots = calloc(n, sizeof(*slots));
		if (!slots)
			return -ENOMEM;
		free(l->slots);
		l->slots = slots;
		l->n_slots = n;
		for (size_t i = 0; i < l->n_entries; i++) {
			uint32_t tag;
			struct slot *slot = slot_of(l, l->entries[i].term.data, l->entries[i].term.size, &tag);
			*slot = (struct slot){ (uint32_t)i + 1, tag };
		}
	}
	return 0;
}

static uint32_t mix(uint32_t first, uint32_t second)
{
	return ((first * 0x9e3779b1u) ^ (second * 0x85ebca6bu)) >> 16;
}

static int intern(struct lexicon *l, struct text term, struct lexicon_entry **ret)
{
	int r = grow(l);
	if (r < 0)
		return r;
	uint32_t tag;
	struct slot *slot = slot_of(l, term.data, term.size, &tag);
	if (slot->entry == 0) {
		l->entries[l->n_entries] = (struct lexicon_entry){ .term = term };
		*slot = (struct slot){ (uint32_t)++l->n_entries, tag };
		uint32_t start[2] = { 0, 0 }, c;
		const char *at = term.data, *end = term.data + term.size;
		size_t length = 0;
		for (; at < end; length++) {
			at += utf8_next(at, end, &c);
			if (length < 2)
				start[length] = c;
		}
		l->starts[start[0] & 0xffff] |= length == 1 ? LEXICON_ALONE : LEXICON_LONGER;
		if (length > 1 && length <= LEXICON_LENGTH_MAX)
			l->lengths[mix(start[0], start[1])] |= (uint16_t)(1u << (length - 2));
	}
	*ret = &l->entries[slot->entry - 1];
	return 0;
}

/* A decimal number by hand: strtod would follow the process's locale. At most nine digits, so both parts are exact and the
 * division is the only rounding: the same double as any correct reader's. */
static bool number(struct text t, double *ret)
{
	const char *p = t.data, *end = t.data + t.size;
	bool minus = p < end && *p == '-';
	if (p < end && (*p == '-' || *p == '+'))
		p++;
	double digits = 0, scale = 1;
	int n = 0, point = 0;
	for (; p < end; p++) {
		if (*p == '.' && !point) {
			point = 1;
			continue;
		}
		if (*p < '0' || *p > '9' || ++n > 9)
			return false;
		digits = digits * 10 + (*p - '0');
		if (point)
			scale *= 10;
	}
	if (n == 0)
		return false;
	*ret = (minus ? -digits : digits) / scale;
	return true;
}

/* "true to size" under the term "true": three words; also checks single spaces. 0 when the phrase is no phrase. */
static uint32_t phrase_words(struct text term, struct text *ret_head)
{
	uint32_t words = 1;
	for (uint32_t i = 0; i < term.size; i++) {
		if (term.data[i] != ' ')
			continue;
		if (i == 0 || i + 1 == term.size || term.data[i + 1] == ' ')
			return 0;
		if (words++ == 1)
			*ret_head = (struct text){ term.data, i };
	}
	return words > 1 ? words : 0;
}

static int parse_header(struct parser *p, struct text line)
{
	struct lexicon *l = p->lexicon;
	const char *space = memchr(line.data, ' ', line.size);
	struct text name = { line.data, space ? (uint32_t)(space - line.data) : line.size };
	struct text value = { space ? space + 1 : "", space ? line.size - name.size - 1 : 0 };
	if (p->section >= 0)
		return refuse(p, "@ lines come before the first [section]");
	if (text_equal(name, TEXT("@language"))) {
		if (value.size < 2 || value.size > 8)
			return refuse(p, "@language must be 2 to 8 letters, e.g. 'en', 'zh' or 'mul'");
		for (uint32_t i = 0; i < value.size; i++)
			if (value.data[i] < 'a' || value.data[i] > 'z')
				return refuse(p, "@language must be lower-case letters, found '%.*s'", (int)value.size, value.data);
		memcpy(l->language, value.data, value.size);
		l->language[value.size] = 0;
		if (!p->rules_given)
			l->rules = strcmp(l->language, "zh") == 0 ? LEXICON_LONGEST_MATCH : LEXICON_VADER;
		return 0;
	}
	if (text_equal(name, TEXT("@rules"))) {
		if (!text_equal(value, TEXT("vader")) && !text_equal(value, TEXT("longest-match")))
			return refuse(p, "@rules must be 'vader' or 'longest-match', found '%.*s'", (int)value.size, value.data);
		l->rules = value.data[0] == 'v' ? LEXICON_VADER : LEXICON_LONGEST_MATCH;
		p->rules_given = true;
		return 0;
	}
	if (text_equal(name, TEXT("@weights"))) {
		if (!text_equal(value, TEXT("on")) && !text_equal(value, TEXT("off")))
			return refuse(p, "@weights must be 'on' or 'off', found '%.*s'", (int)value.size, value.data);
		l->exact = value.size == 3;
		return 0;
	}
	return refuse(p, "unknown '%.*s': @language, @rules or @weights", (int)name.size, name.data);
}

static int parse_section(struct parser *p, struct text line)
{
	if (p->lexicon->language[0] == 0)
		return refuse(p, "@language must be given before the first [section]");
	for (int s = 0; s < LEXICON_SECTIONS; s++)
		if (line.size == strlen(sections[s].name) + 2 && line.data[line.size - 1] == ']' &&
			memcmp(line.data + 1, sections[s].name, line.size - 2) == 0) {
			p->section = s;
			return 0;
		}
	return refuse(p,
		"unknown section '%.*s': [words], [phrases], [boosters], [suffixes], [negations], [contrasts], [idioms], [emoji] or "
		"[guards] (a term that begins with '[' is written '\\[...')",
		(int)line.size, line.data);
}

static int set_entry(struct parser *p, struct lexicon_entry *entry, struct text value)
{
	struct lexicon *l = p->lexicon;
	const struct section *s = &sections[p->section];
	double v = 0;
	bool numeric = value.size > 0 && number(value, &v);
	if (p->section == LEXICON_EMOJI) {
		entry->description = numeric ? (struct text){ NULL, 0 } : value;
	} else if (value.size > 0 && !numeric) {
		return refuse(p, "'%.*s' is not a number", (int)value.size, value.data);
	}
	if (numeric && !(v >= s->least && v <= s->greatest))
		return refuse(p, "a number of [%s] must be between %g and %g, found '%.*s'", s->name, s->least, s->greatest, (int)value.size,
			value.data);
	switch ((enum lexicon_section)p->section) {
	case LEXICON_WORD:
	case LEXICON_PHRASE:
		if (entry->sections & (1u << LEXICON_WORD | 1u << LEXICON_PHRASE))
			return refuse(p, "'%.*s' has a valence already", (int)entry->term.size, entry->term.data);
		entry->valence = v;
		break;
	case LEXICON_BOOSTER:
	case LEXICON_SUFFIX:
		if (entry->sections & (1u << LEXICON_BOOSTER | 1u << LEXICON_SUFFIX))
			return refuse(p, "'%.*s' has a factor already", (int)entry->term.size, entry->term.data);
		entry->factor = v;
		break;
	case LEXICON_NEGATION:
		entry->negation = numeric ? v : l->rules == LEXICON_VADER ? -0.74
									  : -1;
		break;
	case LEXICON_IDIOM:
		entry->replacement = v;
		break;
	case LEXICON_EMOJI:
		entry->emoji = v;
		break;
	case LEXICON_CONTRAST:
	case LEXICON_GUARD:
	case LEXICON_SECTIONS:
		break;
	}
	entry->sections |= 1u << p->section;
	l->counts[p->section]++;
	return 0;
}

static int parse_entry(struct parser *p, struct text line)
{
	if (p->section < 0)
		return refuse(p, "an entry before the first [section]");
	const struct section *s = &sections[p->section];
	if (line.data[0] == '\\')
		line = (struct text){ line.data + 1, line.size - 1 };
	const char *tab = memchr(line.data, '\t', line.size);
	/* the lexicon's own copy of the bytes */
	bool traditional = p->lexicon->rules == LEXICON_LONGEST_MATCH && han_simplify((char *)(uintptr_t)line.data, tab ? (size_t)(tab - line.data) : line.size);
	struct text term = { line.data, tab ? (uint32_t)(tab - line.data) : line.size };
	struct text value = { tab ? tab + 1 : "", tab ? line.size - term.size - 1 : 0 };
	if (term.size == 0 || term.size > LEXICON_TERM_MAX)
		return refuse(p, "a term must have 1 to %d bytes", LEXICON_TERM_MAX);
	if (s->value_required && value.size == 0)
		return refuse(p, "expected 'term TAB number' in [%s]", s->name);
	if (!s->value_allowed && tab)
		return refuse(p, "[%s] takes terms without a number", s->name);
	if (p->section == LEXICON_EMOJI && (unsigned char)term.data[0] < 0x80 && term.size == 1)
		return refuse(p, "'%c' is no emoji", term.data[0]);
	struct text head;
	uint32_t words = p->section == LEXICON_PHRASE ? phrase_words(term, &head) : 0;
	if (p->section == LEXICON_PHRASE && words == 0)
		return refuse(p, "a phrase is two or more words with single spaces, found '%.*s'", (int)term.size, term.data);
	struct lexicon_entry *entry;
	int r = intern(p->lexicon, term, &entry);
	if (r < 0)
		return r;
	if (entry->sections >> p->section & 1 && (traditional || entry->traditional))
		return 0; /* both writings are given: the first one holds */
	entry->traditional |= traditional;
	if (entry->sections >> p->section & 1)
		return refuse(p, "'%.*s' stands twice in [%s]", (int)term.size, term.data, s->name);
	r = set_entry(p, entry, value);
	const char *space = memchr(term.data, ' ', term.size);
	bool idiom = space && space > term.data && (p->section == LEXICON_IDIOM || p->section == LEXICON_BOOSTER);
	if (r < 0 || (words == 0 && !idiom))
		return r;
	if (idiom)
		head = (struct text){ term.data, (uint32_t)(space - term.data) };
	r = intern(p->lexicon, head, &entry);
	if (r < 0)
		return r;
	if (words > entry->phrase_words)
		entry->phrase_words = words;
	if (words) {
		const char *second = term.data + head.size + 1, *end = memchr(second, ' ', term.size - head.size - 1);
		entry->seconds |= lexicon_second(second, end ? (size_t)(end - second) : term.size - head.size - 1);
	}
	entry->begins_idiom |= idiom;
	return 0;
}

static bool is_utf8(struct text t)
{
	const utf8proc_uint8_t *at = (const utf8proc_uint8_t *)t.data, *end = at + t.size;
	while (at < end) {
		utf8proc_int32_t c;
		utf8proc_ssize_t n = utf8proc_iterate(at, end - at, &c);
		if (n <= 0)
			return false;
		at += n;
	}
	return true;
}

static int parse(struct parser *p, const char *bytes, size_t size)
{
	for (const char *at = bytes, *end = bytes + size; at < end;) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		if (!stop)
			stop = end;
		p->line++;
		if (stop - at > 4096)
			return refuse(p, "longer than 4096 bytes");
		struct text line = { at, (uint32_t)(stop - at) };
		at = stop + 1;
		while (line.size && (line.data[line.size - 1] == ' ' || line.data[line.size - 1] == '\r' || line.data[line.size - 1] == '\t'))
			line.size--;
		if (line.size == 0 || line.data[0] == '#')
			continue;
		if (!is_utf8(line) || memchr(line.data, 0, line.size))
			return refuse(p, "not UTF-8 text");
		int r = line.data[0] == '@' ? parse_header(p, line) : line.data[0] == '[' ? parse_section(p, line)
											  : parse_entry(p, line);
		if (r < 0)
			return r;
	}
	if (p->lexicon->n_entries == 0) {
		p->line = 0;
		return refuse(p, "no entry in the lexicon");
	}
	return 0;
}

int lexicon_create(const char *bytes, size_t size, struct lexicon **ret, char *error, size_t error_size)
{
	struct lexicon *l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	int r = -ENOMEM;
	l->bytes = malloc(size + 1);
	if (l->bytes && size)
		memcpy(l->bytes, bytes, size);
	if (l->bytes) {
		struct parser p = { .lexicon = l, .section = -1, .error = error, .error_size = error_size };
		r = parse(&p, l->bytes, size);
		if (r == -E2BIG)
			refuse(&p, "more than %u terms", LEXICON_ENTRIES_MAX);
	}
	if (r < 0) {
		lexicon_destroy(l);
		return r;
	}
	*ret = l;
	return 0;
}

void lexicon_destroy(struct lexicon *l)
{
	if (!l)
		return;
	free(l->slots);
	free(l->entries);
	free(l->bytes);
	free(l);
}

const struct lexicon_entry *lexicon_find(const struct lexicon *l, const char *term, size_t size)
{
	if (size == 0 || size > LEXICON_TERM_MAX)
		return NULL;
	uint32_t tag, entry = slot_of(l, term, size, &tag)->entry;
	return entry ? &l->entries[entry - 1] : NULL;
}

const char *lexicon_language(const struct lexicon *l)
{
	return l->language;
}

enum lexicon_rules lexicon_rules(const struct lexicon *l)
{
	return l->rules;
}

bool lexicon_takes_weights(const struct lexicon *l)
{
	return !l->exact;
}

size_t lexicon_count(const struct lexicon *l, enum lexicon_section section)
{
	return l->counts[section];
}

unsigned lexicon_starts(const struct lexicon *l, uint32_t first)
{
	return l->starts[first & 0xffff];
}

uint32_t lexicon_lengths(const struct lexicon *l, uint32_t first, uint32_t second)
{
	return (uint32_t)l->lengths[mix(first, second)] << 2;
}
