/* libFuzzer target of what we do with an HTTP request: method, path (a line each), then a text that a part of the daemon says of itself and
 * that is a label's value. This file plays libmicrohttpd, whose own parsing is not ours: its functions here are linked instead of the
 * library's (through the real one a request takes a second). Every request is answered once, with a status that fits it; /readyz is JSON,
 * /metrics are lines of Prometheus' text format.
 */
#include "fuzz.h"

#include <jansson.h>
#include <microhttpd.h>
#include <stdarg.h>

#include "daemon/face/health.h"
#include "daemon/face/http.h"
#include "daemon/face/metrics.h"

struct MHD_Response {
	char *body;
	size_t size;
	bool allow;
};

static MHD_AccessHandlerCallback handler;
static void *handler_to;
static unsigned answered, status;
static char *body;
static size_t body_size;
static bool allow;

struct MHD_Daemon *MHD_start_daemon(unsigned flags, uint16_t port, MHD_AcceptPolicyCallback accept, void *accept_to, MHD_AccessHandlerCallback h, void *to, ...)
{
	(void)flags, (void)port, (void)accept, (void)accept_to;
	handler = h;
	handler_to = to;
	return (struct MHD_Daemon *)(void *)&handler;
}

void MHD_stop_daemon(struct MHD_Daemon *daemon)
{
	(void)daemon;
}

struct MHD_Response *MHD_create_response_from_buffer(size_t size, void *bytes, enum MHD_ResponseMemoryMode mode)
{
	struct MHD_Response *r = calloc(1, sizeof(*r));
	must(r != NULL && mode != MHD_RESPMEM_PERSISTENT);
	r->size = size;
	r->body = malloc(size + 1);
	memcpy(r->body, bytes, size);
	r->body[size] = '\0';
	if (mode == MHD_RESPMEM_MUST_FREE)
		free(bytes);
	return r;
}

enum MHD_Result MHD_add_response_header(struct MHD_Response *r, const char *name, const char *value)
{
	must(value[0] != '\0' && !strpbrk(value, "\r\n"));
	r->allow |= !strcmp(name, MHD_HTTP_HEADER_ALLOW);
	return MHD_YES;
}

enum MHD_Result MHD_queue_response(struct MHD_Connection *connection, unsigned code, struct MHD_Response *r)
{
	(void)connection;
	answered++;
	status = code;
	free(body);
	body = malloc(r->size + 1);
	body_size = r->size;
	memcpy(body, r->body, r->size + 1);
	allow = r->allow;
	return MHD_YES;
}

void MHD_destroy_response(struct MHD_Response *r)
{
	free(r->body);
	free(r);
}

static struct http *http;
static struct health health;
static struct metrics *metrics;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char error[200];
	(void)argc, (void)argv;
	health_init(&health, 1000, 0);
	metrics = metrics_create(10);
	must(metrics && http_start("127.0.0.1", 0, metrics, &health, &http, error, sizeof(error)) == 0);
	return 0;
}

static void look_at_metrics(void)
{
	must(body_size && body[body_size - 1] == '\n' && strlen(body) == body_size);
	char *rest = NULL;
	for (char *line = strtok_r(body, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		must(!strncmp(line, "# ", 2) || (strrchr(line, ' ') && strspn(line, "abcdefghijklmnopqrstuvwxyz0123456789_") > 0));
}

static void ask(const char *method, const char *url)
{
	char upload[] = "abc";
	size_t n = 0;
	void *state = NULL;
	answered = 0;
	must(handler(handler_to, NULL, url, method, "HTTP/1.1", NULL, &n, &state) == MHD_YES);
	if (!answered) {
		n = 3;
		must(handler(handler_to, NULL, url, method, "HTTP/1.1", upload, &n, &state) == MHD_YES && n == 0);
	}
	if (!answered)
		must(handler(handler_to, NULL, url, method, "HTTP/1.1", NULL, &n, &state) == MHD_YES);
	must(answered == 1);
	bool reads = !strcmp(method, "GET") || !strcmp(method, "HEAD");
	bool page = !strcmp(url, "/") || !strcmp(url, "/metrics") || !strcmp(url, "/livez") || !strcmp(url, "/readyz");
	must(page ? reads ? status == 200 || status == 503 : status == 405 && allow : status == 404);
	if (page && reads && !strcmp(url, "/readyz")) {
		json_t *json = json_loads(body, 0, NULL);
		must(json != NULL);
		json_decref(json);
	} else if (page && reads && !strcmp(url, "/metrics")) {
		look_at_metrics();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct metric_family family = { .name = "glint_fuzz_total", .type = METRIC_COUNTER, .help = "One.", .labels = { "what" } };
	char *copy = calloc(1, size + 1), *rest = copy;
	memcpy(copy, data, size);
	const char *method = strsep(&rest, "\n"), *url = rest ? strsep(&rest, "\n") : "", *text = rest ? rest : "";
	health_set(&health, (enum health_part)(size % HEALTH_PARTS), size % 3 == 0, text);
	struct metric *m = metrics_add(metrics, &family, text);
	ask(method, url);
	ask("GET", "/readyz");
	ask("GET", "/metrics");
	metrics_remove(metrics, m);
	free(copy);
	return 0;
}
