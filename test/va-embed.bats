#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# va-embed turns frames into rows of features. What the rows are is tested in test_vit.
bats_require_minimum_version 1.8.0
load lib/va

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return 1
    va-weights init --arch vit_tiny -o tiny.h5
    make_frames --frames 7 --width 20 --height 30 --first 4 --video clip clip.h5
    va-embed -q -w tiny.h5 -o earlier.h5 clip.h5
}
setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    cp "$BATS_FILE_TMPDIR"/{tiny,clip,earlier}.h5 .
}

# refused FILE SAID: one line that begins so, and nothing else
refused() {
    cp earlier.h5 out.h5
    run -3 --separate-stderr va-embed -w tiny.h5 -o out.h5 "$1"
    [[ $stderr == "va-embed: $2"* ]] || explain "$1: $stderr"
    [ "${#stderr_lines[@]}" -eq 1 ] && [ "$output" = "" ]
    cmp out.h5 earlier.h5 && [ -z "$(find . -name '*.part')" ]
}

@test "generic battery" {
    generic_battery va-embed -w tiny.h5 -o out.h5 clip.h5
}

@test "a row per frame, with the frames' numbers, times and names" {
    run -0 --separate-stderr va-embed -w tiny.h5 -o out.h5 clip.h5
    [ "$output" = "" ]
    [ "$stderr" = "" ]
    va-check out.h5
    [ "$(column out.h5 /index)" = "$(column clip.h5 /index)" ]
    [ "$(column out.h5 /pts)" = "$(column clip.h5 /pts)" ]
    [ "$(attribute out.h5 video)" = clip ]
    [ "$(attribute out.h5 fps)" = "$(attribute clip.h5 fps)" ]
    [ "$(attribute out.h5 frame_count)" = "$(attribute clip.h5 frame_count)" ]
    [ "$(attribute out.h5 encoder)" = "$(attribute tiny.h5 id)" ]
    [ "$(column out.h5 /features | wc -w)" -eq $((7 * 192)) ]
}

@test "an encoder in compressed chunks gives the same rows" {
    va-embed -w tiny.h5 -o out.h5 clip.h5
    h5repack -f GZIP=1 tiny.h5 packed.h5
    h5dump -p -H -d /tensors/blocks.0.attn.qkv.weight packed.h5 | grep -q CHUNKED
    va-embed -w packed.h5 -o again.h5 clip.h5
    [ "$(column out.h5 /features)" = "$(column again.h5 /features)" ]
}

@test "a weight that is not a number is named: status 3" {
    h5edit tiny.h5 poke /tensors/blocks.1.attn.qkv.weight 5000 nan
    run -3 --separate-stderr va-embed -w tiny.h5 -o out.h5 clip.h5
    [ "$stderr" = "va-embed: tiny.h5: /tensors/blocks.1.attn.qkv.weight: element 5000 is nan, expected a finite number" ]
    [ ! -e out.h5 ]
}

@test "a name of one's own" {
    va-embed -w tiny.h5 --name other -o out.h5 clip.h5
    [ "$(attribute out.h5 video)" = other ]
    va-embed -w tiny.h5 --name other --output-dir dir clip.h5
    cmp out.h5 dir/other.h5
    run -2 --separate-stderr va-embed -w tiny.h5 --name a/b -o out.h5 clip.h5
    [ "$stderr" = "va-embed: --name a/b: cannot be the name of a video (see va.frames(5)) (try --help)" ]
    run -2 --separate-stderr va-embed -w tiny.h5 --name a --output-dir dir clip.h5 clip.h5
    [ "$stderr" = "va-embed: --name is for one video (try --help)" ]
}

@test "equal runs give equal bytes; batches and threads change nothing but rounding" {
    va-embed -w tiny.h5 -o a.h5 clip.h5
    va-embed -w tiny.h5 -o b.h5 clip.h5
    cmp a.h5 b.h5
    va-embed -w tiny.h5 --batch 1 -o one.h5 clip.h5
    va-embed -w tiny.h5 --batch 3 -j 1 -o three.h5 clip.h5
    va-h5cmp --abs 3e-4 a.h5 one.h5
    va-h5cmp --abs 3e-4 a.h5 three.h5
}

@test "other frames and other weights give other features" {
    make_frames --frames 7 --width 20 --height 30 --first 4 --video clip --seed 2 noise.h5
    va-weights init --arch vit_tiny --seed 2 -o other.h5
    va-embed -w tiny.h5 -o a.h5 clip.h5
    va-embed -w tiny.h5 -o b.h5 noise.h5
    va-embed -w other.h5 -o c.h5 clip.h5
    run -1 va-h5cmp --abs 1e-2 a.h5 b.h5
    run -1 va-h5cmp --abs 1e-2 --ignore @encoder a.h5 c.h5
}

