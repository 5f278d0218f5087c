/* evaluate: what follows in a session. After each counted click and each order the chance is predicted that an order follows in the session, by what was
 * learnt before; files without an order: that anything follows. intent {target, auc, log_loss, calibration, calibration_error, base, n}: over n such moments;
 * calibration is predicted / observed; calibration_error the mean distance of the two in ten bins of equal size; base the share that was followed. */
#include <math.h>
#include <stdlib.h>

#include "ctl/evaluate.h"
#include "processors/intent.h"

enum { BINS = 10 };

struct guess {
	float chance[INTENT_TARGETS];
	bool followed[INTENT_TARGETS];
	uint32_t before; /* + 1: of the same shopper's session; 0: none */
};

struct intent_section {
	struct symbols *shoppers;
	uint32_t *newest; /* + 1, by the shopper's number */
	uint32_t newest_limit;
	struct guess *guesses;
	uint32_t n, capacity;
	uint64_t orders;
	float unlearnt[INTENT_TARGETS][INTENT_FEATURES];
};

static void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

static uint32_t *newest_of(struct intent_section *s, struct text user)
{
	symbol_t id = symbols_intern(s->shoppers, user);
	if (id >= s->newest_limit) {
		uint32_t limit = s->newest_limit ? s->newest_limit : 1024;
		while (limit <= id)
			limit *= 2;
		s->newest = must(realloc(s->newest, limit * sizeof(*s->newest)));
		memset(s->newest + s->newest_limit, 0, (limit - s->newest_limit) * sizeof(*s->newest));
		s->newest_limit = limit;
	}
	return &s->newest[id];
}

static int intent_section_start(struct evaluate *e, void *state)
{
	struct intent_section *s = state;
	(void)e;
	s->shoppers = symbols_create();
	struct intent_weights w;
	intent_start(&w);
	for (int t = 0; t < INTENT_TARGETS; t++)
		for (int i = 0; i < INTENT_FEATURES; i++)
			s->unlearnt[t][i] = (float)w.w[t][i];
	return 0;
}

static void intent_event(struct evaluate *e, void *state, const struct event *event)
{
	struct intent_section *s = state;
	const struct intent_settings *settings = e->settings[P_INTENT];
	if (!settings->learn_every || (event->kind != EVENT_CLICK && event->kind != EVENT_PURCHASE) || s->n == UINT32_MAX - 1)
		return;
	const struct intent_user *known = evaluate_user_block(e, event->user_id, P_INTENT);
	struct intent_user u = known ? *known : (struct intent_user){ .open = false };
	struct intent_step step = intent_take(settings, &u, event);
	if (!step.moment)
		return;
	s->orders += step.order;
	uint32_t *newest = newest_of(s, event->user_id);
	if (step.began)
		*newest = 0;
	if (*newest)
		s->guesses[*newest - 1].followed[INTENT_STAY] = true;
	for (uint32_t at = *newest; step.order && at; at = s->guesses[at - 1].before)
		s->guesses[at - 1].followed[INTENT_ORDER] = true;
	if (step.order)
		*newest = 0; /* all before it are settled */
	const struct intent_model *m = evaluate_model(e, KEY_ALL, (struct text){ NULL, 0 }, P_INTENT);
	symbol_t item = step.order ? 0 : symbols_find(e->engine->symbols, event->click.item_id);
	uint8_t x[INTENT_FEATURES];
	intent_features(&u, item ? model_catalogue(e->engine->model, item)->price_band : 0, x);
	if (s->n == s->capacity) {
		s->capacity = s->capacity ? s->capacity * 2 : 4096;
		s->guesses = must(realloc(s->guesses, s->capacity * sizeof(*s->guesses)));
	}
	struct guess g = { .before = *newest };
	for (int t = 0; t < INTENT_TARGETS; t++)
		g.chance[t] = (float)intent_chance(m ? m->w[t] : s->unlearnt[t], x);
	s->guesses[s->n++] = g;
	*newest = s->n;
}

struct result {
	float chance;
	bool followed;
};

static int by_chance(const void *a, const void *b)
{
	float x = ((const struct result *)a)->chance, y = ((const struct result *)b)->chance;
	return (x > y) - (x < y);
}

/* Of results in order of their chance: the share of pairs (followed, not followed) in the right order, equal ones half. */
static double area(const struct result *r, uint32_t n, double followed)
{
	double ranks = 0;
	for (uint32_t from = 0, to; from < n; from = to) {
		double k = 0;
		for (to = from; to < n && r[to].chance == r[from].chance; to++)
			k += r[to].followed;
		ranks += k * (from + 1 + to) / 2;
	}
	return (ranks - followed * (followed + 1) / 2) / (followed * (n - followed));
}

static json_t *intent_finish(struct evaluate *e, void *state)
{
	const struct intent_section *s = state;
	enum intent_target t = s->orders ? INTENT_ORDER : INTENT_STAY;
	double followed = 0, predicted = 0, loss = 0, distance = 0;
	(void)e;
	struct result *r = must(malloc((s->n + 1) * sizeof(*r)));
	for (uint32_t i = 0; i < s->n; i++) {
		double p = fmin(fmax(s->guesses[i].chance[t], 1e-6), 1 - 1e-6);
		r[i] = (struct result){ s->guesses[i].chance[t], s->guesses[i].followed[t] };
		followed += r[i].followed;
		predicted += p;
		loss -= log(r[i].followed ? p : 1 - p);
	}
	if (followed == 0 || followed == s->n) { /* nothing to tell apart */
		free(r);
		return NULL;
	}
	qsort(r, s->n, sizeof(*r), by_chance);
	for (uint64_t bin = 0, from = 0; bin < BINS; bin++) {
		uint64_t to = s->n * (bin + 1) / BINS;
		double sum = 0;
		for (; from < to; from++)
			sum += (double)r[from].chance - r[from].followed;
		distance += fabs(sum);
	}
	json_t *result = json_pack("{s:s, s:f, s:f, s:f, s:f, s:f, s:I}", "target", t == INTENT_ORDER ? "order" : "click", "auc", area(r, s->n, followed), "log_loss", loss / s->n,
		"calibration", predicted / followed, "calibration_error", distance / s->n, "base", followed / s->n, "n", (json_int_t)s->n);
	free(r);
	return result;
}

static void intent_done(struct evaluate *e, void *state)
{
	struct intent_section *s = state;
	(void)e;
	symbols_destroy(s->shoppers);
	free(s->newest);
	free(s->guesses);
}

const struct evaluate_section evaluate_intent = {
	.name = "intent",
	.state_size = sizeof(struct intent_section),
	.start = intent_section_start,
	.event = intent_event,
	.finish = intent_finish,
	.done = intent_done,
};
