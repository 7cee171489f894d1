#!/usr/bin/env bats
# Videos and annotations in, the six-fold table and a submission out, through the pipelines.
# One small corpus is run once for the file; the tests look at what it left and at what a
# second make does.
bats_require_minimum_version 1.8.0

setup_file() {
    unset MAKEFLAGS MAKELEVEL MFLAGS
    top=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
    export top
    cd "$BATS_FILE_TMPDIR" || return
    va-synth -q --videos 7 --test 1 --frames 90 --window 60 --stride 40 --seed 5 -o corpus
    va-weights init --arch vit_tiny -o encoder.h5
    pipeline -j2 >log 2>&1 || { cat log; return 1; }
}

setup() {
    cd "$BATS_FILE_TMPDIR" || return
    unset MAKEFLAGS MAKELEVEL MFLAGS
}

# The pipeline on the corpus here, with further arguments for make.
pipeline() {
    make --no-print-directory -f "$top/pipelines/affwild2.mk" BIN="$BUILD/bin" ROOT=corpus \
        ENCODER=encoder.h5 SAMPLE=corpus/sample_submission.txt OUT="${OUT:-out}" \
        WINDOW_OPTIONS="--window 60 --stride 40" \
        TRAIN_OPTIONS="--channels 16,16 --kernel 3 --layers 1 --epochs 2 --warmup-epochs 1 --batch 4" \
        "$@"
}

# What make would run now: the last word of each command line's tool, sorted and counted.
pending() { pipeline -n | grep -o 'bin/va-[a-z0-9-]*' | sort | uniq -c | awk '{print $2 "=" $1}' | tr '\n' ' '; }

@test "the table has six folds, a mean, the baselines and the published numbers" {
    [ "$(grep -cE '^ *[0-5] ' out/table.txt)" -eq 6 ]
    grep -q '\.4651' out/table.txt
    grep -qi ridge out/table.txt
    run ! grep -q nan out/table.txt
}

@test "every file of every stage passes va-check" {
    find out -name '*.h5' >files
    [ "$(wc -l <files)" -gt 50 ]
    while read -r f; do va-check "$f" || return 1; done <files
    [ -z "$(find out corpus -name '*.part' -o -name '.*.part')" ]
}

@test "the submission has the rows of the sample, in order, within [-1, 1]" {
    cut -d, -f1 corpus/sample_submission.txt >want
    cut -d, -f1 out/submission.txt >found
    cmp want found
    awk -F, 'NR > 1 && ($2 < -1 || $2 > 1 || $3 < -1 || $3 > 1) { exit 1 }' out/submission.txt
}

@test "a second make does nothing" {
    run pipeline -q
    [ "$status" -eq 0 ]
    [ "$(pending)" = "" ]
}

@test "touching one label file redoes windows and what follows, not the features" {
    f=$(find corpus/VA_Estimation_Challenge/Train_Set -name '*.txt' | sort | head -n 1)
    cp -p "$f" saved
    touch "$f"
    run pending
    touch -r saved "$f"
    [ "$output" = "bin/va-fold=4 bin/va-predict=7 bin/va-ridge=12 bin/va-score=18 bin/va-submit=1 bin/va-tcn-mamba-train=6 bin/va-window=1 " ]
}

@test "touching one video redoes its frames and features too, of no other" {
    touch -r corpus/videos corpus/stamp
    f=$(cut -f3 corpus/inputs.tsv | grep mp4 | head -n 1)
    cp -p "corpus/$f" saved.mp4
    touch "corpus/$f"
    run pending
    touch -r saved.mp4 "corpus/$f"
    [[ $output == "bin/va-decode=1 bin/va-embed=1 "* ]]
}

@test "LAUNCH stands before every command" {
    run pipeline -n -B LAUNCH="nice -n 1"
    [ "$(grep -cE 'bin/va-' <<<"$output")" -gt 40 ]
    [ "$(grep -c "$BUILD/bin/va-" <<<"$output")" -eq "$(grep -c "nice -n 1 $BUILD/bin/va-" <<<"$output")" ]
    run pipeline -n -B LAUNCH="nice -n 1" TRAIN_LAUNCH="nice -n 2"
    [ "$(grep -c "$BUILD/bin/va-" <<<"$output")" -eq "$(grep -c "nice -n [12] $BUILD/bin/va-" <<<"$output")" ]
    [ "$(grep -c "nice -n 2 $BUILD/bin/va-" <<<"$output")" -eq 6 ]
    [ "$(grep -c "nice -n 2 $BUILD/bin/va-tcn-mamba-train" <<<"$output")" -eq 6 ]
    OUT=launched run pipeline LAUNCH="env" windows
    [ "$status" -eq 0 ]
    va-h5cmp launched/windows.h5 out/windows.h5
}

