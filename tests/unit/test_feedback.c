/* Feedback on recommendations: what is counted of it by kind of reason, place and arm, and what is learnt from the counts. */
#include "recommend_fixture.h"

#include "processors/feedback.h"

static void the_rec_id_and_the_position_tell_the_kind_of_reason(void **state)
{
	(void)state;
	struct text id = TEXT("0123456789abcdef-ostpfnc");
	for (int k = 0; k < WHY_KINDS; k++)
		assert_int_equal(feedback_kind(id, k), k);
	assert_int_equal(feedback_kind(id, WHY_KINDS), -1);
	assert_int_equal(feedback_kind(id, -1), -1);
	assert_int_equal(feedback_kind(TEXT("0123456789abcdef"), 0), -1);
	assert_int_equal(feedback_kind(TEXT("0123456789abcdef-"), 0), -1);
	assert_int_equal(feedback_kind(TEXT("0123456789abcdefoo"), 0), -1);
	assert_int_equal(feedback_kind(TEXT("the shop's own id of a list: x"), 17), -1);
	static const int places[][2] = { { 0, 0 }, { 4, 4 }, { 5, 5 }, { 6, 5 }, { 7, 6 }, { 9, 6 }, { 10, 7 }, { 14, 7 }, { 15, 8 }, { 19, 8 }, { 20, 9 }, { 99, 9 } };
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		assert_int_equal(feedback_place(places[i][0]), places[i][1]);
}

static void count(struct shop *s, struct feedback *f, int kind, int place, enum feedback_count what, int32_t pane, int64_t n)
{
	char name[2];
	feedback_name(name, kind, (uint8_t)place);
	feedback_add(f, s->engine->pool, (struct text){ name, 2 }, what, pane, n);
}

static void kinds_are_weighed_by_their_clicks_and_purchases(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, NULL);
	struct feedback f = { .n = 0 };
	struct blend b;
	feedback_blend(&f, &b);
	assert_true(b.shown == 0 && b.ratio[WHY_ORDER] == 1);
	/* all at the first place: mean 150 / 2000 = .075; (10 + 100) / (10 / .075 + 1000) = .0970588, (10 + 50) / ... = .0529412 */
	count(s, &f, WHY_ORDER, 0, FEEDBACK_SHOWN, 3, 1000);
	count(s, &f, WHY_ORDER, 0, FEEDBACK_CLICKED, 3, 100);
	count(s, &f, WHY_SESSION, 0, FEEDBACK_SHOWN, 3, 1000);
	count(s, &f, WHY_SESSION, 0, FEEDBACK_CLICKED, 4, 50);
	feedback_blend(&f, &b);
	assert_int_equal(b.shown, 2000);
	assert_true(fabs(b.ratio[WHY_ORDER] - .0970588 / .075) < 1e-5);
	assert_true(fabs(b.ratio[WHY_SESSION] - .0529412 / .075) < 1e-5);
	assert_true(fabs(b.ratio[WHY_POPULAR] - 1) < 1e-12); /* nothing is known of it: the mean */
	assert_true(b.alpha[WHY_ORDER] == 110 && b.alpha[WHY_POPULAR] == 10);
	/* 50 purchases weigh as 150 clicks: mean 300 / 2000 = .15; (10 + 200) / (10 / .15 + 1000) = .196875 */
	count(s, &f, WHY_SESSION, 0, FEEDBACK_BOUGHT, 4, 50);
	feedback_blend(&f, &b);
	assert_true(fabs(b.ratio[WHY_SESSION] - .196875 / .15) < 1e-9);
	assert_true(fabs(b.ratio[WHY_ORDER] - .103125 / .15) < 1e-9);
	feedback_done(&f, s->engine->pool);
	shop_destroy(s);
}

