/* VADER's rules. Expected scores are vaderSentiment 3.3.2's own (tests/sentiment/vader_differential.py compares many more); those of
 * [phrases] and of emoji with a valence, which the original has not, are computed by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "processors/vader.h"

/* Words of the sentences below, with the valences that VADER gives them. */
static const char lexicon_text[] =
	"@language en\n[words]\n"
	":)\t2\n:d\t2.3\nass\t-2.5\nbad\t-2.5\nbeating\t-2\nbomb\t-2.2\ndeath\t-2.9\ndie\t-2.9\ndoubt\t-1.5\n"
	"funny\t1.9\ngood\t1.9\ngreat\t3.1\nhandsome\t2.2\nheart\t3.2\nhorrible\t-2.5\nkind\t2.4\nkiss\t1.8\n"
	"like\t1.5\nlol\t1.8\nlost\t-1.3\nlove\t3.2\nno\t-1.2\nok\t1.2\nproblem\t-1.7\nshit\t-2.6\nsmart\t1.7\n"
	"smiling\t2\nstop\t-1.2\nsure\t1.3\nsux\t-1.5\nterrible\t-2.1\nuncompelling\t-0.9\nwell\t1.1\nyeah\t1.2\n"
	"[boosters]\n"
	"friggin\t0.293\nhardly\t-0.293\njust enough\t-0.293\nkind of\t-0.293\nkinda\t-0.293\nreally\t0.293\n"
	"so\t0.293\nsort of\t-0.293\nuber\t0.293\nvery\t0.293\n"
	"[negations]\n"
	"cannot\ndon't\nisn't\nnever\nnor\nnot\nwithout\n"
	"[idioms]\n"
	"bad ass\t1.5\nbadass\t1.5\nbeating heart\t3.5\nbus stop\t0\nkiss of death\t-1.5\nthe bomb\t3\nthe shit\t3\n"
	"to die for\t3\nyeah right\t-2\n"
	"[emoji]\n"
	"❤\tred heart\n"
	"💋\tkiss mark\n"
	"💘\theart with arrow\n"
	"😁\tbeaming face with smiling eyes\n"
	"😡\tpouting face\n";

struct golden {
	const char *text;
	struct sentiment_score score; /* compound, pos, neu, neg */
};

/* The example sentences of the original's own demonstration. */
static const struct golden examples[] = {
	{ "VADER is smart, handsome, and funny.", { 0.8316, 0.746, 0.254, 0.0 } },
	{ "VADER is smart, handsome, and funny!", { 0.8439, 0.752, 0.248, 0.0 } },
	{ "VADER is very smart, handsome, and funny.", { 0.8545, 0.701, 0.299, 0.0 } },
	{ "VADER is VERY SMART, handsome, and FUNNY.", { 0.9227, 0.754, 0.246, 0.0 } },
	{ "VADER is VERY SMART, handsome, and FUNNY!!!", { 0.9342, 0.767, 0.233, 0.0 } },
	{ "VADER is VERY SMART, uber handsome, and FRIGGIN FUNNY!!!", { 0.9469, 0.706, 0.294, 0.0 } },
	{ "VADER is not smart, handsome, nor funny.", { -0.7424, 0.0, 0.354, 0.646 } },
	{ "The book was good.", { 0.4404, 0.492, 0.508, 0.0 } },
	{ "At least it isn't a horrible book.", { 0.431, 0.322, 0.678, 0.0 } },
	{ "The book was only kind of good.", { 0.3832, 0.303, 0.697, 0.0 } },
	{ "The plot was good, but the characters are uncompelling and the dialog is not great.", { -0.7042, 0.094, 0.579, 0.327 } },
	{ "Today SUX!", { -0.5461, 0.0, 0.221, 0.779 } },
	{ "Today only kinda sux! But I'll get by, lol", { 0.5249, 0.317, 0.556, 0.127 } },
	{ "Make sure you :) or :D today!", { 0.8633, 0.706, 0.294, 0.0 } },
	{ "Catch utf-8 emoji such as 💘 and 💋 and 😁", { 0.875, 0.417, 0.583, 0.0 } },
	{ "Not bad at all", { 0.431, 0.487, 0.513, 0.0 } },
};

