#include "candidates.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "bias.h"
#include "controls.h"
#include "sentiment.h"

int recommend_scratch_create(struct recommend_scratch **ret, const struct recommend_settings *s)
{
	struct recommend_scratch *x = calloc(1, sizeof(*x));
	if (!x)
		return -ENOMEM;
	if (toplists_init(&x->toplists, (uint32_t)s->top_items, (uint32_t)s->top_categories, (uint32_t)s->list_size) < 0) {
		free(x);
		return -ENOMEM;
	}
	*ret = x;
	return 0;
}

void recommend_scratch_destroy(struct recommend_scratch *x)
{
	if (!x)
		return;
	toplists_done(&x->toplists);
	free(x);
}

struct toplists *recommend_scratch_toplists(struct recommend_scratch *x)
{
	return &x->toplists;
}

/* ---- gathering ---- */

static inline struct candidate *lookup(struct recommend_scratch *x, symbol_t item, bool make)
{
	uint32_t i = (item * 2654435761u) >> (32 - TABLE_BITS);
	for (; x->table[i].stamp == x->stamp; i = (i + 1) & (TABLE - 1))
		if (x->table[i].item == item)
			return &x->candidates[x->table[i].at];
	if (!make || x->n == SLOTS)
		return NULL;
	x->table[i] = (struct place){ item, (uint16_t)x->n, x->stamp };
	struct candidate *c = &x->candidates[x->n++];
	*c = (struct candidate){ .item = item };
	return c;
}

struct candidate *candidates_find(struct recommend_scratch *x, symbol_t item)
{
	return lookup(x, item, false);
}

double candidates_seed_weight(const struct recommend_settings *s, const struct recommend_user *u, uint32_t i)
{
	return pow(s->seed_decay, i) * u->recent[u->n_recent - 1 - i].weight;
}

void candidates_blend(struct recommend_scratch *x, const struct recommend_settings *s, const struct view_ctx *ctx)
{
	const struct recommend_model *all = model_block(ctx->model, P_RECOMMEND, (struct key){ KEY_ALL, 0 });
	bool learnt = s->learn_from && all && all->blend && all->blend->shown >= s->learn_from;
	int64_t day = ctx->watermark < 0 ? 0 : ctx->watermark / 86400000;
	for (int k = 0; k < WHY_KINDS; k++)
		x->blend[k] = learnt ? blend_factor(all->blend, (enum why_kind)k, ctx->user_hash, day) : 1;
}

void candidates_gather(struct recommend_scratch *x, const struct recommend_settings *s, const struct view_ctx *ctx, const struct recommend_user *u)
{
	const double basket_weight[BASKETS] = { [BASKET_ORDER] = s->order_weight * x->blend[WHY_ORDER], [BASKET_SESSION] = s->session_weight * x->blend[WHY_SESSION] };
	double age = 1;
	if (++x->stamp == 0) {
		memset(x->table, 0, sizeof(x->table));
		x->stamp = 1;
	}
	x->n = 0;
	x->exposure_max = s->exposure_max;
	x->related_least = s->related_p < 1 ? -log(s->related_p) : 0;
	x->seed_weight = 0;
	x->gate = (double)u->actions / ((double)u->actions + 5);
	x->n_seeds = u->n_recent < SEEDS_MAX ? u->n_recent : SEEDS_MAX;
	for (uint32_t i = 0; i < x->n_seeds; i++) {
		x->seeds[i] = u->recent[u->n_recent - 1 - i].item;
		lookup(x, x->seeds[i], true)->excluded = EXCLUDED_SEED;
	}
	for (uint32_t i = 0; i < x->n_seeds; i++, age *= s->seed_decay) {
		double w = age * u->recent[u->n_recent - 1 - i].weight;
		x->seed_weight += w;
		const struct itemsets_model *m = model_block(ctx->model, P_ITEMSETS, item_key(x->seeds[i]));
		for (int b = 0; m && b < BASKETS; b++) {
			float part = (float)(w * basket_weight[b]);
			const float *near = itemsets_near(m, ctx->model, (enum basket)b, x->related_least, ctx->least_baskets);
			for (uint32_t j = 0; j < m->n_others[b]; j++) {
				if (near[j] <= 0)
					continue;
				struct candidate *c = lookup(x, m->others[b][j].item, true);
				if (!c)
					break;
				float gain = part * near[j];
				c->sum[b] += gain;
				if (gain > c->most[b]) {
					c->most[b] = gain;
					c->seed[b] = (uint8_t)i;
					c->count[b] = m->others[b][j].count;
				}
			}
		}
	}
	for (uint32_t i = 0; i < u->n_bought; i++) {
		struct candidate *c = lookup(x, u->bought[i].item, false);
		if (c) /* one that may be bought again may be a seed, too */
			c->excluded = recommend_owned(s, ctx, u, c->item) == OWNED_AGAIN ? INCLUDED : EXCLUDED_BOUGHT;
	}
}

/* ---- scoring ---- */

static double scale_of(const struct recommend_scratch *x)
{
	return x->seed_weight > 0 ? x->gate / x->seed_weight : 0;
}

