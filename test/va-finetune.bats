#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2030,SC2031 # run sets stderr; each test has its own FRAMES
# va-finetune on four small videos of noise with labels; the arithmetic itself is tested in test/unit.
bats_require_minimum_version 1.8.0
load lib/va

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return 1
    mkdir labels
    for v in a b c d; do
        make_frames --frames 30 --width 20 --height 18 --video $v --seed "$(printf %d "'$v")" $v.h5
        make_labels --frames 30 --seed "$(printf %d "'$v")" --unlabelled 3,4,20 >labels/$v.txt
    done
    va-weights init --arch vit_tiny -o tiny.h5
    printf 'a\nb\nc\n' >train.txt
    echo d >val.txt
}
setup() {
    cd "$BATS_TEST_TMPDIR" && cp -r "$BATS_FILE_TMPDIR"/* .
    FRAMES=(a.h5 b.h5 c.h5 d.h5)
}

RUN=(-w tiny.h5 --labels labels --train train.txt --val val.txt --batch 6 --per-video 8
    --warmup-epochs 1 --freeze-blocks 1)
tune() { va-finetune -q -j 1 "${RUN[@]}" "$@" "${FRAMES[@]}"; }

# fails CODE WORDS ARGS...: one line, exactly these words, nothing written
fails() {
    run "-$1" --separate-stderr tune -o n.h5 "${@:3}"
    [ "$stderr" = "va-finetune: $2" ] || explain "$stderr"
    [ -z "$output" ] && [ ! -e n.h5 ] && [ ! -e n.h5.state ]
}

@test "generic battery" {
    BATTERY_WHOLE="train.txt val.txt" generic_battery va-finetune -q -j 1 "${RUN[@]}" --epochs 1 \
        -o m.h5 "${FRAMES[@]}"
}

@test "a model, logs, nothing else; equal runs give equal bytes, another seed others" {
    run -0 --separate-stderr tune --epochs 3 --log-dir log -o m.h5
    [ "$output$stderr" = "" ]
    va-check m.h5
    [ "$(ls -A log)" = "$(printf 'train.tsv\nval.tsv')" ]
    [ ! -e m.h5.state ]
    [ "$(head -n 1 log/train.tsv)" = "$(printf 'step\tepoch\tlr\tloss\tccc_valence\tccc_arousal\tmse\tcross_entropy\tgrad_norm')" ]
    [ "$(head -n 1 log/val.tsv)" = "$(printf 'step\tepoch\tvalence\tarousal\tmean\tf1\tbest')" ]
    [ "$(cut -f 1,2 log/val.tsv | tail -n 3 | paste -sd ' ')" = "$(printf '4\t1 8\t2 12\t3')" ]
    [ "$(attribute m.h5 arch)" = vit ]
    [ "$(attribute m.h5 train.freeze-blocks)" = 1 ]
    attribute m.h5 provenance | grep -q "input=a.h5 $(attribute a.h5 id)"
    mv m.h5 first.h5 && mv log first
    tune --epochs 3 --log-dir log -o m.h5
    cmp m.h5 first.h5
    diff -r log first
    tune --epochs 3 --seed 7 -o m.h5
    run ! va-h5cmp --abs 1e-6 m.h5 first.h5
}

@test "what is frozen keeps its bytes, the rest does not" {
    tune --epochs 2 --select last -o m.h5
    for t in cls_token pos_embed patch_embed.proj.weight patch_embed.proj.bias blocks.0.norm1.weight \
        blocks.0.attn.qkv.weight blocks.0.mlp.fc2.bias; do
        cmp <(h5dump -d /tensors/$t tiny.h5 | tail -n +2) <(h5dump -d /tensors/$t m.h5 | tail -n +2)
    done
    for t in blocks.1.norm1.weight blocks.1.attn.proj.weight blocks.1.mlp.fc2.bias norm.weight; do
        [ "$(column tiny.h5 /tensors/$t)" != "$(column m.h5 /tensors/$t)" ]
    done
    tune --epochs 2 --select last --freeze-blocks 0 -o m.h5
    for t in cls_token patch_embed.proj.weight blocks.0.norm1.weight; do
        [ "$(column tiny.h5 /tensors/$t)" != "$(column m.h5 /tensors/$t)" ]
    done
    [ "$(column tiny.h5 /tensors/pos_embed)" = "$(column m.h5 /tensors/pos_embed)" ]
    # two thirds of two blocks
    tune --epochs 1 --freeze-blocks -1 -o m.h5
    [ "$(attribute m.h5 train.freeze-blocks)" = 1 ]
    fails 3 "tiny.h5: found 2 blocks, expected at least the 3 of --freeze-blocks" --freeze-blocks 3
}

@test "it learns what it sees, with each loss" {
    local augment=(--crop 1 --flip 0 --brightness 0 --contrast 0 --saturation 0 --drop-path 0)
    for loss in ccc mse mix; do
        tune --epochs 25 --lr 1e-4 --freeze-blocks 0 --layer-decay 1 "${augment[@]}" --loss $loss \
            --log-dir log -o m.h5
        awk 'NR > 1 && NR < 10 { first += $4 } NR > 93 { last += $4 }
            END { exit !(last < first / 2) }' log/train.tsv || explain "$loss does not learn"
        # the columns agree with the loss
        awk -v loss=$loss 'NR > 1 { c = 2 - $5 - $6; x = loss == "ccc" ? c : loss == "mse" ? $7 : (c + $7) / 2
            d = x - $4; if (d * d > 1e-12 || $8 != 0) exit 1 }' log/train.tsv
    done
}

@test "bf16: near f32 but not the same, equal bytes again" {
    tune --epochs 3 --log-dir exact -o exact.h5
    tune --epochs 3 --precision bf16 --log-dir log -o m.h5
    cp m.h5 first.h5
    tune --epochs 3 --precision bf16 --log-dir log -o m.h5
    cmp m.h5 first.h5
    paste exact/train.tsv log/train.tsv | awk 'NR > 1 { d = ($13 - $4) / $4; d = d < 0 ? -d : d
        if (d > most) most = d } END { print most; if (most < 1e-6 || most > .05) exit 1 }'
}

@test "int8 is not for training: status 2, one line" {
    run -2 --separate-stderr tune --precision int8 -o m.h5
    [ "$stderr" = "va-finetune: --precision int8: expected f32|bf16|auto (try --help)" ] || explain "$stderr"
    [ ! -e m.h5 ]
}

@test "threads and instruction sets agree" {
    # Adam makes a step of the rate even of a gradient that is nothing but rounding
    tune --epochs 2 --select last --lr 1e-4 -o one.h5
    va-finetune -q -j 3 "${RUN[@]}" --readers 3 --epochs 2 --select last --lr 1e-4 -o three.h5 "${FRAMES[@]}"
    va-h5cmp --abs 5e-4 one.h5 three.h5
    VA_ISA=plain tune --epochs 2 --select last --lr 1e-4 -o plain.h5
    va-h5cmp --abs 5e-4 one.h5 plain.h5
    tune --epochs 2 --select last --lr 1e-4 --seed 7 -o seven.h5
    run ! va-h5cmp --abs 5e-4 one.h5 seven.h5
}

# interrupt SIGNAL ARGS...: until train.tsv has 6 rows
interrupt() {
    local signal=$1 i
    shift
    va-finetune -q -j 1 "${RUN[@]}" --log-dir log "$@" "${FRAMES[@]}" &
    for ((i = 0; i < 2000; i++)); do
        [ "$(wc -l 2>/dev/null <log/train.tsv || echo 0)" -le 6 ] || break
        sleep 0.005
    done
    rc=0
    kill -"$signal" $! || explain "the run had ended already"
    wait $! || rc=$?
}

@test "interrupted and resumed: the same bytes" {
    tune --epochs 8 --log-dir log -o m.h5
    mv m.h5 straight.h5 && mv log straight
    interrupt TERM --epochs 8 -o m.h5
    [ "$rc" -eq 143 ]
    va-check m.h5.state
    [ ! -e m.h5 ]
    tune --epochs 8 --log-dir log --resume -o m.h5
    cmp m.h5 straight.h5 && diff -r log straight
    rm -r m.h5 log
    interrupt KILL --epochs 8 --save-every 3 -o m.h5
    tune --epochs 8 --log-dir log --resume -o m.h5
    cmp m.h5 straight.h5 && diff -r log straight
    # other labels are another run
    rm -r log
    interrupt TERM --epochs 8 -o n.h5
    make_labels --frames 30 --seed 1 >labels/b.txt
    run -3 --separate-stderr tune --epochs 8 --resume -o n.h5
    [[ $stderr == "va-finetune: n.h5.state: the run has train.pictures "* ]]
}

@test "the weights of the best validation are kept" {
    tune --epochs 12 --lr 5e-3 --log-dir log -o best.h5
    step=$(awk 'NR > 1 && ($5 > best || NR == 2) { best = $5; step = $1 } END { print step }' log/val.tsv)
    [ "$step" -lt 48 ] || explain "the best validation is the last one: nothing is shown"
    tune --epochs 12 --lr 5e-3 --select last --steps "$step" -o then.h5
    for t in va_head.weight norm.bias blocks.1.mlp.fc2.bias; do
        [ "$(column best.h5 /tensors/$t)" = "$(column then.h5 /tensors/$t)" ]
    done
}

@test "va-embed takes the model as its weights" {
    tune --epochs 1 -o m.h5
    va-embed -q -w m.h5 -o f.h5 a.h5
    va-check f.h5
    [ "$(attribute f.h5 encoder)" = "$(attribute m.h5 id)" ]
    # with a rate of nothing it is the encoder that it was
    tune --epochs 1 --lr 0 -o m.h5
    va-embed -q -w m.h5 -o f.h5 a.h5
    va-embed -q -w tiny.h5 -o g.h5 a.h5
    va-h5cmp --ignore @encoder f.h5 g.h5
}

@test "va-weights exports the model with its heads, and takes it back" {
    tune --epochs 1 -o m.h5
    va-weights export -o m.safetensors m.h5
    va-weights import -o n.h5 m.safetensors
    va-predict -q -m m.h5 -o p.h5 a.h5
    va-predict -q -m n.h5 -o q.h5 a.h5
    [ "$(column p.h5 /videos/a/va)" = "$(column q.h5 /videos/a/va)" ]
}

@test "folders of crops: the number in the name chooses the row" {
    mkdir -p crops/a crops/d
    for v in a d; do
        for k in 2 5 9 12; do make_image "crops/$v/$(printf %05d $k).jpg" 16 16 $((k * 9)); done
        touch crops/$v/.DS_Store
    done
    echo a >train.txt
    awk -F, 'NR == 1 || NR == 6 || NR == 10 || NR == 13 { print; next } { print "-5,-5" }' labels/a.txt >a.txt
    mv a.txt labels/a.txt # frame 2 is not annotated
    FRAMES=(crops)
    tune --epochs 1 --batch 2 --per-video 3 --log-dir log -o m.h5
    [ "$(wc -l <log/train.tsv)" -eq 2 ]
    echo x >crops/a/face.png
    fails 3 "crops/a: image 5 has no number, expected names of one kind, like 00012.jpg"
    rm crops/a/face.png
    head -c 100 crops/a/00005.jpg >t && mv t crops/a/00005.jpg
    run -3 --separate-stderr tune --epochs 1 --per-video 3 -o n.h5
    [[ $stderr == "va-finetune: crops/a/00005.jpg: broken image: "* ]] || explain "$stderr"
    [ "$(wc -l <<<"$stderr")" -eq 1 ]
    [ ! -e n.h5 ]
    run -0 --separate-stderr tune --epochs 3 --per-video 3 --tolerate 1 -o n.h5 # told once
    [ "$(grep -c 'crops/a/00005.jpg: broken image: ' <<<"$stderr")" = 1 ]
}

@test "labels and pictures that do not belong together: status 3" {
    head -n 26 labels/b.txt >t && mv t labels/b.txt
    fails 3 "b.h5: picture 26 has no row in labels/b.txt, which has 25 rows (--unmatched skip leaves such pictures out)"
    run -0 --separate-stderr va-finetune -j 1 "${RUN[@]}" --unmatched skip --epochs 1 -o m.h5 "${FRAMES[@]}"
    [[ $stderr == "va-finetune: train.txt: 5 pictures of its videos have no row in the label files and are left out"* ]]
    rm labels/b.txt
    fails 3 "train.txt: found video b, which has no label file b.txt"
    seq 1 30 | sed '1i valence,arousal' | sed '2,$s/.*/-5,-5/' >labels/b.txt
    tune --epochs 1 -o m.h5
    cp labels/b.txt labels/d.txt
    rm m.h5
    fails 3 "val.txt: found no picture with valence and arousal in its videos"
}

