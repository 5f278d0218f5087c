/* Arms of an A/B test: who is counted in which, once; and what another id of the test leaves of that. */
#include "recommend_fixture.h"

static void of_list(struct shop *s, int64_t ts, const char *user, enum click_action action, const char *item, const char *rec, int position, const char *variant)
{
	static int number;
	char id[24];
	snprintf(id, sizeof(id), "l%d", number++);
	struct event e = shop_click(id, ts, user, action, item, NULL, NULL);
	e.click.rec_id = text_of(rec);
	e.click.has_position = position >= 0;
	e.click.position = position;
	e.click.variant = text_of(variant);
	assert_int_equal(shop_event(s, &e), APPLIED);
}

static void order(struct shop *s, int64_t ts, const char *user, int64_t minor, const char *variant)
{
	static int number;
	char id[24];
	snprintf(id, sizeof(id), "x%d", number++);
	const struct order_line line = { TEXT("W"), 1, minor };
	struct event e = shop_order(id, ts, user, id, &line, 1);
	e.purchase.variant = text_of(variant);
	assert_int_equal(shop_event(s, &e), APPLIED);
}

/* As a reload of the configuration does it; id borrowed. `events` alone: what shoppers' events are counted for, not what is shown. */
static void another_id(struct shop *s, char *id, bool events_alone)
{
	struct recommend_settings *r = s->settings[P_RECOMMEND];
	if (!events_alone) {
		free(r->experiment);
		r->experiment = strdup(id);
	}
	r->experiment_id = experiment_of(text_of(id));
}

/* A figure of glint:experiment:ID as it is shown; NAN: none. */
static double figure(struct shop *s, const char *id, const char *name)
{
	char begin[64], field[64];
	snprintf(begin, sizeof(begin), "HSET glint:experiment:%s ", id);
	snprintf(field, sizeof(field), " %s ", name);
	shop_flush(s);
	shop_item_view(s, KEY_ALL, NULL);
	char *hash = command(s, begin);
	const char *at = hash ? strstr(hash, field) : NULL;
	double value = at ? strtod(at + strlen(field), NULL) : NAN;
	if (hash)
		assert_null(strstr(hash, "nan"));
	free(hash);
	return value;
}

static void expect(struct shop *s, const char *id, const char *arm, const double want[ARM_COUNTS])
{
	static const char *const names[ARM_COUNTS] = { "lists", "clicked_lists", "clicks", "shoppers", "buyers", "orders" };
	for (int k = 0; k < ARM_COUNTS; k++) {
		char name[32];
		snprintf(name, sizeof(name), "%s:%s", names[k], arm);
		double got = figure(s, id, name);
		if (got != want[k])
			fail_msg("%s of %s: %g, expected %g", name, id, got, want[k]);
	}
}

static const struct recommend_item *item(struct shop *s, const char *id)
{
	shop_flush(s);
	return shop_item_block(s, KEY_ITEM, id, P_RECOMMEND);
}

static int64_t shown_at_all(struct shop *s)
{
	int64_t n = 0;
	shop_flush(s);
	const struct feedback *f = &((const struct recommend_item *)shop_item_block(s, KEY_ALL, NULL, P_RECOMMEND))->shopwide->feedback;
	for (uint32_t i = 0; i < f->n; i++)
		n += f->cells[i].n[FEEDBACK_SHOWN];
	return n;
}

#define REC "aaaaaaaaaaaaaaaa-oosp"

