#include "toplists.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "controls.h"
#include "lists.h"
#include "json.h"
#include "spike.h"

int toplists_init(struct toplists *t, uint32_t top_items, uint32_t categories, uint32_t list_size)
{
	*t = (struct toplists){ .max_categories = categories, .made_at = INT64_MIN, .mask = 15 };
	while (t->mask < 2 * categories)
		t->mask = 2 * t->mask + 1;
	t->entries = calloc((size_t)2 * top_items + list_size + (size_t)3 * categories * list_size, sizeof(*t->entries));
	t->categories = calloc(categories ? categories : 1, sizeof(*t->categories));
	t->slots = calloc(t->mask + 1u, sizeof(*t->slots));
	if (!t->entries || !t->categories || !t->slots) {
		toplists_done(t);
		return -ENOMEM;
	}
	struct top_entry *at = t->entries;
	t->popular = (struct top){ at, 0, top_items };
	t->trending = (struct top){ at + top_items, 0, top_items };
	at += 2 * top_items;
	t->fresh = (struct top){ at, 0, list_size };
	at += list_size;
	for (uint32_t i = 0; i < categories; i++, at += 3 * list_size) {
		t->categories[i].popular = (struct top){ at, 0, list_size };
		t->categories[i].trending = (struct top){ at + list_size, 0, list_size };
		t->categories[i].fresh = (struct top){ at + 2 * list_size, 0, list_size };
	}
	return 0;
}

void toplists_done(struct toplists *t)
{
	free(t->entries);
	free(t->categories);
	free(t->slots);
	buf_done(&t->shown);
	*t = (struct toplists){ .made_at = INT64_MIN };
}

/* ---- heaps ---- */

static bool before(const struct symbols *s, const struct top_entry *a, const struct top_entry *b) /* a is the better */
{
	if (a->score != b->score)
		return a->score > b->score;
	return symbols_hash(s, a->item) < symbols_hash(s, b->item);
}

static void sink(const struct symbols *s, struct top_entry *heap, uint32_t n, uint32_t i) /* the worst is at 0 */
{
	struct top_entry e = heap[i];
	for (;;) {
		uint32_t child = 2 * i + 1;
		if (child >= n)
			break;
		if (child + 1 < n && before(s, &heap[child], &heap[child + 1]))
			child++;
		if (!before(s, &e, &heap[child]))
			break;
		heap[i] = heap[child];
		i = child;
	}
	heap[i] = e;
}

