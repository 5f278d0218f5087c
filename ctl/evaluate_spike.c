/* evaluate: how often the spike processor raises alerts on a shop's own reviews. Reviews without labels cannot say which alerts are false:
 * their number is what false ones are at most.
 *
 * spike {scopes, raised, resolved, standing, item_days, per_1000_item_days, by_scope {item {...}, ...}, by_volume {...}}
 *
 * A scope is what the processor watches: an item, a category, a brand, a campaign, or all reviews. item_days: days from a scope's first review with text
 * to the files' end, summed. by_volume: scopes of any kind by their reviews a day since then, at least a day; an alert said again,
 * graver, is none anew. Alerts are the transitions that the run's own item stage emitted (evaluate_run.c).
 */
#include <stdlib.h>
#include <string.h>

#include "ctl/evaluate.h"
#include "processors/sentiment.h"

enum { VOLUMES = 4,
	ALERT_BYTES_MAX = 1 << 20 };
static const double day_ms = 86400000.;
static const struct {
	const char *name;
	double below; /* reviews a day */
} volumes[VOLUMES] = { { "below_1_a_day", 1 }, { "1_to_5", 5 }, { "5_to_100", 100 }, { "100_and_more", 1e300 } };

struct scope {
	struct key key; /* kind KEY_NONE: a free place */
	int64_t first_ts;
	uint64_t reviews, raised, resolved;
};

struct spike_section {
	struct scope *scopes; /* open addressing, by hash of kind and id */
	size_t n, capacity;   /* a power of two, at most half full */
	bool failed;
};

static struct scope *place_of(struct scope *scopes, size_t capacity, const struct symbols *symbols, struct key key)
{
	uint64_t hash = symbols_hash(symbols, key.id) + key.kind;
	size_t at = (size_t)hash & (capacity - 1);
	while (scopes[at].key.kind && (scopes[at].key.kind != key.kind || scopes[at].key.id != key.id))
		at = (at + 1) & (capacity - 1);
	return &scopes[at];
}

static int grow(struct spike_section *s, const struct symbols *symbols)
{
	size_t capacity = s->capacity ? 2 * s->capacity : 1024;
	struct scope *scopes = calloc(capacity, sizeof(*scopes));
	if (!scopes)
		return -1;
	for (size_t i = 0; i < s->capacity; i++)
		if (s->scopes[i].key.kind)
			*place_of(scopes, capacity, symbols, s->scopes[i].key) = s->scopes[i];
	free(s->scopes);
	s->scopes = scopes;
	s->capacity = capacity;
	return 0;
}

static void spike_event(struct evaluate *e, void *state, const struct event *event)
{
	struct spike_section *s = state;
	struct user_ctx ctx = { .symbols = e->engine->symbols, .model = e->engine->model };
	struct key keys[REVIEW_SCOPES];
	if (event->kind != EVENT_REVIEW || !event->review.text.size || s->failed)
		return;
	int n = review_scopes(&ctx, &event->review, keys);
	for (int i = 0; i < n; i++) {
		if (2 * (s->n + 1) > s->capacity && grow(s, ctx.symbols)) {
			s->failed = true;
			return;
		}
		struct scope *scope = place_of(s->scopes, s->capacity, ctx.symbols, keys[i]);
		if (!scope->key.kind) {
			*scope = (struct scope){ .key = keys[i], .first_ts = event->ts };
			s->n++;
		}
		scope->reviews++;
		if (event->ts < scope->first_ts)
			scope->first_ts = event->ts;
	}
}

/* "item:ID", ..., "all". KEY_NONE: it is unknown here. */
static struct key key_of(const struct symbols *symbols, const char *scope)
{
	if (!strcmp(scope, key_kind_names[KEY_ALL]))
		return (struct key){ KEY_ALL, 0 };
	const char *colon = strchr(scope, ':');
	for (uint8_t kind = KEY_ITEM; colon && kind < KEY_ALL; kind++)
		if (strlen(key_kind_names[kind]) == (size_t)(colon - scope) && !strncmp(key_kind_names[kind], scope, (size_t)(colon - scope)))
			return (struct key){ kind, symbols_find(symbols, text_of(colon + 1)) };
	return (struct key){ KEY_NONE, 0 };
}

