/* Named points at which a test ends the daemon as kill -9 would; for tests only.
 *
 * The environment variable GLINT_TEST_CRASH_AT names a file. A thread that comes to a point whose name the file holds (one line) says so in
 * the log and kills its process with SIGKILL: nothing is flushed, closed or said goodbye to. The file may appear, change and go at any time.
 * Without the variable a point costs one look at the environment; there are some ten of them in an interval, none in the way of a record.
 *
 * Points: seal.begin seal.sealed commit.begin commit.produced commit.offsets commit.done restore.begin restore.log restore.done
 *         rebalance.assign rebalance.assigned rebalance.revoke rebalance.revoked
 */
#ifndef GLINT_CRASHPOINT_H
#define GLINT_CRASHPOINT_H

/* Returns unless this point is asked for. Any thread. */
void crashpoint(const char *name);

#endif
