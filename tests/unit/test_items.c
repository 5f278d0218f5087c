/* Item tasks: deltas and time into keys, model rows, forgetting, restoring. test_crash drives them through random crashes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shop.h"

static const int64_t hour = 3600000, start = INT64_C(472224) * 3600000;

static void count(void *to, struct text key, struct text value)
{
	(void)key;
	size_t *n = to;
	n[value.data == NULL]++;
}

static int control(struct item_task *t, int64_t offset, const struct upstream *reports, uint32_t n)
{
	struct buf b = { 0 };
	uint32_t tasks[SHOP_PARTITIONS_MAX];
	for (uint32_t i = 0; i < n; i++)
		tasks[i] = i;
	control_encode(&b, tasks, reports, n);
	int rc = item_task_apply(t, offset, (struct text){ (const char *)b.data, (uint32_t)b.size }, true, 0);
	buf_done(&b);
	return rc;
}

static void the_watermark_is_the_least_and_the_groups_is_that_of_who_is_not_at_the_end(void **unused)
{
	(void)unused;
	struct shop *s = shop_create(2, NULL);
	struct item_task *t = s->items[0];
	assert_int_equal(control(t, 0, (struct upstream[]){ { 500, false } }, 1), 0);
	assert_true(t->watermark == INT64_MIN && item_task_group(t) == INT64_MIN);
	assert_int_equal(control(t, 1, (struct upstream[]){ { 500, false }, { 300, true } }, 2), 0);
	assert_true(t->watermark == 300 && item_task_group(t) == 500);
	assert_int_equal(control(t, 2, (struct upstream[]){ { 400, true }, { 900, true } }, 2), 0); /* 400: time never goes back */
	assert_true(t->watermark == 500 && item_task_group(t) == 900);
	assert_int_equal(control(t, 3, (struct upstream[]){ { 600, false }, { 900, true } }, 2), 0);
	assert_true(t->watermark == 600 && item_task_group(t) == 900);
	struct upstream three[3] = { { 1000, false }, { 1000, false }, { 1000, false } };
	assert_true(control(t, 4, three, 3) < 0); /* there is no third task */
	assert_true(item_task_apply(t, 5, TEXT(""), true, 0) < 0);
	assert_int_equal(t->position, 6);
	shop_destroy(s);
}

static void forgetting_passes_over_keys_that_are_kept(void **unused)
{
	(void)unused;
	struct shop *s = shop_create(1, NULL);
	s->engine->rules.item_idle_ms = 10 * hour;
	struct event first = shop_click("c0", start, "u", ACTION_VIEW, NULL, NULL, "old");
	shop_event(s, &first);
	shop_flush(s); /* the campaign is the idlest key of all */
	char id[16], item[16];
	for (int i = 1; i <= 20; i++) {
		snprintf(id, sizeof(id), "c%d", i);
		snprintf(item, sizeof(item), "i%d", i);
		struct event e = shop_click(id, start + i, "u", ACTION_VIEW, item, NULL, NULL);
		shop_event(s, &e);
	}
	shop_flush(s);
	struct item_task *t = s->items[0];
	struct key campaign = { KEY_CAMPAIGN, symbols_find(s->engine->symbols, TEXT("old")) }, i7 = { KEY_ITEM, symbols_find(s->engine->symbols, TEXT("i7")) };
	assert_non_null(item_task_find(t, campaign));
	assert_non_null(item_task_find(t, i7));
	while (t->views.n)
		item_task_shown(t, LIST_OWNER(t->views.head.next, struct item_entity, view_link), 0);
	t->watermark = start + 11 * hour;
	view_target(s->engine->view, &s->commands);
	size_t rows[2] = { 0 }, model[2] = { 0 };
	item_task_expire(t, 1000, count, rows, count, model);
	assert_null(item_task_find(t, i7));
	assert_non_null(item_task_find(t, campaign));
	assert_int_equal(model[1], 20); /* a model row is deleted for each */
	shop_destroy(s);
}

static void over_the_bound_keys_go_though_no_view_has_shown_them(void **unused)
{
	(void)unused;
	struct shop *s = shop_create(1, NULL);
	s->engine->rules.max_items = 5;
	char id[16], item[16];
	for (int i = 0; i < 20; i++) {
		snprintf(id, sizeof(id), "c%d", i);
		snprintf(item, sizeof(item), "i%d", i);
		struct event e = shop_click(id, start + i, "u", ACTION_VIEW, item, NULL, NULL);
		shop_event(s, &e);
		shop_flush(s);
	}
	size_t rows[2] = { 0 }, model[2] = { 0 };
	view_target(s->engine->view, &s->commands);
	item_task_expire(s->items[0], 1000, count, rows, count, model);
	assert_int_equal(s->engine->items, 5);
	assert_non_null(shop_item_block(s, KEY_ITEM, "i19", P_RECOMMEND));
	shop_destroy(s);
}

static void keep(void *to, struct text key, struct text value)
{
	struct buf *b = to;
	if (!text_equal(key, TEXT("item:i1")))
		return;
	buf_clear(b);
	buf_bytes(b, value.data, value.size);
}

static void deliver(void *to, uint32_t partition, struct text value)
{
	struct shop *s = to;
	assert_int_equal(item_task_apply(s->items[partition], s->item_offsets[partition]++, value, true, 0), 0);
}

