#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# The tools with --device cuda, on the host executor: what the CPU gives, but for rounding.
bats_require_minimum_version 1.8.0
load lib/va
load lib/pretrain
load lib/devices

setup_file() { devices_setup_file 60 12 20; }
setup() {
    cd "$BATS_TEST_TMPDIR" && cp -r "$BATS_FILE_TMPDIR"/* .
    export VA_CUDA=$BUILD/emu/plain/libvacuda.so
}

TUNE=(-j 1 -w tiny.h5 --labels labels --unmatched allow --train train.txt --val val.txt --batch 4 --per-video 8
    --warmup-epochs 1 --drop-path 0.3)

# near TOLERANCE TOOL ARGS... (which write out.h5): on the CPU and on the device
near() {
    rm -f out.h5 cpu.h5
    "${@:2}" --device cpu
    mv out.h5 cpu.h5
    "${@:2}" --device cuda
    same_numbers --abs "$1" --rel "$1" cpu.h5 out.h5
}

@test "training the temporal models" {
    for kind in $(words_of va-tcn-mamba-train temporal); do
        near 5e-4 va-tcn-mamba-train "${WINDOWS[@]}" "${SMALL_HEAD[@]}" --temporal "$kind" --epochs 2 \
            --lookahead 2 --clip-norm 0.1 -o out.h5
    done
}

@test "a run that is stopped and resumed gives the bytes of one that is not" {
    train() { va-tcn-mamba-train "${WINDOWS[@]}" "${SMALL_HEAD[@]}" --device cuda --epochs 3 "$@"; }
    train -o whole.h5
    train -o whole2.h5
    cmp whole.h5 whole2.h5
    train --save-every 1 --steps 2 -o parts.h5
    train --resume -o parts.h5
    same_numbers --abs 0 whole.h5 parts.h5
}

@test "steps that are replayed give the bytes of steps that are not" {
    for kind in $(words_of va-tcn-mamba-train temporal); do # the last batch of an epoch is smaller
        for graph in yes no; do
            VA_CUDA_GRAPH=$graph va-tcn-mamba-train -v "${WINDOWS[@]:1}" "${SMALL_HEAD[@]}" --temporal "$kind" \
                --epochs 3 --batch 2 --dropout 0.4 --clip-norm 0.1 --device cuda -o "$kind.$graph.h5" 2>$graph.log
        done
        cmp "$kind.yes.h5" "$kind.no.h5"
        grep -q 'steps of a batch of 2: recorded, and replayed' yes.log || explain "$kind: $(cat yes.log)"
        run ! grep -q replayed no.log
    done
}

@test "features that stay on the GPU give the bytes of windows that the host gathers" {
    for resident in yes no; do
        VA_CUDA_RESIDENT=$resident va-tcn-mamba-train -v "${WINDOWS[@]:1}" "${SMALL_HEAD[@]}" --epochs 2 --batch 3 \
            --lookahead 2 --device cuda -o $resident.h5 2>$resident.log
    done
    cmp yes.h5 no.h5
    grep -q 'features stay on the device: 240 rows of 6' yes.log || explain "$(cat yes.log)"
    run ! grep -q 'features stay' no.log
}

@test "features of which half fit stay there in bfloat16, and give the bytes of products in bf16" {
    for v in a b c d; do
        make_features --video $v --dim 6 --frames 4000 --seed "$(printf %d "'$v")" f$v.h5
        make_labels --frames 4000 --seed "$(printf %d "'$v")" >labels/$v.txt
    done
    va-window --labels labels --window 20 --stride 20 -o w.h5 fa.h5 fb.h5 fc.h5 fd.h5 >/dev/null
    train() { # their first layer is a product: 384 KB in float32
        va-tcn-mamba-train -v "${WINDOWS[@]:1}" "${SMALL_HEAD[@]}" --steps 3 --device cuda --precision "$1" -o "$2" 2>log
    }
    VA_CUDA_RESIDENT=no train bf16 host.h5
    for ((memory = 300000; memory < 3000000; memory += 200000)); do
        VA_EMU_MEMORY=$memory train bf16 half.h5 && grep -q 'features stay' log && break
    done
    grep -q 'features stay on the device in bfloat16, since only half of them fit: 16000 rows of 6' log || explain "$memory: $(cat log)"
    cmp host.h5 half.h5
    VA_EMU_MEMORY=$memory train f32 f32.h5
    run ! grep -q 'features stay' log
}

@test "pretraining and fine-tuning: steps that are replayed give the bytes of steps that are not" {
    for graph in yes no; do
        export VA_CUDA_GRAPH=$graph
        va-mae-pretrain -v "${RUN[@]}" --steps 5 --accumulate 2 --device cuda -o mae.$graph.h5 a.h5 b.h5 2>mae.$graph
        va-finetune -v "${TUNE[@]}" --steps 5 --device cuda -o tuned.$graph.h5 pa.h5 pb.h5 pc.h5 pd.h5 2>tuned.$graph
    done
    for what in mae tuned; do
        cmp $what.yes.h5 $what.no.h5
        grep -q 'recorded, and replayed from now on' $what.yes || explain "$(cat $what.yes)"
        run ! grep -q replayed $what.no
    done
}

@test "predicting: windows, sequences, several models" {
    for kind in tcn-mamba tcn-gru tcn-transformer; do
        va-tcn-mamba-train "${WINDOWS[@]}" "${SMALL_HEAD[@]}" --temporal $kind --epochs 1 --device cpu -o $kind.h5
        for mode in sequence overlap chunk; do
            near 1e-5 va-predict -q -j 1 -m $kind.h5 --mode $mode -o out.h5 fa.h5 fb.h5
        done
    done
    near 1e-5 va-predict -q -j 1 -m tcn-mamba.h5 -m tcn-gru.h5 -o out.h5 --windows w.h5
}

@test "embedding in three precisions" {
    near 1e-4 va-embed -q -j 1 -w tiny.h5 --batch 5 -o out.h5 pa.h5
    near 6e-2 va-embed -q -j 1 -w tiny.h5 --batch 5 --precision bf16 -o out.h5 pa.h5
    near 6e-2 va-embed -q -j 1 -w tiny.h5 --batch 5 --precision int8 -o out.h5 pa.h5
}

@test "pretraining and fine-tuning encoders" {
    near 1e-3 va-mae-pretrain -q "${RUN[@]}" --steps 3 -o out.h5 a.h5 b.h5
    near 1e-3 va-finetune -q "${TUNE[@]}" --steps 3 -o out.h5 pa.h5 pb.h5 pc.h5 pd.h5
}

@test "a GPU without memory, or that fails: one line, exit 4, and the run goes on from its checkpoint" {
    train() { va-tcn-mamba-train "${WINDOWS[@]}" "${SMALL_HEAD[@]}" --device cuda --batch 6 --epochs 3 "$@"; }
    train -o whole.h5
    for failure in VA_EMU_MEMORY=100000 VA_EMU_FAIL=linear VA_EMU_FAIL=update:2 VA_EMU_FAIL=waiting:9; do
        rm -f parts.h5*
        export "${failure?}"
        run -4 --separate-stderr train --save-every 1 -o parts.h5
        unset "${failure%=*}"
        operation=${failure#*=}
        expected="GPU: ${operation%:*}: $failure"
        [ "${failure%=*}" = VA_EMU_FAIL ] ||
            expected="GPU: out of memory: 1 MiB beside the 0 MiB in use, expected less: --batch 3 in place of 6"
        [ "$stderr" = "va-tcn-mamba-train: $expected" ] || explain "$stderr"
        [ ! -e parts.h5 ]
        train --resume -o parts.h5
        va-h5cmp whole.h5 parts.h5
    done
    run -4 --separate-stderr env VA_EMU_MEMORY=1000000 va-embed -q --device cuda -w tiny.h5 --batch 5 -o out.h5 pa.h5
    [[ $stderr == "va-embed: GPU: out of memory: "*" MiB in use, expected less: --batch 2 in place of 5" ]] || explain "$stderr"
    run -4 --separate-stderr env VA_EMU_FAIL=attention va-embed -q --device cuda -w tiny.h5 -o out.h5 pa.h5
    [ "$stderr" = "va-embed: GPU: attention: VA_EMU_FAIL=attention" ] || explain "$stderr"
    [ "$(echo out.h5*)" = "out.h5*" ]
}

@test "a run begun on one device goes on on the other; files name a device that is not the CPU" {
    train() { va-tcn-mamba-train "${WINDOWS[@]}" "${SMALL_HEAD[@]}" --epochs 3 --save-every 1 -o m.h5 "$@"; }
    train --device cpu --steps 2
    train --device cuda --resume
    attribute m.h5 provenance | grep -q "device=cuda"
    va-predict -q -m m.h5 --device cpu -o p.h5 fa.h5
    run ! grep -q "device=" <(attribute p.h5 provenance)
    cp m.h5 first.h5
    rm m.h5
    train --device cuda --steps 2
    train --device cpu --resume
    same_numbers --abs 5e-4 --rel 5e-4 first.h5 m.h5
}
