/* Traditional Chinese read as simplified: each character for itself, by Unicode's Unihan database (kSimplifiedVariant). What is many to one (發 and 髮 are both 发) stays
 * so; words that Taiwan or Hong Kong has for itself (品質, 材質) are the lexicon's matter. Lexicons, aspects, weights and texts all go through it, so that a
 * term in either writing finds both. Called once per text and term.
 */
#ifndef GLINT_HAN_H
#define GLINT_HAN_H

#include <stdbool.h>
#include <stddef.h>

/* Changes UTF-8 text in place: a character and what it becomes have three bytes each. What is not UTF-8 stays as it is. Returns whether anything changed. */
bool han_simplify(char *text, size_t size);

/* Is there anything for it to change? */
bool han_traditional(const char *text, size_t size);

#endif
