/* glintd: reads the command line and the configuration, prepares topics, runs the loop. See README.md and conf/glintd.conf. */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "daemon/config/args.h"
#include "daemon/face/http.h"
#include "daemon/face/log.h"
#include "daemon/kafka/embedded.h"
#include "daemon/loop.h"
#include "version.h"

enum { SERIES = 65536, STUCK_MS = 30000, HEAP_STEP = 16 << 20, HEAP_KEEP = 256 << 20, HEAP_LARGE = 32 << 20 };

static atomic_int stop, reload_asked; /* a signal may come to any thread */

static void on_stop(int number)
{
	(void)number;
	stop = 1;
}

static void on_reload(int number)
{
	(void)number;
	reload_asked++;
}

static int check_topic(const struct config *config, enum event_kind kind, char *error, size_t size)
{
	struct decoder_settings settings;
	struct decoder *decoder = NULL;
	config_decoder(config, kind, &settings);
	int rc = decoder_create(kind, &settings, &decoder, error, size);
	decoder_destroy(decoder);
	return rc;
}

/* A reload_load, too. */
static int load(void *to, struct config **ret, struct config_errors *errors)
{
	const struct args *args = to;
	size_t n_names = 0;
	const char **names = kafka_property_names(&n_names);
	struct config_request request = {
		.path = args->config,
		.sets = args->sets,
		.n_sets = args->n_sets,
		.instance = args->instance,
		.embedded = args->embedded,
		.processors = processors,
		.n_processors = PROCESSORS,
		.check_kafka = kafka_check_property,
		.kafka_names = names,
		.n_kafka_names = n_names,
		.check_topic = check_topic,
	};
	int rc = config_load(&request, ret, errors);
	kafka_property_names_free(names, n_names);
	return rc;
}

static int load_or_say_why(struct args *args, struct config **ret)
{
	struct config_errors errors = { 0 };
	int rc = load(args, ret, &errors);
	for (size_t i = 0; i < errors.n; i++)
		fprintf(stderr, "%s\n", errors.lines[i]);
	if (rc < 0 && args->action == ARGS_CHECK_CONFIG)
		fprintf(stderr, "%zu %s\n", errors.n, errors.n == 1 ? "error" : "errors");
	config_errors_done(&errors);
	return rc;
}

/* Waits for Kafka and prepares topics. A broker that is away is waited for, as systemd units start in any order; a wrong topic is not. */
static int prepare(const struct config *config, const char *bootstrap, struct health *health, struct topics_layout *layout, int32_t *ret_items)
{
	char error[1024] = "";
	struct notify notify;
	notify_init(&notify);
	for (int64_t pause = 250; !stop; pause = pause < 5000 ? pause * 2 : pause) {
		struct rd_kafka_s *client = NULL;
		int rc = kafka_client(config, KAFKA_ADMIN, bootstrap, &client, error, sizeof(error));
		if (rc == 0)
			rc = topics_prepare(config, client, bootstrap, layout, error, sizeof(error));
		if (rc == 0 && config->topics.of[EVENT_ITEM].name[0]) {
			*ret_items = topics_partitions(client, config->topics.of[EVENT_ITEM].name, 10000);
			if (*ret_items < 0) {
				rc = *ret_items == -ENOENT ? -EINVAL : *ret_items;
				snprintf(error, sizeof(error), "the topic '%s' of [topics] items is not there; create it (glintctl topics create) or leave "
							       "the setting out",
					config->topics.of[EVENT_ITEM].name);
			}
		}
		kafka_client_destroy(client);
		if (rc == 0) {
			if (layout->warning[0])
				log_warn(NULL, "%s", layout->warning);
			return 0;
		}
		if (rc != -EIO && rc != -ETIMEDOUT) {
			log_error(NULL, "%s", error);
			return EX_CONFIG;
		}
		health_set(health, HEALTH_KAFKA, false, error);
		log_warn("kafka", "%s; trying again", error);
		notify_status("waiting for Kafka: %s", error);
		for (int64_t t = 0; t < pause && !stop; t += 50) {
			usleep(50000);
			health_progress(health, clock_monotonic_ms());
			notify_progress(&notify, clock_monotonic_ms());
		}
	}
	return -1; /* asked to stop */
}

