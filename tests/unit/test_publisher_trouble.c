/* The publisher while Redis is killed, stopped, filled, demoted, wiped or locked under it; and the ways to connect. */
#include "publisher_fixture.h"

/* --- trouble --- */

/* Submits n batches that each add one to n; flood_ends() checks that each did exactly once. */

static void flood(unsigned n)
{
	for (unsigned i = 0; i < n; i++, flood_sent++) {
		struct batch *b = incr(flood_sent % 2 ? "u0" : "u1", 1, "n"), *back;
		while (publisher_submit(our.p, b) == -EAGAIN) {
			back = collect();
			assert_int_equal(back->result, BATCH_DONE);
			batch_destroy(back);
		}
	}
}

static void flood_ends_at(unsigned n)
{
	while (stats().queued) {
		struct batch *back = collect();
		assert_int_equal(back->result, BATCH_DONE);
		batch_destroy(back);
	}
	assert_int_equal(ask_integer("GET n"), n);
}

static void flood_ends(void)
{
	flood_ends_at(flood_sent);
	flood_sent = 0;
}

static void fill_the_queue(void)
{
	flood(publisher_room(our.p));
}

static void nothing_is_lost_or_doubled_when_redis_is_killed_in_mid_run(void **state)
{
	(void)state;
	ask("CONFIG SET appendfsync always");
	ask("CONFIG SET appendonly yes");
	UNTIL(strstr(ask("INFO persistence"), "aof_rewrite_in_progress:0") && strstr(answer, "aof_rewrite_scheduled:0"));
	take_over("u0", 1), take_over("u1", 1);
	for (int i = 0; i < 5; i++) {
		flood(200 + (unsigned)i * 37);
		server_kill();
		fill_the_queue();
		server_start("--appendonly", "yes");
		ask("CONFIG SET appendfsync always");
	}
	flood(100);
	flood_ends();
	assert_true(stats().connects >= 6);
	ask("CONFIG SET appendonly no");
}

static void memory_is_bounded_while_redis_is_away_and_a_wiped_one_is_told(void **state)
{
	unsigned n = 0;
	struct batch *b;
	(void)state;
	take_over("u0", 1);
	server_kill();
	UNTIL(!stats().connected);
	assert_false(atomic_load(&our.health.ready[HEALTH_REDIS]));
	for (;; n++) {
		b = incr("u0", 1, "n");
		if (publisher_submit(our.p, b))
			break;
	}
	assert_int_equal(n, PUBLISHER_QUEUE);
	assert_int_equal(publisher_room(our.p), 0);
	assert_null(publisher_completed(our.p));
	batch_destroy(b);
	server_start("--appendonly", "no");
	for (; n; n--) {
		b = collect();
		assert_int_equal(b->result, BATCH_WIPED);
		batch_destroy(b);
	}
	assert_int_equal(publisher_room(our.p), PUBLISHER_QUEUE);
	take_over("u0", 1);
	ends(incr("u0", 1, "n"), BATCH_DONE);
	UNTIL(atomic_load(&our.health.ready[HEALTH_REDIS]));
}

static void the_queue_is_bounded_in_bytes_too(void **state)
{
	unsigned n = 0;
	struct batch *b;
	(void)state;
	take_over("u0", 1);
	kill(server.pid, SIGSTOP);
	for (;; n++) {
		b = batch_new(BATCH_VIEWS, "u0", 1);
		buf_varint(&b->commands, 3);
		buf_text(&b->commands, TEXT("SET"));
		buf_text(&b->commands, TEXT("k"));
		buf_varint(&b->commands, 10u << 20);
		memset(buf_room(&b->commands, 10u << 20), 'x', 10u << 20);
		b->commands.size += 10u << 20;
		if (publisher_submit(our.p, b))
			break;
	}
	batch_destroy(b);
	kill(server.pid, SIGCONT);
	assert_int_equal(n, 3);
	for (; n; n--)
		batch_destroy(collect());
	assert_int_equal(ask_integer("STRLEN k"), 10 << 20);
}

static void a_redis_that_does_not_answer_is_left_and_nothing_is_doubled(void **state)
{
	(void)state;
	publisher_stop();
	our.config.timeout_ms = 300;
	publisher_start();
	take_over("u0", 1), take_over("u1", 1);
	for (int i = 0; i < 3; i++) {
		flood(50);
		kill(server.pid, SIGSTOP);
		fill_the_queue();
		uint64_t seen = stats().timeouts;
		UNTIL(stats().timeouts > seen);
		kill(server.pid, SIGCONT);
	}
	flood_ends();
}

