#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# va-report makes pages of predictions, of a training, of a cross-validation, of two of them.
bats_require_minimum_version 1.8.0
load lib/va
setup() {
    cd "$BATS_TEST_TMPDIR" || return
    put ann.txt 0.5,-1 0.25,0 1,1 -0.5,0.125
    put bob.txt 0,0 0.5,0.5
    make_predictions --fps 2 --face --model 0123456789abcdef -o p.h5 ann.txt bob.txt
    mkdir labels
    put labels/ann.txt 0.5,-1 -5,-5 0,0 -0.5,0.5
    put labels/bob.txt 0.5,0.5 0.25,0
}
refused() { # CODE TEXT ARGS...
    local code=$1 text=$2
    shift 2
    run "-$code" --separate-stderr va-report "$@"
    [ "$stderr" = "va-report: $text" ] || explain "$stderr"
    [ "$output" = "" ]
}
well_formed() { check_xml "$@" || explain "$*"; }
text_of() { sed 's/<[^>]*>/ /g' "$1" | tr -s ' \n' ' '; } # FILE
# cross DIR SHIFT: a cross-validation of two folds; its predictions are off by SHIFT
cross() {
    local k
    for k in 0 1; do
        mkdir -p "$1/cv/$k"
        awk -F, -v OFS=, -v s="$2" -v k=$k 'NR == 1 || /-5/ { print NR == 1 ? $0 : "0,0"; next } { print $1 + s, $2 + s * k }' labels/ann.txt >ann.txt
        awk -F, -v OFS=, -v s="$2" 'NR == 1 { print; next } { print $1 - s, $2 }' labels/bob.txt >bob.txt
        va-weights init --arch mamba-va --in-dim 3 --channels 4,3 --seed $k -o "$1/cv/$k/model.h5"
        make_predictions --fps 2 --model "$(attribute "$1/cv/$k/model.h5" id)" -o "$1/cv/$k/val.h5" ann.txt bob.txt
        va-score -q --labels labels "$1/cv/$k/val.h5" >"$1/cv/$k/score.tsv"
        va-score -q --labels labels "$1/cv/$k/val.h5" >"$1/cv/$k/ridge.tsv"
        printf 'step\tepoch\tlr\tloss\n1\t1\t0.1\t2\n2\t1\t0.1\t1\n' >"$1/cv/$k/train.tsv"
        printf 'step\tepoch\tvalence\tarousal\tmean\tbest\n2\t1\t0.3\t0.2\t0.25\t0.2%s5\n' $k >"$1/cv/$k/val.tsv"
    done
}

@test "generic battery" {
    generic_battery va-report -o out.html p.h5
}

@test "predictions: a section for each person, numbers, how it was made" {
    va-report -o p.html p.h5
    well_formed p.html
    grep -q '^<html xmlns="http://www.w3.org/1999/xhtml" lang="en" class="va-report">' p.html
    grep -q '<title>Valence and arousal: p.h5</title>' p.html
    grep -q '<a href="#person-2">bob</a>' p.html
    grep -q '<section id="person-1">' p.html
    [ "$(grep -c '<title>circumplex of valence and arousal</title>' p.html)" -eq 2 ]
    text_of p.html >text
    grep -q 'model 01234567; CCC on its own validation: not known' text
    grep -q '4 frames, length 1.5 s, 1 without a face (hatched)' text
    # numbers for the script: thousandths, as differences
    grep -qF '{"every":1,"timed":true,"time":[0,500,500,500],"valence":[500,-250,750,-1500],"arousal":[-1000,1000,1000,-875],"face":"1101"}' p.html
    # and for people
    grep -qF '<td>1.0</td><td>1</td><td class="number">-</td><td class="number">-</td><td>1</td>' p.html
    run ! grep -qE '(src|href)="(https?:)?//' p.html # nothing from elsewhere
    h5edit p.h5 string @note "rough <indeed>"
    va-report --name bob -o - p.h5 >one.html
    sed '/<main>/,$!d' one.html | grep -m 2 '<p' >first # the warning, then how to read the curves
    sed 1q first | grep -qx '<p class="warning">Rough &lt;indeed&gt;.</p>' || explain "$(cat first)"
    sed 1d first | grep -qx '<p>Valence runs from unpleasant (-1) to pleasant (+1), arousal from calm (-1) to excited (+1). In the circumplex, a square is darker where more frames lie, and the line is the way through them.</p>' ||
        explain "$(cat first)"
    sed '/How it was made/,$!d' one.html | grep -q '<p>model 01234567; CCC on its own validation: not known</p>'
    grep -q '<title>Valence and arousal: bob</title>' one.html
    run ! grep -q 'class="tabs"' one.html
}

