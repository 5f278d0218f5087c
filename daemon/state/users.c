/* User tasks: the table of shoppers, admission of events, the processors' user stage, intervals, forgetting; see users.h. Rows: users_row.c. */
#include "users_internal.h"

#include <errno.h>
#include <stdlib.h>
#define XXH_INLINE_ALL /* ids are short: the call costs as much as the hash */
#include <xxhash.h>

#include "processors/huge.h"

enum { FIRST_SLOTS = 1024,
	REFUSED_MAX = 10000,
	PACKED_USUALLY = 384 }; /* bytes of a shopper who is packed */

const char *const outcome_names[OUTCOMES] = { "applied", "duplicate", "late", "filtered", "dead_lettered" };
const char *const input_names[INPUTS] = { "clicks", "purchases", "reviews" };

static void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

struct user_task *user_task_create(struct engine *e, uint32_t partition)
{
	struct user_task *t = must(calloc(1, sizeof(*t)));
	t->engine = e;
	t->partition = partition;
	t->watermark = INT64_MIN;
	for (int j = 0; j < INPUTS; j++) {
		t->in[j].time = STREAM_TIME_NONE;
		t->in[j].floor = t->floor_after[j] = INT64_MIN;
	}
	t->mask = FIRST_SLOTS - 1;
	t->slots = huge_alloc(FIRST_SLOTS * sizeof(*t->slots));
	list_init(&t->rows);
	list_init(&t->views);
	list_init(&t->must);
	list_init(&t->again);
	list_init(&t->fresh);
	list_init(&t->all);
	return t;
}

void user_free_contents(const struct user_task *t, struct user *u)
{
	blocks_free(t->engine, STAGE_USER, u->blocks);
	for (int j = 0; j < INPUTS; j++)
		pool_free(t->engine->pool, u->rings[j].entries, sizeof(struct ring_entry) * u->rings[j].capacity);
}

size_t user_size(const struct user *u)
{
	return (u->packed_size ? (size_t)PACKED_BYTES + u->packed_size : sizeof(*u)) + u->id_size;
}

static void user_free(struct user_task *t, struct user *u)
{
	if (!u->packed_size)
		user_free_contents(t, u);
	pool_free(t->engine->pool, u, user_size(u));
	t->engine->users--;
}

void user_task_destroy(struct user_task *t)
{
	if (!t)
		return;
	for (uint32_t i = 0; i <= t->mask; i++)
		if (t->slots[i].user)
			user_free(t, t->slots[i].user);
	huge_free(t->slots, (t->mask + 1u) * sizeof(*t->slots));
	free(t->instants);
	for (int j = 0; j < INPUTS; j++)
		free(t->in[j].refused);
	free(t);
}

/* ---- the table ---- */

struct user *user_task_find(const struct user_task *t, struct text id)
{
	struct user *u = t->slots[slot_of(t, id, XXH3_64bits(id.data, id.size))].user;
	return u && u->packed_size ? user_task_unpack(t, u) : u;
}

static void grow(struct user_task *t)
{
	struct user_slot *old = t->slots;
	uint32_t old_mask = t->mask;
	t->mask = old_mask * 2 + 1;
	t->slots = huge_alloc((t->mask + 1u) * sizeof(*t->slots));
	for (uint32_t i = 0; i <= old_mask; i++) {
		if (!old[i].user)
			continue;
		uint32_t at = (uint32_t)old[i].hash & t->mask;
		while (t->slots[at].user)
			at = (at + 1) & t->mask;
		t->slots[at] = old[i];
	}
	huge_free(old, (old_mask + 1u) * sizeof(*old));
}

void user_place(struct user_task *t, struct user *u, uint32_t i)
{
	t->slots[i] = (struct user_slot){ u->hash, u };
	list_push(&t->all, &u->all_link);
	t->engine->users++;
	if (++t->n_users * 2ull > t->mask)
		grow(t);
}

