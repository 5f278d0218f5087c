/* Batches as commands: see redis_batch.h. */
#include "redis_batch.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "redis_connection.h"

#define ALERT_MEMBERS_MAX 64
#define ALERT_HEAD 5 /* stream id, alert id, JSON, state, item to block */

struct batch *batch_create(void)
{
	struct batch *b = calloc(1, sizeof(*b));
	if (!b)
		abort();
	return b;
}

void batch_reset(struct batch *b)
{
	struct batch fresh = { .commands = b->commands, .status = b->status, .reply = b->reply };
	*b = fresh;
	buf_clear(&b->commands);
	buf_clear(&b->status);
	buf_clear(&b->reply);
}

void batch_destroy(struct batch *b)
{
	if (!b)
		return;
	buf_done(&b->commands);
	buf_done(&b->status);
	buf_done(&b->reply);
	free(b);
}

void parts_done(struct parts *p)
{
	free(p->part);
	buf_done(&p->flat);
	*p = (struct parts){ 0 };
}

static struct part *parts_add(struct parts *p, size_t at)
{
	if (p->n == p->capacity) {
		p->capacity = p->capacity ? p->capacity * 2 : 4;
		p->part = realloc(p->part, p->capacity * sizeof(*p->part));
		if (!p->part)
			abort();
	}
	p->part[p->n] = (struct part){ .at = at };
	return &p->part[p->n++];
}

static struct text json_scalar(json_t *v, char *number, size_t size, char **ret_owned)
{
	switch (json_typeof(v)) {
	case JSON_STRING:
		return (struct text){ json_string_value(v), (uint32_t)json_string_length(v) };
	case JSON_INTEGER:
		return (struct text){ number, (uint32_t)snprintf(number, size, "%" JSON_INTEGER_FORMAT, json_integer_value(v)) };
	case JSON_TRUE:
		return TEXT("true");
	case JSON_FALSE:
		return TEXT("false");
	case JSON_NULL:
		return (struct text){ 0 };
	default: /* a real as jansson writes it, whatever the locale; arrays and objects */
		*ret_owned = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
		if (!*ret_owned)
			abort();
		return text_of(*ret_owned);
	}
}

static struct text json_member(json_t *object, const char *name)
{
	json_t *v = json_object_get(object, name);
	return json_is_string(v) ? (struct text){ json_string_value(v), (uint32_t)json_string_length(v) } : (struct text){ 0 };
}

/* One alert as argc and arguments; false: not an alert. */
static bool alert_flatten(int64_t offset, struct text json, struct buf *to)
{
	json_t *alert = json_loadb(json.data, json.size, JSON_REJECT_DUPLICATES, NULL);
	struct text id = { 0 }, state = { 0 }, scope = { 0 }, item = TEXT("");
	char number[32];
	uint64_t n = 0;
	const char *name;
	json_t *value;

	if (json_is_object(alert) && json_object_size(alert) <= ALERT_MEMBERS_MAX) {
		id = json_member(alert, "id");
		state = json_member(alert, "state");
		scope = json_member(alert, "scope");
	}
	if (!id.size || !state.size || offset < 0) {
		json_decref(alert);
		return false;
	}
	if (text_equal(json_member(alert, "severity"), TEXT("high")) && scope.size > 5 && !memcmp(scope.data, "item:", 5))
		item = (struct text){ scope.data + 5, scope.size - 5 };
	json_object_foreach(alert, name, value)
		n += !json_is_null(value);

	buf_varint(to, ALERT_HEAD + 2 * n);
	buf_text(to, (struct text){ number, (uint32_t)snprintf(number, sizeof(number), "%lld-0", (long long)offset + 1) });
	buf_text(to, id);
	buf_text(to, json);
	buf_text(to, state);
	buf_text(to, item);
	json_object_foreach(alert, name, value)
	{
		char *owned = NULL;
		struct text text = json_scalar(value, number, sizeof(number), &owned);
		if (text.data) {
			buf_text(to, text_of(name));
			buf_text(to, text);
		}
		free(owned);
	}
	json_decref(alert);
	return true;
}

static int alerts_flatten(struct parts *p, const struct batch *b)
{
	struct reader r = reader_of(b->commands.data, b->commands.size);
	buf_clear(&p->flat);
	while (reader_left(&r)) {
		int64_t offset = reader_i64(&r);
		struct text json = reader_text(&r);
		if (r.bad)
			return -EBADMSG;
		if (!alert_flatten(offset, json, &p->flat))
			p->n_refused++;
	}
	p->source = &p->flat;
	return 0;
}

/* Reads over one command; its argc, or 0 when broken. */
static uint64_t command_skip(struct reader *r)
{
	uint64_t argc = reader_varint(r);
	for (uint64_t i = 0; i < argc && !r->bad; i++)
		reader_text(r);
	return r->bad ? 0 : argc;
}

