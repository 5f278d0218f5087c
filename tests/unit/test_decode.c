/* decode.h: resolution, framings and the checks on values, over bytes written by hand from the Avro 1.11 specification. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/avro/decode.h"
#include "daemon/avro/encode.h"

#define BYTES(literal) (literal), sizeof(literal) - 1

static struct decoder *make(enum event_kind kind, struct decoder_settings settings)
{
	struct decoder *d = NULL;
	char error[512];

	if (decoder_create(kind, &settings, &d, error, sizeof(error)))
		fail_msg("%s", error);
	return d;
}

static struct decoder *make_bare(enum event_kind kind, const char *schema)
{
	return make(kind, (struct decoder_settings){ .framing = FRAMING_BARE, .schema = schema });
}

static void assert_text(struct text text, const char *expected)
{
	if (!expected) {
		assert_null(text.data);
		return;
	}
	assert_non_null(text.data);
	assert_int_equal(text.size, strlen(expected));
	assert_memory_equal(text.data, expected, text.size);
}

static void assert_refused(struct decoder *d, const char *bytes, size_t size, const char *reason, const char *field)
{
	struct event e;

	if (!decoder_decode(d, bytes, size, &e))
		fail_msg("accepted, expected %s", reason);
	assert_string_equal(decode_reasons[decoder_reason(d)], reason);
	assert_string_equal(decoder_field(d), field);
}

/* Decodes a record that must be right, in a decoder of its own schema; the decoder is kept in *ret. */
static struct event read_one(struct decoder *d, const char *bytes, size_t size)
{
	struct event e;

	if (decoder_decode(d, bytes, size, &e))
		fail_msg("refused: %s %s", decode_reasons[decoder_reason(d)], decoder_field(d));
	return e;
}

/* "e1", ts 1 (02), "u1", action VIEW (02) */
#define CLICK_HEAD "\x04" \
		   "e1"   \
		   "\x02" \
		   "\x04" \
		   "u1"   \
		   "\x02"

static void a_bare_click_of_our_own_schema_is_read_field_by_field(void **state)
{
	(void)state;
	struct decoder *d = make_bare(EVENT_CLICK, NULL);
	/* session null, item "i", campaign null, query "h\xc3\xa9", dwell 1234 (a4 13), variant null, rec null, position 0,
	 * placement "", channel null */
	struct event e = read_one(d, BYTES(CLICK_HEAD "\x00\x02\x02i\x00\x02\x06h\xc3\xa9\x02\xa4\x13\x00\x00\x02\x00\x02\x00\x00"));
	assert_int_equal(e.kind, EVENT_CLICK);
	assert_int_equal(e.ts, 1);
	assert_text(e.event_id, "e1");
	assert_text(e.user_id, "u1");
	assert_int_equal(e.click.action, ACTION_VIEW);
	assert_text(e.click.session_id, NULL);
	assert_text(e.click.item_id, "i");
	assert_text(e.click.query, "h\xc3\xa9");
	assert_true(e.click.has_dwell_ms);
	assert_int_equal(e.click.dwell_ms, 1234);
	assert_true(e.click.has_position);
	assert_int_equal(e.click.position, 0);
	assert_text(e.click.placement, NULL); /* an empty optional id is absent */
	decoder_destroy(d);
}

#define STRING(name) "{\"name\":\"" name "\",\"type\":\"string\"}"
#define ID_FIELDS STRING("event_id") ",{\"name\":\"ts\",\"type\":\"long\"}," STRING("user_id")
#define ACTION "{\"name\":\"action\",\"type\":{\"type\":\"enum\",\"name\":\"A\",\"symbols\":[\"SEARCH\",\"VIEW\",\"SHARE\"]}}"
#define RECORD(fields) "{\"type\":\"record\",\"name\":\"R\",\"fields\":[" fields "]}"
#define HEAD "\x02" \
	     "e"    \
	     "\x02" \
	     "\x02" \
	     "u" /* event_id "e", ts 1, user_id "u" */

