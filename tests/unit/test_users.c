/* User tasks: which records are late or repeats (against a naive count by the rules of ARCHITECTURE "Time"), jumps of time, forgetting,
 * and what a task row brings back. test_crash has the rest of restoring. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shop.h"

enum { RING = 5,
	EVENTS = 4000,
	USERS = 4 };

static const int64_t start = INT64_C(1700000000000), lateness = 600000, jump = 3600000;
static uint64_t state = 7;

static uint32_t chance(uint32_t n)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(state >> 33) % n;
}

struct bench {
	struct shop *shop;
	struct engine *engine;
	struct user_task *task;
	int64_t offsets[INPUTS];
	struct buf rows[512]; /* key, value, ... of the last seal */
	size_t n_rows;
	bool gone[512];
};

static void bench_task(struct bench *b)
{
	user_task_destroy(b->task);
	b->task = user_task_create(b->engine, 0);
	user_task_interval(b->task, 0, 0);
}

static void bench_open(struct bench *b, uint64_t max_users, int64_t idle_ms)
{
	*b = (struct bench){ .shop = shop_create(1, NULL) };
	struct engine_rules rules = { .partitions = 1, .allowed_lateness_ms = lateness, .max_jump_ms = jump, .settle_ms = 10000, .live_ms = 3600000, .dedup_ring = RING, .max_users = max_users, .max_items = 1000, .user_idle_ms = idle_ms, .inputs = { true, true, true } };
	b->engine = engine_create(&rules, b->shop->settings, "glint");
	bench_task(b);
}

static void bench_close(struct bench *b)
{
	for (size_t i = 0; i < b->n_rows; i++)
		buf_done(&b->rows[i]);
	user_task_destroy(b->task);
	engine_destroy(b->engine);
	shop_destroy(b->shop);
}

static void keep(void *to, struct text key, struct text value)
{
	struct bench *b = to;
	assert_true(b->n_rows + 2 <= 512);
	buf_bytes(&b->rows[b->n_rows++], key.data, key.size);
	b->gone[b->n_rows] = !value.data;
	buf_bytes(&b->rows[b->n_rows++], value.data, value.size);
}

/* The rows so far into a new task, as far as the task row and rows go: what is behind `low` is for the caller to read again. */
static void bench_restart(struct bench *b)
{
	bench_task(b);
	struct row_reader *reader = row_reader_create();
	for (size_t i = 0; i < b->n_rows; i += 2) {
		struct text entity, bytes, key = { (const char *)b->rows[i].data, (uint32_t)b->rows[i].size };
		struct text value = b->gone[i + 1] ? (struct text){ 0 } : (struct text){ (const char *)b->rows[i + 1].data, (uint32_t)b->rows[i + 1].size };
		uint16_t pieces;
		assert_int_equal(row_reader_take(reader, key, value, &entity, &bytes, &pieces), 1);
		assert_int_equal(user_task_load(b->task, entity, bytes, pieces), 0);
	}
	row_reader_destroy(reader);
}

static enum outcome click(struct bench *b, const char *user, int id, int64_t ts)
{
	char name[24];
	snprintf(name, sizeof(name), "c%d", id);
	struct event e = shop_click(name, ts, user, ACTION_VIEW, "i1", NULL, NULL);
	enum outcome foretold = user_task_admits(b->task, 0, &e), outcome = user_task_apply(b->task, 0, b->offsets[0]++, &e, true, 0);
	assert_int_equal(foretold, outcome);
	return outcome;
}

/* ---- the rules, naively ---- */

struct naive {
	int64_t stream, candidates[4];
	int n_candidates;
	struct {
		int64_t ts[RING + 1], left;
		int id[RING + 1], n;
	} ring[USERS];
};

static enum outcome naive_take(struct naive *m, int user, int id, int64_t ts)
{
	bool late = m->stream && ts < m->stream - lateness;
	if (!m->stream || ts <= m->stream + jump) {
		m->stream = ts > m->stream ? ts : m->stream;
		m->n_candidates = 0;
	} else {
		m->candidates[m->n_candidates++] = ts;
		if (m->n_candidates == 4) { /* three later ones agree: to the least of the four */
			m->stream = m->candidates[0];
			for (int i = 1; i < 4; i++)
				m->stream = m->candidates[i] < m->stream ? m->candidates[i] : m->stream;
			m->n_candidates = 0;
		}
	}
	if (late)
		return LATE;
	for (int i = 0; i < m->ring[user].n; i++)
		if (m->ring[user].id[i] == id)
			return DUPLICATE;
	if (ts <= m->ring[user].left)
		return LATE;
	int n = m->ring[user].n++;
	m->ring[user].ts[n] = ts;
	m->ring[user].id[n] = id;
	if (n == RING) { /* the least leaves */
		int least = 0;
		for (int i = 1; i <= RING; i++)
			if (m->ring[user].ts[i] < m->ring[user].ts[least])
				least = i;
		if (m->ring[user].ts[least] > m->ring[user].left)
			m->ring[user].left = m->ring[user].ts[least];
		m->ring[user].ts[least] = m->ring[user].ts[RING];
		m->ring[user].id[least] = m->ring[user].id[RING];
		m->ring[user].n = RING;
	}
	return APPLIED;
}

