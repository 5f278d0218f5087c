/* The three hashes by which Kafka clients spread keys over partitions. See partitioner.h. */
#include "daemon/kafka/partitioner.h"

#include <assert.h>
#include <math.h>
#include <string.h>
#include <zlib.h>

const char *const partitioner_names[PARTITIONERS] = { "murmur2", "crc32", "fnv1a" };

uint32_t partitioner_murmur2(const void *key, size_t size)
{
	const uint32_t m = 0x5bd1e995;
	const uint8_t *p = key;
	uint32_t h = 0x9747b28cu ^ (uint32_t)size;

	for (; size >= 4; p += 4, size -= 4) {
		uint32_t k = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
		k *= m;
		k ^= k >> 24;
		k *= m;
		h = h * m ^ k;
	}
	if (size > 2)
		h ^= (uint32_t)p[2] << 16;
	if (size > 1)
		h ^= (uint32_t)p[1] << 8;
	if (size > 0) {
		h ^= p[0];
		h *= m;
	}
	h ^= h >> 13;
	h *= m;
	return h ^ h >> 15;
}

static uint32_t fnv1a(const uint8_t *p, size_t size)
{
	uint32_t h = 0x811c9dc5;
	while (size--)
		h = (h ^ *p++) * 0x01000193u;
	return h >> 31 ? 0u - h : h; /* |h| of the signed hash, as Sarama takes it */
}

int32_t partitioner_partition(enum partitioner which, const void *key, size_t size, int32_t partitions)
{
	uint32_t h = 0;
	assert(partitions > 0);
	switch (which) {
	case PARTITIONER_MURMUR2:
		h = partitioner_murmur2(key, size) & 0x7fffffff;
		break;
	case PARTITIONER_CRC32:
		h = (uint32_t)crc32_z(0, size ? key : (const void *)"", size);
		break;
	case PARTITIONER_FNV1A:
		h = fnv1a(key, size);
		break;
	case PARTITIONERS:
		break;
	}
	return (int32_t)(h % (uint32_t)partitions);
}

void partitioner_sample_add(struct partitioner_sample *sample, const void *key, size_t size, int32_t partition)
{
	if (!key || !size) {
		sample->unkeyed++;
		return;
	}
	sample->keyed++;
	for (int i = 0; i < PARTITIONERS; i++)
		sample->fits[i] += partitioner_partition((enum partitioner)i, key, size, sample->partitions) == partition;
}

int partitioner_sample_judge(const struct partitioner_sample *sample)
{
	if (sample->partitions < 2 || sample->keyed * log2(sample->partitions) < 10)
		return -1;
	for (int i = 0; i < PARTITIONERS; i++)
		if ((uint64_t)sample->fits[i] * 100 >= (uint64_t)sample->keyed * 95)
			return i;
	return PARTITIONERS;
}
