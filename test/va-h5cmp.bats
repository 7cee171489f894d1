#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# va-h5cmp notices what h5diff does not. Pairs of valid files come from the generators and h5edit.
bats_require_minimum_version 1.8.0
load lib/va
setup() { cd "$BATS_TEST_TMPDIR" && make_features --frames 50 x.h5 && cp x.h5 y.h5; }

edit() { h5edit y.h5 "$@"; }
agrees() {
    run -0 --separate-stderr va-h5cmp "$@" x.h5 y.h5
    [ "$output$stderr" = "" ]
}
differs() { # LINE OPTIONS...
    run -1 --separate-stderr va-h5cmp "${@:2}" x.h5 y.h5
    [ "$stderr" = "" ]
    [ "$output" = "x.h5 y.h5: $1" ] || explain "$output"
}
models() { # one tensor each: TYPE SHAPE VALUE TYPE SHAPE VALUE
    rm -f x.h5 y.h5
    model x.h5 "$1" "$2" "$3"
    model y.h5 "$4" "$5" "$6"
}
model() {
    h5edit "$1" string @schema va.model/1
    h5edit "$1" string @arch test
    h5edit "$1" dataset /tensors/w "$2" "$3" "$4"
    h5edit "$1" int @complete 1
}

@test "generic battery" { generic_battery va-h5cmp x.h5 y.h5; }

@test "a file and itself, a file and its copy" {
    agrees
    va-h5cmp x.h5 x.h5
}

@test "shape: h5diff is silent, va-h5cmp is not" {
    models float32 4x6 1 float32 6x4 1
    run -0 h5diff x.h5 y.h5
    differs "/tensors/w: shapes 4x6 and 6x4 differ"
}

@test "rank" {
    models float32 24 1 float32 4x6 1
    run -0 h5diff x.h5 y.h5
    differs "/tensors/w: shapes 24 and 4x6 differ"
    models float32 - 1 float32 1 1
    differs "/tensors/w: shapes of one value and 1 differ"
}

@test "type" {
    make_features --frames 50 --half y.h5
    differs "/features: types float32 and float16 differ"
    models float32 2 1 float32 2 1
    h5edit x.h5 dataset /n int32 3 7
    h5edit y.h5 dataset /n float32 3 7
    run -0 h5diff x.h5 y.h5
    differs "/n: types int32 and float32 differ"
}

@test "class: an attribute that is a number here and a string there" {
    models float32 2 1 float32 2 1
    h5edit x.h5 int @width 3
    h5edit y.h5 string @width 3
    differs "@width: types integer and string differ"
    h5edit y.h5 real @width 3
    differs "@width: types integer and real differ"
}

@test "empty datasets of different shape" {
    models float32 0x3 1 float32 0x4 1
    run -0 h5diff x.h5 y.h5
    differs "/tensors/w: shapes 0x3 and 0x4 differ"
}

@test "NaN against NaN and against a number" {
    edit poke /features 9 nan
    cp y.h5 x.h5
    run -0 h5diff x.h5 y.h5
    differs "/features[2, 1]: nan and nan differ by inf, the worst of 1 that do, of 200"
    agrees --nan equal
    h5edit x.h5 poke /features 9 0
    differs "/features[2, 1]: 0 and nan differ by inf, the worst of 1 that do, of 200" --nan equal
    differs "/features[2, 1]: 0 and nan differ by inf, the worst of 1 that do, of 200" --abs 1e300
}

@test "infinities" {
    h5edit x.h5 poke /features 0 inf
    h5edit y.h5 poke /features 0 inf
    agrees
    h5edit y.h5 poke /features 0 -inf
    differs "/features[0, 0]: inf and -inf differ by inf, the worst of 1 that do, of 200" --rel 10
}

@test "the worst element is named, bounds are kept to the letter" {
    for f in x.h5 y.h5; do
        for i in 3 77 198; do h5edit $f poke /features $i 2; done
    done
    h5edit y.h5 poke /features 3 2.25
    h5edit y.h5 poke /features 77 1.5
    h5edit y.h5 poke /features 198 2.125
    differs "/features[19, 1]: 2 and 1.5 differ by 0.5, the worst of 3 that do, of 200"
    differs "/features[19, 1]: 2 and 1.5 differ by 0.5, the worst of 1 that do, of 200" --abs 0.25
    agrees --abs 0.5
    agrees --rel 0.25
    differs "/features[19, 1]: 2 and 1.5 differ by 0.5, the worst of 1 that do, of 200" --rel 0.2499
}

@test "large integers that are one double" {
    h5edit x.h5 dataset /n int64 2 9007199254740992
    h5edit y.h5 dataset /n int64 2 9007199254740992
    agrees
    h5edit y.h5 dataset /n int64 2 9007199254740994
    differs "/n[0]: 9.00719925e+15 and 9.00719925e+15 differ by 2, the worst of 2 that do, of 2"
}

@test "objects and attributes that only one file has" {
    edit dataset /more float32 1 1
    differs "/more: only in the second file"
    agrees --ignore /more
    edit delete /more
    edit int @extra 1
    differs "@extra: only in the second file"
    agrees --ignore @extra
}

@test "attributes: values, and what is left out" {
    edit string @video w
    differs '@video[0]: "v" and "w" differ'
    edit string @video v
    edit string @id 00000000000000000000000000000000
    edit delete @provenance
    agrees
    edit real @fps 29
    differs "@fps[0]: 30 and 29 differ by 1, the worst of 1 that do, of 1"
    agrees --abs 1
}

@test "strings of fixed and variable length are the same" {
    edit vstring @video v
    agrees
}

@test "schemas" {
    make_frames z.h5
    run -1 --separate-stderr va-h5cmp x.h5 z.h5
    [ "${lines[0]}" = "x.h5 z.h5: schemas va.features/1 and va.frames/1 differ" ]
}

@test "unreadable: 3; one file: 2; a bad bound: 2" {
    run -3 --separate-stderr va-h5cmp x.h5 missing.h5
    [ "$stderr" = "va-h5cmp: missing.h5: cannot open: No such file or directory" ]
    run -2 --separate-stderr va-h5cmp x.h5
    run -2 --separate-stderr va-h5cmp --abs 1x x.h5 y.h5
    run -2 --separate-stderr va-h5cmp --abs -1 x.h5 y.h5
    run -2 --separate-stderr va-h5cmp --nan maybe x.h5 y.h5
}