@test "lists: in both, unknown, double, empty" {
    echo b >val.txt
    fails 3 "val.txt: video b is also in train.txt"
    printf 'd\nz\n' >val.txt
    fails 3 "val.txt: line 2: found 'z', which is not in the frames"
    printf 'd\nd\n' >val.txt
    fails 3 "val.txt: line 2: 'd' is also in line 1"
    echo '# nobody' >val.txt
    fails 3 "val.txt: found no name, expected one per line"
    echo d >val.txt
    FRAMES+=(a.h5)
    fails 3 "a.h5: second input for video a, the first is a.h5"
}

@test "weights of another architecture: status 3" {
    va-weights init --arch mamba-va --in-dim 6 --channels 4 --kernel 3 --layers 1 -o head.h5
    run -3 --separate-stderr tune -w head.h5 -o n.h5
    [ "$stderr" = "va-finetune: head.h5: found a temporal model (arch mamba-va), expected an encoder (arch vit)" ]
    [ ! -e n.h5 ]
}

@test "expressions: a head of their own; bad classes are refused" {
    mkdir expr
    for v in a b c d; do
        { echo Neutral,Anger,Happiness; seq 1 30 | awk '{ print $1 % 7 == 0 ? -1 : int($1 / 11) }'; } >expr/$v.txt
    done
    local settings=(--expressions expr --classes 3 --crop 1 --flip 0 --brightness 0 --contrast 0
        --saturation 0 --drop-path 0 --freeze-blocks 0 --layer-decay 1 --lr 1e-4)
    tune "${settings[@]}" --epochs 25 --log-dir log -o m.h5
    va-check m.h5
    h5dump -H -d /tensors/expr_head.weight m.h5 | grep -q '( 3, 192 )'
    awk 'NR > 1 && NR < 10 { first += $8 } NR > 93 { last += $8 }
        END { exit !(last < first / 2) }' log/train.tsv || explain "$(cut -f 8 log/train.tsv)"
    awk 'NR > 1 && !($6 >= 0 && $6 <= 1) { exit 1 }' log/val.tsv
    va-embed -q -w m.h5 -o f.h5 a.h5
    # goes on from a model that has the head, and not without the classes
    tune "${settings[@]}" -w m.h5 --epochs 1 -o more.h5
    fails 3 "m.h5: expr_head.weight: found 3 classes, expected 0 as there are no --expressions" -w m.h5
    fails 3 "m.h5: expr_head.weight: found 3 classes, expected 4 as --classes says" "${settings[@]}" \
        -w m.h5 --classes 4
    fails 3 "expr/a.txt: line 23: found '2', expected a class from 0 to 1, or -1" "${settings[@]}" --classes 2
    sed -i '5s/.*/happy/' expr/b.txt
    fails 3 "expr/b.txt: line 5: found 'happy', expected a class from 0 to 2, or -1" "${settings[@]}"
}

