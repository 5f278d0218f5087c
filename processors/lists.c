#include "lists.h"

#include "controls.h"
#include "json.h"
#include "segments.h"
#include "view.h"

/* ---- what fills a list ---- */

static bool is_in(const struct pick *picks, uint32_t n, symbol_t item)
{
	for (uint32_t i = 0; i < n; i++)
		if (picks[i].item == item)
			return true;
	return false;
}

/* Bought, and not to be bought again yet; or among the newest of the history. */
static bool had(const struct recommend_scratch *x, const struct recommend_settings *s, const struct view_ctx *ctx, const struct recommend_user *u, symbol_t item)
{
	enum ownership owned = recommend_owned(s, ctx, u, item);
	for (uint32_t i = 0; u && owned == OWNED_NOT && i < x->n_seeds; i++)
		if (x->seeds[i] == item)
			return true;
	return owned == OWNED;
}

/* Takes from both lists up to `most` picks: in turn, or by what each kind weighs (D'Hondt). Scores go down from `below` in equal steps. u may be
 * NULL; d NULL: without caps. */
static uint32_t fill(struct recommend_scratch *x, const struct recommend_settings *s, const struct view_ctx *ctx, const struct recommend_user *u, const struct diversity *d,
	const struct top *trending, const struct top *popular, uint32_t n, uint32_t most, double below)
{
	uint32_t missing = most - n, filled = 0, i = 0, j = 0; /* next of trending, of popular */
	while (filled < missing && (i < trending->n || j < popular->n)) {
		bool rising = j == popular->n || (i < trending->n && x->blend[WHY_TRENDING] * (j + 1) >= x->blend[WHY_POPULAR] * (i + 1));
		const struct top_entry *e = rising ? &trending->at[i++] : &popular->at[j++];
		const struct catalogue_item *known = model_catalogue(ctx->model, e->item);
		if (!controls_allow(ctx->model, e->item, known) || is_in(x->picks, n + filled, e->item) || had(x, s, ctx, u, e->item) ||
			!model_block(ctx->model, P_RECOMMEND, item_key(e->item)))
			continue;
		if (d && !diversity_allows(d, x->picks, n + filled, known))
			continue;
		double score = below * (double)(missing - filled) / (double)(missing + 1);
		x->picks[n + filled++] = (struct pick){ .score = score, .item = e->item, .why = rising ? WHY_TRENDING : WHY_POPULAR, .value = e->value, .known = known };
	}
	return n + filled;
}

/* How much the shopper's seeds are like an item, 0..1, by weight; *ret_seed: the one that gives most. */
static double match(const struct recommend_scratch *x, const struct recommend_settings *s, const struct view_ctx *ctx, const struct recommend_user *u,
	const struct catalogue_item *known, uint16_t *ret_seed)
{
	double sum = 0, most = 0, age = 1;
	for (uint32_t i = 0; i < x->n_seeds; i++, age *= s->seed_decay) {
		double part = age * u->recent[u->n_recent - 1 - i].weight * (double)diversity_similarity(model_catalogue(ctx->model, x->seeds[i]), known);
		sum += part;
		if (part > most) {
			most = part;
			*ret_seed = (uint16_t)i;
		}
	}
	return x->seed_weight > 0 ? sum / x->seed_weight : 0;
}

enum { CONTENT_MAX = LIST_MAX };
static const double least_match = .45; /* more than the category alone */

/* Adds the items of t that are like the seeds to found[0..n), best match x factor first; returns how many there are then. */
static uint32_t find_like(struct recommend_scratch *x, const struct recommend_settings *s, const struct view_ctx *ctx, const struct recommend_user *u,
	const struct top *t, uint32_t listed, struct pick *found, uint32_t n, uint32_t most)
{
	for (uint32_t i = 0; i < t->n; i++) {
		symbol_t item = t->at[i].item;
		const struct catalogue_item *known = model_catalogue(ctx->model, item);
		uint16_t seed = 0;
		if (!known->known || !controls_allow(ctx->model, item, known) || is_in(x->picks, listed, item) || is_in(found, n, item) || had(x, s, ctx, u, item))
			continue;
		double value = match(x, s, ctx, u, known, &seed), rank = value * toplists_factor(&x->toplists, s->exposure_max, ctx->model, item, known);
		if (value < least_match || (n == most && rank <= found[n - 1].score))
			continue;
		uint32_t at = n < most ? n++ : n - 1;
		for (; at > 0 && found[at - 1].score < rank; at--)
			found[at] = found[at - 1];
		found[at] = (struct pick){ .score = rank, .item = item, .candidate = seed, .why = WHY_CONTENT, .value = value, .known = known };
	}
	return n;
}

