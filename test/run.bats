#!/usr/bin/env bats
# test/run.sh counts what passed and what did not, however a test ends, and however many run side by side.
bats_require_minimum_version 1.8.0
load lib/va

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    mkdir -p tree/test/unit tree/build/test/unit
    cp "$BATS_TEST_DIRNAME/run.sh" tree/test/
    export BUILD=$PWD/tree/build
}

program() { # program NAME COMMAND...: a unit test that runs this
    : >"tree/test/unit/$1.c"
    printf '#!/bin/sh\n%s\n' "$2" >"tree/build/test/unit/$1"
    chmod +x "tree/build/test/unit/$1"
}

@test "passed, failed, skipped, died: the last line counts them, whatever JOBS" {
    program test_good 'echo "ok a"; echo "ok b"; echo "2 passed, 0 failed"'
    program test_bad 'echo "ok a"; echo "# why"; echo "not ok b"; echo "1 passed, 1 failed"; exit 1'
    program test_skips 'echo "skip a: no luck"; echo "0 passed, 0 failed, 1 skipped"'
    # shellcheck disable=SC2016 # of other shells
    program test_dies 'echo "ok a"; kill -SEGV $$'
    printf '@test "fine" { true; }\n@test "left out" { skip "no luck"; }\n' >tree/test/fine.bats
    # shellcheck disable=SC2016
    printf '@test "one" { true; }\n@test "two" { kill -KILL $PPID $$; }\n@test "three" { true; }\n' >tree/test/ends.bats
    for jobs in 1 3 9; do
        JOBS=$jobs run -1 --separate-stderr tree/test/run.sh tools unit
        # 2 + 1 + 1 of programs, 1 + 1 of bats files; b, test_dies and the end of ends.bats
        [ "${lines[-1]}" = "6 passed, 3 failed, 2 skipped" ] || explain "$output"
        for said in "not ok b" "# why" "not ok test_dies: exit 139" "skip a: no luck" "not ok test/ends.bats: "; do
            [[ $output == *"$said"* ]] || explain "no '$said': $output"
        done
        # once more before the count
        again=${output#*"What failed, once more:"}
        for said in $'test_bad: 1 failed\nnot ok b' $'test_dies: 1 failed\nok a' $'test/ends.bats: 1 failed\n'; do
            [[ $again != "$output" && $again == *"$said"* ]] || explain "no '$said' at the end: $output"
        done
        # each is told in one piece
        [[ $output == *"test_bad: 1 passed, 1 failed"$'\n'"# why"$'\n'"not ok b"* ]] || explain "$output"
    done
    JOBS=2 run -0 --separate-stderr tree/test/run.sh test_good test/fine.bats
    [ "${lines[-1]}" = "3 passed, 0 failed, 1 skipped" ]
}

@test "a program that is not there, and a bats file that cannot be read, fail" {
    : >tree/test/unit/test_none.c
    run -1 --separate-stderr tree/test/run.sh unit
    [ "${lines[-1]}" = "0 passed, 1 failed" ]
    echo '@test "x" {' >tree/test/broken.bats
    run -1 --separate-stderr tree/test/run.sh tools
    [ "${lines[-1]}" = "0 passed, 1 failed" ]
}
