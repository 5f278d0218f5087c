/* Decoding alone: records a second on one core, clicks of ten fields from a buffer of 64 MiB, texts checked for UTF-8, every field summed.
 *
 * The records vary in every field: ids of 3 to 16 bytes, absent and present optional fields, queries of which one in four is not
 * ASCII. What the decoder gives is summed byte by byte for numbers and by length and first byte for texts, and the sum is held against
 * the one that the generator made beside it. Seconds are this process's CPU time, so that neighbours on the machine do not count.
 * Prints one line per run and the median of 7. GLINT_BENCH_MIB sets the buffer.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/avro/decode.h"

#define RUNS 7
#define MAX_RECORD 256

static const char schema[] =
	"{\"type\":\"record\",\"name\":\"Click\",\"fields\":["
	"{\"name\":\"event_id\",\"type\":\"string\"},"
	"{\"name\":\"ts\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}},"
	"{\"name\":\"user_id\",\"type\":\"string\"},"
	"{\"name\":\"action\",\"type\":{\"type\":\"enum\",\"name\":\"Action\",\"symbols\":[\"IMPRESSION\",\"VIEW\",\"CLICK\","
	"\"ADD_TO_CART\",\"REMOVE_FROM_CART\",\"WISHLIST\",\"SEARCH\"]}},"
	"{\"name\":\"session_id\",\"type\":[\"null\",\"string\"]},{\"name\":\"item_id\",\"type\":[\"null\",\"string\"]},"
	"{\"name\":\"campaign_id\",\"type\":[\"null\",\"string\"]},{\"name\":\"query\",\"type\":[\"null\",\"string\"]},"
	"{\"name\":\"dwell_ms\",\"type\":[\"null\",\"int\"]},{\"name\":\"variant\",\"type\":[\"null\",\"string\"]}]}";

static uint64_t state = 88172645463325252ULL;

static uint64_t draw(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state >> 11;
}

static uint64_t sum_of(const char *text, size_t n)
{
	return n ? 31 * n + (unsigned char)*text : 7;
}

static uint8_t *put_long(uint8_t *p, int64_t number)
{
	uint64_t zigzag = ((uint64_t)number << 1) ^ (uint64_t)(number >> 63);

	for (; zigzag > 0x7f; zigzag >>= 7)
		*p++ = (uint8_t)(zigzag | 0x80);
	*p++ = (uint8_t)zigzag;
	return p;
}

static uint8_t *put_text(uint8_t *p, const char *text, uint64_t *sum)
{
	size_t n = strlen(text);

	*sum += sum_of(text, n);
	p = put_long(p, (int64_t)n);
	memcpy(p, text, n);
	return p + n;
}

static uint8_t *put_maybe(uint8_t *p, const char *text, uint64_t *sum)
{
	*p++ = text ? 2 : 0;
	return text ? put_text(p, text, sum) : p;
}

static uint8_t *put_record(uint8_t *p, uint64_t i, uint64_t *sum)
{
	static const char *const queries[] = { "red summer dress", "running shoes 42", "wool", "robe d'\xc3\xa9t\xc3\xa9 l\xc3\xa9g\xc3\xa8re" };
	int64_t ts = 1700000000000 + (int64_t)i, dwell = (int64_t)(draw() % 60000);
	uint64_t user = draw() % 100000, action = draw() % 7;
	char text[64];

	snprintf(text, sizeof(text), "e%015" PRIx64, i);
	p = put_text(p, text, sum);
	p = put_long(p, ts);
	snprintf(text, sizeof(text), "u%" PRIu64, user);
	p = put_text(p, text, sum);
	p = put_long(p, (int64_t)action);
	snprintf(text, sizeof(text), "s%" PRIu64, user * 7);
	p = put_maybe(p, draw() % 8 ? text : NULL, sum);
	snprintf(text, sizeof(text), "item-%" PRIu64, draw() % 10000);
	p = put_maybe(p, draw() % 16 ? text : NULL, sum);
	p = put_maybe(p, draw() % 8 ? NULL : "summer-2024", sum);
	p = put_maybe(p, action == 6 ? queries[draw() % 4] : NULL, sum);
	*sum += (uint64_t)ts + action;
	if (draw() % 2) {
		*p++ = 2;
		p = put_long(p, dwell);
		*sum += (uint64_t)dwell;
	} else {
		*p++ = 0;
	}
	return put_maybe(p, draw() % 4 ? NULL : "B", sum);
}

static uint64_t sum_text(struct text text)
{
	return text.data ? sum_of(text.data, text.size) : 0;
}

static uint64_t sum_event(const struct event *e)
{
	const struct click *c = &e->click;

	return sum_text(e->event_id) + (uint64_t)e->ts + sum_text(e->user_id) + (uint64_t)c->action + sum_text(c->session_id) +
		sum_text(c->item_id) + sum_text(c->campaign_id) + sum_text(c->query) +
		(c->has_dwell_ms ? (uint64_t)c->dwell_ms : 0) + sum_text(c->variant);
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(void)
{
	size_t mib = getenv("GLINT_BENCH_MIB") ? strtoul(getenv("GLINT_BENCH_MIB"), NULL, 10) : 64, bytes = mib << 20, used = 0;
	struct decoder_settings settings = { .framing = FRAMING_BARE, .schema = schema };
	uint8_t *buffer = malloc(bytes);
	uint8_t *sizes = malloc(bytes / 16);
	uint64_t expected = 0, n = 0;
	struct decoder *d;
	double rates[RUNS];
	char error[512];

	if (!buffer || !sizes || decoder_create(EVENT_CLICK, &settings, &d, error, sizeof(error))) {
		fprintf(stderr, "bench_decode: %s\n", buffer && sizes ? error : "out of memory");
		return 1;
	}
	while (used + MAX_RECORD <= bytes) {
		uint8_t *end = put_record(buffer + used, n, &expected);
		sizes[n++] = (uint8_t)(end - (buffer + used));
		used = (size_t)(end - buffer);
	}
	for (int run = 0; run < RUNS; run++) {
		const uint8_t *at = buffer;
		uint64_t sum = 0;
		double begin = seconds();
		for (uint64_t i = 0; i < n; i++) {
			struct event e;
			if (decoder_decode(d, at, sizes[i], &e)) {
				fprintf(stderr, "bench_decode: record %" PRIu64 ": %s\n", i, decode_reasons[decoder_reason(d)]);
				return 1;
			}
			sum += sum_event(&e);
			at += sizes[i];
		}
		double took = seconds() - begin;
		rates[run] = (double)n / took;
		if (sum != expected) {
			fprintf(stderr, "bench_decode: the sum of all fields differs\n");
			return 1;
		}
		printf("  run %d: %.2f M records/s, %.0f MiB/s\n", run + 1, rates[run] / 1e6, (double)used / took / (1 << 20));
	}
	qsort(rates, RUNS, sizeof *rates, ascending);
	printf("decode: %" PRIu64 " records of %.1f bytes, median %.2f M records/s (aim 5), %.0f ns a record\n", n,
		(double)used / (double)n, rates[RUNS / 2] / 1e6, 1e9 / rates[RUNS / 2]);
	decoder_destroy(d);
	free(buffer);
	free(sizes);
	return 0;
}
