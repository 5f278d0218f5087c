/* Segments of shoppers: decayed k-means on what they bought, when, and how they shop.
 *
 *   segments.c       the processor: a shopper's features and points; clusters of `all`
 *   segments_label.c names for clusters, by rule, and how long one is kept
 *   segments_view.c  glint:segments, `segment` of a shopper, lines of a dump
 *   kmeans.c         the mathematics
 *
 * A shopper's point has six dimensions (ALGORITHMS F: R, F, M; and affinities), in fixed point (x 1024):
 *
 *   recency   ln(1 + days since the last order), at most 365 days, which is also the value of who never bought
 *   frequency ln(1 + C(orders))
 *   monetary  ln(1 + C(net spend in minor units) / 100)
 *   browsing  ln(1 + C(views, clicks, carts, wishes))
 *   carts     C(carts) / (C(browsing) + 5)
 *   discount  C(discounts) / C(gross)
 *
 * with C decayed by `shopper_half_life` at each change of pane. Shoppers count once per pane (1 h): the first event of a pane makes a point, an order or much
 * more browsing replaces it. Points travel to `all` as integer sums per (pane, cluster): n, sum x, sum x^2. When the watermark passes a
 * pane's end, the clusters are decayed by `half_life` and take the pane's sums in (kmeans.h: Spark's StreamingKMeans); so they depend on
 * deltas and watermarks alone. Distances are standardised: scale = deviation over all clusters' points (at least .05), twice that for the affinities,
 * so that R, F and M lead. Until `start` shoppers have sent a point, points travel as they are, the sample that k-means++ starts from.
 *
 * Assignment is the user stage's, by the model row: to the nearest centre, but away from the present segment only when the new distance is below .9 of
 * the old one. Sizes are exact: each shopper in memory who has come since the start counts in one segment (as at the last point), +1 and -1 by deltas; the row is due
 * with every such change, and a restore changes no assignment. A cluster's number is its identity: centres move, numbers stay. When a cluster dies it
 * takes half of the greatest (kmeans_revive).
 *
 * Good at: groups by buying behaviour that drift slowly. Bad at: shoppers who are gone keep their last segment until they expire; spend is not
 * converted between currencies (`currency` restricts it to one).
 */
#ifndef GLINT_SEGMENTS_H
#define GLINT_SEGMENTS_H

#include "kmeans.h"
#include "processor.h"

enum segments_dim {
	DIM_RECENCY,
	DIM_FREQUENCY,
	DIM_MONETARY,
	DIM_BROWSING,
	DIM_CARTS,
	DIM_DISCOUNT,
	DIMS
};
_Static_assert((int)DIMS == (int)KMEANS_DIMS, "a point has the dimensions of kmeans.h");

enum { SEGMENTS_SCALE = 1024 }; /* of a point's fixed-point numbers */

enum segments_label {
	LABEL_NONE,
	LABEL_CHAMPIONS,
	LABEL_LOYAL,
	LABEL_BIG_SPENDERS,
	LABEL_BARGAIN_HUNTERS,
	LABEL_RECENT_BUYERS,
	LABEL_OCCASIONAL,
	LABEL_AT_RISK,
	LABEL_LAPSED,
	LABEL_BROWSERS,
	LABEL_VISITORS,
	LABELS
};

struct segments_settings {
	int64_t k; /* 0: off */
	int64_t pane_ms, half_life_ms, shopper_half_life_ms;
	int64_t start; /* shoppers */
	char *currency;
};

struct segments_user {
	double actions, carts, orders, spend, gross, discounts; /* decayed to the start of `at` */
	int64_t last_order;                                     /* ms; 0: none */
	int32_t at;                                             /* pane of the newest event */
	int32_t pane;                                           /* of the point */
	int32_t point[DIMS];                                    /* as last sent */
	uint32_t since, limit;                                  /* events since the point; so many make a new one */
	uint32_t generation;                                    /* of the clusters that the next two speak of */
	uint8_t cluster;                                        /* + 1: where the point counts; 0: nowhere */
	uint8_t segment;                                        /* + 1; 0: none yet */
	bool known;                                             /* had an event that counts */
	bool has_point;
};

struct segments_sums {
	int64_t n, sum[DIMS], square[DIMS];
};

struct segments_row { /* of a pane that is not closed */
	int32_t pane;
	uint8_t cluster;
	struct segments_sums sums;
};

struct segments_sample {
	uint64_t shopper; /* hash */
	int32_t point[DIMS];
};

/* The block of `all`. */
struct segments_item {
	uint32_t generation; /* of the clusters: raised by each start; 0: not started */
	int32_t closed;      /* last pane taken in */
	struct kmeans clusters;
	int64_t size[KMEANS_K];
	struct segments_naming {
		uint8_t label, next, times; /* enum segments_label; what the rule says instead, and for how many panes in a row */
	} names[KMEANS_K];
	struct segments_row *rows; /* by pane, then cluster */
	struct segments_sample *samples;
	uint32_t n_rows, rows_capacity, n_samples, samples_capacity;
};

/* Of the model table. */
struct segments_model {
	uint32_t generation, k;
	double scale[DIMS], centre[KMEANS_K][DIMS];
	int64_t size[KMEANS_K];
	uint8_t label[KMEANS_K];
};

/* Mean and deviation of all points, decayed; and the scale of distances. Any may be NULL. */
void segments_population(const struct kmeans *m, double *ret_mean, double *ret_deviation, double *ret_scale);

/* segments_label.c */
struct text segments_label_text(enum segments_label label);
/* A quintile, 1..5, of a centre in the population, as if that were normal: by z against -.8416, -.2533, .2533, .8416. */
int segments_quintile(double z);
enum segments_label segments_rule(const double *centre, const double *mean, const double *deviation);
/* Once per closed pane: a name changes when the rule has said the same other one three times in a row; at once when `now`. */
void segments_name(struct segments_item *b, bool now);
/* "champions", or "champions 2" for the second of a name. to: 32 bytes. */
struct text segments_name_text(const uint8_t *labels, uint32_t at, char *to);

/* segments_view.c */
void segments_item_view(const void *settings, const struct view_ctx *ctx, const void *block);
void segments_user_view(const void *settings, const struct view_ctx *ctx, const void *block);
void segments_user_dump(const void *settings, const struct dump_ctx *ctx, const void *block);
void segments_item_dump(const void *settings, const struct dump_ctx *ctx, const void *block);
/* The name of the shopper's segment whose views are rendered, or absent: none yet, or one of fewer than ctx->least_shoppers. to: 32 bytes. */
struct text segments_of(const struct view_ctx *ctx, char *to);

extern const struct processor segments_processor;

#endif
