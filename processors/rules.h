/* Association rules X => y of a list of baskets: antecedents of any size but none empty, one item as consequent. A batch over miner.h.
 *
 * Every frequent set S gives the rules S \ {y} => y for its items y; X = S \ {y} is frequent too and was visited before S (miner.h goes
 * from sets to the same with one item more), so its count is looked up in a table of the sets so far. The table knows a set by
 * the sum of 64-bit random numbers of its items, so that leaving one item out is one subtraction; two sets of a million would have to share a sum by a
 * chance of some 1e-8.
 *
 * A rule is redundant when a part of its antecedent, the empty one included, does as well: conf(X' => y) >= conf(X => y) for an X'
 * that is a proper subset of X (the improvement of R. Bayardo, R. Agrawal & D. Gunopulos, ICDE 1999, is not above 0). Measures: measures.h.
 */
#ifndef GLINT_RULES_H
#define GLINT_RULES_H

#include <stdbool.h>

#include "miner.h"

struct rule {
	const uint32_t *antecedent; /* n ids; borrowed for the call */
	uint32_t n, consequent;
	uint32_t n_xy, n_x, n_y; /* baskets with both, with all of the antecedent, with the consequent */
	bool redundant;          /* set only where rules_request asks for it */
};

typedef int rules_visit(void *to, const struct rule *rule); /* not 0 ends the run */

struct rules_request {
	uint32_t min_count; /* baskets that hold all of a set; 0 is taken as 1 */
	uint32_t max_size;  /* items of a set, consequent included; 0: any */
	double confidence;  /* at least, 0..1; what its last binary digit would push out is in */
	uint64_t max_sets;  /* -E2BIG beyond; 0: no bound. 32 to 64 bytes a set, half as much again while the table grows */
	bool redundancy;    /* look it up: 2^|X| look-ups a rule */
	rules_visit *visit; /* NULL: count only */
	void *to;
};

enum { RULES_SIZES = 64 };

struct rules_result {
	uint64_t sets[RULES_SIZES]; /* frequent sets by size; [0]: all */
	uint64_t rules, redundant;
};

/* 0; what the visitor returned; -ENOMEM; -E2BIG, when there are more sets than allowed, larger ones than RULES_SIZES - 1, or 2^32 items in the baskets. */
int rules_run(const struct miner_baskets *baskets, const struct rules_request *request, struct rules_result *ret);

#endif
