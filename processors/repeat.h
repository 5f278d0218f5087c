/* When something that a shopper has bought may be recommended again: a rule by category, learnt from purchases of the same item.
 *
 * A category counts the gaps between two purchases of one item by one shopper, of a day or more, by half octaves of days: bucket i holds gaps of
 * [2^(i/2), 2^((i+1)/2)) days, the last one all that are longer. What is used up is bought again: with REPEAT_GAPS gaps or more, and at least a
 * tenth as many gaps as purchases, an item of a category that the shop calls consumable may be recommended again after .7 x the median gap (interpolated within its bucket, in
 * the exponent: off by less than a bucket, a factor of 1.41). In other categories, never.
 */
#ifndef GLINT_REPEAT_H
#define GLINT_REPEAT_H

#include "processor.h"

enum { REPEAT_BUCKETS = 16,
	REPEAT_GAPS = 20 };

/* The bucket of a gap in ms; -1: less than a day, no repeat. */
int repeat_bucket(int64_t gap_ms);
/* ms after a purchase; 0: never. gaps: REPEAT_BUCKETS of them, NULL allowed. */
int64_t repeat_after(const int64_t *gaps, int64_t purchases);

#endif
