/* Zeroed memory for large tables that are read all over the place: in huge pages where the kernel gives them on request
 * (transparent_hugepage = madvise, the default of many), which spares the processor most of its page walks. Smaller ones come with their
 * pages, all at once: a table is read before it is written, and each page would else be met twice, the second time stopping all threads.
 * Ends the program when there is no memory, as the pool does. Used by the pool, the combiner and the table of shoppers.
 */
#ifndef GLINT_HUGE_H
#define GLINT_HUGE_H

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { HUGE_PAGE_BYTES = 2 << 20,
	POPULATED_BYTES = 64 << 10 };

/* From HUGE_PAGE_BYTES on aligned to a huge page; below POPULATED_BYTES it is calloc(). */
static inline void *huge_alloc(size_t bytes)
{
	void *p = NULL;
	if (bytes < POPULATED_BYTES) {
		p = calloc(1, bytes ? bytes : 1);
	} else if (bytes < HUGE_PAGE_BYTES) {
		p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
		if (p == MAP_FAILED)
			p = NULL;
	} else {
		bytes = (bytes + HUGE_PAGE_BYTES - 1) & ~(size_t)(HUGE_PAGE_BYTES - 1);
		char *wide = mmap(NULL, bytes + HUGE_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (wide != MAP_FAILED) { /* cut to the alignment */
			size_t before = -(size_t)wide & (HUGE_PAGE_BYTES - 1);
			if (before)
				munmap(wide, before);
			if (before < HUGE_PAGE_BYTES)
				munmap(wide + before + bytes, HUGE_PAGE_BYTES - before);
			p = wide + before;
			madvise(p, bytes, MADV_HUGEPAGE); /* refused: ordinary pages */
		}
	}
	if (!p)
		abort();
	return p;
}

/* bytes: as given to huge_alloc(). NULL allowed. */
static inline void huge_free(void *p, size_t bytes)
{
	if (bytes < POPULATED_BYTES)
		free(p);
	else if (p)
		munmap(p, bytes < HUGE_PAGE_BYTES ? bytes : (bytes + HUGE_PAGE_BYTES - 1) & ~(size_t)(HUGE_PAGE_BYTES - 1));
}

#endif
