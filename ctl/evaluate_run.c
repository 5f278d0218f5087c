/* The prequential run over event files; see evaluate.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl/evaluate.h"
#include "daemon/config/config.h"

static const struct evaluate_section *const sections[] = {
	&evaluate_bias,
	&evaluate_knn,
	&evaluate_unseen,
	&evaluate_next,
	&evaluate_intent,
	&evaluate_sentiment,
	&evaluate_itemsets,
	&evaluate_spike,
};
enum { SECTIONS = sizeof(sections) / sizeof(sections[0]) };

int64_t evaluate_now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ---- what sections look up ---- */

const void *evaluate_user_block(struct evaluate *e, struct text user, enum processor_id p)
{
	struct user *u = user_task_find(e->users, user);
	return u ? u->blocks[p] : NULL;
}

const void *evaluate_item_block(struct evaluate *e, struct key key, enum processor_id p)
{
	struct item_entity *x = item_task_find(e->items, key);
	return x ? x->blocks[p] : NULL;
}

const void *evaluate_model(struct evaluate *e, enum key_kind kind, struct text id, enum processor_id p)
{
	struct key key = { (uint8_t)kind, kind == KEY_ALL ? 0 : symbols_find(e->engine->symbols, id) };
	return kind == KEY_ALL || key.id ? model_block(e->engine->model, p, key) : NULL;
}

/* ---- learning ---- */

static void to_items(void *to, uint32_t partition, struct text value)
{
	struct evaluate *e = to;
	(void)partition;
	item_task_apply(e->items, e->item_offset++, value, true, 0);
}

static void to_model(void *to, struct text key, struct text value)
{
	struct evaluate *e = to;
	model_row_load(e->engine->model, key, value);
}

/* Time goes on in the item stage: to `watermark`, when that is later. */
static void pass_time(struct evaluate *e, int64_t watermark)
{
	if (watermark <= e->users->watermark)
		return;
	e->users->watermark = watermark;
	struct buf b = { 0 };
	control_encode(&b, (const uint32_t[]){ 0 }, &(struct upstream){ watermark, false }, 1);
	to_items(e, 0, (struct text){ (const char *)b.data, (uint32_t)b.size });
	buf_done(&b);
}

static int64_t cpu_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Of the second engine: orders of many lines fill an interval sooner. */
static bool pace_is_over(const struct evaluate *e)
{
	return e->waiting >= EVALUATE_PACE_INTERVAL || combiner_bytes(e->engine->emitter) > (size_t)e->config->glint.interval_bytes;
}

/* A key's model row is made at once, then once in model_interval of the time that the second engine has taken. */
static void pace_models(struct evaluate *e)
{
	int64_t now_ms = e->config->glint.model_interval_ms + (e->learn_ns + cpu_ns() - e->learning_ns) / 1000000;
	item_task_model(e->items, now_ms, e->config->glint.model_interval_ms, SIZE_MAX, SIZE_MAX, to_model, e);
}

static void end_interval(struct evaluate *e, bool at_end)
{
	combiner_encode(e->engine->emitter, to_items, e);
	if (e->ts != INT64_MIN)
		pass_time(e, e->ts - e->engine->rules.settle_ms);
	if (e->items->alerts.size) {
		buf_bytes(&e->alerts, e->items->alerts.data, e->items->alerts.size);
		buf_clear(&e->items->alerts);
	}
	if (e->pace && !at_end)
		pace_models(e);
	else /* a clock that stands far ahead of every row's: all that changed are due */
		item_task_model(e->items, INT64_MAX / 2, 0, SIZE_MAX, SIZE_MAX, to_model, e);
	e->waiting = 0;
}

static unsigned input_of(const struct event *event)
{
	return event->kind == EVENT_CLICK ? 0 : event->kind == EVENT_PURCHASE ? 1 : 2;
}

static void learn(struct evaluate *e, const struct event *event)
{
	e->n_events[event->kind]++;
	if (event->kind == EVENT_ITEM) {
		model_catalogue_load(e->engine->model, event);
		return;
	}
	unsigned j = input_of(event);
	e->outcomes[user_task_apply(e->users, j, e->offsets[j]++, event, true, 0)]++;
	int64_t ts = e->users->in[j].time.ts;
	if (ts > e->ts)
		e->ts = ts;
	bool at_once = event->kind == EVENT_CLICK || (event->kind == EVENT_REVIEW && event->review.rating_milli);
	e->waiting++;
	if (e->pace ? pace_is_over(e) : at_once || e->waiting >= EVALUATE_INTERVAL)
		end_interval(e, false);
}

