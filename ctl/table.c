/* Prints aligned tables. See table.h. */
#include "ctl/table.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

struct table {
	int columns;
	size_t n, capacity; /* cells, the heading included */
	char **cells;
};

#define GAP 2
#define COLUMN_MIN 8 /* no column is cut below */

/* One code point; bad or harmful ones become '?'. Returns bytes taken; *ret_width columns. */
static size_t next(const char *s, size_t left, int32_t *ret_point, int *ret_width)
{
	utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)s, (utf8proc_ssize_t)left, ret_point);
	if (n <= 0) {
		*ret_point = '?';
		*ret_width = 1;
		return 1;
	}
	int32_t p = *ret_point;
	utf8proc_category_t c = utf8proc_category(p);
	/* control, and what turns the direction of the line (bidirectional overrides and isolates) */
	if (c == UTF8PROC_CATEGORY_CC || (p >= 0x202a && p <= 0x202e) || (p >= 0x2066 && p <= 0x2069)) {
		*ret_point = '?';
		*ret_width = 1;
	} else
		*ret_width = utf8proc_charwidth(p);
	return (size_t)n;
}

int text_width(const char *text)
{
	int width = 0, w;
	int32_t point;
	for (size_t left = strlen(text); left;) {
		size_t n = next(text, left, &point, &w);
		width += w;
		text += n;
		left -= n;
	}
	return width;
}

/* Writes at most `limit` columns, the last of which is then an ellipsis; returns the columns written. */
static int print_cut(const char *text, int limit, FILE *to)
{
	bool cut = text_width(text) > limit;
	int width = 0, w;
	int32_t point;
	utf8proc_uint8_t bytes[4] = { 0 };

	for (size_t left = strlen(text); left;) {
		size_t n = next(text, left, &point, &w);
		if (cut && width + w > limit - 1) {
			fputs("…", to);
			return width + 1;
		}
		fwrite(bytes, 1, (size_t)utf8proc_encode_char(point, bytes), to);
		width += w;
		text += n;
		left -= n;
	}
	return width;
}

void text_print(const char *text, FILE *to)
{
	print_cut(text, INT32_MAX, to);
}

struct table *table_create(const char *const *columns)
{
	struct table *t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	while (columns[t->columns])
		t->columns++;
	for (int i = 0; i < t->columns; i++)
		table_cell(t, columns[i]);
	return t;
}

void table_destroy(struct table *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n; i++)
		free(t->cells[i]);
	free(t->cells);
	free(t);
}

void table_cell(struct table *t, const char *text)
{
	if (!t)
		return;
	if (t->n == t->capacity) {
		size_t more = t->capacity ? t->capacity * 2 : 64;
		char **cells = realloc(t->cells, more * sizeof(*cells));
		if (!cells)
			return;
		t->cells = cells;
		t->capacity = more;
	}
	t->cells[t->n] = strdup(text ? text : "");
	if (t->cells[t->n])
		t->n++;
}

void table_cellf(struct table *t, const char *format, ...)
{
	char text[512];
	va_list ap;
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	table_cell(t, text);
}

static bool is_number(const char *s)
{
	size_t n = strspn(s, "+-0123456789.,e%");
	return !s[n] && strpbrk(s, "0123456789");
}

struct shape {
	int width;
	bool right, shown;
};

static void measure(const struct table *t, struct shape *shapes, bool heading)
{
	for (int c = 0; c < t->columns; c++) {
		struct shape *s = &shapes[c];
		*s = (struct shape){ 0, true, false };
		for (size_t i = (size_t)(t->columns + c); i < t->n; i += (size_t)t->columns) {
			int w = text_width(t->cells[i]);
			if (!w)
				continue;
			s->shown = true;
			s->right = s->right && is_number(t->cells[i]);
			s->width = w > s->width ? w : s->width;
		}
		if (s->shown && heading && text_width(t->cells[c]) > s->width)
			s->width = text_width(t->cells[c]);
	}
}

static void fit(const struct table *t, struct shape *shapes, int width)
{
	for (;;) {
		int total = -GAP, widest = -1;
		for (int c = 0; c < t->columns; c++) {
			if (!shapes[c].shown)
				continue;
			total += shapes[c].width + GAP;
			if (!shapes[c].right && (widest < 0 || shapes[c].width > shapes[widest].width))
				widest = c;
		}
		if (total <= width || widest < 0 || shapes[widest].width <= COLUMN_MIN)
			return;
		int less = shapes[widest].width - (total - width);
		shapes[widest].width = less > COLUMN_MIN ? less : COLUMN_MIN;
	}
}

void table_print(const struct table *t, FILE *to, int width, bool heading)
{
	if (!t || t->n <= (size_t)t->columns)
		return;
	struct shape *shapes = calloc((size_t)t->columns, sizeof(*shapes));
	if (!shapes)
		return;
	measure(t, shapes, heading);
	if (width > 0)
		fit(t, shapes, width);
	for (size_t row = heading ? 0 : (size_t)t->columns; row < t->n; row += (size_t)t->columns) {
		int at = 0, start = 0; /* where the line stands, and where the column begins */
		for (int c = 0; c < t->columns && row + (size_t)c < t->n; c++) {
			const char *cell = t->cells[row + (size_t)c];
			const struct shape *s = &shapes[c];
			if (!s->shown)
				continue;
			int w = text_width(cell);
			w = w > s->width ? s->width : w;
			int from = start + (s->right ? s->width - w : 0);
			if (w) {
				fprintf(to, "%*s", from - at, "");
				at = from + print_cut(cell, s->width, to);
			}
			start += s->width + GAP;
		}
		fputc('\n', to);
	}
	free(shapes);
}