static struct user *user_new(struct user_task *t, struct text id, uint64_t hash, uint32_t i)
{
	struct user *u = pool_alloc(t->engine->pool, sizeof(*u) + id.size);
	int64_t forgotten = forgotten_until(&t->engine->forgotten, hash);
	u->hash = hash;
	u->id_size = id.size;
	memcpy(user_bytes(u), id.data, id.size);
	u->last_ts = INT64_MIN;
	for (int j = 0; j < INPUTS; j++) {
		u->shown_from[j] = INT64_MAX;
		u->rings[j].floor = forgotten > t->in[j].floor ? forgotten : t->in[j].floor;
	}
	user_place(t, u, i);
	return u;
}

static struct user *user_of(struct user_task *t, struct text id)
{
	uint64_t hash = XXH3_64bits(id.data, id.size);
	uint32_t i = slot_of(t, id, hash);
	return t->slots[i].user ? t->slots[i].user : user_new(t, id, hash, i);
}

void user_leave_lists(struct user_task *t, struct user *u)
{
	list_remove(&t->all, &u->all_link);
	list_remove(&t->fresh, &u->fresh_link);
	list_remove(&t->views, &u->view_link);
	if (u->packed_size)
		return;
	list_remove(&t->rows, &u->row_link);
	list_remove(&t->must, &u->must_link);
	list_remove(&t->again, &u->again_link);
}

void user_forget(struct user_task *t, struct user *u)
{
	uint32_t i = slot_of(t, user_id(u), u->hash);
	t->slots[i].user = NULL;
	for (uint32_t j = (i + 1) & t->mask; t->slots[j].user; j = (j + 1) & t->mask) { /* close the gap of linear probing */
		uint32_t home = (uint32_t)t->slots[j].hash & t->mask;
		if (((j - home) & t->mask) < ((j - i) & t->mask))
			continue;
		t->slots[i] = t->slots[j];
		t->slots[j].user = NULL;
		i = j;
	}
	t->n_users--;
	user_leave_lists(t, u);
	user_free(t, u);
}

/* ---- the ring of event ids ---- */

static bool ring_has(const struct ring *r, uint64_t id)
{
	for (uint32_t i = 0; i < r->n; i++)
		if (ring_at(r, i)->id == id)
			return true;
	return false;
}

static void ring_put(struct engine *e, struct ring *r, int64_t ts, uint64_t id, int64_t stale)
{
	/* What is older than `stale` is late by its partition's stream time whenever it comes again: it may leave without a floor. */
	while (r->n && ring_at(r, 0)->ts < stale) {
		r->first++;
		r->n--;
	}
	while (r->n >= e->rules.dedup_ring) { /* more than that: of a row from before the option was lowered */
		struct ring_entry *least = ring_at(r, 0);
		if (r->n == e->rules.dedup_ring && ts <= least->ts) { /* the newcomer itself is the least */
			if (ts > r->floor)
				r->floor = ts;
			return;
		}
		if (least->ts > r->floor)
			r->floor = least->ts;
		r->first++;
		r->n--;
	}
	if (r->n == r->capacity) {
		uint32_t capacity = r->capacity ? r->capacity * 2 : 4;
		struct ring_entry *grown = pool_alloc(e->pool, sizeof(*grown) * capacity);
		for (uint32_t i = 0; i < r->n; i++)
			grown[i] = *ring_at(r, i);
		pool_free(e->pool, r->entries, sizeof(*grown) * r->capacity);
		r->entries = grown;
		r->capacity = capacity;
		r->first = 0;
	}
	r->first &= r->capacity - 1;
	uint32_t i = r->n++;
	for (; i && ring_at(r, i - 1)->ts > ts; i--)
		*ring_at(r, i) = *ring_at(r, i - 1);
	*ring_at(r, i) = (struct ring_entry){ ts, id };
}

/* ---- one record ---- */

static struct instant *instant_now(struct user_task *t)
{
	return &t->instants[(t->first_instant + t->n_instants - 1) & (t->instants_capacity - 1)];
}

