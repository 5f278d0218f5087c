/* The round, the start and the stop; see loop.h. */
#include "daemon/loop.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "daemon/face/log.h"
#include "version.h"

enum { CONNECT_MS = 30000, IDLE_MS = 20, GLOBAL_BUDGET = 2000, TIME_MS = 20, REBUILD_PAUSE_MS = 200, FENCE_MS = 6000, SETTLED_MS = 30000, EMBEDDED_INTERVAL_BYTES = 2 << 20 };

int64_t clock_monotonic_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t clock_wall_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void clocks(struct loop *l)
{
	l->now_ms = clock_monotonic_ms();
	l->wall_ms = clock_wall_ms();
}

size_t loop_bound_bytes(const struct config *config)
{
	size_t bytes = (size_t)config->glint.interval_bytes;
	return config->embedded && bytes > EMBEDDED_INTERVAL_BYTES ? EMBEDDED_INTERVAL_BYTES : bytes;
}

static struct engine *make_engine(const struct loop_setup *setup)
{
	const struct config_glint *g = &setup->config->glint;
	const struct config_topics *topics = &setup->config->topics;
	struct engine_rules rules = {
		.partitions = (uint32_t)setup->layout->partitions,
		.allowed_lateness_ms = g->allowed_lateness_ms, .max_jump_ms = g->max_jump_ms, .settle_ms = g->settle_ms, .live_ms = 3600000,
		.dedup_ring = (uint32_t)g->dedup_ring, .max_users = (uint64_t)g->max_users, .max_items = (uint64_t)g->max_items,
		.user_idle_ms = g->user_expiry_ms, .item_idle_ms = g->item_expiry_ms,
		.least_shoppers = setup->config->privacy.k,
		.least_baskets = setup->config->privacy.k_of_counts ? setup->config->privacy.k : 0,
		.inputs = { topics->of[EVENT_CLICK].name[0], topics->of[EVENT_PURCHASE].name[0], topics->of[EVENT_REVIEW].name[0] },
	};
	for (int p = 0; p < PROCESSORS; p++)
		rules.off[p] = config_processor_off(setup->config, processors[p]->name);
	return engine_create(&rules, setup->settings, setup->config->redis.prefix);
}

static int clients_start(struct loop *l, char *error, size_t size)
{
	const struct config *config = l->config;
	const char *outs[COMMIT_TOPICS];
	for (int t = 0; t < COMMIT_TOPICS; t++)
		outs[t] = l->layout.names[t];
	const char *inputs[SOURCE_TOPICS] = { NULL };
	memcpy(inputs, l->topics, sizeof(inputs));
	l->refresh.rows_known = false;
	/* Transactions first: a predecessor's open one is aborted before anything is read. */
	int rc = committer_create(config, l->bootstrap, outs, inputs, l->wake_fd, CONNECT_MS, l->batch_bytes, &l->committer, error, size);
	if (rc == 0)
		rc = global_create(config, l->bootstrap, &l->layout, l->items_partitions, l->engine, l->wake_fd, &l->global, error, size);
	struct source_events events = { assign_partitions, assign_revoked, l };
	if (rc == 0)
		rc = source_create(config, KAFKA_CONSUMER, l->bootstrap, l->topics, l->n_topics, l->wake_fd, &events, &l->source, error, size);
	if (rc == 0)
		committer_consumer(l->committer, source_client(l->source));
	health_set(l->health, HEALTH_KAFKA, rc == 0 && !l->refused.why[0], rc == 0 ? l->refused.why : error);
	return rc;
}

static void clients_stop(struct loop *l, bool quick)
{
	views_alerts_stop(l);
	if (l->source)
		l->lost += source_lost(l->source);
	if (l->source && !quick)
		source_destroy(l->source, false);
	if (quick)
		assign_drop_all(l);
	committer_destroy(l->committer, quick);
	l->committer = NULL;
	if (quick)
		source_destroy(l->source, true);
	l->source = NULL;
	assign_drop_all(l);
	global_destroy(l->global);
	l->global = NULL;
	model_clear(l->engine->model);
	if (!l->spare)
		l->spare = interval_create();
	l->assigned = false;
}

static void drain_fd(int fd)
{
	uint64_t n;
	if (read(fd, &n, sizeof(n)) < 0 && errno != EAGAIN)
		log_debug(NULL, "event fd: %s", strerror(errno));
}

static void idle(struct loop *l)
{
	int64_t until_seal = l->opened_ms + l->config->glint.commit_interval_ms - l->now_ms;
	int timeout = until_seal > 0 && until_seal < IDLE_MS ? (int)until_seal : IDLE_MS;
	struct pollfd fds[2] = { { l->wake_fd, POLLIN, 0 }, { publisher_fd(l->publisher), POLLIN, 0 } };
	poll(fds, 2, timeout); /* a signal ends it, too */
	drain_fd(l->wake_fd);
}

bool loop_bad_row(struct loop *l)
{
	if (!l->engine->bad_row[0])
		return false;
	snprintf(l->why, sizeof(l->why), "%s: nothing is committed on top of it (written by another version of glintd?)", l->engine->bad_row);
	l->rebuild = true;
	return true;
}

