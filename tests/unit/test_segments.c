/* Segments: features by hand, sizes that are exact, clusters against k-means worked out here from the same points, names, hysteresis,
 * splits and rows. The mathematics of the clusters itself is test_kmeans. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "processors/segments.h"
#include "shop.h"

static const int64_t hour = 3600000, day = 86400000;
static const int64_t begin = INT64_C(472224) * 3600000; /* midnight, 2023-11-15 */

static void near(double got, double want, double within)
{
	if (!(fabs(got - want) <= within))
		fail_msg("%.9f is not %.9f", got, want);
}

static int number;

static void click(struct shop *s, int64_t ts, const char *user, enum click_action action)
{
	char id[24];
	snprintf(id, sizeof(id), "c%d", number++);
	struct event e = shop_click(id, ts, user, action, "ring", NULL, NULL);
	assert_int_equal(shop_event(s, &e), APPLIED);
}

static void order(struct shop *s, int64_t ts, const char *user, int64_t minor, int64_t discount, enum purchase_kind kind)
{
	char id[24];
	snprintf(id, sizeof(id), "o%d", number++);
	struct order_line line = { TEXT("ring"), 1, minor };
	struct event e = shop_order(id, ts, user, id, &line, 1);
	e.purchase.discount_minor = discount;
	e.purchase.kind = kind;
	assert_int_equal(shop_event(s, &e), APPLIED);
}

static const struct segments_user *user_of(struct shop *s, const char *user)
{
	const struct segments_user *u = shop_user_block(s, user, P_SEGMENTS);
	assert_non_null(u);
	return u;
}

static const struct segments_item *clusters_of(struct shop *s)
{
	const struct segments_item *b = shop_item_block(s, KEY_ALL, NULL, P_SEGMENTS);
	assert_non_null(b);
	return b;
}

/* ---- features ---- */

static void a_point_is_what_the_formulas_say(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, (const char *const[]){ "segments.shopper_half_life=10d", "segments.pane=1h", NULL });
	click(s, begin, "a", ACTION_VIEW);
	const struct segments_user *u = user_of(s, "a");
	assert_int_equal(u->point[DIM_RECENCY], lrint(1024 * log(366))); /* never bought */
	assert_int_equal(u->point[DIM_FREQUENCY], 0);
	assert_int_equal(u->point[DIM_BROWSING], lrint(1024 * log(2)));
	click(s, begin + 1, "a", ACTION_ADD_TO_CART);
	click(s, begin + 2, "a", ACTION_IMPRESSION); /* does not count */
	order(s, begin + 3, "a", 10000, 2500, PURCHASE_ORDER);
	assert_int_equal(u->point[DIM_RECENCY], 0);
	assert_int_equal(u->point[DIM_FREQUENCY], lrint(1024 * log(2)));
	assert_int_equal(u->point[DIM_MONETARY], lrint(1024 * log(76)));
	assert_int_equal(u->point[DIM_BROWSING], lrint(1024 * log(3)));
	assert_int_equal(u->point[DIM_CARTS], lrint(1024 * 1. / 7));
	assert_int_equal(u->point[DIM_DISCOUNT], lrint(1024 * .25));
	order(s, begin + 10 * day, "a", 5000, 0, PURCHASE_REFUND); /* half-life: what was counts half; 37.50 less 50 is nothing */
	assert_int_equal(u->point[DIM_RECENCY], lrint(1024 * log1p((10. * (double)day - 3) / (double)day)));
	assert_int_equal(u->point[DIM_FREQUENCY], lrint(1024 * log(1.5)));
	assert_int_equal(u->point[DIM_MONETARY], 0);
	assert_int_equal(u->point[DIM_CARTS], lrint(1024 * .5 / 6));
	assert_int_equal(u->point[DIM_DISCOUNT], lrint(1024 * .25));
	shop_destroy(s);
}

static void only_the_configured_currency_is_spend(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, (const char *const[]){ "segments.currency=USD", NULL });
	order(s, begin, "a", 10000, 0, PURCHASE_ORDER); /* EUR */
	assert_int_equal(user_of(s, "a")->point[DIM_MONETARY], 0);
	assert_int_equal(user_of(s, "a")->point[DIM_FREQUENCY], lrint(1024 * log(2)));
	shop_destroy(s);
}

/* ---- clusters ---- */

enum { SHOPPERS = 60 };

/* Two crowds: lookers, and buyers who buy often and much. Every one's events lie within an hour. */
static void crowd(struct shop *s, int64_t ts, int from, int to)
{
	char user[16];
	for (int i = from; i < to; i++) {
		snprintf(user, sizeof(user), "u%d", i);
		if (i % 3) {
			for (int k = 0; k < 1 + i % 2; k++)
				click(s, ts + i * 1000 + k, user, ACTION_VIEW);
		} else {
			for (int k = 0; k < 3 + i % 4; k++)
				order(s, ts + i * 1000 + k, user, 20000 + 100 * i, 0, PURCHASE_ORDER);
		}
	}
}

