/* What the publisher writes, and what it refuses to write: views, fencing, heartbeats, alerts. */
#include "publisher_fixture.h"

/* --- views --- */

static void commands_and_status_of_a_batch_land(void **state)
{
	struct batch *b = batch_new(BATCH_VIEWS, "u0", 7);
	(void)state;
	ADD(b, "SET", "glint:recs:a", "{\"v\":1}", "EX", "100");
	ADD(b, "HSET", "glint:item:x", "buys", "3", "empty", "");
	add_status(b, "shown", "clicks/0=12");
	add_status(b, "watermark", "99");
	take_over("u0", 7);
	ends(b, BATCH_DONE);
	assert_string_equal(ask("GET glint:recs:a"), "{\"v\":1}");
	assert_true(ask_integer("TTL glint:recs:a") > 90);
	assert_string_equal(ask("HMGET glint:item:x buys empty"), "3 ");
	assert_string_equal(ask("HMGET glint:task:u0 epoch shown watermark"), "7 clicks/0=12 99");
	assert_int_equal(stats().commands, 2);
	assert_int_equal(stats().batches, 2);
}

static void a_large_batch_is_cut_and_its_status_comes_with_the_last_part(void **state)
{
	struct batch *b = batch_new(BATCH_VIEWS, "u0", 1);
	char *large = malloc(300001);
	(void)state;
	memset(large, 'x', 300000);
	large[300000] = 0;
	for (int i = 0; i < 1234; i++)
		ADD(b, "INCR", "n");
	for (int i = 0; i < 5; i++)
		ADD(b, "SET", "large", large);
	add_status(b, "shown", "all");
	take_over("u0", 1);
	uint64_t before = stats().writes;
	ends(b, BATCH_DONE);
	/* 500 + 500 + 234, and each large one alone */
	assert_int_equal(stats().writes - before, 3 + 5);
	assert_int_equal(ask_integer("GET n"), 1234);
	assert_int_equal(ask_integer("STRLEN large"), 300000);
	assert_string_equal(ask("HGET glint:task:u0 shown"), "all");
	free(large);
}

static void a_wrong_command_is_counted_and_does_not_stop_the_rest(void **state)
{
	struct batch *b = batch_new(BATCH_VIEWS, "u0", 1);
	(void)state;
	ask("SET text 1");
	ADD(b, "SET", "a", "1");
	ADD(b, "HSET", "text", "f", "1");
	buf_varint(&b->commands, PUBLISHER_COMMAND_ARGUMENTS_MAX + 1);
	for (int i = 0; i <= PUBLISHER_COMMAND_ARGUMENTS_MAX; i++)
		buf_text(&b->commands, TEXT("x"));
	buf_varint(&b->commands, PUBLISHER_COMMAND_ARGUMENTS_MAX);
	buf_text(&b->commands, TEXT("SADD"));
	buf_text(&b->commands, TEXT("many"));
	for (int i = 2; i < PUBLISHER_COMMAND_ARGUMENTS_MAX; i++) {
		char member[16];
		snprintf(member, sizeof(member), "%d", i);
		buf_text(&b->commands, text_of(member));
	}
	b->n_commands += 2;
	ADD(b, "SET", "b", "2");
	add_status(b, "shown", "s");
	take_over("u0", 1);
	assert_int_equal(publisher_submit(our.p, b), 0);
	assert_ptr_equal(collect(), b);
	assert_int_equal(b->result, BATCH_DONE);
	assert_int_equal(b->n_refused, 2);
	batch_destroy(b);
	assert_string_equal(ask("MGET a b"), "1 2");
	assert_int_equal(ask_integer("SCARD many"), PUBLISHER_COMMAND_ARGUMENTS_MAX - 2);
	assert_string_equal(ask("HGET glint:task:u0 shown"), "s");
	assert_int_equal(stats().refused, 2);
}

