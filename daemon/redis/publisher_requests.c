/* The publisher's requests: batches into slots, parts and heartbeats out. See publisher_link.h. */
#include <stdio.h>
#include <stdlib.h>

#include "daemon/config/config.h"
#include "daemon/face/log.h"
#include "publisher_link.h"

#define WATCH_ALL 32
#define HEARTBEAT_MS 1000
#define HEARTBEAT_TTL_S 5

/* --- tasks --- */

unsigned link_task(struct link *l, const char *name)
{
	for (unsigned i = 0; i < l->n_tasks; i++)
		if (!strcmp(l->tasks[i].name, name))
			return i;
	if (l->n_tasks == l->tasks_capacity) {
		l->tasks_capacity = l->tasks_capacity ? l->tasks_capacity * 2 : 64;
		l->tasks = realloc(l->tasks, l->tasks_capacity * sizeof(*l->tasks));
		if (!l->tasks)
			abort();
	}
	struct task *t = &l->tasks[l->n_tasks];
	*t = (struct task){ .seq_next = 1 };
	snprintf(t->name, sizeof(t->name), "%s", name);
	return l->n_tasks++;
}

/* --- slots --- */

void link_take(struct link *l, struct batch *b)
{
	unsigned i = 0;
	while (l->slots[i].batch)
		i++;
	struct slot *s = &l->slots[i];
	struct parts parts = s->parts;
	*s = (struct slot){ .batch = b, .parts = parts };
	b->task[sizeof(b->task) - 1] = 0;
	b->result = BATCH_DONE;
	s->task = link_task(l, b->task);
	if (parts_cut(&s->parts, b)) {
		log_error("redis.batch", "a batch of task %s is not encoded as publisher.h says; it was left out", b->task);
		b->n_refused = b->n_commands;
		s->decided = true;
	} else if (s->parts.n_refused) {
		log_warn("redis.refused", "%u commands of a batch of task %s have too many arguments, or are no alerts; left out",
			s->parts.n_refused, b->task);
		b->n_refused = s->parts.n_refused;
	}
	publisher_count(l->p, COUNT_REFUSED, b->n_refused);
	l->order[l->n_order++] = i;
}

static bool slot_waits_its_turn(const struct link *l, const struct slot *s, unsigned kept)
{
	for (unsigned i = 0; i < kept; i++)
		if (l->slots[l->order[i]].task == s->task)
			return true;
	return false;
}

/* Gives back what is decided and awaits no answer, in order within a task. */
void link_give(struct link *l)
{
	unsigned kept = 0;
	for (unsigned i = 0; i < l->n_order; i++) {
		struct slot *s = &l->slots[l->order[i]];
		if (!s->decided || s->sent > s->applied || slot_waits_its_turn(l, s, kept)) {
			l->order[kept++] = l->order[i];
			continue;
		}
		publisher_give(l->p, s->batch);
		s->batch = NULL;
		if (s->parts.flat.capacity > PART_BYTES)
			buf_done(&s->parts.flat);
	}
	l->n_order = kept;
}

void link_decide(struct link *l, struct slot *s, enum batch_status result)
{
	struct task *t = &l->tasks[s->task];
	s->decided = true;
	s->batch->result = result;
	if (result != BATCH_DONE && s->batch->epoch >= t->epoch)
		t->taken = t->watched = false;
}

/* --- requests --- */

void link_ask(struct link *l, struct request r)
{
	if (l->asked_head + l->n_asked == l->asked_capacity) {
		if (l->asked_head) {
			memmove(l->asked, l->asked + l->asked_head, l->n_asked * sizeof(*l->asked));
			l->asked_head = 0;
		} else {
			l->asked_capacity = l->asked_capacity ? l->asked_capacity * 2 : 64;
			l->asked = realloc(l->asked, l->asked_capacity * sizeof(*l->asked));
			if (!l->asked)
				abort();
		}
	}
	r.sent_ms = link_now_ms();
	r.n += !r.n;
	l->asked[l->asked_head + l->n_asked++] = r;
}

void link_command(struct link *l, unsigned n, const struct text *arguments)
{
	redis_command(&l->redis.out, n);
	for (unsigned i = 0; i < n; i++)
		redis_argument(&l->redis.out, arguments[i]);
}

static void close_transaction(struct link *l)
{
	if (!l->open)
		return;
	l->open = false;
	COMMAND(l, TEXT("DISCARD")); /* ends the watch, too */
	link_ask(l, (struct request){ .kind = ASK_WATCH });
}

