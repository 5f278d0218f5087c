/* Tables of glintctl. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "ctl/table.h"

static char *printed(const struct table *t, int width, bool heading)
{
	char *text;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	table_print(t, f, width, heading);
	fclose(f);
	return text;
}

static void fill(struct table *t, const char *const *cells, size_t n)
{
	for (size_t i = 0; i < n; i++)
		table_cell(t, cells[i]);
}

static void expect(struct table *t, int width, bool heading, const char *text)
{
	char *got = printed(t, width, heading);
	assert_string_equal(got, text);
	free(got);
	table_destroy(t);
}

static void texts_stand_left_and_numbers_right(void **state)
{
	struct table *t = table_create((const char *const[]){ "item", "count", NULL });
	(void)state;
	fill(t, (const char *const[]){ "hat", "7", "umbrella", "1200" }, 4);
	expect(t, 0, true, "item      count\nhat           7\numbrella   1200\n");
}

static void chinese_takes_two_columns_and_combining_marks_none(void **state)
{
	struct table *t = table_create((const char *const[]){ "a", "b", NULL });
	(void)state;
	assert_int_equal(text_width("雨伞"), 4);
	assert_int_equal(text_width("e\xcc\x81"), 1);
	fill(t, (const char *const[]){ "雨伞", "x", "abcd", "y", "e\xcc\x81", "z" }, 6);
	expect(t, 0, false, "雨伞  x\nabcd  y\ne\xcc\x81     z\n");
}

static void a_column_without_values_is_left_out(void **state)
{
	struct table *t = table_create((const char *const[]){ "item", "brand", "n", NULL });
	(void)state;
	fill(t, (const char *const[]){ "hat", NULL, "1", "cap", "", "2" }, 6);
	expect(t, 0, true, "item  n\nhat   1\ncap   2\n");
}

static void lines_do_not_end_in_blanks(void **state)
{
	struct table *t = table_create((const char *const[]){ "item", "note", NULL });
	(void)state;
	fill(t, (const char *const[]){ "hat", "", "umbrella", "good" }, 4);
	expect(t, 0, false, "hat\numbrella  good\n");
}

static void a_narrow_terminal_cuts_the_widest_text(void **state)
{
	struct table *t = table_create((const char *const[]){ "item", "text", NULL });
	(void)state;
	fill(t, (const char *const[]){ "hat", "the colour came off in the rain" }, 2);
	expect(t, 20, false, "hat  the colour cam…\n");
}

static void what_would_drive_the_terminal_is_shown_as_a_question_mark(void **state)
{
	struct table *t = table_create((const char *const[]){ "item", NULL });
	(void)state;
	fill(t, (const char *const[]){ "a\x1b[2Jb", "c\nd", "\xff", "x\xe2\x80\xaey" }, 4);
	expect(t, 0, false, "a?[2Jb\nc?d\n?\nx?y\n");
}

static void a_table_without_rows_prints_nothing(void **state)
{
	(void)state;
	expect(table_create((const char *const[]){ "item", NULL }), 0, true, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_stand_left_and_numbers_right),
		cmocka_unit_test(chinese_takes_two_columns_and_combining_marks_none),
		cmocka_unit_test(a_column_without_values_is_left_out),
		cmocka_unit_test(lines_do_not_end_in_blanks),
		cmocka_unit_test(a_narrow_terminal_cuts_the_widest_text),
		cmocka_unit_test(what_would_drive_the_terminal_is_shown_as_a_question_mark),
		cmocka_unit_test(a_table_without_rows_prints_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
