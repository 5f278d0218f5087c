/* See opinions.h. */
#include "opinions.h"

#include <errno.h>
#include <math.h>

static const int64_t window_panes[WINDOWS] = { 12, 288, 2016 };

int64_t opinions_reviews(const struct opinion_sums *s)
{
	return s->n[SENTIMENT_NEGATIVE] + s->n[SENTIMENT_NEUTRAL] + s->n[SENTIMENT_POSITIVE];
}

double opinions_mean(const struct opinion_sums *s)
{
	int64_t n = opinions_reviews(s);
	return n > 0 ? (double)s->sum / SENTIMENT_UNIT / (double)n : NAN;
}

static void sums_add(struct opinion_sums *s, const struct opinion_pane *p, int sign)
{
	for (int c = 0; c < SENTIMENT_CLASSES; c++)
		s->n[c] += sign * (int64_t)p->n[c];
	s->sum += sign * p->sum;
}

void opinions_advance(struct opinions *b, int64_t watermark)
{
	int64_t until = watermark >= 0 ? watermark / SENTIMENT_PANE_MS + 1 : 0;
	if (until <= b->until)
		return;
	b->until = until;
	for (; b->counted < b->n && b->panes[b->counted].pane < until; b->counted++)
		for (int w = 0; w < WINDOWS; w++)
			sums_add(&b->windows[w], &b->panes[b->counted], 1);
	for (int w = 0; w < WINDOWS; w++)
		for (; b->first[w] < b->counted && b->panes[b->first[w]].pane < until - window_panes[w]; b->first[w]++)
			sums_add(&b->windows[w], &b->panes[b->first[w]], -1);
}

static void cut(struct opinions *b, uint32_t n) /* forgets the n oldest panes, which are in no window */
{
	memmove(b->panes, b->panes + n, (b->n - n) * sizeof(*b->panes));
	b->n -= n;
	b->counted -= n;
	for (int w = 0; w < WINDOWS; w++)
		b->first[w] -= n;
}

static void drop_oldest(struct opinions *b)
{
	for (int w = 0; w < WINDOWS; w++)
		if (b->first[w] == 0 && b->counted > 0) {
			sums_add(&b->windows[w], &b->panes[0], -1);
			b->first[w] = 1;
		}
	if (b->counted > 0) {
		cut(b, 1);
		return;
	}
	memmove(b->panes, b->panes + 1, (b->n - 1) * sizeof(*b->panes)); /* all are ahead of the watermark */
	b->n--;
}

static struct opinion_pane *pane_at(struct pool *pool, struct opinions *b, int32_t pane, int *ret_dropped)
{
	uint32_t at = b->n;
	while (at > 0 && b->panes[at - 1].pane >= pane)
		at--;
	if (at < b->n && b->panes[at].pane == pane)
		return &b->panes[at];
	uint32_t spare = b->first[WEEK];
	if (spare && (b->n == b->capacity || spare > b->n / 2)) {
		cut(b, spare);
		at -= spare; /* the new pane is of the week, so at >= spare */
	}
	if (b->n == OPINIONS_PANES_MAX) {
		*ret_dropped = 1;
		if (at == 0)
			return NULL;
		drop_oldest(b);
		at--;
	}
	if (b->n == b->capacity) {
		uint32_t grown = b->capacity ? 2 * b->capacity : 2;
		b->panes = pool_resize(pool, b->panes, b->capacity * sizeof(*b->panes), grown * sizeof(*b->panes));
		b->capacity = grown;
	}
	memmove(b->panes + at + 1, b->panes + at, (b->n - at) * sizeof(*b->panes));
	b->panes[at] = (struct opinion_pane){ .pane = pane };
	b->n++;
	if (pane < b->until)
		b->counted++;
	for (int w = 0; w < WINDOWS; w++)
		if (pane < b->until - window_panes[w])
			b->first[w]++;
	return &b->panes[at];
}

int opinions_add(struct opinions *b, struct pool *pool, int64_t watermark, const struct opinion_pane *add)
{
	int dropped = 0;
	opinions_advance(b, watermark);
	sums_add(&b->total, add, 1);
	if (add->pane < b->until - window_panes[WEEK])
		return 0;
	struct opinion_pane *p = pane_at(pool, b, add->pane, &dropped);
	if (!p)
		return dropped;
	for (int c = 0; c < SENTIMENT_CLASSES; c++)
		p->n[c] += add->n[c];
	p->sum += add->sum;
	for (int w = 0; w < WINDOWS; w++)
		if (add->pane < b->until && add->pane >= b->until - window_panes[w])
			sums_add(&b->windows[w], add, 1);
	return dropped;
}

static bool is_empty(const struct opinion_pane *p)
{
	return !p->n[SENTIMENT_NEGATIVE] && !p->n[SENTIMENT_NEUTRAL] && !p->n[SENTIMENT_POSITIVE] && !p->sum;
}

