#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# va-decode and va-embed with --faces: crops of a person, by a file of faces that va-faces made with a
# detector of red squares. Where crops lie exactly is in test_cropper, too.
bats_require_minimum_version 1.8.0
load lib/va
load lib/scene

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return 1
    make_detector red.h5
    va-weights init --arch vit_tiny -o tiny.h5
    scene still.mkv 0.4 "red 96 72" "blue 160 60" "lime 60 110"
    scene two.mkv 1 "magenta 200-10*t 100 lt(t,0.4)+gt(t,0.6)" "red 20+10*t 30"
    for v in still two; do va-faces -q -w red.h5 --min-track 0 -o $v.faces.h5 $v.mkv; done
}
setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    cp "$BATS_FILE_TMPDIR"/{tiny,still.faces,two.faces}.h5 "$BATS_FILE_TMPDIR"/{still,two}.mkv .
}

# refused TOOL SAID ARGS...: status 3, one line
refused() {
    run -3 --separate-stderr "$1" "${@:3}"
    [ "$stderr" = "$1: $2" ] || explain "$stderr"
    [ "$output" = "" ] && [ -z "$(find . -name '*.part')" ]
}

# near RAW RAW: as many bytes, none more than 2 levels apart: places of pixels are rounded
near() {
    [ "$(wc -c <"$1")" -gt 0 ] && [ "$(wc -c <"$1")" = "$(wc -c <"$2")" ]
    paste -d ' ' <(od -An -v -tu1 -w1 "$1") <(od -An -v -tu1 -w1 "$2") |
        awk '($1 - $2) ^ 2 > 4 { n++ } END { if (n) print n " bytes differ"; exit n > 0 }'
}

# brief.mkv shows a face, but not for long; none.h5 has its faces
brief() {
    scene brief.mkv 1 "red 20 30 gt(t,.7)"
    va-faces -q -w "$BATS_FILE_TMPDIR/red.h5" -o none.h5 brief.mkv
}

@test "generic battery" {
    export BATTERY_WHOLE=still.mkv # its first half is a video, too
    generic_battery va-decode --faces still.faces.h5 -o out.h5 still.mkv
    generic_battery va-embed -w tiny.h5 --faces still.faces.h5 -o out.h5 still.mkv
}

@test "a crop is the part of the picture where the face is, of any size and margin" {
    read -r x y w h <<<"$(column still.faces.h5 /box | cut -d ' ' -f 1-4)"
    [ "$w $h" = "48 48" ]
    va-decode --raw still.mkv >whole.rgb
    cut() { # SIDE X Y
        ffmpeg -nostdin -v error -y -f rawvideo -pix_fmt rgb24 -s 320x192 -r 25 -i whole.rgb -vf "crop=$1:$1:$2:$3" \
            -f rawvideo -pix_fmt rgb24 cut.rgb
    }
    va-decode --faces still.faces.h5 --smooth 1 --size 48 --raw still.mkv >crop.rgb
    cut 48 "$x" "$y" && near crop.rgb cut.rgb
    va-decode --faces still.faces.h5 --size 96x96 --margin 0.5 --raw still.mkv >crop.rgb # nothing moves
    cut 96 $((x - 24)) $((y - 24)) && near crop.rgb cut.rgb
    va-decode --faces still.faces.h5 --margin 1 --raw still.mkv | head -c $((112 * 112 * 3)) >crop.rgb
    at() { od -An -tu1 -N 3 -j $((($2 * 112 + $1) * 3)) crop.rgb | xargs; }
    read -r red green blue <<<"$(at 56 56)"
    [ "$red" -gt 240 ] && [ "$green" -lt 15 ] && [ "$blue" -lt 15 ]
    read -r red green blue <<<"$(at 1 1)"
    [ "$red" = "$green" ] && [ "$blue" = "$green" ]
}

@test "another template moves the crop" {
    printf '%s\n' ".1 .2" ".3 .2" ".2 .3" ".1 .4" ".3 .4" >small.txt
    va-decode --faces still.faces.h5 --raw still.mkv >a.rgb
    va-decode --faces still.faces.h5 --template small.txt --raw still.mkv >b.rgb
    run -1 near a.rgb b.rgb
    va-decode --faces still.faces.h5 --template arcface --raw still.mkv | cmp - a.rgb
}

