#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# va-embed with ONNX models, good and bad (test/reference/onnx_models.py made them), where this build has ONNX Runtime.
bats_require_minimum_version 1.8.0
load lib/va

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    cp "$BATS_TEST_DIRNAME"/golden/onnx/*.onnx .
    make_frames --frames 5 --width 8 --height 8 --video a --seed 3 a.h5
    [[ $BATS_TEST_DESCRIPTION == "without"* ]] || has_runtime || skip "no ONNX Runtime (make deps WITH=onnx)"
}

has_runtime() { va-embed --version | grep -q "^onnx *on"; }

# refused CODE FILE TEXT OPTIONS...: this line, and no features
refused() {
    run "-$1" --separate-stderr va-embed -q -w "$2" -o f.h5 "${@:4}" a.h5
    [ "$stderr" = "va-embed: $2: $3" ] || explain "$stderr"
    [ ! -e f.h5 ]
}

@test "without ONNX Runtime: status 4, and what to do" {
    has_runtime && skip "this build has it"
    refused 4 good.onnx "this build has no ONNX Runtime to compute it: build again after make deps WITH=onnx, or import it (va-weights import)"
}

@test "options for ONNX models: status 2" {
    run -2 --separate-stderr va-embed -w a.h5 --onnx-size 8 -o f.h5 a.h5
    [[ $stderr == "va-embed: --onnx-size is for an ONNX model: --weights MODEL.onnx"* ]] || explain "$stderr"
    run -2 --separate-stderr va-embed -w good.onnx --onnx-mean .5,.5 -o f.h5 a.h5
    [[ $stderr == "va-embed: --onnx-mean .5,.5: expected three numbers, such as .5,.5,.5"* ]] || explain "$stderr"
    run -2 --separate-stderr va-embed -w good.onnx --onnx-std 1,nan,1 -o f.h5 a.h5
    [[ $stderr == "va-embed: --onnx-std 1,nan,1: expected three numbers, such as .5,.5,.5"* ]] || explain "$stderr"
}

@test "generic battery" {
    generic_battery va-embed -w one.onnx -o f.h5 a.h5
}

@test "rows are those of NumPy; what the file does not say is said" {
    run -0 --separate-stderr va-embed -w good.onnx -o f.h5 a.h5
    [ "$stderr" = "va-embed: good.onnx: the file does not give these; assuming mean=0.485,0.456,0.406 std=0.229,0.224,0.225 (those of ImageNet; override with --onnx-mean and --onnx-std)" ] || explain "$stderr"
    va-check f.h5
    [ "$(column f.h5 /index)" = "1 2 3 4 5" ]
    attribute f.h5 provenance | grep -q "device=onnxruntime 1"
    attribute f.h5 provenance | grep -q "input=good.onnx $(attribute f.h5 encoder)"
    column f.h5 /features | tr ' ' '\n' | paste - "$BATS_TEST_DIRNAME/golden/onnx/good.rows" |
        awk 'NF != 2 || ($1 - $2) ^ 2 > 1e-10 { print; bad = 1 } END { exit bad || NR != 20 }'
    # mean and std of the metadata, and the same as options
    run -0 --separate-stderr va-embed -w one.onnx -o one.h5 a.h5
    [ "$stderr" = "" ] || explain "$stderr"
    va-embed -w good.onnx --onnx-mean .5,.5,.5 --onnx-std .25,.25,.25 -o same.h5 a.h5
    same_numbers one.h5 same.h5
    [ "$(attribute one.h5 encoder)" != "$(attribute same.h5 encoder)" ]
    run -1 va-h5cmp f.h5 same.h5
}

@test "equal bytes in each run, for any batch and number of threads" {
    va-embed -q -w good.onnx -o f.h5 a.h5
    for how in "" "--batch 1" "--batch 2" "--threads 1" "--threads 3" --unconfined; do
        # shellcheck disable=SC2086
        va-embed -q -w good.onnx $how -o again.h5 a.h5
        same_numbers f.h5 again.h5
        [ "$(attribute f.h5 encoder)" = "$(attribute again.h5 encoder)" ]
    done
}

@test "outputs of any rank, pictures of any size" {
    va-embed -q -w pool.onnx --onnx-output g -o g.h5 a.h5
    [ "$(column g.h5 /features | wc -w)" = 25 ]
    refused 3 pool.onnx "found 0 outputs of rank 2, expected one: choose with --onnx-output: g [1,5,1,1] of float32"
    refused 3 any.onnx "takes pictures of any size: name that of its training with --onnx-size"
    all="features [?,4] of float32; logits [?,2] of float32; r [?,5,?,?] of float32"
    refused 3 any.onnx "found 2 outputs of rank 2, expected one: choose with --onnx-output: $all" --onnx-size 8
    refused 3 any.onnx "found no output x; its outputs are: $all" --onnx-size 8 --onnx-output x
    refused 3 good.onnx "takes pictures of 8 pixels per side, but --onnx-size is 9" --onnx-size 9
    va-embed -q -w good.onnx -o f.h5 a.h5
    va-embed -q -w any.onnx --onnx-size 8 --onnx-output features -o any.h5 a.h5
    same_numbers f.h5 any.h5
    va-embed -q -w any.onnx --onnx-size 17 --onnx-output r -o r.h5 a.h5
    va-check r.h5
}

@test "inputs that are no pictures: status 3, one line" {
    local expected="expected square pictures [N,3,H,W] of float32, with N 1 or not fixed"
    refused 3 grey.onnx "input pictures is [?,1,8,8] of float32, $expected"
    refused 3 alpha.onnx "input pictures is [?,4,8,8] of float32, $expected"
    refused 3 wide.onnx "input pictures is [?,3,8,12] of float32, $expected"
    refused 3 batch.onnx "input pictures is [2,3,8,8] of float32, $expected"
    refused 3 double.onnx "input pictures is [?,3,8,8] of another type, $expected"
    refused 3 flat.onnx "input pictures is [?,192] of float32, $expected"
    refused 3 two.onnx "found 2 inputs, expected one: pictures [N,3,H,W]"
}

@test "damaged and hostile files: status 3, one line" {
    refused 3 unknown.onnx "ONNX Runtime refuses it: Fatal error: com.example:Swirl(-1) is not a registered function/op"
    refused 3 external.onnx "its values are in another file, expected them inside: save the model as one file"
    run -3 --separate-stderr va-embed -q -w nan.onnx -o f.h5 a.h5
    [[ $stderr == "va-embed: nan.onnx: output out: number 0 comes out as "*"nan, expected a finite one" ]] || explain "$stderr"
    : >empty.onnx
    refused 3 empty.onnx "file is empty, expected an ONNX model"
    for bytes in 1 3 100 500 1000; do
        head -c $bytes good.onnx >cut.onnx
        refused 3 cut.onnx "not an ONNX model, or damaged"
    done
    cp a.h5 b.onnx
    refused 3 b.onnx "not an ONNX model, or damaged"
    # bytes changed here and there: features, or one line
    for seed in {1..30}; do
        mutate "$seed" good.onnx m.onnx
        rc=0
        va-embed -q -w m.onnx -o m.h5 --force a.h5 2>said || rc=$?
        [[ $rc == 0 || $rc == 3 ]] || explain "$seed: $rc $(cat said)"
        [ "$(wc -l <said)" -eq $((rc > 0)) ] || explain "$seed: $(cat said)"
    done
}

@test "the process that reads the file is confined, and ends with the tool" {
    mkfifo pipe
    va-embed -q -w good.onnx --name a -o f.h5 - <pipe &
    tool=$!
    exec 7>pipe
    for _ in {1..100}; do
        for child in $(pgrep -P $tool); do
            grep -q "^Seccomp:.*2" "/proc/$child/status" && confined=$child
        done
        [ -z "${confined-}" ] || break
        sleep .1
    done
    [ -n "${confined-}" ]
    kill -9 $tool
    for _ in {1..100}; do
        kill -0 "$confined" 2>/dev/null || break
        sleep .1
    done
    run ! kill -0 "$confined"
    exec 7>&-
}
