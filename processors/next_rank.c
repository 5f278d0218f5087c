/* Ranking of the next item; next.h has the formulas. */
#include "next.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "itemsets.h"

enum { SLOTS = 1536,
	TABLE = 4096,
	TABLE_BITS = 12,
	LANES = 8, /* ways, made up to what a vector register takes */
	FIRST_EVERY = 16 }; /* draws, until one event in one more is drawn */

#define COMPANY 20.0f      /* of popularity in q */
#define PER_SESSION 5.0f   /* items */
#define SEED_LEAST 0.05f   /* an older item that would weigh less says nothing */
#define ORDER_EARLIER 0.2f /* weight of the item before the current one, for `order` */
#define ALONE 0.1f         /* what an item counts that no other one of the session bears out */
#define COSINE 5.0f        /* of two items that were seldom seen is pulled to 0 */
#define FOLLOWING 2.0f     /* of f in the numerator of `cosine`, where c has 1 */
#define FEW 1.0f           /* sessions, in its denominator */
#define NEVER 1e-9f        /* for the logarithm of 0 */

struct seed {
	symbol_t item;
	const struct next_model *follow; /* NULL: none */
	const struct itemsets_model *together;
	float f_sum, n;
	float borne_out; /* v of next.h */
};

/* What a way makes of the items of a session: w and k of the sums; `order` has its own, `cosine` no k. */
static const struct {
	float decay, k;
	bool borne_out; /* an item counts as much as the others say */
} ways[NEXT_WAYS] = { [NEXT_ORDER] = { 0.6f, 30, false },
	[NEXT_SHARP] = { 0.1f, 1, false },
	[NEXT_NEAR] = { 0.4f, 30, false },
	[NEXT_LONG] = { 0.9f, 10, true },
	[NEXT_BROAD] = { 1, 1000, true },
	[NEXT_COSINE] = { 0.8f, 0, false } };

const float next_agains[NEXT_AGAINS] = { 1, 0, 2, 5 };

struct next_scratch {
	uint32_t n, n_seeds;
	uint16_t stamp; /* of the ranking under way: places with another one are free */
	struct place {
		symbol_t item;
		uint16_t stamp, at;
	} table[TABLE];
	symbol_t items[SLOTS];          /* the candidates */
	float scores[SLOTS][LANES];     /* what they have gathered so far */
	struct company {                /* with the current item: for `order` alone */
		float f, c;
		bool follows; /* or keeps company: what `order` looks at */
	} company[SLOTS];
	struct seed seeds[NEXT_SESSION]; /* distinct, newest first */
	float sessions;
	float of_pi[NEXT_WAYS]; /* what the share of all visits counts beside the gathered score */
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

static inline uint32_t slot(symbol_t item)
{
	return (item * 2654435761u) >> (32 - TABLE_BITS);
}

/* The number of an item among the candidates; SLOTS: it is none. */
static uint32_t find(const struct next_scratch *x, symbol_t item)
{
	for (uint32_t i = slot(item); x->table[i].stamp == x->stamp; i = (i + 1) & (TABLE - 1))
		if (x->table[i].item == item)
			return x->table[i].at;
	return SLOTS;
}

/* As find(), made when new, with nothing gathered for the ways first..last; SLOTS: no room. */
static inline uint32_t candidate(struct next_scratch *x, symbol_t item, int first, int last)
{
	uint32_t i = slot(item);
	for (; x->table[i].stamp == x->stamp; i = (i + 1) & (TABLE - 1))
		if (x->table[i].item == item)
			return x->table[i].at;
	if (x->n == SLOTS)
		return SLOTS;
	x->table[i] = (struct place){ item, x->stamp, (uint16_t)x->n };
	x->items[x->n] = item;
	for (int e = first; e < (last > first ? LANES : last + 1); e++)
		x->scores[x->n][e] = 0;
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
		x->seeds[x->n_seeds++] = (struct seed){ item, m, t, m ? (float)m->sum / 1000 : 0, t ? (float)t->n[BASKET_SESSION] : 0, ALONE };
	}
}

