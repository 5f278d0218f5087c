/* schema.h: JSON text -> graph of types.
 *
 * Longer than most: one recursive descent over the JSON, then the sizes of what it found.
 */
#include "daemon/avro/schema.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <avro.h>

#define MAX_TEXT (1 << 20)
#define MAX_TYPES 4096
#define MAX_NESTING 64
#define MAX_FIXED 0x7fffffffLL
#define MAX_BYTES (1LL << 31) /* sizes saturate here */

static const char *const kind_names[] = { "null", "boolean", "int", "long", "float", "double", "bytes",
	"string", "record", "enum", "array", "map", "union", "fixed" };

struct parser {
	struct schema *schema;
	char *error;
	size_t error_size;
};

__attribute__((format(printf, 2, 3))) static int refuse(struct parser *p, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(p->error, p->error_size, format, args);
	va_end(args);
	return -EINVAL;
}

static int out_of_memory(struct parser *p)
{
	snprintf(p->error, p->error_size, "out of memory");
	return -ENOMEM;
}

static bool is_identifier(const char *s, size_t n)
{
	if (!n || (s[0] >= '0' && s[0] <= '9'))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!((s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z') || (s[i] >= '0' && s[i] <= '9') ||
			    s[i] == '_'))
			return false;
	return true;
}

static bool is_dotted_name(const char *s)
{
	for (;;) {
		size_t n = strcspn(s, ".");
		if (!is_identifier(s, n))
			return false;
		if (!s[n])
			return true;
		s += n + 1;
	}
}

static int add_type(struct parser *p, enum schema_kind kind, uint32_t *ret)
{
	struct schema *s = p->schema;

	if (s->n_types == MAX_TYPES)
		return refuse(p, "has more than %d types", MAX_TYPES);
	if (s->n_types == s->capacity) {
		uint32_t capacity = s->capacity ? 2 * s->capacity : 32;
		struct schema_type *types = realloc(s->types, capacity * sizeof *types);
		if (!types)
			return out_of_memory(p);
		s->types = types;
		s->capacity = capacity;
	}
	memset(&s->types[s->n_types], 0, sizeof *s->types);
	s->types[s->n_types].kind = kind;
	*ret = s->n_types++;
	return 0;
}

/* Full name of a definition or of a reference; owned by the schema. */
static int own_name(struct parser *p, const char *name, const char *space, const char **ret)
{
	struct schema *s = p->schema;
	char **names = realloc(s->names, (s->n_names + 1) * sizeof *names);
	char *full = NULL;
	int n;

	if (!names)
		return out_of_memory(p);
	s->names = names;
	if (strchr(name, '.') || !*space)
		n = asprintf(&full, "%s", name);
	else
		n = asprintf(&full, "%s.%s", space, name);
	if (n < 0)
		return out_of_memory(p);
	s->names[s->n_names++] = full;
	if (n > 400)
		return refuse(p, "has a name longer than 400 bytes");
	*ret = full;
	return 0;
}

static int find_named(const struct schema *s, const char *name, uint32_t *ret)
{
	for (uint32_t i = SCHEMA_PRIMITIVES; i < s->n_types; i++)
		if (s->types[i].name && !strcmp(s->types[i].name, name)) {
			*ret = i;
			return 0;
		}
	return -ENOENT;
}

static int find_primitive(const char *name, uint32_t *ret)
{
	for (uint32_t i = 0; i < SCHEMA_PRIMITIVES; i++)
		if (!strcmp(kind_names[i], name)) {
			*ret = i;
			return 0;
		}
	return -ENOENT;
}

static int parse_type(struct parser *p, const json_t *json, const char *space, int nesting, uint32_t *ret);

static int parse_reference(struct parser *p, const char *name, const char *space, uint32_t *ret)
{
	char full[1024];

	if (!find_primitive(name, ret))
		return 0;
	if (!strchr(name, '.') && *space) {
		snprintf(full, sizeof(full), "%s.%s", space, name);
		if (!find_named(p->schema, full, ret))
			return 0;
	}
	if (!find_named(p->schema, name, ret))
		return 0;
	return refuse(p, "names a type '%.100s' that is not defined before", name);
}

