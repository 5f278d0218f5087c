/* See scorer.h. */
#include "scorer.h"

#include <errno.h>
#include <stdlib.h>

#include "utf8.h"
#include "vader.h"
#include "zh.h"

#define LEXICONS_MAX 16
#define HAN_LETTERS 3 /* a Han character says about as much as so many letters */

struct sentiment_scorer {
	const struct lexicon *lexicons[LEXICONS_MAX]; /* borrowed */
	struct weights *weights[LEXICONS_MAX];        /* of the lexicon of the same index; borrowed; NULL: none */
	size_t n_lexicons;
	const struct lexicon *spaced, *han, *emoji; /* for text of unknown language; NULL: none */
	struct vader *vader;
	struct zh *zh;
	char text[SENTIMENT_TEXT_MAX];   /* title and text */
	char masked[SENTIMENT_TEXT_MAX]; /* of a mixed text, what Latin rules may read */
};

struct letters {
	uint32_t latin, han, japanese, other; /* `other`: letters of every other script */
	bool any;                             /* anything but white space */
};

void sentiment_scorer_destroy(struct sentiment_scorer *s)
{
	if (!s)
		return;
	vader_destroy(s->vader);
	zh_destroy(s->zh);
	free(s);
}

static const struct lexicon *find_language(const struct sentiment_scorer *s, const char *language)
{
	for (size_t i = 0; i < s->n_lexicons; i++)
		if (strcmp(lexicon_language(s->lexicons[i]), language) == 0)
			return s->lexicons[i];
	return NULL;
}

int sentiment_scorer_create(const struct lexicon *const *lexicons, size_t n, struct sentiment_scorer **ret)
{
	if (n == 0 || n > LEXICONS_MAX)
		return -EINVAL;
	struct sentiment_scorer *s = malloc(sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->n_lexicons = 0;
	s->spaced = s->han = s->emoji = NULL;
	s->vader = NULL;
	s->zh = NULL;
	int r = vader_create(&s->vader);
	if (r == 0)
		r = zh_create(&s->zh);
	for (size_t i = 0; i < n && r == 0; i++) {
		const struct lexicon *l = lexicons[i];
		if (find_language(s, lexicon_language(l))) {
			r = -EINVAL;
			break;
		}
		s->weights[s->n_lexicons] = NULL;
		s->lexicons[s->n_lexicons++] = l;
		if (strcmp(lexicon_language(l), "mul") == 0)
			s->emoji = l;
		else if (lexicon_rules(l) == LEXICON_VADER)
			s->spaced = s->spaced ? s->spaced : l;
		else
			s->han = s->han ? s->han : l;
	}
	if (r < 0) {
		sentiment_scorer_destroy(s);
		return r;
	}
	const struct lexicon *en = find_language(s, "en"), *zh = find_language(s, "zh");
	if (en && lexicon_rules(en) == LEXICON_VADER)
		s->spaced = en;
	if (zh && lexicon_rules(zh) == LEXICON_LONGEST_MATCH)
		s->han = zh;
	*ret = s;
	return 0;
}

int sentiment_scorer_weights(struct sentiment_scorer *s, struct weights *weights)
{
	for (size_t i = 0; i < s->n_lexicons; i++) {
		if (strcmp(lexicon_language(s->lexicons[i]), weights_language(weights)) != 0)
			continue;
		if (s->weights[i])
			return -EINVAL;
		if (lexicon_takes_weights(s->lexicons[i]))
			s->weights[i] = weights;
		return 0;
	}
	return -EINVAL;
}

static bool is_han(uint32_t c)
{
	return (c >= 0x4e00 && c <= 0x9fff) || (c >= 0x3400 && c <= 0x4dbf) || (c >= 0xf900 && c <= 0xfaff) || (c >= 0x20000 && c <= 0x3ffff);
}

static bool is_latin(uint32_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= 0xc0 && c <= 0x24f && c != 0xd7 && c != 0xf7) || (c >= 0x1e00 && c <= 0x1eff);
}

static bool is_letter(uint32_t c)
{
	utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)c);
	return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
}

