/* Both stages through crashes: seeded runs in which every interval may be committed, aborted, or committed just before a crash.
 *
 * Kafka is played by arrays: input logs, the repartition log, rows, model rows and alerts that grow only when an interval is committed,
 * and committed offsets. A life restores as daemon/kafka/rows.c does (rows, then the log from `low` to what was committed), in half of
 * the runs sometimes from the rows of the commit before. At the end, state is compared with tasks that read the same logs once and never crashed: every
 * byte of every shopper and key, counters, the sum of all deltas, alerts. tests/oracle checks the same of the daemon itself.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

#include <cmocka.h>

#include "shop.h"
#include "tables.h"

enum { TASKS = 2,
	USERS = 5,
	ITEMS = 5,
	EVENTS = 420,
	RUNS = 60,
	SNAPSHOT_MS = 1000,
	COMMIT_MS = 200 };

static const int64_t begin = INT64_C(472224) * 3600000;

struct record {
	struct event e;
	char id[16], user[16], item[2][8], campaign[8], order[16];
	struct order_line lines[2];
	int64_t offset, arrives;
	bool bad, ahead, refused; /* ahead: of the clock, perhaps; refused: the interval that said so was committed */
};

struct log {
	struct record at[EVENTS * 2];
	size_t n;
	int64_t end;
};

struct message { /* of any of our topics */
	struct buf key, value;
	bool tombstone;
	int64_t offset;
	size_t replaced_by; /* index of the next one with the key; SIZE_MAX: none */
};

struct topic {
	struct message *at;
	size_t n, capacity;
	int64_t end;
};

struct mark { /* what was committed */
	size_t user_rows[TASKS], item_rows[TASKS], model;
	int64_t inputs[TASKS][INPUTS], repartition[TASKS];
};

struct life {
	struct engine *user_engine, *item_engine; /* apart: scoring reads model rows, whose arrival is not part of what is compared */
	struct user_task *users[TASKS];
	struct item_task *items[TASKS];
	size_t at[TASKS][INPUTS], messages[TASKS]; /* next index */
	uint64_t number;
};

struct world {
	uint64_t random;
	bool replay; /* everything is there from the start: the order between topics is the same after a crash */
	bool old;    /* rows may be those of the commit before; what the clock refused is in the newest task row alone */
	int64_t now;
	struct shop *shop; /* settings of the processors */
	struct engine_rules rules;
	struct log logs[TASKS][INPUTS];
	struct topic user_rows[TASKS], item_rows[TASKS], model, repartition[TASKS], alerts[TASKS], dead;
	struct topic open_user_rows[TASKS], open_item_rows[TASKS], open_model, open_repartition[TASKS], open_alerts[TASKS], open_dead;
	struct record *refused[64]; /* in this interval */
	size_t n_refused, crashes;
	struct mark now_committed, before;
	struct life life;
};

/* ---- chance ---- */

static uint32_t chance(struct world *w, uint32_t n) /* 0..n-1 */
{
	uint64_t z = w->random += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (uint32_t)((z ^ z >> 31) >> 32) % n;
}

