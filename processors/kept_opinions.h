/* What a shopper's newest reviews counted as opinions, scope by scope, so that forgetting the shopper takes it back.
 *
 * Nothing is counted from it. Oldest first; of at most `most` reviews: the oldest leaves whole for a new one. Used by the sentiment processor;
 * memory is the pool's.
 */
#ifndef GLINT_KEPT_OPINIONS_H
#define GLINT_KEPT_OPINIONS_H

#include "processor.h"

enum { KEPT_REVIEWS_MAX = 100,
	KEPT_SUM_MAX = 10000 }; /* SENTIMENT_UNIT */

struct kept_opinion {
	struct key key;
	symbol_t aspect; /* 0: of the whole text */
	int32_t pane;
	int16_t sum;   /* its compound, in 1 / SENTIMENT_UNIT */
	uint8_t class; /* enum sentiment_class */
	bool first;    /* of its review */
};

struct kept_opinions {
	struct kept_opinion *list;
	uint32_t n, capacity;
};

/* A copy of x, which is of the review before unless it is the first of one. most: reviews; 0 keeps nothing. */
void kept_opinions_keep(struct kept_opinions *k, struct pool *pool, uint32_t most, const struct kept_opinion *x);
/* varint n; n x { u8 kind | class << 4 | first << 7, text id unless `all`, text aspect, zigzag pane less the one before, zigzag sum }.
 * Loading: into zero bytes; 0 or -EBADMSG (then still to be given to kept_opinions_done). */
void kept_opinions_save(const struct kept_opinions *k, const struct symbols *symbols, struct buf *to);
int kept_opinions_load(struct kept_opinions *k, struct reader *from, struct symbols *symbols, struct pool *pool);
void kept_opinions_done(struct kept_opinions *k, struct pool *pool);
void kept_opinions_mark(const struct kept_opinions *k, struct symbols *symbols);

#endif
