/* The daemon's HTTP port: /metrics, /livez, /readyz and a short index, read-only, on loopback unless told otherwise.
 *
 * One thread of libmicrohttpd's; reads the registry and the health struct and nothing else. GET and HEAD; others are 405, other
 * paths 404. At most HTTP_CONNECTIONS at a time, each closed after HTTP_TIMEOUT_S without traffic.
 */
#ifndef GLINT_HTTP_H
#define GLINT_HTTP_H

#include <stddef.h>
#include <stdint.h>

struct health;
struct http;
struct metrics;

#define HTTP_CONNECTIONS 32
#define HTTP_TIMEOUT_S 10

/* Listens on address ("127.0.0.1", "::1", a number, never a name) and port (0 = one that is free). metrics and health are borrowed
 * until http_stop. 0 or -errno with a sentence in error (-EADDRINUSE, -EACCES, -EINVAL, …). */
int http_start(const char *address, uint16_t port, struct metrics *metrics, struct health *health, struct http **ret, char *error,
	       size_t size);
uint16_t http_port(const struct http *h); /* the port it listens on */
void http_stop(struct http *h);           /* takes NULL; ends the thread and every connection */

#endif
