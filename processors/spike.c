/* The spike processor; spike.h has the mathematics, spike_alert.c the sentences. */
#include "spike.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

#include "excerpt.h"
#include "sentiment.h"
#include "spike_item.h"
#include "windows.h"

static const struct option options[] = {
	{ "window", OPTION_DURATION, OPTION_AT(spike_settings, window_ms), .value = "14d", .min = "1h", .max = "90d",
		.help = "Reviews of this much event time are judged together, and never in their own history; one shopper counts once in it." },
	{ "windows", OPTION_TEXT, OPTION_AT(spike_settings, windows), .value = "2h 4h 8h 1d 2d 4d 7d",
		.help = "Shorter windows that are judged besides, rising; one that is not shorter than window, or shorter than a pane, is left out. Empty: none." },
	{ "pane", OPTION_DURATION, OPTION_AT(spike_settings, pane_ms), .value = "15min", .min = "1min", .max = "7d",
		.help = "How often a scope is judged. The window must hold between 1 and 2016 panes." },
	{ "alpha", OPTION_REAL, OPTION_AT(spike_settings, alpha), .value = "0.00025", .min = "0", .max = "0.5",
		.help = "An alert is raised when so many negative reviews in the longest window, or more, were less likely than this; a shorter one has its share of it, 1/32 at least." },
	{ "drift_threshold", OPTION_REAL, OPTION_AT(spike_settings, drift_threshold), .value = "5", .min = "0", .max = "100", .zero = "off", .unit = "nats",
		.help = "h of the cumulative sum that finds slow drifts." },
	{ "drift_ratio", OPTION_REAL, OPTION_AT(spike_settings, drift_ratio), .value = "1.75", .min = "1.01", .max = "100",
		.help = "The drift looked for: the expected share times this ..." },
	{ "drift_step", OPTION_REAL, OPTION_AT(spike_settings, drift_step), .value = "0.05", .min = "0.001", .max = "0.9",
		.help = "... and at least this much more." },
	{ "least_negative", OPTION_COUNT, OPTION_AT(spike_settings, least_negative), .value = "3", .min = "1", .max = "1000000", .unit = "reviews",
		.help = "No alert on fewer negative reviews, however unlikely." },
	{ "least_excess", OPTION_REAL, OPTION_AT(spike_settings, least_excess), .value = "2", .min = "0", .max = "1000000", .unit = "reviews",
		.help = "No alert unless there are so many more negative reviews than expected." },
	{ "negative_rate", OPTION_REAL, OPTION_AT(spike_settings, negative_rate), .value = "0.1", .min = "0.001", .max = "0.999",
		.help = "Share of negative reviews to expect of what has no history yet." },
	{ "prior_reviews", OPTION_REAL, OPTION_AT(spike_settings, prior_reviews), .value = "20", .min = "0.1", .max = "100000", .unit = "reviews",
		.help = "How many reviews of history weigh as much as negative_rate does." },
	{ "half_life", OPTION_DURATION, OPTION_AT(spike_settings, half_life_ms), .value = "120d", .min = "1d", .max = "3650d",
		.help = "After so long history weighs half." },
	{ "cool_down", OPTION_DURATION, OPTION_AT(spike_settings, cool_down_ms), .value = "7d", .min = "1h", .max = "365d", .zero = "none",
		.help = "For so long after an alert is over, only one twice as severe is raised." },
};

static const char *const drop_names[] = { "reviews_remembered", "panes", "late_counts", NULL };

enum { MAX_SEEN = 64,
	MAX_QUOTED = 64 };
#define LEAST_SHARE (1. / 32) /* of alpha, for the shortest windows: only what is reviewed many times a day can be told in them */
static const int64_t day_ms = 24 * 3600 * 1000;

static int setup(void *settings, char *error, size_t error_size)
{
	struct spike_settings *s = settings;
	if (s->window_ms % s->pane_ms || s->window_ms / s->pane_ms > SPIKE_PANES_MAX) {
		snprintf(error, error_size, "window must be a whole number of panes, at most %d", SPIKE_PANES_MAX);
		return -EINVAL;
	}
	s->n_spans = windows_parse(s->windows, s->pane_ms, s->window_ms, SPIKE_WINDOWS_MAX - 1, s->spans);
	if (s->n_spans < 0) {
		snprintf(error, error_size, "windows must be at most %d durations like '4h 1d 7d', rising", SPIKE_WINDOWS_MAX - 1);
		return -EINVAL;
	}
	s->spans[s->n_spans++] = s->window_ms / s->pane_ms;
	for (int w = 0; w < s->n_spans; w++)
		s->alphas[w] = s->alpha * fmax((double)(s->spans[w] * s->pane_ms) / (double)s->window_ms, LEAST_SHARE);
	return 0;
}

/* ---- user stage: one shopper counts once per scope and window ---- */

struct seen {
	uint64_t scope; /* hash of kind and id */
	int64_t ts;
};

