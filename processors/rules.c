/* See rules.h. */
#include "rules.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "measures.h"

struct slot {
	uint64_t sum;   /* of the items' numbers */
	uint32_t count; /* 0: free */
};

struct table {
	struct slot *slots; /* 1 << bits, at most half full: looking up what is there, as always here, ends soon */
	uint64_t n;
	unsigned bits;
};

struct work {
	const struct rules_request *request;
	struct rules_result result;
	struct table table;
	size_t baskets;
};

static uint64_t mixed(uint64_t z) /* SplitMix64's finaliser */
{
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static uint64_t number_of(uint32_t item)
{
	return mixed((item + 1) * UINT64_C(0x9e3779b97f4a7c15));
}

static struct slot *slot_of(const struct table *t, uint64_t sum)
{
	uint64_t mask = (UINT64_C(1) << t->bits) - 1, at = sum >> (64 - t->bits);
	while (t->slots[at].count && t->slots[at].sum != sum)
		at = (at + 1) & mask;
	return &t->slots[at];
}

static int table_put(struct table *t, uint64_t sum, uint32_t count)
{
	if (!t->slots || t->n >= UINT64_C(1) << (t->bits - 1)) {
		struct table grown = { .n = t->n, .bits = t->slots ? t->bits + 1 : 12 };
		grown.slots = calloc((size_t)1 << grown.bits, sizeof(*grown.slots));
		if (!grown.slots)
			return -ENOMEM;
		for (uint64_t i = 0; t->slots && i < UINT64_C(1) << t->bits; i++)
			if (t->slots[i].count)
				*slot_of(&grown, t->slots[i].sum) = t->slots[i];
		free(t->slots);
		*t = grown;
	}
	*slot_of(t, sum) = (struct slot){ sum, count };
	t->n++;
	return 0;
}

/* Does a proper subset of the antecedent, `rule->antecedent` without `left_out` so far and what lies from `from` on may be left out too, do as well? */
static bool part_suffices(const struct work *w, const struct rule *rule, uint64_t sum_x, uint64_t number_y, uint32_t from, uint32_t kept)
{
	for (uint32_t i = from; i < rule->n; i++) {
		uint64_t part = sum_x - number_of(rule->antecedent[i]);
		double n_x = kept == 1 ? (double)w->baskets : slot_of(&w->table, part)->count, n_xy = slot_of(&w->table, part + number_y)->count;
		if (n_xy * rule->n_x >= (double)rule->n_xy * n_x)
			return true;
		if (kept > 1 && part_suffices(w, rule, part, number_y, i + 1, kept - 1))
			return true;
	}
	return false;
}

static int rules_of(struct work *w, const uint32_t *items, uint32_t n, uint32_t count, uint64_t sum)
{
	const struct rules_request *q = w->request;
	uint32_t others[RULES_SIZES];
	for (uint32_t i = 0; i < n; i++) {
		uint64_t number = number_of(items[i]);
		struct rule rule = { .antecedent = others, .n = n - 1, .consequent = items[i], .n_xy = count };
		rule.n_x = slot_of(&w->table, sum - number)->count;
		if (!(count >= q->confidence * rule.n_x * (1 - 1e-12)))
			continue;
		w->result.rules++;
		if (!q->visit && !q->redundancy)
			continue;
		memcpy(others, items, i * sizeof(*others));
		memcpy(others + i, items + i + 1, (n - i - 1) * sizeof(*others));
		rule.n_y = slot_of(&w->table, number)->count;
		rule.redundant = q->redundancy && part_suffices(w, &rule, sum - number, number, 0, rule.n);
		w->result.redundant += rule.redundant;
		int stop = q->visit ? q->visit(q->to, &rule) : 0;
		if (stop)
			return stop;
	}
	return 0;
}

static int on_set(void *to, const uint32_t *items, uint32_t n, uint32_t count)
{
	struct work *w = to;
	uint64_t sum = 0;
	if (n >= RULES_SIZES || (w->request->max_sets && w->result.sets[0] >= w->request->max_sets))
		return -E2BIG;
	w->result.sets[0]++;
	w->result.sets[n]++;
	for (uint32_t i = 0; i < n; i++)
		sum += number_of(items[i]);
	int r = table_put(&w->table, sum, count);
	return r || n < 2 ? r : rules_of(w, items, n, count, sum);
}

int rules_run(const struct miner_baskets *baskets, const struct rules_request *request, struct rules_result *ret)
{
	struct work w = { .request = request, .baskets = baskets->n };
	int r = miner_run(baskets, request->min_count, request->max_size, on_set, &w);
	free(w.table.slots);
	if (!r)
		*ret = w.result;
	return r;
}
