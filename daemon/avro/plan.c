/* The compiler of plan.h.
 *
 * Longer than most: one recursive descent over the writer's types (values, records, unions, leaves), whose parts call each other.
 */
#include "daemon/avro/plan.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_OPS 65536

/* One of our fields, on its way to a value of the writer's. */
struct target {
	const struct reader_field *field;
	const char *path; /* of the map, or NULL: the field's own name or an alias */
	uint16_t name;
	bool found;
};

struct level {
	struct target targets[FIELD_TABLE_MAX];
	uint32_t n;
	const char *prefix; /* "" or "lines." */
};

/* Which targets are still to be reached from here, and what is left of their paths ("" = here). */
struct set {
	uint32_t mask;
	const char *rest[FIELD_TABLE_MAX];
};

struct compiler {
	struct plan *plan;
	const struct schema *schema;
	const struct field_map *maps;
	size_t n_maps;
	uint32_t barrier; /* steps before this one are jumped to: nothing is merged into them */
	int rc;           /* first failure; sticky */
	char *error;
	size_t error_size;
};

__attribute__((format(printf, 2, 3))) static void refuse(struct compiler *c, const char *format, ...)
{
	va_list args;

	if (c->rc)
		return;
	va_start(args, format);
	vsnprintf(c->error, c->error_size, format, args);
	va_end(args);
	c->rc = -EINVAL;
}

/* Room for one more element of `size` bytes; NULL and rc set without memory. */
static void *grow(struct compiler *c, void *array, uint32_t n, size_t size)
{
	void *more = realloc(array, (n + 1) * size);

	if (!more) {
		c->rc = -ENOMEM;
		snprintf(c->error, c->error_size, "out of memory");
	}
	return more;
}

#define PUSH(c, array, count, element)                                    \
	do {                                                              \
		void *more_ = grow(c, (array), (count), sizeof *(array)); \
		if (more_) {                                              \
			(array) = more_;                                  \
			(array)[(count)++] = (element);                   \
		}                                                         \
	} while (0)

static uint32_t emit(struct compiler *c, struct op op)
{
	struct plan *plan = c->plan;

	if (plan->n_ops == MAX_OPS)
		refuse(c, "needs a plan of more than %d steps", MAX_OPS);
	if (c->rc)
		return 0;
	if (plan->n_ops == plan->ops_capacity) {
		uint32_t capacity = plan->ops_capacity ? 2 * plan->ops_capacity : 32;
		struct op *ops = realloc(plan->ops, capacity * sizeof *ops);
		if (!ops) {
			c->rc = -ENOMEM;
			snprintf(c->error, c->error_size, "out of memory");
			return 0;
		}
		plan->ops = ops;
		plan->ops_capacity = capacity;
	}
	plan->ops[plan->n_ops] = op;
	return plan->n_ops++;
}

/* The next step is jumped to. */
static uint32_t here(struct compiler *c)
{
	c->barrier = c->plan->n_ops;
	return c->plan->n_ops;
}

static void emit_skip(struct compiler *c, uint32_t type)
{
	const struct schema_type *t = &c->schema->types[type];
	struct plan *plan = c->plan;

	if (!t->fixed_bytes)
		return;
	if (t->fixed_bytes > 0) {
		struct op *last = plan->n_ops > c->barrier ? &plan->ops[plan->n_ops - 1] : NULL;
		if (last && last->code == OP_SKIP_FIXED && last->a + (uint64_t)t->fixed_bytes <= UINT32_MAX)
			last->a += (uint32_t)t->fixed_bytes;
		else
			emit(c, (struct op){ .code = OP_SKIP_FIXED, .a = (uint32_t)t->fixed_bytes });
		return;
	}
	switch (t->kind) {
	case SCHEMA_INT:
	case SCHEMA_LONG:
		emit(c, (struct op){ .code = OP_SKIP_VARINT });
		break;
	case SCHEMA_STRING:
	case SCHEMA_BYTES:
		emit(c, (struct op){ .code = OP_SKIP_BYTES });
		break;
	default:
		emit(c, (struct op){ .code = OP_SKIP, .a = type });
	}
}

