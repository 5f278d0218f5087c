/* See excerpt.h. */
#include "excerpt.h"

static const char dots[] = "…";
enum { DOTS = sizeof(dots) - 1,
	LEAST_DIGITS = 6,
	LEAST_NAME = 5 };

/* The text while it is looked through: out[i] says that byte i goes. */
struct look {
	char s[EXCERPT_LOOK_BYTES];
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

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static bool at_word(const struct look *l, size_t i, const char *word) /* whatever its case */
{
	for (; *word; i++, word++)
		if (i >= l->n || lower(l->s[i]) != *word)
			return false;
	return true;
}

static bool letter_at(const struct look *l, size_t i)
{
	return i < l->n && is_letter(l->s[i]);
}

/* The first of the words that stands at i: its bytes; 0: none. */
static size_t one_of(const struct look *l, size_t i, const char *const *words)
{
	if (i >= l->n)
		return 0;
	for (char first = lower(l->s[i]); *words; words++)
		if (**words == first && at_word(l, i, *words))
			return strlen(*words);
	return 0;
}

/* A code point of valid UTF-8 and its bytes; what is cut or invalid is a byte of its own. */
static uint32_t character(const char *s, size_t n, size_t *ret_bytes)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t bytes = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3
		: p[0] >= 0xc0                         ? 2
						       : 1;
	*ret_bytes = bytes <= n ? bytes : 1;
	if (bytes == 1 || bytes > n)
		return p[0];
	uint32_t c = p[0] & (0x7fu >> bytes);
	for (size_t i = 1; i < bytes; i++)
		c = c << 6 | (p[i] & 0x3f);
	return c;
}

static bool invisible(uint32_t c) /* and what makes a key of a digit, or turns the direction */
{
	return c == 0xad || (c >= 0x200b && c <= 0x200f) || (c >= 0x202a && c <= 0x202e) || (c >= 0x2060 && c <= 0x2069) || c == 0x20e3 || c == 0xfe0f || c == 0xfeff;
}

/* Letters, digits and @ . - _ + / in full width become ordinary, blanks of all kinds one kind, what nobody sees goes. */
static void look_at(struct look *l, struct text text)
{
	for (size_t i = 0, bytes; i < text.size; i += bytes) {
		uint32_t c = character(text.data + i, text.size - i, &bytes);
		uint32_t narrow = c >= 0xff01 && c <= 0xff5e ? c - 0xfee0 : 0;
		if (invisible(c))
			continue;
		if (c == 0xa0 || c == 0x3000 || (c >= 0x2000 && c <= 0x200a) || c == 0x202f)
			l->s[l->n++] = ' ';
		else if (narrow && (is_letter((char)narrow) || is_digit((char)narrow) || strchr("@.-_+/", (int)narrow)))
			l->s[l->n++] = (char)narrow;
		else
			for (size_t b = 0; b < bytes; b++)
				l->s[l->n++] = text.data[i + b];
	}
}

static void take_id(struct look *l, struct text id)
{
	for (size_t i = 0; id.size >= 2 && i + id.size <= l->n; i++) {
		size_t same = 0;
		while (same < id.size && lower(l->s[i + same]) == lower(id.data[same]))
			same++;
		if (same == id.size)
			take(l, i, i + id.size);
	}
}

/* From here back over a name, with letters of two bytes (of Europe's scripts). */
static size_t name_begin(const struct look *l, size_t at)
{
	while (at > 0) {
		if (is_name(l->s[at - 1]))
			at--;
		else if (at > 1 && ((unsigned char)l->s[at - 1] & 0xc0) == 0x80 && ((unsigned char)l->s[at - 2] & 0xe0) == 0xc0)
			at -= 2;
		else
			break;
	}
	return at;
}

static size_t name_end(const struct look *l, size_t at)
{
	while (at < l->n && is_name(l->s[at]))
		at++;
	return at;
}

static size_t blanks_end(const struct look *l, size_t at)
{
	while (at < l->n && l->s[at] == ' ')
		at++;
	return at;
}

static const char *const ends[] = { "com", "net", "org", "cn", "info", "biz", "shop", "store", "online", "site", "club", "vip", "link", "live", "pro", "xyz", "top", "app", "io",
	"co", "me", "de", "fr", "uk", "eu", "it", "es", "nl", "ru", "jp", "us", "ca", "au", "in", "br", "ch", "pl", "se", "cz", "pt", "tr", "kr", "hk", "tw", "sg", "vn", "mx",
	"nz", "tv", "cc", "ly", "gl", "gg", "ai", NULL };
