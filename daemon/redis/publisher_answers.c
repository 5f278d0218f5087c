/* The publisher's answers: what came of each request, and what an error asks for. See publisher_link.h.
 *
 * Logs, as publisher_requests.c does: cause "redis" for the connection and what holds all back, "redis.refused" for commands.
 */
#include <errno.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/config/config.h"
#include "daemon/face/health.h"
#include "daemon/face/log.h"
#include "publisher_link.h"

#define PAUSE_MAX_MS 5000

static void set_ready(struct link *l, bool ready, const char *why)
{
	atomic_store_explicit(&l->p->connected, l->greeted, memory_order_relaxed);
	if (l->p->health && !l->abandoned)
		health_set(l->p->health, HEALTH_REDIS, ready, why);
}

/* --- trouble --- */

/* Waits before the next try: doubling, with jitter, at once the longest for what only the operator can end. */
void link_pause(struct link *l, bool long_pause)
{
	l->random ^= l->random << 13;
	l->random ^= l->random >> 7;
	l->random ^= l->random << 17;
	l->pause_ms = long_pause ? PAUSE_MAX_MS : l->pause_ms ? l->pause_ms * 2
							      : PAUSE_MIN_MS;
	if (l->pause_ms > PAUSE_MAX_MS)
		l->pause_ms = PAUSE_MAX_MS;
	l->hold_until_ms = link_now_ms() + l->pause_ms / 2 + (int64_t)(l->random % (uint64_t)(l->pause_ms / 2 + 1));
}

void link_unsend(struct link *l)
{
	for (unsigned i = 0; i < l->n_order; i++)
		l->slots[l->order[i]].sent = l->slots[l->order[i]].applied;
	l->failing = false;
}

static void disconnect(struct link *l)
{
	redis_connection_close(&l->redis);
	for (unsigned i = 0; i < l->n_tasks; i++)
		l->tasks[i].armed = false;
	link_unsend(l);
	l->asked_head = l->n_asked = l->greetings = 0;
	l->greeted = l->open = false;
}

/* What to do about an error that is not one command's own. text: for people. */
void link_trouble(struct link *l, enum redis_class class, struct text text)
{
	char why[HEALTH_WHY_BYTES];
	if (class == REDIS_NOSCRIPT) {
		l->failing = l->scripts_lost = true;
		return;
	}
	if (class == REDIS_REFUSED)
		class = REDIS_STOP;
	l->troubled = true;
	publisher_count(l->p, COUNT_RETRY + (enum publisher_counter) class, 1);
	snprintf(why, sizeof(why), "%.*s", (int)text.size, text.data);
	if (class == REDIS_STOP)
		log_error("redis", "%s refuses us: %s; nothing is written until this is put right (tried every few seconds)",
			l->p->config->where, why);
	else
		log_warn("redis", "%s: %s; trying again", l->p->config->where, why);
	if (class != REDIS_RETRY) {
		disconnect(l);
		link_pause(l, class == REDIS_STOP);
	} else {
		l->failing = true;
	}
	set_ready(l, false, why);
}

void link_lost(struct link *l, const char *what)
{
	link_trouble(l, REDIS_RECONNECT, text_of(what));
}

/* Redis took something. */
static void link_fine(struct link *l)
{
	atomic_store_explicit(&l->p->last_ok_ms, link_now_ms(), memory_order_relaxed);
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
	return r->type == REDIS_REPLY_INTEGER ? (uint64_t)r->integer : r->type == REDIS_REPLY_STRING ? strtoull(r->str, NULL, 10)
												     : 0;
}

