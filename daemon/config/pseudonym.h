/* Pseudonyms: what stands for a shopper's id everywhere behind the decoder, when [privacy] key_file is set.
 *
 *   pseudonym(id) = the first 128 bits of HMAC-SHA256(key, id), as 32 hexadecimal digits
 *
 * (RFC 2104; SHA-256: FIPS 180-4; a keyed hash as ENISA's reports on pseudonymisation advise: without the key nobody can try ids out). SHA-256 is
 * ours, some eighty lines of public algorithm under the published vectors (test_pseudonym): the one primitive that is needed does not pay for a
 * cryptographic library among the dependencies of every shop; secrets of the network stay with librdkafka's OpenSSL. The key's two first blocks are
 * hashed once: an id of up to 55 bytes costs two compressions, about half a microsecond. Pure. Used by feed.c and glintctl.
 */
#ifndef GLINT_PSEUDONYM_H
#define GLINT_PSEUDONYM_H

#include <stdint.h>

#include "processors/text.h"

enum { PSEUDONYM_BYTES = 32,
	SHA256_BYTES = 32,
	PSEUDONYM_KEY_LEAST = 16 };

struct pseudonym_key {
	bool set;
	uint32_t inner[8], outer[8]; /* states behind key ^ ipad, key ^ opad */
};

void sha256(const void *data, size_t size, uint8_t ret[SHA256_BYTES]);
void pseudonym_key(struct pseudonym_key *k, const void *key, size_t size); /* any size */
void pseudonym_hmac(const struct pseudonym_key *k, struct text message, uint8_t ret[SHA256_BYTES]);
/* Into `to`, PSEUDONYM_BYTES without a terminating zero. k->set. */
struct text pseudonym_of(const struct pseudonym_key *k, struct text id, char *to);

#endif