static void fields_are_matched_by_name_whatever_their_order(void **state)
{
	(void)state;
	struct decoder *d = make_bare(EVENT_CLICK, RECORD(ACTION "," STRING("user_id") ",{\"name\":\"ts\",\"type\":\"int\"}," STRING("item_id") "," STRING("event_id")));
	struct event e = read_one(d, BYTES("\x00\x02u\x06\x02i\x02"
					   "e"));
	assert_text(e.event_id, "e");
	assert_text(e.user_id, "u");
	assert_text(e.click.item_id, "i");
	assert_int_equal(e.ts, 3);
	assert_int_equal(e.click.action, ACTION_SEARCH);
	assert_false(e.click.has_dwell_ms);
	decoder_destroy(d);
}

static void enum_symbols_are_matched_by_name_and_a_strange_one_is_refused_when_it_occurs(void **state)
{
	(void)state;
	struct decoder *d = make_bare(EVENT_CLICK, RECORD(ID_FIELDS "," ACTION));
	assert_int_equal(read_one(d, BYTES(HEAD "\x00")).click.action, ACTION_SEARCH);
	assert_int_equal(read_one(d, BYTES(HEAD "\x02")).click.action, ACTION_VIEW);
	assert_refused(d, BYTES(HEAD "\x04"), "unknown_symbol", "action");
	assert_refused(d, BYTES(HEAD "\x06"), "bad_enum_index", "action");
	assert_refused(d, BYTES(HEAD "\x01"), "bad_enum_index", "action");
	decoder_destroy(d);
}

static void removed_fields_of_every_type_are_skipped(void **state)
{
	(void)state;
	static const char schema[] = RECORD(
		STRING("event_id") ",{\"name\":\"a\",\"type\":\"null\"},{\"name\":\"b\",\"type\":\"boolean\"},{\"name\":\"c\",\"type\":\"int\"},"
				   "{\"name\":\"d\",\"type\":\"long\"},{\"name\":\"e\",\"type\":\"float\"},{\"name\":\"f\",\"type\":\"double\"},"
				   "{\"name\":\"g\",\"type\":\"bytes\"},{\"name\":\"h\",\"type\":{\"type\":\"fixed\",\"name\":\"F\",\"size\":3}},"
				   "{\"name\":\"i\",\"type\":{\"type\":\"array\",\"items\":\"string\"}},{\"name\":\"j\",\"type\":{\"type\":\"map\",\"values\":\"double\"}},"
				   "{\"name\":\"k\",\"type\":[\"null\",\"F\",\"string\"]},{\"name\":\"l\",\"type\":{\"type\":\"record\",\"name\":\"N\",\"fields\":["
				   "{\"name\":\"x\",\"type\":\"float\"}," STRING("y") ",{\"name\":\"z\",\"type\":[\"null\",\"N\"]}]}}," ACTION
										      ",{\"name\":\"ts\",\"type\":\"long\"}," STRING("user_id"));
	struct decoder *d = make_bare(EVENT_CLICK, schema);
	struct event e = read_one(d, BYTES("\x02"
					   "e"
					   "\x01"
					   "\x7f"
					   "\x80\x01"
					   "ffff"
					   "dddddddd"
					   "\x04gg"
					   "FFF"
					   "\x04\x02"
					   "a\x02"
					   "b\x01\x04\x02"
					   "c\x00"                 /* a block of 2; one of 1 with its size, 2 */
					   "\x02\x02kDDDDDDDD\x00" /* map */
					   "\x02"
					   "FFF"                        /* union: fixed */
					   "xxxx\x02y\x02xxxx\x02Y\x00" /* N inside N */
					   "\x02"
					   "\x0a"
					   "\x02u"));
	assert_text(e.event_id, "e");
	assert_text(e.user_id, "u");
	assert_int_equal(e.ts, 5);
	assert_int_equal(e.click.action, ACTION_VIEW);
	decoder_destroy(d);
}

