#include "daemon/config/option.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void append(char *text, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

static void append(char *text, size_t size, const char *format, ...)
{
	size_t n = strlen(text);
	va_list args;
	va_start(args, format);
	if (n < size)
		vsnprintf(text + n, size - n, format, args);
	va_end(args);
}

static size_t field_size(enum option_type type)
{
	switch (type) {
	case OPTION_DURATION:
	case OPTION_COUNT:
	case OPTION_SIZE:
		return sizeof(int64_t);
	case OPTION_REAL:
		return sizeof(double);
	case OPTION_BOOL:
		return sizeof(bool);
	case OPTION_TEXT:
	case OPTION_PATH:
		return sizeof(char *);
	case OPTION_CHOICE:
		return sizeof(int);
	case OPTION_FILE:
		return sizeof(struct option_file);
	}
	return 0;
}

static void *field(const struct option *o, void *settings)
{
	assert(o->size == field_size(o->type));
	return (char *)settings + o->offset;
}

/* Index of a name in "first|second|third", -1 when it is none of them. */
static int choice_index(const char *choices, const char *name)
{
	size_t n = strlen(name);
	for (int i = 0;; i++) {
		size_t length = strcspn(choices, "|");
		if (length == n && !memcmp(choices, name, n))
			return i;
		if (!choices[length])
			return -1;
		choices += length + 1;
	}
}

static void choices_text(const char *choices, char *text, size_t size)
{
	for (const char *p = choices; *p;) {
		size_t n = strcspn(p, "|");
		const char *next = p[n] ? p + n + 1 : "";
		append(text, size, "%s%.*s", p == choices ? "" : *next ? ", " : " or ", (int)n, p);
		p = next;
	}
}

void option_allowed(const struct option *o, char *text, size_t size)
{
	text[0] = 0;
	if (o->type == OPTION_BOOL) {
		append(text, size, "on or off");
	} else if (o->type == OPTION_CHOICE) {
		choices_text(o->choices, text, size);
	} else if (o->type == OPTION_TEXT || o->type == OPTION_PATH || o->type == OPTION_FILE) {
		append(text, size, o->type == OPTION_TEXT ? "a text" : o->type == OPTION_PATH ? "a path" : "a file's path");
	} else {
		if (o->min && o->max)
			append(text, size, "%s to %s", o->min, o->max);
		else if (o->min)
			append(text, size, "%s or more", o->min);
		else if (o->max)
			append(text, size, "%s or less", o->max);
		else
			append(text, size, "any %s", o->type == OPTION_REAL || o->type == OPTION_COUNT ? "number" : o->type == OPTION_SIZE ? "size" : "duration");
		if (o->unit)
			append(text, size, " %s", o->unit);
		if (o->zero)
			append(text, size, ", or 0 (%s)", o->zero);
	}
}

static int parse_integer(enum option_type type, const char *text, int64_t *ret)
{
	return type == OPTION_DURATION ? option_parse_duration(text, ret) :
	       type == OPTION_SIZE     ? option_parse_size(text, ret) :
					 option_parse_count(text, ret);
}

static int parse_real(const char *text, double *ret)
{
	char *end;
	double v;
	if (!text[0] || strspn(text, "+-.0123456789eE") != strlen(text)) /* no hexadecimal, inf, nan or blanks */
		return -EINVAL;
	v = strtod(text, &end);
	if (*end || !isfinite(v))
		return -EINVAL;
	*ret = v;
	return 0;
}

static const char *how(enum option_type type)
{
	switch (type) {
	case OPTION_DURATION:
		return "a duration: a whole number and ms, s, min, h or d";
	case OPTION_SIZE:
		return "a size: a whole number of bytes, or one with KiB, MiB or GiB";
	case OPTION_COUNT:
		return "a whole number";
	default:
		return "a number";
	}
}

static int refuse(const struct option *o, const char *value, const char *what, char *error, size_t size)
{
	char allowed[256];
	option_allowed(o, allowed, sizeof(allowed));
	if (o->flags & OPTION_SECRET)
		snprintf(error, size, "the value %s; allowed: %s", what, allowed);
	else
		snprintf(error, size, "'%s' %s; allowed: %s", value, what, allowed);
	return -EINVAL;
}

static int set_integer(const struct option *o, int64_t *to, const char *value, char *error, size_t size)
{
	char what[128];
	int64_t v, min = INT64_MIN, max = INT64_MAX;

	if (!value[0] && !o->value) /* no default: 0 */
		value = "0";
	if (parse_integer(o->type, value, &v) < 0) {
		snprintf(what, sizeof(what), "is not %s", how(o->type));
		return refuse(o, value, what, error, size);
	}
	int a = o->min ? parse_integer(o->type, o->min, &min) : 0;
	int b = o->max ? parse_integer(o->type, o->max, &max) : 0;
	assert(a == 0 && b == 0); /* the table's own texts */
	if (a < 0 || b < 0)
		return -EINVAL;
	if (!(v == 0 && o->zero) && (v < min || v > max))
		return refuse(o, value, v < min ? "is too small" : "is too large", error, size);
	*to = v;
	return 0;
}

