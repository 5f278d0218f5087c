/* One entry of a list as JSON; see lists.h. */
#include <math.h>

#include "json.h"
#include "lists.h"
#include "measures.h"

static void put(struct buf *to, const char *s, size_t n)
{
	buf_bytes(to, s, n);
}
#define PUT(to, literal) put((to), (literal), sizeof(literal) - 1)

static const char pairs_of_digits[] = "00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748495051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";

/* n's digits, at least `least` of them, that end before `end`; where they begin. */
static char *digits_before(char *end, uint64_t n, int least)
{
	char *p = end;
	for (; n >= 100; n /= 100)
		memcpy(p -= 2, pairs_of_digits + 2 * (n % 100), 2);
	if (n >= 10)
		memcpy(p -= 2, pairs_of_digits + 2 * n, 2);
	else if (n || p == end)
		*--p = (char)('0' + n);
	while (end - p < least)
		*--p = '0';
	return p;
}

void reasons_number(struct buf *to, double v)
{
	if (!(v >= 1e-6 && v < 1e5)) {
		json_double(to, v);
		return;
	}
	static const uint64_t units[] = { [6] = 1000000, [8] = 100000000, [11] = 100000000000 };
	int places = v < 1e-3 ? 11 : v < 1 ? 8
					   : 6;
	uint64_t n = (uint64_t)(v * (double)units[places] + .5), whole = n / units[places];
	enum { LONGEST = 32 };
	char text[2 * LONGEST] = { 0 }, *end = text + LONGEST, *p = digits_before(end, n - whole * units[places], places);
	while (end > p && end[-1] == '0')
		end--;
	if (end > p)
		*--p = '.';
	p = digits_before(p, whole, 1);
	memcpy(buf_room(to, LONGEST), p, LONGEST); /* of a known size: no call */
	to->size += (size_t)(end - p);
}

void reasons_write(struct buf *to, const struct recommend_scratch *x, const struct view_ctx *ctx, const struct pick *p)
{
	PUT(to, "{\"item\":");
	json_text(to, symbols_text(ctx->symbols, p->item));
	PUT(to, ",\"score\":");
	reasons_number(to, p->score);
	if (p->why == WHY_PINNED) {
		PUT(to, ",\"why\":{\"kind\":\"pinned\",\"seed\":null,\"place\":");
		json_i64(to, (int64_t)p->value);
		PUT(to, "}}");
		return;
	}
	if (p->why == WHY_NEW) {
		const struct recommend_model *m = model_block(ctx->model, P_RECOMMEND, item_key(p->item));
		PUT(to, ",\"why\":{\"kind\":\"new\",\"seed\":null,\"shown\":");
		json_i64(to, m ? m->shown : 0);
		PUT(to, ",\"clicked\":");
		json_i64(to, m ? m->clicked : 0);
		PUT(to, "}}");
		return;
	}
	if (p->why == WHY_CONTENT) {
		const struct catalogue_item *seed = model_catalogue(ctx->model, x->seeds[p->candidate]);
		PUT(to, ",\"why\":{\"kind\":\"alike\",\"seed\":");
		json_text(to, symbols_text(ctx->symbols, x->seeds[p->candidate]));
		PUT(to, ",\"match\":");
		reasons_number(to, p->value);
		PUT(to, ",\"category\":");
		json_bool(to, seed->category && seed->category == p->known->category);
		PUT(to, ",\"brand\":");
		json_bool(to, seed->brand && seed->brand == p->known->brand);
		PUT(to, ",\"colour\":");
		json_bool(to, seed->colour && seed->colour == p->known->colour);
		PUT(to, ",\"price_band\":");
		json_bool(to, seed->price_band && seed->price_band == p->known->price_band);
		PUT(to, "}}");
		return;
	}
	if (p->why >= WHY_TRENDING) {
		if (p->why == WHY_TRENDING)
			PUT(to, ",\"why\":{\"kind\":\"trending\",\"seed\":null,\"trend\":");
		else
			PUT(to, ",\"why\":{\"kind\":\"popular\",\"seed\":null,\"actions\":");
		reasons_number(to, p->value);
		PUT(to, "}}");
		return;
	}
	const struct itemsets_model *all = model_block(ctx->model, P_ITEMSETS, (struct key){ KEY_ALL, 0 });
	int b = p->why == WHY_ORDER ? BASKET_ORDER : BASKET_SESSION;
	const struct candidate *c = &x->candidates[p->candidate];
	symbol_t seed = x->seeds[c->seed[b]];
	const struct itemsets_model *of_seed = model_block(ctx->model, P_ITEMSETS, item_key(seed));
	const struct itemsets_model *of_item = model_block(ctx->model, P_ITEMSETS, item_key(p->item));
	double n_seed = of_seed->n[b], n_item = of_item ? of_item->n[b] : 0, baskets = all ? all->n[b] : 0;
	if (b == BASKET_ORDER)
		PUT(to, ",\"why\":{\"kind\":\"bought_together\",\"seed\":");
	else
		PUT(to, ",\"why\":{\"kind\":\"viewed_together\",\"seed\":");
	json_text(to, symbols_text(ctx->symbols, seed));
	PUT(to, ",\"count\":");
	json_i64(to, c->count[b]);
	PUT(to, ",\"support\":");
	reasons_number(to, measure_support(c->count[b], baskets));
	PUT(to, ",\"confidence\":");
	reasons_number(to, measure_confidence(c->count[b], n_seed));
	PUT(to, ",\"lift\":");
	reasons_number(to, baskets > 0 ? measure_lift(c->count[b], n_seed, n_item, baskets) : NAN);
	PUT(to, "}}");
}