static void touch(struct user_task *t, struct user *u, unsigned j, int64_t offset, bool live, int64_t now_ms)
{
	t->changed = true;
	if (!u->row_link.next) {
		u->dirty_interval = t->interval;
		u->dirty_ms = now_ms;
		if (t->n_instants)
			instant_now(t)->used = true;
		list_push(&t->rows, &u->row_link);
	}
	if (!live)
		return;
	u->touched_ms = now_ms;
	if (!u->view_link.next) {
		for (int k = 0; k < INPUTS; k++)
			u->shown_from[k] = t->in[k].position;
		u->shown_from[j] = offset;
		list_push(&t->views, &u->view_link);
	}
}

/* Until when nothing of a shopper counts who is not in the table: INT64_MIN for nearly all. */
static int64_t until(const struct engine *e, struct text id)
{
	return e->forgotten.n ? forgotten_until(&e->forgotten, XXH3_64bits(id.data, id.size)) : INT64_MIN;
}

static struct user_ctx context(const struct user_task *t, const struct user *u, bool live)
{
	const struct engine *e = t->engine;
	return (struct user_ctx){
		.user = user_id(u),
		.user_hash = u->hash,
		.watermark = t->watermark,
		.symbols = e->symbols,
		.pool = e->pool,
		.emitter = e->emitter,
		.model = e->model,
		.live = live,
	};
}

enum outcome user_task_apply(struct user_task *t, unsigned j, int64_t offset, const struct event *event, bool live, int64_t now_ms)
{
	struct engine *e = t->engine;
	struct user_input *in = &t->in[j];
	bool late = in->time.ts != INT64_MIN && event->ts < in->time.ts - e->rules.allowed_lateness_ms;
	stream_time_take(&in->time, event->ts, e->rules.max_jump_ms);
	in->position = offset + 1;
	t->changed = true;
	bool counted = live || offset >= t->counted_to[j];
	enum outcome outcome = LATE;
	if (late)
		goto count;
	struct user *u = user_task_find(t, event->user_id);
	if (!u && (event->ts <= in->floor || event->ts <= until(e, event->user_id)))
		goto count;
	if (!u)
		u = user_of(t, event->user_id);
	if (offset < u->cover[j]) /* its row has seen this record; its counter too */
		return APPLIED;
	uint64_t id = XXH3_64bits(event->event_id.data, event->event_id.size);
	struct ring *ring = &u->rings[j];
	outcome = DUPLICATE;
	if (ring_has(ring, id))
		goto count;
	outcome = LATE;
	if (event->ts <= ring->floor)
		goto count;
	ring_put(e, ring, event->ts, id, in->time.ts - e->rules.allowed_lateness_ms);
	touch(t, u, j, offset, live, now_ms);
	if (event->ts > u->last_ts)
		u->last_ts = event->ts;
	list_remove(&t->all, &u->all_link);
	list_push(&t->all, &u->all_link);
	struct user_ctx ctx = context(t, u, live);
	combiner_silence(e->emitter, !live);
	for (int p = 0; p < PROCESSORS; p++) {
		const struct processor *processor = processors[p];
		if (!processor->event || e->rules.off[p])
			continue;
		if (!u->blocks[p] && processor->user.size)
			u->blocks[p] = pool_alloc(e->pool, processor->user.size);
		ctx.drops = live ? e->drops[p] : e->silent_drops;
		processor->event(e->settings[p], &ctx, u->blocks[p], event);
	}
	if (ctx.row_due && !u->must_link.next)
		list_push(&t->must, &u->must_link);
	outcome = APPLIED;
count:
	in->counters[outcome] += counted;
	return outcome;
}

