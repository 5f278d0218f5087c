/* evaluate: which item a shopper turns to that the shopper has not met before. For each rating by a shopper who has rated before, of an item that
 * anyone has rated before and this shopper has not: all rated items that the shopper has not met are ranked by the counts of
 * `similar` (all of them, not the nearest alone), seeds the last 10 ratings, newest first; behind those of which these counts say nothing, by the
 * number of shoppers who rated them, as popular items fill a list. Ties go to the id that comes first as bytes. unseen_item {hr10, n}:
 * share within the first 10 of n. Then it is learnt. Protocol: ALGORITHMS B3. For this `[similar] ratings` is on, whatever the configuration
 * says; the pace is measured as configured. */
#include <stdlib.h>

#include "ctl/evaluate.h"
#include "processors/similar.h"

enum { FIRST = 10 };

struct met { /* the items that one shopper rated */
	uint32_t *bits;
	uint32_t words;
};

struct unseen_section {
	struct similar_settings settings; /* with ratings on */
	uint64_t n, hits;
	float *scores, *norm; /* by symbol: score of the event's ranking, 0 between; 1 / sqrt(n + shrink), 0 while unrated */
	symbol_t *touched;
	uint32_t *count, *place;           /* by symbol: shoppers who rated it; where it stands in `popular` */
	symbol_t *popular;                 /* all that were rated, by count */
	uint32_t *above, above_limit;      /* by count: how many items have a greater one, which is where those of this one begin */
	uint32_t rated;                    /* items */
	struct met *met; /* by the shopper's number */
	symbol_t last;   /* item of the event before: its norm is to be made anew */
	uint32_t items_limit, met_limit;
	struct symbols *shoppers;
};

static void *grown(void *old, size_t size, uint32_t before, uint32_t now)
{
	char *p = realloc(old, size * now);
	if (!p)
		abort();
	memset(p + size * before, 0, size * (now - before));
	return p;
}

static void make_room(struct unseen_section *s, symbol_t item)
{
	if (item < s->items_limit)
		return;
	uint32_t limit = s->items_limit ? s->items_limit : 1024;
	while (limit <= item)
		limit *= 2;
	s->scores = grown(s->scores, sizeof(*s->scores), s->items_limit, limit);
	s->norm = grown(s->norm, sizeof(*s->norm), s->items_limit, limit);
	s->touched = grown(s->touched, sizeof(*s->touched), s->items_limit, limit);
	s->count = grown(s->count, sizeof(*s->count), s->items_limit, limit);
	s->place = grown(s->place, sizeof(*s->place), s->items_limit, limit);
	s->popular = grown(s->popular, sizeof(*s->popular), s->items_limit, limit);
	s->items_limit = limit;
}

static struct met *met_of(struct unseen_section *s, struct text user)
{
	symbol_t id = symbols_intern(s->shoppers, user);
	if (id >= s->met_limit) {
		uint32_t limit = s->met_limit ? s->met_limit * 2 : 1024;
		while (limit <= id)
			limit *= 2;
		s->met = grown(s->met, sizeof(*s->met), s->met_limit, limit);
		s->met_limit = limit;
	}
	return &s->met[id];
}

static bool has_met(const struct met *m, symbol_t item)
{
	return item / 32 < m->words && m->bits[item / 32] >> item % 32 & 1;
}

static void meet(struct met *m, symbol_t item)
{
	if (item / 32 >= m->words) {
		uint32_t words = item / 32 + 1;
		words += words / 2;
		m->bits = grown(m->bits, sizeof(*m->bits), m->words, words);
		m->words = words;
	}
	m->bits[item / 32] |= 1u << item % 32;
}

/* One more shopper has rated the item: it changes places with the first of those that have as many. */
static void count_one(struct unseen_section *s, symbol_t item)
{
	uint32_t n = s->count[item];
	if (n >= s->above_limit) {
		uint32_t limit = s->above_limit ? 2 * s->above_limit : 1024;
		s->above = grown(s->above, sizeof(*s->above), s->above_limit, limit);
		s->above_limit = limit;
	}
	if (!n) {
		s->place[item] = s->rated;
		s->popular[s->rated++] = item;
	}
	uint32_t first = s->above[n]++, mine = s->place[item];
	symbol_t other = s->popular[first];
	s->popular[mine] = other;
	s->place[other] = mine;
	s->popular[first] = item;
	s->place[item] = first;
	s->count[item] = n + 1;
}

static void renew(struct evaluate *e, struct unseen_section *s)
{
	if (!s->last)
		return;
	const struct similar_settings *settings = e->settings[P_SIMILAR];
	const struct similar_item *x = evaluate_item_block(e, (struct key){ KEY_ITEM, s->last }, P_SIMILAR);
	make_room(s, s->last);
	s->norm[s->last] = x && x->pairs.baskets ? (float)(1 / sqrt(x->pairs.baskets + settings->shrink)) : 0;
	s->last = 0;
}

struct part { /* counts of one seed: they go into a score as weight x count (x norm) */
	const struct pair_map *map;
	float weight;
	bool norm;
};

