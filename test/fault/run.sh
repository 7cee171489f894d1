#!/usr/bin/env bash
# Make one call after the other fail in every tool (fault.c), and look at what is left.
#
#   test/fault/run.sh                   all cases of cases.bash, all classes of calls: make fault
#   test/fault/run.sh --short [CASE...] few calls, of three cases: for make check
#   test/fault/run.sh CASE...           these cases
#   test/fault/run.sh --once CASE PLAN  one run, as a line of a violation says; shows its words
#
# The n-th call of a class fails, n = 1, 2 ... 16 and then in steps of a quarter, until a run makes
# fewer calls than that. After each run must hold:
#   - exit 4 and one line of the tool on stderr; or exit 0, and every byte as in a run without fault
#   - no signal, no hang
#   - every file as before or as a run without fault leaves it; a checkpoint that va-check accepts; a
#     log that is a beginning of the whole one
#   - the same run again, without a fault, succeeds and leaves no .part
# The last line counts runs and violations; exit 1 if there are any. BUILD, JOBS as elsewhere.
set -u
cd "$(dirname "$0")/../.." || exit 1
BUILD=$(cd "${BUILD:-build}" && pwd) || exit 1
FAULT=$PWD/test/fault
JOBS=${JOBS:-$(nproc)} # asked before OMP_NUM_THREADS, which nproc heeds
export BUILD MAKE=true VA_PIPELINES=$PWD/pipelines PATH="$BUILD/bin:$BUILD/test/gen:$PATH" OMP_NUM_THREADS=1 LC_ALL=C
# shellcheck source=/dev/null
. "$FAULT/cases.bash"
SECONDS_MAX=60
PLANS=(open:EMFILE open:EIO read:EIO write:ENOSPC write:EIO close:EIO sync:EIO rename:EIO map:ENOMEM
    memory:ENOMEM process:EAGAIN thread:EAGAIN)
SHORT_CASES=(window score export-safetensors)

# ---- one case ------------------------------------------------------------------------------
# $case/before: the corpus and the earlier output; after: what a run leaves; now: the run at hand.
sums() { (cd "$1" && find . -type f -exec sha256sum {} + | sort); }

prepare() { # NAME THREADS
    local earlier run
    IFS='|' read -r _ earlier run < <(fault_cases | grep "^$1|")
    [ -n "$run" ] || { echo "$1: no such case" >&2; return 2; }
    read -ra command <<<"${run//-j J/-j $2}"
    tool=${command[0]}
    case=$work/$1.$2
    mkdir "$case" && cp -r "$CORPUS" "$case/before" || return 2
    (cd "$case/before" && eval "$earlier") >/dev/null || return 2
    cp -r "$case/before" "$case/after"
    (cd "$case/after" && "${command[@]}") >"$case/stdout" 2>"$case/err" </dev/null || {
        echo "$1: the run without a fault fails: $(cat "$case/err")" >&2
        return 2
    }
    sums "$case/before" >"$case/before.sums"
    sums "$case/after" >"$case/after.sums"
    sort -u "$case/before.sums" "$case/after.sums" >"$case/known.sums"
    rm -rf "$case/now"
}

violation() { broken+=("$*"); }

