/* Combines and encodes deltas; see combiner.h. Its speed is that of the user stage: an event makes a dozen of them.
 *
 * Entries lie one behind the other; an open-addressing index of 32-bit numbers finds the one to add to. Its places are far apart in
 * memory, so emit_*() only puts the delta into a small queue; when that is full the places of all of it are asked for, then it is added, by
 * which time they have come. Encoding sorts the numbers of the entries by key, which takes no comparisons: keys are numbered.
 */
#include "combiner.h"

#include <errno.h>
#include <stdlib.h>

#include "processors/huge.h"

struct entry {
	uint64_t what; /* number of the key << 16 | merge << 14 | processor << 8 | metric */
	uint64_t k2;   /* sub << 32 | pane */
	int64_t amount;
};

struct pending {
	struct entry entry; /* without the number of the key until drain() */
	struct key key;
	uint32_t hash;
};

struct list_entry {
	uint32_t next; /* index + 1 */
	uint8_t processor, metric;
	int32_t pane;
	uint32_t size;
	size_t offset; /* in list_bytes */
};

struct group {
	struct key key;
	uint32_t next; /* next group of the partition, +1 */
	uint32_t n_lists, list_head, list_tail;
};

enum { FIRST_SLOTS = 1 << 12,
	QUEUE = 32,
	AHEAD = 8,
	CHUNK_BYTES = 96 << 10 };

struct emitter {
	struct symbols *symbols;
	uint32_t partitions;
	bool silent;
	struct pending queue[QUEUE];
	uint32_t n_queue;
	struct entry *entries; /* half of the slots at most */
	uint32_t *slots;       /* entry + 1; 0 = free */
	uint32_t mask, used;
	uint32_t *order, *starts; /* encoding: entries by group; where each group begins */
	uint32_t starts_capacity;
	struct group *groups;
	uint32_t n_groups, groups_capacity;
	uint32_t *heads; /* per partition: first group, +1 */
	struct list_entry *lists;
	uint32_t n_lists, lists_capacity;
	struct buf list_bytes;
	uint32_t *group_of[KEY_KINDS]; /* by symbol: group + 1 */
	uint32_t group_of_size[KEY_KINDS];
	uint64_t *local; /* by symbol: message stamp << 32 | number in the message */
	uint32_t local_size, stamp;
	struct buf strings, body, message;
	uint32_t n_strings;
	uint64_t emitted;
};

static void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

static void tables_make(struct emitter *e, uint32_t slots)
{
	e->mask = slots - 1;
	e->slots = huge_alloc(slots * sizeof(*e->slots));
	e->entries = huge_alloc((size_t)slots / 2 * sizeof(*e->entries));
	e->order = huge_alloc((size_t)slots / 2 * sizeof(*e->order));
}

static void tables_free(struct emitter *e, uint32_t slots)
{
	huge_free(e->slots, slots * sizeof(*e->slots));
	huge_free(e->entries, (size_t)slots / 2 * sizeof(*e->entries));
	huge_free(e->order, (size_t)slots / 2 * sizeof(*e->order));
}

struct emitter *combiner_create(struct symbols *symbols, uint32_t partitions)
{
	struct emitter *e = must(calloc(1, sizeof(*e)));
	e->symbols = symbols;
	e->partitions = partitions;
	tables_make(e, FIRST_SLOTS);
	e->heads = must(calloc(partitions, sizeof(*e->heads)));
	return e;
}

void combiner_destroy(struct emitter *e)
{
	if (!e)
		return;
	tables_free(e, e->mask + 1);
	free(e->starts);
	free(e->groups);
	free(e->heads);
	free(e->lists);
	for (int k = 0; k < KEY_KINDS; k++)
		free(e->group_of[k]);
	free(e->local);
	buf_done(&e->list_bytes);
	buf_done(&e->strings);
	buf_done(&e->body);
	buf_done(&e->message);
	free(e);
}

void combiner_silence(struct emitter *e, bool silent)
{
	e->silent = silent;
}

