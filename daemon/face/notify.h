/* Messages to the service manager: READY, STATUS, STOPPING, WATCHDOG.
 *
 * Without NOTIFY_SOCKET every call does nothing. Called by the loop alone. The watchdog is fed by progress only: a loop that is
 * stuck stops calling, and systemd restarts the unit.
 */
#ifndef GLINT_NOTIFY_H
#define GLINT_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

struct notify {
	int64_t watchdog_ms; /* half of what the manager allows; 0: no watchdog */
	int64_t fed_ms;      /* monotonic ms of the last WATCHDOG=1 */
};

void notify_init(struct notify *n); /* reads WATCHDOG_USEC */

/* 0, 1 when sent, or -errno; failures matter to nobody but the log. */
int notify_ready(const char *format, ...) __attribute__((format(printf, 1, 2)));  /* READY=1 and STATUS=… */
int notify_status(const char *format, ...) __attribute__((format(printf, 1, 2))); /* STATUS=…; call about once a second */
int notify_stopping(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The start or the stop takes longer: ask for that much more (EXTEND_TIMEOUT_USEC). */
int notify_extend(int64_t ms);

/* The loop went round at now_ms (monotonic). Feeds the watchdog when half its time has passed; else one comparison. */
void notify_progress(struct notify *n, int64_t now_ms);

#endif
