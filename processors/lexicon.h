/* A sentiment lexicon: words with valences, and the small words that change them, in one hash table.
 *
 * Built from bytes that the caller read (no I/O here), never changed afterwards, so that any number of scorers may share one.
 * It knows nothing of scoring: vader.h and zh.h hold the rules, scorer.h chooses between them. The daemon builds lexicons at start;
 * `glintctl lexicon import` writes files in this format.
 *
 * The format (UTF-8, one entry a line; conf/lexicons/README.md says the same to the people who edit one):
 *
 *   # a comment; so is nothing else: a '#' further right belongs to the entry
 *   @language en             BCP 47 primary subtag; `mul` for emoji shared by all languages. Required, before the first section
 *   @rules vader             vader (words between spaces) or longest-match (no spaces); default: longest-match for zh, else vader
 *   @weights off             learnt weights (weights.h) are never added to what this lexicon says; default: on
 *   [words]                  term TAB valence, -4..4. Looked up as lower case: a term with capitals is kept but never met
 *   good	1.9
 *   [phrases]                several words, single spaces, TAB valence: taken together as one word, the longest first
 *   true to size	1.7
 *   [boosters]               term TAB amount. vader: added to a valence (0.293, -0.293). longest-match: a factor (1.5 very, 0.7 a bit)
 *   [suffixes]               longest-match only: a factor for the word right before it
 *   [negations]              term, or term TAB factor. Default factor -0.74 (vader), -1 (longest-match)
 *   [contrasts]              longest-match only: "but": what follows weighs more. (vader knows the one word "but")
 *   [idioms]                 vader only: words around a scored word that replace its valence (Hutto's "special cases")
 *   [emoji]                  emoji TAB number: its valence; or emoji TAB text: read as if that text stood there
 *   [guards]                 terms that mean nothing and keep longest-match from finding a word inside them
 *
 * A line that begins with '\' is an entry whose term begins after the backslash (terms that begin with '#', '@', '[' or '\').
 * The same term twice in one section is an error; a term may stand in several sections.
 */
#ifndef GLINT_LEXICON_H
#define GLINT_LEXICON_H

#include <stddef.h>

#include "text.h"

#define LEXICON_VALENCE_MAX 4.0      /* |valence| of a word */
#define LEXICON_TERM_MAX 255         /* bytes of a term */
#define LEXICON_ENTRIES_MAX 1000000u /* terms in one lexicon */

enum lexicon_rules { LEXICON_VADER,
	LEXICON_LONGEST_MATCH };

enum lexicon_section {
	LEXICON_WORD,
	LEXICON_PHRASE,
	LEXICON_BOOSTER,
	LEXICON_SUFFIX,
	LEXICON_NEGATION,
	LEXICON_CONTRAST,
	LEXICON_IDIOM,
	LEXICON_EMOJI,
	LEXICON_GUARD,
	LEXICON_SECTIONS
};

struct lexicon_entry {
	struct text term;        /* borrowed from the lexicon */
	struct text description; /* LEXICON_EMOJI given as text; else data == NULL */
	double valence;          /* LEXICON_WORD or LEXICON_PHRASE */
	double factor;           /* LEXICON_BOOSTER (amount or factor) or LEXICON_SUFFIX */
	double negation;         /* LEXICON_NEGATION */
	double replacement;      /* LEXICON_IDIOM */
	double emoji;            /* LEXICON_EMOJI given as a number; else 0 */
	uint32_t sections;       /* bit 1 << enum lexicon_section; 0 for a term that only begins a phrase or an idiom */
	uint32_t phrase_words;   /* words of the longest phrase that begins with this term; 0: none does */
	uint64_t seconds;        /* lexicon_second() of the second words of these */
	bool traditional;        /* it was written so, and is kept simplified (han.h) */
	bool begins_idiom;       /* an idiom, or a booster, of several words begins with this term */
};

struct lexicon;

/* Builds a lexicon from `size` bytes, which are copied. 0 and *ret (give to lexicon_destroy), or -EINVAL (with a sentence
 * "line 12: ..." in error, cut to error_size), -E2BIG (too many terms), -ENOMEM; *ret is then untouched. error may be NULL. */
int lexicon_create(const char *bytes, size_t size, struct lexicon **ret, char *error, size_t error_size);
void lexicon_destroy(struct lexicon *lexicon); /* NULL allowed */

/* The entry of a term, byte for byte, or NULL; borrowed until lexicon_destroy. One hash and, mostly, one comparison. */
const struct lexicon_entry *lexicon_find(const struct lexicon *lexicon, const char *term, size_t size);

const char *lexicon_language(const struct lexicon *lexicon); /* lower case: "en", "zh", "mul" */
enum lexicon_rules lexicon_rules(const struct lexicon *lexicon);
bool lexicon_takes_weights(const struct lexicon *lexicon);
size_t lexicon_count(const struct lexicon *lexicon, enum lexicon_section section);

/* What begins with a code point, told without a hash of the term. Both may say yes where there is nothing, never the other way round. */
enum lexicon_start { LEXICON_ALONE = 1, /* a term of this one code point */
	LEXICON_LONGER = 2 };           /* terms of two or more */
enum { LEXICON_LENGTH_MAX = 16 };
unsigned lexicon_starts(const struct lexicon *lexicon, uint32_t first); /* of enum lexicon_start */
/* Bit n is set: a term of n code points, 2..LEXICON_LENGTH_MAX, begins with these two. */
uint32_t lexicon_lengths(const struct lexicon *lexicon, uint32_t first, uint32_t second);

/* A bit that stands for a word (size > 0), and for some others. */
static inline uint64_t lexicon_second(const char *word, size_t size)
{
	return UINT64_C(1) << ((5u * (unsigned char)word[0] + (unsigned char)word[size - 1] + size) & 63);
}

static inline bool lexicon_has(const struct lexicon_entry *entry, enum lexicon_section section)
{
	return entry && (entry->sections >> section & 1);
}

#endif
