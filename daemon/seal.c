/* Intervals: what a seal gathers, and what its fate means; see loop.h and ARCHITECTURE "Commit". */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/face/crashpoint.h"
#include "daemon/face/log.h"
#include "daemon/loop.h"

enum { MODEL_BYTES = 8 << 20, AHEAD_KEYS = 128, AHEAD_ROWS = 64, CREST_PAUSES = 4 /* over so many a crest is forgotten */, EXPIRE_STEPS = 2048, DELETES_BYTES = 1 << 20, TIME_ONLY_MS = 1000, HELD_BACK_MS = 20, TRIM_MS = 60000 };

struct put_to {
	struct loop *loop;
	uint8_t topic;
	int32_t partition;
};

static void put(void *to, struct text key, struct text value)
{
	struct put_to *p = to;
	interval_add(p->loop->open, p->topic, p->partition, key, value, NULL);
	p->loop->open->model_rows += p->topic == TOPIC_MODEL;
}

static void put_nothing(void *to, struct text key, struct text value)
{
	(void)to, (void)key, (void)value;
}

static void put_delta(void *to, uint32_t partition, struct text value)
{
	struct loop *l = to;
	interval_add(l->open, TOPIC_REPARTITION, (int32_t)partition, (struct text){ 0 }, value, NULL);
	l->open->messages += l->parts[partition].state == PART_RUNNING;
}

static void header(struct loop *l, const char *name, struct text value)
{
	buf_text(&l->headers, text_of(name));
	buf_text(&l->headers, value);
}

void seal_dead_letter(void *loop, struct user_task *t, unsigned j, const struct source_record *record, const char *reason, const char *field)
{
	struct loop *l = loop;
	char partition[16], offset[24], size[16];
	struct text value = record->value;
	bool cut = value.size > l->letter_bytes;
	int n = snprintf(partition, sizeof(partition), "%u", t->partition);
	int o = snprintf(offset, sizeof(offset), "%lld", (long long)record->offset);
	buf_clear(&l->headers);
	buf_u8(&l->headers, (uint8_t)(4 + (field[0] != '\0') + cut));
	header(l, "reason", text_of(reason));
	header(l, "topic", text_of(l->topics[l->input_topic[j]]));
	header(l, "partition", (struct text){ partition, (uint32_t)n });
	header(l, "offset", (struct text){ offset, (uint32_t)o });
	if (field[0])
		header(l, "field", text_of(field));
	if (cut) {
		header(l, "truncated", (struct text){ size, (uint32_t)snprintf(size, sizeof(size), "%u", value.size) });
		value.size = l->letter_bytes;
	}
	interval_add(l->open, TOPIC_DEAD_LETTER, (int32_t)t->partition, record->key, value, &l->headers);
	log_warn("dead_letter", "%s [%u], offset %lld: %s%s%s: sent to %s", l->topics[l->input_topic[j]], t->partition, (long long)record->offset,
		 reason, field[0] ? " in " : "", field, l->layout.names[TOPIC_DEAD_LETTER]);
}

void seal_open(struct loop *l)
{
	l->number++;
	l->opened_ms = l->now_ms;
	l->must_seal = l->moves = false;
	interval_clear(l->open);
	l->open->number = l->number;
	for (uint32_t i = 0; i < l->n_parts; i++)
		if (l->parts[i].state == PART_RUNNING) {
			user_task_interval(l->parts[i].user, l->number, l->wall_ms);
			item_task_interval(l->parts[i].item, l->number, l->wall_ms);
		}
}

static bool any_running(const struct loop *l)
{
	for (uint32_t i = 0; i < l->n_parts; i++)
		if (l->parts[i].state == PART_RUNNING)
			return true;
	return false;
}

static bool owns_all(const struct loop *l)
{
	for (uint32_t i = 0; i < l->n_parts; i++)
		if (l->parts[i].state != PART_RUNNING)
			return false;
	return true;
}

static bool has_news(const struct loop *l, bool time_counts)
{
	if (!combiner_empty(l->engine->emitter) || l->open->n_records)
		return true;
	for (uint32_t i = 0; i < l->n_parts; i++) {
		const struct part *p = &l->parts[i];
		if (p->state != PART_RUNNING)
			continue;
		if (p->user->forgotten < l->engine->forgotten.n || p->user->rows.n || p->item->rows.n || p->item->model.n || p->item->alerts.size || p->user->at_end != p->reported.at_end)
			return true;
		for (unsigned t = 0; t < l->n_topics; t++)
			if (source_position(l->source, t, p->partition) > p->committed[t])
				return true;
		if (time_counts && p->user->watermark != p->reported.watermark)
			return true;
	}
	return false;
}