/* The seed that the item is, other than a; n_seeds: none. `marks` has a bit of each seed. */
static inline uint32_t other_seed(const struct next_scratch *x, uint64_t marks, symbol_t item, uint32_t a)
{
	if (!(marks >> (item & 63) & 1))
		return x->n_seeds;
	uint32_t b = 0;
	while (b < x->n_seeds && x->seeds[b].item != item)
		b++;
	return b == a ? x->n_seeds : b;
}

/* How much the session's items bear each other out. */
static void bear_out(struct next_scratch *x)
{
	uint64_t marks = 0;
	for (uint32_t a = 0; a < x->n_seeds; a++)
		marks |= UINT64_C(1) << (x->seeds[a].item & 63);
	for (uint32_t a = 0; a < x->n_seeds; a++) {
		struct seed *s = &x->seeds[a];
		for (uint32_t j = 0; s->follow && j < s->follow->n_followers; j++) {
			const struct itemsets_other *o = &s->follow->followers[j];
			uint32_t b = other_seed(x, marks, o->item, a);
			if (b == x->n_seeds || o->count <= 1000)
				continue;
			float cosine = ((float)o->count / 1000 - 1) / sqrtf((s->f_sum + COSINE) * (x->seeds[b].f_sum + COSINE));
			s->borne_out += cosine;
			x->seeds[b].borne_out += cosine;
		}
		for (uint32_t j = 0; s->together && j < s->together->n_others[BASKET_SESSION]; j++) {
			const struct itemsets_other *o = &s->together->others[BASKET_SESSION][j];
			uint32_t b = other_seed(x, marks, o->item, a);
			if (b < x->n_seeds && o->count > 1)
				s->borne_out += (float)(o->count - 1) / sqrtf((s->n + COSINE) * (x->seeds[b].n + COSINE));
		}
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
		x->scores[i][NEXT_ORDER] += logf((c->f + k * q) / (now->f_sum + k)) + against;
	}
}

/* Candidates of the ways first..last and what they gather. p(j|x_a) is linear in f, c and pi, so that a candidate gathers its sums as the seeds'
 * rows name it; what pi adds, of_pi a unit, comes last. */
