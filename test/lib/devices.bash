# shellcheck shell=bash
# shellcheck disable=SC2034 # arrays are for the tests
# Inputs of all tools that compute, for running them on one device and on another. load lib/va and lib/pretrain first.

# devices_setup_file FRAMES PICTURES WINDOW: features of four videos a to d with their labels, pictures of each, windows
devices_setup_file() {
    cd "$BATS_FILE_TMPDIR" || return 1
    pretrain_setup_file
    mkdir labels
    for v in a b c d; do
        make_features --video $v --dim 6 --frames "$1" --seed "$(printf %d "'$v")" f$v.h5
        make_frames --frames "$2" --width 20 --height 18 --video $v --seed "$(printf %d "'$v")" p$v.h5
        make_labels --frames "$1" --seed "$(printf %d "'$v")" --unlabelled 3,4,40 >labels/$v.txt
    done
    va-window --labels labels --window "$3" --stride 20 -o w.h5 fa.h5 fb.h5 fc.h5 fd.h5 >/dev/null
    printf 'a\nb\nc\n' >train.txt
    echo d >val.txt
    va-weights init -q --arch vit_tiny -o tiny.h5
}

WINDOWS=(-q -j 1 --windows w.h5 --train train.txt --val val.txt --warmup-epochs 1)
# With the first seed its hidden units are dead.
SMALL_HEAD=(--channels "8,6" --kernel 3 --layers 2 --d-state 3 --hidden 4 --heads 2 --seed 4)
