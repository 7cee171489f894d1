#!/usr/bin/env bats
# Videos and annotations in, the six-fold table and a submission out, through the pipelines.
# One small corpus is run once for the file; the tests look at what it left and at what a
# second make does.
bats_require_minimum_version 1.8.0

setup_file() {
    top=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
    export top
    cd "$BATS_FILE_TMPDIR" || return
    va-synth -q --videos 7 --test 1 --frames 90 --window 60 --stride 40 --seed 5 -o corpus
    va-weights init --arch vit_tiny -o encoder.h5
    pipeline -j2 >log 2>&1 || { cat log; return 1; }
}

setup() {
    cd "$BATS_FILE_TMPDIR" || return
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
    grep -q '<section id="examples">' out/report.html
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

@test "QUIET=1 says nothing" {
    OUT=quiet run -0 pipeline -j2 QUIET=1 features
    [ "$output" = "" ]
    [ "$(cd quiet/features && echo ./*.h5)" = "$(cd out/features && echo ./*.h5)" ]
}

@test "touching one label file redoes windows and what follows, not the features" {
    f=$(find corpus/VA_Estimation_Challenge/Train_Set -name '*.txt' | sort | head -n 1)
    cp -p "$f" saved
    touch "$f"
    run pending
    touch -r saved "$f"
    [ "$output" = "bin/va-fold=4 bin/va-predict=7 bin/va-report=1 bin/va-ridge=12 bin/va-score=18 bin/va-submit=1 bin/va-tcn-mamba-train=6 bin/va-window=1 " ]
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
    [ "$(grep -c "$BUILD/bin/va-" <<<"$output")" -eq "$(grep -cE "nice -n 1 env VA_USAGE=[^ ]* $BUILD/bin/va-" <<<"$output")" ]
    run pipeline -n -B LAUNCH="nice -n 1" TRAIN_LAUNCH="nice -n 2"
    [ "$(grep -c "$BUILD/bin/va-" <<<"$output")" -eq "$(grep -cE "nice -n [12] env VA_USAGE=[^ ]* $BUILD/bin/va-" <<<"$output")" ]
    [ "$(grep -cE "nice -n 2 env VA_USAGE=[^ ]* $BUILD/bin/va-" <<<"$output")" -eq 6 ]
    [ "$(grep -cE "nice -n 2 env VA_USAGE=[^ ]* $BUILD/bin/va-tcn-mamba-train" <<<"$output")" -eq 6 ]
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
    hits=0
    for wait in 0.3 0.6 1 1.5 2; do
        setsid bash -c "$(declare -f pipeline); cd killed && pipeline -j2" >/dev/null 2>&1 &
        pid=$!
        sleep $wait
        if kill -KILL -- -$pid 2>/dev/null; then hits=$((hits + 1)); fi
        wait $pid 2>/dev/null || true
    done
    [ "$hits" -ge 1 ] || explain "it ended before each kill"
    (cd killed && pipeline -j2 >log 2>&1) || { cat killed/log; return 1; }
    for f in $(cd out && find . -name '*.h5' -o -name '*.tsv' -o -name '*.txt'); do
        cmp "out/$f" "killed/out/$f" || return 1
    done
    [ -z "$(find killed -name '*.part')" ]
}

@test "one's own video: one target, a table with a row per frame" {
    f=corpus/$(cut -f3 corpus/inputs.tsv | grep mp4 | head -n 1)
    cp "$f" "holiday.v1.mp4"
    run make --no-print-directory -f "$top/pipelines/video.mk" BIN="$BUILD/bin" OUT=own \
        ENCODER=encoder.h5 MODEL="out/cv/0/model.h5 out/cv/1/model.h5" VIDEO=holiday.v1.mp4
    [ "$status" -eq 0 ]
    [ "$(head -n 1 own/holiday.v1/holiday.v1.csv)" = frame,time,person,face,confidence,valence,arousal ]
    frames=$(ffprobe -v error -count_frames -select_streams v -show_entries stream=nb_read_frames -of csv=p=0 holiday.v1.mp4)
    [ "$(wc -l <own/holiday.v1/holiday.v1.csv)" -eq $((frames + 1)) ]
    grep -q 'src="../../holiday.v1.mp4"' own/holiday.v1/holiday.v1.html
    # the table is smoothed, and no pictures were kept
    va-smooth --filter gaussian --sigma 5 -o smooth.h5 own/holiday.v1/holiday.v1.pred.h5
    va-h5cmp smooth.h5 own/holiday.v1/holiday.v1.smooth.h5
    [ -z "$(find own -name '*.frames.h5')" ]
}

@test "videos share a va-embed: what is missing or old is computed again, and nothing else" {
    batched() { OUT=batched pipeline features FRAMES=out/frames EMBED_BATCH=3 "$@" >log 2>&1; }
    printf '#!/bin/sh\necho "$@" >>"%s"\nexec "$@"\n' "$BATS_TEST_TMPDIR/ran" >"$BATS_TEST_TMPDIR/note"
    chmod +x "$BATS_TEST_TMPDIR/note"
    ran() { # ran ARGS...: what a make with ARGS embeds, by line
        rm -f "$BATS_TEST_TMPDIR/ran"
        batched LAUNCH="$BATS_TEST_TMPDIR/note" "$@" || { cat log >&2; return 1; }
        [ ! -e "$BATS_TEST_TMPDIR/ran" ] || grep -o 'va-embed .*' "$BATS_TEST_TMPDIR/ran" | sed 's/.*--output-dir [^ ]* //'
    }
    ran >first
    count=$(find out/features -name '*.h5' | wc -l)
    [ "$(wc -w <first)" -eq "$count" ]
    [ "$(wc -l <first)" -eq $(((count + 2) / 3)) ]
    for f in out/features/*.h5; do cmp "$f" "batched/features/${f##*/}"; done # whatever shares a command
    [ -z "$(ran -j2)" ]
    batched -q
    last=$(find batched/features -name '*.h5' | sort | tail -n 1)
    rm "$last"
    [ "$(ran)" = "out/frames/${last##*/}" ]
    batched -q
    touch "out/frames/${last##*/}"
    [ "$(ran)" = "out/frames/${last##*/}" ]
    rm -r batched/features/.batch # killed before the end of a batch: what is there stays
    [ -z "$(ran)" ]
    [ "$(ran EMBED_OPTIONS="--batch 3" | wc -w)" -eq "$count" ]
    run pipeline EMBED_BATCH=0
    [[ $output == *"EMBED_BATCH=0: expected a number from 1 to 100000"* ]]
    run pipeline EMBED_BATCH="1 2"
    [[ $output == *"EMBED_BATCH=1 2: expected a number from 1 to 100000"* ]]
    run pipeline EMBED_BATCH=00
    [[ $output == *"EMBED_BATCH: found '00', expected a whole number"* ]]
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
    [[ $output == *"nice -n 2 env VA_USAGE="*" $BUILD/bin/va-mae-pretrain"* ]]
}

