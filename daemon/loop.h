/* The loop: the one thread that owns all state. poll -> decode -> process -> seal; views go to the publisher, intervals to the
 * committer, and come back as fates and answers. Main makes it and runs it.
 *
 * Its parts: loop.c (the round, start and stop), assign.c (partitions come and go, restore), work.c (records, time), seal.c
 * (intervals and their fate), refused.c (what topics
 * refuse for its size), views.c (Redis, alerts out), refresh.c (views shown again at rest), report.c (metrics, health, status), reload.c (SIGHUP).
 */
#ifndef GLINT_LOOP_H
#define GLINT_LOOP_H

#include <stdatomic.h>

#include "daemon/face/health.h"
#include "daemon/face/metrics.h"
#include "daemon/face/notify.h"
#include "daemon/feed.h"
#include "daemon/kafka/committer.h"
#include "daemon/kafka/global.h"
#include "daemon/kafka/rows.h"
#include "daemon/redis/publisher.h"

enum part_state { PART_NONE, PART_RESTORING, PART_RUNNING, PART_PARKED /* revoked, memory kept in case it comes back */, PART_WAITING /* ours, dropped; restored in a while */ };
enum view_state { VIEWS_OFF, VIEWS_EPOCH /* its epoch is being committed */, VIEWS_TAKING, VIEWS_ON };

struct task_views { /* of one user or item task, at Redis */
	enum view_state state;
	uint64_t epoch_interval; /* whose commit makes the epoch known */
	unsigned in_flight;      /* batches */
	int64_t status_ms;       /* when a status was last sent */
	int64_t looked_ms;       /* when the item views that wait were last looked through */
	uint64_t status;         /* hash of the last one */
};

struct part { /* a partition number: its user task and its item task */
	int32_t partition;
	enum part_state state;
	struct user_task *user;
	struct item_task *item;
	struct feed feed;
	struct task_views views[2];          /* by enum stage */
	int64_t committed[SOURCE_TOPICS];    /* by consumer topic: positions of the last commit that succeeded */
	int64_t sealed[SOURCE_TOPICS];       /* positions in the interval under way */
	int64_t end_since_ms[INPUTS];        /* at its end since then (monotonic); 0: not */
	struct upstream reported;            /* last control record */
	struct buf deletes[2];               /* by enum stage: commands that delete views of what was forgotten; go with the next batch */
	uint32_t n_deletes[2];
	struct {
		double due;   /* rows to be written ahead of the seal */
		double crest; /* as many as waited lately at most */
	} rows_pace[2]; /* by enum stage */
	int64_t low_history[2];              /* repartition: low a minute ago, and at the last trimming */
	struct metric *counters[INPUTS][OUTCOMES], *lag[SOURCE_TOPICS];
};

struct loop_metrics;

enum reload_result { RELOAD_REFUSED, RELOAD_UNCHANGED, RELOAD_APPLIED };

/* Loads the configuration anew, as at the start. config_load's results. */
typedef int reload_load(void *to, struct config **ret, struct config_errors *errors);

enum {
	LOOP_BEHIND_FACTOR = 5, /* on the pauses between model rows, and between views, of one key */
	SPARE_BATCHES = 16,
	LOOP_BACKLOG = 50000,   /* records: more than that is behind, however long it has been busy */
	LOOP_IDLE_MS = 100,     /* no record for so long: model rows do not wait */
};

struct loop {
	const struct config *config;
	const char *bootstrap; /* embedded broker's address; NULL */
	struct topics_layout layout;
	int32_t items_partitions; /* of the catalogue; 0: none */
	struct health *health;
	struct metrics *metrics;
	struct notify notify;
	struct loop_metrics *m;

	struct engine *engine;
	struct source *source;
	struct committer *committer;
	struct global *global;
	struct publisher *publisher;
	struct restore *restore;
	struct restore_task *restore_tasks;
	size_t n_restore;
	int64_t restore_began_ms, restore_told_ms; /* monotonic */
	struct source *alerts; /* reads <group>-alerts; only while we own item task 0 */
	bool alerts_resuming;
	int64_t alerts_position, alerts_shown;
	unsigned alerts_in_flight;

