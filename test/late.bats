#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# The tools on a device that is as far away as a GPU (test/late): buffers cannot be touched, and an
# operation runs when somebody waits. Results are the cpu's, byte for byte, as the cpu is behind it.
bats_require_minimum_version 1.8.0
load lib/va
load lib/pretrain
load lib/devices

setup_file() { devices_setup_file 90 30 30; }
setup() {
    cd "$BATS_TEST_TMPDIR" && cp -r "$BATS_FILE_TMPDIR"/* .
    LATE=$BUILD/test/late/bin
}

RATED=(-w tiny.h5 --labels labels --unmatched allow --train train.txt --val val.txt --batch 6
    --per-video 8 --warmup-epochs 1)

# same TOOL ARGS... (which write out.h5): here and there
same() {
    rm -f out.h5 near.h5
    "$@"
    mv out.h5 near.h5
    "$LATE/$1" "${@:2}"
    cmp near.h5 out.h5 || explain "$*"
}

@test "the device is the one of these tools: it reports" {
    VA_LATE_REPORT=$PWD/report "$LATE/va-tcn-mamba-train" "${WINDOWS[@]}" "${SMALL_HEAD[@]}" --epochs 1 -o m.h5
    [ "$(head -n 1 report | cut -d ' ' -f 1)" = calls ]
    grep -q '^update ' report
}

@test "finding faces" {
    make_detector detector.h5
    make_video v.mp4 96 64 5 25
    same va-faces -q -j 1 -w detector.h5 --min-size 0 --min-score 0.1 -o out.h5 v.mp4
    [ "$(column out.h5 /index | wc -w)" -ge 5 ]
}

@test "training the temporal models, validated and resumed" {
    for kind in $(words_of va-tcn-mamba-train temporal); do
        for precision in f32 bf16; do
            same va-tcn-mamba-train "${WINDOWS[@]}" "${SMALL_HEAD[@]}" --temporal "$kind" --epochs 2 \
                --precision $precision --lookahead 2 --clip-norm 0.1 -o out.h5
        done
    done
    va-tcn-mamba-train "${WINDOWS[@]}" "${SMALL_HEAD[@]}" --epochs 6 --log-dir log -o m.h5
    "$LATE/va-tcn-mamba-train" "${WINDOWS[@]}" "${SMALL_HEAD[@]}" --epochs 6 --log-dir late --save-every 1 \
        --steps 7 -o x.h5
    cp m.h5 whole.h5
    same va-tcn-mamba-train "${WINDOWS[@]}" --init whole.h5 --epochs 2 -o out.h5
    cmp <(head -n 8 log/train.tsv) late/train.tsv
}

@test "predicting: windows, sequences, several models" {
    for kind in tcn-mamba tcn-gru tcn-transformer; do
        va-tcn-mamba-train "${WINDOWS[@]}" "${SMALL_HEAD[@]}" --temporal $kind --epochs 1 -o $kind.h5
        for mode in sequence overlap chunk; do
            same va-predict -q -j 1 -m $kind.h5 --mode $mode -o out.h5 fa.h5 fb.h5
            same va-predict -q -j 1 -m $kind.h5 --precision bf16 --mode $mode -o out.h5 fa.h5 fb.h5
        done
    done
    same va-predict -q -j 1 -m tcn-mamba.h5 -m tcn-gru.h5 -o out.h5 --windows w.h5
}

@test "encoders: embedding, pretraining, fine-tuning, predicting with what was tuned" {
    same va-embed -q -j 1 -w tiny.h5 --precision int8 --batch 7 -o out.h5 pa.h5
    for precision in f32 bf16; do
        same va-embed -q -j 1 -w tiny.h5 --precision $precision --batch 7 -o out.h5 pa.h5
        same va-mae-pretrain -q "${RUN[@]}" --precision $precision --epochs 2 --accumulate 2 -o out.h5 a.h5 b.h5
        same va-finetune -q -j 1 "${RATED[@]}" --precision $precision --epochs 2 --drop-path 0.3 \
            -o out.h5 pa.h5 pb.h5 pc.h5 pd.h5
    done
    same va-finetune -q -j 1 "${RATED[@]}" --epochs 1 --freeze-blocks 1 -o out.h5 pa.h5 pb.h5 pc.h5 pd.h5
    mv out.h5 tuned.h5
    same va-predict -q -j 1 -m tuned.h5 -o out.h5 pa.h5
}

# report_of STEPS COMMAND...: what the device was asked for, sorted, in the file STEPS
report_of() {
    rm -f out.h5
    VA_LATE_REPORT=$PWD/report.$1 "$LATE/$2" "${@:3}" --steps "$1"
    sort "report.$1" >"$1" && rm "report.$1"
}

# a_step COMMAND...: what the fourth step asks for, "name calls" a line
a_step() {
    report_of 3 "$@"
    report_of 4 "$@"
    join -a 2 3 4 | awk '{ n = NF == 3 ? $3 - $2 : $2; if (n) print $1, n }'
}

# at_most CALLS WAITS: of the step in the standard input; no allocation
at_most() {
    awk -v calls="$1" -v waits="$2" '{ n[$1] = $2; print }
        END { exit n["calls"] > calls || n["waits"] > waits || n["allocations"] > 0 }'
}

@test "a step asks the device for little, whatever the batch is" {
    va-mae-pretrain -q -j 1 "${SMALL[@]}" --depth 12 --steps 1 -o twelve.h5 a.h5 b.h5
    for batch in 2 4; do
        a_step va-tcn-mamba-train "${WINDOWS[@]}" --channels "8,8,8,6" --layers 4 --batch $batch \
            -o out.h5 | at_most 120 1
        a_step va-mae-pretrain -q -j 1 "${SMALL[@]}" --depth 12 --decoder-depth 4 --batch $batch \
            -o out.h5 a.h5 b.h5 | at_most 63 1
        a_step va-finetune -q -j 1 "${RATED[@]}" -w twelve.h5 --freeze-blocks 0 --batch $batch -o out.h5 \
            pa.h5 pb.h5 pc.h5 pd.h5 | at_most 44 1 # all 12 blocks
    done
}

@test "a device without whole blocks is given them in parts: same bytes, more calls" {
    export VA_LATE_FINE=1
    same va-embed -q -j 1 -w tiny.h5 -o out.h5 pa.h5
    same va-mae-pretrain -q "${RUN[@]}" --epochs 2 -o out.h5 a.h5 b.h5
    same va-finetune -q -j 1 "${RATED[@]}" --epochs 1 --freeze-blocks 1 --drop-path 0.3 \
        -o out.h5 pa.h5 pb.h5 pc.h5 pd.h5
    a_step va-mae-pretrain -q -j 1 "${SMALL[@]}" --depth 12 --decoder-depth 4 -o out.h5 a.h5 b.h5 |
        at_most 255 1
}

@test "embedding asks for as much whatever the batch is" {
    for batch in 3 6 10; do # ten batches, five, three
        rm -f out.h5
        VA_LATE_REPORT=$PWD/$batch "$LATE/va-embed" -q -j 1 -w tiny.h5 --batch $batch -o out.h5 pa.h5
    done
    calls() { awk '$1 == "calls" { print $2 }' "$1"; }
    [ $((2 * ($(calls 3) - $(calls 6)))) -eq $((5 * ($(calls 6) - $(calls 10)))) ] ||
        explain "$(calls 3), $(calls 6) and $(calls 10) calls"
}

@test "a step that is replayed with another record is the step itself" {
    export VA_LATE_REPLAY=1
    for kind in tcn-mamba tcn-gru tcn-transformer; do # the last batch is smaller, some have no label
        same va-tcn-mamba-train "${WINDOWS[@]}" "${SMALL_HEAD[@]}" --temporal $kind --epochs 4 --batch 2 \
            --dropout 0.4 --clip-norm 0.1 -o out.h5
        VA_LATE_REPORT=$PWD/report.$kind "$LATE/va-tcn-mamba-train" "${WINDOWS[@]}" "${SMALL_HEAD[@]}" \
            --temporal $kind --epochs 4 --batch 2 --steps 12 -o r$kind.h5
        grep -q '^replay ' report.$kind || explain "$(cat report.$kind)"
    done
    same va-mae-pretrain -q "${RUN[@]}" --epochs 3 --accumulate 2 -o out.h5 a.h5 b.h5
    same va-finetune -q -j 1 "${RATED[@]}" --epochs 3 --drop-path 0.3 -o out.h5 pa.h5 pb.h5 pc.h5 pd.h5
    replays() { # replays COMMAND...: a step is one call beside what is put
        a_step "$@" | tee step
        grep -q '^replay 1$' step && at_most "$CALLS" 1 <step
    }
    CALLS=14 replays va-mae-pretrain -q -j 1 "${SMALL[@]}" -o out.h5 a.h5 b.h5 || explain "$(cat step)"
    CALLS=9 replays va-finetune -q -j 1 "${RATED[@]}" -o out.h5 pa.h5 pb.h5 pc.h5 pd.h5 || explain "$(cat step)"
}

@test "convolutional encoders, whose products are in float32 in every precision" {
    local golden=$BATS_TEST_DIRNAME/golden/encoders
    make_frames --frames 9 --width 45 --height 45 --video c c.h5
    for net in tf_efficientnet mobilefacenet; do
        va-weights import -q --drop 'golden.*' -o net.h5 "$golden/$net.safetensors"
        same va-embed --precision bf16 --batch 4 -w net.h5 -o out.h5 c.h5
        same va-predict -m net.h5 -o out.h5 c.h5
    done
}
