/* Forgetting who has written reviews: what they counted is taken back, their words are quoted no more. The lexicon is good 1.9 and bad -2.5. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "processors/sentiment.h"
#include "processors/spike_item.h"
#include "shop.h"

static const int64_t start = INT64_C(1700000000000), hour = 3600000;

static void review(struct shop *s, const char *user, const char *item, const char *text, int64_t ts)
{
	static int n;
	char id[16];
	snprintf(id, sizeof(id), "r%d", n++);
	struct event e = shop_review(id, ts, user, item, text, "en");
	if (n % 3 == 0)
		e.review.campaign_id = TEXT("spring");
	assert_int_equal(shop_event(s, &e), APPLIED);
}

static const struct {
	enum key_kind kind;
	const char *id;
} scopes[] = { { KEY_ITEM, "ring" }, { KEY_ITEM, "bow" }, { KEY_CATEGORY, "gifts" }, { KEY_BRAND, "Lux" }, { KEY_CAMPAIGN, "spring" },
	{ KEY_ASPECT, "fabric" }, { KEY_ASPECT, "delivery" }, { KEY_ALL, NULL } };
enum { SCOPES = sizeof(scopes) / sizeof(scopes[0]) };

/* Reviews of twelve days, the last ones still in windows, those of the first days in the totals alone. */
static void opinions_are_as_if_the_shopper_had_never_come(void **state)
{
	static const char *const users[] = { "a", "b", "gone" }, *const items[] = { "ring", "bow" };
	static const char *const texts[] = { "bad fabric, good delivery", "good fabric", "a chair", "bad delivery", "good", "bad" };
	struct buf saved[2][SCOPES] = { 0 }; /* the row, and what Redis shows of each window */
	(void)state;
	for (int with = 0; with < 2; with++) {
		struct shop *s = shop_create(1, (const char *const[]){ shop_lexicon_option, "sentiment.reviews_kept=100", NULL });
		const struct event known[] = {
			{ .kind = EVENT_ITEM, .item = { .item_id = TEXT("ring"), .category = TEXT("gifts"), .brand = TEXT("Lux"), .available = true } },
			{ .kind = EVENT_ITEM, .item = { .item_id = TEXT("bow"), .category = TEXT("gifts"), .available = true } },
		};
		uint32_t draw = 7;
		for (int i = 0; i < 2; i++)
			shop_event(s, &known[i]);
		for (int i = 0; i < 240; i++) { /* each of a and b has written of all there is at the beginning */
			draw = draw * 1664525 + 1013904223;
			int u = i < 24 ? i % 2 : (int)(draw >> 8) % 3;
			const char *text = texts[i < 24 ? i / 4 : (int)(draw >> 16) % 6], *item = items[i < 24 ? i / 2 % 2 : (int)(draw >> 28) % 2];
			if (u == 2 && !with)
				review(s, "nobody", NULL, "", start + i * hour * 6 / 5); /* which counts nothing: the ids and campaigns of the others stay as they are */
			else
				review(s, users[u], item, text, start + i * hour * 6 / 5);
			if (i % 16 == 0)
				shop_flush(s);
		}
		shop_time(s, start + 290 * hour);
		if (with) {
			shop_reload_block(s, "gone", P_SENTIMENT);
			shop_reload_block(s, "gone", P_SPIKE);
			shop_check_rows(s);
			shop_forget(s, "gone", start + 291 * hour);
			shop_check_rows(s);
		}
		shop_time(s, start + 292 * hour);
		for (int i = 0; i < SCOPES; i++) {
			const void *block = shop_item_block(s, scopes[i].kind, scopes[i].id, P_SENTIMENT);
			assert_non_null(block);
			sentiment_processor.item.save(s->settings[P_SENTIMENT], block, s->engine->symbols, &saved[with][i]);
			shop_item_view(s, scopes[i].kind, scopes[i].id);
			const char *shown = strstr(shop_commands(s), "HSET glint:sentiment:");
			assert_non_null(shown);
			buf_bytes(&saved[with][i], shown, (size_t)(strstr(shown, " as_of ") - shown));
		}
		shop_destroy(s);
	}
	for (int i = 0; i < SCOPES; i++) {
		assert_int_equal(saved[0][i].size, saved[1][i].size);
		assert_memory_equal(saved[0][i].data, saved[1][i].data, saved[0][i].size);
		buf_done(&saved[0][i]);
		buf_done(&saved[1][i]);
	}
}

static const struct opinion_sums *total(struct shop *s, enum key_kind kind, const char *id)
{
	const struct opinions *all = shop_item_block(s, kind, id, P_SENTIMENT); /* the block begins with them */
	assert_non_null(all);
	return &all->total;
}

