/* The windows of sentiment: counts over 1 h, 1 d and 7 d against counting by hand, however the reviews come in. The lexicon is the
 * test's own: good 1.9 and bad -2.5, so by x / sqrt(x^2 + 15) the scores are .4404 and -.5423. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "processors/sentiment.h"
#include "shop.h"

enum { HOUR_PANES = 12,
	DAY_PANES = 288,
	WEEK_PANES = 2016 };
static const int64_t start = 1699999800000, minute = 60000, hour = 3600000, day = 86400000; /* start: a pane's begin */
static const int64_t pane_ms = SENTIMENT_PANE_MS;

static struct shop *shop_open(uint32_t partitions)
{
	return shop_create(partitions, (const char *[]){ shop_lexicon_option, NULL });
}

struct post {
	int64_t ts;
	int class; /* enum sentiment_class */
};
static const char *const texts[SENTIMENT_CLASSES] = { "bad", "chair", "good" };
static const int sums[SENTIMENT_CLASSES] = { -5423, 0, 4404 };

static void post(struct shop *s, int number, int64_t ts, const char *item, const char *text)
{
	char id[24], user[24];
	snprintf(id, sizeof(id), "e%d", number);
	snprintf(user, sizeof(user), "u%d", number % 97);
	struct event e = shop_review(id, ts, user, item, text, "en");
	assert_int_equal(shop_event(s, &e), APPLIED);
}

/* A field of glint:sentiment:{scope} as rendered now; NAN when it is not set. */
static double shown(struct shop *s, enum key_kind kind, const char *id, const char *field)
{
	shop_item_view(s, kind, id);
	char begin[64], name[32];
	snprintf(begin, sizeof(begin), "HSET glint:sentiment:%s%s%s ", key_kind_names[kind], id ? ":" : "", id ? id : "");
	snprintf(name, sizeof(name), " %s ", field);
	const char *line = strstr(shop_commands(s), begin);
	assert_non_null(line);
	const char *end = strchr(line, '\n'), *at = strstr(line, name);
	return at && at < end ? strtod(at + strlen(name), NULL) : NAN;
}

static void check_windows(struct shop *s, const char *item, const struct post *posts, int n, int64_t watermark)
{
	static const int panes[] = { HOUR_PANES, DAY_PANES, WEEK_PANES };
	static const char *const ends[] = { "1h", "1d", "7d" }, *const names[] = { "negative", "neutral", "positive" };
	for (int w = 0; w < 3; w++) {
		int64_t count[SENTIMENT_CLASSES] = { 0 }, sum = 0, all = 0;
		for (int i = 0; i < n; i++) {
			int64_t age = watermark / pane_ms - posts[i].ts / pane_ms;
			if (age < 0 || age >= panes[w])
				continue;
			count[posts[i].class]++;
			sum += sums[posts[i].class];
			all++;
		}
		char field[32];
		for (int c = 0; c < SENTIMENT_CLASSES; c++) {
			snprintf(field, sizeof(field), "%s_%s", names[c], ends[w]);
			double v = shown(s, KEY_ITEM, item, field);
			if (v != (double)count[c])
				fail_msg("%s is %g, expected %lld", field, v, (long long)count[c]);
		}
		snprintf(field, sizeof(field), "mean_%s", ends[w]);
		double mean = shown(s, KEY_ITEM, item, field);
		if (all)
			assert_true(fabs(mean - (double)sum / 1e4 / (double)all) < 1e-5);
		else
			assert_true(isnan(mean));
	}
}

