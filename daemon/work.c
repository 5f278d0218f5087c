/* Records and time: both stages' work of one round; see loop.h. */
#include <limits.h>

#include "daemon/face/log.h"
#include "daemon/loop.h"

enum { ROUND_US = 5000, RUN = 128, AHEAD_MS = 1000, LOOK = 32, EMBEDDED_LAG = 8 /* messages of some MESSAGE_SOFT_BYTES */ };

/* An interval that has reached its bound takes no more until it can be sealed. */
static bool full(const struct loop *l)
{
	return combiner_bytes(l->engine->emitter) + interval_bytes(l->open) > 2 * l->bound_bytes;
}

static bool work_items(struct loop *l, struct part *p)
{
	struct source_record r;
	int n = 0;
	while (n < 64 && source_peek(l->source, l->repartition, p->partition, &r)) {
		if (r.offset >= p->item->position && item_task_apply(p->item, r.offset, r.value, true, l->wall_ms) < 0)
			log_error("repartition", "%s [%d], offset %lld: not a message of ours; skipped", l->layout.names[TOPIC_REPARTITION],
				  (int)p->partition, (long long)r.offset);
		source_next(l->source, l->repartition, p->partition);
		l->refresh.messages_in++;
		n++;
	}
	return n > 0;
}

/* The least watermark of user tasks that others own and that are not at their end. */
static int64_t others_watermark(const struct loop *l)
{
	const struct upstream *reports = global_reports(l->global);
	int64_t least = INT64_MAX;
	for (uint32_t i = 0; reports && i < l->n_parts; i++)
		if (l->parts[i].state != PART_RUNNING && !reports[i].at_end && reports[i].watermark < least)
			least = reports[i].watermark;
	return least;
}

/* The event time that a task has come to, its least head being j's: that head's, or, when it is a lone one far ahead (which moves no
 * stream time either), the greatest stream time. The task with the least of all is never held back, so that processes cannot wait for
 * each other: the watermarks of others are at least theirs less settle. */
static int64_t task_time(const struct loop *l, const struct part *p, unsigned j)
{
	int64_t ts = p->feed.heads[j].ts, stream = p->user->in[j].time.ts;
	if (stream == INT64_MIN || ts - stream <= l->config->glint.max_jump_ms)
		return ts;
	for (int k = 0; k < INPUTS; k++)
		if (p->user->in[k].time.ts > stream)
			stream = p->user->in[k].time.ts;
	return stream < ts ? stream : ts;
}

static bool work_users(struct loop *l, int64_t until_ms)
{
	bool any = false;
	int64_t others = others_watermark(l), drift = l->config->glint.max_drift_ms;
	l->drift_blocked = false;
	for (uint64_t looked = l->applied;;) {
		struct part *first = NULL;
		int64_t least = INT64_MAX, next = INT64_MAX;
		unsigned input = 0;
		for (uint32_t i = 0; i < l->n_parts; i++) {
			struct part *p = &l->parts[i];
			if (p->state != PART_RUNNING)
				continue;
			bool missing;
			int j = feed_least(&p->feed, l->wall_ms, &missing);
			any |= p->feed.skipped;
			p->feed.skipped = false;
			if (j < 0)
				continue;
			if (missing) { /* the awaited record may come before this one */
				if (!p->feed.waiting_since_ms)
					p->feed.waiting_since_ms = l->now_ms;
				if (l->now_ms - p->feed.waiting_since_ms < l->config->glint.head_wait_ms)
					continue;
				l->head_waits += !p->feed.waited;
				p->feed.waited = true;
			} else {
				p->feed.waiting_since_ms = 0;
				p->feed.waited = false;
			}
			int64_t ts = task_time(l, p, (unsigned)j);
			if (ts < least) {
				next = least;
				least = ts;
				first = p;
				input = (unsigned)j;
			} else if (ts < next) {
				next = ts;
			}
		}
		if (!first) {
			l->drained = true;
			return any;
		}
		if (others != INT64_MAX && others != INT64_MIN && least > others + drift) {
			l->drift_blocked = l->drained = true;
			return any;
		}
		any = true;
		int64_t most = next < INT64_MAX - AHEAD_MS ? next + AHEAD_MS : INT64_MAX;
		for (int n = 0; n < RUN; n++) { /* this task, while its heads are hardly ahead of the others' */
			bool missing;
			feed_apply(&first->feed, input, l->wall_ms);
			l->applied++;
			int j = feed_least(&first->feed, l->wall_ms, &missing);
			if (j < 0 || missing || first->feed.heads[j].ts > most)
				break;
			input = (unsigned)j;
		}
		if (full(l))
			return true;
		if (l->applied - looked < LOOK) /* a look at the clock costs as much as an event */
			continue;
		looked = l->applied;
		if (clock_monotonic_ms() >= until_ms)
			return true;
	}
}

/* The embedded broker keeps 5 MiB per partition: the item stage must not fall further behind than a part of it. */
static bool item_stage_behind(const struct loop *l)
{
	for (uint32_t i = 0; l->config->embedded && i < l->n_parts; i++)
		if (l->parts[i].state == PART_RUNNING && source_lag(l->source, l->repartition, l->parts[i].partition) > EMBEDDED_LAG)
			return true;
	return false;
}

bool work_step(struct loop *l)
{
	bool any = false;
	l->drained = false;
	if (full(l))
		return false;
	for (uint32_t i = 0; i < l->n_parts; i++)
		if (l->parts[i].state == PART_RUNNING)
			any |= work_items(l, &l->parts[i]);
	if (!global_ready(l->global) || item_stage_behind(l))
		return any;
	any |= work_users(l, l->now_ms + ROUND_US / 1000);
	return any;
}

void work_time(struct loop *l)
{
	int64_t group = global_watermark(l->global);
	for (uint32_t i = 0; i < l->n_parts; i++) {
		struct part *p = &l->parts[i];
		if (p->state != PART_RUNNING)
			continue;
		unsigned first = UINT_MAX; /* input with the least head */
		bool all_heads = true;
		for (unsigned j = 0; j < INPUTS; j++) {
			if (l->input_topic[j] == UINT_MAX)
				continue;
			if (p->feed.ready[j] && (first == UINT_MAX || p->feed.heads[j].ts < p->feed.heads[first].ts))
				first = j;
			bool end = feed_at_end(&p->feed, j);
			if (!end)
				p->end_since_ms[j] = 0;
			else if (!p->end_since_ms[j])
				p->end_since_ms[j] = l->now_ms;
			bool at_end = end && l->now_ms - p->end_since_ms[j] >= 1000;
			all_heads &= at_end || p->feed.ready[j];
			p->user->in[j].at_end = at_end;
		}
		/* With every input at its end or showing its head, nothing older than the least head can come. */
		user_task_time(p->user, all_heads && first != UINT_MAX ? task_time(l, p, first) : INT64_MAX, group, l->wall_ms);
	}
}

int64_t work_backlog(const struct loop *l)
{
	int64_t sum = 0;
	for (uint32_t i = 0; i < l->n_parts; i++)
		for (unsigned j = 0; l->parts[i].state == PART_RUNNING && j < INPUTS; j++)
			if (l->input_topic[j] != UINT_MAX)
				sum += source_lag(l->source, l->input_topic[j], l->parts[i].partition);
	return sum;
}
