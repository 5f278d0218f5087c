/* The configuration: what glintd and glintctl were told, checked as a whole.
 *
 * One file in INI form (conf/glintd.conf is the reference: every option; conf/glintd-minimal.conf the least), then --set, which
 * wins. Sections: [kafka] any property of librdkafka that check_kafka takes, [topics], [redis], [glint], and one for each
 * processor, from its own table. Read once at start; config_load reports every error at once, with file and line, what is
 * allowed, and the nearest name when one is unknown. Does not connect to anything, does not log.
 */
#ifndef GLINT_CONFIG_H
#define GLINT_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "daemon/avro/decode.h"
#include "daemon/config/pseudonym.h"
#include "processors/event.h"
#include "processors/option.h"

struct processor;

enum guarantee { GUARANTEE_EXACTLY_ONCE, GUARANTEE_AT_LEAST_ONCE };

struct config_property { /* of librdkafka */
	const char *name, *value;
	const char *origin; /* "glintd.conf:3", "--set" */
	bool secret;
};

struct config_kafka {
	struct config_property *properties; /* all, bootstrap.servers and group.id included; values of file:PATH already read */
	size_t n_properties;
	const char *bootstrap_servers; /* "" with --embedded: the daemon's own broker */
	const char *group_id;
};

struct config_topic {
	char *name;  /* "" = this input is not read */
	int framing; /* enum framing */
	struct option_file schema; /* writer schema of bare records; data NULL: ours */
	char *schema_ids;          /* folder of ID.avsc and *.avsc, absolute; "" = none */
	const struct field_map *maps;
	size_t n_maps;
};

struct config_topics {
	struct config_topic of[EVENT_KINDS]; /* by enum event_kind; at least one of the first three has a name */
};

struct config_redis {
	char *url;
	struct option_file password_file;
	char *prefix;
	int64_t connect_timeout_ms, timeout_ms;
	int64_t view_ttl_ms;
	int64_t views_per_second_when_behind; /* of shoppers and items */
	int64_t behind_ms;                    /* busy for this long without a pause */
	int64_t alerts_kept;
	/* from url and password_file */
	char *host;      /* NULL with a unix socket */
	char *unix_path; /* NULL with TCP */
	char *user;      /* NULL: none */
	char *password;  /* NULL: none; the first line of password_file */
	int port, db;
	char *where; /* for messages: "127.0.0.1:6379/0", "/run/redis.sock, database 0"; never a secret */
};

struct config_glint {
	int guarantee; /* enum guarantee */
	char *instance; /* never empty after config_load */
	char *run_dir;  /* absolute */
	char *http;
	int64_t commit_interval_ms, interval_bytes;
	int64_t snapshot_interval_ms, model_interval_ms;
	int64_t shutdown_timeout_ms;
	int64_t allowed_lateness_ms, max_skew_ms, max_jump_ms, max_drift_ms, settle_ms, head_wait_ms;
	int64_t max_users, max_items;                 /* per process */
	int64_t user_expiry_ms, item_expiry_ms;       /* idle entities are forgotten after this much event time */
	int64_t dedup_ring;                           /* event ids kept per shopper and topic */
	char *off;                                    /* names of processors, joined by commas */
	int64_t max_record_bytes;                     /* one message in */
	double rating_min, rating_max;                /* stars */
	int64_t replication_factor;                   /* of topics we make; -1: the broker's */
	int64_t dead_letter_retention_ms, alerts_retention_ms;
	int log_level; /* enum log_level */
	/* from http */
	bool http_on;
	char http_address[64];
	uint16_t http_port;
};

struct config_privacy {
	int64_t k; /* shoppers */
	bool k_of_counts;
	struct option_file key_file;
	/* from key_file; set: shoppers' ids are pseudonyms behind the decoder */
	struct pseudonym_key key;
};

/* A live option of [redis] or [glint] (OPTION_LIVE), read by another thread than the loop. */
#define OPTION_NOW(field) __atomic_load_n(&(field), __ATOMIC_RELAXED)

