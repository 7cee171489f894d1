#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# Convolutional encoders through va-weights, va-embed and va-predict. What they compute is compared in
# test/unit/test_encoders.c and, with timm, in test/reference-cnns.bats.
bats_require_minimum_version 1.8.0
load lib/va

setup_file() { export GOLDEN=$BATS_TEST_DIRNAME/golden/encoders; }
setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    cp "$GOLDEN/tf_efficientnet.safetensors" in.safetensors
}

# import [OPTION...]: e.h5 from in.safetensors
import() { va-weights import --drop 'golden.*' "$@" -o e.h5 in.safetensors; }

# said KEY: a setting as va-weights info prints it
said() { va-weights info e.h5 | sed -n "s/^setting	$1	//p"; }

# refused WORDS [OPTION...]: import says this line, and writes nothing
refused() {
    run -3 --separate-stderr import -q "${@:2}"
    [ "$stderr" = "va-weights: in.safetensors: $1" ] || explain "$stderr"
    [ ! -e e.h5 ]
}

# renamed FROM TO: in.safetensors with another name of the same length in its header
renamed() {
    [ ${#1} -eq ${#2} ]
    LC_ALL=C sed "s/$1/$2/g" "$GOLDEN/tf_efficientnet.safetensors" >in.safetensors
    if cmp -s "$GOLDEN/tf_efficientnet.safetensors" in.safetensors; then return 1; fi
}

@test "what a file does not give is assumed and said; settings are kept and go back" {
    run -0 --separate-stderr import --image 64
    [[ $stderr == *"does not give these; assuming mean=0.485,0.456,0.406 std=0.229,0.224,0.225 eps=0.001 (override with --set)" ]] ||
        explain "$stderr"
    va-check e.h5
    [ "$(said arch) $(said padding) $(said image_size)" = "efficientnet same 64" ]
    va-weights export -o out.safetensors e.h5
    va-weights import -o again.h5 out.safetensors
    va-h5cmp e.h5 again.h5
    import -q --set padding=symmetric # eps follows
    [ "$(said padding) $(said eps) $(said image_size)" = "symmetric 1e-05 45" ]
    import -q --set mean=.5,.5,.5 --set eps=1e-4
    [ "$(said mean) $(said eps)" = "0.5,0.5,0.5 0.0001" ]
}

@test "an EfficientNet of which the file says nothing is taken as tf_; the line names the other kind; info says the features" {
    renamed '"padding"' '"paddinx"'
    run -0 --separate-stderr import
    [[ $stderr == *" padding=same "*"(override with --set); efficientnet_* of timm, without tf_, need --set padding=symmetric" ]] ||
        explain "$stderr"
    [ "$(said features)" = 160 ]
    run -0 --separate-stderr import --set padding=symmetric
    [[ $stderr != *"of timm"* ]] || explain "$stderr"
}

@test "features, and ratings from pictures and from features" {
    import -q
    make_frames --frames 20 --width 45 --height 45 --video a a.h5
    va-embed -w e.h5 -o f.h5 a.h5
    va-check f.h5
    [ "$(column f.h5 /features | wc -w)" -eq $((20 * 160)) ]
    va-predict -m e.h5 --clip no -o p.h5 a.h5
    va-predict -m e.h5 --clip no -o q.h5 f.h5
    va-check p.h5
    [ "$(column p.h5 /videos/a/va)" = "$(column q.h5 /videos/a/va)" ]
    [ "$(column p.h5 /videos/a/va | xargs -n 1 | sort -u | wc -l)" -gt 20 ]
    # the same in every precision, and for any number of threads and pictures at a time
    for o in "--precision bf16" "--precision int8" "-j 1" "-j 3 --batch 7"; do
        # shellcheck disable=SC2086 # words
        va-embed -q $o -w e.h5 -o g.h5 a.h5
        [ "$(column f.h5 /features)" = "$(column g.h5 /features)" ] || explain "$o"
    done
    # such an encoder computes in float32: that is said, and in the provenance
    for precision in bf16 int8 auto; do
        run -0 --separate-stderr va-embed -v --device cpu --precision $precision -w e.h5 -o g.h5 a.h5
        case $precision in
        auto) [[ $stderr == "va-embed: precision f32: this model computes in float32 always"$'\n'* ]] || explain "$stderr" ;;
        *) [[ $stderr == "va-embed: --precision $precision: this model computes in float32 always: using f32"$'\n'* ]] || explain "$stderr" ;;
        esac
        [[ $stderr != *cosine* ]] || explain "$stderr"
        attribute g.h5 provenance | grep -q -e "--precision f32"
    done
    run -0 --separate-stderr va-predict -m e.h5 --precision bf16 -o p.h5 f.h5
    [ "$stderr" = "va-predict: --precision bf16: this model computes in float32 always: using f32" ] || explain "$stderr"
    attribute p.h5 provenance | grep -q -e "--precision f32"
}

