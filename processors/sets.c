/* See sets.h. */
#include "sets.h"

#include <errno.h>
#include <stdlib.h>

#include "measures.h"
#include "rules.h"

enum { FOUND_MAX = 256,
	SETS_MAX = 65536,
	RAISE = 4 };

/* ---- what is kept ---- */

static void forget_found(struct sets *s)
{
	free(s->found);
	s->found = NULL;
}

static uint32_t place_of(const struct sets *s, int32_t pane) /* of `pane`, or of the first one after it; nearly always the last */
{
	uint32_t i = s->n_panes;
	while (i && s->panes[i - 1].pane >= pane)
		i--;
	return i;
}

static void *grown(struct pool *pool, void *array, uint32_t *capacity, uint32_t n, size_t size)
{
	uint32_t more = *capacity ? *capacity : 1;
	while (more < n)
		more *= 2;
	if (more == *capacity)
		return array;
	array = pool_resize(pool, array, *capacity * size, more * size);
	*capacity = more;
	return array;
}

static struct sets_pane *pane_at(struct sets *s, struct pool *pool, int32_t pane)
{
	uint32_t at = place_of(s, pane);
	if (at < s->n_panes && s->panes[at].pane == pane)
		return &s->panes[at];
	if (s->n_panes == PAIRS_PANES_MAX)
		return NULL;
	s->panes = grown(pool, s->panes, &s->capacity, s->n_panes + 1, sizeof(*s->panes));
	memmove(s->panes + at + 1, s->panes + at, (s->n_panes++ - at) * sizeof(*s->panes));
	s->panes[at] = (struct sets_pane){ .pane = pane };
	return &s->panes[at];
}

int sets_add(struct sets *s, struct pool *pool, int32_t pane, const symbol_t *others, uint32_t n, uint32_t most)
{
	struct sets_pane *p = s->n_numbers + n < most ? pane_at(s, pool, pane) : NULL;
	if (!p)
		return -ENOSPC;
	p->numbers = grown(pool, p->numbers, &p->capacity, p->n + n + 1, sizeof(*p->numbers));
	p->numbers[p->n++] = n;
	for (uint32_t i = 0; i < n; i++)
		p->numbers[p->n++] = others[i];
	s->n_numbers += n + 1;
	forget_found(s);
	return 0;
}

void sets_advance(struct sets *s, struct pool *pool, struct pairs_window w, int32_t now)
{
	uint32_t left = 0;
	while (w.panes && left < s->n_panes && (int64_t)s->panes[left].pane <= (int64_t)now - w.panes) {
		struct sets_pane *p = &s->panes[left++];
		s->n_numbers -= p->n;
		pool_free(pool, p->numbers, p->capacity * sizeof(*p->numbers));
	}
	s->n_panes -= left;
	if (left)
		memmove(s->panes, s->panes + left, s->n_panes * sizeof(*s->panes));
	forget_found(s);
}

void sets_done(struct sets *s, struct pool *pool)
{
	for (uint32_t i = 0; i < s->n_panes; i++)
		pool_free(pool, s->panes[i].numbers, s->panes[i].capacity * sizeof(*s->panes[i].numbers));
	pool_free(pool, s->panes, s->capacity * sizeof(*s->panes));
	forget_found(s);
	*s = (struct sets){ 0 };
}

/* The next basket of a pane from *at on: its others, *ret_n of them; NULL: there is none. */
static const symbol_t *next_basket(const struct sets_pane *p, uint32_t *at, uint32_t *ret_n)
{
	if (*at == p->n)
		return NULL;
	*ret_n = p->numbers[(*at)++];
	*at += *ret_n;
	return p->numbers + *at - *ret_n;
}

void sets_take_back(struct sets *s, int32_t pane, const symbol_t *others, uint32_t n)
{
	uint32_t i = place_of(s, pane), at = 0, n_there;
	if (i == s->n_panes || s->panes[i].pane != pane)
		return;
	struct sets_pane *p = &s->panes[i];
	for (const symbol_t *there; (there = next_basket(p, &at, &n_there));) {
		if (n_there != n || memcmp(there, others, n * sizeof(*others)))
			continue;
		memmove(p->numbers + at - n - 1, p->numbers + at, (p->n - at) * sizeof(*p->numbers));
		p->n -= n + 1;
		s->n_numbers -= n + 1;
		forget_found(s);
		return;
	}
}

void sets_mark(const struct sets *s, struct symbols *symbols)
{
	for (uint32_t i = 0; i < s->n_panes; i++) {
		const symbol_t *others;
		for (uint32_t at = 0, n; (others = next_basket(&s->panes[i], &at, &n));)
			for (uint32_t j = 0; j < n; j++)
				symbols_mark(symbols, others[j]);
	}
}

