/* See zh.h. One pass from left to right; what a sentence said is kept until its end because a contrast changes it. */
#include "zh.h"

#include <errno.h>
#include <stdlib.h>

#include "han.h"
#include "utf8.h"

#define WINDOW 3          /* tokens before a scored word whose negations and degrees it takes */
#define LATIN_MAX 32      /* bytes of a Latin run that is looked up */

enum kind { NEGATION,
	DEGREE };

struct modifier {
	uint32_t at; /* its token's number */
	enum kind kind;
	double factor;
};

struct zh {
	char text[SENTIMENT_TEXT_MAX]; /* simplified */
	double values[SENTIMENT_TEXT_MAX];
	size_t n_values;
	size_t sentence;                /* first value of this sentence */
	double weight;                  /* of values to come in this sentence: 1, or 1.5 after a contrast */
	uint32_t at;                    /* the last token's number */
	struct modifier window[WINDOW]; /* the last ones of this clause, oldest first */
	size_t n_window;
	bool after_scored; /* the token before this one was scored: a suffix may follow */
	double both;       /* ... and may also have been a degree word (好喜欢): its factor, else 0 */
	uint32_t neutral, exclamations, questions;
};

int zh_create(struct zh **ret)
{
	struct zh *z = malloc(sizeof(*z));
	if (!z)
		return -ENOMEM;
	*ret = z;
	return 0;
}

void zh_destroy(struct zh *z)
{
	free(z);
}

static void push_plain(struct zh *z)
{
	z->at++;
	z->after_scored = false;
	z->both = 0;
}

static void push(struct zh *z, enum kind kind, double factor)
{
	push_plain(z);
	if (z->n_window == WINDOW) {
		z->window[0] = z->window[1];
		z->window[1] = z->window[2];
		z->n_window--;
	}
	z->window[z->n_window++] = (struct modifier){ z->at, kind, factor };
}

static void pause_clause(struct zh *z)
{
	z->n_window = 0;
	z->after_scored = false;
	z->both = 0;
}

/* The table in zh.h, read from left to right; `negation` waits for the degree word that would weaken it. */
static double modifiers(const struct zh *z)
{
	double factor = 1, negation = 0;
	for (size_t i = 0; i < z->n_window; i++) {
		const struct modifier *m = &z->window[i];
		if (z->at - m->at >= WINDOW)
			continue;
		if (m->kind == DEGREE && negation != 0) {
			factor *= negation * (m->factor > 1 ? 0.5 : m->factor);
			negation = 0;
		} else if (m->kind == DEGREE) {
			factor *= m->factor;
		} else {
			factor *= negation != 0 ? negation : 1;
			negation = m->factor;
		}
	}
	return negation != 0 ? factor * negation : factor;
}

static void add_scored(struct zh *z, double valence, double both)
{
	if (z->both != 0 && z->after_scored && z->n_values > z->sentence) { /* the word before was a degree word after all */
		z->n_values--;
		z->neutral++;
		push(z, DEGREE, z->both);
	}
	z->values[z->n_values++] = valence * modifiers(z) * z->weight;
	z->n_window = 0;
	z->after_scored = true;
	z->both = both;
}

static void add_contrast(struct zh *z)
{
	for (size_t i = z->sentence; i < z->n_values; i++)
		z->values[i] *= z->weight > 1 ? 1 : 0.5;
	z->weight = 1.5;
	pause_clause(z);
	z->neutral++;
}

static void add_entry(struct zh *z, const struct lexicon_entry *e)
{
	bool degree = lexicon_has(e, LEXICON_BOOSTER);
	if (lexicon_has(e, LEXICON_SUFFIX) && z->after_scored) {
		z->values[z->n_values - 1] *= e->factor;
		z->after_scored = false;
		z->neutral++;
	} else if (lexicon_has(e, LEXICON_WORD)) {
		add_scored(z, e->valence, degree ? e->factor : 0);
	} else if (lexicon_has(e, LEXICON_NEGATION)) {
		push(z, NEGATION, e->negation);
		z->neutral++;
	} else if (degree) {
		push(z, DEGREE, e->factor);
		z->neutral++;
	} else if (lexicon_has(e, LEXICON_CONTRAST)) {
		add_contrast(z);
	} else {
		push_plain(z);
		z->neutral++;
	}
}

static bool is_latin(uint32_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= 0xc0 && c <= 0x24f);
}

