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

static void count_arm(struct user_ctx *ctx, symbol_t arm, enum arm_count what)
{
	emit_sum(ctx->emitter, P_RECOMMEND, all, (uint8_t)(METRIC_ARMS + what), arm, 0, 1);
}

/* The arm that an event tells, else the last one told; 0: none. */
static symbol_t arm_of(struct followed **at, struct user_ctx *ctx, struct text variant)
{
	symbol_t arm = variant.size ? symbols_intern(ctx->symbols, variant) : 0;
	if (!arm)
		return *at ? (*at)->arm : 0;
	struct followed *f = need(at, ctx);
	if (f->arm != arm) {
		f->arm = arm;
		f->currency = 0;
		f->spent = 0;
		f->arm_bought = false;
		count_arm(ctx, arm, ARM_SHOPPERS);
	}
	return arm;
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

/* An event that shows the whole list: each entry at its place. */
static void shown_whole(struct user_ctx *ctx, struct text rec_id, int64_t ts)
{
	int64_t n[WHY_KINDS][FEEDBACK_PLACES] = { { 0 } };
	for (int32_t i = 0; i < LIST_MAX; i++) {
		int kind = feedback_kind(rec_id, i);
		if (kind < 0)
			break;
		n[kind][feedback_place(i)]++;
	}
	for (int k = 0; k < WHY_KINDS; k++)
		for (uint8_t b = 0; b < FEEDBACK_PLACES; b++)
			if (n[k][b])
				count_cell(ctx, k, b, FEEDBACK_SHOWN, ts, n[k][b]);
}

static void shown(struct user_ctx *ctx, const struct event *e, symbol_t item)
{
	const struct click *c = &e->click;
	int kind = c->has_position ? feedback_kind(c->rec_id, c->position) : -1;
	if (!c->has_position && !item)
		shown_whole(ctx, c->rec_id, e->ts);
	if (kind >= 0)
		count_cell(ctx, kind, feedback_place(c->position), FEEDBACK_SHOWN, e->ts, 1);
	if (!item)
		return;
	count_item(ctx, item, FEEDBACK_SHOWN);
	symbol_t brand = model_catalogue(ctx->model, item)->brand;
	if (brand)
		emit_sum(ctx->emitter, P_RECOMMEND, (struct key){ KEY_BRAND, brand }, METRIC_FEEDBACK + FEEDBACK_SHOWN, 0, pane_of(e->ts, POPULARITY_PANE_MS), 1);
}

static void clicked(struct followed *f, struct user_ctx *ctx, const struct event *e, uint64_t rec, symbol_t item, symbol_t arm)
{
	const struct click *c = &e->click;
	for (int i = 0; i < f->n_items; i++)
		if (f->items[i].rec == rec && f->items[i].item == item)
			return;
	if (f->n_items == FOLLOWED_ITEMS)
		memmove(f->items, f->items + 1, --f->n_items * sizeof(f->items[0]));
	int kind = c->has_position ? feedback_kind(c->rec_id, c->position) : -1;
	uint8_t place = kind >= 0 ? feedback_place(c->position) : 0;
	f->items[f->n_items++] = (struct followed_item){ rec, e->ts, item, (int8_t)kind, place, false };
	if (kind >= 0)
		count_cell(ctx, kind, place, FEEDBACK_CLICKED, e->ts, 1);
	count_item(ctx, item, FEEDBACK_CLICKED);
	if (arm)
		count_arm(ctx, arm, ARM_CLICKS);
}

void followed_click(struct followed **at, struct user_ctx *ctx, const struct event *e, symbol_t item)
{
	const struct click *c = &e->click;
	symbol_t arm = arm_of(at, ctx, c->variant);
	if (!c->rec_id.size)
		return;
	bool impression = c->action == ACTION_IMPRESSION;
	bool click = item && (c->action == ACTION_CLICK || c->action == ACTION_VIEW || c->action == ACTION_ADD_TO_CART || c->action == ACTION_WISHLIST);
	if (!impression && !click)
		return;
	uint64_t rec = XXH3_64bits(c->rec_id.data, c->rec_id.size);
	struct followed *f = need(at, ctx);
	struct followed_list *list = list_of(f, rec);
	if (!list->shown && arm)
		count_arm(ctx, arm, ARM_LISTS);
	list->shown = true;
	if (impression) {
		shown(ctx, e, item);
		return;
	}
	if (!list->clicked && arm)
		count_arm(ctx, arm, ARM_CLICKED_LISTS);
	list->clicked = true;
	clicked(f, ctx, e, rec, item, arm);
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

void followed_order(struct followed **at, struct user_ctx *ctx, const struct event *e, symbol_t currency, int64_t net)
{
	symbol_t arm = arm_of(at, ctx, e->purchase.variant);
	char name[1200];
	if (!arm)
		return;
	if (e->purchase.kind == PURCHASE_ORDER) {
		count_arm(ctx, arm, ARM_ORDERS);
		if (!(*at)->arm_bought)
			count_arm(ctx, arm, ARM_BUYERS);
		(*at)->arm_bought = true;
	}
	struct text a = symbols_text(ctx->symbols, arm), c = symbols_text(ctx->symbols, currency);
	if (!net || !c.size || a.size + c.size + 1 > sizeof(name))
		return;
	memcpy(name, a.data, a.size);
	name[a.size] = '\t';
	memcpy(name + a.size + 1, c.data, c.size);
	symbol_t sub = symbols_intern(ctx->symbols, (struct text){ name, a.size + 1 + c.size });
	emit_sum(ctx->emitter, P_RECOMMEND, all, METRIC_ARM_REVENUE, sub, 0, net);
	struct followed *f = *at;
	if (!f->currency)
		f->currency = currency;
	int64_t spent;
	if (f->currency != currency || __builtin_add_overflow(f->spent, net, &spent))
		return;
	emit_sum(ctx->emitter, P_RECOMMEND, all, METRIC_ARM_SQUARES, sub, 0, square_of(spent) - square_of(f->spent));
	f->spent = spent;
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
	symbols_mark(symbols, f->arm);
	symbols_mark(symbols, f->currency);
	for (int i = 0; i < f->n_items; i++)
		symbols_mark(symbols, f->items[i].item);
}

void followed_save(const struct followed *f, const struct symbols *symbols, struct buf *to)
{
	buf_u8(to, f != NULL);
	if (!f)
		return;
	buf_text(to, symbols_text(symbols, f->arm));
	buf_u8(to, f->arm_bought);
	buf_text(to, symbols_text(symbols, f->currency));
	buf_zigzag(to, f->spent);
	buf_u8(to, f->n_lists);
	for (int i = 0; i < f->n_lists; i++) {
		buf_u64(to, f->lists[i].rec);
		buf_u8(to, (uint8_t)(f->lists[i].shown | f->lists[i].clicked << 1));
	}
	buf_u8(to, f->n_items);
	for (int i = 0; i < f->n_items; i++) {
		const struct followed_item *x = &f->items[i];
		buf_u64(to, x->rec);
		buf_zigzag(to, x->ts);
		buf_text(to, symbols_text(symbols, x->item));
		buf_u8(to, (uint8_t)x->kind);
		buf_u8(to, x->place);
		buf_u8(to, x->bought);
	}
}

int followed_load(struct followed **ret, bool totals, struct reader *from, struct symbols *symbols, struct pool *pool)
{
	if (!reader_u8(from))
		return from->bad ? -EBADMSG : 0;
	struct followed *f = *ret = pool_alloc(pool, sizeof(*f));
	f->arm = symbols_intern(symbols, reader_text(from));
	f->arm_bought = reader_u8(from);
	if (totals) {
		f->currency = symbols_intern(symbols, reader_text(from));
		f->spent = reader_zigzag(from);
	}
	uint8_t n = reader_u8(from);
	if (from->bad || n > FOLLOWED_LISTS)
		return -EBADMSG;
	for (; f->n_lists < n; f->n_lists++) {
		uint64_t rec = reader_u64(from);
		uint8_t flags = reader_u8(from);
		f->lists[f->n_lists] = (struct followed_list){ rec, flags & 1, flags >> 1 & 1 };
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
		x->bought = reader_u8(from);
		if (x->kind < -1 || x->kind >= (int)WHY_KINDS || x->place >= FEEDBACK_PLACES)
			return -EBADMSG;
	}
	return from->bad ? -EBADMSG : 0;
}