static void late_and_repeated_records_are_those_of_the_rules(void **unused)
{
	(void)unused;
	struct bench b;
	bench_open(&b, 1000, 0);
	struct naive m = { 0 };
	static struct {
		int user, id;
		int64_t ts;
	} sent[EVENTS];
	size_t of[OUTCOMES] = { 0 };
	int64_t now = start;
	for (int i = 0; i < EVENTS; i++) {
		if (i && chance(5) == 0) {
			sent[i] = sent[i - 1 - (int)chance((uint32_t)(i < 30 ? i : 30))];
		} else {
			now += 1 + chance(40000);
			sent[i].user = (int)chance(USERS);
			sent[i].id = i;
			sent[i].ts = now - chance(3) * chance(400000);
			if (chance(30) == 0)
				sent[i].ts += 2 * jump; /* ahead; sometimes four in a row */
			if (chance(400) == 0)
				now += 3 * jump;
		}
		char user[8];
		snprintf(user, sizeof(user), "u%d", sent[i].user);
		enum outcome want = naive_take(&m, sent[i].user, sent[i].id, sent[i].ts), got = click(&b, user, sent[i].id, sent[i].ts);
		if (got != want)
			fail_msg("record %d: %s, not %s", i, outcome_names[got], outcome_names[want]);
		assert_true(b.task->in[0].time.ts == m.stream);
		of[got]++;
		assert_int_equal(b.task->in[0].counters[got], of[got]);
	}
	assert_true(of[APPLIED] > 1000 && of[DUPLICATE] > 100 && of[LATE] > 100);
	bench_close(&b);
}

static void one_record_far_ahead_moves_no_time_and_four_move_it_to_the_least(void **unused)
{
	(void)unused;
	struct stream_time t = STREAM_TIME_NONE;
	stream_time_take(&t, 1000, 500);
	stream_time_take(&t, 9000, 500);
	stream_time_take(&t, 1200, 500); /* does not agree */
	assert_true(t.ts == 1200);
	for (int64_t ts = 9003; ts > 9000; ts--)
		stream_time_take(&t, ts, 500);
	assert_true(t.ts == 1200);
	stream_time_take(&t, 9009, 500);
	assert_true(t.ts == 9001);
	stream_time_take(&t, 9501, 500); /* just not too far */
	assert_true(t.ts == 9501);
}

static void repeats_of_a_forgotten_shopper_are_late_before_and_after_a_restart(void **unused)
{
	(void)unused;
	struct bench b;
	bench_open(&b, 2, 0);
	assert_int_equal(click(&b, "a", 1, start + 5), APPLIED);
	assert_int_equal(click(&b, "b", 2, start + 6), APPLIED);
	assert_int_equal(click(&b, "c", 3, start + 7), APPLIED);
	struct buf commands = { 0 };
	view_target(b.engine->view, &commands);
	user_task_expire(b.task, 10, keep, &b); /* a goes, though no view has shown it: the bound holds while Redis is away */
	assert_int_equal(b.engine->users, 2);
	assert_null(user_task_find(b.task, TEXT("a")));
	user_task_seal(b.task, 0, 0, true, keep, &b);
	assert_int_equal(click(&b, "a", 1, start + 5), LATE);
	bench_restart(&b);
	user_task_restored(b.task);
	assert_int_equal(click(&b, "a", 1, start + 5), LATE);
	assert_int_equal(click(&b, "b", 2, start + 6), DUPLICATE);
	assert_int_equal(click(&b, "a", 4, start + 8), APPLIED);
	buf_done(&commands);
	bench_close(&b);
}

