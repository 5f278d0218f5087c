/* Campaigns: figures by hand, attribution, refunds and discounts to the minor unit, today, minutes, uniques, bounds. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "processors/campaign.h"
#include "processors/json.h"
#include "shop.h"

enum { MIN = 60000,
	HOUR = 3600000 };
#define DAY ((int64_t)86400000)
#define T0 ((int64_t)1700006400000) /* a midnight UTC */

static int serial;

static void click(struct shop *s, int64_t ts, const char *user, enum click_action action, const char *campaign)
{
	char id[32];
	snprintf(id, sizeof(id), "c%d", serial++);
	struct event e = shop_click(id, ts, user, action, "tea", NULL, campaign);
	assert_int_equal(shop_event(s, &e), APPLIED);
}

struct sale {
	const char *order, *campaign, *currency;
	int64_t discount;
	enum purchase_kind kind;
};

static void sell_lines(struct shop *s, int64_t ts, const char *user, struct sale sale, const struct order_line *lines, uint32_t n)
{
	char id[32];
	snprintf(id, sizeof(id), "p%d", serial++);
	struct event e = shop_order(id, ts, user, sale.order, lines, n);
	e.purchase.campaign_id = text_of(sale.campaign);
	e.purchase.currency = text_of(sale.currency ? sale.currency : "EUR");
	e.purchase.discount_minor = sale.discount;
	e.purchase.kind = sale.kind;
	assert_int_equal(shop_event(s, &e), APPLIED);
}

static void sell(struct shop *s, int64_t ts, const char *user, struct sale sale, int64_t quantity, int64_t price)
{
	struct order_line line = { TEXT("tea"), quantity, price };
	sell_lines(s, ts, user, sale, &line, 1);
}

/* The members of a campaign's dump line; compares the whole. */
static void dump_is(struct shop *s, const char *campaign, const char *expected)
{
	struct buf fields = { 0 };
	symbol_t id = symbols_find(s->engine->symbols, text_of(campaign));
	struct dump_ctx ctx = { .symbols = s->engine->symbols, .key = { KEY_CAMPAIGN, id }, .fields = &fields };
	const void *block = shop_item_block(s, KEY_CAMPAIGN, campaign, P_CAMPAIGN);
	if (block)
		campaign_processor.item_dump(s->settings[P_CAMPAIGN], &ctx, block);
	buf_u8(&fields, 0);
	assert_string_equal((const char *)fields.data, expected);
	buf_done(&fields);
}

static const char *view_of(struct shop *s, const char *campaign)
{
	shop_item_view(s, KEY_CAMPAIGN, campaign);
	return shop_commands(s);
}

static void has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no '%s' in\n%s", part, text);
}

static void has_not(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("'%s' in\n%s", part, text);
}

static void direct_and_attributed_figures_are_counted_apart(void **state)
{
	(void)state;
	struct shop *s = shop_create(2, NULL);
	for (int i = 0; i < 8; i++)
		click(s, T0 + i, i % 2 ? "ann" : "ben", ACTION_IMPRESSION, "spring");
	click(s, T0 + 10, "ann", ACTION_CLICK, "spring");
	click(s, T0 + 11, "ann", ACTION_ADD_TO_CART, "spring");
	click(s, T0 + 12, "ben", ACTION_CLICK, "spring");
	click(s, T0 + 13, "ben", ACTION_WISHLIST, "spring"); /* names it, is none of its figures */
	click(s, T0 + 14, "cid", ACTION_CLICK, NULL);
	sell(s, T0 + 20, "ann", (struct sale){ .order = "o1", .campaign = "mail" }, 2, 1500);  /* names another: attributed to spring */
	sell(s, T0 + 21, "cid", (struct sale){ .order = "o2", .campaign = "spring" }, 1, 999); /* names it without a touch */
	shop_flush(s);
	dump_is(s, "spring", ",\"impressions\":8,\"clicks\":2,\"carts\":1,\"orders\":1,\"revenue\":{\"EUR\":999},\"attributed_orders\":1,"
			     "\"attributed_revenue\":{\"EUR\":3000},\"uniques\":2");
	dump_is(s, "mail", ",\"impressions\":0,\"clicks\":0,\"carts\":0,\"orders\":1,\"revenue\":{\"EUR\":3000},\"attributed_orders\":0,"
			   "\"attributed_revenue\":{\"EUR\":0},\"uniques\":0");
	shop_check_rows(s);
	shop_destroy(s);
}

