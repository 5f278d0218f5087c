/* SIGHUP: the configuration is read anew and either taken over whole or left alone, with the reason; see loop.h and config_reload.
 *
 * On the loop's thread, between two rounds: nobody sees half of it. It costs what reading the files costs; lexicons take the longest.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/face/log.h"
#include "daemon/loop.h"

enum { LINES_SHOWN = 10 };

static void refused(struct loop *l, const struct config_errors *why, int rc)
{
	const char *first = rc == -ENOMEM || !why->n ? "out of memory" : why->lines[0];
	for (size_t i = 0; i < why->n && i < LINES_SHOWN; i++)
		log_error(NULL, "%s", why->lines[i]);
	log_error(NULL, "reload refused, nothing has changed: %zu %s", why->n ? why->n : 1, why->n > 1 ? "errors" : "error");
	if (why->n > 1)
		snprintf(l->reload.refused, sizeof(l->reload.refused), "%.160s, and %zu more", first, why->n - 1);
	else
		snprintf(l->reload.refused, sizeof(l->reload.refused), "%.190s", first);
	report_reload(l, RELOAD_REFUSED);
}

/* What the loop has copied from the configuration. */
static void take_over(struct loop *l)
{
	const struct config_glint *g = &l->config->glint;
	log_set_level((enum log_level)g->log_level);
	l->engine->rules.max_users = (uint64_t)g->max_users;
	l->engine->rules.max_items = (uint64_t)g->max_items;
	l->bound_bytes = loop_bound_bytes(l->config);
	l->refresh.changed_ms = l->wall_ms; /* views may look otherwise now: all are shown again, at rest */
}

void reload_round(struct loop *l)
{
	struct config *fresh = NULL;
	struct config_errors lines = { 0 };
	int asked = *l->reload.asked;
	if (asked == l->reload.seen)
		return;
	l->reload.seen = asked;
	if (l->notify.ready)
		notify_reloading();
	int rc = l->reload.load(l->reload.to, &fresh, &lines);
	if (rc == 0)
		rc = config_reload(l->reload.running, fresh, &lines);
	if (rc < 0) {
		refused(l, &lines, rc);
	} else {
		if (lines.n)
			take_over(l);
		l->reload.refused[0] = '\0';
		for (size_t i = 0; i < lines.n; i++)
			log_info(NULL, "%s", lines.lines[i]);
		log_info(NULL, "reloaded: %zu %s in force", lines.n, lines.n == 1 ? "change is" : "changes are");
		report_reload(l, rc ? RELOAD_APPLIED : RELOAD_UNCHANGED);
	}
	if (l->notify.ready)
		notify_ready("%s%s", rc < 0 ? "reload refused, nothing has changed: " : "reloaded", l->reload.refused);
	config_errors_done(&lines);
	config_destroy(fresh);
}