static void what_stands_further_down_is_not_blamed_for_its_place(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, NULL);
	struct feedback f = { .n = 0 };
	struct blend b;
	/* truth: pull .10 and .05; places 0, 2 and 6 looked at with 1, .4, .1. The better kind stands mostly below */
	static const double pull[2] = { .10, .05 }, looked[3] = { 1, .4, .1 };
	static const int places[3] = { 0, 2, 6 }, shown[2][3] = { { 20000, 100000, 400000 }, { 400000, 100000, 20000 } };
	double clicks[2] = { 0, 0 }, all[2] = { 0, 0 };
	for (int k = 0; k < 2; k++)
		for (int i = 0; i < 3; i++) {
			int64_t c = (int64_t)(shown[k][i] * pull[k] * looked[i] + .5);
			count(s, &f, k, places[i], FEEDBACK_SHOWN, 1, shown[k][i]);
			count(s, &f, k, places[i], FEEDBACK_CLICKED, 1, c);
			clicks[k] += (double)c;
			all[k] += shown[k][i];
		}
	assert_true(clicks[0] / all[0] < clicks[1] / all[1]); /* by plain shares the worse kind would win */
	feedback_blend(&f, &b);
	assert_true(fabs(b.ratio[0] / b.ratio[1] - 2) < .04);
	assert_true(fabs(b.looked[2] - .4) < .01 && fabs(b.looked[6] - .1) < .005);
	feedback_done(&f, s->engine->pool);
	shop_destroy(s);
}

static void a_factor_is_a_draw_around_the_ratio_the_same_all_day(void **state)
{
	(void)state;
	struct blend b = { .shown = 1 };
	for (int k = 0; k < WHY_KINDS; k++) {
		b.ratio[k] = 1.25;
		b.alpha[k] = 400;
	}
	enum { N = 20000 };
	double sum = 0, squares = 0;
	for (uint64_t u = 0; u < N; u++) {
		double f = blend_factor(&b, WHY_ORDER, u, 5);
		assert_true(f == blend_factor(&b, WHY_ORDER, u, 5));
		sum += f;
		squares += f * f;
	}
	double mean = sum / N, sd = sqrt(squares / N - mean * mean);
	assert_true(fabs(mean - 1.25) < .005); /* a gamma of shape 400: deviation 1 / 20 of the mean */
	assert_true(fabs(sd - 1.25 / 20) < .003);
	assert_true(blend_factor(&b, WHY_ORDER, 1, 5) != blend_factor(&b, WHY_ORDER, 1, 6));
	assert_true(blend_factor(&b, WHY_ORDER, 1, 5) != blend_factor(&b, WHY_SESSION, 1, 5));
	b.ratio[WHY_ORDER] = 90;
	b.ratio[WHY_SESSION] = 0;
	assert_true(blend_factor(&b, WHY_ORDER, 1, 5) == 4 && blend_factor(&b, WHY_SESSION, 1, 5) == .25);
}

static void counts_of_eight_weeks_do_not_depend_on_the_order_of_deltas(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, NULL);
	struct buf first = { 0 }, now = { 0 };
	enum { N = 3000 };
	for (int v = 0; v < 2; v++) {
		struct feedback f = { .n = 0 };
		for (int i = 0; i < N; i++) {
			int at = v ? (int)((int64_t)i * 1237 % N) : i;
			count(s, &f, at % WHY_KINDS, at % FEEDBACK_PLACES, (enum feedback_count)(at % FEEDBACK_COUNTS), 100 + at / 200, 1 + at % 3); /* 15 weeks */
		}
		assert_true(f.n <= FEEDBACK_CELLS_MAX && f.cells[0].pane == 107 && f.cells[f.n - 1].pane == 114);
		feedback_save(&f, v ? &now : &first);
		feedback_done(&f, s->engine->pool);
	}
	assert_int_equal(first.size, now.size);
	assert_memory_equal(first.data, now.data, first.size);
	for (size_t n = 0; n <= first.size; n++) {
		struct feedback f = { .n = 0 };
		struct reader r = reader_of(first.data, n);
		assert_int_equal(feedback_load(&f, &r, s->engine->pool), n < first.size ? -EBADMSG : 0);
		feedback_done(&f, s->engine->pool);
	}
	buf_done(&first);
	buf_done(&now);
	shop_destroy(s);
}

/* ---- events ---- */

