/* The shared half of both stages; see engine.h. */
#include "engine.h"

#include <errno.h>
#include <stdlib.h>

#include "slabs.h"

static void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

static const struct block_ops *ops_of(enum stage stage, int p)
{
	return stage == STAGE_USER ? &processors[p]->user : &processors[p]->item;
}

/* What a shopper's fresh blocks save as. */
static void find_fresh(struct engine *e)
{
	for (int p = 0; p < PROCESSORS; p++) {
		const struct block_ops *ops = ops_of(STAGE_USER, p);
		if (!ops->size)
			continue;
		void *block = pool_alloc(e->pool, ops->size);
		ops->save(e->settings[p], block, e->symbols, &e->fresh[p]);
		pool_free(e->pool, block, ops->size);
	}
}

struct engine *engine_create(const struct engine_rules *rules, void *const *settings, const char *prefix)
{
	struct engine *e = must(calloc(1, sizeof(*e)));
	e->rules = *rules;
	e->settings = settings;
	e->symbols = symbols_create();
	e->pool = pool_create();
	e->slabs = slabs_create();
	pool_slabs_from(e->pool, slabs_take, e->slabs);
	e->model = model_create(e->symbols, e->pool, settings);
	e->emitter = combiner_create(e->symbols, rules->partitions);
	e->view = view_create(prefix);
	find_fresh(e);
	return e;
}

void engine_destroy(struct engine *e)
{
	if (!e)
		return;
	model_destroy(e->model);
	combiner_destroy(e->emitter);
	view_destroy(e->view);
	for (int k = 0; k < KEY_KINDS; k++)
		free(e->by_key[k]);
	pool_destroy(e->pool);
	slabs_destroy(e->slabs);
	symbols_destroy(e->symbols);
	buf_done(&e->scratch);
	for (int p = 0; p < PROCESSORS; p++)
		buf_done(&e->fresh[p]);
	forgotten_done(&e->forgotten);
	free(e);
}

static bool is_fresh(const struct engine *e, int p, const uint8_t *bytes, size_t size)
{
	return size == e->fresh[p].size && !memcmp(bytes, e->fresh[p].data, size);
}

void blocks_save(const struct engine *e, enum stage stage, void *const *blocks, struct buf *to)
{
	enum { USUAL = 127 }; /* sizes of so much at most have one byte */
	for (int p = 0; p < PROCESSORS; p++) {
		if (!blocks[p])
			continue;
		const struct block_ops *ops = ops_of(stage, p);
		size_t begin = to->size;
		buf_u8(to, (uint8_t)p);
		buf_varint(to, ops->version);
		size_t at = to->size;
		buf_u8(to, 0); /* the size, when it is known */
		ops->save(e->settings[p], blocks[p], e->symbols, to);
		size_t size = to->size - at - 1;
		if (stage == STAGE_USER && is_fresh(e, p, to->data + at + 1, size)) {
			to->size = begin;
			continue;
		}
		if (size > USUAL) {
			uint8_t bytes[10];
			size_t more = (size_t)(put_varint(bytes, size) - bytes) - 1;
			buf_room(to, more);
			memmove(to->data + at + 1 + more, to->data + at + 1, size);
			to->size += more;
		}
		put_varint(to->data + at, size);
	}
}

static struct reader next_block(struct reader *from, uint8_t format, uint8_t *ret_p, uint64_t *ret_version)
{
	*ret_p = reader_u8(from);
	*ret_version = format == 1 ? reader_u16(from) : reader_varint(from);
	uint64_t size = format == 1 ? reader_u32(from) : reader_varint(from);
	const uint8_t *bytes = reader_bytes(from, size);
	return reader_of(bytes, bytes ? size : 0);
}

void blocks_fresh(struct engine *e, void **blocks)
{
	for (int p = 0; p < PROCESSORS; p++)
		if (!blocks[p] && processors[p]->user.size && !e->rules.off[p])
			blocks[p] = pool_alloc(e->pool, processors[p]->user.size);
}

static bool twice(uint32_t *seen, uint8_t p)
{
	uint32_t bit = p < PROCESSORS ? 1u << p : 0;
	bool ret = *seen & bit;
	*seen |= bit;
	return ret;
}

int blocks_load(struct engine *e, enum stage stage, void **blocks, uint8_t format, struct reader *from)
{
	uint32_t seen = 0;
	while (reader_left(from)) {
		uint8_t p;
		uint64_t version;
		struct reader in = next_block(from, format, &p, &version);
		if (from->bad || twice(&seen, p))
			return -EBADMSG;
		if (p >= PROCESSORS || !ops_of(stage, p)->size || e->rules.off[p])
			continue;
		const struct block_ops *ops = ops_of(stage, p);
		if (!blocks[p])
			blocks[p] = pool_alloc(e->pool, ops->size);
		if (version > ops->version || ops->load(e->settings[p], blocks[p], (uint16_t)version, &in, e->symbols, e->pool) < 0 || in.bad)
			return -EBADMSG;
	}
	if (stage == STAGE_USER)
		blocks_fresh(e, blocks);
	return 0;
}

bool blocks_readable(const struct engine *e, enum stage stage, uint8_t format, struct reader *from)
{
	uint32_t seen = 0;
	while (reader_left(from)) {
		uint8_t p;
		uint64_t version;
		next_block(from, format, &p, &version);
		if (twice(&seen, p))
			return false;
		if (p < PROCESSORS && ops_of(stage, p)->size && !e->rules.off[p] && (version < 1 || version > ops_of(stage, p)->version))
			return false;
	}
	return !from->bad;
}

