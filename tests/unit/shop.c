/* The in-process shop of the unit tests; see shop.h. */
#include "shop.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <xxhash.h>

#include <cmocka.h>

#include "daemon/config/option.h"

static const struct option *option_of(const struct processor *p, const char *name, size_t size)
{
	for (size_t i = 0; i < p->n_options; i++)
		if (strlen(p->options[i].name) == size && strncmp(p->options[i].name, name, size) == 0)
			return &p->options[i];
	return NULL;
}

static void apply_option(struct shop *s, const char *text)
{
	char error[OPTION_ERROR_BYTES] = "";
	const char *dot = strchr(text, '.'), *equals = strchr(text, '=');
	if (!strncmp(text, "glint.rating_max=", 17)) {
		for (int p = 0; p < PROCESSORS; p++)
			if (processors[p]->scale)
				processors[p]->scale(s->settings[p], 0.5, strtod(equals + 1, NULL));
		return;
	}
	for (int p = 0; p < PROCESSORS; p++) {
		if (strlen(processors[p]->name) != (size_t)(dot - text) || strncmp(processors[p]->name, text, (size_t)(dot - text)) != 0)
			continue;
		const struct option *o = option_of(processors[p], dot + 1, (size_t)(equals - dot - 1));
		if (!o)
			fail_msg("no option %s", text);
		if (option_set(o, s->settings[p], equals + 1, false, &(struct option_folders){ NULL }, error, sizeof(error)) < 0)
			fail_msg("%s: %s", text, error);
		return;
	}
	fail_msg("no processor of %s", text);
}

struct shop *shop_create(uint32_t partitions, const char *const *options)
{
	struct shop *s = calloc(1, sizeof(*s));
	char error[OPTION_ERROR_BYTES] = "";
	s->partitions = partitions;
	for (int p = 0; p < PROCESSORS; p++) {
		s->settings[p] = calloc(1, processors[p]->settings_size ? processors[p]->settings_size : 1);
		if (option_set_defaults(processors[p]->options, processors[p]->n_options, s->settings[p], processors[p]->settings_size, error,
			    sizeof(error)) < 0)
			fail_msg("%s: %s", processors[p]->name, error);
	}
	for (; options && *options; options++)
		apply_option(s, *options);
	for (int p = 0; p < PROCESSORS; p++)
		if (processors[p]->setup && processors[p]->setup(s->settings[p], error, sizeof(error)) < 0)
			fail_msg("%s: %s", processors[p]->name, error);
	struct engine_rules rules = {
		.partitions = partitions,
		.allowed_lateness_ms = 86400000,
		.max_jump_ms = 86400000,
		.settle_ms = 10000,
		.live_ms = 3600000,
		.dedup_ring = 256,
		.max_users = 1u << 20,
		.max_items = 1u << 20,
		.inputs = { true, true, true },
		.least_shoppers = 10,
	};
	s->engine = engine_create(&rules, s->settings, "glint");
	for (uint32_t i = 0; i < partitions; i++) {
		s->users[i] = user_task_create(s->engine, i);
		s->items[i] = item_task_create(s->engine, i);
		user_task_interval(s->users[i], 0, 0);
		item_task_interval(s->items[i], 0, 0);
	}
	return s;
}

void shop_destroy(struct shop *s)
{
	for (uint32_t i = 0; i < s->partitions; i++) {
		user_task_destroy(s->users[i]);
		item_task_destroy(s->items[i]);
	}
	engine_destroy(s->engine);
	for (int p = 0; p < PROCESSORS; p++) {
		if (processors[p]->teardown)
			processors[p]->teardown(s->settings[p]);
		option_free(processors[p]->options, processors[p]->n_options, s->settings[p]);
		free(s->settings[p]);
	}
	buf_done(&s->alerts);
	buf_done(&s->commands);
	free(s);
}

static uint32_t partition_of_user(const struct shop *s, struct text user)
{
	uint32_t h = 2166136261u;
	for (uint32_t i = 0; i < user.size; i++)
		h = (h ^ (uint8_t)user.data[i]) * 16777619u;
	return h % s->partitions;
}

enum outcome shop_event(struct shop *s, const struct event *e)
{
	if (e->kind == EVENT_ITEM) {
		model_catalogue_load(s->engine->model, e);
		return APPLIED;
	}
	uint32_t p = partition_of_user(s, e->user_id);
	unsigned j = e->kind == EVENT_CLICK ? 0 : e->kind == EVENT_PURCHASE ? 1
									    : 2;
	return user_task_apply(s->users[p], j, s->user_offsets[p][j]++, e, true, s->now_ms);
}

static void to_items(void *to, uint32_t partition, struct text value)
{
	struct shop *s = to;
	s->messages++;
	assert_int_equal(item_task_apply(s->items[partition], s->item_offsets[partition]++, value, true, s->now_ms), 0);
}

static void no_row(void *to, struct text key, struct text value)
{
	(void)to, (void)key, (void)value;
}

