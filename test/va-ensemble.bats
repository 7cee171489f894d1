#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# va-ensemble combines predictions. Centring and the fit are unit tests; here are files.
bats_require_minimum_version 1.8.0
load lib/va
setup() {
    cd "$BATS_TEST_TMPDIR" || return
    mkdir a b c
    put a/v.txt 0,0 0.25,0.5 0.5,-0.5 0.75,1
    put b/v.txt 0.5,0 0.25,0 0,0 0.25,0
    put c/v.txt 1,-1 0.25,-1 1,-1 0.5,-1
    put a/w.txt 0.125,0.25
    put b/w.txt 0.375,0.75
    put c/w.txt 0.5,1
    make_predictions --model A -o a.h5 a/v.txt a/w.txt
    make_predictions --model B --fps 2 -o b.h5 b/v.txt b/w.txt
    make_predictions --model C --fps 2 -o c.h5 c/v.txt c/w.txt
}

refused() { # CODE TEXT ARGS...
    local code=$1 text=$2
    shift 2
    run "-$code" --separate-stderr va-ensemble -o out.h5 "$@"
    [ "$stderr" = "va-ensemble: $text" ] || explain "$stderr"
    [ "$output" = "" ]
    [ ! -e out.h5 ]
}
usage() { # TEXT ARGS...
    local text=$1
    shift
    refused 2 "$text (try --help)" "$@"
}
videos() { h5ls "$1/videos" | cut -d ' ' -f 1 | paste -sd ' '; }

@test "generic battery: mean" { generic_battery va-ensemble -o out.h5 a.h5 b.h5; }
@test "generic battery: centred" { generic_battery va-ensemble --method centred -o out.h5 a.h5 b.h5; }

@test "mean: frame by frame; models, times and inputs go along" {
    run -0 --separate-stderr va-ensemble -o out.h5 a.h5 b.h5
    [ "$output$stderr" = "" ]
    va-check out.h5
    [ "$(column out.h5 /videos/v/va)" = "0.25 0 0.25 0.25 0.25 -0.25 0.5 0.5" ]
    [ "$(column out.h5 /videos/w/va)" = "0.25 0.5" ]
    [ "$(column out.h5 /videos/v/pts)" = "0 0.5 1 1.5" ] # of b.h5, the first that has them
    [ "$(attribute out.h5 models)" = "A B" ]
    [[ "$(attribute out.h5 provenance)" == *"input=a.h5 $(attribute a.h5 id) input=b.h5 $(attribute b.h5 id)" ]]
}

@test "one file alone stays what it is; models are named once" {
    va-ensemble -o out.h5 a.h5
    [ "$(attribute out.h5 id)" = "$(attribute a.h5 id)" ]
    va-ensemble --method centred -o out.h5 a.h5
    [ "$(attribute out.h5 id)" = "$(attribute a.h5 id)" ]
    va-ensemble -o ab.h5 a.h5 b.h5
    va-ensemble -o out.h5 b.h5 ab.h5 a.h5
    [ "$(attribute out.h5 models)" = "B A" ]
}

@test "--weight weighs files" {
    va-ensemble --weight 3,1 -o out.h5 a.h5 b.h5
    [ "$(column out.h5 /videos/w/va)" = "0.1875 0.375" ]
    va-ensemble --weight 0,.5,0 -o out.h5 a.h5 b.h5 c.h5
    [ "$(column out.h5 /videos/v/va)" = "$(column b.h5 /videos/v/va)" ]
}

