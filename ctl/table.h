/* A table for a terminal: columns aligned by the width that characters take on it (Chinese takes two columns), numbers to the right.
 *
 * Cells are copied. What comes from events is untrusted: control characters are shown as '?', so that no value can drive the
 * terminal; bytes that are not UTF-8 likewise. Called by glintctl's commands and by tests.
 */
#ifndef GLINT_CTL_TABLE_H
#define GLINT_CTL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct table;

/* Columns are named by a list that NULL ends. NULL when out of memory; later calls then do nothing. */
struct table *table_create(const char *const *columns);
void table_destroy(struct table *t); /* NULL allowed */

/* The next cell, from left to right and top to bottom; NULL is an empty one. */
void table_cell(struct table *t, const char *text);
void table_cellf(struct table *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Prints; columns whose cells are all empty are left out, and those whose cells are all numbers are aligned right. width: columns of
 * the terminal; the widest text columns are cut until it fits; 0: nothing is cut. heading: print the columns' names. */
void table_print(const struct table *t, FILE *to, int width, bool heading);

/* Columns that a text takes. */
int text_width(const char *text);

/* Writes a text with control characters made harmless, as table_print does. */
void text_print(const char *text, FILE *to);

#endif
