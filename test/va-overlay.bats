#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# va-overlay draws faces and predictions over a video: pixels, times and sound of what it writes.
bats_require_minimum_version 1.8.0
load lib/va
load lib/scene

# The scene is enlarged to 960x576, with sound: on it 1.44 pixels are a unit of drawing, so the panel is
# at 11..948 x 386..564, the plane at 799..937 x 415..553; traces end at 775, and 10 s of them are 752 pixels.
setup_file() {
    cd "$BATS_FILE_TMPDIR" || return 1
    make_detector red.h5
    scene two.mkv 2 "magenta 230 40 lt(t,1.5)" "red 30 40"
    ffmpeg -nostdin -v error -i two.mkv -f lavfi -i sine=330:r=16000:d=2.2 -vf scale=960:576:flags=neighbor -c:v mpeg4 -q:v 2 \
        -c:a aac -shortest two.mp4
    va-faces -q -w red.h5 --min-track 0 --max-side 320 --join 0.05 -o two.faces.h5 two.mp4
    constant 50 0.5 -0.5 >two_left.txt
    constant 50 -0.5 0.5 >two_right.txt
    make_predictions --fps 25 --model 0123456789 -o two.pred.h5 two_left.txt two_right.txt
    cp two_left.txt two.txt
    make_predictions --fps 25 --face -o whole.pred.h5 two.txt
}
setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    cp "$BATS_FILE_TMPDIR"/*.{h5,mp4} .
}
constant() { # FRAMES VALENCE AROUSAL
    echo valence,arousal
    for ((i = 0; i < $1; i++)); do echo "$2,$3"; done
}
refused() { # CODE TEXT ARGS...
    run "-$1" --separate-stderr va-overlay "${@:3}"
    [ "$stderr" = "va-overlay: $2" ] || explain "$stderr"
    [ "$output" = "" ] && [ -z "$(find . -name '*.part')" ]
}

# frame VIDEO N: frame.rgb becomes frame N, of this width
frame() {
    local size
    size=$(ffprobe -v error -select_streams v -show_entries stream=width,height -of csv=p=0:s=x "$1")
    width=${size%x*}
    va-decode --raw "$1" | tail -c +$((${size%x*} * ${size#*x} * 3 * ($2 - 1) + 1)) | head -c $((${size%x*} * ${size#*x} * 3)) >frame.rgb
}
# pixel X Y "RED GREEN BLUE": of frame.rgb, about
pixel() {
    local found
    found=$(od -An -tu1 -N 3 -j $((($2 * width + $1) * 3)) frame.rgb | xargs)
    awk '{ for (i = 1; i < 4; i++) if (($i - $(i + 3)) ^ 2 > 1600) exit 1 }' <<<"$found $3" ||
        explain "pixel $1 $2: found $found, expected $3"
}
# box TRACK: x, y, w and h of its first face
box() {
    read -r x y w h <<<"$(paste -d ' ' <(column two.faces.h5 /track | tr ' ' '\n') <(column two.faces.h5 /box | xargs -n 4) |
        sed -n "s/^$1 //p" | head -n 1 | sed 's/\.[0-9]*//g')"
}
first="86 180 233" second="245 160 90"

@test "generic battery" {
    export BATTERY_WHOLE=two.mp4 BATTERY_SKIP=full # half of an MP4 is refused, but as broken: see below
    generic_battery va-overlay --quality 50 --faces two.faces.h5 --predictions two.pred.h5 -o out.mp4 two.mp4
}

@test "boxes, curves and dots have the colours of the people, and lie where they should" {
    va-overlay --quality 100 --faces two.faces.h5 --predictions two.pred.h5 -o out.mp4 two.mp4
    frame out.mp4 30
    box 1
    pixel "$x" $((y + h / 2)) "$first"
    pixel $((x + w / 2)) $((y + h)) "$first"
    pixel $((x + w / 2)) $((y + h / 2)) "254 0 0" # nothing is drawn on faces
    pixel 480 200 "128 128 128" # nor beside them
    pixel 902 518 "$first" # dot at .5, -.5
    pixel 833 450 "$second" # and at -.5, .5
    pixel 787 470 "32 32 32" # panel: a quarter of grey
    # 30 frames are 1.16 s, 87 pixels: valence .5 is at 443, -.5 at 466
    pixel 700 443 "$first"
    pixel 700 466 "$second"
    pixel 680 443 "32 32 32"
    frame out.mp4 45                              # the other one has left, its predictions go on
    pixel 902 518 "$first"
    box 2
    pixel "$x" $((y + h / 2)) "128 128 128"
}

