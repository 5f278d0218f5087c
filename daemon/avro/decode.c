/* decode.h: framings, the schemas known by id and fingerprint, and what holds between fields.
 *
 * Longer than most: a quarter is the table of reasons and the settings' checks.
 */
#include "daemon/avro/decode.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/avro/plan.h"

#define MAX_SCHEMAS 1024 /* known ids; unknown ids remembered; fingerprints */
#define SLOTS 4096       /* of each hash table; a power of two, at most half full */
#define MAX_FILE (1 << 20)
#define MAX_TOTAL 1000000000000000LL

/* What an id or a fingerprint stands for. plan == NULL: refused for `reason`. */
struct known {
	uint64_t key;
	struct plan *plan;
	enum decode_reason reason; /* REASON_NONE with a plan; else of the refusal */
	bool used;
};

struct table {
	struct known *slots;
	uint32_t n_plans, n_refused;
};

struct decoder {
	enum event_kind kind;
	size_t event_bytes; /* of struct event, that its kind uses */
	enum framing framing;
	struct plan *bare; /* owned */
	struct table ids, fingerprints;
	char *ids_folder; /* or NULL */
	struct field_map *maps;
	size_t n_maps;
	struct run run;
	enum decode_reason reason;
	char problem[512];
};

const char *const decode_reasons[DECODE_REASONS] = {
	[REASON_NONE] = "",
	[REASON_EMPTY] = "empty",
	[REASON_TOO_LARGE] = "too_large",
	[REASON_TRUNCATED] = "truncated",
	[REASON_TRAILING_BYTES] = "trailing_bytes",
	[REASON_BAD_VARINT] = "bad_varint",
	[REASON_BAD_LENGTH] = "bad_length",
	[REASON_BAD_BLOCK] = "bad_block",
	[REASON_BAD_BOOLEAN] = "bad_boolean",
	[REASON_BAD_UNION_INDEX] = "bad_union_index",
	[REASON_BAD_ENUM_INDEX] = "bad_enum_index",
	[REASON_UNKNOWN_SYMBOL] = "unknown_symbol",
	[REASON_TYPE_MISMATCH] = "type_mismatch",
	[REASON_MISSING_FIELD] = "missing_field",
	[REASON_TOO_MANY_ITEMS] = "too_many_items",
	[REASON_TOO_DEEP] = "too_deep",
	[REASON_BAD_UTF8] = "bad_utf8",
	[REASON_CONTROL_CHARACTER] = "control_character",
	[REASON_EMPTY_ID] = "empty_id",
	[REASON_ID_TOO_LONG] = "id_too_long",
	[REASON_BAD_CURRENCY] = "bad_currency",
	[REASON_BAD_TS] = "bad_ts",
	[REASON_BAD_RATING] = "bad_rating",
	[REASON_OUT_OF_RANGE] = "out_of_range",
	[REASON_NO_SUBJECT] = "no_subject",
	[REASON_BAD_FRAMING] = "bad_framing",
	[REASON_UNKNOWN_SCHEMA_ID] = "unknown_schema_id",
	[REASON_UNKNOWN_FINGERPRINT] = "unknown_fingerprint",
	[REASON_UNUSABLE_SCHEMA] = "unusable_schema",
};

#define PART_BYTES(member) (offsetof(struct event, member) + sizeof(((struct event *)NULL)->member))
static const size_t event_bytes[EVENT_KINDS] = {
	[EVENT_CLICK] = PART_BYTES(click),
	[EVENT_PURCHASE] = PART_BYTES(purchase),
	[EVENT_REVIEW] = PART_BYTES(review),
	[EVENT_ITEM] = PART_BYTES(item),
};

int framing_parse(const char *name, enum framing *ret_framing)
{
	static const char *const names[] = { "auto", "bare", "single", "confluent" };

	for (size_t i = 0; i < sizeof(names) / sizeof *names; i++)
		if (!strcmp(name, names[i])) {
			*ret_framing = (enum framing)i;
			return 0;
		}
	return -EINVAL;
}

static struct known *look_up(struct table *table, uint64_t key)
{
	uint64_t hash = key * 0x9e3779b97f4a7c15ULL;
	uint32_t at = (uint32_t)(hash >> 52);

	_Static_assert(SLOTS == 1 << 12, "twelve bits of hash");
	while (table->slots[at].used && table->slots[at].key != key)
		at = (at + 1) & (SLOTS - 1);
	return &table->slots[at];
}

static int compile(struct decoder *d, const char *text, struct plan **ret_plan, char *error, size_t error_size)
{
	struct schema *schema;
	int rc = schema_parse(text, &schema, error, error_size);

	if (rc)
		return rc;
	rc = plan_compile(field_table_of(d->kind), schema, d->maps, d->n_maps, ret_plan, error, error_size);
	if (rc)
		schema_destroy(schema);
	return rc;
}