static void make_event(struct world *w, struct record *r, int number, int64_t ts, unsigned t, unsigned j, int *orders)
{
	static const char *const texts[] = { "terrible, it broke at once, I hate it", "awful and bad", "wonderful, I love it", "it is a box", "很差，太失望了" };
	*r = (struct record){ .e = { .ts = ts } };
	snprintf(r->id, sizeof(r->id), "e%d", number);
	snprintf(r->user, sizeof(r->user), "u%u.%u", t, chance(w, USERS));
	for (int i = 0; i < 2; i++)
		snprintf(r->item[i], sizeof(r->item[i]), "i%u", chance(w, ITEMS));
	if (chance(w, 3) == 0)
		snprintf(r->campaign, sizeof(r->campaign), "c%u", chance(w, 2));
	r->e.event_id = text_of(r->id);
	r->e.user_id = text_of(r->user);
	struct text item = text_of(r->item[0]), campaign = r->campaign[0] ? text_of(r->campaign) : (struct text){ 0 };
	r->e.kind = j == 0 ? EVENT_CLICK : j == 1 ? EVENT_PURCHASE
						  : EVENT_REVIEW;
	if (j == 0) {
		r->e.click = (struct click){ .action = chance(w, 3) == 0 ? ACTION_CLICK : ACTION_VIEW, .item_id = item, .campaign_id = campaign };
	} else if (j == 1) {
		bool refund = *orders && chance(w, 4) == 0;
		snprintf(r->order, sizeof(r->order), "o%d", refund ? (int)chance(w, (uint32_t)*orders) : (*orders)++);
		r->lines[0] = (struct order_line){ item, 1 + chance(w, 3), 500 + 100 * (int64_t)chance(w, 9) };
		r->lines[1] = (struct order_line){ text_of(r->item[1]), 1, 300 };
		r->e.purchase = (struct purchase){ .kind = refund ? PURCHASE_REFUND : PURCHASE_ORDER, .order_id = text_of(r->order), .currency = TEXT("EUR"), .lines = r->lines, .n_lines = 1 + chance(w, 2), .campaign_id = chance(w, 3) ? (struct text){ 0 } : campaign };
	} else {
		r->e.review = (struct review){ .item_id = item, .text = text_of(texts[chance(w, 5)]), .rating_milli = (int32_t)(chance(w, 5) + 1) * 1000 };
	}
}

/* The texts of an event point into its record: after a copy they must point into the new one. */
static void place(struct record *to, const struct record *from)
{
	*to = *from;
	to->e.event_id.data = to->id;
	to->e.user_id.data = to->user;
	if (to->e.kind == EVENT_CLICK) {
		to->e.click.item_id.data = to->item[0];
		if (to->e.click.campaign_id.data)
			to->e.click.campaign_id.data = to->campaign;
	} else if (to->e.kind == EVENT_PURCHASE) {
		to->e.purchase.order_id.data = to->order;
		to->e.purchase.lines = to->lines;
		if (to->e.purchase.campaign_id.data)
			to->e.purchase.campaign_id.data = to->campaign;
		for (int i = 0; i < 2; i++)
			to->lines[i].item_id.data = to->item[i];
	} else {
		to->e.review.item_id.data = to->item[0];
	}
}

static void log_add(struct world *w, struct log *l, const struct record *r)
{
	struct record *to = &l->at[l->n];
	place(to, r);
	if (l->n && to->arrives < l->at[l->n - 1].arrives)
		to->arrives = l->at[l->n - 1].arrives;
	l->end += chance(w, 4) == 0; /* a marker of the shop's own transactions, or what compaction took */
	to->offset = l->end++;
	l->n++;
}

static void make_logs(struct world *w)
{
	int64_t now = begin;
	int orders[TASKS] = { 0 };
	for (int i = 0; i < EVENTS; i++) {
		unsigned t = chance(w, TASKS), k = chance(w, 10), j = k < 5 ? 0 : k < 7 ? 1
											: 2;
		now += chance(w, 40) == 0 ? 900000 + chance(w, 900000) : chance(w, 20000);
		int64_t ts = now - chance(w, 12000);
		if (chance(w, 30) == 0)
			ts = now - 600000 - chance(w, 2400000); /* late, or nearly */
		if (chance(w, 60) == 0)
			ts = now + 10800000; /* a jump: alone, or with others */
		struct record r;
		make_event(w, &r, i, ts, t, j, &orders[t]);
		r.arrives = now + chance(w, 3) * 5000;
		r.bad = chance(w, 50) == 0;
		r.ahead = !w->old && chance(w, 50) == 0;
		struct log *l = &w->logs[t][j];
		log_add(w, l, &r);
		if (chance(w, 14) == 0) { /* a repeat of one of the last */
			struct record again = l->at[l->n - 1 - chance(w, l->n < 6 ? (uint32_t)l->n : 6)];
			again.arrives = now;
			place(&r, &again);
			log_add(w, l, &r);
		}
	}
}

