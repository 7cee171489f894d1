#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# Encoders of other kinds than a plain vision transformer, through va-weights, va-finetune and va-predict. What they
# compute is compared in test/unit/test_encoders.c and, with the libraries, in test/reference-encoders.bats.
bats_require_minimum_version 1.8.0
load lib/va

setup_file() { export GOLDEN=$BATS_TEST_DIRNAME/golden/encoders; }
setup() { cd "$BATS_TEST_TMPDIR" || return 1; }

# import CASE [OPTION...]: CASE.h5 from its recorded file, and the same again from what is exported of it
import() {
    va-weights import -q --drop 'golden.*' "${@:2}" -o "$1.h5" "$GOLDEN/$1.safetensors"
    va-check "$1.h5"
    va-weights export -o "$1.out.safetensors" "$1.h5"
    va-weights import -o again.h5 "$1.out.safetensors"
    va-h5cmp "$1.h5" again.h5
}

# said KEY [FILE]: a setting as va-weights info prints it
said() { va-weights info "${2:-e.h5}" | sed -n "s/^setting	$1	//p"; }

# refused WORDS CASE [OPTION...]: import says this line, and writes nothing
refused() {
    run -3 --separate-stderr va-weights import -q --drop 'golden.*' "${@:3}" -o no.h5 "$GOLDEN/$2.safetensors"
    [ "$stderr" = "va-weights: $GOLDEN/$2.safetensors: $1" ] || explain "$stderr"
    [ ! -e no.h5 ]
}

# tuned CASE: fine-tuning keeps the kind, and what it gives rates pictures
tuned() {
    mkdir -p labels
    for v in a b; do
        make_frames --frames 12 --width 12 --height 12 --video $v --seed 1 $v.h5
        make_labels --frames 12 --seed 2 >labels/$v.txt
    done
    va-finetune -q -j 1 -w "$1.h5" --labels labels --train <(echo a) --val <(echo b) --batch 6 --per-video 6 \
        --warmup-epochs 0 --freeze-blocks 0 --epochs 1 -o tuned.h5 a.h5 b.h5
    va-predict -q -m tuned.h5 -o p.h5 b.h5
    va-check p.h5
}

@test "names of transformers; eps" {
    import vit
    [ "$(said eps vit.h5)" = 1e-12 ]
    run -0 --separate-stderr va-weights import --drop 'golden.*' -o e.h5 "$GOLDEN/vit.safetensors"
    [[ $stderr == *"found names of transformers; assuming eps=1e-12 (override with --set)"* ]] || explain "$stderr"
    import vit_mae # says its own
    [ "$(said eps vit_mae.h5)" = 1e-12 ]
    import vit --set eps=1e-6
    [ "$(said eps vit.h5)" = "" ]
    tuned vit_mae
    [ "$(said eps tuned.h5)" = 1e-12 ]
    for eps in 0 nan; do refused "eps is $eps, expected 1e-12 to 0.1" vit --set eps=$eps; done
}

@test "the mean of the patches: fc_norm" {
    import pool
    [ "$(said pool pool.h5)" = mean ]
    va-weights info pool.h5 | grep -q $'^tensor\tfc_norm.weight\t12\t'
    tuned pool
    [ "$(said pool tuned.h5)" = mean ]
    refused "pool is cls, expected mean as its last norm is fc_norm.weight" pool --set pool=cls
    refused "pool is max, expected cls or mean" pool --set pool=max
    run -3 --separate-stderr va-mae-pretrain --init pool.h5 --epochs 1 -o no.h5 a.h5
    [ "$stderr" = "va-mae-pretrain: pool.h5: found an encoder whose feature is the mean of its patches (fc_norm.weight), expected one with norm.weight in a masked autoencoder" ]
}