static int run(struct args *args, struct config *config)
{
	char error[1024] = "";
	struct embedded *embedded = NULL;
	struct http *http = NULL;
	struct health health;
	struct topics_layout layout = { 0 };
	int32_t items = 0;
	int code = 0;
	signal(SIGPIPE, SIG_IGN);
	struct sigaction action = { .sa_handler = on_stop };
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	struct sigaction reload = { .sa_handler = on_reload, .sa_flags = SA_RESTART };
	sigaction(SIGHUP, &reload, NULL);
	struct metrics *metrics = metrics_create(SERIES);
	health_init(&health, STUCK_MS, clock_monotonic_ms());
	if (config->glint.http_on) {
		if (http_start(config->glint.http_address, config->glint.http_port, metrics, &health, &http, error, sizeof(error)) < 0) {
			log_error(NULL, "%s", error);
			code = EX_UNAVAILABLE;
			goto end;
		}
		log_info(NULL, "metrics, livez and readyz on http://%s:%u/", config->glint.http_address, (unsigned)http_port(http));
	}
	if (config->embedded && embedded_start(config, 0, &embedded, error, sizeof(error)) < 0) {
		log_error(NULL, "%s", error);
		code = EX_UNAVAILABLE;
		goto end;
	}
	const char *bootstrap = embedded ? embedded_bootstrap(embedded) : NULL;
	code = prepare(config, bootstrap, &health, &layout, &items);
	if (code == 0) {
		void *settings[PROCESSORS];
		for (int p = 0; p < PROCESSORS; p++)
			settings[p] = (void *)(uintptr_t)config_settings(config, processors[p]->name);
		struct loop_setup setup = { config, bootstrap, &layout, items, settings, &health, metrics, &reload_asked, load, args };
		code = loop_run(&setup, &stop);
	} else if (code < 0) {
		code = 0;
	}
end:
	embedded_stop(embedded);
	http_stop(http);
	health_done(&health);
	metrics_destroy(metrics);
	return code;
}

/* From the first signal on, shutdown_timeout is a promise: a broker or Redis that does not answer may hold a library back. What was
 * not committed is processed again at the next start. */
static void *guard(void *arg)
{
	int64_t limit_ms = *(const int64_t *)arg;
	while (!stop)
		usleep(20000);
	int64_t until = clock_monotonic_ms() + limit_ms - 300;
	while (clock_monotonic_ms() < until)
		usleep(20000);
	log_warn(NULL, "stopped at shutdown_timeout; what was not committed will be processed again");
	_exit(0);
}

/* One arena for all threads: the C library lets the others' grow and shrink by single pages, a system call each. The messages that the Kafka
 * client allocates in one thread and the loop frees in another make that thousands a second. */
static void heap(void)
{
	mallopt(M_ARENA_MAX, 1);
	mallopt(M_TOP_PAD, HEAP_STEP);
	mallopt(M_TRIM_THRESHOLD, HEAP_KEEP);
	mallopt(M_MMAP_THRESHOLD, HEAP_LARGE); /* what a fetch answered is used again, not unmapped and asked for anew */
}

int main(int argc, char **argv)
{
	struct args args;
	char error[512];
	if (args_parse(argc, argv, &args, error, sizeof(error)) < 0) {
		fprintf(stderr, "glintd: %s\n", error);
		return EX_USAGE;
	}
	struct config *config = NULL;
	int code = 0;
	if (args.action == ARGS_VERSION) {
		printf("glintd %s\n", GLINT_VERSION);
	} else if (args.action == ARGS_HELP) {
		fputs(args_help, stdout);
	} else if (load_or_say_why(&args, &config) < 0) {
		code = EX_CONFIG;
	} else if (args.action == ARGS_DUMP_CONFIG) {
		config_dump(config, stdout);
	} else if (args.action == ARGS_CHECK_CONFIG) {
		printf("%s is fine\n", args.config ? args.config : "the configuration");
	} else {
		pthread_t thread;
		int64_t limit_ms = config->glint.shutdown_timeout_ms;
		log_set_level((enum log_level)config->glint.log_level);
		if (pthread_create(&thread, NULL, guard, &limit_ms) == 0)
			pthread_detach(thread);
		heap();
		code = run(&args, config);
		log_close();
		fflush(NULL);
		_exit(code); /* the guard's thread still looks at the stack */
	}
	config_destroy(config);
	args_done(&args);
	return code;
}