static int sizes(struct shop *s, int64_t *of)
{
	int n = 0;
	char user[16];
	memset(of, 0, KMEANS_K * sizeof(*of));
	for (int i = 0; i < SHOPPERS; i++) {
		snprintf(user, sizeof(user), "u%d", i);
		const struct segments_user *u = shop_user_block(s, user, P_SEGMENTS);
		if (!u || !u->segment)
			continue;
		of[u->segment - 1]++;
		n++;
	}
	return n;
}

static const char *const two[] = { "segments.segments=2", "segments.start=41", "segments.pane=1h", "segments.half_life=12h", NULL };

static void lookers_and_buyers_are_told_apart_named_and_counted(void **state)
{
	(void)state;
	for (uint32_t partitions = 1; partitions <= 4; partitions += 3) {
		struct shop *s = shop_create(partitions, two);
		int64_t of[KMEANS_K];
		char user[16];
		crowd(s, begin, 0, 40);
		shop_flush(s);
		assert_int_equal(clusters_of(s)->generation, 0);
		assert_int_equal(clusters_of(s)->n_samples, 40);
		crowd(s, begin, 40, 41);
		shop_flush(s);
		assert_int_equal(clusters_of(s)->generation, 1);
		assert_null(clusters_of(s)->samples);
		crowd(s, begin + hour, 0, SHOPPERS);
		shop_flush(s);
		assert_int_equal(sizes(s, of), SHOPPERS);
		uint8_t buyers = user_of(s, "u0")->segment, lookers = user_of(s, "u1")->segment;
		assert_int_not_equal(buyers, lookers);
		for (int i = 0; i < SHOPPERS; i++) {
			snprintf(user, sizeof(user), "u%d", i);
			assert_int_equal(user_of(s, user)->segment, i % 3 ? lookers : buyers);
		}
		const struct segments_item *b = clusters_of(s);
		assert_int_equal(b->size[buyers - 1], 20);
		assert_int_equal(b->size[lookers - 1], 40);
		assert_int_equal(b->names[buyers - 1].label, LABEL_CHAMPIONS);
		assert_true(b->names[lookers - 1].label == LABEL_VISITORS || b->names[lookers - 1].label == LABEL_BROWSERS);

		/* a looker who buys moves over, and is counted there alone */
		for (int k = 0; k < 4; k++)
			order(s, begin + 2 * hour + k, "u1", 20000, 0, PURCHASE_ORDER);
		shop_flush(s);
		assert_int_equal(user_of(s, "u1")->segment, buyers);
		assert_int_equal(b->size[buyers - 1], 21);
		assert_int_equal(b->size[lookers - 1], 39);

		shop_user_view(s, "u1");
		assert_non_null(strstr(shop_commands(s), " segment champions segment_id "));
		assert_non_null(strstr(shop_commands(s), "\"segment\":\"champions\",\"variant\":"));
		shop_item_view(s, KEY_ALL, NULL);
		assert_non_null(strstr(shop_commands(s), "\"label\":\"champions\",\"size\":21,"));
		shop_check_rows(s);
		shop_destroy(s);
	}
}

static void centres_are_the_decayed_means_of_one_point_per_shopper_and_pane(void **state)
{
	(void)state;
	struct shop *s = shop_create(2, two);
	char user[16];
	crowd(s, begin, 0, 41);
	shop_flush(s);
	double weight[2] = { 0 }, sum[2][DIMS] = { { 0 } }, centre[DIMS];
	for (int pane = 0; pane < 30; pane++) { /* the first pane is the sample; then all of them, each hour, twice */
		if (pane) {
			crowd(s, begin + pane * hour, 0, SHOPPERS);
			if (pane % 2)
				shop_flush(s);
			crowd(s, begin + pane * hour + 120000, 0, SHOPPERS); /* replaces the first one's points */
		}
		uint8_t cluster_of_buyers = 0;
		shop_time(s, begin + (pane + 1) * hour);
		for (int c = 0; c < 2; c++) {
			weight[c] *= exp2(-1. / 12);
			for (int d = 0; d < DIMS; d++)
				sum[c][d] *= exp2(-1. / 12);
		}
		for (int i = 0; i < (pane ? SHOPPERS : 41); i++) {
			snprintf(user, sizeof(user), "u%d", i);
			const struct segments_user *u = user_of(s, user);
			weight[i % 3 == 0] += 1;
			for (int d = 0; d < DIMS; d++)
				sum[i % 3 == 0][d] += u->point[d] / 1024.;
		}
		if (!pane)
			continue;
		cluster_of_buyers = (uint8_t)(user_of(s, "u0")->cluster - 1);
		const struct segments_item *b = clusters_of(s);
		for (int c = 0; c < 2; c++) {
			uint32_t at = c ? cluster_of_buyers : !cluster_of_buyers;
			near(b->clusters.at[at].weight, weight[c], 1e-9);
			kmeans_centre(&b->clusters, at, centre);
			for (int d = 0; d < DIMS; d++)
				near(centre[d], sum[c][d] / weight[c], 1e-9);
		}
		assert_int_equal(b->n_rows, 0);
	}
	shop_destroy(s);
}