static void forgotten_scripts_are_loaded_again(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++) {
		struct batch *b = batch_new(BATCH_ALERTS, "i0", 1);
		add_alert(b, i, "{\"id\":\"a\",\"state\":\"raised\"}");
		ask("SCRIPT FLUSH");
		take_over("i0", 1);
		ask("SCRIPT FLUSH");
		ends(b, BATCH_DONE);
		ends(incr("i0", 1, "n"), BATCH_DONE);
	}
	assert_int_equal(ask_integer("XLEN glint:alerts"), 10);
	assert_int_equal(ask_integer("GET n"), 10);
	assert_int_equal(stats().connects, 1);
}

static void a_full_redis_is_waited_for_on_the_same_connection(void **state)
{
	(void)state;
	take_over("u0", 1), take_over("u1", 1);
	ask("CONFIG SET maxmemory 1");
	uint64_t seen = stats().errors_retry;
	flood(20);
	UNTIL(stats().errors_retry > seen);
	UNTIL(!atomic_load(&our.health.ready[HEALTH_REDIS]));
	ask("CONFIG SET maxmemory 0");
	flood_ends();
	assert_int_equal(stats().connects, 1);
	UNTIL(atomic_load(&our.health.ready[HEALTH_REDIS]));
}

static void a_replica_is_left_until_it_takes_writes(void **state)
{
	(void)state;
	take_over("u0", 1), take_over("u1", 1);
	ask("REPLICAOF 127.0.0.1 1");
	flood(20);
	UNTIL(stats().errors_reconnect > 0);
	ask("REPLICAOF NO ONE");
	flood_ends();
	assert_true(stats().connects > 1);
}

static void a_redis_that_is_loading_is_waited_for(void **state)
{
	(void)state;
	take_over("u0", 1), take_over("u1", 1);
	flood(10);
	while (stats().queued)
		batch_destroy(collect());
	ask("DEBUG POPULATE 3000 k 100");
	assert_string_equal(ask("SAVE"), "OK");
	server_kill();
	server_start("--key-load-delay", "500");
	assert_non_null(strstr(ask("GET n"), "LOADING"));
	flood(10);
	UNTIL(!strstr(ask("GET n"), "LOADING"));
	flood_ends();
	assert_true(stats().errors_retry > 0);
}

/* Starts again as the user `short`, who may everything, but for the right. */
static void as_short(const char *right)
{
	ask("ACL SETUSER short on >s3cret ~* &* +@all %s", right);
	publisher_stop();
	our.config.user = (char *)"short";
	our.config.password = (char *)"s3cret";
	publisher_start();
	take_over("u0", 1), take_over("u1", 1);
}

static void a_missing_right_holds_back_all_that_follows_until_it_is_given(void **state)
{
	(void)state;
	as_short("-incr");
	flood(4);
	struct batch *later = batch_new(BATCH_VIEWS, "u0", 1);
	ADD(later, "SET", "later", "1");
	assert_int_equal(publisher_submit(our.p, later), 0);
	UNTIL(stats().errors_stop > 0);
	assert_false(atomic_load(&our.health.ready[HEALTH_REDIS]));
	assert_int_equal(ask_integer("EXISTS n later"), 0);
	ask("ACL SETUSER short +incr");
	flood_ends();
	assert_int_equal(ask_integer("EXISTS n later"), 2);
	UNTIL(atomic_load(&our.health.ready[HEALTH_REDIS]));
	ask("ACL DELUSER short");
}

static void rights_that_come_and_go_lose_nothing_and_let_nobody_write_without_a_fence(void **state)
{
	static const char *const of[] = { "multi", "exec" };
	(void)state;
	as_short("+incr");
	flood(20);
	for (unsigned i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		uint64_t seen = stats().errors_stop;
		ask("ACL SETUSER short -%s -incr", of[i]);
		flood(3);
		UNTIL(stats().errors_stop > seen);
		ask("ACL SETUSER short +%s +incr", of[i]);
		flood_ends_at(flood_sent);
	}
	/* the new owner is there when the right goes */
	long long n = ask_integer("GET n");
	uint64_t stopped = stats().errors_stop;
	ask("MULTI"), ask("HSET glint:task:u0 epoch 2 shown new"), ask("ACL SETUSER short -multi"), ask("EXEC");
	assert_int_equal(publisher_submit(our.p, incr("u0", 1, "n")), 0);
	UNTIL(stats().errors_stop > stopped);
	ask("ACL SETUSER short +multi");
	struct batch *b = collect();
	assert_int_equal(b->result, BATCH_FENCED);
	batch_destroy(b);
	assert_int_equal(ask_integer("GET n"), n);
	assert_string_equal(ask("HMGET glint:task:u0 epoch shown"), "2 new");
	ask("ACL DELUSER short");
}

