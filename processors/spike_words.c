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
	while (at < WORDS_EXCERPTS && w->excerpts[at].text &&
		(w->excerpts[at].pane > pane || (w->excerpts[at].pane == pane && text_compare(excerpt_text(w, at), text) < 0)))
		at++;
	if (at > last || (w->excerpts[at].text && w->excerpts[at].pane == pane && text_equal(excerpt_text(w, at), text)))
		return;
	int begins = at, ends = at; /* those of its pane */
	while (begins > 0 && w->excerpts[begins - 1].pane == pane)
		begins--;
	while (ends < WORDS_EXCERPTS && w->excerpts[ends].text && w->excerpts[ends].pane == pane)
		ends++;
	if (at - begins >= WORDS_SHOWN)
		return;
	if (ends - begins >= WORDS_SHOWN)
		last = begins + WORDS_SHOWN - 1;
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

static void drop_first(struct spike_words *w, uint32_t n)
{
	w->n -= n;
	if (n)
		memmove(w->complaints, w->complaints + n, w->n * sizeof(*w->complaints));
}

void spike_words_leave(struct spike_words *w, int64_t below)
{
	uint32_t gone = 0;
	while (gone < w->n && w->complaints[gone].pane < below)
		gone++;
	drop_first(w, gone);
	if (w->known_from < below)
		w->known_from = below < INT32_MAX ? below : INT32_MAX;
}

/* Where (pane, aspect) is, or belongs. */
static uint32_t place_of(const struct spike_words *w, const struct symbols *symbols, int32_t pane, symbol_t aspect)
{
	uint32_t at = w->n;
	for (; at > 0 && w->complaints[at - 1].pane >= pane; at--) {
		const struct complaint *before = &w->complaints[at - 1];
		if (before->pane == pane && before->aspect != aspect && text_compare(symbols_text(symbols, before->aspect), symbols_text(symbols, aspect)) < 0)
			break;
	}
	return at;
}

void spike_words_complaint(struct spike_words *w, struct pool *pool, const struct symbols *symbols, int32_t pane, symbol_t aspect, int64_t k)
{
	if (pane < w->known_from || k <= 0)
		return;
	uint32_t at = place_of(w, symbols, pane, aspect);
	if (at < w->n && w->complaints[at].pane == pane && w->complaints[at].aspect == aspect) {
		w->complaints[at].k += (uint32_t)k;
		return;
	}
	if (w->n == WORDS_COMPLAINTS_MAX) {
		uint32_t n = w->n;
		spike_words_leave(w, (at ? (int64_t)w->complaints[0].pane : pane) + 1);
		if (pane < w->known_from)
			return;
		at -= n - w->n;
	}
	if (w->n == w->capacity) {
		uint32_t grown = w->capacity ? 2 * w->capacity : 4;
		w->complaints = pool_resize(pool, w->complaints, w->capacity * sizeof(*w->complaints), grown * sizeof(*w->complaints));
		w->capacity = grown;
	}
	memmove(w->complaints + at + 1, w->complaints + at, (w->n - at) * sizeof(*w->complaints));
	w->complaints[at] = (struct complaint){ pane, aspect, (uint32_t)k };
	w->n++;
}

int spike_words_excerpts(const struct spike_words *w, int64_t first, int64_t last, struct text ret[WORDS_SHOWN])
{
	int n = 0;
	for (int i = 0; i < WORDS_EXCERPTS && w->excerpts[i].text && n < WORDS_SHOWN; i++) {
		bool shown = w->excerpts[i].pane < first || w->excerpts[i].pane > last;
		for (int j = 0; j < n && !shown; j++)
			shown = text_equal(ret[j], excerpt_text(w, i));
		if (!shown)
			ret[n++] = excerpt_text(w, i);
	}
	return n;
}

symbol_t spike_words_aspect(const struct spike_words *w, const struct symbols *symbols, int64_t first, int64_t last, int64_t *ret_k)
{
	symbol_t best = 0;
	int64_t most = 0;
	uint32_t from = 0, to;
	while (from < w->n && w->complaints[from].pane < first)
		from++;
	for (to = from; to < w->n && w->complaints[to].pane <= last;)
		to++;
	for (uint32_t i = from; i < to && first >= w->known_from; i++) {
		symbol_t aspect = w->complaints[i].aspect;
		int64_t k = 0;
		bool summed = false;
		for (uint32_t j = i; j > from && !summed; j--)
			summed = w->complaints[j - 1].aspect == aspect;
		for (uint32_t j = i; j < to && !summed; j++)
			k += w->complaints[j].aspect == aspect ? w->complaints[j].k : 0;
		if (k > most || (k && k == most && text_compare(symbols_text(symbols, aspect), symbols_text(symbols, best)) < 0)) {
			most = k;
			best = aspect;
		}
	}
	*ret_k = most;
	return best;
}

