/* Sentiment alone: reviews a second on one core, as the daemon scores them (shipped lexicons and weights, default rules).
 *
 * bench_sentiment FILE LEXICON_FOLDER: FILE holds one text a line; they are cut or joined to 300 characters each. Seconds are this process's
 * CPU time, so that neighbours on the machine do not count. Prints the rules alone, then rules and learnt weights, medians of 7.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "processors/scorer.h"

enum { RUNS = 7,
	CHARACTERS = 300,
	TEXTS_MAX = 20000 };

static char *read_file(const char *folder, const char *name, size_t *ret_size)
{
	char path[4096];
	snprintf(path, sizeof(path), "%s%s%s", folder, *folder ? "/" : "", name);
	FILE *f = fopen(path, "rb");
	char *bytes = malloc(64 << 20);
	if (!f || !bytes) {
		perror(path);
		exit(1);
	}
	*ret_size = fread(bytes, 1, 64 << 20, f);
	fclose(f);
	return bytes;
}

static struct lexicon *lexicon_of(const char *folder, const char *name)
{
	struct lexicon *l = NULL;
	char error[200] = "";
	size_t size;
	char *bytes = read_file(folder, name, &size);
	if (lexicon_create(bytes, size, &l, error, sizeof(error)) < 0) {
		fprintf(stderr, "%s: %s\n", name, error);
		exit(1);
	}
	free(bytes);
	return l;
}

/* The lines one after the other, in pieces of CHARACTERS; UTF-8 is not cut within a character. */
static size_t cut_texts(char *bytes, size_t size, struct text *to)
{
	size_t n = 0, at = 0;
	for (size_t i = 0; i < size; i++)
		if (bytes[i] == '\n')
			bytes[i] = ' ';
	while (n < TEXTS_MAX && at < size) {
		size_t from = at, characters = 0;
		for (; at < size && characters < CHARACTERS; characters++)
			for (at++; at < size && ((unsigned char)bytes[at] & 0xc0) == 0x80; at++)
				;
		if (characters == CHARACTERS)
			to[n++] = (struct text){ bytes + from, (uint32_t)(at - from) };
	}
	return n;
}

static int ascending(const void *a, const void *b)
{
	return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

static void measure(const char *what, struct sentiment_scorer *scorer, const struct text *texts, size_t n)
{
	double rates[RUNS], sum = 0;
	for (int run = 0; run < RUNS; run++) {
		clock_t start = clock();
		for (size_t i = 0; i < n; i++) {
			struct sentiment_score score;
			if (!sentiment_score_text(scorer, (struct text){ NULL, 0 }, texts[i], (struct text){ NULL, 0 }, &score))
				sum += score.compound;
		}
		rates[run] = (double)n * CLOCKS_PER_SEC / (double)(clock() - start);
	}
	qsort(rates, RUNS, sizeof(rates[0]), ascending);
	printf("sentiment, %s: %.0f reviews of %d characters a second on one core (median of %d; mean score %.4f)\n", what, rates[RUNS / 2], CHARACTERS,
		RUNS, sum / RUNS / (double)n);
}

int main(int argc, char **argv)
{
	static struct text texts[TEXTS_MAX];
	struct sentiment_scorer *rules, *all;
	struct weights *weights = NULL;
	size_t size;
	if (argc != 3) {
		fprintf(stderr, "usage: bench_sentiment FILE LEXICON_FOLDER\n");
		return 64;
	}
	char *bytes = read_file("", argv[1], &size);
	size_t n = cut_texts(bytes, size, texts);
	const struct lexicon *lexicons[] = { lexicon_of(argv[2], "en.txt"), lexicon_of(argv[2], "zh.txt"), lexicon_of(argv[2], "emoji.txt") };
	char *learnt = read_file(argv[2], "en-weights.txt", &size);
	if (!n || sentiment_scorer_create(lexicons, 3, &rules) || sentiment_scorer_create(lexicons, 3, &all) ||
		weights_create(learnt, size, &weights, NULL, 0) || sentiment_scorer_weights(all, weights)) {
		fprintf(stderr, "bench_sentiment: no text, or no memory\n");
		return 1;
	}
	measure("rules alone", rules, texts, n);
	measure("rules and learnt weights", all, texts, n);
	sentiment_scorer_destroy(rules);
	sentiment_scorer_destroy(all);
	weights_destroy(weights);
	for (int i = 0; i < 3; i++)
		lexicon_destroy((struct lexicon *)(uintptr_t)lexicons[i]);
	free(learnt);
	free(bytes);
	return 0;
}
