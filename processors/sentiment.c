/* The sentiment processor; sentiment.h says what it counts. */
#include "sentiment.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "json.h"
#include "view.h"

static const struct option options[] = {
	{ "lexicon_en", OPTION_FILE, OPTION_AT(sentiment_settings, lexicon_en), .value = "lexicons/en.txt",
		.help = "Lexicon for English, or for another language in Latin letters. Empty: such texts are not scored." },
	{ "lexicon_zh", OPTION_FILE, OPTION_AT(sentiment_settings, lexicon_zh), .value = "lexicons/zh.txt",
		.help = "Lexicon for Chinese. Empty: Chinese texts are not scored." },
	{ "lexicon_emoji", OPTION_FILE, OPTION_AT(sentiment_settings, lexicon_emoji), .value = "lexicons/emoji.txt",
		.help = "Emoji for the lexicons that have none of their own." },
	{ "weights_en", OPTION_FILE, OPTION_AT(sentiment_settings, weights_en), .value = "lexicons/en-weights.txt",
		.help = "Weights learnt from rated reviews (glintctl lexicon learn), added to what lexicon_en says. Empty: none." },
	{ "weights_zh", OPTION_FILE, OPTION_AT(sentiment_settings, weights_zh),
		.help = "The same for lexicon_zh. None are shipped." },
	{ "rules", OPTION_CHOICE, OPTION_AT(sentiment_settings, rules), .value = "learnt", .choices = "learnt|vader",
		.help = "vader: the lexicons' words and rules alone decide, as VADER's do; learnt weights and stars are left aside." },
	{ "stars", OPTION_REAL, OPTION_AT(sentiment_settings, stars), .value = "1.5", .min = "0", .max = "10",
		.help = "Added to the sum of a text's valences for each star that its review gives above 3, taken away for each below. "
			"0: the text alone decides." },
	{ "positive", OPTION_REAL, OPTION_AT(sentiment_settings, positive), .value = "0.05", .min = "0", .max = "1",
		.help = "A text whose score (-1 to 1) is this or more is positive." },
	{ "negative", OPTION_REAL, OPTION_AT(sentiment_settings, negative), .value = "-0.05", .min = "-1", .max = "0",
		.help = "A text whose score is this or less is negative; what lies between is neutral." },
};

enum { METRIC_SUM = SENTIMENT_CLASSES }; /* below it: one count for each class, metric = class */

enum { HOUR,
	DAY,
	WEEK,
	WINDOWS };
static const int64_t window_panes[WINDOWS] = { 12, 288, 2016 };
static const char *const field_names[WINDOWS][4] = {
	/* by class, then the mean */
	{ "negative_1h", "neutral_1h", "positive_1h", "mean_1h" },
	{ "negative_1d", "neutral_1d", "positive_1d", "mean_1d" },
	{ "negative_7d", "neutral_7d", "positive_7d", "mean_7d" },
};
enum { MAX_PANES = 4096 }; /* a week, and a week ahead of the watermark */

enum { DROP_LANGUAGE,
	DROP_PANES };
static const char *const drop_names[] = { "unknown_language", "panes", NULL };

struct pane {
	int32_t pane;
	uint32_t n[SENTIMENT_CLASSES];
	int64_t sum;
};

struct sums {
	int64_t n[SENTIMENT_CLASSES], sum;
};

/* panes[] is sorted. panes[0..counted) are before `until`, the first pane that the watermark has not reached; window w holds
 * panes[first[w]..counted). What is before first[WEEK] waits to be cut off. */
struct sentiment_item {
	struct pane *panes;
	uint32_t n, capacity, counted, first[WINDOWS];
	int64_t until;
	struct sums windows[WINDOWS], total;
};

static int64_t reviews_of(const struct sums *s)
{
	return s->n[SENTIMENT_NEGATIVE] + s->n[SENTIMENT_NEUTRAL] + s->n[SENTIMENT_POSITIVE];
}

static double mean_of(const struct sums *s) /* NAN when there are none */
{
	int64_t n = reviews_of(s);
	return n > 0 ? (double)s->sum / SENTIMENT_UNIT / (double)n : NAN;
}

