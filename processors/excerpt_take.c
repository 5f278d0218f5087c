/* See excerpt_take.h. Everything looks at bytes: a word of a list stands where its bytes stand. */
#include "excerpt_take.h"

#include "utf8.h"

enum { LEAST_DIGITS = 6,  /* of a number */
	LEAST_CODE = 5,   /* digits in a row of a word of letters and digits */
	LEAST_ORDER = 4,  /* of what is said to be the number of an order */
	LEAST_NAME = 5,   /* characters of an id */
	LEAST_MARKED = 3, /* of one that is said to be an id */
	WIDE_NAME = 8,    /* Chinese characters of a name, at most: there are no blanks between words */
	QUOTED_NAME = 64 };

static bool is_name(char c) /* of a mail address, a host, a messenger's id */
{
	return is_letter(c) || is_digit(c) || (c && strchr("._-+", c));
}

static bool in_word(char c)
{
	return is_letter(c) || is_digit(c);
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

/* Within a word of Latin letters, or within a character: no word of a list begins there. */
static bool inside(const struct look *l, size_t i)
{
	return ((unsigned char)l->s[i] & 0xc0) == 0x80 || (i > 0 && is_letter(l->s[i]) && is_letter(l->s[i - 1]));
}

/* A word begins at i, and none of words joined by - or _ goes on. */
static bool begins(const struct look *l, size_t i)
{
	return in_word(l->s[i]) && (!i || (!in_word(l->s[i - 1]) && !((l->s[i - 1] == '-' || l->s[i - 1] == '_') && i > 1 && in_word(l->s[i - 2]))));
}

static bool letter_at(const struct look *l, size_t i)
{
	return i < l->n && is_letter(l->s[i]);
}

/* The first of the words that stands at i: its bytes; 0: none. */
static size_t one_of(const struct look *l, size_t i, const char *const *words)
{
	if (i >= l->n || ((unsigned char)l->s[i] & 0xc0) == 0x80)
		return 0;
	for (char first = lower(l->s[i]); *words; words++)
		if (**words == first && at_word(l, i, *words))
			return strlen(*words);
	return 0;
}

/* Bytes of a letter, mark or number of another script at i; 0: there is none. */
static size_t foreign_at(const struct look *l, size_t i)
{
	uint32_t c;
	if (i >= l->n || (unsigned char)l->s[i] < 0x80)
		return 0;
	size_t bytes = utf8_next(l->s + i, l->s + l->n, &c);
	utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)c);
	return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_NO ? bytes : 0;
}

/* The same of the one that ends at i. */
static size_t foreign_before(const struct look *l, size_t i)
{
	for (size_t bytes = 1; bytes <= 4 && bytes <= i; bytes++)
		if (((unsigned char)l->s[i - bytes] & 0xc0) != 0x80)
			return foreign_at(l, i - bytes) == bytes ? bytes : 0;
	return 0;
}

/* From here back over a name, with letters of two bytes (of Europe's scripts). */
static size_t name_begin(const struct look *l, size_t at)
{
	for (;;) {
		if (at > 0 && is_name(l->s[at - 1]))
			at--;
		else if (foreign_before(l, at) == 2)
			at -= 2;
		else
			return at;
	}
}

