/* Properties of our Kafka clients. See kafka.h. */
#include "daemon/kafka/kafka.h"

#include <errno.h>
#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/config/config.h"
#include "daemon/face/log.h"

#define CONSUMERS (1u << KAFKA_CONSUMER | 1u << KAFKA_READER | 1u << KAFKA_READER_UNCOMMITTED)
#define READERS (1u << KAFKA_READER | 1u << KAFKA_READER_UNCOMMITTED)
#define PRODUCERS (1u << KAFKA_TRANSACTIONAL | 1u << KAFKA_PRODUCER)
#define ALL (CONSUMERS | PRODUCERS | 1u << KAFKA_ADMIN)
#define ROLE(role) (1u << (role))

struct property {
	unsigned roles;
	const char *name, *value;
	const char *reason; /* of a required one */
};

/* Good defaults; [kafka] may change them. A partition whose queue is full is looked at again only after 1 s (librdkafka before 2.2),
 * so the queue is deep in records and bounded in bytes. */
static const struct property tuned[] = {
	{ ALL, "socket.nagle.disable", "true", NULL },
	{ ALL, "socket.keepalive.enable", "true", NULL },
	{ ALL, "log.connection.close", "false", NULL },
	{ ALL, "reconnect.backoff.ms", "100", NULL },
	{ ALL, "reconnect.backoff.max.ms", "2000", NULL },
	{ CONSUMERS, "queued.min.messages", "1000000", NULL },
	{ ROLE(KAFKA_CONSUMER), "queued.max.messages.kbytes", "65536", NULL },
	{ READERS, "queued.max.messages.kbytes", "32768", NULL },
	{ CONSUMERS, "fetch.message.max.bytes", "1048576", NULL },
	{ CONSUMERS, "fetch.wait.max.ms", "50", NULL },
	/* not an answer for every record: at thousands a second that costs broker and daemon more than the records do */
	{ ROLE(KAFKA_CONSUMER), "fetch.min.bytes", "2000", NULL },
	{ ROLE(KAFKA_CONSUMER), "fetch.wait.max.ms", "10", NULL },
	{ CONSUMERS, "fetch.error.backoff.ms", "100", NULL },
	{ ROLE(KAFKA_CONSUMER), "session.timeout.ms", "10000", NULL },
	{ ROLE(KAFKA_CONSUMER), "heartbeat.interval.ms", "2000", NULL },
	{ PRODUCERS, "linger.ms", "5", NULL },
	{ PRODUCERS, "message.max.bytes", "67108864", NULL }, /* a dead letter is as large as the record was: the topic says what fits */
	{ PRODUCERS, "batch.size", "1000000", NULL },
	{ PRODUCERS, "batch.num.messages", "10000", NULL },
	{ PRODUCERS, "queue.buffering.max.messages", "1000000", NULL },
	{ PRODUCERS, "queue.buffering.max.kbytes", "262144", NULL },
	{ PRODUCERS, "compression.codec", "lz4", NULL },
};

/* The mock broker: delays an empty fetch by the whole fetch.wait.max.ms, completes a rebalance only when the session has ended,
 * and returns one batch per fetch, so that many small batches are slow. */
static const struct property tuned_embedded[] = {
	{ CONSUMERS, "fetch.wait.max.ms", "10", NULL },
	{ ROLE(KAFKA_CONSUMER), "session.timeout.ms", "6000", NULL },
};

static const char exactly_once[] = "exactly-once stands on it";
static const struct property required[] = {
	{ CONSUMERS, "enable.auto.commit", "false", "offsets are committed with the interval that they belong to" },
	{ CONSUMERS, "enable.auto.offset.store", "false", "offsets are committed with the interval that they belong to" },
	{ CONSUMERS, "enable.partition.eof", "true", "time goes on at the end of a partition" },
	{ CONSUMERS, "auto.offset.reset", "error", "a lost offset is named, never jumped over" },
	{ ROLE(KAFKA_CONSUMER) | ROLE(KAFKA_READER), "isolation.level", "read_committed", exactly_once },
	{ ROLE(KAFKA_READER_UNCOMMITTED), "isolation.level", "read_uncommitted", exactly_once },
	{ ROLE(KAFKA_CONSUMER), "partition.assignment.strategy", "range", "the inputs' partitions of one number go to one process" },
	{ PRODUCERS, "enable.idempotence", "true", exactly_once },
	{ PRODUCERS, "partitioner", "murmur2_random", "all topics of a group are written with one partitioner" },
};

