/* Which views are shown again when nothing happens: see loop.h.
 *
 * What a view takes from the global tables (totals, others' counts, scores, what is sold out) moves without a touch of its own entity.
 * Following every move would be endless work, so views of untouched entities follow when the tables come to rest: everything shown
 * before their last change is shown once more, after all that is due. A view takes some 50 us; the next sweep waits for 1 ms for each
 * that may have been shown, so that a shop with a trickle of events spends a twentieth of one processor on it.
 *
 * After a replay the sweep is the shoppers' first showing: as long as the tables have not caught up they are rationed as before. It waits, for
 * HOLD_MS and two commits at most, until the tasks here have said that they are at their end (a second later): that moves the watermark, with it windows and
 * totals, and the next sweep is far.
 */
#include <limits.h>

#include "daemon/loop.h"

enum { QUIET_MS = 300,
	ALONE_MS = 100, /* this process has all there is, and has read again what it sent and published */
	LATE_MS = 2000, /* it has not: a slow broker, or what was sent went to one who has the partition by now */
	HOLD_MS = 2000,
	PAUSE_PER_VIEW_MS = 1,
	SOON_MS = 30000 };

static int64_t quiet_ms(const struct loop *l)
{
	int64_t commits = 2 * l->config->glint.commit_interval_ms;
	return commits > QUIET_MS ? commits : QUIET_MS;
}

/* Nothing is on its way from a record to a table: so far as this process sees. What others do is not seen: they have had their time. */
static bool at_rest(const struct loop *l)
{
	bool back = global_model_rows(l->global) >= l->refresh.rows_out && l->refresh.messages_in >= l->refresh.messages_out;
	int64_t quiet = back ? ALONE_MS : LATE_MS;
	if (!global_ready(l->global) || !committer_idle(l->committer) || !combiner_empty(l->engine->emitter) || l->moves)
		return false;
	bool holds = l->now_ms < l->refresh.hold_until_ms;
	for (uint32_t i = 0; i < l->n_parts; i++) {
		const struct part *p = &l->parts[i];
		if (p->state != PART_RUNNING)
			quiet = quiet > quiet_ms(l) ? quiet : quiet_ms(l);
		else if ((holds && !p->reported.at_end) || p->item->model.n || !source_at_end(l->source, l->repartition, p->partition))
			return false;
		for (int j = 0; p->state == PART_RUNNING && j < INPUTS; j++)
			if (l->input_topic[j] != UINT_MAX && !feed_at_end(&p->feed, (unsigned)j))
				return false;
	}
	return l->now_ms - l->refresh.worked_ms >= quiet && l->wall_ms - l->refresh.changed_ms >= quiet;
}

bool refresh_stale(const struct loop *l, int64_t shown_ms)
{
	return shown_ms <= l->refresh.before_ms;
}

/* The lists are in the order of being shown. */
static bool stale_left(const struct loop *l)
{
	for (uint32_t i = 0; i < l->n_parts; i++) {
		const struct part *p = &l->parts[i];
		if (p->state != PART_RUNNING)
			continue;
		if (p->views[STAGE_USER].state == VIEWS_ON && p->user->fresh.n &&
			refresh_stale(l, LIST_OWNER(p->user->fresh.head.next, struct user, fresh_link)->shown_ms))
			return true;
		if (p->views[STAGE_ITEM].state == VIEWS_ON && p->item->fresh.n &&
			refresh_stale(l, LIST_OWNER(p->item->fresh.head.next, struct item_entity, fresh_link)->shown_ms))
			return true;
	}
	return false;
}

void refresh_round(struct loop *l)
{
	struct refresh *r = &l->refresh;
	if (r->changes != global_changes(l->global)) {
		r->changes = global_changes(l->global);
		r->changed_ms = l->wall_ms;
	}
	r->replay = l->behind && (r->replay || l->backlog > LOOP_BACKLOG); /* not a moment's delay, behind which everything is as it was */
	if (r->replay)
		r->hold_until_ms = l->now_ms + HOLD_MS + quiet_ms(l);
	bool rest = at_rest(l);
	if (rest) {
		r->hold_until_ms = 0;
		r->messages_out = r->messages_in;
	}
	if (r->sweeping) {
		if (stale_left(l))
			return;
		r->sweeping = false;
		r->next_ms = l->now_ms + PAUSE_PER_VIEW_MS * (int64_t)(l->engine->users + l->engine->items);
	}
	if (rest && r->before_ms < r->changed_ms && l->now_ms >= r->next_ms) {
		r->before_ms = r->changed_ms;
		r->sweeping = true;
	}
}

bool refresh_holds(const struct loop *l)
{
	return l->behind || l->now_ms < l->refresh.hold_until_ms;
}

bool refresh_settled(const struct loop *l)
{
	const struct refresh *r = &l->refresh;
	if (r->sweeping)
		return false;
	bool owed = r->before_ms < r->changed_ms || r->changes != global_changes(l->global) || !at_rest(l);
	return !owed || r->next_ms - l->now_ms > SOON_MS;
}