static void a_task_whose_hash_is_none_is_told_as_wiped(void **state)
{
	char task[16];
	enum batch_status status = BATCH_DONE;
	(void)state;
	take_over("u0", 1), take_over("u1", 1);
	ask("DEL glint:task:u1"), ask("SET glint:task:u1 x");
	UNTIL(publisher_lost(our.p, task, &status));
	assert_string_equal(task, "u1");
	assert_int_equal(status, BATCH_WIPED);
	ends(incr("u0", 1, "n"), BATCH_DONE);
	assert_int_equal(stats().errors_stop, 0);
}

/* --- ways to connect --- */

static void tcp_an_acl_user_and_a_database_number_work(void **state)
{
	(void)state;
	ask("ACL SETUSER app on >pass:word ~glint:* ~n &glint:* +@all");
	publisher_stop();
	our.config.unix_path = NULL;
	our.config.host = (char *)"127.0.0.1";
	our.config.port = server.port;
	our.config.user = (char *)"app";
	our.config.password = (char *)"pass:word";
	our.config.db = 3;
	publisher_start();
	take_over("u0", 1);
	ends(incr("u0", 1, "n"), BATCH_DONE);
	assert_int_equal(ask_integer("EXISTS n"), 0);
	ask("SELECT 3");
	assert_int_equal(ask_integer("GET n"), 1);
	ask("SELECT 0");
	assert_non_null(strstr(ask("CLIENT LIST"), "user=app "));
	ask("ACL DELUSER app");
}

static void a_password_without_a_user_works(void **state)
{
	(void)state;
	ask("CONFIG SET requirepass open");
	publisher_stop();
	our.config.password = (char *)"open";
	publisher_start();
	take_over("u0", 1);
	ask("CONFIG SET requirepass %s", "");
}

static void a_wrong_password_is_told_and_the_daemon_goes_on(void **state)
{
	(void)state;
	publisher_stop();
	our.config.password = (char *)"wrong";
	our.config.user = (char *)"nobody";
	publisher_start();
	UNTIL(stats().errors_stop > 0);
	assert_false(stats().connected);
	UNTIL(strstr(our.health.why[HEALTH_REDIS], "WRONGPASS"));
}

static void no_server_is_no_error_at_the_start_and_the_end_keeps_its_deadline(void **state)
{
	(void)state;
	publisher_stop();
	our.config.unix_path = (char *)"/nonexistent/socket";
	publisher_start();
	assert_int_equal(publisher_submit(our.p, incr("u0", 1, "n")), 0);
	UNTIL(stats().errors_reconnect > 2);
	int64_t start = now_ms();
	publisher_destroy(our.p, 200);
	our.p = NULL;
	assert_in_range(now_ms() - start, 200, 1200);
}

static void what_was_submitted_is_written_before_a_clean_end(void **state)
{
	(void)state;
	take_over("u0", 1), take_over("u1", 1);
	flood(PUBLISHER_QUEUE);
	unsigned sent = flood_sent;
	flood_sent = 0;
	publisher_destroy(our.p, 5000);
	our.p = NULL;
	assert_int_equal(ask_integer("GET n"), sent);
	publisher_destroy(NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(nothing_is_lost_or_doubled_when_redis_is_killed_in_mid_run),
		WITH(memory_is_bounded_while_redis_is_away_and_a_wiped_one_is_told),
		WITH(the_queue_is_bounded_in_bytes_too),
		WITH(a_redis_that_does_not_answer_is_left_and_nothing_is_doubled),
		WITH(forgotten_scripts_are_loaded_again),
		WITH(a_full_redis_is_waited_for_on_the_same_connection),
		WITH(a_replica_is_left_until_it_takes_writes),
		WITH(a_redis_that_is_loading_is_waited_for),
		WITH(a_missing_right_holds_back_all_that_follows_until_it_is_given),
		WITH(rights_that_come_and_go_lose_nothing_and_let_nobody_write_without_a_fence),
		WITH(a_task_whose_hash_is_none_is_told_as_wiped),
		WITH(tcp_an_acl_user_and_a_database_number_work),
		WITH(a_password_without_a_user_works),
		WITH(a_wrong_password_is_told_and_the_daemon_goes_on),
		WITH(no_server_is_no_error_at_the_start_and_the_end_keeps_its_deadline),
		WITH(what_was_submitted_is_written_before_a_clean_end),
	};
	return cmocka_run_group_tests(tests, suite_setup, suite_teardown);
}
