#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr, interrupt sets rc
# va-mae-pretrain on some pictures of cartoon faces; its arithmetic is tested in test/unit.
bats_require_minimum_version 1.8.0
load lib/va
load lib/mpi
load lib/pretrain
setup_file() { pretrain_setup_file; }
setup() { cd "$BATS_TEST_TMPDIR" && cp -r "$BATS_FILE_TMPDIR"/* . && find_launcher; }

# refused STATUS WORDS ARGS...: one line, no output, an earlier one stays
refused() {
    cp earlier.h5 m.h5
    run -"$1" --separate-stderr pretrain "${@:3}" -o m.h5
    [[ $stderr == "va-mae-pretrain: "$2* ]] || explain "$stderr"
    [ "$(wc -l <<<"$stderr")" -eq 1 ]
    cmp earlier.h5 m.h5
    [ "$(find . -name '*.part')" = "" ]
}

# The mean of the losses in rows A to B of a log.
mean_loss() { awk -v a="$2" -v b="$3" 'NR - 1 >= a && NR - 1 <= b { s += $4; n++ } END { print s / n }' "$1"; }

@test "generic battery" {
    generic_battery va-mae-pretrain -q "${RUN[@]}" --epochs 2 -o m.h5 a.h5 b.h5
}

@test "the loss falls; the output is an encoder; equal runs give equal bytes" {
    run -0 --separate-stderr pretrain --epochs 40 --log-dir log --sheet-every 20 -o m.h5 a.h5 b.h5
    [ "$output$stderr" = "" ]
    [ "$(ls -A log)" = "$(printf 'sheet-0020.png\nsheet-0040.png\ntrain.tsv')" ]
    [ "$(head -n 1 log/train.tsv)" = "$(printf 'step\tepoch\tlr\tloss\tgrad_norm')" ]
    per_epoch=$((($(column a.h5 /index | wc -w) + $(column b.h5 /index | wc -w)) / 8))
    [ "$(tail -n 1 log/train.tsv | cut -f 1,2)" = "$(printf '%d\t40' $((40 * per_epoch)))" ]
    first=$(mean_loss log/train.tsv 1 10) last=$(mean_loss log/train.tsv $((39 * per_epoch)) 99999)
    awk -v a="$first" -v b="$last" 'BEGIN { exit !(b < a * .85) }' || explain "$first to $last"
    va-check m.h5
    [ ! -e m.h5.state ]
    va-embed -q -w m.h5 -o f.h5 a.h5 && va-check f.h5
    [ "$(va-weights info m.h5 | grep -c decoder_embed)" = 0 ]
    mv m.h5 first.h5 && mv log first
    pretrain --epochs 40 --log-dir log --sheet-every 20 -o m.h5 a.h5 b.h5
    cmp m.h5 first.h5
    diff -r log first
}

@test "another seed gives another model; threads and readers agree" {
    pretrain --epochs 4 -o one.h5 a.h5
    pretrain --epochs 4 --seed 7 -o seven.h5 a.h5
    run ! va-h5cmp --abs 1e-3 one.h5 seven.h5
    for j in 2 3; do
        pretrain --epochs 4 -j $j --readers $((j + 1)) -o many.h5 a.h5
        va-h5cmp --abs 1e-3 one.h5 many.h5
        cp many.h5 first.h5 && pretrain --epochs 4 -j $j -o many.h5 a.h5
        cmp many.h5 first.h5
    done
}

@test "bf16: near f32 but not the same, equal bytes again, resumed as begun only" {
    pretrain --epochs 6 --log-dir exact -o exact.h5 a.h5
    pretrain --epochs 6 --precision bf16 --log-dir log -o m.h5 a.h5
    cp m.h5 first.h5
    pretrain --epochs 6 --precision bf16 -o m.h5 a.h5
    cmp m.h5 first.h5
    paste exact/train.tsv log/train.tsv | awk 'NR > 1 { d = ($9 - $4) / $4; d = d < 0 ? -d : d
        if (d > most) most = d } END { if (most < 1e-5 || most > .01) { print most; exit 1 } }'
    rm -r m.h5 log
    interrupt TERM --epochs 400 --precision bf16 -o m.h5 a.h5
    run -3 --separate-stderr pretrain --epochs 400 --resume -o m.h5 a.h5
    [[ $stderr == "va-mae-pretrain: m.h5.state: the run has train.precision bf16, this command f32"* ]] || explain "$stderr"
}

@test "int8 is not for training: status 2, one line" {
    run -2 --separate-stderr pretrain --precision int8 -o m.h5 a.h5
    [ "$stderr" = "va-mae-pretrain: --precision int8: expected f32|bf16|auto (try --help)" ] || explain "$stderr"
    [ ! -e m.h5 ]
}

@test "2 batches of 4 in an update are one of 8" {
    pretrain --epochs 6 --log-dir one -o one.h5 a.h5 b.h5
    pretrain --epochs 6 --batch 4 --accumulate 2 --log-dir two -o two.h5 a.h5 b.h5
    paste one/train.tsv two/train.tsv | awk 'NR > 1 { d = $4 - $9; n++
        g = $5 / $10 - 1 # AdamW makes the same steps of gradients that are all too large
        if ($1 != $6 || $3 != $8 || !(d * d < 1e-10 && g * g < 1e-6)) exit 1 } END { exit !(n > 30) }' ||
        explain "$(paste one/train.tsv two/train.tsv)"
    pretrain --epochs 6 --batch 4 --log-dir half -o two.h5 a.h5 b.h5
    run ! diff -q <(head -n 2 one/train.tsv) <(head -n 2 half/train.tsv)
}

@test "signals: checkpoint, exit by that signal; resumed runs give the same bytes" {
    per_epoch=$(($(column a.h5 /index | wc -w) / 8))
    settings=(--epochs 80 --sheet-every 1 --accumulate 2 --batch 4)
    pretrain "${settings[@]}" --log-dir log -o m.h5 a.h5
    mv m.h5 straight.h5 && mv log straight
    for signal in TERM KILL; do
        rm -rf m.h5 m.h5.state log
        interrupt "$signal" "${settings[@]}" --save-every $per_epoch -o m.h5 a.h5
        [ "$rc" -eq $((128 + $(kill -l "$signal"))) ]
        [ ! -e m.h5 ]
        va-check m.h5.state
        # what comes after the checkpoint, the sheet of that moment too, may not have been written
        epoch=$((($(attribute m.h5.state step) + per_epoch - 1) / per_epoch))
        for ((i = epoch; i <= 80; i++)); do rm -f "$(printf log/sheet-%04d.png $i)"; done
        pretrain "${settings[@]}" --resume --log-dir log -o m.h5 a.h5
        cmp m.h5 straight.h5
        diff -r log straight
        [ ! -e m.h5.state ]
    done
    run -0 --separate-stderr va-mae-pretrain "${RUN[@]}" "${settings[@]}" --resume --log-dir log -o m.h5 a.h5
    [ "$stderr" = "va-mae-pretrain: m.h5: is complete (precision f32; to train again, remove it)" ]
}

@test "SIGKILL at six random moments: the same bytes in the end" {
    local settings=(--epochs 250 --sheet-every 3 --log-dir log -o m.h5 a.h5) hits=0 i
    pretrain "${settings[@]}"
    mv m.h5 straight.h5 && mv log straight
    RANDOM=${SEED:-$(date +%s)}
    for ((i = 0; hits < 6; i++)); do
        va-mae-pretrain -q "${RUN[@]}" "${settings[@]}" --resume --save-every 5 2>/dev/null &
        sleep "0.$(printf %03d $((RANDOM % 90 + 30)))"
        kill -KILL $! 2>/dev/null || break # it had ended by itself
        wait $! 2>/dev/null || hits=$((hits + 1))
        [ ! -e m.h5 ] || break
    done
    [ "$hits" -ge 6 ] || explain "it ended after $hits"
    pretrain "${settings[@]}" --resume --save-every 5
    cmp m.h5 straight.h5
    diff -r log straight
    [ "$(find . -name '*.part')" = "" ]
}

@test "a checkpoint of another run: one line, status 3, nothing lost" {
    interrupt TERM --epochs 500 -o m.h5 a.h5
    cp m.h5.state good.state
    other() { # other WORDS OPTIONS...
        run -3 --separate-stderr pretrain --epochs 500 --resume -o m.h5 "${@:2}"
        [[ $stderr == "va-mae-pretrain: m.h5.state: "$1* ]] || explain "$stderr"
        [ "$(wc -l <<<"$stderr")" -eq 1 ]
        [ ! -e m.h5 ]
        cmp m.h5.state good.state
    }
    other "the run has train.depth 2, this command 3: " --depth 3 a.h5
    other "the run has train.decoder-width 16, this command 32: " --decoder-width 32 a.h5
    other "the run has train.mask-ratio 0.75, this command 0.5: " --mask-ratio .5 a.h5
    other "the run has train.pictures " b.h5
    pretrain --epochs 1 -o init.h5 a.h5
    run -3 --separate-stderr va-mae-pretrain -q -j 1 --batch 8 --lr .003 --decoder-width 16 --decoder-depth 1 \
        --decoder-heads 2 --epochs 500 --init init.h5 --resume -o m.h5 a.h5
    [[ $stderr == "va-mae-pretrain: m.h5.state: the run has train.init none, this command "* ]]
}

@test "pictures that are none: one line that names them, an earlier output stays" {
    mkdir images none
    for i in $(seq 1 20); do make_image "images/$i.png" 20 16 $((i * 9)); done
    pretrain --epochs 2 -o m.h5 images
    head -c 100 images/7.png >images/half.png && mv images/half.png images/7.png
    refused 3 "images/7.png: broken image: " --epochs 2 images
    run -0 --separate-stderr pretrain --epochs 2 --tolerate 9 -o m.h5 images
    [[ $stderr == "va-mae-pretrain: images/7.png: broken image: "* ]]
    printf '\xff\xd8\xff\xe0 no picture at all' >images/8.jpg
    refused 3 "images/" --epochs 2 images
    refused 3 "none: found no picture" --epochs 2 a.h5 none
    refused 3 "nowhere.h5: " --epochs 2 nowhere.h5
    make_frames --frames 20 zero.h5
    h5edit zero.h5 delete /frames && h5edit zero.h5 dataset /frames uint8 20x0x0x3 0
    refused 3 "zero.h5: /frames: frames of 0x0 pixels, expected sides from 1 to 65536" --epochs 2 a.h5 zero.h5
    ffmpeg -nostdin -v error -f lavfi -i sine=duration=1 sound.m4a
    refused 3 "sound.m4a: " --epochs 2 --cache cache a.h5 sound.m4a
    refused 3 "sound.m4a: found a video, expected frames or a folder of images: decode it with va-decode" --epochs 2 sound.m4a
}

@test "too few pictures for one update" {
    make_frames --frames 15 few.h5
    refused 3 "few.h5: found 15 pictures, expected at least the 16 of one update" --accumulate 2 few.h5
    refused 3 "few.h5 and others: found 30 pictures, expected at least the 32 of one update" --batch 32 few.h5 few.h5
    pretrain --epochs 3 --log-dir log -o m.h5 few.h5 # one update an epoch, 7 pictures left out
    [ "$(cut -f 1,2 log/train.tsv | tail -n 1)" = "$(printf '3\t3')" ]
}

@test "videos are decoded once, into the cache; folders are searched" {
    make_video film.mp4 64 48 30 25
    pretrain --epochs 2 --cache cache -o m.h5 film.mp4 a.h5
    [ "$(find cache -type f | wc -l)" -eq 1 ]
    va-check cache/*.h5
    [ "$(column cache/*.h5 /index | wc -w)" -eq 30 ]
    before=$(stat -c %y cache/*.h5)
    cp m.h5 first.h5
    pretrain --epochs 2 --cache cache -o m.h5 film.mp4 a.h5
    cmp m.h5 first.h5
    [ "$(stat -c %y cache/*.h5)" = "$before" ]
    pretrain --epochs 2 --cache cache --every 3 --batch 5 --log-dir log -o m.h5 film.mp4
    [ "$(tail -n 1 log/train.tsv | cut -f 1)" -eq 4 ] # 10 pictures
}

@test "--init: an encoder gets a new decoder; with --keep-decoder both go on" {
    pretrain --epochs 3 --keep-decoder -o both.h5 a.h5
    [ "$(attribute both.h5 decoder_heads)" = 2 ]
    pretrain --epochs 3 -o encoder.h5 a.h5
    for t in blocks.1.attn.qkv.weight patch_embed.proj.weight; do
        [ "$(column both.h5 /tensors/$t)" = "$(column encoder.h5 /tensors/$t)" ]
    done
    run=(va-mae-pretrain -q -j 1 --batch 8 --epochs 1 --log-dir log -o m.h5)
    "${run[@]}" --lr 1e-12 --weight-decay 0 --init both.h5 --keep-decoder a.h5
    same_numbers --abs 1e-6 m.h5 both.h5
    old=$(mean_loss log/train.tsv 1 99)
    "${run[@]}" --lr 1e-12 --init encoder.h5 --decoder-width 16 --decoder-depth 1 --decoder-heads 2 a.h5
    new=$(mean_loss log/train.tsv 1 99)
    awk -v a="$old" -v b="$new" 'BEGIN { exit !(a < b) }' || explain "$old with the decoder, $new with a new one"
    run -3 --separate-stderr "${run[@]}" --init both.h5 --decoder-depth 1 a.h5
    [ "$stderr" = "va-mae-pretrain: both.h5: --decoder-depth conflicts with --init: the file already fixes the model's size" ]
    run -3 --separate-stderr "${run[@]}" --init encoder.h5 --width 16 a.h5
    [ "$stderr" = "va-mae-pretrain: encoder.h5: --width conflicts with --init: the file already fixes the model's size" ]
    va-weights init --arch mamba-va --in-dim 8 --channels 8,8 --kernel 3 --layers 1 -o head.h5
    run -3 --separate-stderr "${run[@]}" --init head.h5 a.h5
    [[ $stderr == "va-mae-pretrain: head.h5: "* ]] && [ "$(wc -l <<<"$stderr")" -eq 1 ]
}

@test "--print-config says each value and where it came from, and trains nothing" {
    run -0 --separate-stderr va-mae-pretrain --print-config --batch 512 --accumulate 8
    [ "$stderr" = "" ]
    for line in "setting value source" "width 768 default" "batch 512 option" "blr 0.00015 default" \
        "lr 0.0024 default" "epochs 800 default" "warmup-epochs 40 default" "weight-decay 0.05 default" \
        "mask-ratio 0.75 default" "norm-pix yes default" "crop 0.2 default" "flip 0.5 default" \
        "brightness 0 default" "decoder-width 512 default" "decoder-depth 8 default" \
        "decoder-heads 16 default" "beta1 0.9 fixed" "beta2 0.95 fixed"; do
        grep -qx "${line// /$'\t'}" <<<"$output" || explain "no $line in $output"
    done
    va-weights init --arch vit_tiny -o tiny.h5
    run -0 --separate-stderr va-mae-pretrain --print-config --init tiny.h5 -o m.h5
    grep -qx "$(printf 'width\t192\ttiny.h5')" <<<"$output"
    [ ! -e m.h5 ]
}

@test "mistakes in the command line" {
    refused 2 "--warmup-epochs 4: expected fewer than --epochs 4" --epochs 4 --warmup-epochs 4 a.h5
    refused 2 "--sheet-every needs --log-dir" --sheet-every 1 a.h5
    refused 2 "--save-every x: expected N, Ns, Nm or Nh" --save-every x a.h5
    refused 2 "expected frames files" --epochs 2
    refused 2 "--arch conflicts with --init" --init a.h5 a.h5
    refused 3 "mask ratio 0.99 hides 16 of 16 patches" --mask-ratio .99 a.h5
    refused 3 "options: image_size 17 is not a multiple" --image 17 a.h5
    refused 2 "--device gpu: expected auto, cpu" --device gpu a.h5
}

@test "a loss that is not finite: step, tensor and pictures are named; the checkpoint stays" {
    run -4 --separate-stderr pretrain --lr 1e30 --warmup-epochs 0 --epochs 9 --save-every 1 -o m.h5 a.h5
    [[ $stderr == "va-mae-pretrain: step "*" is not finite"*"; batch: "*" "[0-9]*", "* ]] || explain "$stderr"
    [ "$(wc -l <<<"$stderr")" -eq 1 ]
    [ ! -e m.h5 ]
    va-check m.h5.state
}

@test "memory does not grow with the number of pictures" {
    make_frames --frames 40 --width 64 --height 64 few.h5
    make_frames --frames 2000 --width 64 --height 64 many.h5 # 23 MiB of pixels
    mkdir images
    for i in $(seq 1 40); do make_image "images/$i.png" 64 64 $((i * 5)); done
    most() { va-mae-pretrain -v "${RUN[@]}" --steps 5 -o m.h5 "$@" 2>&1 | sed -n 's/.*at most \([0-9]*\) MiB/\1/p'; }
    few=$(most few.h5 images) many=$(most few.h5 images many.h5)
    [ "$many" -lt $((few + 9)) ] || explain "$few MiB for few, $many MiB for many"
}

@test "2 and 3 ranks follow the same curve; broken pictures of one rank end all" {
    need_mpi
    ranks() { "${launcher[@]}" -n "$1" va-mae-pretrain -q "${RUN[@]}" "${@:2}"; }
    settings=(--epochs 5 --batch 7 --accumulate 2)
    pretrain "${settings[@]}" --log-dir one -o one.h5 a.h5
    for n in 2 3; do
        ranks $n "${settings[@]}" --log-dir many --sheet-every 2 -o many.h5 a.h5 2>err || explain "$(cat err)"
        paste one/train.tsv many/train.tsv | awk 'NR > 1 { d = $4 - $9; g = $5 / $10 - 1; n++
            if ($1 != $6 || !(d * d < 1e-10 && g * g < 1e-6)) exit 1 } END { exit !(n > 10) }' ||
            explain "$(paste one/train.tsv many/train.tsv)"
        [ "$(ls many)" = "$(printf 'sheet-0002.png\nsheet-0004.png\ntrain.tsv')" ]
        cp many.h5 first.h5 && ranks $n "${settings[@]}" -o many.h5 a.h5 2>err
        cmp many.h5 first.h5
        rm -r many
    done
    mkdir images
    for i in $(seq 1 20); do make_image "images/$i.png" 20 16 $((i * 9)); done
    echo nothing >images/7.png
    run -3 --separate-stderr ranks 2 --epochs 2 -o m.h5 images
    [[ $(grep '^va-mae-pretrain: ' <<<"$stderr") == *"images/7.png: broken image: "* ]]
    [ "$(grep -c '^va-mae-pretrain: ' <<<"$stderr")" -eq 1 ]
    run -3 --separate-stderr ranks 2 --batch 1 -o m.h5 a.h5
    [[ $stderr == *"va-mae-pretrain: a batch of 1 pictures for 2 ranks, expected at least one for each rank"* ]]
}

@test "the best weights of a run that has not ended are an encoder, as at its end" {
    interrupt TERM --epochs 100000 -o m.h5 a.h5 b.h5
    va-weights best -q -o best.h5 m.h5.state
    va-embed -q -w best.h5 -o f.h5 a.h5
    rm -r log
    interrupt TERM --epochs 100000 --keep-decoder -o k.h5 a.h5 b.h5
    va-weights best -q -o whole.h5 k.h5.state
    va-weights info whole.h5 | grep -q decoder_embed
}