static void emit_fail(struct compiler *c, const struct target *t, enum decode_reason reason)
{
	emit(c, (struct op){ .code = OP_FAIL, .name = t->name, .a = reason });
}

/* A null where these were wanted: defaults stand, but not for required ones. */
static void emit_missing(struct compiler *c, const struct level *level, uint32_t mask)
{
	for (uint32_t i = 0; i < level->n; i++)
		if (mask >> i & 1 && level->targets[i].field->flags & FIELD_REQUIRED) {
			emit_fail(c, &level->targets[i], REASON_MISSING_FIELD);
			return;
		}
}

static bool is_text(const struct schema_type *t)
{
	return t->kind == SCHEMA_STRING || (t->kind == SCHEMA_BYTES && !t->logical) || t->kind == SCHEMA_ENUM;
}

static bool is_whole(const struct schema_type *t)
{
	return t->kind == SCHEMA_INT || t->kind == SCHEMA_LONG;
}

/* Can a value of this type, not a union, be read as the field? */
static bool fits(const struct compiler *c, const struct reader_field *field, const struct schema_type *t)
{
	const struct schema_type *items = &c->schema->types[t->items];

	switch (field->type) {
	case FIELD_TEXT:
		return is_text(t);
	case FIELD_LONG:
	case FIELD_INT:
		return is_whole(t);
	case FIELD_TS:
		return is_whole(t) && (!t->logical || !strcmp(t->logical, "timestamp-millis") || (t->kind == SCHEMA_LONG && !strcmp(t->logical, "timestamp-micros")));
	case FIELD_RATING:
		return is_whole(t) || t->kind == SCHEMA_FLOAT || t->kind == SCHEMA_DOUBLE;
	case FIELD_BOOL:
		return t->kind == SCHEMA_BOOLEAN;
	case FIELD_ENUM:
		return t->kind == SCHEMA_ENUM;
	case FIELD_LINES:
		if (t->kind != SCHEMA_ARRAY)
			return false;
		if (items->kind == SCHEMA_RECORD)
			return true;
		for (uint32_t i = 0; items->kind == SCHEMA_UNION && i < items->n_branches; i++)
			if (c->schema->types[items->branches[i]].kind == SCHEMA_RECORD)
				return true;
		return false;
	case FIELD_ATTRIBUTES:
		if (t->kind != SCHEMA_MAP)
			return false;
		if (is_text(items))
			return true;
		for (uint32_t i = 0; items->kind == SCHEMA_UNION && i < items->n_branches; i++)
			if (is_text(&c->schema->types[items->branches[i]]))
				return true;
		return false;
	}
	return false;
}

static const char *wanted(const struct reader_field *field)
{
	switch (field->type) {
	case FIELD_TEXT:
		return "a text (string, bytes or enum)";
	case FIELD_LONG:
	case FIELD_INT:
		return "a whole number (int or long)";
	case FIELD_TS:
		return "a time (long, timestamp-millis or timestamp-micros)";
	case FIELD_RATING:
		return "a number (float, double, int or long)";
	case FIELD_BOOL:
		return "a boolean";
	case FIELD_ENUM:
		return "an enum";
	case FIELD_LINES:
		return "an array of records";
	case FIELD_ATTRIBUTES:
		return "a map of texts";
	}
	return "";
}

static uint32_t emit_values(struct compiler *c, const struct target *t, const struct schema_type *type)
{
	const struct reader_enum *ours = t->field->symbols;
	struct plan *plan = c->plan;
	uint32_t first = plan->n_values;
	bool any = ours->fallback >= 0;

	for (uint32_t i = 0; i < type->n_symbols; i++) {
		int32_t value = ours->fallback;
		for (uint32_t j = 0; j < ours->n_symbols; j++)
			if (!strcmp(ours->symbols[j], type->symbols[i]))
				value = (int32_t)j;
		any |= value >= 0;
		PUSH(c, plan->values, plan->n_values, value);
	}
	if (!any)
		refuse(c, "field \"%s\": enum %s has none of the symbols that are known here (%s, ...)", t->field->name,
			type->name, ours->symbols[0]);
	return first;
}

