/* Item tasks: deltas and time into keys, model rows, rows; see items.h. */
#include "items.h"

#include <errno.h>
#include <stdlib.h>
#include <xxhash.h>

#include "streamtime.h"

static void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

struct item_task *item_task_create(struct engine *e, uint32_t partition)
{
	struct item_task *t = must(calloc(1, sizeof(*t)));
	t->engine = e;
	t->partition = partition;
	t->watermark = t->group = INT64_MIN;
	t->upstream = must(calloc(e->rules.partitions, sizeof(*t->upstream)));
	for (uint32_t i = 0; i < e->rules.partitions; i++)
		t->upstream[i].watermark = INT64_MIN;
	list_init(&t->rows);
	list_init(&t->packed);
	list_init(&t->views);
	list_init(&t->fresh);
	list_init(&t->model);
	list_init(&t->all);
	return t;
}

/* ---- the heap of due times ---- */

static void heap_set(struct item_task *t, uint32_t i, struct item_entity *x)
{
	t->heap[i] = x;
	x->heap_at = i + 1;
}

static void heap_sift(struct item_task *t, uint32_t i)
{
	struct item_entity *x = t->heap[i];
	for (; i && t->heap[(i - 1) / 2]->armed > x->armed; i = (i - 1) / 2)
		heap_set(t, i, t->heap[(i - 1) / 2]);
	for (uint32_t child; (child = 2 * i + 1) < t->heap_n; i = child) {
		if (child + 1 < t->heap_n && t->heap[child + 1]->armed < t->heap[child]->armed)
			child++;
		if (t->heap[child]->armed >= x->armed)
			break;
		heap_set(t, i, t->heap[child]);
	}
	heap_set(t, i, x);
}

static void heap_remove(struct item_task *t, struct item_entity *x)
{
	uint32_t i = x->heap_at - 1;
	struct item_entity *last = t->heap[--t->heap_n];
	x->heap_at = 0;
	if (last == x)
		return;
	heap_set(t, i, last);
	heap_sift(t, i);
}

static void arm(struct item_task *t, struct item_entity *x)
{
	int64_t at = INT64_MAX;
	for (int p = 0; p < PROCESSORS; p++) {
		if (!x->blocks[p] || !processors[p]->due_at)
			continue;
		int64_t due = processors[p]->due_at(t->engine->settings[p], x->blocks[p]);
		at = due < at ? due : at;
	}
	if (at == x->armed)
		return;
	x->armed = at;
	if (at == INT64_MAX) {
		if (x->heap_at)
			heap_remove(t, x);
		return;
	}
	if (!x->heap_at) {
		if (t->heap_n == t->heap_capacity) {
			t->heap_capacity = t->heap_capacity ? t->heap_capacity * 2 : 256;
			t->heap = must(realloc(t->heap, sizeof(*t->heap) * t->heap_capacity));
		}
		heap_set(t, t->heap_n++, x);
	}
	heap_sift(t, x->heap_at - 1);
}

/* ---- entities ---- */

static struct item_entity **place_of(struct engine *e, struct key key)
{
	if (key.id >= e->by_key_limit[key.kind]) {
		uint32_t limit = e->by_key_limit[key.kind] ? e->by_key_limit[key.kind] : 256;
		while (limit <= key.id)
			limit *= 2;
		e->by_key[key.kind] = must(realloc(e->by_key[key.kind], sizeof(void *) * limit));
		memset(e->by_key[key.kind] + e->by_key_limit[key.kind], 0, sizeof(void *) * (limit - e->by_key_limit[key.kind]));
		e->by_key_limit[key.kind] = limit;
	}
	return &e->by_key[key.kind][key.id];
}

struct item_entity *item_task_find(const struct item_task *t, struct key key)
{
	const struct engine *e = t->engine;
	struct item_entity *x = key.id < e->by_key_limit[key.kind] ? e->by_key[key.kind][key.id] : NULL;
	return x && x->task == t ? x : NULL;
}

