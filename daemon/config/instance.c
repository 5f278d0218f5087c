/* The name of this process where nobody gave one: the host's, and that of the unit it runs in. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-login.h>
#include <unistd.h>

#include "daemon/config/load.h"

char *config_default_instance(void)
{
	char host[256] = "", *unit = NULL, *name;
	const char *suffix;

	if (gethostname(host, sizeof(host) - 1) < 0 || !host[0])
		snprintf(host, sizeof(host), "localhost");
	if (sd_pid_get_unit(0, &unit) < 0)
		unit = NULL;
	suffix = unit ? strrchr(unit, '.') : NULL;
	/* A shell's scope or a manager's own unit says nothing of us. */
	bool ours = suffix && !strcmp(suffix, ".service") && !strncmp(unit, "glint", 5);
	if (asprintf(&name, "%s-%.*s", host, ours ? (int)(suffix - unit) : 6, ours ? unit : "glintd") < 0)
		name = NULL;
	free(unit);
	for (char *p = name; p && *p; p++)
		if (*p == '@' || *p == '\\' || *p == ':')
			*p = '-';
	return name;
}
