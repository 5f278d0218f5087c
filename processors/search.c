/* The search processor; see search.h. */
#include "search.h"

#include <errno.h>
#include <math.h>
#include <utf8proc.h>

#include "json.h"
#include "view.h"

static const struct option options[] = {
	{ "window", OPTION_DURATION, OPTION_AT(search_settings, window_ms), .value = "7d", .min = "1d", .max = "90d",
		.help = "Searches of this much event time are counted." },
	{ "answer_time", OPTION_DURATION, OPTION_AT(search_settings, answer_time_ms), .value = "10min", .min = "1s", .max = "1d",
		.help = "A search is answered by an item that is opened or put into the cart within this time." },
	{ "queries", OPTION_COUNT, OPTION_AT(search_settings, queries), .value = "1000", .min = "10", .max = "20000", .zero = "none",
		.unit = "queries", .help = "Different queries that are kept; the rarest goes." },
};

enum { METRIC_SEARCHES,
	METRIC_ANSWERED,
	METRIC_SHOPPERS };
enum { DROP_QUERIES };
static const char *const drop_names[] = { "rare_queries", NULL };

static const int64_t hour_ms = 3600000;
static const double fast_h = 6, slow_h = 72, least_fast = 5, least_z = 2;
static const struct key all = { KEY_ALL, 0 };

