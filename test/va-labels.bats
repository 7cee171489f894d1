#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# va-labels checks label files, resamples them, and makes them of ratings in other forms.
bats_require_minimum_version 1.8.0
load lib/va
setup() { cd "$BATS_TEST_TMPDIR" || return; }

convert() { va-labels convert -o out "$@"; }
refuses() { # TEXT ARGS...: exit 3, one line
    run -3 --separate-stderr convert "${@:2}"
    [ "$stderr" = "va-labels: $1" ] || explain "$stderr"
    [ "$output" = "" ]
}
# gives FILE ROW...: these are the rows of out/FILE
gives() { [ "$(sed 1d "out/$1")" = "$(printf '%s\n' "${@:2}")" ] || explain "$(cat "out/$1")"; }

@test "generic battery" {
    make_features --frames 40 --video in --fps 10 in.h5
    make_labels --frames 16 >in.txt
    BATTERY_WHOLE=in.txt BATTERY_SKIP="same unwritable full" generic_battery "va-labels resample" \
        --from-fps 4 --to in.h5 -o out --force in.txt
    BATTERY_WHOLE=in.txt BATTERY_SKIP="same unwritable full" generic_battery "va-labels convert" -o out --force in.txt
    make_labels --frames 40 >in.txt
    BATTERY_DAMAGED=1 BATTERY_WHOLE=in.txt BATTERY_SKIP=missing generic_battery "va-labels check" in.txt
    run -1 va-labels check nowhere.txt
    touch folder
    run -4 --separate-stderr va-labels convert -o folder in.txt
    [[ $stderr == "va-labels: folder: "* ]]
}

@test "resampled labels are those of --label-fps" {
    make_features --frames 300 --video v --fps 25 v.h5
    mkdir coarse
    make_labels --frames 48 --unlabelled 9,10 >coarse/v.txt
    va-labels resample --from-fps 4 --to v.h5 -o fine coarse/v.txt 2>err
    [[ $(cat err) == "va-labels: fine/v.txt: "*" of 300 frames are unlabelled" ]]
    va-window -q --labels coarse --label-fps 4 -o coarse.h5 v.h5 >coarse.tsv
    va-window -q --labels fine -o fine.h5 v.h5 >fine.tsv
    [ "$(cut -f 5 coarse.tsv)" = "$(cut -f 5 fine.tsv)" ]
    same_numbers --abs 1e-6 coarse.h5 fine.h5
}

@test "a time column, frames without a row, milliseconds" {
    printf '1\n2\n3\n' >x.csv && printf '1\n3\n5\n' >i.csv
    va-features import --fps 2 --index i.csv --frame-count 6 --name v -o v.h5 x.csv
    printf 'arousal,T,valence\n0,0,.5\n.5,1000,1\n-.5,2000,-1\n' >v.csv
    convert --time t --time-unit ms --to v.h5 v.csv
    gives v.txt 0.5,0 0.75,0.25 1,0.5 0,0 -1,-0.5 -1,-0.5 # the last row lasts as long as the others
    va-labels resample --time t --time-unit ms --to v.h5 -o again v.csv
    cmp out/v.txt again/v.txt
    run -0 --separate-stderr convert --force --gap .9 --time t --time-unit ms --to v.h5 v.csv
    gives v.txt 0.5,0 -5,-5 1,0.5 -5,-5 -1,-0.5 -1,-0.5
    [ "$stderr" = "va-labels: out/v.txt: 2 of 6 frames are unlabelled" ]
    run -0 --separate-stderr convert --force --lag .5 --time t --time-unit ms --to v.h5 v.csv
    [ "$stderr" = "va-labels: out/v.txt: 1 of 6 frames is unlabelled" ]
    convert --force --lag .5 --time t --time-unit ms --to v.h5 -q v.csv
    gives v.txt 0.75,0.25 1,0.5 0,0 -1,-0.5 -1,-0.5 -5,-5
}

@test "columns by name or number, ranges, several videos in a table" {
    printf 'clip;pleasure;activation\nb.mp4;1;9\na;5;5\na;3;7\n' >all.csv
    convert --video clip --valence pleasure --arousal 3 --range 1..9 all.csv
    gives a.txt 0,0 -0.5,0.5
    gives b.txt -1,1
    printf '%s\n' '0 100' '-50 -100' >c.txt
    convert --valence 1 --arousal 2 --range -100..100 c.txt
    gives c.txt 0,1 -0.5,-1
    printf '0.1\n' >v && printf '0.25\n' >a
    convert --name d --valence 1 --arousal 1 valence=v arousal=a
    gives d.txt 0.100000001,0.25
}

