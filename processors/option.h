/* One row per setting: the table type that the daemon and its processors describe their settings with.
 *
 * A table is a `static const struct option[]`; a row says name, type, place in the settings struct, default, range and help. The
 * daemon (daemon/config/option.h) parses the text of a row's value into the settings struct at `offset`; check, dump and the
 * reference configuration come from the same rows. This file is types only: processors read their settings struct and never parse.
 *
 *	struct itemsets_settings {
 *		int64_t window_ms;
 *	};
 *	static const struct option options[] = {
 *		{ "window", OPTION_DURATION, OPTION_AT(itemsets_settings, window_ms), .value = "30d", .min = "1h", .max = "3650d",
 *		  .zero = "for ever", .help = "Pairs are counted over this much event time." },
 *	};
 */
#ifndef GLINT_OPTION_H
#define GLINT_OPTION_H

#include <stddef.h>
#include <stdint.h>

/* The type of the field at `offset`, and how its value is written. */
enum option_type {
	OPTION_DURATION, /* int64_t, ms; written 200ms 30s 5min 12h 30d; a bare number only when it is 0 */
	OPTION_COUNT,    /* int64_t; written 1000, 1_000_000, -1 */
	OPTION_SIZE,     /* int64_t, bytes; written 512 64KiB 16MiB 2GiB */
	OPTION_REAL,     /* double, finite; written 0.5 */
	OPTION_BOOL,     /* bool; written on off, yes no, true false */
	OPTION_TEXT,     /* char *, owned by the settings; "" when empty, never NULL */
	OPTION_CHOICE,   /* int: index into `choices` */
	OPTION_FILE,     /* struct option_file: the daemon reads the file's bytes */
	OPTION_PATH      /* char *: a path made absolute, not opened; "" when empty */
};

/* A file named by an option, already read. Empty option: path "" and data NULL. Owned by the settings. */
struct option_file {
	char *path;  /* as found, absolute where it can be; for messages */
	char *data;  /* size bytes and a NUL behind them */
	size_t size; /* <= OPTION_FILE_MAX_BYTES */
};
#define OPTION_FILE_MAX_BYTES ((size_t)64 << 20)

#define OPTION_REQUIRED 1u /* no default: leaving it out is an error */
#define OPTION_SECRET 2u   /* the value is masked wherever it is shown */
/* A reload may change it in a running glintd. Only for what decides nothing that a restore would decide again from the log: how often,
 * how much at most, how things are shown; of the user stage also what goes into deltas, which are decided once. In the daemon's own
 * tables: numbers only. */
#define OPTION_LIVE 4u

struct option {
	const char *name; /* lower case, may have dots */
	enum option_type type;
	size_t offset, size; /* place in the settings struct: OPTION_AT() */
	const char *value;   /* default, written as in the file; NULL means "" (numbers: 0) */
	const char *min, *max; /* inclusive range, written as values; NULL: no bound. TEXT: ignored */
	const char *zero;    /* what 0 means, when 0 is allowed besides min..max; NULL: it is not */
	const char *unit;    /* of a COUNT or REAL, for messages ("items", "stars"); NULL: none */
	const char *choices; /* OPTION_CHOICE: "first|second|third" in the order of the enum */
	const char *help;    /* one or two sentences, as the reference configuration says it */
	unsigned flags;      /* OPTION_REQUIRED | OPTION_SECRET | OPTION_LIVE */
};

/* The two fields offset and size of `struct settings`' member. */
#define OPTION_AT(settings, member) offsetof(struct settings, member), sizeof(((struct settings *)0)->member)

#define OPTION_N(options) (sizeof(options) / sizeof((options)[0]))

#endif