@test "frames and features are called as the person, and say where the person is and how surely" {
    va-decode --faces two.faces.h5 --track two_right -o right.h5 two.mkv
    va-check right.h5
    [ "$(attribute right.h5 video) $(attribute right.h5 frame_count)" = "two_right 25" ]
    [ "$(column right.h5 /index)" = "1 2 3 4 5 6 7 8 9 10 17 18 19 20 21 22 23 24 25" ] ||
        explain "$(column right.h5 /index)"
    va-embed -w tiny.h5 --faces two.faces.h5 --track two_right -o direct.h5 two.mkv
    va-embed -w tiny.h5 -o by.h5 right.h5
    va-h5cmp direct.h5 by.h5
    va-check direct.h5
    [ "$(column direct.h5 /score | wc -w)" = 19 ]
    paste -d ' ' <(column two.faces.h5 /track | tr ' ' '\n') <(column two.faces.h5 /score | tr ' ' '\n') |
        awk '$1 == 2 { print $2 }' | paste -sd ' ' | cmp - <(column direct.h5 /score)
    va-decode -o whole.h5 two.mkv # and from frames of the whole video
    mv whole.h5 two.frames.h5
    va-embed -w tiny.h5 --faces two.faces.h5 --track two_right -o third.h5 two.frames.h5
    va-h5cmp direct.h5 third.h5
}

@test "crops of any size and smoothing: both ways give equal features" {
    more=(--faces two.faces.h5 --track two_left --smooth 7 --margin 0.2 --size 64)
    va-decode "${more[@]}" -o left.h5 two.mkv
    va-embed -w tiny.h5 -o by.h5 left.h5
    va-embed -w tiny.h5 "${more[@]}" -j 1 -o direct.h5 two.mkv
    va-h5cmp direct.h5 by.h5
    va-embed -w tiny.h5 "${more[@]}" --smooth 1 -o other.h5 two.mkv
    run -1 va-h5cmp -q direct.h5 other.h5
}

@test "all people: a features file each, a folder of crops each" {
    va-embed -w tiny.h5 --faces two.faces.h5 --output-dir all two.mkv
    [ "$(ls all)" = $'two_left.h5\ntwo_right.h5' ]
    va-embed -w tiny.h5 --faces two.faces.h5 --track two_left -o left.h5 two.mkv
    va-h5cmp left.h5 all/two_left.h5
    va-embed -w tiny.h5 --faces two.faces.h5 --track two_right -o right.h5 two.mkv
    va-h5cmp right.h5 all/two_right.h5
    va-embed -w tiny.h5 --faces two.faces.h5 --name two --batch 3 --output-dir piped - <two.mkv # so it is decoded once
    va-h5cmp left.h5 piped/two_left.h5
    va-h5cmp right.h5 piped/two_right.h5
    va-decode --faces two.faces.h5 --crops crops two.mkv
    [ "$(ls -A crops)" = $'two_left\ntwo_right' ]
    [ "$(ls crops/two_left)" = "$(seq -f %05g.jpg 25)" ]
    [ "$(find crops/two_right -name '*.jpg' | wc -l)" = 19 ]
    va-decode -o left.frames.h5 crops/two_left # a folder as any other
    [ "$(attribute left.frames.h5 video)" = two_left ]
    refused va-decode "crops/two_left: exists, expected no such folder: remove it or choose another --crops DIR" \
        --faces two.faces.h5 --crops crops two.mkv
    va-decode --faces two.faces.h5 --track two_right --start 0.6 --end 0.8 --crops some two.mkv
    [ "$(cd some && find . -type f | sort | paste -sd ' ')" = "$(printf "./two_right/%05d.jpg " 17 18 19 20 | sed 's/ $//')" ]
}

@test "which person: unknown, none told, none there" {
    refused va-embed "two.faces.h5: has 2 people: choose one with --track: two_left, two_right" \
        -w tiny.h5 --faces two.faces.h5 -o out.h5 two.mkv
    refused va-decode "two.faces.h5: has no track who, expected one of: two_left, two_right" \
        --faces two.faces.h5 --track who -o out.h5 two.mkv
    brief
    refused va-decode "none.h5: has no person: no face of the video was found for long enough" --faces none.h5 --crops out brief.mkv
    refused va-embed "none.h5: has no person: no face of the video was found for long enough" -w tiny.h5 --faces none.h5 -o out.h5 brief.mkv
    refused va-decode "two.mkv: found no frame with a face between --start and --end" \
        --faces two.faces.h5 --track two_right --start 0.44 --end 0.52 -o out.h5 two.mkv
    [ ! -e out.h5 ]
}

