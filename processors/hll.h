/* HyperLogLog: how many distinct things, from 4,096 one-byte registers.
 *
 * A 64-bit hash goes to register `hash mod 4096`, which keeps the greatest rho = 1 + trailing zeros of the other 52 bits (1..53).
 * The estimate is Ertl's ("New cardinality estimation algorithms for HyperLogLog sketches", arXiv:1702.01284, algorithm 6), which needs
 * no tables and is unbiased from 0 up; standard error 1.04 / sqrt(4096) = 1.6 %. Merging is the maximum by register, so parts may
 * be counted apart and in any order. test_hll holds the error bound.
 */
#ifndef GLINT_HLL_H
#define GLINT_HLL_H

#include "buf.h"

enum { HLL_BITS = 12,
	HLL_REGISTERS = 1 << HLL_BITS,
	HLL_RHO_MAX = 64 - HLL_BITS + 1 };

static inline uint32_t hll_index(uint64_t hash)
{
	return (uint32_t)hash & (HLL_REGISTERS - 1);
}

static inline uint8_t hll_rho(uint64_t hash)
{
	uint64_t rest = hash >> HLL_BITS;
	return (uint8_t)(rest ? 1 + __builtin_ctzll(rest) : HLL_RHO_MAX);
}

/* registers: HLL_REGISTERS bytes, each 0..HLL_RHO_MAX. NULL: 0. One pass over them. */
double hll_estimate(const uint8_t *registers);

void hll_save(const uint8_t *registers, struct buf *to); /* the non-zero ones while they are few, else all: at most 4,098 bytes */
int hll_load(uint8_t *registers, struct reader *from);   /* 0 or -EBADMSG; overwrites */

#endif
