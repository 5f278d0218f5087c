/* The daemon's own options, one row each. The reference (conf/glintd.conf) says the same for people; tests/unit/test_config.c holds
 * the two together. */
#include <string.h>

#include "daemon/config/config.h"

#define TOPIC(kind, word, what)                                                                                                            \
	{ word, OPTION_TEXT, OPTION_AT(config_topics, of[kind].name), .help = what },                                                      \
	{ word ".framing", OPTION_CHOICE, OPTION_AT(config_topics, of[kind].framing), .value = "auto",                                     \
	  .choices = "auto|bare|single|confluent",                                                                                         \
	  .help = "What is before the Avro record: nothing, Avro's single-object header, or Confluent's 0 and schema id." },               \
	{ word ".schema", OPTION_FILE, OPTION_AT(config_topics, of[kind].schema),                                                          \
	  .help = "The schema that bare records were written with; empty: glint's own." },                                                 \
	{ word ".schema_ids", OPTION_PATH, OPTION_AT(config_topics, of[kind].schema_ids),                                                  \
	  .help = "Folder of writer schemas: ID.avsc for Confluent's framing, any .avsc for single objects." }

static const struct option topics[] = {
	TOPIC(EVENT_CLICK, "clicks", "Topic of click events; empty: not read."),
	TOPIC(EVENT_PURCHASE, "purchases", "Topic of purchases; empty: not read."),
	TOPIC(EVENT_REVIEW, "reviews", "Topic of reviews; empty: not read."),
	TOPIC(EVENT_ITEM, "items", "Compacted topic of the catalogue; empty: not read."),
};

static const struct option redis[] = {
	{ "url", OPTION_TEXT, OPTION_AT(config_redis, url), .value = "redis://127.0.0.1:6379/0",
	  .help = "redis://user@host:port/db or unix:///path?db=0." },
	{ "password_file", OPTION_FILE, OPTION_AT(config_redis, password_file),
	  .help = "File whose first line is the password; empty: none." },
	{ "prefix", OPTION_TEXT, OPTION_AT(config_redis, prefix), .value = "glint", .help = "Every key starts with it and a colon." },
	{ "connect_timeout", OPTION_DURATION, OPTION_AT(config_redis, connect_timeout_ms), .value = "1s", .min = "10ms", .max = "1min",
	  .help = "How long connecting may take.", .flags = OPTION_LIVE },
	{ "timeout", OPTION_DURATION, OPTION_AT(config_redis, timeout_ms), .value = "2s", .min = "10ms", .max = "1min",
	  .help = "How long an answer may take; then the connection is made anew.", .flags = OPTION_LIVE },
	{ "view_ttl", OPTION_DURATION, OPTION_AT(config_redis, view_ttl_ms), .value = "7d", .min = "1min", .max = "365d",
	  .help = "Time to live of keys of single shoppers and items; renewed while they live.", .flags = OPTION_LIVE },
	{ "views_per_second_when_behind", OPTION_COUNT, OPTION_AT(config_redis, views_per_second_when_behind), .value = "500", .min = "0",
	  .max = "1000000", .unit = "views", .help = "Bound on views of shoppers and items while far behind, so that the backlog goes first.", .flags = OPTION_LIVE },
	{ "behind", OPTION_DURATION, OPTION_AT(config_redis, behind_ms), .value = "500ms", .min = "10ms", .max = "1h",
	  .help = "Far behind: records have been left waiting for this long, or more than 50,000 wait.", .flags = OPTION_LIVE },
	{ "alerts_kept", OPTION_COUNT, OPTION_AT(config_redis, alerts_kept), .value = "10000", .min = "100", .max = "10000000",
	  .unit = "entries", .help = "Length that the alerts stream is trimmed to.", .flags = OPTION_LIVE },
};

