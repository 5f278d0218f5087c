/* Encodes Redis commands; see view.h. */
#include "view.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "processors/json.h"

enum { CONTRACT = 1 };

struct view {
	char *prefix;
	size_t prefix_size;
	struct buf *to;
	uint32_t n;
	/* the command being built: arguments encoded, their number */
	struct buf args;
	uint32_t argc;
	bool open;
	/* the entity's own hash */
	struct buf key, fields, gone;
	uint32_t n_fields, n_gone;
	bool has_hash;
	int64_t as_of, ttl_s;
	uint64_t commit;
};

struct view *view_create(const char *prefix)
{
	struct view *v = calloc(1, sizeof(*v));
	if (!v)
		abort();
	v->prefix_size = strlen(prefix);
	v->prefix = strdup(prefix);
	if (!v->prefix)
		abort();
	return v;
}

void view_destroy(struct view *v)
{
	if (!v)
		return;
	buf_done(&v->args);
	buf_done(&v->key);
	buf_done(&v->fields);
	buf_done(&v->gone);
	free(v->prefix);
	free(v);
}

void view_target(struct view *v, struct buf *to)
{
	v->to = to;
	v->n = 0;
}

uint32_t view_commands(const struct view *v)
{
	return v->n;
}

static void key_text(struct view *v, struct buf *to, const char *name, struct text id)
{
	size_t name_size = strlen(name);
	buf_varint(to, v->prefix_size + 1 + name_size + id.size);
	buf_bytes(to, v->prefix, v->prefix_size);
	buf_u8(to, ':');
	buf_bytes(to, name, name_size);
	buf_bytes(to, id.data, id.size);
}

void view_begin(struct view *v, const char *command)
{
	assert(!v->open);
	v->open = true;
	v->argc = 1;
	buf_clear(&v->args);
	buf_text(&v->args, text_of(command));
}

void view_key(struct view *v, const char *name, struct text id)
{
	key_text(v, &v->args, name, id);
	v->argc++;
}

void view_arg(struct view *v, struct text value)
{
	buf_text(&v->args, value);
	v->argc++;
}

void view_arg_i64(struct view *v, int64_t value)
{
	char s[32];
	view_arg(v, (struct text){ s, (uint32_t)format_i64(s, value) });
}

void view_arg_double(struct view *v, double value)
{
	char s[32];
	view_arg(v, (struct text){ s, (uint32_t)format_double(s, value, 9) });
}

static void command(struct view *v, uint32_t argc, const struct buf *args)
{
	buf_varint(v->to, argc);
	buf_bytes(v->to, args->data, args->size);
	v->n++;
}

void view_end(struct view *v)
{
	assert(v->open);
	v->open = false;
	command(v, v->argc, &v->args);
}

void view_set_json(const struct view_ctx *ctx, const char *name, struct text id, struct text json)
{
	struct view *v = ctx->view;
	view_begin(v, "SET");
	view_key(v, name, id);
	view_arg(v, json);
	if (ctx->ttl_s > 0) {
		view_arg(v, TEXT("EX"));
		view_arg_i64(v, ctx->ttl_s);
	}
	view_end(v);
}

void view_field(struct view *v, const char *name, struct text value)
{
	buf_text(&v->fields, text_of(name));
	buf_text(&v->fields, value);
	v->n_fields++;
}

void view_field_i64(struct view *v, const char *name, int64_t value)
{
	char s[32];
	view_field(v, name, (struct text){ s, (uint32_t)format_i64(s, value) });
}

void view_field_double(struct view *v, const char *name, double value)
{
	if (!isfinite(value)) {
		view_field_none(v, name);
		return;
	}
	char s[32];
	view_field(v, name, (struct text){ s, (uint32_t)format_double(s, value, 6) });
}

static void name_of(struct buf *to, const char *name, struct text of)
{
	size_t name_size = strlen(name);
	buf_varint(to, name_size + 1 + of.size);
	buf_bytes(to, name, name_size);
	buf_u8(to, ':');
	buf_bytes(to, of.data, of.size);
}

void view_field_of(struct view *v, const char *name, struct text of, int64_t value)
{
	char s[32];
	name_of(&v->fields, name, of);
	buf_text(&v->fields, (struct text){ s, (uint32_t)format_i64(s, value) });
	v->n_fields++;
}

void view_field_none(struct view *v, const char *name)
{
	buf_text(&v->gone, text_of(name));
	v->n_gone++;
}

void view_field_none_of(struct view *v, const char *name, struct text of)
{
	name_of(&v->gone, name, of);
	v->n_gone++;
}

void view_entity_begin(struct view *v, const char *hash, struct text id, int64_t as_of, uint64_t commit, int64_t ttl_s)
{
	v->has_hash = hash != NULL;
	v->as_of = as_of;
	v->commit = commit;
	v->ttl_s = ttl_s;
	v->n_fields = v->n_gone = 0;
	buf_clear(&v->fields);
	buf_clear(&v->gone);
	buf_clear(&v->key);
	if (hash)
		key_text(v, &v->key, hash, id);
}

void view_entity_end(struct view *v)
{
	if (!v->has_hash || !(v->n_fields || v->n_gone))
		return;
	uint32_t n = v->n_fields;
	if (n) {
		view_field_i64(v, "v", CONTRACT);
		view_field_i64(v, "as_of", v->as_of);
		view_field_i64(v, "commit", (int64_t)v->commit);
		view_begin(v, "HSET");
		buf_bytes(&v->args, v->key.data, v->key.size);
		buf_bytes(&v->args, v->fields.data, v->fields.size);
		v->argc += 1 + 2 * v->n_fields;
		view_end(v);
	}
	if (v->n_gone) {
		view_begin(v, "HDEL");
		buf_bytes(&v->args, v->key.data, v->key.size);
		buf_bytes(&v->args, v->gone.data, v->gone.size);
		v->argc += 1 + v->n_gone;
		view_end(v);
	}
	if (n && v->ttl_s > 0) {
		view_begin(v, "EXPIRE");
		buf_bytes(&v->args, v->key.data, v->key.size);
		v->argc++;
		view_arg_i64(v, v->ttl_s);
		view_end(v);
	}
}

void view_delete(struct view *v, const char *name, struct text id)
{
	view_begin(v, "UNLINK");
	view_key(v, name, id);
	view_end(v);
}
