/* Tables of fields.h: the four kinds of event. */
#include "daemon/avro/fields.h"

#include <limits.h>
#include <stddef.h>

#include "glint_schemas.h" /* made from schemas/ *.avsc by the Makefile */

#define LENGTH(a) (sizeof(a) / sizeof *(a))
#define MAX_AMOUNT_MINOR 1000000000000000LL
#define MAX_PRICE_MINOR 10000000000000LL
#define MAX_QUANTITY 1000000000LL

#define AT(member) .offset = offsetof(struct event, member)
#define HAS(member) .has_offset = offsetof(struct event, member)
#define KEY (FIELD_REQUIRED | FIELD_ID | FIELD_NONEMPTY)

#define COMMON                                                                       \
	{ .name = "event_id", .type = FIELD_TEXT, .flags = KEY, AT(event_id) },      \
		{ .name = "ts", .type = FIELD_TS, .flags = FIELD_REQUIRED, AT(ts) }, \
	{                                                                            \
		.name = "user_id", .type = FIELD_TEXT, .flags = KEY, AT(user_id)     \
	}

static const char *const action_symbols[] = { "IMPRESSION", "VIEW", "CLICK", "ADD_TO_CART", "REMOVE_FROM_CART",
	"WISHLIST", "SEARCH" };
static const struct reader_enum actions = { action_symbols, LENGTH(action_symbols), -1 };
_Static_assert(LENGTH(action_symbols) == ACTIONS, "one symbol per action");

static const char *const kind_symbols[] = { "ORDER", "REFUND" };
static const struct reader_enum kinds = { kind_symbols, LENGTH(kind_symbols), -1 };
_Static_assert(LENGTH(kind_symbols) == PURCHASE_KINDS, "one symbol per kind");

static const struct reader_field click_fields[] = {
	COMMON,
	{ .name = "action", .type = FIELD_ENUM, .flags = FIELD_REQUIRED, AT(click.action), .symbols = &actions },
	{ .name = "session_id", .type = FIELD_TEXT, .flags = FIELD_ID, AT(click.session_id) },
	{ .name = "item_id", .type = FIELD_TEXT, .flags = FIELD_ID, AT(click.item_id) },
	{ .name = "campaign_id", .type = FIELD_TEXT, .flags = FIELD_ID, AT(click.campaign_id) },
	{ .name = "query", .type = FIELD_TEXT, AT(click.query) },
	{ .name = "dwell_ms", .type = FIELD_INT, AT(click.dwell_ms), HAS(click.has_dwell_ms), .min = 0, .max = INT32_MAX },
	{ .name = "variant", .type = FIELD_TEXT, .flags = FIELD_ID, AT(click.variant) },
	{ .name = "rec_id", .type = FIELD_TEXT, .flags = FIELD_ID, AT(click.rec_id) },
	{ .name = "position", .type = FIELD_INT, AT(click.position), HAS(click.has_position), .min = 0, .max = INT32_MAX },
	{ .name = "placement", .type = FIELD_TEXT, .flags = FIELD_ID, AT(click.placement) },
	{ .name = "channel", .type = FIELD_TEXT, .flags = FIELD_ID, AT(click.channel) },
};

static const struct reader_field line_fields[] = {
	{ .name = "item_id", .alias = "product_id", .type = FIELD_TEXT, .flags = KEY, .offset = offsetof(struct order_line, item_id) },
	{ .name = "quantity", .type = FIELD_LONG, .flags = FIELD_REQUIRED, .offset = offsetof(struct order_line, quantity), .min = 0, .max = MAX_QUANTITY },
	{ .name = "unit_price_minor", .type = FIELD_LONG, .flags = FIELD_REQUIRED, .offset = offsetof(struct order_line, unit_price_minor), .min = -MAX_PRICE_MINOR, .max = MAX_PRICE_MINOR },
};
static const struct field_table line_reader = { "line", line_fields, LENGTH(line_fields) };