static void a_place_of_a_list_is_shown_once(void **state)
{
	(void)state;
	struct shop *s = shop_create(2, NULL);
	stock_of(s, "X", "rings", "Ann", "", 0);
	for (int i = 0; i < 5; i++) { /* a page that is loaded again, its shopper's row written and read in between */
		of_list(s, start + i, "ann", ACTION_IMPRESSION, "X", REC, 0, NULL);
		of_list(s, start + i, "ann", ACTION_IMPRESSION, "Y", REC, 1, NULL);
		shop_reload_block(s, "ann", P_RECOMMEND);
	}
	of_list(s, start, "bob", ACTION_IMPRESSION, "X", REC, 0, NULL); /* another shopper's */
	assert_int_equal(item(s, "X")->feedback[FEEDBACK_SHOWN], 2);
	assert_int_equal(item(s, "Y")->feedback[FEEDBACK_SHOWN], 1);
	const struct recommend_item *brand = shop_item_block(s, KEY_BRAND, "Ann", P_RECOMMEND);
	assert_int_equal(brand->popularity.hours.at[0].weight, 2);
	assert_int_equal(shown_at_all(s), 3);
	/* shown by one event: the two places that were not; then each place's item, whose kind and place are counted already */
	for (int i = 0; i < 2; i++)
		of_list(s, start + 9, "ann", ACTION_IMPRESSION, NULL, REC, -1, NULL);
	assert_int_equal(shown_at_all(s), 5);
	for (int i = 0; i < 2; i++)
		of_list(s, start + 9, "ann", ACTION_IMPRESSION, "Z", REC, 2, NULL);
	assert_int_equal(item(s, "Z")->feedback[FEEDBACK_SHOWN], 1);
	assert_int_equal(shown_at_all(s), 5);
	/* what cannot be told from another: without a place, or of one too far down */
	for (int i = 0; i < 3; i++) {
		of_list(s, start + 10, "ann", ACTION_IMPRESSION, "Q", REC, -1, NULL);
		of_list(s, start + 10, "ann", ACTION_IMPRESSION, "R", "a list of the shop's own", FOLLOWED_PLACES, NULL);
		of_list(s, start + 10, "ann", ACTION_IMPRESSION, "S", "a list of the shop's own", FOLLOWED_PLACES - 1, NULL);
	}
	assert_int_equal(item(s, "Q")->feedback[FEEDBACK_SHOWN], 3);
	assert_int_equal(item(s, "R")->feedback[FEEDBACK_SHOWN], 3);
	assert_int_equal(item(s, "S")->feedback[FEEDBACK_SHOWN], 1);
	/* eight lists later this one is forgotten */
	for (int i = 0; i < FOLLOWED_LISTS; i++) {
		char rec[32];
		snprintf(rec, sizeof(rec), "%016d-o", i);
		of_list(s, start + 11, "ann", ACTION_IMPRESSION, "T", rec, 0, NULL);
	}
	of_list(s, start + 12, "ann", ACTION_IMPRESSION, "X", REC, 0, NULL);
	assert_int_equal(item(s, "X")->feedback[FEEDBACK_SHOWN], 3);
	shop_check_rows(s);
	shop_destroy(s);
}

static void a_list_is_of_one_arm_the_first_that_is_known(void **state)
{
	(void)state;
	struct shop *s = shop_create(2, NULL);
	for (int i = 0; i < 20; i++) { /* shown without a variant, followed with one: once by the click, once by the page behind it */
		char user[16];
		snprintf(user, sizeof(user), "u%d", i);
		of_list(s, start, user, ACTION_IMPRESSION, "X", REC, 0, NULL);
		of_list(s, start + 1, user, ACTION_CLICK, "X", REC, 0, i % 2 ? "P" : NULL);
		of_list(s, start + 2, user, ACTION_VIEW, "X", REC, 0, "P");
	}
	expect(s, "default", "P", (const double[ARM_COUNTS]){ 20, 20, 20, 20, 0, 0 });
	assert_true(figure(s, "default", "ctr:P") == 1 && figure(s, "default", "ctr_high:P") == 1);
	assert_int_equal(item(s, "X")->feedback[FEEDBACK_CLICKED], 20);
	/* shown in A, followed when the shopper had come into B: the list stays A's */
	of_list(s, start, "ann", ACTION_IMPRESSION, "X", REC, 0, "A");
	of_list(s, start + 1, "ann", ACTION_CLICK, "X", REC, 0, "B");
	of_list(s, start + 2, "ann", ACTION_CLICK, "Y", REC, 1, NULL);
	expect(s, "default", "A", (const double[ARM_COUNTS]){ 1, 1, 2, 1, 0, 0 });
	expect(s, "default", "B", (const double[ARM_COUNTS]){ 0, 0, 0, 1, 0, 0 });
	shop_check_rows(s);
	shop_destroy(s);
}

static void a_shopper_counts_once_in_each_arm(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, NULL);
	for (int i = 0; i < 10; i++) { /* to and fro */
		char rec[32];
		snprintf(rec, sizeof(rec), "%016d-o", i);
		of_list(s, start + i, "ann", ACTION_IMPRESSION, "X", rec, 0, i % 2 ? "A" : "B");
		order(s, start + i, "ann", 1000, i % 2 ? "A" : "B");
		shop_reload_block(s, "ann", P_RECOMMEND);
	}
	for (int i = 0; i < 2; i++) {
		expect(s, "default", i ? "A" : "B", (const double[ARM_COUNTS]){ 5, 0, 0, 1, 1, 5 });
		/* one shopper: the mean is the total, and nothing deviates from it */
		assert_true(figure(s, "default", i ? "revenue_per_shopper:A:EUR" : "revenue_per_shopper:B:EUR") == 5000);
		assert_true(figure(s, "default", i ? "revenue_per_shopper_low:A:EUR" : "revenue_per_shopper_low:B:EUR") == 5000);
	}
	/* of five arms in turn each has been forgotten when it comes again; of four none */
	for (int i = 0; i < 2 * (FOLLOWED_ARMS + 1); i++)
		order(s, start + 20, "bob", 1, (const char *[]){ "v", "w", "x", "y", "z" }[i % (FOLLOWED_ARMS + 1)]);
	for (int i = 0; i < 2 * FOLLOWED_ARMS; i++)
		order(s, start + 20, "cat", 1, (const char *[]){ "c", "d", "e", "f" }[i % FOLLOWED_ARMS]);
	assert_true(figure(s, "default", "shoppers:v") == 2 && figure(s, "default", "buyers:z") == 2);
	assert_true(figure(s, "default", "shoppers:c") == 1 && figure(s, "default", "buyers:f") == 1);
	shop_check_rows(s);
	shop_destroy(s);
}

