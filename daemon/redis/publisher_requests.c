/* The publisher's requests: batches into slots, parts and heartbeats out. See publisher_link.h. */
#include <stdio.h>
#include <stdlib.h>

#include "daemon/config/config.h"
#include "daemon/face/log.h"
#include "publisher_link.h"

#define IN_FLIGHT_PARTS 16
#define IN_FLIGHT_BYTES (2 * PART_BYTES)
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

/* Gives back what is decided and awaits nothing, in order within a task. */
void link_give(struct link *l)
{
	unsigned kept = 0;
	for (unsigned i = 0; i < l->n_order; i++) {
		struct slot *s = &l->slots[l->order[i]];
		if (!s->decided || s->awaiting || slot_waits_its_turn(l, s, kept)) {
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

/* May this slot's parts go, with those before it in `order` sent already? A take-over and a resume wait for their task's earlier
 * batches, and every batch for its task's take-over: what comes behind must not be numbered before it. */
static bool slot_may_go(const struct link *l, unsigned position)
{
	const struct slot *s = &l->slots[l->order[position]];
	const bool waits = s->batch->kind == BATCH_TAKE_OVER || s->batch->kind == BATCH_ALERTS_RESUME;
	for (unsigned i = 0; i < position; i++) {
		const struct slot *earlier = &l->slots[l->order[i]];
		if (earlier->task == s->task && (waits || earlier->batch->kind == BATCH_TAKE_OVER))
			return false;
	}
	return true;
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
	l->asked[l->asked_head + l->n_asked++] = r;
}

void link_command(struct link *l, unsigned n, const struct text *arguments)
{
	redis_command(&l->redis.out, n);
	for (unsigned i = 0; i < n; i++)
		redis_argument(&l->redis.out, arguments[i]);
}

void link_greet(struct link *l)
{
	const struct config_redis *c = l->p->config;
	char text[300];
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
	for (unsigned i = 0; i < l->n_tasks; i++) {
		if (!l->tasks[i].watched)
			continue;
		snprintf(key, sizeof(key), "%s:task:%s", l->p->prefix, l->tasks[i].name);
		COMMAND(l, TEXT("HMGET"), text_of(key), TEXT("epoch"), TEXT("seq"));
		link_ask(l, (struct request){ .kind = ASK_CHECK, .index = i, .seq = l->tasks[i].seq_applied });
	}
	l->beat_asked = true;
	l->beat_ms = link_now_ms() + HEARTBEAT_MS;
}

static void send_part(struct link *l, unsigned slot)
{
	static const enum redis_script script[] = { [BATCH_VIEWS] = SCRIPT_VIEWS,
		[BATCH_ALERTS] = SCRIPT_ALERTS,
		[BATCH_TAKE_OVER] = SCRIPT_TAKE_OVER };
	struct slot *s = &l->slots[slot];
	struct task *t = &l->tasks[s->task];
	const struct batch *b = s->batch;
	const size_t before = l->redis.out.size;
	if (b->kind == BATCH_ALERTS_RESUME) {
		char key[512];
		snprintf(key, sizeof(key), "%s:alerts", l->p->prefix);
		COMMAND(l, TEXT("XINFO"), TEXT("STREAM"), text_of(key));
	} else {
		if (!s->numbered) {
			s->numbered = true;
			s->seq = t->seq_next;
			t->seq_next += b->kind == BATCH_TAKE_OVER ? 0 : s->parts.n;
		}
		parts_write(&s->parts, s->sent, b, l->p->prefix, l->sha[script[b->kind]], s->seq + s->sent,
			(uint64_t)OPTION_NOW(l->p->config->alerts_kept), &l->redis.out);
	}
	struct request r = { .kind = ASK_PART, .index = slot, .part = s->sent, .bytes = l->redis.out.size - before };
	link_ask(l, r);
	s->sent++;
	s->awaiting++;
	l->parts_asked++;
	l->bytes_asked += r.bytes;
	publisher_count(l->p, COUNT_SCRIPTS, 1);
	publisher_count(l->p, COUNT_BYTES, r.bytes);
}

void link_send(struct link *l)
{
	if (!l->greeted || l->failing || link_now_ms() < l->hold_until_ms)
		return;
	for (unsigned i = 0; i < l->n_order; i++) {
		struct slot *s = &l->slots[l->order[i]];
		if (s->decided)
			continue;
		if (s->sent == s->parts.n && s->sent)
			continue;
		if (!slot_may_go(l, i))
			return;
		if (!l->tasks[s->task].taken && (s->batch->kind == BATCH_VIEWS || s->batch->kind == BATCH_ALERTS)) {
			link_decide(l, s, BATCH_WIPED);
			continue;
		}
		while (s->sent < s->parts.n) {
			if (l->parts_asked >= IN_FLIGHT_PARTS ||
				(l->parts_asked && l->bytes_asked + s->parts.part[s->sent].size > IN_FLIGHT_BYTES))
				return;
			send_part(l, l->order[i]);
		}
	}
}
