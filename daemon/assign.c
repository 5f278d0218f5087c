/* Partitions come and go; see loop.h. A revoked task that comes back untouched keeps its memory; any other is restored. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/face/crashpoint.h"
#include "daemon/face/log.h"
#include "daemon/loop.h"

enum { RESTORE_TOLD_MS = 5000 }; /* how often a restore says how far it is */

static void part_drop(struct loop *l, struct part *p)
{
	if (p->state == PART_WAITING)
		p->state = PART_NONE;
	if (p->state == PART_NONE)
		return;
	views_stop(l, p);
	report_part(l, p, false);
	feed_done(&p->feed);
	buf_done(&p->deletes[STAGE_USER]);
	buf_done(&p->deletes[STAGE_ITEM]);
	user_task_destroy(p->user);
	item_task_destroy(p->item);
	int32_t partition = p->partition;
	*p = (struct part){ .partition = partition };
}

static void restore_stop(struct loop *l)
{
	restore_destroy(l->restore);
	free(l->restore_tasks);
	l->restore = NULL;
	l->restore_tasks = NULL;
	l->n_restore = 0;
}

static int part_create(struct loop *l, struct part *p, char *error, size_t size)
{
	p->user = user_task_create(l->engine, (uint32_t)p->partition);
	p->item = item_task_create(l->engine, (uint32_t)p->partition);
	int rc = feed_init(&p->feed, l->config, p->user, error, size);
	if (rc < 0) {
		user_task_destroy(p->user);
		item_task_destroy(p->item);
		p->user = NULL;
		p->item = NULL;
		return rc;
	}
	p->feed.dead = seal_dead_letter;
	p->feed.to = l;
	p->state = PART_RESTORING;
	p->reported.watermark = INT64_MIN;
	return 0;
}

static void part_runs(struct loop *l, struct part *p)
{
	bool fresh = p->state == PART_RESTORING;
	p->state = PART_RUNNING;
	p->feed.source = l->source;
	p->feed.live = true;
	for (unsigned t = 0; t < l->n_topics; t++)
		if (p->committed[t] < 0)
			p->committed[t] = 0;
	for (int j = 0; j < INPUTS; j++)
		p->end_since_ms[j] = 0;
	p->reported = (struct upstream){ INT64_MIN, false };
	user_task_interval(p->user, l->number, l->wall_ms);
	item_task_interval(p->item, l->number, l->wall_ms);
	if (fresh) {
		/* At most one owner writes to Redis: the epoch grows with every one, and past what an emptied Kafka has forgotten. */
		uint64_t least = (uint64_t)l->wall_ms;
		p->user->epoch = p->user->epoch + 1 > least ? p->user->epoch + 1 : least;
		p->item->epoch = p->item->epoch + 1 > least ? p->item->epoch + 1 : least;
		p->user->changed = p->item->changed = true;
		p->item->group_changed = true;
		item_task_model_due(p->item);
	}
	views_start(l, p, l->number);
	report_part(l, p, true);
}

static int start_restore(struct loop *l, char *error, size_t size)
{
	size_t n = 0;
	for (uint32_t i = 0; i < l->n_parts; i++)
		n += l->parts[i].state == PART_RESTORING;
	if (!n)
		return 0;
	if (l->config->glint.guarantee == GUARANTEE_AT_LEAST_ONCE) { /* the embedded broker keeps too little: nothing is restored */
		for (uint32_t i = 0; i < l->n_parts; i++)
			if (l->parts[i].state == PART_RESTORING)
				part_runs(l, &l->parts[i]);
		return 0;
	}
	l->restore_tasks = calloc(n, sizeof(*l->restore_tasks));
	if (!l->restore_tasks)
		abort();
	crashpoint("restore.begin");
	l->n_restore = 0;
	for (uint32_t i = 0; i < l->n_parts; i++) {
		struct part *p = &l->parts[i];
		if (p->state != PART_RESTORING)
			continue;
		struct restore_task *t = &l->restore_tasks[l->n_restore++];
		*t = (struct restore_task){ .partition = p->partition, .user = p->user, .item = p->item, .feed = &p->feed, .item_committed = p->committed[l->repartition] };
		for (int j = 0; j < INPUTS; j++)
			t->committed[j] = l->input_topic[j] == UINT_MAX ? -1 : p->committed[l->input_topic[j]];
	}
	l->restore_began_ms = l->restore_told_ms = l->now_ms;
	return restore_create(l->config, l->bootstrap, &l->layout, l->restore_tasks, l->n_restore, l->wake_fd, &l->restore, error, size);
}

