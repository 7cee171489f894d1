#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# Products in bfloat16 by cuBLASLt: on the host executor, with a library that stands in for it (test/cuda/lt.c). Where there is
# none, or it does not do, our own kernels make them, and -v says so.
bats_require_minimum_version 1.8.0
load lib/va
load lib/pretrain
load lib/devices

setup_file() { devices_setup_file 60 6 20; }
setup() {
    cd "$BATS_TEST_TMPDIR" && cp -r "$BATS_FILE_TMPDIR"/* .
    export VA_CUDA=$BUILD/emu/plain/libvacuda.so VA_CUDA_BLAS=$BUILD/emu/libcublasLt.so
}

embed() { va-embed -v -j 1 -w tiny.h5 --batch 5 --device cuda --precision bf16 -o "$1" pa.h5; }

# said WORDS: the one line that the last run has about products
said() {
    [ "$(grep -c 'products in bf16: ' <<<"$stderr")" -eq 1 ] || explain "$stderr"
    [[ $stderr == *": products in bf16: $1"* ]] || explain "$stderr"
}

@test "linear layers in bf16 agree with those in double" {
    export VA_TEST_DEVICE=cuda
    cd "$BATS_TEST_DIRNAME/.." || return 1
    VA_TEST_ONLY="linear_layers_multiply_rounded_numbers whatever_follows_a_product many_shapes" \
        run -0 "$BUILD/test/unit/test_bf16"
    [[ $output == *"3 passed, 0 failed"* ]] || explain "$output"
    run -0 "$BUILD/test/unit/test_block"
}

@test "an encoder by cuBLASLt: near that of our kernels, the same bytes each time" {
    run -0 --separate-stderr embed lt.h5
    said "cuBLASLt 13.1 ($VA_CUDA_BLAS)"
    embed again.h5
    cmp lt.h5 again.h5
    VA_CUDA_BLAS=no run -0 --separate-stderr embed own.h5
    said "own kernels: VA_CUDA_BLAS=no"
    same_numbers --abs 0.2 lt.h5 own.h5 # GELU by tanh; both are off by 0.5 from float32
    run -1 cmp -s lt.h5 own.h5 # sums in another order: they were not made by our kernels
    run ! grep -q "products in" <(va-embed -v -j 1 -w tiny.h5 --device cuda --precision f32 -o f32.h5 pa.h5 2>&1)
}

@test "training by cuBLASLt: near that of our kernels" {
    tune() {
        va-finetune -q -j 1 -w tiny.h5 --labels labels --unmatched allow --train train.txt --val val.txt --device cuda \
            --precision bf16 --batch 4 --per-video 4 --warmup-epochs 1 --steps 2 -o "$1" pa.h5 pb.h5 pc.h5 pd.h5
    }
    tune lt.h5
    VA_CUDA_BLAS=no tune own.h5
    same_numbers --abs 2e-3 --rel 2e-3 lt.h5 own.h5
}

@test "a library that is too old, lacks a function or does not start: one line of -v, our kernels" {
    VA_CUDA_BLAS=no embed own.h5
    own() { # own LINE VARIABLE=VALUE
        run -0 --separate-stderr env "$2" va-embed -v -j 1 -w tiny.h5 --batch 5 --device cuda --precision bf16 -o out.h5 pa.h5
        said "own kernels: $1"
        cmp own.h5 out.h5
    }
    own "$VA_CUDA_BLAS: found cuBLASLt version 110903, expected 12.0 or newer" VA_LT_VERSION=110903
    own "$VA_CUDA_BLAS: cublasLtCreate: status 1" VA_LT_FAIL=cublasLtCreate
    own "VA_CUDA_BLAS: ./none.so: cannot open shared object file: No such file or directory" VA_CUDA_BLAS=./none.so
    for function in cublasLtMatmul cublasLtMatrixLayoutDestroy; do
        sed "s/$function(/va_other(/" "$BATS_TEST_DIRNAME/cuda/lt.c" >without.c
        "${CC:-gcc}" -I"$BATS_TEST_DIRNAME/.." -fPIC -shared -o without.so without.c -lm
        own "$PWD/without.so: found no $function, expected cuBLASLt 12.0 or newer" VA_CUDA_BLAS="$PWD/without.so"
    done
}

@test "no algorithm for a shape: our kernel; a product that fails: one line, exit 4, no file" {
    VA_CUDA_BLAS=no embed own.h5
    VA_LT_FAIL=cublasLtMatmulAlgoGetHeuristic run -0 --separate-stderr embed out.h5
    grep -q 'products in bf16: own kernel for [0-9]* x [0-9]* x [0-9]*: cuBLASLt has none$' <<<"$stderr" || explain "$stderr"
    cmp own.h5 out.h5
    rm out.h5
    VA_LT_FAIL=cublasLtMatmul run -4 --separate-stderr embed out.h5
    [ "$(grep -c 'GPU: cublasLtMatmul: status 7, for [0-9]* x [0-9]* x [0-9]*$' <<<"$stderr")" -eq 1 ] || explain "$stderr"
    [ ! -e out.h5 ]
}