static const char *const ends_zh[] = { "中国", "公司", "网络", "网址", "商城", NULL };

/* Bytes of a top-level domain at i that ends there; 0: none. A short one with a capital begins a sentence. */
static size_t domain_at(const struct look *l, size_t i)
{
	for (int e = 0; ends[e]; e++) {
		size_t size = strlen(ends[e]), behind = i + size;
		if (at_word(l, i, ends[e]) && !letter_at(l, behind) && !(behind < l->n && is_digit(l->s[behind])) && (size > 2 || lower(l->s[i]) == l->s[i] || lower(l->s[i + 1]) != l->s[i + 1]))
			return size;
	}
	return one_of(l, i, ends_zh);
}

/* Ways of writing the dot of a host, or the sign of an address, so that no program sees it. */
static const char *const dots_written[] = { " dot ", "[dot]", "(dot)", "{dot}", "（dot）", " [dot] ", " (dot) ", "[.]", "(.)", "点", " . ", "。", "．", NULL };
static const char *const ats_written[] = { " at ", "[at]", "(at)", "[a]", "(a)", "{at}", "（at）", " [at] ", " (at) ", " @ ", "@ ", " @", "@", "艾特", "#", NULL };

/* Bytes of a host at i: labels, and a top-level domain, its dots written in any way; 0: none. */
static size_t host_at(const struct look *l, size_t i)
{
	size_t at = i, found = 0;
	for (int labels = 0; labels < 6; labels++) {
		size_t end = at, dot;
		while (end < l->n && (is_letter(l->s[end]) || is_digit(l->s[end]) || l->s[end] == '-' || l->s[end] == '_'))
			end++;
		if (end == at)
			break;
		dot = end < l->n && l->s[end] == '.' ? 1 : one_of(l, end, dots_written);
		if (!dot)
			break;
		size_t top = domain_at(l, end + dot);
		if (top)
			found = end + dot + top - i;
		at = end + dot;
	}
	return found;
}

static bool in_word(char c)
{
	return is_letter(c) || is_digit(c);
}

/* "buy at x.com" is none's address, "ann at gmail.com" is. */
static const char *const mail_hosts[] = { "mail", "gmail", "googlemail", "outlook", "hotmail", "yahoo", "icloud", "qq.", "163.", "126.", "gmx", "web.de", "proton", NULL };

/* ann at mail dot com, ann 艾特 mail 点 com, and hosts by themselves whose dot is written in such a way. */
static void take_written(struct look *l)
{
	for (size_t i = 0; i < l->n; i++) {
		size_t at = one_of(l, i, ats_written), host = at ? host_at(l, blanks_end(l, i + at)) : 0, from = name_begin(l, i);
		if (host && from < i && (!at_word(l, i, " at ") || !memchr(l->s + i, '.', at + host) || one_of(l, i + at, mail_hosts)))
			take(l, from, blanks_end(l, i + at) + host);
		if ((!i || !in_word(l->s[i - 1])) && in_word(l->s[i]) && (host = host_at(l, i)) != 0)
			take(l, i, i + host);
	}
}

static void take_addresses(struct look *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->s[i] == '@')
			take(l, name_begin(l, i), name_end(l, i + 1));
}

