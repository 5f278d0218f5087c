/* How long until an event can be read: latency_probe BROKERS TOPIC REDIS_SOCKET RATE SECONDS WARM_UP_SECONDS USERS ITEMS LINGER_MS
 *
 * Open loop: click i is due at start + i / RATE, whatever happened to those before it, and its latency counts from then, so that
 * a stall counts for every click that it holds up. Each click is of another shopper (u0 .. u<USERS - 1> in a scattered order; the
 * topic's earlier clicks, gen_clicks', gave most of them a history), so that the next list that glintd writes for this shopper is
 * the click's effect. A thread beside the producer looks for it:
 *   reader    another client of Redis: a keyspace notification tells it that a list was written, it reads the list (MGET of all
 *             that were told of by then), and the clock is taken when the answer is there. Unlike polling, this costs nothing
 *             while nothing happens and does not cost more when lists are late.
 *   consumer  instead, when REDIS_SOCKET is "-": bare librdkafka on the same topic. What of the latency is Kafka's.
 * A list's as_of (when glintd rendered it, its loop's clock) splits the rest: before it Kafka and the loop, behind it publisher,
 * Redis and the reader. The producer is idempotent, with at most five requests under way, as Java's are by default: when the
 * broker is slow, records wait for each other and go together. Redis must be on this machine (one clock). Prints JSON, all in
 * ms. Called by bench/latency.py. */
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

#include <hiredis/hiredis.h>

#include "bench/bench_kafka.h"

#define PARTITIONS 1024
#define GRACE_US 10000000 /* how long the last lists are waited for */
#define STALE_MS 1000     /* a list rendered so long before the click is not its effect */
#define AT_ONCE 256       /* keys of one MGET */

struct sample {
	int64_t due_us, due_wall_us;  /* set before sent */
	_Atomic int64_t sent_us;      /* the produce call; 0: not yet */
	int64_t consumed_us;          /* by the bare consumer */
	int64_t read_us, rendered_us; /* by the reader; rendered: wall clock */
	long item;
	bool seeded; /* a reason names the clicked item */
};

struct probe {
	const char *brokers, *topic, *redis, *linger_ms;
	long rate, n, warm_up, users, items, stride;
	struct sample *samples;
	long *of_user;     /* sample of a shopper, -1: none */
	uint64_t first_id; /* not gen_clicks', and not of another run */
	_Atomic bool stop;
	_Atomic bool ready;
	_Atomic long seen; /* read or consumed */
	long stale;
};

static void delivered(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
	const struct probe *p = opaque;
	(void)rk;
	if (m->err)
		die("%s: %s", p->topic, rd_kafka_err2str(m->err));
}

/* ---- producer (the main thread) ---- */

static void wait_until(int64_t us)
{
	struct timespec t = { us / 1000000, us % 1000000 * 1000 };
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL))
		;
}

static void produce(struct probe *p)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	set(conf, "bootstrap.servers", p->brokers);
	set(conf, "linger.ms", p->linger_ms);
	set(conf, "enable.idempotence", "true");
	set(conf, "socket.nagle.disable", "true");
	set(conf, "partitioner", "murmur2_random");
	set(conf, "queue.buffering.max.messages", "1000000");
	rd_kafka_conf_set_dr_msg_cb(conf, delivered);
	rd_kafka_conf_set_opaque(conf, p);
	rd_kafka_t *rk = client(RD_KAFKA_PRODUCER, conf);
	const struct rd_kafka_metadata *m;
	rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, p->topic, NULL);
	if (rd_kafka_metadata(rk, 0, topic, &m, 10000)) /* so that the first click does not wait for it */
		die("%s: no metadata", p->topic);
	rd_kafka_metadata_destroy(m);
	uint64_t state = 2;

	int64_t start = clock_us(CLOCK_MONOTONIC) + 200000, wall = clock_us(CLOCK_REALTIME) - clock_us(CLOCK_MONOTONIC);
	for (long i = 0; i < p->n; i++) {
		struct sample *s = &p->samples[i];
		uint8_t click[CLICK_BYTES];
		char user[24];
		int key = snprintf(user, sizeof(user), "u%ld", (long)(i * p->stride % p->users));

		s->item = draw_zipf(&state, p->items);
		s->due_us = start + i * 1000000 / p->rate;
		s->due_wall_us = s->due_us + wall;
		size_t size = put_click(click, p->first_id + (uint64_t)i, s->due_wall_us / 1000, user, s->item);
		int64_t now = clock_us(CLOCK_MONOTONIC);
		if (now < s->due_us) {
			wait_until(s->due_us);
			now = clock_us(CLOCK_MONOTONIC);
		}
		atomic_store(&s->sent_us, now);
		if (rd_kafka_produce(topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, click, size, user, (size_t)key, NULL))
			die("%s: %s", p->topic, rd_kafka_err2str(rd_kafka_last_error()));
		rd_kafka_poll(rk, 0);
	}
	if (rd_kafka_flush(rk, 30000))
		die("%s: not everything was delivered", p->topic);
	rd_kafka_topic_destroy(topic);
	rd_kafka_destroy(rk);
}

