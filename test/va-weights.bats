#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# va-weights makes, imports, exports and describes models.
bats_require_minimum_version 1.8.0
load lib/va

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return 1
    va-weights init --arch mamba-va --in-dim 6 --channels 5,4 --kernel 3 --layers 2 --d-state 3 \
        --hidden 3 --seed 5 -o head.h5
    va-weights export -o head.safetensors head.h5
    va-weights init --arch vit_tiny -o tiny.h5
}
setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    cp "$BATS_FILE_TMPDIR"/head.h5 "$BATS_FILE_TMPDIR"/head.safetensors .
    golden=$BATS_TEST_DIRNAME/golden
}

# setting FILE KEY: the value that info prints
setting() { va-weights info "$1" | awk -F '\t' -v k="$2" '$1 == "setting" && $2 == k { print $3 }'; }

@test "generic battery of import" {
    generic_battery "va-weights import" -o out.h5 head.safetensors
}

@test "generic battery of import from va.model/1" {
    generic_battery "va-weights import" -o out.h5 head.h5
}

@test "generic battery of export" {
    generic_battery "va-weights export" -o out.safetensors head.h5
}

@test "generic battery of init" {
    generic_battery "va-weights init" --arch mamba-va --channels 4,3 --in-dim 2 -o out.h5
}

@test "generic battery of info" {
    generic_battery "va-weights info" head.h5
}

@test "what is exported and imported again is the same model" {
    va-weights import -o again.h5 head.safetensors
    va-h5cmp head.h5 again.h5
    va-weights export -o again.safetensors again.h5
    cmp head.safetensors again.safetensors
    va-check head.h5 again.h5 "$BATS_FILE_TMPDIR/tiny.h5"
}

@test "import of safetensors takes less memory than the file: values go from file to file" {
    va-weights init --arch mamba-va --in-dim 512 --channels 512 --kernel 3 --layers 40 -o base.h5
    va-weights export -o base.safetensors base.h5
    va-weights --version | grep -q sanitize || ulimit -d 60000 # KiB
    OMP_NUM_THREADS=1 run -0 --separate-stderr va-weights import -o again.h5 base.safetensors
    [ "$stderr" = "" ] || explain "$stderr"
    va-h5cmp base.h5 again.h5
    OMP_NUM_THREADS=3 va-weights import -o threads.h5 base.safetensors
    cmp again.h5 threads.h5
}

@test "safetensors that are cut short: the tensor, the bytes, and what to do" {
    head -c -5 head.safetensors >t.cut.safetensors
    run -3 --separate-stderr va-weights import -o m.h5 t.cut.safetensors
    [[ $stderr == "va-weights: t.cut.safetensors: "*": ends at byte "*" of the data, but the file has "*": it is cut short; copy or download it again" ]] ||
        explain "$stderr"
    [ "${#stderr_lines[@]}" = 1 ]
}

@test "equal seeds give equal bytes, others do not" {
    va-weights init --arch vit_tiny -o again.h5
    cmp "$BATS_FILE_TMPDIR/tiny.h5" again.h5
    va-weights init --arch vit_tiny --seed 43 -o other.h5
    run -1 va-h5cmp again.h5 other.h5
}

@test "the published model has 67,155,086 parameters" {
    va-weights init --arch mamba-va --preset authors -o full.h5
    run -0 --separate-stderr va-weights info full.h5
    [ "$stderr" = "" ]
    [ "${lines[-1]}" = $'total\t67,155,086' ]
    [ "$(setting full.h5 in-norm)" = yes ]
    [ "$(setting full.h5 channels)" = 1024,768,512,256 ]
}

@test "info lists tensors with shapes, types and sums" {
    run -0 --separate-stderr va-weights info "$golden/head_tiny/paper.weights.safetensors"
    [[ $output == *$'tensor\tfc2.bias\t2\tfloat32\t-0.362375639'* ]]
    [ "${lines[-1]}" = $'total\t29,438' ]
}

@test "in-norm: --set before metadata before --preset before the default" {
    va-weights import -o m.h5 "$golden/head_tiny/paper.weights.safetensors"
    [ "$(setting m.h5 in-norm)" = no ]
    va-weights import --preset authors -o m.h5 "$golden/head_tiny/paper.weights.safetensors"
    [ "$(setting m.h5 in-norm)" = yes ]
    va-weights import --preset authors -o m.h5 head.safetensors
    [ "$(setting m.h5 in-norm)" = no ]
    va-weights import --set in-norm=yes -o m.h5 head.safetensors
    [ "$(setting m.h5 in-norm)" = yes ]
}

@test "settings of an encoder come from shapes, --set and defaults" {
    va-weights import --set heads=4 --set mean=.5,.5,.25 -o e.h5 "$BATS_FILE_TMPDIR/tiny.h5"
    [ "$(setting e.h5 heads)" = 4 ]
    [ "$(setting e.h5 mean)" = 0.5,0.5,0.25 ]
    [ "$(setting e.h5 std)" = 0.22,0.193,0.18 ]
    [ "$(setting e.h5 image_size)" = 48 ]
    [ "$(attribute e.h5 mean)" = "0.5 0.5 0.25" ]
    va-weights export -o e.safetensors e.h5
    va-weights import -o again.h5 e.safetensors
    va-h5cmp e.h5 again.h5
}

