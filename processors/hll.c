/* HyperLogLog's estimate and its bytes; see hll.h. Called by the campaign processor. */
#include "hll.h"

#include <errno.h>
#include <math.h>

static double sigma(double x) /* x + sum of x^(2^k) 2^(k-1) */
{
	if (x == 1)
		return INFINITY;
	double y = 1, z = x, before;
	do {
		x *= x;
		before = z;
		z += x * y;
		y += y;
	} while (z != before);
	return z;
}

static double tau(double x)
{
	if (x == 0 || x == 1)
		return 0;
	double y = 1, z = 1 - x, before;
	do {
		x = sqrt(x);
		before = z;
		y *= 0.5;
		z -= (1 - x) * (1 - x) * y;
	} while (z != before);
	return z / 3;
}

double hll_estimate(const uint8_t *registers)
{
	if (!registers)
		return 0;
	const double m = HLL_REGISTERS, alpha = 0.72134752044448170368; /* 1 / (2 ln 2) */
	uint32_t count[HLL_RHO_MAX + 1] = { 0 };
	for (int i = 0; i < HLL_REGISTERS; i++)
		count[registers[i]]++;
	double z = m * tau((m - count[HLL_RHO_MAX]) / m);
	for (int k = HLL_RHO_MAX - 1; k >= 1; k--)
		z = 0.5 * (z + count[k]);
	z += m * sigma(count[0] / m);
	return alpha * m * m / z;
}

enum { SPARSE = 0,
	DENSE = 1 };

void hll_save(const uint8_t *registers, struct buf *to)
{
	uint32_t used = 0;
	for (int i = 0; i < HLL_REGISTERS; i++)
		used += registers[i] != 0;
	if (used > HLL_REGISTERS / 4) {
		buf_u8(to, DENSE);
		buf_bytes(to, registers, HLL_REGISTERS);
		return;
	}
	buf_u8(to, SPARSE);
	buf_varint(to, used);
	int last = 0;
	for (int i = 0; i < HLL_REGISTERS; i++)
		if (registers[i]) {
			buf_varint(to, (uint64_t)(i - last));
			buf_u8(to, registers[i]);
			last = i;
		}
}

int hll_load(uint8_t *registers, struct reader *from)
{
	uint8_t form = reader_u8(from);
	if (form == DENSE) {
		const uint8_t *all = reader_bytes(from, HLL_REGISTERS);
		if (!all)
			return -EBADMSG;
		memcpy(registers, all, HLL_REGISTERS);
	} else {
		memset(registers, 0, HLL_REGISTERS);
		uint64_t used = reader_varint(from), at = 0;
		for (uint64_t i = 0; i < used && !from->bad; i++) {
			uint64_t step = reader_varint(from);
			uint8_t rho = reader_u8(from);
			if (step >= HLL_REGISTERS || (at += step) >= HLL_REGISTERS)
				return -EBADMSG;
			registers[at] = rho;
		}
	}
	for (int i = 0; i < HLL_REGISTERS; i++)
		if (registers[i] > HLL_RHO_MAX)
			return -EBADMSG;
	return from->bad || form > DENSE ? -EBADMSG : 0;
}