@test "one person, predictions alone: curves in the colours of valence and arousal, gaps where there is no face" {
    va-overlay --quality 100 --predictions whole.pred.h5 -o out.mp4 two.mp4
    frame out.mp4 50 # has a face; every third has none
    pixel 906 518 "$first"
    frame out.mp4 48
    pixel 906 518 "32 32 32" # without a face no dot, but the way to there
    va-overlay --quality 100 --faces two.faces.h5 -o boxes.mp4 two.mp4
    frame boxes.mp4 30
    pixel 787 470 "128 128 128" # no predictions, no panel
}

@test "frames, times and sound are those of the video" {
    va-overlay -q --faces two.faces.h5 --predictions two.pred.h5 -o out.mp4 two.mp4
    times() { ffprobe -v error -select_streams "$2" -show_entries packet=pts_time -of csv=p=0 "$1" | grep -o '[0-9.-]*' | sort -n; }
    sound() { ffmpeg -nostdin -v error -i "$1" -map 0:a -c copy -f md5 -; }
    same_times() {
        paste "$1" "$2" | awk 'NF != 2 || ($1 - $2) ^ 2 > 1e-9 { n++ } END { exit !NR || n > 0 }' || explain "$(paste "$1" "$2")"
    }
    for s in v a; do
        times two.mp4 $s >a
        times out.mp4 $s >b
        same_times a b
    done
    [ "$(sound two.mp4)" = "$(sound out.mp4)" ]
    va-overlay -q --no-sound --unconfined --faces two.faces.h5 -o mute.mp4 two.mp4
    [ "$(ffprobe -v error -show_entries stream=codec_type -of csv=p=0 mute.mp4)" = video ]
    va-overlay -q --unconfined --faces two.faces.h5 --predictions two.pred.h5 -o here.mp4 two.mp4
    cmp here.mp4 out.mp4
    # frames at any time, which begin late, and sound that MP4 does not hold but QuickTime does
    ffmpeg -nostdin -v error -i two.mp4 -vf "select='lt(n,9)+gt(mod(n,3),0)',setpts=PTS+1.4/TB" -af asetpts=PTS+1.5/TB -fps_mode vfr -c:v mpeg4 \
        -q:v 2 -c:a pcm_s16le uneven.mov
    constant "$(times uneven.mov v | wc -l)" 0 0 >uneven.txt
    make_predictions -o uneven.h5 uneven.txt
    va-overlay -q --predictions uneven.h5 -o out.mov uneven.mov
    times uneven.mov v >a
    times out.mov v >b
    same_times a b
    [ "$(head -n 1 b | cut -c 1-3)" = 1.4 ]
    [ "$(sound uneven.mov)" = "$(sound out.mov)" ]
    run -0 --separate-stderr va-overlay --predictions uneven.h5 -o uneven.mp4 uneven.mov
    [[ $stderr == *"va-overlay: uneven.mov: its sound of format pcm_s16le is left out, since MP4 files cannot hold it"* ]] ||
        explain "$stderr"
    [ "$(ffprobe -v error -show_entries stream=codec_type -of csv=p=0 uneven.mp4)" = video ]
}

@test "sound of other containers: as ADTS in a stream that was joined, MP3, Opus, FLAC" {
    ffmpeg -nostdin -v error -i two.mp4 -c:v mpeg2video -q:v 3 -c:a aac part.ts
    cat part.ts part.ts >joined.ts
    constant 100 0 0 >joined.txt
    make_predictions -o joined.h5 joined.txt
    run -0 --separate-stderr va-overlay -q --predictions joined.h5 -o joined.mp4 joined.ts
    ffmpeg -nostdin -v error -i joined.mp4 -f null - 2>said
    [ ! -s said ]
    [ "$(ffprobe -v error -count_packets -select_streams v -show_entries stream=nb_read_packets -of csv=p=0 joined.mp4)" = 100 ]
    # both go on where they start again: the last of the sound is near the last of the pictures
    for s in v a; do
        ffprobe -v error -select_streams $s -show_entries packet=pts_time -of csv=p=0 joined.mp4 | grep -o '[0-9.]*' | sort -n | tail -n 1
    done | xargs | awk '($1 - $2) ^ 2 > .25 || $1 < 4 { bad = 1; print } END { exit bad || NR != 1 }'
    mv two.pred.h5 made.pred.h5
    for as in "libmp3lame avi" "libopus mkv" "flac mkv"; do
        ffmpeg -nostdin -v error -y -i two.mp4 -c:v mpeg4 -q:v 3 -c:a "${as% *}" -ar 48000 "made.${as#* }" 2>/dev/null || continue
        va-overlay -q --name two --faces two.faces.h5 --predictions made.pred.h5 -o made.mp4 "made.${as#* }"
        for f in "made.${as#* }" made.mp4; do ffmpeg -nostdin -v error -i "$f" -map 0:a -c copy -f md5 -; done | uniq >sums
        [ "$(wc -l <sums)" = 1 ] || explain "$as: $(cat sums)"
    done
}