static void bytes_are_read_as_text_and_whole_numbers_as_a_rating(void **state)
{
	(void)state;
	struct decoder *d = make_bare(EVENT_REVIEW, RECORD(ID_FIELDS ",{\"name\":\"text\",\"type\":\"bytes\"},{\"name\":\"rating\",\"type\":"
								     "[\"int\",\"null\",\"double\",\"float\"]}," STRING("brand")));
	struct event e = read_one(d, BYTES(HEAD "\x04ok\x00\x08\x02"
						"b"));
	assert_text(e.review.text, "ok");
	assert_int_equal(e.review.rating_milli, 4000);
	e = read_one(d, BYTES(HEAD "\x00\x02\x02"
				   "b"));
	assert_text(e.review.text, "");
	assert_int_equal(e.review.rating_milli, 0);
	/* 3.3 as a double: 40 0a 66 66 66 66 66 66, 3.3 as a float: 40 53 33 33 */
	e = read_one(d, BYTES(HEAD "\x00\x04\x66\x66\x66\x66\x66\x66\x0a\x40\x02"
				   "b"));
	assert_int_equal(e.review.rating_milli, 3300);
	e = read_one(d, BYTES(HEAD "\x00\x06\x33\x33\x53\x40\x02"
				   "b"));
	assert_int_equal(e.review.rating_milli, 3300);
	assert_refused(d, BYTES(HEAD "\x00\x00\x0c\x02"
				     "b"),
		"bad_rating", "rating");
	assert_refused(d, BYTES(HEAD "\x00\x06\x00\x00\xc0\x7f\x02"
				     "b"),
		"bad_rating", "rating"); /* not a number */
	assert_refused(d, BYTES(HEAD "\x00\x08\x02"
				     "b"),
		"bad_union_index", "rating");
	assert_refused(d, BYTES(HEAD "\x00\x02\x00"), "no_subject", "");
	decoder_destroy(d);
}

static void microseconds_become_milliseconds_and_ts_must_be_positive(void **state)
{
	(void)state;
	struct decoder *d = make_bare(
		EVENT_CLICK, RECORD(STRING("event_id") "," STRING("user_id") "," ACTION ",{\"name\":\"ts\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}}"));
	/* 1,999 us: zig-zag 3998 = 9e 1f */
	assert_int_equal(read_one(d, BYTES("\x02"
					   "e\x02u\x02\x9e\x1f"))
				 .ts,
		1);
	assert_refused(d, BYTES("\x02"
				"e\x02u\x02\x00"),
		"bad_ts", "ts");
	assert_refused(d, BYTES("\x02"
				"e\x02u\x02\x9d\x1f"),
		"bad_ts", "ts");
	decoder_destroy(d);
}

static void an_alias_of_the_writer_or_of_ours_finds_a_renamed_field_but_the_name_comes_first(void **state)
{
	(void)state;
	struct decoder *d = make_bare(EVENT_REVIEW, RECORD(ID_FIELDS ",{\"name\":\"words\",\"aliases\":[\"text\"],\"type\":\"string\"}," STRING("stars_text") "," STRING("product_id") ",{\"name\":\"stars\",\"type\":\"int\"}"));
	struct event e = read_one(d, BYTES(HEAD "\x02w\x02s\x02p\x06"));
	assert_text(e.review.text, "w");
	assert_text(e.review.item_id, "p");
	assert_int_equal(e.review.rating_milli, 3000);
	decoder_destroy(d);
	d = make_bare(EVENT_REVIEW, RECORD(ID_FIELDS "," STRING("text") "," STRING("product_id") "," STRING("item_id")));
	e = read_one(d, BYTES(HEAD "\x02t\x02p\x02i"));
	assert_text(e.review.item_id, "i");
	decoder_destroy(d);
}