static void a_command_without_form_takes_its_part_with_it_and_no_other(void **state)
{
	struct batch *wrong[2], *right = incr("u1", 1, "n");
	(void)state;
	take_over("u0", 1), take_over("u1", 1);
	kill(server.pid, SIGSTOP); /* so that they go together */
	ends_later(incr("u1", 1, "n"));
	for (int i = 0; i < 2; i++) {
		wrong[i] = batch_new(BATCH_VIEWS, "u0", 1);
		ADD(wrong[i], "INCR", "n");
		ADD(wrong[i], "SET", "onlykey");
		add_status(wrong[i], "shown", i ? "second" : "first");
		ends_later(wrong[i]);
	}
	ends_later(right);
	kill(server.pid, SIGCONT);
	for (int i = 0; i < 4; i++) {
		struct batch *b = collect();
		assert_int_equal(b->result, BATCH_DONE);
		assert_int_equal(b->n_refused, b == wrong[0] || b == wrong[1] ? 2 : 0);
		batch_destroy(b);
	}
	assert_string_equal(ask("HGET glint:task:u0 shown"), "second");
	assert_int_equal(ask_integer("GET n"), 2);
	assert_int_equal(stats().refused, 4);
}

static void a_batch_that_is_not_encoded_properly_comes_back_and_nothing_is_written(void **state)
{
	struct batch *b = batch_new(BATCH_VIEWS, "u0", 1);
	(void)state;
	take_over("u0", 1);
	ADD(b, "SET", "a", "1");
	b->commands.size--;
	ends(b, BATCH_DONE);
	assert_int_equal(ask_integer("EXISTS a"), 0);
	ends(incr("u0", 1, "n"), BATCH_DONE);
}

/* --- fencing --- */

static void an_older_epoch_writes_nothing(void **state)
{
	(void)state;
	take_over("u0", 5);
	ask("HSET glint:task:u0 epoch 6");
	struct batch *b = incr("u0", 5, "n");
	add_status(b, "shown", "stale");
	ends(b, BATCH_FENCED);
	ends(batch_new(BATCH_TAKE_OVER, "u0", 5), BATCH_FENCED);
	assert_int_equal(ask_integer("EXISTS n"), 0);
	assert_string_equal(ask("HMGET glint:task:u0 epoch shown"), "6 ");
	assert_int_equal(stats().fenced, 2);
}

static void what_has_come_since_the_watch_was_set_stops_the_transaction(void **state)
{
	(void)state;
	take_over("u0", 5), take_over("u1", 5);
	for (int i = 0; i < 3; i++) { /* a touched hash that is as it was: written, but not by the transaction that was stopped */
		ends(incr("u0", 5, "n"), BATCH_DONE);
		ask("HSET glint:task:u1 shown x");
	}
	assert_int_equal(ask_integer("GET n"), 3);
	ends(incr("u1", 5, "n"), BATCH_DONE);
	ask("HSET glint:task:u0 epoch 6");
	ends(incr("u0", 5, "n"), BATCH_FENCED);
	ends(incr("u1", 5, "n"), BATCH_DONE);
	assert_int_equal(ask_integer("GET n"), 5);
	assert_int_equal(stats().fenced, 1);
}

static void epochs_beyond_32_bits_are_compared_as_numbers(void **state)
{
	(void)state;
	take_over("u0", 9007199254740990);
	ends(batch_new(BATCH_TAKE_OVER, "u0", 9007199254740989), BATCH_FENCED);
	take_over("u0", 9007199254740991);
	ends(incr("u0", 9007199254740991, "n"), BATCH_DONE);
	assert_string_equal(ask("HGET glint:task:u0 epoch"), "9007199254740991");
}

static void a_wiped_redis_is_told_and_written_again_after_taking_over(void **state)
{
	(void)state;
	take_over("u0", 5);
	ask("FLUSHALL");
	ends(incr("u0", 5, "n"), BATCH_WIPED);
	assert_int_equal(ask_integer("EXISTS n"), 0);
	take_over("u0", 5);
	ends(incr("u0", 5, "n"), BATCH_DONE);
	assert_int_equal(ask_integer("GET n"), 1);
}

static void views_of_a_task_that_was_not_taken_over_are_not_sent(void **state)
{
	(void)state;
	ask("HSET glint:task:u0 epoch 5 seq 1");
	ends(incr("u0", 5, "n"), BATCH_WIPED);
	assert_int_equal(ask_integer("EXISTS n"), 0);
}

