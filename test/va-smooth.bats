#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# va-smooth filters predictions; the filters themselves are compared with SciPy in a unit test.
bats_require_minimum_version 1.8.0
load lib/va
setup() {
    cd "$BATS_TEST_TMPDIR" || return
    put a.txt 0,0 0,0.25 1,0.5 0,-0.5 0,0
    put b.txt 0.5,-1
    make_predictions --fps 2 --model M -o p.h5 a.txt b.txt
}

# text FILE VIDEO: what a file says of a video, as the text files are
text() { echo valence,arousal && column "$1" "/videos/$2/va" | tr ' ' '\n' | paste -d , - -; }
# one column of video a: valence 1, arousal 2
values() { text "$1" a | sed 1d | cut -d , -f "$2" | paste -sd ' '; }
refused() { # CODE TEXT ARGS...
    local code=$1 text=$2
    shift 2
    run "-$code" --separate-stderr va-smooth -o out.h5 "$@"
    [ "$stderr" = "va-smooth: $text" ] || explain "$stderr"
    [ "$output" = "" ]
    [ ! -e out.h5 ]
}

@test "generic battery" { generic_battery va-smooth --filter gaussian -o out.h5 p.h5; }

@test "a moving average; models, times and inputs go along" {
    run -0 --separate-stderr va-smooth --window 3 -o out.h5 p.h5
    [ "$output$stderr" = "" ]
    va-check out.h5
    [ "$(values out.h5 1)" = "0 0.333333343 0.333333343 0.333333343 0" ]
    [ "$(values out.h5 2)" = "0.0833333358 0.25 0.0833333358 0 -0.166666672" ]
    [ "$(column out.h5 /videos/b/va)" = "0.5 -1" ]
    [ "$(column out.h5 /videos/a/pts)" = "0 0.5 1 1.5 2" ]
    [ "$(attribute out.h5 models)" = M ]
    [[ "$(attribute out.h5 provenance)" == *"arguments=--window 3 p.h5 input=p.h5 $(attribute p.h5 id)" ]]
}

@test "valence and arousal have their own parameters" {
    va-smooth --window 1,3 -o out.h5 p.h5
    [ "$(values out.h5 1)" = "0 0 1 0 0" ]
    [ "$(values out.h5 2)" = "0.0833333358 0.25 0.0833333358 0 -0.166666672" ]
    va-smooth --filter gaussian --sigma 2,0 -o out.h5 p.h5
    [ "$(values out.h5 2)" = "0 0.25 0.5 -0.5 0" ]
    [ "$(values out.h5 1)" != "0 0 1 0 0" ]
    va-smooth --filter exponential --alpha 1,0.5 -o out.h5 p.h5
    [ "$(values out.h5 1)" = "0 0 1 0 0" ]
    [ "$(values out.h5 2)" = "0 0.125 0.3125 -0.09375 -0.046875" ]
    va-smooth --filter savgol --window 3,5 --order 2,1 -o out.h5 p.h5
    [ "$(values out.h5 1)" = "0 0 1 0 0" ]
    # a straight line of five points: mean .05, slope -.075
    [ "$(values out.h5 2)" = "0.200000003 0.125 0.0500000007 -0.0250000004 -0.100000001" ]
}

@test "a half-life is that" {
    put a.txt 0,1 1,0 1,0 1,0
    make_predictions -o p.h5 a.txt
    va-smooth --filter exponential --half-life 1,3 -o out.h5 p.h5
    [ "$(values out.h5 1)" = "0 0.5 0.75 0.875" ]
    [ "$(values out.h5 2 | cut -d ' ' -f 4)" = 0.5 ]
}

@test "edges" {
    va-smooth --window 3 --edge shrink -o out.h5 p.h5
    [ "$(values out.h5 2 | cut -d ' ' -f 1)" = 0.125 ]
    va-smooth --window 3 --edge mirror -o out.h5 p.h5
    [ "$(values out.h5 2 | cut -d ' ' -f 1)" = 0.166666672 ]
    va-smooth --window 3 --edge nearest -o out.h5 p.h5
    va-smooth --window 3 --edge reflect -o same.h5 p.h5
    [ "$(values out.h5 2)" = "$(values same.h5 2)" ] # so it is with a window of 3
    va-smooth --filter median --window 4 -o out.h5 p.h5
    [ "$(values out.h5 2)" = "0.25 0.25 0.25 0.25 0" ]
}

