/* Streaming k-means on moments, and its start; see kmeans.h. */
#include "kmeans.h"

#include <math.h>
#include <string.h>

enum { ITERATIONS = 50 };
static const double dead = 1e-8, jitter = 1e-3;

void kmeans_decay(struct kmeans *m, double factor)
{
	for (uint32_t c = 0; c < m->k; c++) {
		m->at[c].weight *= factor;
		for (uint32_t d = 0; d < m->dims; d++) {
			m->at[c].sum[d] *= factor;
			m->at[c].square[d] *= factor;
		}
	}
}

void kmeans_add(struct kmeans *m, uint32_t cluster, double n, const double *sum, const double *square)
{
	struct kmeans_cluster *c = &m->at[cluster];
	c->weight += n;
	for (uint32_t d = 0; d < m->dims; d++) {
		c->sum[d] += sum[d];
		c->square[d] += square[d];
	}
	if (!(c->weight > 0))
		*c = (struct kmeans_cluster){ 0 };
}

void kmeans_centre(const struct kmeans *m, uint32_t cluster, double *ret)
{
	const struct kmeans_cluster *c = &m->at[cluster];
	for (uint32_t d = 0; d < m->dims; d++)
		ret[d] = c->weight > 0 ? c->sum[d] / c->weight : 0;
}

double kmeans_within(const struct kmeans *m, uint32_t cluster, const double *scale)
{
	const struct kmeans_cluster *c = &m->at[cluster];
	double sum = 0;
	for (uint32_t d = 0; d < m->dims && c->weight > 0; d++) {
		double within = c->square[d] - c->sum[d] * c->sum[d] / c->weight;
		if (within > 0)
			sum += within / (scale[d] * scale[d]);
	}
	return sum;
}

double kmeans_distance(const double *a, const double *b, const double *scale, uint32_t dims)
{
	double sum = 0;
	for (uint32_t d = 0; d < dims; d++) {
		double x = (a[d] - b[d]) / scale[d];
		sum += x * x;
	}
	return sum;
}

uint32_t kmeans_nearest(const double (*centres)[KMEANS_DIMS], uint32_t k, const double *x, const double *scale, uint32_t dims, double *ret_distance)
{
	uint32_t best = 0;
	double least = INFINITY;
	for (uint32_t c = 0; c < k; c++) {
		double distance = kmeans_distance(centres[c], x, scale, dims);
		if (distance < least) {
			least = distance;
			best = c;
		}
	}
	if (ret_distance)
		*ret_distance = least;
	return best;
}

int kmeans_revive(struct kmeans *m, const double *scale)
{
	uint32_t greatest = 0, least = 0;
	for (uint32_t c = 1; c < m->k; c++) {
		greatest = m->at[c].weight > m->at[greatest].weight ? c : greatest;
		least = m->at[c].weight < m->at[least].weight ? c : least;
	}
	struct kmeans_cluster *g = &m->at[greatest], *l = &m->at[least];
	if (!(g->weight > 0) || l->weight >= dead * g->weight)
		return -1;
	double half = (g->weight + l->weight) / 2;
	struct kmeans_cluster two[2] = { { .weight = half }, { .weight = half } };
	for (uint32_t d = 0; d < m->dims; d++) {
		double centre = g->sum[d] / g->weight, variance = g->square[d] / g->weight - centre * centre;
		double step = jitter * (variance > 0 ? sqrt(variance) : scale[d]);
		for (int i = 0; i < 2; i++) {
			double moved = centre + (i ? -step : step);
			two[i].sum[d] = half * moved;
			two[i].square[d] = half * (moved * moved + (variance > 0 ? variance : 0));
		}
	}
	*g = two[0];
	*l = two[1];
	return (int)least;
}

/* ---- starting ---- */

static double chance(uint64_t *state) /* [0, 1); splitmix64 */
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}

/* The first centre at random, each further one with a chance in proportion to its squared distance from the nearest so far. */
static void plus_plus(const double (*points)[KMEANS_DIMS], uint32_t n, uint32_t dims, uint32_t k, const double *scale, uint64_t *random,
	double (*centres)[KMEANS_DIMS])
{
	memcpy(centres[0], points[(uint32_t)(chance(random) * n)], sizeof(centres[0]));
	for (uint32_t c = 1; c < k; c++) {
		double total = 0, distance;
		for (uint32_t i = 0; i < n; i++) {
			kmeans_nearest((const double(*)[KMEANS_DIMS])centres, c, points[i], scale, dims, &distance);
			total += distance;
		}
		double at = chance(random) * total;
		uint32_t chosen = 0;
		for (uint32_t i = 0; i < n; i++) {
			kmeans_nearest((const double(*)[KMEANS_DIMS])centres, c, points[i], scale, dims, &distance);
			if (!(distance > 0))
				continue;
			chosen = i; /* the last one with a distance, where rounding leaves some */
			if ((at -= distance) < 0)
				break;
		}
		memcpy(centres[c], points[chosen], sizeof(centres[0]));
	}
}

static double assign(const double (*points)[KMEANS_DIMS], uint32_t n, uint32_t dims, uint32_t k, const double *scale, const double (*centres)[KMEANS_DIMS],
	struct kmeans *ret)
{
	double wcss = 0, square[KMEANS_DIMS], distance;
	*ret = (struct kmeans){ .k = k, .dims = dims };
	for (uint32_t i = 0; i < n; i++) {
		uint32_t c = kmeans_nearest(centres, k, points[i], scale, dims, &distance);
		for (uint32_t d = 0; d < dims; d++)
			square[d] = points[i][d] * points[i][d];
		kmeans_add(ret, c, 1, points[i], square);
		wcss += distance;
	}
	return wcss;
}

double kmeans_start(const double (*points)[KMEANS_DIMS], uint32_t n, uint32_t dims, uint32_t k, const double *scale, double (*ret_centres)[KMEANS_DIMS],
	uint8_t *ret_assigned)
{
	double centres[KMEANS_K][KMEANS_DIMS] = { { 0 } }, best = INFINITY;
	uint64_t random = 1;
	for (int start = 0; start < KMEANS_STARTS && n; start++) {
		struct kmeans m;
		plus_plus(points, n, dims, k, scale, &random, centres);
		double wcss = assign(points, n, dims, k, scale, (const double(*)[KMEANS_DIMS])centres, &m);
		for (int i = 0; i < ITERATIONS; i++) {
			for (uint32_t c = 0; c < k; c++)
				if (m.at[c].weight > 0)
					kmeans_centre(&m, c, centres[c]);
			double next = assign(points, n, dims, k, scale, (const double(*)[KMEANS_DIMS])centres, &m);
			if (!(next < wcss))
				break;
			wcss = next;
		}
		if (wcss < best) {
			best = wcss;
			memcpy(ret_centres, centres, k * sizeof(*centres));
		}
	}
	for (uint32_t i = 0; i < n; i++)
		ret_assigned[i] = (uint8_t)kmeans_nearest((const double(*)[KMEANS_DIMS])ret_centres, k, points[i], scale, dims, NULL);
	return best;
}