int assign_partitions(void *loop, const int32_t *partitions, size_t n, struct source_place *places)
{
	struct loop *l = loop;
	char error[400] = "";
	for (size_t i = 0; i < n; i++)
		if (partitions[i] >= (int32_t)l->n_parts) {
			l->outgrown = true;
			return -EDOM;
		}
	crashpoint("rebalance.assign");
	l->assigned = true;
	l->refused.again_ms = 0;
	for (size_t i = 0; i < n; i++)
		for (unsigned t = 0; t < l->n_topics; t++)
			places[i * l->n_topics + t] = (struct source_place){ t, partitions[i], -1 };
	if (n && source_committed(l->source, places, n * l->n_topics, 30000, error, sizeof(error)) < 0) {
		snprintf(l->why, sizeof(l->why), "%s", error);
		l->rebuild = true;
		return -EIO;
	}
	bool *mine = calloc(l->n_parts, sizeof(*mine));
	for (size_t i = 0; i < n; i++)
		mine[partitions[i]] = true;
	for (uint32_t i = 0; i < l->n_parts; i++)
		if (!mine[i] || l->parts[i].state == PART_RESTORING)
			part_drop(l, &l->parts[i]);
	free(mine);
	size_t kept = 0;
	for (size_t i = 0; i < n; i++) {
		struct part *p = &l->parts[partitions[i]];
		bool same = p->state == PART_PARKED;
		for (unsigned t = 0; t < l->n_topics; t++)
			same &= places[i * l->n_topics + t].offset == p->committed[t];
		if (!same) {
			part_drop(l, p);
			for (unsigned t = 0; t < l->n_topics; t++)
				p->committed[t] = places[i * l->n_topics + t].offset;
			if (part_create(l, p, error, sizeof(error)) < 0)
				goto fail;
		}
		kept += same;
		for (unsigned t = 0; t < l->n_topics; t++)
			if (places[i * l->n_topics + t].offset < 0)
				places[i * l->n_topics + t].offset = SOURCE_BEGINNING;
	}
	if (start_restore(l, error, sizeof(error)) < 0)
		goto fail;
	for (size_t i = 0; i < n; i++)
		if (l->parts[partitions[i]].state == PART_PARKED)
			part_runs(l, &l->parts[partitions[i]]);
	log_info(NULL, "assigned %zu of %u partitions (%zu kept in memory, %zu to restore)", n, l->n_parts, kept, l->n_restore);
	crashpoint("rebalance.assigned");
	return 0;
fail:
	snprintf(l->why, sizeof(l->why), "%s", error);
	log_error("assign", "%s", error);
	l->rebuild = true;
	return -EIO;
}

