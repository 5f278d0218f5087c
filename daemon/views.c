/* Views to Redis and alerts out of Kafka; see loop.h and ARCHITECTURE "Redis is a view".
 *
 * A dirty mark per entity is all that waits: values are rendered when the publisher has room. Per task: the epoch is committed, then
 * taken over in Redis, then views flow. What the publisher answers (fenced, wiped) starts that again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

#include "daemon/face/log.h"
#include "daemon/loop.h"

enum {
	BATCH = 64, IN_FLIGHT = 3,
	BATCH_SMALL = 16, /* of what is in no hurry: an event's list waits for one such batch at most */
	CROWD = 256,      /* lists that wait: more than that do not notice a large batch before them */
	AGAIN_MS = 1500,  /* and two commits: see again_ms() */
	AGAIN_A_SECOND = 1000, /* shoppers shown once more, at most; */
	AGAIN_LATE_MS = 3000,  /* who has waited for so long is not, before the tables come to rest */
	STATUS_MS = 100,
	ALL_VIEW_MS = 1000,
	ITEM_VIEW_MS = 1000, KEY_VIEW_MS = 200, ITEM_LOOK_MS = 2, ITEM_LOOK_BEHIND_MS = 50,
	ALERTS_BATCH = 100,
	SPARE_BYTES = 512 << 10,
};

static int64_t ttl_s(const struct loop *l)
{
	return l->config->redis.view_ttl_ms / 1000;
}

/* A shopper shown within this of the last event is shown once more. By then the model knows the event: its deltas were committed to
 * the repartition topic with one interval, the model rows that they changed with a later one. */
static int64_t again_ms(const struct loop *l)
{
	return AGAIN_MS + 2 * l->config->glint.commit_interval_ms;
}

static void task_name(char to[16], enum stage stage, int32_t partition)
{
	snprintf(to, 16, "%c%d", stage == STAGE_USER ? 'u' : 'i', (int)partition);
}

void views_start(struct loop *l, struct part *p, uint64_t epoch_interval)
{
	bool committed = l->config->glint.guarantee == GUARANTEE_EXACTLY_ONCE;
	for (int s = 0; s < 2; s++) {
		p->views[s].state = VIEWS_EPOCH;
		p->views[s].epoch_interval = committed ? epoch_interval : 0;
		p->views[s].status = 0;
		p->views[s].in_flight = 0; /* batches of before it was parked may never be told of */
	}
	l->must_seal = true;
}

void views_stop(struct loop *l, struct part *p)
{
	char task[16];
	for (int s = 0; s < 2; s++) {
		task_name(task, (enum stage)s, p->partition);
		p->views[s].state = VIEWS_OFF;
		if (l->publisher)
			publisher_forget(l->publisher, task);
	}
	if (p->partition == 0)
		views_alerts_stop(l);
}

/* Batches are used again: one that grew from nothing to 200 KB would be copied and its pages cleared each time. */
static struct batch *fresh_batch(struct loop *l)
{
	return l->n_spare ? l->spare_batches[--l->n_spare] : batch_create();
}

static void done_with(struct loop *l, struct batch *b)
{
	if (l->n_spare < SPARE_BATCHES && b->commands.capacity <= SPARE_BYTES) {
		batch_reset(b);
		l->spare_batches[l->n_spare++] = b;
	} else {
		batch_destroy(b);
	}
}

static bool submit(struct loop *l, struct batch *b)
{
	if (publisher_submit(l->publisher, b) == 0)
		return true;
	done_with(l, b);
	return false;
}

static void take_over(struct loop *l, struct part *p, enum stage stage)
{
	struct batch *b = fresh_batch(l);
	b->kind = BATCH_TAKE_OVER;
	task_name(b->task, stage, p->partition);
	b->epoch = stage == STAGE_USER ? p->user->epoch : p->item->epoch;
	if (submit(l, b))
		p->views[stage].state = VIEWS_TAKING;
}

/* ---- answers ---- */

