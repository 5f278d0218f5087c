/* Global tables in memory; see model.h. */
#include "model.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <xxhash.h>

struct row {
	uint64_t hash;
	void *blocks[PROCESSORS];
};

struct catalogue_row {
	struct catalogue_item item;
	char *title; /* pool */
};

struct model {
	struct symbols *symbols;
	struct pool *pool;
	void *const *settings;
	struct row **rows[KEY_KINDS]; /* by symbol */
	uint32_t limit[KEY_KINDS];
	struct control **controls[KEY_KINDS]; /* by symbol */
	uint32_t controls_limit[KEY_KINDS], n_controls;
	uint64_t control_changes;
	struct pin pins[PINS_MAX];
	uint32_t n_pins;
	struct catalogue_row **catalogue;
	uint32_t catalogue_limit;
	uint64_t n_rows, n_catalogue;
	uint64_t version; /* rows that were taken in or deleted, in all */
};

const char *const key_kind_names[KEY_KINDS] = { "", "item", "campaign", "category", "brand", "aspect", "all" };

static void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

struct model *model_create(struct symbols *symbols, struct pool *pool, void *const *settings)
{
	struct model *m = must(calloc(1, sizeof(*m)));
	m->symbols = symbols;
	m->pool = pool;
	m->settings = settings;
	return m;
}

static void row_free(struct model *m, struct row *row)
{
	for (int p = 0; p < PROCESSORS; p++) {
		if (!row->blocks[p])
			continue;
		if (processors[p]->model.done)
			processors[p]->model.done(row->blocks[p], m->pool);
		pool_free(m->pool, row->blocks[p], processors[p]->model.size);
	}
	pool_free(m->pool, row, sizeof(*row));
}

static void catalogue_free(struct model *m, struct catalogue_row *row)
{
	pool_free(m->pool, row->title, row->item.title.size);
	pool_free(m->pool, row, sizeof(*row));
}

void model_clear(struct model *m)
{
	for (int k = 0; k < KEY_KINDS; k++)
		for (uint32_t i = 0; i < m->limit[k]; i++)
			if (m->rows[k][i]) {
				row_free(m, m->rows[k][i]);
				m->rows[k][i] = NULL;
			}
	for (uint32_t i = 0; i < m->catalogue_limit; i++)
		if (m->catalogue[i]) {
			catalogue_free(m, m->catalogue[i]);
			m->catalogue[i] = NULL;
		}
	for (int k = 0; k < KEY_KINDS; k++)
		for (uint32_t i = 0; i < m->controls_limit[k]; i++)
			model_control_load(m, (struct key){ (uint8_t)k, i }, NULL);
	m->n_rows = m->n_catalogue = 0;
	m->version++;
}

void model_destroy(struct model *m)
{
	if (!m)
		return;
	model_clear(m);
	for (int k = 0; k < KEY_KINDS; k++) {
		free(m->rows[k]);
		free(m->controls[k]);
	}
	free(m->catalogue);
	free(m);
}

static void *fit(void *array, uint32_t *limit, uint32_t need)
{
	uint32_t grown = *limit ? *limit : 1024;
	while (grown < need)
		grown *= 2;
	void **p = must(realloc(array, sizeof(void *) * grown));
	memset(p + *limit, 0, sizeof(void *) * (grown - *limit));
	*limit = grown;
	return p;
}

static struct row *row_of(const struct model *m, struct key key)
{
	return key.id < m->limit[key.kind] ? m->rows[key.kind][key.id] : NULL;
}

void key_format(const struct symbols *s, struct key key, struct buf *to)
{
	buf_bytes(to, key_kind_names[key.kind], strlen(key_kind_names[key.kind]));
	if (key.kind == KEY_ALL)
		return;
	struct text id = symbols_text(s, key.id);
	buf_u8(to, ':');
	buf_bytes(to, id.data, id.size);
}

int key_parse(struct symbols *s, struct text t, struct key *ret)
{
	for (uint8_t k = 1; k < KEY_KINDS; k++) {
		size_t n = strlen(key_kind_names[k]);
		if (t.size < n || memcmp(t.data, key_kind_names[k], n) != 0)
			continue;
		if (k == KEY_ALL) {
			if (t.size != n)
				continue;
			*ret = (struct key){ k, 0 };
			return 0;
		}
		if (t.size < n + 2 || t.data[n] != ':')
			continue;
		*ret = (struct key){ k, symbols_intern(s, (struct text){ t.data + n + 1, t.size - (uint32_t)n - 1 }) };
		return 0;
	}
	return -EBADMSG;
}

