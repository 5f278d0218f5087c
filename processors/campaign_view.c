/* What a campaign shows: its hash, its stream of completed minutes, its place in glint:campaigns, its line of `glintctl dump`. See
 * campaign.h. Called through campaign.c's struct processor. */
#include "campaign.h"

#include <math.h>
#include <stdio.h>

#include "hll.h"
#include "json.h"
#include "view.h"

/* The rows of one pane: a slice of a ledger. */
struct slice {
	const struct ledger_row *rows;
	uint32_t n;
};

static struct slice slice_of(const struct ledger *l, int32_t pane)
{
	uint32_t first = ledger_first(l, pane), end = first;
	while (end < l->n && l->rows[end].pane == pane)
		end++;
	return (struct slice){ l->rows + first, end - first };
}

static int64_t count_of(struct slice s, int column)
{
	return s.n && !s.rows[0].currency ? s.rows[0].columns[column] : 0;
}

static int64_t orders_of(struct slice s, int column) /* over all currencies */
{
	int64_t sum = 0;
	for (uint32_t i = 0; i < s.n; i++)
		if (s.rows[i].currency)
			sum += s.rows[i].columns[column];
	return sum;
}

static const int64_t *money_of(struct slice s, symbol_t currency) /* columns; NULL: none in this slice */
{
	for (uint32_t i = 0; i < s.n; i++)
		if (s.rows[i].currency == currency)
			return s.rows[i].columns;
	return NULL;
}

static double ratio(int64_t a, int64_t b)
{
	return b > 0 ? (double)a / (double)b : NAN;
}

/* Are there as many orders (shoppers, events) as [privacy] k_of_counts asks for? Fewer are of fewer shoppers. */
static bool enough(const struct view_ctx *ctx, int64_t n)
{
	return n >= ctx->least_baskets;
}

static void field(struct view *v, const char *name, int64_t value, bool told)
{
	if (told)
		view_field_i64(v, name, value);
	else
		view_field_none(v, name);
}

static void field_of(struct view *v, const char *name, struct text of, int64_t value, bool told)
{
	if (told)
		view_field_of(v, name, of, value);
	else
		view_field_none_of(v, name, of);
}

/* The fields of all time (prefix "") or of the day ("today_"): for every currency ever seen, so that yesterday's are overwritten. */
static void fields(const struct view_ctx *ctx, const char *prefix, struct slice all, struct slice s, double uniques)
{
	struct view *v = ctx->view;
	char name[96];
#define NAME(field) (snprintf(name, sizeof(name), "%s" field, prefix), name)
	int64_t clicks = count_of(s, COLUMN_CLICKS), attributed = orders_of(s, COLUMN_ATTRIBUTED_ORDERS), orders = orders_of(s, COLUMN_ORDERS);
	bool told = enough(ctx, llround(uniques)), tell_attributed = told && enough(ctx, attributed);
	field(v, NAME("impressions"), count_of(s, COLUMN_IMPRESSIONS), told);
	field(v, NAME("clicks"), clicks, told);
	field(v, NAME("carts"), count_of(s, COLUMN_CARTS), told);
	field(v, NAME("orders"), orders, told && enough(ctx, orders));
	field(v, NAME("attributed_orders"), attributed, tell_attributed);
	view_field_double(v, NAME("ctr"), told ? ratio(clicks, count_of(s, COLUMN_IMPRESSIONS)) : NAN);
	view_field_double(v, NAME("cvr"), tell_attributed ? ratio(attributed, clicks) : NAN);
	field(v, NAME("uniques"), (int64_t)llround(uniques), told);
	for (uint32_t i = 0; i < all.n; i++) {
		if (!all.rows[i].currency)
			continue;
		static const int64_t none[LEDGER_COLUMNS];
		struct text currency = symbols_text(ctx->symbols, all.rows[i].currency);
		const int64_t *columns = money_of(s, all.rows[i].currency);
		columns = columns ? columns : none;
		int64_t n = columns[COLUMN_ORDERS];
		bool tell = told && enough(ctx, n);
		field_of(v, NAME("revenue"), currency, columns[COLUMN_REVENUE], tell);
		field_of(v, NAME("attributed_revenue"), currency, columns[COLUMN_ATTRIBUTED_REVENUE], told && enough(ctx, columns[COLUMN_ATTRIBUTED_ORDERS]));
		field_of(v, NAME("aov"), currency, n > 0 ? llround((double)columns[COLUMN_REVENUE] / (double)n) : 0, tell && n > 0);
	}
#undef NAME
}

static void minute_count(const struct view_ctx *ctx, const char *name, int64_t value, bool told)
{
	if (!told)
		return;
	view_arg(ctx->view, text_of(name));
	view_arg_i64(ctx->view, value);
}

static void minute_money(const struct view_ctx *ctx, const char *name, struct text currency, int64_t value)
{
	struct buf *b = ctx->scratch;
	buf_clear(b);
	buf_bytes(b, name, strlen(name));
	buf_u8(b, ':');
	buf_bytes(b, currency.data, currency.size);
	view_arg(ctx->view, (struct text){ (const char *)b->data, (uint32_t)b->size });
	view_arg_i64(ctx->view, value);
}