static void a_shopper_between_two_segments_stays(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, two);
	int64_t moved = 0;
	crowd(s, begin, 0, 41);
	shop_flush(s);
	for (int i = 0; i < 40; i++) { /* from looking to buying, by small steps: one change of segment, never back and forth */
		if (i % 4 == 0)
			order(s, begin + hour + i * 60000, "x", 100, 0, PURCHASE_ORDER);
		else
			click(s, begin + hour + i * 60000, "x", ACTION_VIEW);
		uint8_t before = user_of(s, "x")->segment;
		shop_flush(s);
		moved += before && user_of(s, "x")->segment != before;
	}
	assert_in_range(moved, 0, 1);
	shop_destroy(s);
}

static void small_segments_are_not_published(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, two);
	crowd(s, begin, 0, 41);
	shop_flush(s);
	crowd(s, begin + hour, 0, 27); /* 9 buyers, 18 lookers; k is 10 */
	shop_flush(s);
	shop_item_view(s, KEY_ALL, NULL);
	assert_null(strstr(shop_commands(s), "champions"));
	assert_non_null(strstr(shop_commands(s), "\"size\":18,"));
	shop_user_view(s, "u0");
	assert_null(strstr(shop_commands(s), "champions"));
	crowd(s, begin + 2 * hour, 27, 28);
	shop_flush(s);
	shop_item_view(s, KEY_ALL, NULL);
	assert_non_null(strstr(shop_commands(s), "\"label\":\"champions\",\"size\":10,"));
	shop_destroy(s);
}

static void no_row(void *to, struct text key, struct text value)
{
	(void)to, (void)key, (void)value;
}

static void who_is_forgotten_leaves_its_segment(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, two);
	crowd(s, begin, 0, 41);
	shop_flush(s);
	crowd(s, begin + hour, 0, SHOPPERS);
	shop_flush(s);
	const struct segments_item *b = clusters_of(s);
	int64_t before = b->size[0] + b->size[1];
	s->engine->rules.max_users = SHOPPERS - 7;
	struct buf none = { 0 };
	view_target(s->engine->view, &none);
	user_task_expire(s->users[0], 1000, no_row, NULL);
	buf_done(&none);
	shop_flush(s);
	assert_int_equal(b->size[0] + b->size[1], before - 7);
	shop_destroy(s);
}

static void who_is_forgotten_before_the_start_is_not_in_its_sample(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, two), *without = shop_create(1, two);
	crowd(without, begin, 0, 40);
	shop_flush(without);
	crowd(s, begin, 0, 20);
	order(s, begin + 30000, "secret", 99900, 0, PURCHASE_ORDER);
	crowd(s, begin, 20, 39);
	shop_flush(s);
	const struct segments_item *b = clusters_of(s), *as = clusters_of(without);
	assert_int_equal(b->n_samples, 40);
	shop_forget(s, "secret", begin + hour);
	shop_flush(s);
	assert_int_equal(b->n_samples, 39);
	crowd(s, begin, 39, 40);
	shop_flush(s);
	assert_int_equal(b->n_samples, as->n_samples);
	assert_memory_equal(b->samples, as->samples, b->n_samples * sizeof(*b->samples));
	shop_check_rows(s);
	shop_forget(s, "nobody", begin + hour); /* who was never there */
	crowd(s, begin, 40, 41);
	shop_flush(s);
	assert_int_equal(b->clusters.k, 2);
	assert_int_equal(b->n_samples, 0);
	shop_destroy(s);
	shop_destroy(without);
}

