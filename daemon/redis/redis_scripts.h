/* The Lua scripts: what must look into Redis before it writes. Each answers an array: status, number of commands refused, text (an error,
 * or `shown`). Views need none: they are written in transactions (publisher_link.h), which cost Redis a third of what scripts do. */
#ifndef GLINT_REDIS_SCRIPTS_H
#define GLINT_REDIS_SCRIPTS_H

enum redis_script { SCRIPT_ALERTS,
	SCRIPT_TAKE_OVER,
	REDIS_SCRIPTS };

enum script_status {
	SCRIPT_DONE = 1, /* applied now, or when it was sent before */
	SCRIPT_FENCED,   /* a newer epoch is stored */
	SCRIPT_WIPED,    /* none, or an older one */
	SCRIPT_GAP,      /* the script before it was not applied */
	SCRIPT_STOPPED,  /* an error that is not this command's own came up; to be sent again */
};

/* KEYS  1 task hash; ALERTS: 2 stream, also the channel's name, 3 active hash, 4 blocked set
 * ARGV  ALERTS     epoch, seq, number of status arguments, those, MAXLEN, then per alert: argc, stream id, alert id,
 *                  JSON, state, item to block ("" none), fields and values
 *       TAKE_OVER  epoch, seq
 * Redis Cluster is not supported. */
extern const char *const redis_scripts[REDIS_SCRIPTS];

#endif
