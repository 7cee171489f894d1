#!/usr/bin/env bats
# Models against PyTorch on fresh weights and sizes. Needs a Python with torch and numpy, named by PY
# or found as python3; SEED chooses the case.
bats_require_minimum_version 1.8.0
load lib/va

python_with() { # python_with MODULE...: the interpreter, or a reason to skip
    local module
    PY=${PY:-python3}
    for module; do
        "$PY" -c "import $module" 2>/dev/null || skip "no Python module $module (set PY to a Python that has it)"
    done
}

@test "every temporal model: predictions, gradients and twenty steps of training" {
    python_with torch numpy
    seed=${SEED:-$(date +%s)}
    echo "# seed $seed" >&3
    "$PY" "$BATS_TEST_DIRNAME/reference/make.py" "$BATS_TEST_TMPDIR/golden" --seed "$seed"
    cd "$BATS_TEST_DIRNAME/.."
    VA_GOLDEN=$BATS_TEST_TMPDIR/golden run -0 "$BUILD/test/unit/test_reference"
    [ "${lines[-1]}" = "18 passed, 0 failed" ]
}
