#!/usr/bin/env bats
# Encoders of timm through va-weights and va-embed and back, on fresh weights. Needs a Python with
# torch, timm and others, named by PY or found as python3; SEED chooses the case.
bats_require_minimum_version 1.8.0
load lib/va

setup_file() {
    local modules="torch timm numpy PIL h5py safetensors"
    export PY=${PY:-python3} seed=${SEED:-$(date +%s)} lacking=
    export reference=$BATS_TEST_DIRNAME/reference PYTHONDONTWRITEBYTECODE=1
    # shellcheck disable=SC2086 # words
    lacking=$("$PY" -c 'import importlib.util, sys
print(*[m for m in sys.argv[1:] if not importlib.util.find_spec(m)])' $modules) || lacking=$modules
    [ -n "$lacking" ] || "$PY" "$reference/encoders.py" write "$BATS_FILE_TMPDIR" --seed "$seed"
}

setup() {
    [ -z "$lacking" ] || skip "no Python module ${lacking%% *} (set PY to a Python that has it)"
    cd "$BATS_FILE_TMPDIR" || return 1
    echo "# seed $seed" >&3
}

# through CASE LARGER: import, embed and export a model of timm
through() {
    cd "$BATS_FILE_TMPDIR/$1" || return
    read -ra said <options
    va-weights import -q "${said[@]}" -o e.h5 weights.pth
    va-weights import -q "${said[@]}" -o again.h5 weights.safetensors
    va-h5cmp e.h5 again.h5
    va-weights import -q "${said[@]}" --image "$2" -o large.h5 weights.pth
    rm weights.* again.h5
    va-embed -q -w e.h5 -o features.h5 pictures
    va-embed -q -w large.h5 -o larger.h5 large
    va-weights export -o out.safetensors e.h5
    cd ..
}

@test "small vision transformers of timm; one with 14 pixels a patch, 18 numbers a head" {
    through tiny 48
    through odd 98
    "$PY" "$reference/encoders.py" check . tiny odd --seed "$seed"
}

@test "vit_base_patch16_224 as timm initialises it" {
    through base 256
    "$PY" "$reference/encoders.py" check . base --seed "$seed"
    rm -r base
}

@test "tables of positions of other sizes, as timm resamples them" {
    mkdir -p golden/positions
    "$PY" "$reference/positions.py" golden/positions/cases.safetensors --seed "$seed"
    cd "$BATS_TEST_DIRNAME/.."
    VA_GOLDEN=$BATS_FILE_TMPDIR/golden run -0 "$BUILD/test/unit/test_positions"
    [ "${lines[-1]}" = "3 passed, 0 failed" ]
}
