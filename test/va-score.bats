#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# va-score compares predictions with annotations; values against the reference are a unit test.
bats_require_minimum_version 1.8.0
load lib/va
setup() {
    cd "$BATS_TEST_TMPDIR" || return
    mkdir labels pred
    put labels/a.txt 0.125,0.5 0.25,-0.5 -5,-5 0.375,0.25
    put labels/b.txt -0.5,0 0.5,0.125
    put pred/a.txt 0.125,0.5 0.25,-0.5 0.9,0.9 0.375,0.25
    put pred/b.txt -0.5,0 0.5,0.125
}

# cell SCOPE DIMENSION COLUMN of the last table
cell() {
    awk -F '\t' -v s="$1" -v d="$2" -v c="$3" 'NR == 1 { for (i = 1; i <= NF; i++) n[$i] = i }
        $1 == s && $2 == d { print $n[c] }' <<<"$output"
}
# refused CODE TEXT ARGS...: this one line, nothing on stdout
refused() {
    local code=$1 text=$2
    shift 2
    run "-$code" --separate-stderr va-score "$@"
    [ "$stderr" = "va-score: $text" ] || explain "$stderr"
    [ "$output" = "" ]
}
# h5 predictions of the videos named, each the mean of labels/
make_predictions() {
    local v
    for v in "$@"; do
        make_features --frames "$(($(wc -l <"labels/$v.txt") - 1))" --video "$v" "$v.f.h5"
    done
    va-window --labels labels -o w.h5 "${@/%/.f.h5}" >/dev/null
    printf '%s\n' "$@" >list
    va-ridge --method mean --windows w.h5 --train list --val list -o pred.h5
}

@test "generic battery: text" { generic_battery va-score --labels labels pred/a.txt pred/b.txt; }
@test "generic battery: va.predictions/1 and a list" {
    make_predictions a b
    BATTERY_WHOLE=list generic_battery va-score -q --labels labels --list list pred.h5
}