/* Every transition to its scope. */
static void count_alerts(const struct evaluate *e, struct spike_section *s)
{
	struct reader r = reader_of(e->alerts.data, e->alerts.size);
	while (reader_left(&r) && !r.bad) {
		struct text text = reader_text(&r);
		json_t *alert = text.size < ALERT_BYTES_MAX ? json_loadb(text.data, text.size, 0, NULL) : NULL;
		const char *kind = json_string_value(json_object_get(alert, "kind")), *scope = json_string_value(json_object_get(alert, "scope"));
		const char *now = json_string_value(json_object_get(alert, "state"));
		if (kind && scope && now && !strcmp(kind, "negative_spike")) {
			struct key key = key_of(e->engine->symbols, scope);
			struct scope *x = key.kind ? place_of(s->scopes, s->capacity, e->engine->symbols, key) : NULL;
			bool again = json_integer_value(json_object_get(alert, "ts")) != json_integer_value(json_object_get(alert, "raised_ts"));
			if (x && x->key.kind && !strcmp(now, "resolved"))
				x->resolved++;
			else if (x && x->key.kind && !again)
				x->raised++;
		}
		json_decref(alert);
	}
}

struct sums {
	uint64_t scopes, reviews, raised, resolved;
	double item_days;
};

static void add(struct sums *to, const struct scope *scope, double days)
{
	to->scopes++;
	to->reviews += scope->reviews;
	to->raised += scope->raised;
	to->resolved += scope->resolved;
	to->item_days += days;
}

static json_t *sums_json(const struct sums *s)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:f, s:o}", "scopes", (json_int_t)s->scopes, "reviews", (json_int_t)s->reviews, "raised", (json_int_t)s->raised,
		"resolved", (json_int_t)s->resolved, "standing", (json_int_t)(s->raised - s->resolved), "item_days", s->item_days, "per_1000_item_days",
		s->item_days > 0 ? json_real(1000 * (double)s->raised / s->item_days) : json_null());
}

static json_t *spike_finish(struct evaluate *e, void *state)
{
	struct spike_section *s = state;
	struct sums all = { 0 }, kinds[KEY_KINDS] = { { 0 } }, classes[VOLUMES] = { { 0 } };
	if (s->failed)
		ctl_fail(e->ctl, 0, "spike: out of memory");
	if (s->failed || !s->n)
		return NULL;
	count_alerts(e, s);
	for (size_t i = 0; i < s->capacity; i++) {
		const struct scope *x = &s->scopes[i];
		if (!x->key.kind)
			continue;
		double days = (double)(e->ts - x->first_ts) / day_ms, a_day = (double)x->reviews / (days > 1 ? days : 1);
		int class = 0;
		while (class < VOLUMES - 1 && a_day >= volumes[class].below)
			class ++;
		add(&all, x, days);
		add(&kinds[x->key.kind], x, days);
		add(&classes[class], x, days);
	}
	json_t *result = sums_json(&all), *by_scope = json_object(), *by_volume = json_object();
	json_object_del(result, "reviews"); /* each is in several scopes */
	for (int k = 0; k < KEY_KINDS; k++)
		if (kinds[k].scopes)
			json_object_set_new(by_scope, key_kind_names[k], sums_json(&kinds[k]));
	for (int v = 0; v < VOLUMES; v++)
		if (classes[v].scopes)
			json_object_set_new(by_volume, volumes[v].name, sums_json(&classes[v]));
	json_object_set_new(result, "by_scope", by_scope);
	json_object_set_new(result, "by_volume", by_volume);
	return result;
}

static void spike_done(struct evaluate *e, void *state)
{
	(void)e;
	free(((struct spike_section *)state)->scopes);
}

const struct evaluate_section evaluate_spike = {
	.name = "spike",
	.state_size = sizeof(struct spike_section),
	.event = spike_event,
	.finish = spike_finish,
	.done = spike_done,
};
