/* glintctl: the table of commands, and the way into one. */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "ctl/lexicon.h"
#include "daemon/config/config.h"
#include "daemon/face/log.h"
#include "daemon/kafka/kafka.h"
#include "processors/processor.h"
#include "version.h"

static int lexicon_import(struct ctl *ctl)
{
	const struct arguments *a = ctl->arguments;
	char *argv[] = { "lexicon", "import", "vader", NULL, NULL, NULL };
	for (int i = 0; i < a->n_positional; i++)
		argv[3 + i] = (char *)(uintptr_t)a->positional[i];
	return ctl_lexicon(3 + a->n_positional, argv);
}

static const struct ctl_command commands[] = {
	{ .name = "topics create", .arguments = "", .run = ctl_topics_create, .help = "make the inputs and the group's topics that are missing, check the rest", .options = { { "partitions", "N", "of inputs that are made (default: as those that exist, else 4)" }, { "retention", "TIME", "of inputs that are made, like 30d; 0 (default): for ever, as replays of old events need it" } } },
	{ .name = "replay", .arguments = "FILE...", .min = 1, .max = -1, .run = ctl_replay, .help = "send events from JSON lines (.gz too, - is standard input), merged by ts, to Kafka", .options = { { "topic", "NAME", "clicks, purchases, reviews or items: what the files hold, and the input of [topics] they go to" }, { "rate", "R", "events a second (default: as fast as Kafka takes them)" }, { "speed", "X", "event time runs X times as fast as the clock" }, { "shift-to-now", NULL, "move event times so that the last event is of now" }, { "skip-bad", NULL, "count lines that cannot be sent instead of stopping at the first" } } },
	{ .name = "wait", .arguments = "", .run = ctl_wait, .help = "wait until everything sent so far is in Redis; exit code 75 if that takes too long", .options = { { "caught-up", NULL, "what to wait for (the only thing so far)" }, { "timeout", "SECONDS", "default 60" } } },
	{ .name = "recs", .arguments = "USER", .min = 1, .max = 1, .run = ctl_recs, .help = "a shopper's recommendations, with reasons" },
	{ .name = "together", .arguments = "ITEM", .min = 1, .max = 1, .run = ctl_together, .help = "what is bought and viewed with an item" },
	{ .name = "sets", .arguments = "ITEM", .min = 1, .max = 1, .run = ctl_sets, .help = "what is bought with an item and others: {ITEM, with} => item", .options = { { "top", "N", "how many (default 20)" } } },
	{ .name = "item", .arguments = "ITEM", .min = 1, .max = 1, .run = ctl_item, .help = "an item's ratings, sales, sentiment and neighbours" },
	{ .name = "predict", .arguments = "USER ITEM", .min = 2, .max = 2, .run = ctl_predict, .help = "the rating in stars that a shopper would give an item" },
	{ .name = "trending", .arguments = "[CATEGORY]", .max = 1, .run = ctl_trending, .help = "what is rising, and what is popular", .options = { { "top", "N", "how many (default 20)" } } },
	{ .name = "rules", .arguments = "", .run = ctl_rules, .help = "the strongest association rules", .options = { { "top", "N", "how many (default 20)" }, { "categories", NULL, "between the categories of orders" } } },
	{ .name = "complaints", .arguments = "[CATEGORY]", .max = 1, .run = ctl_complaints, .help = "words and pairs of words that rise in negative reviews", .options = { { "top", "N", "how many (default 20)" } } },
	{ .name = "campaign", .arguments = "[ID]", .max = 1, .run = ctl_campaign, .help = "all campaigns, or one with its last minutes", .options = { { "top", "N", "how many campaigns or minutes (default 20)" } } },
	{ .name = "alerts", .arguments = "", .run = ctl_alerts, .help = "the latest alerts", .options = { { "follow", NULL, "go on with new ones until interrupted" }, { "top", "N", "how many of the latest (default 20)" }, { "active", NULL, "only those that are firing now" }, { "lang", "en|zh", "language of the sentence (default: of LANG)" } } },
	{ .name = "stats", .arguments = "", .run = ctl_stats, .help = "processes, tasks and lag" },
	{ .name = "control exclude", .arguments = "SCOPE", .min = 1, .max = 1, .run = ctl_control_exclude, .help = "keep an item (or category:NAME, brand:NAME) out of every list, at once", .options = { { "note", "TEXT", "why, for people" } } },
	{ .name = "control boost", .arguments = "SCOPE FACTOR", .min = 2, .max = 2, .run = ctl_control_boost, .help = "multiply the scores of an item (or category:NAME, brand:NAME)", .options = { { "note", "TEXT", "why, for people" } } },
	{ .name = "control pin", .arguments = "ITEM [PLACE]", .min = 1, .max = 2, .run = ctl_control_pin, .help = "put an item into every list, first or at a place (0 is the first)", .options = { { "note", "TEXT", "why, for people" } } },
	{ .name = "control unset", .arguments = "SCOPE", .min = 1, .max = 1, .run = ctl_control_unset, .help = "take back what was decided about an item, category:NAME or brand:NAME" },
	{ .name = "control list", .arguments = "", .run = ctl_control_list, .help = "what is excluded, boosted and pinned" },
	{ .name = "experiment", .arguments = "[ID]", .max = 1, .run = ctl_experiment, .help = "the arms of an A/B test side by side, with 95 % intervals" },
	{ .name = "forget", .arguments = "USER", .min = 1, .max = 1, .run = ctl_forget, .help = "erase a shopper: state, rows, Redis keys, and contributions as far as they are known; events until now never count again" },
	{ .name = "explain", .arguments = "USER ITEM", .min = 2, .max = 2, .run = ctl_explain, .help = "every term of an item's score for a shopper, and what became of it in the list, from Kafka alone" },
	{ .name = "dump", .arguments = "", .run = ctl_dump, .help = "everything that is counted, as JSON lines, from Kafka alone" },
	{ .name = "evaluate", .arguments = "[FILE...]", .max = -1, .no_config = true, .run = ctl_evaluate, .help = "how good the models are: event files (.gz too, merged by ts) are predicted, then learnt, without Kafka or Redis", .options = { { "labelled", "FILE", "instead: lines of label TAB text, the label's sign against the text's sentiment" }, { "lang", "en|zh", "of --labelled" }, { "knn", NULL, "ratings by neighbours besides: user-user, item-item and Pearson (slow)" }, { "folds", "K", "learn what is learnt (word weights) on the rest of each of K folds" }, { "baskets", "FILE", "instead: one basket a line, items between commas (blanks, where there are none): all frequent itemsets and rules" }, { "min-support", "S", "of --baskets, as a fraction of the baskets" }, { "min-confidence", "C", "of --baskets" } } },
	{ .name = "lexicon learn", .arguments = "FILE...", .min = 1, .max = -1, .no_config = true, .run = ctl_lexicon_learn, .help = "learn weights of words from rated reviews (events; label TAB text in .tsv files), a file for [sentiment] on standard output", .options = { { "lang", "en|zh", "learn from texts of this language (default en)" }, { "licence", "TEXT", "of the files, for the head of what is written" }, { "l2", "X", "penalty: more of it learns less (default 0.02)" }, { "least", "N", "reviews that a term must stand in (default 5)" } } },
	{ .name = "lexicon import vader", .arguments = "LEXICON [EMOJI]", .min = 1, .max = 2, .no_config = true, .run = lexicon_import, .help = "convert VADER's own files to a lexicon, on standard output" },
};
#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

