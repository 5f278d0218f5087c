/* What itemsets shows: glint:together:ITEM, glint:viewed:ITEM, glint:rules, glint:rules:categories, and its lines of `glintctl dump`. See itemsets.h and, for
 * the measures and why things are ranked as they are, measures.h. Called through itemsets.c's struct processor. */
#include "itemsets.h"

#include "json.h"
#include "measures.h"
#include "view.h"

enum { SHOWN_MAX = 500,
	RULES_MAX = 1000 };

static const struct itemsets_model *model_of(const struct model *m, struct key key)
{
	return model_block(m, P_ITEMSETS, key);
}

static void member_double(struct buf *b, const char *name, double v)
{
	json_name(b, name);
	json_double(b, v);
}

static void member_i64(struct buf *b, const char *name, int64_t v)
{
	json_name(b, name);
	json_i64(b, v);
}

bool itemsets_enough(const struct view_ctx *ctx, struct key key, bool sessions_too)
{
	if (!ctx->least_baskets)
		return true;
	const struct itemsets_model *m = model_of(ctx->model, key);
	return m && (int64_t)m->n[BASKET_ORDER] + (sessions_too ? m->n[BASKET_SESSION] : 0) >= ctx->least_baskets;
}

/* ---- what goes with an item ---- */

struct neighbour {
	struct itemsets_other with;
	uint32_t n; /* its own baskets; 0: its model row has not come yet */
	double nearness;
};

struct neighbours {
	struct neighbour list[SHOWN_MAX]; /* nearest first */
	uint32_t n, most;
};

static bool farther(const struct symbols *symbols, const struct neighbour *x, const struct neighbour *y)
{
	if (x->nearness != y->nearness)
		return x->nearness < y->nearness;
	if (x->with.count != y->with.count)
		return x->with.count < y->with.count;
	return symbols_hash(symbols, x->with.item) > symbols_hash(symbols, y->with.item);
}

/* Takes an other that belongs to an item of n baskets, and is near enough. */
static void take(const struct itemsets_settings *s, const struct view_ctx *ctx, enum basket basket, uint32_t n, uint32_t baskets, struct itemsets_other with, struct neighbours *to)
{
	const struct itemsets_model *other = model_of(ctx->model, (struct key){ KEY_ITEM, with.item });
	struct neighbour x = { with, other ? other->n[basket] : 0, 0 };
	uint32_t n_other = x.n > with.count ? x.n : with.count;
	if (!measure_related(with.count, n, n_other, baskets, s->related_p))
		return;
	x.nearness = measure_nearness(with.count, n, n_other);
	if (to->n == to->most && !farther(ctx->symbols, &to->list[to->n - 1], &x))
		return;
	uint32_t at = to->n < to->most ? to->n++ : to->n - 1;
	for (; at && farther(ctx->symbols, &to->list[at - 1], &x); at--)
		to->list[at] = to->list[at - 1];
	to->list[at] = x;
}

/* The nearest among the most frequent others. Where independent ones leave places free, the others that came more than once are asked, too. */
static void nearest(const struct itemsets_settings *s, const struct view_ctx *ctx, enum basket basket, const struct itemsets_item *item, uint32_t baskets, struct neighbours *to)
{
	const struct pairs *p = &item->by[basket];
	struct itemsets_other top[SHOWN_MAX];
	uint32_t n_top = itemsets_top(item, basket, ctx->symbols, (uint32_t)s->neighbours, top);
	to->n = 0;
	to->most = (uint32_t)s->shown;
	for (uint32_t i = 0; i < n_top && top[i].count >= ctx->least_baskets; i++)
		take(s, ctx, basket, p->baskets, baskets, top[i], to);
	if (to->n == to->most || n_top < s->neighbours || top[n_top - 1].count < 2)
		return;
	const struct pair_map *m = pairs_total(p);
	for (uint32_t i = 0; i < 1u << m->bits; i++) {
		struct itemsets_other x = { m->slots[i].other, m->slots[i].count };
		bool known = x.count > top[n_top - 1].count;
		for (uint32_t j = n_top; !known && j && top[j - 1].count == x.count; j--)
			known = top[j - 1].item == x.item;
		if (x.item && !known && x.count >= 2 && x.count >= ctx->least_baskets)
			take(s, ctx, basket, p->baskets, baskets, x, to);
	}
}

