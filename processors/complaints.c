/* See complaints.h. */
#include "complaints.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "excerpt.h"
#include "han.h"
#include "json.h"
#include "sentiment.h"
#include "view.h"

static const struct option options[] = {
	{ "recent", OPTION_DURATION, OPTION_AT(complaints_settings, recent_ms), .value = "3d", .min = "1h", .max = "365d",
		.help = "Half-life of what counts as recent complaints." },
	{ "long", OPTION_DURATION, OPTION_AT(complaints_settings, long_ms), .value = "30d", .min = "1d", .max = "3650d",
		.help = "Half-life of what they are held against. It must be longer than `recent`." },
	{ "terms", OPTION_COUNT, OPTION_AT(complaints_settings, terms), .value = "1000", .min = "10", .max = "100000", .unit = "terms",
		.help = "Words and pairs of words kept for the shop and for each category; up to twice as many before the rarest go." },
	{ "shown", OPTION_COUNT, OPTION_AT(complaints_settings, shown), .value = "20", .min = "1", .max = "1000", .unit = "terms",
		.help = "Terms in glint:complaints, the most surprising first." },
	{ "least", OPTION_REAL, OPTION_AT(complaints_settings, least), .value = "5", .min = "1", .max = "1000000",
		.help = "A term is shown from so many recent negative reviews on (decayed; of one shopper one counts)." },
};

enum { DROP_TERMS,
	DROP_REMEMBERED };
static const char *const drop_names[] = { "terms", "terms_remembered", NULL };
static const int64_t day_ms = 24 * 3600 * 1000;

#define Z_LEAST 1.96

static int setup(void *settings, char *error, size_t error_size)
{
	struct complaints_settings *s = settings;
	if (s->long_ms <= s->recent_ms) {
		snprintf(error, error_size, "`long` must be longer than `recent`");
		return -EINVAL;
	}
	int r = term_cutter_create(&s->cutter);
	if (r < 0)
		snprintf(error, error_size, "out of memory");
	return r;
}

static void teardown(void *settings)
{
	struct complaints_settings *s = settings;
	term_cutter_destroy(s->cutter);
	s->cutter = NULL;
}

double complaints_z(double f, double reviews, double b, double reviews_before)
{
	double with = f + 0.5, without = reviews - f + 0.5, before = b + 0.5, before_without = reviews_before - b + 0.5;
	return (log(with / without) - log(before / before_without)) / sqrt(1 / with + 1 / without + 1 / before + 1 / before_without);
}

/* ---- user stage ---- */

static bool is_function_word(struct text t)
{
	static const char words[] = " about after again all also although always and any are back because been before being both bought but buy came can "
				    "could did didn't does doesn't don't dress each even ever every for from get got had has have her here him his how "
				    "i'm i've into isn't it's its item just like made make many may me more most much must myself not now off once one "
				    "only ordered other our out over own product really she should since some still such than that that's the their "
				    "them then there these they this those though through too top tried two until very was wasn't were what when "
				    "where which while who why will with won't would wouldn't wore wear you your ";
	if (t.size < 3)
		return true;
	for (const char *at = words; (at = memmem(at, sizeof(words) - 1 - (size_t)(at - words), t.data, t.size)) != NULL; at++)
		if (at[-1] == ' ' && at[t.size] == ' ')
			return true;
	return false;
}

static bool is_function_character(struct text t)
{
	static const char *const characters[] = { "的", "了", "是", "我", "你", "他", "她", "也", "都", "就", "和", "在", "有", "很", "这", "那", "个", "吧",
		"吗", "呢", "啊", "还", "又", "与", "及", "到", "给", "买", "说", "要", "会", "能", "去", "来", "件", "着" };
	for (size_t i = 0; i < sizeof(characters) / sizeof(*characters); i++)
		if (text_equal(t, text_of(characters[i])))
			return true;
	return false;
}

static bool is_han(struct text t)
{
	return (unsigned char)t.data[0] >= 0xe3 && t.size == 3;
}

