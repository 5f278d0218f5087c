/* glintctl replay: event files to an input topic, as the shop's own producers would write them.
 *
 * Records are bare Avro by our schemas, keyed by user_id (the catalogue: item_id), partitioned by murmur2, with the event's time as
 * the record's. Every delivery is confirmed before the command ends. Does not create topics.
 */
#include <errno.h>
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ctl/backlog.h"
#include "ctl/ctl.h"
#include "ctl/jsonl.h"
#include "daemon/avro/encode.h"
#include "daemon/config/config.h"
#include "daemon/kafka/kafka.h"
#include "daemon/kafka/partitioner.h"
#include "daemon/kafka/topics.h"

#define STALL_MS 30000 /* on the embedded broker: the group commits nothing for so long */
#define DELIVERY_TIMEOUT "60000"
#define FLUSH_TIMEOUT_MS 70000

static const char *const kind_names[EVENT_KINDS] = { "clicks", "purchases", "reviews", "items" };

static volatile sig_atomic_t interrupted;

static void on_signal(int sig)
{
	interrupted = sig;
}

struct replay {
	struct ctl *ctl;
	enum event_kind kind;
	const char *topic;
	int32_t partitions;
	double rate, speed;
	bool shift, skip_bad;
	int64_t shift_ms;
	struct jsonl *files;
	rd_kafka_t *producer;
	rd_kafka_topic_t *handle;
	struct backlog *backlog; /* embedded broker only */
	struct encoded encoded;
	int64_t start_us, shown_us, first_ts;
	uint64_t sent, delivered, bad, failed, bytes;
	char failure[256]; /* of the first delivery that failed */
	bool bar;
};

static int64_t now_us(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
	struct replay *r = opaque;
	(void)rk;
	if (m->err) {
		if (!r->failed++)
			snprintf(r->failure, sizeof(r->failure), "%s", rd_kafka_err2str(m->err));
		return;
	}
	r->delivered++;
	if (r->backlog)
		backlog_delivered(r->backlog, m->partition, m->offset, (size_t)(uintptr_t)m->_private);
}

static void show(struct replay *r, bool last)
{
	int64_t now = now_us(CLOCK_MONOTONIC);
	if (!r->bar || (!last && now - r->shown_us < 100000))
		return;
	r->shown_us = now;
	double seconds = (double)(now - r->start_us) / 1e6, done = jsonl_progress(r->files);
	char bar[31];
	fputc('\r', stderr);
	if (done >= 0) {
		int n = (int)(done * 30);
		memset(bar, ' ', 30);
		memset(bar, '=', (size_t)n);
		if (n < 30)
			bar[n] = '>';
		bar[30] = '\0';
		fprintf(stderr, "[%s] %3.0f%% ", bar, done * 100);
	}
	fprintf(stderr, "%" PRIu64 " records, %.0f/s\033[K", r->sent, seconds > 0 ? (double)r->sent / seconds : 0);
	if (last)
		fputs("\r\033[K", stderr);
	fflush(stderr);
}

/* Serves delivery reports until `until_us`; at least once. */
static void serve(struct replay *r, int64_t until_us)
{
	do {
		int64_t left = (until_us - now_us(CLOCK_MONOTONIC)) / 1000;
		rd_kafka_poll(r->producer, left > 100 ? 100 : left > 0 ? (int)left
								       : 0);
		show(r, false);
	} while (!interrupted && now_us(CLOCK_MONOTONIC) < until_us);
}

static int64_t due_us(const struct replay *r, const struct jsonl_line *line)
{
	if (r->rate > 0)
		return r->start_us + (int64_t)((double)r->sent * 1e6 / r->rate);
	if (r->speed > 0 && line->has_ts)
		return r->start_us + (int64_t)((double)(line->ts - r->first_ts) * 1000 / r->speed);
	return 0;
}

static int produce(struct replay *r, const char *key, size_t key_size, int64_t timestamp)
{
	int32_t partition = partitioner_partition(PARTITIONER_MURMUR2, key, key_size, r->partitions);
	size_t bytes = key_size + r->encoded.size + 70; /* a record's and its batch's overhead */
	int64_t stalled_ms;

	while (r->backlog && !backlog_allows(r->backlog, partition, bytes, now_us(CLOCK_MONOTONIC) / 1000, &stalled_ms)) {
		if (stalled_ms > STALL_MS)
			return ctl_fail(r->ctl, EX_TEMPFAIL, "the group has committed nothing for %d s; is glintd --embedded well?", STALL_MS / 1000);
		serve(r, now_us(CLOCK_MONOTONIC) + 2000);
		if (interrupted || r->failed)
			return 0;
	}
	for (;;) {
		rd_kafka_resp_err_t err = rd_kafka_producev(r->producer, RD_KAFKA_V_RKT(r->handle), RD_KAFKA_V_PARTITION(partition),
			RD_KAFKA_V_KEY(key, key_size), RD_KAFKA_V_VALUE(r->encoded.data, r->encoded.size),
			RD_KAFKA_V_TIMESTAMP(timestamp), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
			RD_KAFKA_V_OPAQUE((void *)(uintptr_t)bytes), RD_KAFKA_V_END);
		if (!err)
			break;
		if (err != RD_KAFKA_RESP_ERR__QUEUE_FULL)
			return ctl_fail(r->ctl, EX_UNAVAILABLE, "topic '%s': %s", r->topic, rd_kafka_err2str(err));
		serve(r, now_us(CLOCK_MONOTONIC) + 5000);
		if (interrupted || r->failed)
			return 0;
	}
	if (r->backlog)
		backlog_sent(r->backlog, partition, bytes);
	r->sent++;
	r->bytes += r->encoded.size;
	return 0;
}

