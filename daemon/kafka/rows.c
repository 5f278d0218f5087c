/* Restores tasks; see rows.h. */
#include "rows.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "daemon/face/crashpoint.h"
#include "daemon/face/log.h"

enum { USER_ROWS,
	ITEM_ROWS,
	ROW_TOPICS };
enum { HASHES = 16 };

struct rows_of { /* one partition of a rows topic */
	int64_t end;
	struct row_reader *reader;
	uint64_t hashes[HASHES], taken; /* of the shoppers of the rows that come next, by number; 0: not known */
	bool done;
};

struct restore {
	const struct config *config;
	const struct topics_layout *layout;
	char *bootstrap;
	int wake_fd;
	struct restore_task *tasks;
	size_t n;
	struct source *rows, *logs; /* logs NULL: the rows are being read */
	struct rows_of *of[ROW_TOPICS]; /* by task */
	unsigned repartition;           /* topic index in logs */
	struct restore_progress progress;
	int64_t first_us, last_us; /* of the rows */
};

static int64_t now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int restore_create(const struct config *config, const char *bootstrap, const struct topics_layout *layout, struct restore_task *tasks, size_t n,
		   int wake_fd, struct restore **ret, char *error, size_t size)
{
	struct restore *r = calloc(1, sizeof(*r));
	struct source_place *places = calloc(ROW_TOPICS * n, sizeof(*places));
	struct source *ends = NULL;
	if (!r || !places)
		abort();
	*r = (struct restore){ .config = config, .layout = layout, .wake_fd = wake_fd, .tasks = tasks, .n = n };
	r->bootstrap = bootstrap ? strdup(bootstrap) : NULL;
	const char *topics[ROW_TOPICS] = { layout->names[TOPIC_USER_ROWS], layout->names[TOPIC_ITEM_ROWS] };
	/* The true end comes from a read_uncommitted client only: with an open transaction the others see the last stable offset. */
	int rc = source_create(config, KAFKA_READER_UNCOMMITTED, bootstrap, topics, ROW_TOPICS, -1, NULL, &ends, error, size);
	if (rc == 0)
		rc = source_create(config, KAFKA_READER, bootstrap, topics, ROW_TOPICS, wake_fd, NULL, &r->rows, error, size);
	for (unsigned t = 0; rc == 0 && t < ROW_TOPICS; t++) {
		r->of[t] = calloc(n, sizeof(*r->of[t]));
		if (!r->of[t])
			abort();
		for (size_t i = 0; rc == 0 && i < n; i++) {
			int64_t first = 0;
			struct rows_of *o = &r->of[t][i];
			rc = source_watermarks(ends, t, tasks[i].partition, 10000, &first, &o->end, error, size);
			o->reader = row_reader_create();
			r->progress.rows_total += (uint64_t)(o->end - first);
			places[t * n + i] = (struct source_place){ t, tasks[i].partition, SOURCE_BEGINNING };
		}
	}
	if (rc == 0)
		rc = source_assign(r->rows, places, ROW_TOPICS * n, error, size);
	source_destroy(ends, true);
	free(places);
	if (rc < 0) {
		restore_destroy(r);
		return rc;
	}
	*ret = r;
	return 0;
}

void restore_destroy(struct restore *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n; i++)
		feed_drop_heads(r->tasks[i].feed);
	source_destroy(r->rows, true);
	source_destroy(r->logs, true);
	for (unsigned t = 0; t < ROW_TOPICS; t++) {
		for (size_t i = 0; r->of[t] && i < r->n; i++)
			row_reader_destroy(r->of[t][i].reader);
		free(r->of[t]);
	}
	free(r->bootstrap);
	free(r);
}

struct restore_progress restore_progress(const struct restore *r)
{
	return r->progress;
}

/* ---- rows ---- */

static int take_row(struct restore *r, unsigned topic, size_t i, const struct source_record *record, char *error, size_t size)
{
	struct text entity, bytes;
	uint16_t pieces;
	int rc = row_reader_take(r->of[topic][i].reader, record->key, record->value, &entity, &bytes, &pieces);
	if (rc == 1)
		rc = topic == USER_ROWS ? user_task_load(r->tasks[i].user, entity, bytes, pieces) : item_task_load(r->tasks[i].item, entity, bytes, pieces);
	if (rc < 0)
		snprintf(error, size, "%s [%d], offset %lld: a row of an unknown format (written by a newer glintd?)",
			 r->layout->names[topic == USER_ROWS ? TOPIC_USER_ROWS : TOPIC_ITEM_ROWS], (int)r->tasks[i].partition,
			 (long long)record->offset);
	return rc < 0 ? rc : 0;
}

