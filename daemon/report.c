/* What operators see: metrics, health, STATUS, the start-up line; see loop.h. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/face/log.h"
#include "daemon/loop.h"
#include "version.h"

enum { EVERY_MS = 500, STATUS_EVERY_MS = 1000, REDIS_AWAY_MS = 3000 };

static const struct metric_family
	records = { "glint_records_total", METRIC_COUNTER, "Records of the inputs by how they ended.", { "topic", "partition", "outcome" }, 1, { 0 } },
	lag = { "glint_lag_records", METRIC_GAUGE, "Records between what was processed and the end of the partition.", { "topic", "partition" }, 1, { 0 } },
	lag_s = { "glint_lag_seconds", METRIC_GAUGE, "Age of the oldest event time that waits to be processed; 0 at the end.", { NULL }, 1000, { 0 } },
	freshness = { "glint_freshness_seconds", METRIC_GAUGE, "Age of the oldest change that no view in Redis shows.", { NULL }, 1000, { 0 } },
	commits = { "glint_commits_total", METRIC_COUNTER, "Sealed intervals by fate.", { "fate" }, 1, { 0 } },
	commit_s = { "glint_commit_seconds", METRIC_HISTOGRAM, "Time from handing over an interval to its commit.", { NULL }, 1000000,
		     { 2000, 5000, 10000, 20000, 50000, 100000, 200000, 500000, 1000000, 2000000, 5000000 } },
	out_records = { "glint_produced_records_total", METRIC_COUNTER, "Records written to topics of glint's own.", { NULL }, 1, { 0 } },
	out_bytes = { "glint_produced_bytes_total", METRIC_COUNTER, "Bytes written to topics of glint's own.", { NULL }, 1, { 0 } },
	deltas = { "glint_deltas_total", METRIC_COUNTER, "Deltas emitted by the user stage, before combining.", { NULL }, 1, { 0 } },
	users = { "glint_users", METRIC_GAUGE, "Shoppers in memory.", { NULL }, 1, { 0 } },
	items = { "glint_keys", METRIC_GAUGE, "Keys of the item stage in memory.", { NULL }, 1, { 0 } },
	strings = { "glint_strings", METRIC_GAUGE, "Interned strings.", { NULL }, 1, { 0 } },
	state = { "glint_state_bytes", METRIC_GAUGE, "Memory of state.", { NULL }, 1, { 0 } },
	model = { "glint_model_rows", METRIC_GAUGE, "Rows of the global table.", { NULL }, 1, { 0 } },
	catalogue = { "glint_catalogue_items", METRIC_GAUGE, "Items of the catalogue.", { NULL }, 1, { 0 } },
	bad_rows = { "glint_bad_rows_total", METRIC_COUNTER, "Rows of global tables that were not understood.", { NULL }, 1, { 0 } },
	watermark = { "glint_watermark_seconds", METRIC_GAUGE, "The group's watermark.", { NULL }, 1000, { 0 } },
	partitions = { "glint_partitions", METRIC_GAUGE, "Partition numbers owned, by state.", { "state" }, 1, { 0 } },
	restore_rows = { "glint_restore_rows", METRIC_GAUGE, "Rows read by the restore under way.", { NULL }, 1, { 0 } },
	restore_total = { "glint_restore_rows_expected", METRIC_GAUGE, "Rows that the restore under way may have to read.", { NULL }, 1, { 0 } },
	views_waiting = { "glint_views_waiting", METRIC_GAUGE, "Entities changed and not shown.", { "stage" }, 1, { 0 } },
	dropped = { "glint_dropped_total", METRIC_COUNTER, "What a bound made a processor drop.", { "processor", "what" }, 1, { 0 } },
	redis_up = { "glint_redis_connected", METRIC_GAUGE, "1 while connected to Redis.", { NULL }, 1, { 0 } },
	redis_commands = { "glint_redis_commands_total", METRIC_COUNTER, "Commands that Redis took.", { NULL }, 1, { 0 } },
	redis_refused = { "glint_redis_refused_total", METRIC_COUNTER, "Commands that Redis refused for their own sake.", { NULL }, 1, { 0 } },
	redis_batches = { "glint_redis_batches_total", METRIC_COUNTER, "Batches answered, by result.", { "result" }, 1, { 0 } },
	redis_errors = { "glint_redis_errors_total", METRIC_COUNTER, "Errors of Redis by what was done about them.", { "action" }, 1, { 0 } },
	redis_connects = { "glint_redis_connects_total", METRIC_COUNTER, "Connections made to Redis.", { NULL }, 1, { 0 } },
	head_waits = { "glint_head_waits_total", METRIC_COUNTER, "Times that an input's next record was awaited for head_wait in vain.", { NULL }, 1, { 0 } },
	reloads = { "glint_config_reloads_total", METRIC_COUNTER, "Reloads of the configuration by result.", { "result" }, 1, { 0 } },
	lost = { "glint_lost_records_total", METRIC_COUNTER, "Records that retention took from a log before they were read.", { NULL }, 1, { 0 } },
	restore_log = { "glint_restore_log_records", METRIC_GAUGE, "Records of the logs taken again by the restore under way.", { NULL }, 1, { 0 } },
	info = { "glint_build_info", METRIC_GAUGE, "1, labelled with the version.", { "version" }, 1, { 0 } };

struct loop_metrics {
	struct metric *lag_s, *freshness, *commits[5], *out_records, *out_bytes, *deltas, *users, *items, *strings, *state, *model, *catalogue, *bad_rows,
		*watermark, *running, *restoring, *restore_rows, *restore_total, *waiting[2], *redis_up, *redis_commands, *redis_refused,
		*redis_batches[3], *redis_errors[3], *redis_connects, *head_waits, *restore_log, *lost, *reloads[3], *dropped[PROCESSORS][DROPS];
	struct metric_histogram *commit_s;
	int64_t at_ms, status_ms;
	uint64_t applied;
	bool started;
};

void report_create(struct loop *l)
{
	struct loop_metrics *m = calloc(1, sizeof(*m));
	if (!m)
		abort();
	l->m = m;
	static const char *const fates[5] = { "done", "aborted", "timed_out", "failed", "fenced" };
	m->lag_s = metrics_add(l->metrics, &lag_s);
	m->freshness = metrics_add(l->metrics, &freshness);
	for (int i = 0; i < 5; i++)
		m->commits[i] = metrics_add(l->metrics, &commits, fates[i]);
	m->commit_s = metrics_add_histogram(l->metrics, &commit_s);
	m->out_records = metrics_add(l->metrics, &out_records);
	m->out_bytes = metrics_add(l->metrics, &out_bytes);
	m->deltas = metrics_add(l->metrics, &deltas);
	m->users = metrics_add(l->metrics, &users);
	m->items = metrics_add(l->metrics, &items);
	m->strings = metrics_add(l->metrics, &strings);
	m->state = metrics_add(l->metrics, &state);
	m->model = metrics_add(l->metrics, &model);
	m->catalogue = metrics_add(l->metrics, &catalogue);
	m->bad_rows = metrics_add(l->metrics, &bad_rows);
	m->watermark = metrics_add(l->metrics, &watermark);
	m->running = metrics_add(l->metrics, &partitions, "running");
	m->restoring = metrics_add(l->metrics, &partitions, "restoring");
	m->restore_rows = metrics_add(l->metrics, &restore_rows);
	m->restore_total = metrics_add(l->metrics, &restore_total);
	m->restore_log = metrics_add(l->metrics, &restore_log);
	m->lost = metrics_add(l->metrics, &lost);
	m->reloads[RELOAD_REFUSED] = metrics_add(l->metrics, &reloads, "refused");
	m->reloads[RELOAD_UNCHANGED] = metrics_add(l->metrics, &reloads, "unchanged");
	m->reloads[RELOAD_APPLIED] = metrics_add(l->metrics, &reloads, "applied");
	m->waiting[STAGE_USER] = metrics_add(l->metrics, &views_waiting, "user");
	m->waiting[STAGE_ITEM] = metrics_add(l->metrics, &views_waiting, "item");
	m->redis_up = metrics_add(l->metrics, &redis_up);
	m->redis_commands = metrics_add(l->metrics, &redis_commands);
	m->redis_refused = metrics_add(l->metrics, &redis_refused);
	m->redis_batches[BATCH_DONE] = metrics_add(l->metrics, &redis_batches, "done");
	m->redis_batches[BATCH_FENCED] = metrics_add(l->metrics, &redis_batches, "fenced");
	m->redis_batches[BATCH_WIPED] = metrics_add(l->metrics, &redis_batches, "wiped");
	m->redis_errors[0] = metrics_add(l->metrics, &redis_errors, "retry");
	m->redis_errors[1] = metrics_add(l->metrics, &redis_errors, "reconnect");
	m->redis_errors[2] = metrics_add(l->metrics, &redis_errors, "stop");
	m->head_waits = metrics_add(l->metrics, &head_waits);
	m->redis_connects = metrics_add(l->metrics, &redis_connects);
	for (int p = 0; p < PROCESSORS; p++)
		for (int d = 0; d < DROPS && processors[p]->drop_names && processors[p]->drop_names[d]; d++)
			m->dropped[p][d] = metrics_add(l->metrics, &dropped, processors[p]->name, processors[p]->drop_names[d]);
	metric_set(metrics_add(l->metrics, &info, GLINT_VERSION), 1);
}

void report_destroy(struct loop *l)
{
	free(l->m); /* its series live as long as the registry: the clients may be made anew */
	l->m = NULL;
}

