/* Learnt weights: how a text is cut into terms, what a file may hold, and what is added to the rules' sum. Sums are worked by hand. */
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
#include "processors/weights.h"

static void write_term(void *to, const struct term *t)
{
	static const char *const marks[TERM_KINDS] = { "", "!", "" };
	FILE *f = to;
	fputs(marks[t->kind], f);
	if (t->kind == TERM_PAIR)
		fprintf(f, "%.*s+", (int)t->before.size, t->before.data);
	fprintf(f, "%.*s ", (int)t->word.size, t->word.data);
}

/* "a b" is cut into "a b a+b "; negated words have a ! before them. */
static void check_terms(const char *text, const char *wanted)
{
	char *got = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&got, &size);
	struct cutter *cutter;
	assert_int_equal(term_cutter_create(&cutter), 0);
	terms_of(cutter, text_of(text), write_term, f);
	term_cutter_destroy(cutter);
	fclose(f);
	assert_string_equal(got, wanted);
	free(got);
}

static void texts_are_cut_into_words_negated_words_and_pairs(void **state)
{
	(void)state;
	check_terms("", "");
	check_terms(" ... !", "");
	check_terms("Runs SMALL", "runs small runs+small ");
	check_terms("good. Warm", "good warm ");
	check_terms("well-made \"dress\"", "well made well+made dress made+dress ");
	check_terms("don't like it at all", "don't like !like don't+like it !it like+it at !at it+at all at+all ");
	check_terms("don\xe2\x80\x99t", "don't ");
	check_terms("'girls'", "girls ");
	check_terms("not, warm", "not warm ");
	check_terms("not not a", "not not !not not+not a !a not+a ");
	check_terms("\xe4\xb8\x8d\xe5\xa5\xbd", "\xe4\xb8\x8d \xe5\xa5\xbd \xe4\xb8\x8d+\xe5\xa5\xbd ");
	check_terms("\xe5\xa5\xbd\xef\xbc\x8cok", "\xe5\xa5\xbd ok ");
	check_terms("\xc3\x89tat", "\xc3\xa9tat ");
}

static void a_long_word_is_cut_between_two_characters(void **state)
{
	char text[200], wanted[200];
	(void)state;
	memset(text, 'x', 90);
	text[90] = 0;
	snprintf(wanted, sizeof(wanted), "%.48s ", text);
	check_terms(text, wanted);
	memcpy(text + 47, "\xc3\xa9", 3); /* its first byte would be the 48th */
	snprintf(wanted, sizeof(wanted), "%.47s ", text);
	check_terms(text, wanted);
}

static struct weights *made(const char *text)
{
	struct weights *w = NULL;
	char error[200] = "";
	if (weights_create(text, strlen(text), &w, error, sizeof(error)) < 0)
		fail_msg("%s", error);
	return w;
}

static const char file[] = "# learnt\n@language en\n\n[words]\nwarm\t0.5\nsmall\t-0.25\n\xe5\xa5\xbd\t1\n[negated]\nwarm\t-2\n[pairs]\nruns small\t-1\n";

static void each_term_of_a_text_counts_once(void **state)
{
	(void)state;
	struct weights *w = made(file);
	assert_string_equal(weights_language(w), "en");
	assert_int_equal(weights_count(w), 5);
	static const struct {
		const char *text;
		uint32_t words;
		double sum;
	} texts[] = { { "", 0, 0 }, { "nothing known", 2, 0 }, { "warm", 1, 0.5 }, { "Warm, WARM, warm!", 3, 0.5 }, { "runs small", 2, -1.25 }, { "runs, small", 2, -0.25 },
		{ "not warm", 2, 0.5 - 2 }, { "not at all so warm", 5, 0.5 }, { "\xe5\xa5\xbd\xe5\xa5\xbd warm", 3, 1.5 } };
	for (int twice = 0; twice < 2; twice++) /* what one text met is forgotten before the next */
		for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
			assert_true(fabs(weights_sum(w, text_of(texts[i].text)) - texts[i].words / (texts[i].words + 3.) * texts[i].sum) < 1e-12);
	weights_destroy(w);
	weights_destroy(NULL);
}

static void many_weights_are_all_found(void **state)
{
	char *bytes = NULL, word[16];
	size_t size = 0;
	struct weights *w = NULL;
	FILE *f = open_memstream(&bytes, &size);
	(void)state;
	fputs("@language en\n[words]\n", f);
	for (int i = 0; i < 20000; i++)
		fprintf(f, "w%d\t%d.%d\n", i, i % 7, i % 10);
	fclose(f);
	assert_int_equal(weights_create(bytes, size, &w, NULL, 0), 0);
	assert_int_equal(weights_count(w), 20000);
	for (int i = 0; i < 20000; i++) {
		snprintf(word, sizeof(word), "w%d", i);
		assert_true(fabs(weights_sum(w, text_of(word)) - (i % 7 + i % 10 / 10.0) / 4) < 1e-12);
	}
	assert_true(weights_sum(w, TEXT("w20000")) == 0);
	weights_destroy(w);
	free(bytes);
}

