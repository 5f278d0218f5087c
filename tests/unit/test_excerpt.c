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
	static const char *const bits[] = { "ann@x.com", "a", " ", "7", "77", "138001", "微信", "qq", ":", "号", "差", "@", ".", "com", "www.", "://", "é", "😡", "-", "+", "u1" };
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
		cmocka_unit_test(what_is_long_is_cut_between_words_or_characters),
		cmocka_unit_test(whatever_comes_it_ends_valid_and_without_an_address),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
