#include "daemon/kafka/control.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <strings.h>

static int bad(char *error, size_t size, const char *sentence)
{
	if (error)
		snprintf(error, size, "%s", sentence);
	return -EBADMSG;
}

static int members(enum key_kind kind, const json_t *o, struct control *c, char *error, size_t size)
{
	const json_t *v = json_object_get(o, "v"), *exclude = json_object_get(o, "exclude"), *boost = json_object_get(o, "boost"),
		     *pin = json_object_get(o, "pin"), *ts = json_object_get(o, "ts"), *note = json_object_get(o, "note");
	if (!json_is_integer(v) || json_integer_value(v) != 1)
		return bad(error, size, "v must be 1");
	if (exclude && !json_is_boolean(exclude))
		return bad(error, size, "exclude must be true or false");
	if (boost && !(json_is_number(boost) && json_number_value(boost) >= .01 && json_number_value(boost) <= 100))
		return bad(error, size, "boost must be between 0.01 and 100");
	if (pin && !(kind == KEY_ITEM && json_is_integer(pin) && json_integer_value(pin) >= 0 && json_integer_value(pin) < CONTROL_PLACES))
		return bad(error, size, kind == KEY_ITEM ? "pin must be a place between 0 and 99" : "only items can be pinned");
	if (ts && !json_is_integer(ts))
		return bad(error, size, "ts must be milliseconds");
	if (note && !(json_is_string(note) && json_string_length(note) <= CONTROL_NOTE_BYTES))
		return bad(error, size, "note must be a text of at most 500 bytes");
	*c = (struct control){ .exclude = json_is_true(exclude), .boost = boost ? json_number_value(boost) : 1, .pin = pin ? (int)json_integer_value(pin) : -1 };
	return 0;
}

int control_parse(enum key_kind kind, struct text json, struct control *ret, char *error, size_t size)
{
	json_error_t why;
	json_t *o = json_loadb(json.data ? json.data : "", json.size, JSON_REJECT_DUPLICATES, &why);
	int rc = json_is_object(o) ? members(kind, o, ret, error, size) : bad(error, size, "not a JSON object");
	json_decref(o);
	return rc;
}

int control_scope(struct text scope, enum key_kind *ret_kind, struct text *ret_id)
{
	static const enum key_kind kinds[] = { KEY_ITEM, KEY_CATEGORY, KEY_BRAND };
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		uint32_t n = (uint32_t)strlen(key_kind_names[kinds[i]]);
		if (scope.size < n + 2 || memcmp(scope.data, key_kind_names[kinds[i]], n) != 0 || scope.data[n] != ':')
			continue;
		*ret_kind = kinds[i];
		*ret_id = (struct text){ scope.data + n + 1, scope.size - n - 1 };
		return 0;
	}
	return -EBADMSG;
}

int control_scope_given(const char *argument, enum key_kind *ret_kind, struct text *ret_id, char *error, size_t size)
{
	static const char *const taken[] = { "item", "category", "brand", "campaign", "aspect", "user" };
	size_t kind = strcspn(argument, ":");
	if (control_scope(text_of(argument), ret_kind, ret_id) == 0)
		return 0;
	if (!*argument || (argument[kind] && !argument[kind + 1])) {
		snprintf(error, size, "'%s' names nothing: a scope is item:ID, category:NAME or brand:NAME", argument);
		return -EBADMSG;
	}
	for (size_t i = 0; argument[kind] && i < sizeof(taken) / sizeof(taken[0]); i++)
		if (strlen(taken[i]) == kind && !strncasecmp(argument, taken[i], kind)) {
			snprintf(error, size, "there is no scope '%s': a scope is item:ID, category:NAME or brand:NAME, and the item of this id item:%s", argument, argument);
			return -EBADMSG;
		}
	*ret_kind = KEY_ITEM;
	*ret_id = text_of(argument);
	return 0;
}
