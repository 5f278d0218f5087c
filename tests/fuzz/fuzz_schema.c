/* libFuzzer target of the schema compiler: a writer's schema (up to the first NUL; the byte before it chooses our reader), then a record
 * in it. Whatever the schema says, compiling and decoding are bounded, and what is accepted keeps decode.h's promises.
 */
#include "fuzz.h"

#include "daemon/avro/decode.h"
#include "daemon/avro/schema.h"

static const struct field_map maps[] = { { "user_id", "visitor.id" }, { "item_id", "x.y.z" } };

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char error[512] = "";
	if (!size)
		return 0;
	uint8_t how = data[0];
	const uint8_t *text = data + 1, *end = memchr(text, '\0', size - 1);
	size_t n = end ? (size_t)(end - text) : size - 1;
	char *schema = malloc(n + 1);
	memcpy(schema, text, n);
	schema[n] = '\0';

	struct schema *parsed;
	if (schema_parse(schema, &parsed, error, sizeof(error)) == 0) {
		char *form = schema_canonical(parsed->json), why[512];
		struct schema *again;
		must(form != NULL && parsed->n_types <= 4096);
		must(schema_parse(form, &again, why, sizeof(why)) == 0); /* its canonical form is a schema, and its own form */
		must(again->fingerprint == parsed->fingerprint);
		schema_destroy(again);
		schema_destroy(parsed);
		free(form);
	} else {
		must(error[0] != '\0' && memchr(error, '\0', sizeof(error)) != NULL);
	}

	struct decoder_settings settings = { .framing = FRAMING_BARE, .schema = schema, .maps = maps, .n_maps = how / 4 % 3, .limits = { .max_items = 100 } };
	struct decoder *d;
	error[0] = '\0';
	if (decoder_create((enum event_kind)(how % EVENT_KINDS), &settings, &d, error, sizeof(error)) == 0) {
		struct event e;
		if (end && decoder_decode(d, end + 1, size - 2 - n, &e) == 0) {
			must(e.kind == EVENT_ITEM || e.ts > 0);
			must(e.kind == EVENT_ITEM || (e.user_id.data && e.user_id.size && e.user_id.size <= 1024));
			must(e.kind != EVENT_PURCHASE || e.purchase.n_lines <= 100);
		}
		decoder_destroy(d);
	} else {
		must(error[0] != '\0');
	}
	free(schema);
	return 0;
}
