/* K-means for streams: clusters as decayed moments.
 *
 * Of each cluster c and dimension d are kept W = sum w, A = sum w x, Q = sum w x^2 over its points, all decayed by the same factor when time
 * passes. Then
 *
 *   centre = A / W      within = sum_d (Q_d - A_d^2 / W) / scale_d^2      WCSS = sum of within over the clusters
 *
 * which is Spark's StreamingKMeans exactly: w' = a w + m, lambda = m / w', c' = (1 - lambda) c + lambda mean is A' / W' with A' = a A + sum x
 * (its later form, which decays the stored weight too; ALGORITHMS F), and the WCSS around the present centres comes for free. Distances are in units of
 * `scale` by dimension, so that centres need not move when the scale does.
 *
 * Starts come from k-means++ (Arthur & Vassilvitskii, SODA 2007) and Lloyd's iteration on a sample, the best of some starts by a
 * generator with a fixed seed: the same sample gives the same centres. Pure; used by segments.c.
 *
 * Cautions: Q - A^2/W cancels when a cluster is far from 0 against its width; inputs here are logarithms below 30, so that 1e-12 of Q is
 * nothing. A negative difference is taken as 0.
 */
#ifndef GLINT_KMEANS_H
#define GLINT_KMEANS_H

#include <stdint.h>

enum { KMEANS_K = 16,
	KMEANS_DIMS = 6 };

struct kmeans_cluster {
	double weight, sum[KMEANS_DIMS], square[KMEANS_DIMS];
};

struct kmeans {
	uint32_t k, dims; /* 1..KMEANS_K, 1..KMEANS_DIMS */
	struct kmeans_cluster at[KMEANS_K];
};

void kmeans_decay(struct kmeans *m, double factor);
/* `n` points with these sums. What would leave no weight empties the cluster. */
void kmeans_add(struct kmeans *m, uint32_t cluster, double n, const double *sum, const double *square);
void kmeans_centre(const struct kmeans *m, uint32_t cluster, double *ret); /* dims; 0 of an empty one */
double kmeans_within(const struct kmeans *m, uint32_t cluster, const double *scale);

/* Squared distance in units of scale. */
double kmeans_distance(const double *a, const double *b, const double *scale, uint32_t dims);
/* The nearest of k centres (stride KMEANS_DIMS); ties go to the first. *ret_distance: squared; NULL allowed. */
uint32_t kmeans_nearest(const double (*centres)[KMEANS_DIMS], uint32_t k, const double *x, const double *scale, uint32_t dims, double *ret_distance);

/* A cluster with less than 1e-8 of the greatest one's weight is dead: the greatest is cut in two, half of the weight each, centres 1e-3 of
 * its deviation apart on either side. Returns its index, or -1 when none is dead. */
int kmeans_revive(struct kmeans *m, const double *scale);

/* Centres for n points (stride KMEANS_DIMS): k-means++ and Lloyd, best of KMEANS_STARTS by WCSS, which is returned. With fewer distinct points
 * than k the last centres coincide. assigned: n, gets each point's cluster. O(starts x iterations x n k dims). */
enum { KMEANS_STARTS = 8 };
double kmeans_start(const double (*points)[KMEANS_DIMS], uint32_t n, uint32_t dims, uint32_t k, const double *scale, double (*ret_centres)[KMEANS_DIMS],
	uint8_t *ret_assigned);

#endif
