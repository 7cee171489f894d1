#!/usr/bin/env bash
# Run unit tests, bats files and the checks of headers and layers; the last line counts them.
# With words: unit, tools, structure run only those; a name of a test runs only that one.
set -u
cd "$(dirname "$0")/.." || exit 1
BUILD=$(cd "${BUILD:-build}" && pwd) || exit 1
export BUILD PATH="$BUILD/bin:$BUILD/test/gen:$PATH"
[ $# -gt 0 ] || set -- unit tools structure
passed=0 failed=0 skipped=0
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT

count() { # add the counts of one log, whose lines are "ok ...", "not ok ...", "skip ..." or TAP
    skipped=$((skipped + $(grep -cE '^skip |^ok .* # skip' "$log")))
    passed=$((passed + $(grep -E '^ok ' "$log" | grep -cvE ' # skip')))
    failed=$((failed + $(grep -cE '^not ok ' "$log")))
}

unit() {
    local name=$1 rc
    "$BUILD/test/unit/$name" >"$log" 2>&1
    rc=$?
    grep -E '^(not ok|skip|#)' "$log"
    count
    if [ $rc -ne 0 ] && ! grep -q '^not ok' "$log"; then
        tail -n 20 "$log"
        echo "not ok $name: exit $rc"
        failed=$((failed + 1))
    fi
    echo "$name: $(tail -n 1 "$log")"
}

tools() {
    echo "$1"
    bats --tap "$1" >"$log" 2>&1 || true
    grep -vE '^(ok |1\.\.)' "$log"
    grep -E '^ok .* # skip' "$log"
    grep -qE '^1\.\.' "$log" || { echo "not ok $1 did not run"; failed=$((failed + 1)); }
    count
}

structure() {
    for t in check-headers check-layers; do
        if make --no-print-directory BUILD="$BUILD" "$t" >"$log" 2>&1; then
            passed=$((passed + 1))
        else
            cat "$log"
            echo "not ok $t"
            failed=$((failed + 1))
        fi
    done
}

for what; do
    case $what in
    unit) for f in test/unit/*.c; do [ ! -e "$f" ] || unit "$(basename "$f" .c)"; done ;;
    tools) for f in test/*.bats; do [ ! -e "$f" ] || tools "$f"; done ;;
    structure) structure ;;
    *.bats) tools "$what" ;;
    *) unit "$what" ;;
    esac
done
if [ $skipped -gt 0 ]; then
    echo "$passed passed, $failed failed, $skipped skipped"
else
    echo "$passed passed, $failed failed"
fi
[ $failed -eq 0 ]
