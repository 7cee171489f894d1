#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# What pictures show (@input) goes from frames through features to models, and tools say when a model of
# crops gets whole pictures.
bats_require_minimum_version 1.8.0
load lib/va
load lib/scene

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return 1
    make_detector red.h5
    va-weights init --arch vit_tiny -o tiny.h5
    scene one.mkv 1 "red 20+10*t 30"
    va-faces -q -w red.h5 -o faces.h5 one.mkv
    va-decode -q --faces faces.h5 --crops crops one.mkv
    va-decode -q --faces faces.h5 -o crop.h5 one.mkv
    va-decode -q -o whole.h5 one.mkv
    mkdir labels && make_labels --frames 25 >labels/one.txt && cp labels/one.txt labels/two.txt
    echo one >one.txt && echo two >two.txt
    # another video of crops, to validate with
    va-decode -q --name two -o two.h5 crops/one
}
setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    cp -r "$BATS_FILE_TMPDIR"/* .
}

shown() { h5dump -a /input "$1" 2>/dev/null | sed -n 's/^ *(0): "\(.*\)"$/\1/p'; }

@test "frames and features say what their pictures show" {
    [ "$(shown whole.h5)" = "whole picture" ]
    [ "$(shown crop.h5)" = "face crop, arcface, 112x112" ]
    [ "$(shown two.h5)" = "face crop" ]
    printf '%s\n' ".3 .4" ".7 .4" ".5 .6" ".35 .8" ".65 .8" >own.txt
    va-embed -q -w tiny.h5 --faces faces.h5 --margin 0.1 --template own.txt --size 48 -o f.h5 one.mkv
    [ "$(shown f.h5)" = "face crop, own template +0.1, 48x48" ]
    for from in whole.h5 crop.h5; do
        va-embed -q -w tiny.h5 -o f.h5 $from
        [ "$(shown f.h5)" = "$(shown $from)" ]
    done
    va-embed -q -w tiny.h5 --name one -o f.h5 crops/one
    [ "$(shown f.h5)" = "face crop" ]
    va-embed -q -w tiny.h5 -o f.h5 one.mkv
    [ "$(shown f.h5)" = "whole picture" ]
    # of files that say nothing nothing is known
    make_frames --frames 9 --width 20 --height 20 --video v v.h5
    va-embed -q -w tiny.h5 -o f.h5 v.h5
    [ "$(shown f.h5)" = "" ]
    va-check whole.h5 crop.h5 two.h5 f.h5
}

tune() { # tune OUT INPUTS...
    va-finetune -q -j 1 -w tiny.h5 --labels labels --train one.txt --val two.txt --batch 8 --per-video 8 --epochs 1 \
        --warmup-epochs 0 -o "$@"
}

@test "models keep what they were trained on, through export and import" {
    tune tuned.h5 crop.h5 two.h5
    [ "$(shown tuned.h5)" = "face crop" ] # of two kinds of crops
    tune mixed.h5 whole.h5 two.h5
    [ "$(shown mixed.h5)" = "" ]
    small=(--image 48 --patch 8 --width 16 --depth 1 --heads 2 --decoder-width 16 --decoder-depth 1 --decoder-heads 2)
    va-mae-pretrain -q -j 1 "${small[@]}" --batch 4 --epochs 1 --warmup-epochs 0 -o mae.h5 crop.h5
    [ "$(shown mae.h5)" = "face crop, arcface, 112x112" ]
    va-weights export -o mae.safetensors mae.h5 && va-weights import -q -o again.h5 mae.safetensors
    [ "$(shown again.h5)" = "face crop, arcface, 112x112" ]
    va-weights export -o tiny.safetensors tiny.h5
    va-weights import -q --set input="face crop" -o set.h5 tiny.safetensors
    [ "$(shown set.h5)" = "face crop" ]
    # a temporal model, by its features
    va-embed -q -w tiny.h5 -o one.f.h5 crop.h5 && va-embed -q -w tiny.h5 -o two.f.h5 two.h5
    va-window -q --labels labels --window 20 --stride 10 -o w.h5 one.f.h5 two.f.h5 >/dev/null
    va-tcn-mamba-train -q -j 1 --windows w.h5 --train one.txt --val two.txt --channels 4 --kernel 3 --layers 1 --epochs 1 \
        --warmup-epochs 0 -o model.h5
    [ "$(shown model.h5)" = "face crop, arcface, 112x112" ]
}

@test "a model of crops and whole pictures: one line of warning; none for crops and for what is not known" {
    says() { # says LINE COMMAND...
        run -0 --separate-stderr "${@:2}"
        [ "$stderr" = "$1" ] || explain "$stderr"
    }
    hint="was trained on crops of faces: va-faces finds them"
    va-weights export -o tiny.safetensors tiny.h5
    va-weights import -q --set input="face crop" -o crops.h5 tiny.safetensors
    says "va-embed: one.mkv: shows whole pictures, but crops.h5 $hint" va-embed -w crops.h5 -o whole.f.h5 one.mkv
    says "va-embed: whole.h5: shows whole pictures, but crops.h5 $hint" va-embed -w crops.h5 -o whole.f.h5 whole.h5
    says "" va-embed -w crops.h5 --faces faces.h5 -o crop.f.h5 one.mkv
    says "" va-embed -w crops.h5 --name one -o f.h5 crops/one
    says "" va-embed -w tiny.h5 -o f.h5 one.mkv
    # a temporal model, and one that rates pictures
    va-weights init --arch mamba-va --in-dim 192 --channels 4 --kernel 3 --layers 1 -o plain.h5
    va-weights export -o plain.safetensors plain.h5
    for bad in "" "face" "Whole Picture" $'face crop\n' "face crop, a, 0x1" "face crop, a, 1x1 "; do
        run -2 va-weights import -q --set input="$bad" -o bad.h5 plain.safetensors
        [ ! -e bad.h5 ]
    done
    va-weights import -q --set input="face crop, arcface, 112x112" -o model.h5 plain.safetensors
    says "va-predict: whole.f.h5: shows whole pictures, but model.h5 $hint" va-predict -m model.h5 -o p.h5 whole.f.h5
    says "" va-predict -m model.h5 -o p.h5 crop.f.h5
    says "" va-predict -m plain.h5 -o p.h5 whole.f.h5
    tune tuned.h5 crop.h5 two.h5
    says "va-predict: whole.h5: shows whole pictures, but tuned.h5 $hint" va-predict -m tuned.h5 -o p.h5 whole.h5
    says "" va-predict -m tuned.h5 -o p.h5 crop.h5
}
