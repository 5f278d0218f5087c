/* Creates and checks topics through the admin API. See topics.h; sampling is in topics_sample.c. */
#include "daemon/kafka/topics.h"

#include <errno.h>
#include <librdkafka/rdkafka.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/config/config.h"
#include "daemon/kafka/kafka.h"

#define METADATA_TIMEOUT_MS 10000
#define ADMIN_TIMEOUT_MS 15000
#define VISIBLE_TIMEOUT_MS 15000
#define RECORD_OVERHEAD_BYTES 65536 /* headers of a dead letter */

static const char *const option_names[EVENT_KINDS] = { "clicks", "purchases", "reviews", "items" };

static const struct policy {
	const char *suffix;
	bool of_inputs; /* as many partitions as the inputs; else one */
	const char *cleanup;
	bool for_ever; /* retention.ms=-1: replays carry old event times, and brokers delete by them */
} policies[INTERNAL_TOPICS] = {
	[TOPIC_REPARTITION] = { "item-repartition", true, "delete", true },
	[TOPIC_USER_ROWS] = { "user-rows", true, "compact", true },
	[TOPIC_ITEM_ROWS] = { "item-rows", true, "compact", true },
	[TOPIC_MODEL] = { "model", false, "compact", true },
	[TOPIC_CONTROL] = { "control", false, "compact", true },
	[TOPIC_ALERTS] = { "alerts", false, "delete", false },
	[TOPIC_DEAD_LETTER] = { "dead-letter", true, "delete", false },
};

static const char *where(const struct config *config, const char *bootstrap)
{
	return bootstrap ? bootstrap : config->kafka.bootstrap_servers;
}

static bool is_embedded(const struct config *config)
{
	return config->embedded || config->glint.guarantee == GUARANTEE_AT_LEAST_ONCE;
}

static const char *plural(int32_t n)
{
	return n == 1 ? "" : "s";
}

void topics_warn(struct topics_layout *layout, const char *format, ...)
{
	size_t n = strlen(layout->warning);
	va_list ap;
	if (n && n + 3 < sizeof(layout->warning)) {
		memcpy(layout->warning + n, "; ", 3);
		n += 2;
	}
	va_start(ap, format);
	vsnprintf(layout->warning + n, sizeof(layout->warning) - n, format, ap);
	va_end(ap);
}

void topics_layout(const struct config *config, int32_t partitions, struct topics_layout *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->partitions = partitions;
	for (int i = 0; i < INTERNAL_TOPICS; i++) {
		snprintf(ret->names[i], sizeof(ret->names[i]), "%s-%s", config->kafka.group_id, policies[i].suffix);
		ret->counts[i] = policies[i].of_inputs ? partitions : 1;
	}
}

/* --- what is there --- */

struct cluster {
	const struct rd_kafka_metadata *metadata; /* NULL: not read */
};

/* All topics at once: asking for one by name makes some brokers create it. */
static int cluster_read(struct cluster *c, const struct config *config, rd_kafka_t *client, const char *bootstrap, char *error, size_t size)
{
	int r = kafka_reach(client, where(config, bootstrap), METADATA_TIMEOUT_MS, error, size);
	if (r)
		return r;
	rd_kafka_resp_err_t err = rd_kafka_metadata(client, 1, NULL, &c->metadata, METADATA_TIMEOUT_MS);
	if (err) {
		snprintf(error, size, "Kafka at %s does not list its topics: %s", where(config, bootstrap), rd_kafka_err2str(err));
		return -EIO;
	}
	return 0;
}

static void cluster_done(struct cluster *c)
{
	if (c->metadata)
		rd_kafka_metadata_destroy(c->metadata);
	c->metadata = NULL;
}