static void item_list(const struct itemsets_settings *s, const struct view_ctx *ctx, enum basket basket, const struct itemsets_item *item)
{
	const struct pairs *p = &item->by[basket];
	const struct itemsets_model *all = model_of(ctx->model, (struct key){ KEY_ALL, 0 });
	uint32_t baskets = all ? all->n[basket] : 0;
	struct neighbours near;
	nearest(s, ctx, basket, item, baskets, &near);

	struct buf *b = ctx->scratch;
	buf_clear(b);
	json_view_open(b, ctx->as_of, ctx->commit);
	member_i64(b, "n", p->baskets);
	member_i64(b, "baskets", baskets);
	member_i64(b, "window_ms", s->window_ms);
	json_name(b, "items");
	json_open(b, '[');
	for (uint32_t i = 0; i < near.n; i++) {
		double count = near.list[i].with.count;
		json_open(b, '{');
		json_name(b, "item");
		json_text(b, symbols_text(ctx->symbols, near.list[i].with.item));
		member_i64(b, "count", near.list[i].with.count);
		member_double(b, "support", measure_support(count, baskets));
		member_double(b, "confidence", measure_confidence(count, p->baskets));
		member_double(b, "lift", measure_lift(count, p->baskets, near.list[i].n, baskets));
		json_close(b, '}');
	}
	json_close(b, ']');
	json_close(b, '}');
	view_set_json(ctx, basket == BASKET_ORDER ? "together:" : "viewed:", symbols_text(ctx->symbols, ctx->key.id),
		(struct text){ (const char *)b->data, (uint32_t)b->size });
}

static void item_lists(const struct itemsets_settings *s, const struct view_ctx *ctx, const struct itemsets_item *item)
{
	for (int i = 0; i < BASKETS; i++) {
		const struct pairs *p = &item->by[i];
		if (p->baskets && p->baskets >= ctx->least_baskets) {
			item_list(s, ctx, (enum basket)i, item);
		} else if (p->ever) { /* all of it left the window, or too much to show the rest */
			view_begin(ctx->view, "DEL");
			view_key(ctx->view, i == BASKET_ORDER ? "together:" : "viewed:", symbols_text(ctx->symbols, ctx->key.id));
			view_end(ctx->view);
		}
	}
	if (s->set_size > 2)
		itemsets_sets_view(s, ctx, item);
}

/* ---- the strongest rules of the window ---- */

struct rule {
	symbol_t a, b;
	uint32_t n_ab, n_a, n_b;
	enum basket basket;
	double strength; /* shrunk confidence of a -> b */
};

static bool weaker(const struct symbols *symbols, const struct rule *x, const struct rule *y)
{
	if (x->strength != y->strength)
		return x->strength < y->strength;
	if (x->n_ab != y->n_ab)
		return x->n_ab < y->n_ab;
	if (x->basket != y->basket)
		return x->basket > y->basket;
	int order = text_compare(symbols_text(symbols, x->a), symbols_text(symbols, y->a));
	return (order ? order : text_compare(symbols_text(symbols, x->b), symbols_text(symbols, y->b))) > 0;
}

struct rule_list {
	struct rule rules[RULES_MAX]; /* strongest first */
	uint32_t n, most;
};

static void keep(struct rule_list *list, const struct symbols *symbols, const struct rule *x)
{
	if (list->n == list->most && !weaker(symbols, &list->rules[list->n - 1], x))
		return;
	uint32_t at = list->n < list->most ? list->n++ : list->n - 1;
	for (; at && weaker(symbols, &list->rules[at - 1], x); at--)
		list->rules[at] = list->rules[at - 1];
	list->rules[at] = *x;
}

/* The rules that begin with item (or category) a. Its others come by falling count, so the first that is too weak ends the search: over a whole
 * catalogue nearly every item is done after one look. */
static void rules_of(const struct itemsets_settings *s, const struct view_ctx *ctx, enum key_kind kind, symbol_t item, const uint32_t all[BASKETS],
	struct rule_list *list)
{
	const struct itemsets_model *a = model_of(ctx->model, (struct key){ (uint8_t)kind, item });
	for (int i = 0; a && i < BASKETS; i++) {
		for (uint32_t j = 0; j < a->n_others[i]; j++) {
			struct rule x = { item, a->others[i][j].item, a->others[i][j].count, a->n[i], 0, (enum basket)i, 0 };
			x.strength = measure_shrunk_confidence(x.n_ab, x.n_a);
			if (x.n_ab < s->rule_min_count || x.n_ab < ctx->least_baskets || (list->n == list->most && x.strength < list->rules[list->n - 1].strength))
				break;
			const struct itemsets_model *b = model_of(ctx->model, (struct key){ (uint8_t)kind, x.b });
			x.n_b = b ? b->n[i] : 0;
			if (x.n_b < x.n_ab || !measure_related(x.n_ab, x.n_a, x.n_b, all[i], s->related_p))
				continue;
			/* one rule a pair: in the direction of the greater confidence */
			if (x.n_a > x.n_b ||
				(x.n_a == x.n_b && text_compare(symbols_text(ctx->symbols, x.a), symbols_text(ctx->symbols, x.b)) > 0))
				continue;
			keep(list, ctx->symbols, &x);
		}
	}
}