/* ---- topics ---- */

static void topic_add(struct topic *t, struct text key, struct text value)
{
	if (t->n == t->capacity) {
		t->capacity = t->capacity ? t->capacity * 2 : 64;
		t->at = realloc(t->at, sizeof(*t->at) * t->capacity);
	}
	struct message *m = &t->at[t->n++];
	*m = (struct message){ .tombstone = !value.data, .offset = t->end++, .replaced_by = SIZE_MAX };
	buf_bytes(&m->key, key.data, key.size);
	buf_bytes(&m->value, value.data, value.size);
}

static void topic_clear(struct topic *t)
{
	for (size_t i = 0; i < t->n; i++) {
		buf_done(&t->at[i].key);
		buf_done(&t->at[i].value);
	}
	t->n = 0;
}

static void topic_done(struct topic *t)
{
	topic_clear(t);
	free(t->at);
}

static void topic_commit(struct topic *to, struct topic *open, bool keyed)
{
	for (size_t i = 0; i < open->n; i++) {
		struct message *m = &open->at[i];
		for (size_t k = to->n; keyed && k--;)
			if (text_equal(text_in(&to->at[k].key), text_in(&m->key))) {
				to->at[k].replaced_by = to->n;
				break;
			}
		topic_add(to, text_in(&m->key), m->tombstone ? (struct text){ 0 } : text_in(&m->value));
	}
	to->end += open->n > 0; /* the transaction's marker */
	topic_clear(open);
}

static void put(void *to, struct text key, struct text value)
{
	topic_add(to, key, value);
}

static void put_delta(void *to, uint32_t partition, struct text value)
{
	topic_add(&((struct world *)to)->open_repartition[partition], (struct text){ 0 }, value);
}

/* ---- the user stage ---- */

static bool fill(struct world *w, struct life *l, unsigned t, unsigned j, int64_t limit, bool live)
{
	struct log *log = &w->logs[t][j];
	for (; l->at[t][j] < log->n; l->at[t][j]++) {
		struct record *r = &log->at[l->at[t][j]];
		if (r->offset >= limit || (live && r->arrives > w->now))
			return false;
		if (r->bad) {
			user_task_skip(l->users[t], j, r->offset, DEAD_LETTERED);
			if (live)
				topic_add(&w->open_dead, text_of(r->id), TEXT("bad"));
		} else if (live ? r->ahead && chance(w, 2) && w->n_refused < 64 : user_task_was_refused(l->users[t], j, r->offset)) {
			if (live) {
				user_task_refuse(l->users[t], j, r->offset);
				w->refused[w->n_refused++] = r;
				topic_add(&w->open_dead, text_of(r->id), TEXT("ahead_of_clock"));
			} else {
				user_task_skip(l->users[t], j, r->offset, DEAD_LETTERED);
			}
		} else {
			return true;
		}
	}
	return false;
}

static struct record *head(struct world *w, struct life *l, unsigned t, const int64_t *limits, bool live, unsigned *ret_j)
{
	struct record *least = NULL;
	for (unsigned j = 0; j < INPUTS; j++) {
		if (!fill(w, l, t, j, limits[j], live))
			continue;
		struct record *r = &w->logs[t][j].at[l->at[t][j]];
		if (!least || r->e.ts < least->e.ts)
			least = r, *ret_j = j;
	}
	return least;
}

static bool user_step(struct world *w, struct life *l, unsigned t, const int64_t *limits, bool live)
{
	unsigned j = 0;
	struct record *r = head(w, l, t, limits, live, &j);
	if (!r)
		return false;
	user_task_apply(l->users[t], j, r->offset, &r->e, live, w->now);
	l->at[t][j]++;
	return true;
}

/* ---- lives ---- */

static void life_end(struct life *l)
{
	for (unsigned t = 0; t < TASKS; t++) {
		user_task_destroy(l->users[t]);
		item_task_destroy(l->items[t]);
	}
	engine_destroy(l->user_engine);
	engine_destroy(l->item_engine);
}