static void mistakes_are_told_with_their_line(void **state)
{
	static const struct {
		const char *text, *error;
	} files[] = {
		{ "", "@language is missing" },
		{ "[words]\nwarm\t1\n", "@language is missing" },
		{ "@language en\n[words]\n", "no weight in the file" },
		{ "@language English\n", "line 1: expected '@language'" },
		{ "@speech en\n", "line 1: expected '@language'" },
		{ "@language en\nwarm\t1\n", "line 2: an entry before the first [section]" },
		{ "@language en\n[phrases]\n", "line 2: unknown section" },
		{ "@language en\n[words]\nwarm\n", "line 3: expected 'term TAB number'" },
		{ "@language en\n[words]\nwarm\tvery\n", "line 3: expected 'term TAB number'" },
		{ "@language en\n[words]\nwarm\t1e3\n", "line 3: expected 'term TAB number'" },
		{ "@language en\n[words]\nwarm\t20.5\n", "line 3: a weight must be between -20 and 20" },
		{ "@language en\n[words]\nruns small\t1\n", "line 3: one word is expected here" },
		{ "@language en\n[pairs]\nruns\t1\n", "line 3: a pair is two words" },
		{ "@language en\n[pairs]\nruns \t1\n", "line 3: a word must have 1 to 48 bytes" },
		{ "@language en\n[words]\nwarm\t1\nwarm\t2\n", "line 4: 'warm' stands twice" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		struct weights *w = NULL;
		char error[200] = "";
		assert_int_equal(weights_create(files[i].text, strlen(files[i].text), &w, error, sizeof(error)), -EINVAL);
		assert_null(w);
		if (strncmp(error, files[i].error, strlen(files[i].error)) != 0)
			fail_msg("'%s' instead of '%s'", error, files[i].error);
	}
}

static struct lexicon *lexicon_of(const char *text)
{
	struct lexicon *l = NULL;
	assert_int_equal(lexicon_create(text, strlen(text), &l, NULL, 0), 0);
	return l;
}

static double compound(struct sentiment_scorer *s, const char *text, const char *lang)
{
	struct sentiment_score score;
	assert_int_equal(sentiment_score_text(s, (struct text){ NULL, 0 }, text_of(text), text_of(lang), &score), 0);
	return score.compound;
}

static double squashed(double x)
{
	return round(x / sqrt(x * x + 15) * 1e4) / 1e4;
}

static void weights_are_added_to_the_rules_of_their_language(void **state)
{
	struct lexicon *en = lexicon_of("@language en\n[words]\ngood\t2\n"), *zh = lexicon_of("@language zh\n[words]\n\xe5\xa5\xbd\t1.5\n");
	struct lexicon *exact = lexicon_of("@language en\n@weights off\n[words]\ngood\t2\n");
	struct weights *w = made("@language en\n[words]\nwarm\t0.5\n[pairs]\ngood warm\t1\n"), *other = made("@language fr\n[words]\nchaud\t1\n");
	struct sentiment_scorer *s;
	(void)state;
	assert_int_equal(sentiment_scorer_create((const struct lexicon *[]){ en, zh }, 2, &s), 0);
	assert_int_equal(sentiment_scorer_weights(s, other), -EINVAL);
	assert_int_equal(sentiment_scorer_weights(s, w), 0);
	assert_int_equal(sentiment_scorer_weights(s, w), -EINVAL);
	assert_true(compound(s, "good chair", "en") == squashed(2));
	assert_true(compound(s, "warm chair", "en") == squashed(0.4 * 0.5)); /* of two words 2 / 5 */
	assert_true(compound(s, "good warm chair", "en") == squashed(2 + 0.5 * 1.5));
	assert_true(compound(s, "\xe5\xa5\xbd warm", "") == squashed(1.5 + 0.25 * 0.5)); /* both scripts: both read it */
	assert_true(compound(s, "\xe5\xa5\xbd", "zh") == squashed(1.5));
	sentiment_scorer_destroy(s);
	assert_int_equal(sentiment_scorer_create((const struct lexicon *[]){ exact }, 1, &s), 0);
	assert_int_equal(sentiment_scorer_weights(s, w), 0);
	assert_true(compound(s, "good warm chair", "en") == squashed(2));
	sentiment_scorer_destroy(s);
	weights_destroy(w);
	weights_destroy(other);
	lexicon_destroy(en);
	lexicon_destroy(zh);
	lexicon_destroy(exact);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_are_cut_into_words_negated_words_and_pairs),
		cmocka_unit_test(a_long_word_is_cut_between_two_characters),
		cmocka_unit_test(each_term_of_a_text_counts_once),
		cmocka_unit_test(many_weights_are_all_found),
		cmocka_unit_test(mistakes_are_told_with_their_line),
		cmocka_unit_test(weights_are_added_to_the_rules_of_their_language),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
