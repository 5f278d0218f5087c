/* What of a text points to a person by its form: addresses, links, numbers, ids of messengers. Called by excerpt.c alone; excerpt.h says what goes. */
#ifndef GLINT_EXCERPT_TAKE_H
#define GLINT_EXCERPT_TAKE_H

#include "excerpt.h"

/* The text while it is looked through: out[i] says that byte i goes. */
struct look {
	size_t n;
	char s[EXCERPT_WORDS_BYTES];
	bool out[EXCERPT_WORDS_BYTES]; /* the first n are set */
};

static inline bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline void take(struct look *l, size_t from, size_t to)
{
	for (; from < to; from++)
		l->out[from] = true;
}

void take_written(struct look *l);   /* addresses and hosts whose signs are written out */
void take_addresses(struct look *l); /* of mail; @names */
void take_links(struct look *l);
void take_numbers(struct look *l);
void take_codes(struct look *l); /* AB12345; what is said to be an order's number */
void take_messengers(struct look *l);

#endif
