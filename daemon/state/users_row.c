/* Rows of a user task: a shopper's and the task's own, written, read and taken apart; see users.h, and docs/design.md for the formats. */
#include <errno.h>
#include <stdio.h>
#define XXH_INLINE_ALL /* ids are short: the call costs as much as the hash */
#include <xxhash.h>

#include "users_internal.h"

/* What a shopper has of an input, in a row: a bit each. */
enum { HAS_FLOOR = 1,
	HAS_RING = 1 << INPUTS };

void user_save(const struct user_task *t, const struct user *u, struct buf *to)
{
	uint8_t has = 0;
	for (int j = 0; j < INPUTS; j++)
		has |= (uint8_t)((u->rings[j].floor != INT64_MIN ? HAS_FLOOR : 0) | (u->rings[j].n ? HAS_RING : 0)) << j;
	buf_u8(to, ROW_FORMAT);
	for (int j = 0; j < INPUTS; j++)
		buf_zigzag(to, t->in[j].position);
	buf_zigzag(to, u->last_ts);
	buf_u8(to, has);
	for (int j = 0; j < INPUTS; j++) {
		const struct ring *r = &u->rings[j];
		if (r->floor != INT64_MIN)
			buf_zigzag(to, r->floor);
		if (!r->n)
			continue;
		buf_varint(to, r->n);
		for (uint32_t i = 0; i < r->n; i++) {
			buf_zigzag(to, ring_at(r, i)->ts - (i ? ring_at(r, i - 1)->ts : u->last_ts));
			buf_u64(to, ring_at(r, i)->id);
		}
	}
	blocks_save(t->engine, STAGE_USER, u->blocks, to);
}

void user_put_task_row(struct user_task *t, row_put *put, void *to)
{
	struct buf *b = &t->engine->scratch;
	buf_clear(b);
	buf_u8(b, TASK_ROW_FORMAT);
	buf_u64(b, t->epoch);
	buf_i64(b, t->watermark);
	/* low: where the oldest unsaved change began; without one, here */
	struct instant here = { .watermark = t->watermark };
	for (int j = 0; j < INPUTS; j++) {
		here.position[j] = t->in[j].position;
		here.floor[j] = t->in[j].floor;
		here.time[j] = t->in[j].time;
	}
	const struct instant *low = t->rows.n ? &t->instants[t->first_instant] : &here;
	uint32_t n_refused = 0;
	for (int j = 0; j < INPUTS; j++) {
		struct user_input *in = &t->in[j];
		uint32_t passed = 0;
		while (passed < in->n_refused && in->refused[passed] < low->position[j])
			passed++;
		in->n_refused -= passed;
		if (in->n_refused)
			memmove(in->refused, in->refused + passed, sizeof(*in->refused) * in->n_refused);
		n_refused += in->n_refused;
	}
	for (int j = 0; j < INPUTS; j++) {
		buf_i64(b, low->position[j]);
		stream_time_save(&low->time[j], b);
		buf_i64(b, low->floor[j]);
		buf_i64(b, t->in[j].position); /* where the counters reach */
		for (int o = 0; o < OUTCOMES; o++)
			buf_varint(b, t->in[j].counters[o]);
	}
	buf_i64(b, low->watermark);
	buf_varint(b, n_refused);
	for (int j = 0; j < INPUTS; j++)
		for (uint32_t i = 0; i < t->in[j].n_refused; i++) {
			buf_u8(b, (uint8_t)j);
			buf_i64(b, t->in[j].refused[i]);
		}
	for (int j = 0; j < INPUTS; j++)
		buf_i64(b, t->in[j].floor);
	struct buf value = { 0 };
	buf_u16(&value, 1);
	buf_u64(&value, t->row_stamp);
	buf_bytes(&value, b->data, b->size);
	char key[2] = { (char)0xff, (char)0xff };
	put(to, (struct text){ key, 2 }, (struct text){ (const char *)value.data, (uint32_t)value.size });
	buf_done(&value);
}