static bool is_number(struct text t)
{
	for (uint32_t i = 0; i < t.size; i++)
		if (t.data[i] < '0' || t.data[i] > '9')
			return false;
	return true;
}

struct collecting {
	uint64_t hashes[COMPLAINTS_REVIEW_MAX];
	size_t at[COMPLAINTS_REVIEW_MAX + 1]; /* in bytes: where each begins, and the end */
	uint32_t n;
	uint8_t bytes[COMPLAINTS_REVIEW_MAX * (2 * WEIGHTS_WORD_MAX + 2)]; /* of each a size and its text */
	size_t size;
};

/* Words of their own: not of Han characters, which say little alone. Pairs: neither is a function word. */
static bool is_topic(const struct term *t)
{
	if (t->kind == TERM_NEGATED)
		return false;
	bool han = is_han(t->word);
	if (han ? is_function_character(t->word) : is_function_word(t->word) || is_number(t->word))
		return false;
	if (t->kind == TERM_WORD)
		return !han;
	if (han != is_han(t->before))
		return false;
	return han ? !is_function_character(t->before) : !is_function_word(t->before) && !is_number(t->before);
}

static void collect(void *to, const struct term *t)
{
	struct collecting *c = to;
	if (c->n == COMPLAINTS_REVIEW_MAX || !is_topic(t))
		return;
	for (uint32_t i = 0; i < c->n; i++)
		if (c->hashes[i] == t->hash)
			return;
	c->hashes[c->n] = t->hash;
	c->at[c->n++] = c->size;
	uint32_t space = t->kind == TERM_PAIR && !is_han(t->word);
	uint32_t before = t->kind == TERM_PAIR ? t->before.size : 0;
	c->bytes[c->size++] = (uint8_t)(before + space + t->word.size);
	if (before)
		memcpy(c->bytes + c->size, t->before.data, before);
	c->size += before;
	if (space)
		c->bytes[c->size++] = ' ';
	memcpy(c->bytes + c->size, t->word.data, t->word.size);
	c->size += t->word.size;
	c->at[c->n] = c->size;
}

/* A term that this shopper's reviews have counted. */
struct counted {
	uint32_t term, category; /* of their hashes; category 0: not known */
	int32_t pane;
};

struct complaints_user {
	struct counted *list; /* as they came, from the pool */
	uint32_t n, capacity;
};

static void forget_old(const struct complaints_settings *s, struct complaints_user *u, int32_t pane)
{
	uint32_t left = 0;
	int64_t newest = pane, kept = (s->long_ms + day_ms) / COMPLAINTS_PANE_MS; /* a day, for reviews that come late */
	for (uint32_t i = 0; i < u->n; i++)
		newest = u->list[i].pane > newest ? u->list[i].pane : newest;
	for (uint32_t i = 0; i < u->n; i++)
		if (u->list[i].pane > newest - kept)
			u->list[left++] = u->list[i];
	u->n = left;
}

/* Whether the term counts for all, and for the category: when none of the shopper's less than `long` away has. One that there is no room to remember does not. */
static void count_term(const struct complaints_settings *s, struct user_ctx *ctx, struct complaints_user *u, struct counted now, bool *ret_all, bool *ret_category)
{
	*ret_all = *ret_category = true;
	for (uint32_t i = 0; i < u->n && *ret_category; i++)
		if (u->list[i].term == now.term && llabs((int64_t)u->list[i].pane - now.pane) * COMPLAINTS_PANE_MS < s->long_ms) {
			*ret_all = false;
			*ret_category = u->list[i].category != now.category;
		}
	if (!*ret_category)
		return;
	if (u->n == COMPLAINTS_REMEMBERED) {
		*ret_all = *ret_category = false;
		ctx->drops[DROP_REMEMBERED]++;
		return;
	}
	if (u->n == u->capacity) {
		uint32_t grown = u->capacity ? 2 * u->capacity : 16;
		u->list = pool_resize(ctx->pool, u->list, u->capacity * sizeof(*u->list), grown * sizeof(*u->list));
		u->capacity = grown;
	}
	u->list[u->n++] = now;
}

