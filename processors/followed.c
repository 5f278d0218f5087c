#include "followed.h"

#include <errno.h>
#include <xxhash.h>

#include "experiment.h"
#include "feedback.h"
#include "recommend.h"

static const struct key all = { KEY_ALL, 0 };

static struct followed *need(struct followed **at, struct user_ctx *ctx)
{
	if (!*at)
		*at = pool_alloc(ctx->pool, sizeof(**at));
	return *at;
}

static void count_arm(struct user_ctx *ctx, const struct followed *f, symbol_t arm, enum arm_count what)
{
	emit_sum(ctx->emitter, P_RECOMMEND, all, (uint8_t)(METRIC_ARMS + what), arm, f->experiment, 1);
}

/* Another test than that of the arms: nothing of before is of it. The row is written with it, and a restore keeps to the row: the id of now is not that of a replay. */
static void begin(struct followed *f, struct user_ctx *ctx, int32_t experiment)
{
	f->experiment = experiment;
	f->arm = 0;
	f->n_arms = 0;
	for (int i = 0; i < f->n_lists; i++) {
		struct followed_list *x = &f->lists[i];
		x->past |= x->arm != 0;
		x->arm = 0;
		x->clicked = false;
	}
	for (int i = 0; i < f->n_items; i++)
		f->items[i].in_arm = false;
	ctx->row_due = true;
}

/* The arm that an event tells, else the last one told; NULL: none. The newest from now on. */
static struct followed_arm *arm_of(struct followed **at, struct user_ctx *ctx, struct text variant, int32_t experiment)
{
	symbol_t arm = variant.size ? symbols_intern(ctx->symbols, variant) : 0;
	if (!arm && !(*at && (*at)->n_arms))
		return NULL;
	struct followed *f = need(at, ctx);
	if (ctx->live && f->experiment != experiment)
		begin(f, ctx, experiment);
	if (arm && f->arm != arm) {
		int i = 0;
		while (i < f->n_arms && f->arms[i].arm != arm)
			i++;
		struct followed_arm x = i < f->n_arms ? f->arms[i] : (struct followed_arm){ .arm = arm };
		if (i == f->n_arms)
			count_arm(ctx, f, arm, ARM_SHOPPERS);
		if (i == FOLLOWED_ARMS)
			i = 0;
		else if (i == f->n_arms)
			f->n_arms++;
		memmove(f->arms + i, f->arms + i + 1, (size_t)(f->n_arms - 1 - i) * sizeof(x));
		f->arms[f->n_arms - 1] = x;
		f->arm = arm;
	}
	return f->n_arms ? &f->arms[f->n_arms - 1] : NULL;
}

static struct followed_list *list_of(struct followed *f, uint64_t rec)
{
	for (int i = f->n_lists - 1; i >= 0; i--)
		if (f->lists[i].rec == rec)
			return &f->lists[i];
	if (f->n_lists == FOLLOWED_LISTS)
		memmove(f->lists, f->lists + 1, --f->n_lists * sizeof(f->lists[0]));
	f->lists[f->n_lists] = (struct followed_list){ .rec = rec };
	return &f->lists[f->n_lists++];
}

static void count_cell(struct user_ctx *ctx, int kind, uint8_t place, enum feedback_count what, int64_t ts, int64_t n)
{
	char name[2];
	feedback_name(name, kind, place);
	emit_sum(ctx->emitter, P_RECOMMEND, all, (uint8_t)(METRIC_FEEDBACK + what), symbols_intern(ctx->symbols, (struct text){ name, 2 }), pane_of(ts, FEEDBACK_PANE_MS), n);
}

static void count_item(struct user_ctx *ctx, symbol_t item, enum feedback_count what)
{
	emit_sum(ctx->emitter, P_RECOMMEND, (struct key){ KEY_ITEM, item }, (uint8_t)(METRIC_FEEDBACK + what), 0, 0, 1);
}

static uint64_t bit_of(int32_t position)
{
	return position < 0 || position >= FOLLOWED_PLACES ? 0 : UINT64_C(1) << position % 64;
}

