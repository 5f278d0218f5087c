/* Reads and merges event files. See jsonl.h. */
#include "ctl/jsonl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define CHUNK_BYTES (256u << 10)

struct file {
	const char *name;
	gzFile gz;
	off_t size;  /* on disk; -1 unknown */
	char *bytes; /* owned: n of capacity are read, `at` are given out */
	size_t at, n, capacity;
	const char *line; /* in bytes; the head's until the next fill */
	size_t line_size;
	struct jsonl_line head;
	json_t *object; /* head's */
	char problem[256];
	bool ended;
};

struct jsonl {
	struct file *files;
	int n;
	json_t *given; /* the object that the caller borrows */
	char problem[256];
};

static int open_file(struct file *f, const char *name, char *error, size_t size)
{
	struct stat st;
	int fd = strcmp(name, "-") ? open(name, O_RDONLY | O_CLOEXEC) : dup(STDIN_FILENO);

	f->name = name;
	f->size = -1;
	if (fd >= 0 && !fstat(fd, &st)) {
		if (S_ISDIR(st.st_mode)) {
			close(fd);
			errno = EISDIR;
			fd = -1;
		} else if (S_ISREG(st.st_mode))
			f->size = st.st_size;
	}
	if (fd < 0) {
		int r = -errno;
		snprintf(error, size, "%s: %s", name, strerror(errno));
		return r;
	}
	f->gz = gzdopen(fd, "r");
	if (!f->gz) {
		close(fd);
		snprintf(error, size, "%s: out of memory", name);
		return -ENOMEM;
	}
	gzbuffer(f->gz, 256 << 10);
	return 0;
}

/* More bytes behind those that are there. 1; 0 at the end; -EIO, -ENOMEM with a sentence. */
static int fill(struct file *f, char *error, size_t size)
{
	int code;
	if (f->at) {
		memmove(f->bytes, f->bytes + f->at, f->n - f->at);
		f->n -= f->at;
		f->at = 0;
	}
	if (f->capacity - f->n < CHUNK_BYTES) {
		char *more = realloc(f->bytes, f->capacity + CHUNK_BYTES);
		if (!more) {
			snprintf(error, size, "%s: out of memory", f->name);
			return -ENOMEM;
		}
		f->bytes = more;
		f->capacity += CHUNK_BYTES;
	}
	int n = gzread(f->gz, f->bytes + f->n, CHUNK_BYTES);
	const char *text = gzerror(f->gz, &code);
	if (n < 0 || (code != Z_OK && code != Z_STREAM_END)) {
		const char *what = strstr(text, ": "); /* "<fd:4>: unexpected end of file" */
		snprintf(error, size, "%s: %s", f->name, code == Z_ERRNO ? strerror(errno) : what ? what + 2
												  : text);
		return -EIO;
	}
	f->n += (size_t)n;
	return n > 0;
}

/* The next line, without its end, in f->line[f->line_size]. 1; 0 at the end; -EMSGSIZE: too long, passed over; -EIO, -ENOMEM. */
static int read_line(struct file *f, char *error, size_t size)
{
	bool too_long = false;
	size_t looked = 0; /* bytes behind f->at without a line end */

	for (;;) {
		char *end = f->n > f->at + looked ? memchr(f->bytes + f->at + looked, '\n', f->n - f->at - looked) : NULL;
		looked = f->n - f->at;
		if (!end && looked > JSONL_LINE_MAX_BYTES) {
			too_long = true;
			f->at = f->n;
			looked = 0;
		}
		int r = end ? 1 : fill(f, error, size);
		if (r < 0)
			return r;
		if (!end && r)
			continue;
		f->line = f->bytes + f->at;
		f->line_size = end ? (size_t)(end - f->line) : f->n - f->at;
		f->at += f->line_size + (end ? 1 : 0);
		if (too_long)
			return -EMSGSIZE;
		if (!end && !f->line_size)
			return 0;
		if (f->line_size && f->line[f->line_size - 1] == '\r')
			f->line_size--;
		return 1;
	}
}

