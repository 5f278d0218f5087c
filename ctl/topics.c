/* glintctl topics create: the inputs that are missing, then all that glintd would make and check itself. */
#include <jansson.h>
#include <librdkafka/rdkafka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ctl/ctl.h"
#include "ctl/table.h"
#include "daemon/config/config.h"
#include "daemon/config/option.h"
#include "daemon/kafka/kafka.h"
#include "daemon/kafka/topics.h"

struct row {
	const char *topic;
	int32_t partitions;
	const char *what;
	bool created;
};

static void print(struct ctl *ctl, const struct row *rows, size_t n, const char *warning)
{
	if (ctl->json) {
		json_t *list = json_array();
		for (size_t i = 0; i < n; i++)
			json_array_append_new(list, json_pack("{s:s, s:i, s:s, s:b}", "topic", rows[i].topic, "partitions", (int)rows[i].partitions, "what", rows[i].what, "created", rows[i].created));
		json_dumpf(list, stdout, JSON_COMPACT);
		putchar('\n');
		json_decref(list);
	} else {
		struct table *t = table_create((const char *const[]){ "topic", "partitions", "what", "", NULL });
		for (size_t i = 0; i < n; i++) {
			table_cell(t, rows[i].topic);
			table_cellf(t, "%d", rows[i].partitions);
			table_cell(t, rows[i].what);
			table_cell(t, rows[i].created ? "created" : "was there");
		}
		table_print(t, stdout, ctl->width, true);
		table_destroy(t);
	}
	if (*warning)
		fprintf(stderr, "glintctl topics create: note: %s\n", warning);
}

int ctl_topics_create(struct ctl *ctl)
{
	static const char *const kinds[] = { "clicks, read", "purchases, read", "reviews, read", "catalogue, read" };
	static const char *const whats[INTERNAL_TOPICS] = {
		[TOPIC_REPARTITION] = "between the stages",
		[TOPIC_USER_ROWS] = "snapshots of shoppers",
		[TOPIC_ITEM_ROWS] = "snapshots of items",
		[TOPIC_MODEL] = "what stages know of each other",
		[TOPIC_ALERTS] = "alerts",
		[TOPIC_DEAD_LETTER] = "records that cannot be read",
		[TOPIC_CONTROL] = "what people exclude, boost and pin",
	};
	const struct config *config = ctl->config;
	struct topics_layout inputs, layout;
	struct row rows[EVENT_KINDS + INTERNAL_TOPICS];
	char error[1024];
	double partitions = 0;
	int64_t retention_ms = 0;
	const char *retention = arguments_value(ctl->arguments, "retention");
	rd_kafka_t *client = NULL;
	size_t n = 0;

	if (arguments_whole(ctl->arguments, "partitions", 1, 10000, &partitions, error, sizeof(error)))
		return ctl_fail(ctl, EX_USAGE, "%s", error);
	if (retention && option_parse_duration(retention, &retention_ms))
		return ctl_fail(ctl, EX_USAGE, "--retention must be a time like 12h or 30d, found '%s'", retention);
	if (kafka_client(config, KAFKA_ADMIN, NULL, &client, error, sizeof(error)))
		return ctl_fail(ctl, EX_CONFIG, "%s", error);
	int r = topics_create_inputs(config, client, NULL, (int32_t)partitions, retention_ms > 0 ? retention_ms : -1, &inputs, error, sizeof(error));
	if (!r)
		r = topics_prepare(config, client, NULL, &layout, error, sizeof(error));
	for (int k = 0; !r && k < EVENT_KINDS; k++)
		if (config->topics.of[k].name && *config->topics.of[k].name)
			rows[n++] = (struct row){ config->topics.of[k].name, topics_partitions(client, config->topics.of[k].name, 5000), kinds[k],
				inputs.input_created[k] };
	for (int i = 0; !r && i < INTERNAL_TOPICS; i++)
		rows[n++] = (struct row){ layout.names[i], layout.counts[i], whats[i], layout.created[i] };
	rd_kafka_destroy(client);
	if (r)
		return ctl_fail(ctl, r == -EINVAL ? EX_CONFIG : EX_UNAVAILABLE, "%s", error);
	print(ctl, rows, n, layout.warning);
	return 0;
}