static void send(struct user_ctx *ctx, struct key key, int32_t pane, const struct collecting *c, const bool *counts)
{
	uint8_t bytes[sizeof(c->bytes)];
	size_t size = 0;
	for (uint32_t i = 0; i < c->n; i++)
		if (counts[i]) {
			memcpy(bytes + size, c->bytes + c->at[i], c->at[i + 1] - c->at[i]);
			size += c->at[i + 1] - c->at[i];
		}
	emit_list(ctx->emitter, P_COMPLAINTS, key, 0, pane, bytes, size);
}

static void read_terms(const struct complaints_settings *s, const struct user_ctx *ctx, const struct event *e, struct text text, struct collecting *c)
{
	char words[EXCERPT_WORDS_BYTES];
	size_t n = text.size ? excerpt_words(text, e->sent_id.data ? e->sent_id : ctx->user, words) : 0;
	terms_of(s->cutter, (struct text){ words, (uint32_t)n }, collect, c);
}

static void negative_review(const struct complaints_settings *s, struct user_ctx *ctx, struct complaints_user *u, const struct event *e)
{
	struct collecting c; /* some 10 KB: only what is used is written */
	struct key keys[REVIEW_SCOPES];
	bool all[COMPLAINTS_REVIEW_MAX], category[COMPLAINTS_REVIEW_MAX];
	struct counted now = { .pane = pane_of(e->ts, COMPLAINTS_PANE_MS) };
	c.n = 0;
	c.size = 0;
	read_terms(s, ctx, e, e->review.title, &c);
	read_terms(s, ctx, e, e->review.text, &c);
	int n = review_scopes(ctx, &e->review, keys);
	for (int i = 0; i < n; i++)
		if (keys[i].kind == KEY_CATEGORY)
			now.category = (uint32_t)symbols_hash(ctx->symbols, keys[i].id) | 1;
	forget_old(s, u, now.pane);
	for (uint32_t i = 0; i < c.n; i++) {
		now.term = (uint32_t)c.hashes[i];
		count_term(s, ctx, u, now, &all[i], &category[i]);
	}
	for (int i = 0; i < n; i++)
		if (keys[i].kind == KEY_ALL || keys[i].kind == KEY_CATEGORY)
			send(ctx, keys[i], now.pane, &c, keys[i].kind == KEY_ALL ? all : category);
}

static void event(const void *settings, struct user_ctx *ctx, void *block, const struct event *e)
{
	if (e->kind == EVENT_REVIEW && ctx->sentiment == SENTIMENT_NEGATIVE)
		negative_review(settings, ctx, block, e);
}

static void user_save(const void *settings, const void *block, const struct symbols *symbols, struct buf *to)
{
	const struct complaints_user *u = block;
	(void)settings, (void)symbols;
	buf_varint(to, u->n);
	for (uint32_t i = 0; i < u->n; i++) {
		buf_u32(to, u->list[i].term);
		buf_u32(to, u->list[i].category);
		buf_zigzag(to, u->list[i].pane - (i ? (int64_t)u->list[i - 1].pane : 0));
	}
}

static int user_load(const void *settings, void *block, uint16_t version, struct reader *from, struct symbols *symbols, struct pool *pool)
{
	struct complaints_user *u = block;
	(void)settings, (void)symbols;
	uint64_t n = reader_varint(from);
	if (version != 1 || from->bad || n > COMPLAINTS_REMEMBERED)
		return -EBADMSG;
	u->capacity = (uint32_t)n;
	u->list = pool_alloc(pool, u->capacity * sizeof(*u->list));
	for (int64_t pane = 0; u->n < n; u->n++) {
		uint32_t term = reader_u32(from), category = reader_u32(from);
		int64_t step = reader_zigzag(from);
		if (from->bad || __builtin_add_overflow(pane, step, &pane) || pane < INT32_MIN || pane > INT32_MAX)
			return -EBADMSG;
		u->list[u->n] = (struct counted){ term, category, (int32_t)pane };
	}
	return 0;
}

