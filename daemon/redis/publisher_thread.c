/* The publisher's thread: connects, greets, sends parts of batches ahead of their answers, and sorts the answers.
 *
 * Requests are answered in the order sent. Batches are sent in the order taken, up to IN_FLIGHT_* ahead. When a part is not
 * applied (an error that passes, a forgotten script), nothing more is sent until every answer is in; parts behind it in its task
 * were refused by their seq (GAP), and everything not applied is sent again from the oldest on, after a pause. The same happens on
 * a new connection. Only this file logs: cause "redis" for the connection and what holds all back, "redis.refused" for commands.
 */
#include <errno.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/config/config.h"
#include "daemon/face/health.h"
#include "daemon/face/log.h"
#include "publisher_internal.h"
#include "redis_batch.h"
#include "redis_connection.h"
#include "redis_scripts.h"

#define IN_FLIGHT_PARTS 16
#define IN_FLIGHT_BYTES (2 * PART_BYTES)
#define HEARTBEAT_MS 1000
#define HEARTBEAT_TTL_S 5
#define PAUSE_MIN_MS 50
#define PAUSE_MAX_MS 5000

enum request_kind {
	ASK_AUTH,
	ASK_SELECT,
	ASK_NAME,
	ASK_LOAD,  /* index: script */
	ASK_PART,  /* index: slot */
	ASK_BEAT,  /* the heartbeat: says whether Redis takes writes */
	ASK_META,
	ASK_CHECK, /* index: task */
	ASK_BYE,
};

struct request {
	enum request_kind kind;
	unsigned index, part;
	uint64_t seq; /* CHECK: what the task hash must have at least */
	size_t bytes;
	int64_t sent_ms;
};

struct task {
	char name[16];
	uint64_t epoch, seq_next, seq_applied;
	bool taken;   /* taken over, and not found fenced or wiped since */
	bool watched; /* heartbeats check it */
};

struct slot {
	struct batch *batch; /* NULL: free */
	struct parts parts;
	unsigned task;
	unsigned sent, applied; /* parts; in between: awaiting their answer */
	unsigned awaiting;      /* answers */
	uint64_t seq;           /* of part 0 */
	bool numbered;          /* seq is set */
	bool decided;           /* fenced, wiped or done: given back when nothing is awaited */
};

struct link {
	struct publisher *p;
	struct redis_connection redis;
	char sha[REDIS_SCRIPTS][41];
	struct request *asked; /* awaiting an answer, in order */
	unsigned asked_head, n_asked, asked_capacity;
	unsigned parts_asked;
	size_t bytes_asked;
	unsigned greetings; /* of n_asked, before batches may go */
	bool greeted;
	bool beat_asked;
	bool failing;    /* a part was not applied: let the answers come in, pause, and send again */
	bool scripts_lost;
	bool troubled;   /* an error holds everything back; over with the next part applied or, with none waiting, heartbeat */
	bool said_goodbye, gone;
	int64_t hold_until_ms, answered_ms, beat_ms;
	int64_t pause_ms;
	uint64_t random;
	struct task *tasks;
	unsigned n_tasks, tasks_capacity;
	struct slot slots[PUBLISHER_QUEUE];
	unsigned order[PUBLISHER_QUEUE], n_order; /* slots in use, oldest first */
	/* copies of what is under the mutex */
	bool stop, abandoned;
	int64_t stop_at_ms;
};

static int64_t now_ms(void)
{
	return publisher_now_us() / 1000;
}

static void set_ready(struct link *l, bool ready, const char *why)
{
	atomic_store_explicit(&l->p->connected, l->greeted, memory_order_relaxed);
	if (l->p->health && !l->abandoned)
		health_set(l->p->health, HEALTH_REDIS, ready, why);
}

/* --- tasks --- */

static unsigned task_find(struct link *l, const char *name)
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

