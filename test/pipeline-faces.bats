#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# pipelines/video.mk with FACES=yes: a table of all people of a video, with a detector of red squares.
bats_require_minimum_version 1.8.0
load lib/va
load lib/scene

setup_file() {
    unset MAKEFLAGS MAKELEVEL MFLAGS
    cd "$BATS_FILE_TMPDIR" || return 1
    make_detector red.h5
    va-weights init --arch vit_tiny -o tiny.h5
    va-weights init --arch mamba-va --in-dim 192 --channels 16,16 --kernel 3 --layers 1 -o model.h5
    scene "two & more.mkv" 1 "magenta 200-10*t 100 lt(t,0.4)+gt(t,0.6)" "red 20+10*t 30"
    scene one.mkv 1 "red 20+10*t 30"
    scene none.mkv 0.4 "blue 20 30"
}
setup() {
    unset MAKEFLAGS MAKELEVEL MFLAGS
    cd "$BATS_TEST_TMPDIR" || return 1
    cp "$BATS_FILE_TMPDIR"/*.{h5,mkv} .
    pipelines=$(cd "$BATS_TEST_DIRNAME/../pipelines" && pwd)
    export VA_FACES=red.h5 FACES_OPTIONS="--min-track 0.4"
}

own() {
    make --no-print-directory -f "$pipelines/video.mk" BIN="$BUILD/bin" ENCODER=tiny.h5 MODEL=model.h5 OUT=out FACES=yes "$@"
}

@test "a row for every frame and person; frames without the person have face 0" {
    printf '%s\n' "two & more.mkv" one.mkv >list
    own VIDEO_LIST=list
    [ "$(cut -f 3 out/one.tsv | sort | uniq -c | xargs)" = "25 one 1 person" ]
    [ "$(cut -f 3,4 out/two___more.tsv | sort | uniq -c | xargs)" = \
        "1 person face 25 two___more_left 1 6 two___more_right 0 19 two___more_right 1" ]
    awk -F '\t' '$4 == 1 && !($5 > 0.7 && $5 <= 1) { bad = 1 } END { exit bad }' out/two___more.tsv
    va-embed -w tiny.h5 --name one --faces out/faces/one.h5 -o direct.h5 one.mkv
    va-h5cmp direct.h5 out/people/one/one.h5
    [ "$(own VIDEO_LIST=list)" = "make: Nothing to be done for 'all'." ]
}

@test "other options of crops redo crops; other faces leave no person behind" {
    own VIDEO="one.mkv"
    [ "$(own -n VIDEO=one.mkv CROP_OPTIONS="--margin 0.1" V=1 | grep -o '/va-[a-z]*' | paste -sd ' ')" = "/va-embed /va-predict /va-report" ]
    mkdir other && scene other/one.mkv 1 "magenta 200-10*t 100" "red 20+10*t 30"
    rm out/one.tsv
    own VIDEO=other/one.mkv
    [ "$(ls out/people/one)" = $'one_left.h5\none_right.h5' ]
    own VIDEO=other/one.mkv FACES_OPTIONS="--people 1"
    [ "$(ls out/people/one)" = one.h5 ]
}

@test "a video without a face stops it in one line; a setting that is none" {
    run own VIDEO=none.mkv
    [ "$status" -eq 2 ] && [ ! -e out/none.tsv ]
    [[ $output == *"va-embed: out/faces/none.h5: has no person: no face of the video was found for long enough"* ]]
    run own VIDEO=one.mkv FACES=some
    [[ $output == *"FACES=some: expected yes or no"* ]]
}
