/* From a line of an event file to the event that the daemon's decoder would give; see evaluate.h. The line is encoded by our schemas and
 * decoded again, so that what the daemon would refuse is refused here, with the same words. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/evaluate.h"
#include "daemon/avro/encode.h"
#include "daemon/config/config.h"

struct evaluate_reader {
	struct decoder *decoders[EVENT_KINDS];
	struct encoded encoded;
	double rating_min, rating_max;
};

int evaluate_reader_create(struct evaluate_reader **ret, const struct config *config, char *error, size_t size)
{
	struct evaluate_reader *r = calloc(1, sizeof(*r));
	int e = r ? 0 : -ENOMEM;
	if (r) {
		r->rating_min = config->glint.rating_min;
		r->rating_max = config->glint.rating_max;
	}
	for (int k = 0; !e && k < EVENT_KINDS; k++) {
		struct decoder_settings settings;
		config_decoder(config, (enum event_kind)k, &settings);
		/* the lines are in our own shape, whatever the shop's records are like */
		settings.framing = FRAMING_BARE;
		settings.schema = settings.schema_name = settings.ids_folder = NULL;
		settings.maps = NULL;
		settings.n_maps = 0;
		e = decoder_create((enum event_kind)k, &settings, &r->decoders[k], error, size);
	}
	if (e) {
		evaluate_reader_destroy(r);
		return e;
	}
	*ret = r;
	return 0;
}

void evaluate_reader_destroy(struct evaluate_reader *r)
{
	if (!r)
		return;
	for (int k = 0; k < EVENT_KINDS; k++)
		decoder_destroy(r->decoders[k]);
	encoded_done(&r->encoded);
	free(r);
}

static bool has(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);
	return value && !json_is_null(value);
}

/* By the fields that a line has; EVENT_KINDS: it cannot be told. */
static enum event_kind kind_of(const json_t *object)
{
	if (has(object, "lines"))
		return EVENT_PURCHASE;
	if (has(object, "action"))
		return EVENT_CLICK;
	if (has(object, "rating") || has(object, "text"))
		return EVENT_REVIEW;
	return has(object, "ts") || !has(object, "item_id") ? EVENT_KINDS : EVENT_ITEM;
}

static void set_default(json_t *object, const char *name, const char *value)
{
	if (!has(object, name))
		json_object_set_new(object, name, json_string(value));
}

int evaluate_reader_take(struct evaluate_reader *r, const struct jsonl_line *line, struct event *ret, char *error, size_t size)
{
	if (!line->object) {
		snprintf(error, size, "%s", line->problem);
		return -EINVAL;
	}
	enum event_kind kind = kind_of(line->object);
	if (kind == EVENT_KINDS) {
		snprintf(error, size, "no event: a purchase has lines, a click an action, a review a rating or a text, an item an item_id and no ts");
		return -EINVAL;
	}
	if (kind != EVENT_ITEM) { /* an id tells repeats apart: without one a line is an event of its own */
		char id[64];
		snprintf(id, sizeof(id), "%" PRIxPTR ":%" PRIu64, (uintptr_t)line->file, line->number);
		set_default(line->object, "event_id", id);
	}
	if (kind == EVENT_REVIEW) /* stars alone */
		set_default(line->object, "text", "");
	int e = encode_event(kind, line->object, &r->encoded, error, size);
	if (e) {
		if (e == -ENOMEM)
			snprintf(error, size, "out of memory");
		return -EINVAL;
	}
	if (decoder_decode(r->decoders[kind], r->encoded.data, r->encoded.size, ret) < 0) {
		const char *field = decoder_field(r->decoders[kind]);
		if (decoder_reason(r->decoders[kind]) == REASON_BAD_RATING) {
			snprintf(error, size, "rating: %.7g is not within %.7g to %.7g; glint.rating_min and glint.rating_max are the shop's scale", json_number_value(json_object_get(line->object, "rating")),
				r->rating_min, r->rating_max);
			return -EINVAL;
		}
		snprintf(error, size, "%s%s%s", field, *field ? ": " : "", decode_reasons[decoder_reason(r->decoders[kind])]);
		return -EINVAL;
	}
	return 0;
}

struct text evaluate_reader_bytes(const struct evaluate_reader *r)
{
	return (struct text){ (const char *)r->encoded.data, (uint32_t)r->encoded.size };
}

void evaluate_reader_decode(struct evaluate_reader *r, enum event_kind kind, struct text bytes, struct event *ret)
{
	if (decoder_decode(r->decoders[kind], bytes.data, bytes.size, ret) < 0)
		abort(); /* it was decoded before */
}
