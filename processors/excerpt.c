/* See excerpt.h. */
#include "excerpt.h"

#include <ctype.h>

static const char dots[] = "…";
enum { DOTS = sizeof(dots) - 1,
	LEAST_DIGITS = 6,
	LEAST_NAME = 5 };

/* The text while it is looked through: out[i] says that byte i goes. */
struct look {
	const char *s;
	size_t n;
	bool out[EXCERPT_LOOK_BYTES];
};

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_name(char c) /* of a mail address, a host, a messenger's id */
{
	return is_letter(c) || is_digit(c) || c == '.' || c == '_' || c == '-' || c == '+';
}

static void take(struct look *l, size_t from, size_t to)
{
	for (; from < to; from++)
		l->out[from] = true;
}

static bool at_word(const struct look *l, size_t i, const char *word) /* whatever its case */
{
	for (; *word; i++, word++)
		if (i >= l->n || tolower((unsigned char)l->s[i]) != (unsigned char)*word)
			return false;
	return true;
}

static void take_id(struct look *l, struct text id)
{
	for (size_t i = 0; id.size >= 2 && i + id.size <= l->n; i++)
		if (!memcmp(l->s + i, id.data, id.size))
			take(l, i, i + id.size);
}

static void take_addresses(struct look *l)
{
	for (size_t i = 0; i < l->n; i++) {
		if (l->s[i] != '@')
			continue;
		size_t from = i, to = i + 1;
		while (from > 0 && is_name(l->s[from - 1]))
			from--;
		while (to < l->n && is_name(l->s[to]))
			to++;
		take(l, from, to);
	}
}

/* Bytes of a full-width or ordinary digit at i; 0: none. */
static size_t digit_at(const struct look *l, size_t i)
{
	if (is_digit(l->s[i]))
		return 1;
	const unsigned char *p = (const unsigned char *)l->s + i;
	return l->n - i >= 3 && p[0] == 0xef && p[1] == 0xbc && p[2] >= 0x90 && p[2] <= 0x99 ? 3 : 0;
}

static void take_numbers(struct look *l)
{
	for (size_t i = 0; i < l->n;) {
		size_t end = i, at = i, digits = 0, step;
		while (at < l->n) {
			if ((step = digit_at(l, at)) != 0) {
				digits++;
				end = at + step;
			} else if (at > i && strchr(" -.()/+", l->s[at]) && l->s[at] && at - end < 3) {
				step = 1;
			} else {
				break;
			}
			at += step;
		}
		if (digits >= LEAST_DIGITS)
			take(l, i, end);
		i = end > i ? end : i + 1;
	}
}

static void take_links(struct look *l)
{
	static const char *const ends[] = { "com", "net", "org", "cn", "info", "biz", "shop", "store", "io", "co", "me", "app", "xyz", "top", "de", "fr", "uk",
		"eu", "it", "es", "nl", "ru", "jp", "us", "ca", "au", "in", "br", NULL };
	for (size_t i = 0; i < l->n; i++) {
		bool link = at_word(l, i, "://") || at_word(l, i, "www.");
		for (int e = 0; !link && l->s[i] == '.' && i > 0 && (is_letter(l->s[i - 1]) || is_digit(l->s[i - 1])) && ends[e]; e++) {
			size_t behind = i + 1 + strlen(ends[e]);
			link = at_word(l, i + 1, ends[e]) && (behind >= l->n || !(is_letter(l->s[behind]) || is_digit(l->s[behind])));
		}
		if (!link)
			continue;
		size_t from = i, to = i;
		while (from > 0 && is_name(l->s[from - 1]))
			from--;
		while (to < l->n && l->s[to] > ' ' && l->s[to] < 0x7f) /* bytes of other scripts are below 0 or above it */
			to++;
		take(l, from, to);
		i = to > i ? to - 1 : i;
	}
}

static void take_messengers(struct look *l)
{
	static const char *const names[] = { "wechat", "weixin", "whatsapp", "telegram", "snapchat", "insta", "vx", "qq", "微信", "威信", "薇信", "加微", NULL };
	static const char *const fillers[] = { " ", ":", "=", "#", "id ", "id:", "is ", "号", "：", "群", "我", NULL };
	for (size_t i = 0; i < l->n; i++)
		for (int m = 0; names[m]; m++) {
			if (!at_word(l, i, names[m]) || (i > 0 && is_letter(names[m][0]) && is_letter(l->s[i - 1])))
				continue;
			size_t from = i + strlen(names[m]);
			for (int f = 0; fillers[f]; f++)
				if (at_word(l, from, fillers[f])) {
					from += strlen(fillers[f]);
					f = -1; /* and the next one */
				}
			size_t to = from;
			while (to < l->n && is_name(l->s[to]))
				to++;
			bool like_an_id = to - from >= LEAST_NAME;
			bool digit = false;
			for (size_t j = from; j < to; j++)
				digit |= is_digit(l->s[j]) || l->s[j] == '_';
			if (like_an_id && digit)
				take(l, from, to);
		}
}

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

size_t excerpt_make(struct text text, struct text user_id, char *to, size_t max)
{
	struct look l = { .s = text.data, .n = text.size };
	if (l.n > EXCERPT_LOOK_BYTES)
		l.n = whole(text.data, EXCERPT_LOOK_BYTES);
	take_id(&l, user_id);
	take_addresses(&l);
	take_links(&l);
	take_numbers(&l);
	take_messengers(&l);

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
		} else if (c <= ' ' || c == 0x7f) {
			if (n && clean[n - 1] != ' ')
				clean[n++] = ' ';
		} else {
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
