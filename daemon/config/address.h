/* Addresses that settings name: Redis' URL, the HTTP port, names that Kafka takes. Pure. */
#ifndef GLINT_ADDRESS_H
#define GLINT_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

struct config_glint;
struct config_redis;

/* redis://[user@]host[:port][/db], [ipv6] in brackets, or unix://[user@]/path[?db=N]; %XX is decoded in user and path. Fills host,
 * unix_path, user, port, db and where (from malloc; the former are freed). 0, -ENOMEM, or -EINVAL with a sentence that never
 * repeats the URL, since there may be a password in it. */
int address_redis(const char *url, struct config_redis *redis, char *error, size_t size);

/* off, or address:port with an IPv4 address or an IPv6 one in brackets. 0 or -EINVAL with a sentence. */
int address_http(const char *text, struct config_glint *glint, char *error, size_t size);

/* Letters, digits, '.', '_' and '-', 1 to max bytes, not "." or "..". */
bool address_kafka_name(const char *name, size_t max);

#endif
