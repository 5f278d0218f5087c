/* Forgetting: requests as rows, state and rows and views gone, contributions taken back, and nothing that comes back by a replay,
 * a restart or the request being read again. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include <cmocka.h>

#include "processors/itemsets.h"
#include "processors/next.h"
#include "processors/segments.h"
#include "processors/similar.h"
#include "shop.h"

static const int64_t start = INT64_C(1700000000000), hour = 3600000;

static void ask(struct engine *e, const char *user, int64_t until)
{
	char key[FORGOTTEN_KEY_BYTES + 1], value[64];
	uint64_t hash;
	int64_t read;
	forgotten_row(text_of(user), until, key, value);
	assert_int_equal(forgotten_key(text_of(key), &hash), 1);
	assert_int_equal(forgotten_value(text_of(value), &read), 0);
	assert_true(read == until && hash == XXH3_64bits(user, strlen(user)));
	assert_null(strstr(key, user));
	forgotten_add(&e->forgotten, hash, read);
}

static void a_request_names_nobody_and_is_read_back(void **state)
{
	(void)state;
	static const char *const bad_values[] = { "", "{}", "{\"v\":1,\"until\":}", "{\"v\":1,\"until\":5", "{\"v\":1,\"until\":-5}", "{\"v\":1,\"until\":5}}",
		"{\"v\":1,\"until\":99999999999999999999}" };
	struct engine *e = calloc(1, sizeof(*e));
	uint64_t user;
	int64_t until;
	ask(e, "shopper-7", 5);
	ask(e, "shopper-7", 4); /* says less than is known */
	assert_int_equal(e->forgotten.n, 1);
	assert_int_equal(forgotten_key(TEXT("item:forget:"), &user), 0);
	assert_int_equal(forgotten_key(TEXT("forget:12"), &user), -EBADMSG);
	assert_int_equal(forgotten_key(TEXT("forget:000000000000000g"), &user), -EBADMSG);
	for (size_t i = 0; i < sizeof(bad_values) / sizeof(bad_values[0]); i++)
		assert_int_equal(forgotten_value(text_of(bad_values[i]), &until), -EBADMSG);
	for (uint64_t i = 0; i < 1000; i++)
		forgotten_add(&e->forgotten, i * 64, (int64_t)i);
	for (uint64_t i = 0; i < 1000; i++) {
		assert_int_equal(forgotten_until(&e->forgotten, i * 64), i);
		assert_true(forgotten_until(&e->forgotten, i * 64 + 1) == INT64_MIN);
	}
	forgotten_done(&e->forgotten);
	free(e);
}

/* ---- state, rows, views ---- */

static int64_t offset;

static enum outcome view(struct user_task *t, const char *user, const char *id, int64_t ts, bool live)
{
	struct event e = shop_click(id, ts, user, ACTION_VIEW, "ring", NULL, NULL);
	return user_task_apply(t, 0, offset++, &e, live, 0);
}

struct rows {
	int written, deleted;
	struct buf key, value; /* of the last one of a shopper */
};

static void keep(void *to, struct text key, struct text value)
{
	struct rows *r = to;
	if (key.size < 3)
		return; /* the task's */
	r->written += value.data != NULL;
	r->deleted += value.data == NULL;
	buf_clear(&r->key);
	buf_clear(&r->value);
	buf_bytes(&r->key, key.data, key.size);
	buf_bytes(&r->value, value.data, value.size);
}

