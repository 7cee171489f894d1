#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# pipelines/video.mk with FACES=yes: a table of all people of a video, with a detector of red squares.
bats_require_minimum_version 1.8.0
load lib/va
load lib/scene

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return 1
    make_detector red.h5
    va-weights init --arch vit_tiny -o tiny.h5
    va-weights init --arch mamba-va --in-dim 192 --channels 16,16 --kernel 3 --layers 1 -o model.h5
    scene "two & more.mkv" 1 "magenta 200-10*t 100 lt(t,0.4)+gt(t,0.6)" "red 20+10*t 30"
    scene one.mkv 1 "red 20+10*t 30"
    scene none.mkv 0.4 "blue 20 30"
}
setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    cp "$BATS_FILE_TMPDIR"/*.{h5,mkv} .
    pipelines=$(cd "$BATS_TEST_DIRNAME/../pipelines" && pwd)
    export VA_FACES=red.h5 FACES_OPTIONS="--min-track 0.4"
}

own() {
    make --no-print-directory -f "$pipelines/video.mk" BIN="$BUILD/bin" ENCODER=tiny.h5 MODEL=model.h5 OUT=out OVERLAY=no "$@"
}

@test "a row for every frame and person; frames without the person have face 0" {
    printf '%s\n' "two & more.mkv" one.mkv >list
    own VIDEO_LIST=list
    [ "$(cut -d , -f 3 out/one/one.csv | sort | uniq -c | xargs)" = "25 one 1 person" ]
    [ "$(cut -d , -f 3,4 out/two___more/two___more.csv | sort | uniq -c | xargs)" = \
        "1 person,face 25 two___more_left,1 6 two___more_right,0 19 two___more_right,1" ]
    awk -F , '$4 == 1 && !($5 > 0.7 && $5 <= 1) { bad = 1 } END { exit bad }' out/two___more/two___more.csv
    va-embed -w tiny.h5 --name one --faces out/one/one.faces.h5 -o direct.h5 one.mkv
    va-h5cmp direct.h5 out/one/features/one.h5
    [ -z "$(find out -name '*.frames.h5')" ]
    [ "$(own VIDEO_LIST=list)" = "make: Nothing to be done for 'all'." ]
    [ "$(own VIDEO=one.mkv list | cut -f 1 | xargs)" = "page table plot faces" ]
}

@test "other options of crops redo crops; other faces leave no person behind" {
    own VIDEO="one.mkv"
    [ "$(own -n VIDEO=one.mkv CROP_OPTIONS="--margin 0.1" V=1 | grep -o '/va-[a-z]*' | paste -sd ' ')" = \
        "/va-embed /va-predict /va-smooth /va-table /va-table /va-report /va-plot" ]
    [ "$(own -n VIDEO=one.mkv SMOOTH_OPTIONS="--window 5" V=1 | grep -o '/va-[a-z]*' | paste -sd ' ')" = \
        "/va-smooth /va-table /va-table /va-report /va-plot" ]
    mkdir other && scene other/one.mkv 1 "magenta 200-10*t 100" "red 20+10*t 30"
    rm out/one/one.csv
    own VIDEO=other/one.mkv
    [ "$(ls out/one/features)" = $'one_left.h5\none_right.h5' ]
    own VIDEO=other/one.mkv FACES_OPTIONS="--people 1"
    [ "$(ls out/one/features)" = one.h5 ]
}

@test "a video without a face is named in one line, has face 0 in every row, and the others go on" {
    run own VIDEO="none.mkv one.mkv"
    [ "$status" -eq 0 ]
    [ "$(grep -c "^va-embed: out/none/none.faces.h5: no face was found: the table of out/in/none.mkv will say face 0 in every frame$" <<<"$output")" -eq 1 ]
    [ "$(cut -d , -f 3,4 out/none/none.csv | sort | uniq -c | xargs)" = "10 none,0 1 person,face" ]
    [ -s out/none/none.html ] && [ -s out/one/one.html ]
    [ "$(own VIDEO="none.mkv one.mkv")" = "make: Nothing to be done for 'all'." ]
}

@test "FACES=auto: videos where a detector is there, and no folder of crops; yes and no are always so" {
    mkdir crops && for i in 1 2 3; do make_image crops/0000$i.png 20 20 90; done
    searched() { own -n VIDEO="one.mkv crops" V=1 "$@" | grep -o 'va-[a-z]* .*--name [a-z]*' | sed -n 's/va-faces.* //p' | paste -sd ' '; }
    unset VA_FACES
    mkdir -p prefix/bin prefix/share/mamba-va
    [ "$(searched BIN=prefix/bin)" = "" ]
    cp red.h5 prefix/share/mamba-va/yunet.h5
    [ "$(searched BIN=prefix/bin)" = one ]
    [ "$(VA_FACES=red.h5 searched)" = one ]
    [ "$(searched FACES=yes)" = "one crops" ]
    [ "$(VA_FACES=red.h5 searched FACES=no)" = "" ]
    own VIDEO=crops
    va-check out/crops/features/crops.h5
    mkdir blank && make_zip "blank/my crops.ZIP" crops
    [ "$(VA_FACES=red.h5 searched VIDEO="blank/my crops.ZIP")" = "" ]
    own VIDEO="blank/my crops.ZIP"
    [ "$(readlink out/in/my_crops.zip)" = "$PWD/blank/my crops.ZIP" ]
    same_numbers out/crops/features/crops.h5 out/my_crops/features/my_crops.h5
    [ -s out/my_crops/my_crops.html ] && [ ! -e out/my_crops/my_crops.overlay.mp4 ]
    run own VIDEO=one.mkv FACES=some
    [[ $output == *"FACES=some: expected auto, yes or no"* ]]
}

@test "a model that rates pictures needs no encoder; without any model only faces are found" {
    mkdir labels
    for v in a b; do
        make_frames --frames 9 --width 20 --height 20 --video $v $v.h5
        make_labels --frames 9 >labels/$v.txt
        echo $v >$v.txt
    done
    va-finetune -q -j 1 -w tiny.h5 --labels labels --train a.txt --val b.txt --batch 8 --per-video 8 --epochs 1 \
        --warmup-epochs 0 -o tuned.h5 a.h5 b.h5
    own ENCODER= MODEL=tuned.h5 VIDEO=one.mkv
    va-predict -q -m tuned.h5 -o direct.h5 out/one/features/one.h5
    va-h5cmp direct.h5 out/one/one.pred.h5
    own ENCODER= MODEL= VIDEO=one.mkv OUT=faces
    [ "$(find faces/one -type f)" = faces/one/one.faces.h5 ]
}
