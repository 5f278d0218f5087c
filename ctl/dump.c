/* glintctl dump: everything that is counted, as JSON lines sorted by (kind, key), from Kafka alone.
 *
 * It restores all tasks as a starting glintd would (daemon/kafka/rows.h): rows, then user logs to the committed offsets, item logs
 * to their stable end. No running glintd is needed or disturbed; nothing is written.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl/ctl.h"
#include "daemon/config/config.h"
#include "daemon/kafka/global.h"
#include "daemon/kafka/rows.h"
#include "processors/json.h"

struct line {
	size_t at;
	uint32_t kind_size, key_size, json_size; /* kind, key, JSON: one behind the other in the text */
};

struct dump {
	struct ctl *ctl;
	struct engine *engine;
	void *settings[PROCESSORS];
	struct topics_layout layout;
	struct user_task **users;
	struct item_task **items;
	struct feed *feeds;
	struct restore_task *tasks;
	struct buf text;
	struct line *lines;
	size_t n, capacity;
};

static void add(struct dump *d, struct text kind, struct text key, struct text json)
{
	if (d->n == d->capacity) {
		d->capacity = d->capacity ? d->capacity * 2 : 4096;
		d->lines = realloc(d->lines, sizeof(*d->lines) * d->capacity);
		if (!d->lines)
			abort();
	}
	d->lines[d->n++] = (struct line){ d->text.size, kind.size, key.size, json.size };
	buf_bytes(&d->text, kind.data, kind.size);
	buf_bytes(&d->text, key.data, key.size);
	buf_bytes(&d->text, json.data, json.size);
}

/* A processor's own line: its kind is its first member. */
static void add_line(void *to, struct text json, struct text key)
{
	static const char start[] = "{\"kind\":\"";
	const char *kind = json.data + sizeof(start) - 1;
	const char *end = memchr(kind, '"', json.size - sizeof(start) + 1);
	add(to, (struct text){ kind, (uint32_t)(end - kind) }, key, json);
}

static void add_entity(struct dump *d, struct text kind, struct text id, const struct buf *fields)
{
	if (!fields->size)
		return;
	struct buf json = { 0 };
	json_open(&json, '{');
	json_name(&json, "kind");
	json_text(&json, kind);
	json_name_text(&json, kind);
	json_text(&json, id);
	buf_bytes(&json, fields->data, fields->size);
	buf_u8(&json, '}');
	add(d, kind, id, (struct text){ (const char *)json.data, (uint32_t)json.size });
	buf_done(&json);
}

static int compare(const void *a, const void *b, void *arg)
{
	const struct line *x = a, *y = b;
	const char *text = arg, *p = text + x->at, *q = text + y->at;
	uint32_t least = x->kind_size < y->kind_size ? x->kind_size : y->kind_size;
	int c = memcmp(p, q, least);
	if (c || x->kind_size != y->kind_size)
		return c ? c : x->kind_size < y->kind_size ? -1 : 1;
	p += x->kind_size;
	q += y->kind_size;
	least = x->key_size < y->key_size ? x->key_size : y->key_size;
	c = memcmp(p, q, least);
	return c ? c : (x->key_size > y->key_size) - (x->key_size < y->key_size);
}

/* ---- restoring ---- */

