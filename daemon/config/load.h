/* What the parts of config_load share; for daemon/config/ alone. */
#ifndef GLINT_CONFIG_LOAD_H
#define GLINT_CONFIG_LOAD_H

#include "daemon/config/config.h"

/* One setting as it was written, before it is understood. */
struct raw {
	char *section, *name, *value;
	char *origin; /* "glintd.conf:12" or "--set" */
	int line;     /* LINE_SET for --set */
	bool used;
};

struct raw_section { /* a header of the file */
	char *name, *origin;
	int line;
};

/* Errors come in the order of the file, then those of --set, then what is missing. */
#define LINE_SET (1 << 30)
#define LINE_NONE (LINE_SET + 1)
#define LOAD_ERRORS 200 /* kept; the rest are counted */

struct load_error {
	int line;
	size_t nth;
	char *text;
};

struct load {
	const struct config_request *request;
	struct config *config;
	char *folder; /* of the file; NULL: none */
	struct raw *raws;
	size_t n_raws;
	struct raw_section *sections;
	size_t n_sections;
	struct load_error *errors;
	size_t n_errors, n_more_errors;
	bool no_memory;
};

/* What config.h hides. */
struct config_more {
	const struct processor *const *processors; /* borrowed */
	size_t n_processors;
	void **settings;   /* by index of processors */
	bool *set_up;
	struct raw *raws;  /* texts that kafka's properties and the maps borrow */
	size_t n_raws;
	char **texts;      /* further ones */
	size_t n_texts;
};

/* The next of some words that are joined by commas and spaces; false: there are no more. */
bool config_next_word(const char **at, struct text *ret);

/* One more error. origin NULL: the file as a whole. load_error_at: where the option was set, or the file when it was not. */
void load_error(struct load *l, int line, const char *origin, const char *format, ...) __attribute__((format(printf, 4, 5)));
void load_error_at(struct load *l, const char *section, const char *name, const char *format, ...) __attribute__((format(printf, 4, 5)));
struct raw *load_find(struct load *l, const char *section, const char *name); /* NULL: not written */
void load_entry(struct load *l, const char *section, const char *name, const char *value, const char *origin, bool secret);
/* Keeps a text until config_destroy; takes it. NULL stays NULL and is noted as out of memory. */
char *load_keep(struct load *l, char *text);

/* gather.c */
void load_file(struct load *l);
void load_set(struct load *l, const char *text);
void load_raw_done(struct raw *r);

/* check.c: of sections that were read without error */
void load_check_topics(struct load *l);
void load_check_redis(struct load *l);
void load_check_privacy(struct load *l);
void load_check_off(struct load *l);   /* glint.off is there */
void load_check_glint(struct load *l); /* sets the instance and, with --embedded, the guarantee too */

/* names.c: after all sections */
void load_check_names(struct load *l);

extern const char *const config_topic_words[EVENT_KINDS]; /* "clicks", ... */

/* passthrough.c: [kafka], whose names are librdkafka's. */
void load_kafka(struct load *l);

/* Host and unit name; from malloc, NULL without memory. */
char *config_default_instance(void);

#endif