/* Text of a file of at most MAX_FILE bytes; the caller's. */
static int read_file(const char *path, char **ret_text)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc = 0;
	struct stat st;
	char *text = NULL;
	ssize_t n = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st))
		rc = -errno;
	else if (!S_ISREG(st.st_mode) || st.st_size > MAX_FILE)
		rc = -EFBIG;
	else if (!(text = malloc((size_t)st.st_size + 1)))
		rc = -ENOMEM;
	else if ((n = read(fd, text, (size_t)st.st_size)) < 0)
		rc = -errno;
	close(fd);
	if (rc) {
		free(text);
		return rc;
	}
	text[n] = '\0';
	*ret_text = text;
	return 0;
}

static void remember(struct table *table, uint64_t key, struct plan *plan, enum decode_reason reason)
{
	struct known *slot = look_up(table, key);

	*slot = (struct known){ key, plan, reason, true };
	if (plan)
		table->n_plans++;
	else
		table->n_refused++;
}

/* The file of an id: first sight. */
static const struct known *meet_id(struct decoder *d, uint32_t id)
{
	static const struct known stranger = { .reason = REASON_UNKNOWN_SCHEMA_ID };
	char path[4200], sentence[400], *text = NULL;
	struct plan *plan = NULL;
	enum decode_reason reason = REASON_NONE;
	int rc;

	if (!d->ids_folder || d->ids.n_refused >= MAX_SCHEMAS || d->ids.n_plans >= MAX_SCHEMAS)
		return &stranger;
	snprintf(path, sizeof(path), "%s/%" PRIu32 ".avsc", d->ids_folder, id);
	rc = read_file(path, &text);
	if (rc == -ENOENT) {
		reason = REASON_UNKNOWN_SCHEMA_ID;
	} else {
		reason = REASON_UNUSABLE_SCHEMA;
		if (rc)
			snprintf(sentence, sizeof(sentence), "%s", strerror(-rc));
		else if (!compile(d, text, &plan, sentence, sizeof(sentence)))
			reason = REASON_NONE;
		if (reason)
			snprintf(d->problem, sizeof(d->problem), "%" PRIu32 ".avsc: %s", id, sentence);
	}
	free(text);
	remember(&d->ids, id, plan, reason);
	return look_up(&d->ids, id);
}

/* Every *.avsc of the folder by its fingerprint. Other topics' schemas may lie there: what does not fit is remembered as such. */
static int scan_folder(struct decoder *d)
{
	DIR *dir = opendir(d->ids_folder);
	struct dirent *entry;
	char path[4500], sentence[400];

	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		size_t n = strlen(entry->d_name);
		struct schema *schema;
		struct plan *plan = NULL;
		char *text;
		if (n < 5 || strcmp(entry->d_name + n - 5, ".avsc") || d->fingerprints.n_plans >= MAX_SCHEMAS ||
			d->fingerprints.n_refused >= MAX_SCHEMAS)
			continue;
		snprintf(path, sizeof(path), "%s/%s", d->ids_folder, entry->d_name);
		if (read_file(path, &text))
			continue;
		int rc = schema_parse(text, &schema, sentence, sizeof(sentence));
		free(text);
		if (rc)
			continue;
		uint64_t fingerprint = schema->fingerprint;
		if (look_up(&d->fingerprints, fingerprint)->used) {
			schema_destroy(schema);
			continue;
		}
		rc = plan_compile(field_table_of(d->kind), schema, d->maps, d->n_maps, &plan, sentence, sizeof(sentence));
		if (rc) {
			schema_destroy(schema);
			snprintf(d->problem, sizeof(d->problem), "%.100s: %.400s", entry->d_name, sentence);
		}
		remember(&d->fingerprints, fingerprint, plan, rc ? REASON_UNUSABLE_SCHEMA : REASON_NONE);
	}
	closedir(dir);
	return 0;
}

static void or_default(uint32_t *limit, uint32_t value)
{
	if (!*limit)
		*limit = value;
}

static int set_limits(struct decoder *d, const struct decode_limits *limits, char *error, size_t error_size)
{
	struct decode_limits *l = &d->run.limits;

	*l = *limits;
	or_default(&l->max_bytes, 1 << 20);
	or_default(&l->max_items, 65536);
	or_default(&l->max_depth, 64);
	or_default(&l->max_id_bytes, 1024);
	if (!l->rating_min_milli && !l->rating_max_milli) {
		l->rating_min_milli = 500;
		l->rating_max_milli = 5000;
	}
	if (l->max_bytes > 1 << 30 || l->max_items > 1 << 24 || l->max_depth > 1000 || l->max_id_bytes < 64) {
		snprintf(error, error_size,
			"limits: at most 1 GiB, 16777216 items, depth 1000; ids of at least 64 bytes");
		return -EINVAL;
	}
	if (l->rating_min_milli > l->rating_max_milli) {
		snprintf(error, error_size, "rating_min is above rating_max");
		return -EINVAL;
	}
	return 0;
}

