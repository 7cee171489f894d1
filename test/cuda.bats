#!/usr/bin/env bats
# The GPU library on the host executor (cuda/va_emu.h): operations, models, the tools with --device cuda, and
# each way of not having a GPU.
# shellcheck disable=SC2154,SC2030,SC2031 # run sets stderr; tests change VA_CUDA for themselves
bats_require_minimum_version 1.8.0
load lib/va

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    export VA_CUDA=$BUILD/emu/plain/libvacuda.so
}

# device PROGRAM...: these unit tests on the executor
device() {
    local program
    for program; do
        (cd "$BATS_TEST_DIRNAME/.." && VA_TEST_DEVICE=cuda "$BUILD/test/unit/$program") >"$program.log" 2>&1 ||
            explain "$program: $(grep -E '^#|^not ok|^emu' "$program.log" | head -n 12) $(tail -n 2 "$program.log")"
    done
}

OPERATIONS=(test_ops test_ops_products test_ops_time test_ops_pictures test_bf16 test_block test_int8 test_record)
MODELS=(test_golden_ops test_mae test_pretrain test_yunet)

@test "operations agree with those in double, as the CPU's do" {
    device "${OPERATIONS[@]}"
}

@test "models give the recorded values" {
    device "${MODELS[@]}"
    # of the rest, what the executor does in seconds
    VA_TEST_ONLY="tcn_blocks mamba_layers gradients predictions" device test_golden_temporal
    VA_TEST_ONLY="small_encoder_on_cpu only_the_cls_row_leaves_the_last_block" device test_vit
}

@test "addresses, and what C++ leaves undefined" {
    VA_CUDA=$BUILD/emu/asan/libvacuda.so
    export ASAN_OPTIONS=detect_leaks=0 LD_PRELOAD
    LD_PRELOAD="$("${CXX:-g++}" -print-file-name=libasan.so) $("${CXX:-g++}" -print-file-name=libubsan.so)"
    device "${OPERATIONS[@]}"
}

@test "four orders of threads, the same bytes" {
    for program in test_ops_same test_block; do
        for order in forward reverse random:1 random:2; do
            VA_EMU_ORDER=$order VA_TEST_DEVICE=cuda "$BUILD/test/unit/$program" sum >>$program.sums
        done
        [ "$(sort -u $program.sums | wc -l)" -eq 1 ] || explain "$(cat $program.sums)"
    done
}

@test "each seeded mistake in a kernel is noticed" {
    run -0 "$BATS_TEST_DIRNAME/cuda/mistakes.sh" "$BUILD/emu"
}

@test "no GPU, no library, one of another version: a line each, and exit 4" {
    refused() { # refused ENVIRONMENT... DEVICE LINE
        run -4 --separate-stderr env "${@:1:$#-2}" va-predict --device "${*: -2:1}" -m m.h5 -o o.h5 f.h5
        # shellcheck disable=SC2154
        [ "$stderr" = "va-predict: --device ${*: -2:1}: ${*: -1}" ] || explain "$stderr"
    }
    refused cuda:3 "found 1 such device here, counted from 0"
    refused VA_CUDA="$PWD/none.so" cuda \
        "$PWD/none.so: cannot open shared object file: No such file or directory"
    echo 'int other;' | "${CC:-gcc}" -shared -o other.so -x c -
    refused VA_CUDA=./other.so cuda:0 \
        "./other.so: found no GPU library of mamba-va, expected the library of this version (make, or make install)"
    echo 'static int plugin[2]; void *va_cuda_plugin(void *host) { return host ? plugin : 0; }' |
        "${CC:-gcc}" -shared -o older.so -x c -
    refused VA_CUDA=./older.so cuda \
        "./older.so: found a GPU library of another version, expected the library of this version (make, or make install)"
    head -c 5000 "$BUILD/emu/plain/libvacuda.so" >cut.so
    mkdir "a folder" && mkfifo pipe.so
    refused VA_CUDA=./cut.so cuda \
        "./cut.so: found a file that was cut short, expected the library of this version (make, or make install)"
    refused VA_CUDA="$PWD/a folder" cuda \
        "$PWD/a folder: found a folder, expected the library of this version (make, or make install)"
    refused VA_CUDA=./pipe.so cuda \
        "./pipe.so: found no file, expected the library of this version (make, or make install)"
    refused VA_CUDA=none.so cuda "none.so: cannot open shared object file: No such file or directory"
    for device in cuda: cuda:-1 cuda:1x CUDA:0; do
        run -2 --separate-stderr va-predict --device $device -m m.h5 -o o.h5 f.h5
        [ "$stderr" = "va-predict: --device $device: expected auto, cpu, cuda or cuda:N (try --help)" ] || explain "$stderr"
    done
    # The program alone, where nothing is beside it.
    mkdir bin && cp "$BUILD/bin/va-predict" bin
    PATH=$PWD/bin:$PATH refused VA_CUDA= cuda "this build has no GPU support, expected cpu"
    if [ -e "$BUILD/lib/libvacuda.so" ] && [ ! -e /dev/nvidiactl ]; then
        refused VA_CUDA= cuda "no NVIDIA driver here (libcuda.so.1)"
    fi
}

@test "auto takes a GPU that is there, else the CPU, and -v says why" {
    make_features --video a --dim 6 --frames 40 f.h5
    va-weights init -q --arch mamba-va --in-dim 6 --channels 8,6 --kernel 3 --layers 1 --hidden 4 -o m.h5
    va-predict -q -m m.h5 --device cpu -o cpu.h5 f.h5
    VA_CUDA=./none.so run -0 --separate-stderr va-predict -v -m m.h5 -o auto.h5 f.h5
    grep -q 'auto: no cuda: ./none.so: cannot open' <<<"$stderr" || explain "$stderr"
    cmp cpu.h5 auto.h5
    va-predict -q -m m.h5 -o gpu.h5 f.h5
    same_numbers --abs 1e-5 cpu.h5 gpu.h5
}

@test "a library in a path with blanks and quotes, relative or not" {
    make_features --video a --dim 6 --frames 4 f.h5
    va-weights init -q --arch mamba-va --in-dim 6 --channels 8,6 --kernel 3 --layers 1 --hidden 4 -o m.h5
    mkdir "it's \"one\"" && cp "$VA_CUDA" "it's \"one\"/lib va.so"
    VA_CUDA="it's \"one\"/lib va.so" va-predict -q --device cuda:0 -m m.h5 -o a.h5 f.h5
    VA_CUDA="$PWD/it's \"one\"/lib va.so" va-predict -q --device cuda -m m.h5 -o b.h5 f.h5
    cmp a.h5 b.h5
    # installed: beside the program's folder
    mkdir -p here/bin here/lib
    cp "$BUILD/bin/va-predict" here/bin
    cp "$VA_CUDA" here/lib
    for empty in -uVA_CUDA VA_CUDA=; do
        env "$empty" here/bin/va-predict -q --device cuda -m m.h5 -o c.h5 f.h5
        cmp a.h5 c.h5
    done
}