@test "seconds are frames by the time stamps, those that are known" {
    va-smooth --window 1.4s -o out.h5 p.h5
    va-smooth --window 3 -o same.h5 p.h5
    [ "$(values out.h5 1)" = "$(values same.h5 1)" ]
    va-smooth --filter gaussian --sigma 0.5s,2 -o out.h5 p.h5
    va-smooth --filter gaussian --sigma 1,2 -o same.h5 p.h5
    [ "$(text out.h5 a)" = "$(text same.h5 a)" ]
    va-smooth --filter exponential --half-life 2s,4 -o out.h5 p.h5
    va-smooth --filter exponential --half-life 4 -o same.h5 p.h5
    [ "$(text out.h5 a)" = "$(text same.h5 a)" ]
    for s in 1.1 1.9; do # 2.2 and 3.8 frames: both are nearest to 3, which three points fit exactly
        va-smooth --filter savgol --window ${s}s -o out.h5 p.h5
        [ "$(values out.h5 1)" = "0 0 1 0 0" ]
    done
    va-smooth --filter savgol --order 1 --window 2.2s -o out.h5 p.h5
    va-smooth --filter savgol --order 1 --window 5 -o same.h5 p.h5
    [ "$(text out.h5 a)" = "$(text same.h5 a)" ]
    va-smooth --filter savgol --order 1 --window 0.1s -o out.h5 p.h5
    va-smooth --filter savgol --order 1 --window 3 -o same.h5 p.h5
    [ "$(text out.h5 a)" = "$(text same.h5 a)" ]
    va-smooth --window 0s -o out.h5 p.h5
    [ "$(values out.h5 1)" = "0 0 1 0 0" ]
    make_predictions --fps 2 --unknown-first -o p.h5 a.txt b.txt
    va-smooth --window 1.4s -o out.h5 p.h5
    va-smooth --window 3 -o same.h5 p.h5
    [ "$(text out.h5 a)" = "$(text same.h5 a)" ]
}

@test "seconds without time stamps: refused, but for a single frame" {
    make_predictions -o p.h5 a.txt
    refused 3 "p.h5: video 'a': found no ascending time stamps; give --window in frames" \
        --window 1s p.h5
    make_predictions --fps 2 -o p.h5 a.txt
    h5edit p.h5 poke /videos/a/pts 4 -1
    refused 3 "p.h5: video 'a': found no ascending time stamps; give --sigma in frames" \
        --filter gaussian --sigma 1,1s p.h5
    h5edit p.h5 poke /videos/a/pts 4 1e-9
    refused 3 "p.h5: video 'a': --window: found 1s, which are 4e+09 frames, at most 131071" \
        --window 1s p.h5
    make_predictions -o p.h5 b.txt
    va-smooth --window 1s -o out.h5 p.h5
}

@test "a window longer than a video" {
    for filter in "mean --window 131071" "median --window 1000" "savgol --window 101 --order 9" \
        "gaussian --sigma 500" "exponential --half-life 1e9"; do
        # shellcheck disable=SC2086
        va-smooth --filter $filter -o out.h5 p.h5
        va-check out.h5
        [ "$(column out.h5 /videos/b/va)" = "0.5 -1" ]
    done
    va-smooth --filter savgol --window 101 --order 9 -o out.h5 p.h5 # the degree becomes 4
    va-smooth --filter savgol --window 5 --order 4 -o same.h5 p.h5
    [ "$(text out.h5 a)" = "$(text same.h5 a)" ]
}

@test "a polynomial may overshoot: clipped, or kept" {
    put a.txt 1,-1 1,-1 1,-1 1,1 1,1 -1,1 -1,1
    make_predictions -o p.h5 a.txt
    va-smooth --filter savgol --window 5 -o out.h5 p.h5
    va-smooth --filter savgol --window 5 --clip no -o wide.h5 p.h5
    [ "$(values out.h5 1 | cut -d ' ' -f 4)" = 1 ]
    values wide.h5 1 | awk '{ exit !($4 > 1.1) }'
    va-check wide.h5
}

@test "a video without frames" {
    put c.txt
    make_predictions --fps 25 -o p.h5 a.txt c.txt
    va-smooth --window 1s -o out.h5 p.h5
    va-check out.h5
}

@test "equal inputs give equal bytes" {
    va-smooth --window 3 -o out.h5 p.h5
    sleep 1.1
    va-smooth --window 3 -o again.h5 p.h5
    cmp out.h5 again.h5
}

