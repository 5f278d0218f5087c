/* The sentiment processor; sentiment.h says what it counts. */
#include "sentiment.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "json.h"
#include "view.h"

static const struct option options[] = {
	{ "lexicon_en", OPTION_FILE, OPTION_AT(sentiment_settings, lexicon_en), .value = "lexicons/en.txt",
		.help = "Lexicon for English, or for another language in Latin letters. Empty: such texts are not scored.", .flags = OPTION_LIVE },
	{ "lexicon_zh", OPTION_FILE, OPTION_AT(sentiment_settings, lexicon_zh), .value = "lexicons/zh.txt",
		.help = "Lexicon for Chinese. Empty: Chinese texts are not scored.", .flags = OPTION_LIVE },
	{ "lexicon_emoji", OPTION_FILE, OPTION_AT(sentiment_settings, lexicon_emoji), .value = "lexicons/emoji.txt",
		.help = "Emoji for the lexicons that have none of their own.", .flags = OPTION_LIVE },
	{ "weights_en", OPTION_FILE, OPTION_AT(sentiment_settings, weights_en), .value = "lexicons/en-weights.txt",
		.help = "Weights learnt from rated reviews (glintctl lexicon learn), added to what lexicon_en says. Empty: none.", .flags = OPTION_LIVE },
	{ "weights_zh", OPTION_FILE, OPTION_AT(sentiment_settings, weights_zh),
		.help = "The same for lexicon_zh. None are shipped.", .flags = OPTION_LIVE },
	{ "aspects", OPTION_FILE, OPTION_AT(sentiment_settings, aspects_file), .value = "lexicons/aspects.txt",
		.help = "Aspects (fit, quality, delivery, ...) and the words that name them. Empty: aspects are not counted." },
	{ "rules", OPTION_CHOICE, OPTION_AT(sentiment_settings, rules), .value = "learnt", .choices = "learnt|vader",
		.help = "vader: the lexicons' words and rules alone decide, as VADER's do; learnt weights and stars are left aside.", .flags = OPTION_LIVE },
	{ "stars", OPTION_REAL, OPTION_AT(sentiment_settings, stars), .value = "1.5", .min = "0", .max = "10",
		.help = "Added to the sum of a text's valences for each star that its review gives above 3, taken away for each below. "
			"0: the text alone decides.",
		.flags = OPTION_LIVE },
	{ "positive", OPTION_REAL, OPTION_AT(sentiment_settings, positive), .value = "0.05", .min = "0", .max = "1",
		.help = "A text whose score (-1 to 1) is this or more is positive.", .flags = OPTION_LIVE },
	{ "negative", OPTION_REAL, OPTION_AT(sentiment_settings, negative), .value = "-0.05", .min = "-1", .max = "0",
		.help = "A text whose score is this or less is negative; what lies between is neutral.", .flags = OPTION_LIVE },
	{ "reviews_kept", OPTION_COUNT, OPTION_AT(sentiment_settings, reviews_kept), .value = "10", .min = "1", .max = "100", .zero = "none", .unit = "reviews",
		.help = "What so many reviews counted, a shopper's newest, is kept, so that `glintctl forget` takes it back. It is in the shopper's row." },
};

/* Below METRIC_SUM one count for each class, metric = class; the same from METRIC_ASPECT on, sub = the aspect. */
enum { METRIC_SUM = SENTIMENT_CLASSES,
	METRIC_ASPECT,
	METRICS = 2 * METRIC_ASPECT,
	METRIC_BACK = METRICS }; /* a list: u8 class, zigzag sum, text aspect: one opinion of the pane is taken back */

static const char *const field_names[WINDOWS][4] = {
	/* by class, then the mean */
	{ "negative_1h", "neutral_1h", "positive_1h", "mean_1h" },
	{ "negative_1d", "neutral_1d", "positive_1d", "mean_1d" },
	{ "negative_7d", "neutral_7d", "positive_7d", "mean_7d" },
};
enum { DROP_LANGUAGE,
	DROP_PANES,
	DROP_ASPECTS };
static const char *const drop_names[] = { "unknown_language", "panes", "aspects", NULL };

struct item_aspect {
	symbol_t name;
	struct opinions opinions;
};

/* Of an item also what is said of its aspects, sorted by name. */
struct sentiment_item {
	struct opinions all;
	struct item_aspect *aspects; /* from the pool */
	uint32_t n, capacity;
};

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
	aspects_destroy(s->aspects);
	s->aspects = NULL;
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
	char why[200] = "out of memory";
	int r = sentiment_settings_make(s, s->rules == RULES_LEARNT, error, error_size);
	if (r < 0 || !s->aspects_file.size || !s->scorer)
		return r;
	r = aspects_create(s->aspects_file.data, s->aspects_file.size, &s->aspects, why, sizeof(why));
	if (r < 0) {
		snprintf(error, error_size, "%s: %s", s->aspects_file.path, why);
		sentiment_settings_done(s);
	}
	return r;
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