static struct item_entity *entity_of(struct item_task *t, struct key key)
{
	struct item_entity **place = place_of(t->engine, key);
	if (*place)
		return *place;
	struct item_entity *x = pool_alloc(t->engine->pool, sizeof(*x));
	x->task = t;
	x->key = key;
	x->armed = x->shown_from = INT64_MAX;
	x->last_watermark = t->watermark;
	*place = x;
	list_push(&t->all, &x->all_link);
	t->engine->items++;
	return x;
}

static void forget(struct item_task *t, struct item_entity *x)
{
	*place_of(t->engine, x->key) = NULL;
	list_remove(x->packed ? &t->packed : &t->rows, &x->row_link);
	list_remove(&t->views, &x->view_link);
	list_remove(&t->fresh, &x->fresh_link);
	list_remove(&t->model, &x->model_link);
	list_remove(&t->all, &x->all_link);
	if (x->heap_at)
		heap_remove(t, x);
	blocks_free(t->engine, STAGE_ITEM, x->blocks);
	pool_free(t->engine->pool, x->packed, x->packed_size);
	pool_free(t->engine->pool, x, sizeof(*x));
	t->engine->items--;
}

void item_task_destroy(struct item_task *t)
{
	if (!t)
		return;
	while (t->all.n)
		forget(t, LIST_OWNER(t->all.head.next, struct item_entity, all_link));
	for (uint32_t i = 0; i < t->instants_capacity; i++)
		free(t->instants[i].upstream);
	free(t->instants);
	free(t->heap);
	free(t->upstream);
	buf_done(&t->alerts);
	delta_reader_done(&t->reader);
	free(t);
}

/* ---- one message ---- */

static struct item_instant *instant_now(struct item_task *t)
{
	return &t->instants[(t->first_instant + t->n_instants - 1) & (t->instants_capacity - 1)];
}

static void model_push(struct item_task *t, struct item_entity *x)
{
	if (x->model_link.next)
		return;
	list_push(&t->model, &x->model_link);
	if (x->model_ms < t->model_oldest_ms)
		t->model_oldest_ms = x->model_ms;
}

static void touch(struct item_task *t, struct item_entity *x, int64_t offset, bool live, int64_t now_ms)
{
	t->changed = true;
	x->last_watermark = t->watermark;
	if (!x->row_link.next) {
		x->dirty_interval = t->interval;
		x->dirty_ms = now_ms;
		if (t->n_instants)
			instant_now(t)->used = true;
		list_push(&t->rows, &x->row_link);
	}
	list_remove(&t->all, &x->all_link);
	list_push(&t->all, &x->all_link);
	if (!live)
		return;
	x->touched_ms = now_ms;
	model_push(t, x);
	if (!x->view_link.next) {
		x->shown_from = offset;
		list_push(&t->views, &x->view_link);
	}
}

static struct item_ctx context(struct item_task *t, struct item_entity *x, bool live)
{
	return (struct item_ctx){ .key = x->key, .watermark = t->watermark, .symbols = t->engine->symbols, .pool = t->engine->pool,
				  .alerts = &t->alerts, .silent = !live };
}

/* Deltas are read some way ahead of being applied, so that memory is asked for what they will touch. */
static void apply_key(struct item_task *t, struct item_entity *x, struct delta_reader *r, bool live)
{
	enum { AHEAD = 32 };
	struct engine *e = t->engine;
	struct item_ctx ctx = context(t, x, live);
	enum processor_id p[AHEAD];
	struct delta d[AHEAD];
	int n;
	do {
		for (n = 0; n < AHEAD && delta_reader_next(r, &p[n], &d[n]); n++) {
			const struct processor *processor = processors[p[n]];
			if (processor->delta && !x->blocks[p[n]])
				x->blocks[p[n]] = pool_alloc(e->pool, processor->item.size);
			if (processor->delta_soon)
				processor->delta_soon(x->blocks[p[n]], &d[n]);
		}
		for (int i = 0; i < n; i++) {
			if (!processors[p[i]]->delta)
				continue;
			ctx.drops = live ? e->drops[p[i]] : e->silent_drops;
			processors[p[i]]->delta(e->settings[p[i]], &ctx, x->blocks[p[i]], &d[i]);
			t->deltas++;
		}
	} while (n == AHEAD);
}

