/* What goes beyond one option: addresses, names, one option against another. Each assumes that its section's options were read. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/config/address.h"
#include "daemon/config/load.h"
#include "daemon/config/option.h"
#include "daemon/config/suggest.h"
#include "processors/processor.h"

void load_error_at(struct load *l, const char *section, const char *name, const char *format, ...)
{
	const struct raw *r = load_find(l, section, name);
	char *sentence;
	va_list args;
	va_start(args, format);
	int n = vasprintf(&sentence, format, args);
	va_end(args);
	if (n < 0) {
		l->no_memory = true;
		return;
	}
	load_error(l, r ? r->line : LINE_NONE, r ? r->origin : NULL, "%s.%s: %s", section, name, sentence);
	free(sentence);
}

void load_check_topics(struct load *l)
{
	struct config *c = l->config;
	bool any = false;

	for (int i = 0; i < EVENT_KINDS; i++) {
		const char *name = c->topics.of[i].name;
		if (!name[0])
			continue;
		any |= i != EVENT_ITEM;
		if (!address_kafka_name(name, 249))
			load_error_at(l, "topics", config_topic_words[i], "'%s' is not a topic's name; allowed: 1 to 249 letters, digits, '.', '_' and '-'", name);
		for (int j = 0; j < i; j++)
			if (!strcmp(name, c->topics.of[j].name))
				load_error_at(l, "topics", config_topic_words[i], "'%s' is the topic of %s already", name, config_topic_words[j]);
	}
	if (!any)
		load_error(l, LINE_NONE, NULL, "topics: no input is set; at least one of clicks, purchases and reviews names a topic");
}

void load_check_redis(struct load *l)
{
	struct config_redis *r = &l->config->redis;
	char error[OPTION_ERROR_BYTES];

	int e = address_redis(r->url, r, error, sizeof(error));
	if (e == -ENOMEM)
		l->no_memory = true;
	else if (e < 0)
		load_error_at(l, "redis", "url", "%s", error);
	if (!r->prefix[0] || strlen(r->prefix) > 64 || strpbrk(r->prefix, " \t{}*?[]\"'"))
		load_error_at(l, "redis", "prefix", "'%s' cannot begin a key; allowed: 1 to 64 characters without blanks, quotes, brackets, '*' and '?'", r->prefix);
	if (r->password_file.data) {
		r->password = strndup(r->password_file.data, strcspn(r->password_file.data, "\r\n"));
		if (!r->password)
			l->no_memory = true;
		else if (!r->password[0])
			load_error_at(l, "redis", "password_file", "the first line of '%s' is empty; it holds the password", r->password_file.path);
	}
	if (r->user && !r->password && e == 0)
		load_error_at(l, "redis", "url", "names a user, but redis.password_file is not set");
}

/* The key is the file without the line's end. */
void load_check_privacy(struct load *l)
{
	struct config_privacy *p = &l->config->privacy;
	size_t size = p->key_file.size;
	if (!p->key_file.data)
		return;
	while (size && (p->key_file.data[size - 1] == '\n' || p->key_file.data[size - 1] == '\r'))
		size--;
	if (size < PSEUDONYM_KEY_LEAST)
		load_error_at(l, "privacy", "key_file", "'%s' holds %zu bytes; a key has at least %d", p->key_file.path, size, PSEUDONYM_KEY_LEAST);
	else
		pseudonym_key(&p->key, p->key_file.data, size);
	explicit_bzero(p->key_file.data, p->key_file.size);
}