/* An excerpt that a scope may still hold: whoever is forgotten takes it back. */
struct quoted {
	struct key key;
	uint64_t excerpt; /* XXH3 of its text */
};

struct spike_user {
	struct seen *seen;     /* sorted by ts */
	struct quoted *quoted; /* the newest, oldest first */
	uint32_t n, capacity;
	uint32_t n_quoted, quoted_capacity;
	int64_t newest;
};

static bool counts(const struct spike_user *u, uint64_t scope, int64_t ts, int64_t window_ms)
{
	for (uint32_t i = 0; i < u->n; i++)
		if (u->seen[i].scope == scope && llabs(u->seen[i].ts - ts) < window_ms)
			return false;
	return true;
}

static void remember(struct user_ctx *ctx, struct spike_user *u, uint64_t scope, int64_t ts, int64_t window_ms)
{
	uint32_t old = 0;
	int64_t margin = window_ms > day_ms ? window_ms : day_ms; /* for reviews that come late */
	if (ts > u->newest)
		u->newest = ts;
	while (old < u->n && u->seen[old].ts < u->newest - window_ms - margin)
		old++;
	if (!old && u->n == MAX_SEEN) {
		old = 1;
		ctx->drops[SPIKE_DROP_SEEN]++;
	}
	if (old) {
		u->n -= old;
		memmove(u->seen, u->seen + old, u->n * sizeof(*u->seen));
	}
	if (u->n == u->capacity) {
		uint32_t grown = u->capacity ? 2 * u->capacity : 4;
		u->seen = pool_resize(ctx->pool, u->seen, u->capacity * sizeof(*u->seen), grown * sizeof(*u->seen));
		u->capacity = grown;
	}
	uint32_t at = u->n++;
	for (; at > 0 && u->seen[at - 1].ts > ts; at--)
		u->seen[at] = u->seen[at - 1];
	u->seen[at] = (struct seen){ scope, ts };
}

static void quote(struct user_ctx *ctx, struct spike_user *u, struct key key, int32_t pane, struct text excerpt)
{
	emit_list(ctx->emitter, P_SPIKE, key, SPIKE_EXCERPT, pane, excerpt.data, excerpt.size);
	if (u->n_quoted == MAX_QUOTED)
		memmove(u->quoted, u->quoted + 1, --u->n_quoted * sizeof(*u->quoted));
	if (u->n_quoted == u->quoted_capacity) {
		uint32_t grown = u->quoted_capacity ? 2 * u->quoted_capacity : 4;
		u->quoted = pool_resize(ctx->pool, u->quoted, u->quoted_capacity * sizeof(*u->quoted), grown * sizeof(*u->quoted));
		u->quoted_capacity = grown;
	}
	u->quoted[u->n_quoted++] = (struct quoted){ key, XXH3_64bits(excerpt.data, excerpt.size) };
}

/* `all` hears of enough: one shopper in eight is quoted there. */
static void emit_negative(struct user_ctx *ctx, struct spike_user *u, struct key key, int32_t pane, struct text excerpt)
{
	emit_sum(ctx->emitter, P_SPIKE, key, SPIKE_NEGATIVE, 0, pane, 1);
	if (excerpt.size && (key.kind != KEY_ALL || ctx->user_hash % 8 == 0))
		quote(ctx, u, key, pane, excerpt);
	for (uint32_t i = 0; i < ctx->n_complaints; i++)
		emit_sum(ctx->emitter, P_SPIKE, key, SPIKE_COMPLAINT, ctx->complaints[i], pane, 1);
}

static void event(const void *settings, struct user_ctx *ctx, void *block, const struct event *e)
{
	const struct spike_settings *s = settings;
	struct spike_user *u = block;
	if (e->kind != EVENT_REVIEW || ctx->sentiment == SENTIMENT_NONE)
		return;
	struct key keys[REVIEW_SCOPES];
	int n = review_scopes(ctx, &e->review, keys);
	char bytes[WORDS_EXCERPT_BYTES];
	struct text excerpt = { NULL, 0 }; /* made when the first scope counts it */
	for (int i = 0; i < n; i++) {
		uint64_t scope = symbols_hash(ctx->symbols, keys[i].id) ^ (keys[i].kind * UINT64_C(0x9e3779b97f4a7c15));
		if (!counts(u, scope, e->ts, s->window_ms))
			continue;
		remember(ctx, u, scope, e->ts, s->window_ms);
		int32_t pane = pane_of(e->ts, s->pane_ms);
		emit_sum(ctx->emitter, P_SPIKE, keys[i], SPIKE_COUNTED, 0, pane, 1);
		if (ctx->sentiment != SENTIMENT_NEGATIVE)
			continue;
		if (!excerpt.data)
			excerpt = (struct text){ bytes, (uint32_t)excerpt_make(e->review.text, e->sent_id.data ? e->sent_id : ctx->user, bytes, sizeof(bytes)) };
		emit_negative(ctx, u, keys[i], pane, excerpt);
	}
}