static int apply_deltas(struct item_task *t, int64_t offset, struct text value, bool live, int64_t now_ms)
{
	struct engine *e = t->engine;
	struct delta_reader *r = &t->reader;
	if (delta_reader_start(r, e->symbols, value) < 0)
		return -EBADMSG;
	struct key key;
	while (delta_reader_key(r, &key)) {
		struct item_entity *x = entity_of(t, key);
		if (offset < x->cover || x->task != t)
			continue;
		apply_key(t, x, r, live);
		arm(t, x);
		touch(t, x, offset, live, now_ms);
	}
	return r->in.bad ? -EBADMSG : 0;
}

static void pass_time(struct item_task *t, int64_t offset, bool live, int64_t now_ms)
{
	struct engine *e = t->engine;
	struct list held;
	list_init(&held);
	while (t->heap_n && t->heap[0]->armed <= t->watermark) {
		struct item_entity *x = t->heap[0];
		if (offset < x->cover) { /* its row has seen this time; what is due by now came later, and waits for the time behind that */
			heap_remove(t, x);
			list_push(&held, &x->held_link);
			continue;
		}
		struct item_ctx ctx = context(t, x, live);
		for (int p = 0; p < PROCESSORS; p++) {
			const struct processor *processor = processors[p];
			if (!x->blocks[p] || !processor->due || processor->due_at(e->settings[p], x->blocks[p]) > t->watermark)
				continue;
			ctx.drops = live ? e->drops[p] : e->silent_drops;
			processor->due(e->settings[p], &ctx, x->blocks[p]);
		}
		int64_t before = x->armed;
		arm(t, x);
		touch(t, x, offset, live, now_ms);
		if (x->armed <= before) { /* a processor that does not move on would hang the loop: one more at the next time */
			x->armed = t->watermark + 1;
			heap_sift(t, 0);
		}
	}
	while (held.n) {
		struct item_entity *x = LIST_OWNER(held.head.next, struct item_entity, held_link);
		list_remove(&held, &x->held_link);
		heap_set(t, t->heap_n++, x); /* the room is there: it was in it */
		heap_sift(t, t->heap_n - 1);
	}
}

static int apply_control(struct item_task *t, int64_t offset, struct text value, bool live, int64_t now_ms)
{
	struct reader r = reader_of(value.data, value.size);
	reader_u8(&r);
	uint64_t n = reader_varint(&r);
	while (n-- && !r.bad) {
		uint64_t task = reader_varint(&r);
		int64_t watermark = reader_i64(&r);
		bool at_end = reader_u8(&r);
		if (r.bad || task >= t->engine->rules.partitions || !time_possible(watermark))
			return -EBADMSG;
		struct upstream *u = &t->upstream[task];
		u->at_end = at_end;
		if (watermark > u->watermark)
			u->watermark = watermark;
	}
	t->changed = t->group_changed = true;
	int64_t least = INT64_MAX;
	for (uint32_t i = 0; i < t->engine->rules.partitions; i++)
		least = t->upstream[i].watermark < least ? t->upstream[i].watermark : least;
	if (least > t->watermark) {
		t->watermark = least;
		pass_time(t, offset, live, now_ms);
	}
	return r.bad ? -EBADMSG : 0;
}

int item_task_apply(struct item_task *t, int64_t offset, struct text value, bool live, int64_t now_ms)
{
	t->position = offset + 1;
	t->changed = true;
	if (!value.size)
		return -EBADMSG;
	if (value.data[0] == MESSAGE_CONTROL)
		return apply_control(t, offset, value, live, now_ms);
	return apply_deltas(t, offset, value, live, now_ms);
}

void control_encode(struct buf *to, const uint32_t *tasks, const struct upstream *reports, uint32_t n)
{
	buf_u8(to, MESSAGE_CONTROL);
	buf_varint(to, n);
	for (uint32_t i = 0; i < n; i++) {
		buf_varint(to, tasks[i]);
		buf_i64(to, reports[i].watermark);
		buf_u8(to, reports[i].at_end);
	}
}

