/* The JSON writer and the number formatter: expected texts are written by hand or come from printf. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "processors/json.h"

static void assert_bytes(const struct buf *b, const char *expected)
{
	assert_int_equal(b->size, strlen(expected));
	assert_memory_equal(b->data, expected, b->size);
}

static void commas_stand_between_members_and_nowhere_else(void **state)
{
	(void)state;
	struct buf b = { 0 };
	json_view_open(&b, 1700000000123, 7);
	json_name(&b, "items");
	json_open(&b, '[');
	for (int i = 0; i < 2; i++) {
		json_open(&b, '{');
		json_name(&b, "n");
		json_i64(&b, i);
		json_name(&b, "good");
		json_bool(&b, i == 0);
		json_close(&b, '}');
	}
	json_open(&b, '[');
	json_close(&b, ']');
	json_close(&b, ']');
	json_name_text(&b, TEXT("a\"b"));
	json_text(&b, (struct text){ 0 });
	json_close(&b, '}');
	assert_bytes(&b, "{\"v\":1,\"as_of\":1700000000123,\"commit\":7,\"items\":[{\"n\":0,\"good\":true},{\"n\":1,\"good\":false},[]],\"a\\\"b\":null}");
	buf_done(&b);
}

static void a_member_of_a_dump_line_begins_with_its_comma(void **state)
{
	(void)state;
	struct buf b = { 0 };
	json_member(&b, "n");
	json_i64(&b, -3);
	json_member(&b, "of");
	json_open(&b, '{');
	json_close(&b, '}');
	assert_bytes(&b, ",\"n\":-3,\"of\":{}");
	buf_done(&b);
}

static void texts_are_escaped_as_rfc_8259_asks(void **state)
{
	(void)state;
	struct buf b = { 0 };
	json_text(&b, TEXT("\"\\/\b\f\n\r\t\v\x01\x1f é 评"));
	assert_bytes(&b, "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u000b\\u0001\\u001f é 评\"");
	buf_clear(&b);
	json_text(&b, (struct text){ "a\0b", 3 });
	assert_bytes(&b, "\"a\\u0000b\"");
	buf_clear(&b);
	json_text(&b, TEXT(""));
	assert_bytes(&b, "\"\"");
	buf_done(&b);
}

static void every_ascii_text_is_read_back_by_jansson(void **state)
{
	(void)state;
	char all[127];
	for (int i = 1; i < 128; i++)
		all[i - 1] = (char)i;
	struct buf b = { 0 };
	json_open(&b, '[');
	json_text(&b, (struct text){ all, sizeof(all) });
	json_close(&b, ']');
	json_t *read = json_loadb((const char *)b.data, b.size, 0, NULL);
	assert_non_null(read);
	assert_int_equal(json_string_length(json_array_get(read, 0)), sizeof(all));
	assert_memory_equal(json_string_value(json_array_get(read, 0)), all, sizeof(all));
	json_decref(read);
	buf_done(&b);
}

static void integers_are_exact_to_the_ends_of_their_range(void **state)
{
	(void)state;
	static const int64_t values[] = { 0, 1, -1, 9, 10, 99, 100, -1234567890123, INT64_MAX, INT64_MIN };
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		char got[32], expected[32];
		int n = format_i64(got, values[i]);
		snprintf(expected, sizeof(expected), "%lld", (long long)values[i]);
		assert_int_equal(n, strlen(expected));
		assert_memory_equal(got, expected, (size_t)n);
	}
}

static void check_double(double v, int significant)
{
	char got[40], expected[40];
	int n = format_double(got, v, significant);
	got[n] = 0;
	snprintf(expected, sizeof(expected), "%.*g", significant, v);
	assert_string_equal(got, expected);
}

static void doubles_are_printf_s_g_format_for_all_sizes_and_digits(void **state)
{
	(void)state;
	static const double values[] = { 0, 1, -1, 0.5, 0.05, 1e-4, 1e-5, 9.9999949e-5, 9.9999951e-5, 123456, 1234567, 999999.5, 999999.4, 0.1, 0.3, 2.5, 1.0000005,
		0.000123456789, 1e15, 1e22, 1e-300, 1.7976931348623157e308, 5e-324, 1.0 / 3, 2.0 / 3, 100, 1e6, 99999.95, 0.0625, 1234565, 1234575 };
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		for (int significant = 1; significant <= 17; significant++) {
			check_double(values[i], significant);
			check_double(-values[i], significant);
		}
	uint64_t x = 88172645463325252u; /* xorshift64, fixed seed */
	for (int i = 0; i < 300000; i++) {
		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		double v = (double)(int64_t)x * pow(10, (int)(x % 60) - 40);
		check_double(v, 6);
		check_double(v, 9);
		check_double((double)(x % 1000000) / (double)(1 + (x >> 32) % 100000), 6);
		check_double((double)(x % 20000001) / 2000000, 6); /* many ties */
	}
}

static void what_is_no_number_is_null(void **state)
{
	(void)state;
	struct buf b = { 0 };
	json_open(&b, '[');
	json_double(&b, NAN);
	json_double(&b, INFINITY);
	json_double(&b, -INFINITY);
	json_double(&b, 0.25);
	json_close(&b, ']');
	assert_bytes(&b, "[null,null,null,0.25]");
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commas_stand_between_members_and_nowhere_else),
		cmocka_unit_test(a_member_of_a_dump_line_begins_with_its_comma),
		cmocka_unit_test(texts_are_escaped_as_rfc_8259_asks),
		cmocka_unit_test(every_ascii_text_is_read_back_by_jansson),
		cmocka_unit_test(integers_are_exact_to_the_ends_of_their_range),
		cmocka_unit_test(doubles_are_printf_s_g_format_for_all_sizes_and_digits),
		cmocka_unit_test(what_is_no_number_is_null),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
