/* Windowed pair counts against a plain list of all increments, counted anew at every question. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "processors/leaders.h"
#include "processors/pairs.h"

enum { OTHERS = 200,
	PANE_MS = 1000 };

struct increment {
	int32_t pane;
	symbol_t other; /* 0: own basket */
	uint32_t amount;
};

struct naive {
	struct increment *list;
	size_t n;
};

static uint32_t naive_count(const struct naive *l, int32_t now, int32_t panes, symbol_t other)
{
	uint32_t sum = 0;
	for (size_t i = 0; i < l->n; i++)
		if (l->list[i].other == other && l->list[i].pane <= now && (!panes || l->list[i].pane > now - panes))
			sum += l->list[i].amount;
	return sum;
}

static void check(const struct pairs *p, const struct naive *l, int32_t now, int32_t panes)
{
	uint32_t distinct = 0;
	for (symbol_t other = 1; other <= OTHERS; other++) {
		uint32_t expected = naive_count(l, now, panes, other);
		assert_int_equal(pairs_count(p, other), expected);
		distinct += expected != 0;
	}
	assert_int_equal(pairs_total(p)->n, distinct);
	assert_int_equal(p->baskets, naive_count(l, now, panes, 0));
}

static uint64_t next_random(uint64_t *x)
{
	*x ^= *x << 13, *x ^= *x >> 7, *x ^= *x << 17;
	return *x;
}

static struct symbols *some_symbols(void)
{
	struct symbols *symbols = symbols_create();
	for (int i = 1; i <= OTHERS; i++) {
		char name[16];
		snprintf(name, sizeof(name), "item-%d", i);
		assert_int_equal(symbols_intern(symbols, text_of(name)), i);
	}
	return symbols;
}

static void save_load_save(const struct pairs *p, struct pairs_window w, struct symbols *symbols, struct pool *pool)
{
	struct buf once = { 0 }, twice = { 0 };
	pairs_save(p, w, symbols, &once);
	struct pairs copy = { 0 };
	struct reader from = reader_of(once.data, once.size);
	assert_int_equal(pairs_load(&copy, w, &from, symbols, pool), 0);
	assert_int_equal(reader_left(&from), 0);
	pairs_save(&copy, w, symbols, &twice);
	assert_int_equal(once.size, twice.size);
	assert_memory_equal(once.data, twice.data, once.size);
	assert_int_equal(copy.baskets, p->baskets);
	for (symbol_t other = 1; other <= OTHERS; other++)
		assert_int_equal(pairs_count(&copy, other), pairs_count(p, other));
	assert_int_equal(pairs_due_at(&copy, w), pairs_due_at(p, w));
	pairs_done(&copy, pool);
	buf_done(&once);
	buf_done(&twice);
}

