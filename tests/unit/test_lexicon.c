/* The lexicon file: what it holds, how it is looked up, and how a mistake in it is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/lexicon.h"
#include "processors/lexicon.h"

static struct lexicon *made(const char *text)
{
	struct lexicon *l = NULL;
	char error[200] = "";
	if (lexicon_create(text, strlen(text), &l, error, sizeof(error)) < 0)
		fail_msg("%s", error);
	return l;
}

static const struct lexicon_entry *find(const struct lexicon *l, const char *term)
{
	return lexicon_find(l, term, strlen(term));
}

static void a_file_is_read_section_by_section(void **state)
{
	(void)state;
	struct lexicon *l = made("# words\n@language en\n\n[words]\ngood\t1.9\r\n:-(\t-1.5\n\\#1\t2\n\\[:\t1.3\n\\\\o/\t2.2\n( '}{' )\t1.6\n"
				 "[phrases]\ntrue to size\t1.7\ntrue to\t0.25\n[boosters]\nvery\t0.293\ngood\t-.1\n[negations]\nnot\nhardly\t-0.5\n"
				 "[idioms]\nthe bomb\t+3\n[emoji]\n\xf0\x9f\x98\x80\tgrinning face\n\xf0\x9f\x91\x8d\t2.2\n\\#\xe2\x83\xa3\tkeycap: #\n[guards]\nguard");
	assert_string_equal(lexicon_language(l), "en");
	assert_int_equal(lexicon_rules(l), LEXICON_VADER);
	assert_int_equal(lexicon_count(l, LEXICON_WORD), 6);
	assert_int_equal(lexicon_count(l, LEXICON_PHRASE), 2);
	assert_int_equal(lexicon_count(l, LEXICON_EMOJI), 3);
	assert_true(find(l, "good")->valence == 1.9 && find(l, "good")->factor == -0.1);
	assert_true(lexicon_has(find(l, "good"), LEXICON_WORD) && lexicon_has(find(l, "good"), LEXICON_BOOSTER));
	assert_false(lexicon_has(find(l, "good"), LEXICON_NEGATION));
	assert_true(find(l, ":-(")->valence == -1.5);
	assert_true(find(l, "#1")->valence == 2 && find(l, "[:")->valence == 1.3 && find(l, "\\o/")->valence == 2.2);
	assert_true(find(l, "( '}{' )")->valence == 1.6);
	assert_true(find(l, "true to size")->valence == 1.7 && find(l, "true to")->valence == 0.25);
	assert_int_equal(find(l, "true")->phrase_words, 3);
	assert_int_equal(find(l, "true")->sections, 0);
	assert_true(find(l, "not")->negation == -0.74 && find(l, "hardly")->negation == -0.5);
	assert_true(find(l, "the bomb")->replacement == 3);
	assert_true(text_equal(find(l, "\xf0\x9f\x98\x80")->description, TEXT("grinning face")));
	assert_true(find(l, "\xf0\x9f\x91\x8d")->description.data == NULL && find(l, "\xf0\x9f\x91\x8d")->emoji == 2.2);
	assert_true(text_equal(find(l, "#\xe2\x83\xa3")->description, TEXT("keycap: #")));
	assert_true(lexicon_has(find(l, "guard"), LEXICON_GUARD));
	assert_null(find(l, "goo"));
	assert_null(find(l, ""));
	assert_null(find(l, "Good"));
	lexicon_destroy(l);
	lexicon_destroy(NULL);
}

static void chinese_is_longest_match_by_default_and_knows_its_longest_terms(void **state)
{
	(void)state;
	struct lexicon *l = made("@language zh\n[words]\n好\t1.5\n好看\t2\n[negations]\n不\n不太\t-0.5\n[suffixes]\n极了\t1.8\n[contrasts]\n但是\n");
	assert_int_equal(lexicon_rules(l), LEXICON_LONGEST_MATCH);
	assert_int_equal(lexicon_starts(l, 0x597d), LEXICON_ALONE | LEXICON_LONGER);
	assert_int_equal(lexicon_starts(l, 0x6781), LEXICON_LONGER);
	assert_int_equal(lexicon_starts(l, 0x770b), 0);
	assert_int_equal(lexicon_lengths(l, 0x597d, 0x770b), 1u << 2);
	assert_int_equal(lexicon_lengths(l, 0x597d, 0x4e0d), 0);
	assert_true(find(l, "不")->negation == -1 && find(l, "不太")->negation == -0.5);
	assert_true(lexicon_has(find(l, "极了"), LEXICON_SUFFIX) && find(l, "极了")->factor == 1.8);
	assert_true(lexicon_has(find(l, "但是"), LEXICON_CONTRAST));
	lexicon_destroy(l);
	l = made("@rules longest-match\n@language en\n[words]\na\t1\n");
	assert_int_equal(lexicon_rules(l), LEXICON_LONGEST_MATCH);
	lexicon_destroy(l);
}

static void a_term_may_be_given_in_both_writings(void **state)
{
	(void)state;
	struct lexicon *l = made("@language zh\n[words]\n喜歡\t2\n喜欢\t3\n滿意\t1\n[negations]\n沒有\n没有\n");
	assert_true(find(l, "喜欢")->valence == 2 && find(l, "满意")->valence == 1 && lexicon_has(find(l, "没有"), LEXICON_NEGATION));
	assert_null(lexicon_find(l, "喜歡", strlen("喜歡"))); /* whoever asks simplifies, too */
	lexicon_destroy(l);
}

