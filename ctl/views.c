/* glintctl recs, together, item, trending, rules, campaign: what readers of Redis see, as tables. */
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"
#include "ctl/redis.h"
#include "ctl/table.h"
#include "daemon/config/config.h"

static int top_of(struct ctl *ctl, int *ret)
{
	char error[128];
	double top = 20;
	if (arguments_whole(ctl->arguments, "top", 1, 100000, &top, error, sizeof(error)))
		return ctl_fail(ctl, EX_USAGE, "%s", error);
	*ret = (int)top;
	return 0;
}

/* A JSON string's value as an object. NULL: there is none, or it cannot be read (said; r->code is set then). */
static json_t *get_object(struct redis *r, const char *key)
{
	json_error_t why;
	char *text = redis_get(r, key);
	if (!text)
		return NULL;
	json_t *value = json_loads(text, 0, &why);
	if (!json_is_object(value)) {
		r->code = ctl_fail(r->ctl, EX_UNAVAILABLE, "%s is not a JSON object", key);
		json_decref(value);
		value = NULL;
	}
	free(text);
	return value;
}

static void head(const char *format, const char *what, const json_t *object)
{
	json_int_t as_of = json_integer_value(json_object_get(object, "as_of"));
	char when[32];
	printf(format, what);
	if (as_of > 0) {
		time_text(as_of, when, sizeof(when));
		printf(", as of %s", when);
	}
	putchar('\n');
}

static void cut(json_t *array, int top)
{
	while (json_array_size(array) > (size_t)top)
		json_array_remove(array, json_array_size(array) - 1);
}

static int finish(struct redis *r)
{
	redis_close(r);
	return r->code;
}

int ctl_recs(struct ctl *ctl)
{
	const char *user = ctl_shopper(ctl, ctl->arguments->positional[0]);
	char key[REDIS_KEY_BYTES];
	bool fallback = false;
	struct redis r;

	if (!redis_open(&r, ctl))
		return r.code;
	json_t *list = get_object(&r, redis_key(&r, key, "recs:", user));
	if (!list && !r.code) {
		fallback = true;
		list = get_object(&r, redis_key(&r, key, "recs:", "_default"));
	}
	if (!list && !r.code)
		r.code = ctl_fail(ctl, EX_UNAVAILABLE, "no list for '%s', and no default list: has glintd read anything yet?", user);
	if (list && ctl->json)
		json_print(list);
	else if (list) {
		char title[256];
		const char *segment = json_string_value(json_object_get(list, "segment"));
		if (fallback)
			snprintf(title, sizeof(title), "no list of one's own; the default list");
		else
			snprintf(title, sizeof(title), "for %s%s%s", user, segment ? ", segment " : "", segment ? segment : "");
		text_print(title, stdout);
		head("%s", "", list);
		json_table(ctl, json_object_get(list, "items"));
	}
	json_decref(list);
	return finish(&r);
}

static void print_list(const struct ctl *ctl, const char *title, const json_t *object)
{
	const char *name;
	json_t *value;
	if (!object)
		return;
	head("%s", title, object);
	json_object_foreach((json_t *)(uintptr_t)object, name, value)
	{
		if (json_is_array(value) && !json_array_size(value))
			puts("none in the window");
		else if (json_is_array(value))
			json_table(ctl, value);
	}
}

/* A view's hash for people: when it was made in the title, without what every view carries for programs. */
static void print_hash(const struct ctl *ctl, const char *title, json_t *hash)
{
	const char *as_of = json_string_value(json_object_get(hash, "as_of"));
	if (as_of)
		json_object_set_new(hash, "as_of", json_integer(strtoll(as_of, NULL, 10)));
	text_print(title, stdout);
	head("%s", "", hash);
	json_object_del(hash, "v");
	json_object_del(hash, "as_of");
	json_object_del(hash, "commit");
	json_fields(ctl, hash);
}

int ctl_together(struct ctl *ctl)
{
	const char *item = ctl->arguments->positional[0];
	char key[REDIS_KEY_BYTES];
	struct redis r;

	if (!redis_open(&r, ctl))
		return r.code;
	json_t *together = get_object(&r, redis_key(&r, key, "together:", item));
	json_t *viewed = r.code ? NULL : get_object(&r, redis_key(&r, key, "viewed:", item));
	if (!together && !viewed && !r.code)
		r.code = ctl_fail(ctl, EX_UNAVAILABLE, "nothing was bought or viewed with '%s'", item);
	else if (!r.code && ctl->json) {
		json_t *both = json_object();
		json_object_set_new(both, "together", together ? json_incref(together) : json_null());
		json_object_set_new(both, "viewed", viewed ? json_incref(viewed) : json_null());
		json_print(both);
		json_decref(both);
	} else if (!r.code) {
		print_list(ctl, "bought together", together);
		if (together && viewed)
			putchar('\n');
		print_list(ctl, "viewed together", viewed);
	}
	json_decref(together);
	json_decref(viewed);
	return finish(&r);
}