static void learn_end(struct evaluate *e)
{
	end_interval(e, true);
	pass_time(e, e->ts);
	end_interval(e, true);
}

/* ---- the second engine: records of a while, one after the other ---- */

enum { PACE_RECORDS = 65536 };

struct pace {
	struct evaluate shop;
	struct buf bytes;
	uint32_t n;
	struct {
		enum event_kind kind;
		size_t at;
		uint32_t size;
	} records[PACE_RECORDS];
};

static void pace_run(struct pace *p, struct evaluate_reader *reader)
{
	struct event event;
	p->shop.learning_ns = cpu_ns();
	for (uint32_t i = 0; i < p->n; i++) {
		struct text bytes = { (const char *)p->bytes.data + p->records[i].at, p->records[i].size };
		evaluate_reader_decode(reader, p->records[i].kind, bytes, &event);
		learn(&p->shop, &event);
	}
	p->shop.learn_ns += cpu_ns() - p->shop.learning_ns;
	buf_clear(&p->bytes);
	p->n = 0;
}

static void one_record(struct evaluate *e, struct pace *pace, struct evaluate_reader *reader, const struct evaluate_record *record, void *const *states)
{
	struct event event;
	evaluate_reader_decode(reader, record->kind, (struct text){ record->bytes, record->size }, &event);
	if (event.kind == EVENT_ITEM || user_task_admits(e->users, input_of(&event), &event) == APPLIED)
		for (int i = 0; i < SECTIONS; i++)
			sections[i]->event(e, states[i], &event);
	learn(e, &event);
	pace->records[pace->n].kind = event.kind;
	pace->records[pace->n].at = pace->bytes.size;
	pace->records[pace->n++].size = record->size;
	buf_bytes(&pace->bytes, record->bytes, record->size);
	if (pace->n == PACE_RECORDS)
		pace_run(pace, reader);
}

static void in_order(struct evaluate *e, struct pace *pace, struct evaluate_reader *reader, struct evaluate_order *order, bool at_end, void *const *states)
{
	struct evaluate_record *record;
	while ((record = evaluate_order_take(order, at_end))) {
		one_record(e, pace, reader, record, states);
		free(record);
	}
}

static int one_line(struct evaluate *e, struct evaluate_reader *reader, const struct jsonl_line *line, struct evaluate_order *order)
{
	struct event event;
	char error[512];
	if (evaluate_reader_take(reader, line, &event, error, sizeof(error)))
		return ctl_fail(e->ctl, EX_USAGE, "%s:%" PRIu64 ": %s", line->file, line->number, error);
	if (evaluate_order_put(order, event.kind, line->ts, evaluate_reader_bytes(reader)))
		return ctl_fail(e->ctl, EX_UNAVAILABLE, "out of memory");
	return 0;
}

static int all_lines(struct evaluate *e, struct pace *pace, struct jsonl *files, void *const *states)
{
	struct evaluate_reader *reader = NULL;
	struct evaluate_order *order = evaluate_order_create(ORDER_BYTES);
	struct jsonl_line line;
	char error[512] = "out of memory";
	int code = 0, n;
	if (!order)
		return ctl_fail(e->ctl, EX_UNAVAILABLE, "%s", error);
	if (evaluate_reader_create(&reader, e->config, error, sizeof(error)))
		code = ctl_fail(e->ctl, EX_CONFIG, "%s", error);
	while (!code && (n = jsonl_next(files, &line, error, sizeof(error))) != 0) {
		code = n < 0 ? ctl_fail(e->ctl, EX_UNAVAILABLE, "%s", error) : one_line(e, reader, &line, order);
		if (!code)
			in_order(e, pace, reader, order, false, states);
	}
	if (!code)
		in_order(e, pace, reader, order, true, states);
	if (!code && e->ts == INT64_MIN)
		code = ctl_fail(e->ctl, EX_USAGE, "there is no click, purchase or review in %s", e->ctl->arguments->n_positional > 1 ? "the files" : e->ctl->arguments->positional[0]);
	if (!code) {
		learn_end(e);
		pace_run(pace, reader);
		int64_t start = cpu_ns();
		learn_end(&pace->shop);
		e->learn_ns = pace->shop.learn_ns + cpu_ns() - start;
	}
	evaluate_reader_destroy(reader);
	evaluate_order_destroy(order);
	return code;
}

