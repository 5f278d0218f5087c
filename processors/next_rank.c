/* Ranking of the next item; next.h has the formulas. */
#include "next.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "itemsets.h"

enum { SLOTS = 1024,
	TABLE = 2048,
	TABLE_BITS = 11 };

#define COMPANY 20.0f      /* of popularity in q */
#define PER_SESSION 5.0f   /* items */
#define SEED_LEAST 0.05f   /* an older item that would weigh less says nothing */
#define ORDER_EARLIER 0.2f /* weight of the item before the current one, for `order` */

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
	uint32_t n, n_seeds;
	uint16_t stamp; /* of the ranking under way: places with another one are free */
	struct place {
		symbol_t item;
		uint16_t stamp, at;
	} table[TABLE];
	symbol_t items[SLOTS];             /* the candidates */
	float scores[NEXT_EXPERTS][SLOTS]; /* what they have gathered so far */
	struct company {                   /* with the current item: for `order` alone */
		float f, c;
		bool follows; /* or keeps company: what `order` looks at */
	} company[SLOTS];
	struct seed seeds[NEXT_SESSION]; /* distinct, newest first */
	float sessions;
	float of_pi[NEXT_EXPERTS]; /* what the share of all visits counts beside the gathered score */
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

/* The number of an item among the candidates, made when new, with nothing gathered for the experts first..last; SLOTS: no room. */
static inline uint32_t candidate(struct next_scratch *x, symbol_t item, int first, int last)
{
	uint32_t i = (item * 2654435761u) >> (32 - TABLE_BITS);
	for (; x->table[i].stamp == x->stamp; i = (i + 1) & (TABLE - 1))
		if (x->table[i].item == item)
			return x->table[i].at;
	if (x->n == SLOTS)
		return SLOTS;
	x->table[i] = (struct place){ item, x->stamp, (uint16_t)x->n };
	x->items[x->n] = item;
	for (int e = first; e <= last; e++)
		x->scores[e][x->n] = 0;
	if (first == NEXT_ORDER)
		x->company[x->n] = (struct company){ 0 };
	return x->n++;
}

