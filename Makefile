# glint: plain make and pkg-config; everything is built under build/. `make help` lists what there is.
VERSION := 0.1.0
ifeq ($(origin CC),default)
CC := gcc
endif
B ?= build
PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
PKGS := rdkafka avro-c hiredis jansson inih libutf8proc libxxhash zlib libmicrohttpd libsystemd
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Werror
HARDEN := -fPIE -fstack-protector-strong -fstack-clash-protection -D_FORTIFY_SOURCE=2
CFLAGS ?= -O2 -g
CPPFLAGS += -D_GNU_SOURCE -I. -I$(B)/include $(PLANTED)
# asked of pkg-config once, and only when something is compiled: `make demo` installs it first
PKG_CFLAGS = $(eval PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS)))$(PKG_CFLAGS)
PKG_LIBS = $(eval PKG_LIBS := $(shell pkg-config --libs $(PKGS)))$(PKG_LIBS)
ALL_CFLAGS = -std=c11 $(WARN) $(HARDEN) $(SAN) $(CFLAGS) $(CPPFLAGS) $(PKG_CFLAGS) -MMD -MP
ALL_LDFLAGS = -pie -Wl,-z,relro,-z,now $(SAN) $(LDFLAGS)
LIBS = $(PKG_LIBS) -lm -lpthread
# commands are shown by V=1; demo, test and the like use all processors unless make was told how many
Q = $(if $(V),,@printf '  %-5s %s\n' '$(1)' '$@';)
JOBS = $(if $(findstring -j,$(MAKEFLAGS)),,-j$(shell nproc))

# --- rooms (explicit lists; each room has its own lines) ---
PROCESSORS :=
PROCESSORS += processors/alert.c processors/opinions.c processors/sentiment.c processors/spike.c processors/spike_alert.c processors/spike_item.c processors/spike_words.c processors/excerpt.c processors/excerpt_take.c processors/stats.c processors/windows.c
PROCESSORS += processors/candidates.c processors/popularity.c processors/recommend.c processors/toplists.c
PROCESSORS += processors/complaints.c
PROCESSORS += processors/kept_opinions.c processors/lexicon.c processors/score.c processors/scorer.c processors/aspects.c processors/vader.c processors/weights.c processors/zh.c processors/han.c
PROCESSORS += processors/pool.c processors/symbols.c processors/leaders.c processors/json.c processors/registry.c
PROCESSORS += processors/similar.c processors/next.c processors/next_rank.c
PROCESSORS += processors/bias.c processors/bias_user.c processors/campaign.c processors/campaign_view.c processors/watch.c processors/watch_alert.c processors/hll.c processors/itemsets.c
PROCESSORS += processors/itemsets_view.c processors/kept_baskets.c processors/near.c processors/ledger.c processors/pairs.c
PROCESSORS += processors/measures.c processors/miner.c processors/rules.c processors/sets.c processors/sets_view.c
PROCESSORS += processors/intent.c processors/intent_session.c processors/intent_learn.c
PROCESSORS += processors/forecast.c processors/holt_winters.c processors/search.c
PROCESSORS += processors/kmeans.c processors/segments.c processors/segments_label.c processors/segments_view.c

# recommendations
PROCESSORS += processors/diversity.c processors/experiment.c processors/explain.c processors/feedback.c processors/followed.c
PROCESSORS += processors/lists.c processors/reasons.c processors/repeat.c