@test "a classifier of another kind is left out: such an encoder rates nothing" {
    import -q --drop 'classifier.*'
    [ "$(va-weights info e.h5 | grep -c classifier)" -eq 0 ]
    for v in a b; do make_frames --frames 3 --width 45 --height 45 --video $v $v.h5; done
    run -3 --separate-stderr va-predict -m e.h5 -o p.h5 a.h5
    [ "$stderr" = "va-predict: e.h5: is an encoder without a head for valence and arousal, expected a model that predicts: one of va-finetune, or a temporal model on its features" ] ||
        explain "$stderr"
    mkdir labels
    make_labels --frames 3 --seed 1 | tee labels/a.txt >labels/b.txt
    run -3 --separate-stderr va-finetune -w e.h5 --labels labels --train <(echo a) --val <(echo b) -o t.h5 a.h5 b.h5
    [[ $stderr == *"found another model (arch efficientnet), expected an encoder (arch vit)" ]] || explain "$stderr"
}

@test "MobileFaceNet: pictures of one size, and its own normalisation" {
    cp "$GOLDEN/mobilefacenet.safetensors" in.safetensors
    import -q
    va-check e.h5
    [ "$(said arch) $(said padding) $(said image_size) $(said mean)" = "mobilefacenet symmetric 32 0.5,0.5,0.5" ]
    va-weights export -o out.safetensors e.h5
    va-weights import -o again.h5 out.safetensors
    va-h5cmp e.h5 again.h5
    make_frames --frames 5 --width 45 --height 45 --video a a.h5
    va-predict -q -m e.h5 -o p.h5 a.h5
    va-check p.h5
    rm e.h5
    refused "found image_size 64 and padding symmetric, expected 32 and symmetric in a mobilefacenet" --image 64
    refused "found image_size 32 and padding same, expected 32 and symmetric in a mobilefacenet" --set padding=same
    refused "features.layers.2.weight: tensor is missing or has other sizes, expected 1 to 4096 features" --drop features.layers.2.weight
}

@test "other nets are refused by name" {
    refused "image_size is 20, expected 32 to 1024" --set image-size=20
    refused "eps is 0, expected 1e-12 to 0.1" --set eps=0
    refused "padding is valid, expected same or symmetric" --set padding=valid
    refused "blocks.2.0.conv_dw.weight: tensor is missing, expected shape 48x1x5x5" --drop 'blocks.2.0.conv_dw.*'
    local expected="expected an EfficientNet, B0 to B7, with the names of timm"
    refused "blocks.0.0.se.conv_reduce.weight: found no squeeze-excite (EfficientNet-Lite, MobileNet), $expected" \
        --drop '*.se.*'
    renamed blocks.1.0.conv_dw.weight blocks.1.0.conv_exp.weigh
    refused "blocks.1.0.conv_exp.weigh: found fused blocks (EfficientNetV2 or EdgeTPU), $expected"
    renamed '"bn2.running_mean"' '"conv_head.bias12"'
    refused "conv_head.bias12: found a head without a norm (MobileNetV3), $expected"
    renamed '"conv_stem.weight"' '"conv_stem.weigh1"'
    refused "found tensor blocks.0.0.bn1.num_batches_tracked, which no known model has (ViT, EfficientNet, MobileFaceNet, mamba-va); va-embed --filter runs other encoders"
    run -2 va-weights import --set padding -o e.h5 in.safetensors
    run -3 --separate-stderr va-weights import -q --drop 'golden.*' --keep-decoder --image 4096 -o e.h5 "$GOLDEN/tf_efficientnet.safetensors"
    [[ $stderr == *"image_size is 4096, expected 32 to 1024" ]] || explain "$stderr"
}

