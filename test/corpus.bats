#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2016 # run sets stderr; backquotes of Markdown
# A corpus of one's own: features and ratings of others become a table, as doc/pytorch.md says.
bats_require_minimum_version 1.8.0
load lib/va

setup_file() {
    setup_pipelines || return
    mkdir npy ratings features given
    for p in anna ben cleo dan eve fay; do
        for k in 1 2; do
            make_features --frames 100 --dim 3 --fps 25 --seed $((k + $(printf %d "'$p"))) given/${p}_$k.h5
            va-features export -o npy/${p}_$k.npy given/${p}_$k.h5
            { echo valence,arousal; make_labels --frames 16 --seed $((k + $(printf %d "'$p"))) |
                awk -F , 'NR > 1 { print $1 * 4 + 5 "," $2 * 4 + 5 }'; } >ratings/${p}_$k.csv
        done
    done
    rm -r features given
    ln -s "$top/pipelines" pipelines
}

setup() {
    cd "$BATS_FILE_TMPDIR" || return
    export BIN="$BUILD/bin"
}

corpus() { # ARGS...: with small settings
    make --no-print-directory -f "$top/pipelines/corpus.mk" LABELS=labels OUT=out FEATURES=features \
        WINDOW_OPTIONS="--window 40 --stride 30" \
        TRAIN_OPTIONS="--channels 4,4 --kernel 3 --layers 1 --epochs 1 --warmup-epochs 0" "$@"
}

@test "pytorch.md: its six commands run as they stand, and those of a second stream" {
    mkdir sound
    for f in ratings/*.csv; do make_features --frames 100 --dim 2 --fps 25 --seed 9 --video "$(basename "$f" .csv)" "sound/$(basename "$f" .csv).h5"; done
    sed -n '/^```sh$/,/^```$/{/^```/d;p}' "$top/doc/pytorch.md" |
        sed 's/--channels 32,32,32 --kernel 7 --layers 2 --epochs 20/--channels 4,4 --kernel 3 --layers 1 --epochs 1 --warmup-epochs 0/' >six.sh
    [ "$(grep -cE '^(va-|make)' six.sh)" -eq 8 ]
    [ "$(grep -c -- "--epochs 1 " six.sh)" -eq 2 ]
    run bash -euo pipefail six.sh
    [ "$status" -eq 0 ] || explain "$output"
    [ "$(grep -cE '^ *[0-5] ' out/table.txt)" -eq 6 ]
    [ "$(head -n 1 new.csv)" = frame,time,person,face,confidence,valence,arousal ]
    [ "$(grep -cE '^ *[0-5] ' two/table.txt)" -eq 6 ]
    [ "$(attribute two/cv/0/model.h5 streams)" = "picture=3 sound=2" ] || explain "$(attribute two/cv/0/model.h5 streams)"
    run ! grep -r published two/table.txt two/report.html
    # the video of command 6 had no part in the training
    run ! grep -xf <(h5ls new.pred.h5/videos | cut -d ' ' -f 1) out/folds/0/train.txt
    # people together, each held out once, and nothing of Aff-Wild2
    for k in 0 1 2 3 4 5; do [ "$(sed 's/_.*//' out/folds/$k/val.txt | uniq | wc -l)" -eq 1 ]; done
    [ "$(cat out/folds/?/val.txt | sort)" = "$(find npy -name '*.npy' -exec basename {} .npy \; | sort)" ]
    run ! grep -rlE 'published|\.4651' out/table.txt out/table.tsv out/table.md out/report.html
}

