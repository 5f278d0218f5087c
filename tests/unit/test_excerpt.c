/* Excerpts of reviews: what is cut, and what points to a person. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <utf8proc.h>

#include "processors/excerpt.h"

static void same(const char *text, const char *user, const char *expected)
{
	char to[128];
	size_t n = excerpt_make(text_of(text), text_of(user), to, 96);
	if (n != strlen(expected) || memcmp(to, expected, n) != 0)
		fail_msg("'%s' gave '%.*s', expected '%s'", text, (int)n, to, expected);
}

static void plain_words_stay_as_they_are(void **state)
{
	(void)state;
	same("Runs small, and the hem ripped after 2 washes.", "u1", "Runs small, and the hem ripped after 2 washes.");
	same("  too \t thin\n\nfor winter ", "u1", "too thin for winter");
	same("裙子掉色，质量太差了！", "u1", "裙子掉色，质量太差了！");
	same("Size 38 for 49.99, bought 12/5. Bad", "u1", "Size 38 for 49.99, bought 12/5. Bad");
	same("Small.The sleeves are short.Also itchy", "u1", "Small.The sleeves are short.Also itchy");
	same("Price: 1,200 yuan @ the shop", "u1", "Price: 1,200 yuan … the shop");
	same("too small.It is tight.In all: bad", "u1", "too small.It is tight.In all: bad");
	same("one of two is fine, six and seven are not", "u1", "one of two is fine, six and seven are not");
	same("一三五天就起球，有点失望", "u1", "一三五天就起球，有点失望");
	same("wechat support was useless, instagram photos lie", "u1", "wechat support was useless, instagram photos lie");
	same("looked at it, dot pattern at the hem", "u1", "looked at it, dot pattern at the hem");
	same("用微信支付很方便，质量差", "u1", "用微信支付很方便，质量差");
	same("polka dot top, excellent quality . it shrank", "u1", "polka dot top, excellent quality . it shrank");
	same("32c-24-35 and 172cm70kg and 1200x1024 and 6½", "u1", "32c-24-35 and 172cm70kg and 1200x1024 and 6½");
	same("order 38, delivered 12:30, price 49.99", "u1", "order 38, delivered 12:30, price 49.99");
	same("installing it, the line is crooked, signal weak", "u1", "installing it, the line is crooked, signal weak");
	same("facebook friends laughed, twitter is useless", "u1", "facebook friends laughed, twitter is useless");
	same("衣服不错.公司发货快，网络慢", "u1", "衣服不错.公司发货快，网络慢");
}

static void the_writers_own_id_is_taken_out_however_it_is_written(void **state)
{
	(void)state;
	static const char *const cases[][3] = {
		/* id, text, excerpt */
		{ "ÄNN", "ich bin änn und ÄNN", "ich bin … und …" },
		{ "Зоя", "я зоя и ЗОЯ", "я … и …" },
		{ "Straße9", "ich bin STRASSE9", "ich bin …" },
		{ "ren\xc3\xa9", "je suis rene\xcc\x81 ici", "je suis … ici" },
		{ "ａｎｎ７", "I am ann7 here", "I am … here" },
		{ "ann7", "I am Ａｎｎ７ here", "I am … here" },
		{ "ann7", "I am a\xe2\x80\x8dnn7 here", "I am … here" },
		{ "u-77", "I am U‑77 here", "I am … here" },
		{ "ann lee", "I am ann　 lee here", "I am … here" },
		{ "张三", "我是张三，差", "我是…，差" },
		/* of one or two characters, or of digits alone: words of their own */
		{ "x9", "I am X9, not x90 or ax9", "I am …, not x90 or ax9" },
		{ "x9", "我是x9呀", "我是…呀" },
		{ "好", "好的，好 不好", "好的，… 不好" },
		{ "10086", "my id 10086, not 100860", "my id …, not …" },
		{ "1234", "pin 1234 or 12345", "pin … or 12345" },
		/* and a plain number of up to three digits says too little */
		{ "77", "size 77, no 7", "size 77, no 7" },
		{ "007", "bond 007 bag", "bond 007 bag" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		same(cases[i][1], cases[i][0], cases[i][2]);
}