static int committed(struct dump *d, const char *const *topics, unsigned n_topics, const unsigned *input_topic, char *error, size_t size)
{
	const struct config *config = d->ctl->config;
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

static int read_global(struct dump *d, int32_t items, char *error, size_t size)
{
	struct global *g = NULL;
	int rc = global_create(d->ctl->config, NULL, &d->layout, items, d->engine, -1, &g, error, size);
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
	struct dump *d = to;
	model_row_load(d->engine->model, key, value);
}

static int restore(struct dump *d, char *error, size_t size)
{
	static const enum event_kind kinds[INPUTS] = { EVENT_CLICK, EVENT_PURCHASE, EVENT_REVIEW };
	const struct config *config = d->ctl->config;
	const char *topics[INPUTS];
	unsigned n_topics = 0, input_topic[INPUTS];
	struct rd_kafka_s *client = NULL;
	int32_t items = 0, partitions = 0;
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
	kafka_client_destroy(client);
	if (rc < 0)
		return rc;
	const struct config_glint *g = &config->glint;
	struct engine_rules rules = {
		.partitions = (uint32_t)partitions, .allowed_lateness_ms = g->allowed_lateness_ms, .max_jump_ms = g->max_jump_ms,
		.settle_ms = g->settle_ms, .dedup_ring = (uint32_t)g->dedup_ring, .max_users = UINT64_MAX, .max_items = UINT64_MAX,
		.inputs = { input_topic[0] != UINT_MAX, input_topic[1] != UINT_MAX, input_topic[2] != UINT_MAX },
	};
	d->engine = engine_create(&rules, d->settings, config->redis.prefix);
	rc = read_global(d, items > 0 ? items : 0, error, size);
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
		rc = committed(d, topics, n_topics, input_topic, error, size);
	struct restore *r = NULL;
	if (rc == 0)
		rc = restore_create(config, NULL, &d->layout, d->tasks, n, -1, &r, error, size);
	while (rc == 0) {
		rc = restore_step(r, 100000, 0, error, size);
		if (rc == 0)
			nanosleep(&(struct timespec){ 0, 1000000 }, NULL);
	}
	restore_destroy(r);
	if (rc < 0)
		return rc;
	model_clear(d->engine->model); /* what views would know is made from the same rows */
	for (size_t i = 0; i < n; i++) {
		item_task_model_due(d->items[i]);
		item_task_model(d->items[i], INT64_MAX / 2, 0, SIZE_MAX, SIZE_MAX, to_model, d);
	}
	return 0;
}

/* ---- lines ---- */

static void entities(struct dump *d)
{
	struct buf fields = { 0 };
	for (int32_t i = 0; i < d->layout.partitions; i++) {
		struct dump_ctx ctx = { .symbols = d->engine->symbols, .model = d->engine->model, .fields = &fields, .line = add_line, .to = d };
		ctx.watermark = d->users[i]->watermark;
		for (struct link *l = d->users[i]->all.head.next; l != &d->users[i]->all.head; l = l->next) {
			const struct user *u = LIST_OWNER(l, struct user, all_link);
			buf_clear(&fields);
			ctx.user = (struct text){ u->id, u->id_size };
			for (int p = 0; p < PROCESSORS; p++)
				if (processors[p]->user_dump && u->blocks[p])
					processors[p]->user_dump(d->settings[p], &ctx, u->blocks[p]);
			add_entity(d, TEXT("user"), ctx.user, &fields);
		}
		ctx.user = (struct text){ 0 };
		ctx.watermark = d->items[i]->watermark;
		for (struct link *l = d->items[i]->all.head.next; l != &d->items[i]->all.head; l = l->next) {
			const struct item_entity *x = LIST_OWNER(l, struct item_entity, all_link);
			buf_clear(&fields);
			ctx.key = x->key;
			for (int p = 0; p < PROCESSORS; p++)
				if (processors[p]->item_dump && x->blocks[p])
					processors[p]->item_dump(d->settings[p], &ctx, x->blocks[p]);
			add_entity(d, text_of(key_kind_names[x->key.kind]), symbols_text(d->engine->symbols, x->key.id), &fields);
		}
	}
	buf_done(&fields);
}

static void counters(struct dump *d)
{
	static const enum event_kind kinds[INPUTS] = { EVENT_CLICK, EVENT_PURCHASE, EVENT_REVIEW };
	for (int32_t i = 0; i < d->layout.partitions; i++) {
		struct buf json = { 0 };
		char key[300], ts[64];
		for (int j = 0; j < INPUTS; j++) {
			const char *topic = d->ctl->config->topics.of[kinds[j]].name;
			for (int o = 0; topic[0] && o < OUTCOMES; o++) {
				int n = snprintf(key, sizeof(key), "%s %08d %s", topic, (int)i, outcome_names[o]);
				buf_clear(&json);
				json_open(&json, '{');
				json_name(&json, "kind");
				json_text(&json, TEXT("counter"));
				json_name(&json, "topic");
				json_text(&json, text_of(topic));
				json_name(&json, "partition");
				json_i64(&json, i);
				json_name(&json, "name");
				json_text(&json, text_of(outcome_names[o]));
				json_name(&json, "n");
				json_i64(&json, (int64_t)d->users[i]->in[j].counters[o]);
				json_close(&json, '}');
				add(d, TEXT("counter"), (struct text){ key, (uint32_t)n }, (struct text){ (const char *)json.data, (uint32_t)json.size });
			}
		}
		for (int stage = 0; stage < 2; stage++) {
			int64_t watermark = stage ? d->items[i]->watermark : d->users[i]->watermark;
			int n = snprintf(ts, sizeof(ts), "%c%d", stage ? 'i' : 'u', (int)i);
			buf_clear(&json);
			json_open(&json, '{');
			json_name(&json, "kind");
			json_text(&json, TEXT("watermark"));
			json_name(&json, "task");
			json_text(&json, (struct text){ ts, (uint32_t)n });
			json_name(&json, "ts");
			if (watermark == INT64_MIN)
				buf_bytes(&json, "null", 4);
			else
				json_i64(&json, watermark);
			json_close(&json, '}');
			add(d, TEXT("watermark"), (struct text){ ts, (uint32_t)n }, (struct text){ (const char *)json.data, (uint32_t)json.size });
		}
		buf_done(&json);
	}
}

int ctl_dump(struct ctl *ctl)
{
	char error[512] = "";
	struct dump d = { .ctl = ctl };
	int code = 0;
	if (ctl->config->glint.guarantee == GUARANTEE_AT_LEAST_ONCE)
		return ctl_fail(ctl, EX_UNAVAILABLE, "the embedded broker keeps too little to dump from; use a real Kafka");
	for (int p = 0; p < PROCESSORS; p++)
		d.settings[p] = (void *)(uintptr_t)config_settings(ctl->config, processors[p]->name);
	int rc = restore(&d, error, sizeof(error));
	if (rc < 0) {
		code = ctl_fail(ctl, rc == -ENOENT || rc == -EINVAL ? EX_CONFIG : EX_UNAVAILABLE, "%s", error);
	} else {
		entities(&d);
		counters(&d);
		qsort_r(d.lines, d.n, sizeof(*d.lines), compare, d.text.data);
		for (size_t i = 0; i < d.n; i++) {
			const struct line *l = &d.lines[i];
			fwrite(d.text.data + l->at + l->kind_size + l->key_size, 1, l->json_size, stdout);
			putchar('\n');
		}
		if (fflush(stdout) != 0)
			code = ctl_fail(ctl, EX_UNAVAILABLE, "writing: %s", strerror(errno));
	}
	for (int32_t i = 0; d.users && i < d.layout.partitions; i++) {
		feed_done(&d.feeds[i]);
		user_task_destroy(d.users[i]);
		item_task_destroy(d.items[i]);
	}
	engine_destroy(d.engine);
	free(d.users);
	free(d.items);
	free(d.feeds);
	free(d.tasks);
	free(d.lines);
	buf_done(&d.text);
	return code;
}