/* Partition count, 0 when there is no such topic, -1 while it has partitions without a leader. */
static int32_t cluster_count(const struct cluster *c, const char *name)
{
	for (int i = 0; i < c->metadata->topic_cnt; i++) {
		const struct rd_kafka_metadata_topic *t = &c->metadata->topics[i];
		if (strcmp(t->topic, name))
			continue;
		if (t->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
			return 0;
		for (int p = 0; p < t->partition_cnt; p++)
			if (t->partitions[p].leader < 0)
				return -1;
		return t->err ? -1 : t->partition_cnt;
	}
	return 0;
}

int32_t topics_partitions(rd_kafka_t *client, const char *topic, int timeout_ms)
{
	struct cluster c = { NULL };
	if (rd_kafka_metadata(client, 1, NULL, &c.metadata, timeout_ms))
		return -EIO;
	int32_t n = cluster_count(&c, topic);
	cluster_done(&c);
	return n > 0 ? n : n == 0 ? -ENOENT
				  : -EIO;
}

/* The inputs' common count, or an error. missing: bit per kind; without it a missing input is an error. */
static int inputs_check(const struct config *config, const struct cluster *c, const char *bootstrap, unsigned *missing, int32_t *ret,
	char *error, size_t size)
{
	const char *first = NULL;
	int32_t count = 0;

	for (int k = 0; k < EVENT_KINDS; k++) {
		const char *name = config->topics.of[k].name;
		if (!name || !*name)
			continue;
		int32_t n = cluster_count(c, name);
		if (n < 0) {
			snprintf(error, size, "topic '%s' has partitions without a leader at Kafka %s; a broker is down or starting", name,
				where(config, bootstrap));
			return -EIO;
		}
		if (!n && missing) {
			*missing |= 1u << k;
			continue;
		}
		if (!n) {
			snprintf(error, size,
				"topic '%s' does not exist at Kafka %s; correct 'topics.%s', or create it: glintctl topics create", name,
				where(config, bootstrap), option_names[k]);
			return -ENOENT;
		}
		if (k == EVENT_ITEM) /* the catalogue is a global table: any count */
			continue;
		if (first && n != count) {
			snprintf(error, size,
				"topic '%s' has %d partition%s but '%s' has %d; events of one shopper are joined by partition, so that the "
				"inputs need the same number (and the same partitioner)",
				first, count, plural(count), name, n);
			return -EINVAL;
		}
		if (!first) {
			first = name;
			count = n;
		}
	}
	*ret = count;
	return 0;
}

/* --- admin requests --- */

static rd_kafka_event_t *wait_event(rd_kafka_queue_t *queue)
{
	return rd_kafka_queue_poll(queue, ADMIN_TIMEOUT_MS + 2000);
}

static rd_kafka_AdminOptions_t *admin_options(rd_kafka_t *client, rd_kafka_admin_op_t op)
{
	char why[256];
	rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(client, op);
	rd_kafka_AdminOptions_set_request_timeout(options, ADMIN_TIMEOUT_MS, why, sizeof(why));
	if (op == RD_KAFKA_ADMIN_OP_CREATETOPICS)
		rd_kafka_AdminOptions_set_operation_timeout(options, ADMIN_TIMEOUT_MS - 1000, why, sizeof(why));
	return options;
}

struct new_topic {
	const char *name;
	int32_t partitions;
	const char *cleanup;
	int64_t retention_ms;
	int64_t max_message_bytes; /* 0: the broker's */
};

static rd_kafka_NewTopic_t *new_topic(const struct new_topic *t, int replication, char *why, size_t why_size)
{
	char number[32];
	rd_kafka_NewTopic_t *n = rd_kafka_NewTopic_new(t->name, t->partitions, replication, why, why_size);
	if (!n)
		return NULL;
	rd_kafka_NewTopic_set_config(n, "cleanup.policy", t->cleanup);
	snprintf(number, sizeof(number), "%lld", (long long)t->retention_ms);
	rd_kafka_NewTopic_set_config(n, "retention.ms", number);
	if (!strcmp(t->cleanup, "compact")) {
		rd_kafka_NewTopic_set_config(n, "segment.bytes", "67108864");
		rd_kafka_NewTopic_set_config(n, "min.cleanable.dirty.ratio", "0.2");
	}
	if (t->max_message_bytes) {
		snprintf(number, sizeof(number), "%lld", (long long)t->max_message_bytes);
		rd_kafka_NewTopic_set_config(n, "max.message.bytes", number);
	}
	return n;
}

/* there: only asks whether it would work, and gets the names (of topics[]) of those that are there already, *n_there of them; NULL: creates. */
static int create(rd_kafka_t *client, const struct new_topic *topics, size_t n, int replication, const char **there, size_t *n_there, char *error, size_t size)
{
	rd_kafka_NewTopic_t *list[INTERNAL_TOPICS + EVENT_KINDS];
	rd_kafka_queue_t *queue = NULL;
	rd_kafka_event_t *event = NULL;
	char why[512] = "";
	size_t made = 0;
	int r = -EINVAL;

	for (; made < n; made++) {
		list[made] = new_topic(&topics[made], replication, why, sizeof(why));
		if (!list[made]) {
			snprintf(error, size, "topic '%s' cannot be created: %s", topics[made].name, why);
			goto out;
		}
	}
	queue = rd_kafka_queue_new(client);
	rd_kafka_AdminOptions_t *options = admin_options(client, RD_KAFKA_ADMIN_OP_CREATETOPICS);
	if (there)
		rd_kafka_AdminOptions_set_validate_only(options, 1, why, sizeof(why));
	rd_kafka_CreateTopics(client, list, n, options, queue);
	rd_kafka_AdminOptions_destroy(options);
	event = wait_event(queue);
	if (!event || rd_kafka_event_error(event)) {
		snprintf(error, size, "topics cannot be created: %s", event ? rd_kafka_event_error_string(event) : "no answer");
		r = -EIO;
		goto out;
	}
	size_t results;
	const rd_kafka_topic_result_t **of = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &results);
	for (size_t i = 0; i < results; i++) {
		rd_kafka_resp_err_t err = rd_kafka_topic_result_error(of[i]);
		for (size_t k = 0; there && err == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS && k < n; k++)
			if (strcmp(topics[k].name, rd_kafka_topic_result_name(of[i])) == 0)
				there[(*n_there)++] = topics[k].name;
		if (err && err != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) { /* another process of the group was quicker */
			const char *text = rd_kafka_topic_result_error_string(of[i]);
			snprintf(error, size, "topic '%s' cannot be created: %s%s", rd_kafka_topic_result_name(of[i]),
				text ? text : rd_kafka_err2str(err),
				err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED || err == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED ? "; grant CREATE on it, or create it by hand" : err == RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR ? "; see glint.replication_factor"
																														  : "");
			goto out;
		}
	}
	r = 0;
out:
	if (event)
		rd_kafka_event_destroy(event);
	if (queue)
		rd_kafka_queue_destroy(queue);
	rd_kafka_NewTopic_destroy_array(list, made);
	return r;
}