/* ---- reader ---- */

static redisContext *redis_connect(const struct probe *p)
{
	redisContext *c = redisConnectUnix(p->redis);
	if (!c || c->err)
		die("%s: %s", p->redis, c ? c->errstr : "out of memory");
	return c;
}

static void reply_free(redisContext *c, redisReply *r)
{
	if (!r || r->type == REDIS_REPLY_ERROR)
		die("redis: %s", r ? r->str : c->errstr);
	freeReplyObject(r);
}

/* The sample of a notification's channel, __keyspace@0__:glint:recs:u<user>, that waits for its list; -1: none. */
static long waiting(const struct probe *p, const char *channel)
{
	const char *at = strstr(channel, ":recs:u");
	char *end;
	long user = at ? strtol(at + 7, &end, 10) : -1;

	if (user < 0 || user >= p->users || *end)
		return -1;
	long i = p->of_user[user];
	return i >= 0 && atomic_load(&p->samples[i].sent_us) && !p->samples[i].read_us ? i : -1;
}

static void read_lists(struct probe *p, redisContext *c, const long *which, int n)
{
	const char *argv[AT_ONCE + 1] = { "MGET" };
	static char keys[AT_ONCE][40];
	redisReply *r;

	for (int k = 0; k < n; k++) {
		snprintf(keys[k], sizeof(keys[k]), "glint:recs:u%ld", (long)(which[k] * p->stride % p->users));
		argv[k + 1] = keys[k];
	}
	r = redisCommandArgv(c, n + 1, argv, NULL);
	int64_t now = clock_us(CLOCK_MONOTONIC);
	for (int k = 0; r && r->type == REDIS_REPLY_ARRAY && k < n; k++) {
		struct sample *s = &p->samples[which[k]];
		const char *as_of = r->element[k]->str ? strstr(r->element[k]->str, "\"as_of\":") : NULL;
		char seed[40];
		int64_t rendered = as_of ? atoll(as_of + 8) * 1000 : 0;
		if (rendered < s->due_wall_us - STALE_MS * 1000) {
			p->stale++;
			continue;
		}
		snprintf(seed, sizeof(seed), "\"seed\":\"%ld\"", s->item);
		s->seeded = strstr(r->element[k]->str, seed);
		p->seen += !s->read_us;
		s->read_us = now;
		s->rendered_us = rendered;
	}
	reply_free(c, r);
}

static void *reader(void *arg)
{
	struct probe *p = arg;
	redisContext *told = redis_connect(p), *reads = redis_connect(p);
	long which[AT_ONCE];
	void *reply;

	reply_free(reads, redisCommand(reads, "CONFIG SET notify-keyspace-events K$"));
	reply_free(told, redisCommand(told, "PSUBSCRIBE __keyspace@0__:glint:recs:u*"));
	p->ready = true;
	while (!p->stop) {
		struct pollfd fd = { .fd = told->fd, .events = POLLIN };
		int n = 0;
		if (poll(&fd, 1, 20) < 1)
			continue;
		if (redisBufferRead(told) != REDIS_OK)
			die("redis: %s", told->errstr);
		while (redisReaderGetReply(told->reader, &reply) == REDIS_OK && reply) {
			redisReply *r = reply;
			long i = r->type == REDIS_REPLY_ARRAY && r->elements == 4 ? waiting(p, r->element[2]->str) : -1;
			freeReplyObject(r);
			if (i < 0)
				continue;
			which[n++] = i;
			if (n == AT_ONCE) {
				read_lists(p, reads, which, n);
				n = 0;
			}
		}
		if (n)
			read_lists(p, reads, which, n);
	}
	redisFree(told);
	redisFree(reads);
	return NULL;
}

/* ---- consumer ---- */

static void *consumer(void *arg)
{
	struct probe *p = arg;
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	const struct rd_kafka_metadata *m;

	set(conf, "bootstrap.servers", p->brokers);
	set(conf, "group.id", "latency-probe");
	set(conf, "enable.auto.commit", "false");
	set(conf, "socket.nagle.disable", "true");
	rd_kafka_t *rk = client(RD_KAFKA_CONSUMER, conf);
	rd_kafka_poll_set_consumer(rk);
	rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, p->topic, NULL);
	if (rd_kafka_metadata(rk, 0, topic, &m, 10000))
		die("%s: no metadata", p->topic);
	rd_kafka_topic_partition_list_t *parts = rd_kafka_topic_partition_list_new(4);
	for (int i = 0; i < m->topics[0].partition_cnt; i++) {
		int64_t low, high;
		if (rd_kafka_query_watermark_offsets(rk, p->topic, i, &low, &high, 10000))
			die("%s: no offsets", p->topic);
		rd_kafka_topic_partition_list_add(parts, p->topic, i)->offset = high;
	}
	rd_kafka_metadata_destroy(m);
	rd_kafka_topic_destroy(topic);
	rd_kafka_assign(rk, parts);
	rd_kafka_topic_partition_list_destroy(parts);
	p->ready = true;
	while (!p->stop) {
		rd_kafka_message_t *r = rd_kafka_consumer_poll(rk, 20);
		if (!r)
			continue;
		if (!r->err && r->len > 17) {
			char id[16] = { 0 };
			memcpy(id, (const char *)r->payload + 2, 15); /* a size of one byte, 'e', 15 digits */
			long i = (long)(strtoull(id, NULL, 16) - p->first_id);
			if (i >= 0 && i < p->n && !p->samples[i].consumed_us) {
				p->samples[i].consumed_us = clock_us(CLOCK_MONOTONIC);
				p->seen++;
			}
		}
		rd_kafka_message_destroy(r);
	}
	rd_kafka_consumer_close(rk);
	rd_kafka_destroy(rk);
	return NULL;
}