static void a_forgotten_shopper_is_gone_and_only_what_is_new_counts(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, NULL);
	struct user_task *t = s->users[0];
	struct rows rows = { 0 };
	offset = 0;
	assert_int_equal(view(t, "a", "e1", start, true), APPLIED);
	assert_int_equal(view(t, "b", "e2", start, true), APPLIED);
	user_task_seal(t, 0, 0, true, keep, &rows);
	assert_int_equal(rows.written, 2);

	buf_clear(&s->commands);
	view_target(s->engine->view, &s->commands);
	ask(s->engine, "a", start + hour);
	ask(s->engine, "nobody", start + hour);
	user_task_forget(t, keep, &rows);
	assert_null(user_task_find(t, TEXT("a")));
	assert_non_null(user_task_find(t, TEXT("b")));
	assert_int_equal(rows.deleted, 1);
	assert_string_equal(shop_commands(s), "UNLINK glint:recs:a\nUNLINK glint:user:a\nUNLINK glint:next:a\n");

	/* repeats, what was under way, a replay from the start: late; a restore makes nothing of it either */
	assert_int_equal(view(t, "a", "e1", start, true), LATE);
	assert_int_equal(view(t, "a", "e3", start + hour, true), LATE);
	assert_int_equal(view(t, "a", "e1", start, false), LATE);
	assert_null(user_task_find(t, TEXT("a")));

	/* who comes back is somebody new, and stays, also when the requests are read again */
	assert_int_equal(view(t, "a", "e4", start + hour + 1, true), APPLIED);
	assert_int_equal(view(t, "a", "e1", start, true), LATE);
	user_task_seal(t, 0, 0, true, keep, &rows);
	t->forgotten = 0;
	user_task_forget(t, keep, &rows);
	assert_non_null(user_task_find(t, TEXT("a")));
	assert_int_equal(rows.deleted, 1);

	/* the same after a restart: a new task, its row, all requests */
	struct user_task *again = user_task_create(s->engine, 0);
	struct row_reader *reader = row_reader_create();
	struct text entity, bytes;
	uint16_t pieces;
	assert_int_equal(row_reader_take(reader, (struct text){ (const char *)rows.key.data, (uint32_t)rows.key.size },
				 (struct text){ (const char *)rows.value.data, (uint32_t)rows.value.size }, &entity, &bytes, &pieces),
		1);
	assert_true(text_equal(entity, TEXT("a")));
	assert_int_equal(user_task_load(again, entity, bytes, pieces), 0);
	row_reader_destroy(reader);
	user_task_forget(again, keep, &rows);
	assert_non_null(user_task_find(again, TEXT("a")));
	assert_int_equal(rows.deleted, 1);

	/* and a second request ends that, too */
	ask(s->engine, "a", start + 2 * hour);
	user_task_forget(again, keep, &rows);
	assert_null(user_task_find(again, TEXT("a")));
	assert_int_equal(rows.deleted, 2);
	user_task_destroy(again);
	buf_done(&rows.key);
	buf_done(&rows.value);
	shop_destroy(s);
}

static void an_unfinished_erasure_is_done_again_after_a_restart(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, NULL);
	struct user_task *t = user_task_create(s->engine, 0); /* restored: the row was not deleted yet, the request is there already */
	struct rows rows = { 0 };
	offset = 0;
	user_task_interval(t, 0, 0);
	assert_int_equal(view(t, "a", "e1", start, false), APPLIED);
	ask(s->engine, "a", start + hour);
	assert_int_equal(view(t, "a", "e2", start + 1, false), APPLIED); /* as it was */
	view_target(s->engine->view, &s->commands);
	user_task_forget(t, keep, &rows);
	assert_null(user_task_find(t, TEXT("a")));
	user_task_destroy(t);
	buf_done(&rows.key);
	buf_done(&rows.value);
	shop_destroy(s);
}

/* ---- contributions ---- */

static void rate(struct shop *s, const char *user, const char *item, int n)
{
	char id[16];
	snprintf(id, sizeof(id), "r%d", n);
	struct event e = shop_rating(id, start + n, user, item, 1000 + n % 5 * 1000);
	assert_int_equal(shop_event(s, &e), APPLIED);
	shop_flush(s);
}

