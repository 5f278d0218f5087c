/* What was refused for its size: whose record it is, how large, what its topic takes, and the way out in one sentence. See committer.h.
 *
 * A broker measures batches as they are sent (compressed), and refuses all records of one that is too large. So as long as batches of several records
 * may be larger than the topic's limit, these are what is to blame; when they may not, a record alone is.
 */
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/config/pseudonym.h"
#include "daemon/kafka/committer.h"
#include "daemon/state/engine.h"

enum { ASK_MS = 5000,
	USUAL_BYTES = 1048588 /* what a broker takes by default; no record of glint's own is larger */ };

/* A key in print; a shopper's id by its hash. */
static void name_of(uint8_t topic, struct text key, char *to, size_t size)
{
	bool row = (topic == TOPIC_USER_ROWS || topic == TOPIC_ITEM_ROWS) && key.size >= PIECE_KEY_BYTES;
	struct text id = row ? (struct text){ key.data + PIECE_KEY_BYTES, key.size - PIECE_KEY_BYTES } : key;
	uint8_t hash[SHA256_BYTES];
	if (row && (uint8_t)key.data[0] == 0xff && (uint8_t)key.data[1] == 0xff) {
		snprintf(to, size, "the task's own row");
	} else if (topic == TOPIC_USER_ROWS || (topic == TOPIC_DEAD_LETTER && id.size)) {
		sha256(id.data, id.size, hash);
		snprintf(to, size, "of the shopper whose id has the SHA-256 %02x%02x%02x%02x...", hash[0], hash[1], hash[2], hash[3]);
	} else if (!id.size) {
		snprintf(to, size, "without a key");
	} else {
		size_t n = (size_t)snprintf(to, size, "of ");
		for (uint32_t k = 0; k < id.size && n + 1 < size; k++)
			to[n++] = id.data[k] >= ' ' && id.data[k] <= '~' && id.data[k] != '"' ? id.data[k] : '?';
		to[n] = '\0';
	}
}

void refused_take(struct refused *r, uint8_t topic, int32_t partition, struct text key, size_t value_bytes)
{
	if (r->any && (r->topic != topic || r->bytes >= key.size + value_bytes))
		return;
	r->any = true;
	r->topic = topic;
	r->partition = partition;
	r->bytes = key.size + value_bytes;
	name_of(topic, key, r->what, sizeof(r->what));
}

static int64_t limit_of(rd_kafka_t *rk, const char *topic)
{
	int64_t limit = 0;
	size_t resources = 0, entries = 0;
	rd_kafka_ConfigResource_t *resource = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
	rd_kafka_DescribeConfigs(rk, &resource, 1, NULL, queue);
	rd_kafka_event_t *event = rd_kafka_queue_poll(queue, ASK_MS);
	const rd_kafka_DescribeConfigs_result_t *result = event ? rd_kafka_event_DescribeConfigs_result(event) : NULL;
	const rd_kafka_ConfigResource_t **of = result && !rd_kafka_event_error(event) ? rd_kafka_DescribeConfigs_result_resources(result, &resources) : NULL;
	const rd_kafka_ConfigEntry_t **e = resources ? rd_kafka_ConfigResource_configs(of[0], &entries) : NULL;
	for (size_t k = 0; k < entries; k++)
		if (!strcmp(rd_kafka_ConfigEntry_name(e[k]), "max.message.bytes") && rd_kafka_ConfigEntry_value(e[k]))
			limit = atoll(rd_kafka_ConfigEntry_value(e[k]));
	if (event)
		rd_kafka_event_destroy(event);
	rd_kafka_queue_destroy(queue);
	rd_kafka_ConfigResource_destroy(resource);
	return limit;
}

void refused_explain(rd_kafka_t *rk, const char *topic, struct refused *r, size_t batch_bytes, char *why, size_t size)
{
	char own[24] = "", takes[48] = "unknown";
	size_t n = sizeof(own);
	if (r->own && rd_kafka_conf_get(rd_kafka_conf(rk), "message.max.bytes", own, &n) == RD_KAFKA_CONF_OK)
		r->limit_bytes = atoll(own);
	if (r->own) {
		snprintf(why, size, "a record of %zu bytes for %s [%d] (%s) is larger than [kafka] message.max.bytes = %lld: raise it and restart; nothing goes on before",
			r->bytes, topic, (int)r->partition, r->what, (long long)r->limit_bytes);
		return;
	}
	r->limit_bytes = limit_of(rk, topic);
	size_t fit = r->limit_bytes > 0 ? (size_t)(r->limit_bytes - r->limit_bytes / 8) : 0;
	if (fit && batch_bytes > fit) {
		r->batch_bytes = fit;
		snprintf(why, size, "%s refuses a batch for its size (max.message.bytes is %lld): batches of at most %zu bytes are sent from now on", topic,
			(long long)r->limit_bytes, fit);
		return;
	}
	if (r->limit_bytes > 0)
		snprintf(takes, sizeof(takes), "%lld", (long long)r->limit_bytes);
	long long least = r->bytes < USUAL_BYTES / 2 ? USUAL_BYTES : 2 * (long long)r->bytes;
	snprintf(why, size, "%s [%d] refuses a record of %zu bytes (%s), max.message.bytes is %s: nothing goes on here before it is raised, as by "
			    "kafka-configs.sh --alter --topic %s --add-config max.message.bytes=%lld",
		topic, (int)r->partition, r->bytes, r->what, takes,
		topic, least);
}