static void the_last_click_or_view_within_the_window_gets_the_order(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, NULL);
	int64_t t = T0;
	click(s, t, "ann", ACTION_CLICK, "a");
	click(s, t + 5, "ann", ACTION_VIEW, "b");
	click(s, t + 6, "ann", ACTION_IMPRESSION, "c");                                /* no touch */
	sell(s, t + 5, "ann", (struct sale){ .order = "o1" }, 1, 1);                   /* b, at the same instant */
	sell(s, t + 4, "ann", (struct sale){ .order = "o2" }, 1, 10);                  /* a: b came after it */
	sell(s, t - 1, "ann", (struct sale){ .order = "o3" }, 1, 100);                 /* none: before every touch */
	sell(s, t + 5 + 7 * DAY, "ann", (struct sale){ .order = "o4" }, 1, 1000);      /* b, to the millisecond */
	sell(s, t + 5 + 7 * DAY + 1, "ann", (struct sale){ .order = "o5" }, 1, 10000); /* too late; a, older, is too late as well */
	sell(s, t + 5 + 7 * DAY + 2, "ben", (struct sale){ .order = "o6" }, 1, 5);     /* another shopper */
	shop_flush(s);
	const char *none = ",\"impressions\":0,\"clicks\":0,\"carts\":0,\"orders\":0,\"revenue\":{\"EUR\":0},\"attributed_orders\":2,\"attributed_revenue\":"
			   "{\"EUR\":1001},\"uniques\":1";
	dump_is(s, "b", none);
	dump_is(s, "a", ",\"impressions\":0,\"clicks\":1,\"carts\":0,\"orders\":0,\"revenue\":{\"EUR\":0},\"attributed_orders\":1,\"attributed_revenue\":"
			"{\"EUR\":10},\"uniques\":1");
	shop_destroy(s);
}

static void touches_that_arrive_out_of_order_are_put_in_order(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, NULL);
	click(s, T0 + 100, "ann", ACTION_CLICK, "late");
	click(s, T0 + 50, "ann", ACTION_CLICK, "early");
	sell(s, T0 + 200, "ann", (struct sale){ .order = "o1" }, 1, 7);
	sell(s, T0 + 60, "ann", (struct sale){ .order = "o2" }, 1, 8);
	shop_flush(s);
	dump_is(s, "late", ",\"impressions\":0,\"clicks\":1,\"carts\":0,\"orders\":0,\"revenue\":{\"EUR\":0},\"attributed_orders\":1,\"attributed_revenue\":"
			   "{\"EUR\":7},\"uniques\":1");
	dump_is(s, "early", ",\"impressions\":0,\"clicks\":1,\"carts\":0,\"orders\":0,\"revenue\":{\"EUR\":0},\"attributed_orders\":1,\"attributed_revenue\":"
			    "{\"EUR\":8},\"uniques\":1");
	shop_destroy(s);
}

static const char *revenue_is(int64_t revenue, int64_t attributed, int orders)
{
	static char text[300];
	snprintf(text, sizeof(text),
		",\"impressions\":0,\"clicks\":1,\"carts\":0,\"orders\":%d,\"revenue\":{\"EUR\":%lld},\"attributed_orders\":%d,\"attributed_revenue\":{\"EUR\":%lld},"
		"\"uniques\":1",
		orders, (long long)revenue, orders, (long long)attributed);
	return text;
}

/* gross 1000, discount 101: net 899. Returning 333 takes 333 - floor(101 x 333 / 1000) = 333 - 33 = 300; then 333 more takes
 * 333 - (floor(101 x 666 / 1000) - 33) = 333 - (67 - 33) = 299; the rest, 334, takes 334 - (101 - 67) = 300: 0 is left. */
static void refunds_give_the_discount_back_in_proportion_and_end_at_zero(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, NULL);
	click(s, T0, "ann", ACTION_CLICK, "x");
	sell(s, T0 + 1, "ann", (struct sale){ .order = "o1", .campaign = "x", .discount = 101 }, 10, 100);
	shop_flush(s);
	dump_is(s, "x", revenue_is(899, 899, 1));
	struct sale refund = { .order = "o1", .kind = PURCHASE_REFUND };
	sell(s, T0 + 2, "ann", refund, 1, 333);
	shop_flush(s);
	dump_is(s, "x", revenue_is(599, 599, 1));
	sell(s, T0 + 3, "ann", refund, 1, 333);
	shop_flush(s);
	dump_is(s, "x", revenue_is(300, 300, 1));
	sell(s, T0 + 4, "ann", refund, 7, 100); /* more than is left */
	shop_flush(s);
	dump_is(s, "x", revenue_is(0, 0, 1));
	sell(s, T0 + 5, "ann", refund, 1, 100);  /* nothing is left */
	sell(s, T0 + 6, "ann", refund, 1, -100); /* no refund at all */
	shop_flush(s);
	dump_is(s, "x", revenue_is(0, 0, 1));
	shop_check_rows(s);
	shop_destroy(s);
}

