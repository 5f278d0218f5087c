/* encode.h: walks the tables of fields.h. */
#include "daemon/avro/encode.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/avro/fields.h"

struct encoder {
	struct encoded *out;
	char *error;
	size_t error_size;
	char where[48]; /* "lines[3]." */
};

__attribute__((format(printf, 3, 4))) static int refuse(struct encoder *e, const char *field, const char *format, ...)
{
	va_list args;
	int n = snprintf(e->error, e->error_size, "field \"%s%s\" ", e->where, field);

	va_start(args, format);
	if (n > 0 && (size_t)n < e->error_size)
		vsnprintf(e->error + n, e->error_size - (size_t)n, format, args);
	va_end(args);
	return -EINVAL;
}

static int put(struct encoder *e, const void *bytes, size_t n)
{
	struct encoded *out = e->out;

	if (out->size + n > out->capacity) {
		size_t capacity = 2 * (out->size + n) + 256;
		uint8_t *data = realloc(out->data, capacity);
		if (!data) {
			snprintf(e->error, e->error_size, "out of memory");
			return -ENOMEM;
		}
		out->data = data;
		out->capacity = capacity;
	}
	memcpy(out->data + out->size, bytes, n);
	out->size += n;
	return 0;
}

static int put_long(struct encoder *e, int64_t number)
{
	uint64_t zigzag = ((uint64_t)number << 1) ^ (uint64_t)(number >> 63);
	uint8_t bytes[10];
	size_t n = 0;

	for (; zigzag > 0x7f; zigzag >>= 7)
		bytes[n++] = (uint8_t)(zigzag | 0x80);
	bytes[n++] = (uint8_t)zigzag;
	return put(e, bytes, n);
}

static int put_text(struct encoder *e, const char *text, size_t n)
{
	int rc = put_long(e, (int64_t)n);

	return rc ? rc : put(e, text, n);
}

/* C0, DEL and C1: jansson has seen to the UTF-8. */
static bool has_control(const char *text, size_t n)
{
	const unsigned char *s = (const unsigned char *)text;

	for (size_t i = 0; i < n; i++)
		if (s[i] < 0x20 || s[i] == 0x7f || (s[i] == 0xc2 && i + 1 < n && s[i + 1] < 0xa0))
			return true;
	return false;
}

static int encode_text(struct encoder *e, const struct reader_field *field, const json_t *value)
{
	const char *s = json_string_value(value);
	size_t n = json_string_length(value);

	if (!s)
		return refuse(e, field->name, "must be a string");
	if (field->flags & FIELD_ID && has_control(s, n))
		return refuse(e, field->name, "holds a control character");
	if (field->flags & FIELD_NONEMPTY && !n)
		return refuse(e, field->name, "must not be empty");
	if (field->flags & FIELD_CURRENCY && (n != 3 || strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 3))
		return refuse(e, field->name, "must be three capital letters (ISO 4217), found \"%.20s\"", s);
	return put_text(e, s, n);
}

static int encode_whole(struct encoder *e, const struct reader_field *field, const json_t *value, int64_t lo, int64_t hi)
{
	int64_t number;

	if (json_is_integer(value))
		number = json_integer_value(value);
	else if (json_is_real(value) && fabs(json_real_value(value)) < 1e15 &&
		json_real_value(value) == trunc(json_real_value(value)))
		number = (int64_t)json_real_value(value);
	else
		return refuse(e, field->name, "must be a whole number");
	if (number < lo || number > hi)
		return refuse(e, field->name, "must be from %lld to %lld, found %lld", (long long)lo, (long long)hi,
			(long long)number);
	return put_long(e, number);
}

static int encode_enum(struct encoder *e, const struct reader_field *field, const json_t *value)
{
	const char *s = json_string_value(value);
	char allowed[200];
	size_t n = 0;

	for (uint32_t i = 0; s && i < field->symbols->n_symbols; i++)
		if (!strcmp(field->symbols->symbols[i], s))
			return put_long(e, i);
	*allowed = '\0';
	for (uint32_t i = 0; i < field->symbols->n_symbols && n < sizeof(allowed); i++)
		n += (size_t)snprintf(allowed + n, sizeof(allowed) - n, "%s%s", i ? ", " : "", field->symbols->symbols[i]);
	return refuse(e, field->name, "must be one of %s%s%.40s%s", allowed, s ? ", found \"" : "", s ? s : "", s ? "\"" : "");
}