static void taken(struct loop *l, struct part *p, enum stage stage, const struct batch *b)
{
	char shown[128];
	snprintf(shown, sizeof(shown), "%.*s", (int)b->reply.size, b->reply.size ? (const char *)b->reply.data : "");
	p->views[stage].state = VIEWS_ON;
	p->views[stage].status = 0;
	l->refresh.changed_ms = l->wall_ms; /* an earlier owner may have died before it showed again what had become stale */
	if (stage == STAGE_ITEM) {
		item_task_views_due(p->item, shown[0] ? strtoll(shown, NULL, 10) : -1, l->wall_ms);
		return;
	}
	long long at[INPUTS];
	int64_t positions[INPUTS];
	bool known = sscanf(shown, "%lld,%lld,%lld", &at[0], &at[1], &at[2]) == INPUTS;
	for (int j = 0; j < INPUTS; j++)
		positions[j] = known ? at[j] : 0;
	user_task_views_due(p->user, known ? positions : NULL, l->wall_ms);
}

/* Fenced or wiped: a new epoch is committed and taken over. When somebody else owns the task by now, that commit fails. */
static void again(struct loop *l, struct part *p, enum stage stage, enum batch_status status)
{
	uint64_t *epoch = stage == STAGE_USER ? &p->user->epoch : &p->item->epoch;
	uint64_t least = (uint64_t)l->wall_ms;
	log_warn("redis.epoch", "Redis %s for task %c%d: taking it over anew", status == BATCH_WIPED ? "has lost what it held" : "knows a newer owner",
		 stage == STAGE_USER ? 'u' : 'i', (int)p->partition);
	*epoch = *epoch + 1 > least ? *epoch + 1 : least;
	if (stage == STAGE_USER)
		p->user->changed = true;
	else
		p->item->changed = true;
	p->views[stage].state = VIEWS_EPOCH;
	p->views[stage].epoch_interval = l->config->glint.guarantee == GUARANTEE_EXACTLY_ONCE ? l->number : 0;
	l->must_seal = true;
	if (stage == STAGE_ITEM && p->partition == 0)
		views_alerts_stop(l);
}

static bool parse_task(struct loop *l, const char *task, struct part **ret_part, enum stage *ret_stage)
{
	unsigned long i = strtoul(task + 1, NULL, 10);
	*ret_stage = task[0] == 'u' ? STAGE_USER : STAGE_ITEM;
	*ret_part = i < l->n_parts ? &l->parts[i] : NULL;
	return *ret_part && (*ret_part)->state == PART_RUNNING;
}

static void answered(struct loop *l, struct batch *b)
{
	struct part *p;
	enum stage stage;
	bool owned = parse_task(l, b->task, &p, &stage);
	bool alerts = b->kind == BATCH_ALERTS || b->kind == BATCH_ALERTS_RESUME;
	if (alerts && l->alerts_in_flight)
		l->alerts_in_flight--;
	if (!owned)
		return;
	struct task_views *v = &p->views[stage];
	if (b->kind == BATCH_VIEWS && v->in_flight)
		v->in_flight--;
	uint64_t epoch = stage == STAGE_USER ? p->user->epoch : p->item->epoch;
	if (b->epoch != epoch && b->kind != BATCH_ALERTS_RESUME)
		return; /* of an earlier life of the task */
	if (b->result != BATCH_DONE) {
		if (v->state == VIEWS_ON || v->state == VIEWS_TAKING)
			again(l, p, stage, b->result);
	} else if (b->kind == BATCH_TAKE_OVER) {
		taken(l, p, stage, b);
	} else if (b->kind == BATCH_ALERTS_RESUME) {
		char next[32];
		snprintf(next, sizeof(next), "%.*s", (int)b->reply.size, b->reply.size ? (const char *)b->reply.data : "0");
		l->alerts_position = strtoll(next, NULL, 10);
		l->alerts_resuming = false;
	} else if (b->kind == BATCH_ALERTS) {
		l->alerts_shown = (int64_t)(intptr_t)b->cookie;
	}
}

/* ---- rendering ---- */

static void status_i64(struct batch *b, const char *name, int64_t value)
{
	char s[24];
	int n = snprintf(s, sizeof(s), "%lld", (long long)value);
	buf_text(&b->status, text_of(name));
	buf_text(&b->status, (struct text){ s, (uint32_t)n });
	b->n_status += 2;
}

static struct batch *batch_of(struct loop *l, struct part *p, enum stage stage)
{
	struct batch *b = fresh_batch(l);
	b->kind = BATCH_VIEWS;
	task_name(b->task, stage, p->partition);
	b->epoch = stage == STAGE_USER ? p->user->epoch : p->item->epoch;
	buf_bytes(&b->commands, p->deletes[stage].data, p->deletes[stage].size);
	b->n_commands = p->n_deletes[stage];
	buf_clear(&p->deletes[stage]);
	p->n_deletes[stage] = 0;
	view_target(l->engine->view, &b->commands);
	return b;
}

