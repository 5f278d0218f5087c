/* Event files: JSON lines, gzip'd or not, several of them merged by their events' time.
 *
 * Each file is taken to be in time order, as exports are; the merge takes the least head, so a file that is not keeps its own
 * order. A line without ts (the catalogue) takes the time of the line before it. A byte order mark (UTF-8) at a file's start is passed over. Called by glintctl replay and by tests.
 */
#ifndef GLINT_CTL_JSONL_H
#define GLINT_CTL_JSONL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSONL_LINE_MAX_BYTES (16u << 20)

struct jsonl;

struct jsonl_line {
	json_t *object; /* NULL: the line is bad, `problem` says why. Borrowed until the next jsonl_next */
	const char *problem;
	int64_t ts; /* ms; of this line, else of the one before it; 0 when there was none yet */
	bool has_ts;
	const char *file; /* as given */
	uint64_t number;  /* 1 = first line */
};

/* Opens all files; "-" is standard input. 0; -errno with a sentence. */
int jsonl_open(const char *const *files, int n, struct jsonl **ret, char *error, size_t size);
void jsonl_close(struct jsonl *j); /* NULL allowed */

/* The next line of all files; blank ones are passed over. 1; 0 at the end; -EIO with a sentence when a file cannot be read (damaged
 * gzip included). */
int jsonl_next(struct jsonl *j, struct jsonl_line *ret, char *error, size_t size);

/* How far the files are read: 0..1, by bytes on disk; -1 when it cannot be known (standard input). */
double jsonl_progress(const struct jsonl *j);

/* Least and greatest ts of all files, and the number of lines. Reads them from end to end. 0; -ENOENT: no line has a ts. -EIO, -errno. */
struct jsonl_range {
	int64_t first, last;
	uint64_t lines;
};
int jsonl_range(const char *const *files, int n, struct jsonl_range *ret, char *error, size_t size);

#endif
