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
    touch f/.DS_Store f/Thumbs.db f/00005.txt f/00006.jpg.part f/._00006.jpg
    mkdir f/00008.jpg # a folder is no picture
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
    make_image f/99999999999999999999.jpg 40 30 1
    refuses "f/99999999999999999999.jpg: found a frame number outside 1..2147483646" f
    rm f/9*.jpg
    refuses "f/12.png: found frame 12, expected at most 11 frames" --frame-count 11 f
    mkdir empty
    refuses "empty: found no image with a number, expected names like 00012.jpg or frame_00012.png" empty
    refuses "f: start and end in seconds need the frame rate of the folder (--fps)" \
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

@test "names of other programs: one prefix in a folder, from 0 or 1" {
    mkdir openface zero img mixed
    for i in 1 2 4; do
        make_image i.png 40 30 $((50 * i))
        ffmpeg -nostdin -v error -i i.png openface/frame_det_00_00000$i.bmp
        cp i.png zero/0000$((i - 1)).png
        cp i.png img/img_$i.png
    done
    va-decode --raw img >expected
    for d in openface zero img; do
        va-decode -o $d.h5 $d
        [ "$(column $d.h5 /index)" = "1 2 4" ]
        [ "$(attribute $d.h5 frame_count)" = 4 ]
        va-decode --raw $d | cmp - expected
    done
    cp f/00003.jpg mixed/1.jpg
    cp f/00004.jpg mixed/frame_2.jpg
    refuses "mixed: found 1.jpg and frame_2.jpg, expected one kind of names in a folder of crops" mixed
    mv mixed/1.jpg mixed/cover.jpg
    run -0 --separate-stderr va-decode -o m.h5 mixed
    [ "$stderr" = "va-decode: mixed: left out images without a number: 1, the first is cover.jpg; frames are called 00001.jpg, ..." ]
    [ "$(column m.h5 /index)" = 2 ]
}

@test "a picture is what it holds, not what it is called" {
    make_image i.png 40 30 90
    for e in bmp webp gif tiff jp2; do
        mkdir $e
        ffmpeg -nostdin -v error -i i.png -frames:v 1 $e/x.$e
        mv $e/x.$e $e/00001.jpg
        va-decode --raw $e >raw
        [ "$(stat -c %s raw)" = 3600 ]
        od -An -tu1 -j 3597 -N 3 raw | awk '($1 - 90)^2 > 900 { exit 1 }'
        head -c $(($(stat -c %s $e/00001.jpg) * 2 / 3)) $e/00001.jpg >half && mv half $e/00001.jpg
        run -3 --separate-stderr va-decode --raw $e
        [[ $stderr == "va-decode: $e/00001.jpg: broken image: "* ]]
    done
    mkdir other
    printf '\0\0\0\030ftypheic\0\0\0\0mif1heic' >other/00001.jpg
    refuses "other/00001.jpg: is a HEIC picture; convert it to JPEG or PNG" other
    echo '<!DOCTYPE html><html>not found</html>' >other/00001.jpg
    refuses "other/00001.jpg: is an HTML page; expected a picture" other
}

@test "whole pictures: bytes after the end of a JPEG, a colour profile that cannot be read" {
    mkdir p
    va-decode --raw f >expected
    for tail in '\n' '\r\n' 'dhav\131\031\001' '\0\0\001\012xxxxSEFT' '\377\377\377'; do
        cp f/0000[347].jp* f/12.png p
        # shellcheck disable=SC2059
        for i in p/*.jpg; do printf "$tail" >>"$i"; done
        va-decode --raw p | cmp - expected
    done
    mkdir png
    { head -c 33 f/12.png && printf '\0\0\0\006iCCPx\0\0abc\0\0\0\0' && tail -c +34 f/12.png; } >png/12.png
    va-decode --raw png | cmp - <(tail -c 3600 expected)
    size=$(stat -c %s f/00004.jpg)
    rm p/*
    { head -c $((size - 2)) f/00004.jpg && head -c 50 /dev/zero; } >p/1.jpg # its end is missing
    run -3 --separate-stderr va-decode -o a.h5 p
    [[ $stderr == "va-decode: p/1.jpg: broken image: "* ]]
}

@test "any number of decoders: the same frames and messages in the same order" {
    mkdir many
    for i in $(seq 40); do make_image "many/$i.jpg" $((20 + i)) 30 $((5 * i)); done
    head -c 200 many/7.jpg >many/8.jpg
    make_image many/21.jpg 400 300 77
    : >many/30.jpg
    rm many/13.jpg
    va-decode -j 1 --tolerate 2 --size 32 --raw many >expected 2>messages
    [ "$(grep -c "broken image" messages)" -eq 2 ]
    [ "$(stat -c %s expected)" -eq $((37 * 32 * 32 * 3)) ]
    for j in 2 3 5; do
        va-decode -j $j --tolerate 2 --size 32 --raw many >raw 2>err
        cmp expected raw
        cmp messages err
    done
    run -3 --separate-stderr va-decode -j 3 --size 32 -o bad.h5 many
    [[ "$stderr" == "va-decode: many/8.jpg: broken image: "* ]]
}
