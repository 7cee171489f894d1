#!/usr/bin/env bash
# test/cuda/barriers.sh [FILE...] - takes one barrier or wait out of the kernels at a time, and says who notices first:
# values (a unit test fails, or the executor stops), orders (bytes depend on the order of threads), races (the sanitizer
# of threads). Ends with 1 where nobody does: the barrier is not needed, or the tests are not good enough; and with 2
# where kernels as they are do not pass, or one without its barrier does not compile.
set -u
cd "$(dirname "$0")/../.." || exit
export BUILD=${BUILD:-build}
mutant=$(mktemp -d) missed=0
trap 'rm -rf "$mutant"' EXIT
[ $# -gt 0 ] || set -- cuda/*.cu cuda/*.h
plain=$BUILD/emu/plain/libvacuda.so
flags=(-std=c++20 -O1 -I"$mutant" -Icommon -I. -fPIC -fvisibility=hidden -fno-exceptions -fno-rtti
    -fno-threadsafe-statics -Wno-unknown-pragmas)

# The unit programs, those first that are most likely to notice.
programs() { # programs FILE
    local all=(test_ops test_ops_products test_ops_time test_bf16 test_block test_ops_pictures test_int8) first
    case $1 in
    *attention_half*) first=(test_block test_bf16) ;;
    *scan* | *recurrent* | *attention*) first=(test_ops_time test_bf16) ;;
    *half*) first=(test_bf16) ;;
    *linear* | *product* | *conv* | *weight_grad*) first=(test_ops_products) ;;
    *) first=() ;;
    esac
    printf '%s\n' "${first[@]}" "${all[@]}" | awk 'NF && !seen[$0]++'
}

# The library with the folder of the mutant in place of cuda/, of one kind; what FILE is not part of is there.
library() { # library KIND FILE
    local kind=$1 object extra=() stale=()
    [ "$kind" != race ] || extra=(-fsanitize=thread)
    rm -rf "${mutant:?}/$kind" && mkdir "$mutant/$kind"
    for object in "$BUILD/emu/$kind"/cuda/*.o; do
        if grep -qE "(^| )$2( |\$)" "${object%.o}.d"; then
            stale+=("$(basename "$object" .o)")
        else
            cp "$object" "$mutant/$kind"
        fi
    done
    printf '%s\n' "${stale[@]}" | xargs -P 2 -I FILE "${CXX:-g++}" "${flags[@]}" "${extra[@]}" -c \
        -o "$mutant/$kind/FILE.o" -x c++ "$mutant/cuda/FILE" || return
    "${CXX:-g++}" "${extra[@]}" -shared -o "$mutant/$kind.so" "$mutant/$kind"/*.o -lm
}

sums() { # sums LIBRARY
    local order program
    for order in forward reverse random:1 random:2; do
        for program in test_ops_same test_block; do
            VA_EMU_ORDER=$order VA_CUDA=$1 VA_TEST_DEVICE=cuda timeout 300 "$BUILD/test/unit/$program" sum 2>&1
        done | xargs
    done | sort -u
}

fails() { # fails LIBRARY FILE
    local program order
    for program in $(programs "$2"); do
        for order in forward random:1 reverse; do
            VA_EMU_ORDER=$order VA_CUDA=$1 VA_TEST_DEVICE=cuda timeout 300 "$BUILD/test/unit/$program" >/dev/null 2>&1 || return 0
        done
    done
    return 1
}

# Who notices: one word, or "nobody".
notices() { # notices FILE
    library plain "$1" || exit 2
    ! fails "$mutant/plain.so" "$1" || { echo values && return; }
    [ "$(sums "$mutant/plain.so")" = "$right" ] || { echo orders && return; }
    library race "$1" || exit 2
    # shellcheck disable=SC2046 # words
    ! test/cuda/race.sh "$mutant/race.so" $(programs "$1") | grep -q 'data race' || { echo races && return; }
    echo nobody
}

right=$(sums "$plain")
if fails "$plain" '' || [ "$(wc -l <<<"$right")" -ne 1 ]; then
    echo "barriers.sh: $plain as it is does not pass: nothing can be said" >&2
    exit 2
fi
for file; do
    while IFS=: read -r line _; do
        rm -rf "$mutant/cuda" && cp -r cuda "$mutant"
        sed -i "${line}s/__sync[a-z]*([^;]*;//; ${line}s/va_copy_wait<[^;]*;//" "$mutant/$file"
        by=$(notices "$file") || exit
        echo "$file:$line: $by"
        [ "$by" != nobody ] || missed=1
    done < <(grep -nE '__sync(threads|warp)\(|va_copy_wait<' "$file" | grep -vE '^[0-9]+: *(\*|static|template|/)')
done
exit $missed
