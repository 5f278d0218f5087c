#!/bin/sh
# Makes the tests' Python environment, build/venv, with the public implementations that glint is held against: fastavro (Avro)
# and vaderSentiment (VADER). Does nothing when it is there. Prints the path of its python.
#
#   tests/venv.sh [BUILD]        exit code 69 when it cannot be made (no network); a test then skips and says so
set -eu
cd "$(dirname "$0")/.."
build=${1:-build}
wanted="fastavro==1.9.7 vaderSentiment==3.3.2"
venv=$build/venv
mkdir -p "$build"
exec 9>"$build/venv.lock"
flock 9
if [ "$(cat "$venv/glint-has" 2>/dev/null)" != "$wanted" ]; then
	rm -rf "$venv"
	# shellcheck disable=SC2086
	if ! { python3 -m venv "$venv" && "$venv/bin/pip" --disable-pip-version-check -q install $wanted; } >"$build/venv.log" 2>&1 </dev/null; then
		tail -3 "$build/venv.log" >&2
		echo "venv.sh: no Python environment with $wanted" >&2
		exit 69
	fi
	echo "$wanted" >"$venv/glint-has"
fi
echo "$PWD/$venv/bin/python" | sed "s|^$PWD//|/|"
