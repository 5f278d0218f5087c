/* A shopper's newest opinions; see kept_opinions.h. */
#include "kept_opinions.h"

#include <errno.h>

#include "aspects.h"
#include "score.h"

enum { OF_A_REVIEW = KEY_KINDS + 2 * ASPECTS_MAX, /* at most a key of each kind, and two for each aspect */
	FIRST = 1 << 7,
	CLASS_SHIFT = 4,
	KIND_MASK = (1 << CLASS_SHIFT) - 1 };

_Static_assert(KEY_KINDS <= KIND_MASK + 1 && SENTIMENT_CLASSES <= FIRST >> CLASS_SHIFT, "kind, class and mark are one byte");

static void add(struct kept_opinions *k, struct pool *pool, const struct kept_opinion *x)
{
	if (k->n == k->capacity) {
		uint32_t capacity = k->capacity ? k->capacity * 2 : 4;
		k->list = pool_resize(pool, k->list, k->capacity * sizeof(*k->list), capacity * sizeof(*k->list));
		k->capacity = capacity;
	}
	k->list[k->n++] = *x;
}

/* Keeps the newest reviews, `most` of them. */
static void cut(struct kept_opinions *k, uint32_t most)
{
	uint32_t at = k->n, left = k->n;
	while (at > 0 && most) {
		if (k->list[--at].first) {
			left = at;
			most--;
		}
	}
	k->n -= left;
	memmove(k->list, k->list + left, k->n * sizeof(*k->list));
}

void kept_opinions_keep(struct kept_opinions *k, struct pool *pool, uint32_t most, const struct kept_opinion *x)
{
	if (x->first && k->n)
		cut(k, most ? most - 1 : 0);
	if (most)
		add(k, pool, x);
}

void kept_opinions_save(const struct kept_opinions *k, const struct symbols *symbols, struct buf *to)
{
	int64_t before = 0;
	buf_varint(to, k->n);
	for (uint32_t i = 0; i < k->n; i++) {
		const struct kept_opinion *x = &k->list[i];
		buf_u8(to, (uint8_t)(x->key.kind | x->class << CLASS_SHIFT | (x->first ? FIRST : 0)));
		if (x->key.kind != KEY_ALL)
			buf_text(to, symbols_text(symbols, x->key.id));
		buf_text(to, symbols_text(symbols, x->aspect));
		buf_zigzag(to, x->pane - before);
		buf_zigzag(to, x->sum);
		before = x->pane;
	}
}

int kept_opinions_load(struct kept_opinions *k, struct reader *from, struct symbols *symbols, struct pool *pool)
{
	int64_t pane = 0;
	uint64_t n = reader_varint(from);
	if (from->bad || n > KEPT_REVIEWS_MAX * OF_A_REVIEW)
		return -EBADMSG;
	for (uint64_t i = 0; i < n; i++) {
		uint8_t head = reader_u8(from);
		struct kept_opinion x = { .key.kind = head & KIND_MASK, .class = (head & (FIRST - 1)) >> CLASS_SHIFT, .first = head & FIRST };
		if (x.key.kind != KEY_ALL)
			x.key.id = symbols_intern(symbols, reader_text(from));
		x.aspect = symbols_intern(symbols, reader_text(from));
		int64_t step = reader_zigzag(from), sum = reader_zigzag(from);
		bool bad = from->bad || x.key.kind == KEY_NONE || x.key.kind >= KEY_KINDS || (x.key.kind != KEY_ALL && !x.key.id);
		bad |= x.class >= SENTIMENT_CLASSES || sum > KEPT_SUM_MAX || sum < -KEPT_SUM_MAX || (!i && !x.first);
		if (bad || __builtin_add_overflow(pane, step, &pane) || pane > INT32_MAX || pane < INT32_MIN)
			return -EBADMSG;
		x.pane = (int32_t)pane;
		x.sum = (int16_t)sum;
		add(k, pool, &x);
	}
	return 0;
}

void kept_opinions_done(struct kept_opinions *k, struct pool *pool)
{
	pool_free(pool, k->list, k->capacity * sizeof(*k->list));
	*k = (struct kept_opinions){ 0 };
}

void kept_opinions_mark(const struct kept_opinions *k, struct symbols *symbols)
{
	for (uint32_t i = 0; i < k->n; i++) {
		symbols_mark(symbols, k->list[i].key.id);
		symbols_mark(symbols, k->list[i].aspect);
	}
}
