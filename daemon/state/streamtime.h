/* Stream time of one input partition: the greatest ts seen, guarded against a lone ts far ahead (ARCHITECTURE "Time").
 *
 * A ts ahead of it by more than max_jump moves it only when three later records agree (are as far ahead), and then to the least of
 * the four. A record that does not agree ends the candidacy. A function of the partition's log alone.
 */
#ifndef GLINT_STREAMTIME_H
#define GLINT_STREAMTIME_H

#include "processors/buf.h"

enum { STREAM_WITNESSES = 3 };

struct stream_time {
	int64_t ts;            /* ms; INT64_MIN before the first record */
	int64_t least;         /* of the candidates */
	uint32_t candidates;   /* 0..STREAM_WITNESSES */
};

#define STREAM_TIME_NONE ((struct stream_time){ INT64_MIN, 0, 0 })

/* A time that a row of ours can hold: none, or one with room on both sides for what is added to it. */
static inline bool time_possible(int64_t ts)
{
	return ts == INT64_MIN || (ts > -(INT64_C(1) << 60) && ts < INT64_C(1) << 60);
}

static inline void stream_time_take(struct stream_time *s, int64_t ts, int64_t max_jump_ms)
{
	if (s->ts == INT64_MIN || ts - s->ts <= max_jump_ms) {
		if (ts > s->ts)
			s->ts = ts;
		s->candidates = 0;
		return;
	}
	s->least = s->candidates && s->least < ts ? s->least : ts;
	if (++s->candidates > STREAM_WITNESSES) {
		s->ts = s->least;
		s->candidates = 0;
	}
}

static inline void stream_time_save(const struct stream_time *s, struct buf *to)
{
	buf_i64(to, s->ts);
	buf_i64(to, s->least);
	buf_u32(to, s->candidates);
}

static inline void stream_time_load(struct stream_time *s, struct reader *from)
{
	s->ts = reader_i64(from);
	s->least = reader_i64(from);
	s->candidates = reader_u32(from);
	from->bad |= !time_possible(s->ts) || !time_possible(s->least);
}

#endif
