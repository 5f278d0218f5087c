#include "candidates.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "bias.h"
#include "itemsets.h"
#include "json.h"
#include "measures.h"
#include "sentiment.h"

enum { SLOTS = 2048,
	TABLE = 4096,
	TABLE_BITS = 12,
	NEARNESS_KNOWN = 4096,
	POOL_MAX = 2 * LIST_MAX }; /* candidates kept at most; those ranked a second time */

struct candidate {
	symbol_t item;
	bool excluded;
	uint8_t seed[BASKETS];   /* of the greatest part */
	uint32_t count[BASKETS]; /* that seed's pair count */
	float most[BASKETS];     /* that part */
	float sum[BASKETS];      /* of W w c / sqrt(n_a + 20) */
};

enum why_kind { WHY_ORDER,
	WHY_SESSION,
	WHY_TRENDING,
	WHY_POPULAR };

struct pick {
	double score;
	symbol_t item;
	uint16_t candidate; /* of WHY_ORDER and WHY_SESSION */
	uint8_t why;
	double value; /* of WHY_TRENDING and WHY_POPULAR */
};

struct recommend_scratch {
	struct toplists toplists;
	uint32_t n;
	uint16_t stamp; /* of the list that is made: places with another one are free */
	struct place {
		symbol_t item;
		uint16_t at; /* of candidates */
		uint16_t stamp;
	} table[TABLE];
	float nearness[NEARNESS_KNOWN]; /* 1 / sqrt(n + NEARNESS_PRIOR) */
	struct candidate candidates[SLOTS];
	struct pick picks[POOL_MAX];
	symbol_t seeds[SEEDS_MAX];
	uint32_t n_seeds;
};

int recommend_scratch_create(struct recommend_scratch **ret, const struct recommend_settings *s)
{
	struct recommend_scratch *x = calloc(1, sizeof(*x));
	if (!x)
		return -ENOMEM;
	if (toplists_init(&x->toplists, (uint32_t)s->top_items, (uint32_t)s->top_categories, (uint32_t)s->list_size) < 0) {
		free(x);
		return -ENOMEM;
	}
	for (uint32_t n = 0; n < NEARNESS_KNOWN; n++)
		x->nearness[n] = (float)(1 / sqrt(n + NEARNESS_PRIOR));
	*ret = x;
	return 0;
}

static inline float nearness(const struct recommend_scratch *x, uint32_t n)
{
	return n < NEARNESS_KNOWN ? x->nearness[n] : 1 / sqrtf((float)n + (float)NEARNESS_PRIOR);
}

void recommend_scratch_destroy(struct recommend_scratch *x)
{
	if (!x)
		return;
	toplists_done(&x->toplists);
	free(x);
}

struct toplists *recommend_scratch_toplists(struct recommend_scratch *x)
{
	return &x->toplists;
}

/* ---- candidates ---- */

static inline struct candidate *lookup(struct recommend_scratch *x, symbol_t item, bool make)
{
	uint32_t i = (item * 2654435761u) >> (32 - TABLE_BITS);
	for (; x->table[i].stamp == x->stamp; i = (i + 1) & (TABLE - 1))
		if (x->table[i].item == item)
			return &x->candidates[x->table[i].at];
	if (!make || x->n == SLOTS)
		return NULL;
	x->table[i] = (struct place){ item, (uint16_t)x->n, x->stamp };
	struct candidate *c = &x->candidates[x->n++];
	*c = (struct candidate){ .item = item };
	return c;
}

static struct key item_key(symbol_t item)
{
	return (struct key){ KEY_ITEM, item };
}

/* Fills x->candidates from the seeds; returns the sum of the seeds' weights. */
static double gather(struct recommend_scratch *x, const struct recommend_settings *s, const struct view_ctx *ctx, const struct recommend_user *u)
{
	const double basket_weight[BASKETS] = { [BASKET_ORDER] = s->order_weight, [BASKET_SESSION] = s->session_weight };
	double age = 1, total = 0;
	if (++x->stamp == 0) {
		memset(x->table, 0, sizeof(x->table));
		x->stamp = 1;
	}
	x->n = 0;
	x->n_seeds = u->n_recent < SEEDS_MAX ? u->n_recent : SEEDS_MAX;
	for (uint32_t i = 0; i < x->n_seeds; i++) {
		x->seeds[i] = u->recent[u->n_recent - 1 - i].item;
		lookup(x, x->seeds[i], true)->excluded = true;
	}
	for (uint32_t i = 0; i < x->n_seeds; i++, age *= s->seed_decay) {
		double w = age * u->recent[u->n_recent - 1 - i].weight;
		total += w;
		const struct itemsets_model *m = model_block(ctx->model, P_ITEMSETS, item_key(x->seeds[i]));
		for (int b = 0; m && b < BASKETS; b++) {
			float part = (float)(w * basket_weight[b]) * nearness(x, m->n[b]);
			for (uint32_t j = 0; j < m->n_others[b]; j++) {
				struct candidate *c = lookup(x, m->others[b][j].item, true);
				if (!c)
					break;
				float gain = part * (float)m->others[b][j].count;
				c->sum[b] += gain;
				if (gain > c->most[b]) {
					c->most[b] = gain;
					c->seed[b] = (uint8_t)i;
					c->count[b] = m->others[b][j].count;
				}
			}
		}
	}
	for (uint32_t i = 0; i < u->n_bought; i++) {
		struct candidate *c = lookup(x, u->bought[i], false);
		if (c)
			c->excluded = true;
	}
	return total;
}

