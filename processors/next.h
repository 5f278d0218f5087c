/* The next item of a session: what is looked at after an item, and a ranking for a visitor of whom nothing but this session is known.
 *
 * User stage: keeps the last NEXT_SESSION items of the running session (CONTRACTS "What is counted"; an item that follows itself is one). Each
 * new one is counted at the STEPS items before it, with the weight (d + 1)^-1.5 x 1000 of d items between. The shopper's newest `steps_kept` steps
 * stay, whatever session they are of, so that forgetting takes back what they counted. Item stage: an item's followers in a
 * sliding window (pairs.h). Model row: their sum F and the most frequent ones. For co-visits it reads itemsets' model.
 *
 * Ranking. Of an item x and a candidate j, with f = weight of j after x / 1000, c = sessions with both, n = sessions with x, and of the whole
 * shop pi = (n_j + 1/2) / (5 N):
 *
 *   q(j|x) = (c + 20 pi) / (5 n + 20)               co-visits, smoothed by popularity; 5 items to a session
 *   p(j|x) = (f + k q) / (F + k)                    followers, smoothed by co-visits
 *
 * and with x_0 the current item, x_1, x_2, ... the distinct ones before it, the score of j is that of one of six ways:
 *
 *   order   log p(j|x_0) + .2 sum_a .6^(a-1) log(1 + f_a / (k pi)), k = 30: a naive Bayes classifier (Duda & Hart 2.11) whose earlier items
 *           count less (what only kept company with them is no candidate); best where sessions have an order, as a shop's pages have
 *   others  sum_a v_a w^a p(j|x_a), with (w, k) = sharp (.1, 1): little more than what follows the current item, near (.4, 30), long (.9, 10)
 *           and broad (1, 1000): mere company of all items alike; w^a below .05 is 0
 *   cosine  sum_a .8^a (c_a + 2 f_a) / sqrt((n_a + 1) (n_j + 1)): how close j is to them, however seldom it was seen so far; best where items come and
 *           go, as news do, or are in many sessions (item-based neighbours: Deshpande & Karypis, TOIS 2004)
 *
 * v is 1, but in long and broad an item counts as much as the session's others bear it out, so that a click by chance, or one of another
 * interest, says little (what neighbours by whole sessions, S-KNN, have by themselves; Ludewig & Jannach, UMUAI 2018). With x+ = max(x, 0):
 *
 *   v_a = .1 + sum_b ((c_ab - 1)+ / sqrt((n_a + 5) (n_b + 5)) + ((f_ab - 1)+ + (f_ba - 1)+) / sqrt((F_a + 5) (F_b + 5)))
 *
 * cosines; the 1 is what the session itself has counted. Whether somebody comes back to what the session holds is the shop's matter, too: there are
 * no such clicks in a file of baskets, playlists have hardly others. Each way is therefore an expert four times: the probability of the
 * session's own items is multiplied by 1, 0, 2 or 5.
 *
 * Which expert is used is learnt: of some events (by hash) all rank before the event is
 * learnt, and what they reach, 1 + 2 / rank for an item within the first 20, is added up at `all`. The one with the greatest sum is asked (follow
 * the leader; Cesa-Bianchi & Lugosi, "Prediction, Learning, and Games", 3.2). After D draws one event in m = 1 + D / 16 is drawn, but
 * one in `learn_every` at least: the leader is wanted soon, and n events cost some 6 sqrt(n) draws, beside those before D is first heard of (a model row). A
 * draw counts m times, so that the sums stay those that all events would give, on average. Which events are drawn depends on when model rows came. Sums are integers, so that neither order nor intervals matter. Putting two ways' lists together by rank
 * was tried: it is seldom better than the better of the two. Cost of a ranking: the seeds' rows, some 80 entries each, and one row per candidate.
 */
#ifndef GLINT_NEXT_H
#define GLINT_NEXT_H

#include "leaders.h"
#include "pairs.h"
#include "processor.h"

enum next_way { NEXT_ORDER,
	NEXT_SHARP,
	NEXT_NEAR,
	NEXT_LONG,
	NEXT_BROAD,
	NEXT_COSINE,
	NEXT_WAYS };

