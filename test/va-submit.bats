#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# va-submit writes what the challenge wants: rows, order and set of the official sample.
bats_require_minimum_version 1.8.0
load lib/va
setup() {
    cd "$BATS_TEST_TMPDIR" || return
    mkdir pred
    printf '%s\n' valence,arousal 0.25,-0.5 1.5,-1.25 0,0.125 >pred/video12.txt
    printf '%s\n' valence,arousal -0.5,0.75 >pred/10-60-1280x720_left.txt
    sample video12/00003.jpg,0,0 video12/00001.jpg,0,0 10-60-1280x720_left/00001.jpg,0,0 \
        video12/00002.jpg,0,0
}

sample() { printf '%s\n' image_location,valence,arousal "$@" >sample.txt; }

# refused TEXT: exit 3, this line, no output
refused() {
    run -3 --separate-stderr va-submit --sample sample.txt -o out.txt pred
    [ "$stderr" = "va-submit: sample.txt: $1" ] || explain "$stderr"
    [ "$output" = "" ]
    [ ! -e out.txt ]
}

@test "generic battery" {
    generic_battery va-submit --sample sample.txt -o out.txt pred/video12.txt pred/10-60-1280x720_left.txt
}

@test "rows in the sample's order, values within [-1, 1]" {
    run -0 --separate-stderr va-submit --sample sample.txt -o out.txt pred
    [ "$output$stderr" = "" ]
    diff out.txt - <<'EOF'
image_location,valence,arousal
video12/00003.jpg,0,0.125
video12/00001.jpg,0.25,-0.5
10-60-1280x720_left/00001.jpg,-0.5,0.75
video12/00002.jpg,1,-1
EOF
}

@test "va.predictions/1, a sample with CR LF and empty values" {
    make_features --frames 3 --video video12 f.h5
    mkdir labels
    cp pred/10-60-1280x720_left.txt labels/video12.txt
    va-window --unmatched allow --labels labels -o w.h5 f.h5 >/dev/null
    echo video12 >list
    va-ridge --method mean --windows w.h5 --train list --val list -o p.h5
    printf 'image_location,valence,arousal\r\nvideo12/00002.jpg,,\r\nvideo12/00001.jpg' >sample.txt
    va-submit --sample sample.txt -o out.txt p.h5
    diff out.txt <(printf '%s\n' image_location,valence,arousal video12/00002.jpg,-0.5,0.75 \
        video12/00001.jpg,-0.5,0.75)
}

@test "a video or a frame without a prediction" {
    sample video12/00001.jpg,0,0 other/00001.jpg,0,0
    refused "line 3: 'other/00001.jpg': no predictions for video 'other'"
    sample video12/00004.jpg,0,0
    refused "line 2: 'video12/00004.jpg': pred/video12.txt has predictions for 3 frames"
}

@test "a sample that is none: header, rows, frames that come twice" {
    sample video12/00001.jpg,0,0 10-60-1280x720_left/00001.jpg,0,0 video12/00001.jpg,0,0
    refused "line 4: found 'video12/00001.jpg', expected each image once"
    for row in video12 video12/1.png,0,0 video12/.jpg,0,0 /00001.jpg,0,0 video12/00000.jpg,0,0 \
        video12/00001.jpg,0,0,0 video12/1234567890.jpg,0,0; do
        sample "$row"
        refused "line 2: found '$row', expected <video>/<NNNNN>.jpg,valence,arousal"
    done
    sample
    refused "found no rows after the header"
    : >sample.txt
    refused "found an empty file, expected the header image_location,valence,arousal"
    echo "image,valence" >sample.txt
    refused "line 1: found 'image,valence', expected the header image_location,valence,arousal"
}