size_t combiner_bytes(const struct emitter *e)
{
	return (size_t)e->used * 8 + e->list_bytes.size + (size_t)e->n_groups * 24;
}

uint64_t combiner_emitted(const struct emitter *e)
{
	return e->emitted;
}

bool combiner_empty(const struct emitter *e)
{
	return e->n_groups == 0 && e->n_queue == 0;
}

uint32_t partition_of_key(const struct symbols *s, struct key key, uint32_t partitions)
{
	if (key.kind == KEY_ALL)
		return 0;
	uint64_t h = (symbols_hash(s, key.id) ^ key.kind) * 0x9e3779b97f4a7c15u;
	return (uint32_t)((h >> 32) * partitions >> 32);
}

static inline uint32_t mix(uint64_t what, uint64_t k2)
{
	__uint128_t m = (__uint128_t)(what ^ 0x9e3779b97f4a7c15u) * (k2 ^ 0xa0761d6478bd642fu);
	return (uint32_t)((uint64_t)m ^ (uint64_t)(m >> 64));
}

static uint32_t *fit(uint32_t *array, uint32_t *size, uint32_t need)
{
	if (need <= *size)
		return array;
	uint32_t grown = *size ? *size : 1024;
	while (grown < need)
		grown *= 2;
	array = must(realloc(array, sizeof(*array) * grown));
	memset(array + *size, 0, sizeof(*array) * (grown - *size));
	*size = grown;
	return array;
}

static uint32_t group_new(struct emitter *e, struct key key)
{
	uint32_t **table = &e->group_of[key.kind];
	if (key.id >= e->group_of_size[key.kind])
		*table = fit(*table, &e->group_of_size[key.kind], key.id + 1);
	if (e->n_groups == e->groups_capacity) {
		e->groups_capacity = e->groups_capacity ? e->groups_capacity * 2 : 256;
		e->groups = must(realloc(e->groups, sizeof(*e->groups) * e->groups_capacity));
	}
	uint32_t partition = partition_of_key(e->symbols, key, e->partitions);
	e->groups[e->n_groups++] = (struct group){ .key = key, .next = e->heads[partition] };
	e->heads[partition] = (*table)[key.id] = e->n_groups;
	return e->n_groups - 1;
}

static inline uint32_t group_of(struct emitter *e, struct key key)
{
	uint32_t g = key.id < e->group_of_size[key.kind] ? e->group_of[key.kind][key.id] : 0;
	return g ? g - 1 : group_new(e, key);
}

static void grow(struct emitter *e)
{
	struct emitter old = *e;
	tables_make(e, 2 * (old.mask + 1));
	memcpy(e->entries, old.entries, old.used * sizeof(*e->entries));
	for (uint32_t i = 0; i < e->used; i++) {
		uint32_t at = mix(e->entries[i].what, e->entries[i].k2) & e->mask;
		while (e->slots[at])
			at = (at + 1) & e->mask;
		e->slots[at] = i + 1;
	}
	tables_free(&old, old.mask + 1);
}

static void add(struct emitter *e, const struct pending *p)
{
	uint32_t i = p->hash & e->mask;
	for (; e->slots[i]; i = (i + 1) & e->mask) {
		struct entry *x = &e->entries[e->slots[i] - 1];
		if (x->what != p->entry.what || x->k2 != p->entry.k2)
			continue;
		if ((x->what >> 14 & 3) == MERGE_SUM)
			x->amount += p->entry.amount;
		else if (p->entry.amount > x->amount)
			x->amount = p->entry.amount;
		return;
	}
	e->entries[e->used++] = p->entry;
	e->slots[i] = e->used;
	if (e->used * 2ull > e->mask)
		grow(e);
}

static void drain(struct emitter *e)
{
	for (uint32_t i = 0; i < e->n_queue; i++) {
		struct pending *p = &e->queue[i];
		p->entry.what |= (uint64_t)group_of(e, p->key) << 16;
		p->hash = mix(p->entry.what, p->entry.k2);
		__builtin_prefetch(&e->slots[p->hash & e->mask], 1);
	}
	for (uint32_t i = 0; i < e->n_queue; i++) {
		uint32_t found = e->slots[e->queue[i].hash & e->mask];
		if (found)
			__builtin_prefetch(&e->entries[found - 1], 1);
	}
	for (uint32_t i = 0; i < e->n_queue; i++)
		add(e, &e->queue[i]);
	e->n_queue = 0;
}