static void taking_over_reports_what_was_shown(void **state)
{
	struct batch *b = batch_new(BATCH_TAKE_OVER, "i3", 8);
	(void)state;
	ask("HSET glint:task:i3 epoch 7 seq 40 shown clicks/3=100");
	assert_int_equal(publisher_submit(our.p, b), 0);
	assert_ptr_equal(collect(), b);
	assert_int_equal(b->result, BATCH_DONE);
	assert_int_equal(b->reply.size, strlen("clicks/3=100"));
	assert_memory_equal(b->reply.data, "clicks/3=100", b->reply.size);
	batch_destroy(b);
	b = batch_new(BATCH_TAKE_OVER, "i4", 8);
	assert_int_equal(publisher_submit(our.p, b), 0);
	assert_ptr_equal(collect(), b);
	assert_int_equal(b->reply.size, 0);
	batch_destroy(b);
	assert_string_equal(ask("HMGET glint:task:i3 epoch shown"), "8 clicks/3=100");
}

static void a_redis_that_lost_its_last_writes_is_told_as_wiped(void **state)
{
	(void)state;
	take_over("u0", 5);
	ends(incr("u0", 5, "n"), BATCH_DONE);
	const long long seq = ask_integer("HGET glint:task:u0 seq");
	ends(incr("u0", 5, "n"), BATCH_DONE);
	ask("HSET glint:task:u0 seq %lld", seq);
	ends(incr("u0", 5, "n"), BATCH_WIPED);
	assert_int_equal(ask_integer("GET n"), 2);
}

static void batches_submitted_together_with_a_take_over_follow_it(void **state)
{
	struct batch *b[4] = { batch_new(BATCH_TAKE_OVER, "u0", 1), incr("u0", 1, "n"), batch_new(BATCH_TAKE_OVER, "u0", 2),
		incr("u0", 2, "n") };
	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(publisher_submit(our.p, b[i]), 0);
	for (int i = 0; i < 4; i++) {
		assert_ptr_equal(collect(), b[i]);
		assert_int_equal(b[i]->result, BATCH_DONE);
		batch_destroy(b[i]);
	}
	assert_int_equal(ask_integer("GET n"), 2);
	assert_null(publisher_completed(our.p));
}

/* --- heartbeat --- */

static void the_heartbeat_and_meta_are_written_and_the_heartbeat_goes_with_a_clean_end(void **state)
{
	(void)state;
	publisher_set_heartbeat(our.p, TEXT("{\"pid\":1}"));
	UNTIL(!strcmp(ask("GET %b", "glint:heartbeat:test 1", (size_t)22), "{\"pid\":1}"));
	assert_in_range(ask_integer("TTL %b", "glint:heartbeat:test 1", (size_t)22), 1, 5);
	assert_string_equal(ask("HMGET glint:meta version contract run"), "9.9 1 r1");
	assert_non_null(strstr(ask("CLIENT LIST"), "name=glint-test_1 "));
	assert_true(atomic_load(&our.health.ready[HEALTH_REDIS]));
	publisher_destroy(our.p, 1000);
	our.p = NULL;
	assert_int_equal(ask_integer("EXISTS %b", "glint:heartbeat:test 1", (size_t)22), 0);
}

static void a_heartbeat_finds_tasks_wiped_behind_or_fenced_once(void **state)
{
	char task[16];
	enum batch_status status;
	int found[3] = { -1, -1, -1 };
	(void)state;
	take_over("i0", 5), take_over("i1", 5), take_over("i2", 5), take_over("i3", 5), take_over("i4", 5);
	ends(incr("i2", 5, "n"), BATCH_DONE);
	publisher_forget(our.p, "i4");
	ask("DEL glint:task:i0");
	ask("HSET glint:task:i1 epoch 6");
	ask("HINCRBY glint:task:i2 seq -1");
	ask("DEL glint:task:i4");
	for (int n = 0; n < 3;) {
		struct pollfd fd = { .fd = publisher_fd(our.p), .events = POLLIN };
		assert_int_equal(poll(&fd, 1, PATIENCE_MS), 1);
		while (publisher_lost(our.p, task, &status)) {
			assert_in_range(task[1], '0', '2');
			assert_int_equal(found[task[1] - '0'], -1);
			found[task[1] - '0'] = (int)status;
			n++;
		}
	}
	assert_int_equal(found[0], BATCH_WIPED);
	assert_int_equal(found[1], BATCH_FENCED);
	assert_int_equal(found[2], BATCH_WIPED);
	ends(incr("i0", 5, "n"), BATCH_WIPED);
	take_over("i0", 5);
	/* two heartbeats later nothing was told twice */
	int64_t seen = stats().last_ok_ms;
	UNTIL(stats().last_ok_ms >= seen + 1500);
	assert_false(publisher_lost(our.p, task, &status));
	assert_int_equal(poll(&(struct pollfd){ .fd = publisher_fd(our.p), .events = POLLIN }, 1, 0), 0);
}

