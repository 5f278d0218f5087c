/* glintctl control: what people exclude, boost and pin, read from and written to <group>-control (schemas/control.schema.json).
 *
 * A record of the topic says all that is decided about its scope, so that a change reads the topic first and writes the sum. Two people who change
 * the same scope within the same second may undo each other's part: the newest record counts.
 */
#include <errno.h>
#include <jansson.h>
#include <librdkafka/rdkafka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl/ctl.h"
#include "ctl/redis.h"
#include "ctl/table.h"
#include "daemon/config/config.h"
#include "daemon/kafka/control.h"
#include "daemon/kafka/kafka.h"
#include "daemon/kafka/source.h"
#include "daemon/kafka/topics.h"
#include "daemon/state/forgotten.h"
#include "processors/recommend.h"

#define DELIVERY_TIMEOUT_MS 20000

struct control_topic {
	struct ctl *ctl;
	char name[TOPIC_NAME_BYTES];
	json_t *rows; /* scope -> value */
};

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int take(struct control_topic *t, const struct source_record *r)
{
	char *scope = strndup(r->key.data ? r->key.data : "", r->key.size);
	if (!scope)
		return -ENOMEM;
	uint64_t user;
	if (forgotten_key(r->key, &user)) { /* nothing to show of those */
		free(scope);
		return 0;
	}
	json_t *value = r->value.data ? json_loadb(r->value.data, r->value.size, 0, NULL) : NULL;
	if (json_is_object(value))
		json_object_set(t->rows, scope, value);
	else if (!r->value.data)
		json_object_del(t->rows, scope);
	json_decref(value);
	free(scope);
	return 0;
}

/* All rows of the topic as it is now. 0 or an exit code. */
static int read_all(struct control_topic *t)
{
	const struct config *config = t->ctl->config;
	const char *topic = t->name;
	struct topics_layout layout;
	struct source *source = NULL;
	struct rd_kafka_s *client = NULL;
	char error[512];
	int64_t first, end;

	topics_layout(config, 1, &layout);
	snprintf(t->name, sizeof(t->name), "%s", layout.names[TOPIC_CONTROL]);
	t->rows = json_object();
	if (kafka_client(config, KAFKA_ADMIN, NULL, &client, error, sizeof(error)))
		return ctl_fail(t->ctl, EX_CONFIG, "%s", error);
	int rc = kafka_reach(client, config->kafka.bootstrap_servers, 10000, error, sizeof(error));
	if (rc == 0 && topics_partitions(client, topic, 10000) < 0) {
		snprintf(error, sizeof(error), "the topic '%s' is not there: has glintd ever run as group '%s'?", topic, config->kafka.group_id);
		rc = -ENOENT;
	}
	kafka_client_destroy(client);
	if (rc == 0)
		rc = source_create(config, KAFKA_READER, NULL, &topic, 1, -1, NULL, &source, error, sizeof(error));
	if (rc == 0)
		rc = source_watermarks(source, 0, 0, 10000, &first, &end, error, sizeof(error));
	if (rc == 0)
		rc = source_assign(source, &(struct source_place){ 0, 0, SOURCE_BEGINNING }, 1, error, sizeof(error));
	for (int64_t until = now_ms() + DELIVERY_TIMEOUT_MS; rc == 0 && source_position(source, 0, 0) < end;) {
		struct source_record r;
		rc = source_poll(source, error, sizeof(error));
		while (rc == 0 && source_peek(source, 0, 0, &r)) {
			rc = take(t, &r);
			source_next(source, 0, 0);
		}
		if (rc == 0 && now_ms() > until) {
			snprintf(error, sizeof(error), "topic '%s' was not read within %d s", topic, DELIVERY_TIMEOUT_MS / 1000);
			rc = -ETIMEDOUT;
		}
		nanosleep(&(struct timespec){ 0, 1000000 }, NULL);
	}
	source_destroy(source, true);
	return rc < 0 ? ctl_fail(t->ctl, rc == -ENOENT ? EX_CONFIG : EX_UNAVAILABLE, "%s", error) : 0;
}

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
	(void)rk;
	*(rd_kafka_resp_err_t *)opaque = m->err;
}

