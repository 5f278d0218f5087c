/* Shoppers who asked to be forgotten: by hash of the id, until which event time nothing of theirs counts.
 *
 * Filled from the rows "forget:..." of <group>-control (daemon/kafka/global.c), consulted by the user tasks. Requests are kept in the order of their
 * coming, so that each task acts on those that it has not seen yet: an index into them is all that it remembers. The topic keeps them for ever, since a
 * replay of the inputs must find them: 16 bytes each here. A hash (XXH3, 64 bits, as in rows and rings) instead of the id: the request must not keep
 * what is to be erased.
 */
#ifndef GLINT_FORGOTTEN_H
#define GLINT_FORGOTTEN_H

#include "processors/text.h"

struct forgotten_request {
	uint64_t user; /* XXH3 of the id */
	int64_t until; /* ms: events up to then are late */
};

struct forgotten {
	struct forgotten_request *requests;
	uint32_t n, capacity;
	uint32_t *slots, mask; /* open addressing by user: index of the newest request + 1; NULL: none */
};

void forgotten_done(struct forgotten *f); /* a zeroed one is valid */
void forgotten_add(struct forgotten *f, uint64_t user, int64_t until); /* one that says no more than is known is left out */
int64_t forgotten_until(const struct forgotten *f, uint64_t user); /* INT64_MIN: not asked for */

enum { FORGOTTEN_KEY_BYTES = 7 + 16 }; /* "forget:" and 16 hexadecimal digits */

/* The row of the control topic: key and value {"v":1,"until":MS}. key: FORGOTTEN_KEY_BYTES + 1, value: 64 bytes; both become terminated texts. */
void forgotten_row(struct text user, int64_t until, char *key, char *value);
/* 0: not such a row's key; 1: it is, *ret_user; -EBADMSG: begins like one. */
int forgotten_key(struct text key, uint64_t *ret_user);
int forgotten_value(struct text value, int64_t *ret_until); /* 0 or -EBADMSG */

#endif