struct config_entry { /* one effective setting, for the dump */
	char *section, *name, *value, *origin;
	bool secret;
};

struct config {
	char *path; /* the file, as given; NULL: none */
	bool embedded;
	struct config_kafka kafka;
	struct config_topics topics;
	struct config_redis redis;
	struct config_glint glint;
	struct config_privacy privacy;
	struct config_entry *entries; /* in the order of the reference */
	size_t n_entries;
	struct config_more *more; /* settings of processors and what the above borrows */
};

struct config_errors {
	char **lines; /* "glintd.conf:7: glint.comit_interval: unknown option; did you mean 'commit_interval'?" */
	size_t n;
};

/* What to load, and with whose help. Everything is borrowed for the call; processors until config_destroy. */
struct config_request {
	const char *path;        /* NULL: no file, defaults and sets alone */
	const char *const *sets; /* "section.key=value" */
	size_t n_sets;
	const char *instance;    /* --instance; NULL: [glint] instance, GLINT_INSTANCE, else host and unit name */
	bool embedded;           /* --embedded: no bootstrap.servers needed, guarantee is at_least_once */
	bool ctl;                /* glintctl: at_least_once is fine without --embedded */
	const struct processor *const *processors;
	size_t n_processors;
	/* May it be set (kafka_check_property)? 0; -ENOENT: no such property; -EINVAL with a sentence. NULL: not asked. */
	int (*check_kafka)(const char *name, const char *value, char *error, size_t size);
	const char *const *kafka_names; /* for suggestions; NULL: none */
	size_t n_kafka_names;
	/* Can this input be decoded (decoder_create with config_decoder)? 0 or -errno with a sentence. NULL: not asked. */
	int (*check_topic)(const struct config *config, enum event_kind kind, char *error, size_t size);
};

/* Reads, checks, and calls the processors' setup. 0 and *ret_config, the caller's. -EINVAL: *errors lists why, in the order of the
 * file, and *ret_config is untouched. -ENOMEM. The caller gives errors zeroed and ends it with config_errors_done. */
int config_load(const struct config_request *request, struct config **ret_config, struct config_errors *errors);
void config_destroy(struct config *config); /* takes NULL; calls the processors' teardown */
void config_errors_done(struct config_errors *errors);

/* Takes over into `running` what `fresh`, loaded from the same request, says otherwise: all of it, or nothing. Every difference must be of
 * an option with OPTION_LIVE. Single numbers of [redis] and [glint] are stored atomically (readers in other threads load them so); the
 * settings of a processor that differ are exchanged as a whole, in place, so `fresh` goes on owning what is no longer in force: destroy
 * it after the call. Returns how many options changed, each with a line "redis.view_ttl: 7d -> 1d" in ret_lines; or -EINVAL with a line
 * for each that needs a restart, and nothing changed; or -ENOMEM. ret_lines: given zeroed, ended with config_errors_done. */
int config_reload(struct config *running, struct config *fresh, struct config_errors *ret_lines);

/* Settings of a processor, by its name; NULL when it was not among the request's. Valid until config_destroy. */
const void *config_settings(const struct config *config, const char *processor);

/* Is the processor of that name switched off, by [glint] off? */
bool config_processor_off(const struct config *config, const char *processor);

/* What decoder_create wants for an input; borrows from config. */
void config_decoder(const struct config *config, enum event_kind kind, struct decoder_settings *ret_settings);

/* Every effective setting as the file would say it, with its origin as a comment; secrets are masked. */
void config_dump(const struct config *config, FILE *to);

/* <run_dir>/embedded.conf: a configuration that glintctl reads to reach this daemon's own broker. No secrets. */
void config_write_embedded(const struct config *config, const char *bootstrap_servers, FILE *to);

/* Tables of the daemon's own sections, for the test that holds the reference to them. NULL when there is none of that name. */
const struct option *config_options(const char *section, size_t *ret_n);

#endif