static void status(struct loop *l, struct part *p, enum stage stage, struct batch *b)
{
	if (stage == STAGE_USER) {
		int64_t shown[INPUTS];
		char s[96];
		user_task_shown_to(p->user, shown);
		for (int j = 0; j < INPUTS; j++)
			if (!l->engine->rules.inputs[j])
				shown[j] = -1;
			else if (p->user->views.n == 0 && source_position(l->source, l->input_topic[j], p->partition) > shown[j])
				shown[j] = source_position(l->source, l->input_topic[j], p->partition);
		int n = snprintf(s, sizeof(s), "%lld,%lld,%lld", (long long)shown[0], (long long)shown[1], (long long)shown[2]);
		buf_text(&b->status, TEXT("shown"));
		buf_text(&b->status, (struct text){ s, (uint32_t)n });
		b->n_status += 2;
		status_i64(b, "watermark", p->user->watermark);
		status_i64(b, "at_end", p->reported.at_end);
	} else {
		int64_t shown = item_task_shown_to(p->item), position = source_position(l->source, l->repartition, p->partition);
		status_i64(b, "shown", p->item->views.n == 0 && position > shown ? position : shown);
		status_i64(b, "watermark", p->item->watermark);
		if (p->partition == 0) {
			status_i64(b, "group_watermark", global_watermark(l->global));
			status_i64(b, "alerts", l->alerts_shown);
		}
	}
	status_i64(b, "settled", refresh_settled(l));
	p->views[stage].status_ms = l->now_ms;
}

/* Without a view the status goes out alone, when it has changed. */
static bool send(struct loop *l, struct part *p, enum stage stage, struct batch *b)
{
	status(l, p, stage, b);
	uint64_t hash = XXH3_64bits(b->status.data, b->status.size);
	b->n_commands += view_commands(l->engine->view);
	if (!b->n_commands && hash == p->views[stage].status) {
		done_with(l, b);
		return false;
	}
	p->views[stage].status = hash;
	if (!submit(l, b))
		return false;
	p->views[stage].in_flight++;
	return true;
}

static bool expiring(const struct loop *l, int64_t shown_ms)
{
	return l->config->redis.view_ttl_ms && l->wall_ms - shown_ms > l->config->redis.view_ttl_ms / 2;
}

static struct user *next_user(struct loop *l, struct user_task *t, bool behind)
{
	if (t->views.n)
		return LIST_OWNER(behind ? t->views.head.prev : t->views.head.next, struct user, view_link);
	if (behind)
		return NULL;
	while (t->again.n) {
		struct user *u = LIST_OWNER(t->again.head.next, struct user, again_link);
		int64_t late_ms = l->wall_ms - u->touched_ms - again_ms(l);
		if (late_ms >= 0 && l->again_budget >= 1) {
			l->again_budget--;
			return u;
		}
		if (late_ms < AGAIN_LATE_MS)
			break;
		list_remove(&t->again, &u->again_link);
	}
	if (t->fresh.n) {
		struct user *u = LIST_OWNER(t->fresh.head.next, struct user, fresh_link);
		if (expiring(l, u->shown_ms) || refresh_stale(l, u->shown_ms))
			return u;
	}
	return NULL;
}

/* Shoppers whom an event has touched, or (again) those who are only shown once more. */
static bool render_users(struct loop *l, struct part *p, bool behind, bool again)
{
	struct user_task *t = p->user;
	struct batch *b = NULL;
	int n = 0;
	if (again ? t->views.n || p->views[STAGE_USER].in_flight : !t->views.n)
		return false;
	for (; n < (again ? BATCH_SMALL : BATCH); n++) {
		if ((behind && l->behind_budget < 1) || (!again && !t->views.n))
			break;
		struct user *u = next_user(l, t, behind);
		if (!u)
			break;
		u = user_task_unpack(t, u);
		if (l->engine->bad_row[0])
			break;
		if (!b)
			b = batch_of(l, p, STAGE_USER);
		user_task_render(t, u, l->wall_ms, l->number, ttl_s(l));
		user_task_shown(t, u, l->wall_ms, again_ms(l));
		if (behind)
			l->behind_budget--;
	}
	if (!b) {
		if (l->now_ms - p->views[STAGE_USER].status_ms < STATUS_MS)
			return false;
		b = batch_of(l, p, STAGE_USER);
	}
	send(l, p, STAGE_USER, b);
	return n > 0;
}