void blocks_free(struct engine *e, enum stage stage, void **blocks)
{
	for (int p = 0; p < PROCESSORS; p++) {
		if (!blocks[p])
			continue;
		const struct block_ops *ops = ops_of(stage, p);
		if (ops->done)
			ops->done(blocks[p], e->pool);
		pool_free(e->pool, blocks[p], ops->size);
		blocks[p] = NULL;
	}
}

void blocks_mark(const struct engine *e, enum stage stage, void *const *blocks)
{
	for (int p = 0; p < PROCESSORS; p++)
		if (blocks[p] && ops_of(stage, p)->mark)
			ops_of(stage, p)->mark(blocks[p], e->symbols);
}

void emit_alert(struct item_ctx *ctx, struct text json)
{
	if (!ctx->silent)
		buf_text(ctx->alerts, json);
}

/* ---- rows ---- */

void row_write(struct text entity, const struct buf *bytes, uint64_t stamp, uint16_t pieces_before, uint16_t *ret_pieces, row_put *put, void *to)
{
	uint16_t pieces = bytes ? (uint16_t)(bytes->size / PIECE_BYTES + 1) : 0;
	struct buf key = { 0 }, value = { 0 };
	for (uint16_t i = 0; i < pieces || i < pieces_before; i++) {
		buf_clear(&key);
		buf_u16(&key, i);
		buf_bytes(&key, entity.data, entity.size);
		struct text k = { (const char *)key.data, (uint32_t)key.size };
		if (i >= pieces) {
			put(to, k, (struct text){ 0 });
			continue;
		}
		size_t from = (size_t)i * PIECE_BYTES;
		size_t n = bytes->size - from < PIECE_BYTES ? bytes->size - from : PIECE_BYTES;
		buf_clear(&value);
		buf_u16(&value, pieces);
		buf_u64(&value, stamp);
		buf_bytes(&value, bytes->data + from, n);
		put(to, k, (struct text){ (const char *)value.data, (uint32_t)value.size });
	}
	buf_done(&key);
	buf_done(&value);
	*ret_pieces = pieces;
}

struct partial {
	struct partial *next;
	struct buf entity, bytes;
	uint64_t stamp;
	uint16_t pieces, have;
};

struct row_reader {
	struct partial *partials; /* rows of several pieces are few, and are written piece after piece */
	struct partial *given;
};

struct row_reader *row_reader_create(void)
{
	return must(calloc(1, sizeof(struct row_reader)));
}

static void partial_free(struct partial *p)
{
	if (!p)
		return;
	buf_done(&p->entity);
	buf_done(&p->bytes);
	free(p);
}

void row_reader_destroy(struct row_reader *r)
{
	if (!r)
		return;
	for (struct partial *p = r->partials, *next; p; p = next) {
		next = p->next;
		partial_free(p);
	}
	partial_free(r->given);
	free(r);
}

static struct partial **partial_of(struct row_reader *r, struct text entity)
{
	struct partial **at = &r->partials;
	while (*at && !text_equal((struct text){ (const char *)(*at)->entity.data, (uint32_t)(*at)->entity.size }, entity))
		at = &(*at)->next;
	return at;
}

int row_reader_take(struct row_reader *r, struct text key, struct text value, struct text *ret_entity, struct text *ret_bytes, uint16_t *ret_pieces)
{
	struct reader k = reader_of(key.data, key.size);
	uint16_t piece = reader_u16(&k);
	if (k.bad)
		return -EBADMSG;
	struct text entity = { (const char *)k.at, (uint32_t)reader_left(&k) };
	*ret_entity = entity;
	if (!value.data) {
		*ret_bytes = value;
		*ret_pieces = 0;
		return piece == 0; /* a spare piece's tombstone says nothing of the entity */
	}
	struct reader v = reader_of(value.data, value.size);
	uint16_t pieces = reader_u16(&v);
	uint64_t stamp = reader_u64(&v);
	if (v.bad || (piece >= pieces && piece != PIECE_TASK))
		return -EBADMSG;
	struct text bytes = { (const char *)v.at, (uint32_t)reader_left(&v) };
	*ret_pieces = pieces;
	if (pieces <= 1 || piece == PIECE_TASK) {
		*ret_bytes = bytes;
		return 1;
	}
	struct partial **at = partial_of(r, entity);
	if (*at && (*at)->stamp != stamp) { /* of an older version that the log has partly lost to compaction */
		struct partial *old = *at;
		*at = old->next;
		partial_free(old);
		at = partial_of(r, entity);
	}
	struct partial *p = *at;
	if (!p) {
		if (piece != 0) /* its first pieces were compacted away: a newer version follows */
			return 0;
		p = must(calloc(1, sizeof(*p)));
		buf_bytes(&p->entity, entity.data, entity.size);
		p->stamp = stamp;
		p->pieces = pieces;
		p->next = r->partials;
		r->partials = p;
		at = &r->partials;
	}
	if (piece != p->have)
		return 0;
	buf_bytes(&p->bytes, bytes.data, bytes.size);
	if (++p->have < p->pieces)
		return 0;
	*at = p->next;
	partial_free(r->given);
	r->given = p;
	*ret_entity = (struct text){ (const char *)p->entity.data, (uint32_t)p->entity.size };
	*ret_bytes = (struct text){ (const char *)p->bytes.data, (uint32_t)p->bytes.size };
	return 1;
}