static void seeds(struct next_scratch *x, const struct model *model, const struct next_user *u)
{
	x->n = x->n_seeds = 0;
	memset(x->of_pi, 0, sizeof(x->of_pi));
	if (++x->stamp == 0) {
		memset(x->table, 0, sizeof(x->table));
		x->stamp = 1;
	}
	for (uint32_t back = 0; back < u->n; back++) {
		symbol_t item = next_seen(u, back);
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

/* What `order` makes of it, when all seeds have been heard; without a candidate's own evidence an earlier item speaks against it. */
static void finish_order(struct next_scratch *x, const struct model *model)
{
	const float k = ways[NEXT_ORDER].k;
	const struct seed *now = &x->seeds[0];
	float w = ORDER_EARLIER, against = 0;
	for (uint32_t a = 1; a < x->n_seeds; a++, w *= ways[NEXT_ORDER].decay)
		against += w * logf(k / (x->seeds[a].f_sum + k));
	for (uint32_t i = 0; i < x->n; i++) {
		const struct company *c = &x->company[i];
		if (!c->follows)
			continue;
		float q = (c->c + COMPANY * pi_of(x, model, x->items[i])) / (PER_SESSION * now->n + COMPANY);
		x->scores[NEXT_ORDER][i] += logf((c->f + k * q) / (now->f_sum + k)) + against;
	}
}

/* Candidates of the experts first..last and what they gather. p(j|x_a) is linear in f, c and pi, so that a candidate gathers its sums as the seeds'
 * rows name it; what pi adds, of_pi a unit, comes last. */
static inline __attribute__((always_inline)) void gather(struct next_scratch *x, const struct model *model, int first, int last)
{
	bool order = first == NEXT_ORDER;
	float w[NEXT_EXPERTS] = { ORDER_EARLIER, 1, 1, 1 }, of_f[NEXT_EXPERTS], of_c[NEXT_EXPERTS];
	for (uint32_t a = 0; a < x->n_seeds; a++) {
		const struct seed *s = &x->seeds[a];
		if (!order && w[first] < SEED_LEAST)
			break;
		for (int e = first; e <= last; e++) {
			if (e == NEXT_ORDER)
				continue;
			w[e] = w[e] < SEED_LEAST ? 0 : w[e];
			of_f[e] = w[e] / (s->f_sum + ways[e].k);
			of_c[e] = of_f[e] * ways[e].k / (PER_SESSION * s->n + COMPANY);
			x->of_pi[e] += of_c[e] * COMPANY;
			w[e] *= ways[e].decay;
		}
		for (uint32_t j = 0; s->follow && j < s->follow->n_followers; j++) {
			const struct itemsets_other *o = &s->follow->followers[j];
			uint32_t c = candidate(x, o->item, first, last);
			float f = (float)o->count / 1000;
			if (c == SLOTS)
				continue;
			for (int e = first; e <= last; e++)
				if (e != NEXT_ORDER)
					x->scores[e][c] += of_f[e] * f;
			if (!order)
				continue;
			if (a)
				x->scores[NEXT_ORDER][c] += w[NEXT_ORDER] * logf(1 + f / (ways[NEXT_ORDER].k * pi_of(x, model, o->item)));
			else
				x->company[c].f = f;
			x->company[c].follows = true;
		}
		/* what only kept company with an earlier item has nothing but its popularity to say for it to `order` */
		for (uint32_t j = 0; (!a || last > NEXT_ORDER) && s->together && j < s->together->n_others[BASKET_SESSION]; j++) {
			const struct itemsets_other *o = &s->together->others[BASKET_SESSION][j];
			uint32_t c = candidate(x, o->item, first, last);
			if (c == SLOTS)
				continue;
			for (int e = first; e <= last; e++)
				if (e != NEXT_ORDER)
					x->scores[e][c] += of_c[e] * (float)o->count;
			if (order && !a) {
				x->company[c].c = (float)o->count;
				x->company[c].follows = true;
			}
		}
		if (order && a)
			w[NEXT_ORDER] *= ways[NEXT_ORDER].decay;
	}
	if (order)
		finish_order(x, model);
}

static bool better(const struct symbols *symbols, const struct next_pick *a, const struct next_pick *b)
{
	return a->score != b->score ? a->score > b->score : symbols_hash(symbols, a->item) < symbols_hash(symbols, b->item);
}

/* The greatest that pi can add: no item is in more sessions than there are. */
static float most_of_pi(const struct next_scratch *x, enum next_expert expert)
{
	return x->of_pi[expert] * (x->sessions + 0.5f) / (PER_SESSION * x->sessions);
}

static inline bool is_candidate(const struct next_scratch *x, uint32_t c, enum next_expert expert)
{
	return x->items[c] != x->seeds[0].item && (expert != NEXT_ORDER || x->company[c].follows);
}

static inline struct next_pick pick_of(const struct next_scratch *x, const struct model *model, uint32_t c, enum next_expert expert)
{
	float score = x->scores[expert][c];
	if (x->of_pi[expert] > 0)
		score += x->of_pi[expert] * pi_of(x, model, x->items[c]);
	return (struct next_pick){ x->items[c], score };
}

static void begin(struct next_scratch *x, const struct model *model, const struct next_user *session)
{
	const struct itemsets_model *all = model_block(model, P_ITEMSETS, (struct key){ KEY_ALL, 0 });
	x->sessions = all && all->n[BASKET_SESSION] ? (float)all->n[BASKET_SESSION] : 1;
	seeds(x, model, session);
}

uint32_t next_rank(struct next_scratch *x, const struct symbols *symbols, const struct model *model, const struct next_user *session,
	enum next_expert expert, struct next_pick *to, uint32_t most)
{
	uint32_t n = 0;
	begin(x, model, session);
	if (expert == NEXT_ORDER)
		gather(x, model, NEXT_ORDER, NEXT_ORDER);
	else
		gather(x, model, (int)expert, (int)expert);
	float more = most_of_pi(x, expert);
	for (uint32_t i = 0; i < x->n; i++) {
		if ((n == most && x->scores[expert][i] + more < to[n - 1].score) || !is_candidate(x, i, expert)) /* pi costs a look at the item's row */
			continue;
		struct next_pick p = pick_of(x, model, i, expert);
		if (n == most && !better(symbols, &p, &to[n - 1]))
			continue;
		uint32_t at = n < most ? n++ : n - 1;
		for (; at && better(symbols, &p, &to[at - 1]); at--)
			to[at] = to[at - 1];
		to[at] = p;
	}
	return n;
}

/* The candidate's place among the expert's, from 1; 0: behind NEXT_LIST. */
static uint32_t place_of(const struct next_scratch *x, const struct symbols *symbols, const struct model *model, uint32_t found, enum next_expert expert)
{
	struct next_pick its = pick_of(x, model, found, expert);
	float more = most_of_pi(x, expert);
	uint32_t before = 0;
	for (uint32_t i = 0; i < x->n && before < NEXT_LIST; i++) {
		if (i == found || x->scores[expert][i] + more < its.score || !is_candidate(x, i, expert))
			continue;
		struct next_pick p = pick_of(x, model, i, expert);
		before += better(symbols, &p, &its);
	}
	return before < NEXT_LIST ? before + 1 : 0;
}

void next_places(struct next_scratch *x, const struct symbols *symbols, const struct model *model, const struct next_user *session, symbol_t item,
	uint32_t ret[NEXT_EXPERTS])
{
	begin(x, model, session);
	gather(x, model, NEXT_ORDER, NEXT_EXPERTS - 1);
	uint32_t found = 0;
	while (found < x->n && x->items[found] != item)
		found++;
	for (int e = 0; e < NEXT_EXPERTS; e++) {
		bool named = found < x->n && is_candidate(x, found, (enum next_expert)e);
		ret[e] = named ? place_of(x, symbols, model, found, (enum next_expert)e) : 0;
	}
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