DAEMON :=
DAEMON += daemon/kafka/control.c
DAEMON += daemon/face/crashpoint.c daemon/face/health.c daemon/face/http.c daemon/face/log.c daemon/face/metrics.c daemon/face/notify.c daemon/face/process.c
DAEMON += daemon/config/address.c daemon/config/args.c daemon/config/check.c daemon/config/config.c daemon/config/dump.c daemon/config/file.c
DAEMON += daemon/config/gather.c daemon/config/ini.c daemon/config/instance.c daemon/config/names.c daemon/config/option.c
DAEMON += daemon/config/passthrough.c daemon/config/pseudonym.c daemon/config/reload.c daemon/config/suggest.c daemon/config/tables.c daemon/config/value.c
DAEMON += daemon/assign.c daemon/feed.c daemon/loop.c daemon/refresh.c daemon/refused.c daemon/reload.c daemon/report.c daemon/seal.c daemon/views.c daemon/work.c
DAEMON += daemon/kafka/committer.c daemon/kafka/committer_refused.c daemon/kafka/global.c daemon/kafka/rows.c daemon/kafka/source.c
DAEMON += daemon/state/combiner.c daemon/state/engine.c daemon/state/forgotten.c daemon/state/items.c daemon/state/model.c daemon/state/slabs.c daemon/state/users.c daemon/state/users_row.c daemon/state/users_views.c daemon/state/view.c
AVRO := daemon/avro/canonical.c daemon/avro/decode.c daemon/avro/encode.c daemon/avro/fields.c daemon/avro/plan.c daemon/avro/run.c daemon/avro/schema.c
DAEMON += $(AVRO)
DAEMON += daemon/redis/publisher.c daemon/redis/publisher_answers.c daemon/redis/publisher_requests.c daemon/redis/publisher_thread.c
DAEMON += daemon/redis/redis_batch.c daemon/redis/redis_connection.c daemon/redis/redis_scripts.c
DAEMON += daemon/kafka/kafka.c daemon/kafka/partitioner.c daemon/kafka/topics.c daemon/kafka/topics_sample.c daemon/kafka/embedded.c

# all but ctl/main.c; tests link them too
CTL :=
CTL += ctl/baskets.c ctl/lexicon.c
CTL += ctl/evaluate.c ctl/evaluate_events.c ctl/evaluate_order.c ctl/evaluate_run.c
CTL += ctl/evaluate_bias.c ctl/evaluate_intent.c ctl/evaluate_knn.c ctl/knn.c ctl/evaluate_next.c ctl/evaluate_unseen.c
CTL += ctl/evaluate_sentiment.c ctl/judged.c ctl/judged_read.c ctl/learn.c ctl/lexicon_learn.c
CTL += ctl/evaluate_baskets.c ctl/evaluate_itemsets.c ctl/evaluate_spike.c
CTL += ctl/alerts.c ctl/arguments.c ctl/backlog.c ctl/dump.c ctl/jsonl.c ctl/offsets.c ctl/redis.c ctl/replay.c ctl/stats.c ctl/table.c
CTL += ctl/topics.c ctl/views.c ctl/wait.c
CTL += ctl/control.c ctl/experiment.c ctl/explain.c ctl/restore.c

# unit tests: one program per module, tests/unit/test_NAME.c (cmocka)
UNIT :=
UNIT += excerpt
UNIT += config http log metrics notify option reference reload
UNIT += decode decode_schema decode_hostile
UNIT += aspects complaints lexicon scorer vader weights zh
UNIT += stats sentiment spike spike_words recommend watch
UNIT += next similar intent knn evaluate_order
UNIT += pool json hll pairs bias itemsets campaign
UNIT += measures miner related itemsets_exact sets
UNIT += kmeans segments forget forget_reviews privacy pseudonym forecast search
UNIT += publisher publisher_trouble redis_connection
UNIT += combiner crash items users
UNIT += experiment feedback lists toplists
UNIT += committer rows
UNIT += partitioner topics ctl_arguments ctl_table ctl_jsonl

# end-to-end tests: tests/e2e/NAME (executable). E2E needs redis-server and the embedded broker, E2E_KAFKA a real Kafka
E2E := ../rooms harness.py oracle.py ../sentiment/vader_differential.py ../decode/decode_differential.py demo.py
E2E += ctl_views.py ctl_wait.py
E2E += daemon_face.py
E2E += evaluate.py evaluate_itemsets.py evaluate_sentiment.py evaluate_spike.py
E2E += recommend.py foresight.py rules.py
E2E += service.py

