/* Tables of (key, bytes, sum) that a test fills in two ways and compares: what entities hold, what deltas add up to. For test_crash. */
#ifndef GLINT_TEST_TABLES_H
#define GLINT_TEST_TABLES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

#include <cmocka.h>

#include "daemon/state/combiner.h"
#include "daemon/state/model.h"

static struct text text_in(const struct buf *b)
{
	return (struct text){ b->size ? (const char *)b->data : "", (uint32_t)b->size };
}

struct entry {
	struct buf key, value;
	uint64_t sum;
};

struct table {
	struct entry *at;
	size_t n, capacity;
};

static struct entry *table_add(struct table *t)
{
	if (t->n == t->capacity) {
		t->capacity = t->capacity ? t->capacity * 2 : 64;
		t->at = realloc(t->at, sizeof(*t->at) * t->capacity);
	}
	t->at[t->n] = (struct entry){ 0 };
	return &t->at[t->n++];
}

static int by_key(const void *a, const void *b)
{
	const struct buf *x = &((const struct entry *)a)->key, *y = &((const struct entry *)b)->key;
	int c = memcmp(x->data, y->data, x->size < y->size ? x->size : y->size);
	return c ? c : (x->size > y->size) - (x->size < y->size);
}

static void table_done(struct table *t)
{
	for (size_t i = 0; i < t->n; i++) {
		buf_done(&t->at[i].key);
		buf_done(&t->at[i].value);
	}
	free(t->at);
}

static void same_tables(struct table *a, struct table *b, const char *what, uint64_t seed)
{
	if (a->n)
		qsort(a->at, a->n, sizeof(*a->at), by_key);
	if (b->n)
		qsort(b->at, b->n, sizeof(*b->at), by_key);
	for (size_t i = 0; i < a->n && i < b->n; i++) {
		const struct entry *x = &a->at[i], *y = &b->at[i];
		if (by_key(x, y) || x->sum != y->sum || !text_equal(text_in(&x->value), text_in(&y->value)))
			fail_msg("seed %llu: %s differ at %.*s", (unsigned long long)seed, what, (int)x->key.size, (const char *)x->key.data);
	}
	if (a->n != b->n)
		fail_msg("seed %llu: %zu and %zu %s", (unsigned long long)seed, a->n, b->n, what);
	table_done(a);
	table_done(b);
}

/* The deltas of one message: a list counts as the hash of its bytes. */
static void table_add_deltas(struct table *all, struct delta_reader *r, struct symbols *symbols, struct text message)
{
	struct key key;
	enum processor_id p;
	struct delta d;
	assert_int_equal(delta_reader_start(r, symbols, message), 0);
	while (delta_reader_key(r, &key))
		while (delta_reader_next(r, &p, &d)) {
			struct entry *e = table_add(all);
			key_format(symbols, key, &e->key);
			char more[64];
			struct text sub = d.merge == MERGE_SUM && d.sub ? symbols_text(symbols, d.sub) : TEXT("");
			int n = snprintf(more, sizeof(more), " %d.%d.%d.%d.%u.", (int)p, d.metric, d.merge, d.pane, d.index);
			buf_bytes(&e->key, more, (size_t)n);
			buf_bytes(&e->key, sub.data, sub.size);
			buf_u8(&e->key, (uint8_t)d.merge);
			e->sum = d.merge == MERGE_LIST ? XXH3_64bits(d.bytes.data, d.bytes.size) : (uint64_t)d.amount;
		}
	assert_false(r->in.bad);
}

/* One entry for all of a key: their sum, of maxima the greatest. Ends `all`. */
static void table_sum(struct table *all, struct table *to)
{
	if (all->n)
		qsort(all->at, all->n, sizeof(*all->at), by_key);
	for (size_t i = 0, k; i < all->n; i = k) {
		struct entry *e = table_add(to);
		e->key = all->at[i].key;
		bool greatest = e->key.data[e->key.size - 1] == MERGE_MAX;
		for (k = i; k < all->n && by_key(&all->at[k], &all->at[i]) == 0; k++)
			if (greatest)
				e->sum = all->at[k].sum > e->sum ? all->at[k].sum : e->sum;
			else
				e->sum += all->at[k].sum;
		for (size_t m = i + 1; m < k; m++)
			buf_done(&all->at[m].key);
	}
	free(all->at);
}

#endif