/* Set from other settings, or of no use here; not to be given in [kafka]. */
static const struct property refused[] = {
	{ 0, "acks", NULL, exactly_once },
	{ 0, "request.required.acks", NULL, exactly_once },
	{ 0, "max.in.flight.requests.per.connection", NULL, exactly_once },
	{ 0, "max.in.flight", NULL, exactly_once },
	{ 0, "transactional.id", NULL, "it is <group.id>-<instance>" },
	{ 0, "transaction.timeout.ms", NULL, "it is 5 s: an open transaction holds back every reader" },
	{ 0, "group.instance.id", NULL, "it is the instance's name (--instance)" },
	{ 0, "client.id", NULL, "it is glint-<instance>" },
	{ 0, "test.mock.num.brokers", NULL, "--embedded starts a broker" },
};

static void on_log(const rd_kafka_t *rk, int level, const char *fac, const char *text)
{
	char cause[48];
	(void)rk;
	/* properties of the other kind of client are no news: one [kafka] section serves all */
	if (!strcmp(fac, "CONFWARN")) {
		log_debug(NULL, "kafka: %s", text);
		return;
	}
	snprintf(cause, sizeof(cause), "kafka.%s", fac);
	if (level <= 3)
		log_error(cause, "kafka: %s", text);
	else if (level == 4)
		log_warn(cause, "kafka: %s", text);
	else if (level <= 6)
		log_info(cause, "kafka: %s", text);
	else
		log_debug(cause, "kafka: %s", text);
}

static int set(rd_kafka_conf_t *conf, const char *name, const char *value, const char *origin, char *error, size_t size)
{
	char why[512];
	if (rd_kafka_conf_set(conf, name, value, why, sizeof(why)) == RD_KAFKA_CONF_OK)
		return 0;
	snprintf(error, size, "%s: kafka.%s: %s", origin, name, why);
	return -EINVAL;
}

static int set_table(rd_kafka_conf_t *conf, enum kafka_role role, const struct property *table, size_t n, char *error, size_t size)
{
	for (size_t i = 0; i < n; i++)
		if (table[i].roles & ROLE(role)) {
			int r = set(conf, table[i].name, table[i].value, "glint", error, size);
			if (r)
				return r;
		}
	return 0;
}

#define N(table) (sizeof(table) / sizeof((table)[0]))

static int set_identity(rd_kafka_conf_t *conf, const struct config *config, enum kafka_role role, bool embedded, char *error, size_t size)
{
	char id[512], timeout[16];
	int r;

	snprintf(id, sizeof(id), "glint-%s", config->glint.instance);
	r = set(conf, "client.id", id, "glint", error, size);
	if (!r && role == KAFKA_CONSUMER && !embedded)
		r = set(conf, "group.instance.id", config->glint.instance, "glint", error, size);
	if (!r && role == KAFKA_TRANSACTIONAL && !embedded) {
		snprintf(id, sizeof(id), "%s-%s", config->kafka.group_id, config->glint.instance);
		snprintf(timeout, sizeof(timeout), "%d", KAFKA_TRANSACTION_TIMEOUT_MS);
		r = set(conf, "transactional.id", id, "glint", error, size);
		if (!r)
			r = set(conf, "transaction.timeout.ms", timeout, "glint", error, size);
	}
	return r;
}

rd_kafka_conf_t *kafka_conf(const struct config *config, enum kafka_role role, const char *bootstrap, char *error, size_t size)
{
	/* glintctl reads embedded.conf, which says so by its guarantee */
	bool embedded = config->embedded || config->glint.guarantee == GUARANTEE_AT_LEAST_ONCE;
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	int r;

	rd_kafka_conf_set_log_cb(conf, on_log);
	r = set_table(conf, role, tuned, N(tuned), error, size);
	if (!r && embedded)
		r = set_table(conf, role, tuned_embedded, N(tuned_embedded), error, size);
	for (size_t i = 0; !r && i < config->kafka.n_properties; i++) {
		const struct config_property *p = &config->kafka.properties[i];
		if (bootstrap && (!strcmp(p->name, "bootstrap.servers") || !strcmp(p->name, "metadata.broker.list")))
			continue;
		r = set(conf, p->name, p->value, p->origin ? p->origin : "[kafka]", error, size);
	}
	if (!r && bootstrap)
		r = set(conf, "bootstrap.servers", bootstrap, "glint", error, size);
	if (!r)
		r = set_table(conf, role, required, N(required), error, size);
	if (!r)
		r = set_identity(conf, config, role, embedded, error, size);
	if (r) {
		rd_kafka_conf_destroy(conf);
		return NULL;
	}
	return conf;
}