/* Panes come in any order around a watermark that now creeps, now leaps over the whole window. */
static void random_walk(int32_t panes, uint64_t seed)
{
	struct pool *pool = pool_create();
	struct symbols *symbols = some_symbols();
	struct pairs p = { 0 };
	struct pairs_window w = { PANE_MS, panes };
	struct naive l = { calloc(20000, sizeof(*l.list)), 0 };
	int64_t watermark = INT64_MIN, centre = 50 * PANE_MS;
	uint64_t x = seed;
	for (int step = 0; step < 20000; step++) {
		uint64_t r = next_random(&x);
		int32_t now = pairs_pane_at(w, watermark);
		int32_t pane = panes ? (int32_t)(centre / PANE_MS + (int64_t)(r >> 8) % (2 * panes + 4) - panes - 2) : 0;
		symbol_t other = r % 5 ? 1 + (symbol_t)(r >> 16) % OTHERS : 0;
		uint32_t amount = 1 + (uint32_t)(r >> 40) % 3;
		int got = pairs_add(&p, w, pool, pane, other, amount, UINT32_MAX);
		bool old = panes && now != INT32_MIN && pane <= now - panes;
		assert_int_equal(got, old ? -ESTALE : 0);
		if (!old)
			l.list[l.n++] = (struct increment){ pane, other, amount };
		if (r % 97 == 0) {
			centre += (int64_t)(r >> 32) % (r % 5 ? 2 * PANE_MS : 4 * PANE_MS * (panes + 1));
			int64_t next = centre - (int64_t)(r >> 20) % (2 * PANE_MS);
			watermark = next > watermark ? next : watermark;
			pairs_advance(&p, w, pool, watermark);
			assert_true(pairs_due_at(&p, w) > watermark);
			check(&p, &l, panes ? pairs_pane_at(w, watermark) : 0, panes);
			save_load_save(&p, w, symbols, pool);
		}
		/* forget what can never count again, so that the naive list stays short */
		if (panes && step % 500 == 0 && watermark != INT64_MIN) {
			size_t kept = 0;
			for (size_t i = 0; i < l.n; i++)
				if (l.list[i].pane > pairs_pane_at(w, p.now * (int64_t)PANE_MS) - panes)
					l.list[kept++] = l.list[i];
			l.n = kept;
		}
	}
	pairs_done(&p, pool);
	assert_int_equal(pool_bytes(pool), 0);
	free(l.list);
	symbols_destroy(symbols);
	pool_destroy(pool);
}

static void counts_equal_a_naive_count_wherever_the_window_moves(void **state)
{
	(void)state;
	random_walk(3, 1);
	random_walk(30, 2);
	random_walk(1, 3);
}

static void for_ever_counts_everything(void **state)
{
	(void)state;
	random_walk(0, 4);
}

static void panes_ahead_of_the_watermark_wait(void **state)
{
	(void)state;
	struct pool *pool = pool_create();
	struct pairs p = { 0 };
	struct pairs_window w = { PANE_MS, 2 };
	assert_int_equal(pairs_due_at(&p, w), INT64_MAX);
	pairs_add(&p, w, pool, 7, 1, 3, 10);
	assert_int_equal(pairs_count(&p, 1), 0); /* no watermark yet */
	assert_int_equal(pairs_due_at(&p, w), 7000);
	pairs_advance(&p, w, pool, 6999);
	assert_int_equal(pairs_count(&p, 1), 0);
	pairs_advance(&p, w, pool, 7000);
	assert_int_equal(pairs_count(&p, 1), 3);
	assert_int_equal(pairs_due_at(&p, w), 9000); /* pane 7 is in the windows of 7 and 8 */
	pairs_add(&p, w, pool, 8, 1, 1, 10);
	assert_int_equal(pairs_due_at(&p, w), 8000);
	pairs_advance(&p, w, pool, 8999);
	assert_int_equal(pairs_count(&p, 1), 4);
	pairs_advance(&p, w, pool, 9000);
	assert_int_equal(pairs_count(&p, 1), 1);
	assert_int_equal(pairs_add(&p, w, pool, 7, 1, 1, 10), -ESTALE);
	pairs_advance(&p, w, pool, 5000); /* time does not go back */
	assert_int_equal(pairs_count(&p, 1), 1);
	pairs_advance(&p, w, pool, 10000);
	assert_int_equal(pairs_total(&p)->n, 0);
	assert_int_equal(pairs_due_at(&p, w), INT64_MAX);
	pairs_done(&p, pool);
	pool_destroy(pool);
}

