#include "daemon/face/metrics.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/face/process.h"

#define FAMILIES 192
#define HISTOGRAMS 16
#define NONE UINT32_MAX

struct slot {
	char *labels;    /* {a="b",…} escaped, "" without; NULL: free */
	uint32_t family; /* index */
	uint32_t next;   /* of the same family, or of the free ones */
	uint32_t users;
};

struct family {
	const struct metric_family *is;
	uint32_t first, last;
	struct metric_histogram *histogram;
};

struct metrics {
	pthread_mutex_t mutex; /* guards all but the values */
	struct metric *values; /* max_series, one behind them that nobody reads */
	struct slot *slots;
	size_t max_series;
	uint32_t free;
	struct family families[FAMILIES];
	size_t n_families;
	struct metric_histogram histograms[HISTOGRAMS + 1]; /* the last: nobody reads it */
	size_t n_histograms;
	int64_t refused;
};

struct metrics *metrics_create(size_t max_series)
{
	struct metrics *m = calloc(1, sizeof(*m));

	assert(max_series > 0 && max_series < NONE);
	if (!m)
		return NULL;
	m->values = calloc(max_series + 1, sizeof(*m->values));
	m->slots = calloc(max_series, sizeof(*m->slots));
	if (!m->values || !m->slots) {
		free(m->values);
		free(m->slots);
		free(m);
		return NULL;
	}
	m->max_series = max_series;
	for (size_t i = 0; i < max_series; i++)
		m->slots[i].next = i + 1 < max_series ? (uint32_t)(i + 1) : NONE;
	pthread_mutex_init(&m->mutex, NULL);
	return m;
}

void metrics_destroy(struct metrics *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->max_series; i++)
		free(m->slots[i].labels);
	pthread_mutex_destroy(&m->mutex);
	free(m->slots);
	free(m->values);
	free(m);
}

static struct family *family_of(struct metrics *m, const struct metric_family *is)
{
	for (size_t i = 0; i < m->n_families; i++)
		if (m->families[i].is == is)
			return &m->families[i];
	if (m->n_families == FAMILIES)
		return NULL;
	m->families[m->n_families] = (struct family){ .is = is, .first = NONE, .last = NONE };
	return &m->families[m->n_families++];
}

static void escaped(FILE *f, const char *s, bool quotes)
{
	for (; *s; s++)
		if (*s == '\n')
			fputs("\\n", f);
		else if (*s == '\\' || (*s == '"' && quotes))
			fprintf(f, "\\%c", *s);
		else
			putc(*s, f);
}