static int task_row_load(struct user_task *t, struct reader *r)
{
	t->epoch = reader_u64(r);
	t->watermark = reader_i64(r);
	for (int j = 0; j < INPUTS; j++) {
		struct user_input *in = &t->in[j];
		in->position = reader_i64(r);
		stream_time_load(&in->time, r);
		in->floor = reader_i64(r);
		t->counted_to[j] = reader_i64(r);
		for (int o = 0; o < OUTCOMES; o++)
			in->counters[o] = reader_varint(r);
	}
	reader_i64(r); /* the watermark at low: for the reader of a dump */
	uint64_t n = reader_varint(r);
	if (n > reader_left(r))
		return -EBADMSG;
	for (int j = 0; j < INPUTS; j++)
		t->in[j].n_refused = 0; /* of an older task row */
	for (uint64_t i = 0; i < n; i++) {
		uint8_t input = reader_u8(r);
		int64_t offset = reader_i64(r);
		if (input >= INPUTS)
			return -EBADMSG;
		user_refused_add(&t->in[input], offset);
	}
	for (int j = 0; j < INPUTS && reader_left(r); j++) /* rows of before this was written have none */
		t->floor_after[j] = reader_i64(r);
	bool possible = time_possible(t->watermark);
	for (int j = 0; j < INPUTS; j++)
		possible &= time_possible(t->in[j].floor) && time_possible(t->floor_after[j]) && t->in[j].position >= 0;
	return r->bad || !possible ? -EBADMSG : 0;
}

/* What stands before a shopper's rings. */
struct row_head {
	uint8_t format;
	int64_t cover[INPUTS], last_ts;
};

static int head_load(struct reader *r, struct row_head *ret)
{
	ret->format = reader_u8(r);
	for (int j = 0; j < INPUTS; j++)
		ret->cover[j] = ret->format == 1 ? reader_i64(r) : reader_zigzag(r);
	ret->last_ts = ret->format == 1 ? reader_i64(r) : reader_zigzag(r);
	return r->bad || ret->format < 1 || ret->format > ROW_FORMAT || !time_possible(ret->last_ts) ? -EBADMSG : 0;
}

static uint8_t has_load(uint8_t format, struct reader *r)
{
	return format == 1 ? HAS_FLOOR * ((1 << INPUTS) - 1) | HAS_RING * ((1 << INPUTS) - 1) : reader_u8(r);
}

/* Rings and blocks. */
static int contents_load(const struct user_task *t, struct user *u, const struct row_head *head, struct reader *r)
{
	uint8_t has = has_load(head->format, r);
	bool possible = true;
	for (int j = 0; j < INPUTS; j++) {
		struct ring *ring = &u->rings[j];
		ring->floor = INT64_MIN;
		if (has & HAS_FLOOR << j)
			ring->floor = head->format == 1 ? reader_i64(r) : reader_zigzag(r);
		uint64_t n = has & HAS_RING << j ? reader_varint(r) : 0;
		if (n > reader_left(r))
			return -EBADMSG;
		uint32_t capacity = 4;
		while (capacity < n)
			capacity *= 2;
		if (n) {
			ring->entries = pool_alloc(t->engine->pool, sizeof(*ring->entries) * capacity);
			ring->capacity = capacity;
		}
		int64_t ts = head->format == 1 ? 0 : head->last_ts;
		possible &= time_possible(ring->floor);
		for (uint64_t i = 0; i < n; i++) {
			int64_t before = ts;
			ts = (int64_t)((uint64_t)ts + (uint64_t)reader_zigzag(r));
			possible &= time_possible(ts) && (!i || ts >= before);
			ring->entries[i] = (struct ring_entry){ ts, reader_u64(r) };
		}
		ring->n = (uint32_t)n;
	}
	return r->bad || !possible ? -EBADMSG : blocks_load(t->engine, STAGE_USER, u->blocks, head->format, r);
}