/* A key that changes all the time is shown at a bounded rate; its first change at once. */
static int64_t view_pause(const struct loop *l, uint8_t kind)
{
	int64_t pause = kind == KEY_ALL ? ALL_VIEW_MS : kind == KEY_ITEM ? ITEM_VIEW_MS : KEY_VIEW_MS;
	return l->behind ? pause * LOOP_BEHIND_FACTOR : pause;
}

static bool render_items(struct loop *l, struct part *p, int most)
{
	struct item_task *t = p->item;
	struct batch *b = NULL;
	int n = 0;
	struct link *next;
	size_t looked = 0;
	if (l->now_ms - p->views[STAGE_ITEM].looked_ms < (l->behind ? ITEM_LOOK_BEHIND_MS : ITEM_LOOK_MS))
		return false;
	p->views[STAGE_ITEM].looked_ms = l->now_ms;
	for (struct link *l_ = t->views.head.next; l_ != &t->views.head && n < most && looked < 8 * BATCH; l_ = next, looked++) {
		struct item_entity *x = LIST_OWNER(l_, struct item_entity, view_link);
		next = l_->next;
		if (l->wall_ms - x->shown_ms < view_pause(l, x->key.kind))
			continue;
		if (l->behind && x->key.kind == KEY_ITEM && --l->behind_budget < 0) {
			l->behind_budget = 0;
			continue;
		}
		if (!b)
			b = batch_of(l, p, STAGE_ITEM);
		item_task_render(t, x, l->wall_ms, l->number, ttl_s(l));
		item_task_shown(t, x, l->wall_ms);
		n++;
	}
	while (!t->views.n && t->fresh.n && n < most) {
		struct item_entity *x = LIST_OWNER(t->fresh.head.next, struct item_entity, fresh_link);
		if (!expiring(l, x->shown_ms) && !refresh_stale(l, x->shown_ms))
			break;
		if (!b)
			b = batch_of(l, p, STAGE_ITEM);
		item_task_render(t, x, l->wall_ms, l->number, ttl_s(l));
		item_task_shown(t, x, l->wall_ms);
		n++;
	}
	if (!b) {
		if (l->now_ms - p->views[STAGE_ITEM].status_ms < STATUS_MS)
			return false;
		b = batch_of(l, p, STAGE_ITEM);
	}
	send(l, p, STAGE_ITEM, b);
	return n > 0;
}

/* ---- alerts out ---- */

void views_alerts_stop(struct loop *l)
{
	source_destroy(l->alerts, true);
	l->alerts = NULL;
	l->alerts_resuming = false;
	l->alerts_position = -1;
}

static void alerts_step(struct loop *l, struct part *p)
{
	char error[300] = "";
	if (p->views[STAGE_ITEM].state != VIEWS_ON || !publisher_room(l->publisher))
		return;
	if (!l->alerts) {
		if (l->alerts_position < 0 && !l->alerts_resuming) {
			struct batch *b = fresh_batch(l);
			b->kind = BATCH_ALERTS_RESUME;
			task_name(b->task, STAGE_ITEM, 0);
			b->epoch = p->item->epoch;
			l->alerts_resuming = submit(l, b);
			l->alerts_in_flight += l->alerts_resuming;
		}
		if (l->alerts_position < 0)
			return;
		const char *topic = l->layout.names[TOPIC_ALERTS];
		if (source_create(l->config, KAFKA_READER, l->bootstrap, &topic, 1, l->wake_fd, NULL, &l->alerts, error, sizeof(error)) < 0) {
			log_warn("alerts", "alerts: %s", error);
			return;
		}
		int64_t first = 0, end = 0;
		if (source_watermarks(l->alerts, 0, 0, 3000, &first, &end, error, sizeof(error)) == 0) {
			if (l->alerts_position > end)
				l->alerts_position = end; /* the topic was made anew */
			if (l->alerts_position < first)
				l->alerts_position = first;
		}
		struct source_place place = { 0, 0, l->alerts_position };
		source_assign(l->alerts, &place, 1, error, sizeof(error));
		l->alerts_shown = l->alerts_position;
	}
	if (source_poll(l->alerts, error, sizeof(error)) < 0) {
		log_warn("alerts", "alerts: %s", error);
		views_alerts_stop(l);
		return;
	}
	if (l->alerts_in_flight >= IN_FLIGHT)
		return;
	struct batch *b = NULL;
	struct source_record r;
	while (source_peek(l->alerts, 0, 0, &r) && (!b || b->n_commands < ALERTS_BATCH)) {
		if (!b) {
			b = fresh_batch(l);
			b->kind = BATCH_ALERTS;
			task_name(b->task, STAGE_ITEM, 0);
			b->epoch = p->item->epoch;
		}
		buf_i64(&b->commands, r.offset);
		buf_text(&b->commands, r.value);
		b->n_commands++;
		source_next(l->alerts, 0, 0);
	}
	int64_t position = source_position(l->alerts, 0, 0);
	if (b) {
		b->cookie = (void *)(intptr_t)position;
		l->alerts_in_flight += submit(l, b);
	} else if (!l->alerts_in_flight && position > l->alerts_shown) { /* markers behind the last alert */
		l->alerts_shown = position;
	}
}

