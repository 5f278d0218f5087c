/* Metrics: the exposition format, label escaping, bounds, tasks that come and go beside a scraper. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <pthread.h>

#include <cmocka.h>

#include "daemon/face/metrics.h"

static const struct metric_family records = {
	.name = "glint_records_total", .type = METRIC_COUNTER, .help = "Records by what became of them.", .labels = { "topic", "outcome" }
};
static const struct metric_family lag = { .name = "glint_lag_seconds", .type = METRIC_GAUGE, .help = "Lag.", .divisor = 1000 };
static const struct metric_family commits = { .name = "glint_commit_seconds", .type = METRIC_HISTOGRAM, .help = "Commits.", .divisor = 1000, .buckets = { 10, 100, 1000 } };

static char *rendered(struct metrics *m)
{
	char *text = NULL;
	size_t size;
	assert_int_equal(metrics_render(m, &text, &size), 0);
	assert_int_equal(strlen(text), size);
	return text;
}

/* The text begins with this; what follows are the registry's and the process's own. */
static void begins(struct metrics *m, const char *expected)
{
	char *text = rendered(m);
	text[strlen(expected)] = 0;
	assert_string_equal(text, expected);
	free(text);
}

static void counters_and_gauges_are_rendered_as_prometheus_reads_them(void **state)
{
	struct metrics *m = metrics_create(16);
	(void)state;
	struct metric *a = metrics_add(m, &records, "clicks", "applied");
	struct metric *g = metrics_add(m, &lag);
	struct metric *b = metrics_add(m, &records, "clicks", "late");
	metric_add(a, 41);
	metric_inc(a);
	metric_add_shared(b, 3);
	metric_set(g, 1500);
	assert_int_equal(metric_get(a), 42);
	begins(m, "# HELP glint_records_total Records by what became of them.\n# TYPE glint_records_total counter\n"
		  "glint_records_total{topic=\"clicks\",outcome=\"applied\"} 42\nglint_records_total{topic=\"clicks\",outcome=\"late\"} 3\n"
		  "# HELP glint_lag_seconds Lag.\n# TYPE glint_lag_seconds gauge\nglint_lag_seconds 1.5\n"
		  "# HELP glint_metrics_refused_total ");
	metric_set(g, -250);
	char *text = rendered(m);
	assert_non_null(strstr(text, "\nglint_lag_seconds -0.25\n"));
	assert_non_null(strstr(text, "\nglint_metrics_refused_total 0\n"));
	free(text);
	metrics_destroy(m);
}

static void a_histogram_is_cumulative_and_its_bounds_are_inclusive(void **state)
{
	struct metrics *m = metrics_create(1);
	(void)state;
	struct metric_histogram *h = metrics_add_histogram(m, &commits);
	static const int64_t values[] = { 0, 10, 11, 100, 999, 1000, 1001, 5000 };
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++)
		metric_observe(h, &commits, values[i]);
	begins(m, "# HELP glint_commit_seconds Commits.\n# TYPE glint_commit_seconds histogram\n"
		  "glint_commit_seconds_bucket{le=\"0.01\"} 2\nglint_commit_seconds_bucket{le=\"0.1\"} 4\nglint_commit_seconds_bucket{le=\"1\"} 6\n"
		  "glint_commit_seconds_bucket{le=\"+Inf\"} 8\nglint_commit_seconds_sum 8.121\nglint_commit_seconds_count 8\n");
	assert_ptr_equal(metrics_add_histogram(m, &commits), h);
	metrics_destroy(m);
}

static void labels_are_escaped(void **state)
{
	struct metrics *m = metrics_create(4);
	(void)state;
	metrics_add(m, &records, "a\"b\\c\nd", "");
	char *text = rendered(m);
	assert_non_null(strstr(text, "{topic=\"a\\\"b\\\\c\\nd\",outcome=\"\"} 0\n"));
	free(text);
	metrics_destroy(m);
}

