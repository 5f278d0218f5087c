/* What the fuzz targets share: an assertion that the fuzzer sees, settings of all processors at their defaults. A target
 * is run by tests/fuzz/run.sh (`make fuzz`). */
#ifndef GLINT_FUZZ_H
#define GLINT_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/config/config.h"
#include "processors/processor.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void must(bool true_or_not)
{
	if (!true_or_not)
		abort();
}

/* Defaults of every processor; lives as long as the program. */
static inline void fuzz_settings(void *settings[PROCESSORS])
{
	static const char *const sets[] = { "topics.clicks=c" };
	struct config_request request = { .embedded = true, .sets = sets, .n_sets = 1, .processors = processors, .n_processors = PROCESSORS };
	struct config *config = NULL;
	struct config_errors errors = { 0 };
	if (config_load(&request, &config, &errors)) {
		fprintf(stderr, "%s\n", errors.n ? errors.lines[0] : "?");
		exit(1);
	}
	for (int p = 0; p < PROCESSORS; p++)
		settings[p] = (void *)(uintptr_t)config_settings(config, processors[p]->name);
	static struct config *kept; /* reachable, so that it is no leak */
	kept = config;
	(void)kept;
}

#endif