@test "centred: by hand" {
    # valence: c is a, b is a mirrored at their mean; arousal: c is constant, its CCCs are 0
    put a/v.txt 0,0 0.25,0.5 0.5,-0.5 0.75,1
    put b/v.txt 0.75,0.5 0.5,1 0.25,0 0,1.5
    put c/v.txt 0,0.5 0.25,0.5 0.5,0.5 0.75,0.5
    for m in a b c; do make_predictions -o $m.h5 $m/v.txt; done
    va-ensemble --method centred -o out.h5 a.h5 b.h5 c.h5
    # means of valence are equal: nothing is shifted. Arousal: a and b, with means .25 and .75, agree;
    # c has no say. The target is .5, and so is the plain mean of means
    va-ensemble -o plain.h5 a.h5 b.h5 c.h5
    [ "$(column out.h5 /videos/v/va)" = "$(column plain.h5 /videos/v/va)" ]
    put c/v.txt 0,-1 0.25,-1 0.5,-1 0.75,-1
    make_predictions -o c.h5 c/v.txt
    va-ensemble --method centred -o out.h5 a.h5 b.h5 c.h5
    va-ensemble -o plain.h5 a.h5 b.h5 c.h5
    # target of arousal still .5, the plain mean 0: half of it is the shift
    [ "$(column plain.h5 /videos/v/va | cut -d ' ' -f 2,4)" = "-0.166666672 0.166666672" ]
    [ "$(column out.h5 /videos/v/va | cut -d ' ' -f 2,4)" = "0.333333343 0.666666687" ]
    [ "$(column out.h5 /videos/v/va | cut -d ' ' -f 1,3,5,7)" = "$(column plain.h5 /videos/v/va | cut -d ' ' -f 1,3,5,7)" ]
}

@test "values outside [-1, 1]: clipped, or kept" {
    put a/v.txt 3,0 1,0
    make_predictions -o a.h5 a/v.txt
    va-ensemble -o out.h5 a.h5
    [ "$(column out.h5 /videos/v/va)" = "1 0 1 0" ]
    va-ensemble --clip no -o out.h5 a.h5
    [ "$(column out.h5 /videos/v/va)" = "3 0 1 0" ]
}

@test "a video that a file lacks: refused, left out, or combined from the others" {
    make_predictions --model B -o b.h5 b/v.txt
    refused 3 "b.h5: video 'w' is missing, but a.h5 has it" a.h5 b.h5
    refused 3 "b.h5: video 'w' is missing, but a.h5 has it" b.h5 a.h5
    run -0 --separate-stderr va-ensemble --missing skip -o out.h5 a.h5 b.h5
    [ "$stderr" = "va-ensemble: w: missing from b.h5, left out" ]
    [ "$(videos out.h5)" = v ]
    va-ensemble --missing average -o out.h5 a.h5 b.h5 c.h5
    [ "$(column out.h5 /videos/w/va)" = "0.3125 0.625" ]
    [ "$(column out.h5 /videos/v/va | cut -d ' ' -f 1)" = 0.5 ]
    va-ensemble --missing average --method centred -o out.h5 a.h5 b.h5
    [ "$(column out.h5 /videos/w/va)" = "0.125 0.25" ]
    va-ensemble --missing average --weight 1,5,3 -o out.h5 a.h5 b.h5 c.h5
    [ "$(column out.h5 /videos/w/va)" = "0.40625 0.8125" ]
    rm out.h5
    refused 3 "a.h5: video 'w': all files with this video have weight 0" --missing average --weight 0,1 a.h5 b.h5
}

@test "files of different videos are joined, to the bit" {
    make_predictions --model A --fps 5 -o a.h5 a/v.txt
    make_predictions --model B -o b.h5 b/w.txt
    va-ensemble --missing average -o out.h5 a.h5 b.h5
    [ "$(videos out.h5)" = "v w" ]
    [ "$(column out.h5 /videos/v/va)" = "$(column a.h5 /videos/v/va)" ]
    [ "$(column out.h5 /videos/v/pts)" = "$(column a.h5 /videos/v/pts)" ]
    [ "$(column out.h5 /videos/w/va)" = "$(column b.h5 /videos/w/va)" ]
    run ! h5ls out.h5/videos/w/pts
    rm out.h5
    run -3 --separate-stderr va-ensemble -q --missing skip -o out.h5 a.h5 b.h5
    [ "$stderr" = "va-ensemble: a.h5: found no video that all files have" ]
    [ ! -e out.h5 ]
}