static int parse_union(struct parser *p, const json_t *json, const char *space, int nesting, uint32_t *ret)
{
	size_t n = json_array_size(json);
	uint32_t self, *branches;
	int rc = add_type(p, SCHEMA_UNION, &self);

	if (rc)
		return rc;
	if (!n)
		return refuse(p, "has a union without branches");
	if (n > MAX_TYPES)
		return refuse(p, "has a union of more than %d branches", MAX_TYPES);
	branches = calloc(n, sizeof *branches);
	if (!branches)
		return out_of_memory(p);
	p->schema->types[self].branches = branches;
	for (size_t i = 0; i < n; i++) {
		rc = parse_type(p, json_array_get(json, i), space, nesting + 1, &branches[i]);
		if (rc)
			return rc;
		const struct schema_type *types = p->schema->types, *t = &types[branches[i]];
		if (t->kind == SCHEMA_UNION)
			return refuse(p, "has a union directly inside a union");
		for (size_t j = 0; j < i; j++) {
			const struct schema_type *u = &types[branches[j]];
			if (branches[i] == branches[j] || (!t->name && t->kind == u->kind))
				return refuse(p, "has a union with two branches of type %s", kind_names[t->kind]);
		}
		p->schema->types[self].n_branches++;
	}
	*ret = self;
	return 0;
}

static int parse_enum(struct parser *p, const json_t *json, uint32_t self)
{
	const json_t *list = json_object_get(json, "symbols");
	size_t n = json_array_size(list);
	const char **symbols, *name = p->schema->types[self].name;

	if (!json_is_array(list) || !n || n > 65536)
		return refuse(p, "has an enum %s without symbols, or with more than 65536", name);
	symbols = calloc(n, sizeof *symbols);
	if (!symbols)
		return out_of_memory(p);
	p->schema->types[self].symbols = symbols;
	p->schema->types[self].n_symbols = (uint32_t)n;
	for (size_t i = 0; i < n; i++) {
		symbols[i] = json_string_value(json_array_get(list, i));
		if (!symbols[i] || !is_identifier(symbols[i], strlen(symbols[i])))
			return refuse(p, "has an enum %s with a symbol that is not a name", name);
		for (size_t j = 0; j < i && n <= 4096; j++)
			if (!strcmp(symbols[i], symbols[j]))
				return refuse(p, "has an enum %s with the symbol %s twice", name, symbols[i]);
	}
	return 0;
}

static int parse_record(struct parser *p, const json_t *json, uint32_t self, const char *space, int nesting)
{
	const json_t *list = json_object_get(json, "fields");
	const char *record = p->schema->types[self].name;
	size_t n = json_array_size(list);
	struct schema_field *fields;

	if (!json_is_array(list))
		return refuse(p, "has a record %s without fields", record);
	if (n > 65536)
		return refuse(p, "has a record %s of more than 65536 fields", record);
	fields = calloc(n + 1, sizeof *fields);
	if (!fields)
		return out_of_memory(p);
	p->schema->types[self].fields = fields;
	for (size_t i = 0; i < n; i++) {
		const json_t *each = json_array_get(list, i);
		const char *name = json_string_value(json_object_get(each, "name"));
		const json_t *aliases = json_object_get(each, "aliases");
		if (!name || !is_identifier(name, strlen(name)))
			return refuse(p, "has a record %s with a field whose name is missing or not a name", record);
		for (size_t j = 0; j < i && n <= 4096; j++)
			if (!strcmp(fields[j].name, name))
				return refuse(p, "has a record %s with the field %s twice", record, name);
		fields[i].name = name;
		fields[i].aliases = json_is_array(aliases) ? aliases : NULL;
		int rc = parse_type(p, json_object_get(each, "type"), space, nesting + 1, &fields[i].type);
		if (rc)
			return rc;
		p->schema->types[self].n_fields++;
	}
	return 0;
}

static int parse_named(struct parser *p, const json_t *json, enum schema_kind kind, const char *outer, int nesting,
	uint32_t *ret)
{
	const char *name = json_string_value(json_object_get(json, "name"));
	const json_t *own = json_object_get(json, "namespace");
	const char *space = json_is_string(own) ? json_string_value(own) : outer;
	const char *full = "", *dot;
	char inner[512];
	uint32_t self, other;
	int rc;

	if (!name || !is_dotted_name(name) || (*space && !is_dotted_name(space)))
		return refuse(p, "has a %s whose name or namespace is missing or not a name", kind_names[kind]);
	rc = own_name(p, name, space, &full);
	if (rc)
		return rc;
	if (!find_named(p->schema, full, &other))
		return refuse(p, "defines %s twice", full);
	dot = strrchr(full, '.');
	snprintf(inner, sizeof(inner), "%.*s", dot ? (int)(dot - full) : 0, full);
	rc = add_type(p, kind, &self);
	if (rc)
		return rc;
	p->schema->types[self].name = full;
	p->schema->types[self].logical = json_string_value(json_object_get(json, "logicalType"));
	*ret = self;
	if (kind == SCHEMA_ENUM)
		return parse_enum(p, json, self);
	if (kind == SCHEMA_FIXED) {
		const json_t *size = json_object_get(json, "size");
		if (!json_is_integer(size) || json_integer_value(size) < 0 || json_integer_value(size) > MAX_FIXED)
			return refuse(p, "has a fixed %s whose size is not an integer from 0 to %lld", full, MAX_FIXED);
		p->schema->types[self].fixed_bytes = json_integer_value(size);
		return 0;
	}
	return parse_record(p, json, self, inner, nesting);
}