static void user_done(void *block, struct pool *pool)
{
	struct complaints_user *u = block;
	pool_free(pool, u->list, u->capacity * sizeof(*u->list));
}

/* ---- item stage ---- */

/* Counts as of `pane`; what is decayed to a later one is less. */
struct count {
	double recent, held; /* f and s */
	int32_t pane;
};

struct entry {
	symbol_t term; /* 0: free */
	struct count count;
};

struct complaints_item {
	struct entry *slots; /* open addressing by the term's text hash, from the pool */
	uint32_t n, n_slots; /* n_slots: a power of two, more than twice n; 0 */
	struct count reviews;
};

static struct count count_at(const struct complaints_settings *s, struct count c, int32_t pane)
{
	double panes = (double)pane - c.pane;
	c.recent *= exp2(-panes * COMPLAINTS_PANE_MS / (double)s->recent_ms);
	c.held *= exp2(-panes * COMPLAINTS_PANE_MS / (double)s->long_ms);
	c.pane = pane;
	return c;
}

/* One more at `pane`, which may be older than the newest. */
static void count_one(const struct complaints_settings *s, struct count *c, int32_t pane)
{
	if (c->held == 0)
		c->pane = pane;
	else if (pane > c->pane)
		*c = count_at(s, *c, pane);
	struct count one = count_at(s, (struct count){ 1, 1, pane }, c->pane);
	c->recent += one.recent;
	c->held += one.held;
}

static struct entry *find(const struct symbols *symbols, struct entry *slots, uint32_t n_slots, symbol_t term)
{
	uint32_t mask = n_slots - 1, i = (uint32_t)symbols_hash(symbols, term) & mask;
	while (slots[i].term && slots[i].term != term)
		i = (i + 1) & mask;
	return &slots[i];
}

static void rehash(struct symbols *symbols, struct pool *pool, struct complaints_item *b, uint32_t n_slots)
{
	struct entry *slots = pool_alloc(pool, n_slots * sizeof(*slots));
	for (uint32_t i = 0; i < b->n_slots; i++)
		if (b->slots[i].term)
			*find(symbols, slots, n_slots, b->slots[i].term) = b->slots[i];
	pool_free(pool, b->slots, b->n_slots * sizeof(*slots));
	b->slots = slots;
	b->n_slots = n_slots;
}

struct ranked {
	struct entry entry; /* as of the newest pane */
	struct text text;
	double by;
};

static int by_rank(const void *a, const void *b) /* greatest first */
{
	const struct ranked *x = a, *y = b;
	return x->by != y->by ? (x->by < y->by ? 1 : -1) : text_compare(x->text, y->text);
}

/* All terms as of the newest pane, in the pool: b->n of them. */
static struct ranked *all_terms(const struct complaints_settings *s, const struct complaints_item *b, const struct symbols *symbols)
{
	struct ranked *all = malloc((b->n + 1) * sizeof(*all));
	uint32_t n = 0;
	if (!all)
		abort(); /* as buf.h: no state is worth keeping without memory */
	for (uint32_t i = 0; i < b->n_slots; i++)
		if (b->slots[i].term) {
			struct entry e = b->slots[i];
			e.count = count_at(s, e.count, b->reviews.pane);
			all[n++] = (struct ranked){ e, symbols_text(symbols, e.term), e.count.held };
		}
	return all;
}

static void forget_rarest(const struct complaints_settings *s, struct item_ctx *ctx, struct complaints_item *b)
{
	struct ranked *all = all_terms(s, b, ctx->symbols);
	uint32_t keep = (uint32_t)s->terms;
	qsort(all, b->n, sizeof(*all), by_rank);
	for (uint32_t i = keep; i < b->n; i++)
		find(ctx->symbols, b->slots, b->n_slots, all[i].entry.term)->count.held = -1; /* to go */
	free(all);
	struct entry *old = b->slots;
	uint32_t n_old = b->n_slots;
	ctx->drops[DROP_TERMS] += b->n - keep;
	b->slots = pool_alloc(ctx->pool, n_old * sizeof(*old));
	for (uint32_t i = 0; i < n_old; i++)
		if (old[i].term && old[i].count.held >= 0)
			*find(ctx->symbols, b->slots, n_old, old[i].term) = old[i];
	pool_free(ctx->pool, old, n_old * sizeof(*old));
	b->n = keep;
}