@test "the same video in two lengths" {
    put b/v.txt 0.5,0 0.25,0 0,0
    make_predictions -o b.h5 b/v.txt b/w.txt
    refused 3 "b.h5: video 'v': found 3 frames, but 4 in a.h5" a.h5 b.h5
}

@test "another video of the same name and length: its times" {
    put v.txt 0,0 0.5,0.5 0,0 0.5,0.5 0,0 0.5,0.5
    make_predictions --fps 25 --face -o fast.h5 v.txt
    make_predictions --fps 20 --face -o slow.h5 v.txt
    run -3 --separate-stderr va-ensemble -o out.h5 fast.h5 slow.h5
    [ "$stderr" = "va-ensemble: slow.h5: video 'v': has frame 5 at 0.200 s, expected 0.170 s as in fast.h5: give predictions of one video" ] || explain "$stderr"
    [ ! -e out.h5 ]
    # without times nothing can be compared; shifted, it is the same
    make_predictions -o none.h5 v.txt
    va-ensemble -q -o out.h5 none.h5 slow.h5
    cp fast.h5 shifted.h5
    for t in 0 1 2 3 4 5; do h5edit shifted.h5 poke /videos/v/pts "$t" "$(awk "BEGIN { print 3 + $t / 25 }")"; done
    va-ensemble -q -o out.h5 fast.h5 shifted.h5
}

@test "many files, many videos: what one video needs does not depend on the others" {
    for v in $(seq 100 130); do cp a/v.txt "a/$v.txt" && cp b/v.txt "b/$v.txt"; done
    make_predictions -o a.h5 a/1*.txt
    make_predictions -o b.h5 b/1*.txt
    va-ensemble --method centred -o out.h5 a.h5 b.h5
    [ "$(column out.h5 /videos/100/va)" = "$(column out.h5 /videos/130/va)" ]
    [ "$(h5ls out.h5/videos | wc -l)" -eq 31 ]
}

@test "equal inputs give equal bytes" {
    va-ensemble --method centred -o out.h5 a.h5 b.h5 c.h5
    sleep 1.1
    va-ensemble --method centred -o again.h5 a.h5 b.h5 c.h5
    cmp out.h5 again.h5
}

@test "a file named fit" {
    cp a.h5 fit
    va-ensemble -o out.h5 ./fit
    va-ensemble -o out.h5 fit
    run -2 --separate-stderr va-ensemble fit -o out.h5
    [ "$stderr" = "va-ensemble: missing --labels DIR (try --help)" ]
}

@test "mistakes in the command line: status 2" {
    usage "expected files of predictions"
    run -2 va-ensemble a.h5
    usage "--method weights needs --weight-table FILE" --method weights a.h5
    usage "--weight-table conflicts with --method mean and centred" --method mean --weight-table t.tsv a.h5
    usage "--weight is only for --method mean" --method centred --weight 1,1 a.h5 b.h5
    usage "--weight: found 3 numbers, expected 2, one for each file" --weight 1,1,1 a.h5 b.h5
    usage "--weight: all weights are 0, expected at least one above 0" --weight 0,0 a.h5 b.h5
    for bad in -1,1 1,x "1," ,1 1,nan inf,1 "1, 1"; do
        usage "--weight: found $bad, expected numbers of at least 0, separated by commas" --weight "$bad" a.h5 b.h5
    done
    usage "--missing average conflicts with --weight-table: its weights are for all files together" \
        --missing average --weight-table t.tsv a.h5 b.h5
    # shellcheck disable=SC2046
    usage "found 65 files of predictions, at most 64" $(yes a.h5 | head -n 65)
}

@test "--table: the combined values, for a spreadsheet" {
    va-ensemble --table tables/ -o out.h5 a.h5 b.h5
    [ "$(ls tables)" = "$(printf 'v.tsv\nw.tsv')" ]
    [ "$(cat tables/w.tsv)" = "$(printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\n' frame time person face confidence valence arousal \
        1 0.000000 w '' '' 0.250000 0.500000)" ]
}
