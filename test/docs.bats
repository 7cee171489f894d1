#!/usr/bin/env bats
# Every command shown in README.md and doc/ is run: blocks fenced by ```sh, in their order, in a
# folder that holds what the text speaks of. Blocks of "make TARGET..." alone are what .ci/run
# runs, or are looked up there.
bats_require_minimum_version 1.8.0

setup_file() {
    unset MAKEFLAGS MAKELEVEL MFLAGS
    top=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
    export top
    cd "$BATS_FILE_TMPDIR" || return
    va-synth -q --videos 5 --test 1 --frames 80 --traps no --seed 6 -o Aff-Wild2
    va-synth -q --videos 5 --test 1 --frames 80 --traps no --seed 6 --crops yes -o faces
    va-weights init --arch vit_tiny -o encoder.h5
    # what make demo leaves
    mkdir -p build/demo/cv/0
    ln -s "$top/pipelines" pipelines
    cp encoder.h5 build/demo/
    va-weights init --arch mamba-va --in-dim 192 --channels 16,16 --kernel 3 --layers 1 -o build/demo/cv/0/model.h5
    # what a user brings
    cp "Aff-Wild2/$(awk -F'\t' '$3 ~ /mp4$/ { print $3; exit }' Aff-Wild2/inputs.tsv)" holiday.mp4
    rm -r Aff-Wild2/cropped_aligned
    mv faces/cropped_aligned Aff-Wild2/
    va-weights export -o mae_vit.safetensors encoder.h5
    rm encoder.h5
}

setup() {
    cd "$BATS_FILE_TMPDIR" || return
    unset MAKEFLAGS MAKELEVEL MFLAGS
    # small settings, taken from the environment by the pipelines
    export BIN="$BUILD/bin" FOLDS="0 1" WINDOW_OPTIONS="--window 40 --stride 30"
    export TRAIN_OPTIONS="--channels 16,16 --kernel 3 --layers 1 --epochs 1 --warmup-epochs 0"
}

# shellcheck disable=SC2016 # backquotes of Markdown
# The commands of a document: its ```sh blocks, one after the other.
blocks() { sed -n '/^```sh$/,/^```$/{/^```/d;p}' "$top/$1"; }

# Lines of a document that build or test this tree as a whole: CI does that.
whole_tree='^(make (deps demo|check|DEVELOPER=1 check lint|SANITIZE=[a-z,]* BUILD=[a-z-]* check))$'

@test "README: its commands run as they stand" {
    blocks README.md | grep -vE "$whole_tree" >readme.sh
    [ "$(grep -c va- readme.sh)" -ge 4 ]
    run bash -euo pipefail readme.sh
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$(head -n 1 holiday.tsv)" = "$(printf 'frame\ttime\tvalence\tarousal')" ]
    cmp holiday.tsv out/holiday.tsv
    [ -s out/table.txt ]
    va-check tuned.h5 alone.smooth.h5
}

@test "README: the whole-tree commands are what CI runs" {
    blocks README.md | grep -E "$whole_tree" >whole
    [ "$(wc -l <whole)" -eq 2 ]
    while read -r line; do grep -qxF "$line" "$top/.ci/run"; done <whole
}

@test "files and options that README, INSTALL and the tour name exist" {
    grep -ohE '\]\([A-Za-z][A-Za-z0-9_./-]*\)' "$top/README.md" "$top/CONTRIBUTING.md" | tr -d ']()' >links
    while read -r f; do [ -e "$top/$f" ] || { echo "no $f"; return 1; }; done <links
    # shellcheck disable=SC2016
    grep -ohE '`(tools|base|io|media|data|nn|cpu|train|synth|schemas|pipelines|test)/[a-z0-9_./]+`' "$top/doc/tour.md" | tr -d '`' >named
    [ "$(wc -l <named)" -gt 10 ]
    while read -r f; do
        [ -e "$top/$f" ] || [ -e "$top/common/$f" ] || { echo "the tour names $f"; return 1; }
    done <named
}

@test "every tool has a help text and a bats file" {
    for t in "$BUILD"/bin/*; do
        t=${t##*/}
        [ -e "$top/test/$t.bats" ] || { echo "no test/$t.bats"; return 1; }
        "$t" --help | grep -q "^usage: $t"
    done
}