int ctl_item(struct ctl *ctl)
{
	const char *item = ctl->arguments->positional[0];
	char key[REDIS_KEY_BYTES];
	struct redis r;

	if (!redis_open(&r, ctl))
		return r.code;
	json_t *hash = redis_hash(&r, redis_key(&r, key, "item:", item));
	json_t *sentiment = r.code ? NULL : redis_hash(&r, redis_key(&r, key, "sentiment:item:", item));
	json_t *similar = r.code ? NULL : get_object(&r, redis_key(&r, key, "similar:", item));
	if (!r.code && !json_object_size(hash) && !json_object_size(sentiment) && !similar)
		r.code = ctl_fail(ctl, EX_UNAVAILABLE, "nothing is known of item '%s'", item);
	else if (!r.code && ctl->json) {
		json_t *all = json_pack("{s:O, s:O}", "item", hash, "sentiment", sentiment);
		json_object_set_new(all, "similar", similar ? json_incref(similar) : json_null());
		json_print(all);
		json_decref(all);
	} else if (!r.code) {
		print_hash(ctl, item, hash);
		if (json_object_size(sentiment)) {
			putchar('\n');
			print_hash(ctl, "sentiment", sentiment);
		}
		if (similar) {
			putchar('\n');
			print_list(ctl, "similar", similar);
		}
	}
	json_decref(hash);
	json_decref(sentiment);
	json_decref(similar);
	return finish(&r);
}

/* A number of a hash; `otherwise` when it has none. */
static double number_of(const json_t *hash, const char *name, double otherwise)
{
	const char *text = json_string_value(json_object_get(hash, name));
	return text ? strtod(text, NULL) : otherwise;
}

/* The rating that the shopper would give: what the shopper gives to an average item, and the item's bias as far as the shopper follows the
 * others' stars. Of an unknown shopper what an average one gives to this item. */
int ctl_predict(struct ctl *ctl)
{
	const char *user = ctl_shopper(ctl, ctl->arguments->positional[0]), *item = ctl->arguments->positional[1];
	const struct config_glint *glint = &ctl->config->glint;
	char key[REDIS_KEY_BYTES];
	struct redis r;

	if (!redis_open(&r, ctl))
		return r.code;
	json_t *of_user = redis_hash(&r, redis_key(&r, key, "user:", user));
	json_t *of_item = r.code ? NULL : redis_hash(&r, redis_key(&r, key, "item:", item));
	bool knows_user = json_object_get(of_user, "rating_expected"), knows_item = json_object_get(of_item, "rating_expected");
	if (!r.code && !knows_user && !knows_item)
		r.code = ctl_fail(ctl, EX_UNAVAILABLE, "no rating is known of shopper '%s', nor of item '%s'", user, item);
	if (!r.code) {
		double bias = number_of(of_item, "bias", 0), slope = number_of(of_user, "rating_slope", 1);
		double stars = knows_user ? number_of(of_user, "rating_expected", 0) + slope * bias : number_of(of_item, "rating_expected", 0);
		stars = stars < glint->rating_min ? glint->rating_min : stars > glint->rating_max ? glint->rating_max
												  : stars;
		json_t *all = json_pack("{s:s, s:s, s:f, s:b, s:b}", "user", user, "item", item, "rating", stars, "knows_user", knows_user, "knows_item", knows_item);
		if (ctl->json)
			json_print(all);
		else
			printf("%.2f stars by %s for %s%s%s\n", stars, user, item, knows_user ? "" : "; the shopper has rated nothing yet",
				knows_item ? "" : "; the item was never rated");
		json_decref(all);
	}
	json_decref(of_user);
	json_decref(of_item);
	return finish(&r);
}

int ctl_trending(struct ctl *ctl)
{
	const char *category = ctl->arguments->n_positional ? ctl->arguments->positional[0] : NULL;
	char key[REDIS_KEY_BYTES];
	struct redis r;
	int top, code = top_of(ctl, &top);

	if (code)
		return code;
	if (!redis_open(&r, ctl))
		return r.code;
	json_t *trending = redis_top(&r, redis_key(&r, key, category ? "trending:" : "trending", category), top, "item");
	json_t *popular = r.code ? NULL : redis_top(&r, redis_key(&r, key, category ? "popular:" : "popular", category), top, "item");
	if (!r.code && ctl->json) {
		json_t *both = json_pack("{s:O, s:O}", "trending", trending, "popular", popular);
		json_print(both);
		json_decref(both);
	} else if (!r.code && !json_array_size(trending) && !json_array_size(popular))
		r.code = ctl_fail(ctl, EX_UNAVAILABLE, "nothing is trending or popular%s", category ? " in that category" : " yet");
	else if (!r.code) {
		if (json_array_size(trending))
			puts("trending");
		json_table(ctl, trending);
		if (json_array_size(popular))
			puts(json_array_size(trending) ? "\npopular" : "popular");
		json_table(ctl, popular);
	}
	json_decref(trending);
	json_decref(popular);
	return finish(&r);
}