@test "a loss that is not finite: status 4, no model" {
    run -4 --separate-stderr tune --epochs 3 --warmup-epochs 0 --lr 1e30 --min-lr 1e30 -o n.h5
    [[ $stderr == "va-finetune: step 2: the loss is not finite (nor is "*"): training diverged, mostly because the learning rate is too high: try "* ]] || explain "$stderr"
    [ ! -e n.h5 ]
}

@test "--print-config and mistakes in the command line" {
    run -0 --separate-stderr va-finetune --print-config --lr 0.5
    [ "$(head -n 1 <<<"$output")" = "$(printf 'setting\tvalue\tsource')" ]
    grep -qx "$(printf 'lr\t0.5\toption')" <<<"$output"
    grep -qx "$(printf 'layer-decay\t0.75\tdefault')" <<<"$output"
    for mistake in "--save-every 0" "--lr nan" "--epochs 0" "--device gpu" "--state m.h5" "--mix .3" \
        "--layer-decay 0" "--crop 0" "--batch 1" "--lr 1e-5 --min-lr 1e-4"; do
        # shellcheck disable=SC2086
        run -2 --separate-stderr tune -o m.h5 $mistake
    done
    run -2 --separate-stderr va-finetune -w tiny.h5 --labels labels --train train.txt --val val.txt -o m.h5
    [[ $stderr == *"expected frames files or folders of crops"* ]]
}
