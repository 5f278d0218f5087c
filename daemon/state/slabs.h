/* Slabs of a huge page each, zeroed and touched before they are asked for: the kernel clears a page when it is touched first, which is a fifth of
 * the time of a restore; here a thread waits for it, while the pool fills the slabs before: up to four are ready,
 * since the thread must wait for a processor, too. Used by the engine, for its pool.
 */
#ifndef GLINT_SLABS_H
#define GLINT_SLABS_H

struct slabs;

struct slabs *slabs_create(void);
void slabs_destroy(struct slabs *s); /* not what was taken; NULL allowed */
/* HUGE_PAGE_BYTES, zeroed, from huge_alloc(): the caller's to free. More are made ready. One thread alone may ask; the other begins with the first. */
void *slabs_take(void *slabs);

#endif
