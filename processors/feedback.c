#include "feedback.h"

#include <errno.h>
#include <math.h>

const char feedback_letters[WHY_KINDS + 1] = { [WHY_ORDER] = 'o', [WHY_SESSION] = 's', [WHY_TRENDING] = 't', [WHY_POPULAR] = 'p', [WHY_PINNED] = 'f', [WHY_NEW] = 'n', [WHY_CONTENT] = 'c' };

static const double place_prior = 100, kind_prior = 10, bought_weight = 3, least = .25, most = 4;
enum { ROUNDS = 30 };

/* ---- names ---- */

static int kind_of(char letter)
{
	for (int k = 0; k < WHY_KINDS; k++)
		if (feedback_letters[k] == letter)
			return k;
	return -1;
}

int feedback_kind(struct text rec_id, int32_t position)
{
	if (rec_id.size <= REC_ID_HEAD || rec_id.data[REC_ID_HEAD - 1] != '-' || position < 0 || (uint32_t)position >= rec_id.size - REC_ID_HEAD)
		return -1;
	return kind_of(rec_id.data[REC_ID_HEAD + position]);
}

uint8_t feedback_place(int32_t position)
{
	return position < 5 ? (uint8_t)position : position < 7 ? 5
		: position < 10                                ? 6
		: position < 15                                ? 7
		: position < 20                                ? 8
							       : 9;
}

/* (middle of the place + 1)^-1/2 */
static double looked_before(int place)
{
	static const double middle[FEEDBACK_PLACES] = { 0, 1, 2, 3, 4, 5.5, 8, 12, 17, 30 };
	return 1 / sqrt(middle[place] + 1);
}

void feedback_name(char ret[2], int kind, uint8_t place)
{
	ret[0] = feedback_letters[kind];
	ret[1] = (char)('0' + place);
}

/* ---- counting ---- */

static bool before(const struct feedback_cell *c, int32_t pane, int kind, int place)
{
	if (c->pane != pane)
		return c->pane < pane;
	return c->kind != kind ? c->kind < kind : c->place < place;
}

static void trim(struct feedback *f)
{
	uint32_t old = 0;
	while (old < f->n && f->cells[old].pane <= (int64_t)f->cells[f->n - 1].pane - FEEDBACK_PANES)
		old++;
	f->n -= old;
	if (old)
		memmove(f->cells, f->cells + old, f->n * sizeof(*f->cells));
}

static struct feedback_cell *cell_of(struct feedback *f, struct pool *pool, int32_t pane, int kind, int place)
{
	uint32_t at = f->n;
	if (f->n && pane <= (int64_t)f->cells[f->n - 1].pane - FEEDBACK_PANES)
		return NULL;
	while (at > 0 && !before(&f->cells[at - 1], pane, kind, place))
		at--;
	if (at < f->n && f->cells[at].pane == pane && f->cells[at].kind == kind && f->cells[at].place == place)
		return &f->cells[at];
	if (f->n == f->capacity) {
		uint32_t grown = f->capacity ? 2 * f->capacity : 16;
		f->cells = pool_resize(pool, f->cells, f->capacity * sizeof(*f->cells), grown * sizeof(*f->cells));
		f->capacity = grown;
	}
	memmove(f->cells + at + 1, f->cells + at, (f->n - at) * sizeof(*f->cells));
	f->cells[at] = (struct feedback_cell){ .pane = pane, .kind = (uint8_t)kind, .place = (uint8_t)place };
	f->n++;
	return &f->cells[at];
}

void feedback_add(struct feedback *f, struct pool *pool, struct text name, enum feedback_count what, int32_t pane, int64_t amount)
{
	int kind = name.size == 2 ? kind_of(name.data[0]) : -1, place = name.size == 2 ? name.data[1] - '0' : -1;
	if (kind < 0 || place < 0 || place >= FEEDBACK_PLACES || amount <= 0)
		return;
	struct feedback_cell *c = cell_of(f, pool, pane, kind, place);
	if (!c)
		return;
	c->n[what] += amount;
	trim(f);
}

void feedback_done(struct feedback *f, struct pool *pool)
{
	pool_free(pool, f->cells, f->capacity * sizeof(*f->cells));
}

void feedback_save(const struct feedback *f, struct buf *to)
{
	buf_varint(to, f->n);
	for (uint32_t i = 0; i < f->n; i++) {
		const struct feedback_cell *c = &f->cells[i];
		buf_zigzag(to, c->pane);
		buf_u8(to, c->kind);
		buf_u8(to, c->place);
		for (int k = 0; k < FEEDBACK_COUNTS; k++)
			buf_varint(to, (uint64_t)c->n[k]);
	}
}

