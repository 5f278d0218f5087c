/* The batch miner and its rules against counting the long way, and against the published totals of Groceries (ALGORITHMS C3, C4). */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "ctl/baskets.h"
#include "processors/rules.h"

/* ---- counting the long way: up to 16 items, baskets as masks, every subset looked at ---- */

enum { ITEMS_MAX = 16,
	BASKETS_MAX = 400 };

struct small {
	uint32_t items[BASKETS_MAX * ITEMS_MAX];
	size_t ends[BASKETS_MAX];
	uint32_t masks[BASKETS_MAX], n_items;
	size_t n;
};

static uint64_t random_state;

static uint32_t chance(uint32_t below)
{
	random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)((random_state >> 33) % below);
}

static void small_fill(struct small *s, uint32_t n_items, size_t n, uint32_t dense)
{
	size_t at = 0;
	*s = (struct small){ .n_items = n_items, .n = n };
	for (size_t i = 0; i < n; i++) {
		uint32_t turn = chance(n_items); /* ids in no particular order */
		for (uint32_t j = 0; j < n_items; j++) {
			uint32_t x = (j * 7 + turn) % n_items;
			if (s->masks[i] >> x & 1 || chance(100) >= dense * (1 + x % 3) / 2)
				continue;
			s->masks[i] |= 1u << x;
			s->items[at++] = x;
		}
		s->ends[i] = at;
	}
}

static uint32_t small_count(const struct small *s, uint32_t set)
{
	uint32_t n = 0;
	for (size_t i = 0; i < s->n; i++)
		n += (s->masks[i] & set) == set;
	return n;
}

static struct miner_baskets small_baskets(const struct small *s)
{
	return (struct miner_baskets){ s->items, s->ends, s->n, s->n_items };
}

struct found {
	uint32_t counts[1u << ITEMS_MAX];
	uint64_t n;
};

static int on_set(void *to, const uint32_t *items, uint32_t n, uint32_t count)
{
	struct found *f = to;
	uint32_t set = 0;
	for (uint32_t i = 0; i < n; i++) {
		assert_false(set >> items[i] & 1);
		set |= 1u << items[i];
	}
	assert_int_equal(f->counts[set], 0); /* never twice */
	f->counts[set] = count;
	f->n++;
	return 0;
}

static void every_frequent_set_is_found_once_with_its_count(void **state)
{
	static struct small s;
	static struct found f;
	(void)state;
	for (uint32_t round = 0; round < 60; round++) {
		random_state = round;
		uint32_t n_items = 1 + chance(ITEMS_MAX - 4), max_size = round % 3 ? 0 : 1 + round % 5, min_count = 1 + chance(round % 2 ? 40 : 4);
		small_fill(&s, n_items, chance(BASKETS_MAX), 5 + chance(90));
		memset(&f, 0, sizeof(f));
		struct miner_baskets b = small_baskets(&s);
		assert_int_equal(miner_run(&b, min_count, max_size, on_set, &f), 0);
		for (uint32_t set = 1; set < 1u << n_items; set++) {
			uint32_t count = max_size && (uint32_t)__builtin_popcount(set) > max_size ? 0 : small_count(&s, set);
			assert_int_equal(f.counts[set], count >= min_count ? count : 0);
		}
	}
}

static void more_items_than_a_leaf_holds_are_found_too(void **state)
{
	static struct small s;
	static struct found f;
	(void)state;
	random_state = 77;
	small_fill(&s, ITEMS_MAX, 60, 60);
	memset(&f, 0, sizeof(f));
	struct miner_baskets b = small_baskets(&s);
	assert_int_equal(miner_run(&b, 2, 0, on_set, &f), 0);
	uint64_t frequent = 0;
	for (uint32_t set = 1; set < 1u << ITEMS_MAX; set++) {
		uint32_t count = small_count(&s, set);
		frequent += count >= 2;
		assert_int_equal(f.counts[set], count >= 2 ? count : 0);
	}
	assert_int_equal(f.n, frequent);
	assert_true(frequent > 5000);
}

static int stop_at_five(void *to, const uint32_t *items, uint32_t n, uint32_t count)
{
	(void)items, (void)n, (void)count;
	return ++*(int *)to == 5 ? 42 : 0;
}