int assign_restore(struct loop *l)
{
	char error[400] = "";
	struct restore_progress before = restore_progress(l->restore);
	int rc = restore_step(l->restore, global_ready(l->global), 20000, l->wall_ms, error, sizeof(error));
	if (rc < 0) {
		snprintf(l->why, sizeof(l->why), "restore: %s", error);
		l->rebuild = true;
		return rc;
	}
	struct restore_progress done = restore_progress(l->restore);
	if (rc == 0 && l->now_ms - l->restore_told_ms >= RESTORE_TOLD_MS) {
		l->restore_told_ms = l->now_ms;
		log_info(NULL, "restoring %zu partitions: %llu of at most %llu rows, %llu records of the logs", l->n_restore, (unsigned long long)done.rows,
			 (unsigned long long)done.rows_total, (unsigned long long)done.records);
	}
	if (rc == 0)
		return done.rows + done.unpacked + done.records > before.rows + before.unpacked + before.records;
	log_info(NULL, "restored %zu partitions: %llu rows, %llu records of the logs, in %.1f s; the rows' %.1f MB took %.2f s, the logs %.2f s", l->n_restore,
		(unsigned long long)done.rows, (unsigned long long)done.records, (double)(clock_monotonic_ms() - l->restore_began_ms) / 1000,
		(double)done.row_bytes / 1e6, (double)done.rows_us / 1e6, (double)done.logs_us / 1e6);
	l->lost += done.lost;
	for (size_t i = 0; i < l->n_restore; i++)
		part_runs(l, &l->parts[l->restore_tasks[i].partition]);
	restore_stop(l);
	crashpoint("restore.done");
	return 1;
}

void assign_revoked(void *loop, bool lost)
{
	struct loop *l = loop;
	crashpoint("rebalance.revoke");
	l->assigned = false;
	restore_stop(l);
	/* What is under way and what is open belongs to us until we let go: commit both. */
	struct interval *i = committer_wait(l->committer, 8000);
	if (i)
		seal_fate(l, i);
	if (!lost && !l->rebuild && committer_idle(l->committer)) {
		seal(l, true);
		i = committer_wait(l->committer, 8000);
		if (i)
			seal_fate(l, i);
	}
	if (!committer_idle(l->committer))
		lost = true; /* its fate is unknown: whatever it is, memory may be wrong */
	for (uint32_t k = 0; k < l->n_parts; k++) {
		struct part *p = &l->parts[k];
		if (p->state != PART_RUNNING || lost) {
			part_drop(l, p);
			continue;
		}
		feed_drop_heads(&p->feed);
		p->feed.source = NULL;
		views_stop(l, p);
		p->state = PART_PARKED;
	}
	refused_drop(l);
	combiner_discard(l->engine->emitter);
	interval_clear(l->open);
	crashpoint("rebalance.revoked");
	log_info(NULL, lost ? "partitions lost to another process: their state is dropped" : "partitions revoked");
}

void assign_drop_all(struct loop *l)
{
	restore_stop(l);
	for (uint32_t i = 0; i < l->n_parts; i++)
		part_drop(l, &l->parts[i]);
	l->engine->bad_row[0] = '\0';
	combiner_discard(l->engine->emitter);
	interval_clear(l->open);
}

void assign_wait(struct loop *l)
{
	bool *ours = calloc(l->n_parts, sizeof(*ours));
	if (!ours)
		abort();
	for (uint32_t i = 0; i < l->n_parts; i++)
		ours[i] = l->parts[i].state == PART_RUNNING || l->parts[i].state == PART_RESTORING || l->parts[i].state == PART_WAITING;
	assign_drop_all(l);
	for (uint32_t i = 0; i < l->n_parts; i++)
		if (ours[i])
			l->parts[i].state = PART_WAITING;
	free(ours);
}

void assign_again(struct loop *l)
{
	size_t n = 0;
	char error[400] = "";
	int32_t *partitions = calloc(l->n_parts + 1, sizeof(*partitions));
	struct source_place *places = calloc(((size_t)l->n_parts + 1) * SOURCE_TOPICS, sizeof(*places));
	for (uint32_t i = 0; i < l->n_parts; i++)
		if (l->parts[i].state == PART_RUNNING || l->parts[i].state == PART_RESTORING || l->parts[i].state == PART_WAITING)
			partitions[n++] = (int32_t)i;
	assign_drop_all(l);
	if (n && (assign_partitions(l, partitions, n, places) < 0 || source_assign(l->source, places, n * l->n_topics, error, sizeof(error)) < 0)) {
		if (error[0])
			snprintf(l->why, sizeof(l->why), "%s", error);
		l->rebuild = true;
	}
	free(partitions);
	free(places);
}