enum outcome user_task_admits(const struct user_task *t, unsigned j, const struct event *event)
{
	const struct user_input *in = &t->in[j];
	if (in->time.ts != INT64_MIN && event->ts < in->time.ts - t->engine->rules.allowed_lateness_ms)
		return LATE;
	const struct user *u = user_task_find(t, event->user_id);
	if (!u)
		return event->ts <= in->floor || event->ts <= until(t->engine, event->user_id) ? LATE : APPLIED;
	const struct ring *ring = &u->rings[j];
	if (ring_has(ring, XXH3_64bits(event->event_id.data, event->event_id.size)))
		return DUPLICATE;
	return event->ts <= ring->floor ? LATE : APPLIED;
}

/* The steps up to SOON_BLOCKS, of a shopper of `size` bytes. NULL: nothing is known of it yet. */
static inline const struct user *soon(const struct user_task *t, uint64_t hash, enum soon step, size_t size)
{
	enum { LINE = 64 };
	uint32_t i = (uint32_t)hash & t->mask;
	if (step == SOON_SLOT) {
		__builtin_prefetch(&t->slots[i]);
		return NULL;
	}
	while (t->slots[i].user && t->slots[i].hash != hash)
		i = (i + 1) & t->mask;
	const struct user *u = t->slots[i].user;
	if (!u)
		return NULL;
	for (size_t line = 0; step == SOON_USER && line < size; line += LINE)
		__builtin_prefetch((const char *)u + line, 1);
	if (step == SOON_BLOCKS) {
		__builtin_prefetch(u->all_link.prev, 1);
		__builtin_prefetch(u->all_link.next, 1);
	}
	return u;
}

void user_task_soon(const struct user_task *t, struct text id, enum soon step)
{
	const struct user *u = soon(t, XXH3_64bits(id.data, id.size), step, sizeof(*u));
	if (!u || step == SOON_USER || u->packed_size)
		return;
	if (step == SOON_ARRAYS) {
		for (int p = 0; p < PROCESSORS; p++)
			if (u->blocks[p] && processors[p]->event_soon)
				processors[p]->event_soon(u->blocks[p]);
		return;
	}
	for (int j = 0; j < INPUTS; j++)
		if (u->rings[j].n)
			__builtin_prefetch(ring_at(&u->rings[j], u->rings[j].n - 1), 1);
	for (int p = 0; p < PROCESSORS; p++)
		if (u->blocks[p])
			__builtin_prefetch(u->blocks[p], 1);
}

uint64_t user_task_hash(struct text id)
{
	return XXH3_64bits(id.data, id.size);
}

void user_task_row_soon(const struct user_task *t, uint64_t hash, enum soon step)
{
	soon(t, hash, step, PACKED_USUALLY);
}

void user_task_skip(struct user_task *t, unsigned j, int64_t offset, enum outcome outcome)
{
	t->in[j].position = offset + 1;
	t->changed = true;
	if (offset >= t->counted_to[j])
		t->in[j].counters[outcome]++;
}

void user_refused_add(struct user_input *in, int64_t offset)
{
	if (in->n_refused == in->refused_capacity) {
		in->refused_capacity = in->refused_capacity ? in->refused_capacity * 2 : 16;
		in->refused = must(realloc(in->refused, sizeof(*in->refused) * in->refused_capacity));
	}
	in->refused[in->n_refused++] = offset;
}

void user_task_refuse(struct user_task *t, unsigned j, int64_t offset)
{
	user_refused_add(&t->in[j], offset);
	user_task_skip(t, j, offset, DEAD_LETTERED);
}

bool user_task_was_refused(const struct user_task *t, unsigned j, int64_t offset)
{
	const struct user_input *in = &t->in[j];
	uint32_t from = 0, to = in->n_refused;
	while (from < to) {
		uint32_t middle = from + (to - from) / 2;
		if (in->refused[middle] < offset)
			from = middle + 1;
		else
			to = middle;
	}
	return from < in->n_refused && in->refused[from] == offset;
}

/* ---- intervals and rows ---- */

