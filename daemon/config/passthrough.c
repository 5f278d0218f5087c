/* [kafka]: any property of librdkafka. Whether one exists, may be set and takes the value is asked of the request's check_kafka
 * (daemon/kafka/kafka.c), since librdkafka is not this room's. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "daemon/config/address.h"
#include "daemon/config/load.h"
#include "daemon/config/option.h"
#include "daemon/config/suggest.h"

#define SECRET_BYTES ((size_t)65536)
#define GROUP_BYTES 200 /* leaves room for "-item-repartition" in Kafka's 249 */

static bool is_secret(const char *name)
{
	static const char *const words[] = { "password", "secret", ".key.pem", "oauthbearer.config", "token", "jaas" };
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strcasestr(name, words[i]))
			return true;
	return false;
}

/* The text behind "file:", without its last newlines; NULL when it was an error. */
static const char *from_file(struct load *l, const struct raw *raw)
{
	const char *name = raw->value + strlen("file:");
	char error[OPTION_ERROR_BYTES], *path = NULL;
	struct option_file f;

	if (name[0] != '/' && raw->line != LINE_SET && l->folder) {
		if (asprintf(&path, "%s/%s", l->folder, name) < 0)
			path = NULL;
	} else {
		path = strdup(name);
	}
	path = load_keep(l, path);
	if (!path)
		return NULL;
	if (option_read_file(path, SECRET_BYTES, &f, error, sizeof(error)) < 0) {
		load_error(l, raw->line, raw->origin, "kafka.%s: %s", raw->name, error);
		return NULL;
	}
	free(f.path);
	while (f.size && (f.data[f.size - 1] == '\n' || f.data[f.size - 1] == '\r'))
		f.data[--f.size] = 0;
	if (!f.size || strlen(f.data) != f.size) {
		load_error(l, raw->line, raw->origin, "kafka.%s: '%s' %s", raw->name, path, f.size ? "holds a zero byte" : "is empty");
		free(f.data);
		return NULL;
	}
	return load_keep(l, f.data);
}

static void check(struct load *l, const struct raw *raw, const char *value)
{
	char error[OPTION_ERROR_BYTES] = "";
	int r = l->request->check_kafka ? l->request->check_kafka(raw->name, value, error, sizeof(error)) : 0;

	if (r == -ENOENT) {
		struct suggestion s = { .wanted = raw->name };
		for (size_t i = 0; i < l->request->n_kafka_names; i++)
			suggest_offer(&s, l->request->kafka_names[i]);
		load_error(l, raw->line, raw->origin, "kafka.%s: librdkafka has no such property%s%s%s", raw->name, s.best ? "; did you mean '" : "",
			   s.best ? s.best : "", s.best ? "'?" : "");
	} else if (r < 0) {
		/* librdkafka repeats the value in its sentence */
		load_error(l, raw->line, raw->origin, "kafka.%s: %s", raw->name, is_secret(raw->name) ? "librdkafka refuses the value" : error);
	}
}

static void property(struct load *l, struct raw *raw)
{
	struct config_kafka *k = &l->config->kafka;
	const char *value = raw->value;
	bool secret = is_secret(raw->name);

	raw->used = true;
	if (!value[0]) {
		load_error(l, raw->line, raw->origin, "kafka.%s: the value is empty", raw->name);
		return;
	}
	if (!strncmp(value, "file:", 5)) {
		value = from_file(l, raw);
		if (!value)
			return;
		secret = true;
	}
	check(l, raw, value);
	if (l->no_memory)
		return;
	k->properties[k->n_properties++] = (struct config_property){ raw->name, value, raw->origin, secret };
	load_entry(l, "kafka", raw->name, strncmp(raw->value, "file:", 5) ? value : raw->value, raw->origin, secret && value == raw->value);
	if (!strcmp(raw->name, "bootstrap.servers"))
		k->bootstrap_servers = value;
	if (!strcmp(raw->name, "group.id"))
		k->group_id = value;
}

void load_kafka(struct load *l)
{
	struct config_kafka *k = &l->config->kafka;
	struct raw *servers = load_find(l, "kafka", "bootstrap.servers"), *group = load_find(l, "kafka", "group.id");

	k->properties = calloc(l->n_raws + 1, sizeof(*k->properties));
	if (!k->properties) {
		l->no_memory = true;
		return;
	}
	k->bootstrap_servers = k->group_id = "";
	if (l->request->embedded && servers)
		servers->used = true; /* the same file serves both */
	for (size_t i = 0; i < l->n_raws; i++)
		if (!strcmp(l->raws[i].section, "kafka") && !l->raws[i].used)
			property(l, &l->raws[i]);
	if (!servers && !l->request->embedded)
		load_error(l, LINE_NONE, NULL, "kafka.bootstrap.servers: is required and not set; allowed: host:port, several joined by commas");
	if (!group && !l->request->embedded)
		load_error(l, LINE_NONE, NULL, "kafka.group.id: is required and not set; allowed: letters, digits, '.', '_' and '-'; topics of glint's own start with it");
	if (!group && l->request->embedded) {
		k->group_id = "glint";
		k->properties[k->n_properties++] = (struct config_property){ "group.id", "glint", "--embedded", false };
		load_entry(l, "kafka", "group.id", "glint", "--embedded", false);
	}
	if (k->group_id[0] && !address_kafka_name(k->group_id, GROUP_BYTES))
		load_error(l, group->line, group->origin,
			   "kafka.group.id: '%s' cannot begin the names of topics; allowed: 1 to %d letters, digits, '.', '_' and '-'", k->group_id,
			   GROUP_BYTES);
}
