#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# Named streams from the index to predictions: policies and presence, fusion, a stream that is absent, what
# does not fit.
bats_require_minimum_version 1.8.0
load lib/va

setup_file() {
    local v seed
    cd "$BATS_FILE_TMPDIR" || return 1
    mkdir labels face sound
    for v in a b c d; do
        seed=$(printf %d "'$v")
        make_features --video $v --dim 5 --frames 90 --seed "$seed" --gaps 7,8 --encoder e1 face/$v.h5
        make_features --video $v --dim 3 --frames 70 --frame-count 90 --first 11 --seed 1"$seed" sound/$v.h5
        make_labels --frames 90 --seed "$seed" --unlabelled 3,4,40 >labels/$v.txt
    done
    va-window --labels labels --window 30 --stride 20 --stream face=face --stream sound=sound \
        --stream-missing sound=zero -o w.h5 >/dev/null
    printf 'a\nb\nc\n' >train.txt
    echo d >val.txt
}
setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    ln -s "$BATS_FILE_TMPDIR"/* .
}

SMALL=(--channels "8,6" --heads 3 --kernel 3 --layers 1 --d-state 3 --hidden 4 --batch 4 --warmup-epochs 1 --epochs 2)
train() { va-tcn-mamba-train -q -j 1 --windows w.h5 --train train.txt --val val.txt "${SMALL[@]}" "$@"; }

# refused TOOL TEXT ARGS...: exit 3, one line that has TEXT, no output
refused() {
    local tool=$1 text=$2
    shift 2
    run -3 --separate-stderr "$tool" -o out.h5 "$@"
    if [[ $stderr != "$tool: "*"$text"* ]] || [ "$(wc -l <<<"$stderr")" != 1 ]; then explain "$stderr"; fi
    [ ! -e out.h5 ]
}

@test "an index of two streams: policies, presence, inputs; feature files are not copied" {
    run -0 --separate-stderr va-window --labels labels --window 30 --stride 20 --stream face=face \
        --stream sound=sound --stream-missing sound=zero -o again.h5
    [ "$stderr" = "" ]
    [ "$(tail -n 1 <<<"$output" | cut -f 2-6)" = $'360\t360\t360\t348\t8' ] # frames 7 and 8, which sound lacks as well
    va-check again.h5
    cp again.h5 first.h5
    va-window --labels labels --window 30 --stride 20 --stream face=face --stream sound=sound \
        --stream-missing sound=zero -o again.h5 >/dev/null
    cmp first.h5 again.h5
    [ "$(column w.h5 /streams/name) $(column w.h5 /streams/missing)" = "face sound nearest zero" ]
    [ "$(column w.h5 /streams/present | cut -d ' ' -f 1-12)" = "1 1 1 1 1 1 0 0 1 1 1 1" ]
    [ "$(column w.h5 /streams/present | cut -d ' ' -f 361-372)" = "0 0 0 0 0 0 0 0 0 0 1 1" ]
    [ "$(column w.h5 /timeline/present | cut -d ' ' -f 1-12)" = "1 1 1 1 1 1 0 0 1 1 1 1" ]
    [ "$(attribute w.h5 provenance | grep -o "input=" | wc -l)" = 8 ]
}

@test "a stream that drops takes labels along; a video that one stream lacks is said" {
    va-window --labels labels --window 30 --stride 30 --stream face=face --stream sound=sound \
        --stream-missing sound=drop -o drop.h5 >/dev/null
    [ "$(column drop.h5 /timeline/valid | cut -d ' ' -f 9-13)" = "0 0 1 1 1" ]
    mkdir fewer
    cp sound/a.h5 sound/c.h5 fewer
    run -0 --separate-stderr va-window --stream face=face --stream sound=fewer -o fewer.h5
    [ "$stderr" = "va-window: fewer: stream sound has no file for 2 of 4 videos, such as 'b': their frames are missing in it" ]
    va-check fewer.h5
    run -0 va-window --stream face=face/a.h5 --stream sound=sound/a.h5 -o one.h5
    [ "$(column one.h5 /videos/name)" = a ]
}

@test "streams that do not fit each other are refused in one line" {
    local case
    mkdir other
    make_features --video a --dim 3 --frames 88 other/a.h5
    refused va-window "other/a.h5: video 'a': found 88 frames, expected 90 as in face/a.h5; make both streams from the same video, or say how long it is: va-features import --frame-count" --stream face=face --stream sound=other
    make_features --video a --dim 3 --frames 90 --fps 25 other/a.h5
    refused va-window "other/a.h5: video 'a': found 25 frames per second, expected 30 as in face/a.h5" --stream face=face --stream sound=other
    make_features --video a --dim 3 --frames 90 other/a.h5
    h5edit other/a.h5 poke /pts 20 0.69
    refused va-window "other/a.h5: /pts: frame 21: found" --stream face=face --stream sound=other
    make_features --video x --dim 4 --frames 9 other/x.h5
    refused va-window "other/x.h5: /features: found 4 columns, expected 3 as in other/a.h5" --stream sound=other
    make_features --video a --dim 3 --frames 9 other/x.h5
    refused va-window "other/x.h5: video 'a' was already added from other/a.h5" --stream sound=other
    mkdir empty
    refused va-window "empty: found no feature file, expected files *.h5" --stream face=empty
    refused va-window "none" --stream face=none
    for case in "--stream face" "--stream =face" "--stream fa.ce=face" "--stream face=face --stream face=sound" \
        "--stream face=face --stream-missing sound=zero" "--stream face=face --stream-missing face=some" \
        "--stream face=face face/a.h5"; do
        # shellcheck disable=SC2086 # words
        run -2 --separate-stderr va-window -o out.h5 $case
        [ "$(wc -l <<<"$stderr")" = 1 ] || explain "$case: $stderr"
    done
}

@test "a damaged index of streams is refused" {
    cp --remove-destination "$(readlink w.h5)" bad.h5
    h5edit bad.h5 poke /streams/row 3 9999
    train -o m.h5
    refused va-predict "found row 9999, but" -m m.h5 --windows bad.h5
}

@test "training with each fusion: same bytes twice and after a resume; metadata; prediction in every mode" {
    local fusion
    for fusion in $(words_of va-tcn-mamba-train fusion); do
        train --fusion "$fusion" -o "$fusion.h5"
        train --fusion "$fusion" --steps 3 --save-every 1 -o twice.h5 2>/dev/null
        train --fusion "$fusion" --resume -o twice.h5
        train --fusion "$fusion" --restart -o twice.h5
        cmp "$fusion.h5" twice.h5
        [ "$(attribute "$fusion.h5" streams) $(attribute "$fusion.h5" fusion)" = "face=5 sound=3 $fusion" ]
        [ "$(attribute "$fusion.h5" encoder.face) $(attribute "$fusion.h5" in-dim)" = "e1 10" ]
        va-predict -q -m "$fusion.h5" --windows w.h5 --list val.txt -o indexed.h5
        va-predict -q -m "$fusion.h5" --stream sound=sound/d.h5 --stream face=face/d.h5 \
            --stream-missing sound=zero -o given.h5
        same_numbers indexed.h5 given.h5
        va-predict -q --mode overlap --window 90 --stride 90 -m "$fusion.h5" --windows w.h5 --list val.txt -o whole.h5
        same_numbers --abs 1e-5 indexed.h5 whole.h5
        va-predict -q --mode chunk -m "$fusion.h5" --windows w.h5 -o chunk.h5
        rm twice.h5
    done
}

@test "a stream may be absent after stream dropout, else not; others are refused" {
    train --fusion concat -o m.h5
    run -0 --separate-stderr va-predict -v -m m.h5 --stream face=face -o without.h5
    [[ $stderr == *"m.h5: model "*"encoder of its features: face e1"* ]] || explain "$stderr"
    mkdir none
    make_features --video z --dim 3 --frames 90 none/z.h5
    va-predict -q -m m.h5 --stream face=face --stream sound=none --stream-missing sound=zero -o zeros.h5 2>/dev/null
    va-predict -q -m m.h5 --stream face=face/d.h5 -o d.h5
    [ "$(column without.h5 /d/va)" = "$(column zeros.h5 /d/va)" ]
    [ "$(column without.h5 /d/va)" = "$(column d.h5 /d/va)" ]
    train --fusion concat --stream-dropout 0 -o all.h5
    refused va-predict "all.h5: expects the streams face=5,sound=3, but the input has no sound, and it was trained without --stream-dropout" -m all.h5 --stream face=face
    refused va-predict "m.h5: expects the streams face=5,sound=3, but the input has text, too" -m m.h5 --stream text=face
    refused va-predict "m.h5: stream face: expects 5 features per frame, but the input has 3" -m m.h5 --stream face=sound
    refused va-predict "m.h5: expects the streams face=5,sound=3, but the input has no named streams: give --stream NAME=DIR" -m m.h5 face/a.h5
}

@test "a stream may be absent from a crossed model, too; frames of a long video in constant memory" {
    train --fusion cross -o m.h5
    va-predict -q -m m.h5 --stream sound=sound/d.h5 -o alone.h5
    va-predict -q -m m.h5 --stream sound=sound/d.h5 --mode chunk --window 90 -o whole.h5
    same_numbers --abs 1e-5 alone.h5 whole.h5
    make_features --frames 3000 --dim 3 --video s short.h5
    make_features --frames 60000 --dim 3 --video l long.h5
    for v in short long; do
        VA_USAGE=usage va-predict -q -j 1 -m m.h5 --stream sound=$v.h5 -o $v.p.h5
    done
    # rows and times of the video itself: 60 bytes a frame or so, and no activations
    awk '{ mib[NR] = $4 } END { exit !(NR == 2 && mib[1] > 0 && mib[2] - mib[1] < 16) }' usage || explain "$(cat usage)"
}

@test "settings without effect are refused or said; a resume names the setting that differs" {
    run -3 --separate-stderr train --stream-width 4 -o out.h5
    [ "$stderr" = "va-tcn-mamba-train: options: stream-width: found 4, which is for --fusion concat and cross: leave it out, or give a fusion" ] || explain "$stderr"
    va-window --labels labels --window 30 --stride 20 -o plain.h5 face/*.h5 >/dev/null
    run -3 --separate-stderr va-tcn-mamba-train -q --windows plain.h5 --train train.txt --val val.txt "${SMALL[@]}" --stream-dropout .1 -o out.h5
    [ "$stderr" = "va-tcn-mamba-train: options: stream-dropout: found 0.1, but the features are no named streams (va-window --stream)" ] || explain "$stderr"
    run -2 --separate-stderr train --loss-eps 1e-6 -o out.h5
    [ "$stderr" = "va-tcn-mamba-train: --loss-eps is only for --moments sample (try --help)" ]
    run -0 --separate-stderr va-tcn-mamba-train -j 1 --windows w.h5 --train train.txt --val val.txt --channels 8,6 --heads 3 \
        --kernel 3 --temporal gru --layers 1 --hidden 4 --epochs 1 --warmup-epochs 0 -o out.h5
    [[ $stderr == *"va-tcn-mamba-train: without effect for --temporal gru: --kernel, --heads"* ]] || explain "$stderr"
    run -0 --separate-stderr va-tcn-mamba-train -j 1 --windows w.h5 --train train.txt --val val.txt --channels 8,6 --heads 3 \
        --kernel 3 --fusion cross --layers 1 --hidden 4 --epochs 1 --warmup-epochs 0 -o out.h5
    [[ $stderr != *"without effect"* ]] || explain "$stderr"
    va-tcn-mamba-train -q -j 1 --windows w.h5 --train train.txt --val val.txt "${SMALL[@]}" --epochs 1000000 --save-every 1 -o run.h5 2>/dev/null 3>&- &
    for _ in $(seq 200); do [ -e run.h5.state ] && break; sleep 0.05; done
    kill -TERM $!
    wait $! || true
    run -3 --separate-stderr train --epochs 1000000 --fusion cross --resume -o run.h5
    [[ $stderr == *": the run has fusion none, this command cross: "* ]] || explain "$stderr"
}

@test "the name of a stream: letters, digits and _, at most 31" {
    for name in "$(printf 'a%.0s' {1..32})" 1a a-b; do
        run -2 --separate-stderr va-window --stream "$name=face" -o out.h5
        [ "$stderr" = "va-window: --stream $name=face: expected NAME=DIR, with a name of up to 31 letters, digits and _ (try --help)" ] || explain "$stderr"
    done
    va-window --stream "$(printf 'a%.0s' {1..31})=face" -o out.h5 >/dev/null
}

@test "features without names: fusion is refused, and names are" {
    va-window --labels labels --window 30 --stride 20 -o plain.h5 face/?.h5 >/dev/null
    va-tcn-mamba-train -q -j 1 --windows plain.h5 --train train.txt --val val.txt "${SMALL[@]}" -o plain.m.h5
    run -3 --separate-stderr va-tcn-mamba-train -q --windows plain.h5 --train train.txt --val val.txt "${SMALL[@]}" --fusion concat -o out.h5
    [ "$stderr" = "va-tcn-mamba-train: options: fusion: found concat, but the features are no named streams (va-window --stream)" ]
    refused va-predict "plain.m.h5: expects features without names, but the input has the streams face=5" -m plain.m.h5 --stream face=face
    run ! grep -iq stream <(h5dump -A plain.m.h5)
}

@test "--init: a model of streams goes on, with streams in its own order" {
    train --fusion concat -o m.h5
    va-window --labels labels --window 30 --stride 20 --stream sound=sound --stream face=face \
        --stream-missing sound=zero -o turned.h5 >/dev/null
    va-tcn-mamba-train -q -j 1 --windows turned.h5 --train train.txt --val val.txt --batch 4 --epochs 2 --warmup-epochs 1 --init m.h5 -o turned.m.h5
    va-tcn-mamba-train -q -j 1 --windows w.h5 --train train.txt --val val.txt --batch 4 --epochs 2 --warmup-epochs 1 --init m.h5 -o straight.m.h5
    same_numbers turned.m.h5 straight.m.h5
    va-tcn-mamba-train -q -j 1 --windows w.h5 --train train.txt --val val.txt --init m.h5 --stream-dropout .5 --epochs 1 --warmup-epochs 0 -o more.h5
    [ "$(attribute more.h5 stream-dropout)" = 0.5 ]
}

@test "late fusion: va-ensemble fit over a model of each stream" {
    local s
    for s in face sound; do
        va-window --labels labels --window 30 --stride 20 --stream $s=$s -o $s.w.h5 >/dev/null
        va-tcn-mamba-train -q -j 1 --windows $s.w.h5 --train train.txt --val val.txt "${SMALL[@]}" -o $s.m.h5
        va-predict -q -m $s.m.h5 --windows $s.w.h5 -o $s.p.h5
    done
    va-ensemble fit --labels labels --list train.txt -o weights.tsv face.p.h5 sound.p.h5
    va-ensemble -q --weight-table weights.tsv -o late.h5 face.p.h5 sound.p.h5
    va-score -q --labels labels --list val.txt late.h5 | grep -q ^pooled
    va-ridge -q --windows w.h5 --train train.txt --val val.txt -o ridge.h5
}
