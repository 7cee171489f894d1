#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# va-ensemble calibrate finds intervals on labelled videos, va-ensemble --interval writes them, others show them. What
# share of frames lies inside for members of known noise is a unit test.
bats_require_minimum_version 1.8.0
load lib/va
setup() {
    cd "$BATS_TEST_TMPDIR" || return
    mkdir labels a b
    make_labels --frames 60 --unlabelled 5,6,40 --seed 1 >labels/v.txt
    make_labels --frames 33 --seed 2 >labels/w.txt
    for v in v w; do
        noisy labels/$v.txt 1.7 >a/$v.txt
        noisy labels/$v.txt 2.9 >b/$v.txt
    done
    make_predictions --fps 10 --model A -o a.h5 a/v.txt a/w.txt
    make_predictions --fps 10 --model B -o b.h5 b/v.txt b/w.txt
}
# noisy FILE WAVE: the labels with an error that grows and shrinks
noisy() {
    awk -F , -v OFS=, -v w="$2" 'NR == 1 { print; next } {
        if ($1 == -5) $1 = $2 = 0.5
        x = .2 * (1 + sin(NR / 9)) * sin(NR * w); printf "%.9g,%.9g\n", $1 / 2 + x, $2 / 2 + x }' "$1"
}
calibrated() { va-ensemble calibrate -q --labels labels "$@" -o i.tsv a.h5 b.h5; }
# cell LEVEL DIMENSION COLUMN of i.tsv
cell() {
    awk -F '\t' -v l="$1" -v d="$2" -v c="$3" 'NR == 1 { for (i = 1; i <= NF; i++) n[$i] = i }
        $1 == l && $2 == d { print $n[c] }' i.tsv
}
refused() { refused_by va-ensemble "$@"; } # CODE TEXT ARGS...

@test "generic battery: calibrate" {
    echo v >list
    BATTERY_WHOLE=list generic_battery "va-ensemble calibrate" -q --labels labels --list list -o i.tsv a.h5 b.h5
}
@test "generic battery: interval" {
    calibrated
    generic_battery va-ensemble --interval i.tsv -o out.h5 a.h5 b.h5
}

@test "spread: by hand, weighted, and without it the file of before" {
    put a/v.txt 0,0 0.25,0.5
    put b/v.txt 0.5,0 0.25,-0.5
    make_predictions --model A -o a.h5 a/v.txt
    make_predictions --model B -o b.h5 b/v.txt
    va-ensemble --spread -o out.h5 a.h5 b.h5
    va-check out.h5
    [ "$(column out.h5 /videos/v/va)" = "0.25 0 0.25 0" ]
    [ "$(column out.h5 /videos/v/spread)" = "0.25 0 0 0.5" ]
    va-ensemble --spread --weight 3,1 -o out.h5 a.h5 b.h5 # sqrt(.75 * .125^2 + .25 * .375^2)
    [ "$(column out.h5 /videos/v/spread | cut -d ' ' -f 1)" = 0.216506347 ]
    run ! h5ls out.h5/videos/v/lower
    va-ensemble -o plain.h5 a.h5 b.h5
    [ "$(h5ls plain.h5/videos/v | cut -d ' ' -f 1 | paste -sd ' ')" = va ]
    refused 2 "--spread and --interval conflict with --method centred: it moves each file (try --help)" \
        --method centred --spread -o out a.h5 b.h5
}

@test "the nominal share of the labels lies inside, and is what va-score counts" {
    calibrated --level 50,80,90
    [ "$(cell 80 valence frames) $(cell 80 valence members) $(cell 80 arousal method)" = "90 2 mean" ]
    for level in 50 80 90; do
        va-ensemble --interval i.tsv --level $level -o out.h5 a.h5 b.h5
        va-check out.h5
        [ "$(attribute out.h5 level)" = $level ]
        va-score -q --labels labels out.h5 >score.tsv
        [ "$(head -n 1 score.tsv | cut -f 8-)" = "$(printf 'frames\tlevel\tcoverage\twidth')" ]
        # rank ceil(91 * level) of 90 frames, which lies on the edge: it may be rounded out
        awk -F '\t' -v l=$level '$1 == "pooled" && $2 != "mean" { n = int(91 * l / 100 + .999999)
            if ($9 != l || $10 - n / 90 > 1e-6 || (n - 1) / 90 - $10 > 1e-6 || !($11 > 0)) exit 1 }' score.tsv || explain "$(cat score.tsv)"
        awk -F '\t' -v OFS='\t' '$2 == "mean" { print $1, ($3 != "") }' score.tsv | cmp - <(printf 'pooled\t1\nvideo-mean\t1\n')
    done
    va-score -q --labels labels --per-video out.h5 | awk -F '\t' '$2 == "valence" { c[$1] = $10; n[$1] = $8 }
        END { m = (c["v"] * n["v"] + c["w"] * n["w"]) / 90; p = (c["v"] + c["w"]) / 2
              exit !(m - c["pooled"] < 1e-6 && c["pooled"] - m < 1e-6 && p - c["video-mean"] < 1e-6) }'
    [[ "$(attribute out.h5 provenance)" == *"--interval i.tsv"*"input=b.h5 "*"input=i.tsv "* ]]
}

