/* config_reload: what differs between two configurations, and taking it over in place; see config.h. */
#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/config/config.h"
#include "daemon/config/load.h"
#include "processors/processor.h"

enum { LINES = 200 }; /* kept */

struct reload {
	struct config *running, *fresh;
	struct config_errors refused, taken;
	bool no_memory;
};

static void note(struct reload *r, struct config_errors *to, const char *format, ...) __attribute__((format(printf, 3, 4)));

static void note(struct reload *r, struct config_errors *to, const char *format, ...)
{
	char **grown = to->n < LINES ? reallocarray(to->lines, to->n + 1, sizeof(*grown)) : NULL;
	va_list args;
	if (to->n >= LINES)
		return;
	if (!grown) {
		r->no_memory = true;
		return;
	}
	to->lines = grown;
	va_start(args, format);
	if (vasprintf(&to->lines[to->n], format, args) < 0)
		r->no_memory = true;
	else
		to->n++;
	va_end(args);
}

/* As it was written, and where; NULL when it was not. */
static const struct config_entry *entry_of(const struct config *c, const char *section, const char *name)
{
	for (size_t i = 0; i < c->n_entries; i++)
		if (!strcmp(c->entries[i].section, section) && !strcmp(c->entries[i].name, name))
			return &c->entries[i];
	return NULL;
}

static void refuse(struct reload *r, const char *section, const char *name)
{
	const struct config_entry *e = entry_of(r->fresh, section, name);
	const char *origin = e && strcmp(e->origin, "default") ? e->origin : r->fresh->path ? r->fresh->path
											    : "--set";
	note(r, &r->refused, "%s: %s.%s: has changed, and needs a restart", origin, section, name);
}

static bool same_file(const struct option_file *a, const struct option_file *b)
{
	return !a->data == !b->data && a->size == b->size && (!a->size || !memcmp(a->data, b->data, a->size));
}

static bool same(const struct option *o, const void *a, const void *b)
{
	switch (o->type) {
	case OPTION_TEXT:
	case OPTION_PATH:
		return !strcmp(*(char *const *)a, *(char *const *)b);
	case OPTION_FILE:
		return same_file(a, b);
	default:
		return !memcmp(a, b, o->size);
	}
}

static bool differs(const struct processor *p, const void *a, const void *b)
{
	for (size_t i = 0; i < p->n_options; i++)
		if (!same(&p->options[i], (const char *)a + p->options[i].offset, (const char *)b + p->options[i].offset))
			return true;
	return false;
}

/* Notes what differs between two structs of one table. */
static void compare(struct reload *r, const char *section, const struct option *options, size_t n, const void *running, const void *fresh)
{
	for (size_t i = 0; i < n; i++) {
		const struct option *o = &options[i];
		if (same(o, (const char *)running + o->offset, (const char *)fresh + o->offset))
			continue;
		if (!(o->flags & OPTION_LIVE)) {
			refuse(r, section, o->name);
			continue;
		}
		const struct config_entry *was = entry_of(r->running, section, o->name), *is = entry_of(r->fresh, section, o->name);
		if (was && is && strcmp(was->value, is->value))
			note(r, &r->taken, "%s.%s: %s -> %s", section, o->name, was->value, is->value);
		else
			note(r, &r->taken, "%s.%s: what the file holds", section, o->name);
	}
}

static void compare_kafka(struct reload *r)
{
	const struct config_kafka *a = &r->running->kafka, *b = &r->fresh->kafka;
	for (int way = 0; way < 2; way++, a = &r->fresh->kafka, b = &r->running->kafka)
		for (size_t i = 0; i < b->n_properties; i++) {
			size_t j = 0;
			while (j < a->n_properties && strcmp(a->properties[j].name, b->properties[i].name))
				j++;
			if (j == a->n_properties || (way == 0 && strcmp(a->properties[j].value, b->properties[i].value)))
				refuse(r, "kafka", b->properties[i].name);
		}
}