static void a_review_counts_for_item_category_brand_campaign_and_all(void **state)
{
	(void)state;
	struct shop *s = shop_open(4);
	struct event item = { .kind = EVENT_ITEM, .item = { .item_id = TEXT("B1"), .category = TEXT("lamps"), .brand = TEXT("Lux"), .available = true } };
	shop_event(s, &item);
	struct event e = shop_review("e1", start, "ann", "B1", "good", "en");
	e.review.campaign_id = TEXT("spring");
	shop_event(s, &e);
	e = shop_review("e2", start, "ben", NULL, "bad", "en");
	e.review.brand = TEXT("Lux");
	shop_event(s, &e);
	shop_flush(s);
	shop_time(s, start + minute);
	assert_true(shown(s, KEY_ITEM, "B1", "positive_1h") == 1 && shown(s, KEY_ITEM, "B1", "negative_1h") == 0);
	assert_true(shown(s, KEY_CATEGORY, "lamps", "positive_1h") == 1);
	assert_true(shown(s, KEY_CAMPAIGN, "spring", "positive_1d") == 1);
	assert_true(shown(s, KEY_BRAND, "Lux", "positive_7d") == 1 && shown(s, KEY_BRAND, "Lux", "negative_7d") == 1);
	assert_true(shown(s, KEY_ALL, NULL, "negative_7d") == 1 && fabs(shown(s, KEY_ALL, NULL, "mean_7d") + .05095) < 1e-9);
	shop_item_view(s, KEY_ITEM, "B1");
	assert_non_null(strstr(shop_commands(s), " sentiment 0.4404 negative_share 0 "));
	assert_non_null(strstr(shop_commands(s), "EXPIRE glint:sentiment:item:B1 86400"));
	const struct sentiment_model *m = model_block(s->engine->model, P_SENTIMENT, (struct key){ KEY_ITEM, symbols_find(s->engine->symbols, TEXT("B1")) });
	assert_int_equal(m->n[SENTIMENT_POSITIVE], 1);
	assert_true(fabs(m->mean - .4404) < 1e-9);
	shop_check_rows(s);
	shop_destroy(s);
}

static void texts_that_cannot_be_scored_are_in_no_count(void **state)
{
	(void)state;
	struct shop *s = shop_open(1);
	struct event e = shop_rating("e1", start, "ann", "B1", 4000);
	shop_event(s, &e);
	e = shop_review("e2", start, "ann", "B1", " \n ", "en");
	shop_event(s, &e);
	e = shop_review("e3", start, "ann", "B1", "très bon", "fr");
	shop_event(s, &e);
	e = shop_review("e4", start, "ann", "B1", "", "en");
	e.review.title = TEXT("good");
	shop_event(s, &e);
	e = shop_click("e5", start, "ann", ACTION_VIEW, "B1", NULL, NULL);
	shop_event(s, &e);
	shop_flush(s);
	assert_null(shop_item_block(s, KEY_ITEM, "B1", P_SENTIMENT));
	assert_int_equal(s->engine->drops[P_SENTIMENT][0], 1); /* unknown_language */
	shop_destroy(s);
}

static void the_title_is_scored_with_the_text(void **state)
{
	(void)state;
	struct shop *s = shop_open(1);
	struct event e = shop_review("e1", start, "ann", "B1", "It is a chair", "en");
	e.review.title = TEXT("good");
	shop_event(s, &e);
	shop_time(s, start + minute);
	assert_true(shown(s, KEY_ITEM, "B1", "positive_1h") == 1);
	shop_destroy(s);
}

/* Sums by hand: good 1.9, and 1.5 for each star above 3; compound x / sqrt(x^2 + 15). */
static void stars_are_combined_with_the_text(void **state)
{
	static const struct {
		int32_t rating_milli;
		const char *text;
		double x;
		const char *options[3];
	} cases[] = {
		{ 1000, "good", 1.9 - 3, { shop_lexicon_option, NULL } },
		{ 5000, "good", 1.9 + 3, { shop_lexicon_option, NULL } },
		{ 3000, "good", 1.9, { shop_lexicon_option, NULL } },
		{ 0, "good", 1.9, { shop_lexicon_option, NULL } },
		{ 2500, "chair", -0.75, { shop_lexicon_option, NULL } },
		{ 1000, "good", 1.9 - 1, { shop_lexicon_option, "sentiment.stars=0.5", NULL } },
		{ 1000, "good", 1.9, { shop_lexicon_option, "sentiment.stars=0", NULL } },
		{ 1000, "good", 1.9, { shop_lexicon_option, "sentiment.rules=vader", NULL } },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct shop *s = shop_create(1, cases[i].options);
		struct event e = shop_review("e1", start, "ann", "B1", cases[i].text, "en");
		e.review.rating_milli = cases[i].rating_milli;
		assert_int_equal(shop_event(s, &e), APPLIED);
		shop_flush(s);
		shop_time(s, start + minute);
		assert_true(fabs(shown(s, KEY_ITEM, "B1", "mean_1h") - cases[i].x / sqrt(cases[i].x * cases[i].x + 15)) < 0.5e-4);
		shop_destroy(s);
	}
}

