/* libFuzzer target of what is read back from our own topics: rows of shoppers, keys and tasks, pieces, messages of the repartition topic,
 * model rows. The first byte chooses which. What was loaded as a row can be saved, loads again and saves to the same bytes, and
 * the next events and views work on it; what an odd message adds up to is only looked at.
 */
#include "fuzz.h"

#include "daemon/state/items.h"
#include "daemon/state/users.h"

enum what { SHOPPER,
	USER_TASK,
	KEY,
	ITEM_TASK,
	MESSAGE,
	MODEL,
	PIECES,
	WHATS };
enum { PARTITIONS = 3,
	LIVES = 500 /* inputs; then a new engine: strings are kept for as long as it lives */ };

static const int64_t start = INT64_C(472224) * 3600000;
static void *settings[PROCESSORS];
static struct engine *engine;
static struct user_task *users;
static struct item_task *items;
static struct buf commands;
static int lived;

static void life_end(void)
{
	user_task_destroy(users);
	item_task_destroy(items);
	engine_destroy(engine);
	users = NULL;
	items = NULL;
	engine = NULL;
}

static void life_begin(void)
{
	struct engine_rules rules = { .partitions = PARTITIONS, .allowed_lateness_ms = 86400000, .max_jump_ms = 86400000, .settle_ms = 10000, .live_ms = 3600000, .dedup_ring = 16, .max_users = 1000, .max_items = 1000, .inputs = { true, true, true } };
	engine = engine_create(&rules, settings, "glint");
	users = user_task_create(engine, 0);
	items = item_task_create(engine, 0);
	user_task_interval(users, 1, 0);
	item_task_interval(items, 1, 0);
}

static void new_users(void)
{
	user_task_destroy(users);
	users = user_task_create(engine, 0);
	user_task_interval(users, 1, 0);
}

static void some_events(struct text user, unsigned round)
{
	char id[16];
	struct order_line lines[2] = { { TEXT("i1"), 2, 500 }, { TEXT("i2"), 1, 300 } };
	struct event events[4] = {
		{ .kind = EVENT_CLICK, .click = { .action = ACTION_VIEW, .item_id = TEXT("i1"), .campaign_id = TEXT("c1") } },
		{ .kind = EVENT_CLICK, .click = { .action = ACTION_ADD_TO_CART, .item_id = TEXT("i2") } },
		{ .kind = EVENT_PURCHASE, .purchase = { .order_id = TEXT("o1"), .currency = TEXT("EUR"), .lines = lines, .n_lines = 2 } },
		{ .kind = EVENT_REVIEW, .review = { .item_id = TEXT("i1"), .text = TEXT("terrible, it broke"), .rating_milli = 1000 } },
	};
	static const unsigned inputs[4] = { 0, 0, 1, 2 };
	for (int i = 0; i < 4; i++) {
		snprintf(id, sizeof(id), "e%u.%d", round, i);
		events[i].event_id = text_of(id);
		events[i].user_id = user;
		events[i].ts = start + (int64_t)round * 60000 + i * 1000;
		user_task_apply(users, inputs[i], users->in[inputs[i]].position, &events[i], true, 0);
	}
}

static void discard(void *to, uint32_t partition, struct text value)
{
	(void)to, (void)partition, (void)value;
}

/* Saved, loaded, saved: the same bytes. */
static void blocks_last(enum stage stage, void **blocks)
{
	struct buf once = { 0 }, twice = { 0 };
	void *fresh[PROCESSORS] = { 0 };
	blocks_save(engine, stage, blocks, &once);
	struct reader r = reader_of(once.data, once.size);
	int rc = blocks_load(engine, stage, fresh, ROW_FORMAT, &r);
	if (rc < 0)
		fprintf(stderr, "saved, and not loaded again: at byte %zu of %zu\n", once.size - reader_left(&r), once.size);
	must(rc == 0);
	blocks_save(engine, stage, fresh, &twice);
	must(once.size == twice.size && (!once.size || !memcmp(once.data, twice.data, once.size)));
	blocks_free(engine, stage, fresh);
	buf_done(&once);
	buf_done(&twice);
}