static enum sentiment_class class_of(const struct sentiment_settings *s, double compound)
{
	return compound >= s->positive    ? SENTIMENT_POSITIVE
		: compound <= s->negative ? SENTIMENT_NEGATIVE
					  : SENTIMENT_NEUTRAL;
}

static void emit(struct user_ctx *ctx, const struct kept_opinion *x)
{
	uint8_t first = x->aspect ? METRIC_ASPECT : 0;
	emit_sum(ctx->emitter, P_SENTIMENT, x->key, (uint8_t)(first + x->class), x->aspect, x->pane, 1);
	if (x->sum)
		emit_sum(ctx->emitter, P_SENTIMENT, x->key, (uint8_t)(first + METRIC_SUM), x->aspect, x->pane, x->sum);
}

/* x: all but key and aspect. The first of a review to be counted is x->first. */
static void count(const struct sentiment_settings *s, struct user_ctx *ctx, struct kept_opinions *kept, struct kept_opinion *x, struct key key, symbol_t aspect)
{
	x->key = key;
	x->aspect = aspect;
	emit(ctx, x);
	kept_opinions_keep(kept, ctx->pool, (uint32_t)s->reviews_kept, x);
	x->first = false;
}

static int16_t sum_of(double compound)
{
	return (int16_t)lround(compound * SENTIMENT_UNIT);
}

static void count_aspects(const struct sentiment_settings *s, struct user_ctx *ctx, struct kept_opinions *kept, const struct review *review, int32_t pane)
{
	double in_title[ASPECTS_MAX], in_text[ASPECTS_MAX];
	uint32_t titled = aspects_read(s->aspects, s->scorer, review->title, review->lang, in_title);
	uint32_t named = aspects_read(s->aspects, s->scorer, review->text, review->lang, in_text);
	symbol_t item = symbols_intern(ctx->symbols, review->item_id);
	for (int a = 0; a < aspects_count(s->aspects); a++) {
		if (!((titled | named) >> a & 1))
			continue;
		symbol_t aspect = symbols_intern(ctx->symbols, aspects_name(s->aspects, a));
		double compound = sentiment_squash((titled >> a & 1 ? in_title[a] : 0) + (named >> a & 1 ? in_text[a] : 0));
		struct kept_opinion x = { .pane = pane, .sum = sum_of(compound), .class = (uint8_t)class_of(s, compound) };
		if (x.class == SENTIMENT_NEGATIVE && ctx->n_complaints < COMPLAINTS_MAX)
			ctx->complaints[ctx->n_complaints++] = aspect;
		count(s, ctx, kept, &x, (struct key){ KEY_ASPECT, aspect }, 0);
		if (item)
			count(s, ctx, kept, &x, (struct key){ KEY_ITEM, item }, aspect);
	}
}

static void event(const void *settings, struct user_ctx *ctx, void *block, const struct event *e)
{
	const struct sentiment_settings *s = settings;
	ctx->sentiment = SENTIMENT_NONE;
	ctx->n_complaints = 0;
	if (e->kind != EVENT_REVIEW || !e->review.text.size || !s->scorer)
		return;
	struct sentiment_sums sums;
	int r = sentiment_sum_text(s->scorer, e->review.title, e->review.text, e->review.lang, &sums);
	if (r < 0) {
		ctx->drops[DROP_LANGUAGE] += r == -ENOTSUP;
		return;
	}
	double valence = sentiment_total(&sums);
	if (e->review.rating_milli && s->rules == RULES_LEARNT)
		valence += s->stars * (e->review.rating_milli / 1000.0 - 3);
	double compound = sentiment_squash(valence);
	struct kept_opinion x = { .pane = pane_of(e->ts, SENTIMENT_PANE_MS), .sum = sum_of(compound), .class = (uint8_t)class_of(s, compound), .first = true };
	struct key keys[REVIEW_SCOPES];
	int n = review_scopes(ctx, &e->review, keys);
	ctx->sentiment = x.class;
	ctx->row_due = true; /* catalogue, lexicon and options of now are not those of a replay, and forgetting is to take back what was counted */
	for (int i = 0; i < n; i++)
		count(s, ctx, block, &x, keys[i], 0);
	if (s->aspects)
		count_aspects(s, ctx, block, &e->review, x.pane);
}

