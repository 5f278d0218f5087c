/* glintctl lexicon: makes lexicon files for the sentiment processor (processors/lexicon.h says the format).
 *
 *   glintctl lexicon import vader LEXICON [EMOJI] > my-lexicon.txt
 *
 * reads VADER's own files (vader_lexicon.txt and emoji_utf8_lexicon.txt, or lists in their form: term TAB valence TAB anything) and
 * writes one lexicon with which every score equals the original's. VADER's boosters, negations and special cases stand in its
 * program, not in its files: the importer brings these. It needs no configuration and no server. */
#ifndef GLINT_CTL_LEXICON_H
#define GLINT_CTL_LEXICON_H

#include <stdio.h>

/* The subcommand: argv[0] is "lexicon". Writes to standard output, complaints to standard error. An exit code of sysexits. */
int ctl_lexicon(int argc, char **argv);

/* The conversion alone. emoji may be NULL. 0, or -EINVAL with a sentence in error ("line 12: ..."), -EIO (out), -ENOMEM. */
int lexicon_import_vader(FILE *lexicon, FILE *emoji, FILE *out, char *error, size_t error_size);

#endif