/* An expert is a way and what it multiplies the session's own items by: way * NEXT_AGAINS + i of next_agains. */
enum { NEXT_AGAINS = 4,
	NEXT_EXPERTS = NEXT_WAYS * NEXT_AGAINS };

enum { NEXT_SESSION = 10, /* items of the running session that a ranking looks at */
	NEXT_STEPS = 3,   /* of those, at which a new one is counted */
	NEXT_KEPT_MAX = 1000, /* steps of one shopper that are kept whole; with the NEXT_STEPS before them */
	NEXT_LIST = 20,   /* within which an expert must name the item */
	NEXT_MOST = 100 }; /* picks of one ranking */

extern const char *const next_way_names[NEXT_WAYS];
extern const float next_agains[NEXT_AGAINS]; /* 1, 0, 2, 5 */

struct next_scratch;

struct next_settings {
	int64_t window_ms; /* 0: for ever */
	int64_t pane_ms;
	int64_t session_gap_ms;
	int64_t followers;     /* in a model row */
	int64_t max_followers; /* counted per item and pane */
	int64_t learn_every;   /* at least; 0: never */
	int64_t shown;         /* in glint:next:USER; 0: no such view */
	int64_t steps_kept;    /* per shopper, for forgetting; NEXT_SESSION at least, or 0 */
	struct pairs_window window;
	struct next_scratch *scratch; /* of the loop's thread; made by setup */
};

struct next_step {
	symbol_t item;
	int32_t pane; /* in which it was counted at those before it; INT32_MIN: in panes of another width, or of a row that does not say */
	bool first;   /* of its session */
};

struct next_user {
	int64_t greatest_ts;
	uint64_t session_id; /* XXH3; 0: none so far */
	struct next_step *steps; /* the pool's; newest last; in a session never the same item twice running */
	uint16_t n_steps, capacity;
	uint8_t n; /* the newest so many are the running session's; NEXT_SESSION at most */
	bool open;
};

/* The running session's item `back` (< n) places before its newest. */
static inline symbol_t next_seen(const struct next_user *u, uint32_t back)
{
	return u->steps[u->n_steps - 1 - back].item;
}

struct next_item {
	struct pairs follow; /* `baskets` is the sum F x 1000 */
	struct leaders leaders; /* derived: not saved */
	struct next_judged *judged; /* of `all`; NULL: nothing so far */
};

struct next_judged {
	int64_t drawn;                 /* events ranked by all experts */
	int64_t reached[NEXT_EXPERTS]; /* x 10^6 */
};

struct next_model {
	uint32_t sum, n_followers;
	struct itemsets_other *followers;
	struct next_judged *judged; /* of `all`; NULL: nothing so far */
};

struct next_pick {
	symbol_t item;
	float score;
};

/* The expert in force by the model table. */
uint32_t next_leader(const struct model *model);
/* One event in so many is to be drawn now; 0: none. */
uint64_t next_draw_every(const struct next_settings *s, const struct model *model);
/* The best `most` (<= NEXT_MOST) items for the session, best first, without its newest, by the expert; how many. Items may be repeated visits. */
uint32_t next_rank(struct next_scratch *x, const struct symbols *symbols, const struct model *model, const struct next_user *session,
	uint32_t expert, struct next_pick *to, uint32_t most);
/* At which place, from 1, each expert would have named the item; 0: not within NEXT_LIST. */
void next_places(struct next_scratch *x, const struct symbols *symbols, const struct model *model, const struct next_user *session, symbol_t item,
	uint32_t ret[NEXT_EXPERTS]);
/* Would a click at ts with this session id (0: none) go on with the session? */
bool next_goes_on(const struct next_settings *s, const struct next_user *u, int64_t ts, uint64_t session_id);

int next_scratch_create(struct next_scratch **ret); /* 0 or -ENOMEM */
void next_scratch_destroy(struct next_scratch *x);  /* NULL allowed */

extern const struct processor next_processor;

#endif