static void compile_level(struct compiler *c, const struct field_table *reader, const char *prefix, uint32_t type);

/* A value of this type, not a union, that fits. */
static void emit_read(struct compiler *c, struct target *t, uint32_t index)
{
	const struct schema_type *type = &c->schema->types[index];
	const struct reader_field *field = t->field;
	struct plan *plan = c->plan;
	struct op op = { .flags = (uint8_t)field->flags, .offset = field->offset, .has_offset = field->has_offset, .name = t->name };
	uint32_t at, over;

	t->found = true;
	switch (field->type) {
	case FIELD_TEXT:
		op.code = OP_TEXT;
		if (type->kind == SCHEMA_ENUM) {
			op.code = OP_SYMBOL_TEXT;
			op.a = plan->n_symbols;
			op.b = type->n_symbols;
			for (uint32_t i = 0; i < type->n_symbols; i++)
				PUSH(c, plan->symbols, plan->n_symbols, text_of(type->symbols[i]));
		}
		break;
	case FIELD_LONG:
	case FIELD_INT:
		op.code = field->type == FIELD_INT ? OP_INT : OP_LONG;
		op.a = plan->n_ranges;
		op.b = type->kind == SCHEMA_INT;
		PUSH(c, plan->ranges, plan->n_ranges, ((struct range){ field->min, field->max }));
		break;
	case FIELD_TS:
		op.code = OP_TS;
		op.b = type->logical && !strcmp(type->logical, "timestamp-micros") ? 1000 : 1;
		break;
	case FIELD_RATING:
		op.code = OP_RATING;
		op.b = type->kind;
		break;
	case FIELD_BOOL:
		op.code = OP_BOOL;
		break;
	case FIELD_ENUM:
		op.code = OP_ENUM;
		op.a = emit_values(c, t, type);
		op.b = type->n_symbols;
		break;
	case FIELD_LINES:
	case FIELD_ATTRIBUTES:
		op.code = field->type == FIELD_LINES ? OP_LINES : OP_ATTRIBUTES;
		op.a = type->items;
		at = emit(c, op);
		over = emit(c, (struct op){ .code = OP_JUMP });
		if (c->rc)
			return;
		plan->ops[at].b = here(c);
		compile_level(c, field->items, field->type == FIELD_LINES ? "lines." : NULL, type->items);
		emit(c, (struct op){ .code = OP_END });
		if (!c->rc)
			plan->ops[over].a = here(c);
		return;
	}
	emit(c, op);
}

/* Jump table of a union; returns its first index. The entries are filled in by the caller. */
static uint32_t emit_union(struct compiler *c, uint32_t name, uint32_t n)
{
	struct plan *plan = c->plan;
	uint32_t first = plan->n_targets;

	for (uint32_t i = 0; i < n; i++)
		PUSH(c, plan->targets, plan->n_targets, 0u);
	emit(c, (struct op){ .code = OP_UNION, .name = (uint16_t)name, .a = first, .b = n });
	return first;
}

/* Ends branch i: jumps are chained through `a` until the union's end is known. */
static void end_branch(struct compiler *c, uint32_t *chain)
{
	uint32_t at = emit(c, (struct op){ .code = OP_JUMP, .a = *chain });

	if (!c->rc)
		*chain = at;
}

static void end_union(struct compiler *c, uint32_t chain)
{
	uint32_t end = here(c);

	while (!c->rc && chain != UINT32_MAX) {
		uint32_t next = c->plan->ops[chain].a;
		c->plan->ops[chain].a = end;
		chain = next;
	}
}

