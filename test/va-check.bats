#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# va-check answers by its exit code; wrong files are made from a good one by h5edit.
bats_require_minimum_version 1.8.0
load lib/va
setup() { cd "$BATS_TEST_TMPDIR" && make_features --frames 50 --gaps 3,4,20 good.h5; }

# says 1 with exactly this line
refuses() {
    run -1 --separate-stderr va-check "$1"
    [ "$output" = "" ]
    [ "$stderr" = "va-check: $1: $2" ] || explain "$stderr"
}
edited() { # a copy of good.h5 with one change
    cp good.h5 bad.h5
    h5edit bad.h5 "$@"
}

@test "generic battery" { BATTERY_DAMAGED=1 generic_battery va-check good.h5; }

@test "a good file: silent, 0" {
    run -0 --separate-stderr va-check good.h5
    [ "$output" = "" ]
    [ "$stderr" = "" ]
}

@test "files of each writer option are good" {
    make_features --half half.h5
    make_features --stream --frames 1000 --dim 37 stream.h5
    make_features --frames 0 none.h5
    make_frames frames.h5
    va-check half.h5 stream.h5 none.h5 frames.h5
}

@test "what is missing is named" {
    edited delete @complete
    refuses bad.h5 "incomplete: its writer did not finish"
    edited delete @schema
    refuses bad.h5 "@schema: not found, expected a file of a known schema"
    edited delete @video
    refuses bad.h5 "@video: not found, expected an attribute of va.features/1"
    edited delete /pts
    refuses bad.h5 "/pts: not found, expected a dataset of va.features/1"
}

@test "another schema, a newer version" {
    edited string @schema va.other/1
    refuses bad.h5 "found schema va.other/1, expected one that is known"
    edited string @schema va.features/2
    refuses bad.h5 "found another version, va.features/2, expected va.features/1"
    run -1 --separate-stderr va-check --schema va.frames/1 good.h5
    [ "$stderr" = "va-check: good.h5: found va.features/1, expected va.frames/1" ]
}

@test "wrong types and shapes" {
    edited dataset /index float32 47 1
    refuses bad.h5 "/index: found float32, expected int32"
    edited dataset /index int32 46 1
    refuses bad.h5 "/index: found shape 46, expected T with T = 47 of /features"
    edited dataset /pts float64 47x1 1
    refuses bad.h5 "/pts: found shape 47x1, expected T with T = 47 of /features"
    edited dataset /pts longdouble 47 1
    refuses bad.h5 "/pts: found a type that no schema has (class 1, 16 bytes), expected numbers or strings"
    edited dataset /pts be32 47 1
    h5edit bad.h5 delete @id
    va-check bad.h5
    edited string @fps thirty
    refuses bad.h5 "@fps: found a string, expected float64"
    edited real @frame_count 50
    refuses bad.h5 "@frame_count: found a float, expected int"
}

@test "wrong values" {
    edited poke /features 9 nan
    refuses bad.h5 "/features[2, 1]: found nan, expected a finite value"
    edited poke /features 187 inf
    refuses bad.h5 "/features[46, 3]: found inf, expected a finite value"
    edited poke /index 5 7
    refuses bad.h5 "/index[5]: found 7, expected more than 7, the value before"
    edited poke /index 0 0
    refuses bad.h5 "/index[0]: found 0, expected a value of at least 1"
    edited int @frame_count 49
    refuses bad.h5 "/index[46]: found 50, expected a value of at most 49"
    edited real @fps -1
    refuses bad.h5 "@fps: found -1, expected a value of at least 0"
}

@test "contents that do not fit the id" {
    edited poke /features 3 0.25
    run -1 --separate-stderr va-check bad.h5
    [[ $stderr == "va-check: bad.h5: @id: found "*", which fits the contents" ]]
    edited string @video w
    run -1 --separate-stderr va-check bad.h5
    [[ $stderr == "va-check: bad.h5: @id: "* ]]
}

@test "a file from elsewhere: no provenance, no id, strings of variable length" {
    edited delete @provenance
    h5edit bad.h5 delete @id
    h5edit bad.h5 vstring @video "a name"
    h5edit bad.h5 vstring @schema va.features/1
    va-check bad.h5
}

@test "a link is refused, also one that leads in a circle" {
    edited soft /more /features
    refuses bad.h5 "/more: found a link, expected a dataset or group"
    edited soft /more /
    refuses bad.h5 "/more: found a link, expected a dataset or group"
}

@test "several files: each bad one is named, the worst code counts" {
    edited delete @complete
    run -1 --separate-stderr va-check good.h5 bad.h5 good.h5
    [ "$stderr" = "va-check: bad.h5: incomplete: its writer did not finish" ]
    run -3 --separate-stderr va-check good.h5 missing.h5
    [ "$stderr" = "va-check: missing.h5: cannot open: No such file or directory" ]
}

@test "sixty damaged files: 0 or 1, soon, never more than a line" {
    make_features --frames 9 --dim 2 small.h5
    for seed in $(seq 60); do
        file=good.h5
        [ $((seed % 2)) = 0 ] || file=small.h5
        mutate "$seed" $file bad.h5
        rc=0
        timeout 20 va-check bad.h5 >out 2>err || rc=$?
        [ "$rc" -le 1 ] || explain "seed $seed: exit $rc: $(cat err)"
        [ "$(wc -l <err)" -eq "$rc" ] || explain "seed $seed: $(cat err)"
        [ ! -s out ]
        [ "$rc" -eq 0 ] || grep -q bad.h5 err
    done
}

@test "a disk that is full at any moment: 4, one line, the earlier file stays" {
    can_mount || skip "no small file system can be mounted here"
    mkdir disk
    make_features --frames 3 earlier.h5
    for pages in 1 2 3 5 8 9 10 11 12 17; do
        for mode in "" --stream; do
            # shellcheck disable=SC2016,SC2086
            small_disk $((4096 * pages)) disk bash -c '
                head -c 300 earlier.h5 >disk/o.h5 # enough to be known as ours
                cp disk/o.h5 before
                make_features --frames 1000 --dim 5 $1 disk/o.h5 2>err
                rc=$?
                [ "$(ls -A disk)" = o.h5 ] || exit 98
                [ $rc = 0 ] || cmp -s disk/o.h5 before || exit 97
                exit $rc' disk $mode && rc=0 || rc=$?
            if [ "$rc" -ne 0 ]; then
                [ "$rc" -eq 4 ] || explain "$pages pages $mode: exit $rc: $(cat err)"
                [ "$(cat err)" = "make_features: disk/o.h5: cannot write: No space left on device" ]
            fi
        done
    done
    [ "$rc" -eq 0 ] # the last one was large enough
}

@test "a name of 5000 bytes is no name of a video, and the line about it is short" {
    make_features --frames 3 --video v long.h5
    h5edit long.h5 string @video "$(printf '%05000d' 7)"
    run -1 --separate-stderr va-check long.h5
    [[ $output$stderr == *"long.h5: @video: found '000"*"', expected the name of a video" ]]
    [ "${#output}" -lt 200 ] && [ "${#stderr}" -lt 200 ]
    run -3 --separate-stderr va-window -o w.h5 long.h5
    [ "${#stderr}" -lt 200 ]
}

@test "a limit on the size of files is an error, not the end" {
    # shellcheck disable=SC2016
    run -4 --separate-stderr bash -c 'ulimit -f 20; make_features --frames 1000 --dim 5 o.h5'
    [ "$stderr" = "make_features: o.h5: cannot write: File too large" ]
    [ "$(find . -name '*.part')" = "" ]
    [ ! -e o.h5 ]
}