static void what_points_to_a_person_is_taken_out(void **state)
{
	static const char *const cases[][2] = {
		{ "Broke. Mail me at Ann.Lee+x@mail.example.co.uk please", "Broke. Mail me at … please" },
		{ "ask @ann_lee9 about it", "ask … about it" },
		{ "call +49 (170) 123-45 67 now", "call +… now" },
		{ "电话13800138000，质量差", "电话…，质量差" },
		{ "电话１３８００１３８０００，差", "电话…，差" },
		{ "order 1234567 never came", "order … never came" },
		{ "better at https://other.example/x?y=1 believe me", "better at … believe me" },
		{ "see www.other.example/sale, cheaper", "see … cheaper" },
		{ "buy at cheapdress.shop instead", "buy at … instead" },
		{ "退款加微信：ann_123456 很差", "退款加微信：… 很差" },
		{ "my wechat id: lee88star , bad", "my wechat id: … , bad" },
		{ "I am user-77, angry", "I am …, angry" },
		{ "I am USER-77, angry", "I am …, angry" },
		{ "电话一三八零零一三八零零零，差", "电话…，差" },
		{ "电话：幺三八 零零幺三 八零零零 差", "电话：… 差" },
		{ "call 138OO138OOO now", "call … now" },
		{ "call ①③⑧⓪⓪①③⑧ now", "call … now" },
		{ "call ١٣٨٠٠١٣٨ now", "call … now" },
		{ "call 1\xef\xb8\x8f\xe2\x83\xa3"
		  "3\xef\xb8\x8f\xe2\x83\xa3"
		  "8\xef\xb8\x8f\xe2\x83\xa3"
		  "007"
		  "6 now",
			"call … now" },
		{ "call 13\xe2\x80\x8b"
		  "80\xe2\x80\x8b"
		  "01\xe2\x80\x8b"
		  "38 now",
			"call … now" },
		{ "call one three eight zero zero one three now", "call … now" },
		{ "call 138_0013_8000 or 138，0013，8000", "call … or …" },
		{ "write ann at mail dot com please", "write … please" },
		{ "write ann[at]mail[dot]com please", "write … please" },
		{ "write ann @ mail.com please", "write … please" },
		{ "write ann at mail.co.uk please", "write … please" },
		{ "write ren\xc3\xa9@mail.com please", "write … please" },
		{ "写信 ann艾特mail点com 谢谢", "写信 … 谢谢" },
		{ "ａｎｎ＠ｍａｉｌ．ｃｏｍ bad", "… bad" },
		{ "see other dot com, cheaper", "see …, cheaper" },
		{ "go to bit.ly/3xYz now", "go to … now" },
		{ "看 other。com 更便宜", "看 … 更便宜" },
		{ "add wechat: annlee for refund", "add wechat: … for refund" },
		{ "加V：annlee88 返现", "加V：… 返现" },
		{ "加微信annlee返现", "加微信…返现" },
		{ "扣扣 12345 找我", "扣扣 … 找我" },
		{ "my ig is ann_lee", "my ig is …" },
		{ "vx annlee88, refund", "vx …, refund" },
		{ "联系我 微.信 annlee88 退款", "联系我 微.信 … 退款" },
		{ "my wei xin annlee88", "my wei xin …" },
		{ "V 信 annlee88", "V 信 …" },
		{ "write ann.lee(a)gmail.com", "write …" },
		{ "call 555‑123‑4567 or 555−123−4567 or 555•123•4567", "call … or … or …" },
		{ "call 555|123|4567 or 555:123:4567", "call … or …" },
		{ "call 555  –\t123  –\n4567 now", "call … now" },
		{ "call ১৩৮০০১৩৮, ➀➂➇➆➅➄ or ⒈⒊⒏⒎⒍⒌ now", "call … or … now" },
		{ "mail o'brien@gmail.com or ann&co@gmail.com now", "mail … or … now" },
		{ "mail \"ann lee\"@gmail.com now", "mail … now" },
		{ "mail ann(@)gmail.com or ann<at>gmail.com now", "mail … or … now" },
		{ "mail ann <at> gmail <dot> com or ann%40gmail.com now", "mail … or … now" },
		{ "mail иван@яндекс.рф or 张三@公司.中国 now", "mail … or … now" },
		{ "邮箱：李小明@163.com 谢谢", "邮箱：… 谢谢" },
		{ "问 @小明 吧", "问 … 吧" },
		{ "tg: annlee88, telegram annlee, discord ann#1234", "tg: …, telegram …, discord …" },
		{ "twitter annlee88, linkedin: annlee, signal: ann.88", "twitter …, linkedin: …, signal: …" },
		{ "line: annlee88, my line is annlee", "line: …, my line is …" },
		{ "wechat annlee, my wechat is annlee", "wechat …, my wechat is …" },
		{ "insta is annlee, we-chat annlee88", "insta is …, we-chat …" },
		{ "微信 annlee，加我微 annlee8，加我vx annlee8", "微信 …，加我微 …，加我vx …" },
		{ "q号12345，球球 12345，微信：ann", "q号…，球球 …，微信：…" },
		{ "order AB12345, #AB-98765 or order no. 4711", "order …, #… or order no. …" },
		{ "订单号 12345 没到", "订单号 … 没到" },
		{ "see example.dev or example.fashion or 淘宝.网络", "see … or … or …" },
		{ "13800138000", "" },
		{ "!!! 12 ...", "" },
		{ "", "" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		same(cases[i][0], "user-77", cases[i][1]);
}

static void what_is_long_is_cut_between_words_or_characters(void **state)
{
	(void)state;
	char to[64];
	size_t n = excerpt_make(TEXT("The fabric feels cheap and the zip broke at once"), TEXT("u1"), to, 32);
	assert_int_equal(n, strlen("The fabric feels cheap and…"));
	assert_memory_equal(to, "The fabric feels cheap and…", n);
	char text[3 * 2000];
	for (int i = 0; i < 2000; i++)
		memcpy(text + 3 * i, "差", 3);
	for (size_t max = 8; max <= sizeof(to); max++) {
		n = excerpt_make((struct text){ text, sizeof(text) }, TEXT("u1"), to, max);
		assert_true(n <= max && n % 3 == 0 && n + 3 > max - 3);
		assert_memory_equal(to + n - 3, "…", 3);
	}
}

static void words_are_left_of_the_whole_text(void **state)
{
	(void)state;
	static char text[2 * EXCERPT_WORDS_BYTES], to[EXCERPT_WORDS_BYTES];
	size_t n = excerpt_words(TEXT("Bad. I am ann_lee, ann@x.com or 0170 1234567!  Torn"), TEXT("ann_lee"), to);
	assert_int_equal(n, strlen("Bad. I am ., . or .! Torn"));
	assert_memory_equal(to, "Bad. I am ., . or .! Torn", n);
	memset(text, 'a', sizeof(text));
	memcpy(text + EXCERPT_LOOK_BYTES, " ann_lee ", 9);
	memcpy(text + EXCERPT_WORDS_BYTES - 1, "差", 3); /* not cut within */
	n = excerpt_words((struct text){ text, sizeof(text) }, TEXT("ann_lee"), to);
	assert_true(n == EXCERPT_WORDS_BYTES - 1 - 6 && !memmem(to, n, "ann_lee", 7));
	assert_int_equal(excerpt_words(TEXT(""), TEXT("u1"), to), 0);
	assert_int_equal(excerpt_words((struct text){ NULL, 0 }, TEXT("u1"), to), 0);
}

static bool valid(const char *s, size_t n)
{
	for (size_t i = 0; i < n;) {
		utf8proc_int32_t c;
		utf8proc_ssize_t step = utf8proc_iterate((const utf8proc_uint8_t *)s + i, (utf8proc_ssize_t)(n - i), &c);
		if (step <= 0)
			return false;
		i += (size_t)step;
	}
	return true;
}

static void whatever_comes_it_ends_valid_and_without_an_address(void **state)
{
	static const char *const bits[] = { "ann@x.com", "a", " ", "7", "77", "138001", "微信", "qq", ":", "号", "差", "@", ".", "com", "www.", "://", "é", "😡", "-", "+", "u1", "order", "line", "\"", "<at>", "рф", "\xcc\x81", "\n" };
	(void)state;
	uint64_t x = 1;
	for (int round = 0; round < 20000; round++) {
		char text[2048], to[96];
		size_t size = 0, n;
		for (;;) {
			x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
			const char *bit = bits[(x >> 40) % (sizeof(bits) / sizeof(bits[0]))];
			if (size + strlen(bit) >= sizeof(text) || (x >> 33) % 64 == 0)
				break;
			memcpy(text + size, bit, strlen(bit));
			size += strlen(bit);
		}
		n = excerpt_make((struct text){ text, (uint32_t)size }, TEXT("u1"), to, sizeof(to));
		assert_true(n <= sizeof(to) && valid(to, n));
		char words[EXCERPT_WORDS_BYTES];
		size_t left = excerpt_words((struct text){ text, (uint32_t)size }, TEXT("u1"), words);
		assert_true(left <= size && valid(words, left) && !memchr(words, '@', left));
		assert_null(memchr(to, '@', n));
		size_t run = 0;
		for (size_t i = 0; i < n; i++) {
			run = to[i] >= '0' && to[i] <= '9' ? run + 1 : 0;
			assert_true(run < 6);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_words_stay_as_they_are),
		cmocka_unit_test(what_points_to_a_person_is_taken_out),
		cmocka_unit_test(the_writers_own_id_is_taken_out_however_it_is_written),
		cmocka_unit_test(words_are_left_of_the_whole_text),
		cmocka_unit_test(what_is_long_is_cut_between_words_or_characters),
		cmocka_unit_test(whatever_comes_it_ends_valid_and_without_an_address),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
