/* glintctl dump: everything that is counted, as JSON lines, from Kafka alone. */
#include "ctl/ctl.h"

int ctl_dump(struct ctl *ctl)
{
	return ctl_fail(ctl, EX_UNAVAILABLE, "not built yet");
}
