#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2034,SC2016,SC2030,SC2031 # cluster.bash sets and reads variables; text of make; tests are subshells
# The Aff-Wild2 pipeline of the demo, 59 videos and six folds, by va-jobs on a Slurm of three nodes: the files of make demo,
# byte for byte, also when nodes go down and jobs have to make way. Run by make check-slurm DEMO=yes.
bats_require_minimum_version 1.8.0
load ../lib/va
load cluster
PATIENCE=900

setup_file() {
    cd "$BATS_FILE_TMPDIR" && bring_up || return
    [ -z "$lacking" ] || return 0
    make --no-print-directory -j2 -f "$top/pipelines/demo.mk" BIN="$BUILD/bin" OUT=demo >log 2>&1 3>&- || explain "$(cat log)"
    settings random
    make --no-print-directory -j2 -f "$top/pipelines/affwild2.mk" "${SETTINGS[@]}" submission >log 2>&1 3>&- || explain "$(cat log)"
}
teardown_file() { bring_down; }

# Each test has a folder of its own, so that names in files are the same.
setup() {
    [ -z "$lacking" ] || skip "$lacking"
    mkdir -p "$BATS_FILE_TMPDIR/$BATS_TEST_NUMBER/demo" && cd "$BATS_FILE_TMPDIR/$BATS_TEST_NUMBER" || return
    ln -s ../../demo/{corpus,random.h5,pretrained.h5} demo
}
teardown() { calm; }

# settings NAME [VARIABLE...]: of the demo's pipeline with results in demo/NAME, in SETTINGS
settings() {
    mapfile -t SETTINGS < <(make --no-print-directory -s -f "$top/pipelines/demo.mk" OUT=none --eval='settings: ; @:$(foreach v,EMBED_OPTIONS \
        FINETUNE_OPTIONS TRAIN_OPTIONS,$(info $(v)=$(strip $($(v)))))' settings)
    [ "${#SETTINGS[@]}" -eq 3 ] || return
    SETTINGS+=(BIN="$BUILD/bin" ROOT=demo/corpus SAMPLE=demo/corpus/sample_submission.txt FRAMES=demo/frames
        ENCODER=demo/random.h5 OUT="demo/$1" "${@:2}")
}

# submit NAME [VARIABLE...]: the pipeline, in not more than twelve jobs
submit() {
    settings "$@"
    va-jobs submit -j 1 affwild2.mk "${SETTINGS[@]}" >log 2>&1 3>&- || explain "$(cat log)"
    submitted=$(wc -l <"demo/$1/.make/jobs/ids")
    [ "$submitted" -le 12 ] || explain "$submitted jobs"
}

# ended NAME: all jobs have ended, all is made, and all files are there that make has made, with the same bytes; the page
# tells of times, too
ended() {
    until_empty
    va-jobs status "demo/$1" >ended || explain "$(cat ended; tail -n 5 "demo/$1"/.make/jobs/log/*)"
    diff -r -x .make -x report.html "../demo/$1" "demo/$1"
    diff -r -x .make ../demo/frames demo/frames
    [ "$(find demo/frames -name '*.h5' | wc -l)" -eq 59 ]
    [ "$(wc -l <demo/"$1"/table.tsv)" -ge 7 ] && [ -s "demo/$1/submission.txt" ]
}

@test "the untrained encoder: the files of make in four submissions" {
    submit random
    ended random
    [ "$submitted" -eq 4 ]
}

@test "the untrained encoder: a node goes down in embedding, and a fold has to make way" {
    submit random
    fell va-embed demo/random/features
    hold demo/random/cv/0/model.h5
    down "$node"
    "$here/up.sh" /run/cluster back "$node"
    node=
    srun -Q -p urgent -N3 -n3 true
    ended random
    grep -q "model.h5.state: continuing after step [1-9]" demo/random/.make/jobs/log/folds.1
}

@test "the fine-tuned encoders: a fold has to make way in fine-tuning, and a node goes down in training" {
    submit tuned TUNE=yes ENCODER=demo/pretrained.h5
    hold demo/tuned/cv/0/encoder.h5 demo/tuned/cv/0/tuning/train.tsv
    srun -Q -p urgent -N3 -n3 true
    fell va-tcn-mamba-train demo/tuned/cv/3/model.h5 # before its first checkpoint, which is after five minutes
    ended tuned
    [ "$submitted" -le 4 ]
    grep -q "encoder.h5.state: continuing after step [1-9]" demo/tuned/.make/jobs/log/folds.1
    down "$node" # still
}
