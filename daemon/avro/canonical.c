/* Parsing Canonical Form and CRC-64-AVRO.
 *
 * Source: Apache Avro 1.11 specification, "Parsing Canonical Form for Schemas" and "Schema Fingerprints". The form keeps name (full),
 * type, fields, symbols, items, values, size in this order, primitives as plain strings, no white space, no escapes. The
 * fingerprint is a 64-bit Rabin one with the polynomial c15d213aa4d7a795, bytes taken low end first, starting from the same number.
 */
#include "daemon/avro/schema.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EMPTY 0xc15d213aa4d7a795ULL

uint64_t schema_fingerprint(const void *bytes, size_t size)
{
	const unsigned char *p = bytes;
	uint64_t fp = EMPTY;

	for (size_t i = 0; i < size; i++) {
		fp ^= p[i];
		for (int bit = 0; bit < 8; bit++)
			fp = (fp >> 1) ^ (EMPTY & -(fp & 1));
	}
	return fp;
}

/* Appends JSON strings verbatim: names and symbols are plain ASCII identifiers by then. */
static void quote(FILE *out, const char *s)
{
	fprintf(out, "\"%s\"", s);
}

static void full_name(FILE *out, const char *name, const char *space)
{
	if (strchr(name, '.') || !*space)
		quote(out, name);
	else
		fprintf(out, "\"%s.%s\"", space, name);
}

static bool is_primitive(const char *s)
{
	static const char *const names[] = { "null", "boolean", "int", "long", "float", "double", "bytes", "string" };

	for (size_t i = 0; i < sizeof(names) / sizeof *names; i++)
		if (!strcmp(s, names[i]))
			return true;
	return false;
}

static void write_type(FILE *out, const json_t *json, const char *space);

static void write_named(FILE *out, const json_t *json, const char *type, const char *outer)
{
	const char *name = json_string_value(json_object_get(json, "name"));
	const char *own = json_string_value(json_object_get(json, "namespace"));
	const char *dot = strrchr(name, '.');
	char space[512];
	size_t i;
	json_t *each;

	if (dot)
		snprintf(space, sizeof(space), "%.*s", (int)(dot - name), name);
	else
		snprintf(space, sizeof(space), "%s", own ? own : outer);
	fputs("{\"name\":", out);
	full_name(out, name, space);
	fprintf(out, ",\"type\":\"%s\"", strcmp(type, "error") ? type : "record");
	if (!strcmp(type, "enum")) {
		fputs(",\"symbols\":[", out);
		json_array_foreach(json_object_get(json, "symbols"), i, each)
		{
			fputs(i ? "," : "", out);
			quote(out, json_string_value(each));
		}
		fputc(']', out);
	} else if (!strcmp(type, "fixed")) {
		fprintf(out, ",\"size\":%lld", (long long)json_integer_value(json_object_get(json, "size")));
	} else {
		fputs(",\"fields\":[", out);
		json_array_foreach(json_object_get(json, "fields"), i, each)
		{
			fprintf(out, "%s{\"name\":\"%s\",\"type\":", i ? "," : "",
				json_string_value(json_object_get(each, "name")));
			write_type(out, json_object_get(each, "type"), space);
			fputc('}', out);
		}
		fputc(']', out);
	}
	fputc('}', out);
}

static void write_type(FILE *out, const json_t *json, const char *space)
{
	const json_t *type;
	size_t i;
	json_t *each;

	if (json_is_string(json)) {
		const char *s = json_string_value(json);
		if (is_primitive(s))
			quote(out, s);
		else
			full_name(out, s, space);
		return;
	}
	if (json_is_array(json)) {
		fputc('[', out);
		json_array_foreach(json, i, each)
		{
			fputs(i ? "," : "", out);
			write_type(out, each, space);
		}
		fputc(']', out);
		return;
	}
	type = json_object_get(json, "type");
	if (!json_is_string(type)) {
		write_type(out, type, space);
		return;
	}
	const char *s = json_string_value(type);
	if (!strcmp(s, "array") || !strcmp(s, "map")) {
		const char *inner = *s == 'a' ? "items" : "values";
		fprintf(out, "{\"type\":\"%s\",\"%s\":", s, inner);
		write_type(out, json_object_get(json, inner), space);
		fputc('}', out);
	} else if (!strcmp(s, "record") || !strcmp(s, "error") || !strcmp(s, "enum") || !strcmp(s, "fixed")) {
		write_named(out, json, s, space);
	} else {
		write_type(out, type, space);
	}
}

char *schema_canonical(const json_t *json)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	write_type(out, json, "");
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}
