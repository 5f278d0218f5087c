/* Bytes ahead of the group's commits, per partition. See backlog.h. */
#include "ctl/backlog.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/config/config.h"
#include "daemon/kafka/kafka.h"

#define MARKS 128 /* a power of two */
#define MARK_BYTES (BACKLOG_BYTES / 64)
#define ASK_MS 10

/* "at this offset so many bytes had been delivered"; some MARK_BYTES apart, so that the ring holds more than a backlog */
struct mark {
	int64_t offset;
	uint64_t bytes;
};

struct lane {
	uint64_t sent, delivered, committed; /* bytes */
	struct mark marks[MARKS];
	uint32_t head, tail;
};

struct backlog {
	const char *topic;
	int32_t partitions;
	struct lane *lanes;
	rd_kafka_t *reader;
	int64_t asked_ms, moved_ms; /* monotonic */
};

int backlog_create(const struct config *config, const char *topic, int32_t partitions, struct backlog **ret, char *error, size_t size)
{
	struct backlog *b = calloc(1, sizeof(*b));
	int r = -ENOMEM;
	if (!b || !(b->lanes = calloc((size_t)partitions, sizeof(*b->lanes))))
		goto fail;
	b->topic = topic;
	b->partitions = partitions;
	r = kafka_client(config, KAFKA_READER, NULL, &b->reader, error, size);
	if (r)
		goto fail;
	*ret = b;
	return 0;
fail:
	backlog_destroy(b);
	return r;
}

void backlog_destroy(struct backlog *b)
{
	if (!b)
		return;
	if (b->reader)
		rd_kafka_destroy(b->reader);
	free(b->lanes);
	free(b);
}

/* true when an offset moved */
static bool take_committed(struct lane *l, int64_t offset)
{
	uint64_t before = l->committed;
	while (l->tail != l->head && l->marks[l->tail % MARKS].offset < offset)
		l->committed = l->marks[l->tail++ % MARKS].bytes;
	return l->committed != before;
}

static void ask(struct backlog *b, int64_t now_ms)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(b->partitions);
	for (int32_t p = 0; p < b->partitions; p++)
		rd_kafka_topic_partition_list_add(list, b->topic, p);
	if (!rd_kafka_committed(b->reader, list, 1000))
		for (int i = 0; i < list->cnt; i++)
			if (take_committed(&b->lanes[list->elems[i].partition], list->elems[i].offset))
				b->moved_ms = now_ms;
	rd_kafka_topic_partition_list_destroy(list);
}

bool backlog_allows(struct backlog *b, int32_t partition, size_t bytes, int64_t now_ms, int64_t *ret_stalled_ms)
{
	struct lane *l = &b->lanes[partition];
	*ret_stalled_ms = 0;
	if (l->sent - l->committed + bytes <= BACKLOG_BYTES || l->sent == l->committed) {
		b->moved_ms = now_ms;
		return true;
	}
	if (now_ms - b->asked_ms >= ASK_MS) {
		b->asked_ms = now_ms;
		ask(b, now_ms);
	}
	*ret_stalled_ms = now_ms - b->moved_ms;
	return l->sent - l->committed + bytes <= BACKLOG_BYTES;
}

void backlog_sent(struct backlog *b, int32_t partition, size_t bytes)
{
	b->lanes[partition].sent += bytes;
}

void backlog_delivered(struct backlog *b, int32_t partition, int64_t offset, size_t bytes)
{
	struct lane *l = &b->lanes[partition];
	l->delivered += bytes;
	/* the newest mark follows the newest record, until it is MARK_BYTES past the one before it */
	uint64_t before = l->head - l->tail > 1 ? l->marks[(l->head - 2) % MARKS].bytes : l->committed;
	bool move = l->head != l->tail && l->marks[(l->head - 1) % MARKS].bytes - before < MARK_BYTES;
	if (!move && l->head - l->tail < MARKS)
		l->head++;
	l->marks[(l->head - 1) % MARKS] = (struct mark){ offset, l->delivered };
}