/* ann: two lists, one followed, and an order, all in A */
static void some(struct shop *s, int64_t ts, int of)
{
	char rec[2][32];
	for (int i = 0; i < 2; i++) {
		snprintf(rec[i], sizeof(rec[i]), "%016d-o", 2 * of + i);
		of_list(s, ts, "ann", ACTION_IMPRESSION, "X", rec[i], 0, "A");
	}
	of_list(s, ts + 1, "ann", ACTION_CLICK, "X", rec[0], 0, "A");
	order(s, ts + 2, "ann", 700, "A");
}

static void another_id_starts_at_zero(void **state)
{
	(void)state;
	static const double once[ARM_COUNTS] = { 2, 1, 1, 1, 1, 1 }, twice[ARM_COUNTS] = { 4, 2, 2, 1, 1, 2 };
	struct shop *s = shop_create(2, (const char *[]){ "recommend.experiment=one", NULL });
	some(s, start, 0);
	expect(s, "one", "A", once);
	another_id(s, "two", false);
	shop_item_view(s, KEY_ALL, NULL);
	assert_null(command(s, "HSET glint:experiment:"));
	assert_true(isnan(figure(s, "two", "shoppers:A")));
	/* what tells no arm is in none, whatever was told in the test before */
	of_list(s, start + hour, "ann", ACTION_IMPRESSION, "Y", REC, 0, NULL);
	order(s, start + hour, "ann", 100, NULL);
	assert_true(isnan(figure(s, "two", "shoppers:A")));
	some(s, start + 2 * hour, 1);
	shop_reload_block(s, "ann", P_RECOMMEND);
	of_list(s, start + 2 * hour + 3, "ann", ACTION_CLICK, "Y", "0000000000000001-o", 0, "A"); /* a list of the test before */
	expect(s, "two", "A", once);
	assert_true(figure(s, "two", "revenue:A:EUR") == 700 && figure(s, "two", "revenue_per_shopper_high:A:EUR") == 700);
	/* a process that has not taken it over: of the old id, not of this one */
	another_id(s, "one", true);
	of_list(s, start + 3 * hour, "bob", ACTION_IMPRESSION, "X", REC, 0, "A");
	expect(s, "two", "A", once);
	another_id(s, "two", true);
	of_list(s, start + 4 * hour, "ann", ACTION_IMPRESSION, "Y", "0000000000000001-o", 0, "A"); /* and that list shown again */
	of_list(s, start + 4 * hour, "ann", ACTION_IMPRESSION, "Y", "0000000000000004-o", 0, "A");
	of_list(s, start + 4 * hour, "ann", ACTION_CLICK, "Y", "0000000000000004-o", 0, "A");
	order(s, start + 4 * hour, "ann", 300, "A");
	expect(s, "two", "A", twice);
	shop_check_rows(s);
	/* and one that shows the old id still: the new one's counts are not lost */
	another_id(s, "three", true);
	some(s, start + 5 * hour, 4);
	expect(s, "two", "A", twice);
	another_id(s, "three", false);
	expect(s, "three", "A", once);
	const struct experiments *x = &((const struct recommend_item *)shop_item_block(s, KEY_ALL, NULL, P_RECOMMEND))->shopwide->experiments;
	assert_true(x->n == 2 && x->of[0].id == experiment_of(TEXT("two")) && x->of[1].id == experiment_of(TEXT("three")));
	shop_check_rows(s);
	shop_destroy(s);
}

