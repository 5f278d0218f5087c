/* The log: one line per message on stderr, once per cause.
 *
 * Under systemd (JOURNAL_STREAM names stderr) a line is "<N>text cause=…" so that the journal takes over priority and time;
 * elsewhere it is "2025-11-22T02:30:00.123Z warn text". Called by main, the loop and the threads' owners; library code returns
 * errors and never logs. Payloads and user ids never go in. Thread-safe: a line is one write(2), state is behind one mutex.
 *
 * A cause names what is wrong, not the message ("redis", "commit", "decode.clicks"). Its first message appears at once; more
 * within LOG_QUIET_MS are counted, and the next one that appears says how many were left out. log_over() ends a cause, so
 * that the next trouble shows at once. At most LOG_CAUSES are told apart; further ones are not limited. A NULL cause never is.
 */
#ifndef GLINT_LOG_H
#define GLINT_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG, LOG_LEVELS };

#define LOG_QUIET_MS 10000
#define LOG_CAUSES 64
#define LOG_LINE_BYTES 2048 /* longer messages are cut, and end in "..." */

/* Where lines go. fd: borrowed; -1 = stderr, with the journal's format when JOURNAL_STREAM names it. Before the first call: stderr. */
void log_open(int fd, bool journal, enum log_level level);
void log_set_level(enum log_level level);
bool log_wants(enum log_level level); /* true when a message of this level would be written; for costly ones */

void log_error(const char *cause, const char *format, ...) __attribute__((format(printf, 2, 3)));
void log_warn(const char *cause, const char *format, ...) __attribute__((format(printf, 2, 3)));
void log_info(const char *cause, const char *format, ...) __attribute__((format(printf, 2, 3)));
void log_debug(const char *cause, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The trouble named by cause is over: writes the message (info), with the number left out, when the cause had been logged;
 * nothing otherwise. */
void log_over(const char *cause, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* At exit: one line for each cause with messages left out. */
void log_close(void);

/* Replaces the clock of the rate limit (ms, monotonic); NULL restores it. For tests. */
void log_set_clock(int64_t (*now_ms)(void));

#endif