/* The batch's commands but those with too many arguments. */
static void views_copy(struct parts *p, const struct batch *b)
{
	struct reader r = reader_of(b->commands.data, b->commands.size);
	buf_clear(&p->flat);
	p->n_refused = 0;
	while (reader_left(&r)) {
		const uint8_t *start = r.at;
		if (command_skip(&r) > PUBLISHER_COMMAND_ARGUMENTS_MAX)
			p->n_refused++;
		else
			buf_bytes(&p->flat, start, (size_t)(r.at - start));
	}
	p->source = &p->flat;
}

static int source_cut(struct parts *p)
{
	struct reader r = reader_of(p->source->data, p->source->size);
	struct part *part = NULL;
	p->n = 0;
	while (reader_left(&r)) {
		size_t at = (size_t)(r.at - p->source->data);
		uint64_t argc = command_skip(&r);
		size_t size = (size_t)(r.at - p->source->data) - at;
		if (!argc)
			return -EBADMSG;
		if (argc > PUBLISHER_COMMAND_ARGUMENTS_MAX)
			return -E2BIG;
		if (!part || part->n_commands >= PART_COMMANDS || part->size + size > PART_BYTES ||
			part->n_arguments + argc + 1 > PART_ARGUMENTS)
			part = parts_add(p, at);
		part->size += size;
		part->n_commands++;
		part->n_arguments += argc + 1;
	}
	if (!part)
		parts_add(p, 0);
	return 0;
}

int parts_cut(struct parts *p, const struct batch *b)
{
	struct reader status = reader_of(b->status.data, b->status.size);
	int r = 0;
	p->n = 0;
	p->n_refused = 0;
	p->source = &b->commands;
	for (uint32_t i = 0; i < b->n_status; i++)
		reader_text(&status);
	if (status.bad || reader_left(&status) || b->n_status % 2 || b->n_status > PUBLISHER_COMMAND_ARGUMENTS_MAX)
		return -EBADMSG;
	if (b->kind == BATCH_ALERTS)
		r = alerts_flatten(p, b);
	else if (b->kind != BATCH_VIEWS) {
		parts_add(p, 0);
		return 0;
	}
	if (!r)
		r = source_cut(p);
	if (r == -E2BIG) {
		views_copy(p, b);
		r = source_cut(p);
	}
	return r;
}

static void key(struct buf *out, const char *prefix, const char *name, const char *task)
{
	char text[512]; /* as the publisher's other keys; the configuration bounds the prefix */
	redis_argument(out, (struct text){ text, (uint32_t)snprintf(text, sizeof(text), "%s%s%s", prefix, name, task) });
}

static void arguments(struct buf *out, struct reader *r, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		redis_argument(out, reader_text(r));
}

void redis_task_key(struct buf *out, const char *prefix, const char *task)
{
	key(out, prefix, ":task:", task);
}

void parts_write_script(const struct parts *p, unsigned i, const struct batch *b, const char *prefix, const char *sha, uint64_t seq,
	uint64_t alerts_kept, struct buf *out)
{
	const struct part *part = &p->part[i];
	const bool alerts = b->kind == BATCH_ALERTS;
	const uint64_t n_status = i + 1 == p->n ? b->n_status : 0;
	const uint64_t n_keys = alerts ? 4 : 1;

	redis_command(out, 3 + n_keys + 2 + (alerts ? 2 + n_status + part->n_arguments : 0));
	redis_argument(out, TEXT("EVALSHA"));
	redis_argument(out, (struct text){ sha, 40 });
	redis_argument_u64(out, n_keys);
	key(out, prefix, ":task:", b->task);
	if (alerts) {
		key(out, prefix, ":alerts", "");
		key(out, prefix, ":alerts:active", "");
		key(out, prefix, ":blocked", "");
	}
	redis_argument_u64(out, b->epoch);
	redis_argument_u64(out, seq);
	if (!alerts)
		return;
	redis_argument_u64(out, n_status);
	struct reader r = reader_of(b->status.data, b->status.size);
	arguments(out, &r, n_status);
	redis_argument_u64(out, alerts_kept);
	r = reader_of(p->source->data ? p->source->data + part->at : NULL, part->size);
	for (uint32_t n = 0; n < part->n_commands; n++) {
		uint64_t argc = reader_varint(&r);
		redis_argument_u64(out, argc);
		arguments(out, &r, argc);
	}
}

unsigned parts_write_views(const struct parts *p, unsigned i, const struct batch *b, const char *prefix, uint64_t seq, struct buf *out)
{
	const struct part *part = &p->part[i];
	const uint64_t n_status = i + 1 == p->n ? b->n_status : 0;
	struct reader r = reader_of(p->source->data ? p->source->data + part->at : NULL, part->size);
	const uint32_t n_commands = part->left_out ? 0 : part->n_commands;
	for (uint32_t n = 0; n < n_commands; n++) {
		uint64_t argc = reader_varint(&r);
		redis_command(out, argc);
		arguments(out, &r, argc);
	}
	redis_command(out, 4 + n_status);
	redis_argument(out, TEXT("HSET"));
	redis_task_key(out, prefix, b->task);
	redis_argument(out, TEXT("seq"));
	redis_argument_u64(out, seq);
	r = reader_of(b->status.data, b->status.size);
	arguments(out, &r, n_status);
	return n_commands;
}