static struct event of_list(const char *id, int64_t ts, const char *user, enum click_action action, const char *item, const char *rec, int position, const char *variant)
{
	struct event e = shop_click(id, ts, user, action, item, NULL, NULL);
	e.click.rec_id = text_of(rec);
	e.click.has_position = position >= 0;
	e.click.position = position;
	e.click.variant = text_of(variant);
	return e;
}

static void send(struct shop *s, const struct event *e)
{
	assert_int_equal(shop_event(s, e), APPLIED);
}

static int64_t cell(const struct feedback *f, int kind, int place, enum feedback_count what)
{
	for (uint32_t i = 0; i < f->n; i++)
		if (f->cells[i].kind == kind && f->cells[i].place == place)
			return f->cells[i].n[what];
	return 0;
}

#define REC1 "aaaaaaaaaaaaaaaa-oospp"
#define REC2 "bbbbbbbbbbbbbbbb-stpp"

static void events_of_lists_are_counted_once_by_kind_place_item_and_arm(void **state)
{
	(void)state;
	struct shop *s = shop_create(2, (const char *[]){ "recommend.experiment=home", NULL });
	stock_of(s, "X", "rings", "Ann", "", 0);
	struct event events[] = {
		of_list("1", start, "ann", ACTION_IMPRESSION, "X", REC1, 0, "A"),
		of_list("2", start, "ann", ACTION_IMPRESSION, "Y", REC1, 1, "A"),
		of_list("3", start, "ann", ACTION_IMPRESSION, "Z", REC1, 2, "A"),
		of_list("4", start + 1, "ann", ACTION_CLICK, "X", REC1, 0, "A"),
		of_list("5", start + 2, "ann", ACTION_VIEW, "X", REC1, 0, "A"), /* its page: the same click */
		of_list("6", start + 3, "ann", ACTION_CLICK, "Z", REC1, 2, "A"),
		of_list("7", start, "bob", ACTION_IMPRESSION, NULL, REC2, -1, "B"), /* the whole list in one event */
		of_list("8", start + 9, "bob", ACTION_CLICK, "Q", "a list of somebody else", 1, "B"),
		of_list("9", start, "cat", ACTION_IMPRESSION, "X", REC2, 0, "A"),
	};
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		send(s, &events[i]);
	struct order_line lines[] = { { TEXT("X"), 2, 1000 }, { TEXT("W"), 1, 500 } };
	buy(s, start + hour, "ann", PURCHASE_ORDER, lines, 2, 100);
	buy(s, start + 2 * hour, "ann", PURCHASE_ORDER, lines, 1, 0); /* X again: the recommendation has had its purchase */
	buy(s, start + 3 * hour, "ann", PURCHASE_REFUND, lines + 1, 1, 0);
	buy(s, start + 3 * hour, "dan", PURCHASE_ORDER, lines, 1, 0); /* in no arm */
	lines[0].item_id = TEXT("Q");
	struct event late = shop_order("o9", start + 8 * day, "bob", "o9", lines, 1); /* more than a week after the click */
	send(s, &late);
	shop_flush(s);
	shop_end(s);

	const struct recommend_item *all = shop_item_block(s, KEY_ALL, NULL, P_RECOMMEND);
	const struct feedback *f = &all->shopwide->feedback;
	assert_int_equal(cell(f, WHY_ORDER, 0, FEEDBACK_SHOWN), 1);
	assert_int_equal(cell(f, WHY_ORDER, 1, FEEDBACK_SHOWN), 1);
	assert_int_equal(cell(f, WHY_SESSION, 2, FEEDBACK_SHOWN), 1);
	assert_int_equal(cell(f, WHY_SESSION, 0, FEEDBACK_SHOWN), 2); /* bob's whole list, cat's first entry */
	assert_int_equal(cell(f, WHY_TRENDING, 1, FEEDBACK_SHOWN), 1);
	assert_int_equal(cell(f, WHY_POPULAR, 2, FEEDBACK_SHOWN), 1);
	assert_int_equal(cell(f, WHY_POPULAR, 3, FEEDBACK_SHOWN), 1);
	assert_int_equal(cell(f, WHY_ORDER, 0, FEEDBACK_CLICKED), 1);
	assert_int_equal(cell(f, WHY_SESSION, 2, FEEDBACK_CLICKED), 1);
	assert_int_equal(cell(f, WHY_ORDER, 0, FEEDBACK_BOUGHT), 1);
	assert_int_equal(cell(f, WHY_SESSION, 2, FEEDBACK_BOUGHT), 0);
	assert_int_equal(f->n, 7);

	const struct recommend_item *x = shop_item_block(s, KEY_ITEM, "X", P_RECOMMEND);
	assert_true(x->feedback[FEEDBACK_SHOWN] == 2 && x->feedback[FEEDBACK_CLICKED] == 1 && x->feedback[FEEDBACK_BOUGHT] == 1);
	const struct recommend_item *brand = shop_item_block(s, KEY_BRAND, "Ann", P_RECOMMEND);
	assert_true(brand->popularity.hours.n == 1 && brand->popularity.hours.at[0].weight == 2);
	const struct recommend_model *m = model_block(s->engine->model, P_RECOMMEND, (struct key){ KEY_ALL, 0 });
	assert_non_null(m->blend);
	assert_int_equal(m->blend->shown, 8);

	shop_item_view(s, KEY_ALL, NULL);
	char *hash = command(s, "HSET glint:experiment:home ");
	assert_non_null(hash);
	/* A: ann's and cat's lists, one clicked; 2 of X and a W less 100, 2 of X, W returned. 1 of 2 by Wilson: .5 -+ .405468 */
	static const char *const of_a = "lists:A 2 clicked_lists:A 1 clicks:A 2 shoppers:A 2 buyers:A 1 orders:A 2 ctr:A 0.5 ctr_low:A 0.0945312 ctr_high:A 0.905469 "
					"cvr:A 0.5 cvr_low:A 0.0945312 cvr_high:A 0.905469 revenue:A:EUR 3900 "
					/* totals 3900 and 0: mean 1950, deviation 1950; 1950 -+ 1.959964 x 1950 / sqrt 2 */
					"revenue_per_shopper:A:EUR 1950 revenue_per_shopper_low:A:EUR -752.512 revenue_per_shopper_high:A:EUR 4652.51";
	static const char *const of_b = "lists:B 2 clicked_lists:B 1 clicks:B 1 shoppers:B 1 buyers:B 1 orders:B 1";
	if (!strstr(hash, of_a) || !strstr(hash, of_b))
		fail_msg("%s", hash);
	assert_non_null(strstr(hash, "revenue:B:EUR 2000 revenue_per_shopper:B:EUR 2000 revenue_per_shopper_low:B:EUR 2000 revenue_per_shopper_high:B:EUR 2000"));
	free(hash);
	json_t *list = list_of(s, "bob");
	assert_string_equal(text_at(list, "variant"), "B");
	json_decref(list);
	shop_check_rows(s);
	shop_destroy(s);
}

