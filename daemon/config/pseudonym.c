/* HMAC-SHA256 and what is made of it; see pseudonym.h. */
#include "daemon/config/pseudonym.h"

static const uint32_t first[8] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 };
static const uint32_t constants[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be,
	0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa,
	0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85,
	0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
	0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f,
	0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2
};

enum { BLOCK = 64 };

static uint32_t turn(uint32_t x, int n)
{
	return x >> n | x << (32 - n);
}

static void compress(uint32_t state[8], const uint8_t *block)
{
	uint32_t w[64], v[8];
	for (int i = 0; i < 16; i++)
		w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 | (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
	for (int i = 16; i < 64; i++)
		w[i] = (turn(w[i - 2], 17) ^ turn(w[i - 2], 19) ^ w[i - 2] >> 10) + w[i - 7] +
		       (turn(w[i - 15], 7) ^ turn(w[i - 15], 18) ^ w[i - 15] >> 3) + w[i - 16];
	memcpy(v, state, sizeof(v));
	for (int i = 0; i < 64; i++) {
		uint32_t a = v[0], e = v[4];
		uint32_t one = v[7] + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & v[5]) ^ (~e & v[6])) + constants[i] + w[i];
		uint32_t two = (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2]));
		memmove(v + 1, v, 7 * sizeof(*v));
		v[4] += one;
		v[0] = one + two;
	}
	for (int i = 0; i < 8; i++)
		state[i] += v[i];
}

/* What is left of a message of which `before` bytes, whole blocks, are in the state already. */
static void finish(uint32_t state[8], size_t before, const void *data, size_t size, uint8_t ret[SHA256_BYTES])
{
	const uint8_t *at = data;
	uint8_t last[2 * BLOCK] = { 0 };
	uint64_t bits = (uint64_t)(before + size) * 8;
	for (; size >= BLOCK; at += BLOCK, size -= BLOCK)
		compress(state, at);
	if (size)
		memcpy(last, at, size);
	last[size] = 0x80;
	size_t end = size < BLOCK - 8 ? BLOCK : 2 * BLOCK;
	for (int i = 0; i < 8; i++)
		last[end - 1 - (size_t)i] = (uint8_t)(bits >> (8 * i));
	for (size_t i = 0; i < end; i += BLOCK)
		compress(state, last + i);
	for (int i = 0; i < SHA256_BYTES; i++)
		ret[i] = (uint8_t)(state[i / 4] >> (24 - 8 * (i % 4)));
}

void sha256(const void *data, size_t size, uint8_t ret[SHA256_BYTES])
{
	uint32_t state[8];
	memcpy(state, first, sizeof(state));
	finish(state, 0, data, size, ret);
}

void pseudonym_key(struct pseudonym_key *k, const void *key, size_t size)
{
	uint8_t block[BLOCK] = { 0 };
	if (size > BLOCK)
		sha256(key, size, block);
	else if (size)
		memcpy(block, key, size);
	memcpy(k->inner, first, sizeof(first));
	memcpy(k->outer, first, sizeof(first));
	for (int i = 0; i < BLOCK; i++)
		block[i] ^= 0x36;
	compress(k->inner, block);
	for (int i = 0; i < BLOCK; i++)
		block[i] ^= 0x36 ^ 0x5c;
	compress(k->outer, block);
	explicit_bzero(block, sizeof(block));
	k->set = true;
}

void pseudonym_hmac(const struct pseudonym_key *k, struct text message, uint8_t ret[SHA256_BYTES])
{
	uint32_t state[8];
	uint8_t inner[SHA256_BYTES];
	memcpy(state, k->inner, sizeof(state));
	finish(state, BLOCK, message.data, message.size, inner);
	memcpy(state, k->outer, sizeof(state));
	finish(state, BLOCK, inner, sizeof(inner), ret);
}

struct text pseudonym_of(const struct pseudonym_key *k, struct text id, char *to)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t mac[SHA256_BYTES];
	pseudonym_hmac(k, id, mac);
	for (int i = 0; i < PSEUDONYM_BYTES / 2; i++) {
		to[2 * i] = digits[mac[i] >> 4];
		to[2 * i + 1] = digits[mac[i] & 15];
	}
	return (struct text){ to, PSEUDONYM_BYTES };
}