	const char *topics[SOURCE_TOPICS]; /* of the consumer: the inputs that are configured, then the repartition topic */
	unsigned n_topics, repartition;    /* repartition: its index */
	unsigned input_topic[INPUTS];      /* index of each input; UINT_MAX: not configured */
	struct part *parts;
	uint32_t n_parts;
	bool assigned;

	struct interval *open, *spare; /* being filled; the other one, NULL while it is under way */
	uint64_t number;               /* of the open interval */
	int64_t opened_ms;             /* monotonic */
	size_t bound_bytes;            /* of an interval; halved after a time-out */
	bool must_seal;                /* now, whatever its age */
	bool moves;                    /* something that a table follows is in the open interval */
	int64_t ahead_ms;              /* when rows were last written ahead of the seal */
	int64_t snapshot_pause_ms;     /* snapshot_interval, longer while far behind and for a while after: pace_rows() */
	bool drift_blocked;
	bool drained;                  /* the last round of work left no record waiting */
	int64_t drain_since_ms;        /* every round since then has left some (monotonic) */
	int64_t backlog;               /* records of the inputs that wait, as last looked at */
	bool behind;                   /* busy for longer than [redis] behind, or a large backlog: a replay, an outage. What is derived is made less often */
	struct refresh {               /* refresh.c */
		uint64_t changes;      /* of the global tables, as last looked at */
		int64_t changed_ms;    /* when they last changed (real) */
		int64_t before_ms;     /* what was shown until then is stale (real) */
		int64_t read_ms;       /* when the last record was processed (monotonic) */
		int64_t worked_ms;     /* the same, or when the last one that a table follows was written (monotonic) */
		int64_t hold_until_ms, next_ms; /* monotonic */
		bool sweeping;
		bool replay;           /* behind, and at some time by a large backlog */
		bool rows_known;
		uint64_t rows_out;     /* rows of the model that are read when all of ours are, if nobody else writes any */
		uint64_t messages_out, messages_in; /* likewise of the repartition topic: sent to ourselves and committed; read */
	} refresh;
	int64_t behind_budget_ms;      /* when the budgets of views were last filled */
	double behind_budget, again_budget;
	struct batch *spare_batches[SPARE_BATCHES]; /* answered, to be filled again */
	unsigned n_spare;
	uint32_t views_turn;           /* the part whose views of no hurry come next */

	int wake_fd;                   /* an event fd: everything that arrives writes to it */
	int64_t now_ms, wall_ms;       /* clocks of this round: monotonic, real */
	int64_t trimmed_ms;            /* when the repartition log was last trimmed */
	uint64_t lost;                 /* offsets that retention took, of restores and of consumers that are gone */
	uint64_t head_waits;           /* times that a head was awaited for head_wait in vain */
	int64_t time_ms;               /* when watermarks were last looked at */
	uint64_t applied, deltas_seen; /* for rates */
	uint32_t symbols_swept;        /* living symbols after the last sweep */
	uint64_t changes_shown;        /* of the global tables, that the views of `all` were made due for */
	uint32_t letter_bytes;         /* a dead letter longer than that is cut: its topic has refused a longer one */
	size_t batch_bytes;            /* no batch of several records is larger: a topic has refused one; 0: none has */
	struct {                       /* refused.c: a record that its topic does not take */
		char why[HEALTH_WHY_BYTES]; /* "" when there is none */
		int64_t again_ms;      /* when its interval is tried again (monotonic); 0: it is under way */
		int64_t pause_ms;
		struct out_offset *offsets; /* of the interval: with a commit that reaches them it is over */
		size_t n_offsets;
	} refused;
	struct buf headers, key;
	struct {
		const atomic_int *asked; /* counts SIGHUP; borrowed */
		int seen;
		reload_load *load;
		void *to;
		struct config *running; /* l->config, to be changed */
		char refused[200];      /* why the last one was; "" when it was not */
	} reload;
	bool fenced;                   /* by another producer of our transactional id */
	bool rebuild;                  /* the clients must be made anew */
	bool outgrown;                 /* the inputs have more partitions than when we started */
	char why[512];
};