static void ratings_and_segment_are_as_if_the_shopper_had_never_come(void **state)
{
	(void)state;
	static const char *const options[] = { "segments.start=20", "segments.segments=2", "segments.pane=1h", NULL };
	struct buf saved[2] = { { 0 }, { 0 } };
	for (int with = 0; with < 2; with++) {
		struct shop *s = shop_create(1, options);
		char user[16];
		for (int round = 0; round < 2; round++) {
			for (int i = 0; i < 30; i++) {
				char id[24];
				snprintf(user, sizeof(user), "u%d", i);
				snprintf(id, sizeof(id), "c%d.%d", round, i);
				struct event e = shop_click(id, start + round * hour + i, user, ACTION_VIEW, "ring", NULL, NULL);
				shop_event(s, &e);
			}
			shop_flush(s);
		}
		rate(s, "u1", "ring", 1);
		rate(s, "u2", "bow", 2);
		if (with) {
			struct event e = shop_click("x", start + hour, "gone", ACTION_VIEW, "ring", NULL, NULL);
			shop_event(s, &e);
			rate(s, "gone", "ring", 3);
			rate(s, "gone", "bow", 4);
			const struct segments_item *b = shop_item_block(s, KEY_ALL, NULL, P_SEGMENTS);
			assert_int_equal(b->size[0] + b->size[1], 31);
			shop_forget(s, "gone", start + 2 * hour);
		}
		shop_time(s, start + 3 * hour);
		for (int i = 0; i < 3; i++) {
			const enum processor_id p = i < 2 ? P_BIAS : P_SEGMENTS;
			const void *block = shop_item_block(s, i < 2 ? KEY_ITEM : KEY_ALL, i == 0 ? "ring" : i == 1 ? "bow"
														    : NULL,
				p);
			assert_non_null(block);
			processors[p]->item.save(s->settings[p], block, s->engine->symbols, &saved[with]);
		}
		shop_destroy(s);
	}
	assert_int_equal(saved[0].size, saved[1].size);
	assert_memory_equal(saved[0].data, saved[1].data, saved[0].size);
	buf_done(&saved[0]);
	buf_done(&saved[1]);
}

static void act(struct shop *s, const char *user, enum click_action action, const char *item, int64_t ts)
{
	static int n;
	char id[16];
	snprintf(id, sizeof(id), "s%d", n++);
	struct event e = shop_click(id, ts, user, action, item, NULL, NULL);
	assert_int_equal(shop_event(s, &e), APPLIED);
}

static void see(struct shop *s, const char *user, const char *item, int64_t ts)
{
	act(s, user, ACTION_VIEW, item, ts);
}

static void seen_with(struct shop *s, const char *a, const char *b, uint32_t n_a, uint32_t n_ab)
{
	const struct itemsets_item *x = shop_item_block(s, KEY_ITEM, a, P_ITEMSETS);
	assert_int_equal(x->by[BASKET_SESSION].baskets, n_a);
	assert_int_equal(pairs_count(&x->by[BASKET_SESSION], symbols_find(s->engine->symbols, text_of(b))), n_ab);
	struct itemsets_other top[20];
	uint32_t n = itemsets_top(x, BASKET_SESSION, s->engine->symbols, 20, top), found = 0;
	for (uint32_t i = 0; i < n; i++)
		if (top[i].item == symbols_find(s->engine->symbols, text_of(b)))
			found = top[i].count;
	assert_int_equal(found, n_ab);
}

static void the_running_session_is_taken_back_and_earlier_ones_that_are_not_kept_stay(void **state)
{
	(void)state;
	static const char *const items[] = { "i0", "i1", "i2", "i3", "i4", "i5", "i6", "i7", "i8", "i9", "i10", "i11" };
	static const char *const windows[] = { "itemsets.window=0", "itemsets.window=3d" };
	for (int w = 0; w < 2; w++) {
		struct shop *s = shop_create(1, (const char *const[]){ windows[w], "itemsets.baskets_kept=0", NULL });
		see(s, "stays", "i0", start);
		see(s, "stays", "i1", start + 1);
		see(s, "gone", "i0", start + 2); /* a session of its own: the next begins a day later */
		see(s, "gone", "i1", start + 3);
		for (int i = 0; i < 12; i++) /* i11 pairs with the last ten: not with i0 */
			see(s, "gone", items[i], start + 24 * hour - 100 + i);
		shop_flush(s);
		shop_time(s, start + 25 * hour);
		seen_with(s, "i0", "i1", 3, 3);
		seen_with(s, "i11", "i1", 1, 1);
		seen_with(s, "i11", "i0", 1, 0);
		shop_forget(s, "gone", start + 25 * hour);
		shop_time(s, start + 26 * hour);
		seen_with(s, "i0", "i1", 2, 2);
		seen_with(s, "i1", "i0", 2, 2);
		seen_with(s, "i11", "i1", 0, 0);
		seen_with(s, "i5", "i6", 0, 0);
		const struct itemsets_item *all = shop_item_block(s, KEY_ALL, NULL, P_ITEMSETS);
		assert_int_equal(all->by[BASKET_SESSION].baskets, 2);
		shop_check_rows(s);
		if (w) { /* what is left leaves with its window, and not a basket more */
			shop_time(s, start + 100 * hour);
			seen_with(s, "i0", "i1", 0, 0);
			assert_int_equal(all->by[BASKET_SESSION].baskets, 0);
		}
		shop_destroy(s);
	}
}