static bool is_shown(const struct followed_list *list, int32_t position)
{
	uint64_t bit = bit_of(position);
	return bit && (list->places[position / 64] & bit);
}

/* An event that shows the whole list: each entry at its place. */
static void shown_whole(struct followed_list *list, struct user_ctx *ctx, struct text rec_id, int64_t ts)
{
	int64_t n[WHY_KINDS][FEEDBACK_PLACES] = { { 0 } };
	for (int32_t i = 0; i < LIST_MAX; i++) {
		int kind = feedback_kind(rec_id, i);
		if (kind < 0)
			break;
		if (!is_shown(list, i))
			n[kind][feedback_place(i)]++;
	}
	for (int k = 0; k < WHY_KINDS; k++)
		for (uint8_t b = 0; b < FEEDBACK_PLACES; b++)
			if (n[k][b])
				count_cell(ctx, k, b, FEEDBACK_SHOWN, ts, n[k][b]);
}

static void shown(struct followed_list *list, struct user_ctx *ctx, const struct event *e, symbol_t item)
{
	const struct click *c = &e->click;
	if (!c->has_position && !item) {
		if (!list->whole)
			shown_whole(list, ctx, c->rec_id, e->ts);
		list->whole = true;
		return;
	}
	if (c->has_position) {
		int kind = feedback_kind(c->rec_id, c->position);
		uint64_t bit = bit_of(c->position);
		if (is_shown(list, c->position))
			return;
		if (bit)
			list->places[c->position / 64] |= bit;
		if (kind >= 0 && !list->whole)
			count_cell(ctx, kind, feedback_place(c->position), FEEDBACK_SHOWN, e->ts, 1);
	}
	if (!item)
		return;
	count_item(ctx, item, FEEDBACK_SHOWN);
	symbol_t brand = model_catalogue(ctx->model, item)->brand;
	if (brand)
		emit_sum(ctx->emitter, P_RECOMMEND, (struct key){ KEY_BRAND, brand }, METRIC_FEEDBACK + FEEDBACK_SHOWN, 0, pane_of(e->ts, POPULARITY_PANE_MS), 1);
}

/* The item as followed by this list; counted when it was not. */
static struct followed_item *followed_item(struct followed *f, struct user_ctx *ctx, const struct event *e, uint64_t rec, symbol_t item)
{
	const struct click *c = &e->click;
	for (int i = 0; i < f->n_items; i++)
		if (f->items[i].rec == rec && f->items[i].item == item)
			return &f->items[i];
	if (f->n_items == FOLLOWED_ITEMS)
		memmove(f->items, f->items + 1, --f->n_items * sizeof(f->items[0]));
	int kind = c->has_position ? feedback_kind(c->rec_id, c->position) : -1;
	uint8_t place = kind >= 0 ? feedback_place(c->position) : 0;
	f->items[f->n_items] = (struct followed_item){ .rec = rec, .ts = e->ts, .item = item, .kind = (int8_t)kind, .place = place };
	if (kind >= 0)
		count_cell(ctx, kind, place, FEEDBACK_CLICKED, e->ts, 1);
	count_item(ctx, item, FEEDBACK_CLICKED);
	return &f->items[f->n_items++];
}

static void clicked(struct followed *f, struct followed_list *list, struct user_ctx *ctx, const struct event *e, symbol_t item)
{
	struct followed_item *x = followed_item(f, ctx, e, list->rec, item);
	if (!list->arm)
		return;
	if (!list->clicked)
		count_arm(ctx, f, list->arm, ARM_CLICKED_LISTS);
	if (!x->in_arm)
		count_arm(ctx, f, list->arm, ARM_CLICKS);
	list->clicked = x->in_arm = true;
}

