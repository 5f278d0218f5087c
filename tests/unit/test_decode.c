/* decode.h: resolution, framings and the checks on values, over bytes written by hand from the Avro 1.11 specification. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/avro/decode.h"
#include "daemon/avro/encode.h"

#define BYTES(literal) (literal), sizeof(literal) - 1

static struct decoder *make(enum event_kind kind, struct decoder_settings settings)
{
	struct decoder *d = NULL;
	char error[512];

	if (decoder_create(kind, &settings, &d, error, sizeof(error)))
		fail_msg("%s", error);
	return d;
}

static struct decoder *make_bare(enum event_kind kind, const char *schema)
{
	return make(kind, (struct decoder_settings){ .framing = FRAMING_BARE, .schema = schema });
}

static void assert_text(struct text text, const char *expected)
{
	if (!expected) {
		assert_null(text.data);
		return;
	}
	assert_non_null(text.data);
	assert_int_equal(text.size, strlen(expected));
	assert_memory_equal(text.data, expected, text.size);
}

static void assert_refused(struct decoder *d, const char *bytes, size_t size, const char *reason, const char *field)
{
	struct event e;

	if (!decoder_decode(d, bytes, size, &e))
		fail_msg("accepted, expected %s", reason);
	assert_string_equal(decode_reasons[decoder_reason(d)], reason);
	assert_string_equal(decoder_field(d), field);
}

/* Decodes a record that must be right, in a decoder of its own schema; the decoder is kept in *ret. */
static struct event read_one(struct decoder *d, const char *bytes, size_t size)
{
	struct event e;

	if (decoder_decode(d, bytes, size, &e))
		fail_msg("refused: %s %s", decode_reasons[decoder_reason(d)], decoder_field(d));
	return e;
}

/* "e1", ts 1 (02), "u1", action VIEW (02) */
#define CLICK_HEAD "\x04"                                                                                             \
		   "e1"                                                                                               \
		   "\x02"                                                                                             \
		   "\x04"                                                                                             \
		   "u1"                                                                                               \
		   "\x02"

static void a_bare_click_of_our_own_schema_is_read_field_by_field(void **state)
{
	(void)state;
	struct decoder *d = make_bare(EVENT_CLICK, NULL);
	/* session null, item "i", campaign null, query "h\xc3\xa9", dwell 1234 (a4 13), variant null, rec null, position 0,
	 * placement "", channel null */
	struct event e = read_one(d, BYTES(CLICK_HEAD "\x00\x02\x02i\x00\x02\x06h\xc3\xa9\x02\xa4\x13\x00\x00\x02\x00\x02\x00\x00"));
	assert_int_equal(e.kind, EVENT_CLICK);
	assert_int_equal(e.ts, 1);
	assert_text(e.event_id, "e1");
	assert_text(e.user_id, "u1");
	assert_int_equal(e.click.action, ACTION_VIEW);
	assert_text(e.click.session_id, NULL);
	assert_text(e.click.item_id, "i");
	assert_text(e.click.query, "h\xc3\xa9");
	assert_true(e.click.has_dwell_ms);
	assert_int_equal(e.click.dwell_ms, 1234);
	assert_true(e.click.has_position);
	assert_int_equal(e.click.position, 0);
	assert_text(e.click.placement, NULL); /* an empty optional id is absent */
	decoder_destroy(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bare_click_of_our_own_schema_is_read_field_by_field),
	};
	(void)assert_refused;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
