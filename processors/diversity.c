#include "diversity.h"

#include "candidates.h"

static const float of_category = .4f, of_brand = .3f, of_colour = .15f, of_price = .15f;

static uint32_t cap(double share, uint32_t size)
{
	uint32_t n = (uint32_t)(share * size + 1e-9);
	return n ? n : 1;
}

struct diversity diversity_of(double lambda, double category_share, double brand_share, uint32_t size)
{
	return (struct diversity){ lambda, cap(category_share, size), cap(brand_share, size) };
}

float diversity_similarity(const struct catalogue_item *a, const struct catalogue_item *b)
{
	float s = 0;
	if (a->category && a->category == b->category)
		s += of_category;
	if (a->brand && a->brand == b->brand)
		s += of_brand;
	if (a->colour && a->colour == b->colour)
		s += of_colour;
	if (a->price_band && a->price_band == b->price_band)
		s += of_price;
	return s;
}

static bool capped(const struct diversity *d, const struct pick *p)
{
	return (p->known->category && p->of_category >= d->category_cap) || (p->known->brand && p->of_brand >= d->brand_cap);
}

/* p hears of the chosen ones that it has not met yet. */
static void meet(struct pick *p, const struct pick *chosen, uint32_t n)
{
	for (; p->met < n; p->met++) {
		const struct catalogue_item *other = chosen[p->met].known;
		float s = diversity_similarity(other, p->known);
		if (s > p->similar)
			p->similar = s;
		p->of_category = (uint16_t)(p->of_category + (other->category == p->known->category));
		p->of_brand = (uint16_t)(p->of_brand + (other->brand == p->known->brand));
	}
}

/* score' is never above score: those behind the first one whose score is below the best score' so far need not be looked at (Minoux 1978). */
uint32_t diversity_order(const struct diversity *d, const struct symbols *symbols, struct pick *picks, uint32_t n, uint32_t size)
{
	double loss = 1 - d->lambda;
	for (uint32_t i = 0; i < n; i++) {
		picks[i].similar = 0;
		picks[i].met = picks[i].of_category = picks[i].of_brand = 0;
	}
	for (uint32_t k = 0; k < size; k++) {
		uint32_t best = n;
		double most = 0;
		for (uint32_t i = k; i < n && picks[i].score >= most; i++) {
			meet(&picks[i], picks, k);
			double now = picks[i].score * (1 - loss * (double)picks[i].similar);
			if (now < most || capped(d, &picks[i]))
				continue;
			if (best < n && now == most && symbols_hash(symbols, picks[best].item) < symbols_hash(symbols, picks[i].item))
				continue;
			best = i;
			most = now;
		}
		if (best == n)
			return k;
		struct pick chosen = picks[best];
		chosen.score = most;
		memmove(&picks[k + 1], &picks[k], (best - k) * sizeof(picks[0]));
		picks[k] = chosen;
	}
	return size;
}

bool diversity_allows(const struct diversity *d, const struct pick *picks, uint32_t n, const struct catalogue_item *known)
{
	uint32_t category = 0, brand = 0;
	for (uint32_t i = 0; i < n; i++) {
		category += picks[i].known->category == known->category;
		brand += picks[i].known->brand == known->brand;
	}
	return !(known->category && category >= d->category_cap) && !(known->brand && brand >= d->brand_cap);
}
