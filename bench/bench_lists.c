/* Processor time of one shopper's list: candidates, order with diversity, JSON; and that rendering allocates nothing.
 *
 * A shop of its own: sessions of items of one taste, orders, a catalogue with categories, brands, colours and prices. Prints key value lines.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "daemon/config/option.h"
#include "daemon/state/items.h"
#include "daemon/state/users.h"

enum { ITEMS = 5000,
	TASTES = 100,
	USERS = 4000,
	SESSIONS = 30000,
	ROUNDS = 10 };

static uint64_t seed = 88172645463325252u;

static uint32_t dice(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)((seed >> 32) * n >> 32);
}

struct bench {
	struct engine *engine;
	struct user_task *users;
	struct item_task *items;
	int64_t offset, user_offset, order_offset;
};

static void to_items(void *to, uint32_t partition, struct text value)
{
	struct bench *b = to;
	(void)partition;
	item_task_apply(b->items, b->offset++, value, true, 0);
}

static void to_model(void *to, struct text key, struct text value)
{
	struct bench *b = to;
	model_row_load(b->engine->model, key, value);
}

static void catalogue(struct bench *b)
{
	char id[16], category[16], brand[16], colour[16];
	for (int i = 0; i < ITEMS; i++) {
		snprintf(id, sizeof(id), "item-%d", i);
		snprintf(category, sizeof(category), "category-%d", i / 100);
		snprintf(brand, sizeof(brand), "brand-%u", dice(30));
		snprintf(colour, sizeof(colour), "colour-%u", dice(12));
		struct attribute a = { TEXT("colour"), text_of(colour) };
		struct event e = { .kind = EVENT_ITEM,
			.item = { .item_id = text_of(id), .category = text_of(category), .brand = text_of(brand), .price_minor = 100 + dice(20000), .available = dice(20) > 0, .attributes = &a, .n_attributes = 1 } };
		model_catalogue_load(b->engine->model, &e);
	}
}

static void traffic(struct bench *b)
{
	char id[24], user[16], item[8][16];
	for (int n = 0; n < SESSIONS; n++) {
		int taste = (int)dice(TASTES), size = 1 + (int)dice(8);
		int64_t ts = INT64_C(1700000000000) + n * INT64_C(20000);
		struct order_line lines[8];
		snprintf(user, sizeof(user), "user-%u", dice(USERS));
		for (int i = 0; i < size; i++) {
			uint32_t near = dice(ITEMS / TASTES) * (1 + dice(100)) / 100;
			snprintf(item[i], sizeof(item[i]), "item-%u", dice(5) ? (uint32_t)taste * (ITEMS / TASTES) + near : dice(ITEMS));
			snprintf(id, sizeof(id), "c%d-%d", n, i);
			lines[i] = (struct order_line){ text_of(item[i]), 1, 1000 };
			struct event e = { .kind = EVENT_CLICK, .ts = ts + i, .event_id = text_of(id), .user_id = text_of(user), .click = { .action = ACTION_VIEW, .item_id = text_of(item[i]) } };
			user_task_apply(b->users, 0, b->user_offset++, &e, true, 0);
		}
		if (n % 5 == 0) {
			struct event e = { .kind = EVENT_PURCHASE, .ts = ts + 1000, .event_id = text_of(id), .user_id = text_of(user), .purchase = { .order_id = text_of(id), .currency = TEXT("EUR"), .lines = lines, .n_lines = (uint32_t)size } };
			user_task_apply(b->users, 1, b->order_offset++, &e, true, 0);
		}
		if (n % 1000 == 0)
			combiner_encode(b->engine->emitter, to_items, b);
	}
	combiner_encode(b->engine->emitter, to_items, b);
	b->users->watermark = INT64_C(1700000000000) + SESSIONS * INT64_C(20000);
	struct buf control = { 0 };
	control_encode(&control, (const uint32_t[]){ 0 }, &(struct upstream){ b->users->watermark, false }, 1);
	to_items(b, 0, (struct text){ (const char *)control.data, (uint32_t)control.size });
	buf_done(&control);
	item_task_model(b->items, INT64_MAX / 2, 0, SIZE_MAX, SIZE_MAX, to_model, b);
}

int main(void)
{
	void *settings[PROCESSORS];
	char error[OPTION_ERROR_BYTES];
	struct bench b = { .offset = 0 };
	struct engine_rules rules = { .partitions = 1, .allowed_lateness_ms = 86400000, .max_jump_ms = 86400000, .settle_ms = 10000, .dedup_ring = 64, .max_users = UINT64_MAX, .max_items = UINT64_MAX, .inputs = { true, true, true } };
	for (int p = 0; p < PROCESSORS; p++) {
		settings[p] = calloc(1, processors[p]->settings_size ? processors[p]->settings_size : 1);
		if (option_set_defaults(processors[p]->options, processors[p]->n_options, settings[p], processors[p]->settings_size, error, sizeof(error)) < 0 ||
			(processors[p]->setup && processors[p]->setup(settings[p], error, sizeof(error)) < 0)) {
			fprintf(stderr, "%s: %s\n", processors[p]->name, error);
			return 1;
		}
	}
	b.engine = engine_create(&rules, settings, "glint");
	b.users = user_task_create(b.engine, 0);
	b.items = item_task_create(b.engine, 0);
	user_task_interval(b.users, 0, 0);
	item_task_interval(b.items, 0, 0);
	catalogue(&b);
	traffic(&b);

	struct buf commands = { 0 };
	size_t bytes = 0, lists = 0, before = 0;
	struct timespec from, to;
	for (int round = 0; round <= ROUNDS; round++) {
		if (round == 1) { /* the first warms buffers and the top lists */
			before = mallinfo2().uordblks;
			clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
		}
		for (struct link *l = b.users->all.head.next; l != &b.users->all.head; l = l->next) {
			buf_clear(&commands);
			view_target(b.engine->view, &commands);
			user_task_render(b.users, LIST_OWNER(l, struct user, all_link), 1, 1, 3600);
			bytes += round ? commands.size : 0;
			lists += round > 0;
		}
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
	double us = (double)(to.tv_sec - from.tv_sec) * 1e6 + (double)(to.tv_nsec - from.tv_nsec) / 1e3;
	printf("lists %zu\nus_per_shopper %.2f\nbytes_per_shopper %.0f\nbytes_allocated %zd\n", lists, us / (double)lists, (double)bytes / (double)lists,
		(ssize_t)(mallinfo2().uordblks - before));
	return 0;
}