struct text search_normal(struct text query, char *to)
{
	utf8proc_int32_t points[4 * SEARCH_BYTES];
	struct text t = { to, 0 };
	utf8proc_ssize_t size = query.size < 2 * SEARCH_BYTES ? (utf8proc_ssize_t)query.size : 2 * SEARCH_BYTES, n;
	while (size > 0 && size < (utf8proc_ssize_t)query.size && ((uint8_t)query.data[size] & 0xc0) == 0x80) /* not within a letter */
		size--;
	if (size <= 0)
		return t;
	n = utf8proc_decompose((const utf8proc_uint8_t *)query.data, size, points, 4 * SEARCH_BYTES,
		UTF8PROC_STABLE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE | UTF8PROC_COMPOSE);
	if (n <= 0 || n > 4 * SEARCH_BYTES)
		return t;
	n = utf8proc_normalize_utf32(points, n, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
	bool blank = false;
	for (utf8proc_ssize_t i = 0; i < n; i++) {
		utf8proc_uint8_t bytes[4];
		utf8proc_category_t c = utf8proc_category(points[i]);
		if (c == UTF8PROC_CATEGORY_ZS || c == UTF8PROC_CATEGORY_ZL || c == UTF8PROC_CATEGORY_ZP || c == UTF8PROC_CATEGORY_CC) {
			blank = t.size > 0;
			continue;
		}
		utf8proc_ssize_t k = utf8proc_encode_char(points[i], bytes);
		if (t.size + (uint32_t)blank + (uint32_t)k > SEARCH_BYTES)
			break;
		if (blank)
			to[t.size++] = ' ';
		blank = false;
		memcpy(to + t.size, bytes, (size_t)k);
		t.size += (uint32_t)k;
	}
	return t;
}

/* ---- user stage ---- */

static void searched(struct user_ctx *ctx, struct search_user *u, const struct event *e)
{
	char normal[SEARCH_BYTES];
	symbol_t query = symbols_intern(ctx->symbols, search_normal(e->click.query, normal));
	if (!query)
		return;
	int32_t hour = pane_of(e->ts, hour_ms);
	if (!u->asked)
		u->asked = pool_alloc(ctx->pool, SEARCH_KEPT * sizeof(*u->asked));
	struct search_asked a = { query, INT64_MIN, e->ts };
	uint32_t at = 0;
	while (at < u->n_asked && u->asked[at].query != query)
		at++;
	if (at < u->n_asked)
		a.counted = u->asked[at].counted;
	else if (u->n_asked == SEARCH_KEPT) { /* what is not known of her any more does not count her */
		at = 0;
		emit_sum(ctx->emitter, P_SEARCH, all, METRIC_SHOPPERS, u->asked[0].query, pane_of(u->asked[0].counted, hour_ms), -1);
	}
	if (at < u->n_asked)
		memmove(u->asked + at, u->asked + at + 1, (--u->n_asked - at) * sizeof(*u->asked));
	emit_sum(ctx->emitter, P_SEARCH, all, METRIC_SEARCHES, query, hour, 1);
	if (a.counted == INT64_MIN || hour > pane_of(a.counted, hour_ms)) { /* the shopper counts where she asked last, so that she leaves the window with that */
		if (a.counted != INT64_MIN)
			emit_sum(ctx->emitter, P_SEARCH, all, METRIC_SHOPPERS, query, pane_of(a.counted, hour_ms), -1);
		emit_sum(ctx->emitter, P_SEARCH, all, METRIC_SHOPPERS, query, hour, 1);
		a.counted = e->ts;
	}
	u->asked[u->n_asked++] = a;
	u->waiting = true;
}

static void event(const void *settings, struct user_ctx *ctx, void *block, const struct event *e)
{
	const struct search_settings *s = settings;
	struct search_user *u = block;
	if (!s->queries || e->kind != EVENT_CLICK)
		return;
	if (e->click.action == ACTION_SEARCH) {
		searched(ctx, u, e);
		return;
	}
	if (!u->waiting || e->click.action == ACTION_IMPRESSION || e->click.action == ACTION_REMOVE_FROM_CART || !e->click.item_id.size)
		return;
	const struct search_asked *a = &u->asked[u->n_asked - 1];
	if (e->ts < a->ts || e->ts - a->ts > s->answer_time_ms)
		return;
	emit_sum(ctx->emitter, P_SEARCH, all, METRIC_ANSWERED, a->query, pane_of(a->ts, hour_ms), 1);
	u->waiting = false;
}

/* Searches stay counted; the shopper does not. */
static void leave(const void *settings, struct user_ctx *ctx, void *block, bool erase)
{
	const struct search_settings *s = settings;
	const struct search_user *u = block;
	for (uint32_t i = 0; i < u->n_asked && erase && s->queries; i++)
		emit_sum(ctx->emitter, P_SEARCH, all, METRIC_SHOPPERS, u->asked[i].query, pane_of(u->asked[i].counted, hour_ms), -1);
}

static void user_save(const void *settings, const void *block, const struct symbols *symbols, struct buf *to)
{
	const struct search_user *u = block;
	(void)settings;
	buf_u8(to, u->waiting);
	buf_varint(to, u->n_asked);
	for (uint32_t i = 0; i < u->n_asked; i++) {
		buf_text(to, symbols_text(symbols, u->asked[i].query));
		buf_i64(to, u->asked[i].counted);
		buf_i64(to, u->asked[i].ts);
	}
}

static int user_load(const void *settings, void *block, uint16_t version, struct reader *from, struct symbols *symbols, struct pool *pool)
{
	struct search_user *u = block;
	(void)settings;
	u->waiting = reader_u8(from);
	uint64_t n = reader_varint(from);
	if (version != 1 || n > SEARCH_KEPT || (u->waiting && !n))
		return -EBADMSG;
	if (n)
		u->asked = pool_alloc(pool, SEARCH_KEPT * sizeof(*u->asked));
	for (; u->n_asked < n; u->n_asked++) {
		u->asked[u->n_asked].query = symbols_intern(symbols, reader_text(from));
		u->asked[u->n_asked].counted = reader_i64(from);
		u->asked[u->n_asked].ts = reader_i64(from);
	}
	return from->bad ? -EBADMSG : 0;
}

static void user_done(void *block, struct pool *pool)
{
	struct search_user *u = block;
	pool_free(pool, u->asked, u->asked ? SEARCH_KEPT * sizeof(*u->asked) : 0);
	*u = (struct search_user){ 0 };
}

static void user_mark(const void *block, struct symbols *symbols)
{
	const struct search_user *u = block;
	for (uint32_t i = 0; i < u->n_asked; i++)
		symbols_mark(symbols, u->asked[i].query);
}

/* ---- item stage ---- */

static int32_t first_hour(const struct search_settings *s, int64_t watermark)
{
	return watermark == INT64_MIN ? INT32_MIN : pane_of(watermark, hour_ms) - (int32_t)(s->window_ms / hour_ms) + 1;
}

/* ---- the index of queries ---- */

/* The query's slot, or the free one where it belongs. */
static uint32_t *slot_of(const struct search_item *b, symbol_t query)
{
	uint32_t mask = (1u << b->index_bits) - 1, i = query * UINT32_C(0x9e3779b1) >> (32 - b->index_bits);
	while (b->index[i] && b->queries[b->index[i] - 1].query != query)
		i = (i + 1) & mask;
	return &b->index[i];
}

static void index_free(struct search_item *b, struct pool *pool)
{
	pool_free(pool, b->index, b->index ? sizeof(*b->index) << b->index_bits : 0);
	b->index = NULL;
}

/* Anew from the queries, with twice as many slots at least. */
static void index_make(struct search_item *b, struct pool *pool)
{
	uint32_t bits = 5;
	while (1u << bits < 2 * b->capacity)
		bits++;
	if (!b->index || bits != b->index_bits) {
		index_free(b, pool);
		b->index_bits = bits;
		b->index = pool_alloc(pool, sizeof(*b->index) << bits);
	} else {
		memset(b->index, 0, sizeof(*b->index) << bits);
	}
	for (uint32_t i = 0; i < b->n; i++)
		*slot_of(b, b->queries[i].query) = i + 1;
}

static void remove_at(struct search_item *b, struct pool *pool, uint32_t at)
{
	pool_free(pool, b->queries[at].rows, b->queries[at].capacity * sizeof(*b->queries[at].rows));
	memmove(b->queries + at, b->queries + at + 1, (--b->n - at) * sizeof(*b->queries));
}

static struct search_query *query_of(const struct search_settings *s, struct search_item *b, struct item_ctx *ctx, symbol_t query)
{
	uint32_t at = b->index ? *slot_of(b, query) : 0;
	if (at)
		return &b->queries[at - 1];
	if (b->n >= (uint32_t)s->queries) { /* the rarest goes, of those the one that came first */
		uint32_t rarest = 0;
		for (uint32_t i = 1; i < b->n; i++)
			if (b->queries[i].searches < b->queries[rarest].searches)
				rarest = i;
		remove_at(b, ctx->pool, rarest);
		index_make(b, ctx->pool);
		ctx->drops[DROP_QUERIES]++;
	}
	if (b->n == b->capacity) {
		uint32_t capacity = b->capacity ? 2 * b->capacity : 16;
		b->queries = pool_resize(ctx->pool, b->queries, b->capacity * sizeof(*b->queries), capacity * sizeof(*b->queries));
		b->capacity = capacity;
		index_make(b, ctx->pool);
	}
	b->queries[b->n] = (struct search_query){ .query = query };
	*slot_of(b, query) = b->n + 1;
	return &b->queries[b->n++];
}

static struct search_row *row_of(struct search_query *q, struct pool *pool, int32_t hour)
{
	uint32_t at = q->n_rows;
	while (at && q->rows[at - 1].hour > hour)
		at--;
	if (at && q->rows[at - 1].hour == hour)
		return &q->rows[at - 1];
	if (q->n_rows == q->capacity) {
		uint32_t capacity = q->capacity ? 2 * q->capacity : 1;
		q->rows = pool_resize(pool, q->rows, q->capacity * sizeof(*q->rows), capacity * sizeof(*q->rows));
		q->capacity = capacity;
	}
	memmove(q->rows + at + 1, q->rows + at, (q->n_rows - at) * sizeof(*q->rows));
	q->n_rows++;
	q->rows[at] = (struct search_row){ .hour = hour };
	return &q->rows[at];
}

/* A shopper counts elsewhere now, or not at all. Where nothing is left of the query or the hour, there is nothing to take. */
static void take_back(struct search_item *b, const struct delta *d)
{
	uint32_t at = b->index ? *slot_of(b, d->sub) : 0;
	struct search_query *q = at ? &b->queries[at - 1] : NULL;
	for (uint32_t i = q ? q->n_rows : 0; i--;)
		if (q->rows[i].hour == d->pane) {
			uint32_t *shoppers = &q->rows[i].shoppers;
			*shoppers = *shoppers > -d->amount ? *shoppers - (uint32_t)-d->amount : 0;
			return;
		}
}

static void delta(const void *settings, struct item_ctx *ctx, void *block, const struct delta *d)
{
	const struct search_settings *s = settings;
	struct search_item *b = block;
	if (!d->sub || d->metric > METRIC_SHOPPERS || !s->queries || d->pane < first_hour(s, ctx->watermark))
		return;
	if (d->amount < 0) {
		take_back(b, d);
		return;
	}
	struct search_query *q = query_of(s, b, ctx, d->sub);
	struct search_row *row = row_of(q, ctx->pool, d->pane);
	uint32_t *figure = d->metric == METRIC_SEARCHES ? &row->searches : d->metric == METRIC_ANSWERED ? &row->answered
													: &row->shoppers;
	*figure += (uint32_t)d->amount;
	if (d->metric == METRIC_SEARCHES)
		q->searches += (uint32_t)d->amount;
	if (b->n == 1 && q->n_rows == 1)
		b->least = d->pane;
	b->least = d->pane < b->least ? d->pane : b->least;
}

static int64_t due_at(const void *settings, const void *block)
{
	const struct search_settings *s = settings;
	const struct search_item *b = block;
	return b->n ? (int64_t)b->least * hour_ms + s->window_ms : INT64_MAX;
}

static void due(const void *settings, struct item_ctx *ctx, void *block)
{
	struct search_item *b = block;
	int32_t first = first_hour(settings, ctx->watermark);
	uint32_t before = b->n;
	b->least = INT32_MAX;
	for (uint32_t i = b->n; i--;) {
		struct search_query *q = &b->queries[i];
		uint32_t n = 0;
		while (n < q->n_rows && q->rows[n].hour < first)
			q->searches -= q->rows[n++].searches;
		q->n_rows -= n;
		if (n && q->n_rows)
			memmove(q->rows, q->rows + n, q->n_rows * sizeof(*q->rows));
		if (!q->n_rows)
			remove_at(b, ctx->pool, i);
		else if (q->rows[0].hour < b->least)
			b->least = q->rows[0].hour;
	}
	if (b->n != before)
		index_make(b, ctx->pool);
}

static void item_save(const void *settings, const void *block, const struct symbols *symbols, struct buf *to)
{
	const struct search_item *b = block;
	(void)settings;
	buf_zigzag(to, b->least);
	buf_varint(to, b->n);
	for (uint32_t i = 0; i < b->n; i++) {
		const struct search_query *q = &b->queries[i];
		buf_text(to, symbols_text(symbols, q->query));
		buf_varint(to, q->n_rows);
		int64_t before = b->least;
		for (uint32_t k = 0; k < q->n_rows; k++) {
			buf_zigzag(to, q->rows[k].hour - before);
			buf_varint(to, q->rows[k].searches);
			buf_varint(to, q->rows[k].answered);
			buf_varint(to, q->rows[k].shoppers);
			before = q->rows[k].hour;
		}
	}
}

static int item_load(const void *settings, void *block, uint16_t version, struct reader *from, struct symbols *symbols, struct pool *pool)
{
	struct search_item *b = block;
	(void)settings;
	b->least = (int32_t)reader_zigzag(from);
	uint64_t n = reader_varint(from);
	if (version != 1 || from->bad || n > reader_left(from) / 2)
		return -EBADMSG;
	b->queries = pool_alloc(pool, n * sizeof(*b->queries));
	b->capacity = (uint32_t)n;
	while (b->n < n) {
		struct search_query *q = &b->queries[b->n++];
		q->query = symbols_intern(symbols, reader_text(from));
		uint64_t rows = reader_varint(from);
		if (from->bad || rows > reader_left(from) / 4)
			return -EBADMSG;
		q->rows = pool_alloc(pool, rows * sizeof(*q->rows));
		q->capacity = (uint32_t)rows;
		int64_t before = b->least;
		for (; q->n_rows < rows; q->n_rows++) {
			struct search_row *r = &q->rows[q->n_rows];
			before += reader_zigzag(from);
			r->hour = (int32_t)before;
			r->searches = (uint32_t)reader_varint(from);
			q->searches += r->searches;
			r->answered = (uint32_t)reader_varint(from);
			r->shoppers = (uint32_t)reader_varint(from);
		}
	}
	index_make(b, pool);
	return from->bad ? -EBADMSG : 0;
}

static void item_done(void *block, struct pool *pool)
{
	struct search_item *b = block;
	for (uint32_t i = 0; i < b->n; i++)
		pool_free(pool, b->queries[i].rows, b->queries[i].capacity * sizeof(*b->queries[i].rows));
	pool_free(pool, b->queries, b->capacity * sizeof(*b->queries));
	index_free(b, pool);
	*b = (struct search_item){ 0 };
}

static void item_mark(const void *block, struct symbols *symbols)
{
	const struct search_item *b = block;
	for (uint32_t i = 0; i < b->n; i++)
		symbols_mark(symbols, b->queries[i].query);
}

/* ---- view ---- */

double search_z(double fast, double slow, double fast_half_life_h, double slow_half_life_h)
{
	double tau_f = fast_half_life_h / M_LN2, tau_s = slow_half_life_h / M_LN2, f = fast / tau_f, s = slow / tau_s;
	return (f - s) / sqrt(s / tau_f + .01 / tau_f);
}

struct shown {
	const struct search_query *query;
	uint64_t searches, answered, shoppers;
	double score;
};

enum list { RISING,
	FREQUENT,
	UNANSWERED,
	LISTS };

/* Into the place that its score gives it; ties by the query's hash. */
static void offer(const struct symbols *symbols, struct shown *list, uint32_t *n, struct shown x)
{
	uint32_t at = *n;
	while (at && (list[at - 1].score < x.score || (list[at - 1].score == x.score && symbols_hash(symbols, list[at - 1].query->query) > symbols_hash(symbols, x.query->query))))
		at--;
	if (at == SEARCH_SHOWN)
		return;
	uint32_t kept = *n < SEARCH_SHOWN ? *n : SEARCH_SHOWN - 1;
	memmove(list + at + 1, list + at, (kept - at) * sizeof(*list));
	list[at] = x;
	*n = kept + 1;
}

static void item_view(const void *settings, const struct view_ctx *ctx, const void *block)
{
	static const char *const names[LISTS] = { "trending", "frequent", "unanswered" };
	const struct search_settings *s = settings;
	const struct search_item *b = block;
	struct shown lists[LISTS][SEARCH_SHOWN];
	uint32_t n[LISTS] = { 0 };
	if (ctx->key.kind != KEY_ALL || ctx->watermark == INT64_MIN || !s->queries)
		return;
	int32_t now = pane_of(ctx->watermark, hour_ms), first = first_hour(s, ctx->watermark);
	for (uint32_t i = 0; i < b->n; i++) {
		struct shown x = { .query = &b->queries[i] };
		for (uint32_t k = 0; k < x.query->n_rows; k++)
			if (x.query->rows[k].hour >= first) {
				x.searches += x.query->rows[k].searches;
				x.answered += x.query->rows[k].answered;
				x.shoppers += x.query->rows[k].shoppers;
			}
		if (!x.searches || (int64_t)x.shoppers < ctx->least_shoppers)
			continue;
		x.score = (double)x.searches;
		offer(ctx->symbols, lists[FREQUENT], &n[FREQUENT], x);
		x.score = x.searches > x.answered ? (double)(x.searches - x.answered) : 0;
		if (x.score > 0)
			offer(ctx->symbols, lists[UNANSWERED], &n[UNANSWERED], x);
		double fast = 0, slow = 0;
		for (uint32_t k = 0; k < x.query->n_rows; k++) {
			double age = now > x.query->rows[k].hour ? now - x.query->rows[k].hour : 0;
			fast += x.query->rows[k].searches * exp2(-age / fast_h);
			slow += x.query->rows[k].searches * exp2(-age / slow_h);
		}
		x.score = search_z(fast, slow, fast_h, slow_h);
		if (fast >= least_fast && x.score >= least_z)
			offer(ctx->symbols, lists[RISING], &n[RISING], x);
	}
	struct buf *to = ctx->scratch;
	buf_clear(to);
	json_view_open(to, ctx->as_of, ctx->commit);
	json_name(to, "window_ms");
	json_i64(to, s->window_ms);
	for (int l = 0; l < LISTS; l++) {
		json_name(to, names[l]);
		json_open(to, '[');
		for (uint32_t i = 0; i < n[l]; i++) {
			const struct shown *x = &lists[l][i];
			json_open(to, '{');
			json_name(to, "query");
			json_text(to, symbols_text(ctx->symbols, x->query->query));
			json_name(to, "searches");
			json_i64(to, (int64_t)x->searches);
			json_name(to, "answered");
			json_i64(to, (int64_t)x->answered);
			json_name(to, "shoppers");
			json_i64(to, (int64_t)x->shoppers);
			if (l == RISING) {
				json_name(to, "z");
				json_double(to, x->score);
			}
			json_close(to, '}');
		}
		json_close(to, ']');
	}
	json_close(to, '}');
	view_set_json(ctx, "search", TEXT(""), (struct text){ (const char *)to->data, (uint32_t)to->size });
}

const struct processor search_processor = {
	.name = "search",
	.id = P_SEARCH,
	.options = options,
	.n_options = OPTION_N(options),
	.settings_size = sizeof(struct search_settings),
	.user = { sizeof(struct search_user), 1, user_save, user_load, user_done, user_mark },
	.item = { sizeof(struct search_item), 1, item_save, item_load, item_done, item_mark },
	.event = event,
	.leave = leave,
	.delta = delta,
	.due_at = due_at,
	.due = due,
	.item_view = item_view,
	.drop_names = drop_names,
};