static bool better(const struct view_ctx *ctx, const struct pick *a, const struct pick *b)
{
	if (a->score != b->score)
		return a->score > b->score;
	return symbols_hash(ctx->symbols, a->item) < symbols_hash(ctx->symbols, b->item);
}

static void sink(const struct view_ctx *ctx, struct pick *heap, uint32_t n, uint32_t i) /* the worst is at 0 */
{
	struct pick e = heap[i];
	for (;;) {
		uint32_t child = 2 * i + 1;
		if (child >= n)
			break;
		if (child + 1 < n && better(ctx, &heap[child], &heap[child + 1]))
			child++;
		if (!better(ctx, &e, &heap[child]))
			break;
		heap[i] = heap[child];
		i = child;
	}
	heap[i] = e;
}

static void offer(const struct view_ctx *ctx, struct pick *heap, uint32_t *n, uint32_t most, const struct pick *p)
{
	if (*n < most) {
		uint32_t i = (*n)++;
		for (; i > 0 && better(ctx, &heap[(i - 1) / 2], p); i = (i - 1) / 2)
			heap[i] = heap[(i - 1) / 2];
		heap[i] = *p;
	} else if (better(ctx, p, &heap[0])) {
		heap[0] = *p;
		sink(ctx, heap, most, 0);
	}
}

static void sort(const struct view_ctx *ctx, struct pick *picks, uint32_t n) /* a heap in, best first out */
{
	for (uint32_t i = 0; i < n / 2; i++) { /* the worst of a heap are at its front */
		struct pick p = picks[i];
		picks[i] = picks[n - 1 - i];
		picks[n - 1 - i] = p;
	}
	for (uint32_t i = 1; i < n; i++) {
		struct pick p = picks[i];
		uint32_t j = i;
		for (; j > 0 && better(ctx, &p, &picks[j - 1]); j--)
			picks[j] = picks[j - 1];
		picks[j] = p;
	}
}

/* The best of the candidates before the mild factors, in heap order. */
static uint32_t choose(struct recommend_scratch *x, const struct view_ctx *ctx, double scale, uint32_t most)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < x->n; i++) {
		const struct candidate *c = &x->candidates[i];
		if (c->excluded)
			continue;
		float bound = 0; /* n_b is at least the pair count */
		for (int b = 0; b < BASKETS; b++)
			if (c->sum[b] > 0)
				bound += c->sum[b] * nearness(x, c->count[b]);
		if (bound <= 0 || (n == most && bound * scale * (1 + 1e-6) < x->picks[0].score))
			continue;
		if (!model_catalogue(ctx->model, c->item)->available)
			continue;
		const struct itemsets_model *m = model_block(ctx->model, P_ITEMSETS, item_key(c->item));
		double part[BASKETS] = { 0 };
		for (int b = 0; b < BASKETS; b++)
			if (c->sum[b] > 0) {
				uint32_t n_b = m && m->n[b] > c->count[b] ? m->n[b] : c->count[b];
				part[b] = (double)c->sum[b] * nearness(x, n_b);
			}
		struct pick p = { (part[BASKET_ORDER] + part[BASKET_SESSION]) * scale, c->item, (uint16_t)i,
			part[BASKET_ORDER] >= part[BASKET_SESSION] ? WHY_ORDER : WHY_SESSION, 0 };
		offer(ctx, x->picks, &n, most, &p);
	}
	return n;
}

static double factor(const struct view_ctx *ctx, symbol_t item, const struct bias_model *all)
{
	double f = 1;
	const struct bias_model *b = all && all->n > 0 ? model_block(ctx->model, P_BIAS, item_key(item)) : NULL;
	if (b) {
		double stars = bias_of(b, bias_mu(all, 0));
		f += .1 * (stars < -1 ? -1 : stars > 1 ? 1
						       : stars);
	}
	const struct sentiment_model *m = model_block(ctx->model, P_SENTIMENT, item_key(item));
	if (m) {
		double n = (double)m->n[SENTIMENT_NEGATIVE] + m->n[SENTIMENT_NEUTRAL] + m->n[SENTIMENT_POSITIVE];
		f *= 1 + .1 * m->mean * n / (n + 5);
	}
	return f;
}