static void the_newest_reviews_are_kept(void **state)
{
	(void)state;
	for (int kept = 0; kept <= 3; kept += 3) {
		char option[40];
		snprintf(option, sizeof(option), "sentiment.reviews_kept=%d", kept);
		struct shop *s = shop_create(1, (const char *const[]){ shop_lexicon_option, option, NULL });
		for (int i = 0; i < 8; i++)
			review(s, "gone", i < 6 ? "ring" : "bow", "bad fabric", start + i * hour);
		const struct kept_opinions *k = shop_user_block(s, "gone", P_SENTIMENT);
		uint32_t reviews = 0;
		for (uint32_t i = 0; i < k->n; i++)
			reviews += k->list[i].first;
		assert_int_equal(reviews, kept);
		assert_true(!kept || k->list[0].first);
		shop_flush(s);
		shop_forget(s, "gone", start + 9 * hour);
		assert_int_equal(opinions_reviews(total(s, KEY_ITEM, "ring")), kept ? 5 : 6);
		assert_int_equal(opinions_reviews(total(s, KEY_ITEM, "bow")), kept ? 0 : 2);
		assert_int_equal(opinions_reviews(total(s, KEY_ALL, NULL)), 8 - kept);
		assert_int_equal(opinions_reviews(total(s, KEY_ASPECT, "fabric")), 8 - kept);
		shop_time(s, start + 10 * hour);
		shop_item_view(s, KEY_ITEM, "bow");
		const char *commands = shop_commands(s);
		assert_int_equal(strncmp(commands, "DEL glint:sentiment:item:bow\n", 29) == 0, kept != 0);
		assert_int_equal(strstr(commands, "HSET glint:sentiment:item:bow") != NULL, kept == 0);
		shop_check_rows(s);
		shop_destroy(s);
	}
}

/* An item that was dropped with its counts and came back: of what others have said since nothing is taken. */
static void what_is_gone_already_is_not_taken_from_others(void **state)
{
	(void)state;
	struct opinions o = { 0 };
	struct pool *pool = pool_create();
	const int32_t pane = pane_of(start, SENTIMENT_PANE_MS);
	const struct opinion_pane good = { pane, { [SENTIMENT_POSITIVE] = 1 }, 4404 }, bad = { pane + 5, { [SENTIMENT_NEGATIVE] = 1 }, -5423 };
	opinions_take_back(&o, pane, SENTIMENT_NEGATIVE, -5423);
	assert_true(!o.n && !opinions_reviews(&o.total) && !o.total.sum);
	opinions_add(&o, pool, start + hour, &good);
	opinions_add(&o, pool, start + hour, &bad);
	opinions_take_back(&o, pane, SENTIMENT_NEGATIVE, -8000); /* the pane is there, and the class in another one */
	opinions_take_back(&o, pane - 5000, SENTIMENT_POSITIVE, 8000);
	assert_true(o.n == 2 && o.total.n[SENTIMENT_NEGATIVE] == 1 && o.total.n[SENTIMENT_POSITIVE] == 1 && o.total.sum == 4404 - 5423);
	assert_true(o.windows[HOUR].n[SENTIMENT_NEGATIVE] == 1 && o.windows[WEEK].sum == 4404 - 5423);
	opinions_advance(&o, start + 8 * 24 * hour); /* in the total alone by now */
	assert_int_equal(opinions_reviews(&o.windows[WEEK]), 0);
	opinions_take_back(&o, pane, SENTIMENT_POSITIVE, 4404);
	opinions_take_back(&o, pane, SENTIMENT_POSITIVE, 4404);
	assert_true(o.total.n[SENTIMENT_NEGATIVE] == 1 && o.total.n[SENTIMENT_POSITIVE] == 0 && o.total.sum == -5423);
	opinions_done(&o, pool);
	pool_destroy(pool);
}

/* Between the count and the row the catalogue, or an option, may change; a replay from before the review would then keep something else. */
static void a_review_is_in_the_row_of_its_interval(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, (const char *const[]){ shop_lexicon_option, NULL });
	struct user_ctx ctx = { .user = TEXT("u"), .symbols = s->engine->symbols, .pool = s->engine->pool, .emitter = s->engine->emitter, .model = s->engine->model };
	struct kept_opinions kept = { 0 };
	uint64_t drops[8];
	ctx.drops = drops;
	for (int i = 0; i < 2; i++) {
		struct event e = shop_review("e", start, "u", "ring", i ? "bad" : "", "en");
		ctx.row_due = false;
		sentiment_processor.event(s->settings[P_SENTIMENT], &ctx, &kept, &e);
		assert_int_equal(ctx.row_due, i);
	}
	kept_opinions_done(&kept, s->engine->pool);
	shop_destroy(s);
}

static void who_is_idle_takes_nothing_back(void **state)
{
	static const enum processor_id of[] = { P_SENTIMENT, P_SPIKE };
	(void)state;
	struct shop *s = shop_create(1, (const char *const[]){ shop_lexicon_option, NULL });
	struct user_ctx ctx = { .user = TEXT("u"), .symbols = s->engine->symbols, .pool = s->engine->pool, .emitter = s->engine->emitter, .model = s->engine->model };
	review(s, "u", "ring", "bad", start);
	shop_flush(s);
	for (int i = 0; i < 2; i++) {
		void *block = (void *)(uintptr_t)shop_user_block(s, "u", of[i]);
		processors[of[i]]->leave(s->settings[of[i]], &ctx, block, false);
		assert_true(combiner_empty(s->engine->emitter));
		processors[of[i]]->leave(s->settings[of[i]], &ctx, block, true);
		assert_false(combiner_empty(s->engine->emitter));
		combiner_discard(s->engine->emitter);
	}
	shop_destroy(s);
}