static void maps_lead_into_nested_records_and_one_value_may_serve_two_fields(void **state)
{
	(void)state;
	static const char schema[] = RECORD(
		"{\"name\":\"id\",\"type\":\"string\"},{\"name\":\"visitor\",\"type\":[\"null\",{\"type\":\"record\",\"name\":\"V\",\"fields\":["
		"{\"name\":\"age\",\"type\":\"int\"}," STRING("id") "]}]},{\"name\":\"time\",\"type\":\"long\"},{\"name\":\"what\",\"type\":{\"type\":\"enum\","
								    "\"name\":\"W\",\"symbols\":[\"CLICK\",\"VIEW\"]}}");
	const struct field_map maps[] = { { "event_id", "id" }, { "user_id", "visitor.id" }, { "session_id", "visitor.id" },
		{ "ts", "time" }, { "action", "what" }, { "channel", "what" } };
	struct decoder *d = make(EVENT_CLICK, (struct decoder_settings){ .framing = FRAMING_BARE, .schema = schema, .maps = maps, .n_maps = sizeof(maps) / sizeof *maps });
	struct event e = read_one(d, BYTES("\x02"
					   "e\x02\x3c\x02v\x02\x02"));
	assert_text(e.event_id, "e");
	assert_text(e.user_id, "v");
	assert_text(e.click.session_id, "v");
	assert_text(e.click.channel, "VIEW"); /* an enum read as text */
	assert_int_equal(e.click.action, ACTION_VIEW);
	assert_refused(d, BYTES("\x02"
				"e\x00\x02\x02"),
		"missing_field", "user_id");
	decoder_destroy(d);
}

static void order_lines_are_read_from_blocks_of_both_kinds_and_mapped(void **state)
{
	(void)state;
	static const char schema[] = RECORD(
		ID_FIELDS "," STRING("order_id") "," STRING("currency") ",{\"name\":\"basket\",\"type\":{\"type\":\"array\",\"items\":{\"type\":\"record\","
									"\"name\":\"L\",\"fields\":[{\"name\":\"n\",\"type\":\"int\"}," STRING("sku") ",{\"name\":\"price\",\"type\":\"long\"}]}}}");
	const struct field_map maps[] = { { "lines", "basket" }, { "lines.item_id", "sku" }, { "lines.quantity", "n" },
		{ "lines.unit_price_minor", "price" } };
	struct decoder *d = make(EVENT_PURCHASE, (struct decoder_settings){ .framing = FRAMING_BARE, .schema = schema, .maps = maps, .n_maps = sizeof(maps) / sizeof *maps });
	/* two lines, then a block of one line that says its size, 4 */
	struct event e = read_one(d, BYTES(HEAD "\x02o\x06USD\x04\x02\x02"
						"a\x14\x04\x02"
						"b\x01\x01\x08\x06\x02"
						"c\x00\x00"));
	assert_int_equal(e.purchase.kind, PURCHASE_ORDER);
	assert_text(e.purchase.currency, "USD");
	assert_int_equal(e.purchase.n_lines, 3);
	assert_text(e.purchase.lines[0].item_id, "a");
	assert_int_equal(e.purchase.lines[0].quantity, 1);
	assert_int_equal(e.purchase.lines[0].unit_price_minor, 10);
	assert_int_equal(e.purchase.lines[1].unit_price_minor, -1);
	assert_text(e.purchase.lines[2].item_id, "c");
	assert_int_equal(e.purchase.lines[2].quantity, 3);
	assert_int_equal(read_one(d, BYTES(HEAD "\x02o\x06USD\x00")).purchase.n_lines, 0);
	assert_refused(d, BYTES(HEAD "\x02o\x06USD\x01\x0a\x06\x02"
				     "c\x00\x00"),
		"bad_block", "lines");
	assert_refused(d, BYTES(HEAD "\x02o\x06USD\x02\x01\x02"
				     "a\x14\x00"),
		"out_of_range", "quantity");
	assert_refused(d, BYTES(HEAD "\x02o\x06USD\x02\x02\x00\x14\x00"), "empty_id", "item_id");
	assert_refused(d, BYTES(HEAD "\x02o\x06usd\x00"), "bad_currency", "currency");
	assert_refused(d, BYTES(HEAD "\x02o\x04US\x00"), "bad_currency", "currency");
	decoder_destroy(d);
}