/* What the next rows are read from, and what they will touch, is asked for ahead. */
static void look_ahead(struct restore *r, unsigned topic, size_t i)
{
	enum { BYTES_AHEAD = 4,
		LINE = 64,
		LINES = 8 };
	static const uint8_t ahead[] = { [SOON_SLOT] = 12, [SOON_USER] = 8, [SOON_BLOCKS] = 4 };
	int32_t partition = r->tasks[i].partition;
	struct text value = source_value_ahead(r->rows, topic, partition, BYTES_AHEAD);
	for (size_t line = 0; line < LINES && line * LINE < value.size; line++)
		__builtin_prefetch(value.data + line * LINE);
	if (topic != USER_ROWS)
		return;
	struct text key = source_key_ahead(r->rows, topic, partition, ahead[SOON_SLOT]);
	uint64_t *hashes = r->of[topic][i].hashes, n = r->of[topic][i].taken++;
	hashes[(n + ahead[SOON_SLOT]) % HASHES] =
		key.size > PIECE_KEY_BYTES ? user_task_hash((struct text){ key.data + PIECE_KEY_BYTES, key.size - PIECE_KEY_BYTES }) : 0;
	for (int step = SOON_SLOT; step <= SOON_BLOCKS; step++)
		user_task_row_soon(r->tasks[i].user, hashes[(n + ahead[step]) % HASHES], (enum soon)step);
}

static int rows_step(struct restore *r, int64_t until_us, char *error, size_t size)
{
	bool done = true;
	for (unsigned t = 0; t < ROW_TOPICS; t++)
		for (size_t i = 0; i < r->n; i++) {
			struct rows_of *o = &r->of[t][i];
			struct source_record record;
			int budget = 4096;
			while (!o->done && source_peek(r->rows, t, r->tasks[i].partition, &record)) {
				look_ahead(r, t, i);
				int rc = take_row(r, t, i, &record, error, size);
				if (rc < 0)
					return rc;
				source_next(r->rows, t, r->tasks[i].partition);
				if (!r->progress.rows++)
					r->first_us = now_us();
				r->progress.row_bytes += record.key.size + record.value.size;
				if (--budget == 0) {
					if (now_us() > until_us)
						return 0;
					budget = 4096;
				}
			}
			if (!o->done && source_position(r->rows, t, r->tasks[i].partition) >= o->end)
				o->done = true;
			done &= o->done;
		}
	return done;
}

/* 1: all of the items' are. */
static int unpack_items(struct restore *r, int64_t until_us, char *error, size_t size)
{
	enum { STEP = 64 };
	for (size_t i = 0; i < r->n; i++)
		while (r->tasks[i].item->packed.n) {
			r->progress.unpacked += r->tasks[i].item->packed.n;
			int rc = item_task_unpack(r->tasks[i].item, STEP);
			r->progress.unpacked -= r->tasks[i].item->packed.n;
			if (rc < 0) {
				snprintf(error, size, "%s [%d]: a row that cannot be read (written by another version of glintd?)", r->layout->names[TOPIC_ITEM_ROWS], (int)r->tasks[i].partition);
				return -EBADMSG;
			}
			if (now_us() > until_us)
				return 0;
		}
	return 1;
}

/* ---- logs ---- */

