/* What the bench programs that talk to Kafka share: a click as bench/click.avsc writes it, skewed draws, clocks.
 *
 * Included by bench/gen_clicks.c, raw_consume.c and latency.c, each of which uses a part. */
#ifndef GLINT_BENCH_KAFKA_H
#define GLINT_BENCH_KAFKA_H

#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <librdkafka/rdkafka.h>

#define CLICK_BYTES 256 /* the longest click */

/* SplitMix64 (Steele, Lea and Flood 2014, figure 17): the same seed gives the same clicks. */
static inline uint64_t draw(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* In [0, 1). */
static inline double draw_unit(uint64_t *state)
{
	return (double)(draw(state) >> 11) * 0x1p-53;
}

/* Number k of n, density ~ 1 / (k + 1) (Zipf with exponent 1): the items. */
static inline long draw_zipf(uint64_t *state, long n)
{
	return (long)exp(draw_unit(state) * log((double)n));
}

/* Number k of n, density ~ 1 / sqrt(k): the shoppers. */
static inline long draw_square(uint64_t *state, long n)
{
	double u = draw_unit(state);
	return (long)((double)n * u * u);
}

static inline uint8_t *put_long(uint8_t *to, int64_t v)
{
	uint64_t z = (uint64_t)v << 1 ^ (uint64_t)(v >> 63);
	for (; z > 127; z >>= 7)
		*to++ = (uint8_t)(z | 128);
	*to++ = (uint8_t)z;
	return to;
}

static inline uint8_t *put_string(uint8_t *to, const char *s)
{
	size_t n = strlen(s);
	to = put_long(to, (int64_t)n);
	memcpy(to, s, n);
	return to + n;
}

/* A VIEW of item in the session s<user>, bare Avro; returns its size. */
static inline size_t put_click(uint8_t to[CLICK_BYTES], uint64_t event_id, int64_t ts_ms, const char *user, long item)
{
	char text[32];
	uint8_t *at = to;

	snprintf(text, sizeof(text), "e%015llx", (unsigned long long)event_id);
	at = put_string(at, text);
	at = put_long(at, ts_ms);
	at = put_string(at, user);
	at = put_long(at, 1); /* VIEW */
	at = put_long(at, 1); /* session_id: the union's second branch */
	snprintf(text, sizeof(text), "s%.20s", user + 1);
	at = put_string(at, text);
	at = put_long(at, 1); /* item_id */
	snprintf(text, sizeof(text), "%ld", item);
	at = put_string(at, text);
	at = put_long(at, 0); /* campaign_id */
	at = put_long(at, 0); /* query */
	at = put_long(at, 1); /* dwell_ms */
	at = put_long(at, 1234);
	at = put_long(at, 0); /* variant */
	return (size_t)(at - to);
}

/* Ends the program. */
__attribute__((format(printf, 1, 2), noreturn)) static inline void die(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(69);
}

static inline void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
	char why[512];
	if (rd_kafka_conf_set(conf, name, value, why, sizeof(why)) != RD_KAFKA_CONF_OK)
		die("%s", why);
}

/* Takes conf. */
static inline rd_kafka_t *client(rd_kafka_type_t type, rd_kafka_conf_t *conf)
{
	char why[512];
	rd_kafka_t *rk = rd_kafka_new(type, conf, why, sizeof(why));
	if (!rk)
		die("%s", why);
	return rk;
}

static inline int64_t clock_us(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Of all threads of this process, user and system. */
static inline double cpu_us(void)
{
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	return 1e6 * (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

#endif
