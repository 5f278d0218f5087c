/* See miner.h. */
#include "miner.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { LEAF_ITEMS = 10,
	CHUNK_BYTES = 1 << 20 };
#define NONE UINT32_MAX

/* ---- memory: taken in order, given back to a mark ---- */

struct chunk {
	struct chunk *next; /* kept for later use when it is behind the one in use */
	size_t size, used;
	max_align_t bytes[];
};

struct arena {
	struct chunk *first, *at;
};

struct mark {
	struct chunk *at;
	size_t used;
};

static void *arena_take(struct arena *a, size_t n, size_t each) /* NULL: no memory */
{
	size_t size = (n * each + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
	while (a->at && a->at->size - a->at->used < size && a->at->next) {
		a->at = a->at->next;
		a->at->used = 0;
	}
	if (!a->at || a->at->size - a->at->used < size) {
		size_t room = size > CHUNK_BYTES ? size : CHUNK_BYTES;
		struct chunk *c = malloc(sizeof(*c) + room);
		if (!c)
			return NULL;
		*c = (struct chunk){ .size = room };
		if (a->at)
			a->at->next = c;
		else
			a->first = c;
		a->at = c;
	}
	void *p = (char *)a->at->bytes + a->at->used;
	a->at->used += size;
	return p;
}

static struct mark arena_mark(const struct arena *a)
{
	return (struct mark){ a->at, a->at ? a->at->used : 0 };
}

static void arena_back(struct arena *a, struct mark m)
{
	a->at = m.at ? m.at : a->first;
	if (a->at)
		a->at->used = m.used;
}

static void arena_done(struct arena *a)
{
	for (struct chunk *c = a->first, *next; c; c = next) {
		next = c->next;
		free(c);
	}
}

/* ---- levels ---- */

struct occurrence {
	uint32_t start, n; /* tokens[start .. start + n) come before the item in this basket */
	uint32_t weight;
};

struct level {
	uint32_t m;       /* items, 0..m-1 */
	uint32_t *names;  /* as the caller calls them */
	uint32_t *counts; /* >= min_count, weights included */
	uint32_t *first;  /* m + 1: item x has occurrences[first[x] .. first[x + 1]) */
	struct occurrence *occurrences;
	uint32_t *tokens;
};

struct run {
	uint32_t min_count, max_size;
	miner_visit *visit;
	void *to;
	uint32_t *set, n; /* of the set that is being extended */
	uint32_t *count;  /* scratch by item of the level above: zero between uses */
	uint32_t *map;    /* scratch: number in the new level, NONE when too rare */
	struct arena arena;
};

static int visit(struct run *r, uint32_t name, uint32_t count)
{
	r->set[r->n] = name;
	return r->visit(r->to, r->set, r->n + 1, count);
}

/* ---- few items: one table for all of their sets ---- */

struct leaf {
	const uint32_t *names, *table;
};

static int leaf_visit(struct run *r, const struct leaf *leaf, uint32_t mask, uint32_t below)
{
	for (uint32_t x = 0; x < below; x++) {
		uint32_t with = mask | 1u << x;
		if (leaf->table[with] < r->min_count)
			continue;
		int stop = visit(r, leaf->names[x], leaf->table[with]);
		if (stop)
			return stop;
		if (!x || r->n + 1 == r->max_size)
			continue;
		r->n++;
		stop = leaf_visit(r, leaf, with, x);
		r->n--;
		if (stop)
			return stop;
	}
	return 0;
}

static int leaf_run(struct run *r, const struct level *from, uint32_t item, uint32_t m, const uint32_t *names)
{
	uint32_t size = 1u << m;
	uint32_t *table = arena_take(&r->arena, size, sizeof(*table));
	if (!table)
		return -ENOMEM;
	memset(table, 0, size * sizeof(*table));
	for (uint32_t i = from->first[item]; i < from->first[item + 1]; i++) {
		const struct occurrence *o = &from->occurrences[i];
		uint32_t mask = 0;
		for (const uint32_t *t = from->tokens + o->start, *end = t + o->n; t < end; t++)
			if (r->map[*t] != NONE)
				mask |= 1u << r->map[*t];
		table[mask] += o->weight;
	}
	for (uint32_t bit = 1; bit < size; bit *= 2)
		for (uint32_t high = 0; high < size; high += 2 * bit)
			for (uint32_t mask = high; mask < high + bit; mask++)
				table[mask] += table[mask + bit];
	return leaf_visit(r, &(struct leaf){ names, table }, 0, m);
}

/* ---- many: project and go down ---- */

/* Occurrences by item of the cut baskets; those with nothing before the item are left out: there is nothing to extend it with. */
static int level_index(struct run *r, struct level *l, const struct occurrence *baskets, uint32_t n)
{
	uint32_t *first = l->first = arena_take(&r->arena, (size_t)l->m + 2, sizeof(*first));
	if (!first)
		return -ENOMEM;
	memset(first, 0, ((size_t)l->m + 2) * sizeof(*first));
	for (uint32_t i = 0; i < n; i++)
		for (uint32_t j = 1; j < baskets[i].n; j++)
			first[l->tokens[baskets[i].start + j] + 2]++;
	for (uint32_t x = 2; x <= l->m + 1; x++)
		first[x] += first[x - 1];
	struct occurrence *to = l->occurrences = arena_take(&r->arena, first[l->m + 1], sizeof(*to));
	if (!to)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++)
		for (uint32_t j = 1; j < baskets[i].n; j++)
			to[first[l->tokens[baskets[i].start + j] + 1]++] = (struct occurrence){ baskets[i].start, j, baskets[i].weight };
	return 0;
}