/* Without reading what is in them. */
static bool contents_readable(const struct engine *e, const struct row_head *head, struct reader r)
{
	uint8_t has = has_load(head->format, &r);
	for (int j = 0; j < INPUTS; j++) {
		if (has & HAS_FLOOR << j)
			head->format == 1 ? reader_i64(&r) : reader_zigzag(&r);
		for (uint64_t n = has & HAS_RING << j ? reader_varint(&r) : 0; n && !r.bad; n--) {
			reader_zigzag(&r);
			reader_u64(&r);
		}
	}
	return blocks_readable(e, STAGE_USER, head->format, &r);
}

struct user *user_task_unpack(const struct user_task *t, struct user *packed)
{
	if (!packed->packed_size)
		return packed;
	struct pool *pool = t->engine->pool;
	struct text id = user_id(packed);
	struct user *u = pool_alloc(pool, sizeof(*u) + id.size);
	struct reader r = reader_of(id.data + id.size, packed->packed_size);
	struct row_head head = { .format = packed->packed_format, .last_ts = packed->last_ts };
	uint32_t i = (uint32_t)packed->hash & t->mask;
	memcpy(u, packed, PACKED_BYTES);
	u->packed_size = 0;
	memcpy(user_bytes(u), id.data, id.size);
	list_moved(&u->all_link);
	list_moved(&u->fresh_link);
	list_moved(&u->view_link);
	while (t->slots[i].user != packed)
		i = (i + 1) & t->mask;
	t->slots[i].user = u;
	if (contents_load(t, u, &head, &r) < 0) {
		char *why = t->engine->bad_row;
		if (!why[0])
			snprintf(why, sizeof(t->engine->bad_row), "the row of shopper '%.*s', partition %u, cannot be read", (int)(id.size < 100 ? id.size : 100), id.data, t->partition);
		user_free_contents(t, u); /* what was half read is not fit for use */
		memset(u->rings, 0, sizeof(u->rings));
		blocks_fresh(t->engine, u->blocks);
	}
	pool_free(pool, packed, user_size(packed));
	return u;
}

int user_task_load(struct user_task *t, struct text entity, struct text bytes, uint16_t pieces)
{
	struct reader r = reader_of(bytes.data, bytes.size);
	if (!entity.size)
		return reader_u8(&r) == TASK_ROW_FORMAT ? task_row_load(t, &r) : -EBADMSG;
	struct pool *pool = t->engine->pool;
	uint64_t hash = XXH3_64bits(entity.data, entity.size);
	uint32_t slot = slot_of(t, entity, hash);
	struct user *old = t->slots[slot].user;
	struct row_head head;
	if (bytes.data && (head_load(&r, &head) < 0 || !contents_readable(t->engine, &head, r)))
		return -EBADMSG;
	if (!bytes.data) {
		if (old)
			user_forget(t, old);
		return 0;
	}
	if (old) { /* a newer row: all goes but its place in the table */
		user_leave_lists(t, old);
		if (!old->packed_size)
			user_free_contents(t, old);
		pool_free(pool, old, user_size(old));
	}
	uint32_t left = (uint32_t)reader_left(&r);
	struct user *u = pool_alloc(pool, (size_t)PACKED_BYTES + entity.size + left);
	u->hash = hash;
	u->id_size = entity.size;
	u->packed_size = left;
	u->pieces = pieces;
	u->packed_format = head.format;
	memcpy(u->cover, head.cover, sizeof(u->cover));
	u->last_ts = head.last_ts;
	for (int j = 0; j < INPUTS; j++)
		u->shown_from[j] = INT64_MAX;
	memcpy(user_bytes(u), entity.data, entity.size);
	memcpy(user_bytes(u) + entity.size, r.at, left);
	if (old) {
		t->slots[slot].user = u;
		list_push(&t->all, &u->all_link);
	} else {
		user_place(t, u, slot);
	}
	return 0;
}

void user_task_restored(struct user_task *t)
{
	for (int j = 0; j < INPUTS; j++) {
		t->counted_to[j] = 0;
		if (t->floor_after[j] > t->in[j].floor)
			t->in[j].floor = t->floor_after[j];
	}
}

int64_t user_task_low(const struct user_task *t, unsigned j)
{
	return t->in[j].position;
}
