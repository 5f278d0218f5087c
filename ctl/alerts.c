/* glintctl alerts: the alerts stream, oldest of the latest first; with --follow what comes next, until interrupted. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"
#include "ctl/redis.h"
#include "ctl/table.h"
#include "daemon/config/config.h"

static volatile sig_atomic_t interrupted;

static void on_signal(int sig)
{
	interrupted = sig;
}

static const char *member(const json_t *entry, const char *name)
{
	const char *text = json_string_value(json_object_get(entry, name));
	return text ? text : "";
}

static bool chinese(const struct ctl *ctl, const char *lang)
{
	static const char *const names[] = { "LC_ALL", "LC_MESSAGES", "LANG" };
	(void)ctl;
	for (int i = 0; !lang && i < 3; i++)
		if (getenv(names[i]) && *getenv(names[i]))
			lang = getenv(names[i]);
	return lang && !strncmp(lang, "zh", 2);
}

static void when(const json_t *entry, char *to, size_t size)
{
	const json_t *ts = json_object_get(entry, "ts");
	time_text(json_is_integer(ts) ? json_integer_value(ts) : strtoll(member(entry, "ts"), NULL, 10), to, size);
}

static void print(const struct ctl *ctl, json_t *entries, const char *lang)
{
	size_t i;
	json_t *entry;
	struct table *t = table_create((const char *const[]){ "time", "state", "severity", "kind", "scope", "text", NULL });
	char time[32];

	json_array_foreach(entries, i, entry)
	{
		if (ctl->json) {
			json_print(entry);
			continue;
		}
		when(entry, time, sizeof(time));
		table_cell(t, time);
		table_cell(t, member(entry, "state"));
		table_cell(t, member(entry, "severity"));
		table_cell(t, member(entry, "kind"));
		table_cell(t, member(entry, "scope"));
		table_cell(t, member(entry, chinese(ctl, lang) ? "text_zh" : "text_en"));
	}
	/* the sentence is what one wants to read: it is never cut, the terminal folds it */
	table_print(t, stdout, 0, false);
	table_destroy(t);
	fflush(stdout);
}

static int follow(struct redis *r, const char *key, char *last, size_t last_size, const char *lang)
{
	struct sigaction sa = { .sa_handler = on_signal };
	char block[32];
	/* below the connection's time-out, which would end it */
	snprintf(block, sizeof(block), "%lld", (long long)(r->ctl->config->redis.timeout_ms / 2 > 0 ? r->ctl->config->redis.timeout_ms / 2 : 1));
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	while (!interrupted && !r->code && !ferror(stdout)) {
		redisReply *reply = redis_ask(r, "XREAD", "BLOCK", block, "STREAMS", key, last);
		if (!reply)
			return interrupted ? 0 : r->code;
		if (reply->type == REDIS_REPLY_ARRAY && reply->elements && reply->element[0]->elements == 2) {
			const redisReply *of = reply->element[0]->element[1];
			json_t *entries = redis_entries(of);
			if (json_array_size(entries))
				snprintf(last, last_size, "%s", member(json_array_get(entries, json_array_size(entries) - 1), "stream_id"));
			print(r->ctl, entries, lang);
			json_decref(entries);
		}
		freeReplyObject(reply);
	}
	return r->code;
}

static void print_active(struct redis *r, const char *lang)
{
	char key[REDIS_KEY_BYTES];
	json_t *hash = redis_hash(r, redis_key(r, key, "alerts:", "active")), *list = json_array(), *value;
	const char *name;

	json_object_foreach(hash, name, value)
	{
		json_t *alert = json_loads(json_string_value(value) ? json_string_value(value) : "", 0, NULL);
		if (alert)
			json_array_append_new(list, alert);
	}
	if (!r->code) {
		print(r->ctl, list, lang);
		if (!json_array_size(list) && !r->ctl->json)
			puts("no alert is active");
	}
	json_decref(hash);
	json_decref(list);
}

int ctl_alerts(struct ctl *ctl)
{
	const char *lang = arguments_value(ctl->arguments, "lang");
	char key[REDIS_KEY_BYTES], error[128], count[16], last[64] = "0-0";
	double top = 20;
	struct redis r;

	if (lang && strcmp(lang, "en") != 0 && strcmp(lang, "zh") != 0)
		return ctl_fail(ctl, EX_USAGE, "--lang must be en or zh, found '%s'", lang);
	if (arguments_whole(ctl->arguments, "top", 0, 100000, &top, error, sizeof(error)))
		return ctl_fail(ctl, EX_USAGE, "%s", error);
	if (!redis_open(&r, ctl))
		return r.code;
	if (arguments_value(ctl->arguments, "active")) {
		print_active(&r, lang);
		redis_close(&r);
		return r.code;
	}
	snprintf(count, sizeof(count), "%.0f", top > 0 ? top : 1);
	redisReply *reply = redis_ask(&r, "XREVRANGE", redis_key(&r, key, "alerts", NULL), "+", "-", "COUNT", count);
	if (reply) {
		json_t *latest = redis_entries(reply), *entries = json_array();
		freeReplyObject(reply);
		for (size_t i = json_array_size(latest); i > 0; i--)
			json_array_append(entries, json_array_get(latest, i - 1));
		if (json_array_size(latest))
			snprintf(last, sizeof(last), "%s", member(json_array_get(latest, 0), "stream_id"));
		if (top > 0)
			print(ctl, entries, lang);
		if (!json_array_size(entries) && !ctl->json && !arguments_value(ctl->arguments, "follow"))
			puts("no alerts so far");
		json_decref(latest);
		json_decref(entries);
		if (arguments_value(ctl->arguments, "follow"))
			follow(&r, key, last, sizeof(last), lang);
	}
	redis_close(&r);
	return r.code;
}
