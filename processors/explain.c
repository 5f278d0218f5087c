/* Every term of a score, as JSON for people; see lists.h. */
#include <math.h>

#include "controls.h"
#include "json.h"
#include "lists.h"
#include "measures.h"

static void number(struct buf *to, const char *name, double v)
{
	json_name(to, name);
	json_double(to, v);
}

/* What each seed gives: the parts add up to bought_together and viewed_together, 0 of a seed that the item is together with by chance (candidates.h). */
static void seeds(const struct recommend_settings *s, const struct view_ctx *ctx, const struct recommend_scratch *x, const struct recommend_user *u,
	symbol_t item, double unit, struct buf *to)
{
	static const char *const names[BASKETS] = { [BASKET_ORDER] = "order", [BASKET_SESSION] = "session" };
	const double kind_weight[BASKETS] = { [BASKET_ORDER] = s->order_weight * x->blend[WHY_ORDER], [BASKET_SESSION] = s->session_weight * x->blend[WHY_SESSION] };
	const struct itemsets_model *of_item = model_block(ctx->model, P_ITEMSETS, item_key(item));
	json_name(to, "seeds");
	json_open(to, '[');
	for (uint32_t i = 0; i < x->n_seeds; i++) {
		const struct itemsets_model *m = model_block(ctx->model, P_ITEMSETS, item_key(x->seeds[i]));
		double w = candidates_seed_weight(s, u, i);
		for (int b = 0; m && b < BASKETS; b++)
			for (uint32_t j = 0; j < m->n_others[b]; j++) {
				if (m->others[b][j].item != item)
					continue;
				uint32_t count = m->others[b][j].count, n_item = of_item && of_item->n[b] > count ? of_item->n[b] : count;
				bool counts = itemsets_near(m, ctx->model, (enum basket)b, x->related_least, ctx->least_baskets)[j] > 0;
				double near = measure_nearness(count, m->n[b], n_item);
				json_open(to, '{');
				json_name(to, "seed");
				json_text(to, symbols_text(ctx->symbols, x->seeds[i]));
				json_name(to, "basket");
				json_text(to, text_of(names[b]));
				number(to, "weight", w);
				json_name(to, "count");
				json_i64(to, count);
				json_name(to, "n_seed");
				json_i64(to, m->n[b]);
				json_name(to, "n_item");
				json_i64(to, n_item);
				number(to, "nearness", near);
				number(to, "part", counts ? unit * kind_weight[b] * w * near : 0);
				json_close(to, '}');
			}
	}
	json_close(to, ']');
}

/* NULL: nothing keeps it from a list. */
static const char *left_out(const struct recommend_settings *s, const struct view_ctx *ctx, const struct recommend_scratch *x, const struct recommend_user *u, symbol_t item)
{
	enum ownership owned = recommend_owned(s, ctx, u, item);
	if (owned == OWNED)
		return "bought";
	for (uint32_t i = 0; owned == OWNED_NOT && i < x->n_seeds; i++)
		if (x->seeds[i] == item)
			return "seen";
	const struct catalogue_item *known = model_catalogue(ctx->model, item);
	if (!known->available)
		return known->known ? "sold out" : "removed";
	return controls_exclude(ctx->model, item, known) ? "excluded" : NULL;
}

static void terms(const struct view_ctx *ctx, struct recommend_scratch *x, const struct recommend_user *u, symbol_t item, struct buf *to)
{
	struct score_terms t;
	struct candidate none = { .item = item };
	const struct candidate *c = candidates_find(x, item);
	candidates_terms(x, ctx, c ? c : &none, &t);
	json_name(to, "actions");
	json_i64(to, u->actions);
	number(to, "gate", x->gate);
	number(to, "seed_weight", x->seed_weight);
	number(to, "blend_bought", x->blend[WHY_ORDER]);
	number(to, "blend_viewed", x->blend[WHY_SESSION]);
	number(to, "bought_together", t.part[BASKET_ORDER]);
	number(to, "viewed_together", t.part[BASKET_SESSION]);
	number(to, "base", t.part[BASKET_ORDER] + t.part[BASKET_SESSION]);
	number(to, "boost", t.boost);
	number(to, "exposure_factor", t.exposure);
	number(to, "stars", t.stars);
	number(to, "stars_factor", t.stars_factor);
	number(to, "mood", t.mood);
	number(to, "reviews", t.reviews);
	number(to, "mood_factor", t.mood_factor);
	number(to, "score", c ? t.score : NAN);
}

