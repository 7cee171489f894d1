#!/bin/sh
# seeds.sh FOLDER - make small inputs for the fuzz targets below FOLDER/seeds/TARGET, and the HDF5
# files that their inputs change in FOLDER/base. Tools and generators are found by PATH.
set -eu
[ $# -eq 1 ] || { echo "usage: seeds.sh FOLDER" >&2; exit 2; }
root=$(cd "$(dirname "$0")/../.." && pwd)
rm -rf "$1/seeds" "$1/base"
mkdir -p "$1/seeds" "$1/base"
cd "$1"
for f in "$root"/test/fuzz/*.c; do mkdir "seeds/$(basename "$f" .c)"; done

# ---- weights
tiny() { va-weights init --arch mamba-va --in-dim 2 --channels 2 --kernel 1 --layers 1 --d-state 1 \
    --d-conv 1 --expand 1 --hidden 1 --preset authors "$@"; }
tiny -o base/model.h5
va-weights export -o seeds/safetensors/head.safetensors base/model.h5
va-weights export --names authors -o seeds/safetensors/authors.safetensors base/model.h5
cp "$root/test/golden/pth/ours.pth" seeds/pth/
for c in zip zip4 objects module no-sum deflated legacy legacy-view; do make_pth $c seeds/pth/$c.pth; done
# small, so that a change is likely to hit what is not a weight
h5edit base/yunet.h5 string @schema va.model/1
h5edit base/yunet.h5 string @arch yunet
h5edit base/yunet.h5 int @complete 1
for name in backbone.model0.conv1:2x3x3x3 bbox_head.multi_level_cls.0.conv1:1x2x1x1 \
    bbox_head.multi_level_cls.0.conv2:1x1x3x3; do
    shape=${name#*:}
    h5edit base/yunet.h5 dataset "/tensors/${name%:*}.weight" float32 "$shape" 0.5
    h5edit base/yunet.h5 dataset "/tensors/${name%:*}.bias" float32 "${shape%%x*}" 0.5
done
for c in good list external short rank twice; do make_onnx base/yunet.h5 seeds/onnx/$c.onnx $c; done
for c in zip zip4 objects module two build negated other-class object-key; do make_pth pickle $c seeds/pickle/$c; done
{
    printf '\202\0\0\0\0\0\0\0{"a":{"dtype":"F8_E4M3","shape":[2],"data_offsets":[0,2]},'
    printf '"module.b":{"dtype":"BOOL","shape":[1,3],"data_offsets":[2,5]}}        12345'
} >seeds/safetensors/types.safetensors

printf '{"metadata":{},"weight_map":{"a":"m-1.safetensors","b":"m-2.safetensors"}}' >seeds/safetensors/index.json

# ---- texts
make_labels --frames 6 --unlabelled 2,3 >seeds/labels/annotation.txt
printf 'valence,arousal\r\n0.25, -1\r\n1,0' >seeds/labels/crlf.txt
printf 'Neutral,Anger,Disgust,Fear,Happiness,Sadness,Surprise,Other\n0\n7\n-1\n' >seeds/labels/expr.txt
printf '# people\na\nb_left # one of two\n\nb_right\n' >seeds/lists/names.txt
printf '<?xml version="1.0"?><!-- x --><ANNOTATION_DOCUMENT><TIME_ORDER><TIME_SLOT TIME_SLOT_ID="t1" TIME_VALUE="0"/><TIME_SLOT TIME_SLOT_ID="t2" TIME_VALUE="9"/></TIME_ORDER><TIER TIER_ID="valence"><ANNOTATION><ALIGNABLE_ANNOTATION TIME_SLOT_REF1="t1" TIME_SLOT_REF2="t2"><ANNOTATION_VALUE>&#49;&amp;</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION></TIER></ANNOTATION_DOCUMENT>' \
    >seeds/labels/tiers.eaf
printf 'clip\tgroup\tfold\na\tg\t0\nb_left\th\t1\n' >seeds/lists/folds.tsv
printf 'scope\tvideo\tframes\tccc_valence\tccc_arousal\npooled\t-\t10\t0.5\tnan\n' >seeds/lists/score.tsv
printf 'what\tname\tid\tvalence\tarousal\nscale\t-\t-\t1\t1\nshift\t-\t-\t0\t0\nweight\ta.h5\t0123\t1\t1\n' \
    >seeds/lists/weights.tsv
printf 'level\tdimension\tscale\tfloor\twidth\tmethod\tmembers\tframes\n90\tvalence\t1\t.1\t.3\tmean\t2\t9\n90\tarousal\t1\t.1\t.3\tmean\t2\t9\n' \
    >seeds/lists/interval.tsv
printf 'image_location,valence,arousal\na/00001.jpg,0,0\nb_left/00005.jpg,1,-1\n' >seeds/submission/sample.txt
printf -- '-f\0--number=7\0-o\0out.h5\0--real\0.5\0--choice\0shift\0-lk=v\0--ints\0001,2\0--\0in.h5' >seeds/options/all
printf -- '--help' >seeds/options/help
printf -- '--numbr\0' >seeds/options/unknown

# ---- pictures and videos
make_image seeds/picture/grey.jpg 16 8 77
make_image seeds/picture/grey.png 8 16 77
mkdir -p crops/a crops/b/c
cp seeds/picture/grey.jpg crops/a/1.jpg
cp seeds/picture/grey.png crops/b/c/00002.png
make_zip seeds/zip/stored.zip crops
make_zip -d seeds/zip/deflated.zip crops
make_zip -e seeds/zip/encrypted.zip crops/a/1.jpg
rm -r crops
make_video seeds/video/plain.mp4 32 16 4 25
make_video seeds/video/turned.mp4 16 32 3 30 90
cp seeds/video/plain.mp4 seeds/sound/silent.mp4
if command -v ffmpeg >/dev/null 2>&1; then
    for as in "mkv -c copy" "ts -c copy" "avi -c:v mjpeg -q:v 20" "webm -c:v libvpx -b:v 20k" \
        "flv -c copy" "mpg -c:v mpeg1video"; do
        # shellcheck disable=SC2086 # a name and options
        ffmpeg -v quiet -nostdin -y -i seeds/video/plain.mp4 ${as#* } seeds/video/plain.${as%% *} ||
            rm -f "seeds/video/plain.${as%% *}"
    done
    for as in "mp4 aac" "mkv flac" "avi mp3" "ts mp2" "mov pcm_s16be"; do
        ffmpeg -v quiet -nostdin -y -i seeds/video/plain.mp4 -f lavfi -i sine=d=0.2:r=16000 -c:v mjpeg -c:a "${as#* }" \
            "seeds/sound/voice.${as%% *}" || rm -f "seeds/sound/voice.${as%% *}"
    done
    for as in bmp gif tiff webp; do
        ffmpeg -v quiet -nostdin -y -i seeds/picture/grey.png seeds/picture/grey.$as || rm -f seeds/picture/grey.$as
    done
fi

# ---- HDF5: a base file each; inputs are lists of changes
make_features --frames 6 --dim 3 --video a base/features.h5
make_frames --frames 3 --width 4 --height 2 --video a base/frames.h5
make_features --frames 2 --dim 3 --video b --score base/b.h5
va-pack -q --store f32 -o packed base/features.h5 base/b.h5
mv packed/shard-00001.h5 base/corpus.h5
rm -r packed base/b.h5
va-features export -o seeds/matrix/plain.npy --index seeds/matrix/index.npy base/features.h5
va-features export -o seeds/matrix/plain.csv base/features.h5
printf "\223NUMPY\2\0\073\0\0\0{'descr': '>i2', 'fortran_order': True, 'shape': (2, 3), } abcdefghijkl" >seeds/matrix/turned.npy
printf '"a";"b"\r\n1;"2"\r\n;nan\r\n\r\n' >seeds/matrix/quoted.csv
va-window -q --window 4 --stride 2 -o base/windows.h5 base/features.h5 >/dev/null
make_predictions -o base/predictions.h5 seeds/labels/crlf.txt
make_predictions --flat --face --fps 25 -o base/flat.h5 seeds/labels/crlf.txt
va-synth -q --videos 0 --test 0 --traps no --crossing 1 --frames 4 --size 16 -o synthetic
mv synthetic/truth/faces/crossing1.h5 base/faces.h5
rm -r synthetic
h5edit base/state.h5 string @schema va.state/1
h5edit base/state.h5 string @arch mamba-va
for counter in complete=1 step=2 epoch=1 updates=2 skipped=0 best_step=2; do
    h5edit base/state.h5 int "@${counter%=*}" "${counter#*=}"
done
h5edit base/state.h5 real @best 0.5
for name in tensors/w optimizer/m/w optimizer/v/w best/w; do
    h5edit base/state.h5 dataset /$name float32 2x3 0.5
done
h5edit base/state.h5 dataset /log/train float64 2x4 1
for target in features corpus frames windows predictions faces model state; do
    printf '\0\0\0\1x' >seeds/$target/string
    printf '\1\0\2\6\0\1\2' >seeds/$target/number
    printf '\3\2' >seeds/$target/gone
    printf '\4\3\6\2\3\2\20' >seeds/$target/dataset
    printf '\7\2\0\0\0\0\300\177' >seeds/$target/poke
done
