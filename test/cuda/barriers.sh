#!/usr/bin/env bash
# test/cuda/barriers.sh [FILE.cu...] - takes one barrier or wait out of the kernels at a time, and says who notices:
# values (a unit test fails, or the executor stops), orders (bytes depend on the order of threads), races (the sanitizer
# of threads). Ends with 1 where nobody does: the barrier is not needed, or the tests are not good enough.
set -u
cd "$(dirname "$0")/../.." || exit
export BUILD=${BUILD:-build}
mutant=$(mktemp -d) missed=0
trap 'rm -rf "$mutant"' EXIT
[ $# -gt 0 ] || set -- cuda/*.cu cuda/*.h
flags=(-std=c++20 -O1 -Icommon -I. -fPIC -fvisibility=hidden -fno-exceptions -fno-rtti -fno-threadsafe-statics -Wno-unknown-pragmas)

# The library of a folder in place of cuda/, of one kind; only FILE is compiled where it is no header.
library() { # library KIND FILE
    local kind=$1 source object objects=()
    local extra=()
    [ "$kind" != race ] || extra=(-fsanitize=thread)
    for source in cuda/*.cu cuda/*.cc; do
        case $source in *_cuda.cu | *_lt.cc) continue ;; esac
        object=$BUILD/emu/$kind/$source.o
        if [ "$source" = "$2" ] || { [[ $2 == *.h ]] && grep -q VA_LAUNCH "$source"; }; then
            object=$mutant/$kind.$(basename "$source").o
            g++ "${flags[@]}" "${extra[@]}" -I"$mutant" -c -o "$object" -x c++ "$mutant/$source" || exit 2
        fi
        objects+=("$object")
    done
    g++ "${extra[@]}" -shared -o "$mutant/$kind.so" "${objects[@]}" -lm
}

sums() {
    local order
    for order in forward reverse random:1 random:2; do
        VA_EMU_ORDER=$order VA_CUDA=$mutant/plain.so VA_TEST_DEVICE=cuda "$BUILD/test/unit/test_ops_same" sum 2>&1
    done | sort -u | wc -l
}

values() {
    local program order
    for program in test_ops test_ops_products test_ops_time test_ops_pictures test_bf16 test_int8; do
        for order in forward random:1; do
            VA_EMU_ORDER=$order VA_CUDA=$mutant/plain.so VA_TEST_DEVICE=cuda "$BUILD/test/unit/$program" >/dev/null 2>&1 || return
        done
    done
    return 1
}

for file; do
    while IFS=: read -r line _; do
        rm -rf "$mutant/cuda" && cp -r cuda "$mutant"
        sed -i "${line}s/__sync[a-z]*([^;]*;//; ${line}s/va_copy_wait<[^;]*;//" "$mutant/$file"
        by=
        library plain "$file" || exit
        [ "$(sums)" -eq 1 ] || by+=" orders"
        ! values || by+=" values"
        if [ -z "$by" ]; then
            library race "$file" || exit
            test/cuda/race.sh "$mutant/race.so" >/dev/null || by=" races"
        fi
        echo "$file:$line:${by:- nobody}"
        [ -n "$by" ] || missed=1
    done < <(grep -nE '__sync(threads|warp)\(|va_copy_wait<' "$file" | grep -vE '^[0-9]+: *(\*|static|template|/)')
done
exit $missed