/* Each part of a text speaks of the aspects that it names, by the lexicon's 1.9 and -2.5 alone: no stars, no other part. */
static void aspects_are_counted_over_the_shop_and_for_the_item(void **state)
{
	(void)state;
	struct shop *s = shop_open(4);
	struct event e = shop_review("e1", start, "ann", "B1", "The fabric is good, but delivery was bad. A chair.", "en");
	e.review.rating_milli = 5000;
	assert_int_equal(shop_event(s, &e), APPLIED);
	e = shop_review("e2", start, "ben", "B2", "bad fabric", "en");
	assert_int_equal(shop_event(s, &e), APPLIED);
	e = shop_review("e3", start, "cid", "B1", "Red", "en");
	e.review.title = TEXT("Bad fabric!");
	assert_int_equal(shop_event(s, &e), APPLIED);
	shop_flush(s);
	shop_time(s, start + minute);
	assert_true(shown(s, KEY_ASPECT, "fabric", "positive_1h") == 1 && shown(s, KEY_ASPECT, "fabric", "negative_1h") == 2);
	assert_true(shown(s, KEY_ASPECT, "delivery", "negative_7d") == 1 && shown(s, KEY_ASPECT, "delivery", "positive_7d") == 0);
	assert_true(shown(s, KEY_ITEM, "B1", "fabric_positive_7d") == 1 && shown(s, KEY_ITEM, "B1", "fabric_negative_7d") == 1);
	assert_true(shown(s, KEY_ITEM, "B1", "delivery_negative_7d") == 1 && shown(s, KEY_ITEM, "B2", "fabric_negative_7d") == 1);
	assert_true(fabs(shown(s, KEY_ITEM, "B2", "fabric_mean_7d") + .5423) < 1e-9);
	assert_true(isnan(shown(s, KEY_ITEM, "B1", "price_negative_7d")) && isnan(shown(s, KEY_ITEM, "B2", "delivery_negative_7d")));
	shop_check_rows(s);
	shop_time(s, start + 8 * 24 * 60 * minute); /* out of the window */
	assert_true(shown(s, KEY_ITEM, "B1", "fabric_positive_7d") == 0 && shown(s, KEY_ITEM, "B1", "fabric_mean_7d") == 0);
	assert_true(shown(s, KEY_ASPECT, "fabric", "negative_7d") == 0);
	shop_destroy(s);
}

static void saved(struct shop *s, enum key_kind kind, const char *id, struct buf *to)
{
	const void *block = shop_item_block(s, kind, id, P_SENTIMENT);
	assert_non_null(block);
	buf_clear(to);
	sentiment_processor.item.save(s->settings[P_SENTIMENT], block, s->engine->symbols, to);
}

/* What was written before there were aspects: the opinions alone. */
static void rows_of_version_one_are_read(void **state)
{
	(void)state;
	struct shop *s = shop_open(1);
	const struct processor *p = &sentiment_processor;
	struct buf bytes = { 0 };
	post(s, 1, start, "B1", "bad");
	shop_flush(s);
	saved(s, KEY_ITEM, "B1", &bytes);
	void *block = pool_alloc(s->engine->pool, p->item.size);
	struct reader r = reader_of(bytes.data, bytes.size - 1); /* without the number of aspects, 0 */
	assert_int_equal(p->item.load(s->settings[P_SENTIMENT], block, 1, &r, s->engine->symbols, s->engine->pool), 0);
	struct buf again = { 0 };
	p->item.save(s->settings[P_SENTIMENT], block, s->engine->symbols, &again);
	assert_int_equal(again.size, bytes.size);
	assert_memory_equal(again.data, bytes.data, bytes.size);
	p->item.done(block, s->engine->pool);
	pool_free(s->engine->pool, block, p->item.size);
	buf_done(&again);
	buf_done(&bytes);
	shop_destroy(s);
}