/* A union of null and one type that fits, for a field that one step reads. */
static void emit_or_null(struct compiler *c, struct target *t, uint32_t other, uint32_t null)
{
	uint32_t at;

	if (t->field->type == FIELD_TEXT && c->schema->types[other].kind != SCHEMA_ENUM) {
		t->found = true;
		emit(c, (struct op){ .code = OP_TEXT_OR_NULL, .flags = (uint8_t)t->field->flags, .offset = t->field->offset, .name = t->name, .a = null });
		return;
	}
	at = emit(c, (struct op){ .code = OP_OR_NULL, .name = t->name, .a = null });
	emit_read(c, t, other);
	assert(c->rc || c->plan->n_ops == at + 2);
	here(c);
}

/* The value here is the field. */
static void compile_read(struct compiler *c, const struct level *level, struct target *t, uint32_t index)
{
	const struct schema_type *types = c->schema->types, *type = &types[index];
	uint32_t n_fit = 0, chain = UINT32_MAX, first;
	char buffer[300];

	if (type->kind != SCHEMA_UNION && fits(c, t->field, type)) {
		emit_read(c, t, index);
		return;
	}
	for (uint32_t i = 0; i < type->n_branches; i++)
		n_fit += fits(c, t->field, &types[type->branches[i]]);
	if (!n_fit) {
		refuse(c, "field \"%s%s\": the writer has %s%s%s, which cannot be read as %s", level->prefix ? level->prefix : "",
			t->field->name, t->path ? t->path : "", t->path ? ": " : "",
			schema_type_text(c->schema, index, buffer, sizeof(buffer)), wanted(t->field));
		return;
	}
	if (type->n_branches == 2 && !(t->field->flags & FIELD_REQUIRED) && !t->field->items) {
		uint32_t null = types[type->branches[0]].kind == SCHEMA_NULL ? 0 : 1;
		if (types[type->branches[null]].kind == SCHEMA_NULL) {
			emit_or_null(c, t, type->branches[1 - null], null);
			return;
		}
	}
	first = emit_union(c, t->name, type->n_branches);
	for (uint32_t i = 0; i < type->n_branches && !c->rc; i++) {
		const struct schema_type *branch = &types[type->branches[i]];
		c->plan->targets[first + i] = here(c);
		if (fits(c, t->field, branch))
			emit_read(c, t, type->branches[i]);
		else if (branch->kind != SCHEMA_NULL)
			emit_fail(c, t, REASON_TYPE_MISMATCH);
		else if (t->field->flags & FIELD_REQUIRED)
			emit_fail(c, t, REASON_MISSING_FIELD);
		end_branch(c, &chain);
	}
	end_union(c, chain);
}

static size_t segment(const char *path)
{
	return strcspn(path, ".");
}

/* How well a writer's field answers to a target: 0 not at all, 1 by the writer's alias, 2 by ours, 3 by name. */
static int answers(const struct target *t, const char *rest, const struct schema_field *field)
{
	size_t n = segment(rest), i;
	json_t *each;

	if (strlen(field->name) == n && !memcmp(field->name, rest, n))
		return 3;
	if (t->path)
		return 0;
	if (t->field->alias && !strcmp(field->name, t->field->alias))
		return 2;
	json_array_foreach(field->aliases, i, each) if (json_is_string(each) && !strcmp(json_string_value(each), t->field->name)) return 1;
	return 0;
}

static void compile_value(struct compiler *c, struct level *level, uint32_t type, const struct set *set, uint32_t depth);

static void compile_record(struct compiler *c, struct level *level, uint32_t index, const struct set *set, uint32_t depth)
{
	const struct schema_type *type = &c->schema->types[index];
	uint32_t chosen[FIELD_TABLE_MAX], missing = 0;

	for (uint32_t i = 0; i < level->n; i++) {
		int best = 0;
		chosen[i] = UINT32_MAX;
		for (uint32_t f = 0; set->mask >> i & 1 && f < type->n_fields; f++) {
			int score = answers(&level->targets[i], set->rest[i], &type->fields[f]);
			if (score > best) {
				best = score;
				chosen[i] = f;
			}
		}
		if (set->mask >> i & 1 && !best)
			missing |= 1u << i;
	}
	emit_missing(c, level, missing);
	for (uint32_t f = 0; f < type->n_fields && !c->rc; f++) {
		struct set inner = { 0 };
		for (uint32_t i = 0; i < level->n; i++) {
			if (chosen[i] != f)
				continue;
			size_t n = level->targets[i].path ? segment(set->rest[i]) : strlen(set->rest[i]);
			inner.mask |= 1u << i;
			inner.rest[i] = set->rest[i] + n + (set->rest[i][n] == '.');
		}
		compile_value(c, level, type->fields[f].type, &inner, depth + 1);
	}
}