static void rows_of_before_feedback_are_read(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, NULL);
	const void *settings = s->settings[P_RECOMMEND];
	struct buf user = { 0 }, item = { 0 };
	click(s, start, "ann", ACTION_VIEW, "X", NULL);
	shop_flush(s);
	recommend_processor.user.save(settings, shop_user_block(s, "ann", P_RECOMMEND), s->engine->symbols, &user);
	recommend_processor.item.save(settings, shop_item_block(s, KEY_ITEM, "X", P_RECOMMEND), s->engine->symbols, &item);
	/* version 1 ended before the byte that says whether lists were followed, and before three counts and two such bytes */
	struct recommend_user u = { .n_recent = 0 };
	struct recommend_item x = { .feedback = { 0 } };
	struct reader r = reader_of(user.data, user.size - 1);
	assert_int_equal(recommend_processor.user.load(settings, &u, 1, &r, s->engine->symbols, s->engine->pool), 0);
	assert_true(u.n_recent == 1 && !u.followed);
	r = reader_of(item.data, item.size - 5);
	assert_int_equal(recommend_processor.item.load(settings, &x, 1, &r, s->engine->symbols, s->engine->pool), 0);
	assert_int_equal(x.popularity.n[METRIC_VIEWS], 1);
	recommend_processor.user.done(&u, s->engine->pool);
	recommend_processor.item.done(&x, s->engine->pool);
	buf_done(&user);
	buf_done(&item);
	shop_destroy(s);
}

