/* Slab allocator and growable buffers: the memory of the loop's thread. See pool.h and buf.h. */
#include "pool.h"

#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "huge.h"

/* A class that has filled MANY small slabs gets large ones. Small slabs are cut from a large one, too, but for the FIRST of a pool: pages of 4 KiB
 * would be cleared one by one. */
enum { MIN_SHIFT = 4,
	MAX_SHIFT = 16,
	STEPS = 4,
	FIRST_SHIFT = 6,
	CLASSES = STEPS * (MAX_SHIFT - FIRST_SHIFT + 1),
	SLAB_BYTES = 1 << 18,
	MANY = 16,
	FIRST = 4,
	LINE = 64 };

struct free_block {
	struct free_block *next;
};

struct slab {
	struct slab *next;
	size_t bytes;
	char rest[LINE - sizeof(struct slab *) - sizeof(size_t)]; /* large slabs' blocks of whole cache lines are aligned to them */
};

struct large { /* over the greatest class: malloc'ed, linked so that pool_destroy finds it */
	struct large *prev, *next;
};

struct pool {
	struct free_block *free[CLASSES];
	char *at[CLASSES];
	size_t left[CLASSES];
	unsigned n_slabs[CLASSES], n_small;
	char *cut; /* the next small slab; cut_left bytes */
	size_t cut_left;
	struct slab *slabs;
	void *(*take)(void *from); /* large slabs come from there; NULL: from huge_alloc() */
	void *from;
	struct large larges; /* list head */
	size_t bytes;
};

static void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

struct pool *pool_create(void)
{
	struct pool *p = must(calloc(1, sizeof(*p)));
	p->larges.prev = p->larges.next = &p->larges;
	return p;
}

void pool_slabs_from(struct pool *p, void *(*take)(void *from), void *from)
{
	p->take = take;
	p->from = from;
}

void pool_destroy(struct pool *p)
{
	if (!p)
		return;
	for (struct slab *s = p->slabs, *next; s; s = next) {
		next = s->next;
		huge_free(s, s->bytes);
	}
	for (struct large *l = p->larges.next, *next; l != &p->larges; l = next) {
		next = l->next;
		free(l);
	}
	free(p);
}

/* 16, 32, 48, 64; then four between a power of two and the next: 80, 96, 112, 128, 160, ... A block is at most a fifth larger than what lies in it
 * (from 64 bytes on). */
static int class_of(size_t size)
{
	if (size <= (size_t)1 << FIRST_SHIFT)
		return size ? (int)((size - 1) >> MIN_SHIFT) : 0;
	int shift = 63 - __builtin_clzl(size - 1);
	return STEPS * (shift - FIRST_SHIFT) + (int)((size - 1) >> (shift - 2));
}

static size_t block_bytes(int c)
{
	if (c < STEPS)
		return (size_t)(c + 1) << MIN_SHIFT;
	return (size_t)(STEPS + c % STEPS + 1) << (c / STEPS - 1 + MIN_SHIFT);
}

static void *large_alloc(struct pool *p, size_t size)
{
	struct large *l = must(calloc(1, sizeof(*l) + size));
	l->next = &p->larges;
	l->prev = p->larges.prev;
	l->prev->next = l->next->prev = l;
	p->bytes += size;
	return l + 1;
}

static char *slab_alloc(struct pool *p, size_t bytes)
{
	struct slab *s = bytes > SLAB_BYTES && p->take ? p->take(p->from) : huge_alloc(bytes);
	s->next = p->slabs;
	s->bytes = bytes;
	p->slabs = s;
	return (char *)(s + 1);
}

/* Room for blocks of class c. */
static void class_grow(struct pool *p, int c)
{
	size_t bytes = p->n_slabs[c]++ < MANY ? SLAB_BYTES : HUGE_PAGE_BYTES;
	if (bytes > SLAB_BYTES || p->n_small++ < FIRST) {
		p->at[c] = slab_alloc(p, bytes);
		p->left[c] = bytes - sizeof(struct slab);
		return;
	}
	if (p->cut_left < SLAB_BYTES / 2) {
		p->cut = slab_alloc(p, HUGE_PAGE_BYTES);
		p->cut_left = HUGE_PAGE_BYTES - sizeof(struct slab);
	}
	p->at[c] = p->cut;
	p->left[c] = p->cut_left < SLAB_BYTES ? p->cut_left : SLAB_BYTES;
	p->cut += p->left[c];
	p->cut_left -= p->left[c];
}

void *pool_alloc(struct pool *p, size_t size)
{
	if (!size)
		return NULL;
	int c = class_of(size);
	if (c >= CLASSES)
		return large_alloc(p, size);
	size_t block = block_bytes(c);
	p->bytes += block;
	struct free_block *f = p->free[c];
	if (f) {
		p->free[c] = f->next;
		return memset(f, 0, block);
	}
	if (p->left[c] < block)
		class_grow(p, c);
	void *mem = p->at[c];
	p->at[c] += block;
	p->left[c] -= block;
	return mem;
}

void pool_free(struct pool *p, void *mem, size_t size)
{
	if (!mem)
		return;
	int c = class_of(size);
	if (c >= CLASSES) {
		struct large *l = (struct large *)mem - 1;
		l->prev->next = l->next;
		l->next->prev = l->prev;
		p->bytes -= size;
		free(l);
		return;
	}
	struct free_block *f = mem;
	f->next = p->free[c];
	p->free[c] = f;
	p->bytes -= block_bytes(c);
}

void *pool_resize(struct pool *p, void *mem, size_t old_size, size_t new_size)
{
	if (mem && new_size && class_of(old_size) == class_of(new_size) && class_of(new_size) < CLASSES) {
		if (new_size > old_size)
			memset((char *)mem + old_size, 0, new_size - old_size);
		return mem;
	}
	void *fresh = pool_alloc(p, new_size);
	if (mem && fresh)
		memcpy(fresh, mem, old_size < new_size ? old_size : new_size);
	pool_free(p, mem, old_size);
	return fresh;
}

size_t pool_bytes(const struct pool *p)
{
	return p->bytes;
}

void buf_done(struct buf *b)
{
	free(b->data);
	*b = (struct buf){ 0 };
}

void buf_grow(struct buf *b, size_t more)
{
	size_t capacity = b->capacity ? b->capacity : 256;
	while (capacity < b->size + more)
		capacity *= 2;
	b->data = must(realloc(b->data, capacity));
	b->capacity = capacity;
}