/* Eight bytes at once; false, and nothing counted, when not all are ASCII. A byte b below 128 is c or more where b + 128 - c has its high bit. */
static inline bool ascii_letters(const char *at, struct letters *l)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), high = 0x80 * ones;
	uint64_t x;
	memcpy(&x, at, 8);
	if (x & high)
		return false;
	uint64_t lower = x | 0x20 * ones, letters = (lower + (0x80 - 'a') * ones) & ~(lower + (0x80 - 'z' - 1) * ones) & high;
	l->latin += (uint32_t)((letters >> 7) * ones >> 56);
	l->any |= ((x + (0x80 - ' ' - 1) * ones) & high) != 0;
	return true;
}

static struct letters count_letters(struct text text)
{
	struct letters l = { 0 };
	uint32_t c;
	for (const char *at = text.data, *end = text.size ? at + text.size : at; at < end;) {
		if ((unsigned char)*at < 0x80) { /* without a branch: most bytes of most texts */
			if (end - at >= 8 && ascii_letters(at, &l)) {
				at += 8;
				continue;
			}
			unsigned char byte = (unsigned char)*at++;
			l.latin += (unsigned char)((byte | 0x20) - 'a') < 26;
			l.any |= byte > ' ';
			continue;
		}
		if (end - at >= 3 && (unsigned char)*at >= 0xe5 && (unsigned char)*at <= 0xe9 && (at[1] & 0xc0) == 0x80 && (at[2] & 0xc0) == 0x80) { /* U+5000 to U+9FFF */
			l.han++;
			at += 3;
			continue;
		}
		at += utf8_next(at, end, &c);
		if (is_han(c))
			l.han++;
		else if (is_latin(c))
			l.latin++;
		else if (utf8_is_mark(c))
			l.any = true;
		else if ((c >= 0x3041 && c <= 0x30fa) || (c >= 0x31f0 && c <= 0x31ff))
			l.japanese++;
		else if (is_letter(c))
			l.other++;
		else
			l.any |= c != 0x3000 && c != 0xa0;
	}
	l.any |= l.latin || l.han || l.japanese || l.other;
	return l;
}

/* The primary subtag in lower case, three-letter names of ours shortened; "" when the language is not known. */
static void language_of(struct text lang, char ret[9])
{
	static const char *const same[][2] = { { "eng", "en" }, { "zho", "zh" }, { "chi", "zh" }, { "cmn", "zh" }, { "yue", "zh" }, { "und", "" },
		{ "mul", "" }, { "zxx", "" } };
	uint32_t n = 0;
	for (; n < lang.size && n < 8 && lang.data[n] != '-' && lang.data[n] != '_'; n++)
		ret[n] = (char)(lang.data[n] >= 'A' && lang.data[n] <= 'Z' ? lang.data[n] | 0x20 : lang.data[n]);
	ret[n] = 0;
	for (size_t i = 0; i < sizeof(same) / sizeof(*same); i++)
		if (strcmp(ret, same[i][0]) == 0)
			strcpy(ret, same[i][1]);
}

/* Where utf8 text may be cut so that at most `most` bytes remain. */
static uint32_t cut(struct text t, size_t most)
{
	if (t.size <= most)
		return t.size;
	while (most > 0 && ((unsigned char)t.data[most] & 0xc0) == 0x80)
		most--;
	return (uint32_t)most;
}

static struct text join(struct sentiment_scorer *s, struct text title, struct text text)
{
	if (title.size == 0)
		return (struct text){ text.data ? text.data : "", cut(text, SENTIMENT_TEXT_MAX) };
	if (text.size == 0)
		return (struct text){ title.data, cut(title, SENTIMENT_TEXT_MAX) };
	uint32_t n = cut(title, SENTIMENT_TEXT_MAX - 2);
	memcpy(s->text, title.data, n);
	memcpy(s->text + n, ". ", 2);
	n += 2;
	uint32_t more = cut(text, SENTIMENT_TEXT_MAX - n);
	memcpy(s->text + n, text.data, more);
	return (struct text){ s->text, n + more };
}