int kafka_client(const struct config *config, enum kafka_role role, const char *bootstrap, rd_kafka_t **ret, char *error, size_t size)
{
	char why[512];
	rd_kafka_conf_t *conf = kafka_conf(config, role, bootstrap, error, size);
	if (!conf)
		return -EINVAL;
	rd_kafka_t *rk = rd_kafka_new(ROLE(role) & CONSUMERS ? RD_KAFKA_CONSUMER : RD_KAFKA_PRODUCER, conf, why, sizeof(why));
	if (!rk) {
		rd_kafka_conf_destroy(conf);
		snprintf(error, size, "[kafka]: no client can be made of these properties: %s", why);
		return -EINVAL;
	}
	if (ROLE(role) & CONSUMERS)
		rd_kafka_poll_set_consumer(rk);
	*ret = rk;
	return 0;
}

static const struct property *find(const struct property *table, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(table[i].name, name))
			return &table[i];
	return NULL;
}

int kafka_check_property(const char *name, const char *value, char *error, size_t size)
{
	const struct property *p = find(refused, N(refused), name);
	char why[512];
	int r = 0;

	if (!p)
		p = find(required, N(required), name);
	if (p) {
		snprintf(error, size, "glint sets it itself (%s); leave it out", p->reason);
		return -EINVAL;
	}
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	switch (rd_kafka_conf_set(conf, name, value, why, sizeof(why))) {
	case RD_KAFKA_CONF_OK:
		break;
	case RD_KAFKA_CONF_UNKNOWN:
		snprintf(error, size, "%s", why);
		r = -ENOENT;
		break;
	default:
		snprintf(error, size, "%s", why);
		r = -EINVAL;
	}
	rd_kafka_conf_destroy(conf);
	return r;
}

/* The library lists them for people alone, as rows "name | C/P | range ..." (a dump of a conf leaves out what has no value). */
static size_t read_names(FILE *rows, const char **names, size_t max)
{
	char *row = NULL;
	size_t capacity = 0, n = 0;
	while (n < max && getline(&row, &capacity, rows) > 0) {
		size_t size = strspn(row, "abcdefghijklmnopqrstuvwxyz0123456789._");
		if (!size || row[size] != ' ' || !strchr(row, '|'))
			continue;
		row[size] = '\0';
		bool callback = strstr(row, "_cb") || !strcmp(row, "opaque") || strstr(row, "_ssl_");
		if (callback || find(refused, N(refused), row) || find(required, N(required), row))
			continue;
		names[n] = strdup(row);
		if (names[n])
			n++;
	}
	free(row);
	return n;
}

#define NAMES_MAX 512

const char **kafka_property_names(size_t *ret_n)
{
	char *text = NULL;
	size_t size = 0, n = 0;
	const char **names = calloc(NAMES_MAX, sizeof(*names));
	FILE *f = open_memstream(&text, &size);

	if (f) {
		rd_kafka_conf_properties_show(f);
		fclose(f);
		f = names && text ? fmemopen(text, size, "r") : NULL;
	}
	if (f) {
		n = read_names(f, names, NAMES_MAX);
		fclose(f);
	}
	free(text);
	if (!n) {
		free((void *)names);
		names = NULL;
	}
	*ret_n = n;
	return names;
}

void kafka_property_names_free(const char **names, size_t n)
{
	for (size_t i = 0; names && i < n; i++)
		free((void *)(uintptr_t)names[i]);
	free((void *)names);
}

int kafka_reach(rd_kafka_t *client, const char *bootstrap, int timeout_ms, char *error, size_t size)
{
	const struct rd_kafka_metadata *metadata;
	rd_kafka_resp_err_t err = rd_kafka_metadata(client, 0, NULL, &metadata, timeout_ms);
	if (!err) {
		rd_kafka_metadata_destroy(metadata);
		return 0;
	}
	if (err == RD_KAFKA_RESP_ERR__TRANSPORT || err == RD_KAFKA_RESP_ERR__TIMED_OUT) {
		snprintf(error, size, "no answer from Kafka at %s within %d s; is it running, and may this host reach it?", bootstrap,
			(timeout_ms + 999) / 1000);
		return -ETIMEDOUT;
	}
	snprintf(error, size, "Kafka at %s: %s", bootstrap, rd_kafka_err2str(err));
	return -EIO;
}

void kafka_client_destroy(struct rd_kafka_s *client)
{
	if (client)
		rd_kafka_destroy(client);
}
