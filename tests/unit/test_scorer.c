/* The choice of lexicon by language and script, and the shipped lexicons at work. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "processors/scorer.h"

static struct lexicon *made(const char *text, size_t size)
{
	struct lexicon *l = NULL;
	char error[200] = "";
	if (lexicon_create(text, size, &l, error, sizeof(error)) < 0)
		fail_msg("%s", error);
	return l;
}

static struct lexicon *loaded(const char *path)
{
	static char bytes[1 << 20];
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	size_t size = fread(bytes, 1, sizeof(bytes), f);
	fclose(f);
	return made(bytes, size);
}

struct fixture {
	struct lexicon *en, *zh, *emoji;
	struct sentiment_scorer *scorer;
};

static int set_up(void **state)
{
	static struct fixture f;
	static const char en[] = "@language en\n[words]\ngood\t2\nbad\t-2\n", zh[] = "@language zh\n[words]\n好\t1.5\n差\t-2\n",
			  emoji[] = "@language mul\n[emoji]\n👍\t2\n";
	f.en = made(en, strlen(en));
	f.zh = made(zh, strlen(zh));
	f.emoji = made(emoji, strlen(emoji));
	assert_int_equal(sentiment_scorer_create((const struct lexicon *[]){ f.en, f.zh, f.emoji }, 3, &f.scorer), 0);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	sentiment_scorer_destroy(f->scorer);
	sentiment_scorer_destroy(NULL);
	lexicon_destroy(f->en);
	lexicon_destroy(f->zh);
	lexicon_destroy(f->emoji);
	return 0;
}

static int score(struct sentiment_scorer *scorer, const char *title, const char *text, const char *lang, double *ret)
{
	struct sentiment_score s;
	int r = sentiment_score_text(scorer, text_of(title), text_of(text), text_of(lang), &s);
	if (r == 0)
		*ret = s.compound;
	return r;
}

static void check(struct sentiment_scorer *scorer, const char *title, const char *text, const char *lang, double sum)
{
	double got = 9, want = round(sum / sqrt(sum * sum + 15) * 1e4) / 1e4;
	int r = score(scorer, title, text, lang, &got);
	if (r != 0 || got != want)
		fail_msg("'%s' '%s' %s: %d, %g, expected %g", title ? title : "", text ? text : "", lang ? lang : "", r, got, want);
}

static void script_chooses_the_lexicon_whatever_supported_language_is_named(void **state)
{
	struct fixture *f = *state;
	static const char *const langs[] = { NULL, "", "und", "en", "en-GB", "EN_us", "eng", "zh", "zh-Hans-CN", "cmn" };
	for (size_t i = 0; i < sizeof(langs) / sizeof(*langs); i++) {
		check(f->scorer, NULL, "a good dress", langs[i], 2);
		check(f->scorer, NULL, "衣服差", langs[i], -2);
		check(f->scorer, NULL, "👍", langs[i], 2);
		check(f->scorer, NULL, "12:30", langs[i], 0);
	}
}

static void a_text_in_both_scripts_is_read_by_both_and_its_emoji_once(void **state)
{
	struct fixture *f = *state;
	check(f->scorer, NULL, "这件 dress 很 good，好", "zh", 3.5);
	check(f->scorer, NULL, "good好👍", NULL, 5.5);
	check(f->scorer, NULL, "bad! 差！", NULL, -4 - 2 * 0.292);
}

static void title_and_text_are_scored_together(void **state)
{
	struct fixture *f = *state;
	check(f->scorer, "Good", "bad and bad", "en", -2);
	check(f->scorer, "Good", NULL, "en", 2);
	check(f->scorer, "", "bad", "en", -2);
	check(f->scorer, "差", "好", "zh", -0.5);
}

static void an_empty_text_enters_no_count(void **state)
{
	struct fixture *f = *state;
	double unset;
	assert_int_equal(score(f->scorer, NULL, NULL, "en", &unset), -ENODATA);
	assert_int_equal(score(f->scorer, "", "", "en", &unset), -ENODATA);
	assert_int_equal(score(f->scorer, " ", "\n\t　", NULL, &unset), -ENODATA);
}

static void languages_without_a_lexicon_are_not_scored(void **state)
{
	struct fixture *f = *state;
	double unset;
	assert_int_equal(score(f->scorer, NULL, "good", "fr", &unset), -ENOTSUP);
	assert_int_equal(score(f->scorer, NULL, "好", "ja", &unset), -ENOTSUP);
	assert_int_equal(score(f->scorer, NULL, "とても好きです", NULL, &unset), -ENOTSUP);
	assert_int_equal(score(f->scorer, NULL, "очень хорошо", NULL, &unset), -ENOTSUP);
	assert_int_equal(score(f->scorer, NULL, "очень хорошо", "en", &unset), -ENOTSUP);
	check(f->scorer, NULL, "a good dress from Тула", NULL, 2);
	struct sentiment_scorer *english;
	assert_int_equal(sentiment_scorer_create((const struct lexicon *[]){ f->en }, 1, &english), 0);
	assert_int_equal(score(english, NULL, "差", NULL, &unset), -ENOTSUP);
	check(english, NULL, "good (好)", NULL, 2);
	sentiment_scorer_destroy(english);
}

static void two_lexicons_of_one_language_are_refused(void **state)
{
	struct fixture *f = *state;
	struct sentiment_scorer *s = NULL;
	assert_int_equal(sentiment_scorer_create((const struct lexicon *[]){ f->en, f->en }, 2, &s), -EINVAL);
	assert_int_equal(sentiment_scorer_create(NULL, 0, &s), -EINVAL);
	assert_null(s);
}

static void a_long_title_and_text_are_cut_between_characters(void **state)
{
	struct fixture *f = *state;
	size_t size = 2 * SENTIMENT_TEXT_MAX / 3 * 3;
	char *text = malloc(size + 1);
	for (size_t i = 0; i < size; i += 3)
		memcpy(text + i, "衣", 3);
	memcpy(text, "差差", 6);
	text[size] = 0;
	check(f->scorer, NULL, text, NULL, -4);
	check(f->scorer, text, text, NULL, -4);
	check(f->scorer, "好", text, NULL, -2.5);
	free(text);
}

static void the_shipped_lexicons_know_what_shoppers_say(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum sentiment_class class;
	} texts[] = {
		{ "The ring tarnished after a week and turned my finger green.", SENTIMENT_NEGATIVE },
		{ "Runs small, itchy and see-through. Returned it.", SENTIMENT_NEGATIVE },
		{ "It fell apart in the wash, do not buy!", SENTIMENT_NEGATIVE },
		{ "Not flattering at all, looked like a tent.", SENTIMENT_NEGATIVE },
		{ "So flattering, true to size, and I got many compliments!", SENTIMENT_POSITIVE },
		{ "Beautiful necklace, well made and sparkly 😍", SENTIMENT_POSITIVE },
		{ "I ordered the blue one on Monday.", SENTIMENT_NEUTRAL },
		{ "洗了一次就起球掉色，太失望了", SENTIMENT_NEGATIVE },
		{ "有色差，偏小，不太舒服", SENTIMENT_NEGATIVE },
		{ "戒指戴了两天就发黑，客服态度很差", SENTIMENT_NEGATIVE },
		{ "质量很好，显瘦，性价比高", SENTIMENT_POSITIVE },
		{ "没有色差，不起球，很喜欢👍", SENTIMENT_POSITIVE },
		{ "星期一下的单，蓝色的那件", SENTIMENT_NEUTRAL },
	};
	struct lexicon *l[3] = { loaded("conf/lexicons/en.txt"), loaded("conf/lexicons/zh.txt"), loaded("conf/lexicons/emoji.txt") };
	struct sentiment_scorer *scorer;
	assert_int_equal(sentiment_scorer_create((const struct lexicon *const *)l, 3, &scorer), 0);
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		double compound = 9;
		assert_int_equal(score(scorer, NULL, texts[i].text, NULL, &compound), 0);
		if (sentiment_class_of(compound) != texts[i].class)
			fail_msg("'%s' scores %g", texts[i].text, compound);
	}
	sentiment_scorer_destroy(scorer);
	for (int i = 0; i < 3; i++)
		lexicon_destroy(l[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(script_chooses_the_lexicon_whatever_supported_language_is_named),
		cmocka_unit_test(a_text_in_both_scripts_is_read_by_both_and_its_emoji_once),
		cmocka_unit_test(title_and_text_are_scored_together),
		cmocka_unit_test(an_empty_text_enters_no_count),
		cmocka_unit_test(languages_without_a_lexicon_are_not_scored),
		cmocka_unit_test(two_lexicons_of_one_language_are_refused),
		cmocka_unit_test(a_long_title_and_text_are_cut_between_characters),
		cmocka_unit_test(the_shipped_lexicons_know_what_shoppers_say),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
