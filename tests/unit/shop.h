/* A whole shop in one process, without Kafka or Redis: event -> user stage -> deltas -> item stage -> model rows -> global table.
 *
 * For tests of processors. The same engine, tasks and encodings as the daemon's. shop_event() takes one event; shop_flush() ends an
 * interval: deltas are encoded, read back by the item tasks, time is passed on, model rows are made and loaded. Calling it after every event
 * gives immediate feedback; calling it rarely gives long intervals. Partition of a user: hash of the id.
 */
#ifndef GLINT_TEST_SHOP_H
#define GLINT_TEST_SHOP_H

#include "daemon/state/items.h"
#include "daemon/state/users.h"

enum { SHOP_PARTITIONS_MAX = 8 };

struct shop {
	struct engine *engine;
	void *settings[PROCESSORS];
	uint32_t partitions;
	struct user_task *users[SHOP_PARTITIONS_MAX];
	struct item_task *items[SHOP_PARTITIONS_MAX];
	int64_t user_offsets[SHOP_PARTITIONS_MAX][INPUTS], item_offsets[SHOP_PARTITIONS_MAX];
	uint64_t interval;
	int64_t now_ms;      /* the wall clock: yours to set; starts at 0 */
	struct buf alerts;   /* every alert so far: texts (varint size, JSON) */
	struct buf commands; /* of shop_views(): as publisher.h encodes them */
	uint32_t messages;
};

/* options: "itemsets.window=0" ..., NULL-terminated; NULL = defaults; of [glint] "glint.rating_max=10" alone. Fails the test when one is wrong. */
struct shop *shop_create(uint32_t partitions, const char *const *options);
void shop_destroy(struct shop *s);

enum outcome shop_event(struct shop *s, const struct event *e); /* EVENT_ITEM goes to the catalogue: APPLIED */
void shop_flush(struct shop *s);
/* All inputs at their end: watermarks rise to the greatest stream time less settle, everywhere. */
void shop_end(struct shop *s);
/* Sets every user task's watermark to at least ts and passes it on (flushes). */
void shop_time(struct shop *s, int64_t ts);
/* As `glintctl forget` does: the shopper's events up to `until`; what that takes back is in the item stage. */
void shop_forget(struct shop *s, const char *user, int64_t until);
/* Saves a shopper's block, and loads it again in its own place. Fails the test when it saves other bytes then, or when a part of them is read as a whole. */
void shop_reload_block(struct shop *s, const char *user, enum processor_id p);

const void *shop_user_block(struct shop *s, const char *user, enum processor_id p);
const void *shop_item_block(struct shop *s, enum key_kind kind, const char *id, enum processor_id p); /* id NULL for KEY_ALL */

/* Renders the views of one shopper, or key, into s->commands (cleared first); shop_commands() gives them as text: one line each,
 * arguments separated by blanks. */
void shop_user_view(struct shop *s, const char *user);
void shop_item_view(struct shop *s, enum key_kind kind, const char *id);
const char *shop_commands(struct shop *s); /* borrowed until the next call */

/* Saves every entity's blocks, loads them into fresh ones, saves again: fails the test when the bytes differ. */
void shop_check_rows(struct shop *s);

struct event shop_click(const char *id, int64_t ts, const char *user, enum click_action action, const char *item, const char *session, const char *campaign);
struct event shop_rating(const char *id, int64_t ts, const char *user, const char *item, int32_t rating_milli);
struct event shop_review(const char *id, int64_t ts, const char *user, const char *item, const char *text, const char *lang);
struct event shop_order(const char *id, int64_t ts, const char *user, const char *order, const struct order_line *lines, uint32_t n);

/* A lexicon of the tests' own, good 1.9 and bad -2.5 (by x / sqrt(x^2 + 15) the scores are .4404 and -.5423), as a file: for a group's setup and
 * teardown; the option that names it is for shop_create. */
int shop_lexicon_write(void **state);
int shop_lexicon_remove(void **state);
extern char shop_lexicon_option[128];

#endif