static const struct golden edges[] = {
	{ "", { 0.0, 0.0, 0.0, 0.0 } },
	{ "   ", { 0.0, 0.0, 0.0, 0.0 } },
	{ "no", { -0.296, 0.0, 0.0, 1.0 } },
	{ "No problem", { 0.3089, 0.693, 0.307, 0.0 } },
	{ "not good", { -0.3412, 0.0, 0.294, 0.706 } },
	{ "never so good", { 0.5777, 0.652, 0.348, 0.0 } },
	{ "without doubt good", { 0.6136, 0.834, 0.166, 0.0 } },
	{ "good but bad", { -0.5859, 0.253, 0.13, 0.617 } },
	{ "bad but good", { 0.3818, 0.542, 0.141, 0.317 } },
	{ "least good", { -0.3412, 0.0, 0.294, 0.706 } },
	{ "at least good", { 0.4404, 0.592, 0.408, 0.0 } },
	{ "sort of bad", { -0.5423, 0.0, 0.364, 0.636 } },
	{ "very good!!!!!", { 0.6554, 0.813, 0.187, 0.0 } },
	{ "good?"
	  "?",
		{ 0.504, 1.0, 0.0, 0.0 } },
	{ "good?"
	  "?"
	  "?",
		{ 0.533, 1.0, 0.0, 0.0 } },
	{ "good?"
	  "?"
	  "?"
	  "?"
	  "?",
		{ 0.594, 1.0, 0.0, 0.0 } },
	{ "GOOD good", { 0.7603, 1.0, 0.0, 0.0 } },
	{ "I don't like it", { -0.2755, 0.0, 0.587, 0.413 } },
	{ "It isn't bad", { 0.431, 0.588, 0.412, 0.0 } },
	{ "not very good", { -0.3865, 0.0, 0.433, 0.567 } },
	{ "very very good", { 0.5379, 0.634, 0.366, 0.0 } },
	{ "hardly good", { 0.3832, 0.723, 0.277, 0.0 } },
	{ "uber bad", { -0.5849, 0.0, 0.209, 0.791 } },
	{ "😡 terrible 😡", { -0.4767, 0.0, 0.563, 0.437 } },
	{ "the shit", { -0.5574, 0.0, 0.217, 0.783 } },
	{ "the bomb", { -0.4939, 0.0, 0.238, 0.762 } },
	{ "yeah right", { 0.296, 0.688, 0.312, 0.0 } },
	{ "to die for", { -0.5994, 0.0, 0.339, 0.661 } },
	{ "kind of good", { 0.4404, 0.592, 0.408, 0.0 } },
	{ "❤\xef\xb8\x8f love it", { 0.6369, 0.583, 0.417, 0.0 } },
	{ "很好", { 0.0, 0.0, 1.0, 0.0 } },
};

static const struct golden so_and_this[] = {
	{ "it is this good", { 0.5228, 0.529, 0.471, 0.0 } },
	{ "it was not so good", { -0.464, 0.0, 0.569, 0.431 } },
	{ "never this good", { 0.5228, 0.628, 0.372, 0.0 } },
	{ "he was never ever this good", { 0.5228, 0.403, 0.597, 0.0 } },
};

static const struct golden negations[] = {
	{ "they have never been so good", { 0.5777, 0.428, 0.572, 0.0 } },
	{ "nobody would ever not like it", { -0.2755, 0.0, 0.703, 0.297 } },
	{ "not a very good book", { -0.3865, 0.0, 0.604, 0.396 } },
	{ "isn't it a good book", { -0.3412, 0.0, 0.624, 0.376 } },
	{ "without any good", { -0.3412, 0.0, 0.454, 0.546 } },
	{ "it is without a doubt good", { 0.6136, 0.556, 0.444, 0.0 } },
	{ "cannot be good", { -0.3412, 0.0, 0.454, 0.546 } },
};

static const struct golden no_rule[] = {
	{ "no good", { -0.3412, 0.0, 0.294, 0.706 } },
	{ "no no good", { -0.1326, 0.357, 0.189, 0.454 } },
	{ "there is no love lost", { -0.3412, 0.236, 0.36, 0.404 } },
	{ "no bad or good", { 0.1139, 0.393, 0.276, 0.332 } },
	{ "no bad nor good", { 0.5981, 0.71, 0.29, 0.0 } },
	{ "no thing and good", { 0.1779, 0.408, 0.282, 0.31 } },
	{ "no GOOD", { -0.4835, 0.0, 0.242, 0.758 } },
};