static void a_refund_is_booked_where_its_order_was_whoever_it_names_and_whatever_was_clicked_since(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, NULL);
	click(s, T0, "ann", ACTION_CLICK, "x");
	sell(s, T0 + 1, "ann", (struct sale){ .order = "o1", .campaign = "x" }, 1, 500);
	click(s, T0 + 2, "ann", ACTION_CLICK, "y");
	sell(s, T0 + 3, "ann", (struct sale){ .order = "o1", .campaign = "y", .kind = PURCHASE_REFUND }, 1, 200);
	shop_flush(s);
	dump_is(s, "x", revenue_is(300, 300, 1));
	dump_is(s, "y", ",\"impressions\":0,\"clicks\":1,\"carts\":0,\"orders\":0,\"revenue\":{},\"attributed_orders\":0,\"attributed_revenue\":{},\"uniques\":1");
	shop_destroy(s);
}

static void a_refund_without_its_order_goes_to_the_campaign_it_names_or_is_counted(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, NULL);
	click(s, T0, "ann", ACTION_CLICK, "x");
	sell(s, T0 + 1, "ann", (struct sale){ .order = "o7", .campaign = "x", .kind = PURCHASE_REFUND, .discount = 50 }, 1, 200);
	sell(s, T0 + 2, "ann", (struct sale){ .order = "o8", .kind = PURCHASE_REFUND }, 1, 200);
	sell(s, T0 + 3, "ann", (struct sale){ .order = "o9", .campaign = "x" }, 1, 40);
	sell(s, T0 + 4, "ann", (struct sale){ .order = "o9", .currency = "GBP", .kind = PURCHASE_REFUND }, 1, 40);
	shop_flush(s);
	dump_is(s, "x", revenue_is(-110, 40, 1));
	assert_int_equal(s->engine->drops[P_CAMPAIGN][2], 1); /* refund_without_order */
	assert_int_equal(s->engine->drops[P_CAMPAIGN][3], 1); /* refund_other_currency */
	shop_destroy(s);
}

static void odd_amounts_do_no_harm(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, NULL);
	click(s, T0, "ann", ACTION_CLICK, "x");
	struct order_line lines[3] = { { TEXT("a"), 2, 300 }, { TEXT("b"), 1, -100 }, { TEXT("c"), 5, 0 } };
	sell_lines(s, T0 + 1, "ann", (struct sale){ .order = "o1", .campaign = "x", .discount = 9999 }, lines, 3); /* discount cut to 500 */
	sell_lines(s, T0 + 2, "ann", (struct sale){ .order = "o2", .campaign = "x" }, NULL, 0);
	sell_lines(s, T0 + 3, "ann", (struct sale){ .order = "o3", .campaign = "x", .discount = 70 }, &lines[1], 1); /* -100: a correction */
	shop_flush(s);
	dump_is(s, "x", revenue_is(-100, -100, 3));
	struct order_line huge[2] = { { TEXT("a"), INT64_MAX, INT64_MAX }, { TEXT("b"), INT64_MIN, INT64_MAX } };
	sell_lines(s, T0 + 4, "ann", (struct sale){ .order = "o4", .campaign = "x", .discount = INT64_MAX }, huge, 1);
	sell_lines(s, T0 + 5, "ann", (struct sale){ .order = "o5", .campaign = "x" }, &huge[1], 1);
	sell_lines(s, T0 + 6, "ann", (struct sale){ .order = "o4", .kind = PURCHASE_REFUND }, huge, 1);
	shop_flush(s);
	dump_is(s, "x", revenue_is(-100 - CAMPAIGN_AMOUNT_MAX, -100 - CAMPAIGN_AMOUNT_MAX, 5));
	assert_int_equal(s->engine->drops[P_CAMPAIGN][4], 3); /* amounts_cut */
	shop_check_rows(s);
	shop_destroy(s);
}

