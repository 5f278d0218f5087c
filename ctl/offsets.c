/* Asks for offsets. See offsets.h. */
#include "ctl/offsets.h"

#include <errno.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>

#include "daemon/config/config.h"
#include "daemon/kafka/kafka.h"

#define TIMEOUT_MS 10000

int offsets_open(struct offsets *o, const struct config *config, char *error, size_t size)
{
	*o = (struct offsets){ NULL, NULL };
	int r = kafka_client(config, KAFKA_READER_UNCOMMITTED, NULL, &o->uncommitted, error, size);
	if (!r)
		r = kafka_client(config, KAFKA_READER, NULL, &o->stable, error, size);
	if (!r)
		r = kafka_reach(o->uncommitted, config->kafka.bootstrap_servers, TIMEOUT_MS, error, size);
	if (r)
		offsets_close(o);
	return r;
}

void offsets_close(struct offsets *o)
{
	if (o->uncommitted)
		rd_kafka_destroy(o->uncommitted);
	if (o->stable)
		rd_kafka_destroy(o->stable);
	*o = (struct offsets){ NULL, NULL };
}

static rd_kafka_topic_partition_list_t *list_of(const char *topic, int32_t n, int64_t what)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(n);
	for (int32_t p = 0; p < n; p++)
		rd_kafka_topic_partition_list_add(list, topic, p)->offset = what;
	return list;
}

static int take(rd_kafka_topic_partition_list_t *list, rd_kafka_resp_err_t err, const char *topic, const char *what, int64_t *ret, char *error,
	size_t size)
{
	for (int i = 0; !err && i < list->cnt; i++) {
		err = list->elems[i].err;
		ret[list->elems[i].partition] = list->elems[i].offset >= 0 ? list->elems[i].offset : -1;
	}
	rd_kafka_topic_partition_list_destroy(list);
	if (!err)
		return 0;
	snprintf(error, size, "%s of topic '%s': %s", what, topic, rd_kafka_err2str(err));
	return err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || err == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC ||
			err == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION
		? -ENOENT
		: -EIO;
}

/* A query by timestamp -1 or -2 is one request per broker; by watermarks it would be one per partition. */
static int bounds(const struct offsets *o, const char *topic, int32_t n, int64_t which, const char *what, int64_t *ret, char *error, size_t size)
{
	rd_kafka_topic_partition_list_t *list = list_of(topic, n, which);
	return take(list, rd_kafka_offsets_for_times(o->uncommitted, list, TIMEOUT_MS), topic, what, ret, error, size);
}

int offsets_ends(const struct offsets *o, const char *topic, int32_t n, int64_t *ret, char *error, size_t size)
{
	return bounds(o, topic, n, RD_KAFKA_OFFSET_END, "ends", ret, error, size);
}

int offsets_begins(const struct offsets *o, const char *topic, int32_t n, int64_t *ret, char *error, size_t size)
{
	return bounds(o, topic, n, RD_KAFKA_OFFSET_BEGINNING, "beginnings", ret, error, size);
}

int offsets_committed(const struct offsets *o, const char *topic, int32_t n, int64_t *ret, char *error, size_t size)
{
	rd_kafka_topic_partition_list_t *list = list_of(topic, n, RD_KAFKA_OFFSET_INVALID);
	return take(list, rd_kafka_committed(o->stable, list, TIMEOUT_MS), topic, "committed offsets", ret, error, size);
}