/* Into l, whose m, names and counts are set: the baskets of `item` in `from`, cut. */
static int level_project(struct run *r, const struct level *from, uint32_t item, size_t tokens, struct level *l)
{
	uint32_t n = 0, at = 0, last = from->first[item + 1] - from->first[item];
	struct occurrence *baskets = arena_take(&r->arena, last, sizeof(*baskets));
	l->tokens = arena_take(&r->arena, tokens, sizeof(*l->tokens));
	if (!baskets || !l->tokens)
		return -ENOMEM;
	for (uint32_t i = from->first[item]; i < from->first[item + 1]; i++) {
		const struct occurrence *o = &from->occurrences[i];
		uint32_t start = at;
		for (const uint32_t *t = from->tokens + o->start, *end = t + o->n; t < end; t++) {
			l->tokens[at] = r->map[*t];
			at += r->map[*t] != NONE;
		}
		uint32_t size = at - start;
		struct occurrence *before = n ? &baskets[n - 1] : NULL;
		if (size < 2) { /* no pair in it: it is in the counts already */
			at = start;
		} else if (before && before->n == size && !memcmp(l->tokens + before->start, l->tokens + start, size * sizeof(*l->tokens))) {
			before->weight += o->weight;
			at = start;
		} else {
			baskets[n++] = (struct occurrence){ start, size, o->weight };
		}
	}
	return level_index(r, l, baskets, n);
}

static int mine(struct run *r, const struct level *l);

/* All frequent sets that hold the run's set, which ends with `item`, and more frequent items. */
static int extend(struct run *r, const struct level *l, uint32_t item)
{
	struct mark mark = arena_mark(&r->arena);
	struct level below = { 0 };
	size_t tokens = 0;
	for (uint32_t i = l->first[item]; i < l->first[item + 1]; i++) {
		const struct occurrence *o = &l->occurrences[i];
		for (const uint32_t *t = l->tokens + o->start, *end = t + o->n; t < end; t++)
			r->count[*t] += o->weight;
		tokens += o->n;
	}
	int stop = 0;
	below.names = arena_take(&r->arena, item, sizeof(*below.names));
	below.counts = arena_take(&r->arena, item, sizeof(*below.counts));
	if (!below.names || !below.counts)
		stop = -ENOMEM;
	for (uint32_t x = 0; x < item; x++) {
		r->map[x] = NONE;
		if (!stop && r->count[x] >= r->min_count) {
			r->map[x] = below.m;
			below.names[below.m] = l->names[x];
			below.counts[below.m++] = r->count[x];
		}
		r->count[x] = 0;
	}
	if (stop || !below.m)
		;
	else if (below.m == 1 || r->n + 1 == r->max_size)
		for (uint32_t x = 0; !stop && x < below.m; x++)
			stop = visit(r, below.names[x], below.counts[x]);
	else if (below.m <= LEAF_ITEMS && (1u << below.m) <= 16 + 4 * (l->first[item + 1] - l->first[item]))
		stop = leaf_run(r, l, item, below.m, below.names);
	else if (!(stop = level_project(r, l, item, tokens, &below)))
		stop = mine(r, &below);
	arena_back(&r->arena, mark);
	return stop;
}