int model_row_load(struct model *m, struct text row_key, struct text value)
{
	struct key key;
	if (key_parse(m->symbols, row_key, &key) < 0)
		return -EBADMSG;
	struct row *row = NULL;
	if (value.data) {
		row = pool_alloc(m->pool, sizeof(*row));
		row->hash = XXH3_64bits(value.data, value.size);
		struct reader r = reader_of(value.data, value.size);
		while (reader_left(&r) && !r.bad) {
			uint8_t p = reader_u8(&r);
			uint16_t version = reader_u16(&r);
			struct text section = reader_text(&r);
			if (p >= PROCESSORS || !processors[p]->model.size)
				continue; /* of a newer version: its readers are not here */
			struct reader in = reader_of(section.data, section.size);
			row->blocks[p] = pool_alloc(m->pool, processors[p]->model.size);
			if (processors[p]->model.load(m->settings[p], row->blocks[p], version, &in, m->symbols, m->pool) < 0)
				r.bad = true;
		}
		if (r.bad) {
			row_free(m, row);
			return -EBADMSG;
		}
	}
	if (key.id >= m->limit[key.kind])
		m->rows[key.kind] = fit(m->rows[key.kind], &m->limit[key.kind], key.id + 1);
	struct row **at = &m->rows[key.kind][key.id];
	m->n_rows += (row != NULL) - (*at != NULL);
	m->version++;
	if (*at)
		row_free(m, *at);
	*at = row;
	return 0;
}

uint64_t model_row_hash(const struct model *m, struct key key)
{
	const struct row *row = row_of(m, key);
	return row ? row->hash : 0;
}

const void *model_block(const struct model *m, enum processor_id p, struct key key)
{
	const struct row *row = row_of(m, key);
	return row ? row->blocks[p] : NULL;
}

void model_soon(const struct model *m, enum processor_id p, struct key key, unsigned step)
{
	if (key.id >= m->limit[key.kind])
		return;
	struct row *const *slot = &m->rows[key.kind][key.id];
	if (step == 0)
		__builtin_prefetch(slot);
	else if (*slot && step == 1)
		__builtin_prefetch(&(*slot)->blocks[p]);
	else if (*slot)
		__builtin_prefetch((*slot)->blocks[p]);
}

uint64_t model_version(const struct model *m)
{
	return m->version;
}

const struct catalogue_item *model_catalogue(const struct model *m, symbol_t item)
{
	static const struct catalogue_item unknown = { .available = true, .first_seen = INT64_MIN };
	if (item < m->catalogue_limit && m->catalogue[item])
		return &m->catalogue[item]->item;
	return &unknown;
}

symbol_t model_next(const struct model *m, enum key_kind kind, symbol_t after)
{
	for (uint32_t i = after + 1; i < m->limit[kind]; i++)
		if (m->rows[kind][i])
			return i;
	return 0;
}

bool model_catalogued(const struct model *m)
{
	return m->n_catalogue > 0;
}

symbol_t model_catalogue_next(const struct model *m, symbol_t after)
{
	for (uint32_t i = after + 1; i < m->catalogue_limit; i++)
		if (m->catalogue[i])
			return i;
	return 0;
}

static struct text colour_of(const struct catalogue_event *item)
{
	for (uint32_t i = 0; i < item->n_attributes; i++)
		if (text_equal(item->attributes[i].name, TEXT("colour")) || text_equal(item->attributes[i].name, TEXT("color")))
			return item->attributes[i].value;
	return (struct text){ NULL, 0 };
}

/* Puts row in the place of what was there; NULL: nothing is known of the item any more, not even that it is gone. */
static void catalogue_put(struct model *m, symbol_t id, struct catalogue_row *row)
{
	if (id >= m->catalogue_limit)
		m->catalogue = fit(m->catalogue, &m->catalogue_limit, id + 1);
	struct catalogue_row *before = m->catalogue[id];
	m->n_catalogue += (uint64_t)(row && row->item.known) - (uint64_t)(before && before->item.known);
	if (before)
		catalogue_free(m, before);
	m->catalogue[id] = row;
}

void model_catalogue_load(struct model *m, const struct event *e)
{
	symbol_t id = symbols_intern(m->symbols, e->item.item_id);
	struct catalogue_row *row = pool_alloc(m->pool, sizeof(*row));
	row->title = pool_alloc(m->pool, e->item.title.size);
	if (e->item.title.size)
		memcpy(row->title, e->item.title.data, e->item.title.size);
	row->item = (struct catalogue_item){
		.category = symbols_intern(m->symbols, e->item.category),
		.brand = symbols_intern(m->symbols, e->item.brand),
		.currency = symbols_intern(m->symbols, e->item.currency),
		.colour = symbols_intern(m->symbols, colour_of(&e->item)),
		.price_minor = e->item.price_minor,
		.price_band = e->item.price_minor > 0 ? (uint8_t)(1 + floor(2 * log2((double)e->item.price_minor))) : 0,
		.first_seen = e->item.has_first_seen ? e->item.first_seen : INT64_MIN,
		.available = e->item.available,
		.known = true,
		.title = { row->title, e->item.title.size },
	};
	catalogue_put(m, id, row);
}