static void sums_add(struct sums *s, const struct pane *p, int sign)
{
	for (int c = 0; c < SENTIMENT_CLASSES; c++)
		s->n[c] += sign * (int64_t)p->n[c];
	s->sum += sign * p->sum;
}

/* ---- settings ---- */

void sentiment_settings_done(struct sentiment_settings *s)
{
	sentiment_scorer_destroy(s->scorer);
	s->scorer = NULL;
	for (int i = 0; i < 3; i++) {
		lexicon_destroy(s->lexicons[i]);
		s->lexicons[i] = NULL;
	}
	for (int i = 0; i < 2; i++) {
		weights_destroy(s->weights[i]);
		s->weights[i] = NULL;
	}
}

static void teardown(void *settings)
{
	sentiment_settings_done(settings);
}

static int add_weights(struct sentiment_settings *s, char *error, size_t error_size)
{
	const struct option_file *files[2] = { &s->weights_en, &s->weights_zh };
	for (int i = 0; i < 2; i++) {
		if (!files[i]->size || !s->lexicons[i]) /* an empty file, too: where `lexicon learn` is about to write */
			continue;
		char why[200] = "out of memory";
		int r = weights_create(files[i]->data, files[i]->size, &s->weights[i], why, sizeof(why));
		if (r == 0 && (r = sentiment_scorer_weights(s->scorer, s->weights[i])) < 0)
			snprintf(why, sizeof(why), "they are for '%s', of which there is no lexicon, or other weights", weights_language(s->weights[i]));
		if (r < 0) {
			snprintf(error, error_size, "%s: %s", files[i]->path, why);
			return r;
		}
	}
	return 0;
}

int sentiment_settings_make(struct sentiment_settings *s, bool weights, char *error, size_t error_size)
{
	const struct option_file *files[3] = { &s->lexicon_en, &s->lexicon_zh, &s->lexicon_emoji };
	const struct lexicon *have[3];
	size_t n = 0;
	int r = 0;
	for (int i = 0; i < 3 && r == 0; i++) {
		if (!files[i]->data)
			continue;
		char why[200] = "out of memory";
		r = lexicon_create(files[i]->data, files[i]->size, &s->lexicons[i], why, sizeof(why));
		if (r < 0)
			snprintf(error, error_size, "%s: %s", files[i]->path, why);
		have[n++] = s->lexicons[i];
	}
	if (r == 0 && n) {
		r = sentiment_scorer_create(have, n, &s->scorer);
		if (r < 0)
			snprintf(error, error_size, r == -EINVAL ? "two of the lexicons are for the same language" : "out of memory");
		else if (weights)
			r = add_weights(s, error, error_size);
	}
	if (r < 0)
		sentiment_settings_done(s);
	return r;
}

static int setup(void *settings, char *error, size_t error_size)
{
	struct sentiment_settings *s = settings;
	return sentiment_settings_make(s, s->rules == RULES_LEARNT, error, error_size);
}

/* ---- user stage ---- */

int review_scopes(const struct user_ctx *ctx, const struct review *review, struct key ret_keys[REVIEW_SCOPES])
{
	int n = 0;
	symbol_t item = symbols_intern(ctx->symbols, review->item_id);
	symbol_t brand = symbols_intern(ctx->symbols, review->brand);
	symbol_t campaign = symbols_intern(ctx->symbols, review->campaign_id);
	symbol_t category = 0;
	if (item) {
		const struct catalogue_item *known = model_catalogue(ctx->model, item);
		category = known->category;
		brand = brand ? brand : known->brand;
		ret_keys[n++] = (struct key){ KEY_ITEM, item };
	}
	if (category)
		ret_keys[n++] = (struct key){ KEY_CATEGORY, category };
	if (brand)
		ret_keys[n++] = (struct key){ KEY_BRAND, brand };
	if (campaign)
		ret_keys[n++] = (struct key){ KEY_CAMPAIGN, campaign };
	ret_keys[n++] = (struct key){ KEY_ALL, 0 };
	return n;
}

