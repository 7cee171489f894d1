#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# va-fold: who is held out where, and the six-fold table. The schemes have a unit test.
bats_require_minimum_version 1.8.0
load lib/va
setup() {
    local i
    cd "$BATS_TEST_TMPDIR" || return
    mkdir train val
    for i in 1 2 3 4 5 6 7 8; do make_labels --frames $((100 * i)) >train/v$i.txt; done
    make_labels --frames 50 >train/v9_left.txt
    make_labels --frames 60 >val/v9_right.txt
    make_labels --frames 70 >val/w.txt
}
split() { va-fold split --train-labels train --val-labels val "$@"; }

# scores VALENCE AROUSAL MEAN: a table as va-score prints it
scores() {
    printf 'scope\tdimension\tccc\tpearson\trmse\tmae\tsagr\tframes\n'
    printf 'pooled\tvalence\t%s\t0\t0\t0\t0\t9\npooled\tarousal\t%s\t0\t0\t0\t0\t9\n' "$1" "$2"
    printf 'pooled\tmean\t%s\t0\t0\t0\t0\t9\nvideo-mean\tmean\t0.9\t0\t0\t0\t0\t9\n' "$3"
}
refused() { # CODE TEXT COMMAND...
    local code=$1 text=$2
    shift 2
    run "-$code" --separate-stderr "$@"
    [ "$stderr" = "va-fold: $text" ] || explain "$stderr"
    [ "$output" = "" ]
}

@test "generic battery: split" { # an output folder is made with its parents
    printf 'clip\tgroup\tfold\na\tg\t0\nb\th\t1\n' >folds.tsv
    BATTERY_SKIP=unwritable BATTERY_WHOLE=folds.tsv \
        generic_battery va-fold split --folds-tsv folds.tsv -o out
}
@test "generic battery: report" {
    scores .5 .3 .4 >fold0.tsv
    scores .5 .3 .4 >ridge0.tsv
    generic_battery "va-fold report" fold0.tsv
    run -3 --separate-stderr va-fold report --baseline none.tsv fold0.tsv
    [ "$stderr" = "va-fold: none.tsv: cannot open: No such file or directory" ]
}
@test "commands answer as tools do" {
    run -0 --separate-stderr va-fold --help
    [[ $output == *split*report*run* ]]
    refused 2 "unknown command splat, did you mean split? (try --help)" va-fold splat
    refused 2 "expected a command (try --help)" va-fold
}

