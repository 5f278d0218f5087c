/* The combiner: what comes out of the messages is what was emitted, however much that is; the reader survives any bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "daemon/state/combiner.h"

enum { PARTITIONS = 3,
	KEYS = 40,
	SUBS = 50,
	PANES = 4 };

static uint64_t state = 42;

static uint32_t chance(uint32_t n)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(state >> 33) % n;
}

struct sink {
	struct buf messages[4096];
	uint32_t partition[4096];
	size_t n, greatest;
};

static void take(void *to, uint32_t partition, struct text value)
{
	struct sink *s = to;
	assert_true(s->n < 4096);
	s->partition[s->n] = partition;
	s->messages[s->n] = (struct buf){ 0 };
	buf_bytes(&s->messages[s->n++], value.data, value.size);
	s->greatest = value.size > s->greatest ? value.size : s->greatest;
}

static void sink_clear(struct sink *s)
{
	for (size_t i = 0; i < s->n; i++)
		buf_done(&s->messages[i]);
	s->n = 0;
}

static struct symbols *names(symbol_t *keys, symbol_t *subs, size_t id_size)
{
	struct symbols *symbols = symbols_create();
	char id[1100];
	for (int i = 0; i < KEYS + SUBS; i++) {
		memset(id, 'x', id_size);
		snprintf(id, sizeof(id), "%d", i);
		id[strlen(id)] = '-';
		symbol_t s = symbols_intern(symbols, (struct text){ id, (uint32_t)id_size });
		if (i < KEYS)
			keys[i] = s;
		else
			subs[i - KEYS] = s;
	}
	return symbols;
}

static int number_of(const struct symbols *symbols, symbol_t s)
{
	return atoi(symbols_text(symbols, s).data);
}

static void what_is_read_is_the_sum_of_what_was_emitted(void **unused)
{
	(void)unused;
	symbol_t keys[KEYS], subs[SUBS];
	struct symbols *symbols = names(keys, subs, 20), *others = symbols_create();
	struct emitter *e = combiner_create(symbols, PARTITIONS);
	struct sink *sink = calloc(1, sizeof(*sink));
	static int64_t sum[KEYS][SUBS][PANES], max[KEYS][SUBS][PANES];
	struct delta_reader r = { 0 };
	for (int round = 0; round < 4; round++) { /* the second uses tables that the first has grown */
		memset(sum, 0, sizeof(sum));
		for (int i = 0; i < KEYS * SUBS * PANES; i++)
			(&max[0][0][0])[i] = INT64_MIN;
		uint32_t listed[KEYS] = { 0 }, seen[KEYS] = { 0 };
		for (int i = 0; i < (round % 2 ? 20 : 60000); i++) {
			int k = (int)chance(KEYS), s = (int)chance(SUBS), p = (int)chance(PANES);
			int64_t amount = (int64_t)chance(1000) - 500;
			struct key key = { KEY_ITEM, keys[k] };
			emit_sum(e, P_ITEMSETS, key, 3, subs[s], p - 2, amount);
			sum[k][s][p] += amount;
			emit_max(e, P_CAMPAIGN, key, 31, (uint32_t)s, p - 2, amount);
			max[k][s][p] = amount > max[k][s][p] ? amount : max[k][s][p];
			if (i % 5 == 0)
				emit_list(e, P_BIAS, key, 1, 7, &(uint32_t){ listed[k]++ }, 4);
		}
		combiner_silence(e, true);
		emit_sum(e, P_ITEMSETS, (struct key){ KEY_ALL, 0 }, 1, 0, 0, 1);
		combiner_silence(e, false);
		uint32_t sent = combiner_encode(e, take, sink);
		assert_int_equal(sent, sink->n);
		assert_true(combiner_empty(e));
		for (size_t i = 0; i < sink->n; i++) {
			struct key key;
			enum processor_id id;
			struct delta d;
			assert_int_equal(delta_reader_start(&r, others, (struct text){ (const char *)sink->messages[i].data, (uint32_t)sink->messages[i].size }), 0);
			while (delta_reader_key(&r, &key)) {
				assert_int_equal(key.kind, KEY_ITEM);
				int k = number_of(others, key.id);
				assert_int_equal(partition_of_key(others, key, PARTITIONS), sink->partition[i]);
				while (delta_reader_next(&r, &id, &d)) {
					if (d.merge == MERGE_LIST) { /* in order */
						assert_int_equal(id, P_BIAS);
						assert_int_equal(d.pane, 7);
						uint32_t n;
						assert_int_equal(d.bytes.size, 4);
						memcpy(&n, d.bytes.data, 4);
						assert_int_equal(n, seen[k]++);
					} else if (d.merge == MERGE_MAX) {
						assert_int_equal(id, P_CAMPAIGN);
						assert_int_equal(d.metric, 31);
						assert_true(max[k][d.index][d.pane + 2] == d.amount);
						max[k][d.index][d.pane + 2] = INT64_MIN;
					} else {
						assert_int_equal(id, P_ITEMSETS);
						sum[k][number_of(others, d.sub) - KEYS][d.pane + 2] -= d.amount;
					}
				}
			}
			assert_false(r.in.bad);
		}
		for (int i = 0; i < KEYS * SUBS * PANES; i++)
			assert_true((&sum[0][0][0])[i] == 0 && (&max[0][0][0])[i] == INT64_MIN);
		assert_memory_equal(listed, seen, sizeof(seen));
		sink_clear(sink);
	}
	delta_reader_done(&r);
	free(sink);
	combiner_destroy(e);
	symbols_destroy(symbols);
	symbols_destroy(others);
}