/* One round. False: the clients are of no use any more, or we are fenced (l->why). */
static int go_round(struct loop *l)
{
	char error[400] = "";
	bool any = false;
	clocks(l);
	reload_round(l);
	int rc = source_poll(l->source, error, sizeof(error));
	if (rc < 0) {
		snprintf(l->why, sizeof(l->why), "%s", error);
		return rc;
	}
	struct interval *i = committer_completed(l->committer);
	if (i)
		seal_fate(l, i);
	refused_round(l);
	if (l->rebuild)
		return l->fenced ? -ESTALE : -EIO;
	int taken = global_poll(l->global, GLOBAL_BUDGET, error, sizeof(error));
	if (taken < 0) {
		snprintf(l->why, sizeof(l->why), "global tables: %s", error);
		return taken;
	}
	if (l->parts[0].state == PART_RUNNING && l->changes_shown != global_changes(l->global)) {
		l->changes_shown = global_changes(l->global); /* lists over many keys are made from the tables, which follow the items' own state */
		item_task_view_due(l->parts[0].item, (struct key){ KEY_ALL, 0 }, l->wall_ms);
	}
	if (l->restore) {
		rc = assign_restore(l);
		if (rc == -EDOM)
			return rc;
		any |= rc > 0;
	}
	bool worked = work_step(l);
	if (worked)
		l->refresh.read_ms = l->refresh.worked_ms = l->now_ms;
	if (l->drained)
		l->drain_since_ms = l->now_ms;
	if (l->now_ms - l->time_ms >= TIME_MS) { /* a seal does it, too */
		l->time_ms = l->now_ms;
		work_time(l);
		l->backlog = work_backlog(l);
	}
	l->behind = l->now_ms - l->drain_since_ms > l->config->redis.behind_ms || l->backlog > LOOP_BACKLOG;
	any |= worked | views_step(l) | (taken > 0);
	seal_ahead(l);
	if (!loop_bad_row(l) && !l->rebuild && seal_due(l))
		seal(l, false);
	report_round(l);
	if (l->rebuild)
		return -EIO;
	if (!any)
		idle(l);
	return 0;
}

/* SIGTERM: what is processed is committed with all rows, Redis gets what it can take, the group is left as a static member does. */
static void stop_cleanly(struct loop *l)
{
	int64_t until = clock_monotonic_ms() + l->config->glint.shutdown_timeout_ms * 7 / 10;
	notify_stopping("stopping: committing and draining");
	health_stopping(l->health);
	while (views_pending(l) && clock_monotonic_ms() < until - l->config->glint.shutdown_timeout_ms / 2) {
		clocks(l);
		struct interval *i = committer_completed(l->committer);
		if (i)
			seal_fate(l, i);
		bool any = !l->rebuild && views_step(l);
		if (loop_bad_row(l))
			break;
		if (!any)
			poll(&(struct pollfd){ publisher_fd(l->publisher), POLLIN, 0 }, 1, 10);
	}
	struct interval *i = committer_wait(l->committer, (int)(until - clock_monotonic_ms() > 0 ? until - clock_monotonic_ms() : 0));
	if (i)
		seal_fate(l, i);
	if (!l->rebuild && committer_idle(l->committer) && !l->restore) {
		clocks(l);
		seal(l, true);
		int64_t left = until - clock_monotonic_ms();
		i = committer_wait(l->committer, left > 0 ? (int)left : 0);
		if (i) {
			seal_fate(l, i);
			if (i->fate == COMMIT_DONE)
				log_info(NULL, "committed; every change is in a row");
		}
	}
	if (l->rebuild)
		log_error(NULL, "the last interval is not committed, it will be processed again: %s", l->why);
	if (!committer_idle(l->committer))
		log_warn(NULL, "Kafka did not answer in time: the last interval is not committed, it will be processed again");
}

/* The group refuses this member. A process that was started under our name has taken our transactional id before it joined, so that a
 * transaction of ours is refused: ask by one that is aborted. Else nobody has: the answer to a join of ours was lost, and the group knows us
 * by another id. A client whose transaction outlived its time is refused, too, by the coordinator that ended it: it cannot tell any more. */
static bool fenced_by_another(struct loop *l)
{
	struct interval *i = committer_wait(l->committer, FENCE_MS);
	if (i)
		l->spare = i;
	if (i && i->fate == COMMIT_FENCED)
		return true;
	if ((i && i->fate == COMMIT_FAILED) || !committer_idle(l->committer)) /* no answer: new clients will ask */
		return false;
	i = l->spare;
	interval_clear(i);
	interval_add(i, TOPIC_MODEL, 0, TEXT("~probe"), (struct text){ 0 }, NULL);
	i->probe = true;
	l->spare = NULL;
	committer_submit(l->committer, i);
	i = committer_wait(l->committer, FENCE_MS);
	if (i)
		l->spare = i;
	return i && i->fate == COMMIT_FENCED;
}

