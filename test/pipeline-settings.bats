#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets output
# What a pipeline does with its settings and with files that are there: a changed setting makes anew what
# depends on it, a senseless one is refused before the first rule, and nobody's own file is replaced.
bats_require_minimum_version 1.8.0
load lib/va

setup_file() {
    setup_pipelines || return
    mkdir -p features R/VA_Estimation_Challenge/{Train_Set,Validation_Set}
    for i in 1 2 3 4 5 6 7; do
        make_features --frames 40 --dim 4 --seed "$i" --video "c$i" "features/c$i.h5"
        make_labels --frames 40 --seed "$i" >R/VA_Estimation_Challenge/Train_Set/c$i.txt
        printf 'c%d\tg%d\t%d\n' "$i" $((i / 2)) $((i / 2 % 2)) >>rows
    done
    mv R/VA_Estimation_Challenge/Train_Set/c7.txt R/VA_Estimation_Challenge/Validation_Set
    { printf 'clip\tgroup\tfold\n' && cat rows; } >folds.tsv
    corpus -j2 >log 2>&1 || { cat log; return 1; }
}

setup() {
    cd "$BATS_FILE_TMPDIR" || return
}

SMALL="--channels 4,4 --kernel 3 --layers 1 --hidden 4 --epochs 1 --warmup-epochs 1"
corpus() {
    make --no-print-directory -f "$top/pipelines/affwild2.mk" BIN="$BUILD/bin" ROOT=R FEATURES=features OUT=out \
        FOLDS="0 1" WINDOW_OPTIONS="--window 40 --stride 40" TRAIN_OPTIONS="$SMALL" "$@"
}
given() { # given PIPELINE ARGS...
    make --no-print-directory -f "$top/pipelines/$1.mk" BIN="$BUILD/bin" FEATURES=features \
        LABELS="R/VA_Estimation_Challenge/Train_Set R/VA_Estimation_Challenge/Validation_Set" \
        FOLDS_TSV=folds.tsv OUT=given WINDOW_OPTIONS="--window 40 --stride 40" "${@:2}"
}

# What make would run now: the last word of each command line's tool, sorted and counted.
pending() { "$@" -n | grep -o 'bin/va-[a-z0-9-]*' | sort | uniq -c | awk '{print $2 "=" $1}' | tr '\n' ' '; }

# refused WORDS COMMAND...: make stops in one line with these words, before it runs a tool
refused() {
    run "${@:2}"
    [ "$status" -eq 2 ] || explain "status $status: ${*:2}: $output"
    [ "${#lines[@]}" -eq 1 ] || explain "not one line: ${*:2}: $output"
    [[ $output == *" *** "*"$1"*".  Stop." ]] || explain "expected $1, found $output"
}

@test "a changed setting makes anew what depends on it, and a look at it changes nothing" {
    [ "$(pending corpus)" = "" ]
    [ "$(pending corpus PREDICT_OPTIONS="--mode overlap")" = "bin/va-fold=3 bin/va-predict=2 bin/va-report=1 bin/va-score=2 " ]
    [ "$(pending corpus TRAIN_OPTIONS="$SMALL --lr 0.001")" = \
        "bin/va-fold=3 bin/va-predict=2 bin/va-report=1 bin/va-score=2 bin/va-tcn-mamba-train=2 " ]
    [ "$(pending corpus FOLDS=0)" = "bin/va-fold=3 bin/va-report=1 " ]
    [[ $(pending corpus WINDOW_OPTIONS="--window 20 --stride 20") == *"bin/va-window=1 "* ]]
    [[ $(pending corpus SPLIT_OPTIONS="--scheme sucv") == "bin/va-fold=4 "*"bin/va-tcn-mamba-train=2 "* ]]
    [ "$(pending corpus)" = "" ]
    cp out/cv/0/model.h5 before.h5
    corpus TRAIN_OPTIONS="$SMALL --lr 0.001 --precision bf16" >log 2>&1 || explain "$(cat log)"
    run -1 va-h5cmp before.h5 out/cv/0/model.h5
    [ "$(attribute out/cv/0/model.h5 train.precision)" = bf16 ]
    [ "$(pending corpus TRAIN_OPTIONS="$SMALL --lr 0.001 --precision bf16")" = "" ]
    corpus >log 2>&1 || explain "$(cat log)"
    cmp before.h5 out/cv/0/model.h5
    [ "$(pending corpus)" = "" ]
}

