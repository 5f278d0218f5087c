/* Recommendations: a list for every shopper, the shop's popular and trending items, and why each item is in a list.
 *
 *   recommend.c   the processor: options, what a shopper's events add to the shopper's block and to the items'
 *   popularity.c  an item's block: counts, revenue, and decayed popularity from hour and day panes
 *   toplists.c    the greatest of all items, by popularity and by trend, whole and by category; views of `all`
 *   candidates.c  what goes with a shopper's recent items, scored
 *   diversity.c   a list that is not all of one kind
 *   lists.c       one shopper's list: candidates in order; trending and popular items where these end
 *   followed.c    what a shopper did with recommendations, feedback.c what is learnt from it by kind of reason and place
 *   experiment.c  the arms of an A/B test
 *   repeat.c      when what was bought may be recommended again
 *   reasons.c     an entry of a list as JSON, explain.c every term of one score
 *
 * Counts are exact integers of the item stage; everything decayed is worked out when read. Lists are made from the model table, so
 * the numbers in a reason are those of the model row at that moment.
 */
#ifndef GLINT_RECOMMEND_H
#define GLINT_RECOMMEND_H

#include "diversity.h"
#include "experiment.h"
#include "feedback.h"
#include "followed.h"
#include "popularity.h"
#include "repeat.h"
#include "processor.h"

enum {
	RECENT_MAX = 50,     /* items of a shopper's history */
	SEEDS_MAX = 10,      /* of those, newest first, whose neighbours are candidates */
	USER_CURRENCIES = 8, /* in which a shopper's revenue is kept */
	LIST_MAX = 100,      /* items in a list */
	TOP_CATEGORIES = 3
};

enum action_weight { WEIGHT_VIEW = 1,
	WEIGHT_CART = 2,
	WEIGHT_BUY = 3 };

struct recommend_scratch;

struct recommend_settings {
	int64_t list_size;    /* 1..LIST_MAX */
	int64_t bought_items; /* remembered per shopper */
	double order_weight, session_weight;
	double related_p;       /* see candidates.h; 1: nothing is asked */
	double seed_decay;      /* weight of a seed against the one after it, 0..1 */
	int64_t top_items;      /* in glint:popular, glint:trending */
	int64_t top_categories; /* with lists of their own */
	int64_t refresh_ms;     /* wall clock */
	char *experiment;       /* id of the A/B test */
	int32_t experiment_id;  /* experiment_of() it */
	int64_t learn_from;     /* impressions; 0: never */
	char *consumables;      /* categories, joined by commas; "*": all */
	double exposure_max;    /* share of a brand in all impressions of lists */
	double explore;         /* share of places for fresh items */
	int64_t new_for_ms;
	double diversity_lambda, category_share, brand_share;
	struct diversity diversity; /* of these and list_size */
	struct popularity_settings popularity;
	struct recommend_scratch *scratch; /* of the loop's thread; made by setup */
};

struct recent {
	symbol_t item;
	uint32_t weight; /* enum action_weight, the greatest so far */
	int64_t ts;
};

struct bought {
	symbol_t item;
	int64_t ts; /* of the last purchase; 0: not known */
};

struct user_revenue {
	symbol_t currency;
	int64_t minor;
};

struct recommend_user {
	struct recent *recent;        /* by ts, newest last */
	struct bought *bought;        /* distinct, newest last */
	struct user_revenue *revenue; /* USER_CURRENCIES or NULL */
	uint32_t n_recent, recent_capacity, n_bought, bought_capacity, n_revenue;
	uint32_t orders, actions;  /* actions: events that entered the history */
	struct followed *followed; /* NULL: no recommendation, no arm */
	int64_t last_purchase;     /* ms; 0 = none */
};

/* The block of a key. */
struct recommend_item {
	struct popularity popularity; /* of a brand: its items' impressions in lists */
	int64_t feedback[FEEDBACK_COUNTS];
	struct shopwide *shopwide; /* NULL: nothing yet */
	int64_t *gaps;             /* of a category: REPEAT_BUCKETS, or NULL */
};

struct shopwide {
	struct feedback feedback;
	struct experiments experiments;
};

/* Of the model table. */
struct recommend_model {
	struct popularity_model popularity;
	uint32_t shown, clicked; /* of an item in lists; they stop at their maximum */
	struct blend *blend;     /* of `all`, else NULL */
	int64_t repeat_after_ms; /* of a category (repeat.h); 0: never */
};

enum ownership { OWNED_NOT,
	OWNED,
	OWNED_AGAIN };
/* Has the shopper bought it, and may it be recommended again by the watermark: its category is one of `consumables`, and repeat.h says so? u NULL: nobody. */
enum ownership recommend_owned(const struct recommend_settings *s, const struct view_ctx *ctx, const struct recommend_user *u, symbol_t item);

/* The categories of the history, strongest first (weight x decay^age): at most n into ret. */
size_t recommend_top_categories(const struct recommend_settings *s, const struct model *model, const struct recommend_user *u, symbol_t *ret, size_t n);

/* By bytes; a prefix comes first. */
static inline int text_order(struct text a, struct text b)
{
	uint32_t n = a.size < b.size ? a.size : b.size;
	int order = n ? memcmp(a.data, b.data, n) : 0;
	return order ? order : (a.size > b.size) - (a.size < b.size);
}

extern const struct processor recommend_processor;

#endif
