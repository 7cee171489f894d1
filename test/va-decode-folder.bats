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

# oriented N ORDER FILE: a copy of f/00004.jpg that EXIF turns, in the order of bytes II or MM
oriented() {
    local fields n
    n=$(printf '\\%03o' "$1")
    case $2 in
    II) fields="II*\\0\\010\\0\\0\\0\\001\\0\\022\\001\\003\\0\\001\\0\\0\\0$n\\0\\0\\0\\0\\0\\0\\0" ;;
    MM) fields="MM\\0*\\0\\0\\0\\010\\0\\001\\001\\022\\0\\003\\0\\0\\0\\001\\0$n\\0\\0\\0\\0\\0\\0" ;;
    esac
    # shellcheck disable=SC2059
    { head -c 2 f/00004.jpg && printf "\377\341\0\042Exif\0\0$fields" && tail -c +3 f/00004.jpg; } >"$3"
}

@test "the orientation in a JPEG: a red corner in the upper left goes where EXIF has it" {
    mkdir turned
    corner() { # X Y of the corner that is red, of a picture WIDTH HEIGHT in raw
        for y in 2 $(($2 - 3)); do for x in 2 $(($1 - 3)); do
            [ "$(od -An -tu1 -j $((3 * (y * $1 + x))) -N 1 raw)" -lt 150 ] || echo "$x $y"
        done; done
    }
    for order in II MM; do
        for case in "1 40 30 2 2" "2 40 30 37 2" "3 40 30 37 27" "4 40 30 2 27" \
            "5 30 40 2 2" "6 30 40 27 2" "7 30 40 27 37" "8 30 40 2 37" "0 40 30 2 2" "9 40 30 2 2"; do
            read -r n width height x y <<<"$case"
            oriented "$n" $order turned/1.jpg
            va-decode --raw turned >raw
            [ "$(stat -c %s raw)" = 3600 ]
            [ "$(corner "$width" "$height")" = "$x $y" ] || explain "$order $n: $(corner "$width" "$height")"
            va-decode --unconfined --raw turned | cmp - raw
        done
    done
}

@test "JPEG equals what Pillow makes of it, decoded and scaled" {
    python_with PIL numpy
    mkdir p
    "$PY" - <<'END'
import io, numpy as np
from PIL import Image
rng = np.random.default_rng(4)
forms = [dict(subsampling=s, progressive=p) for s in (0, 1, 2) for p in (False, True)] + [dict(keep_rgb=True)]
for i, form in enumerate(forms + [dict(grey=True)], 1):
    picture = Image.fromarray(rng.integers(0, 256, (9, 11, 3), np.uint8)).resize((75, 61), Image.BICUBIC)
    if form.pop("grey", False):
        picture = picture.convert("L")
    picture.save("p/%d.jpg" % i, quality=90, **form)
    picture = Image.open("p/%d.jpg" % i).convert("RGB")
    for name, size in ("expected", picture.size), ("larger", (224, 224)), ("smaller", (30, 20)):
        open(name, "ab").write(np.asarray(picture.resize(size, Image.BICUBIC)).tobytes())
END
    va-decode --raw p | cmp - expected
    va-decode --size 224 --raw p | cmp - larger
    va-decode --size 30x20 --raw p | cmp - smaller
}
