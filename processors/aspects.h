/* What a review says of each aspect of a thing: fit, size, fabric, colour, quality, price, delivery, service, or a shop's own list.
 *
 * A text is parted at marks of punctuation and at contrasts ("but"). A part that names an aspect is scored by the lexicon's rules (learnt weights are
 * left aside: that "quality" is mentioned says something of the review, not of the quality), and a part that names none belongs to
 * the one before it when only a comma is between them. What words say of an aspect by themselves (runs small) is added, unless a negation stands right before. An aspect's sum
 * is that of its parts; it is squashed and classed as a text's is.
 *
 * The file is conf/lexicons/aspects.txt, which says its format. Built from bytes that the caller read, never changed afterwards.
 */
#ifndef GLINT_ASPECTS_H
#define GLINT_ASPECTS_H

#include "scorer.h"

enum { ASPECTS_MAX = 16,          /* aspects of one file */
	ASPECT_NAME_MAX = 32,     /* bytes of a name: letters, digits, - and _ */
	ASPECT_TERM_MAX = 48,     /* bytes of a term; at least 3 */
	ASPECT_PARTS_MAX = 256 }; /* parts of a text that are looked at */

struct aspects;

/* 0 and *ret, or -EINVAL (with a sentence "line 12: ..."), -ENOMEM. */
int aspects_create(const char *bytes, size_t size, struct aspects **ret, char *error, size_t error_size);
void aspects_destroy(struct aspects *aspects); /* NULL allowed */

int aspects_count(const struct aspects *aspects);
struct text aspects_name(const struct aspects *aspects, int aspect); /* borrowed */

/* The text's sum for each aspect that it names, before squashing (sentiment_squash). Returns a bit for each aspect named; ret_sums of others is
 * untouched. Allocates nothing; one thread at a time (it has scratch memory). */
uint32_t aspects_read(struct aspects *aspects, struct sentiment_scorer *scorer, struct text text, struct text lang, double ret_sums[ASPECTS_MAX]);

#endif