void followed_click(struct followed **at, struct user_ctx *ctx, const struct event *e, symbol_t item, int32_t experiment)
{
	const struct click *c = &e->click;
	const struct followed_arm *arm = arm_of(at, ctx, c->variant, experiment);
	if (!c->rec_id.size)
		return;
	bool impression = c->action == ACTION_IMPRESSION;
	bool click = item && (c->action == ACTION_CLICK || c->action == ACTION_VIEW || c->action == ACTION_ADD_TO_CART || c->action == ACTION_WISHLIST);
	if (!impression && !click)
		return;
	struct followed *f = need(at, ctx);
	struct followed_list *list = list_of(f, XXH3_64bits(c->rec_id.data, c->rec_id.size));
	if (!list->arm && arm && (impression || !list->past)) {
		list->arm = arm->arm;
		count_arm(ctx, f, list->arm, ARM_LISTS);
	}
	if (impression)
		shown(list, ctx, e, item);
	else
		clicked(f, list, ctx, e, item);
}

void followed_bought(struct followed *f, struct user_ctx *ctx, symbol_t item, int64_t ts)
{
	for (int i = f ? f->n_items - 1 : -1; i >= 0; i--) {
		struct followed_item *x = &f->items[i];
		if (x->item != item || x->ts > ts || ts - x->ts > FOLLOWED_WINDOW_MS)
			continue;
		if (x->bought)
			return;
		x->bought = true;
		if (x->kind >= 0)
			count_cell(ctx, x->kind, x->place, FEEDBACK_BOUGHT, ts, 1);
		count_item(ctx, item, FEEDBACK_BOUGHT);
		return;
	}
}

/* Of the shopper's total before and after it: what is added up of all shoppers is the sum of squares of their totals. */
static int64_t square_of(int64_t spent)
{
	int64_t x = spent < -ARM_SPENT_MAX ? -ARM_SPENT_MAX : spent > ARM_SPENT_MAX ? ARM_SPENT_MAX
										    : spent;
	return x * x;
}

void followed_order(struct followed **at, struct user_ctx *ctx, const struct event *e, int32_t experiment, symbol_t currency, int64_t net)
{
	struct followed_arm *in = arm_of(at, ctx, e->purchase.variant, experiment);
	char name[1200];
	if (!in)
		return;
	const struct followed *f = *at;
	if (e->purchase.kind == PURCHASE_ORDER) {
		count_arm(ctx, f, in->arm, ARM_ORDERS);
		if (!in->bought)
			count_arm(ctx, f, in->arm, ARM_BUYERS);
		in->bought = true;
	}
	struct text a = symbols_text(ctx->symbols, in->arm), c = symbols_text(ctx->symbols, currency);
	if (!net || !c.size || a.size + c.size + 1 > sizeof(name))
		return;
	memcpy(name, a.data, a.size);
	name[a.size] = '\t';
	memcpy(name + a.size + 1, c.data, c.size);
	symbol_t sub = symbols_intern(ctx->symbols, (struct text){ name, a.size + 1 + c.size });
	emit_sum(ctx->emitter, P_RECOMMEND, all, METRIC_ARM_REVENUE, sub, f->experiment, net);
	if (!in->currency)
		in->currency = currency;
	int64_t spent;
	if (in->currency != currency || __builtin_add_overflow(in->spent, net, &spent))
		return;
	emit_sum(ctx->emitter, P_RECOMMEND, all, METRIC_ARM_SQUARES, sub, f->experiment, square_of(spent) - square_of(in->spent));
	in->spent = spent;
}

/* ---- state ---- */

void followed_done(struct followed *f, struct pool *pool)
{
	pool_free(pool, f, sizeof(*f));
}

void followed_mark(const struct followed *f, struct symbols *symbols)
{
	if (!f)
		return;
	for (int i = 0; i < f->n_arms; i++) {
		symbols_mark(symbols, f->arms[i].arm);
		symbols_mark(symbols, f->arms[i].currency);
	}
	for (int i = 0; i < f->n_lists; i++)
		symbols_mark(symbols, f->lists[i].arm);
	for (int i = 0; i < f->n_items; i++)
		symbols_mark(symbols, f->items[i].item);
}