static const struct golden least_rule[] = {
	{ "the least good", { -0.3412, 0.0, 0.454, 0.546 } },
	{ "at least good", { 0.4404, 0.592, 0.408, 0.0 } },
	{ "very least good", { 0.4902, 0.614, 0.386, 0.0 } },
	{ "good least bad", { 0.6956, 0.852, 0.148, 0.0 } },
	{ "it was the least good of all", { -0.3412, 0.0, 0.714, 0.286 } },
};

static const struct golden idioms[] = {
	{ "that was really the bomb", { 0.6124, 0.5, 0.5, 0.0 } },
	{ "this dress is to die for", { -0.5994, 0.0, 0.562, 0.438 } },
	{ "it was such a bad ass", { 0.6124, 0.556, 0.444, 0.0 } },
	{ "he is a bad ass dude", { 0.6124, 0.556, 0.444, 0.0 } },
	{ "the bus stop is good near it", { -0.296, 0.0, 0.732, 0.268 } },
	{ "oh well yeah right", { 0.5106, 0.683, 0.317, 0.0 } },
	{ "I think yeah right good", { -0.2023, 0.268, 0.366, 0.366 } },
	{ "it is just enough good", { 0.3832, 0.395, 0.605, 0.0 } },
	{ "that is sort of good", { 0.3832, 0.395, 0.605, 0.0 } },
	{ "that is kind of a good", { 0.4404, 0.367, 0.633, 0.0 } },
	{ "his beating heart is good", { 0.6249, 0.587, 0.165, 0.248 } },
	{ "with the kiss of death", { 0.0772, 0.337, 0.361, 0.301 } },
};

static const struct golden capitals[] = {
	{ "GOOD", { 0.4404, 1.0, 0.0, 0.0 } },
	{ "GOOD BAD", { -0.1531, 0.453, 0.0, 0.547 } },
	{ "good BAD", { -0.3254, 0.407, 0.0, 0.593 } },
	{ "VERY good", { 0.6028, 0.797, 0.203, 0.0 } },
	{ "very GOOD", { 0.6028, 0.797, 0.203, 0.0 } },
	{ "Very Good", { 0.4927, 0.762, 0.238, 0.0 } },
	{ "not VERY good", { -0.488, 0.0, 0.387, 0.613 } },
	{ "so GOOD, 123!", { 0.6391, 0.678, 0.322, 0.0 } },
	{ "É good É", { 0.4404, 0.592, 0.408, 0.0 } },
	{ "good ªB", { 0.4404, 0.744, 0.256, 0.0 } },
};

static const struct golden but_rule[] = {
	{ "good good but bad bad", { -0.8225, 0.271, 0.069, 0.66 } },
	{ "good but", { 0.2382, 0.661, 0.339, 0.0 } },
	{ "but good", { 0.5927, 0.794, 0.206, 0.0 } },
	{ "bad but good but good", { 0.7543, 0.644, 0.167, 0.188 } },
	{ "good and good but good and good", { 0.891, 0.795, 0.205, 0.0 } },
	{ "GOOD but good, great but bad", { 0.7945, 0.636, 0.108, 0.256 } },
};

static const struct golden tokens[] = {
	{ "good,bad", { 0.0, 0.0, 1.0, 0.0 } },
	{ "'good' (bad) -great-", { 0.5423, 0.667, 0.0, 0.333 } },
	{ "u.s. good ok", { 0.6249, 0.836, 0.164, 0.0 } },
	{ "ok.", { 0.0, 0.0, 1.0, 0.0 } },
	{ "!!", { 0.0, 0.0, 1.0, 0.0 } },
	{ "a.b good\xc2\xa0"
	  "bad\xe3\x80\x80great",
		{ 0.5423, 0.609, 0.087, 0.304 } },
	{ "good\x1f"
	  "bad",
		{ -0.1531, 0.453, 0.0, 0.547 } },
	{ "‘good’", { 0.0, 0.0, 1.0, 0.0 } },
	{ "good…", { 0.0, 0.0, 1.0, 0.0 } },
	{ "x :) y", { 0.4588, 0.6, 0.4, 0.0 } },
	{ "100% good", { 0.4404, 0.744, 0.256, 0.0 } },
};