static void slot_take(struct link *l, struct batch *b)
{
	unsigned i = 0;
	while (l->slots[i].batch)
		i++;
	struct slot *s = &l->slots[i];
	struct parts parts = s->parts;
	*s = (struct slot){ .batch = b, .parts = parts };
	b->task[sizeof(b->task) - 1] = 0;
	b->result = BATCH_DONE;
	s->task = task_find(l, b->task);
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
static void slots_give(struct link *l)
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

static void slot_decide(struct link *l, struct slot *s, enum batch_status result)
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
	for (unsigned i = 0; i < position; i++) {
		const struct slot *earlier = &l->slots[l->order[i]];
		if (earlier->task == s->task && (s->batch->kind == BATCH_TAKE_OVER || s->batch->kind == BATCH_ALERTS_RESUME ||
						 earlier->batch->kind == BATCH_TAKE_OVER))
			return false;
	}
	return true;
}

/* --- requests --- */

static void ask(struct link *l, struct request r)
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
	r.sent_ms = now_ms();
	l->asked[l->asked_head + l->n_asked++] = r;
}

static void command(struct link *l, unsigned n, const struct text *arguments)
{
	redis_command(&l->redis.out, n);
	for (unsigned i = 0; i < n; i++)
		redis_argument(&l->redis.out, arguments[i]);
}
#define COMMAND(l, ...) \
	command(l, sizeof((struct text[]){ __VA_ARGS__ }) / sizeof(struct text), (struct text[]){ __VA_ARGS__ })

static void greet(struct link *l)
{
	const struct config_redis *c = l->p->config;
	char text[300];
	unsigned before = l->n_asked;
	if (c->password) {
		if (c->user)
			COMMAND(l, TEXT("AUTH"), text_of(c->user), text_of(c->password));
		else
			COMMAND(l, TEXT("AUTH"), text_of(c->password));
		ask(l, (struct request){ .kind = ASK_AUTH });
	}
	if (c->db) {
		snprintf(text, sizeof(text), "%d", c->db);
		COMMAND(l, TEXT("SELECT"), text_of(text));
		ask(l, (struct request){ .kind = ASK_SELECT });
	}
	snprintf(text, sizeof(text), "glint-%s", l->p->instance);
	for (char *s = text; *s; s++)
		if (*s < '!' || *s > '~')
			*s = '_';
	COMMAND(l, TEXT("CLIENT"), TEXT("SETNAME"), text_of(text));
	ask(l, (struct request){ .kind = ASK_NAME });
	for (unsigned i = 0; i < REDIS_SCRIPTS; i++) {
		COMMAND(l, TEXT("SCRIPT"), TEXT("LOAD"), text_of(redis_scripts[i]));
		ask(l, (struct request){ .kind = ASK_LOAD, .index = i });
	}
	l->greetings = l->n_asked - before;
	l->scripts_lost = false;
}

static void beat(struct link *l)
{
	char key[512], ttl[16];
	snprintf(key, sizeof(key), "%s:heartbeat:%s", l->p->prefix, l->p->instance);
	snprintf(ttl, sizeof(ttl), "%d", HEARTBEAT_TTL_S);
	pthread_mutex_lock(&l->p->mutex);
	COMMAND(l, TEXT("SET"), text_of(key), ((struct text){ (char *)l->p->heartbeat.data, (uint32_t)l->p->heartbeat.size }),
		TEXT("EX"), text_of(ttl));
	pthread_mutex_unlock(&l->p->mutex);
	ask(l, (struct request){ .kind = ASK_BEAT });
	snprintf(key, sizeof(key), "%s:meta", l->p->prefix);
	COMMAND(l, TEXT("HSET"), text_of(key), TEXT("version"), text_of(l->p->version), TEXT("contract"), TEXT("1"), TEXT("run"),
		text_of(l->p->run));
	ask(l, (struct request){ .kind = ASK_META });
	for (unsigned i = 0; i < l->n_tasks; i++) {
		if (!l->tasks[i].watched)
			continue;
		snprintf(key, sizeof(key), "%s:task:%s", l->p->prefix, l->tasks[i].name);
		COMMAND(l, TEXT("HMGET"), text_of(key), TEXT("epoch"), TEXT("seq"));
		ask(l, (struct request){ .kind = ASK_CHECK, .index = i, .seq = l->tasks[i].seq_applied });
	}
	l->beat_asked = true;
	l->beat_ms = now_ms() + HEARTBEAT_MS;
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
			    (uint64_t)l->p->config->alerts_kept, &l->redis.out);
	}
	struct request r = { .kind = ASK_PART, .index = slot, .part = s->sent, .bytes = l->redis.out.size - before };
	ask(l, r);
	s->sent++;
	s->awaiting++;
	l->parts_asked++;
	l->bytes_asked += r.bytes;
	publisher_count(l->p, COUNT_SCRIPTS, 1);
	publisher_count(l->p, COUNT_BYTES, r.bytes);
}

