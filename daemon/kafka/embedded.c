/* Hosts librdkafka's mock cluster. See embedded.h. */
#include "daemon/kafka/embedded.h"

#include <errno.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "daemon/config/config.h"
#include "daemon/kafka/topics.h"

struct embedded {
	rd_kafka_t *host; /* owns the cluster's threads; is no client of it */
	rd_kafka_mock_cluster_t *cluster;
	char *bootstrap;
	char path[4096]; /* of embedded.conf, "" before it is written */
};

static void on_log(const rd_kafka_t *rk, int level, const char *fac, const char *text)
{
	(void)rk, (void)level, (void)fac, (void)text; /* the host speaks of its own sockets, to nobody's use */
}

static rd_kafka_t *host_create(char *error, size_t size)
{
	char why[512];
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_conf_set_log_cb(conf, on_log);
	/* without it every answer waits for a delayed acknowledgement, 40 ms */
	rd_kafka_conf_set(conf, "socket.nagle.disable", "true", why, sizeof(why));
	rd_kafka_conf_set(conf, "client.id", "glint-embedded", why, sizeof(why));
	rd_kafka_t *host = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
	if (!host) {
		rd_kafka_conf_destroy(conf);
		snprintf(error, size, "the embedded broker does not start: %s", why);
	}
	return host;
}

static int make_topic(struct embedded *e, const char *name, int32_t partitions, char *error, size_t size)
{
	/* a request that comes while the cluster's thread falls asleep after the one before it waits a second: let it sleep first */
	nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
	rd_kafka_resp_err_t err = rd_kafka_mock_topic_create(e->cluster, name, partitions, 1);
	if (!err)
		return 0;
	snprintf(error, size, "the embedded broker does not make topic '%s': %s", name, rd_kafka_err2str(err));
	return -EINVAL;
}

static int make_folders(const char *path)
{
	char part[4096];
	size_t n = strlen(path);
	if (n >= sizeof(part))
		return -ENAMETOOLONG;
	memcpy(part, path, n + 1);
	for (size_t i = 1; i <= n; i++)
		if (path[i] == '/' || i == n) {
			part[i] = '\0';
			if (mkdir(part, 0755) && errno != EEXIST)
				return -errno;
			part[i] = path[i];
		}
	return 0;
}

static int write_file(struct embedded *e, const struct config *config, char *error, size_t size)
{
	char path[4000], temporary[4096];
	FILE *f = NULL;
	int r = make_folders(config->glint.run_dir);

	if (!r && snprintf(path, sizeof(path), "%s/embedded.conf", config->glint.run_dir) >= (int)sizeof(path))
		r = -ENAMETOOLONG;
	if (r) {
		snprintf(error, size, "run_dir %s: %s", config->glint.run_dir, strerror(-r));
		return r;
	}
	snprintf(temporary, sizeof(temporary), "%s.%ld", path, (long)getpid());
	f = fopen(temporary, "we");
	if (f)
		config_write_embedded(config, e->bootstrap, f);
	if (!f || ferror(f) || fflush(f))
		r = errno ? -errno : -EIO;
	if (f && fclose(f) && !r)
		r = -errno;
	if (!r && rename(temporary, path))
		r = -errno;
	if (r) {
		unlink(temporary);
		snprintf(error, size, "%s: %s", path, strerror(-r));
		return r;
	}
	memcpy(e->path, path, strlen(path) + 1);
	return 0;
}

int embedded_start(const struct config *config, int32_t partitions, struct embedded **ret, char *error, size_t size)
{
	struct topics_layout layout;
	struct embedded *e = calloc(1, sizeof(*e));
	int r = -EIO;

	if (!e)
		return -ENOMEM;
	topics_layout(config, partitions > 0 ? partitions : TOPICS_DEFAULT_PARTITIONS, &layout);
	e->host = host_create(error, size);
	if (!e->host)
		goto fail;
	e->cluster = rd_kafka_mock_cluster_new(e->host, 1);
	if (!e->cluster) {
		snprintf(error, size, "the embedded broker does not start: no port on 127.0.0.1");
		goto fail;
	}
	r = 0;
	for (int k = 0; !r && k < EVENT_KINDS; k++)
		if (config->topics.of[k].name && *config->topics.of[k].name)
			r = make_topic(e, config->topics.of[k].name, layout.partitions, error, size);
	for (int i = 0; !r && i < INTERNAL_TOPICS; i++)
		r = make_topic(e, layout.names[i], layout.counts[i], error, size);
	if (r)
		goto fail;
	e->bootstrap = strdup(rd_kafka_mock_cluster_bootstraps(e->cluster));
	r = e->bootstrap ? write_file(e, config, error, size) : -ENOMEM;
	if (r)
		goto fail;
	*ret = e;
	return 0;
fail:
	embedded_stop(e);
	return r;
}

const char *embedded_bootstrap(const struct embedded *e)
{
	return e->bootstrap;
}

void embedded_stop(struct embedded *e)
{
	if (!e)
		return;
	if (*e->path)
		unlink(e->path);
	if (e->cluster)
		rd_kafka_mock_cluster_destroy(e->cluster);
	if (e->host)
		rd_kafka_destroy(e->host);
	free(e->bootstrap);
	free(e);
}