@test "on a terminal, the trainings of all folds share one line; elsewhere there is none" {
    command -v script >/dev/null || skip "no script (util-linux)"
    mkdir watched
    printf 'step\tepoch\tvalence\tarousal\tmean\tbest\n9\t3\t.1\t.3\t.2\t.25\n' >watched/val.tsv
    mkdir -p cv/{0,1,2,3} && : >cv/0/model.h5 && : >cv/1/model.h5.state && cp watched/val.tsv cv/1 && : >cv/3/model.h5.state
    watch="sh $top/pipelines/progress.sh cv model.h5 '0 1 2 3'"
    script -qec "stty cols 100; $watch sh -c 'sleep 1; exit 7'" screen >/dev/null && rc=0 || rc=$?
    [ "$rc" -eq 7 ]
    grep -q 'folds: 0 done, 1 0.250 in epoch 3, 2 waiting, 3 begun' screen
    [ ! -L cv/.progress ]
    # the tools draw no line of their own, and clear that of the others before they speak
    script -qec "OUT=seen; $(declare -f corpus); top=$top BUILD=$BUILD SMALL='$SMALL'; corpus -j2 OUT=seen FOLDS=0" screen >/dev/null
    run ! grep -q 'steps, ' screen
    grep -q $'\r\e\[Kva-tcn-mamba-train: seen/cv/0/model.h5: ' screen
    run -7 --separate-stderr sh "$top/pipelines/progress.sh" cv model.h5 "0 1" sh -c 'exit 7'
    # of videos: how many are done, and what is being written of the others
    mkdir -p own/{a,b/features,c,d} && : >own/a/a.html && : >own/b/features/.b.h5.7-0.part && : >own/c/.c.faces.h5.7-0.part
    script -qec "stty cols 100; sh $top/pipelines/progress.sh own videos 'a b c d' sleep 1" screen >/dev/null
    grep -q 'videos: 1 of 4 done, b features, c faces' screen
    # Ctrl-C ends the command, which runs in the background
    cat >interrupted.sh <<'END'
(until [ -s begun ]; do sleep 0.05; done; kill -INT $$) &
exec sh "$1" own videos 'a b' sh -c 'echo $$ >begun; exec sleep 100'
END
    script -qec "sh interrupted.sh $top/pipelines/progress.sh" screen >/dev/null && rc=0 || rc=$?
    [ "$rc" -eq 143 ]
    [ "$stderr" = "" ]
}

@test "another encoder, folder of features or set of options of a stage" {
    mkdir -p V && make_video V/P.mp4 32 24 4 25
    va-weights init -q --arch vit_tiny -o one.h5
    va-weights init -q --arch vit_tiny --seed 7 -o two.h5
    touch -d 2020-01-01 two.h5
    embed() { make -f "$top/pipelines/video.mk" BIN="$BUILD/bin" ENCODER="$1" MODEL=one.h5 FACES=no OUT=v VIDEO=V/P.mp4 v/P/features/.done "${@:2}"; }
    embed one.h5
    [ "$(pending embed one.h5)" = "" ]
    [ "$(pending embed one.h5 OUT=v/)" = "" ]
    [ "$(pending embed two.h5)" = "bin/va-embed=1 " ]
    [ "$(pending embed one.h5 DECODE_OPTIONS="--every 2")" = "bin/va-decode=1 bin/va-embed=1 " ]
    cp -r features moved
    [[ $(pending corpus FEATURES=moved) == *"bin/va-window=1 "* ]]
}

@test "a file that is called as that of a stage's settings, and is none, is not replaced" {
    cp -r out notes
    echo "my notes about windows" >notes/.make/windows
    refused "notes/.make/windows: exists, and no pipeline wrote it: move it" corpus OUT=notes
    [ "$(cat notes/.make/windows)" = "my notes about windows" ]
}

@test "a file that no pipeline wrote is not replaced: the first line says so" {
    cp -r out mine
    for file in table.txt table.md windows.tsv cv/0/score.tsv cv/1/mean.tsv; do
        cp "mine/$file" ours
        echo "my own notes" >"mine/$file"
        refused "mine/$file: exists, and no pipeline wrote it as it is: move it, or give another OUT" corpus OUT=mine
        [ "$(cat "mine/$file")" = "my own notes" ]
        cp ours "mine/$file"
    done
    echo a >>mine/folds/0/train.txt
    touch -d 2020-01-01 mine/folds/0/train.txt
    run corpus OUT=mine
    [ "$status" -eq 2 ]
    [[ $output == *"va-fold: mine/folds/0/train.txt: exists and holds a text, not an earlier output"* ]]
    mkdir given && echo mine >given/nested.tsv && cp given/nested.tsv given/ablation.tsv
    refused "given/nested.tsv: exists" given nested
    refused "given/ablation.tsv: exists" given ablation
    rm -r given
    mkdir other && cp out/windows.h5 other
    refused "other/windows.h5: exists, and no pipeline wrote it: move it" corpus OUT=other
    mkdir -p pre && va-weights init -q --arch vit_tiny -o pre/encoder.h5
    refused "pre/encoder.h5: exists, and no" make -f "$top/pipelines/pretrain.mk" PICTURES=features OUT=pre
    # between the check and the end of a command
    sh "$top/pipelines/put.sh" record new 2>/dev/null && explain "there was nothing to put"
    echo text >.new.part && sh "$top/pipelines/put.sh" record new && [ "$(cat new)" = text ]
    echo mine >new && echo other >.new.part
    run -1 sh "$top/pipelines/put.sh" record new
    [ "$(cat new)" = mine ] && [ ! -e .new.part ]
}