static inline __attribute__((always_inline)) void gather(struct next_scratch *x, const struct model *model, int first, int last)
{
	bool order = first == NEXT_ORDER;
	float w[NEXT_WAYS] = { ORDER_EARLIER, 1, 1, 1, 1, 1 }, of_f[LANES] = { 0 }, of_c[LANES] = { 0 }; /* 0 for `order` */
	const int end = last > first ? LANES : last + 1;
	if (ways[first].borne_out || last > first)
		bear_out(x);
	for (uint32_t a = 0; a < x->n_seeds; a++) {
		const struct seed *s = &x->seeds[a];
		if (!order && w[first] < SEED_LEAST)
			break;
		for (int e = first; e <= last; e++) {
			if (e == NEXT_ORDER)
				continue;
			w[e] = w[e] < SEED_LEAST ? 0 : w[e];
			if (e == NEXT_COSINE) {
				of_c[e] = w[e] / sqrtf(s->n + FEW);
				of_f[e] = of_c[e] * FOLLOWING;
			} else {
				of_f[e] = w[e] * (ways[e].borne_out ? s->borne_out : 1) / (s->f_sum + ways[e].k);
				of_c[e] = of_f[e] * ways[e].k / (PER_SESSION * s->n + COMPANY);
				x->of_pi[e] += of_c[e] * COMPANY;
			}
			w[e] *= ways[e].decay;
		}
		for (uint32_t j = 0; s->follow && j < s->follow->n_followers; j++) {
			const struct itemsets_other *o = &s->follow->followers[j];
			uint32_t c = candidate(x, o->item, first, last);
			float f = (float)o->count / 1000;
			if (c == SLOTS)
				continue;
			for (int e = first; e < end; e++)
				x->scores[c][e] += of_f[e] * f;
			if (!order)
				continue;
			if (a)
				x->scores[c][NEXT_ORDER] += w[NEXT_ORDER] * logf(1 + f / (ways[NEXT_ORDER].k * pi_of(x, model, o->item)));
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
			for (int e = first; e < end; e++)
				x->scores[c][e] += of_c[e] * (float)o->count;
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
static float most_of_pi(const struct next_scratch *x, enum next_way way)
{
	return x->of_pi[way] * (x->sessions + 0.5f) / (PER_SESSION * x->sessions);
}

static inline bool is_candidate(const struct next_scratch *x, uint32_t c, enum next_way way)
{
	/* with nothing gathered it is one of other ways, gathered beside this one */
	return x->items[c] != x->seeds[0].item && (way == NEXT_ORDER ? x->company[c].follows : x->scores[c][way] != 0);
}

static inline struct next_pick pick_of(const struct next_scratch *x, const struct model *model, uint32_t c, enum next_way way)
{
	float score = x->scores[c][way];
	if (way == NEXT_COSINE) {
		const struct itemsets_model *t = together(model, x->items[c]);
		score /= sqrtf((t ? (float)t->n[BASKET_SESSION] : 0) + FEW); /* not greater than before */
	} else if (x->of_pi[way] > 0) {
		score += x->of_pi[way] * pi_of(x, model, x->items[c]);
	}
	return (struct next_pick){ x->items[c], score };
}

/* The score of an item of the session. */
static inline float again(float score, enum next_way way, float times)
{
	return way == NEXT_ORDER ? score + logf(fmaxf(times, NEVER)) : score * times;
}

/* The candidates that the session holds; how many. */
static uint32_t held(const struct next_scratch *x, enum next_way way, uint32_t to[NEXT_SESSION])
{
	uint32_t n = 0;
	for (uint32_t a = 1; a < x->n_seeds; a++) {
		uint32_t c = find(x, x->seeds[a].item);
		if (c < SLOTS && is_candidate(x, c, way))
			to[n++] = c;
	}
	return n;
}

static void begin(struct next_scratch *x, const struct model *model, const struct next_user *session)
{
	const struct itemsets_model *all = model_block(model, P_ITEMSETS, (struct key){ KEY_ALL, 0 });
	x->sessions = all && all->n[BASKET_SESSION] ? (float)all->n[BASKET_SESSION] : 1;
	seeds(x, model, session);
}

uint32_t next_rank(struct next_scratch *x, const struct symbols *symbols, const struct model *model, const struct next_user *session,
	uint32_t expert, struct next_pick *to, uint32_t most)
{
	enum next_way way = (enum next_way)(expert / NEXT_AGAINS);
	uint32_t n = 0, its[NEXT_SESSION];
	begin(x, model, session);
	if (way == NEXT_ORDER)
		gather(x, model, NEXT_ORDER, NEXT_ORDER);
	else
		gather(x, model, (int)way, (int)way);
	float more = most_of_pi(x, way), times = next_agains[expert % NEXT_AGAINS];
	for (uint32_t i = times != 1 ? held(x, way, its) : 0; i-- > 0;) {
		float *gathered = &x->scores[its[i]][way], score = pick_of(x, model, its[i], way).score;
		*gathered = way == NEXT_COSINE ? fmaxf(times, NEVER) * *gathered : *gathered + again(score, way, times) - score;
	}
	for (uint32_t i = 0; i < x->n; i++) {
		if ((n == most && x->scores[i][way] + more < to[n - 1].score) || !is_candidate(x, i, way)) /* pi costs a look at the item's row */
			continue;
		struct next_pick p = pick_of(x, model, i, way);
		if (n == most && !better(symbols, &p, &to[n - 1]))
			continue;
		uint32_t at = n < most ? n++ : n - 1;
		for (; at && better(symbols, &p, &to[at - 1]); at--)
			to[at] = to[at - 1];
		to[at] = p;
	}
	return n;
}

/* The candidate's place for the experts of a way, from 1; 0: behind NEXT_LIST. All but the session's own items are looked at once for all of them. */
static void places_of(const struct next_scratch *x, const struct symbols *symbols, const struct model *model, uint32_t found, enum next_way way,
	uint32_t ret[NEXT_AGAINS])
{
	struct next_pick base = pick_of(x, model, found, way), wanted[NEXT_AGAINS];
	uint32_t its[NEXT_SESSION], n_its = held(x, way, its), n = 1, before[NEXT_AGAINS] = { 0 };
	uint64_t is_held[SLOTS / 64] = { 0 };
	float more = most_of_pi(x, way), least = base.score;
	for (uint32_t i = 0; i < n_its; i++)
		is_held[its[i] / 64] |= UINT64_C(1) << its[i] % 64;
	bool is_own = is_held[found / 64] >> found % 64 & 1;
	for (uint32_t r = 0; r < NEXT_AGAINS; r++) {
		wanted[r] = (struct next_pick){ base.item, is_own ? again(base.score, way, next_agains[r]) : base.score };
		least = fminf(least, wanted[r].score);
	}
	n = is_own ? NEXT_AGAINS : 1; /* another item stands alike among those that the session does not hold */
	for (uint32_t i = 0; i < x->n; i++) {
		if (x->scores[i][way] + more < least || is_held[i / 64] >> i % 64 & 1 || i == found || !is_candidate(x, i, way))
			continue;
		struct next_pick p = pick_of(x, model, i, way);
		for (uint32_t r = 0; r < n; r++)
			before[r] += better(symbols, &p, &wanted[r]);
		if (n == 1 && before[0] == NEXT_LIST)
			break;
	}
	for (uint32_t r = 0; r < NEXT_AGAINS; r++) {
		uint32_t ahead = before[r < n ? r : 0];
		for (uint32_t i = 0; i < n_its; i++) {
			struct next_pick p = pick_of(x, model, its[i], way);
			p.score = again(p.score, way, next_agains[r]);
			ahead += its[i] != found && better(symbols, &p, &wanted[r]);
		}
		ret[r] = ahead < NEXT_LIST ? ahead + 1 : 0;
	}
}

/* Any seed has followers or company. */
static bool knows(const struct next_scratch *x)
{
	for (uint32_t a = 0; a < x->n_seeds; a++)
		if (x->seeds[a].follow || x->seeds[a].together)
			return true;
	return false;
}

void next_places(struct next_scratch *x, const struct symbols *symbols, const struct model *model, const struct next_user *session, symbol_t item,
	uint32_t ret[NEXT_EXPERTS])
{
	begin(x, model, session);
	memset(ret, 0, NEXT_EXPERTS * sizeof(*ret));
	if (!knows(x)) /* as at first, when there are no rows and all events are drawn */
		return;
	gather(x, model, NEXT_ORDER, NEXT_WAYS - 1);
	uint32_t found = find(x, item);
	for (int way = 0; found < SLOTS && way < NEXT_WAYS; way++)
		if (is_candidate(x, found, (enum next_way)way))
			places_of(x, symbols, model, found, (enum next_way)way, &ret[way * NEXT_AGAINS]);
}

static const struct next_judged *judged(const struct model *model)
{
	const struct next_model *all = model_block(model, P_NEXT, (struct key){ KEY_ALL, 0 });
	return all ? all->judged : NULL;
}

uint32_t next_leader(const struct model *model)
{
	const struct next_judged *j = judged(model);
	uint32_t best = 0;
	for (uint32_t i = 1; j && i < NEXT_EXPERTS; i++)
		if (j->reached[i] > j->reached[best])
			best = i;
	return best;
}

uint64_t next_draw_every(const struct next_settings *s, const struct model *model)
{
	const struct next_judged *j = s->learn_every ? judged(model) : NULL;
	uint64_t every = 1 + (j ? (uint64_t)j->drawn / FIRST_EVERY : 0);
	return every < (uint64_t)s->learn_every ? every : (uint64_t)s->learn_every;
}