/* ---- rows ---- */

static uint64_t width_of(struct pairs_window w)
{
	return w.panes ? (uint64_t)w.pane_ms : 0;
}

void sets_save(const struct sets *s, struct pairs_window w, const struct symbols *symbols, struct buf *to)
{
	buf_varint(to, width_of(w));
	buf_varint(to, s->n_panes);
	for (uint32_t i = 0; i < s->n_panes; i++) {
		const struct sets_pane *p = &s->panes[i];
		const symbol_t *others;
		buf_zigzag(to, p->pane);
		buf_varint(to, p->n);
		for (uint32_t at = 0, n; (others = next_basket(p, &at, &n));) {
			buf_varint(to, n);
			for (uint32_t j = 0; j < n; j++)
				buf_text(to, symbols_text(symbols, others[j]));
		}
	}
}

static int basket_load(struct sets_pane *p, uint32_t numbers, struct reader *from, struct symbols *symbols)
{
	uint64_t n = reader_varint(from);
	if (from->bad || n > numbers - p->n - 1)
		return -EBADMSG;
	p->numbers[p->n++] = (symbol_t)n;
	for (uint64_t j = 0; j < n; j++) {
		symbol_t other = symbols_intern(symbols, reader_text(from));
		if (!other)
			return -EBADMSG;
		p->numbers[p->n++] = other;
	}
	return 0;
}

int sets_load(struct sets *s, struct pairs_window w, struct reader *from, struct symbols *symbols, struct pool *pool)
{
	bool same = reader_varint(from) == width_of(w);
	uint64_t n_panes = reader_varint(from);
	if (from->bad || n_panes > PAIRS_PANES_MAX)
		return -EBADMSG;
	for (uint64_t i = 0; i < n_panes; i++) {
		int32_t pane = (int32_t)reader_zigzag(from);
		uint64_t n = reader_varint(from);
		if (from->bad || n > reader_left(from) || (s->n_panes && pane <= s->panes[s->n_panes - 1].pane))
			return -EBADMSG;
		struct sets_pane *p = pane_at(s, pool, pane);
		p->numbers = grown(pool, NULL, &p->capacity, (uint32_t)n, sizeof(*p->numbers));
		while (p->n < n)
			if (basket_load(p, (uint32_t)n, from, symbols) < 0)
				return -EBADMSG;
		s->n_numbers += p->n;
	}
	if (!same)
		sets_done(s, pool);
	return 0;
}

/* ---- what the miner reads ---- */

struct packed {
	struct miner_baskets baskets;
	uint32_t *items;
	size_t *ends;
	symbol_t *symbols; /* by the miner's ids */
	struct id {
		symbol_t symbol; /* 0: free */
		uint32_t id;
		size_t basket; /* the last one that it was in, + 1 */
	} *ids;
};

static void packed_done(struct packed *p)
{
	free(p->items);
	free(p->ends);
	free(p->symbols);
	free(p->ids);
}

static struct id *id_of(struct packed *p, unsigned bits, symbol_t symbol)
{
	uint32_t i = (symbol * 0x9e3779b1u) >> (32 - bits), mask = (1u << bits) - 1;
	while (p->ids[i].symbol && p->ids[i].symbol != symbol)
		i = (i + 1) & mask;
	if (!p->ids[i].symbol) {
		p->symbols[p->baskets.n_items] = symbol;
		p->ids[i] = (struct id){ .symbol = symbol, .id = p->baskets.n_items++ };
	}
	return &p->ids[i];
}

/* The baskets up to `now`; what a row or a delta says twice in one is in it once, as the miner needs it. Without memory the process ends, as everywhere in state. */
static void pack(struct packed *p, const struct sets *s, int32_t now)
{
	unsigned bits = 2;
	size_t most = s->n_numbers ? s->n_numbers : 1, n = 0;
	while (1u << bits < 2 * most)
		bits++;
	*p = (struct packed){ .items = malloc(most * sizeof(*p->items)), .ends = malloc(most * sizeof(*p->ends)), .symbols = malloc(most * sizeof(*p->symbols)), .ids = calloc((size_t)1 << bits, sizeof(*p->ids)) };
	if (!p->items || !p->ends || !p->symbols || !p->ids)
		abort();
	for (uint32_t i = 0; i < s->n_panes && s->panes[i].pane <= now; i++) {
		const symbol_t *others;
		for (uint32_t at = 0, m; (others = next_basket(&s->panes[i], &at, &m));) {
			p->baskets.n++;
			for (uint32_t j = 0; j < m; j++) {
				struct id *id = id_of(p, bits, others[j]);
				if (id->basket != p->baskets.n)
					p->items[n++] = id->id;
				id->basket = p->baskets.n;
			}
			p->ends[p->baskets.n - 1] = n;
		}
	}
	p->baskets.items = p->items;
	p->baskets.ends = p->ends;
}