static void event(const void *settings, struct user_ctx *ctx, void *block, const struct event *e)
{
	const struct sentiment_settings *s = settings;
	(void)block;
	ctx->sentiment = SENTIMENT_NONE;
	if (e->kind != EVENT_REVIEW || !e->review.text.size || !s->scorer)
		return;
	struct sentiment_sums sums;
	int r = sentiment_sum_text(s->scorer, e->review.title, e->review.text, e->review.lang, &sums);
	if (r < 0) {
		ctx->drops[DROP_LANGUAGE] += r == -ENOTSUP;
		return;
	}
	double x = sentiment_total(&sums);
	if (e->review.rating_milli && s->rules == RULES_LEARNT)
		x += s->stars * (e->review.rating_milli / 1000.0 - 3);
	double compound = sentiment_squash(x);
	ctx->sentiment = compound >= s->positive ? SENTIMENT_POSITIVE
		: compound <= s->negative        ? SENTIMENT_NEGATIVE
						 : SENTIMENT_NEUTRAL;
	int64_t sum = llround(compound * SENTIMENT_UNIT);
	int32_t pane = pane_of(e->ts, SENTIMENT_PANE_MS);
	struct key keys[REVIEW_SCOPES];
	int n = review_scopes(ctx, &e->review, keys);
	for (int i = 0; i < n; i++) {
		emit_sum(ctx->emitter, P_SENTIMENT, keys[i], (uint8_t)ctx->sentiment, 0, pane, 1);
		if (sum)
			emit_sum(ctx->emitter, P_SENTIMENT, keys[i], METRIC_SUM, 0, pane, sum);
	}
}

/* ---- item stage ---- */

/* Moves the windows up to the watermark's pane; never back. */
static void advance(struct sentiment_item *b, int64_t watermark)
{
	int64_t until = watermark >= 0 ? watermark / SENTIMENT_PANE_MS + 1 : 0;
	if (until <= b->until)
		return;
	b->until = until;
	for (; b->counted < b->n && b->panes[b->counted].pane < until; b->counted++)
		for (int w = 0; w < WINDOWS; w++)
			sums_add(&b->windows[w], &b->panes[b->counted], 1);
	for (int w = 0; w < WINDOWS; w++)
		for (; b->first[w] < b->counted && b->panes[b->first[w]].pane < until - window_panes[w]; b->first[w]++)
			sums_add(&b->windows[w], &b->panes[b->first[w]], -1);
}

static void cut(struct sentiment_item *b, uint32_t n) /* forgets the n oldest panes, which are in no window */
{
	memmove(b->panes, b->panes + n, (b->n - n) * sizeof(*b->panes));
	b->n -= n;
	b->counted -= n;
	for (int w = 0; w < WINDOWS; w++)
		b->first[w] -= n;
}

static void drop_oldest(struct sentiment_item *b)
{
	for (int w = 0; w < WINDOWS; w++)
		if (b->first[w] == 0 && b->counted > 0) {
			sums_add(&b->windows[w], &b->panes[0], -1);
			b->first[w] = 1;
		}
	if (b->counted > 0) {
		cut(b, 1);
		return;
	}
	memmove(b->panes, b->panes + 1, (b->n - 1) * sizeof(*b->panes)); /* all are ahead of the watermark */
	b->n--;
}

static struct pane *pane_at(struct item_ctx *ctx, struct sentiment_item *b, int32_t pane)
{
	uint32_t at = b->n;
	while (at > 0 && b->panes[at - 1].pane >= pane)
		at--;
	if (at < b->n && b->panes[at].pane == pane)
		return &b->panes[at];
	uint32_t spare = b->first[WEEK];
	if (spare && (b->n == b->capacity || spare > b->n / 2)) {
		cut(b, spare);
		at -= spare; /* the new pane is of the week, so at >= spare */
	}
	if (b->n == MAX_PANES) {
		ctx->drops[DROP_PANES]++;
		if (at == 0)
			return NULL;
		drop_oldest(b);
		at--;
	}
	if (b->n == b->capacity) {
		uint32_t grown = b->capacity ? 2 * b->capacity : 2;
		b->panes = pool_resize(ctx->pool, b->panes, b->capacity * sizeof(*b->panes), grown * sizeof(*b->panes));
		b->capacity = grown;
	}
	memmove(b->panes + at + 1, b->panes + at, (b->n - at) * sizeof(*b->panes));
	b->panes[at] = (struct pane){ .pane = pane };
	b->n++;
	if (pane < b->until)
		b->counted++;
	for (int w = 0; w < WINDOWS; w++)
		if (pane < b->until - window_panes[w])
			b->first[w]++;
	return &b->panes[at];
}

