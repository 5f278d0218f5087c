/* Lists of windows in options: "2h 4h 1d", rising. Called by setup() of spike and campaign. */
#ifndef GLINT_WINDOWS_H
#define GLINT_WINDOWS_H

#include <stdint.h>

/* The durations of `list` (min, h, d; blanks between them) as whole panes, those of a pane at least and shorter than `below_ms`. How many
 * ret[most] got; -EINVAL: not such a list, not rising, or too long. */
int windows_parse(const char *list, int64_t pane_ms, int64_t below_ms, int most, int64_t *ret);

#endif