static void a_removed_series_is_gone_and_its_place_starts_at_zero(void **state)
{
	struct metrics *m = metrics_create(3);
	(void)state;
	struct metric *a = metrics_add(m, &records, "a", "x"), *b = metrics_add(m, &records, "b", "x"), *c = metrics_add(m, &records, "c", "x");
	metric_add(b, 7);
	metrics_remove(m, b);
	begins(m, "# HELP glint_records_total Records by what became of them.\n# TYPE glint_records_total counter\n"
		  "glint_records_total{topic=\"a\",outcome=\"x\"} 0\nglint_records_total{topic=\"c\",outcome=\"x\"} 0\n# HELP glint_metrics_refused");
	struct metric *d = metrics_add(m, &records, "d", "x");
	assert_int_equal(metric_get(d), 0);
	metrics_remove(m, d);
	metrics_remove(m, a);
	metrics_remove(m, c);
	begins(m, "# HELP glint_metrics_refused_total ");
	metrics_add(m, &records, "e", "x"); /* the family's list is whole again */
	char *text = rendered(m);
	assert_non_null(strstr(text, "{topic=\"e\",outcome=\"x\"} 0\n"));
	free(text);
	metrics_destroy(m);
}

static void the_same_series_is_shared_until_its_last_user_goes(void **state)
{
	struct metrics *m = metrics_create(4);
	(void)state;
	struct metric *a = metrics_add(m, &records, "a", "x");
	metric_add(a, 5);
	assert_ptr_equal(metrics_add(m, &records, "a", "x"), a);
	assert_int_equal(metric_get(a), 5);
	metrics_remove(m, a);
	char *text = rendered(m);
	assert_non_null(strstr(text, "{topic=\"a\",outcome=\"x\"} 5\n"));
	free(text);
	metrics_remove(m, a);
	text = rendered(m);
	assert_null(strstr(text, "glint_records_total"));
	free(text);
	metrics_destroy(m);
}

static void a_full_registry_refuses_and_counts_without_harm(void **state)
{
	struct metrics *m = metrics_create(1);
	(void)state;
	struct metric *a = metrics_add(m, &records, "a", "x"), *b = metrics_add(m, &records, "b", "x"), *c = metrics_add(m, &records, "c", "x");
	assert_non_null(b);
	assert_ptr_not_equal(a, b);
	metric_add(b, 9);
	metrics_remove(m, c);
	char *text = rendered(m);
	assert_null(strstr(text, "topic=\"b\""));
	assert_non_null(strstr(text, "\nglint_metrics_refused_total 2\n"));
	free(text);
	metrics_destroy(m);
}

static void the_process_tells_of_itself(void **state)
{
	static const char *const names[] = { "process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds", "process_start_time_seconds" };
	struct metrics *m = metrics_create(1);
	(void)state;
	char *text = rendered(m);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char line[64];
		double value = -1;
		snprintf(line, sizeof(line), "\n%s ", names[i]);
		const char *at = strstr(text, line);
		assert_non_null(at);
		assert_int_equal(sscanf(at + strlen(line), "%lf", &value), 1);
		assert_true(value >= 0);
	}
	free(text);
	metrics_destroy(m);
}

static void *scrape(void *m)
{
	for (int i = 0; i < 300; i++)
		free(rendered(m));
	return NULL;
}

static void tasks_come_and_go_while_a_scraper_reads(void **state)
{
	struct metrics *m = metrics_create(64);
	pthread_t thread;
	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, scrape, m), 0);
	for (int i = 0; i < 3000; i++) {
		struct metric *series[8];
		char name[8];
		for (int j = 0; j < 8; j++) {
			snprintf(name, sizeof(name), "%d", (i + j) % 11);
			series[j] = metrics_add(m, &records, name, "x");
			metric_inc(series[j]);
		}
		for (int j = 0; j < 8; j++)
			metrics_remove(m, series[j]);
	}
	pthread_join(thread, NULL);
	begins(m, "# HELP glint_metrics_refused_total ");
	metrics_destroy(m);
	metrics_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counters_and_gauges_are_rendered_as_prometheus_reads_them),
		cmocka_unit_test(a_histogram_is_cumulative_and_its_bounds_are_inclusive),
		cmocka_unit_test(labels_are_escaped),
		cmocka_unit_test(a_removed_series_is_gone_and_its_place_starts_at_zero),
		cmocka_unit_test(the_same_series_is_shared_until_its_last_user_goes),
		cmocka_unit_test(a_full_registry_refuses_and_counts_without_harm),
		cmocka_unit_test(the_process_tells_of_itself),
		cmocka_unit_test(tasks_come_and_go_while_a_scraper_reads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
