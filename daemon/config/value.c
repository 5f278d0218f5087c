/* Numbers with units, as settings write them. Pure; used by option.c and config.c. */
#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "daemon/config/option.h"

struct unit {
	const char *name;
	int64_t factor;
};

static const struct unit durations[] = {
	{ "ms", 1 }, { "s", 1000 }, { "min", 60 * 1000 }, { "h", 3600 * 1000 }, { "d", 86400 * 1000 }, { NULL, 0 }
};

static const struct unit sizes[] = {
	{ "", 1 }, { "B", 1 }, { "KiB", 1 << 10 }, { "MiB", 1 << 20 }, { "GiB", 1 << 30 }, { "TiB", INT64_C(1) << 40 }, { NULL, 0 }
};

static const struct unit counts[] = { { "", 1 }, { NULL, 0 } };

/* [-]digits, '_' between digits, optional blanks, a unit of the list. */
static int parse(const char *text, const struct unit *units, int64_t *ret)
{
	const char *p = text;
	bool negative = *p == '-';
	int64_t n = 0;

	if (negative)
		p++;
	if (!isdigit((unsigned char)*p))
		return -EINVAL;
	for (; isdigit((unsigned char)*p) || (*p == '_' && isdigit((unsigned char)p[1])); p++) {
		if (*p == '_')
			continue;
		if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, *p - '0', &n))
			return -EINVAL;
	}
	while (*p == ' ')
		p++;
	for (const struct unit *u = units; u->name; u++)
		if (!strcmp(u->name, p)) {
			if (__builtin_mul_overflow(n, negative ? -u->factor : u->factor, &n))
				return -EINVAL;
			*ret = n;
			return 0;
		}
	return -EINVAL;
}

int option_parse_duration(const char *text, int64_t *ret_ms)
{
	if (!strcmp(text, "0")) {
		*ret_ms = 0;
		return 0;
	}
	return parse(text, durations, ret_ms);
}

int option_parse_size(const char *text, int64_t *ret_bytes)
{
	return parse(text, sizes, ret_bytes);
}

int option_parse_count(const char *text, int64_t *ret)
{
	return parse(text, counts, ret);
}