int64_t item_task_group(struct item_task *t)
{
	int64_t least = INT64_MAX, greatest = INT64_MIN;
	bool all_at_end = true;
	for (uint32_t i = 0; i < t->engine->rules.partitions; i++) {
		const struct upstream *u = &t->upstream[i];
		if (u->watermark > greatest)
			greatest = u->watermark;
		if (u->at_end)
			continue;
		all_at_end = false;
		if (u->watermark < least)
			least = u->watermark;
	}
	int64_t group = all_at_end ? greatest : least;
	if (group > t->group)
		t->group = group;
	return t->group;
}

void item_task_group_row(struct item_task *t, struct buf *to)
{
	buf_i64(to, item_task_group(t));
	buf_varint(to, t->engine->rules.partitions);
	for (uint32_t i = 0; i < t->engine->rules.partitions; i++) {
		buf_i64(to, t->upstream[i].watermark);
		buf_u8(to, t->upstream[i].at_end);
	}
}

/* ---- intervals and rows ---- */

void item_task_interval(struct item_task *t, uint64_t interval, int64_t now_ms)
{
	(void)now_ms;
	t->interval = interval;
	if (t->n_instants && !instant_now(t)->used)
		t->n_instants--;
	if (t->n_instants == t->instants_capacity) {
		uint32_t capacity = t->instants_capacity ? t->instants_capacity * 2 : 16;
		struct item_instant *grown = must(calloc(capacity, sizeof(*grown)));
		for (uint32_t i = 0; i < t->instants_capacity; i++)
			grown[i] = t->instants[(t->first_instant + i) & (t->instants_capacity - 1)];
		free(t->instants);
		t->instants = grown;
		t->instants_capacity = capacity;
		t->first_instant = 0;
	}
	t->n_instants++;
	struct item_instant *i = instant_now(t);
	if (!i->upstream)
		i->upstream = must(calloc(t->engine->rules.partitions, sizeof(*i->upstream)));
	i->interval = interval;
	i->position = t->position;
	i->used = false;
	memcpy(i->upstream, t->upstream, sizeof(*i->upstream) * t->engine->rules.partitions);
}

static size_t write_entity(struct item_task *t, struct item_entity *x, row_put *put, void *to)
{
	struct buf *b = &t->engine->scratch;
	buf_clear(b);
	buf_u8(b, ROW_FORMAT);
	buf_i64(b, t->position);
	buf_i64(b, x->last_watermark);
	buf_u8(b, x->has_model);
	blocks_save(t->engine, STAGE_ITEM, x->blocks, b);
	struct buf key = { 0 };
	key_format(t->engine->symbols, x->key, &key);
	row_write((struct text){ (const char *)key.data, (uint32_t)key.size }, b, ++t->row_stamp, x->pieces, &x->pieces, put, to);
	buf_done(&key);
	x->cover = t->position;
	t->changed = true; /* the task row's low moves with it */
	list_remove(&t->rows, &x->row_link);
	return b->size;
}

static void task_row(struct item_task *t, row_put *put, void *to)
{
	struct buf value = { 0 };
	buf_u16(&value, 1);
	buf_u64(&value, ++t->row_stamp);
	buf_u8(&value, TASK_ROW_FORMAT);
	buf_u64(&value, t->epoch);
	buf_i64(&value, t->group);
	const struct item_instant *low = t->rows.n ? &t->instants[t->first_instant] : NULL;
	buf_i64(&value, low ? low->position : t->position);
	buf_varint(&value, t->engine->rules.partitions);
	for (uint32_t i = 0; i < t->engine->rules.partitions; i++) {
		const struct upstream *u = low ? &low->upstream[i] : &t->upstream[i];
		buf_i64(&value, u->watermark);
		buf_u8(&value, u->at_end);
	}
	buf_i64(&value, t->position);
	char key[2] = { (char)0xff, (char)0xff };
	put(to, (struct text){ key, 2 }, (struct text){ (const char *)value.data, (uint32_t)value.size });
	buf_done(&value);
}