static void currencies_are_kept_apart_and_bounded(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, (const char *const[]){ "campaign.max_currencies=2", NULL });
	sell(s, T0, "ann", (struct sale){ .order = "1", .campaign = "x", .currency = "USD" }, 3, 100);
	sell(s, T0, "ann", (struct sale){ .order = "2", .campaign = "x", .currency = "EUR" }, 1, 50);
	sell(s, T0, "ann", (struct sale){ .order = "3", .campaign = "x", .currency = "EUR" }, 1, 25);
	shop_flush(s); /* first come, first kept: within one interval the order is the combiner's */
	sell(s, T0, "ann", (struct sale){ .order = "4", .campaign = "x", .currency = "GBP" }, 1, 1);
	shop_flush(s);
	dump_is(s, "x", ",\"impressions\":0,\"clicks\":0,\"carts\":0,\"orders\":3,\"revenue\":{\"EUR\":75,\"USD\":300},\"attributed_orders\":0,"
			"\"attributed_revenue\":{\"EUR\":0,\"USD\":0},\"uniques\":0");
	assert_int_equal(s->engine->drops[P_CAMPAIGN][5], 2); /* its order and its revenue */
	const char *v = view_of(s, "x");
	has(v, " revenue:EUR 75 ");
	has(v, " revenue:USD 300 ");
	has(v, " aov:EUR 38 "); /* 37.5 rounded away from 0 */
	has(v, " aov:USD 300 ");
	shop_destroy(s);
}

static void the_hash_shows_rates_where_they_have_a_value(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, NULL);
	for (int i = 0; i < 3; i++)
		click(s, T0 + i, "ann", ACTION_IMPRESSION, "x");
	shop_end(s);
	const char *v = view_of(s, "x");
	has(v, " impressions 3 ");
	has(v, " ctr 0 ");
	has(v, "HDEL glint:campaign:x cvr"); /* no click yet */
	click(s, T0 + 4, "ann", ACTION_CLICK, "x");
	click(s, T0 + 4, "ben", ACTION_CLICK, "x");
	sell(s, T0 + 5, "ann", (struct sale){ .order = "1" }, 1, 100);
	shop_end(s);
	v = view_of(s, "x");
	has(v, " ctr 0.666667 ");
	has(v, " cvr 0.5 ");
	has(v, " uniques 2 ");
	has(v, " attributed_orders 1 ");
	has(v, "ZADD glint:campaigns 1700006400005 x\n");
	shop_destroy(s);
}

static void today_begins_anew_at_midnight_of_the_watermark(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, NULL);
	click(s, T0 + 1, "ann", ACTION_CLICK, "x");
	sell(s, T0 + 2, "ann", (struct sale){ .order = "1", .campaign = "x" }, 1, 100);
	shop_time(s, T0 + HOUR);
	const char *v = view_of(s, "x");
	has(v, " today_clicks 1 ");
	has(v, " today_revenue:EUR 100 ");
	has(v, " today_uniques 1 ");
	has(v, " today_aov:EUR 100 ");
	click(s, T0 + DAY + 5, "ben", ACTION_CLICK, "x"); /* tomorrow's: waits for the watermark, is in the total at once */
	shop_flush(s);
	v = view_of(s, "x");
	has(v, " clicks 2 ");
	has(v, " today_clicks 1 ");
	has(v, " uniques 2 ");
	has(v, " today_uniques 1 ");
	shop_time(s, T0 + DAY);
	v = view_of(s, "x");
	has(v, " today_clicks 1 ");
	has(v, " today_revenue:EUR 0 ");
	has(v, " today_uniques 1 ");
	has(v, " revenue:EUR 100 ");
	has(v, "today_aov:EUR");
	has_not(v, " today_aov:EUR 100 ");
	shop_check_rows(s);
	shop_time(s, T0 + 2 * DAY); /* a day without any event: nothing but the time moves it */
	v = view_of(s, "x");
	has(v, " today_clicks 0 ");
	has(v, " today_uniques 0 ");
	has(v, " uniques 2 ");
	shop_check_rows(s);
	shop_destroy(s);
}

