/* glintctl experiment [ID]: the arms of an A/B test side by side, from glint:experiment:ID. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"
#include "ctl/redis.h"
#include "ctl/table.h"
#include "daemon/config/config.h"
#include "processors/recommend.h"

static const char *const columns[] = { "lists", "clicked_lists", "clicks", "ctr", "ctr_low", "ctr_high", "shoppers", "buyers", "cvr", "cvr_low", "cvr_high", "orders" };

/* null: what is no number ("nan" of a version that counted clicked lists without their showing) */
static json_t *number(const char *value)
{
	char *end;
	double real = strtod(value, &end);
	if (end == value || *end || !isfinite(real))
		return json_null();
	return strpbrk(value, ".eE") ? json_real(real) : json_integer(strtoll(value, NULL, 10));
}

/* "NAME:ARM", or "revenue…:ARM:CUR": the arm's member `name` (revenue…:CUR). */
static void take(json_t *arms, const char *field, const char *value)
{
	const char *colon = strchr(field, ':');
	if (!colon)
		return;
	char name[64], arm[1100];
	const char *end = field + strlen(field);
	bool revenue = strncmp(field, "revenue", 7) == 0;
	if (revenue)
		while (end > colon + 1 && *--end != ':')
			;
	if (end <= colon + 1 || (size_t)(end - colon) > sizeof(arm))
		return;
	snprintf(arm, sizeof(arm), "%.*s", (int)(end - colon - 1), colon + 1);
	snprintf(name, sizeof(name), "%.*s%s", (int)(colon - field), field, revenue ? end : "");
	json_t *of = json_object_get(arms, arm);
	if (!of) {
		of = json_object();
		json_object_set_new(of, "arm", json_string(arm));
		for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
			json_object_set_new(of, columns[i], json_null());
		json_object_set_new(arms, arm, of);
	}
	json_object_set_new(of, name, number(value));
}

int ctl_experiment(struct ctl *ctl)
{
	const struct recommend_settings *s = config_settings(ctl->config, recommend_processor.name);
	const char *id = ctl->arguments->n_positional ? ctl->arguments->positional[0] : s->experiment, *field;
	char key[REDIS_KEY_BYTES];
	struct redis r;
	json_t *value;

	if (!redis_open(&r, ctl))
		return r.code;
	json_t *hash = redis_hash(&r, redis_key(&r, key, "experiment:", id)), *arms = json_object(), *lines = json_array();
	if (!r.code && !json_object_size(hash))
		r.code = ctl_fail(ctl, EX_UNAVAILABLE, "no experiment '%s': no event has told a variant", id);
	json_object_foreach(hash, field, value)
		take(arms, field, json_string_value(value));
	json_object_foreach(arms, field, value)
		json_array_append(lines, value);
	if (!r.code && ctl->json)
		json_print(lines);
	else if (!r.code)
		json_table(ctl, lines);
	json_decref(hash);
	json_decref(arms);
	json_decref(lines);
	redis_close(&r);
	return r.code;
}