static void a_mistake_is_told_with_its_line(void **state)
{
	static const struct {
		const char *text, *said;
	} mistakes[] = {
		{ "", "no entry" },
		{ "@language en\n[words]\n# nothing\n", "no entry" },
		{ "[words]\n", "line 1: @language" },
		{ "@language EN\n", "line 1: @language must be lower-case" },
		{ "@language e\n", "line 1: @language must be 2 to 8" },
		{ "@lang en\n", "line 1: unknown '@lang'" },
		{ "@rules english\n", "line 1: @rules must be" },
		{ "@language en\ngood\t1\n", "line 2: an entry before" },
		{ "@language en\n[wrods]\n", "line 2: unknown section '[wrods]'" },
		{ "@language en\n[words]\n@language de\n", "line 3: @ lines" },
		{ "@language en\n[words]\ngood\n", "line 3: expected 'term TAB number'" },
		{ "@language en\n[words]\ngood\tbest\n", "line 3: 'best' is not a number" },
		{ "@language en\n[words]\ngood\t1e1\n", "line 3: '1e1' is not a number" },
		{ "@language en\n[words]\ngood\t.\n", "line 3: '.' is not a number" },
		{ "@language en\n[words]\ngood\t4.1\n", "between -4 and 4, found '4.1'" },
		{ "@language en\n[words]\ngood\t1\n\ngood\t2\n", "line 5: 'good' stands twice in [words]" },
		{ "@language en\n[phrases]\nfell\t1\n", "line 3: a phrase is" },
		{ "@language en\n[phrases]\nfell  off\t1\n", "line 3: a phrase is" },
		{ "@language en\n[guards]\nx\t1\n", "line 3: [guards] takes terms without" },
		{ "@language en\n[emoji]\nx\t1\n", "line 3: 'x' is no emoji" },
		{ "@language en\n[words]\n\xff\t1\n", "line 3: not UTF-8" },
		{ "@language en\n[words]\n\t1\n", "line 3: a term must have" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(*mistakes); i++) {
		struct lexicon *untouched = (struct lexicon *)(uintptr_t)1, *l = untouched;
		char error[200] = "";
		assert_int_equal(lexicon_create(mistakes[i].text, strlen(mistakes[i].text), &l, error, sizeof(error)), -EINVAL);
		assert_ptr_equal(l, untouched);
		if (!strstr(error, mistakes[i].said))
			fail_msg("expected '%s', found '%s'", mistakes[i].said, error);
		assert_int_equal(lexicon_create(mistakes[i].text, strlen(mistakes[i].text), &l, error, 5), -EINVAL);
		assert_int_equal(lexicon_create(mistakes[i].text, strlen(mistakes[i].text), &l, NULL, 0), -EINVAL);
	}
	struct lexicon *l;
	char error[200], line[300];
	snprintf(line, sizeof(line), "@language en\n[words]\n%0*d\t1\n", 256, 0);
	assert_int_equal(lexicon_create(line, strlen(line), &l, error, sizeof(error)), -EINVAL);
}

static void twenty_thousand_terms_are_all_found(void **state)
{
	(void)state;
	size_t room = 20000 * 24, size = (size_t)snprintf(NULL, 0, "@language en\n[words]\n");
	char *text = malloc(room), term[16];
	strcpy(text, "@language en\n[words]\n");
	for (int i = 0; i < 20000; i++)
		size += (size_t)snprintf(text + size, room - size, "w%d\t%d.%d\n", i * 7919, i % 4, i % 10);
	struct lexicon *l = NULL;
	assert_int_equal(lexicon_create(text, size, &l, NULL, 0), 0);
	memset(text, 0, room); /* the lexicon keeps a copy */
	free(text);
	for (int i = 0; i < 20000; i++) {
		snprintf(term, sizeof(term), "w%d", i * 7919);
		assert_non_null(find(l, term));
		assert_true(find(l, term)->valence == (i % 4 * 10 + i % 10) / 10.0);
		snprintf(term, sizeof(term), "w%d", i * 7919 + 1);
		assert_null(find(l, term));
	}
	lexicon_destroy(l);
}

static struct lexicon *imported(const char *words, const char *emoji, char *error, size_t error_size)
{
	FILE *w = fmemopen((void *)(uintptr_t)words, strlen(words), "r");
	FILE *e = emoji ? fmemopen((void *)(uintptr_t)emoji, strlen(emoji), "r") : NULL;
	char *bytes = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&bytes, &size);
	struct lexicon *l = NULL;
	int r = lexicon_import_vader(w, e, out, error, error_size);
	fclose(out);
	fclose(w);
	if (e)
		fclose(e);
	if (r == 0)
		r = lexicon_create(bytes, size, &l, error, error_size);
	free(bytes);
	return r == 0 ? l : NULL;
}