void user_task_interval(struct user_task *t, uint64_t interval, int64_t now_ms)
{
	t->interval = interval;
	if (t->n_instants && !instant_now(t)->used)
		t->n_instants--; /* nobody refers to it */
	if (t->n_instants == t->instants_capacity) {
		uint32_t capacity = t->instants_capacity ? t->instants_capacity * 2 : 16;
		struct instant *grown = must(calloc(capacity, sizeof(*grown)));
		for (uint32_t i = 0; i < t->n_instants; i++)
			grown[i] = t->instants[(t->first_instant + i) & (t->instants_capacity - 1)];
		free(t->instants);
		t->instants = grown;
		t->instants_capacity = capacity;
		t->first_instant = 0;
	}
	t->n_instants++;
	struct instant *i = instant_now(t);
	*i = (struct instant){ .interval = interval, .now_ms = now_ms, .watermark = t->watermark };
	for (int j = 0; j < INPUTS; j++) {
		i->position[j] = t->in[j].position;
		i->floor[j] = t->in[j].floor;
		i->time[j] = t->in[j].time;
	}
}

static size_t write_user(struct user_task *t, struct user *u, row_put *put, void *to)
{
	struct buf *b = &t->engine->scratch;
	buf_clear(b);
	user_save(t, u, b);
	row_write(user_id(u), b, ++t->row_stamp, u->pieces, &u->pieces, put, to);
	t->changed = true; /* the task row's low moves with it */
	for (int j = 0; j < INPUTS; j++)
		u->cover[j] = t->in[j].position;
	list_remove(&t->must, &u->must_link);
	list_remove(&t->rows, &u->row_link);
	return b->size;
}

size_t user_task_rows(struct user_task *t, size_t most, row_put *put, void *to)
{
	size_t bytes = 0;
	while (t->rows.n && most--)
		bytes += write_user(t, LIST_OWNER(t->rows.head.next, struct user, row_link), put, to);
	return bytes;
}

size_t user_task_seal(struct user_task *t, int64_t now_ms, int64_t snapshot_ms, bool all, row_put *put, void *to)
{
	size_t bytes = 0, refused = 0;
	for (int j = 0; j < INPUTS; j++)
		refused += t->in[j].n_refused;
	all |= refused > REFUSED_MAX; /* lets `low` pass them: a task row is one message */
	while (t->must.n)
		bytes += write_user(t, LIST_OWNER(t->must.head.next, struct user, must_link), put, to);
	while (t->rows.n) {
		struct user *u = LIST_OWNER(t->rows.head.next, struct user, row_link);
		if (!all && now_ms - u->dirty_ms < snapshot_ms)
			break;
		bytes += write_user(t, u, put, to);
	}
	uint64_t first = t->rows.n ? LIST_OWNER(t->rows.head.next, struct user, row_link)->dirty_interval : t->interval;
	while (t->n_instants > 1 && t->instants[t->first_instant].interval < first) {
		t->first_instant = (t->first_instant + 1) & (t->instants_capacity - 1);
		t->n_instants--;
	}
	if (t->changed || bytes) { /* rows that were written raise `low` */
		user_put_task_row(t, put, to);
		bytes += 256;
	}
	t->changed = false;
	return bytes;
}

/* Takes back what the processors say; its deltas belong to the interval that deletes the row. */
static void leave(struct user_task *t, struct user *u, bool erase)
{
	struct engine *e = t->engine;
	struct user_ctx ctx = context(t, u, true);
	combiner_silence(e->emitter, false);
	for (int p = 0; p < PROCESSORS; p++) {
		ctx.drops = e->drops[p];
		if (processors[p]->leave && u->blocks[p])
			processors[p]->leave(e->settings[p], &ctx, u->blocks[p], erase);
	}
}

static void erase(struct user_task *t, struct user *u, row_put *put, void *to)
{
	struct text id = user_id(u);
	row_write(id, NULL, 0, u->pieces, &u->pieces, put, to);
	view_delete(t->engine->view, "recs:", id);
	view_delete(t->engine->view, "user:", id);
	view_delete(t->engine->view, "next:", id);
	t->changed = true;
	user_forget(t, u);
}