/* For a thin history: popular and fresh items of the shopper's categories that are like what the shopper looked at, up to half of what is missing. */
static uint32_t fill_like(struct recommend_scratch *x, const struct recommend_settings *s, const struct view_ctx *ctx, const struct recommend_user *u,
	const struct diversity *d, const symbol_t *categories, size_t known, uint32_t n, uint32_t size)
{
	struct pick found[CONTENT_MAX];
	uint32_t most = (size - n + 1) / 2, n_found = 0, missing = size - n, filled = 0;
	double below = n ? x->picks[n - 1].score : 1;
	for (size_t i = 0; i < known; i++) {
		const struct category_lists *c = toplists_category(&x->toplists, categories[i]);
		if (!c)
			continue;
		n_found = find_like(x, s, ctx, u, &c->popular, n, found, n_found, most);
		n_found = find_like(x, s, ctx, u, &c->fresh, n, found, n_found, most);
	}
	for (uint32_t i = 0; i < n_found; i++) {
		if (d && !diversity_allows(d, x->picks, n + filled, found[i].known))
			continue;
		found[i].score = below * (double)(missing - filled) / (double)(missing + 1);
		x->picks[n + filled++] = found[i];
	}
	return n + filled;
}

/* From the shopper's categories, then from the whole shop. */
static uint32_t fill_all(struct recommend_scratch *x, const struct recommend_settings *s, const struct view_ctx *ctx, const struct recommend_user *u,
	const struct diversity *d, uint32_t n, uint32_t size)
{
	const struct toplists *t = &x->toplists;
	const symbol_t *categories = x->categories;
	size_t known = x->n_categories;
	n = fill_like(x, s, ctx, u, d, categories, known, n, size);
	for (size_t i = 0; i < known && n < size; i++) {
		const struct category_lists *c = toplists_category(t, categories[i]);
		uint32_t share = n + (size - n + 1) / 2; /* half of what is missing, and so on */
		if (c)
			n = fill(x, s, ctx, u, d, &c->trending, &c->popular, n, share, n ? x->picks[n - 1].score : 1);
	}
	return fill(x, s, ctx, u, d, &t->trending, &t->popular, n, size, n ? x->picks[n - 1].score : 1);
}

/* Puts pinned items in, where there is a catalogue those that it knows; category: of a category's list, else 0. Returns how many there are then. */
static uint32_t pin(struct recommend_scratch *x, const struct recommend_settings *s, const struct view_ctx *ctx, const struct recommend_user *u, symbol_t category, uint32_t n, uint32_t size)
{
	uint32_t n_pins, n_wanted = 0;
	const struct pin *pins = model_pins(ctx->model, &n_pins), *wanted[PINS_MAX];
	for (uint32_t i = 0; i < n_pins; i++) {
		const struct catalogue_item *known = model_catalogue(ctx->model, pins[i].item);
		bool there = known->known || !model_catalogued(ctx->model);
		if ((uint32_t)pins[i].place >= size || !there || !controls_allow(ctx->model, pins[i].item, known) ||
			recommend_owned(s, ctx, u, pins[i].item) == OWNED || (category && known->category != category))
			continue;
		uint32_t at = 0;
		while (at < n && x->picks[at].item != pins[i].item)
			at++;
		if (at < n)
			memmove(&x->picks[at], &x->picks[at + 1], (--n - at) * sizeof(x->picks[0]));
		wanted[n_wanted++] = &pins[i];
	}
	for (uint32_t i = 0; i < n_wanted; i++) {
		uint32_t at = (uint32_t)wanted[i]->place;
		for (uint32_t j = 0; j < i; j++) /* of one place the first comes first */
			at += wanted[j]->place == wanted[i]->place;
		at = at < n ? at : n;
		if (at == size)
			continue;
		double score = at < n ? x->picks[at].score : n ? x->picks[n - 1].score
							       : 1;
		n -= n == size;
		memmove(&x->picks[at + 1], &x->picks[at], (n - at) * sizeof(x->picks[0]));
		x->picks[at] = (struct pick){ .score = score, .item = wanted[i]->item, .why = WHY_PINNED, .value = wanted[i]->place, .known = model_catalogue(ctx->model, wanted[i]->item) };
		n++;
	}
	return n;
}

