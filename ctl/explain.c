/* glintctl explain USER ITEM: every term of a score, from the code that makes the lists (processors/explain.c), on restored state.
 *
 * On the embedded broker, which keeps no rows, the state is counted anew from what it holds; refused once it has dropped its first records.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl/ctl.h"
#include "ctl/restore.h"
#include "ctl/redis.h"
#include "daemon/config/config.h"
#include "daemon/kafka/source.h"
#include "processors/lists.h"

/* -EINVAL with a sentence when records of the inputs are gone that no row covers. */
static int whole(const struct config *config, const struct restored *r, char *error, size_t size)
{
	static const enum event_kind kinds[INPUTS] = { EVENT_CLICK, EVENT_PURCHASE, EVENT_REVIEW };
	int rc = 0;
	for (int j = 0; j < INPUTS && !rc; j++) {
		const char *topic = config->topics.of[kinds[j]].name;
		struct source *source = NULL;
		if (!topic[0])
			continue;
		rc = source_create(config, KAFKA_READER, NULL, &topic, 1, -1, NULL, &source, error, size);
		for (int32_t i = 0; i < r->layout.partitions && !rc; i++) {
			int64_t first, end;
			rc = source_watermarks(source, 0, i, 10000, &first, &end, error, size);
			if (!rc && first > 0) {
				snprintf(error, size, "the embedded broker has dropped the first records of '%s'; use a real Kafka", topic);
				rc = -ENODATA;
			}
		}
		source_destroy(source, true);
	}
	return rc;
}

static const struct user *find(const struct restored *r, struct text id, int32_t *ret_task)
{
	for (int32_t i = 0; i < r->layout.partitions; i++) {
		const struct user *u = user_task_find(r->users[i], id);
		*ret_task = i;
		if (u)
			return u;
	}
	*ret_task = 0;
	return NULL;
}

/* "popular, actions 85.1": a reason on one line. From malloc, or NULL. */
static char *reason(const json_t *why)
{
	const char *kind = json_string_value(json_object_get(why, "kind")), *name;
	char *text = strdup(kind ? kind : "");
	json_t *value;
	json_object_foreach((json_t *)(uintptr_t)why, name, value)
	{
		char buffer[512], *longer = NULL;
		if (!text || !strcmp(name, "kind") || json_is_null(value))
			continue;
		if (asprintf(&longer, "%s, %s %s", text, name, json_value_text(value, buffer, sizeof(buffer))) < 0)
			longer = NULL;
		free(text);
		text = longer;
	}
	return text;
}

static void show(struct ctl *ctl, json_t *all)
{
	json_t *seeds = json_incref(json_object_get(all, "seeds"));
	if (ctl->json) {
		json_print(all);
	} else {
		json_t *listed = json_incref(json_object_get(all, "listed"));
		if (listed) { /* its score and reason stand beside the other terms */
			char *why = reason(json_object_get(listed, "why"));
			json_object_set(all, "listed", json_object_get(listed, "score"));
			json_object_set_new(all, "why", json_string(why));
			free(why);
		}
		json_decref(listed);
		json_object_del(all, "seeds");
		json_fields(ctl, all);
		if (json_array_size(seeds)) {
			putchar('\n');
			json_table(ctl, seeds);
		}
	}
	json_decref(seeds);
}

static int explain(struct ctl *ctl, struct restored *r, struct text user, struct text item)
{
	struct timespec now;
	struct buf json = { 0 };
	json_error_t why;
	int32_t task;
	const struct user *u = find(r, user, &task);
	symbol_t symbol = symbols_find(r->engine->symbols, item);
	if (r->engine->bad_row[0])
		return ctl_fail(ctl, EX_UNAVAILABLE, "%s (written by another version of glintd?)", r->engine->bad_row);
	if (!u)
		return ctl_fail(ctl, EX_UNAVAILABLE, "nothing is known of the shopper '%s'", user.data);
	if (!symbol)
		return ctl_fail(ctl, EX_UNAVAILABLE, "nothing is known of the item '%s'", item.data);
	clock_gettime(CLOCK_REALTIME, &now);
	int64_t watermark = r->users[task]->watermark > r->items[0]->watermark ? r->users[task]->watermark : r->items[0]->watermark;
	struct view_ctx ctx = {
		.as_of = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000,
		.watermark = watermark,
		.symbols = r->engine->symbols,
		.model = r->engine->model,
		.scratch = &r->engine->scratch,
		.user = user,
		.user_hash = u->hash,
	};
	explain_write(r->settings[P_RECOMMEND], &ctx, u->blocks[P_RECOMMEND], symbol, &json);
	json_t *all = json_loadb((const char *)json.data, json.size, 0, &why);
	buf_done(&json);
	if (!all)
		return ctl_fail(ctl, EX_UNAVAILABLE, "out of memory");
	show(ctl, all);
	json_decref(all);
	return 0;
}

int ctl_explain(struct ctl *ctl)
{
	char error[512] = "";
	struct restored r;
	int code, rc = restored_read(&r, ctl->config, error, sizeof(error));
	if (rc == 0 && ctl->config->glint.guarantee == GUARANTEE_AT_LEAST_ONCE)
		rc = whole(ctl->config, &r, error, sizeof(error));
	if (rc < 0)
		code = ctl_fail(ctl, rc == -ENOENT || rc == -EINVAL ? EX_CONFIG : EX_UNAVAILABLE, "%s", error);
	else
		code = explain(ctl, &r, text_of(ctl_shopper(ctl, ctl->arguments->positional[0])), text_of(ctl->arguments->positional[1]));
	restored_done(&r);
	return code;
}