@test "TUNE: encoders that know their fold's training videos alone, and the table of all" {
    tuned() { # tuned OUT CORPUS ARGS...
        OUT=$1 pipeline TUNE=yes ROOT="$2" FRAMES=out/frames FOLDS="0 1" FINETUNE_OPTIONS="--freeze-blocks 0 \
            --epochs 1 --warmup-epochs 0 --per-video 8 --batch 8 --unmatched skip --select last" "${@:3}"
    }
    weights() { h5dump -g /tensors "$1" | tail -n +2; } # the first line names the file
    tuned tuned corpus -j2 >log 2>&1 || { cat log; return 1; }
    head -n 2 tuned/table.txt | grep -q alone
    cmp <(cut -d, -f1 corpus/sample_submission.txt) <(cut -d, -f1 tuned/submission.txt)
    run ! cmp -s <(weights tuned/cv/0/encoder.h5) <(weights tuned/cv/1/encoder.h5)
    tuned tuned corpus -q
    # other labels of the held-out videos of fold 0 are other training labels of fold 1
    cp -rp corpus other
    while read -r v; do
        for f in other/VA_Estimation_Challenge/*/"$v.txt"; do
            awk -F, -v OFS=, 'NR > 1 && $1 != -5 { $1 = -$1; $2 = $2 / 2 } 1' "$f" >changed && mv changed "$f"
        done
    done <tuned/folds/0/val.txt
    tuned tuned2 other -j2 >log 2>&1 || { cat log; return 1; }
    cmp tuned/folds/0/val.txt tuned2/folds/0/val.txt
    cmp <(weights tuned/cv/0/encoder.h5) <(weights tuned2/cv/0/encoder.h5)
    run ! cmp -s <(weights tuned/cv/1/encoder.h5) <(weights tuned2/cv/1/encoder.h5)
    run pipeline TUNE=yes FEATURES=out/features
    [[ $output == *"TUNE needs ENCODER and frames, not FEATURES"* ]]
}

@test "the demo: one table, the fine-tuned encoder beside others, nothing to do the second time" {
    demo() {
        make --no-print-directory -j2 -f "$top/pipelines/demo.mk" BIN="$BUILD/bin" OUT=demo FOLDS="0 1" \
            SYNTH_OPTIONS="--videos 6 --test 1 --frames 60 --traps no" \
            PRETRAIN_OPTIONS="--decoder-width 16 --decoder-depth 1 --decoder-heads 2 --epochs 1 --batch 16" \
            FINETUNE_OPTIONS="--freeze-blocks 1 --epochs 1 --warmup-epochs 0 --per-video 8 --batch 8 --unmatched skip --select last" \
            TRAIN_OPTIONS="--channels 8,8 --kernel 3 --layers 1 --epochs 1 --warmup-epochs 0"
    }
    demo >log 2>&1 || { cat log; return 1; }
    for row in average pretrained random alone ridge mean; do
        [ "$(grep -cE "^$row +-?[0-9.]+ " demo/table.txt)" -eq 1 ] || { cat demo/table.txt; return 1; }
    done
    [ -s demo/tuned/submission.txt ]
    run demo
    [ "$(grep -c '^  va-' <<<"$output")" -eq 1 ] # the table
}

@test "senseless settings are refused in one line" {
    run make -f "$top/pipelines/affwild2.mk" ROOT=nowhere ENCODER=encoder.h5
    [ "$status" -eq 2 ]
    [[ $output == *"no label files in nowhere"* ]]
    run make -f "$top/pipelines/affwild2.mk" ROOT=corpus
    [[ $output == *"set ENCODER, or FEATURES"* ]]
    run make -f "$top/pipelines/video.mk"
    [[ $output == *"set VIDEO or VIDEO_LIST"* ]]
    run make -f "$top/pipelines/pretrain.mk"
    [[ $output == *"set PICTURES"* ]]
}
