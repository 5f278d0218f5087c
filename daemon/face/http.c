#include "daemon/face/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "daemon/face/health.h"
#include "daemon/face/metrics.h"

#define CONNECTION_BYTES 16384 /* of a request's head; longer ones are answered 431 */

struct http {
	struct MHD_Daemon *daemon;
	struct metrics *metrics; /* borrowed */
	struct health *health;   /* borrowed */
	uint16_t port;
};

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status, const char *type, const char *allow, char *body, size_t size,
			      enum MHD_ResponseMemoryMode mode)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(size, body, mode);
	enum MHD_Result r;

	if (!response) {
		if (mode == MHD_RESPMEM_MUST_FREE)
			free(body);
		return MHD_NO;
	}
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	if (allow)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, allow);
	r = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return r;
}

static enum MHD_Result plain(struct MHD_Connection *connection, unsigned status, const char *allow, const char *text)
{
	return answer(connection, status, "text/plain; charset=utf-8", allow, (char *)text, strlen(text), MHD_RESPMEM_MUST_COPY);
}

static enum MHD_Result serve_index(struct http *h, struct MHD_Connection *connection)
{
	(void)h;
	return plain(connection, MHD_HTTP_OK, NULL,
		     "glintd\n\n/metrics  counters, in Prometheus' text format\n/livez    200 while the loop makes progress\n"
		     "/readyz   200 while events flow from Kafka to Redis; the body says what is missing\n");
}

static enum MHD_Result serve_metrics(struct http *h, struct MHD_Connection *connection)
{
	char *text;
	size_t size;
	if (metrics_render(h->metrics, &text, &size) < 0)
		return plain(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, NULL, "out of memory\n");
	return answer(connection, MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", NULL, text, size, MHD_RESPMEM_MUST_FREE);
}

static enum MHD_Result serve_live(struct http *h, struct MHD_Connection *connection)
{
	char text[160];
	struct timespec t;
	int64_t age;

	clock_gettime(CLOCK_MONOTONIC, &t);
	bool alive = health_alive(h->health, (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000, &age);
	snprintf(text, sizeof(text), alive ? "ok: the loop went round %.1f s ago\n" : "stuck: the loop last went round %.1f s ago; %.1f s are allowed\n",
		 (double)age / 1000, (double)h->health->limit_ms / 1000);
	return plain(connection, alive ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE, NULL, text);
}

static enum MHD_Result serve_ready(struct http *h, struct MHD_Connection *connection)
{
	char json[HEALTH_PARTS * (2 * HEALTH_WHY_BYTES + 64) + 64];
	bool ready = health_ready(h->health, json, sizeof(json));
	return answer(connection, ready ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE, "application/json", NULL, json, strlen(json), MHD_RESPMEM_MUST_COPY);
}

static const struct {
	const char *path;
	enum MHD_Result (*serve)(struct http *h, struct MHD_Connection *connection);
} pages[] = { { "/", serve_index }, { "/metrics", serve_metrics }, { "/livez", serve_live }, { "/readyz", serve_ready } };

static enum MHD_Result request(void *to, struct MHD_Connection *connection, const char *url, const char *method, const char *version,
			       const char *data, size_t *data_size, void **state)
{
	static const int seen;
	struct http *h = to;
	(void)version;
	(void)data;

	bool reads = !strcmp(method, MHD_HTTP_METHOD_GET) || !strcmp(method, MHD_HTTP_METHOD_HEAD);
	if (reads && !*state) { /* the head; answered when the whole request is there, so that the connection can be used again */
		*state = (void *)&seen;
		return MHD_YES;
	}
	*data_size = 0;
	for (size_t i = 0; i < sizeof(pages) / sizeof(*pages); i++)
		if (!strcmp(url, pages[i].path))
			return reads ? pages[i].serve(h, connection) : plain(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "GET, HEAD", "only GET and HEAD\n");
	return plain(connection, MHD_HTTP_NOT_FOUND, NULL, "no such page; / lists what there is\n");
}

/* libmicrohttpd would print to stderr; nothing of it is more than a peer's mistake. */
static void unheard(void *to, const char *format, va_list args)
{
	(void)to;
	(void)format;
	(void)args;
}

/* A listening socket, so that its errors have their own number. */
static int listen_at(const char *address, uint16_t port, int *ret_fd, uint16_t *ret_port)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(port) };
	bool is_six = inet_pton(AF_INET6, address, &six.sin6_addr) == 1;
	const int on = 1;
	int r;

	if (!is_six && inet_pton(AF_INET, address, &four.sin_addr) != 1)
		return -EINVAL;
	int fd = socket(is_six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	socklen_t size = is_six ? sizeof(six) : sizeof(four);
	struct sockaddr *where = is_six ? (struct sockaddr *)&six : (struct sockaddr *)&four;
	if (bind(fd, where, size) < 0 || listen(fd, HTTP_CONNECTIONS) < 0 || getsockname(fd, where, &size) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	*ret_port = ntohs(is_six ? six.sin6_port : four.sin_port);
	*ret_fd = fd;
	return 0;
}

int http_start(const char *address, uint16_t port, struct metrics *metrics, struct health *health, struct http **ret, char *error, size_t size)
{
	struct http *h = calloc(1, sizeof(*h));
	int fd = -1, r = h ? listen_at(address, port, &fd, &h->port) : -ENOMEM;

	if (r < 0) {
		snprintf(error, size, "cannot serve HTTP at %s port %u: %s%s", address, port, strerror(-r),
			 r == -EADDRINUSE ? "; set glint.http to another address:port, or to off" : "");
		free(h);
		return r;
	}
	h->metrics = metrics;
	h->health = health;
	h->daemon = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_EPOLL | MHD_USE_ERROR_LOG, 0, NULL, NULL, request, h,
				     MHD_OPTION_EXTERNAL_LOGGER, unheard, NULL, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
				     (unsigned)HTTP_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)HTTP_TIMEOUT_S,
				     MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES, MHD_OPTION_END);
	if (!h->daemon) {
		snprintf(error, size, "cannot serve HTTP at %s port %u: the server did not start", address, port);
		close(fd);
		free(h);
		return -EIO;
	}
	*ret = h;
	return 0;
}

uint16_t http_port(const struct http *h)
{
	return h->port;
}

void http_stop(struct http *h)
{
	if (!h)
		return;
	MHD_stop_daemon(h->daemon); /* closes the listening socket too */
	free(h);
}