int loop_run(const struct loop_setup *setup, const atomic_int *stop)
{
	static const enum event_kind kinds[INPUTS] = { EVENT_CLICK, EVENT_PURCHASE, EVENT_REVIEW };
	struct loop *l = calloc(1, sizeof(*l));
	char error[512] = "";
	int code = 0;
	if (!l)
		return EX_OSERR;
	l->config = l->reload.running = setup->config;
	l->reload.asked = setup->reload_asked;
	l->reload.load = setup->reload;
	l->reload.to = setup->reload_to;
	l->bootstrap = setup->bootstrap;
	l->layout = *setup->layout;
	l->items_partitions = setup->items_partitions;
	l->health = setup->health;
	l->metrics = setup->metrics;
	for (int j = 0; j < INPUTS; j++) {
		l->input_topic[j] = UINT_MAX;
		if (!l->config->topics.of[kinds[j]].name[0])
			continue;
		l->input_topic[j] = l->n_topics;
		l->topics[l->n_topics++] = l->config->topics.of[kinds[j]].name;
	}
	l->repartition = l->n_topics;
	l->topics[l->n_topics++] = l->layout.names[TOPIC_REPARTITION];
	l->engine = make_engine(setup);
	l->n_parts = (uint32_t)l->layout.partitions;
	l->parts = calloc(l->n_parts, sizeof(*l->parts));
	for (uint32_t i = 0; i < l->n_parts; i++)
		l->parts[i].partition = (int32_t)i;
	l->open = interval_create();
	l->spare = interval_create();
	l->bound_bytes = loop_bound_bytes(l->config);
	l->alerts_position = -1;
	l->letter_bytes = UINT32_MAX;
	l->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	notify_init(&l->notify);
	report_create(l);
	clocks(l);
	l->drain_since_ms = l->behind_budget_ms = l->now_ms;
	char run[32];
	snprintf(run, sizeof(run), "%lld", (long long)l->wall_ms);
	struct publisher_options options = { &l->config->redis, l->config->glint.instance, GLINT_VERSION, run, l->health };
	if (publisher_create(&options, &l->publisher, error, sizeof(error)) < 0) {
		log_error(NULL, "%s", error);
		code = EX_OSERR;
		goto end;
	}
	int64_t pause_ms = REBUILD_PAUSE_MS;
	while (!*stop) {
		l->rebuild = l->fenced = false;
		l->why[0] = '\0';
		int64_t started_ms = clock_monotonic_ms();
		int rc = clients_start(l, error, sizeof(error));
		if (rc == 0) {
			seal_open(l);
			while (!*stop && (rc = go_round(l)) == 0)
				;
		} else {
			snprintf(l->why, sizeof(l->why), "%s", error);
			l->fenced = true;
		}
		if (rc == -ESTALE && !l->fenced && !fenced_by_another(l)) {
			size_t n = strlen(l->why);
			snprintf(l->why + n, sizeof(l->why) - n, ": an answer to this member was lost; nobody else has its name");
			rc = -EIO;
		}
		if (rc == 0) {
			stop_cleanly(l);
			break;
		}
		if (rc == -ESTALE) {
			log_error(NULL, "another glintd runs as instance '%s' of group '%s' and has fenced this one (%s). Give each process a name of its own "
				  "(--instance)", l->config->glint.instance, l->config->kafka.group_id, l->why);
			code = EX_CONFIG;
			break;
		}
		if (rc == -EDOM || l->outgrown) {
			log_error(NULL, "%s. Stop all glintd of the group, then start with another group.id, which counts anew from what the inputs hold",
				  l->outgrown ? "the inputs have more partitions than when this process started" : l->why);
			code = EX_CONFIG;
			break;
		}
		if (clock_monotonic_ms() - started_ms > SETTLED_MS)
			pause_ms = REBUILD_PAUSE_MS;
		log_error("rebuild", "Kafka clients are made anew from the last commit: %s", l->why);
		health_set(l->health, HEALTH_KAFKA, false, l->why);
		clients_stop(l, true);
		l->alerts_position = -1;
		for (int64_t t = 0; t < pause_ms && !*stop; t += 50) {
			poll(NULL, 0, 50);
			reload_round(l);
			health_progress(l->health, clock_monotonic_ms());
			notify_progress(&l->notify, clock_monotonic_ms());
		}
		pause_ms = pause_ms * 2 < 10000 ? pause_ms * 2 : 10000;
	}
	bool quick = code != 0 || l->rebuild || (l->committer && !committer_idle(l->committer));
	if (l->source || l->committer)
		clients_stop(l, quick);
end:
	publisher_destroy(l->publisher, code ? 0 : l->config->glint.shutdown_timeout_ms / 5);
	while (l->n_spare)
		batch_destroy(l->spare_batches[--l->n_spare]);
	interval_destroy(l->open);
	interval_destroy(l->spare);
	engine_destroy(l->engine);
	free(l->parts);
	report_destroy(l);
	refused_drop(l);
	buf_done(&l->headers);
	buf_done(&l->key);
	close(l->wake_fd);
	free(l);
	return code;
}
