#!/usr/bin/env bash
# Run unit tests, bats files and the checks of headers and layers, as many side by side as there are
# cores (or JOBS); the last lines say which ones failed, once more, and count them.
# With words: unit, tools, structure run only those; a name of a test runs only that one.
set -u
cd "$(dirname "$0")/.." || exit 1
given=${BUILD:-build} # in the words of the make above: other words are other flags, and all would be compiled again
BUILD=$(cd "$given" && pwd) || exit 1
export BUILD PATH="$BUILD/bin:$BUILD/test/gen:$PATH"
JOBS=${JOBS:-$(nproc 2>/dev/null || echo 2)}
[ $# -gt 0 ] || set -- structure tools unit
passed=0 failed=0 skipped=0 running=0 again=()
logs=$(mktemp -d) || exit 1
trap 'rm -rf "$logs"' EXIT
# The tests are about the CPU and the host executor, also where there is a GPU (test/gpu).
export CUDA_VISIBLE_DEVICES=
# In builds with sanitizers: fontconfig, which cairo asks for fonts, does not give back what it has read.
echo leak:libfontconfig >"$logs/suppressed"
export LSAN_OPTIONS=suppressions=$logs/suppressed:print_suppressions=0
trap 'kill $(jobs -p) 2>/dev/null; exit 130' INT TERM

# Each of these runs one test; its lines are "ok ...", "not ok ...", "skip ..." or TAP.
# shellcheck disable=SC2086 # EMULATOR: one and its options, where the programs are of another machine
unit() { env --default-signal=INT ${EMULATOR-} "$BUILD/test/unit/$1"; }
tools() { env --default-signal=INT -u MAKEFLAGS -u MAKELEVEL -u MFLAGS bats --tap "$1"; } # the makes in them are not below the one that runs this; Ctrl-C is tested
structure() { # with the variables of the make above, and not its job slots
    local variables=
    case ${MAKEFLAGS:-} in *'-- '*) variables="-- ${MAKEFLAGS#*-- }" ;; esac
    MAKEFLAGS=$variables make --no-print-directory BUILD="$given" "$1" && echo "ok $1"
}

# start KIND NAME: run it beside this script, once fewer than JOBS run
start() {
    local log=$logs/${2##*/}
    while [ $running -ge "$JOBS" ]; do reap; done
    running=$((running + 1))
    {
        from=$SECONDS
        "$1" "$2" >"$log" 2>&1
        echo "$? $1 $2 $((SECONDS - from))" >"$log.end"
        mv "$log.end" "$log.done" # complete when it is there
    } &
}

# wait for one to end; say what was wrong in those that ended, and add up
reap() {
    local end rc kind name took
    wait -n
    if [ $? -eq 127 ]; then # none is left, but some have not said how they ended
        echo "not ok $running tests were killed"
        failed=$((failed + running)) running=0
    fi
    for end in "$logs"/*.done; do
        [ -e "$end" ] || continue
        running=$((running - 1))
        read -r rc kind name took <"$end"
        [ "$took" -lt 20 ] || echo "$name took $took s:"
        report "$rc" "$kind" "$name" "${end%.done}"
        rm "$end"
    done
}

report() { # report RC KIND NAME LOG
    local ok bad skip planned
    skip=$(grep -cE '^skip |^ok .* # skip' "$4")
    ok=$(grep -E '^ok ' "$4" | grep -cvE ' # skip')
    bad=$(grep -cE '^not ok ' "$4")
    [ "$2" != unit ] || echo "$3: $(grep -E '^[0-9]+ passed, ' "$4" || echo "$ok passed, did not end")"
    [ "$2" != tools ] || echo "$3: $ok passed, $bad failed$([ "$skip" -eq 0 ] || echo ", $skip skipped")"
    if [ "$2" = unit ]; then
        grep -E '^(not ok|skip|#)' "$4"
    else
        grep -vE '^(ok |1\.\.)' "$4"
        grep -E '^ok .* # skip' "$4"
    fi
    # A program that died, and a bats file that did not come to its end, say nothing of a failure.
    planned=$(sed -n 's/^1\.\.//p' "$4")
    if [ "$2" = tools ] && [ $((ok + bad + skip)) -ne "${planned:--1}" ]; then
        echo "not ok $3: $((ok + bad + skip)) of ${planned:-its} tests ran"
        bad=$((bad + 1))
    elif [ "$1" -ne 0 ] && [ "$bad" -eq 0 ]; then
        tail -n 20 "$4"
        echo "not ok $3: exit $1"
        bad=1
    fi
    [ "$bad" -eq 0 ] || again+=("$3: $bad failed" "$(grep -E -A 8 '^not ok ' "$4" || tail -n 8 "$4")")
    passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + skip))
}

for what; do
    case $what in
    unit) for f in test/unit/*.c; do [ ! -e "$f" ] || start unit "$(basename "$f" .c)"; done ;;
    tools) for f in test/*.bats; do [ ! -e "$f" ] || start tools "$f"; done ;;
    structure) for t in check-headers check-layers; do start structure "$t"; done ;;
    *.bats) start tools "$what" ;;
    *) start unit "$what" ;;
    esac
done
while [ $running -gt 0 ]; do reap; done
[ $failed -eq 0 ] || printf '%s\n' "What failed, once more:" "${again[@]}"
if [ $skipped -gt 0 ]; then
    echo "$passed passed, $failed failed, $skipped skipped"
else
    echo "$passed passed, $failed failed"
fi
[ $failed -eq 0 ]