static void delta(const void *settings, struct item_ctx *ctx, void *block, const struct delta *d)
{
	struct sentiment_item *b = block;
	struct pane add = { .pane = d->pane };
	(void)settings;
	if (d->metric < SENTIMENT_CLASSES)
		add.n[d->metric] = (uint32_t)d->amount;
	else if (d->metric == METRIC_SUM)
		add.sum = d->amount;
	else
		return;
	advance(b, ctx->watermark);
	sums_add(&b->total, &add, 1);
	if (d->pane < b->until - window_panes[WEEK])
		return;
	struct pane *p = pane_at(ctx, b, d->pane);
	if (!p)
		return;
	for (int c = 0; c < SENTIMENT_CLASSES; c++)
		p->n[c] += add.n[c];
	p->sum += add.sum;
	for (int w = 0; w < WINDOWS; w++)
		if (d->pane < b->until && d->pane >= b->until - window_panes[w])
			sums_add(&b->windows[w], &add, 1);
}

static int64_t due_at(const void *settings, const void *block)
{
	const struct sentiment_item *b = block;
	int64_t next = INT64_MAX;
	(void)settings;
	if (b->counted < b->n)
		next = b->panes[b->counted].pane;
	for (int w = 0; w < WINDOWS; w++)
		if (b->first[w] < b->counted && b->panes[b->first[w]].pane + window_panes[w] < next)
			next = b->panes[b->first[w]].pane + window_panes[w];
	return next == INT64_MAX ? next : next * SENTIMENT_PANE_MS;
}

static void due(const void *settings, struct item_ctx *ctx, void *block)
{
	(void)settings;
	advance(block, ctx->watermark);
}

/* ---- state ---- */

static void item_save(const void *settings, const void *block, const struct symbols *symbols, struct buf *to)
{
	const struct sentiment_item *b = block;
	(void)settings, (void)symbols;
	for (int c = 0; c < SENTIMENT_CLASSES; c++)
		buf_varint(to, (uint64_t)b->total.n[c]);
	buf_zigzag(to, b->total.sum);
	/* where the windows begin and end among the panes, not `until`: that would tell when the watermark was last looked at */
	buf_varint(to, b->n - b->first[WEEK]);
	buf_varint(to, b->counted - b->first[WEEK]);
	buf_varint(to, b->first[DAY] - b->first[WEEK]);
	buf_varint(to, b->first[HOUR] - b->first[WEEK]);
	int64_t before = 0;
	for (uint32_t i = b->first[WEEK]; i < b->n; i++) {
		const struct pane *p = &b->panes[i];
		buf_varint(to, (uint64_t)(p->pane - before));
		before = p->pane;
		for (int c = 0; c < SENTIMENT_CLASSES; c++)
			buf_varint(to, p->n[c]);
		buf_zigzag(to, p->sum);
	}
}