static void to_model(void *to, struct text key, struct text value)
{
	struct shop *s = to;
	assert_int_equal(model_row_load(s->engine->model, key, value), 0);
}

static void pass_time(struct shop *s)
{
	struct upstream reports[SHOP_PARTITIONS_MAX];
	uint32_t tasks[SHOP_PARTITIONS_MAX];
	for (uint32_t i = 0; i < s->partitions; i++) {
		tasks[i] = i;
		reports[i] = (struct upstream){ s->users[i]->watermark, s->users[i]->at_end };
	}
	struct buf b = { 0 };
	control_encode(&b, tasks, reports, s->partitions);
	for (uint32_t i = 0; i < s->partitions; i++)
		to_items(s, i, (struct text){ (const char *)b.data, (uint32_t)b.size });
	buf_done(&b);
}

static void after(struct shop *s)
{
	for (uint32_t i = 0; i < s->partitions; i++) {
		buf_bytes(&s->alerts, s->items[i]->alerts.data, s->items[i]->alerts.size);
		buf_clear(&s->items[i]->alerts);
		item_task_model(s->items[i], INT64_MAX / 2, 0, SIZE_MAX, SIZE_MAX, to_model, s);
	}
	s->interval++;
	for (uint32_t i = 0; i < s->partitions; i++) {
		user_task_seal(s->users[i], s->now_ms, 0, true, no_row, NULL);
		item_task_seal(s->items[i], s->now_ms, 0, true, no_row, NULL);
		user_task_interval(s->users[i], s->interval, s->now_ms);
		item_task_interval(s->items[i], s->interval, s->now_ms);
	}
}

void shop_flush(struct shop *s)
{
	combiner_encode(s->engine->emitter, to_items, s);
	bool moved = false;
	for (uint32_t i = 0; i < s->partitions; i++)
		moved |= user_task_time(s->users[i], INT64_MAX, INT64_MIN, 0);
	if (moved)
		pass_time(s);
	after(s);
}

void shop_end(struct shop *s)
{
	shop_flush(s);
	int64_t greatest = INT64_MIN;
	for (uint32_t i = 0; i < s->partitions; i++) {
		for (int j = 0; j < INPUTS; j++)
			s->users[i]->in[j].at_end = true;
		user_task_time(s->users[i], INT64_MAX, INT64_MIN, 0);
		if (s->users[i]->watermark > greatest)
			greatest = s->users[i]->watermark;
	}
	if (greatest != INT64_MIN)
		shop_time(s, greatest);
	for (uint32_t i = 0; i < s->partitions; i++)
		for (int j = 0; j < INPUTS; j++)
			s->users[i]->in[j].at_end = false;
}

void shop_time(struct shop *s, int64_t ts)
{
	combiner_encode(s->engine->emitter, to_items, s);
	for (uint32_t i = 0; i < s->partitions; i++)
		if (s->users[i]->watermark < ts)
			s->users[i]->watermark = ts;
	pass_time(s);
	after(s);
}

void shop_forget(struct shop *s, const char *user, int64_t until)
{
	forgotten_add(&s->engine->forgotten, XXH3_64bits(user, strlen(user)), until);
	view_target(s->engine->view, &s->commands);
	for (uint32_t i = 0; i < s->partitions; i++)
		user_task_forget(s->users[i], no_row, NULL);
	shop_flush(s);
}

void shop_reload_block(struct shop *s, const char *user, enum processor_id p)
{
	void *block = (void *)(uintptr_t)shop_user_block(s, user, p);
	struct buf row = { 0 }, again = { 0 };
	const struct block_ops *ops = &processors[p]->user;
	ops->save(s->settings[p], block, s->engine->symbols, &row);
	ops->done(block, s->engine->pool);
	memset(block, 0, ops->size);
	struct reader in = reader_of(row.data, row.size);
	assert_int_equal(ops->load(s->settings[p], block, ops->version, &in, s->engine->symbols, s->engine->pool), 0);
	ops->save(s->settings[p], block, s->engine->symbols, &again);
	assert_int_equal(again.size, row.size);
	assert_memory_equal(again.data, row.data, row.size);
	for (size_t cut = 0; cut < row.size; cut++) { /* what is cut off is refused */
		void *part = pool_alloc(s->engine->pool, ops->size);
		in = reader_of(row.data, cut);
		assert_int_equal(ops->load(s->settings[p], part, ops->version, &in, s->engine->symbols, s->engine->pool), -EBADMSG);
		ops->done(part, s->engine->pool);
		pool_free(s->engine->pool, part, ops->size);
	}
	buf_done(&row);
	buf_done(&again);
}

const void *shop_user_block(struct shop *s, const char *user, enum processor_id p)
{
	struct text id = text_of(user);
	struct user *u = user_task_find(s->users[partition_of_user(s, id)], id);
	return u ? u->blocks[p] : NULL;
}

static struct item_entity *entity(struct shop *s, enum key_kind kind, const char *id)
{
	struct key key = { (uint8_t)kind, id ? symbols_find(s->engine->symbols, text_of(id)) : 0 };
	if (id && !key.id)
		return NULL;
	return item_task_find(s->items[partition_of_key(s->engine->symbols, key, s->partitions)], key);
}

