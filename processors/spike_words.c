/* See spike_words.h. */
#include "spike_words.h"

#include <errno.h>
#include <xxhash.h>

static struct text excerpt_text(const struct spike_words *w, int i)
{
	return (struct text){ w->excerpts[i].text, w->excerpts[i].size };
}

void spike_words_excerpt(struct spike_words *w, struct pool *pool, int32_t pane, struct text text)
{
	int at = 0, last = WORDS_EXCERPTS - 1;
	if (!text.size || text.size > WORDS_EXCERPT_BYTES)
		return;
	for (int i = 0; i < WORDS_EXCERPTS; i++)
		if (w->excerpts[i].text && text_equal(excerpt_text(w, i), text)) {
			if (w->excerpts[i].pane >= pane)
				return;
			last = i; /* moved to its new place */
			break;
		}
	while (at < WORDS_EXCERPTS && w->excerpts[at].text &&
		(w->excerpts[at].pane > pane || (w->excerpts[at].pane == pane && text_compare(excerpt_text(w, at), text) < 0)))
		at++;
	if (at > last)
		return;
	pool_free(pool, w->excerpts[last].text, w->excerpts[last].size);
	memmove(&w->excerpts[at + 1], &w->excerpts[at], (size_t)(last - at) * sizeof(w->excerpts[0]));
	w->excerpts[at].pane = pane;
	w->excerpts[at].size = text.size;
	w->excerpts[at].text = pool_alloc(pool, text.size);
	memcpy(w->excerpts[at].text, text.data, text.size);
}

void spike_words_unquote(struct spike_words *w, struct pool *pool, struct text what)
{
	struct reader in = reader_of(what.data, what.size);
	uint64_t hash = reader_u64(&in);
	int left = 0;
	for (int i = 0; i < WORDS_EXCERPTS && w->excerpts[i].text; i++) {
		if (!in.bad && XXH3_64bits(w->excerpts[i].text, w->excerpts[i].size) == hash)
			pool_free(pool, w->excerpts[i].text, w->excerpts[i].size);
		else
			w->excerpts[left++] = w->excerpts[i];
	}
	memset(w->excerpts + left, 0, (size_t)(WORDS_EXCERPTS - left) * sizeof(w->excerpts[0]));
}

void spike_words_complaint(struct spike_words *w, struct pool *pool, const struct symbols *symbols, int32_t day, symbol_t aspect, int64_t k, int32_t oldest)
{
	uint32_t gone = 0;
	while (gone < w->n && w->complaints[gone].day < oldest)
		gone++;
	if (!gone && w->n == WORDS_COMPLAINTS_MAX)
		gone = 1;
	w->n -= gone;
	if (gone)
		memmove(w->complaints, w->complaints + gone, w->n * sizeof(*w->complaints));
	if (day < oldest || k <= 0)
		return;
	uint32_t at = w->n;
	for (; at > 0; at--) {
		const struct complaint *before = &w->complaints[at - 1];
		if (before->day < day ||
			(before->day == day && text_compare(symbols_text(symbols, before->aspect), symbols_text(symbols, aspect)) <= 0))
			break;
	}
	if (at > 0 && w->complaints[at - 1].day == day && w->complaints[at - 1].aspect == aspect) {
		w->complaints[at - 1].k += (uint32_t)k;
		return;
	}
	if (w->n == w->capacity) {
		uint32_t grown = w->capacity ? 2 * w->capacity : 4;
		w->complaints = pool_resize(pool, w->complaints, w->capacity * sizeof(*w->complaints), grown * sizeof(*w->complaints));
		w->capacity = grown;
	}
	memmove(w->complaints + at + 1, w->complaints + at, (w->n - at) * sizeof(*w->complaints));
	w->complaints[at] = (struct complaint){ day, aspect, (uint32_t)k };
	w->n++;
}

symbol_t spike_words_aspect(const struct spike_words *w, const struct symbols *symbols, int32_t first_day, int64_t *ret_k)
{
	symbol_t best = 0;
	int64_t most = 0;
	for (uint32_t i = 0; i < w->n; i++) {
		int64_t k = 0;
		for (uint32_t j = 0; j < w->n; j++)
			if (w->complaints[j].aspect == w->complaints[i].aspect && w->complaints[j].day >= first_day)
				k += w->complaints[j].k;
		if (k > most || (k && k == most && text_compare(symbols_text(symbols, w->complaints[i].aspect), symbols_text(symbols, best)) < 0)) {
			most = k;
			best = w->complaints[i].aspect;
		}
	}
	*ret_k = most;
	return best;
}

void spike_words_save(const struct spike_words *w, const struct symbols *symbols, struct buf *to)
{
	uint32_t n = 0;
	while (n < WORDS_EXCERPTS && w->excerpts[n].text)
		n++;
	buf_varint(to, n);
	for (uint32_t i = 0; i < n; i++) {
		buf_zigzag(to, w->excerpts[i].pane);
		buf_text(to, excerpt_text(w, (int)i));
	}
	buf_varint(to, w->n);
	for (uint32_t i = 0; i < w->n; i++) {
		buf_zigzag(to, w->complaints[i].day);
		buf_text(to, symbols_text(symbols, w->complaints[i].aspect));
		buf_varint(to, w->complaints[i].k);
	}
}

int spike_words_load(struct spike_words *w, struct reader *from, struct symbols *symbols, struct pool *pool, int64_t old_pane_ms, int64_t pane_ms)
{
	uint64_t n = reader_varint(from);
	if (from->bad || n > WORDS_EXCERPTS)
		return -EBADMSG;
	for (uint64_t i = 0; i < n; i++) {
		int64_t pane = reader_zigzag(from) * old_pane_ms / pane_ms;
		struct text text = reader_text(from);
		if (from->bad || !text.size || text.size > WORDS_EXCERPT_BYTES || pane < 0 || pane > INT32_MAX)
			return -EBADMSG;
		w->excerpts[i].text = pool_alloc(pool, text.size);
		w->excerpts[i].size = text.size;
		w->excerpts[i].pane = (int32_t)pane;
		memcpy(w->excerpts[i].text, text.data, text.size);
	}
	n = reader_varint(from);
	if (from->bad || n > WORDS_COMPLAINTS_MAX)
		return -EBADMSG;
	uint32_t capacity = 4;
	while (capacity < n)
		capacity *= 2;
	w->capacity = n ? capacity : 0;
	w->complaints = pool_alloc(pool, w->capacity * sizeof(*w->complaints));
	for (uint64_t i = 0; i < n; i++) {
		int64_t day = reader_zigzag(from);
		symbol_t aspect = symbols_intern(symbols, reader_text(from));
		uint64_t k = reader_varint(from);
		if (from->bad || !aspect || day < 0 || day > INT32_MAX)
			return -EBADMSG;
		w->complaints[w->n++] = (struct complaint){ (int32_t)day, aspect, (uint32_t)k };
	}
	return 0;
}

void spike_words_mark(const struct spike_words *w, struct symbols *symbols)
{
	for (uint32_t i = 0; i < w->n; i++)
		symbols_mark(symbols, w->complaints[i].aspect);
}

void spike_words_done(struct spike_words *w, struct pool *pool)
{
	for (int i = 0; i < WORDS_EXCERPTS; i++)
		pool_free(pool, w->excerpts[i].text, w->excerpts[i].size);
	pool_free(pool, w->complaints, w->capacity * sizeof(*w->complaints));
}