void report_part(struct loop *l, struct part *p, bool owned)
{
	char partition[16];
	snprintf(partition, sizeof(partition), "%d", (int)p->partition);
	for (unsigned t = 0; t < l->n_topics; t++) {
		if (p->lag[t])
			metrics_remove(l->metrics, p->lag[t]);
		p->lag[t] = owned ? metrics_add(l->metrics, &lag, l->topics[t], partition) : NULL;
	}
	for (unsigned j = 0; j < INPUTS; j++)
		for (int o = 0; o < OUTCOMES; o++) {
			if (p->counters[j][o])
				metrics_remove(l->metrics, p->counters[j][o]);
			p->counters[j][o] = NULL;
			if (owned && l->input_topic[j] != UINT_MAX)
				p->counters[j][o] = metrics_add(l->metrics, &records, l->topics[l->input_topic[j]], partition, outcome_names[o]);
		}
}

void report_reload(struct loop *l, enum reload_result result)
{
	metric_inc(l->m->reloads[result]);
}

void report_commit(struct loop *l, const struct interval *i)
{
	metric_inc(l->m->commits[i->fate]);
	if (i->fate != COMMIT_DONE)
		return;
	metric_observe(l->m->commit_s, &commit_s, i->took_us);
	metric_add(l->m->out_records, (int64_t)i->n_records);
	metric_add(l->m->out_bytes, (int64_t)i->bytes.size);
}