static void a_restore_keeps_to_the_test_of_the_row(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, (const char *[]){ "recommend.experiment=one", NULL });
	order(s, start, "ann", 500, "A");
	const struct recommend_user *u = shop_user_block(s, "ann", P_RECOMMEND);
	another_id(s, "two", false);
	struct event e = shop_click("again", start + 1, "ann", ACTION_IMPRESSION, "X", NULL, NULL);
	e.click.rec_id = TEXT(REC);
	e.click.variant = TEXT("B");
	assert_int_equal(user_task_apply(s->users[0], 0, s->user_offsets[0][0]++, &e, false, 0), APPLIED);
	assert_true(u->followed->experiment == experiment_of(TEXT("one")) && u->followed->n_arms == 2);
	assert_true(isnan(figure(s, "two", "shoppers:B")));
	/* the first event behind it begins the other test, and its row is written at once */
	assert_ptr_equal(s->users[0]->must.head.next, &s->users[0]->must.head);
	e.event_id = TEXT("now");
	assert_int_equal(shop_event(s, &e), APPLIED);
	assert_ptr_not_equal(s->users[0]->must.head.next, &s->users[0]->must.head);
	assert_true(u->followed->experiment == experiment_of(TEXT("two")) && u->followed->n_arms == 1);
	expect(s, "two", "B", (const double[ARM_COUNTS]){ 1, 0, 0, 1, 0, 0 });
	shop_destroy(s);
}

static void rows_of_before_ids_were_kept_are_read(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, NULL);
	const void *settings = s->settings[P_RECOMMEND];
	struct symbols *symbols = s->engine->symbols;
	struct pool *pool = s->engine->pool;
	struct buf user = { 0 }, item = { 0 };
	click(s, start, "ann", ACTION_VIEW, "X", NULL);
	shop_flush(s);
	recommend_processor.user.save(settings, shop_user_block(s, "ann", P_RECOMMEND), symbols, &user);
	recommend_processor.item.save(settings, shop_item_block(s, KEY_ALL, NULL, P_RECOMMEND), symbols, &item);
	/* version 4 of a shopper: arm, bought, currency, spent; lists: rec and flags; items */
	user.data[user.size - 1] = 1;
	buf_text(&user, TEXT("A"));
	buf_u8(&user, 1);
	buf_text(&user, TEXT("EUR"));
	buf_zigzag(&user, 900);
	buf_u8(&user, 1);
	buf_u64(&user, 77);
	buf_u8(&user, 3);
	buf_u8(&user, 1);
	buf_u64(&user, 77);
	buf_zigzag(&user, start);
	buf_text(&user, TEXT("X"));
	buf_u8(&user, WHY_ORDER);
	buf_u8(&user, 0);
	buf_u8(&user, 1);
	/* of `all`: no feedback; one test, its arm's counts, one currency; no gaps */
	item.size -= 2;
	buf_u8(&item, 1);
	buf_varint(&item, 0);
	buf_varint(&item, 1);
	buf_text(&item, TEXT("A"));
	for (int k = 0; k < ARM_COUNTS; k++)
		buf_zigzag(&item, 10 + k);
	buf_varint(&item, 1);
	buf_text(&item, TEXT("EUR"));
	buf_zigzag(&item, 900);
	buf_zigzag(&item, 810000);
	buf_u8(&item, 0);
	for (size_t cut = 0; cut < 2; cut++) {
		struct recommend_user u = { .n_recent = 0 };
		struct recommend_item x = { .feedback = { 0 } };
		struct reader r = reader_of(user.data, user.size - cut);
		assert_int_equal(recommend_processor.user.load(settings, &u, 4, &r, symbols, pool), cut ? -EBADMSG : 0);
		r = reader_of(item.data, item.size - cut);
		assert_int_equal(recommend_processor.item.load(settings, &x, 4, &r, symbols, pool), cut ? -EBADMSG : 0);
		if (!cut) {
			const struct followed *f = u.followed;
			assert_true(!f->experiment && f->arm == symbols_find(symbols, TEXT("A")) && f->n_arms == 1 && f->arms[0].bought && f->arms[0].spent == 900);
			assert_true(f->n_lists == 1 && f->lists[0].rec == 77 && f->lists[0].arm == f->arm && f->n_items == 1 && f->items[0].bought);
			const struct experiments *e = &x.shopwide->experiments;
			assert_true(e->n == 1 && !e->of[0].id && e->of[0].n == 1 && e->of[0].arms[0].n[ARM_ORDERS] == 15 && e->of[0].arms[0].revenue[0].squares == 810000);
		}
		recommend_processor.user.done(&u, pool);
		recommend_processor.item.done(&x, pool);
	}
	buf_done(&user);
	buf_done(&item);
	shop_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_place_of_a_list_is_shown_once),
		cmocka_unit_test(a_list_is_of_one_arm_the_first_that_is_known),
		cmocka_unit_test(a_shopper_counts_once_in_each_arm),
		cmocka_unit_test(another_id_starts_at_zero),
		cmocka_unit_test(a_restore_keeps_to_the_test_of_the_row),
		cmocka_unit_test(rows_of_before_ids_were_kept_are_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
