/* A list that is not all of one kind: maximal marginal relevance, and caps per category and brand.
 *
 * From the candidates, best first, the next place goes to the greatest
 *
 *   score'(b) = score(b) (1 - (1 - lambda) max over chosen a of sim(a, b))        lambda = `diversity`
 *
 * which is MMR (Carbonell & Goldstein, SIGIR 1998: lambda rel - (1 - lambda) max sim) with the penalty as a factor: scores of
 * lists differ by orders of magnitude, and a difference would leave it to the similarity alone behind the first places. score' only falls
 * while a list grows, so a list's scores go down. sim is 0..1, from the catalogue: .4 for the same category, .3 brand, .15 colour, .15 band of prices; what is
 * unknown is not the same.
 *
 * Caps: at most `category_share` and `brand_share` of a list, at least one, are of one category and of one brand; unknown ones are not capped. A list
 * that would stay short takes what a cap held back, behind everything else.
 */
#ifndef GLINT_DIVERSITY_H
#define GLINT_DIVERSITY_H

#include "processor.h"

enum { PICKS_MAX = 200 }; /* 2 x LIST_MAX */

enum why_kind { WHY_ORDER,
	WHY_SESSION,
	WHY_TRENDING,
	WHY_POPULAR,
	WHY_PINNED,
	WHY_NEW,
	WHY_CONTENT,
	WHY_KINDS };

struct pick {
	double score; /* as it is ranked, and shown */
	symbol_t item;
	uint16_t candidate; /* of WHY_ORDER and WHY_SESSION; of WHY_CONTENT the seed's number */
	uint8_t why;
	float similar;                      /* the greatest similarity to a chosen one */
	uint16_t met;                       /* chosen ones that the next two and `similar` know of */
	uint16_t of_category, of_brand;     /* of its category, its brand */
	double value;                       /* of WHY_TRENDING, WHY_POPULAR, WHY_PINNED (the place), WHY_CONTENT (the match) */
	const struct catalogue_item *known; /* borrowed from the model table */
};

struct diversity {
	double lambda;
	uint32_t category_cap, brand_cap; /* items of one list */
};

struct diversity diversity_of(double lambda, double category_share, double brand_share, uint32_t size);

/* 0..1 */
float diversity_similarity(const struct catalogue_item *a, const struct catalogue_item *b);

/* Puts the at most `size` next ones to the front of picks[0..n), which are given by falling score, in order, with score' as their score; returns how many: fewer
 * than size and n where caps held the rest back. What is behind stays in its order, its scores as they were. Costs size x n steps at most. */
uint32_t diversity_order(const struct diversity *d, const struct symbols *symbols, struct pick *picks, uint32_t n, uint32_t size);

/* May one more like `known` be added to the chosen picks[0..n)? */
bool diversity_allows(const struct diversity *d, const struct pick *picks, uint32_t n, const struct catalogue_item *known);

#endif
