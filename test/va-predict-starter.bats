#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# The starter model: mini-Xception, which rates crops of faces by their expressions.
bats_require_minimum_version 1.8.0
load lib/va
setup() { cd "$BATS_TEST_TMPDIR" || return; }

@test "mini-Xception: valence and arousal as Keras' layers give them, on random weights" {
    python_with numpy h5py
    make_frames --frames 40 --width 64 --height 64 --video a a.h5
    "$PY" "$BATS_TEST_DIRNAME/reference/mini_xception.py" 7 net.hdf5 a.h5 >expected
    va-weights import -o net.h5 net.hdf5
    run -0 --separate-stderr va-predict -m net.h5 -o p.h5 a.h5
    [ "$stderr" = "va-predict: net.h5: rough values of the starter model: not for research" ] || explain "$stderr"
    column p.h5 /videos/a/va | xargs -n 2 | paste -d ' ' - expected |
        awk '{ a = ($1 - $3) ^ 2; b = ($2 - $4) ^ 2; s += $3 ^ 2; if (a > 1e-10 || b > 1e-10) { print; exit 1 } }
             END { exit !(NR == 40 && s > .01) }'
    # what is made of it keeps the note
    va-smooth -o s.h5 p.h5
    va-ensemble -o e.h5 s.h5 p.h5
    for f in p s e; do h5dump -a note $f.h5 | grep -q "values of the starter"; done
    # its features are the probabilities of the expressions, from which it rates the same
    va-embed -w net.h5 -o f.h5 a.h5
    column f.h5 /features | xargs -n 7 | awk '{ s = 0; for (i = 1; i <= NF; i++) s += $i; if (NF != 7 || (s - 1) ^ 2 > 1e-10) exit 1 }'
    va-predict -q -m net.h5 -o q.h5 f.h5
    [ "$(column p.h5 /videos/a/va)" = "$(column q.h5 /videos/a/va)" ]
    # a model file of it is a model file
    va-weights export -o net.safetensors net.h5
    va-weights import -o again.h5 net.safetensors
    va-h5cmp net.h5 again.h5
}

@test "mini-Xception: what does not go with it" {
    python_with numpy h5py
    make_frames --frames 3 --width 64 --height 64 --video a a.h5
    "$PY" "$BATS_TEST_DIRNAME/reference/mini_xception.py" 1 net.hdf5 a.h5 >/dev/null
    va-weights import -o net.h5 net.hdf5
    wrong() { # TEXT PYTHON: the file after a change
        cp net.hdf5 bad.hdf5
        "$PY" -c "import h5py; f = h5py.File('bad.hdf5', 'a'); g = f['model_weights']; $2"
        run -3 --separate-stderr va-weights import -o bad.h5 bad.hdf5
        [ "$stderr" = "va-weights: bad.hdf5: $1" ] || explain "$stderr"
        [ ! -e bad.h5 ]
    }
    wrong "/model_weights/conv2d_4: not found, expected the layers of mini-Xception" "del g['conv2d_4']"
    wrong "/model_weights/conv2d_2: found 2 members, expected one group" "g['conv2d_2/x'] = 1"
    wrong "batch_normalization_1: gamma has 9 numbers, expected 8" \
        "del g['batch_normalization_1/batch_normalization_1_1/gamma:0']; g['batch_normalization_1/batch_normalization_1_1/gamma:0'] = __import__('numpy').ones(9, 'f4')"
    wrong "separable_conv2d_1: found 2 kernels a channel, expected 1" \
        "n = 'separable_conv2d_1/separable_conv2d_1_1/depthwise_kernel:0'; del g[n]; g[n] = __import__('numpy').ones((3, 3, 8, 2), 'f4')"
    run -3 --separate-stderr va-weights import --image 96 -o bad.h5 net.hdf5
    [ "$stderr" = "va-weights: net.hdf5: found a net for expressions, expected an encoder for --image 96" ] || explain "$stderr"
}

@test "the published starter is imported as it is" {
    starter=$BUILD/share/mamba-va/starter.h5
    [ -f "$starter" ] || skip "no starter model (make deps WITH=starter)"
    va-weights info "$starter" | grep -qP '^setting\tarch\tmini-xception'
    clip=$BATS_TEST_DIRNAME/../../shared/data/clips/single_face.mp4
    [ -f "$clip" ] || skip "no clip of a face"
    va-decode -q -o f.h5 "$clip"
    va-predict -q -m "$starter" -o p.h5 f.h5
    va-check p.h5
}