void followed_save(const struct followed *f, const struct symbols *symbols, struct buf *to)
{
	buf_u8(to, f != NULL);
	if (!f)
		return;
	buf_u32(to, (uint32_t)f->experiment);
	buf_u8(to, f->n_arms);
	for (int i = 0; i < f->n_arms; i++) {
		buf_text(to, symbols_text(symbols, f->arms[i].arm));
		buf_u8(to, f->arms[i].bought);
		buf_text(to, symbols_text(symbols, f->arms[i].currency));
		buf_zigzag(to, f->arms[i].spent);
	}
	buf_u8(to, f->n_lists);
	for (int i = 0; i < f->n_lists; i++) {
		const struct followed_list *x = &f->lists[i];
		buf_u64(to, x->rec);
		buf_u8(to, (uint8_t)(x->whole | x->clicked << 1 | x->past << 2));
		buf_text(to, symbols_text(symbols, x->arm));
		for (int k = 0; k < FOLLOWED_PLACES / 64; k++)
			buf_varint(to, x->places[k]);
	}
	buf_u8(to, f->n_items);
	for (int i = 0; i < f->n_items; i++) {
		const struct followed_item *x = &f->items[i];
		buf_u64(to, x->rec);
		buf_zigzag(to, x->ts);
		buf_text(to, symbols_text(symbols, x->item));
		buf_u8(to, (uint8_t)x->kind);
		buf_u8(to, x->place);
		buf_u8(to, (uint8_t)(x->bought | x->in_arm << 1));
	}
}

static void load_arm(struct followed_arm *x, bool totals, struct reader *from, struct symbols *symbols)
{
	x->arm = symbols_intern(symbols, reader_text(from));
	x->bought = reader_u8(from);
	if (totals) {
		x->currency = symbols_intern(symbols, reader_text(from));
		x->spent = reader_zigzag(from);
	}
}

/* Before version 5 one arm, "" for none, of a test that nobody knows; and lists without places, in that arm when they were shown. */
int followed_load(struct followed **ret, uint16_t version, struct reader *from, struct symbols *symbols, struct pool *pool)
{
	if (!reader_u8(from))
		return from->bad ? -EBADMSG : 0;
	struct followed *f = *ret = pool_alloc(pool, sizeof(*f));
	bool told = version >= 5;
	f->experiment = told ? (int32_t)reader_u32(from) : 0;
	uint8_t n = told ? reader_u8(from) : 1;
	if (from->bad || n > FOLLOWED_ARMS)
		return -EBADMSG;
	for (uint8_t i = 0; i < n; i++) {
		load_arm(&f->arms[i], version >= 4, from, symbols);
		if (from->bad || (told && !f->arms[i].arm))
			return -EBADMSG;
		f->arm = f->arms[i].arm;
		f->n_arms = f->arm ? i + 1 : 0;
	}
	n = reader_u8(from);
	if (from->bad || n > FOLLOWED_LISTS)
		return -EBADMSG;
	for (; f->n_lists < n; f->n_lists++) {
		struct followed_list *x = &f->lists[f->n_lists];
		x->rec = reader_u64(from);
		uint8_t flags = reader_u8(from);
		if (!told) {
			x->arm = flags & 1 ? f->arm : 0;
			continue;
		}
		x->whole = flags & 1;
		x->clicked = flags >> 1 & 1;
		x->past = flags >> 2 & 1;
		x->arm = symbols_intern(symbols, reader_text(from));
		for (int k = 0; k < FOLLOWED_PLACES / 64; k++)
			x->places[k] = reader_varint(from);
	}
	n = reader_u8(from);
	if (from->bad || n > FOLLOWED_ITEMS)
		return -EBADMSG;
	for (; f->n_items < n; f->n_items++) {
		struct followed_item *x = &f->items[f->n_items];
		x->rec = reader_u64(from);
		x->ts = reader_zigzag(from);
		x->item = symbols_intern(symbols, reader_text(from));
		x->kind = (int8_t)reader_u8(from);
		x->place = reader_u8(from);
		uint8_t flags = reader_u8(from);
		x->bought = flags & 1;
		x->in_arm = flags >> 1 & 1;
		if (x->kind < -1 || x->kind >= (int)WHY_KINDS || x->place >= FEEDBACK_PLACES)
			return -EBADMSG;
	}
	return from->bad ? -EBADMSG : 0;
}