static void repeats_of_an_idle_shopper_are_late_though_their_topic_was_silent(void **unused)
{
	(void)unused;
	struct bench b;
	bench_open(&b, 1000, 86400000);
	struct event r = shop_rating("r1", start, "a", "i1", 4000);
	assert_int_equal(user_task_apply(b.task, 2, 0, &r, true, 0), APPLIED);
	b.task->watermark = start + 2 * INT64_C(86400000); /* clicks have moved it */
	struct user *u = user_task_find(b.task, TEXT("a"));
	user_task_shown(b.task, u, 0, 0);
	struct buf commands = { 0 };
	view_target(b.engine->view, &commands);
	user_task_expire(b.task, 10, keep, &b);
	assert_null(user_task_find(b.task, TEXT("a")));
	assert_int_equal(user_task_apply(b.task, 2, 1, &r, true, 0), LATE);
	buf_done(&commands);
	bench_close(&b);
}

static void what_the_clock_refused_is_remembered_until_low_has_passed_it(void **unused)
{
	(void)unused;
	struct bench b;
	bench_open(&b, 1000, 0);
	assert_int_equal(click(&b, "a", 1, start), APPLIED); /* unsaved: holds low at 0 */
	for (int64_t i = 1; i < 200; i += 2)
		user_task_refuse(b.task, 0, i);
	b.offsets[0] = 200;
	user_task_seal(b.task, 0, 5000, false, keep, &b);
	assert_int_equal(b.n_rows, 2); /* the task row alone */
	bench_restart(&b);
	assert_true(user_task_low(b.task, 0) == 0);
	for (int64_t i = 0; i < 200; i++)
		assert_int_equal(user_task_was_refused(b.task, 0, i), i % 2);
	assert_int_equal(b.task->in[0].counters[DEAD_LETTERED], 100);
	b.task->in[0].position = 200;
	b.task->changed = true;
	user_task_restored(b.task);
	user_task_interval(b.task, 1, 0);
	user_task_seal(b.task, 0, 5000, false, keep, &b);
	bench_restart(&b);
	assert_false(user_task_was_refused(b.task, 0, 1));
	bench_close(&b);
}

static void so_many_refused_that_no_task_row_would_hold_them_have_low_pass_them(void **unused)
{
	(void)unused;
	struct bench b;
	bench_open(&b, 1000, 0);
	assert_int_equal(click(&b, "a", 1, start), APPLIED);
	for (int64_t i = 1; i < 200000; i++)
		user_task_refuse(b.task, 0, i);
	user_task_seal(b.task, 0, 5000, false, keep, &b);
	for (size_t i = 0; i < b.n_rows; i++)
		assert_true(b.rows[i].size < 100000);
	bench_restart(&b);
	assert_true(user_task_low(b.task, 0) == 200000);
	bench_close(&b);
}

static void a_ring_of_a_larger_option_shrinks(void **unused)
{
	(void)unused;
	struct bench b;
	bench_open(&b, 1000, 0);
	b.engine->rules.dedup_ring = 20;
	for (int i = 0; i < 20; i++)
		assert_int_equal(click(&b, "a", i, start + i), APPLIED);
	user_task_seal(b.task, 0, 0, true, keep, &b);
	b.engine->rules.dedup_ring = RING;
	bench_restart(&b);
	user_task_restored(b.task);
	assert_int_equal(click(&b, "a", 20, start + 20), APPLIED);
	assert_int_equal(user_task_find(b.task, TEXT("a"))->rings[0].n, RING);
	assert_int_equal(click(&b, "a", 16, start + 16), DUPLICATE);
	assert_int_equal(click(&b, "a", 15, start + 15), LATE);
	bench_close(&b);
}

static void a_redis_that_fell_back_is_shown_what_was_saved_since(void **unused)
{
	(void)unused;
	struct bench b;
	bench_open(&b, 1000, 0);
	click(&b, "a", 1, start); /* offset 0 */
	click(&b, "b", 2, start); /* 1 */
	user_task_seal(b.task, 0, 0, true, keep, &b);
	user_task_interval(b.task, 1, 0);
	click(&b, "b", 3, start + 1); /* 2 */
	user_task_seal(b.task, 0, 0, true, keep, &b);
	for (int i = 0; i < 2; i++)
		user_task_shown(b.task, user_task_find(b.task, i ? TEXT("b") : TEXT("a")), 0, 0);
	int64_t shown[INPUTS] = { 2, 0, 0 }, to[INPUTS];
	user_task_views_due(b.task, shown, 0);
	assert_int_equal(b.task->views.n, 1);
	assert_ptr_equal(LIST_OWNER(b.task->views.head.next, struct user, view_link), user_task_find(b.task, TEXT("b")));
	user_task_shown_to(b.task, to);
	assert_true(to[0] == 2 && to[1] == 0);
	bench_close(&b);
}

