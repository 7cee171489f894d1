#!/usr/bin/env bats
# Encoders that are more than plain vision transformers through va-weights and va-embed and back, on fresh
# weights. Needs a Python with torch, timm and others, named by PY or found as python3; cases of transformers are
# left out where it is missing. SEED chooses the case.
bats_require_minimum_version 1.8.0
load lib/va

setup() {
    local modules="torch timm numpy PIL h5py safetensors" lacking
    export PY=${PY:-python3} seed=${SEED:-$(date +%s)}
    export reference=$BATS_TEST_DIRNAME/reference PYTHONDONTWRITEBYTECODE=1
    # shellcheck disable=SC2086 # words
    lacking=$("$PY" -c 'import importlib.util, sys
print(*[m for m in sys.argv[1:] if not importlib.util.find_spec(m)])' $modules) || lacking=$modules
    [ -z "$lacking" ] || skip "no Python module ${lacking%% *} (set PY to a Python that has it)"
    cd "$BATS_TEST_TMPDIR" || return 1
    echo "# seed $seed" >&3
}

@test "rows are those of the libraries, exports load into timm's models" {
    "$PY" "$reference/variants.py" write . --seed "$seed"
    for case in */; do
        cd "$BATS_TEST_TMPDIR/$case"
        read -ra said <options
        va-weights import -q "${said[@]}" -o e.h5 weights*
        va-embed -q -w e.h5 -o features.h5 pictures
        va-weights export -o out.safetensors e.h5
    done
    cd ..
    "$PY" "$reference/variants.py" check . --seed "$seed"
}