int feedback_load(struct feedback *f, struct reader *from, struct pool *pool)
{
	uint64_t n = reader_varint(from);
	if (from->bad || n > FEEDBACK_CELLS_MAX)
		return -EBADMSG;
	for (uint64_t i = 0; i < n; i++) {
		int64_t pane = reader_zigzag(from);
		int kind = reader_u8(from), place = reader_u8(from);
		if (from->bad || pane > INT32_MAX || pane < INT32_MIN || kind >= WHY_KINDS || place >= FEEDBACK_PLACES ||
			(f->n && !before(&f->cells[f->n - 1], (int32_t)pane, kind, place)))
			return -EBADMSG;
		struct feedback_cell *c = cell_of(f, pool, (int32_t)pane, kind, place);
		for (int k = 0; k < FEEDBACK_COUNTS; k++)
			c->n[k] = (int64_t)reader_varint(from);
	}
	return from->bad ? -EBADMSG : 0;
}

/* ---- learning ---- */

void feedback_blend(const struct feedback *f, struct blend *ret)
{
	double shown[WHY_KINDS][FEEDBACK_PLACES] = { { 0 } }, clicked[WHY_KINDS][FEEDBACK_PLACES] = { { 0 } }, reward[WHY_KINDS] = { 0 };
	double pull[WHY_KINDS], all_clicks = 0, all_reward = 0;
	*ret = (struct blend){ .shown = 0 };
	for (uint32_t i = 0; i < f->n; i++) {
		const struct feedback_cell *c = &f->cells[i];
		shown[c->kind][c->place] += (double)c->n[FEEDBACK_SHOWN];
		clicked[c->kind][c->place] += (double)c->n[FEEDBACK_CLICKED];
		double r = (double)c->n[FEEDBACK_CLICKED] + bought_weight * (double)c->n[FEEDBACK_BOUGHT];
		reward[c->kind] += r;
		all_clicks += (double)c->n[FEEDBACK_CLICKED];
		all_reward += r;
		ret->shown += c->n[FEEDBACK_SHOWN];
	}
	for (int b = 0; b < FEEDBACK_PLACES; b++)
		ret->looked[b] = looked_before(b);
	double seen[WHY_KINDS], all_seen = 0;
	for (int round = 0; round <= ROUNDS; round++) {
		all_seen = 0;
		for (int k = 0; k < WHY_KINDS; k++) {
			seen[k] = 0;
			for (int b = 0; b < FEEDBACK_PLACES; b++)
				seen[k] += shown[k][b] * ret->looked[b];
			all_seen += seen[k];
		}
		if (!(all_seen > 0 && all_clicks > 0))
			break;
		double mean = all_clicks / all_seen;
		for (int k = 0; k < WHY_KINDS; k++) {
			double clicks = 0;
			for (int b = 0; b < FEEDBACK_PLACES; b++)
				clicks += clicked[k][b];
			pull[k] = (kind_prior + clicks) / (kind_prior / mean + seen[k]);
		}
		for (int b = 1; b < FEEDBACK_PLACES && round < ROUNDS; b++) {
			double clicks = place_prior * mean * looked_before(b), expected = place_prior * mean;
			for (int k = 0; k < WHY_KINDS; k++) {
				clicks += clicked[k][b];
				expected += shown[k][b] * pull[k];
			}
			ret->looked[b] = clicks / expected;
		}
	}
	double mean = all_seen > 0 ? all_reward / all_seen : 0;
	for (int k = 0; k < WHY_KINDS; k++) {
		ret->alpha[k] = kind_prior + reward[k];
		ret->ratio[k] = mean > 0 ? ret->alpha[k] / (kind_prior / mean + seen[k]) / mean : 1;
	}
}

/* A normal number from a hash: the sum of twelve uniform ones, less 6. */
static double normal_of(uint64_t h)
{
	double z = -6;
	for (int i = 0; i < 12; i++) {
		h += UINT64_C(0x9e3779b97f4a7c15);
		uint64_t x = (h ^ (h >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
		x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
		z += (double)((x ^ (x >> 31)) >> 11) * 0x1p-53;
	}
	return z;
}

double feedback_gamma(double alpha, uint64_t hash)
{
	double root = 1 - 1 / (9 * alpha) + normal_of(hash) / (3 * sqrt(alpha)), draw = alpha * root * root * root;
	return draw > 1e-6 ? draw : 1e-6;
}

double blend_factor(const struct blend *b, enum why_kind kind, uint64_t user_hash, int64_t day)
{
	double alpha = b->alpha[kind];
	double factor = b->ratio[kind] * feedback_gamma(alpha, user_hash ^ ((uint64_t)day * 8 + kind) * UINT64_C(0xd6e8feb86659fd93)) / alpha;
	return factor < least ? least : factor > most ? most
						      : factor;
}
