/* Interned strings: item, campaign, category, brand, currency ids as small integers ("symbols") while in memory.
 *
 * Symbol 0 is "absent". Symbols never leave the process: rows, deltas and model rows carry the strings. One table per process,
 * used by the loop's thread alone. Reclaiming: when the table has doubled since the last sweep the owner marks every symbol that
 * state still holds and sweeps the rest (mark and sweep instead of counted references: no holder can miscount, and the hot path
 * pays nothing; see docs/design.md).
 */
#ifndef GLINT_SYMBOLS_H
#define GLINT_SYMBOLS_H

#include "text.h"

typedef uint32_t symbol_t; /* the one typedef: a number with a meaning, 0 = absent */

struct symbols;

struct symbols *symbols_create(void);
void symbols_destroy(struct symbols *s); /* NULL allowed */

/* The symbol of t, made when new; absent or empty t gives 0. Cost: one hash, one probe. */
symbol_t symbols_intern(struct symbols *s, struct text t);
/* Of n texts at a time, at most SYMBOLS_TOGETHER, none of them empty: what is far away in memory is asked for in turn. */
enum { SYMBOLS_TOGETHER = 16 };
void symbols_intern_all(struct symbols *s, const struct text *texts, size_t n, symbol_t *ret);
/* The symbol of t, or 0 when t was never interned. */
symbol_t symbols_find(const struct symbols *s, struct text t);
/* The text of a symbol; borrowed until it is swept. symbols_text(s, 0) is absent. */
struct text symbols_text(const struct symbols *s, symbol_t symbol);
/* A 64-bit hash of the text (XXH3), the same in every process; 0 for 0. */
uint64_t symbols_hash(const struct symbols *s, symbol_t symbol);
/* One past the greatest symbol ever given: sizes arrays indexed by symbol. */
uint32_t symbols_limit(const struct symbols *s);
uint32_t symbols_longest(const struct symbols *s); /* bytes of the longest text ever interned */
uint32_t symbols_count(const struct symbols *s); /* living ones */

void symbols_mark_begin(struct symbols *s);
void symbols_mark(struct symbols *s, symbol_t symbol); /* 0 allowed */
bool symbols_marked(const struct symbols *s, symbol_t symbol); /* since mark_begin: would a sweep leave it? */
uint32_t symbols_sweep(struct symbols *s);             /* frees the unmarked; how many */

#endif
