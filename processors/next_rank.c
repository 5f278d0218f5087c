/* Ranking of the next item; next.h has the formulas. */
#include "next.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "itemsets.h"

enum { SLOTS = 1024,
	TABLE = 2048,
	TABLE_BITS = 11 };

#define COMPANY 20.0f    /* of popularity in q */
#define PER_SESSION 5.0f /* items */

struct candidate {
	symbol_t item;
	float f[NEXT_SESSION], c[NEXT_SESSION]; /* by seed */
};

struct seed {
	symbol_t item;
	float f_sum, n;
};

struct next_scratch {
	uint32_t n, n_seeds, stamp;
	struct place {
		symbol_t item;
		uint32_t stamp;
		uint16_t at;
	} table[TABLE];
	struct candidate candidates[SLOTS];
	struct seed seeds[NEXT_SESSION];
};

int next_scratch_create(struct next_scratch **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : -ENOMEM;
}

void next_scratch_destroy(struct next_scratch *x)
{
	free(x);
}

static struct candidate *candidate(struct next_scratch *x, symbol_t item)
{
	uint32_t i = (item * 2654435761u) >> (32 - TABLE_BITS);
	for (; x->table[i].stamp == x->stamp; i = (i + 1) & (TABLE - 1))
		if (x->table[i].item == item)
			return &x->candidates[x->table[i].at];
	if (x->n == SLOTS)
		return NULL;
	x->table[i] = (struct place){ item, x->stamp, (uint16_t)x->n };
	struct candidate *c = &x->candidates[x->n++];
	memset(c, 0, sizeof(*c));
	c->item = item;
	return c;
}

static const struct itemsets_model *together(const struct model *m, symbol_t item)
{
	return model_block(m, P_ITEMSETS, (struct key){ KEY_ITEM, item });
}

/* The distinct items of the session, newest first, and what their rows name. */
static void gather(struct next_scratch *x, const struct model *model, const struct next_user *u)
{
	x->n = x->n_seeds = 0;
	if (++x->stamp == 0) {
		memset(x->table, 0, sizeof(x->table));
		x->stamp = 1;
	}
	for (uint32_t i = u->n; i-- > 0;) {
		symbol_t item = u->items[i];
		uint32_t a = 0;
		while (a < x->n_seeds && x->seeds[a].item != item)
			a++;
		if (a < x->n_seeds)
			continue;
		const struct next_model *m = model_block(model, P_NEXT, (struct key){ KEY_ITEM, item });
		const struct itemsets_model *t = together(model, item);
		x->seeds[x->n_seeds++] = (struct seed){ item, m ? (float)m->sum / 1000 : 0, t ? (float)t->n[BASKET_SESSION] : 0 };
		for (uint32_t j = 0; m && j < m->n_followers; j++) {
			struct candidate *c = candidate(x, m->followers[j].item);
			if (c)
				c->f[a] = (float)m->followers[j].count / 1000;
		}
		for (uint32_t j = 0; t && j < t->n_others[BASKET_SESSION]; j++) {
			struct candidate *c = candidate(x, t->others[BASKET_SESSION][j].item);
			if (c)
				c->c[a] = (float)t->others[BASKET_SESSION][j].count;
		}
	}
}

static float score_order(const struct next_scratch *x, const struct candidate *c, float pi)
{
	const float k = 30;
	float q = (c->c[0] + COMPANY * pi) / (PER_SESSION * x->seeds[0].n + COMPANY), w = 0.2f;
	float score = logf((c->f[0] + k * q) / (x->seeds[0].f_sum + k));
	for (uint32_t a = 1; a < x->n_seeds; a++, w *= 0.6f)
		if (c->f[a] > 0)
			score += w * logf(1 + c->f[a] / (k * pi));
	/* without a candidate's own evidence an earlier item speaks against it */
	w = 0.2f;
	for (uint32_t a = 1; a < x->n_seeds; a++, w *= 0.6f)
		score += w * logf(k / (x->seeds[a].f_sum + k));
	return score;
}

static float score_sum(const struct next_scratch *x, const struct candidate *c, float pi, float decay, float k)
{
	float score = 0, w = 1;
	for (uint32_t a = 0; a < x->n_seeds; a++, w *= decay) {
		float q = (c->c[a] + COMPANY * pi) / (PER_SESSION * x->seeds[a].n + COMPANY);
		score += w * (c->f[a] + k * q) / (x->seeds[a].f_sum + k);
	}
	return score;
}

static bool better(const struct symbols *symbols, const struct next_pick *a, const struct next_pick *b)
{
	return a->score != b->score ? a->score > b->score : symbols_hash(symbols, a->item) < symbols_hash(symbols, b->item);
}

uint32_t next_rank(struct next_scratch *x, const struct symbols *symbols, const struct model *model, const struct next_user *session,
	enum next_expert expert, struct next_pick *to, uint32_t most)
{
	uint32_t n = 0;
	const struct itemsets_model *all = model_block(model, P_ITEMSETS, (struct key){ KEY_ALL, 0 });
	float sessions = all && all->n[BASKET_SESSION] ? (float)all->n[BASKET_SESSION] : 1;
	gather(x, model, session);
	for (uint32_t i = 0; i < x->n; i++) {
		const struct candidate *c = &x->candidates[i];
		if (c->item == x->seeds[0].item)
			continue;
		const struct itemsets_model *t = together(model, c->item);
		float pi = ((t ? (float)t->n[BASKET_SESSION] : 0) + 0.5f) / (PER_SESSION * sessions);
		struct next_pick p = { c->item, 0 };
		switch (expert) {
		case NEXT_ORDER: p.score = score_order(x, c, pi); break;
		case NEXT_NEAR: p.score = score_sum(x, c, pi, 0.4f, 30); break;
		case NEXT_SHORT: p.score = score_sum(x, c, pi, 0.6f, 10); break;
		default: p.score = score_sum(x, c, pi, 0.6f, 1000); break;
		}
		if (n == most && !better(symbols, &p, &to[n - 1]))
			continue;
		uint32_t at = n < most ? n++ : n - 1;
		for (; at && better(symbols, &p, &to[at - 1]); at--)
			to[at] = to[at - 1];
		to[at] = p;
	}
	return n;
}

enum next_expert next_leader(const struct model *model)
{
	const struct next_model *all = model_block(model, P_NEXT, (struct key){ KEY_ALL, 0 });
	int best = NEXT_ORDER;
	for (int i = 0; all && i < NEXT_EXPERTS; i++)
		if (all->reached[i] > all->reached[best])
			best = i;
	return (enum next_expert)best;
}
