/* Aspects: how a text is parted, which part speaks of what, and what a file may hold. Sums are worked by hand over a lexicon of few words. */
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

#include "processors/aspects.h"

static const char en[] = "@language en\n[words]\ngood\t2\nbad\t-2\nsoft\t1\n[negations]\nnot\n",
		  zh[] = "@language zh\n[words]\n好\t1.5\n慢\t-1.5\n",
		  file[] = "# aspects\n[contrasts]\nbut\n但是\n[guards]\nfit for\n[fit]\nfit\nfits\n[size]\nsize\nruns small\t-1.5\n[fabric]\nfabric\n面料\n"
			   "[delivery]\n物流\ndelivery";
enum { FIT,
	SIZE,
	FABRIC,
	DELIVERY,
	N };

struct fixture {
	struct lexicon *en, *zh;
	struct sentiment_scorer *scorer;
	struct aspects *aspects;
};

static int set_up(void **state)
{
	static struct fixture f;
	char error[200] = "";
	*state = &f;
	if (lexicon_create(en, strlen(en), &f.en, NULL, 0) || lexicon_create(zh, strlen(zh), &f.zh, NULL, 0) ||
		sentiment_scorer_create((const struct lexicon *[]){ f.en, f.zh }, 2, &f.scorer))
		return -1;
	return aspects_create(file, strlen(file), &f.aspects, error, sizeof(error));
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	aspects_destroy(f->aspects);
	aspects_destroy(NULL);
	sentiment_scorer_destroy(f->scorer);
	lexicon_destroy(f->en);
	lexicon_destroy(f->zh);
	return 0;
}

static void each_part_speaks_of_what_it_names(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *text, *lang;
		double sums[N]; /* NAN: not named */
	} cases[] = {
		{ "", "en", { NAN, NAN, NAN, NAN } },
		{ "A good dress.", "en", { NAN, NAN, NAN, NAN } },
		{ "Good fit", "en", { 2, NAN, NAN, NAN } },
		{ "GOOD FIT", "en", { 2, NAN, NAN, NAN } },
		{ "The fabric is good. The fit is bad.", "en", { -2, NAN, 2, NAN } },
		{ "The fabric is good but the fit is bad", "en", { -2, NAN, 2, NAN } },
		{ "Good fabric, bad fit", "en", { -2, NAN, 2, NAN } },
		{ "The fabric is good, soft", "en", { NAN, NAN, 3, NAN } }, /* a part behind a comma that names nothing */
		{ "The fabric is good. Soft", "en", { NAN, NAN, 2, NAN } },
		{ "A bad dress, the fabric is good", "en", { NAN, NAN, 2, NAN } },
		{ "Good fit and fabric", "en", { 2, NAN, 2, NAN } },
		{ "fit: good. Fits bad.", "en", { 0, NAN, NAN, NAN } }, /* 2 - 2 */
		{ "not good fit", "en", { 2 * -0.74, NAN, NAN, NAN } },
		{ "It runs small.", "en", { NAN, -1.5, NAN, NAN } },
		{ "It runs small but the size is good.", "en", { NAN, 0.5, NAN, NAN } },
		{ "outfit, fitness, benefit", "en", { NAN, NAN, NAN, NAN } }, /* whole words */
		{ "good, fit for a queen", "en", { NAN, NAN, NAN, NAN } },
		{ "size 5.5 good", "en", { NAN, 2, NAN, NAN } }, /* no part ends within a number */
		{ "It doesn't run small, size good", "en", { NAN, 2, NAN, NAN } },
		{ "Not good.The fit is bad", "en", { -2, NAN, NAN, NAN } },
		{ "i.e.fit good", "en", { 2, NAN, NAN, NAN } },
		{ "It never runs small.", "en", { NAN, 0, NAN, NAN } }, /* the rules have nothing to say of it */
		{ "Nobody is short, it runs small.", "en", { NAN, -1.5, NAN, NAN } },
		{ "麵料好", "zh", { NAN, NAN, 1.5, NAN } },
		{ "面料好，物流慢", "zh", { NAN, NAN, 1.5, -1.5 } },
		{ "面料好但是物流慢", "zh", { NAN, NAN, 1.5, -1.5 } },
		{ "物流慢。好", "zh", { NAN, NAN, NAN, -1.5 } },
		{ "delivery trés bon", "fr", { NAN, NAN, NAN, 0 } }, /* no lexicon: named, and nothing said */
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		double sums[ASPECTS_MAX] = { 0 };
		uint32_t named = aspects_read(f->aspects, f->scorer, text_of(cases[i].text), text_of(cases[i].lang), sums);
		for (int a = 0; a < N; a++)
			if ((named >> a & 1) == isnan(cases[i].sums[a]) || (named >> a & 1 && fabs(sums[a] - cases[i].sums[a]) > 1e-9))
				fail_msg("'%s': %s is %s %g", cases[i].text, aspects_name(f->aspects, a).data, named >> a & 1 ? "named" : "not named", sums[a]);
	}
}