static void of_many_tasks_those_at_rest_are_looked_at_with_the_heartbeat(void **state)
{
	char task[16] = "";
	enum batch_status status;
	int64_t limit = now_ms() + PATIENCE_MS;
	unsigned n = 80;
	(void)state;
	for (int i = 0; i < 40; i++) {
		snprintf(task, sizeof(task), "u%d", i);
		take_over(task, 5);
	}
	for (int i = 0; i < 80; i++) {
		snprintf(task, sizeof(task), "u%d", i % 40);
		ends(incr(task, 5, "n"), BATCH_DONE);
	}
	ask("DEL glint:task:u7");
	for (; !publisher_lost(our.p, task, &status) && now_ms() < limit; n++)
		ends(incr("u8", 5, "n"), BATCH_DONE);
	assert_string_equal(task, "u7");
	assert_int_equal(status, BATCH_WIPED);
	assert_int_equal(ask_integer("GET n"), n);
}

/* --- alerts --- */

#define ALERT(id, severity, state)                                                                                                  \
	"{\"v\":1,\"id\":\"" id "\",\"kind\":\"sentiment\",\"scope\":\"item:x y\",\"severity\":\"" severity "\",\"state\":\"" state \
	"\",\"value\":0.25,\"expected\":3,\"window\":null,\"evidence\":{\"n\":[1,2]},\"text_zh\":\"\xe5\xb7\xae\"}"

static void alerts_sent_twice_are_written_and_told_once(void **state)
{
	redisContext *c = redisConnectUnix(server.socket);
	redisReply *r = redisCommand(c, "SUBSCRIBE glint:alerts");
	(void)state;
	freeReplyObject(r);
	take_over("i0", 1);
	for (int i = 0; i < 2; i++) {
		struct batch *b = batch_new(BATCH_ALERTS, "i0", 1);
		add_alert(b, 41, ALERT("a1", "high", "raised"));
		add_alert(b, 43, ALERT("a2", "low", "raised"));
		add_status(b, "alerts", "44");
		ends(b, BATCH_DONE);
	}
	assert_string_equal(ask("XRANGE glint:alerts - +"),
		"(42-0 (v 1 id a1 kind sentiment scope item:x y severity high state raised value 0.25 expected 3 evidence "
		"{\"n\":[1,2]} text_zh \xe5\xb7\xae)) (44-0 (v 1 id a2 kind sentiment scope item:x y severity low state raised "
		"value 0.25 expected 3 evidence {\"n\":[1,2]} text_zh \xe5\xb7\xae))");
	assert_string_equal(ask("HGET glint:alerts:active a1"), ALERT("a1", "high", "raised"));
	assert_int_equal(ask_integer("HLEN glint:alerts:active"), 2);
	assert_string_equal(ask("SMEMBERS glint:blocked"), "x y");
	assert_string_equal(ask("HGET glint:task:i0 alerts"), "44");
	ask("PUBLISH glint:alerts end");
	static const char *const nudges[] = { "42-0", "44-0", "end" };
	for (int i = 0; i < 3; i++) {
		assert_int_equal(redisGetReply(c, (void **)&r), REDIS_OK);
		assert_string_equal(r->element[2]->str, nudges[i]);
		freeReplyObject(r);
	}
	redisFree(c);
}