size_t item_task_rows(struct item_task *t, size_t most, row_put *put, void *to)
{
	size_t bytes = 0;
	while (t->rows.n && most--)
		bytes += write_entity(t, LIST_OWNER(t->rows.head.next, struct item_entity, row_link), put, to);
	return bytes;
}

size_t item_task_seal(struct item_task *t, int64_t now_ms, int64_t snapshot_ms, bool all, row_put *put, void *to)
{
	size_t bytes = 0;
	while (t->rows.n) {
		struct item_entity *x = LIST_OWNER(t->rows.head.next, struct item_entity, row_link);
		if (!all && now_ms - x->dirty_ms < snapshot_ms)
			break;
		bytes += write_entity(t, x, put, to);
	}
	uint64_t first = t->rows.n ? LIST_OWNER(t->rows.head.next, struct item_entity, row_link)->dirty_interval : t->interval;
	while (t->n_instants > 1 && t->instants[t->first_instant].interval < first) {
		t->first_instant = (t->first_instant + 1) & (t->instants_capacity - 1);
		t->n_instants--;
	}
	if (t->changed || bytes) { /* rows that were written raise `low` */
		task_row(t, put, to);
		bytes += 64 + 9 * (size_t)t->engine->rules.partitions;
	}
	t->changed = false;
	return bytes;
}

static void model_value(struct item_task *t, const struct item_entity *x, struct buf *to)
{
	struct item_ctx ctx = context(t, (struct item_entity *)x, false);
	for (int p = 0; p < PROCESSORS; p++) {
		if (!x->blocks[p] || !processors[p]->model_save)
			continue;
		size_t start = to->size;
		buf_u8(to, (uint8_t)p);
		buf_u16(to, processors[p]->model.version);
		struct buf section = { 0 };
		processors[p]->model_save(t->engine->settings[p], &ctx, x->blocks[p], &section);
		if (section.size)
			buf_text(to, (struct text){ (const char *)section.data, (uint32_t)section.size });
		else
			to->size = start;
		buf_done(&section);
	}
}

size_t item_task_model(struct item_task *t, int64_t now_ms, int64_t model_interval_ms, size_t most, size_t bytes, row_put *put, void *to)
{
	size_t done = 0, n = t->model.n < most ? t->model.n : most;
	bool all = n == t->model.n;
	int64_t oldest_ms = INT64_MAX; /* of those that wait */
	struct buf key = { 0 };
	struct buf *value = &t->engine->scratch;
	if (!n || now_ms - t->model_oldest_ms < model_interval_ms)
		return 0;
	/* The list is in the order of becoming changed; one published a moment ago goes to the end and waits. */
	for (; n && done < bytes; n--) {
		struct item_entity *x = LIST_OWNER(t->model.head.next, struct item_entity, model_link);
		list_remove(&t->model, &x->model_link);
		if (now_ms - x->model_ms < model_interval_ms) {
			list_push(&t->model, &x->model_link);
			oldest_ms = x->model_ms < oldest_ms ? x->model_ms : oldest_ms;
			continue;
		}
		buf_clear(value);
		model_value(t, x, value);
		uint64_t hash = XXH3_64bits(value->data, value->size);
		if (hash == x->model_hash || (!value->size && !x->has_model))
			continue;
		x->model_hash = hash;
		x->model_ms = now_ms;
		x->has_model = true;
		buf_clear(&key);
		key_format(t->engine->symbols, x->key, &key);
		put(to, (struct text){ (const char *)key.data, (uint32_t)key.size },
		    (struct text){ (const char *)value->data, (uint32_t)value->size });
		done += key.size + value->size;
	}
	if (all && !n)
		t->model_oldest_ms = oldest_ms;
	buf_done(&key);
	return done;
}