static void control(int64_t watermark)
{
	struct buf b = { 0 };
	uint32_t tasks[PARTITIONS] = { 0, 1, 2 };
	struct upstream reports[PARTITIONS] = { { watermark, false }, { watermark, false }, { watermark, false } };
	control_encode(&b, tasks, reports, PARTITIONS);
	must(item_task_apply(items, items->position, (struct text){ (const char *)b.data, (uint32_t)b.size }, true, 0) == 0);
	buf_done(&b);
}

static void look_at_items(bool last)
{
	buf_clear(&commands);
	view_target(engine->view, &commands);
	control(start + 86400000);
	for (struct link *l = items->all.head.next; l != &items->all.head; l = l->next) {
		struct item_entity *x = LIST_OWNER(l, struct item_entity, all_link);
		item_task_render(items, x, 0, 1, 60);
		if (last)
			blocks_last(STAGE_ITEM, x->blocks);
	}
	item_task_model_due(items);
	buf_clear(&items->alerts);
}

static void look_at_user(struct text id)
{
	struct user *u = user_task_find(users, id);
	if (!u)
		return;
	engine->bad_row[0] = '\0'; /* then it is as a new one */
	blocks_last(STAGE_USER, u->blocks);
	some_events(id, 1);
	combiner_encode(engine->emitter, discard, NULL);
	u = user_task_find(users, id);
	must(u != NULL);
	buf_clear(&commands);
	view_target(engine->view, &commands);
	user_task_render(users, u, 0, 1, 60);
	blocks_last(STAGE_USER, u->blocks);
}

static struct text text_at(const void *bytes, size_t size)
{
	return (struct text){ bytes, (uint32_t)size };
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	fuzz_settings(settings);
	life_begin();
	atexit(life_end);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	if (++lived % LIVES == 0) {
		life_end();
		life_begin();
	}
	struct reader r = reader_of(data + 1, size - 1);
	struct text rest = text_at(data + 1, size - 1), id;
	switch (data[0] % WHATS) {
	case SHOPPER:
		if (user_task_load(users, TEXT("u"), rest, 1) == 0)
			look_at_user(TEXT("u"));
		user_task_load(users, TEXT("u"), (struct text){ 0 }, 0);
		break;
	case USER_TASK:
		if (user_task_load(users, (struct text){ "", 0 }, rest, 1) == 0) {
			user_task_restored(users);
			some_events(TEXT("u"), 2);
			combiner_encode(engine->emitter, discard, NULL);
		}
		new_users();
		break;
	case KEY:
		id = reader_text(&r);
		if (!r.bad && item_task_load(items, id, text_at(r.at, reader_left(&r)), 1) == 0 && item_task_unpack(items, SIZE_MAX) == 0)
			look_at_items(true);
		goto new_items;
	case ITEM_TASK:
		if (item_task_load(items, (struct text){ "", 0 }, rest, 1) == 0)
			look_at_items(false);
		goto new_items;
	case MESSAGE:
		item_task_apply(items, items->position, rest, true, 0);
		look_at_items(false);
		goto new_items;
	case MODEL:
		id = reader_text(&r);
		if (!r.bad && model_row_load(engine->model, id, text_at(r.at, reader_left(&r))) == 0) {
			some_events(TEXT("m"), 3);
			look_at_user(TEXT("m"));
			user_task_load(users, TEXT("m"), (struct text){ 0 }, 0);
		}
		model_clear(engine->model);
		break;
	default: {
		struct row_reader *reader = row_reader_create();
		while (reader_left(&r) && !r.bad) {
			struct text key = reader_text(&r), value = reader_text(&r), entity, bytes;
			uint16_t pieces;
			if (!r.bad && row_reader_take(reader, key, value.size ? value : (struct text){ 0 }, &entity, &bytes, &pieces) == 1)
				user_task_load(users, entity, bytes, pieces);
		}
		row_reader_destroy(reader);
		new_users();
	}
	}
	return 0;
new_items:
	item_task_destroy(items);
	items = item_task_create(engine, 0);
	item_task_interval(items, 1, 0);
	return 0;
}
