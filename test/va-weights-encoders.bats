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
    [ "$(said eps vit.h5)" = 1e-06 ] # the usual one
    tuned vit_mae
    [ "$(said eps tuned.h5)" = 1e-12 ]
    for eps in 0 nan; do refused "eps is $eps, expected 1e-12 to 0.1" vit --set eps=$eps; done
}

# shard FILE NAME...: safetensors with one number, zero, under each name
shard() {
    local header="" n i at=0
    for name in "${@:2}"; do
        header+=",\"$name\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[$at,$((at += 4))]}"
    done
    header="{${header#,}}" n=${#header}
    {
        # shellcheck disable=SC2059 # a format made of escapes
        for ((i = 0; i < 8; i++)); do printf "\\x$(printf %02x $((n >> 8 * i & 255)))"; done
        printf %s "$header"
        head -c $at /dev/zero
    } >"$1"
}

@test "several safetensors files with an index" {
    mkdir d
    shard d/m-1.safetensors a b
    shard d/m-2.safetensors c
    shard d/m-3.safetensors c
    index=d/m.safetensors.index.json
    all='"a":"m-1.safetensors","c":"m-2.safetensors","b":"m-1.safetensors"'
    map() { echo "{\"metadata\":{\"total_size\":12},\"weight_map\":{$1}}" >$index; }
    no() { # LINE: info says it
        run -3 --separate-stderr va-weights info $index
        [ "$stderr" = "va-weights: $1" ] && [ "$output" = "" ] || explain "$stderr"
    }
    map "$all"
    [ "$(va-weights info $index | cut -f 2 | paste -sd ' ')" = "a b c 3" ]
    (cd d && va-weights info m.safetensors.index.json) >/dev/null
    map "${all%,*}"
    no "d/m-1.safetensors: b: tensor is not in $index"
    map "$all,\"d\":\"m-1.safetensors\""
    no "$index: d: tensor is missing in m-1.safetensors"
    map "$all,\"d\":\"m-3.safetensors\""
    no "d/m-3.safetensors: c: tensor is in two files, and in m-2.safetensors as $index says"
    map "$all,\"d\":\"m-4.safetensors\""
    no "d/m-4.safetensors: cannot open: No such file or directory"
    for name in ../m-1.safetensors /m-1.safetensors .safetensors . x/m-1.safetensors m-1.bin ""; do
        map "$all,\"d\":\"$name\""
        no "$index: d: file is $name, expected the name of a .safetensors file beside the index"
    done
    map "$all,\"d\":3"
    no "$index: d: found no name of a file, expected a string"
    map "$all,$all"
    run -3 --separate-stderr va-weights info $index
    [[ $stderr == "va-weights: $index: byte "*": duplicate object key"* ]] || explain "$stderr"
    map ""
    no "$index: weight_map: found 0 tensors, expected an object of 1 to 16384"
    { echo '{"weight_map"' && head -c 5000000 /dev/zero; } >$index
    no "$index: found 5000014 bytes, expected an index of at most 4194304"
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

@test "LayerScale is folded: DINOv2, DeiT-III" {
    import layerscale
    run ! grep -q 'ls1\|gamma' <(va-weights info layerscale.h5)
    refused "found no tensor blocks.1.ls2.gamma, expected a LayerScale behind both parts of each block" \
        layerscale --drop blocks.1.ls2.gamma
    import dinov2
    [ "$(said eps dinov2.h5)" = 1e-06 ]
    [ "$(said pool dinov2.h5) $(said act dinov2.h5) $(said norm_pre dinov2.h5)" = "cls gelu no" ]
}

@test "registers and other tokens that are no patch" {
    import registers
    va-weights info registers.h5 | grep -q $'^tensor\treg_token\t1x3x12\t'
    [ "$(said prefix_tokens registers.h5)" = 4 ]
    va-weights info registers.h5 | grep -q $'^tensor\tpos_embed\t1x8x12\t'
    tuned registers
    [ "$(va-weights info registers.h5 | grep reg_token)" != "$(va-weights info tuned.h5 | grep reg_token)" ]
    import registers_mean
    import deit
    import deit3 --image 16
    va-weights info deit3.h5 | grep -q $'^tensor\tpos_embed\t1x17x12\t'
    import registers --image 12
    va-weights info registers.h5 | grep -q $'^tensor\tpos_embed\t1x13x12\t'
    run -3 --separate-stderr va-mae-pretrain --init registers.h5 --epochs 1 -o no.h5 a.h5
    [ "$stderr" = "va-mae-pretrain: registers.h5: found register tokens (reg_token), expected none in a masked autoencoder" ]
}

@test "CLIP and FaRL: a norm before the blocks, QuickGELU" {
    for case in openai_clip clip timm_clip; do
        import $case
        [ "$(said act $case.h5) $(said eps $case.h5)" = "quickgelu 1e-05" ]
    done
    va-weights info clip.h5 | grep -q $'^tensor\tnorm_pre.weight\t12\t'
    [ "$(said norm_pre clip.h5) $(said prefix_tokens clip.h5)" = "yes 1" ]
    run ! grep -q "patch_embed.proj.bias" <(va-weights info clip.h5)
    tuned openai_clip
    [ "$(said act tuned.h5)" = quickgelu ]
    run -0 --separate-stderr va-weights import --drop 'golden.*' --set act=gelu -o e.h5 "$GOLDEN/clip.safetensors"
    [ "$(said act e.h5)" = gelu ]
    # the way to the space of texts is no part of the features
    run -0 --separate-stderr va-weights import --drop 'golden.*' -o e.h5 "$GOLDEN/openai_clip.safetensors"
    [[ $stderr == *": left out 1 tensor that its features do not need: proj"* ]] || explain "$stderr"
    run -0 --separate-stderr va-weights import --drop 'golden.*' --set act=gelu -o e.h5 "$GOLDEN/clip.safetensors"
    [[ $stderr == *"found names of CLIP; assuming eps=1e-5 act=quickgelu (override with --set)"* ]] || explain "$stderr"
    refused "act is relu, expected gelu or quickgelu" clip --set act=relu
    run -3 --separate-stderr va-mae-pretrain --init clip.h5 --epochs 1 -o no.h5 a.h5
    [ "$stderr" = "va-mae-pretrain: clip.h5: found a norm before the blocks (norm_pre), expected none in a masked autoencoder" ]
}