static void minutes_are_written_when_they_are_complete(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, NULL);
	click(s, T0 + 10, "ann", ACTION_IMPRESSION, "x");
	click(s, T0 + 20, "ann", ACTION_CLICK, "x");
	sell(s, T0 + MIN + 5, "ann", (struct sale){ .order = "1", .campaign = "x" }, 1, 250);
	shop_time(s, T0 + MIN - 1);
	has_not(view_of(s, "x"), "XADD");
	shop_time(s, T0 + MIN);
	const char *v = view_of(s, "x");
	has(v, "XADD glint:campaign:x:minutes MAXLEN ~ 1500 1700006400000-0 impressions 1 clicks 1 carts 0 orders 0 attributed_orders 0\n");
	has_not(v, "1700006460000-0");
	shop_time(s, T0 + 10 * MIN);
	has(view_of(s, "x"), "XADD glint:campaign:x:minutes MAXLEN ~ 1500 1700006460000-0 impressions 0 clicks 0 carts 0 orders 1 attributed_orders 1 revenue:EUR 250 "
			     "attributed_revenue:EUR 250\n");
	for (int i = 2; i < 9; i++)
		click(s, T0 + i * MIN, "ann", ACTION_CLICK, "x");
	shop_flush(s);
	v = view_of(s, "x");
	int entries = 0;
	for (const char *at = v; (at = strstr(at, "XADD")); at++)
		entries++;
	assert_true(entries == 3 || entries == 9); /* the last three; all of them when the whole is asked for */
	has(v, "1700006880000-0");
	shop_destroy(s);
}

static void minutes_touches_and_orders_are_bounded_and_the_newest_stay(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, (const char *const[]){ "campaign.minutes=10", "campaign.max_touches=3", "campaign.max_orders=2", NULL });
	for (int i = 0; i < 50; i++) {
		char campaign[16], order[16];
		snprintf(campaign, sizeof(campaign), "c%d", i);
		snprintf(order, sizeof(order), "o%d", i);
		click(s, T0 + i * MIN, "ann", ACTION_CLICK, "x");
		click(s, T0 + i * MIN + 1, "ann", ACTION_CLICK, campaign);
		sell(s, T0 + i * MIN + 2, "ann", (struct sale){ .order = order, .campaign = "x" }, 1, 10);
	}
	click(s, T0, "ann", ACTION_CLICK, "old");                                                   /* older than all that is kept */
	sell(s, T0 + HOUR, "ann", (struct sale){ .order = "o47", .kind = PURCHASE_REFUND }, 1, 10); /* forgotten */
	sell(s, T0 + HOUR, "ann", (struct sale){ .order = "o48", .kind = PURCHASE_REFUND }, 1, 10);
	shop_flush(s);
	const struct campaign_item *b = shop_item_block(s, KEY_CAMPAIGN, "x", P_CAMPAIGN);
	assert_int_equal(b->minutes.rows[b->minutes.n - 1].pane - b->minutes.rows[0].pane <= 9, 1);
	assert_int_equal(s->engine->drops[P_CAMPAIGN][0], 98);
	assert_int_equal(s->engine->drops[P_CAMPAIGN][1], 48);
	assert_int_equal(s->engine->drops[P_CAMPAIGN][2], 1);
	assert_int_equal(ledger_first(&b->total, 0), 0);
	assert_int_equal(b->total.rows[1].columns[COLUMN_REVENUE], 490);
	shop_check_rows(s);
	shop_destroy(s);
}

static void uniques_are_within_the_error_of_their_estimator(void **state)
{
	(void)state;
	struct shop *s = shop_create(2, NULL);
	enum { USERS = 20000 };
	for (int i = 0; i < 2 * USERS; i++) {
		char user[16];
		snprintf(user, sizeof(user), "u%d", i % USERS);
		click(s, T0 + i, user, i % 3 ? ACTION_IMPRESSION : ACTION_VIEW, "x");
	}
	shop_flush(s);
	const char *at = strstr(view_of(s, "x"), " uniques ");
	assert_non_null(at);
	double estimate = atof(at + 9);
	assert_true(fabs(estimate / USERS - 1) < 3 * 0.01625);
	shop_check_rows(s);
	shop_destroy(s);
}

