/* What shoppers search for: queries that are rising, that are frequent, and that nobody finds anything by.
 *
 * Queries are made alike first: compatibility forms and case folded (Unicode NFKC_Casefold), blanks joined, at most SEARCH_BYTES. Of each are kept, by hour of the last
 * `window` (7 d): searches, those that were answered (the shopper opened or carted an item within `answer_time`, before searching for something else),
 * and shoppers, each once in the window, in the hour in which she asked last (the user stage keeps a shopper's last SEARCH_KEPT queries, and takes her from the count of one that leaves them). All of it is kept by `all`, at most `queries`; where
 * there is no room the rarest goes, and is counted.
 *
 *   z = (f - s) / sqrt(s / tau_f + e)     f, s: searches an hour, decayed with half-lives of 6 h and 3 d (tau = H / ln 2), e = .01 / tau_f
 *
 * (ALGORITHMS G.) Rising: z >= 2 and at least five decayed searches. Unanswered: by the number of searches without an answer. Published
 * (glint:search) are queries of at least [privacy] k shoppers alone.
 */
#ifndef GLINT_SEARCH_H
#define GLINT_SEARCH_H

#include "processor.h"

enum { SEARCH_BYTES = 64,
	SEARCH_KEPT = 8,
	SEARCH_SHOWN = 20 };

struct search_settings {
	int64_t window_ms, answer_time_ms;
	int64_t queries; /* 0: off */
};

struct search_user {
	struct search_asked {
		symbol_t query;
		int64_t counted, ts; /* ms: greatest time it was asked at, where the shopper counts; when it was last asked */
	} * asked;                   /* SEARCH_KEPT or NULL; newest last */
	uint32_t n_asked;
	bool waiting; /* the newest is not answered yet */
};

struct search_row {
	int32_t hour;
	uint32_t searches, answered, shoppers;
};

struct search_query {
	symbol_t query;
	uint32_t n_rows, capacity;
	uint64_t searches;       /* of all rows; derived: not saved */
	struct search_row *rows; /* by hour */
};

struct search_item {
	struct search_query *queries; /* in the order of their coming */
	uint32_t n, capacity;
	int32_t least;               /* no row is of an earlier hour */
	uint32_t *index, index_bits; /* 1 + place in queries, by hash of the query; derived: not saved. 2^index_bits slots or NULL */
};

/* The query as it is counted: into `to`, SEARCH_BYTES. Empty: nothing to count. */
struct text search_normal(struct text query, char *to);
double search_z(double fast, double slow, double fast_half_life_h, double slow_half_life_h); /* of decayed counts */

extern const struct processor search_processor;

#endif