static void what_an_earlier_owner_has_shown_is_refreshed_in_its_turn(void **unused)
{
	(void)unused;
	struct bench b;
	bench_open(&b, 1000, 0);
	click(&b, "a", 1, start);
	click(&b, "b", 2, start);
	user_task_seal(b.task, 0, 0, true, keep, &b);
	bench_restart(&b);
	int64_t shown[INPUTS] = { 2, 0, 0 };
	user_task_views_due(b.task, shown, 1234);
	assert_int_equal(b.task->views.n, 0);
	assert_int_equal(b.task->fresh.n, 2); /* else no view is made again before its time to live ends */
	assert_int_equal(LIST_OWNER(b.task->fresh.head.next, struct user, fresh_link)->shown_ms, 1234);
	user_task_views_due(b.task, shown, 2345); /* a Redis that fell back: as it was */
	assert_int_equal(b.task->fresh.n, 2);
	bench_close(&b);
}

static void a_watermark_near_the_clock_goes_on_with_it_after_a_restart(void **unused)
{
	(void)unused;
	struct bench b;
	bench_open(&b, 1000, 0);
	click(&b, "a", 1, start);
	for (int j = 0; j < INPUTS; j++)
		b.task->in[j].at_end = true;
	for (int64_t now = start + 1000; now < start + 3 * 3600000; now += 600000)
		user_task_time(b.task, INT64_MAX, INT64_MIN, now); /* two hours of night: nobody clicks */
	int64_t before = b.task->watermark;
	assert_true(before > start + 2 * 3600000);
	user_task_seal(b.task, 0, 0, true, keep, &b);
	bench_restart(&b);
	for (int j = 0; j < INPUTS; j++)
		b.task->in[j].at_end = true;
	user_task_time(b.task, INT64_MAX, INT64_MIN, before + 60000);
	assert_true(b.task->watermark == before + 60000 - 10000);
	bench_close(&b);
}

static void an_id_of_one_topic_is_no_repeat_in_another(void **unused)
{
	(void)unused;
	struct bench b;
	bench_open(&b, 1000, 0);
	struct order_line line = { TEXT("i1"), 1, 100 };
	struct event order = shop_order("same", start, "a", "o1", &line, 1), review = shop_rating("same", start, "a", "i1", 4000);
	struct event view = shop_click("same", start, "a", ACTION_VIEW, "i1", NULL, NULL);
	assert_int_equal(user_task_apply(b.task, 0, 0, &view, true, 0), APPLIED);
	assert_int_equal(user_task_apply(b.task, 1, 0, &order, true, 0), APPLIED);
	assert_int_equal(user_task_apply(b.task, 2, 0, &review, true, 0), APPLIED);
	for (int64_t i = 1; i <= 2 * RING; i++) { /* what leaves the clicks' ring makes no review late */
		char id[16];
		snprintf(id, sizeof(id), "c%d", (int)i);
		struct event e = shop_click(id, start + i, "a", ACTION_VIEW, "i1", NULL, NULL);
		assert_int_equal(user_task_apply(b.task, 0, i, &e, true, 0), APPLIED);
	}
	struct event other = shop_rating("other", start, "a", "i1", 4000);
	assert_int_equal(user_task_apply(b.task, 2, 1, &review, true, 0), DUPLICATE);
	assert_int_equal(user_task_apply(b.task, 2, 2, &other, true, 0), APPLIED);
	bench_close(&b);
}

static void late_is_by_the_records_own_topic(void **unused)
{
	(void)unused;
	struct bench b;
	bench_open(&b, 1000, 0);
	assert_int_equal(click(&b, "a", 1, start), APPLIED);
	struct event old = shop_rating("r1", start - 2 * lateness, "a", "i1", 4000), newer = shop_rating("r2", start - 3, "a", "i1", 4000);
	struct event late = shop_rating("r3", start - 2 * lateness - 1, "a", "i1", 4000);
	assert_int_equal(user_task_apply(b.task, 2, 0, &old, true, 0), APPLIED); /* the clicks are further, the reviews are not */
	assert_int_equal(user_task_apply(b.task, 2, 1, &newer, true, 0), APPLIED);
	assert_int_equal(user_task_apply(b.task, 2, 2, &late, true, 0), LATE);
	bench_close(&b);
}

