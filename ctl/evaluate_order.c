/* Records in order of ts: a binary heap of what is read ahead; see evaluate.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/evaluate.h"

struct evaluate_order {
	struct evaluate_record **heap; /* the least first */
	size_t n, room;
	size_t bytes, most; /* of the records and their places */
	uint64_t number;
};

static size_t size_of(const struct evaluate_record *r)
{
	return sizeof(struct evaluate_record *) + sizeof(*r) + r->size;
}

static bool before(const struct evaluate_record *a, const struct evaluate_record *b)
{
	return a->ts != b->ts ? a->ts < b->ts : a->number < b->number;
}

struct evaluate_order *evaluate_order_create(size_t most)
{
	struct evaluate_order *o = calloc(1, sizeof(*o));
	if (o)
		o->most = most;
	return o;
}

void evaluate_order_destroy(struct evaluate_order *o)
{
	if (!o)
		return;
	for (size_t i = 0; i < o->n; i++)
		free(o->heap[i]);
	free(o->heap);
	free(o);
}

int evaluate_order_put(struct evaluate_order *o, enum event_kind kind, int64_t ts, struct text bytes)
{
	if (o->n == o->room) {
		size_t room = o->room ? 2 * o->room : 1024;
		struct evaluate_record **heap = realloc(o->heap, room * sizeof(*heap));
		if (!heap)
			return -ENOMEM;
		o->heap = heap;
		o->room = room;
	}
	struct evaluate_record *r = malloc(sizeof(*r) + bytes.size);
	if (!r)
		return -ENOMEM;
	*r = (struct evaluate_record){ .ts = ts, .number = o->number++, .kind = kind, .size = bytes.size };
	memcpy(r->bytes, bytes.data, bytes.size);
	size_t i = o->n++;
	for (; i && before(r, o->heap[(i - 1) / 2]); i = (i - 1) / 2)
		o->heap[i] = o->heap[(i - 1) / 2];
	o->heap[i] = r;
	o->bytes += size_of(r);
	return 0;
}

struct evaluate_record *evaluate_order_take(struct evaluate_order *o, bool at_end)
{
	if (!o->n || (!at_end && o->bytes <= o->most))
		return NULL;
	struct evaluate_record *least = o->heap[0], *last = o->heap[--o->n];
	size_t i = 0;
	for (size_t child; (child = 2 * i + 1) < o->n; i = child) {
		if (child + 1 < o->n && before(o->heap[child + 1], o->heap[child]))
			child++;
		if (!before(o->heap[child], last))
			break;
		o->heap[i] = o->heap[child];
	}
	o->heap[i] = last;
	o->bytes -= size_of(least);
	return least;
}
