/* A small JSON writer into a struct buf: no allocation of its own, no reading. Commas are set by the writer.
 *
 *   json_open(b, '{'); json_name(b, "n"); json_i64(b, 3); json_name(b, "items"); json_open(b, '['); ... json_close(b, ']'); json_close(b, '}');
 */
#ifndef GLINT_JSON_H
#define GLINT_JSON_H

#include "buf.h"

void json_open(struct buf *b, char bracket);          /* '{' or '[' */
void json_close(struct buf *b, char bracket);         /* '}' or ']' */
void json_name(struct buf *b, const char *name);      /* plain ASCII, not escaped */
void json_name_text(struct buf *b, struct text name); /* escaped */
void json_member(struct buf *b, const char *name);    /* ,"name": with its comma even where the buffer begins: for dump_ctx.fields */
void json_text(struct buf *b, struct text t);         /* escaped; absent = null. t must be valid UTF-8 */
void json_i64(struct buf *b, int64_t v);
void json_double(struct buf *b, double v); /* 6 significant digits; not finite = null */
void json_bool(struct buf *b, bool v);

/* Starts an object with the members every JSON value in Redis carries: {"v":1,"as_of":...,"commit":... */
void json_view_open(struct buf *b, int64_t as_of, uint64_t commit);

/* Number to text without locale: at most 32 bytes written, no terminating zero; returns how many. */
int format_i64(char *to, int64_t v);
int format_double(char *to, double v, int significant);

#endif