static void offer(const struct symbols *s, struct top *t, struct top_entry e)
{
	if (t->n == t->capacity) {
		if (!t->capacity || !before(s, &e, &t->at[0]))
			return;
		t->at[0] = e;
		sink(s, t->at, t->n, 0);
		return;
	}
	uint32_t i = t->n++;
	while (i > 0 && before(s, &t->at[(i - 1) / 2], &e)) {
		t->at[i] = t->at[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	t->at[i] = e;
}

static void order(const struct symbols *s, struct top *t) /* heap to list, best first */
{
	for (uint32_t n = t->n; n > 1; n--) {
		struct top_entry worst = t->at[0];
		t->at[0] = t->at[n - 1];
		sink(s, t->at, n - 1, 0);
		t->at[n - 1] = worst;
	}
}

/* ---- making ---- */

static uint32_t *slot_of(const struct toplists *t, symbol_t category)
{
	uint32_t i = (category * 2654435761u) & t->mask;
	while (t->slots[i] && t->categories[t->slots[i] - 1].category != category)
		i = (i + 1) & t->mask;
	return &t->slots[i];
}

const struct category_lists *toplists_category(const struct toplists *t, symbol_t category)
{
	uint32_t at = t->slots && category ? *slot_of(t, category) : 0;
	return at ? &t->categories[at - 1] : NULL;
}

static struct category_lists *category_of(struct toplists *t, symbol_t category)
{
	uint32_t *slot = category ? slot_of(t, category) : NULL;
	if (!slot || (!*slot && t->n_categories == t->max_categories))
		return NULL;
	if (!*slot) {
		struct category_lists *c = &t->categories[t->n_categories++];
		c->category = category;
		c->popular.n = c->trending.n = c->fresh.n = 0;
		*slot = t->n_categories;
	}
	return &t->categories[*slot - 1];
}

double toplists_draw(uint32_t shown, uint32_t clicked, uint64_t item_hash, int64_t hour)
{
	uint64_t hash = item_hash ^ (uint64_t)hour * UINT64_C(0xd6e8feb86659fd93);
	double a = feedback_gamma(1 + (double)clicked, hash), b = feedback_gamma(20 + (double)(shown > clicked ? shown - clicked : 0), ~hash);
	return a / (a + b);
}

double toplists_draw_now(const struct view_ctx *ctx, symbol_t item, const struct recommend_model *m)
{
	int64_t hour = ctx->watermark < 0 ? 0 : ctx->watermark / 3600000;
	return toplists_draw(m ? m->shown : 0, m ? m->clicked : 0, symbols_hash(ctx->symbols, item), hour);
}

static bool is_fresh(const struct recommend_settings *s, const struct view_ctx *ctx, const struct catalogue_item *known, const struct recommend_model *m)
{
	if (known->first_seen == INT64_MIN || ctx->watermark < 0)
		return !m;
	return known->first_seen > ctx->watermark - s->new_for_ms && known->first_seen <= ctx->watermark + 86400000;
}

static void fresh(struct toplists *t, const struct recommend_settings *s, const struct view_ctx *ctx)
{
	for (symbol_t i = 0; (i = model_catalogue_next(ctx->model, i));) {
		const struct catalogue_item *known = model_catalogue(ctx->model, i);
		const struct recommend_model *m = model_block(ctx->model, P_RECOMMEND, (struct key){ KEY_ITEM, i });
		t->passed++;
		if (!is_fresh(s, ctx, known, m) || !controls_allow(ctx->model, i, known))
			continue;
		struct top_entry e = { i, toplists_draw_now(ctx, i, m) * toplists_factor(t, s->exposure_max, ctx->model, i, known), 0 };
		struct category_lists *c = category_of(t, known->category);
		offer(ctx->symbols, &t->fresh, e);
		if (c)
			offer(ctx->symbols, &c->fresh, e);
	}
}

/* Decayed impressions of a brand's items in lists; the brand's model row holds them as its level. */
static double impressions(const struct recommend_settings *s, const struct view_ctx *ctx, symbol_t brand)
{
	const struct recommend_model *m = model_block(ctx->model, P_RECOMMEND, (struct key){ KEY_BRAND, brand });
	return m && ctx->watermark >= 0 ? popularity_count(&s->popularity, &m->popularity, LEVEL_POPULAR, ctx->watermark) : 0;
}

static double all_impressions(const struct recommend_settings *s, const struct view_ctx *ctx)
{
	double sum = 0;
	for (symbol_t i = 0; (i = model_next(ctx->model, KEY_BRAND, i));)
		sum += impressions(s, ctx, i);
	return sum;
}

static void find_over(struct toplists *t, const struct recommend_settings *s, const struct view_ctx *ctx)
{
	double all = all_impressions(s, ctx);
	t->n_over = 0;
	if (all < EXPOSURE_FROM || s->exposure_max >= 1)
		return;
	for (symbol_t i = 0; (i = model_next(ctx->model, KEY_BRAND, i)) && t->n_over < OVER_MAX;) {
		double share = impressions(s, ctx, i) / all;
		if (share > s->exposure_max)
			t->over[t->n_over++] = (struct exposure){ i, share };
	}
}

double toplists_exposure(const struct toplists *t, double exposure_max, symbol_t brand)
{
	for (uint32_t i = 0; brand && i < t->n_over; i++)
		if (t->over[i].brand == brand)
			return exposure_max / t->over[i].share;
	return 1;
}

double toplists_factor(const struct toplists *t, double exposure_max, const struct model *model, symbol_t item, const struct catalogue_item *known)
{
	return controls_boost(model, item, known) * toplists_exposure(t, exposure_max, known->brand);
}

bool toplists_outdated(const struct toplists *t, const struct recommend_settings *s, const struct view_ctx *ctx)
{
	if (t->made_at == INT64_MIN || ctx->as_of < t->made_at || t->control_changes != model_control_changes(ctx->model))
		return true;
	int64_t age_ms = ctx->as_of - t->made_at;
	return age_ms >= s->refresh_ms || (ctx->watermark > t->watermark + TOPLISTS_LATER_MS && age_ms >= t->passed / TOPLISTS_PER_MS);
}

void toplists_make(struct toplists *t, const struct recommend_settings *s, const struct view_ctx *ctx)
{
	const struct popularity_settings *p = &s->popularity;
	double greatest = -INFINITY;
	t->made_at = ctx->as_of;
	t->watermark = ctx->watermark;
	t->passed = 0;
	t->control_changes = model_control_changes(ctx->model);
	t->popular.n = t->trending.n = t->fresh.n = t->n_categories = 0;
	memset(t->slots, 0, (t->mask + 1u) * sizeof(*t->slots));
	find_over(t, s, ctx);
	if (ctx->watermark < 0) /* no time yet: order by level, show relative to the first */
		for (symbol_t i = 0; (i = model_next(ctx->model, KEY_ITEM, i));) {
			const struct recommend_model *m = model_block(ctx->model, P_RECOMMEND, (struct key){ KEY_ITEM, i });
			if (m && m->popularity.level[LEVEL_POPULAR] > greatest)
				greatest = m->popularity.level[LEVEL_POPULAR];
		}
	for (symbol_t i = 0; (i = model_next(ctx->model, KEY_ITEM, i));) {
		const struct recommend_model *m = model_block(ctx->model, P_RECOMMEND, (struct key){ KEY_ITEM, i });
		const struct catalogue_item *known = model_catalogue(ctx->model, i);
		t->passed++;
		if (!m || !controls_allow(ctx->model, i, known) || !(m->popularity.level[LEVEL_POPULAR] > -INFINITY) || !itemsets_enough(ctx, item_key(i), true))
			continue;
		struct category_lists *c = category_of(t, known->category);
		double popular = ctx->watermark < 0 ? exp2(m->popularity.level[LEVEL_POPULAR] - greatest) : popularity_count(p, &m->popularity, LEVEL_POPULAR, ctx->watermark);
		double factor = toplists_factor(t, s->exposure_max, ctx->model, i, known);
		struct top_entry e = { i, popular * factor, popular };
		offer(ctx->symbols, &t->popular, e);
		if (c)
			offer(ctx->symbols, &c->popular, e);
		double trend = ctx->watermark < 0 ? NAN : popularity_trend(p, &m->popularity, ctx->watermark);
		if (!isfinite(trend))
			continue;
		e.value = trend;
		e.score = factor * popularity_trend_rank(trend, popularity_count(p, &m->popularity, LEVEL_FAST, ctx->watermark));
		offer(ctx->symbols, &t->trending, e);
		if (c)
			offer(ctx->symbols, &c->trending, e);
	}
	fresh(t, s, ctx);
	order(ctx->symbols, &t->fresh);
	order(ctx->symbols, &t->popular);
	order(ctx->symbols, &t->trending);
	for (uint32_t i = 0; i < t->n_categories; i++) {
		order(ctx->symbols, &t->categories[i].popular);
		order(ctx->symbols, &t->categories[i].trending);
		order(ctx->symbols, &t->categories[i].fresh);
	}
}

/* ---- views ---- */

/* A whole key at once, never seen empty or half: a new one is built aside and takes its place. */
static void replace_begin(struct view *v, const char *command, const char *fresh, struct text id)
{
	view_begin(v, "DEL");
	view_key(v, fresh, id);
	view_end(v);
	view_begin(v, command);
	view_key(v, fresh, id);
}

static void replace_end(struct view *v, const char *name, const char *fresh, struct text id)
{
	view_end(v);
	view_begin(v, "RENAME");
	view_key(v, fresh, id);
	view_key(v, name, id);
	view_end(v);
}

static void delete_key(struct view *v, const char *name, struct text id)
{
	view_begin(v, "DEL");
	view_key(v, name, id);
	view_end(v);
}

static void zset_view(const struct view_ctx *ctx, const struct top *t, const char *name, const char *fresh, struct text id)
{
	if (!t->n) {
		delete_key(ctx->view, name, id);
		return;
	}
	replace_begin(ctx->view, "ZADD", fresh, id);
	for (uint32_t i = 0; i < t->n; i++) {
		view_arg_double(ctx->view, t->at[i].score);
		view_arg(ctx->view, symbols_text(ctx->symbols, t->at[i].item));
	}
	replace_end(ctx->view, name, fresh, id);
	if (id.size && ctx->ttl_s > 0) { /* a category may vanish */
		view_begin(ctx->view, "EXPIRE");
		view_key(ctx->view, name, id);
		view_arg_i64(ctx->view, ctx->ttl_s);
		view_end(ctx->view);
	}
}

/* Share of each brand in the impressions of recommendations. */
static void exposure_view(const struct view_ctx *ctx, const struct recommend_settings *s)
{
	double all = all_impressions(s, ctx);
	bool any = false;
	for (symbol_t i = 0; all > 0 && (i = model_next(ctx->model, KEY_BRAND, i));) {
		double n = impressions(s, ctx, i);
		if (!(n > 0))
			continue;
		if (!any)
			replace_begin(ctx->view, "ZADD", "new:exposure", TEXT(""));
		any = true;
		view_arg_double(ctx->view, n / all);
		view_arg(ctx->view, symbols_text(ctx->symbols, i));
	}
	if (any)
		replace_end(ctx->view, "exposure", "new:exposure", TEXT(""));
}

static void block(const struct view_ctx *ctx, symbol_t item, bool *any)
{
	if (!*any)
		replace_begin(ctx->view, "SADD", "new:blocked", TEXT(""));
	*any = true;
	view_arg(ctx->view, symbols_text(ctx->symbols, item));
}

/* Sold out by the catalogue, excluded by people, or under an alert of high severity. */
static void blocked_view(const struct view_ctx *ctx)
{
	bool any = false;
	for (symbol_t i = 0; (i = model_catalogue_next(ctx->model, i));) /* whether somebody has touched it or not; a set takes repeats */
		if (!controls_allow(ctx->model, i, model_catalogue(ctx->model, i)))
			block(ctx, i, &any);
	for (symbol_t i = 0; (i = model_next(ctx->model, KEY_ITEM, i));) {
		const struct spike_model *alert = model_block(ctx->model, P_SPIKE, (struct key){ KEY_ITEM, i });
		if (alert && alert->severity == SEVERITY_HIGH)
			block(ctx, i, &any);
	}
	for (symbol_t i = 0; (i = model_control_next(ctx->model, KEY_ITEM, i));) /* the catalogue need not know it */
		if (model_control(ctx->model, (struct key){ KEY_ITEM, i })->exclude)
			block(ctx, i, &any);
	if (any)
		replace_end(ctx->view, "blocked", "new:blocked", TEXT(""));
	else
		delete_key(ctx->view, "blocked", TEXT(""));
}

/* Categories whose last item was sold out, excluded or forgotten. Kept as texts: their symbols may be swept meanwhile. */
static void delete_vanished(struct toplists *t, const struct view_ctx *ctx)
{
	struct reader before = reader_of(t->shown.data, t->shown.size);
	while (reader_left(&before)) {
		struct text id = reader_text(&before);
		if (toplists_category(t, symbols_find(ctx->symbols, id)))
			continue;
		delete_key(ctx->view, "popular:", id);
		delete_key(ctx->view, "trending:", id);
		delete_key(ctx->view, "recs:_default:", id);
	}
	buf_clear(&t->shown);
	for (uint32_t i = 0; i < t->n_categories; i++)
		buf_text(&t->shown, symbols_text(ctx->symbols, t->categories[i].category));
}

void toplists_view(struct toplists *t, const struct recommend_settings *s, const struct view_ctx *ctx)
{
	zset_view(ctx, &t->popular, "popular", "new:popular", TEXT(""));
	zset_view(ctx, &t->trending, "trending", "new:trending", TEXT(""));
	lists_default(s, ctx, &t->popular, &t->trending, 0);
	for (uint32_t i = 0; i < t->n_categories; i++) {
		const struct category_lists *c = &t->categories[i];
		struct text id = symbols_text(ctx->symbols, c->category);
		zset_view(ctx, &c->popular, "popular:", "new:popular:", id);
		zset_view(ctx, &c->trending, "trending:", "new:trending:", id);
		lists_default(s, ctx, &c->popular, &c->trending, c->category);
	}
	delete_vanished(t, ctx);
	blocked_view(ctx);
	exposure_view(ctx, s);
}