static void figures_do_not_depend_on_where_intervals_are_cut(void **state)
{
	(void)state;
	char *first = NULL;
	for (int every = 1; every <= 1000; every = every * 7 + 3) {
		struct shop *s = shop_create(3, NULL);
		uint64_t x = 99;
		int from = serial;
		for (int i = 0; i < 1000; i++) {
			x ^= x << 13, x ^= x >> 7, x ^= x << 17;
			char user[16], campaign[16], order[16];
			snprintf(user, sizeof(user), "u%d", (int)((x >> 8) % 20));
			snprintf(campaign, sizeof(campaign), "k%d", (int)((x >> 16) % 3));
			snprintf(order, sizeof(order), "o%d", (int)((x >> 24) % 200));
			int64_t ts = T0 + i * 30000 - (int64_t)(x % 20000);
			if (x % 5)
				click(s, ts, user, (enum click_action)((x >> 30) % ACTIONS), x % 3 ? campaign : NULL);
			else
				sell(s, ts, user, (struct sale){ order, x % 2 ? campaign : NULL, x % 9 ? "EUR" : "USD", (int64_t)(x >> 40) % 90, (x >> 50) % 3 == 0 }, 1 + (int)(x % 4), 99);
			if (i % every == every - 1)
				shop_flush(s);
		}
		serial = from;
		shop_end(s);
		struct buf all = { 0 };
		static const char *const names[] = { "k0", "k1", "k2" };
		for (int k = 0; k < 3; k++) {
			struct dump_ctx ctx = { .symbols = s->engine->symbols, .key = { KEY_CAMPAIGN, symbols_find(s->engine->symbols, text_of(names[k])) }, .fields = &all };
			campaign_processor.item_dump(s->settings[P_CAMPAIGN], &ctx, shop_item_block(s, KEY_CAMPAIGN, names[k], P_CAMPAIGN));
			campaign_processor.item.save(s->settings[P_CAMPAIGN], shop_item_block(s, KEY_CAMPAIGN, names[k], P_CAMPAIGN), s->engine->symbols, &all);
		}
		if (!first) {
			first = malloc(all.size + 8);
			memcpy(first, &all.size, sizeof(size_t));
			memcpy(first + 8, all.data, all.size);
		} else {
			assert_memory_equal(first, &all.size, sizeof(size_t));
			assert_memory_equal(first + 8, all.data, all.size);
		}
		buf_done(&all);
		shop_check_rows(s);
		shop_destroy(s);
	}
	free(first);
}

static void a_row_cut_short_is_refused(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, NULL);
	click(s, T0, "ann", ACTION_CLICK, "x");
	sell(s, T0 + 1, "ann", (struct sale){ .order = "1", .campaign = "x" }, 1, 100);
	shop_end(s);
	struct buf row = { 0 };
	const struct block_ops *ops[2] = { &campaign_processor.item, &campaign_processor.user };
	const void *blocks[2] = { shop_item_block(s, KEY_CAMPAIGN, "x", P_CAMPAIGN), shop_user_block(s, "ann", P_CAMPAIGN) };
	for (int i = 0; i < 2; i++) {
		buf_clear(&row);
		ops[i]->save(s->settings[P_CAMPAIGN], blocks[i], s->engine->symbols, &row);
		for (size_t cut = 0; cut < row.size; cut++) {
			void *copy = calloc(1, ops[i]->size);
			struct reader from = reader_of(row.data, cut);
			assert_true(ops[i]->load(s->settings[P_CAMPAIGN], copy, ops[i]->version, &from, s->engine->symbols, s->engine->pool) < 0);
			ops[i]->done(copy, s->engine->pool);
			free(copy);
		}
	}
	buf_done(&row);
	shop_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(direct_and_attributed_figures_are_counted_apart),
		cmocka_unit_test(the_last_click_or_view_within_the_window_gets_the_order),
		cmocka_unit_test(touches_that_arrive_out_of_order_are_put_in_order),
		cmocka_unit_test(refunds_give_the_discount_back_in_proportion_and_end_at_zero),
		cmocka_unit_test(a_refund_is_booked_where_its_order_was_whoever_it_names_and_whatever_was_clicked_since),
		cmocka_unit_test(a_refund_without_its_order_goes_to_the_campaign_it_names_or_is_counted),
		cmocka_unit_test(odd_amounts_do_no_harm),
		cmocka_unit_test(currencies_are_kept_apart_and_bounded),
		cmocka_unit_test(the_hash_shows_rates_where_they_have_a_value),
		cmocka_unit_test(today_begins_anew_at_midnight_of_the_watermark),
		cmocka_unit_test(minutes_are_written_when_they_are_complete),
		cmocka_unit_test(minutes_touches_and_orders_are_bounded_and_the_newest_stay),
		cmocka_unit_test(uniques_are_within_the_error_of_their_estimator),
		cmocka_unit_test(figures_do_not_depend_on_where_intervals_are_cut),
		cmocka_unit_test(a_row_cut_short_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