static void a_model_row_comes_when_it_has_changed_and_once_in_its_interval(void **unused)
{
	(void)unused;
	struct shop *s = shop_create(1, NULL);
	struct item_task *t = s->items[0];
	struct buf row = { 0 };
	const int64_t now = 1000000;
	for (int i = 0; i < 2; i++) {
		struct event e = shop_rating(i ? "r2" : "r1", start + i, i ? "v" : "u", "i1", 4000);
		shop_event(s, &e);
		combiner_encode(s->engine->emitter, deliver, s);
		item_task_model(t, now + i * 100, 1000, SIZE_MAX, SIZE_MAX, keep, &row);
		assert_int_equal(row.size > 0, i == 0); /* the second waits */
		buf_clear(&row);
	}
	item_task_model(t, now + 1000, 1000, SIZE_MAX, SIZE_MAX, keep, &row);
	assert_true(row.size > 0);
	assert_int_equal(model_row_load(s->engine->model, TEXT("item:i1"), (struct text){ (const char *)row.data, (uint32_t)row.size }), 0);
	buf_clear(&row);
	item_task_model_due(t); /* as after a restore: the global table has it */
	item_task_model(t, now + 9000, 1000, SIZE_MAX, SIZE_MAX, keep, &row);
	assert_int_equal(row.size, 0);
	assert_int_equal(model_row_load(s->engine->model, TEXT("item:i1"), (struct text){ 0 }), 0);
	item_task_model_due(t); /* and now it has not */
	item_task_model(t, now + 9000, 1000, SIZE_MAX, SIZE_MAX, keep, &row);
	assert_true(row.size > 0);
	buf_done(&row);
	shop_destroy(s);
}

enum { KEYS = 40 };

struct kept {
	struct buf keys[KEYS], values[KEYS]; /* of keys with a row; without the head of their pieces */
	size_t n;
};

static void keep_row(void *to, struct text key, struct text value)
{
	enum { PIECE_HEAD = 2 + 8 };
	struct kept *k = to;
	if (key.size == PIECE_KEY_BYTES) /* the task's */
		return;
	assert_true(k->n < KEYS && value.data);
	buf_bytes(&k->keys[k->n], key.data + PIECE_KEY_BYTES, key.size - PIECE_KEY_BYTES);
	buf_bytes(&k->values[k->n++], value.data + PIECE_HEAD, value.size - PIECE_HEAD);
}

static struct text text_in(const struct buf *b)
{
	return (struct text){ (const char *)b->data, (uint32_t)b->size };
}

static void of_a_keys_rows_the_newest_is_taken_apart(void **unused)
{
	(void)unused;
	struct shop *s = shop_create(1, NULL), *z = shop_create(1, NULL), *half = shop_create(1, NULL);
	struct kept k = { .n = 0 };
	char id[16], item[16];
	for (int i = 0; i < 9; i++) {
		snprintf(id, sizeof(id), "c%d", i);
		snprintf(item, sizeof(item), "i%d", i % 3);
		struct event e = shop_click(id, start + i, "u", ACTION_VIEW, item, "s", NULL);
		user_task_apply(s->users[0], 0, i, &e, true, 0);
	}
	combiner_encode(s->engine->emitter, deliver, s);
	item_task_seal(s->items[0], 0, 0, true, keep_row, &k);
	assert_true(k.n >= 4); /* three items and `all`, at least */
	struct item_task *t = z->items[0];
	struct buf older = { 0 }, newer = { 0 };
	buf_bytes(&older, k.values[0].data, k.values[0].size - 1);
	assert_int_equal(item_task_load(t, text_in(&k.keys[0]), text_in(&older), 1), -EBADMSG); /* cut */
	for (int twice = 0; twice < 2; twice++)
		for (size_t i = 0; i < k.n; i++) {
			assert_int_equal(item_task_load(t, text_in(&k.keys[i]), text_in(&k.values[i]), 1), 0);
			assert_int_equal(item_task_load(half->items[0], text_in(&k.keys[i]), text_in(&k.values[i]), 1), 0);
		}
	assert_int_equal(item_task_load(t, TEXT("item:i2"), (struct text){ 0 }, 0), 0);
	assert_int_equal(t->packed.n, k.n - 1);
	for (size_t left = k.n - 1; left; left--) {
		assert_int_equal(t->packed.n, left);
		assert_int_equal(item_task_unpack(t, 1), 0);
	}
	assert_int_equal(item_task_unpack(t, 1), 0);
	assert_null(shop_item_block(z, KEY_ITEM, "i2", P_ITEMSETS));
	assert_non_null(shop_item_block(z, KEY_ITEM, "i1", P_ITEMSETS));
	for (struct link *l = t->all.head.next; l != &t->all.head; l = l->next) {
		struct item_entity *x = LIST_OWNER(l, struct item_entity, all_link);
		buf_clear(&older);
		buf_clear(&newer);
		key_format(z->engine->symbols, x->key, &newer);
		size_t i = 0;
		while (i < k.n && !text_equal(text_in(&k.keys[i]), text_in(&newer)))
			i++;
		assert_true(i < k.n);
		blocks_save(z->engine, STAGE_ITEM, x->blocks, &older);
		assert_true(k.values[i].size > older.size && !memcmp(k.values[i].data + k.values[i].size - older.size, older.data, older.size));
	}
	assert_int_equal(item_task_unpack(half->items[0], 2), 0); /* and the rest goes with its task */
	for (size_t i = 0; i < k.n; i++) {
		buf_done(&k.keys[i]);
		buf_done(&k.values[i]);
	}
	buf_done(&older);
	buf_done(&newer);
	shop_destroy(half);
	shop_destroy(z);
	shop_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_watermark_is_the_least_and_the_groups_is_that_of_who_is_not_at_the_end),
		cmocka_unit_test(forgetting_passes_over_keys_that_are_kept),
		cmocka_unit_test(over_the_bound_keys_go_though_no_view_has_shown_them),
		cmocka_unit_test(a_model_row_comes_when_it_has_changed_and_once_in_its_interval),
		cmocka_unit_test(of_a_keys_rows_the_newest_is_taken_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