/* ---- sets ---- */

struct visiting {
	const struct packed *packed;
	void (*visit)(void *to, const symbol_t *others, uint32_t n, uint32_t count);
	void *to;
};

/* Counts sets; more than SETS_MAX end the run. */
static int on_any(void *to, const uint32_t *items, uint32_t n, uint32_t count)
{
	uint32_t *sets = to;
	(void)items, (void)n, (void)count;
	return ++*sets > SETS_MAX;
}

static int on_set(void *to, const uint32_t *items, uint32_t n, uint32_t count)
{
	struct visiting *v = to;
	symbol_t others[SETS_SIZE_MAX];
	for (uint32_t i = 0; i < n; i++)
		others[i] = v->packed->symbols[items[i]];
	if (n > 1)
		v->visit(v->to, others, n, count);
	return 0;
}

void sets_each(const struct sets *s, int32_t now, uint32_t min_count, uint32_t max_size, void (*visit)(void *to, const symbol_t *others, uint32_t n, uint32_t count), void *to)
{
	struct packed packed;
	pack(&packed, s, now);
	struct visiting v = { &packed, visit, to };
	int r = 1;
	for (uint32_t sets = 0; (r = miner_run(&packed.baskets, min_count, max_size - 1, on_any, &sets)) > 0; sets = 0)
		min_count *= RAISE;
	if (r < 0 || miner_run(&packed.baskets, min_count, max_size - 1, on_set, &v) < 0)
		abort();
	packed_done(&packed);
}

/* ---- rules ---- */

struct finding {
	const struct packed *packed;
	const struct symbols *symbols;
	struct sets_found *found;
};

static bool weaker(const struct sets_rule *a, const struct sets_rule *b)
{
	if (a->strength != b->strength)
		return a->strength < b->strength;
	return a->count != b->count ? a->count < b->count : a->tie > b->tie;
}

static int on_rule(void *to, const struct rule *rule)
{
	struct finding *f = to;
	struct sets_found *found = f->found;
	if (rule->redundant)
		return 0;
	struct sets_rule x = { .item = f->packed->symbols[rule->consequent], .n_with = rule->n, .count = rule->n_xy, .n_left = rule->n_x };
	x.strength = measure_shrunk_confidence(x.count, x.n_left);
	if (found->n == FOUND_MAX && x.strength < found->rules[found->n - 1].strength)
		return 0;
	x.tie = 3 * symbols_hash(f->symbols, x.item);
	for (uint32_t i = 0; i < x.n_with; i++) {
		x.with[i] = f->packed->symbols[rule->antecedent[i]];
		x.tie += symbols_hash(f->symbols, x.with[i]);
	}
	if (found->n == FOUND_MAX && !weaker(&found->rules[found->n - 1], &x))
		return 0;
	uint32_t at = found->n < FOUND_MAX ? found->n++ : found->n - 1;
	for (; at && weaker(&found->rules[at - 1], &x); at--)
		found->rules[at] = found->rules[at - 1];
	found->rules[at] = x;
	return 0;
}

const struct sets_found *sets_rules(const struct sets *s, const struct symbols *symbols, int32_t now, uint32_t min_count, uint32_t max_size)
{
	struct sets *derived = (struct sets *)(uintptr_t)s; /* what the block says is the same with it and without */
	if (s->found && s->found->min_count == min_count && s->found->max_size == max_size)
		return s->found;
	struct packed packed;
	struct rules_result result;
	forget_found(derived);
	struct sets_found *found = malloc(sizeof(*found) + FOUND_MAX * sizeof(found->rules[0]));
	if (!found)
		abort();
	pack(&packed, s, now);
	struct finding f = { &packed, symbols, found };
	struct rules_request q = { .min_count = min_count, .max_size = max_size - 1, .max_sets = SETS_MAX, .redundancy = true, .visit = on_rule, .to = &f };
	int r;
	do {
		*found = (struct sets_found){ 0, min_count, max_size, (uint32_t)packed.baskets.n };
		r = rules_run(&packed.baskets, &q, &result);
		q.min_count *= RAISE;
	} while (r == -E2BIG);
	packed_done(&packed);
	if (r < 0)
		abort();
	struct sets_found *fit = realloc(found, sizeof(*found) + found->n * sizeof(found->rules[0]));
	return derived->found = fit ? fit : found;
}
