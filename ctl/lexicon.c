/* See lexicon.h. */
#include "ctl/lexicon.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "processors/lexicon.h"

/* vaderSentiment 3.3.2's degree words (+-0.293), negations and special cases. */
static const char *const boosters[] = { "absolutely", "amazingly", "awfully", "completely", "considerable", "considerably", "decidedly", "deeply",
	"effing", "enormous", "enormously", "entirely", "especially", "exceptional", "exceptionally", "extreme", "extremely", "fabulously",
	"flippin", "flipping", "frackin", "fracking", "frickin", "fricking", "friggin", "frigging", "fuckin", "fucking", "fuggin", "fugging",
	"fully", "greatly", "hella", "highly", "hugely", "incredible", "incredibly", "intensely", "major", "majorly", "more", "most",
	"particularly", "purely", "quite", "really", "remarkably", "so", "substantially", "thoroughly", "total", "totally", "tremendous",
	"tremendously", "uber", "unbelievably", "unusually", "utter", "utterly", "very", NULL };
static const char *const dampeners[] = { "almost", "barely", "hardly", "just enough", "kind of", "kind-of", "kinda", "kindof", "less", "little",
	"marginal", "marginally", "occasional", "occasionally", "partly", "scarce", "scarcely", "slight", "slightly", "somewhat", "sort of",
	"sort-of", "sorta", "sortof", NULL };
static const char *const negations[] = { "ain't", "aint", "aren't", "arent", "can't", "cannot", "cant", "couldn't", "couldnt", "daren't", "darent",
	"despite", "didn't", "didnt", "doesn't", "doesnt", "don't", "dont", "hadn't", "hadnt", "hasn't", "hasnt", "haven't", "havent",
	"isn't", "isnt", "mightn't", "mightnt", "mustn't", "mustnt", "needn't", "neednt", "neither", "never", "none", "nope", "nor", "not",
	"nothing", "nowhere", "oughtn't", "oughtnt", "rarely", "seldom", "shan't", "shant", "shouldn't", "shouldnt", "uh-uh", "uhuh", "wasn't",
	"wasnt", "weren't", "werent", "without", "won't", "wont", "wouldn't", "wouldnt", NULL };
static const struct {
	const char *words;
	double valence;
} idioms[] = { { "bad ass", 1.5 }, { "badass", 1.5 }, { "beating heart", 3.5 }, { "bus stop", 0 }, { "kiss of death", -1.5 }, { "the bomb", 3 },
	{ "the shit", 3 }, { "to die for", 3 }, { "yeah right", -2 } };

struct row {
	char *term, *value; /* slices of the file, ended with 0 */
	size_t line;
};

struct rows {
	struct row *rows;
	size_t n;
};

static int by_term_then_line(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int c = strcmp(x->term, y->term);
	return c ? c : x->line < y->line ? -1
					 : 1;
}

static int by_line(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	return x->line < y->line ? -1 : x->line > y->line;
}

static int read_all(FILE *in, char **ret, size_t *ret_size)
{
	size_t size = 0, room = 0, n;
	char *bytes = NULL;
	do {
		if (size + 1 >= room) {
			char *more = realloc(bytes, room = room ? 2 * room : 65536);
			if (!more) {
				free(bytes);
				return -ENOMEM;
			}
			bytes = more;
		}
		n = fread(bytes + size, 1, room - size - 1, in);
		size += n;
	} while (n > 0);
	if (ferror(in)) {
		free(bytes);
		return -EIO;
	}
	bytes[size] = 0;
	*ret = bytes;
	*ret_size = size;
	return 0;
}

/* Lines "term TAB value [TAB ...]", blanks around a line dropped. Of a term that stands more than once the last counts, as in the original. */
static int split_rows(char *bytes, size_t size, struct rows *ret, char *error, size_t error_size)
{
	static const char blanks[] = " \t\r\n\v\f";
	size_t lines = 1;
	for (size_t i = 0; i < size; i++)
		lines += bytes[i] == '\n';
	struct rows r = { calloc(lines, sizeof(struct row)), 0 };
	if (!r.rows)
		return -ENOMEM;
	char *at = bytes;
	for (size_t line = 1; at; line++) {
		char *next = strchr(at, '\n');
		if (next)
			*next++ = 0;
		at += strspn(at, blanks);
		for (size_t n = strlen(at); n > 0 && strchr(blanks, at[n - 1]); n--)
			at[n - 1] = 0;
		char *tab = strchr(at, '\t');
		if (*at && !tab) {
			snprintf(error, error_size, "line %zu: expected 'term TAB value'", line);
			free(r.rows);
			return -EINVAL;
		}
		if (*at) {
			*tab++ = 0;
			tab[strcspn(tab, "\t")] = 0;
			r.rows[r.n++] = (struct row){ at, tab, line };
		}
		at = next;
	}
	qsort(r.rows, r.n, sizeof(struct row), by_term_then_line);
	size_t kept = 0;
	for (size_t i = 0; i < r.n; i++)
		if (i + 1 == r.n || strcmp(r.rows[i].term, r.rows[i + 1].term) != 0)
			r.rows[kept++] = r.rows[i];
	r.n = kept;
	qsort(r.rows, r.n, sizeof(struct row), by_line);
	*ret = r;
	return 0;
}

