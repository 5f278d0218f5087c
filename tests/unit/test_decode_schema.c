/* schema.h and plan.h: what is accepted, what is refused and in which words, canonical form and fingerprint. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/avro/decode.h"
#include "daemon/avro/fields.h"
#include "daemon/avro/plan.h"
#include "daemon/avro/schema.h"

static void assert_canonical(const char *text, const char *canonical, int64_t fingerprint)
{
	struct schema *schema;
	char error[400], *form;

	if (schema_parse(text, &schema, error, sizeof(error)))
		fail_msg("%s: %s", text, error);
	form = schema_canonical(schema->json);
	assert_string_equal(form, canonical);
	assert_int_equal((int64_t)schema->fingerprint, fingerprint);
	free(form);
	schema_destroy(schema);
}

/* forms by the specification's rules; fingerprints as Avro's own test data (share/test/data/schema-tests.txt) has them */
static void canonical_forms_and_fingerprints_are_those_of_avros_test_data(void **state)
{
	(void)state;
	assert_canonical("\"null\"", "\"null\"", 7195948357588979594);
	assert_canonical("{\"type\":\"boolean\"}", "\"boolean\"", -6970731678124411036);
	assert_canonical("\"int\"", "\"int\"", 8247732601305521295);
	assert_canonical("{\"type\":\"fixed\",\"name\":\"foo\",\"doc\":\"x\",\"size\":15}", "{\"name\":\"foo\",\"type\":\"fixed\",\"size\":15}",
		1756455273707447556);
	assert_canonical("{\"symbols\":[\"A1\"], \"type\":\"enum\",\"name\":\"foo\"}", "{\"name\":\"foo\",\"type\":\"enum\",\"symbols\":[\"A1\"]}",
		-6342190197741309591);
	assert_canonical("{\"fields\":[{\"type\":{\"type\":\"boolean\"},\"name\":\"f1\"}],\"type\":\"record\",\"name\":\"foo\"}",
		"{\"name\":\"foo\",\"type\":\"record\",\"fields\":[{\"name\":\"f1\",\"type\":\"boolean\"}]}", 7843277075252814651);
}

static void assert_refused(const char *text, const char *sentence)
{
	struct schema *schema;
	char error[400];

	if (!schema_parse(text, &schema, error, sizeof(error)))
		fail_msg("accepted: %s", text);
	assert_string_equal(error, sentence);
}