static void an_item_has_attributes_and_those_that_are_null_are_left_out(void **state)
{
	(void)state;
	static const char schema[] = RECORD(
		STRING("item_id") "," STRING("title") "," STRING("category") ",{\"name\":\"price_minor\",\"type\":\"int\"}," STRING("currency") ",{\"name\":\"available\",\"type\":\"boolean\"},{\"name\":\"attributes\",\"type\":[{\"type\":\"map\",\"values\":[\"null\",\"string\"]},\"null\"]}");
	struct decoder *d = make_bare(EVENT_ITEM, schema);
	struct event e = read_one(d, BYTES("\x02i\x02t\x00\x0a\x06"
					   "EUR\x01\x00\x06\x02"
					   "a\x02\x02x\x02"
					   "b\x00\x02"
					   "c\x02\x00\x00"));
	assert_int_equal(e.item.n_attributes, 2);
	assert_text(e.item.attributes[0].name, "a");
	assert_text(e.item.attributes[0].value, "x");
	assert_text(e.item.attributes[1].name, "c");
	assert_text(e.item.attributes[1].value, "");
	assert_text(e.item.category, NULL);
	assert_true(e.item.available);
	assert_int_equal(e.item.price_minor, 5);
	assert_int_equal(read_one(d, BYTES("\x02i\x02t\x00\x0a\x06"
					   "EUR\x00\x02"))
				 .item.n_attributes,
		0);
	assert_refused(d, BYTES("\x02i\x02t\x00\x0a\x06"
				"EUR\x02\x02"),
		"bad_boolean", "available");
	assert_refused(d, BYTES("\x02i\x02t\x00\x01\x06"
				"EUR\x01\x02"),
		"out_of_range", "price_minor");
	decoder_destroy(d);
}

static void a_branch_that_cannot_be_read_is_refused_when_it_occurs(void **state)
{
	(void)state;
	struct decoder *d = make_bare(EVENT_CLICK, RECORD(STRING("event_id") ",{\"name\":\"ts\",\"type\":\"long\"},{\"name\":\"user_id\",\"type\":"
									     "[\"string\",\"long\",\"null\"]}," ACTION));
	assert_text(read_one(d, BYTES("\x02"
				      "e\x02\x00\x02u\x02"))
			    .user_id,
		"u");
	assert_refused(d, BYTES("\x02"
				"e\x02\x02\x02\x02"),
		"type_mismatch", "user_id");
	assert_refused(d, BYTES("\x02"
				"e\x02\x04\x02"),
		"missing_field", "user_id");
	decoder_destroy(d);
}

static void single_object_framing_finds_the_schema_by_its_fingerprint(void **state)
{
	(void)state;
	/* ours, whose fingerprint is not here; then one whose fingerprint fastavro gives as ac66995ecb5236a3, low byte first */
	struct decoder *d = make(EVENT_CLICK, (struct decoder_settings){ .framing = FRAMING_SINGLE });
	char bytes[64] = "\xc3\x01........" CLICK_HEAD "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00";
	assert_refused(d, bytes, 10 + sizeof(CLICK_HEAD) - 1 + 10, "unknown_fingerprint", "");
	assert_refused(d, BYTES(CLICK_HEAD "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"), "bad_framing", "");
	decoder_destroy(d);
	for (int automatic = 0; automatic < 2; automatic++) {
		d = make(EVENT_CLICK, (struct decoder_settings){ .framing = automatic ? FRAMING_AUTO : FRAMING_SINGLE, .schema = RECORD(ID_FIELDS "," ACTION) });
		assert_text(read_one(d, BYTES("\xc3\x01\xac\x66\x99\x5e\xcb\x52\x36\xa3" HEAD "\x02")).user_id, "u");
		assert_refused(d, BYTES("\xc3\x01\xac\x66\x99\x5e\xcb\x52\x36\xa4" HEAD "\x02"), "unknown_fingerprint", "");
		decoder_destroy(d);
	}
}