void item_task_expire(struct item_task *t, unsigned steps, row_put *put_row, void *to_rows, row_put *put_model, void *to_model)
{
	const struct engine_rules *rules = &t->engine->rules;
	while (steps-- && t->all.n) {
		struct item_entity *x = LIST_OWNER(t->all.head.next, struct item_entity, all_link);
		bool idle = rules->item_idle_ms && t->watermark != INT64_MIN && x->last_watermark < t->watermark - rules->item_idle_ms;
		if (x->key.kind != KEY_ITEM) { /* kept; out of the way of those behind it */
			list_remove(&t->all, &x->all_link);
			list_push(&t->all, &x->all_link);
			continue;
		}
		if (t->engine->items <= rules->max_items && (!idle || x->view_link.next))
			break;
		struct buf key = { 0 };
		key_format(t->engine->symbols, x->key, &key);
		struct text k = { (const char *)key.data, (uint32_t)key.size };
		row_write(k, NULL, 0, x->pieces, &x->pieces, put_row, to_rows);
		put_model(to_model, k, (struct text){ 0 });
		struct text id = symbols_text(t->engine->symbols, x->key.id);
		static const char *const names[] = { "item:", "together:", "viewed:", "sets:", "sentiment:item:", "forecast:item:" };
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			view_delete(t->engine->view, names[i], id);
		buf_done(&key);
		t->changed = true;
		forget(t, x);
	}
}

/* ---- restore ---- */

static int task_row_load(struct item_task *t, struct reader *r)
{
	t->epoch = reader_u64(r);
	t->group = reader_i64(r);
	t->position = reader_i64(r);
	uint64_t n = reader_varint(r);
	if (n != t->engine->rules.partitions)
		return -EBADMSG;
	int64_t least = INT64_MAX;
	for (uint64_t i = 0; i < n; i++) {
		t->upstream[i].watermark = reader_i64(r);
		t->upstream[i].at_end = reader_u8(r);
		r->bad |= !time_possible(t->upstream[i].watermark);
		least = t->upstream[i].watermark < least ? t->upstream[i].watermark : least;
	}
	t->watermark = least;
	if (!time_possible(least) || !time_possible(t->group) || t->position < 0)
		return -EBADMSG;
	if (reader_left(r)) /* rows of before this was written have none */
		t->reaches = reader_i64(r);
	return r->bad ? -EBADMSG : 0;
}

int item_task_load(struct item_task *t, struct text entity, struct text bytes, uint16_t pieces)
{
	struct reader r = reader_of(bytes.data, bytes.size);
	if (!entity.size)
		return reader_u8(&r) == TASK_ROW_FORMAT ? task_row_load(t, &r) : -EBADMSG;
	struct key key;
	if (key_parse(t->engine->symbols, entity, &key) < 0)
		return -EBADMSG;
	struct item_entity *x = item_task_find(t, key);
	if (x)
		forget(t, x);
	if (!bytes.data)
		return 0;
	uint8_t format = reader_u8(&r);
	int64_t cover = reader_i64(&r), last_watermark = reader_i64(&r);
	bool has_model = reader_u8(&r);
	struct reader blocks = r;
	if (r.bad || format < 1 || format > ROW_FORMAT || !time_possible(last_watermark) || !blocks_readable(t->engine, STAGE_ITEM, format, &blocks))
		return -EBADMSG;
	x = entity_of(t, key);
	if (x->task != t) /* another partition has a row of it, too */
		return -EBADMSG;
	x->pieces = pieces;
	x->cover = cover;
	x->last_watermark = last_watermark;
	x->has_model = has_model;
	x->packed = pool_alloc(t->engine->pool, bytes.size);
	memcpy(x->packed, bytes.data, bytes.size);
	x->packed_size = bytes.size;
	list_push(&t->packed, &x->row_link);
	return 0;
}

int item_task_unpack(struct item_task *t, size_t most)
{
	enum { HEAD_BYTES = 1 + 8 + 8 + 1 };
	int rc = 0;
	while (rc == 0 && t->packed.n && most--) {
		struct item_entity *x = LIST_OWNER(t->packed.head.next, struct item_entity, row_link);
		struct reader r = reader_of(x->packed + HEAD_BYTES, x->packed_size - HEAD_BYTES);
		rc = blocks_load(t->engine, STAGE_ITEM, x->blocks, x->packed[0], &r);
		list_remove(&t->packed, &x->row_link);
		pool_free(t->engine->pool, x->packed, x->packed_size);
		x->packed = NULL;
		if (rc == 0)
			arm(t, x);
	}
	return rc;
}

