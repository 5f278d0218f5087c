/* Rows in pieces: what a compacted topic keeps of them is the newest version of each entity and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "daemon/state/engine.h"

enum { RECORDS = 4000,
	ENTITIES = 3 };

struct record {
	struct buf key, value;
	bool tombstone;
};

struct topic {
	struct record at[RECORDS];
	size_t n;
};

static uint64_t state = 11;

static uint32_t chance(uint32_t n)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(state >> 33) % n;
}

static struct text in(const struct buf *b)
{
	return (struct text){ b->data ? (const char *)b->data : "", (uint32_t)b->size };
}

static void append(void *to, struct text key, struct text value)
{
	struct topic *t = to;
	assert_true(t->n < RECORDS);
	struct record *r = &t->at[t->n++];
	*r = (struct record){ .tombstone = !value.data };
	buf_bytes(&r->key, key.data, key.size);
	buf_bytes(&r->value, value.data, value.size);
}

/* Kafka's cleaner up to `end`: the newest record of each key stays, tombstones as well for a while. */
static bool compacted(const struct topic *t, size_t i, size_t end)
{
	for (size_t k = i + 1; k < end; k++)
		if (text_equal(in(&t->at[k].key), in(&t->at[i].key)))
			return true;
	return false;
}

static size_t living(const struct topic *t)
{
	size_t n = 0;
	for (size_t i = 0; i < t->n; i++)
		n += !t->at[i].tombstone && !compacted(t, i, t->n);
	return n;
}

static void topic_done(struct topic *t)
{
	for (size_t i = 0; i < t->n; i++) {
		buf_done(&t->at[i].key);
		buf_done(&t->at[i].value);
	}
	free(t);
}

static void fill(struct buf *b, size_t size)
{
	buf_clear(b);
	for (size_t i = 0; i < size; i++)
		buf_u8(b, (uint8_t)chance(256));
}

static void a_row_of_many_pieces_that_shrinks_deletes_the_spare_ones(void **unused)
{
	(void)unused;
	struct topic *t = calloc(1, sizeof(*t));
	struct buf bytes = { 0 };
	uint16_t pieces = 0;
	fill(&bytes, 3 * PIECE_BYTES + 7);
	row_write(TEXT("u1"), &bytes, 1, pieces, &pieces, append, t);
	assert_int_equal(pieces, 4);
	assert_int_equal(living(t), 4);
	for (size_t i = 0; i < t->n; i++)
		assert_true(t->at[i].value.size <= PIECE_BYTES + 64);
	fill(&bytes, 10);
	row_write(TEXT("u1"), &bytes, 2, pieces, &pieces, append, t);
	assert_int_equal(pieces, 1);
	assert_int_equal(living(t), 1);
	row_write(TEXT("u1"), NULL, 0, pieces, &pieces, append, t);
	assert_int_equal(living(t), 0);
	buf_done(&bytes);
	topic_done(t);
}

static void what_is_read_is_the_newest_whatever_was_compacted(void **unused)
{
	(void)unused;
	static const char *const names[ENTITIES] = { "a", "b", "" }; /* an empty id is an id */
	for (int round = 0; round < 40; round++) {
		struct topic *t = calloc(1, sizeof(*t));
		struct buf newest[ENTITIES] = { { 0 } }, found[ENTITIES] = { { 0 } };
		uint16_t pieces[ENTITIES] = { 0 };
		bool gone[ENTITIES] = { true, true, true }, is_gone[ENTITIES] = { true, true, true };
		for (uint64_t stamp = 1; stamp < 25; stamp++) {
			uint32_t i = chance(ENTITIES);
			gone[i] = chance(6) == 0;
			fill(&newest[i], gone[i] ? 0 : chance(3) * PIECE_BYTES + chance(100));
			row_write(text_of(names[i]), gone[i] ? NULL : &newest[i], stamp, pieces[i], &pieces[i], append, t);
		}
		size_t end = chance((uint32_t)t->n + 1);
		struct row_reader *reader = row_reader_create();
		for (size_t i = 0; i < t->n; i++) {
			if (i < end && compacted(t, i, end))
				continue;
			struct text entity, bytes;
			uint16_t n;
			int rc = row_reader_take(reader, in(&t->at[i].key), t->at[i].tombstone ? (struct text){ 0 } : in(&t->at[i].value), &entity, &bytes, &n);
			assert_true(rc >= 0);
			for (int e = 0; rc == 1 && e < ENTITIES; e++)
				if (text_equal(entity, text_of(names[e]))) {
					is_gone[e] = !bytes.data;
					buf_clear(&found[e]);
					buf_bytes(&found[e], bytes.data, bytes.size);
				}
		}
		row_reader_destroy(reader);
		for (int e = 0; e < ENTITIES; e++) {
			assert_int_equal(is_gone[e], gone[e]);
			assert_true(gone[e] || text_equal(in(&found[e]), in(&newest[e])));
			buf_done(&newest[e]);
			buf_done(&found[e]);
		}
		topic_done(t);
	}
}

static void what_is_no_row_is_refused(void **unused)
{
	(void)unused;
	struct row_reader *reader = row_reader_create();
	struct text entity, bytes;
	uint16_t pieces;
	assert_true(row_reader_take(reader, TEXT("x"), TEXT("0123456789"), &entity, &bytes, &pieces) < 0); /* no piece number */
	assert_true(row_reader_take(reader, (struct text){ "\0\0u", 3 }, TEXT("12"), &entity, &bytes, &pieces) < 0);
	assert_true(row_reader_take(reader, (struct text){ "\2\0u", 3 }, (struct text){ "\1\0"
											"12345678",
										 10 },
			    &entity, &bytes, &pieces) < 0);
	row_reader_destroy(reader);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_row_of_many_pieces_that_shrinks_deletes_the_spare_ones),
		cmocka_unit_test(what_is_read_is_the_newest_whatever_was_compacted),
		cmocka_unit_test(what_is_no_row_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