@test "as SciPy does, on random series" {
    python=${PY:-python3}
    "$python" -c 'import scipy' 2>/dev/null || skip "no SciPy: $python cannot import scipy (set PY)"
    reference=$BATS_TEST_DIRNAME/reference/filters.py
    seed=${SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
    echo "seed $seed"
    while read -r frames case options; do
        "$python" "$reference" input --seed "$seed" --frames "$frames" >r.txt
        make_predictions -o r.h5 r.txt
        # shellcheck disable=SC2086
        va-smooth $options -o out.h5 r.h5
        text out.h5 r >found.txt
        # shellcheck disable=SC2086
        "$python" "$reference" check r.txt found.txt ${case//+/ --case } || explain "$frames $options"
    done <<'CASES'
500 +mean,reflect,25,0,0 --filter mean
500 +mean,mirror,24,0,0+mean,mirror,7,0,0 --window 24,7 --edge mirror
30 +mean,nearest,100,0,0 --window 100 --edge nearest
30 +mean,shrink,100,0,0+mean,shrink,12,0,0 --window 100,12 --edge shrink
500 +gaussian,reflect,0,0,5 --filter gaussian
40 +gaussian,mirror,0,0,30+gaussian,mirror,0,0,1.3 --filter gaussian --sigma 30,1.3 --edge mirror
200 +gaussian,shrink,0,0,4.2 --filter gaussian --sigma 4.2 --edge shrink
400 +exponential,reflect,0,0,0.05+exponential,reflect,0,0,0.7 --filter exponential --alpha 0.05,0.7
400 +exponential,reflect,0,0,0.12944943670387588 --filter exponential --half-life 5
500 +savgol,interp,25,2,0 --filter savgol
25 +savgol,interp,25,3,0+savgol,interp,31,2,0 --filter savgol --window 25,31 --order 3,2
300 +savgol,nearest,41,3,0 --filter savgol --window 41 --order 3 --edge nearest
300 +savgol,mirror,9,4,0+savgol,mirror,5,0,0 --filter savgol --window 9,5 --order 4,0 --edge mirror
20 +savgol,reflect,51,2,0 --filter savgol --window 51 --edge reflect
300 +median,reflect,9,0,0+median,reflect,10,0,0 --filter median --window 9,10
20 +median,mirror,50,0,0 --filter median --window 50 --edge mirror
50 +median,shrink,70,0,0 --filter median --window 70 --edge shrink
CASES
}

@test "mistakes in parameters: status 2" {
    refused 2 "--window: found 0, expected whole frames from 1 to 131071 (try --help)" --window 0 p.h5
    refused 2 "--window: found 2.5, expected whole frames from 1 to 131071 (try --help)" --window 3,2.5 p.h5
    refused 2 "--window: found x, expected a number from 0 to 131071, or seconds as 0.5s (try --help)" --window 3,x p.h5
    for bad in -1 3,4,5 1s2 nan inf 1e9 ,3 "3," 3ss "3 ," " 3" 2e6s; do
        run -2 --separate-stderr va-smooth --window "$bad" -o out.h5 p.h5
        [[ $stderr == "va-smooth: --window: found "* ]] || explain "$bad: $stderr"
    done
    refused 2 "--window: found 4, expected an odd number for savgol (try --help)" --filter savgol --window 5,4 p.h5
    refused 2 "--order: found 5, expected less than the window of 5 (try --help)" \
        --filter savgol --window 7,5 --order 3,5 p.h5
    refused 2 "--order: expected one or two numbers (try --help)" --filter savgol --order 1,2,3 p.h5
    refused 2 "--alpha: found 0, expected a number above 0 (try --help)" --filter exponential --alpha 0 p.h5
    refused 2 "--alpha: found 1s, expected a number from 0 to 1 (try --help)" --filter exponential --alpha 1s p.h5
    refused 2 "expected --half-life or --alpha, found both (try --help)" --filter exponential --alpha .5 --half-life 2 p.h5
}

@test "options that the filter does not have: status 2" {
    while read -r filter options; do
        # shellcheck disable=SC2086
        refused 2 "--filter $filter has no ${options%=*} (try --help)" --filter "$filter" ${options/=/ } p.h5
    done <<'PAIRS'
mean --sigma=3
mean --order=1
mean --alpha=1
gaussian --window=3
gaussian --half-life=3
exponential --window=3
exponential --edge=mirror
savgol --sigma=1
median --order=1
PAIRS
    refused 2 "--filter mean has no --edge interp (try --help)" --edge interp p.h5
    refused 2 "--filter savgol has no --edge shrink (try --help)" --filter savgol --edge shrink p.h5
    refused 2 "expected one file of predictions (try --help)"
    refused 2 "expected one file of predictions (try --help)" p.h5 p.h5
    run -2 va-smooth p.h5
}

@test "values that are not finite are refused" {
    h5edit p.h5 poke /videos/a/va 3 nan
    refused 3 "p.h5: /videos/a/va: row 1: found nan, expected a finite number" p.h5
}

@test "--table: what is in the file, for a spreadsheet" {
    va-smooth --window 3 --table tables/ -o out.h5 p.h5
    [ "$(ls tables)" = "$(printf 'a.tsv\nb.tsv')" ]
    [ "$(head -n 3 tables/a.tsv)" = "$(printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\n' frame time person face confidence valence arousal \
        1 0.000000 a '' '' 0.000000 0.083333 2 0.500000 a '' '' 0.333333 0.250000)" ]
    [ "$(wc -l <tables/a.tsv)" -eq 6 ]
}

@test "--table: one video to a file, without times" {
    make_predictions --model M -o one.h5 b.txt
    va-smooth --table b.csv -o out.h5 one.h5
    [ "$(cat b.csv)" = "$(printf 'frame,time,person,face,confidence,valence,arousal\n1,,b,,,0.500000,-1.000000')" ]
}