static void leave(const void *settings, struct user_ctx *ctx, void *block, bool erase)
{
	const struct kept_opinions *kept = block;
	struct buf bytes = { 0 };
	(void)settings;
	for (uint32_t i = 0; erase && i < kept->n; i++) {
		const struct kept_opinion *x = &kept->list[i];
		buf_clear(&bytes);
		buf_u8(&bytes, x->class);
		buf_zigzag(&bytes, x->sum);
		buf_text(&bytes, symbols_text(ctx->symbols, x->aspect));
		emit_list(ctx->emitter, P_SENTIMENT, x->key, METRIC_BACK, x->pane, bytes.data, bytes.size);
	}
	buf_done(&bytes);
}

static void user_save(const void *settings, const void *block, const struct symbols *symbols, struct buf *to)
{
	(void)settings;
	kept_opinions_save(block, symbols, to);
}

static int user_load(const void *settings, void *block, uint16_t version, struct reader *from, struct symbols *symbols, struct pool *pool)
{
	(void)settings;
	return version == 1 ? kept_opinions_load(block, from, symbols, pool) : -EBADMSG;
}

static void user_done(void *block, struct pool *pool)
{
	kept_opinions_done(block, pool);
}

static void user_mark(const void *block, struct symbols *symbols)
{
	kept_opinions_mark(block, symbols);
}

/* ---- item stage ---- */

/* The item's opinions of an aspect; NULL when it has too many already. */
static struct opinions *aspect_of(struct item_ctx *ctx, struct sentiment_item *b, symbol_t name)
{
	struct text text = symbols_text(ctx->symbols, name);
	uint32_t at = 0;
	for (; at < b->n; at++) {
		if (b->aspects[at].name == name)
			return &b->aspects[at].opinions;
		if (text_compare(symbols_text(ctx->symbols, b->aspects[at].name), text) > 0)
			break;
	}
	if (b->n == ASPECTS_MAX) {
		ctx->drops[DROP_ASPECTS]++;
		return NULL;
	}
	if (b->n == b->capacity) {
		uint32_t grown = b->capacity ? 2 * b->capacity : 2;
		b->aspects = pool_resize(ctx->pool, b->aspects, b->capacity * sizeof(*b->aspects), grown * sizeof(*b->aspects));
		b->capacity = grown;
	}
	memmove(b->aspects + at + 1, b->aspects + at, (b->n - at) * sizeof(*b->aspects));
	b->aspects[at] = (struct item_aspect){ .name = name };
	b->n++;
	return &b->aspects[at].opinions;
}

static void take_back(const struct symbols *symbols, struct sentiment_item *b, const struct delta *d)
{
	struct reader in = reader_of(d->bytes.data, d->bytes.size);
	uint8_t class = reader_u8(&in);
	int64_t sum = reader_zigzag(&in);
	struct text aspect = reader_text(&in);
	if (in.bad || class >= SENTIMENT_CLASSES)
		return;
	if (!aspect.size)
		opinions_take_back(&b->all, d->pane, class, sum);
	for (uint32_t i = 0; i < b->n; i++)
		if (text_equal(symbols_text(symbols, b->aspects[i].name), aspect))
			opinions_take_back(&b->aspects[i].opinions, d->pane, class, sum);
}

static void delta(const void *settings, struct item_ctx *ctx, void *block, const struct delta *d)
{
	struct sentiment_item *b = block;
	struct opinion_pane add = { .pane = d->pane };
	(void)settings;
	if (d->merge == MERGE_LIST && d->metric == METRIC_BACK)
		take_back(ctx->symbols, b, d);
	if (d->merge != MERGE_SUM || d->metric >= METRICS || (d->metric >= METRIC_ASPECT) != (d->sub != 0))
		return;
	int which = d->metric % METRIC_ASPECT;
	if (which == METRIC_SUM)
		add.sum = d->amount;
	else
		add.n[which] = (uint32_t)d->amount;
	struct opinions *to = d->sub ? aspect_of(ctx, b, d->sub) : &b->all;
	if (to)
		ctx->drops[DROP_PANES] += (uint64_t)opinions_add(to, ctx->pool, ctx->watermark, &add);
}

static int64_t due_at(const void *settings, const void *block)
{
	const struct sentiment_item *b = block;
	int64_t next = opinions_due_at(&b->all);
	(void)settings;
	for (uint32_t i = 0; i < b->n; i++) {
		int64_t at = opinions_due_at(&b->aspects[i].opinions);
		next = at < next ? at : next;
	}
	return next;
}

