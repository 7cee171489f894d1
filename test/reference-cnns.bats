#!/usr/bin/env bats
# Convolutional encoders of timm through va-weights, va-embed and va-predict and back, on fresh weights. Needs a
# Python with torch, timm and others, named by PY or found as python3; SEED chooses the case.
bats_require_minimum_version 1.8.0
load lib/va

@test "EfficientNet with both paddings at odd sizes, MobileFaceNet: features, ratings, and back" {
    python_with torch timm numpy PIL h5py safetensors
    local reference=$BATS_TEST_DIRNAME/reference seed=${SEED:-$(date +%s)}
    export PYTHONDONTWRITEBYTECODE=1
    echo "# seed $seed" >&3
    cd "$BATS_TEST_TMPDIR"
    "$PY" "$reference/cnns.py" write . --seed "$seed"
    for case in */; do
        (
            cd "$case"
            read -ra said <options
            va-weights import -q "${said[@]}" -o e.h5 weights.pth
            for same in weights.safetensors module.pt; do
                va-weights import -q "${said[@]}" -o again.h5 "$same"
                va-h5cmp e.h5 again.h5
            done
            va-embed -q -w e.h5 -o features.h5 pictures
            va-weights export -o out.safetensors e.h5
            if [ "$(va-weights info e.h5 | grep -c classifier.weight)" -gt 0 ]; then
                va-predict -q -m e.h5 -o p.h5 --text ratings features.h5
            fi
        )
    done
    "$PY" "$reference/cnns.py" check . --seed "$seed"
}
