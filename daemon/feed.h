/* The feed of one user task: the heads of its three inputs, decoded, merged by event time.
 *
 * Fills heads from the source, ends what cannot be applied (tombstones, refused bytes, times ahead of the clock) in its counter and
 * tells the owner of dead letters, and says which head comes first: least ts, ties by topic. Used by the loop (live) and by a
 * restore (up to the committed offsets). Each feed has decoders of its own, since a head's order lines live in its decoder.
 */
#ifndef GLINT_FEED_H
#define GLINT_FEED_H

#include "daemon/avro/decode.h"
#include "daemon/kafka/source.h"
#include "daemon/state/users.h"

/* A record that ends in the dead-letter topic. reason: a word of decode_reasons, or "ahead_of_clock". */
typedef void feed_dead(void *to, struct user_task *t, unsigned j, const struct source_record *record, const char *reason, const char *field);

struct feed {
	struct source *source;
	struct user_task *task;
	unsigned topic[INPUTS]; /* index into the source's topics; UINT_MAX: not configured */
	struct decoder *decoders[INPUTS];
	struct event heads[INPUTS];
	int64_t offsets[INPUTS];
	bool ready[INPUTS];
	bool clicks_alone;   /* the other inputs were at their end when the source's news was ... */
	uint64_t alone_news; /* ... this: until it changes the next click goes first */
	int64_t limit[INPUTS];  /* offsets from here on are not taken (restore); INT64_MAX */
	int64_t max_skew_ms;
	const int64_t *head_wait_ms; /* of the configuration: live */
	const struct pseudonym_key *key;           /* of the configuration; NULL: ids stay as they are */
	char pseudonyms[INPUTS][PSEUDONYM_BYTES]; /* of the heads */
	int64_t waiting_since_ms; /* a head is awaited since then; 0: not */
	bool waited;              /* for head_wait, in vain: counted */
	bool live;              /* false: a restore */
	bool skipped;           /* records ended without becoming a head; the owner clears it */
	feed_dead *dead;
	void *to;
};

/* Fills the decoders. 0, or -errno with a sentence. */
int feed_init(struct feed *f, const struct config *config, struct user_task *task, char *error, size_t size);
void feed_done(struct feed *f);
/* Forgets heads (their bytes are going away): positions stay where they were applied to. */
void feed_drop_heads(struct feed *f);

/* Fills missing heads. Returns the input with the least head, or -1 when there is none; *ret_missing: an input has no head and is not at
 * its end, so that its next record may come before; or it is the clicks, which lead to orders, and seemed to be at their end only before the head came
 * (source_settled). now_ms: wall clock. */
int feed_least(struct feed *f, int64_t now_ms, bool *ret_missing);
/* Applies the head of input j and takes it off. */
enum outcome feed_apply(struct feed *f, unsigned j, int64_t now_ms);
/* All inputs have reached their limit (restore). */
bool feed_finished(const struct feed *f);
/* Input has no more to give now: end reported, or its limit reached. */
bool feed_at_end(const struct feed *f, unsigned j);

#endif