static void due(const void *settings, struct item_ctx *ctx, void *block)
{
	struct sentiment_item *b = block;
	(void)settings;
	opinions_advance(&b->all, ctx->watermark);
	for (uint32_t i = 0; i < b->n; i++)
		opinions_advance(&b->aspects[i].opinions, ctx->watermark);
}

/* ---- state: the opinions, then (since version 2) the number of aspects and each one's name and opinions ---- */

static void item_save(const void *settings, const void *block, const struct symbols *symbols, struct buf *to)
{
	const struct sentiment_item *b = block;
	(void)settings;
	opinions_save(&b->all, to);
	buf_varint(to, b->n);
	for (uint32_t i = 0; i < b->n; i++) {
		buf_text(to, symbols_text(symbols, b->aspects[i].name));
		opinions_save(&b->aspects[i].opinions, to);
	}
}

static int item_load(const void *settings, void *block, uint16_t version, struct reader *from, struct symbols *symbols, struct pool *pool)
{
	struct sentiment_item *b = block;
	(void)settings;
	if (version != 1 && version != 2)
		return -EBADMSG;
	int r = opinions_load(&b->all, from, pool);
	uint64_t n = version > 1 ? reader_varint(from) : 0;
	if (r < 0 || from->bad || n > ASPECTS_MAX)
		return -EBADMSG;
	b->capacity = (uint32_t)n;
	b->aspects = n ? pool_alloc(pool, b->capacity * sizeof(*b->aspects)) : NULL;
	while (b->n < n && r == 0) {
		struct item_aspect *a = &b->aspects[b->n++];
		*a = (struct item_aspect){ .name = symbols_intern(symbols, reader_text(from)) };
		r = opinions_load(&a->opinions, from, pool);
		if (!a->name)
			r = -EBADMSG;
	}
	return r < 0 || from->bad ? -EBADMSG : 0;
}

static void item_done(void *block, struct pool *pool)
{
	struct sentiment_item *b = block;
	opinions_done(&b->all, pool);
	for (uint32_t i = 0; i < b->n; i++)
		opinions_done(&b->aspects[i].opinions, pool);
	if (b->aspects)
		pool_free(pool, b->aspects, b->capacity * sizeof(*b->aspects));
}

static void item_mark(const void *block, struct symbols *symbols)
{
	const struct sentiment_item *b = block;
	for (uint32_t i = 0; i < b->n; i++)
		symbols_mark(symbols, b->aspects[i].name);
}

/* ---- model, views, dump ---- */

static void model_save(const void *settings, const struct item_ctx *ctx, const void *block, struct buf *to)
{
	const struct sentiment_item *b = block;
	const struct opinion_sums *week = &b->all.windows[WEEK];
	(void)settings;
	if (ctx->key.kind != KEY_ITEM || !opinions_reviews(week))
		return;
	for (int c = 0; c < SENTIMENT_CLASSES; c++)
		buf_varint(to, (uint64_t)week->n[c]);
	buf_zigzag(to, week->sum);
}

