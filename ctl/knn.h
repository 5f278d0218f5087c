/* Nearest neighbours over ratings, in the forms that textbooks have: what `evaluate --knn` compares, so that the choice of item-item is shown by figures.
 *
 * A line is the ratings of one shopper (of one item), sorted by item (by shopper). Of two lines a, b with common entries C:
 *
 *   KNN_COMMON    sum_C a b / sqrt(sum_C a^2 sum_C b^2)       cosine over what both rated: 1 for a single common item (the trap of J1)
 *   KNN_FULL      sum_C a b / sqrt(sum a^2 sum b^2)           missing = 0
 *   KNN_PEARSON   sum_C (a - A)(b - B) / sqrt(sum_C (a - A)^2 sum_C (b - B)^2), A, B the means over C; undefined (no neighbour) for fewer than two common
 *                 entries or without any deviation
 *
 * (Resnick et al., CSCW 1994; Sarwar et al., WWW 2001; worked examples: ALGORITHMS J1, test_knn.) Pure; called by evaluate_knn.c.
 */
#ifndef GLINT_CTL_KNN_H
#define GLINT_CTL_KNN_H

#include <stdbool.h>
#include <stdint.h>

enum knn_form { KNN_COMMON,
	KNN_FULL,
	KNN_PEARSON };

enum { KNN_MOST = 200 };

struct knn_line {
	struct knn_entry {
		uint32_t id;
		float rating;
	} * at;
	uint32_t n, capacity;
	double sum, squares; /* of the ratings */
};

/* Adds or replaces. Aborts when out of memory. */
void knn_put(struct knn_line *l, uint32_t id, float rating);
void knn_done(struct knn_line *l);
const struct knn_entry *knn_find(const struct knn_line *l, uint32_t id); /* NULL: none */

/* NAN: undefined. O(a + b). */
double knn_similarity(enum knn_form form, const struct knn_line *a, const struct knn_line *b);

/* Neighbours of one prediction: the `most` (<= KNN_MOST) of greatest similarity. */
struct knn_near {
	uint32_t n, most;
	struct {
		double similarity, rating;
	} at[KNN_MOST];
};

/* Similarities that are not above 0, or undefined, are no neighbours. */
void knn_offer(struct knn_near *near, double similarity, double rating);
/* sum s r / sum s; NAN: no neighbour. */
double knn_mean(const struct knn_near *near);

#endif