/* What an order decides (whose click is credited, kept for its refund) depends on which records came before it, of topics whose order
 * a restore may not repeat: its row goes with the interval that makes it. */
static void a_shopper_who_ordered_is_written_at_once_and_others_in_their_time(void **unused)
{
	(void)unused;
	struct bench b;
	bench_open(&b, 1000, 0);
	struct order_line line = { TEXT("i1"), 1, 100 };
	struct event order = shop_order("p1", start + 2, "buyer", "o1", &line, 1);
	struct event touch = shop_click("c9", start, "buyer", ACTION_CLICK, "i1", NULL, "camp");
	assert_int_equal(click(&b, "looker", 1, start), APPLIED);
	assert_int_equal(user_task_apply(b.task, 0, b.offsets[0]++, &touch, true, 0), APPLIED);
	assert_int_equal(user_task_apply(b.task, 1, b.offsets[1]++, &order, true, 0), APPLIED);
	user_task_seal(b.task, 0, 3600000, false, keep, &b);
	assert_int_equal(b.n_rows, 4); /* the buyer's and the task's */
	assert_int_equal(b.rows[0].size, 2 + strlen("buyer"));
	assert_memory_equal(b.rows[0].data + 2, "buyer", strlen("buyer"));
	bench_close(&b);
}

static void a_processor_that_is_off_sees_nothing_and_its_part_of_a_row_is_left_out(void **unused)
{
	(void)unused;
	struct bench b;
	bench_open(&b, 1000, 0);
	assert_int_equal(click(&b, "looker", 1, start), APPLIED);
	struct user *u = user_task_find(b.task, TEXT("looker"));
	assert_true(u->blocks[P_NEXT] && u->blocks[P_ITEMSETS]);
	user_task_seal(b.task, 0, 0, true, keep, &b);
	b.engine->rules.off[P_NEXT] = true;
	bench_restart(&b);
	u = user_task_find(b.task, TEXT("looker"));
	assert_true(!u->blocks[P_NEXT] && u->blocks[P_ITEMSETS]);
	assert_int_equal(click(&b, "looker", 2, start + 1), APPLIED);
	assert_true(!u->blocks[P_NEXT] && u->blocks[P_ITEMSETS]);
	bench_close(&b);
}

/* A shopper as rows of format 1 had it: integers of fixed sizes, every ring and block. */
static void save_as_format_1(const struct bench *b, const struct user *u, struct buf *to)
{
	buf_clear(to);
	buf_u8(to, 1);
	for (int j = 0; j < INPUTS; j++)
		buf_i64(to, u->cover[j]);
	buf_i64(to, u->last_ts);
	for (int j = 0; j < INPUTS; j++) {
		const struct ring *r = &u->rings[j];
		int64_t before = 0;
		buf_i64(to, r->floor);
		buf_varint(to, r->n);
		for (uint32_t i = 0; i < r->n; i++) {
			const struct ring_entry *e = &r->entries[(r->first + i) & (r->capacity - 1)];
			buf_zigzag(to, e->ts - before);
			buf_u64(to, e->id);
			before = e->ts;
		}
	}
	struct buf block = { 0 };
	for (int p = 0; p < PROCESSORS; p++) {
		if (!processors[p]->user.size)
			continue;
		assert_non_null(u->blocks[p]);
		buf_clear(&block);
		processors[p]->user.save(b->shop->settings[p], u->blocks[p], b->engine->symbols, &block);
		buf_u8(to, (uint8_t)p);
		buf_u16(to, processors[p]->user.version);
		buf_u32(to, (uint32_t)block.size);
		buf_bytes(to, block.data, block.size);
	}
	buf_done(&block);
}

static void assert_is(const struct bench *b, struct text id, const struct buf *want)
{
	struct buf got = { 0 };
	save_as_format_1(b, user_task_find(b->task, id), &got);
	assert_int_equal(got.size, want->size);
	assert_memory_equal(got.data, want->data, want->size);
	buf_done(&got);
}

