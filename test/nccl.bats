#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2030,SC2031 # run sets stderr; tests change variables for themselves
# Ranks with a GPU each, whose gradients NCCL adds up: on the host executor, with a library that stands in for NCCL
# (test/cuda/nccl.c). Where there is none, or it does not fit, sums go through the host.
bats_require_minimum_version 1.8.0
load lib/va
load lib/mpi

setup() {
    cd "$BATS_TEST_TMPDIR" && cp -r "$BATS_FILE_TMPDIR"/* .
    find_launcher
    need_mpi
    RUN+=(--device cuda --batch 4 --epochs 2)
    export VA_CUDA=$BUILD/emu/plain/libvacuda.so VA_CUDA_NCCL=$BUILD/emu/libnccl.so.2 VA_EMU_DEVICES=3
}

# failing RANK VARIABLE=VALUE ARGS...: two ranks, of which one has this in its environment
failing() {
    local tool=(va-tcn-mamba-train "${RUN[@]}" "${@:3}")
    if [ "$1" = 0 ]; then
        "${launcher[@]}" -n 1 env "$2" "${tool[@]}" : -n 1 "${tool[@]}"
    else
        "${launcher[@]}" -n 1 "${tool[@]}" : -n 1 env "$2" "${tool[@]}"
    fi
}

@test "sums between devices: 2, 3 and 5 ranks" {
    for n in 2 3 5; do
        VA_EMU_DEVICES=$n VA_SHARERS=$n VA_JOINED=yes VA_TEST_DEVICE=cuda run -0 --separate-stderr "${launcher[@]}" -n $n \
            "$BUILD/test/unit/test_ranks"
        [[ $(tail -n 1 <<<"$output") == *" passed, 0 failed" ]] || explain "$output"
    done
}

@test "two ranks train to the bytes of sums through the host, three to nearly the same, each time" {
    for n in 2 3; do
        run -0 --separate-stderr ranks $n -v -o nccl.h5
        [ "$(grep -c 'sums between ranks: NCCL 2.28.9 (/.*/libnccl.so.2)$' <<<"$stderr")" -eq 1 ] || explain "$stderr"
        VA_CUDA_NCCL=no run -0 --separate-stderr ranks $n -v -o host.h5
        [ "$(grep -c 'sums between ranks: through the host, by MPI: rank 0: VA_CUDA_NCCL=no$' <<<"$stderr")" -eq 1 ] ||
            explain "$stderr"
        if [ $n = 2 ]; then
            cmp nccl.h5 host.h5
        else
            same_numbers --abs 1e-5 nccl.h5 host.h5
            run -1 cmp -s nccl.h5 host.h5 # another order: they were not made through the host
        fi
        train $n -o again.h5
        cmp nccl.h5 again.h5
        rm ./*ccl.h5 host.h5 again.h5
    done
}

@test "at the end ranks give back what they had in common; what a failure leaves is aborted" {
    export VA_NCCL_ENDS=$PWD/ends
    train 2 -o m.h5
    [ "$(cat ends)" = $'destroyed\ndestroyed' ] || explain "$(cat ends)"
    rm ends
    run -0 --separate-stderr failing 1 VA_NCCL_FAIL=ncclCommFinalize -o n.h5 # rank 0 does not wait for ever
    cmp m.h5 n.h5
    [ "$(cat ends)" = $'aborted\naborted' ] || explain "$(cat ends)"
    rm ends
    run -4 --separate-stderr failing 1 VA_NCCL_FAIL=sum -o o.h5
    [ "$(cat ends)" = $'aborted\naborted' ] || explain "$(cat ends)"
}

@test "pretraining and fine-tuning" {
    for v in a b; do make_frames --frames 12 --width 20 --height 18 --video $v --seed 1 p$v.h5; done
    va-weights init -q --arch vit_tiny -o tiny.h5
    printf 'a\n' >train.txt && printf 'b\n' >val.txt
    for v in a b; do make_labels --frames 12 --seed 3 >labels/$v.txt; done
    for tool in "va-mae-pretrain --arch vit_tiny --decoder-depth 1 --decoder-width 8 --decoder-heads 2 pa.h5 pb.h5" \
        "va-finetune -w tiny.h5 --labels labels --unmatched allow --train train.txt --val val.txt --per-video 8 --warmup-epochs 0 pa.h5 pb.h5"; do
        for nccl in "$VA_CUDA_NCCL" no; do
            # shellcheck disable=SC2086 # words
            VA_CUDA_NCCL=$nccl "${launcher[@]}" -n 2 $tool -q -j 1 --device cuda --batch 4 --epochs 1 --steps 1 \
                -o out."${nccl##*/}".h5 2>err || explain "$(cat err)"
        done
        cmp out.libnccl.so.2.h5 out.no.h5
        rm out.*
    done
}