static int set_real(const struct option *o, double *to, const char *value, char *error, size_t size)
{
	double v, min = -INFINITY, max = INFINITY;

	if (!value[0] && !o->value)
		value = "0";
	if (parse_real(value, &v) < 0)
		return refuse(o, value, "is not a number", error, size);
	int a = o->min ? parse_real(o->min, &min) : 0;
	int b = o->max ? parse_real(o->max, &max) : 0;
	assert(a == 0 && b == 0);
	if (a < 0 || b < 0)
		return -EINVAL;
	if (!(v == 0 && o->zero) && (v < min || v > max))
		return refuse(o, value, v < min ? "is too small" : "is too large", error, size);
	*to = v;
	return 0;
}

static int set_bool(const struct option *o, bool *to, const char *value, char *error, size_t size)
{
	static const char *const words[] = { "off", "on", "no", "yes", "false", "true", "0", "1" };
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (!strcasecmp(value[0] ? value : "off", words[i])) {
			*to = i & 1;
			return 0;
		}
	return refuse(o, value, "is neither on nor off", error, size);
}

/* Absolute path of a value that was set. NULL: no memory. */
static char *resolve(const char *value, const struct option_folders *folders)
{
	const char *base = folders ? folders->base : NULL;
	char cwd[PATH_MAX], *path;

	if (value[0] == '/' || !value[0])
		return strdup(value);
	if (!base)
		base = getcwd(cwd, sizeof(cwd)) ? cwd : ".";
	return asprintf(&path, "%s/%s", base, value) < 0 ? NULL : path;
}

static int set_path(char **to, const char *value, const struct option_folders *folders)
{
	char *path = resolve(value, folders);
	if (!path)
		return -ENOMEM;
	free(*to);
	*to = path;
	return 0;
}

static int set_file(struct option_file *to, const char *value, bool is_default, const struct option_folders *folders, char *error, size_t size)
{
	struct option_file f = { NULL, NULL, 0 };
	int r = 0;

	if (!value[0]) {
		f.path = strdup("");
		r = f.path ? 0 : -ENOMEM;
	} else {
		bool ours = is_default && value[0] != '/';
		char *path = ours ? option_data_file(value) : resolve(value, folders);
		if (path && !ours && value[0] != '/' && access(path, F_OK) < 0) { /* a file that comes with glint, named as the default names it */
			char *data = option_data_file(value);
			if (data) {
				free(path);
				path = data;
			}
		}
		if (!path && ours) {
			snprintf(error, size, "'%s', which comes with glint, is not found; set GLINT_DATA_DIR to the folder that it was installed to", value);
			return -ENOENT;
		}
		if (!path)
			return -ENOMEM;
		r = option_read_file(path, OPTION_FILE_MAX_BYTES, &f, error, size);
		free(path);
	}
	if (r < 0)
		return r;
	free(to->path);
	free(to->data);
	*to = f;
	return 0;
}

int option_set(const struct option *o, void *settings, const char *value, bool is_default, const struct option_folders *folders, char *error,
	       size_t size)
{
	void *to = field(o, settings);
	int index;

	snprintf(error, size, "out of memory"); /* what is left standing when nothing says more */
	switch (o->type) {
	case OPTION_DURATION:
	case OPTION_COUNT:
	case OPTION_SIZE:
		return set_integer(o, to, value, error, size);
	case OPTION_REAL:
		return set_real(o, to, value, error, size);
	case OPTION_BOOL:
		return set_bool(o, to, value, error, size);
	case OPTION_TEXT: {
		char *copy = strdup(value);
		if (!copy)
			return -ENOMEM;
		free(*(char **)to);
		*(char **)to = copy;
		return 0;
	}
	case OPTION_CHOICE:
		index = choice_index(o->choices, value);
		if (index < 0 && !value[0] && !o->value)
			index = 0;
		if (index < 0)
			return refuse(o, value, "is none of the choices", error, size);
		*(int *)to = index;
		return 0;
	case OPTION_PATH:
		return set_path(to, value, folders);
	case OPTION_FILE:
		return set_file(to, value, is_default, folders, error, size);
	}
	return -EINVAL;
}

int option_set_defaults(const struct option *options, size_t n, void *settings, size_t settings_size, char *error, size_t size)
{
	char why[OPTION_ERROR_BYTES];

	memset(settings, 0, settings_size);
	for (size_t i = 0; i < n; i++) {
		const struct option *o = &options[i];
		if (o->flags & OPTION_REQUIRED)
			continue;
		int r = option_set(o, settings, o->value ? o->value : "", true, NULL, why, sizeof(why));
		if (r < 0) {
			snprintf(error, size, "%s: %s", o->name, why);
			option_free(options, i, settings);
			return r;
		}
	}
	return 0;
}

void option_free(const struct option *options, size_t n, void *settings)
{
	for (size_t i = 0; i < n; i++) {
		void *at = field(&options[i], settings);
		if (options[i].type == OPTION_TEXT || options[i].type == OPTION_PATH) {
			free(*(char **)at);
			*(char **)at = NULL;
		} else if (options[i].type == OPTION_FILE) {
			struct option_file *f = at;
			free(f->path);
			free(f->data);
			*f = (struct option_file){ NULL, NULL, 0 };
		}
	}
}

const char *option_shown(const struct option *o, const void *settings, const char *value)
{
	const void *at = (const char *)settings + o->offset;
	const char *path = NULL;

	if (o->type == OPTION_PATH)
		path = *(char *const *)at;
	else if (o->type == OPTION_FILE)
		path = ((const struct option_file *)at)->path;
	return path ? path : value;
}