static uint32_t parts_of(struct evaluate *e, const struct unseen_section *s, const struct similar_user *u, struct part *parts)
{
	uint32_t n = 0;
	double w = 1;
	for (uint32_t a = 0; a < SIMILAR_SEEDS && a < u->n; a++, w *= SIMILAR_DECAY) {
		symbol_t seed = u->seen[u->n - 1 - a].item;
		const struct similar_item *x = evaluate_item_block(e, (struct key){ KEY_ITEM, seed }, P_SIMILAR);
		if (!x)
			continue;
		double follow = w * SIMILAR_FOLLOW / (x->follows.baskets + SIMILAR_FOLLOW_PRIOR * FOLLOW_UNIT);
		parts[n++] = (struct part){ pairs_total(&x->pairs), (float)w * s->norm[seed], true };
		parts[n++] = (struct part){ pairs_total(&x->follows), (float)follow, false };
	}
	return n;
}

static float term(const struct unseen_section *s, const struct part *p, symbol_t other, uint32_t count)
{
	return p->weight * (float)count * (p->norm ? s->norm[other] : 1);
}

/* Scores only grow: as soon as FIRST of the others are past the item's own score, which is told beforehand, it is no hit. An item without a
 * score stands behind all that have one. */
static bool hit(struct evaluate *e, struct unseen_section *s, const struct similar_user *u, const struct met *met, symbol_t item)
{
	struct part parts[2 * SIMILAR_SEEDS];
	uint32_t n_parts = parts_of(e, s, u, parts), n = 0, before = 0;
	float own = 0;
	for (uint32_t k = 0; k < n_parts; k++)
		own += term(s, &parts[k], item, pair_map_count(parts[k].map, item));
	for (uint32_t k = 0; k < n_parts && before < FIRST; k++) {
		const struct pair_map *map = parts[k].map;
		for (uint32_t i = 0; map->slots && i < 1u << map->bits; i++) {
			symbol_t other = map->slots[i].other;
			if (!other || other >= s->items_limit)
				continue;
			float score = s->scores[other], more = score + term(s, &parts[k], other, map->slots[i].count);
			if (!(more > score)) /* too little to count in a float, or of an item whose ratings were all deleted */
				continue;
			if (score == 0)
				s->touched[n++] = other;
			s->scores[other] = more;
			if (more > own && score <= own && other != item && !has_met(met, other) && ++before == FIRST)
				break;
		}
	}
	struct text id = symbols_text(e->engine->symbols, item);
	for (uint32_t i = 0; own == 0 && before < FIRST && i < s->rated && s->count[s->popular[i]] >= s->count[item]; i++) {
		symbol_t j = s->popular[i];
		if (s->scores[j] == 0 && j != item && !has_met(met, j) &&
			(s->count[j] > s->count[item] || text_compare(symbols_text(e->engine->symbols, j), id) < 0))
			before++;
	}
	for (uint32_t i = 0; i < n; i++) {
		symbol_t j = s->touched[i];
		if (before < FIRST && own > 0 && s->scores[j] == own && j != item && !has_met(met, j) && text_compare(symbols_text(e->engine->symbols, j), id) < 0)
			before++;
		s->scores[j] = 0;
	}
	return before < FIRST;
}

static int unseen_start(struct evaluate *e, void *state)
{
	struct unseen_section *s = state;
	s->settings = *(const struct similar_settings *)e->settings[P_SIMILAR];
	s->settings.ratings = true;
	e->settings[P_SIMILAR] = &s->settings;
	s->shoppers = symbols_create();
	return 0;
}

static void unseen_event(struct evaluate *e, void *state, const struct event *event)
{
	struct unseen_section *s = state;
	if (event->kind != EVENT_REVIEW || !event->review.rating_milli || !event->review.item_id.size)
		return;
	renew(e, s);
	symbol_t item = symbols_intern(e->engine->symbols, event->review.item_id);
	make_room(s, item);
	struct met *met = met_of(s, event->user_id);
	const struct similar_user *u = evaluate_user_block(e, event->user_id, P_SIMILAR);
	if (u && u->n && met->words && s->norm[item] > 0 && !has_met(met, item)) {
		s->n++;
		s->hits += hit(e, s, u, met, item);
	}
	if (!has_met(met, item))
		count_one(s, item);
	meet(met, item);
	s->last = item;
}

static json_t *unseen_finish(struct evaluate *e, void *state)
{
	const struct unseen_section *s = state;
	(void)e;
	return s->n ? json_pack("{s:f, s:I}", "hr10", (double)s->hits / (double)s->n, "n", (json_int_t)s->n) : NULL;
}

static void unseen_done(struct evaluate *e, void *state)
{
	struct unseen_section *s = state;
	(void)e;
	for (uint32_t i = 0; i < s->met_limit; i++)
		free(s->met[i].bits);
	free(s->met);
	free(s->scores);
	free(s->norm);
	free(s->touched);
	free(s->count);
	free(s->place);
	free(s->popular);
	free(s->above);
	symbols_destroy(s->shoppers);
}

const struct evaluate_section evaluate_unseen = {
	.name = "unseen_item",
	.state_size = sizeof(struct unseen_section),
	.start = unseen_start,
	.event = unseen_event,
	.finish = unseen_finish,
	.done = unseen_done,
};
