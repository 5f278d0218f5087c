/* What an alert can say besides its figures: the newest excerpts of negative reviews of a scope, and which aspects negative ones complain of.
 *
 * Kept while the longest window may still be judged: eight excerpts, three of a pane at most (three are shown: those of panes that run may be here before one that is
 * over is judged), and for each pane and aspect the number of negative reviews that speak ill of it: an entry each, at most WORDS_COMPLAINTS_MAX, which is 14 days
 * for nearly every scope. Where it is not, whole panes go, the oldest first, and of a window that begins before what is left no aspect is known.
 * Excerpts are cleaned before they get here (excerpt.h). The order of what comes within an interval changes nothing.
 */
#ifndef GLINT_SPIKE_WORDS_H
#define GLINT_SPIKE_WORDS_H

#include "processor.h"

enum { WORDS_EXCERPTS = 8,
	WORDS_SHOWN = 3,
	WORDS_EXCERPT_BYTES = 96,
	WORDS_COMPLAINTS_MAX = 2048 };

struct complaint {
	int32_t pane;
	symbol_t aspect;
	uint32_t k;
};

struct spike_words { /* begins as zero bytes */
	struct {
		int32_t pane;
		uint32_t size;
		char *text;           /* from the pool; NULL: none */
	} excerpts[WORDS_EXCERPTS];   /* newest first, then by text; a text once in a pane */
	struct complaint *complaints; /* by pane, then by the aspect's name */
	uint32_t n, capacity;
	int64_t known_from; /* pane: of those before it complaints are missing */
};

/* The text is copied. */
void spike_words_excerpt(struct spike_words *w, struct pool *pool, int32_t pane, struct text text);
/* Its writer is forgotten. what: u64, the XXH3 of the text. */
void spike_words_unquote(struct spike_words *w, struct pool *pool, struct text what);
void spike_words_complaint(struct spike_words *w, struct pool *pool, const struct symbols *symbols, int32_t pane, symbol_t aspect, int64_t k);
/* Complaints of panes before `below` are forgotten. */
void spike_words_leave(struct spike_words *w, int64_t below);
/* The aspect that most negative reviews of the panes first..last complain of, and how many; 0: none, or it is not known. */
symbol_t spike_words_aspect(const struct spike_words *w, const struct symbols *symbols, int64_t first, int64_t last, int64_t *ret_k);

/* The newest of the panes first..last, each text once: how many; borrowed. */
int spike_words_excerpts(const struct spike_words *w, int64_t first, int64_t last, struct text ret[WORDS_SHOWN]);

void spike_words_save(const struct spike_words *w, const struct symbols *symbols, struct buf *to);
/* 0 or -EBADMSG. `older`: of version 3, which cleaned excerpts of less, and had complaints by days: both are left out; known_from is the caller's to set. */
int spike_words_load(struct spike_words *w, struct reader *from, struct symbols *symbols, struct pool *pool, int64_t old_pane_ms, int64_t pane_ms, bool older);
void spike_words_mark(const struct spike_words *w, struct symbols *symbols);
void spike_words_done(struct spike_words *w, struct pool *pool);

#endif