static int parse_object(struct parser *p, const json_t *json, const char *space, int nesting, uint32_t *ret)
{
	const json_t *type = json_object_get(json, "type");
	const char *name = json_string_value(type);
	const char *logical = json_string_value(json_object_get(json, "logicalType"));
	uint32_t found, self;
	int rc;

	if (!name)
		return parse_type(p, type, space, nesting + 1, ret);
	if (!strcmp(name, "record") || !strcmp(name, "error"))
		return parse_named(p, json, SCHEMA_RECORD, space, nesting, ret);
	if (!strcmp(name, "enum"))
		return parse_named(p, json, SCHEMA_ENUM, space, nesting, ret);
	if (!strcmp(name, "fixed"))
		return parse_named(p, json, SCHEMA_FIXED, space, nesting, ret);
	if (!strcmp(name, "array") || !strcmp(name, "map")) {
		enum schema_kind kind = *name == 'a' ? SCHEMA_ARRAY : SCHEMA_MAP;
		rc = add_type(p, kind, &self);
		if (!rc)
			rc = parse_type(p, json_object_get(json, kind == SCHEMA_ARRAY ? "items" : "values"), space,
				nesting + 1, &found);
		if (rc)
			return rc;
		p->schema->types[self].items = found;
		*ret = self;
		return 0;
	}
	rc = parse_reference(p, name, space, &found);
	if (rc || !logical || found >= SCHEMA_PRIMITIVES) {
		*ret = found;
		return rc;
	}
	rc = add_type(p, (enum schema_kind)found, &self);
	if (rc)
		return rc;
	p->schema->types[self].logical = logical;
	*ret = self;
	return 0;
}

static int parse_type(struct parser *p, const json_t *json, const char *space, int nesting, uint32_t *ret)
{
	if (nesting > MAX_NESTING)
		return refuse(p, "is nested deeper than %d", MAX_NESTING);
	if (json_is_string(json))
		return parse_reference(p, json_string_value(json), space, ret);
	if (json_is_array(json))
		return parse_union(p, json, space, nesting, ret);
	if (json_is_object(json))
		return parse_object(p, json, space, nesting, ret);
	return refuse(p, "has a type that is missing, or neither a name, a list nor an object");
}

static int64_t add_bytes(int64_t a, int64_t b)
{
	return a + b > MAX_BYTES ? MAX_BYTES : a + b;
}

/* Constant size of a type's values or -1. A type in the making (recursion) has -2: not constant. */
static int64_t constant_bytes(struct schema *s, uint32_t type, int64_t *memo)
{
	const struct schema_type *t = &s->types[type];
	int64_t sum = 0;

	if (memo[type] != -3)
		return memo[type] < 0 ? -1 : memo[type];
	memo[type] = -2;
	switch (t->kind) {
	case SCHEMA_NULL:
		break;
	case SCHEMA_FLOAT:
		sum = 4;
		break;
	case SCHEMA_DOUBLE:
		sum = 8;
		break;
	case SCHEMA_FIXED:
		sum = t->fixed_bytes;
		break;
	case SCHEMA_RECORD:
		for (uint32_t i = 0; i < t->n_fields && sum >= 0; i++) {
			int64_t bytes = constant_bytes(s, t->fields[i].type, memo);
			sum = bytes < 0 ? -1 : add_bytes(sum, bytes);
		}
		break;
	default:
		sum = -1;
	}
	memo[type] = sum;
	return sum;
}

static int64_t least_bytes(const struct schema *s, const struct schema_type *t)
{
	int64_t least = MAX_BYTES;

	if (t->fixed_bytes >= 0)
		return t->fixed_bytes;
	switch (t->kind) {
	case SCHEMA_RECORD:
		least = 0;
		for (uint32_t i = 0; i < t->n_fields; i++)
			least = add_bytes(least, s->types[t->fields[i].type].min_bytes);
		return least;
	case SCHEMA_UNION:
		for (uint32_t i = 0; i < t->n_branches; i++)
			if (s->types[t->branches[i]].min_bytes < least)
				least = s->types[t->branches[i]].min_bytes;
		return add_bytes(least, 1);
	default:
		return 1;
	}
}