void link_greet(struct link *l)
{
	const struct config_redis *c = l->p->config;
	char text[300];
	close_transaction(l);
	unsigned before = l->n_asked;
	if (c->password) {
		if (c->user)
			COMMAND(l, TEXT("AUTH"), text_of(c->user), text_of(c->password));
		else
			COMMAND(l, TEXT("AUTH"), text_of(c->password));
		link_ask(l, (struct request){ .kind = ASK_AUTH });
	}
	if (c->db) {
		snprintf(text, sizeof(text), "%d", c->db);
		COMMAND(l, TEXT("SELECT"), text_of(text));
		link_ask(l, (struct request){ .kind = ASK_SELECT });
	}
	snprintf(text, sizeof(text), "glint-%s", l->p->instance);
	for (char *s = text; *s; s++)
		if (*s < '!' || *s > '~')
			*s = '_';
	COMMAND(l, TEXT("CLIENT"), TEXT("SETNAME"), text_of(text));
	link_ask(l, (struct request){ .kind = ASK_NAME });
	snprintf(text, sizeof(text), "%s:meta", l->p->prefix);
	COMMAND(l, TEXT("WATCH"), text_of(text));
	link_ask(l, (struct request){ .kind = ASK_RIGHT });
	for (int i = 0; i < 2; i++) {
		COMMAND(l, TEXT("MULTI"));
		link_ask(l, (struct request){ .kind = ASK_RIGHT });
		COMMAND(l, i ? TEXT("DISCARD") : TEXT("EXEC"));
		link_ask(l, (struct request){ .kind = ASK_RIGHT });
	}
	for (unsigned i = 0; i < REDIS_SCRIPTS; i++) {
		COMMAND(l, TEXT("SCRIPT"), TEXT("LOAD"), text_of(redis_scripts[i]));
		link_ask(l, (struct request){ .kind = ASK_LOAD, .index = i });
	}
	l->greetings = l->n_asked - before;
	l->scripts_lost = false;
}

void link_beat(struct link *l)
{
	char key[512], ttl[16];
	close_transaction(l);
	snprintf(key, sizeof(key), "%s:heartbeat:%s", l->p->prefix, l->p->instance);
	snprintf(ttl, sizeof(ttl), "%d", HEARTBEAT_TTL_S);
	pthread_mutex_lock(&l->p->mutex);
	COMMAND(l, TEXT("SET"), text_of(key), ((struct text){ (char *)l->p->heartbeat.data, (uint32_t)l->p->heartbeat.size }),
		TEXT("EX"), text_of(ttl));
	pthread_mutex_unlock(&l->p->mutex);
	link_ask(l, (struct request){ .kind = ASK_BEAT });
	snprintf(key, sizeof(key), "%s:meta", l->p->prefix);
	COMMAND(l, TEXT("HSET"), text_of(key), TEXT("version"), text_of(l->p->version), TEXT("contract"), TEXT("1"), TEXT("run"),
		text_of(l->p->run));
	link_ask(l, (struct request){ .kind = ASK_META });
	link_watch(l, true);
	l->beat_ms = link_now_ms() + HEARTBEAT_MS;
}

void link_bye(struct link *l)
{
	char key[512];
	close_transaction(l);
	snprintf(key, sizeof(key), "%s:heartbeat:%s", l->p->prefix, l->p->instance);
	COMMAND(l, TEXT("DEL"), text_of(key));
	link_ask(l, (struct request){ .kind = ASK_BYE });
}

/* --- rounds --- */

/* Ours, or something of it waits: Redis says then whose it is. With many tasks only the latter, but once a second: a look at all of them
 * would cost more than what is written; a batch of another one then waits for a watch first. */
static bool is_watched(const struct link *l, unsigned task, bool all)
{
	if (!l->tasks[task].taken || (l->tasks[task].watched && (all || l->n_tasks <= WATCH_ALL)))
		return l->tasks[task].taken;
	for (unsigned i = 0; i < l->n_order; i++)
		if (l->slots[l->order[i]].task == task)
			return true;
	return false;
}

void link_watch(struct link *l, bool all)
{
	struct buf *out = &l->redis.out;
	unsigned n = 0;
	for (unsigned i = 0; i < l->n_tasks; i++) {
		l->tasks[i].armed = false;
		n += is_watched(l, i, all);
	}
	close_transaction(l);
	if (!n)
		return;
	redis_command(out, 1 + n);
	redis_argument(out, TEXT("WATCH"));
	for (unsigned i = 0; i < l->n_tasks; i++)
		if (is_watched(l, i, all))
			redis_task_key(out, l->p->prefix, l->tasks[i].name);
	link_ask(l, (struct request){ .kind = ASK_WATCH });
	for (unsigned i = 0; i < l->n_tasks; i++) {
		if (!is_watched(l, i, all))
			continue;
		redis_command(out, 4);
		redis_argument(out, TEXT("HMGET"));
		redis_task_key(out, l->p->prefix, l->tasks[i].name);
		redis_argument(out, TEXT("epoch"));
		redis_argument(out, TEXT("seq"));
		link_ask(l, (struct request){ .kind = ASK_CHECK, .index = i });
	}
	COMMAND(l, TEXT("MULTI"));
	link_ask(l, (struct request){ .kind = ASK_MULTI });
}

