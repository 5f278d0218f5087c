#include "daemon/config/suggest.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

#define LONGEST 63

static int folded(char c)
{
	return c == '-' || c == '.' ? '_' : tolower((unsigned char)c);
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

size_t suggest_distance(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);
	size_t rows[3][LONGEST + 1];
	size_t *before = rows[0], *above = rows[1], *row = rows[2];

	if (n > LONGEST || m > LONGEST)
		return SIZE_MAX;
	for (size_t j = 0; j <= m; j++)
		above[j] = before[j] = j;
	for (size_t i = 1; i <= n; i++) {
		row[0] = i;
		for (size_t j = 1; j <= m; j++) {
			int x = folded(a[i - 1]), y = folded(b[j - 1]);
			row[j] = least(least(above[j] + 1, row[j - 1] + 1), above[j - 1] + (x != y));
			if (i > 1 && j > 1 && x == folded(b[j - 2]) && y == folded(a[i - 2]))
				row[j] = least(row[j], before[j - 2] + 1);
		}
		size_t *t = before;
		before = above;
		above = row;
		row = t;
	}
	return above[m];
}

void suggest_offer(struct suggestion *s, const char *name)
{
	size_t limit = least((strlen(s->wanted) + 2) / 3, 4);
	size_t distance = suggest_distance(s->wanted, name);

	if (distance > limit || (s->best && distance >= s->distance))
		return;
	s->best = name;
	s->distance = distance;
}
