/* config_load: what was written goes through it section by section. Every step notes its errors and goes on, so that one run
 * shows them all; only memory ends it early. gather.c reads, check.c and names.c judge, passthrough.c has [kafka]. */
#include "daemon/config/config.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/config/load.h"
#include "daemon/config/option.h"
#include "processors/processor.h"

const char *const config_topic_words[EVENT_KINDS] = {
	[EVENT_CLICK] = "clicks", [EVENT_PURCHASE] = "purchases", [EVENT_REVIEW] = "reviews", [EVENT_ITEM] = "items"
};

static bool load_table(struct load *l, const char *section, const struct option *options, size_t n, void *settings)
{
	char error[OPTION_ERROR_BYTES];
	size_t before = l->n_errors + l->n_more_errors;

	for (size_t i = 0; i < n && !l->no_memory; i++) {
		const struct option *o = &options[i];
		struct raw *r = load_find(l, section, o->name);
		const struct option_folders folders = { r && r->line != LINE_SET ? l->folder : NULL };
		if (r)
			r->used = true;
		if (!r && (o->flags & OPTION_REQUIRED)) {
			char allowed[256];
			option_allowed(o, allowed, sizeof(allowed));
			load_error(l, LINE_NONE, NULL, "%s.%s: is required and not set; allowed: %s", section, o->name, allowed);
			continue;
		}
		const char *value = r ? r->value : o->value ? o->value : "";
		int e = option_set(o, settings, value, !r, &folders, error, sizeof(error));
		if (e == -ENOMEM)
			l->no_memory = true;
		else if (e < 0)
			load_error(l, r ? r->line : LINE_NONE, r ? r->origin : NULL, "%s.%s: %s", section, o->name, error);
		else
			load_entry(l, section, o->name, option_shown(o, settings, value), r ? r->origin : "default", o->flags & OPTION_SECRET);
	}
	return l->n_errors + l->n_more_errors == before;
}

static void load_maps(struct load *l, enum event_kind kind)
{
	struct config_topic *t = &l->config->topics.of[kind];
	char prefix[32];
	size_t n = (size_t)snprintf(prefix, sizeof(prefix), "%s.map.", config_topic_words[kind]);
	struct field_map *maps = calloc(l->n_raws + 1, sizeof(*maps));

	t->maps = maps;
	if (!maps) {
		l->no_memory = true;
		return;
	}
	for (size_t i = 0; i < l->n_raws; i++) {
		struct raw *r = &l->raws[i];
		if (strcmp(r->section, "topics") || strncmp(r->name, prefix, n))
			continue;
		r->used = true;
		if (!r->name[n] || !r->value[0])
			load_error(l, r->line, r->origin, "topics.%s: allowed: %sFIELD = PATH, as in %suser_id = visitor.id", r->name, prefix, prefix);
		else
			maps[t->n_maps++] = (struct field_map){ r->name + n, r->value };
		load_entry(l, "topics", r->name, r->value, r->origin, false);
	}
}

static int section_line(const struct load *l, const char *section, const char **ret_origin)
{
	for (size_t i = 0; i < l->n_sections; i++)
		if (!strcmp(l->sections[i].name, section)) {
			*ret_origin = l->sections[i].origin;
			return l->sections[i].line;
		}
	*ret_origin = NULL;
	return LINE_NONE;
}

static void load_processor(struct load *l, size_t i)
{
	const struct processor *p = l->request->processors[i];
	struct config_more *m = l->config->more;
	char error[OPTION_ERROR_BYTES] = "is not usable";
	const char *origin;

	m->settings[i] = calloc(1, p->settings_size ? p->settings_size : 1);
	if (!m->settings[i]) {
		l->no_memory = true;
		return;
	}
	if (!load_table(l, p->name, p->options, p->n_options, m->settings[i]) || l->no_memory)
		return;
	if (p->scale)
		p->scale(m->settings[i], l->config->glint.rating_min, l->config->glint.rating_max);
	if (!p->setup)
		return;
	int r = p->setup(m->settings[i], error, sizeof(error));
	if (r == 0) {
		m->set_up[i] = true;
	} else {
		int line = section_line(l, p->name, &origin);
		load_error(l, line, origin, "[%s]: %s", p->name, error);
	}
}