/* The longest term of the lexicon that begins at `at`, with the code point `first` of `one` bytes, and has more than `least` bytes; 0 when none does. */
static size_t take_term(struct zh *z, const struct lexicon *lexicon, const char *at, const char *end, uint32_t first, size_t one, size_t least)
{
	unsigned starts = lexicon_starts(lexicon, first);
	uint32_t lengths = starts & LEXICON_ALONE ? 1u << 1 : 0, c;
	size_t ends[LEXICON_LENGTH_MAX + 1], n = 1;
	ends[1] = one;
	if (starts & LEXICON_LONGER && at + one < end) {
		ends[2] = one + utf8_next(at + one, end, &c);
		lengths |= lexicon_lengths(lexicon, first, c);
		for (n = 2; lengths >> (n + 1) && at + ends[n] < end; n++)
			ends[n + 1] = ends[n] + utf8_next(at + ends[n], end, &c);
	}
	for (; n > 0 && ends[n] > least; n--) {
		const struct lexicon_entry *e = lengths >> n & 1 ? lexicon_find(lexicon, at, ends[n]) : NULL;
		if (!e || !(e->sections & ~(1u << LEXICON_EMOJI)))
			continue;
		add_entry(z, e);
		return ends[n];
	}
	return 0;
}

/* A run of Latin letters and digits, or a term that begins with it and goes on in Han (0分). */
static size_t take_latin(struct zh *z, const struct lexicon *lexicon, const char *at, const char *end)
{
	char lower[LATIN_MAX];
	size_t size = 0;
	uint32_t c;
	for (size_t n; at + size < end; size += n) {
		n = utf8_next(at + size, end, &c);
		if (!is_latin(c))
			break;
		for (size_t i = size; i < size + n && i < LATIN_MAX; i++)
			lower[i] = (char)(at[i] >= 'A' && at[i] <= 'Z' ? at[i] | 0x20 : at[i]);
	}
	size_t one = utf8_next(at, end, &c), taken = lexicon_starts(lexicon, c) & LEXICON_LONGER ? take_term(z, lexicon, at, end, c, one, size) : 0;
	if (taken)
		return taken;
	const struct lexicon_entry *e = size <= LATIN_MAX ? lexicon_find(lexicon, lower, size) : NULL;
	if (e && e->sections) {
		add_entry(z, e);
	} else {
		push_plain(z);
		z->neutral++;
	}
	return size;
}

static bool is_word(uint32_t c)
{
	if (c >= 0x4e00 && c <= 0x9fff)
		return true; /* without asking the tables */
	if (utf8_is_mark(c))
		return false;
	utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)c);
	return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_NO; /* letters, marks, numbers */
}

static bool take_emoji(struct zh *z, const struct lexicon *emoji, const char *at, size_t n, uint32_t c)
{
	if (!(lexicon_starts(emoji, c) & LEXICON_ALONE))
		return false;
	const struct lexicon_entry *e = lexicon_find(emoji, at, n);
	if (!lexicon_has(e, LEXICON_EMOJI) || e->description.data)
		return false;
	pause_clause(z);
	add_scored(z, e->emoji, 0);
	pause_clause(z);
	return true;
}

static void take_mark(struct zh *z, uint32_t c)
{
	z->exclamations += c == '!' || c == 0xff01;
	z->questions += c == '?' || c == 0xff1f;
	pause_clause(z);
	if (c == '.' || c == '!' || c == '?' || c == '\n' || c == 0x3002 || c == 0xff01 || c == 0xff1f || c == 0xff0e) {
		z->sentence = z->n_values;
		z->weight = 1;
	}
}

struct sentiment_sums zh_sums(struct zh *z, const struct lexicon *lexicon, const struct lexicon *emoji, struct text text)
{
	z->n_values = z->sentence = z->n_window = z->at = 0;
	z->neutral = z->exclamations = z->questions = 0;
	z->weight = 1;
	pause_clause(z);
	if (!emoji)
		emoji = lexicon;
	size_t size = text.size < SENTIMENT_TEXT_MAX ? text.size : SENTIMENT_TEXT_MAX;
	const char *at = size ? text.data : "", *end = at + size;
	if (han_traditional(at, size)) {
		memcpy(z->text, at, size);
		han_simplify(z->text, size);
		at = z->text;
		end = at + size;
	}
	while (at < end) {
		uint32_t c;
		size_t n = utf8_next(at, end, &c), taken;
		if (c < 0x250 && is_latin(c)) {
			at += take_latin(z, lexicon, at, end);
		} else if ((taken = take_term(z, lexicon, at, end, c, n, 0)) > 0) {
			at += taken;
		} else {
			if (is_word(c)) {
				push_plain(z);
				z->neutral++;
			} else if (c < 0x80 || !take_emoji(z, emoji, at, n, c)) {
				take_mark(z, c);
			}
			at += n;
		}
	}
	struct sentiment_sums sums = { .neutral = z->neutral, .words = z->neutral };
	for (size_t i = 0; i < z->n_values; i++)
		sentiment_sums_add(&sums, z->values[i]);
	sums.emphasis = sentiment_emphasis(z->exclamations, z->questions);
	return sums;
}

struct sentiment_score zh_score(struct zh *z, const struct lexicon *lexicon, struct text text)
{
	struct sentiment_sums sums = zh_sums(z, lexicon, NULL, text);
	return sentiment_score_of(&sums);
}
