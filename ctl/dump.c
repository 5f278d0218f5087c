/* glintctl dump: everything that is counted, as JSON lines sorted by (kind, key), from Kafka alone.
 *
 * It restores all tasks as a starting glintd would (restore.h). No running glintd is needed or disturbed; nothing is written.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"
#include "ctl/restore.h"
#include "daemon/config/config.h"
#include "processors/json.h"

struct line {
	size_t at;
	uint32_t kind_size, key_size, json_size; /* kind, key, JSON: one behind the other in the text */
};

struct dump {
	struct ctl *ctl;
	struct restored state;
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
		return c ? c : x->kind_size < y->kind_size ? -1
							   : 1;
	p += x->kind_size;
	q += y->kind_size;
	least = x->key_size < y->key_size ? x->key_size : y->key_size;
	c = memcmp(p, q, least);
	return c ? c : (x->key_size > y->key_size) - (x->key_size < y->key_size);
}

/* ---- lines ---- */

static void entities(struct dump *d)
{
	struct buf fields = { 0 };
	for (int32_t i = 0; i < d->state.layout.partitions; i++) {
		struct dump_ctx ctx = { .symbols = d->state.engine->symbols, .model = d->state.engine->model, .fields = &fields, .line = add_line, .to = d };
		ctx.watermark = d->state.users[i]->watermark;
		for (struct link *l = d->state.users[i]->all.head.next; l != &d->state.users[i]->all.head; l = l->next) {
			struct user *u = user_task_unpack(d->state.users[i], LIST_OWNER(l, struct user, all_link));
			l = &u->all_link;
			buf_clear(&fields);
			ctx.user = user_id(u);
			for (int p = 0; p < PROCESSORS; p++)
				if (processors[p]->user_dump && u->blocks[p])
					processors[p]->user_dump(d->state.settings[p], &ctx, u->blocks[p]);
			add_entity(d, TEXT("user"), ctx.user, &fields);
		}
		ctx.user = (struct text){ 0 };
		ctx.watermark = d->state.items[i]->watermark;
		for (struct link *l = d->state.items[i]->all.head.next; l != &d->state.items[i]->all.head; l = l->next) {
			const struct item_entity *x = LIST_OWNER(l, struct item_entity, all_link);
			buf_clear(&fields);
			ctx.key = x->key;
			for (int p = 0; p < PROCESSORS; p++)
				if (processors[p]->item_dump && x->blocks[p])
					processors[p]->item_dump(d->state.settings[p], &ctx, x->blocks[p]);
			add_entity(d, text_of(key_kind_names[x->key.kind]), symbols_text(d->state.engine->symbols, x->key.id), &fields);
		}
	}
	buf_done(&fields);
}

static void counters(struct dump *d)
{
	static const enum event_kind kinds[INPUTS] = { EVENT_CLICK, EVENT_PURCHASE, EVENT_REVIEW };
	for (int32_t i = 0; i < d->state.layout.partitions; i++) {
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
				json_i64(&json, (int64_t)d->state.users[i]->in[j].counters[o]);
				json_close(&json, '}');
				add(d, TEXT("counter"), (struct text){ key, (uint32_t)n }, (struct text){ (const char *)json.data, (uint32_t)json.size });
			}
		}
		for (int stage = 0; stage < 2; stage++) {
			int64_t watermark = stage ? d->state.items[i]->watermark : d->state.users[i]->watermark;
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
	int rc = restored_read(&d.state, ctl->config, error, sizeof(error));
	if (rc < 0) {
		code = ctl_fail(ctl, rc == -ENOENT || rc == -EINVAL ? EX_CONFIG : EX_UNAVAILABLE, "%s", error);
	} else {
		entities(&d);
		counters(&d);
	}
	if (code == 0 && d.state.engine->bad_row[0]) {
		code = ctl_fail(ctl, EX_UNAVAILABLE, "%s (written by another version of glintd?)", d.state.engine->bad_row);
	} else if (code == 0) {
		qsort_r(d.lines, d.n, sizeof(*d.lines), compare, d.text.data);
		for (size_t i = 0; i < d.n; i++) {
			const struct line *l = &d.lines[i];
			fwrite(d.text.data + l->at + l->kind_size + l->key_size, 1, l->json_size, stdout);
			putchar('\n');
		}
		if (fflush(stdout) != 0)
			code = ctl_fail(ctl, EX_UNAVAILABLE, "writing: %s", strerror(errno));
	}
	restored_done(&d.state);
	free(d.lines);
	buf_done(&d.text);
	return code;
}
