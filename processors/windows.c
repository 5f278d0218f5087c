/* See windows.h. */
#include "windows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* One duration of a list: "15min", "4h", "7d". 0 and *at behind it, or -EINVAL. */
static int duration(const char **at, int64_t *ret_ms)
{
	static const struct {
		const char *name;
		int64_t ms;
	} units[] = { { "min", 60000 }, { "h", 3600000 }, { "d", 86400000 } };
	char *end;
	long n = strtol(*at, &end, 10);
	for (size_t i = 0; end != *at && n > 0 && n < 100000 && i < sizeof(units) / sizeof(*units); i++) {
		size_t size = strlen(units[i].name);
		if (strncmp(end, units[i].name, size) != 0 || (end[size] && end[size] != ' '))
			continue;
		*ret_ms = n * units[i].ms;
		*at = end + size;
		return 0;
	}
	return -EINVAL;
}

int windows_parse(const char *list, int64_t pane_ms, int64_t below_ms, int most, int64_t *ret)
{
	int64_t before = 0, ms;
	int n = 0;
	for (const char *at = list; *(at += strspn(at, " "));) {
		if (duration(&at, &ms) || ms <= before || n == most)
			return -EINVAL;
		before = ms;
		if (ms < below_ms && ms >= pane_ms)
			ret[n++] = ms / pane_ms;
	}
	return n;
}
