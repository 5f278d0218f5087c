/* A file of baskets, one a line, as the miner takes them: item names between commas or, where the file has no comma at all, between
 * blanks (so that both a shop's export and the benchmark files of the itemset literature are read). Plain or gzip'd.
 *
 * Names are taken as they stand, blanks at their ends included: a comma parts names whether it is quoted or not. A byte order mark is passed over, and so are empty names
 * and empty lines; an item counts once per basket.
 */
#ifndef GLINT_CTL_BASKETS_H
#define GLINT_CTL_BASKETS_H

#include "processors/miner.h"
#include "processors/symbols.h"

struct baskets {
	struct miner_baskets as; /* its arrays are owned by this struct */
	struct symbols *names;   /* item x is the symbol x + 1 */
	uint32_t *items;
	size_t *ends;
	size_t n_items, items_capacity, ends_capacity;
};

/* "-" is standard input. 0; -errno with a sentence that names the file. baskets_done in every case. */
int baskets_read(const char *path, struct baskets *ret, char *error, size_t size);
void baskets_done(struct baskets *b);

#endif