/* value NULL: takes the scope back. Confirmed before it returns. */
static int write_row(struct control_topic *t, const char *scope, const char *value)
{
	rd_kafka_resp_err_t delivered = RD_KAFKA_RESP_ERR__TIMED_OUT;
	char error[512];
	rd_kafka_conf_t *conf = kafka_conf(t->ctl->config, KAFKA_PRODUCER, NULL, error, sizeof(error));
	if (!conf)
		return ctl_fail(t->ctl, EX_CONFIG, "%s", error);
	rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
	rd_kafka_conf_set_opaque(conf, &delivered);
	rd_kafka_t *producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof(error));
	if (!producer) {
		rd_kafka_conf_destroy(conf);
		return ctl_fail(t->ctl, EX_CONFIG, "%s", error);
	}
	rd_kafka_resp_err_t err = rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(t->name), RD_KAFKA_V_PARTITION(0), RD_KAFKA_V_KEY(scope, strlen(scope)),
		RD_KAFKA_V_VALUE((void *)(uintptr_t)value, value ? strlen(value) : 0), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
	if (!err) {
		rd_kafka_flush(producer, DELIVERY_TIMEOUT_MS);
		err = delivered;
	}
	rd_kafka_destroy(producer);
	return err ? ctl_fail(t->ctl, EX_UNAVAILABLE, "topic '%s': %s", t->name, rd_kafka_err2str(err)) : 0;
}

static json_t *line_of(const char *scope, json_t *value)
{
	json_t *line = json_object();
	json_object_set_new(line, "scope", json_string(scope));
	json_object_update(line, value);
	json_object_del(line, "v");
	return line;
}

static void list(const struct control_topic *t)
{
	json_t *lines = json_array(), *value;
	const char *scope;
	size_t n = 0;
	const char **scopes = calloc(json_object_size(t->rows) + 1, sizeof(*scopes));
	json_object_foreach(t->rows, scope, value)
		scopes[n++] = scope;
	for (size_t i = 1; i < n; i++) /* by scope */
		for (size_t j = i; j > 0 && strcmp(scopes[j - 1], scopes[j]) > 0; j--) {
			const char *s = scopes[j];
			scopes[j] = scopes[j - 1];
			scopes[j - 1] = s;
		}
	for (size_t i = 0; i < n; i++)
		json_array_append_new(lines, line_of(scopes[i], json_object_get(t->rows, scopes[i])));
	if (t->ctl->json)
		json_print(lines);
	else if (!n)
		puts("nothing is excluded, boosted or pinned");
	else
		json_table(t->ctl, lines);
	free(scopes);
	json_decref(lines);
}

/* The scope that the first argument names, from malloc. 0 or an exit code. */
static int scope_of(struct ctl *ctl, char **ret_scope, enum key_kind *ret_kind)
{
	struct text id;
	char error[512];
	if (control_scope_given(ctl->arguments->positional[0], ret_kind, &id, error, sizeof(error)) < 0)
		return ctl_fail(ctl, EX_USAGE, "%s", error);
	return asprintf(ret_scope, "%s:%s", key_kind_names[*ret_kind], id.data) > 0 ? 0 : ctl_fail(ctl, EX_UNAVAILABLE, "out of memory");
}