/* loop.c */
struct loop_setup {
	struct config *config; /* a reload changes it */
	const char *bootstrap;
	const struct topics_layout *layout;
	int32_t items_partitions;
	void *const *settings; /* by processor */
	struct health *health;
	struct metrics *metrics;
	const atomic_int *reload_asked; /* counts SIGHUP */
	reload_load *reload;
	void *reload_to;
};
/* Runs until *stop is set (then commits, drains, ends within shutdown_timeout). 0, or an exit code of sysexits with the reason logged. */
int loop_run(const struct loop_setup *setup, const atomic_int *stop);
size_t loop_bound_bytes(const struct config *config); /* of an interval, as long as no transaction took too long */
int64_t clock_monotonic_ms(void);
int64_t clock_wall_ms(void);

/* assign.c */
int assign_partitions(void *loop, const int32_t *partitions, size_t n, struct source_place *places);
void assign_revoked(void *loop, bool lost);
int assign_restore(struct loop *l);         /* a slice of a restore under way; >0: there was something; <0: rebuild */
void assign_drop_all(struct loop *l);       /* all tasks' state, and the open interval */
void assign_again(struct loop *l);          /* after an abort: restore what we own */
void assign_wait(struct loop *l);           /* the same, but later: tasks are dropped and wait for assign_again() */

/* loop.c */
bool loop_bad_row(struct loop *l);          /* a shopper's turned out unreadable: l->why, l->rebuild */

/* work.c */
bool work_step(struct loop *l);             /* records, for some milliseconds; true when there was something */
void work_time(struct loop *l);             /* watermarks of the user tasks */
int64_t work_backlog(const struct loop *l); /* records of the inputs that wait, as far as fetches have told */

/* seal.c */
bool seal_due(const struct loop *l);
void seal_ahead(struct loop *l);            /* some rows into the open interval */
void seal(struct loop *l, bool last);       /* needs an idle committer */
void seal_fate(struct loop *l, struct interval *i);
void seal_open(struct loop *l);             /* begins an interval */
void seal_dead_letter(void *loop, struct user_task *t, unsigned j, const struct source_record *record, const char *reason, const char *field);

/* refused.c */
bool refused_fate(struct loop *l, struct interval *i); /* of an aborted interval with refused.any; false: as any other that was aborted */
void refused_round(struct loop *l);         /* tries again when it is time */
void refused_over(struct loop *l);          /* after a commit */
void refused_drop(struct loop *l);          /* the partitions are not ours any more */

/* views.c */
void views_start(struct loop *l, struct part *p, uint64_t epoch_interval);
bool views_step(struct loop *l);            /* answers, renders; true when there was something */
void views_stop(struct loop *l, struct part *p);
bool views_pending(const struct loop *l);
void views_alerts_stop(struct loop *l);

/* refresh.c */
void refresh_round(struct loop *l);                          /* looks whether the tables have come to rest */
bool refresh_stale(const struct loop *l, int64_t shown_ms);  /* is a view of then to be shown again? */
bool refresh_holds(const struct loop *l);                    /* shoppers' views are rationed */
bool refresh_settled(const struct loop *l);                  /* no view is stale, or their turn is far off */

/* reload.c */
void reload_round(struct loop *l);          /* a look at a counter, unless SIGHUP came */

/* report.c */
void report_create(struct loop *l);
void report_destroy(struct loop *l);
void report_part(struct loop *l, struct part *p, bool owned);
void report_commit(struct loop *l, const struct interval *i);
void report_reload(struct loop *l, enum reload_result result);
void report_round(struct loop *l);          /* cheap; once in a while it does more */
void report_started(struct loop *l);

#endif
