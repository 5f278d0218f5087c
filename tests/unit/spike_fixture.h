/* For tests of the spike processor: its alerts as JSON, and a scope by itself, without shoppers. */
#ifndef GLINT_TEST_SPIKE_FIXTURE_H
#define GLINT_TEST_SPIKE_FIXTURE_H

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "processors/spike_item.h"
#include "shop.h"

static const int64_t quarter = 900000, hour = 3600000, day = 86400000;
static const int64_t start = INT64_C(472222) * 3600000; /* 2023-11-14 22:00 */

static inline struct shop *shop_open(uint32_t partitions)
{
	return shop_create(partitions, (const char *[]){ shop_lexicon_option, NULL });
}

/* The alerts so far whose scope is `scope` (NULL: any), parsed; decref the array. */
static inline json_t *alerts_of(const struct buf *alerts, const char *scope)
{
	json_t *all = json_array();
	struct reader r = reader_of(alerts->data, alerts->size);
	while (reader_left(&r)) {
		struct text t = reader_text(&r);
		json_error_t error;
		json_t *a = json_loadb(t.data, t.size, JSON_REJECT_DUPLICATES, &error);
		if (!a)
			fail_msg("%s in %.*s", error.text, (int)t.size, t.data);
		if (!scope || strcmp(json_string_value(json_object_get(a, "scope")), scope) == 0)
			json_array_append_new(all, a);
		else
			json_decref(a);
	}
	assert_false(r.bad);
	return all;
}

static inline const char *text_at(const json_t *alert, const char *name)
{
	const char *s = json_string_value(json_object_get(alert, name));
	assert_non_null(s);
	return s;
}

static inline double number_at(const json_t *alert, const char *name)
{
	const json_t *v = json_object_get(alert, name);
	if (!v)
		v = json_object_get(json_object_get(alert, "evidence"), name);
	assert_true(json_is_number(v));
	return json_number_value(v);
}

/* ---- a scope by itself ---- */

struct scope {
	struct shop *shop;
	void *block;
	struct buf alerts;
	uint64_t drops[DROPS];
	struct item_ctx ctx;
};

static inline struct scope *scope_open(struct shop *s, const char *item)
{
	struct scope *x = calloc(1, sizeof(*x));
	x->shop = s;
	x->block = pool_alloc(s->engine->pool, spike_processor.item.size);
	x->ctx = (struct item_ctx){ .key = { KEY_ITEM, symbols_intern(s->engine->symbols, text_of(item)) }, .watermark = INT64_MIN, .symbols = s->engine->symbols, .pool = s->engine->pool, .drops = x->drops, .alerts = &x->alerts };
	return x;
}

static inline void scope_close(struct scope *x)
{
	spike_processor.item.done(x->block, x->shop->engine->pool);
	pool_free(x->shop->engine->pool, x->block, spike_processor.item.size);
	buf_done(&x->alerts);
	free(x);
}

static inline const void *settings_of(struct scope *x)
{
	return x->shop->settings[P_SPIKE];
}

static inline void scope_add(struct scope *x, int64_t ts, int64_t n, int64_t k)
{
	struct delta d = { .metric = SPIKE_COUNTED, .merge = MERGE_SUM, .pane = pane_of(ts, ((const struct spike_settings *)settings_of(x))->pane_ms), .amount = n };
	spike_processor.delta(settings_of(x), &x->ctx, x->block, &d);
	if (!k)
		return;
	d.metric = SPIKE_NEGATIVE;
	d.amount = k;
	spike_processor.delta(settings_of(x), &x->ctx, x->block, &d);
}

static inline void scope_time(struct scope *x, int64_t watermark)
{
	x->ctx.watermark = watermark;
	if (spike_processor.due_at(settings_of(x), x->block) > watermark)
		return;
	spike_processor.due(settings_of(x), &x->ctx, x->block);
	assert_true(spike_processor.due_at(settings_of(x), x->block) > watermark);
}

static inline void scope_save(struct scope *x, struct buf *to)
{
	buf_clear(to);
	spike_processor.item.save(settings_of(x), x->block, x->shop->engine->symbols, to);
}

/* Through a row and back. */
static inline void scope_restart(struct scope *x)
{
	struct buf bytes = { 0 }, again = { 0 };
	struct pool *pool = x->shop->engine->pool;
	scope_save(x, &bytes);
	spike_processor.item.done(x->block, pool);
	pool_free(pool, x->block, spike_processor.item.size);
	x->block = pool_alloc(pool, spike_processor.item.size);
	struct reader r = reader_of(bytes.data, bytes.size);
	assert_int_equal(spike_processor.item.load(settings_of(x), x->block, spike_processor.item.version, &r, x->shop->engine->symbols, pool), 0);
	scope_save(x, &again);
	assert_int_equal(bytes.size, again.size);
	assert_memory_equal(bytes.data, again.data, bytes.size);
	buf_done(&bytes);
	buf_done(&again);
}

#endif