static int import_rows(FILE *in, const char *section, FILE *out, char *error, size_t error_size)
{
	char *bytes = NULL;
	size_t size = 0;
	struct rows rows = { 0 };
	int r = read_all(in, &bytes, &size);
	if (r < 0) {
		snprintf(error, error_size, "%s", strerror(-r));
		return r;
	}
	r = split_rows(bytes, size, &rows, error, error_size);
	if (r == 0) {
		fprintf(out, "\n[%s]\n", section);
		for (size_t i = 0; i < rows.n; i++)
			fprintf(out, "%s%s\t%s\n", strchr("#@[\\", rows.rows[i].term[0]) ? "\\" : "", rows.rows[i].term, rows.rows[i].value);
	}
	free(rows.rows);
	free(bytes);
	return r;
}

static void write_list(FILE *out, const char *const *list, const char *value)
{
	for (; *list; list++)
		fprintf(out, "%s%s\n", *list, value);
}

int lexicon_import_vader(FILE *lexicon, FILE *emoji, FILE *out, char *error, size_t error_size)
{
	fprintf(out, "# VADER's lexicon (Hutto & Gilbert, ICWSM 2014; MIT licence), imported by glintctl lexicon import vader\n"
		     "@language en\n@rules vader\n@weights off\n");
	int r = import_rows(lexicon, "words", out, error, error_size);
	if (r < 0)
		return r;
	fprintf(out, "\n[boosters]\n");
	write_list(out, boosters, "\t0.293");
	write_list(out, dampeners, "\t-0.293");
	fprintf(out, "\n[negations]\n");
	write_list(out, negations, "");
	fprintf(out, "\n[idioms]\n");
	for (size_t i = 0; i < sizeof(idioms) / sizeof(*idioms); i++)
		fprintf(out, "%s\t%g\n", idioms[i].words, idioms[i].valence);
	if (emoji && (r = import_rows(emoji, "emoji", out, error, error_size)) < 0)
		return r;
	return fflush(out) == 0 && !ferror(out) ? 0 : -EIO;
}

/* What was written must be readable: the daemon's own reader has the last word, so that a bad list is refused here. */
static int import(FILE *lexicon, FILE *emoji, char *error, size_t error_size)
{
	char *bytes = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&bytes, &size);
	if (!out)
		return -ENOMEM;
	int r = lexicon_import_vader(lexicon, emoji, out, error, error_size);
	if (fclose(out) != 0 && r == 0)
		r = -ENOMEM;
	struct lexicon *check = NULL;
	char sentence[200] = "";
	if (r == 0 && (r = lexicon_create(bytes, size, &check, sentence, sizeof(sentence))) < 0)
		snprintf(error, error_size, "of the result, %s", sentence);
	if (r == 0 && (fwrite(bytes, 1, size, stdout) != size || fflush(stdout) != 0)) {
		r = -EIO;
		snprintf(error, error_size, "cannot write: %s", strerror(errno));
	}
	lexicon_destroy(check);
	free(bytes);
	return r;
}

int ctl_lexicon(int argc, char **argv)
{
	if (argc < 4 || argc > 5 || strcmp(argv[1], "import") != 0 || strcmp(argv[2], "vader") != 0) {
		fprintf(stderr, "usage: glintctl lexicon import vader LEXICON [EMOJI] > FILE\n"
				"  LEXICON  VADER's vader_lexicon.txt, or a list in its form: term TAB valence\n"
				"  EMOJI    VADER's emoji_utf8_lexicon.txt: emoji TAB what it shows\n");
		return EX_USAGE;
	}
	char error[256] = "";
	FILE *emoji = NULL, *lexicon = fopen(argv[3], "r");
	int r = lexicon ? 0 : -errno;
	const char *failed = argv[3];
	if (r == 0 && argc == 5 && !(emoji = fopen(argv[4], "r"))) {
		r = -errno;
		failed = argv[4];
	}
	if (r < 0)
		fprintf(stderr, "glintctl: %s: %s\n", failed, strerror(-r));
	else if ((r = import(lexicon, emoji, error, sizeof(error))) < 0)
		fprintf(stderr, "glintctl: %s: %s\n", argv[3], error[0] ? error : strerror(-r));
	if (emoji)
		fclose(emoji);
	if (lexicon)
		fclose(lexicon);
	return r == 0 ? EX_OK : EX_CONFIG;
}