const void *shop_item_block(struct shop *s, enum key_kind kind, const char *id, enum processor_id p)
{
	struct item_entity *x = entity(s, kind, id);
	return x ? x->blocks[p] : NULL;
}

void shop_user_view(struct shop *s, const char *user)
{
	buf_clear(&s->commands);
	view_target(s->engine->view, &s->commands);
	struct text id = text_of(user);
	struct user_task *t = s->users[partition_of_user(s, id)];
	struct user *u = user_task_find(t, id);
	assert_non_null(u);
	user_task_render(t, u, s->now_ms, s->interval, 86400);
}

void shop_item_view(struct shop *s, enum key_kind kind, const char *id)
{
	buf_clear(&s->commands);
	view_target(s->engine->view, &s->commands);
	struct item_entity *x = entity(s, kind, id);
	assert_non_null(x);
	item_task_render(x->task, x, s->now_ms, s->interval, 86400);
}

const char *shop_commands(struct shop *s)
{
	struct buf *b = &s->engine->scratch;
	buf_clear(b);
	struct reader r = reader_of(s->commands.data, s->commands.size);
	while (reader_left(&r)) {
		for (uint64_t n = reader_varint(&r); n; n--) {
			struct text t = reader_text(&r);
			buf_bytes(b, t.data, t.size);
			buf_u8(b, n > 1 ? ' ' : '\n');
		}
	}
	buf_u8(b, 0);
	return (const char *)b->data;
}

static void check_blocks(struct shop *s, enum stage stage, void *const *blocks)
{
	struct buf once = { 0 }, twice = { 0 };
	void *copy[PROCESSORS] = { NULL };
	blocks_save(s->engine, stage, blocks, &once);
	struct reader r = reader_of(once.data, once.size);
	assert_int_equal(blocks_load(s->engine, stage, copy, ROW_FORMAT, &r), 0);
	blocks_save(s->engine, stage, copy, &twice);
	assert_int_equal(once.size, twice.size);
	assert_memory_equal(once.data, twice.data, once.size);
	blocks_free(s->engine, stage, copy);
	buf_done(&once);
	buf_done(&twice);
}

void shop_check_rows(struct shop *s)
{
	for (uint32_t i = 0; i < s->partitions; i++) {
		for (struct link *l = s->users[i]->all.head.next; l != &s->users[i]->all.head; l = l->next)
			check_blocks(s, STAGE_USER, LIST_OWNER(l, struct user, all_link)->blocks); /* no row was loaded: none is packed */
		for (struct link *l = s->items[i]->all.head.next; l != &s->items[i]->all.head; l = l->next)
			check_blocks(s, STAGE_ITEM, LIST_OWNER(l, struct item_entity, all_link)->blocks);
	}
}

struct event shop_click(const char *id, int64_t ts, const char *user, enum click_action action, const char *item, const char *session, const char *campaign)
{
	return (struct event){ .kind = EVENT_CLICK, .ts = ts, .event_id = text_of(id), .user_id = text_of(user), .click = { .action = action, .item_id = text_of(item), .session_id = text_of(session), .campaign_id = text_of(campaign) } };
}

struct event shop_rating(const char *id, int64_t ts, const char *user, const char *item, int32_t rating_milli)
{
	return (struct event){ .kind = EVENT_REVIEW, .ts = ts, .event_id = text_of(id), .user_id = text_of(user), .review = { .item_id = text_of(item), .rating_milli = rating_milli, .text = TEXT("") } };
}

struct event shop_review(const char *id, int64_t ts, const char *user, const char *item, const char *text, const char *lang)
{
	return (struct event){ .kind = EVENT_REVIEW, .ts = ts, .event_id = text_of(id), .user_id = text_of(user), .review = { .item_id = text_of(item), .text = text_of(text), .lang = text_of(lang) } };
}

struct event shop_order(const char *id, int64_t ts, const char *user, const char *order, const struct order_line *lines, uint32_t n)
{
	return (struct event){ .kind = EVENT_PURCHASE, .ts = ts, .event_id = text_of(id), .user_id = text_of(user), .purchase = { .order_id = text_of(order), .currency = TEXT("EUR"), .lines = lines, .n_lines = n } };
}

static char lexicon_path[] = "/tmp/glint-test-lexicon-XXXXXX";
char shop_lexicon_option[128];

int shop_lexicon_write(void **state)
{
	(void)state;
	int fd = mkstemp(lexicon_path);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
	if (!f)
		return -1;
	fputs("@language en\n@weights off\n[words]\ngood\t1.9\nbad\t-2.5\n", f);
	snprintf(shop_lexicon_option, sizeof(shop_lexicon_option), "sentiment.lexicon_en=%s", lexicon_path);
	return fclose(f);
}

int shop_lexicon_remove(void **state)
{
	(void)state;
	return unlink(lexicon_path);
}