static void quintiles_and_rules(void **state)
{
	(void)state;
	assert_int_equal(segments_quintile(-1), 1);
	assert_int_equal(segments_quintile(-.5), 2);
	assert_int_equal(segments_quintile(0), 3);
	assert_int_equal(segments_quintile(.5), 4);
	assert_int_equal(segments_quintile(1), 5);
	static const double mean[DIMS] = { 3, 1, 4, 2, .1, .1 }, deviation[DIMS] = { 1, 1, 1, 1, 1, .1 };
	static const struct {
		double r, f, m, browsing, discount;
		enum segments_label label;
	} of[] = {
		{ 1, 3, 6, 2, 0, LABEL_CHAMPIONS },
		{ 1, 3, 4, 2, 0, LABEL_LOYAL },
		{ 5, 3, 6, 2, 0, LABEL_AT_RISK },
		{ 3, 1, 6, 2, 0, LABEL_BIG_SPENDERS },
		{ 5, 1, 6, 2, 0, LABEL_AT_RISK },
		{ 3, 1, 4, 2, .3, LABEL_BARGAIN_HUNTERS },
		{ 1, .7, 4, 2, 0, LABEL_RECENT_BUYERS },
		{ 3, .7, 4, 2, 0, LABEL_OCCASIONAL },
		{ 5, .7, 4, 2, 0, LABEL_LAPSED },
		{ 5, 0, 0, 4, 0, LABEL_BROWSERS },
		{ 5, 0, 0, 1, 0, LABEL_VISITORS },
	};
	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		double centre[DIMS] = { of[i].r, of[i].f, of[i].m, of[i].browsing, 0, of[i].discount };
		if (segments_rule(centre, mean, deviation) != of[i].label)
			fail_msg("row %zu", i);
	}
	char name[32];
	struct text t = segments_name_text((const uint8_t[]){ LABEL_LOYAL, LABEL_LAPSED, LABEL_LOYAL }, 2, name);
	assert_true(text_equal(t, TEXT("loyal 2")));
}

static void a_name_changes_only_when_three_panes_agree(void **state)
{
	(void)state;
	struct segments_item b = { .clusters = { .k = 2, .dims = DIMS } };
	const double buyer[2][DIMS] = { { 1, 3, 6 }, { 1, 9, 36 } }, looker[2][DIMS] = { { 5, 0, 0 }, { 25, 0, 0 } };
	kmeans_add(&b.clusters, 0, 1, buyer[0], buyer[1]);
	kmeans_add(&b.clusters, 1, 1, looker[0], looker[1]);
	segments_name(&b, true);
	assert_int_equal(b.names[0].label, LABEL_CHAMPIONS);
	struct kmeans_cluster was = b.clusters.at[0];
	b.clusters.at[0] = b.clusters.at[1];
	for (int i = 0; i < 2; i++)
		segments_name(&b, false);
	assert_int_equal(b.names[0].label, LABEL_CHAMPIONS);
	b.clusters.at[0] = was;
	segments_name(&b, false); /* was right after all */
	b.clusters.at[0] = b.clusters.at[1];
	for (int i = 0; i < 3; i++) {
		assert_int_equal(b.names[0].label, LABEL_CHAMPIONS);
		segments_name(&b, false);
	}
	assert_int_equal(b.names[0].label, LABEL_VISITORS);
}

/* It had all sums, also those that are zero. */
static void a_row_of_version_1_is_read(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, NULL);
	const struct block_ops *ops = &processors[P_SEGMENTS]->user;
	struct segments_user u = { 0 };
	struct buf row = { 0 };
	buf_u8(&row, 1); /* no point */
	static const double sums[6] = { 2, 1, 0, 3, 6, 5 };
	for (int i = 0; i < 6; i++)
		buf_double(&row, sums[i]);
	buf_zigzag(&row, begin);
	buf_zigzag(&row, 7);
	buf_varint(&row, 8);
	struct reader r = reader_of(row.data, row.size);
	assert_int_equal(ops->load(s->settings[P_SEGMENTS], &u, 1, &r, s->engine->symbols, s->engine->pool), 0);
	assert_int_equal(reader_left(&r), 0);
	assert_true(u.known && !u.has_point && u.actions == 2 && u.carts == 1 && u.orders == 0 && u.spend == 3 && u.gross == 6 && u.discounts == 5);
	assert_true(u.last_order == begin && u.at == 7 && u.since == 8);
	buf_done(&row);
	shop_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_point_is_what_the_formulas_say),
		cmocka_unit_test(only_the_configured_currency_is_spend),
		cmocka_unit_test(lookers_and_buyers_are_told_apart_named_and_counted),
		cmocka_unit_test(centres_are_the_decayed_means_of_one_point_per_shopper_and_pane),
		cmocka_unit_test(a_shopper_between_two_segments_stays),
		cmocka_unit_test(small_segments_are_not_published),
		cmocka_unit_test(who_is_forgotten_leaves_its_segment),
		cmocka_unit_test(who_is_forgotten_before_the_start_is_not_in_its_sample),
		cmocka_unit_test(quintiles_and_rules),
		cmocka_unit_test(a_name_changes_only_when_three_panes_agree),
		cmocka_unit_test(a_row_of_version_1_is_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
