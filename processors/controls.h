/* What people have decided about items, as lists use it: exclusions, boosts and pins of an item, its category and its brand.
 *
 * Looked up in the model table (schemas/control.schema.json), so that a decision counts from the next list on. Costs nothing while there is none.
 */
#ifndef GLINT_CONTROLS_H
#define GLINT_CONTROLS_H

#include "processor.h"

/* Is the item, its category or its brand excluded? */
static inline bool controls_exclude(const struct model *m, symbol_t item, const struct catalogue_item *known)
{
	if (!model_controlled(m))
		return false;
	const struct control *of[] = { model_control(m, (struct key){ KEY_ITEM, item }), model_control(m, (struct key){ KEY_CATEGORY, known->category }),
		model_control(m, (struct key){ KEY_BRAND, known->brand }) };
	for (int i = 0; i < 3; i++)
		if (of[i] && of[i]->exclude)
			return true;
	return false;
}

/* May it be shown at all: in stock, and not excluded? */
static inline bool controls_allow(const struct model *m, symbol_t item, const struct catalogue_item *known)
{
	return known->available && !controls_exclude(m, item, known);
}

/* The product of the boosts of the item, its category and its brand. */
static inline double controls_boost(const struct model *m, symbol_t item, const struct catalogue_item *known)
{
	if (!model_controlled(m))
		return 1;
	const struct control *of[] = { model_control(m, (struct key){ KEY_ITEM, item }), model_control(m, (struct key){ KEY_CATEGORY, known->category }),
		model_control(m, (struct key){ KEY_BRAND, known->brand }) };
	double boost = 1;
	for (int i = 0; i < 3; i++)
		if (of[i])
			boost *= of[i]->boost;
	return boost;
}

#endif
