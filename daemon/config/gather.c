/* What was written, before it is understood: the file and --set as a list of settings with their origins, and the list of errors. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/config/ini.h"
#include "daemon/config/load.h"
#include "daemon/config/option.h"

#define CONFIG_BYTES ((size_t)4 << 20)

void load_error(struct load *l, int line, const char *origin, const char *format, ...)
{
	char *sentence, *text;
	va_list args;

	if (l->n_errors == LOAD_ERRORS) {
		l->n_more_errors++;
		return;
	}
	va_start(args, format);
	int n = vasprintf(&sentence, format, args);
	va_end(args);
	if (n < 0) {
		l->no_memory = true;
		return;
	}
	if (!origin)
		origin = l->request->path ? l->request->path : "configuration";
	if (asprintf(&text, "%s: %s", origin, sentence) < 0) {
		l->no_memory = true;
	} else {
		for (char *p = text; *p; p++)
			if ((unsigned char)*p < 32 || *p == 127)
				*p = '?';
		l->errors[l->n_errors] = (struct load_error){ line, l->n_errors, text };
		l->n_errors++;
	}
	free(sentence);
}

struct raw *load_find(struct load *l, const char *section, const char *name)
{
	for (size_t i = 0; i < l->n_raws; i++)
		if (!strcmp(l->raws[i].section, section) && !strcmp(l->raws[i].name, name))
			return &l->raws[i];
	return NULL;
}

char *load_keep(struct load *l, char *text)
{
	struct config_more *m = l->config->more;
	char **grown = text ? reallocarray(m->texts, m->n_texts + 1, sizeof(*grown)) : NULL;
	if (!grown) {
		free(text);
		l->no_memory = true;
		return NULL;
	}
	m->texts = grown;
	return m->texts[m->n_texts++] = text;
}

void load_entry(struct load *l, const char *section, const char *name, const char *value, const char *origin, bool secret)
{
	struct config *c = l->config;
	struct config_entry *grown = reallocarray(c->entries, c->n_entries + 1, sizeof(*grown));
	if (!grown) {
		l->no_memory = true;
		return;
	}
	c->entries = grown;
	struct config_entry *e = &c->entries[c->n_entries++];
	*e = (struct config_entry){ strdup(section), strdup(name), strdup(value), strdup(origin), secret };
	if (!e->section || !e->name || !e->value || !e->origin)
		l->no_memory = true;
}

void load_raw_done(struct raw *r)
{
	free(r->section);
	free(r->name);
	free(r->value);
	free(r->origin);
}

static void add_raw(struct load *l, const char *section, const char *name, const char *value, const char *origin, int line)
{
	struct raw r = { strdup(section), strdup(name), strdup(value), strdup(origin), line, false };
	struct raw *grown = reallocarray(l->raws, l->n_raws + 1, sizeof(*grown));
	if (grown)
		l->raws = grown;
	if (!grown || !r.section || !r.name || !r.value || !r.origin) {
		load_raw_done(&r);
		l->no_memory = true;
		return;
	}
	l->raws[l->n_raws++] = r;
}

static char *origin_of(struct load *l, int line)
{
	char *origin;
	if (asprintf(&origin, "%s:%d", l->request->path, line) < 0) {
		l->no_memory = true;
		return NULL;
	}
	return origin;
}

static void on_section(void *to, const char *section, int line)
{
	struct load *l = to;
	struct raw_section *grown = reallocarray(l->sections, l->n_sections + 1, sizeof(*grown));
	if (!grown) {
		l->no_memory = true;
		return;
	}
	l->sections = grown;
	l->sections[l->n_sections++] = (struct raw_section){ strdup(section), origin_of(l, line), line };
	if (!l->sections[l->n_sections - 1].name)
		l->no_memory = true;
}

static void on_pair(void *to, const char *section, const char *name, const char *value, int line)
{
	struct load *l = to;
	char *origin = origin_of(l, line);
	struct raw *before;

	if (!origin)
		return;
	if (!section[0])
		load_error(l, line, origin, "%s: stands before the first [section]", name);
	else if ((before = load_find(l, section, name)))
		load_error(l, line, origin, "%s.%s: is set twice, first at %s", section, name, before->origin);
	else
		add_raw(l, section, name, value, origin, line);
	free(origin);
}

static void on_wrong(void *to, int line, const char *sentence)
{
	struct load *l = to;
	char *origin = origin_of(l, line);
	if (origin)
		load_error(l, line, origin, "%s", sentence);
	free(origin);
}

void load_file(struct load *l)
{
	static const struct ini_calls calls = { on_section, on_pair, on_wrong };
	struct option_file file;
	char error[OPTION_ERROR_BYTES];
	char *slash;

	if (option_read_file(l->request->path, CONFIG_BYTES, &file, error, sizeof(error)) < 0) {
		load_error(l, 0, "--config", "%s", error);
		return;
	}
	if (ini_read(file.data, file.size, &calls, l) < 0)
		l->no_memory = true;
	slash = strrchr(file.path, '/');
	if (slash) {
		slash[slash == file.path] = 0;
		l->folder = file.path;
	} else {
		free(file.path);
	}
	free(file.data);
}

static void trim(char *s)
{
	size_t n = strlen(s), blank = strspn(s, " \t");
	while (n > blank && strchr(" \t\r\n", s[n - 1]))
		n--;
	memmove(s, s + blank, n - blank);
	s[n - blank] = 0;
}

void load_set(struct load *l, const char *text)
{
	char *copy = strdup(text);
	if (!copy) {
		l->no_memory = true;
		return;
	}
	char *equals = strchr(copy, '='), *dot = strchr(copy, '.');
	if (!equals || !dot || dot > equals) {
		load_error(l, LINE_SET, "--set", "'%.*s' is not section.option=value", (int)(equals ? equals - copy : 60), copy);
		goto out;
	}
	*dot = *equals = 0;
	trim(copy);
	trim(dot + 1);
	trim(equals + 1);
	struct raw *r = load_find(l, copy, dot + 1);
	if (r) { /* the later wins, over the file and over an earlier --set */
		char *value = strdup(equals + 1), *origin = strdup("--set");
		if (value && origin) {
			free(r->value);
			free(r->origin);
			r->value = value;
			r->origin = origin;
			r->line = LINE_SET;
		} else {
			free(value);
			free(origin);
			l->no_memory = true;
		}
	} else {
		add_raw(l, copy, dot + 1, equals + 1, "--set", LINE_SET);
	}
out:
	free(copy);
}

