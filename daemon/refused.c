/* What the loop makes of records that a topic refuses for their size; see loop.h and committer.h.
 *
 * A batch: the clients are made anew with smaller ones. A dead letter: it is cut. Any other record must not be left out, for state would
 * lack it after the next restart: the tasks are dropped, and wait, as a member of the group, to be restored and to try again, after 1 s, 2 s, ... 10 s. Meanwhile
 * /readyz says what is to be done. When all rows are due at once, nothing of later records is committed beside a row that cannot be: the log to be applied
 * again does not grow. Over is it with a commit that reaches what the refused interval covered.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/face/log.h"
#include "daemon/loop.h"

enum { FIRST_PAUSE_MS = 1000,
	MOST_PAUSE_MS = 10000,
	LETTER_BYTES = 512 << 10,
	LETTER_LEAST_BYTES = 256 };

static bool cut_letters(struct loop *l)
{
	if (l->letter_bytes <= LETTER_LEAST_BYTES)
		return false;
	l->letter_bytes = l->letter_bytes > LETTER_BYTES ? LETTER_BYTES : l->letter_bytes / 2;
	log_error(NULL, "%s refuses a record for its size (max.message.bytes): dead letters over %u bytes are cut from now on",
		l->layout.names[TOPIC_DEAD_LETTER], l->letter_bytes);
	return true;
}

bool refused_fate(struct loop *l, struct interval *i)
{
	if (i->refused.batch_bytes) {
		l->batch_bytes = i->refused.batch_bytes;
		snprintf(l->why, sizeof(l->why), "%.*s", (int)sizeof(l->why) - 1, i->why);
		l->rebuild = true;
		return true;
	}
	if (i->refused.topic == TOPIC_DEAD_LETTER && cut_letters(l))
		return false;
	int64_t pause_ms = l->refused.pause_ms ? l->refused.pause_ms * 2 : FIRST_PAUSE_MS;
	refused_drop(l);
	snprintf(l->refused.why, sizeof(l->refused.why), "%.*s", (int)sizeof(l->refused.why) - 1, i->why);
	l->refused.pause_ms = pause_ms < MOST_PAUSE_MS ? pause_ms : MOST_PAUSE_MS;
	l->refused.again_ms = l->now_ms + l->refused.pause_ms;
	l->refused.offsets = malloc(sizeof(*i->offsets) * (i->n_offsets + 1));
	if (!l->refused.offsets)
		abort();
	memcpy(l->refused.offsets, i->offsets, sizeof(*i->offsets) * i->n_offsets);
	l->refused.n_offsets = i->n_offsets;
	log_error("refused", "%s. Tried again within %lld s", i->why, (long long)(l->refused.pause_ms / 1000));
	health_set(l->health, HEALTH_KAFKA, false, l->refused.why);
	if (l->assigned)
		assign_wait(l);
	else
		assign_drop_all(l);
	return true;
}

void refused_round(struct loop *l)
{
	if (!l->refused.again_ms || l->now_ms < l->refused.again_ms)
		return;
	l->refused.again_ms = 0;
	assign_again(l);
}

void refused_over(struct loop *l)
{
	if (!l->refused.why[0])
		return;
	for (size_t k = 0; k < l->refused.n_offsets; k++) {
		const struct out_offset *o = &l->refused.offsets[k];
		if (l->parts[o->partition].state == PART_RUNNING && l->parts[o->partition].committed[o->topic] < o->offset)
			return;
	}
	refused_drop(l);
	l->refused.pause_ms = 0;
	log_over("refused", "what was refused for its size is taken now");
}

void refused_drop(struct loop *l)
{
	free(l->refused.offsets);
	l->refused.offsets = NULL;
	l->refused.n_offsets = 0;
	l->refused.again_ms = 0;
	l->refused.why[0] = '\0';
}
