/* Chinese. Expected sums are computed by hand from the lexicon below: 好 1.5, 舒服 2, 差 -2, 起球 -2; 很 1.5, 太 1.8, 有点 0.7. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "processors/zh.h"

static const char lexicon_text[] =
	"@language zh\n[words]\n好\t1.5\n好看\t2\n喜欢\t2.5\n舒服\t2\n差\t-2\n起球\t-2\n性价比\t1\n性价比高\t2.6\nok\t1\n0分\t-3\n"
	"[boosters]\n很\t1.5\n太\t1.8\n有点\t0.7\n好\t1.4\n[suffixes]\n极了\t1.8\n[negations]\n不\n没有\n不是\n不太\t-0.5\n"
	"[contrasts]\n但是\n[emoji]\n👍\t2\n[guards]\n差不多\n好像\n";

struct fixture {
	struct lexicon *lexicon;
	struct zh *zh;
};

struct sentence {
	const char *text;
	double sum;
};

static int set_up(void **state)
{
	static struct fixture f;
	char error[200] = "";
	if (lexicon_create(lexicon_text, strlen(lexicon_text), &f.lexicon, error, sizeof(error)) < 0)
		fail_msg("%s", error);
	assert_int_equal(zh_create(&f.zh), 0);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	lexicon_destroy(f->lexicon);
	zh_destroy(f->zh);
	zh_destroy(NULL);
	return 0;
}

static void check(struct fixture *f, const struct sentence *sentences, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		double sum = zh_sums(f->zh, f->lexicon, NULL, text_of(sentences[i].text)).sum;
		if (fabs(sum - sentences[i].sum) > 1e-12)
			fail_msg("'%s': %g, expected %g", sentences[i].text, sum, sentences[i].sum);
	}
}

#define CHECK(...) check(*state, (const struct sentence[]){ __VA_ARGS__ }, sizeof((const struct sentence[]){ __VA_ARGS__ }) / sizeof(struct sentence))

static void the_longest_term_is_taken(void **state)
{
	CHECK({ "性价比高", 2.6 }, { "性价比", 1 }, { "性价", 0 }, { "好看", 2 }, { "很好看", 3 });
}

static void a_guard_keeps_a_word_from_being_found_inside_it(void **state)
{
	CHECK({ "差不多", 0 }, { "好像穿过", 0 }, { "好像差", -2 });
}

static void degree_words_multiply(void **state)
{
	CHECK({ "很好", 2.25 }, { "有点差", -1.4 }, { "太差", -3.6 }, { "很太差", -5.4 }, { "好极了", 2.7 }, { "极了", 0 }, { "好，极了", 1.5 });
}

static void a_negation_turns_the_word_around(void **state)
{
	CHECK({ "不好", -1.5 }, { "不起球", 2 }, { "没有起球", 2 }, { "不是不好", 1.5 }, { "不太好", -0.75 });
}

static void the_order_of_degree_and_negation_matters(void **state)
{
	CHECK({ "不很好", -0.75 }, { "不是很好", -0.75 }, { "很不好", -2.25 }, { "太不舒服", -3.6 }, { "不有点差", 1.4 }, { "很不太好", -1.125 });
}

static void modifiers_reach_three_tokens_back_and_not_past_a_mark_or_a_scored_word(void **state)
{
	CHECK({ "不那么的好", 1.5 }, { "不那么好", -1.5 }, { "不，好", 1.5 }, { "不 好", 1.5 }, { "不好看舒服", 0 }, { "不好！舒服", 0.5 });
}

static void a_word_that_is_also_a_degree_word_is_one_right_before_a_scored_word(void **state)
{
	CHECK({ "好喜欢", 3.5 }, { "好，喜欢", 4 }, { "好不喜欢", -1 }, { "喜欢好", 4 });
}

static void a_contrast_shifts_the_weight_within_its_sentence(void **state)
{
	CHECK({ "好但是差", 0.75 - 3 }, { "好。舒服但是差", 1.5 + 1 - 3 }, { "好但是差。好", 0.75 - 3 + 1.5 }, { "好但是差但是好", 0.75 - 3 + 2.25 });
}

static void emoji_latin_words_and_odd_bytes_are_read(void **state)
{
	CHECK({ "好👍🏽", 3.5 }, { "不👍", 2 }, { "OK的", 1 }, { "book", 0 }, { "\xff\xe5\xa5", 0 }, { "", 0 });
}

static void the_score_is_squashed_as_vaders(void **state)
{
	struct fixture *f = *state;
	/* 2.25 / sqrt(2.25^2 + 15) = 0.50233...; with one mark 2.542 / sqrt(2.542^2 + 15) = 0.54870... */
	assert_true(zh_score(f->zh, f->lexicon, text_of("很好")).compound == 0.5023);
	assert_true(zh_score(f->zh, f->lexicon, text_of("很好！")).compound == 0.5487);
	struct sentiment_score s = zh_score(f->zh, f->lexicon, text_of("很好衣差")); /* pos 3.25, neg 3, neutral 2 */
	assert_true(s.pos == 0.394 && s.neg == 0.364 && s.neu == 0.242);
	s = zh_score(f->zh, f->lexicon, text_of(""));
	assert_true(s.compound == 0 && s.neu == 0);
}

static void traditional_characters_are_read_as_simplified_ones(void **state)
{
	CHECK({ "很舒適", 0 }, { "舒適", 0 }, { "喜歡", 2.5 }, { "不喜歡", -2.5 }, { "起毬", 0 }, { "性價比高", 2.6 }, { "沒有起球", 2 }, { "差極了", -3.6 }, { "好像穿過", 0 }, { "\xe5\xa5", 0 });
}

static void a_term_may_begin_with_a_figure(void **state)
{
	CHECK({ "0分", -3 }, { "给0分", -3 }, { "10分", 0 }, { "0 分", 0 }, { "okay", 0 }, { "ok", 1 }, { "不ok", -1 });
}

static void no_more_than_the_stated_length_is_read(void **state)
{
	struct fixture *f = *state;
	size_t size = 4 * SENTIMENT_TEXT_MAX;
	char *text = malloc(size);
	for (size_t i = 0; i + 3 <= size; i += 3)
		memcpy(text + i, "差", 3);
	struct sentiment_sums s = zh_sums(f->zh, f->lexicon, NULL, (struct text){ text, (uint32_t)size });
	assert_int_equal(s.words, SENTIMENT_TEXT_MAX / 3);
	assert_true(s.sum == -2.0 * (SENTIMENT_TEXT_MAX / 3));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_longest_term_is_taken),
		cmocka_unit_test(a_guard_keeps_a_word_from_being_found_inside_it),
		cmocka_unit_test(degree_words_multiply),
		cmocka_unit_test(a_negation_turns_the_word_around),
		cmocka_unit_test(the_order_of_degree_and_negation_matters),
		cmocka_unit_test(modifiers_reach_three_tokens_back_and_not_past_a_mark_or_a_scored_word),
		cmocka_unit_test(a_word_that_is_also_a_degree_word_is_one_right_before_a_scored_word),
		cmocka_unit_test(a_contrast_shifts_the_weight_within_its_sentence),
		cmocka_unit_test(emoji_latin_words_and_odd_bytes_are_read),
		cmocka_unit_test(traditional_characters_are_read_as_simplified_ones),
		cmocka_unit_test(a_term_may_begin_with_a_figure),
		cmocka_unit_test(the_score_is_squashed_as_vaders),
		cmocka_unit_test(no_more_than_the_stated_length_is_read),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
