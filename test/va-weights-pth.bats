#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# va-weights with checkpoints of PyTorch: those of torch.save (test/golden/pth), hostile ones
# (test/gen/make_pth), and one that va-weights wrote when it still did. What it exports under the
# authors' names is read by PyTorch where there is one (PY, or python3).
bats_require_minimum_version 1.8.0
load lib/va

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return 1
    cp "$BATS_TEST_DIRNAME/golden/pth/ours.pth" head.pth
    va-weights import -o head.h5 head.pth
    make_pth legacy legacy.pth
}
setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    cp "$BATS_FILE_TMPDIR"/*.h5 "$BATS_FILE_TMPDIR"/*.pth .
    golden=$BATS_TEST_DIRNAME/golden/pth
}

tensors() { va-weights info -q "$@" | awk -F '\t' '$1 == "tensor"'; }

# refused FILE SAID: info and import say this one line of the file, and nothing else happens
refused() {
    run -3 --separate-stderr va-weights info "$1"
    [ "$stderr" = "va-weights: $1: $2" ] || explain "$1: $stderr"
    [ "$output" = "" ]
}

@test "generic battery of import" {
    generic_battery "va-weights import" -o out.h5 head.pth
}

@test "generic battery of info: the older format" {
    generic_battery "va-weights info" legacy.pth
}

@test "a checkpoint that va-weights once wrote is the same model, and so is its export" {
    va-weights export -o head.safetensors head.h5
    cmp head.safetensors "$golden/ours.safetensors"
    va-weights import -o again.h5 head.safetensors
    va-h5cmp head.h5 again.h5
    va-weights export --names authors -o authors.safetensors head.h5
    [ "$(tensors authors.safetensors | wc -l)" -eq $((50 + 2 + 16)) ]
    va-weights import -q -o again.h5 authors.safetensors
    va-h5cmp head.h5 again.h5
}

@test "an encoder keeps its settings, and has no names of the authors" {
    va-weights init --arch vit_tiny -o tiny.h5
    va-weights export -o tiny.safetensors tiny.h5
    va-weights import -o again.h5 tiny.safetensors
    va-h5cmp tiny.h5 again.h5
    run -3 --separate-stderr va-weights export --names authors -o x.safetensors tiny.h5
    [ "$stderr" = "va-weights: tiny.h5: found no tensor tcn.0.conv1.weight_v, expected a model of arch mamba-va for names of the authors" ]
    [ ! -e x.safetensors ]
}

@test "contents tell what is imported, not the name" {
    va-weights export -o plain head.h5
    mv plain model.pth
    va-weights import -o one.h5 model.pth
    cp head.pth model.safetensors
    va-weights import -o two.h5 model.safetensors
    va-h5cmp one.h5 two.h5
}

@test "the authors' names mean in-norm; exporting a model without it under them warns" {
    run -0 --separate-stderr va-weights import -o m.h5 "$golden/authors.pth"
    [ "$stderr" = "va-weights: $golden/authors.pth: left out 18 tensors that the model never uses" ]
    [ "$(attribute m.h5 in-norm)" = yes ]
    va-weights info m.h5 | grep -qx "setting	channels	5,4"
    va-check m.h5
    va-weights import --set in-norm=no -o m.h5 head.pth
    run -0 --separate-stderr va-weights export --names authors -o m.safetensors m.h5
    [[ $stderr == *"m.h5: in-norm is no, but the authors' code always applies layer norm: its results will differ" ]]
    va-weights import -q -o again.h5 m.safetensors
    va-h5cmp m.h5 again.h5
}

@test "of a checkpoint of training the model is taken, or what --from names" {
    cp "$golden/training.pth" t.pth
    run -0 --separate-stderr va-weights info t.pth
    [ "$stderr" = "va-weights: t.pth: took the tensors of 'model'
va-weights: t.pth: left out 1 tensors that are not of floating point" ]
    [ "${lines[-1]}" = $'total\t16' ]
    run -0 --separate-stderr va-weights info --from optimizer t.pth
    [ "$stderr" = "" ]
    [[ $output == *"tensor	state.3.exp_avg_sq	2	float32"* ]]
    for command in "info" "import -o m.h5"; do
        # shellcheck disable=SC2086
        run -3 --separate-stderr va-weights $command --from net t.pth
        [ "$stderr" = "va-weights: t.pth: found no 'net', expected one of its keys: model, optimizer, epoch, scaler, args, random" ]
        # shellcheck disable=SC2086
        run -3 --separate-stderr va-weights $command --from epoch t.pth
        [ "$stderr" = "va-weights: t.pth: epoch: found a number, expected a dict of tensors" ]
        # shellcheck disable=SC2086
        run -3 --separate-stderr va-weights $command --from model head.h5
        [ "$stderr" = "va-weights: head.h5: found a va.model/1 file, but --from model is for files of other programs" ]
    done
}

@test "good ones: strided tensors, nested dicts, protocol 4, compressed, the older format" {
    for c in zip zip4 module no-sum deflated legacy legacy-view; do make_pth $c $c.pth; done
    [ "$(tensors zip.pth)" = "tensor	w	2x3	float32	15
tensor	t	3x2	float32	15
tensor	inner.b	2	float32	9" ]
    [ "$(tensors zip4.pth)" = "tensor	w	2x3	float32	15
tensor	b	2	float32	9" ]
    [ "$(tensors module.pth)" = "tensor	w	2x3	float32	15
tensor	b	2	float32	9
tensor	inner.w	3x2	float32	15
tensor	inner.b	2	float32	9" ]
    [ "$(tensors no-sum.pth)" = "tensor	w	2x3	float32	15" ]
    [ "$(tensors deflated.pth)" = "tensor	w	1024	float32	0" ]
    [ "$(tensors legacy.pth)" = "tensor	w	2x2	float32	6" ]
    [ "$(tensors legacy-view.pth)" = "tensor	w	2x2	float32	14" ]
}

@test "hostile ones are refused, each in its line, within 1 GiB" {
    va-weights --version | grep -q sanitize || ulimit -v 1048576
    make_pth list >cases
    [ "$(wc -l <cases)" -ge 90 ]
    while IFS=$'\t' read -r name said; do
        make_pth "$name" x.pth
        refused x.pth "$said"
    done <cases
    [ ! -e owned ]
}

@test "cut off anywhere, or longer" {
    for ((n = 0; n < $(stat -c %s legacy.pth); n += 3)); do
        head -c $n legacy.pth >cut.pth
        run -3 --separate-stderr va-weights info cut.pth
        [[ $stderr == "va-weights: cut.pth: "* && $stderr != *$'\n'* ]]
    done
    for ((n = 3; n < $(stat -c %s head.pth); n += 397)); do
        head -c $n head.pth >cut.pth
        run -3 --separate-stderr va-weights info cut.pth
        [[ $stderr == "va-weights: cut.pth: "* && $stderr != *$'\n'* ]]
    done
    cat legacy.pth head.h5 >long.pth
    run -3 --separate-stderr va-weights info long.pth
    [[ $stderr == *"bytes after the last storage, expected the end" ]]
}

# fuzz FILE SEEDS...: damaged copies are read or refused, in time
fuzz() {
    local file=$1 seed rc
    shift
    for seed; do
        mutate "$seed" "$file" bad
        cp bad bad.pth
        [ "$file" != pickle ] || make_pth wrap bad bad.pth
        rc=0
        timeout 20 va-weights info -q bad.pth >out 2>err || rc=$?
        [ "$rc" = 0 ] || [ "$rc" = 3 ] || explain "$file, seed $seed: exit $rc: $(cat err)" || return
        [ "$(wc -l <err)" -eq $((rc / 3)) ] || explain "$file, seed $seed: $(cat err)" || return
    done
}

@test "damaged at random: read or refused, never worse" {
    make_pth pickle pickle
    fuzz pickle $(seq 120)
    fuzz legacy.pth $(seq 201 250)
    cp "$golden/training-legacy.pth" training.pth
    fuzz training.pth $(seq 301 340)
    fuzz "$golden/kinds.pth" $(seq 401 430)
}

@test "PyTorch: the authors' modules take what we export under their names" {
    py=${PY:-python3}
    "$py" -c 'import torch' 2>/dev/null || skip "no PyTorch: $py cannot import torch (set PY)"
    va-weights export --names authors -o authors.safetensors head.h5
    PYTHONDONTWRITEBYTECODE=1 "$py" "$BATS_TEST_DIRNAME/reference/load_safetensors.py" authors.safetensors
}
