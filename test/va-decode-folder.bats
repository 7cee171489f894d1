#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# va-decode on folders of crops: numbers come from names. make_image paints one grey level with
# a red square in the upper left corner.
bats_require_minimum_version 1.8.0
load lib/va

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    mkdir f
    make_image f/00004.jpg 40 30 80
    make_image f/00003.jpg 40 30 60
    make_image f/00007.jpeg 40 30 140
    make_image f/12.png 40 30 240
    touch f/.DS_Store f/Thumbs.db f/00005.txt f/00006.jpg.part f/x00006.jpg
}

# refuses LINE ARGS...: exit 3, this one line, nothing written
refuses() {
    local line=$1
    shift
    run -3 --separate-stderr va-decode -o bad.h5 "$@"
    [ "$stderr" = "va-decode: $line" ] || explain "$stderr" || return 1
    [ ! -e bad.h5 ]
}

@test "a gap is a frame without a face; other files are ignored" {
    va-decode -o a.h5 f/
    va-check a.h5
    [ "$(column a.h5 /index)" = "3 4 7 12" ]
    [ "$(column a.h5 /pts)" = "0 0 0 0" ]
    [ "$(attribute a.h5 frame_count) $(attribute a.h5 fps) $(attribute a.h5 video)" = "12 0 f" ]
    va-decode --frame-count 20 --fps 25 --start 0.1 --every 3 -o b.h5 f
    [ "$(column b.h5 /index)" = "4 7" ]
    [ "$(column b.h5 /pts)" = "0.12 0.24" ]
    [ "$(attribute b.h5 frame_count) $(attribute b.h5 fps)" = "20 25" ]
}

@test "pixels, and sizes that differ from the first image's" {
    make_image f/00013.jpg 80 60 99
    va-decode --raw f >raw
    [ "$(stat -c %s raw)" = $((5 * 40 * 30 * 3)) ]
    for i in 0 1 2 3 4; do
        [ "$(od -An -tu1 -j $((3600 * i + 3597)) -N 3 raw | tr -s ' ')" != "" ]
        od -An -tu1 -j $((3600 * i + 3597)) -N 3 raw
    done | awk '{ e[1] = 60; e[2] = 80; e[3] = 140; e[4] = 240; e[5] = 99
        for (i = 1; i <= 3; i++) if (($i - e[NR])^2 > 4) bad = 1 } END { exit bad || NR != 5 }'
    od -An -tu1 -j $((3600 * 4 + 3 * (40 * 3 + 4))) -N 3 raw | # the red square was scaled along
        awk '($1 - 200)^2 > 36 || ($2 - 20)^2 > 36 { exit 1 }'
}

@test "each PNG is a picture of its own" {
    mkdir png
    for i in 1 2 3 4; do make_image png/$i.png 40 30 $((50 * i)); done
    va-decode --raw png >raw
    [ "$(for i in 1 2 3 4; do od -An -tu1 -j $((3600 * i - 3)) -N 3 raw; done | xargs)" = \
        "50 50 50 100 100 100 150 150 150 200 200 200" ]
}

@test "the same number twice, numbers out of range, no image, a count too small" {
    make_image f/7.jpg 40 30 1
    refuses "f: found 00007.jpeg and 7.jpg, expected one image for frame 7" f
    rm f/7.jpg
    make_image f/00000.jpg 40 30 1
    refuses "f/00000.jpg: found a frame number outside 1..2147483646" f
    mv f/00000.jpg f/99999999999999999999.jpg
    refuses "f/99999999999999999999.jpg: found a frame number outside 1..2147483646" f
    rm f/9*.jpg
    refuses "f/12.png: found frame 12, expected at most 11 frames" --frame-count 11 f
    mkdir empty
    refuses "empty: found no image, expected files named NNNNN.jpg or NNNNN.png" empty
    refuses "f: a folder has no times: found a start or end in seconds, expected the rate (fps) as well" \
        --end 1 f
}

@test "a broken image is named; --tolerate leaves a gap" {
    local size good=f/00004.jpg
    cp $good good.jpg
    size=$(stat -c %s good.jpg)
    for n in 0 1 3 100 $((size / 2)) $((size - 20)) $((size - 1)); do
        head -c "$n" good.jpg >$good
        run -3 --separate-stderr va-decode -o a.h5 f
        [[ $stderr == "va-decode: f/00004.jpg: broken image: "* ]]
        [ "${#stderr_lines[@]}" = 1 ]
        [ ! -e a.h5 ]
    done
    va-decode --tolerate 1 -o a.h5 f
    [ "$(column a.h5 /index)" = "3 7 12" ]
    head -c 40 f/12.png >half && mv half f/12.png
    run -3 --separate-stderr va-decode --tolerate 1 -o b.h5 f
    [[ ${stderr_lines[1]} == "va-decode: f/12.png: broken image: "*"found 2 broken, expected at most 1" ]]
    rm f/12.png $good
    mkfifo $good # must not be waited for
    run -3 --separate-stderr timeout 10 va-decode -o b.h5 f
    [ "$stderr" = "va-decode: f/00004.jpg: broken image: not a file" ]
}

@test "an image whose check sum is wrong" {
    local size
    size=$(stat -c %s f/12.png)
    printf '\x55\x55' | dd of=f/12.png bs=1 seek=$((size - 15)) conv=notrunc status=none # of IDAT
    run -3 --separate-stderr va-decode -o a.h5 f
    [[ $stderr == "va-decode: f/12.png: broken image: "* ]]
}
