/* Windowed pair counts; see pairs.h. Called by the itemsets processor, some ten times per counted click: pairs_add is the hot path. */
#include "pairs.h"

#include <errno.h>
#include <stdlib.h>

enum { MIN_BITS = 2 };

/* ---- the map ---- */

static uint32_t home(const struct pair_map *m, symbol_t other)
{
	return (other * 0x9e3779b1u) >> (32 - m->bits); /* Fibonacci hashing: symbols are dense small numbers */
}

static size_t bytes_of(const struct pair_map *m)
{
	return m->slots ? sizeof(*m->slots) << m->bits : 0;
}

/* The slot of `other`, or the free one where it belongs. The map is not empty. */
static struct pair_slot *find(const struct pair_map *m, symbol_t other)
{
	uint32_t mask = (1u << m->bits) - 1, i = home(m, other);
	while (m->slots[i].other && m->slots[i].other != other)
		i = (i + 1) & mask;
	return &m->slots[i];
}

static void map_free(struct pair_map *m, struct pool *pool)
{
	pool_free(pool, m->slots, bytes_of(m));
	*m = (struct pair_map){ 0 };
}

static void map_rehash(struct pair_map *m, struct pool *pool, uint8_t bits)
{
	struct pair_map old = *m;
	m->bits = bits;
	m->slots = pool_alloc(pool, sizeof(*m->slots) << bits);
	for (uint32_t i = 0; old.slots && i < 1u << old.bits; i++)
		if (old.slots[i].other)
			*find(m, old.slots[i].other) = old.slots[i];
	pool_free(pool, old.slots, bytes_of(&old));
}

static uint8_t bits_for(uint32_t n)
{
	uint8_t bits = MIN_BITS;
	while ((uint64_t)n * 4 > (uint64_t)3 << bits)
		bits++;
	return bits;
}

static uint32_t sum_of(uint32_t count, int64_t amount)
{
	return amount < (int64_t)(UINT32_MAX - count) ? count + (uint32_t)amount : UINT32_MAX;
}

/* The map has no room for one that is not there, or none at all. */
static __attribute__((noinline)) struct pair_slot *map_grow(struct pair_map *m, struct pool *pool, symbol_t other)
{
	map_rehash(m, pool, m->slots ? (uint8_t)(m->bits + 1) : MIN_BITS);
	return find(m, other);
}

static inline void map_add(struct pair_map *m, struct pool *pool, symbol_t other, int64_t amount)
{
	struct pair_slot *slot = m->slots ? find(m, other) : map_grow(m, pool, other);
	if (!slot->other) {
		if ((uint64_t)(m->n + 1) * 4 > (uint64_t)3 << m->bits)
			slot = map_grow(m, pool, other);
		slot->other = other;
		m->n++;
	}
	slot->count = sum_of(slot->count, amount);
}

uint32_t pair_map_count(const struct pair_map *m, symbol_t other)
{
	return m->slots ? find(m, other)->count : 0;
}

static void map_subtract(struct pair_map *m, symbol_t other, uint32_t amount)
{
	struct pair_slot *slot = find(m, other);
	if (!slot->other)
		return;
	if (slot->count > amount) {
		slot->count -= amount;
		return;
	}
	/* shift back what probed past this slot */
	uint32_t mask = (1u << m->bits) - 1, hole = (uint32_t)(slot - m->slots);
	for (uint32_t i = (hole + 1) & mask; m->slots[i].other; i = (i + 1) & mask) {
		if (((i - home(m, m->slots[i].other)) & mask) >= ((i - hole) & mask)) {
			m->slots[hole] = m->slots[i];
			hole = i;
		}
	}
	m->slots[hole] = (struct pair_slot){ 0 };
	m->n--;
}

static void map_add_all(struct pair_map *to, const struct pair_map *from, struct pool *pool)
{
	uint8_t bits = bits_for(from->n > to->n ? from->n : to->n);
	if (from->n && (!to->slots || bits > to->bits))
		map_rehash(to, pool, bits);
	for (uint32_t i = 0; from->slots && i < 1u << from->bits; i++)
		if (from->slots[i].other)
			map_add(to, pool, from->slots[i].other, from->slots[i].count);
}

/* ---- the window ---- */

static bool stale(struct pairs_window w, int32_t now, int32_t pane)
{
	return w.panes && now != INT32_MIN && (int64_t)pane <= (int64_t)now - w.panes;
}

/* Index of `pane`, or of the first one after it. Nearly always the last. */
static uint32_t place_of(const struct pairs *p, int32_t pane)
{
	uint32_t i = p->n_panes;
	while (i && p->panes[i - 1].pane >= pane)
		i--;
	return i;
}