# fault suite: tests/faults/NAME; its short form is part of `make test`, all of it is `make test-faults`
FAULT_PROGRAMS := kills.py network.py oversize.py records.py redis.py topics.py
# two run at a time: the short ones last, so that none is long alone
E2E_KAFKA := broker.py
E2E_KAFKA += daemon_counts.py daemon_recs.py
E2E_KAFKA += $(patsubst %,../faults/%,$(FAULT_PROGRAMS))
E2E_KAFKA += daemon_topics.py daemon_stop.py daemon_group.py daemon_kill.py daemon_pause.py daemon_many.py
E2E_KAFKA += daemon_hostile.py daemon_redis.py ctl_topics.py daemon_log.py forget.py intent.py

# those of them that asan and tsan run: every thread of the daemon, kills, take-overs; none with a limit that a slow build breaks
E2E_SANITIZED := ctl_views.py ctl_wait.py daemon_face.py
E2E_KAFKA_SANITIZED := daemon_kill.py daemon_log.py daemon_pause.py

# fuzzers: tests/fuzz/fuzz_NAME.c (libFuzzer; built with clang)
FUZZ :=
FUZZ += config decode http redis rows schema

# measuring programs and scripts that `make bench` runs, in this order
BENCH_PROGRAMS :=
BENCH_PROGRAMS += bench_decode
BENCH_PROGRAMS += bench_publisher
BENCH_PROGRAMS += bench_spike bench_watch
BENCH_PROGRAMS += bench_lists
BENCH_PROGRAMS += bench_sentiment
BENCH_PROGRAMS += gen_clicks raw_consume latency_probe
BENCH :=
BENCH += decode publisher lists sentiment itemsets.py river.py spike watch throughput.py latency.py restore.py

LIB := $(B)/libglint.a
PROGRAMS := $(B)/glintd $(B)/glintctl
UNIT_PROGRAMS = $(patsubst %,$(B)/tests/unit/test_%,$(UNIT))
FUZZ_PROGRAMS = $(patsubst %,$(B)/tests/fuzz/fuzz_%,$(FUZZ))

all: $(PROGRAMS) ## glintd and glintctl

$(B)/include/version.h: Makefile
	@mkdir -p $(@D)
	@echo '#define GLINT_VERSION "$(VERSION)"' >$@.new
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

# our schemas as C texts: SCHEMA_CLICK, ...
$(B)/include/glint_schemas.h: schemas/click.avsc schemas/purchase.avsc schemas/review.avsc schemas/item.avsc
	@mkdir -p $(@D)
	@for f in $^; do n=$${f##*/}; printf '#define SCHEMA_%s \\\n' "$$(echo $${n%.avsc} | tr a-z A-Z)"; \
		sed -e 's/[\\"]/\\&/g' -e 's/.*/\t"&\\n" \\/' $$f; echo '	""'; done >$@
$(B)/daemon/avro/fields.o: $(B)/include/glint_schemas.h

$(LIB): $(patsubst %.c,$(B)/%.o,$(PROCESSORS) $(DAEMON) $(CTL))
	@rm -f $@
	$(call Q,AR)ar rcs $@ $^

$(B)/%.o: %.c | $(B)/include/version.h
	@mkdir -p $(@D)
	$(call Q,CC)$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(B)/glintd: $(B)/daemon/main.o $(LIB)
	$(call Q,LINK)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(B)/glintctl: $(B)/ctl/main.o $(LIB)
	$(call Q,LINK)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(B)/tests/unit/test_%: $(B)/tests/unit/test_%.o $(B)/tests/unit/shop.o $(LIB)
	$(call Q,LINK)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS) -lcmocka

# of the decoder alone: it is built twice
$(B)/tests/fuzz/fuzz_decode: $(B)/tests/fuzz/fuzz_decode.o $(patsubst %.c,$(B)/%.o,$(AVRO))
	$(call Q,LINK)$(CC) $(ALL_LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LIBS)