static void a_resolved_alert_leaves_the_active_ones_and_unblocks_with_the_last_high_one(void **state)
{
	static const struct {
		const char *json;
		int active, blocked;
	} steps[] = {
		{ ALERT("a", "high", "raised"), 1, 1 },
		{ ALERT("b", "high", "raised"), 2, 1 },
		{ ALERT("c", "low", "raised"), 3, 1 },
		{ ALERT("a", "high", "resolved"), 2, 1 },
		{ ALERT("b", "high", "resolved"), 1, 0 },
		{ ALERT("c", "low", "resolved"), 0, 0 },
	};
	(void)state;
	take_over("i0", 1);
	for (int i = 0; i < 6; i++) {
		struct batch *b = batch_new(BATCH_ALERTS, "i0", 1);
		add_alert(b, i, steps[i].json);
		ends(b, BATCH_DONE);
		assert_int_equal(ask_integer("HLEN glint:alerts:active"), steps[i].active);
		assert_int_equal(ask_integer("SISMEMBER glint:blocked %s", "x y"), steps[i].blocked);
	}
	assert_int_equal(ask_integer("XLEN glint:alerts"), 6);
}

static void alerts_resume_behind_the_last_one_written(void **state)
{
	static const char *const expected[] = { "0", "42" };
	(void)state;
	take_over("i0", 1);
	for (int i = 0; i < 2; i++) {
		struct batch *b = batch_new(BATCH_ALERTS_RESUME, "i0", 1);
		assert_int_equal(publisher_submit(our.p, b), 0);
		assert_ptr_equal(collect(), b);
		assert_int_equal(b->reply.size, strlen(expected[i]));
		assert_memory_equal(b->reply.data, expected[i], b->reply.size);
		batch_destroy(b);
		b = batch_new(BATCH_ALERTS, "i0", 1);
		add_alert(b, 41, ALERT("a1", "high", "raised"));
		ends(b, BATCH_DONE);
		ask("XDEL glint:alerts 42-0");
	}
}

static void what_is_no_alert_is_counted_and_left_out(void **state)
{
	struct batch *b = batch_new(BATCH_ALERTS, "i0", 1);
	(void)state;
	add_alert(b, 1, "{\"id\":");
	add_alert(b, 2, "[]");
	add_alert(b, 3, "{\"id\":\"a\"}");
	add_alert(b, 4, "{\"id\":\"a\",\"state\":\"raised\"}");
	take_over("i0", 1);
	assert_int_equal(publisher_submit(our.p, b), 0);
	assert_ptr_equal(collect(), b);
	assert_int_equal(b->n_refused, 3);
	batch_destroy(b);
	assert_string_equal(ask("XRANGE glint:alerts - +"), "(5-0 (id a state raised))");
}

static void the_alerts_stream_is_trimmed_to_what_is_kept(void **state)
{
	(void)state;
	publisher_stop();
	our.config.alerts_kept = 100;
	publisher_start();
	take_over("i0", 1);
	for (int i = 0; i < 5; i++) {
		struct batch *b = batch_new(BATCH_ALERTS, "i0", 1);
		for (int j = 0; j < 200; j++)
			add_alert(b, i * 200 + j, ALERT("a", "low", "raised"));
		ends(b, BATCH_DONE);
	}
	assert_in_range(ask_integer("XLEN glint:alerts"), 100, 300); /* "~": whole nodes of 100 entries */
}

/* --- without a server --- */

