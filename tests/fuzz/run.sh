#!/bin/sh
# Fuzzes the decoder: first a build with one bound off by one, which must be found, to show that the fuzzer looks; then the real
# one, FUZZ_RUNS (1,000,000) executions without a finding.
#
#   tests/fuzz/run.sh PLANTED REAL     two programs of fuzz_decode.c (make fuzz builds them)
set -eu
cd "$(dirname "$0")/../.."
planted=$1 real=$2 runs=${FUZZ_RUNS:-1000000}
work=$(dirname "$real")/decode
rm -rf "$work"
mkdir -p "$work/seeds" "$work/planted" "$work/corpus"

# one good record for each decoder of the target; its first byte chooses the decoder
printf '\000\002e\002\002u\004\002\002s\002\002i\000\000\002\244\023\002\002v\000\000\000\000' >"$work/seeds/click"
printf '\001\002e\002\002u\002o\006EUR\002\002i\002\244\023\000\002\000\000\000\000\000' >"$work/seeds/purchase"
printf '\002\002e\002\002u\004ok\002\002i\000\000\002\000\000\200\100\000\000\000' >"$work/seeds/review"
printf '\003\002i\002t\002c\012\006EUR\001\000\002\002\002k\002v\000\000' >"$work/seeds/item"
printf '\004\000\001\002e\002\000\002u\000\000FFF\000gggg\002\002i\004\000\004' >"$work/seeds/shop-click"
printf '\005\002e\002\000\002u\002o\006EUR\002\002\002\000\002i\002\002\000' >"$work/seeds/shop-purchase"
printf '\006\002e\002\000\002u\002\004ok\002b\002\010' >"$work/seeds/shop-review"
printf '\007\000\000\000\000\001\002e\002\002u\004' >"$work/seeds/confluent"

options="-max_len=600 -rss_limit_mb=512 -timeout=5 -seed=3 -print_final_stats=1"
echo "== planted overflow"
# shellcheck disable=SC2086
if "$planted" $options -runs="$runs" -artifact_prefix="$work/planted-" "$work/planted" "$work/seeds" 2>"$work/planted.log"; then
	echo "fuzz: the planted overflow was not found in $runs executions" >&2
	exit 1
fi
grep -q 'AddressSanitizer: heap-buffer-overflow' "$work/planted.log" || { tail -30 "$work/planted.log"; exit 1; }
grep -E 'AddressSanitizer: heap|number_of_executed' "$work/planted.log"
echo "== the decoder, $runs executions"
# shellcheck disable=SC2086
"$real" $options -runs="$runs" -artifact_prefix="$work/found-" "$work/corpus" "$work/seeds" 2>"$work/real.log" ||
	{ tail -40 "$work/real.log"; exit 1; }
grep -E 'number_of_executed|average_exec|peak_rss|new_units' "$work/real.log"
grep -E 'DONE' "$work/real.log" | tail -1
