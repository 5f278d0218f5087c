/* C11 threads by way of POSIX threads, for builds under the thread sanitizer: it does not know glibc's thrd_create, mtx_lock and the
 * like, by which librdkafka works, and falls over in a thread that it has not seen begin. Linked into every program of such a build, so that
 * the library's calls come here. glibc's mtx_t and cnd_t are its pthread_mutex_t and pthread_cond_t.
 */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <threads.h>

_Static_assert(sizeof(mtx_t) >= sizeof(pthread_mutex_t) && sizeof(cnd_t) >= sizeof(pthread_cond_t), "glibc's");

struct begin {
	thrd_start_t run;
	void *arg;
};

static int result(int rc)
{
	return rc == 0 ? thrd_success : rc == ENOMEM ? thrd_nomem
		: rc == ETIMEDOUT                    ? thrd_timedout
		: rc == EBUSY                        ? thrd_busy
						     : thrd_error;
}

static void *run(void *arg)
{
	struct begin b = *(struct begin *)arg;
	free(arg);
	return (void *)(intptr_t)b.run(b.arg);
}

int thrd_create(thrd_t *thread, thrd_start_t start, void *arg)
{
	struct begin *b = malloc(sizeof(*b));
	if (!b)
		return thrd_nomem;
	*b = (struct begin){ start, arg };
	int rc = pthread_create(thread, NULL, run, b);
	if (rc)
		free(b);
	return result(rc);
}

int thrd_join(thrd_t thread, int *ret)
{
	void *value;
	int rc = pthread_join(thread, &value);
	if (rc == 0 && ret)
		*ret = (int)(intptr_t)value;
	return result(rc);
}

int thrd_detach(thrd_t thread)
{
	return result(pthread_detach(thread));
}

int mtx_init(mtx_t *m, int type)
{
	pthread_mutexattr_t attr;
	pthread_mutexattr_init(&attr);
	if (type & mtx_recursive)
		pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
	int rc = pthread_mutex_init((pthread_mutex_t *)m, &attr);
	pthread_mutexattr_destroy(&attr);
	return result(rc);
}

void mtx_destroy(mtx_t *m)
{
	pthread_mutex_destroy((pthread_mutex_t *)m);
	__asm__ volatile(""); /* no jump there: the sanitizer must see that the call is ours */
}

int mtx_lock(mtx_t *m)
{
	return result(pthread_mutex_lock((pthread_mutex_t *)m));
}

int mtx_trylock(mtx_t *m)
{
	return result(pthread_mutex_trylock((pthread_mutex_t *)m));
}

int mtx_unlock(mtx_t *m)
{
	return result(pthread_mutex_unlock((pthread_mutex_t *)m));
}

int cnd_init(cnd_t *c)
{
	return result(pthread_cond_init((pthread_cond_t *)c, NULL));
}

void cnd_destroy(cnd_t *c)
{
	pthread_cond_destroy((pthread_cond_t *)c);
	__asm__ volatile("");
}

int cnd_signal(cnd_t *c)
{
	return result(pthread_cond_signal((pthread_cond_t *)c));
}

int cnd_broadcast(cnd_t *c)
{
	return result(pthread_cond_broadcast((pthread_cond_t *)c));
}

int cnd_wait(cnd_t *c, mtx_t *m)
{
	return result(pthread_cond_wait((pthread_cond_t *)c, (pthread_mutex_t *)m));
}

int cnd_timedwait(cnd_t *c, mtx_t *m, const struct timespec *until)
{
	return result(pthread_cond_timedwait((pthread_cond_t *)c, (pthread_mutex_t *)m, until));
}
