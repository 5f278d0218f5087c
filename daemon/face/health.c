#include "daemon/face/health.h"

#include <stdio.h>
#include <string.h>

static const char *const names[HEALTH_PARTS] = { "kafka", "assigned", "restored", "redis" };

void health_init(struct health *h, int64_t limit_ms, int64_t now_ms)
{
	memset(h, 0, sizeof(*h));
	pthread_mutex_init(&h->mutex, NULL);
	h->limit_ms = limit_ms;
	atomic_init(&h->progress_ms, now_ms);
	for (int i = 0; i < HEALTH_PARTS; i++)
		snprintf(h->why[i], sizeof(h->why[i]), "starting");
}

void health_done(struct health *h)
{
	pthread_mutex_destroy(&h->mutex);
}

void health_set(struct health *h, enum health_part part, bool ready, const char *why)
{
	bool was = atomic_load_explicit(&h->ready[part], memory_order_relaxed);

	if (ready && was)
		return;
	pthread_mutex_lock(&h->mutex);
	snprintf(h->why[part], sizeof(h->why[part]), "%s", ready ? "" : why ? why : "not ready");
	atomic_store_explicit(&h->ready[part], ready, memory_order_relaxed);
	pthread_mutex_unlock(&h->mutex);
}

void health_stopping(struct health *h)
{
	atomic_store_explicit(&h->stopping, true, memory_order_relaxed);
}

bool health_alive(const struct health *h, int64_t now_ms, int64_t *ret_age_ms)
{
	int64_t age = now_ms - atomic_load_explicit(&((struct health *)h)->progress_ms, memory_order_relaxed);
	if (age < 0)
		age = 0; /* the loop looked at the clock after the caller did */
	if (ret_age_ms)
		*ret_age_ms = age;
	return age <= h->limit_ms;
}

/* Appends a JSON string; bytes that would end it or are not printable become '?'. */
static size_t quoted(char *to, size_t n, size_t size, const char *s)
{
	if (n < size)
		to[n++] = '"';
	for (; *s && n + 3 < size; s++) {
		if (*s == '"' || *s == '\\')
			to[n++] = '\\';
		to[n++] = (unsigned char)*s < 32 || (unsigned char)*s > 126 ? '?' : *s;
	}
	if (n < size)
		to[n++] = '"';
	return n;
}

bool health_ready(struct health *h, char *json, size_t size)
{
	char parts[HEALTH_PARTS * (2 * HEALTH_WHY_BYTES + 64)];
	bool stopping = atomic_load_explicit(&h->stopping, memory_order_relaxed), all = !stopping;
	size_t n = 0;

	pthread_mutex_lock(&h->mutex);
	for (int i = 0; i < HEALTH_PARTS; i++) {
		bool ready = atomic_load_explicit(&h->ready[i], memory_order_relaxed);
		all &= ready;
		n += (size_t)snprintf(parts + n, sizeof(parts) - n, "%s\"%s\":{\"ready\":%s", i ? "," : "", names[i], ready ? "true" : "false");
		if (!ready) {
			n += (size_t)snprintf(parts + n, sizeof(parts) - n, ",\"why\":");
			n = quoted(parts, n, sizeof(parts), h->why[i]);
		}
		parts[n++] = '}';
	}
	pthread_mutex_unlock(&h->mutex);
	parts[n] = 0;
	snprintf(json, size, "{\"ready\":%s,%s\"parts\":{%s}}\n", all ? "true" : "false", stopping ? "\"why\":\"stopping\"," : "", parts);
	return all;
}