@test "a variance below zero, which a norm cannot have" {
    import -q
    python_with h5py numpy
    "$PY" - <<'EOF'
import h5py
with h5py.File("e.h5", "r+") as f:
    f["tensors/blocks.3.0.bn2.running_var"][5] = -1
    del f.attrs["id"]
EOF
    make_frames --frames 3 --width 45 --height 45 --video a a.h5
    run -3 --separate-stderr va-embed -w e.h5 -o f.h5 a.h5
    what="element 5 is -1, expected a variance, 0 or more: the file is damaged; copy or download it again"
    [ "$stderr" = "va-embed: e.h5: blocks.3.0.bn2.running_var: $what" ] || explain "$stderr"
    rm e.h5
    edited tf_efficientnet blocks.3.0.bn2.running_var 'data[10:12] = struct.pack("<e", -1)'
    refused "blocks.3.0.bn2.running_var: $what"
}

# edited GOLDEN TENSOR STATEMENT: in.safetensors, in which the bytes `data` of a tensor and its `shape` are changed
edited() {
    "$PY" - "$GOLDEN/$1.safetensors" "$2" "$3" <<'EOF'
import json, struct, sys
blob = open(sys.argv[1], "rb").read()
n = struct.unpack("<Q", blob[:8])[0]
head, values, at = json.loads(blob[8:8 + n]), {}, 0
meta = head.pop("__metadata__", None)
for name, t in head.items():
    first, end = t["data_offsets"]
    values[name] = bytearray(blob[8 + n + first:8 + n + end])
t = head[sys.argv[2]]
scope = {"data": values[sys.argv[2]], "shape": t["shape"], "struct": struct}
exec(sys.argv[3], scope)
values[sys.argv[2]], t["shape"] = scope["data"], scope["shape"]
for name, t in head.items():
    t["data_offsets"] = [at, at + len(values[name])]
    at += len(values[name])
if meta:
    head["__metadata__"] = meta
text = json.dumps(head).encode()
open("in.safetensors", "wb").write(struct.pack("<Q", len(text)) + text + b"".join(values[k] for k in head if k != "__metadata__"))
EOF
}

@test "a MobileFaceNet whose blocks add an input of other channels, or whose last kernel is no square" {
    python_with json
    local name
    "$PY" - "$GOLDEN/mobilefacenet.safetensors" <<'EOF' >name
import json, struct, sys
blob = open(sys.argv[1], "rb").read()
head = json.loads(blob[8:8 + struct.unpack("<Q", blob[:8])[0]])
# a stage of blocks that add: layers.S.layers.0.layers.2.layers.0.weight
print(sorted(k for k in head if k.endswith(".layers.0.layers.2.layers.0.weight"))[0])
EOF
    name=$(cat name)
    edited mobilefacenet "$name" 'data = data + data; shape[0] *= 2'
    run -3 --separate-stderr import -q
    [[ $stderr == "va-weights: in.safetensors: ${name%%.layers.0*}: found blocks of "*" channels, expected "*" as before them: they add their input" ]] ||
        explain "$stderr"
    [ ! -e e.h5 ]
    edited mobilefacenet features.layers.0.layers.0.weight 'shape[2:] = [1, shape[2] * shape[3]]'
    run -3 --separate-stderr import -q
    [[ $stderr == "va-weights: in.safetensors: features.layers.0.layers.0.weight: found a kernel of 1 x "*", expected a square one of 1 to 64" ]] ||
        explain "$stderr"
}