static void vaders_own_files_are_imported_whole_the_last_of_equal_terms_counting(void **state)
{
	(void)state;
	char error[200] = "";
	struct lexicon *l = imported("$:\t-1.5\t0.80623\t[-1, -1]\nlol\t2.9\t0.5\t[3]\n[:\t1.3\t0.4\t[1]\n@:\t-2.1\t1\t[2]\n\\o/\t2.2\t1\t[2]\nlol\t1.8\t0.5\t[2]\n"
				     "fed up\t-1.8\t0.6\t[-2]\n:-\xc3\x9e\t0.9\t1.04\t[1]\n",
		"\xf0\x9f\x98\x80\tgrinning face\n#\xef\xb8\x8f\xe2\x83\xa3\tkeycap: #\n", error, sizeof(error));
	if (!l)
		fail_msg("%s", error);
	assert_int_equal(lexicon_count(l, LEXICON_WORD), 7);
	assert_int_equal(lexicon_count(l, LEXICON_EMOJI), 2);
	assert_true(find(l, "lol")->valence == 1.8 && find(l, "$:")->valence == -1.5 && find(l, "[:")->valence == 1.3);
	assert_true(find(l, "@:")->valence == -2.1 && find(l, "\\o/")->valence == 2.2 && find(l, "fed up")->valence == -1.8);
	assert_true(find(l, ":-\xc3\x9e")->valence == 0.9);
	/* the lists of the original's program: 84 degree words, 59 negations, 9 special cases */
	assert_int_equal(lexicon_count(l, LEXICON_BOOSTER), 84);
	assert_int_equal(lexicon_count(l, LEXICON_NEGATION), 59);
	assert_int_equal(lexicon_count(l, LEXICON_IDIOM), 9);
	assert_true(find(l, "very")->factor == 0.293 && find(l, "sort of")->factor == -0.293);
	assert_true(find(l, "not")->negation == -0.74);
	lexicon_destroy(l);
}

static void a_list_that_is_not_in_vaders_form_is_refused_with_its_line(void **state)
{
	(void)state;
	char error[200] = "";
	assert_null(imported("good\t1.9\nbad -2.5\n", NULL, error, sizeof(error)));
	assert_string_equal(error, "line 2: expected 'term TAB value'");
	assert_null(imported("good\tmuch\n", NULL, error, sizeof(error)));
	assert_non_null(strstr(error, "'much' is not a number"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_read_section_by_section),
		cmocka_unit_test(chinese_is_longest_match_by_default_and_knows_its_longest_terms),
		cmocka_unit_test(a_term_may_be_given_in_both_writings),
		cmocka_unit_test(a_mistake_is_told_with_its_line),
		cmocka_unit_test(twenty_thousand_terms_are_all_found),
		cmocka_unit_test(vaders_own_files_are_imported_whole_the_last_of_equal_terms_counting),
		cmocka_unit_test(a_list_that_is_not_in_vaders_form_is_refused_with_its_line),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