static void send_batches(struct link *l)
{
	if (!l->greeted || l->failing || now_ms() < l->hold_until_ms)
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
			slot_decide(l, s, BATCH_WIPED);
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

/* --- trouble --- */

/* Waits before the next try: doubling, with jitter, at once the longest for what only the operator can end. */
static void pause_for(struct link *l, bool long_pause)
{
	l->random ^= l->random << 13;
	l->random ^= l->random >> 7;
	l->random ^= l->random << 17;
	l->pause_ms = long_pause ? PAUSE_MAX_MS : l->pause_ms ? l->pause_ms * 2 : PAUSE_MIN_MS;
	if (l->pause_ms > PAUSE_MAX_MS)
		l->pause_ms = PAUSE_MAX_MS;
	l->hold_until_ms = now_ms() + l->pause_ms / 2 + (int64_t)(l->random % (uint64_t)(l->pause_ms / 2 + 1));
}

static void unsend(struct link *l)
{
	for (unsigned i = 0; i < l->n_order; i++)
		l->slots[l->order[i]].sent = l->slots[l->order[i]].applied;
	l->failing = false;
}

static void disconnect(struct link *l)
{
	redis_connection_close(&l->redis);
	for (unsigned i = 0; i < l->n_order; i++)
		l->slots[l->order[i]].awaiting = 0;
	unsend(l);
	l->asked_head = l->n_asked = l->parts_asked = l->greetings = 0;
	l->bytes_asked = 0;
	l->greeted = l->beat_asked = false;
}

/* What to do about an error that is not one command's own. text: for people. */
static void trouble(struct link *l, enum redis_class class, struct text text)
{
	char why[HEALTH_WHY_BYTES];
	if (class == REDIS_NOSCRIPT) {
		l->failing = l->scripts_lost = true;
		return;
	}
	if (class == REDIS_REFUSED)
		class = REDIS_STOP;
	l->troubled = true;
	publisher_count(l->p, COUNT_RETRY + (enum publisher_counter)class, 1);
	snprintf(why, sizeof(why), "%.*s", (int)text.size, text.data);
	if (class == REDIS_STOP)
		log_error("redis", "%s refuses us: %s; nothing is written until this is put right (tried every few seconds)",
			  l->p->config->where, why);
	else
		log_warn("redis", "%s: %s; trying again", l->p->config->where, why);
	if (class != REDIS_RETRY) {
		disconnect(l);
		pause_for(l, class == REDIS_STOP);
	} else {
		l->failing = true;
	}
	set_ready(l, false, why);
}

static void lost_connection(struct link *l, const char *what)
{
	trouble(l, REDIS_RECONNECT, text_of(what));
}

/* Redis took something. */
static void fine(struct link *l)
{
	atomic_store_explicit(&l->p->last_ok_ms, now_ms(), memory_order_relaxed);
	if (l->failing)
		return;
	l->pause_ms = 0;
	if (l->troubled) {
		l->troubled = false;
		log_over("redis", "%s takes writes again", l->p->config->where);
	}
	set_ready(l, true, NULL);
}

/* --- answers --- */

static uint64_t number(const redisReply *r)
{
	return r->type == REDIS_REPLY_INTEGER ? (uint64_t)r->integer : r->type == REDIS_REPLY_STRING ? strtoull(r->str, NULL, 10) : 0;
}

static void answer_resume(struct link *l, struct slot *s, const redisReply *r)
{
	const char *id = "0";
	if (r->type == REDIS_REPLY_ERROR && !strstr(r->str, "no such key")) {
		trouble(l, redis_classify(r->str), redis_error_text(r->str));
		return;
	}
	if (r->type == REDIS_REPLY_ARRAY)
		for (size_t i = 0; i + 1 < r->elements; i += 2)
			if (r->element[i]->type == REDIS_REPLY_STRING && !strcmp(r->element[i]->str, "last-generated-id") &&
			    r->element[i + 1]->type == REDIS_REPLY_STRING)
				id = r->element[i + 1]->str;
	buf_clear(&s->batch->reply);
	buf_bytes(&s->batch->reply, id, strcspn(id, "-"));
	s->applied = 1;
	slot_decide(l, s, BATCH_DONE);
	fine(l);
}

static void part_applied(struct link *l, struct slot *s, unsigned part, const redisReply *r)
{
	struct task *t = &l->tasks[s->task];
	struct batch *b = s->batch;
	if (part != s->applied)
		return;
	s->applied++;
	if (b->kind == BATCH_TAKE_OVER) {
		t->epoch = b->epoch;
		t->seq_applied = s->seq;
		t->taken = t->watched = true;
		buf_clear(&b->reply);
		buf_bytes(&b->reply, r->element[2]->str, r->element[2]->len);
	} else {
		uint32_t refused = (uint32_t)number(r->element[1]);
		t->seq_applied = s->seq + part + 1;
		b->n_refused += refused;
		publisher_count(l->p, COUNT_COMMANDS, s->parts.part[part].n_commands);
		publisher_count(l->p, COUNT_REFUSED, refused);
		if (refused) {
			struct text e = redis_error_text(r->element[2]->str);
			log_warn("redis.refused", "%s refused %u commands of task %s: %.*s", l->p->config->where, refused, b->task,
				 (int)e.size, e.data);
		}
	}
	if (s->applied == s->parts.n)
		slot_decide(l, s, BATCH_DONE);
	fine(l);
}

static void answer_part(struct link *l, const struct request *q, const redisReply *r)
{
	struct slot *s = &l->slots[q->index];
	s->awaiting--;
	l->parts_asked--;
	l->bytes_asked -= q->bytes;
	if (s->decided)
		return;
	if (s->batch->kind == BATCH_ALERTS_RESUME) {
		answer_resume(l, s, r);
		return;
	}
	if (r->type == REDIS_REPLY_ERROR) {
		trouble(l, redis_classify(r->str), redis_error_text(r->str));
		return;
	}
	if (r->type != REDIS_REPLY_ARRAY || r->elements != 3 || r->element[2]->type != REDIS_REPLY_STRING) {
		lost_connection(l, "an answer that no script of ours gives");
		return;
	}
	switch (number(r->element[0])) {
	case SCRIPT_DONE:
		part_applied(l, s, q->part, r);
		break;
	case SCRIPT_FENCED:
		slot_decide(l, s, BATCH_FENCED);
		break;
	case SCRIPT_WIPED:
		slot_decide(l, s, BATCH_WIPED);
		break;
	case SCRIPT_GAP: /* the one before it failed, or Redis lost it */
		if (!l->failing)
			slot_decide(l, s, BATCH_WIPED);
		break;
	default:
		trouble(l, redis_classify(r->element[2]->str), redis_error_text(r->element[2]->str));
	}
}

static void answer_check(struct link *l, const struct request *q, const redisReply *r)
{
	struct task *t = &l->tasks[q->index];
	if (r->type != REDIS_REPLY_ARRAY || r->elements != 2 || !t->watched || q->seq > t->seq_applied)
		return;
	uint64_t epoch = number(r->element[0]), seq = number(r->element[1]);
	enum batch_status is = epoch > t->epoch ? BATCH_FENCED : epoch < t->epoch || seq < q->seq ? BATCH_WIPED : BATCH_DONE;
	if (is == BATCH_DONE)
		return;
	t->taken = t->watched = false;
	publisher_tell_lost(l->p, t->name, is);
}

static void answer_greeting(struct link *l, const struct request *q, const redisReply *r)
{
	l->greetings--;
	if (r->type == REDIS_REPLY_ERROR && q->kind != ASK_NAME) {
		enum redis_class class = redis_classify(r->str);
		trouble(l, class == REDIS_NOSCRIPT ? REDIS_STOP : class, redis_error_text(r->str));
		return;
	}
	if (q->kind == ASK_LOAD && r->type == REDIS_REPLY_STRING && r->len == 40)
		memcpy(l->sha[q->index], r->str, 41);
	if (l->greetings || l->failing || l->greeted)
		return;
	l->greeted = true;
	publisher_count(l->p, COUNT_CONNECTS, 1);
	l->beat_ms = now_ms();
}

static void answer(struct link *l, const struct request *q, const redisReply *r)
{
	switch (q->kind) {
	case ASK_AUTH:
	case ASK_SELECT:
	case ASK_NAME:
	case ASK_LOAD:
		answer_greeting(l, q, r);
		break;
	case ASK_PART:
		answer_part(l, q, r);
		break;
	case ASK_BEAT:
		l->beat_asked = false;
		if (r->type == REDIS_REPLY_ERROR)
			trouble(l, redis_classify(r->str), redis_error_text(r->str));
		else if (!l->troubled || !l->n_order)
			fine(l);
		break;
	case ASK_META:
		break;
	case ASK_CHECK:
		answer_check(l, q, r);
		break;
	case ASK_BYE:
		l->gone = true;
		break;
	}
}

static void read_answers(struct link *l)
{
	redisReply *r;
	int n = redis_connection_read(&l->redis);
	if (n) {
		lost_connection(l, n == -EPIPE ? "the server closed the connection" : strerror(-n));
		return;
	}
	while (l->redis.context && (n = redis_connection_reply(&l->redis, &r)) > 0) {
		l->answered_ms = now_ms();
		if (!l->n_asked) {
			bool error = r->type == REDIS_REPLY_ERROR;
			lost_connection(l, error ? r->str : "an answer that nobody asked for");
			freeReplyObject(r);
			return;
		}
		struct request q = l->asked[l->asked_head++];
		if (!--l->n_asked)
			l->asked_head = 0;
		answer(l, &q, r);
		freeReplyObject(r);
	}
	if (l->redis.context && n < 0)
		lost_connection(l, "a reply that is not in Redis' protocol");
}

/* --- the round --- */

static void connect_now(struct link *l)
{
	char error[200];
	int r = redis_connection_open(&l->redis, l->p->config, error, sizeof(error));
	pthread_mutex_lock(&l->p->mutex);
	l->abandoned = l->p->abandoned;
	pthread_mutex_unlock(&l->p->mutex);
	if (l->abandoned)
		return;
	if (r)
		lost_connection(l, error);
	else
		greet(l);
}

/* All answers are in after a failure: pause, and send again what was not applied. */
static void recover(struct link *l)
{
	if (!l->redis.context || l->n_asked)
		return;
	if (l->failing) {
		unsend(l);
		pause_for(l, false);
		if (l->scripts_lost && l->pause_ms == PAUSE_MIN_MS)
			l->hold_until_ms = 0; /* the first time at once */
	}
	if ((l->scripts_lost || !l->greeted) && now_ms() >= l->hold_until_ms)
		greet(l);
}

static void take(struct link *l)
{
	struct publisher *p = l->p;
	pthread_mutex_lock(&p->mutex);
	l->stop = p->stop;
	l->abandoned = p->abandoned;
	l->stop_at_ms = p->stop_at_ms;
	for (unsigned i = 0; i < p->n_forgotten; i++)
		l->tasks[task_find(l, p->forgotten[i])].watched = false;
	p->n_forgotten = 0;
	struct batch *taken[PUBLISHER_QUEUE];
	unsigned n = 0;
	while (p->submitted.n && l->n_order + n < PUBLISHER_QUEUE) {
		taken[n++] = p->submitted.at[p->submitted.head];
		p->submitted.head = (p->submitted.head + 1) % PUBLISHER_QUEUE;
		p->submitted.n--;
	}
	pthread_mutex_unlock(&p->mutex);
	for (unsigned i = 0; i < n; i++)
		slot_take(l, taken[i]);
}

/* True when the thread is to end. */
static bool stopping(struct link *l)
{
	if (!l->stop)
		return false;
	if (l->abandoned || l->gone || now_ms() >= l->stop_at_ms)
		return true;
	if (l->n_order || l->said_goodbye)
		return l->said_goodbye && !l->redis.context;
	if (!l->greeted)
		return true;
	char key[512];
	snprintf(key, sizeof(key), "%s:heartbeat:%s", l->p->prefix, l->p->instance);
	COMMAND(l, TEXT("DEL"), text_of(key));
	ask(l, (struct request){ .kind = ASK_BYE });
	l->said_goodbye = true;
	return false;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* When an answer has been awaited for too long: since it was asked for, or since the last one came. */
static int64_t answer_limit_ms(const struct link *l)
{
	int64_t since = l->asked[l->asked_head].sent_ms;
	return (since > l->answered_ms ? since : l->answered_ms) + l->p->config->timeout_ms;
}

static void wait_for_something(struct link *l)
{
	const int64_t now = now_ms();
	int64_t until = now + 60000;
	struct pollfd fds[2] = { { .fd = l->p->wake_fd, .events = POLLIN } };
	uint64_t count;

	if (l->redis.context) {
		fds[1] = (struct pollfd){ redis_connection_fd(&l->redis),
					  redis_connection_unsent(&l->redis) ? POLLIN | POLLOUT : POLLIN, 0 };
		if (l->n_asked)
			until = earlier(until, answer_limit_ms(l));
		if (l->greeted && !l->beat_asked)
			until = earlier(until, l->beat_ms);
	}
	if (l->hold_until_ms > now || !l->redis.context)
		until = earlier(until, l->hold_until_ms);
	if (l->stop)
		until = earlier(until, l->stop_at_ms);
	if (poll(fds, l->redis.context ? 2 : 1, until > now ? (int)(until - now) : 0) < 0)
		return;
	if (fds[0].revents && read(l->p->wake_fd, &count, sizeof(count)) < 0)
		fds[0].revents = 0;
	if (l->redis.context && fds[1].revents & (POLLIN | POLLHUP | POLLERR))
		read_answers(l);
	if (l->redis.context && l->n_asked && now_ms() >= answer_limit_ms(l)) {
		publisher_count(l->p, COUNT_TIMEOUTS, 1);
		lost_connection(l, "no answer in time");
	}
}

void *publisher_thread(void *publisher)
{
	struct link link = { .p = publisher }, *l = &link;
	l->random = ((uint64_t)publisher_now_us() * 2654435761u ^ (uint64_t)getpid() << 40) | 1;
	for (;;) {
		take(l);
		if (stopping(l))
			break;
		if (!l->redis.context && now_ms() >= l->hold_until_ms)
			connect_now(l);
		if (l->abandoned)
			break;
		recover(l);
		send_batches(l);
		if (l->redis.context && l->greeted && !l->beat_asked && !l->said_goodbye && now_ms() >= l->beat_ms)
			beat(l);
		slots_give(l);
		int r = l->redis.context ? redis_connection_flush(&l->redis) : 0;
		if (r)
			lost_connection(l, strerror(-r));
		wait_for_something(l);
	}

	struct publisher *p = l->p;
	redis_connection_done(&l->redis);
	for (unsigned i = 0; i < l->n_order; i++)
		batch_destroy(l->slots[l->order[i]].batch);
	for (unsigned i = 0; i < PUBLISHER_QUEUE; i++)
		parts_done(&l->slots[i].parts);
	free(l->asked);
	free(l->tasks);
	pthread_mutex_lock(&p->mutex);
	bool abandoned = p->abandoned;
	p->ended = true;
	pthread_cond_signal(&p->end);
	pthread_mutex_unlock(&p->mutex);
	if (abandoned)
		publisher_free(p);
	return NULL;
}