static void factors(const struct view_ctx *ctx, symbol_t item, const struct bias_model *all, struct score_terms *ret)
{
	ret->stars = ret->mood = ret->reviews = 0;
	const struct bias_model *b = all && all->n > 0 ? model_block(ctx->model, P_BIAS, item_key(item)) : NULL;
	if (b)
		ret->stars = bias_of(b, bias_mu(all, 0));
	const struct sentiment_model *m = model_block(ctx->model, P_SENTIMENT, item_key(item));
	if (m) {
		ret->reviews = (double)m->n[SENTIMENT_NEGATIVE] + m->n[SENTIMENT_NEUTRAL] + m->n[SENTIMENT_POSITIVE];
		ret->mood = m->mean;
	}
	ret->stars_factor = 1 + .1 * fmax(-1, fmin(1, ret->stars));
	ret->mood_factor = 1 + .1 * ret->mood * ret->reviews / (ret->reviews + 5);
}

void candidates_terms(const struct recommend_scratch *x, const struct view_ctx *ctx, const struct candidate *c, struct score_terms *ret)
{
	for (int b = 0; b < BASKETS; b++)
		ret->part[b] = (double)c->sum[b] * scale_of(x);
	factors(ctx, c->item, model_block(ctx->model, P_BIAS, (struct key){ KEY_ALL, 0 }), ret);
	const struct catalogue_item *known = model_catalogue(ctx->model, c->item);
	ret->exposure = toplists_exposure(&x->toplists, x->exposure_max, known->brand);
	ret->boost = controls_boost(ctx->model, c->item, known);
	ret->score = (ret->part[BASKET_ORDER] + ret->part[BASKET_SESSION]) * ret->boost * ret->exposure * ret->stars_factor * ret->mood_factor;
}

/* ---- the best ---- */

bool pick_before(const struct symbols *symbols, const struct pick *a, const struct pick *b)
{
	if (a->score != b->score)
		return a->score > b->score;
	return symbols_hash(symbols, a->item) < symbols_hash(symbols, b->item);
}

static void sink(const struct view_ctx *ctx, struct pick *heap, uint32_t n, uint32_t i) /* the worst is at 0 */
{
	struct pick e = heap[i];
	for (;;) {
		uint32_t child = 2 * i + 1;
		if (child >= n)
			break;
		if (child + 1 < n && pick_before(ctx->symbols, &heap[child], &heap[child + 1]))
			child++;
		if (!pick_before(ctx->symbols, &e, &heap[child]))
			break;
		heap[i] = heap[child];
		i = child;
	}
	heap[i] = e;
}

static void offer(const struct view_ctx *ctx, struct pick *heap, uint32_t *n, uint32_t most, const struct pick *p)
{
	if (*n < most) {
		uint32_t i = (*n)++;
		for (; i > 0 && pick_before(ctx->symbols, &heap[(i - 1) / 2], p); i = (i - 1) / 2)
			heap[i] = heap[(i - 1) / 2];
		heap[i] = *p;
	} else if (pick_before(ctx->symbols, p, &heap[0])) {
		heap[0] = *p;
		sink(ctx, heap, most, 0);
	}
}

static void sort(const struct view_ctx *ctx, struct pick *picks, uint32_t n) /* a heap in, best first out */
{
	for (uint32_t i = 0; i < n / 2; i++) { /* the worst of a heap are at its front */
		struct pick p = picks[i];
		picks[i] = picks[n - 1 - i];
		picks[n - 1 - i] = p;
	}
	for (uint32_t i = 1; i < n; i++) {
		struct pick p = picks[i];
		uint32_t j = i;
		for (; j > 0 && pick_before(ctx->symbols, &p, &picks[j - 1]); j--)
			picks[j] = picks[j - 1];
		picks[j] = p;
	}
}

uint32_t candidates_choose(struct recommend_scratch *x, const struct view_ctx *ctx, uint32_t most)
{
	double scale = scale_of(x);
	bool weighed = model_controlled(ctx->model) || x->toplists.n_over;
	uint32_t n = 0;
	for (uint32_t i = 0; scale > 0 && i < x->n; i++) {
		const struct candidate *c = &x->candidates[i];
		if (c->excluded)
			continue;
		double score = ((double)c->sum[BASKET_ORDER] + (double)c->sum[BASKET_SESSION]) * scale;
		if (weighed) {
			const struct catalogue_item *its = model_catalogue(ctx->model, c->item);
			score *= toplists_factor(&x->toplists, x->exposure_max, ctx->model, c->item, its);
		}
		if (score <= 0 || (n == most && score < x->picks[0].score))
			continue;
		const struct catalogue_item *known = model_catalogue(ctx->model, c->item);
		if (!controls_allow(ctx->model, c->item, known))
			continue;
		struct pick p = { .score = score, .item = c->item, .candidate = (uint16_t)i, .why = c->sum[BASKET_ORDER] >= c->sum[BASKET_SESSION] ? WHY_ORDER : WHY_SESSION, .known = known };
		offer(ctx, x->picks, &n, most, &p);
	}
	const struct bias_model *all = model_block(ctx->model, P_BIAS, (struct key){ KEY_ALL, 0 });
	for (uint32_t i = 0; i < n; i++) {
		struct score_terms t;
		factors(ctx, x->picks[i].item, all, &t);
		x->picks[i].score *= t.stars_factor * t.mood_factor;
	}
	sort(ctx, x->picks, n);
	return n;
}
