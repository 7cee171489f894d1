#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# va-faces with a detector of red squares, whose people are known exactly. The published detector has
# va-faces-yunet.bats.
bats_require_minimum_version 1.8.0
load lib/va
load lib/scene

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return 1
    make_detector red.h5
    scene walk.mkv 2 "red 20+60*t 70"
    scene two.mkv 2 "magenta 200-10*t 100" "red 20+10*t 30"
}
setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    cp "$BATS_FILE_TMPDIR"/{red.h5,walk.mkv,two.mkv} .
}

# found VIDEO [OPTION...]: run over it; f.h5 is whole, nothing is said on stdout
found() {
    run -0 --separate-stderr va-faces -w red.h5 -o f.h5 "${@:2}" "$1"
    [ "$output" = "" ] && va-check f.h5
}

@test "generic battery" {
    export BATTERY_WHOLE=walk.mkv # its first half is a video, too
    generic_battery va-faces -w red.h5 -o out.h5 walk.mkv
}

@test "one person: a row a frame, where the face is, under the name of the video" {
    found walk.mkv
    [ "$stderr" = "va-faces: walk.mkv: 50 frames, 1 shot, 50 faces, 1 person" ]
    [ "$(people f.h5)" = "walk 1-50 50" ]
    [ "$(column f.h5 /index)" = "$(seq -s ' ' 50)" ]
    [ "$(column f.h5 /track)" = "$(yes 1 | head -n 50 | paste -sd ' ')" ]
    [ "$(attribute f.h5 video) $(attribute f.h5 fps) $(attribute f.h5 frame_count)" = "walk 25 50" ]
    [ "$(attribute f.h5 width) $(attribute f.h5 height) $(attribute f.h5 template)" = "320 192 arcface" ]
    [ "$(attribute f.h5 detector)" = "$(attribute red.h5 id)" ]
    # boxes lie on a grid of 8 pixels
    column f.h5 /box | tr ' ' '\n' | paste -d ' ' - - - - | awk '
        { x = 20 + 60 * (NR - 1) / 25 } ($1 - x)^2 > 64 || ($2 - 70)^2 > 64 || ($3 - 48)^2 > 1e-4 { bad = 1 }
        END { exit bad || NR != 50 }'
    column f.h5 /points | tr ' ' '\n' | paste -d ' ' - - - - - - - - - - | awk '
        { x = 20 + 60 * (NR - 1) / 25 } ($5 - x - 24)^2 > 64 { bad = 1 } END { exit bad }'
}

@test "threads change no byte; frames between are interpolated" {
    va-faces -q -j 1 -w red.h5 -o one.h5 two.mkv
    va-faces -q -j 3 -w red.h5 -o three.h5 two.mkv
    cmp one.h5 three.h5
    va-faces -q --every 4 -w red.h5 -o every.h5 two.mkv # searched: 1, 5, ... 49, and 50, the last
    va-check every.h5
    [ "$(people every.h5)" = $'two_left 1-50 50\ntwo_right 1-50 50' ] || explain "$(people every.h5)"
    va-faces -q -w red.h5 -o all.h5 walk.mkv
    va-faces -q -w red.h5 --every 4 -o every.h5 walk.mkv
    paste -d ' ' <(column all.h5 /box | tr ' ' '\n') <(column every.h5 /box | tr ' ' '\n') |
        awk '($1 - $2)^2 > 64.1 { bad = 1 } END { exit bad || NR != 200 }'
}

@test "two together are left and right; one for whom others are asked" {
    found two.mkv
    [ "$(people f.h5)" = $'two_left 1-50 50\ntwo_right 1-50 50' ]
    found two.mkv --people 1
    [ "$(people f.h5)" = "two 1-50 50" ]
    [ "$(column f.h5 /track | tr ' ' '\n' | sort | uniq -c | xargs)" = "50 0 50 1" ]
    found two.mkv --people largest --name b.c
    [ "$(people f.h5)" = "b.c 1-50 50" ]
}

@test "who is seen for a short time is nobody, but in a photograph or a clip that is short itself" {
    scene come.mkv 1 "red 20 60 gt(t,.7)"
    found come.mkv
    [ "$(people f.h5)" = "" ] && [ "$(column f.h5 /index | wc -w)" = 7 ] || explain "$(column f.h5 /index)"
    [ "$stderr" = "va-faces: come.mkv: 25 frames, 1 shot, 7 faces, 0 people: no person is seen as long as --min-track says" ] ||
        explain "$stderr"
    found two.mkv --min-track 3
    [ "$(people f.h5)" = $'two_left 1-50 50\ntwo_right 1-50 50' ]
    ffmpeg -nostdin -v error -i walk.mkv -frames:v 1 photo.png
    found photo.png
    [ "$stderr" = "va-faces: photo.png: 1 frame, 1 shot, 1 face, 1 person" ] || explain "$stderr"
}