static void the_visitor_ends_a_run(void **state)
{
	static struct small s;
	int seen = 0;
	(void)state;
	small_fill(&s, 12, 100, 50);
	struct miner_baskets b = small_baskets(&s), none = { NULL, NULL, 0, 0 };
	assert_int_equal(miner_run(&b, 1, 0, stop_at_five, &seen), 42);
	assert_int_equal(seen, 5);
	assert_int_equal(miner_run(&none, 1, 0, stop_at_five, &seen), 0);
}

static void the_least_count_is_not_pushed_up_by_a_last_digit(void **state)
{
	(void)state;
	assert_int_equal(miner_min_count(.001, 9835), 10);
	assert_int_equal(miner_min_count(.006, 9835), 60);
	assert_int_equal(miner_min_count(.05, 9840), 492);
	assert_int_equal(miner_min_count(.07, 100), 7); /* .07 * 100 is 7.000000000000001 */
	assert_int_equal(miner_min_count(.29, 100), 29);
	assert_int_equal(miner_min_count(1, 7), 7);
	assert_int_equal(miner_min_count(0, 7), 1);
	assert_int_equal(miner_min_count(.5, 0), 1);
	for (size_t n = 1; n < 3000; n++)
		assert_int_equal(miner_min_count(.1, n), (n + 9) / 10);
}

/* ---- rules ---- */

struct rules_seen {
	const struct small *s;
	double confidence;
	uint64_t n, redundant;
};

static bool redundant_the_long_way(const struct small *s, uint32_t x, uint32_t y)
{
	uint64_t n_x = small_count(s, x), n_xy = small_count(s, x | y);
	for (uint32_t part = 0; part < x; part++) /* every proper subset is a smaller number */
		if ((part & x) == part && small_count(s, part | y) * n_x >= n_xy * small_count(s, part))
			return true;
	return false;
}

static int on_rule(void *to, const struct rule *rule)
{
	struct rules_seen *seen = to;
	uint32_t x = 0, y = 1u << rule->consequent;
	for (uint32_t i = 0; i < rule->n; i++)
		x |= 1u << rule->antecedent[i];
	assert_int_equal(x & y, 0);
	assert_true(x);
	assert_int_equal(rule->n_x, small_count(seen->s, x));
	assert_int_equal(rule->n_y, small_count(seen->s, y));
	assert_int_equal(rule->n_xy, small_count(seen->s, x | y));
	assert_true(rule->n_xy >= seen->confidence * rule->n_x - 1e-9);
	assert_int_equal(rule->redundant, redundant_the_long_way(seen->s, x, y));
	seen->n++;
	seen->redundant += rule->redundant;
	return 0;
}

static void every_rule_is_given_and_marked_as_the_definition_says(void **state)
{
	static struct small s;
	uint64_t redundant = 0;
	(void)state;
	for (uint32_t round = 0; round < 12; round++) {
		random_state = 1000 + round;
		small_fill(&s, 9, 120, 20 + chance(40));
		struct rules_seen seen = { &s, chance(10) / 10., 0, 0 };
		struct miner_baskets b = small_baskets(&s);
		struct rules_request q = { .min_count = 3, .confidence = seen.confidence, .redundancy = true, .visit = on_rule, .to = &seen };
		struct rules_result r;
		assert_int_equal(rules_run(&b, &q, &r), 0);
		uint64_t rules = 0;
		for (uint32_t set = 1; set < 1u << 9; set++)
			for (uint32_t y = 0; y < 9 && small_count(&s, set) >= 3; y++)
				if (set >> y & 1 && set != 1u << y)
					rules += small_count(&s, set) >= seen.confidence * small_count(&s, set ^ 1u << y) - 1e-9;
		assert_int_equal(seen.n, rules);
		assert_int_equal(r.rules, rules);
		assert_int_equal(r.redundant, seen.redundant);
		redundant += seen.redundant;
	}
	assert_true(redundant > 100);
}

static void too_many_sets_are_refused(void **state)
{
	static struct small s;
	(void)state;
	random_state = 5;
	small_fill(&s, 10, 100, 50);
	struct miner_baskets b = small_baskets(&s);
	struct rules_request q = { .min_count = 1, .confidence = .5 };
	struct rules_result all, r;
	assert_int_equal(rules_run(&b, &q, &all), 0);
	q.max_sets = all.sets[0];
	assert_int_equal(rules_run(&b, &q, &r), 0);
	q.max_sets--;
	assert_int_equal(rules_run(&b, &q, &r), -E2BIG);
}

