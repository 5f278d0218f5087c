/* The nearest of some names, for "did you mean". */
#ifndef GLINT_SUGGEST_H
#define GLINT_SUGGEST_H

#include <stddef.h>

/* Keeps the nearest name seen. Start with { wanted }. */
struct suggestion {
	const char *wanted;
	const char *best; /* borrowed from the offers; NULL: nothing was near */
	size_t distance;
};

/* Offers one more name. Near: at most a third of the wanted name's letters changed, and no more than 4; the first of equals stays. */
void suggest_offer(struct suggestion *s, const char *name);

/* Letters to insert, delete, replace or swap with the next (optimal string alignment), '-' '_' '.' and case counting as equal.
 * Names over 63 bytes are far from everything: SIZE_MAX. */
size_t suggest_distance(const char *a, const char *b);

#endif