static int item_load(const void *settings, void *block, uint16_t version, struct reader *from, struct symbols *symbols, struct pool *pool)
{
	struct sentiment_item *b = block;
	(void)settings, (void)symbols;
	if (version != 1)
		return -EBADMSG;
	for (int c = 0; c < SENTIMENT_CLASSES; c++)
		b->total.n[c] = (int64_t)reader_varint(from);
	b->total.sum = reader_zigzag(from);
	uint64_t n = reader_varint(from), counted = reader_varint(from), day = reader_varint(from), hour = reader_varint(from);
	if (from->bad || n > MAX_PANES || counted > n || hour > counted || day > hour)
		return -EBADMSG;
	uint32_t capacity = 2;
	while (capacity < n)
		capacity *= 2;
	b->capacity = n ? capacity : 0;
	b->panes = pool_alloc(pool, b->capacity * sizeof(*b->panes));
	int64_t before = 0;
	for (uint64_t i = 0; i < n; i++) {
		uint64_t step = reader_varint(from);
		if (step > INT32_MAX || before + (int64_t)step > INT32_MAX || (i && !step))
			return -EBADMSG;
		struct pane *p = &b->panes[b->n++];
		p->pane = (int32_t)(before += (int64_t)step);
		for (int c = 0; c < SENTIMENT_CLASSES; c++)
			p->n[c] = (uint32_t)reader_varint(from);
		p->sum = reader_zigzag(from);
	}
	b->counted = (uint32_t)counted;
	b->first[DAY] = (uint32_t)day;
	b->first[HOUR] = (uint32_t)hour;
	if (counted)
		b->until = (int64_t)b->panes[counted - 1].pane + 1;
	for (int w = 0; w < WINDOWS; w++) {
		for (uint32_t i = b->first[w]; i < b->counted; i++)
			sums_add(&b->windows[w], &b->panes[i], 1);
		if (b->first[w] && b->panes[b->first[w] - 1].pane + window_panes[w] + 1 > b->until)
			b->until = b->panes[b->first[w] - 1].pane + window_panes[w] + 1;
	}
	return from->bad ? -EBADMSG : 0;
}

static void item_done(void *block, struct pool *pool)
{
	struct sentiment_item *b = block;
	pool_free(pool, b->panes, b->capacity * sizeof(*b->panes));
}

/* ---- model, views, dump ---- */

static void model_save(const void *settings, const struct item_ctx *ctx, const void *block, struct buf *to)
{
	const struct sentiment_item *b = block;
	const struct sums *week = &b->windows[WEEK];
	(void)settings;
	if (ctx->key.kind != KEY_ITEM || !reviews_of(week))
		return;
	for (int c = 0; c < SENTIMENT_CLASSES; c++)
		buf_varint(to, (uint64_t)week->n[c]);
	buf_zigzag(to, week->sum);
}

static int model_load(const void *settings, void *block, uint16_t version, struct reader *from, struct symbols *symbols, struct pool *pool)
{
	struct sentiment_model *m = block;
	struct sums week;
	(void)settings, (void)symbols, (void)pool;
	if (version != 1)
		return -EBADMSG;
	for (int c = 0; c < SENTIMENT_CLASSES; c++) {
		m->n[c] = (uint32_t)reader_varint(from);
		week.n[c] = m->n[c];
	}
	week.sum = reader_zigzag(from);
	m->mean = reviews_of(&week) ? mean_of(&week) : 0;
	return from->bad ? -EBADMSG : 0;
}

static void scope_of(const struct symbols *symbols, struct key key, struct buf *to)
{
	buf_clear(to);
	buf_bytes(to, key_kind_names[key.kind], strlen(key_kind_names[key.kind]));
	if (key.kind == KEY_ALL)
		return;
	struct text id = symbols_text(symbols, key.id);
	buf_u8(to, ':');
	buf_bytes(to, id.data, id.size);
}

