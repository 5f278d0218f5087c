/* Reads the text of a setting into its field, by the rows of processors/option.h.
 *
 * Does not know of files of settings, sections or origins (config.h does). Used by the configuration, and by tests that want a
 * processor's defaults. Errors are sentences without the option's name: "'0' is below the least, 1s; allowed: 1s to 365d".
 */
#ifndef GLINT_CONFIG_OPTION_H
#define GLINT_CONFIG_OPTION_H

#include <stdbool.h>

#include "processors/option.h"

#define OPTION_ERROR_BYTES 512

/* Where relative paths of OPTION_FILE and OPTION_PATH lead. */
struct option_folders {
	const char *base; /* values that were set: this folder; NULL: the working directory */
};

/* Parses value into settings. A field of type text, path or file is freed first (the struct must have been zeroed once). A relative
 * file is looked for in folders->base (not with is_default), then in the data folders (option_data_file). 0; -EINVAL, or for files
 * -ENOENT, -EACCES, ..., with a sentence in error and the field untouched; -ENOMEM. */
int option_set(const struct option *option, void *settings, const char *value, bool is_default, const struct option_folders *folders,
	       char *error, size_t size);

/* Zeroes the settings, then sets every default. Required options stay as they are. For tests and tools. */
int option_set_defaults(const struct option *options, size_t n, void *settings, size_t settings_size, char *error, size_t size);

/* Frees what the fields own; the settings may be set again. */
void option_free(const struct option *options, size_t n, void *settings);

/* What is allowed, as a sentence's end: "1s to 365d, or 0 (for ever)", "on or off", "auto, bare, single or confluent". */
void option_allowed(const struct option *option, char *text, size_t size);

/* The effective value as it would be written: the resolved path of files and paths, else `value` itself. Borrowed. */
const char *option_shown(const struct option *option, const void *settings, const char *value);

/* Absolute path of a file that comes with glint ("lexicons/en.tsv"): $GLINT_DATA_DIR, the share/glint beside the program's bin,
 * the conf/ of the source tree that the program was built in, GLINT_DATA_DIR as compiled in. From malloc; NULL when it is nowhere. */
char *option_data_file(const char *name);

/* Bytes of a regular file, at most max_bytes, with a NUL behind them. Frees nothing of *ret. 0 or -errno (-EFBIG) with a sentence. */
int option_read_file(const char *path, size_t max_bytes, struct option_file *ret, char *error, size_t size);

/* 0 or -EINVAL. "30s" -> ms; "64KiB" -> bytes; "1_000" -> 1000. */
int option_parse_duration(const char *text, int64_t *ret_ms);
int option_parse_size(const char *text, int64_t *ret_bytes);
int option_parse_count(const char *text, int64_t *ret);

#endif