static void life_begin(struct world *w, struct life *l)
{
	l->user_engine = engine_create(&w->rules, w->shop->settings, "glint");
	l->item_engine = engine_create(&w->rules, w->shop->settings, "glint");
	for (unsigned t = 0; t < TASKS; t++) {
		l->users[t] = user_task_create(l->user_engine, t);
		l->items[t] = item_task_create(l->item_engine, t);
	}
}

static void interval_begin(struct world *w, struct life *l)
{
	l->number++;
	for (unsigned t = 0; t < TASKS; t++) {
		user_task_interval(l->users[t], l->number, w->now);
		item_task_interval(l->items[t], l->number, w->now);
	}
}

static void read_rows(struct world *w, const struct topic *rows, size_t n, struct user_task *user, struct item_task *item)
{
	struct row_reader *reader = row_reader_create();
	size_t compacted = chance(w, (uint32_t)n + 1);
	for (size_t i = 0; i < n; i++) {
		const struct message *m = &rows->at[i];
		if (m->replaced_by < compacted)
			continue;
		struct text entity, bytes;
		uint16_t pieces;
		int rc = row_reader_take(reader, text_in(&m->key), m->tombstone ? (struct text){ 0 } : text_in(&m->value), &entity, &bytes, &pieces);
		if (rc == 1)
			rc = user ? user_task_load(user, entity, bytes, pieces) : item_task_load(item, entity, bytes, pieces);
		assert_true(rc >= 0);
	}
	assert_true(!item || item_task_unpack(item, SIZE_MAX) == 0);
	row_reader_destroy(reader);
}

static void restore(struct world *w, struct life *l)
{
	const struct mark *now = &w->now_committed;
	*l = (struct life){ .number = 1 };
	life_begin(w, l);
	for (size_t i = 0; i < now->model; i++)
		assert_int_equal(model_row_load(l->item_engine->model, text_in(&w->model.at[i].key), text_in(&w->model.at[i].value)), 0);
	for (unsigned t = 0; t < TASKS; t++) {
		struct user_task *u = l->users[t];
		struct item_task *x = l->items[t];
		read_rows(w, &w->user_rows[t], (!w->old || chance(w, 3) ? now : &w->before)->user_rows[t], u, NULL);
		read_rows(w, &w->item_rows[t], (!w->old || chance(w, 3) ? now : &w->before)->item_rows[t], NULL, x);
		user_task_interval(u, 0, w->now);
		item_task_interval(x, 0, w->now);
		for (unsigned j = 0; j < INPUTS; j++)
			while (l->at[t][j] < w->logs[t][j].n && w->logs[t][j].at[l->at[t][j]].offset < u->in[j].position)
				l->at[t][j]++;
		while (user_step(w, l, t, now->inputs[t], false))
			;
		for (unsigned j = 0; j < INPUTS; j++)
			if (u->in[j].position < now->inputs[t][j])
				u->in[j].position = now->inputs[t][j];
		user_task_restored(u);
		const struct topic *log = &w->repartition[t];
		while (l->messages[t] < log->n && log->at[l->messages[t]].offset < x->position)
			l->messages[t]++;
		for (; l->messages[t] < log->n && log->at[l->messages[t]].offset < now->repartition[t]; l->messages[t]++)
			assert_int_equal(item_task_apply(x, log->at[l->messages[t]].offset, text_in(&log->at[l->messages[t]].value), false, w->now), 0);
		if (x->position < now->repartition[t])
			x->position = now->repartition[t];
		assert_int_equal(x->alerts.size, 0);
		user_task_interval(u, l->number, w->now);
		item_task_interval(x, l->number, w->now);
		u->changed = x->changed = true;
		item_task_model_due(x);
	}
	assert_true(combiner_empty(l->user_engine->emitter));
}

/* ---- one interval ---- */

