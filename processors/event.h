/* One decoded event, as the processors see it.
 *
 * CONTRACTS "Events" names the fields; schemas/ *.avsc document each with its unit and range. All texts are slices of the message
 * that was decoded: valid UTF-8 without control characters where they are ids, borrowed until the next decode into the same
 * struct. An absent nullable field has data == NULL (texts) or its has_ flag false (numbers).
 */
#ifndef GLINT_EVENT_H
#define GLINT_EVENT_H

#include "text.h"

enum event_kind { EVENT_CLICK, EVENT_PURCHASE, EVENT_REVIEW, EVENT_ITEM, EVENT_KINDS };

enum click_action {
	ACTION_IMPRESSION,
	ACTION_VIEW,
	ACTION_CLICK,
	ACTION_ADD_TO_CART,
	ACTION_REMOVE_FROM_CART,
	ACTION_WISHLIST,
	ACTION_SEARCH,
	ACTIONS
};

enum purchase_kind { PURCHASE_ORDER, PURCHASE_REFUND, PURCHASE_KINDS };

struct order_line {
	struct text item_id;
	int64_t quantity;         /* pieces, >= 0 */
	int64_t unit_price_minor; /* minor units of the order's currency; may be <= 0 (gifts, corrections) */
};

struct click {
	enum click_action action;
	struct text session_id, item_id, campaign_id, query, variant, rec_id, placement, channel;
	int32_t dwell_ms, position; /* position: 0 = first of the list */
	bool has_dwell_ms, has_position;
};

struct purchase {
	enum purchase_kind kind;
	struct text order_id, currency; /* ISO 4217 */
	const struct order_line *lines; /* owned by the decoder, until the next decode */
	uint32_t n_lines;
	int64_t discount_minor; /* of the whole order, >= 0; 0 when absent */
	struct text session_id, campaign_id, variant, channel;
};

struct review {
	struct text text, title, lang, source; /* text may be empty */
	struct text item_id, brand, campaign_id;
	int32_t rating_milli; /* stars x 1000, rounded to nearest: 500..5000 by default; 0 = absent */
};

struct attribute {
	struct text name, value;
};

struct catalogue_event {
	struct text item_id, title, category, brand, currency;
	int64_t price_minor;
	bool available;
	bool has_first_seen;
	int64_t first_seen; /* ms */
	const struct attribute *attributes;
	uint32_t n_attributes;
};

struct event {
	enum event_kind kind;
	int64_t ts; /* ms since 1970; event time. An EVENT_ITEM has none: 0 */
	struct text event_id, user_id;
	struct text sent_id; /* user_id as the record has it, when that one is a pseudonym; else absent. To be taken out of excerpts; stored nowhere */
	union {
		struct click click;
		struct purchase purchase;
		struct review review;
		struct catalogue_event item;
	};
};

#endif