/* One topic's settings, handed to `each`; stops at the first that returns non-zero. */
typedef int describe_fn(void *arg, const char *topic, const char *name, const char *value, char *error, size_t size);

static int describe(rd_kafka_t *client, const char *const *names, size_t n, describe_fn *each, void *arg, struct topics_layout *layout,
	char *error, size_t size)
{
	rd_kafka_ConfigResource_t *list[INTERNAL_TOPICS + EVENT_KINDS];
	int r = 0;

	for (size_t i = 0; i < n; i++)
		list[i] = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, names[i]);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
	rd_kafka_AdminOptions_t *options = admin_options(client, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
	rd_kafka_DescribeConfigs(client, list, n, options, queue);
	rd_kafka_AdminOptions_destroy(options);
	rd_kafka_event_t *event = wait_event(queue);
	if (!event || rd_kafka_event_error(event)) {
		snprintf(error, size, "settings of topics cannot be read: %s", event ? rd_kafka_event_error_string(event) : "no answer");
		r = -EIO;
		goto out;
	}
	size_t resources;
	const rd_kafka_ConfigResource_t **of =
		rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event), &resources);
	for (size_t i = 0; !r && i < resources; i++) {
		const char *topic = rd_kafka_ConfigResource_name(of[i]);
		if (rd_kafka_ConfigResource_error(of[i])) {
			topics_warn(layout, "settings of topic '%s' cannot be checked: %s", topic,
				rd_kafka_err2str(rd_kafka_ConfigResource_error(of[i])));
			continue;
		}
		size_t entries;
		const rd_kafka_ConfigEntry_t **e = rd_kafka_ConfigResource_configs(of[i], &entries);
		for (size_t k = 0; !r && k < entries; k++) {
			const char *value = rd_kafka_ConfigEntry_value(e[k]);
			r = each(arg, topic, rd_kafka_ConfigEntry_name(e[k]), value ? value : "", error, size);
		}
	}
out:
	if (event)
		rd_kafka_event_destroy(event);
	rd_kafka_queue_destroy(queue);
	rd_kafka_ConfigResource_destroy_array(list, n);
	return r;
}

