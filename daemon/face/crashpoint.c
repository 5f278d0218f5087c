/* Points at which tests end the daemon; see crashpoint.h. */
#include "daemon/face/crashpoint.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/face/log.h"

void crashpoint(const char *name)
{
	const char *path = getenv("GLINT_TEST_CRASH_AT");
	char line[64] = "";
	if (!path)
		return;
	FILE *f = fopen(path, "re");
	if (!f)
		return;
	if (!fgets(line, sizeof(line), f))
		line[0] = '\0';
	fclose(f);
	line[strcspn(line, "\n")] = '\0';
	if (strcmp(line, name) != 0)
		return;
	log_info(NULL, "crash point %s: killed (GLINT_TEST_CRASH_AT)", name);
	raise(SIGKILL);
}