static void windows_are_exact_while_reviews_leave_them(void **state)
{
	(void)state;
	struct shop *s = shop_open(2);
	struct post posts[3] = { { start, 0 }, { start + 30 * minute, 2 }, { start + 20 * hour, 1 } };
	for (int i = 0; i < 3; i++)
		post(s, i, posts[i].ts, "B1", texts[posts[i].class]);
	static const int64_t times[] = { 0, 29, 31, 59, 60, 61, 89, 90, 91, 20 * 60, 21 * 60, 24 * 60 - 1, 24 * 60, 24 * 60 + 31, 44 * 60, 7 * 1440 - 1, 7 * 1440,
		7 * 1440 + 30, 7 * 1440 + 20 * 60 - 1, 7 * 1440 + 20 * 60 };
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		shop_time(s, start + times[i] * minute);
		check_windows(s, "B1", posts, 3, start + times[i] * minute);
	}
	shop_check_rows(s);
	shop_destroy(s);
}

static void windows_are_exact_for_disorder_and_for_panes_ahead(void **state)
{
	(void)state;
	enum { N = 3000 };
	static struct post posts[N];
	uint32_t random = 7;
	struct shop *s = shop_open(3);
	int64_t watermark = start;
	for (int i = 0; i < N; i++) {
		random = random * 1664525u + 1013904223u;
		int64_t back = (random >> 8) % (23 * 3600) * 1000, base = start + (int64_t)i * 6 * minute; /* 12.5 days, up to 23 h late */
		posts[i] = (struct post){ base - back, (int)(random % 3) };
		post(s, i, posts[i].ts, "B1", texts[posts[i].class]);
		if (i % 7 == 0)
			shop_flush(s);
		if (i % 211 == 0) { /* the watermark is far behind, or level */
			if (base - (i % 2 ? 0 : 30 * hour) > watermark)
				watermark = base - (i % 2 ? 0 : 30 * hour);
			shop_time(s, watermark);
			watermark = s->items[0]->watermark;
			check_windows(s, "B1", posts, i + 1, watermark);
		}
	}
	shop_flush(s);
	for (int i = 0; i < 40; i++) {
		watermark += 5 * hour;
		shop_time(s, watermark);
		check_windows(s, "B1", posts, N, s->items[0]->watermark);
	}
	shop_check_rows(s);
	shop_destroy(s);
}

static void short_and_long_intervals_give_the_same_bytes(void **state)
{
	(void)state;
	static const int every[] = { 1, 13, 1000000 };
	struct buf first = { 0 }, now = { 0 };
	for (int v = 0; v < 3; v++) {
		struct shop *s = shop_open(4);
		for (int i = 0; i < 2000; i++) {
			post(s, i, start + (int64_t)i * 17 * minute, i % 5 ? "B1" : "B2", texts[i * 7 % 3]);
			if (i % every[v] == every[v] - 1)
				shop_flush(s);
		}
		shop_end(s);
		struct buf *to = v ? &now : &first;
		saved(s, KEY_ITEM, "B1", to);
		if (v) {
			assert_int_equal(first.size, now.size);
			assert_memory_equal(first.data, now.data, first.size);
		}
		shop_check_rows(s);
		shop_destroy(s);
	}
	buf_done(&first);
	buf_done(&now);
}

struct dumped {
	char json[512], sort_key[64];
};

static void take_line(void *to, struct text json, struct text sort_key)
{
	struct dumped *d = to;
	snprintf(d->json, sizeof(d->json), "%.*s", (int)json.size, json.data);
	snprintf(d->sort_key, sizeof(d->sort_key), "%.*s", (int)sort_key.size, sort_key.data);
}

static void the_dump_tells_exact_totals_and_windows(void **state)
{
	(void)state;
	struct shop *s = shop_open(1);
	post(s, 1, start, "B1", "good");
	post(s, 2, start + 8 * day, "B1", "bad");
	post(s, 3, start + 8 * day, "B1", "bad");
	shop_flush(s);
	shop_time(s, start + 8 * day);
	struct dumped d = { { 0 }, { 0 } };
	struct dump_ctx ctx = { .symbols = s->engine->symbols, .key = { KEY_ITEM, symbols_find(s->engine->symbols, TEXT("B1")) }, .line = take_line, .to = &d };
	sentiment_processor.item_dump(s->settings[P_SENTIMENT], &ctx, shop_item_block(s, KEY_ITEM, "B1", P_SENTIMENT));
	assert_string_equal(d.sort_key, "item:B1");
	assert_string_equal(d.json, "{\"kind\":\"sentiment\",\"scope\":\"item:B1\",\"positive\":1,\"neutral\":0,\"negative\":2,\"sum\":-6442,"
				    "\"negative_1h\":2,\"neutral_1h\":0,\"positive_1h\":0,\"sum_1h\":-10846,"
				    "\"negative_1d\":2,\"neutral_1d\":0,\"positive_1d\":0,\"sum_1d\":-10846,"
				    "\"negative_7d\":2,\"neutral_7d\":0,\"positive_7d\":0,\"sum_7d\":-10846}");
	shop_destroy(s);
}