/* Bytes of a digit at i, in figures of any kind, a Chinese numeral, or an English word; 0: none. O and l stand for digits behind one. */
static size_t digit_at(const struct look *l, size_t i, bool behind_one)
{
	static const char *const words[] = { "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "oh", NULL };
	static const char *const numerals[] = { "零", "〇", "一", "二", "三", "四", "五", "六", "七", "八", "九", "幺", "壹", "贰", "叁", "肆", "伍", "陆", "柒", "捌", "玖", NULL };
	if (is_digit(l->s[i]) || (behind_one && strchr("oOlI", l->s[i]) && l->s[i]))
		return 1;
	if (is_letter(l->s[i])) {
		size_t word = one_of(l, i, words);
		return word && !letter_at(l, i + word) && (!i || !is_letter(l->s[i - 1])) ? word : 0;
	}
	if ((unsigned char)l->s[i] < 0x80)
		return 0;
	size_t bytes;
	uint32_t c = character(l->s + i, l->n - i, &bytes);
	bool figure = (c >= 0x660 && c <= 0x669) || (c >= 0x6f0 && c <= 0x6f9) || (c >= 0x966 && c <= 0x96f) || (c >= 0x2460 && c <= 0x2468) || c == 0x24ea ||
		(c >= 0x2776 && c <= 0x277e) || (c >= 0x2070 && c <= 0x2089) || c == 0xb2 || c == 0xb3 || c == 0xb9 || (c >= 0x1d7ce && c <= 0x1d7ff);
	return figure ? bytes : one_of(l, i, numerals);
}

static void take_numbers(struct look *l)
{
	static const char *const between[] = { " ", "-", ".", "(", ")", "/", "+", ",", "_", "*", "~", "，", "、", "·", "—", "–", "－", NULL };
	for (size_t i = 0; i < l->n;) {
		size_t end = i, at = i, digits = 0, gap = 0, step;
		while (at < l->n) {
			if ((step = digit_at(l, at, at > i && at == end)) != 0) {
				digits++;
				end = at + step;
				gap = 0;
			} else if (at > i && gap < 3 && (step = one_of(l, at, between)) != 0) {
				gap++;
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
	for (size_t i = 0; i < l->n; i++) {
		bool dot = l->s[i] == '.' && i > 0 && in_word(l->s[i - 1]);
		bool link = at_word(l, i, "://") || at_word(l, i, "www.") || (dot && domain_at(l, i + 1));
		if (dot && letter_at(l, i + 1) && letter_at(l, i + 2)) { /* whatever.word/path */
			size_t end = i + 1;
			while (letter_at(l, end))
				end++;
			link |= end + 1 < l->n && l->s[end] == '/' && l->s[end + 1] > ' ';
		}
		if (!link)
			continue;
		size_t from = name_begin(l, i), to = i;
		while (to < l->n && l->s[to] > ' ' && l->s[to] < 0x7f) /* bytes of other scripts are below 0 or above it */
			to++;
		to = to == i + 1 ? i + 1 + domain_at(l, i + 1) : to;
		take(l, from, to);
		i = to > i ? to - 1 : i;
	}
}

/* An id behind the name of a messenger or network: by a digit or _ in it, or when it is said to be one (a colon, "id"), or follows a Chinese name at
 * once. */
static void take_messengers(struct look *l)
{
	static const char *const names[] = { "wechat", "we chat", "weixin", "whatsapp", "telegram", "snapchat", "instagram", "insta", "facebook", "tiktok", "skype", "viber", "kakao",
		"line id", "vx", "wx", "qq", "ig", "fb", "wei xin", "q q", "加q", "v 信", "微.信", "微 信", "微信", "威信", "薇信", "徽信", "v信", "加微", "加v", "➕v", "薇", "扣扣", "企鹅号", "抖音", "小红书", "微博", "支付宝", NULL };
	static const char *const fillers[] = { " ", "is ", "me ", "我", "群", "同", "是", "-", NULL };
	static const char *const marks[] = { ":", "=", "#", "id", "：", "号", "➕", "+", NULL };
	for (size_t i = 0; i < l->n; i++) {
		size_t name = one_of(l, i, names);
		bool chinese = name && (unsigned char)l->s[i + name - 1] >= 0x80;
		if (!name || (is_letter(l->s[i]) && ((i > 0 && is_letter(l->s[i - 1])) || (is_letter(l->s[i + name - 1]) && letter_at(l, i + name) && name < 4))))
			continue;
		size_t from = i + name, step;
		bool marked = at_word(l, i, "line id");
		while ((step = one_of(l, from, marks)) != 0 || (step = one_of(l, from, fillers)) != 0) {
			marked |= one_of(l, from, marks) != 0;
			from += step;
		}
		size_t to = name_end(l, from);
		while (to > from && l->s[to - 1] == '.') /* the sentence's */
			to--;
		bool digit = false;
		for (size_t j = from; j < to; j++)
			digit |= is_digit(l->s[j]) || l->s[j] == '_';
		if (to - from >= LEAST_NAME && (digit || marked || (chinese && from == i + name)))
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
	struct look l = { .n = 0 };
	look_at(&l, (struct text){ text.data, text.size > EXCERPT_LOOK_BYTES ? (uint32_t)whole(text.data, EXCERPT_LOOK_BYTES) : text.size });
	take_id(&l, user_id);
	take_written(&l);
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
