/* The processors of this build, by number. To add one: its id in processor.h, its line here. */
#include "bias.h"
#include "campaign.h"
#include "complaints.h"
#include "forecast.h"
#include "intent.h"
#include "itemsets.h"
#include "next.h"
#include "recommend.h"
#include "search.h"
#include "segments.h"
#include "sentiment.h"
#include "similar.h"
#include "spike.h"

const struct processor *const processors[PROCESSORS] = {
	[P_BIAS] = &bias_processor,
	[P_ITEMSETS] = &itemsets_processor,
	[P_SENTIMENT] = &sentiment_processor,
	[P_SPIKE] = &spike_processor,
	[P_CAMPAIGN] = &campaign_processor,
	[P_RECOMMEND] = &recommend_processor,
	[P_SEGMENTS] = &segments_processor,
	[P_NEXT] = &next_processor,
	[P_COMPLAINTS] = &complaints_processor,
	[P_SIMILAR] = &similar_processor,
	[P_FORECAST] = &forecast_processor,
	[P_SEARCH] = &search_processor,
	[P_INTENT] = &intent_processor,
};
