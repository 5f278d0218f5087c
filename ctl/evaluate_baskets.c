/* glintctl evaluate --baskets FILE: the frequent itemsets of a file of baskets, by size, and the number of rules with one item as
 * consequent. `seconds` is the mining alone; the file is read before. See evaluate.h and processors/rules.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ctl/baskets.h"
#include "ctl/evaluate.h"
#include "processors/rules.h"

enum { SETS_MAX = 30000000 };

static int mine(struct ctl *ctl, const struct baskets *b, double support, double confidence, json_t *result)
{
	struct rules_request q = { .min_count = miner_min_count(support, b->as.n), .confidence = confidence, .max_sets = SETS_MAX };
	struct rules_result found;
	int64_t started = evaluate_now_ns();
	int r = rules_run(&b->as, &q, &found);
	double seconds = (double)(evaluate_now_ns() - started) / 1e9;
	if (r == -E2BIG)
		return ctl_fail(ctl, EX_USAGE, "more than %d frequent itemsets: ask for a greater --min-support", SETS_MAX);
	if (r == -ENOMEM)
		return ctl_fail(ctl, EX_UNAVAILABLE, "the frequent itemsets do not fit into memory: ask for a greater --min-support");
	json_t *sizes = r ? NULL : json_object();
	if (!sizes)
		return ctl_fail(ctl, EX_UNAVAILABLE, "%s", strerror(r ? -r : ENOMEM));
	for (size_t k = 1; k < RULES_SIZES && found.sets[k]; k++) {
		char size[8];
		snprintf(size, sizeof(size), "%zu", k);
		json_object_set_new(sizes, size, json_integer((json_int_t)found.sets[k]));
	}
	json_object_set_new(result, "baskets", json_integer((json_int_t)b->as.n));
	json_object_set_new(result, "min_count", json_integer(q.min_count));
	json_object_set_new(result, "itemsets", sizes);
	json_object_set_new(result, "rules", json_integer((json_int_t)found.rules));
	json_object_set_new(result, "seconds", json_real(seconds));
	return 0;
}

int evaluate_baskets(struct ctl *ctl, json_t *result)
{
	const struct arguments *a = ctl->arguments;
	double support = -1, confidence = -1;
	char error[256];
	if (arguments_number(a, "min-support", 0, 1, &support, error, sizeof(error)) ||
		arguments_number(a, "min-confidence", 0, 1, &confidence, error, sizeof(error)))
		return ctl_fail(ctl, EX_USAGE, "%s", error);
	if (!(support > 0) || confidence < 0)
		return ctl_fail(ctl, EX_USAGE, "--baskets takes --min-support (above 0, a fraction of the baskets) and --min-confidence (0 to 1)");
	struct baskets b;
	int code = 0, r = baskets_read(arguments_value(a, "baskets"), &b, error, sizeof(error));
	if (r)
		code = ctl_fail(ctl, r == -EIO || r == -ENOMEM ? EX_UNAVAILABLE : EX_USAGE, "%s", error);
	else if (!b.as.n)
		code = ctl_fail(ctl, EX_USAGE, "%s: there is no basket in it", arguments_value(a, "baskets"));
	else
		code = mine(ctl, &b, support, confidence, result);
	baskets_done(&b);
	return code;
}