static void put_file(const char *folder, const char *name, const char *text)
{
	char path[300];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void drop_file(const char *folder, const char *name)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	unlink(path);
}

static void confluent_framing_reads_schemas_from_the_folder_and_remembers_what_is_not_there(void **state)
{
	(void)state;
	char folder[] = "/tmp/glint-ids-XXXXXX";
	struct event e;
	assert_non_null(mkdtemp(folder));
	put_file(folder, "258.avsc", RECORD(ACTION "," ID_FIELDS));
	put_file(folder, "3.avsc", RECORD(STRING("user_id")));
	for (int automatic = 0; automatic < 2; automatic++) {
		struct decoder *d = make(EVENT_CLICK, (struct decoder_settings){ .framing = automatic ? FRAMING_AUTO : FRAMING_CONFLUENT, .ids_folder = folder });
		e = read_one(d, BYTES("\x00\x00\x00\x01\x02\x02" HEAD));
		assert_int_equal(e.click.action, ACTION_VIEW);
		assert_text(e.user_id, "u");
		assert_refused(d, BYTES("\x00\x00\x00\x00\x03\x02u"), "unusable_schema", "");
		assert_non_null(strstr(decoder_problem(d), "3.avsc: field \"event_id\": required"));
		assert_refused(d, BYTES("\x00\x00\x00\x00\x04\x02" HEAD), "unknown_schema_id", "");
		put_file(folder, "4.avsc", RECORD(ACTION "," ID_FIELDS));
		assert_refused(d, BYTES("\x00\x00\x00\x00\x04\x02" HEAD), "unknown_schema_id", "");
		decoder_refresh(d);
		e = read_one(d, BYTES("\x00\x00\x00\x00\x04\x02" HEAD));
		assert_text(e.user_id, "u");
		drop_file(folder, "4.avsc");
		if (automatic)
			assert_text(read_one(d, BYTES(CLICK_HEAD "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00")).user_id, "u1");
		else
			assert_refused(d, BYTES(CLICK_HEAD), "bad_framing", "");
		/* ids that nobody knows are looked for a bounded number of times, and known ones go on */
		for (uint32_t id = 1 << 20; id < (1 << 20) + 5000; id++) {
			char bytes[] = { 0, (char)(id >> 24), (char)(id >> 16), (char)(id >> 8), (char)id, 0 };
			assert_refused(d, bytes, sizeof(bytes), "unknown_schema_id", "");
		}
		assert_text(read_one(d, BYTES("\x00\x00\x00\x01\x02\x02" HEAD)).user_id, "u");
		decoder_destroy(d);
	}
	drop_file(folder, "258.avsc");
	drop_file(folder, "3.avsc");
	rmdir(folder);
}

static json_t *json_of(const char *text)
{
	json_error_t error;
	json_t *json = json_loads(text, 0, &error);

	if (!json)
		fail_msg("%s", error.text);
	return json;
}

static void assert_encoded(enum event_kind kind, const char *text, const char *bytes, size_t size)
{
	struct encoded out = { 0 };
	json_t *json = json_of(text);
	char error[256];

	if (encode_event(kind, json, &out, error, sizeof(error)))
		fail_msg("%s", error);
	assert_int_equal(out.size, size);
	assert_memory_equal(out.data, bytes, size);
	encoded_done(&out);
	json_decref(json);
}

