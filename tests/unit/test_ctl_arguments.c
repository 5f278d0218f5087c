/* The command line of glintctl. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>

#include "ctl/arguments.h"

static const struct ctl_command commands[] = {
	{ .name = "topics create", .arguments = "", .options = { { "partitions", "N", "" } } },
	{ .name = "replay", .arguments = "FILE...", .options = { { "topic", "NAME", "" }, { "rate", "R", "" }, { "skip-bad", NULL, "" } }, .min = 1, .max = -1 },
	{ .name = "recs", .arguments = "USER", .min = 1, .max = 1 },
	{ .name = "control pin", .arguments = "ITEM [PLACE]", .min = 1, .max = 2 },
	{ .name = "control list", .arguments = "" },
};
static struct arguments got;
static char why[256];

static int parse(const char *const *words)
{
	int n = 0;
	while (words[n])
		n++;
	why[0] = '\0';
	return arguments_parse(commands, sizeof(commands) / sizeof(commands[0]), n, (char *const *)(uintptr_t)words, &got, why, sizeof(why));
}

#define PARSE(...) parse((const char *const[]){ "glintctl", __VA_ARGS__, NULL })

static int done(void **state)
{
	(void)state;
	arguments_done(&got);
	return 0;
}

static void a_command_may_have_two_words(void **state)
{
	(void)state;
	assert_int_equal(PARSE("topics", "create", "--partitions", "8"), 0);
	assert_string_equal(got.command->name, "topics create");
	assert_string_equal(arguments_value(&got, "partitions"), "8");
	assert_int_equal(got.n_positional, 0);
}

static void options_may_stand_before_between_and_behind(void **state)
{
	(void)state;
	assert_int_equal(PARSE("--config", "a.conf", "replay", "x.jsonl", "--topic=clicks", "--json", "y.jsonl", "--skip-bad"), 0);
	assert_string_equal(got.config, "a.conf");
	assert_string_equal(arguments_value(&got, "topic"), "clicks");
	assert_null(arguments_value(&got, "rate"));
	assert_non_null(arguments_value(&got, "skip-bad"));
	assert_true(got.json);
	assert_int_equal(got.n_positional, 2);
	assert_string_equal(got.positional[1], "y.jsonl");
}

static void set_may_be_given_more_than_once(void **state)
{
	(void)state;
	assert_int_equal(PARSE("recs", "u1", "--set", "redis.prefix=a", "--set=glint.http=off"), 0);
	assert_int_equal(got.n_sets, 2);
	assert_string_equal(got.sets[1], "glint.http=off");
}

static void two_dashes_end_the_options(void **state)
{
	(void)state;
	assert_int_equal(PARSE("recs", "--", "--odd-user"), 0);
	assert_string_equal(got.positional[0], "--odd-user");
}

static void a_lone_dash_is_a_file(void **state)
{
	(void)state;
	assert_int_equal(PARSE("replay", "-", "--topic", "clicks"), 0);
	assert_string_equal(got.positional[0], "-");
}

static void an_unknown_command_is_named(void **state)
{
	(void)state;
	assert_int_equal(PARSE("reccs", "u1"), -EINVAL);
	assert_string_equal(why, "unknown command 'reccs'; see glintctl --help");
}

static void a_word_that_begins_several_commands_lists_them(void **state)
{
	(void)state;
	assert_int_equal(PARSE("control"), -EINVAL);
	assert_string_equal(why, "which command? there is control pin, control list");
	arguments_done(&got);
	assert_int_equal(PARSE("control", "frob", "x"), -EINVAL);
	assert_string_equal(why, "unknown command 'control frob'; there is control pin, control list");
}

static void a_number_below_zero_is_an_argument(void **state)
{
	(void)state;
	assert_int_equal(PARSE("control", "pin", "--json", "hat", "-1"), 0);
	assert_int_equal(got.n_positional, 2);
	assert_string_equal(got.positional[1], "-1");
	arguments_done(&got);
	assert_int_equal(PARSE("control", "pin", "hat", "-x"), -EINVAL);
}

static void an_option_of_another_command_is_unknown_to_this_one(void **state)
{
	(void)state;
	assert_int_equal(PARSE("recs", "u1", "--partitions", "8"), -EINVAL);
	assert_string_equal(why, "unknown option --partitions of recs; see glintctl recs --help");
}

static void too_few_or_too_many_arguments_print_the_usage(void **state)
{
	(void)state;
	assert_int_equal(PARSE("recs"), -EINVAL);
	assert_string_equal(why, "usage: glintctl recs USER");
	arguments_done(&got);
	assert_int_equal(PARSE("recs", "a", "b"), -EINVAL);
}

static void a_value_that_is_missing_or_not_wanted_is_named(void **state)
{
	(void)state;
	assert_int_equal(PARSE("replay", "f", "--topic"), -EINVAL);
	assert_string_equal(why, "--topic needs a value: --topic NAME");
	arguments_done(&got);
	assert_int_equal(PARSE("replay", "f", "--skip-bad=1"), -EINVAL);
	assert_string_equal(why, "--skip-bad takes no value");
}

static void numbers_are_checked_for_their_range(void **state)
{
	double v = 7;
	(void)state;
	assert_int_equal(PARSE("replay", "f", "--rate", "2.5e3"), 0);
	assert_int_equal(arguments_number(&got, "rate", 1, 1e9, &v, why, sizeof(why)), 0);
	assert_true(v == 2500);
	arguments_done(&got);
	assert_int_equal(PARSE("replay", "f", "--rate", "fast"), 0);
	assert_int_equal(arguments_number(&got, "rate", 1, 1e9, &v, why, sizeof(why)), -EINVAL);
	assert_string_equal(why, "--rate must be a number from 1 to 1e+09, found 'fast'");
	assert_true(v == 2500);
	arguments_done(&got);
	assert_int_equal(PARSE("replay", "f", "--rate", "2.5"), 0);
	assert_int_equal(arguments_whole(&got, "rate", 1, 1e9, &v, why, sizeof(why)), -EINVAL);
	assert_string_equal(why, "--rate must be a whole number from 1 to 1e+09, found '2.5'");
	arguments_done(&got);
	assert_int_equal(PARSE("replay", "f", "--rate", "25e1"), 0);
	assert_int_equal(arguments_whole(&got, "rate", 1, 1e9, &v, why, sizeof(why)), 0);
	assert_true(v == 250);
}

static void help_needs_no_arguments(void **state)
{
	(void)state;
	assert_int_equal(PARSE("recs", "--help"), 0);
	assert_true(got.help);
	arguments_done(&got);
	assert_int_equal(PARSE("--help"), 0);
	assert_null(got.command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_command_may_have_two_words, done),
		cmocka_unit_test_teardown(options_may_stand_before_between_and_behind, done),
		cmocka_unit_test_teardown(set_may_be_given_more_than_once, done),
		cmocka_unit_test_teardown(two_dashes_end_the_options, done),
		cmocka_unit_test_teardown(a_lone_dash_is_a_file, done),
		cmocka_unit_test_teardown(an_unknown_command_is_named, done),
		cmocka_unit_test_teardown(a_word_that_begins_several_commands_lists_them, done),
		cmocka_unit_test_teardown(a_number_below_zero_is_an_argument, done),
		cmocka_unit_test_teardown(an_option_of_another_command_is_unknown_to_this_one, done),
		cmocka_unit_test_teardown(too_few_or_too_many_arguments_print_the_usage, done),
		cmocka_unit_test_teardown(a_value_that_is_missing_or_not_wanted_is_named, done),
		cmocka_unit_test_teardown(numbers_are_checked_for_their_range, done),
		cmocka_unit_test_teardown(help_needs_no_arguments, done),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
