/* Reads Redis for glintctl. See redis.h. */
#include "ctl/redis.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl/table.h"
#include "daemon/config/config.h"

static void fail(struct redis *r, const char *what)
{
	r->code = ctl_fail(r->ctl, EX_UNAVAILABLE, "Redis at %s: %s", r->ctl->config->redis.where, what);
}

bool redis_open(struct redis *r, struct ctl *ctl)
{
	const struct config_redis *c = &ctl->config->redis;
	struct timeval connect = { c->connect_timeout_ms / 1000, c->connect_timeout_ms % 1000 * 1000 };
	struct timeval timeout = { c->timeout_ms / 1000, c->timeout_ms % 1000 * 1000 };
	char db[16];
	redisReply *reply = NULL;

	*r = (struct redis){ .ctl = ctl };
	r->context = c->unix_path ? redisConnectUnixWithTimeout(c->unix_path, connect) : redisConnectWithTimeout(c->host, c->port, connect);
	if (!r->context || r->context->err) {
		fail(r, r->context ? r->context->errstr : "out of memory");
		redis_close(r);
		return false;
	}
	redisSetTimeout(r->context, timeout);
	if (c->password && c->user)
		reply = redis_ask(r, "AUTH", c->user, c->password);
	else if (c->password)
		reply = redis_ask(r, "AUTH", c->password);
	if (reply)
		freeReplyObject(reply);
	snprintf(db, sizeof(db), "%d", c->db);
	if (!r->code && c->db && (reply = redis_ask(r, "SELECT", db)))
		freeReplyObject(reply);
	if (r->code)
		redis_close(r);
	return !r->code;
}

void redis_close(struct redis *r)
{
	if (r->context)
		redisFree(r->context);
	r->context = NULL;
}

redisReply *redis_ask_list(struct redis *r, const char **argv, int argc)
{
	if (!r->context || r->context->err)
		return NULL;
	redisReply *reply = redisCommandArgv(r->context, argc, argv, NULL);
	if (!reply) {
		fail(r, r->context->err == REDIS_ERR_IO && (errno == EAGAIN || errno == EWOULDBLOCK) ? "no answer in time" : r->context->errstr);
		return NULL;
	}
	if (reply->type == REDIS_REPLY_ERROR) {
		fail(r, reply->str);
		freeReplyObject(reply);
		return NULL;
	}
	return reply;
}

const char *redis_key(const struct redis *r, char to[REDIS_KEY_BYTES], const char *name, const char *id)
{
	snprintf(to, REDIS_KEY_BYTES, "%s:%s%s", r->ctl->config->redis.prefix, name, id ? id : "");
	return to;
}

char *redis_get(struct redis *r, const char *key)
{
	redisReply *reply = redis_ask(r, "GET", key);
	char *text = reply && reply->type == REDIS_REPLY_STRING ? strndup(reply->str, reply->len) : NULL;
	if (reply)
		freeReplyObject(reply);
	return text;
}

static json_t *text_of_reply(const redisReply *reply)
{
	if (reply->type == REDIS_REPLY_INTEGER)
		return json_integer(reply->integer);
	if (!reply->str)
		return json_null();
	json_t *text = json_stringn(reply->str, reply->len);
	return text ? text : json_string("(not UTF-8)");
}

/* Names and values by turns into an object. */
static void take_pairs(json_t *object, const redisReply *reply)
{
	for (size_t i = 0; i + 1 < reply->elements; i += 2)
		if (json_object_set_new(object, reply->element[i]->str, text_of_reply(reply->element[i + 1])))
			continue; /* a name that is not UTF-8 */
}

static int by_name(const void *a, const void *b)
{
	return strverscmp(*(const char *const *)a, *(const char *const *)b);
}

json_t *redis_hash(struct redis *r, const char *key)
{
	redisReply *reply = redis_ask(r, "HGETALL", key);
	if (!reply)
		return NULL;
	json_t *all = json_object(), *sorted = json_object();
	take_pairs(all, reply);
	freeReplyObject(reply);
	size_t n = 0;
	const char **names = calloc(json_object_size(all) + 1, sizeof(*names)), *name;
	json_t *value;
	json_object_foreach(all, name, value) if (names)
		names[n++] = name;
	if (n)
		qsort((void *)names, n, sizeof(*names), by_name);
	for (size_t i = 0; i < n; i++)
		json_object_set(sorted, names[i], json_object_get(all, names[i]));
	free((void *)names);
	json_decref(all);
	return sorted;
}

json_t *redis_top(struct redis *r, const char *key, int n, const char *member)
{
	char last[16];
	snprintf(last, sizeof(last), "%d", n - 1);
	redisReply *reply = redis_ask(r, "ZREVRANGE", key, "0", last, "WITHSCORES");
	if (!reply)
		return NULL;
	json_t *list = json_array();
	for (size_t i = 0; i + 1 < reply->elements; i += 2) {
		json_t *row = json_object();
		json_object_set_new(row, member, text_of_reply(reply->element[i]));
		json_object_set_new(row, "score", json_real(strtod(reply->element[i + 1]->str, NULL)));
		json_array_append_new(list, row);
	}
	freeReplyObject(reply);
	return list;
}