static void assert_not_encoded(enum event_kind kind, const char *text, const char *sentence)
{
	struct encoded out = { 0 };
	json_t *json = json_of(text);
	char error[256];

	assert_int_not_equal(encode_event(kind, json, &out, error, sizeof(error)), 0);
	assert_string_equal(error, sentence);
	encoded_done(&out);
	json_decref(json);
}

static void json_objects_become_the_bytes_of_our_schemas(void **state)
{
	(void)state;
	assert_encoded(EVENT_CLICK, "{\"event_id\":\"e1\",\"ts\":1,\"user_id\":\"u1\",\"action\":\"VIEW\",\"item_id\":\"i\",\"dwell_ms\":1234,\"query\":null,\"x\":1}",
		BYTES(CLICK_HEAD "\x00\x02\x02i\x00\x00\x02\xa4\x13\x00\x00\x00\x00\x00"));
	assert_encoded(EVENT_PURCHASE,
		"{\"event_id\":\"e\",\"ts\":1,\"user_id\":\"u\",\"order_id\":\"o\",\"currency\":\"EUR\",\"kind\":\"REFUND\",\"lines\":["
		"{\"item_id\":\"a\",\"quantity\":2,\"unit_price_minor\":-3}]}",
		BYTES(HEAD "\x02o\x06"
			   "EUR\x02\x02"
			   "a\x04\x05\x00\x02\x00\x00\x00\x00\x00"));
	assert_encoded(EVENT_REVIEW, "{\"event_id\":\"e\",\"ts\":1,\"user_id\":\"u\",\"text\":\"\",\"brand\":\"b\",\"rating\":3.5,\"lang\":null}",
		BYTES(HEAD "\x00\x00\x02\x02"
			   "b\x00\x02\x00\x00\x60\x40\x00\x00\x00"));
	assert_encoded(EVENT_ITEM,
		"{\"item_id\":\"i\",\"title\":\"t\",\"category\":\"c\",\"price_minor\":5,\"currency\":\"USD\",\"available\":true,\"attributes\":{\"a\":\"b\"}}",
		BYTES("\x02i\x02t\x02"
		      "c\x0a\x06USD\x01\x00\x02\x02\x02"
		      "a\x02"
		      "b\x00\x00"));
	assert_not_encoded(EVENT_CLICK, "{\"event_id\":\"e1\",\"ts\":1,\"user_id\":\"u1\"}", "field \"action\" is missing");
	assert_not_encoded(EVENT_CLICK, "{\"event_id\":\"\",\"ts\":1,\"user_id\":\"u1\"}", "field \"event_id\" must not be empty");
	assert_not_encoded(EVENT_CLICK, "{\"event_id\":\"e\",\"ts\":\"now\",\"user_id\":\"u1\"}", "field \"ts\" must be a whole number");
	assert_not_encoded(EVENT_PURCHASE,
		"{\"event_id\":\"e\",\"ts\":1,\"user_id\":\"u\",\"order_id\":\"o\",\"currency\":\"EUR\",\"lines\":[{\"item_id\":\"a\",\"quantity\":-1,"
		"\"unit_price_minor\":1}]}",
		"field \"lines[0].quantity\" must be from 0 to 1000000000, found -1");
	assert_not_encoded(EVENT_PURCHASE, "{\"event_id\":\"e\",\"ts\":1,\"user_id\":\"u\",\"order_id\":\"o\",\"currency\":\"eur\",\"lines\":[]}",
		"field \"currency\" must be three capital letters (ISO 4217), found \"eur\"");
}

