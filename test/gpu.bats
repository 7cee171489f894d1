#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# What make gpu-kit packs runs from end to end where there is no GPU: programs that stand in for all others say what
# they would, and on-gpu.sh makes its files of that.
bats_require_minimum_version 1.8.0
load lib/va

# stand_in NAME SCRIPT: a program of the kit, or of the machine
stand_in() {
    printf '#!/bin/bash\n%s\n' "$2" >"$1"
    chmod +x "$1"
}

setup() {
    cd "$BATS_TEST_TMPDIR" && mkdir -p kit/bin kit/lib machine && cp "$BATS_TEST_DIRNAME"/gpu/{on-gpu.sh,peers.py} kit
    local name
    for name in test_ops test_ops_products test_ops_time test_ops_pictures test_bf16 test_block test_int8 test_golden_ops \
        test_golden_temporal test_mae test_vit test_yunet test_ops_same; do
        stand_in kit/bin/$name 'echo 5 passed, 0 failed'
    done
    for name in vit temporal scan encoder; do
        # shellcheck disable=SC2016 # of the script
        stand_in kit/bin/$name 'echo "{\"row\": \"$1\", \"median_s\": 0.002, \"min_s\": 0.001}"'
    done
    stand_in kit/curve.sh 'echo 50 steps'
    stand_in machine/nvidia-smi 'echo NVIDIA H200'
    # shellcheck disable=SC2016
    stand_in machine/ncu 'echo "$@"'
    stand_in machine/compute-sanitizer 'exit 9'
    # shellcheck disable=SC2016
    stand_in machine/python 'case $1 in -c) ;; *) echo a warning; echo "{\"row\": \"$2\", \"median_s\": 5e-03}" ;; esac'
    PATH=$PWD/machine:$PATH
}

@test "tests, benchmarks, peers, counters; a step that fails is named, and the rest goes on" {
    PY=$PWD/machine/python run -1 --separate-stderr kit/on-gpu.sh out
    [ "$(grep -c '^ok test_' <<<"$output")" -eq 13 ] || explain "$output"
    [ "$(grep '^not ok' <<<"$output")" = $'not ok memcheck.txt: exit 9: \nnot ok racecheck.txt: exit 9: \nnot ok initcheck.txt: exit 9: ' ] ||
        explain "$output"
    [ "$(awk '{ print $1, $2, $3, $4 }' kit/out/ratios.txt)" = "cls-bf16 0.002 5e-03 2.50
finetune-bf16 0.002 5e-03 2.50
tcn-bf16 0.002 5e-03 2.50
scan-fwd 0.002 5e-03 2.50
scan 0.002 5e-03 2.50
step-bf16 0.002 5e-03 2.50" ] || explain "$(cat kit/out/ratios.txt)"
    grep -q -- '-k regex:^scan -c 2 .* scan scan -n 1$' kit/out/ncu-scan.csv
    grep -q 'NVIDIA H200' kit/out/card.txt
}

@test "without PyTorch, ncu and compute-sanitizer: they are left out, and that is said" {
    rm machine/ncu machine/compute-sanitizer
    command -v ncu compute-sanitizer && skip "they are on PATH here"
    PY=/none/python run -0 --separate-stderr kit/on-gpu.sh
    [ "$(grep '^skip' <<<"$output")" = "skip peers: /none/python has no PyTorch that finds a GPU (PY=/path/of/python)
skip ncu: not on PATH
skip compute-sanitizer: not on PATH" ] || explain "$output"
    [ -s kit/results/bench.jsonl ]
    [ ! -s kit/results/ratios.txt ]
}

@test "PyTorch peers compute at toy sizes" {
    "${PY:-python3}" -c 'import torch' 2>/dev/null || skip "no PyTorch (PY=/path/of/python)"
    run -0 --separate-stderr "${PY:-python3}" kit/peers.py --device cpu --small --eager -n 1 vit finetune tcn scan-fwd scan step
    [ "$(sed -n 's/.*"row": "\([^"]*\)".*"median_s": [0-9.e-]*.*/\1/p' <<<"$output" | paste -sd' ')" = "vit finetune tcn scan-fwd scan step" ] ||
        explain "$output"
}