/* ---- one round ---- */

static bool may_render(struct loop *l, const struct part *p, enum stage stage)
{
	return p->state == PART_RUNNING && p->views[stage].state == VIEWS_ON && p->views[stage].in_flight < IN_FLIGHT && publisher_room(l->publisher) > 1;
}

bool views_step(struct loop *l)
{
	bool any = false;
	for (struct batch *b; (b = publisher_completed(l->publisher)); any = true) {
		answered(l, b);
		done_with(l, b);
	}
	char task[16];
	enum batch_status lost;
	while (publisher_lost(l->publisher, task, &lost)) {
		struct part *p;
		enum stage stage;
		if (parse_task(l, task, &p, &stage) && p->views[stage].state == VIEWS_ON)
			again(l, p, stage, lost);
	}
	double rate = (double)l->config->redis.views_per_second_when_behind;
	l->behind_budget += rate * (double)(l->now_ms - l->behind_budget_ms) / 1000;
	if (l->behind_budget > rate / 10 + 1)
		l->behind_budget = rate / 10 + 1;
	l->again_budget += (double)(AGAIN_A_SECOND * (l->now_ms - l->behind_budget_ms)) / 1000;
	if (l->again_budget > AGAIN_A_SECOND)
		l->again_budget = AGAIN_A_SECOND;
	l->behind_budget_ms = l->now_ms;
	refresh_round(l);
	for (uint32_t i = 0; i < l->n_parts; i++) {
		struct part *p = &l->parts[i];
		if (p->state != PART_RUNNING)
			continue;
		for (int s = 0; s < 2; s++) /* the interval of its epoch is sealed, and none is under way: it is committed */
			if (p->views[s].state == VIEWS_EPOCH && p->views[s].epoch_interval < l->number && committer_idle(l->committer) &&
			    publisher_room(l->publisher))
				take_over(l, p, (enum stage)s);
		if (may_render(l, p, STAGE_USER))
			any |= render_users(l, p, refresh_holds(l), false);
		if (p->partition == 0)
			alerts_step(l, p);
	}
	size_t waiting = 0;
	for (uint32_t i = 0; i < l->n_parts; i++)
		waiting += l->parts[i].state == PART_RUNNING ? l->parts[i].user->views.n : 0;
	bool crowd = waiting > CROWD;
	/* what is in no hurry: in turn, one batch a round */
	for (uint32_t i = 0, first = l->views_turn; i < l->n_parts; i++) {
		struct part *p = &l->parts[(first + i) % l->n_parts];
		bool rendered = may_render(l, p, STAGE_USER) && render_users(l, p, refresh_holds(l), true);
		rendered |= may_render(l, p, STAGE_ITEM) && render_items(l, p, crowd ? BATCH : BATCH_SMALL);
		any |= rendered;
		if (rendered && !crowd) {
			l->views_turn = (first + i + 1) % l->n_parts;
			break;
		}
	}
	return any;
}

bool views_pending(const struct loop *l)
{
	for (uint32_t i = 0; i < l->n_parts; i++) {
		const struct part *p = &l->parts[i];
		if (p->state == PART_RUNNING && (p->user->views.n || p->item->views.n || p->views[0].in_flight || p->views[1].in_flight))
			return true;
	}
	return false;
}