@test "what is missing or wrong is named, with its line and column" {
    printf 'valence,arousal\n0,0\n0,\n' >a.csv
    refuses "a.csv: line 3, column 2 (arousal): found no number: --missing unlabelled leaves such frames unlabelled" a.csv
    run -0 --separate-stderr convert --missing unlabelled a.csv
    gives a.txt 0,0 -5,-5
    printf 'valence,arousal\n0,0\n-5,0\n' >b.csv
    convert -q b.csv
    gives b.txt 0,0 -5,-5
    printf 'valence,arousal\n0,7\n' >c.csv
    refuses "c.csv: line 2, column 2 (arousal): found 7, expected a number from -1 to 1, or -5: --range LO..HI is for ratings of another range" c.csv
    refuses "c.csv: line 2, column 1 (valence): found 0, expected a number from 1 to 9" --range 1..9 c.csv
    refuses "c.csv: found no column 'pleasure', expected 'valence', 'arousal': name one with --valence" --valence pleasure c.csv
    refuses "c.csv: found no column 't', expected 'valence', 'arousal': name one with --time" --time t --to d.h5 c.csv
    echo a,b,c,d,e,f,g,h,i,arousal >wide.csv
    refuses "wide.csv: found no column 'valence', expected 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h' or one of 2 more: name one with --valence" wide.csv
    echo 1,2 >bare.csv
    refuses "bare.csv: found no column 'valence', the first line has no names, expected a number from 1 to 2: name one with --valence" bare.csv
    printf 'PK\3\4\0' >z.zip
    refuses "z.zip: found a zip archive, expected a CSV file" z.zip
    refuses "c.csv: found no column 'valense', did you mean 'valence'?" --valence valense c.csv
    for range in 9..1 1.9 1... x..2 ..; do
        run -2 --separate-stderr convert --range $range c.csv
        [[ $stderr == *"expected LO..HI, such as 1..9 or -100..100"* ]]
    done
    make_features --frames 3 --video d d.h5
    printf 't,valence,arousal\n0,0,0\n.2,0,0\n.1,0,0\n' >d.csv
    refuses "d.csv: line 4, column 1 (t): found the time 0.1 after 0.2, expected a later one: sort the rows, or name the column of the video with --video" --time t --to d.h5 d.csv
    printf 't,valence,v,arousal\n0,0,0,0\n.1,0,0,0\n.2,0,0,0\n9e18,0,0,0\n' >e.csv
    run -3 --separate-stderr convert --time t --align 1 --valence valence --valence v --unmatched allow --name d --to d.h5 e.csv
    [[ $stderr == *"found the time 9e+18"* ]]
}

@test "counts that do not fit: rows, frames, ratio, and what to do" {
    make_features --frames 750 --video a --fps 25 a.h5
    make_labels --frames 120 >a.txt
    refuses "a.txt: found 120 rows for 750 frames of video 'a' (25 per second), 0.16 times as many: --from-fps or --time says when rows are, --unmatched allow uses them as they are" --to a.h5 a.txt
    refuses "a.txt: found 120 rows at 8 per second for 750 frames of video 'a' (25 per second), 0.5 times as many: check --from-fps and the features, --unmatched allow uses them as they are" --from-fps 8 --to a.h5 a.txt
    run -0 --separate-stderr convert --from-fps 5 --to a.h5 a.txt
    [ "${stderr_lines[0]}" = "va-labels: a.txt: 120 rows at 5 per second for 750 frames of video 'a' (25 per second): the video is 6 s longer than the ratings" ]
    [ "${#stderr_lines[@]}" -eq 2 ] # the other: unlabelled frames
    [ "$(grep -c '^-5,-5$' out/a.txt)" -eq 150 ]
    run -0 --separate-stderr convert --force --from-fps 4 --to a.h5 a.txt
    [ "$stderr" = "" ]
    run -0 --separate-stderr convert --force --unmatched allow --to a.h5 a.txt
    # frames without a face left out, and no --index: later labels would be of other frames
    make_labels --frames 117 >c.txt
    make_features --frames 815 --video c --fps 30 c.h5
    run -0 --separate-stderr convert --from-fps 4 --to c.h5 c.txt
    [ "$stderr" = "va-labels: c.txt: 117 rows at 4 per second for 815 frames of video 'c' (30 per second): the ratings are 2.083 s longer than the video: are frames missing? va-features import --index" ] || explain "$stderr"
    make_features --frames 116 --video c --fps 30 c.h5
    run -0 --separate-stderr convert --force --to c.h5 c.txt
    [[ $stderr == *": the ratings are 1 row longer than the video: "* ]] || explain "$stderr"
    make_features --frames 750 --video other b.h5
    run -3 --separate-stderr convert --from-fps 4 --to b.h5 a.txt
    [[ $stderr == "va-labels: b.h5: found features of video 'other', expected 'a' as in a.txt: rename that file, or use va-labels convert --name NAME" ]]
    mkdir features
    run -3 --separate-stderr convert --from-fps 4 --to features a.txt
    [ "$stderr" = "va-labels: features/a.h5: no such file: expected the features of video 'a' of a.txt: --name VIDEO names the video, also of files of several annotators" ]
    run -3 --separate-stderr va-labels resample --from-fps 4 --to features -o out a.txt
    [ "$stderr" = "va-labels: features/a.h5: no such file: expected the features of video 'a' of a.txt" ]
}