void model_catalogue_delete(struct model *m, struct text item_id)
{
	symbol_t id = symbols_intern(m->symbols, item_id); /* its other rows may be read later */
	if (!id)
		return;
	struct catalogue_row *gone = pool_alloc(m->pool, sizeof(*gone));
	gone->item = (struct catalogue_item){ .first_seen = INT64_MIN };
	catalogue_put(m, id, gone);
}

void model_catalogue_sweep(struct model *m)
{
	for (uint32_t i = 0; i < m->catalogue_limit; i++)
		if (m->catalogue[i] && !m->catalogue[i]->item.known && !symbols_marked(m->symbols, i))
			catalogue_put(m, i, NULL);
}

/* ---- control ---- */

static bool pin_before(const struct model *m, struct pin a, struct pin b)
{
	if (a.place != b.place)
		return a.place < b.place;
	struct text x = symbols_text(m->symbols, a.item), y = symbols_text(m->symbols, b.item);
	int order = memcmp(x.data, y.data, x.size < y.size ? x.size : y.size);
	return order ? order < 0 : x.size < y.size;
}

static void find_pins(struct model *m)
{
	m->n_pins = 0;
	for (symbol_t i = 0; (i = model_control_next(m, KEY_ITEM, i));) {
		struct pin p = { i, m->controls[KEY_ITEM][i]->pin };
		if (p.place < 0 || (m->n_pins == PINS_MAX && !pin_before(m, p, m->pins[PINS_MAX - 1])))
			continue;
		uint32_t at = m->n_pins < PINS_MAX ? m->n_pins++ : PINS_MAX - 1;
		for (; at > 0 && pin_before(m, p, m->pins[at - 1]); at--)
			m->pins[at] = m->pins[at - 1];
		m->pins[at] = p;
	}
}

void model_control_load(struct model *m, struct key key, const struct control *control)
{
	m->control_changes++;
	if (key.id >= m->controls_limit[key.kind]) {
		if (!control)
			return;
		m->controls[key.kind] = fit(m->controls[key.kind], &m->controls_limit[key.kind], key.id + 1);
	}
	struct control **at = &m->controls[key.kind][key.id];
	bool pinned = (*at && (*at)->pin >= 0) || (control && control->pin >= 0);
	if (control && !*at) {
		*at = pool_alloc(m->pool, sizeof(**at));
		m->n_controls++;
	} else if (!control && *at) {
		pool_free(m->pool, *at, sizeof(**at));
		*at = NULL;
		m->n_controls--;
	}
	if (control)
		**at = *control;
	if (pinned)
		find_pins(m);
}

const struct control *model_control(const struct model *m, struct key key)
{
	return key.id < m->controls_limit[key.kind] ? m->controls[key.kind][key.id] : NULL;
}

symbol_t model_control_next(const struct model *m, enum key_kind kind, symbol_t after)
{
	for (uint32_t i = after + 1; i < m->controls_limit[kind]; i++)
		if (m->controls[kind][i])
			return i;
	return 0;
}

uint64_t model_control_changes(const struct model *m)
{
	return m->control_changes;
}

const struct pin *model_pins(const struct model *m, uint32_t *ret_n)
{
	*ret_n = m->n_pins;
	return m->pins;
}

bool model_controlled(const struct model *m)
{
	return m->n_controls > 0;
}

void model_mark(const struct model *m, struct symbols *symbols)
{
	for (int k = 0; k < KEY_KINDS; k++)
		for (symbol_t i = 0; (i = model_control_next(m, (enum key_kind)k, i));)
			symbols_mark(symbols, i);
	for (int k = 0; k < KEY_KINDS; k++)
		for (uint32_t i = 0; i < m->limit[k]; i++) {
			const struct row *row = m->rows[k][i];
			if (!row)
				continue;
			symbols_mark(symbols, i);
			for (int p = 0; p < PROCESSORS; p++)
				if (row->blocks[p] && processors[p]->model.mark)
					processors[p]->model.mark(row->blocks[p], symbols);
		}
	for (uint32_t i = 0; i < m->catalogue_limit; i++) {
		if (!m->catalogue[i] || !m->catalogue[i]->item.known)
			continue;
		symbols_mark(symbols, i);
		symbols_mark(symbols, m->catalogue[i]->item.category);
		symbols_mark(symbols, m->catalogue[i]->item.brand);
		symbols_mark(symbols, m->catalogue[i]->item.currency);
		symbols_mark(symbols, m->catalogue[i]->item.colour);
	}
}

uint64_t model_rows(const struct model *m)
{
	return m->n_rows;
}

uint64_t model_catalogue_rows(const struct model *m)
{
	return m->n_catalogue;
}
