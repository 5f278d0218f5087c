/* What an alert can say besides its figures: the newest excerpts of negative reviews of a scope, and which aspects negative ones complain of.
 *
 * Kept while the longest window may still be judged: three excerpts, and for each day and aspect the number of negative reviews that speak ill of
 * it (an entry each, at most WORDS_COMPLAINTS_MAX, the oldest go first). Excerpts are cleaned before they get here (excerpt.h). The order of what comes within an
 * interval changes nothing.
 */
#ifndef GLINT_SPIKE_WORDS_H
#define GLINT_SPIKE_WORDS_H

#include "processor.h"

enum { WORDS_EXCERPTS = 3,
	WORDS_EXCERPT_BYTES = 96,
	WORDS_COMPLAINTS_MAX = 256 };

struct complaint {
	int32_t day; /* of event time */
	symbol_t aspect;
	uint32_t k;
};

struct spike_words { /* begins as zero bytes */
	struct {
		int32_t pane;
		uint32_t size;
		char *text;           /* from the pool; NULL: none */
	} excerpts[WORDS_EXCERPTS];   /* newest first */
	struct complaint *complaints; /* by day, then by the aspect's name */
	uint32_t n, capacity;
};

/* The text is copied; one that is there already only becomes newer. */
void spike_words_excerpt(struct spike_words *w, struct pool *pool, int32_t pane, struct text text);
/* Its writer is forgotten. what: u64, the XXH3 of the text. */
void spike_words_unquote(struct spike_words *w, struct pool *pool, struct text what);
/* `oldest`: days before it are forgotten. */
void spike_words_complaint(struct spike_words *w, struct pool *pool, const struct symbols *symbols, int32_t day, symbol_t aspect, int64_t k, int32_t oldest);
/* The aspect that most negative reviews from `first_day` on complain of, and how many; 0: none. */
symbol_t spike_words_aspect(const struct spike_words *w, const struct symbols *symbols, int32_t first_day, int64_t *ret_k);

void spike_words_save(const struct spike_words *w, const struct symbols *symbols, struct buf *to);
int spike_words_load(struct spike_words *w, struct reader *from, struct symbols *symbols, struct pool *pool, int64_t old_pane_ms, int64_t pane_ms); /* 0 or -EBADMSG */
void spike_words_mark(const struct spike_words *w, struct symbols *symbols);
void spike_words_done(struct spike_words *w, struct pool *pool);

#endif