@test "float16 is the rounded float32" {
    va-embed -w tiny.h5 -o a.h5 clip.h5
    va-embed -w tiny.h5 --store f16 -o half.h5 clip.h5
    va-check half.h5
    h5dump -H -d /features half.h5 | grep -q 16-bit
    paste <(column a.h5 /features | tr ' ' '\n') <(column half.h5 /features | tr ' ' '\n') |
        awk '{ d = $1 - $2; if (d < 0) d = -d; m = $1 < 0 ? -$1 : $1; if (d > m / 2048 + 1e-7) exit 1 }'
}

# The untrained encoder multiplies small differences by 25 at the end, and their roundings too; how
# near bf16 is for an encoder as people have them, test_vit_full says.
@test "bf16: near f32, not equal to it, the same rows in every run and for any batch" {
    va-embed -w tiny.h5 -o f32.h5 clip.h5
    va-embed -w tiny.h5 --precision bf16 -o a.h5 clip.h5
    va-check a.h5
    va-h5cmp --abs 1 f32.h5 a.h5
    run -1 va-h5cmp --abs 1e-3 f32.h5 a.h5
    va-embed -w tiny.h5 --precision bf16 -j 1 -o b.h5 clip.h5
    cmp a.h5 b.h5
    va-embed -w tiny.h5 --precision bf16 --batch 3 -o three.h5 clip.h5
    [ "$(column a.h5 /features)" = "$(column three.h5 /features)" ]
    attribute a.h5 provenance | grep -q "precision"
}

@test "bf16: equal bytes with every instruction set but AVX512_BF16" {
    grep -qw fma /proc/cpuinfo || skip "no fused multiplications"
    VA_BF16=no va-embed --device cpu -w tiny.h5 --precision bf16 -o a.h5 clip.h5
    for isa in avx2 avx512; do # no more than the machine has
        VA_BF16=no VA_AMX=no VA_ISA=$isa va-embed --device cpu -w tiny.h5 --precision bf16 -o b.h5 clip.h5
        cmp a.h5 b.h5
    done
}

# How near int8 is for an encoder as people have them, test_vit_full says.
@test "int8: the same rows for any batch, threads and instructions; -v says how near f32 they are" {
    run -0 --separate-stderr va-embed --device cpu -v -w tiny.h5 --precision int8 -o a.h5 clip.h5
    [[ $stderr =~ ^"va-embed: tiny.h5: cosine similarity of int8 features to f32, the lowest of 4 pictures: "(0\.9[0-9]{4})$'\n' ]] || explain "$stderr"
    va-check a.h5
    attribute a.h5 provenance | grep -q -e "--precision int8"
    [ "$(va-features info a.h5 | cut -f 12)" = $'precision\nint8' ]
    va-embed -w tiny.h5 -o f32.h5 clip.h5
    paste <(column f32.h5 /features | tr ' ' '\n') <(column a.h5 /features | tr ' ' '\n') | head -$((4 * 192)) |
        awk -v said="${BASH_REMATCH[1]}" '
            { ab += $1 * $2; aa += $1 * $1; bb += $2 * $2 }
            NR % 192 == 0 { c = ab / sqrt(aa * bb); if (NR == 192 || c < least) least = c; ab = aa = bb = 0 }
            END { if (least < said - 1e-4 || least > said + 1e-4) exit 1 }'
    run -1 va-h5cmp --abs 1e-4 f32.h5 a.h5
    run -0 --separate-stderr va-embed -w tiny.h5 --precision int8 -j 1 --batch 3 -o b.h5 clip.h5
    [ "$stderr" = "" ]
    [ "$(column a.h5 /features)" = "$(column b.h5 /features)" ]
    VA_ISA=plain va-embed -w tiny.h5 --precision int8 -o b.h5 clip.h5
    va-h5cmp --abs 1 a.h5 b.h5
    grep -qw fma /proc/cpuinfo || return 0
    for isa in avx2 avx512; do # no more than the machine has
        for vnni in yes no; do
            VA_AMX=no VA_ISA=$isa VA_VNNI=$vnni va-embed -w tiny.h5 --precision int8 -o b.h5 clip.h5
            cmp a.h5 b.h5
        done
    done
}