static void pass_time(struct world *w, struct life *l)
{
	static const int64_t all[INPUTS] = { INT64_MAX, INT64_MAX, INT64_MAX };
	uint32_t tasks[TASKS];
	struct upstream reports[TASKS];
	bool changed = false;
	for (unsigned t = 0; t < TASKS; t++) {
		struct user_task *u = l->users[t];
		unsigned j;
		struct record *r = w->replay ? head(w, l, t, all, true, &j) : NULL;
		for (j = 0; j < INPUTS; j++)
			u->in[j].at_end = l->at[t][j] == w->logs[t][j].n;
		changed |= user_task_time(u, r ? r->e.ts : INT64_MAX, INT64_MIN, 0);
		tasks[t] = t;
		reports[t] = (struct upstream){ u->watermark, u->at_end };
	}
	combiner_encode(l->user_engine->emitter, put_delta, w);
	if (!changed && chance(w, 4))
		return;
	struct buf b = { 0 };
	control_encode(&b, tasks, reports, TASKS);
	for (unsigned t = 0; t < TASKS; t++)
		put_delta(w, t, text_in(&b));
	buf_done(&b);
}

static void seal(struct world *w, struct life *l, struct mark *mark, bool all)
{
	pass_time(w, l);
	for (unsigned t = 0; t < TASKS; t++) {
		struct user_task *u = l->users[t];
		struct item_task *x = l->items[t];
		for (unsigned j = 0; j < INPUTS; j++) {
			const struct log *log = &w->logs[t][j];
			int64_t next = l->at[t][j] < log->n ? log->at[l->at[t][j]].offset : log->end;
			if (chance(w, 2) && next > u->in[j].position)
				u->in[j].position = next;
			mark->inputs[t][j] = u->in[j].position;
		}
		if (l->messages[t] == w->repartition[t].n && chance(w, 2) && x->position < w->repartition[t].end)
			x->position = w->repartition[t].end;
		mark->repartition[t] = x->position;
		topic_add(&w->open_alerts[t], (struct text){ 0 }, text_in(&x->alerts));
		buf_clear(&x->alerts);
		item_task_model(x, w->now, 1000, SIZE_MAX, SIZE_MAX, put, &w->open_model);
		user_task_seal(u, w->now, SNAPSHOT_MS, all, put, &w->open_user_rows[t]);
		item_task_seal(x, w->now, SNAPSHOT_MS, all, put, &w->open_item_rows[t]);
	}
}

static void commit(struct world *w, const struct mark *mark)
{
	w->before = w->now_committed;
	w->now_committed = *mark;
	for (size_t i = 0; i < w->open_model.n; i++)
		assert_int_equal(model_row_load(w->life.item_engine->model, text_in(&w->open_model.at[i].key), text_in(&w->open_model.at[i].value)), 0);
	for (unsigned t = 0; t < TASKS; t++) {
		topic_commit(&w->user_rows[t], &w->open_user_rows[t], true);
		topic_commit(&w->item_rows[t], &w->open_item_rows[t], true);
		topic_commit(&w->repartition[t], &w->open_repartition[t], false);
		topic_commit(&w->alerts[t], &w->open_alerts[t], false);
		w->now_committed.user_rows[t] = w->user_rows[t].n;
		w->now_committed.item_rows[t] = w->item_rows[t].n;
	}
	topic_commit(&w->model, &w->open_model, false);
	topic_commit(&w->dead, &w->open_dead, false);
	w->now_committed.model = w->model.n;
	for (size_t i = 0; i < w->n_refused; i++)
		w->refused[i]->refused = true;
	w->n_refused = 0;
}

static void drop(struct world *w)
{
	for (unsigned t = 0; t < TASKS; t++) {
		topic_clear(&w->open_user_rows[t]);
		topic_clear(&w->open_item_rows[t]);
		topic_clear(&w->open_repartition[t]);
		topic_clear(&w->open_alerts[t]);
	}
	topic_clear(&w->open_model);
	topic_clear(&w->open_dead);
	w->n_refused = 0;
}

