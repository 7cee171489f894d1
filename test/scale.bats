#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# Large inputs in small: make scale with sizes that take seconds, and a video that is too long to be held whole.
bats_require_minimum_version 1.8.0
load lib/va

setup() { cd "$BATS_TEST_TMPDIR" || return; }

@test "make scale in small: linear, and memory is bounded" {
    export VIDEOS="50 100 200 400" FRAMES="20000 40000 80000 160000" FILES="10 20 40 80" SCALE_DIR=$PWD/data
    run -0 --separate-stderr "$BATS_TEST_DIRNAME/scale/run.sh"
    [ "$stderr" = "" ] || explain "$stderr"
    # four sizes, and a summary
    [ "$(grep -cP '^(videos|frames)\t(make|list|pack|window|predict|score)\t\d+\t[\d.]+\t[\d.]+\t\d+$' <<<"$output")" -eq 60 ]
    export VIDEOS="5 10" FRAMES="50 100" FILES="2 4" SLACK=-100
    run -1 "$BATS_TEST_DIRNAME/scale/run.sh"
    [[ $output == *"memory grows"* ]]
}

@test "a long video is written while it is predicted: the same as when it is held whole" {
    make_corpus --frames 70000 --dim 3 --labels labels l.h5
    va-weights init -q --arch mamba-va --in-dim 3 --channels 4 --kernel 3 --layers 1 --d-state 2 --hidden 4 -o m.h5
    va-pack --unpack -o f l.h5
    va-predict -q -m m.h5 -o s.h5 l.h5
    va-predict -q -m m.h5 -o w.h5 --text-dir text f/v0000000.h5
    va-h5cmp s.h5 w.h5
    va-check s.h5
    va-window -q --window 300 --stride 200 -o l.w.h5 l.h5
    va-predict -q -m m.h5 --windows l.w.h5 -o s.h5
    va-h5cmp s.h5 w.h5
    va-score --labels labels --per-video s.h5 >s.tsv # block by block
    va-score --labels labels --per-video text | cmp s.tsv
}

@test "with gaps, a face score and frames without features at both ends" {
    make_features --frames 70000 --first 40 --frame-count 70100 --dim 3 --gaps 41,42,30000,65530,65540,70038 --score --video g g.h5
    va-weights init -q --arch mamba-va --in-dim 3 --channels 4 --kernel 3 --layers 1 --d-state 2 --hidden 4 -o m.h5
    for missing in previous nearest linear zero; do
        va-predict -q -m m.h5 --missing $missing -o s.h5 g.h5
        va-predict -q -m m.h5 --missing $missing -o w.h5 --text-dir text g.h5
        va-h5cmp s.h5 w.h5
    done
}