static const struct golden emoji[] = {
	{ "💘", { 0.6369, 0.677, 0.323, 0.0 } },
	{ "💘💋", { 0.7906, 0.7, 0.3, 0.0 } },
	{ "good💘good", { 0.7964, 0.78, 0.22, 0.0 } },
	{ "💘 good", { 0.7964, 0.78, 0.22, 0.0 } },
	{ "good 💘! bad", { 0.5983, 0.573, 0.155, 0.271 } },
};

static const struct golden unicode[] = {
	{ "İ good", { 0.4404, 0.744, 0.256, 0.0 } },
	{ "ΣΑΣ good", { 0.4404, 0.744, 0.256, 0.0 } },
	{ "ǅ GOOD good", { 0.7603, 0.867, 0.133, 0.0 } },
	{ "ⅠⅡ good", { 0.4404, 0.744, 0.256, 0.0 } },
	{ "ﬁ good", { 0.4404, 0.744, 0.256, 0.0 } },
};

struct fixture {
	struct lexicon *lexicon;
	struct vader *vader;
};

static struct lexicon *made(const char *text)
{
	struct lexicon *l = NULL;
	char error[200] = "";
	if (lexicon_create(text, strlen(text), &l, error, sizeof(error)) < 0)
		fail_msg("%s", error);
	return l;
}

static int set_up(void **state)
{
	static struct fixture f;
	f.lexicon = made(lexicon_text);
	assert_int_equal(vader_create(&f.vader), 0);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	lexicon_destroy(f->lexicon);
	vader_destroy(f->vader);
	vader_destroy(NULL);
	return 0;
}

static void check(struct fixture *f, const struct golden *golden, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct sentiment_score s = vader_score(f->vader, f->lexicon, text_of(golden[i].text)), w = golden[i].score;
		if (s.compound != w.compound || s.pos != w.pos || s.neu != w.neu || s.neg != w.neg)
			fail_msg("'%s': %g %g %g %g, expected %g %g %g %g", golden[i].text, s.compound, s.pos, s.neu, s.neg, w.compound, w.pos, w.neu,
				w.neg);
	}
}

static void the_examples_of_the_original_score_as_published(void **state)
{
	check(*state, examples, sizeof(examples) / sizeof(*examples));
}

static void short_texts_and_edges_score_as_the_original(void **state)
{
	check(*state, edges, sizeof(edges) / sizeof(*edges));
}

static void so_or_this_right_before_a_word_strengthens_it_and_hides_a_negation(void **state)
{
	check(*state, so_and_this, sizeof(so_and_this) / sizeof(*so_and_this));
}

static void negations_reach_over_three_words(void **state)
{
	check(*state, negations, sizeof(negations) / sizeof(*negations));
}

static void no_negates_a_scored_word_after_it_and_else_is_bad_itself(void **state)
{
	check(*state, no_rule, sizeof(no_rule) / sizeof(*no_rule));
}

static void least_negates_unless_at_or_very_stands_before(void **state)
{
	check(*state, least_rule, sizeof(least_rule) / sizeof(*least_rule));
}

static void idioms_replace_valences_from_the_fourth_word_on(void **state)
{
	check(*state, idioms, sizeof(idioms) / sizeof(*idioms));
}

static void capitals_count_when_only_some_words_have_them(void **state)
{
	check(*state, capitals, sizeof(capitals) / sizeof(*capitals));
}

static void but_weighs_each_value_at_its_first_equal(void **state)
{
	check(*state, but_rule, sizeof(but_rule) / sizeof(*but_rule));
}

static void tokens_are_cut_and_stripped_as_python_does(void **state)
{
	check(*state, tokens, sizeof(tokens) / sizeof(*tokens));
}

static void emoji_are_read_as_their_descriptions(void **state)
{
	check(*state, emoji, sizeof(emoji) / sizeof(*emoji));
}

static void letters_of_other_scripts_are_cased_as_python_does(void **state)
{
	check(*state, unicode, sizeof(unicode) / sizeof(*unicode));
}

static double squashed(double x) /* to four decimals; no ties among the values used here */
{
	return round(x / sqrt(x * x + 15) * 1e4) / 1e4;
}

static void check_sum(struct fixture *f, const struct lexicon *l, const char *text, double sum)
{
	double got = vader_score(f->vader, l, text_of(text)).compound;
	if (got != squashed(sum))
		fail_msg("'%s': %g, expected %g", text, got, squashed(sum));
}

