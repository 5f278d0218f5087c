/* How fast the publisher writes: batches of 100 SETs of 1 KB (and of 100 B) over a unix socket to a redis-server of its own.
 *
 * CPU is that of this process (getrusage), both threads; the batches are rendered once and submitted again. Redis and we share the
 * machine's cores. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "daemon/config/config.h"
#include "daemon/redis/publisher.h"

#define COMMANDS 100
#define SECONDS 2.0

static double now_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double cpu_s(void)
{
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + 1e-6 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static struct batch *collect(struct publisher *p)
{
	struct batch *b;
	while (!(b = publisher_completed(p))) {
		struct pollfd fd = { .fd = publisher_fd(p), .events = POLLIN };
		poll(&fd, 1, 1000);
	}
	return b;
}

static void run(struct publisher *p, uint32_t value_bytes, unsigned ahead)
{
	struct batch *b[PUBLISHER_QUEUE];
	char *value = malloc(value_bytes);
	unsigned long commands = 0;
	struct publisher_stats before, after;

	memset(value, 'v', value_bytes);
	for (unsigned i = 0; i < ahead; i++) {
		b[i] = batch_create();
		b[i]->kind = BATCH_VIEWS;
		b[i]->epoch = 1;
		strcpy(b[i]->task, "u0");
		b[i]->n_commands = COMMANDS;
		for (unsigned j = 0; j < COMMANDS; j++) {
			char key[32];
			buf_varint(&b[i]->commands, 5);
			buf_text(&b[i]->commands, TEXT("SET"));
			buf_text(&b[i]->commands,
				(struct text){ key, (uint32_t)snprintf(key, sizeof(key), "glint:recs:%u", i * COMMANDS + j) });
			buf_text(&b[i]->commands, (struct text){ value, value_bytes });
			buf_text(&b[i]->commands, TEXT("EX"));
			buf_text(&b[i]->commands, TEXT("86400"));
		}
	}
	publisher_stats(p, &before);
	double start = now_s(), cpu = cpu_s();
	unsigned out = 0;
	for (; out < ahead; out++)
		publisher_submit(p, b[out]);
	while (out) {
		struct batch *done = collect(p);
		commands += COMMANDS;
		if (done->result != BATCH_DONE || now_s() - start > SECONDS)
			batch_destroy(done), out--;
		else
			publisher_submit(p, done);
	}
	double wall = now_s() - start;
	cpu = cpu_s() - cpu;
	publisher_stats(p, &after);
	printf("%4u batches ahead, SET %4u B: %7.0f commands/s, our CPU %4.2f us per command, %4.0f MB/s, a batch answered after %.2f ms\n",
		ahead, value_bytes, (double)commands / wall, 1e6 * cpu / (double)commands,
		(double)(after.bytes - before.bytes) / wall / 1e6,
		1e-3 * (double)(after.latency_us - before.latency_us) / (double)(after.batches - before.batches));
	free(value);
}

int main(void)
{
	char dir[] = "/tmp/glint-bench-XXXXXX", path[64], command[64], error[200];
	struct publisher *p;
	if (!mkdtemp(dir))
		return 1;
	snprintf(path, sizeof(path), "%s/s", dir);
	pid_t pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", path, "--save", "", "--dir", dir, "--logfile", "log",
			(char *)NULL);
		_exit(127);
	}
	struct config_redis config = { .unix_path = path, .prefix = (char *)"glint", .where = path, .connect_timeout_ms = 2000, .timeout_ms = 5000, .alerts_kept = 1000 };
	struct publisher_options options = { .redis = &config, .instance = "bench" };
	int r = publisher_create(&options, &p, error, sizeof(error));
	if (r) {
		fprintf(stderr, "%s\n", error);
		return 1;
	}
	struct batch *b = batch_create();
	b->kind = BATCH_TAKE_OVER;
	b->epoch = 1;
	strcpy(b->task, "u0");
	publisher_submit(p, b);
	batch_destroy(collect(p));
	static const unsigned ahead[] = { 1, 2, 8, 32 };
	for (unsigned i = 0; i < sizeof(ahead) / sizeof(ahead[0]); i++)
		run(p, 1024, ahead[i]);
	run(p, 100, 8);
	publisher_destroy(p, 1000);
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command) != 0;
}
