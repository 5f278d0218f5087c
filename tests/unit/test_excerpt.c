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
