/* Memory for records of state: slabs of size classes (four to a power of two) with free lists, zeroed on allocation.
 *
 * One pool per process, used by the loop's thread alone. Freed memory is kept for the same class, so that a warm process
 * neither calls malloc nor grows. The size must be given back at the free. Out of memory ends the process (see buf.h).
 */
#ifndef GLINT_POOL_H
#define GLINT_POOL_H

#include <stddef.h>
#include <stdint.h>

struct pool;

struct pool *pool_create(void);
/* Large slabs come from take(from), HUGE_PAGE_BYTES as huge_alloc() gives them (huge.h), instead of from huge_alloc(): the daemon has them made ready. */
void pool_slabs_from(struct pool *p, void *(*take)(void *from), void *from);
void pool_destroy(struct pool *p);                       /* frees everything that came from it; NULL allowed */
void *pool_alloc(struct pool *p, size_t size);           /* zeroed; size 0 gives NULL */
void pool_free(struct pool *p, void *mem, size_t size);  /* the size it was allocated with; NULL allowed */
void *pool_resize(struct pool *p, void *mem, size_t old_size, size_t new_size); /* contents kept, growth zeroed */
size_t pool_bytes(const struct pool *p);                 /* bytes handed out now, rounded to classes */

#endif
