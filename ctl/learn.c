/* See learn.h. */
#include "ctl/learn.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "processors/weights.h"

#define PASSES_MAX 200
#define CLOSE_ENOUGH 1e-4 /* greatest change of a weight in a pass, at which it ends */
#define PRIOR_LEAST 0.05  /* of a: with rules that say nothing the weights stand for themselves */
#define WEIGHT_LEAST 0.03 /* in valences: less is not written */

struct name { /* a term: its words in the text pool, with a space between those of a pair */
	uint64_t hash;
	size_t at;
	uint32_t size;
	uint8_t kind;
	uint32_t last; /* number + 1 of the review that it was last met in */
};

struct review {
	size_t first; /* of its terms, up to the next one's */
	double rules, share; /* weights_share() */
	bool good;
};

struct learner {
	struct cutter *cutter;
	struct name *names;
	size_t n_names, names_room;
	uint32_t *slots; /* name + 1, by hash */
	size_t n_slots;
	char *pool;
	size_t pool_size, pool_room;
	struct review *reviews;
	size_t n_reviews, reviews_room;
	uint32_t *terms; /* of all reviews, distinct within one */
	size_t n_terms, terms_room;
	bool no_memory;
};

int learner_create(struct learner **ret)
{
	struct learner *l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	int r = term_cutter_create(&l->cutter);
	if (r) {
		free(l);
		return r;
	}
	*ret = l;
	return 0;
}

void learner_destroy(struct learner *l)
{
	if (!l)
		return;
	term_cutter_destroy(l->cutter);
	free(l->names);
	free(l->slots);
	free(l->pool);
	free(l->reviews);
	free(l->terms);
	free(l);
}

static bool room(void *array, size_t *capacity, size_t wanted, size_t size)
{
	void *old, *more;
	if (wanted <= *capacity)
		return true;
	size_t n = *capacity ? *capacity : 1024;
	while (n < wanted)
		n *= 2;
	memcpy(&old, array, sizeof(old));
	more = realloc(old, n * size);
	if (!more)
		return false;
	memcpy(array, &more, sizeof(more));
	*capacity = n;
	return true;
}

static uint32_t *slot_of(const struct learner *l, uint64_t hash)
{
	size_t mask = l->n_slots - 1, i = hash & mask;
	while (l->slots[i] && l->names[l->slots[i] - 1].hash != hash)
		i = (i + 1) & mask;
	return &l->slots[i];
}

static bool grow_slots(struct learner *l)
{
	if (2 * (l->n_names + 1) <= l->n_slots)
		return true;
	size_t n = l->n_slots ? 2 * l->n_slots : 4096;
	uint32_t *slots = calloc(n, sizeof(*slots));
	if (!slots)
		return false;
	free(l->slots);
	l->slots = slots;
	l->n_slots = n;
	for (size_t i = 0; i < l->n_names; i++)
		*slot_of(l, l->names[i].hash) = (uint32_t)i + 1;
	return true;
}

static struct name *name_of(struct learner *l, const struct term *t)
{
	if (!grow_slots(l))
		return NULL;
	uint32_t *slot = slot_of(l, t->hash);
	if (*slot)
		return &l->names[*slot - 1];
	uint32_t size = t->word.size + (t->kind == TERM_PAIR ? t->before.size + 1 : 0);
	if (l->n_names == UINT32_MAX - 1 || !room(&l->names, &l->names_room, l->n_names + 1, sizeof(*l->names)) ||
		!room(&l->pool, &l->pool_room, l->pool_size + size, 1))
		return NULL;
	struct name *name = &l->names[l->n_names];
	*name = (struct name){ .hash = t->hash, .at = l->pool_size, .size = size, .kind = (uint8_t)t->kind };
	char *to = l->pool + l->pool_size;
	if (t->kind == TERM_PAIR) {
		memcpy(to, t->before.data, t->before.size);
		to += t->before.size;
		*to++ = ' ';
	}
	memcpy(to, t->word.data, t->word.size);
	l->pool_size += size;
	*slot = (uint32_t)++l->n_names;
	return name;
}

static void take(void *to, const struct term *t)
{
	struct learner *l = to;
	struct name *name = l->no_memory ? NULL : name_of(l, t);
	if (!name || !room(&l->terms, &l->terms_room, l->n_terms + 1, sizeof(*l->terms))) {
		l->no_memory = true;
		return;
	}
	if (name->last == l->n_reviews)
		return;
	name->last = (uint32_t)l->n_reviews;
	l->terms[l->n_terms++] = (uint32_t)(name - l->names);
}