static void describe(struct shop *s, const char *item, const char *category)
{
	struct event e = { .kind = EVENT_ITEM, .item = { .item_id = text_of(item), .category = text_of(category), .available = true } };
	assert_int_equal(shop_event(s, &e), APPLIED);
}

static void order(struct shop *s, const char *user, int64_t ts, const char *const *items, uint32_t n)
{
	static int orders;
	struct order_line lines[4] = { 0 };
	char id[16];
	snprintf(id, sizeof(id), "o%d", orders++);
	for (uint32_t i = 0; i < n; i++)
		lines[i] = (struct order_line){ .item_id = text_of(items[i]), .quantity = 1 };
	struct event e = shop_order(id, ts, user, id, lines, n);
	assert_int_equal(shop_event(s, &e), APPLIED);
}

/* Two shoppers, and one who is gone again: in the same panes, so that not even an empty one tells of them. */
static void orders_and_sessions_are_as_if_the_shopper_had_never_come(void **state)
{
	static const char *const items[] = { "ring", "bow", "cap", "hat" }, *const categories[] = { "jewels", "hats" };
	enum { KEYS = 7 };
	struct buf saved[2][KEYS] = { 0 };
	(void)state;
	for (int with = 0; with < 2; with++) {
		struct shop *s = shop_create(1, (const char *const[]){ "itemsets.set_size=4", "itemsets.window=30d", NULL });
		for (int i = 0; i < 4; i++)
			describe(s, items[i], categories[i / 2]);
		for (int day = 0; day < 3; day++) {
			const char *users[] = { "gone", "a", "b" }; /* its baskets are the first of their kind: those that are found again */
			for (int u = 0; u < 3; u++) {
				if (u == 0 && !with)
					continue;
				int64_t ts = start + day * 24 * hour + u * 1000;
				order(s, users[u], ts, items, 4);
				order(s, users[u], ts + 1, items + u, 2);
				for (int i = 0; i < 4; i++)
					see(s, users[u], items[(i + u) % 4], ts + 2 + i);
				shop_flush(s);
			}
		}
		shop_time(s, start + 50 * hour);
		if (with) {
			const struct itemsets_item *x = shop_item_block(s, KEY_ITEM, "bow", P_ITEMSETS);
			assert_int_equal(x->by[BASKET_ORDER].baskets, 3 * 5);
			assert_int_equal(x->by[BASKET_SESSION].baskets, 9);
			shop_check_rows(s);
			shop_forget(s, "gone", start + 51 * hour);
		}
		shop_time(s, start + 52 * hour);
		for (int i = 0; i < KEYS; i++) {
			enum key_kind kind = i < 4 ? KEY_ITEM : i < 6 ? KEY_CATEGORY : KEY_ALL;
			const void *block = shop_item_block(s, kind, i < 4 ? items[i] : i < 6 ? categories[i - 4] : NULL, P_ITEMSETS);
			assert_non_null(block);
			itemsets_processor.item.save(s->settings[P_ITEMSETS], block, s->engine->symbols, &saved[with][i]);
		}
		shop_destroy(s);
	}
	for (int i = 0; i < KEYS; i++) {
		assert_int_equal(saved[0][i].size, saved[1][i].size);
		assert_memory_equal(saved[0][i].data, saved[1][i].data, saved[0][i].size);
		buf_done(&saved[0][i]);
		buf_done(&saved[1][i]);
	}
}

static uint32_t orders_of(struct shop *s, const char *item)
{
	const struct itemsets_item *x = shop_item_block(s, KEY_ITEM, item, P_ITEMSETS);
	return x ? x->by[BASKET_ORDER].baskets : 0;
}