int ctl_fail(const struct ctl *ctl, int code, const char *format, ...)
{
	va_list ap;
	fprintf(stderr, "glintctl %s: ", ctl->arguments->command->name);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	return code;
}

const char *ctl_shopper(struct ctl *ctl, const char *user)
{
	const struct pseudonym_key *key = &ctl->config->privacy.key;
	if (!key->set || !*user)
		return user;
	pseudonym_of(key, text_of(user), ctl->shopper);
	ctl->shopper[PSEUDONYM_BYTES] = '\0';
	return ctl->shopper;
}

static int load(const struct arguments *a, struct config **ret)
{
	struct config_errors errors = { 0 };
	size_t n_names;
	const char **names = kafka_property_names(&n_names);
	struct config_request request = {
		.path = a->config,
		.sets = a->sets,
		.n_sets = a->n_sets,
		.ctl = true,
		.processors = processors,
		.n_processors = PROCESSORS,
		.check_kafka = kafka_check_property,
		.kafka_names = names,
		.n_kafka_names = n_names,
	};
	if (!request.path)
		request.path = getenv("GLINT_CONFIG");
	if (!request.path || !*request.path)
		request.path = "/etc/glint/glintd.conf";
	int r = config_load(&request, ret, &errors);
	for (size_t i = 0; i < errors.n; i++)
		fprintf(stderr, "glintctl: %s\n", errors.lines[i]);
	if (r && !errors.n)
		fprintf(stderr, "glintctl: %s: %s\n", request.path, strerror(-r));
	config_errors_done(&errors);
	kafka_property_names_free(names, n_names);
	return r ? EX_CONFIG : 0;
}

static int run(const struct arguments *a)
{
	struct ctl ctl = { .arguments = a, .json = a->json, .terminal = isatty(STDOUT_FILENO) };
	struct config *config = NULL;
	struct winsize size;
	int code = 0;

	if (ctl.terminal)
		ctl.width = !ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col ? size.ws_col : 80;
	if (!a->command->no_config)
		code = load(a, &config);
	ctl.config = config;
	if (!code)
		code = a->command->run(&ctl);
	config_destroy(config);
	if (fflush(stdout) && errno != EPIPE && !code) {
		perror("glintctl: standard output");
		code = EX_UNAVAILABLE;
	}
	return code;
}

int main(int argc, char *argv[])
{
	struct arguments a;
	char error[256] = "out of memory";
	int code = 0;

	signal(SIGPIPE, SIG_IGN);
	int r = arguments_parse(commands, N_COMMANDS, argc, argv, &a, error, sizeof(error));
	if (r) {
		fprintf(stderr, "glintctl: %s\n", error);
		code = EX_USAGE;
	} else if (a.version)
		puts("glintctl " GLINT_VERSION);
	else if (a.help)
		arguments_usage(commands, N_COMMANDS, a.command, stdout);
	else {
		/* a command says itself what is wrong; what the Kafka library says of its sockets would repeat it many times */
		log_open(a.verbose ? STDERR_FILENO : open("/dev/null", O_WRONLY | O_CLOEXEC), false, a.verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR);
		code = run(&a);
		log_close();
	}
	arguments_done(&a);
	return code;
}