$(B)/tests/fuzz/fuzz_%: $(B)/tests/fuzz/fuzz_%.o $(LIB)
	$(call Q,LINK)$(CC) $(ALL_LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LIBS)

$(B)/tests/decode/%: $(B)/tests/decode/%.o $(LIB)
	$(call Q,LINK)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(B)/tests/sentiment/%: $(B)/tests/sentiment/%.o $(LIB)
	$(call Q,LINK)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(B)/bench/%: $(B)/bench/%.o $(LIB)
	$(call Q,LINK)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

-include $(shell find $(B) -type f -name '*.d' 2>/dev/null)

# --- people's targets ---
demo: ## install what is missing, build, show a shop live (SEED=n, DATA=DIR, KAFKA=1)
	@tools/install-deps $(if $(filter-out 0,$(KAFKA)),kafka,demo)
	@$(MAKE) --no-print-directory $(JOBS) all
	@GLINT_BUILD=$(B) tools/demo

test: ## install what is missing, build, unit and end-to-end tests
	@tools/install-deps test
	@$(MAKE) --no-print-directory $(JOBS) run-tests

run-tests: all $(UNIT_PROGRAMS) $(B)/tests/sentiment/score_lines $(B)/tests/decode/print_events
	@tests/run --build $(B) --unit $(UNIT_PROGRAMS) --e2e $(E2E) --kafka $(E2E_KAFKA)

test-unit: $(UNIT_PROGRAMS) ## unit tests alone
	@tests/run --build $(B) --unit $(UNIT_PROGRAMS)

test-kafka: all ## the tests on a real Apache Kafka alone
	@tests/run --build $(B) --kafka $(E2E_KAFKA)

test-faults: ## the whole fault suite on a real Apache Kafka (SEED=n repeats a run)
	@tools/install-deps test
	@$(MAKE) --no-print-directory $(JOBS) all
	@FAULTS=full tests/run --build $(B) --limit 2700 --show --kafka $(patsubst %,../faults/%,$(FAULT_PROGRAMS))

lint: ## house rules, shell and Python syntax, cppcheck
	@tools/install-deps lint
	@$(MAKE) --no-print-directory run-lint

# where cppcheck 2.10 is wrong: what it believes uninitialised (gcc judges that better), and two of its findings
CPPCHECK_WRONG := --suppress=missingIncludeSystem --suppress=uninitvar --suppress=legacyUninitvar \
	--suppress=identicalInnerCondition:daemon/state/items.c --suppress=memleak:daemon/config/option.c
run-lint:
	tests/rooms
	for f in $$(git ls-files | xargs grep -lE '^#!/bin/(ba)?sh' --); do bash -n $$f || exit 1; done
	python3 -B -c 'import ast, sys; [ast.parse(open(f).read(), f) for f in sys.argv[1:]]' $$(git ls-files '*.py')
	cppcheck --quiet --error-exitcode=1 --std=c11 --enable=warning --inline-suppr -D_GNU_SOURCE -I. $(CPPCHECK_WRONG) \
		$(PROCESSORS) $(DAEMON) $(CTL)

SOURCES = $(shell git ls-files '*.c' '*.h')

format: ## write every C file as .clang-format says
	@tools/install-deps format
	clang-format-14 -i $(SOURCES)

format-check: ## fail when a C file is not as .clang-format says
	@tools/install-deps format
	clang-format-14 --dry-run --Werror $(SOURCES)

test-mutants: all $(UNIT_PROGRAMS) ## break one rule at a time: its test must fail (some 10 minutes)
	@tools/install-deps test
	@tests/mutants/run --build $(B)

# sanitizer builds keep their objects apart; FORTIFY would hide calls from the sanitizers. A report in a daemon's log fails its case
SANITIZED = $(MAKE) --no-print-directory $(JOBS) HARDEN=-fPIE CFLAGS="-O1 -g -fno-omit-frame-pointer -Wno-format-truncation" \
	E2E="$(E2E_SANITIZED)" E2E_KAFKA="$(E2E_KAFKA_SANITIZED)" run-sanitized
