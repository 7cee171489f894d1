#!/usr/bin/env bash
# on-gpu.sh [OUT] - in the folder of make gpu-kit, on a machine with an NVIDIA GPU: is all of it right there, and how
# fast? Needs the driver alone; compute-sanitizer is used where it is on PATH. At most nine minutes.
# Results go to OUT (default: results), a file a step, and a line each to the standard output.
set -u
cd "$(dirname "$0")" || exit
out=${1:-results} began=$SECONDS bad=0
[ -d bin ] || tar -xzf kit.tar.gz || exit
mkdir -p "$out"
out=$(cd "$out" && pwd)
export PATH=$PWD/bin:$PATH LD_LIBRARY_PATH=$PWD/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export VA_CUDA=$PWD/lib/libvacuda.so VA_TEST_DEVICE=cuda

# step NAME SECONDS COMMAND...: its output to OUT/NAME; at most so long, and never beyond the ninth minute
step() {
    local name=$1 limit=$2 left=$((540 - SECONDS + began)) rc=0
    shift 2
    [ "$left" -lt "$limit" ] && limit=$left
    if [ "$limit" -lt 5 ]; then
        echo "skip $name: no time left"
        return
    fi
    timeout "$limit" "$@" >"$out/$name" 2>&1 || rc=$?
    if [ $rc -eq 0 ]; then
        echo "ok $name"
    else
        bad=1
        echo "not ok $name: exit $rc: $(tail -n 1 "$out/$name")"
    fi
}

step card.txt 10 nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm --format=csv
for test in test_ops test_ops_products test_ops_time test_ops_pictures test_bf16 test_int8 test_golden_ops test_golden_temporal \
    test_mae test_vit test_yunet; do
    step "$test.txt" 60 "$test"
done
step same-bytes.txt 30 bash -c 'for run in 1 2 3 4; do test_ops_same sum || exit; done | sort -u | tee /dev/stderr | wc -l | grep -qx 1'

if command -v compute-sanitizer >/dev/null; then
    for tool in memcheck racecheck initcheck; do
        step "$tool.txt" 90 compute-sanitizer --tool $tool --error-exitcode 9 bin/test_ops_time
    done
else
    echo "skip compute-sanitizer: not on PATH"
fi

step curve.txt 60 ./curve.sh

for row in "vit cls-f32 --batch 64" "vit cls-bf16 --batch 256" "env VA_CUDA_BLAS=no vit cls-bf16 --batch 256" "temporal step" "temporal forward" "temporal conv-fwd" "temporal adamw" \
    "scan scan-fwd" "scan scan" "encoder finetune"; do
    # shellcheck disable=SC2086 # words
    step "bench-$(tr ' ' '-' <<<"$row").json" 60 $row -n 20
done
cat "$out"/bench-*.json >"$out/bench.jsonl" 2>/dev/null
exit $bad