static inline void put(struct emitter *e, enum processor_id p, struct key key, uint8_t metric, uint32_t sub, int32_t pane, int64_t amount,
		       enum merge merge)
{
	if (e->silent)
		return;
	e->emitted++;
	struct pending *x = &e->queue[e->n_queue++];
	x->entry = (struct entry){ (uint64_t)merge << 14 | (uint64_t)p << 8 | metric, (uint64_t)sub << 32 | (uint32_t)pane, amount };
	x->key = key;
	if (e->n_queue == QUEUE)
		drain(e);
}

void emit_sum(struct emitter *e, enum processor_id p, struct key key, uint8_t metric, symbol_t sub, int32_t pane, int64_t amount)
{
	put(e, p, key, metric, sub, pane, amount, MERGE_SUM);
}

void emit_max(struct emitter *e, enum processor_id p, struct key key, uint8_t metric, uint32_t sub, int32_t pane, int64_t amount)
{
	put(e, p, key, metric, sub, pane, amount, MERGE_MAX);
}

void emit_list(struct emitter *e, enum processor_id p, struct key key, uint8_t metric, int32_t pane, const void *bytes, size_t size)
{
	if (e->silent)
		return;
	e->emitted++;
	if (e->n_lists == e->lists_capacity) {
		e->lists_capacity = e->lists_capacity ? e->lists_capacity * 2 : 256;
		e->lists = must(realloc(e->lists, sizeof(*e->lists) * e->lists_capacity));
	}
	uint32_t number = group_of(e, key); /* may move the groups */
	struct group *g = &e->groups[number];
	e->lists[e->n_lists++] = (struct list_entry){ .processor = (uint8_t)p, .metric = metric, .pane = pane, .size = (uint32_t)size,
						      .offset = e->list_bytes.size };
	buf_bytes(&e->list_bytes, bytes, size);
	if (g->list_tail)
		e->lists[g->list_tail - 1].next = e->n_lists;
	else
		g->list_head = e->n_lists;
	g->list_tail = e->n_lists;
	g->n_lists++;
}

/* ---- encoding ---- */

static void message_start(struct emitter *e)
{
	e->stamp++;
	e->n_strings = 0;
	buf_clear(&e->strings);
	buf_clear(&e->body);
}

static uint32_t local_of(struct emitter *e, symbol_t symbol)
{
	if (!symbol)
		return 0;
	if (symbol >= e->local_size) {
		uint32_t grown = e->local_size ? e->local_size : 1024;
		while (grown <= symbol)
			grown *= 2;
		e->local = must(realloc(e->local, sizeof(*e->local) * grown));
		memset(e->local + e->local_size, 0, sizeof(*e->local) * (grown - e->local_size));
		e->local_size = grown;
	}
	uint64_t v = e->local[symbol];
	if (v >> 32 == e->stamp)
		return (uint32_t)v;
	e->local[symbol] = (uint64_t)e->stamp << 32 | ++e->n_strings;
	buf_text(&e->strings, symbols_text(e->symbols, symbol));
	return e->n_strings;
}

static void message_send(struct emitter *e, uint32_t partition, void (*send)(void *, uint32_t, struct text), void *to)
{
	buf_clear(&e->message);
	buf_u8(&e->message, MESSAGE_DELTAS);
	buf_varint(&e->message, e->n_strings);
	buf_bytes(&e->message, e->strings.data, e->strings.size);
	buf_bytes(&e->message, e->body.data, e->body.size);
	send(to, partition, (struct text){ (const char *)e->message.data, (uint32_t)e->message.size });
}

/* Entries of one key per message part: with part_of() it bounds a message, whatever one key gathers and however long its ids are. */
static uint32_t chunk_of(const struct emitter *e)
{
	enum { ENTRY_BYTES = 24 };
	return CHUNK_BYTES / (symbols_longest(e->symbols) + ENTRY_BYTES) + 1;
}