/* ---- what fills a list ---- */

static bool is_in(const struct pick *picks, uint32_t n, symbol_t item)
{
	for (uint32_t i = 0; i < n; i++)
		if (picks[i].item == item)
			return true;
	return false;
}

static bool was_bought(const struct recommend_user *u, symbol_t item)
{
	for (uint32_t i = 0; u && i < u->n_bought; i++)
		if (u->bought[i] == item)
			return true;
	return false;
}

/* Takes from both lists in turn, up to `most` picks. Scores go down from `below` in equal steps. u may be NULL. */
static uint32_t fill(struct recommend_scratch *x, const struct view_ctx *ctx, const struct recommend_user *u, const struct top *trending,
	const struct top *popular, uint32_t n, uint32_t most, double below)
{
	uint32_t missing = most - n, filled = 0;
	for (uint32_t i = 0; filled < missing && (i < trending->n || i < popular->n); i++)
		for (int kind = WHY_TRENDING; kind <= WHY_POPULAR && filled < missing; kind++) {
			const struct top *t = kind == WHY_TRENDING ? trending : popular;
			if (i >= t->n)
				continue;
			symbol_t item = t->at[i].item;
			if (is_in(x->picks, n + filled, item) || was_bought(u, item) || !model_catalogue(ctx->model, item)->available ||
				!model_block(ctx->model, P_RECOMMEND, item_key(item)))
				continue;
			bool seed = false;
			for (uint32_t j = 0; u && j < x->n_seeds; j++)
				seed |= x->seeds[j] == item;
			if (seed)
				continue;
			double score = below * (double)(missing - filled) / (double)(missing + 1);
			x->picks[n + filled++] = (struct pick){ score, item, 0, (uint8_t)kind, t->at[i].value };
		}
	return n + filled;
}

/* ---- JSON ---- */

static void put(struct buf *to, const char *s, size_t n)
{
	buf_bytes(to, s, n);
}
#define PUT(to, literal) put((to), (literal), sizeof(literal) - 1)

/* A number as decimals, to at least five significant digits: a list has eighty of them. The caller wrote the name and its colon. */
static void put_number(struct buf *to, double v)
{
	if (!(v >= 1e-6 && v < 1e5)) {
		json_double(to, v);
		return;
	}
	int places = v < 1e-3 ? 11 : v < 1 ? 8 : 6;
	uint64_t n = (uint64_t)(v * (v < 1e-3 ? 1e11 : v < 1 ? 1e8 : 1e6) + .5);
	char back[24];
	int size = 0;
	for (; places && n % 10 == 0; places--)
		n /= 10;
	for (; places; places--, n /= 10)
		back[size++] = (char)('0' + n % 10);
	if (size)
		back[size++] = '.';
	do
		back[size++] = (char)('0' + n % 10);
	while (n /= 10);
	char *p = (char *)buf_room(to, sizeof(back));
	for (int i = 0; i < size; i++)
		p[i] = back[size - 1 - i];
	to->size += (size_t)size;
}

static void head(struct buf *to, const struct view_ctx *ctx, uint64_t who, bool fallback)
{
	static const char hex[] = "0123456789abcdef";
	uint64_t id = (who ^ (ctx->commit * UINT64_C(0x9e3779b97f4a7c15))) * UINT64_C(0xbf58476d1ce4e5b9);
	id ^= id >> 29;
	char text[16];
	for (int i = 0; i < 16; i++)
		text[i] = hex[id >> (60 - 4 * i) & 15];
	buf_clear(to);
	json_view_open(to, ctx->as_of, ctx->commit);
	PUT(to, ",\"rec_id\":\"");
	put(to, text, sizeof(text));
	PUT(to, "\",\"segment\":null,\"variant\":null,\"fallback\":");
	json_bool(to, fallback);
	PUT(to, ",\"items\":[");
}

