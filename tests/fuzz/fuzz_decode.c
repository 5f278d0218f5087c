/* libFuzzer target of the decoder: the first byte chooses one of the decoders below, the rest is the message.
 *
 * What is accepted must keep decode.h's promises: texts inside the message and valid UTF-8, ids without control characters,
 * numbers in range, work bounded. Run by tests/fuzz/run.sh (`make fuzz`).
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/avro/decode.h"
#include "daemon/avro/utf8.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define IDS "{\"name\":\"event_id\",\"type\":\"string\"},{\"name\":\"ts\",\"type\":\"long\"},{\"name\":\"user_id\",\"type\":[\"string\",\"null\"]}"

/* removed fields of every kind around a few of ours; recursion; nested maps, arrays and unions */
static const char shop_click[] =
	"{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"n\",\"type\":{\"type\":\"record\",\"name\":\"N\",\"fields\":["
	"{\"name\":\"x\",\"type\":[\"null\",\"N\",\"string\",{\"type\":\"array\",\"items\":\"N\"}]},{\"name\":\"b\",\"type\":\"boolean\"}]}}," IDS
	",{\"name\":\"u\",\"type\":{\"type\":\"array\",\"items\":\"null\"}},{\"name\":\"m\",\"type\":{\"type\":\"map\",\"values\":[\"double\",\"bytes\"]}},"
	"{\"name\":\"f\",\"type\":{\"type\":\"fixed\",\"name\":\"F\",\"size\":3}},{\"name\":\"action\",\"type\":{\"type\":\"enum\",\"name\":\"A\",\"symbols\":"
	"[\"VIEW\",\"SHARE\",\"CLICK\"]}},{\"name\":\"g\",\"type\":\"float\"},{\"name\":\"visit\",\"type\":[\"null\",{\"type\":\"record\",\"name\":\"V\","
	"\"fields\":[{\"name\":\"item\",\"type\":\"bytes\"},{\"name\":\"how\",\"type\":\"A\"},{\"name\":\"ms\",\"type\":[\"int\",\"null\",\"long\"]}]}]}]}";
static const struct field_map click_maps[] = { { "item_id", "visit.item" },
	{ "query", "visit.item" },
	{ "channel", "visit.how" },
	{ "dwell_ms", "visit.ms" } };

static const char shop_purchase[] =
	"{\"type\":\"record\",\"name\":\"R\",\"fields\":[" IDS ",{\"name\":\"order_id\",\"type\":\"string\"},{\"name\":\"currency\",\"type\":\"string\"},"
	"{\"name\":\"lines\",\"type\":[\"null\",{\"type\":\"array\",\"items\":[\"null\",{\"type\":\"record\",\"name\":\"L\",\"fields\":["
	"{\"name\":\"tags\",\"type\":{\"type\":\"array\",\"items\":\"string\"}},{\"name\":\"item_id\",\"type\":\"string\"},"
	"{\"name\":\"quantity\",\"type\":\"int\"},{\"name\":\"unit_price_minor\",\"type\":\"long\"}]}]}]}]}";

static const char shop_review[] =
	"{\"type\":\"record\",\"name\":\"R\",\"fields\":[" IDS ",{\"name\":\"text\",\"type\":[\"bytes\",\"string\"]},{\"name\":\"brand\",\"type\":\"string\"},"
	"{\"name\":\"rating\",\"type\":[\"null\",\"int\",\"long\",\"float\",\"double\"]}]}";

static struct decoder *decoders[8];

static void add(int i, enum event_kind kind, struct decoder_settings settings)
{
	char error[512];

	if (decoder_create(kind, &settings, &decoders[i], error, sizeof(error))) {
		fprintf(stderr, "fuzz_decode: %s\n", error);
		exit(1);
	}
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	for (int kind = 0; kind < EVENT_KINDS; kind++)
		add(kind, (enum event_kind)kind, (struct decoder_settings){ .framing = FRAMING_BARE });
	add(4, EVENT_CLICK, (struct decoder_settings){ .framing = FRAMING_BARE, .schema = shop_click, .maps = click_maps, .n_maps = 4 });
	add(5, EVENT_PURCHASE, (struct decoder_settings){ .framing = FRAMING_BARE, .schema = shop_purchase, .limits = { .max_items = 100 } });
	add(6, EVENT_REVIEW, (struct decoder_settings){ .framing = FRAMING_BARE, .schema = shop_review });
	add(7, EVENT_CLICK, (struct decoder_settings){ .framing = FRAMING_AUTO, .ids_folder = "schemas" });
	return 0;
}

static const uint8_t *message, *message_end;

static void must(bool true_or_not)
{
	if (!true_or_not)
		abort();
}

static void check(struct text text, bool id, bool required, bool inside)
{
	bool control = false;

	must(!required || text.data);
	if (!text.data)
		return;
	if (inside)
		must((const uint8_t *)text.data >= message && (const uint8_t *)text.data + text.size <= message_end);
	must(utf8_valid_slow((const uint8_t *)text.data, text.size, &control));
	if (id)
		must(!control && text.size > 0 && text.size <= 1024);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct decoder *d;
	struct event e;

	if (!size)
		return 0;
	d = decoders[*data % 8];
	message = data + 1;
	message_end = data + size;
	if (decoder_decode(d, message, size - 1, &e)) {
		must(decoder_reason(d) > REASON_NONE && decoder_reason(d) < DECODE_REASONS);
		must(decode_reasons[decoder_reason(d)] && decoder_field(d));
		return 0;
	}
	must(decoder_work(d) <= 64 * size + 65536);
	if (e.kind != EVENT_ITEM) {
		must(e.ts > 0);
		check(e.event_id, true, true, true);
		check(e.user_id, true, true, true);
	}
	switch (e.kind) {
	case EVENT_CLICK:
		must(e.click.action < ACTIONS && e.click.dwell_ms >= 0 && e.click.position >= 0);
		check(e.click.session_id, true, false, true);
		check(e.click.item_id, true, false, true);
		check(e.click.campaign_id, true, false, true);
		check(e.click.query, false, false, true);
		check(e.click.variant, true, false, true);
		check(e.click.rec_id, true, false, true);
		check(e.click.placement, true, false, true);
		check(e.click.channel, true, false, false);
		break;
	case EVENT_PURCHASE:
		must(e.purchase.kind < PURCHASE_KINDS && e.purchase.currency.size == 3 && e.purchase.discount_minor >= 0);
		check(e.purchase.order_id, true, true, true);
		for (uint32_t i = 0; i < e.purchase.n_lines; i++) {
			check(e.purchase.lines[i].item_id, true, true, true);
			must(e.purchase.lines[i].quantity >= 0);
		}
		break;
	case EVENT_REVIEW:
		check(e.review.text, false, true, true);
		check(e.review.title, false, false, true);
		check(e.review.lang, true, false, true);
		must(e.review.rating_milli == 0 || (e.review.rating_milli >= 500 && e.review.rating_milli <= 5000));
		must(e.review.item_id.data || e.review.brand.data || e.review.campaign_id.data);
		break;
	default:
		check(e.item.item_id, true, true, true);
		check(e.item.title, false, true, true);
		check(e.item.category, true, false, true);
		must(e.item.currency.size == 3 && e.item.price_minor >= 0);
		for (uint32_t i = 0; i < e.item.n_attributes; i++) {
			check(e.item.attributes[i].name, true, true, true);
			check(e.item.attributes[i].value, false, true, true);
		}
	}
	return 0;
}