/* ---- figures ---- */

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

/* Sorts v (us); 0 for none. */
static void quantiles(const char *name, int64_t *v, long n)
{
	static const double at[] = { 0.5, 0.9, 0.99, 0.999, 1 };
	static const char *const names[] = { "p50", "p90", "p99", "p99.9", "max" };

	qsort(v, (size_t)n, sizeof(*v), by_value);
	printf(", \"%s\": {", name);
	for (int q = 0; q < 5; q++) {
		long k = (long)ceil(at[q] * (double)n) - 1;
		printf("%s\"%s\": %.3f", q ? ", " : "", names[q], n ? (double)v[k < 0 ? 0 : k] / 1000 : 0.0);
	}
	printf("}");
}

static void report(const struct probe *p)
{
	int64_t *v = calloc((size_t)p->n * 5, sizeof(*v)), *of[5];
	long n[5] = { 0 }, seeded = 0;

	if (!v)
		die("out of memory");
	for (int k = 0; k < 5; k++)
		of[k] = v + k * p->n;
	for (long i = p->warm_up; i < p->n; i++) {
		const struct sample *s = &p->samples[i];
		of[0][n[0]++] = s->sent_us - s->due_us;
		if (s->consumed_us)
			of[1][n[1]++] = s->consumed_us - s->due_us;
		if (!s->read_us)
			continue;
		seeded += s->seeded;
		of[2][n[2]++] = s->read_us - s->due_us;
		of[3][n[3]++] = s->rendered_us - s->due_wall_us;
		of[4][n[4]++] = s->read_us + (s->due_wall_us - s->due_us) - s->rendered_us;
	}
	printf("{\"rate\": %ld, \"sent\": %ld, \"samples\": %ld, \"seeded\": %ld, \"stale\": %ld", p->rate, n[0], n[1] + n[2], seeded, p->stale);
	quantiles("producer_late", of[0], n[0]);
	quantiles("consumed", of[1], n[1]);
	quantiles("rendered", of[3], n[3]);
	quantiles("rendered_to_read", of[4], n[4]);
	quantiles("read", of[2], n[2]);
	printf("}\n");
	free(v);
}

int main(int argc, char **argv)
{
	static struct probe p;
	pthread_t thread;

	if (argc != 10) {
		fprintf(stderr, "usage: latency_probe BROKERS TOPIC REDIS_SOCKET RATE SECONDS WARM_UP_SECONDS USERS ITEMS LINGER_MS\n");
		return 64;
	}
	p.brokers = argv[1];
	p.topic = argv[2];
	p.redis = argv[3];
	p.rate = atol(argv[4]);
	p.warm_up = p.rate * atol(argv[6]);
	p.n = p.rate * atol(argv[5]) + p.warm_up;
	p.users = atol(argv[7]);
	p.items = atol(argv[8]);
	p.linger_ms = argv[9];
	p.stride = 1000003; /* a prime: every shopper once */
	if (p.rate < 1 || p.n < 1 || p.n > p.users || p.n > 1 << 18 || p.users >= p.stride)
		die("more clicks than shoppers, or than %d: each is of another one", 1 << 18);
	p.samples = calloc((size_t)p.n, sizeof(*p.samples));
	p.of_user = malloc((size_t)p.users * sizeof(*p.of_user));
	if (!p.samples || !p.of_user)
		die("out of memory");
	for (long u = 0; u < p.users; u++)
		p.of_user[u] = -1;
	for (long i = 0; i < p.n; i++)
		p.of_user[i * p.stride % p.users] = i;
	p.first_id = (uint64_t)(clock_us(CLOCK_REALTIME) / 1000) << 18;
	pthread_create(&thread, NULL, strcmp(p.redis, "-") ? reader : consumer, &p);
	while (!p.ready)
		wait_until(clock_us(CLOCK_MONOTONIC) + 10000);
	produce(&p);
	for (int64_t end = clock_us(CLOCK_MONOTONIC) + GRACE_US; p.seen < p.n && clock_us(CLOCK_MONOTONIC) < end;)
		wait_until(clock_us(CLOCK_MONOTONIC) + 10000);
	p.stop = true;
	pthread_join(thread, NULL);
	report(&p);
	free(p.samples);
	free(p.of_user);
	return 0;
}
