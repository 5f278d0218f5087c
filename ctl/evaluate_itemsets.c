/* evaluate: what was counted together in the window that ends with the files: itemsets {pairs, rules, seconds}.
 *
 * pairs: distinct pairs of items that an order or a session of the window holds (counted apart, added here). rules: a => b from these
 * pairs, in both directions, that hold in rule_min_count baskets or more and are more than chance (measure_related). seconds: spent in the processors on all
 * events, and here on the rules. */
#include "ctl/evaluate.h"
#include "processors/itemsets.h"
#include "processors/measures.h"

struct counted {
	uint64_t pairs, rules;
};

static const struct itemsets_item *counts_of(struct evaluate *e, enum key_kind kind, symbol_t id)
{
	return evaluate_item_block(e, (struct key){ (uint8_t)kind, id }, P_ITEMSETS);
}

/* Of one item: its pairs with items behind it, and the rules that begin with it. */
static void count_item(struct evaluate *e, symbol_t id, const uint32_t all[BASKETS], struct counted *to)
{
	const struct itemsets_settings *s = e->settings[P_ITEMSETS];
	const struct itemsets_item *item = counts_of(e, KEY_ITEM, id);
	for (int i = 0; item && i < BASKETS; i++) {
		const struct pair_map *m = pairs_total(&item->by[i]);
		for (uint32_t j = 0; m->slots && j < 1u << m->bits; j++) {
			const struct pair_slot *pair = &m->slots[j];
			to->pairs += pair->other > id;
			if (!pair->other || pair->count < s->rule_min_count)
				continue;
			const struct itemsets_item *other = counts_of(e, KEY_ITEM, pair->other);
			to->rules += other && measure_related(pair->count, item->by[i].baskets, other->by[i].baskets, all[i], s->related_p);
		}
	}
}

static json_t *itemsets_finish(struct evaluate *e, void *state)
{
	const struct itemsets_item *block = counts_of(e, KEY_ALL, 0);
	const uint32_t all[BASKETS] = { block ? block->by[BASKET_ORDER].baskets : 0, block ? block->by[BASKET_SESSION].baskets : 0 };
	struct counted counted = { 0 };
	int64_t start = evaluate_now_ns();
	(void)state;
	if (!all[BASKET_ORDER] && !all[BASKET_SESSION])
		return NULL;
	for (symbol_t id = 1; id < symbols_limit(e->engine->symbols); id++)
		count_item(e, id, all, &counted);
	double seconds = (double)(e->learn_ns + evaluate_now_ns() - start) / 1e9;
	return json_pack("{s:I, s:I, s:f}", "pairs", (json_int_t)counted.pairs, "rules", (json_int_t)counted.rules, "seconds", seconds);
}

static void itemsets_event(struct evaluate *e, void *state, const struct event *event)
{
	(void)e, (void)state, (void)event;
}

const struct evaluate_section evaluate_itemsets = {
	.name = "itemsets",
	.event = itemsets_event,
	.finish = itemsets_finish,
};