static void the_newest_baskets_are_kept_and_none_of_before_the_window(void **state)
{
	static const char *const items[] = { "ring", "bow" };
	static const char *const windows[] = { "itemsets.window=0", "itemsets.window=3d" };
	(void)state;
	for (int w = 0; w < 2; w++) {
		struct shop *s = shop_create(1, (const char *const[]){ windows[w], "itemsets.baskets_kept=3", NULL });
		for (int i = 0; i < 5; i++) {
			order(s, "gone", start + i * (w ? 60 : 1) * hour, items, 2);
			if (!w && i == 1) /* sessions do not drive out orders: the first of two has ended */
				for (int j = 0; j < 2; j++)
					see(s, "gone", "ring", start + j * hour);
			shop_flush(s);
		}
		shop_time(s, start + (w ? 250 : 10) * hour);
		shop_check_rows(s);
		size_t row = 0;
		struct buf saved = { 0 };
		const struct itemsets_item *x = shop_item_block(s, KEY_ITEM, "ring", P_ITEMSETS);
		assert_int_equal(x->by[BASKET_SESSION].baskets, w ? 0 : 2);
		itemsets_processor.user.save(s->settings[P_ITEMSETS], shop_user_block(s, "gone", P_ITEMSETS), s->engine->symbols, &saved);
		row = saved.size;
		buf_done(&saved);
		assert_int_equal(row, w ? 3 + 2 * 18 : 3 + 3 * 18 + 14 + 21); /* flags, width of panes, n; kind, 6 bytes of time, two counts, 5 and 4 of ids; the running session */
		assert_int_equal(orders_of(s, "ring"), w ? 1 : 5);
		shop_forget(s, "gone", start + 300 * hour);
		assert_int_equal(orders_of(s, "ring"), w ? 0 : 2);
		assert_int_equal(x->by[BASKET_SESSION].baskets, 0);
		shop_destroy(s);
	}
}

static void rows_of(struct shop *s, enum processor_id p, const char *const *items, int n, struct buf *to)
{
	for (int i = 0; i < n; i++) {
		const void *block = shop_item_block(s, KEY_ITEM, items[i], p);
		assert_non_null(block);
		processors[p]->item.save(s->settings[p], block, s->engine->symbols, &to[i]);
	}
}

static void put(struct shop *s, const char *user, const char *item, int64_t ts)
{
	act(s, user, ACTION_ADD_TO_CART, item, ts);
}

/* Sessions of up to 12 steps over five weeks, carts and orders that come again: followers and similar items of two shoppers, and of one who is gone
 * again. */
static void what_followed_what_and_what_is_similar_are_as_if_the_shopper_had_never_come(void **state)
{
	static const char *const items[] = { "ring", "bow", "cap", "hat", "pin" };
	enum { ITEMS = 5 };
	struct buf saved[2][2][ITEMS] = { 0 };
	(void)state;
	for (int with = 0; with < 2; with++) {
		struct shop *s = shop_create(1, (const char *const[]){ "next.learn_every=0", "similar.views=on", NULL });
		uint32_t draw = 7;
		for (int week = 0; week < 5; week++) {
			static const char *const users[] = { "a", "b", "gone" };
			for (int u = 0; u < 3; u++) {
				int64_t ts = start + (week * 168 + u) * hour;
				for (int i = 0; i < 4 + 4 * u; i++) {
					draw = draw * 1664525 + 1013904223;
					const char *item = items[week || i >= ITEMS ? (draw >> 20) % ITEMS : (uint32_t)i];
					if (u == 2 && !with)
						continue;
					if (draw >> 30 == 0)
						order(s, users[u], ts + i, (const char *const[]){ item, items[(draw >> 10) % ITEMS] }, 2);
					else if (draw >> 30 == 1)
						put(s, users[u], item, ts + i);
					else
						see(s, users[u], item, ts + i);
				}
				shop_flush(s);
			}
		}
		shop_time(s, start + 850 * hour);
		if (with) {
			const struct next_user *u = shop_user_block(s, "gone", P_NEXT);
			assert_true(u->n_steps > 30 && u->n_steps <= 53);
			shop_reload_block(s, "gone", P_NEXT);
			shop_reload_block(s, "gone", P_SIMILAR);
			shop_check_rows(s);
			shop_forget(s, "gone", start + 851 * hour);
			shop_check_rows(s);
		}
		shop_time(s, start + 852 * hour);
		rows_of(s, P_NEXT, items, ITEMS, saved[with][0]);
		rows_of(s, P_SIMILAR, items, ITEMS, saved[with][1]);
		shop_destroy(s);
	}
	for (int p = 0; p < 2; p++)
		for (int i = 0; i < ITEMS; i++) {
			assert_int_equal(saved[0][p][i].size, saved[1][p][i].size);
			assert_memory_equal(saved[0][p][i].data, saved[1][p][i].data, saved[0][p][i].size);
			buf_done(&saved[0][p][i]);
			buf_done(&saved[1][p][i]);
		}
}

