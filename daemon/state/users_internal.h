/* What the files of a user task share: users.c (table, events, intervals), users_row.c (rows). Not for others; see users.h. */
#ifndef GLINT_USERS_INTERNAL_H
#define GLINT_USERS_INTERNAL_H

#include "users.h"

struct instant {
	uint64_t interval;
	int64_t now_ms;
	int64_t position[INPUTS], floor[INPUTS], watermark;
	struct stream_time time[INPUTS];
	bool used; /* a dirty row refers to it */
};

static inline struct ring_entry *ring_at(const struct ring *r, uint32_t i)
{
	return &r->entries[(r->first + i) & (r->capacity - 1)];
}

/* Where a shopper is, or the free slot where it belongs. */
static inline uint32_t slot_of(const struct user_task *t, struct text id, uint64_t hash)
{
	uint32_t i = (uint32_t)hash & t->mask;
	while (t->slots[i].user && (t->slots[i].hash != hash || !text_equal(user_id(t->slots[i].user), id)))
		i = (i + 1) & t->mask;
	return i;
}

size_t user_size(const struct user *u); /* of its block */
void user_place(struct user_task *t, struct user *u, uint32_t i); /* a new one, its hash set, in the free slot i */
void user_forget(struct user_task *t, struct user *u); /* out of table, lists and memory */
void user_leave_lists(struct user_task *t, struct user *u);
void user_free_contents(const struct user_task *t, struct user *u); /* rings and blocks; of one who is unpacked */
void user_refused_add(struct user_input *in, int64_t offset);

/* users_row.c */
void user_save(const struct user_task *t, const struct user *u, struct buf *to);
void user_put_task_row(struct user_task *t, row_put *put, void *to);

#endif