asan: E2E_KAFKA_SANITIZED += $(patsubst %,../faults/%,$(FAULT_PROGRAMS))
asan: ## unit tests, some end to end and the fault suite's short form under the address and undefined-behaviour sanitizers
	@tools/install-deps test
	@ASAN_OPTIONS=detect_stack_use_after_return=1 LSAN_OPTIONS=print_suppressions=0:suppressions=$(CURDIR)/tests/sanitizers/lsan.supp \
		UBSAN_OPTIONS=print_stacktrace=1 $(SANITIZED) B=build/asan SAN="-fsanitize=address,undefined -fno-sanitize-recover=all"

tsan: ## unit tests and some end to end under the thread sanitizer
	@tools/install-deps test
	@TSAN_OPTIONS=suppressions=$(CURDIR)/tests/sanitizers/tsan.supp:history_size=4 $(SANITIZED) B=build/tsan \
		SAN=-fsanitize=thread SAN_OBJECTS=build/tsan/tests/sanitizers/threads.o

$(PROGRAMS) $(UNIT_PROGRAMS): $(SAN_OBJECTS)

run-sanitized: all $(UNIT_PROGRAMS)
	@tests/run --build $(B) --unit $(UNIT_PROGRAMS) --e2e $(E2E) --kafka $(E2E_KAFKA)

FUZZ_RUNS ?= 1000000
FUZZ_MAKE = $(MAKE) --no-print-directory CC=clang-14 HARDEN=-fPIE CFLAGS="-O1 -g -fno-omit-frame-pointer" \
	SAN="-fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=all -fsanitize-ignorelist=tests/sanitizers/fuzz.ignore"
fuzz: ## libFuzzer on all that takes bytes from outside, a planted overflow first (FUZZ_RUNS=n)
	@tools/install-deps fuzz
	@$(FUZZ_MAKE) $(JOBS) B=build/fuzz-planted PLANTED=-DGLINT_PLANTED_OVERFLOW build/fuzz-planted/tests/fuzz/fuzz_decode
	@$(FUZZ_MAKE) $(JOBS) B=build/fuzz fuzz-programs
	@FUZZ_RUNS=$(FUZZ_RUNS) tests/fuzz/run.sh build/fuzz-planted build/fuzz $(FUZZ)

fuzz-programs: $(FUZZ_PROGRAMS)

bench: ## measure speed, memory and latency
	@tools/install-deps bench
	@$(MAKE) --no-print-directory $(JOBS) all $(patsubst %,$(B)/bench/%,$(BENCH_PROGRAMS))
	@GLINT_BUILD=$(B) bench/run $(BENCH)

bench-quality: all $(B)/bench/bench_spike $(B)/bench/bench_sentiment ## the models against the references, as a table
	@GLINT_BUILD=$(B) bench/quality

coverage: ## line coverage of the unit tests, file by file
	@$(MAKE) --no-print-directory $(JOBS) B=build/coverage HARDEN=-fPIE CFLAGS="-O0 -g -Wno-format-truncation" SAN=--coverage test-unit
	@tools/coverage build/coverage

install: all ## install under PREFIX (/usr/local) and SYSCONFDIR (/etc), below DESTDIR
	@tools/install-files $(B) '$(DESTDIR)' '$(PREFIX)' '$(SYSCONFDIR)'

uninstall: ## remove what install put there; configuration stays
	@tools/install-files --remove '$(DESTDIR)' '$(PREFIX)' '$(SYSCONFDIR)'

deb: all ## a Debian package under build/
	@tools/make-deb $(B) $(VERSION)

clean: ## remove build/
	rm -rf build

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' Makefile

.PHONY: all demo test run-tests test-unit test-kafka test-faults test-mutants lint run-lint format format-check asan tsan run-sanitized fuzz fuzz-programs bench bench-quality coverage \
	install uninstall deb clean help
.PRECIOUS: $(B)/%.o
