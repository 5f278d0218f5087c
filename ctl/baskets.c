/* See baskets.h. */
#include "ctl/baskets.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

enum { CHUNK_BYTES = 1 << 20 };

/* The whole file, decompressed; free it. */
static int read_all(const char *path, char **ret, size_t *ret_size, char *error, size_t error_size)
{
	int fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : dup(STDIN_FILENO);
	gzFile gz = fd < 0 ? NULL : gzdopen(fd, "r");
	if (!gz) {
		int r = fd < 0 ? -errno : -ENOMEM;
		if (fd >= 0)
			close(fd);
		snprintf(error, error_size, "%s: %s", path, strerror(-r));
		return r;
	}
	gzbuffer(gz, 256 << 10);
	char *bytes = NULL;
	size_t size = 0, capacity = 0;
	int n, r = 0, code;
	do {
		if (capacity - size < CHUNK_BYTES) {
			capacity = 2 * capacity + CHUNK_BYTES;
			char *more = realloc(bytes, capacity);
			if (!more) {
				r = -ENOMEM;
				break;
			}
			bytes = more;
		}
		n = gzread(gz, bytes + size, CHUNK_BYTES);
		size += n > 0 ? (size_t)n : 0;
	} while (n > 0);
	const char *why = gzerror(gz, &code);
	if (r)
		snprintf(error, error_size, "%s: out of memory", path);
	else if (code != Z_OK && code != Z_STREAM_END) {
		const char *what = strstr(why, ": "); /* "<fd:4>: unexpected end of file" */
		snprintf(error, error_size, "%s: %s", path, code == Z_ERRNO ? strerror(errno) : what ? what + 2
												     : why);
		r = -EIO;
	}
	gzclose_r(gz);
	if (r) {
		free(bytes);
		return r;
	}
	*ret = bytes;
	*ret_size = size;
	return 0;
}

/* Room for one more of `each` bytes in *array. */
static int room(void **array, size_t n, size_t *capacity, size_t each)
{
	if (n < *capacity)
		return 0;
	size_t grown = *capacity ? 2 * *capacity : 1024;
	void *more = realloc(*array, grown * each);
	if (!more)
		return -ENOMEM;
	*array = more;
	*capacity = grown;
	return 0;
}

struct seen { /* by item: one past the last basket that held it */
	size_t *last;
	size_t capacity;
};

static int add_item(struct baskets *b, struct seen *seen, struct text name)
{
	if (!name.size)
		return 0;
	uint32_t item = symbols_intern(b->names, name) - 1;
	while (item >= seen->capacity) {
		size_t before = seen->capacity;
		int r = room((void **)&seen->last, item, &seen->capacity, sizeof(*seen->last));
		if (r)
			return r;
		memset(seen->last + before, 0, (seen->capacity - before) * sizeof(*seen->last));
	}
	if (seen->last[item] == b->as.n + 1)
		return 0;
	seen->last[item] = b->as.n + 1;
	int r = room((void **)&b->items, b->n_items, &b->items_capacity, sizeof(*b->items));
	if (!r)
		b->items[b->n_items++] = item;
	return r;
}

static int add_line(struct baskets *b, struct seen *seen, const char *at, const char *end, bool commas)
{
	size_t before = b->n_items;
	while (at < end) {
		const char *stop = at;
		while (stop < end && (commas ? *stop != ',' : *stop != ' ' && *stop != '\t'))
			stop++;
		int r = stop - at > UINT16_MAX ? -EMSGSIZE : add_item(b, seen, (struct text){ at, (uint32_t)(stop - at) });
		if (r)
			return r;
		at = stop + 1;
	}
	if (b->n_items == before)
		return 0;
	int r = room((void **)&b->ends, b->as.n, &b->ends_capacity, sizeof(*b->ends));
	if (!r)
		b->ends[b->as.n++] = b->n_items;
	return r;
}

int baskets_read(const char *path, struct baskets *ret, char *error, size_t error_size)
{
	char *bytes = NULL;
	size_t size = 0, line = 0;
	*ret = (struct baskets){ .names = symbols_create() };
	int r = read_all(path, &bytes, &size, error, error_size);
	if (r)
		return r;
	struct seen seen = { 0 };
	bool commas = memchr(bytes, ',', size) != NULL;
	size_t mark = size >= 3 && !memcmp(bytes, "\xef\xbb\xbf", 3) ? 3 : 0; /* a byte order mark */
	for (const char *at = bytes + mark, *last = bytes + size; !r && at < last;) {
		const char *end = memchr(at, '\n', (size_t)(last - at)), *next = end ? end + 1 : last;
		end = end ? end : last;
		line++;
		r = add_line(ret, &seen, at, end > at && end[-1] == '\r' ? end - 1 : end, commas);
		at = next;
	}
	if (r == -EMSGSIZE)
		snprintf(error, error_size, "%s, line %zu: a name of more than %d bytes", path, line, UINT16_MAX);
	else if (r)
		snprintf(error, error_size, "%s: out of memory", path);
	ret->as.items = ret->items;
	ret->as.ends = ret->ends;
	ret->as.n_items = symbols_limit(ret->names) ? symbols_limit(ret->names) - 1 : 0;
	free(seen.last);
	free(bytes);
	return r;
}

void baskets_done(struct baskets *b)
{
	symbols_destroy(b->names);
	free(b->items);
	free(b->ends);
	*b = (struct baskets){ 0 };
}
