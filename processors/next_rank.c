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
	float f, c;   /* with the current item, for `order` */
	float score;  /* what it has gathered so far */
};

struct seed {
	symbol_t item;
	const struct next_model *follow; /* NULL: none */
	const struct itemsets_model *together;
	float f_sum, n;
};

/* What an expert makes of the items of a session: w and k of the sums; `order` has its own way. */
static const struct {
	float decay, k;
} ways[NEXT_EXPERTS] = { [NEXT_ORDER] = { 0.6f, 30 }, [NEXT_NEAR] = { 0.4f, 30 }, [NEXT_SHORT] = { 0.6f, 10 }, [NEXT_COMPANY] = { 0.6f, 1000 } };

struct next_scratch {
	uint32_t n, n_seeds, stamp;
	struct place {
		symbol_t item;
		uint32_t stamp;
		uint16_t at;
	} table[TABLE];
	struct candidate candidates[SLOTS];
	struct seed seeds[NEXT_SESSION]; /* distinct, newest first */
	float sessions;
	float of_pi; /* what the share of all visits counts beside the gathered score */
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

static const struct itemsets_model *together(const struct model *m, symbol_t item)
{
	return model_block(m, P_ITEMSETS, (struct key){ KEY_ITEM, item });
}

/* An item's share of all visits. */
static float pi_of(const struct next_scratch *x, const struct model *model, symbol_t item)
{
	const struct itemsets_model *t = together(model, item);
	return ((t ? fminf((float)t->n[BASKET_SESSION], x->sessions) : 0) + 0.5f) / (PER_SESSION * x->sessions);
}

static inline struct candidate *candidate(struct next_scratch *x, symbol_t item)
{
	uint32_t i = (item * 2654435761u) >> (32 - TABLE_BITS);
	for (; x->table[i].stamp == x->stamp; i = (i + 1) & (TABLE - 1))
		if (x->table[i].item == item)
			return &x->candidates[x->table[i].at];
	if (x->n == SLOTS)
		return NULL;
	x->table[i] = (struct place){ item, x->stamp, (uint16_t)x->n };
	struct candidate *c = &x->candidates[x->n++];
	*c = (struct candidate){ .item = item };
	return c;
}

static void seeds(struct next_scratch *x, const struct model *model, const struct next_user *u)
{
	x->n = x->n_seeds = 0;
	x->of_pi = 0;
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
		x->seeds[x->n_seeds++] = (struct seed){ item, m, t, m ? (float)m->sum / 1000 : 0, t ? (float)t->n[BASKET_SESSION] : 0 };
	}
}

/* p(j|x_a) is linear in f, c and pi, so that a candidate gathers its sum as the seeds' rows name it; what pi adds, of_pi a unit, comes last. */
static void gather_sum(struct next_scratch *x, float decay, float k)
{
	float w = 1, of_pi = 0;
	for (uint32_t a = 0; a < x->n_seeds; a++, w *= decay) {
		const struct seed *s = &x->seeds[a];
		float of_f = w / (s->f_sum + k), of_c = of_f * k / (PER_SESSION * s->n + COMPANY);
		of_pi += of_c * COMPANY;
		for (uint32_t j = 0; s->follow && j < s->follow->n_followers; j++) {
			struct candidate *c = candidate(x, s->follow->followers[j].item);
			if (c)
				c->score += of_f * (float)s->follow->followers[j].count / 1000;
		}
		for (uint32_t j = 0; s->together && j < s->together->n_others[BASKET_SESSION]; j++) {
			struct candidate *c = candidate(x, s->together->others[BASKET_SESSION][j].item);
			if (c)
				c->score += of_c * (float)s->together->others[BASKET_SESSION][j].count;
		}
	}
	x->of_pi = of_pi;
}

static void gather_order(struct next_scratch *x, const struct model *model, float decay, float k)
{
	float w = 0.2f, against = 0;
	for (uint32_t a = 0; a < x->n_seeds; a++) {
		const struct seed *s = &x->seeds[a];
		for (uint32_t j = 0; s->follow && j < s->follow->n_followers; j++) {
			struct candidate *c = candidate(x, s->follow->followers[j].item);
			float f = (float)s->follow->followers[j].count / 1000;
			if (c && a)
				c->score += w * logf(1 + f / (k * pi_of(x, model, c->item)));
			else if (c)
				c->f = f;
		}
		/* what only kept company with an earlier item has nothing but its popularity to say for it: left out */
		for (uint32_t j = 0; !a && s->together && j < s->together->n_others[BASKET_SESSION]; j++) {
			struct candidate *c = candidate(x, s->together->others[BASKET_SESSION][j].item);
			if (c)
				c->c = (float)s->together->others[BASKET_SESSION][j].count;
		}
		if (a) { /* without a candidate's own evidence an earlier item speaks against it */
			against += w * logf(k / (s->f_sum + k));
			w *= decay;
		}
	}
	const struct seed *now = &x->seeds[0];
	for (uint32_t i = 0; i < x->n; i++) {
		struct candidate *c = &x->candidates[i];
		float q = (c->c + COMPANY * pi_of(x, model, c->item)) / (PER_SESSION * now->n + COMPANY);
		c->score += logf((c->f + k * q) / (now->f_sum + k)) + against;
	}
}

static bool better(const struct symbols *symbols, const struct next_pick *a, const struct next_pick *b)
{
	return a->score != b->score ? a->score > b->score : symbols_hash(symbols, a->item) < symbols_hash(symbols, b->item);
}

/* No item is in more sessions than there are. */
static float pi_most(const struct next_scratch *x)
{
	return (x->sessions + 0.5f) / (PER_SESSION * x->sessions);
}

uint32_t next_rank(struct next_scratch *x, const struct symbols *symbols, const struct model *model, const struct next_user *session,
	enum next_expert expert, struct next_pick *to, uint32_t most)
{
	uint32_t n = 0;
	const struct itemsets_model *all = model_block(model, P_ITEMSETS, (struct key){ KEY_ALL, 0 });
	x->sessions = all && all->n[BASKET_SESSION] ? (float)all->n[BASKET_SESSION] : 1;
	seeds(x, model, session);
	if (expert == NEXT_ORDER)
		gather_order(x, model, ways[expert].decay, ways[expert].k);
	else
		gather_sum(x, ways[expert].decay, ways[expert].k);
	float most_of_pi = x->of_pi * pi_most(x);
	for (uint32_t i = 0; i < x->n; i++) {
		const struct candidate *c = &x->candidates[i];
		if (c->item == x->seeds[0].item || (n == most && c->score + most_of_pi < to[n - 1].score)) /* pi costs a look at the item's row */
			continue;
		struct next_pick p = { c->item, c->score };
		if (x->of_pi > 0)
			p.score += x->of_pi * pi_of(x, model, c->item);
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