@test "nobody in a video: features without a row, and face 0 in every frame of the table" {
    va-faces -q -w "$BATS_FILE_TMPDIR/red.h5" --min-score 1 -o none.h5 two.mkv
    run -0 --separate-stderr va-embed -w tiny.h5 --faces none.h5 --output-dir out two.mkv
    [ "$stderr" = "va-embed: none.h5: no face was found: the table of two.mkv will say face 0 in every frame" ] || explain "$stderr"
    brief
    run -0 --separate-stderr va-embed -w tiny.h5 --faces none.h5 --output-dir out brief.mkv
    [ "$stderr" = "va-embed: none.h5: no face was found for long enough: the table of brief.mkv will say face 0 in every frame" ] ||
        explain "$stderr"
    va-check out/two.h5
    va-weights init --arch mamba-va --in-dim 192 --channels 16,16 --kernel 3 --layers 1 -o model.h5
    va-predict -q -m model.h5 --table two.csv -o pred.h5 out/two.h5
    [ "$(cut -d , -f 3-5 two.csv | sort | uniq -c | xargs)" = "1 person,face,confidence 25 two,0,0.000" ]
    awk -F , 'NR > 1 && ($2 - ($1 - 1) / 25) ^ 2 > 1e-9 { exit 1 }' two.csv
    va-plot -o two.svg pred.h5
    grep -q "25 frames.*, 25 without a face" two.svg
}