/* Sets one member in what is decided already, checks it as the daemon does, writes it. */
static int change(struct ctl *ctl, const char *member, json_t *setting)
{
	struct control_topic t = { .ctl = ctl };
	enum key_kind kind;
	char *scope = NULL, *text = NULL, error[256];
	const char *note = arguments_value(ctl->arguments, "note");
	struct control checked;
	int code = scope_of(ctl, &scope, &kind);
	if (!code)
		code = read_all(&t);
	if (!code) {
		json_t *value = json_object_get(t.rows, scope) ? json_incref(json_object_get(t.rows, scope)) : json_object();
		json_object_set_new(value, "v", json_integer(1));
		json_object_set(value, member, setting);
		json_object_set_new(value, "ts", json_integer(now_ms()));
		if (note)
			json_object_set_new(value, "note", json_string(note));
		text = json_dumps(value, JSON_COMPACT);
		if (!text)
			code = ctl_fail(ctl, EX_USAGE, "not a valid text");
		else if (control_parse(kind, text_of(text), &checked, error, sizeof(error)) < 0)
			code = ctl_fail(ctl, EX_USAGE, "%s", error);
		if (!code)
			code = write_row(&t, scope, text);
		if (!code && ctl->json) {
			json_t *line = line_of(scope, value);
			json_print(line);
			json_decref(line);
		}
		json_decref(value);
	}
	free(text);
	free(scope);
	json_decref(t.rows);
	json_decref(setting);
	return code;
}

int ctl_control_exclude(struct ctl *ctl)
{
	return change(ctl, "exclude", json_true());
}

int ctl_control_boost(struct ctl *ctl)
{
	char *end;
	double factor = strtod(ctl->arguments->positional[1], &end);
	if (end == ctl->arguments->positional[1] || *end || !isfinite(factor))
		return ctl_fail(ctl, EX_USAGE, "the factor must be a number between 0.01 and 100, found '%s'", ctl->arguments->positional[1]);
	return change(ctl, "boost", json_real(factor));
}

int ctl_control_pin(struct ctl *ctl)
{
	const struct recommend_settings *recommend = config_settings(ctl->config, recommend_processor.name);
	const char *place = ctl->arguments->n_positional > 1 ? ctl->arguments->positional[1] : "0";
	char *end;
	long long n = strtoll(place, &end, 10);
	if (end == place || *end || n < 0 || n >= recommend->list_size)
		return ctl_fail(ctl, EX_USAGE, "the place must be a number between 0 and %lld (lists are %lld long: [recommend] list_size), found '%s'",
			(long long)recommend->list_size - 1, (long long)recommend->list_size, place);
	return change(ctl, "pin", json_integer(n));
}

int ctl_control_unset(struct ctl *ctl)
{
	struct control_topic t = { .ctl = ctl };
	enum key_kind kind;
	char *scope = NULL;
	int code = scope_of(ctl, &scope, &kind);
	if (!code)
		code = read_all(&t);
	if (!code)
		code = json_object_get(t.rows, scope) ? write_row(&t, scope, NULL) : ctl_fail(ctl, EX_UNAVAILABLE, "nothing is decided about %s", scope);
	free(scope);
	json_decref(t.rows);
	return code;
}

int ctl_control_list(struct ctl *ctl)
{
	struct control_topic t = { .ctl = ctl };
	int code = read_all(&t);
	if (!code)
		list(&t);
	json_decref(t.rows);
	return code;
}

/* Nothing of the shopper counts that has happened until now, or that a record ahead of the clock may say has. */
int ctl_forget(struct ctl *ctl)
{
	struct control_topic t = { .ctl = ctl };
	char key[FORGOTTEN_KEY_BYTES + 1], value[64];
	const char *user = ctl_shopper(ctl, ctl->arguments->positional[0]);
	int64_t until = now_ms() + ctl->config->glint.max_skew_ms;
	forgotten_row(text_of(user), until, key, value);
	int code = *user ? read_all(&t) : ctl_fail(ctl, EX_USAGE, "the shopper's id is empty");
	if (!code)
		code = write_row(&t, key, value);
	if (!code && ctl->json) {
		json_t *line = json_pack("{s:s, s:I}", "key", key, "until", (json_int_t)until);
		json_print(line);
		json_decref(line);
	}
	json_decref(t.rows);
	return code;
}