static int logs_start(struct restore *r, int64_t now_ms, char *error, size_t size)
{
	const char *topics[SOURCE_TOPICS];
	unsigned n_topics = 0, input_topic[INPUTS];
	static const enum event_kind kinds[INPUTS] = { EVENT_CLICK, EVENT_PURCHASE, EVENT_REVIEW };
	for (int j = 0; j < INPUTS; j++) {
		input_topic[j] = UINT_MAX;
		if (r->config->topics.of[kinds[j]].name[0]) {
			input_topic[j] = n_topics;
			topics[n_topics++] = r->config->topics.of[kinds[j]].name;
		}
	}
	r->repartition = n_topics;
	topics[n_topics++] = r->layout->names[TOPIC_REPARTITION];
	int rc = source_create(r->config, KAFKA_READER, r->bootstrap, topics, n_topics, r->wake_fd, NULL, &r->logs, error, size);
	if (rc < 0)
		return rc;
	struct source_place *places = calloc(r->n * SOURCE_TOPICS, sizeof(*places));
	if (!places)
		abort();
	size_t n = 0;
	for (size_t i = 0; i < r->n; i++) {
		struct restore_task *task = &r->tasks[i];
		struct feed *f = task->feed;
		/* What the log makes dirty from now on refers to the positions of the rows. */
		user_task_interval(task->user, 0, now_ms);
		item_task_interval(task->item, 0, now_ms);
		f->source = r->logs;
		f->live = false;
		for (int j = 0; j < INPUTS; j++) {
			if (input_topic[j] == UINT_MAX)
				continue;
			int64_t low = task->user->in[j].position;
			/* All of a group's offsets expire at once; a topic's go with the topic. */
			if (task->committed[j] < 0 && task->user->counted_to[j] > 0 && task->item_committed >= 0 && task->item_committed != INT64_MAX) {
				snprintf(error, size, "topic '%s' was deleted and made anew: %lld records of partition %d are counted, but the group has no "
						      "offset of it any more", topics[input_topic[j]], (long long)task->user->counted_to[j], (int)task->partition);
				rc = -EDOM;
				goto end;
			}
			if (task->committed[j] < task->user->counted_to[j]) /* the group's offsets have expired: the row came with them */
				task->committed[j] = task->user->counted_to[j];
			f->limit[j] = task->committed[j] > low ? task->committed[j] : low;
			if (f->limit[j] > low) /* else there is nothing to read again */
				places[n++] = (struct source_place){ input_topic[j], task->partition, low };
		}
		if (task->item_committed < task->item->reaches)
			task->item_committed = task->item->reaches;
		if (task->item_committed == INT64_MAX) { /* a dump: everything that is stable */
			int64_t first;
			rc = source_watermarks(r->logs, r->repartition, task->partition, 10000, &first, &task->item_committed, error, size);
			if (rc < 0)
				goto end;
		}
		if (task->item_committed > task->item->position)
			places[n++] = (struct source_place){ r->repartition, task->partition, task->item->position };
	}
	rc = source_assign(r->logs, places, n, error, size);
	crashpoint("restore.log");
end:
	free(places);
	return rc;
}

static int logs_step(struct restore *r, int64_t until_us, int64_t now_ms, char *error, size_t size)
{
	bool done = true;
	for (size_t i = 0; i < r->n; i++) {
		struct restore_task *task = &r->tasks[i];
		struct source_record record;
		int budget = 1024;
		while (task->item->position < task->item_committed &&
		       source_peek(r->logs, r->repartition, task->partition, &record) && record.offset < task->item_committed) {
			if (item_task_apply(task->item, record.offset, record.value, false, now_ms) < 0) {
				snprintf(error, size, "%s [%d], offset %lld: not a message of ours", r->layout->names[TOPIC_REPARTITION],
					 (int)task->partition, (long long)record.offset);
				return -EBADMSG;
			}
			source_next(r->logs, r->repartition, task->partition);
			r->progress.records++;
			if (--budget == 0) {
				if (now_us() > until_us)
					return 0;
				budget = 1024;
			}
		}
		int64_t position = source_position(r->logs, r->repartition, task->partition);
		done &= position < 0 || position >= task->item_committed;
		bool missing;
		int j;
		while ((j = feed_least(task->feed, now_ms, &missing)) >= 0 && !missing) {
			feed_apply(task->feed, (unsigned)j, now_ms);
			r->progress.records++;
			if (--budget <= 0) {
				if (now_us() > until_us)
					return 0;
				budget = 1024;
			}
		}
		r->progress.records += task->feed->skipped;
		task->feed->skipped = false;
		done &= feed_finished(task->feed);
	}
	return done;
}

static void finish(struct restore *r)
{
	for (size_t i = 0; i < r->n; i++) {
		struct restore_task *task = &r->tasks[i];
		feed_drop_heads(task->feed);
		for (int j = 0; j < INPUTS; j++) {
			task->feed->limit[j] = INT64_MAX;
			/* markers behind the last record are part of what was committed */
			if (task->committed[j] > task->user->in[j].position)
				task->user->in[j].position = task->committed[j];
		}
		user_task_restored(task->user);
		if (task->item_committed > task->item->position)
			task->item->position = task->item_committed;
	}
}

int restore_step(struct restore *r, bool tables, int64_t budget_us, int64_t now_ms, char *error, size_t size)
{
	int64_t until_us = now_us() + budget_us;
	struct source *active = r->logs ? r->logs : r->rows;
	int rc = source_poll(active, error, size);
	if (rc < 0)
		return rc;
	if (!r->logs) {
		rc = rows_step(r, until_us, error, size);
		if (rc > 0)
			rc = unpack_items(r, until_us, error, size);
		if (rc <= 0)
			return rc;
		if (!r->last_us)
			r->progress.rows_us = r->progress.rows ? now_us() - r->first_us : 0;
		r->last_us = now_us();
		if (!tables)
			return 0;
		rc = logs_start(r, now_ms, error, size);
		if (rc < 0)
			return rc;
	}
	rc = logs_step(r, until_us, now_ms, error, size);
	r->progress.lost = source_lost(r->logs);
	if (rc == 1) {
		finish(r);
		r->progress.logs_us = now_us() - r->last_us;
	}
	return rc;
}