static void user_leave(const void *settings, struct user_ctx *ctx, void *block, bool erase)
{
	const struct spike_user *u = block;
	struct buf hash = { 0 };
	(void)settings;
	for (uint32_t i = 0; erase && i < u->n_quoted; i++) {
		buf_clear(&hash);
		buf_u64(&hash, u->quoted[i].excerpt);
		emit_list(ctx->emitter, P_SPIKE, u->quoted[i].key, SPIKE_UNQUOTE, 0, hash.data, hash.size);
	}
	buf_done(&hash);
}

static void user_save(const void *settings, const void *block, const struct symbols *symbols, struct buf *to)
{
	const struct spike_user *u = block;
	(void)settings;
	buf_zigzag(to, u->newest);
	buf_varint(to, u->n);
	for (uint32_t i = 0; i < u->n; i++) {
		buf_u64(to, u->seen[i].scope);
		buf_zigzag(to, u->seen[i].ts);
	}
	buf_varint(to, u->n_quoted);
	for (uint32_t i = 0; i < u->n_quoted; i++) {
		buf_u8(to, u->quoted[i].key.kind);
		buf_text(to, symbols_text(symbols, u->quoted[i].key.id));
		buf_u64(to, u->quoted[i].excerpt);
	}
}

static int quoted_load(struct spike_user *u, struct reader *from, struct symbols *symbols, struct pool *pool)
{
	uint64_t n = reader_varint(from);
	if (from->bad || n > MAX_QUOTED)
		return -EBADMSG;
	u->quoted_capacity = (uint32_t)n;
	u->quoted = pool_alloc(pool, u->quoted_capacity * sizeof(*u->quoted));
	while (u->n_quoted < n) {
		struct quoted *q = &u->quoted[u->n_quoted++];
		q->key.kind = reader_u8(from);
		q->key.id = symbols_intern(symbols, reader_text(from));
		q->excerpt = reader_u64(from);
		if (from->bad || q->key.kind == KEY_NONE || q->key.kind >= KEY_KINDS || (q->key.kind == KEY_ALL) != !q->key.id)
			return -EBADMSG;
	}
	return 0;
}

static int user_load(const void *settings, void *block, uint16_t version, struct reader *from, struct symbols *symbols, struct pool *pool)
{
	struct spike_user *u = block;
	(void)settings;
	if (version != 1 && version != 2)
		return -EBADMSG;
	u->newest = reader_zigzag(from);
	uint64_t n = reader_varint(from);
	if (from->bad || n > MAX_SEEN)
		return -EBADMSG;
	u->n = u->capacity = (uint32_t)n;
	u->seen = pool_alloc(pool, u->capacity * sizeof(*u->seen));
	for (uint32_t i = 0; i < u->n; i++) {
		uint64_t scope = reader_u64(from);
		u->seen[i] = (struct seen){ scope, reader_zigzag(from) };
	}
	if (version > 1 && quoted_load(u, from, symbols, pool) < 0)
		return -EBADMSG;
	return from->bad ? -EBADMSG : 0;
}

static void user_done(void *block, struct pool *pool)
{
	struct spike_user *u = block;
	pool_free(pool, u->seen, u->capacity * sizeof(*u->seen));
	pool_free(pool, u->quoted, u->quoted_capacity * sizeof(*u->quoted));
}

static void user_mark(const void *block, struct symbols *symbols)
{
	const struct spike_user *u = block;
	for (uint32_t i = 0; i < u->n_quoted; i++)
		symbols_mark(symbols, u->quoted[i].key.id);
}

/* ---- model ---- */

static void model_save(const void *settings, const struct item_ctx *ctx, const void *block, struct buf *to)
{
	const struct spike_item *b = block;
	(void)settings, (void)ctx;
	if (b->raised)
		buf_u8(to, b->level);
}

static int model_load(const void *settings, void *block, uint16_t version, struct reader *from, struct symbols *symbols, struct pool *pool)
{
	struct spike_model *m = block;
	(void)settings, (void)symbols, (void)pool;
	if (version != 1)
		return -EBADMSG;
	m->severity = reader_u8(from);
	return from->bad || m->severity > SEVERITY_HIGH ? -EBADMSG : 0;
}

const struct processor spike_processor = {
	.name = "spike",
	.id = P_SPIKE,
	.needs = "sentiment",
	.options = options,
	.n_options = OPTION_N(options),
	.settings_size = sizeof(struct spike_settings),
	.setup = setup,
	.user = { sizeof(struct spike_user), 2, user_save, user_load, user_done, user_mark },
	.item = { sizeof(struct spike_item), 4, spike_item_save, spike_item_load, spike_item_done, spike_item_mark },
	.model = { sizeof(struct spike_model), 1, NULL, model_load, NULL, NULL },
	.event = event,
	.leave = user_leave,
	.delta = spike_item_delta,
	.due_at = spike_item_due_at,
	.due = spike_item_due,
	.model_save = model_save,
	.drop_names = drop_names,
};