static void steps_are_kept_to_their_number_and_window(void **state)
{
	static const char *const items[] = { "ring", "bow", "cap" };
	(void)state;
	for (int kept = 0; kept <= 12; kept += 12) {
		char option[32];
		snprintf(option, sizeof(option), "next.steps_kept=%d", kept);
		struct shop *s = shop_create(1, (const char *const[]){ option, "next.window=14d", NULL });
		for (int i = 0; i < 20; i++)
			see(s, "u", items[i % 3], start + i);
		const struct next_user *u = shop_user_block(s, "u", P_NEXT);
		assert_int_equal(u->n, 10);
		assert_int_equal(u->n_steps, kept ? 15 : 10);
		assert_true(!u->steps[0].first);
		see(s, "u", "pin", start + 2 * hour); /* another session */
		assert_int_equal(u->n, 1);
		assert_int_equal(u->n_steps, kept ? 15 : 1);
		assert_true(u->steps[u->n_steps - 1].first);
		see(s, "u", "pin", start + 2 * hour + 1);
		see(s, "u", "bow", start + 2 * hour + 2);
		assert_int_equal(u->n, 2);
		see(s, "u", "cap", start + 500 * hour); /* all before is out of the window */
		assert_int_equal(u->n_steps, 1);
		shop_destroy(s);
	}
}

/* Version 1 of both blocks said nothing of panes and windows: what they have counted stays. */
static void blocks_of_version_1_are_read(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, (const char *const[]){ "next.learn_every=0", NULL });
	struct buf b = { 0 };
	put(s, "u", "hat", start);
	buf_u8(&b, 1);
	buf_i64(&b, start);
	buf_u64(&b, 0);
	buf_u8(&b, 2);
	buf_text(&b, TEXT("ring"));
	buf_text(&b, TEXT("bow"));
	struct next_user *next = (struct next_user *)(uintptr_t)shop_user_block(s, "u", P_NEXT);
	next_processor.user.done(next, s->engine->pool);
	struct reader in = reader_of(b.data, b.size);
	assert_int_equal(next_processor.user.load(s->settings[P_NEXT], next, 1, &in, s->engine->symbols, s->engine->pool), 0);
	assert_true(next->n == 2 && next->n_steps == 2 && next_seen(next, 0) == symbols_find(s->engine->symbols, TEXT("bow")));
	buf_clear(&b);
	buf_varint(&b, 2);
	buf_text(&b, TEXT("ring"));
	buf_u8(&b, 3);
	buf_text(&b, TEXT("bow"));
	buf_u8(&b, 2);
	struct similar_user *similar = (struct similar_user *)(uintptr_t)shop_user_block(s, "u", P_SIMILAR);
	similar_processor.user.done(similar, s->engine->pool);
	in = reader_of(b.data, b.size);
	assert_int_equal(similar_processor.user.load(s->settings[P_SIMILAR], similar, 1, &in, s->engine->symbols, s->engine->pool), 0);
	assert_true(similar->n == 2 && similar->seen[1].weight == 2);
	put(s, "u", "cap", start + 1);
	shop_reload_block(s, "u", P_NEXT);
	shop_reload_block(s, "u", P_SIMILAR);
	shop_flush(s);
	shop_time(s, start + hour);
	const struct next_item *bow = shop_item_block(s, KEY_ITEM, "bow", P_NEXT);
	const struct similar_item *like = shop_item_block(s, KEY_ITEM, "bow", P_SIMILAR);
	symbol_t cap = symbols_find(s->engine->symbols, TEXT("cap"));
	assert_int_equal(pairs_count(&bow->follow, cap), 1000);
	assert_int_equal(pairs_count(&like->pairs, cap), 2);
	assert_int_equal(pairs_count(&like->follows, cap), FOLLOW_UNIT);
	shop_forget(s, "u", start + hour);
	assert_int_equal(pairs_count(&bow->follow, cap), 0);
	assert_int_equal(pairs_count(&like->pairs, cap), 2);
	buf_done(&b);
	shop_destroy(s);
}

