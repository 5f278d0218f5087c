/* evaluate: the next item of a session. For each counted click (VIEW, CLICK, ADD_TO_CART with an item) after a session's first whose item is not
 * the one before: the first 20 items by what was learnt so far, the session's newest left out, others of it allowed; what the ranking leaves
 * free is filled with the most looked-at items. next_item {hr20, mrr20, n}: share of clicks whose item is among them, mean of 1 / rank (0: not
 * among them). Followers are learnt with the interval: each click is known before the next target of the same files is ranked. */
#include <stdlib.h>
#include <xxhash.h>

#include "ctl/evaluate.h"
#include "processors/itemsets.h"
#include "processors/next.h"

enum { POPULAR_EVERY = 1000 };

struct next_section {
	uint64_t n, hits, popular_at;
	double reciprocal;
	symbol_t popular[NEXT_LIST + 1];
	uint32_t n_popular;
};

static void find_popular(struct evaluate *e, struct next_section *s)
{
	uint32_t counts[NEXT_LIST + 1];
	s->n_popular = 0;
	for (symbol_t item = 0; (item = model_next(e->engine->model, KEY_ITEM, item));) {
		const struct itemsets_model *m = model_block(e->engine->model, P_ITEMSETS, (struct key){ KEY_ITEM, item });
		uint32_t n = m ? m->n[BASKET_SESSION] : 0, at = s->n_popular;
		if (!n || (at == NEXT_LIST + 1 && counts[at - 1] >= n))
			continue;
		at = at < NEXT_LIST + 1 ? s->n_popular++ : at - 1;
		for (; at && counts[at - 1] < n; at--) {
			counts[at] = counts[at - 1];
			s->popular[at] = s->popular[at - 1];
		}
		counts[at] = n;
		s->popular[at] = item;
	}
}

/* 1..NEXT_LIST; 0: not among them. */
static uint32_t rank_of(struct evaluate *e, struct next_section *s, const struct next_user *u, symbol_t item)
{
	const struct next_settings *settings = e->settings[P_NEXT];
	struct next_pick picks[NEXT_LIST];
	uint32_t n = next_rank(settings->scratch, e->engine->symbols, e->engine->model, u, next_leader(e->engine->model), picks, NEXT_LIST);
	for (uint32_t i = 0; i < n; i++)
		if (picks[i].item == item)
			return i + 1;
	if (s->n >= s->popular_at && n < NEXT_LIST) {
		find_popular(e, s);
		s->popular_at = s->n + POPULAR_EVERY;
	}
	uint32_t ranked = n;
	for (uint32_t i = 0; i < s->n_popular && n < NEXT_LIST; i++) {
		bool there = s->popular[i] == next_seen(u, 0);
		for (uint32_t j = 0; j < ranked && !there; j++)
			there = picks[j].item == s->popular[i];
		if (there)
			continue;
		n++;
		if (s->popular[i] == item)
			return n;
	}
	return 0;
}

static void next_event(struct evaluate *e, void *state, const struct event *event)
{
	struct next_section *s = state;
	const struct click *click = &event->click;
	if (event->kind != EVENT_CLICK || !click->item_id.size ||
		(click->action != ACTION_VIEW && click->action != ACTION_CLICK && click->action != ACTION_ADD_TO_CART))
		return;
	const struct next_user *u = evaluate_user_block(e, event->user_id, P_NEXT);
	uint64_t id = click->session_id.size ? XXH3_64bits(click->session_id.data, click->session_id.size) | 1 : 0;
	if (!u || !u->n || !next_goes_on(e->settings[P_NEXT], u, event->ts, id))
		return;
	symbol_t item = symbols_find(e->engine->symbols, click->item_id);
	if (item == next_seen(u, 0))
		return;
	uint32_t rank = item ? rank_of(e, s, u, item) : 0;
	s->n++;
	s->hits += rank > 0;
	s->reciprocal += rank ? 1.0 / rank : 0;
}

static json_t *next_finish(struct evaluate *e, void *state)
{
	const struct next_section *s = state;
	(void)e;
	if (!s->n)
		return NULL;
	return json_pack("{s:f, s:f, s:I}", "hr20", (double)s->hits / (double)s->n, "mrr20", s->reciprocal / (double)s->n, "n", (json_int_t)s->n);
}

const struct evaluate_section evaluate_next = {
	.name = "next_item",
	.state_size = sizeof(struct next_section),
	.event = next_event,
	.finish = next_finish,
};