@test "empty, doubled and unknown values of lists are refused before the first rule" {
    refused "OUT is empty: give it a value" corpus OUT=
    for v in FOLDS SEED THREADS; do
        refused "$v is empty" corpus "$v="
        refused "$v: found 'x', expected a whole number" corpus "$v=x"
    done
    refused "FOLDS: '1' is there twice" corpus FOLDS="0 1 1"
    refused "FOLDS: there is no fold 6, expected some of 0 1 2 3 4 5" corpus FOLDS=6
    corpus -n FOLDS=6 SPLIT_OPTIONS="--folds 6" >/dev/null
    refused "FOLDS: there is no fold 2, expected some of 0 1" corpus FOLDS_TSV=folds.tsv FOLDS=2
    for v in SEEDS VARIANTS BATCH FOLDS; do refused "$v is empty" given ablation "$v="; done
    for v in SEEDS MEMBERS; do refused "$v is empty" given nested "$v="; done
    refused "MEMBERS: nothing says what grv is: set OPTIONS_grv" given nested MEMBERS="gru grv"
    refused "MEMBERS: 'gru' is there twice" given nested MEMBERS="gru gru"
    refused "KIND_x=rigde: expected ridge or net" given nested MEMBERS=x KIND_x=rigde
    refused "VARIANTS: nothing says what lsmt is: set OPTIONS_lsmt, or take one of tcn-mamba mamba" given ablation VARIANTS=lsmt
    refused "LENGTHS: found 'long', expected a whole number" given ablation LENGTHS=long
    given ablation -n LENGTHS= >/dev/null
    refused "PICTURES: nowhere: no such file or folder" make -f "$top/pipelines/pretrain.mk" PICTURES=nowhere
    run va-fold run --windows out/windows.h5 --split out/folds --labels R -o cv FOLDS=9
    [[ $output == *"FOLDS: found no out/folds/9/val.txt"* ]]
}

@test "a variable that is like one of the pipelines, and is none, is named before the first rule" {
    refused "FOLD: no pipeline has this variable, did you mean FOLDS?" corpus FOLD=1
    refused "GROUP_PATERN: no pipeline has this variable, did you mean GROUP_PATTERN?" corpus V=1 GROUP_PATERN=x
    refused "TRAIN_OPTION: " given nested TRAIN_OPTION="--lr 1" # also beside a value with blanks and a =
    corpus -n OMP_NUM_THREADS=2 NAME=me J=2 LAUNCH="env FOLD=1" >/dev/null
    # shellcheck disable=SC2016 # a variable of make
    corpus -n LAUNCH='srun -n $(FOLD)' FOLD=1 >/dev/null # it serves another value
    MAKELEVEL=1 corpus -n FOLD=1 >/dev/null             # a make above this one has its own
}

@test "a table of folds without its columns: what was found and expected, before the first rule" {
    refused "out/folds/split.tsv: line 1: found the columns '" corpus FOLDS_TSV=out/folds/split.tsv
    cut -f 1,3 folds.tsv >two.tsv
    corpus -n FOLDS_TSV=two.tsv >/dev/null
    refused "two.tsv: line 1: found the columns 'clip fold', expected clip (or video), fold and group" given nested FOLDS_TSV=two.tsv
    given nested -n FOLDS_TSV=two.tsv MEMBERS=gru >/dev/null # only ridges need groups
}

@test "va-fold run prints the table and names the page, also when nothing was out of date" {
    for time in first second; do
        run -0 --separate-stderr va-fold run --windows out/windows.h5 --split out/folds \
            --labels R/VA_Estimation_Challenge/Train_Set --labels R/VA_Estimation_Challenge/Validation_Set \
            -o table FOLDS="0 1" TRAIN_OPTIONS="$SMALL"
        [ "$output" = "$(cat table/table.txt)" ] || explain "$time: $output"
        [[ ${stderr_lines[-1]} == *"open table/report.html in a browser" ]] || explain "$time: $stderr"
    done
    [ "${#stderr_lines[@]}" -eq 1 ]
}

@test "a wrong sample, and videos without features or frames, are found before the first rule" {
    echo 'video,frame' >sample.txt
    refused "SAMPLE: sample.txt: found 'video,frame', expected the line image_location,valence,arousal" corpus SAMPLE=sample.txt
    printf 'image_location,valence,arousal\nc1-00001.jpg,0,0\n' >sample.txt
    refused "SAMPLE: sample.txt: found 'c1-00001.jpg,0,0'" corpus SAMPLE=sample.txt
    printf 'image_location,valence,arousal\n' >sample.txt
    refused "SAMPLE: sample.txt: found ''" corpus SAMPLE=sample.txt
    printf 'image_location,valence,arousal\nt1/00001.jpg,0,0\n' >sample.txt
    refused "found no features of t1: expected features/t1.h5" corpus SAMPLE=sample.txt
    : >enc.h5
    refused "found no crops or video of c1: expected R/cropped_aligned/c1, R/videos/c1.mp4 or .avi" \
        corpus FEATURES= ENCODER=enc.h5
}