static void delta(const void *settings, struct item_ctx *ctx, void *block, const struct delta *d)
{
	const struct complaints_settings *s = settings;
	struct complaints_item *b = block;
	if (d->merge != MERGE_LIST)
		return;
	count_one(s, &b->reviews, d->pane);
	for (uint32_t at = 0; at < d->bytes.size;) {
		uint32_t size = (uint8_t)d->bytes.data[at++];
		if (size == 0 || size > d->bytes.size - at)
			return;
		symbol_t term = symbols_intern(ctx->symbols, (struct text){ d->bytes.data + at, size });
		at += size;
		if (2 * (b->n + 1) > b->n_slots)
			rehash(ctx->symbols, ctx->pool, b, b->n_slots ? 2 * b->n_slots : 64);
		struct entry *e = find(ctx->symbols, b->slots, b->n_slots, term);
		if (!e->term) {
			*e = (struct entry){ .term = term };
			b->n++;
		}
		count_one(s, &e->count, d->pane);
	}
	if (b->n > 2 * (uint32_t)s->terms)
		forget_rarest(s, ctx, b);
}

/* ---- state: reviews, then the terms in the order of their texts; of each: i32 pane (zigzag), f, s ---- */

static int by_text(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;
	return text_compare(x->text, y->text);
}

static void count_save(struct count c, struct buf *to)
{
	buf_zigzag(to, c.pane);
	buf_double(to, c.recent);
	buf_double(to, c.held);
}

static struct count count_load(struct reader *from)
{
	struct count c;
	c.pane = (int32_t)reader_zigzag(from);
	c.recent = reader_double(from);
	c.held = reader_double(from);
	if (!(c.recent >= 0 && c.held >= c.recent && isfinite(c.held)))
		from->bad = true;
	return c;
}

static void item_save(const void *settings, const void *block, const struct symbols *symbols, struct buf *to)
{
	const struct complaints_item *b = block;
	struct ranked *all = all_terms(settings, b, symbols);
	count_save(b->reviews, to);
	buf_varint(to, b->n);
	qsort(all, b->n, sizeof(*all), by_text);
	for (uint32_t i = 0; i < b->n; i++) {
		buf_text(to, all[i].text);
		count_save(find(symbols, b->slots, b->n_slots, all[i].entry.term)->count, to);
	}
	free(all);
}

static int item_load(const void *settings, void *block, uint16_t version, struct reader *from, struct symbols *symbols, struct pool *pool)
{
	struct complaints_item *b = block;
	bool both = false; /* writings of a term may be in it */
	if (version != 1)
		return -EBADMSG;
	b->reviews = count_load(from);
	uint64_t n = reader_varint(from);
	if (from->bad || n > 1u << 20)
		return -EBADMSG;
	for (uint64_t i = 0; i < n && !from->bad; i++) {
		struct text text = reader_text(from);
		char simple[2 * WEIGHTS_WORD_MAX + 1];
		bool traditional = text.size <= sizeof(simple) && han_traditional(text.data, text.size);
		if (traditional) { /* of a version before */
			memcpy(simple, text.data, text.size);
			han_simplify(simple, text.size);
			text.data = simple;
		}
		symbol_t term = symbols_intern(symbols, text);
		struct count count = count_load(from);
		if (from->bad || !term)
			return -EBADMSG;
		if (2 * (b->n + 1) > b->n_slots)
			rehash(symbols, pool, b, b->n_slots ? 2 * b->n_slots : 64);
		struct entry *e = find(symbols, b->slots, b->n_slots, term);
		both |= traditional;
		if (e->term && !both)
			return -EBADMSG;
		if (e->term) {
			int32_t pane = e->count.pane > count.pane ? e->count.pane : count.pane;
			e->count = count_at(settings, e->count, pane);
			count = count_at(settings, count, pane);
			e->count.recent += count.recent;
			e->count.held += count.held;
			continue;
		}
		*e = (struct entry){ term, count };
		b->n++;
	}
	return from->bad ? -EBADMSG : 0;
}