@test "a label file that exists stays without --force" {
    printf 'valence,arousal\n0,0\n' >a.csv
    mkdir out && echo mine >out/a.txt
    refuses "out/a.txt: exists: label files are replaced only with --force" a.csv
    [ "$(cat out/a.txt)" = mine ]
    convert --force a.csv
    gives a.txt 0,0
    refuses "out/a.txt: exists: label files are replaced only with --force" a.csv
}

# eaf TIERS: an annotation file; a tier is NAME:FROM-TO=VALUE,... in milliseconds
eaf() {
    local tier part slots='' tiers='' n=0 from to
    for tier; do
        tiers+="<TIER LINGUISTIC_TYPE_REF=\"x\" TIER_ID=\"${tier%%:*}\">"
        for part in $(tr , ' ' <<<"${tier#*:}"); do
            IFS='-=' read -r from to _ <<<"$part"
            n=$((n + 2))
            slots+="<TIME_SLOT TIME_SLOT_ID=\"ts$n\" TIME_VALUE=\"$from\"/>"$'\n'"<TIME_SLOT TIME_SLOT_ID=\"ts$((n + 1))\" TIME_VALUE=\"$to\"/>"
            tiers+="<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID=\"a$n\" TIME_SLOT_REF1=\"ts$n\" TIME_SLOT_REF2=\"ts$((n + 1))\">
<ANNOTATION_VALUE>${part#*=}</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>"
        done
        tiers+="</TIER>"
    done
    printf '%s\n' '<?xml version="1.0" encoding="UTF-8"?>' '<!-- a comment with <TIER> in it -->' \
        "<ANNOTATION_DOCUMENT AUTHOR='a > b'><TIME_ORDER>$slots</TIME_ORDER>$tiers</ANNOTATION_DOCUMENT>"
}

@test "ELAN: tiers become labels of the frames that their segments contain" {
    make_features --frames 10 --video v --fps 2 v.h5 # at 0, .5, ... 4.5 s
    eaf "valence:0-1000=.25,1000-2000=-0.5,3000-4000=1" "arousal:500-5000=0.5" >v.eaf
    run -0 --separate-stderr va-labels convert --to v.h5 -o out v.eaf
    [ "$stderr" = "va-labels: out/v.txt: 5 of 10 frames are unlabelled" ] || explain "$stderr"
    gives v.txt -5,-5 0.25,0.5 -0.5,0.5 -0.5,0.5 -5,-5 -5,-5 1,0.5 1,0.5 -5,-5 -5,-5
    # other names, a range, two annotators; names and values in the characters of XML
    eaf "V &amp; W:0-5000=7" "v2:0-5000=9" "Arousal:0-5000=&#53;" >v.eaf
    va-labels convert -q --force --range 1..9 --valence "v & w" --valence v2 --to v.h5 -o out v.eaf >table
    [ "$(sed -n 2p out/v.txt)" = 0.75,0 ]
    [ "$(cut -f 3 table | sed -n '2,3p' | paste -sd ,)" = "v & w,v2" ]
    # what va-table writes is a file of ELAN, too, whose values are no numbers
    put v.txt 0.5,0.5 0.5,0.5
    make_predictions --fps 2 -o p.h5 v.txt
    va-table -o t.eaf p.h5
    run -3 --separate-stderr va-labels convert --to v.h5 --name v --valence v --arousal v -o new t.eaf
    [[ $stderr == "va-labels: t.eaf: line "*": tier 'v': found 'valence +0.50, arousal +0.50', expected a number"* ]] || explain "$stderr"
}

@test "ELAN: what is wrong is named with its line" {
    make_features --frames 10 --video v --fps 2 v.h5
    refuses_eaf() { # TEXT [ARGS...]: of v.eaf
        run -3 --separate-stderr va-labels convert --to v.h5 -o new "${@:2}" v.eaf
        [ "$stderr" = "va-labels: v.eaf: $1" ] || explain "$stderr"
        [ ! -e new ]
    }
    eaf "valence:0-5000=1" "Aktivierung:0-5000=0" >v.eaf
    refuses_eaf "found no tier 'arousal', expected one of 'valence', 'Aktivierung': name one with --arousal"
    eaf "valence:0-5000=happy" "arousal:0-5000=0" >v.eaf
    refuses_eaf "line 5: tier 'valence': found 'happy', expected a number from -1 to 1, or -5: --range LO..HI is for ratings of another range"
    eaf "valence:0-5000=" "arousal:0-5000=0" >v.eaf
    refuses_eaf "line 5: tier 'valence': found an annotation without a value: --missing unlabelled leaves such frames unlabelled"
    eaf "valence:0-3000=0,2000-5000=0" "arousal:0-5000=0" >v.eaf
    refuses_eaf "line 7: tier 'valence': found an annotation from 2.000 s, but that of line 6 lasts until 3.000 s: one value at a time"
    eaf "valence:3000-3000=0" "arousal:0-5000=0" >v.eaf
    refuses_eaf "line 5: found an annotation from 3.000 to 3.000 s, expected a later end"
    eaf "valence:0-5000=1" "arousal:0-5000=0" | sed 's/ TIME_VALUE="5000"//' >v.eaf
    refuses_eaf "line 5: found an annotation without an end, expected one with times"
    eaf "valence:0-5000=1" "arousal:0-5000=0" | sed 's/"ts3"/"nowhere"/2' | sed 's/TIME_SLOT_REF2="ts3"/TIME_SLOT_REF2="gone"/' >v.eaf
    refuses_eaf "line 5: found an annotation without an end, expected one with times"
    printf '<!DOCTYPE x [<!ENTITY a "b">]><ANNOTATION_DOCUMENT/>' >v.eaf
    refuses_eaf "line 1: found a declaration or CDATA, which is not read, expected an annotation file of ELAN"
    printf '<html/>' >v.eaf
    refuses_eaf "line 1: found no ANNOTATION_DOCUMENT, expected an annotation file of ELAN"
    eaf "valence:0-5000=&who;" "arousal:0-5000=0" >v.eaf
    refuses_eaf "line 6: found & without a character that is known, expected an annotation file of ELAN"
    eaf "valence:0-5000=1" "arousal:0-5000=0" | tr -d '\n' | head -c 300 >v.eaf
    run -3 --separate-stderr va-labels convert --to v.h5 -o new v.eaf
    [[ $stderr == "va-labels: v.eaf: "* ]]
    eaf "valence:0-5000=1" "arousal:0-5000=0" >v.eaf
    run -2 --separate-stderr va-labels convert -o new v.eaf
    [ "$stderr" = "va-labels: .eaf files need --to: their segments become labels of frames (try --help)" ]
    run -2 --separate-stderr va-labels convert --to v.h5 -o new v.eaf x.csv
    [ "$stderr" = "va-labels: found .eaf files and others: convert them one after the other (try --help)" ]
    run -2 --separate-stderr va-labels convert --to v.h5 --from-fps 2 -o new v.eaf
    [ "$stderr" = "va-labels: --time, --video and --from-fps are for tables, found .eaf files (try --help)" ]
    # far longer than the video
    eaf "valence:0-50000=1" "arousal:0-50000=0" >v.eaf
    run -3 --separate-stderr va-labels convert --to v.h5 -o new v.eaf
    [[ $stderr == "va-labels: v.eaf: found 3 rows for 10 frames of video 'v'"* ]] || explain "$stderr"
}

@test "what is printed as 0 has no sign" {
    printf 'valence,arousal\n-0.0,0.5\n0.1,-0\n' >z.csv
    convert z.csv
    gives z.txt 0,0.5 0.100000001,0
    # an ICC that is just below 0
    awk 'BEGIN { print "a b c"; for (i = 0; i < 80000; i++) print (i % 2), (i != 3 && int(i / 2) % 2), 0 }' >near.csv
    convert --valence a --valence b --arousal c near.csv >table
    [ "$(awk '$2 == "valence" && $3 == "all"' table | cut -f 5-)" = "$(printf '0.0000\t0.0000\t-0.0001\t80000')" ] || explain "$(cat table)"
}

@test "annotators: the mean, and agreement as in Shrout and Fleiss (1979)" {
    printf '%s\n' 'a b c d e' '9 2 5 8 9' '6 1 3 2 6' '8 4 6 8 8' '7 1 2 6 7' '10 5 6 9 10' '6 2 4 7 6' >six.csv
    convert --range 1..10 --valence a --valence b --valence c --valence d --arousal e six.csv >table
    [ "$(head -n 1 table)" = $'video\tdimension\tannotator\tdelay\tccc\ticc\ticc_mean\tframes' ]
    [ "$(awk '$3 == "all" { printf "%.2f %.2f %d", $6, $7, $8 }' table)" = "0.29 0.62 6" ]
    [ "$(sed -n 2p out/six.txt)" = 0.111111112,0.777777791 ]
    # a file an annotator; who stops early has no part in the mean from then on
    printf 'valence,arousal\n0,0\n.5,0\n' >x.csv
    printf 'valence,arousal\n1,0\n,\n' >y.csv
    convert -q --missing unlabelled --name both x.csv y.csv >table
    gives both.txt 0.5,0 0.5,0
    [ "$(cut -f 3 table | sort -u | paste -sd ' ')" = "all annotator x.csv y.csv" ]
}

@test "pytorch.md: one file for all videos, with columns of its own" {
    mkdir features
    make_features --frames 100 --video anna_1 --fps 25 features/anna_1.h5
    printf 'video,time,val,aro\n' >labels.csv
    for t in 0 1 2 3; do echo "anna_1,$t,5,9"; done >>labels.csv
    command=$(grep '^  va-labels convert .* labels.csv$' "$BATS_TEST_DIRNAME/../doc/pytorch.md")
    # shellcheck disable=SC2086 # words
    run -0 --separate-stderr $command
    [ "$(tail -n 1 labels/anna_1.txt)" = 0,1 ]
}

@test "annotators: delays are found, and taken out" {
    make_features --frames 1500 --video d --fps 25 d.h5
    awk 'BEGIN { print "t,v1,v2,v3,arousal"
        for (i = 0; i < 240; i++) { t = i / 4; printf "%g,%.6f,%.6f,%.6f,0\n", t, f(t - 0), f(t - 1), f(t - 2) } }
        function f(t) { return .6 * sin(t / 5) + .3 * sin(t / 1.7 + 1) }' >d.csv
    convert --time t --to d.h5 --valence v1 --valence v2 --valence v3 d.csv >apart
    convert --force --time t --to d.h5 --valence v1 --valence v2 --valence v3 --align 3 --lag 1 d.csv >table 2>err
    [ "$(tail -n 1 err)" = "va-labels: delays are relative to the mean of the annotators; --lag is for the delay that they share" ] || explain "$(cat err)"
    [ "$(awk '$2 == "valence" { print $4 }' table | paste -sd ' ')" = "-1.000 0.000 1.000 -" ]
    [ "$(awk '$3 == "all" { print $5 }' table)" = 1.0000 ]
    awk '$3 == "all" { exit !($5 < .97) }' apart
    awk -F , 'NR > 1 && NR < 1450 { t = (NR - 2) / 25; d = $1 - (.6 * sin(t / 5) + .3 * sin(t / 1.7 + 1))
        if (d < 0) d = -d; if (d > .01) { print NR, $0, d; bad = 1 } } END { exit bad }' out/d.txt
    run -0 --separate-stderr convert --force --time t --to d.h5 --valence v1 --valence v3 --align .5 d.csv
    [[ ${stderr_lines[0]} == "va-labels: d.csv: video 'd': "[12]" of 2 delays of valence are at the limit: --align 0.5 may be too small" ]] ||
        explain "$stderr"
    run -2 --separate-stderr convert --align 3 d.csv
    [[ $stderr == *"--align needs --time or --from-fps"* ]]
}

