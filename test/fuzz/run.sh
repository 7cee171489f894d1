#!/usr/bin/env bash
# run.sh SECONDS TARGET... - give each fuzz target new inputs for so long, one after the other, and
# print a line each. Exit 1 where something was found; the input stays, and the line says how to
# repeat it. What inputs taught is kept in the corpus of the target, as small as it can be.
set -u
seconds=$1
shift
build=${BUILD:-build}
fuzz=$build/fuzz
export PATH="$PWD/$build/bin:$PWD/$build/test/gen:$PATH"
# freed memory is kept for a while, but not so much that a fork takes long
export ASAN_OPTIONS=abort_on_error=1:allocator_may_return_null=1:handle_abort=1:quarantine_size_mb=16
export UBSAN_OPTIONS=print_stacktrace=1
mkdir -p "$fuzz/findings"
# in memory where that can be: an input is a file, and a run has thousands a second
TMPDIR=$(mktemp -d -p /dev/shm 2>/dev/null || mktemp -d) || exit 1
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT
test/fuzz/seeds.sh "$fuzz/test/fuzz" || exit 1
found=0

for target; do
    program=$fuzz/test/fuzz/$target corpus=$fuzz/corpus/$target log=$fuzz/$target.log
    if [ ! -x "$program" ]; then
        echo "fuzz: no target $target, expected one of: $(basename -s .c test/fuzz/*.c | paste -sd ' ')" >&2
        exit 2
    fi
    mkdir -p "$corpus"
    # HDF5 keeps memory from one input to the next, so leaks are looked for once, at the end
    leaks=1
    if grep -q fuzz_h5 "test/fuzz/$target.c"; then leaks=0; fi
    rc=0
    "$program" -max_total_time="$seconds" -timeout=25 -rss_limit_mb=3000 -malloc_limit_mb=1500 \
        -close_fd_mask=3 -print_final_stats=1 -detect_leaks=$leaks -artifact_prefix="$fuzz/findings/$target-" \
        "$corpus" "$fuzz/test/fuzz/seeds/$target" >"$log" 2>&1 || rc=$?
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -n 1)
    if [ $rc -eq 0 ]; then
        mkdir -p "$corpus.small"
        "$program" -merge=1 -max_total_time="$((seconds + 10))" -close_fd_mask=3 -detect_leaks=0 "$corpus.small" "$corpus" \
            >>"$log" 2>&1 && rm -rf "$corpus" && mv "$corpus.small" "$corpus"
        rm -rf "$corpus.small"
        echo "$target: ${runs:-0} inputs in $seconds s, no finding; corpus of $(find "$corpus" -type f | wc -l)"
        continue
    fi
    found=1
    input=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
    echo "$target: $(grep -m 1 -E '^found: |runtime error: |ERROR: [A-Za-z]+Sanitizer|ERROR: libFuzzer' "$log")"
    echo "    repeat it: $program ${input:-(no input kept, see $log)}"
done
exit $found
