/* HyperLogLog: error bound, exactness while small, merging, bytes. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <xxhash.h>

#include "processors/hll.h"

static void add(uint8_t *registers, uint64_t seed, uint64_t value)
{
	uint64_t hash = XXH3_64bits_withSeed(&value, sizeof(value), seed);
	uint8_t rho = hll_rho(hash);
	if (registers[hll_index(hash)] < rho)
		registers[hll_index(hash)] = rho;
}

static void nothing_is_zero(void **state)
{
	(void)state;
	uint8_t registers[HLL_REGISTERS] = { 0 };
	assert_true(hll_estimate(registers) == 0);
	assert_true(hll_estimate(NULL) == 0);
}

static void index_and_rho_are_the_low_bits_and_one_more_than_the_zeros_above(void **state)
{
	(void)state;
	assert_int_equal(hll_index(0x123456789abcdef0), 0xef0);
	assert_int_equal(hll_rho(0xfff), 53); /* 52 zeros */
	assert_int_equal(hll_rho(0x1000), 1);
	assert_int_equal(hll_rho(0x8000), 4);
	assert_int_equal(hll_rho(1ull << 63), 52);
}

/* With one register at 1 and the rest 0 Ertl's estimate is m ln(m / (m - 1)) to many digits: about 1. */
static void a_few_are_counted_as_linear_counting_does(void **state)
{
	(void)state;
	uint8_t registers[HLL_REGISTERS] = { 0 };
	for (uint64_t i = 1; i <= 50; i++) {
		add(registers, 1, i);
		uint32_t used = 0;
		for (int j = 0; j < HLL_REGISTERS; j++)
			used += registers[j] != 0;
		double linear = HLL_REGISTERS * log(HLL_REGISTERS / (double)(HLL_REGISTERS - used));
		assert_true(fabs(hll_estimate(registers) - linear) < 0.05);
		assert_true(fabs(hll_estimate(registers) - (double)i) < 1.6);
	}
}

/* Standard error 1.04 / sqrt(4096) = 1.625 %: the root mean square over 40 seeds must be near it, no mean bias beyond three of its own errors. */
static void the_error_is_within_its_bound_from_hundreds_to_hundreds_of_thousands(void **state)
{
	(void)state;
	static const uint64_t sizes[] = { 500, 5000, 10000, 20000, 200000 };
	for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
		double square = 0, sum = 0;
		enum { SEEDS = 40 };
		for (uint64_t seed = 0; seed < SEEDS; seed++) {
			static uint8_t registers[HLL_REGISTERS];
			memset(registers, 0, sizeof(registers));
			for (uint64_t i = 0; i < sizes[k]; i++)
				add(registers, seed + 1000, i);
			double error = hll_estimate(registers) / (double)sizes[k] - 1;
			square += error * error / SEEDS;
			sum += error / SEEDS;
		}
		assert_true(sqrt(square) < 0.01625 * 1.35);
		assert_true(fabs(sum) < 3 * 0.01625 / sqrt(SEEDS));
	}
}

static void parts_merged_are_the_whole(void **state)
{
	(void)state;
	uint8_t whole[HLL_REGISTERS] = { 0 }, a[HLL_REGISTERS] = { 0 }, b[HLL_REGISTERS] = { 0 };
	for (uint64_t i = 0; i < 10000; i++) {
		add(whole, 5, i);
		add(i % 3 ? a : b, 5, i);
		add(i % 2 ? a : b, 5, i);
	}
	for (int i = 0; i < HLL_REGISTERS; i++)
		a[i] = a[i] > b[i] ? a[i] : b[i];
	assert_memory_equal(a, whole, sizeof(whole));
}

static void bytes_come_back_sparse_or_dense(void **state)
{
	(void)state;
	static const uint64_t sizes[] = { 0, 1, 100, 1000, 1300, 100000 };
	for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
		uint8_t registers[HLL_REGISTERS] = { 0 }, back[HLL_REGISTERS];
		for (uint64_t i = 0; i < sizes[k]; i++)
			add(registers, 9, i);
		struct buf bytes = { 0 };
		hll_save(registers, &bytes);
		assert_true(bytes.size <= HLL_REGISTERS + 2);
		struct reader from = reader_of(bytes.data, bytes.size);
		assert_int_equal(hll_load(back, &from), 0);
		assert_int_equal(reader_left(&from), 0);
		assert_memory_equal(registers, back, sizeof(back));
		for (size_t cut = 0; cut < bytes.size; cut += 1 + cut / 7) { /* cut short: refused, never read past the end */
			from = reader_of(bytes.data, cut);
			assert_true(hll_load(back, &from) < 0);
		}
		buf_done(&bytes);
	}
	struct reader bad = reader_of("\0\1\5\x60", 4); /* a rho of 96 */
	uint8_t back[HLL_REGISTERS];
	assert_true(hll_load(back, &bad) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_zero),
		cmocka_unit_test(index_and_rho_are_the_low_bits_and_one_more_than_the_zeros_above),
		cmocka_unit_test(a_few_are_counted_as_linear_counting_does),
		cmocka_unit_test(the_error_is_within_its_bound_from_hundreds_to_hundreds_of_thousands),
		cmocka_unit_test(parts_merged_are_the_whole),
		cmocka_unit_test(bytes_come_back_sparse_or_dense),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