static int by_line(const void *a, const void *b)
{
	const struct load_error *x = a, *y = b;
	return x->line != y->line ? (x->line < y->line ? -1 : 1) : x->nth < y->nth ? -1 : x->nth > y->nth;
}

static void give_errors(struct load *l, struct config_errors *errors)
{
	qsort(l->errors, l->n_errors, sizeof(*l->errors), by_line);
	errors->lines = calloc(l->n_errors + 1, sizeof(*errors->lines));
	if (!errors->lines) {
		l->no_memory = true;
		return;
	}
	for (size_t i = 0; i < l->n_errors; i++) {
		errors->lines[errors->n++] = l->errors[i].text;
		l->errors[i].text = NULL;
	}
	if (l->n_more_errors && asprintf(&errors->lines[errors->n], "and %zu more", l->n_more_errors) >= 0)
		errors->n++;
}

static void load_all(struct load *l)
{
	const struct config_request *q = l->request;
	struct config *c = l->config;
	size_t n;
	const struct option *options;

	if (q->path) {
		load_file(l);
		if (l->n_errors && !l->folder) /* the file cannot be read: nothing else is worth saying */
			return;
	}
	for (size_t i = 0; i < q->n_sets; i++)
		load_set(l, q->sets[i]);
	if (l->no_memory)
		return;

	load_kafka(l);
	options = config_options("topics", &n);
	bool topics = load_table(l, "topics", options, n, &c->topics);
	for (int i = 0; i < EVENT_KINDS && !l->no_memory; i++)
		load_maps(l, i);
	if (topics && !l->no_memory)
		load_check_topics(l);
	options = config_options("redis", &n);
	if (load_table(l, "redis", options, n, &c->redis) && !l->no_memory)
		load_check_redis(l);
	options = config_options("glint", &n);
	bool glint = load_table(l, "glint", options, n, &c->glint);
	if (c->glint.off && !l->no_memory) /* whatever else is wrong there */
		load_check_off(l);
	if (glint && !l->no_memory)
		load_check_glint(l);
	options = config_options("privacy", &n);
	if (load_table(l, "privacy", options, n, &c->privacy) && !l->no_memory)
		load_check_privacy(l);
	for (size_t i = 0; i < q->n_processors && !l->no_memory; i++)
		load_processor(l, i);
	if (!l->no_memory)
		load_check_names(l);
	for (int i = 0; q->check_topic && topics && !l->no_memory && i < EVENT_KINDS; i++) {
		char error[OPTION_ERROR_BYTES] = "its records cannot be decoded";
		if (c->topics.of[i].name[0] && q->check_topic(c, i, error, sizeof(error)) < 0)
			load_error_at(l, "topics", config_topic_words[i], "%s", error);
	}
}

int config_load(const struct config_request *request, struct config **ret_config, struct config_errors *errors)
{
	struct config *c = calloc(1, sizeof(*c));
	struct load l = { .request = request, .config = c, .errors = calloc(LOAD_ERRORS, sizeof(*l.errors)) };
	size_t n = request->n_processors;

	if (!c || !l.errors)
		goto no_memory;
	c->embedded = request->embedded;
	c->path = request->path ? strdup(request->path) : NULL;
	c->more = calloc(1, sizeof(*c->more));
	if (!c->more || (request->path && !c->path))
		goto no_memory;
	c->more->processors = request->processors;
	c->more->settings = calloc(n + 1, sizeof(*c->more->settings));
	c->more->set_up = calloc(n + 1, sizeof(*c->more->set_up));
	if (!c->more->settings || !c->more->set_up)
		goto no_memory;
	c->more->n_processors = n;
	load_all(&l);
	goto out;
no_memory:
	l.no_memory = true;
out:
	if (!l.no_memory && l.n_errors)
		give_errors(&l, errors);
	for (size_t i = 0; i < l.n_errors; i++)
		free(l.errors[i].text);
	free(l.errors);
	for (size_t i = 0; i < l.n_sections; i++) {
		free(l.sections[i].name);
		free(l.sections[i].origin);
	}
	free(l.sections);
	free(l.folder);
	if (c && c->more) {
		c->more->raws = l.raws;
		c->more->n_raws = l.n_raws;
	}
	if (l.no_memory || l.n_errors) {
		config_destroy(c);
		return l.no_memory ? -ENOMEM : -EINVAL;
	}
	*ret_config = c;
	return 0;
}