static void one_key_with_very_much_and_long_ids_stays_in_messages_that_a_broker_takes(void **unused)
{
	(void)unused;
	symbol_t keys[KEYS], subs[SUBS];
	struct symbols *symbols = names(keys, subs, 1024);
	struct emitter *e = combiner_create(symbols, 1);
	struct sink *sink = calloc(1, sizeof(*sink));
	for (int i = 0; i < 2000000; i++)
		emit_sum(e, P_ITEMSETS, (struct key){ KEY_ITEM, keys[i % 2] }, (uint8_t)chance(32), subs[chance(SUBS)], (int32_t)chance(1000), 1);
	for (int i = 0; i < 20000; i++)
		emit_list(e, P_BIAS, (struct key){ KEY_ITEM, keys[2] }, 0, 0, "sixteen bytes...", 16);
	static const char order[8000]; /* as an order of 64 long ids */
	for (int i = 0; i < 2000; i++)
		emit_list(e, P_ITEMSETS, (struct key){ KEY_ITEM, keys[3] }, 4, 0, order, sizeof(order));
	combiner_encode(e, take, sink);
	assert_true(sink->n > 10);
	assert_true(sink->greatest < 500000); /* message.max.bytes of a broker is 1,048,588 */
	sink_clear(sink);
	free(sink);
	combiner_destroy(e);
	symbols_destroy(symbols);
}

/* Reads until the end or the first that is bad; a hang or a read outside (under the sanitizers) fails the test. */
static void read_all(struct delta_reader *r, struct symbols *symbols, const void *bytes, size_t n)
{
	char *copy = malloc(n ? n : 1);
	memcpy(copy, bytes, n);
	struct key key;
	enum processor_id p;
	struct delta d;
	if (delta_reader_start(r, symbols, (struct text){ copy, (uint32_t)n }) == 0)
		while (delta_reader_key(r, &key)) {
			assert_true(key.kind != KEY_NONE && key.kind < KEY_KINDS);
			while (delta_reader_next(r, &p, &d))
				assert_true(p < PROCESSORS);
		}
	free(copy);
}

static void the_reader_survives_any_bytes(void **unused)
{
	(void)unused;
	symbol_t keys[KEYS], subs[SUBS];
	struct symbols *symbols = names(keys, subs, 8);
	struct emitter *e = combiner_create(symbols, 1);
	struct sink *sink = calloc(1, sizeof(*sink));
	for (int i = 0; i < 60; i++) {
		emit_sum(e, P_ITEMSETS, (struct key){ KEY_ITEM, keys[chance(KEYS)] }, 1, subs[chance(SUBS)], (int32_t)chance(9), 5);
		emit_list(e, P_BIAS, (struct key){ KEY_BRAND, keys[chance(KEYS)] }, 1, 0, "abc", 3);
	}
	combiner_encode(e, take, sink);
	struct delta_reader r = { 0 };
	struct symbols *others = symbols_create();
	uint8_t *bytes = sink->messages[0].data;
	size_t n = sink->messages[0].size;
	for (size_t i = 0; i <= n; i++)
		read_all(&r, others, bytes, i); /* cut short */
	for (int i = 0; i < 20000; i++) {
		size_t at = chance((uint32_t)n);
		uint8_t was = bytes[at];
		bytes[at] = (uint8_t)chance(256);
		read_all(&r, others, bytes, n);
		bytes[at] = was;
	}
	uint8_t noise[64];
	for (int i = 0; i < 20000; i++) {
		for (size_t k = 0; k < sizeof(noise); k++)
			noise[k] = (uint8_t)chance(256);
		noise[0] = MESSAGE_DELTAS;
		read_all(&r, others, noise, chance(sizeof(noise)));
	}
	delta_reader_done(&r);
	sink_clear(sink);
	free(sink);
	combiner_destroy(e);
	symbols_destroy(symbols);
	symbols_destroy(others);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_read_is_the_sum_of_what_was_emitted),
		cmocka_unit_test(one_key_with_very_much_and_long_ids_stays_in_messages_that_a_broker_takes),
		cmocka_unit_test(the_reader_survives_any_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