/* ---- files ---- */

static void groceries_has_the_published_numbers_of_sets_and_rules(void **state)
{
	static const struct {
		double support, confidence;
		uint64_t sets[8], rules; /* by size; 0: not published */
	} of[] = {
		{ .01, .5, { 333, 88, 213, 32 }, 15 },
		{ .005, .5, { 1001, 120, 605, 264, 12 }, 120 },
		{ .001, .8, { 13492, 157, 2981, 6831, 3137, 376, 10 }, 410 },
		{ .001, .9, { 13492, 157, 2981, 6831, 3137, 376, 10 }, 129 },
		{ .001, .5, { 13492, 157, 2981, 6831, 3137, 376, 10 }, 5668 },
		{ .006, .25, { 0 }, 463 },
		{ .05, .5, { 31, 28, 3 }, 0 },
	};
	(void)state;
	const char *folder = getenv("GLINT_DATA");
	char path[512], error[256];
	snprintf(path, sizeof(path), "%s/groceries.baskets.gz", folder ? folder : "../shared/data");
	if (access(path, R_OK)) {
		print_message("SKIP: groceries.baskets.gz is neither in GLINT_DATA nor in ../shared/data\n");
		skip();
	}
	struct baskets b;
	if (baskets_read(path, &b, error, sizeof(error)))
		fail_msg("%s", error);
	assert_int_equal(b.as.n, 9835);
	assert_int_equal(b.as.n_items, 169);
	assert_int_equal(b.n_items, 43367);
	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		struct rules_request q = { .min_count = miner_min_count(of[i].support, b.as.n), .confidence = of[i].confidence };
		struct rules_result r;
		assert_int_equal(rules_run(&b.as, &q, &r), 0);
		assert_int_equal(r.rules, of[i].rules);
		for (size_t k = 0; of[i].sets[0] && k < 8; k++)
			assert_int_equal(r.sets[k], of[i].sets[k]);
	}
	baskets_done(&b);
}

static void read_text(const char *text, struct baskets *b)
{
	char path[] = "/tmp/glint-test-baskets-XXXXXX", error[256] = "";
	int fd = mkstemp(path);
	assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
	int r = baskets_read(path, b, error, sizeof(error));
	unlink(path);
	if (r)
		fail_msg("%s", error);
}

static void names_stand_between_commas_as_they_are(void **state)
{
	struct baskets b;
	(void)state;
	read_text("whole milk,rolls \n\nrolls, rolls,rolls \r\nwhole milk\n,\nlast", &b);
	const size_t ends[] = { 2, 5, 6, 7 };
	assert_int_equal(b.as.n, 4); /* neither the empty line nor the one of an empty name */
	assert_memory_equal(b.as.ends, ends, sizeof(ends));
	assert_int_equal(b.as.n_items, 5); /* "rolls ", "rolls" and " rolls" are three */
	assert_int_equal(b.as.items[0], symbols_find(b.names, TEXT("whole milk")) - 1);
	baskets_done(&b);
	read_text("1 2\t2 30\n7\n", &b); /* no comma anywhere */
	assert_int_equal(b.as.n, 2);
	assert_int_equal(b.as.ends[0], 3);
	assert_int_not_equal(symbols_find(b.names, TEXT("30")), 0);
	baskets_done(&b);
	read_text("", &b);
	assert_int_equal(b.as.n, 0);
	baskets_done(&b);
}

static void a_file_that_is_not_there_is_named(void **state)
{
	struct baskets b;
	char error[256] = "";
	(void)state;
	assert_int_equal(baskets_read("/nonexistent/x", &b, error, sizeof(error)), -ENOENT);
	assert_string_equal(error, "/nonexistent/x: No such file or directory");
	baskets_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_frequent_set_is_found_once_with_its_count),
		cmocka_unit_test(more_items_than_a_leaf_holds_are_found_too),
		cmocka_unit_test(the_visitor_ends_a_run),
		cmocka_unit_test(the_least_count_is_not_pushed_up_by_a_last_digit),
		cmocka_unit_test(every_rule_is_given_and_marked_as_the_definition_says),
		cmocka_unit_test(too_many_sets_are_refused),
		cmocka_unit_test(groceries_has_the_published_numbers_of_sets_and_rules),
		cmocka_unit_test(names_stand_between_commas_as_they_are),
		cmocka_unit_test(a_file_that_is_not_there_is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
