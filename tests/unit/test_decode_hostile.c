/* decode.h under hostile bytes: every case ends after bounded work (counted, not timed) and asks for no memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/avro/decode.h"
#include "daemon/avro/utf8.h"

#define IDS "{\"name\":\"event_id\",\"type\":\"string\"},{\"name\":\"ts\",\"type\":\"long\"},{\"name\":\"user_id\",\"type\":\"string\"}"
#define ACTION ",{\"name\":\"action\",\"type\":{\"type\":\"enum\",\"name\":\"A\",\"symbols\":[\"VIEW\",\"CLICK\"]}}"
#define CLICK(fields) "{\"type\":\"record\",\"name\":\"R\",\"fields\":[" IDS ACTION fields "]}"
#define HEAD "\x02" \
	     "e"    \
	     "\x02" \
	     "\x02" \
	     "u"    \
	     "\x00"
#define MAX_ITEMS 65536
#define MAX_DEPTH 64

static struct decoder *make(enum event_kind kind, const char *schema)
{
	struct decoder_settings settings = { .framing = FRAMING_BARE, .schema = schema };
	struct decoder *d = NULL;
	char error[512];

	if (decoder_create(kind, &settings, &d, error, sizeof(error)))
		fail_msg("%s", error);
	return d;
}

static size_t put_long(char *p, int64_t number)
{
	uint64_t zigzag = ((uint64_t)number << 1) ^ (uint64_t)(number >> 63);
	size_t n = 0;

	for (; zigzag > 0x7f; zigzag >>= 7)
		p[n++] = (char)(zigzag | 0x80);
	p[n++] = (char)zigzag;
	return n;
}

/* Decodes; asserts the outcome ("" = accepted), the bound on work, and that nothing was allocated. */
static void expect(struct decoder *d, const char *bytes, size_t size, const char *reason)
{
	/* an exact copy on the heap, so that the address sanitizer sees a step too far */
	char *copy = malloc(size ? size : 1);
	struct mallinfo2 before, after;
	struct event e;
	int rc;

	assert_non_null(copy);
	if (size)
		memcpy(copy, bytes, size);
	before = mallinfo2();
	rc = decoder_decode(d, copy, size, &e);
	after = mallinfo2();
	if (strcmp(rc ? decode_reasons[decoder_reason(d)] : "", reason))
		fail_msg("'%s', expected '%s'", rc ? decode_reasons[decoder_reason(d)] : "", reason);
	assert_int_equal(after.uordblks, before.uordblks);
	assert_true(decoder_work(d) <= (uint64_t)MAX_DEPTH * size + MAX_ITEMS);
	free(copy);
}

/* HEAD, then numbers, then a tail */
static void expect_numbers(struct decoder *d, const int64_t *numbers, size_t n, const char *tail, size_t tail_size, const char *reason)
{
	char bytes[256];
	size_t size = sizeof(HEAD) - 1;

	memcpy(bytes, HEAD, size);
	for (size_t i = 0; i < n; i++)
		size += put_long(bytes + size, numbers[i]);
	memcpy(bytes + size, tail, tail_size);
	expect(d, bytes, size + tail_size, reason);
}