static struct pairs_pane *insert_pane(struct pairs *p, struct pool *pool, uint32_t at, int32_t pane)
{
	if (p->n_panes == p->panes_capacity) {
		uint32_t capacity = p->panes_capacity ? p->panes_capacity * 2 : 1;
		p->panes = pool_resize(pool, p->panes, p->panes_capacity * sizeof(*p->panes), capacity * sizeof(*p->panes));
		p->panes_capacity = capacity;
	}
	memmove(p->panes + at + 1, p->panes + at, (p->n_panes - at) * sizeof(*p->panes));
	p->panes[at] = (struct pairs_pane){ .pane = pane };
	p->n_panes++;
	return &p->panes[at];
}

const struct pair_map *pairs_total(const struct pairs *p)
{
	static const struct pair_map none;
	return p->n_in >= 2 ? &p->total : p->n_in == 1 ? &p->panes[0].map
						       : &none;
}

uint32_t pairs_count(const struct pairs *p, symbol_t other)
{
	return pair_map_count(pairs_total(p), other);
}

/* One pane more or less is in the window: the total becomes a map of its own with the second, and ends with it. */
static void enter(struct pairs *p, struct pool *pool, uint32_t at)
{
	p->n_in++;
	if (p->n_in == 2)
		map_add_all(&p->total, &p->panes[!at].map, pool);
	if (p->n_in >= 2)
		map_add_all(&p->total, &p->panes[at].map, pool);
	p->baskets = sum_of(p->baskets, p->panes[at].baskets);
}

/* Its counts are in no total. */
static void remove_pane(struct pairs *p, struct pool *pool, uint32_t at)
{
	map_free(&p->panes[at].map, pool);
	memmove(p->panes + at, p->panes + at + 1, (--p->n_panes - at) * sizeof(*p->panes));
	if (!p->n_panes) {
		pool_free(pool, p->panes, p->panes_capacity * sizeof(*p->panes));
		p->panes = NULL;
		p->panes_capacity = 0;
	}
}

static void leave_first(struct pairs *p, struct pool *pool)
{
	struct pairs_pane *first = &p->panes[0];
	bool in = p->n_in > 0;
	if (in && p->n_in > 2) {
		for (uint32_t i = 0; first->map.slots && i < 1u << first->map.bits; i++)
			if (first->map.slots[i].other)
				map_subtract(&p->total, first->map.slots[i].other, first->map.slots[i].count);
		if (p->total.bits > MIN_BITS + 1 && p->total.n < 1u << (p->total.bits - 3))
			map_rehash(&p->total, pool, bits_for(p->total.n));
	} else if (in) {
		map_free(&p->total, pool);
	}
	if (in) {
		p->n_in--;
		p->baskets -= first->baskets < p->baskets ? first->baskets : p->baskets;
	}
	remove_pane(p, pool, 0);
}

static void start(struct pairs *p, struct pairs_window w)
{
	if (!p->started)
		p->now = w.panes ? INT32_MIN : 0;
	p->started = true;
}

void pairs_advance(struct pairs *p, struct pairs_window w, struct pool *pool, int64_t ts)
{
	if (ts < p->until)
		return;
	start(p, w);
	int32_t now = pairs_pane_at(w, ts);
	if (now != INT32_MIN)
		p->until = w.panes ? ((int64_t)now + 1) * w.pane_ms : INT64_MAX;
	if (now <= p->now)
		return;
	p->now = now;
	while (p->n_panes && stale(w, now, p->panes[0].pane))
		leave_first(p, pool);
	while (p->n_in < p->n_panes && p->panes[p->n_in].pane <= now)
		enter(p, pool, p->n_in);
}

int64_t pairs_due_at(const struct pairs *p, struct pairs_window w)
{
	if (!w.panes || !p->n_panes)
		return INT64_MAX;
	int64_t due = p->n_in < p->n_panes ? (int64_t)p->panes[p->n_in].pane * w.pane_ms : INT64_MAX;
	int64_t leaves = ((int64_t)p->panes[0].pane + w.panes) * w.pane_ms;
	return leaves < due ? leaves : due;
}