/* Another shopper's counts, which are all that is left of the same kind when the window is not what it was, stay as they are. */
static void what_was_counted_in_other_panes_is_not_taken_from_others(void **state)
{
	static const enum processor_id of[] = { P_NEXT, P_SIMILAR, P_ITEMSETS };
	static const char *const before[] = { "next.window=14d", "similar.window=30d", "itemsets.window=3d" };
	static const char *const after[] = { "next.window=0", "similar.window=0", "itemsets.window=0" };
	(void)state;
	struct shop *shops[2];
	struct buf rows[3] = { 0 };
	for (int w = 0; w < 2; w++) {
		const char *const *o = w ? after : before;
		struct shop *s = shops[w] = shop_create(1, (const char *const[]){ o[0], o[1], o[2], "next.learn_every=0", NULL });
		put(s, w ? "stays" : "gone", "ring", start);
		put(s, w ? "stays" : "gone", "bow", start + 1);
		shop_flush(s);
		shop_time(s, start + hour);
	}
	struct shop *s = shops[1];
	put(s, "gone", "hat", start + 2);
	for (int p = 0; p < 3; p++) {
		const struct block_ops *ops = &processors[of[p]]->user;
		void *block = (void *)(uintptr_t)shop_user_block(s, "gone", of[p]);
		ops->save(shops[0]->settings[of[p]], shop_user_block(shops[0], "gone", of[p]), shops[0]->engine->symbols, &rows[p]);
		ops->done(block, s->engine->pool);
		struct reader in = reader_of(rows[p].data, rows[p].size);
		assert_int_equal(ops->load(s->settings[of[p]], block, ops->version, &in, s->engine->symbols, s->engine->pool), 0);
		buf_clear(&rows[p]); /* and back: what is unknown by now stays so */
		ops->save(s->settings[of[p]], block, s->engine->symbols, &rows[p]);
		struct shop *back = shops[0];
		block = (void *)(uintptr_t)shop_user_block(back, "gone", of[p]);
		ops->done(block, back->engine->pool);
		in = reader_of(rows[p].data, rows[p].size);
		assert_int_equal(ops->load(back->settings[of[p]], block, ops->version, &in, back->engine->symbols, back->engine->pool), 0);
		shop_reload_block(back, "gone", of[p]);
		buf_done(&rows[p]);
	}
	shop_check_rows(s);
	shop_forget(s, "gone", start + hour);
	symbol_t bow = symbols_find(s->engine->symbols, TEXT("bow"));
	assert_int_equal(pairs_count(&((const struct next_item *)shop_item_block(s, KEY_ITEM, "ring", P_NEXT))->follow, bow), 1000);
	assert_int_equal(pairs_count(&((const struct similar_item *)shop_item_block(s, KEY_ITEM, "ring", P_SIMILAR))->pairs, bow), 2);
	seen_with(s, "ring", "bow", 1, 1);
	shop_destroy(shops[0]);
	shop_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_names_nobody_and_is_read_back),
		cmocka_unit_test(a_forgotten_shopper_is_gone_and_only_what_is_new_counts),
		cmocka_unit_test(an_unfinished_erasure_is_done_again_after_a_restart),
		cmocka_unit_test(the_running_session_is_taken_back_and_earlier_ones_that_are_not_kept_stay),
		cmocka_unit_test(orders_and_sessions_are_as_if_the_shopper_had_never_come),
		cmocka_unit_test(the_newest_baskets_are_kept_and_none_of_before_the_window),
		cmocka_unit_test(what_followed_what_and_what_is_similar_are_as_if_the_shopper_had_never_come),
		cmocka_unit_test(blocks_of_version_1_are_read),
		cmocka_unit_test(what_was_counted_in_other_panes_is_not_taken_from_others),
		cmocka_unit_test(steps_are_kept_to_their_number_and_window),
		cmocka_unit_test(ratings_and_segment_are_as_if_the_shopper_had_never_come),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