/* From here back over what may stand before the @ of an address: a name with ' and &, quoted words, or Chinese characters. */
static size_t local_begin(const struct look *l, size_t at)
{
	size_t end = at, bytes;
	if (at > 1 && l->s[at - 1] == '"')
		for (size_t i = at - 1; i > 0 && at - i < QUOTED_NAME; i--)
			if (l->s[i - 1] == '"')
				return i - 1;
	for (int n = 0; n < WIDE_NAME && (bytes = foreign_before(l, at)) > 2; n++)
		at -= bytes;
	if (at < end)
		return at;
	while (at > 0 && (is_name(l->s[at - 1]) || strchr("'&=~%^$`", l->s[at - 1]) || foreign_before(l, at) == 2))
		at -= is_name(l->s[at - 1]) || (unsigned char)l->s[at - 1] < 0x80 ? 1 : 2;
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

/* ---- hosts and addresses ---- */

static const char *const ends[] = { "com", "net", "org", "cn", "info", "biz", "shop", "store", "online", "site", "club", "vip", "link", "live", "pro", "xyz", "top", "app", "io",
	"co", "me", "de", "fr", "uk", "eu", "it", "es", "nl", "ru", "jp", "us", "ca", "au", "in", "br", "ch", "pl", "se", "cz", "pt", "tr", "kr", "hk", "tw", "sg", "vn", "mx",
	"nz", "tv", "cc", "ly", "gl", "gg", "ai", "dev", "tech", "edu", "gov", "asia", "mobi", "ltd", "icu", "fi", "dk", "ie", "gr", "hu", "ro", "il", "ae", "th", "ph", "za", "ua",
	"lt", "lv", "ee", "sk", "bg", "hr", "rs", "cl", NULL };
/* A capital begins a sentence. */
static const char *const ends_words[] = { "fashion", "clothing", "boutique", "jewelry", "style", "design", "cloud", "website", "click", "space", "world", "blog", NULL };
/* Words as well: "excellent quality . it looks", "polka dot top". */
static const char *const ends_common[] = { "it", "me", "in", "us", "de", "es", "top", "live", "link", "pro", "shop", "store", "online", "site", "club", "info", NULL };
static const char *const ends_foreign[] = { "中国", "公司", "网络", "网址", "网店", "网站", "商城", "商店", "在线", "集团", "рф", NULL };

static bool ends_here(const struct look *l, size_t i)
{
	return !letter_at(l, i) && !(i < l->n && is_digit(l->s[i]));
}

/* Bytes of a top-level domain at i that ends there; 0: none. A short one with a capital begins a sentence. */
static size_t domain_at(const struct look *l, size_t i)
{
	for (int e = 0; ends[e]; e++) {
		size_t size = strlen(ends[e]);
		if (at_word(l, i, ends[e]) && ends_here(l, i + size) && (size > 2 || lower(l->s[i]) == l->s[i] || lower(l->s[i + 1]) != l->s[i + 1]))
			return size;
	}
	size_t word = one_of(l, i, ends_words), foreign = one_of(l, i, ends_foreign);
	return foreign ? foreign : word && ends_here(l, i + word) && l->s[i] == lower(l->s[i]) ? word
											       : 0;
}

/* Ways of writing the dot of a host, or the sign of an address, so that no program sees it. */
static const char *const dots_written[] = { " dot ", "[dot]", "(dot)", "{dot}", "<dot>", "（dot）", " [dot] ", " (dot) ", " <dot> ", "[.]", "(.)", "{.}", "点", " . ", "。", "．", NULL };
static const char *const ats_written[] = { " at ", "[at]", "(at)", "[a]", "(a)", "{at}", "<at>", "（at）", " [at] ", " (at) ", " <at> ", "[@]", "(@)", "{@}", "<@>", "（@）", " (@) ", "%40", "&#64;",
	" @ ", "@ ", " @", "@", "艾特", "#", NULL };

/* Bytes of a host at i: labels, and a top-level domain, its dots written in any way; 0: none. alone: no address leads to it, so that a domain that is a
 * word needs a dot. */
static size_t host_at(const struct look *l, size_t i, bool alone)
{
	size_t at = i, found = 0;
	for (int labels = 0; labels < 6; labels++) {
		size_t end = at, dot;
		while (end < l->n && (in_word(l->s[end]) || l->s[end] == '-' || l->s[end] == '_'))
			end++;
		if (end == at)
			break;
		dot = end < l->n && l->s[end] == '.' ? 1 : one_of(l, end, dots_written);
		if (!dot)
			break;
		size_t top = domain_at(l, end + dot);
		bool word = top && (one_of(l, end + dot, ends_common) == top || one_of(l, end + dot, ends_words) == top);
		if (top && !(alone && word && (l->s[end] == ' ' || (unsigned char)l->s[end] >= 0x80)))
			found = end + dot + top - i;
		at = end + dot;
	}
	return found;
}

/* "buy at x.com" is none's address, "ann at gmail.com" is. */
static const char *const mail_hosts[] = { "mail", "gmail", "googlemail", "outlook", "hotmail", "yahoo", "icloud", "qq.", "163.", "126.", "gmx", "web.de", "proton", "yandex", NULL };

void take_written(struct look *l)
{
	for (size_t i = 0; i < l->n; i++) {
		size_t at = in_word(l->s[i]) ? 0 : one_of(l, i, ats_written), host = at ? host_at(l, blanks_end(l, i + at), false) : 0, from = host ? local_begin(l, i) : i;
		if (from < i && (!at_word(l, i, " at ") || !memchr(l->s + i, '.', at + host) || one_of(l, i + at, mail_hosts)))
			take(l, from, blanks_end(l, i + at) + host);
		if (begins(l, i) && (host = host_at(l, i, true)) != 0)
			take(l, i, i + host);
	}
}

/* Where a name or host behind an @ ends, in any script. *ret_host: it has a dot. */
static size_t after_at(const struct look *l, size_t at, bool *ret_host)
{
	*ret_host = false;
	for (;;) {
		size_t from = at, bytes, top = *ret_host ? one_of(l, at, ends_foreign) : 0;
		if (top)
			return at + top;
		for (int n = 0; n < WIDE_NAME && (bytes = foreign_at(l, at)) > 2; n++)
			at += bytes;
		while (at == from || foreign_before(l, at) < 3) {
			if (at < l->n && l->s[at] != '.' && is_name(l->s[at]))
				at++;
			else if (foreign_at(l, at) == 2)
				at += 2;
			else
				break;
		}
		if (at == from || at + 1 >= l->n || l->s[at] != '.' || (!is_name(l->s[at + 1]) && !foreign_at(l, at + 1)))
			return at;
		*ret_host = true;
		at++;
	}
}

void take_addresses(struct look *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->s[i] == '@') {
			bool host;
			size_t to = after_at(l, i + 1, &host);
			take(l, host ? local_begin(l, i) : name_begin(l, i), to);
		}
}

