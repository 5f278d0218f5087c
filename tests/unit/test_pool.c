/* The pool: zeroed whatever was there before, nothing shared, and large slabs that a thread makes ready. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/state/slabs.h"
#include "processors/huge.h"
#include "processors/pool.h"

static void assert_zero(const uint8_t *p, size_t size)
{
	for (size_t i = 0; i < size; i++)
		assert_int_equal(p[i], 0);
}

static void blocks_are_zeroed_and_nobody_elses(void **state)
{
	enum { BLOCKS = 40000,
		ROUNDS = 3 }; /* of up to 500 bytes: 10 MB, more than small slabs hold */
	static uint8_t *blocks[BLOCKS];
	struct pool *pool = pool_create();
	struct slabs *slabs = slabs_create();
	(void)state;
	pool_slabs_from(pool, slabs_take, slabs);
	for (int round = 0; round < ROUNDS; round++) {
		for (size_t i = 0; i < BLOCKS; i++) {
			size_t size = 1 + i % 500;
			blocks[i] = pool_alloc(pool, size);
			assert_zero(blocks[i], size);
			memset(blocks[i], (int)(1 + i % 255), size);
		}
		for (size_t i = 0; i < BLOCKS; i++) {
			for (size_t at = 0; at < 1 + i % 500; at++)
				assert_int_equal(blocks[i][at], 1 + i % 255);
			pool_free(pool, blocks[i], 1 + i % 500);
		}
		assert_int_equal(pool_bytes(pool), 0);
	}
	pool_destroy(pool);
	slabs_destroy(slabs);
}

static void slabs_are_zeroed_whoever_is_faster(void **state)
{
	enum { SLABS = 24 };
	uint8_t *taken[SLABS];
	struct slabs *s = slabs_create();
	(void)state;
	for (int i = 0; i < SLABS; i++) {
		taken[i] = slabs_take(s);
		assert_zero(taken[i], HUGE_PAGE_BYTES);
		memset(taken[i], i + 1, HUGE_PAGE_BYTES);
	}
	slabs_destroy(s); /* what was taken is ours */
	for (int i = 0; i < SLABS; i++) {
		assert_int_equal(taken[i][0], i + 1);
		assert_int_equal(taken[i][HUGE_PAGE_BYTES - 1], i + 1);
		huge_free(taken[i], HUGE_PAGE_BYTES);
	}
}

static void no_slabs_need_no_thread_to_end(void **state)
{
	(void)state;
	pool_destroy(pool_create());
	pool_destroy(NULL);
	slabs_destroy(NULL);
	slabs_destroy(slabs_create());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_are_zeroed_and_nobody_elses),
		cmocka_unit_test(slabs_are_zeroed_whoever_is_faster),
		cmocka_unit_test(no_slabs_need_no_thread_to_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