int learner_add(struct learner *l, struct text text, double rules, bool good)
{
	if (l->n_reviews == LEARN_REVIEWS_MAX)
		return -E2BIG;
	if (!room(&l->reviews, &l->reviews_room, l->n_reviews + 1, sizeof(*l->reviews)))
		return -ENOMEM;
	l->reviews[l->n_reviews++] = (struct review){ .first = l->n_terms, .rules = rules, .good = good };
	l->reviews[l->n_reviews - 1].share = weights_share(terms_of(l->cutter, text, take, l));
	return l->no_memory ? -ENOMEM : 0;
}

/* ---- the model ---- */

struct column {
	uint32_t name;
	uint32_t n;
	uint32_t *reviews;    /* n of them, a slice of model.cells */
	double weight, reach; /* reach: how far a step may go */
};

struct row {
	double rules, share, sign, cost; /* sign: +1 good, -1 bad; cost: c / n */
	double margin;
	double slope, bend; /* of this review's loss at its margin */
};

struct model {
	struct row *rows;
	size_t n_rows;
	struct column *columns;
	size_t n_columns;
	uint32_t *cells;
	double prior, prior_reach;
};

static void model_done(struct model *m)
{
	free(m->rows);
	free(m->columns);
	free(m->cells);
}

static void look(struct row *r)
{
	double p = 1 / (1 + exp(r->sign * r->margin)); /* of the other class */
	r->slope = -r->cost * r->sign * p;
	r->bend = r->cost * p * (1 - p);
}

static double newton(double slope, double bend, double *reach)
{
	double step = bend > 0 ? -slope / bend : 0;
	if (step > *reach)
		step = *reach;
	if (step < -*reach)
		step = -*reach;
	*reach = fmax(2 * fabs(step), *reach / 2);
	return step;
}

static double step_prior(struct model *m)
{
	double slope = 0, bend = 1e-12;
	for (size_t i = 0; i < m->n_rows; i++) {
		const struct row *r = &m->rows[i];
		slope += r->slope * r->rules;
		bend += r->bend * r->rules * r->rules;
	}
	double step = newton(slope, bend, &m->prior_reach);
	m->prior += step;
	for (size_t i = 0; i < m->n_rows; i++) {
		m->rows[i].margin += step * m->rows[i].rules;
		look(&m->rows[i]);
	}
	return fabs(step);
}

static double step_column(struct model *m, struct column *c, double l2)
{
	double slope = l2 * c->weight, bend = l2;
	for (uint32_t k = 0; k < c->n; k++) {
		const struct row *r = &m->rows[c->reviews[k]];
		slope += r->slope * r->share;
		bend += r->bend * r->share * r->share;
	}
	double step = newton(slope, bend, &c->reach);
	c->weight += step;
	for (uint32_t k = 0; k < c->n; k++) {
		struct row *r = &m->rows[c->reviews[k]];
		r->margin += step * r->share;
		look(r);
	}
	return fabs(step);
}

static void minimise(struct model *m, double l2)
{
	m->prior_reach = 1;
	for (size_t i = 0; i < m->n_rows; i++)
		look(&m->rows[i]);
	for (int pass = 0; pass < PASSES_MAX; pass++) {
		double change = step_prior(m);
		for (size_t j = 0; j < m->n_columns; j++)
			change = fmax(change, step_column(m, &m->columns[j], l2));
		if (change < CLOSE_ENOUGH)
			break;
	}
}

/* ---- from reviews to the model, and to the file ---- */

static bool held(const struct learn_request *q, size_t i)
{
	return q->folds > 1 && i % q->folds == q->held;
}

static struct text name_text(const struct learner *l, uint32_t name)
{
	return (struct text){ l->pool + l->names[name].at, l->names[name].size };
}

static int by_name(const void *a, const void *b, void *learner)
{
	const struct learner *l = learner;
	const struct column *x = a, *y = b;
	int kind = (int)l->names[x->name].kind - (int)l->names[y->name].kind;
	return kind ? kind : text_compare(name_text(l, x->name), name_text(l, y->name));
}

static size_t terms_end(const struct learner *l, size_t review)
{
	return review + 1 < l->n_reviews ? l->reviews[review + 1].first : l->n_terms;
}

static int make_rows(struct model *m, const struct learner *l, const struct learn_request *q, struct learn_result *result)
{
	m->rows = calloc(l->n_reviews + 1, sizeof(*m->rows));
	if (!m->rows)
		return -ENOMEM;
	for (size_t i = 0; i < l->n_reviews; i++) {
		if (held(q, i))
			continue;
		m->rows[m->n_rows++] = (struct row){ .rules = l->reviews[i].rules, .share = l->reviews[i].share, .sign = l->reviews[i].good ? 1 : -1 };
		result->good += l->reviews[i].good;
		result->bad += !l->reviews[i].good;
	}
	if (!result->good || !result->bad)
		return -EINVAL;
	for (size_t i = 0; i < m->n_rows; i++)
		m->rows[i].cost = 0.5 / (double)(m->rows[i].sign > 0 ? result->good : result->bad);
	return 0;
}