static void parse(struct file *f)
{
	json_error_t why;
	if (memchr(f->line, '\0', f->line_size)) { /* which jansson may take for the end */
		f->head.problem = "holds a zero byte";
		return;
	}
	f->object = json_loadb(f->line, f->line_size, JSON_REJECT_DUPLICATES, &why);
	if (!f->object)
		snprintf(f->problem, sizeof(f->problem), "not JSON: %s", why.text);
	else if (!json_is_object(f->object)) {
		snprintf(f->problem, sizeof(f->problem), "not a JSON object");
		json_decref(f->object);
		f->object = NULL;
	}
	if (!f->object) {
		f->head.problem = f->problem;
		return;
	}
	const json_t *ts = json_object_get(f->object, "ts");
	f->head.has_ts = json_is_integer(ts);
	if (f->head.has_ts)
		f->head.ts = json_integer_value(ts);
}

static int advance(struct file *f, char *error, size_t size)
{
	f->object = NULL;
	f->head.problem = NULL;
	f->head.has_ts = false;
	f->head.file = f->name;
	for (;;) {
		int r = read_line(f, error, size);
		f->head.number++;
		if (r == 0) {
			f->ended = true;
			return 0;
		}
		if (r == -EMSGSIZE) {
			snprintf(f->problem, sizeof(f->problem), "longer than 16 MiB");
			f->head.problem = f->problem;
			return 0;
		}
		if (r < 0)
			return r;
		if (f->head.number == 1 && f->line_size >= 3 && !memcmp(f->line, "\xef\xbb\xbf", 3)) { /* a byte order mark */
			f->line += 3;
			f->line_size -= 3;
		}
		size_t blank = 0;
		while (blank < f->line_size && (f->line[blank] == ' ' || f->line[blank] == '\t'))
			blank++;
		if (blank < f->line_size) {
			parse(f);
			return 0;
		}
	}
}

int jsonl_open(const char *const *files, int n, struct jsonl **ret, char *error, size_t size)
{
	struct jsonl *j = calloc(1, sizeof(*j));
	int r = -ENOMEM;

	if (!j || !(j->files = calloc((size_t)n, sizeof(*j->files)))) {
		snprintf(error, size, "out of memory");
		goto fail;
	}
	for (; j->n < n; j->n++) {
		r = open_file(&j->files[j->n], files[j->n], error, size);
		if (r)
			goto fail;
	}
	for (int i = 0; i < n; i++) {
		r = advance(&j->files[i], error, size);
		if (r)
			goto fail;
	}
	*ret = j;
	return 0;
fail:
	jsonl_close(j);
	return r;
}

void jsonl_close(struct jsonl *j)
{
	if (!j)
		return;
	for (int i = 0; i < j->n; i++) {
		gzclose(j->files[i].gz);
		free(j->files[i].bytes);
		json_decref(j->files[i].object);
	}
	json_decref(j->given);
	free(j->files);
	free(j);
}

int jsonl_next(struct jsonl *j, struct jsonl_line *ret, char *error, size_t size)
{
	struct file *least = NULL;

	json_decref(j->given);
	j->given = NULL;
	for (int i = 0; i < j->n; i++)
		if (!j->files[i].ended && (!least || j->files[i].head.ts < least->head.ts))
			least = &j->files[i];
	if (!least)
		return 0;
	*ret = least->head;
	ret->object = j->given = least->object;
	if (ret->problem) {
		/* the text is overwritten by the next line of this file: keep it beside */
		snprintf(j->problem, sizeof(j->problem), "%s", ret->problem);
		ret->problem = j->problem;
	}
	int r = advance(least, error, size);
	return r ? r : 1;
}

double jsonl_progress(const struct jsonl *j)
{
	double done = 0, all = 0;
	for (int i = 0; i < j->n; i++) {
		if (j->files[i].size < 0)
			return -1;
		all += (double)j->files[i].size;
		done += j->files[i].ended ? (double)j->files[i].size : (double)gzoffset(j->files[i].gz);
	}
	return all > 0 ? (done < all ? done / all : 1) : 1;
}

int jsonl_range(const char *const *files, int n, struct jsonl_range *ret, char *error, size_t size)
{
	struct jsonl_range range = { INT64_MAX, INT64_MIN, 0 };
	struct jsonl_line line;
	struct jsonl *j;
	int r = jsonl_open(files, n, &j, error, size);
	if (r)
		return r;
	while ((r = jsonl_next(j, &line, error, size)) > 0) {
		range.lines++;
		if (!line.object || !line.has_ts)
			continue;
		range.first = line.ts < range.first ? line.ts : range.first;
		range.last = line.ts > range.last ? line.ts : range.last;
	}
	jsonl_close(j);
	if (!r && range.first > range.last) {
		snprintf(error, size, "no line has a ts");
		r = -ENOENT;
	}
	if (!r)
		*ret = range;
	return r;
}