@test "ready-made features instead of videos give the same bytes" {
    OUT=ready run pipeline -j2 ENCODER= FEATURES=out/features cv
    [ "$status" -eq 0 ]
    [ ! -e ready/frames ]
    for k in 0 5; do cmp ready/cv/$k/train.tsv out/cv/$k/train.tsv; done
    cmp ready/table.txt out/table.txt
}

@test "killed in the midst, make goes on and ends with the same bytes" {
    mkdir killed
    ln -s ../corpus ../encoder.h5 killed
    for wait in 0.3 0.6 1 1.5 2; do
        setsid bash -c "$(declare -f pipeline); cd killed && pipeline -j2" >/dev/null 2>&1 &
        pid=$!
        sleep $wait
        kill -KILL -- -$pid 2>/dev/null || true
        wait $pid 2>/dev/null || true
    done
    (cd killed && pipeline -j2 >log 2>&1) || { cat killed/log; return 1; }
    for f in $(cd out && find . -name '*.h5' -o -name '*.tsv' -o -name '*.txt'); do
        cmp "out/$f" "killed/out/$f" || return 1
    done
    [ -z "$(find killed -name '*.part')" ]
}

@test "one's own video: one target, a table with frame, time, valence, arousal" {
    f=corpus/$(cut -f3 corpus/inputs.tsv | grep mp4 | head -n 1)
    cp "$f" "holiday.v1.mp4"
    run make --no-print-directory -f "$top/pipelines/video.mk" BIN="$BUILD/bin" OUT=own \
        ENCODER=encoder.h5 MODEL="out/cv/0/model.h5 out/cv/1/model.h5" VIDEO=holiday.v1.mp4
    [ "$status" -eq 0 ]
    [ "$(head -n 1 own/holiday.v1.tsv)" = "$(printf 'frame\ttime\tvalence\tarousal')" ]
    frames=$(ffprobe -v error -count_frames -select_streams v -show_entries stream=nb_read_frames -of csv=p=0 holiday.v1.mp4)
    [ "$(wc -l <own/holiday.v1.tsv)" -eq $((frames + 1)) ]
}

@test "an encoder of one's own: one target, nothing to do the second time" {
    mkdir faces
    for i in $(seq 1 20); do make_image "faces/$i.png" 20 16 $((i * 9)); done
    pretrain() {
        make --no-print-directory -f "$top/pipelines/pretrain.mk" BIN="$BUILD/bin" OUT=pre PICTURES=faces \
            PRETRAIN_OPTIONS="--image 16 --patch 4 --width 16 --depth 1 --decoder-width 16 --decoder-depth 1 \
            --decoder-heads 2 --batch 8 --epochs 2 --sheet-every 1" "$@"
    }
    run pretrain
    [ "$status" -eq 0 ]
    va-embed -q -w pre/encoder.h5 -o f.h5 faces
    [ -s pre/pretrain/sheet-0002.png ]
    run pretrain
    [[ $output == *"Nothing to be done"* ]]
    run pretrain -n -B TRAIN_LAUNCH="nice -n 2"
    [[ $output == *"nice -n 2 $BUILD/bin/va-mae-pretrain"* ]]
}

@test "senseless settings are refused in one line" {
    run make -f "$top/pipelines/affwild2.mk" ROOT=nowhere ENCODER=encoder.h5
    [ "$status" -eq 2 ]
    [[ $output == *"no label files in nowhere"* ]]
    run make -f "$top/pipelines/affwild2.mk" ROOT=corpus
    [[ $output == *"set ENCODER, or FEATURES"* ]]
    run make -f "$top/pipelines/video.mk" VIDEO=x.mp4
    [[ $output == *"set VIDEO, ENCODER and MODEL"* ]]
    run make -f "$top/pipelines/pretrain.mk"
    [[ $output == *"set PICTURES"* ]]
}
