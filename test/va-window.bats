#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# va-window cuts timelines into windows; the traps of Aff-Wild2 on disk are in the inputs.
bats_require_minimum_version 1.8.0
load lib/va
setup() {
    cd "$BATS_TEST_TMPDIR" || return
    mkdir labels
    make_features --frames 450 --video v --seed 7 v.h5
    make_labels --frames 450 >labels/v.txt
}

# row VIDEO: its line of the last summary: timeline frames labels labelled no_face windows in_none
row() { awk -F '\t' -v v="$1" '$1 == v { print $2, $3, $4, $5, $6, $7, $8 }' <<<"$output"; }

# refused TEXT ARGS...: exit 3, this line, no output
refused() {
    local text=$1
    shift
    run -3 --separate-stderr va-window -o w.h5 "$@"
    [ "$stderr" = "va-window: $text" ] || explain "$stderr"
    [ "$output" = "" ]
    [ ! -e w.h5 ]
}

@test "generic battery" { generic_battery va-window --labels labels -o w.h5 v.h5; }

@test "450 frames, window 300, stride 200: the tail is padded" {
    run -0 --separate-stderr va-window --labels labels -o w.h5 v.h5
    [ "$stderr" = "" ]
    [ "$(column w.h5 /windows/start)" = "0 200 400" ]
    [ "$(column w.h5 /windows/length)" = "300 250 50" ]
    [ "$(row v)" = "450 450 450 450 0 3 0" ]
    [ "$(attribute w.h5 window) $(attribute w.h5 tail) $(attribute w.h5 missing)" = "300 pad nearest" ]
    va-check w.h5
}

@test "shift moves the last window back, drop leaves the tail out" {
    va-window --tail shift -o w.h5 v.h5
    [ "$(column w.h5 /windows/start)" = "0 150" ]
    run -0 va-window --tail drop -o w.h5 v.h5
    [ "$(column w.h5 /windows/start)" = "0" ]
    [ "$(row v)" = "450 450 0 0 0 1 150" ]
}

@test "--preset sets all of it, single options override" {
    cut_as() { # cut_as EXPECTED OPTIONS...
        va-window --labels labels -o w.h5 "${@:2}" long.h5 >/dev/null
        found=$(for a in window stride tail missing leading; do attribute w.h5 $a; done | paste -sd ' ')
        [ "$found" = "$1" ] || explain "${*:2}: $found"
    }
    make_features --frames 1200 --video v long.h5
    make_labels --frames 1200 >labels/v.txt
    cut_as "300 200 pad nearest keep"
    cut_as "300 200 pad nearest keep" --preset paper
    cut_as "300 200 drop previous cut" --preset authors
    cut_as "1000 800 drop previous cut" --preset authors-fold0
    cut_as "1000 500 pad previous cut" --preset authors-fold0 --stride 500 --tail pad
}

@test "one frame, shorter than a window, exactly a window, k strides" {
    make_features --frames 1 --video one one.h5
    make_features --frames 299 --video short short.h5
    make_features --frames 300 --video exact exact.h5
    make_features --frames 700 --video strides strides.h5
    run -0 va-window -o w.h5 one.h5 short.h5 exact.h5 strides.h5
    [ "$(row one)" = "1 1 0 0 0 1 0" ]
    [ "$(row short)" = "299 299 0 0 0 2 0" ]
    [ "$(row exact)" = "300 300 0 0 0 2 0" ]
    [ "$(row strides)" = "700 700 0 0 0 4 0" ]
    [ "$(row 'all 4')" = "1300 1300 0 0 0 9 0" ]
    run -0 va-window --tail drop -o w.h5 one.h5 short.h5 exact.h5 strides.h5
    [ "$(row 'all 4')" = "1300 1300 0 0 0 4 300" ]
}

