/* Names of segments, by rule on the quintiles of their centres; see segments.h. */
#include <math.h>
#include <stdio.h>

#include "segments.h"

enum { TIMES = 3 };

struct text segments_label_text(enum segments_label label)
{
	static const char *const names[LABELS] = { "", "champions", "loyal", "big spenders", "bargain hunters", "recent buyers", "occasional", "at risk",
		"lapsed", "browsers", "visitors" };
	return text_of(names[label]);
}

int segments_quintile(double z)
{
	static const double bounds[4] = { -.8416, -.2533, .2533, .8416 }; /* the normal distribution's .2, .4, .6, .8 */
	int n = 1;
	while (n < 5 && z >= bounds[n - 1])
		n++;
	return n;
}

enum segments_label segments_rule(const double *centre, const double *mean, const double *deviation)
{
	int q[DIMS];
	for (int d = 0; d < DIMS; d++)
		q[d] = segments_quintile((centre[d] - mean[d]) / deviation[d]);
	int r = 6 - q[DIM_RECENCY], f = q[DIM_FREQUENCY], m = q[DIM_MONETARY];
	if (centre[DIM_FREQUENCY] < log(1.25)) /* less than a quarter of an order each */
		return q[DIM_BROWSING] >= 4 ? LABEL_BROWSERS : LABEL_VISITORS;
	if (r >= 4 && f >= 4 && m >= 4)
		return LABEL_CHAMPIONS;
	if (f >= 4)
		return r >= 3 ? LABEL_LOYAL : LABEL_AT_RISK;
	if (q[DIM_DISCOUNT] >= 4 && centre[DIM_DISCOUNT] >= .1)
		return LABEL_BARGAIN_HUNTERS;
	if (m >= 4)
		return r >= 3 ? LABEL_BIG_SPENDERS : LABEL_AT_RISK;
	return r >= 4 ? LABEL_RECENT_BUYERS : r <= 2 ? LABEL_LAPSED
						     : LABEL_OCCASIONAL;
}

void segments_name(struct segments_item *b, bool now)
{
	double mean[DIMS], deviation[DIMS], centre[DIMS];
	segments_population(&b->clusters, mean, deviation, NULL);
	for (uint32_t c = 0; c < b->clusters.k; c++) {
		struct segments_naming *n = &b->names[c];
		kmeans_centre(&b->clusters, c, centre);
		uint8_t label = (uint8_t)segments_rule(centre, mean, deviation);
		if (label == n->label) {
			n->times = 0;
			continue;
		}
		n->times = label == n->next ? (uint8_t)(n->times + 1) : 1;
		n->next = label;
		if (now || n->times >= TIMES)
			*n = (struct segments_naming){ .label = label };
	}
}

struct text segments_name_text(const uint8_t *labels, uint32_t at, char *to)
{
	int before = 0;
	for (uint32_t c = 0; c < at; c++)
		before += labels[c] == labels[at];
	struct text name = segments_label_text((enum segments_label)labels[at]);
	int n = before ? snprintf(to, 32, "%s %d", name.data, before + 1) : snprintf(to, 32, "%s", name.data);
	return (struct text){ to, (uint32_t)n };
}
