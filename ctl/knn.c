/* Nearest neighbours over ratings; see knn.h. */
#include "ctl/knn.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static uint32_t place_of(const struct knn_line *l, uint32_t id)
{
	uint32_t from = 0, to = l->n;
	while (from < to) {
		uint32_t middle = from + (to - from) / 2;
		if (l->at[middle].id < id)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

const struct knn_entry *knn_find(const struct knn_line *l, uint32_t id)
{
	uint32_t at = place_of(l, id);
	return at < l->n && l->at[at].id == id ? &l->at[at] : NULL;
}

void knn_put(struct knn_line *l, uint32_t id, float rating)
{
	uint32_t at = place_of(l, id);
	if (at < l->n && l->at[at].id == id) {
		l->sum -= l->at[at].rating;
		l->squares -= (double)l->at[at].rating * l->at[at].rating;
	} else {
		if (l->n == l->capacity) {
			l->capacity = l->capacity ? 2 * l->capacity : 8;
			l->at = realloc(l->at, l->capacity * sizeof(*l->at));
			if (!l->at)
				abort();
		}
		memmove(l->at + at + 1, l->at + at, (l->n++ - at) * sizeof(*l->at));
	}
	l->at[at] = (struct knn_entry){ id, rating };
	l->sum += rating;
	l->squares += (double)rating * rating;
}

void knn_done(struct knn_line *l)
{
	free(l->at);
	*l = (struct knn_line){ 0 };
}

double knn_similarity(enum knn_form form, const struct knn_line *a, const struct knn_line *b)
{
	double n = 0, x = 0, y = 0, xx = 0, yy = 0, xy = 0;
	for (uint32_t i = 0, j = 0; i < a->n && j < b->n;) {
		if (a->at[i].id == b->at[j].id) {
			double p = a->at[i++].rating, q = b->at[j++].rating;
			n++;
			x += p, y += q, xx += p * p, yy += q * q, xy += p * q;
		} else if (a->at[i].id < b->at[j].id) {
			i++;
		} else {
			j++;
		}
	}
	if (n == 0)
		return NAN;
	if (form == KNN_COMMON)
		return xy / sqrt(xx * yy);
	if (form == KNN_FULL)
		return xy / sqrt(a->squares * b->squares);
	double vx = xx - x * x / n, vy = yy - y * y / n;
	return n >= 2 && vx > 1e-9 && vy > 1e-9 ? (xy - x * y / n) / sqrt(vx * vy) : NAN;
}

void knn_offer(struct knn_near *near, double similarity, double rating)
{
	if (!(similarity > 0) || (near->n == near->most && !(similarity > near->at[near->n - 1].similarity)))
		return;
	uint32_t at = near->n < near->most ? near->n++ : near->n - 1;
	for (; at && near->at[at - 1].similarity < similarity; at--)
		near->at[at] = near->at[at - 1];
	near->at[at].similarity = similarity;
	near->at[at].rating = rating;
}

double knn_mean(const struct knn_near *near)
{
	double sum = 0, weight = 0;
	for (uint32_t i = 0; i < near->n; i++) {
		sum += near->at[i].similarity * near->at[i].rating;
		weight += near->at[i].similarity;
	}
	return weight > 0 ? sum / weight : NAN;
}
