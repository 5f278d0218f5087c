/* Scores lines of standard input, for the tests in Python: `score_lines LEXICON` prints "compound pos neu neg" a line under VADER's
 * rules; `score_lines --scorer LEXICON...` prints the compound (or "none") of the whole front, a line being [lang TAB] [title TAB] text. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "processors/lexicon.h"
#include "processors/scorer.h"
#include "processors/vader.h"

static struct lexicon *load(const char *path)
{
	static char bytes[8 << 20];
	char error[256] = "cannot read";
	struct lexicon *lexicon = NULL;
	FILE *f = fopen(path, "r");
	size_t size = f ? fread(bytes, 1, sizeof(bytes), f) : 0;
	if (!f || lexicon_create(bytes, size, &lexicon, error, sizeof(error)) < 0) {
		fprintf(stderr, "%s: %s\n", path, error);
		exit(1);
	}
	fclose(f);
	return lexicon;
}

static struct text take(char **line, size_t *size) /* up to the first tab; absent without one */
{
	char *tab = memchr(*line, '\t', *size);
	if (!tab)
		return (struct text){ NULL, 0 };
	struct text t = { *line, (uint32_t)(tab - *line) };
	*size -= t.size + 1;
	*line = tab + 1;
	return t;
}

int main(int argc, char **argv)
{
	const struct lexicon *lexicons[8];
	size_t n = 0;
	int front = argc > 1 && strcmp(argv[1], "--scorer") == 0;
	for (int i = 1 + front; i < argc && n < 8; i++)
		lexicons[n++] = load(argv[i]);
	struct vader *vader = NULL;
	struct sentiment_scorer *scorer = NULL;
	if (n == 0 || vader_create(&vader) < 0 || sentiment_scorer_create(lexicons, n, &scorer) < 0) {
		fprintf(stderr, "usage: score_lines LEXICON | score_lines --scorer LEXICON...\n");
		return 1;
	}
	char *buffer = NULL;
	size_t room = 0;
	ssize_t got;
	while ((got = getline(&buffer, &room, stdin)) >= 0) {
		char *line = buffer;
		size_t size = (size_t)got - (got > 0 && buffer[got - 1] == '\n');
		struct sentiment_score s;
		if (front) {
			struct text lang = take(&line, &size), title = take(&line, &size);
			struct text text = { line, (uint32_t)size };
			if (sentiment_score_text(scorer, title, text, lang, &s) == 0)
				printf("%.4f\n", s.compound);
			else
				printf("none\n");
			continue;
		}
		s = vader_score(vader, lexicons[0], (struct text){ line, (uint32_t)size });
		printf("%.4f %.3f %.3f %.3f\n", s.compound, s.pos, s.neu, s.neg);
	}
	free(buffer);
	sentiment_scorer_destroy(scorer);
	vader_destroy(vader);
	for (size_t i = 0; i < n; i++)
		lexicon_destroy((struct lexicon *)lexicons[i]);
	return 0;
}