/* How many of a key's entries, and of its lists from `list` on, are the next part. */
static uint32_t part_of(const struct emitter *e, uint32_t entries, uint32_t list, uint32_t chunk)
{
	uint32_t n = entries < chunk ? entries : chunk;
	for (size_t bytes = 0; n < chunk && list && bytes < CHUNK_BYTES; list = e->lists[list - 1].next, n++)
		bytes += e->lists[list - 1].size;
	return n;
}

static void key_start(struct emitter *e, const struct group *g, uint32_t n)
{
	buf_u8(&e->body, g->key.kind);
	buf_varint(&e->body, local_of(e, g->key.id));
	buf_varint(&e->body, n);
}

/* starts[g] .. starts[g + 1]: the places in `order` of the group's entries, in the order of their first delta */
static void sort(struct emitter *e)
{
	if (e->n_groups + 2 > e->starts_capacity)
		e->starts = fit(e->starts, &e->starts_capacity, e->n_groups + 2);
	memset(e->starts, 0, (e->n_groups + 2) * sizeof(*e->starts));
	for (uint32_t i = 0; i < e->used; i++)
		e->starts[(e->entries[i].what >> 16) + 2]++;
	for (uint32_t g = 2; g < e->n_groups + 2; g++)
		e->starts[g] += e->starts[g - 1];
	for (uint32_t i = 0; i < e->used; i++)
		e->order[e->starts[(e->entries[i].what >> 16) + 1]++] = i;
}

static void encode_entry(struct emitter *e, const struct entry *x, int32_t *pane)
{
	enum { ENTRY_MOST = 2 + 3 * 10 };
	unsigned merge = x->what >> 14 & 3;
	uint32_t sub = (uint32_t)(x->k2 >> 32);
	if (merge == MERGE_SUM)
		sub = local_of(e, sub);
	uint8_t *p = buf_room(&e->body, ENTRY_MOST);
	*p++ = (uint8_t)((x->what >> 8 & 63) | merge << 6);
	*p++ = (uint8_t)(x->what & 0xff);
	p = put_zigzag(p, (int64_t)(int32_t)x->k2 - *pane);
	*pane = (int32_t)x->k2;
	p = put_varint(p, sub);
	p = put_zigzag(p, x->amount);
	e->body.size = (size_t)(p - e->body.data);
}

static void encode_list(struct emitter *e, const struct list_entry *l, int32_t *pane)
{
	buf_u8(&e->body, (uint8_t)(l->processor | MERGE_LIST << 6));
	buf_u8(&e->body, l->metric);
	buf_zigzag(&e->body, (int64_t)l->pane - *pane);
	*pane = l->pane;
	buf_varint(&e->body, l->size);
	buf_bytes(&e->body, e->list_bytes.data + l->offset, l->size);
}

uint32_t combiner_encode(struct emitter *e, void (*send)(void *to, uint32_t partition, struct text value), void *to)
{
	uint32_t sent = 0, chunk = chunk_of(e);
	drain(e);
	sort(e);
	for (uint32_t p = 0; p < e->partitions; p++) {
		message_start(e);
		for (uint32_t gi = e->heads[p]; gi; gi = e->groups[gi - 1].next) {
			const struct group *g = &e->groups[gi - 1];
			uint32_t at = e->starts[gi - 1], end = e->starts[gi], left = end - at + g->n_lists, list = g->list_head;
			while (left) {
				uint32_t n = part_of(e, end - at, list, chunk);
				int32_t pane = 0;
				key_start(e, g, n);
				left -= n;
				while (n--) {
					if (at < end) {
						uint32_t ahead = at + AHEAD < e->used ? at + AHEAD : at;
						__builtin_prefetch(&e->entries[e->order[ahead]]);
						encode_entry(e, &e->entries[e->order[at++]], &pane);
					} else {
						encode_list(e, &e->lists[list - 1], &pane);
						list = e->lists[list - 1].next;
					}
				}
				if (e->body.size + e->strings.size >= MESSAGE_SOFT_BYTES) {
					message_send(e, p, send, to);
					sent++;
					message_start(e);
				}
			}
		}
		if (e->body.size) {
			message_send(e, p, send, to);
			sent++;
		}
	}
	combiner_discard(e);
	return sent;
}