static int mine(struct run *r, const struct level *l)
{
	for (uint32_t x = 0; x < l->m; x++) {
		int stop = visit(r, l->names[x], l->counts[x]);
		if (stop)
			return stop;
		if (l->first[x] == l->first[x + 1] || r->n + 1 == r->max_size)
			continue;
		r->n++;
		stop = extend(r, l, x);
		r->n--;
		if (stop)
			return stop;
	}
	return 0;
}

/* ---- the first level ---- */

struct ranked {
	uint32_t name, count;
};

static int by_falling_count(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;
	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return x->name < y->name ? -1 : x->name > y->name;
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}

static void sort_tokens(uint32_t *t, uint32_t n)
{
	if (n > 32) {
		qsort(t, n, sizeof(*t), by_number);
		return;
	}
	for (uint32_t i = 1; i < n; i++) {
		uint32_t v = t[i], j = i;
		for (; j && t[j - 1] > v; j--)
			t[j] = t[j - 1];
		t[j] = v;
	}
}

/* The frequent items by falling count, into l and rank[] by the caller's name (NONE: too rare). */
static int rank_items(struct run *r, const struct miner_baskets *b, struct level *l, uint32_t *rank)
{
	size_t tokens = b->n ? b->ends[b->n - 1] : 0;
	struct ranked *by = arena_take(&r->arena, b->n_items, sizeof(*by));
	l->names = arena_take(&r->arena, b->n_items, sizeof(*l->names));
	l->counts = arena_take(&r->arena, b->n_items, sizeof(*l->counts));
	if (!by || !l->names || !l->counts)
		return -ENOMEM;
	for (uint32_t x = 0; x < b->n_items; x++)
		by[x] = (struct ranked){ x, 0 };
	for (size_t i = 0; i < tokens; i++)
		by[b->items[i]].count++;
	qsort(by, b->n_items, sizeof(*by), by_falling_count);
	for (uint32_t x = 0; x < b->n_items; x++) {
		bool frequent = by[x].count >= r->min_count;
		rank[by[x].name] = frequent ? x : NONE;
		if (!frequent)
			continue;
		l->names[l->m] = by[x].name;
		l->counts[l->m++] = by[x].count;
	}
	return 0;
}

static int first_level(struct run *r, const struct miner_baskets *b, struct level *l)
{
	size_t size = b->n ? b->ends[b->n - 1] : 0;
	uint32_t *rank = arena_take(&r->arena, b->n_items, sizeof(*rank)), n = 0, at = 0;
	struct occurrence *baskets = arena_take(&r->arena, b->n, sizeof(*baskets));
	l->tokens = arena_take(&r->arena, size, sizeof(*l->tokens));
	if (!rank || !baskets || !l->tokens || rank_items(r, b, l, rank) < 0)
		return -ENOMEM;
	for (size_t i = 0, token = 0; i < b->n; i++) {
		uint32_t start = at;
		for (; token < b->ends[i]; token++)
			if (rank[b->items[token]] != NONE)
				l->tokens[at++] = rank[b->items[token]];
		if (at - start < 2) {
			at = start;
			continue;
		}
		sort_tokens(l->tokens + start, at - start);
		baskets[n++] = (struct occurrence){ start, at - start, 1 };
	}
	return level_index(r, l, baskets, n);
}

int miner_run(const struct miner_baskets *b, uint32_t min_count, uint32_t max_size, miner_visit *visit_set, void *to)
{
	if (b->n && b->ends[b->n - 1] >= UINT32_MAX)
		return -E2BIG;
	struct run r = { .min_count = min_count ? min_count : 1, .max_size = max_size, .visit = visit_set, .to = to };
	struct level l = { 0 };
	int stop = first_level(&r, b, &l);
	if (!stop) {
		r.set = arena_take(&r.arena, (size_t)l.m + 1, sizeof(*r.set));
		r.count = arena_take(&r.arena, (size_t)l.m + 1, sizeof(*r.count));
		r.map = arena_take(&r.arena, (size_t)l.m + 1, sizeof(*r.map));
		stop = r.set && r.count && r.map ? 0 : -ENOMEM;
	}
	if (!stop) {
		memset(r.count, 0, ((size_t)l.m + 1) * sizeof(*r.count));
		stop = mine(&r, &l);
	}
	arena_done(&r.arena);
	return stop;
}

uint32_t miner_min_count(double share, size_t n)
{
	double exact = share * (double)n, near = nearbyint(exact);
	double count = fabs(exact - near) <= 1e-9 * (near > 1 ? near : 1) ? near : ceil(exact);
	return count < 1 ? 1 : count >= UINT32_MAX ? UINT32_MAX
						   : (uint32_t)count;
}