@test "a spread that has no part is said" {
    # one is right, so that the error of the mean is the spread
    for v in v w; do sed 's/^-5,-5$/0.5,0.5/' labels/$v.txt >b/$v.txt; done
    make_predictions --fps 10 -o c.h5 b/v.txt b/w.txt
    run -0 --separate-stderr va-ensemble calibrate --labels labels -o i.tsv a.h5 c.h5
    [[ $stderr != *"has no part"* ]] || explain "$stderr"
    run -0 --separate-stderr va-ensemble calibrate --labels labels -o i.tsv a.h5 a.h5
    [[ $stderr == *"va-ensemble: the spread of the models has no part in these intervals (scale 0): all frames get the same width" ]] ||
        explain "$stderr"
}

@test "labels of other videos have no say" {
    echo v >list
    calibrated --list list
    va-ensemble --interval i.tsv -o out.h5 a.h5 b.h5
    make_labels --frames 33 --seed 9 >labels/w.txt
    mv i.tsv before.tsv && calibrated --list list
    cmp before.tsv i.tsv
    va-ensemble --interval i.tsv -o again.h5 a.h5 b.h5
    cmp out.h5 again.h5
    echo w >>list # they have one where they are named
    calibrated --list list
    run ! cmp -s before.tsv i.tsv
}

@test "limits: an interval ends at -1 and 1, or with --clip no where it ends" {
    calibrated
    put a/v.txt 0.99,-0.99
    make_predictions -o c.h5 a/v.txt
    va-ensemble --interval i.tsv -o out.h5 c.h5 c.h5
    [ "$(column out.h5 /videos/v/upper | cut -d ' ' -f 1) $(column out.h5 /videos/v/lower | cut -d ' ' -f 2)" = "1 -1" ]
    va-ensemble --clip no --interval i.tsv -o out.h5 c.h5 c.h5
    awk -v u="$(column out.h5 /videos/v/upper | cut -d ' ' -f 1)" -v f="$(cell 90 valence floor)" \
        'BEGIN { exit !(u - .99 - f < 1e-6 && .99 + f - u < 1e-6) }'
}

