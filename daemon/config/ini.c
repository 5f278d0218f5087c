#include "daemon/config/ini.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct source {
	const char *at, *end;
	int line;        /* the one being read */
	bool inside;     /* of a line whose beginning was given already */
	char *section;   /* capacity: the longest line */
	const struct ini_calls *calls;
	void *to;
};

static void trim(char *s)
{
	size_t n = strlen(s), blank = strspn(s, " \t");
	while (n > blank && isspace((unsigned char)s[n - 1]))
		n--;
	memmove(s, s + blank, n - blank);
	s[n - blank] = 0;
}

/* First of the characters, or the end of the line or of what is before a comment. */
static const char *find(const char *p, const char *end, const char *characters)
{
	bool blank = false;
	for (; p < end && !strchr(characters, *p) && !(blank && *p == ';'); p++)
		blank = isspace((unsigned char)*p);
	return p < end && strchr(characters, *p) ? p : end;
}

/* libinih says only where the first bad line is, and nothing of sections: the line is looked at before it goes there. */
static void look(struct source *s, const char *p, const char *end)
{
	if (s->line == 1 && end - p >= 3 && !memcmp(p, "\xef\xbb\xbf", 3))
		p += 3;
	while (p < end && isspace((unsigned char)*p))
		p++;
	if (p == end || *p == ';' || *p == '#')
		return;
	if (*p == '[') {
		const char *close = find(p + 1, end, "]");
		if (close == end) {
			s->calls->wrong(s->to, s->line, "a section's name ends with ']': [kafka]");
			return;
		}
		memcpy(s->section, p + 1, (size_t)(close - p - 1));
		s->section[close - p - 1] = 0;
		trim(s->section);
		s->calls->section(s->to, s->section, s->line);
		for (close++; close < end && isspace((unsigned char)*close); close++)
			;
		if (close < end && *close != ';' && *close != '#')
			s->calls->wrong(s->to, s->line, "nothing but a comment goes behind a section's ']'");
	} else {
		const char *equals = find(p, end, "=:");
		if (equals == end)
			s->calls->wrong(s->to, s->line, "neither [section] nor name = value; a comment starts with ';' or '#'");
		else if (equals == p)
			s->calls->wrong(s->to, s->line, "the name before '=' is missing");
	}
}

/* As fgets. Leading blanks are left out, so that an indented line is not taken for the continuation of the one above. */
static char *next(char *to, int room, void *stream)
{
	struct source *s = stream;
	if (s->at == s->end || room < 2)
		return NULL;
	const char *stop = memchr(s->at, '\n', (size_t)(s->end - s->at));
	const char *end = stop ? stop + 1 : s->end;

	if (!s->inside) {
		s->line++;
		look(s, s->at, end);
		while (s->at < end - 1 && (*s->at == ' ' || *s->at == '\t'))
			s->at++;
	}
	size_t n = (size_t)(end - s->at);
	if (n > (size_t)room - 1)
		n = (size_t)room - 1;
	memcpy(to, s->at, n);
	to[n] = 0;
	s->at += n;
	s->inside = s->at < end;
	return to;
}

static int pair(void *to, const char *section, const char *name, const char *value)
{
	struct source *s = to;
	(void)section; /* cut by libinih at 49 bytes; ours is whole */
	if (name && *name)
		s->calls->pair(s->to, s->section, name, value ? value : "", s->line);
	return 1;
}

int ini_read(const char *text, size_t size, const struct ini_calls *calls, void *to)
{
	size_t longest = 0;
	int line = 1, r;

	for (const char *p = text, *end = text + size; p < end; line++) {
		const char *stop = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((stop ? stop : end) - p);
		if (n > INI_LINE_BYTES || memchr(p, 0, n)) {
			calls->wrong(to, line, n > INI_LINE_BYTES ? "the line is longer than 65536 bytes" : "the line holds a zero byte: not a text file");
			return 0;
		}
		longest = n > longest ? n : longest;
		p += n + (stop != NULL);
	}
	struct source s = { .at = text, .end = text + size, .section = calloc(1, longest + 1), .calls = calls, .to = to };
	if (!s.section)
		return -ENOMEM;
	/* The default splits lines at 200 bytes without a word. */
	ini_use_stack = false;
	ini_allow_realloc = true;
	ini_allow_multiline = false;
	ini_initial_alloc = ini_max_line = (int)longest + 4;
	r = ini_parse_stream(next, &s, pair, &s);
	free(s.section);
	return r == -2 ? -ENOMEM : 0;
}