bool seal_due(const struct loop *l)
{
	if (!committer_idle(l->committer) || !any_running(l))
		return false;
	int64_t age = l->now_ms - l->opened_ms;
	if (l->must_seal || combiner_bytes(l->engine->emitter) + interval_bytes(l->open) > l->bound_bytes)
		return true;
	/* Others are held back until the group's watermark is known: in a replay it is told at once. */
	bool awaited = !owns_all(l) && l->parts[0].state == PART_RUNNING && l->parts[0].item->group_changed &&
		       global_watermark(l->global) < l->wall_ms - l->config->glint.max_drift_ms;
	if ((l->drift_blocked || awaited) && age >= HELD_BACK_MS)
		return has_news(l, true);
	return age >= l->config->glint.commit_interval_ms && has_news(l, age >= TIME_ONLY_MS);
}

/* One control record per partition with the watermarks of all our tasks, when one has changed. */
static void control(struct loop *l)
{
	uint32_t *tasks = calloc(l->n_parts, sizeof(*tasks)), n = 0;
	struct upstream *reports = calloc(l->n_parts, sizeof(*reports));
	bool changed = false;
	if (!tasks || !reports)
		abort();
	for (uint32_t i = 0; i < l->n_parts; i++) {
		struct part *p = &l->parts[i];
		if (p->state != PART_RUNNING)
			continue;
		struct upstream now = { p->user->watermark, p->user->at_end };
		changed |= now.watermark != p->reported.watermark || now.at_end != p->reported.at_end;
		p->reported = now;
		tasks[n] = i;
		reports[n++] = now;
	}
	buf_clear(&l->key);
	control_encode(&l->key, tasks, reports, n);
	free(tasks);
	free(reports);
	for (uint32_t i = 0; changed && i < l->n_parts; i++)
		put_delta(l, i, (struct text){ (const char *)l->key.data, (uint32_t)l->key.size });
}

static void alerts(struct loop *l, struct item_task *t)
{
	struct reader r = reader_of(t->alerts.data, t->alerts.size);
	while (reader_left(&r)) {
		struct text json = reader_text(&r);
		interval_add(l->open, TOPIC_ALERTS, 0, (struct text){ 0 }, json, NULL);
	}
	buf_clear(&t->alerts);
}

static void positions(struct loop *l, struct part *p)
{
	for (unsigned t = 0; t < l->n_topics; t++) {
		int64_t position = source_position(l->source, t, p->partition);
		if (position < p->committed[t])
			position = p->committed[t];
		p->sealed[t] = position;
		interval_offset(l->open, t, p->partition, position);
	}
	/* Markers behind the last record belong to what is covered. */
	for (int j = 0; j < INPUTS; j++)
		if (l->input_topic[j] != UINT_MAX && p->user->in[j].position < p->sealed[l->input_topic[j]])
			p->user->in[j].position = p->sealed[l->input_topic[j]];
	if (p->item->position < p->sealed[l->repartition])
		p->item->position = p->sealed[l->repartition];
}

/* Shoppers who asked for it, and idle entities, go: their rows are deleted in this interval, which their last deltas belong to, their views with the next batch. */
static void expire(struct loop *l, struct part *p, bool rows)
{
	struct put_to user_rows = { l, TOPIC_USER_ROWS, p->partition }, item_rows = { l, TOPIC_ITEM_ROWS, p->partition };
	struct put_to model = { l, TOPIC_MODEL, 0 };
	struct view *v = l->engine->view;
	for (int s = 0; s < 2; s++)
		if (p->deletes[s].size > DELETES_BYTES) { /* Redis is away: their time to live ends them */
			buf_clear(&p->deletes[s]);
			p->n_deletes[s] = 0;
		}
	view_target(v, &p->deletes[STAGE_USER]);
	user_task_forget(p->user, rows ? put : put_nothing, &user_rows);
	if (rows)
		user_task_expire(p->user, EXPIRE_STEPS, put, &user_rows);
	p->n_deletes[STAGE_USER] += view_commands(v);
	view_target(v, &p->deletes[STAGE_ITEM]);
	if (rows)
		item_task_expire(p->item, EXPIRE_STEPS, put, &item_rows, put, &model);
	p->n_deletes[STAGE_ITEM] += view_commands(v);
}

/* Strings that nothing holds any more: when they have doubled, mark and sweep. Only with an empty combiner. */
static void sweep_symbols(struct loop *l)
{
	uint32_t living = symbols_count(l->engine->symbols);
	if (living < 2 * l->symbols_swept + (1u << 16))
		return;
	symbols_mark_begin(l->engine->symbols);
	model_mark(l->engine->model, l->engine->symbols);
	for (uint32_t i = 0; i < l->n_parts; i++) {
		if (l->parts[i].user)
			user_task_mark(l->parts[i].user);
		if (l->parts[i].item)
			item_task_mark(l->parts[i].item);
	}
	model_catalogue_sweep(l->engine->model);
	symbols_sweep(l->engine->symbols);
	l->symbols_swept = symbols_count(l->engine->symbols);
}

