#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# The fuzz targets (test/fuzz) over their seeds, and what they found: each finding is a test here or
# beside the others of its reader. make fuzz gives them new inputs.
bats_require_minimum_version 1.8.0
load lib/va

setup() { cd "$BATS_TEST_TMPDIR" || return 1; }

@test "every target takes its seeds" {
    export TMPDIR=$BATS_TEST_TMPDIR
    mkdir seeds
    for f in "$BATS_TEST_DIRNAME"/fuzz/*.c; do
        cp "$BUILD/test/fuzz/$(basename "$f" .c)" .
    done
    "$BATS_TEST_DIRNAME/fuzz/seeds.sh" .
    for f in "$BATS_TEST_DIRNAME"/fuzz/*.c; do
        target=$(basename "$f" .c)
        run -0 --separate-stderr "./$target" "seeds/$target"
        [[ ${lines[-1]} =~ ^[1-9][0-9]*\ inputs$ ]] || explain "$target: $output"
    done
    [ -z "$(find . -maxdepth 1 -name 'va_fuzz_*')" ]
}

@test "a target that finds something says what, and ends badly" {
    cp "$BUILD/test/fuzz/frames" .
    printf x >input
    run -1 --separate-stderr ./frames input # there is no base file to change
    [ "$stderr" = "./base/frames.h5: cannot be read, run test/fuzz/seeds.sh" ]
    run -1 --separate-stderr ./frames no-such-input
}

@test "found: frames whose numbers do not ascend, or are beyond the video" {
    va-weights init --arch vit_tiny -o tiny.h5
    for change in "1 1" "2 77" "0 0"; do
        make_frames --frames 3 --width 4 --height 4 --video a f.h5
        # shellcheck disable=SC2086
        h5edit f.h5 poke /index $change
        h5edit f.h5 delete @id
        run -3 --separate-stderr va-embed -w tiny.h5 -o out.h5 f.h5
        [[ $stderr == "va-embed: f.h5: /index["*"expected ascending numbers from 1 to 3" ]] || explain "$stderr"
        [ ! -e out.h5 ]
    done
}