void take_links(struct look *l)
{
	for (size_t i = 0; i < l->n; i++) {
		bool dot = l->s[i] == '.' && i > 0 && in_word(l->s[i - 1]);
		bool link = at_word(l, i, "://") || at_word(l, i, "www.") || (dot && domain_at(l, i + 1));
		size_t foreign = l->s[i] == '.' && foreign_before(l, i) ? one_of(l, i + 1, ends_foreign) : 0;
		bool foreign_host = foreign && !foreign_at(l, i + 1 + foreign); /* else a sentence that begins */
		if (dot && letter_at(l, i + 1) && letter_at(l, i + 2)) {        /* whatever.word/path */
			size_t end = i + 1;
			while (letter_at(l, end))
				end++;
			link |= end + 1 < l->n && l->s[end] == '/' && l->s[end + 1] > ' ';
		}
		if (!link && !foreign_host)
			continue;
		size_t from = foreign_host ? local_begin(l, i) : name_begin(l, i), to = i + 1, top = l->s[i] == '.' ? domain_at(l, i + 1) : 0;
		if (top && (unsigned char)l->s[i + 1] >= 0x80)
			to += top;
		while (to < l->n && l->s[to] > ' ' && l->s[to] < 0x7f) /* bytes of other scripts are below 0 or above it */
			to++;
		take(l, from, to);
		i = to - 1;
	}
}

/* ---- numbers ---- */

static bool is_figure(uint32_t c) /* of any script, circled, raised; not 1/2 */
{
	utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)c);
	bool fraction = (c >= 0xbc && c <= 0xbe) || (c >= 0x2150 && c <= 0x215f);
	return (category == UTF8PROC_CATEGORY_ND || category == UTF8PROC_CATEGORY_NO) && !fraction;
}