static void pane_remove(struct opinions *b, uint32_t at)
{
	memmove(b->panes + at, b->panes + at + 1, (--b->n - at) * sizeof(*b->panes));
	b->counted -= at < b->counted;
	for (int w = 0; w < WINDOWS; w++)
		b->first[w] -= at < b->first[w];
}

void opinions_take_back(struct opinions *b, int32_t pane, enum sentiment_class class, int64_t sum)
{
	struct opinion_pane one = { .pane = pane, .sum = sum };
	int64_t in_no_pane = b->total.n[class];
	uint32_t at = b->n;
	one.n[class] = 1;
	for (uint32_t i = b->first[WEEK]; i < b->n; i++) {
		in_no_pane -= b->panes[i].n[class];
		if (b->panes[i].pane == pane)
			at = i;
	}
	bool kept = at < b->n && b->panes[at].n[class];
	if (kept || in_no_pane > 0)
		sums_add(&b->total, &one, -1);
	if (!kept)
		return;
	b->panes[at].n[class]--;
	b->panes[at].sum -= sum;
	for (int w = 0; w < WINDOWS; w++)
		if (at >= b->first[w] && at < b->counted)
			sums_add(&b->windows[w], &one, -1);
	if (is_empty(&b->panes[at]))
		pane_remove(b, at);
}

int64_t opinions_due_at(const struct opinions *b)
{
	int64_t next = INT64_MAX;
	if (b->counted < b->n)
		next = b->panes[b->counted].pane;
	for (int w = 0; w < WINDOWS; w++)
		if (b->first[w] < b->counted && b->panes[b->first[w]].pane + window_panes[w] < next)
			next = b->panes[b->first[w]].pane + window_panes[w];
	return next == INT64_MAX ? next : next * SENTIMENT_PANE_MS;
}

void opinions_save(const struct opinions *b, struct buf *to)
{
	for (int c = 0; c < SENTIMENT_CLASSES; c++)
		buf_varint(to, (uint64_t)b->total.n[c]);
	buf_zigzag(to, b->total.sum);
	/* where the windows begin and end among the panes, not `until`: that would tell when the watermark was last looked at */
	buf_varint(to, b->n - b->first[WEEK]);
	buf_varint(to, b->counted - b->first[WEEK]);
	buf_varint(to, b->first[DAY] - b->first[WEEK]);
	buf_varint(to, b->first[HOUR] - b->first[WEEK]);
	int64_t before = 0;
	for (uint32_t i = b->first[WEEK]; i < b->n; i++) {
		const struct opinion_pane *p = &b->panes[i];
		buf_varint(to, (uint64_t)(p->pane - before));
		before = p->pane;
		for (int c = 0; c < SENTIMENT_CLASSES; c++)
			buf_varint(to, p->n[c]);
		buf_zigzag(to, p->sum);
	}
}

int opinions_load(struct opinions *b, struct reader *from, struct pool *pool)
{
	for (int c = 0; c < SENTIMENT_CLASSES; c++)
		b->total.n[c] = (int64_t)reader_varint(from);
	b->total.sum = reader_zigzag(from);
	uint64_t n = reader_varint(from), counted = reader_varint(from), day = reader_varint(from), hour = reader_varint(from);
	if (from->bad || n > OPINIONS_PANES_MAX || counted > n || hour > counted || day > hour)
		return -EBADMSG;
	uint32_t capacity = 2;
	while (capacity < n)
		capacity *= 2;
	b->capacity = n ? capacity : 0;
	b->panes = pool_alloc(pool, b->capacity * sizeof(*b->panes));
	int64_t before = 0;
	for (uint64_t i = 0; i < n; i++) {
		uint64_t step = reader_varint(from);
		if (step > INT32_MAX || before + (int64_t)step > INT32_MAX || (i && !step))
			return -EBADMSG;
		struct opinion_pane *p = &b->panes[b->n++];
		p->pane = (int32_t)(before += (int64_t)step);
		for (int c = 0; c < SENTIMENT_CLASSES; c++)
			p->n[c] = (uint32_t)reader_varint(from);
		p->sum = reader_zigzag(from);
	}
	b->counted = (uint32_t)counted;
	b->first[DAY] = (uint32_t)day;
	b->first[HOUR] = (uint32_t)hour;
	if (counted)
		b->until = (int64_t)b->panes[counted - 1].pane + 1;
	for (int w = 0; w < WINDOWS; w++) {
		for (uint32_t i = b->first[w]; i < b->counted; i++)
			sums_add(&b->windows[w], &b->panes[i], 1);
		if (b->first[w] && b->panes[b->first[w] - 1].pane + window_panes[w] + 1 > b->until)
			b->until = b->panes[b->first[w] - 1].pane + window_panes[w] + 1;
	}
	return from->bad ? -EBADMSG : 0;
}

void opinions_done(struct opinions *b, struct pool *pool)
{
	pool_free(pool, b->panes, b->capacity * sizeof(*b->panes));
}