static const struct option glint[] = {
	{ "guarantee", OPTION_CHOICE, OPTION_AT(config_glint, guarantee), .value = "exactly_once",
	  .choices = "exactly_once|at_least_once", .help = "at_least_once is for --embedded, whose broker has no transactions." },
	{ "instance", OPTION_TEXT, OPTION_AT(config_glint, instance),
	  .help = "Name of this process, the same after a restart; empty: GLINT_INSTANCE, else host and unit name." },
	{ "run_dir", OPTION_PATH, OPTION_AT(config_glint, run_dir), .value = "/run/glint", .help = "Folder for what lives as long as the process." },
	{ "http", OPTION_TEXT, OPTION_AT(config_glint, http), .value = "127.0.0.1:9464", .help = "address:port of /metrics, /livez and /readyz, or off." },
	{ "log_level", OPTION_CHOICE, OPTION_AT(config_glint, log_level), .value = "info", .choices = "error|warn|info|debug",
	  .help = "The least important messages that are logged.", .flags = OPTION_LIVE },
	{ "commit_interval", OPTION_DURATION, OPTION_AT(config_glint, commit_interval_ms), .value = "200ms", .min = "10ms", .max = "10s",
	  .help = "An interval is sealed and committed this often.", .flags = OPTION_LIVE },
	{ "interval_bytes", OPTION_SIZE, OPTION_AT(config_glint, interval_bytes), .value = "8MiB", .min = "256KiB", .max = "256MiB",
	  .help = "An interval is sealed earlier when this much is to be written.", .flags = OPTION_LIVE },
	{ "snapshot_interval", OPTION_DURATION, OPTION_AT(config_glint, snapshot_interval_ms), .value = "5s", .min = "100ms", .max = "10min",
	  .help = "State is written at the latest this long after it changed; a restart replays about as much.", .flags = OPTION_LIVE },
	{ "model_interval", OPTION_DURATION, OPTION_AT(config_glint, model_interval_ms), .value = "1s", .min = "10ms", .max = "10min",
	  .help = "An item's row for the other processes is written at most this often.", .flags = OPTION_LIVE },
	{ "shutdown_timeout", OPTION_DURATION, OPTION_AT(config_glint, shutdown_timeout_ms), .value = "10s", .min = "1s", .max = "10min",
	  .help = "SIGTERM ends the process within this time." },
	{ "allowed_lateness", OPTION_DURATION, OPTION_AT(config_glint, allowed_lateness_ms), .value = "24h", .min = "0", .max = "365d",
	  .help = "A record older than its partition's newest by more is late and changes nothing." },
	{ "max_skew", OPTION_DURATION, OPTION_AT(config_glint, max_skew_ms), .value = "5min", .min = "0", .max = "365d",
	  .help = "A record ahead of the clock by more is dead-lettered." },
	{ "max_jump", OPTION_DURATION, OPTION_AT(config_glint, max_jump_ms), .value = "1d", .min = "1min", .max = "365d",
	  .help = "A record ahead of its partition's time by more moves it only when three later ones agree." },
	{ "max_drift", OPTION_DURATION, OPTION_AT(config_glint, max_drift_ms), .value = "7d", .min = "1min", .max = "365d",
	  .help = "A process waits while its next record is ahead of the group's watermark by more.", .flags = OPTION_LIVE },
	{ "settle", OPTION_DURATION, OPTION_AT(config_glint, settle_ms), .value = "10s", .min = "0", .max = "1h",
	  .help = "The watermark stays this much behind, for records that come out of order." },
	{ "head_wait", OPTION_DURATION, OPTION_AT(config_glint, head_wait_ms), .value = "5s", .min = "0", .max = "10min",
	  .help = "The longest wait for the next record of a partition that is not at its end.", .flags = OPTION_LIVE },
	{ "dedup_ring", OPTION_COUNT, OPTION_AT(config_glint, dedup_ring), .value = "256", .min = "1", .max = "65536", .unit = "event ids",
	  .help = "Event ids remembered per shopper and topic." },
	{ "max_record_bytes", OPTION_SIZE, OPTION_AT(config_glint, max_record_bytes), .value = "1MiB", .min = "1KiB", .max = "64MiB",
	  .help = "A longer record is dead-lettered." },
	{ "off", OPTION_TEXT, OPTION_AT(config_glint, off), .value = "",
	  .help = "Processors (sections below) that are not run, joined by commas: they cost nothing then, show nothing, and forget what they knew." },
	{ "rating_min", OPTION_REAL, OPTION_AT(config_glint, rating_min), .value = "0.5", .min = "0.001", .max = "1000", .unit = "stars",
	  .help = "The lowest rating of the shop's scale; a lower one is dead-lettered." },
	{ "rating_max", OPTION_REAL, OPTION_AT(config_glint, rating_max), .value = "5", .min = "0.001", .max = "1000", .unit = "stars",
	  .help = "The highest rating of the shop's scale; a higher one is dead-lettered." },
	{ "max_users", OPTION_COUNT, OPTION_AT(config_glint, max_users), .value = "2_000_000", .min = "1000", .max = "1_000_000_000",
	  .unit = "shoppers", .help = "Shoppers kept by one process; beyond, the longest idle are forgotten.", .flags = OPTION_LIVE },
	{ "max_items", OPTION_COUNT, OPTION_AT(config_glint, max_items), .value = "1_000_000", .min = "1000", .max = "1_000_000_000",
	  .unit = "items", .help = "Items, campaigns and the like kept by one process.", .flags = OPTION_LIVE },
	{ "user_expiry", OPTION_DURATION, OPTION_AT(config_glint, user_expiry_ms), .value = "400d", .min = "1d", .max = "36500d", .zero = "never",
	  .help = "Shoppers idle for this much event time are forgotten." },
	{ "item_expiry", OPTION_DURATION, OPTION_AT(config_glint, item_expiry_ms), .value = "400d", .min = "1d", .max = "36500d", .zero = "never",
	  .help = "Items idle for this much event time are forgotten." },
	{ "replication_factor", OPTION_COUNT, OPTION_AT(config_glint, replication_factor), .value = "-1", .min = "-1", .max = "32",
	  .help = "Of the topics that glint creates; -1: the broker's default." },
	{ "dead_letter_retention", OPTION_DURATION, OPTION_AT(config_glint, dead_letter_retention_ms), .value = "14d", .min = "1h",
	  .max = "3650d", .zero = "for ever", .help = "How long refused records are kept." },
	{ "alerts_retention", OPTION_DURATION, OPTION_AT(config_glint, alerts_retention_ms), .value = "30d", .min = "1h", .max = "3650d",
	  .zero = "for ever", .help = "How long alerts are kept in Kafka." },
};

static const struct option privacy[] = {
	{ "k", OPTION_COUNT, OPTION_AT(config_privacy, k), .value = "10", .min = "1", .max = "1000", .unit = "shoppers",
	  .help = "Of fewer shoppers than this nothing is published: no segment, no query." },
	{ "k_of_counts", OPTION_BOOL, OPTION_AT(config_privacy, k_of_counts), .value = "no",
	  .help = "Ask k of what is counted in baskets, too: what fewer than k baskets hold is not shown." },
	{ "key_file", OPTION_FILE, OPTION_AT(config_privacy, key_file),
	  .help = "File with a secret key: shoppers' ids are replaced by a keyed hash; empty: they are not." },
};

const struct option *config_options(const char *section, size_t *ret_n)
{
	if (!strcmp(section, "topics")) {
		*ret_n = OPTION_N(topics);
		return topics;
	}
	if (!strcmp(section, "redis")) {
		*ret_n = OPTION_N(redis);
		return redis;
	}
	if (!strcmp(section, "glint")) {
		*ret_n = OPTION_N(glint);
		return glint;
	}
	if (!strcmp(section, "privacy")) {
		*ret_n = OPTION_N(privacy);
		return privacy;
	}
	return NULL;
}
