/* See score.h. */
#include "score.h"

#include <math.h>

/* x to so many decimals (scale = 10^decimals), correctly rounded, halves of the exact binary value to even: what printing and
 * reading x with that many decimals gives, without either. fma gives the product's rounding error, so the tie is decided exactly. */
static double round_to(double x, double scale)
{
	double sign = x < 0 ? -1 : 1;
	double product = fabs(x) * scale, error = fma(fabs(x), scale, -product);
	double whole = floor(product);
	double over = (product - whole - 0.5) + error; /* sign only: exact where it matters, both terms being tiny there */
	if (over > 0 || (over == 0 && fmod(whole, 2) != 0))
		whole++;
	return sign * whole / scale;
}

void sentiment_sums_add(struct sentiment_sums *s, double valence)
{
	s->words++;
	s->sum += valence;
	if (valence > 0)
		s->pos += valence + 1;
	else if (valence < 0)
		s->neg += valence - 1;
	else
		s->neutral++;
}

double sentiment_emphasis(uint32_t exclamations, uint32_t questions)
{
	double amount = (exclamations > 4 ? 4 : exclamations) * 0.292;
	if (questions > 3)
		amount += 0.96;
	else if (questions > 1)
		amount += questions * 0.18;
	return amount;
}

double sentiment_total(const struct sentiment_sums *s)
{
	double sum = s->sum > 0 ? s->sum + s->emphasis : s->sum < 0 ? s->sum - s->emphasis
								    : s->sum;
	return sum + s->learnt;
}

double sentiment_squash(double x)
{
	return round_to(x / sqrt(x * x + 15), 1e4);
}

struct sentiment_score sentiment_score_of(const struct sentiment_sums *s)
{
	struct sentiment_score score = { 0 };
	if (s->words == 0)
		return score;
	double pos = s->pos, neg = s->neg;
	if (pos > fabs(neg))
		pos += s->emphasis;
	else if (pos < fabs(neg))
		neg -= s->emphasis;
	double total = pos + fabs(neg) + s->neutral;
	score.compound = sentiment_squash(sentiment_total(s));
	score.pos = round_to(fabs(pos / total), 1e3);
	score.neg = round_to(fabs(neg / total), 1e3);
	score.neu = round_to(s->neutral / total, 1e3);
	return score;
}
