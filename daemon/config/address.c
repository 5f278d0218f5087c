#include "daemon/config/address.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "daemon/config/config.h"

static const char redis_form[] = "allowed: redis://host:port/db, redis://user@host:port/db or unix:///path?db=0";

static int refuse(char *error, size_t size, const char *what)
{
	snprintf(error, size, "%s; %s", what, redis_form);
	return -EINVAL;
}

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : tolower((unsigned char)c) >= 'a' && tolower((unsigned char)c) <= 'f' ? tolower((unsigned char)c) - 'a' + 10 : -1;
}

/* Copy with %XX decoded; a '%' without two digits and %00 stay as they are. */
static char *decoded(const char *s, size_t n)
{
	char *out = malloc(n + 1), *q = out;
	if (!out)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		int high = s[i] == '%' && i + 2 < n ? hex(s[i + 1]) : -1;
		int low = high >= 0 ? hex(s[i + 2]) : -1;
		if (low >= 0 && high * 16 + low) {
			*q++ = (char)(high * 16 + low);
			i += 2;
		} else {
			*q++ = s[i];
		}
	}
	*q = 0;
	return out;
}

/* Decimal digits and nothing else, at most max; -1 otherwise. */
static int number(const char *s, size_t n, int max)
{
	int v = 0;
	if (!n || n > 6)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (!isdigit((unsigned char)s[i]))
			return -1;
		v = v * 10 + (s[i] - '0');
	}
	return v <= max ? v : -1;
}

/* "user@" at the start of an authority of n bytes: the length that it takes, 0 for none, -1 for a password. */
static int user_of(const char *s, size_t n, char **ret_user)
{
	const char *at = memrchr(s, '@', n);
	if (!at)
		return 0;
	if (memchr(s, ':', (size_t)(at - s)))
		return -1;
	if (at > s) {
		*ret_user = decoded(s, (size_t)(at - s));
		if (!*ret_user)
			return -2;
	}
	return (int)(at - s) + 1;
}

static const char password_in_url[] = "the URL holds a password; put it in a file that only glint may read, and name that in redis.password_file";

int address_redis(const char *url, struct config_redis *redis, char *error, size_t size)
{
	char *user = NULL, *host = NULL, *path = NULL, *where = NULL;
	int port = 6379, db = 0, r = -EINVAL, skip;
	const char *p, *end;

	if (!strncasecmp(url, "rediss://", 9)) {
		snprintf(error, size, "TLS (rediss://) is not supported; put stunnel or a like proxy before Redis and name its plain address; %s", redis_form);
		return -EINVAL;
	}
	if (!strncasecmp(url, "redis://", 8)) {
		p = url + 8;
		end = p + strcspn(p, "/?#");
		skip = user_of(p, (size_t)(end - p), &user);
		if (skip < 0)
			goto user;
		p += skip;
		const char *host_end, *host_start = p;
		if (*p == '[') {
			host_start = p + 1;
			host_end = memchr(p, ']', (size_t)(end - p));
			if (!host_end) {
				refuse(error, size, "the IPv6 address has no closing ']'");
				goto out;
			}
			p = host_end + 1;
		} else {
			host_end = memchr(p, ':', (size_t)(end - p));
			host_end = host_end ? host_end : end;
			p = host_end;
		}
		if (host_end == host_start) {
			refuse(error, size, "the host is missing");
			goto out;
		}
		if (p < end && (*p != ':' || (port = number(p + 1, (size_t)(end - p - 1), 65535)) < 1)) {
			refuse(error, size, "the port is not a number between 1 and 65535");
			goto out;
		}
		p = *end == '/' ? end + 1 : end;
		if (*p && (db = number(p, strlen(p), 65535)) < 0) {
			refuse(error, size, "what follows the host is not a database's number");
			goto out;
		}
		host = strndup(host_start, (size_t)(host_end - host_start));
		if (host && asprintf(&where, strchr(host, ':') ? "[%s]:%d/%d" : "%s:%d/%d", host, port, db) < 0)
			where = NULL;
	} else if (!strncasecmp(url, "unix://", 7)) {
		p = url + 7;
		end = p + strcspn(p, "/?");
		skip = user_of(p, (size_t)(end - p), &user);
		if (skip < 0)
			goto user;
		p += skip;
		if (*p != '/') {
			refuse(error, size, "the path of the socket is not absolute");
			goto out;
		}
		end = p + strcspn(p, "?");
		if (*end && (strncmp(end, "?db=", 4) || (db = number(end + 4, strlen(end + 4), 65535)) < 0)) {
			refuse(error, size, "what follows '?' is not db= and a number");
			goto out;
		}
		path = decoded(p, (size_t)(end - p));
		if (path && strlen(path) > 107) {
			refuse(error, size, "the path of the socket is longer than 107 bytes");
			goto out;
		}
		if (path && asprintf(&where, "%s, database %d", path, db) < 0)
			where = NULL;
	} else {
		refuse(error, size, "is not a Redis URL");
		goto out;
	}
	if (!where || !(host || path)) {
		r = -ENOMEM;
		snprintf(error, size, "out of memory");
		goto out;
	}
	free(redis->host);
	free(redis->unix_path);
	free(redis->user);
	free(redis->where);
	redis->host = host;
	redis->unix_path = path;
	redis->user = user;
	redis->where = where;
	redis->port = port;
	redis->db = db;
	return 0;
user:
	r = skip == -1 ? -EINVAL : -ENOMEM;
	snprintf(error, size, "%s", skip == -1 ? password_in_url : "out of memory");
out:
	free(user);
	free(host);
	free(path);
	free(where);
	return r;
}

int address_http(const char *text, struct config_glint *glint, char *error, size_t size)
{
	const char *colon = strrchr(text, ':');
	const char *start = text;
	size_t n = colon ? (size_t)(colon - text) : 0;
	unsigned char bytes[sizeof(struct in6_addr)];
	char address[sizeof(glint->http_address)];
	bool six = false;
	int port;

	if (!strcasecmp(text, "off")) {
		glint->http_on = false;
		return 0;
	}
	if (n >= 2 && text[0] == '[' && colon[-1] == ']') {
		six = true;
		start++;
		n -= 2;
	}
	port = colon ? number(colon + 1, strlen(colon + 1), 65535) : -1;
	if (port >= 0 && n < sizeof(address)) {
		memcpy(address, start, n);
		address[n] = 0;
		if (inet_pton(six ? AF_INET6 : AF_INET, address, bytes) == 1) {
			memcpy(glint->http_address, address, n + 1);
			glint->http_port = (uint16_t)port;
			glint->http_on = true;
			return 0;
		}
	}
	snprintf(error, size, "'%s' is not an address and a port; allowed: off, 127.0.0.1:9464, [::1]:9464, or 0.0.0.0:9464 for every interface", text);
	return -EINVAL;
}

bool address_kafka_name(const char *name, size_t max)
{
	size_t n = strlen(name);
	return n > 0 && n <= max && strcmp(name, ".") && strcmp(name, "..") &&
	       strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") == n;
}