static int set_maps(struct decoder *d, const struct decoder_settings *settings)
{
	d->maps = calloc(settings->n_maps + 1, sizeof *d->maps);
	if (!d->maps)
		return -ENOMEM;
	for (; d->n_maps < settings->n_maps; d->n_maps++) {
		struct field_map *map = &d->maps[d->n_maps];
		map->field = strdup(settings->maps[d->n_maps].field);
		map->path = strdup(settings->maps[d->n_maps].path);
		if (!map->field || !map->path) {
			d->n_maps++;
			return -ENOMEM;
		}
	}
	return 0;
}

static int set_bare(struct decoder *d, const struct decoder_settings *settings, char *error, size_t error_size)
{
	const char *name = settings->schema_name ? settings->schema_name : "the schema";
	char sentence[400];
	int rc = compile(d, settings->schema ? settings->schema : schema_text_of(d->kind), &d->bare, sentence, sizeof(sentence));

	if (rc)
		snprintf(error, error_size, "%s: %s", name, sentence);
	return rc;
}

static int set_folder(struct decoder *d, const char *folder, char *error, size_t error_size)
{
	struct stat st;
	int rc = 0;

	if (strlen(folder) > 4096)
		rc = -ENAMETOOLONG;
	else if (!(d->ids_folder = strdup(folder)))
		rc = -ENOMEM;
	else if (stat(folder, &st))
		rc = -errno;
	else if (!S_ISDIR(st.st_mode))
		rc = -ENOTDIR;
	else if (d->framing != FRAMING_BARE && d->framing != FRAMING_CONFLUENT)
		rc = scan_folder(d);
	if (rc)
		snprintf(error, error_size, "%.200s: %s", folder, strerror(-rc));
	return rc;
}

/* The room for lines and attributes is as large as a record may ever need; pages that no record reaches are never touched. */
static int set_room(struct decoder *d)
{
	if (d->kind == EVENT_PURCHASE && !(d->run.lines = malloc(d->run.limits.max_items * sizeof *d->run.lines)))
		return -ENOMEM;
	if (d->kind == EVENT_ITEM && !(d->run.attributes = malloc(d->run.limits.max_items * sizeof *d->run.attributes)))
		return -ENOMEM;
	d->ids.slots = calloc(SLOTS, sizeof *d->ids.slots);
	d->fingerprints.slots = calloc(SLOTS, sizeof *d->fingerprints.slots);
	return d->ids.slots && d->fingerprints.slots ? 0 : -ENOMEM;
}

int decoder_create(enum event_kind kind, const struct decoder_settings *settings, struct decoder **ret_decoder, char *error,
	size_t error_size)
{
	struct decoder *d = calloc(1, sizeof *d);
	int rc;

	snprintf(error, error_size, "out of memory");
	if (!d)
		return -ENOMEM;
	d->kind = kind;
	d->event_bytes = event_bytes[kind];
	d->framing = settings->framing;
	rc = set_limits(d, &settings->limits, error, error_size);
	if (!rc)
		rc = set_room(d);
	if (!rc)
		rc = set_maps(d, settings);
	/* framed records bring their own: then ours is welcome, but need not suit the maps */
	if (!rc) {
		bool optional = !settings->schema && settings->ids_folder && settings->framing != FRAMING_BARE;
		rc = set_bare(d, settings, error, error_size);
		if (rc == -EINVAL && optional)
			rc = 0;
	}
	if (!rc && d->bare)
		remember(&d->fingerprints, d->bare->schema->fingerprint, d->bare, REASON_NONE);
	if (!rc && settings->framing == FRAMING_CONFLUENT && !settings->ids_folder) {
		snprintf(error, error_size, "framing confluent needs a folder of schemas by id");
		rc = -EINVAL;
	}
	if (!rc && settings->ids_folder)
		rc = set_folder(d, settings->ids_folder, error, error_size);
	if (rc) {
		decoder_destroy(d);
		return rc;
	}
	*error = '\0';
	*ret_decoder = d;
	return 0;
}

static void forget(const struct decoder *d, struct table *table)
{
	for (uint32_t i = 0; table->slots && i < SLOTS; i++)
		if (table->slots[i].plan != d->bare)
			plan_destroy(table->slots[i].plan);
	free(table->slots);
}