static void rules_view(const struct itemsets_settings *s, const struct view_ctx *ctx, enum key_kind kind, const char *name)
{
	const struct itemsets_model *model = model_of(ctx->model, (struct key){ KEY_ALL, 0 });
	const uint32_t all[BASKETS] = { model ? model->n[BASKET_ORDER] : 0, model ? model->n[BASKET_SESSION] : 0 };
	struct rule_list list;
	list.n = 0;
	list.most = (uint32_t)s->rules;
	for (symbol_t item = 0; (item = model_next(ctx->model, kind, item));)
		rules_of(s, ctx, kind, item, all, &list);

	struct buf *b = ctx->scratch;
	buf_clear(b);
	json_view_open(b, ctx->as_of, ctx->commit);
	member_i64(b, "window_ms", s->window_ms);
	json_name(b, "baskets");
	json_open(b, '{');
	for (int i = 0; i < BASKETS; i++)
		member_i64(b, basket_names[i], all[i]);
	json_close(b, '}');
	json_name(b, "rules");
	json_open(b, '[');
	for (uint32_t i = 0; i < list.n; i++) {
		const struct rule *x = &list.rules[i];
		json_open(b, '{');
		json_name(b, "a");
		json_text(b, symbols_text(ctx->symbols, x->a));
		json_name(b, "b");
		json_text(b, symbols_text(ctx->symbols, x->b));
		json_name(b, "basket");
		json_text(b, text_of(basket_names[x->basket]));
		member_i64(b, "count", x->n_ab);
		member_i64(b, "n_a", x->n_a);
		member_i64(b, "n_b", x->n_b);
		member_double(b, "support", measure_support(x->n_ab, all[x->basket]));
		member_double(b, "confidence", measure_confidence(x->n_ab, x->n_a));
		member_double(b, "confidence_back", measure_confidence(x->n_ab, x->n_b));
		member_double(b, "lift", measure_lift(x->n_ab, x->n_a, x->n_b, all[x->basket]));
		member_double(b, "leverage", measure_leverage(x->n_ab, x->n_a, x->n_b, all[x->basket]));
		member_double(b, "conviction", measure_conviction(x->n_ab, x->n_a, x->n_b, all[x->basket])); /* infinite: null */
		member_double(b, "p", measure_fisher(x->n_ab, x->n_a, x->n_b, all[x->basket]));
		json_close(b, '}');
	}
	json_close(b, ']');
	json_close(b, '}');
	view_begin(ctx->view, "SET");
	view_key(ctx->view, name, (struct text){ 0 });
	view_arg(ctx->view, (struct text){ (const char *)b->data, (uint32_t)b->size });
	view_end(ctx->view);
}

void itemsets_item_view(const void *settings, const struct view_ctx *ctx, const void *block)
{
	if (ctx->key.kind == KEY_ITEM)
		item_lists(settings, ctx, block);
	if (ctx->key.kind != KEY_ALL)
		return;
	rules_view(settings, ctx, KEY_ITEM, "rules");
	rules_view(settings, ctx, KEY_CATEGORY, "rules:categories");
}

/* ---- dump ---- */

static void dump_line(const struct dump_ctx *ctx, const char *kind, enum basket basket, const struct text *items, const char *name, int64_t n)
{
	struct buf line = { 0 }, key = { 0 };
	json_open(&line, '{');
	json_name(&line, "kind");
	json_text(&line, text_of(kind));
	json_name(&line, "basket");
	json_text(&line, text_of(basket_names[basket]));
	buf_bytes(&key, basket_names[basket], strlen(basket_names[basket]));
	for (int i = 0; items && i < 2; i++) {
		json_name(&line, i ? "b" : "a");
		json_text(&line, items[i]);
		buf_u8(&key, 0x1f); /* below every byte of an id */
		buf_bytes(&key, items[i].data, items[i].size);
	}
	member_i64(&line, name, n);
	json_close(&line, '}');
	ctx->line(ctx->to, (struct text){ (const char *)line.data, (uint32_t)line.size }, (struct text){ (const char *)key.data, (uint32_t)key.size });
	buf_done(&line);
	buf_done(&key);
}

void itemsets_item_dump(const void *settings, const struct dump_ctx *ctx, const void *block)
{
	static const char *const names[BASKETS] = { "n_order", "n_session" };
	const struct itemsets_item *item = block;
	if (item->sets)
		itemsets_sets_dump(settings, ctx, item);
	for (int i = 0; i < BASKETS; i++) {
		const struct pairs *p = &item->by[i];
		if (ctx->key.kind == KEY_ALL && p->ever)
			dump_line(ctx, "baskets", (enum basket)i, NULL, "n", p->baskets);
		if ((ctx->key.kind != KEY_ITEM && ctx->key.kind != KEY_CATEGORY) || !p->ever)
			continue;
		if (ctx->key.kind == KEY_ITEM) {
			json_member(ctx->fields, names[i]);
			json_i64(ctx->fields, p->baskets);
		}
		const struct pair_map *m = pairs_total(p);
		struct text items[2] = { symbols_text(ctx->symbols, ctx->key.id) };
		for (uint32_t j = 0; m->slots && j < 1u << m->bits; j++) {
			if (!m->slots[j].other)
				continue;
			items[1] = symbols_text(ctx->symbols, m->slots[j].other);
			if (text_compare(items[0], items[1]) < 0)
				dump_line(ctx, ctx->key.kind == KEY_ITEM ? "pair" : "category_pair", (enum basket)i, items, "count", m->slots[j].count);
		}
	}
}