void item_task_model_due(struct item_task *t)
{
	struct buf value = { 0 };
	for (struct link *l = t->all.head.next; l != &t->all.head; l = l->next) {
		struct item_entity *x = LIST_OWNER(l, struct item_entity, all_link);
		buf_clear(&value);
		model_value(t, x, &value);
		x->model_hash = model_row_hash(t->engine->model, x->key);
		if (XXH3_64bits(value.data, value.size) != x->model_hash)
			model_push(t, x);
	}
	buf_done(&value);
}

/* ---- views ---- */

void item_task_render(struct item_task *t, struct item_entity *x, int64_t now_ms, uint64_t commit, int64_t ttl_s)
{
	struct engine *e = t->engine;
	struct view_ctx ctx = {
		.as_of = now_ms, .commit = commit, .watermark = t->watermark, .symbols = e->symbols, .model = e->model,
		.view = e->view, .scratch = &e->scratch, .ttl_s = ttl_s, .key = x->key,
		.least_shoppers = e->rules.least_shoppers,
		.least_baskets = e->rules.least_baskets,
		.shown_watermark = x->shown_ms ? x->shown_watermark : INT64_MIN,
	};
	const char *hash = x->key.kind == KEY_ITEM ? "item:" : x->key.kind == KEY_CAMPAIGN ? "campaign:" : NULL;
	view_entity_begin(e->view, hash, symbols_text(e->symbols, x->key.id), now_ms, commit, x->key.kind == KEY_ITEM ? ttl_s : 0);
	for (int p = 0; p < PROCESSORS; p++)
		if (processors[p]->item_view && x->blocks[p]) {
			buf_clear(&e->scratch);
			processors[p]->item_view(e->settings[p], &ctx, x->blocks[p]);
		}
	view_entity_end(e->view);
}

void item_task_shown(struct item_task *t, struct item_entity *x, int64_t now_ms)
{
	list_remove(&t->views, &x->view_link);
	list_remove(&t->fresh, &x->fresh_link);
	list_push(&t->fresh, &x->fresh_link);
	x->shown_ms = now_ms;
	x->shown_watermark = t->watermark;
	x->shown_from = INT64_MAX;
}

int64_t item_task_shown_to(const struct item_task *t)
{
	if (!t->views.n)
		return t->position;
	const struct item_entity *x = LIST_OWNER(t->views.head.next, struct item_entity, view_link);
	return x->shown_from < t->position ? x->shown_from : t->position;
}

void item_task_views_due(struct item_task *t, int64_t shown, int64_t now_ms)
{
	for (struct link *l = t->all.head.next; l != &t->all.head; l = l->next) {
		struct item_entity *x = LIST_OWNER(l, struct item_entity, all_link);
		if (shown >= 0 && !x->row_link.next && x->cover <= shown) {
			if (!x->fresh_link.next && !x->view_link.next) { /* restored: an earlier owner has shown it */
				x->shown_ms = now_ms;
				x->shown_watermark = INT64_MIN;
				list_push(&t->fresh, &x->fresh_link);
			}
			continue;
		}
		x->touched_ms = now_ms;
		if (shown < 0)
			x->shown_ms = 0;
		if (x->view_link.next)
			continue;
		x->shown_from = shown < 0 ? 0 : shown;
		list_insert(&t->views, &t->views.head, &x->view_link);
	}
}

void item_task_view_due(struct item_task *t, struct key key, int64_t now_ms)
{
	struct item_entity *x = item_task_find(t, key);
	if (!x || x->view_link.next)
		return;
	x->touched_ms = now_ms;
	x->shown_from = t->position;
	list_push(&t->views, &x->view_link);
}

void item_task_mark(const struct item_task *t)
{
	for (const struct link *l = t->all.head.next; l != &t->all.head; l = l->next) {
		const struct item_entity *x = LIST_OWNER(l, struct item_entity, all_link);
		symbols_mark(t->engine->symbols, x->key.id);
		blocks_mark(t->engine, STAGE_ITEM, x->blocks);
	}
}