/* Paths go on below this value. */
static void compile_deeper(struct compiler *c, struct level *level, uint32_t index, const struct set *set, uint32_t depth)
{
	const struct schema_type *types = c->schema->types, *type = &types[index];
	uint32_t chain = UINT32_MAX, first;
	bool any = type->kind == SCHEMA_RECORD;
	char buffer[300];

	for (uint32_t i = 0; type->kind == SCHEMA_UNION && i < type->n_branches; i++)
		any |= types[type->branches[i]].kind == SCHEMA_RECORD;
	if (!any) {
		const struct target *t = &level->targets[__builtin_ctz(set->mask)];
		refuse(c, "field \"%s%s\": the path %s goes on at \"%s\", but what is there is %s, not a record",
			level->prefix ? level->prefix : "", t->field->name, t->path ? t->path : t->field->name,
			set->rest[__builtin_ctz(set->mask)], schema_type_text(c->schema, index, buffer, sizeof(buffer)));
		return;
	}
	if (type->kind == SCHEMA_RECORD) {
		compile_record(c, level, index, set, depth);
		return;
	}
	first = emit_union(c, level->targets[__builtin_ctz(set->mask)].name, type->n_branches);
	for (uint32_t i = 0; i < type->n_branches && !c->rc; i++) {
		c->plan->targets[first + i] = here(c);
		if (types[type->branches[i]].kind == SCHEMA_RECORD) {
			compile_record(c, level, type->branches[i], set, depth);
		} else {
			emit_missing(c, level, set->mask);
			emit_skip(c, type->branches[i]);
		}
		end_branch(c, &chain);
	}
	end_union(c, chain);
}

static void compile_value(struct compiler *c, struct level *level, uint32_t type, const struct set *set, uint32_t depth)
{
	struct set deeper = *set;
	uint32_t leaves = 0;

	if (c->rc)
		return;
	if (depth >= PLAN_SLOTS) {
		refuse(c, "needs a path of more than %d names", PLAN_SLOTS - 1);
		return;
	}
	if (!set->mask) {
		emit_skip(c, type);
		return;
	}
	for (uint32_t i = 0; i < level->n; i++)
		if (set->mask >> i & 1 && !*set->rest[i])
			leaves |= 1u << i;
	deeper.mask &= ~leaves;
	/* several wishes for one value: it is read again for each */
	while (leaves && !c->rc) {
		uint32_t i = (uint32_t)__builtin_ctz(leaves);
		leaves &= leaves - 1;
		bool again = leaves || deeper.mask;
		if (again)
			emit(c, (struct op){ .code = OP_MARK, .a = depth });
		compile_read(c, level, &level->targets[i], type);
		if (again)
			emit(c, (struct op){ .code = OP_REWIND, .a = depth });
	}
	if (deeper.mask)
		compile_deeper(c, level, type, &deeper, depth);
}

static bool is_path(const char *path)
{
	size_t names = 1;

	if (!*path)
		return false;
	for (const char *p = path; *p; p++) {
		names += *p == '.';
		if (*p == '.' && (p == path || p[-1] == '.' || !p[1]))
			return false;
	}
	return names < PLAN_SLOTS;
}