@test "members: missing, damaged, of another length, in another number" {
    make_predictions --model B -o b.h5 b/v.txt
    refused 3 "b.h5: video 'w' is missing, but a.h5 has it" calibrate --labels labels -o out a.h5 b.h5
    head -c 1000 a.h5 >c.h5
    run -3 --separate-stderr va-ensemble calibrate --labels labels -o out a.h5 c.h5
    [[ $stderr == "va-ensemble: c.h5: "* ]]
    run -0 --separate-stderr va-ensemble calibrate --missing skip --labels labels -o i.tsv a.h5 b.h5
    [[ $stderr == "va-ensemble: w: missing from b.h5, left out"* ]]
    [ "$(cell 90 valence frames)" = 57 ]
    make_predictions --model C -o c.h5 b/w.txt
    va-ensemble calibrate -q --missing average --labels labels -o i.tsv a.h5 b.h5 c.h5
    [ "$(cell 90 valence frames) $(cell 90 valence members)" = "90 2" ]
    run -0 --separate-stderr va-ensemble -q --interval i.tsv -o out.h5 a.h5
    [ "$stderr" = "va-ensemble: v: combined from 1 model, but i.tsv was calibrated on 2: its level may not hold
va-ensemble: w: combined from 1 model, but i.tsv was calibrated on 2: its level may not hold" ]
    refused 3 "labels: found 90 labelled frames, expected at least 99 for level 99" \
        calibrate --missing average --level 99 --labels labels -o out a.h5 b.h5 c.h5
}

@test "weights: those of the calibration, else refused" {
    va-ensemble fit -q --labels labels -o w.tsv a.h5 b.h5
    calibrated --weight-table w.tsv
    va-ensemble --weight-table w.tsv --interval i.tsv -o out.h5 a.h5 b.h5
    refused 3 "i.tsv: calibrated for method $(cell 90 valence method), found mean: calibrate with the weights that are given here" \
        --interval i.tsv -o out a.h5 b.h5
    refused 2 "--weight conflicts with --weight-table (try --help)" calibrate --labels labels --weight 1,2 --weight-table w.tsv -o out a.h5 b.h5
}

@test "tables that are broken, or have another level" {
    calibrated --level 80
    refused 3 "i.tsv: found no rows of level 90 for valence and arousal: calibrate with --level 90" --interval i.tsv -o out a.h5 b.h5
    refused 2 "--level needs --interval FILE (try --help)" --level 80 -o out a.h5 b.h5
    refused 2 "--level: a level is there twice (try --help)" calibrate --labels l --level 50,80,50 -o out a.h5 b.h5
    broken() { # SED TEXT
        sed "$1" i.tsv >bad.tsv
        refused 3 "bad.tsv: $2" --interval bad.tsv --level 80 -o out a.h5 b.h5
    }
    broken '3d' "found no rows of level 80 for valence and arousal: calibrate with --level 80"
    broken '3s/arousal/valence/' "line 3: found a second row of valence at level 80"
    broken '3s/arousal/joy/' "line 3: found 'joy', expected valence or arousal"
    broken '1s/floor/roof/' "line 1: found no column floor, expected a table of va-ensemble calibrate"
    sed '2s/valence\t[^\t]*/valence\t-1/' i.tsv >bad.tsv
    refused 3 "bad.tsv: line 2: found -1, expected a number from 0 to 1e9" --interval bad.tsv --level 80 -o out a.h5 b.h5
}

@test "tables and pictures show it; smoothed values have none" {
    calibrated
    va-ensemble --interval i.tsv --table t.tsv -o out.h5 a.h5 b.h5
    [ "$(head -n 1 t.tsv | cut -f 6-)" = "valence	arousal	valence_spread	arousal_spread	valence_lower	arousal_lower	valence_upper	arousal_upper" ]
    va-table out.h5 | cmp - t.tsv
    awk -F '\t' 'NR > 1 && !(NF == 13 && $10 <= $6 && $6 <= $12 && $11 <= $7 && $7 <= $13 && $8 >= 0) { exit 1 }' t.tsv
    va-table --format jsonl out.h5 | head -n 1 | grep -q '"arousal_upper":'
    va-table --format openface out.h5 | head -n 1 | grep -qx 'frame, face_id, timestamp, confidence, success, valence, arousal'
    va-plot --labels labels -o p.svg out.h5
    check_xml p.svg
    [ "$(grep -c '<path class="va-density1"' p.svg)" -eq 4 ] # two dimensions of two videos
    grep -q 'band: 90 % of frames' p.svg && grep -q 'inside the band ' p.svg
    va-plot -o plain.svg a.h5
    run ! grep -q 'class="va-density1" d=\|band' plain.svg
    va-report --labels labels -o p.html out.h5
    grep -q 'The band is the interval that is to contain annotations of 90 % of frames' p.html
    va-smooth --window 3 -o smooth.h5 out.h5
    run ! h5ls smooth.h5/videos/v/lower
    [ "$(attribute smooth.h5 level)" = "" ]
    # in one table, videos of a file have the same columns
    cp out.h5 mixed.h5 && h5edit mixed.h5 delete /videos/w/lower && h5edit mixed.h5 delete /videos/w/upper
    run -3 --separate-stderr va-table mixed.h5
    [[ $stderr == "va-table: mixed.h5: video 'w': found a spread and no interval, unlike 'v' in the same table"* ]] || explain "$stderr"
}

@test "levels are not mixed; files without intervals are counted without coverage" {
    calibrated --level 80,90
    for v in v w; do
        make_predictions --model A -o a.h5 a/$v.txt && make_predictions --model B -o b.h5 b/$v.txt
        va-ensemble --interval i.tsv --level "$([ $v = v ] && echo 80 || echo 90)" -o $v.h5 a.h5 b.h5
    done
    run -3 --separate-stderr va-score --labels labels v.h5 w.h5
    [ "$stderr" = "va-score: w.h5: found intervals of level 90, but of level 80 in v.h5: score one level at a time" ]
    run -0 --separate-stderr va-score --labels labels v.h5 a.h5
    [ "$stderr" = "va-score: a.h5: has no intervals, unlike v.h5: coverage is left out" ]
    [ "$(head -n 1 <<<"$output" | cut -f 8-)" = frames ]
    h5edit v.h5 delete /videos/v/upper
    run -3 --separate-stderr va-score --labels labels v.h5 w.h5
    [ "$stderr" = "va-score: v.h5: /videos/v: found lower alone, expected lower and upper" ]
    h5edit w.h5 delete @level
    run -3 --separate-stderr va-table w.h5
    [ "$stderr" = "va-table: w.h5: /videos/w: found an interval, but no attribute level says which" ]
}
