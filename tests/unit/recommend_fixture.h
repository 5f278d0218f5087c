/* For tests of the recommend processor: events into a shop, and its lists as JSON. */
#ifndef GLINT_TEST_RECOMMEND_FIXTURE_H
#define GLINT_TEST_RECOMMEND_FIXTURE_H

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "daemon/kafka/control.h"
#include "processors/itemsets.h"
#include "processors/lists.h"
#include "shop.h"

static const int64_t hour = 3600000, day = 86400000;
static const int64_t start = INT64_C(472224) * 3600000; /* midnight, 2023-11-15 */

static inline void click(struct shop *s, int64_t ts, const char *user, enum click_action action, const char *item, const char *session)
{
	static int number;
	char id[24];
	snprintf(id, sizeof(id), "c%d", number++);
	struct event e = shop_click(id, ts, user, action, item, session, NULL);
	assert_int_equal(shop_event(s, &e), APPLIED);
}

static inline void buy(struct shop *s, int64_t ts, const char *user, enum purchase_kind kind, const struct order_line *lines, uint32_t n, int64_t discount)
{
	static int number;
	char id[24];
	snprintf(id, sizeof(id), "o%d", number++);
	struct event e = shop_order(id, ts, user, id, lines, n);
	e.purchase.kind = kind;
	e.purchase.discount_minor = discount;
	assert_int_equal(shop_event(s, &e), APPLIED);
}

static inline void stock(struct shop *s, const char *item, const char *category, bool available)
{
	struct event e = { .kind = EVENT_ITEM, .item = { .item_id = text_of(item), .category = text_of(category), .available = available } };
	shop_event(s, &e);
}

/* An available item; colour "" and price 0 are unknown. */
static inline void stock_of(struct shop *s, const char *item, const char *category, const char *brand, const char *colour, int64_t price_minor)
{
	const struct attribute a = { TEXT("colour"), text_of(colour) };
	struct event e = { .kind = EVENT_ITEM, .item = { .item_id = text_of(item), .category = text_of(category), .brand = text_of(brand), .price_minor = price_minor, .available = true, .attributes = &a, .n_attributes = *colour != 0 } };
	shop_event(s, &e);
}

/* The value of the command that begins with `begin`, up to the line's end; NULL when there is none. From malloc. */
static inline char *command(struct shop *s, const char *begin)
{
	const char *at = shop_commands(s), *line = strncmp(at, begin, strlen(begin)) == 0 ? at : NULL;
	char with_newline[128];
	snprintf(with_newline, sizeof(with_newline), "\n%s", begin);
	if (!line && (line = strstr(at, with_newline)))
		line++;
	return line ? strndup(line + strlen(begin), strcspn(line + strlen(begin), "\n")) : NULL;
}

static inline json_t *parsed(char *text) /* gives text away */
{
	assert_non_null(text);
	json_error_t error;
	json_t *j = json_loads(text, JSON_DISABLE_EOF_CHECK | JSON_REJECT_DUPLICATES, &error);
	if (!j)
		fail_msg("%s in %s", error.text, text);
	free(text);
	return j;
}

static inline json_t *list_of(struct shop *s, const char *user)
{
	char begin[64];
	snprintf(begin, sizeof(begin), "SET glint:recs:%s ", user);
	shop_user_view(s, user);
	return parsed(command(s, begin));
}

static inline const char *text_at(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));
	assert_non_null(s);
	return s;
}

static inline double number_at(const json_t *o, const char *name)
{
	assert_true(json_is_number(json_object_get(o, name)));
	return json_number_value(json_object_get(o, name));
}

static inline const json_t *entry_of(const json_t *list, const char *item)
{
	const json_t *items = json_object_get(list, "items");
	for (size_t i = 0; i < json_array_size(items); i++)
		if (strcmp(text_at(json_array_get(items, i), "item"), item) == 0)
			return json_array_get(items, i);
	return NULL;
}

static inline const char *item_at(const json_t *list, size_t i)
{
	return text_at(json_array_get(json_object_get(list, "items"), i), "item");
}

static inline const char *kind_at(const json_t *list, const char *item)
{
	const json_t *entry = entry_of(list, item);
	return entry ? text_at(json_object_get(entry, "why"), "kind") : "none";
}

static inline json_t *explained(struct shop *s, const char *user, const char *item)
{
	struct buf json = { 0 };
	struct view_ctx ctx = { .as_of = s->now_ms, .watermark = s->users[0]->watermark, .symbols = s->engine->symbols, .model = s->engine->model, .scratch = &s->engine->scratch, .user = text_of(user) };
	explain_write(s->settings[P_RECOMMEND], &ctx, shop_user_block(s, user, P_RECOMMEND), symbols_find(s->engine->symbols, text_of(item)), &json);
	char *text = strndup((const char *)json.data, json.size);
	buf_done(&json);
	return parsed(text);
}

/* What people decide: a value of <group>-control; NULL takes it back. */
static inline void decide(struct shop *s, enum key_kind kind, const char *id, const char *json)
{
	struct control c;
	char error[200] = "";
	if (json && control_parse(kind, text_of(json), &c, error, sizeof(error)) < 0)
		fail_msg("%s", error);
	model_control_load(s->engine->model, (struct key){ (uint8_t)kind, symbols_intern(s->engine->symbols, text_of(id)) }, json ? &c : NULL);
}

#endif