static void errors_are_told_apart_as_redis_documents_them(void **state)
{
	static const struct {
		const char *text;
		enum redis_class is;
	} cases[] = {
		{ "OOM command not allowed when used memory > 'maxmemory'.", REDIS_RETRY },
		{ "LOADING Redis is loading the dataset in memory", REDIS_RETRY },
		{ "BUSY Redis is busy running a script.", REDIS_RETRY },
		{ "MISCONF Redis is configured to save RDB snapshots", REDIS_RETRY },
		{ "NOREPLICAS Not enough good replicas to write.", REDIS_RETRY },
		{ "READONLY You can't write against a read only replica.", REDIS_RECONNECT },
		{ "-READONLY You can't write against a read only replica.", REDIS_RECONNECT },
		{ "ERR max number of clients reached", REDIS_RECONNECT },
		{ "NOSCRIPT No matching script.", REDIS_NOSCRIPT },
		{ "NOAUTH Authentication required.", REDIS_STOP },
		{ "WRONGPASS invalid username-password pair or user is disabled.", REDIS_STOP },
		{ "NOPERM this user has no permissions to run the 'get' command", REDIS_STOP },
		{ "ERR The user executing the script can't run this command or subcommand", REDIS_STOP },
		{ "ERR unknown command 'FOO', with args beginning with: 'x'", REDIS_STOP },
		{ "ERR Unknown Redis command called from script", REDIS_STOP },
		{ "WRONGTYPE Operation against a key holding the wrong kind of value", REDIS_REFUSED },
		{ "ERR value is not an integer or out of range", REDIS_REFUSED },
		{ "OOMPH", REDIS_REFUSED },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (redis_classify(cases[i].text) != cases[i].is)
			fail_msg("%s", cases[i].text);
	struct text t = redis_error_text("ERR unknown command 'FOO', with args beginning with: 'secret'");
	assert_int_equal(t.size, strlen("ERR unknown command 'FOO'"));
}

static void a_part_is_written_byte_for_byte_as_resp(void **state)
{
	struct batch *b = batch_new(BATCH_VIEWS, "u1", 12);
	struct parts parts = { 0 };
	struct buf out = { 0 };
	static const char expected[] = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2\r\n\xc3\xa9\r\n"
				       "*6\r\n$4\r\nHSET\r\n$9\r\np:task:u1\r\n$3\r\nseq\r\n$3\r\n345\r\n$5\r\nshown\r\n$0\r\n\r\n";
	(void)state;
	ADD(b, "SET", "k", "\xc3\xa9");
	add_status(b, "shown", "");
	assert_int_equal(parts_cut(&parts, b), 0);
	assert_int_equal(parts.n, 1);
	assert_int_equal(parts_write_views(&parts, 0, b, "p", 345, &out), 1);
	assert_int_equal(out.size, sizeof(expected) - 1);
	assert_memory_equal(out.data, expected, sizeof(expected) - 1);
	buf_done(&out);
	parts_done(&parts);
	batch_destroy(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(errors_are_told_apart_as_redis_documents_them),
		cmocka_unit_test(a_part_is_written_byte_for_byte_as_resp),
		WITH(commands_and_status_of_a_batch_land),
		WITH(a_large_batch_is_cut_and_its_status_comes_with_the_last_part),
		WITH(a_wrong_command_is_counted_and_does_not_stop_the_rest),
		WITH(a_command_without_form_takes_its_part_with_it_and_no_other),
		WITH(a_batch_that_is_not_encoded_properly_comes_back_and_nothing_is_written),
		WITH(an_older_epoch_writes_nothing),
		WITH(what_has_come_since_the_watch_was_set_stops_the_transaction),
		WITH(epochs_beyond_32_bits_are_compared_as_numbers),
		WITH(a_wiped_redis_is_told_and_written_again_after_taking_over),
		WITH(views_of_a_task_that_was_not_taken_over_are_not_sent),
		WITH(taking_over_reports_what_was_shown),
		WITH(a_redis_that_lost_its_last_writes_is_told_as_wiped),
		WITH(batches_submitted_together_with_a_take_over_follow_it),
		WITH(the_heartbeat_and_meta_are_written_and_the_heartbeat_goes_with_a_clean_end),
		WITH(a_heartbeat_finds_tasks_wiped_behind_or_fenced_once),
		WITH(of_many_tasks_those_at_rest_are_looked_at_with_the_heartbeat),
		WITH(alerts_sent_twice_are_written_and_told_once),
		WITH(a_resolved_alert_leaves_the_active_ones_and_unblocks_with_the_last_high_one),
		WITH(alerts_resume_behind_the_last_one_written),
		WITH(what_is_no_alert_is_counted_and_left_out),
		WITH(the_alerts_stream_is_trimmed_to_what_is_kept),
	};
	return cmocka_run_group_tests(tests, suite_setup, suite_teardown);
}