/* NULL: no memory */
static char *label_text(const struct metric_family *is, va_list values)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	for (int i = 0; i < METRIC_LABELS && is->labels[i]; i++) {
		fprintf(f, "%c%s=\"", i ? ',' : '{', is->labels[i]);
		escaped(f, va_arg(values, const char *), true);
		putc('"', f);
	}
	if (is->labels[0])
		putc('}', f);
	if (fclose(f) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

struct metric *metrics_add(struct metrics *m, const struct metric_family *is, ...)
{
	struct metric *series = &m->values[m->max_series];
	va_list values;

	assert(is->type != METRIC_HISTOGRAM);
	va_start(values, is);
	char *labels = label_text(is, values);
	va_end(values);
	pthread_mutex_lock(&m->mutex);
	struct family *f = labels ? family_of(m, is) : NULL;
	uint32_t i = f ? f->first : NONE;
	while (i != NONE && strcmp(m->slots[i].labels, labels))
		i = m->slots[i].next;
	if (i != NONE) {
		m->slots[i].users++;
		series = &m->values[i];
	} else if (f && m->free != NONE) {
		i = m->free;
		struct slot *s = &m->slots[i];
		m->free = s->next;
		*s = (struct slot){ labels, (uint32_t)(f - m->families), NONE, 1 };
		labels = NULL;
		if (f->last == NONE)
			f->first = i;
		else
			m->slots[f->last].next = i;
		f->last = i;
		series = &m->values[i];
		metric_set(series, 0);
	} else {
		m->refused++;
	}
	pthread_mutex_unlock(&m->mutex);
	free(labels);
	return series;
}

void metrics_remove(struct metrics *m, struct metric *series)
{
	uint32_t i = (uint32_t)(series - m->values), before = NONE;

	if (i == m->max_series)
		return; /* the one that nobody reads */
	assert(i < m->max_series);
	pthread_mutex_lock(&m->mutex);
	struct slot *s = &m->slots[i];
	assert(s->labels && s->users > 0);
	if (--s->users == 0) {
		struct family *f = &m->families[s->family];
		for (uint32_t j = f->first; j != i; j = m->slots[j].next)
			before = j;
		if (before == NONE)
			f->first = s->next;
		else
			m->slots[before].next = s->next;
		if (f->last == i)
			f->last = before;
		free(s->labels);
		*s = (struct slot){ NULL, 0, m->free, 0 };
		m->free = i;
	}
	pthread_mutex_unlock(&m->mutex);
}

struct metric_histogram *metrics_add_histogram(struct metrics *m, const struct metric_family *is)
{
	struct metric_histogram *h = &m->histograms[HISTOGRAMS];

	assert(is->type == METRIC_HISTOGRAM && is->buckets[0] > 0 && !is->labels[0]);
	pthread_mutex_lock(&m->mutex);
	struct family *f = family_of(m, is);
	if (f && f->histogram) {
		h = f->histogram;
	} else if (f && m->n_histograms < HISTOGRAMS) {
		h = f->histogram = &m->histograms[m->n_histograms++];
	} else {
		m->refused++;
	}
	pthread_mutex_unlock(&m->mutex);
	return h;
}

static int n_buckets(const struct metric_family *is)
{
	int n = 0;
	while (n < METRIC_BUCKETS && is->buckets[n])
		n++;
	return n;
}

void metric_observe(struct metric_histogram *h, const struct metric_family *is, int64_t value)
{
	int i = 0, n = n_buckets(is);
	while (i < n && value > is->buckets[i])
		i++;
	i = i < n ? i : METRIC_BUCKETS;
	atomic_store_explicit(&h->buckets[i], atomic_load_explicit(&h->buckets[i], memory_order_relaxed) + 1, memory_order_relaxed);
	atomic_store_explicit(&h->sum, atomic_load_explicit(&h->sum, memory_order_relaxed) + value, memory_order_relaxed);
}

static void number(FILE *f, const struct metric_family *is, int64_t value)
{
	if (is->divisor > 1)
		fprintf(f, "%.15g", (double)value / (double)is->divisor);
	else
		fprintf(f, "%" PRId64, value);
}

static void render_histogram(FILE *f, const struct family *family)
{
	const struct metric_family *is = family->is;
	int64_t below = 0;
	int n = n_buckets(is);

	for (int i = 0; i <= n; i++) {
		below += atomic_load_explicit(&family->histogram->buckets[i < n ? i : METRIC_BUCKETS], memory_order_relaxed);
		fprintf(f, "%s_bucket{le=\"", is->name);
		if (i < n)
			fprintf(f, "%.6g", (double)is->buckets[i] / (double)(is->divisor > 1 ? is->divisor : 1));
		else
			fputs("+Inf", f);
		fprintf(f, "\"} %" PRId64 "\n", below);
	}
	fprintf(f, "%s_sum ", is->name);
	number(f, is, atomic_load_explicit(&family->histogram->sum, memory_order_relaxed));
	fprintf(f, "\n%s_count %" PRId64 "\n", is->name, below); /* counted from the buckets: the two never disagree */
}

static void head(FILE *f, const char *name, const char *type, const char *help)
{
	fprintf(f, "# HELP %s ", name);
	escaped(f, help, false);
	fprintf(f, "\n# TYPE %s %s\n", name, type);
}

int metrics_render(struct metrics *m, char **ret_text, size_t *ret_size)
{
	static const char *const types[] = { "counter", "gauge", "histogram" };
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return -ENOMEM;
	pthread_mutex_lock(&m->mutex);
	for (size_t i = 0; i < m->n_families; i++) {
		const struct family *family = &m->families[i];
		if (family->first == NONE && !family->histogram)
			continue;
		head(f, family->is->name, types[family->is->type], family->is->help);
		if (family->histogram)
			render_histogram(f, family);
		for (uint32_t j = family->first; j != NONE; j = m->slots[j].next) {
			fprintf(f, "%s%s ", family->is->name, m->slots[j].labels);
			number(f, family->is, metric_get(&m->values[j]));
			putc('\n', f);
		}
	}
	head(f, "glint_metrics_refused_total", "counter", "Series that found no room in the registry.");
	fprintf(f, "glint_metrics_refused_total %" PRId64 "\n", m->refused);
	pthread_mutex_unlock(&m->mutex);
	process_render(f);
	if (fclose(f) != 0) {
		free(text);
		return -ENOMEM;
	}
	*ret_text = text;
	*ret_size = size;
	return 0;
}