/* By what an entry that is no own candidate stands among those of its kind, before boost and exposure. NAN: it is one, or pinned. */
static double rank_base(const struct view_ctx *ctx, const struct recommend_settings *s, const struct pick *p)
{
	const struct recommend_model *m = model_block(ctx->model, P_RECOMMEND, item_key(p->item));
	switch (p->why) {
	case WHY_POPULAR:
	case WHY_CONTENT:
		return p->value;
	case WHY_TRENDING:
		return popularity_trend_rank(p->value, popularity_count(&s->popularity, &m->popularity, LEVEL_FAST, ctx->watermark));
	case WHY_NEW:
		return toplists_draw_now(ctx, p->item, m);
	default:
		return NAN;
	}
}

static void place(const struct view_ctx *ctx, const struct recommend_settings *s, const struct recommend_scratch *x, uint32_t n, symbol_t item,
	const struct score_terms *terms, struct buf *to)
{
	uint32_t at = 0;
	while (at < n && x->picks[at].item != item)
		at++;
	json_name(to, "position");
	if (at == n) {
		buf_bytes(to, "null", 4);
		return;
	}
	const struct pick *p = &x->picks[at];
	json_i64(to, at);
	if (p->why <= WHY_SESSION) {
		number(to, "similar_to_those_before", (double)p->similar);
		number(to, "diversity_factor", terms->score > 0 ? fmin(1, 1 - (1 - s->diversity.lambda) * (double)p->similar) : 1);
	} else if (p->why != WHY_PINNED) {
		double base = rank_base(ctx, s, p);
		number(to, "rank_base", base);
		number(to, "rank", base * terms->boost * terms->exposure);
	}
	json_name(to, "listed");
	reasons_write(to, x, ctx, p);
}

static void popularity(const struct view_ctx *ctx, const struct recommend_settings *s, symbol_t item, struct buf *to)
{
	const struct recommend_model *m = model_block(ctx->model, P_RECOMMEND, item_key(item));
	bool timed = m && ctx->watermark >= 0;
	number(to, "popular", timed ? popularity_count(&s->popularity, &m->popularity, LEVEL_POPULAR, ctx->watermark) : NAN);
	number(to, "trend", timed ? popularity_trend(&s->popularity, &m->popularity, ctx->watermark) : NAN);
}

void explain_write(const struct recommend_settings *s, const struct view_ctx *ctx, const struct recommend_user *u, symbol_t item, struct buf *to)
{
	static const struct recommend_user nobody;
	struct recommend_scratch *x = s->scratch;
	uint32_t own, n = lists_make(x, s, ctx, u ? u : &nobody, &own);
	u = u ? u : &nobody;
	const char *out = left_out(s, ctx, x, u, item);
	const struct candidate *c = candidates_find(x, item);
	struct score_terms t;
	candidates_terms(x, ctx, c ? c : &(struct candidate){ .item = item }, &t);
	buf_clear(to);
	json_open(to, '{');
	json_name(to, "user");
	json_text(to, ctx->user);
	json_name(to, "item");
	json_text(to, symbols_text(ctx->symbols, item));
	json_name(to, "left_out");
	json_text(to, out ? text_of(out) : (struct text){ NULL, 0 });
	terms(ctx, x, u, item, to);
	popularity(ctx, s, item, to);
	place(ctx, s, x, n, item, &t, to);
	seeds(s, ctx, x, u, item, x->seed_weight > 0 ? x->gate / x->seed_weight : 0, to);
	json_close(to, '}');
}
