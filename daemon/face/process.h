/* The process_* metrics that every Prometheus client gives: processor time, memory, descriptors, start. */
#ifndef GLINT_PROCESS_H
#define GLINT_PROCESS_H

#include <stdio.h>

/* Appends what the system tells of this process; leaves out what it does not. Any thread. */
void process_render(FILE *to);

#endif
