/* Frequent itemsets of a list of baskets: all sizes, exact counts. A batch, not a stream: pairs.h counts those.
 *
 * Items are ranked by falling count. A basket becomes its items by rank, so what comes before an item are the more frequent ones. For
 * each item i of a set of baskets, the baskets that hold it, cut off before i and freed of what is too rare among them, are a smaller
 * set of baskets of the same kind: its frequent items x are the frequent sets {i, x}, and so on downwards. Every frequent set is met once, by its
 * items from the rarest to the most frequent.
 *
 *   level   tokens: the cut baskets, one behind the other      occurrences of item x: where its basket begins, how much is before x
 *
 * Equal baskets that come to lie side by side are one with a weight. Where m items are left, few enough (LEAF_ITEMS), their baskets are
 * bit masks: one table of 2^m counts, and the sums over supersets, m 2^(m-1) additions, are the counts of all sets of those items at once.
 *
 * Sources: depth-first projection, J. Han, J. Pei & Y. Yin, "Mining frequent patterns without candidate generation", SIGMOD 2000;
 * counting all extensions of a set in one pass over its occurrences, T. Uno et al., "LCM ver. 2", FIMI 2004; sums over supersets (zeta
 * transform), F. Yates 1937. Departures: arrays instead of a prefix tree, masks at the leaves. Cost: the sum, over the frequent sets, of
 * the lengths of their cut baskets. Memory: that of the baskets for each level of depth at most, usually a fraction.
 */
#ifndef GLINT_MINER_H
#define GLINT_MINER_H

#include <stddef.h>
#include <stdint.h>

struct miner_baskets {
	const uint32_t *items; /* ids 0..n_items-1, any order, none twice in one basket */
	const size_t *ends;    /* basket i is items[ends[i - 1] .. ends[i]), the first begins at 0 */
	size_t n;              /* baskets; < UINT32_MAX */
	uint32_t n_items;
};

/* One frequent set: `n` ids (rarest first) and the number of baskets that hold them all. Borrowed for the call. Another value than 0
 * ends the run, which returns it. */
typedef int miner_visit(void *to, const uint32_t *items, uint32_t n, uint32_t count);

/* Visits every set of 1..max_size items (0: any size) that at least min_count (0 is taken as 1) baskets hold. 0, what the visitor returned, -ENOMEM, or
 * -E2BIG: 2^32 or more items in the baskets together. The order of the visits is a function of the input. */
int miner_run(const struct miner_baskets *baskets, uint32_t min_count, uint32_t max_size, miner_visit *visit, void *to);

/* The least whole count that is `share` of n or more: ceil(share n), not pushed up by the share's last binary digit (.05 of 9,840 is 492). At
 * least 1. */
uint32_t miner_min_count(double share, size_t n);

#endif