int pairs_add(struct pairs *p, struct pairs_window w, struct pool *pool, int32_t pane, symbol_t other, int64_t amount, uint32_t max_others)
{
	start(p, w);
	if (!w.panes)
		pane = 0;
	if (stale(w, p->now, pane))
		return -ESTALE;
	uint32_t at = place_of(p, pane);
	bool found = at < p->n_panes && p->panes[at].pane == pane, in = pane <= p->now;
	if (other) {
		const struct pair_map *mine = found ? &p->panes[at].map : NULL, *all = in ? pairs_total(p) : mine;
		if (all && all->n >= max_others && !pair_map_count(all, other))
			return -ENOSPC;
	}
	if (!found) {
		if (p->n_panes >= PAIRS_PANES_MAX)
			return -ENOSPC;
		insert_pane(p, pool, at, pane);
		if (in)
			enter(p, pool, at);
	}
	p->ever = true;
	if (other) {
		if (!p->panes[at].map.slots && at && p->panes[at - 1].map.bits > MIN_BITS) /* one day is like another: half of it spares most of the growing */
			map_rehash(&p->panes[at].map, pool, p->panes[at - 1].map.bits - 1);
		map_add(&p->panes[at].map, pool, other, amount);
		if (in && p->n_in >= 2)
			map_add(&p->total, pool, other, amount);
	} else {
		p->panes[at].baskets = sum_of(p->panes[at].baskets, amount);
		if (in)
			p->baskets = sum_of(p->baskets, amount);
	}
	return 0;
}

uint32_t pairs_take_back(struct pairs *p, struct pairs_window w, struct pool *pool, int32_t pane, symbol_t other, int64_t amount)
{
	if (!w.panes)
		pane = 0;
	uint32_t at = place_of(p, pane), n = amount > UINT32_MAX ? UINT32_MAX : (uint32_t)amount;
	if (at == p->n_panes || p->panes[at].pane != pane)
		return 0;
	struct pairs_pane *x = &p->panes[at];
	uint32_t there = other ? pair_map_count(&x->map, other) : x->baskets;
	n = n < there ? n : there;
	if (other && n) {
		map_subtract(&x->map, other, n);
		if (at < p->n_in && p->n_in >= 2)
			map_subtract(&p->total, other, n);
	} else if (!other) {
		x->baskets -= n;
		if (at < p->n_in)
			p->baskets -= n < p->baskets ? n : p->baskets;
	}
	if (!x->baskets && !x->map.n) { /* not even an empty one tells of it */
		if (at < p->n_in && --p->n_in == 1)
			map_free(&p->total, pool);
		remove_pane(p, pool, at);
	}
	return n;
}

void pairs_soon(const struct pairs *p, int32_t pane, symbol_t other)
{
	if (!p->n_panes)
		return;
	const struct pairs_pane *last = &p->panes[p->n_panes - 1]; /* of a live stream, it is always this one */
	if (last->map.slots && (last->pane == pane || p->n_panes == 1))
		__builtin_prefetch(&last->map.slots[home(&last->map, other)], 1);
	if (p->n_in >= 2 && p->total.slots)
		__builtin_prefetch(&p->total.slots[home(&p->total, other)], 1);
}

/* ---- rows ---- */

struct sorted {
	uint64_t hash;
	struct pair_slot slot;
};

/* By hash. Hashes are uniform: one distribution by their top bits leaves buckets of one or two, the rest is an insertion sort. */
static void map_sorted(const struct pair_map *m, const struct symbols *symbols, struct sorted *to, uint32_t *starts, uint8_t bits)
{
	for (uint32_t i = 0; i < 1u << m->bits; i++)
		if (m->slots[i].other)
			starts[(symbols_hash(symbols, m->slots[i].other) >> (64 - bits)) + 1]++;
	for (uint32_t i = 1; i <= 1u << bits; i++)
		starts[i] += starts[i - 1];
	for (uint32_t i = 0; i < 1u << m->bits; i++)
		if (m->slots[i].other) {
			uint64_t hash = symbols_hash(symbols, m->slots[i].other);
			to[starts[hash >> (64 - bits)]++] = (struct sorted){ hash, m->slots[i] };
		}
	for (uint32_t i = 1; i < m->n; i++) {
		struct sorted x = to[i];
		uint32_t j = i;
		for (; j && to[j - 1].hash > x.hash; j--)
			to[j] = to[j - 1];
		to[j] = x;
	}
}

static void map_save(const struct pair_map *m, const struct symbols *symbols, struct buf *to)
{
	buf_varint(to, m->n);
	if (!m->n)
		return;
	uint8_t bits = 1;
	while (1u << bits < m->n)
		bits++;
	size_t sorted_bytes = m->n * sizeof(struct sorted);
	struct sorted *sorted = malloc(sorted_bytes + ((1u << bits) + 2) * sizeof(uint32_t));
	if (!sorted)
		abort();
	uint32_t *starts = memset((char *)sorted + sorted_bytes, 0, ((1u << bits) + 2) * sizeof(uint32_t));
	map_sorted(m, symbols, sorted, starts, bits);
	for (uint32_t i = 0; i < m->n; i++) {
		buf_text(to, symbols_text(symbols, sorted[i].slot.other));
		buf_varint(to, sorted[i].slot.count);
	}
	free(sorted);
}