static void ids_hold_no_control_characters_and_texts_may(void **state)
{
	(void)state;
	struct decoder *d = make_bare(EVENT_REVIEW, RECORD(STRING("event_id") "," STRING("user_id") "," STRING("text") "," STRING("brand") ",{\"name\":\"ts\",\"type\":\"long\"}"));
	/* at every place of ids of 1 to 40 bytes: U+0001, U+001F, U+007F are refused, U+0020 and U+007E are not */
	for (size_t n = 1; n <= 40; n++)
		for (size_t at = 0; at < n; at++)
			for (const char *bad = "\x01\x1f\x7f\x20\x7e"; *bad; bad++) {
				char bytes[64] = { 0 };
				size_t size = 0;
				bytes[size++] = (char)(2 * n);
				memset(bytes + size, 'x', n);
				bytes[size + at] = *bad;
				size += n;
				memcpy(bytes + size, "\x02u\x04\x01\n\x02"
						     "b\x02",
					9);
				size += 8;
				if (*bad == 0x20 || *bad == 0x7e)
					read_one(d, bytes, size);
				else
					assert_refused(d, bytes, size, "control_character", "event_id");
			}
	/* U+0085 and U+009F are control characters, U+00A0 is not */
	assert_refused(d, BYTES("\x04\xc2\x85\x02u\x00\x02"
				"b\x02"),
		"control_character", "event_id");
	assert_refused(d, BYTES("\x04\xc2\x9f\x02u\x00\x02"
				"b\x02"),
		"control_character", "event_id");
	read_one(d, BYTES("\x04\xc2\xa0\x02u\x00\x02"
			  "b\x02"));
	decoder_destroy(d);
}

static void an_id_of_max_id_bytes_is_read_and_a_longer_one_refused(void **state)
{
	(void)state;
	struct decoder *d = make_bare(EVENT_CLICK, RECORD(STRING("event_id") ",{\"name\":\"ts\",\"type\":\"long\"}," STRING("user_id") "," ACTION));
	char bytes[1100];
	/* 1024: zig-zag 2048 = 80 10; 1025: 82 10 */
	memset(bytes, 'x', sizeof(bytes));
	memcpy(bytes, "\x80\x10", 2);
	memcpy(bytes + 1026, "\x02\x02u\x02", 4);
	assert_int_equal(read_one(d, bytes, 1030).event_id.size, 1024);
	memset(bytes, 'x', sizeof(bytes));
	memcpy(bytes, "\x82\x10", 2);
	memcpy(bytes + 1027, "\x02\x02u\x02", 4);
	assert_refused(d, bytes, 1031, "id_too_long", "event_id");
	decoder_destroy(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bare_click_of_our_own_schema_is_read_field_by_field),
		cmocka_unit_test(fields_are_matched_by_name_whatever_their_order),
		cmocka_unit_test(enum_symbols_are_matched_by_name_and_a_strange_one_is_refused_when_it_occurs),
		cmocka_unit_test(removed_fields_of_every_type_are_skipped),
		cmocka_unit_test(bytes_are_read_as_text_and_whole_numbers_as_a_rating),
		cmocka_unit_test(microseconds_become_milliseconds_and_ts_must_be_positive),
		cmocka_unit_test(an_alias_of_the_writer_or_of_ours_finds_a_renamed_field_but_the_name_comes_first),
		cmocka_unit_test(maps_lead_into_nested_records_and_one_value_may_serve_two_fields),
		cmocka_unit_test(order_lines_are_read_from_blocks_of_both_kinds_and_mapped),
		cmocka_unit_test(an_item_has_attributes_and_those_that_are_null_are_left_out),
		cmocka_unit_test(a_branch_that_cannot_be_read_is_refused_when_it_occurs),
		cmocka_unit_test(single_object_framing_finds_the_schema_by_its_fingerprint),
		cmocka_unit_test(confluent_framing_reads_schemas_from_the_folder_and_remembers_what_is_not_there),
		cmocka_unit_test(json_objects_become_the_bytes_of_our_schemas),
		cmocka_unit_test(ids_hold_no_control_characters_and_texts_may),
		cmocka_unit_test(an_id_of_max_id_bytes_is_read_and_a_longer_one_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
