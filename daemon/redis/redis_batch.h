/* Batches cut into parts, so that Redis is not busy with one for long; and a part as the commands that write it.
 *
 * A part has at most PART_COMMANDS commands and about PART_BYTES, at least one command; a batch has at least one part, and the
 * status travels with the last. No I/O, no log; used by the publisher's thread.
 */
#ifndef GLINT_REDIS_BATCH_H
#define GLINT_REDIS_BATCH_H

#include "publisher.h"
#include "redis_scripts.h"

#define PART_COMMANDS 500
#define PART_BYTES (128u << 10)
#define PART_ARGUMENTS 50000

struct part {
	size_t at, size; /* of its commands, encoded, in the source */
	uint32_t n_commands;
	uint64_t n_arguments; /* each command's, and one more for its argc: what a script would take */
	bool left_out;        /* a command's form was refused (unknown, too few arguments): only seq and status are written */
};

struct parts {
	struct part *part; /* owned */
	unsigned n, capacity;
	struct buf flat;          /* commands that were made here: alerts, and views when one was left out */
	const struct buf *source; /* flat, or the batch's commands (borrowed) */
	uint32_t n_refused;       /* commands left out: too many arguments, alerts that are no JSON object with id and state */
};

void parts_done(struct parts *p);
/* Cuts b; p is reused. 0, or -EBADMSG when the batch's encoding is broken (nothing of it is to be sent). */
int parts_cut(struct parts *p, const struct batch *b);

/* Appends EVALSHA for part i of b, alerts or a take-over. seq: what the task hash must have. alerts_kept: the stream's length. */
void parts_write_script(const struct parts *p, unsigned i, const struct batch *b, const char *prefix, const char *sha, uint64_t seq,
	uint64_t alerts_kept, struct buf *out);
/* Appends the commands of part i of b, views, and one that sets the task hash's seq (to the given) and status; how many, the last left out. */
unsigned parts_write_views(const struct parts *p, unsigned i, const struct batch *b, const char *prefix, uint64_t seq, struct buf *out);
void redis_task_key(struct buf *out, const char *prefix, const char *task); /* as an argument */

#endif