/* Lag of the process's partitions in records; of what it knows from its own consumer. */
static int64_t total_lag(struct loop *l, bool update)
{
	int64_t total = 0;
	for (uint32_t i = 0; i < l->n_parts; i++) {
		struct part *p = &l->parts[i];
		if (p->state != PART_RUNNING)
			continue;
		for (unsigned t = 0; t < l->n_topics; t++) {
			int64_t n = source_lag(l->source, t, p->partition);
			if (t != l->repartition)
				total += n;
			if (update && p->lag[t])
				metric_set(p->lag[t], n);
		}
	}
	return total;
}

static void parts(struct loop *l)
{
	struct loop_metrics *m = l->m;
	int64_t running = 0, restoring = 0, waiting[2] = { 0 }, oldest = l->wall_ms, behind = 0;
	for (uint32_t i = 0; i < l->n_parts; i++) {
		struct part *p = &l->parts[i];
		restoring += p->state == PART_RESTORING;
		if (p->state != PART_RUNNING)
			continue;
		running++;
		waiting[STAGE_USER] += (int64_t)p->user->views.n;
		waiting[STAGE_ITEM] += (int64_t)p->item->views.n;
		if (p->user->views.n) {
			const struct user *u = LIST_OWNER(p->user->views.head.next, struct user, view_link);
			oldest = u->touched_ms < oldest ? u->touched_ms : oldest;
		}
		for (unsigned j = 0; j < INPUTS; j++) {
			for (int o = 0; o < OUTCOMES; o++)
				if (p->counters[j][o])
					metric_set(p->counters[j][o], (int64_t)p->user->in[j].counters[o]);
			if (p->feed.ready[j] && l->wall_ms - p->feed.heads[j].ts > behind)
				behind = l->wall_ms - p->feed.heads[j].ts;
		}
	}
	metric_set(m->running, running);
	metric_set(m->restoring, restoring);
	metric_set(m->waiting[STAGE_USER], waiting[STAGE_USER]);
	metric_set(m->waiting[STAGE_ITEM], waiting[STAGE_ITEM]);
	metric_set(m->freshness, l->wall_ms - oldest);
	metric_set(m->lag_s, behind);
}