static void set_instance(struct load *l)
{
	struct config_glint *g = &l->config->glint;
	const char *given = l->request->instance, *environment = getenv("GLINT_INSTANCE");
	const char *origin = "--instance";
	char *name = NULL;

	if (given) {
		name = strdup(given);
	} else if (g->instance[0]) {
		name = strdup(g->instance);
		origin = NULL;
	} else if (environment && environment[0]) {
		name = strdup(environment);
		origin = "GLINT_INSTANCE";
	} else {
		name = config_default_instance();
		origin = "host and unit";
	}
	if (!name) {
		l->no_memory = true;
		return;
	}
	free(g->instance);
	g->instance = name;
	if (!address_kafka_name(name, 128)) {
		if (origin)
			load_error(l, LINE_SET, origin, "'%s' is not an instance's name; allowed: 1 to 128 letters, digits, '.', '_' and '-'", name);
		else
			load_error_at(l, "glint", "instance", "'%s' is not a name; allowed: 1 to 128 letters, digits, '.', '_' and '-'", name);
	}
	for (size_t i = 0; origin && i < l->config->n_entries; i++) {
		struct config_entry *e = &l->config->entries[i];
		if (strcmp(e->section, "glint") || strcmp(e->name, "instance"))
			continue;
		free(e->value);
		free(e->origin);
		e->value = strdup(name);
		e->origin = strdup(origin);
		if (!e->value || !e->origin)
			l->no_memory = true;
	}
}

bool config_next_word(const char **at, struct text *ret)
{
	*at += strspn(*at, ", ");
	size_t n = strcspn(*at, ", ");
	*ret = (struct text){ *at, (uint32_t)n };
	*at += n;
	return n > 0;
}

/* Names that nobody has, and what others cannot do without. */
void load_check_off(struct load *l)
{
	struct text word;
	char name[64];
	for (const char *at = l->config->glint.off; config_next_word(&at, &word);) {
		struct suggestion s = { .wanted = name };
		bool known = false;
		snprintf(name, sizeof(name), "%.*s", (int)word.size, word.data);
		for (size_t i = 0; i < l->request->n_processors; i++) {
			suggest_offer(&s, l->request->processors[i]->name);
			known |= text_equal(word, text_of(l->request->processors[i]->name));
		}
		if (!known)
			load_error_at(l, "glint", "off", "there is no processor '%s'%s%s%s", name, s.best ? "; did you mean '" : "; each is a section of the configuration",
				s.best ? s.best : "", s.best ? "'?" : "");
	}
	for (size_t i = 0; i < l->request->n_processors; i++) {
		const struct processor *p = l->request->processors[i];
		if (p->needs && config_processor_off(l->config, p->needs) && !config_processor_off(l->config, p->name))
			load_error_at(l, "glint", "off", "%s needs %s: switch it off too, or leave %s on", p->name, p->needs, p->needs);
	}
}

void load_check_glint(struct load *l)
{
	struct config_glint *g = &l->config->glint;
	char error[OPTION_ERROR_BYTES];

	set_instance(l);
	if (address_http(g->http, g, error, sizeof(error)) < 0)
		load_error_at(l, "glint", "http", "%s", error);
	if (g->rating_min >= g->rating_max)
		load_error_at(l, "glint", "rating_max", "%g is not above glint.rating_min, %g", g->rating_max, g->rating_min);
	if (g->replication_factor == 0)
		load_error_at(l, "glint", "replication_factor", "'0' replicas hold nothing; allowed: -1 (the broker's default), or 1 to 32");
	if (g->user_expiry_ms && g->user_expiry_ms < g->allowed_lateness_ms)
		load_error_at(l, "glint", "user_expiry", "is less than glint.allowed_lateness: a late record would find its shopper forgotten");
	if (g->item_expiry_ms && g->item_expiry_ms < g->allowed_lateness_ms)
		load_error_at(l, "glint", "item_expiry", "is less than glint.allowed_lateness: a late record would find its item forgotten");
	if (g->guarantee == GUARANTEE_AT_LEAST_ONCE && !l->request->embedded && !l->request->ctl)
		load_error_at(l, "glint", "guarantee", "at_least_once is for --embedded, whose broker has no transactions; allowed: exactly_once");
	if (l->request->embedded) {
		g->guarantee = GUARANTEE_AT_LEAST_ONCE;
		for (size_t i = 0; i < l->config->n_entries; i++) {
			struct config_entry *e = &l->config->entries[i];
			if (strcmp(e->section, "glint") || strcmp(e->name, "guarantee") || !strcmp(e->value, "at_least_once"))
				continue;
			free(e->value);
			free(e->origin);
			e->value = strdup("at_least_once");
			e->origin = strdup("--embedded");
			if (!e->value || !e->origin)
				l->no_memory = true;
		}
	}
}