void config_errors_done(struct config_errors *errors)
{
	for (size_t i = 0; i < errors->n; i++)
		free(errors->lines[i]);
	free(errors->lines);
	*errors = (struct config_errors){ NULL, 0 };
}

void config_destroy(struct config *c)
{
	size_t n;
	const struct option *options;

	if (!c)
		return;
	options = config_options("topics", &n);
	option_free(options, n, &c->topics);
	options = config_options("redis", &n);
	option_free(options, n, &c->redis);
	options = config_options("glint", &n);
	option_free(options, n, &c->glint);
	options = config_options("privacy", &n);
	option_free(options, n, &c->privacy);
	explicit_bzero(&c->privacy.key, sizeof(c->privacy.key));
	for (int i = 0; i < EVENT_KINDS; i++)
		free((void *)c->topics.of[i].maps);
	free(c->redis.host);
	free(c->redis.unix_path);
	free(c->redis.user);
	free(c->redis.where);
	if (c->redis.password)
		explicit_bzero(c->redis.password, strlen(c->redis.password));
	free(c->redis.password);
	free(c->kafka.properties);
	for (size_t i = 0; i < c->n_entries; i++) {
		free(c->entries[i].section);
		free(c->entries[i].name);
		free(c->entries[i].value);
		free(c->entries[i].origin);
	}
	free(c->entries);
	struct config_more *m = c->more;
	for (size_t i = 0; m && m->settings && i < m->n_processors; i++) {
		if (m->set_up[i] && m->processors[i]->teardown)
			m->processors[i]->teardown(m->settings[i]);
		if (m->settings[i])
			option_free(m->processors[i]->options, m->processors[i]->n_options, m->settings[i]);
		free(m->settings[i]);
	}
	if (m) {
		for (size_t i = 0; i < m->n_raws; i++)
			load_raw_done(&m->raws[i]);
		for (size_t i = 0; i < m->n_texts; i++)
			free(m->texts[i]);
		free(m->raws);
		free(m->texts);
		free(m->settings);
		free(m->set_up);
	}
	free(m);
	free(c->path);
	free(c);
}

const void *config_settings(const struct config *c, const char *processor)
{
	for (size_t i = 0; i < c->more->n_processors; i++)
		if (!strcmp(c->more->processors[i]->name, processor))
			return c->more->settings[i];
	return NULL;
}

bool config_processor_off(const struct config *c, const char *processor)
{
	struct text word;
	for (const char *at = c->glint.off; config_next_word(&at, &word);)
		if (text_equal(word, text_of(processor)))
			return true;
	return false;
}

void config_decoder(const struct config *c, enum event_kind kind, struct decoder_settings *ret)
{
	const struct config_topic *t = &c->topics.of[kind];
	*ret = (struct decoder_settings){
		.framing = (enum framing)t->framing,
		.schema = t->schema.data,
		.schema_name = t->schema.data ? t->schema.path : NULL,
		.ids_folder = t->schema_ids[0] ? t->schema_ids : NULL,
		.maps = t->maps,
		.n_maps = t->n_maps,
		.limits = { .max_bytes = (uint32_t)c->glint.max_record_bytes,
			    .rating_min_milli = (int32_t)lround(c->glint.rating_min * 1000),
			    .rating_max_milli = (int32_t)lround(c->glint.rating_max * 1000) },
	};
}
