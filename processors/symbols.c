/* Interned strings; see symbols.h. Open addressing over 32-bit slots; texts in pool blocks; freed symbols are reused. */
#include "symbols.h"

#include <stdlib.h>
#define XXH_INLINE_ALL /* ids are short: the call costs as much as the hash */
#include <xxhash.h>

#include "pool.h"

struct entry {
	char *data;    /* NULL = free */
	uint64_t hash;
	uint32_t size;
	uint32_t mark; /* the sweep it was last seen by; next free symbol while free */
};

struct symbols {
	struct pool *pool;
	struct entry *entries; /* by symbol; [0] unused */
	uint32_t limit, capacity;
	uint32_t *slots; /* symbol or 0 */
	uint32_t mask, count;
	uint32_t free_head, sweep, longest;
};

static void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

struct symbols *symbols_create(void)
{
	struct symbols *s = must(calloc(1, sizeof(*s)));
	s->pool = pool_create();
	s->capacity = 1024;
	s->entries = must(calloc(s->capacity, sizeof(*s->entries)));
	s->limit = 1;
	s->mask = 2047;
	s->slots = must(calloc(s->mask + 1u, sizeof(*s->slots)));
	return s;
}

void symbols_destroy(struct symbols *s)
{
	if (!s)
		return;
	pool_destroy(s->pool);
	free(s->entries);
	free(s->slots);
	free(s);
}

static uint32_t slot_of(const struct symbols *s, struct text t, uint64_t hash)
{
	uint32_t i = (uint32_t)hash & s->mask;
	for (; s->slots[i]; i = (i + 1) & s->mask) {
		const struct entry *e = &s->entries[s->slots[i]];
		if (e->hash == hash && text_equal((struct text){ e->data, e->size }, t))
			break;
	}
	return i;
}

static void rehash(struct symbols *s, uint32_t mask)
{
	free(s->slots);
	s->mask = mask;
	s->slots = must(calloc(mask + 1u, sizeof(*s->slots)));
	for (uint32_t sym = 1; sym < s->limit; sym++) {
		if (!s->entries[sym].data)
			continue;
		uint32_t i = (uint32_t)s->entries[sym].hash & mask;
		while (s->slots[i])
			i = (i + 1) & mask;
		s->slots[i] = sym;
	}
}

static symbol_t intern(struct symbols *s, struct text t, uint64_t hash)
{
	uint32_t i = slot_of(s, t, hash);
	if (s->slots[i])
		return s->slots[i];
	if ((s->count + 1) * 2 > s->mask) {
		rehash(s, s->mask * 2 + 1);
		i = slot_of(s, t, hash);
	}
	uint32_t sym = s->free_head;
	if (sym) {
		s->free_head = s->entries[sym].mark;
	} else {
		if (s->limit == s->capacity) {
			s->entries = must(realloc(s->entries, sizeof(*s->entries) * s->capacity * 2));
			memset(s->entries + s->capacity, 0, sizeof(*s->entries) * s->capacity);
			s->capacity *= 2;
		}
		sym = s->limit++;
	}
	struct entry *e = &s->entries[sym];
	e->data = pool_alloc(s->pool, t.size);
	memcpy(e->data, t.data, t.size);
	e->size = t.size;
	s->longest = t.size > s->longest ? t.size : s->longest;
	e->hash = hash;
	e->mark = s->sweep;
	s->slots[i] = sym;
	s->count++;
	return sym;
}

symbol_t symbols_intern(struct symbols *s, struct text t)
{
	return t.data && t.size ? intern(s, t, XXH3_64bits(t.data, t.size)) : 0;
}

void symbols_intern_all(struct symbols *s, const struct text *texts, size_t n, symbol_t *ret)
{
	uint64_t hashes[SYMBOLS_TOGETHER];
	for (size_t i = 0; i < n; i++) {
		hashes[i] = XXH3_64bits(texts[i].data, texts[i].size);
		__builtin_prefetch(&s->slots[hashes[i] & s->mask]);
	}
	for (size_t i = 0; i < n; i++) {
		ret[i] = s->slots[hashes[i] & s->mask];
		__builtin_prefetch(&s->entries[ret[i]]);
	}
	for (size_t i = 0; i < n; i++)
		__builtin_prefetch(s->entries[ret[i]].data);
	for (size_t i = 0; i < n; i++)
		ret[i] = intern(s, texts[i], hashes[i]);
}

symbol_t symbols_find(const struct symbols *s, struct text t)
{
	if (!t.data || !t.size)
		return 0;
	return s->slots[slot_of(s, t, XXH3_64bits(t.data, t.size))];
}

struct text symbols_text(const struct symbols *s, symbol_t symbol)
{
	if (!symbol)
		return (struct text){ 0 };
	return (struct text){ s->entries[symbol].data, s->entries[symbol].size };
}

uint64_t symbols_hash(const struct symbols *s, symbol_t symbol)
{
	return symbol ? s->entries[symbol].hash : 0;
}

uint32_t symbols_limit(const struct symbols *s)
{
	return s->limit;
}

uint32_t symbols_longest(const struct symbols *s)
{
	return s->longest;
}

uint32_t symbols_count(const struct symbols *s)
{
	return s->count;
}

void symbols_mark_begin(struct symbols *s)
{
	s->sweep++;
}

void symbols_mark(struct symbols *s, symbol_t symbol)
{
	if (symbol)
		s->entries[symbol].mark = s->sweep;
}

bool symbols_marked(const struct symbols *s, symbol_t symbol)
{
	return s->entries[symbol].mark == s->sweep;
}

uint32_t symbols_sweep(struct symbols *s)
{
	uint32_t swept = 0;
	for (uint32_t sym = 1; sym < s->limit; sym++) {
		struct entry *e = &s->entries[sym];
		if (!e->data || e->mark == s->sweep)
			continue;
		pool_free(s->pool, e->data, e->size);
		*e = (struct entry){ .mark = s->free_head };
		s->free_head = sym;
		swept++;
	}
	s->count -= swept;
	if (swept)
		rehash(s, s->mask);
	return swept;
}
