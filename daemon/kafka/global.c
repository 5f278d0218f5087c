/* Reads the global tables; see global.h. */
#include "global.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct global {
	struct source *source;
	struct engine *engine;
	struct decoder *decoder; /* of the catalogue; NULL: none */
	int32_t n_items;
	int64_t *ends;           /* high watermarks at the start: [0] model, then the catalogue's */
	bool ready;
	int64_t watermark;
	struct upstream *reports;
	uint64_t bad_rows, changes;
};

int global_create(const struct config *config, const char *bootstrap, const struct topics_layout *layout, int32_t items, struct engine *engine,
		  int wake_fd, struct global **ret, char *error, size_t size)
{
	struct global *g = calloc(1, sizeof(*g));
	struct source_place *places = calloc((size_t)items + 1, sizeof(*places));
	int rc = -ENOMEM;
	if (!g || !places)
		goto fail;
	g->engine = engine;
	g->n_items = items;
	g->watermark = INT64_MIN;
	g->ends = calloc((size_t)items + 1, sizeof(*g->ends));
	if (!g->ends)
		goto fail;
	const char *topics[2] = { layout->names[TOPIC_MODEL], config->topics.of[EVENT_ITEM].name };
	rc = source_create(config, KAFKA_READER, bootstrap, topics, items ? 2 : 1, wake_fd, NULL, &g->source, error, size);
	if (rc < 0)
		goto fail;
	if (items) {
		struct decoder_settings settings;
		config_decoder(config, EVENT_ITEM, &settings);
		rc = decoder_create(EVENT_ITEM, &settings, &g->decoder, error, size);
		if (rc < 0)
			goto fail;
	}
	places[0] = (struct source_place){ 0, 0, SOURCE_BEGINNING };
	for (int32_t i = 0; i < items; i++)
		places[i + 1] = (struct source_place){ 1, i, SOURCE_BEGINNING };
	for (int32_t i = 0; i <= items; i++) {
		int64_t first;
		rc = source_watermarks(g->source, places[i].topic, places[i].partition, 10000, &first, &g->ends[i], error, size);
		if (rc < 0)
			goto fail;
	}
	rc = source_assign(g->source, places, (size_t)items + 1, error, size);
	if (rc < 0)
		goto fail;
	free(places);
	*ret = g;
	return 0;
fail:
	free(places);
	global_destroy(g);
	return rc;
}

void global_destroy(struct global *g)
{
	if (!g)
		return;
	source_destroy(g->source, true);
	decoder_destroy(g->decoder);
	free(g->ends);
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

static int take(struct global *g, unsigned topic, const struct source_record *r)
{
	struct event e;
	if (topic == 0 && text_equal(r->key, TEXT("~group")))
		return group_row(g, r->value);
	g->changes++;
	if (topic == 0)
		return model_row_load(g->engine->model, r->key, r->value);
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
	for (int32_t i = 0; i <= g->n_items; i++) {
		unsigned topic = i ? 1 : 0;
		int32_t partition = i ? i - 1 : 0;
		struct source_record r;
		while (taken < budget && source_peek(g->source, topic, partition, &r)) {
			if (take(g, topic, &r) < 0)
				g->bad_rows++;
			source_next(g->source, topic, partition);
			taken++;
		}
		ready &= source_position(g->source, topic, partition) >= g->ends[i];
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

uint64_t global_changes(const struct global *g)
{
	return g->changes;
}

uint64_t global_bad_rows(const struct global *g)
{
	return g->bad_rows;
}