/* A bad line: an exit code, or 0 when it is only counted. */
static int bad_line(struct replay *r, const struct jsonl_line *line, const char *why)
{
	r->bad++;
	if (r->skip_bad)
		return 0;
	return ctl_fail(r->ctl, EX_USAGE, "%s:%" PRIu64 ": %s (--skip-bad counts such lines and goes on)", line->file, line->number, why);
}

static int send_line(struct replay *r, const struct jsonl_line *line)
{
	char error[512];
	if (!line->object)
		return bad_line(r, line, line->problem);
	if (r->shift && line->has_ts)
		json_object_set_new(line->object, "ts", json_integer(line->ts + r->shift_ms));
	int e = encode_event(r->kind, line->object, &r->encoded, error, sizeof(error));
	if (e == -ENOMEM)
		return ctl_fail(r->ctl, EX_UNAVAILABLE, "out of memory");
	if (e)
		return bad_line(r, line, error);
	const json_t *key = json_object_get(line->object, r->kind == EVENT_ITEM ? "item_id" : "user_id");
	int64_t due = due_us(r, line);
	if (due)
		serve(r, due);
	if (!(r->sent % 256))
		serve(r, 0);
	if (interrupted || r->failed)
		return 0;
	return produce(r, json_string_value(key), json_string_length(key),
		r->kind != EVENT_ITEM && line->has_ts ? line->ts + r->shift_ms : now_us(CLOCK_REALTIME) / 1000);
}

/* The last event gets the time of its sending. With --speed below 1 the first does, since event time then lags behind the clock and
 * events must not lie in the future. */
static int prepare_shift(struct replay *r)
{
	const struct arguments *a = r->ctl->arguments;
	struct jsonl_range range;
	char error[512];
	int64_t now = now_us(CLOCK_REALTIME) / 1000;

	for (int i = 0; i < a->n_positional; i++)
		if (!strcmp(a->positional[i], "-"))
			return ctl_fail(r->ctl, EX_USAGE, "--shift-to-now reads the files twice, which standard input cannot be");
	int e = jsonl_range(a->positional, a->n_positional, &range, error, sizeof(error));
	if (e == -ENOENT) { /* a catalogue has no times */
		r->shift = false;
		return 0;
	}
	if (e)
		return ctl_fail(r->ctl, EX_UNAVAILABLE, "%s", error);
	if (r->speed > 0 && r->speed < 1)
		r->shift_ms = now - range.first;
	else if (r->speed > 0)
		r->shift_ms = now + (int64_t)((double)(range.last - range.first) / r->speed) - range.last;
	else
		r->shift_ms = now - range.last;
	return 0;
}

static int read_arguments(struct replay *r)
{
	const struct arguments *a = r->ctl->arguments;
	const char *topic = arguments_value(a, "topic");
	char error[256];

	for (r->kind = 0; topic && r->kind < EVENT_KINDS; r->kind++)
		if (!strcmp(topic, kind_names[r->kind]))
			break;
	if (!topic || r->kind == EVENT_KINDS)
		return ctl_fail(r->ctl, EX_USAGE, "--topic must be clicks, purchases, reviews or items");
	r->topic = r->ctl->config->topics.of[r->kind].name;
	if (!r->topic || !*r->topic)
		return ctl_fail(r->ctl, EX_CONFIG, "the configuration names no topic for %s ([topics] %s)", topic, topic);
	if (arguments_number(a, "rate", 1e-3, 1e9, &r->rate, error, sizeof(error)) ||
		arguments_number(a, "speed", 1e-3, 1e9, &r->speed, error, sizeof(error)))
		return ctl_fail(r->ctl, EX_USAGE, "%s", error);
	if (r->rate > 0 && r->speed > 0)
		return ctl_fail(r->ctl, EX_USAGE, "--rate and --speed exclude each other");
	r->shift = arguments_value(a, "shift-to-now") != NULL;
	r->skip_bad = arguments_value(a, "skip-bad") != NULL;
	return 0;
}

