/* Counters and gauges, and their text in Prometheus' format 0.0.4.
 *
 * A family (name, type, help, label names) is a static const struct; a series is a family with label values, registered once and
 * then moved by the pointer that registration gives. Registration, removal and rendering take a mutex and are for cold paths
 * (start, a task that comes or goes, a scrape); moving a series takes none: one relaxed load and store, single writer.
 * Values are integers: families in seconds hold ms, us or ns and say the divisor, so that hot paths never touch floats.
 * The store is bounded: when it is full, registration gives a series that nobody reads, and the number refused is shown as
 * glint_metrics_refused_total.
 */
#ifndef GLINT_METRICS_H
#define GLINT_METRICS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

#define METRIC_LABELS 4
#define METRIC_BUCKETS 16

struct metric_family {
	const char *name; /* glint_…; counters end in _total; base units: _seconds, _bytes, _ratio */
	enum metric_type type;
	const char *help;                  /* one sentence, no newline */
	const char *labels[METRIC_LABELS]; /* label names, NULL behind the last */
	int64_t divisor;                   /* shown = value / divisor; 0 and 1: as it is; 1000 for ms shown as seconds, … */
	int64_t buckets[METRIC_BUCKETS];   /* histogram: ascending inclusive upper bounds in the value's own unit; 0 behind the last */
};

struct metric {
	_Atomic int64_t value;
};

struct metric_histogram {
	_Atomic int64_t buckets[METRIC_BUCKETS + 1]; /* not cumulative; the last is +Inf */
	_Atomic int64_t sum;
};

/* One writer per series. */
static inline void metric_add(struct metric *m, int64_t n)
{
	atomic_store_explicit(&m->value, atomic_load_explicit(&m->value, memory_order_relaxed) + n, memory_order_relaxed);
}

static inline void metric_inc(struct metric *m)
{
	metric_add(m, 1);
}

static inline void metric_set(struct metric *m, int64_t value)
{
	atomic_store_explicit(&m->value, value, memory_order_relaxed);
}

static inline int64_t metric_get(const struct metric *m)
{
	return atomic_load_explicit(&((struct metric *)m)->value, memory_order_relaxed);
}

/* Several writers. */
static inline void metric_add_shared(struct metric *m, int64_t n)
{
	atomic_fetch_add_explicit(&m->value, n, memory_order_relaxed);
}

/* One value into a histogram; one writer. family: the one it was registered with. */
void metric_observe(struct metric_histogram *h, const struct metric_family *family, int64_t value);

struct metrics;

/* A registry for at most max_series counters and gauges (64 bytes and the label text each) and 16 histograms. NULL: no memory. */
struct metrics *metrics_create(size_t max_series);
void metrics_destroy(struct metrics *m); /* takes NULL; every pointer it gave ends */

/* A series at 0, with as many label values (const char *, copied) as the family has label names. Never NULL. The family is
 * borrowed until metrics_destroy. The same family and values again give the same series (users are counted). */
struct metric *metrics_add(struct metrics *m, const struct metric_family *family, ...);
struct metric_histogram *metrics_add_histogram(struct metrics *m, const struct metric_family *family);

/* Ends a series, e.g. when its task goes; the pointer is invalid afterwards. */
void metrics_remove(struct metrics *m, struct metric *series);

/* The whole exposition, process_* included, into a buffer from malloc (the caller frees). 0 or -ENOMEM. Any thread. */
int metrics_render(struct metrics *m, char **ret_text, size_t *ret_size);

#endif