static void learnt_weights_are_left_aside(void **state)
{
	struct fixture *f = *state;
	static const char learnt[] = "@language en\n[words]\nfabric\t-3\n";
	struct sentiment_scorer *scorer;
	struct weights *w;
	double sums[ASPECTS_MAX];
	assert_int_equal(sentiment_scorer_create((const struct lexicon *[]){ f->en }, 1, &scorer), 0);
	assert_int_equal(weights_create(learnt, strlen(learnt), &w, NULL, 0), 0);
	assert_int_equal(sentiment_scorer_weights(scorer, w), 0);
	assert_int_equal(aspects_read(f->aspects, scorer, TEXT("good fabric"), TEXT("en"), sums), 1 << FABRIC);
	assert_true(sums[FABRIC] == 2);
	sentiment_scorer_destroy(scorer);
	weights_destroy(w);
}

static void a_text_of_many_parts_and_of_the_greatest_size_is_read(void **state)
{
	struct fixture *f = *state;
	static char text[SENTIMENT_TEXT_MAX + 100];
	double sums[ASPECTS_MAX];
	for (size_t at = 0; at + 10 < sizeof(text); at += 10)
		memcpy(text + at, "good fit. ", 10);
	assert_int_equal(aspects_read(f->aspects, f->scorer, text_of(text), TEXT("en"), sums), 1 << FIT);
	assert_true(fabs(sums[FIT] - 2.0 * ASPECT_PARTS_MAX) < 1e-6);
}

static void mistakes_are_told_with_their_line(void **state)
{
	static const struct {
		const char *text, *error;
	} files[] = {
		{ "", "line 0: no aspect in the file" },
		{ "[contrasts]\nbut\n", "line 2: no aspect in the file" },
		{ "fit\n", "line 1: a term before the first [aspect]" },
		{ "[Fit]\n", "line 1: an aspect's name is of small letters" },
		{ "[]\n", "line 1: an aspect's name has 1 to 32 bytes" },
		{ "[fit\n", "line 1: an aspect's name has 1 to 32 bytes" },
		{ "[fit]\nfit\n[fit]\n", "line 3: [fit] stands twice" },
		{ "[fit]\nfit\nfit\n", "line 3: 'fit' stands twice" },
		{ "[fit]\nab\n", "line 2: a term has 3 to 48 bytes" },
		{ "[fit]\nfit\tgood\n", "line 2: expected 'term TAB number'" },
		{ "[fit]\nfit\t5\n", "line 2: expected 'term TAB number'" },
		{ "[a]\n[b]\n[c]\n[d]\n[e]\n[f]\n[g]\n[h]\n[i]\n[j]\n[k]\n[l]\n[m]\n[n]\n[o]\n[p]\n[q]\n", "line 17: more than 16 aspects" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		struct aspects *a = NULL;
		char error[200] = "";
		assert_int_equal(aspects_create(files[i].text, strlen(files[i].text), &a, error, sizeof(error)), -EINVAL);
		assert_null(a);
		if (strncmp(error, files[i].error, strlen(files[i].error)) != 0)
			fail_msg("'%s' instead of '%s'", error, files[i].error);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_part_speaks_of_what_it_names),
		cmocka_unit_test(learnt_weights_are_left_aside),
		cmocka_unit_test(a_text_of_many_parts_and_of_the_greatest_size_is_read),
		cmocka_unit_test(mistakes_are_told_with_their_line),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