static int64_t model_pause(const struct loop *l)
{
	const struct config_glint *g = &l->config->glint;
	int64_t ms = l->behind ? g->model_interval_ms * LOOP_BEHIND_FACTOR : g->model_interval_ms;
	bool idle = l->now_ms - l->refresh.read_ms >= LOOP_IDLE_MS; /* nothing more comes: the last rows need not wait */
	return idle && g->commit_interval_ms < ms ? g->commit_interval_ms : ms;
}

/* How old the first unsaved change of an entity may become. Longer while far behind; then it comes down as time passes, so that what has piled up is not all
 * due with the last record. */
static void pace_rows(struct loop *l, int64_t passed_ms)
{
	int64_t interval = l->config->glint.snapshot_interval_ms, most = interval * LOOP_BEHIND_FACTOR, pause = l->snapshot_pause_ms - passed_ms;
	if (pause > most || l->behind)
		pause = most;
	l->snapshot_pause_ms = pause > interval ? pause : interval;
}

/* How many of a task's n waiting rows are to be written now. A wave goes at the pace of its crest: at that of what is left of it, a third would still be there, and be
 * due in one seal, when its time is over. */
static size_t share(struct part *p, enum stage stage, size_t n, int64_t passed_ms, int64_t of_ms)
{
	double *due = &p->rows_pace[stage].due, *crest = &p->rows_pace[stage].crest;
	double forgotten = (double)passed_ms / (CREST_PAUSES * (double)of_ms);
	*crest -= (*crest - (double)n) * (forgotten < 1 ? forgotten : 1);
	if (*crest < (double)n)
		*crest = (double)n;
	*due = n ? *due + *crest * (double)passed_ms / (double)of_ms : 0;
	size_t most = *due < AHEAD_ROWS ? (size_t)*due : AHEAD_ROWS;
	*due = *due - (double)most < AHEAD_ROWS ? *due - (double)most : AHEAD_ROWS;
	return most;
}

/* Rows go into the open interval bit by bit, so that no seal has to write them all while records wait. */
void seal_ahead(struct loop *l)
{
	int64_t passed = l->now_ms - l->ahead_ms;
	bool rows = l->config->glint.guarantee == GUARANTEE_EXACTLY_ONCE;
	if (passed <= 0)
		return;
	l->ahead_ms = l->now_ms;
	pace_rows(l, passed);
	if (combiner_bytes(l->engine->emitter) + interval_bytes(l->open) > l->bound_bytes) /* the last one is not committed yet */
		return;
	for (uint32_t i = 0; i < l->n_parts; i++) {
		struct part *p = &l->parts[i];
		if (p->state != PART_RUNNING)
			continue;
		struct put_to user_rows = { l, TOPIC_USER_ROWS, p->partition }, item_rows = { l, TOPIC_ITEM_ROWS, p->partition };
		struct put_to model = { l, TOPIC_MODEL, 0 };
		if (item_task_model(p->item, l->wall_ms, model_pause(l), AHEAD_KEYS, MODEL_BYTES / l->n_parts, put, &model))
			l->moves = true;
		if (!rows)
			continue;
		user_task_rows(p->user, share(p, STAGE_USER, p->user->rows.n, passed, l->snapshot_pause_ms), put, &user_rows);
		item_task_rows(p->item, share(p, STAGE_ITEM, p->item->rows.n, passed, l->snapshot_pause_ms), put, &item_rows);
	}
	if (l->moves)
		l->refresh.worked_ms = l->now_ms;
}

