#!/bin/sh
# Renews a list of verdicts from the log of a suite that was run with `go test -v`: renew.sh csapi.txt LOG
# A test that passed and does not pass any more leaves the list as it was, and is named: the list may only improve.
set -eu
list=$1 log=$2
new=$(mktemp)
trap 'rm -f "$new"' EXIT
sed -n 's/^--- \(PASS\|FAIL\|SKIP\): \([A-Za-z0-9_]*\).*/\2 \1/p' "$log" | LC_ALL=C sort -u >"$new"
worse=$(grep ' PASS$' "$list" | grep -vxFf "$new" || true)
if [ -n "$worse" ]; then
	printf 'no longer passed:\n%s\n' "$worse" >&2
	exit 1
fi
cat "$new" >"$list"
printf '%s of %s pass\n' "$(grep -c ' PASS$' "$list" || true)" "$(grep -c . "$list" || true)"
