/* glintctl stats: the processes that are alive, the tasks they own, and how far the group is behind. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"
#include "ctl/offsets.h"
#include "ctl/redis.h"
#include "daemon/config/config.h"
#include "daemon/kafka/topics.h"

static json_t *processes(struct redis *r)
{
	char key[REDIS_KEY_BYTES];
	json_t *names = redis_keys(r, "heartbeat:*"), *list = json_array(), *name;
	size_t i;

	json_array_foreach(names, i, name)
	{
		const char *instance = json_string_value(name) + strlen("heartbeat:");
		char *text = redis_get(r, redis_key(r, key, "heartbeat:", instance));
		json_t *beat = text ? json_loads(text, 0, NULL) : NULL, *row = json_pack("{s:s}", "instance", instance);
		if (json_is_object(beat))
			json_object_update_missing(row, beat);
		json_decref(beat);
		if (text)
			json_array_append_new(list, row);
		else
			json_decref(row);
		free(text);
	}
	json_decref(names);
	return list;
}

static json_t *tasks(struct redis *r)
{
	char key[REDIS_KEY_BYTES];
	json_t *names = redis_keys(r, "task:*"), *list = json_array(), *name;
	size_t i;

	json_array_foreach(names, i, name)
	{
		json_t *hash = redis_hash(r, redis_key(r, key, json_string_value(name), NULL));
		if (!hash)
			break;
		json_t *row = json_pack("{s:s}", "task", json_string_value(name) + strlen("task:"));
		json_object_update(row, hash);
		json_decref(hash);
		json_array_append_new(list, row);
	}
	json_decref(names);
	return list;
}

static json_t *lag_of(const struct offsets *o, const char *topic, char *error, size_t size)
{
	int32_t n = topics_partitions(o->uncommitted, topic, 10000);
	int64_t sums[2] = { 0, 0 };
	json_t *row = NULL;

	if (n < 1) {
		snprintf(error, size, "topic '%s' is not there", topic);
		return NULL;
	}
	int64_t *begins = calloc((size_t)n * 3, sizeof(int64_t));
	if (!begins) {
		snprintf(error, size, "out of memory");
		return NULL;
	}
	int64_t *ends = begins + n, *committed = ends + n;
	if (!offsets_begins(o, topic, n, begins, error, size) && !offsets_ends(o, topic, n, ends, error, size) &&
		!offsets_committed(o, topic, n, committed, error, size)) {
		for (int32_t p = 0; p < n; p++) {
			int64_t from = committed[p] > begins[p] ? committed[p] : begins[p];
			sums[0] += ends[p] - begins[p];
			sums[1] += ends[p] > from ? ends[p] - from : 0;
		}
		row = json_pack("{s:s, s:i, s:I, s:I}", "topic", topic, "partitions", (int)n, "records", (json_int_t)sums[0], "lag",
			(json_int_t)sums[1]);
	}
	free(begins);
	return row;
}

/* What is behind, by topic; empty with *error set when Kafka does not answer. */
static json_t *lags(const struct config *config, char *error, size_t size)
{
	struct topics_layout layout;
	struct offsets o;
	json_t *list = json_array();

	if (offsets_open(&o, config, error, size))
		return list;
	topics_layout(config, 1, &layout);
	for (int k = 0; k < EVENT_ITEM + 1; k++) {
		const char *topic = k < EVENT_ITEM ? config->topics.of[k].name : layout.names[TOPIC_REPARTITION];
		json_t *row = topic && *topic ? lag_of(&o, topic, error, size) : NULL;
		if (row)
			json_array_append_new(list, row);
	}
	offsets_close(&o);
	return list;
}

static void section(const struct ctl *ctl, const char *title, const json_t *list)
{
	if (!json_array_size(list))
		return;
	puts(title);
	json_table(ctl, list);
	putchar('\n');
}

int ctl_stats(struct ctl *ctl)
{
	char key[REDIS_KEY_BYTES], error[512] = "";
	struct redis r;

	if (!redis_open(&r, ctl))
		return r.code;
	json_t *meta = redis_hash(&r, redis_key(&r, key, "meta", NULL));
	json_t *alive = r.code ? NULL : processes(&r), *owned = r.code ? NULL : tasks(&r);
	json_t *behind = r.code ? NULL : lags(ctl->config, error, sizeof(error));
	if (!r.code && ctl->json) {
		json_t *all = json_pack("{s:O, s:O, s:O, s:O}", "meta", meta, "processes", alive, "tasks", owned, "lag", behind);
		json_print(all);
		json_decref(all);
	} else if (!r.code) {
		section(ctl, "lag in records", behind);
		section(ctl, "processes", alive);
		section(ctl, "tasks", owned);
		if (!json_array_size(alive))
			puts("no glintd of this Redis prefix is alive");
	}
	if (!r.code && *error)
		r.code = ctl_fail(ctl, EX_UNAVAILABLE, "%s", error);
	json_decref(meta);
	json_decref(alive);
	json_decref(owned);
	json_decref(behind);
	redis_close(&r);
	return r.code;
}
