/* Reading Redis: one blocking connection, commands by argument list, and what people see of the values.
 *
 * Keys are made with the configured prefix. hiredis 0.14 keeps an error for good, so the first failure ends the connection.
 * Called by glintctl's commands.
 */
#ifndef GLINT_CTL_REDIS_H
#define GLINT_CTL_REDIS_H

#include <hiredis/hiredis.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ctl/ctl.h"

struct redis {
	struct ctl *ctl;
	redisContext *context; /* NULL: closed */
	int code;              /* exit code once something failed; it has been said */
};

/* Connects, authenticates, selects. False: said on standard error, redis.code is the exit code. */
bool redis_open(struct redis *r, struct ctl *ctl);
void redis_close(struct redis *r);

/* A command of texts. NULL: failed, said, r->code is set. An error reply counts as a failure. */
#define redis_ask(r, ...) redis_ask_list(r, (const char *[]){ __VA_ARGS__ }, (int)(sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *)))
redisReply *redis_ask_list(struct redis *r, const char **argv, int argc);

/* "<prefix>:<name><id>" in a buffer of the caller's, cut if too long; returns it. */
#define REDIS_KEY_BYTES 2048
const char *redis_key(const struct redis *r, char to[REDIS_KEY_BYTES], const char *name, const char *id);

/* A string's text, NULL when there is no such key. The caller frees. Check r->code. */
char *redis_get(struct redis *r, const char *key);

/* The whole hash as an object of strings in the order of their names; empty when there is none. NULL: failed. */
json_t *redis_hash(struct redis *r, const char *key);

/* The greatest of a sorted set, as an array of {"<member>": name, "score": number}. NULL: failed. */
json_t *redis_top(struct redis *r, const char *key, int n, const char *member);

/* Entries of a stream's reply (XRANGE and kin) as an array of objects, each with "stream_id" first. */
json_t *redis_entries(const redisReply *reply);

/* Keys that match "<prefix>:<pattern>", sorted by name (numbers in them by value), without prefix and colon; an array of strings.
 * NULL: failed. */
json_t *redis_keys(struct redis *r, const char *pattern);

/* Prints an array of objects as a table, columns in the order in which they first appear, objects inside spread into columns of
 * their own. */
void json_table(const struct ctl *ctl, const json_t *array);

/* Prints an object's members one a line, names left. */
void json_fields(const struct ctl *ctl, const json_t *object);

/* A value as both show it; borrowed from the value or written to `to`. */
const char *json_value_text(const json_t *value, char *to, size_t size);

/* Prints one JSON value and a line end. */
void json_print(const json_t *value);

/* ms since 1970 as local "2025-11-22 02:30:00". */
void time_text(int64_t ms, char *to, size_t size);

#endif