void decoder_destroy(struct decoder *d)
{
	if (!d)
		return;
	forget(d, &d->ids);
	forget(d, &d->fingerprints);
	plan_destroy(d->bare);
	for (size_t i = 0; i < d->n_maps; i++) {
		free((char *)d->maps[i].field);
		free((char *)d->maps[i].path);
	}
	free(d->maps);
	free(d->ids_folder);
	free(d->run.lines);
	free(d->run.attributes);
	free(d);
}

static void forget_refused(struct table *table)
{
	struct known *old = table->slots, *slots = calloc(SLOTS, sizeof *slots);

	if (!slots)
		return;
	table->slots = slots;
	table->n_refused = 0;
	for (uint32_t i = 0; i < SLOTS; i++)
		if (old[i].plan)
			*look_up(table, old[i].key) = old[i];
	free(old);
}

void decoder_refresh(struct decoder *d)
{
	forget_refused(&d->ids);
	forget_refused(&d->fingerprints);
	if (d->ids_folder && (d->framing == FRAMING_AUTO || d->framing == FRAMING_SINGLE))
		scan_folder(d);
}

/* Rules between fields. */
static enum decode_reason check_event(const struct event *e)
{
	int64_t total = 0, amount;

	switch (e->kind) {
	case EVENT_REVIEW:
		if (!e->review.item_id.data && !e->review.brand.data && !e->review.campaign_id.data)
			return REASON_NO_SUBJECT;
		break;
	case EVENT_PURCHASE:
		for (uint32_t i = 0; i < e->purchase.n_lines; i++) {
			const struct order_line *line = &e->purchase.lines[i];
			if (__builtin_mul_overflow(line->quantity, line->unit_price_minor, &amount) ||
				__builtin_add_overflow(total, amount, &total))
				return REASON_OUT_OF_RANGE;
		}
		if (total > MAX_TOTAL || total < -MAX_TOTAL)
			return REASON_OUT_OF_RANGE;
		break;
	default:
		break;
	}
	return REASON_NONE;
}

static enum decode_reason find_plan(struct decoder *d, const uint8_t *bytes, size_t size, const struct plan **ret_plan,
	size_t *ret_header)
{
	const struct known *known;
	uint64_t fingerprint;
	bool only_bare = d->framing == FRAMING_BARE, text_first = d->bare && d->bare->starts_with_text;

	if (!only_bare && bytes[0] == 0xc3 && size >= 10 && bytes[1] == 0x01 && d->framing != FRAMING_CONFLUENT) {
		memcpy(&fingerprint, bytes + 2, 8); /* little-endian, as this machine is */
		known = look_up(&d->fingerprints, fingerprint);
		*ret_header = 10;
		*ret_plan = known->plan;
		if (known->used)
			return known->reason;
		if (d->framing == FRAMING_SINGLE || text_first)
			return REASON_UNKNOWN_FINGERPRINT;
	}
	if (!only_bare && bytes[0] == 0 && size >= 5 && d->framing != FRAMING_SINGLE && d->ids_folder) {
		uint32_t id = (uint32_t)bytes[1] << 24 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 8 | bytes[4];
		known = look_up(&d->ids, id);
		if (!known->used)
			known = meet_id(d, id);
		*ret_header = 5;
		*ret_plan = known->plan;
		if (d->framing == FRAMING_CONFLUENT || known->plan || text_first)
			return known->reason;
	}
	if (d->framing == FRAMING_SINGLE || d->framing == FRAMING_CONFLUENT || !d->bare)
		return REASON_BAD_FRAMING;
	*ret_header = 0;
	*ret_plan = d->bare;
	return REASON_NONE;
}

int decoder_decode(struct decoder *d, const void *bytes, size_t size, struct event *ret_event)
{
	const struct plan *plan = NULL;
	size_t header = 0;

	d->run.field = NULL;
	if (!size)
		d->reason = REASON_EMPTY;
	else if (size > d->run.limits.max_bytes)
		d->reason = REASON_TOO_LARGE;
	else
		d->reason = find_plan(d, bytes, size, &plan, &header);
	if (d->reason)
		return -EBADMSG;
	memset(ret_event, 0, d->event_bytes); /* the kind's part alone; not a constant, or it becomes a slow `rep stos` */
	ret_event->kind = d->kind;
	if (plan_run(plan, &d->run, (const char *)bytes + header, size - header, ret_event))
		d->reason = d->run.reason;
	else
		d->reason = check_event(ret_event);
	return d->reason ? -EBADMSG : 0;
}

enum decode_reason decoder_reason(const struct decoder *d)
{
	return d->reason;
}

const char *decoder_field(const struct decoder *d)
{
	return d->run.field ? d->run.field : "";
}

const char *decoder_problem(const struct decoder *d)
{
	return d->problem;
}

uint64_t decoder_work(const struct decoder *d)
{
	return d->run.work;
}
