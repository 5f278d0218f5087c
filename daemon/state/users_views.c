/* What of a user task is to be shown, and how it is rendered; see users.h. */
#include "users.h"

void user_task_render(struct user_task *t, struct user *u, int64_t now_ms, uint64_t commit, int64_t ttl_s)
{
	struct engine *e = t->engine;
	struct text id = user_id(u);
	struct view_ctx ctx = {
		.as_of = now_ms,
		.commit = commit,
		.watermark = t->watermark,
		.symbols = e->symbols,
		.model = e->model,
		.view = e->view,
		.scratch = &e->scratch,
		.ttl_s = ttl_s,
		.user = id,
		.user_hash = u->hash,
		.least_shoppers = e->rules.least_shoppers,
		.least_baskets = e->rules.least_baskets,
		.blocks = (const void *const *)u->blocks,
	};
	view_entity_begin(e->view, "user:", id, now_ms, commit, ttl_s);
	for (int p = 0; p < PROCESSORS; p++)
		if (processors[p]->user_view && u->blocks[p]) {
			buf_clear(&e->scratch);
			processors[p]->user_view(e->settings[p], &ctx, u->blocks[p]);
		}
	view_entity_end(e->view);
}

void user_task_shown(struct user_task *t, struct user *u, int64_t now_ms, int64_t again_ms)
{
	list_remove(&t->views, &u->view_link);
	list_remove(&t->again, &u->again_link);
	list_remove(&t->fresh, &u->fresh_link);
	list_push(&t->fresh, &u->fresh_link);
	u->shown_ms = now_ms;
	if (now_ms - u->touched_ms < again_ms)
		list_push(&t->again, &u->again_link);
	for (int j = 0; j < INPUTS; j++)
		u->shown_from[j] = INT64_MAX;
}

void user_task_shown_to(const struct user_task *t, int64_t ret[INPUTS])
{
	for (int j = 0; j < INPUTS; j++)
		ret[j] = t->in[j].position;
	if (!t->views.n)
		return;
	const struct user *u = LIST_OWNER(t->views.head.next, const struct user, view_link);
	for (int j = 0; j < INPUTS; j++)
		if (u->shown_from[j] < ret[j])
			ret[j] = u->shown_from[j];
}

void user_task_views_due(struct user_task *t, const int64_t *shown, int64_t now_ms)
{
	for (struct link *x = t->all.head.next; x != &t->all.head; x = x->next) {
		struct user *u = LIST_OWNER(x, struct user, all_link);
		bool past = !shown || (!u->packed_size && u->row_link.next);
		for (int j = 0; !past && j < INPUTS; j++)
			past = u->cover[j] > shown[j];
		if (!past && !u->fresh_link.next && !u->view_link.next) { /* restored: an earlier owner has shown it */
			u->shown_ms = now_ms;
			list_push(&t->fresh, &u->fresh_link);
		}
		if (!past || u->view_link.next)
			continue;
		for (int j = 0; j < INPUTS; j++)
			u->shown_from[j] = !shown ? 0 : shown[j] < t->in[j].position ? shown[j]
										     : t->in[j].position;
		u->touched_ms = now_ms;
		/* before what is there: the first in the list holds back `shown` */
		list_insert(&t->views, &t->views.head, &u->view_link);
	}
}