@test "faces of another video: its name, the size of its frames, their times, their number" {
    refused va-embed "still.mkv: is video still, but two.faces.h5 is of two: give files of one video" \
        -w tiny.h5 --faces two.faces.h5 --track two_left -o out.h5 still.mkv
    make_video still.mp4 64 48 10 25
    refused va-decode "still.mp4: has frames of 64x48 pixels, expected 320x192 as in still.faces.h5: give files of one video" \
        --faces still.faces.h5 -o out.h5 still.mp4
    mkdir more && scene more/still.mkv 0.8 "red 96 72"
    said="more/still.mkv: has 20 frames, expected 10 as in still.faces.h5: give files of one video"
    refused va-decode "$said" --faces still.faces.h5 -o out.h5 more/still.mkv
    refused va-decode "$said" --faces still.faces.h5 --crops out more/still.mkv
    refused va-embed "$said" -w tiny.h5 --faces still.faces.h5 -o out.h5 more/still.mkv
    # their times
    mkdir slow && ffmpeg -nostdin -v error -i still.mkv -vf setpts=PTS*25/18 -r 18 -c:v ffv1 -pix_fmt bgr0 slow/still.mkv
    said="slow/still.mkv: has frame 5 at 0.222 s, expected 0.191 s as in still.faces.h5: give files of one video"
    refused va-decode "$said" --faces still.faces.h5 -o out.h5 slow/still.mkv
    refused va-embed "$said" -w tiny.h5 --faces still.faces.h5 -o out.h5 slow/still.mkv
    va-decode -q --name still -o slow.h5 slow/still.mkv
    refused va-embed "slow.h5${said#slow/still.mkv}" -w tiny.h5 --faces still.faces.h5 -o out.h5 slow.h5
    [ ! -e out.h5 ] && [ -z "$(ls -A out)" ]
    # of nobody: the size, the number
    scene nobody.mkv 0.4
    va-faces -q -w "$BATS_FILE_TMPDIR/red.h5" -o nobody.faces.h5 nobody.mkv 2>/dev/null
    mkdir none
    va-embed -q -w tiny.h5 --faces nobody.faces.h5 --output-dir none nobody.mkv
    rm none/*
    scene more/nobody.mkv 0.8
    run -3 --separate-stderr va-embed -w tiny.h5 --faces nobody.faces.h5 --output-dir none more/nobody.mkv
    [ "${stderr##*$'\n'}" = "va-embed: more/nobody.mkv: has 20 frames, expected 10 as in nobody.faces.h5: give files of one video" ] || explain "$stderr"
    make_video slow/nobody.mp4 64 48 10 25
    run -3 --separate-stderr va-embed -w tiny.h5 --faces nobody.faces.h5 --output-dir none slow/nobody.mp4
    [ "${stderr##*$'\n'}" = "va-embed: slow/nobody.mp4: has frames of 64x48 pixels, expected 320x192 as in nobody.faces.h5: give files of one video" ] || explain "$stderr"
    [ -z "$(ls -A none)" ]
    cp two.mkv other.mkv && va-decode --name two --faces two.faces.h5 --track two_left -o left.h5 other.mkv
}

@test "a copy in another container is the same video: its times are shifted and rounded" {
    ffmpeg -nostdin -v error -i two.mkv -c:v mpeg2video -q:v 2 -r 30000/1001 -bf 2 two.mp4
    va-faces -q -w "$BATS_FILE_TMPDIR/red.h5" --min-track 0 -o made.h5 two.mp4
    va-decode --faces made.h5 --track two_left --raw two.mp4 >two.rgb
    for copy in copy.mkv copy.ts copy.avi; do
        ffmpeg -nostdin -v error -i two.mp4 -c copy $copy
        va-decode --name two --faces made.h5 --track two_left --raw $copy | cmp - two.rgb
    done
    # pictures have times only if --fps says so
    mkdir two && ffmpeg -nostdin -v error -i two.mkv two/%05d.png
    va-decode --faces two.faces.h5 --track two_left --raw two >two.rgb && [ -s two.rgb ]
    va-faces -q -w "$BATS_FILE_TMPDIR/red.h5" --min-track 0 -o pictures.h5 two
    va-decode --fps 50 --faces pictures.h5 --track two_left --raw two | cmp - two.rgb
}

@test "hostile files of faces: one line that names the place" {
    broken() { # SAID H5EDIT...
        cp two.faces.h5 bad.h5
        h5edit bad.h5 "${@:2}"
        run -3 --separate-stderr va-decode --faces bad.h5 --crops out two.mkv
        [[ "$stderr" == "va-decode: bad.h5: $1"* ]] || explain "$stderr" || return 1
        [ "${#stderr_lines[@]}" = 1 ] && [ ! -e out ]
    }
    broken "/points" poke /points 4 nan
    broken "/index" poke /index 3 40
    broken "/index" poke /index 3 0
    broken "/index" poke /index 3 1
    broken "/track[2]: found 3, expected at most 2, the number of people" poke /track 2 3
    broken "/tracks/count[0]: found 2000000000, expected 25 as in /track" poke /tracks/count 0 2000000000
    broken "/score" poke /score 0 1.5
    broken "@template: found /etc/passwd, expected arcface: give --template" vstring @template /etc/passwd
    broken "" delete /tracks/name
    cp two.faces.h5 twice.h5 && h5edit twice.h5 poke /track 1 1 && h5edit twice.h5 poke /tracks/count 0 26 &&
        h5edit twice.h5 poke /tracks/count 1 18
    refused va-decode "twice.h5: /index[1]: found two faces of two_left in frame 1, expected one" --faces twice.h5 --crops out two.mkv
    cp two.faces.h5 bad.h5 && h5edit bad.h5 poke /points 4 3e38 # finite: black
    va-decode --faces bad.h5 --crops out two.mkv
}

@test "bad command lines: status 2" {
    usage() {
        run -2 --separate-stderr "${@:2}"
        [ "$stderr" = "$2: $1 (try --help)" ] || explain "$stderr"
    }
    usage "--track needs --faces FACES.h5" va-decode --track a -o o.h5 two.mkv
    usage "--smooth needs --faces FACES.h5" va-embed -w tiny.h5 --smooth 1 -o o.h5 two.mkv
    usage "--size needs --faces FACES.h5" va-embed -w tiny.h5 --size 64 -o o.h5 two.mkv
    usage "--crops needs --faces FACES.h5" va-decode --crops d two.mkv
    for out in p /dev/null two.mkv/d; do
        [ -e p ] || mkfifo p
        run -4 --separate-stderr va-decode --faces two.faces.h5 --crops $out two.mkv
        [ "$stderr" = "va-decode: $out: cannot make folder: Not a directory" ] || explain "$stderr"
    done
    usage "--output and --crops conflict" va-decode --faces two.faces.h5 --crops d -o o.h5 two.mkv
    usage "--size 20x30: expected N of 16..4096 with --faces" va-decode --faces two.faces.h5 --size 20x30 -o o.h5 two.mkv
    usage "--faces is for one video" va-embed -w tiny.h5 --faces two.faces.h5 --output-dir d two.mkv still.mkv
}
