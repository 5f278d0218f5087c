/* libFuzzer target of the configuration: the input is a file; what follows a NUL are --set arguments, one each. It loads or is refused
 * with sentences; what has loaded is dumped, and the dump loads again. Files that it names are looked for in an empty folder.
 */
#include "fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

#include "daemon/kafka/kafka.h"

static int file;
static struct processor plain[PROCESSORS]; /* options alone: setting up, which reads lexicons, is most of the time otherwise */
static const struct processor *all[PROCESSORS];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	char folder[] = "/tmp/glint-fuzz-XXXXXX";
	must(mkdtemp(folder) != NULL);
	must(chdir(folder) == 0 && rmdir(folder) == 0); /* nothing is there, nor can be made */
	for (int p = 0; p < PROCESSORS; p++) {
		plain[p] = *processors[p];
		plain[p].setup = NULL;
		plain[p].teardown = NULL;
		all[p] = &plain[p];
	}
	file = memfd_create("glintd.conf", 0);
	must(file >= 0);
	return 0;
}

static struct config *load(const char *bytes, size_t size, const char *const *sets, size_t n_sets)
{
	char path[64];
	must(ftruncate(file, 0) == 0 && pwrite(file, bytes, size, 0) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	struct config_request request = { .path = path, .sets = sets, .n_sets = n_sets, .instance = "one", .embedded = true, .processors = all, .n_processors = PROCESSORS, .check_kafka = kafka_check_property };
	struct config *config = NULL;
	struct config_errors errors = { 0 };
	int r = config_load(&request, &config, &errors);
	must(r == 0 ? config != NULL && !errors.n : config == NULL && errors.n > 0);
	for (size_t i = 0; i < errors.n; i++)
		must(errors.lines[i] && errors.lines[i][0]);
	config_errors_done(&errors);
	return config;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (memmem(data, size, "/dev", 4)) /* a file that has no end */
		return 0;
	char *copy = malloc(size + 1), *sets[8];
	memcpy(copy, data, size);
	copy[size] = '\0';
	const char *end = memchr(copy, '\0', size + 1);
	size_t n = (size_t)(end - copy), n_sets = 0;
	for (size_t at = n + 1; at < size && n_sets < 8; at += strlen(copy + at) + 1)
		sets[n_sets++] = copy + at;
	struct config *config = load(copy, n, (const char *const *)sets, n_sets);
	if (config) {
		char *text = NULL;
		size_t dumped = 0;
		FILE *f = open_memstream(&text, &dumped);
		config_dump(config, f);
		config_write_embedded(config, "127.0.0.1:1", f);
		must(fclose(f) == 0 && dumped > 0);
		free(text);
		config_destroy(config);
	}
	free(copy);
	return 0;
}