@test "perfect predictions: CCC 1, error 0; what is labelled -5 does not count" {
    run -0 --separate-stderr va-score --per-video --labels labels pred
    [ "$stderr" = "" ]
    [ "${lines[0]}" = "scope	dimension	ccc	pearson	rmse	mae	sagr	frames" ]
    [ "${lines[1]}" = "pooled	valence	1	1	0	0	1	5" ]
    [ "${lines[6]}" = "video-mean	mean	1	1	0	0	1	5" ]
    [ "${lines[7]}" = "a	valence	1	1	0	0	1	3" ]
    [ "${lines[12]}" = "b	mean	1	1	0	0	1	2" ]
    [ ${#lines[@]} -eq 13 ]
}

@test "without --per-video there are only the two scopes" {
    run -0 va-score --labels labels pred
    [ ${#lines[@]} -eq 7 ]
}

@test "values by hand" {
    put labels/a.txt 0,0 1,1
    put pred/a.txt 0.5,0.5 1,1
    run -0 va-score --labels labels --list <(echo a) pred
    # means .75 and .5, variances .0625 and .25, covariance .125
    [ "$(cell pooled valence ccc)" = 0.666666667 ]
    [ "$(cell pooled mean pearson)" = 1 ]
    [ "$(cell pooled arousal rmse)" = 0.353553391 ]
    [ "$(cell pooled arousal mae)" = 0.25 ]
    [ "$(cell pooled arousal sagr)" = 0.5 ]
}

@test "undefined values are nan, and stderr says why" {
    put labels/a.txt -5,-5 -5,-5
    put pred/a.txt 0.3,0.3 0.3,0.3
    put labels/b.txt 0.5,0.2 0.5,0.3
    put pred/b.txt 0.5,0.1 0.5,0.2
    run -0 --separate-stderr va-score --per-video --labels labels pred
    [ "$(cell a valence rmse)" = nan ]
    [ "$(cell a mean frames)" = 0 ]
    [ "$(cell b valence ccc)" = nan ]
    [ "$(cell b valence rmse)" = 0 ]
    [ "$(cell b arousal ccc)" != nan ]
    [ "$(cell b mean ccc)" = nan ]
    [[ $stderr == *"va-score: a: all measures are undefined: no labelled frame"* ]]
    [[ $stderr == *"va-score: b: ccc of valence is undefined: predictions and labels are the same constant"* ]]
    [[ $stderr == *"va-score: b: pearson of valence is undefined: the predictions are constant"* ]]
    [[ $stderr == *"va-score: video-mean: ccc of valence is undefined because it is undefined for every video"* ]]
    run -0 --separate-stderr va-score -q --per-video --labels labels pred
    [ "$stderr" = "" ]
}

@test "a constant prediction scores 0, pearson is undefined" {
    make_predictions a b
    run -0 --separate-stderr va-score --labels labels pred.h5
    [ "$(cell pooled mean ccc)" = 0 ]
    [ "$(cell pooled mean pearson)" = nan ]
    [ "$(cell pooled mean frames)" = 5 ]
    [ "$stderr" = "va-score: pooled: pearson is undefined: the predictions are constant
va-score: video-mean: pearson is undefined because it is undefined for every video" ]
}

@test "HDF5 and text mixed" {
    make_predictions a
    run -0 va-score --labels labels pred.h5 pred/b.txt
    [ "$(cell pooled mean frames)" = 5 ]
}

@test "a video without predictions: refused, or left out" {
    rm pred/b.txt
    refused 3 "labels/b.txt: video 'b' has no predictions, found those of 'a': label files are called as the videos; add predictions, choose videos with --list, or leave the video out with --missing skip" --labels labels pred
    run -0 --separate-stderr va-score --missing skip --labels labels pred
    [ "$stderr" = "va-score: b: has no predictions, left out" ]
    [ "$(cell pooled mean frames)" = 3 ]
}

@test "predictions shorter than the labels: refused, or only those frames" {
    put pred/a.txt 0.1,0.5 0.2,-0.5
    refused 3 "pred/a.txt: video 'a': found predictions for 2 frames, but frame 4 is labelled in labels/a.txt" \
        --labels labels pred
    run -0 va-score --missing skip --labels labels pred
    [ "$(cell pooled mean frames)" = 4 ]
    put pred/a.txt 0.1,0.5 0.2,-0.5 # a tail without labels is no loss
    put labels/a.txt 0.1,0.5 0.2,-0.5 -5,-5
    run -0 va-score --labels labels pred
}

@test "predictions longer than the labels, videos without labels" {
    put pred/a.txt 0.125,0.5 0.25,-0.5 0.9,0.9 0.375,0.25 0,0 0,0
    put pred/c.txt 0,0
    run -0 --separate-stderr va-score --labels labels pred
    [ "$stderr" = "va-score: c: has no labels, left out" ]
    [ "$(cell pooled valence ccc)" = 1 ]
}

@test "a list chooses videos; names it must not hold" {
    rm pred/b.txt
    printf '# one\na  # here\n' >list
    run -0 --separate-stderr va-score --labels labels --list list pred
    [ "$stderr" = "" ]
    [ "$(cell pooled mean frames)" = 3 ]
    printf 'a\nnobody\n' >list
    refused 3 "list: line 2: found 'nobody', which is not in the folders of labels" \
        --labels labels --list list pred
    printf 'a\n\na\n' >list
    refused 3 "list: line 3: 'a' is also in line 1" --labels labels --list list pred
}

@test "the same video twice among the predictions" {
    mkdir again
    cp pred/a.txt again
    run -3 --separate-stderr va-score --labels labels pred again
    [[ $stderr == "va-score: "*"/a.txt: video 'a' is also predicted in "*"/a.txt" ]]
}

@test "bad predictions name the file and the line" {
    put pred/a.txt 0.1,0.5 nan,0
    refused 3 "pred/a.txt: line 3: found 'nan', expected a number" --labels labels pred
    make_predictions b
    h5edit pred.h5 poke /videos/b/va 1 nan
    run -3 --separate-stderr va-score --labels labels --list list pred.h5
    [[ $stderr == "va-score: pred.h5: /videos/b/va: "* ]]
    mkdir empty
    refused 3 "empty: found no <video>.txt in this folder" --labels labels empty
}

@test "missing arguments" {
    refused 2 "missing --labels DIR (try --help)" pred
    refused 2 "expected predictions to score (try --help)" --labels labels
}