static void set_up(struct evaluate *e)
{
	/* Everything is kept: files are finite, and a bound would change what is measured. */
	struct engine_rules rules = {
		.partitions = 1,
		.allowed_lateness_ms = e->config->glint.allowed_lateness_ms,
		.max_jump_ms = e->config->glint.max_jump_ms,
		.settle_ms = e->config->glint.settle_ms,
		.live_ms = 3600000,
		.dedup_ring = 1u << 20,
		.max_users = UINT64_MAX,
		.max_items = UINT64_MAX,
		.inputs = { true, true, true },
	};
	for (int p = 0; p < PROCESSORS; p++) {
		rules.off[p] = config_processor_off(e->config, processors[p]->name);
		e->settings[p] = (void *)(uintptr_t)config_settings(e->config, processors[p]->name);
	}
	e->ts = INT64_MIN;
	e->engine = engine_create(&rules, e->settings, "glint");
	e->users = user_task_create(e->engine, 0);
	e->items = item_task_create(e->engine, 0);
	user_task_interval(e->users, 0, 0);
	item_task_interval(e->items, 0, 0);
}

static void tear_down(struct evaluate *e)
{
	user_task_destroy(e->users);
	item_task_destroy(e->items);
	engine_destroy(e->engine);
	buf_done(&e->alerts);
}

/* What was not learnt is said, since it is in no figure. */
static void complain(const struct evaluate *e)
{
	if (e->outcomes[DUPLICATE])
		ctl_fail(e->ctl, 0, "%" PRIu64 " events were left out: repeats, by their event_id", e->outcomes[DUPLICATE]);
	if (e->outcomes[LATE])
		ctl_fail(e->ctl, 0, "%" PRIu64 " events were left out: late, as the daemon would find them; sort the files by ts", e->outcomes[LATE]);
}

int evaluate_run(struct evaluate *e, json_t *result)
{
	const struct arguments *a = e->ctl->arguments;
	struct jsonl *files = NULL;
	void *states[SECTIONS] = { NULL };
	char error[512];
	int code = 0, started = 0;
	if (jsonl_open(a->positional, a->n_positional, &files, error, sizeof(error)))
		return ctl_fail(e->ctl, EX_USAGE, "%s", error);
	struct pace *pace = calloc(1, sizeof(*pace));
	if (!pace) {
		jsonl_close(files);
		return ctl_fail(e->ctl, EX_UNAVAILABLE, "out of memory");
	}
	pace->shop = (struct evaluate){ .ctl = e->ctl, .config = e->config, .pace = true };
	set_up(e);
	set_up(&pace->shop);
	while (!code && started < SECTIONS) {
		const struct evaluate_section *s = sections[started];
		states[started] = calloc(1, s->state_size ? s->state_size : 1);
		if (!states[started])
			code = ctl_fail(e->ctl, EX_UNAVAILABLE, "out of memory");
		else if (s->start)
			code = s->start(e, states[started]);
		started++;
	}
	if (!code)
		code = all_lines(e, pace, files, states);
	for (int i = 0; !code && i < SECTIONS; i++) {
		json_t *one = sections[i]->finish(e, states[i]);
		if (one)
			json_object_set_new(result, sections[i]->name, one);
		code = e->code;
	}
	uint64_t n = 0;
	for (int k = 0; k < EVENT_KINDS; k++)
		n += e->n_events[k];
	if (!code) {
		complain(e);
		if (n && e->learn_ns > 0)
			json_object_set_new(result, "events_per_second", json_real((double)n * 1e9 / (double)e->learn_ns));
	}
	for (int i = 0; i < started; i++) {
		if (states[i] && sections[i]->done)
			sections[i]->done(e, states[i]);
		free(states[i]);
	}
	tear_down(&pace->shop);
	buf_done(&pace->bytes);
	free(pace);
	tear_down(e);
	jsonl_close(files);
	return code;
}