static void item_view(const void *settings, const struct view_ctx *ctx, const void *block)
{
	const struct sentiment_item *b = block;
	(void)settings;
	if (!reviews_of(&b->total))
		return;
	if (ctx->key.kind == KEY_ITEM) {
		const struct sums *week = &b->windows[WEEK];
		int64_t n = reviews_of(week);
		view_field_double(ctx->view, "sentiment", mean_of(week));
		view_field_double(ctx->view, "negative_share", n ? (double)week->n[SENTIMENT_NEGATIVE] / (double)n : NAN);
	}
	scope_of(ctx->symbols, ctx->key, ctx->scratch);
	struct text scope = { (const char *)ctx->scratch->data, (uint32_t)ctx->scratch->size };
	view_begin(ctx->view, "HSET");
	view_key(ctx->view, "sentiment:", scope);
	bool empty = false;
	for (int w = 0; w < WINDOWS; w++) {
		for (int c = 0; c < SENTIMENT_CLASSES; c++) {
			view_arg(ctx->view, text_of(field_names[w][c]));
			view_arg_i64(ctx->view, b->windows[w].n[c]);
		}
		if (!reviews_of(&b->windows[w])) {
			empty = true;
			continue;
		}
		char mean[32];
		view_arg(ctx->view, text_of(field_names[w][3]));
		view_arg(ctx->view, (struct text){ mean, (uint32_t)format_double(mean, mean_of(&b->windows[w]), 6) });
	}
	view_arg(ctx->view, TEXT("v"));
	view_arg_i64(ctx->view, 1);
	view_arg(ctx->view, TEXT("as_of"));
	view_arg_i64(ctx->view, ctx->as_of);
	view_arg(ctx->view, TEXT("commit"));
	view_arg_i64(ctx->view, (int64_t)ctx->commit);
	view_end(ctx->view);
	if (empty) { /* a mean of nothing has no value */
		view_begin(ctx->view, "HDEL");
		view_key(ctx->view, "sentiment:", scope);
		for (int w = 0; w < WINDOWS; w++)
			if (!reviews_of(&b->windows[w]))
				view_arg(ctx->view, text_of(field_names[w][3]));
		view_end(ctx->view);
	}
	if (ctx->ttl_s > 0) {
		view_begin(ctx->view, "EXPIRE");
		view_key(ctx->view, "sentiment:", scope);
		view_arg_i64(ctx->view, ctx->ttl_s);
		view_end(ctx->view);
	}
}

static void item_dump(const void *settings, const struct dump_ctx *ctx, const void *block)
{
	const struct sentiment_item *b = block;
	(void)settings;
	if (!reviews_of(&b->total))
		return;
	struct buf scope = { 0 }, json = { 0 };
	scope_of(ctx->symbols, ctx->key, &scope);
	struct text scope_text = { (const char *)scope.data, (uint32_t)scope.size };
	json_open(&json, '{');
	json_name(&json, "kind");
	json_text(&json, TEXT("sentiment"));
	json_name(&json, "scope");
	json_text(&json, scope_text);
	json_name(&json, "positive");
	json_i64(&json, b->total.n[SENTIMENT_POSITIVE]);
	json_name(&json, "neutral");
	json_i64(&json, b->total.n[SENTIMENT_NEUTRAL]);
	json_name(&json, "negative");
	json_i64(&json, b->total.n[SENTIMENT_NEGATIVE]);
	json_name(&json, "sum"); /* of compounds, in ten-thousandths */
	json_i64(&json, b->total.sum);
	static const char *const sum_names[WINDOWS] = { "sum_1h", "sum_1d", "sum_7d" };
	for (int w = 0; w < WINDOWS; w++) {
		for (int c = 0; c < SENTIMENT_CLASSES; c++) {
			json_name(&json, field_names[w][c]);
			json_i64(&json, b->windows[w].n[c]);
		}
		json_name(&json, sum_names[w]);
		json_i64(&json, b->windows[w].sum);
	}
	json_close(&json, '}');
	ctx->line(ctx->to, (struct text){ (const char *)json.data, (uint32_t)json.size }, scope_text);
	buf_done(&json);
	buf_done(&scope);
}

const struct processor sentiment_processor = {
	.name = "sentiment",
	.id = P_SENTIMENT,
	.options = options,
	.n_options = OPTION_N(options),
	.settings_size = sizeof(struct sentiment_settings),
	.setup = setup,
	.teardown = teardown,
	.item = { sizeof(struct sentiment_item), 1, item_save, item_load, item_done, NULL },
	.model = { sizeof(struct sentiment_model), 1, NULL, model_load, NULL, NULL },
	.event = event,
	.delta = delta,
	.due_at = due_at,
	.due = due,
	.model_save = model_save,
	.item_view = item_view,
	.item_dump = item_dump,
	.drop_names = drop_names,
};