void combiner_discard(struct emitter *e)
{
	e->n_queue = 0;
	for (uint32_t g = 0; g < e->n_groups; g++)
		e->group_of[e->groups[g].key.kind][e->groups[g].key.id] = 0;
	if (e->used)
		memset(e->slots, 0, sizeof(*e->slots) * (e->mask + 1u));
	memset(e->heads, 0, sizeof(*e->heads) * e->partitions);
	e->used = e->n_groups = e->n_lists = 0;
	buf_clear(&e->list_bytes);
}

/* ---- reading ---- */

int delta_reader_start(struct delta_reader *r, struct symbols *symbols, struct text value)
{
	r->in = reader_of(value.data, value.size);
	r->symbols = symbols;
	r->left = 0;
	if (reader_u8(&r->in) != MESSAGE_DELTAS)
		return -EBADMSG;
	uint64_t n = reader_varint(&r->in);
	if (n > reader_left(&r->in))
		return -EBADMSG;
	if (n + 1 > r->strings_capacity) {
		r->strings_capacity = (n + 1) * 2;
		r->strings = must(realloc(r->strings, sizeof(*r->strings) * r->strings_capacity));
	}
	r->strings[0] = 0;
	for (uint64_t i = 1; i <= n; i++)
		r->strings[i] = symbols_intern(symbols, reader_text(&r->in));
	r->n_strings = n + 1;
	return r->in.bad ? -EBADMSG : 0;
}

static symbol_t string_at(struct delta_reader *r)
{
	uint64_t i = reader_varint(&r->in);
	if (i >= r->n_strings) {
		r->in.bad = true;
		return 0;
	}
	return r->strings[i];
}

bool delta_reader_key(struct delta_reader *r, struct key *ret_key)
{
	enum processor_id p;
	struct delta d;
	while (r->left && delta_reader_next(r, &p, &d))
		;
	if (r->in.bad || !reader_left(&r->in))
		return false;
	uint8_t kind = reader_u8(&r->in);
	symbol_t id = string_at(r);
	r->left = reader_varint(&r->in);
	r->pane = 0;
	if (kind == KEY_NONE || kind >= KEY_KINDS || (id == 0) != (kind == KEY_ALL))
		r->in.bad = true;
	if (r->in.bad)
		return false;
	*ret_key = r->key = (struct key){ kind, id };
	return true;
}

bool delta_reader_next(struct delta_reader *r, enum processor_id *ret_p, struct delta *ret)
{
	struct reader in = r->in; /* in registers: there are a million of these a second */
	if (!r->left || in.bad)
		return false;
	r->left--;
	uint8_t head = reader_u8(&in);
	*ret = (struct delta){ .merge = head >> 6, .metric = reader_u8(&in) };
	*ret_p = head & 63;
	int64_t step = reader_zigzag(&in), pane;
	bool bad = *ret_p >= PROCESSORS || __builtin_add_overflow(r->pane, step, &pane) || pane > INT32_MAX || pane < INT32_MIN;
	ret->pane = r->pane = bad ? 0 : (int32_t)pane;
	if (ret->merge == MERGE_LIST) {
		ret->bytes = reader_text(&in);
	} else {
		uint64_t second = reader_varint(&in);
		if (ret->merge != MERGE_SUM)
			ret->index = (uint32_t)second;
		else if (second < r->n_strings)
			ret->sub = r->strings[second];
		else
			bad = true;
		ret->amount = reader_zigzag(&in);
	}
	in.bad |= bad || ret->merge > MERGE_LIST;
	r->in = in;
	return !in.bad;
}

void delta_reader_done(struct delta_reader *r)
{
	free(r->strings);
	*r = (struct delta_reader){ 0 };
}
