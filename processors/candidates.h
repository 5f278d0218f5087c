/* One shopper's candidates: what goes with the shopper's newest items, and how it is scored.
 *
 * Candidates are the others of the shopper's newest items (seeds) in the model rows of itemsets. With w_a the weight of seed a
 * (action x decay^age), c_ab the baskets with both, n_a and n_b those with one:
 *
 *   base(b)  = g / sum w  *  sum over kinds of basket W_kind blend_kind sum over seeds w_a c_ab / sqrt((n_a + 20) (n_b + 20))
 *   score(b) = base(b) * boost * exposure * (1 + .1 stars) * (1 + .1 mean r / (r + 5))
 *
 * The sum is over seeds that b is together with more often than chance explains: lift > 1, and Chernoff's bound of Fisher's p (measures.h) below
 * related_p. That is asked once for all lists until the model changes (itemsets_near).
 *
 * (item-kNN's cosine with a prior of 20 baskets, recency on the seeds: ALGORITHMS B3, C6), g = n / (n + 5) with n the shopper's actions:
 * thin evidence shows in the score. stars is the item's bias, within +-1; r are the reviews of the last week and mean their mood. Left out:
 * seeds, bought (unless it is time again: repeat.h), unavailable and excluded items.
 *
 * Used by lists.c, which makes a list of the best, and by explain.c, which shows the terms. No allocation after setup. Cost: seeds x
 * others steps, then one row per promising candidate.
 */
#ifndef GLINT_CANDIDATES_H
#define GLINT_CANDIDATES_H

#include "diversity.h"
#include "itemsets.h"
#include "recommend.h"
#include "toplists.h"

enum { SLOTS = 2048,
	TABLE = 4096,
	TABLE_BITS = 12 };

enum exclusion { INCLUDED,
	EXCLUDED_SEED,
	EXCLUDED_BOUGHT };

struct candidate {
	symbol_t item;
	uint8_t excluded;        /* enum exclusion */
	uint8_t seed[BASKETS];   /* of the greatest part */
	uint32_t count[BASKETS]; /* that seed's pair count */
	float most[BASKETS];     /* that part */
	float sum[BASKETS];      /* of W w c / sqrt((n_a + 20) (n_b + 20)) */
};

struct recommend_scratch {
	struct toplists toplists;
	uint32_t n;     /* candidates */
	uint16_t stamp; /* of the list that is made: places with another one are free */
	struct place {
		symbol_t item;
		uint16_t at; /* of candidates */
		uint16_t stamp;
	} table[TABLE];
	struct candidate candidates[SLOTS];
	struct pick picks[PICKS_MAX];
	symbol_t seeds[SEEDS_MAX];           /* newest first */
	double related_least;                /* -log of the option related_p; 0: nothing is asked */
	uint32_t n_seeds;
	symbol_t categories[TOP_CATEGORIES]; /* the shopper's strongest first, of the list that is made */
	size_t n_categories;
	double exposure_max;      /* the option */
	double gate, seed_weight; /* g and sum w of the list that is made */
	double blend[WHY_KINDS];  /* what kinds of reasons weigh in it (feedback.h); 1: nothing is learnt */
};

/* What a score is made of. */
struct score_terms {
	double part[BASKETS]; /* of the base score, g and sum w included */
	double stars, stars_factor;
	double mood, reviews, mood_factor;
	double exposure; /* below 1 for a brand that is shown too much (toplists.h) */
	double boost;    /* what people have decided (controls.h) */
	double score;    /* (part + part) x the factors */
};

int recommend_scratch_create(struct recommend_scratch **ret, const struct recommend_settings *s); /* 0 or -ENOMEM */
void recommend_scratch_destroy(struct recommend_scratch *x);                                      /* NULL allowed */
struct toplists *recommend_scratch_toplists(struct recommend_scratch *x);

/* w_a of the i-th newest item. */
double candidates_seed_weight(const struct recommend_settings *s, const struct recommend_user *u, uint32_t i);
/* x->blend for one shopper, from the model table. */
void candidates_blend(struct recommend_scratch *x, const struct recommend_settings *s, const struct view_ctx *ctx);
/* Fills x->candidates from the shopper's seeds. */
void candidates_gather(struct recommend_scratch *x, const struct recommend_settings *s, const struct view_ctx *ctx, const struct recommend_user *u);
/* The candidate of an item, or NULL: it goes with no seed. */
struct candidate *candidates_find(struct recommend_scratch *x, symbol_t item);
/* The terms of one candidate's score. */
void candidates_terms(const struct recommend_scratch *x, const struct view_ctx *ctx, const struct candidate *c, struct score_terms *ret);
/* The at most `most` best by base score into x->picks, scored whole, best first; how many. */
uint32_t candidates_choose(struct recommend_scratch *x, const struct view_ctx *ctx, uint32_t most);

/* a comes before b: by score, then by the id's hash. */
bool pick_before(const struct symbols *symbols, const struct pick *a, const struct pick *b);

#endif