@test "fold 0 is official; 1 to 5 hold everybody out once, people together" {
    run -0 --separate-stderr split -o folds
    [ "$output$stderr" = "" ]
    [ "$(cat folds/0/val.txt)" = "v9_right
w" ]
    [ "$(wc -l <folds/0/train.txt)" -eq 9 ]
    [ "$(cat folds/[1-5]/val.txt | sort)" = "$(printf "%s\n" v{1..8} v9_left v9_right w)" ]
    for k in 1 2 3 4 5; do
        [ "$(sort folds/$k/train.txt folds/$k/val.txt | uniq | wc -l)" -eq 11 ]
        run grep -c v9_ folds/$k/val.txt
        [[ $output =~ ^[02]$ ]]
    done
}

@test "balanced by frames: 3780 frames, five folds, none far from 756" {
    split -o folds
    for k in 1 2 3 4 5; do
        n=0
        while read -r v; do n=$((n + $(cat {train,val}/"$v".txt 2>/dev/null | wc -l) - 1)); done <folds/$k/val.txt
        [ $n -ge 700 ] && [ $n -le 880 ] || explain "fold $k: $n frames"
    done
}

@test "a list that no split wrote, or that was edited since, is replaced with --force only" {
    split --seed 5 -o folds
    split --seed 6 -o folds
    split --seed 5 -o folds # what was written earlier is no stranger
    cp folds/1/val.txt before
    echo v1 >>folds/2/train.txt
    cp folds/2/train.txt edited
    refused 3 "folds/2/train.txt: exists and holds a text, not an earlier output: name another file, or replace it with --force" \
        split --seed 6 -o folds
    cmp before folds/1/val.txt
    cmp edited folds/2/train.txt
    split --seed 6 -o folds --force
    run ! cmp -s edited folds/2/train.txt
    mkdir -p own/0 && printf 'b\na\n' >own/0/train.txt
    run -3 split -o own
    [ "$(cat own/0/train.txt)" = "b
a" ]
    [ "$(find own | wc -l)" -eq 3 ]
    mkdir table && echo 'my splits' >table/split.tsv
    run -3 split -o table
    [ "$(cat table/split.tsv)" = 'my splits' ]
}

@test "the same seed gives the same folds" {
    split --seed 5 -o a
    split --seed 5 -o b
    diff -r a b
}

@test "schemes authors and sucv; torn people are reported" {
    run -0 --separate-stderr split --scheme authors -o folds
    [ "$stderr" = "va-fold: 1 groups of people are in several folds: scores will be too high" ] ||
        explain "$stderr"
    [ "$(paste -sd " " folds/1/val.txt)" = "v1 v2 v3" ]
    [ "$(paste -sd " " folds/5/val.txt)" = "v9_right w" ]
    split --scheme sucv --folds 3 -o sucv 2>/dev/null
    [ "$(paste -sd " " sucv/1/val.txt)" = "v7 v8 v9_left" ]
    [ "$(paste -sd " " sucv/3/val.txt)" = "v1 v2 v3" ]
    [ "$(grep -c w sucv/1/train.txt)" -eq 1 ]
}

@test "folds as given" {
    printf 'clip\tgroup\tfold\na1\ta\t0\na2\ta\t0\nb1\tb\t1\nc1\tc\t2\n' >folds.tsv
    va-fold split --folds-tsv folds.tsv -o folds
    [ "$(echo folds/*)" = "folds/0 folds/1 folds/2 folds/split.tsv" ]
    [ "$(paste -sd ' ' folds/0/val.txt)" = "a1 a2" ]
    [ "$(paste -sd ' ' folds/1/train.txt)" = "a1 a2 c1" ]
    printf 'clip\tgroup\tfold\na1\ta\t0\na2\ta\t1\n' >folds.tsv
    refused 3 "folds.tsv: line 3: group 'a' is in fold 1, in line 2 in fold 0" \
        va-fold split --folds-tsv folds.tsv -o other
    printf 'clip\tfold\na\t0\na\t1\n' >folds.tsv
    refused 3 "folds.tsv: line 3: 'a' is also in line 2" va-fold split --folds-tsv folds.tsv -o other
    printf 'clip\tfold\na\t0\nb\t2\n' >folds.tsv
    refused 3 "folds.tsv: no video in fold 1, expected folds from 0 to 2" \
        va-fold split --folds-tsv folds.tsv -o other
    printf 'clip\tfold\na\t0\nb\tx\n' >folds.tsv
    refused 3 "folds.tsv: line 3: fold: found 'x', expected a number" \
        va-fold split --folds-tsv folds.tsv -o other
}

@test "a table names videos as files of labels do: without extensions" {
    printf 'clip\tfold\n46.v1.final.mp4\t0\nb.mp4.txt\t1\n' >folds.tsv
    va-fold split --folds-tsv folds.tsv -o folds
    [ "$(cat folds/0/val.txt folds/1/val.txt)" = "46.v1.final
b" ]
    printf 'clip\tfold\na\t0\nb\t1\na.mp4\t1\n' >folds.tsv
    refused 3 "folds.tsv: line 4: 'a' is also in line 2" va-fold split --folds-tsv folds.tsv -o other
    printf 'clip\tfold\na/b\t0\n' >folds.tsv
    refused 3 "folds.tsv: line 2: found 'a/b', expected the name of a video" \
        va-fold split --folds-tsv folds.tsv -o other
    for name in v{1..8} v9_left v9_right w; do printf '%s.mp4\tg%s\n' "$name" "${name:1:1}"; done >rows
    { printf 'clip\tgroup\n' && cat rows; } >groups.tsv
    split --groups groups.tsv -o grouped
    [ "$(grep -l v9 grouped/[1-5]/val.txt | wc -l)" -eq 1 ]
}

@test "one folder of labels: folds from 0 on, drawn by group" {
    refused 3 "found 9 groups of videos, expected at least 10, one for each fold; fewer folds: --folds, or FOLD_COUNT of a pipeline" \
        va-fold split --labels train --folds 10 -o folds
    va-fold split --labels train --folds 4 -o folds
    [ "$(cat folds/?/val.txt | sort)" = "$(printf '%s\n' v{1..8} v9_left)" ]
    [ "$(find folds -name val.txt | wc -l)" -eq 4 ]
    for k in 0 1 2 3; do [ "$(cat folds/$k/train.txt folds/$k/val.txt | sort -u | wc -l)" -eq 9 ]; done
    va-fold split --labels train --folds 4 --seed 7 -o other
    run ! diff -r folds other
    for f in v1 v2 v3 v4; do mv train/$f.txt train/anna_$f.txt; done
    va-fold split --labels train --folds 4 --group-pattern '^(anna)_|^v(.)' -o pattern
    [ "$(cat pattern/?/val.txt | wc -l)" -eq 9 ]
    [ "$(grep -l anna pattern/?/val.txt | wc -l)" -eq 1 ]
    refused 3 "^(v.): does not match the name of video 'anna_v1'" \
        va-fold split --labels train --folds 4 --group-pattern '^(v.)' -o none
    run -3 --separate-stderr va-fold split --labels train --group-pattern '(' -o none
    [[ $stderr == "va-fold: (: expected an extended regular expression: "* ]]
    refused 2 "--labels conflicts with --train-labels, --val-labels and --scheme (try --help)" \
        va-fold split --labels train --val-labels val -o none
    refused 2 "--groups and --group-pattern conflict (try --help)" \
        va-fold split --labels train --groups g.tsv --group-pattern x -o none
}

@test "two sets, one folder, or a table" {
    local hint="where all labels are in one folder, --labels DIR draws folds, and --folds-tsv FILE says who is held out (try --help)"

    refused 2 "missing --val-labels DIR: $hint" va-fold split --train-labels train -o folds
    refused 2 "missing --train-labels DIR: $hint" va-fold split --val-labels val -o folds
    refused 2 "--train-labels and --val-labels are the same folder: $hint" \
        va-fold split --train-labels train --val-labels ./train/ -o folds
    refused 2 "missing --train-labels DIR and --val-labels DIR, --labels DIR, or --folds-tsv FILE (try --help)" \
        va-fold split -o folds
}

@test "a video in both sets, too few people, bad labels, no labels" {
    cp train/v1.txt val
    refused 3 "video 'v1' is in the training and in the validation set" \
        va-fold split --train-labels train --val-labels val -o folds
    rm val/v1.txt
    refused 3 "found 10 groups of videos, expected at least 11, one for each fold; fewer folds: --folds, or FOLD_COUNT of a pipeline" \
        va-fold split --folds 11 --train-labels train --val-labels val -o folds
    echo 0.1,0.2,0.3 >>train/v1.txt
    refused 3 "train/v1.txt: line 102: found '0.1,0.2,0.3', expected two numbers: valence,arousal" \
        va-fold split --train-labels train --val-labels val -o folds
    mkdir empty
    refused 3 "empty: found no <video>.txt in this folder" \
        va-fold split --train-labels empty --val-labels val -o folds
    [ ! -e folds ]
    : >file
    refused 4 "file: cannot make folder: Not a directory" va-fold split --folds-tsv \
        <(printf 'clip\tfold\na\t0\nb\t1\n') -o file
}

@test "the table: ours, a baseline, the published numbers" {
    mkdir -p cv/{0,1}
    scores .5 .3 .4 >cv/0/score.tsv
    scores .7 nan nan >cv/1/score.tsv
    scores .1 .1 .1 >cv/0/ridge.tsv
    scores .2 .4 .3 >cv/1/ridge.tsv
    run -0 --separate-stderr va-fold report --format tsv --baseline cv/1/ridge.tsv \
        --baseline cv/0/ridge.tsv cv/1/score.tsv cv/0/score.tsv
    [ "$stderr" = "" ]
    diff <(printf '%s\n' "${lines[@]}" | tr '\t' ' ') - <<'EOF'
fold valence arousal mean ridge_valence ridge_arousal ridge_mean published_valence published_arousal published_mean
0 0.5 0.3 0.4 0.1 0.1 0.1 0.5454 0.3848 0.4651
1 0.7 nan nan 0.2 0.4 0.3 0.5423 0.3612 0.4517
average 0.6 nan nan 0.15 0.25 0.2 0.54385 0.373 0.4584
baseline nan nan nan nan nan nan 0.24 0.2 0.22
EOF
    run -0 va-fold report --baseline a-longer-name=cv/0/ridge.tsv cv/0/score.tsv
    [ "$(printf '%s\n' "${lines[@]:1}" | awk '{ print length }' | sort -u | wc -l)" -eq 1 ]
    run -0 va-fold report --baseline cv/0/ridge.tsv cv/0/score.tsv
    diff <(printf '%s\n' "${lines[@]}") - <<'EOF'
            ours                      mean of   published
fold        valence arousal    mean     ridge   valence arousal    mean
0            0.5000  0.3000  0.4000    0.1000    0.5454  0.3848  0.4651
average      0.5000  0.3000  0.4000    0.1000    0.5454  0.3848  0.4651
ridge        0.1000  0.1000  0.1000         -         -       -       -
baseline          -       -       -         -    0.2400  0.2000  0.2200
EOF
    run -0 va-fold report --published no --baseline cv/0/ridge.tsv cv/0/score.tsv
    diff <(printf '%s\n' "${lines[@]}") - <<'EOF'
            ours                      mean of
fold        valence arousal    mean     ridge
0            0.5000  0.3000  0.4000    0.1000
average      0.5000  0.3000  0.4000    0.1000
ridge        0.1000  0.1000  0.1000         -
EOF
    run -0 va-fold report --format markdown --baseline x=cv/0/ridge.tsv cv/0/score.tsv
    [ "${lines[0]}" = "| fold | valence | arousal | mean | x mean | published valence | published arousal | published mean |" ]
    [ "${lines[2]}" = "| 0 | 0.5000 | 0.3000 | 0.4000 | 0.1000 | 0.5454 | 0.3848 | 0.4651 |" ]
    [ "${lines[4]}" = "| x | 0.1000 | 0.1000 | 0.1000 | - | - | - | - |" ]
    run -0 va-fold report --format html --baseline '<us>=cv/0/ridge.tsv' cv/0/score.tsv
    [[ $output == "<table>"*"<td>&lt;us&gt; mean</td>"*"<tr><th>0</th><td>0.5000</td>"*"</table>" ]]
}

@test "run: the help names what leaves out the scores of Aff-Wild2" { va-fold run --help | grep -q PUBLISHED=no; }

@test "which fold a file speaks of: its folder, its name, its place" {
    scores .5 .3 .4 >fold3.tsv
    scores .6 .3 .4 >fold-10.tsv
    run -0 va-fold report --format tsv fold-10.tsv fold3.tsv
    [ "${lines[1]%%	*}${lines[2]%%	*}" = 310 ]
    [[ ${lines[2]} == *"	nan	nan	nan" ]] # nothing published beyond fold 5
    scores .6 .3 .4 >b.tsv
    run -0 va-fold report --format tsv fold3.tsv b.tsv
    [ "${lines[1]%%	*}${lines[2]%%	*}" = 01 ]
}

@test "bad scores" {
    scores .5 .3 .4 >fold0.tsv
    scores .5 .3 .4 >other1.tsv
    refused 3 "other: found a score of fold 1, expected fold 0" \
        va-fold report --baseline other1.tsv fold0.tsv
    scores .5 x .4 >bad.tsv
    refused 3 "bad.tsv: line 3: ccc: found 'x', expected a number" va-fold report bad.tsv
    scores 1.5 0 .4 >bad.tsv
    refused 3 "bad.tsv: line 2: found a CCC of 1.5, expected -1 to 1" va-fold report bad.tsv
    scores .5 .3 .4 | grep -v arousal >bad.tsv
    refused 3 "bad.tsv: found no row for pooled arousal" va-fold report bad.tsv
    printf 'a\tb\n1\t2\n' >bad.tsv
    refused 3 "bad.tsv: line 1: expected the columns scope, dimension and ccc of va-score" \
        va-fold report bad.tsv
}

@test "run hands over to make: files, folders, settings" {
    mkdir pipelines
    printf '%s\n' 'FOLDS ?= none' >pipelines/params.mk
    # shellcheck disable=SC2016
    printf '%s\n' 'show:' '	@echo "$(WINDOWS)|$(SPLIT)|$(LABELS)|$(OUT)|$(FOLDS)|$(notdir $(BIN))"' \
        >pipelines/cv.mk
    export VA_PIPELINES=$PWD/pipelines
    run -0 --separate-stderr va-fold run --windows w.h5 --split folds --labels train --labels val \
        -o out FOLDS="0 1"
    [ "$output" = "w.h5|folds|train val|out|0 1|bin" ] || explain "$output"
    refused 2 "expected NAME=VALUE, found what (try --help)" \
        va-fold run --windows w.h5 --split folds --labels train -o out what
    refused 2 "missing --windows FILE, --split DIR, --labels DIR or --output DIR (try --help)" \
        va-fold run --windows w.h5
    MAKE=no-such-make refused 4 "no-such-make: cannot run: No such file or directory" \
        va-fold run --windows w.h5 --split folds --labels train -o out
}