@test "annotators: nobody counts twice" {
    printf 'valence,arousal,w\n0,0,.5\n.5,0,.5\n' >x.csv
    refuses "x.csv: --valence valence and --valence 1 are one column, expected two" --valence valence --valence 1 x.csv
    refuses "x.csv: --valence w and --arousal 3 are one column, expected two" --valence w --arousal 3 x.csv
    ln -s x.csv y.csv
    refuses "./x.csv: found the same file twice, expected a file per annotator" --name v x.csv ./x.csv
    refuses "y.csv: found the same file twice, expected a file per annotator" --name v valence=x.csv arousal=x.csv valence=y.csv
    convert --name v valence=x.csv arousal=x.csv
    gives v.txt 0,0 0.5,0
}

@test "values that give one name of a video are not joined" {
    printf 'video,valence,arousal\ns1/a.mp4,0,0\ns1/a.mp4,0,0\ns2/a.mp4,0,0\n' >x.csv
    refuses "x.csv: line 4, column 1 (video): found 's2/a.mp4', and 's1/a.mp4' in line 2 of x.csv: both give the name 'a', expected one value for each video" --video video x.csv
    sed '$ d' x.csv >z.csv
    printf 'video,valence,arousal\na,0,0\nb.mp4,0,0\n' >y.csv
    refuses "y.csv: line 2, column 1 (video): found 'a', and 's1/a.mp4' in line 2 of z.csv: both give the name 'a', expected one value for each video" --video video z.csv y.csv
    for cell in . .. - /; do
        printf 'video,valence,arousal\n%s,0,0\n' $cell >x.csv
        refuses "x.csv: line 2, column 1 (video): found '$cell', expected the name of a video" --video video x.csv
    done
    run -2 --separate-stderr convert --name a/b x.csv
    [[ $stderr == "va-labels: --name a/b: cannot be the name of a video (see va.frames(5))"* ]]
    [ ! -e out ]
}

