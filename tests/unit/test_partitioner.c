/* The partitioners: Kafka's published vectors, and librdkafka's own functions as a second opinion. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <librdkafka/rdkafka.h>
#include <string.h>

#include "daemon/kafka/partitioner.h"

/* org.apache.kafka.common.utils.UtilsTest.testMurmur2 */
static void murmur2_gives_the_values_of_kafkas_own_test(void **state)
{
	static const struct {
		const char *key;
		int32_t hash;
	} vectors[] = {
		{ "21", -973932308 },
		{ "foobar", -790332482 },
		{ "a-little-bit-long-string", -985981536 },
		{ "a-little-bit-longer-string", -1486304829 },
		{ "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971 },
		{ "abc", 479470107 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
		assert_int_equal((int32_t)partitioner_murmur2(vectors[i].key, strlen(vectors[i].key)), vectors[i].hash);
}

static void every_partitioner_agrees_with_librdkafkas(void **state)
{
	char key[48];
	(void)state;
	for (int i = 0; i < 20000; i++) {
		int n = snprintf(key, sizeof(key), "%.*s%d", i % 11, "user-\xe4\xbd\xa0\xe5\xa5\xbd", i * 7919);
		for (int32_t p = 1; p <= 13; p += 3) {
			assert_int_equal(partitioner_partition(PARTITIONER_MURMUR2, key, (size_t)n, p),
				rd_kafka_msg_partitioner_murmur2(NULL, key, (size_t)n, p, NULL, NULL));
			assert_int_equal(partitioner_partition(PARTITIONER_CRC32, key, (size_t)n, p),
				rd_kafka_msg_partitioner_consistent(NULL, key, (size_t)n, p, NULL, NULL));
			assert_int_equal(partitioner_partition(PARTITIONER_FNV1A, key, (size_t)n, p),
				rd_kafka_msg_partitioner_fnv1a(NULL, key, (size_t)n, p, NULL, NULL));
		}
	}
}

static struct partitioner_sample sample_of(int which, int32_t partitions, int n)
{
	struct partitioner_sample s = { .partitions = partitions };
	char key[32];
	for (int i = 0; i < n; i++) {
		int size = snprintf(key, sizeof(key), "u%d", i);
		int32_t p = which < PARTITIONERS ? partitioner_partition((enum partitioner)which, key, (size_t)size, partitions) : i % partitions;
		partitioner_sample_add(&s, key, (size_t)size, p);
	}
	return s;
}

static void a_sample_names_the_partitioner_that_wrote_it(void **state)
{
	(void)state;
	for (int which = 0; which < PARTITIONERS; which++) {
		struct partitioner_sample s = sample_of(which, 4, 100);
		assert_int_equal(partitioner_sample_judge(&s), which);
	}
}

static void a_sample_spread_without_regard_to_the_key_fits_none(void **state)
{
	struct partitioner_sample s = sample_of(PARTITIONERS, 4, 100);
	(void)state;
	assert_int_equal(partitioner_sample_judge(&s), PARTITIONERS);
}

static void a_few_strays_do_not_hide_the_partitioner(void **state)
{
	struct partitioner_sample s = sample_of(PARTITIONER_MURMUR2, 4, 100);
	(void)state;
	s.keyed += 5;
	assert_int_equal(partitioner_sample_judge(&s), PARTITIONER_MURMUR2);
	s.keyed += 1;
	assert_int_equal(partitioner_sample_judge(&s), PARTITIONERS);
}

static void a_sample_too_small_to_tell_says_so(void **state)
{
	struct partitioner_sample one = sample_of(PARTITIONER_CRC32, 1, 100), few = sample_of(PARTITIONER_CRC32, 4, 4), none = { .partitions = 4 };
	(void)state;
	assert_int_equal(partitioner_sample_judge(&one), -1);
	assert_int_equal(partitioner_sample_judge(&few), -1);
	for (int i = 0; i < 100; i++)
		partitioner_sample_add(&none, NULL, 0, i % 4);
	assert_int_equal(none.unkeyed, 100);
	assert_int_equal(partitioner_sample_judge(&none), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(murmur2_gives_the_values_of_kafkas_own_test),
		cmocka_unit_test(every_partitioner_agrees_with_librdkafkas),
		cmocka_unit_test(a_sample_names_the_partitioner_that_wrote_it),
		cmocka_unit_test(a_sample_spread_without_regard_to_the_key_fits_none),
		cmocka_unit_test(a_few_strays_do_not_hide_the_partitioner),
		cmocka_unit_test(a_sample_too_small_to_tell_says_so),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