static void a_new_other_beyond_the_bound_is_refused_and_known_ones_go_on(void **state)
{
	(void)state;
	struct pool *pool = pool_create();
	struct pairs p = { 0 };
	struct pairs_window w = { PANE_MS, 0 };
	for (symbol_t other = 1; other <= 5; other++)
		assert_int_equal(pairs_add(&p, w, pool, 0, other, 1, 5), 0);
	assert_int_equal(pairs_add(&p, w, pool, 0, 6, 1, 5), -ENOSPC);
	assert_int_equal(pairs_add(&p, w, pool, 0, 3, 1, 5), 0);
	assert_int_equal(pairs_add(&p, w, pool, 0, 0, 1, 5), 0);
	assert_int_equal(pairs_count(&p, 6), 0);
	assert_int_equal(pairs_count(&p, 3), 2);
	assert_int_equal(pairs_total(&p)->n, 5);
	pairs_done(&p, pool);
	pool_destroy(pool);
}

static void counts_end_at_their_greatest_value(void **state)
{
	(void)state;
	struct pool *pool = pool_create();
	struct pairs p = { 0 };
	struct pairs_window w = { PANE_MS, 0 };
	pairs_add(&p, w, pool, 0, 1, INT64_MAX, 5);
	pairs_add(&p, w, pool, 0, 1, 1, 5);
	assert_int_equal(pairs_count(&p, 1), UINT32_MAX);
	pairs_done(&p, pool);
	pool_destroy(pool);
}

static void bytes_do_not_depend_on_the_order_of_arrival(void **state)
{
	(void)state;
	struct pool *pool = pool_create();
	struct symbols *symbols = some_symbols();
	struct pairs a = { 0 }, b = { 0 };
	struct pairs_window w = { PANE_MS, 4 };
	for (symbol_t other = 1; other <= OTHERS; other++)
		for (int32_t pane = 1; pane <= 3; pane++) {
			pairs_add(&a, w, pool, pane, other, other, OTHERS);
			pairs_add(&b, w, pool, 4 - pane, OTHERS + 1 - other, OTHERS + 1 - other, OTHERS);
		}
	pairs_advance(&a, w, pool, 3000);
	pairs_advance(&b, w, pool, 3000);
	struct buf bytes[2] = { { 0 }, { 0 } };
	pairs_save(&a, w, symbols, &bytes[0]);
	pairs_save(&b, w, symbols, &bytes[1]);
	assert_int_equal(bytes[0].size, bytes[1].size);
	assert_memory_equal(bytes[0].data, bytes[1].data, bytes[0].size);
	for (size_t cut = 0; cut < bytes[0].size; cut += 1 + cut / 9) {
		struct pairs c = { 0 };
		struct reader from = reader_of(bytes[0].data, cut);
		assert_true(pairs_load(&c, w, &from, symbols, pool) < 0);
		pairs_done(&c, pool);
	}
	buf_done(&bytes[0]);
	buf_done(&bytes[1]);
	pairs_done(&a, pool);
	pairs_done(&b, pool);
	assert_int_equal(pool_bytes(pool), 0);
	symbols_destroy(symbols);
	pool_destroy(pool);
}

static void rows_saved_with_other_panes_are_put_where_they_began(void **state)
{
	(void)state;
	struct pool *pool = pool_create();
	struct symbols *symbols = some_symbols();
	struct pairs a = { 0 }, b = { 0 };
	struct pairs_window hours = { 3600000, 48 }, days = { 86400000, 2 }, ever = { 86400000, 0 };
	pairs_advance(&a, hours, pool, 30 * 3600000LL);
	pairs_add(&a, hours, pool, 3, 1, 1, 9);
	pairs_add(&a, hours, pool, 4, 1, 1, 9);
	pairs_add(&a, hours, pool, 25, 2, 5, 9);
	pairs_add(&a, hours, pool, 25, 0, 2, 9);
	struct buf bytes = { 0 };
	pairs_save(&a, hours, symbols, &bytes);
	struct reader from = reader_of(bytes.data, bytes.size);
	assert_int_equal(pairs_load(&b, days, &from, symbols, pool), 0);
	assert_int_equal(b.n_panes, 2);
	assert_int_equal(pairs_count(&b, 1), 2);
	assert_int_equal(pairs_count(&b, 2), 5);
	pairs_advance(&b, days, pool, 48 * 3600000LL);
	assert_int_equal(pairs_count(&b, 1), 0);
	assert_int_equal(b.baskets, 2);
	pairs_done(&b, pool);
	from = reader_of(bytes.data, bytes.size);
	assert_int_equal(pairs_load(&b, ever, &from, symbols, pool), 0);
	assert_int_equal(b.n_panes, 1);
	assert_int_equal(pairs_count(&b, 1) + pairs_count(&b, 2), 7);
	buf_clear(&bytes);
	pairs_save(&b, ever, symbols, &bytes);
	pairs_done(&b, pool);
	from = reader_of(bytes.data, bytes.size);
	assert_int_equal(pairs_load(&b, days, &from, symbols, pool), 0); /* of no time: lost */
	assert_int_equal(b.n_panes, 0);
	assert_int_equal(reader_left(&from), 0);
	pairs_done(&a, pool);
	pairs_done(&b, pool);
	buf_done(&bytes);
	symbols_destroy(symbols);
	pool_destroy(pool);
}

