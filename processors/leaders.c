/* Keeps and sorts the most frequent others; see leaders.h. */
#include "leaders.h"

#include <errno.h>
#include <stdlib.h>

/* a comes after b. */
static bool after(const struct symbols *symbols, struct itemsets_other a, struct itemsets_other b)
{
	if (a.count != b.count)
		return a.count < b.count;
	return symbols_hash(symbols, a.item) > symbols_hash(symbols, b.item);
}

/* A heap with the last in order at its root: lets to[0], just replaced, sink to its place. */
static void sink(const struct symbols *symbols, struct itemsets_other *to, uint32_t n)
{
	struct itemsets_other x = to[0];
	uint32_t i = 0;
	for (uint32_t child; (child = 2 * i + 1) < n; i = child) {
		if (child + 1 < n && after(symbols, to[child + 1], to[child]))
			child++;
		if (!after(symbols, to[child], x))
			break;
		to[i] = to[child];
	}
	to[i] = x;
}

/* Puts x into a heap of *n, at most `most`; of more the first in order stay. */
static void offer(const struct symbols *symbols, struct itemsets_other *to, uint32_t *n, uint32_t most, struct itemsets_other x)
{
	if (*n < most) {
		uint32_t at = (*n)++;
		for (; at && after(symbols, x, to[(at - 1) / 2]); at = (at - 1) / 2)
			to[at] = to[(at - 1) / 2];
		to[at] = x;
	} else if (after(symbols, to[0], x)) {
		to[0] = x;
		sink(symbols, to, *n);
	}
}

static void heap_sort(const struct symbols *symbols, struct itemsets_other *to, uint32_t n)
{
	while (n > 1) {
		struct itemsets_other last = to[0];
		to[0] = to[--n];
		to[n] = last;
		sink(symbols, to, n);
	}
}

/* By insertion: the list was in order when it was last asked for, and few of it have grown since. */
static void put_in_order(struct leaders *t, const struct symbols *symbols)
{
	for (uint32_t i = 1; i < t->n; i++) {
		struct itemsets_other x = t->list[i];
		if (!after(symbols, t->list[i - 1], x))
			continue;
		uint32_t from = 0, to = i - 1; /* the first that comes after x lies within */
		while (from < to) {
			uint32_t middle = (from + to) / 2;
			if (after(symbols, t->list[middle], x))
				to = middle;
			else
				from = middle + 1;
		}
		memmove(&t->list[from + 1], &t->list[from], sizeof(x) * (i - from));
		t->list[from] = x;
	}
	t->last = t->n ? (uint16_t)(t->n - 1) : 0;
}

static void find_last(struct leaders *t, const struct symbols *symbols)
{
	t->last = 0;
	for (uint16_t i = 1; i < t->n; i++)
		if (after(symbols, t->list[i], t->list[t->last]))
			t->last = i;
}

void leaders_grown(struct leaders *t, const struct symbols *symbols, const struct pair_map *map, symbol_t other)
{
	if (!t->list)
		return;
	struct itemsets_other x = { other, pair_map_count(map, other) };
	bool full = t->n == t->k;
	if (full && t->list[t->last].item != other && after(symbols, x, t->list[t->last]))
		return; /* was not in the list before, either: it has only grown */
	uint16_t i = 0;
	while (i < t->n && t->list[i].item != other)
		i++;
	if (i == t->n) {
		if (full)
			i = t->last;
		else
			t->n++;
	}
	t->list[i] = x;
	if (t->n == t->k && (!full || i == t->last))
		find_last(t, symbols);
}

void leaders_forget(struct leaders *t)
{
	free(t->list);
	*t = (struct leaders){ 0 };
}

void leaders_done(struct leaders *t)
{
	leaders_forget(t);
}

uint32_t leaders_sorted(struct leaders *t, const struct symbols *symbols, const struct pair_map *map, uint32_t k, struct itemsets_other *to)
{
	uint32_t n = 0;
	if (t->list && t->k == k) {
		put_in_order(t, symbols);
		memcpy(to, t->list, sizeof(*to) * t->n);
		return t->n;
	}
	for (uint32_t i = 0; map->slots && i < 1u << map->bits; i++)
		if (map->slots[i].other && (n < k || map->slots[i].count >= to[0].count))
			offer(symbols, to, &n, k, (struct itemsets_other){ map->slots[i].other, map->slots[i].count });
	heap_sort(symbols, to, n);
	leaders_forget(t);
	t->list = malloc(sizeof(*t->list) * k);
	if (!t->list)
		abort();
	memcpy(t->list, to, sizeof(*to) * n);
	t->n = (uint16_t)n;
	t->k = (uint16_t)k;
	t->last = n ? (uint16_t)(n - 1) : 0;
	return n;
}

void leaders_save(const struct itemsets_other *list, uint32_t n, const struct symbols *symbols, struct buf *to)
{
	buf_varint(to, n);
	for (uint32_t i = 0; i < n; i++) {
		buf_text(to, symbols_text(symbols, list[i].item));
		buf_varint(to, list[i].count);
	}
}

int leaders_load(struct itemsets_other **ret, uint32_t *ret_n, uint32_t most, struct reader *from, struct symbols *symbols, struct pool *pool)
{
	uint64_t n = reader_varint(from);
	if (n > most || n > reader_left(from) / 2)
		return -EBADMSG;
	struct itemsets_other *list = *ret = pool_alloc(pool, n * sizeof(*list));
	*ret_n = (uint32_t)n;
	for (uint32_t done = 0; done < n;) {
		struct text ids[SYMBOLS_TOGETHER];
		symbol_t items[SYMBOLS_TOGETHER];
		uint32_t some = n - done < SYMBOLS_TOGETHER ? (uint32_t)n - done : SYMBOLS_TOGETHER;
		for (uint32_t i = 0; i < some; i++) {
			ids[i] = reader_text(from);
			list[done + i].count = (uint32_t)reader_varint(from);
			if (!ids[i].size)
				return -EBADMSG;
		}
		symbols_intern_all(symbols, ids, some, items);
		for (uint32_t i = 0; i < some; i++)
			list[done++].item = items[i];
	}
	return from->bad ? -EBADMSG : 0;
}
