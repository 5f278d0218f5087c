/* glint:sets:ITEM, what is bought together with an item and others, and the lines `set` of `glintctl dump`. See sets.h; called by itemsets_view.c. */
#include <stdlib.h>

#include "itemsets.h"
#include "json.h"
#include "measures.h"
#include "view.h"

static const struct itemsets_model *model_of(const struct model *m, enum key_kind kind, symbol_t id)
{
	return model_block(m, P_ITEMSETS, (struct key){ (uint8_t)kind, id });
}

/* How many orders hold both, at most: exactly, where one of the two counts the other among its most frequent. */
static uint32_t both_at_most(const struct itemsets_settings *s, const struct itemsets_model *a, symbol_t a_item, const struct itemsets_model *b, symbol_t b_item)
{
	const struct itemsets_model *of[2] = { a, b };
	symbol_t wanted[2] = { b_item, a_item };
	uint32_t most = UINT32_MAX;
	for (int i = 0; i < 2; i++) {
		if (!of[i])
			continue;
		uint32_t n = of[i]->n_others[BASKET_ORDER], last = 0;
		for (uint32_t j = 0; j < n; j++) {
			last = of[i]->others[BASKET_ORDER][j].count;
			if (of[i]->others[BASKET_ORDER][j].item == wanted[i])
				return last;
		}
		if (n < s->neighbours)
			last = 0; /* it knows all of its others */
		most = last < most ? last : most;
	}
	return most;
}

/* Could one of the rule's other items say as much of what follows? That the item itself or some of them with it do sets.h knows. */
static bool one_suffices(const struct itemsets_settings *s, const struct view_ctx *ctx, const struct sets_rule *x, const struct itemsets_model *follows)
{
	for (uint32_t i = 0; i < x->n_with; i++) {
		const struct itemsets_model *m = model_of(ctx->model, KEY_ITEM, x->with[i]);
		if (m && (double)both_at_most(s, m, x->with[i], follows, x->item) * x->n_left >= (double)x->count * m->n[BASKET_ORDER])
			return true;
	}
	return false;
}

static int by_text(const void *a, const void *b)
{
	return text_compare(*(const struct text *)a, *(const struct text *)b);
}

static void write_rule(struct buf *b, const struct symbols *symbols, const struct sets_rule *x, double n_item, double n)
{
	struct text with[SETS_WITH_MAX];
	for (uint32_t i = 0; i < x->n_with; i++)
		with[i] = symbols_text(symbols, x->with[i]);
	qsort(with, x->n_with, sizeof(with[0]), by_text);
	json_open(b, '{');
	json_name(b, "with");
	json_open(b, '[');
	for (uint32_t i = 0; i < x->n_with; i++)
		json_text(b, with[i]);
	json_close(b, ']');
	json_name(b, "item");
	json_text(b, symbols_text(symbols, x->item));
	json_name(b, "count");
	json_i64(b, x->count);
	json_name(b, "n_with");
	json_i64(b, x->n_left);
	json_name(b, "confidence");
	json_double(b, measure_confidence(x->count, x->n_left));
	json_name(b, "lift");
	json_double(b, measure_lift(x->count, x->n_left, n_item, n));
	json_close(b, '}');
}

void itemsets_sets_view(const struct itemsets_settings *s, const struct view_ctx *ctx, const struct itemsets_item *item)
{
	struct buf *b = ctx->scratch;
	const struct itemsets_model *all = model_of(ctx->model, KEY_ALL, 0);
	double n = all ? all->n[BASKET_ORDER] : 0;
	uint32_t shown = 0;
	if (!item->sets)
		return;
	const struct sets_found *found = sets_rules(item->sets, ctx->symbols, item->by[BASKET_ORDER].now, (uint32_t)s->rule_min_count, (uint32_t)s->set_size);
	buf_clear(b);
	json_view_open(b, ctx->as_of, ctx->commit);
	json_name(b, "n");
	json_i64(b, item->by[BASKET_ORDER].baskets);
	json_name(b, "kept");
	json_i64(b, found->baskets);
	json_name(b, "baskets");
	json_i64(b, (int64_t)n);
	json_name(b, "window_ms");
	json_i64(b, s->window_ms);
	json_name(b, "rules");
	json_open(b, '[');
	for (uint32_t i = 0; i < found->n && shown < s->shown; i++) {
		const struct sets_rule *x = &found->rules[i];
		const struct itemsets_model *of = model_of(ctx->model, KEY_ITEM, x->item);
		double n_item = of && of->n[BASKET_ORDER] > x->count ? of->n[BASKET_ORDER] : x->count;
		if (x->count < ctx->least_baskets || !measure_related(x->count, x->n_left, n_item, n, s->related_p) || one_suffices(s, ctx, x, of))
			continue;
		write_rule(b, ctx->symbols, x, n_item, n);
		shown++;
	}
	json_close(b, ']');
	json_close(b, '}');
	if (shown) {
		view_set_json(ctx, "sets:", symbols_text(ctx->symbols, ctx->key.id), (struct text){ (const char *)b->data, (uint32_t)b->size });
		return;
	}
	view_begin(ctx->view, "DEL");
	view_key(ctx->view, "sets:", symbols_text(ctx->symbols, ctx->key.id));
	view_end(ctx->view);
}

/* ---- dump: every set once, by its first item ---- */

struct dumping {
	const struct dump_ctx *ctx;
	struct text own;
};

static void dump_set(void *to, const symbol_t *others, uint32_t n, uint32_t count)
{
	const struct dumping *d = to;
	struct text items[SETS_SIZE_MAX] = { d->own };
	for (uint32_t i = 0; i < n; i++)
		items[i + 1] = symbols_text(d->ctx->symbols, others[i]);
	qsort(items, n + 1, sizeof(items[0]), by_text);
	if (text_compare(items[0], d->own) != 0)
		return;
	struct buf line = { 0 }, key = { 0 };
	json_open(&line, '{');
	json_name(&line, "kind");
	json_text(&line, TEXT("set"));
	json_name(&line, "items");
	json_open(&line, '[');
	for (uint32_t i = 0; i <= n; i++) {
		json_text(&line, items[i]);
		buf_u8(&key, 0x1f); /* below every byte of an id */
		buf_bytes(&key, items[i].data, items[i].size);
	}
	json_close(&line, ']');
	json_name(&line, "count");
	json_i64(&line, count);
	json_close(&line, '}');
	d->ctx->line(d->ctx->to, (struct text){ (const char *)line.data, (uint32_t)line.size }, (struct text){ (const char *)key.data, (uint32_t)key.size });
	buf_done(&line);
	buf_done(&key);
}

void itemsets_sets_dump(const struct itemsets_settings *s, const struct dump_ctx *ctx, const struct itemsets_item *item)
{
	struct dumping d = { ctx, symbols_text(ctx->symbols, ctx->key.id) };
	if (s->set_size > 2)
		sets_each(item->sets, item->by[BASKET_ORDER].now, (uint32_t)s->rule_min_count, (uint32_t)s->set_size, dump_set, &d);
}