@test "rotated and odd-sized videos" {
    make_video turned.mp4 640 400 5 25 90
    constant 5 0.5 -0.5 >turned.txt
    make_predictions --fps 25 -o turned.h5 turned.txt
    va-overlay --quality 100 --predictions turned.h5 -o out.mp4 turned.mp4
    [ "$(ffprobe -v error -select_streams v -show_entries stream=width,height:stream_side_data=rotation -of csv=p=0 out.mp4)" = 400,640 ]
    va-decode --raw turned.mp4 | head -c $((400 * 300 * 3)) >a # the upper part, without a panel
    va-decode --raw out.mp4 | head -c $((400 * 300 * 3)) >b
    cmp -l a b | awk '{ d = ($2 - $3) ^ 2 } d > 400 { n++ } END { exit n > 400 * 3 }'
    ffmpeg -nostdin -v error -f lavfi -i color=gray:s=400x300:r=25:d=0.2 -vf format=bgr0,scale=321:201 -c:v ffv1 odd.mkv
    constant 5 0.5 -0.5 >odd.txt
    make_predictions --fps 25 -o odd.h5 odd.txt
    va-overlay --predictions odd.h5 -o odd.mp4 odd.mkv
    [ "$(ffprobe -v error -show_entries stream=width,height -of csv=p=0 odd.mp4)" = 322,202 ]
    ffmpeg -nostdin -v error -f lavfi -i color=gray:s=16x16:r=25:d=0.2 -c:v ffv1 small.mkv
    mv odd.txt small.txt
    make_predictions --fps 25 -o small.h5 small.txt
    run -0 --separate-stderr va-overlay -q --predictions small.h5 -o small.mp4 small.mkv
    [ "$stderr" = "va-overlay: small.mkv: pictures of 16x16 are too small for curves" ] || explain "$stderr"
}

@test "what is no output of ours stays: the input, another video" {
    cp two.mp4 other.mp4
    cp two.mp4 before
    refused 2 "other.mp4: exists and holds an MP4 or QuickTime video, not an earlier output: name another file, or replace it with --force" \
        --faces two.faces.h5 -o other.mp4 two.mp4 || explain "$stderr"
    cmp other.mp4 before
    run -2 --separate-stderr va-overlay --force --faces two.faces.h5 -o two.mp4 two.mp4
    cmp two.mp4 before
    va-overlay -q --force --faces two.faces.h5 -o other.mp4 two.mp4
    va-overlay -q --faces two.faces.h5 -o other.mp4 two.mp4 # now it is
}

@test "files that do not belong together, and mistakes: one line, no output" {
    refused 2 "expected --faces FACES.h5, --predictions PRED.h5 or both (try --help)" -o out.mp4 two.mp4
    for name in out.avi out.mkv out .mp4; do
        refused 2 "--output $name: expected a name that ends in .mp4 or .mov (try --help)" --faces two.faces.h5 -o $name two.mp4
    done
    refused 2 "expected a file: a video is read twice, for its sound (try --help)" --faces two.faces.h5 -o out.mp4 -
    refused 3 "two.mp4: is video other, but two.faces.h5 is of two: give files of one video" \
        --name other --faces two.faces.h5 -o out.mp4 two.mp4
    refused 3 "whole.pred.h5: has predictions for none of the people of two.faces.h5" \
        --faces two.faces.h5 --predictions whole.pred.h5 -o out.mp4 two.mp4
    refused 3 "two.pred.h5: found no video 'two': give --name, or --faces to name people" --predictions two.pred.h5 -o out.mp4 two.mp4
    constant 49 0 0 >two.txt
    make_predictions --fps 25 -o short.h5 two.txt
    refused 3 "two.mp4: has 50 frames, expected 49 as in two of short.h5: give files of one video" --predictions short.h5 -o out.mp4 two.mp4
    # predictions at other times, of which those of frames without a face are estimates
    constant 50 0 0 >two.txt
    make_predictions --fps 20 -o slow.h5 two.txt
    refused 3 "two.mp4: has frame 7 at 0.240 s, expected 0.270 s as in two of slow.h5: give files of one video" --predictions slow.h5 -o out.mp4 two.mp4
    make_predictions --fps 25 --face -o own.h5 two.txt
    for k in 2 5 8; do h5edit own.h5 poke /videos/two/pts $k 9; done
    va-overlay -q --predictions own.h5 -o out.mp4 two.mp4 && rm out.mp4
    make_video two.mov 64 64 50 25
    refused 3 "two.mov: has frames of 64x64 pixels, expected 960x576 as in two.faces.h5: give files of one video" \
        --faces two.faces.h5 -o out.mp4 two.mov
    head -c 30000 two.mp4 >two.m4v
    run -3 --separate-stderr va-overlay --faces two.faces.h5 -o out.mp4 two.m4v
    [ ! -e out.mp4 ]
}
