/* Topics and the embedded broker, without any other server. What needs a real Kafka is tests/e2e/ctl_topics.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>
#include <librdkafka/rdkafka.h>
#include <unistd.h>

#include "daemon/config/config.h"
#include "daemon/kafka/embedded.h"
#include "daemon/kafka/kafka.h"
#include "daemon/kafka/topics.h"

static char folder[] = "/tmp/glint-topics.XXXXXX";

static struct config *config_of(const char *path, bool embedded, bool ctl, const char *const *sets, size_t n)
{
	const char *all[16];
	char run_dir[128];
	struct config_errors errors = { 0 };
	struct config *config = NULL;
	struct config_request request = { .path = path, .embedded = embedded, .ctl = ctl, .sets = all, .instance = "one", .check_kafka = kafka_check_property };
	snprintf(run_dir, sizeof(run_dir), "glint.run_dir=%s", folder);
	all[request.n_sets++] = run_dir;
	for (size_t i = 0; i < n; i++)
		all[request.n_sets++] = sets[i];
	int r = config_load(&request, &config, &errors);
	for (size_t i = 0; i < errors.n; i++)
		print_message("%s\n", errors.lines[i]);
	config_errors_done(&errors);
	assert_int_equal(r, 0);
	return config;
}

static const char *const inputs[] = { "kafka.group.id=g", "topics.clicks=c", "topics.purchases=p", "topics.reviews=r" };

static struct config *embedded_config(void)
{
	return config_of(NULL, true, false, inputs, 4);
}

static void internal_topics_are_named_by_the_group_and_counted_by_the_inputs(void **state)
{
	struct config *config = embedded_config();
	struct topics_layout layout;
	(void)state;
	topics_layout(config, 8, &layout);
	assert_string_equal(layout.names[TOPIC_REPARTITION], "g-item-repartition");
	assert_string_equal(layout.names[TOPIC_USER_ROWS], "g-user-rows");
	assert_string_equal(layout.names[TOPIC_ITEM_ROWS], "g-item-rows");
	assert_string_equal(layout.names[TOPIC_MODEL], "g-model");
	assert_string_equal(layout.names[TOPIC_ALERTS], "g-alerts");
	assert_string_equal(layout.names[TOPIC_DEAD_LETTER], "g-dead-letter");
	assert_int_equal(layout.counts[TOPIC_REPARTITION], 8);
	assert_int_equal(layout.counts[TOPIC_MODEL], 1);
	assert_int_equal(layout.counts[TOPIC_ALERTS], 1);
	config_destroy(config);
}

static void the_embedded_broker_has_every_topic_and_says_where_it_is(void **state)
{
	struct config *config = embedded_config(), *ctl;
	struct embedded *e;
	struct topics_layout layout;
	rd_kafka_t *client;
	char error[512] = "", path[128];
	(void)state;
	assert_int_equal(embedded_start(config, 3, &e, error, sizeof(error)), 0);
	snprintf(path, sizeof(path), "%s/embedded.conf", folder);
	ctl = config_of(path, false, true, NULL, 0);
	assert_string_equal(ctl->kafka.bootstrap_servers, embedded_bootstrap(e));
	assert_string_equal(ctl->kafka.group_id, "g");
	assert_string_equal(ctl->topics.of[EVENT_REVIEW].name, "r");
	assert_int_equal(ctl->glint.guarantee, GUARANTEE_AT_LEAST_ONCE);
	assert_string_equal(ctl->glint.run_dir, folder);

	assert_int_equal(kafka_client(config, KAFKA_ADMIN, embedded_bootstrap(e), &client, error, sizeof(error)), 0);
	assert_int_equal(topics_prepare(config, client, embedded_bootstrap(e), &layout, error, sizeof(error)), 0);
	assert_int_equal(layout.partitions, 3);
	assert_int_equal(topics_partitions(client, "g-user-rows", 5000), 3);
	assert_int_equal(topics_partitions(client, "g-model", 5000), 1);
	assert_int_equal(topics_partitions(client, "no-such-topic", 5000), -ENOENT);
	rd_kafka_destroy(client);

	/* glintctl's own view of it */
	assert_int_equal(kafka_client(ctl, KAFKA_ADMIN, NULL, &client, error, sizeof(error)), 0);
	assert_int_equal(topics_create_inputs(ctl, client, NULL, 0, -1, &layout, error, sizeof(error)), 0);
	assert_false(layout.input_created[EVENT_CLICK]);
	assert_int_equal(topics_create_inputs(ctl, client, NULL, 4, -1, &layout, error, sizeof(error)), -EINVAL);
	assert_string_equal(error, "the inputs that exist have 3 partitions, so that no other can be created with 4");
	rd_kafka_destroy(client);
	config_destroy(ctl);
	embedded_stop(e);
	assert_int_equal(access(path, F_OK), -1);
	config_destroy(config);
}

static void an_input_that_is_missing_is_named_with_the_way_out(void **state)
{
	static const char *const more[] = { "kafka.group.id=g", "topics.clicks=c", "topics.purchases=pp" };
	struct config *config = embedded_config(), *other = config_of(NULL, true, false, more, 3);
	struct embedded *e;
	struct topics_layout layout;
	rd_kafka_t *client;
	char error[512] = "", expected[512];
	(void)state;
	assert_int_equal(embedded_start(config, 0, &e, error, sizeof(error)), 0);
	assert_int_equal(kafka_client(other, KAFKA_ADMIN, embedded_bootstrap(e), &client, error, sizeof(error)), 0);
	assert_int_equal(topics_prepare(other, client, embedded_bootstrap(e), &layout, error, sizeof(error)), -ENOENT);
	snprintf(expected, sizeof(expected),
		"topic 'pp' does not exist at Kafka %s; correct 'topics.purchases', or create it: glintctl topics create",
		embedded_bootstrap(e));
	assert_string_equal(error, expected);
	rd_kafka_destroy(client);
	embedded_stop(e);
	config_destroy(other);
	config_destroy(config);
}