void seal(struct loop *l, bool last)
{
	const struct config_glint *g = &l->config->glint;
	if (!any_running(l))
		return;
	crashpoint("seal.begin");
	if (!l->refresh.rows_known) { /* nothing was published by these clients yet */
		l->refresh.rows_known = true;
		l->refresh.rows_out = global_model_rows(l->global);
	}
	work_time(l);
	bool rows = g->guarantee == GUARANTEE_EXACTLY_ONCE; /* nothing is restored from the embedded broker */
	bool all = last || !rows || l->refused.why[0]; /* what was refused once is asked of at once */
	for (uint32_t i = 0; i < l->n_parts; i++)
		if (l->parts[i].state == PART_RUNNING)
			expire(l, &l->parts[i], rows);
	l->moves |= combiner_encode(l->engine->emitter, put_delta, l) > 0;
	control(l);
	for (uint32_t i = 0; i < l->n_parts; i++) {
		struct part *p = &l->parts[i];
		if (p->state != PART_RUNNING)
			continue;
		positions(l, p);
		struct put_to user_rows = { l, TOPIC_USER_ROWS, p->partition }, item_rows = { l, TOPIC_ITEM_ROWS, p->partition };
		struct put_to model = { l, TOPIC_MODEL, 0 };
		alerts(l, p->item);
		if (!last) /* model rows first: an item's row then says that it has one */
			l->moves |= item_task_model(p->item, l->wall_ms, model_pause(l), SIZE_MAX, MODEL_BYTES / l->n_parts, put, &model) > 0;
		if (p->partition == 0 && p->item->group_changed) {
			buf_clear(&l->key);
			item_task_group_row(p->item, &l->key);
			interval_add(l->open, TOPIC_MODEL, 0, TEXT("~group"), (struct text){ (const char *)l->key.data, (uint32_t)l->key.size }, NULL);
			p->item->group_changed = false;
		}
		user_task_seal(p->user, l->wall_ms, l->snapshot_pause_ms, all, rows ? put : put_nothing, &user_rows);
		item_task_seal(p->item, l->wall_ms, l->snapshot_pause_ms, all, rows ? put : put_nothing, &item_rows);
	}
	l->open->group_metadata = source_group_metadata(l->source);
	if (!l->open->group_metadata && rows) {
		snprintf(l->why, sizeof(l->why), "the group's metadata cannot be had: not a member any more");
		l->rebuild = true;
		return;
	}
	if (loop_bad_row(l))
		return;
	sweep_symbols(l);
	if (l->moves)
		l->refresh.worked_ms = l->now_ms;
	struct interval *sealed = l->open;
	l->open = l->spare;
	l->spare = NULL;
	crashpoint("seal.sealed");
	committer_submit(l->committer, sealed);
	seal_open(l);
}

static void trim(struct loop *l)
{
	/* Behind the low of the commit before last. Lows are known for our own partitions only; others trim theirs. */
	int64_t *offsets = calloc(l->n_parts, sizeof(*offsets));
	bool any = false;
	for (uint32_t i = 0; offsets && i < l->n_parts; i++) {
		struct part *p = &l->parts[i];
		if (p->state != PART_RUNNING)
			continue;
		offsets[i] = p->low_history[0];
		any |= offsets[i] > 0;
	}
	if (any)
		committer_trim(l->committer, TOPIC_REPARTITION, offsets, (int32_t)l->n_parts);
	free(offsets);
}

static int64_t low_of(const struct item_task *t)
{
	return t->rows.n ? t->instants[t->first_instant].position : t->position;
}

void seal_fate(struct loop *l, struct interval *i)
{
	report_commit(l, i);
	l->spare = i;
	switch (i->fate) {
	case COMMIT_DONE:
		l->refresh.rows_out += i->model_rows;
		l->refresh.messages_out += i->messages;
		for (size_t k = 0; k < i->n_offsets; k++)
			l->parts[i->offsets[k].partition].committed[i->offsets[k].topic] = i->offsets[k].offset;
		log_over("commit", "committing again");
		refused_over(l);
		if (!l->config->embedded && l->bound_bytes < (size_t)l->config->glint.interval_bytes)
			l->bound_bytes += l->bound_bytes / 8 + 1;
		if (l->now_ms - l->trimmed_ms >= TRIM_MS && l->config->glint.guarantee == GUARANTEE_EXACTLY_ONCE) {
			l->trimmed_ms = l->now_ms;
			trim(l);
			for (uint32_t k = 0; k < l->n_parts; k++)
				if (l->parts[k].state == PART_RUNNING) {
					l->parts[k].low_history[0] = l->parts[k].low_history[1];
					l->parts[k].low_history[1] = low_of(l->parts[k].item);
				}
		}
		return;
	case COMMIT_TIMED_OUT:
		l->bound_bytes = l->bound_bytes / 2 > (64 << 10) ? l->bound_bytes / 2 : 64 << 10;
		/* fall through */
	case COMMIT_ABORTED:
		if (i->refused.any && refused_fate(l, i))
			return;
		log_warn("commit", "interval %llu was aborted (%s): its state is dropped and restored", (unsigned long long)i->number, i->why);
		if (l->assigned)
			assign_again(l);
		else
			assign_drop_all(l);
		return;
	case COMMIT_FENCED:
		l->fenced = true;
		/* fall through */
	case COMMIT_FAILED:
		snprintf(l->why, sizeof(l->why), "%.*s", (int)sizeof(l->why) - 1, i->why);
		l->rebuild = true;
		return;
	}
}