static void rows_of_both_formats_are_read(void **unused)
{
	(void)unused;
	struct bench b;
	struct buf rows[2] = { { 0 }, { 0 } };
	static const struct text ids[2] = { { "looker", 6 }, { "buyer", 5 } };
	struct order_line line = { TEXT("i1"), 1, 1000 };
	bench_open(&b, 1000, 0);
	for (int i = 0; i < 2 * RING; i++) {
		click(&b, "buyer", i, start + i);
		struct event order = shop_order("o", start + i, "buyer", "o", &line, 1);
		char name[24];
		snprintf(name, sizeof(name), "o%d", i);
		order.event_id = order.purchase.order_id = text_of(name);
		user_task_apply(b.task, 1, b.offsets[1]++, &order, true, 0);
	}
	click(&b, "looker", 2 * RING, start + 100);
	user_task_seal(b.task, 0, 0, true, keep, &b);
	for (int i = 0; i < 2; i++)
		save_as_format_1(&b, user_task_find(b.task, ids[i]), &rows[i]);
	bench_restart(&b);
	for (int i = 0; i < 2; i++)
		assert_is(&b, ids[i], &rows[i]);
	bench_task(&b);
	for (int i = 0; i < 2; i++)
		assert_int_equal(user_task_load(b.task, ids[i], (struct text){ (const char *)rows[i].data, (uint32_t)rows[i].size }, 1), 0);
	for (int i = 0; i < 2; i++)
		assert_is(&b, ids[i], &rows[i]);
	size_t looker = 10; /* without what stands before each piece */
	for (size_t i = 0; i < b.n_rows; i += 2)
		if (b.rows[i].size == 2 + ids[0].size && !memcmp(b.rows[i].data + 2, ids[0].data, ids[0].size))
			looker = b.rows[i + 1].size - looker;
	if (looker * 3 > rows[0].size * 2)
		fail_msg("a row of %zu bytes for somebody who looked at one item; of format 1 it had %zu", looker, rows[0].size);
	for (int i = 0; i < 2; i++)
		buf_done(&rows[i]);
	bench_close(&b);
}

/* Versions are looked at when rows are read, contents when somebody asks for the shopper: then nothing may be committed. */
static void a_row_that_cannot_be_read_is_told(void **unused)
{
	(void)unused;
	struct bench b;
	struct buf row = { 0 };
	bench_open(&b, 1000, 0);
	for (int wrong = 0; wrong < 2; wrong++) {
		buf_clear(&row);
		buf_u8(&row, 2);
		for (int j = 0; j < INPUTS; j++)
			buf_zigzag(&row, 1);
		buf_zigzag(&row, start);
		buf_u8(&row, 0);
		buf_u8(&row, P_SEGMENTS);
		buf_varint(&row, wrong ? processors[P_SEGMENTS]->user.version : processors[P_SEGMENTS]->user.version + 1u);
		buf_varint(&row, 1);
		buf_u8(&row, 255);
		int rc = user_task_load(b.task, TEXT("a"), (struct text){ (const char *)row.data, (uint32_t)row.size }, 1);
		assert_int_equal(rc, wrong ? 0 : -EBADMSG);
		assert_string_equal(b.engine->bad_row, "");
	}
	assert_non_null(user_task_find(b.task, TEXT("a")));
	assert_string_equal(b.engine->bad_row, "the row of shopper 'a', partition 0, cannot be read");
	click(&b, "a", 1, start + 1); /* what was read of it is gone: it is fit for use */
	buf_done(&row);
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(late_and_repeated_records_are_those_of_the_rules),
		cmocka_unit_test(an_id_of_one_topic_is_no_repeat_in_another),
		cmocka_unit_test(late_is_by_the_records_own_topic),
		cmocka_unit_test(a_shopper_who_ordered_is_written_at_once_and_others_in_their_time),
		cmocka_unit_test(one_record_far_ahead_moves_no_time_and_four_move_it_to_the_least),
		cmocka_unit_test(repeats_of_a_forgotten_shopper_are_late_before_and_after_a_restart),
		cmocka_unit_test(repeats_of_an_idle_shopper_are_late_though_their_topic_was_silent),
		cmocka_unit_test(what_the_clock_refused_is_remembered_until_low_has_passed_it),
		cmocka_unit_test(so_many_refused_that_no_task_row_would_hold_them_have_low_pass_them),
		cmocka_unit_test(a_ring_of_a_larger_option_shrinks),
		cmocka_unit_test(a_redis_that_fell_back_is_shown_what_was_saved_since),
		cmocka_unit_test(what_an_earlier_owner_has_shown_is_refreshed_in_its_turn),
		cmocka_unit_test(a_processor_that_is_off_sees_nothing_and_its_part_of_a_row_is_left_out),
		cmocka_unit_test(a_watermark_near_the_clock_goes_on_with_it_after_a_restart),
		cmocka_unit_test(rows_of_both_formats_are_read),
		cmocka_unit_test(a_row_that_cannot_be_read_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
