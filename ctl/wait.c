/* glintctl wait --caught-up: returns when everything that was in the inputs at the call can be seen in Redis.
 *
 * In this order, each against what the one before it made (CONTRACTS "glintctl"):
 *   1  the inputs' ends at the call are committed
 *   2  the repartition topic's ends, as they are then, are committed
 *   3  user tasks that got nothing new say that they are at their end; the group's watermark and every item task's have reached what
 *      they then make it: the greatest of theirs
 *   4  `shown` of every user task is past the inputs' ends, of every item task past the repartition topic's; where nothing new came, the
 *      views that others' changes have touched are `settled`, too
 *   5  the alerts topic is in Redis to its end
 * and 2 to 5 once more, since the last step of time may itself have sent something.
 * The first condition that does not hold is what lags, and is named when time runs out.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl/ctl.h"
#include "ctl/offsets.h"
#include "ctl/redis.h"
#include "daemon/config/config.h"
#include "daemon/kafka/kafka.h"
#include "daemon/kafka/topics.h"

#define INPUTS EVENT_ITEM /* clicks, purchases, reviews */
#define LOOK_MS 20

struct wait {
	struct ctl *ctl;
	struct offsets offsets;
	struct redis redis;
	struct topics_layout layout;
	const char *inputs[INPUTS];  /* NULL: not read */
	int64_t *numbers;            /* owns all below */
	int64_t *ends[INPUTS];       /* E: at the call */
	int64_t *now[INPUTS];        /* of this look */
	int64_t *committed, *begins; /* scratch, one per partition */
	int64_t *repartition;        /* R */
	bool inputs_done, repartition_known, repartition_done, again;
	int64_t unsettled_ms; /* since when only views that others' changes touch are awaited; 0: not */
	int64_t watermark; /* that all must reach; INT64_MIN: not yet known */
	char lag[512];
	char error[512];
	int code;
};

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool fail(struct wait *w)
{
	w->code = ctl_fail(w->ctl, EX_UNAVAILABLE, "%s", w->error);
	return false;
}

static int open_all(struct wait *w)
{
	const struct config *config = w->ctl->config;
	int32_t partitions = 0;
	int r = offsets_open(&w->offsets, config, w->error, sizeof(w->error));
	if (r)
		return ctl_fail(w->ctl, r == -EINVAL ? EX_CONFIG : EX_UNAVAILABLE, "%s", w->error);
	for (int k = 0; k < INPUTS; k++) {
		const char *name = config->topics.of[k].name;
		if (!name || !*name)
			continue;
		w->inputs[k] = name;
		int32_t n = topics_partitions(w->offsets.uncommitted, name, 10000);
		if (n < 1)
			return ctl_fail(w->ctl, EX_UNAVAILABLE, "topic '%s' does not exist at Kafka %s, or has no leader", name,
				config->kafka.bootstrap_servers);
		if (partitions && n != partitions)
			return ctl_fail(w->ctl, EX_CONFIG, "topic '%s' has %d partitions, another input has %d", name, n, partitions);
		partitions = n;
	}
	topics_layout(config, partitions, &w->layout);
	size_t n = (size_t)partitions;
	w->numbers = calloc(n * (3 + 2 * INPUTS), sizeof(int64_t));
	if (!w->numbers)
		return ctl_fail(w->ctl, EX_UNAVAILABLE, "out of memory");
	w->committed = w->numbers;
	w->begins = w->numbers + n;
	w->repartition = w->numbers + 2 * n;
	for (size_t k = 0; k < INPUTS; k++) {
		w->ends[k] = w->numbers + (3 + 2 * k) * n;
		w->now[k] = w->ends[k] + n;
	}
	return redis_open(&w->redis, w->ctl) ? 0 : w->redis.code;
}

/* Is every partition committed up to ends? An empty one may never be. */
static bool is_committed(struct wait *w, const char *topic, const int64_t *ends)
{
	int32_t n = w->layout.partitions;
	if (offsets_committed(&w->offsets, topic, n, w->committed, w->error, sizeof(w->error)))
		return fail(w);
	bool all = true;
	for (int32_t p = 0; p < n; p++)
		all = all && w->committed[p] >= ends[p];
	if (all)
		return true;
	if (offsets_begins(&w->offsets, topic, n, w->begins, w->error, sizeof(w->error)))
		return fail(w);
	for (int32_t p = 0; p < n; p++)
		if (w->committed[p] < ends[p] && !(w->committed[p] < 0 && w->begins[p] >= ends[p])) {
			if (w->committed[p] < 0)
				snprintf(w->lag, sizeof(w->lag), "topic '%s', partition %d: nothing is committed of %" PRId64 "; is glintd running?",
					topic, p, ends[p]);
			else
				snprintf(w->lag, sizeof(w->lag), "topic '%s', partition %d: committed %" PRId64 " of %" PRId64, topic, p,
					w->committed[p], ends[p]);
			return false;
		}
	return true;
}