static void item_done(void *block, struct pool *pool)
{
	struct complaints_item *b = block;
	pool_free(pool, b->slots, b->n_slots * sizeof(*b->slots));
}

static void item_mark(const void *block, struct symbols *symbols)
{
	const struct complaints_item *b = block;
	for (uint32_t i = 0; i < b->n_slots; i++)
		symbols_mark(symbols, b->slots[i].term);
}

/* ---- view ---- */

static void topic(struct buf *to, const struct ranked *t)
{
	json_open(to, '{');
	json_name(to, "term");
	json_text(to, t->text);
	json_name(to, "count");
	json_double(to, t->entry.count.recent);
	json_name(to, "before");
	json_double(to, t->entry.count.held - t->entry.count.recent);
	json_name(to, "z");
	json_double(to, t->by);
	json_close(to, '}');
}

static void item_view(const void *settings, const struct view_ctx *ctx, const void *block)
{
	const struct complaints_settings *s = settings;
	const struct complaints_item *b = block;
	struct text category = { NULL, 0 };
	if (b->reviews.held == 0 || (ctx->key.kind != KEY_ALL && ctx->key.kind != KEY_CATEGORY))
		return;
	if (ctx->key.kind == KEY_CATEGORY)
		category = symbols_text(ctx->symbols, ctx->key.id);
	struct ranked *all = all_terms(s, b, ctx->symbols);
	uint32_t n = 0;
	double before = b->reviews.held - b->reviews.recent;
	for (uint32_t i = 0; i < b->n; i++) {
		const struct count *c = &all[i].entry.count;
		all[i].by = complaints_z(c->recent, b->reviews.recent, c->held - c->recent, before);
		if (c->recent >= s->least && c->recent >= (double)ctx->least_baskets && all[i].by >= Z_LEAST)
			all[n++] = all[i];
	}
	qsort(all, n, sizeof(*all), by_rank);
	buf_clear(ctx->scratch);
	json_view_open(ctx->scratch, ctx->as_of, ctx->commit);
	json_name(ctx->scratch, "reviews");
	json_double(ctx->scratch, b->reviews.recent);
	json_name(ctx->scratch, "before");
	json_double(ctx->scratch, before);
	json_name(ctx->scratch, "terms");
	json_open(ctx->scratch, '[');
	for (uint32_t i = 0; i < n && i < (uint32_t)s->shown; i++)
		topic(ctx->scratch, &all[i]);
	json_close(ctx->scratch, ']');
	json_close(ctx->scratch, '}');
	free(all);
	view_begin(ctx->view, "SET");
	view_key(ctx->view, category.size ? "complaints:" : "complaints", category);
	view_arg(ctx->view, (struct text){ (const char *)ctx->scratch->data, (uint32_t)ctx->scratch->size });
	if (ctx->ttl_s > 0) {
		view_arg(ctx->view, TEXT("EX"));
		view_arg_i64(ctx->view, ctx->ttl_s);
	}
	view_end(ctx->view);
}

const struct processor complaints_processor = {
	.name = "complaints",
	.id = P_COMPLAINTS,
	.options = options,
	.n_options = OPTION_N(options),
	.settings_size = sizeof(struct complaints_settings),
	.setup = setup,
	.teardown = teardown,
	.user = { sizeof(struct complaints_user), 1, user_save, user_load, user_done, NULL },
	.item = { sizeof(struct complaints_item), 1, item_save, item_load, item_done, item_mark },
	.event = event,
	.delta = delta,
	.item_view = item_view,
	.drop_names = drop_names,
};