static int connect_kafka(struct replay *r)
{
	const struct config *config = r->ctl->config;
	char error[512];
	rd_kafka_conf_t *conf = kafka_conf(config, KAFKA_PRODUCER, NULL, error, sizeof(error));

	if (!conf)
		return ctl_fail(r->ctl, EX_CONFIG, "%s", error);
	rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
	rd_kafka_conf_set_opaque(conf, r);
	rd_kafka_conf_set(conf, "message.timeout.ms", DELIVERY_TIMEOUT, NULL, 0);
	r->producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof(error));
	if (!r->producer) {
		rd_kafka_conf_destroy(conf);
		return ctl_fail(r->ctl, EX_CONFIG, "%s", error);
	}
	if (kafka_reach(r->producer, config->kafka.bootstrap_servers, 10000, error, sizeof(error)))
		return ctl_fail(r->ctl, EX_UNAVAILABLE, "%s", error);
	r->partitions = topics_partitions(r->producer, r->topic, 10000);
	if (r->partitions == -ENOENT)
		return ctl_fail(r->ctl, EX_UNAVAILABLE, "topic '%s' does not exist at Kafka %s; create it: glintctl topics create", r->topic,
			config->kafka.bootstrap_servers);
	if (r->partitions < 1)
		return ctl_fail(r->ctl, EX_UNAVAILABLE, "topic '%s' has partitions without a leader", r->topic);
	r->handle = rd_kafka_topic_new(r->producer, r->topic, NULL);
	if (!r->handle)
		return ctl_fail(r->ctl, EX_UNAVAILABLE, "topic '%s': %s", r->topic, rd_kafka_err2str(rd_kafka_last_error()));
	if (config->glint.guarantee == GUARANTEE_AT_LEAST_ONCE &&
		backlog_create(config, r->topic, r->partitions, &r->backlog, error, sizeof(error)))
		return ctl_fail(r->ctl, EX_CONFIG, "%s", error);
	return 0;
}

static int send_all(struct replay *r)
{
	struct jsonl_line line;
	char error[512];
	int code = 0, n;

	while (!code && !interrupted && !r->failed && (n = jsonl_next(r->files, &line, error, sizeof(error))) != 0) {
		if (n < 0) {
			code = ctl_fail(r->ctl, EX_UNAVAILABLE, "%s", error);
			break;
		}
		if (!r->sent && line.has_ts)
			r->first_ts = line.ts;
		code = send_line(r, &line);
	}
	for (int64_t until = now_us(CLOCK_MONOTONIC) + FLUSH_TIMEOUT_MS * 1000ll;
		rd_kafka_outq_len(r->producer) > 0 && now_us(CLOCK_MONOTONIC) < until;) {
		rd_kafka_flush(r->producer, 100);
		show(r, false);
	}
	show(r, true);
	if (r->failed && !code)
		code = ctl_fail(r->ctl, EX_UNAVAILABLE, "%" PRIu64 " records were not delivered to topic '%s': %s", r->failed, r->topic, r->failure);
	else if (r->delivered < r->sent && !code)
		code = ctl_fail(r->ctl, EX_UNAVAILABLE, "%" PRIu64 " records were not confirmed", r->sent - r->delivered);
	return code;
}

static void summary(const struct replay *r)
{
	double seconds = (double)(now_us(CLOCK_MONOTONIC) - r->start_us) / 1e6, rate = seconds > 0 ? (double)r->delivered / seconds : 0;
	if (r->ctl->json)
		printf("{\"topic\":\"%s\",\"records\":%" PRIu64 ",\"bad\":%" PRIu64 ",\"bytes\":%" PRIu64
		       ",\"seconds\":%.3f,\"per_second\":%.0f,\"interrupted\":%s}\n",
			r->topic, r->delivered, r->bad, r->bytes, seconds, rate, interrupted ? "true" : "false");
	else {
		printf("%" PRIu64 " records to %s in %.2f s, %.0f/s", r->delivered, r->topic, seconds, rate);
		if (r->bad)
			printf("; %" PRIu64 " bad line%s left out", r->bad, r->bad == 1 ? "" : "s");
		puts(interrupted ? "; interrupted" : "");
	}
}

int ctl_replay(struct ctl *ctl)
{
	struct replay r = { .ctl = ctl, .bar = isatty(STDERR_FILENO) && !ctl->json };
	const struct arguments *a = ctl->arguments;
	char error[512];
	int code = read_arguments(&r);

	if (!code && jsonl_open(a->positional, a->n_positional, &r.files, error, sizeof(error)))
		code = ctl_fail(ctl, EX_USAGE, "%s", error);
	if (!code)
		code = connect_kafka(&r);
	if (!code && r.shift)
		code = prepare_shift(&r);
	if (!code) {
		struct sigaction sa = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND };
		sigaction(SIGINT, &sa, NULL);
		sigaction(SIGTERM, &sa, NULL);
		r.start_us = now_us(CLOCK_MONOTONIC);
		code = send_all(&r);
		summary(&r);
	}
	if (r.handle)
		rd_kafka_topic_destroy(r.handle);
	if (r.producer) {
		rd_kafka_purge(r.producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
		rd_kafka_destroy(r.producer);
	}
	backlog_destroy(r.backlog);
	jsonl_close(r.files);
	encoded_done(&r.encoded);
	return code;
}