static void a_broker_that_does_not_answer_is_named(void **state)
{
	static const char *const sets[] = { "kafka.group.id=g", "kafka.bootstrap.servers=127.0.0.1:1", "topics.clicks=c" };
	struct config *config = config_of(NULL, false, true, sets, 3);
	rd_kafka_t *client;
	char error[512];
	(void)state;
	assert_int_equal(kafka_client(config, KAFKA_ADMIN, NULL, &client, error, sizeof(error)), 0);
	assert_int_equal(kafka_reach(client, "127.0.0.1:1", 200, error, sizeof(error)), -ETIMEDOUT);
	assert_non_null(strstr(error, "no answer from Kafka at 127.0.0.1:1 within 1 s"));
	rd_kafka_destroy(client);
	config_destroy(config);
}

static void value_is(rd_kafka_conf_t *conf, const char *name, const char *value)
{
	char got[256];
	size_t size = sizeof(got);
	assert_int_equal(rd_kafka_conf_get(conf, name, got, &size), RD_KAFKA_CONF_OK);
	assert_string_equal(got, value);
}

static void a_property_of_the_shop_wins_over_our_defaults_but_not_over_what_glint_stands_on(void **state)
{
	static const char *const sets[] = { "kafka.group.id=g", "kafka.bootstrap.servers=b:1", "kafka.linger.ms=50", "kafka.fetch.wait.max.ms=7",
		"topics.clicks=c" };
	struct config *config = config_of(NULL, false, true, sets, 5);
	char error[512];
	(void)state;
	rd_kafka_conf_t *conf = kafka_conf(config, KAFKA_TRANSACTIONAL, NULL, error, sizeof(error));
	assert_non_null(conf);
	value_is(conf, "linger.ms", "50");
	value_is(conf, "transactional.id", "g-one");
	value_is(conf, "transaction.timeout.ms", "5000");
	value_is(conf, "partitioner", "murmur2_random");
	value_is(conf, "bootstrap.servers", "b:1");
	rd_kafka_conf_destroy(conf);
	conf = kafka_conf(config, KAFKA_CONSUMER, "other:2", error, sizeof(error));
	value_is(conf, "fetch.wait.max.ms", "7");
	value_is(conf, "isolation.level", "read_committed");
	value_is(conf, "auto.offset.reset", "error");
	value_is(conf, "enable.auto.commit", "false");
	value_is(conf, "partition.assignment.strategy", "range");
	value_is(conf, "group.instance.id", "one");
	value_is(conf, "bootstrap.servers", "other:2");
	rd_kafka_conf_destroy(conf);
	conf = kafka_conf(config, KAFKA_READER_UNCOMMITTED, NULL, error, sizeof(error));
	value_is(conf, "isolation.level", "read_uncommitted");
	rd_kafka_conf_destroy(conf);
	config_destroy(config);
}

static void properties_are_checked_one_by_one(void **state)
{
	char error[512];
	(void)state;
	assert_int_equal(kafka_check_property("security.protocol", "sasl_ssl", error, sizeof(error)), 0);
	assert_int_equal(kafka_check_property("acks", "1", error, sizeof(error)), -EINVAL);
	assert_string_equal(error, "glint sets it itself (exactly-once stands on it); leave it out");
	assert_int_equal(kafka_check_property("linger.ms", "soon", error, sizeof(error)), -EINVAL);
	assert_int_equal(kafka_check_property("linger.mss", "5", error, sizeof(error)), -ENOENT);
}

static void suggestions_hold_common_names_and_none_that_is_refused(void **state)
{
	size_t n;
	const char **names = kafka_property_names(&n);
	bool bootstrap = false, ca = false;
	(void)state;
	assert_non_null(names);
	for (size_t i = 0; i < n; i++) {
		char error[256];
		bootstrap = bootstrap || !strcmp(names[i], "bootstrap.servers");
		ca = ca || !strcmp(names[i], "ssl.ca.location");
		int r = kafka_check_property(names[i], "", error, sizeof(error));
		assert_true(r != -ENOENT);
		assert_null(r ? strstr(error, "glint sets it itself") : NULL);
	}
	assert_true(bootstrap);
	assert_true(ca);
	kafka_property_names_free(names, n);
}

static int make(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int clean(void **state)
{
	(void)state;
	return rmdir(folder); /* which says too that embedded_stop left nothing */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(internal_topics_are_named_by_the_group_and_counted_by_the_inputs),
		cmocka_unit_test(the_embedded_broker_has_every_topic_and_says_where_it_is),
		cmocka_unit_test(an_input_that_is_missing_is_named_with_the_way_out),
		cmocka_unit_test(a_broker_that_does_not_answer_is_named),
		cmocka_unit_test(a_property_of_the_shop_wins_over_our_defaults_but_not_over_what_glint_stands_on),
		cmocka_unit_test(properties_are_checked_one_by_one),
		cmocka_unit_test(suggestions_hold_common_names_and_none_that_is_refused),
	};
	return cmocka_run_group_tests(tests, make, clean);
}