static void a_phrase_is_one_word_the_longest_first(void **state)
{
	struct fixture *f = *state;
	struct lexicon *l = made("@language en\n[words]\ntrue\t0.5\ngood\t1.9\n[phrases]\ntrue to\t1\ntrue to size\t1.5\nfell apart\t-2.5\n"
				 "looks like\t0\n[boosters]\nreally\t0.293\n[negations]\nnot\nisn't\n");
	check_sum(f, l, "True to size.", 1.5);
	check_sum(f, l, "true to life", 1);
	check_sum(f, l, "true size", 0.5);
	check_sum(f, l, "it is not true to size", 1.5 * -0.74);
	check_sum(f, l, "it really fell apart", -2.5 - 0.293);
	check_sum(f, l, "FELL APART quickly", -2.5 - 0.733);
	check_sum(f, l, "it fell. apart from that good", 1.9); /* not across a mark */
	check_sum(f, l, "(true to size)", 1.5);
	check_sum(f, l, "true to", 1);
	check_sum(f, l, "true to true to size", 2.5);
	lexicon_destroy(l);
}

/* What vader.h adds for lexicons with phrases, and that VADER's own are read as the original does. */
static void people_type_as_they_like(void **state)
{
	struct fixture *f = *state;
	static const char words[] = "@language en\n[words]\nok\t1\ngreat\t3\nbad\t-2.5\nlove\t3\ntoo\t0\n:)\t1.8\n[negations]\nnot\n[phrases]\nthumbs up\t2.2\ndoesn't fit\t-2\n";
	static const struct {
		const char *text;
		double own, original;
	} texts[] = {
		{ "It isn\xe2\x80\x99t great", 3 * -0.74, 3 },
		{ "It isn't great", 3 * -0.74, 3 * -0.74 },
		{ "doesn\xe2\x80\x99t fit", -2, 0 },
		{ "\xe2\x80\x9cgreat\xe2\x80\x9d\xe2\x80\xa6", 3, 0 },
		{ "bad\xe2\x80\x94great", 0.5, 0 },
		{ "great,bad", 0.5, 0 },
		{ "Great fit.Bad zipper", 0.5, 3 },
		{ "great/bad.", 0.5, 0 },
		{ "g.r great", 3, 3 },
		{ "It is ok.", 1, 0 },
		{ "(ok)", 1, 0 },
		{ "great :)", 4.8, 4.8 },
		{ "Thumbs up, all", 2.2, 0 },
		{ "Looove it", 3, 0 },
		{ "greaaaat", 3, 0 },
		{ "tooo bad", -2.5, -2.5 },
		{ "xxxx lll", 0, 0 },
	};
	struct lexicon *own = made(words), *original;
	char cut[sizeof(words)];
	snprintf(cut, sizeof(cut), "%.*s", (int)(strstr(words, "[phrases]") - words), words);
	original = made(cut);
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		check_sum(f, own, texts[i].text, texts[i].own);
		check_sum(f, original, texts[i].text, texts[i].original);
	}
	lexicon_destroy(own);
	lexicon_destroy(original);
}

static void an_emoji_with_a_valence_stands_alone_without_its_ornaments(void **state)
{
	struct fixture *f = *state;
	struct lexicon *l = made("@language en\n[words]\ngood\t1.9\n[negations]\nnot\n");
	struct lexicon *shared = made("@language mul\n[emoji]\n👍\t2\n❤\t2.5\n👎\t-2\n");
	static const struct {
		const char *text;
		double sum;
	} cases[] = { { "good👍good", 5.8 }, { "👍🏽👍", 4 }, { "❤️good", 4.4 }, { "👎", -2 }, { "not 👍", 2 * -0.74 }, { "💘", 0 } };
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct sentiment_sums s = vader_sums(f->vader, l, shared, text_of(cases[i].text));
		assert_true(sentiment_score_of(&s).compound == squashed(cases[i].sum));
	}
	assert_int_equal(vader_sums(f->vader, l, NULL, text_of("👍")).sum, 0); /* its own lexicon has none */
	lexicon_destroy(l);
	lexicon_destroy(shared);
}