/* What a shopper's blocks hold beside the items' own state keeps its name when strings that nobody holds are swept. */
static void what_is_kept_keeps_its_name(void **state)
{
	static const enum processor_id of[] = { P_SENTIMENT, P_SPIKE };
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct shop *s = shop_create(1, (const char *const[]){ shop_lexicon_option, NULL });
		review(s, "u", "ring", "bad fabric", start);
		symbols_mark_begin(s->engine->symbols);
		processors[of[i]]->user.mark(shop_user_block(s, "u", of[i]), s->engine->symbols);
		symbols_sweep(s->engine->symbols);
		assert_true(symbols_find(s->engine->symbols, TEXT("ring")));
		assert_int_equal(symbols_find(s->engine->symbols, TEXT("fabric")) != 0, of[i] == P_SENTIMENT);
		combiner_discard(s->engine->emitter);
		shop_reload_block(s, "u", of[i]);
		shop_destroy(s);
	}
}

static bool is_quoted(struct shop *s, const char *item, const char *text)
{
	const struct spike_item *b = shop_item_block(s, KEY_ITEM, item, P_SPIKE);
	bool found = false;
	assert_non_null(b);
	for (int i = 0; i < WORDS_EXCERPTS; i++)
		found |= b->words.excerpts[i].text && text_equal((struct text){ b->words.excerpts[i].text, b->words.excerpts[i].size }, text_of(text));
	return found;
}

static void nobody_who_is_forgotten_is_quoted(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, (const char *const[]){ shop_lexicon_option, NULL });
	review(s, "stays", "ring", "bad, says one", start);
	review(s, "gone", "ring", "bad, says another", start + 1);
	review(s, "gone", "bow", "bad bow", start + 2);
	shop_flush(s);
	review(s, "also", "ring", "bad, says a third", start + 3);
	shop_reload_block(s, "gone", P_SPIKE);
	assert_true(is_quoted(s, "ring", "bad, says another") && is_quoted(s, "bow", "bad bow"));
	shop_check_rows(s);
	shop_forget(s, "gone", start + hour);
	assert_true(!is_quoted(s, "ring", "bad, says another") && !is_quoted(s, "bow", "bad bow"));
	assert_true(is_quoted(s, "ring", "bad, says one") && is_quoted(s, "ring", "bad, says a third"));
	const struct spike_item *b = shop_item_block(s, KEY_ITEM, "ring", P_SPIKE);
	assert_true(b->words.excerpts[1].text && !b->words.excerpts[2].text);
	shop_check_rows(s);
	for (int i = 0; i < 100; i++) { /* the newest are known */
		char item[16];
		snprintf(item, sizeof(item), "i%d", i);
		review(s, "talker", item, "bad", start + i);
	}
	shop_flush(s);
	shop_reload_block(s, "talker", P_SPIKE);
	shop_forget(s, "talker", start + hour);
	assert_true(is_quoted(s, "i0", "bad") && !is_quoted(s, "i60", "bad") && !is_quoted(s, "i99", "bad"));
	shop_destroy(s);
}

/* Version 1 of the block knew no excerpts. */
static void blocks_of_version_1_are_read(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, (const char *const[]){ shop_lexicon_option, NULL });
	struct buf b = { 0 };
	review(s, "u", "ring", "bad", start);
	void *block = (void *)(uintptr_t)shop_user_block(s, "u", P_SPIKE);
	const struct block_ops *ops = &spike_processor.user;
	ops->done(block, s->engine->pool);
	memset(block, 0, ops->size);
	buf_zigzag(&b, start);
	buf_varint(&b, 1);
	buf_u64(&b, 5);
	buf_zigzag(&b, start);
	struct reader in = reader_of(b.data, b.size);
	assert_int_equal(ops->load(s->settings[P_SPIKE], block, 1, &in, s->engine->symbols, s->engine->pool), 0);
	assert_int_equal(reader_left(&in), 0);
	shop_reload_block(s, "u", P_SPIKE);
	buf_done(&b);
	shop_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opinions_are_as_if_the_shopper_had_never_come),
		cmocka_unit_test(the_newest_reviews_are_kept),
		cmocka_unit_test(what_is_gone_already_is_not_taken_from_others),
		cmocka_unit_test(a_review_is_in_the_row_of_its_interval),
		cmocka_unit_test(who_is_idle_takes_nothing_back),
		cmocka_unit_test(what_is_kept_keeps_its_name),
		cmocka_unit_test(nobody_who_is_forgotten_is_quoted),
		cmocka_unit_test(blocks_of_version_1_are_read),
	};
	return cmocka_run_group_tests(tests, shop_lexicon_write, shop_lexicon_remove);
}