static void write_pick(struct buf *to, const struct recommend_scratch *x, const struct view_ctx *ctx, const struct pick *p, const struct itemsets_model *all)
{
	PUT(to, "{\"item\":");
	json_text(to, symbols_text(ctx->symbols, p->item));
	PUT(to, ",\"score\":");
	put_number(to, p->score);
	if (p->why >= WHY_TRENDING) {
		if (p->why == WHY_TRENDING)
			PUT(to, ",\"why\":{\"kind\":\"trending\",\"seed\":null,\"trend\":");
		else
			PUT(to, ",\"why\":{\"kind\":\"popular\",\"seed\":null,\"actions\":");
		put_number(to, p->value);
		PUT(to, "}}");
		return;
	}
	int b = p->why == WHY_ORDER ? BASKET_ORDER : BASKET_SESSION;
	const struct candidate *c = &x->candidates[p->candidate];
	symbol_t seed = x->seeds[c->seed[b]];
	const struct itemsets_model *of_seed = model_block(ctx->model, P_ITEMSETS, item_key(seed));
	const struct itemsets_model *of_item = model_block(ctx->model, P_ITEMSETS, item_key(p->item));
	double n_seed = of_seed->n[b], n_item = of_item ? of_item->n[b] : 0, baskets = all ? all->n[b] : 0;
	if (b == BASKET_ORDER)
		PUT(to, ",\"why\":{\"kind\":\"bought_together\",\"seed\":");
	else
		PUT(to, ",\"why\":{\"kind\":\"viewed_together\",\"seed\":");
	json_text(to, symbols_text(ctx->symbols, seed));
	PUT(to, ",\"count\":");
	json_i64(to, c->count[b]);
	PUT(to, ",\"support\":");
	put_number(to, measure_support(c->count[b], baskets));
	PUT(to, ",\"confidence\":");
	put_number(to, measure_confidence(c->count[b], n_seed));
	PUT(to, ",\"lift\":");
	put_number(to, baskets > 0 ? measure_lift(c->count[b], n_seed, n_item, baskets) : NAN);
	PUT(to, "}}");
}

static void publish(struct recommend_scratch *x, const struct view_ctx *ctx, const char *name, struct text id, uint32_t n)
{
	const struct itemsets_model *all = model_block(ctx->model, P_ITEMSETS, (struct key){ KEY_ALL, 0 });
	for (uint32_t i = 0; i < n; i++) {
		if (i)
			buf_u8(ctx->scratch, ',');
		write_pick(ctx->scratch, x, ctx, &x->picks[i], all);
	}
	PUT(ctx->scratch, "]}");
	view_set_json(ctx, name, id, (struct text){ (const char *)ctx->scratch->data, (uint32_t)ctx->scratch->size });
}

void candidates_view(const struct recommend_settings *s, const struct view_ctx *ctx, const struct recommend_user *u)
{
	struct recommend_scratch *x = s->scratch;
	uint32_t size = (uint32_t)s->list_size;
	struct toplists *t = &x->toplists;
	if (t->made_at == INT64_MIN || ctx->as_of < t->made_at || ctx->as_of - t->made_at >= s->refresh_ms)
		toplists_make(t, s, ctx);

	double total = gather(x, s, ctx, u), gate = (double)u->actions / ((double)u->actions + 5);
	uint32_t n = total > 0 ? choose(x, ctx, gate / total, size + (size + 1) / 2) : 0;
	const struct bias_model *all = model_block(ctx->model, P_BIAS, (struct key){ KEY_ALL, 0 });
	for (uint32_t i = 0; i < n; i++)
		x->picks[i].score *= factor(ctx, x->picks[i].item, all);
	sort(ctx, x->picks, n);
	if (n > size)
		n = size;
	uint32_t own = n;
	double below = n ? x->picks[n - 1].score : 1;
	if (n < size) {
		symbol_t categories[TOP_CATEGORIES];
		size_t known = recommend_top_categories(s, ctx->model, u, categories, TOP_CATEGORIES);
		for (size_t i = 0; i < known && n < size; i++) {
			const struct category_lists *c = toplists_category(t, categories[i]);
			uint32_t share = n + (size - n + 1) / 2; /* half of what is missing, and so on */
			if (c)
				n = fill(x, ctx, u, &c->trending, &c->popular, n, share, below);
			below = n ? x->picks[n - 1].score : below;
		}
		n = fill(x, ctx, u, &t->trending, &t->popular, n, size, below);
	}
	head(ctx->scratch, ctx, ctx->user_hash, own == 0);
	publish(x, ctx, "recs:", ctx->user, n);
}

void candidates_default(const struct recommend_settings *s, const struct view_ctx *ctx, const struct top *popular, const struct top *trending, symbol_t category)
{
	struct recommend_scratch *x = s->scratch;
	uint32_t n = fill(x, ctx, NULL, trending, popular, 0, (uint32_t)s->list_size, 1);
	head(ctx->scratch, ctx, symbols_hash(ctx->symbols, category), true);
	publish(x, ctx, category ? "recs:_default:" : "recs:_default", category ? symbols_text(ctx->symbols, category) : TEXT(""), n);
}