/* Who of the lower half of a whole list makes room for one more like `known`: the last without whom no cap is broken, or not more than it was; n: nobody. */
static uint32_t gives_way(const struct diversity *d, const struct pick *picks, uint32_t n, const struct catalogue_item *known)
{
	uint32_t category = 0, brand = 0;
	for (uint32_t i = 0; i < n; i++) {
		category += picks[i].known->category == known->category;
		brand += picks[i].known->brand == known->brand;
	}
	bool any_category = !known->category || category < d->category_cap, any_brand = !known->brand || brand < d->brand_cap;
	for (uint32_t i = n; i-- > n / 2;)
		if (picks[i].why != WHY_NEW && (any_category || picks[i].known->category == known->category) && (any_brand || picks[i].known->brand == known->brand))
			return i;
	return n;
}

/* Shows fresh items at places told by the shopper's hash, the same all day: of the shopper's strongest category that has some, else of the shop. */
static uint32_t explore(struct recommend_scratch *x, const struct recommend_settings *s, const struct view_ctx *ctx, const struct recommend_user *u, uint32_t n,
	uint32_t size)
{
	uint64_t hash = (ctx->user_hash ^ (uint64_t)(ctx->watermark < 0 ? 0 : ctx->watermark / 86400000)) * UINT64_C(0x9e3779b97f4a7c15);
	uint32_t places = (uint32_t)(s->explore * size + (double)(hash >> 40) / 16777216.);
	const struct top *t = &x->toplists.fresh;
	for (size_t i = x->n_categories; places && i-- > 0;) {
		const struct category_lists *c = toplists_category(&x->toplists, x->categories[i]);
		if (c && c->fresh.n)
			t = &c->fresh;
	}
	for (uint32_t i = 0; i < t->n && places; i++) {
		symbol_t item = t->at[i].item;
		const struct catalogue_item *its = model_catalogue(ctx->model, item);
		if (!its->known || !controls_allow(ctx->model, item, its) || is_in(x->picks, n, item) || had(x, s, ctx, u, item))
			continue;
		uint32_t at = n < size ? n : size / 2 + (uint32_t)(hash >> 8) % (size - size / 2); /* the lower half */
		uint32_t out = n < size ? n : gives_way(&s->diversity, x->picks, n, its);
		if (n == size && out == n)
			continue;
		double score = at < n ? x->picks[at].score : n ? x->picks[n - 1].score
							       : 1;
		if (n == size)
			memmove(&x->picks[out], &x->picks[out + 1], (--n - out) * sizeof(x->picks[0]));
		memmove(&x->picks[at + 1], &x->picks[at], (n - at) * sizeof(x->picks[0]));
		x->picks[at] = (struct pick){ .score = score, .item = item, .why = WHY_NEW, .known = its };
		n++;
		places--;
		hash = hash * UINT64_C(0xd6e8feb86659fd93) + 1;
	}
	return n;
}

/* ---- a shopper's list ---- */

static uint32_t ranked(struct recommend_scratch *x, const struct recommend_settings *s, const struct view_ctx *ctx, const struct recommend_user *u, uint32_t *ret_own)
{
	uint32_t size = (uint32_t)s->list_size;
	candidates_gather(x, s, ctx, u);
	uint32_t found = candidates_choose(x, ctx, size + (size + 1) / 2);
	uint32_t n = diversity_order(&s->diversity, ctx->symbols, x->picks, found, size);
	*ret_own = n;
	if (n == size)
		return n;
	struct pick held[PICKS_MAX]; /* by a cap */
	uint32_t n_held = found - n;
	memcpy(held, x->picks + n, n_held * sizeof(*held));
	n = fill_all(x, s, ctx, u, &s->diversity, n, size);
	for (uint32_t i = 0; n < size && i < n_held; i++) {
		uint32_t best = i;
		for (uint32_t j = i + 1; j < n_held; j++)
			if (pick_before(ctx->symbols, &held[j], &held[best]))
				best = j;
		struct pick p = held[best];
		held[best] = held[i];
		if (is_in(x->picks, n, p.item))
			continue;
		if (n && p.score > x->picks[n - 1].score)
			p.score = x->picks[n - 1].score;
		x->picks[n++] = p;
		++*ret_own;
	}
	return n < size ? fill_all(x, s, ctx, u, NULL, n, size) : n;
}