static bool inputs_committed(struct wait *w)
{
	for (int k = 0; k < INPUTS && !w->inputs_done; k++)
		if (w->inputs[k] && !is_committed(w, w->inputs[k], w->ends[k]))
			return false;
	w->inputs_done = true;
	return true;
}

static bool repartition_committed(struct wait *w)
{
	const char *topic = w->layout.names[TOPIC_REPARTITION];
	if (!w->repartition_known && offsets_ends(&w->offsets, topic, w->layout.partitions, w->repartition, w->error, sizeof(w->error)))
		return fail(w);
	w->repartition_known = true;
	if (!w->repartition_done && !is_committed(w, topic, w->repartition))
		return false;
	w->repartition_done = true;
	return true;
}

/* One task's hash, or NULL: lacking (named), or failed. */
static json_t *task_hash(struct wait *w, char kind, int32_t number)
{
	char key[REDIS_KEY_BYTES], name[16];
	snprintf(name, sizeof(name), "%c%d", kind, number);
	json_t *hash = redis_hash(&w->redis, redis_key(&w->redis, key, "task:", name));
	if (!hash)
		w->code = w->redis.code;
	else if (!json_object_size(hash)) {
		snprintf(w->lag, sizeof(w->lag), "task %s has written nothing to Redis at %s", name, w->ctl->config->redis.where);
		json_decref(hash);
		hash = NULL;
	}
	return hash;
}

static int64_t number_of(const json_t *hash, const char *name, int64_t otherwise)
{
	const char *text = json_string_value(json_object_get(hash, name));
	return text && *text ? strtoll(text, NULL, 10) : otherwise;
}

/* Does the task show every input's records of the call? Else its lag is named. */
static bool shows_inputs(struct wait *w, int32_t p, const char *shown)
{
	for (int k = 0; k < INPUTS; k++) {
		char *end = NULL;
		int64_t at = shown && *shown ? strtoll(shown, &end, 10) : -1;
		shown = end && *end == ',' ? end + 1 : NULL;
		if (w->inputs[k] && w->ends[k][p] > 0 && at < w->ends[k][p]) {
			snprintf(w->lag, sizeof(w->lag), "user task u%d shows '%s' up to %" PRId64 " of %" PRId64, p, w->inputs[k], at,
				w->ends[k][p]);
			return false;
		}
	}
	return true;
}

/* Views that others' changes touch follow when the tables rest. A live shop's tables may never rest long: SETTLE_MS is enough. */
static bool settled(struct wait *w, json_t *hash)
{
	enum { SETTLE_MS = 8000 };
	if (number_of(hash, "settled", 1))
		return true;
	if (!w->unsettled_ms)
		w->unsettled_ms = now_ms();
	return now_ms() - w->unsettled_ms >= SETTLE_MS;
}

/* The user tasks' part of 3 and 4. *ret_quiet: nothing new came since the call; *ret_watermark: the greatest of theirs. */
static bool users_caught_up(struct wait *w, bool *ret_quiet, int64_t *ret_watermark)
{
	*ret_quiet = true;
	*ret_watermark = INT64_MIN;
	for (int k = 0; k < INPUTS; k++)
		if (w->inputs[k] && offsets_ends(&w->offsets, w->inputs[k], w->layout.partitions, w->now[k], w->error, sizeof(w->error)))
			return fail(w);
	for (int32_t p = 0; p < w->layout.partitions; p++) {
		json_t *hash = task_hash(w, 'u', p);
		if (!hash)
			return false;
		bool well = shows_inputs(w, p, json_string_value(json_object_get(hash, "shown"))), quiet = true;
		for (int k = 0; k < INPUTS; k++)
			quiet = quiet && (!w->inputs[k] || w->now[k][p] == w->ends[k][p]);
		if (well && quiet && !number_of(hash, "at_end", 0)) {
			snprintf(w->lag, sizeof(w->lag), "user task u%d has not said that it is at the end of its partitions", p);
			well = false;
		}
		if (well && quiet && !settled(w, hash)) {
			snprintf(w->lag, sizeof(w->lag), "user task u%d shows views again that the last changes of others have touched", p);
			well = false;
		}
		int64_t watermark = number_of(hash, "watermark", INT64_MIN);
		json_decref(hash);
		if (!well)
			return false;
		*ret_quiet = *ret_quiet && quiet;
		*ret_watermark = watermark > *ret_watermark ? watermark : *ret_watermark;
	}
	return true;
}