# One file that is neither as before nor as after a run.
judge_file() {
    local file=$1 size
    size=$(stat -c %s "$case/now/$file")
    case $file in
    *.part | *.part/*) ;; # the run again sweeps it
    *.state) va-check -q "$case/now/$file" 2>/dev/null || violation "$file: va-check refuses it" ;;
    *log/*.tsv) cmp -s -n "$size" "$case/now/$file" "$case/after/$file" ||
        violation "$file: not a beginning of the whole log" ;;
    *) violation "$file: neither the earlier nor the new one" ;;
    esac
}

judge_files() {
    local file
    while read -r _ file; do judge_file "$file"; done < <(comm -13 "$case/known.sums" "$case/now.sums")
    while read -r file; do
        violation "$file: lost"
    done < <(comm -23 <(cut -c 67- "$case/before.sums" | sort) <(cut -c 67- "$case/now.sums" | sort))
    # the lists of a split belong together
    if grep -q ' ./folds/' "$case/now.sums" &&
        ! cmp -s <(grep ' ./folds/' "$case/now.sums") <(grep ' ./folds/' "$case/before.sums") &&
        ! cmp -s <(grep ' ./folds/' "$case/now.sums") <(grep ' ./folds/' "$case/after.sums"); then
        violation "folds: some lists are the earlier ones, some new"
    fi
}

judge_words() { # STATUS
    local lines
    lines=$(wc -l <"$case/err")
    if [ "$1" -eq 124 ] || [ "$1" -eq 137 ]; then
        violation "hangs"
    elif [ "$1" -gt 128 ] && [ "$1" -lt 193 ]; then
        violation "signal $(($1 - 128))"
    elif [ "$1" -ne 0 ] && [ "$1" -ne 4 ]; then
        violation "exit $1: $(head -n 1 "$case/err")"
    fi
    if [ "$1" -ne 0 ] && [ "$lines" -ne 1 ]; then violation "$lines lines on stderr"; fi
    if grep -qv "^$tool: " "$case/err"; then
        violation "stderr: $(grep -v "^$tool: " "$case/err" | head -n 1)"
    fi
}

# The same run again must put everything right.
judge_again() {
    local -a again=("${command[@]}")
    if compgen -G "$case/now/*.state" >/dev/null; then again+=(--resume); fi
    if ! (cd "$case/now" && "${again[@]}") >/dev/null 2>"$case/again.err" </dev/null; then
        violation "the next run fails: $(head -n 1 "$case/again.err")"
        return
    fi
    sums "$case/now" >"$case/now.sums"
    cmp -s "$case/now.sums" "$case/after.sums" ||
        violation "the next run leaves $(comm -13 "$case/after.sums" "$case/now.sums" | head -n 1 | cut -c 67-)"
}

# Run with the fault CLASS:N:ERRNO. Sets fired (the function that failed, or empty) and broken.
inject() {
    local status=0
    broken=() fired=
    [ -d "$case/now" ] || cp -r "$case/before" "$case/now"
    : >"$case/report"
    { # the shell's own words about a signal go nowhere
        (cd "$case/now" && exec timeout -k 5 $SECONDS_MAX env LD_PRELOAD="$BUILD/test/fault/fault.so" \
            VA_FAULT="$1" VA_FAULT_REPORT="$case/report" VA_FAULT_PROGRAM="$tool" "${command[@]}") \
            >"$case/out" 2>"$case/err" </dev/null || status=$?
    } 2>/dev/null
    IFS= read -r -d '' fired <"$case/report"
    sums "$case/now" >"$case/now.sums"
    judge_words $status
    if [ $status -eq 0 ]; then
        cmp -s "$case/now.sums" "$case/after.sums" || violation "exit 0, but files differ"
        cmp -s "$case/out" "$case/stdout" || violation "exit 0, but stdout differs"
    else
        judge_files
    fi
    if ! cmp -s "$case/now.sums" "$case/before.sums"; then
        [ $status -eq 0 ] || judge_again
        rm -rf "$case/now"
    fi
}

# All calls of a class: a line for each violation, and last the number of runs.
campaign() { # CASE CLASS:ERRNO
    local name=$1 class=${2%:*} error=${2#*:} n=1 runs=0 threads=1 on='' line broken fired case tool
    local -a command
    [ "$class" != thread ] || threads=2
    [ "$error" != ENOSPC ] || on=+ # a full disk stays full
    work=$work/$name.$class.$error
    mkdir "$work" || return
    prepare "$name" $threads || { echo "broken $name"; return; }
    while :; do
        inject "$class:$n$on:$error"
        runs=$((runs + 1))
        for line in "${broken[@]}"; do
            echo "violation $name $class:$n$on:$error ($fired): $line"
        done
        [ -n "$fired" ] || break
        if [ -n "${SHORT-}" ]; then n=$((n < 3 ? n + 1 : n * 4)); else n=$((n < 16 ? n + 1 : n * 5 / 4)); fi
    done
    echo "runs $runs $name $2"
    rm -rf "$work"
}

# ---- all of them ---------------------------------------------------------------------------
if [ "${1-}" = --campaign ]; then
    campaign "$2" "$3"
    exit
fi
if [ ! -e "$BUILD/test/fault/fault.so" ]; then
    echo "test/fault/run.sh: no $BUILD/test/fault/fault.so: make fault" >&2
    exit 2
fi
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
export work SHORT CORPUS=$work/corpus
mkdir "$CORPUS" && (cd "$CORPUS" && set -e && make_corpus >/dev/null) || exit 1

if [ "${1-}" = --once ]; then
    threads=1
    [[ $3 != thread:* ]] || threads=2
    prepare "$2" $threads || exit
    inject "$3"
    cat "$case/err"
    printf '%s\n' "failed: ${fired:-nothing}" "${broken[@]/#/violation: }"
    exit $((${#broken[@]} > 0))
fi
SHORT=
if [ "${1-}" = --short ]; then
    SHORT=1
    shift
    [ $# -gt 0 ] || set -- "${SHORT_CASES[@]}"
elif [ $# -eq 0 ]; then
    mapfile -t names < <(fault_cases | cut -d '|' -f 1)
    set -- "${names[@]}"
fi
for name; do printf '%s\n' "${PLANS[@]/#/$name }"; done |
    xargs -P "$JOBS" -L 1 "$FAULT/run.sh" --campaign >"$work/log"
grep -vE '^runs ' "$work/log" | sort | sed 's/^violation \([^ ]*\) \([^ ]*\) .*/&    test\/fault\/run.sh --once \1 \2/'
runs=$(awk '$1 == "runs" { n += $2 } END { print n + 0 }' "$work/log")
bad=$(grep -cvE '^runs ' "$work/log")
echo "$runs runs with a fault, $bad violations"
[ "$bad" -eq 0 ]
