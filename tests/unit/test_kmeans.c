/* Streaming k-means against the published update (the vectors of ALGORITHMS F: points of Flink's OnlineKMeansTest through Spark's
 * rule), and the start against the worked example of ALGORITHMS J4. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "processors/kmeans.h"

static const double one[KMEANS_DIMS] = { 1, 1, 1, 1, 1, 1 };

static void near(double got, double want, double within)
{
	if (!(fabs(got - want) <= within))
		fail_msg("%.10f is not %.10f", got, want);
}

static void batch(struct kmeans *m, double factor, const double (*points)[2], int n)
{
	double centres[KMEANS_K][KMEANS_DIMS] = { { 0 } };
	struct kmeans sums = { .k = m->k, .dims = m->dims };
	for (uint32_t c = 0; c < m->k; c++)
		kmeans_centre(m, c, centres[c]);
	for (int i = 0; i < n; i++) {
		double x[KMEANS_DIMS] = { points[i][0], points[i][1] }, square[KMEANS_DIMS] = { x[0] * x[0], x[1] * x[1] };
		kmeans_add(&sums, kmeans_nearest((const double(*)[KMEANS_DIMS])centres, m->k, x, one, m->dims, NULL), 1, x, square);
	}
	kmeans_decay(m, factor);
	for (uint32_t c = 0; c < m->k; c++)
		kmeans_add(m, c, sums.at[c].weight, sums.at[c].sum, sums.at[c].square);
}

static void centres_follow_the_published_update(void **state)
{
	(void)state;
	static const double first[6][2] = { { 10, 0 }, { 10, .3 }, { 10.3, 0 }, { -10, 0 }, { -10, .6 }, { -10.6, 0 } };
	static const double second[6][2] = { { 10, 100 }, { 10, 100.3 }, { 10.3, 100 }, { -10, -100 }, { -10, -100.6 }, { -10.6, -100 } };
	static const struct {
		double factor, after_first[5], after_second[5]; /* both centres, the weight of each */
	} want[] = {
		{ 0, { 10.1, .1, -10.2, .2, 3 }, { 10.1, 100.1, -10.2, -100.2, 3 } },
		{ .5, { 8.8, .085714286, -8.885714286, .171428571, 3.5 }, { 9.621052632, 63.252631579, -9.715789474, -63.221052632, 4.75 } },
		{ 1, { 7.825, .075, -7.9, .15, 4 }, { 8.8, 42.942857143, -8.885714286, -42.857142857, 7 } },
	};
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		struct kmeans m = { .k = 2, .dims = 2 };
		for (uint32_t c = 0; c < 2; c++)
			kmeans_add(&m, c, 1, (double[]){ c ? -1 : 1, 0 }, (double[]){ 1, 0 });
		for (int b = 0; b < 2; b++) {
			const double *w = b ? want[i].after_second : want[i].after_first;
			batch(&m, want[i].factor, b ? second : first, 6);
			for (uint32_t c = 0; c < 2; c++) {
				double centre[KMEANS_DIMS];
				kmeans_centre(&m, c, centre);
				near(centre[0], w[2 * c], 5e-10);
				near(centre[1], w[2 * c + 1], 5e-10);
				near(m.at[c].weight, w[4], 1e-12);
			}
		}
	}
}

static const double six[6][KMEANS_DIMS] = { { 1, 1 }, { 1, 2 }, { 2, 1 }, { 8, 8 }, { 8, 9 }, { 9, 8 } };

static void six_points_have_the_centres_and_wcss_of_the_worked_example(void **state)
{
	(void)state;
	double centres[KMEANS_K][KMEANS_DIMS];
	uint8_t assigned[6];
	near(kmeans_start(six, 6, 2, 2, one, centres, assigned), 2.666667, 5e-7);
	uint32_t low = assigned[0], high = assigned[3];
	assert_int_not_equal(low, high);
	for (int i = 0; i < 6; i++)
		assert_int_equal(assigned[i], i < 3 ? low : high);
	for (int d = 0; d < 2; d++) {
		near(centres[low][d], 4. / 3, 1e-12);
		near(centres[high][d], 25. / 3, 1e-12);
	}
	near(kmeans_start(six, 6, 2, 1, one, centres, assigned), 149.666667, 5e-7);
}

static void wcss_from_moments_equals_the_sum_of_squared_distances(void **state)
{
	(void)state;
	struct kmeans m = { .k = 2, .dims = 2 };
	for (int i = 0; i < 6; i++)
		kmeans_add(&m, i >= 3, 1, six[i], (double[]){ six[i][0] * six[i][0], six[i][1] * six[i][1] });
	near(kmeans_within(&m, 0, one) + kmeans_within(&m, 1, one), 8. / 3, 1e-12);
	const double halves[KMEANS_DIMS] = { 2, 2 };
	near(kmeans_within(&m, 0, halves), 1. / 3, 1e-12); /* in units of 2: a quarter of 4/3 */
	kmeans_decay(&m, .5);
	near(kmeans_within(&m, 0, one), 2. / 3, 1e-12);
}

static void a_dead_cluster_takes_half_of_the_greatest(void **state)
{
	(void)state;
	struct kmeans m = { .k = 3, .dims = 1 };
	for (int x = 0; x < 10; x++)
		kmeans_add(&m, 0, 1, (double[]){ x }, (double[]){ x * x });
	kmeans_add(&m, 1, 1, (double[]){ 100 }, (double[]){ 10000 });
	assert_int_equal(kmeans_revive(&m, one), 2);
	double a, b, far;
	kmeans_centre(&m, 0, &a);
	kmeans_centre(&m, 2, &b);
	kmeans_centre(&m, 1, &far);
	near(m.at[0].weight, 5, 1e-12);
	near(m.at[2].weight, 5, 1e-12);
	near((a + b) / 2, 4.5, 1e-12);
	near(a - b, 2e-3 * sqrt(8.25), 1e-12); /* the variance of 0..9 is 8.25 */
	near(far, 100, 0);
	assert_int_equal(kmeans_revive(&m, one), -1);
	struct kmeans none = { .k = 3, .dims = 1 };
	assert_int_equal(kmeans_revive(&none, one), -1);
}

static void fewer_points_than_centres_are_no_trouble(void **state)
{
	(void)state;
	double centres[KMEANS_K][KMEANS_DIMS];
	uint8_t assigned[6];
	near(kmeans_start(six, 2, 2, 5, one, centres, assigned), 0, 0);
	assert_int_not_equal(assigned[0], assigned[1]);
	static const double same[4][KMEANS_DIMS] = { { 3 }, { 3 }, { 3 }, { 3 } };
	near(kmeans_start(same, 4, 1, 3, one, centres, assigned), 0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(centres_follow_the_published_update),
		cmocka_unit_test(six_points_have_the_centres_and_wcss_of_the_worked_example),
		cmocka_unit_test(wcss_from_moments_equals_the_sum_of_squared_distances),
		cmocka_unit_test(a_dead_cluster_takes_half_of_the_greatest),
		cmocka_unit_test(fewer_points_than_centres_are_no_trouble),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
