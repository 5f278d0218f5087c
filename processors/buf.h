/* Growable byte buffer, and a bounded reader of what it wrote.
 *
 * Writing: little-endian fixed integers, LEB128 varints, zigzag for signed numbers, length-prefixed texts. A buffer grows by
 * doubling and is reused (buf_clear keeps the memory), so that a warm hot path allocates nothing. When memory runs out the
 * process ends with abort(): there is no state worth keeping without memory, and a commit never happened.
 * Reading: struct reader never reads past its end; the first failure is sticky (bad = true) and every later read gives 0.
 */
#ifndef GLINT_BUF_H
#define GLINT_BUF_H

#include "text.h"

struct buf {
	uint8_t *data; /* owned; NULL while empty */
	size_t size, capacity;
};

void buf_done(struct buf *b);              /* frees; a zeroed buffer is valid */
void buf_grow(struct buf *b, size_t more); /* room for `more` bytes behind size */

static inline void buf_clear(struct buf *b)
{
	b->size = 0;
}

static inline uint8_t *buf_room(struct buf *b, size_t more)
{
	if (b->capacity - b->size < more)
		buf_grow(b, more);
	return b->data + b->size;
}

static inline void buf_bytes(struct buf *b, const void *p, size_t n)
{
	if (n)
		memcpy(buf_room(b, n), p, n);
	b->size += n;
}

static inline void buf_u8(struct buf *b, uint8_t v)
{
	*buf_room(b, 1) = v;
	b->size++;
}

static inline void buf_u16(struct buf *b, uint16_t v)
{
	uint8_t *p = buf_room(b, 2);
	p[0] = (uint8_t)v, p[1] = (uint8_t)(v >> 8);
	b->size += 2;
}

static inline void buf_u32(struct buf *b, uint32_t v)
{
	uint8_t *p = buf_room(b, 4);
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (8 * i));
	b->size += 4;
}

static inline void buf_u64(struct buf *b, uint64_t v)
{
	uint8_t *p = buf_room(b, 8);
	for (int i = 0; i < 8; i++)
		p[i] = (uint8_t)(v >> (8 * i));
	b->size += 8;
}

static inline void buf_i64(struct buf *b, int64_t v)
{
	buf_u64(b, (uint64_t)v);
}

static inline void buf_double(struct buf *b, double v)
{
	uint64_t u;
	memcpy(&u, &v, 8);
	buf_u64(b, u);
}

/* A number into room that buf_room() gave, 10 bytes each; returns what is behind it. For runs of them: nothing is looked up in between. */
static inline uint8_t *put_varint(uint8_t *p, uint64_t v)
{
	while (v >= 0x80)
		*p++ = (uint8_t)(v | 0x80), v >>= 7;
	*p++ = (uint8_t)v;
	return p;
}

static inline uint8_t *put_zigzag(uint8_t *p, int64_t v)
{
	return put_varint(p, ((uint64_t)v << 1) ^ -(uint64_t)(v < 0));
}

static inline void buf_varint(struct buf *b, uint64_t v)
{
	uint8_t *p = buf_room(b, 10);
	b->size = (size_t)(put_varint(p, v) - b->data);
}

static inline void buf_zigzag(struct buf *b, int64_t v)
{
	buf_varint(b, ((uint64_t)v << 1) ^ -(uint64_t)(v < 0));
}

static inline void buf_text(struct buf *b, struct text t) /* varint length, bytes; absent reads back as empty */
{
	buf_varint(b, t.size);
	buf_bytes(b, t.data, t.size);
}

struct reader {
	const uint8_t *at, *end; /* borrowed */
	bool bad;
};

static inline struct reader reader_of(const void *data, size_t size)
{
	return (struct reader){ data, (const uint8_t *)data + size, false };
}

static inline size_t reader_left(const struct reader *r)
{
	return (size_t)(r->end - r->at);
}

static inline const uint8_t *reader_bytes(struct reader *r, size_t n) /* NULL when fewer are left */
{
	if (r->bad || reader_left(r) < n) {
		r->bad = true;
		r->at = r->end;
		return NULL;
	}
	const uint8_t *p = r->at;
	r->at += n;
	return p;
}

static inline uint8_t reader_u8(struct reader *r)
{
	const uint8_t *p = reader_bytes(r, 1);
	return p ? *p : 0;
}

static inline uint16_t reader_u16(struct reader *r)
{
	const uint8_t *p = reader_bytes(r, 2);
	return p ? (uint16_t)(p[0] | p[1] << 8) : 0;
}

static inline uint64_t reader_le(struct reader *r, int n)
{
	const uint8_t *p = reader_bytes(r, (size_t)n);
	uint64_t v = 0;
	for (int i = 0; p && i < n; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

static inline uint32_t reader_u32(struct reader *r)
{
	return (uint32_t)reader_le(r, 4);
}

static inline uint64_t reader_u64(struct reader *r)
{
	return reader_le(r, 8);
}

static inline int64_t reader_i64(struct reader *r)
{
	return (int64_t)reader_le(r, 8);
}

static inline double reader_double(struct reader *r)
{
	uint64_t u = reader_le(r, 8);
	double v;
	memcpy(&v, &u, 8);
	return v;
}

static inline uint64_t reader_varint(struct reader *r)
{
	uint64_t v = 0;
	if (r->at < r->end && *r->at < 0x80) /* nearly always */
		return *r->at++;
	for (int shift = 0; shift < 64 && r->at < r->end; shift += 7) {
		uint8_t c = *r->at++;
		v |= (uint64_t)(c & 0x7f) << shift;
		if (c < 0x80)
			return v;
	}
	r->bad = true;
	r->at = r->end;
	return 0;
}

static inline int64_t reader_zigzag(struct reader *r)
{
	uint64_t z = reader_varint(r);
	return (int64_t)(z >> 1) ^ -(int64_t)(z & 1);
}

static inline struct text reader_text(struct reader *r) /* empty when bad; data is never NULL when good */
{
	uint64_t n = reader_varint(r);
	const uint8_t *p = n <= UINT32_MAX ? reader_bytes(r, (size_t)n) : NULL;
	if (!p) {
		r->bad = true;
		return (struct text){ "", 0 };
	}
	return (struct text){ (const char *)p, (uint32_t)n };
}

#endif