uint32_t lists_make(struct recommend_scratch *x, const struct recommend_settings *s, const struct view_ctx *ctx, const struct recommend_user *u, uint32_t *ret_own)
{
	struct toplists *t = &x->toplists;
	if (toplists_outdated(t, s, ctx))
		toplists_make(t, s, ctx);
	candidates_blend(x, s, ctx);
	x->n_categories = recommend_top_categories(s, ctx->model, u, x->categories, TOP_CATEGORIES);
	uint32_t size = (uint32_t)s->list_size, n = ranked(x, s, ctx, u, ret_own);
	return pin(x, s, ctx, u, 0, explore(x, s, ctx, u, n, size), size);
}

/* ---- JSON ---- */

static void put(struct buf *to, const char *s, size_t n)
{
	buf_bytes(to, s, n);
}
#define PUT(to, literal) put((to), (literal), sizeof(literal) - 1)

/* rec_id: 16 digits that tell shopper and interval, a dash, the kind of each entry (feedback.h). */
static void head(struct buf *to, const struct recommend_scratch *x, const struct view_ctx *ctx, uint64_t who, symbol_t arm, bool fallback, uint32_t n)
{
	static const char hex[] = "0123456789abcdef";
	uint64_t id = (who ^ (ctx->commit * UINT64_C(0x9e3779b97f4a7c15))) * UINT64_C(0xbf58476d1ce4e5b9);
	id ^= id >> 29;
	char text[REC_ID_HEAD + LIST_MAX];
	for (int i = 0; i < REC_ID_HEAD - 1; i++)
		text[i] = hex[id >> (60 - 4 * i) & 15];
	text[REC_ID_HEAD - 1] = '-';
	for (uint32_t i = 0; i < n; i++)
		text[REC_ID_HEAD + i] = feedback_letters[x->picks[i].why];
	buf_clear(to);
	json_view_open(to, ctx->as_of, ctx->commit);
	PUT(to, ",\"rec_id\":\"");
	put(to, text, REC_ID_HEAD + n);
	char name[32];
	PUT(to, "\",\"segment\":");
	json_text(to, segments_of(ctx, name));
	PUT(to, ",\"variant\":");
	json_text(to, symbols_text(ctx->symbols, arm));
	PUT(to, ",\"fallback\":");
	json_bool(to, fallback);
	PUT(to, ",\"items\":[");
}

static void publish(struct recommend_scratch *x, const struct view_ctx *ctx, const char *name, struct text id, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		if (i)
			buf_u8(ctx->scratch, ',');
		reasons_write(ctx->scratch, x, ctx, &x->picks[i]);
	}
	PUT(ctx->scratch, "]}");
	view_set_json(ctx, name, id, (struct text){ (const char *)ctx->scratch->data, (uint32_t)ctx->scratch->size });
}

void lists_view(const struct recommend_settings *s, const struct view_ctx *ctx, const struct recommend_user *u)
{
	uint32_t own, n = lists_make(s->scratch, s, ctx, u, &own);
	head(ctx->scratch, s->scratch, ctx, ctx->user_hash, u->followed ? u->followed->arm : 0, own == 0, n);
	publish(s->scratch, ctx, "recs:", ctx->user, n);
}

void lists_default(const struct recommend_settings *s, const struct view_ctx *ctx, const struct top *popular, const struct top *trending, symbol_t category)
{
	struct recommend_scratch *x = s->scratch;
	for (int k = 0; k < WHY_KINDS; k++)
		x->blend[k] = 1;
	uint32_t size = (uint32_t)s->list_size;
	struct diversity d = s->diversity;
	if (category)
		d.category_cap = size;
	uint32_t n = fill(x, s, ctx, NULL, &d, trending, popular, 0, size, 1);
	if (n < size)
		n = fill(x, s, ctx, NULL, NULL, trending, popular, n, size, n ? x->picks[n - 1].score : 1);
	n = pin(x, s, ctx, NULL, category, n, size);
	head(ctx->scratch, x, ctx, symbols_hash(ctx->symbols, category), 0, true, n);
	publish(x, ctx, category ? "recs:_default:" : "recs:_default", category ? symbols_text(ctx->symbols, category) : TEXT(""), n);
}
