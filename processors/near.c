/* How near an item's others are to it; see itemsets.h. */
#include "itemsets.h"
#include "measures.h"

struct itemsets_near {
	uint64_t version; /* of the model that it was found in; 0: not yet */
	double least;
	uint32_t least_baskets;
	float of[];       /* the others of every kind of basket in turn */
};

enum { AHEAD = 4 }; /* others: their rows lie anywhere */

static size_t size_of(const struct itemsets_model *m)
{
	size_t n = 0;
	for (int b = 0; b < BASKETS; b++)
		n += m->n_others[b];
	return sizeof(struct itemsets_near) + n * sizeof(float);
}

void itemsets_near_init(struct itemsets_model *m, struct pool *pool)
{
	m->near = pool_alloc(pool, size_of(m));
}

void itemsets_near_done(struct itemsets_model *m, struct pool *pool)
{
	if (m->near)
		pool_free(pool, m->near, size_of(m));
	m->near = NULL;
}

static void find(const struct itemsets_model *m, const struct model *model, enum basket b, double least, int64_t least_baskets, float *near)
{
	const struct itemsets_model *all = model_block(model, P_ITEMSETS, (struct key){ KEY_ALL, 0 });
	uint32_t baskets = all ? all->n[b] : 0;
	for (uint32_t j = 0; j < m->n_others[b]; j++) {
		const struct itemsets_other *o = &m->others[b][j];
		for (unsigned step = 0; step < MODEL_STEPS; step++)
			if (j + (MODEL_STEPS - step) * AHEAD < m->n_others[b])
				model_soon(model, P_ITEMSETS, item_key(o[(MODEL_STEPS - step) * AHEAD].item), step);
		const struct itemsets_model *its = model_block(model, P_ITEMSETS, item_key(o->item));
		uint32_t n = its && its->n[b] > o->count ? its->n[b] : o->count;
		bool related = o->count >= least_baskets && (least <= 0 || measure_bound_below(o->count, m->n[b], n, baskets, least));
		near[j] = related ? (float)measure_nearness(o->count, m->n[b], n) : 0;
	}
}

const float *itemsets_near(const struct itemsets_model *m, const struct model *model, enum basket basket, double least, int64_t least_baskets)
{
	struct itemsets_near *r = m->near;
	if (r->version != model_version(model) || r->least != least || (int64_t)r->least_baskets != least_baskets) {
		float *near = r->of;
		for (int b = 0; b < BASKETS; near += m->n_others[b++])
			find(m, model, (enum basket)b, least, least_baskets, near);
		r->version = model_version(model);
		r->least = least;
		r->least_baskets = (uint32_t)least_baskets;
	}
	const float *near = r->of;
	for (int b = 0; b < (int)basket; b++)
		near += m->n_others[b];
	return near;
}