@test "first face late, gaps, last face early: every frame keeps its place" {
    make_features --first 4 --frames 3 --gaps 5 --frame-count 8 --video g g.h5
    make_labels --frames 8 --unlabelled 2 >labels/g.txt
    run -0 va-window --labels labels -o w.h5 g.h5
    [ "$(row g)" = "8 8 8 7 6 1 0" ]
    [ "$(column w.h5 /timeline/present)" = "0 0 0 1 0 1 0 0" ]
    [ "$(column w.h5 /timeline/row)" = "0 0 0 0 0 1 1 1" ]
    [ "$(column w.h5 /timeline/valid)" = "1 0 1 1 1 1 1 1" ]
    va-window --labels labels --missing linear -o w.h5 g.h5
    [ "$(column w.h5 /timeline/next)" = "-1 -1 -1 -1 1 -1 -1 -1" ]
    [ "$(column w.h5 /timeline/mix)" = "0 0 0 0 0.5 0 0 0" ]
    va-window --labels labels --missing previous -o w.h5 g.h5
    [ "$(column w.h5 /timeline/row)" = "-1 -1 -1 0 0 1 1 1" ]
    va-window --labels labels --missing zero -o w.h5 g.h5
    [ "$(column w.h5 /timeline/row)" = "-1 -1 -1 0 -1 1 -1 -1" ]
    va-window --labels labels --missing drop -o w.h5 g.h5
    [ "$(column w.h5 /timeline/valid)" = "0 0 0 1 0 1 0 0" ]
    run -0 va-window --labels labels --leading cut --window 3 --stride 3 -o w.h5 g.h5
    [ "$(column w.h5 /windows/start)" = "3 6" ]
    [ "$(row g)" = "8 8 8 7 6 2 3" ]
    va-check w.h5
}

@test "more labels than frames and the reverse" {
    make_features --frames 6 --video few few.h5
    make_features --frames 9 --video many many.h5
    make_labels --frames 9 >labels/few.txt
    make_labels --frames 6 >labels/many.txt
    run -0 va-window --labels labels -o w.h5 few.h5 many.h5
    [ "$(row few)" = "9 6 9 9 3 1 0" ]
    [ "$(row many)" = "9 9 6 6 0 1 0" ]
    [ "$(column w.h5 /videos/offset)" = "0 9 18" ]
    [ "$(column w.h5 /timeline/row)" = "0 1 2 3 4 5 5 5 5 0 1 2 3 4 5 6 7 8" ]
}

@test "an unlabelled video, and an unlabelled run across a window border" {
    make_features --frames 10 --video none none.h5
    make_labels --frames 10 --unlabelled 1,2,3,4,5,6,7,8,9,10 >labels/none.txt
    make_labels --frames 450 --unlabelled 198,199,200,201,202,203 >labels/v.txt
    run -0 va-window --labels labels -o w.h5 none.h5 v.h5
    [ "$(row none)" = "10 10 10 0 0 1 0" ]
    [ "$(row v)" = "450 450 450 444 0 3 0" ]
    [ "$(column w.h5 /timeline/valid | cut -d ' ' -f 207-214)" = "1 0 0 0 0 0 0 1" ]
    [ "$(column w.h5 /timeline/label | cut -d ' ' -f 415-416)" = "-5 -5" ]
}

@test "bare name and _left are two videos; dots in names; .DS_Store; CRLF; no last newline" {
    make_features --frames 3 --video v_left left.h5
    make_features --frames 3 --video 10-60.b dots.h5
    printf 'valence,arousal\r\n0.5,0\r\n-5,-5\r\n1,-1' >labels/v_left.txt
    make_labels --frames 3 >labels/10-60.b.mp4.txt
    echo junk >labels/.DS_Store
    echo junk >labels/Thumbs.db
    run -0 --separate-stderr va-window --labels labels -o w.h5 v.h5 left.h5 dots.h5
    [ "$stderr" = "" ]
    [ "$(row v_left)" = "3 3 3 2 0 1 0" ]
    [ "$(row 10-60.b)" = "3 3 3 3 0 1 0" ]
    [ "$(column w.h5 /videos/name)" = "v v_left 10-60.b" ]
}

@test "labels of several folders; a video that none has counts as unlabelled, and is named" {
    mkdir more
    make_features --frames 3 --video a a.h5
    make_features --frames 3 --video b b.h5
    make_labels --frames 3 >more/a.txt
    run -0 --separate-stderr va-window --labels labels --labels more -o w.h5 v.h5 a.h5 b.h5
    [ "$stderr" = "va-window: b.h5: video 'b' has no label file; all its frames are unlabelled" ]
    [ "$(row a)" = "3 3 3 3 0 1 0" ]
    [ "$(row b)" = "3 3 0 0 0 1 0" ]
    rm labels/v.txt more/a.txt
    run -3 --separate-stderr va-window --labels labels --labels more -o w.h5 v.h5 a.h5
    [[ $stderr == *"labels: found labels for none of the 2 videos: name label files after their videos, such as v.txt" ]]
}

@test "paths are relative to the index, wherever it lies" {
    mkdir -p deep/er feats
    mv v.h5 feats
    va-window -o deep/er/w.h5 feats/v.h5
    [ "$(column deep/er/w.h5 /videos/features)" = "../../feats/v.h5" ]
    va-window -o feats/w.h5 "$PWD/feats/v.h5"
    [ "$(column feats/w.h5 /videos/features)" = "v.h5" ]
    run strings -n 6 feats/w.h5
    [[ $output != *"$PWD"* ]]
}

