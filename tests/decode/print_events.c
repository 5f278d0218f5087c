/* Decodes what decode_differential.py asks for and prints what came out, as JSON.
 *
 * One request a line on standard input: {"kind", "framing", "schema" (text or null), "ids_folder" (or null), "maps": {field: path},
 * "records": [hex]}. One answer a line: {"error": sentence} or {"fingerprint", "canonical", "events": [{field: value} or
 * {"refused": reason, "field": name}], "avro_c": [what Avro C makes of the same bytes with the writer's schema, or null]}.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <avro.h>
#include <jansson.h>

#include "daemon/avro/decode.h"
#include "daemon/avro/fields.h"
#include "daemon/avro/schema.h"

static json_t *text_json(struct text text)
{
	return text.data ? json_stringn_nocheck(text.data, text.size) : json_null();
}

static json_t *print_fields(const struct field_table *reader, const char *base);

static json_t *print_field(const struct reader_field *field, const char *base)
{
	const char *at = base + field->offset;
	bool has = !field->has_offset || *(const bool *)(base + field->has_offset);
	json_t *list;

	switch (field->type) {
	case FIELD_TEXT:
		return text_json(*(const struct text *)at);
	case FIELD_LONG:
	case FIELD_TS:
		return has ? json_integer(*(const int64_t *)at) : json_null();
	case FIELD_INT:
		return has ? json_integer(*(const int32_t *)at) : json_null();
	case FIELD_RATING:
		return json_integer(*(const int32_t *)at);
	case FIELD_BOOL:
		return json_boolean(*(const bool *)at);
	case FIELD_ENUM:
		return json_string(field->symbols->symbols[*(const int32_t *)at]);
	case FIELD_LINES:
		list = json_array();
		for (uint32_t i = 0; i < *(const uint32_t *)(base + field->has_offset); i++)
			json_array_append_new(list, print_fields(field->items, (const char *)&(*(const struct order_line *const *)at)[i]));
		return list;
	case FIELD_ATTRIBUTES:
		list = json_array();
		for (uint32_t i = 0; i < *(const uint32_t *)(base + field->has_offset); i++) {
			const struct attribute *a = &(*(const struct attribute *const *)at)[i];
			json_t *pair = json_array();
			json_array_append_new(pair, text_json(a->name));
			json_array_append_new(pair, text_json(a->value));
			json_array_append_new(list, pair);
		}
		return list;
	}
	return json_null();
}

static json_t *print_fields(const struct field_table *reader, const char *base)
{
	json_t *object = json_object();

	for (uint32_t i = 0; i < reader->n_fields; i++)
		json_object_set_new(object, reader->fields[i].name, print_field(&reader->fields[i], base));
	return object;
}

/* Avro C's reading of bytes that are known to be good. */
static json_t *by_avro_c(avro_value_iface_t *iface, const char *bytes, size_t size)
{
	avro_reader_t reader = avro_reader_memory(bytes, (int64_t)size);
	avro_value_t value;
	char *text = NULL;
	json_t *json = NULL;

	avro_generic_value_new(iface, &value);
	if (!avro_value_read(reader, &value) && !avro_value_to_json(&value, 1, &text))
		json = json_loads(text, JSON_ALLOW_NUL, NULL);
	free(text);
	avro_value_decref(&value);
	avro_reader_free(reader);
	return json ? json : json_null();
}

static size_t unhex(const char *hex, char *bytes)
{
	size_t n = strlen(hex) / 2;
	unsigned byte;

	for (size_t i = 0; i < n; i++) {
		sscanf(hex + 2 * i, "%2x", &byte);
		bytes[i] = (char)byte;
	}
	return n;
}

static json_t *answer(const json_t *request)
{
	static const char *const kinds[EVENT_KINDS] = { "click", "purchase", "review", "item" };
	const char *kind = json_string_value(json_object_get(request, "kind")), *key, *hex, *schema_text;
	struct decoder_settings settings = { .schema = json_string_value(json_object_get(request, "schema")),
		.ids_folder = json_string_value(json_object_get(request, "ids_folder")) };
	struct field_map maps[64];
	enum event_kind k = EVENT_CLICK;
	json_t *result = json_object(), *events = json_array(), *others = json_array(), *value;
	struct decoder *d = NULL;
	struct schema *schema = NULL;
	avro_value_iface_t *iface = NULL;
	avro_schema_t avro_schema = NULL;
	char error[512], *form;
	size_t i;

	while (strcmp(kinds[k], kind))
		k++;
	framing_parse(json_string_value(json_object_get(request, "framing")), &settings.framing);
	json_object_foreach(json_object_get(request, "maps"), key, value)
		maps[settings.n_maps++] = (struct field_map){ key, json_string_value(value) };
	settings.maps = maps;
	json_object_set_new(result, "events", events);
	json_object_set_new(result, "avro_c", others);
	if (decoder_create(k, &settings, &d, error, sizeof(error))) {
		json_object_set_new(result, "error", json_string(error));
		return result;
	}
	schema_text = settings.schema ? settings.schema : json_string_value(json_object_get(request, "writer"));
	if (schema_text && !schema_parse(schema_text, &schema, error, sizeof(error))) {
		snprintf(error, sizeof(error), "%016llx", (unsigned long long)schema->fingerprint);
		form = schema_canonical(schema->json);
		json_object_set_new(result, "fingerprint", json_string(error));
		json_object_set_new(result, "canonical", json_string(form));
		free(form);
		if (!avro_schema_from_json_length(schema_text, strlen(schema_text), &avro_schema))
			iface = avro_generic_class_from_schema(avro_schema);
	}
	json_array_foreach(json_object_get(request, "records"), i, value)
	{
		hex = json_string_value(value);
		char *bytes = malloc(strlen(hex) / 2 + 1);
		size_t size = unhex(hex, bytes);
		size_t header = (size_t)json_integer_value(json_object_get(request, "header"));
		struct event e;
		if (!decoder_decode(d, bytes, size, &e)) {
			json_array_append_new(events, print_fields(field_table_of(k), (const char *)&e));
		} else {
			json_t *refused = json_object();
			json_object_set_new(refused, "refused", json_string(decode_reasons[decoder_reason(d)]));
			json_object_set_new(refused, "field", json_string(decoder_field(d)));
			json_array_append_new(events, refused);
		}
		json_array_append_new(others, iface ? by_avro_c(iface, bytes + header, size - header) : json_null());
		free(bytes);
	}
	if (iface)
		avro_value_iface_decref(iface);
	if (avro_schema)
		avro_schema_decref(avro_schema);
	schema_destroy(schema);
	decoder_destroy(d);
	return result;
}

int main(void)
{
	char *line = NULL, *text;
	size_t capacity = 0;

	while (getline(&line, &capacity, stdin) > 0) {
		json_t *request = json_loads(line, 0, NULL), *result = answer(request);
		text = json_dumps(result, JSON_COMPACT | JSON_ENSURE_ASCII);
		puts(text);
		free(text);
		json_decref(result);
		json_decref(request);
	}
	free(line);
	return 0;
}
