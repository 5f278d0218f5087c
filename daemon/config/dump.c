/* The configuration written out: for people (--dump-config), and for glintctl beside an embedded broker. */
#include <string.h>

#include "daemon/config/config.h"

static const char masked[] = "********";

static void open_section(FILE *to, const char **section, const char *next)
{
	if (*section && !strcmp(*section, next))
		return;
	fprintf(to, "%s[%s]\n", *section ? "\n" : "", next);
	*section = next;
}

void config_dump(const struct config *c, FILE *to)
{
	const char *section = NULL;
	for (size_t i = 0; i < c->n_entries; i++) {
		const struct config_entry *e = &c->entries[i];
		open_section(to, &section, e->section);
		int n = fprintf(to, "%s = %s", e->name, e->secret && e->value[0] ? masked : e->value);
		fprintf(to, "%*s ; %s\n", n < 48 ? 48 - n : 0, "", e->origin);
	}
}

void config_write_embedded(const struct config *c, const char *bootstrap_servers, FILE *to)
{
	const char *section = "kafka";
	fprintf(to, "; written by glintd --embedded; gone when it ends\n[kafka]\nbootstrap.servers = %s\ngroup.id = %s\n", bootstrap_servers,
		c->kafka.group_id);
	for (size_t i = 0; i < c->n_entries; i++) {
		const struct config_entry *e = &c->entries[i];
		if (!strcmp(e->section, "kafka") || !strcmp(e->origin, "default") || e->secret)
			continue;
		open_section(to, &section, e->section);
		fprintf(to, "%s = %s\n", e->name, e->value);
	}
}
