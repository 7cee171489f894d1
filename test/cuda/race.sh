#!/usr/bin/env bash
# test/cuda/race.sh [LIBRARY [PROGRAM...]] - the operations' unit tests under the sanitizer of threads, to which every
# thread of a kernel is a thread. Ends with 1 at the first program that fails or races.
set -u
cd "$(dirname "$0")/../.." || exit
BUILD=${BUILD:-build} log=$(mktemp)
trap 'rm -f "$log"' EXIT
export VA_CUDA=${1:-$BUILD/emu/race/libvacuda.so} VA_TEST_DEVICE=cuda
export TSAN_OPTIONS="halt_on_error=1 exitcode=66 report_thread_leaks=0"
still=()
! setarch -R true 2>/dev/null || still=(setarch -R)
tsan=$("${CXX:-g++}" -print-file-name=libtsan.so)
[ $# -gt 1 ] || set -- "" test_ops test_ops_products test_ops_time test_ops_pictures test_bf16 test_block test_int8
for program in "${@:2}"; do
    if ! LD_PRELOAD=$tsan "${still[@]}" "$BUILD/test/unit/$program" >"$log" 2>&1; then
        echo "not ok $program"
        grep -E -A12 '^not ok|WARNING|^emu' "$log" | head -n 40
        exit 1
    fi
    echo "ok $program"
done
