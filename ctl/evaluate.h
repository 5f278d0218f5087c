/* glintctl evaluate: how good the models are, on a shop's own event files, without Kafka or Redis.
 *
 *   evaluate.c         the command: which way of evaluating, the result as a table or as one JSON object
 *   evaluate_events.c  a line of an event file as the daemon's decoder gives it to the processors
 *   evaluate_order.c   events in order of ts, whatever the order of their lines
 *   evaluate_run.c     the run: each event is first shown to the sections, which predict, and then learnt by all processors
 *   evaluate_NAME.c    one section, or one way of evaluating, a file
 *
 * Event files are replayed through the daemon's own engine and processors in one process and one partition, prequentially: test, then
 * learn: a click or a rating is known to all models before the next event is looked at, an order at the latest EVALUATE_INTERVAL events
 * later. What the engine would leave out (a repeat, or late) is shown to no section: no figure holds what is not learnt. How fast the processors are is measured beside it: the same records are decoded and go through a second engine, without any section,
 * whose intervals are long and whose model rows come as often as a daemon's at work: once in model_interval, by the engine's own time.
 *
 * To add a section: one file with a `const struct evaluate_section`, a line in `sections` of evaluate_run.c. To add a way of evaluating that
 * reads something else than events (--labelled, --baskets): a file, a line in `ways` of evaluate.c. Results are jansson objects; what
 * they hold is printed in that order, in both forms.
 */
#ifndef GLINT_CTL_EVALUATE_H
#define GLINT_CTL_EVALUATE_H

#include <jansson.h>

#include "ctl/ctl.h"
#include "ctl/jsonl.h"
#include "daemon/state/items.h"
#include "daemon/state/users.h"

enum { EVALUATE_INTERVAL = 256,
	EVALUATE_PACE_INTERVAL = 8192 }; /* events */

struct config;

/* ---- the run ---- */

struct evaluate {
	struct ctl *ctl;
	const struct config *config; /* of --config and --set, else defaults */
	void *settings[PROCESSORS];  /* by processor; owned by config */
	struct engine *engine;
	struct user_task *users;     /* one task holds all shoppers, one all keys */
	struct item_task *items;
	struct buf alerts;           /* every transition since the start: texts (varint size, JSON) */
	uint64_t n_events[EVENT_KINDS];
	uint64_t outcomes[OUTCOMES];
	int64_t ts;                  /* greatest so far, ms */
	int64_t learn_ns;            /* CPU time of the second engine, without the batch of records that is on */
	int64_t learning_ns;         /* the thread's CPU time when that batch began */
	int64_t offsets[INPUTS], item_offset;
	uint32_t waiting;            /* events since the last interval's end */
	int code;                    /* not 0: an exit code, after ctl_fail, of a section that cannot do what it was asked for */
	bool pace;                   /* the second engine: intervals by number and bytes, model rows by model_interval */
};

struct evaluate_section {
	const char *name;  /* member of the result */
	size_t state_size; /* zero bytes at the start */
	/* NULL allowed. 0; an exit code, after ctl_fail. */
	int (*start)(struct evaluate *e, void *state);
	/* Before the event is learnt, which it will be. EVENT_ITEM too. Texts are borrowed for the call. */
	void (*event)(struct evaluate *e, void *state, const struct event *event);
	/* All events are learnt, time has passed to their end. Its result, a new object; NULL: nothing of it could be computed. */
	json_t *(*finish)(struct evaluate *e, void *state);
	void (*done)(struct evaluate *e, void *state); /* NULL allowed; whatever happened, when start was called */
};

extern const struct evaluate_section evaluate_bias;
extern const struct evaluate_section evaluate_next;
extern const struct evaluate_section evaluate_knn; /* with --knn: evaluate_knn.c */
extern const struct evaluate_section evaluate_intent; /* {target, auc, log_loss, calibration, calibration_error, base, n}: evaluate_intent.c */
extern const struct evaluate_section evaluate_unseen;
extern const struct evaluate_section evaluate_sentiment; /* {auc, recall_negative, precision_negative, n}: evaluate_sentiment.c */
extern const struct evaluate_section evaluate_itemsets; /* {pairs, rules, seconds}: evaluate_itemsets.c */
extern const struct evaluate_section evaluate_spike; /* evaluate_spike.c */

/* For sections: the blocks that the processors keep. NULL: none yet. */
const void *evaluate_user_block(struct evaluate *e, struct text user, enum processor_id p);
const void *evaluate_item_block(struct evaluate *e, struct key key, enum processor_id p);
const void *evaluate_model(struct evaluate *e, enum key_kind kind, struct text id, enum processor_id p); /* KEY_ALL: id ignored */

/* Replays the positional arguments; adds each section's result and events_per_second. 0 or an exit code, after ctl_fail. */
int evaluate_run(struct evaluate *e, json_t *result);

/* ---- for all ways ---- */

int evaluate_labelled(struct ctl *ctl, json_t *result); /* --labelled */
int evaluate_baskets(struct ctl *ctl, json_t *result);  /* --baskets */

/* The configuration of --config and --set, or defaults; the caller's (config_destroy). 0 or an exit code, after its sentences. */
int evaluate_config(struct ctl *ctl, struct config **ret);
int64_t evaluate_now_ns(void); /* monotonic */

/* ---- lines of event files ---- */

struct evaluate_reader;
int evaluate_reader_create(struct evaluate_reader **ret, const struct config *config, char *error, size_t size); /* 0, -ENOMEM, -EINVAL */
void evaluate_reader_destroy(struct evaluate_reader *r); /* NULL allowed */
/* The record's bytes of the event last taken, borrowed until the next call. */
struct text evaluate_reader_bytes(const struct evaluate_reader *r);
/* Decodes such bytes, which the reader made. */
void evaluate_reader_decode(struct evaluate_reader *r, enum event_kind kind, struct text bytes, struct event *ret);
/* The event of one line; its texts are borrowed until the next call. 0; -EINVAL with a sentence. */
int evaluate_reader_take(struct evaluate_reader *r, const struct jsonl_line *line, struct event *ret, char *error, size_t size);

/* ---- in order of ts: evaluate_order.c ---- */

/* Lines are read ahead until they take ORDER_BYTES, and the least ts leaves; those of one ts in the order of their lines. So files that fit into
 * it may be in any order; in larger ones a line may stand that far behind its place. What stands further leaves late, and the engine judges it. */
#define ORDER_BYTES ((size_t)256 << 20)

struct evaluate_record {
	int64_t ts;      /* its line's */
	uint64_t number; /* of put */
	enum event_kind kind;
	uint32_t size;
	char bytes[]; /* as evaluate_reader_decode takes them */
};

struct evaluate_order;
struct evaluate_order *evaluate_order_create(size_t most); /* bytes. NULL: no memory */
void evaluate_order_destroy(struct evaluate_order *o);     /* NULL allowed */
int evaluate_order_put(struct evaluate_order *o, enum event_kind kind, int64_t ts, struct text bytes); /* copies. 0, -ENOMEM */
/* The record whose turn it is, the caller's (free); NULL: more is to be put first. at_end: nothing more comes; NULL: that was all. */
struct evaluate_record *evaluate_order_take(struct evaluate_order *o, bool at_end);

#endif
