/* The JSON writer and the number formatter; see json.h. Whether a comma is due follows from the last byte written, so there is no
 * state besides the buffer. Used by every view, dump and alert. */
#include "json.h"

#include <math.h>
#include <stdio.h>

static void separate(struct buf *b)
{
	if (!b->size)
		return;
	uint8_t last = b->data[b->size - 1];
	if (last != '{' && last != '[' && last != ':' && last != ',' && last != '\n')
		buf_u8(b, ',');
}

void json_open(struct buf *b, char bracket)
{
	separate(b);
	buf_u8(b, (uint8_t)bracket);
}

void json_close(struct buf *b, char bracket)
{
	buf_u8(b, (uint8_t)bracket);
}

static void quote(struct buf *b, struct text t)
{
	static const char hex[] = "0123456789abcdef";
	buf_u8(b, '"');
	uint32_t done = 0;
	for (uint32_t i = 0; i < t.size; i++) {
		uint8_t c = (uint8_t)t.data[i];
		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		buf_bytes(b, t.data + done, i - done);
		done = i + 1;
		if (c == '"' || c == '\\') {
			buf_bytes(b, (char[]){ '\\', (char)c }, 2);
			continue;
		}
		static const char names[] = "btn\0fr"; /* of 8..13; 11 has none */
		char name = c >= 8 && c <= 13 ? names[c - 8] : 0;
		if (name)
			buf_bytes(b, (char[]){ '\\', name }, 2);
		else
			buf_bytes(b, (char[]){ '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] }, 6);
	}
	buf_bytes(b, t.data + done, t.size - done);
	buf_u8(b, '"');
}

void json_name(struct buf *b, const char *name)
{
	separate(b);
	buf_u8(b, '"');
	buf_bytes(b, name, strlen(name));
	buf_bytes(b, "\":", 2);
}

void json_member(struct buf *b, const char *name)
{
	if (!b->size)
		buf_u8(b, ',');
	json_name(b, name);
}

void json_name_text(struct buf *b, struct text name)
{
	separate(b);
	quote(b, name);
	buf_u8(b, ':');
}

void json_text(struct buf *b, struct text t)
{
	separate(b);
	if (t.data)
		quote(b, t);
	else
		buf_bytes(b, "null", 4);
}

void json_i64(struct buf *b, int64_t v)
{
	separate(b);
	b->size += (size_t)format_i64((char *)buf_room(b, 32), v);
}

void json_double(struct buf *b, double v)
{
	separate(b);
	if (isfinite(v))
		b->size += (size_t)format_double((char *)buf_room(b, 32), v, 6);
	else
		buf_bytes(b, "null", 4);
}

void json_bool(struct buf *b, bool v)
{
	separate(b);
	buf_bytes(b, v ? "true" : "false", v ? 4 : 5);
}

void json_view_open(struct buf *b, int64_t as_of, uint64_t commit)
{
	json_open(b, '{');
	json_name(b, "v");
	json_i64(b, 1);
	json_name(b, "as_of");
	json_i64(b, as_of);
	json_name(b, "commit");
	json_i64(b, (int64_t)commit);
}

static int digits_of(char *to, uint64_t v)
{
	char back[20];
	int n = 0;
	do
		back[n++] = (char)('0' + v % 10);
	while (v /= 10);
	for (int i = 0; i < n; i++)
		to[i] = back[n - 1 - i];
	return n;
}

int format_i64(char *to, int64_t v)
{
	int sign = v < 0;
	*to = '-';
	return sign + digits_of(to + sign, sign ? -(uint64_t)v : (uint64_t)v);
}

/* Layout of printf's %g: `digits` (n of them, no trailing zeros) with the first at 10^exponent. */
static int lay_out(char *to, const char *digits, int n, int exponent, int significant)
{
	char *p = to;
	if (exponent < -4 || exponent >= significant) {
		*p++ = digits[0];
		if (n > 1) {
			*p++ = '.';
			memcpy(p, digits + 1, (size_t)n - 1);
			p += n - 1;
		}
		*p++ = 'e';
		*p++ = exponent < 0 ? '-' : '+';
		int e = exponent < 0 ? -exponent : exponent;
		if (e < 10)
			*p++ = '0';
		return (int)(p - to) + digits_of(p, (uint64_t)e);
	}
	if (exponent < 0) {
		*p++ = '0';
		*p++ = '.';
		for (int i = -1; i > exponent; i--)
			*p++ = '0';
		memcpy(p, digits, (size_t)n);
		return (int)(p - to) + n;
	}
	for (int i = 0; i < n || i <= exponent; i++) {
		if (i == exponent + 1)
			*p++ = '.';
		*p++ = i < n ? digits[i] : '0';
	}
	return (int)(p - to);
}

/* %.{significant}g byte for byte, in the C locale whatever the process's is. The digits come from one multiplication by a power
 * of ten where its rounding cannot matter (nearly always), else from printf, whose digits are exact. */
int format_double(char *to, double v, int significant)
{
	static const double ten[] = { 1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
		1e19, 1e20, 1e21, 1e22 };
	if (significant < 1)
		significant = 1;
	if (significant > 17)
		significant = 17;
	char *p = to;
	if (signbit(v)) {
		*p++ = '-';
		v = -v;
	}
	if (v == 0) {
		*p++ = '0';
		return (int)(p - to);
	}
	if (!isfinite(v)) { /* no number at all: only for callers that did not ask json_double */
		memcpy(p, isnan(v) ? "nan" : "inf", 3);
		return (int)(p - to) + 3;
	}
	char digits[32];
	int n = 0, exponent = 0;
	if (significant <= 9 && v >= 1e-9 && v < 1e15) {
		exponent = ilogb(v) * 1233 >> 12; /* of ten, from that of two: right or one too small */
		int shift = significant - 1 - exponent;
		double scaled = shift >= 0 ? v * ten[shift] : v / ten[-shift];
		if (scaled >= ten[significant]) {
			exponent++, shift--;
			scaled = shift >= 0 ? v * ten[shift] : v / ten[-shift];
		}
		uint64_t whole = (uint64_t)scaled;
		double rest = scaled - (double)whole;
		bool sure = (rest < 0.4999 || rest > 0.5001) && rest > 1e-4 && rest < 1 - 1e-4;
		if (scaled == (double)whole && shift >= 0 && v == (double)whole / ten[shift])
			sure = true; /* a short decimal: the nearest double to it */
		if (sure && whole + (rest > 0.5) >= (uint64_t)ten[significant - 1] && whole + (rest > 0.5) < (uint64_t)ten[significant])
			n = digits_of(digits, whole + (rest > 0.5));
	}
	if (!n) {
		char exact[40];
		int size = snprintf(exact, sizeof(exact), "%.*e", significant - 1, v);
		int at = 0;
		for (; at < size && exact[at] != 'e'; at++)
			if (exact[at] >= '0' && exact[at] <= '9')
				digits[n++] = exact[at];
		bool negative = at + 1 < size && exact[at + 1] == '-';
		exponent = 0;
		for (int i = at + 2; i < size; i++)
			exponent = exponent * 10 + exact[i] - '0';
		if (negative)
			exponent = -exponent;
	}
	while (n > 1 && digits[n - 1] == '0')
		n--;
	return (int)(p - to) + lay_out(p, digits, n, exponent, significant);
}
