/* Who wrote the inputs: a look at the last records of each, before the first is processed. See topics.h.
 *
 * A topic's partitioner is told by where its keys lie (partitioner.h). Where none of the known ones fits, topics are still compared
 * with each other: one key in two partitions is one shopper in two tasks.
 */
#include <errno.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <xxhash.h>

#include "daemon/config/config.h"
#include "daemon/kafka/kafka.h"
#include "daemon/kafka/partitioner.h"
#include "daemon/kafka/topics.h"

#define SAMPLE_RECORDS 100 /* of a partition */
#define SAMPLE_TIMEOUT_MS 3000
#define KEYS_MAX (SAMPLE_RECORDS * 512u)

struct seen_key {
	uint64_t hash;
	int32_t partition;
	int input;
};

struct sampling {
	const struct config *config;
	int32_t partitions;
	struct partitioner_sample of[EVENT_ITEM];
	uint16_t *records; /* EVENT_ITEM x partitions; SAMPLE_RECORDS = done */
	struct seen_key *keys;
	size_t n_keys;
	int left; /* partitions that are not done */
};

static bool reads(const struct config *config, int kind)
{
	return config->topics.of[kind].name && *config->topics.of[kind].name;
}

static const char *input_name(const struct sampling *s, int kind)
{
	return s->config->topics.of[kind].name;
}

static int input_of(const struct sampling *s, const char *topic)
{
	for (int k = 0; k < EVENT_ITEM; k++)
		if (reads(s->config, k) && !strcmp(s->config->topics.of[k].name, topic))
			return k;
	return -1;
}

static void take(struct sampling *s, const rd_kafka_message_t *m)
{
	int input = m->rkt ? input_of(s, rd_kafka_topic_name(m->rkt)) : -1;
	if (input < 0 || m->partition < 0 || m->partition >= s->partitions)
		return;
	uint16_t *n = &s->records[input * s->partitions + m->partition];
	if (*n == SAMPLE_RECORDS)
		return;
	if (m->err) /* the end, or a partition that cannot be read: the loop will say so */
		*n = SAMPLE_RECORDS;
	else {
		partitioner_sample_add(&s->of[input], m->key, m->key_len, m->partition);
		if (m->key && m->key_len && s->n_keys < KEYS_MAX)
			s->keys[s->n_keys++] = (struct seen_key){ XXH3_64bits(m->key, m->key_len), m->partition, input };
		++*n;
	}
	if (*n == SAMPLE_RECORDS)
		s->left--;
}

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int read_tails(struct sampling *s, const char *bootstrap, char *error, size_t size)
{
	rd_kafka_t *reader;
	int r = kafka_client(s->config, KAFKA_READER, bootstrap, &reader, error, size);
	if (r)
		return r;
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(s->left);
	for (int k = 0; k < EVENT_ITEM; k++)
		for (int32_t p = 0; reads(s->config, k) && p < s->partitions; p++)
			rd_kafka_topic_partition_list_add(list, s->config->topics.of[k].name, p)->offset =
				RD_KAFKA_OFFSET_TAIL(SAMPLE_RECORDS);
	rd_kafka_assign(reader, list);
	rd_kafka_topic_partition_list_destroy(list);
	for (int64_t until = now_ms() + SAMPLE_TIMEOUT_MS, left; s->left && (left = until - now_ms()) > 0;) {
		rd_kafka_message_t *m = rd_kafka_consumer_poll(reader, (int)left);
		if (m) {
			take(s, m);
			rd_kafka_message_destroy(m);
		}
	}
	rd_kafka_consumer_close(reader);
	rd_kafka_destroy(reader);
	return 0;
}

static int by_hash(const void *a, const void *b)
{
	const struct seen_key *x = a, *y = b;
	return x->hash < y->hash ? -1 : x->hash > y->hash;
}

/* One key in two partitions, in more than 5 of 100 keys that were seen twice, and at least 3 times: *ret_a and *ret_b say in which inputs. */
static bool keys_disagree(struct sampling *s, int *ret_a, int *ret_b)
{
	size_t twice = 0, apart = 0;
	if (s->n_keys)
		qsort(s->keys, s->n_keys, sizeof(*s->keys), by_hash);
	for (size_t i = 1; i < s->n_keys; i++) {
		const struct seen_key *a = &s->keys[i - 1], *b = &s->keys[i];
		if (a->hash != b->hash)
			continue;
		twice++;
		if (a->partition != b->partition) {
			apart++;
			*ret_a = a->input;
			*ret_b = b->input;
		}
	}
	return apart >= 3 && apart * 20 > twice;
}

static int judge(struct sampling *s, struct topics_layout *layout, char *error, size_t size)
{
	int first = -1, of_first = -1, a = 0, b = 0;

	for (int k = 0; k < EVENT_ITEM; k++) {
		const struct partitioner_sample *p = &s->of[k];
		const char *name = input_name(s, k);
		if (!reads(s->config, k))
			continue;
		if (p->unkeyed >= 10 && !p->keyed) {
			snprintf(error, size,
				"records of topic '%s' have no key; they must be keyed by user id, so that one shopper's events lie in one partition",
				name);
			return -EINVAL;
		}
		if (p->unkeyed)
			topics_warn(layout, "%u of the last %u records of topic '%s' have no key: their shoppers are spread over several tasks",
				p->unkeyed, p->unkeyed + p->keyed, name);
		int which = partitioner_sample_judge(p);
		if (which < 0)
			continue;
		if (first >= 0 && which != of_first) {
			const char *one = of_first < PARTITIONERS ? partitioner_names[of_first] : "an unknown one";
			const char *other = which < PARTITIONERS ? partitioner_names[which] : "an unknown one";
			snprintf(error, size,
				"topics '%s' and '%s' were written with different partitioners (%s and %s), so that one shopper's events do not lie "
				"in partitions of one number; write both with one partitioner (murmur2, the Java clients' own, is librdkafka's "
				"partitioner=murmur2_random)",
				input_name(s, first), name, one, other);
			return -EINVAL;
		}
		if (first < 0) {
			first = k;
			of_first = which;
		}
	}
	if (keys_disagree(s, &a, &b)) {
		if (a == b)
			snprintf(error, size, "topic '%s' has records of one key in several partitions; they must be partitioned by user id",
				input_name(s, a));
		else
			snprintf(error, size,
				"topics '%s' and '%s' have records of one key in different partitions; all inputs must be keyed by user id and written "
				"with one partitioner",
				input_name(s, a), input_name(s, b));
		return -EINVAL;
	}
	return 0;
}

int topics_sample(const struct config *config, const char *bootstrap, struct topics_layout *layout, char *error, size_t size)
{
	struct sampling s = { .config = config, .partitions = layout->partitions };
	int r = 0;

	if (layout->partitions < 2) /* everything lies together */
		return 0;
	s.records = calloc((size_t)EVENT_ITEM * (size_t)layout->partitions, sizeof(*s.records));
	s.keys = malloc(KEYS_MAX * sizeof(*s.keys));
	if (!s.records || !s.keys) {
		snprintf(error, size, "out of memory");
		r = -ENOMEM;
		goto out;
	}
	for (int k = 0; k < EVENT_ITEM; k++) {
		s.of[k].partitions = layout->partitions;
		if (reads(config, k))
			s.left += layout->partitions;
	}
	r = read_tails(&s, bootstrap, error, size);
	if (!r)
		r = judge(&s, layout, error, size);
out:
	free(s.records);
	free(s.keys);
	return r;
}