static int model_load(const void *settings, void *block, uint16_t version, struct reader *from, struct symbols *symbols, struct pool *pool)
{
	struct sentiment_model *m = block;
	struct opinion_sums week;
	(void)settings, (void)symbols, (void)pool;
	if (version != 1)
		return -EBADMSG;
	for (int c = 0; c < SENTIMENT_CLASSES; c++) {
		m->n[c] = (uint32_t)reader_varint(from);
		week.n[c] = m->n[c];
	}
	week.sum = reader_zigzag(from);
	m->mean = opinions_reviews(&week) ? opinions_mean(&week) : 0;
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

/* fit_negative_7d and so on; without reviews in the week the counts are 0 and so is the mean, since a field once written stays. */
static void show_aspect(const struct view_ctx *ctx, const struct item_aspect *a)
{
	const struct opinion_sums *week = &a->opinions.windows[WEEK];
	struct text name = symbols_text(ctx->symbols, a->name);
	char field[64], mean[32];
	for (int c = 0; c < SENTIMENT_CLASSES; c++) {
		snprintf(field, sizeof(field), "%.*s_%s", (int)name.size, name.data, field_names[WEEK][c]);
		view_arg(ctx->view, text_of(field));
		view_arg_i64(ctx->view, week->n[c]);
	}
	snprintf(field, sizeof(field), "%.*s_%s", (int)name.size, name.data, field_names[WEEK][3]);
	view_arg(ctx->view, text_of(field));
	view_arg(ctx->view, (struct text){ mean, (uint32_t)format_double(mean, opinions_reviews(week) ? opinions_mean(week) : 0, 6) });
}

static void item_view(const void *settings, const struct view_ctx *ctx, const void *block)
{
	const struct sentiment_item *b = block;
	(void)settings;
	if (ctx->key.kind == KEY_ITEM) {
		const struct opinion_sums *week = &b->all.windows[WEEK];
		int64_t n = opinions_reviews(week);
		view_field_double(ctx->view, "sentiment", opinions_mean(week));
		view_field_double(ctx->view, "negative_share", n ? (double)week->n[SENTIMENT_NEGATIVE] / (double)n : NAN);
	}
	scope_of(ctx->symbols, ctx->key, ctx->scratch);
	struct text scope = { (const char *)ctx->scratch->data, (uint32_t)ctx->scratch->size };
	if (!opinions_reviews(&b->all.total)) { /* all are taken back */
		view_begin(ctx->view, "DEL");
		view_key(ctx->view, "sentiment:", scope);
		view_end(ctx->view);
		return;
	}
	view_begin(ctx->view, "HSET");
	view_key(ctx->view, "sentiment:", scope);
	bool empty = false;
	for (int w = 0; w < WINDOWS; w++) {
		for (int c = 0; c < SENTIMENT_CLASSES; c++) {
			view_arg(ctx->view, text_of(field_names[w][c]));
			view_arg_i64(ctx->view, b->all.windows[w].n[c]);
		}
		if (!opinions_reviews(&b->all.windows[w])) {
			empty = true;
			continue;
		}
		char mean[32];
		view_arg(ctx->view, text_of(field_names[w][3]));
		view_arg(ctx->view, (struct text){ mean, (uint32_t)format_double(mean, opinions_mean(&b->all.windows[w]), 6) });
	}
	for (uint32_t i = 0; i < b->n; i++)
		show_aspect(ctx, &b->aspects[i]);
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
			if (!opinions_reviews(&b->all.windows[w]))
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

static void dump_aspect(const struct dump_ctx *ctx, const struct item_aspect *a, struct buf *json)
{
	static const char *const names[SENTIMENT_CLASSES] = { "negative", "neutral", "positive" };
	struct text name = symbols_text(ctx->symbols, a->name);
	char key[ASPECT_NAME_MAX + 1];
	snprintf(key, sizeof(key), "%.*s", (int)name.size, name.data);
	json_name(json, key);
	json_open(json, '{');
	for (int c = 0; c < SENTIMENT_CLASSES; c++) {
		json_name(json, names[c]);
		json_i64(json, a->opinions.total.n[c]);
	}
	json_name(json, "sum");
	json_i64(json, a->opinions.total.sum);
	json_close(json, '}');
}

static void item_dump(const void *settings, const struct dump_ctx *ctx, const void *block)
{
	const struct sentiment_item *b = block;
	(void)settings;
	if (!opinions_reviews(&b->all.total))
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
	json_i64(&json, b->all.total.n[SENTIMENT_POSITIVE]);
	json_name(&json, "neutral");
	json_i64(&json, b->all.total.n[SENTIMENT_NEUTRAL]);
	json_name(&json, "negative");
	json_i64(&json, b->all.total.n[SENTIMENT_NEGATIVE]);
	json_name(&json, "sum"); /* of compounds, in ten-thousandths */
	json_i64(&json, b->all.total.sum);
	static const char *const sum_names[WINDOWS] = { "sum_1h", "sum_1d", "sum_7d" };
	for (int w = 0; w < WINDOWS; w++) {
		for (int c = 0; c < SENTIMENT_CLASSES; c++) {
			json_name(&json, field_names[w][c]);
			json_i64(&json, b->all.windows[w].n[c]);
		}
		json_name(&json, sum_names[w]);
		json_i64(&json, b->all.windows[w].sum);
	}
	if (b->n) { /* of an item: what its reviews say of each aspect, for ever */
		json_name(&json, "aspects");
		json_open(&json, '{');
		for (uint32_t i = 0; i < b->n; i++)
			dump_aspect(ctx, &b->aspects[i], &json);
		json_close(&json, '}');
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
	.user = { sizeof(struct kept_opinions), 1, user_save, user_load, user_done, user_mark },
	.item = { sizeof(struct sentiment_item), 2, item_save, item_load, item_done, item_mark },
	.model = { sizeof(struct sentiment_model), 1, NULL, model_load, NULL, NULL },
	.event = event,
	.leave = leave,
	.delta = delta,
	.due_at = due_at,
	.due = due,
	.model_save = model_save,
	.item_view = item_view,
	.item_dump = item_dump,
	.drop_names = drop_names,
};
