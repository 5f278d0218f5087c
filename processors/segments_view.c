/* What is shown of segments: glint:segments, the segment of a shopper, lines of a dump. See segments.h. */
#include <math.h>

#include "json.h"
#include "segments.h"
#include "view.h"

static void member(struct buf *b, const char *name, double value)
{
	json_name(b, name);
	json_double(b, value);
}

/* One segment as people read it: logarithms undone. */
static void segment_json(struct buf *b, const struct segments_item *s, uint32_t c, struct text name, const double *mean, const double *deviation,
	const double *scale)
{
	double x[DIMS];
	char quintiles[4] = "";
	kmeans_centre(&s->clusters, c, x);
	for (int d = DIM_RECENCY; d <= DIM_MONETARY; d++) {
		int q = segments_quintile((x[d] - mean[d]) / deviation[d]);
		quintiles[d] = (char)('0' + (d == DIM_RECENCY ? 6 - q : q));
	}
	buf_clear(b);
	json_open(b, '{');
	json_name(b, "label");
	json_text(b, name);
	json_name(b, "size");
	json_i64(b, s->size[c]);
	member(b, "weight", s->clusters.at[c].weight);
	member(b, "wcss", kmeans_within(&s->clusters, c, scale));
	json_name(b, "rfm");
	json_text(b, text_of(quintiles));
	json_name(b, "centroid");
	json_open(b, '{');
	member(b, "recency_d", expm1(x[DIM_RECENCY]));
	member(b, "orders", expm1(x[DIM_FREQUENCY]));
	member(b, "spend", expm1(x[DIM_MONETARY]) * 100);
	member(b, "actions", expm1(x[DIM_BROWSING]));
	member(b, "cart_share", x[DIM_CARTS]);
	member(b, "discount_share", x[DIM_DISCOUNT]);
	json_close(b, '}');
	json_close(b, '}');
}

static void number(struct view *v, const char *name, double value)
{
	view_arg(v, text_of(name));
	view_arg_double(v, value);
}

void segments_item_view(const void *settings, const struct view_ctx *ctx, const void *block)
{
	const struct segments_item *b = block;
	struct view *v = ctx->view;
	double mean[DIMS], deviation[DIMS], scale[DIMS], wcss = 0, weight = 0;
	uint8_t labels[KMEANS_K];
	(void)settings;
	if (ctx->key.kind != KEY_ALL || !b->clusters.k)
		return;
	segments_population(&b->clusters, mean, deviation, scale);
	for (uint32_t c = 0; c < b->clusters.k; c++) {
		wcss += kmeans_within(&b->clusters, c, scale);
		weight += b->clusters.at[c].weight;
		labels[c] = b->names[c].label;
	}
	view_begin(v, "DEL");
	view_key(v, "new:segments", TEXT(""));
	view_end(v);
	view_begin(v, "HSET");
	view_key(v, "new:segments", TEXT(""));
	view_arg(v, TEXT("v"));
	view_arg_i64(v, 1);
	view_arg(v, TEXT("as_of"));
	view_arg_i64(v, ctx->as_of);
	view_arg(v, TEXT("commit"));
	view_arg_i64(v, (int64_t)ctx->commit);
	number(v, "k", b->clusters.k);
	number(v, "wcss", wcss);
	number(v, "points", weight);
	for (uint32_t c = 0; c < b->clusters.k; c++) {
		char id[4], name[32];
		if (b->size[c] < ctx->least_shoppers)
			continue;
		segment_json(ctx->scratch, b, c, segments_name_text(labels, c, name), mean, deviation, scale);
		view_arg(v, (struct text){ id, (uint32_t)format_i64(id, c + 1) });
		view_arg(v, (struct text){ (const char *)ctx->scratch->data, (uint32_t)ctx->scratch->size });
	}
	view_end(v);
	view_begin(v, "RENAME");
	view_key(v, "new:segments", TEXT(""));
	view_key(v, "segments", TEXT(""));
	view_end(v);
}

static const struct segments_model *model_of(const struct model *model, const struct segments_user *u)
{
	const struct segments_model *m = model ? model_block(model, P_SEGMENTS, (struct key){ KEY_ALL, 0 }) : NULL;
	return m && u->segment && u->segment <= m->k && u->generation == m->generation ? m : NULL;
}

struct text segments_of(const struct view_ctx *ctx, char *to)
{
	const struct segments_user *u = ctx->blocks ? ctx->blocks[P_SEGMENTS] : NULL;
	const struct segments_model *m = u ? model_of(ctx->model, u) : NULL;
	if (!m || m->size[u->segment - 1] < ctx->least_shoppers)
		return (struct text){ 0 };
	return segments_name_text(m->label, u->segment - 1u, to);
}

void segments_user_view(const void *settings, const struct view_ctx *ctx, const void *block)
{
	const struct segments_user *u = block;
	char name[32];
	struct text segment = segments_of(ctx, name);
	(void)settings;
	if (!segment.size) {
		view_field_none(ctx->view, "segment");
		view_field_none(ctx->view, "segment_id");
		return;
	}
	view_field(ctx->view, "segment", segment);
	view_field_i64(ctx->view, "segment_id", u->segment);
}

void segments_user_dump(const void *settings, const struct dump_ctx *ctx, const void *block)
{
	const struct segments_user *u = block;
	(void)settings;
	if (!u->segment)
		return;
	json_member(ctx->fields, "segment_id");
	json_i64(ctx->fields, u->segment);
}

void segments_item_dump(const void *settings, const struct dump_ctx *ctx, const void *block)
{
	const struct segments_item *b = block;
	(void)settings;
	for (uint32_t c = 0; c < b->clusters.k && ctx->key.kind == KEY_ALL; c++) {
		struct buf json = { 0 };
		char id[4];
		json_open(&json, '{');
		json_name(&json, "kind");
		json_text(&json, TEXT("segment"));
		json_name(&json, "segment");
		json_i64(&json, c + 1);
		json_name(&json, "label");
		json_text(&json, segments_label_text((enum segments_label)b->names[c].label));
		json_name(&json, "size");
		json_i64(&json, b->size[c]);
		member(&json, "weight", b->clusters.at[c].weight);
		json_close(&json, '}');
		ctx->line(ctx->to, (struct text){ (const char *)json.data, (uint32_t)json.size }, (struct text){ id, (uint32_t)format_i64(id, c + 1) });
		buf_done(&json);
	}
}