@test "a masked autoencoder: its encoder, or all of it" {
    mae=$golden/vit/mae_tiny.weights.safetensors
    run -0 --separate-stderr va-weights import --set heads=4 -o e.h5 "$mae"
    [ "${#stderr_lines[@]}" -eq 2 ]
    [ "${stderr_lines[0]}" = "va-weights: $mae: left out 32 tensors of a decoder or classifier" ]
    [ "${stderr_lines[1]}" = "va-weights: $mae: the file does not give these; assuming mean=0.471,0.363,0.333 std=0.22,0.193,0.18 (mean and std are those of faces; override with --set)" ]
    va-weights import -q --keep-decoder --set heads=4 --set decoder-heads=4 -o whole.h5 "$mae"
    va-check whole.h5
    [ "$(setting whole.h5 decoder_heads)" = 4 ]
    [ "$(va-weights info whole.h5 | grep -c ^tensor)" -eq $(($(va-weights info e.h5 | grep -c ^tensor) + 32)) ]
    # the whole holds the part, and comes back from an export
    va-weights import -q -o again.h5 whole.h5
    va-h5cmp e.h5 again.h5
    va-weights export -o whole.safetensors whole.h5
    va-weights import -q --keep-decoder -o again.h5 whole.safetensors
    va-h5cmp whole.h5 again.h5
    run -3 --separate-stderr va-weights import --keep-decoder -o no.h5 e.h5
    [ "$stderr" = "va-weights: e.h5: found no tensor decoder_embed.weight, expected a masked autoencoder with its decoder" ]
    run -3 --separate-stderr va-weights import --set decoder-heads=4 -o no.h5 e.h5
    [ "$stderr" = "va-weights: --set decoder-heads=4: not a setting of a vision transformer" ]
    [ ! -e no.h5 ]
}

@test "pictures of another size: positions are resampled, the rest stays" {
    tiny=$BATS_FILE_TMPDIR/tiny.h5
    va-weights import --image 80 -o large.h5 "$tiny"
    va-check large.h5
    [ "$(setting large.h5 image_size)" = 80 ]
    [ "$(va-weights info large.h5 | awk '$2 == "pos_embed" { print $3 }')" = 1x26x192 ]
    other() { va-weights info "$1" | grep ^tensor | grep -v pos_embed; }
    [ "$(other large.h5)" = "$(other "$tiny")" ]
    va-weights import --image 48 -o same.h5 "$tiny"
    va-h5cmp same.h5 "$tiny"
    run -3 --separate-stderr va-weights import --image 50 -o no.h5 "$tiny"
    [ "$stderr" = "va-weights: $tiny: image_size 50 is not a multiple of patch_size 16" ]
    run -3 --separate-stderr va-weights import --image 48 -o no.h5 head.h5
    [ "$stderr" = "va-weights: head.h5: found a temporal model, expected an encoder for --image 48" ]
    [ ! -e no.h5 ]
}

@test "settings that are none, or of the other kind of model" {
    run -2 --separate-stderr va-weights import --set depth=4 -o m.h5 head.h5
    [[ $stderr == *"--set depth=4: expected heads="* ]]
    run -2 --separate-stderr va-weights import --set in-norm -o m.h5 head.h5
    run -3 --separate-stderr va-weights import --set heads=4 -o m.h5 head.h5
    [ "$stderr" = "va-weights: --set heads=4: not a setting of a temporal model" ]
    run -3 --separate-stderr va-weights import --set in-norm=maybe -o m.h5 head.h5
    [ "$stderr" = "va-weights: head.h5: in-norm: found maybe, expected yes or no" ]
    run -2 --separate-stderr va-weights init --arch vit_tiny --layers 3 -o m.h5
    [ ! -e m.h5 ]
}

@test "tensors that are no model are refused" {
    run -3 --separate-stderr va-weights import -o m.h5 "$golden/vit/vit_base.safetensors"
    [[ $stderr == *"found tensor cls, which no known model has (ViT"* ]]
    [ ! -e m.h5 ]
}

@test "a model of ours in which a setting is missing is refused, one of others is not" {
    lacks() { # lacks FILE NAME
        cp "$1" lacks.h5
        h5edit lacks.h5 delete "@$2"
        h5edit lacks.h5 delete @id
        run -3 --separate-stderr va-weights import -o out.h5 lacks.h5
        [[ $stderr == "va-weights: lacks.h5: attribute $2 is missing, expected it as in every model of arch "* ]] || explain "$stderr"
    }
    for key in lookahead in-norm channels kernel layers d-state hidden in-dim; do lacks head.h5 $key; done
    va-weights init -q --arch vit_tiny -o vit.h5
    for key in heads mean std image_size patch_size; do lacks vit.h5 $key; done
    va-weights init -q --arch mamba-va --in-dim 2 --channels 4,3 --lookahead 7 -o ahead.h5 # also in other files
    va-weights import -o same.h5 ahead.h5
    va-h5cmp ahead.h5 same.h5
    va-weights export -o ahead.safetensors ahead.h5
    va-weights import -q -o same.h5 ahead.safetensors
    va-h5cmp ahead.h5 same.h5
    cp head.h5 optional.h5
    h5edit optional.h5 delete @id
    va-weights import -o out.h5 optional.h5
}