static void schemas_that_are_wrong_are_refused_with_a_reason(void **state)
{
	(void)state;
	assert_refused("[]", "has a union without branches");
	assert_refused("[\"null\",\"int\",\"null\"]", "has a union with two branches of type null");
	assert_refused("[\"null\",[\"int\"]]", "has a union directly inside a union");
	assert_refused("{\"type\":\"array\"}", "has a type that is missing, or neither a name, a list nor an object");
	assert_refused("\"Strange\"", "names a type 'Strange' that is not defined before");
	assert_refused("{\"type\":\"fixed\",\"name\":\"F\",\"size\":-1}", "has a fixed F whose size is not an integer from 0 to 2147483647");
	assert_refused("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"A\"]}", "has an enum E with the symbol A twice");
	assert_refused("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[]}", "has an enum E without symbols, or with more than 65536");
	assert_refused("{\"type\":\"record\",\"name\":\"4\",\"fields\":[]}", "has a record whose name or namespace is missing or not a name");
	assert_refused("{\"type\":\"record\",\"name\":\"R\"}", "has a record R without fields");
	assert_refused("{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"},{\"name\":\"a\",\"type\":\"int\"}]}",
		"has a record R with the field a twice");
	assert_refused("{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":{\"type\":\"enum\",\"name\":\"R\",\"symbols\":[\"A\"]}}]}",
		"defines R twice");
	assert_refused("{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"},{\"name\":\"me\",\"type\":\"R\"}]}",
		"has a type R that contains itself without end, or is larger than 2 GiB");
}

static void nesting_and_size_of_a_schema_are_bounded(void **state)
{
	(void)state;
	static char text[1 << 21];
	size_t n = 0;
	for (int i = 0; i < 70; i++)
		n += (size_t)sprintf(text + n, "{\"type\":\"array\",\"items\":");
	n += (size_t)sprintf(text + n, "\"int\"");
	for (int i = 0; i < 70; i++)
		n += (size_t)sprintf(text + n, "}");
	assert_refused(text, "is nested deeper than 64");
	memset(text, ' ', sizeof(text) - 1);
	assert_refused(text, "is longer than 1 MiB");
	n = (size_t)sprintf(text, "[\"null\"");
	for (int i = 0; i < 5000; i++)
		n += (size_t)sprintf(text + n, ",{\"type\":\"fixed\",\"name\":\"F%d\",\"size\":1}", i);
	sprintf(text + n, "]");
	assert_refused(text, "has a union of more than 4096 branches");
}

static void a_record_that_contains_itself_with_a_way_out_is_accepted(void **state)
{
	(void)state;
	struct schema *schema;
	char error[400];
	assert_int_equal(schema_parse("{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"next\",\"type\":[\"null\",\"R\"]},"
				      "{\"name\":\"all\",\"type\":{\"type\":\"array\",\"items\":\"R\"}}]}",
				 &schema, error, sizeof(error)),
		0);
	assert_int_equal(schema->types[schema->root].min_bytes, 2);
	schema_destroy(schema);
}

static void assert_unusable(enum event_kind kind, const char *schema, const struct field_map *maps, size_t n_maps, const char *sentence)
{
	struct decoder_settings settings = { .framing = FRAMING_BARE, .schema = schema, .schema_name = "shop.avsc", .maps = maps, .n_maps = n_maps };
	struct decoder *d = NULL;
	char error[512];

	if (!decoder_create(kind, &settings, &d, error, sizeof(error)))
		fail_msg("accepted, expected: %s", sentence);
	assert_string_equal(error, sentence);
}

#define IDS "{\"name\":\"event_id\",\"type\":\"string\"},{\"name\":\"ts\",\"type\":\"long\"},{\"name\":\"user_id\",\"type\":\"string\"}"
#define RECORD(fields) "{\"type\":\"record\",\"name\":\"R\",\"fields\":[" fields "]}"

static void a_schema_that_cannot_fill_a_required_field_is_refused_naming_field_and_reason(void **state)
{
	(void)state;
	struct field_map to_nowhere = { "action", "a.b" }, strange = { "colour", "a" }, crooked = { "action", "a..b" };
	assert_unusable(EVENT_CLICK, RECORD(IDS), NULL, 0,
		"shop.avsc: field \"action\": required (an enum), but the writer has no field of this name; map.action = PATH names another");
	assert_unusable(EVENT_CLICK, RECORD(IDS ",{\"name\":\"action\",\"type\":\"string\"}"), NULL, 0,
		"shop.avsc: field \"action\": the writer has string, which cannot be read as an enum");
	assert_unusable(EVENT_CLICK, RECORD(IDS ",{\"name\":\"action\",\"type\":[\"null\",\"int\"]}"), NULL, 0,
		"shop.avsc: field \"action\": the writer has a union of null, int, which cannot be read as an enum");
	assert_unusable(EVENT_CLICK, RECORD(IDS ",{\"name\":\"action\",\"type\":{\"type\":\"enum\",\"name\":\"A\",\"symbols\":[\"X\"]}}"), NULL, 0,
		"shop.avsc: field \"action\": enum A has none of the symbols that are known here (IMPRESSION, ...)");
	assert_unusable(EVENT_CLICK, RECORD("{\"name\":\"ts\",\"type\":{\"type\":\"int\",\"logicalType\":\"date\"}}"), NULL, 0,
		"shop.avsc: field \"ts\": the writer has int (date), which cannot be read as a time (long, timestamp-millis or "
		"timestamp-micros)");
	assert_unusable(EVENT_CLICK, RECORD(IDS ",{\"name\":\"a\",\"type\":\"string\"}"), &to_nowhere, 1,
		"shop.avsc: field \"action\": the path a.b goes on at \"b\", but what is there is string, not a record");
	assert_unusable(EVENT_CLICK, RECORD(IDS ",{\"name\":\"c\",\"type\":\"string\"}"), &to_nowhere, 1,
		"shop.avsc: field \"action\": the writer has nothing at map.action = a.b");
	assert_unusable(EVENT_CLICK, RECORD(IDS), &strange, 1, "shop.avsc: map.colour: a click has no such field");
	assert_unusable(EVENT_CLICK, RECORD(IDS), &crooked, 1, "shop.avsc: map.action: \"a..b\" is not a path of 1 to 15 names joined by dots");
	assert_unusable(EVENT_CLICK, "\"string\"", NULL, 0, "shop.avsc: is string at its top, not a record");
	assert_unusable(EVENT_CLICK, "{", NULL, 0, "shop.avsc: is not JSON: line 1, column 1: string or '}' expected near end of file");
	assert_unusable(EVENT_PURCHASE,
		RECORD(IDS ",{\"name\":\"order_id\",\"type\":\"string\"},{\"name\":\"currency\",\"type\":\"string\"},{\"name\":\"lines\",\"type\":"
			   "{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":\"L\",\"fields\":[{\"name\":\"item_id\",\"type\":\"string\"}]}}}"),
		NULL, 0,
		"shop.avsc: field \"lines.quantity\": required (a whole number (int or long)), but the writer has no field of this name; "
		"map.lines.quantity = PATH names another");
}

static void an_optional_field_of_the_wrong_type_is_refused_too(void **state)
{
	(void)state;
	assert_unusable(EVENT_REVIEW, RECORD(IDS ",{\"name\":\"text\",\"type\":\"string\"},{\"name\":\"rating\",\"type\":\"string\"}"), NULL, 0,
		"shop.avsc: field \"rating\": the writer has string, which cannot be read as a number (float, double, int or long)");
}

/* The reader's own enum default (the specification's, Schema Resolution, enums) needs a reader that has one. */
static void a_symbol_that_the_reader_lacks_becomes_its_default_when_it_has_one(void **state)
{
	(void)state;
	static const char *const symbols[] = { "RED", "GREEN", "OTHER" };
	static const struct reader_enum colours = { symbols, 3, 2 };
	static const struct reader_field fields[] = { { .name = "colour", .type = FIELD_ENUM, .flags = FIELD_REQUIRED, .symbols = &colours } };
	static const struct field_table reader = { "paint", fields, 1 };
	struct run run = { .limits = { 1000, 1000, 64, 1000, 0, 0 } };
	struct schema *schema;
	struct plan *plan;
	char error[400];
	int32_t colour = -1;

	assert_int_equal(schema_parse(RECORD("{\"name\":\"colour\",\"type\":{\"type\":\"enum\",\"name\":\"C\",\"symbols\":[\"GREEN\",\"BLUE\"]}}"), &schema,
				 error, sizeof(error)),
		0);
	assert_int_equal(plan_compile(&reader, schema, NULL, 0, &plan, error, sizeof(error)), 0);
	assert_int_equal(plan_run(plan, &run, "\x00", 1, &colour), 0);
	assert_int_equal(colour, 1);
	assert_int_equal(plan_run(plan, &run, "\x02", 1, &colour), 0);
	assert_int_equal(colour, 2);
	plan_destroy(plan);
}

static const json_t *plain_type(const json_t *type)
{
	return json_is_array(type) ? json_array_get(type, 1) : type;
}

/* the table's row against the schema's field: name, order, type, whether null, alias, symbols */
static void assert_same(const struct field_table *reader, const json_t *record)
{
	const json_t *list = json_object_get(record, "fields");

	assert_int_equal(json_array_size(list), reader->n_fields);
	for (uint32_t i = 0; i < reader->n_fields; i++) {
		const struct reader_field *field = &reader->fields[i];
		const json_t *each = json_array_get(list, i), *type = json_object_get(each, "type"), *inner = plain_type(type);
		const char *name = json_string_value(json_object_get(each, "name"));
		const char *word = json_is_string(inner) ? json_string_value(inner) : json_string_value(json_object_get(inner, "type"));
		static const char *const words[] = { [FIELD_TEXT] = "string", [FIELD_LONG] = "long", [FIELD_INT] = "int", [FIELD_TS] = "long", [FIELD_RATING] = "float", [FIELD_BOOL] = "boolean", [FIELD_ENUM] = "enum", [FIELD_LINES] = "array", [FIELD_ATTRIBUTES] = "map" };
		assert_string_equal(field->name, name);
		assert_true(!strcmp(word, words[field->type]) || (field->type == FIELD_LONG && !strcmp(word, "int")));
		assert_int_equal(json_is_array(type), !(field->flags & (FIELD_REQUIRED | FIELD_NOT_NULL)));
		assert_int_equal(json_object_get(each, "default") != NULL, !(field->flags & FIELD_REQUIRED));
		assert_true(json_string_length(json_object_get(each, "doc")) > 0);
		assert_int_equal(json_array_size(json_object_get(each, "aliases")), field->alias ? 1 : 0);
		if (field->alias)
			assert_string_equal(json_string_value(json_array_get(json_object_get(each, "aliases"), 0)), field->alias);
		if (field->type == FIELD_TS)
			assert_string_equal(json_string_value(json_object_get(inner, "logicalType")), "timestamp-millis");
		for (uint32_t s = 0; field->symbols && s < field->symbols->n_symbols; s++)
			assert_string_equal(json_string_value(json_array_get(json_object_get(inner, "symbols"), s)), field->symbols->symbols[s]);
		if (field->type == FIELD_LINES)
			assert_same(field->items, json_object_get(inner, "items"));
	}
}

static void the_readers_tables_and_the_documented_schemas_say_the_same(void **state)
{
	(void)state;
	for (int kind = 0; kind < EVENT_KINDS; kind++) {
		json_t *json = json_loads(schema_text_of((enum event_kind)kind), 0, NULL);
		assert_non_null(json);
		assert_same(field_table_of((enum event_kind)kind), json);
		json_decref(json);
	}
}

static void every_reason_is_explained_in_the_description_of_the_dead_letter_topic(void **state)
{
	(void)state;
	FILE *f = fopen("schemas/dead-letter.md", "r");
	char text[8192], word[64];
	assert_non_null(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	for (int reason = 1; reason < DECODE_REASONS; reason++) {
		snprintf(word, sizeof(word), "`%s`", decode_reasons[reason]);
		if (!strstr(text, word))
			fail_msg("%s is not there", word);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(canonical_forms_and_fingerprints_are_those_of_avros_test_data),
		cmocka_unit_test(schemas_that_are_wrong_are_refused_with_a_reason),
		cmocka_unit_test(nesting_and_size_of_a_schema_are_bounded),
		cmocka_unit_test(a_record_that_contains_itself_with_a_way_out_is_accepted),
		cmocka_unit_test(a_schema_that_cannot_fill_a_required_field_is_refused_naming_field_and_reason),
		cmocka_unit_test(an_optional_field_of_the_wrong_type_is_refused_too),
		cmocka_unit_test(a_symbol_that_the_reader_lacks_becomes_its_default_when_it_has_one),
		cmocka_unit_test(the_readers_tables_and_the_documented_schemas_say_the_same),
		cmocka_unit_test(every_reason_is_explained_in_the_description_of_the_dead_letter_topic),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
