/* The machine of plan.h. Reads untrusted bytes: every load below is preceded by its check against `end`.
 *
 * Longer than most, so that all that touches those bytes is inlined from, and reviewed in, one place (with utf8.h).
 * Loads of several bytes assume a little-endian machine, as Avro's own numbers are.
 */
#include <errno.h>
#include <math.h>

#include "daemon/avro/plan.h"
#include "daemon/avro/utf8.h"

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "numbers are loaded as they lie: a little-endian machine is needed"
#endif

/* `make fuzz` first builds with one bound off by one, and must find it */
#ifdef GLINT_PLANTED_OVERFLOW
#define PLANTED_SLACK 1
#else
#define PLANTED_SLACK 0
#endif

struct cursor {
	const uint8_t *at, *end;
};

#define INLINE static inline __attribute__((always_inline))
#define SLOW __attribute__((noinline, cold))

/* 0 or a reason. An Avro long: zig-zag, seven bits a byte, low end first, at most ten bytes. */
static enum decode_reason read_long_slow(struct cursor *c, int64_t *ret)
{
	const uint8_t *at = c->at, *last = c->end - at > 10 ? at + 10 : c->end;
	uint64_t value = 0, byte;
	unsigned shift = 0;

	*ret = 0;
	do {
		if (at == last)
			return last == c->end && shift < 70 ? REASON_TRUNCATED : REASON_BAD_VARINT;
		byte = *at++;
		value |= (byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80);
	if (shift == 70 && byte > 1)
		return REASON_BAD_VARINT;
	c->at = at;
	*ret = (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
	return REASON_NONE;
}

INLINE enum decode_reason read_long(struct cursor *c, int64_t *ret)
{
	enum decode_reason reason;
	struct cursor copy; /* so that the caller's can stay in registers */
	int64_t number;

	if (LIKELY(c->at < c->end && *c->at < 0x80)) {
		uint32_t byte = *c->at++;
		*ret = (int64_t)(byte >> 1) ^ -(int64_t)(byte & 1);
		return REASON_NONE;
	}
	copy = *c;
	reason = read_long_slow(&copy, &number);
	c->at = copy.at;
	*ret = number;
	return reason;
}

/* A length in bytes that is there. */
INLINE enum decode_reason read_length(struct cursor *c, size_t *ret)
{
	int64_t n;
	enum decode_reason reason = read_long(c, &n);

	if (UNLIKELY(reason))
		return reason;
	if (UNLIKELY(n < 0))
		return REASON_BAD_LENGTH;
	if (UNLIKELY(n > c->end - c->at + PLANTED_SLACK))
		return REASON_TRUNCATED;
	*ret = (size_t)n;
	return REASON_NONE;
}

INLINE enum decode_reason read_index(struct cursor *c, uint32_t n, enum decode_reason bad, uint32_t *ret)
{
	int64_t index;
	enum decode_reason reason = read_long(c, &index);

	if (UNLIKELY(reason))
		return reason;
	if (UNLIKELY(index < 0 || index >= n))
		return bad;
	*ret = (uint32_t)index;
	return REASON_NONE;
}

INLINE enum decode_reason advance(struct cursor *c, uint64_t bytes)
{
	if (UNLIKELY(bytes > (uint64_t)(c->end - c->at)))
		return REASON_TRUNCATED;
	c->at += bytes;
	return REASON_NONE;
}

/* Next block of an array or map: how many elements, and where it must end (NULL = not said). 0 elements: the last. */
static enum decode_reason read_block(struct cursor *c, struct run *run, uint32_t *ret_count, const uint8_t **ret_end)
{
	int64_t count, bytes;
	enum decode_reason reason = read_long(c, &count);

	*ret_end = NULL;
	if (reason)
		return reason;
	if (!count) {
		*ret_count = 0;
		return REASON_NONE;
	}
	run->work++;
	if (count < 0) {
		reason = read_long(c, &bytes);
		if (reason)
			return reason;
		if (bytes < 0)
			return REASON_BAD_LENGTH;
		if (bytes > c->end - c->at)
			return REASON_TRUNCATED;
		*ret_end = c->at + bytes;
	}
	if (count == INT64_MIN)
		return REASON_TOO_MANY_ITEMS;
	count = count < 0 ? -count : count;
	/* the block itself counts as one, so that blocks are bounded too */
	if (count >= (int64_t)run->limits.max_items - run->items)
		return REASON_TOO_MANY_ITEMS;
	run->items += (uint32_t)count + 1;
	*ret_count = (uint32_t)count;
	return REASON_NONE;
}

static enum decode_reason skip_value(const struct schema *s, struct run *run, struct cursor *c, uint32_t index, uint32_t depth);

static enum decode_reason skip_blocks(const struct schema *s, struct run *run, struct cursor *c, const struct schema_type *t,
	uint32_t depth)
{
	const struct schema_type *items = &s->types[t->items];
	const uint8_t *block_end;
	enum decode_reason reason;
	uint32_t count;
	size_t size;

	for (;;) {
		reason = read_block(c, run, &count, &block_end);
		if (reason || !count)
			return reason;
		if (block_end) {
			c->at = block_end;
			continue;
		}
		if (t->kind == SCHEMA_ARRAY && items->fixed_bytes >= 0) {
			reason = advance(c, (uint64_t)count * (uint64_t)items->fixed_bytes);
			if (reason)
				return reason;
			continue;
		}
		for (uint32_t i = 0; i < count; i++) {
			if (t->kind == SCHEMA_MAP) {
				run->work++;
				reason = read_length(c, &size);
				if (reason)
					return reason;
				c->at += size;
			}
			reason = skip_value(s, run, c, t->items, depth);
			if (reason)
				return reason;
		}
	}
}

static enum decode_reason skip_value(const struct schema *s, struct run *run, struct cursor *c, uint32_t index, uint32_t depth)
{
	const struct schema_type *t = &s->types[index];
	enum decode_reason reason;
	uint32_t chosen;
	int64_t number;
	size_t size;

	run->work++;
	if (t->fixed_bytes >= 0)
		return advance(c, (uint64_t)t->fixed_bytes);
	switch (t->kind) {
	case SCHEMA_BOOLEAN:
		if (c->at == c->end)
			return REASON_TRUNCATED;
		return *c->at++ > 1 ? REASON_BAD_BOOLEAN : REASON_NONE;
	case SCHEMA_INT:
	case SCHEMA_LONG:
		return read_long(c, &number);
	case SCHEMA_BYTES:
	case SCHEMA_STRING:
		reason = read_length(c, &size);
		if (!reason)
			c->at += size;
		return reason;
	case SCHEMA_ENUM:
		return read_index(c, t->n_symbols, REASON_BAD_ENUM_INDEX, &chosen);
	case SCHEMA_UNION:
		reason = read_index(c, t->n_branches, REASON_BAD_UNION_INDEX, &chosen);
		return reason ? reason : skip_value(s, run, c, t->branches[chosen], depth);
	case SCHEMA_ARRAY:
	case SCHEMA_MAP:
		return depth ? skip_blocks(s, run, c, t, depth - 1) : REASON_TOO_DEEP;
	case SCHEMA_RECORD:
		if (!depth)
			return REASON_TOO_DEEP;
		for (uint32_t i = 0; i < t->n_steps; i++) {
			reason = advance(c, t->steps[i].bytes);
			if (!reason)
				reason = skip_value(s, run, c, t->steps[i].type, depth - 1);
			if (reason)
				return reason;
		}
		return advance(c, t->tail_bytes);
	default:
		return advance(c, (uint64_t)t->fixed_bytes);
	}
}

/* A text that the fast path cannot let pass by itself. */
SLOW static enum decode_reason check_text(const struct run *run, const uint8_t *s, size_t n, bool ascii, bool control, unsigned flags)
{
	if (!ascii && !utf8_valid_slow(s, n, &control))
		return REASON_BAD_UTF8;
	if (flags & FIELD_ID) {
		if (control)
			return REASON_CONTROL_CHARACTER;
		if (n > run->limits.max_id_bytes)
			return REASON_ID_TOO_LONG;
		if (!n && flags & FIELD_NONEMPTY)
			return REASON_EMPTY_ID;
	}
	if (flags & FIELD_CURRENCY) {
		if (n != 3)
			return REASON_BAD_CURRENCY;
		for (int i = 0; i < 3; i++)
			if (s[i] < 'A' || s[i] > 'Z')
				return REASON_BAD_CURRENCY;
	}
	return REASON_NONE;
}

INLINE enum decode_reason read_text(const struct run *run, struct cursor *c, unsigned flags, struct text *ret)
{
	const uint8_t *s;
	enum decode_reason reason;
	uint64_t controls;
	size_t n;
	bool ascii;

	reason = read_length(c, &n);
	if (UNLIKELY(reason))
		return reason;
	s = c->at;
	c->at += n;
	ascii = utf8_ascii(s, n, (size_t)(c->end - s), &controls);
	/* n - 1 >= 64: none, or so many that the bounds of ids are looked at */
	if (UNLIKELY(!ascii || n - 1 >= 64 || (controls && flags & FIELD_ID) || flags & FIELD_CURRENCY)) {
		reason = check_text(run, s, n, ascii, controls != 0, flags);
		if (reason || (!n && flags & FIELD_ID))
			return reason;
	}
	*ret = (struct text){ (const char *)s, (uint32_t)n };
	return REASON_NONE;
}

static enum decode_reason read_rating(const struct run *run, struct cursor *c, uint32_t kind, int32_t *ret)
{
	enum decode_reason reason;
	int64_t whole;
	float single;
	double stars;

	if (kind == SCHEMA_FLOAT) {
		if (c->end - c->at < 4)
			return REASON_TRUNCATED;
		memcpy(&single, c->at, 4);
		c->at += 4;
		stars = single;
	} else if (kind == SCHEMA_DOUBLE) {
		if (c->end - c->at < 8)
			return REASON_TRUNCATED;
		memcpy(&stars, c->at, 8);
		c->at += 8;
	} else {
		reason = read_long(c, &whole);
		if (reason)
			return reason;
		stars = (double)whole;
	}
	if (!(stars >= -1000 && stars <= 1000))
		return REASON_BAD_RATING;
	whole = lround(stars * 1000);
	if (whole < run->limits.rating_min_milli || whole > run->limits.rating_max_milli)
		return REASON_BAD_RATING;
	*ret = (int32_t)whole;
	return REASON_NONE;
}

INLINE enum decode_reason read_ranged(const struct plan *plan, const struct op *op, struct cursor *c, int64_t *ret)
{
	const struct range *range = &plan->ranges[op->a];
	enum decode_reason reason = read_long(c, ret);

	if (UNLIKELY(reason))
		return reason;
	if (UNLIKELY(op->b && (*ret < INT32_MIN || *ret > INT32_MAX)))
		return REASON_BAD_VARINT;
	return *ret < range->lo || *ret > range->hi ? REASON_OUT_OF_RANGE : REASON_NONE;
}

static enum decode_reason execute(const struct plan *plan, struct run *run, struct cursor *c, uint32_t start, char *base);

static enum decode_reason read_lines(const struct plan *plan, struct run *run, struct cursor *c, const struct op *op, char *base)
{
	const uint8_t *block_end;
	enum decode_reason reason;
	uint32_t count, n = 0;

	for (;;) {
		reason = read_block(c, run, &count, &block_end);
		if (reason)
			return reason;
		if (!count)
			break;
		for (; count; count--, n++) {
			run->work++;
			run->lines[n] = (struct order_line){ 0 };
			reason = execute(plan, run, c, op->b, (char *)&run->lines[n]);
			if (reason)
				return reason;
		}
		if (block_end && c->at != block_end)
			return REASON_BAD_BLOCK;
	}
	*(const struct order_line **)(base + op->offset) = run->lines;
	*(uint32_t *)(base + op->has_offset) = n;
	return REASON_NONE;
}

static enum decode_reason read_attributes(const struct plan *plan, struct run *run, struct cursor *c, const struct op *op,
	char *base)
{
	const uint8_t *block_end;
	enum decode_reason reason;
	uint32_t count, n = 0;

	for (;;) {
		reason = read_block(c, run, &count, &block_end);
		if (reason)
			return reason;
		if (!count)
			break;
		for (; count; count--) {
			struct attribute *attribute = &run->attributes[n];
			run->work++;
			*attribute = (struct attribute){ 0 };
			reason = read_text(run, c, FIELD_ID | FIELD_NONEMPTY, &attribute->name);
			if (!reason)
				reason = execute(plan, run, c, op->b, (char *)attribute);
			if (reason)
				return reason;
			n += attribute->value.data != NULL;
		}
		if (block_end && c->at != block_end)
			return REASON_BAD_BLOCK;
	}
	*(const struct attribute **)(base + op->offset) = run->attributes;
	*(uint32_t *)(base + op->has_offset) = n;
	return REASON_NONE;
}

static enum decode_reason execute(const struct plan *plan, struct run *run, struct cursor *cursor, uint32_t start, char *base)
{
	struct cursor c = *cursor;
	const struct op *op = &plan->ops[start];
	const uint8_t *marks[PLAN_SLOTS];
	enum decode_reason reason = REASON_NONE;
	uint32_t index;
	int64_t number = 0;
	size_t size;

	for (;; op++) {
		switch (op->code) {
		case OP_END:
			*cursor = c;
			return REASON_NONE;
		case OP_TEXT:
			reason = read_text(run, &c, op->flags, (struct text *)(base + op->offset));
			break;
		case OP_TEXT_OR_NULL:
			if (UNLIKELY(c.at == c.end)) {
				reason = REASON_TRUNCATED;
			} else if (UNLIKELY(*c.at & ~2)) {
				/* a longer way to write 0 or 1 is allowed */
				reason = read_index(&c, 2, REASON_BAD_UNION_INDEX, &index);
				if (!reason && index != op->a)
					reason = read_text(run, &c, op->flags, (struct text *)(base + op->offset));
			} else if (*c.at++ >> 1 != (int)op->a) {
				reason = read_text(run, &c, op->flags, (struct text *)(base + op->offset));
			}
			break;
		case OP_LONG:
			reason = read_ranged(plan, op, &c, &number);
			if (LIKELY(!reason)) {
				*(int64_t *)(base + op->offset) = number;
				if (op->has_offset)
					*(bool *)(base + op->has_offset) = true;
			}
			break;
		case OP_INT:
			reason = read_ranged(plan, op, &c, &number);
			if (LIKELY(!reason)) {
				*(int32_t *)(base + op->offset) = (int32_t)number;
				if (op->has_offset)
					*(bool *)(base + op->has_offset) = true;
			}
			break;
		case OP_TS:
			reason = read_long(&c, &number);
			number /= op->b;
			if (!reason && UNLIKELY(number <= 0))
				reason = REASON_BAD_TS;
			*(int64_t *)(base + op->offset) = number;
			if (op->has_offset)
				*(bool *)(base + op->has_offset) = true;
			break;
		case OP_ENUM:
			reason = read_index(&c, op->b, REASON_BAD_ENUM_INDEX, &index);
			if (LIKELY(!reason)) {
				int32_t value = plan->values[op->a + index];
				if (UNLIKELY(value < 0))
					reason = REASON_UNKNOWN_SYMBOL;
				*(int32_t *)(base + op->offset) = value;
			}
			break;
		case OP_OR_NULL:
			reason = read_index(&c, 2, REASON_BAD_UNION_INDEX, &index);
			if (LIKELY(!reason))
				op += index == op->a;
			break;
		case OP_UNION:
			reason = read_index(&c, op->b, REASON_BAD_UNION_INDEX, &index);
			if (LIKELY(!reason)) {
				op = &plan->ops[plan->targets[op->a + index]] - 1;
				continue;
			}
			break;
		case OP_JUMP:
			op = &plan->ops[op->a] - 1;
			continue;
		case OP_SKIP_FIXED:
			reason = advance(&c, op->a);
			break;
		case OP_SKIP_VARINT:
			reason = read_long(&c, &number);
			break;
		case OP_SKIP_BYTES:
			reason = read_length(&c, &size);
			if (LIKELY(!reason))
				c.at += size;
			break;
		case OP_SKIP:
			reason = skip_value(plan->schema, run, &c, op->a, run->limits.max_depth);
			break;
		case OP_SYMBOL_TEXT:
			reason = read_index(&c, op->b, REASON_BAD_ENUM_INDEX, &index);
			if (!reason) {
				struct text symbol = plan->symbols[op->a + index];
				reason = check_text(run, (const uint8_t *)symbol.data, symbol.size, true, false, op->flags);
				*(struct text *)(base + op->offset) = symbol;
			}
			break;
		case OP_RATING:
			reason = read_rating(run, &c, op->b, (int32_t *)(base + op->offset));
			break;
		case OP_BOOL:
			if (c.at == c.end)
				reason = REASON_TRUNCATED;
			else if (*c.at > 1)
				reason = REASON_BAD_BOOLEAN;
			else
				*(bool *)(base + op->offset) = *c.at++;
			break;
		case OP_LINES:
			reason = read_lines(plan, run, &c, op, base);
			break;
		case OP_ATTRIBUTES:
			reason = read_attributes(plan, run, &c, op, base);
			break;
		case OP_MARK:
			marks[op->a] = c.at;
			break;
		case OP_REWIND:
			c.at = marks[op->a];
			break;
		case OP_FAIL:
			reason = (enum decode_reason)op->a;
			break;
		default:
			__builtin_unreachable();
		}
		if (UNLIKELY(reason))
			break;
	}
	/* the innermost step that fails is the one that is named */
	if (!run->field)
		run->field = plan->names[op->name];
	return reason;
}

int plan_run(const struct plan *plan, struct run *run, const void *bytes, size_t size, void *record)
{
	struct cursor c = { bytes, (const uint8_t *)bytes + size };
	enum decode_reason reason;

	run->items = 0;
	run->work = 0;
	run->field = NULL;
	reason = execute(plan, run, &c, 0, record);
	if (LIKELY(!reason)) {
		if (LIKELY(c.at == c.end))
			return 0;
		reason = REASON_TRAILING_BYTES;
	}
	run->reason = reason;
	return -EBADMSG;
}
