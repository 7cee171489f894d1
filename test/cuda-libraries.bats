#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031 # tests change variables for themselves
# What the GPU library opens of NVIDIA's when it is first needed: where it is looked for, and what is declared of it.
bats_require_minimum_version 1.8.0
load lib/va

setup() { cd "$BATS_TEST_TMPDIR" || return 1; }

@test "libraries are looked for on the loader's path, below CUDA_HOME, in wheels" {
    cat >ask.cc <<'END'
#include "cuda/va_find.h"
#include <stdio.h>
int main()
{
    static const char *const files[] = { "libva_one.so.3", "libva_one.so.2", NULL };
    static const char *const wheels[] = { "nvidia/one/lib", "nvidia/two/lib", NULL };
    static const struct va_wanted wanted = { "VA_ONE", files, wheels };
    struct va_found found = va_find(&wanted);

    printf("%d %s\n", found.library ? *(int *)va_find_symbol(&found, "number") : 0, found.words);
}
END
    "${CXX:-g++}" -std=c++20 -I"$BATS_TEST_DIRNAME/.." -o ask ask.cc \
        "$BATS_TEST_DIRNAME/../cuda/va_find.cc" -ldl
    number=0
    make_library() { # make_library FILE
        mkdir -p "${1%/*}"
        number=$((number + 1))
        echo "int number = $number;" | "${CC:-gcc}" -shared -o "$1" -x c -
    }
    export HOME=$PWD/home CUDA_HOME="$PWD/a toolkit" VIRTUAL_ENV=$PWD/venv CONDA_PREFIX='' LD_LIBRARY_PATH=$PWD/path
    unset VA_ONE
    [ "$(./ask)" = "0 no libva_one.so.3 where the loader, CUDA_HOME and Python have libraries" ]
    # Each of them comes before those that were there.
    for file in home/.local/lib/python3.9/site-packages/nvidia/two/lib/libva_one.so.2 \
        venv/lib/python3.11/site-packages/nvidia/one/lib/libva_one.so.2 \
        "a toolkit/lib/libva_one.so.2" "a toolkit/lib/libva_one.so.3" "a toolkit/lib64/libva_one.so.2" \
        path/libva_one.so.2 path/libva_one.so.3; do
        make_library "$file"
        [ "$(./ask)" = "$number $PWD/$file" ] || explain "$file: $(./ask)"
    done
    echo "no library" >path/libva_one.so.3
    [ "$(./ask)" = "6 $PWD/path/libva_one.so.2" ]
    [ "$(VA_ONE=no ./ask)" = "0 VA_ONE=no" ]
    [ "$(VA_ONE=./venv/lib/python3.11/site-packages/nvidia/one/lib/libva_one.so.2 ./ask | cut -d ' ' -f 1)" = 2 ]
    [ "$(VA_ONE=./none ./ask)" = "0 VA_ONE: ./none: cannot open shared object file: No such file or directory" ]
}

@test "what is declared of NCCL and cuBLASLt is what their headers say" {
    compared=0
    for name in nccl:nccl lt:cublasLt; do
        for include in "${CUDA_HOME:-/usr/local/cuda}/include" /usr/local/cuda/include /usr/include; do
            if [ -e "$include/${name#*:}.h" ] && [ -e "$include/cuda_runtime.h" ]; then
                "${CXX:-g++}" -std=c++20 -fsyntax-only -I"$BATS_TEST_DIRNAME/.." -I"$include" \
                    "$BATS_TEST_DIRNAME/cuda/${name%:*}_facts.cc"
                compared=$((compared + 1))
                break
            fi
        done
    done
    [ $compared -gt 0 ] || skip "no headers of NVIDIA's here"
}