/* ---- state: excerpts (pane, text), known_from, the aspects' names, complaints (panes since the one before, which name, k) ---- */

void spike_words_save(const struct spike_words *w, const struct symbols *symbols, struct buf *to)
{
	uint32_t n = 0, n_names = 0, name;
	symbol_t names[WORDS_COMPLAINTS_MAX];
	while (n < WORDS_EXCERPTS && w->excerpts[n].text)
		n++;
	buf_varint(to, n);
	for (uint32_t i = 0; i < n; i++) {
		buf_zigzag(to, w->excerpts[i].pane);
		buf_text(to, excerpt_text(w, (int)i));
	}
	buf_varint(to, (uint64_t)w->known_from);
	for (uint32_t i = 0; i < w->n; i++) {
		for (name = 0; name < n_names && names[name] != w->complaints[i].aspect;)
			name++;
		if (name == n_names)
			names[n_names++] = w->complaints[i].aspect;
	}
	buf_varint(to, n_names);
	for (uint32_t i = 0; i < n_names; i++)
		buf_text(to, symbols_text(symbols, names[i]));
	buf_varint(to, w->n);
	int32_t before = 0;
	for (uint32_t i = 0; i < w->n; i++) {
		for (name = 0; names[name] != w->complaints[i].aspect;)
			name++;
		buf_varint(to, (uint64_t)(w->complaints[i].pane - before));
		buf_varint(to, name);
		buf_varint(to, w->complaints[i].k);
		before = w->complaints[i].pane;
	}
}

static int load_excerpts(struct spike_words *w, struct reader *from, struct pool *pool, int64_t old_pane_ms, int64_t pane_ms)
{
	uint64_t n = reader_varint(from);
	if (from->bad || n > WORDS_EXCERPTS)
		return -EBADMSG;
	for (uint64_t i = 0; i < n; i++) {
		int64_t pane = reader_zigzag(from);
		struct text text = reader_text(from);
		if (from->bad || !text.size || text.size > WORDS_EXCERPT_BYTES || pane < 0 || pane > INT32_MAX || pane * old_pane_ms / pane_ms > INT32_MAX)
			return -EBADMSG;
		w->excerpts[i].text = pool_alloc(pool, text.size);
		w->excerpts[i].size = text.size;
		w->excerpts[i].pane = (int32_t)(pane * old_pane_ms / pane_ms);
		memcpy(w->excerpts[i].text, text.data, text.size);
	}
	return 0;
}

static int skip_older(struct reader *from)
{
	for (int part = 0; part < 2; part++) { /* excerpts: pane, text; complaints: day, aspect, k */
		uint64_t n = reader_varint(from);
		for (uint64_t i = 0; i < n && !from->bad; i++) {
			reader_zigzag(from);
			reader_text(from);
			if (part)
				reader_varint(from);
		}
	}
	return from->bad ? -EBADMSG : 0;
}

int spike_words_load(struct spike_words *w, struct reader *from, struct symbols *symbols, struct pool *pool, int64_t old_pane_ms, int64_t pane_ms, bool older)
{
	symbol_t names[WORDS_COMPLAINTS_MAX];
	if (older)
		return skip_older(from);
	if (load_excerpts(w, from, pool, old_pane_ms, pane_ms) < 0)
		return -EBADMSG;
	uint64_t known = reader_varint(from), n_names = reader_varint(from);
	if (from->bad || known > INT32_MAX || n_names > WORDS_COMPLAINTS_MAX)
		return -EBADMSG;
	spike_words_leave(w, ((int64_t)known * old_pane_ms + pane_ms - 1) / pane_ms);
	for (uint64_t i = 0; i < n_names; i++)
		if (!(names[i] = symbols_intern(symbols, reader_text(from))))
			return -EBADMSG;
	uint64_t n = reader_varint(from), pane = 0;
	if (from->bad || n > WORDS_COMPLAINTS_MAX)
		return -EBADMSG;
	for (uint64_t i = 0; i < n; i++) {
		uint64_t panes = reader_varint(from), name = reader_varint(from), k = reader_varint(from);
		if (from->bad || panes > INT32_MAX || name >= n_names || k > UINT32_MAX)
			return -EBADMSG;
		pane += panes;
		int64_t now = (int64_t)pane * old_pane_ms / pane_ms;
		if (pane > INT32_MAX || now > INT32_MAX)
			return -EBADMSG;
		spike_words_complaint(w, pool, symbols, (int32_t)now, names[name], (int64_t)k);
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
