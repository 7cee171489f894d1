#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# What the compiler made of the kernels of the GPU: no GPU is asked (test/cuda/sass.awk, test/cuda/report.sh).
bats_require_minimum_version 1.8.0
load lib/va

SASS=$BATS_TEST_DIRNAME/cuda/sass.sh

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    cd "$BATS_TEST_DIRNAME/.." && nvcc=$(./nvcc.sh path '' "$BUILD") && cd "$BATS_TEST_TMPDIR" || return 1
    [ -f "$BUILD/lib/libvacuda.so" ] || skip "the GPU's library was not built: no nvcc"
}

# slow TABLE: kernels with local memory, or with what is slow in a loop
slow() {
    awk -F'\t' '$1 == "kernel" && ($4 > 0 || $5 != "-") { print $2 ": " $4 " to local memory; in loops: " $5 }' "$1"
}

@test "kernels have no stack, and no spilled registers" {
    run -0 "$BATS_TEST_DIRNAME/cuda/report.sh" none "$BUILD"/cuda/*.ptxas
}

@test "kernels have no local memory, and no slow calls in loops" {
    "$SASS" "$BUILD/lib/libvacuda.so" sm_90 "$nvcc" >table 2>why || skip "$(cat why)"
    [ "$(grep -c ^kernel table)" -ge 80 ]
    [ "$(slow table)" = "" ] || explain "$(slow table)"
}

@test "times of models are predicted from it, for two GPUs" {
    "$SASS" "$BUILD/lib/libvacuda.so" sm_90 "$nvcc" >table 2>why || skip "$(cat why)"
    run -0 --separate-stderr "$BUILD/test/cuda/predict" table
    [ "$(grep -c '^    H200 .* predicted [0-9].* launches' <<<"$output")" -eq 7 ] || explain "$output"
    [ "$(grep -c '^    RTX 4090 .* predicted [0-9].* launches' <<<"$output")" -eq 7 ] || explain "$output"
    run -0 "$BUILD/test/cuda/predict" table scan # as many bytes as its tensors have: u, delta, z, y, B, C, marks
    grep -q '^scan  *1  *1  *0\.022 ' <<<"$output" || explain "$output"
    grep -v 'scan<8>' table >other
    run -3 --separate-stderr "$BUILD/test/cuda/predict" other scan
    [ "$stderr" = "predict: cost: found no kernel scan<8> in the disassembly" ] || explain "$stderr"
}

@test "divisions in loops and local memory are noticed" {
    cat >slow.cu <<'EOF'
__global__ void quick(int n, float *x) { for (int i = threadIdx.x; i < n; i += 32) x[i] *= 2; }
__global__ void once(long n, long m, float *x) { x[threadIdx.x + n / m] = 1; }
__global__ void floats(int n, float *x) { for (int i = threadIdx.x; i < n; i += 32) x[i] = 1 / x[i]; }
__global__ void ints(int n, int m, int *x) { for (int i = threadIdx.x; i < n; i += 32) x[i] /= m + i; }
__global__ void longs(int n, long *x) { for (int i = threadIdx.x; i < n; i += 32) x[i] /= x[i + 1]; }
__global__ void local(int n, int *x)
{
    int own[64];
    for (int i = 0; i < n; i++) own[x[i] & 63] = i;
    for (int i = 0; i < n; i++) x[i] = own[x[i + n] & 63];
}
EOF
    [ -n "$nvcc" ] || skip "no nvcc on PATH, in CUDA_HOME or fetched"
    "$nvcc" -arch=sm_90 -cubin -o slow.cubin slow.cu
    "$SASS" slow.cubin sm_90 "$nvcc" >table 2>why || skip "$(cat why)"
    [ "$(slow table | sed 's/ [0-9]* to/ to/' | sort)" = "floats: to local memory; in loops: call
ints: to local memory; in loops: division
local: to local memory; in loops: -
longs: to local memory; in loops: call,division" ] || explain "$(slow table)"
}

@test "no cuobjdump: a line" {
    mkdir bin
    for program in bash dirname head ls; do ln -s "$(command -v $program)" bin; done
    run -1 --separate-stderr env PATH="$PWD/bin" CUDA_HOME=/none CUOBJDUMP= PY=/none "$SASS" none.so sm_90 /none/nvcc
    [[ $stderr = "no cuobjdump found ("* ]] || explain "$stderr"
}