/* One entry; its id is the minute's start, so that Redis refuses it the second time. */
static void minute_entry(const struct campaign_settings *s, const struct view_ctx *ctx, int32_t minute, struct slice figures)
{
	struct buf *b = ctx->scratch;
	struct text id = symbols_text(ctx->symbols, ctx->key.id);
	buf_clear(b);
	buf_bytes(b, id.data, id.size);
	buf_bytes(b, ":minutes", 8);
	int64_t impressions = count_of(figures, COLUMN_IMPRESSIONS), clicks = count_of(figures, COLUMN_CLICKS), carts = count_of(figures, COLUMN_CARTS);
	int64_t orders = orders_of(figures, COLUMN_ORDERS), attributed = orders_of(figures, COLUMN_ATTRIBUTED_ORDERS);
	if (!enough(ctx, impressions + clicks + carts + (orders > attributed ? orders : attributed)))
		return;
	view_begin(ctx->view, "XADD");
	view_key(ctx->view, "campaign:", (struct text){ (const char *)b->data, (uint32_t)b->size });
	view_arg(ctx->view, TEXT("MAXLEN"));
	view_arg(ctx->view, TEXT("~"));
	view_arg_i64(ctx->view, s->minutes);
	char entry[32];
	int size = format_i64(entry, (int64_t)minute * MINUTE_MS);
	memcpy(entry + size, "-0", 2);
	view_arg(ctx->view, (struct text){ entry, (uint32_t)size + 2 });
	minute_count(ctx, "impressions", impressions, true);
	minute_count(ctx, "clicks", clicks, true);
	minute_count(ctx, "carts", carts, true);
	minute_count(ctx, "orders", orders, enough(ctx, orders));
	minute_count(ctx, "attributed_orders", attributed, enough(ctx, attributed));
	for (uint32_t i = 0; i < figures.n; i++) {
		const int64_t *columns = figures.rows[i].columns;
		struct text currency = symbols_text(ctx->symbols, figures.rows[i].currency);
		if (currency.size && enough(ctx, columns[COLUMN_ORDERS]))
			minute_money(ctx, "revenue", currency, columns[COLUMN_REVENUE]);
		if (currency.size && enough(ctx, columns[COLUMN_ATTRIBUTED_ORDERS]))
			minute_money(ctx, "attributed_revenue", currency, columns[COLUMN_ATTRIBUTED_REVENUE]);
	}
	view_end(ctx->view);
}

static void minutes(const struct campaign_settings *s, const struct view_ctx *ctx, const struct ledger *l)
{
	/* a minute is complete when the watermark has reached its end */
	uint32_t end = ctx->watermark == INT64_MIN ? 0 : ledger_first(l, pane_of(ctx->watermark, MINUTE_MS));
	uint32_t first = ctx->shown_watermark == INT64_MIN ? 0 : ledger_first(l, pane_of(ctx->shown_watermark, MINUTE_MS));
	while (first < end) {
		struct slice figures = slice_of(l, l->rows[first].pane);
		minute_entry(s, ctx, l->rows[first].pane, figures);
		first += figures.n;
	}
}

void campaign_item_view(const void *settings, const struct view_ctx *ctx, const void *block)
{
	const struct campaign_item *b = block;
	if (ctx->key.kind != KEY_CAMPAIGN || !b->last_ts)
		return;
	int32_t day = ctx->watermark == INT64_MIN ? INT32_MIN : pane_of(ctx->watermark, DAY_MS);
	const uint8_t *uniques = NULL;
	for (uint32_t i = 0; i < b->n_unique_days; i++)
		if (b->unique_days[i].day == day)
			uniques = b->unique_days[i].uniques;
	struct slice all = slice_of(&b->total, 0);
	fields(ctx, "", all, all, hll_estimate(b->uniques));
	fields(ctx, "today_", all, slice_of(&b->days, day), hll_estimate(uniques));
	minutes(settings, ctx, &b->minutes);
	if (!enough(ctx, llround(hll_estimate(b->uniques))))
		return;
	view_begin(ctx->view, "ZADD");
	view_key(ctx->view, "campaigns", (struct text){ 0 });
	view_arg_i64(ctx->view, b->last_ts);
	view_arg(ctx->view, symbols_text(ctx->symbols, ctx->key.id));
	view_end(ctx->view);
}

static void dump_count(const struct dump_ctx *ctx, const char *name, int64_t value)
{
	json_member(ctx->fields, name);
	json_i64(ctx->fields, value);
}

static void dump_money(const struct dump_ctx *ctx, const char *name, struct slice s, int column)
{
	json_member(ctx->fields, name);
	json_open(ctx->fields, '{');
	for (uint32_t i = 0; i < s.n; i++) {
		if (!s.rows[i].currency)
			continue;
		json_name_text(ctx->fields, symbols_text(ctx->symbols, s.rows[i].currency));
		json_i64(ctx->fields, s.rows[i].columns[column]);
	}
	json_close(ctx->fields, '}');
}

void campaign_item_dump(const void *settings, const struct dump_ctx *ctx, const void *block)
{
	const struct campaign_item *b = block;
	(void)settings;
	if (ctx->key.kind != KEY_CAMPAIGN || !b->last_ts)
		return;
	struct slice all = slice_of(&b->total, 0);
	dump_count(ctx, "impressions", count_of(all, COLUMN_IMPRESSIONS));
	dump_count(ctx, "clicks", count_of(all, COLUMN_CLICKS));
	dump_count(ctx, "carts", count_of(all, COLUMN_CARTS));
	dump_count(ctx, "orders", orders_of(all, COLUMN_ORDERS));
	dump_money(ctx, "revenue", all, COLUMN_REVENUE);
	dump_count(ctx, "attributed_orders", orders_of(all, COLUMN_ATTRIBUTED_ORDERS));
	dump_money(ctx, "attributed_revenue", all, COLUMN_ATTRIBUTED_REVENUE);
	dump_count(ctx, "uniques", (int64_t)llround(hll_estimate(b->uniques)));
}