void pairs_save(const struct pairs *p, struct pairs_window w, const struct symbols *symbols, struct buf *to)
{
	buf_u8(to, p->ever);
	if (!p->ever)
		return;
	buf_varint(to, w.panes ? (uint64_t)w.pane_ms : 0);
	buf_zigzag(to, p->now);
	buf_varint(to, p->n_panes);
	for (uint32_t i = 0; i < p->n_panes; i++) {
		buf_zigzag(to, p->panes[i].pane);
		buf_varint(to, p->panes[i].baskets);
		map_save(&p->panes[i].map, symbols, to);
	}
}

/* A pane number of panes of old_ms (0: for ever) in this window's panes. */
static int32_t convert(int32_t pane, uint64_t old_ms, struct pairs_window w)
{
	if (!w.panes)
		return 0;
	int64_t ts;
	if (old_ms == (uint64_t)w.pane_ms || pane == INT32_MIN || __builtin_mul_overflow((int64_t)pane, (int64_t)old_ms, &ts))
		return pane;
	return pane_of(ts, w.pane_ms);
}

static int map_load(struct pair_map *m, struct reader *from, struct symbols *symbols, struct pool *pool, bool keep)
{
	uint64_t n = reader_varint(from);
	if (n > reader_left(from) / 2)
		return -EBADMSG;
	if (keep && n && !m->slots)
		map_rehash(m, pool, bits_for((uint32_t)n));
	while (n) {
		struct text ids[SYMBOLS_TOGETHER];
		symbol_t others[SYMBOLS_TOGETHER];
		uint64_t counts[SYMBOLS_TOGETHER];
		uint32_t some = n < SYMBOLS_TOGETHER ? (uint32_t)n : SYMBOLS_TOGETHER;
		for (uint32_t i = 0; i < some; i++) {
			ids[i] = reader_text(from);
			counts[i] = reader_varint(from);
			if (from->bad || !ids[i].size || !counts[i] || counts[i] > UINT32_MAX)
				return -EBADMSG;
		}
		n -= some;
		if (!keep)
			continue;
		symbols_intern_all(symbols, ids, some, others);
		for (uint32_t i = 0; i < some; i++)
			__builtin_prefetch(&m->slots[home(m, others[i])], 1);
		for (uint32_t i = 0; i < some; i++)
			map_add(m, pool, others[i], (int64_t)counts[i]);
	}
	return from->bad ? -EBADMSG : 0;
}

int pairs_load(struct pairs *p, struct pairs_window w, struct reader *from, struct symbols *symbols, struct pool *pool)
{
	p->ever = reader_u8(from) != 0;
	if (!p->ever)
		return from->bad ? -EBADMSG : 0;
	uint64_t old_ms = reader_varint(from);
	bool lost = !old_ms && w.panes;
	int32_t now = (int32_t)reader_zigzag(from);
	uint64_t n = reader_varint(from);
	if (from->bad || n > PAIRS_PANES_MAX || old_ms > INT64_MAX)
		return -EBADMSG;
	p->started = true;
	p->now = lost ? INT32_MIN : convert(now, old_ms, w);
	for (uint64_t i = 0; i < n; i++) {
		int32_t pane = convert((int32_t)reader_zigzag(from), old_ms, w);
		uint64_t baskets = reader_varint(from);
		if (from->bad || baskets > UINT32_MAX || (p->n_panes && pane < p->panes[p->n_panes - 1].pane))
			return -EBADMSG;
		if (lost) {
			if (map_load(NULL, from, symbols, pool, false) < 0)
				return -EBADMSG;
			continue;
		}
		if (!p->n_panes || p->panes[p->n_panes - 1].pane != pane)
			insert_pane(p, pool, p->n_panes, pane);
		struct pairs_pane *last = &p->panes[p->n_panes - 1];
		last->baskets = sum_of(last->baskets, (int64_t)baskets);
		if (map_load(&last->map, from, symbols, pool, true) < 0)
			return -EBADMSG;
	}
	while (p->n_panes && stale(w, p->now, p->panes[0].pane))
		leave_first(p, pool);
	while (p->n_in < p->n_panes && p->panes[p->n_in].pane <= p->now)
		enter(p, pool, p->n_in);
	return 0;
}

void pairs_done(struct pairs *p, struct pool *pool)
{
	for (uint32_t i = 0; i < p->n_panes; i++)
		map_free(&p->panes[i].map, pool);
	map_free(&p->total, pool);
	pool_free(pool, p->panes, p->panes_capacity * sizeof(*p->panes));
	*p = (struct pairs){ 0 };
}

void pairs_mark(const struct pairs *p, struct symbols *symbols)
{
	for (uint32_t i = 0; i < p->n_panes; i++)
		for (uint32_t j = 0; p->panes[i].map.slots && j < 1u << p->panes[i].map.bits; j++)
			symbols_mark(symbols, p->panes[i].map.slots[j].other);
}
