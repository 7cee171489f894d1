#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# va-weights with detectors of faces: fresh ones, and those of others in ONNX; good and hostile.
bats_require_minimum_version 1.8.0
load lib/va

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    va-weights init --arch yunet_s --seed 3 -o s.h5
}

@test "generic battery" {
    make_onnx s.h5 s.onnx
    generic_battery "va-weights import" -o out.h5 s.onnx
}

@test "a net as PyTorch exports it: numbered tensors get their names back" {
    for size in s n; do
        va-weights init --arch yunet_$size -o fresh.h5
        for way in "" list; do
            make_onnx fresh.h5 net.onnx $way
            run -0 --separate-stderr va-weights import -o net.h5 net.onnx
            [ "$stderr" = "" ] || explain "$stderr"
            same_numbers fresh.h5 net.h5
            [ "$(attribute net.h5 arch)" = yunet ]
        done
        rm net.h5
    done
    run -0 va-weights info net.onnx
    [[ $output == *"total"$'\t'"73,840"* ]] || explain "${lines[-1]}"
}

@test "through safetensors and back" {
    va-weights export -o s.safetensors s.h5
    va-weights import -o back.h5 s.safetensors
    same_numbers s.h5 back.h5
}

# refused CASE SAID
refused() {
    make_onnx s.h5 bad.onnx "$1"
    run -3 --separate-stderr va-weights import -o no.h5 bad.onnx
    [ "$stderr" = "va-weights: bad.onnx: $2" ] || explain "$1: $stderr"
    [ ! -e no.h5 ]
}

@test "hostile ONNX: status 3, one line" {
    refused external "tensor 400: its values are in another file, expected them inside: save the model as one file"
    refused short "tensor 400: 1724 bytes, expected 432 elements of float32"
    refused huge "tensor 400: impossible shape"
    refused rank "tensor 400: more than 6 dimensions"
    refused pools "3 nodes MaxPool, expected the 4 of YuNet"
    refused group "not an ONNX model, or damaged: field 15 of kind 3"
    make_onnx s.h5 bad.onnx twice
    run -3 --separate-stderr va-weights import -o no.h5 bad.onnx
    [ "${#stderr_lines[@]}" = 1 ]
    make_onnx s.h5 whole.onnx
    for bytes in 3 40 1000 100000; do
        head -c $bytes whole.onnx >bad.onnx
        run -3 --separate-stderr va-weights import -o no.h5 bad.onnx
        [ "${#stderr_lines[@]}" = 1 ] && [[ $stderr == "va-weights: bad.onnx: "* ]] || explain "$bytes: $stderr"
    done
}

@test "what is only for other models is refused" {
    run -3 --separate-stderr va-weights import --image 96 -o no.h5 s.h5
    [ "$stderr" = "va-weights: s.h5: found a detector of faces, expected an encoder for --image 96" ]
    run -3 --separate-stderr va-weights import --set heads=3 -o no.h5 s.h5
    [ "$stderr" = "va-weights: --set heads=3: not a setting of a detector of faces" ]
    run -2 --separate-stderr va-weights init --arch yunet_s --layers 3 -o no.h5
    [ "$stderr" = "va-weights: --layers is only for --arch mamba-va, found --arch yunet_s (try --help)" ]
}