@test "groups in a table, folds as given, another number of folds" {
    printf 'video\tgroup\n' >groups.tsv
    for f in labels/*.txt; do
        f=$(basename "$f" .txt)
        case $f in [ab]*) echo "$f one" ;; [cd]*) echo "$f two" ;; *) echo "$f three" ;; esac
    done | tr ' ' '\t' >>groups.tsv
    corpus OUT=three GROUPS_TSV=groups.tsv FOLD_COUNT=3 -j2 >log 2>&1 || explain "$(cat log)"
    [ "$(wc -l <three/folds/0/val.txt)" -eq 4 ]
    [ ! -e three/folds/3 ]
    [ "$(grep -cE '^ *[0-2] ' three/table.txt)" -eq 3 ]
    run -0 corpus -q OUT=three GROUPS_TSV=groups.tsv FOLD_COUNT=3
    awk 'NR == 1 { print "clip\tfold" } NR > 1 { print $1 "\t" NR % 2 }' groups.tsv >folds.tsv
    corpus OUT=given FOLDS_TSV=folds.tsv -n >log
    grep -q -- '--folds-tsv folds.tsv' log
}

@test "folds that are drawn without groups: a line says so" {
    corpus OUT=alone FOLD_COUNT=3 alone/folds/0/val.txt >log 2>&1 || explain "$(cat log)"
    grep -qx "  no groups: each video stands alone (12 groups); GROUP_PATTERN or GROUPS_TSV keep videos together" log
    corpus OUT=people FOLD_COUNT=3 GROUP_PATTERN='^[^_]+' people/folds/0/val.txt >log 2>&1 || explain "$(cat log)"
    run ! grep "no groups" log
}

@test "videos and an encoder instead of features" {
    va-synth -q --videos 6 --test 0 --frames 30 --traps no --seed 6 -o synthetic
    va-weights init --arch vit_tiny -o encoder.h5
    mkdir all && cp synthetic/VA_Estimation_Challenge/*_Set/*.txt all/
    corpus OUT=videos FEATURES='' VIDEOS=synthetic/videos CROPS= ENCODER=encoder.h5 LABELS=all \
        FOLD_COUNT=2 FOLDS=1 -j2 >log 2>&1 || explain "$(cat log)"
    va-check videos/features/*.h5 videos/cv/1/val.h5
    # phones and recorders write other containers, some in capitals; a named folder of crops has to be there
    mkdir phone && n=0
    for video in synthetic/videos/*; do
        endings=(mov MOV mkv webm m4v MP4)
        name=${video##*/} && ln -s "../$video" "phone/${name%.*}.${endings[n++]}"
    done
    corpus OUT=videos FEATURES='' VIDEOS=phone ENCODER=encoder.h5 LABELS=all FOLD_COUNT=2 -n frames >log 2>&1 || explain "$(cat log)"
    [ "$(grep -cE 'va-decode.* phone/[^ ]*$' log)" -eq 6 ] || explain "$(cat log)"
    for crops in crosp nope.zip nope.zip/folder; do
        run -2 --separate-stderr corpus OUT=wrong FEATURES='' VIDEOS=phone CROPS=$crops ENCODER=encoder.h5 LABELS=all
        [[ $stderr == *"*** CROPS: ${crops%/*}: no such folder or archive (CROPS= takes videos alone).  Stop." ]] || explain "$stderr"
        CROPS=$crops run -2 --separate-stderr corpus OUT=wrong FEATURES='' VIDEOS=phone ENCODER=encoder.h5 LABELS=all
        [[ $stderr == *"*** CROPS: ${crops%/*}: no such"* && ${#stderr_lines[@]} -eq 1 ]] || explain "$stderr"
    done
    mv phone/*.webm .
    run -2 --separate-stderr corpus OUT=wrong FEATURES='' VIDEOS=phone CROPS= ENCODER=encoder.h5 LABELS=all
    [[ $stderr == *": expected phone/"*".mp4 or .avi, .mov, .mkv.  Stop." ]] || explain "$stderr"
    [ "$(grep -cE '^ *1 ' videos/table.txt)" -eq 1 ]
}

@test "crops in zip archives: one for all, one a video; the same features as of folders" {
    va-synth -q --videos 4 --test 0 --frames 12 --traps no --crops yes --seed 6 -o drawn
    va-weights init --arch vit_tiny -o encoder.h5
    mkdir rated zips && cp drawn/VA_Estimation_Challenge/*_Set/*.txt rated/
    make_zip all.zip drawn/cropped_aligned
    make_zip -d whole.zip drawn
    for v in drawn/cropped_aligned/*; do make_zip "zips/${v##*/}.zip" "$v"; done
    features() { # OUT CROPS
        corpus OUT="$1" CROPS="$2" FEATURES='' VIDEOS=none ENCODER=encoder.h5 LABELS=rated FOLD_COUNT=2 features >log 2>&1 ||
            explain "$(cat log)"
    }
    features folders drawn/cropped_aligned
    for crops in all.zip whole.zip/cropped_aligned zips; do
        features "of-${crops%%/*}" $crops
        for f in folders/features/*.h5; do va-h5cmp "$f" "of-${crops%%/*}/features/${f##*/}"; done
        features "of-${crops%%/*}" $crops && grep -q "Nothing to be done" log
    done
    touch all.zip && features of-all.zip all.zip && grep -q va-decode log
    run -2 --separate-stderr corpus OUT=wrong CROPS=no.zip FEATURES='' VIDEOS=none ENCODER=encoder.h5 LABELS=rated FOLD_COUNT=2
    [[ $stderr == *"CROPS: no.zip: no such folder or archive"* ]] || explain "$stderr"
    run -2 --separate-stderr corpus OUT=nofolder CROPS=all.zip/nofolder FEATURES='' VIDEOS=drawn/videos ENCODER=encoder.h5 LABELS=rated FOLD_COUNT=2
    [[ $stderr == *"all.zip/nofolder/"* ]] || explain "$stderr"
}