static void compile_level(struct compiler *c, const struct field_table *reader, const char *prefix, uint32_t type)
{
	struct level level = { .prefix = prefix };
	struct set set = { 0 };
	bool value = !prefix; /* an attribute: the value itself, no field of a record */
	char buffer[300];

	for (uint32_t i = 0; i < reader->n_fields && !c->rc; i++) {
		struct target *t = &level.targets[level.n++];
		*t = (struct target){ .field = &reader->fields[i], .name = (uint16_t)c->plan->n_names };
		PUSH(c, c->plan->names, c->plan->n_names, reader->fields[i].name);
		for (size_t m = 0; prefix && m < c->n_maps; m++)
			if (!strncmp(c->maps[m].field, prefix, strlen(prefix)) &&
				!strcmp(c->maps[m].field + strlen(prefix), t->field->name))
				t->path = c->maps[m].path;
		set.mask |= 1u << i;
		set.rest[i] = value ? "" : t->path ? t->path
						   : t->field->name;
	}
	if (!c->rc && !value && c->schema->types[type].kind != SCHEMA_RECORD && c->schema->types[type].kind != SCHEMA_UNION)
		refuse(c, "is %s at its top, not a record", schema_type_text(c->schema, type, buffer, sizeof(buffer)));
	if (value)
		compile_value(c, &level, type, &set, 0);
	else if (!c->rc)
		compile_deeper(c, &level, type, &set, 0);
	for (uint32_t i = 0; i < level.n && !c->rc; i++) {
		const struct target *t = &level.targets[i];
		if (t->found)
			continue;
		if (t->path)
			refuse(c, "field \"%s%s\": the writer has nothing at map.%s%s = %s", prefix ? prefix : "", t->field->name,
				prefix ? prefix : "", t->field->name, t->path);
		else if (t->field->flags & FIELD_REQUIRED)
			refuse(c, "field \"%s%s\": required (%s), but the writer has no field of this name; map.%s%s = PATH names another",
				prefix ? prefix : "", t->field->name, wanted(t->field), prefix ? prefix : "", t->field->name);
	}
}

static bool has_field(const struct field_table *reader, const char *name)
{
	for (uint32_t i = 0; i < reader->n_fields; i++) {
		const struct reader_field *f = &reader->fields[i];
		size_t n = strlen(f->name);
		if (!strcmp(f->name, name))
			return true;
		if (f->type == FIELD_LINES && !strncmp(f->name, name, n) && name[n] == '.' && has_field(f->items, name + n + 1))
			return true;
	}
	return false;
}

static bool starts_with_text(const struct schema *s)
{
	const struct schema_type *t = &s->types[s->root];

	while (t->kind == SCHEMA_RECORD && t->n_fields)
		t = &s->types[t->fields[0].type];
	return t->kind == SCHEMA_STRING;
}

int plan_compile(const struct field_table *reader, struct schema *schema, const struct field_map *maps, size_t n_maps,
	struct plan **ret_plan, char *error, size_t error_size)
{
	struct compiler c = { .schema = schema, .maps = maps, .n_maps = n_maps, .error = error, .error_size = error_size };

	c.plan = calloc(1, sizeof *c.plan);
	if (!c.plan) {
		snprintf(error, error_size, "out of memory");
		return -ENOMEM;
	}
	PUSH(&c, c.plan->names, c.plan->n_names, NULL);
	for (size_t i = 0; i < n_maps; i++) {
		if (!has_field(reader, maps[i].field))
			refuse(&c, "map.%s: a %s has no such field", maps[i].field, reader->name);
		if (!is_path(maps[i].path))
			refuse(&c, "map.%s: \"%s\" is not a path of 1 to %d names joined by dots", maps[i].field, maps[i].path,
				PLAN_SLOTS - 1);
	}
	compile_level(&c, reader, "", schema->root);
	emit(&c, (struct op){ .code = OP_END });
	if (c.rc) {
		plan_destroy(c.plan);
		return c.rc;
	}
	c.plan->starts_with_text = starts_with_text(schema);
	c.plan->schema = schema;
	*ret_plan = c.plan;
	return 0;
}

void plan_destroy(struct plan *plan)
{
	if (!plan)
		return;
	schema_destroy(plan->schema);
	free(plan->ops);
	free(plan->names);
	free(plan->ranges);
	free(plan->values);
	free(plan->symbols);
	free(plan->targets);
	free(plan);
}