@test "who goes and comes back is the same person, others are others" {
    scene back.mkv 6 "red 10 60 lt(t,1.5)+gt(t,4)" "magenta 200 60 between(t,1.6,3.9)"
    found back.mkv
    [ "$(people f.h5)" = $'back_1 1-150 87\nback_2 41-98 58' ] || explain "$(people f.h5)"
    found back.mkv --join 0
    [ "$(people f.h5 | cut -d ' ' -f 1 | paste -sd ' ')" = "back_1 back_2 back_3" ]
    # a curtain hides one of two for more than a second
    ffmpeg -nostdin -v error -y -f lavfi -i color=gray:s=320x192:r=25:d=5 -f lavfi -i color=magenta:s=48x48:r=25:d=5 \
        -f lavfi -i color=red:s=48x48:r=25:d=5 -f lavfi -i color=gray:s=110x90:r=25:d=5 -filter_complex \
        "[0][1]overlay=x='10+50*t':y=100[a];[a][2]overlay=x='30+10*t':y=20[b];[b][3]overlay=x=100:y=90[c]" \
        -map '[c]' -c:v ffv1 -pix_fmt bgr0 behind.mkv
    found behind.mkv
    [ "$(people f.h5 | wc -l)" = 2 ] || explain "$(people f.h5)"
    column f.h5 /index | tr ' ' '\n' | uniq -c | awk '$1 == 1 { n++ } END { exit n < 30 }' # hidden so long
}

@test "a cut between two people does not join them" {
    GROUND=black scene a.mkv 1 "red 100 60"
    GROUND=white scene b.mkv 1 "magenta 100 60"
    printf "file '%s'\n" a.mkv b.mkv >list.txt
    ffmpeg -nostdin -v error -f concat -i list.txt -c copy cut.mkv
    found cut.mkv
    [ "$stderr" = "va-faces: cut.mkv: 50 frames, 2 shots, 50 faces, 2 people" ]
    [ "$(people f.h5)" = $'cut_1 1-25 25\ncut_2 26-50 25' ]
    found cut.mkv --every 7 # the first and the last frame of a shot are searched
    [ "$(people f.h5)" = $'cut_1 1-25 25\ncut_2 26-50 25' ]
    for every in 2 24 25 26 1000; do
        va-faces -q -j 3 -w red.h5 --every $every -o every.h5 cut.mkv
        [ "$(column every.h5 /index)" = "$(column f.h5 /index)" ] || explain "--every $every: $(column every.h5 /index)"
    done
}

@test "a folder of whole pictures has times only with its rate; what is made from its faces too" {
    scene one.mkv 1 "red 20+10*t 30"
    mkdir one && ffmpeg -nostdin -v error -i one.mkv one/%05d.png
    run -0 --separate-stderr va-faces -q -w red.h5 -o none.h5 one
    [ "$stderr" = "va-faces: one: pictures have no times, so --gap and --min-track do not count: give --fps" ] || explain "$stderr"
    run -0 --separate-stderr va-faces -q -w red.h5 --fps 25 -o one.h5 one
    [ "$stderr" = "" ] || explain "$stderr"
    va-faces -q -w red.h5 -o video.h5 one.mkv
    [ "$(attribute one.h5 fps)" = 25 ]
    [ "$(column one.h5 /pts)" = "$(column video.h5 /pts)" ]
    va-weights init --arch vit_tiny -o tiny.h5
    va-embed -q -w tiny.h5 --faces one.h5 -o features.h5 one
    [ "$(column features.h5 /pts)" = "$(column video.h5 /pts)" ] && [ "$(attribute features.h5 fps)" = 25 ]
}

@test "no face, faces that are too small or not sure enough" {
    scene none.mkv 1 "blue 20 20"
    found none.mkv
    [ "$stderr" = "va-faces: none.mkv: found no face in 25 frames" ] || explain "$stderr"
    [ "$(people f.h5)$(column f.h5 /index)" = "" ]
    [ "$(attribute f.h5 frame_count)" = 25 ]
    found walk.mkv --min-size 49
    [ "$(column f.h5 /index)" = "" ]
    found walk.mkv --min-size 48 --min-score 0.9
    [ "$(people f.h5)" = "walk 1-50 50" ]
    found walk.mkv --min-score 1
    [ "$(column f.h5 /index)" = "" ]
}

