#!/usr/bin/env bats
# The programs of make bench work; what they measure is looked at by people.
bats_require_minimum_version 1.8.0

setup() {
    bin=$(dirname "$(command -v make_features)")/../bench
    [ -x "$bin/temporal" ] || skip "the benchmarks are not built (make bench)"
}

@test "a row says its time, its rate and its error" {
    run "$bin/temporal" conv-fwd -n 2 --batch 1 --frames 70
    [ "$status" -eq 0 ]
    [[ $output == '{"row": "conv-fwd", "batch": 1, "frames": 70, "median_s": '*'"error": '*'e-07, "peak_mib": '*'}' ]]
}

@test "run.sh: a word that is no row is answered with the rows, and nothing is written" {
    for word in foo --help; do
        run -2 env BUILD=none "$BATS_TEST_DIRNAME/bench/run.sh" scan $word
        [[ $output == "usage: test/bench/run.sh [ROW...]; rows: step forward "*" windows windows-h5" ]]
    done
}

@test "run.sh: a row that fails, or its peer, is no success; PAIRS is a number" {
    run_sh="$BATS_TEST_DIRNAME/bench/run.sh"
    mkdir -p "$BATS_TEST_TMPDIR"/build/{bin,test/bench} && cd "$BATS_TEST_TMPDIR"
    printf '#!/bin/sh\necho fake\n' >build/bin/va-check
    # shellcheck disable=SC2016 # of the scripts
    printf '#!/bin/sh\n[ "$1" != "$BAD" ] || exit 1\necho "{\\"median_s\\": 1, \\"rate\\": 1}"\n' | tee build/test/bench/{peaks,scan,media} >/dev/null
    printf '#!/bin/sh\nexit 1\n' >no-peer
    chmod +x build/bin/* build/test/bench/* no-peer
    export BUILD=$PWD/build
    run -0 env BAD=none "$run_sh" scan windows
    run -1 env BAD=windows "$run_sh" scan windows
    [[ $output == *"windows       failed"* ]] || explain "$output"
    run -1 env BAD=none PAIRS=1 PEERS="$PWD/no-peer" "$run_sh" scan
    for pairs in 0 x 01; do
        run -2 env PAIRS=$pairs "$run_sh" scan
        [ "$output" = "PAIRS=$pairs: expected a number, 1 or more" ]
    done
}

@test "in lockstep a run answers every line" {
    run bash -c 'printf "\n\n" | "$0" scan --batch 1 --frames 30 --lockstep' "$bin/scan"
    [ "$status" -eq 0 ]
    [ "${#lines[@]}" -eq 3 ]
    [ "${lines[0]}" = ready ]
    [[ ${lines[2]} =~ ^0\.[0-9]{6}$ ]]
}

@test "pictures, a video and windows are read as they are stored" {
    ffmpeg -v error -encoders | grep -q libx264 || skip "ffmpeg cannot write H.264 here"
    for row in "jpeg --frames 9" "video --frames 9" windows; do
        # shellcheck disable=SC2086 # a list of words
        run "$bin/media" $row -n 1
        [ "$status" -eq 0 ]
        [[ $output == *'"error": 0.00e+00'* ]]
    done
}

@test "an unknown row is refused with a list" {
    run "$bin/scan" nothing
    [ "$status" -eq 2 ]
    [[ $output == "usage: "*"rows: scan-fwd scan" ]]
}
