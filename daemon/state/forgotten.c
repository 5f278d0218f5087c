/* Requests to be forgotten; see forgotten.h. */
#include "forgotten.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

static const struct text prefix = { "forget:", 7 }, opening = { "{\"v\":1,\"until\":", 15 };

static void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

void forgotten_done(struct forgotten *f)
{
	free(f->requests);
	free(f->slots);
	*f = (struct forgotten){ 0 };
}

static uint32_t *slot_of(const struct forgotten *f, uint64_t user)
{
	uint32_t i = (uint32_t)user & f->mask;
	while (f->slots[i] && f->requests[f->slots[i] - 1].user != user)
		i = (i + 1) & f->mask;
	return &f->slots[i];
}

int64_t forgotten_until(const struct forgotten *f, uint64_t user)
{
	uint32_t at = f->n ? *slot_of(f, user) : 0;
	return at ? f->requests[at - 1].until : INT64_MIN;
}

void forgotten_add(struct forgotten *f, uint64_t user, int64_t until)
{
	if (forgotten_until(f, user) >= until)
		return;
	if (f->n == f->capacity) {
		f->capacity = f->capacity ? 2 * f->capacity : 64;
		f->requests = must(realloc(f->requests, f->capacity * sizeof(*f->requests)));
		free(f->slots);
		f->mask = 2 * f->capacity - 1;
		f->slots = must(calloc(f->mask + 1u, sizeof(*f->slots)));
		for (uint32_t i = 0; i < f->n; i++)
			*slot_of(f, f->requests[i].user) = i + 1;
	}
	f->requests[f->n++] = (struct forgotten_request){ user, until };
	*slot_of(f, user) = f->n;
}

void forgotten_row(struct text user, int64_t until, char *key, char *value)
{
	snprintf(key, FORGOTTEN_KEY_BYTES + 1, "%s%016llx", prefix.data, (unsigned long long)XXH3_64bits(user.data, user.size));
	snprintf(value, 64, "%s%lld}", opening.data, (long long)until);
}

int forgotten_key(struct text key, uint64_t *ret_user)
{
	uint64_t user = 0;
	if (key.size < prefix.size || memcmp(key.data, prefix.data, prefix.size) != 0)
		return 0;
	if (key.size != FORGOTTEN_KEY_BYTES)
		return -EBADMSG;
	for (uint32_t i = prefix.size; i < key.size; i++) {
		char c = key.data[i];
		int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10
										  : -1;
		if (digit < 0)
			return -EBADMSG;
		user = user << 4 | (uint64_t)digit;
	}
	*ret_user = user;
	return 1;
}

int forgotten_value(struct text value, int64_t *ret_until)
{
	int64_t until = 0;
	uint32_t i = opening.size;
	if (value.size < i + 2 || memcmp(value.data, opening.data, i) != 0)
		return -EBADMSG;
	for (; i < value.size && value.data[i] >= '0' && value.data[i] <= '9'; i++)
		if (__builtin_mul_overflow(until, 10, &until) || __builtin_add_overflow(until, value.data[i] - '0', &until))
			return -EBADMSG;
	if (i + 1 != value.size || value.data[i] != '}' || i == opening.size)
		return -EBADMSG;
	*ret_until = until;
	return 0;
}
