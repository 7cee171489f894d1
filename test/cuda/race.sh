#!/usr/bin/env bash
# test/cuda/race.sh [LIBRARY] - the operations' unit tests under the sanitizer of threads, to which every thread of a
# kernel is a thread. Ends with 1 where one fails or races.
set -u
cd "$(dirname "$0")/../.." || exit
BUILD=${BUILD:-build} bad=0 log=$(mktemp)
trap 'rm -f "$log"' EXIT
export VA_CUDA=${1:-$BUILD/emu/race/libvacuda.so} VA_TEST_DEVICE=cuda
export TSAN_OPTIONS="halt_on_error=1 exitcode=66 report_thread_leaks=0" LD_PRELOAD
still=()
! setarch -R true 2>/dev/null || still=(setarch -R)
for program in test_ops test_ops_products test_ops_time test_ops_pictures test_bf16 test_int8; do
    LD_PRELOAD=$("${CXX:-g++}" -print-file-name=libtsan.so) "${still[@]}" "$BUILD/test/unit/$program" >"$log" 2>&1
    case $? in
    0) echo "ok $program" ;;
    *)
        bad=1
        echo "not ok $program"
        grep -E -A12 '^not ok|WARNING|^emu' "$log" | head -n 40
        ;;
    esac
done
exit $bad
