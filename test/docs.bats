#!/usr/bin/env bats
# Every command shown in README.md and doc/ is run: blocks fenced by ```sh, in their order, in a
# folder that holds what the text speaks of. Blocks of "make TARGET..." alone are what .ci/run
# runs, or are looked up there.
bats_require_minimum_version 1.8.0

setup_file() {
    top=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
    export top
    cd "$BATS_FILE_TMPDIR" || return
    va-synth -q --videos 5 --test 1 --frames 80 --traps no --seed 6 -o Aff-Wild2
    va-synth -q --videos 5 --test 1 --frames 80 --traps no --seed 6 --crops yes -o faces
    va-weights init --arch vit_tiny -o encoder.h5
    # what make demo leaves
    mkdir -p build/demo/tuned/cv/0
    ln -s "$top/pipelines" pipelines
    cp encoder.h5 build/demo/tuned/cv/0/
    va-weights init --arch mamba-va --in-dim 192 --channels 16,16 --kernel 3 --layers 1 -o build/demo/tuned/cv/0/model.h5
    # what a user brings
    make_detector "$PWD/detector.h5"
    # a red square is what that detector finds
    ffmpeg -nostdin -v error -i "Aff-Wild2/$(awk -F'\t' '$3 ~ /mp4$/ { print $3; exit }' Aff-Wild2/inputs.tsv)" \
        -f lavfi -i sine=r=16000:d=2 -vf drawbox=8:8:48:48:red:fill -c:v mpeg4 -q:v 2 -c:a aac holiday.mp4
    mkdir labels && make_labels --frames 50 >labels/holiday.txt
    mkdir -p mine/features mine/labels
    for v in anna_1 anna_2 ben_1 cleo_1 dan_1 eve_1 fay_1; do
        make_features --frames 80 --dim 4 --video $v mine/features/$v.h5
        make_labels --frames 80 >mine/labels/$v.txt
    done
    mkdir mine/videos # a link each: known by its content, not by its ending
    for v in mine/labels/*; do ln -s ../../holiday.mp4 "mine/videos/$(basename "$v" .txt).mov"; done
    rm -r Aff-Wild2/cropped_aligned
    mv faces/cropped_aligned Aff-Wild2/
    make_zip Aff-Wild2/cropped_aligned.zip Aff-Wild2/cropped_aligned
    va-weights export -o mae_vit.safetensors encoder.h5
    cp mae_vit.safetensors mae_pretrain_vit_base.pth # contents tell the format, not the name
    mkdir features && va-embed -q -w encoder.h5 --output-dir features Aff-Wild2/cropped_aligned
    rm encoder.h5
    mkdir -p build/demo/random
    cp -r features build/demo/random/
    ln -s ../../Aff-Wild2 build/demo/corpus
    ln -s out/features features # what exists already is what the command before made
}

setup() {
    cd "$BATS_FILE_TMPDIR" || return
    export VA_FACES=$BATS_FILE_TMPDIR/detector.h5
    # small settings, taken from the environment by the pipelines
    export BIN="$BUILD/bin" FOLDS="0 1" WINDOW_OPTIONS="--window 40 --stride 30"
    export FINETUNE_OPTIONS="--epochs 1 --warmup-epochs 0 --per-video 8 --batch 8 --unmatched skip"
    export TRAIN_OPTIONS="--channels 16,16 --kernel 3 --layers 1 --epochs 1 --warmup-epochs 0"
}

# shellcheck disable=SC2016 # backquotes of Markdown
# The commands of documents: their ```sh blocks, one after the other.
blocks() { for f; do sed -n '/^```sh$/,/^```$/{/^```/d;p}' "$top/$f"; done; }

# Lines of a document that build or test this tree as a whole: CI does that.
whole_tree='^(make (deps demo|deps all WITH="faces starter"|check|DEVELOPER=1 check lint|SANITIZE=[a-z,]* BUILD=[a-z-]* check))$'

@test "README and guide: their commands run as they stand" {
    blocks README.md doc/guide.md | grep -vE "$whole_tree" >readme.sh
    [ "$(grep -c va- readme.sh)" -ge 4 ]
    run bash -euo pipefail readme.sh
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$(head -n 1 holiday.csv)" = frame,time,person,face,confidence,valence,arousal ]
    cmp holiday.csv own/holiday/holiday.csv # one by one, and all at once
    [ "$(cut -d , -f 3,4 holiday.csv | sort | uniq -c | wc -l)" -eq 2 ] # one person, always there
    [ "$(find crops/holiday -name '*.jpg' | wc -l)" -eq $(($(wc -l <holiday.csv) - 1)) ]
    # what va-run prints is what README shows, as far as the starter is installed
    while read -r kind file; do [ "$kind" != faces ] && [ ! -f "$BUILD/share/mamba-va/starter.h5" ] || [ -s "$file" ]; done < <(
        sed -n '/^    page /,/^$/p' "$top/README.md" | grep results)
    [ -s out/table.txt ]
    [ -s mine/trained/table.txt ]
    [ -s mine/results/holiday/holiday.csv ]
    cmp mine/out/table.txt mine/jobs/table.txt
    [ "$(va-weights info mae.h5 | grep -P '^setting\tstd' | cut -f 3)" = 0.229,0.224,0.225 ]
    va-weights import -o again.h5 for_timm.safetensors
    va-h5cmp mae.h5 again.h5
    va-check tuned.h5 alone.smooth.h5
    grep -q alone tuned/table.txt
}

@test "experiments: its commands run as they stand" {
    mkdir -p given/features given/labels && cd given || return 1
    blocks doc/experiments.md >experiments.sh
    [ "$(grep -c '^make' experiments.sh)" -eq 6 ]
    printf 'clip\tgroup\tfold\n' >folds.tsv
    for i in 0 1 2 3 4 5; do
        make_features --frames 80 --dim 4 --seed "$i" --video "c$i" "features/c$i.h5"
        make_labels --frames 80 --seed "$i" >"labels/c$i.txt"
        printf 'c%d\tg%d\t%d\n' "$i" $((i / 2)) $((i / 2)) >>folds.tsv
    done
    mkdir sound && ln -s features picture
    for i in 0 1 2 3 4 5; do make_features --frames 80 --dim 2 --seed "1$i" --video "c$i" "sound/c$i.h5"; done
    for m in a b; do make_predictions --model $m -o $m.val.h5 labels/*.txt && cp $m.val.h5 $m.test.h5; done
    printf 'c0\nc1\nc2\nc3\n' >train.txt
    printf 'c4\nc5\n' >val.txt
    ln -s "$top/pipelines" pipelines
    export FOLDS="0 1 2" VARIANTS="tcn-mamba transformer" MEMBERS="line gru" OPTIONS_line="--context 2"
    export NET="--channels 4,4 --kernel 3 --layers 1 --epochs 1" OPTIONS_gru="--temporal gru --channels 4,4 --epochs 1"
    export SYNTH_OPTIONS="--test 0 --traps no --videos 6 --frames 80"
    run bash -euo pipefail experiments.sh
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$(cut -f1 ablation/ablation.tsv | paste -sd ,)" = "variant,tcn-mamba,transformer" ]
    [ "$(cut -f1 lookahead/ablation.tsv | paste -sd ,)" = "variant,causal,half,smooth" ]
    grep -q "^mixture all" nested/nested.tsv
    [ "$(grep -c '^mixture' nested/coverage.tsv)" -eq 16 ] # 4 levels of 3 folds and all
    va-check mean.h5
    [ "$(wc -l <voices/voices.tsv)" -eq 6 ]
    grep -q "^late all" streams/nested.tsv
}

@test "README: the whole-tree commands are what CI runs" {
    blocks README.md | grep -E "$whole_tree" >whole
    [ "$(wc -l <whole)" -eq 3 ]
    while read -r line; do
        case $line in
        *WITH=*) (cd "$top" && eval "$line -n BUILD=$BATS_TEST_TMPDIR/none" >/dev/null) ;; # needs a network
        *) grep -qxF "$line" "$top/.ci/run" ;;
        esac
    done <whole
}

@test "files and options that README, INSTALL and the tour name exist" {
    for page in README.md CONTRIBUTING.md doc/guide.md doc/demo.md doc/experiments.md; do
        grep -ohE '\]\([A-Za-z.][A-Za-z0-9_./-]*[#)]' "$top/$page" | tr -d ']()#' |
            sed "s|^|$top/$(dirname "$page")/|"
    done >links
    [ "$(wc -l <links)" -gt 10 ]
    while read -r f; do [ -e "$f" ] || { echo "no $f"; return 1; }; done <links
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
