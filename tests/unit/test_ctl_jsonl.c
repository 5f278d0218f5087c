/* Event files: reading, merging, ranges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>
#include <unistd.h>
#include <zlib.h>

#include "ctl/jsonl.h"

static char folder[] = "/tmp/glint-jsonl.XXXXXX";
static char paths[3][64];

static const char *file_of(int i, const char *text, size_t size)
{
	snprintf(paths[i], sizeof(paths[i]), "%s/%d", folder, i);
	FILE *f = fopen(paths[i], "w");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, size, f), size);
	fclose(f);
	return paths[i];
}

static const char *file(int i, const char *text)
{
	return file_of(i, text, strlen(text));
}

/* What comes, as "file:line ts[!]" words; ! marks a bad line. */
static char *read_all(const char *const *files, int n, int *ret)
{
	static char text[4096];
	char error[256] = "";
	struct jsonl_line line;
	struct jsonl *j;
	int r = jsonl_open(files, n, &j, error, sizeof(error));
	assert_int_equal(r, 0);
	text[0] = '\0';
	while ((r = jsonl_next(j, &line, error, sizeof(error))) > 0)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%c:%d %d%s ", line.file[strlen(line.file) - 1], (int)line.number,
			(int)line.ts, line.object ? "" : "!");
	jsonl_close(j);
	*ret = r;
	return text;
}

static void a_byte_order_mark_at_the_start_of_a_file_is_passed_over(void **state)
{
	const char *files[] = { file(0, "\xef\xbb\xbf{\"ts\":10}\n\xef\xbb\xbf{\"ts\":30}\n"), file(1, "\xef\xbb\xbf"), file(2, "\xef\xbb\xbf\n{\"ts\":20}") };
	int r;
	(void)state;
	assert_string_equal(read_all(files, 3, &r), "0:1 10 0:2 10! 2:2 20 ");
	assert_int_equal(r, 0);
}

static void several_files_are_merged_by_ts_and_ties_go_by_file(void **state)
{
	const char *files[] = { file(0, "{\"ts\":10}\n{\"ts\":30}\n{\"ts\":30}\n"), file(1, "{\"ts\":20}\n{\"ts\":30}"), file(2, "") };
	int r;
	(void)state;
	assert_string_equal(read_all(files, 3, &r), "0:1 10 1:1 20 0:2 30 0:3 30 1:2 30 ");
	assert_int_equal(r, 0);
}

static void a_line_without_ts_takes_the_time_of_the_one_before_it(void **state)
{
	const char *files[] = { file(0, "{\"a\":1}\n{\"ts\":50}\n{\"a\":2}\n"), file(1, "{\"ts\":20}\n{\"ts\":60}\n") };
	int r;
	(void)state;
	assert_string_equal(read_all(files, 2, &r), "0:1 0 1:1 20 0:2 50 0:3 50 1:2 60 ");
}

static void blank_lines_are_passed_over_and_numbers_still_count_them(void **state)
{
	const char *files[] = { file(0, "\n{\"ts\":1}\r\n  \t\n{\"ts\":2}") };
	int r;
	(void)state;
	assert_string_equal(read_all(files, 1, &r), "0:2 1 0:4 2 ");
}

static void bad_lines_are_given_out_as_such(void **state)
{
	static const char text[] = "{\"ts\":1}\noops\n[1]\n{\"ts\":2}\n{\"ts\":3\0}\n{\"ts\":4,\"ts\":5}\n";
	const char *files[] = { file_of(0, text, sizeof(text) - 1) };
	int r;
	(void)state;
	assert_string_equal(read_all(files, 1, &r), "0:1 1 0:2 1! 0:3 1! 0:4 2 0:5 2! 0:6 2! ");
	assert_int_equal(r, 0);
}

static void a_line_may_be_longer_than_any_chunk_but_not_endless(void **state)
{
	size_t size = (18u << 20);
	char *text = malloc(size);
	const char *files[1];
	int r;
	(void)state;
	memset(text, ' ', size);
	memcpy(text, "{\"ts\":1}", 8);
	text[3u << 20] = '\n';
	memcpy(text + (3u << 20) + 1, "{", 1);
	memcpy(text + size - 11, "\n{\"ts\":2}\n\n", 11);
	files[0] = file_of(0, text, size);
	free(text);
	assert_string_equal(read_all(files, 1, &r), "0:1 1 0:2 1! 0:3 2 ");
	assert_int_equal(r, 0);
}

static void gzip_is_read_as_it_is_and_a_damaged_one_is_an_error(void **state)
{
	char path[64], bytes[4096], error[256];
	const char *files[] = { path };
	struct jsonl_line line;
	struct jsonl *j;
	int r;
	(void)state;
	snprintf(path, sizeof(path), "%s/0", folder);
	gzFile gz = gzopen(path, "w");
	for (int i = 0; i < 200; i++)
		gzprintf(gz, "{\"ts\":%d,\"salt\":\"%08x\"}\n", i, (unsigned)i * 2654435761u);
	gzclose(gz);
	assert_memory_equal(read_all(files, 1, &r), "0:1 0 0:2 1 0:3 2 ", 18);
	assert_int_equal(r, 0);
	FILE *f = fopen(path, "r");
	size_t n = fread(bytes, 1, sizeof(bytes), f);
	fclose(f);
	file_of(0, bytes, n / 2);
	r = jsonl_open(files, 1, &j, error, sizeof(error));
	if (!r) {
		while ((r = jsonl_next(j, &line, error, sizeof(error))) > 0)
			;
		jsonl_close(j);
	}
	assert_int_equal(r, -EIO);
	assert_non_null(strstr(error, "unexpected end of file"));
}

static void a_file_that_is_not_there_is_named(void **state)
{
	const char *files[] = { "/nonexistent/x.jsonl" };
	struct jsonl *j;
	char error[256];
	(void)state;
	assert_int_equal(jsonl_open(files, 1, &j, error, sizeof(error)), -ENOENT);
	assert_string_equal(error, "/nonexistent/x.jsonl: No such file or directory");
}

static void the_range_spans_all_files(void **state)
{
	const char *files[] = { file(0, "{\"ts\":10}\nbad\n{\"ts\":30}\n"), file(1, "{\"ts\":5}\n"), file(2, "{\"x\":1}\n") };
	struct jsonl_range range;
	char error[256];
	(void)state;
	assert_int_equal(jsonl_range(files, 3, &range, error, sizeof(error)), 0);
	assert_int_equal(range.first, 5);
	assert_int_equal(range.last, 30);
	assert_int_equal(range.lines, 5);
	assert_int_equal(jsonl_range(files + 2, 1, &range, error, sizeof(error)), -ENOENT);
}

static int make(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int clean(void **state)
{
	char path[64];
	(void)state;
	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%d", folder, i);
		unlink(path);
	}
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(several_files_are_merged_by_ts_and_ties_go_by_file),
		cmocka_unit_test(a_byte_order_mark_at_the_start_of_a_file_is_passed_over),
		cmocka_unit_test(a_line_without_ts_takes_the_time_of_the_one_before_it),
		cmocka_unit_test(blank_lines_are_passed_over_and_numbers_still_count_them),
		cmocka_unit_test(bad_lines_are_given_out_as_such),
		cmocka_unit_test(a_line_may_be_longer_than_any_chunk_but_not_endless),
		cmocka_unit_test(gzip_is_read_as_it_is_and_a_damaged_one_is_an_error),
		cmocka_unit_test(a_file_that_is_not_there_is_named),
		cmocka_unit_test(the_range_spans_all_files),
	};
	return cmocka_run_group_tests(tests, make, clean);
}
