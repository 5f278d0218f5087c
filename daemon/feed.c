/* Merges a user task's inputs; see feed.h. */
#include "feed.h"

#include <limits.h>

int feed_init(struct feed *f, const struct config *config, struct user_task *task, char *error, size_t size)
{
	static const enum event_kind kinds[INPUTS] = { EVENT_CLICK, EVENT_PURCHASE, EVENT_REVIEW };
	unsigned n = 0;
	*f = (struct feed){ .task = task, .max_skew_ms = config->glint.max_skew_ms, .head_wait_ms = &config->glint.head_wait_ms, .key = config->privacy.key.set ? &config->privacy.key : NULL };
	for (int j = 0; j < INPUTS; j++) {
		f->topic[j] = UINT_MAX;
		f->limit[j] = INT64_MAX;
		if (!config->topics.of[kinds[j]].name[0])
			continue;
		f->topic[j] = n++;
		struct decoder_settings settings;
		config_decoder(config, kinds[j], &settings);
		int rc = decoder_create(kinds[j], &settings, &f->decoders[j], error, size);
		if (rc < 0) {
			feed_done(f);
			return rc;
		}
	}
	return 0;
}

void feed_done(struct feed *f)
{
	for (int j = 0; j < INPUTS; j++) {
		decoder_destroy(f->decoders[j]);
		f->decoders[j] = NULL;
	}
}

void feed_drop_heads(struct feed *f)
{
	for (int j = 0; j < INPUTS; j++)
		f->ready[j] = false;
	f->clicks_alone = false;
	f->waiting_since_ms = 0;
}

static void refuse(struct feed *f, unsigned j, const struct source_record *r, const char *reason, const char *field)
{
	if (f->live)
		f->dead(f->to, f->task, j, r, reason, field);
}

enum { SKIPS = 256 }; /* in one go: a topic full of what cannot be read must not hold the loop */

/* The next record that can be applied becomes the head. */
static bool fill(struct feed *f, unsigned j, int64_t now_ms)
{
	struct user_task *t = f->task;
	struct source_record r;
	for (int n = 0; n < SKIPS && source_peek(f->source, f->topic[j], (int32_t)t->partition, &r); n++) {
		if (r.offset >= f->limit[j])
			return false;
		if (r.offset < t->in[j].position) {
			; /* of a log that begins before what the state has seen: the group's offsets had expired */
		} else if (!r.value.data) {
			user_task_skip(t, j, r.offset, FILTERED);
		} else if (decoder_decode(f->decoders[j], r.value.data, r.value.size, &f->heads[j]) < 0) {
			refuse(f, j, &r, decode_reasons[decoder_reason(f->decoders[j])], decoder_field(f->decoders[j]));
			user_task_skip(t, j, r.offset, DEAD_LETTERED);
		} else if (f->live ? f->heads[j].ts > now_ms + f->max_skew_ms : user_task_was_refused(t, j, r.offset)) {
			refuse(f, j, &r, "ahead_of_clock", "ts");
			if (f->live)
				user_task_refuse(t, j, r.offset);
			else
				user_task_skip(t, j, r.offset, DEAD_LETTERED);
		} else {
			if (f->key) {
				f->heads[j].sent_id = f->heads[j].user_id;
				f->heads[j].user_id = pseudonym_of(f->key, f->heads[j].sent_id, f->pseudonyms[j]);
			}
			f->offsets[j] = r.offset;
			f->ready[j] = true;
			return true;
		}
		source_next(f->source, f->topic[j], (int32_t)t->partition);
		f->skipped = true;
	}
	return false;
}

/* A head that is here; whether an input may still have one that goes before. */
static int least_of(struct feed *f, int64_t now_ms, bool *ret_missing)
{
	int least = -1;
	bool missing = false;
	for (unsigned j = 0; j < INPUTS; j++) {
		if (f->topic[j] == UINT_MAX)
			continue;
		if (!f->ready[j] && !fill(f, j, now_ms)) {
			missing |= !feed_at_end(f, j);
			continue;
		}
		if (least < 0 || f->heads[j].ts < f->heads[least].ts)
			least = (int)j;
	}
	*ret_missing = missing;
	return least;
}

int feed_least(struct feed *f, int64_t now_ms, bool *ret_missing)
{
	int least = -1;
	if (f->clicks_alone && f->alone_news == source_news(f->source) && (f->ready[0] || fill(f, 0, now_ms)) && f->alone_news == source_news(f->source)) {
		*ret_missing = false;
		return 0;
	}
	uint64_t news = source_news(f->source) - 1;
	/* An input that had nothing is asked again once another has got something: a click comes before its order, but is asked for first. */
	for (int n = 0; n < INPUTS && news != source_news(f->source); n++) {
		news = source_news(f->source);
		least = least_of(f, now_ms, ret_missing);
	}
	if (least > 0 && f->live && !*ret_missing && !f->ready[0] && f->topic[0] != UINT_MAX)
		*ret_missing = !source_settled(f->source, f->topic[least], (int32_t)f->task->partition, *f->head_wait_ms / 2);
	f->clicks_alone = least == 0 && !*ret_missing && !f->ready[1] && !f->ready[2];
	f->alone_news = news; /* of before the last look */
	return least;
}

/* A topic is keyed by user id: what its next records will touch is known before they are decoded. */
static void look_ahead(const struct feed *f, unsigned j)
{
	if (f->key) /* a key of the topic is not the id */
		return;
	static const uint8_t ahead[] = { [SOON_SLOT] = 14, [SOON_USER] = 10, [SOON_BLOCKS] = 6, [SOON_ARRAYS] = 3 };
	for (int step = SOON_SLOT; step <= SOON_ARRAYS; step++) {
		struct text key = source_key_ahead(f->source, f->topic[j], (int32_t)f->task->partition, ahead[step]);
		if (key.size)
			user_task_soon(f->task, key, (enum soon)step);
	}
}

enum outcome feed_apply(struct feed *f, unsigned j, int64_t now_ms)
{
	look_ahead(f, j);
	enum outcome outcome = user_task_apply(f->task, j, f->offsets[j], &f->heads[j], f->live, now_ms);
	f->ready[j] = false;
	source_next(f->source, f->topic[j], (int32_t)f->task->partition);
	return outcome;
}

bool feed_at_end(const struct feed *f, unsigned j)
{
	int32_t p = (int32_t)f->task->partition;
	if (f->ready[j])
		return false;
	int64_t position = source_position(f->source, f->topic[j], p);
	return position < 0 || position >= f->limit[j] || source_at_end(f->source, f->topic[j], p);
}

bool feed_finished(const struct feed *f)
{
	for (unsigned j = 0; j < INPUTS; j++)
		if (f->topic[j] != UINT_MAX) {
			int64_t position = source_position(f->source, f->topic[j], (int32_t)f->task->partition);
			if (f->ready[j] || (position >= 0 && position < f->limit[j]))
				return false;
		}
	return true;
}
