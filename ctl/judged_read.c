/* Reads judged texts from files; see judged.h. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "ctl/evaluate.h"
#include "ctl/judged.h"

enum { LINE_MAX_BYTES = 1 << 20 };

int judged_add_review(struct judged *j, const struct event *event)
{
	const struct review *r = &event->review;
	if (event->kind != EVENT_REVIEW || !r->text.size || !r->rating_milli || (r->rating_milli > 2000 && r->rating_milli < 4000))
		return 0;
	return judged_add(j, r->text, r->lang, r->rating_milli >= 4000);
}

int judged_read_events(struct ctl *ctl, const struct config *config, const char *path, struct judged *to)
{
	struct jsonl *file = NULL;
	struct evaluate_reader *reader = NULL;
	struct jsonl_line line;
	struct event event;
	char error[512] = "out of memory";
	int code = 0, n;
	if (jsonl_open(&path, 1, &file, error, sizeof(error)))
		return ctl_fail(ctl, EX_USAGE, "%s", error);
	if (evaluate_reader_create(&reader, config, error, sizeof(error)))
		code = ctl_fail(ctl, EX_CONFIG, "%s", error);
	while (!code && (n = jsonl_next(file, &line, error, sizeof(error))) != 0) {
		if (n < 0)
			code = ctl_fail(ctl, EX_UNAVAILABLE, "%s", error);
		else if (evaluate_reader_take(reader, &line, &event, error, sizeof(error)))
			code = ctl_fail(ctl, EX_USAGE, "%s:%" PRIu64 ": %s", line.file, line.number, error);
		else if (judged_add_review(to, &event))
			code = ctl_fail(ctl, EX_UNAVAILABLE, "out of memory");
	}
	evaluate_reader_destroy(reader);
	jsonl_close(file);
	return code;
}

/* A label: a decimal number. false when it is none. */
static bool label_of(const char *line, const char *tab, double *ret)
{
	char text[32], *end;
	size_t n = (size_t)(tab - line);
	if (n == 0 || n >= sizeof(text) || memchr(line, ',', n))
		return false;
	memcpy(text, line, n);
	text[n] = 0;
	*ret = strtod(text, &end);
	return !*end && isfinite(*ret);
}

static int one_line(struct judged *j, char *line, struct text lang)
{
	size_t n = strlen(line);
	while (n && (line[n - 1] == '\n' || line[n - 1] == '\r'))
		n--;
	char *tab = memchr(line, '\t', n);
	double label;
	if (!n)
		return 0;
	if (!tab || !label_of(line, tab, &label))
		return -EINVAL;
	return label == 0 ? 0 : judged_add(j, (struct text){ tab + 1, (uint32_t)(n - (size_t)(tab + 1 - line)) }, lang, label > 0);
}

int judged_read_labelled(struct ctl *ctl, const char *path, const char *lang, struct judged *to)
{
	gzFile f = gzopen(path, "rb");
	char *line = f ? malloc(LINE_MAX_BYTES) : NULL;
	int code = 0, r = 0;
	if (!line) {
		code = f || !errno ? ctl_fail(ctl, EX_UNAVAILABLE, "%s: out of memory", path) : ctl_fail(ctl, EX_USAGE, "%s: %s", path, strerror(errno));
		if (f)
			gzclose(f);
		return code;
	}
	for (size_t number = 1; !code && gzgets(f, line, LINE_MAX_BYTES); number++) {
		if (strlen(line) == LINE_MAX_BYTES - 1)
			code = ctl_fail(ctl, EX_USAGE, "%s:%zu: longer than %d bytes", path, number, LINE_MAX_BYTES);
		else if ((r = one_line(to, line + (number == 1 && !strncmp(line, "\xef\xbb\xbf", 3) ? 3 : 0), text_of(lang))) != 0) /* a byte order mark */
			code = r == -EINVAL ? ctl_fail(ctl, EX_USAGE, "%s:%zu: expected 'label TAB text', the label a number", path, number)
					    : ctl_fail(ctl, EX_UNAVAILABLE, "out of memory");
	}
	const char *why = gzerror(f, &r);
	if (!code && r < 0) /* zlib says the path, too */
		code = ctl_fail(ctl, EX_UNAVAILABLE, "%s%s%s", strncmp(why, path, strlen(path)) ? path : "", strncmp(why, path, strlen(path)) ? ": " : "", why);
	free(line);
	gzclose(f);
	return code;
}