static void redis(struct loop *l)
{
	struct loop_metrics *m = l->m;
	struct publisher_stats s;
	publisher_stats(l->publisher, &s);
	metric_set(m->redis_up, s.connected);
	metric_set(m->redis_commands, (int64_t)s.commands);
	metric_set(m->redis_refused, (int64_t)s.refused);
	metric_set(m->redis_batches[BATCH_DONE], (int64_t)(s.batches - s.fenced - s.wiped));
	metric_set(m->redis_batches[BATCH_FENCED], (int64_t)s.fenced);
	metric_set(m->redis_batches[BATCH_WIPED], (int64_t)s.wiped);
	metric_set(m->redis_errors[0], (int64_t)s.errors_retry);
	metric_set(m->redis_errors[1], (int64_t)s.errors_reconnect);
	metric_set(m->redis_errors[2], (int64_t)s.errors_stop);
	metric_set(m->redis_connects, (int64_t)s.connects);
}

static void tell(struct loop *l)
{
	struct loop_metrics *m = l->m;
	double seconds = (double)(l->now_ms - m->status_ms) / 1000;
	double rate = seconds > 0 ? (double)(l->applied - m->applied) / seconds : 0;
	int64_t behind = total_lag(l, true);
	m->applied = l->applied;
	m->status_ms = l->now_ms;
	if (l->restore) {
		struct restore_progress done = restore_progress(l->restore);
		notify_status("restoring: %llu of at most %llu rows, %llu records", (unsigned long long)done.rows, (unsigned long long)done.rows_total,
			      (unsigned long long)done.records);
	} else {
		notify_status("%.0f events/s, lag %lld records, %lld partitions, %llu shoppers, %llu keys%s%s", rate, (long long)behind,
			      (long long)metric_get(m->running), (unsigned long long)l->engine->users, (unsigned long long)l->engine->items,
			      l->reload.refused[0] ? "; reload refused: " : "", l->reload.refused);
	}
	uint64_t counted[OUTCOMES] = { 0 };
	for (uint32_t i = 0; i < l->n_parts; i++)
		for (unsigned j = 0; l->parts[i].state == PART_RUNNING && j < INPUTS; j++)
			for (int o = 0; o < OUTCOMES; o++)
				counted[o] += l->parts[i].user->in[j].counters[o];
	char heartbeat[768];
	int n = snprintf(heartbeat, sizeof(heartbeat),
			 "{\"v\":1,\"instance\":\"%s\",\"version\":\"%s\",\"as_of\":%lld,\"events_per_second\":%.0f,\"lag_records\":%lld,"
			 "\"lag_seconds\":%.3f,\"freshness_seconds\":%.3f,\"partitions\":%lld,\"users\":%llu,\"keys\":%llu,"
			 "\"applied\":%llu,\"duplicate\":%llu,\"late\":%llu,\"filtered\":%llu,\"dead_lettered\":%llu}",
			 l->config->glint.instance, GLINT_VERSION, (long long)l->wall_ms, rate, (long long)behind, (double)metric_get(m->lag_s) / 1000,
			 (double)metric_get(m->freshness) / 1000, (long long)metric_get(m->running), (unsigned long long)l->engine->users,
			 (unsigned long long)l->engine->items, (unsigned long long)counted[APPLIED], (unsigned long long)counted[DUPLICATE],
			 (unsigned long long)counted[LATE], (unsigned long long)counted[FILTERED], (unsigned long long)counted[DEAD_LETTERED]);
	publisher_set_heartbeat(l->publisher, (struct text){ heartbeat, n > 0 && n < (int)sizeof(heartbeat) ? (uint32_t)n : 0 });
}