static const struct reader_field purchase_fields[] = {
	COMMON,
	{ .name = "order_id", .type = FIELD_TEXT, .flags = KEY, AT(purchase.order_id) },
	{ .name = "currency", .type = FIELD_TEXT, .flags = FIELD_REQUIRED | FIELD_CURRENCY, AT(purchase.currency) },
	{ .name = "lines", .type = FIELD_LINES, .flags = FIELD_REQUIRED, AT(purchase.lines), HAS(purchase.n_lines), .items = &line_reader },
	{ .name = "kind", .type = FIELD_ENUM, .flags = FIELD_NOT_NULL, AT(purchase.kind), .symbols = &kinds },
	{ .name = "discount_minor", .type = FIELD_LONG, AT(purchase.discount_minor), .min = 0, .max = MAX_AMOUNT_MINOR },
	{ .name = "session_id", .type = FIELD_TEXT, .flags = FIELD_ID, AT(purchase.session_id) },
	{ .name = "campaign_id", .type = FIELD_TEXT, .flags = FIELD_ID, AT(purchase.campaign_id) },
	{ .name = "variant", .type = FIELD_TEXT, .flags = FIELD_ID, AT(purchase.variant) },
	{ .name = "channel", .type = FIELD_TEXT, .flags = FIELD_ID, AT(purchase.channel) },
};

static const struct reader_field review_fields[] = {
	COMMON,
	{ .name = "text", .alias = "body", .type = FIELD_TEXT, .flags = FIELD_REQUIRED, AT(review.text) },
	{ .name = "item_id", .alias = "product_id", .type = FIELD_TEXT, .flags = FIELD_ID, AT(review.item_id) },
	{ .name = "brand", .type = FIELD_TEXT, .flags = FIELD_ID, AT(review.brand) },
	{ .name = "campaign_id", .type = FIELD_TEXT, .flags = FIELD_ID, AT(review.campaign_id) },
	{ .name = "rating", .alias = "stars", .type = FIELD_RATING, AT(review.rating_milli) },
	{ .name = "title", .type = FIELD_TEXT, AT(review.title) },
	{ .name = "lang", .type = FIELD_TEXT, .flags = FIELD_ID, AT(review.lang) },
	{ .name = "source", .type = FIELD_TEXT, .flags = FIELD_ID, AT(review.source) },
};

static const struct reader_field attribute_fields[] = {
	{ .name = "value", .type = FIELD_TEXT, .offset = offsetof(struct attribute, value) },
};
static const struct field_table attribute_reader = { "attribute", attribute_fields, LENGTH(attribute_fields) };

static const struct reader_field item_fields[] = {
	{ .name = "item_id", .alias = "product_id", .type = FIELD_TEXT, .flags = KEY, AT(item.item_id) },
	{ .name = "title", .type = FIELD_TEXT, .flags = FIELD_REQUIRED, AT(item.title) },
	{ .name = "category", .type = FIELD_TEXT, .flags = FIELD_REQUIRED | FIELD_ID, AT(item.category) },
	{ .name = "price_minor", .type = FIELD_LONG, .flags = FIELD_REQUIRED, AT(item.price_minor), .min = 0, .max = MAX_PRICE_MINOR },
	{ .name = "currency", .type = FIELD_TEXT, .flags = FIELD_REQUIRED | FIELD_CURRENCY, AT(item.currency) },
	{ .name = "available", .type = FIELD_BOOL, .flags = FIELD_REQUIRED, AT(item.available) },
	{ .name = "brand", .type = FIELD_TEXT, .flags = FIELD_ID, AT(item.brand) },
	{ .name = "attributes", .type = FIELD_ATTRIBUTES, AT(item.attributes), HAS(item.n_attributes), .items = &attribute_reader },
	{ .name = "first_seen", .type = FIELD_TS, AT(item.first_seen), HAS(item.has_first_seen) },
};

static const struct field_table readers[EVENT_KINDS] = {
	[EVENT_CLICK] = { "click", click_fields, LENGTH(click_fields) },
	[EVENT_PURCHASE] = { "purchase", purchase_fields, LENGTH(purchase_fields) },
	[EVENT_REVIEW] = { "review", review_fields, LENGTH(review_fields) },
	[EVENT_ITEM] = { "item", item_fields, LENGTH(item_fields) },
};

static const char *const texts[EVENT_KINDS] = {
	[EVENT_CLICK] = SCHEMA_CLICK,
	[EVENT_PURCHASE] = SCHEMA_PURCHASE,
	[EVENT_REVIEW] = SCHEMA_REVIEW,
	[EVENT_ITEM] = SCHEMA_ITEM,
};

const struct field_table *field_table_of(enum event_kind kind)
{
	return &readers[kind];
}

const char *schema_text_of(enum event_kind kind)
{
	return texts[kind];
}
