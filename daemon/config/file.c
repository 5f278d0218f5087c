/* Files that settings name: reading them whole, and finding those that come with glint. Used by option.c and config.c. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/config/option.h"

#ifndef GLINT_DATA_DIR
#define GLINT_DATA_DIR "/usr/share/glint"
#endif

int option_read_file(const char *path, size_t max_bytes, struct option_file *ret, char *error, size_t size)
{
	struct stat st;
	char *data = NULL, *absolute = NULL;
	size_t n = 0;
	int r = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a named pipe must not hang the start */

	if (fd < 0 || fstat(fd, &st) < 0) {
		r = -errno;
		snprintf(error, size, "cannot read '%s': %s", path, strerror(errno));
		goto out;
	}
	if (!S_ISREG(st.st_mode)) {
		r = S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
		snprintf(error, size, "cannot read '%s': it is %s, not a regular file", path, S_ISDIR(st.st_mode) ? "a folder" : "a device or pipe");
		goto out;
	}
	if (st.st_size < 0 || (uintmax_t)st.st_size > max_bytes) {
		r = -EFBIG;
		snprintf(error, size, "cannot read '%s': larger than %zu bytes", path, max_bytes);
		goto out;
	}
	data = malloc((size_t)st.st_size + 1);
	absolute = realpath(path, NULL);
	if (!absolute)
		absolute = strdup(path);
	if (!data || !absolute) {
		r = -ENOMEM;
		snprintf(error, size, "cannot read '%s': out of memory", path);
		goto out;
	}
	while (n < (size_t)st.st_size) {
		ssize_t got = read(fd, data + n, (size_t)st.st_size - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			r = -errno;
			snprintf(error, size, "cannot read '%s': %s", path, strerror(errno));
			goto out;
		}
		if (got == 0)
			break;
		n += (size_t)got;
	}
	data[n] = 0;
	*ret = (struct option_file){ absolute, data, n };
	data = absolute = NULL;
out:
	free(data);
	free(absolute);
	if (fd >= 0)
		close(fd);
	return r;
}

static char *there(const char *folder, const char *below, const char *name)
{
	char *path;
	if (asprintf(&path, "%s%s/%s", folder, below, name) < 0)
		return NULL;
	if (access(path, R_OK) == 0)
		return path;
	free(path);
	return NULL;
}

char *option_data_file(const char *name)
{
	const char *given = getenv("GLINT_DATA_DIR");
	char exe[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	char *path = given && *given ? there(given, "", name) : NULL;

	exe[n > 0 ? n : 0] = 0;
	for (int up = 0; !path && up < 6; up++) {
		char *slash = strrchr(exe, '/');
		if (!slash)
			break;
		*slash = 0;
		if (up == 1)
			path = there(exe, "/share/glint", name);
		if (up == 0 || path)
			continue;
		char *reference = there(exe, "/conf", "glintd.conf"); /* a source tree, and not just any folder named conf */
		if (reference && !access(reference, R_OK))
			path = there(exe, "/conf", name);
		free(reference);
	}
	return path ? path : there(GLINT_DATA_DIR, "", name);
}