@test "what is wrong is said before the first rule" {
    says() { # TEXT ARGS...
        run -2 --separate-stderr corpus OUT=wrong "${@:2}"
        [[ $stderr == *"$1"* ]] || explain "$stderr"
        [ ! -e wrong ]
    }
    says "no label files in nowhere: set LABELS" LABELS=nowhere
    says "LABELS: found 2 folders, expected one" LABELS="labels labels"
    says "found no features of anna_1: expected npy/anna_1.h5" FEATURES=npy
    says "GROUPS_TSV: none.tsv: no such file or folder" GROUPS_TSV=none.tsv
    says "FOLD_COUNT: found 'six', expected a whole number" FOLD_COUNT=six
    says "FOLDS: there is no fold 7" FOLDS=7
    says "STREAMS: corpus.mk takes one folder, FEATURES; pipelines/streams.mk takes STREAMS" STREAMS="a b"
    run -2 --separate-stderr corpus OUT=wrong GROUP_PATTERN='^x(.)'
    [[ $stderr == *"^x(.): does not match the name of video 'anna_1'"* ]]
}

@test "two at once in one OUT, and an OUT that is an input: a clear line" {
    [ -d labels ] || skip "labels are made by the first test"
    touch hold
    # shellcheck disable=SC2016
    echo 'for i in $(seq 300); do [ -e hold ] || exit 1; sleep 0.1; done; exit 1' >hold.sh
    corpus OUT=busy TRAIN_LAUNCH="sh hold.sh" cv >first.log 2>&1 3>&- &
    for _ in $(seq 200); do [ -s busy/.make/running ] && break; sleep 0.1; done
    run corpus OUT=busy
    [ "$status" -eq 2 ]
    [[ $output == *"OUT=busy: in use by make, process "[1-9]*": wait for its end, or give another OUT"* ]] || explain "$output"
    run corpus OUT=busy -n # looks only
    [ "$status" -eq 0 ] || explain "$output"
    rm hold
    wait $! || true
    run corpus OUT=busy cv TRAIN_LAUNCH=false # a process that is no more holds nothing
    [[ $output != *"in use"* && $output == *"cv/"* ]] || explain "$output"
    run corpus OUT=features
    [ "$status" -eq 2 ]
    [[ $output == *"OUT=features: this is also FEATURES, an input: give another OUT"* ]] || explain "$output"
    run corpus OUT=labels/../labels
    [[ $output == *"this is also LABELS, an input"* ]] || explain "$output"
    [ ! -e features/.make ] && [ ! -e labels/.make ]
}

@test "make thinks of 500 videos in a moment: not once for each way to a file" {
    mkdir many many/labels many/crops
    (cd many/crops && mkdir $(seq 500))
    for v in $(seq 500); do echo "valence,arousal" >"many/labels/$v.txt"; done
    : >many/encoder.h5
    # about 1 s of processor time; minutes where each video is asked for the lists of all
    run -0 timeout 60 make -n --no-print-directory -f "$top/pipelines/corpus.mk" LABELS=many/labels CROPS=many/crops \
        ENCODER=many/encoder.h5 TUNE=yes FOLD_COUNT=2 OUT=many/out
    [[ $output == *" split "* && $output == *"va-finetune "* ]] || explain "$output"
}