@test "a page says that curves are smoothed, that a click moves the video, that no face was found" {
    va-smooth -q -o s.h5 p.h5
    make_video v.mp4 32 32 4 2
    va-report --name ann --video v.mp4 -o s.html s.h5
    grep -q 'excited (+1). The curves are smoothed. A click on a curve moves the video. In the circumplex, a square is darker' s.html
    run ! grep -q 'No face was found' s.html
    h5edit p.h5 poke /videos/bob/face 0 0
    h5edit p.h5 poke /videos/bob/face 1 0
    va-report --name bob -o none.html p.h5
    grep -q '<p>No face was found.</p>' none.html
}

@test "labels: CCC and the annotated curve" {
    va-report --labels labels -o p.html p.h5
    well_formed p.html
    ccc=$(va-score -q --labels labels --per-video p.h5 | awk '$1 == "ann" && $2 == "arousal" { printf "%.3f", $3 }')
    grep -q ">arousal, CCC $ccc</text>" p.html
}

@test "a video beside the page is named from the page's folder" {
    mkdir -p pages/deep films
    make_video v.mp4 32 32 4 2
    mv v.mp4 'films/my <film> & "x"%.mp4'
    va-report --name ann --video 'films/my <film> & "x"%.mp4' -o pages/deep/p.html p.h5
    well_formed pages/deep/p.html
    grep -q 'src="../../films/my%20%3Cfilm%3E%20%26%20%22x%22%25.mp4"' pages/deep/p.html
    cp films/* pages/v.mp4
    put bob.txt 0,0 0.5,0.5 0,0 0,0
    make_predictions --fps 2 --face -o p.h5 ann.txt bob.txt
    va-report --video pages/v.mp4 -o pages/p.html p.h5
    grep -q '<title>Valence and arousal: v</title>' pages/p.html # of all its people
    grep -q 'src="v.mp4"' pages/p.html
    run ! grep -q "$PWD" pages/p.html
    va-report --video pages/v.mp4 -o - p.h5 | grep -q 'src="pages/v.mp4"'
    refused 3 "gone.mp4: cannot open: No such file or directory" --video gone.mp4 -o p.html p.h5
    [ ! -e p.html ]
}

@test "the video is the one that was predicted: times, number of frames" {
    twice() { for ((i = 0; i < $1; i++)); do echo 0.5,-0.5; done; }
    mapfile -t rows < <(twice 40)
    put ann.txt "${rows[@]}"
    make_predictions --fps 20 --face -o p.h5 ann.txt
    make_video v.mp4 32 32 40 20
    run -0 --separate-stderr va-report --video v.mp4 -o p.html p.h5
    [ "$stderr" = "" ] || explain "$stderr"
    make_video slow.mp4 32 32 40 15
    refused 3 "slow.mp4: has frame 7 at 0.400 s, expected 0.350 s as in ann of p.h5: give files of one video" --video slow.mp4 -o x.html p.h5
    make_video short.mp4 32 32 12 20
    refused 3 "short.mp4: has 12 frames, expected 40 as in ann of p.h5: give files of one video" --video short.mp4 -o x.html p.h5
    echo "no video" >text.mp4
    refused 3 "text.mp4: cannot read as a video: invalid data found when processing input" --video text.mp4 -o x.html p.h5
    [ ! -e x.html ]
    # beyond the frames that are looked at the container's word is worth a warning
    make_video long.mp4 32 32 80 20
    run -0 --separate-stderr va-report --video long.mp4 -o x.html p.h5
    [ "$stderr" = "va-report: long.mp4: has about 80 frames, but ann of p.h5 has 40: is it the same video?" ] || explain "$stderr"
    # others' containers: shifted times, rounded ones
    ffmpeg -nostdin -v error -i v.mp4 -c copy -output_ts_offset 3 v.mkv
    va-report --video v.mkv -o x.html p.h5
}

@test "a cross-validation: scores, agreement, videos, examples, curves, models" {
    cross base 0.2
    va-report --labels labels -o cv.html base
    well_formed cv.html
    text_of cv.html >text
    grep -q '<title>Cross-validation: base</title>' cv.html
    for section in scores agreement videos examples training made; do
        grep -q "<section id=\"$section\">" cv.html || explain $section
    done
    grep -q "ridge mean" text # the table of va-fold report
    grep -q "All 10 labelled frames of 4 held-out videos" text || explain "$(cat text)"
    grep -q "Worst: bob" text && grep -q "Best: ann" text
    id=$(attribute base/cv/1/model.h5 id)
    grep -q "CCC, the concordance correlation coefficient, is 1 where predictions equal the annotations" text
    grep -q "The published columns are of Aff-Wild2, and are not comparable with numbers of other data." text
    grep -q "For comparison: ridge is a linear map of a frame" text
    grep -q "fold 1: model ${id:0:8}; CCC on its own validation: 0.215" text
    grep -q "<p>model ${id:0:8}; CCC on its own validation: 0.215</p>" cv.html # below an example
    for k in 0 1; do h5edit base/cv/$k/model.h5 string @encoder "face-$k"; done
    va-report -o told.html base
    grep -q '<td>CCC on its own validation</td>' told.html || explain "$(grep -n validation told.html)"
    [ "$(grep -A 1 'encoder of its features' told.html | grep -c 'face-[01]<')" -eq 2 ] || explain "$(grep -A 1 'encoder of its' told.html)"
    va-report -o nolabels.html base
    grep -q 'no folders of labels were named' nolabels.html
    run ! grep -q 'id="agreement"' nolabels.html
}

@test "one training, with what there is of it" {
    cross base 0.2
    mkdir log
    cp base/cv/0/*.tsv log
    rm log/score.tsv log/ridge.tsv
    va-report -o t.html log
    well_formed t.html
    grep -q '<title>Training: log</title>' t.html
    grep -q 'id="training"' t.html
    run ! grep -q 'id="scores"' t.html
}

@test "two folders: what differs" {
    cross base 0.2
    cross other 0.1
    for k in 0 1; do
        va-weights init --arch mamba-va --in-dim 3 --channels 4,3 --seed 7 -o other/cv/$k/model.h5
    done
    va-report --labels labels -o two.html base other
    well_formed two.html
    text_of two.html >text
    grep -q 'A: base, B: other' text
    grep -q ' A --seed 0 ' text && grep -q ' B --seed 7 ' text || explain "$(cat text)"
    run ! grep -q '[AB] --channels' text
    a=$(awk '$1 == "pooled" && $2 == "mean" { printf "%.3f", $3 }' base/cv/1/score.tsv)
    b=$(awk '$1 == "pooled" && $2 == "mean" { printf "%.3f", $3 }' other/cv/1/score.tsv)
    grep -q "fold 1 $a $b +" text || explain "$a $b $(cat text)"
    grep -q '4 of 4 videos that both hold out' text
    va-report -o same.html base base
    text_of same.html | grep -q 'neither the commands are equal'
}

@test "hostile names are text, and are cut" {
    name=$(printf '<script><script>alert("x")& %0200d' 7)
    put in.txt 0,0 0.5,0.5
    make_predictions --fps 2 --name "$name" --model '<b>&"' -o h.h5 in.txt
    h5edit h.h5 string @models "<img onerror='alert(1)'>"
    long=$(printf 'a%.0s' $(seq 2000))
    make_predictions --fps 2 --name "$long" -o long.h5 in.txt
    for f in h long; do
        va-report --labels labels -o "$f.html" "$f.h5"
        well_formed "$f.html"
        [ "$(grep -c '<script' "$f.html")" -eq 2 ]
        run ! grep -q '<img' "$f.html"
        [ "$(stat -c %s "$f.html")" -lt 60000 ]
    done
    grep -q '&lt;script&gt;&lt;script&gt;alert(&quot;x&quot;)&amp; 0000' h.html
    cross '<i>"run&' 0.2
    va-report --labels labels -o cv.html '<i>"run&'
    va-report --labels labels -o two.html '<i>"run&' '<i>"run&'
    well_formed cv.html two.html
    run ! grep -q '<i>' cv.html two.html
}

@test "a long video: the page stays small" {
    { echo valence,arousal; awk 'BEGIN { for (i = 0; i < 450000; i++) printf "%.3f,%.3f\n", sin(i / 900), cos(i / 70) }'; } >long.txt
    make_predictions --fps 30 -o long.h5 long.txt
    va-report -o long.html long.h5
    grep -q '{"every":3,"timed":true,' long.html
    [ "$(stat -c %s long.html)" -lt 3000000 ]
}

@test "an earlier page is replaced, another file is not" {
    va-report -o out.html p.h5
    va-report -o out.html --name ann p.h5
    echo '<!DOCTYPE html><html><body>mine</body></html>' >mine.html
    run -3 va-report -o mine.html p.h5
    grep -q mine mine.html
    va-report --force -o mine.html p.h5
}

@test "bad input and bad command lines" {
    mkdir empty
    refused 3 "empty: found neither train.tsv, val.tsv, val.h5 nor score.tsv, nor folders of folds (cv/0, cv/1, ...) that have them" -o x.html empty
    cross base 0.2
    refused 2 "--video, --name and --model are for predictions, not for folders (try --help)" --name ann -o x.html base
    refused 2 "p.h5: found a second input beside predictions (try --help)" -o x.html p.h5 p.h5
    refused 2 "missing --output PAGE.html (try --help)" p.h5
    head -c 900 base/cv/0/val.h5 >part && mv part base/cv/0/val.h5
    run -3 --separate-stderr va-report --labels labels -o x.html base
    [[ $stderr == "va-report: base/cv/0/val.h5: file ends early"* ]] || explain "$stderr"
    [ ! -e x.html ]
    run -2 va-report
}