/* Sizes of all types; refuses a record that holds itself without a way out. */
static int measure(struct parser *p)
{
	struct schema *s = p->schema;
	int64_t *memo = malloc(s->n_types * sizeof *memo);
	bool moved = true;

	if (!memo)
		return out_of_memory(p);
	for (uint32_t i = 0; i < s->n_types; i++)
		memo[i] = -3;
	for (uint32_t i = 0; i < s->n_types; i++)
		constant_bytes(s, i, memo);
	for (uint32_t i = 0; i < s->n_types; i++) {
		s->types[i].fixed_bytes = memo[i];
		s->types[i].min_bytes = MAX_BYTES;
	}
	free(memo);
	while (moved) {
		moved = false;
		for (uint32_t i = s->n_types; i-- > 0;) {
			int64_t least = least_bytes(s, &s->types[i]);
			moved |= least < s->types[i].min_bytes;
			s->types[i].min_bytes = least;
		}
	}
	for (uint32_t i = 0; i < s->n_types; i++)
		if (s->types[i].min_bytes >= MAX_BYTES)
			return refuse(p, "has a type %s that contains itself without end, or is larger than 2 GiB",
				s->types[i].name ? s->types[i].name : kind_names[s->types[i].kind]);
	for (uint32_t i = 0; i < s->n_types; i++) {
		struct schema_type *t = &s->types[i];
		if (t->kind != SCHEMA_RECORD)
			continue;
		t->steps = calloc(t->n_fields + 1, sizeof *t->steps);
		if (!t->steps)
			return out_of_memory(p);
		for (uint32_t f = 0; f < t->n_fields; f++) {
			int64_t bytes = s->types[t->fields[f].type].fixed_bytes;
			if (bytes >= 0) {
				t->tail_bytes = (uint32_t)add_bytes(t->tail_bytes, bytes);
				continue;
			}
			t->steps[t->n_steps++] = (struct schema_step){ t->fields[f].type, t->tail_bytes };
			t->tail_bytes = 0;
		}
	}
	return 0;
}

/* Avro C's own opinion of the text. */
static int second_look(struct parser *p, const char *text)
{
	avro_schema_t schema;

	if (avro_schema_from_json_length(text, strlen(text), &schema))
		return refuse(p, "is refused by Avro C: %s", avro_strerror());
	avro_schema_decref(schema);
	return 0;
}

int schema_parse(const char *text, struct schema **ret_schema, char *error, size_t error_size)
{
	struct parser p = { .error = error, .error_size = error_size };
	json_error_t where;
	char *canonical = NULL;
	uint32_t primitive;
	int rc = 0;

	if (strlen(text) > MAX_TEXT)
		return refuse(&p, "is longer than 1 MiB");
	p.schema = calloc(1, sizeof *p.schema);
	if (!p.schema)
		return out_of_memory(&p);
	p.schema->json = json_loads(text, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &where);
	if (!p.schema->json)
		rc = refuse(&p, "is not JSON: line %d, column %d: %s", where.line, where.column, where.text);
	for (int kind = 0; !rc && kind < SCHEMA_PRIMITIVES; kind++)
		rc = add_type(&p, (enum schema_kind)kind, &primitive);
	if (!rc)
		rc = parse_type(&p, p.schema->json, "", 0, &p.schema->root);
	if (!rc)
		rc = measure(&p);
	if (!rc)
		rc = second_look(&p, text);
	if (!rc && !(canonical = schema_canonical(p.schema->json)))
		rc = out_of_memory(&p);
	if (rc) {
		schema_destroy(p.schema);
		return rc;
	}
	p.schema->fingerprint = schema_fingerprint(canonical, strlen(canonical));
	free(canonical);
	*ret_schema = p.schema;
	return 0;
}

void schema_destroy(struct schema *schema)
{
	if (!schema)
		return;
	for (uint32_t i = 0; i < schema->n_types; i++) {
		free(schema->types[i].fields);
		free(schema->types[i].steps);
		free(schema->types[i].branches);
		free(schema->types[i].symbols);
	}
	free(schema->types);
	for (uint32_t i = 0; i < schema->n_names; i++)
		free(schema->names[i]);
	free(schema->names);
	json_decref(schema->json);
	free(schema);
}

const char *schema_type_text(const struct schema *schema, uint32_t type, char *buffer, size_t size)
{
	const struct schema_type *t = &schema->types[type];
	size_t at;

	if (t->kind != SCHEMA_UNION) {
		snprintf(buffer, size, "%s%s%s%s%s%s", kind_names[t->kind], t->name ? " " : "", t->name ? t->name : "",
			t->logical ? " (" : "", t->logical ? t->logical : "", t->logical ? ")" : "");
		return buffer;
	}
	at = (size_t)snprintf(buffer, size, "a union of ");
	for (uint32_t i = 0; i < t->n_branches && at < size; i++) {
		schema_type_text(schema, t->branches[i], buffer + at, size - at);
		at += strlen(buffer + at);
		if (i + 1 < t->n_branches && at < size)
			at += (size_t)snprintf(buffer + at, size - at, ", ");
	}
	return buffer;
}
