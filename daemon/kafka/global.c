/* Reads the global tables; see global.h. */
#include "global.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/kafka/control.h"

struct global {
	struct source *source;
	struct engine *engine;
	struct decoder *decoder; /* of the catalogue; NULL: none */
	struct source_place *places; /* [0] model, then the catalogue's, then control's; offsets: high watermarks at the start */
	int32_t n_places;
	unsigned control;        /* index of its topic; UINT_MAX: none */
	bool ready;
	int64_t watermark;
	struct upstream *reports;
	uint64_t bad_rows, changes, model_rows;
};

int global_create(const struct config *config, const char *bootstrap, const struct topics_layout *layout, int32_t items, struct engine *engine,
		  int wake_fd, struct global **ret, char *error, size_t size)
{
	struct global *g = calloc(1, sizeof(*g));
	const char *topics[3] = { layout->names[TOPIC_MODEL] };
	unsigned n_topics = 1;
	int rc = -ENOMEM;
	if (!g)
		goto fail;
	g->engine = engine;
	g->watermark = INT64_MIN;
	g->control = UINT_MAX;
	g->places = calloc((size_t)items + 2, sizeof(*g->places));
	if (!g->places)
		goto fail;
	g->places[g->n_places++] = (struct source_place){ 0, 0, SOURCE_BEGINNING };
	for (int32_t i = 0; i < items; i++)
		g->places[g->n_places++] = (struct source_place){ 1, i, SOURCE_BEGINNING };
	if (items)
		topics[n_topics++] = config->topics.of[EVENT_ITEM].name;
	if (layout->counts[TOPIC_CONTROL]) {
		g->control = n_topics;
		topics[n_topics++] = layout->names[TOPIC_CONTROL];
		g->places[g->n_places++] = (struct source_place){ g->control, 0, SOURCE_BEGINNING };
	}
	rc = source_create(config, KAFKA_READER, bootstrap, topics, n_topics, wake_fd, NULL, &g->source, error, size);
	if (rc < 0)
		goto fail;
	if (items) {
		struct decoder_settings settings;
		config_decoder(config, EVENT_ITEM, &settings);
		rc = decoder_create(EVENT_ITEM, &settings, &g->decoder, error, size);
		if (rc < 0)
			goto fail;
	}
	rc = source_assign(g->source, g->places, (size_t)g->n_places, error, size);
	for (int32_t i = 0; i < g->n_places && rc >= 0; i++) {
		int64_t first;
		rc = source_watermarks(g->source, g->places[i].topic, g->places[i].partition, 10000, &first, &g->places[i].offset, error, size);
	}
	if (rc < 0)
		goto fail;
	*ret = g;
	return 0;
fail:
	global_destroy(g);
	return rc;
}

void global_destroy(struct global *g)
{
	if (!g)
		return;
	source_destroy(g->source, true);
	decoder_destroy(g->decoder);
	free(g->places);
	free(g->reports);
	free(g);
}

static int group_row(struct global *g, struct text value)
{
	struct reader r = reader_of(value.data, value.size);
	int64_t watermark = reader_i64(&r);
	uint64_t n = reader_varint(&r);
	if (r.bad || n != g->engine->rules.partitions)
		return -EBADMSG;
	if (!g->reports && !(g->reports = calloc(n, sizeof(*g->reports))))
		return -ENOMEM;
	for (uint64_t i = 0; i < n; i++) {
		g->reports[i].watermark = reader_i64(&r);
		g->reports[i].at_end = reader_u8(&r);
	}
	if (watermark > g->watermark)
		g->watermark = watermark;
	return r.bad ? -EBADMSG : 0;
}

static int control_row(struct global *g, struct text scope, struct text value)
{
	struct model *m = g->engine->model;
	struct control control;
	enum key_kind kind;
	struct text id;
	uint64_t user;
	int64_t until;
	int forget = forgotten_key(scope, &user);
	if (forget > 0 && value.data && forgotten_value(value, &until) == 0) {
		forgotten_add(&g->engine->forgotten, user, until);
		return 0;
	}
	if (forget)
		return value.data ? -EBADMSG : 0; /* a request that was taken back still holds until the next start */
	if (control_scope(scope, &kind, &id) < 0 || (value.data && control_parse(kind, value, &control, NULL, 0) < 0))
		return -EBADMSG;
	model_control_load(m, (struct key){ (uint8_t)kind, symbols_intern(g->engine->symbols, id) }, value.data ? &control : NULL);
	return 0;
}

static int take(struct global *g, unsigned topic, const struct source_record *r)
{
	struct event e;
	if (topic == 0 && text_equal(r->key, TEXT("~group")))
		return group_row(g, r->value);
	g->changes++;
	g->model_rows += topic == 0;
	if (topic == 0)
		return model_row_load(g->engine->model, r->key, r->value);
	if (topic == g->control)
		return control_row(g, r->key, r->value);
	if (!r->value.data) {
		model_catalogue_delete(g->engine->model, r->key);
		return 0;
	}
	if (decoder_decode(g->decoder, r->value.data, r->value.size, &e) < 0)
		return -EBADMSG;
	model_catalogue_load(g->engine->model, &e);
	return 0;
}

int global_poll(struct global *g, int budget, char *error, size_t size)
{
	int rc = source_poll(g->source, error, size), taken = 0;
	if (rc < 0)
		return rc;
	bool ready = true;
	for (int32_t i = 0; i < g->n_places; i++) {
		const struct source_place *place = &g->places[i];
		struct source_record r;
		while (taken < budget && source_peek(g->source, place->topic, place->partition, &r)) {
			if (take(g, place->topic, &r) < 0)
				g->bad_rows++;
			source_next(g->source, place->topic, place->partition);
			taken++;
		}
		ready &= source_position(g->source, place->topic, place->partition) >= place->offset;
	}
	g->ready |= ready;
	return taken;
}

bool global_ready(const struct global *g)
{
	return g->ready;
}

int64_t global_watermark(const struct global *g)
{
	return g->watermark;
}

const struct upstream *global_reports(const struct global *g)
{
	return g->reports;
}

uint64_t global_model_rows(const struct global *g)
{
	return g->model_rows;
}

uint64_t global_changes(const struct global *g)
{
	return g->changes;
}

uint64_t global_bad_rows(const struct global *g)
{
	return g->bad_rows;
}