@test "annotators: who does not vary has no delay and no agreement made of rounding" {
    make_features --frames 300 --video d --fps 25 d.h5
    awk 'BEGIN { print "v,w,c,k"; for (i = 0; i < 75; i++) printf "%.4f,%.4f,0.3,0.1\n", sin(i / 9), sin((i - 4) / 9) }' >d.csv
    align() { run -0 --separate-stderr convert --force --from-fps 6.25 --to d.h5 --align 1 "$@" d.csv; }
    align --valence v --valence c --arousal k
    [ "$(awk '$2 == "valence" { print $4, $5 }' <<<"$output" | paste -sd ' ')" = "0.000 0.0000 0.000 0.0000 - 0.0000" ] || explain "$output"
    [ "${stderr_lines[0]}" = "va-labels: d.csv: video 'd': found no delay of valence of 'v': this or the mean of the others does not vary, or they share less than half of the time" ] || explain "$stderr"
    align --valence v --valence w --valence c --arousal k # the others are shifted about their own mean
    [ "$(awk '$2 == "valence" { print $4 }' <<<"$output" | paste -sd ' ')" = "-0.320 0.320 0.000 -" ] || explain "$output"
    [[ $stderr == *"found no delay of valence of 'c'"* && $stderr != *"of 'v'"* ]]
    { echo v,w,c,k && yes 0.3,0.3,0.3,0.1 | head -n 75; } >d.csv
    align --valence v --valence w --valence c --arousal k
    [ "$(awk '{ print $5, $6, $7 }' <<<"$output" | sed 1d | sort -u | paste -sd ' ')" = "nan - - nan nan nan" ] || explain "$output"
}

@test "check: a row per file, a line for each that is wrong" {
    make_features --frames 30 --video a --fps 25 a.h5
    put a.txt 0,0.5 -5,0 -0.25,1
    put b.txt 0,7
    run -1 --separate-stderr va-labels check a.txt b.txt
    [ "${lines[1]}" = $'a\t3\t2\t-0.25\t0\t0.5\t1' ]
    [ "$stderr" = "va-labels: b.txt: line 2: found '7', expected a number in [-1, 1], or -5" ]
    run -1 --separate-stderr va-labels check --to a.h5 a.txt
    [[ $stderr == "va-labels: a.txt: found 3 rows for 30 frames of video 'a' (1.2 seconds at 25 frames per second), more than 1.5 times apart"* ]]
    [ "$output" = "" ]
    make_labels --frames 29 >a.txt
    run -0 --separate-stderr va-labels check -q --to a.h5 a.txt
    [ "$(cut -f 8,9 <<<"${lines[1]}")" = $'30\t0.9667' ]
}