static int take_max_message(void *arg, const char *topic, const char *name, const char *value, char *error, size_t size)
{
	int64_t *max = arg, v = atoll(value);
	(void)topic, (void)error, (void)size;
	if (!strcmp(name, "max.message.bytes") && v > *max)
		*max = v;
	return 0;
}

static int check_policy(void *arg, const char *topic, const char *name, const char *value, char *error, size_t size)
{
	const struct topics_layout *layout = arg;
	const char *wanted = NULL, *harm = NULL;

	for (int i = 0; i < INTERNAL_TOPICS; i++) {
		if (strcmp(layout->names[i], topic))
			continue;
		if (!strcmp(name, "cleanup.policy") && strcmp(value, policies[i].cleanup)) {
			wanted = policies[i].cleanup;
			harm = !strcmp(wanted, "compact") ? "rows would be deleted by age" : "records would be lost to compaction";
		} else if (!strcmp(name, "retention.ms") && policies[i].for_ever && strcmp(value, "-1")) {
			wanted = "-1";
			harm = "brokers delete by the record's own time, and a replay's is old";
		}
	}
	if (!wanted)
		return 0;
	snprintf(error, size, "topic '%s': %s is '%s' but must be '%s' (%s): kafka-configs.sh --alter --topic %s --add-config %s=%s", topic, name,
		value, wanted, harm, topic, name, wanted);
	return -EINVAL;
}

/* --- all of it --- */

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Waits until every named topic is there with leaders; leaves the listing in *c. */
static int wait_visible(const struct config *config, rd_kafka_t *client, const char *bootstrap, struct cluster *c, const char *const *names,
	size_t n, char *error, size_t size)
{
	int64_t until = now_ms() + VISIBLE_TIMEOUT_MS;
	for (;;) {
		const char *lacking = NULL;
		cluster_done(c);
		int r = cluster_read(c, config, client, bootstrap, error, size);
		if (r)
			return r;
		for (size_t i = 0; i < n && !lacking; i++)
			if (cluster_count(c, names[i]) < 1)
				lacking = names[i];
		if (!lacking)
			return 0;
		if (now_ms() > until) {
			snprintf(error, size, "topic '%s' has no leader after %d s at Kafka %s; a broker is down or starting", lacking,
				VISIBLE_TIMEOUT_MS / 1000, where(config, bootstrap));
			return -ETIMEDOUT;
		}
		nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
	}
}

static int check_counts(const struct cluster *c, const struct topics_layout *layout, char *error, size_t size)
{
	for (int i = 0; i < INTERNAL_TOPICS; i++) {
		int32_t n = cluster_count(c, layout->names[i]);
		if (n == layout->counts[i])
			continue;
		if (!policies[i].of_inputs)
			snprintf(error, size, "topic '%s' has %d partitions but must have one; stop the group, delete the topic and start again",
				layout->names[i], n);
		else
			snprintf(error, size,
				"topic '%s' has %d partition%s but the inputs have %d: the inputs' number was changed. Stop all glintd of the group, "
				"then start with another group.id, which counts anew from what the inputs hold (or delete the topics %.*s-*)",
				layout->names[i], n, plural(n), layout->partitions,
				(int)(strlen(layout->names[i]) - strlen(policies[i].suffix) - 1), layout->names[i]);
		return -EINVAL;
	}
	return 0;
}

static int create_missing(const struct config *config, rd_kafka_t *client, const struct cluster *c, struct topics_layout *layout, char *error,
	size_t size)
{
	struct new_topic topics[INTERNAL_TOPICS];
	const char *inputs[EVENT_KINDS];
	size_t n = 0, n_inputs = 0;
	int64_t max_message = 0;

	for (int i = 0; i < INTERNAL_TOPICS; i++) {
		if (cluster_count(c, layout->names[i]))
			continue;
		layout->created[i] = true;
		topics[n++] = (struct new_topic){ layout->names[i], layout->counts[i], policies[i].cleanup, -1, 0 };
		if (i == TOPIC_ALERTS)
			topics[n - 1].retention_ms = config->glint.alerts_retention_ms;
		if (i == TOPIC_DEAD_LETTER)
			topics[n - 1].retention_ms = config->glint.dead_letter_retention_ms;
		if (topics[n - 1].retention_ms == 0) /* 0 = for ever */
			topics[n - 1].retention_ms = -1;
	}
	if (!n)
		return 0;
	if (layout->created[TOPIC_DEAD_LETTER]) {
		for (int k = 0; k < EVENT_ITEM; k++)
			if (config->topics.of[k].name && *config->topics.of[k].name)
				inputs[n_inputs++] = config->topics.of[k].name;
		int r = describe(client, inputs, n_inputs, take_max_message, &max_message, layout, error, size);
		if (r)
			return r;
		if (max_message > 0 && max_message < INT32_MAX - RECORD_OVERHEAD_BYTES)
			topics[n - 1].max_message_bytes = max_message + RECORD_OVERHEAD_BYTES; /* dead-letter is the last */
	}
	return create(client, topics, n, (int)config->glint.replication_factor, NULL, NULL, error, size);
}