static void panes_are_bounded_and_totals_stay_exact(void **state)
{
	(void)state;
	struct shop *s = shop_open(1);
	const struct processor *p = &sentiment_processor;
	void *block = pool_alloc(s->engine->pool, p->item.size);
	uint64_t drops[DROPS] = { 0 };
	struct item_ctx ctx = { .watermark = INT64_MIN, .symbols = s->engine->symbols, .pool = s->engine->pool, .drops = drops, .silent = true };
	for (int32_t i = 0; i < 5000; i++) {
		struct delta d = { .metric = SENTIMENT_POSITIVE, .merge = MERGE_SUM, .pane = 1000000 + (i * 1237) % 5000, .amount = 1 };
		p->delta(s->settings[P_SENTIMENT], &ctx, block, &d);
	}
	assert_int_equal(drops[1], 5000 - 4096);
	struct buf bytes = { 0 };
	p->item.save(s->settings[P_SENTIMENT], block, ctx.symbols, &bytes);
	struct reader r = reader_of(bytes.data, bytes.size);
	reader_varint(&r), reader_varint(&r);
	assert_int_equal(reader_varint(&r), 5000);
	while (p->due_at(s->settings[P_SENTIMENT], block) != INT64_MAX) { /* and all of it leaves again */
		int64_t due = p->due_at(s->settings[P_SENTIMENT], block);
		assert_true(due > ctx.watermark);
		ctx.watermark = due;
		p->due(s->settings[P_SENTIMENT], &ctx, block);
	}
	assert_int_equal(ctx.watermark, (1000000 + 4999 + WEEK_PANES) * pane_ms);
	p->item.done(block, s->engine->pool);
	pool_free(s->engine->pool, block, p->item.size);
	buf_done(&bytes);
	shop_destroy(s);
}

static void rows_cut_anywhere_are_refused(void **state)
{
	(void)state;
	struct shop *s = shop_open(1);
	for (int i = 0; i < 30; i++)
		post(s, i, start + i * hour, "B1", "good");
	shop_end(s);
	struct buf bytes = { 0 };
	saved(s, KEY_ITEM, "B1", &bytes);
	const struct processor *p = &sentiment_processor;
	for (size_t n = 0; n <= bytes.size; n++) {
		void *block = pool_alloc(s->engine->pool, p->item.size);
		struct reader r = reader_of(bytes.data, n);
		int got = p->item.load(s->settings[P_SENTIMENT], block, p->item.version, &r, s->engine->symbols, s->engine->pool);
		assert_int_equal(got, n < bytes.size ? -EBADMSG : 0);
		p->item.done(block, s->engine->pool);
		pool_free(s->engine->pool, block, p->item.size);
	}
	buf_done(&bytes);
	shop_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_review_counts_for_item_category_brand_campaign_and_all),
		cmocka_unit_test(texts_that_cannot_be_scored_are_in_no_count),
		cmocka_unit_test(the_title_is_scored_with_the_text),
		cmocka_unit_test(stars_are_combined_with_the_text),
		cmocka_unit_test(aspects_are_counted_over_the_shop_and_for_the_item),
		cmocka_unit_test(rows_of_version_one_are_read),
		cmocka_unit_test(windows_are_exact_while_reviews_leave_them),
		cmocka_unit_test(windows_are_exact_for_disorder_and_for_panes_ahead),
		cmocka_unit_test(short_and_long_intervals_give_the_same_bytes),
		cmocka_unit_test(the_dump_tells_exact_totals_and_windows),
		cmocka_unit_test(panes_are_bounded_and_totals_stay_exact),
		cmocka_unit_test(rows_cut_anywhere_are_refused),
	};
	return cmocka_run_group_tests(tests, shop_lexicon_write, shop_lexicon_remove);
}
