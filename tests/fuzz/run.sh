#!/bin/bash
# Fuzzes what takes bytes from outside: first the decoder with one bound off by one, which must be found, to show that the fuzzer looks;
# then each target, FUZZ_RUNS (1,000,000) executions without a finding. Their seeds are tests/fuzz/corpus/NAME/; what is found anew stays
# below the build folder. Prints executions and coverage (edges of ours that were reached) of each.
#
#   tests/fuzz/run.sh PLANTED REAL NAME...     two build folders, and the targets of the second (make fuzz builds them)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
planted=$1 real=$2 runs=${FUZZ_RUNS:-1000000}
shift 2
work=$PWD/$real/work
rm -rf "$work"
mkdir -p "$work"
# a record is at most 1 MiB: what asks for much more than that, or runs for seconds, is a finding
options="-rss_limit_mb=700 -malloc_limit_mb=64 -timeout=10 -seed=3 -print_final_stats=1 -verbosity=1"
suppressions=print_suppressions=0:suppressions=$PWD/tests/sanitizers/lsan.supp
# NAME: bytes of an input, and how many times dearer an execution is than one of the decoder
length() { case $1 in config | schema) echo 2000 ;; rows) echo 4000 ;; *) echo 600 ;; esac; }
dearer() { case $1 in decode) echo 1 ;; schema | redis) echo 5 ;; rows) echo 10 ;; *) echo 100 ;; esac; }
folders() { mkdir -p "$work/$1/corpus" && echo "$work/$1/corpus $PWD/tests/fuzz/corpus/${1%-planted}"; }

echo "== planted overflow"
# shellcheck disable=SC2046,SC2086
if "$planted/tests/fuzz/fuzz_decode" $options -max_len=600 -runs="$runs" -artifact_prefix="$work/planted-" $(folders decode-planted) 2>"$work/planted.log"; then
	echo "fuzz: the planted overflow was not found in $runs executions" >&2
	exit 1
fi
grep -q 'AddressSanitizer: heap-buffer-overflow' "$work/planted.log" || { tail -30 "$work/planted.log"; exit 1; }
grep -E 'AddressSanitizer: heap|number_of_executed' "$work/planted.log"
failed=0
for name in "$@"; do
	n=$((runs / $(dearer "$name")))
	# shellcheck disable=SC2046,SC2086
	if LSAN_OPTIONS=$suppressions "$real/tests/fuzz/fuzz_$name" $options -max_len="$(length "$name")" -runs="$n" -artifact_prefix="$work/$name-" \
		$(folders "$name") 2>"$work/$name.log"; then
		line=$(grep DONE "$work/$name.log" | tail -1)
		printf '%-8s %9d executions, %5d edges, %6d features, peak %4d MiB\n' "$name" \
			"$(sed -n 's/stat::number_of_executed_units: *//p' "$work/$name.log")" \
			"$(sed 's/.*cov: \([0-9]*\).*/\1/' <<<"$line")" "$(sed 's/.*ft: \([0-9]*\).*/\1/' <<<"$line")" \
			"$(sed -n 's/stat::peak_rss_mb: *//p' "$work/$name.log")"
	else
		echo "$name: a finding ($work/$name.log)"
		tail -40 "$work/$name.log"
		failed=1
	fi
done
exit $failed
