/* A shopper's newest baskets; see kept_baskets.h. */
#include "kept_baskets.h"

#include <errno.h>

static uint32_t size_of(const struct kept_basket *x)
{
	return x->n_items + x->n_categories;
}

static struct kept_basket *add(struct kept_baskets *b, struct pool *pool, struct kept_basket x)
{
	if (b->n == b->capacity) {
		uint32_t capacity = b->capacity ? b->capacity * 2 : 1;
		b->list = pool_resize(pool, b->list, b->capacity * sizeof(*b->list), capacity * sizeof(*b->list));
		b->capacity = capacity;
	}
	x.items = pool_alloc(pool, size_of(&x) * sizeof(*x.items));
	b->list[b->n] = x;
	return &b->list[b->n++];
}

static void basket_free(struct kept_basket *x, struct pool *pool)
{
	pool_free(pool, x->items, size_of(x) * sizeof(*x->items));
}

void kept_baskets_keep(struct kept_baskets *b, struct pool *pool, uint32_t most, int64_t from, const struct kept_basket *x)
{
	uint32_t left = 0, numbers = size_of(x), alike = 0;
	if (!numbers || numbers > KEPT_ITEMS_MAX)
		return;
	for (uint32_t i = 0; i < b->n; i++) {
		numbers += size_of(&b->list[i]);
		alike += b->list[i].kind == x->kind;
	}
	for (uint32_t i = 0; i < b->n; i++) {
		struct kept_basket *old = &b->list[i];
		bool same = old->kind == x->kind;
		if (numbers > KEPT_ITEMS_MAX || (same && alike >= most) || old->ts < from) {
			numbers -= size_of(old);
			alike -= same;
			basket_free(old, pool);
		} else {
			b->list[left++] = *old;
		}
	}
	b->n = left;
	if (most)
		memcpy(add(b, pool, *x)->items, x->items, size_of(x) * sizeof(*x->items));
}

void kept_baskets_save(const struct kept_baskets *b, const struct symbols *symbols, struct buf *to)
{
	buf_varint(to, b->n);
	for (uint32_t i = 0; i < b->n; i++) {
		const struct kept_basket *x = &b->list[i];
		buf_u8(to, x->kind);
		buf_zigzag(to, x->ts);
		buf_varint(to, x->n_items);
		buf_varint(to, x->n_categories);
		for (uint32_t j = 0; j < size_of(x); j++)
			buf_text(to, symbols_text(symbols, x->items[j]));
	}
}

int kept_baskets_load(struct kept_baskets *b, struct reader *from, struct symbols *symbols, struct pool *pool)
{
	uint64_t n = reader_varint(from);
	if (from->bad || n > KEPT_ITEMS_MAX) /* each has an item */
		return -EBADMSG;
	for (uint64_t i = 0; i < n; i++) {
		struct kept_basket x = { .kind = reader_u8(from) };
		x.ts = reader_zigzag(from);
		uint64_t n_items = reader_varint(from), n_categories = reader_varint(from);
		if (from->bad || !n_items || n_items > KEPT_ITEMS_MAX || n_categories > KEPT_ITEMS_MAX - n_items)
			return -EBADMSG;
		x.n_items = (uint32_t)n_items;
		x.n_categories = (uint32_t)n_categories;
		struct kept_basket *added = add(b, pool, x);
		for (uint32_t j = 0; j < size_of(added); j++)
			if (!(added->items[j] = symbols_intern(symbols, reader_text(from))))
				return -EBADMSG;
	}
	return 0;
}

void kept_baskets_done(struct kept_baskets *b, struct pool *pool)
{
	for (uint32_t i = 0; i < b->n; i++)
		basket_free(&b->list[i], pool);
	pool_free(pool, b->list, b->capacity * sizeof(*b->list));
	*b = (struct kept_baskets){ 0 };
}

void kept_baskets_mark(const struct kept_baskets *b, struct symbols *symbols)
{
	for (uint32_t i = 0; i < b->n; i++)
		for (uint32_t j = 0; j < size_of(&b->list[i]); j++)
			symbols_mark(symbols, b->list[i].items[j]);
}