/* Bytes of a digit at i, in figures of any kind, a Chinese numeral, or an English word; 0: none. O and l stand for digits behind one. */
static size_t digit_at(const struct look *l, size_t i, bool behind_one)
{
	static const char *const words[] = { "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "oh", NULL };
	static const char *const numerals[] = { "零", "〇", "一", "二", "三", "四", "五", "六", "七", "八", "九", "幺", "壹", "贰", "叁", "肆", "伍", "陆", "柒", "捌", "玖", NULL };
	if (is_digit(l->s[i]) || (behind_one && strchr("oOlI", l->s[i]) && l->s[i]))
		return 1;
	if (is_letter(l->s[i])) {
		size_t word = inside(l, i) ? 0 : one_of(l, i, words);
		return word && !letter_at(l, i + word) ? word : 0;
	}
	if ((unsigned char)l->s[i] < 0x80)
		return 0;
	uint32_t c;
	size_t bytes = utf8_next(l->s + i, l->s + l->n, &c);
	return is_figure(c) ? bytes : one_of(l, i, numerals);
}

void take_numbers(struct look *l)
{
	static const char *const between[] = { " ", "-", ".", "(", ")", "/", "+", ",", "_", "*", "~", "|", ":", "，", "、", "：", "·", "•", "‐", "‑", "‒", "–", "—", "―", "−", "－", NULL };
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

/* Where a word of letters and digits ends, with - and _ inside; its digits, and how many of them are in a row. */
static size_t code_end(const struct look *l, size_t at, int *ret_digits, int *ret_row)
{
	size_t from = at;
	int row = 0;
	*ret_digits = *ret_row = 0;
	for (; at < l->n && (in_word(l->s[at]) || (at > from && (l->s[at] == '-' || l->s[at] == '_') && at + 1 < l->n && in_word(l->s[at + 1]))); at++) {
		row = is_digit(l->s[at]) ? row + 1 : 0;
		*ret_digits += is_digit(l->s[at]);
		*ret_row = row > *ret_row ? row : *ret_row;
	}
	return at;
}

/* Not 34d-27-35, nor 172cm70kg. */
void take_codes(struct look *l)
{
	static const char *const orders[] = { "order", "tracking", "invoice", "ticket", "parcel", "waybill", "订单", "单号", "运单", "快递", "卡号", "会员号", "编号", NULL };
	static const char *const fillers[] = { " ", "#", ":", "：", "=", "number", "num", "no.", "nr.", "no", "nr", "id", "code", "is ", "号", "是", "为", NULL };
	int digits, row;
	for (size_t i = 0; i < l->n; i++) {
		if (inside(l, i))
			continue;
		size_t order = one_of(l, i, orders), from = i, step;
		if (order && ((unsigned char)l->s[i] >= 0x80 || !i || !in_word(l->s[i - 1]))) {
			for (from = i + order; (step = one_of(l, from, fillers)) != 0;)
				from += step;
			size_t to = code_end(l, from, &digits, &row);
			if (digits >= LEAST_ORDER)
				take(l, from, to);
		}
		if (begins(l, i)) {
			size_t to = code_end(l, i, &digits, &row);
			if (row >= LEAST_CODE && (size_t)digits < to - i)
				take(l, i, to);
		}
	}
}

/* ---- messengers ---- */

static const char *const names[] = { "wechat", "we-chat", "we chat", "weixin", "whatsapp", "telegram", "snapchat", "instagram", "insta", "facebook", "tiktok", "skype", "viber", "kakao",
	"discord", "twitter", "linkedin", "line id", "vx", "wx", "qq", "ig", "fb", "tg", "ins", "wei xin", "q q", "加q", "q号", "v 信", "微.信", "微 信", "微信", "威信", "薇信", "徽信", "v信", "加我微", "加微",
	"加v", "➕v", "薇", "扣扣", "球球", "企鹅", "抖音", "小红书", "微博", "支付宝", NULL };
static const char *const names_words[] = { "line", "signal", NULL };

/* Words of five letters and more that reviews have behind such a name; none of them is taken for an id. */
static bool is_ordinary(const char *s, size_t n)
{
	static const char words[] =
		" about above account accounts added address advert adverts advertised after again against almost along already although always amazing another answer answered "
		"anymore anyone anything around asked asking awful beautiful became because before being better between black blogger bought brand bring broken buyer buyers called "
		"calling cannot chats cheap cheaper class clear colour color colours coming comment comments company contact contacts could customer customers deals didnt different "
		"dress dresses dropped either enough every everyone everything expected fabric faded fault fine first found friend friends garment getting going great green group groups "
		"handle having helped hence horrible image images influencer influencers instead items itself jacket jeans joke large later least length letter liked likes looked "
		"looking looks lower lying makes making maybe message messages messaged might minute model models money months nearly needed never nobody nothing offer offers often "
		"order ordered other others owner pages party pattern payment people person perhaps photo photos phone picture pictures places please point posted posting "
		"posts price prices printed probably problem product products profile promise promised promotion quality quite rather really reason received refund refunded replied reply "
		"replies return returned returns right round sales saying screen scam seems seller sellers sending service shade shape shipping shirt shoes shops should showed "
		"showing shown shows since sizes sizing skirt sleeve sleeves small smaller someone something sometimes stock store stores stories story straight strange style styles "
		"style's support supported terrible thank thanks their theirs there these thing things think those though three through today together tomorrow tonight totally trash tried "
		"trying twice under until usually versus video videos wants waste watch website weeks weird where whether which while white whole whose without woman women "
		"wonderful working works worse worst would wrong years yesterday young yours ";
	static const char *const endings[] = { "less", "ment", "ments", "tion", "tions", "sion", "ness", "able", "ible", "ful", "fully", "ously", "ous", "ive", "ally", NULL };
	char word[32] = " ";
	size_t size = 0;
	while (size < n && is_letter(s[size]) && size < sizeof(word) - 3) {
		word[1 + size] = lower(s[size]);
		size++;
	}
	if (size < n && (is_digit(s[size]) || s[size] == '_' || is_letter(s[size])))
		return false;
	for (int i = 0; endings[i]; i++)
		if (size > strlen(endings[i]) && memcmp(word + 1 + size - strlen(endings[i]), endings[i], strlen(endings[i])) == 0)
			return true;
	word[1 + size] = ' ';
	return size < LEAST_NAME || memmem(words, sizeof(words) - 1, word, size + 2) != NULL;
}

void take_messengers(struct look *l)
{
	static const char *const fillers[] = { " ", "account ", "number ", "handle ", "name ", "is ", "me ", "at ", "我", "群", "同", "是", "账号", "-", NULL };
	static const char *const marks[] = { ":", "=", "#", "id", "：", "号", "➕", "+", NULL };
	for (size_t i = 0; i < l->n; i++) {
		if (inside(l, i))
			continue;
		size_t name = one_of(l, i, names);
		bool strong = name, foreign = name && (unsigned char)l->s[i + name - 1] >= 0x80;
		if (!name)
			name = one_of(l, i, names_words);
		bool attached = !foreign && letter_at(l, i + name); /* installing */
		bool within = attached && (!strong || name < 4);
		if (!name || within)
			continue;
		bool marked = at_word(l, i, "line id"), own = i >= 3 && at_word(l, i - 3, "my ");
		size_t from = i + name, step;
		while ((step = one_of(l, from, marks)) != 0 || (step = one_of(l, from, fillers)) != 0) {
			marked |= one_of(l, from, marks) != 0;
			from += step;
		}
		size_t to = name_end(l, from), hash = to;
		if (to > from && to + 1 < l->n && l->s[to] == '#' && is_digit(l->s[to + 1])) /* ann#1234 */
			for (hash++; hash < l->n && is_digit(l->s[hash]);)
				hash++;
		to = hash;
		while (to > from && l->s[to - 1] == '.') /* the sentence's */
			to--;
		bool digit = false, letter = false;
		for (size_t j = from; j < to; j++) {
			digit |= is_digit(l->s[j]) || l->s[j] == '_';
			letter |= is_letter(l->s[j]);
		}
		bool word = letter && !attached && !is_ordinary(l->s + from, to - from);
		bool takes = to - from >= LEAST_NAME && (strong ? digit || word : (digit && letter) || (own && word));
		if (marked && to - from >= LEAST_MARKED)
			takes |= strong ? digit || word || (letter && to - from < LEAST_NAME) : digit && letter;
		if (takes)
			take(l, from, to);
	}
}