static void answer_resume(struct link *l, struct slot *s, const redisReply *r)
{
	const char *id = "0";
	if (r->type == REDIS_REPLY_ERROR && !strstr(r->str, "no such key")) {
		link_trouble(l, redis_classify(r->str), redis_error_text(r->str));
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
	link_decide(l, s, BATCH_DONE);
	link_fine(l);
}

/* A part is in Redis, with so many of its commands refused (why: the first one's error; NULL allowed). */
static void part_applied(struct link *l, struct slot *s, uint64_t n_refused, const char *why)
{
	struct batch *b = s->batch;
	const struct part *part = &s->parts.part[s->applied++];
	const uint32_t refused = part->left_out ? part->n_commands : (uint32_t)n_refused;
	l->tasks[s->task].seq_applied = s->seq + s->applied;
	b->n_refused += refused;
	publisher_count(l->p, COUNT_COMMANDS, part->n_commands);
	publisher_count(l->p, COUNT_REFUSED, refused);
	if (n_refused && why) {
		struct text e = redis_error_text(why);
		log_warn("redis.refused", "%s refused %u commands of task %s: %.*s", l->p->config->where, refused, b->task, (int)e.size, e.data);
	}
	if (s->applied == s->parts.n)
		link_decide(l, s, BATCH_DONE);
	link_fine(l);
}

static void taken_over(struct link *l, struct slot *s, const redisReply *shown)
{
	struct task *t = &l->tasks[s->task];
	t->epoch = s->batch->epoch;
	t->seq_applied = s->seq;
	t->taken = t->watched = true;
	buf_clear(&s->batch->reply);
	buf_bytes(&s->batch->reply, shown->str, shown->len);
	s->applied = 1;
	link_decide(l, s, BATCH_DONE);
	link_fine(l);
}

static void answer_script(struct link *l, const struct request *q, const redisReply *r)
{
	struct slot *s = &l->slots[q->index];
	if (s->decided)
		return;
	if (s->batch->kind == BATCH_ALERTS_RESUME) {
		answer_resume(l, s, r);
		return;
	}
	if (r->type == REDIS_REPLY_ERROR) {
		link_trouble(l, redis_classify(r->str), redis_error_text(r->str));
		return;
	}
	if (r->type != REDIS_REPLY_ARRAY || r->elements != 3 || r->element[2]->type != REDIS_REPLY_STRING) {
		link_lost(l, "an answer that no script of ours gives");
		return;
	}
	switch (number(r->element[0])) {
	case SCRIPT_DONE:
		if (s->batch->kind == BATCH_TAKE_OVER)
			taken_over(l, s, r->element[2]);
		else
			part_applied(l, s, number(r->element[1]), r->element[2]->str);
		break;
	case SCRIPT_FENCED:
		link_decide(l, s, BATCH_FENCED);
		break;
	case SCRIPT_WIPED:
	case SCRIPT_GAP: /* Redis lost the one before it */
		link_decide(l, s, BATCH_WIPED);
		break;
	default:
		link_trouble(l, redis_classify(r->element[2]->str), redis_error_text(r->element[2]->str));
	}
	s->sent = s->applied;
}

/* at: which command of the transaction, from 0. */
static void answer_queued(struct link *l, unsigned at, const redisReply *r)
{
	if (r->type != REDIS_REPLY_ERROR || l->failing)
		return;
	enum redis_class class = redis_classify(r->str);
	unsigned i = 0, end = 0; /* behind the part's commands */
	while (at >= (end += l->transaction[i].commands + 1))
		i++;
	if (class != REDIS_REFUSED || at + 1 == end) {
		link_trouble(l, class, redis_error_text(r->str));
		return;
	}
	struct slot *s = &l->slots[l->transaction[i].slot];
	struct text e = redis_error_text(r->str);
	log_warn("redis.refused", "%s does not know the form of a command of task %s: %.*s; the %u commands that go with it are left out",
		l->p->config->where, s->batch->task, (int)e.size, e.data, l->transaction[i].commands);
	s->parts.part[l->transaction[i].part].left_out = true;
	l->malformed = true;
}

/* The answers to one part's commands. An entry that its stream has already (a campaign's minute, written again after a restart) is there: no
 * refusal. What is wrong with our rights came up between MULTI and EXEC: the task is written anew. */
static void answer_part(struct link *l, struct slot *s, redisReply *const *answers, unsigned n)
{
	const char *why = NULL;
	unsigned refused = 0;
	for (unsigned i = 0; i <= n; i++) {
		if (answers[i]->type != REDIS_REPLY_ERROR || strstr(answers[i]->str, "equal or smaller"))
			continue;
		if (i == n || redis_classify(answers[i]->str) != REDIS_REFUSED) {
			log_warn("redis.refused", "%s refused a command of task %s within a transaction: %s", l->p->config->where, s->batch->task,
				answers[i]->str);
			link_decide(l, s, BATCH_WIPED);
			return;
		}
		why = why ? why : answers[i]->str;
		refused++;
	}
	part_applied(l, s, refused, why);
}

static void answer_exec(struct link *l, const redisReply *r)
{
	static const char aborted[] = "EXECABORT Transaction discarded because of: ";
	size_t at = 0;
	for (unsigned i = 0; i < l->n_transaction; i++)
		at += l->transaction[i].commands + 1;
	if (r->type == REDIS_REPLY_ARRAY && r->elements == at) {
		at = 0;
		for (unsigned i = 0; i < l->n_transaction; i++) {
			struct slot *s = &l->slots[l->transaction[i].slot];
			if (!s->decided)
				answer_part(l, s, r->element + at, l->transaction[i].commands);
			at += l->transaction[i].commands + 1;
		}
	} else if (r->type == REDIS_REPLY_ERROR && strncmp(r->str, "EXECABORT ", 10)) { /* servers before 6.2: the transaction may still be open */
		enum redis_class class = redis_classify(r->str);
		link_trouble(l, class == REDIS_STOP ? class : REDIS_RECONNECT, redis_error_text(r->str));
	} else if (r->type == REDIS_REPLY_ERROR && !l->failing && !l->malformed) {
		const char *why = strncmp(r->str, aborted, sizeof(aborted) - 1) ? r->str : r->str + sizeof(aborted) - 1;
		link_trouble(l, redis_classify(why), redis_error_text(why));
	} else if (r->type != REDIS_REPLY_ERROR && r->type != REDIS_REPLY_NIL) {
		link_lost(l, "an answer that is not the transaction's");
	}
	if (!l->failing) /* what was not applied: the watch says why */
		link_unsend(l);
}

/* What is in Redis for a task: ours and as it should be, or no more. Parts whose answer was lost are found applied. */
static void answer_check(struct link *l, const struct request *q, const redisReply *r)
{
	struct task *t = &l->tasks[q->index];
	bool told = false;
	if (l->failing || !t->taken)
		return;
	bool wrong = r->type == REDIS_REPLY_ERROR && redis_classify(r->str) == REDIS_REFUSED; /* no hash: taking over will say so */
	if (!wrong && (r->type != REDIS_REPLY_ARRAY || r->elements != 2)) {
		if (r->type == REDIS_REPLY_ERROR)
			link_trouble(l, redis_classify(r->str), redis_error_text(r->str));
		else
			link_lost(l, "an answer that is not HMGET's");
		return;
	}
	const uint64_t epoch = wrong ? 0 : number(r->element[0]), seq = wrong ? 0 : number(r->element[1]);
	if (epoch == t->epoch && seq >= t->seq_applied && seq <= t->seq_next) {
		for (unsigned i = 0; i < l->n_order; i++) {
			struct slot *s = &l->slots[l->order[i]];
			while (s->task == q->index && s->numbered && !s->decided && s->batch->kind != BATCH_TAKE_OVER && s->seq + s->applied < seq)
				part_applied(l, s, 0, NULL);
			s->sent = s->applied;
		}
		t->armed = seq == t->seq_applied;
		return;
	}
	enum batch_status is = epoch > t->epoch ? BATCH_FENCED : BATCH_WIPED;
	for (unsigned i = 0; i < l->n_order; i++) {
		struct slot *s = &l->slots[l->order[i]];
		if (s->task != q->index || s->decided || s->batch->epoch != t->epoch || (s->batch->kind != BATCH_VIEWS && s->batch->kind != BATCH_ALERTS))
			continue;
		link_decide(l, s, is);
		told = true;
	}
	if (!told && t->watched)
		publisher_tell_lost(l->p, t->name, is);
	t->taken = t->watched = false;
}

static void answer_greeting(struct link *l, const struct request *q, const redisReply *r)
{
	l->greetings--;
	if (r->type == REDIS_REPLY_ERROR && q->kind != ASK_NAME) {
		enum redis_class class = redis_classify(r->str);
		link_trouble(l, class == REDIS_NOSCRIPT ? REDIS_STOP : class, redis_error_text(r->str));
		return;
	}
	if (q->kind == ASK_LOAD && r->type == REDIS_REPLY_STRING && r->len == 40)
		memcpy(l->sha[q->index], r->str, 41);
	if (l->greetings || l->failing || l->greeted)
		return;
	l->greeted = true;
	publisher_count(l->p, COUNT_CONNECTS, 1);
	l->beat_ms = link_now_ms();
}

/* left: answers to the same request that are still to come. */
static void answer(struct link *l, const struct request *q, unsigned left, const redisReply *r)
{
	switch (q->kind) {
	case ASK_AUTH:
	case ASK_SELECT:
	case ASK_NAME:
	case ASK_RIGHT:
	case ASK_LOAD:
		answer_greeting(l, q, r);
		break;
	case ASK_SCRIPT:
		answer_script(l, q, r);
		break;
	case ASK_QUEUED:
		answer_queued(l, q->n - left - 1, r);
		break;
	case ASK_EXEC:
		answer_exec(l, r);
		break;
	case ASK_BEAT:
		if (r->type == REDIS_REPLY_ERROR)
			link_trouble(l, redis_classify(r->str), redis_error_text(r->str));
		else if (!l->troubled || !l->n_order)
			link_fine(l);
		break;
	case ASK_META:
		break;
	case ASK_WATCH:
		if (r->type == REDIS_REPLY_ERROR && !l->failing)
			link_trouble(l, redis_classify(r->str), redis_error_text(r->str));
		break;
	case ASK_MULTI:
		if (r->type != REDIS_REPLY_ERROR)
			l->open = true;
		else if (!l->failing)
			link_trouble(l, redis_classify(r->str), redis_error_text(r->str));
		break;
	case ASK_CHECK:
		answer_check(l, q, r);
		break;
	case ASK_BYE:
		l->gone = true;
		break;
	}
}

void link_read(struct link *l)
{
	redisReply *r;
	int n = redis_connection_read(&l->redis);
	if (n) {
		link_lost(l, n == -EPIPE ? "the server closed the connection" : strerror(-n));
		return;
	}
	while (l->redis.context && (n = redis_connection_reply(&l->redis, &r)) > 0) {
		l->answered_ms = link_now_ms();
		if (!l->n_asked) {
			bool error = r->type == REDIS_REPLY_ERROR;
			link_lost(l, error ? r->str : "an answer that nobody asked for");
			freeReplyObject(r);
			return;
		}
		struct request *q = &l->asked[l->asked_head], asked = *q;
		const unsigned left = asked.n - ++q->answered;
		if (!left) {
			l->asked_head++;
			if (!--l->n_asked)
				l->asked_head = 0;
		}
		answer(l, &asked, left, r);
		freeReplyObject(r);
	}
	if (l->redis.context && n < 0)
		link_lost(l, "a reply that is not in Redis' protocol");
}