static void no_more_than_the_stated_length_is_read(void **state)
{
	struct fixture *f = *state;
	size_t size = 3 * SENTIMENT_TEXT_MAX;
	char *text = malloc(size);
	for (size_t i = 0; i < size; i += 4)
		memcpy(text + i, i < SENTIMENT_TEXT_MAX ? "it  " : "bad ", 4);
	struct sentiment_score s = vader_score(f->vader, f->lexicon, (struct text){ text, (uint32_t)size });
	assert_true(s.compound == 0 && s.neu == 1);
	memcpy(text + SENTIMENT_TEXT_MAX - 4, "bad ", 4);
	s = vader_score(f->vader, f->lexicon, (struct text){ text, (uint32_t)size });
	assert_true(s.compound == squashed(-2.5));
	for (size_t i = 0; i + 4 <= size; i += 4) /* each grows to 17 bytes: what no longer fits is not read */
		memcpy(text + i, "💘", 4);
	struct sentiment_sums sums = vader_sums(f->vader, f->lexicon, NULL, (struct text){ text, (uint32_t)size });
	assert_in_range(sums.words, 3 * SENTIMENT_TEXT_MAX / 17 - 3, 3 * SENTIMENT_TEXT_MAX / 17 + 3);
	memset(text, 'a', size);
	for (size_t i = 1; i < size; i += 2)
		text[i] = ' ';
	assert_int_equal(vader_sums(f->vader, f->lexicon, NULL, (struct text){ text, (uint32_t)size }).words, SENTIMENT_TEXT_MAX / 2);
	free(text);
}

static void bytes_that_are_not_utf8_are_characters_like_others(void **state)
{
	struct fixture *f = *state;
	check_sum(f, f->lexicon, "\xff\xfe good \xe4\xbd", 1.9);
	check_sum(f, f->lexicon, "good \xf0\x9f\x92", 1.9);
	check_sum(f, f->lexicon, "\xed\xa0\x80 good", 1.9);
}

static void shares_are_rounded_with_exact_halves_to_even(void **state)
{
	(void)state;
	struct sentiment_sums s = { .sum = 0, .pos = 1, .neutral = 15, .words = 16 };
	struct sentiment_score score = sentiment_score_of(&s);
	assert_true(score.pos == 0.062 && score.neu == 0.938); /* 0.0625, 0.9375 */
	s = (struct sentiment_sums){ .sum = 1e9, .pos = 1e9, .words = 1 };
	assert_true(sentiment_score_of(&s).compound == 1);
	s = (struct sentiment_sums){ 0 };
	assert_true(sentiment_score_of(&s).neu == 0);
}

static void a_text_is_positive_or_negative_from_five_hundredths_on(void **state)
{
	(void)state;
	assert_int_equal(sentiment_class_of(0.05), SENTIMENT_POSITIVE);
	assert_int_equal(sentiment_class_of(0.0499), SENTIMENT_NEUTRAL);
	assert_int_equal(sentiment_class_of(-0.0499), SENTIMENT_NEUTRAL);
	assert_int_equal(sentiment_class_of(-0.05), SENTIMENT_NEGATIVE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_examples_of_the_original_score_as_published),
		cmocka_unit_test(short_texts_and_edges_score_as_the_original),
		cmocka_unit_test(so_or_this_right_before_a_word_strengthens_it_and_hides_a_negation),
		cmocka_unit_test(negations_reach_over_three_words),
		cmocka_unit_test(no_negates_a_scored_word_after_it_and_else_is_bad_itself),
		cmocka_unit_test(least_negates_unless_at_or_very_stands_before),
		cmocka_unit_test(idioms_replace_valences_from_the_fourth_word_on),
		cmocka_unit_test(capitals_count_when_only_some_words_have_them),
		cmocka_unit_test(but_weighs_each_value_at_its_first_equal),
		cmocka_unit_test(tokens_are_cut_and_stripped_as_python_does),
		cmocka_unit_test(emoji_are_read_as_their_descriptions),
		cmocka_unit_test(letters_of_other_scripts_are_cased_as_python_does),
		cmocka_unit_test(a_phrase_is_one_word_the_longest_first),
		cmocka_unit_test(people_type_as_they_like),
		cmocka_unit_test(an_emoji_with_a_valence_stands_alone_without_its_ornaments),
		cmocka_unit_test(no_more_than_the_stated_length_is_read),
		cmocka_unit_test(bytes_that_are_not_utf8_are_characters_like_others),
		cmocka_unit_test(shares_are_rounded_with_exact_halves_to_even),
		cmocka_unit_test(a_text_is_positive_or_negative_from_five_hundredths_on),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