static int encode_object(struct encoder *e, const struct field_table *reader, const json_t *object);

static int encode_lines(struct encoder *e, const struct reader_field *field, const json_t *value)
{
	size_t n = json_array_size(value);
	int rc = 0;

	if (!json_is_array(value))
		return refuse(e, field->name, "must be a list of objects");
	if (n)
		rc = put_long(e, (int64_t)n);
	for (size_t i = 0; !rc && i < n; i++) {
		snprintf(e->where, sizeof(e->where), "%s[%zu].", field->name, i);
		rc = encode_object(e, field->items, json_array_get(value, i));
	}
	if (rc)
		return rc;
	*e->where = '\0';
	return put_long(e, 0);
}

static int encode_attributes(struct encoder *e, const struct reader_field *field, const json_t *value)
{
	size_t n = 0;
	const char *name;
	json_t *each;
	int rc = 0;

	if (!json_is_object(value))
		return refuse(e, field->name, "must be an object of strings");
	json_object_foreach((json_t *)value, name, each)
	{
		if (!json_is_string(each) && !json_is_null(each))
			return refuse(e, field->name, "must be an object of strings; \"%.40s\" is not one", name);
		if (!*name || has_control(name, strlen(name)))
			return refuse(e, field->name, "has a name that is empty or holds a control character");
		n += json_is_string(each);
	}
	if (n)
		rc = put_long(e, (int64_t)n);
	json_object_foreach((json_t *)value, name, each)
	{
		if (rc || !json_is_string(each))
			continue;
		rc = put_text(e, name, strlen(name));
		if (!rc)
			rc = put_text(e, json_string_value(each), json_string_length(each));
	}
	return rc ? rc : put_long(e, 0);
}

static int encode_value(struct encoder *e, const struct reader_field *field, const json_t *value)
{
	uint8_t byte;
	float stars;

	switch (field->type) {
	case FIELD_TEXT:
		return encode_text(e, field, value);
	case FIELD_LONG:
	case FIELD_INT:
		return encode_whole(e, field, value, field->min, field->max);
	case FIELD_TS:
		return encode_whole(e, field, value, 1, INT64_MAX);
	case FIELD_RATING:
		if (!json_is_number(value))
			return refuse(e, field->name, "must be a number of stars");
		stars = (float)json_number_value(value);
		return put(e, &stars, sizeof(stars));
	case FIELD_BOOL:
		if (!json_is_boolean(value))
			return refuse(e, field->name, "must be true or false");
		byte = json_is_true(value);
		return put(e, &byte, 1);
	case FIELD_ENUM:
		return encode_enum(e, field, value);
	case FIELD_LINES:
		return encode_lines(e, field, value);
	case FIELD_ATTRIBUTES:
		return encode_attributes(e, field, value);
	}
	return -EINVAL;
}

static int encode_object(struct encoder *e, const struct field_table *reader, const json_t *object)
{
	size_t known = 0;
	int rc = 0;

	if (!json_is_object(object)) {
		snprintf(e->error, e->error_size, "%s%s must be an object", e->where, reader->name);
		return -EINVAL;
	}
	for (uint32_t i = 0; !rc && i < reader->n_fields; i++) {
		const struct reader_field *field = &reader->fields[i];
		const json_t *value = json_object_get(object, field->name);
		known += value != NULL;
		if (json_is_null(value))
			value = NULL;
		if (!value && field->flags & FIELD_REQUIRED)
			return refuse(e, field->name, "is missing");
		if (!(field->flags & (FIELD_REQUIRED | FIELD_NOT_NULL)))
			rc = put_long(e, value != NULL);
		else if (!value)
			rc = put_long(e, 0); /* an enum's first symbol is its default */
		if (!rc && value)
			rc = encode_value(e, field, value);
	}
	e->out->ignored_fields += (uint32_t)(json_object_size(object) - known);
	return rc;
}

int encode_event(enum event_kind kind, const json_t *object, struct encoded *encoded, char *error, size_t error_size)
{
	struct encoder e = { .out = encoded, .error = error, .error_size = error_size };

	encoded->size = 0;
	encoded->ignored_fields = 0;
	return encode_object(&e, field_table_of(kind), object);
}

void encoded_done(struct encoded *encoded)
{
	free(encoded->data);
	*encoded = (struct encoded){ 0 };
}