int topics_prepare(const struct config *config, rd_kafka_t *client, const char *bootstrap, struct topics_layout *ret, char *error, size_t size)
{
	const char *names[INTERNAL_TOPICS];
	struct topics_layout layout;
	struct cluster c = { NULL };
	int32_t partitions = 0;
	int r = cluster_read(&c, config, client, bootstrap, error, size);

	if (!r)
		r = inputs_check(config, &c, bootstrap, NULL, &partitions, error, size);
	if (r)
		goto out;
	topics_layout(config, partitions, &layout);
	for (int i = 0; i < INTERNAL_TOPICS; i++)
		names[i] = layout.names[i];
	if (!is_embedded(config))
		r = create_missing(config, client, &c, &layout, error, size);
	if (!r)
		r = wait_visible(config, client, bootstrap, &c, names, INTERNAL_TOPICS, error, size);
	if (!r)
		r = check_counts(&c, &layout, error, size);
	if (!r && !is_embedded(config)) {
		r = describe(client, names, INTERNAL_TOPICS, check_policy, &layout, &layout, error, size);
		if (!r)
			r = topics_sample(config, bootstrap, &layout, error, size);
	}
	if (!r)
		*ret = layout;
out:
	cluster_done(&c);
	return r;
}

int topics_create_inputs(const struct config *config, rd_kafka_t *client, const char *bootstrap, int32_t partitions, int64_t retention_ms,
	struct topics_layout *ret, char *error, size_t size)
{
	struct new_topic topics[EVENT_KINDS];
	const char *names[EVENT_KINDS];
	struct topics_layout layout;
	struct cluster c = { NULL };
	unsigned missing;
	int32_t count;
	size_t n, n_hidden;
	int r = cluster_read(&c, config, client, bootstrap, error, size);

again:
	missing = 0;
	count = 0;
	n = n_hidden = 0;
	if (!r)
		r = inputs_check(config, &c, bootstrap, &missing, &count, error, size);
	if (r)
		goto out;
	if (count && partitions && count != partitions) {
		snprintf(error, size, "the inputs that exist have %d partition%s, so that no other can be created with %d", count, plural(count),
			partitions);
		r = -EINVAL;
		goto out;
	}
	if (!count)
		count = partitions ? partitions : TOPICS_DEFAULT_PARTITIONS;
	topics_layout(config, count, &layout);
	for (int k = 0; k < EVENT_KINDS; k++)
		if (missing >> k & 1) {
			bool table = k == EVENT_ITEM;
			names[n] = config->topics.of[k].name;
			topics[n++] = (struct new_topic){ config->topics.of[k].name, count, table ? "compact" : "delete",
				table ? -1 : retention_ms, 0 };
			layout.input_created[k] = true;
		}
	if (n && is_embedded(config)) {
		snprintf(error, size, "topic '%s' does not exist on the embedded broker; glintd --embedded makes its topics when it starts", names[0]);
		r = -ENOENT;
		goto out;
	}
	if (n) { /* a topic of a moment ago may be known to the controller alone: then its partitions count */
		r = create(client, topics, n, (int)config->glint.replication_factor, names, &n_hidden, error, size);
		if (!r && n_hidden) {
			r = wait_visible(config, client, bootstrap, &c, names, n_hidden, error, size);
			goto again;
		}
		for (size_t i = 0; i < n; i++)
			names[i] = topics[i].name;
	}
	if (!r && n)
		r = create(client, topics, n, (int)config->glint.replication_factor, NULL, NULL, error, size);
	if (!r && n)
		r = wait_visible(config, client, bootstrap, &c, names, n, error, size);
	if (!r)
		*ret = layout;
out:
	cluster_done(&c);
	return r;
}