/* The item tasks' part of 3 and 4, and 5. */
static bool items_caught_up(struct wait *w, bool quiet, int64_t watermark_of_users)
{
	const char *topic = w->layout.names[TOPIC_REPARTITION];
	int64_t group, alerts, alerts_end;
	json_t *hash = task_hash(w, 'i', 0);

	if (!hash)
		return false;
	group = number_of(hash, "group_watermark", INT64_MIN);
	alerts = number_of(hash, "alerts", -1);
	json_decref(hash);
	if (w->watermark == INT64_MIN) /* all at their end: the group's will be the greatest of theirs. Else: what it is */
		w->watermark = quiet ? watermark_of_users : group;
	if (group < w->watermark) {
		snprintf(w->lag, sizeof(w->lag), "the group's watermark is %" PRId64 " of %" PRId64, group, w->watermark);
		return false;
	}
	if (offsets_committed(&w->offsets, topic, w->layout.partitions, w->committed, w->error, sizeof(w->error)) ||
		offsets_ends(&w->offsets, w->layout.names[TOPIC_ALERTS], 1, &alerts_end, w->error, sizeof(w->error)))
		return fail(w);
	for (int32_t p = 0; p < w->layout.partitions; p++) {
		hash = task_hash(w, 'i', p);
		if (!hash)
			return false;
		int64_t watermark = number_of(hash, "watermark", INT64_MIN), shown = number_of(hash, "shown", -1);
		bool all_settled = !quiet || settled(w, hash);
		json_decref(hash);
		if (watermark < w->watermark) {
			snprintf(w->lag, sizeof(w->lag), "item task i%d has the watermark %" PRId64 " of the group's %" PRId64, p, watermark,
				w->watermark);
			return false;
		}
		if (w->repartition[p] > 0 && shown < w->repartition[p]) {
			snprintf(w->lag, sizeof(w->lag), "item task i%d shows '%s' up to %" PRId64 " of %" PRId64, p, topic, shown,
				w->repartition[p]);
			return false;
		}
		if (!all_settled) {
			snprintf(w->lag, sizeof(w->lag), "item task i%d shows views again that the last changes of others have touched", p);
			return false;
		}
	}
	if (alerts_end > 0 && alerts < alerts_end) {
		snprintf(w->lag, sizeof(w->lag), "alerts are in Redis up to %" PRId64 " of %" PRId64, alerts, alerts_end);
		return false;
	}
	return true;
}

/* One look. True: caught up. */
static bool look(struct wait *w)
{
	bool quiet;
	int64_t watermark;
	if (!inputs_committed(w) || !repartition_committed(w) || !users_caught_up(w, &quiet, &watermark) ||
		!items_caught_up(w, quiet, watermark))
		return false;
	if (w->again)
		return true;
	/* the way to this watermark may have brought more through the repartition topic: once more, to its end of now */
	w->again = true;
	w->repartition_known = w->repartition_done = false;
	snprintf(w->lag, sizeof(w->lag), "what the last watermark made due");
	return false;
}

int ctl_wait(struct ctl *ctl)
{
	struct wait w = { .ctl = ctl, .watermark = INT64_MIN };
	int64_t start = now_ms();
	double timeout = 60;

	if (!arguments_value(ctl->arguments, "caught-up"))
		return ctl_fail(ctl, EX_USAGE, "wait for what? --caught-up");
	if (arguments_number(ctl->arguments, "timeout", 0, 1e6, &timeout, w.error, sizeof(w.error)))
		return ctl_fail(ctl, EX_USAGE, "%s", w.error);
	w.code = open_all(&w);
	for (int k = 0; k < INPUTS && !w.code; k++)
		if (w.inputs[k] && offsets_ends(&w.offsets, w.inputs[k], w.layout.partitions, w.ends[k], w.error, sizeof(w.error)))
			fail(&w);
	while (!w.code && !look(&w) && !w.code) {
		if (now_ms() - start >= (int64_t)(timeout * 1000))
			w.code = ctl_fail(ctl, EX_TEMPFAIL, "not caught up after %g s: %s", timeout, w.lag);
		else
			nanosleep(&(struct timespec){ .tv_nsec = LOOK_MS * 1000000l }, NULL);
	}
	if (!w.code && ctl->json)
		printf("{\"caught_up\":true,\"seconds\":%.3f,\"watermark\":%" PRId64 "}\n", (double)(now_ms() - start) / 1000, w.watermark);
	else if (!w.code && ctl->terminal)
		printf("caught up after %.2f s\n", (double)(now_ms() - start) / 1000);
	redis_close(&w.redis);
	offsets_close(&w.offsets);
	free(w.numbers);
	return w.code;
}
