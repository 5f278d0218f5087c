#include "daemon/face/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CAUSE_BYTES 48

struct cause {
	char name[CAUSE_BYTES]; /* "" = free */
	int64_t shown_ms;       /* when a message of it last appeared */
	unsigned left_out;
};

/* The log is the one thing that a process has one of: its level, and beside it what belongs to it. */
static struct {
	_Atomic int level;
	pthread_mutex_t mutex; /* guards what is below */
	int fd;                /* -1: stderr, not looked at yet */
	bool journal;
	int64_t (*now_ms)(void);
	struct cause causes[LOG_CAUSES];
} the_log = { .level = LOG_LEVEL_INFO, .mutex = PTHREAD_MUTEX_INITIALIZER, .fd = -1 };

static const char *const words[LOG_LEVELS] = { "error", "warn", "info", "debug" };
static const int priorities[LOG_LEVELS] = { 3, 4, 6, 7 }; /* syslog's */

/* JOURNAL_STREAM=device:inode is inherited even by children whose stderr leads elsewhere. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;
	return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 && fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device &&
	       st.st_ino == inode;
}

void log_open(int fd, bool journal, enum log_level level)
{
	pthread_mutex_lock(&the_log.mutex);
	the_log.fd = fd >= 0 ? fd : STDERR_FILENO;
	the_log.journal = fd >= 0 ? journal : stderr_is_journal();
	memset(the_log.causes, 0, sizeof(the_log.causes));
	pthread_mutex_unlock(&the_log.mutex);
	log_set_level(level);
}

void log_set_level(enum log_level level)
{
	atomic_store_explicit(&the_log.level, (int)level, memory_order_relaxed);
}

bool log_wants(enum log_level level)
{
	return (int)level <= atomic_load_explicit(&the_log.level, memory_order_relaxed);
}

void log_set_clock(int64_t (*now_ms)(void))
{
	pthread_mutex_lock(&the_log.mutex);
	the_log.now_ms = now_ms;
	pthread_mutex_unlock(&the_log.mutex);
}

static int64_t now(void)
{
	struct timespec t;
	if (the_log.now_ms)
		return the_log.now_ms();
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The cause's place, a free one when it has none yet, NULL when all are taken. */
static struct cause *find(const char *name)
{
	struct cause *free_one = NULL;
	for (size_t i = 0; i < LOG_CAUSES; i++) {
		struct cause *c = &the_log.causes[i];
		if (!c->name[0])
			free_one = free_one ? free_one : c;
		else if (!strncmp(c->name, name, CAUSE_BYTES - 1))
			return c;
	}
	return free_one;
}

static void put(enum log_level level, const char *cause, unsigned left_out, const char *message)
{
	char line[LOG_LINE_BYTES], stamp[48] = "", tail[160] = "";
	size_t room, n;

	if (the_log.fd < 0) {
		the_log.fd = STDERR_FILENO;
		the_log.journal = stderr_is_journal();
	}
	if (the_log.journal) {
		snprintf(stamp, sizeof(stamp), "<%d>", priorities[level]);
	} else {
		struct timespec t;
		struct tm tm;
		clock_gettime(CLOCK_REALTIME, &t);
		gmtime_r(&t.tv_sec, &tm);
		n = strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &tm);
		snprintf(stamp + n, sizeof(stamp) - n, ".%03ldZ %s ", t.tv_nsec / 1000000, words[level]);
	}
	if (left_out)
		snprintf(tail, sizeof(tail), " (%u more like this were left out)", left_out);
	if (cause)
		snprintf(tail + strlen(tail), sizeof(tail) - strlen(tail), " cause=%.*s", CAUSE_BYTES, cause);

	room = sizeof(line) - strlen(stamp) - strlen(tail) - 2;
	n = strlen(message);
	int size = snprintf(line, sizeof(line), "%s%.*s%s%s\n", stamp, (int)(n > room ? room - 3 : n), message, n > room ? "..." : "", tail);
	for (int i = 0; i < size - 1; i++) /* one message is one line, and a terminal is left alone */
		if ((unsigned char)line[i] < 32 || line[i] == 127)
			line[i] = ' ';
	for (int at = 0; at < size;) {
		ssize_t w = write(the_log.fd, line + at, (size_t)(size - at));
		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			break; /* there is nowhere to say so */
		at += (int)w;
	}
}

static void message(enum log_level level, const char *cause, const char *format, va_list args)
{
	char text[LOG_LINE_BYTES];
	int saved = errno;

	if (!log_wants(level))
		return;
	vsnprintf(text, sizeof(text), format, args);
	pthread_mutex_lock(&the_log.mutex);
	struct cause *c = cause ? find(cause) : NULL;
	int64_t t = c ? now() : 0;
	if (c && c->name[0] && t - c->shown_ms < LOG_QUIET_MS) {
		c->left_out++;
	} else {
		put(level, cause, c ? c->left_out : 0, text);
		if (c) {
			snprintf(c->name, sizeof(c->name), "%s", cause);
			c->shown_ms = t;
			c->left_out = 0;
		}
	}
	pthread_mutex_unlock(&the_log.mutex);
	errno = saved;
}

#define MESSAGE(function, level)                        \
	void function(const char *cause, const char *format, ...) \
	{                                               \
		va_list args;                           \
		va_start(args, format);                 \
		message(level, cause, format, args);    \
		va_end(args);                           \
	}

MESSAGE(log_error, LOG_LEVEL_ERROR)
MESSAGE(log_warn, LOG_LEVEL_WARN)
MESSAGE(log_info, LOG_LEVEL_INFO)
MESSAGE(log_debug, LOG_LEVEL_DEBUG)

void log_over(const char *cause, const char *format, ...)
{
	char text[LOG_LINE_BYTES];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	pthread_mutex_lock(&the_log.mutex);
	struct cause *c = find(cause);
	if (c && c->name[0]) {
		if (log_wants(LOG_LEVEL_INFO))
			put(LOG_LEVEL_INFO, cause, c->left_out, text);
		*c = (struct cause){ .name = "" };
	}
	pthread_mutex_unlock(&the_log.mutex);
}

void log_close(void)
{
	pthread_mutex_lock(&the_log.mutex);
	for (size_t i = 0; i < LOG_CAUSES; i++) {
		struct cause *c = &the_log.causes[i];
		if (c->name[0] && c->left_out && log_wants(LOG_LEVEL_INFO))
			put(LOG_LEVEL_INFO, c->name, c->left_out, "at the end");
		*c = (struct cause){ .name = "" };
	}
	pthread_mutex_unlock(&the_log.mutex);
}
