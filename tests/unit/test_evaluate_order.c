/* The order in which evaluate takes records: by ts, of one ts by line, and as far as it reads ahead. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ctl/evaluate.h"

static void put(struct evaluate_order *o, int64_t ts)
{
	char bytes[8];
	int n = snprintf(bytes, sizeof(bytes), "%d", (int)ts);
	assert_int_equal(evaluate_order_put(o, EVENT_CLICK, ts, (struct text){ bytes, (uint32_t)n }), 0);
}

static void records_leave_by_ts_and_those_of_one_ts_in_the_order_of_their_lines(void **state)
{
	(void)state;
	struct evaluate_order *o = evaluate_order_create(1 << 20);
	uint32_t x = 1;
	for (int i = 0; i < 3000; i++)
		put(o, (x = x * 1664525 + 1013904223) >> 24); /* 256 of them */
	assert_null(evaluate_order_take(o, false));
	int64_t ts = -1;
	uint64_t number = 0;
	int n = 0;
	for (struct evaluate_record *r; (r = evaluate_order_take(o, true)); n++) {
		assert_true(r->ts > ts || (r->ts == ts && r->number > number));
		assert_int_equal(strtol((char[8]){ r->bytes[0], r->size > 1 ? r->bytes[1] : 0, r->size > 2 ? r->bytes[2] : 0 }, NULL, 10), r->ts);
		ts = r->ts;
		number = r->number;
		free(r);
	}
	assert_int_equal(n, 3000);
	evaluate_order_destroy(o);
}

static void no_more_is_read_ahead_than_was_allowed(void **state)
{
	(void)state;
	size_t one = sizeof(void *) + sizeof(struct evaluate_record) + 1;
	struct evaluate_order *o = evaluate_order_create(3 * one);
	static const int ts[] = { 5, 4, 3, 2, 1 }, out[] = { 2, 1, 3, 4, 5 };
	int n = 0;
	for (int i = 0; i < 5; i++) {
		put(o, ts[i]);
		for (struct evaluate_record *r; (r = evaluate_order_take(o, false)); free(r))
			assert_int_equal(r->ts, out[n++]);
	}
	assert_int_equal(n, 2); /* three may wait, so 2 left before 1 was read */
	struct evaluate_record *r = evaluate_order_take(o, true);
	assert_int_equal(r->ts, 3);
	free(r);
	evaluate_order_destroy(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_leave_by_ts_and_those_of_one_ts_in_the_order_of_their_lines),
		cmocka_unit_test(no_more_is_read_ahead_than_was_allowed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