@test "equal inputs give equal bytes" {
    va-window --labels labels -o w.h5 v.h5
    sleep 1.1
    va-window --labels labels -o w2.h5 v.h5
    cmp w.h5 w2.h5
}

@test "bad labels: the line and what it holds" {
    printf 'valence,arousal\n0.1,0.2\n0.1,0.2,0.3\n' >labels/v.txt
    refused "labels/v.txt: line 3: found '0.1,0.2,0.3', expected two numbers: valence,arousal" \
        --labels labels v.h5
    printf 'valence,arousal\n0.1,abc\n' >labels/v.txt
    refused "labels/v.txt: line 2: found 'abc', expected a number" --labels labels v.h5
    printf 'valence,arousal\n0.1,nan\n' >labels/v.txt
    refused "labels/v.txt: line 2: found 'nan', expected a number" --labels labels v.h5
    printf 'valence,arousal\n0.1,-1.5\n' >labels/v.txt
    refused "labels/v.txt: line 2: found '-1.5', expected a number in [-1, 1], or -5" \
        --labels labels v.h5
    : >labels/v.txt
    refused "labels/v.txt: found an empty file, expected the header valence,arousal" \
        --labels labels v.h5
    refused "nowhere: cannot open folder: No such file or directory" --labels nowhere v.h5
}

@test "two files for one video, two features for one name, two widths" {
    cp labels/v.txt labels/v.mp4.txt
    run -3 --separate-stderr va-window --labels labels -o w.h5 v.h5
    [[ $stderr == *": second file for video 'v', the first is labels/v."* ]]
    cp v.h5 again.h5
    refused "again.h5: video 'v' was already added from v.h5" v.h5 again.h5
    make_features --dim 5 --video w w5.h5
    refused "w5.h5: /features: found 5 columns, expected 4 as in v.h5" v.h5 w5.h5
}

@test "no window at all is refused" {
    make_features --frames 299 --video short short.h5
    refused "short.h5: found no window of 300 frames (--tail drop leaves out shorter videos), expected at least one" \
        --tail drop short.h5
}

@test "a feature file that lies: frame numbers, count, name" {
    cp v.h5 bad.h5 && h5edit bad.h5 poke /index 9 9
    run -3 --separate-stderr va-window -o w.h5 bad.h5
    [[ $stderr == "va-window: bad.h5: /index: "* ]]
    cp v.h5 bad.h5 && h5edit bad.h5 int @frame_count 400
    run -3 --separate-stderr va-window -o w.h5 bad.h5
    [[ $stderr == "va-window: bad.h5: "* ]]
    cp v.h5 bad.h5 && h5edit bad.h5 int @frame_count 2000000000
    refused "bad.h5: frame_count: found 2000000000, expected 0 to 16777216" bad.h5
    cp v.h5 bad.h5 && h5edit bad.h5 string @video ../up
    refused "bad.h5: @video: found '../up', expected the name of a video" bad.h5
}

@test "senseless numbers are refused as such" {
    for o in "--window 0" "--window 12x" "--stride 301" "--tail cut" "--missing maybe" "--leading x"; do
        # shellcheck disable=SC2086
        run -2 --separate-stderr va-window $o -o w.h5 v.h5
        [ ! -e w.h5 ]
    done
}

@test "a feature that is not finite: file, frame, row and column, wherever it lies" {
    make_features --frames 450 --video v --gaps 7 --nan bad.h5
    refused "bad.h5: /features: frame 226 (row 224), column 3: found nan, expected a finite number" bad.h5
    make_features --frames 450 --video v --half --nan bad.h5
    refused "bad.h5: /features: frame 226 (row 225), column 3: found nan, expected a finite number" bad.h5
    cp v.h5 bad.h5 && h5edit bad.h5 poke /features 1 inf
    refused "bad.h5: /features: frame 1 (row 0), column 1: found inf, expected a finite number" bad.h5
    cp v.h5 bad.h5 && h5edit bad.h5 poke /features 1799 -inf
    refused "bad.h5: /features: frame 450 (row 449), column 3: found -inf, expected a finite number" bad.h5
    make_features --frames 70 --dim 70001 --video wide --nan bad.h5 # a row is more than a block
    refused "bad.h5: /features: frame 36 (row 35), column 70000: found nan, expected a finite number" bad.h5
}
