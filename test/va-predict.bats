#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# va-predict with two small models that were trained for a few steps.
bats_require_minimum_version 1.8.0
load lib/va

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return 1
    mkdir labels
    for v in a b; do
        make_features --video $v --dim 6 --frames 90 --seed "$(printf %d "'$v")" $v.h5
        make_labels --frames 90 --seed "$(printf %d "'$v")" >labels/$v.txt
    done
    va-window --labels labels --window 30 --stride 20 -o w.h5 a.h5 b.h5 >/dev/null
    echo a >a.txt && echo b >b.txt
    for seed in 1 2; do
        va-tcn-mamba-train -q --windows w.h5 --train a.txt --val b.txt --channels 8,6 --kernel 3 \
            --layers 1 --d-state 3 --hidden 4 --epochs 2 --seed $seed -o m$seed.h5
    done
}
setup() { cd "$BATS_TEST_TMPDIR" && cp -r "$BATS_FILE_TMPDIR"/* .; }

# no pair of numbers of two text files (values after `valence,arousal`) differs by more than $3
near() {
    paste -d , "$1" "$2" | awk -F , -v most="$3" 'NR > 1 {
        for (i = 1; i <= 2; i++) { d = $i - $(i + 2); if (d < 0) d = -d; if (!(d <= most)) bad = 1 }
    } END { exit bad || NR < 2 }'
}
# copy of m1.h5 with element $2 of tensor $1 set to $3
changed() {
    cp m1.h5 odd.h5
    h5edit odd.h5 poke /tensors/"$1" "$2" "$3"
    h5edit odd.h5 delete @id
}

@test "--verbose says which model it is, how good it was, and what it was trained on" {
    cp m1.h5 m.h5
    h5edit m.h5 real @val-ccc 0.4321
    h5edit m.h5 string @encoder e1
    run -0 --separate-stderr va-predict -v -m m.h5 -m m2.h5 -o p.h5 a.h5
    id=$(attribute m.h5 id)
    [[ $stderr == *"va-predict: m.h5: model ${id:0:8}; CCC on its own validation: 0.432; encoder of its features: e1
va-predict: m2.h5: model "*"; CCC on its own validation: "[-0]*.*"; encoder of its features: not known"* ]] || explain "$stderr"
    run -0 --separate-stderr va-predict -m m.h5 -o p.h5 a.h5
    [[ $stderr != *validation* ]]
}

@test "--precision bf16: near f32, the same bytes for any number of threads; int8 is none of its names" {
    va-predict -q -m m1.h5 --precision f32 -o f32.h5 a.h5 b.h5
    va-predict -q -m m1.h5 -o p.h5 a.h5 b.h5
    same_numbers f32.h5 p.h5 # the default
    for mode in sequence overlap chunk; do
        va-predict -q --mode $mode -m m1.h5 -o f32.h5 a.h5 b.h5
        va-predict -q --mode $mode -m m1.h5 --precision bf16 -j 1 -o p.h5 a.h5 b.h5
        run ! va-h5cmp --abs 1e-5 f32.h5 p.h5
        same_numbers --abs 2e-2 f32.h5 p.h5
        mv p.h5 first.h5
        for j in 1 2 3; do
            va-predict -q --mode $mode -m m1.h5 --precision bf16 -j $j -o p.h5 a.h5 b.h5
            cmp p.h5 first.h5
        done
    done
    attribute p.h5 provenance | grep -q -e "--precision bf16"
    rm p.h5
    run -2 --separate-stderr va-predict --precision int8 -m m1.h5 -o p.h5 a.h5
    [ "$stderr" = "va-predict: --precision int8: expected f32|bf16|auto (try --help)" ]
    [ ! -e p.h5 ]
}

@test "--precision bf16: a video in blocks with carried state is the video as one window" {
    va-predict -q -m m1.h5 --precision bf16 -o s.h5 --mode sequence a.h5
    va-predict -q -m m1.h5 --precision bf16 -o whole.h5 --mode chunk --window 90 a.h5
    same_numbers --abs 2e-3 s.h5 whole.h5
}

@test "generic battery" {
    generic_battery va-predict -m m1.h5 -o p.h5 a.h5
    BATTERY_WHOLE=a.txt generic_battery va-predict -m m1.h5 -o p.h5 --windows w.h5 --list a.txt
}

@test "a row for each frame, time stamps, ids of the models" {
    run -0 --separate-stderr va-predict -q -m m1.h5 -m m2.h5 -o p.h5 a.h5 b.h5
    [ "$output$stderr" = "" ]
    va-check p.h5
    [ "$(column p.h5 /videos/a/va | wc -w)" -eq 180 ]
    [ "$(column p.h5 /videos/b/pts | cut -d ' ' -f 1-3)" = "$(column b.h5 /pts | cut -d ' ' -f 1-3)" ]
    [ "$(attribute p.h5 models)" = "$(attribute m1.h5 id) $(attribute m2.h5 id)" ]
    cp p.h5 first.h5
    va-predict -q -m m1.h5 -m m2.h5 -o p.h5 a.h5 b.h5
    cmp p.h5 first.h5
}

@test "windows and features predict the same; --list chooses" {
    va-predict -m m1.h5 -o p.h5 a.h5 b.h5
    va-predict -m m1.h5 -o q.h5 --windows w.h5
    [ "$(column p.h5 /videos/b/va)" = "$(column q.h5 /videos/b/va)" ]
    va-predict -m m1.h5 -o q.h5 --windows w.h5 --list b.txt
    [ "$(h5ls q.h5/videos | cut -d ' ' -f 1)" = b ]
    # nothing of one video reaches the next
    [ "$(column p.h5 /videos/b/va)" = "$(column q.h5 /videos/b/va)" ]
}

@test "several models are averaged" {
    va-predict -m m1.h5 -o p.h5 --clip no --text-dir one a.h5
    va-predict -m m2.h5 -o p.h5 --clip no --text-dir two a.h5
    va-predict -m m1.h5 -m m2.h5 -o p.h5 --clip no --text-dir both a.h5
    paste -d , one/a.txt two/a.txt |
        awk -F , 'NR == 1 { print "valence,arousal"; next } { print ($1 + $3) / 2 "," ($2 + $4) / 2 }' >mean.txt
    near both/a.txt mean.txt 1e-5
    run ! near one/a.txt both/a.txt 1e-5
}

@test "sequence carries state: a window as long as the video is the same, shorter ones differ" {
    make_features --video long --dim 6 --frames 1200 long.h5
    va-predict -m m1.h5 -o p.h5 --text-dir sequence long.h5
    va-predict -m m1.h5 -o p.h5 --mode chunk --window 1200 --text-dir whole long.h5
    near sequence/long.txt whole/long.txt 1e-5
    va-predict -m m1.h5 -o p.h5 --mode chunk --window 100 --text-dir chunk long.h5
    run ! near sequence/long.txt chunk/long.txt 1e-5
    head -n 101 chunk/long.txt >c && head -n 101 sequence/long.txt >s
    near c s 1e-5
}

@test "overlap is the mean of the windows that hold a frame" {
    va-predict -m m1.h5 -o p.h5 --clip no --mode overlap --window 90 --stride 45 --text-dir o a.h5
    va-predict -m m1.h5 -o p.h5 --clip no --text-dir s a.h5
    va-predict -m m1.h5 -o p.h5 --clip no --mode chunk --window 45 --text-dir c a.h5
    paste -d , s/a.txt c/a.txt |
        awk -F , 'NR == 1 { print "valence,arousal"; next } { print ($1 + $3) / 2 "," ($2 + $4) / 2 }' >mean.txt
    near o/a.txt mean.txt 1e-5
    # with --windows those of the file
    va-predict -m m1.h5 -o p.h5 --mode overlap --windows w.h5 --list a.txt
    va-predict -m m1.h5 -o q.h5 --mode overlap --window 30 --stride 20 a.h5
    [ "$(column p.h5 /videos/a/va)" = "$(column q.h5 /videos/a/va)" ]
}

@test "a model that looks ahead speaks of earlier frames, in all modes alike" {
    cp m1.h5 ahead.h5
    h5edit ahead.h5 string @lookahead 7
    h5edit ahead.h5 delete @id
    va-predict -m m1.h5 -o p.h5 --clip no --text-dir now a.h5
    va-predict -m ahead.h5 -o p.h5 --clip no --text-dir ahead a.h5
    [ "$(wc -l <ahead/a.txt)" -eq 91 ]
    # frame t has what the model gave at t + 7
    near <(echo head; tail -n +9 now/a.txt) <(echo head; sed -n 2,84p ahead/a.txt) 1e-6
    run ! near <(sed -n 1,84p now/a.txt) <(sed -n 1,84p ahead/a.txt) 1e-6
    for length in 90 600; do # one block of frames, and several
        make_features --video long --dim 6 --frames $length long.h5
        va-predict -m ahead.h5 -o p.h5 --text-dir sequence long.h5
        va-predict -m ahead.h5 -o p.h5 --mode chunk --window $length --text-dir whole long.h5
        near sequence/long.txt whole/long.txt 1e-5
    done
    make_features --video short --dim 6 --frames 3 short.h5
    va-predict -m ahead.h5 -o p.h5 --text-dir sequence short.h5
    va-predict -m ahead.h5 -o p.h5 --mode overlap --window 30 --stride 20 --text-dir whole short.h5
    near sequence/short.txt whole/short.txt 1e-5
}

@test "--preset predicts as its test does" {
    make_features --video g --dim 6 --frames 1200 --gaps 1,2,7,600 --frame-count 1203 g.h5
    same() { # same OPTIONS... -- OPTIONS...
        local -a first=()
        while [ "$1" != -- ]; do first+=("$1"); shift; done
        va-predict -m m1.h5 -o p.h5 "${first[@]}" g.h5
        va-predict -m m1.h5 -o q.h5 "${@:2}" g.h5
        va-h5cmp p.h5 q.h5
    }
    same --preset paper -- --mode overlap --window 300 --stride 200
    same --preset authors -- --mode chunk --window 500 --missing zero
    same --preset authors-fold0 --window 100 -- --mode chunk --window 100 --missing zero
    same --preset authors --mode sequence --missing nearest --
    run ! same --preset authors --
}

@test "one and two threads agree" {
    va-predict -j 1 -m m1.h5 -o p.h5 a.h5
    va-predict -j 2 -m m1.h5 -o q.h5 a.h5
    va-h5cmp --abs 1e-5 p.h5 q.h5
}

@test "frames without a face get a row, by --missing" {
    make_features --video g --dim 6 --frames 20 --gaps 1,2,7,8,9 --frame-count 22 g.h5
    make_features --video g --dim 6 --frames 22 whole.h5
    va-predict -m m1.h5 -o p.h5 g.h5
    [ "$(column p.h5 /videos/g/va | wc -w)" -eq 44 ]
    va-predict -m m1.h5 -o q.h5 --missing zero g.h5
    run ! va-h5cmp p.h5 q.h5
    va-predict -m m1.h5 -o r.h5 --missing nearest g.h5
    va-h5cmp p.h5 r.h5
}

@test "--clip holds values in [-1, 1]" {
    changed fc2.bias 0 7
    va-predict -m odd.h5 -o p.h5 a.h5
    [ "$(column p.h5 /videos/a/va | cut -d ' ' -f 1,3,5)" = "1 1 1" ]
    va-predict -m odd.h5 -o p.h5 --clip no a.h5
    [[ "$(column p.h5 /videos/a/va | cut -d ' ' -f 1)" == [67].* ]]
}

@test "text for other tools and for a spreadsheet" {
    va-predict -m m1.h5 -o p.h5 --text-dir text --table a.csv a.h5
    [ "$(head -n 1 text/a.txt)" = valence,arousal ]
    [ "$(wc -l <text/a.txt)" -eq 91 ]
    [ "$(head -n 1 a.csv)" = frame,time,person,face,confidence,valence,arousal ]
    [[ "$(sed -n 4p a.csv)" == 3,0.066667,a,1,,*,* ]]
    va-predict -m m1.h5 -o p.h5 --table a.tsv a.h5
    tr '\t' , <a.tsv | cmp - a.csv
    va-predict -m m1.h5 -o p.h5 --table tables/ a.h5 b.h5
    [ "$(ls tables)" = "$(printf 'a.tsv\nb.tsv')" ]
    va-predict -m m1.h5 -o p.h5 --table one.tsv a.h5 b.h5
    { cat tables/a.tsv && sed 1d tables/b.tsv; } | cmp - one.tsv
}

@test "faces: which frames have features, and how sure the detector was" {
    make_features --video d --dim 6 --frames 5 --gaps 2,5 --frame-count 6 --score d.h5
    va-predict -m m1.h5 -o p.h5 --table d.csv d.h5
    [ "$(cut -d , -f 1,3-5 d.csv | sed 1d | paste -sd ' ')" = \
        "1,d,1,0.500 2,d,0,0.000 3,d,1,0.250 4,d,1,0.200 5,d,0,0.000 6,d,0,0.000" ]
    va-check p.h5
    h5edit d.h5 poke /score 1 1.5
    run -3 --separate-stderr va-predict -m m1.h5 -o q.h5 d.h5
    [ "$stderr" = "va-predict: d.h5: /score: row 1: found 1.5, expected 0 to 1" ] || explain "$stderr"
}

@test "crops of which no rate is known: the time is left empty" {
    make_features --video c --dim 6 --frames 5 --fps 0 c.h5
    va-predict -m m1.h5 -o p.h5 --table c.tsv c.h5
    [ "$(sed -n 3p c.tsv | cut -f 1,2)" = "$(printf '2\t')" ]
    run ! h5dump -d /videos/c/pts p.h5
}

@test "a prediction that is not finite: status 3, the largest feature, nothing is written" {
    changed fc1.bias 0 3e38
    h5edit odd.h5 poke /tensors/fc2.weight 0 3e38
    make_features --video l --dim 6 --frames 5 l.h5
    h5edit l.h5 poke /features 0 3e38
    for f in a l; do
        run -3 --separate-stderr va-predict -m odd.h5 -o p.h5 --text-dir text $f.h5
        [[ $stderr == "va-predict: $f.h5: frame 1: valence is not finite; the largest feature is "*": make features with the model's encoder, or train the model again" ]] ||
            explain "$stderr"
    done
    [[ $stderr == *" is 3e+38: "* ]]
    [ ! -e p.h5 ]
    [ ! -e text ]
}

@test "models and features that do not fit, NaN, twice the same video: status 3" {
    make_features --video v --dim 5 v.h5
    run -3 --separate-stderr va-predict -m m1.h5 -o p.h5 v.h5
    [ "$stderr" = "va-predict: m1.h5: expects 6 features per frame, but the input has 5" ]
    make_features --video v --dim 6 --nan v.h5
    run -3 --separate-stderr va-predict -m m1.h5 -o p.h5 v.h5
    [[ $stderr == "va-predict: v.h5: "* ]]
    run -3 --separate-stderr va-predict -m m1.h5 -o p.h5 a.h5 a.h5
    changed fc1.bias 0 nan
    run -3 --separate-stderr va-predict -m odd.h5 -o p.h5 a.h5
    cp m1.h5 odd.h5 && h5edit odd.h5 delete /tensors/mamba.0.D
    h5edit odd.h5 delete @order
    run -3 --separate-stderr va-predict -m odd.h5 -o p.h5 a.h5
    [[ $stderr == "va-predict: odd.h5: "*mamba.0.D* ]]
    [ ! -e p.h5 ]
}

@test "a name that is no file name does not leave --text-dir" {
    make_features --video good --dim 6 v.h5
    h5edit v.h5 string @video ../evil
    run -3 --separate-stderr va-predict -m m1.h5 -o p.h5 --text-dir text v.h5
    [ ! -e evil.txt ]
}

@test "contradictions in the command line: status 2" {
    for mistake in "a.h5 --windows w.h5" "a.h5 --list a.txt" "--windows w.h5 --missing zero" \
        "a.h5 --window 30" "a.h5 --mode overlap --window 30 --stride 31" \
        "a.h5 --mode chunk --stride 3" ""; do
        # shellcheck disable=SC2086
        run -2 --separate-stderr va-predict -m m1.h5 -o p.h5 $mistake
        [ "$(wc -l <<<"$stderr")" -eq 1 ]
    done
    run -2 va-predict -m m1.h5 a.h5
    run -2 va-predict -o p.h5 a.h5
    run -4 --separate-stderr va-predict --device cuda -m m1.h5 -o p.h5 a.h5
}