#define NUMBERS(d, reason, tail, ...)                                                                                         \
	expect_numbers(d, (const int64_t[]){ __VA_ARGS__ }, sizeof((const int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t), tail, \
		sizeof(tail) - 1, reason)

static void huge_and_negative_lengths_are_refused(void **state)
{
	(void)state;
	/* of a text that is read, of one that is skipped, of bytes that are skipped inside an array */
	struct decoder *read = make(EVENT_CLICK, CLICK(",{\"name\":\"query\",\"type\":\"string\"}"));
	struct decoder *skipped = make(EVENT_CLICK, CLICK(",{\"name\":\"other\",\"type\":\"string\"}"));
	struct decoder *inside = make(EVENT_CLICK, CLICK(",{\"name\":\"other\",\"type\":{\"type\":\"map\",\"values\":\"bytes\"}}"));
	const int64_t lengths[] = { 3, 1 << 20, INT32_MAX, (int64_t)1 << 34, INT64_MAX - 1, INT64_MAX };
	for (size_t i = 0; i < sizeof(lengths) / sizeof *lengths; i++) {
		NUMBERS(read, "truncated", "ab", lengths[i]);
		NUMBERS(skipped, "truncated", "ab", lengths[i]);
		NUMBERS(inside, "truncated", "ab", 1, lengths[i]);
		NUMBERS(inside, "truncated", "ab", 1, 0, lengths[i]);
		NUMBERS(read, "bad_length", "ab", -lengths[i]);
		NUMBERS(skipped, "bad_length", "ab", -lengths[i] - 1);
		NUMBERS(inside, "bad_length", "ab", 1, 0, -lengths[i]);
	}
	decoder_destroy(read);
	decoder_destroy(skipped);
	decoder_destroy(inside);
}

static void two_hundred_million_nulls_end_at_once(void **state)
{
	(void)state;
	struct decoder *nulls = make(EVENT_CLICK, CLICK(",{\"name\":\"a\",\"type\":{\"type\":\"array\",\"items\":\"null\"}}"));
	struct decoder *hollow = make(EVENT_CLICK, CLICK(",{\"name\":\"a\",\"type\":{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":\"N\","
							 "\"fields\":[{\"name\":\"x\",\"type\":\"null\"},{\"name\":\"y\",\"type\":{\"type\":"
							 "\"fixed\",\"name\":\"F\",\"size\":0}}]}}}"));
	struct decoder *units = make(EVENT_CLICK, CLICK(",{\"name\":\"a\",\"type\":{\"type\":\"array\",\"items\":[\"null\"]}}"));
	NUMBERS(nulls, "too_many_items", "\x00", 200000000);
	NUMBERS(nulls, "too_many_items", "\x00", -200000000, 0);
	NUMBERS(nulls, "too_many_items", "\x00", INT64_MAX);
	NUMBERS(nulls, "too_many_items", "\x00", INT64_MIN, 0);
	NUMBERS(hollow, "too_many_items", "\x00", 200000000);
	NUMBERS(units, "too_many_items", "\x00", 200000000);
	NUMBERS(units, "truncated", "\x00\x00", 60000);
	NUMBERS(nulls, "", "\x00", 60000);
	NUMBERS(nulls, "too_many_items", "\x00", 60000, 60000);
	decoder_destroy(nulls);
	decoder_destroy(hollow);
	decoder_destroy(units);
}

static void a_million_blocks_are_too_many(void **state)
{
	(void)state;
	struct decoder *d = make(EVENT_CLICK, CLICK(",{\"name\":\"a\",\"type\":{\"type\":\"array\",\"items\":\"null\"}}"));
	size_t size = 1 << 20;
	char *bytes = malloc(size);
	memset(bytes, 0x02, size); /* blocks of one null each */
	memcpy(bytes, HEAD, sizeof(HEAD) - 1);
	expect(d, bytes, size, "too_many_items");
	memset(bytes + sizeof(HEAD) - 1, 0x01, size - sizeof(HEAD) + 1); /* blocks of -1 whose size is -1 */
	expect(d, bytes, size, "bad_length");
	for (size_t i = sizeof(HEAD); i < size; i += 2)
		bytes[i] = 0x00; /* whose size is 0 */
	expect(d, bytes, size, "too_many_items");
	free(bytes);
	decoder_destroy(d);
}

static void depth_of_a_hundred_thousand_ends_at_the_bound(void **state)
{
	(void)state;
	static const char *const schemas[] = {
		CLICK(",{\"name\":\"n\",\"type\":{\"type\":\"record\",\"name\":\"N\",\"fields\":[{\"name\":\"next\",\"type\":[\"null\",\"N\"]}]}}"),
		CLICK(",{\"name\":\"n\",\"type\":{\"type\":\"record\",\"name\":\"N\",\"fields\":[{\"name\":\"all\",\"type\":{\"type\":\"array\",\"items\":\"N\"}}]}}"),
	};
	char *bytes = malloc(1 << 20);
	/* for each level one byte (the branch), or two (a block of one, and its end) */
	for (int i = 0; i < 2; i++) {
		struct decoder *d = make(EVENT_CLICK, schemas[i]);
		for (size_t depth = 1; depth <= 100000; depth *= 10) {
			memcpy(bytes, HEAD, sizeof(HEAD) - 1);
			memset(bytes + sizeof(HEAD) - 1, 0x02, depth); /* branch 1, or a block of one */
			memset(bytes + sizeof(HEAD) - 1 + depth, 0x00, i ? depth + 1 : 1);
			expect(d, bytes, sizeof(HEAD) - 1 + depth + (i ? depth + 1 : 1), depth <= 10 ? "" : "too_deep");
		}
		decoder_destroy(d);
	}
	free(bytes);
}

static void indexes_outside_unions_and_enums_are_refused_read_or_skipped(void **state)
{
	(void)state;
	struct decoder *d = make(EVENT_CLICK,
		CLICK(",{\"name\":\"query\",\"type\":[\"null\",\"string\"]},{\"name\":\"x\",\"type\":[\"null\",\"int\",\"string\"]},"
		      "{\"name\":\"y\",\"type\":{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"P\",\"Q\"]}},{\"name\":\"z\",\"type\":\"boolean\"}"));
	const int64_t outside[] = { -1, 3, 64, 1 << 20, INT64_MAX, INT64_MIN };
	for (size_t i = 0; i < sizeof(outside) / sizeof *outside; i++) {
		NUMBERS(d, "bad_union_index", "\x00\x00\x00", outside[i], 0, 0);
		NUMBERS(d, "bad_union_index", "\x00", 0, outside[i], 0);
		NUMBERS(d, "bad_enum_index", "\x00", 0, 0, outside[i]);
	}
	NUMBERS(d, "bad_union_index", "\x00", 2, 0, 0);
	NUMBERS(d, "bad_boolean", "\x02", 0, 0, 1);
	NUMBERS(d, "", "\x01", 0, 0, 1);
	NUMBERS(d, "bad_varint", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 0);
	NUMBERS(d, "bad_varint", "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", 0);
	NUMBERS(d, "truncated", "\x80\x80\x80\x80\x80\x80\x80\x80\x80", 0);
	NUMBERS(d, "", "\x80\x80\x80\x00\x00\x00", 0); /* a long way to write 0 is allowed */
	decoder_destroy(d);
}

/* every record of ours, cut at every byte and with bytes behind it */
static void a_record_cut_anywhere_or_with_bytes_behind_it_is_refused(void **state)
{
	(void)state;
	static const struct {
		enum event_kind kind;
		const char *bytes;
		size_t size;
	} records[] = {
#define ROW(kind, text) { kind, text, sizeof(text) - 1 }
		ROW(EVENT_CLICK, HEAD "\x02\x02s\x02\x02i\x02\x02"
				      "c\x02\x02q\x02\xa4\x13\x02\x02v\x02\x02r\x02\xac\x02\x02\x02p\x02\x02"
				      "c"),
		ROW(EVENT_PURCHASE, "\x02"
				    "e\x02\x02u\x02o\x06"
				    "EUR\x02\x02i\x02\xa4\x13\x01\x08\x02j\x02\x02\x00\x02\x02\x0a\x02\x02s\x02\x02"
				    "c\x02\x02v\x02\x02"
				    "c"),
		ROW(EVENT_REVIEW, "\x02"
				  "e\x02\x02u\x04ok\x02\x02i\x02\x02"
				  "b\x02\x02"
				  "c\x02\x00\x00\x80\x40\x02\x02t\x02\x04"
				  "en\x02\x02s"),
		ROW(EVENT_ITEM, "\x02i\x02t\x02"
				"c\x0a\x06"
				"EUR\x01\x02\x02"
				"b\x02\x02\x02k\x02v\x00\x02\x0a"),
#undef ROW
	};
	for (size_t r = 0; r < sizeof(records) / sizeof *records; r++) {
		struct decoder *d = make(records[r].kind, NULL);
		char bytes[128];
		expect(d, records[r].bytes, records[r].size, "");
		expect(d, NULL, 0, "empty");
		for (size_t n = 1; n < records[r].size; n++)
			expect(d, records[r].bytes, n, "truncated");
		memcpy(bytes, records[r].bytes, records[r].size);
		bytes[records[r].size] = 0;
		expect(d, bytes, records[r].size + 1, "trailing_bytes");
		decoder_destroy(d);
	}
}

static void a_message_over_max_bytes_is_not_looked_at(void **state)
{
	(void)state;
	struct decoder *d = make(EVENT_CLICK, NULL);
	char *bytes = calloc(1, (1 << 20) + 1);
	expect(d, bytes, (1 << 20) + 1, "too_large");
	expect(d, bytes, 1 << 20, "empty_id");
	free(bytes);
	decoder_destroy(d);
}

static void more_lines_than_max_items_are_refused_and_so_is_a_total_that_overflows(void **state)
{
	(void)state;
	struct decoder *d = make(EVENT_PURCHASE, NULL);
	size_t head = 1 + 1 + 1 + 2 + 2 + 4, size = head;
	char *bytes = malloc(1 << 20);
	memcpy(bytes, "\x02"
		      "e\x02\x02u\x02o\x06"
		      "EUR",
		head);
	size += put_long(bytes + size, 100000);
	for (int i = 0; i < 100000; i++, size += 4)
		memcpy(bytes + size, "\x02i\x02\x02", 4);
	memset(bytes + size, 0, 7);
	expect(d, bytes, size + 7, "too_many_items");
	size = head;
	size += put_long(bytes + size, 60000);
	for (int i = 0; i < 60000; i++, size += 4)
		memcpy(bytes + size, "\x02i\x02\x02", 4);
	memset(bytes + size, 0, 7);
	expect(d, bytes, size + 7, "");
	size = head;
	size += put_long(bytes + size, 1);
	memcpy(bytes + size, "\x02i", 2);
	size += 2;
	size += put_long(bytes + size, 1000000000);
	size += put_long(bytes + size, 10000000000000);
	memset(bytes + size, 0, 7);
	expect(d, bytes, size + 7, "out_of_range");
	free(bytes);
	decoder_destroy(d);
}

/* Unicode 15, table 3-7, at the end, the start and in the midst of texts of 1 to 40 bytes. */
static void texts_that_are_not_utf8_are_refused_wherever_the_fault_lies(void **state)
{
	(void)state;
	static const char *const wrong[] = { "\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2",
		"\xc2\x41", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xed\xbf\xbf", "\xe2\x82",
		"\xe2\x82\x41", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xf0\x9f\x98",
		"\xff", "\xfe", "\xc3\xa9\xa9" };
	static const char *const right[] = { "\xc2\xa0", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
		"\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "\xe4\xb8\xad" };
	struct decoder *d = make(EVENT_CLICK, CLICK(",{\"name\":\"query\",\"type\":\"string\"}"));
	for (size_t w = 0; w < sizeof(wrong) / sizeof *wrong + sizeof(right) / sizeof *right; w++) {
		bool is_right = w >= sizeof(wrong) / sizeof *wrong;
		const char *piece = is_right ? right[w - sizeof(wrong) / sizeof *wrong] : wrong[w];
		for (size_t before = 0; before <= 20; before++)
			for (size_t after = 0; after <= 20; after++) {
				char text[64];
				memset(text, 'x', sizeof(text));
				memcpy(text + before, piece, strlen(piece));
				size_t n = before + strlen(piece) + after;
				char bytes[96];
				memcpy(bytes, HEAD, sizeof(HEAD) - 1);
				bytes[sizeof(HEAD) - 1] = (char)(2 * n);
				memcpy(bytes + sizeof(HEAD), text, n);
				expect(d, bytes, sizeof(HEAD) + n, is_right ? "" : "bad_utf8");
			}
	}
	decoder_destroy(d);
}

/* all lead bytes with all second bytes, and three- and four-byte forms around every border, against the table itself */
static void well_formed_utf8_is_what_the_table_says(void **state)
{
	(void)state;
	for (uint32_t word = 0; word < 1 << 24; word++) {
		uint8_t s[3] = { (uint8_t)(word >> 16), (uint8_t)(word >> 8), (uint8_t)word };
		bool control, expected;
		if (s[0] < 0xe0 && s[2] != 'x')
			continue; /* two bytes are enough to tell */
		if (s[0] < 0x80)
			expected = s[1] < 0x80;
		else if (s[0] < 0xc2)
			expected = false;
		else if (s[0] < 0xe0)
			expected = s[1] >= 0x80 && s[1] <= 0xbf;
		else
			expected = s[0] <= 0xef && s[1] >= (s[0] == 0xe0 ? 0xa0 : 0x80) && s[1] <= (s[0] == 0xed ? 0x9f : 0xbf) &&
				s[2] >= 0x80 && s[2] <= 0xbf;
		if (utf8_valid_slow(s, 3, &control) != expected)
			fail_msg("%02x %02x %02x", s[0], s[1], s[2]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(huge_and_negative_lengths_are_refused),
		cmocka_unit_test(two_hundred_million_nulls_end_at_once),
		cmocka_unit_test(a_million_blocks_are_too_many),
		cmocka_unit_test(depth_of_a_hundred_thousand_ends_at_the_bound),
		cmocka_unit_test(indexes_outside_unions_and_enums_are_refused_read_or_skipped),
		cmocka_unit_test(a_record_cut_anywhere_or_with_bytes_behind_it_is_refused),
		cmocka_unit_test(a_message_over_max_bytes_is_not_looked_at),
		cmocka_unit_test(more_lines_than_max_items_are_refused_and_so_is_a_total_that_overflows),
		cmocka_unit_test(texts_that_are_not_utf8_are_refused_wherever_the_fault_lies),
		cmocka_unit_test(well_formed_utf8_is_what_the_table_says),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