@test "a video needs no frames file" {
    make_video v.mp4 64 48 37 25
    va-decode -o v.frames.h5 v.mp4
    va-embed -w tiny.h5 -o from_frames.h5 v.frames.h5
    va-embed -w tiny.h5 --batch 5 -o from_video.h5 v.mp4
    va-h5cmp --abs 3e-4 from_frames.h5 from_video.h5
    va-embed -w tiny.h5 -o from_stream.h5 - <v.mp4
    va-h5cmp --abs 3e-4 --ignore @video from_frames.h5 from_stream.h5
}

@test "many inputs into a folder, each video once" {
    make_frames --frames 2 --video b b.frames.h5
    va-embed -w tiny.h5 --output-dir new/dir clip.h5 b.frames.h5
    [ "$(ls new/dir)" = $'b.h5\nclip.h5' ]
    va-embed -w tiny.h5 -o alone.h5 b.frames.h5
    va-h5cmp alone.h5 new/dir/b.h5
    make_frames --frames 3 --width 20 --height 30 --first 4 --video c c.frames.h5
    head -c 900 c.frames.h5 >cut.h5
    run -3 --separate-stderr va-embed -w tiny.h5 --output-dir some clip.h5 cut.h5 none.mp4 c.frames.h5
    [[ ${stderr_lines[0]} == "va-embed: cut.h5: "* && ${stderr_lines[1]} == "va-embed: none.mp4: cannot open: "* ]] || explain "$stderr"
    [ "${#stderr_lines[@]}" -eq 2 ]
    [ "$(echo some/*)" = "some/c.h5 some/clip.h5" ]
    va-check some/*.h5
    run -3 --separate-stderr va-embed -w tiny.h5 --output-dir new/dir clip.h5 clip.h5
    [ "$stderr" = "va-embed: clip.h5: video clip is among the inputs twice" ]
}

@test "command lines that contradict themselves" {
    run -2 va-embed -o out.h5 clip.h5
    run -2 va-embed -w tiny.h5 clip.h5
    run -2 va-embed -w tiny.h5 -o out.h5 --output-dir dir clip.h5
    run -2 va-embed -w tiny.h5 -o out.h5 clip.h5 clip.h5
    run -2 va-embed -w tiny.h5 -o out.h5 --device gpu clip.h5
    run -2 va-embed -w tiny.h5 -o out.h5 --batch 0 clip.h5
    run -2 va-embed -w tiny.h5 -o out.h5 --precision f16 clip.h5
    [ ! -e out.h5 ] && [ ! -e dir ]
}

@test "what this build cannot do: status 4, one line, no output" {
    for option in "--device cuda" "--device cuda:1"; do
        # shellcheck disable=SC2086
        run -4 --separate-stderr va-embed -w tiny.h5 -o out.h5 $option clip.h5
        [ "${#stderr_lines[@]}" -eq 1 ]
        [[ $stderr == *"${option%:*}"* ]]
        [ ! -e out.h5 ]
    done
}

@test "a model that is no encoder, and an encoder whose weights overflow" {
    va-weights init --arch mamba-va --channels 4,3 --in-dim 2 -o head.h5
    run -3 --separate-stderr va-embed -w head.h5 -o out.h5 clip.h5
    [ "$stderr" = "va-embed: head.h5: found a temporal model (arch mamba-va), expected an encoder (arch vit)" ]
    va-weights import --set std=1e-6,1e-6,1e-6 -o hot.h5 tiny.h5
    va-embed -w hot.h5 -o out.h5 clip.h5 # large, but finite
    va-check out.h5
    # the factor of the last norm near the largest float32: what is above 1.13 there overflows
    cp tiny.h5 hot.h5
    h5edit hot.h5 delete /tensors/norm.weight
    h5edit hot.h5 dataset /tensors/norm.weight float32 192 3e38
    rm out.h5
    run -3 --separate-stderr va-embed -w hot.h5 -o out.h5 clip.h5
    [[ $stderr =~ ^"va-embed: hot.h5: feature "[0-9]+" comes out as "-?inf": the weights overflow"$ ]] || explain "$stderr"
    [ ! -e out.h5 ]
}

@test "a whole masked autoencoder, and a video where features are expected: the line says what to do" {
    make_image p.png 16 16 1 && mkdir faces && for i in 1 2 3 4; do cp p.png faces/$i.png; done
    va-mae-pretrain -q -j 1 --arch vit_tiny --image 16 --patch 4 --width 16 --depth 1 --heads 2 --decoder-width 16 \
        --decoder-depth 1 --decoder-heads 2 --batch 4 --epochs 1 --keep-decoder -o whole.h5 faces
    run -3 --separate-stderr va-embed -w whole.h5 -o f.h5 faces
    [ "$stderr" = "va-embed: whole.h5: found a whole masked autoencoder, expected an encoder: va-weights import takes the encoder out of it" ]
    va-weights import -q -o encoder.h5 whole.h5
    va-embed -q -w encoder.h5 -o f.h5 faces
    va-weights export -o encoder.safetensors encoder.h5
    LC_ALL=C sed -i 's/"heads":/"other":/; s/"arch":/"none":/' encoder.safetensors
    run -3 --separate-stderr va-weights import -o no.h5 encoder.safetensors
    [ "${stderr_lines[-1]}" = "va-weights: encoder.safetensors: width 16 is not a multiple of 64: give the number of heads, --set heads=N" ] || explain "$stderr"
    make_video holiday.mp4 32 24 4 25
    va-weights init -q --arch mamba-va --in-dim 16 --channels 4 -o head.h5
    run -3 --separate-stderr va-predict -m head.h5 -o p.h5 holiday.mp4
    [ "$stderr" = "va-predict: holiday.mp4: found an MP4 or QuickTime video, expected va.features/1: make features of it with va-decode and va-embed" ]
}

@test "weights of other programs, and folders where files are expected: the line says what to do" {
    golden=$BATS_TEST_DIRNAME/golden/vit/mae_tiny.weights.safetensors
    { printf 'PK\3\4'; head -c 90 /dev/zero; } >w.pth
    for w in "$golden" w.pth; do
        run -3 --separate-stderr va-embed -w "$w" -o no.h5 a.h5
        [[ $stderr == "va-embed: $w: found "*", expected va.model/1: convert weights of other programs with va-weights import" ]] ||
            explain "$stderr"
    done
    mkdir features
    run -3 --separate-stderr va-predict -m features -o no.h5 features
    [ "$stderr" = "va-predict: features: found a folder, expected va.model/1: name a file in it, or several: features/*.h5" ] || explain "$stderr"
    run -1 --separate-stderr va-labels check features/
    [ "$stderr" = "va-labels: features/: found a folder, expected a text file: name a file in it, or several: features/*" ] || explain "$stderr"
}

@test "a video that breaks off leaves nothing" {
    make_video v.mp4 64 48 30 25
    head -c $(($(stat -c %s v.mp4) / 2)) v.mp4 >cut.mp4
    run -3 --separate-stderr va-embed -w tiny.h5 -o out.h5 cut.mp4
    [ "${#stderr_lines[@]}" -eq 1 ]
    [ ! -e out.h5 ] && [ -z "$(find . -name '*.part')" ]
}

@test "frames of no pixels, of too many, and none at all" {
    for size in 0x5 5x0 0x0; do
        cp clip.h5 bad.h5
        h5edit bad.h5 delete /frames
        h5edit bad.h5 dataset /frames uint8 7x${size}x3 0
        refused bad.h5 "bad.h5: /frames: frames of ${size#*x}x${size%x*} pixels, expected sides from 1 to 65536"
    done
    cp clip.h5 bad.h5
    h5edit bad.h5 delete /frames
    h5edit bad.h5 dataset /frames uint8 7x70000x1x3 0
    refused bad.h5 "bad.h5: /frames: frames of 1x70000 pixels"
    make_frames --frames 0 none.h5
    refused none.h5 "none.h5: found no frame"
}

@test "what holds no picture: sound, an empty folder, an empty and a broken picture" {
    ffmpeg -nostdin -v error -f lavfi -i sine=duration=1 sound.m4a
    refused sound.m4a "sound.m4a: "
    mkdir folder
    refused folder "folder: "
    make_image folder/00001.png 20 30 90
    : >folder/00002.png
    refused folder "folder/00002.png: "
    head -c 60 folder/00001.png >folder/00002.png
    refused folder "folder/00002.png: "
}

@test "a folder of crop folders: each is a video, as in va-finetune" {
    mkdir -p crops/b crops/more/a crops/none
    for i in 1 2; do
        make_image crops/b/frame_000$i.png 20 30 $((40 * i))
        make_image crops/more/a/0000$i.jpg 20 30 $((60 * i))
    done
    run -3 --separate-stderr va-embed -w tiny.h5 -o out.h5 crops
    [ "$stderr" = "va-embed: crops: found 2 folders of crops, expected one; several videos need --output-dir" ]
    va-embed -w tiny.h5 --output-dir out crops/ clip.h5
    [ "$(ls out)" = "$(printf 'a.h5\nb.h5\nclip.h5')" ]
    [ "$(attribute out/a.h5 video) $(column out/a.h5 /index)" = "a 1 2" ]
    va-embed -w tiny.h5 -o b.h5 crops/b
    va-h5cmp b.h5 out/b.h5
}