static void number(struct link *l, struct slot *s)
{
	struct task *t = &l->tasks[s->task];
	if (s->numbered)
		return;
	s->numbered = true;
	s->seq = t->seq_next;
	t->seq_next += s->batch->kind == BATCH_TAKE_OVER ? 0 : s->parts.n;
}

static void send_script(struct link *l, unsigned slot)
{
	struct slot *s = &l->slots[slot];
	const struct batch *b = s->batch;
	const enum redis_script script = b->kind == BATCH_ALERTS ? SCRIPT_ALERTS : SCRIPT_TAKE_OVER;
	close_transaction(l);
	if (b->kind == BATCH_ALERTS_RESUME) {
		char key[512];
		snprintf(key, sizeof(key), "%s:alerts", l->p->prefix);
		COMMAND(l, TEXT("XINFO"), TEXT("STREAM"), text_of(key));
	} else {
		number(l, s);
		parts_write_script(&s->parts, s->sent, b, l->p->prefix, l->sha[script], s->seq + s->sent,
			(uint64_t)OPTION_NOW(l->p->config->alerts_kept), &l->redis.out);
	}
	link_ask(l, (struct request){ .kind = ASK_SCRIPT, .index = slot });
	s->sent++;
}

/* Adds the parts of a slot that still fit; false when the transaction is full. */
static bool gather(struct link *l, unsigned slot, size_t *bytes, unsigned *commands)
{
	struct slot *s = &l->slots[slot];
	number(l, s);
	for (; s->sent < s->parts.n; s->sent++) {
		const struct part *part = &s->parts.part[s->sent];
		if (l->n_transaction && (*commands + part->n_commands > PART_COMMANDS || *bytes + part->size > PART_BYTES ||
						l->n_transaction == TRANSACTION_PARTS))
			return false;
		unsigned n = parts_write_views(&s->parts, s->sent, s->batch, l->p->prefix, s->seq + s->sent + 1, &l->redis.out);
		l->transaction[l->n_transaction++] = (struct sent_part){ slot, s->sent, n };
		*bytes += part->size;
		*commands += n;
	}
	return true;
}

/* Views and alerts of a task that is not ours, or of an epoch of it that is over, are not sent. */
static bool may_go(struct link *l, struct slot *s)
{
	const struct task *t = &l->tasks[s->task];
	const bool fenced = s->batch->kind == BATCH_VIEWS || s->batch->kind == BATCH_ALERTS;
	if (s->decided || !fenced || (t->taken && s->batch->epoch == t->epoch))
		return !s->decided;
	link_decide(l, s, t->taken && s->batch->epoch < t->epoch ? BATCH_FENCED : BATCH_WIPED);
	return false;
}

static void transaction(struct link *l, unsigned first)
{
	size_t bytes = 0;
	unsigned commands = 0;
	l->n_transaction = 0;
	l->malformed = false;
	for (unsigned i = first; i < l->n_order; i++) {
		struct slot *s = &l->slots[l->order[i]];
		if (!s->decided && s->batch->kind != BATCH_VIEWS) /* a take-over: what is behind it must not be numbered before it */
			break;
		if (may_go(l, s) && (!l->tasks[s->task].armed || !gather(l, l->order[i], &bytes, &commands)))
			break;
	}
	COMMAND(l, TEXT("EXEC"));
	l->open = false;
	link_ask(l, (struct request){ .kind = ASK_QUEUED, .n = commands + l->n_transaction });
	link_ask(l, (struct request){ .kind = ASK_EXEC });
}

void link_send(struct link *l)
{
	unsigned i = 0;
	if (!l->greeted || l->failing || l->n_asked || link_now_ms() < l->hold_until_ms)
		return;
	while (i < l->n_order && !may_go(l, &l->slots[l->order[i]]))
		i++;
	if (i == l->n_order)
		return;
	const struct slot *s = &l->slots[l->order[i]];
	const size_t before = l->redis.out.size;
	if (s->batch->kind != BATCH_VIEWS)
		send_script(l, l->order[i]);
	else if (l->open && l->tasks[s->task].armed)
		transaction(l, i);
	publisher_count(l->p, COUNT_WRITES, l->redis.out.size > before);
	link_watch(l, false);
	publisher_count(l->p, COUNT_BYTES, l->redis.out.size - before);
}
