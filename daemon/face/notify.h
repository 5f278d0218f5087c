/* Messages to the service manager: READY, STATUS, RELOADING, STOPPING, WATCHDOG.
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
	int64_t fed_ms;      /* monotonic ms of the last WATCHDOG=1, or EXTEND_TIMEOUT_USEC */
	bool ready;          /* the watchdog watches from then on; until then the start asks for more time */
};

void notify_init(struct notify *n); /* reads WATCHDOG_USEC */

/* 0, 1 when sent, or -errno; failures matter to nobody but the log. */
int notify_ready(const char *format, ...) __attribute__((format(printf, 1, 2)));  /* READY=1 and STATUS=… */
int notify_status(const char *format, ...) __attribute__((format(printf, 1, 2))); /* STATUS=…; call about once a second */
int notify_reloading(void);                                                       /* RELOADING=1; notify_ready ends it */
int notify_stopping(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define NOTIFY_EXTEND_MS 60000 /* more than the longest call of the start that is waited for */

/* The loop went round at now_ms (monotonic). Feeds the watchdog when half its time has passed; else one comparison. Before `ready` it
 * asks for NOTIFY_EXTEND_MS more every tenth of that: a start that goes on is not given up, one that is stuck is. */
void notify_progress(struct notify *n, int64_t now_ms);

#endif