static int make_columns(struct model *m, struct learner *l, const struct learn_request *q, uint32_t *counts)
{
	size_t cells = 0;
	for (size_t i = 0; i < l->n_reviews; i++)
		for (size_t t = l->reviews[i].first; !held(q, i) && t < terms_end(l, i); t++)
			counts[l->terms[t]]++;
	m->columns = calloc(l->n_names + 1, sizeof(*m->columns));
	if (!m->columns)
		return -ENOMEM;
	for (uint32_t k = 0; k < l->n_names; k++)
		if (counts[k] >= q->least)
			m->columns[m->n_columns++] = (struct column){ .name = k, .reach = 1 };
	qsort_r(m->columns, m->n_columns, sizeof(*m->columns), by_name, l);
	for (size_t j = 0; j < m->n_columns; j++)
		cells += counts[m->columns[j].name];
	m->cells = calloc(cells + 1, sizeof(*m->cells));
	if (!m->cells)
		return -ENOMEM;
	cells = 0;
	for (size_t j = 0; j < m->n_columns; j++) {
		struct column *c = &m->columns[j];
		c->reviews = m->cells + cells;
		cells += counts[c->name];
	}
	memset(counts, 0, l->n_names * sizeof(*counts)); /* from now on: column + 1 of a name */
	for (size_t j = 0; j < m->n_columns; j++)
		counts[m->columns[j].name] = (uint32_t)j + 1;
	for (size_t i = 0, row = 0; i < l->n_reviews; i++) {
		if (held(q, i))
			continue;
		for (size_t t = l->reviews[i].first; t < terms_end(l, i); t++)
			if (counts[l->terms[t]]) {
				struct column *c = &m->columns[counts[l->terms[t]] - 1];
				c->reviews[c->n++] = (uint32_t)row;
			}
		row++;
	}
	return 0;
}

static int by_weight(const void *a, const void *b, void *learner)
{
	const struct learner *l = learner;
	const struct column *x = a, *y = b;
	int kind = (int)l->names[x->name].kind - (int)l->names[y->name].kind;
	if (kind || x->weight == y->weight)
		return by_name(a, b, learner);
	return x->weight < y->weight ? -1 : 1;
}

/* Sorted by what is written: a difference behind the last decimal is nobody's order. */
static size_t write_columns(struct model *m, struct learner *l, FILE *out)
{
	static const char *const kinds[TERM_KINDS] = { "words", "negated", "pairs" };
	double unit = fmax(m->prior, PRIOR_LEAST);
	int kind = -1;
	size_t n = 0;
	for (size_t j = 0; j < m->n_columns; j++)
		m->columns[j].weight = fmax(fmin(round(m->columns[j].weight / unit * 100) / 100, WEIGHT_MAX), -WEIGHT_MAX);
	qsort_r(m->columns, m->n_columns, sizeof(*m->columns), by_weight, l);
	for (size_t j = 0; j < m->n_columns; j++) {
		const struct column *c = &m->columns[j];
		struct text t = name_text(l, c->name);
		if (fabs(c->weight) < WEIGHT_LEAST - 1e-9)
			continue;
		if (l->names[c->name].kind != kind)
			fprintf(out, "\n[%s]\n", kinds[kind = l->names[c->name].kind]);
		fprintf(out, "%.*s\t%.2f\n", (int)t.size, t.data, c->weight);
		n++;
	}
	return n;
}

int learner_fit(const struct learner *learner, const struct learn_request *q, FILE *out, struct learn_result *ret)
{
	struct learner *l = (struct learner *)(uintptr_t)learner; /* qsort_r takes no const; nothing is changed */
	struct model m = { 0 };
	struct learn_result result = { 0 };
	uint32_t *counts = calloc(l->n_names + 1, sizeof(*counts));
	int r = counts ? make_rows(&m, l, q, &result) : -ENOMEM;
	if (!r)
		r = make_columns(&m, l, q, counts);
	if (!r) {
		minimise(&m, q->l2);
		result.terms = write_columns(&m, l, out);
		result.prior = m.prior;
		r = ferror(out) ? -EIO : 0;
	}
	if (!r)
		*ret = result;
	model_done(&m);
	free(counts);
	return r;
}