json_t *redis_entries(const redisReply *reply)
{
	json_t *list = json_array();
	for (size_t i = 0; i < reply->elements; i++) {
		const redisReply *entry = reply->element[i];
		if (entry->elements < 2)
			continue;
		json_t *row = json_object();
		json_object_set_new(row, "stream_id", text_of_reply(entry->element[0]));
		take_pairs(row, entry->element[1]);
		json_array_append_new(list, row);
	}
	return list;
}

json_t *redis_keys(struct redis *r, const char *pattern)
{
	char match[REDIS_KEY_BYTES], cursor[32] = "0";
	size_t skip = strlen(r->ctl->config->redis.prefix) + 1;
	json_t *found = json_object(), *list = json_array();

	redis_key(r, match, pattern, NULL);
	do {
		redisReply *reply = redis_ask(r, "SCAN", cursor, "MATCH", match, "COUNT", "1000");
		if (!reply || reply->elements < 2) {
			if (reply)
				freeReplyObject(reply);
			json_decref(found);
			json_decref(list);
			return NULL;
		}
		snprintf(cursor, sizeof(cursor), "%s", reply->element[0]->str);
		for (size_t i = 0; i < reply->element[1]->elements; i++)
			json_object_set_new(found, reply->element[1]->element[i]->str + skip, json_true());
		freeReplyObject(reply);
	} while (strcmp(cursor, "0") != 0);
	size_t n = 0;
	const char **names = calloc(json_object_size(found) + 1, sizeof(*names)), *name;
	json_t *value;
	json_object_foreach(found, name, value) if (names)
		names[n++] = name;
	if (n)
		qsort((void *)names, n, sizeof(*names), by_name);
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_string(names[i]));
	free((void *)names);
	json_decref(found);
	return list;
}

/* --- shown to people --- */

const char *json_value_text(const json_t *value, char *to, size_t size)
{
	switch (json_typeof(value)) {
	case JSON_STRING:
		return json_string_value(value);
	case JSON_INTEGER:
		snprintf(to, size, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		return to;
	case JSON_REAL:
		snprintf(to, size, "%.6g", json_real_value(value));
		return to;
	case JSON_TRUE:
		return "yes";
	case JSON_FALSE:
		return "no";
	case JSON_NULL:
		return "";
	default: {
		size_t n = json_dumpb(value, to, size - 1, JSON_COMPACT);
		to[n < size - 1 ? n : size - 1] = '\0';
		return to;
	}
	}
}

#define COLUMNS_MAX 48

static size_t add_columns(const char **columns, size_t n, const json_t *object)
{
	const char *name;
	json_t *value;
	json_object_foreach((json_t *)(uintptr_t)object, name, value)
	{
		size_t i = 0;
		if (json_is_object(value)) {
			n = add_columns(columns, n, value);
			continue;
		}
		while (i < n && strcmp(columns[i], name) != 0)
			i++;
		if (i == n && n < COLUMNS_MAX)
			columns[n++] = name;
	}
	return n;
}

static const json_t *find_value(const json_t *object, const char *column)
{
	const json_t *value = json_object_get(object, column);
	const char *name;
	json_t *inner;
	if (value && !json_is_object(value))
		return value;
	json_object_foreach((json_t *)(uintptr_t)object, name, inner) if (json_is_object(inner) && (value = find_value(inner, column))) return value;
	return NULL;
}

void json_table(const struct ctl *ctl, const json_t *array)
{
	const char *columns[COLUMNS_MAX + 1];
	size_t n = 0, i;
	json_t *row;
	char text[512];

	json_array_foreach((json_t *)(uintptr_t)array, i, row)
		n = add_columns(columns, n, row);
	columns[n] = NULL;
	struct table *t = table_create(columns);
	json_array_foreach((json_t *)(uintptr_t)array, i, row) for (size_t c = 0; c < n; c++)
	{
		const json_t *value = find_value(row, columns[c]);
		table_cell(t, value ? json_value_text(value, text, sizeof(text)) : "");
	}
	table_print(t, stdout, ctl->width, true);
	table_destroy(t);
}

void json_fields(const struct ctl *ctl, const json_t *object)
{
	struct table *t = table_create((const char *const[]){ "name", "value", NULL });
	const char *name;
	json_t *value;
	char text[512];
	json_object_foreach((json_t *)(uintptr_t)object, name, value)
	{
		table_cell(t, name);
		table_cell(t, json_value_text(value, text, sizeof(text)));
	}
	table_print(t, stdout, ctl->width, false);
	table_destroy(t);
}

void json_print(const json_t *value)
{
	json_dumpf(value, stdout, JSON_COMPACT | JSON_ENCODE_ANY);
	putchar('\n');
}

void time_text(int64_t ms, char *to, size_t size)
{
	time_t t = (time_t)(ms / 1000);
	struct tm tm;
	if (!localtime_r(&t, &tm) || !strftime(to, size, "%F %T", &tm))
		snprintf(to, size, "%lld", (long long)ms);
}