@test "ranks on one machine take its devices in turn, or the one that is named" {
    VA_EMU_DEVICES=2 run -0 --separate-stderr ranks 3 -v --epochs 1 -o m.h5
    grep -q ' devices of the ranks: cuda:0 cuda:1 cuda:0$' <<<"$stderr" || explain "$stderr"
    grep -q ' through the host, by MPI: ranks 0 and 2 share a GPU$' <<<"$stderr" || explain "$stderr"
    run -0 --separate-stderr ranks 2 -v --epochs 1 --device cuda:1 -o m.h5
    grep -q ' devices of the ranks: cuda:1 cuda:1$' <<<"$stderr" || explain "$stderr"
    run ! grep -q 'between ranks\|of the ranks' <(ranks 2 -v --epochs 1 --device cpu -o m.h5 2>&1)
    run -0 --separate-stderr failing 1 VA_NCCL_VERSION=21805 -v --epochs 1 -o m.h5
    grep -q ' by MPI: rank 1 has NCCL 2.18.5 (.*), rank 0 NCCL 2.28.9 (.*)$' <<<"$stderr" || explain "$stderr"
}

@test "an error of NCCL on one rank: one line, exit 4, and the run goes on from its checkpoint" {
    train 2 -o whole.h5
    while read -r rank fault function more; do # a step has a sum of moments and one of gradients
        run -4 --separate-stderr failing "$rank" VA_NCCL_FAIL="$fault" --save-every 1 --restart -o m.h5 </dev/null
        [ "$(ours)" = "va-tcn-mamba-train: rank $rank: NCCL: $function: unhandled system error${more:+: $more}" ] ||
            explain "$fault: $stderr"
        [ ! -e m.h5 ]
    done <<'END'
1 ncclCommInitRankConfig ncclCommInitRankConfig
0 ncclCommGetAsyncError ncclCommInitRankConfig
1 ncclAllReduce:3 ncclAllReduce
0 ncclAllReduce:4 ncclAllReduce
1 sum:3 ncclAllReduce no answer
0 sum:4 ncclAllReduce no answer
END
    [ -s m.h5.state ]
    train 2 --resume -o m.h5
    va-h5cmp whole.h5 m.h5
    run -4 --separate-stderr failing 0 VA_NCCL_FAIL=ncclGetUniqueId -o n.h5
    [ "$(ours)" = "va-tcn-mamba-train: rank 0: NCCL: ncclGetUniqueId: unhandled system error" ]
    [ "$(echo n.h5*)" = "n.h5*" ]
}

@test "a rank that is lost: the other one does not wait for its sum" {
    for run in 1 2 3; do # the sum may be part of the update, which then does not end
        start 1 --epochs 4000 --save-every 7 -o m.h5
        signal KILL 0 1
        wait "$job" && explain "exit 0"
        stderr=$(cat err)
        [[ $(ours) == "va-tcn-mamba-train: rank 1 is gone, in step "*": m.h5.state holds step "*", --resume continues from it" ]] ||
            explain "run $run: $stderr"
        [ "$(ours | wc -l)" -eq 1 ]
    done
}

@test "a library that is too old, lacks a function, or is not there: one line, exit 4" {
    refused() { # refused VARIABLE=VALUE LINE
        run -4 --separate-stderr failing "${rank:-1}" "$1" -o m.h5
        [ "$(ours)" = "va-tcn-mamba-train: rank ${rank:-1}: $2" ] || explain "$stderr"
        [ "$(echo m.h5*)" = "m.h5*" ]
    }
    wanted="expected NCCL 2.14 or newer, or VA_CUDA_NCCL=no"
    refused VA_NCCL_VERSION=21306 "$VA_CUDA_NCCL: found NCCL 2.13.6, $wanted"
    rank=0 refused VA_NCCL_VERSION=2708 "$VA_CUDA_NCCL: found NCCL 2.7.8, $wanted"
    for function in ncclCommInitRankConfig ncclAllReduce; do
        sed "s/$function(/va_other(/; s/\"$function\"/\"\"/" "$BATS_TEST_DIRNAME/cuda/nccl.c" >without.c
        "${CC:-gcc}" -D_GNU_SOURCE -I"$BATS_TEST_DIRNAME/.." -fPIC -shared -o without.so without.c -lrt
        refused VA_CUDA_NCCL="$PWD/without.so" "$PWD/without.so: found no $function, $wanted"
    done
    refused VA_CUDA_NCCL=./none.so \
        "VA_CUDA_NCCL: ./none.so: cannot open shared object file: No such file or directory"
}