static bool all_done(const struct world *w)
{
	for (unsigned t = 0; t < TASKS; t++) {
		if (w->life.messages[t] < w->repartition[t].n || w->life.items[t]->model.n)
			return false;
		for (unsigned j = 0; j < INPUTS; j++)
			if (w->life.at[t][j] < w->logs[t][j].n)
				return false;
	}
	return true;
}

static void run(struct world *w)
{
	static const int64_t all[INPUTS] = { INT64_MAX, INT64_MAX, INT64_MAX };
	struct life *l = &w->life;
	restore(w, l);
	for (int intervals = 0, idle = 0; idle < 12; intervals++) {
		assert_true(intervals < 20000);
		struct mark mark = { 0 };
		w->now += w->replay ? COMMIT_MS : chance(w, 60000);
		for (unsigned t = 0; t < TASKS; t++) {
			for (uint32_t n = chance(w, 30); n && user_step(w, l, t, all, true); n--)
				;
			for (uint32_t n = chance(w, 12); n && l->messages[t] < w->repartition[t].n; n--, l->messages[t]++) {
				const struct message *m = &w->repartition[t].at[l->messages[t]];
				assert_int_equal(item_task_apply(l->items[t], m->offset, text_in(&m->value), true, w->now), 0);
			}
			/* rows of the open interval, written ahead of its end; records go on behind them */
			user_task_rows(l->users[t], chance(w, 4), put, &w->open_user_rows[t]);
			item_task_model(l->items[t], w->now, 1000, chance(w, 4), SIZE_MAX, put, &w->open_model);
			item_task_rows(l->items[t], chance(w, 4), put, &w->open_item_rows[t]);
			for (uint32_t n = chance(w, 10); n && user_step(w, l, t, all, true); n--)
				;
		}
		bool calm = all_done(w);
		idle = calm ? idle + 1 : 0;
		seal(w, l, &mark, idle == 12);
		uint32_t fate = calm ? 20 : chance(w, 20);
		if (fate >= 2)
			commit(w, &mark);
		else
			drop(w);
		if (fate < 3) {
			life_end(l);
			restore(w, l);
			w->crashes++;
		} else {
			interval_begin(w, l);
		}
	}
}

/* ---- comparing ---- */

static void users_of(const struct life *l, struct table *to)
{
	for (unsigned t = 0; t < TASKS; t++)
		for (struct link *x = l->users[t]->all.head.next; x != &l->users[t]->all.head; x = x->next) {
			struct user *u = user_task_unpack(l->users[t], LIST_OWNER(x, struct user, all_link));
			x = &u->all_link;
			struct entry *e = table_add(to);
			buf_bytes(&e->key, user_bytes(u), u->id_size);
			buf_i64(&e->value, u->last_ts);
			for (int j = 0; j < INPUTS; j++) {
				const struct ring *r = &u->rings[j];
				buf_i64(&e->value, r->floor);
				for (uint32_t i = 0; i < r->n; i++) {
					const struct ring_entry *at = &r->entries[(r->first + i) & (r->capacity - 1)];
					buf_i64(&e->value, at->ts);
					buf_u64(&e->value, at->id);
				}
			}
			blocks_save(l->user_engine, STAGE_USER, u->blocks, &e->value);
		}
}

static void items_of(const struct life *l, struct table *to)
{
	for (unsigned t = 0; t < TASKS; t++)
		for (const struct link *x = l->items[t]->all.head.next; x != &l->items[t]->all.head; x = x->next) {
			const struct item_entity *i = LIST_OWNER(x, const struct item_entity, all_link);
			struct entry *e = table_add(to);
			key_format(l->item_engine->symbols, i->key, &e->key);
			buf_i64(&e->value, i->last_watermark);
			blocks_save(l->item_engine, STAGE_ITEM, i->blocks, &e->value);
		}
}