static void compare_maps(struct reload *r)
{
	for (int kind = 0; kind < EVENT_KINDS; kind++) {
		const struct config_topic *a = &r->running->topics.of[kind], *b = &r->fresh->topics.of[kind];
		bool equal = a->n_maps == b->n_maps;
		for (size_t i = 0; equal && i < a->n_maps; i++)
			equal = !strcmp(a->maps[i].field, b->maps[i].field) && !strcmp(a->maps[i].path, b->maps[i].path);
		if (!equal) {
			char name[32];
			snprintf(name, sizeof(name), "%s.map", config_topic_words[kind]);
			refuse(r, "topics", name);
		}
	}
}

/* The live options of a table of the daemon's own: numbers, each stored at once. */
static void store(const struct option *options, size_t n, void *running, const void *fresh)
{
	for (size_t i = 0; i < n; i++) {
		const struct option *o = &options[i];
		void *to = (char *)running + o->offset;
		const void *from = (const char *)fresh + o->offset;
		if (!(o->flags & OPTION_LIVE))
			continue;
		assert(o->size == sizeof(int) || o->size == sizeof(int64_t));
		if (o->size == sizeof(int))
			__atomic_store_n((int *)to, *(const int *)from, __ATOMIC_RELAXED);
		else
			__atomic_store_n((int64_t *)to, *(const int64_t *)from, __ATOMIC_RELAXED);
	}
}

static void exchange(void *a, void *b, size_t size)
{
	unsigned char *x = a, *y = b;
	for (size_t i = 0; i < size; i++) {
		unsigned char z = x[i];
		x[i] = y[i];
		y[i] = z;
	}
}

int config_reload(struct config *running, struct config *fresh, struct config_errors *ret_lines)
{
	struct reload r = { .running = running, .fresh = fresh };
	struct config_more *mine = running->more, *theirs = fresh->more;
	size_t n_topics, n_redis, n_glint, n_privacy;
	const struct option *topics = config_options("topics", &n_topics), *redis = config_options("redis", &n_redis);
	const struct option *glint = config_options("glint", &n_glint), *privacy = config_options("privacy", &n_privacy);

	assert(mine->processors == theirs->processors && mine->n_processors == theirs->n_processors);
	compare_kafka(&r);
	compare(&r, "topics", topics, n_topics, &running->topics, &fresh->topics);
	compare_maps(&r);
	compare(&r, "redis", redis, n_redis, &running->redis, &fresh->redis);
	compare(&r, "glint", glint, n_glint, &running->glint, &fresh->glint);
	compare(&r, "privacy", privacy, n_privacy, &running->privacy, &fresh->privacy);
	for (size_t p = 0; p < mine->n_processors; p++) {
		const struct processor *x = mine->processors[p];
		compare(&r, x->name, x->options, x->n_options, mine->settings[p], theirs->settings[p]);
	}
	if (r.no_memory || r.refused.n) {
		config_errors_done(&r.taken);
		if (r.no_memory)
			config_errors_done(&r.refused);
		*ret_lines = r.refused;
		return r.no_memory ? -ENOMEM : -EINVAL;
	}
	store(redis, n_redis, &running->redis, &fresh->redis);
	store(glint, n_glint, &running->glint, &fresh->glint);
	for (size_t p = 0; p < mine->n_processors; p++)
		if (differs(mine->processors[p], mine->settings[p], theirs->settings[p]))
			exchange(mine->settings[p], theirs->settings[p], mine->processors[p]->settings_size);
	struct config_entry *entries = running->entries; /* what --dump-config would say, and the next reload compares with */
	size_t n_entries = running->n_entries;
	running->entries = fresh->entries;
	running->n_entries = fresh->n_entries;
	fresh->entries = entries;
	fresh->n_entries = n_entries;
	*ret_lines = r.taken;
	return (int)r.taken.n;
}
