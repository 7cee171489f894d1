#!/usr/bin/env bats
# Calls that fail: the short version of "make fault" (test/fault/run.sh), and the shim itself.
bats_require_minimum_version 1.8.0
load lib/va
setup() {
    ! grep -q fsanitize "$BUILD/flags" || skip "sanitizers bring their own malloc and main"
    cd "$BATS_TEST_TMPDIR" || return
}

# with PLAN COMMAND...: prints the function that failed; the status and words are those of the command
with() {
    : >report
    LD_PRELOAD=$BUILD/test/fault/fault.so VA_FAULT=$1 VA_FAULT_REPORT=report "${@:2}"
}
fired() { tr '\0' '\n' <report | head -n 1; }

@test "one call fails, in the program or in its child, and is named" {
    make_features --frames 30 --seed 7 in.h5
    run -0 with open:0:EIO va-window -q -o w.h5 in.h5
    [ "$(fired)" = "" ]
    run -4 --separate-stderr with sync:1:EIO va-window -q -o w.h5 in.h5
    [ "$(fired)" = fsync ]
    run -4 with process:1:EAGAIN va-check in.h5
    [ "$(fired)" = fork ]
    run -0 with process:2:EAGAIN va-check in.h5
    [ "$(fired)" = "" ]
    run -4 with write:1:ENOSPC va-window --help
    [ "$(fired)" = "stdio write" ]
    run -125 with opne:1:EIO va-check in.h5
}

# sweep CLASS:ERRNO COMMAND...: the command with 40 of its calls failing, one in each run: it succeeds
# or ends with 4 and a line
sweep() {
    local calls n step status=0
    with "${1%:*}:0:${1#*:}" "${@:2}"
    calls=$(($(od -An -t d8 -j 64 -N 8 report)))
    step=$((calls / 40 + 1))
    for ((n = step; n <= calls; n += step)); do
        status=0
        with "${1%:*}:$n:${1#*:}" "${@:2}" >out.txt 2>err.txt || status=$?
        if [ $status -ne 0 ] && { [ $status -ne 4 ] || [ "$(wc -l <err.txt)" -ne 1 ]; }; then
            explain "$1, call $n of $calls: status $status: $(cat err.txt)"
            return
        fi
    done
}

@test "no failed allocation makes good files damaged: HDF5, zip, safetensors, pictures, video" {
    export OMP_NUM_THREADS=1
    make_features --frames 30 --seed 7 in.h5
    va-weights init --arch mamba-va --in-dim 6 --channels 5,4 --kernel 3 --layers 1 --d-state 3 \
        --hidden 4 -o head.h5
    va-weights export -o head.safetensors head.h5
    cp "$BATS_TEST_DIRNAME/golden/pth/ours.pth" head.pth
    mkdir crops
    for n in 1 2 3; do make_image crops/0000$n.jpg 16 12 $((50 * n)); done
    make_video v.mp4 32 24 5 25
    sweep memory:ENOMEM va-check in.h5
    sweep memory:ENOMEM va-weights import -q -o w.h5 head.safetensors
    sweep memory:ENOMEM va-weights import -q -o w.h5 head.pth
    sweep memory:ENOMEM va-decode -q -o frames.h5 crops
    make_zip -d crops.zip crops
    for class in memory:ENOMEM read:EIO open:EIO; do
        sweep $class va-decode -q -o frames.h5 crops.zip
        sweep $class va-decode -q --unconfined -o frames.h5 crops.zip
    done
    sweep memory:ENOMEM va-decode -q -o frames.h5 v.mp4
}

@test "an earlier output that cannot be read for a moment is no foreign file" {
    make_features --frames 30 --seed 7 in.h5
    va-window -q -o w.h5 in.h5
    sweep open:EIO va-window -q -o w.h5 in.h5
    sweep read:EIO va-window -q -o w.h5 in.h5
}

@test "lists of folds: all new or all as before" {
    printf 'clip\tgroup\tfold\na\tg\t0\nb\th\t1\n' >one.tsv
    printf 'clip\tgroup\tfold\na\tg\t1\nb\th\t0\n' >two.tsv
    va-fold split -q --folds-tsv one.tsv -o folds
    cp -r folds before
    for n in 1 2 3 4 5 6 7 8 9 10; do
        run with rename:$n:EIO va-fold split -q --folds-tsv two.tsv -o folds
        [ "$(fired)" != "" ] || break
        [ "$status" -eq 4 ]
        [ "${#lines[@]}" -eq 1 ]
        diff -r before folds
    done
    [ "$n" -gt 4 ]
}

@test "short version of make fault" {
    local log=$BATS_TEST_TMPDIR/log
    "$BATS_TEST_DIRNAME/fault/run.sh" --short >"$log" || explain "$(tail -n 20 "$log")"
    [[ $(tail -n 1 "$log") == *" 0 violations" ]]
}