void user_task_expire(struct user_task *t, unsigned steps, row_put *put, void *to)
{
	const struct engine_rules *rules = &t->engine->rules;
	while (steps-- && t->all.n) {
		struct user *u = LIST_OWNER(t->all.head.next, struct user, all_link);
		bool idle = rules->user_idle_ms && t->watermark != INT64_MIN && u->last_ts < t->watermark - rules->user_idle_ms;
		bool bound = t->engine->users > rules->max_users;
		if (!bound && (!idle || u->view_link.next))
			break;
		u = user_task_unpack(t, u);
		for (int j = 0; j < INPUTS; j++) { /* its repeats cannot be told any more: they are late, by stream time or from here on */
			const struct ring *r = &u->rings[j];
			int64_t greatest = r->n ? ring_at(r, r->n - 1)->ts : r->floor, stream = t->in[j].time.ts;
			if (greatest > t->in[j].floor && (stream == INT64_MIN || greatest >= stream - rules->allowed_lateness_ms))
				t->in[j].floor = greatest;
		}
		leave(t, u, false);
		erase(t, u, put, to);
	}
}

/* By the hash alone: a request has no more. */
static struct user *find_hash(const struct user_task *t, uint64_t hash)
{
	for (uint32_t i = (uint32_t)hash & t->mask; t->slots[i].user; i = (i + 1) & t->mask)
		if (t->slots[i].hash == hash)
			return t->slots[i].user;
	return NULL;
}

void user_task_forget(struct user_task *t, row_put *put, void *to)
{
	const struct forgotten *f = &t->engine->forgotten;
	for (; t->forgotten < f->n; t->forgotten++) {
		const struct forgotten_request *q = &f->requests[t->forgotten];
		struct user *u = find_hash(t, q->user);
		bool since = true; /* made after the request: its floors say so */
		if (u)
			u = user_task_unpack(t, u);
		for (int j = 0; u && j < INPUTS; j++)
			since &= u->rings[j].floor >= q->until;
		if (!u || since)
			continue;
		leave(t, u, true);
		erase(t, u, put, to);
	}
}

/* ---- time ---- */

bool user_task_time(struct user_task *t, int64_t least_head, int64_t group, int64_t now_ms)
{
	const struct engine_rules *rules = &t->engine->rules;
	int64_t least = INT64_MAX, greatest = INT64_MIN;
	bool at_end = true;
	for (int j = 0; j < INPUTS; j++) {
		if (!rules->inputs[j])
			continue;
		const struct user_input *in = &t->in[j];
		if (in->time.ts > greatest)
			greatest = in->time.ts;
		if (in->at_end)
			continue;
		at_end = false;
		if (in->time.ts < least)
			least = in->time.ts;
	}
	int64_t w = t->watermark;
	bool live = t->live && at_end;
	if (!at_end) {
		if (least_head != INT64_MAX && least_head > least) /* nothing older can come from a merged log than its least head */
			least = least_head;
		if (least != INT64_MIN && least != INT64_MAX && least - rules->settle_ms > w)
			w = least - rules->settle_ms;
	} else {
		if (greatest != INT64_MIN && greatest - rules->settle_ms > w)
			w = greatest - rules->settle_ms;
		if (group > w)
			w = group;
		if (w != INT64_MIN && now_ms - w <= rules->live_ms + rules->settle_ms) /* its stream time, or it was live before a restart */
			live = true;
		if (live && now_ms - rules->settle_ms > w)
			w = now_ms - rules->settle_ms;
	}
	bool changed = w != t->watermark || at_end != t->at_end;
	t->watermark = w;
	t->at_end = at_end;
	t->live = live;
	t->changed |= changed;
	return changed;
}

void user_task_mark(const struct user_task *t)
{
	for (uint32_t i = 0; i <= t->mask; i++)
		if (t->slots[i].user && !t->slots[i].user->packed_size)
			blocks_mark(t->engine, STAGE_USER, t->slots[i].user->blocks);
}