static void deltas_of(struct topic *topics, struct table *to)
{
	struct symbols *symbols = symbols_create();
	struct delta_reader r = { 0 };
	struct table all = { 0 };
	for (unsigned t = 0; t < TASKS; t++)
		for (size_t i = 0; i < topics[t].n; i++)
			if (topics[t].at[i].value.data[0] == MESSAGE_DELTAS)
				table_add_deltas(&all, &r, symbols, text_in(&topics[t].at[i].value));
	table_sum(&all, to);
	delta_reader_done(&r);
	symbols_destroy(symbols);
}

/* Of one moment, alerts on several keys may come in any order. */
static void alerts_of(const struct buf *texts, struct table *to)
{
	struct reader r = reader_of(texts->data, texts->size);
	while (reader_left(&r)) {
		struct text t = reader_text(&r);
		buf_bytes(&table_add(to)->key, t.data, t.size);
	}
	assert_false(r.bad);
}

/* Tasks that read the same logs once, without a crash. Deltas go to `deltas`. */
static void uncrashed(struct world *w, struct life *l, struct topic *deltas, struct buf *alerts)
{
	*l = (struct life){ 0 };
	life_begin(w, l);
	interval_begin(w, l);
	for (unsigned t = 0; t < TASKS; t++) {
		for (;;) { /* merged by ts, ties by topic */
			struct record *least = NULL;
			unsigned from = 0;
			for (unsigned j = 0; j < INPUTS; j++) {
				const struct log *log = &w->logs[t][j];
				for (; l->at[t][j] < log->n && (log->at[l->at[t][j]].bad || log->at[l->at[t][j]].refused); l->at[t][j]++)
					l->users[t]->in[j].counters[DEAD_LETTERED]++;
				if (l->at[t][j] < log->n && (!least || log->at[l->at[t][j]].e.ts < least->e.ts)) {
					least = &w->logs[t][j].at[l->at[t][j]];
					from = j;
				}
			}
			if (!least)
				break;
			user_task_apply(l->users[t], from, least->offset, &least->e, true, 0);
			l->at[t][from]++;
		}
		for (size_t i = 0; i < w->repartition[t].n; i++) {
			const struct message *m = &w->repartition[t].at[i];
			assert_int_equal(item_task_apply(l->items[t], m->offset, text_in(&m->value), true, 0), 0);
		}
		buf_bytes(&alerts[t], l->items[t]->alerts.data, l->items[t]->alerts.size);
	}
	struct world fake = { 0 };
	combiner_encode(l->user_engine->emitter, put_delta, &fake);
	memcpy(deltas, fake.open_repartition, sizeof(fake.open_repartition));
}

static void compare_lives(const struct life *a, const struct life *b, bool users, uint64_t seed)
{
	struct table x = { 0 }, y = { 0 };
	items_of(a, &x);
	items_of(b, &y);
	same_tables(&x, &y, "keys", seed);
	if (users) {
		x = y = (struct table){ 0 };
		users_of(a, &x);
		users_of(b, &y);
		same_tables(&x, &y, "shoppers", seed);
	}
	for (unsigned t = 0; t < TASKS; t++) {
		assert_int_equal(a->items[t]->watermark, b->items[t]->watermark);
		for (unsigned j = 0; j < INPUTS; j++)
			for (int o = 0; o < OUTCOMES; o++)
				if (a->users[t]->in[j].counters[o] != b->users[t]->in[j].counters[o])
					fail_msg("seed %llu: %s %s: %llu and %llu", (unsigned long long)seed, input_names[j], outcome_names[o],
						(unsigned long long)a->users[t]->in[j].counters[o], (unsigned long long)b->users[t]->in[j].counters[o]);
	}
}

struct totals {
	size_t crashes, alerts, dead, late, duplicates;
};

