/* Restores a group's state for glintctl; see restore.h. */
#include "ctl/restore.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "daemon/config/config.h"
#include "daemon/kafka/global.h"
#include "daemon/kafka/kafka.h"

static int committed(struct restored *d, const struct config *config, const char *const *topics, unsigned n_topics, const unsigned *input_topic, char *error, size_t size)
{
	struct source *source = NULL;
	size_t n = (size_t)d->layout.partitions;
	struct source_place *places = calloc(n * n_topics, sizeof(*places));
	if (!places)
		abort();
	int rc = source_create(config, KAFKA_READER, NULL, topics, n_topics, -1, NULL, &source, error, size);
	for (size_t i = 0; i < n; i++)
		for (unsigned t = 0; t < n_topics; t++)
			places[i * n_topics + t] = (struct source_place){ t, (int32_t)i, -1 };
	if (rc == 0)
		rc = source_committed(source, places, n * n_topics, 15000, error, size);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		d->tasks[i].item_committed = INT64_MAX;
		for (int j = 0; j < INPUTS; j++)
			d->tasks[i].committed[j] = input_topic[j] == UINT_MAX ? -1 : places[i * n_topics + input_topic[j]].offset;
	}
	source_destroy(source, true);
	free(places);
	return rc;
}

static int read_global(struct restored *d, const struct config *config, int32_t items, char *error, size_t size)
{
	struct global *g = NULL;
	int rc = global_create(config, NULL, &d->layout, items, d->engine, -1, &g, error, size);
	while (rc >= 0 && !global_ready(g)) {
		rc = global_poll(g, 10000, error, size);
		if (rc == 0)
			nanosleep(&(struct timespec){ 0, 2000000 }, NULL);
	}
	global_destroy(g);
	return rc < 0 ? rc : 0;
}

static void to_model(void *to, struct text key, struct text value)
{
	struct restored *d = to;
	model_row_load(d->engine->model, key, value);
}

int restored_read(struct restored *d, const struct config *config, char *error, size_t size)
{
	static const enum event_kind kinds[INPUTS] = { EVENT_CLICK, EVENT_PURCHASE, EVENT_REVIEW };
	const char *topics[INPUTS];
	unsigned n_topics = 0, input_topic[INPUTS];
	struct rd_kafka_s *client = NULL;
	int32_t items = 0, partitions = 0;
	*d = (struct restored){ .engine = NULL };
	for (int p = 0; p < PROCESSORS; p++)
		d->settings[p] = (void *)(uintptr_t)config_settings(config, processors[p]->name);
	for (int j = 0; j < INPUTS; j++) {
		input_topic[j] = config->topics.of[kinds[j]].name[0] ? n_topics : UINT_MAX;
		if (input_topic[j] != UINT_MAX)
			topics[n_topics++] = config->topics.of[kinds[j]].name;
	}
	int rc = kafka_client(config, KAFKA_ADMIN, NULL, &client, error, size);
	if (rc == 0)
		rc = kafka_reach(client, config->kafka.bootstrap_servers, 10000, error, size);
	if (rc == 0)
		partitions = topics_partitions(client, topics[0], 10000);
	if (rc == 0 && partitions < 0) {
		snprintf(error, size, "the topic '%s' is not there", topics[0]);
		rc = -ENOENT;
	}
	if (rc == 0 && config->topics.of[EVENT_ITEM].name[0])
		items = topics_partitions(client, config->topics.of[EVENT_ITEM].name, 10000);
	if (rc == 0)
		topics_layout(config, partitions, &d->layout);
	if (rc == 0 && topics_partitions(client, d->layout.names[TOPIC_USER_ROWS], 10000) < 0) {
		snprintf(error, size, "the topic '%s' is not there: has glintd ever run as group '%s'?", d->layout.names[TOPIC_USER_ROWS],
			config->kafka.group_id);
		rc = -ENOENT;
	}
	if (rc == 0 && topics_partitions(client, d->layout.names[TOPIC_CONTROL], 10000) < 0)
		d->layout.counts[TOPIC_CONTROL] = 0; /* a group that no glintd since has run as */
	kafka_client_destroy(client);
	if (rc < 0)
		return rc;
	const struct config_glint *g = &config->glint;
	struct engine_rules rules = {
		.partitions = (uint32_t)partitions,
		.allowed_lateness_ms = g->allowed_lateness_ms,
		.max_jump_ms = g->max_jump_ms,
		.settle_ms = g->settle_ms,
		.dedup_ring = (uint32_t)g->dedup_ring,
		.max_users = UINT64_MAX,
		.max_items = UINT64_MAX,
		.least_shoppers = config->privacy.k,
		.least_baskets = config->privacy.k_of_counts ? config->privacy.k : 0,
		.inputs = { input_topic[0] != UINT_MAX, input_topic[1] != UINT_MAX, input_topic[2] != UINT_MAX },
	};
	for (int p = 0; p < PROCESSORS; p++)
		rules.off[p] = config_processor_off(config, processors[p]->name);
	d->engine = engine_create(&rules, d->settings, config->redis.prefix);
	rc = read_global(d, config, items > 0 ? items : 0, error, size);
	size_t n = (size_t)partitions;
	d->users = calloc(n, sizeof(*d->users));
	d->items = calloc(n, sizeof(*d->items));
	d->feeds = calloc(n, sizeof(*d->feeds));
	d->tasks = calloc(n, sizeof(*d->tasks));
	for (size_t i = 0; i < n && rc == 0; i++) {
		d->users[i] = user_task_create(d->engine, (uint32_t)i);
		d->items[i] = item_task_create(d->engine, (uint32_t)i);
		rc = feed_init(&d->feeds[i], config, d->users[i], error, size);
		d->tasks[i] = (struct restore_task){ .partition = (int32_t)i, .user = d->users[i], .item = d->items[i], .feed = &d->feeds[i] };
	}
	if (rc == 0)
		rc = committed(d, config, topics, n_topics, input_topic, error, size);
	struct restore *r = NULL;
	if (rc == 0)
		rc = restore_create(config, NULL, &d->layout, d->tasks, n, -1, &r, error, size);
	while (rc == 0) {
		rc = restore_step(r, true, 100000, 0, error, size);
		if (rc == 0)
			nanosleep(&(struct timespec){ 0, 1000000 }, NULL);
	}
	restore_destroy(r);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < n; i++) {
		item_task_model_due(d->items[i]);
		item_task_model(d->items[i], INT64_MAX / 2, 0, SIZE_MAX, SIZE_MAX, to_model, d);
	}
	return 0;
}

void restored_done(struct restored *d)
{
	for (int32_t i = 0; d->users && i < d->layout.partitions; i++) {
		feed_done(&d->feeds[i]);
		user_task_destroy(d->users[i]);
		item_task_destroy(d->items[i]);
	}
	engine_destroy(d->engine);
	free(d->users);
	free(d->items);
	free(d->feeds);
	free(d->tasks);
}
