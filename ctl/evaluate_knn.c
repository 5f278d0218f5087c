/* evaluate --knn: ratings predicted by neighbours, user-user and item-item, test then learn, beside the biases of the section `bias`. Every rating by a
 * shopper who has rated, of an item that was rated, is predicted from the KNN_K nearest neighbours by each form; where a form knows no neighbour, by the
 * shopper's mean. knn {user_cosine, user_cosine_full, user_pearson, item_cosine: {rmse, covered}, n}: covered is the share that had a neighbour. user_cosine is over common
 * items, _full and item_cosine over all (knn.h); Pearson's neighbours tell their distance from their own mean. */
#include <math.h>
#include <stdlib.h>

#include "ctl/evaluate.h"
#include "ctl/knn.h"

enum { KNN_K = 40 };

enum form { USER_COSINE,
	USER_FULL,
	USER_PEARSON,
	ITEM_COSINE,
	FORMS };

static const char *const names[FORMS] = { "user_cosine", "user_cosine_full", "user_pearson", "item_cosine" };

struct lines {
	struct symbols *names;
	struct knn_line *at; /* by number */
	uint32_t limit;
};

struct knn_section {
	struct lines users, items;
	double square[FORMS];
	uint64_t covered[FORMS], n;
};

static uint32_t number_of(struct lines *l, struct text name)
{
	symbol_t id = symbols_intern(l->names, name);
	if (id >= l->limit) {
		uint32_t limit = l->limit ? l->limit : 1024;
		while (limit <= id)
			limit *= 2;
		l->at = realloc(l->at, limit * sizeof(*l->at));
		if (!l->at)
			abort();
		memset(l->at + l->limit, 0, (limit - l->limit) * sizeof(*l->at));
		l->limit = limit;
	}
	return id;
}

static int knn_start(struct evaluate *e, void *state)
{
	struct knn_section *s = state;
	(void)e;
	s->users.names = symbols_create();
	s->items.names = symbols_create();
	return 0;
}

static double mean_of(const struct knn_line *l)
{
	return l->sum / l->n;
}

/* NAN: no neighbour. */
static double guess(const struct knn_section *s, enum form form, uint32_t user, uint32_t item)
{
	static const enum knn_form forms[FORMS] = { KNN_COMMON, KNN_FULL, KNN_PEARSON, KNN_FULL };
	const struct lines *lines = form == ITEM_COSINE ? &s->items : &s->users;
	const struct knn_line *own = form == ITEM_COSINE ? &s->items.at[item] : &s->users.at[user];
	const struct knn_line *others = form == ITEM_COSINE ? &s->users.at[user] : &s->items.at[item];
	struct knn_near near = { .most = KNN_K };
	for (uint32_t i = 0; i < others->n; i++) {
		const struct knn_line *other = &lines->at[others->at[i].id];
		knn_offer(&near, knn_similarity(forms[form], own, other), others->at[i].rating - (form == USER_PEARSON ? mean_of(other) : 0));
	}
	return knn_mean(&near) + (form == USER_PEARSON ? mean_of(own) : 0);
}

static void knn_event(struct evaluate *e, void *state, const struct event *event)
{
	struct knn_section *s = state;
	if (event->kind != EVENT_REVIEW || !event->review.rating_milli || !event->review.item_id.size || !arguments_value(e->ctl->arguments, "knn"))
		return;
	uint32_t user = number_of(&s->users, event->user_id), item = number_of(&s->items, event->review.item_id);
	struct knn_line *u = &s->users.at[user], *x = &s->items.at[item];
	float rating = (float)event->review.rating_milli / 1000;
	if (u->n && x->n && !knn_find(u, item)) {
		s->n++;
		for (int f = 0; f < FORMS; f++) {
			double g = guess(s, (enum form)f, user, item);
			s->covered[f] += !isnan(g);
			double error = rating - (isnan(g) ? mean_of(u) : g);
			s->square[f] += error * error;
		}
	}
	knn_put(u, item, rating);
	knn_put(x, user, rating);
}

static json_t *knn_finish(struct evaluate *e, void *state)
{
	const struct knn_section *s = state;
	(void)e;
	if (!s->n)
		return NULL;
	json_t *result = json_object();
	for (int f = 0; f < FORMS; f++)
		json_object_set_new(result, names[f], json_pack("{s:f, s:f}", "rmse", sqrt(s->square[f] / (double)s->n), "covered", (double)s->covered[f] / (double)s->n));
	json_object_set_new(result, "n", json_integer((json_int_t)s->n));
	return result;
}

static void lines_done(struct lines *l)
{
	for (uint32_t i = 0; i < l->limit; i++)
		knn_done(&l->at[i]);
	free(l->at);
	symbols_destroy(l->names);
}

static void knn_section_done(struct evaluate *e, void *state)
{
	struct knn_section *s = state;
	(void)e;
	lines_done(&s->users);
	lines_done(&s->items);
}

const struct evaluate_section evaluate_knn = {
	.name = "knn",
	.state_size = sizeof(struct knn_section),
	.start = knn_start,
	.event = knn_event,
	.finish = knn_finish,
	.done = knn_section_done,
};
