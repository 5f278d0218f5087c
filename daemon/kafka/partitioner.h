/* From a record's key to its partition, as the common Kafka clients do it; and which of them wrote a topic.
 *
 * The inputs are joined by partition, so all of them must have been written with one partitioner. Pure functions; called by the
 * runtime (repartition keys), by topics.c (sampling) and by tests.
 */
#ifndef GLINT_PARTITIONER_H
#define GLINT_PARTITIONER_H

#include <stddef.h>
#include <stdint.h>

enum partitioner {
	PARTITIONER_MURMUR2, /* Java clients, and librdkafka's murmur2_random: ours */
	PARTITIONER_CRC32,   /* librdkafka's default, consistent_random (Python, Go and C clients of Confluent) */
	PARTITIONER_FNV1A,   /* Sarama's default; librdkafka's fnv1a_random */
	PARTITIONERS
};

/* "murmur2", "crc32", "fnv1a". */
extern const char *const partitioner_names[PARTITIONERS];

/* MurmurHash2, 32 bit, seed 0x9747b28c (Austin Appleby's MurmurHash2; org.apache.kafka.common.utils.Utils.murmur2). */
uint32_t partitioner_murmur2(const void *key, size_t size);

/* Partition of a key: 0 .. partitions - 1; partitions > 0. The hash's sign bit is cleared as the Java client does; crc32 is
 * taken unsigned, fnv1a as an absolute value. One pass over the key, no allocation. */
int32_t partitioner_partition(enum partitioner which, const void *key, size_t size, int32_t partitions);

/* What a sample of a topic's records says about its partitioner. Zero it; partitions is set by the caller. */
struct partitioner_sample {
	int32_t partitions;
	uint32_t keyed, unkeyed;     /* records seen */
	uint32_t fits[PARTITIONERS]; /* keyed records that lie where this one puts them */
};

void partitioner_sample_add(struct partitioner_sample *sample, const void *key, size_t size, int32_t partition);

/* PARTITIONER_* when at least 95 of 100 keyed records lie where it puts them and chance alone would do that less than once in a
 * thousand; PARTITIONERS when the sample is large enough to tell and none fits; -1 when it is too small to tell (one partition,
 * a handful of records). */
int partitioner_sample_judge(const struct partitioner_sample *sample);

#endif