/* ---- the most frequent others ---- */

static const struct symbols *of_names; /* qsort takes no context */

static int by_count_then_hash(const void *a, const void *b)
{
	const struct itemsets_other *x = a, *y = b;
	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	uint64_t hx = symbols_hash(of_names, x->item), hy = symbols_hash(of_names, y->item);
	return (hx > hy) - (hx < hy);
}

static void the_most_frequent_others_are_those_of_a_sort_however_often_they_are_asked_for(void **state)
{
	(void)state;
	enum { SHOWN = 40 };
	struct symbols *symbols = some_symbols();
	struct pool *pool = pool_create();
	struct pairs_window window = { 0 };
	struct pairs p = { 0 };
	struct leaders leaders = { 0 };
	uint64_t chance = 7;
	of_names = symbols;
	for (int round = 0; round < 3000; round++) {
		/* few ask often, many equal counts, an other that overtakes all at once */
		int growths = round % 50 == 0 ? 200 : 1 + (int)(next_random(&chance) % 5);
		for (int i = 0; i < growths; i++) {
			symbol_t other = 1 + (symbol_t)(next_random(&chance) % (round < 1000 ? 60 : OTHERS));
			assert_int_equal(pairs_add(&p, window, pool, 0, other, next_random(&chance) % 40 ? 1 : 30, OTHERS), 0);
			leaders_grown(&leaders, symbols, pairs_total(&p), other);
		}
		if (round % 500 == 499)
			leaders_forget(&leaders);
		struct itemsets_other all[OTHERS], top[SHOWN];
		uint32_t n = 0;
		for (symbol_t other = 1; other <= OTHERS; other++)
			if (pairs_count(&p, other))
				all[n++] = (struct itemsets_other){ other, pairs_count(&p, other) };
		qsort(all, n, sizeof(*all), by_count_then_hash);
		n = n < SHOWN ? n : SHOWN;
		assert_int_equal(leaders_sorted(&leaders, symbols, pairs_total(&p), SHOWN, top), n);
		assert_memory_equal(top, all, n * sizeof(*all));
	}
	leaders_done(&leaders);
	pairs_done(&p, pool);
	pool_destroy(pool);
	symbols_destroy(symbols);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_most_frequent_others_are_those_of_a_sort_however_often_they_are_asked_for),
		cmocka_unit_test(counts_equal_a_naive_count_wherever_the_window_moves),
		cmocka_unit_test(for_ever_counts_everything),
		cmocka_unit_test(panes_ahead_of_the_watermark_wait),
		cmocka_unit_test(a_new_other_beyond_the_bound_is_refused_and_known_ones_go_on),
		cmocka_unit_test(counts_end_at_their_greatest_value),
		cmocka_unit_test(bytes_do_not_depend_on_the_order_of_arrival),
		cmocka_unit_test(rows_saved_with_other_panes_are_put_where_they_began),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