static void one_run(struct shop *shop, uint64_t seed, struct totals *totals)
{
	struct world *w = calloc(1, sizeof(*w));
	w->random = seed * 7919;
	w->replay = seed % 2;
	w->old = seed / 2 % 2;
	w->shop = shop;
	w->now = w->replay ? begin + INT64_C(400) * 86400000 : begin;
	w->rules = (struct engine_rules){
		.partitions = TASKS,
		.allowed_lateness_ms = 1800000,
		.max_jump_ms = 7200000,
		.settle_ms = 10000,
		.live_ms = 3600000,
		.dedup_ring = 5,
		.max_users = 1000,
		.max_items = 1000,
		.inputs = { true, true, true },
	};
	make_logs(w);
	run(w);
	struct life once, again;
	struct topic deltas[TASKS];
	struct buf alerts[TASKS] = { { 0 } };
	uncrashed(w, &once, deltas, alerts);
	compare_lives(&w->life, &once, w->replay, seed);
	if (w->replay) {
		struct table x = { 0 }, y = { 0 };
		deltas_of(w->repartition, &x);
		deltas_of(deltas, &y);
		same_tables(&x, &y, "sums of deltas", seed);
	}
	size_t dead = 0;
	for (unsigned t = 0; t < TASKS; t++) {
		struct table written = { 0 }, wanted = { 0 };
		for (size_t i = 0; i < w->alerts[t].n; i++)
			alerts_of(&w->alerts[t].at[i].value, &written);
		alerts_of(&alerts[t], &wanted);
		totals->alerts += written.n;
		same_tables(&written, &wanted, "alerts", seed);
		buf_done(&alerts[t]);
		topic_done(&deltas[t]);
		for (unsigned j = 0; j < INPUTS; j++) {
			const uint64_t *c = w->life.users[t]->in[j].counters;
			uint64_t sum = 0;
			for (int o = 0; o < OUTCOMES; o++)
				sum += c[o];
			assert_int_equal(sum, w->logs[t][j].n);
			dead += c[DEAD_LETTERED];
			totals->late += c[LATE];
			totals->duplicates += c[DUPLICATE];
		}
	}
	assert_int_equal(w->dead.n, dead);
	/* what is in Kafka says the same as memory, and every model row is there */
	restore(w, &again);
	compare_lives(&again, &w->life, true, seed);
	for (unsigned t = 0; t < TASKS; t++)
		item_task_model(again.items[t], INT64_MAX / 2, 0, SIZE_MAX, SIZE_MAX, put, &w->open_model);
	assert_int_equal(w->open_model.n, 0);
	totals->crashes += w->crashes;
	totals->dead += dead;
	life_end(&again);
	life_end(&once);
	life_end(&w->life);
	drop(w);
	for (unsigned t = 0; t < TASKS; t++) {
		struct topic *all[] = { &w->user_rows[t], &w->item_rows[t], &w->repartition[t], &w->alerts[t], &w->open_user_rows[t],
			&w->open_item_rows[t], &w->open_repartition[t], &w->open_alerts[t] };
		for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
			topic_done(all[i]);
	}
	topic_done(&w->model);
	topic_done(&w->open_model);
	topic_done(&w->dead);
	topic_done(&w->open_dead);
	free(w);
}

static void state_after_crashes_is_the_state_without(void **state)
{
	(void)state;
	static const char *const options[] = { "itemsets.window=1h", "itemsets.pane=10min", "campaign.attribution_window=30min", "campaign.minutes=30",
		"spike.window=1h", "spike.pane=5min", "spike.least_negative=2", "spike.alpha=0.2", "spike.least_excess=0.5",
		"spike.cool_down=1h", NULL };
	struct shop *shop = shop_create(1, options);
	struct totals totals = { 0 };
	const char *from = getenv("GLINT_SEED");
	uint64_t first = from ? strtoull(from, NULL, 10) : 1;
	const char *runs = getenv("GLINT_RUNS");
	for (uint64_t seed = first, n = runs ? strtoull(runs, NULL, 10) : RUNS; n--; seed++)
		one_run(shop, seed, &totals);
	print_message("%zu crashes, %zu alerts, %zu dead letters, %zu late, %zu duplicates\n", totals.crashes, totals.alerts, totals.dead, totals.late,
		totals.duplicates);
	assert_true(totals.crashes && totals.alerts && totals.dead && totals.late && totals.duplicates); /* nothing of it was left out */
	shop_destroy(shop);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(state_after_crashes_is_the_state_without) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
