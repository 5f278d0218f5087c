/* Sections and options that nobody knows, and what was probably meant. */
#include <string.h>

#include "daemon/config/load.h"
#include "daemon/config/suggest.h"
#include "processors/processor.h"

static const struct option *table_of(struct load *l, const char *section, size_t *ret_n)
{
	const struct option *options = config_options(section, ret_n);
	for (size_t i = 0; !options && i < l->request->n_processors; i++)
		if (!strcmp(l->request->processors[i]->name, section)) {
			*ret_n = l->request->processors[i]->n_options;
			return l->request->processors[i]->options;
		}
	return options;
}

static bool known_section(struct load *l, const char *section)
{
	size_t n;
	if (!strcmp(section, "kafka") || config_options(section, &n))
		return true;
	for (size_t i = 0; i < l->request->n_processors; i++)
		if (!strcmp(l->request->processors[i]->name, section))
			return true;
	return false;
}

static void each_section(struct load *l, void (*call)(struct load *l, const char *section, void *to), void *to)
{
	static const char *const ours[] = { "kafka", "topics", "redis", "glint", "privacy" };
	for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++)
		call(l, ours[i], to);
	for (size_t i = 0; i < l->request->n_processors; i++)
		call(l, l->request->processors[i]->name, to);
}

static void offer_section(struct load *l, const char *section, void *to)
{
	(void)l;
	suggest_offer(to, section);
}

struct elsewhere {
	const char *name, *section;
};

static void look_elsewhere(struct load *l, const char *section, void *to)
{
	struct elsewhere *e = to;
	size_t n = 0;
	const struct option *options = table_of(l, section, &n);
	for (size_t i = 0; i < n && !e->section; i++)
		if (!strcmp(options[i].name, e->name))
			e->section = section;
}

static void unknown_section(struct load *l, const char *section, const char *origin, int line)
{
	struct suggestion s = { .wanted = section };
	each_section(l, offer_section, &s);
	if (s.best)
		load_error(l, line, origin, "[%s]: unknown section; did you mean '%s'?", section, s.best);
	else
		load_error(l, line, origin, "[%s]: unknown section; allowed: kafka, topics, redis, glint and one for each processor", section);
}

static void unknown_option(struct load *l, const struct raw *r)
{
	struct suggestion s = { .wanted = r->name };
	struct elsewhere e = { .name = r->name };
	size_t n = 0;
	const struct option *options = table_of(l, r->section, &n);

	for (size_t i = 0; i < n; i++)
		suggest_offer(&s, options[i].name);
	if (!strcmp(r->section, "topics"))
		for (int i = 0; i < EVENT_KINDS; i++)
			suggest_offer(&s, config_topic_words[i]);
	each_section(l, look_elsewhere, &e);
	if (e.section)
		load_error(l, r->line, r->origin, "%s.%s: unknown option; it is one of [%s]", r->section, r->name, e.section);
	else if (s.best)
		load_error(l, r->line, r->origin, "%s.%s: unknown option; did you mean '%s'?", r->section, r->name, s.best);
	else
		load_error(l, r->line, r->origin, "%s.%s: unknown option; conf/glintd.conf lists those of [%s]", r->section, r->name, r->section);
}

void load_check_names(struct load *l)
{
	for (size_t i = 0; i < l->n_sections; i++)
		if (!known_section(l, l->sections[i].name))
			unknown_section(l, l->sections[i].name, l->sections[i].origin, l->sections[i].line);
	for (size_t i = 0; i < l->n_raws; i++) {
		const struct raw *r = &l->raws[i];
		if (r->used)
			continue;
		if (known_section(l, r->section))
			unknown_option(l, r);
		else if (r->line == LINE_SET)
			unknown_section(l, r->section, r->origin, r->line);
	}
}