/* Everything that the Han pass counts (other scripts, emoji, ! and ?) becomes a space. */
static struct text mask(struct sentiment_scorer *s, struct text text)
{
	uint32_t size = 0, c;
	for (const char *at = text.data, *end = at + text.size; at < end;) {
		size_t n = utf8_next(at, end, &c);
		bool keep = c < 0x80 ? c != '!' && c != '?' : is_latin(c) || c == 0x2019;
		if (keep)
			memcpy(s->masked + size, at, n);
		else
			s->masked[size] = ' ';
		size += keep ? (uint32_t)n : 1;
		at += n;
	}
	return (struct text){ s->masked, size };
}

static struct sentiment_sums read_with(struct sentiment_scorer *s, const struct lexicon *l, struct text text)
{
	const struct lexicon *emoji = s->emoji && lexicon_count(l, LEXICON_EMOJI) == 0 ? s->emoji : NULL;
	return lexicon_rules(l) == LEXICON_VADER ? vader_sums(s->vader, l, emoji, text) : zh_sums(s->zh, l, emoji, text);
}

static double learnt(const struct sentiment_scorer *s, const struct lexicon *l, struct text text)
{
	for (size_t i = 0; i < s->n_lexicons; i++)
		if (s->lexicons[i] == l)
			return s->weights[i] ? weights_sum(s->weights[i], text) : 0;
	return 0;
}

static int sum_text(struct sentiment_scorer *s, struct text title, struct text text, struct text lang, bool weights, struct sentiment_sums *ret)
{
	if (!count_letters(title).any)
		title.size = 0;
	text = join(s, title, text);
	struct letters l = count_letters(text);
	if (!l.any)
		return -ENODATA;
	char language[9];
	language_of(lang, language);
	const struct lexicon *own = language[0] ? find_language(s, language) : NULL, *spaced = s->spaced, *han = s->han;
	if (language[0] && !own)
		return -ENOTSUP;
	if (own && lexicon_rules(own) == LEXICON_VADER)
		spaced = own;
	else if (own)
		han = own;
	if (l.japanese * 10 > l.han) /* kana among Han: not Chinese */
		l.other += l.japanese + l.han, l.han = 0;
	uint32_t read = (spaced ? l.latin : 0) + (han ? HAN_LETTERS * l.han : 0);
	uint32_t all = l.latin + HAN_LETTERS * l.han + l.other;
	if (2 * read < all)
		return -ENOTSUP;
	bool read_han = han && l.han > 0, read_spaced = spaced && l.latin > 0;
	struct sentiment_sums sums;
	if (read_han && read_spaced) {
		sums = read_with(s, han, text);
		struct text latin = mask(s, text);
		struct sentiment_sums more = read_with(s, spaced, latin);
		sums.sum += more.sum;
		sums.pos += more.pos;
		sums.neg += more.neg;
		sums.neutral += more.neutral;
		sums.words += more.words;
		sums.learnt = weights ? learnt(s, han, text) + learnt(s, spaced, latin) : 0;
	} else {
		const struct lexicon *reader = read_han ? han : read_spaced ? spaced
			: own                                               ? own
			: spaced                                            ? spaced
									    : han;
		if (!reader)
			return -ENOTSUP;
		sums = read_with(s, reader, text);
		sums.learnt = weights ? learnt(s, reader, text) : 0;
	}
	*ret = sums;
	return 0;
}

int sentiment_sum_text(struct sentiment_scorer *s, struct text title, struct text text, struct text lang, struct sentiment_sums *ret)
{
	return sum_text(s, title, text, lang, true, ret);
}

int sentiment_rules_text(struct sentiment_scorer *s, struct text text, struct text lang, struct sentiment_sums *ret)
{
	return sum_text(s, (struct text){ NULL, 0 }, text, lang, false, ret);
}

int sentiment_score_text(struct sentiment_scorer *s, struct text title, struct text text, struct text lang, struct sentiment_score *ret)
{
	struct sentiment_sums sums;
	int r = sentiment_sum_text(s, title, text, lang, &sums);
	if (r == 0)
		*ret = sentiment_score_of(&sums);
	return r;
}
