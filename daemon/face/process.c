#include "daemon/face/process.h"

#include <dirent.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static void line(FILE *to, const char *name, const char *type, const char *help, double value)
{
	fprintf(to, "# HELP %s %s\n# TYPE %s %s\n%s %.15g\n", name, help, name, type, name, value);
}

/* Seconds since 1970: field 22 of /proc/self/stat (ticks since boot), by the clocks' difference. 0: unknown. */
static double start_time(void)
{
	char text[1024];
	unsigned long long ticks;
	struct timespec boot, wall;
	FILE *f = fopen("/proc/self/stat", "re");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;
	text[n] = 0;
	if (f)
		fclose(f);
	const char *p = strrchr(text, ')'); /* the name before it may hold anything */
	if (!p || sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu", &ticks) != 1)
		return 0;
	clock_gettime(CLOCK_BOOTTIME, &boot);
	clock_gettime(CLOCK_REALTIME, &wall);
	return (double)wall.tv_sec + (double)wall.tv_nsec / 1e9 - ((double)boot.tv_sec + (double)boot.tv_nsec / 1e9) +
	       (double)ticks / (double)sysconf(_SC_CLK_TCK);
}

void process_render(FILE *to)
{
	struct rusage usage;
	struct rlimit limit;
	unsigned long long virtual, resident;
	double start = start_time();
	FILE *f;
	DIR *d;

	if (getrusage(RUSAGE_SELF, &usage) == 0)
		line(to, "process_cpu_seconds_total", "counter", "User and system processor time.",
		     (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
	f = fopen("/proc/self/statm", "re");
	if (f && fscanf(f, "%llu %llu", &virtual, &resident) == 2) {
		double page = (double)sysconf(_SC_PAGESIZE);
		line(to, "process_virtual_memory_bytes", "gauge", "Virtual memory.", (double)virtual * page);
		line(to, "process_resident_memory_bytes", "gauge", "Resident memory.", (double)resident * page);
	}
	if (f)
		fclose(f);
	d = opendir("/proc/self/fd");
	if (d) {
		int n = -3; /* ".", ".." and the one being read */
		while (readdir(d))
			n++;
		closedir(d);
		line(to, "process_open_fds", "gauge", "Open file descriptors.", n);
	}
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
		line(to, "process_max_fds", "gauge", "Most file descriptors that may be open.", (double)limit.rlim_cur);
	if (start > 0)
		line(to, "process_start_time_seconds", "gauge", "Start, in seconds since 1970.", start);
}
