#!/usr/bin/env bash
# on-gpu.sh [OUT] - in the folder of make gpu-kit, on a machine with an NVIDIA GPU: is all of it right there, and how
# fast? Needs the driver alone. Peers are timed with a Python that has PyTorch for the GPU (PY, or python3); ncu and
# compute-sanitizer are used where they are on PATH. At most nine minutes.
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
for test in test_ops test_ops_products test_ops_time test_ops_pictures test_bf16 test_block test_int8 test_golden_ops test_golden_temporal \
    test_mae test_vit test_yunet; do
    step "$test.txt" 60 "$test"
done
step test_block-cublas.txt 60 env VA_CUDA_BLAS= test_block
step same-bytes.txt 30 bash -c 'for run in 1 2 3 4; do test_ops_same sum || exit; done | sort -u | tee /dev/stderr | wc -l | grep -qx 1'

step curve.txt 60 ./curve.sh

# Rows of ours, and of PyTorch where it is the same (peers.py).
for row in "vit cls-f32 --batch 64" "vit cls-bf16 --batch 256" "env VA_CUDA_BLAS=no vit cls-bf16 --batch 256" "temporal step" "temporal step-bf16" \
    "temporal tcn-bf16" "temporal forward-bf16" "temporal conv-fwd-bf16" "temporal adamw" "scan scan-fwd" "scan scan" "encoder finetune-bf16"; do
    # shellcheck disable=SC2086 # words
    step "bench-$(tr ' ' '-' <<<"$row").json" 40 $row -n 20
done
PY=${PY:-python3}
if env -u LD_LIBRARY_PATH "$PY" -c 'import torch; assert torch.cuda.is_available()' 2>/dev/null; then
    for row in vit finetune tcn scan-fwd scan step; do
        step "peer-$row.json" 60 env -u LD_LIBRARY_PATH "$PY" peers.py $row
    done
else
    echo "skip peers: $PY has no PyTorch that finds a GPU (PY=/path/of/python)"
fi
cat "$out"/bench-*.json >"$out/bench.jsonl" 2>/dev/null
cat "$out"/peer-*.json >"$out/peers.jsonl" 2>/dev/null

# ratio ROW PEER: seconds of both, theirs by ours
median() { sed -n "s/.*\"row\": \"$2\".*\"median_s\": \([0-9.e-]*\).*/\1/p" "$out/$1" 2>/dev/null | tail -n 1; }
ratio() {
    awk -v row="$1" -v ours="$(median bench.jsonl "$1")" -v peer="$(median peers.jsonl "$2")" \
        'BEGIN { if (ours > 0 && peer > 0) printf "%-14s %12s %12s %7.2f\n", row, ours, peer, peer / ours }'
}
{
    ratio cls-bf16 vit
    ratio finetune-bf16 finetune
    ratio tcn-bf16 tcn
    ratio scan-fwd scan-fwd
    ratio scan scan
    ratio step-bf16 step
} | tee "$out/ratios.txt"

# counters NAME KERNELS COUNT COMMAND...: of the first launches of these kernels
counters() {
    step "ncu-$1.csv" 60 ncu --csv --clock-control none -k "regex:$2" -c "$3" --metrics \
        gpu__time_duration.sum,sm__throughput.avg.pct_of_peak_sustained_elapsed,dram__throughput.avg.pct_of_peak_sustained_elapsed,smsp__issue_active.avg.pct_of_peak_sustained_active,l1tex__data_bank_conflicts_pipe_lsu.sum \
        "${@:4}"
}
if command -v ncu >/dev/null; then
    counters scan '^scan' 2 scan scan -n 1
    counters encoder 'half_kernel|attention_half|norm' 6 env VA_CUDA_BLAS=no vit cls-bf16 --batch 64 -n 1
    counters temporal 'conv_kept|normed_step' 4 temporal step-bf16 -n 1
else
    echo "skip ncu: not on PATH"
fi

if command -v compute-sanitizer >/dev/null; then
    for tool in memcheck racecheck initcheck; do
        step "$tool.txt" 90 compute-sanitizer --tool $tool --error-exitcode 9 bin/test_ops_time
    done
else
    echo "skip compute-sanitizer: not on PATH"
fi
exit $bad
