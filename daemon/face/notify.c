#include "daemon/face/notify.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#define STATUS_BYTES 512

/* first: "READY=1\n" and the like. A status is one line. */
static int send_status(const char *first, const char *format, va_list args)
{
	char text[STATUS_BYTES];
	vsnprintf(text, sizeof(text), format, args);
	for (char *p = text; *p; p++)
		if ((unsigned char)*p < 32)
			*p = ' ';
	return sd_notifyf(0, "%sSTATUS=%s", first, text);
}

int notify_ready(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int r = send_status("READY=1\n", format, args);
	va_end(args);
	return r;
}

int notify_status(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int r = send_status("", format, args);
	va_end(args);
	return r;
}

int notify_stopping(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int r = send_status("STOPPING=1\n", format, args);
	va_end(args);
	return r;
}

int notify_reloading(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000);
}

void notify_init(struct notify *n)
{
	uint64_t us = 0;
	*n = (struct notify){ 0 };
	if (sd_watchdog_enabled(0, &us) > 0) {
		n->watchdog_ms = (int64_t)(us / 2000);
		if (n->watchdog_ms == 0)
			n->watchdog_ms = 1;
	}
}

void notify_progress(struct notify *n, int64_t now_ms)
{
	if (!n->ready) {
		if (!n->fed_ms || now_ms - n->fed_ms >= NOTIFY_EXTEND_MS / 10) {
			n->fed_ms = now_ms;
			sd_notifyf(0, "EXTEND_TIMEOUT_USEC=%d", NOTIFY_EXTEND_MS * 1000);
		}
		return;
	}
	if (!n->watchdog_ms || (n->fed_ms && now_ms - n->fed_ms < n->watchdog_ms))
		return;
	n->fed_ms = now_ms;
	sd_notify(0, "WATCHDOG=1");
}
