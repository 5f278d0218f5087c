#include "repeat.h"

#include <math.h>

#define DAY_OF_MS ((double)86400000)

int repeat_bucket(int64_t gap_ms)
{
	if (gap_ms < 86400000)
		return -1;
	int bucket = (int)floor(2 * log2((double)gap_ms / DAY_OF_MS));
	return bucket < REPEAT_BUCKETS ? bucket : REPEAT_BUCKETS - 1;
}

int64_t repeat_after(const int64_t *gaps, int64_t purchases)
{
	int64_t all = 0, before = 0;
	for (int i = 0; gaps && i < REPEAT_BUCKETS; i++)
		all += gaps[i];
	if (all < REPEAT_GAPS || all * 10 < purchases)
		return 0;
	int at = 0;
	while (2 * (before + gaps[at]) < all)
		before += gaps[at++];
	double within = ((double)all / 2 - (double)before) / (double)gaps[at];
	return (int64_t)(.7 * exp2((at + within) / 2) * DAY_OF_MS);
}