void report_round(struct loop *l)
{
	struct loop_metrics *m = l->m;
	health_progress(l->health, l->now_ms);
	notify_progress(&l->notify, l->now_ms);
	if (l->now_ms - m->at_ms < EVERY_MS)
		return;
	m->at_ms = l->now_ms;
	parts(l);
	redis(l);
	metric_set(m->deltas, (int64_t)combiner_emitted(l->engine->emitter));
	metric_set(m->head_waits, (int64_t)l->head_waits);
	metric_set(m->users, (int64_t)l->engine->users);
	metric_set(m->items, (int64_t)l->engine->items);
	metric_set(m->strings, symbols_count(l->engine->symbols));
	metric_set(m->state, (int64_t)pool_bytes(l->engine->pool));
	metric_set(m->model, (int64_t)model_rows(l->engine->model));
	metric_set(m->catalogue, (int64_t)model_catalogue_rows(l->engine->model));
	metric_set(m->bad_rows, (int64_t)global_bad_rows(l->global));
	metric_set(m->watermark, global_watermark(l->global) == INT64_MIN ? 0 : global_watermark(l->global));
	for (int p = 0; p < PROCESSORS; p++)
		for (int d = 0; d < DROPS && m->dropped[p][d]; d++)
			metric_set(m->dropped[p][d], (int64_t)l->engine->drops[p][d]);
	struct restore_progress done = { 0 };
	if (l->restore)
		done = restore_progress(l->restore);
	metric_set(m->restore_rows, (int64_t)done.rows);
	metric_set(m->restore_total, (int64_t)done.rows_total);
	metric_set(m->restore_log, (int64_t)done.records);
	metric_set(m->lost, (int64_t)(l->lost + source_lost(l->source)));
	bool reachable = source_reachable(l->source, l->now_ms);
	health_set(l->health, HEALTH_KAFKA, reachable && !l->refused.why[0], reachable ? l->refused.why : "no broker answers");
	health_set(l->health, HEALTH_ASSIGNED, l->assigned, "waiting for the group to assign partitions");
	char restoring[HEALTH_WHY_BYTES] = "reading the global tables";
	if (l->restore)
		snprintf(restoring, sizeof(restoring), "restoring %zu of %u partitions: %llu of at most %llu rows, %llu records of the logs", l->n_restore,
			 l->n_parts, (unsigned long long)done.rows, (unsigned long long)done.rows_total, (unsigned long long)done.records);
	health_set(l->health, HEALTH_RESTORED, !l->restore && global_ready(l->global), restoring);
	if (l->now_ms - m->status_ms >= STATUS_EVERY_MS)
		tell(l);
	if (!m->started && l->assigned && !l->restore && global_ready(l->global))
		report_started(l);
}

void report_started(struct loop *l)
{
	int64_t running = 0;
	for (uint32_t i = 0; i < l->n_parts; i++)
		running += l->parts[i].state == PART_RUNNING;
	char inputs[800] = "";
	size_t n = 0;
	for (unsigned t = 0; t < l->repartition && n < sizeof(inputs); t++)
		n += (size_t)snprintf(inputs + n, sizeof(inputs) - n, "%s%s", t ? ", " : "", l->topics[t]);
	log_info(NULL, "glintd %s is ready: group '%s' on %s; %s (%lld of %u partitions); Redis %s; %s; lag %lld records", GLINT_VERSION,
		 l->config->kafka.group_id, l->bootstrap ? l->bootstrap : l->config->kafka.bootstrap_servers, inputs, (long long)running, l->n_parts,
		 l->config->redis.where, l->config->glint.guarantee == GUARANTEE_EXACTLY_ONCE ? "exactly once" : "at least once",
		 (long long)total_lag(l, false));
	l->m->started = true;
	l->notify.ready = true;
	l->notify.fed_ms = 0;
	notify_ready("ready: %lld of %u partitions", (long long)running, l->n_parts);
}