@test "40 people; a picture of 16x16; a turned video" {
    inputs=() chain='[0]scale=1280:768[s0]' n=0
    for y in 30 180 330 480 630; do
        for x in 30 180 330 480 630 780 930 1080; do
            n=$((n + 1))
            inputs+=(-f lavfi -i "color=red:s=96x96:r=25:d=0.4")
            chain+=";[s$((n - 1))][$n]overlay=${x}:${y}[s$n]"
        done
    done
    ffmpeg -nostdin -v error -f lavfi -i color=gray:s=320x192:r=25:d=0.4 "${inputs[@]}" -filter_complex "$chain" \
        -map "[s$n]" -c:v ffv1 -pix_fmt bgr0 crowd.mkv
    found crowd.mkv --min-track 0 # 1280x768 is searched as 640x384
    [ "$(people f.h5 | wc -l)" = 40 ] || explain "$(people f.h5)"
    [ "$(people f.h5 | tail -n 1)" = "crowd_40 1-10 10" ]
    ffmpeg -nostdin -v error -f lavfi -i color=red:s=16x16:r=25:d=0.2 -c:v ffv1 -pix_fmt bgr0 small.mkv
    found small.mkv --min-size 0
    [ "$(attribute f.h5 width) $(attribute f.h5 height)" = "16 16" ]
    make_video turned.mp4 64 48 5 25 90
    found turned.mp4
    [ "$(attribute f.h5 width) $(attribute f.h5 height)" = "48 64" ]
}

@test "the detector: that of the environment, one that is missing, one of another kind" {
    export VA_FACES=red.h5
    va-faces -q -o f.h5 walk.mkv
    cp "$(command -v va-faces)" here # a program with nothing beside it
    unset VA_FACES
    run -3 --separate-stderr ./here -o no.h5 walk.mkv
    [ "$stderr" = "va-faces: no detector of faces: run \"make deps WITH=faces\" and \"make\", or give --weights yunet.h5" ]
    mkdir -p bin share/mamba-va
    mv here bin/va-faces
    cp red.h5 share/mamba-va/yunet.h5
    bin/va-faces -q -o g.h5 walk.mkv
    same_numbers f.h5 g.h5
    va-weights init --arch vit_tiny -o tiny.h5
    run -3 --separate-stderr va-faces -w tiny.h5 -o no.h5 walk.mkv
    [ "$stderr" = "va-faces: tiny.h5: arch is vit, expected yunet, a detector of faces" ]
    [ ! -e no.h5 ]
}

@test "check: where crops have their points, beside a template" {
    for i in 1 2 3; do
        ffmpeg -nostdin -v error -f lavfi -i color=gray:s=112x112 -f lavfi -i color=red:s=48x48 \
            -filter_complex overlay=32:32 -frames:v 1 "0000$i.png"
    done
    mkdir crops none && mv 0000?.png crops
    run -0 --separate-stderr va-faces check -w red.h5 crops
    [ "$stderr" = "va-faces: crops: a face in 3 of 3 pictures" ]
    [ "${#lines[@]}" = 6 ]
    # the face is 48 pixels wide, in the middle, on a grid of 8 pixels
    awk -F '\t' 'NR > 1 && (($2 - 56 - ($6 - 56) * 48 / 112) ^ 2 > 17 || ($3 - 56 - ($7 - 56) * 48 / 112) ^ 2 > 17 || $4 > 0) {
        bad = 1 } END { exit bad || NR != 6 || $1 != "left_mouth" || $6 != "70.73" }' <<<"$output"
    make_image none/00001.png 64 64 100
    run -3 --separate-stderr va-faces check -w red.h5 none
    [ "$stderr" = "va-faces: none: found no face in 1 pictures" ] && [ "$output" = "" ]
    run -2 va-faces check -w red.h5
}

@test "bad command lines: status 2" {
    refused() {
        run -2 --separate-stderr va-faces -w red.h5 "${@:2}"
        [ "$stderr" = "va-faces: $1 (try --help)" ] || explain "$stderr"
    }
    refused "missing --output FACES.h5" walk.mkv
    refused "expected one video, one folder or -" -o f.h5
    refused "--people some: expected all, largest or a number from 1" -o f.h5 --people some walk.mkv
    refused "--people 0: expected all, largest or a number from 1" -o f.h5 --people 0 walk.mkv
    refused "--name a/b: cannot be the name of a video (see va.frames(5))" -o f.h5 --name a/b walk.mkv
}