/* A JSON value with one list, of which the first --top are shown. */
static int show_list(struct ctl *ctl, const char *name, const char *id, const char *title, const char *none)
{
	char key[REDIS_KEY_BYTES];
	struct redis r;
	int top, code = top_of(ctl, &top);

	if (code)
		return code;
	if (!redis_open(&r, ctl))
		return r.code;
	json_t *object = get_object(&r, redis_key(&r, key, name, id));
	if (!object && !r.code)
		r.code = ctl_fail(ctl, EX_UNAVAILABLE, "%s", none);
	else if (object) {
		const char *member;
		json_t *value;
		json_object_foreach(object, member, value) if (json_is_array(value))
			cut(value, top);
		if (ctl->json)
			json_print(object);
		else
			print_list(ctl, title, object);
	}
	json_decref(object);
	return finish(&r);
}

int ctl_rules(struct ctl *ctl)
{
	if (arguments_value(ctl->arguments, "categories"))
		return show_list(ctl, "rules:categories", NULL, "strongest rules between categories", "no rules between categories yet");
	return show_list(ctl, "rules", NULL, "strongest rules", "no rules yet");
}

int ctl_sets(struct ctl *ctl)
{
	return show_list(ctl, "sets:", ctl->arguments->positional[0], "bought with it and others",
		"no rules of that item and others: too few orders of the window hold them, or [itemsets] set_size is 2");
}

int ctl_complaints(struct ctl *ctl)
{
	const char *category = ctl->arguments->n_positional ? ctl->arguments->positional[0] : NULL;
	return show_list(ctl, category ? "complaints:" : "complaints", category, "what complaints newly speak of",
		category ? "no complaints in that category" : "no complaints yet");
}

static void one_campaign(struct redis *r, const char *id, int top)
{
	char key[REDIS_KEY_BYTES], minutes_id[REDIS_KEY_BYTES], count[16];
	const struct ctl *ctl = r->ctl;
	json_t *minutes = NULL, *hash = redis_hash(r, redis_key(r, key, "campaign:", id));

	if (r->code)
		return;
	if (!json_object_size(hash)) {
		r->code = ctl_fail(ctl, EX_UNAVAILABLE, "no campaign '%s'", id);
		goto out;
	}
	snprintf(minutes_id, sizeof(minutes_id), "%s:minutes", id);
	snprintf(count, sizeof(count), "%d", top);
	redisReply *reply = redis_ask(r, "XREVRANGE", redis_key(r, key, "campaign:", minutes_id), "+", "-", "COUNT", count);
	if (!reply)
		goto out;
	minutes = redis_entries(reply);
	freeReplyObject(reply);
	if (ctl->json) {
		json_t *all = json_pack("{s:O, s:O}", "campaign", hash, "minutes", minutes);
		json_print(all);
		json_decref(all);
	} else {
		print_hash(ctl, id, hash);
		if (json_array_size(minutes)) {
			puts("\nlast minutes");
			json_table(ctl, minutes);
		}
	}
out:
	json_decref(hash);
	json_decref(minutes);
}

static void all_campaigns(struct redis *r, int top)
{
	char key[REDIS_KEY_BYTES];
	json_t *list = redis_top(r, redis_key(r, key, "campaigns", NULL), top, "campaign"), *row, *rows = json_array();
	size_t i;

	json_array_foreach(list, i, row)
	{
		json_t *hash = redis_hash(r, redis_key(r, key, "campaign:", json_string_value(json_object_get(row, "campaign"))));
		if (!hash)
			break;
		json_t *one = json_pack("{s:O}", "campaign", json_object_get(row, "campaign"));
		if (!r->ctl->json) /* columns for people: what is of all time, without what every view carries */
			for (const char *const *skip = (const char *const[]){ "v", "as_of", "commit", NULL }; *skip; skip++)
				json_object_del(hash, *skip);
		const char *name;
		json_t *value;
		json_object_foreach(hash, name, value) if (r->ctl->json || strncmp(name, "today", 5) != 0)
			json_object_set(one, name, value);
		json_decref(hash);
		json_array_append_new(rows, one);
	}
	if (!r->code && r->ctl->json)
		json_print(rows);
	else if (!r->code && !json_array_size(rows))
		r->code = ctl_fail(r->ctl, EX_UNAVAILABLE, "no campaigns yet");
	else if (!r->code)
		json_table(r->ctl, rows);
	json_decref(list);
	json_decref(rows);
}

int ctl_campaign(struct ctl *ctl)
{
	struct redis r;
	int top, code = top_of(ctl, &top);

	if (code)
		return code;
	if (!redis_open(&r, ctl))
		return r.code;
	if (ctl->arguments->n_positional)
		one_campaign(&r, ctl->arguments->positional[0], top);
	else
		all_campaigns(&r, top);
	return finish(&r);
}
