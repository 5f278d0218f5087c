/* evaluate: how near the predicted ratings come. Each rating of an item is predicted, within the scale, before it is learnt:
 * bias {rmse, mae, n}, in stars, over n ratings. */
#include <math.h>

#include "ctl/evaluate.h"
#include "processors/bias.h"

struct bias_section {
	double square, absolute;
	uint64_t n;
};

static void bias_event(struct evaluate *e, void *state, const struct event *event)
{
	struct bias_section *s = state;
	if (event->kind != EVENT_REVIEW || !event->review.rating_milli || !event->review.item_id.size)
		return;
	double guess = bias_predict(e->settings[P_BIAS], e->engine->model, symbols_find(e->engine->symbols, event->review.item_id),
		evaluate_user_block(e, event->user_id, P_BIAS), event->ts);
	double error = event->review.rating_milli / 1000.0 - guess;
	s->square += error * error;
	s->absolute += fabs(error);
	s->n++;
}

static json_t *bias_finish(struct evaluate *e, void *state)
{
	const struct bias_section *s = state;
	(void)e;
	if (!s->n)
		return NULL;
	return json_pack("{s:f, s:f, s:I}", "rmse", sqrt(s->square / (double)s->n), "mae", s->absolute / (double)s->n, "n", (json_int_t)s->n);
}

const struct evaluate_section evaluate_bias = {
	.name = "bias",
	.state_size = sizeof(struct bias_section),
	.event = bias_event,
	.finish = bias_finish,
};