static void a_learnt_blend_moves_the_kinds_of_reasons(void **state)
{
	(void)state;
	struct shop *s = shop_create(1, (const char *[]){ "itemsets.window=0", "recommend.learn_from=400", "recommend.related_p=1", NULL });
	/* S and "seen" are in sessions together, S and "sold" in orders: of like counts, orders weigh more by default */
	char name[16];
	for (int i = 0; i < 30; i++) {
		snprintf(name, sizeof(name), "v%d", i);
		click(s, start, name, ACTION_VIEW, "S", NULL);
		click(s, start + 1, name, ACTION_VIEW, "seen", NULL);
		struct order_line lines[] = { { TEXT("S"), 1, 100 }, { TEXT("sold"), 1, 100 } };
		snprintf(name, sizeof(name), "b%d", i);
		buy(s, start, name, PURCHASE_ORDER, lines, 2, 0);
	}
	click(s, start + 2, "ann", ACTION_VIEW, "S", NULL);
	shop_flush(s);
	shop_end(s);
	json_t *list = list_of(s, "ann");
	assert_true(number_at(entry_of(list, "sold"), "score") > number_at(entry_of(list, "seen"), "score"));
	json_decref(list);
	/* shoppers follow what was viewed together, never what was bought together */
	for (int i = 0; i < 400; i++) {
		char id[24];
		snprintf(name, sizeof(name), "f%d", i);
		snprintf(id, sizeof(id), "i%d", i);
		struct event e = of_list(id, start + 3, name, ACTION_IMPRESSION, i % 2 ? "sold" : "seen", "cccccccccccccccc-so", i % 2, NULL);
		send(s, &e);
		if (i % 2)
			continue;
		snprintf(id, sizeof(id), "k%d", i);
		e = of_list(id, start + 4, name, ACTION_CLICK, "seen", "cccccccccccccccc-so", 0, NULL);
		send(s, &e);
	}
	shop_flush(s);
	shop_end(s);
	list = list_of(s, "ann");
	assert_true(number_at(entry_of(list, "sold"), "score") < number_at(entry_of(list, "seen"), "score"));
	json_decref(list);
	shop_check_rows(s);
	shop_destroy(s);
}

static void a_row_of_panes_as_far_back_as_numbers_go_is_read(void **state)
{
	(void)state;
	struct pool *pool = pool_create();
	struct buf row = { 0 };
	struct feedback f = { 0 };
	buf_varint(&row, 2);
	for (int place = 0; place < 2; place++) {
		buf_zigzag(&row, INT32_MIN);
		buf_u8(&row, 0);
		buf_u8(&row, (uint8_t)place);
		for (int k = 0; k < FEEDBACK_COUNTS; k++)
			buf_varint(&row, 1);
	}
	struct reader from = reader_of(row.data, row.size);
	assert_int_equal(feedback_load(&f, &from, pool), 0);
	assert_int_equal(f.n, 2);
	feedback_done(&f, pool);
	pool_destroy(pool);
	buf_done(&row);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_row_of_panes_as_far_back_as_numbers_go_is_read),
		cmocka_unit_test(the_rec_id_and_the_position_tell_the_kind_of_reason),
		cmocka_unit_test(kinds_are_weighed_by_their_clicks_and_purchases),
		cmocka_unit_test(what_stands_further_down_is_not_blamed_for_its_place),
		cmocka_unit_test(a_factor_is_a_draw_around_the_ratio_the_same_all_day),
		cmocka_unit_test(counts_of_eight_weeks_do_not_depend_on_the_order_of_deltas),
		cmocka_unit_test(events_of_lists_are_counted_once_by_kind_place_item_and_arm),
		cmocka_unit_test(rows_of_before_feedback_are_read),
		cmocka_unit_test(a_learnt_blend_moves_the_kinds_of_reasons),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
